"""Rolling-origin back-tests: each past caseload scored by a model fitted on earlier dates and other people.

Only rows whose label was mature by then teach it. The labels themselves are those known today: a sanction that was
recorded after its label's maturity is in them, so a back-test is as good as the record has since become.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.features.tables import ROW, FeatureSet, Scores
from desist.models.estimators.base import CannotFit, ChanceModel, Later
from desist.models.estimators.calibration import EVENTS_FOR_LEVEL, Calibrated
from desist.records.hashing import hash_bytes

DIGITS = 6


@dataclass(frozen=True)
class Plan:
    """What a back-test keeps apart.

    ``known_after_days``: days after its as-of date until a row's label is known; a row teaches no model that is
    used before. ``folds``: people are split so that no model scores a person it learnt from.
    ``least_dates``: a date is tested only if labels of so many earlier dates were known by then.
    """

    outcome: str
    known_after_days: int
    folds: int = 3
    least_dates: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if self.known_after_days < 1 or self.folds < 2 or self.least_dates < 1:
            raise ValueError("a back-test needs a label gap, two folds of people and one date to learn from")


@dataclass(frozen=True)
class Split:
    """One fit: positions of the rows learnt from and of the rows scored, and the date they are of."""

    as_of: dt.date
    fold: int
    learn: NDArray[np.intp]
    score: NDArray[np.intp]


def fold_of(people: pd.Series, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row's person: by a hash, so that it is the same for a person on every date and machine."""
    names = people.astype(str)
    number = {name: int(hash_bytes(f"{seed} {name}".encode())[:12], 16) % folds for name in names.unique()}
    return np.asarray(names.map(number), dtype=np.int64)


def splits(table: pd.DataFrame, plan: Plan) -> Iterator[Split]:
    """Every fit of the plan: for each date that can be tested, one per fold of people."""
    fold = fold_of(table["person_id"], plan.folds, plan.seed)
    as_of = table["as_of"]
    for date in sorted(as_of.unique()):
        known = as_of + pd.Timedelta(days=plan.known_after_days) <= date
        if as_of[known].nunique() < plan.least_dates:
            continue
        for number in range(plan.folds):
            score = np.flatnonzero((as_of == date) & (fold == number))
            if len(score):
                yield Split(date.date(), number, np.flatnonzero(known & (fold != number)), score)


def fit_then_calibrate(
    model: ChanceModel, X: pd.DataFrame, y: pd.Series, as_of: pd.Series, people: pd.Series
) -> Calibrated:
    """The model fitted on all as-of dates but the last and recalibrated on the last, so on later rows.

    A model that can learn for too long finds on the last date when to stop.
    Where there is one date alone, or the last has too few outcomes to recalibrate on, the model learns from all of
    them and the line stays as it is.
    """
    last = (as_of == as_of.max()).to_numpy()
    events = int(np.asarray(y)[last].sum())
    enough = not last.all() and min(events, int(last.sum()) - events) >= EVENTS_FOR_LEVEL
    first, later = (~last, last) if enough else (np.ones_like(last), np.zeros_like(last))
    until = Later(X[later], y[later], people[later]) if enough else None
    model.fit(X[first], y[first], people[first], later=until)
    return Calibrated(model).fit(X[later], y[later])


def backtest(
    table: pd.DataFrame,
    features: FeatureSet,
    make_model: Callable[[int], ChanceModel],
    name: str,
    plan: Plan,
    *,
    calibrate: bool = True,
) -> Scores:
    """Chances of every row that can be tested, from a model of one recipe fitted anew for each date and fold.

    ``table``: person_id, as_of, the feature columns and the outcome, known in every row. With
    ``calibrate`` each is recalibrated on the last date it learnt from. Raises CannotFit where no date can be tested.
    """
    found = []
    for split in splits(table, plan):
        learn, score = table.iloc[split.learn], table.iloc[split.score]
        model = make_model(plan.seed)
        if calibrate:
            fitted: Any = fit_then_calibrate(
                model, learn[list(features.names)], learn[plan.outcome], learn["as_of"], learn["person_id"]
            )
        else:
            fitted = model.fit(learn, learn[plan.outcome], learn["person_id"])
        found.append(score[ROW].assign(score=fitted.predict_proba(score)[:, 1].round(DIGITS)))
    if not found:
        raise CannotFit(
            f"No past date can be tested: a model must learn from {plan.least_dates} dates whose outcome was known "
            f"{plan.known_after_days} days later, before the date it is tested on. Take in more history."
        )
    return Scores(pd.concat(found).sort_values(ROW, kind="stable").reset_index(drop=True), name)
