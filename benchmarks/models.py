"""Runs everything that docs/benchmarks/models.md says of models, and writes that page from what came out.

    python benchmarks/models.py ../shared/data                      everything, the page anew
    python benchmarks/models.py ../shared/data iowa_2013 times       these sections alone, put in their place
    python benchmarks/models.py ../shared/data broward --runs DIR    an evaluation in DIR/broward is taken, if it is
                                                                     of the same spec; one that is made is kept there

The machine is slow and shared, so that sections are renewed one at a time; each names its commit and its command.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import models_iowa
import models_psa
from evaluate_examples import EXAMPLES, ROOT, example, told

from desist.records.hashing import hash_bytes

PAGE = ROOT / "docs" / "benchmarks" / "models.md"
REMARKS = ROOT / "benchmarks" / "models_remarks.md"  # what a person says of the figures; checked by hand against them
HEADER = """# What the models reach

Every figure in a table comes from a run of the command that stands above it; only *Read with it* is written by a
person. All of it: `python benchmarks/models.py ../shared/data`; one section: the same with its name.
An interval is 95 %, from drawing people again. A loss above 0 is ours. Race and sex are never features. For the public
tables in `docs/benchmarks/evaluate.md` that stand here too, this page is the newer one.
"""
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
HASHES = "tests/models/test_files.py::test_two_fresh_environments_give_every_model_the_same_hash_and_scores"

Run = tuple[dict[str, Any], float, str]  # metrics, seconds, commit


def evaluated(name: str, data: Path, runs: Path) -> Run:
    """An example's metrics, as a user would make them; one kept in ``runs`` is taken if its spec is the same."""
    spec, out, at = ROOT / "examples" / f"{name}.toml", runs / name, runs / f"{name}.commit"
    made = out / "manifest.json"
    if not (made.is_file() and _read(made)["spec"]["sha256"] == hash_bytes(spec.read_bytes())):
        at.write_text(commit(), encoding="utf-8")
        folder = data / {**EXAMPLES, "broward_psa": "broward_psa"}[name]
        command = [Path(sys.executable).with_name("desist"), "evaluate", str(spec), "--data", str(folder)]
        ran([*map(str, command), "--out", str(out)])
    return _read(out / "metrics.json"), _read(made)["seconds"], at.read_text(encoding="utf-8").strip()


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def commit() -> str:
    return told("git", "rev-parse", "--short", "HEAD")


