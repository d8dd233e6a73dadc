"""Models side by side: back-tested on later dates and other people, compared pairwise, the readable one preferred."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from desist.features.register import Register
from desist.features.standard_features import LOOKBACK, approval_features
from desist.features.tables import ROW, FeatureInfo, FeatureSet, Scores
from desist.models.estimators.base import ChanceModel
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.card import PointsCard
from desist.models.estimators.comparators import BaseRate, CopasRate, PriorCount
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.backtest import Plan, backtest
from desist.models.judging.choice import Choice, choose
from desist.models.judging.evaluate import (
    Difference,
    Measured,
    SampleSize,
    paired_difference,
    sample_size,
    score_metrics,
)
from desist.pipelines.ground import Ground
from desist.pipelines.session import Session
from desist.pipelines.training import OUTCOME, Training, outcome_definitions

CARD_ITEMS = 10
#: Most readable first: the order in which the choice prefers them.
MODELS = ("points card", "spline logistic", "monotone boosting")
COMPARATORS = ("base rate", "prior count", "Copas rate")
PRIORS, CAREER_YEARS, DAYS_A_YEAR = "sanctions_10y", "career_years", 365.25
FOLDS, LEAST_DATES = 3, 2


def recipes(features: FeatureSet) -> dict[str, Callable[[int], ChanceModel]]:
    """How each model is made, by name: from a seed to an unfitted estimator."""
    return {
        "points card": lambda seed: PointsCard(features, max_items=CARD_ITEMS, seed=seed),
        "spline logistic": lambda seed: SplineLogistic(features, seed=seed),
        "monotone boosting": lambda seed: MonotoneBoosting(features, seed=seed),
    }


def comparators() -> dict[str, Callable[[int], ChanceModel]]:
    """Rules a model has to beat; none of them is ever released."""
    seen = FeatureSet((FeatureInfo(PRIORS), FeatureInfo(CAREER_YEARS)))
    return {
        "base rate": lambda seed: BaseRate(seen),
        "prior count": lambda seed: PriorCount(seen, priors=PRIORS),
        "Copas rate": lambda seed: CopasRate(seen, priors=PRIORS, years_since_first=CAREER_YEARS),
    }


@dataclass(frozen=True)
class Period:
    """The chosen model's back-test on one date."""

    as_of: dt.date
    rows: int
    events: int
    metrics: Mapping[str, Measured]


@dataclass(frozen=True)
class Compared:
    """Back-test scores by name, their figures with intervals, differences to the chosen model, and the choice.

    ``judged``: person_id, as_of, the outcome, and a column of scores per name, for the rows that every one scored.
    ``paired``: by name, the chosen model's measure less the other's.
    """

    judged: pd.DataFrame
    metrics: Mapping[str, Mapping[str, Measured]]
    paired: Mapping[str, Mapping[str, Difference]]
    periods: tuple[Period, ...]
    choice: Choice
    size: SampleSize

    @property
    def chosen(self) -> str:
        return self.choice.chosen

    @property
    def tested_on(self) -> dt.date:
        """The date of the latest caseload in the test."""
        return max(period.as_of for period in self.periods)

    def scores(self) -> Scores:
        """Back-test scores of the chosen model."""
        return Scores(self.judged[ROW].assign(score=self.judged[self.chosen]), self.chosen)


def compare(session: Session, ground: Ground, training: Training) -> Compared:
    """Back-test every model and comparator, and choose. Raises CannotFit where no past date can be tested."""
    settings = session.settings
    (definition, *_) = outcome_definitions(settings.data_lag_days)
    plan = Plan(OUTCOME, definition.days_to_mature, FOLDS, LEAST_DATES, settings.seed)
    features = ground.register.feature_set()
    with_career = training.table.assign(**{CAREER_YEARS: _career_years(ground, training.table)})
    judged = training.table[[*ROW, OUTCOME]]
    for name, make in {**recipes(features), **comparators()}.items():
        session.say(f"  back-test: {name}")
        table, calibrate = (training.table, True) if name in MODELS else (with_career, False)
        scored = backtest(table, features, make, name, plan, calibrate=calibrate)
        judged = judged.merge(scored.table.rename(columns={"score": name}), on=ROW, how="inner", validate="one_to_one")
    return _judge(session, judged)


def _judge(session: Session, judged: pd.DataFrame) -> Compared:
    y, people = judged[OUTCOME].to_numpy(dtype=float), judged["person_id"].to_numpy()
    draws = {"replicates": session.settings.replicates, "seed": session.settings.seed}
    names = (*MODELS, *COMPARATORS)
    choice = choose(y, {name: judged[name] for name in MODELS}, people, MODELS, **draws)
    return Compared(
        judged=judged,
        metrics={name: score_metrics(y, judged[name], people, **draws) for name in names},
        paired={
            name: paired_difference(y, judged[choice.chosen], judged[name], people, **draws)
            for name in names
            if name != choice.chosen
        },
        periods=tuple(
            Period(
                block["as_of"].iloc[0].date(),
                len(block),
                int(block[OUTCOME].sum()),
                score_metrics(block[OUTCOME], block[choice.chosen], block["person_id"], **draws),
            )
            for _, block in judged.groupby("as_of")
        ),
        choice=choice,
        size=sample_size(y, people),
    )


def _career_years(ground: Ground, rows: pd.DataFrame) -> pd.Series:
    """Years since each person's first sanction, for the Copas rate alone: no model of ours is given them."""
    from desist.features.engines.compiled import build_profiles

    career = tuple(feature for feature in approval_features() if feature.name == "career_length")
    register = Register(career, LOOKBACK, frozenset({"career_length"}))
    profiles = build_profiles(ground.events, rows[ROW], register)
    days = rows[ROW].merge(profiles.table, on=ROW, how="left", validate="one_to_one")["career_length"]
    return (days / DAYS_A_YEAR).set_axis(rows.index)
