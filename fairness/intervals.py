"""95 % intervals that a verdict can rest on: Wilson, Newcombe, what repeated rows are worth, bootstrap of people.

Rows of one person on several dates are not independent. For a proportion the *effective denominator* is
the number of rows divided by a design effect: the variance of the proportion when people, not rows, are the
sampling unit, over the binomial variance. Wilson's interval is then taken at the effective denominator.
Source: Newcombe 1998, Statistics in Medicine 17, methods 3 and 10; Kish 1965 for the design effect.

What is not a proportion (AUC, Brier score, mean estimate) has a bootstrap of people: whole people are drawn, with
all their rows. Every group and everybody outside it are followed in one pass over the replicates: rows lie sorted
by score, and the AUC outside a group is everybody's pairs minus the pairs in which the group takes part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
#: Normal quantile of a two-sided 95 % interval.
Z = 1.959963984540054

#: Rows times replicates held at once; bounds memory (some eight tables of this many floats), not the result.
CHUNK = 2_000_000
#: A standard error needs this share of the replicates to be defined.
DEFINED_SHARE = 0.95

METRICS = ("mean_estimate", "calibration_in_the_large", "brier", "auc")

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Members = NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; None where it is undefined."""

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


def wilson(successes: float, n: float) -> Interval:
    """Wilson's score interval of a proportion; undefined where ``n`` is 0. Both may be fractional (effective)."""
    if n <= 0:
        return UNDEFINED
    share = successes / n
    centre = share + Z * Z / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    low, high = (centre - half) / scale, (centre + half) / scale
    # At 0 and at n the score interval ends exactly there; rounding must not leave it a hair beside.
    return Interval(share, 0.0 if successes <= 0 else max(0.0, low), 1.0 if successes >= n else min(1.0, high))


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


def newcombe(successes: float, n: float, other_successes: float, other_n: float) -> Interval:
    """Difference of two independent proportions with Newcombe's hybrid score interval."""
    return difference(wilson(successes, n), wilson(other_successes, other_n))


def minus_wilson(mean: float, successes: float, n: float) -> Interval:
    """A mean estimate minus a rate, with the rate's score interval: calibration in the large.

    Never of width 0, however few events there are. ``n`` is the effective denominator of the *residuals*
    (estimate minus outcome), so that estimates which vary with the sample widen it.
    """
    rate = wilson(successes, n)
    if rate.value is None or rate.low is None or rate.high is None:
        return UNDEFINED
    return Interval(mean - rate.value, mean - rate.high, mean - rate.low)


def logit_interval(value: float, standard_error: float) -> Interval:
    """A value between 0 and 1 with an interval that is symmetric on the logit scale.

    No interval where the value is 0 or 1, or where replicates did not vary: nothing is known of its spread.
    """
    if math.isnan(value):
        return UNDEFINED
    if not 0 < value < 1 or not standard_error > 0:
        return Interval(value, None, None)
    middle = math.log(value / (1 - value))
    half = Z * standard_error / (value * (1 - value))
    return Interval(value, 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle)))


def rows_a_person(people: Codes) -> float:
    """Mean rows of a person, each row weighing one: 1 where nobody has two. 0 without rows."""
    if not people.size:
        return 0.0
    counts = np.bincount(people)
    return float((counts.astype(float) ** 2).sum() / counts.sum())


def design_effect(values: Floats, people: Codes, variance: float) -> float:
    """Variance of the mean of ``values`` with people as the unit, over ``variance / (n - 1)``.

    ``variance`` is the binomial one, rate times (1 - rate). Exactly 1 for a proportion where everybody has
    one row. NaN where the variance is 0 or there are fewer than two people.
    """
    number = values.size
    if number < 2 or variance <= 0:
        return math.nan
    sums = np.bincount(people, weights=values - values.mean())
    persons = int((np.bincount(people) > 0).sum())
    if persons < 2:
        return math.nan
    by_people = persons / (persons - 1) * float((sums**2).sum()) / number**2
    return by_people / (variance / (number - 1))


def within_person(effect: float, people: Codes) -> float:
    """How alike a person's rows are, 0 to 1, from a design effect over everybody; 1 where it is not known."""
    extra = rows_a_person(people) - 1
    if extra <= 0:
        return 0.0
    if math.isnan(effect):
        return 1.0
    return min(1.0, max(0.0, (effect - 1) / extra))


def effective(values: Floats, people: Codes, variance: float, likeness: float) -> float:
    """How many independent rows the rows of ``values`` are worth; never more than there are.

    Divides by the larger of the group's own design effect and the one that everybody's ``likeness`` implies
    for it: the own one is noisy in a small group and undefined where nobody, or everybody, counts.
    """
    own = design_effect(values, people, variance)
    implied = 1 + (rows_a_person(people) - 1) * likeness
    return float(values.size / max(1.0, implied, 0.0 if math.isnan(own) else own))


@dataclass(frozen=True)
class Replicates:
    """Per metric one row a replicate and one column a group: inside the group, and outside it."""

    inside: dict[str, Floats]
    outside: dict[str, Floats]

    def standard_error(self, metric: str) -> Floats:
        """Of the metric inside each group; NaN where too few replicates are defined."""
        return spread(self.inside[metric])

    def standard_error_outside(self, metric: str) -> Floats:
        return spread(self.outside[metric])

    def standard_error_of_gap(self, metric: str) -> Floats:
        """Of inside minus outside, both from the same draw of people."""
        return spread(self.inside[metric] - self.outside[metric])


