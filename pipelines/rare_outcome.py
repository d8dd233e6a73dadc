"""A run for a rare outcome, such as a serious offence: its own models, its gain over history length, its own words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from desist.features.outcomes import OUTCOMES, TOP_BAND, OutcomeDefinition
from desist.features.outcomes.follow_up import worst_bands
from desist.features.outcomes.packing import People, days_of
from desist.features.tables import ROW, FeatureInfo, FeatureSet
from desist.models.judging.backtest import backtest
from desist.models.judging.choice import Choice, choose
from desist.models.judging.evaluate import Measured, score_metrics
from desist.models.judging.rare import (
    GainOverHistory,
    HistoryLength,
    gain_over_history,
    may_release,
    people_with_outcome,
    rare_recipes,
)
from desist.pipelines.compare import back_test_plan
from desist.pipelines.ground import Ground
from desist.pipelines.recipes import CAREER_YEARS, PRIORS
from desist.pipelines.session import Session
from desist.pipelines.training import Training

HISTORY = "history length"
#: Shown in place of an estimate to somebody whom escalation says nothing about; it must never read as low.
TOP_WORDS = "Already at the top: convicted of a serious offence in the last two years at liberty. No estimate."


@dataclass(frozen=True)
class RareCompared:
    """Back-tests of a rare outcome: scores by name, figures with intervals, the choice, the gain over history length.

    ``judged``: person_id, as_of, the outcome, and a column of scores per name. ``events``: people with the outcome.
    """

    judged: pd.DataFrame
    metrics: Mapping[str, Mapping[str, Measured]]
    choice: Choice
    gain: GainOverHistory
    events: int


def compare_rare(session: Session, training: Training, features: FeatureSet, career_years: pd.Series) -> RareCompared:
    """The models of a rare outcome and history length, back-tested on the learners.

    ``career_years``: years since the first sanction of each of ``training.learners``, for the comparator alone.
    Raises Refused below 50 people with the outcome: no model of it could be released.
    """
    table = training.learners
    events = people_with_outcome(training.table[training.outcome], training.table["person_id"])
    may_release(events, training.outcome).or_refuse()
    plan = back_test_plan(session, training)
    made = rare_recipes(features, people_with_outcome(table[training.outcome], table["person_id"]))
    judged = table[[*ROW, training.outcome]]
    for name, make in made.items():
        session.say(f"  back-test: {name}")
        judged = _with(judged, backtest(table, features, make, name, plan).table, name)
    seen = FeatureSet((FeatureInfo(PRIORS), FeatureInfo(CAREER_YEARS)))
    with_career = table.assign(**{CAREER_YEARS: career_years.to_numpy()})
    history = backtest(
        with_career,
        seen,
        lambda seed: HistoryLength(seen, priors=PRIORS, years_since_first=CAREER_YEARS),
        HISTORY,
        plan,
    )
    return _judged(session, _with(judged, history.table, HISTORY), list(made), training.outcome, events)


def _with(judged: pd.DataFrame, scored: pd.DataFrame, name: str) -> pd.DataFrame:
    return judged.merge(scored.rename(columns={"score": name}), on=ROW, how="inner", validate="one_to_one")


def _judged(session: Session, judged: pd.DataFrame, names: Sequence[str], outcome: str, events: int) -> RareCompared:
    y, people = judged[outcome].to_numpy(dtype=float), judged["person_id"].to_numpy()
    draws = {"replicates": session.settings.replicates, "seed": session.settings.seed}
    choice = choose(y, {name: judged[name] for name in names}, people, names, as_of=judged["as_of"], **draws)
    return RareCompared(
        judged=judged,
        metrics={name: score_metrics(y, judged[name], people, **draws) for name in (*names, HISTORY)},
        choice=choice,
        gain=gain_over_history(y, judged[choice.chosen], judged[HISTORY], people, **draws),
        events=events,
    )


def already_at_the_top(ground: Ground, people: Sequence[str], as_of: dt.date) -> frozenset[str]:
    """The people whose proven offences of the last 24 months at liberty reach band 4 or 5, as known on ``as_of``.

    Escalation says nothing of them: they are shown as ``TOP_WORDS``, never with an estimate and never as low.
    """
    rows = pd.DataFrame({"person_id": list(people), "as_of": pd.Timestamp(as_of)})
    if rows.empty or "offences" not in ground.events.tables:
        return frozenset()
    worst = worst_bands(ground.events, People.of(rows), days_of(rows))
    return frozenset(rows["person_id"][worst >= TOP_BAND])


def in_100_words(outcome: str, in_100: int) -> str:
    """The sentence that a page says of a group with so many in 100 (UX section 4); only for the rare outcomes."""
    definition: OutcomeDefinition = OUTCOMES[outcome]
    months = 24 if definition.follow_up_days > 365 else 12
    if definition.only_below is not None:
        return f"Convicted of a more serious offence than in the last two years: about {in_100} in 100."
    return (
        f"About {in_100} in 100 people with a similar recorded history were convicted of a serious offence within "
        f"{months} months."
    )
