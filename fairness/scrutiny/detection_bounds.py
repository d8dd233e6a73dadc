"""What a recorded gap says about the true one, when offences are not all detected and proven.

Recorded = offended x detected, and P(detected) = s(group, listed or not): four chances. For given chances the number
who truly offended among listed and unlisted rows is the number proven over the chance, and every rate follows. Over a
range of chances each contrast runs from a lowest to a highest value: the *sharp* bounds, for each value between is
that of some chances in the range. Sampling error is added to both ends (Imbens and Manski 2004, Econometrica 72:
the interval holds the true contrast, not the whole set, with the level's chance).

The board's range is a box of ratios (policy ``detection``): everybody else's chance while not listed; a group's over
everybody else's, among listed and among unlisted alike; a listed person's over an unlisted one's, in the group and
outside it alike. Each cell's chance is a mean over its people: nothing is assumed about who in it is found out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist

import numpy as np

from desist.fairness.policy import Detection
from desist.fairness.statistics.intervals import Floats

#: Points along each side of the searched square, and how often the search closes in on its extremes.
POINTS, ROUNDS = 11, 4


@dataclass(frozen=True)
class Share:
    """A recorded share and how many independent rows it rests on."""

    value: float
    worth: float

    def limits(self, z: float) -> tuple[float, float]:
        """Wilson's score interval; from 0 to 1 where there is no row."""
        if self.worth <= 0:
            return 0.0, 1.0
        scale = 1 + z * z / self.worth
        centre = self.value + z * z / (2 * self.worth)
        half = z * math.sqrt(self.value * (1 - self.value) / self.worth + z * z / (4 * self.worth**2))
        return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


@dataclass(frozen=True)
class Side:
    """What was recorded of a group, or of everybody else: the share listed, and the share proven among those listed
    and among those not."""

    listed: Share
    proven_listed: Share
    proven_unlisted: Share

    @property
    def shares(self) -> tuple[Share, Share, Share]:
        return self.listed, self.proven_listed, self.proven_unlisted

    def lowest(self, z: float) -> tuple[float, float]:
        """The least chances, listed and not, that these records allow: more cannot be proven than offended."""
        return self.proven_listed.limits(z)[0], self.proven_unlisted.limits(z)[0]


#: A rate from the share listed, the shares proven (listed, not), and the chances of detection (listed, not).
Rate = Callable[[float, float, float, Floats, Floats], Floats]


def _offended(q: float, a: float, b: float, s1: Floats, s0: Floats) -> tuple[Floats, Floats]:
    """Shares of all rows that truly offended and are listed, and that offended and are not."""
    return q * np.minimum(1.0, a / s1), (1 - q) * np.minimum(1.0, b / s0)


def _over(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))


def _fpr(q: float, a: float, b: float, s1: Floats, s0: Floats) -> Floats:
    listed, unlisted = _offended(q, a, b, s1, s0)
    return _over(q - listed, 1 - listed - unlisted)


def _fnr(q: float, a: float, b: float, s1: Floats, s0: Floats) -> Floats:
    listed, unlisted = _offended(q, a, b, s1, s0)
    return _over(unlisted, listed + unlisted)


def _base_rate(q: float, a: float, b: float, s1: Floats, s0: Floats) -> Floats:
    listed, unlisted = _offended(q, a, b, s1, s0)
    return np.asarray(listed + unlisted)


#: Every rate here rises or falls throughout with each chance, and along each fixed ratio of the two: so its extremes
#: over a polygon of (log) chances lie at corners.
RATES: dict[str, Rate] = {
    "fpr": _fpr,
    "fnr": _fnr,
    "ppv": lambda q, a, b, s1, s0: np.minimum(1.0, a / s1),
    "fdr": lambda q, a, b, s1, s0: 1 - np.minimum(1.0, a / s1),
    "for": lambda q, a, b, s1, s0: np.minimum(1.0, b / s0),
    "base_rate": _base_rate,
    "sensitivity": lambda q, a, b, s1, s0: 1 - _fnr(q, a, b, s1, s0),
    "over_prediction": lambda q, a, b, s1, s0: -_base_rate(q, a, b, s1, s0),
}


