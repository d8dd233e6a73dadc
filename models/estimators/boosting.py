"""A small LightGBM whose features may only act in the direction the field knows, told as LightGBM's own text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from desist.features.tables import FeatureSet
from desist.models.estimators.base import ChanceModel, Floats, Slice, log_loss_of
from desist.models.estimators.calibration import shift_to

if TYPE_CHECKING:
    import lightgbm

ADDITIVE_WITHIN = 1e-9
STEP = 5  # the number of trees is found to the nearest five
STOP_FOLDS = 3  # parts of the people, where the later rows are of people who are in the earlier rows too


class NotAdditive(RuntimeError):
    """Contributions do not add up to the score they are said to explain."""


class MonotoneBoosting(ChanceModel):
    """Gradient boosted trees, few and shallow, monotone where a feature has a sign; one thread, no chance in it.

    ``trees`` is how many, and with ``fit(..., later=...)`` the most there may be: ``trees_`` is then the number with
    the least log-loss on the later rows, their level put right first as recalibration will. No tree that is judged
    there has learnt from a person it is judged on; the trees kept are learnt from all the earlier rows.

    A missing value is left to the trees. LightGBM may part it from all known values, and then only as the highest: so a
    feature that raises is given negated, the highest is always the best, and a missing value of a feature with a sign
    scores no worse than its worst known value. Values outside the fitted range score as its end.
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
        # fit made the matrix for this model alone: millions of rows are not copied once more
        self.booster_: lightgbm.Booster = self._trained(self._turn(matrix), outcome, self.trees)
        self.trees_ = self.trees

    def _learn_until(self, rows: Slice, later: Slice) -> None:
        earlier, judging = self._turn(rows.matrix), self._turn(later.matrix)
        losses = np.zeros(len(range(0, self.trees, STEP)))
        for learn, judge in self._sides(rows, later):
            booster = self._trained(earlier[learn], rows.outcome[learn], self.trees)
            losses += self._losses(booster, judging[judge], later.outcome[judge])
        self.trees_ = min((int(np.argmin(losses)) + 1) * STEP, self.trees)
        self.booster_ = self._trained(earlier, rows.outcome, self.trees_)

    def _sides(self, rows: Slice, later: Slice) -> Iterator[tuple[Any, Any]]:
        """Earlier rows to learn from and later rows to judge on, never of one person; together they judge every row."""
        if rows.people is None or later.people is None or not np.isin(later.people, rows.people).any():
            yield slice(None), slice(None)
            return
        everybody, number = np.unique(np.concatenate([rows.people, later.people]), return_inverse=True)
        part = np.random.default_rng(self.seed).permutation(np.arange(len(everybody)) % STOP_FOLDS)[number]
        before, after = part[: len(rows.people)], part[len(rows.people) :]
        for fold in range(STOP_FOLDS):
            judge = after == fold
            if len(np.unique(later.outcome[judge])) == 2 and len(np.unique(rows.outcome[before != fold])) == 2:
                yield before != fold, judge

    def _losses(self, booster: lightgbm.Booster, columns: Floats, outcome: Floats) -> Floats:
        """The log-loss of the first 5, 10, 15, … trees, each with its level put right."""
        logit, losses = np.zeros(len(outcome)), []
        for start in range(0, self.trees, STEP):
            added = booster.predict(columns, raw_score=True, start_iteration=start, num_iteration=STEP, num_threads=1)
            logit = logit + np.asarray(added, dtype=float)
            losses.append(log_loss_of(outcome, logit + shift_to(logit, outcome)))
        return np.array(losses)

    def _trained(self, columns: Floats, outcome: Floats, trees: int) -> lightgbm.Booster:
        import lightgbm

        # short names: LightGBM refuses some characters a feature's name may have
        rows = lightgbm.Dataset(columns, outcome, feature_name=[f"f{i}" for i in range(columns.shape[1])])
        return lightgbm.train(self.settings(), rows, trees)

    def settings(self) -> dict[str, Any]:
        """What LightGBM is told; a feature that raises is given to it negated."""
        return {
            "objective": "binary",
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "min_data_in_leaf": self.rows_in_leaf,
            "min_sum_hessian_in_leaf": 1e-3,
            "lambda_l2": self.ridge,
            "monotone_constraints": [-abs(sign) for sign in self.features.signs],
            "monotone_constraints_method": "basic",
            "max_bin": 255,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
        }

    def _turn(self, matrix: Floats) -> Floats:
        """The matrix as the trees see it, changed in place: filled where missing has no effect, negated if it raises.

        LightGBM would take a missing value that it saw none of for 0.
        """
        known = self.columns_
        for position, (values, sign) in enumerate(zip(matrix.T, self.features.signs, strict=True)):
            if not known.missing_counts[position]:
                values[np.isnan(values)] = known.neutral[position]
            if sign > 0:
                np.negative(values, out=values)
        return matrix

    def _for_trees(self, matrix: Floats) -> Floats:
        return self._turn(matrix.copy(order="K"))

    def _logit(self, matrix: Floats) -> Floats:
        if len(matrix) == 0:  # LightGBM refuses a table without rows
            return np.empty(0)
        return np.asarray(self.booster_.predict(self._for_trees(matrix), raw_score=True, num_threads=1), float)

    def _parts(self, matrix: Floats) -> tuple[Floats, float]:
        """LightGBM's own Shapley values; raises NotAdditive where they miss the score by more than 1e-9."""
        if len(matrix) == 0:
            return np.empty(matrix.shape), 0.0
        told = np.asarray(self.booster_.predict(self._for_trees(matrix), pred_contrib=True, num_threads=1), float)
        if np.abs(told.sum(axis=1) - self._logit(matrix)).max() > ADDITIVE_WITHIN:
            raise NotAdditive("LightGBM's contributions do not sum to its score; no reasons can be given from them.")
        return told[:, :-1].copy(), float(told[0, -1])

    def _tell(self) -> dict[str, Any]:
        return {"trees": self.booster_.model_to_string()}

    def _recall(self, learnt: Mapping[str, Any]) -> None:
        import lightgbm

        self.booster_ = lightgbm.Booster(model_str=learnt["trees"])
        self.trees_ = self.booster_.num_trees()
