"""How fast the audit's bootstrap is, against a plain loop over groups and against fairlearn's own.

python benchmarks/audit_speed.py [--rounds 3] [--out docs/benchmarks/audit_speed.md]

CPU seconds of one process (user and system), one thread, compiled code loaded before. desist runs all 1,000 replicates;
the rivals run a few, because each replicate costs them the same, and what they took is told for 1,000. Everything runs
once a round, so that a machine that slows down slows all. About 5 minutes on 2 idle cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from rivals import group_loop
from threadpoolctl import threadpool_limits

from desist.fairness.audit import audit
from desist.fairness.policy import DEFAULT_POLICY_TOML, parse_policy
from desist.fairness.statistics.bootstrap import METRICS, people_bootstrap
from desist.fairness.statistics.sample import Sample
from desist.fairness.statistics.worst_off import worst_off
from desist.features.tables import Outcomes, Scores

ROWS, PEOPLE, REPLICATES, CUT_OFF, SEED = 200_000, 150_000, 1000, 0.4, 1
GROUPS = (6, 60, 1200)
#: Replicates that a rival runs, by number of groups; inside groups only, and inside and outside.
FEW = {6: (5, 2), 60: (3, 1), 1200: (1, 0)}
CHARACTERISTICS = {"ethnicity": 6, "sex": 2, "age_band": 7, "sex_x_ethnicity": 12, "disability": 3}

Floats = np.ndarray


def made_up(ties: bool = False) -> tuple[Floats, Floats, Floats]:
    """Outcomes, calibrated scores and people; a quarter of the rows are somebody's second or third."""
    random = np.random.default_rng(0)
    score = np.round(1 / (1 + np.exp(-random.normal(-1, 1, ROWS))), 6)
    y = (random.random(ROWS) < score).astype(float)
    people = np.r_[np.arange(PEOPLE), random.integers(0, PEOPLE, ROWS - PEOPLE)]
    return y, np.round(score * 60) / 60 if ties else score, random.permutation(people)


def codes_of(groups: int) -> Floats:
    return np.random.default_rng(groups).integers(groups, size=ROWS)


def cpu(job: Callable[[], object]) -> float:
    """CPU seconds of this process while the job ran."""
    start = time.process_time()
    job()
    return time.process_time() - start


def ours(groups: int, metrics: tuple[str, ...], ties: bool = False) -> float:
    y, score, people = made_up(ties)
    return cpu(
        lambda: people_bootstrap(
            y, score, people, codes_of(groups), groups, cut_off=CUT_OFF, replicates=REPLICATES, seed=SEED,
            metrics=metrics,
        )
    )  # fmt: skip


def loop(groups: int, few: int, outside: bool) -> float:
    """CPU seconds of the plain loop for 1,000 replicates, from a few."""
    y, score, people = made_up()
    took = cpu(
        lambda: group_loop.bootstrap(
            y, score, people, codes_of(groups), groups, cut_off=CUT_OFF, replicates=few, seed=SEED, outside=outside
        )
    )
    return took / few * REPLICATES


def fairlearn(groups: int, avoidable: bool) -> float:
    """CPU seconds of fairlearn's bootstrap for 1,000 replicates: the third and second replicate, times 500."""
    y, score, _ = made_up()

    def run(number: int) -> object:
        return group_loop.fairlearns(y, score, codes_of(groups), cut_off=CUT_OFF, replicates=number, seed=SEED)

    def both() -> float:
        return cpu(lambda: run(3)) - cpu(lambda: run(1))

    if avoidable:
        return both() / 2 * REPLICATES
    with group_loop.without_the_avoidable_call():
        return both() / 2 * REPLICATES