@dataclass(frozen=True)
class Contrast:
    """A group against everybody else in one metric.

    ``recorded``: the recorded gap with its half-widths below and above at ``z`` for a metric that contains the scores
    too; detection then moves that gap by what it moves ``rate``. None: the gap *is* that of ``rate``.
    """

    rate: str
    group: Side
    others: Side
    recorded: tuple[float, float, float] | None = None
    z: float = 1.959963984540054
    #: How much wider than these shares imply the recorded intervals are, because rows of a person hang together.
    wider: tuple[float, float] = (1.0, 1.0)

    def at(self, chances: Floats) -> Floats:
        """The true gap under chances (group listed, group not, others listed, others not), one column each."""
        start = self.recorded[0] if self.recorded else 0.0
        group, others = self._side(self.group, chances[0], chances[1]), self._side(self.others, chances[2], chances[3])
        return np.asarray(start + group - others)

    def interval(self, chances: Floats, z: float) -> tuple[Floats, Floats]:
        """How far the gap may lie below and above by chance, by square-and-add over the shares' score intervals."""
        low_g, high_g = self._reach(self.group, chances[0], chances[1], z, self.wider[0])
        low_o, high_o = self._reach(self.others, chances[2], chances[3], z, self.wider[1])
        below, above = np.hypot(low_g, high_o), np.hypot(high_g, low_o)
        if self.recorded:
            # The moved part hangs together with the recorded one in an unknown way: the sum is the safe width.
            below, above = below + self.recorded[1] * z / self.z, above + self.recorded[2] * z / self.z
        return below, above

    def _side(self, side: Side, s1: Floats, s0: Floats) -> Floats:
        return _moved(self.rate, [share.value for share in side.shares], s1, s0, bool(self.recorded))

    def _reach(self, side: Side, s1: Floats, s0: Floats, z: float, wider: float) -> tuple[Floats, Floats]:
        below, above = reach(self.rate, side, s1, s0, z, only_the_move=bool(self.recorded))
        return wider * below, wider * above


def _moved(rate: str, shares: list[float], s1: Floats, s0: Floats, only_the_move: bool) -> Floats:
    """A true rate, or by how much it differs from the recorded one."""
    (q, a, b), one = shares, np.ones(1)
    value = RATES[rate](q, a, b, s1, s0)
    return np.asarray(value - RATES[rate](q, a, b, one, one)) if only_the_move else value


def reach(
    rate: str, side: Side, s1: Floats, s0: Floats, z: float, *, only_the_move: bool = False
) -> tuple[Floats, Floats]:
    """How far a side's true rate may lie below and above by chance: each share goes to its limits in turn."""
    values = [share.value for share in side.shares]
    middle = _moved(rate, values, s1, s0, only_the_move)
    below, above = np.zeros_like(middle), np.zeros_like(middle)
    for place, share in enumerate(side.shares):
        ends = []
        for limit in share.limits(z):
            changed = [*values[:place], limit, *values[place + 1 :]]
            ends.append(np.nan_to_num(_moved(rate, changed, s1, s0, only_the_move) - middle))
        below += np.minimum(0, np.minimum(*ends)) ** 2
        above += np.maximum(0, np.maximum(*ends)) ** 2
    return np.sqrt(below), np.sqrt(above)


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest true gap over the ranges (``sharp``), and with sampling error (``low``, ``high``).

    All None where no chances in the ranges fit the records (``fits`` False). ``trimmed``: the lowest do not.
    """

    sharp_low: float | None
    sharp_high: float | None
    low: float | None
    high: float | None
    fits: bool
    trimmed: bool


IMPOSSIBLE = Bounds(None, None, None, None, fits=False, trimmed=True)


def bounds(contrast: Contrast, ranges: Detection, level: float) -> Bounds:
    """The bounds of a contrast over the board's ranges, at a level such as 0.95."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    low_at, high_at, trimmed = _extremes(contrast, ranges, z)
    if not low_at.size:
        return IMPOSSIBLE
    low_gap, high_gap = contrast.at(low_at), contrast.at(high_at)
    sharp_low, sharp_high = float(np.nanmin(low_gap)), float(np.nanmax(high_gap))
    below, above = contrast.interval(low_at, 1.0)[0], contrast.interval(high_at, 1.0)[1]
    spread = max(float(below[np.nanargmin(low_gap)]), float(above[np.nanargmax(high_gap)]))
    c = critical(sharp_high - sharp_low, spread, level)
    low = float(np.nanmin(low_gap - contrast.interval(low_at, c)[0]))
    high = float(np.nanmax(high_gap + contrast.interval(high_at, c)[1]))
    # No gap is beyond 100 in 100; a rate of nearly nobody can reach further in square-and-add.
    return Bounds(sharp_low, sharp_high, max(low, -1.0), min(high, 1.0), fits=True, trimmed=trimmed)


def critical(width: float, spread: float, level: float) -> float:
    """Imbens and Manski's number of standard errors: one-sided where the bounds are far apart, two-sided at a point."""
    normal = NormalDist()
    low, high = normal.inv_cdf(level), normal.inv_cdf((1 + level) / 2)
    if spread <= 0:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        if normal.cdf(middle + width / spread) - normal.cdf(-middle) < level:
            low = middle
        else:
            high = middle
    return high


