"""Which way of writing each rival needs least CPU time: python benchmarks/rivals/choose.py FOLDER [ROUNDS] [RIVAL ...]

Every way runs once a round, in a process of its own on one thread, so that a machine that slows down slows all of
them; printed are the median and the least CPU seconds over the rounds, and the peak of memory.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WAYS = {
    "duckdb": (
        (),
        ("only_if=filter",),
        ("distinct=inside",),
        ("only_if=filter", "distinct=inside"),
        ("recent=max",),
        ("windows=each",),
        ("people=by part",),
    ),
    "polars": (
        (),
        ("engine=in-memory",),
        ("lazy=False",),
        ("lazy=False", "engine=in-memory"),
        ("buckets=0",),
        ("buckets=4",),
        ("only_if=filter",),
        ("distinct=inside",),
        ("recent=unique",),
    ),
    "pandas": (
        (),
        ("masks=own",),
        ("group=chosen",),
    ),
}


def measure(name: str, folder: str, way: tuple[str, ...]) -> dict[str, float]:
    """What one build took, in a child process."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, str(Path(__file__).with_name("run.py")), name, folder, f"{out}/profiles.parquet"]
        command += [word for choice in way for word in ("--choice", choice)]
        told: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told


def main(folder: str, rounds: int, rivals: list[str]) -> None:
    """Print a row per rival and way."""
    asked = [(name, way) for name in rivals for way in WAYS[name]]
    found: dict[tuple[str, tuple[str, ...]], list[dict[str, float]]] = {one: [] for one in asked}
    for _ in range(rounds):
        for name, way in asked:
            found[name, way].append(measure(name, folder, way))
    print("| rival | way | CPU s, median | least | peak MB |")
    print("|---|---|---|---|---|")
    for (name, way), told in found.items():
        cpu = [one["cpu_s"] for one in told]
        peak = max(one["peak_rss_mb"] for one in told)
        said = ", ".join(way) or "as it stands"
        print(f"| {name} | {said} | {statistics.median(cpu):.2f} | {min(cpu):.2f} | {peak:.0f} |")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5, sys.argv[3:] or list(WAYS))
