"""A search for the combination of two characteristics that the cut-off treats most unlike everybody else.

It can say *look here*, never *within*: a search that finds nothing has shown nothing. Among many combinations one
always stands out by chance, so every gap is held against the largest that the same search finds by chance alone:
max-t over all combinations and metrics, from one bootstrap of people.
Source: Westfall and Young 1993, Resampling-Based Multiple Testing, chapter 2.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.groups import NOT_STATED
from desist.fairness.statistics.bootstrap import people_bootstrap, point_values
from desist.fairness.statistics.intervals import LEVEL, Codes, Floats
from desist.fairness.statistics.sample import Sample

#: What is searched, in words.
SEARCHED = {
    "selection": "share of people the cut-off selects",
    "fpr": "share selected of people with no proven reoffence",
    "fnr": "share missed of people with a proven reoffence",
    "calibration_in_the_large": "estimate less what was proven later",
}
#: At everybody's rate so many rows of a combination are expected on either side of it, or its gap is not looked at:
#: with fewer, replicates say too little of how far chance alone goes.
EXPECTED = 10
#: A column with this in its name crosses two characteristics already.
CROSSED = "_x_"


@dataclass(frozen=True)
class LookHere:
    """A combination whose gap to everybody else is larger than the search finds by chance.

    ``gap``: combination minus everybody else. ``adjusted_low``: the least its size can be, in its own direction, with
    the search allowed for; above 0. ``people`` of persons.
    """

    characteristics: tuple[str, str]
    combination: tuple[str, str]
    metric: str
    people: int
    value: float
    others: float
    gap: float
    adjusted_low: float

    def words(self) -> str:
        """The sentence for the board."""
        where = " and ".join(
            f"{name} {group}" for name, group in zip(self.characteristics, self.combination, strict=True)
        )
        way = "higher" if self.gap > 0 else "lower"
        return (
            f"Look here: {where.replace('_', ' ')} ({self.people:,} people). The {SEARCHED[self.metric]} is "
            f"{100 * abs(self.gap):.1f} percentage points {way} than for everybody else, and at least "
            f"{100 * self.adjusted_low:.1f} once the search is allowed for."
        )


@dataclass(frozen=True)
class WorstOff:
    """What the search found, the surest gap first. ``searched``: combinations; ``gaps``: of them, by metric."""

    searched: int
    gaps: int
    level: float
    found: tuple[LookHere, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def words(self) -> tuple[str, ...]:
        """Sentences for the board; never that a combination is within a margin."""
        if not self.searched:
            return ("No combination of two characteristics has enough people to be looked at.",)
        about = (
            f"{self.searched:,} combinations of two characteristics were searched. This is a search for where to look, "
            "not a test that can be passed:"
        )
        if not self.found:
            return (f"{about} it found no combination to point to, and does not show that there is none.",)
        return (f"{about} whether a gap is justified is for the board to ask.", *(one.words() for one in self.found))


def worst_off(
    sample: Sample, groups: pd.DataFrame, *, minimum: int, replicates: int, seed: int, level: float = LEVEL
) -> WorstOff:
    """The combinations of two characteristics worth a look, out of all that have ``minimum`` people.

    ``groups``: a column of labels per characteristic, a row for each of the sample's. Combinations with a value that
    is not stated are left out, and columns that cross two characteristics.
    """
    names = [str(name) for name in groups if CROSSED not in str(name)]
    tables = [
        _gaps(sample, groups[list(pair)], minimum=minimum, replicates=replicates, seed=seed)
        for pair in combinations(names, 2)
    ]
    tables = [table for table in tables if table.candidates]
    candidates = [one for table in tables for one in table.candidates]
    if not candidates:
        return WorstOff(0, 0, level, ())
    # Of each draw only the largest gap over everything that was searched is kept.
    largest = np.max([table.largest for table in tables], axis=0)
    reach = _quantile(largest, level)
    found = [_look(one, reach) for one in candidates if abs(one.gap) > reach * one.error]
    searched = {(one.characteristics, one.combination) for one in candidates}
    surest = sorted(found, key=lambda one: (-one.adjusted_low, one.characteristics, one.combination, one.metric))
    return WorstOff(len(searched), len(candidates), level, tuple(surest))


@dataclass(frozen=True)
class _Candidate:
    characteristics: tuple[str, str]
    combination: tuple[str, str]
    metric: str
    people: int
    value: float
    others: float
    gap: float
    error: float


@dataclass(frozen=True)
class _Gaps:
    """One pair of characteristics: what may be looked at, and the largest chance gap of each draw in errors."""

    candidates: tuple[_Candidate, ...]
    largest: Floats


def _gaps(sample: Sample, pair: pd.DataFrame, *, minimum: int, replicates: int, seed: int) -> _Gaps:
    labels, codes = _crossed(pair)
    people = pd.Series(sample.people).groupby(codes).nunique()
    large = [code for code, label in enumerate(labels) if NOT_STATED not in label and people[code] >= minimum]
    if len(labels) < 2 or not large:
        return _Gaps((), np.zeros(replicates))
    points = point_values(sample.y, sample.score, codes, len(labels), cut_off=sample.cut_off, metrics=SEARCHED)
    drawn = people_bootstrap(
        sample.y, sample.score, sample.people, codes, len(labels), cut_off=sample.cut_off, replicates=replicates,
        seed=seed, metrics=SEARCHED,
    )  # fmt: skip
    candidates, largest = [], np.zeros(replicates)
    for metric in SEARCHED:
        least = _least_errors(sample, metric, codes, len(labels))
        gap, errors = points.gap(metric)[0], np.fmax(drawn.standard_error_of_gap(metric), least)
        for code in large:
            if not np.isfinite(least[code] + gap[code] + errors[code]):
                continue
            chance = np.abs(drawn.gap(metric)[:, code] - gap[code]) / errors[code]
            largest = np.fmax(largest, chance)
            candidates.append(
                _Candidate(
                    (str(pair.columns[0]), str(pair.columns[1])), labels[code], metric, int(people[code]),
                    float(points.inside[metric][0, code]), float(points.outside[metric][0, code]), float(gap[code]),
                    float(errors[code]),
                )
            )  # fmt: skip
    return _Gaps(tuple(candidates), largest)


def _crossed(pair: pd.DataFrame) -> tuple[list[tuple[str, str]], Codes]:
    """The combinations that occur, in alphabetical order, and each row's."""
    crossed = pd.MultiIndex.from_frame(pair.astype(str))
    codes, found = pd.factorize(crossed, sort=True)
    return [(str(first), str(second)) for first, second in found], np.asarray(codes, dtype=np.int64)


def _least_errors(sample: Sample, metric: str, codes: Codes, groups: int) -> Floats:
    """The binomial error of each combination at everybody's rate; NaN where too few are expected on either side.

    A combination of whom nobody was selected varies in no replicate; its gap is no surer for that.
    """
    rows = sample.base(metric)
    counted = sample.event if metric == "calibration_in_the_large" else sample.counted(metric)
    if rows is None or not rows.any():
        return np.full(groups, np.nan)
    rate = float(counted[rows].mean())
    number = np.bincount(codes[rows], minlength=groups)
    enough = number * min(rate, 1 - rate) >= EXPECTED
    return np.where(enough, np.sqrt(rate * (1 - rate) / np.maximum(number, 1)), np.nan)


def _quantile(largest: Floats, level: float) -> float:
    """The value that a further draw exceeds with a chance of at most ``1 - level``."""
    place = math.ceil(level * (largest.size + 1))
    return float(np.sort(largest)[place - 1]) if place <= largest.size else math.inf


def _look(one: _Candidate, reach: float) -> LookHere:
    low = abs(one.gap) - reach * one.error
    return LookHere(one.characteristics, one.combination, one.metric, one.people, one.value, one.others, one.gap, low)
