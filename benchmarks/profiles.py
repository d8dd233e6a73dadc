"""How fast profiles are built, and in how much memory: python benchmarks/profiles.py FOLDER [--only SECTION ...]

Makes the stores it needs in FOLDER (700 MB; laid-out columns take 3 GB more while they are measured), runs each thing
in a process of its own, one after the other in every round, and prints tables of medians with their ratios. Ratios
are between runs of one round, so that a machine that slows down slows both. Needs benchmarks/rivals/requirements.txt
and requirements-spark.lock for the rivals and for Spark. Some 20 minutes on 2 cores; ``docs/benchmarks/profiles.md`` is
its output.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MIXES = {"case records": "case", "long histories": "long"}
SIZES = {"100k": 100_000, "1m": 1_000_000}
#: Ways a rival is written besides its best: as peers write it (one join a window, FILTER), for the record.
DUCKDB_FILTER = ("--choice", "only_if=filter", "--choice", "distinct=inside")
RIVALS: dict[str, Sequence[str]] = {
    "DuckDB, its best form": ("duckdb",),
    "DuckDB, range join with FILTER": ("duckdb", *DUCKDB_FILTER),
    "DuckDB, FILTER, a join for each window": ("duckdb", *DUCKDB_FILTER, "--choice", "windows=each"),
    "Polars": ("polars",),
    "pandas": ("pandas",),
}
Told = dict[str, Any]


def ran(*words: str | Path) -> Told:
    """What one process printed of itself."""
    variables = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )
    if done.returncode:
        raise SystemExit(f"{words}: {done.stderr[-2000:]}")
    told: Told = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def store(folder: Path, mix: str, size: str) -> Path:
    """A store of that mix and size, made if it is not there."""
    made = folder / f"{MIXES[mix]}{size}"
    if not (made / "store.json").exists():
        ran(HERE / "profile_data.py", made, "--people", str(SIZES[size]), "--mix", mix)
    return made


def ours(what: str, made: Path, out: Path, *more: str) -> Told:
    return ran(HERE / "profile_runs.py", what, made, out, *more)


def median(rounds: Sequence[Told], name: str) -> float:
    return statistics.median(float(one[name]) for one in rounds)


def ratio(rounds: Sequence[Told], others: Sequence[Told], name: str = "cpu_s") -> str:
    """The median of the rounds' ratios, with the least and the most."""
    found = [one[name] / other[name] for one, other in zip(rounds, others, strict=True)]
    return f"{statistics.median(found):.2f} ({min(found):.2f}–{max(found):.2f})"


def table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for line in lines:
        print("| " + " | ".join(str(cell) for cell in line) + " |")
    print(flush=True)


def rounds_of(count: int, runs: dict[str, Callable[[], Told]]) -> dict[str, list[Told]]:
    """Every run once a round, in turn."""
    found: dict[str, list[Told]] = {name: [] for name in runs}
    for _ in range(count):
        for name, run in runs.items():
            found[name].append(run())
    return found


def against_the_floor(folder: Path, count: int) -> None:
    print("## One pass against the floor: 1 million people, 1.2 million rows × 120 features\n")
    lines = []
    for mix in MIXES:
        large, small = store(folder, mix, "1m"), store(folder, mix, "100k")
        out = folder / "out"
        runs = {
            "floor": partial(ours, "floor", large, out),
            "engine": partial(ours, "engine", large, out),
            "small": partial(ours, "engine", small, out),
            "build": partial(ours, "build", large, out),
        }
        found = rounds_of(count, runs)
        events = json.loads((large / "store.json").read_text(encoding="utf-8"))["events"]
        lines.append(
            (mix, f"{events / 1e6:.1f} million", f"{median(found['floor'], 'cpu_s'):.1f}",
             f"{median(found['engine'], 'cpu_s'):.1f}", ratio(found["engine"], found["floor"]),
             f"{median(found['build'], 'cpu_s'):.1f}", f"{max(one['peak_rss_mb'] for one in found['build']):,} MB",
             ratio(found["engine"], found["small"]))
        )  # fmt: skip
    table(
        ("events", "", "floor, CPU s", "engine, CPU s", "engine / floor", "with results in Parquet, CPU s",
         "peak memory", "CPU for 10 × the people"), lines,
    )  # fmt: skip


