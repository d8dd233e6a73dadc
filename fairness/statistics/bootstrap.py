"""A bootstrap of people for what is not a proportion, and for contrasts that share people: exact, in one pass.

Whole people are drawn, with all their rows. Every group and everybody outside it are followed in one pass over rows
that lie sorted by score: the AUC outside a group is everybody's pairs minus the pairs in which the group takes part.
The same people and the same seed give the same draws, whatever the groups and the scores are, so that several
characteristics, or two models, are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.fairness.statistics import kernels
from desist.fairness.statistics.intervals import Codes, Floats
from desist.fairness.statistics.kernels import LANES

#: A standard error needs this share of the replicates to be defined.
DEFINED_SHARE = 0.95

#: Shares of rows beyond the cut-off.
AT_A_CUT_OFF = ("selection", "fpr", "fnr", "ppv")
FROM_SUMS = ("mean_estimate", "calibration_in_the_large", "brier", "auc", "cross_auc", *AT_A_CUT_OFF)
METRICS = (*FROM_SUMS, "calibration_slope")

#: Estimates nearer to 0 or 1 than this are taken as that near where a logit is asked for.
NEAREST = 1e-6
#: Bins of the logit from which a replicate's calibration slope is fitted; exact where there are no more scores than
#: bins. ``FEWEST_BINS`` for so many groups that their bins would not fit into ``CELLS``.
BINS, FEWEST_BINS, CELLS = 256, 32, 32_768
#: Bins for the slope of the rows as they are.
POINT_BINS = 4096

Values = dict[str, Floats]


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


def side_by_side(parts: Sequence[Replicates]) -> Replicates:
    """Several partitions' groups beside each other, and everybody in a last column, outside which is nobody.

    Sensible only for the same people, replicates and seed: then one row is one draw.
    """
    if not parts:
        raise ValueError("there is nothing to put side by side")
    everybody = parts[0].everybody
    inside = {metric: np.hstack([*(part.inside[metric] for part in parts), everybody[metric]]) for metric in everybody}
    nobody = {metric: np.full_like(values, np.nan) for metric, values in everybody.items()}
    outside = {metric: np.hstack([*(part.outside[metric] for part in parts), nobody[metric]]) for metric in everybody}
    return Replicates(inside, outside, everybody)


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
    rows = _Rows(y, score, people, codes, groups, cut_off, _bins(groups) if "calibration_slope" in metrics else 0)
    persons = int(people.max(initial=-1)) + 1
    lanes = -(-replicates // LANES) * LANES
    seeds = np.random.SeedSequence(seed).generate_state(lanes, np.uint64)
    times, parts = np.empty((persons, LANES), np.uint16), []
    for start in range(0, lanes, LANES):
        if persons:
            kernels.draw(seeds[start : start + LANES], persons, times)
        parts.append(rows.replicates(times, min(LANES, replicates - start)))
    return _joined(parts, [metric for metric in METRICS if metric in metrics])


def point_values(y: Floats, score: Floats, codes: Codes, groups: int, *, cut_off: float) -> Replicates:
    """The metrics on the rows as they are: one replicate in which everybody is drawn once."""
    rows = _Rows(y, score, np.arange(y.size), codes, groups, cut_off, POINT_BINS)
    return _joined([rows.replicates(np.ones((y.size, LANES), np.uint16), 1)], METRICS)


def times_drawn(persons: int, *, replicates: int, seed: int) -> NDArray[np.uint16]:
    """How often ``people_bootstrap`` draws each person in each replicate; persons x replicates."""
    lanes = -(-replicates // LANES) * LANES
    seeds = np.random.SeedSequence(seed).generate_state(lanes, np.uint64)
    times = np.empty((persons, lanes), np.uint16)
    for start in range(0, lanes, LANES):
        block = np.empty((persons, LANES), np.uint16)
        kernels.draw(seeds[start : start + LANES], persons, block)
        times[:, start : start + LANES] = block
    return times[:, :replicates]


def _bins(groups: int) -> int:
    return max(FEWEST_BINS, min(BINS, CELLS // max(1, groups)))


def _joined(parts: list[tuple[Values, Values, Values]], metrics: Collection[str]) -> Replicates:
    """The blocks of replicates below each other."""
    inside, outside, everybody = (
        {metric: np.concatenate([part[place][metric] for part in parts]) for metric in metrics} for place in range(3)
    )
    return Replicates(inside, outside, everybody)


class _Rows:
    """Rows in the order of their score, prepared so that a block of replicates is one pass over them."""

    def __init__(
        self, y: Floats, score: Floats, people: Codes, codes: Codes, groups: int, cut_off: float, bins: int
    ) -> None:
        if codes.size and not 0 <= int(codes.min()) <= int(codes.max()) < groups:
            raise ValueError(f"groups are numbered from 0 to {groups - 1}")
        order = np.lexsort((codes, score))
        self.groups = groups
        self.score = np.ascontiguousarray(score[order], dtype=np.float64)
        self.event = np.ascontiguousarray(y[order] == 1)
        self.person = np.ascontiguousarray(people[order], dtype=np.int64)
        self.group = np.ascontiguousarray(codes[order], dtype=np.int64)
        self.ends = np.flatnonzero(np.r_[self.score[1:] != self.score[:-1], True][: y.size]) + 1
        self.first_selected = int(np.searchsorted(self.score, cut_off, side="left"))
        self._sums = np.empty(groups * kernels.STRIDE)
        self._below = np.empty(groups * 2 * LANES)
        self._slopes = _Slopes(self, bins) if bins else None

    def replicates(self, times: NDArray[np.uint16], number: int) -> tuple[Values, Values, Values]:
        """Metrics inside and outside every group, and of everybody, for the first ``number`` lanes of ``times``."""
        kernels.follow(
            self.person, self.event, self.score, self.group, self.ends, self.first_selected, self.groups, times,
            self._sums, self._below,
        )  # fmt: skip
        inside = self._named(number)
        whole = {name: part.sum(axis=1, keepdims=True) for name, part in inside.items()}
        whole["pairs"] = whole["events_over"]
        outside = {name: whole[name] - part for name, part in inside.items()}
        with_group_other = inside["others"] * whole["events"] - inside["others_over"]
        outside["pairs"] = whole["pairs"] - inside["events_over"] - with_group_other + inside["pairs"]
        inside["cross"] = inside["events_over"] - inside["pairs"]
        inside["against"] = outside["others"]
        outside["cross"] = with_group_other - inside["pairs"]
        outside["against"] = inside["others"]
        whole["cross"] = whole["against"] = np.zeros_like(whole["pairs"])
        found = _metrics(inside), _metrics(outside), _metrics(whole)
        if self._slopes is not None:
            for values, slopes in zip(found, self._slopes.of(times, number), strict=True):
                values["calibration_slope"] = slopes
        return found

    def _named(self, number: int) -> Values:
        """What the pass has summed, by name; one row a replicate, one column a group."""
        sums = self._sums.reshape(self.groups, kernels.KINDS, LANES)[:, :, :number].transpose(1, 2, 0)
        below = self._below.reshape(self.groups, 2, LANES)[:, :, :number].transpose(1, 2, 0)
        names = ("others", "events", "estimates", "squares", "pairs", "events_over", "others_over")
        named = {name: np.ascontiguousarray(sums[place]) for place, name in enumerate(names)}
        named["false_alarms"] = named["others"] - below[0]
        named["found"] = named["events"] - below[1]
        return named


def _metrics(sums: Values) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):
        n = sums["others"] + sums["events"]
        mean = sums["estimates"] / np.where(n > 0, n, np.nan)
        chosen = sums["found"] + sums["false_alarms"]
        return {
            "mean_estimate": mean,
            "calibration_in_the_large": mean - sums["events"] / n,
            "brier": sums["squares"] / np.where(n > 0, n, np.nan),
            "auc": sums["pairs"] / (sums["events"] * sums["others"]),
            "cross_auc": sums["cross"] / (sums["events"] * sums["against"]),
            "selection": chosen / n,
            "fpr": sums["false_alarms"] / sums["others"],
            "fnr": 1 - sums["found"] / sums["events"],
            "ppv": sums["found"] / chosen,
        }


class _Slopes:
    """Calibration slopes of replicates, from rows in narrow bins of the logit."""

    def __init__(self, rows: _Rows, bins: int) -> None:
        self._person, self._groups = rows.person, rows.groups
        safe = np.clip(rows.score, NEAREST, 1 - NEAREST)
        logit = np.log(safe / (1 - safe))
        place, self._logit = binned(logit, bins)
        self._bins = self._logit.size
        # Places: by group, then non-event or event, then bin.
        self._place = (rows.group * 2 + rows.event) * self._bins + place
        self._cells = np.empty((self._groups * 2 * self._bins, LANES))
        taken = np.bincount(rows.group * self._bins + place, minlength=self._groups * self._bins) > 0
        self._used = [np.flatnonzero(own) for own in taken.reshape(self._groups, self._bins)]
        self._all = np.arange(self._bins)
        once = np.ones((int(rows.person.max(initial=-1)) + 1, LANES), np.uint16)
        self._starts = np.tile([0.0, 1.0], (2 * self._groups + 1, 1))
        lines = self._lines(once)[:, :, 0]
        told = ~np.isnan(lines[:, 1])
        self._starts[told] = lines[told]

    def of(self, times: NDArray[np.uint16], number: int) -> tuple[Floats, Floats, Floats]:
        """Slopes inside and outside each group, and of everybody."""
        slopes = self._lines(times)[:, 1, :number].T
        return slopes[:, : self._groups], slopes[:, self._groups : -1], slopes[:, -1:]

    def _lines(self, times: NDArray[np.uint16]) -> Floats:
        """Level and slope for each group, then outside each, then everybody."""
        kernels.fill_bins(self._person, self._place, times, self._cells)
        cells = self._cells.reshape(self._groups, 2, self._bins, LANES)
        others, events = cells.sum(axis=0)
        lines = np.empty((2 * self._groups + 1, 2, LANES))
        for group, used in enumerate(self._used):
            own = cells[group]
            kernels.slopes(own[0], own[1], self._logit, used, self._starts[group], lines[group])
            outside = self._groups + group
            kernels.slopes(
                others - own[0], events - own[1], self._logit, self._all, self._starts[outside], lines[outside]
            )
        kernels.slopes(others, events, self._logit, self._all, self._starts[-1], lines[-1])
        return lines


def binned(logit: Floats, bins: int) -> tuple[Codes, Floats]:
    """Each row's bin, and every bin's mean logit less the mean of all; ``logit`` is in ascending order.

    A bin for each value where there are no more than ``bins``, equally wide bins otherwise; none is empty.
    """
    if not logit.size:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    values, place = np.unique(logit, return_inverse=True)
    if values.size > bins:
        wide = (logit[-1] - logit[0]) / bins
        place = np.unique(np.minimum(((logit - logit[0]) / wide).astype(np.int64), bins - 1), return_inverse=True)[1]
    counts = np.bincount(place)
    return np.asarray(place, dtype=np.int64), np.bincount(place, weights=logit) / counts - logit.mean()
