"""Prove guards by removing them: python benchmarks/guards.py [WORD ...]

Each guard is taken out of a copy of the project (the checkout itself is never changed), the tests that should notice
are run there, and a row says whether one failed. A guard whose removal nobody notices ends the script with 1.
With words, only guards of files whose path holds them all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Guard:
    """What is guarded, the text that guards it, what stands there without it, and the tests that should notice."""

    words: str
    file: str
    text: str
    without: str
    tests: str


GUARDS = (
    Guard(
        "a protected characteristic renamed into a feature is refused by what it reads",
        "features/register.py",
        "for reason in refused_lineage(feature.definition):\n                found.append(",
        "for reason in []:\n                found.append(",
        "tests/features/test_register.py",
    ),
    Guard(
        "what was recorded on the as-of date is not known on it",
        "features/engines/facts.py",
        "return recorded_on < as_of",
        "return recorded_on <= as_of",
        "tests/features/test_no_leak.py",
    ),
    Guard(
        "a window ends before the as-of date",
        "features/engines/facts.py",
        "self.as_of - window.days, self.as_of - window.until",
        "self.as_of - window.days, self.as_of - window.until + 30",
        "tests/features/test_engines.py",
    ),
    Guard(
        "the compiled pass looks no further back than the window",
        "features/engines/measuring.py",
        "if bits[at] & word == 0 or age <= until or age > days:",
        "if bits[at] & word == 0 or age <= until or age > days + 1:",
        "tests/features/test_engines.py",
    ),
    Guard(
        "the compiled pass ends every window on its exact day",
        "features/engines/compiled.py",
        "np.searchsorted(bounds, np.arange(longest + 1))",
        'np.searchsorted(bounds, np.arange(longest + 1), side="right")',
        "tests/features/test_engines.py",
    ),
    Guard(
        "the compiled pass takes what was recorded or learnt on the as-of date as not known",
        "features/engines/measuring.py",
        "if known[moment, event] < as_of:",
        "if known[moment, event] <= as_of:",
        "tests/features/test_engines.py",
    ),
    Guard(
        "the compiled pass waits for what is learnt later",
        "features/engines/measuring.py",
        "if known[moment, event] < as_of:\n                seen |= known_bits[moment]\n        seen &= mask[event]",
        "if True:\n                seen |= known_bits[moment]\n        seen &= mask[event]",
        "tests/features/test_engines.py",
    ),
    Guard(
        "no event that a row can look at is lost before it is laid out",
        "features/engines/kernels.py",
        "earliest <= occurred[event] < latest",
        "earliest < occurred[event] < latest",
        "tests/features/test_engines.py",
    ),
    Guard(
        "a date that does not fit is refused, not wrapped",
        "features/engines/laid.py",
        "    if not fits(days):",
        "    if False:",
        "tests/features/test_engines.py",
    ),
    Guard(
        "more texts than one byte numbers are not wrapped into it",
        "features/engines/laid.py",
        "numbers.astype(np.uint8 if most <= ONE_BYTE else np.int32)",
        "numbers.astype(np.uint8)",
        "tests/features/test_engines.py",
    ),
    Guard(
        "a release is checked again when it is read",
        "fairness/approval/release.py",
        "    if causes:\n        raise withhold(causes)\n    return _made(",
        "    return _made(",
        "tests/fairness",
    ),
    Guard(
        "scoring opens the gate and not a file",
        "pipelines/gate.py",
        "        _raise_if_any([*causes, *_found_causes(session, found)])\n",
        "",
        "tests/journeys/test_gate.py",
    ),
    Guard(
        "a release can be made by the gate alone, so a reader cannot skip it",
        "fairness/approval/release.py",
        "        if token is not _MADE_HERE:\n",
        "        if False:\n",
        "tests/fairness",
    ),
    Guard(
        "a list is shown only as it was made",
        "pipelines/lists.py",
        "    if faults:\n",
        "    if False:\n",
        "tests/journeys/test_gate_noted.py",
    ),
    Guard(
        "nobody is lost between cohort and list",
        "pipelines/ground.py",
        "Built(build_profiles(ground.events, cohort.members, ground.register), cohort, as_of)",
        "Built(build_profiles(ground.events, cohort.members.iloc[1:], ground.register), cohort, as_of)",
        "tests/journeys/test_gate.py",
    ),
    Guard(
        "nobody is lost when outcomes and groups are joined to scores",
        "fairness/groups.py",
        'table = scored.merge(labels, on=ROW, how="left"',
        'table = scored.iloc[1:].merge(labels, on=ROW, how="left"',
        "tests/fairness",
    ),
    Guard(
        "too few people are never within the limit",
        "fairness/statistics/verdicts.py",
        "    if not enough or gap_low is None or gap_high is None:\n        return CANNOT_BE_ASSESSED\n",
        "    return MEETS\n",
        "tests/fairness",
    ),
    Guard(
        "a label that is not mature is missing",
        "features/outcomes/follow_up.py",
        "immature = as_of + definition.days_to_mature > known_by.toordinal()",
        "immature = as_of < 0",
        "tests/features/test_outcomes.py",
    ),
    Guard(
        "people under 18 are on no list",
        "features/cohort.py",
        "        if not adult[person]:",
        "        if False and not adult[person]:",
        "tests/features/test_cohort.py",
    ),
    Guard(
        "victims are never taken in",
        "intake/rows/checks.py",
        'pa.array(["victim", "witness"])',
        'pa.array(["nobody"])',
        "tests/intake",
    ),
    Guard(
        "unknown scores no worse than the worst known value in explainable boosting",
        "models/estimators/ebm.py",
        "missing = min(missing, float(scores.max()))",
        "pass",
        "tests/models/test_ebm.py",
    ),
    Guard(
        "unknown scores no worse than the worst known value in boosted trees",
        "models/estimators/boosting.py",
        "np.negative(values, out=values)",
        "pass",
        "tests/models/test_signs.py",
    ),
    Guard(
        "nobody says when to stop learning from themselves in explainable boosting",
        "models/estimators/ebm.py",
        "np.unique(people, return_inverse=True)[1]",
        "np.arange(len(outcome))",
        "tests/models/test_ebm.py",
    ),
    Guard(
        "nobody says how many trees there should be who taught them",
        "models/estimators/boosting.py",
        "yield before != fold, judge",
        "yield before >= 0, judge",
        "tests/models/test_boosting.py",
    ),
    Guard(
        "a model is fitted on one thread, so that its hash hangs on no machine",
        "models/estimators/base.py",
        "with one_thread():",
        "if True:",
        "tests/models/test_base.py",
    ),
)


def passes(tests: str, copy: Path) -> bool:
    """Whether some tests pass in the copy as it stands now."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests]
    env = {**os.environ, "PYTHONPATH": str(copy / ".dev")}
    return subprocess.run(command, cwd=copy, env=env, capture_output=True, check=False).returncode == 0


