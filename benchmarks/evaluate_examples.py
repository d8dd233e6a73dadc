"""Runs every example spec on the real data and writes docs/benchmarks/evaluate.md from what came out.

python benchmarks/evaluate_examples.py ../shared/data            all of them: the page is written anew
python benchmarks/evaluate_examples.py ../shared/data complaints  these alone: their sections are put in its place
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks" / "evaluate.md"
EXAMPLES = {
    "broward": "compas_broward",
    "broward_violent": "compas_broward",
    "iowa": "iowa_prison_recidivism",
    "recid": "wooldridge_crime",
    "crime1": "wooldridge_crime",
    "rossi": "rossi",
    "complaints": "complaint_events",
}
METRICS = ("auc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "ece")
HEADER = """# Figures of the second door on public tables

Made by `python benchmarks/evaluate_examples.py ../shared/data` at commit {commit}, {machine}.
The same figures come from `desist evaluate examples/NAME.toml --data ../shared/data/FOLDER`, one example at a time.
An interval is 95 %, from {replicates} resamplings of people. A loss above 0 is ours.

{remarks}
"""
REMARKS = ROOT / "benchmarks" / "evaluate_remarks.md"  # what a person says of the figures; checked by hand


def main(data: Path) -> None:
    runs = {name: run(name, data / folder) for name, folder in EXAMPLES.items()}
    first = next(iter(runs.values()))[0]
    text = HEADER.format(
        commit=told("git", "rev-parse", "--short", "HEAD"),
        machine=f"Python {platform.python_version()}, {os.cpu_count()} cores",
        replicates=first["replicates"],
        remarks=REMARKS.read_text(encoding="utf-8").strip(),
    )
    for name, (metrics, seconds) in runs.items():
        text += example(name, metrics, seconds)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE}")


def renew(name: str, text: str) -> None:
    """Put one example's section on the page, in place of the one it has or after the others."""
    page = PAGE.read_text(encoding="utf-8")
    start = page.find(f"\n## {name}: ")
    if start < 0:
        start = len(page)
    end = page.find("\n## ", start + 1)
    PAGE.write_text(page[:start] + text + (page[end:] if end > 0 else ""), encoding="utf-8")


def example(name: str, metrics: dict[str, Any], seconds: float, at: str = "") -> str:
    """The section of one example; ``at`` names the commit where it is not the page's."""
    text = f"\n## {name}: {metrics['title']}\n\n`{name}.toml`, {seconds:.0f} s of wall clock in all{at}.\n"
    text += "".join(f"\n* {line}." for line in metrics.get("events", {}).get("notes", []))
    text += "\n" if "events" in metrics else ""
    return text + "".join(section(task, found) for task, found in metrics["tasks"].items())


def told(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def run(name: str, data: Path) -> tuple[dict[str, Any], float]:
    """The metrics of one example and how long it took, as a user would run it."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [Path(sys.executable).with_name("desist"), "evaluate", f"examples/{name}.toml", "--data", str(data)]
        subprocess.run([*command, "--out", str(out)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return json.loads((out / "metrics.json").read_text(encoding="utf-8")), time.monotonic() - started


def section(task: str, found: dict[str, Any]) -> str:
    """One task as Markdown."""
    text = f"\n### {task}\n\n{found['definition'].capitalize()}: {found['events']:,} of {found['rows']:,} rows "
    text += f"({found['base_rate']:.1%})"
    text += f", judged on {found['rows_judged']:,}. " if found["rows_judged"] < found["rows"] else ". "
    text += f"{found['protocol'].capitalize()}.\n\n"
    text += "| scores | AUC | Brier | log-loss | slope | intercept | ECE |\n|---|---|---|---|---|---|---|\n"
    for name, numbers in found["scores"].items():
        text += f"| {name} | " + " | ".join(cell(numbers.get(metric), metric) for metric in METRICS) + " |\n"
    if found["against_stored_scores"]:
        text += "\n| against stored scores | figure | ours | stored | loss (95 %) | limit of the upper end | |\n"
        text += "|---|---|---|---|---|---|---|\n"
        for part in found["against_stored_scores"]:
            loss = part["loss"]
            text += f"| {part['model']} | {part['metric']} | {part['ours']:.4f} | {part['stored']:.4f} | "
            text += f"{loss['value']:+.5f} ({loss['low']:+.5f} to {loss['high']:+.5f}) | "
            text += f"{part['limit_of_upper_end']:g} | {'within' if part['holds'] else '**not within**'} |\n"
    if found["differences"]:
        text += "\n| difference on the same people | AUC (95 %) |\n|---|---|\n"
        for part in found["differences"]:
            auc = part["auc"]
            text += f"| {part['model']} less {part['less']} | {auc['value']:+.4f} "
            text += f"({auc['low']:+.4f} to {auc['high']:+.4f}) |\n"
    for note in found["notes"]:
        text += f"\n* {note}"
    return text + ("\n" if found["notes"] else "")


def cell(number: dict[str, float | None] | None, metric: str) -> str:
    if number is None:
        return ""
    if number["value"] is None:
        return "not defined"
    digits = {"auc": 4, "brier": 4, "log_loss": 4}.get(metric, 3)
    return f"{number['value']:.{digits}f} ({number['low']:.{digits - 1}f} to {number['high']:.{digits - 1}f})"


if __name__ == "__main__":
    folder, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    for one in names:
        at = f", at commit {told('git', 'rev-parse', '--short', 'HEAD')}"
        renew(one, example(one, *run(one, folder / EXAMPLES[one]), at))
    if not names:
        main(folder)
