"""One plain, hand-worked table per function of the language, and what is refused when a definition is made."""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from desist.features.contracts import EventContract, FieldSpec
from desist.features.engines import compiled, reference
from desist.features.engines.facts import facts_of, histories
from desist.features.engines.reference import value_of
from desist.features.events import Events
from desist.features.language import (
    age_at_as_of,
    count,
    days_since,
    days_since_first,
    distinct,
    has,
    is_open,
    most_recent,
    rate_per_year_at_liberty,
    share,
    worst,
)
from desist.features.register import Feature, Register
from desist.features.rows import Rows
from desist.features.vocabulary import (
    appointments,
    custody,
    needs,
    offences,
    release_from_custody,
    supervision,
    treatment_episode,
    violent,
)
from desist.records.errors import Refused

APRIL = dt.date(2024, 4, 1)


def value(events, definition, person="A", as_of=APRIL):
    bounded = definition.bounded(3650)
    tables = {rows.contract.name for rows in bounded.subjects()}
    history = next(histories(events, tables, [person]))[person]
    return value_of(bounded, facts_of(events, person, as_of, tables, history))


@pytest.fixture
def two_years_of_sanctions(history):
    """A: theft 2021, assault 2023-05, burglary of a dwelling committed 2024-01 and known in March."""
    return history(
        pol_sanction=[
            {"person_id": "A", "occurred_on": "2021-06-01", "offence_code": "04600"},
            {"person_id": "A", "occurred_on": "2023-05-02", "offence_code": "10501"},
            {"person_id": "A", "occurred_on": "2024-01-10", "offence_code": "02803", "recorded_on": "2024-03-31"},
            {"person_id": "A", "occurred_on": "2024-01-11", "offence_code": "00101", "recorded_on": "2024-04-01"},
            {"person_id": "B", "occurred_on": "2012-01-01", "offence_code": "04600"},
        ]
    )


def test_count_counts_what_was_recorded_before_the_as_of_date(two_years_of_sanctions):
    assert value(two_years_of_sanctions, count(offences, within="2y")) == 2  # not the theft, nor the murder of April
    assert value(two_years_of_sanctions, count(offences)) == 3
    assert value(two_years_of_sanctions, count(offences.where(violent), within="2y")) == 1
    assert value(two_years_of_sanctions, count(offences), person="B") == 0  # known to police, ten years without


def test_has_says_yes_or_no(two_years_of_sanctions):
    assert value(two_years_of_sanctions, has(offences.where(violent), within="1y")) == 1
    assert value(two_years_of_sanctions, has(offences.where(violent), within="6m")) == 0


def test_days_since_counts_from_the_last_one(two_years_of_sanctions):
    assert value(two_years_of_sanctions, days_since(offences)) == 82  # 10 January to 1 April 2024
    assert value(two_years_of_sanctions, days_since(offences.where(violent))) == 335  # 2 May 2023
    assert value(two_years_of_sanctions, days_since(offences), person="B") is None
    assert value(two_years_of_sanctions, days_since(offences, none_as="window"), person="B") == 3650


def test_days_since_first_counts_from_the_first_one(two_years_of_sanctions):
    assert value(two_years_of_sanctions, days_since_first(offences)) == 1035  # 1 June 2021
    assert value(two_years_of_sanctions, days_since_first(offences), person="B") is None


def test_worst_is_the_highest_band(two_years_of_sanctions):
    assert value(two_years_of_sanctions, worst(offences.severity, within="5y")) == 4
    assert value(two_years_of_sanctions, worst(offences.severity, within="5y"), person="B") == 0


def test_distinct_counts_different_values(two_years_of_sanctions):
    assert value(two_years_of_sanctions, distinct(offences.category, within="5y")) == 3
    assert value(two_years_of_sanctions, distinct(offences.violent, within="5y")) == 2


def test_days_since_release_looks_at_releases_from_a_sentence(history):
    spell = {"person_id": "A", "occurred_on": "2024-01-01", "release": "2024-03-02"}
    spell |= {"release_recorded_on": "2024-03-03"}
    assert value(history(pris_spell=[spell | {"release_type": "automatic"}]), days_since(release_from_custody)) == 30
    assert value(history(pris_spell=[spell | {"release_type": "temporary"}]), days_since(release_from_custody)) is None
    late = spell | {"release_type": "automatic", "release_recorded_on": "2024-04-01"}
    assert value(history(pris_spell=[late]), days_since(release_from_custody)) is None  # not known yet


