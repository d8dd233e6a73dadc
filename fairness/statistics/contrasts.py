"""One group against others: the interval of a gap at any level, and how far out a limit lies.

A metric over some rows is kept as what its interval is made of, so that the interval can be taken again at another
level: a score interval of a rate (*worth* so many independent rows), or a standard error on a suitable scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desist.fairness.statistics import intervals
from desist.fairness.statistics.intervals import UNDEFINED, Interval, Z

PLAIN_SCALE = ("excess_fpr",)
LOG_SCALE = ("brier", "calibration_slope")
#: A smaller standard error is rounding: nothing varied.
SMALLEST_ERROR = 1e-9
#: Further out than this the normal chance is 0 to fifteen digits.
FURTHEST_Z = 8.0


@dataclass(frozen=True)
class Estimated:
    """A metric over some rows, and what its interval is made of.

    ``effective``: what the denominator is worth in independent rows. Either ``rate`` with the ``worth`` of its score
    interval and the ``scale`` on which the value follows it (-1: a higher rate is a lower value), or ``error``, a
    standard error.
    """

    value: float | None
    denominator: int
    effective: float
    rate: float | None = None
    worth: float = 0.0
    error: float | None = None
    scale: float = 1.0

    def interval(self, metric: str, z: float = Z) -> Interval:
        """The metric with its interval at the two-sided level of ``z``."""
        return self._interval(metric, z, intervals.wilson)

    def for_contrast(self, metric: str, z: float = Z) -> Interval:
        """The same, drawn out towards a near 0 or 1, so that a contrast may rest on it."""
        return self._interval(metric, z, intervals.guarded)

    def _interval(self, metric: str, z: float, of_rate: Callable[[float, float, float], Interval]) -> Interval:
        if self.value is None:
            return UNDEFINED
        if self.rate is not None:
            return self._laid_round(of_rate(self.rate * self.worth, self.worth, z))
        error = math.nan if self.error is None or self.error < SMALLEST_ERROR else self.error
        if metric in PLAIN_SCALE:
            return intervals.plain_interval(self.value, error, z)
        return (intervals.log_interval if metric in LOG_SCALE else intervals.logit_interval)(self.value, error, z)

    def _laid_round(self, rate: Interval) -> Interval:
        """The interval of the rate, on the value's scale and round the value."""
        if self.value is None or self.rate is None or rate.low is None or rate.high is None:
            return Interval(self.value, None, None)
        ends = [self.value + self.scale * (end - self.rate) for end in (rate.low, rate.high)]
        return Interval(self.value, min(self.value, *ends), max(self.value, *ends))


NOBODY = Estimated(None, 0, 0.0)


def gap(metric: str, group: Estimated, others: Estimated, z: float = Z) -> Interval:
    """Group minus everybody else."""
    return intervals.difference(group.for_contrast(metric, z), others.for_contrast(metric, z))


def gap_to_mean(
    metric: str, group: Estimated, others: Sequence[Estimated], z: float = Z, *, known_at: float | None = None
) -> Interval:
    """Group minus the unweighted mean of other groups; undefined where fewer than two of them are known.

    A large group decides what everybody else is like; here each community counts the same. ``known_at``: the quantile
    at which a group must have an interval to be one of them (``z`` itself unless told), so that at each level the
    same groups are meant.
    """
    known = [one for one in others if one.for_contrast(metric, z if known_at is None else known_at).known]
    if len(known) < 2:
        return UNDEFINED
    mean = intervals.mean_of([one.for_contrast(metric, z) for one in known])
    return intervals.difference(group.for_contrast(metric, z), mean)


def chance_beyond(contrast: Callable[[float], Interval], margin: float, harm: str, z: float = Z) -> float | None:
    """Two-sided p of a gap within the margin: 1 minus the level at which the interval would just touch the limit.

    ``contrast`` gives the interval at a normal quantile. Only a gap in the direction of ``harm`` ("higher", "lower",
    "both") is beyond it. None where the gap has no interval at ``z``, the audit's own quantile: further out than some
    quantile there may be none.
    """
    found = contrast(z)
    if found.value is None or not found.known:
        return None
    sides = {"higher": (1,), "lower": (-1,)}.get(harm, (1, -1))
    return min(_side(contrast, found.value, margin, side) for side in sides)


def _side(contrast: Callable[[float], Interval], value: float, margin: float, side: int) -> float:
    if side * value <= margin:
        return 1.0

    def clears(z: float) -> bool:
        found = contrast(z)
        end = found.low if side > 0 else found.high
        return end is not None and side * end > margin

    low, high = 0.0, FURTHEST_Z
    if clears(high):
        return 0.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if clears(middle) else (low, middle)
    return intervals.two_sided(low)
