"""Models side by side: back-tested on later dates and other people, compared pairwise, the readable one preferred."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from desist.features.register import Register
from desist.features.standard_features import LOOKBACK, approval_features
from desist.features.tables import ROW
from desist.models.estimators.calibration import Calibrated
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
from desist.models.judging.rare import GainOverHistory, gain_over_history
from desist.pipelines.ground import Ground
from desist.pipelines.recipes import CAREER_YEARS, HISTORY, comparators, recipes
from desist.pipelines.session import Session
from desist.pipelines.training import Training
from desist.records.errors import Refused

DAYS_A_YEAR = 365.25
FOLDS, LEAST_DATES = 3, 2


@dataclass(frozen=True)
class Period:
    """One model's scores of one date, judged."""

    as_of: dt.date
    rows: int
    events: int
    metrics: Mapping[str, Measured]


@dataclass(frozen=True)
class Compared:
    """Back-test scores by name, their figures with intervals, differences to the chosen model, and the choice.

    ``judged``: person_id, as_of, the outcome, and a column of scores per name, for the rows that every one scored;
    none of them is of a judge. ``models`` are the names that may be released, most readable first. ``paired``: by
    name, the chosen model's measure less the other's. ``over_history``: for a rare outcome, what the chosen model
    gains over one that knows only the length of the record.
    """

    judged: pd.DataFrame
    metrics: Mapping[str, Mapping[str, Measured]]
    paired: Mapping[str, Mapping[str, Difference]]
    periods: tuple[Period, ...]
    choice: Choice
    size: SampleSize
    models: tuple[str, ...]
    over_history: GainOverHistory | None = None

    @property
    def chosen(self) -> str:
        return self.choice.chosen


def compare(session: Session, ground: Ground, training: Training, *, cut_off: float, take: str = "") -> Compared:
    """Back-test every model and comparator on the learners, and choose.

    ``cut_off``: the estimate from which a case is brought to review. ``take``: the model that was asked for, whatever
    the comparison says; the comparison is told all the same. Raises CannotFit where no past date can be tested.
    """
    plan = back_test_plan(session, training)
    table, outcome = training.learners, training.outcome
    features = ground.register.feature_set()
    models = recipes(features, outcome, training.events)
    if take and take not in models:
        raise Refused(f"No model of this outcome is called {take!r}; there are {list(models)}.")
    with_career = table.assign(**{CAREER_YEARS: _career_years(ground, table)})
    judged = table[[*ROW, outcome]]
    for name, make in {**models, **comparators(outcome)}.items():
        session.say(f"  back-test: {name}")
        rows = table if name in models else with_career
        scored = backtest(rows, features, make, name, plan, calibrate=name in models)
        judged = judged.merge(scored.table.rename(columns={"score": name}), on=ROW, how="inner", validate="one_to_one")
    return _judge(session, judged, outcome, tuple(models), cut_off, take)


def compare_shared(
    session: Session, training: Training, name: str, model: Calibrated, words: str, *, cut_off: float
) -> Compared:
    """A shared model as it came, on the learners' rows: nothing was fitted here, so there is nothing to choose."""
    table, outcome, came = training.learners, training.outcome, f"{name}, as it came"
    judged = table[[*ROW, outcome]].assign(**{came: model.predict_proba(table)[:, 1].round(6)})
    found = _judge(session, judged, outcome, (came,), cut_off)
    return replace(found, choice=replace(found.choice, words=words))


def back_test_plan(session: Session, training: Training) -> Plan:
    """What a back-test of a run keeps apart."""
    return Plan(training.outcome, training.definition.days_to_mature, FOLDS, LEAST_DATES, session.settings.seed)


def _judge(
    session: Session, judged: pd.DataFrame, outcome: str, models: tuple[str, ...], cut_off: float, take: str = ""
) -> Compared:
    y, people = judged[outcome].to_numpy(dtype=float), judged["person_id"].to_numpy()
    draws = {"replicates": session.settings.replicates, "seed": session.settings.seed}
    names = [name for name in judged.columns if name not in (*ROW, outcome)]
    scores = {name: judged[name] for name in models}
    choice = choose(y, scores, people, models, as_of=judged["as_of"], cut_off=cut_off, **draws)
    if take and take != choice.chosen:
        words = f"The {take} was asked for. Left to the comparison it would have been another. {choice.words}"
        choice = replace(choice, chosen=take, words=words)
    return Compared(
        judged=judged,
        metrics={name: score_metrics(y, judged[name], people, cut_off=cut_off, **draws) for name in names},
        paired={
            name: paired_difference(y, judged[choice.chosen], judged[name], people, **draws)
            for name in names
            if name != choice.chosen
        },
        periods=periods_of(judged, outcome, choice.chosen, cut_off=cut_off, **draws),
        choice=choice,
        size=sample_size(y, people),
        models=models,
        over_history=gain_over_history(y, judged[choice.chosen], judged[HISTORY], people, **draws)
        if HISTORY in names
        else None,
    )


def periods_of(
    judged: pd.DataFrame, outcome: str, score: str, *, cut_off: float, replicates: int, seed: int
) -> tuple[Period, ...]:
    """One column of scores judged date by date."""
    return tuple(
        Period(
            block["as_of"].iloc[0].date(),
            len(block),
            int(block[outcome].sum()),
            score_metrics(
                block[outcome], block[score], block["person_id"], replicates=replicates, seed=seed, cut_off=cut_off
            ),
        )
        for _, block in judged.groupby("as_of")
    )


def _career_years(ground: Ground, rows: pd.DataFrame) -> pd.Series:
    """Years since each person's first sanction, for the Copas rate alone: no model of ours is given them."""
    from desist.features.engines.compiled import build_profiles

    career = tuple(feature for feature in approval_features() if feature.name == "career_length")
    register = Register(career, LOOKBACK, frozenset({"career_length"}))
    profiles = build_profiles(ground.events, rows[ROW], register)
    days = rows[ROW].merge(profiles.table, on=ROW, how="left", validate="one_to_one")["career_length"]
    return (days / DAYS_A_YEAR).set_axis(rows.index)
