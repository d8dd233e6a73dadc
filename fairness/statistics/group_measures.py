"""Every metric of every group with its interval, its gap to everybody else and to the mean of the other groups.

Proportions, calibration and the excess of the false positive rate: score intervals at what the rows are worth
(people, not rows, are the sampling unit). Mean estimate, AUC, Brier score and slope: bootstrap of people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.fairness.statistics import contrasts
from desist.fairness.statistics.contrasts import NOBODY, Estimated
from desist.fairness.statistics.estimates import Estimates, Pair
from desist.fairness.statistics.intervals import LEVEL, UNDEFINED, Codes, Interval, z_of
from desist.fairness.statistics.point_tables import COUNTS, EVERYBODY, METRICS, everybody_table, point_table
from desist.fairness.statistics.resampled import RESAMPLED, Resampled
from desist.fairness.statistics.sample import Mask, Sample

#: Digits kept in an audit, so that the last bits of a sum don't make two machines' files differ.
DIGITS = 9

ALL_METRICS = (
    *METRICS, "excess_fpr", "calibration_near_cut_off", "calibration_slope", "cross_auc", "sensitivity_in_need",
    "benefit", "burden",
)  # fmt: skip


def rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), DIGITS)


@dataclass(frozen=True)
class Measure:
    """One metric in one group. ``gap`` is group minus everybody else; ``effective`` counts independent rows.

    ``mean_gap``: group minus the unweighted mean of the other groups that reach the policy's minimum; None where
    fewer than two do. ``rate`` with ``worth`` and ``scale``, or ``error``, are what the interval is made of, so that
    it can be taken at another level; ``others_...`` the same of everybody else.
    """

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
    mean_gap: float | None = None
    mean_low: float | None = None
    mean_high: float | None = None
    rate: float | None = None
    worth: float = 0.0
    error: float | None = None
    scale: float = 1.0
    others_rate: float | None = None
    others_worth: float = 0.0
    others_error: float | None = None
    others_scale: float = 1.0

    @property
    def own(self) -> Estimated:
        """The group's side, from which an interval at any level can be taken."""
        return Estimated(self.value, self.denominator, self.effective, self.rate, self.worth, self.error, self.scale)

    @property
    def rest(self) -> Estimated:
        """Everybody else's side."""
        return Estimated(
            self.others,
            0,
            self.others_effective,
            self.others_rate,
            self.others_worth,
            self.others_error,
            self.others_scale,
        )


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