def ran(command: list[str]) -> str:
    """What a command prints; one thread of arithmetic, because the figures and the speeds are of one."""
    done = subprocess.run(command, cwd=ROOT, env=os.environ | THREADS, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout


def script(name: str, *words: str) -> str:
    """A section that is another benchmark's own output, its headings two steps down."""
    printed = ran([sys.executable, f"benchmarks/{name}.py", *words])
    shown = " ".join(["python", f"benchmarks/{name}.py", *(word.replace(str(ROOT.parent), "..") for word in words)])
    return f"`{shown}` at commit {commit()}, one thread, beside other work.\n\n" + re.sub(r"(?m)^#", "###", printed)


def as_evaluated(name: str, data: Path, runs: Path) -> str:
    """The tables of an example, without its heading."""
    metrics, seconds, at = evaluated(name, data, runs)
    command = f"`desist evaluate examples/{name}.toml --data ../shared/data/{EXAMPLES[name]}`\n"
    text = example(name, metrics, seconds, f", at commit {at}").partition("\n\n")[2]
    return f"{command}\n{text}{readme_figures(name, data, metrics)}"


def readme_figures(name: str, data: Path, metrics: dict[str, Any]) -> str:
    """Our figures beside those that the data's README prints, on the same rows, folds and seeds."""
    if name not in ("broward", "broward_violent"):
        return ""
    readme = (data / "compas_broward" / "README.md").read_text(encoding="utf-8")
    tasks = {"filtered": 0, "before_april_2014": 1} if name == "broward" else {"filtered": 0}
    text = "\n### Beside the README's references\n\nAUC / Brier, ours and theirs, without an interval.\n\n"
    text += "| rows | model | ours | theirs |\n|---|---|---|---|\n"
    for task, place in tasks.items():
        theirs = _general(readme, place) if name == "broward" else _violent(readme)
        for model, told_there in theirs.items():
            ours = metrics["tasks"][task]["scores"][model]
            text += f"| {task} | {model} | {ours['auc']['value']:.4f} / {ours['brier']['value']:.4f} | {told_there} |\n"
    return text


def _general(readme: str, place: int) -> dict[str, str]:
    """The rows of the README's table by our names; ``place``: its first or second column of figures."""
    rows = {
        "spline_logistic": r"spline logistic \(.*?\)",
        "ebm": r"EBM, no interactions",
        "monotone_lightgbm": r"small monotone LightGBM.*?",
        "card_5": r"integer card, 5 items.*?",
        "card_10": r"integer card, 10 items",
        "spline_logistic_without_approved": r"spline logistic without age",
    }
    return {name: _found(rf"^\| {row} \| (.*?) \| (.*?) \|$", readme)[place] for name, row in rows.items()}


def _violent(readme: str) -> dict[str, str]:
    words = ("spline logistic", "EBM", "monotone", "card 5", "card 10", "without age")
    names = ("spline_logistic", "ebm", "monotone_lightgbm", "card_5", "card_10", "spline_logistic_without_approved")
    line = _found(r"^(Violent file.*)$", readme)[0]
    return {name: _found(rf"{word} (\.\d+ / \.\d+)", line)[0] for name, word in zip(names, words, strict=True)}


def _found(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text, flags=re.MULTILINE)
    if match is None:
        raise SystemExit(f"the README no longer says {pattern}")
    return tuple(match.groups())


def psa(data: Path, runs: Path) -> str:
    metrics, seconds, at = evaluated("broward_psa", data, runs)
    command = "`desist evaluate examples/broward_psa.toml --data ../shared/data/broward_psa`"
    said = f"{command}, {seconds:.0f} s, at commit {at}. The rivals' scores are joined by `benchmarks/models_psa.py`.\n"
    return f"{said}\n{models_psa.tables(runs / 'broward_psa' / 'scores.parquet', metrics, data / 'broward_psa')}"


def iowa_2013(data: Path, runs: Path) -> str:
    return models_iowa.section(ROOT / "examples" / "iowa.toml", data / EXAMPLES["iowa"], commit())


def same_hash(data: Path, runs: Path) -> str:
    """The test that fits every model in two fresh environments, run here."""
    last = ran([sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", HASHES]).strip().splitlines()[-1]
    return f"`python -m pytest {HASHES}` at commit {commit()}\n\n{last.strip('= ')}\n"


SECTIONS: dict[str, tuple[str, Callable[[Path, Path], str]]] = {
    "broward": ("Broward, charged again within two years", lambda data, runs: as_evaluated("broward", data, runs)),
    "broward_violent": (
        "Broward, a violent charge within two years",
        lambda data, runs: as_evaluated("broward_violent", data, runs),
    ),
    "broward_psa": ("Broward, twelve outcomes beside PSA and COMPAS", psa),
    "iowa": ("Iowa, fitted on 2010-2013, judged on 2014-2015", lambda data, runs: as_evaluated("iowa", data, runs)),
    "iowa_2013": ("Iowa, repaired on 2013", iowa_2013),
    "survival": ("Time to return: rossi and recid", lambda data, runs: script("survival", str(data))),
    "partnership": (
        "The made-up partnership: calibration in the large of the audited file",
        lambda data, runs: script("models_partnership"),
    ),
    "coverage": (
        "Is the truth of E[Y | score] covered?",
        lambda data, runs: script("range_coverage", "--worlds", "100", "--people", "2100"),
    ),
    "coverage_partnership": (
        "Is it covered in the made-up partnership?",
        lambda data, runs: script("range_coverage_partnership", "--people", "8000", "--worlds", "40"),
    ),
    "times": ("How long models, estimates and reasons take", lambda data, runs: script("model_times")),
    "scale": ("Our trees beside LightGBM called plainly", lambda data, runs: script("boosting_scale")),
    "card_speed": ("The card on 20,000 x 60", lambda data, runs: script("card_speed")),
    "same_hash": ("The same hash from two fresh environments", same_hash),
}


def renew(name: str, text: str) -> None:
    """Put a section on the page, in place of the one it has, else in the order of SECTIONS."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEADER
    held = {part.partition(":")[0]: part for part in page.split("\n## ")[1:] if part.partition(":")[0] in SECTIONS}
    held[name] = f"{name}: {SECTIONS[name][0]}\n\n{text.strip()}\n"
    write([held[one] for one in SECTIONS if one in held])


def write(sections: list[str]) -> None:
    remarks = REMARKS.read_text(encoding="utf-8").strip() if REMARKS.exists() else ""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(f"{HEADER}\n{remarks}\n" + "".join(f"\n## {part.strip()}\n" for part in sections), encoding="utf-8")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    asked.add_argument("sections", nargs="*", metavar="SECTION")
    asked.add_argument("--runs", type=Path, help="where evaluations are kept and taken from")
    given = asked.parse_args()
    unknown = sorted(set(given.sections) - set(SECTIONS) - {"remarks"})
    if unknown:
        raise SystemExit(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}, and remarks")
    if not given.sections:
        PAGE.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        runs = (given.runs or Path(folder)).resolve()
        runs.mkdir(parents=True, exist_ok=True)
        for name in given.sections or SECTIONS:
            if name == "remarks":
                kept = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
                write([part for part in kept if part.partition(":")[0] in SECTIONS])
                continue
            renew(name, SECTIONS[name][1](given.data.resolve(), runs))
            print(f"{name}: written", flush=True)


if __name__ == "__main__":
    main()