def test_most_recent_takes_the_last_known_answer(history):
    events = history(
        prob_assessment=[
            {"person_id": "A", "occurred_on": "2023-01-05", "section": "accommodation", "score": 6},
            {"person_id": "A", "occurred_on": "2023-09-05", "section": "accommodation", "score": 2},
            {"person_id": "A", "occurred_on": "2023-12-05", "section": "accommodation", "score": None},
            {"person_id": "A", "occurred_on": "2023-12-05", "section": "drugs", "score": 9},
        ]
    )
    assert value(events, most_recent(needs.accommodation)) == 2
    assert value(events, most_recent(needs.drugs)) == 9
    assert value(events, most_recent(needs.alcohol)) is None  # not assessed is not a score of 0


def test_of_two_answers_on_one_day_the_later_recorded_counts_then_the_larger(history):
    one = {"person_id": "A", "occurred_on": "2023-09-05", "section": "drugs", "recorded_on": "2023-09-06"}
    twice = [one | {"score": 4}, one | {"score": 1, "recorded_on": "2023-09-07"}]
    assert value(history(prob_assessment=twice), most_recent(needs.drugs)) == 1
    same_day = [one | {"score": 4}, one | {"score": 1}]
    assert value(history(prob_assessment=same_day), most_recent(needs.drugs)) == 4
    assert value(history(prob_assessment=same_day[::-1]), most_recent(needs.drugs)) == 4


def test_an_episode_is_open_until_its_discharge_was_recorded(history):
    episode = {"person_id": "A", "occurred_on": "2024-01-01", "discharge_date": "2024-02-01",
               "discharge_reason": "dropped_out"}  # fmt: skip
    late = history(trt_episode=[episode | {"discharge_recorded_on": "2024-04-01"}])
    known = history(trt_episode=[episode | {"discharge_recorded_on": "2024-03-31"}])
    assert value(late, is_open(treatment_episode)) == 1
    assert value(known, is_open(treatment_episode)) == 0


@pytest.mark.parametrize(("end", "open_then"), [("2024-03-31", 0), ("2024-04-01", 1), (None, 1)])
def test_a_spell_is_open_through_its_last_day(history, end, open_then):
    order = {"person_id": "A", "occurred_on": "2023-01-01", "conviction_date": "2023-02-01", "event_id": "1",
             "offence_code": "04600", "sentence_type": "COMMUNITY_ORDER", "sentence_start": "2023-02-01",
             "sentence_end": end, "recorded_on": "2023-02-02"}  # fmt: skip
    assert value(history(prob_event=[order]), is_open(supervision)) == open_then
    ended = order | {"sentence_end": "2025-01-01", "terminated": "2024-03-01", "terminated_recorded_on": "2024-03-02"}
    assert value(history(prob_event=[ended]), is_open(supervision)) == 0
    late = ended | {"terminated_recorded_on": "2024-04-01"}
    assert value(history(prob_event=[late]), is_open(supervision)) == 1


@pytest.mark.parametrize(
    ("sentence_recorded", "release_recorded", "licence"),
    [("2023-02-02", "2024-03-31", 1), ("2023-02-02", "2024-04-01", 0), ("2024-04-01", "2024-03-31", 0)],
)
def test_a_licence_is_known_when_both_sentence_and_release_are(history, sentence_recorded, release_recorded, licence):
    sentence = {"person_id": "A", "occurred_on": "2023-01-01", "conviction_date": "2023-02-01", "event_id": "1",
                "offence_code": "04600", "sentence_type": "CUSTODY", "sentence_start": "2023-02-01",
                "sentence_end": "2025-02-01", "recorded_on": sentence_recorded}  # fmt: skip
    spell = {"person_id": "A", "occurred_on": "2023-02-01", "release": "2024-03-01", "release_type": "automatic",
             "release_recorded_on": release_recorded}  # fmt: skip
    contact = {"person_id": "A", "occurred_on": "2024-01-01", "type": "office"}  # probation knows the person
    events = history(prob_event=[sentence], pris_spell=[spell], prob_contact=[contact])
    assert value(events, is_open(supervision.where(supervision.type.one_of("LICENCE")))) == licence


