"""A logistic regression whose features bend: regularised, monotone where a sign is given, no interactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desist.features.tables import FeatureSet
from desist.models.estimators.base import ChanceModel, Floats, chance, log_loss_of
from desist.models.estimators.basis import Basis, learn_basis
from desist.models.estimators.logistic import LEAST_INFORMATION, fit_bounded_logistic, solve_bounded

STRAIGHT_PENALTY = 0.1  # the straight part is held back a tenth as much as the bends
SHRINKAGE = tuple(float(value) for value in 10.0 ** np.arange(-0.5, 2.6, 0.5))
MIDDLE_SHRINKAGE = 10.0
DIGITS = 9  # of a weight: what lies beyond differs between processors and would only change the model's hash


class SplineLogistic(ChanceModel):
    """Regularised logistic regression on splines of each feature; chances are sums anybody can redo with a table.

    ``knots`` bends a feature may have. ``shrinkage`` fixes the penalty; None chooses it by cross-validation among
    ``SHRINKAGE`` on ``choice_folds`` folds (of people, where ``fit`` is told them). At most ``max_rows`` rows, drawn
    with ``seed``, are used: beyond that the curves no longer change by anything a page could show.
    A feature with a sign bends in that direction only, and a missing value scores no worse than its worst value.
    """

    kind = "spline_logistic"

    def __init__(
        self,
        features: FeatureSet,
        *,
        knots: int = 5,
        shrinkage: float | None = None,
        choice_folds: int = 5,
        max_rows: int = 100_000,
        seed: int = 0,
    ) -> None:
        self.features = features
        self.knots = knots
        self.shrinkage = shrinkage
        self.choice_folds = choice_folds
        self.max_rows = max_rows
        self.seed = seed

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        draw = np.random.default_rng(self.seed)
        if len(matrix) > self.max_rows:
            drawn = np.sort(draw.choice(len(matrix), self.max_rows, replace=False))
            matrix, outcome, people = matrix[drawn], outcome[drawn], None if people is None else people[drawn]
        self.bases_ = tuple(learn_basis(values, self.knots) for values in matrix.T)
        design, bounded, penalty = self._design(matrix)
        start = np.zeros(design.shape[1])
        start[-1] = np.log(outcome.mean() / (1 - outcome.mean()))
        if self.shrinkage is None:
            folds = _folds(len(outcome), people, self.choice_folds, draw)
            self.shrinkage_ = choose_shrinkage(
                design, outcome, bounded=bounded, penalty=penalty, folds=folds, start=start
            )
        else:
            self.shrinkage_ = float(self.shrinkage)
        weights = fit_bounded_logistic(
            design, np.ones(len(outcome)), outcome, bounded=bounded, penalty=penalty * self.shrinkage_, start=start
        )
        self.weights_ = np.round(weights, DIGITS)

    def _feature_columns(self, position: int, values: Floats) -> Floats:
        """One feature's columns: with a sign, they are 0 at the worst value and -1 at the best."""
        basis, sign = self.bases_[position], self.features.signs[position]
        missing = np.isnan(values)
        columns = basis.columns(np.where(missing, self.columns_.neutral[position], values))
        if sign != 0:
            columns = columns - 1.0 if sign > 0 else -columns
        if not self.columns_.missing_counts[position]:
            return columns
        if sign != 0:  # the worst value, from which being missing may only lower
            return np.column_stack([np.where(missing[:, None], 0.0, columns), np.where(missing, -1.0, 0.0)])
        return np.column_stack([columns, missing.astype(float)])

    def _design(self, matrix: Floats) -> tuple[Floats, NDArray[np.bool_], Floats]:
        """All columns with the intercept last, which weights may not be negative, and each weight's penalty."""
        blocks, bounded, penalty = [], [], []
        for position, sign in enumerate(self.features.signs):
            block = self._feature_columns(position, matrix[:, position])
            blocks.append(block)
            bounded += [sign != 0] * block.shape[1]
            straight = self.bases_[position].size > 0
            penalty += [STRAIGHT_PENALTY if straight and column == 0 else 1.0 for column in range(block.shape[1])]
        design = np.column_stack([*blocks, np.ones(len(matrix))])
        return design, np.array([*bounded, False]), np.array([*penalty, 0.0])

    def _parts(self, matrix: Floats) -> tuple[Floats, float]:
        parts = np.zeros(matrix.shape)
        used = 0
        for position in range(matrix.shape[1]):
            block = self._feature_columns(position, matrix[:, position])
            for values, weight in zip(block.T, self.weights_[used : used + block.shape[1]], strict=True):
                parts[:, position] += weight * values  # one by one: a person's sum must not hang on other rows
            used += block.shape[1]
        return parts, float(self.weights_[-1])

    def _tell(self) -> dict[str, Any]:
        return {
            "bases": [basis.to_json() for basis in self.bases_],
            "weights": self.weights_.tolist(),
            "shrinkage": self.shrinkage_,
        }

    def _recall(self, learnt: Mapping[str, Any]) -> None:
        self.bases_ = tuple(Basis.from_json(basis) for basis in learnt["bases"])
        self.weights_ = np.array(learnt["weights"], dtype=float)
        self.shrinkage_ = float(learnt["shrinkage"])


def _folds(rows: int, people: NDArray[Any] | None, folds: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """A fold number for each row; a person's rows share one."""
    if people is None:
        return draw.permutation(np.arange(rows) % folds)
    persons = np.unique(people, return_inverse=True)[1]
    return draw.permutation(np.arange(persons.max() + 1) % folds)[persons]


def choose_shrinkage(
    design: Floats,
    outcome: Floats,
    *,
    bounded: NDArray[np.bool_],
    penalty: Floats,
    folds: NDArray[np.int64],
    start: Floats,
) -> float:
    """The amount of ``SHRINKAGE`` with the least held-out log-loss.

    The loss is taken as a quadratic around one fit and cut into folds, so that each amount and fold costs one small
    solve instead of a fit; the held-out loss itself is exact.
    """
    rows = np.ones(len(outcome))
    middle = fit_bounded_logistic(
        design, rows, outcome, bounded=bounded, penalty=penalty * MIDDLE_SHRINKAGE, start=start, within=1e-5
    )
    expected = chance(design @ middle)
    information = np.maximum(expected * (1.0 - expected), LEAST_INFORMATION)
    held_out = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    grams = [design[part].T @ (design[part] * information[part, None]) for part in held_out]
    targets = [
        gram @ middle + design[part].T @ (outcome - expected)[part] for gram, part in zip(grams, held_out, strict=True)
    ]
    gram_of_all, target_of_all = np.sum(grams, axis=0), np.sum(targets, axis=0)
    losses = np.zeros(len(SHRINKAGE))
    near = [middle] * len(held_out)
    for place, amount in enumerate(SHRINKAGE):
        for fold, (part, gram, target) in enumerate(zip(held_out, grams, targets, strict=True)):
            ridge = np.diag(penalty * amount + 1e-9)
            near[fold] = solve_bounded(gram_of_all - gram + ridge, target_of_all - target, bounded, near[fold])
            losses[place] += log_loss_of(outcome[part], design[part] @ near[fold])
    return SHRINKAGE[int(np.argmin(losses))]
