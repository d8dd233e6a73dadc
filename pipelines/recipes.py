"""How each model and comparator of a run is made: from a seed to an unfitted estimator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from desist.features.outcomes import RARE
from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import ChanceModel
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.card import PointsCard
from desist.models.estimators.comparators import BaseRate, CopasRate, PriorCount
from desist.models.estimators.ebm import ExplainableBoosting
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.rare import HistoryLength, RareCard, items_for, rare_recipes

Recipe = Callable[[int], ChanceModel]

CARD_ITEMS = 10
#: Half as many bags as by default: a back-test fits it a dozen times, and the figures hardly move.
EBM_BAGS = 4
CARD, SPLINE, EBM, TREES = "points card", "spline logistic", "explainable boosting", "monotone boosting"
#: Most readable first: the order in which the choice prefers them.
MODELS = (CARD, SPLINE, EBM, TREES)
HISTORY = "history length"
COMPARATORS = ("base rate", "prior count", "Copas rate")
PRIORS, CAREER_YEARS = "sanctions_10y", "career_years"


def recipes(features: FeatureSet, outcome: str, events: int) -> Mapping[str, Recipe]:
    """The models that may be released for an outcome, by name, most readable first.

    ``events``: people with the outcome among those who teach; a rare outcome gets shorter cards and fewer kinds.
    """
    if outcome in RARE:
        return rare_recipes(features, events)
    return {
        CARD: card_recipe(features, events),
        SPLINE: lambda seed: SplineLogistic(features, seed=seed),
        EBM: lambda seed: ExplainableBoosting(features, bags=EBM_BAGS, seed=seed),
        TREES: lambda seed: MonotoneBoosting(features, seed=seed),
    }


def card_recipe(features: FeatureSet, events: int) -> Recipe:
    """A card of as many lines as the people with the outcome bear: one for each 25, ten at most.

    Below that its chances are held back too: a line fitted to so few outcomes tells people apart too much.
    """
    items = min(CARD_ITEMS, items_for(events))
    if items < CARD_ITEMS:
        return lambda seed: RareCard(features, max_items=items, seed=seed)
    return lambda seed: PointsCard(features, max_items=items, seed=seed)


def trees_for_figures(features: FeatureSet) -> Recipe:
    """Boosted trees as the analyst's figures show them, whatever models an outcome has."""
    return lambda seed: MonotoneBoosting(features, seed=seed)


def comparators(outcome: str) -> Mapping[str, Recipe]:
    """Rules a model has to beat; none of them is ever released. A rare outcome's must beat history length too."""
    seen = FeatureSet((FeatureInfo(PRIORS), FeatureInfo(CAREER_YEARS)))
    history = {HISTORY: lambda seed: HistoryLength(seen, priors=PRIORS, years_since_first=CAREER_YEARS)}
    return {
        **(history if outcome in RARE else {}),
        "base rate": lambda seed: BaseRate(seen),
        "prior count": lambda seed: PriorCount(seen, priors=PRIORS),
        "Copas rate": lambda seed: CopasRate(seen, priors=PRIORS, years_since_first=CAREER_YEARS),
    }
