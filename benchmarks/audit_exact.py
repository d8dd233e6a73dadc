"""What the verdict on a proportion does, by adding up every possible result: no simulation.

Two groups of n and m independent people, every pair of counts with its binomial chance, and the interval that the
audit itself puts round the difference. Nothing is left out: neither zero counts nor full ones.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from desist.fairness.statistics.intervals import Z, guarded, wilson

Floats = NDArray[np.float64]
Matrix = NDArray[np.bool_]


#: Counts further out than this many standard deviations, and so many more, are left out: together below 1e-12.
FURTHEST, FURTHER = 8, 20


@functools.lru_cache(maxsize=4096)
def ends(n: int, z: float = Z, least: int = 0, most: int | None = None) -> tuple[Floats, Floats, Floats]:
    """Share, and the ends of the interval that contrasts are made of, for ``least`` to ``most`` with the outcome."""
    found = [guarded(x, n, z) for x in range(least, (n if most is None else most) + 1)]
    return tuple(np.array([getattr(one, name) for one in found]) for name in ("value", "low", "high"))  # type: ignore[return-value]


def difference_ends(n: int, m: int, z: float = Z) -> tuple[Floats, Floats]:
    """Ends of the difference for every pair of counts (rows: the group's, columns: the others'), by square-and-add."""
    value, low, high = (end[:, None] for end in ends(n, z))
    other, other_low, other_high = (end[None, :] for end in ends(m, z))
    gap = value - other
    return gap - np.hypot(value - low, other_high - other), gap + np.hypot(high - value, other - other_low)


def within(n: int, m: int, margin: float, harm: str = "both", z: float = Z) -> Matrix:
    """For every pair of counts whether the answer is ``meets``."""
    low, high = difference_ends(n, m, z)
    above, below = low > -margin, high < margin
    return below if harm == "higher" else above if harm == "lower" else above & below


def chance(n: int, m: int, rate: float, other_rate: float, of: Matrix) -> float:
    """The chance of those pairs of counts, where these are the true rates."""
    return float(binom.pmf(np.arange(n + 1), n, rate) @ of @ binom.pmf(np.arange(m + 1), m, other_rate))


def oracle_power(n: int, m: int, rate: float, margin: float, harm: str = "both", z: float = Z) -> float:
    """Chance of ``meets`` at no gap for a test that knows both variances; exact over all pairs of counts."""
    reach = margin - z * float(np.sqrt(rate * (1 - rate) * (1 / n + 1 / m)))
    gap = np.arange(n + 1)[:, None] / n - np.arange(m + 1)[None, :] / m
    inside = gap < reach if harm == "higher" else gap > -reach if harm == "lower" else np.abs(gap) < reach
    return chance(n, m, rate, rate, inside)


def normal_oracle_power(variance: float, margin: float, harm: str = "both", z: float = Z) -> float:
    """The same where the difference is normal with a known variance."""
    reach = margin / np.sqrt(variance) - z
    if reach <= 0:
        return 0.0 if harm == "both" else float(norm.cdf(reach))
    return float(2 * norm.cdf(reach) - 1) if harm == "both" else float(norm.cdf(reach))


@dataclass(frozen=True)
class Size:
    """Chance of ``meets`` where the true gap is exactly the margin."""

    n: int
    m: int
    other_rate: float
    gap: float
    harm: str
    chance: float


def sizes(ns: list[int], others: list[float], rates: list[float], margins: list[float], harm: str) -> list[Size]:
    """Every cell: group sizes, how many times as many others (at most 1,000), others' rates, gaps of +- margin."""
    found = []
    for n in ns:
        for m in sorted({min(1000, max(4, round(n * times))) for times in others}):
            for margin in margins:
                inside = within(n, m, margin, harm)
                signs = {"both": (1, -1), "higher": (1,), "lower": (-1,)}[harm]
                for rate in rates:
                    found += [
                        Size(n, m, rate, sign * margin, harm, chance(n, m, rate + sign * margin, rate, inside))
                        for sign in signs
                        if 0 <= rate + sign * margin <= 1
                    ]
    return found


def _likely(n: int, rate: float) -> tuple[int, int]:
    """The least and the greatest count that come about at all."""
    reach = FURTHEST * float(np.sqrt(n * rate * (1 - rate))) + FURTHER
    return max(0, int(n * rate - reach)), min(n, int(n * rate + reach) + 1)


def size_at(n: int, m: int, rate: float, other_rate: float, harm: str) -> float:
    """Chance of ``meets`` where the margin is the gap between these rates; for any number of others."""
    mine, others = _likely(n, rate), _likely(m, other_rate)
    (value, low, high), (other, other_low, other_high) = ends(n, Z, *mine), ends(m, Z, *others)
    gap, margin = value[:, None] - other[None, :], abs(rate - other_rate)
    above = gap - np.hypot((value - low)[:, None], (other_high - other)[None, :]) > -margin
    below = gap + np.hypot((high - value)[:, None], (other - other_low)[None, :]) < margin
    of = below if harm == "higher" else above if harm == "lower" else above & below
    weights = binom.pmf(np.arange(mine[0], mine[1] + 1), n, rate)
    return float(weights @ of @ binom.pmf(np.arange(others[0], others[1] + 1), m, other_rate))


def beside_the_end(ns: list[int], others: list[int], counts: list[float], margins: list[float]) -> list[Size]:
    """Every cell where a group expects ``counts`` events, or non-events, and the others' rate is a margin away."""
    found = []
    for n, m, count, margin in itertools.product(ns, others, counts, margins):
        near = count / n
        if near + margin > 0.95:
            continue
        for rate, other, harmed in ((near, near + margin, "lower"), (1 - near, 1 - near - margin, "higher")):
            for harm in (harmed, "both"):
                found.append(Size(n, m, other, rate - other, harm, size_at(n, m, rate, other, harm)))
    return found


def wilson_coverage(n: int, rates: Floats) -> Floats:
    """The chance, at each true rate, that the audit's interval of n people's share holds it."""
    found = [wilson(x, n) for x in range(n + 1)]
    low, high = (np.array([getattr(one, name) for one in found]) for name in ("low", "high"))
    held = (low[:, None] <= rates) & (rates <= high[:, None])
    return np.asarray((binom.pmf(np.arange(n + 1)[:, None], n, rates) * held).sum(axis=0))


def newcombe_coverage(n: int, m: int, rate: float, other_rate: float) -> float:
    """The chance that the interval of a difference holds the true one."""
    low, high = difference_ends(n, m)
    gap = rate - other_rate
    return chance(n, m, rate, other_rate, (low <= gap) & (gap <= high))