def _extremes(contrast: Contrast, ranges: Detection, z: float) -> tuple[Floats, Floats, bool]:
    """Chances among which the lowest, and among which the highest, true gap lies; and whether some did not fit."""
    least = (*contrast.group.lowest(z), *contrast.others.lowest(z))
    found = []
    for sign in (1.0, -1.0):
        low, high, kept = np.zeros(2), np.ones(2), []
        for _ in range(1 + ROUNDS):
            lattice = _square(low, high)
            chances, where = _corners(ranges, least, *_others(ranges, least, lattice), lattice)
            kept.append(chances)
            if not chances.size:
                break
            best = where[:, np.argmin(_known(sign * contrast.at(chances)))]
            step = (high - low) / (POINTS - 1)
            low, high = np.maximum(0.0, best - step), np.minimum(1.0, best + step)
        found.append(np.concatenate(kept, axis=1))
    return found[0], found[1], _do_not_fit(ranges, least)


def _known(values: Floats) -> Floats:
    """Undefined values as the worst for a search, so that it never ends there."""
    return np.asarray(np.where(np.isnan(values), np.inf, values))


def _square(low: Floats, high: Floats) -> Floats:
    """A lattice of points of the square with these corners."""
    axes = np.meshgrid(*np.linspace(low, high, POINTS).T, indexing="ij")
    return np.stack([axis.ravel() for axis in axes])


#: Slack for rounding when a point lies exactly on a border.
SLACK = 1e-9
#: Least chances that the records allow: group listed, group not, others listed, others not.
Least = tuple[float, float, float, float]


def _do_not_fit(ranges: Detection, least: Least) -> bool:
    """Whether the records rule out the lowest chances that the ranges allow."""
    overall, between, selected = ranges.overall[0], ranges.between_groups[0], ranges.selected[0]
    asked = (overall * between * selected, overall * between, overall * selected, overall)
    return any(chance < limit - SLACK for chance, limit in zip(asked, least, strict=True))


def _others(ranges: Detection, least: Least, lattice: Floats) -> tuple[Floats, Floats]:
    """Chances of listed and of unlisted others that fit: the unit square stretched over their polygon.

    Points for which there are none come out as missing.
    """
    (b_low, b_high), (k_low, k_high) = ranges.between_groups, ranges.selected
    first = max(ranges.overall[0], least[3], least[2] / k_high, least[1] / b_high, least[0] / (b_high * k_high))
    last = min(ranges.overall[1], 1.0, 1 / k_low, 1 / b_low, 1 / (b_low * k_low))
    o0 = _stretched(np.full(lattice.shape[1], first), np.full(lattice.shape[1], last), lattice[0])
    lowest = np.maximum(k_low * o0, max(least[2], least[0] / b_high, least[1] * k_low / b_high))
    return _stretched(lowest, np.minimum(k_high * o0, min(1.0, 1 / b_low)), lattice[1]), o0


def _stretched(low: Floats, high: Floats, place: Floats) -> Floats:
    """The point at a place from 0 to 1 between two chances, on the log scale; missing where low is beyond high."""
    with np.errstate(invalid="ignore", divide="ignore"):
        width = np.log(high) - np.log(low)
        return np.asarray(np.where(width >= -SLACK, low * np.exp(place * np.maximum(width, 0.0)), np.nan))


def _corners(ranges: Detection, least: Least, o1: Floats, o0: Floats, lattice: Floats) -> tuple[Floats, Floats]:
    """For each chance of others the corners of the polygon of the group's chances that fit, and their places."""
    (b_low, b_high), (k_low, k_high) = ranges.between_groups, ranges.selected
    lines1 = [np.maximum(b_low * o1, least[0]), np.minimum(b_high * o1, 1.0)]
    lines0 = [np.maximum(b_low * o0, least[1]), np.minimum(b_high * o0, 1.0)]
    pairs = list(product(lines1, lines0))
    pairs += [(ratio * s0, s0) for ratio, s0 in product((k_low, k_high), lines0)]
    pairs += [(s1, s1 / ratio) for ratio, s1 in product((k_low, k_high), lines1)]
    chances, points = [], []
    for s1, s0 in pairs:
        inside = _between(s1, *lines1) & _between(s0, *lines0) & _between(s1 / s0, k_low, k_high)
        chances.append(np.stack([s1, s0, o1, o0])[:, inside])
        points.append(lattice[:, inside])
    return np.concatenate(chances, axis=1), np.concatenate(points, axis=1)


def _between(values: Floats, low: Floats | float, high: Floats | float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """False too where a value is missing."""
    return np.asarray((values >= low - SLACK) & (values <= high + SLACK))
