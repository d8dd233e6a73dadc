"""Simple rivals that show what a model adds. They are compared with, never released.

Those that need sex or age (OGRS3, ARP) are in ``fairness.comparators``. The Copas rate needs the length of a career,
which stands for age: in a partnership it is a comparator only, under the board's approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desist.features.tables import FeatureSet
from desist.models.estimators.base import CannotFit, ChanceModel, Floats
from desist.models.estimators.logistic import fit_line

COPAS_YEARS = 10.0  # OGRS3: sanctions over ten years more than the career has lasted
MOST_SANCTIONS = 50  # OGRS3 counts no more previous sanctions than this


class _OneNumber(ChanceModel):
    """A logistic line through one number made from named columns; unknown columns count as typical."""

    def _number(self, matrix: Floats) -> Floats:
        """The number the comparator goes by, from columns without missing values."""
        raise NotImplementedError

    def _column(self, matrix: Floats, name: str) -> Floats:
        if name not in self.features.names:
            raise CannotFit(f"The comparator needs the column {name}, which is not among its features.")
        position = self.features.names.index(name)
        values = matrix[:, position]
        return np.where(np.isnan(values), self.columns_.neutral[position], values)

    def _shown_in(self) -> int:
        """The position of the feature that the contribution is put down to."""
        return 0

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        line = fit_line(self._number(matrix), np.ones(len(outcome)), outcome)
        self.intercept_, self.slope_ = line.intercept, line.slope

    def _parts(self, matrix: Floats) -> tuple[Floats, float]:
        parts = np.zeros(matrix.shape)
        if matrix.shape[1]:
            parts[:, self._shown_in()] = self.slope_ * self._number(matrix)
        return parts, self.intercept_

    def _tell(self) -> dict[str, Any]:
        return {"intercept": self.intercept_, "slope": self.slope_}

    def _recall(self, learnt: Mapping[str, Any]) -> None:
        self.intercept_, self.slope_ = float(learnt["intercept"]), float(learnt["slope"])


class BaseRate(_OneNumber):
    """Everybody's chance is the rate in the fitting rows."""

    kind = "base_rate"

    def __init__(self, features: FeatureSet) -> None:
        self.features = features

    def _number(self, matrix: Floats) -> Floats:
        return np.zeros(len(matrix))


class PriorCount(_OneNumber):
    """The chance by the number of previous sanctions alone, on a log scale."""

    kind = "prior_count"

    def __init__(self, features: FeatureSet, *, priors: str) -> None:
        self.features = features
        self.priors = priors

    def _shown_in(self) -> int:
        return self.features.names.index(self.priors)

    def _number(self, matrix: Floats) -> Floats:
        return np.log1p(np.maximum(self._column(matrix, self.priors), 0.0))


class CopasRate(_OneNumber):
    """The chance by the rate of sanctions over a career: ln((previous + 1) / (10 + years since the first)).

    Previous sanctions count up to 50. Source: OGRS3 (Howard, Francis, Soothill and Humphreys 2009, "OGRS 3: the revised
    Offender Group Reconviction Scale", Ministry of Justice Research Summary 7/09), after Copas and Marshall (1998).
    """

    kind = "copas_rate"

    def __init__(self, features: FeatureSet, *, priors: str, years_since_first: str) -> None:
        self.features = features
        self.priors = priors
        self.years_since_first = years_since_first

    def _shown_in(self) -> int:
        return self.features.names.index(self.priors)

    def _number(self, matrix: Floats) -> Floats:
        previous = np.clip(self._column(matrix, self.priors), 0.0, MOST_SANCTIONS)
        years = np.maximum(self._column(matrix, self.years_since_first), 0.0)
        return np.asarray(np.log((previous + 1.0) / (COPAS_YEARS + years)), dtype=float)
