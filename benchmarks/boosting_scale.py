"""Our boosted trees beside LightGBM called plainly: python benchmarks/boosting_scale.py [ROWS COLUMNS]

Each fit runs in a process of its own, in turn (plain, ours, ours, plain), with the same settings, rows and number of
trees on one thread, from the same kind of table. The figure to trust is the ratio: it is measured back to back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.boosting import MonotoneBoosting

TURNS = ("plain", "ours", "ours", "plain")
MISSING = 0.1  # share of the values missing, in every third column


def made_up(rows: int, columns: int) -> tuple[pd.DataFrame, np.ndarray, FeatureSet]:
    """Counts and amounts, a third with missing values and half with a sign; a few of them matter."""
    draw = np.random.default_rng(0)
    values = np.empty((rows, columns))
    for column in range(columns):
        values[:, column] = draw.poisson(3, rows) if column % 2 else draw.normal(size=rows)
    logit = -1 + values[:, : min(8, columns)] @ np.array([0.3, 0.1, -0.4, 0.1, 0.2, -0.1, 0.1, 0.2])[:columns]
    outcome = (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    for column in range(0, columns, 3):
        values[draw.random(rows) < MISSING, column] = np.nan
    signs = [(0, 1, 0, 1)[column % 4] for column in range(columns)]
    features = FeatureSet(tuple(FeatureInfo(f"f{column}", sign=sign) for column, sign in enumerate(signs)))
    return pd.DataFrame(values, columns=list(features.names)), outcome, features


def resident(what: str) -> float:
    """Megabytes this process holds now (VmRSS) or held at most (VmHWM); 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{what}:")), 0.0)


def one_fit(which: str, rows: int, columns: int) -> dict[str, float]:
    """Seconds and megabytes above the table that one fit took in this process."""
    import lightgbm

    table, outcome, features = made_up(rows, columns)
    model = MonotoneBoosting(features)
    before, began, cpu = resident("VmRSS"), time.monotonic(), time.process_time()
    if which == "ours":
        model.fit(table, outcome)
    else:
        settings = model.settings() | {"monotone_constraints": list(features.signs)}
        lightgbm.train(settings, lightgbm.Dataset(table, outcome), model.trees)
    taken, cpu = time.monotonic() - began, time.process_time() - cpu
    return {"wall": taken, "cpu": cpu, "memory": resident("VmHWM") - before, "table": before}


def main(rows: int, columns: int) -> None:
    """Print a row per fit and the ratio of the sums."""
    found: dict[str, list[dict[str, float]]] = {"plain": [], "ours": []}
    print(f"{rows:,} rows x {columns} columns, {MonotoneBoosting(FeatureSet(())).trees} trees\n")
    print("| fit | wall s | CPU s | MB above the table |\n|---|---|---|---|")
    for which in TURNS:
        command = [sys.executable, __file__, "fit", which, str(rows), str(columns)]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        found[which].append(told)
        print(f"| {which} | {told['wall']:.1f} | {told['cpu']:.1f} | {told['memory']:.0f} |", flush=True)
    ratio = {name: sum(f[name] for f in found["ours"]) / sum(f[name] for f in found["plain"]) for name in told}
    print(f"\nOurs against plain: {ratio['cpu']:.2f} of the CPU time, {ratio['wall']:.2f} of the wall time.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["fit"]:
        print(json.dumps(one_fit(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main(*([int(word) for word in sys.argv[1:]] or [1_100_000, 120]))
