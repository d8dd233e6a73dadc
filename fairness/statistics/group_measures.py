"""Every metric of every group with its interval, and its gap to everybody else.

Proportions and calibration in the large: score intervals at the effective denominator (people, not rows, are the
sampling unit; see ``intervals``). Mean estimate, Brier score and AUC: bootstrap of people, logit scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.fairness.statistics import intervals
from desist.fairness.statistics.bootstrap import Members, Replicates, people_bootstrap, point_values
from desist.fairness.statistics.intervals import UNDEFINED, Codes, Floats, Interval
from desist.fairness.statistics.point_tables import EVERYBODY, METRICS, RATES, everybody_table, point_table

#: Digits kept in an audit, so that the last bits of a sum don't make two machines' files differ.
DIGITS = 9

Mask = NDArray[np.bool_]


def rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), DIGITS)


@dataclass(frozen=True)
class Measure:
    """One metric in one group. ``gap`` is group minus everybody else; ``effective`` counts independent rows."""

    denominator: int
    effective: float
    value: float | None
    low: float | None
    high: float | None
    others: float | None
    others_effective: float
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    ratio: float | None
    se_of_gap: float | None


@dataclass(frozen=True)
class GroupRow:
    """One group: counts of rows (``people`` of persons), and its measures by metric.

    ``unknown_outcome`` rows were scored but are judged nowhere. ``fp`` rows would have been listed without a
    proven reoffence.
    """

    group: str
    n: int
    people: int
    events: int
    unknown_outcome: int
    selected: int
    tn: int
    fp: int
    fn: int
    tp: int
    measures: Mapping[str, Measure]


@dataclass(frozen=True)
class Sample:
    """Judged rows: outcome, estimate, whose row it is (numbered from 0), and whether the cut-off selects it."""

    y: Floats
    score: Floats
    people: Codes
    cut_off: float

    def __post_init__(self) -> None:
        if not self.y.size:
            raise ValueError("there is no row to judge")

    @property
    def selected(self) -> Mask:
        return np.asarray(self.score >= self.cut_off, dtype=bool)

    def base(self, metric: str) -> Mask:
        """The rows that make up a metric's denominator."""
        chosen, event = self.selected, np.asarray(self.y == 1, dtype=bool)
        masks: dict[str, Mask] = {"fpr": ~event, "fnr": event, "ppv": chosen, "fdr": chosen, "for": ~chosen}
        return masks.get(metric, np.ones(self.y.size, dtype=bool))

    def counted(self, metric: str) -> Floats:
        """1 for each row that counts into the numerator of a rate."""
        chosen, event = self.selected, np.asarray(self.y == 1, dtype=bool)
        hits: dict[str, Mask] = {"selection": chosen, "fpr": chosen, "fnr": ~chosen, "fdr": ~event}
        return np.asarray(hits.get(metric, event), dtype=np.float64)


@dataclass(frozen=True)
class Estimated:
    """A metric over some rows with its denominator and what that is worth."""

    interval: Interval
    denominator: int
    effective: float


NOBODY = Estimated(UNDEFINED, 0, 0.0)


def likenesses(sample: Sample) -> dict[str, float]:
    """Per rate, and for calibration, how alike the rows of one person are, over everybody."""
    found = {}
    for metric in (*RATES, "calibration_in_the_large"):
        base = sample.base(metric)
        values, people, variance = _values(sample, metric, base)
        found[metric] = intervals.within_person(intervals.design_effect(values, people, variance), people)
    return found


def _values(sample: Sample, metric: str, rows: Mask) -> tuple[Floats, Codes, float]:
    """What is averaged over ``rows``, whose rows they are, and the binomial variance of the rate behind it."""
    if metric == "calibration_in_the_large":
        values, rate = sample.score[rows] - sample.y[rows], sample.y[rows]
    else:
        values = rate = sample.counted(metric)[rows]
    mean = float(rate.mean()) if rate.size else 0.0
    return values, sample.people[rows], mean * (1 - mean)


def proportion(sample: Sample, metric: str, rows: Mask, likeness: float) -> Estimated:
    """A rate over ``rows``, or calibration in the large, with its score interval at the effective denominator."""
    counted = rows & sample.base(metric)
    number = int(counted.sum())
    if not number:
        return NOBODY
    values, people, variance = _values(sample, metric, counted)
    worth = intervals.effective(values, people, variance, likeness)
    if metric == "calibration_in_the_large":
        events = float(sample.y[counted].mean())
        return Estimated(
            intervals.minus_wilson(float(sample.score[counted].mean()), events * worth, worth), number, worth
        )
    interval = intervals.wilson(float(values.mean()) * worth, worth)
    return Estimated(interval, number, worth)


