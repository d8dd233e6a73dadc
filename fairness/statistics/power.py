"""How many independent rows a margin asks for, planned before any result is seen (DOMAIN section 8)."""

from __future__ import annotations

import math

from desist.fairness.statistics.intervals import Z

#: Normal quantile that gives equivalence a power of .8 where there is no gap at all: both ends must hold, .1 each.
POWER_Z = 1.2815515655446004


def planned_denominator(rate: float, margin: float, others: float) -> float:
    """How many independent rows a group needs for power .8 at no gap; infinite where the others are too few.

    ``rate`` is everybody's, so that a group's own luck doesn't decide whether it is big enough.
    """
    wanted = (margin / (Z + POWER_Z)) ** 2
    spread = rate * (1 - rate)
    left = wanted - (spread / others if others > 0 else math.inf)
    return spread / left if left > 0 else math.inf


def planning_rate(successes: float, n: float) -> float:
    """A rate to plan with, drawn a little to one half: a rate of exactly 0 would ask for nobody."""
    return (successes + 2) / (n + 4)
