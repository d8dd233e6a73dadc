"""Intervals that a verdict can rest on: Wilson, Newcombe, and what lies on the log or the logit scale.

``z`` is the normal quantile of the two-sided level: 95 % unless an audit is a retry on the same outcomes.

Rows of one person on several dates are not independent: Wilson's interval is taken at the *effective denominator*
(``calibrated``).
Source: Newcombe 1998, Statistics in Medicine 17, methods 3 and 10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
#: Normal quantile of a two-sided 95 % interval.
Z = 1.959963984540054

_NORMAL = NormalDist()
#: An interval on the log scale wider than a factor of some twenty thousand says nothing.
MOST_LOGS = 10.0

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def z_of(level: float) -> float:
    """The normal quantile of a two-sided interval at ``level``."""
    if not 0 < level < 1:
        raise ValueError("a level lies between 0 and 1")
    return Z if level == LEVEL else _NORMAL.inv_cdf((1 + level) / 2)


def two_sided(z: float) -> float:
    """The chance of a normal deviate at least as far out as ``z``, on either side."""
    return math.erfc(abs(z) / math.sqrt(2))


@dataclass(frozen=True)
class Interval:
    """A value with its interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has both ends or none")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("an interval ends before it begins")

    @property
    def known(self) -> bool:
        """Whether value and interval are defined."""
        return self.value is not None and self.low is not None


UNDEFINED = Interval(None, None, None)


def wilson(successes: float, n: float, z: float = Z) -> Interval:
    """Wilson's score interval of a proportion; undefined where ``n`` is 0. Both may be fractional (effective)."""
    if n <= 0:
        return UNDEFINED
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = (centre - half) / scale, (centre + half) / scale
    # At 0 and at n the score interval ends exactly there; rounding must not leave it a hair beside.
    return Interval(share, 0.0 if successes <= 0 else max(0.0, low), 1.0 if successes >= n else min(1.0, high))


def guarded(successes: float, n: float, z: float = Z) -> Interval:
    """Wilson's interval with the end towards the nearer of 0 and 1 drawn out to the exact one-sided end.

    That end of Wilson's passes over a true rate beside 0 or 1 far more often than it says: one of 50 leaves out .1 in
    50, and comes about in one sample in ten. A verdict rests on this interval. The exact end (Clopper and Pearson
    1934, Biometrika 26) is that of the chance which a two-sided interval allows in all, so that it matters for some
    dozen successes or failures and no more. No end moves where both are many.
    """
    found = wilson(successes, n, z)
    if found.low is None or found.high is None:
        return found
    few = min(successes, n - successes)
    # Beyond some ten successes (z = 1.96), 120 (3.3) or 330 (4) Wilson's end is the wider one: measured.
    if not 0 < few < max(2.0, 1.5 * z**4):
        return found
    from scipy.special import betaincinv

    end = float(betaincinv(few, n - few + 1, two_sided(z)))
    if successes <= n - successes:
        return Interval(found.value, min(found.low, end), found.high)
    return Interval(found.value, found.low, max(found.high, 1 - end))


def difference(group: Interval, others: Interval) -> Interval:
    """Group minus others from their two independent intervals, by square-and-add.

    With two Wilson intervals this is Newcombe's method 10. People who are in both (age bands change from date
    to date) make the two vary together, so the true interval is narrower than this one: it errs to caution.
    """
    if group.value is None or others.value is None:
        return UNDEFINED
    gap = group.value - others.value
    if group.low is None or group.high is None or others.low is None or others.high is None:
        return Interval(gap, None, None)
    below = math.hypot(group.value - group.low, others.high - others.value)
    above = math.hypot(group.high - group.value, others.value - others.low)
    return Interval(gap, gap - below, gap + above)


def newcombe(successes: float, n: float, other_successes: float, other_n: float, z: float = Z) -> Interval:
    """Difference of two independent proportions with Newcombe's hybrid score interval."""
    return difference(wilson(successes, n, z), wilson(other_successes, other_n, z))


def guarded_difference(successes: float, n: float, other_successes: float, other_n: float, z: float = Z) -> Interval:
    """The same from guarded intervals: what a verdict on a proportion rests on."""
    return difference(guarded(successes, n, z), guarded(other_successes, other_n, z))


def mean_of(parts: Sequence[Interval]) -> Interval:
    """The unweighted mean of independent values, by square-and-add; undefined where one of them is."""
    values = [part.value for part in parts if part.value is not None]
    if not parts or len(values) < len(parts):
        return UNDEFINED
    mean = math.fsum(values) / len(parts)
    below = above = 0.0
    for part in parts:
        if part.value is None or part.low is None or part.high is None:
            return Interval(mean, None, None)
        below, above = math.hypot(below, part.value - part.low), math.hypot(above, part.high - part.value)
    return Interval(mean, mean - below / len(parts), mean + above / len(parts))


def plain_interval(value: float, standard_error: float, z: float = Z) -> Interval:
    """A value with an interval that is symmetric round it; none where nothing is known of its spread."""
    if math.isnan(value):
        return UNDEFINED
    if not standard_error > 0:
        return Interval(value, None, None)
    return Interval(value, value - z * standard_error, value + z * standard_error)


def logit_interval(value: float, standard_error: float, z: float = Z) -> Interval:
    """A value between 0 and 1 with an interval that is symmetric on the logit scale.

    No interval where the value is 0 or 1, or where replicates did not vary: nothing is known of its spread.
    """
    if math.isnan(value):
        return UNDEFINED
    if not 0 < value < 1 or not standard_error > 0:
        return Interval(value, None, None)
    middle = math.log(value / (1 - value))
    half = z * standard_error / (value * (1 - value))
    return Interval(value, _logistic(middle - half), _logistic(middle + half))


def log_interval(value: float, standard_error: float, z: float = Z) -> Interval:
    """A value above 0 with an interval that is symmetric on the log scale; none where the value is 0 or less."""
    if math.isnan(value):
        return UNDEFINED
    if not value > 0 or not standard_error > 0 or z * standard_error / value > MOST_LOGS:
        return Interval(value, None, None)
    half = z * standard_error / value
    return Interval(value, value * math.exp(-half), value * math.exp(half))


def _logistic(value: float) -> float:
    """1 / (1 + exp(-value)) without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