def against_rivals(folder: Path, count: int) -> None:
    print("## Against DuckDB, Polars and pandas: 100,000 people, 4 million events, 120,000 rows × 120 features\n")
    for mix in MIXES:
        made, out = store(folder, mix, "100k"), folder / "rival.parquet"
        runs: dict[str, Callable[[], Told]] = {"desist": partial(ours, "table", made, folder / "desist.parquet")}
        for name, words in RIVALS.items():
            runs[name] = partial(ran, HERE / "rivals" / "run.py", words[0], made, out, *words[1:])
        found = rounds_of(count, runs)
        lines = [
            (name, f"{median(some, 'cpu_s'):.2f}", "" if name == "desist" else ratio(some, found["desist"]),
             f"{max(one['peak_rss_mb'] for one in some):,} MB")
            for name, some in found.items()
        ]  # fmt: skip
        print(f"{mix.capitalize()}:\n")
        table(("", "CPU s, one thread", "times desist's CPU", "peak memory"), lines)
        same = []
        for rival in ("duckdb", "polars", "pandas"):
            ran(HERE / "rivals" / "run.py", rival, made, out)
            same.append((rival, ran(HERE / "rivals" / "compare.py", folder / "desist.parquet", out)))
        cells = ", ".join(f"{rival}: {told['cells']:,} compared, {told['differ']} differ" for rival, told in same)
        print(f"Cells of desist and of each rival: {cells}.\n")


def built_stores(folder: Path, count: int) -> None:
    print("## One more as-of date or feature on a built store of 1 million people\n")
    lines = []
    for mix in MIXES:
        made, out = store(folder, mix, "1m"), folder / "out"
        runs = {what: partial(ours, what, made, out) for what in ("build", "full", "date", "feature")}
        found = rounds_of(count, runs)
        for what, words in (("date", "one more date (100,000 rows × 120)"), ("feature", "one more feature (all rows)")):
            seconds = [f"{median(found[one], 'cpu_s'):.1f}" for one in ("build", "full", what)]
            lines.append((mix, words, *seconds, ratio(found[what], found["build"]), ratio(found[what], found["full"])))
        shutil.rmtree(out, ignore_errors=True)
        for laid in made.glob("part-*/laid"):
            shutil.rmtree(laid)
    table(
        ("events", "", "full build, CPU s", "full build that lays events out, CPU s", "this, CPU s",
         "of a full build", "of one that lays out"), lines,
    )  # fmt: skip


def a_nation(folder: Path, count: int) -> None:
    print("## One process, 5 million people, 200 million events (the parts five times over, under other ids)\n")
    made, out = store(folder, "case records", "1m"), folder / "out"
    runs = {times: partial(ours, "national", made, out, "--times", times) for times in ("1", "5")}
    found = rounds_of(count, runs)
    lines = [
        (f"{times} million", f"{median(some, 'done'):,.0f}", f"{median(some, 'cpu_s'):.0f}",
         f"{median(some, 'wall_s'):.0f}", f"{max(one['peak_rss_mb'] for one in some):,} MB")
        for times, some in found.items()
    ]  # fmt: skip
    table(("people", "rows", "CPU s", "wall s", "peak memory"), lines)
    print(f"CPU for 5 × the people: {ratio(found['5'], found['1'])}.\n")


def on_spark(folder: Path, count: int) -> None:
    print("## Local Spark, 2 cores (wall seconds: start, read, bring together, work out, write, stop)\n")
    lines = []
    for size in SIZES:
        made, out = store(folder, "case records", size), folder / "spark"
        rounds = count if size == "100k" else 1
        runs = {"spark": partial(ours, "spark", made, out), "engine": partial(ours, "engine", made, folder / "out")}
        found = rounds_of(rounds, runs)
        spark, engine = median(found["spark"], "wall_s"), median(found["engine"], "wall_s")
        allowed = 60 + 2 * engine
        lines.append(
            (
                f"{size}, {rounds} rounds",
                f"{spark:.1f}",
                f"{engine:.1f}",
                f"{allowed:.1f}",
                "yes" if spark <= allowed else "no",
            )
        )
        shutil.rmtree(out, ignore_errors=True)
    table(("people", "Spark", "compiled engine, no writing", "60 s + 2 × the engine", "within"), lines)


def importing(folder: Path, count: int) -> None:
    print("## Importing\n")
    found = [ours("import", folder, folder) for _ in range(count)]
    print(f"`import desist.features`: {median(found, 'wall_s'):.3f} s more than starting Python.\n")


SECTIONS: dict[str, Callable[[Path, int], None]] = {
    "floor": against_the_floor,
    "rivals": against_rivals,
    "store": built_stores,
    "nation": a_nation,
    "spark": on_spark,
    "import": importing,
}


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("folder", type=Path)
    reader.add_argument("--rounds", type=int, default=3)
    reader.add_argument("--only", nargs="*", choices=sorted(SECTIONS), default=list(SECTIONS))
    asked = reader.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout
    print(
        f"Commit {commit.strip()}, Python {platform.python_version()}, {os.cpu_count()} cores, {asked.rounds} rounds.\n"
    )
    for name in asked.only:
        SECTIONS[name](asked.folder, asked.rounds)


if __name__ == "__main__":
    main()
