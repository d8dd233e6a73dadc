"""How long a made-up quarter takes and how much memory it needs: python benchmarks/quarter.py [PEOPLE ...]

Each size runs in a process of its own. Times on shared machines drift, so the script also prints each size's CPU time
per person against the first size's, measured back to back in this run: near 1 means that cost grows with people alone.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

#: A demo that ends without a release, for want of people, has done the same work.
DONE, WITHHELD = 0, 3


@dataclass(frozen=True)
class Measured:
    """One demo: wall and CPU seconds, and the peak memory of its process in megabytes."""

    people: int
    wall: float
    cpu: float
    peak: float


def measure(people: int) -> Measured:
    """Run one demo in a child process of its own and measure that child."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "desist.pipelines.cli", "demo", "--people", str(people)]
        command += ["--workspace", str(Path(folder) / "w")]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode not in (DONE, WITHHELD):
        raise SystemExit(ran.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(people, wall, cpu, after.ru_maxrss / 1024)


def main(sizes: list[int]) -> None:
    """Print a row per size. Sizes are run in rising order, because a child's peak memory is the largest so far."""
    found = [measure(people) for people in sorted(sizes)]
    print("| people | wall s | CPU s | peak MB | CPU per person against the first |")
    print("|---|---|---|---|---|")
    for one in found:
        ratio = (one.cpu / one.people) / (found[0].cpu / found[0].people)
        print(f"| {one.people:,} | {one.wall:.0f} | {one.cpu:.0f} | {one.peak:.0f} | {ratio:.2f} |")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [2500, 5000, 10000])
