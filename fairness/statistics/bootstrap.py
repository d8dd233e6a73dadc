"""A bootstrap of people for what is not a proportion, and for contrasts that share people: exact, in one pass.

Whole people are drawn, with all their rows. Every group and everybody outside it are followed in one pass over rows
that lie sorted by score: the AUC outside a group is everybody's pairs minus the pairs in which the group takes part.
The same people and the same seed give the same draws, whatever the groups and the scores are, so that several
characteristics, or two models, are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.fairness.statistics import kernels
from desist.fairness.statistics.intervals import Codes, Floats
from desist.fairness.statistics.kernels import LANES
from desist.fairness.statistics.slopes import Bins, Slopes

#: A standard error needs this share of the replicates to be defined.
DEFINED_SHARE = 0.95

#: Bins of the logit for the slopes of replicates, and of the rows as they are, which are fitted once.
BINS, POINT_BINS = Bins(most=256, fewest=32, cells=32_768), Bins(most=4096, fewest=32, cells=131_072)

Values = dict[str, Floats]


def _number(sums: Values) -> Floats:
    """How many rows; NaN for none, because rounding may leave a hair of a sum where nobody is left."""
    n = sums["others"] + sums["events"]
    return np.where(n > 0, n, np.nan)


#: Each metric from what a pass has summed; 0 / 0 is not defined.
FORMULAS: Mapping[str, Callable[[Values], Floats]] = {
    "mean_estimate": lambda sums: sums["estimates"] / _number(sums),
    "calibration_in_the_large": lambda sums: (sums["estimates"] - sums["events"]) / _number(sums),
    "brier": lambda sums: sums["squares"] / _number(sums),
    "auc": lambda sums: sums["pairs"] / (sums["events"] * sums["others"]),
    "cross_auc": lambda sums: sums["cross"] / (sums["events"] * sums["against"]),
    "selection": lambda sums: (sums["found"] + sums["false_alarms"]) / _number(sums),
    "fpr": lambda sums: sums["false_alarms"] / sums["others"],
    "fnr": lambda sums: 1 - sums["found"] / sums["events"],
    "ppv": lambda sums: sums["found"] / (sums["found"] + sums["false_alarms"]),
}
METRICS = (*FORMULAS, "calibration_slope")
#: What needs pairs of rows; without it a pass takes half the time.
RANKING = frozenset({"auc", "cross_auc"})


@dataclass(frozen=True)
class Replicates:
    """Per metric one row a replicate and one column a group: inside it, and outside it; ``everybody``: one column."""

    inside: Values
    outside: Values
    everybody: Values

    def gap(self, metric: str) -> Floats:
        """Inside minus outside, both from the same draw of people."""
        return self.inside[metric] - self.outside[metric]

    def standard_error(self, metric: str) -> Floats:
        """Of the metric inside each group; NaN where too few replicates are defined."""
        return spread(self.inside[metric])

    def standard_error_outside(self, metric: str) -> Floats:
        return spread(self.outside[metric])

    def standard_error_of_everybody(self, metric: str) -> float:
        return float(spread(self.everybody[metric])[0])

    def standard_error_of_gap(self, metric: str) -> Floats:
        """Of inside minus outside, both from the same draw of people."""
        return spread(self.gap(metric))


def spread(values: Floats) -> Floats:
    """Standard deviation of each column, undefined replicates left out; NaN where they are more than 5 %."""
    defined = np.isfinite(values)
    enough = defined.sum(axis=0) >= max(2, DEFINED_SHARE * values.shape[0])
    result = np.full(values.shape[1], np.nan)
    if enough.any():
        result[enough] = np.nanstd(np.where(defined, values, np.nan)[:, enough], axis=0, ddof=1)
    return result


def people_bootstrap(
    y: Floats,
    score: Floats,
    people: Codes,
    codes: Codes,
    groups: int,
    *,
    cut_off: float,
    replicates: int,
    seed: int,
    metrics: Collection[str] = METRICS,
) -> Replicates:
    """Replicates of every metric, inside and outside each group, and over everybody.

    ``people`` numbers the persons from 0 without gaps, ``codes`` each row's group from 0 to ``groups - 1``. The cut-off
    selects scores that reach it. ``cross_auc``: the chance that a group's event scores above everybody else's
    non-event (outside: everybody else's event above the group's non-event); it is not defined for everybody.
    NaN where a replicate leaves a metric undefined.
    """
    rows = _Rows(y, score, people, codes, groups, cut_off, metrics, BINS)
    persons = int(people.max(initial=-1)) + 1
    lanes = -(-replicates // LANES) * LANES
    seeds = np.random.SeedSequence(seed).generate_state(lanes, np.uint64)
    times, parts = np.zeros((persons, LANES), np.uint8), []
    for start in range(0, lanes, LANES):
        kernels.draw(seeds[start : start + LANES], persons, times)
        parts.append(rows.replicates(times, min(LANES, replicates - start)))
    return _joined(parts)


def point_values(
    y: Floats, score: Floats, codes: Codes, groups: int, *, cut_off: float, metrics: Collection[str] = METRICS
) -> Replicates:
    """The metrics on the rows as they are: one replicate in which everybody is drawn once."""
    rows = _Rows(y, score, np.arange(y.size), codes, groups, cut_off, metrics, POINT_BINS)
    return _joined([rows.replicates(np.ones((y.size, LANES), np.uint8), 1)])


def times_drawn(persons: int, *, replicates: int, seed: int) -> NDArray[np.uint8]:
    """How often ``people_bootstrap`` draws each person in each replicate; persons x replicates."""
    lanes = -(-replicates // LANES) * LANES
    seeds = np.random.SeedSequence(seed).generate_state(lanes, np.uint64)
    times = np.empty((persons, lanes), np.uint8)
    for start in range(0, lanes, LANES):
        block = np.empty((persons, LANES), np.uint8)
        kernels.draw(seeds[start : start + LANES], persons, block)
        times[:, start : start + LANES] = block
    return times[:, :replicates]


def _joined(parts: Sequence[tuple[Values, Values, Values]]) -> Replicates:
    """The blocks of replicates below each other."""
    inside, outside, everybody = (
        {metric: np.concatenate([part[place][metric] for part in parts]) for metric in parts[0][place]}
        for place in range(3)
    )
    return Replicates(inside, outside, everybody)


class _Rows:
    """Rows in the order of their score, prepared so that a block of replicates is one pass over them."""

    def __init__(
        self,
        y: Floats,
        score: Floats,
        people: Codes,
        codes: Codes,
        groups: int,
        cut_off: float,
        metrics: Collection[str],
        bins: Bins,
    ) -> None:
        if codes.size and not 0 <= int(codes.min()) <= int(codes.max()) < groups:
            raise ValueError(f"groups are numbered from 0 to {groups - 1}")
        order = np.lexsort((codes, score))
        self.groups, self._metrics = groups, metrics
        self.score = np.ascontiguousarray(score[order], dtype=np.float64)
        self.event = np.ascontiguousarray(y[order] == 1)
        self.person = np.ascontiguousarray(people[order], dtype=np.int64)
        self.group = np.ascontiguousarray(codes[order], dtype=np.int64)
        self.ends = np.flatnonzero(np.r_[self.score[1:] != self.score[:-1], True][: y.size]) + 1
        self.first_selected = int(np.searchsorted(self.score, cut_off, side="left"))
        self._sums = np.empty(groups * kernels.STRIDE)
        self._below = np.empty(groups * 2 * LANES)
        self._slopes = None
        if "calibration_slope" in metrics:
            self._slopes = Slopes(self.score, self.event, self.person, self.group, groups, bins)

    def replicates(self, times: NDArray[np.uint8], number: int) -> tuple[Values, Values, Values]:
        """Metrics inside and outside every group, and of everybody, for the first ``number`` lanes of ``times``."""
        if RANKING.isdisjoint(self._metrics):
            kernels.count(
                self.person, self.event, self.score, self.group, self.first_selected, self.groups, times, self._sums,
                self._below,
            )  # fmt: skip
        else:
            kernels.follow(
                self.person, self.event, self.score, self.group, self.ends, self.first_selected, self.groups, times,
                self._sums, self._below,
            )  # fmt: skip
        parts = _sides(self._named(number))
        with np.errstate(divide="ignore", invalid="ignore"):
            inside, outside, whole = (
                {metric: formula(part) for metric, formula in FORMULAS.items() if metric in self._metrics}
                for part in parts
            )
        if self._slopes is not None:
            lines = self._slopes.of(times, number)
            for values, slopes in zip((inside, outside, whole), lines, strict=True):
                values["calibration_slope"] = slopes
        return inside, outside, whole

    def _named(self, number: int) -> Values:
        """What the pass has summed, by name; one row a replicate, one column a group."""
        sums = self._sums.reshape(self.groups, kernels.KINDS, LANES)[:, :, :number].transpose(1, 2, 0)
        below = self._below.reshape(self.groups, 2, LANES)[:, :, :number].transpose(1, 2, 0)
        names = ("others", "events", "estimates", "squares", "pairs", "events_over", "others_over")
        named = {name: np.ascontiguousarray(sums[place]) for place, name in enumerate(names)}
        named["false_alarms"] = named["others"] - below[0]
        named["found"] = named["events"] - below[1]
        return named


def _sides(inside: Values) -> tuple[Values, Values, Values]:
    """Sums inside each group, outside it and of everybody. Pairs outside: all but those the group takes part in."""
    whole = {name: part.sum(axis=1, keepdims=True) for name, part in inside.items()}
    outside = {name: whole[name] - part for name, part in inside.items()}
    with_group_other = inside["others"] * whole["events"] - inside["others_over"]
    outside["pairs"] = whole["events_over"] - inside["events_over"] - with_group_other + inside["pairs"]
    outside["cross"], outside["against"] = with_group_other - inside["pairs"], inside["others"]
    inside["cross"], inside["against"] = inside["events_over"] - inside["pairs"], outside["others"]
    whole["pairs"] = whole["events_over"]
    whole["cross"] = whole["against"] = np.zeros_like(whole["pairs"])
    return inside, outside, whole
