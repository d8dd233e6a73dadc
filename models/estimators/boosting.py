"""A small LightGBM whose features may only act in the direction the field knows, told as LightGBM's own text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from desist.features.tables import FeatureSet
from desist.models.estimators.base import ChanceModel, Floats

if TYPE_CHECKING:
    import lightgbm

ADDITIVE_WITHIN = 1e-9


class NotAdditive(RuntimeError):
    """Contributions do not add up to the score they are said to explain."""


class MonotoneBoosting(ChanceModel):
    """Gradient boosted trees, few and shallow, monotone where a feature has a sign; one thread, no chance in it.

    A missing value of a feature with a sign is first put at the feature's worst value, and a column of its own says
    that it is missing and may only lower: so no missing value scores worse than the worst known one. A missing value
    of a feature without a sign is left to the trees.
    """

    kind = "monotone_boosting"

    def __init__(
        self,
        features: FeatureSet,
        *,
        trees: int = 150,
        leaves: int = 8,
        rate: float = 0.05,
        rows_in_leaf: int = 50,
        ridge: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.features = features
        self.trees = trees
        self.leaves = leaves
        self.rate = rate
        self.rows_in_leaf = rows_in_leaf
        self.ridge = ridge
        self.seed = seed

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        import lightgbm

        signs = [*self.features.signs, *([-1] * len(self._told_missing()))]
        settings = {
            "objective": "binary",
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "min_data_in_leaf": self.rows_in_leaf,
            "min_sum_hessian_in_leaf": 1e-3,
            "lambda_l2": self.ridge,
            "monotone_constraints": signs,
            "monotone_constraints_method": "basic",
            "max_bin": 255,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }
        columns = self._columns_for_trees(matrix)
        # short names: LightGBM refuses some characters a feature's name may have
        rows = lightgbm.Dataset(columns, outcome, feature_name=[f"f{i}" for i in range(columns.shape[1])])
        self.booster_: lightgbm.Booster = lightgbm.train(settings, rows, self.trees)

    def _told_missing(self) -> list[int]:
        """The features with a sign whose missing values have a column of their own."""
        counted = self.columns_.missing_counts
        return [position for position, sign in enumerate(self.features.signs) if sign != 0 and counted[position]]

    def _columns_for_trees(self, matrix: Floats) -> Floats:
        columns = matrix.copy()
        flags = []
        told = self._told_missing()
        for position, sign in enumerate(self.features.signs):
            values = columns[:, position]
            missing = np.isnan(values)
            if position in told:
                flags.append(missing.astype(float))
                values[missing] = self.columns_.high[position] if sign > 0 else self.columns_.low[position]
            elif sign != 0 or not self.columns_.missing_counts[position]:
                values[missing] = self.columns_.neutral[position]
        return np.column_stack([columns, *flags])

    def _logit(self, matrix: Floats) -> Floats:
        if len(matrix) == 0:  # LightGBM refuses a table without rows
            return np.empty(0)
        return np.asarray(self.booster_.predict(self._columns_for_trees(matrix), raw_score=True, num_threads=1), float)

    def _parts(self, matrix: Floats) -> tuple[Floats, float]:
        """LightGBM's own Shapley values; raises NotAdditive where they miss the score by more than 1e-9."""
        if len(matrix) == 0:
            return np.empty(matrix.shape), 0.0
        columns = self._columns_for_trees(matrix)
        told = np.asarray(self.booster_.predict(columns, pred_contrib=True, num_threads=1), float)
        if np.abs(told.sum(axis=1) - self._logit(matrix)).max() > ADDITIVE_WITHIN:
            raise NotAdditive("LightGBM's contributions do not sum to its score; no reasons can be given from them.")
        features = matrix.shape[1]
        parts = told[:, :features].copy()
        for flag, position in enumerate(self._told_missing()):
            parts[:, position] += told[:, features + flag]
        return parts, float(told[0, -1])

    def _tell(self) -> dict[str, Any]:
        return {"trees": self.booster_.model_to_string()}

    def _recall(self, learnt: Mapping[str, Any]) -> None:
        import lightgbm

        self.booster_ = lightgbm.Booster(model_str=learnt["trees"])