class GroupMeasures:
    """Measures of the groups of each characteristic from one set of judged rows.

    ``level`` of the intervals; ``minimum`` people for a group to count into the mean of the others. ``adults``: how
    many adults live in each group's community, by characteristic, for the burden.
    """

    def __init__(
        self,
        sample: Sample,
        groups: pd.DataFrame,
        *,
        replicates: int,
        seed: int,
        level: float = LEVEL,
        minimum: int = 20,
        adults: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        self._sample, self._groups, self._adults = sample, groups, adults or {}
        self._replicates, self._seed, self._z, self._minimum = replicates, seed, z_of(level), minimum
        self._estimates = Estimates(sample)
        self._drawn: Resampled | None = None

    def everybody(self, unknown: int) -> GroupRow:
        """The row of all judged rows together; it has nobody to be compared with."""
        table = everybody_table(*self._series(), self._sample.cut_off, people=pd.Series(self._sample.people))
        drawn = self._drawn or self._resampled(np.zeros(self._sample.y.size, dtype=np.int64), 1)
        rows, people = int(table.iloc[0]["n"]), int(table.iloc[0]["people"])
        found = dict.fromkeys(ALL_METRICS, NOBODY) | self._estimates.everybody
        found |= {metric: drawn.everybody(metric, rows, people) for metric in RESAMPLED}
        found["burden"] = next((self._burden(name, [None])[0] for name in self._adults if name in self._groups), NOBODY)
        measures = {
            metric: self._measure(metric, (found[metric], NOBODY), [], table.iloc[0], None) for metric in ALL_METRICS
        }
        return _row(EVERYBODY, table.iloc[0], unknown, measures)

    def by(self, characteristic: str, unknown: Mapping[str, int]) -> tuple[GroupRow, ...]:
        """A row for each group of a characteristic, in alphabetical order.

        ``unknown``: rows without a known outcome in each group. A group of nothing else has a row of noughts.
        """
        labels = self._groups[characteristic].astype(str).reset_index(drop=True)
        names, codes = np.unique(labels.to_numpy(dtype=object), return_inverse=True)
        y, score = self._series()
        table = point_table(y, score, labels, self._sample.cut_off, people=pd.Series(self._sample.people))
        wanted, codes = [str(name) for name in names], codes.astype(np.int64)
        points = {name: table.iloc[number] for number, name in enumerate(map(str, table.index))}
        drawn = self._resampled(codes, len(names))
        pairs: dict[str, list[Pair]] = {metric: [(NOBODY, NOBODY)] * len(names) for metric in ALL_METRICS}
        pairs |= self._estimates.of(codes, len(names))
        pairs |= _from_replicates(drawn, table, self._others(codes, table))
        own = self._burden(characteristic, wanted)
        rest = [self._burden(characteristic, [name], outside=True)[0] for name in wanted]
        pairs["burden"] = list(zip(own, rest, strict=True))
        reached = [int(points[name]["people"]) >= self._minimum for name in wanted]
        rows = []
        for number, name in enumerate(wanted):
            others = [other for other in range(len(wanted)) if other != number and reached[other]]
            measures = {
                metric: self._measure(
                    metric, pairs[metric][number], [pairs[metric][other][0] for other in others], points[name],
                    drawn.error_of_gap(metric, number),
                )
                for metric in ALL_METRICS
            }  # fmt: skip
            rows.append(_row(name, points[name], unknown.get(name, 0), measures))
        rows += [self._unjudged(name, number) for name, number in unknown.items() if number and name not in points]
        return tuple(sorted(rows, key=lambda row: row.group))

    def _unjudged(self, group: str, unknown: int) -> GroupRow:
        """A group that was scored and none of whose outcomes is known: it must not vanish from the audit."""
        whole = dict.fromkeys(ALL_METRICS, NOBODY) | self._estimates.everybody
        nothing = pd.Series(dict.fromkeys(COUNTS, 0))
        measures = {metric: self._measure(metric, (NOBODY, whole[metric]), [], nothing, None) for metric in ALL_METRICS}
        return _row(group, nothing, unknown, measures)

    def _series(self) -> tuple[pd.Series, pd.Series]:
        return pd.Series(self._sample.y), pd.Series(self._sample.score)

    def _others(self, codes: Codes, table: pd.DataFrame) -> list[tuple[int, int]]:
        """Rows and people outside each group."""
        persons = np.unique(np.stack([self._sample.people, codes]), axis=1)
        times = np.bincount(persons[0])
        only_here = np.bincount(persons[1][times[persons[0]] == 1], minlength=len(table))
        people = int((times > 0).sum())
        rows = table["n"].to_numpy(dtype=int)
        return [(int(rows.sum() - n), int(people - own)) for n, own in zip(rows, only_here, strict=True)]

    def _resampled(self, codes: Codes, groups: int) -> Resampled:
        self._drawn = Resampled(self._sample, codes, groups, replicates=self._replicates, seed=self._seed)
        return self._drawn

    def _burden(self, characteristic: str, names: Sequence[str | None], *, outside: bool = False) -> list[Estimated]:
        """People selected on the latest judged date per adult of the community; None stands for all groups together.

        Only *judged* people are counted: those whose outcome is not known, or who taught the model, are not, so that
        this is the burden that the judged share of the caseload stands for, and comparable between groups rather
        than a count of everybody listed. Only groups whose adults are known and who have a judged row on that date
        count, on both sides of the rate; the others' burden is not nought but not known.
        """
        adults, latest = self._adults.get(characteristic), self._sample.latest
        if adults is None or latest is None:
            return [NOBODY] * len(names)
        labels = self._groups[characteristic].astype(str).to_numpy(dtype=object)
        seen = {group: adults[group] for group in adults if group in set(labels[latest])}
        chosen: Mask = latest & self._sample.selected
        found = []
        for name in names:
            of = [group for group in seen if name is None or (group == name) != outside]
            number = sum(seen[group] for group in of)
            people = int(np.unique(self._sample.people[chosen & np.isin(labels, of)]).size)
            rate = people / number if number else None
            found.append(NOBODY if rate is None else Estimated(rate, number, float(number), rate, float(number)))
        return found

    def _measure(
        self, metric: str, pair: Pair, others: Sequence[Estimated], points: pd.Series, se_of_gap: float | None
    ) -> Measure:
        own, rest = pair
        interval, gap = own.interval(metric, self._z), contrasts.gap(metric, own, rest, self._z)
        mean = contrasts.gap_to_mean(metric, own, others, self._z) if others else UNDEFINED
        value = points.get(metric, own.value)
        return _measured(own, rest, interval, gap, mean, None if value is None else float(value), se_of_gap)


def _from_replicates(drawn: Resampled, table: pd.DataFrame, others: Sequence[tuple[int, int]]) -> dict[str, list[Pair]]:
    """The bootstrapped metrics inside and outside every group."""
    own = [(int(n), int(people)) for n, people in zip(table["n"], table["people"], strict=True)]
    return {
        metric: [
            (drawn.inside(metric, group, *own[group]), drawn.outside(metric, group, *others[group]))
            for group in range(len(own))
        ]
        for metric in RESAMPLED
    }


def _measured(
    own: Estimated,
    rest: Estimated,
    interval: Interval,
    gap: Interval,
    mean: Interval,
    value: float | None,
    se_of_gap: float | None,
) -> Measure:
    return Measure(
        denominator=own.denominator,
        effective=round(own.effective, DIGITS),
        value=rounded(value),
        low=rounded(interval.low),
        high=rounded(interval.high),
        others=rounded(rest.value),
        others_effective=round(rest.effective, DIGITS),
        gap=rounded(gap.value),
        gap_low=rounded(gap.low),
        gap_high=rounded(gap.high),
        ratio=rounded(value / rest.value) if value is not None and rest.value else None,
        se_of_gap=rounded(se_of_gap),
        mean_gap=rounded(mean.value),
        mean_low=rounded(mean.low),
        mean_high=rounded(mean.high),
        rate=rounded(own.rate),
        worth=round(own.worth, DIGITS),
        error=rounded(own.error),
        scale=round(own.scale, DIGITS),
        others_rate=rounded(rest.rate),
        others_worth=round(rest.worth, DIGITS),
        others_error=rounded(rest.error),
        others_scale=round(rest.scale, DIGITS),
    )


def _row(group: str, points: pd.Series, unknown: int, measures: Mapping[str, Measure]) -> GroupRow:
    counts = {name: int(points[name]) for name in ("n", "people", "events", "selected", "tn", "fp", "fn", "tp")}
    return GroupRow(group=group, unknown_outcome=unknown, measures=measures, **counts)
