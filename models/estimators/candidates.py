"""The questions a points card may ask: every threshold of every feature, as codes that make sums over rows cheap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import Columns, Floats

CUTS_BY_ROWS, CUTS_BY_VALUE = 20, 10
MANY_VALUES = 30  # up to so many different values, each is a possible threshold


@dataclass(frozen=True)
class Question:
    """One yes/no question: the feature is at least, or at most, a threshold, or is missing. A missing value is "no"."""

    feature: int
    form: str  # ">=", "<=" or "missing"
    threshold: float

    def answers(self, values: Floats) -> NDArray[np.bool_]:
        if self.form == "missing":
            return np.isnan(values)
        with np.errstate(invalid="ignore"):
            return values >= self.threshold if self.form == ">=" else values <= self.threshold


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


def _useful_cuts(values: Floats, missing: NDArray[np.bool_], form: str, fewest: int) -> Floats:
    """The cuts with at least ``fewest`` rows on each side, one of those that part the rows alike; rising."""
    known = np.sort(values[~missing])
    if len(known) == 0:
        return np.empty(0)
    cuts = readable_cuts(known)
    yes = np.searchsorted(known, cuts, "right") if form == "<=" else len(known) - np.searchsorted(known, cuts, "left")
    kept = (yes >= fewest) & (len(values) - yes >= fewest) & (yes < len(known))
    one_each = np.sort(np.unique(yes[kept], return_index=True)[1])
    return np.asarray(cuts[kept][one_each], dtype=float)


def asking_form(feature: FeatureInfo, known: Floats) -> str:
    """Whether thresholds of a feature are asked as "at least" or "at most".

    "At most" where a small value may only raise (years since, age), so that points are added rather than taken off;
    but help and yes/no features are asked for what is there ("in treatment: 2 points less").
    """
    asks_for_little = feature.sign < 0 and feature.missing_as is None and not np.isin(known, (0.0, 1.0)).all()
    return "<=" if asks_for_little else ">="


class Questions:
    """All candidate questions about some rows, with each feature's rows coded by the cuts they reach.

    ``sign_of``: 1 where a question's points may not be negative, -1 where they may not be positive, 0 where free.
    """

    def __init__(self, matrix: Floats, features: FeatureSet, columns: Columns, fewest: int) -> None:
        self.matrix = matrix
        self.signs = features.signs
        self.asked: list[Question] = []
        self._codes: list[NDArray[np.intp]] = []
        self._spans: list[tuple[int, int]] = []  # the questions of each feature
        self._cuts: list[Floats] = []
        for position, feature in enumerate(features.features):
            values = matrix[:, position]
            missing = np.isnan(values)
            form = asking_form(feature, values[~missing])
            cuts = _useful_cuts(values, missing, form, fewest)
            codes = np.searchsorted(cuts, values, side="left" if form == "<=" else "right")
            codes[missing] = len(cuts) + 1
            first = len(self.asked)
            self.asked += [Question(position, form, float(cut)) for cut in cuts]
            if columns.missing_counts[position] and missing.sum() >= fewest and (~missing).sum() >= fewest:
                self.asked.append(Question(position, "missing", 0.0))
            self._spans.append((first, len(self.asked)))
            self._codes.append(codes)
            self._cuts.append(cuts)
        self.feature_of = np.array([question.feature for question in self.asked], dtype=np.intp)
        self.sign_of = np.array([self._sign_of(question) for question in self.asked], dtype=np.intp)

    def _sign_of(self, question: Question) -> int:
        if question.form == "missing":
            return 0
        return self.signs[question.feature] * (-1 if question.form == "<=" else 1)

    def sums(self, amounts: Floats) -> Floats:
        """For each question, the sum of ``amounts`` over the rows that answer yes."""
        totals = np.empty(len(self.asked))
        for codes, cuts, (first, last) in zip(self._codes, self._cuts, self._spans, strict=True):
            by_code = np.bincount(codes, amounts, minlength=len(cuts) + 2)
            known, found = by_code[: len(cuts) + 1], totals[first:last]
            if len(cuts):
                at_most = known.cumsum()
                form = self.asked[first].form
                found[: len(cuts)] = at_most[:-1] if form == "<=" else known.sum() - at_most[:-1]
            if last - first > len(cuts):
                found[-1] = by_code[-1]
        return totals

    def column(self, question: int) -> NDArray[np.bool_]:
        """Each row's answer to one question."""
        asked = self.asked[question]
        return asked.answers(self.matrix[:, asked.feature])

    def worst_points(self, question: int, worth: Mapping[int, int]) -> int | None:
        """The most points a missing item may have: those of its feature's worst value. None for any other item."""
        asked = self.asked[question]
        if asked.form != "missing" or self.signs[asked.feature] == 0:
            return None
        return sum(
            max(points, 0)
            for other, points in worth.items()
            if other != question and self.feature_of[other] == asked.feature
        )
