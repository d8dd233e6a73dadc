"""How long a points card takes: nice python benchmarks/card_speed.py [--rows 20000] [--columns 60] [--rounds 3]

Fits a ten-item card and a plain LightGBM (its defaults, one thread) to the same made-up table, one after the other in
every round, and prints seconds of processor time with their ratio, and of it what the curve beneath the card takes.
Processor time and ratios of fits made back to back hardly move with what else the machine does. Limit: 30 s.
"""

# ruff: noqa: E402  (threads are counted when the libraries load, so the variables must stand first)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pandas as pd

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.card import PointsCard
from desist.models.estimators.spline import SplineLogistic

LIMIT = 30.0


def made_up(rows: int, columns: int, seed: int) -> tuple[pd.DataFrame, FeatureSet, np.ndarray[Any, Any]]:
    """Counts, amounts and yes/no columns that go together in fives, one in four with gaps; two in five matter."""
    draw = np.random.default_rng(seed)
    shared = draw.normal(size=(rows, 5))
    table, features, logit = {}, [], np.zeros(rows)
    for place in range(columns):
        z = 0.5 * shared[:, place % 5] + draw.normal(size=rows)
        kind = place % 3
        value = (draw.poisson(np.exp(0.3 * z)).astype(float), 100 * np.exp(z), (z > 0.5).astype(float))[kind]
        sign, weight = ((1, 0.25), (-1, -0.15), (0, 0.2))[kind]
        if place < 0.4 * columns:
            logit += (1.2 - place / columns) * weight * np.log1p(value if kind != 1 else value / 100)
        if place % 4 == 0:
            value = np.where(draw.random(rows) < 0.15, np.nan, value)
        table[f"f{place:03}"] = value
        features.append(FeatureInfo(f"f{place:03}", sign=sign))
    outcome = (draw.random(rows) < 1 / (1 + np.exp(1.0 - logit + logit.mean()))).astype(float)
    return pd.DataFrame(table), FeatureSet(tuple(features)), outcome


def seconds(fit: Callable[[], object]) -> float:
    started = time.process_time()
    fit()
    return time.process_time() - started


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in (("--rows", 20_000), ("--columns", 60), ("--rounds", 3)):
        asked.add_argument(option, type=int, default=default)
    given = asked.parse_args()
    table, features, outcome = made_up(given.rows, given.columns, seed=0)
    print(f"{given.rows:,} rows, {given.columns} columns, outcome in {outcome.mean():.0%}; seconds of processor time")
    print("| round | card | of it its curve | LightGBM | card / LightGBM |\n|---|---|---|---|---|")
    cards = []
    for turn in range(1, given.rounds + 1):
        card = seconds(lambda: PointsCard(features).fit(table, outcome))
        trees = seconds(lambda: lightgbm.LGBMClassifier(n_jobs=1, verbose=-1).fit(table, outcome))
        curve = seconds(lambda: SplineLogistic(features).fit(table, outcome))
        cards.append(card)
        print(f"| {turn} | {card:.2f} | {curve:.2f} | {trees:.2f} | {card / trees:.1f} |", flush=True)
    middle = statistics.median(cards)
    print(f"\nMedian {middle:.2f} s of {LIMIT:.0f} s: {'within' if middle <= LIMIT else 'ABOVE'} the limit.")


if __name__ == "__main__":
    main()
