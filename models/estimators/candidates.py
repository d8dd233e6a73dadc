"""The lines a points card may have: yes/no questions and counts of every feature, as codes that make sums cheap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import Columns, Floats

Counts = NDArray[np.int64]

CUTS_BY_ROWS, CUTS_BY_VALUE = 20, 10
MANY_VALUES = 60  # up to so many different values, each is a possible threshold
STEPS = (1.0, 2.0, 5.0)  # and ten, a hundred, ... times as many: what a reader counts in
MOST_STEPS = 40  # a step is at least the range divided by this
FEWEST_TIMES = 2  # a line that can count once only is a yes/no question


@dataclass(frozen=True)
class Question:
    """One line: how many of its marks a value reaches; a yes/no question has one mark. A missing value reaches none.

    ``form`` is ">=" (at least the mark), "<=" (at most the mark) or "missing". The marks begin at ``threshold`` and
    go on ``step`` by ``step``, upwards for ">=" and downwards for "<=", ``times`` in all.
    """

    feature: int
    form: str
    threshold: float
    step: float = 0.0
    times: int = 1

    @property
    def marks(self) -> Floats:
        return marks_of(self.form, self.threshold, self.step, self.times)

    def counts(self, values: Floats) -> Counts:
        """How often each value earns the line's points: 0 or 1 for a yes/no question, else 0 to ``times``."""
        if self.form == "missing":
            return np.isnan(values).astype(np.int64)
        found = np.zeros(values.shape, dtype=np.int64)
        with np.errstate(invalid="ignore"):
            for mark in self.marks:
                found += values >= mark if self.form == ">=" else values <= mark
        return found


def marks_of(form: str, threshold: float, step: float, times: int) -> Floats:
    """The marks of a line, in the order they are reached; whole thresholds and steps make them exact."""
    return np.asarray(threshold + (-step if form == "<=" else step) * np.arange(times), dtype=float)


def readable_cuts(known: Floats) -> Floats:
    """Thresholds worth asking about: all values where there are few, else quantiles in two significant digits."""
    values = np.unique(known)
    if len(values) <= MANY_VALUES:
        return values
    by_rows = np.quantile(known, np.arange(1, CUTS_BY_ROWS) / CUTS_BY_ROWS, method="nearest")
    by_value = np.quantile(values, np.arange(1, CUTS_BY_VALUE) / CUTS_BY_VALUE, method="nearest")
    cuts = np.unique(np.r_[by_rows, by_value])
    if (known == np.round(known)).all() and np.abs(cuts).max() < 100:
        return cuts
    return np.unique([float(f"{cut:.2g}") for cut in cuts])


def _reached(ordered: Floats, marks: Floats, form: str) -> NDArray[np.intp]:
    """How many of the ordered values reach each mark."""
    if form == "<=":
        return np.searchsorted(ordered, marks, "right")
    return len(ordered) - np.searchsorted(ordered, marks, "left")


def yes_or_no(position: int, ordered: Floats, rows: int, form: str, fewest: int) -> list[Question]:
    """The cuts with at least ``fewest`` rows on each side, one of those that part the rows alike; rising."""
    if len(ordered) == 0:
        return []
    cuts = readable_cuts(ordered)
    yes = _reached(ordered, cuts, form)
    kept = (yes >= fewest) & (rows - yes >= fewest) & (yes < len(ordered))
    one_each = np.sort(np.unique(yes[kept], return_index=True)[1])
    return [Question(position, form, _short(cut, ordered, form)) for cut in cuts[kept][one_each]]


def _short(cut: float, ordered: Floats, form: str) -> float:
    """The threshold with fewest digits that parts the rows as ``cut`` does, so that a page can print all of it."""
    if cut == round(cut):
        return float(cut)
    if form == "<=":
        near = np.searchsorted(ordered, cut, "right")
        low, high = cut, float(ordered[near]) if near < len(ordered) else np.inf
        inside = [low <= tried < high for tried in _shortened(cut)]
    else:
        near = np.searchsorted(ordered, cut, "left")
        low, high = float(ordered[near - 1]) if near else -np.inf, cut
        inside = [low < tried <= high for tried in _shortened(cut)]
    return next((tried for tried, fits in zip(_shortened(cut), inside, strict=True) if fits), float(cut))


def _shortened(cut: float) -> list[float]:
    """The number with one to twelve significant digits, rounded to the nearest, down and up."""
    found = []
    for digits in range(1, 13):
        near = float(f"{cut:.{digits - 1}e}")
        unit = 10.0 ** (np.floor(np.log10(abs(cut))) - digits + 1)
        found += [near, *(float(f"{near + way * unit:.{digits}e}") for way in (-1, 1))]
    return found


