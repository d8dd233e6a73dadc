"""How well one group can be told from the rest: held-out AUC from counts, with an interval that survives few people.

An AUC of 0.71 says: of two people, one of the group and one not, the scores point to the right one 71 times in 100.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from desist.fairness.statistics.intervals import Codes, Floats, Interval

#: A feature is cut into at most so many bins of equal size; a bin of its own holds the missing.
BINS = 10
#: A bin's rate is drawn to everybody's as by so many people.
DRAWN_BY = 10.0


def auc_interval(auc: float, group: float, others: float, *, level: float = 0.95) -> Interval:
    """An AUC with its interval from the numbers of people in the group and outside it.

    A score interval, so that an AUC of 1 has a width too: its ends are the values that the one seen is just not too
    far from, by the variance that an AUC of that size would have.
    Source: Newcombe 2006, Statistics in Medicine 25, method 5.
    """
    if math.isnan(auc) or group < 1 or others < 1:
        return Interval(None, None, None)
    z = NormalDist().inv_cdf(0.5 + level / 2)

    def too_far(theta: float) -> bool:
        return abs(auc - theta) > z * math.sqrt(_variance(theta, group, others))

    return Interval(auc, _end(too_far, auc, 0.0), _end(too_far, auc, 1.0))


def _variance(theta: float, group: float, others: float) -> float:
    """Hanley and McNeil's variance of an AUC of ``theta``, both classes given their mean size."""
    size = (group + others) / 2 - 1
    pairs = 1 + size * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return theta * (1 - theta) * pairs / (group * others)


def _end(too_far: Callable[[float], bool], inside: float, outside: float) -> float:
    """The point between a value that is near enough and one that need not be, by halving."""
    if not too_far(outside):
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if too_far(middle) else (middle, outside)
    return (inside + outside) / 2


def bins_of(values: Floats) -> Codes:
    """The bin of each value, from 0: single values where there are few, else bins of equal size; missing have one."""
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if distinct.size > BINS:
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)[1:-1]))
        found = np.searchsorted(edges, values, side="right")
    else:
        found = np.searchsorted(distinct, values)
    return np.where(known, found + 1, 0).astype(np.int64)


def held_out_auc(bins: Codes, groups: Codes, folds: Codes, number: int) -> Floats:
    """For each of ``number`` groups against the rest: how well the bins tell it, each fold told from the others.

    The better of two ways is taken: each bin's own rate, which finds any curve and needs many people, and the plain
    order of the bins, of which only the way it points is learnt. Nothing is learnt by heart, and pairs are compared
    within a fold. NaN where no fold has a pair.
    """
    shape = int(folds.max(initial=0)) + 1, int(bins.max(initial=0)) + 1, number
    place = (folds * shape[1] + bins) * number + groups
    counts = np.bincount(place, minlength=math.prod(shape)).reshape(shape).astype(float)
    taught = counts.sum(axis=0) - counts
    rest = counts.sum(axis=2, keepdims=True) - counts
    ways = [_pairs_won(scores, counts, rest) for scores in (_rates(taught), _order(taught))]
    return np.asarray(np.fmax(*ways), dtype=float)


def _rates(taught: Floats) -> Floats:
    """Each bin's share of each group among the people of the other folds, drawn to the share over all bins."""
    rows = taught.sum(axis=2, keepdims=True)
    overall = taught.sum(axis=1, keepdims=True) / np.maximum(rows.sum(axis=1, keepdims=True), 1)
    return np.asarray((taught + DRAWN_BY * overall) / (rows + DRAWN_BY), dtype=float)


def _order(taught: Floats) -> Floats:
    """The bins' numbers, turned the way in which the group lies among the people of the other folds.

    The missing, who are bin 0, stand where the mean of the known does: this way tells nothing from being missing.
    """
    numbers = np.arange(taught.shape[1], dtype=float)[None, :, None]
    known = taught * (numbers > 0)
    sums, rows = (known * numbers).sum(axis=1, keepdims=True), np.maximum(known.sum(axis=1, keepdims=True), 1e-9)
    everybody = sums.sum(axis=2, keepdims=True) / np.maximum(known.sum(axis=(1, 2), keepdims=True), 1e-9)
    placed = np.where(numbers > 0, numbers - everybody, 0.0)
    return np.asarray(placed * np.where(sums / rows >= everybody, 1.0, -1.0), dtype=float)


def _pairs_won(scores: Floats, counts: Floats, rest: Floats) -> Floats:
    """The share of pairs (one of the group, one not, of one fold) in which the group's has the higher score."""
    higher = (scores[:, :, None] > scores[:, None, :]) + 0.5 * (scores[:, :, None] == scores[:, None, :])
    right = np.einsum("fbg,fbcg,fcg->g", counts, higher, rest)
    pairs = (counts.sum(axis=1) * rest.sum(axis=1)).sum(axis=0)
    return np.asarray(np.divide(right, pairs, out=np.full(right.shape, np.nan), where=pairs > 0), dtype=float)


def score_auc(score: Floats, inside: NDArray[np.bool_], folds: Codes) -> float:
    """The AUC of held-out scores, pairs compared within a fold: two folds' scores are not on one scale."""
    right = pairs = 0.0
    for fold in np.unique(folds):
        here = (folds == fold) & ~np.isnan(score)
        group, rest = np.sort(score[here & inside]), np.sort(score[here & ~inside])
        below = np.searchsorted(rest, group, side="left") + np.searchsorted(rest, group, side="right")
        right += float(below.sum()) / 2
        pairs += float(group.size * rest.size)
    return right / pairs if pairs else math.nan
