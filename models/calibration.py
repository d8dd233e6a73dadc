"""Recalibration on a later slice: the model's logit, shifted and stretched so that estimates match what came later."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from desist.features.tables import FeatureSet
from desist.models.base import BASE, ChanceModel, Floats, chance, read_outcome
from desist.models.evaluate import recalibration

#: With fewer events than this in the later slice only the intercept is learnt, the slope stays 1.
EVENTS_FOR_A_SLOPE = 200
#: With fewer than this nothing is learnt: the slice is too small to say that the model is off.
EVENTS_FOR_AN_INTERCEPT = 20
#: A slope outside these says that something other than calibration is wrong.
SLOPES = (0.25, 4.0)


class Calibrated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model with an intercept and a slope on its logit: ``chance(intercept + slope * logit)``.

    ``fit`` learns the model alone (intercept 0, slope 1); ``recalibrate`` learns the line from later rows.
    """

    def __init__(self, model: ChanceModel) -> None:
        self.model = model

    @property
    def features(self) -> FeatureSet:
        return self.model.features

    def fit(self, X: pd.DataFrame, y: Any, people: Any = None) -> Self:
        self.model_ = clone(self.model).fit(X, y, people)
        self.classes_ = self.model_.classes_
        self.intercept_, self.slope_, self.rows_, self.events_ = 0.0, 1.0, 0, 0
        return self

    def recalibrate(self, X: pd.DataFrame, y: Any) -> Self:
        """Learn the line from rows later than those that ``fit`` saw; keeps it as it is where they are too few."""
        outcome = read_outcome(y, len(X))
        logit = self.model_.decision_function(X)
        self.rows_, self.events_ = len(outcome), int(outcome.sum())
        fewest = min(self.events_, self.rows_ - self.events_)
        if fewest < EVENTS_FOR_AN_INTERCEPT:
            return self
        ones = np.ones((1, len(outcome)))
        free = fewest >= EVENTS_FOR_A_SLOPE and float(np.ptp(logit)) > 0
        intercept, slope = recalibration(outcome, logit, ones, slope_free=free)
        if free and not SLOPES[0] <= slope[0] <= SLOPES[1]:
            intercept, slope = recalibration(outcome, logit, ones, slope_free=False)
        self.intercept_, self.slope_ = float(intercept[0]), float(slope[0])
        return self

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """The recalibrated logit of each row."""
        return np.asarray(self.intercept_ + self.slope_ * self.model_.decision_function(X))

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Two columns: the chance of no outcome and of the outcome."""
        chances = chance(self.decision_function(X))
        return np.column_stack([1.0 - chances, chances])

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the recalibrated logit, and ``base``; a row sums to its logit."""
        parts = self.model_.contributions(X) * self.slope_
        return parts.assign(**{BASE: parts[BASE] + self.intercept_})

    @property
    def reference_(self) -> pd.Series[float]:
        """The typical profile that reasons compare with."""
        return self.model_.reference_


def fit_then_calibrate(
    model: ChanceModel, X: pd.DataFrame, y: pd.Series, as_of: pd.Series, people: pd.Series
) -> Calibrated:
    """A model fitted on all as-of dates but the last, recalibrated on the last; on all where there is only one."""
    last = (as_of == as_of.max()).to_numpy()
    made = Calibrated(model)
    if last.all():
        return made.fit(X, y, people)
    made.fit(X[~last], y[~last], people[~last])
    return made.recalibrate(X[last], y[last])
