"""Build profiles with one rival in a process of its own: python benchmarks/rivals/run.py NAME FOLDER OUT

NAME is duckdb, polars or pandas; FOLDER a store made by benchmarks/profile_data.py; OUT the Parquet file to write.
Prints JSON: ``cpu_s`` (user and system time of the process from before the first file is read until the table stands
in memory), ``wall_s``, ``write_cpu_s`` (to write OUT), ``peak_rss_mb`` and ``rows``. Imports are not counted.
``--choice distinct=inside`` asks for another way to write the same (the rival's ``Choices``).
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

MODULES = {"duckdb": "duckdb_join", "polars": "polars_buckets", "pandas": "pandas_masks"}


def cpu_seconds() -> float:
    """User and system time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def choices_from(words: list[str], default: Any) -> Any:
    """The rival's choices with some changed, each in the type of its default."""
    changed = {}
    for word in words:
        name, _, value = word.partition("=")
        kind = type(getattr(default, name))
        changed[name] = value == "True" if kind is bool else kind(value)
    return dataclasses.replace(default, **changed)


def main() -> None:
    """Build, write, and print what it took."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("name", choices=sorted(MODULES))
    reader.add_argument("folder", type=Path)
    reader.add_argument("out", type=Path)
    reader.add_argument("--threads", type=int, default=1)
    reader.add_argument("--choice", action="append", default=[], metavar="NAME=VALUE")
    asked = reader.parse_args()
    # Polars and the numeric libraries read these once, when they are imported.
    for variable in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(asked.threads)

    import pyarrow as pa
    import pyarrow.parquet as pq
    from profile_register import profile_register

    pa.set_cpu_count(asked.threads)
    rival = importlib.import_module(f"rivals.{MODULES[asked.name]}")
    register, choices = profile_register(), choices_from(asked.choice, rival.Choices())
    given = {"threads": asked.threads} if asked.name == "duckdb" else {}
    began, before = time.monotonic(), cpu_seconds()
    table = rival.build(asked.folder, register, choices=choices, **given)
    wall, cpu = time.monotonic() - began, cpu_seconds() - before
    pq.write_table(table, asked.out)
    print(
        json.dumps(
            {
                "cpu_s": round(cpu, 3),
                "wall_s": round(wall, 3),
                "write_cpu_s": round(cpu_seconds() - before - cpu, 3),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "rows": table.num_rows,
            }
        )
    )


if __name__ == "__main__":
    main()
