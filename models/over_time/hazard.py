"""Time to the first of several things, month by month: how likely each is next, for a person still free of all.

For every cause one of our own estimators learns, from months in which a person was at risk, the odds of that cause
against nothing happening in the month; months that ended in another cause are left out of it. Together the odds make
one multinomial chance per month, so that the shares of all causes and of nobody sum to 1 whatever the causes.
Source: Begg and Gray (1984), Biometrika 71, 11-18; Tutz and Schmid (2016), Modeling Discrete Time-to-Event Data, ch. 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import (
    CannotFit,
    ChanceModel,
    Floats,
    features_from_json,
    features_to_json,
    read_matrix,
)
from desist.models.estimators.calibration import EVENTS_FOR_LEVEL, Calibrated
from desist.models.estimators.spline import SplineLogistic
from desist.models.files import model_from_json
from desist.models.over_time.curves import Curves
from desist.models.over_time.follow_up import AtRisk, at_risk, month_ends_of

MONTH = "month_of_follow_up"  # 1, 2, ...: the column that tells an estimator which month a row is about
CAUSES = ("reoffence", "recall", "custody")  # of features.outcomes.time_to; the first is the one asked about
MONTH_DAYS = 365 / 12
#: With fewer events than this (DOMAIN section 6) a cause has a level by month alone, the same for everybody.
LEAST_EVENTS = 50
#: A month's level is drawn to the estimator's own curve as by four months of even odds (a spread of 0.5 on the logit).
LEVEL_PENALTY = 4.0
#: Models whose logit is a sum over features: the month's part is then worked out once and not for each row.
ADDITIVE = (SplineLogistic,)
ROUNDS = 200


class DiscreteHazard(BaseEstimator):  # type: ignore[misc]
    """Chances month by month of each cause coming first; ``curves`` gives cumulative incidence and who stays free.

    What it estimates is cause-specific: the odds of a cause among people to whom nothing has happened yet. The
    curves are about the world as it is, with recall and custody as they happen; nobody is dropped for them, and a
    curve is no answer to what would happen had nobody been held (``over_time.at_liberty``).

    ``causes``: the competing causes; one alone works. ``months``: the horizon, later days are not used;
    ``month_days``: a month's width in the unit of ``days``; month m ends with day ``m * month_days``, rounded down.
    ``make``: an unfitted estimator from a set of features, SplineLogistic where None.

    *At risk*: a person is until their event or censoring. Estimators take whole months: the one in which somebody
    was censored counts where at least half of it was seen. After that a level for each month and cause is set so
    that expected and observed events agree, and there the last month counts by the share of its days that was seen.
    The month is a feature like another, without a sign, and the levels are steps around its curve. With an additive
    estimator a feature's effect on the odds is the same in all months (proportional odds); trees may let it change.
    *Signs* hold for the odds of every cause against nothing happening, as the missing rule does. So a larger value of
    a feature with sign +1 never lowers the chance that any of the causes happens; it may lower the share of one of
    them, because another comes first.

    ``max_months``: an estimator learns from all months with an event and at most so many without, drawn with
    ``seed``: that leaves odds ratios as they are, and levels are set with all months.
    """

    kind = "discrete_hazard"

    def __init__(
        self,
        features: FeatureSet,
        *,
        causes: Sequence[str] = CAUSES,
        months: int = 12,
        month_days: float = MONTH_DAYS,
        make: Callable[[FeatureSet], ChanceModel] | None = None,
        max_months: int = 20_000,
        seed: int = 0,
    ) -> None:
        self.features = features
        self.causes = causes
        self.months = months
        self.month_days = month_days
        self.make = make
        self.max_months = max_months
        self.seed = seed

    def fit(self, X: pd.DataFrame, days: ArrayLike, cause: ArrayLike, people: ArrayLike | None = None) -> Self:
        """Learn from each row's day of its first event, or the last day it was seen without one ("censored").

        ``people`` names each row's person, so that a choice of shrinkage keeps a person's rows together. Raises
        CannotFit where a day or cause is missing or unknown, where nothing ever happened, or where nobody was
        followed into one of the months.
        """
        if MONTH in self.features.names:
            raise CannotFit(f"{MONTH} is what the model itself tells the month by. Rename that feature.")
        ends = month_ends_of(self.months, self.month_days)
        followed = at_risk(days, cause, causes=self.causes, ends=ends)
        if len(read_matrix(X, self.features)) != len(followed.month):
            raise CannotFit(f"There are {len(X)} rows of features for {len(followed.month)} days of follow-up.")
        persons = np.arange(len(X)) if people is None else np.asarray(people)
        draw = np.random.default_rng(self.seed)
        self.ends_ = ends
        self.events_ = {name: int(followed.events(number).sum()) for number, name in enumerate(self.causes)}
        self.models_ = {
            name: self._learn(X, followed, number, persons, draw)
            for number, name in enumerate(self.causes)
            if self.events_[name]
        }
        self.levels_ = {name: np.zeros(self.months) for name in self.models_}
        return self._set_levels(X, followed, least=1)

    def relevel(self, X: pd.DataFrame, days: ArrayLike, cause: ArrayLike) -> Self:
        """The same odds ratios with levels by month set anew on other rows, such as those of a later date.

        A cause with too few events there to be recalibrated on keeps its levels. ``self`` is changed and given back.
        """
        check_is_fitted(self, "levels_")
        return self._set_levels(
            X, at_risk(days, cause, causes=self.causes, ends=self.ends_), least=max(EVENTS_FOR_LEVEL, 1)
        )

    def _set_levels(self, X: pd.DataFrame, followed: AtRisk, *, least: int) -> Self:
        told = [self._logits(model, X) + self.levels_[name] for name, model in self.models_.items()]
        happened = [followed.events(list(self.causes).index(name)) for name in self.models_]
        found = set_levels(told, followed.weight(), [events if events.sum() >= least else None for events in happened])
        self.levels_ = {name: before + more for (name, before), more in zip(self.levels_.items(), found, strict=True)}
        return self

    def _learn(
        self, X: pd.DataFrame, followed: AtRisk, number: int, people: NDArray[Any], draw: np.random.Generator
    ) -> ChanceModel | None:
        """One cause's estimator on months with the event and months with none; None where events are too few."""
        if int(followed.events(number).sum()) < LEAST_EVENTS:
            return None
        with_event = np.flatnonzero(followed.cause == number)
        rows, months = followed.months_without()
        if len(rows) > self.max_months:
            drawn = np.sort(draw.choice(len(rows), self.max_months, replace=False))
            rows, months = rows[drawn], months[drawn]
        row = np.r_[with_event, rows]
        table = X[list(self.features.names)].take(row).reset_index(drop=True)
        table[MONTH] = 1.0 + np.r_[followed.month[with_event], months]
        outcome = np.r_[np.ones(len(with_event)), np.zeros(len(rows))]
        model = self._estimator(FeatureSet((*self.features.features, FeatureInfo(MONTH))))
        return model.fit(table, outcome, people[row])

    def _estimator(self, features: FeatureSet) -> ChanceModel:
        return SplineLogistic(features, seed=self.seed) if self.make is None else self.make(features)

    def _logits(self, model: ChanceModel | None, X: pd.DataFrame) -> Floats:
        """Each row's logit in each month as the estimator tells it, before the month's own level."""
        months = np.arange(1.0, self.months + 1)
        if model is None or len(X) == 0:
            return np.zeros((len(X), self.months))
        table = X[list(self.features.names)]
        if not isinstance(model, ADDITIVE):
            return np.column_stack([model.decision_function(table.assign(**{MONTH: month})) for month in months])
        by_month = table.take(np.zeros(self.months, dtype=int)).assign(**{MONTH: months})
        part = model.contributions(by_month)[MONTH].to_numpy()
        in_first = model.decision_function(table.assign(**{MONTH: 1.0}))
        return np.asarray(in_first[:, None] + (part - part[0]), dtype=float)

    def curves(self, X: pd.DataFrame) -> Curves:
        """Each row's cumulative incidence of every cause and its chance of none, by month; they sum to 1."""
        check_is_fitted(self, "levels_")
        chances = chances_of([self._logits(self.models_[name], X) + self.levels_[name] for name in self.models_])
        free = np.ones(len(X))
        shares = {name: np.zeros((len(X), self.months + 1)) for name in self.causes}
        stay = np.ones((len(X), self.months + 1))
        for month in range(self.months):
            for place, name in enumerate(self.models_):
                shares[name][:, month + 1] = shares[name][:, month] + free * chances[place, :, month]
            free = free * chances[-1, :, month]
            stay[:, month + 1] = free
        return Curves(X.index, np.r_[0, self.ends_], shares, stay)

    def to_json(self) -> dict[str, Any]:
        """Everything the fitted model is, in plain values: ``from_json`` gives a model with identical curves."""
        check_is_fitted(self, "levels_")
        return {
            "kind": self.kind,
            "features": features_to_json(self.features),
            "causes": list(self.causes),
            "months": self.months,
            "month_days": self.month_days,
            "max_months": self.max_months,
            "seed": self.seed,
            "events": dict(self.events_),
            "levels": {name: levels.tolist() for name, levels in self.levels_.items()},
            "models": {name: None if model is None else model.to_json() for name, model in self.models_.items()},
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The model that ``to_json`` told. How it was made is not in it: fitting it anew takes SplineLogistic."""
        names = ("causes", "months", "month_days", "max_months", "seed")
        model = cls(features_from_json(told["features"]), **{name: told[name] for name in names})
        model.ends_ = month_ends_of(model.months, model.month_days)
        model.events_ = dict(told["events"])
        happened = [name for name in model.causes if name in told["models"]]  # the causes' order makes the last digit
        model.levels_ = {name: np.array(told["levels"][name], dtype=float) for name in happened}
        model.models_ = {name: _inner(told["models"][name]) for name in happened}
        return model


def _inner(told: Mapping[str, Any] | None) -> ChanceModel | None:
    if told is None:
        return None
    model = model_from_json(told)
    if isinstance(model, Calibrated):
        raise CannotFit("A hazard's estimator is not recalibrated: its months have levels of their own.")
    return model


def chances_of(logits: Sequence[Floats]) -> Floats:
    """The chance of each cause in each row and month, and last of none of them; they sum to 1."""
    all_of = np.stack([*logits, np.zeros_like(logits[0])])
    all_of = np.exp(all_of - all_of.max(axis=0))
    return np.asarray(all_of / all_of.sum(axis=0), dtype=float)


def set_levels(told: Sequence[Floats], weight: Floats, happened: Sequence[Floats | None]) -> list[Floats]:
    """What to add to each cause's logit in each month, so that as many events are expected as happened.

    ``told``: rows by months for each cause; ``weight``: the share of each month a row was at risk; ``happened``:
    events by month, None for a cause that stays as told. A cause's mean level is free, its months are drawn to it.
    Causes take turns, each by Newton steps in its own levels, until none moves: the log-likelihood is concave, so
    that they end in one place.
    """
    months = weight.shape[1]
    penalty = LEVEL_PENALTY * (np.eye(months) - 1.0 / months)
    levels = [np.zeros(months) for _ in told]
    for _ in range(ROUNDS):
        largest = 0.0
        for place, events in enumerate(happened):
            if events is None:
                continue
            chances = chances_of([logit + level for logit, level in zip(told, levels, strict=True)])[place]
            error = events - (weight * chances).sum(axis=0) - penalty @ levels[place]
            curvature = (weight * chances * (1.0 - chances)).sum(axis=0) + 1e-9
            move = np.clip(np.linalg.solve(np.diag(curvature) + penalty, error), -2.0, 2.0)
            levels[place] = levels[place] + move
            largest = max(largest, float(np.abs(move).max()))
        if largest < 1e-10:
            break
    return levels
