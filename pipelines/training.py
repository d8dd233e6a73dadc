"""The rows a model learns from: past caseloads, their profiles, and labels as known on the day we stand on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from desist.features.outcomes import (
    ESCALATION,
    PROVEN_REOFFENDING,
    RARE,
    SERIOUS_OFFENCE,
    OutcomeDefinition,
    label_outcomes,
)
from desist.features.tables import ROW, Outcomes
from desist.models.judging.apart import Apart, AuditPlan, set_apart
from desist.models.judging.rare import may_release, people_with_outcome
from desist.pipelines.ground import Built, Ground, build_profiles_on
from desist.pipelines.session import Session
from desist.records.errors import Refused

OUTCOME = PROVEN_REOFFENDING.name
#: Outcomes a run may be made for, each as its own candidate.
DEFINITIONS = (PROVEN_REOFFENDING, SERIOUS_OFFENCE, ESCALATION)
#: A refit needs at least this many people with the outcome and without it; below, nothing is fitted.
LEAST_EVENTS = 100
LEAST_DATES = 2


@dataclass(frozen=True)
class Training:
    """Past caseload rows with features and labels.

    ``table``: person_id, as_of, a column per feature and the outcome, rows with a known outcome only.
    ``outcomes``: every outcome of every row, known or not. ``built``: profiles and cohort per as-of date.
    ``definition``: the outcome that the models learn. ``apart``: who teaches a model and who judges it.
    """

    table: pd.DataFrame
    outcomes: Outcomes
    built: Mapping[dt.date, Built]
    definition: OutcomeDefinition
    apart: Apart

    @property
    def outcome(self) -> str:
        """The column of the table that models learn."""
        return self.definition.name

    @cached_property
    def people_with_outcome(self) -> int:
        """How many different people have the outcome, judges among them."""
        return people_with_outcome(self.table[self.outcome], self.table["person_id"])

    @cached_property
    def events(self) -> int:
        """How many different people among the learners have the outcome."""
        learners = self.learners
        return people_with_outcome(learners[self.outcome], learners["person_id"])

    @cached_property
    def learners(self) -> pd.DataFrame:
        """The rows of everybody who is no judge: back-tests and the choice between models use these alone."""
        return self.table.iloc[self.apart.learners].reset_index(drop=True)

    @cached_property
    def learnt(self) -> pd.DataFrame:
        """The learners' rows whose label was known before the first audited date: what the audited file learns."""
        return self.table.iloc[self.apart.learn].reset_index(drop=True)

    @cached_property
    def judging(self) -> pd.DataFrame:
        """The judges' rows on the audited dates."""
        return self.table.iloc[self.apart.judge].reset_index(drop=True)

    @property
    def as_ofs(self) -> tuple[dt.date, ...]:
        return tuple(self.built)

    def unknown_labels(self) -> dict[str, int]:
        """How many rows have no label, by reason."""
        missing = self.outcomes.table[self.outcomes.table[self.outcome].isna()]
        return {str(reason): int(count) for reason, count in missing["why_missing"].value_counts().sort_index().items()}


def past_dates(session: Session, as_of: dt.date) -> list[dt.date]:
    """The as-of dates before ``as_of`` on which past caseloads are drawn, oldest first."""
    step = pd.DateOffset(months=session.settings.months_between)
    dates, date = [], pd.Timestamp(session.settings.first_as_of)
    while date.date() < as_of:
        dates.append(date.date())
        date = date + step
    return dates


def outcome_definitions(data_lag_days: int) -> list[OutcomeDefinition]:
    """The outcomes of a run, the one that models learn first, with the partnership's own lag of recording."""
    return [replace(definition, data_lag_days=data_lag_days) for definition in DEFINITIONS]


def training_rows(
    session: Session, ground: Ground, as_of: dt.date, outcome: str = OUTCOME, *, least: int = LEAST_EVENTS
) -> Training:
    """Past caseloads with labels as known on ``as_of``, without people on hold: they teach and judge nothing.

    Raises Refused where fewer than ``least`` rows have the outcome or are without it, or too few people a rare one.
    """
    built = {date: build_profiles_on(session, ground, date) for date in past_dates(session, as_of)}
    if not built:
        raise Refused(f"There is no past caseload date before {as_of}: set [run] first_as_of earlier.")
    profiles = pd.concat([one.profiles.table for one in built.values()], ignore_index=True)
    profiles = profiles[~profiles["person_id"].astype(str).isin(list(ground.on_hold))].reset_index(drop=True)
    definitions = outcome_definitions(session.settings.data_lag_days)
    outcomes = label_outcomes(ground.events, profiles[ROW], definitions, known_by=as_of)
    labelled = profiles.merge(outcomes.table[[*ROW, outcome]], on=ROW, how="left", validate="one_to_one")
    known = labelled[labelled[outcome].notna()].reset_index(drop=True)
    _check_enough(known, len(labelled), outcome, least)
    definition = next(one for one in definitions if one.name == outcome)
    return Training(known, outcomes, built, definition, set_apart(known, audit_plan(session, definition)))


def audit_plan(session: Session, definition: OutcomeDefinition) -> AuditPlan:
    """Who judges, and on which dates, as the settings say."""
    settings = session.settings
    return AuditPlan(definition.days_to_mature, settings.audit_share, settings.audit_dates, LEAST_DATES, settings.seed)


def _check_enough(known: pd.DataFrame, rows: int, outcome: str, least: int) -> None:
    if outcome in RARE:
        may_release(people_with_outcome(known[outcome], known["person_id"]), outcome).or_refuse()
        return
    events = people_with_outcome(known[outcome], known["person_id"])
    without = people_with_outcome(1 - known[outcome], known["person_id"])
    if min(events, without) < least:
        raise Refused(
            f"Of {rows:,} past caseload rows {len(known):,} have a known outcome, {events:,} of them with "
            f"{outcome.replace('_', ' ')}; at least {least} with and without are needed. Take in more history, "
            "join a region, or take its shared card (desist retrain --shared FILE)."
        )