def _resampled(value: float, error: float, number: int, people: int) -> Estimated:
    """A bootstrapped metric; its effective denominator is the number of people."""
    return Estimated(intervals.logit_interval(value, error), number, float(people)) if number else NOBODY


def _measure(group: Estimated, others: Estimated, point: float | None, se_of_gap: float | None) -> Measure:
    gap = intervals.difference(group.interval, others.interval)
    other = others.interval.value
    return Measure(
        denominator=group.denominator,
        effective=round(group.effective, DIGITS),
        value=rounded(point),
        low=rounded(group.interval.low),
        high=rounded(group.interval.high),
        others=rounded(other),
        others_effective=round(others.effective, DIGITS),
        gap=rounded(gap.value),
        gap_low=rounded(gap.low),
        gap_high=rounded(gap.high),
        ratio=rounded(point / other) if point is not None and other else None,
        se_of_gap=rounded(se_of_gap),
    )


class GroupMeasures:
    """Measures of all groups of all characteristics from one set of judged rows and one bootstrap."""

    def __init__(self, sample: Sample, groups: pd.DataFrame, *, replicates: int, seed: int) -> None:
        self._sample, self._groups = sample, groups
        self._columns = [(str(name), str(group)) for name in groups for group in sorted(groups[name].unique())]
        rows = [np.asarray(groups[name] == group) for name, group in self._columns]
        everybody = np.ones(sample.y.size, dtype=bool)
        members: Members = np.stack([*rows, everybody], axis=1)
        self._members = members
        self._likeness = likenesses(sample)
        drawn = people_bootstrap(sample.y, sample.score, sample.people, members, replicates=replicates, seed=seed)
        self._points, self._errors = point_values(sample.y, sample.score, members), _Errors(drawn)

    def everybody(self, unknown: int) -> GroupRow:
        """The row of all judged rows together; it has nobody to be compared with."""
        table = everybody_table(*self._series(), self._sample.cut_off, people=pd.Series(self._sample.people))
        return self._row(EVERYBODY, table.iloc[0], len(self._columns), unknown)

    def by(self, characteristic: str, unknown: Mapping[str, int]) -> tuple[GroupRow, ...]:
        """A row for each group of a characteristic, in alphabetical order."""
        labels = self._groups[characteristic].reset_index(drop=True)
        y, score = self._series()
        table = point_table(y, score, labels, self._sample.cut_off, people=pd.Series(self._sample.people))
        points = {str(name): table.iloc[number] for number, name in enumerate(table.index)}
        return tuple(
            self._row(group, points[group], column, unknown.get(group, 0))
            for column, (name, group) in enumerate(self._columns)
            if name == characteristic
        )

    def _series(self) -> tuple[pd.Series, pd.Series]:
        return pd.Series(self._sample.y), pd.Series(self._sample.score)

    def _row(self, group: str, points: pd.Series, column: int, unknown: int) -> GroupRow:
        counts = {name: int(points[name]) for name in ("n", "people", "events", "selected", "tn", "fp", "fn", "tp")}
        measures = {metric: self._measure(metric, column, float(points[metric])) for metric in METRICS}
        return GroupRow(group=group, unknown_outcome=unknown, measures=measures, **counts)

    def _measure(self, metric: str, column: int, point: float) -> Measure:
        value, inside, outside = rounded_none(point), self._members[:, column], ~self._members[:, column]
        if metric in self._likeness:
            parts = [proportion(self._sample, metric, rows, self._likeness[metric]) for rows in (inside, outside)]
            return _measure(parts[0], parts[1], value, None)
        group = self._part(metric, column, inside, self._points.inside, self._errors.inside)
        others = self._part(metric, column, outside, self._points.outside, self._errors.outside)
        return _measure(group, others, value, float(self._errors.gap[metric][column]))

    def _part(
        self, metric: str, column: int, rows: Mask, points: dict[str, Floats], errors: dict[str, Floats]
    ) -> Estimated:
        people = int(np.unique(self._sample.people[rows]).size)
        return _resampled(float(points[metric][0, column]), float(errors[metric][column]), int(rows.sum()), people)


def rounded_none(value: float) -> float | None:
    """The value as it is; None for one that is not defined."""
    return None if np.isnan(value) else value


class _Errors:
    """Standard errors from replicates, computed once for all columns."""

    def __init__(self, drawn: Replicates) -> None:
        self.inside = {metric: drawn.standard_error(metric) for metric in drawn.inside}
        self.outside = {metric: drawn.standard_error_outside(metric) for metric in drawn.inside}
        self.gap = {metric: drawn.standard_error_of_gap(metric) for metric in drawn.inside}