def noticed(guard: Guard, copy: Path) -> bool | None:
    """Whether a test fails without the guard; None where the guard's text is not where it should be."""
    path = copy / guard.file
    whole = path.read_text(encoding="utf-8")
    if guard.text not in whole:
        return None
    path.write_text(whole.replace(guard.text, guard.without), encoding="utf-8")
    try:
        return not passes(guard.tests, copy)
    finally:
        path.write_text(whole, encoding="utf-8")


def main(known: Sequence[Guard] = GUARDS) -> int:
    """Print a row per guard; 1 if one's removal went unnoticed, or if tests fail with every guard in place."""
    words = {True: "a test fails", False: "NOBODY NOTICED", None: "NOT FOUND IN THE CODE"}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "desist"
        left_out = shutil.ignore_patterns(".git", ".venv", "desist-demo*", ".hypothesis")
        shutil.copytree(ROOT, copy, symlinks=True, ignore=left_out)
        guards = [guard for guard in known if all(word in guard.file for word in sys.argv[1:])]
        red = [tests for tests in dict.fromkeys(guard.tests for guard in guards) if not passes(tests, copy)]
        if red:
            print(f"With every guard in place these fail already: {', '.join(red)}. Nothing can be proved.")
            return 1
        print("| guard | without it |\n|---|---|", flush=True)
        results = []
        for guard in guards:
            results.append(noticed(guard, copy))
            print(f"| {guard.words} (`{guard.file}`) | {words[results[-1]]} |", flush=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
