"""Small made-up histories: tables as linked, written as lists of rows with ISO dates."""

import datetime as dt

import pandas as pd
import pytest

from desist.features.engines.facts import facts_of, histories
from desist.features.engines.reference import value_of
from desist.features.events import events_from
from desist.features.language import tables_read

SNAPSHOT = dt.date(2026, 9, 30)
SOURCE_OF = {"prob": "probation", "supp": "probation", "iom_": "probation", "pris": "prison", "pol_": "police",
             "trt_": "treatment", "asb_": "council", "hous": "council", "prog": "council"}  # fmt: skip
DATES = ("sentence_start", "sentence_end", "terminated", "release", "offered", "started", "ended", "end", "start")
COLUMNS = {
    "prob_person": "supervision_status lao",
    "prob_event": "event_id offence_code conviction_date sentence_type sentence_start sentence_end terminated "
    "terminated_recorded_on",
    "prob_requirement": "event_id req_type end outcome outcome_recorded_on",
    "prob_registration": "reg_type end end_recorded_on",
    "prob_assessment": "version section score linked_reoffending linked_harm",
    "prob_predictor": "name score band static_dynamic model_version",
    "prob_contact": "type attended attended_recorded_on",
    "prob_enforcement": "type outcome",
    "prob_allocation": "worker_id team end end_recorded_on",
    "support_referral": "need service offered offered_recorded_on started started_recorded_on ended ended_recorded_on",
    "iom_cohort": "group end end_recorded_on decision_id reason",
    "pris_spell": "release release_type release_recorded_on sentence_band",
    "pol_sanction": "offence_code sanction_date sanction_type disposal da_flag weapon_flag count",
    "pol_charge": "offence_code charge_date outcome outcome_recorded_on",
    "trt_client": "consent basis substance_group",
    "trt_episode": "episode_id triage_date referral_source discharge_date discharge_reason discharge_recorded_on",
    "trt_intervention": "episode_id modality end exit_status end_recorded_on",
    "asb_outcome": "type",
    "housing_duty": "duty",
    "programme": "programme start start_recorded_on end outcome end_recorded_on",
}


def raw_table(name, rows):
    """A linked table with all its columns; an event's recorded date is its own day where a row names none."""
    event = name not in ("prob_person", "trt_client")
    columns = ["person_id", *(["occurred_on"] if event else []), "recorded_on", *COLUMNS[name].split()]
    filled = []
    for row in rows:
        default = {"recorded_on": row.get("sanction_date") or row.get("occurred_on")}
        if name == "pol_sanction":
            default |= {"sanction_date": row["occurred_on"], "sanction_type": "conviction", "offence_code": "04600"}
        filled.append(default | row)
    table = pd.DataFrame(filled, columns=columns)
    table["subject_category"], table["record_kind"] = "convicted", "fact"
    for column in columns:
        if column in DATES or column.endswith(("_on", "_date")):
            table[column] = pd.to_datetime(table[column])
    return table


def make_events(known=None, snapshots=None, **tables):
    """Events from rows by table. Who a source knows: everybody in its rows, unless ``known`` says since when."""
    made = {name: raw_table(name, rows) for name, rows in tables.items()}
    sources = {}
    for name, table in made.items():
        sources.setdefault(SOURCE_OF[name[:4]], set()).update(table["person_id"])
    who = {source: frozenset(people) for source, people in sources.items()} | (known or {})
    return events_from(made, who, snapshots or dict.fromkeys(who, SNAPSHOT))


def since(*people, day="2000-01-01"):
    """Known to a source since long before anything in a test."""
    return dict.fromkeys(people, dt.date.fromisoformat(day))


@pytest.fixture(scope="session")
def history():
    return make_events


@pytest.fixture(scope="session")
def known_since():
    return since


@pytest.fixture(scope="session")
def table_of():
    return raw_table


def grown_up(people, on):
    return pd.Series(True, index=list(people))


@pytest.fixture(scope="session")
def everybody_adult():
    return grown_up


@pytest.fixture(scope="session")
def row():
    """One row of a cohort, or several: row(("A", "2024-04-01"), ...)."""

    def make(*rows):
        return pd.DataFrame(
            {
                "person_id": [person for person, _ in rows],
                "as_of": pd.to_datetime([day for _, day in rows]),
                "index_date": pd.NaT,
            }
        )

    return make


@pytest.fixture(scope="session")
def worked_out():
    """The value of one definition for one person: worked_out(events, count(offences), person="A", as_of=...)."""

    def value(events, definition, person="A", as_of=dt.date(2024, 4, 1)):
        bounded = definition.bounded(3650)
        tables = tables_read([bounded])
        read = next(histories(events, tables, [person]))[person]
        return value_of(bounded, facts_of(events, person, as_of, tables, read))

    return value