def spread(values: Floats) -> Floats:
    """Standard deviation of each column, undefined replicates left out; NaN where they are more than 5 %."""
    defined = np.isfinite(values)
    enough = defined.sum(axis=0) >= max(2, DEFINED_SHARE * values.shape[0])
    result = np.full(values.shape[1], np.nan)
    if enough.any():
        result[enough] = np.nanstd(np.where(defined, values, np.nan)[:, enough], axis=0, ddof=1)
    return result


def people_bootstrap(
    y: Floats, score: Floats, people: Codes, members: Members, *, replicates: int, seed: int
) -> Replicates:
    """Replicates of every metric for the groups in ``members`` (rows x groups; groups may overlap).

    ``people`` numbers the persons from 0 without gaps. The same seed gives the same replicates.
    """
    order = np.argsort(score, kind="stable")
    sorted_rows = _Sorted(y[order], score[order], members[order])
    person_of_row, persons = people[order], int(people.max(initial=-1)) + 1
    random, parts = np.random.default_rng(seed), []
    step = max(1, CHUNK // max(1, y.size))
    for start in range(0, replicates, step):
        number = min(step, replicates - start)
        drawn = np.stack(
            [np.bincount(random.integers(persons, size=persons), minlength=persons) for _ in range(number)]
        )
        parts.append(sorted_rows.replicate(drawn[:, person_of_row].astype(float)))
    return Replicates(
        {metric: np.concatenate([inside[metric] for inside, _ in parts]) for metric in METRICS},
        {metric: np.concatenate([outside[metric] for _, outside in parts]) for metric in METRICS},
    )


def point_values(y: Floats, score: Floats, members: Members) -> Replicates:
    """The metrics on the rows as they are: one replicate in which everybody is drawn once."""
    order = np.argsort(score, kind="stable")
    inside, outside = _Sorted(y[order], score[order], members[order]).replicate(np.ones((1, y.size)))
    return Replicates(inside, outside)


def _starts(score: Floats) -> NDArray[np.intp]:
    """Where each run of equal scores begins."""
    return np.flatnonzero(np.r_[True, score[1:] != score[:-1]]) if score.size else np.zeros(0, dtype=np.intp)


class _Sorted:
    """Rows in the order of their score, prepared so that each replicate is a few passes over its weights."""

    def __init__(self, y: Floats, score: Floats, members: Members) -> None:
        self.y, self.score, self.members = y, score, members.astype(float)
        self.starts = _starts(score)
        self.block = np.repeat(np.arange(self.starts.size), np.diff(np.r_[self.starts, score.size]))
        self.rows_of = [np.flatnonzero(members[:, group]) for group in range(members.shape[1])]
        self.starts_of = [_starts(score[rows]) for rows in self.rows_of]

    def replicate(self, weights: Floats) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Metrics inside and outside every group; one row for each row of ``weights``."""
        sums = {
            "n": (weights @ self.members, weights.sum(axis=1)),
            "events": ((weights * self.y) @ self.members, weights @ self.y),
            "score": ((weights * self.score) @ self.members, weights @ self.score),
            "squares": ((weights * (self.score - self.y) ** 2) @ self.members, weights @ (self.score - self.y) ** 2),
        }
        inside = {name: part for name, (part, _) in sums.items()}
        outside = {name: whole[:, None] - part for name, (part, whole) in sums.items()}
        inside["pairs"], outside["pairs"] = self._concordance(weights)
        return _metrics(inside), _metrics(outside)

    def _concordance(self, weights: Floats) -> tuple[Floats, Floats]:
        """Pairs (event, non-event) with the event scored higher, ties half: within each group, and outside it."""
        events, others = weights * self.y, weights * (1 - self.y)
        blocks = [np.add.reduceat(part, self.starts, axis=1) for part in (events, others)]
        others_below = np.cumsum(blocks[1], axis=1) - 0.5 * blocks[1]
        events_above = blocks[0].sum(axis=1, keepdims=True) - np.cumsum(blocks[0], axis=1) + 0.5 * blocks[0]
        everybody = (blocks[0] * others_below).sum(axis=1, keepdims=True)
        with_group_event = (events * others_below[:, self.block]) @ self.members
        with_group_other = (others * events_above[:, self.block]) @ self.members
        within = np.zeros_like(with_group_event)
        for group, (rows, starts) in enumerate(zip(self.rows_of, self.starts_of, strict=True)):
            if rows.size:
                own_events, own_others = (np.add.reduceat(part[:, rows], starts, axis=1) for part in (events, others))
                below = np.cumsum(own_others, axis=1) - 0.5 * own_others
                within[:, group] = (own_events * below).sum(axis=1)
        return within, everybody - with_group_event - with_group_other + within


def _metrics(sums: dict[str, Floats]) -> dict[str, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums["score"] / sums["n"]
        pairs = sums["events"] * (sums["n"] - sums["events"])
        return {
            "mean_estimate": mean,
            "calibration_in_the_large": mean - sums["events"] / sums["n"],
            "brier": sums["squares"] / sums["n"],
            # Weights are counts, so a product below one half is an empty class.
            "auc": np.where(pairs < 0.5, np.nan, sums["pairs"] / pairs),
        }
