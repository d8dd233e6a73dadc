"""How many independent rows a margin asks for, planned before any result of a group is seen (DOMAIN section 8).

Planning uses everybody's rows: a group's own luck must not decide whether it is big enough. A metric's *spread* is
the variance of one independent row's share in it, so that its standard error is sqrt(spread / effective denominator).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING

from desist.fairness.statistics.intervals import Z, guarded

if TYPE_CHECKING:
    from desist.fairness.statistics.group_measures import GroupRow, Measure

#: Planned chance of ``meets`` where there is no gap at all.
POWER = 0.8
#: Normal quantile that gives equivalence that power: both ends must hold, and each fails with chance .1.
POWER_Z = 1.2815515655446004
#: The same where only the harmful side must hold: that one fails with chance .2.
POWER_Z_ONE_SIDED = 0.8416212335729143
#: A group of more independent rows than this is not planned for: no region has them.
MOST_ROWS = 10_000_000.0
#: Luck beyond six standard errors is left out of the planning, and ends are found to one part in 2^_HALVINGS.
MOST_LUCK, _HALVINGS = 6.0, 18

_NORMAL = NormalDist()

#: Metrics that are a share of some rows: their spread is rate times (1 - rate).
PROPORTIONS = (
    "base_rate", "selection", "fpr", "fnr", "ppv", "fdr", "for", "sensitivity_in_need", "benefit", "burden",
)  # fmt: skip


def needed(
    metric: str, everybody: GroupRow, margin: float, others_effective: float, z: float = Z, *, harm: str = "both"
) -> float:
    """Effective denominator at which a group reaches power .8 at no gap; infinite where no number would do.

    ``everybody``: the row of all judged rows, whose measures were made at the same ``z``. ``others_effective``: what
    the denominator of everybody outside the group is worth. ``harm`` "higher" or "lower" asks for one side only.
    Infinite too where everybody's measure is not known, or does not vary in what is known.
    """
    measure = everybody.measures.get(metric)
    if measure is None or measure.value is None:
        return math.inf
    if metric in PROPORTIONS:
        rate = planning_rate(measure.value * measure.effective, measure.effective)
        return planned_denominator(rate, margin, others_effective, z, harm=harm)
    return planned_rows(spread(metric, measure, z), margin, others_effective, z, harm=harm)


def spread(metric: str, measure: Measure, z: float = Z) -> float:
    """The variance of one independent row's share in a metric; infinite where an interval is not known.

    Of a proportion from its rate, drawn a little to one half; of all else from the width of its interval at ``z``.
    """
    if metric in PROPORTIONS:
        rate = planning_rate((measure.value or 0.0) * measure.effective, measure.effective)
        return rate * (1 - rate)
    if measure.low is None or measure.high is None or not measure.effective > 0:
        return math.inf
    error = (measure.high - measure.low) / (2 * z)
    return error * error * measure.effective if error > 0 else math.inf


@functools.lru_cache(maxsize=4096)
def planned_denominator(rate: float, margin: float, others: float, z: float = Z, *, harm: str = "both") -> float:
    """How many independent rows a proportion needs for power .8 at no gap; infinite where the others are too few.

    ``rate`` is everybody's, so that a group's own luck doesn't decide whether it is big enough. Power is that of the
    verdict itself: its ends lie unevenly round a rate near 0 or 1, where rate times (1 - rate) plans too few.
    """
    if not others > 0 or not 0 < rate < 1:
        return math.inf
    if planned_power(rate, MOST_ROWS, others, margin, z, harm=harm) < POWER:
        return math.inf
    return _least(lambda rows: planned_power(rate, rows, others, margin, z, harm=harm) >= POWER, 1.0, MOST_ROWS)


def planned_power(rate: float, rows: float, others: float, margin: float, z: float = Z, *, harm: str = "both") -> float:
    """The chance of ``meets`` by the verdict's interval where group and others truly have this rate."""
    missed = 0.0
    for side, asked in ((1, harm != "lower"), (-1, harm != "higher")):
        if asked:
            luck = _most_luck(rate, rows, others, margin, z, side)
            missed += 1.0 if luck < 0 else 1 - _NORMAL.cdf(luck)
    return max(0.0, 1 - missed)


def _most_luck(rate: float, rows: float, others: float, margin: float, z: float, side: int) -> float:
    """How many standard errors the gap may be off, towards ``side``, before its interval passes the margin."""
    if _reach(rate, rows, others, z, 0.0, side) >= margin:
        return -1.0
    if _reach(rate, rows, others, z, MOST_LUCK, side) < margin:
        return MOST_LUCK
    low, high = 0.0, MOST_LUCK
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _reach(rate, rows, others, z, middle, side) < margin else (low, middle)
    return low


def _reach(rate: float, rows: float, others: float, z: float, luck: float, side: int) -> float:
    """How far the interval goes towards ``side`` where the gap is so many standard errors off, by both in their part.

    Each group's share of that luck is its share of the variance: the likeliest way for it to come about.
    """
    of_group, of_others = 1 / rows, 1 / others
    off = luck * math.sqrt(rate * (1 - rate) / (of_group + of_others))
    group = guarded(rows * min(1.0, max(0.0, rate + side * off * of_group)), rows, z)
    other = rate, rate, rate
    if math.isfinite(others):
        ends = guarded(others * min(1.0, max(0.0, rate - side * off * of_others)), others, z)
        other = ends.low or 0.0, ends.value or 0.0, ends.high or 0.0
    value, low, high = group.value or 0.0, group.low or 0.0, group.high or 0.0
    if side > 0:
        return value - other[1] + math.hypot(high - value, other[1] - other[0])
    return other[1] - value + math.hypot(value - low, other[2] - other[1])


def _least(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The least number from which on ``holds``, to one part in ten thousand; it holds at ``high``."""
    if holds(low):
        return low
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def smallest_margin(rate: float, rows: float, others: float, z: float = Z, *, harm: str = "both") -> float:
    """The margin that so many independent rows of a group could be held to with power .8 at no gap; at most 1."""
    if rows <= 0 or others <= 0:
        return math.inf
    if planned_power(rate, rows, others, 1.0, z, harm=harm) < POWER:
        return math.inf
    return _least(lambda margin: planned_power(rate, rows, others, margin, z, harm=harm) >= POWER, 1e-6, 1.0)


def smallest_margin_of(variance: float, rows: float, others: float, z: float = Z, *, harm: str = "both") -> float:
    """The same for a metric that is no proportion, from the variance of one row's share in it."""
    if rows <= 0 or others <= 0:
        return math.inf
    return (z + _power_z(harm)) * math.sqrt(variance * (1 / rows + 1 / others))


def planning_rate(successes: float, n: float) -> float:
    """A rate to plan with, drawn a little to one half: a rate of exactly 0 would ask for nobody."""
    return (successes + 2) / (n + 4)


def _power_z(harm: str) -> float:
    return POWER_Z if harm == "both" else POWER_Z_ONE_SIDED


def planned_rows(variance: float, margin: float, others: float, z: float = Z, *, harm: str = "both") -> float:
    """How many independent rows a metric that is no proportion needs, from the variance of one row's share in it."""
    if not math.isfinite(variance):
        return math.inf
    wanted = (margin / (z + _power_z(harm))) ** 2
    left = wanted - (variance / others if others > 0 else math.inf)
    return variance / left if left > 0 else math.inf
