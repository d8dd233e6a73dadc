"""How many independent rows a margin asks for, planned before any result of a group is seen (DOMAIN section 8).

Planning uses everybody's rows: a group's own luck must not decide whether it is big enough. A metric's *spread* is
the variance of one independent row's share in it, so that its standard error is sqrt(spread / effective denominator).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desist.fairness.statistics.intervals import Z

if TYPE_CHECKING:
    from desist.fairness.statistics.group_measures import GroupRow, Measure

#: Planned chance of ``meets`` where there is no gap at all.
POWER = 0.8
#: Normal quantile that gives equivalence that power: both ends must hold, and each fails with chance .1.
POWER_Z = 1.2815515655446004
#: The same where only the harmful side must hold: that one fails with chance .2.
POWER_Z_ONE_SIDED = 0.8416212335729143

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
    return _rows(spread(metric, measure, z), margin, others_effective, z, harm)


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


def planned_denominator(rate: float, margin: float, others: float, z: float = Z, *, harm: str = "both") -> float:
    """How many independent rows a proportion needs for power .8 at no gap; infinite where the others are too few.

    ``rate`` is everybody's, so that a group's own luck doesn't decide whether it is big enough.
    """
    return _rows(rate * (1 - rate), margin, others, z, harm)


def smallest_margin(rate: float, rows: float, others: float, z: float = Z, *, harm: str = "both") -> float:
    """The margin that so many independent rows of a group could be held to with power .8 at no gap."""
    if rows <= 0 or others <= 0:
        return math.inf
    return (z + _power_z(harm)) * math.sqrt(rate * (1 - rate) * (1 / rows + 1 / others))


def planning_rate(successes: float, n: float) -> float:
    """A rate to plan with, drawn a little to one half: a rate of exactly 0 would ask for nobody."""
    return (successes + 2) / (n + 4)


def _power_z(harm: str) -> float:
    return POWER_Z if harm == "both" else POWER_Z_ONE_SIDED


def _rows(variance: float, margin: float, others: float, z: float, harm: str) -> float:
    if not math.isfinite(variance):
        return math.inf
    wanted = (margin / (z + _power_z(harm))) ** 2
    left = wanted - (variance / others if others > 0 else math.inf)
    return variance / left if left > 0 else math.inf
