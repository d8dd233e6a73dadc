"""The audit's bootstrap as one writes it plainly: draw people, then for every group in turn ask numpy and scikit-learn.

And fairlearn's own, through ``MetricFrame(n_boot=...)``, which draws rows instead of people and looks inside groups
only. Eight metrics each: mean estimate, calibration in the large, Brier score, AUC, and at a cut-off the selection
rate, false positive rate, false negative rate and positive predictive value.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

METRICS = ("mean_estimate", "calibration_in_the_large", "brier", "auc", "selection", "fpr", "fnr", "ppv")

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def rows_of_people(people: Codes) -> tuple[Codes, Codes]:
    """Rows ordered by person, and where each person's rows begin."""
    return np.argsort(people, kind="stable"), np.r_[0, np.cumsum(np.bincount(people))]


def rows_drawn(order: Codes, starts: Codes, times: Codes) -> Codes:
    """The rows of a replicate in which person p was drawn ``times[p]`` times."""
    return np.repeat(order, np.repeat(times, np.diff(starts)))


def metrics(y: Floats, score: Floats, cut_off: float) -> list[float]:
    """The eight metrics of some rows; NaN where one is not defined."""
    chosen, events = score >= cut_off, int(y.sum())
    others, selected, found = y.size - events, int(chosen.sum()), float(y[chosen].sum())
    return [
        float(score.mean()) if y.size else np.nan,
        float((score - y).mean()) if y.size else np.nan,
        float(((score - y) ** 2).mean()) if y.size else np.nan,
        float(roc_auc_score(y, score)) if events and others else np.nan,
        selected / y.size if y.size else np.nan,
        (selected - found) / others if others else np.nan,
        1 - found / events if events else np.nan,
        found / selected if selected else np.nan,
    ]


def replicate(
    y: Floats, score: Floats, codes: Codes, groups: int, rows: Codes, cut_off: float, *, outside: bool
) -> Floats:
    """One replicate: groups x 8 metrics inside each group; with ``outside`` a second such table below the first."""
    drawn_y, drawn_score, drawn_codes = y[rows], score[rows], codes[rows]
    tables = []
    for side in (True, False)[: 1 + outside]:
        for group in range(groups):
            mine = (drawn_codes == group) == side
            tables.append(metrics(drawn_y[mine], drawn_score[mine], cut_off))
    return np.array(tables)


def bootstrap(
    y: Floats, score: Floats, people: Codes, codes: Codes, groups: int, *, cut_off: float, replicates: int, seed: int,
    outside: bool,
) -> Floats:  # fmt: skip
    """Replicates x groups x metrics, whole people drawn."""
    order, starts = rows_of_people(people)
    random, number = np.random.default_rng(seed), starts.size - 1
    tables = []
    for _ in range(replicates):
        times = np.bincount(random.integers(number, size=number), minlength=number)
        rows = rows_drawn(order, starts, times)
        tables.append(replicate(y, score, codes, groups, rows, cut_off, outside=outside))
    return np.array(tables)


def fairlearns(y: Floats, score: Floats, codes: Codes, *, cut_off: float, replicates: int, seed: int) -> Any:
    """fairlearn's MetricFrame with its own bootstrap, the eight metrics as plain functions of outcome and score."""
    from fairlearn.metrics import MetricFrame

    asked = {name: _only(name, cut_off) for name in METRICS}
    return MetricFrame(
        metrics=asked, y_true=pd.Series(y), y_pred=pd.Series(score), sensitive_features=pd.Series(codes, name="group"),
        n_boot=replicates, ci_quantiles=[0.025, 0.975], random_state=seed,
    )  # fmt: skip


def _only(name: str, cut_off: float) -> Any:
    """One metric alone, so that no other is worked out with it; NaN where it is not defined."""
    formulas = {
        "mean_estimate": lambda y, score: score.mean(),
        "calibration_in_the_large": lambda y, score: (score - y).mean(),
        "brier": lambda y, score: ((score - y) ** 2).mean(),
        "auc": lambda y, score: roc_auc_score(y, score) if 0 < y.sum() < y.size else np.nan,
        "selection": lambda y, score: (score >= cut_off).mean(),
        "fpr": lambda y, score: (score[y == 0] >= cut_off).mean() if (y == 0).any() else np.nan,
        "fnr": lambda y, score: (score[y == 1] < cut_off).mean() if (y == 1).any() else np.nan,
        "ppv": lambda y, score: y[score >= cut_off].mean() if (score >= cut_off).any() else np.nan,
    }
    formula = formulas[name]
    return lambda y_true, y_pred: float(formula(y_true, y_pred))


@contextmanager
def without_the_avoidable_call() -> Iterator[None]:
    """fairlearn as it would be if it handed plain columns on instead of stacking them value by value.

    Before each metric of each group it calls ``np.stack`` on the column, which takes 200,000 numbers for 200,000
    arrays of one; only columns that hold arrays need it.
    """
    from fairlearn.metrics import _annotated_metric_function as module

    before = module.np

    def stack(column: Any) -> Any:
        return before.stack(column) if column.dtype.kind == "O" else before.asarray(column)

    module.np = SimpleNamespace(stack=stack)
    try:
        yield
    finally:
        module.np = before