def whole_audit() -> dict[str, float]:
    """CPU and wall seconds of an audit of five characteristics by the draft policy, and of the search."""
    y, score, people = made_up()
    random = np.random.default_rng(3)
    names = np.char.add("P", people.astype(str))
    dates = pd.Timestamp("2023-01-01") + pd.to_timedelta(pd.Series(people).groupby(people).cumcount() * 91, unit="D")
    rows = pd.DataFrame({"person_id": names, "as_of": dates})
    groups = rows.assign(
        **{
            name: np.char.add(f"{name} ", random.integers(n, size=ROWS).astype(str))
            for name, n in CHARACTERISTICS.items()
        }
    )
    outcomes = Outcomes(rows.assign(proven=y, why_missing=""), ("proven",), {"proven": "made up"})
    policy = parse_policy(DEFAULT_POLICY_TOML)
    scores = Scores(rows.assign(score=score), "made up")
    wall, started = time.perf_counter(), time.process_time()
    found = audit(scores, outcomes, "proven", groups, policy, seed=SEED, replicates=REPLICATES)
    told = {"audit": time.process_time() - started, "audit_wall": time.perf_counter() - wall}
    told["findings"] = float(len(found.findings))
    sample = Sample(y, score, people, CUT_OFF)
    told["search"] = cpu(
        lambda: worst_off(sample, groups[list(CHARACTERISTICS)], minimum=100, replicates=REPLICATES, seed=SEED)
    )
    return told


