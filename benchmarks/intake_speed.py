"""How long intake takes against a plain read and rewrite: python benchmarks/intake_speed.py FOLDER --people 100000

Of the made-up deliveries of benchmarks/intake_data.py, 40 rows a person, Parquet with text keys. Each round runs, in
processes of their own, one after another so that a busy machine slows all alike:

    rewrite    DuckDB reads every file and writes it again as Parquet, same compression, two threads: no check at all
    intake     desist reads, hashes, checks and stores the same files (read_extracts), two threads
    by person  every stored row again, its hash checked, under the person's id in place of the agency's number

Asked: intake and by person together within 4 times the rewrite, and at most 6 GB.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

STAGES = ("rewrite", "intake", "by person")


@dataclass(frozen=True)
class Measured:
    """One stage of one round: wall and CPU seconds, peak memory of its process in megabytes, rows that came out."""

    wall: float
    cpu: float
    peak: float
    rows: int


def rewrite(folder: Path) -> int:
    """Rewrite every file with DuckDB; how many rows."""
    import duckdb

    out = folder / "rewritten"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    engine = duckdb.connect()
    engine.execute("set threads = 2")
    rows = 0
    for path in sorted(folder.glob("extracts/*/*.parquet")):
        to = out / f"{path.parent.name}-{path.name}"
        made = engine.execute(
            f"copy (select * from read_parquet('{path}')) to '{to}' (format parquet, compression zstd)"
        ).fetchone()
        rows += int(made[0]) if made else 0
    shutil.rmtree(out)
    return rows


def intake(folder: Path) -> int:
    """Read the deliveries into a new workspace; how many rows were accepted."""
    import pyarrow as pa

    from desist.intake.reading.read import read_extracts
    from desist.records.log import EventLog
    from desist.records.workspace import Workspace

    pa.set_cpu_count(2)
    shutil.rmtree(folder / "w", ignore_errors=True)
    workspace = Workspace(folder / "w")
    workspace.create()
    shutil.copytree(folder / "agreements", workspace.agreements)
    log = EventLog(workspace.log, clock=lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    report = read_extracts(
        folder, workspace, today=dt.date(2026, 10, 1), purpose="iom_selection_support", log=log, actor="benchmark"
    )
    read = sum(file.rows_read for file in report.files)
    out = sum(sum(file.quarantined.values()) for file in report.files)
    accepted = sum(file.accepted for file in report.files)
    if accepted + out != read:
        raise SystemExit(f"{read} rows read, but {accepted} accepted and {out} quarantined")
    return accepted


def prepare(folder: Path) -> None:
    """Links as exact linkage would leave them, made without it: linkage is measured elsewhere."""
    import pandas as pd

    from desist.intake.holding.store import Store

    store = Store(folder / "w" / "store", folder / "w" / "quarantine")
    tables = []
    for source in store.sources():
        people = {number for table in store.tables() for number in _numbers(store, source, table)}
        rows = pd.DataFrame({"source": source, "agency_person": sorted(people)})
        rows["person_id"] = "p" + rows["agency_person"].str[2:].str.zfill(20)
        tables.append(rows.assign(method="crn", weight=1.0, confirmed=True))
    store.write_links(pd.concat(tables, ignore_index=True))


def _numbers(store, source: str, table: str) -> list[str]:  # type: ignore[no-untyped-def]
    extract = store.extract(source, table)
    parts = extract["partitions"] if extract else []
    return [number for part in parts for number in store.partition(part)["agency_person"].unique().to_pylist()]


def by_person(folder: Path) -> int:
    """Read every stored row under its person's id; how many."""
    from desist.intake.holding.by_person import rows_by_person
    from desist.intake.holding.store import Store

    store = Store(folder / "w" / "store", folder / "w" / "quarantine")
    return sum(len(rows) for _, rows in rows_by_person(store))


def measure(stage: str, folder: Path) -> Measured:
    """Run one stage in a process of its own."""
    command = [sys.executable, __file__, str(folder), "--stage", stage]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return Measured(**json.loads(ran.stdout.splitlines()[-1]))


def run_stage(stage: str, folder: Path) -> None:
    """Run a stage here and print what it took. Importing what it needs is not counted, for either side."""
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import desist.intake.holding.by_person
    import desist.intake.reading.read  # noqa: F401

    work = {"rewrite": rewrite, "intake": intake, "by person": by_person}[stage]
    began, busy = time.monotonic(), time.process_time()
    rows = work(folder)
    wall, cpu = time.monotonic() - began, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "rows": rows}))


def report(people: int, rounds: list[dict[str, Measured]]) -> str:
    """The figures as Markdown: each round's ratio is of that round alone."""
    lines = ["| people | rows | stage | wall s | CPU s | peak MB |", "|---|---|---|---|---|---|"]
    for stage in STAGES:
        found = [one[stage] for one in rounds]
        cells = [f"{_middle([m.wall for m in found])}", f"{_middle([m.cpu for m in found])}"]
        lines.append(
            f"| {people:,} | {found[0].rows:,} | {stage} | {' | '.join(cells)} | {max(m.peak for m in found):,.0f} |"
        )
    for what in ("wall", "cpu"):
        both = [
            (getattr(one["intake"], what) + getattr(one["by person"], what)) / getattr(one["rewrite"], what)
            for one in rounds
        ]
        lines.append(f"\nIntake and by person against the rewrite, {what}: {_middle(both)} times, asked at most 4")
    return "\n".join(lines)


def _middle(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("folder", type=Path)
    reader.add_argument("--people", type=int, default=100_000)
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--stage", choices=(*STAGES, "links"))
    asked = reader.parse_args()
    if asked.stage == "links":
        prepare(asked.folder)
        return
    if asked.stage:
        run_stage(asked.stage, asked.folder)
        return
    if not (asked.folder / "extracts").exists():
        # In a process of its own: what a process needed before it starts another counts as that one's peak.
        script = Path(__file__).with_name("intake_data.py")
        subprocess.run([sys.executable, str(script), str(asked.folder), "--people", str(asked.people)], check=True)
    rounds = []
    for _ in range(asked.rounds):
        one = {"rewrite": measure("rewrite", asked.folder), "intake": measure("intake", asked.folder)}
        subprocess.run([sys.executable, __file__, str(asked.folder), "--stage", "links"], check=True)
        rounds.append(one | {"by person": measure("by person", asked.folder)})
    print(report(asked.people, rounds))


if __name__ == "__main__":
    main()
