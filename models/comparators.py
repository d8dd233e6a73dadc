"""What a model has to beat: the base rate, a count of prior sanctions, the Copas rate. None of them is ever released."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from desist.models.base import Floats, chance, read_outcome
from desist.models.evaluate import recalibration

#: Years added to the length of a career, so that a first sanction does not give an infinite rate.
#: Source: Copas and Marshall 1998; the constant of OGRS3.
COPAS_YEARS = 10
DAYS_A_YEAR = 365.25


class BaseRate(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Everybody's chance is the share of the fitting rows that had the outcome."""

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        self.classes_ = np.array([0, 1])
        self.rate_ = float(read_outcome(y, len(X)).mean())
        return self

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        return np.column_stack([np.full(len(X), 1 - self.rate_), np.full(len(X), self.rate_)])


class _Line(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A logistic line through one number per row; a row without the number gets the fitting rows' base rate."""

    def _value(self, X: pd.DataFrame) -> Floats:
        raise NotImplementedError

    def fit(self, X: pd.DataFrame, y: Any) -> Self:
        outcome, value = read_outcome(y, len(X)), self._value(X)
        known = ~np.isnan(value)
        self.classes_, self.rate_ = np.array([0, 1]), float(outcome.mean())
        self.centre_ = float(value[known].mean()) if known.any() else 0.0
        self.line_ = (float(np.log(self.rate_ / (1 - self.rate_))), 0.0)
        if known.any() and len(np.unique(outcome[known])) == 2 and np.ptp(value[known]) > 0:
            centred = value[known] - self.centre_
            intercept, slope = recalibration(outcome[known], centred, np.ones((1, int(known.sum()))), slope_free=True)
            self.line_ = (float(intercept[0]), float(slope[0]))
        return self

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        value = self._value(X)
        chances = chance(np.asarray(self.line_[0] + self.line_[1] * (value - self.centre_)))
        chances = np.where(np.isnan(value), self.rate_, chances)
        return np.column_stack([1 - chances, chances])


class PriorCount(_Line):
    """A logistic line through the logarithm of one count of prior sanctions."""

    def __init__(self, column: str) -> None:
        self.column = column

    def _value(self, X: pd.DataFrame) -> Floats:
        return np.asarray(np.log1p(X[self.column].to_numpy(dtype=float)))


class CopasRate(_Line):
    """A logistic line through the Copas rate: ln((sanctions + 1) / (years since the first one + 10)).

    The years need the length of the career, which a released model may not use without approval: comparison only.
    """

    def __init__(self, count: str, days_since_first: str) -> None:
        self.count = count
        self.days_since_first = days_since_first

    def _value(self, X: pd.DataFrame) -> Floats:
        count: NDArray[np.float64] = X[self.count].to_numpy(dtype=float)
        years = X[self.days_since_first].to_numpy(dtype=float) / DAYS_A_YEAR
        return np.asarray(np.log((count + 1) / (np.where(np.isnan(years), 0.0, years) + COPAS_YEARS)))