def first_use() -> float:
    """CPU seconds of a process that compiles everything: numba's folder is empty."""
    code = (
        "import time, numpy as np\n"
        "from desist.fairness.statistics.bootstrap import people_bootstrap\n"
        "start = time.process_time(); n = np.arange(4)\n"
        "people_bootstrap(n % 2 * 1.0, n / 5, n, n * 0, 1, cut_off=.4, replicates=2, seed=1)\n"
        "print(time.process_time() - start)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def told(values: list[float], digits: int = 1) -> str:
    """The median, with the least and the most."""
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def ratios(rival: list[float], own: list[float]) -> list[float]:
    return [one / other for one, other in zip(rival, own, strict=True)]


def measure(rounds: int) -> dict[tuple[str, int], list[float]]:
    """CPU seconds for 1,000 replicates, by what ran and number of groups, a value a round."""
    found: dict[tuple[str, int], list[float]] = {}

    def keep(what: str, groups: int, seconds: float) -> None:
        found.setdefault((what, groups), []).append(seconds)
        print(what, groups, round(seconds, 2), file=sys.stderr, flush=True)

    for _ in range(rounds):
        for groups in GROUPS:
            keep("eight", groups, ours(groups, group_loop.METRICS))
            keep("all", groups, ours(groups, METRICS))
            keep("ties", groups, ours(groups, group_loop.METRICS, ties=True))
            keep("loop inside", groups, loop(groups, FEW[groups][0], outside=False))
            if FEW[groups][1]:
                keep("loop", groups, loop(groups, FEW[groups][1], outside=True))
        keep("fairlearn", 6, fairlearn(6, avoidable=True))
        keep("fairlearn without", 6, fairlearn(6, avoidable=False))
    return found


def page(found: dict[tuple[str, int], list[float]], whole: dict[str, float], first: float, rounds: int) -> str:
    """What was measured, as Markdown."""

    def reached(yes: bool) -> str:
        return "**yes**" if yes else "**not reached**"

    def ratio(what: str, groups: int) -> str:
        values = found.get((what, groups))
        return told(ratios(values, found["eight", groups]), 0) if values else "not run"

    most = max(statistics.median(found["eight", groups]) for groups in GROUPS)
    at = {groups: statistics.median(ratios(found["loop inside", groups], found["eight", groups])) for groups in GROUPS}
    lines = [
        "# How fast the audit's bootstrap is",
        "",
        f"`python benchmarks/audit_speed.py --rounds {rounds}`: {ROWS:,} made-up rows of {PEOPLE:,} people, eight "
        f"metrics ({', '.join(group_loop.METRICS)}), {REPLICATES:,} replicates. CPU seconds of one process on one "
        "thread: median of the rounds, with the least and the most in brackets. The machine has 2 cores and was busy "
        "with test suites at the same time, so seconds are too high by some tens of per cent; ratios are between runs "
        f"of one round. Python {platform.python_version()}, numpy {np.__version__}.",
        "",
        "| asked | reached |",
        "|---|---|",
        f"| at most 4 CPU s for 6, 60 or 1,200 groups | {reached(most <= 4)}: at most {most:.1f} s |",
        f"| 14 × less CPU than a plain loop at 6 groups | {reached(at[6] >= 14)}: {ratio('loop inside', 6)} × |",
        f"| 37 × less at 60 groups | {reached(at[60] >= 37)}: {ratio('loop inside', 60)} × |",
        f"| a full audit of 200,000 rows in at most 60 s | {reached(whole['audit_wall'] <= 60)}: "
        f"{whole['audit_wall']:.0f} s by the clock on the busy machine, {whole['audit']:.0f} CPU s |",
        "",
        "| groups | desist, 8 metrics, CPU s | 60 different scores | all 10 metrics | plain loop, inside groups, CPU s "
        "| × desist | plain loop, inside and outside, CPU s | × desist |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for groups in GROUPS:
        outside = found.get(("loop", groups))
        lines.append(
            f"| {groups:,} | {told(found['eight', groups])} | {told(found['ties', groups])} | "
            f"{told(found['all', groups])} | {told(found['loop inside', groups], 0)} | {ratio('loop inside', groups)} "
            f"| {told(outside, 0) if outside else 'not run'} | {ratio('loop', groups)} |"
        )
    return "\n".join([*lines, *notes(found, whole, first)])


def notes(found: dict[tuple[str, int], list[float]], whole: dict[str, float], first: float) -> list[str]:
    """What stands below the table."""
    with_call, without, own = found["fairlearn", 6], found["fairlearn without", 6], found["eight", 6]
    spared = statistics.median(1 - after / before for before, after in zip(with_call, without, strict=True))
    return [
        "",
        "desist follows every group, everybody outside it and everybody together. The plain loop "
        "(`benchmarks/rivals/group_loop.py`, versions in `benchmarks/rivals/audit_requirements.txt`) draws people too "
        "and is timed twice: inside groups only, which is less than desist does, and inside and outside. It ran "
        f"{', '.join(f'{few[0]} (and {few[1]})' for few in FEW.values())} replicates at "
        f"{', '.join(f'{groups:,}' for groups in GROUPS)} groups; the seconds are for 1,000. A test holds desist and "
        "the loop together on the same draws. All 10 metrics: with the AUC across groups and the calibration slope.",
        "",
        "**fairlearn's own bootstrap** (`MetricFrame(n_boot=...)`), the same eight metrics, 6 groups, inside groups "
        f"only and rows drawn instead of people: {told(with_call, 0)} CPU s for 1,000 replicates, "
        f"{told(ratios(with_call, own), 0)} × desist. {100 * spared:.0f} % of that is one call that could be avoided: "
        "before each metric of each group it runs `np.stack` over the column, value by value. Without it, and with the "
        f"same results, it takes {told(without, 0)} CPU s, {told(ratios(without, own), 0)} × desist. What "
        "says something about the method is the plain loop.",
        "",
        f"**A full audit** of {len(CHARACTERISTICS)} characteristics ({', '.join(CHARACTERISTICS)}) by the draft "
        f"policy, {whole['findings']:.0f} findings, {REPLICATES:,} replicates: {whole['audit_wall']:.0f} s, "
        f"{whole['audit']:.0f} CPU s. The search for combinations to look at (6 pairs of characteristics): "
        f"{whole['search']:.0f} CPU s.",
        "",
        f"**First use** on a machine compiles the steps and keeps them on disk: {first:.0f} CPU s, once.",
        "",
    ]


def main() -> None:
    """Measure, print the page, and write it where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    threadpool_limits(1)
    first = first_use()
    few = np.arange(8)
    people_bootstrap(few % 2 * 1.0, few / 9, few, few * 0, 1, cut_off=CUT_OFF, replicates=2, seed=SEED)
    text = page(measure(options.rounds), whole_audit(), first, options.rounds)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
