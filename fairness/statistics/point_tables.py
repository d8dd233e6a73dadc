"""Point values by group, in fairlearn's definitions: what the audit's intervals are put around.

``selected`` means an estimate at or above the cut-off. A cell whose denominator is nought is missing, never 0
(fairlearn and scikit-learn print 0 there).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

#: Rate: the two cells whose sum is its denominator. The first named is its numerator.
CELLS: dict[str, tuple[str, str]] = {
    "fpr": ("fp", "tn"),
    "fnr": ("fn", "tp"),
    "ppv": ("tp", "fp"),
    "fdr": ("fp", "tp"),
    "for": ("fn", "tn"),
}
COUNTS = ("n", "people", "events", "selected", "tn", "fp", "fn", "tp")
RATES = ("base_rate", "selection", *CELLS)
OTHERS = ("mean_estimate", "calibration_in_the_large", "auc", "brier")
METRICS = (*RATES, *OTHERS)
EVERYBODY = "Everybody"


def point_table(
    y: pd.Series, score: pd.Series, groups: pd.Series, cut_off: float, *, people: pd.Series | None = None
) -> pd.DataFrame:
    """One row a group with COUNTS, then METRICS; missing where undefined.

    ``y`` is 0 or 1, ``groups`` has no gaps. ``people`` tells whose row each is; without it each row is a person.
    Every point value is fairlearn's MetricFrame's.
    """
    _check(y, score, groups)
    if y.empty:
        return pd.DataFrame(columns=[*COUNTS, *METRICS], dtype=float)
    from fairlearn.metrics import MetricFrame

    who = pd.Series(np.arange(len(y))) if people is None else people
    metrics = _metrics(cut_off)
    # One function for all metrics: MetricFrame copies the rows into Python objects for every function it calls.
    frame = MetricFrame(
        metrics=lambda y_true, y_pred: {name: metric(y_true, y_pred) for name, metric in metrics.items()},
        y_true=y.to_numpy(dtype=int),
        y_pred=score.to_numpy(dtype=float),
        # A Series: of an array fairlearn takes away a dimension too many where there is one row.
        sensitive_features=pd.Series(groups.to_numpy(dtype=object), name="group"),
    )
    table = pd.DataFrame({str(name): values for name, values in frame.by_group.items()}).T.astype(float)
    table.index.name = "group"
    named = pd.DataFrame({"group": groups.astype(str).to_numpy(), "who": who.to_numpy()})
    table["people"] = named.groupby("group")["who"].nunique().reindex(table.index)
    return _without_undefined(table)


def everybody_table(y: pd.Series, score: pd.Series, cut_off: float, *, people: pd.Series | None = None) -> pd.DataFrame:
    """The same for all rows together: one row named ``Everybody``."""
    return point_table(y, score, pd.Series(EVERYBODY, index=y.index), cut_off, people=people)


def others_table(
    y: pd.Series, score: pd.Series, groups: pd.Series, cut_off: float, *, people: pd.Series | None = None
) -> pd.DataFrame:
    """For each group the same columns over everybody who is *not* in it; missing where that is nobody."""
    parts = {}
    for name in sorted(groups.astype(str).unique()):
        outside = (groups.astype(str) != name).to_numpy()
        whose = None if people is None else people[outside]
        parts[name] = everybody_table(y[outside], score[outside], cut_off, people=whose)
    rows = [part.iloc[0] if len(part) else pd.Series(np.nan, index=part.columns) for part in parts.values()]
    table = pd.DataFrame(rows, columns=[*COUNTS, *METRICS])
    table.index = pd.Index(parts, name="group")
    table[list(COUNTS)] = table[list(COUNTS)].fillna(0)
    return table


def ratios(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Each metric over the reference group's; missing where either is undefined or the reference's is 0."""
    return ratio_of(table, table.loc[[reference] * len(table)].set_axis(table.index))


def differences(table: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Each metric minus the reference group's; missing where either is undefined."""
    metrics = list(METRICS)
    return table[metrics] - table.loc[reference, metrics]


def ratio_of(table: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Each metric over the same row's metric in ``others``; missing instead of infinite."""
    metrics = list(METRICS)
    return table[metrics] / others[metrics].where(others[metrics] != 0)


def _check(y: pd.Series, score: pd.Series, groups: pd.Series) -> None:
    if not len(y) == len(score) == len(groups):
        raise ValueError("outcomes, estimates and groups have different lengths")
    if not y.isin([0, 1]).all():
        raise ValueError("an outcome is 0 or 1 here: leave out rows whose outcome is not known")
    if score.isna().any() or groups.isna().any():
        raise ValueError("an estimate or a group is missing: a person without a characteristic is 'Not stated'")


def _metrics(cut_off: float) -> dict[str, Callable[..., float]]:
    """Functions of (outcome, estimate) for MetricFrame; fairlearn's own wherever it has one."""
    from fairlearn import metrics as fair
    from sklearn.metrics import brier_score_loss, roc_auc_score

    def at_cut_off(metric: Callable[..., float]) -> Callable[..., float]:
        return lambda y, score: metric(y, (score >= cut_off).astype(int))

    def cell(outcome: int, chosen: bool) -> Callable[..., float]:
        return lambda y, score: float(((y == outcome) & ((score >= cut_off) == chosen)).sum())

    def share(numerator: str, other: str) -> Callable[..., float]:
        def rate(y: pd.Series, score: pd.Series) -> float:
            top, rest = cells[numerator](y, score), cells[other](y, score)
            return top / (top + rest) if top + rest else math.nan

        return rate

    cells = {"tn": cell(0, False), "fp": cell(0, True), "fn": cell(1, False), "tp": cell(1, True)}
    return {
        "n": fair.count,
        "events": lambda y, score: float(y.sum()),
        "selected": lambda y, score: float((score >= cut_off).sum()),
        **cells,
        "base_rate": lambda y, score: fair.selection_rate(y, y),
        "selection": at_cut_off(fair.selection_rate),
        "fpr": at_cut_off(fair.false_positive_rate),
        "fnr": at_cut_off(fair.false_negative_rate),
        **{name: share(*CELLS[name]) for name in ("ppv", "fdr", "for")},
        "mean_estimate": fair.mean_prediction,
        "calibration_in_the_large": lambda y, score: fair.mean_prediction(y, score) - fair.selection_rate(y, y),
        "auc": lambda y, score: float(roc_auc_score(y, score)) if 0 < y.sum() < len(y) else math.nan,
        "brier": lambda y, score: (
            float(brier_score_loss(y, score)) if score.min() >= 0 and score.max() <= 1 else math.nan
        ),
    }


def _without_undefined(table: pd.DataFrame) -> pd.DataFrame:
    """The table with missing instead of 0 where a rate has an empty denominator; columns in their order."""
    for rate, (numerator, other) in CELLS.items():
        table[rate] = table[rate].where(table[numerator] + table[other] > 0)
    return table[[*COUNTS, *METRICS]]
