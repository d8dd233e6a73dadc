"""What all our models share: how columns are taken in, what fitting refuses, how a model is told and read back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from desist.features.tables import FeatureInfo, FeatureSet
from desist.records.errors import UserError

Floats = NDArray[np.float64]

# Fewer missing rows than this, or than this share of all rows, cannot show an effect of their own: they are scored as
# the typical value. The share is what a sample of 200,000 rows, from which LightGBM learns its bins, cannot miss.
MISSING_ROWS_FOR_AN_EFFECT = 20
MISSING_SHARE_FOR_AN_EFFECT = 1e-4
# Values beyond this are clipped: no count, day or amount is larger, and squares of it stay finite.
LARGEST_VALUE = 1e12
BASE = "base"  # the column of contributions() that holds the intercept


class CannotFit(UserError, ValueError):
    """The rows cannot teach a model anything; says what is wrong with them."""


@dataclass(frozen=True)
class Columns:
    """What fitting learnt of each column, in the features' order.

    ``typical``: the median of the known values, NaN where most rows are missing and missing has an effect of its own.
    ``neutral``: what a missing value is scored as where missing has no effect of its own.
    """

    low: Floats
    high: Floats
    typical: Floats
    neutral: Floats
    missing_counts: NDArray[np.bool_]

    def to_json(self) -> dict[str, Any]:
        return {
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "typical": [None if math.isnan(value) else value for value in self.typical.tolist()],
            "neutral": self.neutral.tolist(),
            "missing_counts": self.missing_counts.tolist(),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Columns:
        typical = [math.nan if value is None else value for value in told["typical"]]
        return cls(
            low=np.array(told["low"], dtype=float),
            high=np.array(told["high"], dtype=float),
            typical=np.array(typical, dtype=float),
            neutral=np.array(told["neutral"], dtype=float),
            missing_counts=np.array(told["missing_counts"], dtype=bool),
        )


def learn_columns(matrix: Floats) -> Columns:
    """The range and typical value of each column, and whether enough rows lack it for missing to count."""
    rows, columns = matrix.shape
    enough = max(MISSING_ROWS_FOR_AN_EFFECT, MISSING_SHARE_FOR_AN_EFFECT * rows)
    low, high, typical, neutral = np.zeros((4, columns))
    found = Columns(low, high, typical, neutral, np.zeros(columns, dtype=bool))
    for column, values in enumerate(matrix.T):  # one at a time: a table of millions of rows is not copied whole
        known = values[~np.isnan(values)]
        lacking = rows - len(known)
        if len(known):
            found.low[column], found.high[column] = known.min(), known.max()
            found.neutral[column] = found.typical[column] = np.median(known)
            found.missing_counts[column] = lacking >= enough
            if found.missing_counts[column] and lacking > rows / 2:
                found.typical[column] = np.nan
    return found


def read_matrix(table: pd.DataFrame, features: FeatureSet) -> Floats:
    """The features' columns as numbers, NaN for missing; a missing value with a stated meaning is filled with it.

    Raises CannotFit, naming the columns, where one is not there, is not a number or is infinite.
    """
    if not isinstance(table, pd.DataFrame):
        raise CannotFit("A model needs a table with named columns, so that no two can be exchanged unseen.")
    absent = [name for name in features.names if name not in table.columns]
    if absent:
        raise CannotFit(f"The table lacks the columns {', '.join(absent)}, which the model uses.")
    twice = sorted(set(table.columns[table.columns.duplicated()]) & set(features.names))
    if twice:
        raise CannotFit(f"The columns {', '.join(twice)} stand in the table more than once; leave one of each.")
    matrix = np.empty((len(table), len(features.names)), order="F")  # filled in place: the only copy of the table
    wrong, infinite = [], []
    for column, feature in enumerate(features.features):
        values = matrix[:, column]
        try:
            values[:] = _numbers(table[feature.name])
        except (TypeError, ValueError):
            wrong.append(feature.name)
            continue
        low, high = np.fmin.reduce(values, initial=np.nan), np.fmax.reduce(values, initial=np.nan)
        if np.isinf(low) or np.isinf(high):
            infinite.append(feature.name)
        elif low < -LARGEST_VALUE or high > LARGEST_VALUE:
            np.clip(values, -LARGEST_VALUE, LARGEST_VALUE, out=values)
        if feature.missing_as is not None:
            values[np.isnan(values)] = feature.missing_as
    if wrong:
        raise CannotFit(
            f"The columns {', '.join(wrong)} hold text or dates; a model takes numbers (0/1 for a category)."
        )
    if infinite:
        raise CannotFit(f"The columns {', '.join(infinite)} hold infinite values; leave an unknown value empty.")
    return matrix


def _numbers(column: pd.Series[Any]) -> NDArray[Any]:
    """A column's numbers; raises TypeError for dates, which would pass for numbers of nanoseconds."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return np.asarray(column.array)
    if column.dtype.kind in "mM":
        raise TypeError
    return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))


