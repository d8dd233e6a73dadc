"""Time and peak memory of `desist map` and `desist intake` on a large workbook and a large CSV of made-up people.

    python benchmarks/mapping_speed.py --rows-xlsx 200000 --rows-csv 1000000

Prints a table; docs/benchmarks/mapping.md keeps one. Each command is a process of its own.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HEAD = ("CRN", "Status", "LAO Flag", "Last Updated", "Surname", "First Name", "D.O.B.", "Post Code", "Gender", "Team")
TABLES = ("identity", "prob_person")
AGREEMENTS = ROOT / "examples" / "agencies" / "agreements"
MOST = 26 * 10**6


def people(rows: int) -> Iterator[list[Any]]:
    """One made-up person a row; nobody has such a name."""
    born, seen = dt.date(1950, 1, 1), dt.date(2026, 9, 1)
    for number in range(rows):
        letter, serial = divmod(number, 10**6)
        yield [
            f"{chr(65 + letter)}{serial:06d}", ("Community Order", "On Licence", "SSO")[number % 3],
            "Y" if number % 50 == 0 else "N", seen + dt.timedelta(number % 28), f"Zz{number:x}", f"Qq{number % 997:x}",
            born + dt.timedelta(number * 7 % 20_000), f"ZZ{number % 90 + 10} {number % 9}ZZ", "MF"[number % 2], "North",
        ]  # fmt: skip


def write_csv(path: Path, rows: int) -> None:
    """The people as CSV, days first."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEAD)
        for row in people(rows):
            out.writerow([f"{cell:%d/%m/%Y}" if isinstance(cell, dt.date) else cell for cell in row])


def write_xlsx(path: Path, rows: int) -> None:
    """The people as a workbook, with Excel's own dates."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("Data")
    page.append(HEAD)
    for row in people(rows):
        page.append(row)
    book.save(path)


def run(*words: object) -> tuple[float, float, float]:
    """Seconds of the clock, CPU seconds and peak GB of one command; raises where it fails."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as told:
        command = [sys.executable, "-c", "from desist.pipelines.cli import run; run()", *map(str, words)]
        made = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told)
        _, status, used = os.wait4(made.pid, 0)
        if status:
            told.seek(0)
            raise SystemExit(f"desist {words[0]} failed: {told.read().decode()}")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


def measure(folder: Path, name: str, rows: int) -> None:
    """Make a file and a workspace, run both commands, print a line for each."""
    workspace, delivery = folder / f"w-{name}", folder / f"d-{name}"
    delivery.mkdir()
    path = delivery / f"people.{name}"
    {"csv": write_csv, "xlsx": write_xlsx}[name](path, rows)
    run("init", workspace, "--agreements", AGREEMENTS)
    settings = workspace / "partnership.toml"
    text = settings.read_text(encoding="utf-8").replace("\nmade_up = false", "\nmade_up = true")
    settings.write_text(text.replace("\n[run]\n", "\n[run]\ntoday = 2026-10-01\n"), encoding="utf-8")
    entries = "".join(
        f'[[file]]\ntable = "{table}"\npath = "{path.name}"\nagreement = "PROB-EXAMPLE"\nmapping = "people"\n'
        for table in TABLES
    )
    head = 'source = "probation"\nextract_date = 2026-09-30\nmade_up = true\n'
    (delivery / "delivery.toml").write_text(head + entries, encoding="utf-8")
    asked = [word for table in TABLES for word in ("--as", table)]
    size = path.stat().st_size / 2**20
    for command, words in (("map", [path, *asked, "--name", "people"]), ("intake", [delivery])):
        seconds, busy, memory = run(command, *words, "-W", workspace)
        told = f"{rows:,} | {size:,.0f} | {seconds:,.0f} | {busy:,.0f} | {memory:.1f}"
        print(f"| {command} | {name} | {told} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows-xlsx", type=int, default=200_000)
    parser.add_argument("--rows-csv", type=int, default=1_000_000)
    asked = parser.parse_args()
    print("| command | file | rows | MB | seconds | CPU seconds | peak GB |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in (("xlsx", asked.rows_xlsx), ("csv", asked.rows_csv)):
            if rows:
                measure(Path(folder), name, min(rows, MOST))


if __name__ == "__main__":
    main()
