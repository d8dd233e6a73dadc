"""An explainable boosting machine: one table of steps per feature, learnt by interpret and kept as plain numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desist.features.tables import FeatureSet
from desist.models.estimators.base import ChanceModel, Floats
from desist.models.estimators.calibration import shift_to

SMOOTH_ROUNDS = 20  # first rounds cut at random places, which cannot stop early: more of them overfit small tables
PATIENCE = 50  # rounds over all features without a gain on the people left out
FEWEST_ROWS_IN_LEAF = 4
LEAVES_IN_ROWS = 40  # a small table lets a leaf be a fortieth of it
ROUNDS_WITHOUT_JUDGES = 25  # where too few people have either outcome to say when to stop


@dataclass(frozen=True)
class Steps:
    """What one feature adds to the logit: ``scores[i]`` from ``cuts[i - 1]`` up to, not including, ``cuts[i]``.

    Beyond the first and last cut the end scores hold, so nothing is extrapolated. ``missing`` is for no value.
    """

    cuts: tuple[float, ...]
    scores: tuple[float, ...]
    missing: float

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.cuts) + 1 or list(self.cuts) != sorted(set(self.cuts)):
            raise ValueError("a table of steps needs rising cuts and one score more than it has cuts")

    def of(self, values: Floats) -> Floats:
        """The part of the logit for each value; NaN is missing."""
        place = np.searchsorted(np.array(self.cuts), values, side="right")
        known = np.array(self.scores)[np.minimum(place, len(self.cuts))]
        return np.where(np.isnan(values), self.missing, known)

    def moved(self, amount: float) -> Steps:
        return Steps(self.cuts, tuple(score + amount for score in self.scores), self.missing + amount)

    def merged(self) -> Steps:
        """The same table without cuts at which nothing changes."""
        telling = [place for place in range(len(self.cuts)) if self.scores[place] != self.scores[place + 1]]
        cuts = tuple(self.cuts[place] for place in telling)
        return Steps(cuts, (self.scores[0], *(self.scores[place + 1] for place in telling)), self.missing)

    def to_json(self) -> dict[str, Any]:
        return {"cuts": list(self.cuts), "scores": list(self.scores), "missing": self.missing}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Steps:
        return cls(tuple(told["cuts"]), tuple(told["scores"]), float(told["missing"]))


class ExplainableBoosting(ChanceModel):
    """A generalised additive model boosted a feature at a time, without interactions; scored from our own tables.

    ``bags`` models are averaged. Each leaves out another equal part of the people (of the rows, where ``fit`` is not
    told people) and stops when its gain on them does: no person stands on both sides of a stop, and everybody
    is left out once. ``rounds`` is the most that one may take; ``bins`` the most steps of a feature. At most
    ``max_rows`` rows, drawn with ``seed``, are used. A feature with a sign never steps the other way, and a missing
    value of it scores no worse than its worst known value; where rows with a missing value did worse than that,
    the difference is not learnt. One process, one thread, nothing from chance but the seed.
    Source: Lou, Caruana and Gehrke (2012), "Intelligible models for classification and regression"; interpret-core.
    """

    kind = "explainable_boosting"

    def __init__(
        self,
        features: FeatureSet,
        *,
        bags: int = 8,
        rounds: int = 500,
        rate: float = 0.04,
        bins: int = 128,
        leaves: int = 3,
        rows_in_leaf: int = 25,
        ridge: float = 5.0,
        max_rows: int = 100_000,
        seed: int = 0,
    ) -> None:
        self.features = features
        self.bags = bags
        self.rounds = rounds
        self.rate = rate
        self.bins = bins
        self.leaves = leaves
        self.rows_in_leaf = rows_in_leaf
        self.ridge = ridge
        self.max_rows = max_rows
        self.seed = seed

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        draw = np.random.default_rng(self.seed)
        if len(matrix) > self.max_rows:
            drawn = np.sort(draw.choice(len(matrix), self.max_rows, replace=False))
            matrix, outcome, people = matrix[drawn], outcome[drawn], None if people is None else people[drawn]
        filled = self._filled(matrix)
        varied = [position for position, values in enumerate(filled.T) if _varies(values)]
        steps = [Steps((), (0.0,), 0.0) for _ in range(matrix.shape[1])]
        if varied:
            sides = bag_sides(outcome, people, self.bags, draw)
            for position, found in zip(varied, steps_of(self._boosted(filled, outcome, varied, sides)), strict=True):
                steps[position] = found
        self._settle(steps, matrix, outcome)

    def _filled(self, matrix: Floats) -> Floats:
        """Missing values that cannot show an effect of their own are scored as the typical value."""
        plain = np.isnan(matrix) & ~self.columns_.missing_counts
        return np.where(plain, self.columns_.neutral, matrix)

    def _boosted(self, filled: Floats, outcome: Floats, varied: list[int], sides: NDArray[np.int8]) -> Any:
        """interpret's fitted model of the columns ``varied``."""
        from interpret.glassbox import ExplainableBoostingClassifier

        judged = bool((sides < 0).any())
        model = ExplainableBoostingClassifier(
            feature_types=["continuous"] * len(varied),
            max_bins=self.bins,
            interactions=0,
            outer_bags=sides.shape[1],
            learning_rate=self.rate,
            smoothing_rounds=SMOOTH_ROUNDS,
            max_rounds=self.rounds if judged else min(self.rounds, ROUNDS_WITHOUT_JUDGES),
            early_stopping_rounds=PATIENCE,
            min_samples_leaf=max(FEWEST_ROWS_IN_LEAF, min(self.rows_in_leaf, len(outcome) // LEAVES_IN_ROWS)),
            reg_lambda=self.ridge,
            max_leaves=self.leaves,
            monotone_constraints=[self.features.signs[position] for position in varied],
            n_jobs=1,
            random_state=self.seed,
        )
        with warnings.catch_warnings():  # it warns that its pictures do not show missing values; our tables do
            warnings.filterwarnings("ignore", message="Missing values detected")
            return model.fit(filled[:, varied], outcome.astype(np.int64), bags=sides)

    def _settle(self, steps: list[Steps], matrix: Floats, outcome: Floats) -> None:
        """Signs and missing values as promised, each feature's mean over the rows 0, and the mean chance the rate."""
        self.intercept_ = 0.0
        settled = []
        for position, found in enumerate(steps):
            values = matrix[:, position]
            kept = self._kept_promises(position, found, values)
            settled.append(kept.moved(-float(kept.of(values).mean())).merged())
        self.steps_ = tuple(settled)
        self.intercept_ = shift_to(self._logit(matrix), outcome)

    def _kept_promises(self, position: int, steps: Steps, values: Floats) -> Steps:
        sign, scores = self.features.signs[position], np.array(steps.scores)
        if sign != 0:
            known = values[~np.isnan(values)]
            rows = np.bincount(np.searchsorted(steps.cuts, known, side="right"), minlength=len(scores))
            scores = one_way(scores, rows.astype(float), sign)
        missing = steps.missing
        if not self.columns_.missing_counts[position]:
            neutral = float(self.columns_.neutral[position])
            missing = float(scores[int(np.searchsorted(steps.cuts, neutral, side="right"))])
        elif sign != 0:
            missing = min(missing, float(scores.max()))
        return Steps(steps.cuts, tuple(scores.tolist()), missing)

    def _parts(self, matrix: Floats) -> tuple[Floats, float]:
        parts = np.empty(matrix.shape)
        for position, steps in enumerate(self.steps_):
            parts[:, position] = steps.of(matrix[:, position])
        return parts, self.intercept_

    def _tell(self) -> dict[str, Any]:
        return {"intercept": self.intercept_, "steps": [steps.to_json() for steps in self.steps_]}

    def _recall(self, learnt: Mapping[str, Any]) -> None:
        self.intercept_ = float(learnt["intercept"])
        self.steps_ = tuple(Steps.from_json(steps) for steps in learnt["steps"])
        if len(self.steps_) != len(self.features.names):
            raise ValueError("a table of steps is needed for each feature")


def _varies(values: Floats) -> bool:
    """Whether two rows differ, a missing value counting as one more value."""
    known = values[~np.isnan(values)]
    return len(known) > 0 and (len(known) < len(values) or float(known.min()) < float(known.max()))


def bag_sides(outcome: Floats, people: NDArray[Any] | None, bags: int, draw: np.random.Generator) -> NDArray[np.int8]:
    """1 where a bag (a column) learns from a row, -1 where the row says when to stop; a person's rows share a side.

    Each person is left out by one bag. A bag without both outcomes on either side is dropped; where none remains,
    one bag learns from all rows.
    """
    persons = np.arange(len(outcome)) if people is None else np.unique(people, return_inverse=True)[1]
    ever = np.zeros(int(persons.max()) + 1, dtype=bool)
    ever[persons[outcome == 1]] = True
    part = np.empty(len(ever), dtype=np.int64)
    for stratum in (np.flatnonzero(ever), np.flatnonzero(~ever)):
        part[draw.permutation(stratum)] = np.arange(len(stratum)) % bags
    sides = np.where(part[persons][:, None] == np.arange(bags), -1, 1).astype(np.int8)
    usable = [bag for bag in sides.T if all(len(np.unique(outcome[bag == side])) == 2 for side in (-1, 1))]
    return np.column_stack(usable) if usable else np.ones((len(outcome), 1), dtype=np.int8)


def steps_of(boosted: Any) -> list[Steps]:
    """interpret's tables as ours, a feature each; interpret keeps the missing score first and one for text last."""
    found: dict[int, Steps] = {}
    for (feature,), scores in zip(boosted.term_features_, boosted.term_scores_, strict=True):
        cuts = np.asarray(boosted.bins_[feature][0], dtype=float)
        found[feature] = Steps(tuple(cuts.tolist()), tuple(scores[1:-1].tolist()), float(scores[0]))
    return [found[feature] for feature in range(len(found))]


def one_way(scores: Floats, rows: Floats, sign: int) -> Floats:
    """The nearest scores (least squares over the rows in each) that never step against the sign."""
    from sklearn.isotonic import isotonic_regression

    rising = scores if sign > 0 else -scores
    if (np.diff(rising) < 0).any():
        pooled = isotonic_regression(rising, sample_weight=np.maximum(rows, 1e-6))
        rising = np.maximum.accumulate(pooled)  # pooling rounds in the last digit
    return rising if sign > 0 else -rising
