"""Estimates of small groups that borrow from the other groups: shown beside their own, never the ground of a verdict.

Groups' rates are taken to scatter round a common mean (normal, empirical Bayes). A group with few people is drawn
towards that mean, one with many hardly at all. What is borrowed rests on the groups being alike, which is the very
thing in question: so these estimates may say what is likely, never that a group is within a limit.
Source: DerSimonian and Laird 1986, Controlled Clinical Trials 7, for the scatter; Morris 1983, JASA 78.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from desist.fairness.statistics.contrasts import Estimated
from desist.fairness.statistics.intervals import Z

WORDS = "borrowed from other groups"
#: Fewer groups than this tell nothing of how groups scatter.
FEWEST_GROUPS = 3


@dataclass(frozen=True)
class Borrowed:
    """A group's value drawn towards the common mean. ``own_share``: how much of it is the group's own, 0 to 1."""

    group: str
    own: float
    value: float
    low: float
    high: float
    own_share: float

    @property
    def words(self) -> str:
        """What stands beside the value."""
        return f"{100 * (1 - self.own_share):.0f} in 100 parts {WORDS}; no answer rests on it"


def borrow(metric: str, groups: Mapping[str, Estimated], z: float = Z) -> tuple[Borrowed, ...]:
    """Each known group's shrunken value, in the order given; none where fewer than three groups are known."""
    known = {}
    for name, estimated in groups.items():
        found = estimated.interval(metric, z)
        if found.value is not None and found.low is not None and found.high is not None and found.high > found.low:
            known[name] = (found.value, ((found.high - found.low) / (2 * z)) ** 2)
    if len(known) < FEWEST_GROUPS:
        return ()
    scatter = _scatter(list(known.values()))
    weights = {name: 1 / (variance + scatter) for name, (_, variance) in known.items()}
    total = math.fsum(weights.values())
    mean = math.fsum(weights[name] * value for name, (value, _) in known.items()) / total
    return tuple(
        _drawn(name, value, variance, mean, scatter, 1 / total, z) for name, (value, variance) in known.items()
    )


def _scatter(known: list[tuple[float, float]]) -> float:
    """Variance between the groups' true values, by moments; 0 where they differ no more than by chance."""
    weights = [1 / variance for _, variance in known]
    total = math.fsum(weights)
    mean = math.fsum(weight * value for weight, (value, _) in zip(weights, known, strict=True)) / total
    apart = math.fsum(weight * (value - mean) ** 2 for weight, (value, _) in zip(weights, known, strict=True))
    scale = total - math.fsum(weight * weight for weight in weights) / total
    return max(0.0, (apart - (len(known) - 1)) / scale)


def _drawn(name: str, value: float, variance: float, mean: float, scatter: float, of_mean: float, z: float) -> Borrowed:
    share = scatter / (scatter + variance)
    drawn = share * value + (1 - share) * mean
    half = z * math.sqrt(share * variance + (1 - share) ** 2 * of_mean)
    return Borrowed(name, value, drawn, drawn - half, drawn + half, share)