def counting(position: int, ordered: Floats, form: str, fewest: int, most: int) -> list[Question]:
    """The lines that count in whole steps ("1 point for each ..., at most 5"); none for shares and yes/no features.

    Upwards they count from 0, downwards from any whole number of steps; ``fewest`` rows reach the last mark.
    """
    if len(ordered) == 0 or ordered[0] < 0 or len(np.unique(ordered)) <= FEWEST_TIMES:
        return []
    low, high = float(ordered[0]), float(np.quantile(ordered, 0.99, method="higher"))
    found = []
    for step in whole_steps(low, high):
        starts = np.array([step]) if form == ">=" else np.arange(np.ceil(low / step), high // step + 1) * step
        for start in starts:
            reached = _reached(ordered, marks_of(form, start, step, most), form)
            if len(ordered) - reached[0] >= fewest:
                times = int((reached >= fewest).sum())
                found += [Question(position, form, float(start), step, n) for n in range(FEWEST_TIMES, times + 1)]
    return found


def whole_steps(low: float, high: float) -> list[float]:
    """The steps in which a reader may count from ``low`` to ``high``: those of 1, 2, 5, 10, 20, ... of a fair size."""
    powers = range(int(np.ceil(np.log10(max(high, 1.0)))) + 1)
    steps = [unit * 10.0**power for power in powers for unit in STEPS]
    return [step for step in steps if (high - low) / MOST_STEPS <= step <= high / FEWEST_TIMES]


def asking_form(feature: FeatureInfo, known: Floats) -> str:
    """Whether thresholds of a feature are asked as "at least" or "at most".

    "At most" where a small value may only raise (years since, age), so that points are added rather than taken off;
    but help and yes/no features are asked for what is there ("in treatment: 2 points less").
    """
    asks_for_little = feature.sign < 0 and feature.missing_as is None and not np.isin(known, (0.0, 1.0)).all()
    return "<=" if asks_for_little else ">="


@dataclass(frozen=True)
class Coded:
    """One feature's rows by the marks they reach: ``counts`` tells each question's count at each code."""

    codes: NDArray[np.intp]
    counts: Floats


def _code(values: Floats, asked: list[Question]) -> Coded:
    missing = np.isnan(values)
    levels = np.unique(np.concatenate([question.marks for question in asked])) if asked else np.empty(0)
    form = asked[0].form if asked else ">="
    codes = np.searchsorted(levels, values, side="left" if form == "<=" else "right")
    codes[missing] = len(levels) + 1
    # a value that stands for each code: the level it reaches, one beyond the last, and missing
    at = np.r_[levels, np.inf, np.nan] if form == "<=" else np.r_[-np.inf, levels, np.nan]
    counts = np.array([question.counts(at) for question in asked], dtype=float).reshape(len(asked), len(at))
    return Coded(codes, counts)


class Questions:
    """All candidate lines about some rows, with each feature's rows coded by the marks they reach.

    ``sign_of``: 1 where a line's points may not be negative, -1 where they may not be positive, 0 where free.
    ``most``: how often a line may count; 1 leaves yes/no questions alone.
    """

    def __init__(self, matrix: Floats, features: FeatureSet, columns: Columns, fewest: int, most: int = 1) -> None:
        self.matrix = matrix
        self.signs = features.signs
        self.asked: list[Question] = []
        self.coded: list[Coded] = []
        self.spans: list[slice] = []  # the questions of each feature
        for position, feature in enumerate(features.features):
            values = matrix[:, position]
            missing = np.isnan(values)
            ordered = np.sort(values[~missing])
            form = asking_form(feature, ordered)
            asked = yes_or_no(position, ordered, len(values), form, fewest)
            if most >= FEWEST_TIMES and asked:
                asked += [line for line in counting(position, ordered, form, fewest, most) if _sayable(line, feature)]
            if columns.missing_counts[position] and missing.sum() >= fewest and (~missing).sum() >= fewest:
                asked.append(Question(position, "missing", 0.0))
            self.spans.append(slice(len(self.asked), len(self.asked) + len(asked)))
            self.coded.append(_code(values, asked))
            self.asked += asked
        self.feature_of = np.array([question.feature for question in self.asked], dtype=np.intp)
        self.counting = np.array([question.times > 1 for question in self.asked], dtype=bool)
        self.sign_of = np.array([self._sign_of(question) for question in self.asked], dtype=np.intp)

    def _sign_of(self, question: Question) -> int:
        if question.form == "missing":
            return 0
        return self.signs[question.feature] * (-1 if question.form == "<=" else 1)

    def sums(self, amounts: Floats) -> Floats:
        """For each line, the sum over the rows of ``amounts`` times its count."""
        totals = np.zeros(len(self.asked))
        for coded, span in zip(self.coded, self.spans, strict=True):
            if span.stop > span.start:
                totals[span] = coded.counts @ np.bincount(coded.codes, amounts, minlength=coded.counts.shape[1])
        return totals

    def squares(self, amounts: Floats) -> Floats:
        """For each line, the sum over the rows of ``amounts`` times its count squared."""
        totals = np.zeros(len(self.asked))
        for coded, span in zip(self.coded, self.spans, strict=True):
            if span.stop > span.start:
                totals[span] = coded.counts**2 @ np.bincount(coded.codes, amounts, minlength=coded.counts.shape[1])
        return totals

    def column(self, question: int) -> Counts:
        """How often each row earns the points of one line."""
        asked = self.asked[question]
        return asked.counts(self.matrix[:, asked.feature])

    def worst_points(self, question: int, worth: Mapping[int, int]) -> int | None:
        """The most points a missing item may have: those of its feature's worst value. None for any other item."""
        asked = self.asked[question]
        if asked.form != "missing" or self.signs[asked.feature] == 0:
            return None
        return sum(
            max(points, 0) * self.asked[other].times
            for other, points in worth.items()
            if other != question and self.feature_of[other] == asked.feature
        )


def _sayable(line: Question, feature: FeatureInfo) -> bool:
    """Whether an unknown value with a stated meaning earns all of a line or none of it, so that a page can say so."""
    if feature.missing_as is None:
        return True
    return int(line.counts(np.array([feature.missing_as]))[0]) in (0, line.times)
