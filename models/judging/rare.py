"""Rare outcomes, such as a serious offence: how few events allow what, cards held back, the gain over history length.

Measured at a rate of 3 % on made-up rows with 25 features, 12 draws each, calibration slope on fresh rows (1 is best):
a ``SplineLogistic`` .9 to 1.2 at 50 to 150 events, because cross-validation holds it back; a card of 10 items .6, .8
and .85 at 50, 100 and 150 events, and its log-loss best with about one item for each 25 events; such a card held back
(``RareCard``) 1.0, 1.1 and 1.0, with the least log-loss of all. The choice between models goes by log-loss
(``choice``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from desist.features.outcomes import EVENTS_TO_CHOOSE, EVENTS_TO_RELEASE
from desist.features.tables import FeatureSet
from desist.models.estimators.base import CannotFit, ChanceModel, Floats
from desist.models.estimators.calibration import shift_to
from desist.models.estimators.card import PointsCard
from desist.models.estimators.logistic import fit_bounded_logistic, fit_line
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.evaluate import Difference, paired_difference
from desist.records.errors import Refused

EVENTS_PER_ITEM = 25
FEWEST_ITEMS, MOST_ITEMS = 2, 10
CARD, SPLINE = "points card", "spline logistic"


def people_with_outcome(y: ArrayLike, people: ArrayLike) -> int:
    """How many different people have the outcome in any row: the number of events that the rules below ask for.

    Rows without a known outcome count as without it.
    """
    return len(np.unique(np.asarray(people)[np.asarray(y, dtype=float) == 1.0]))


@dataclass(frozen=True)
class May:
    """Whether something may be done with so few events, and the sentence that says so."""

    allowed: bool
    words: str

    def or_refuse(self) -> None:
        """Raise Refused, with the sentence, where it may not be done."""
        if not self.allowed:
            raise Refused(self.words)


def may_choose(events: int | None, outcome: str) -> May:
    """Whether models may be compared and one chosen: 100 people must have had the outcome, and be counted."""
    left = "Without it the card stands as the one recipe that was fixed beforehand."
    return _may(events, EVENTS_TO_CHOOSE, outcome, "a choice between models", left)


def may_release(events: int | None, outcome: str) -> May:
    """Whether a model may be put before the board: 50 people must have had the outcome, and be counted."""
    return _may(events, EVENTS_TO_RELEASE, outcome, "a release", "Take in more history, or join a region.")


def _may(events: int | None, least: int, outcome: str, what: str, otherwise: str) -> May:
    named = outcome.replace("_", " ")
    if events is None:
        return May(False, f"Nobody counted the people with {named}: {what} needs {least} of them. {otherwise}")
    if events < least:
        return May(False, f"{events} people had {named}: {what} needs {least}. {otherwise}")
    return May(True, f"{events} people had {named}; {what} needs {least}.")


def items_for(events: int) -> int:
    """How many items a card of a rare outcome may have: one for each 25 people with the outcome, 2 to 10."""
    return int(np.clip(events // EVENTS_PER_ITEM, FEWEST_ITEMS, MOST_ITEMS))


class RareCard(PointsCard):
    """A points card whose chances lie half way between those of the few outcomes and of the held-back curve it follows.

    The search has seen the outcomes, so a line fitted to them tells chances apart too much; a line fitted to the
    curve, whose penalty cross-validation chose, too little (slopes on fresh people about .9 and 1.3 at 50 to 150
    events). The mean chance stays the rate. Saved and read back as a ``PointsCard`` with the same scores.
    """

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        super()._learn(matrix, outcome, people)
        table = pd.DataFrame(matrix, columns=list(self.features.names))
        curve = SplineLogistic(self.features, seed=self.seed).fit(table, outcome, people)
        points = self._points(matrix).astype(np.float64)
        line = fit_line(points, np.ones(len(points)), curve.predict_proba(table)[:, 1])
        self.multiplier_ = (self.multiplier_ + line.slope) / 2.0
        self.intercept_ = shift_to(self.multiplier_ * points, outcome)


def rare_recipes(features: FeatureSet, events: int) -> Mapping[str, Callable[[int], ChanceModel]]:
    """How the models of a rare outcome are made, by name, most readable first; the card alone below 100 events."""
    card = {CARD: lambda seed: RareCard(features, max_items=items_for(events), seed=seed)}
    if not may_choose(events, "the outcome").allowed:
        return card
    return {**card, SPLINE: lambda seed: SplineLogistic(features, seed=seed)}


class HistoryLength(ChanceModel):
    """The chance by how long somebody's record is and by nothing else: number of sanctions, years since the first.

    What a model of serious offences or escalation has to beat (DOMAIN section 6). Both on a log scale, never falling
    with the number of sanctions. A comparator, never released: years since the first sanction stand for age.
    """

    kind = "history_length"

    def __init__(self, features: FeatureSet, *, priors: str, years_since_first: str, ridge: float = 1.0) -> None:
        self.features = features
        self.priors = priors
        self.years_since_first = years_since_first
        self.ridge = ridge

    def _places(self) -> list[int]:
        absent = [name for name in (self.priors, self.years_since_first) if name not in self.features.names]
        if absent:
            raise CannotFit(f"The comparator needs the columns {', '.join(absent)}, which are not among its features.")
        return [self.features.names.index(name) for name in (self.priors, self.years_since_first)]

    def _numbers(self, matrix: Floats) -> Floats:
        places = self._places()
        values = np.where(np.isnan(matrix[:, places]), self.columns_.neutral[places], matrix[:, places])
        return np.asarray(np.log1p(np.maximum(values, 0.0)), dtype=float)

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        design = np.column_stack([self._numbers(matrix), np.ones(len(matrix))])
        rate = outcome.mean()
        self.weights_ = fit_bounded_logistic(
            design,
            np.ones(len(outcome)),
            outcome,
            bounded=np.array([True, False, False]),
            penalty=np.array([self.ridge, self.ridge, 0.0]),
            start=np.array([0.0, 0.0, np.log(rate / (1.0 - rate))]),
        )

    def _parts(self, matrix: Floats) -> tuple[Floats, float]:
        parts = np.zeros(matrix.shape)
        parts[:, self._places()] = self._numbers(matrix) * self.weights_[:2]
        return parts, float(self.weights_[2])

    def _tell(self) -> dict[str, Any]:
        return {"weights": self.weights_.tolist()}

    def _recall(self, learnt: Mapping[str, Any]) -> None:
        self.weights_ = np.array(learnt["weights"], dtype=float)


@dataclass(frozen=True)
class GainOverHistory:
    """What a model saves over one that knows only history length: log-loss and AUC on the same rows, and in words."""

    log_loss: Difference
    auc: Difference
    events: int
    words: str

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "log_loss": self.log_loss.to_json(), "auc": self.auc.to_json()}


def gain_over_history(
    y: ArrayLike, score: ArrayLike, history: ArrayLike, people: ArrayLike, *, replicates: int, seed: int
) -> GainOverHistory:
    """The log-loss that ``score`` saves over ``history`` (above 0: it is better) and what it adds to the AUC.

    Chances of both from people and dates that neither learnt from; intervals from drawing people again.
    """
    found = paired_difference(y, score, history, people, replicates=replicates, seed=seed)
    lost = found["log_loss"]
    saved = Difference(
        *(None if value is None else -value for value in (lost.value, lost.high, lost.low, lost.at_most, lost.at_least))
    )
    events = people_with_outcome(y, people)
    return GainOverHistory(saved, found["auc"], events, _gain_in_words(saved, found["auc"], events))


def _gain_in_words(saved: Difference, auc: Difference, events: int) -> str:
    if saved.value is None or saved.low is None or auc.value is None:
        return f"The gain over history length cannot be told from {events} people with the outcome."
    shown = "is shown to do better than" if saved.low > 0 else "is not shown to do better than"
    return (
        f"The model {shown} one that knows only the length of the record: it saves {saved.value:.4f} of log-loss "
        f"({saved.low:.4f} to {saved.high:.4f}) and adds {auc.value:.3f} of AUC ({auc.low:.3f} to {auc.high:.3f}), "
        f"on {events} people with the outcome."
    )