def test_share_is_of_appointments_with_a_known_answer(history):
    attended = ["attended", "attended", "unacceptable_absence", "acceptable_absence", None]
    events = history(
        prob_contact=[
            {"person_id": "A", "occurred_on": f"2024-01-0{day}", "attended": said, "attended_recorded_on": "2024-02-01",
             "type": "office"}
            for day, said in enumerate(attended, start=1)
        ]
        + [{"person_id": "B", "occurred_on": "2024-01-01", "type": "office"}]
    )  # fmt: skip
    kept = share(appointments.kept, of=appointments, within="1y")
    assert value(events, kept) == pytest.approx(2 / 3)
    assert value(events, kept, person="B") is None
    assert value(events, kept, as_of=dt.date(2024, 2, 1)) is None  # the answers became known that day


def test_a_rate_at_liberty_leaves_custody_out_of_the_years(history, known_since):
    events = history(
        known={"prison": known_since("A"), "police": known_since("A")},
        pol_sanction=[{"person_id": "A", "occurred_on": "2023-06-01"}, {"person_id": "A", "occurred_on": "2023-07-01"}],
        # 182 of the last 365 days: 1 October 2023 to 30 March 2024, the release day included.
        pris_spell=[{"person_id": "A", "occurred_on": "2023-10-01", "release": "2024-03-30",
                     "release_recorded_on": "2024-03-31", "release_type": "automatic"}],
    )  # fmt: skip
    asked = rate_per_year_at_liberty(offences, custody=custody, within="1y")
    assert value(events, asked) == pytest.approx(2 * 365 / (365 - 182))
    assert value(events, asked, as_of=dt.date(2024, 3, 20)) == pytest.approx(2 * 365 / (365 - 171))  # still held
    short = rate_per_year_at_liberty(offences, custody=custody, within="6m")
    assert value(events, short) is None  # one or two days are too few to say a rate


def test_prison_without_a_record_means_never_held_and_police_without_one_means_unknown(history, known_since):
    events = history(known={"police": known_since("B")}, pris_spell=[], pol_sanction=[])
    assert value(events, count(release_from_custody), person="A") == 0
    assert value(events, count(offences), person="A") is None
    assert value(events, count(offences), person="B") == 0
    not_shared = history(pol_sanction=[{"person_id": "A", "occurred_on": "2023-06-01"}])
    assert value(not_shared, count(release_from_custody), person="A") is None


def test_a_source_knows_a_person_only_from_its_first_record(history):
    events = history(pol_sanction=[{"person_id": "A", "occurred_on": "2024-03-31"}])
    assert value(events, count(offences), as_of=dt.date(2024, 4, 1)) == 1
    assert value(events, count(offences), as_of=dt.date(2024, 3, 31)) is None


def test_definitions_say_themselves_in_words():
    assert count(offences.where(violent), within="2y").in_words() == (
        "number of proven offences that are violent in the 2 years before the as-of date"
    )
    assert days_since(release_from_custody.where(release_from_custody.sentence_band.one_of("over_4y"))).in_words() == (
        "days since the last release from custody whose kind of release is conditional or automatic or post recall or "
        "end of sentence and whose sentence length is over 4y before the as-of date"
    )
    assert most_recent(needs.accommodation, within="3y").in_words() == (
        "most recent accommodation need score of assessments of need in the 3 years before the as-of date"
    )
    assert "share of appointments that were kept" in share(appointments.kept, of=appointments, within="1y").in_words()
    assert count(offences, within="2y", until="1y").in_words().endswith("from 2 years to 1 year before the as-of date")


