"""Figures of a task: each model's metrics, paired differences, and losses against stored references.

With several seeds every figure, and each end of its interval, is the mean over the seeds' own figures. The scores of
two seeds go with the same people, so their mean is at least as sure as each: the intervals are, if anything, wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from desist.models.evaluate import paired_difference, score_metrics
from desist.pipelines.evaluate_fit import Floats, Rows
from desist.pipelines.evaluate_spec import Limit

METRICS = ("auc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "ece")
ORDER_ONLY = ("auc",)  # what can be said of a score that is no chance
DIGITS = 6
MOST_DRAWS = 200_000_000  # rows times replicates: beyond it, fewer replicates are drawn, and the result says how many


@dataclass(frozen=True)
class Number:
    """A figure with its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None

    def negative(self) -> Number:
        turned = [None if part is None else -part + 0.0 for part in (self.value, self.high, self.low)]
        return Number(*turned)

    def as_json(self) -> dict[str, float | None]:
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Difference:
    """One set of scores minus another on the same rows and people."""

    model: str
    less: str
    numbers: Mapping[str, Number]


@dataclass(frozen=True)
class Loss:
    """How much a model loses against a stored reference (above 0: it is worse), and whether the limit holds.

    It holds if the upper end of the 95 % interval of the loss is at most ``limit``.
    """

    model: str
    against: str
    metric: str
    loss: Number
    limit: float
    ours: float
    theirs: float

    @property
    def holds(self) -> bool:
        return self.loss.high is not None and self.loss.high <= self.limit


def replicates_for(rows: int, replicates: int) -> int:
    return max(100, min(replicates, MOST_DRAWS // max(rows, 1)))


def metrics_of(rows: Rows, scores: Floats, *, chance: bool, replicates: int, seed: int) -> dict[str, Number]:
    """The metrics of some scores (a row per seed) over the rows that were scored."""
    wanted = METRICS if chance else ORDER_ONLY
    found = []
    for one in scores:
        scored = ~np.isnan(one)
        drawn = replicates_for(int(scored.sum()), replicates)
        told = score_metrics(rows.y[scored], one[scored], rows.people[scored], replicates=drawn, seed=seed)
        found.append({name: told[name] for name in wanted})
    return _mean(found)


def difference_of(rows: Rows, a: Floats, b: Floats, *, chance: bool, replicates: int, seed: int) -> dict[str, Number]:
    """``a`` minus ``b`` in the rows that both scored, seed by seed; a single row of scores stands for every seed."""
    found = []
    for number in range(max(len(a), len(b))):
        first, second = a[min(number, len(a) - 1)], b[min(number, len(b) - 1)]
        both = ~np.isnan(first) & ~np.isnan(second)
        drawn = replicates_for(int(both.sum()), replicates)
        told = paired_difference(
            rows.y[both], first[both], second[both], rows.people[both], replicates=drawn, seed=seed
        )
        found.append({name: told[name] for name in (("auc", "brier", "log_loss") if chance else ORDER_ONLY)})
    return _mean(found)


def losses_of(rows: Rows, limit: Limit, ours: Floats, theirs: Floats, *, replicates: int, seed: int) -> list[Loss]:
    """The losses that a limit speaks of: AUC lost, Brier score added."""
    told = difference_of(rows, ours, theirs, chance=True, replicates=replicates, seed=seed)
    found = []
    for metric, most in (("auc", limit.auc), ("brier", limit.brier)):
        if most is None:
            continue
        loss = told[metric].negative() if metric == "auc" else told[metric]
        values = [_value(rows, scores, metric) for scores in (ours, theirs)]
        found.append(Loss(limit.model, limit.against, metric, loss, most, *values))
    return found


def _value(rows: Rows, scores: Floats, metric: str) -> float:
    from desist.pipelines.evaluate_associations import auc

    parts = [auc(rows.y, one) if metric == "auc" else float(((one - rows.y) ** 2).mean()) for one in scores]
    return round(float(np.mean(parts)), DIGITS)


def _mean(parts: Sequence[Mapping[str, Any]]) -> dict[str, Number]:
    """The mean over seeds of each figure and of each end of its interval."""
    return {
        name: Number(*(_rounded_mean([getattr(part[name], end) for part in parts]) for end in ("value", "low", "high")))
        for name in parts[0]
    }


def _rounded_mean(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None and np.isfinite(value)]
    return round(float(np.mean(known)), DIGITS) + 0.0 if len(known) == len(values) else None
