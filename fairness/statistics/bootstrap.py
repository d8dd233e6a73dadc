"""A bootstrap of people for what is not a proportion: AUC, Brier score, mean estimate.

Whole people are drawn, with all their rows. Every group and everybody outside it are followed in one pass over the
replicates: rows lie sorted by score, and the AUC outside a group is everybody's pairs minus the pairs in which the
group takes part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.fairness.statistics.intervals import Codes, Floats

#: Rows times replicates held at once; bounds memory (some eight tables of this many floats), not the result.
CHUNK = 2_000_000
#: A standard error needs this share of the replicates to be defined.
DEFINED_SHARE = 0.95

METRICS = ("mean_estimate", "calibration_in_the_large", "brier", "auc")

Members = NDArray[np.bool_]


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