def test_definitions_know_what_they_yield_and_never_change():
    yields = [
        count(offences).yields, days_since(offences).yields, has(offences).yields, most_recent(needs.section).yields,
        share(appointments.kept, of=appointments).yields, worst(offences.severity).yields, age_at_as_of().yields,
    ]  # fmt: skip
    assert yields == ["number", "days", "yes_no", "category", "share", "number", "years"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        count(offences).window = None


def test_two_spellings_of_one_definition_have_one_json():
    one = count(offences.where(violent, offences.da_flag), within="12m").to_json()
    assert one == count(offences.where(offences.da_flag).where(violent), within="1y").to_json()
    assert one != count(offences.where(violent), within="1y").to_json()
    assert one != count(offences.where(violent, offences.da_flag), within="2y").to_json()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: count(offences.where(offences.voilent)), "Did you mean 'violent'"),
        (lambda: worst(offences.severety), "Did you mean 'severity'"),
        (lambda: most_recent(needs.acommodation), "accommodation"),
        (lambda: count(offences.where(offences.category.one_of("burglery"))), "never burglery"),
        (lambda: count(offences.where(appointments.kept)), "cannot narrow offences"),
        (lambda: count(offences, within="-28d"), "never reaches past the as-of date"),
        (lambda: count(offences, within="1y", until="2y"), "empty"),
        (lambda: is_open(offences), "moments, not spells"),
        (lambda: worst(offences.category), "is a category"),
        (lambda: share(appointments.kept, of=offences), "same table"),
        (lambda: share(appointments.where(appointments.kept).kept, of=appointments), "Narrow the rows"),
        (lambda: count(offences.where(offences.severity.one_of("4"))), "is a number"),
        (lambda: days_since(offences, none_as="zero"), "missing"),
        (lambda: count("offences"), "speaks of rows"),
        (lambda: rate_per_year_at_liberty(offences, custody=offences), "spells in custody"),
        (lambda: count(offences, within="5y").bounded(730), "limit of its family"),
    ],
)
def test_what_a_definition_cannot_mean_is_refused_when_it_is_made(make, says):
    with pytest.raises(Refused, match=says):
        make()


def test_the_language_works_over_any_event_contract(known_since):
    complaints = EventContract(
        "complaints",
        "board",
        {"subject": FieldSpec("category"), "weeks": "number"},
        learnt_later={"weeks": "closed_on"},
    )
    table = pd.DataFrame(
        {
            "person_id": ["A", "A"],
            "occurred_on": pd.to_datetime(["2024-01-01", "2024-02-01"]),
            "recorded_on": pd.to_datetime(["2024-01-02", "2024-02-02"]),
            "subject": ["noise", "delay"],
            "weeks": [3, 8],
            "closed_on": pd.to_datetime(["2024-02-01", "2024-04-01"]),
        }
    )
    events = Events({"complaints": table}, {"complaints": complaints}, {"board": known_since("A")})
    rows = Rows(complaints)
    assert value(events, count(rows.where(rows.subject.one_of("delay")), within="3m")) == 1
    assert value(events, worst(rows.weeks)) == 3
    assert value(events, worst(rows.weeks), as_of=dt.date(2024, 4, 2)) == 8
    assert np.isclose(value(events, distinct(rows.subject)), 2)


def test_a_charge_that_becomes_a_conviction_is_two_facts_each_known_from_its_own_recorded_date(history, row):
    """The charge is context, known first; the offence counts only from the day the conviction was recorded."""
    charge = {"person_id": "A", "occurred_on": "2024-01-10", "charge_date": "2024-01-20", "recorded_on": "2024-01-21"}
    convicted = {"offence_code": "04600", "outcome": "convicted", "outcome_recorded_on": "2024-03-05"}
    events = history(
        pol_charge=[charge | convicted],
        pol_sanction=[{"person_id": "A", "occurred_on": "2024-01-10", "sanction_date": "2024-03-01",
                       "recorded_on": "2024-03-05"}],
        known={"police": {"A": dt.date(2020, 1, 1)}},
    )  # fmt: skip
    register = Register((
        Feature("proven_offences_1y", count(offences, within="1y"), "sanctions", "Prior sanctions count.", "{value}",
                "{value}"),
    ))  # fmt: skip
    for engine in (reference, compiled):
        table = engine.build_profiles(events, row(("A", "2024-03-05"), ("A", "2024-03-06")), register).table
        assert table["proven_offences_1y"].tolist() == [0.0, 1.0]
    days = ("2024-01-21", "2024-01-22", "2024-03-06")
    seen = [events.visible("charges", dt.date.fromisoformat(day)) for day in days]
    assert [len(table) for table in seen] == [0, 1, 1]
    assert seen[1]["outcome"].isna().all() and seen[2]["outcome"].tolist() == ["convicted"]
