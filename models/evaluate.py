"""How good scores are, each figure with an interval from resampling people; and paired differences of two models.

Rows of one person are not independent, so a replicate draws people with all their rows. Replicates are weights on
rows, and every figure is worked out for many replicates at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from desist.models.base import Floats, chance

LEVEL = 0.95
BINS = 10
#: Rows times replicates worked on at one time; it bounds memory and changes no value.
CELLS_AT_A_TIME = 4_000_000
#: Chances are kept this far from 0 and 1 where a logarithm is taken.
EDGE = 1e-9


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval; all three are None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def defined(self) -> bool:
        return self.value is not None


@dataclass(frozen=True)
class Sorted:
    """Rows in rising order of score, with where each run of equal scores begins."""

    y: Floats
    score: Floats
    order: NDArray[np.intp]
    starts: NDArray[np.intp]


def sort_rows(y: Floats, score: Floats) -> Sorted:
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    return Sorted(y[order], ranked, order, starts)


def auc_of(rows: Sorted, weights: Floats) -> Floats:
    """The weighted AUC per replicate (rows of ``weights``, columns in the original row order); ties count half."""
    ranked = weights[:, rows.order]
    events = np.add.reduceat(ranked * rows.y, rows.starts, axis=1)
    others = np.add.reduceat(ranked * (1 - rows.y), rows.starts, axis=1)
    below = np.cumsum(others, axis=1) - others / 2
    pairs = events.sum(axis=1) * others.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((events * below).sum(axis=1) / pairs)


def recalibration(y: Floats, logit: Floats, weights: Floats, *, slope_free: bool) -> tuple[Floats, Floats]:
    """Intercept and slope per replicate of the logistic line through ``logit``; slope 1 unless it is free."""
    intercept, slope = np.zeros(len(weights)), np.ones(len(weights))
    for _ in range(25):
        fitted = chance(intercept[:, None] + slope[:, None] * logit)
        left, curve = weights * (y - fitted), weights * fitted * (1 - fitted)
        grad, hess = left.sum(axis=1), curve.sum(axis=1) + 1e-12
        if not slope_free:
            step = grad / hess
            intercept += np.clip(step, -5, 5)
            moved = np.abs(step).max()
        else:
            grad_slope, cross = left @ logit, curve @ logit
            hess_slope = curve @ logit**2 + 1e-9
            determinant = hess * hess_slope - cross**2
            determinant = np.where(np.abs(determinant) < 1e-12, np.nan, determinant)
            first = (grad * hess_slope - grad_slope * cross) / determinant
            second = (grad_slope * hess - grad * cross) / determinant
            intercept += np.clip(first, -5, 5)
            slope += np.clip(second, -5, 5)
            moved = np.nanmax(np.abs(second), initial=0.0)
        if moved < 1e-8:
            break
    return intercept, slope


def debiased_error(y: Floats, score: Floats, weights: Floats) -> Floats:
    """Root mean squared gap between estimate and rate over ten equal bins, less what chance alone would give.

    Source: Kumar, Liang and Ma 2019, "Verified uncertainty calibration", the debiased estimator.
    """
    cuts = np.quantile(score, np.arange(1, BINS) / BINS)
    bins = np.searchsorted(cuts, score, side="right")
    inside = (bins[:, None] == np.arange(BINS)).astype(float)
    n = weights @ inside
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = (weights * y) @ inside / n
        gap = (weights * score) @ inside / n - rate
        noise = np.where(n > 1, rate * (1 - rate) / (n - 1), 0.0)
        squared = np.nansum(n * (gap**2 - noise), axis=1) / n.sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


Figures = Callable[[Floats], Mapping[str, Floats]]


def score_metrics(
    y: ArrayLike,
    score: ArrayLike,
    people: ArrayLike,
    *,
    replicates: int,
    seed: int,
    cut_off: float | None = None,
) -> dict[str, Measured]:
    """AUC, Brier score and its gain over the base rate, log-loss, calibration slope and intercept, and ECE.

    The intercept is that of a line with slope 1 (calibration in the large on the logit scale). ``ece`` is debiased.
    With ``cut_off``, also precision and recall of ``score >= cut_off``.
    """
    outcome, chances = np.asarray(y, dtype=float), np.asarray(score, dtype=float)
    ranked = sort_rows(outcome, chances)
    logit = logit_of(chances)
    selected = np.zeros(len(chances)) if cut_off is None else (chances >= cut_off).astype(float)

    def figures(weights: Floats) -> Mapping[str, Floats]:
        total = weights.sum(axis=1)
        brier = weights @ (chances - outcome) ** 2 / total
        base = weights @ outcome / total
        with np.errstate(invalid="ignore", divide="ignore"):
            gain = 1 - brier / (base * (1 - base))
            hits = weights @ (selected * outcome)
            cut = {"precision": hits / (weights @ selected), "recall": hits / (weights @ outcome)}
        return {
            "auc": auc_of(ranked, weights),
            "brier": brier,
            "brier_gain": gain,
            "log_loss": weights @ losses_of(outcome, chances) / total,
            "calibration_slope": recalibration(outcome, logit, weights, slope_free=True)[1],
            "calibration_intercept": recalibration(outcome, logit, weights, slope_free=False)[0],
            "ece": debiased_error(outcome, chances, weights),
            **(cut if cut_off is not None else {}),
        }

    return _measured(figures, people, len(outcome), replicates, seed)


def paired_difference(
    y: ArrayLike, a: ArrayLike, b: ArrayLike, people: ArrayLike, *, replicates: int, seed: int
) -> dict[str, Measured]:
    """``a`` minus ``b`` on the same rows and the same replicates: AUC, Brier score, log-loss."""
    outcome = np.asarray(y, dtype=float)
    one, other = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    first, second = sort_rows(outcome, one), sort_rows(outcome, other)
    brier = (one - outcome) ** 2 - (other - outcome) ** 2
    loss = losses_of(outcome, one) - losses_of(outcome, other)

    def figures(weights: Floats) -> Mapping[str, Floats]:
        total = weights.sum(axis=1)
        return {
            "auc": auc_of(first, weights) - auc_of(second, weights),
            "brier": weights @ brier / total,
            "log_loss": weights @ loss / total,
        }

    return _measured(figures, people, len(outcome), replicates, seed)


def logit_of(chances: Floats) -> Floats:
    """The logit of chances, kept a little away from 0 and 1."""
    kept = np.clip(chances, EDGE, 1 - EDGE)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def losses_of(y: Floats, chances: Floats) -> Floats:
    """The log-loss of each row, in nats."""
    kept = np.clip(chances, EDGE, 1 - EDGE)
    return np.asarray(-(y * np.log(kept) + (1 - y) * np.log1p(-kept)))


def people_weights(people: ArrayLike, replicates: int, seed: int, rows: int) -> Iterator[Floats]:
    """Weights of the rows, replicate by replicate: people are drawn as often as there are people, with all rows."""
    _, codes = np.unique(np.asarray(people), return_inverse=True)
    count = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    at_a_time = max(1, CELLS_AT_A_TIME // max(rows, 1))
    for start in range(0, replicates, at_a_time):
        number = min(at_a_time, replicates - start)
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=number)
        yield drawn[:, codes].astype(float)


def _measured(figures: Figures, people: ArrayLike, rows: int, replicates: int, seed: int) -> dict[str, Measured]:
    points = figures(np.ones((1, rows)))
    parts = [figures(weights) for weights in people_weights(people, replicates, seed, rows)]
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in points}
    return {name: _interval(float(points[name][0]), drawn[name]) for name in points}


def _interval(value: float, drawn: Floats) -> Measured:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(known) < len(drawn) / 2:
        return Measured(None, None, None)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured(value, float(low), float(high))


def effective_people(people: ArrayLike) -> tuple[int, int]:
    """Rows and people: repeated rows of a person are worth less than as many people."""
    codes = np.asarray(people)
    return len(codes), len(np.unique(codes))
