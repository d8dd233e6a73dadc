"""Figures of a task: each model's metrics, paired differences, and losses against stored references.

With several seeds every figure, and each end of its interval, is the mean over the seeds' own figures. The scores of
two seeds go with the same people, so their mean is at least as sure as each: the intervals are, if anything, wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from desist.models.judging.evaluate import Difference, Measured, paired_difference, score_metrics
from desist.pipelines.evaluate.fit import Floats, Ints, Rows
from desist.pipelines.evaluate.spec import Limit

METRICS = ("auc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "ece")
ORDER_ONLY = ("auc",)  # what can be said of a score that is no chance
DIGITS = 6
MOST_DRAWS = 200_000_000  # rows times replicates: beyond it, fewer replicates are drawn, and the result says how many


@dataclass(frozen=True)
class Number:
    """A figure with its 95 % interval, a difference with its one-sided 95 % bounds too; None where not defined."""

    value: float | None
    low: float | None
    high: float | None
    at_least: float | None = None
    at_most: float | None = None

    def negative(self) -> Number:
        """The figure the other way round: what was the lower end is the upper one."""
        ends = (self.value, self.high, self.low, self.at_most, self.at_least)
        return Number(*(None if end is None else -end + 0.0 for end in ends))

    def as_json(self) -> dict[str, float | None]:
        told = {"value": self.value, "low": self.low, "high": self.high}
        return told if self.at_most is None else {**told, "at_least": self.at_least, "at_most": self.at_most}


@dataclass(frozen=True)
class Compared:
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
    """As many as asked for, fewer (at least 100) where rows times replicates would be too many."""
    return max(100, min(replicates, MOST_DRAWS // max(rows, 1)))


def metrics_of(rows: Rows, scores: Floats, *, chance: bool, replicates: int, seed: int) -> dict[str, Number]:
    """The metrics of some scores (a row per seed) over the rows that were scored.

    The replicates are shared out over the seeds, at least 200 each: calibration slopes take long.
    """
    share = replicates if len(scores) == 1 else max(200, replicates // len(scores))
    found = []
    for number, one in enumerate(scores):
        scored = ~np.isnan(one)
        y, score, people = rows.y[scored], one[scored], rows.people[scored]
        draw = {"replicates": replicates_for(len(y), share), "seed": seed + number}
        found.append(_all_of(y, score, people, draw) if chance else _order_of(y, score, people, draw))
    return _mean(found)


def _all_of(y: Floats, score: Floats, people: Ints, draw: Mapping[str, int]) -> dict[str, Measured]:
    told = score_metrics(y, score, people, **draw)
    return {name: told[name] for name in METRICS}


def _order_of(y: Floats, score: Floats, people: Ints, draw: Mapping[str, int]) -> dict[str, Measured]:
    """The AUC alone: how much it is above that of a score that knows nothing, one half."""
    above = paired_difference(y, score, np.full(len(y), 0.5), people, **draw)["auc"]
    return {"auc": Measured(*(None if part is None else part + 0.5 for part in (above.value, above.low, above.high)))}


def difference_of(rows: Rows, a: Floats, b: Floats, *, chance: bool, replicates: int, seed: int) -> dict[str, Number]:
    """``a`` minus ``b`` in the rows that both scored, averaged over the seeds within each replicate.

    A single row of scores stands for every seed.
    """
    seeds = max(len(a), len(b))
    first, second = (scores if len(scores) == seeds else np.repeat(scores, seeds, axis=0) for scores in (a, b))
    both = ~np.isnan(first).any(axis=0) & ~np.isnan(second).any(axis=0)
    drawn = replicates_for(int(both.sum()) * seeds, replicates)
    told = paired_difference(
        rows.y[both], first[:, both].T, second[:, both].T, rows.people[both], replicates=drawn, seed=seed
    )
    return {name: _rounded(told[name]) for name in (("auc", "brier", "log_loss") if chance else ORDER_ONLY)}


def losses_of(rows: Rows, limit: Limit, ours: Floats, theirs: Floats, *, replicates: int, seed: int) -> list[Loss]:
    """The losses that a limit speaks of: AUC lost, Brier score added."""
    told = difference_of(rows, ours, theirs, chance=True, replicates=replicates, seed=seed)
    found = []
    for metric, most in (("auc", limit.auc), ("brier", limit.brier)):
        if most is None:
            continue
        loss = told[metric].negative() if metric == "auc" else told[metric]  # AUC lost, Brier score added
        values = [_value(rows, scores, metric) for scores in (ours, theirs)]
        found.append(Loss(limit.model, limit.against, metric, loss, most, *values))
    return found


def _value(rows: Rows, scores: Floats, metric: str) -> float:
    from desist.pipelines.evaluate.associations import auc

    parts = [auc(rows.y, one) if metric == "auc" else float(((one - rows.y) ** 2).mean()) for one in scores]
    return round(float(np.mean(parts)), DIGITS)


def _mean(parts: Sequence[Mapping[str, Measured]]) -> dict[str, Number]:
    """The mean over seeds of each figure and of each end of its interval."""
    return {
        name: Number(*(_rounded_mean([getattr(part[name], end) for part in parts]) for end in ("value", "low", "high")))
        for name in parts[0]
    }


def _rounded(told: Difference) -> Number:
    ends = (told.value, told.low, told.high, told.at_least, told.at_most)
    return Number(*(None if end is None else round(end, DIGITS) + 0.0 for end in ends))


def _rounded_mean(values: Sequence[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None and np.isfinite(value)]
    return round(float(np.mean(known)), DIGITS) + 0.0 if len(known) == len(values) else None
