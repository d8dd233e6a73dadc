"""Three engines, one meaning, on thousands of drawn histories: python benchmarks/engines_agree.py [CASES] [SPARK_CASES]

Draws histories, what is shared of them, and registers as the tests do (tests/features/drawn.py), and compares every
cell of the compiled engine with the plain reference, then those of Spark with both. Prints what was compared and how
many cells differ; exit 1 where any does. Some 15 minutes for 2,500 and 2,000; needs requirements-spark.lock and Java.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from desist.features.engines import compiled, reference
from tests.features import drawn, test_spark

HISTORIES_A_JOB = 80


def differing(case: Any, others: dict[str, Callable[[Any], Any]]) -> tuple[int, int]:
    """Cells compared with the reference's, and how many differ."""
    judged = reference.build_profiles(case.events, case.rows, case.register).table
    compared = differ = 0
    for build in others.values():
        found = build(case)
        for name in case.register.names:
            one, other = judged[name].to_numpy(), found[name].to_numpy()
            compared += len(one)
            differ += int((~((one == other) | (np.isnan(one) & np.isnan(other)))).sum())
    return compared, differ


def told(name: str, cases: int, found: list[tuple[int, int]], began: float) -> int:
    compared, differ = (sum(one[place] for one in found) for place in (0, 1))
    print(f"| {name} | {cases:,} | {compared:,} | {differ} | {time.monotonic() - began:.0f} |", flush=True)
    return differ


def by_compiled(case: Any) -> Any:
    return compiled.build_profiles(case.events, case.rows, case.register).table


def main() -> int:
    cases, spark_cases = (int(word) for word in [*sys.argv[1:3], "2500", "2000"][:2])
    print("| against the reference | histories | cells compared | cells that differ | seconds |\n|---|---|---|---|---|")
    began = time.monotonic()
    found = [differing(case, {"compiled": by_compiled}) for case in drawn.many(drawn.cases(most=25), cases)]
    wrong = told("compiled", cases, found, began)
    session, jobs, began = test_spark.started(), max(spark_cases // HISTORIES_A_JOB, 1), time.monotonic()
    histories = drawn.many(drawn.histories(), spark_cases)
    registers, shared = drawn.many(drawn.registers(20), jobs), drawn.many(drawn.sharing(), jobs)
    found = []
    for at in range(jobs):
        some = histories[at * HISTORIES_A_JOB : (at + 1) * HISTORIES_A_JOB]
        case = drawn.case_of(some, shared[at], registers[at])
        others = {"compiled": by_compiled, "spark": lambda case: test_spark.on_spark(session, case)}
        found.append(differing(case, others))
    session.stop()
    return 1 if wrong + told("compiled and Spark", jobs * HISTORIES_A_JOB, found, began) else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
