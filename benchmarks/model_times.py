"""How long every model takes, on made-up tables: python benchmarks/model_times.py [ROWS COLUMNS]

Five folds of a model each on 26,000 rows x 50 columns; then estimates and reasons for 10,000 people x 63 columns.
CPU seconds on one thread, which drift less than wall time on shared machines.
"""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import numpy as np
from boosting_scale import made_up
from threadpoolctl import threadpool_limits

from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.ebm import ExplainableBoosting
from desist.models.estimators.spline import SplineLogistic
from desist.models.reasons import against_typical, reasons_for

KINDS = (PointsCard, SplineLogistic, ExplainableBoosting, MonotoneBoosting)
FOLDS, PEOPLE, FEATURES = 5, 10_000, 63


def folds(rows: int, columns: int) -> None:
    table, outcome, features = made_up(rows, columns)
    fold = np.random.default_rng(1).permutation(np.arange(rows) % FOLDS)
    print(f"{FOLDS} folds on {rows:,} rows x {columns} columns\n\n| model | CPU s | wall s |\n|---|---|---|")
    total, began = time.process_time(), time.monotonic()
    for kind in KINDS:
        cpu, wall = time.process_time(), time.monotonic()
        for number in range(FOLDS):
            model = kind(features).fit(table[fold != number], outcome[fold != number])
            model.predict_proba(table[fold == number])
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        print(f"| {kind.__name__} | {cpu:.1f} | {wall:.1f} |", flush=True)
    print(f"| all | {time.process_time() - total:.1f} | {time.monotonic() - began:.1f} |\n")


def reasons() -> None:
    table, outcome, features = made_up(PEOPLE + 4000, FEATURES)
    asked, learn = table[:PEOPLE], slice(PEOPLE, None)
    print(f"Estimates and reasons for {PEOPLE:,} people x {FEATURES} columns, recalibrated models\n")
    print("| model | estimates, CPU s | contributions, CPU s | reasons, CPU s | all, wall s |\n|---|---|---|---|---|")
    for kind in KINDS:
        model = Calibrated(kind(features).fit(table[learn], outcome[learn])).fit(table[learn], outcome[learn])
        times, began = [time.process_time()], time.monotonic()
        model.predict_proba(asked)
        times.append(time.process_time())
        parts = against_typical(model, asked, features)
        times.append(time.process_time())
        for _, row in parts.iterrows():
            reasons_for(
                row,
                features,
                lambda name: SimpleNamespace(
                    words="2", source="police", recorded_on=None, occurred_on=None, known_to=None
                ),
            )
        times.append(time.process_time())
        spans = " | ".join(f"{span:.2f}" for span in np.diff(times))
        print(f"| {kind.__name__} | {spans} | {time.monotonic() - began:.1f} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        folds(*([int(word) for word in sys.argv[1:]] or [26_000, 50]))
        reasons()