def read_outcome(y: Any, rows: int) -> Floats:
    """The outcome as 0.0 and 1.0; raises CannotFit unless all are known and both occur."""
    outcome = np.asarray(y, dtype=float)
    if outcome.shape != (rows,):
        raise CannotFit(f"There are {rows} rows of features but outcomes of shape {outcome.shape}.")
    if np.isnan(outcome).any():
        missing = int(np.isnan(outcome).sum())
        raise CannotFit(f"The outcome of {missing} of {rows} rows is missing; leave rows out until it is known.")
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise CannotFit("An outcome is neither 0 nor 1.")
    if len(np.unique(outcome)) < 2:
        found = f"all {rows} rows have the outcome {outcome[0]:.0f}" if rows else "there are no rows"
        raise CannotFit(f"Nothing can be learnt: {found}. A model needs rows with and without it.")
    return outcome


def one_thread() -> threadpool_limits:
    """A context in which linear algebra runs on one thread.

    Several threads add in another order, so that the last digits, and with them a model's hash, would hang on the
    machine; and where jobs run side by side they wait for each other.
    """
    return threadpool_limits(limits=1, user_api="blas")


class Later(NamedTuple):
    """Rows of a later date than those fitted on: features, outcomes, and the person of each row."""

    X: pd.DataFrame
    y: Any
    people: Any = None


class Slice(NamedTuple):
    """Rows as a model learns from them."""

    matrix: Floats
    outcome: Floats
    people: NDArray[Any] | None


def chance(logit: Floats) -> Floats:
    """The chance from 0 to 1 of each logit, without overflow."""
    small = np.exp(-np.abs(logit))
    return np.where(logit >= 0, 1.0, small) / (1.0 + small)


def log_loss_of(outcome: Floats, logit: Floats) -> float:
    """Total log-loss in nats."""
    return float((np.logaddexp(0.0, logit) - outcome * logit).sum())


def features_to_json(features: FeatureSet) -> list[dict[str, Any]]:
    return [dataclasses.asdict(feature) for feature in features.features]


def features_from_json(told: list[dict[str, Any]]) -> FeatureSet:
    return FeatureSet(tuple(FeatureInfo(**feature) for feature in told))


class ChanceModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A scikit-learn classifier of a 0/1 outcome whose logit is a sum of one contribution per feature and a base.

    Subclasses learn in ``_learn`` and tell the parts of the logit in ``_parts``.
    """

    kind: str  # the name of the format in a saved file
    features: FeatureSet

    def fit(self, X: pd.DataFrame, y: Any, people: Any = None, later: Later | None = None) -> Self:
        """Learn from rows with a known outcome. ``people`` names each row's person.

        ``later``: rows of a later date. A model that can learn for too long finds on them when to stop and learns
        nothing else from them; other models do not use them.
        """
        rows = self._slice(X, y, people)
        self._know_features()
        self.columns_ = learn_columns(rows.matrix)
        with one_thread():
            if later is None:
                self._learn(*rows)
            else:
                self._learn_until(rows, self._slice(*later))
        return self

    def _slice(self, X: pd.DataFrame, y: Any, people: Any) -> Slice:
        matrix = read_matrix(X, self.features)
        return Slice(matrix, read_outcome(y, len(matrix)), None if people is None else np.asarray(people))

    def _learn_until(self, rows: Slice, later: Slice) -> None:
        """Learn from ``rows``, and stop where ``later`` says so; a model that cannot learn too long just learns."""
        self._learn(*rows)

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        raise NotImplementedError

    def _parts(self, matrix: Floats) -> tuple[Floats, float]:
        """One column of logit parts per feature, and the base."""
        raise NotImplementedError

    def _logit(self, matrix: Floats) -> Floats:
        parts, base = self._parts(matrix)
        return np.asarray(parts.sum(axis=1) + base, dtype=float)

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """The logit of each row's chance."""
        check_is_fitted(self)
        return self._logit(read_matrix(X, self.features))

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        """Two columns: the chance of no outcome and of the outcome."""
        chances = chance(self.decision_function(X))
        return np.column_stack([1.0 - chances, chances])

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """The likelier outcome, for scikit-learn's tools; nothing a person sees uses it."""
        return (self.decision_function(X) > 0).astype(np.int64)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the logit, and ``base``; a row sums to its logit."""
        check_is_fitted(self)
        parts, base = self._parts(read_matrix(X, self.features))
        return pd.DataFrame(parts, index=X.index, columns=list(self.features.names)).assign(**{BASE: base})

    def to_json(self) -> dict[str, Any]:
        """Everything the fitted model is, in plain values: ``from_json`` gives a model with identical scores."""
        check_is_fitted(self)
        settings = {name: value for name, value in self.get_params(deep=False).items() if name != "features"}
        return {
            "kind": self.kind,
            "features": features_to_json(self.features),
            "settings": settings,
            "columns": self.columns_.to_json(),
            "learnt": self._tell(),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        model = cls(features_from_json(told["features"]), **told["settings"])  # type: ignore[call-arg]
        model._know_features()
        model.columns_ = Columns.from_json(told["columns"])
        model._recall(told["learnt"])
        return model

    def _tell(self) -> dict[str, Any]:
        """What ``_learn`` learnt, in plain values."""
        raise NotImplementedError

    def _recall(self, learnt: Mapping[str, Any]) -> None:
        """Take back what ``_tell`` told."""
        raise NotImplementedError

    def _know_features(self) -> None:
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = len(self.features.names)
        self.feature_names_in_ = np.array(self.features.names, dtype=object)

    @property
    def reference_(self) -> pd.Series[float]:
        """The typical profile that reasons compare with: the median of each feature in the fitting rows."""
        check_is_fitted(self)
        return pd.Series(self.columns_.typical, index=list(self.features.names))
