"""Recalibration on later rows: the model's ranking stays, its chances move to what was seen since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from desist.features.tables import FeatureSet
from desist.models.estimators.base import BASE, CannotFit, ChanceModel, Floats, chance, one_thread
from desist.models.estimators.card import OnePage, PointsCard
from desist.models.estimators.logistic import fit_line

# A slope needs as many outcomes as this; below, only the level moves, and below the second number nothing does.
EVENTS_FOR_SLOPE = 200
EVENTS_FOR_LEVEL = 20
STEEPEST, FLATTEST = 5.0, 0.2  # a slope outside this is a fault in the rows, not a recalibration


class Calibrated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted model whose logits are put through one line, ``intercept_ + slope_ * logit``, learnt on later rows.

    ``model`` is used as it is and not fitted again. The slope is positive, so order and signs stay. ``learnt_``
    says what the rows were enough for: "intercept and slope", "intercept" or "nothing".
    Source of the line: Cox (1958), "Two further applications of a model for binary regression".
    """

    kind = "calibrated"

    def __init__(
        self, model: ChanceModel, *, events_for_slope: int = EVENTS_FOR_SLOPE, events_for_level: int = EVENTS_FOR_LEVEL
    ) -> None:
        self.model = model
        self.events_for_slope = events_for_slope
        self.events_for_level = events_for_level

    @property
    def features(self) -> FeatureSet:
        return self.model.features

    def fit(self, X: pd.DataFrame, y: Any, people: Any = None) -> Self:
        """Learn the line from rows later than those the model was fitted on, with outcomes of 0 and 1."""
        try:
            logit = self.model.decision_function(X)
        except NotFittedError:
            raise CannotFit("Fit the model first; recalibration learns from later rows only.") from None
        outcome = np.asarray(y, dtype=float)
        if outcome.shape != logit.shape or not np.isin(outcome, (0.0, 1.0)).all():
            raise CannotFit("Recalibration needs one known outcome, 0 or 1, for each row.")
        self.rows_, self.events_ = len(outcome), int(outcome.sum())
        fewer = min(self.events_, self.rows_ - self.events_)
        self.intercept_, self.slope_, self.learnt_ = 0.0, 1.0, "nothing"
        if fewer >= self.events_for_level:
            self.intercept_, self.learnt_ = shift_to(logit, outcome), "intercept"
        if fewer >= self.events_for_slope:
            with one_thread():
                line = fit_line(logit, np.ones(len(logit)), outcome)
            if FLATTEST <= line.slope <= STEEPEST:
                self.intercept_, self.slope_, self.learnt_ = line.intercept, line.slope, "intercept and slope"
        self.classes_ = np.array([0, 1])
        return self

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """The recalibrated logit of each row."""
        check_is_fitted(self)
        return self.intercept_ + self.slope_ * self.model.decision_function(X)

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Two columns: the chance of no outcome and of the outcome."""
        chances = chance(self.decision_function(X))
        return np.column_stack([1.0 - chances, chances])

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """The likelier outcome, for scikit-learn's tools; nothing a person sees uses it."""
        return (self.decision_function(X) > 0).astype(np.int64)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """The model's contributions on the recalibrated scale; a row sums to its recalibrated logit."""
        check_is_fitted(self)
        parts = self.model.contributions(X) * self.slope_
        return parts.assign(**{BASE: parts[BASE] + self.intercept_})

    @property
    def reference_(self) -> pd.Series[float]:
        return self.model.reference_

    def one_page(self) -> OnePage:
        """The card with recalibrated chances; raises TypeError where the model is not a points card."""
        if not isinstance(self.model, PointsCard):
            raise TypeError(f"a {self.model.kind} has no card to print")
        check_is_fitted(self)
        return self.model.one_page(self.intercept_, self.slope_)

    def to_json(self) -> dict[str, Any]:
        """Everything the recalibrated model is, in plain values."""
        check_is_fitted(self)
        return {
            "kind": self.kind,
            "model": self.model.to_json(),
            "settings": {"events_for_slope": self.events_for_slope, "events_for_level": self.events_for_level},
            "learnt": {
                "intercept": self.intercept_,
                "slope": self.slope_,
                "rows": self.rows_,
                "events": self.events_,
                "learnt": self.learnt_,
            },
        }

    @classmethod
    def recalled(cls, model: ChanceModel, told: Mapping[str, Any]) -> Self:
        """The recalibrated model that ``to_json`` told, around its model."""
        calibrated = cls(model, **told["settings"])
        learnt = told["learnt"]
        calibrated.intercept_, calibrated.slope_ = float(learnt["intercept"]), float(learnt["slope"])
        calibrated.rows_, calibrated.events_ = int(learnt["rows"]), int(learnt["events"])
        calibrated.learnt_ = str(learnt["learnt"])
        calibrated.classes_ = np.array([0, 1])
        return calibrated


def shift_to(logit: Floats, outcome: Floats) -> float:
    """The amount to add to every logit so that the mean chance is the rate that was seen."""
    shift = 0.0
    for _ in range(50):
        expected = chance(logit + shift)
        step = float((outcome - expected).sum() / max((expected * (1.0 - expected)).sum(), 1e-9))
        shift += float(np.clip(step, -2.0, 2.0))
        if abs(step) < 1e-12:
            break
    return shift
