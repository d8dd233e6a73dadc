"""How near a few weighted lines come to a curve, by sums over the rows that are made once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desist.models.estimators.base import Floats, chance
from desist.models.estimators.candidates import Questions

RIDGE = 1.0  # holds back a question that parts the outcomes cleanly in few rows


def saved_by(pull: Floats, size: Floats) -> Floats:
    """The log-loss that points save at their best value of a point; 0 where that would be negative."""
    return np.where(pull > 0, 0.5 * pull**2 / np.maximum(size, 1e-12), 0.0)


def _crossed(code: NDArray[np.intp], weight: Floats, lines: int, width: int) -> Floats:
    return np.asarray(np.bincount(code, weight, minlength=lines * width).reshape(lines, width), dtype=float)


class Closeness:
    """How near weighted lines come to a curve: weighted least squares on the logit scale, intercept taken out.

    A row weighs its chance times its complement, so that half the square is the log-loss up to third order.
    """

    def __init__(self, questions: Questions, logit: Floats) -> None:
        expected = chance(logit)
        self.questions = questions
        self.weight = expected * (1.0 - expected)
        self.total = float(self.weight.sum())
        self.mean = questions.sums(self.weight)
        self.size = questions.squares(self.weight) - self.mean**2 / self.total
        away = self.weight * (logit - self.weight @ logit / self.total)
        self.pull = questions.sums(away)
        self.whole = 0.5 * float(away @ logit)  # what the curve itself saves
        self._tables: dict[int, list[Floats]] = {}
        self._rows: dict[int, Floats] = {}

    def row(self, question: int) -> Floats:
        """The product of one question with every question."""
        if question not in self._rows:
            feature = int(self.questions.feature_of[question])
            coded, span = self.questions.coded[feature], self.questions.spans[feature]
            own = coded.counts[question - span.start]
            row = np.empty(len(self.size))
            for other, place, table in zip(
                self.questions.coded, self.questions.spans, self._tables_of(feature), strict=True
            ):
                if place.stop > place.start:
                    row[place] = other.counts @ (table @ own)
            self._rows[question] = row - self.mean * self.mean[question] / self.total
        return self._rows[question]

    def _tables_of(self, feature: int) -> list[Floats]:
        """The weight of the rows with each code of every feature and each code of this one."""
        if feature not in self._tables:
            mine = self.questions.coded[feature]
            width = mine.counts.shape[1]
            self._tables[feature] = [
                _crossed(other.codes * width + mine.codes, self.weight, other.counts.shape[1], width)
                for other in self.questions.coded
            ]
        return self._tables[feature]

    def products(self, chosen: tuple[int, ...]) -> Floats:
        """The products of the chosen questions with each other."""
        return np.stack([self.row(question)[list(chosen)] for question in chosen]) if chosen else np.empty((0, 0))
