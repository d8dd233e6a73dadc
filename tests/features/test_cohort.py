import datetime as dt

import pandas as pd
import pytest

from desist.features import cohort as rooms
from desist.features.cohort import (
    IN_CUSTODY,
    NOT_A_RELEASE,
    NOT_SUPERVISED,
    UNDER_18,
    CohortRule,
    select_cohort,
)
from desist.records.errors import Refused

APRIL = dt.date(2024, 4, 1)
CASELOAD = CohortRule("caseload")
ENTRY = CohortRule("entry")


def sentence(person, kind="COMMUNITY_ORDER", start="2023-02-01", end="2025-02-01", **changes):
    return {"person_id": person, "event_id": f"{person}{kind}", "offence_code": "04600", "occurred_on": "2022-12-01",
            "conviction_date": start, "sentence_type": kind, "sentence_start": start, "sentence_end": end,
            "recorded_on": start} | changes  # fmt: skip


def spell(person, reception, release=None, kind="automatic", **changes):
    return {"person_id": person, "occurred_on": reception, "release": release, "release_recorded_on": release,
            "release_type": kind if release else None} | changes  # fmt: skip


def who(cohort):
    left = dict(zip(cohort.left_out["person_id"], cohort.left_out["reason"], strict=True))
    return cohort.members["person_id"].tolist(), left


def test_the_caseload_is_everybody_supervised_in_the_community_that_day(history, everybody_adult):
    events = history(
        prob_event=[
            sentence("A"),
            sentence("B", "SUSPENDED_SENTENCE"),
            sentence("C", "LICENCE"),
            sentence("D", "PSS"),
            sentence("E", end="2024-03-31"),  # ended the day before
            sentence("F", end="2024-04-01"),  # the last day
            sentence("G", terminated="2024-03-01", terminated_recorded_on="2024-03-31"),
            sentence("H", terminated="2024-03-01", terminated_recorded_on="2024-04-01"),  # not known yet
            sentence("I", recorded_on="2024-03-31"),
            sentence("J", recorded_on="2024-04-01"),  # not known yet
            sentence("K", "FINE"),
            sentence("L", start="2024-04-01", recorded_on="2024-03-20"),  # begins that day
        ],
        pris_spell=[],
    )
    members, left = who(select_cohort(events, APRIL, CASELOAD, everybody_adult))
    assert members == ["A", "B", "C", "D", "F", "H", "I"]
    assert left == dict.fromkeys(["E", "G", "K", "L"], NOT_SUPERVISED)  # J was not known to anybody


def test_a_custodial_sentence_is_a_licence_from_the_recorded_release_on(history, everybody_adult):
    events = history(
        prob_event=[sentence(person, "CUSTODY") for person in "ABCD"],
        pris_spell=[
            spell("A", "2023-02-01"),
            spell("B", "2023-02-01", "2024-01-05"),
            spell("C", "2023-02-01", "2024-01-05", release_recorded_on="2024-04-01"),
            spell("D", "2023-02-01", "2024-01-05"),
            spell("D", "2024-02-01"),  # recalled
        ],
    )
    members, left = who(select_cohort(events, APRIL, CASELOAD, everybody_adult))
    assert members == ["B"]
    assert left == dict.fromkeys(["A", "C", "D"], IN_CUSTODY)


def test_remand_during_a_community_order_is_custody_and_a_day_out_is_not_a_release(history, everybody_adult):
    events = history(
        prob_event=[sentence("A"), sentence("B", "CUSTODY")],
        pris_spell=[
            spell("A", "2024-03-01", sentence_band="remand"),
            spell("B", "2023-02-01", "2024-01-05", kind="temporary"),
        ],
    )
    members, left = who(select_cohort(events, APRIL, CASELOAD, everybody_adult))
    assert members == []
    assert left == {"A": IN_CUSTODY, "B": NOT_SUPERVISED}


def test_people_adopted_by_iom_are_in_scope_wherever_they_are(history, everybody_adult):
    events = history(
        prob_event=[sentence("A", end="2023-03-01"), sentence("B", "CUSTODY")],
        pris_spell=[spell("B", "2023-02-01")],
        iom_cohort=[
            {"person_id": "A", "occurred_on": "2023-05-01", "group": "FREE"},
            {"person_id": "B", "occurred_on": "2023-05-01", "group": "FIXED"},
            {"person_id": "C", "occurred_on": "2023-05-01", "group": "FREE", "end": "2024-03-01",
             "end_recorded_on": "2024-03-01"},
        ],
    )  # fmt: skip
    members, left = who(select_cohort(events, APRIL, CASELOAD, everybody_adult))
    assert members == ["A", "B"]
    assert left == {"C": NOT_SUPERVISED}  # de-selected: out the same day


def test_somebody_who_turns_18_tomorrow_is_absent_today(history):
    events = history(prob_event=[sentence("A"), sentence("B"), sentence("C")], pris_spell=[])
    birthday = {"A": dt.date(2024, 4, 1), "B": dt.date(2024, 4, 2)}  # C's birth date is not known

    def is_adult(people, on):
        return pd.Series({person: birthday[person] <= on for person in people if person in birthday})

    members, left = who(select_cohort(events, APRIL, CASELOAD, is_adult))
    assert members == ["A"] and left == {"B": UNDER_18, "C": UNDER_18}
    members, left = who(select_cohort(events, dt.date(2024, 4, 2), CASELOAD, is_adult))
    assert members == ["A", "B"] and left == {"C": UNDER_18}


def test_the_index_date_is_the_last_index_event_known(history, everybody_adult):
    events = history(
        prob_event=[sentence("A"), sentence("B"), sentence("C", "CUSTODY"), sentence("D", "LICENCE")],
        pris_spell=[spell("C", "2023-02-01", "2024-01-05"), spell("C", "2023-01-01", "2023-01-20", "remand_release")],
        pol_sanction=[
            {"person_id": "A", "occurred_on": "2023-09-01", "sanction_type": "caution"},
            {"person_id": "B", "occurred_on": "2023-09-01", "sanction_type": "caution", "recorded_on": "2024-04-01"},
        ],
    )
    members = select_cohort(events, APRIL, CASELOAD, everybody_adult).members
    dates = dict(zip(members["person_id"], members["index_date"], strict=True))
    assert dates["A"] == pd.Timestamp("2023-09-01")
    assert dates["B"] == pd.Timestamp("2023-02-01")
    assert dates["C"] == pd.Timestamp("2024-01-05")
    assert pd.isna(dates["D"])


def test_without_prison_data_a_release_is_only_believed_from_probation(history, everybody_adult):
    status = [
        {"person_id": "A", "supervision_status": "LICENCE", "recorded_on": "2024-03-31", "lao": False},
        {"person_id": "B", "supervision_status": "CUSTODY", "recorded_on": "2024-03-31", "lao": False},
        {"person_id": "C", "supervision_status": "LICENCE", "recorded_on": "2024-04-01", "lao": False},
    ]
    events = history(prob_event=[sentence(person, "CUSTODY") for person in "ABC"] + [sentence("D")], prob_person=status)
    members, left = who(select_cohort(events, APRIL, CASELOAD, everybody_adult))
    assert members == ["A", "D"] and left == {"B": IN_CUSTODY, "C": IN_CUSTODY}


def test_an_entry_cohort_has_one_row_a_person_from_the_day_after_the_record(history, everybody_adult):
    events = history(
        pol_sanction=[
            {"person_id": "A", "occurred_on": "2023-12-01", "sanction_date": "2024-01-10", "recorded_on": "2024-01-15"},
            {"person_id": "A", "occurred_on": "2023-12-01", "sanction_date": "2024-02-10", "sanction_type": "caution"},
            {"person_id": "B", "occurred_on": "2023-12-01", "sanction_date": "2024-02-10", "disposal": "custody"},
            {"person_id": "C", "occurred_on": "2023-12-01", "sanction_date": "2024-03-30", "recorded_on": "2024-04-01"},
            {"person_id": "D", "occurred_on": "2023-12-01", "sanction_date": "2023-12-31"},
            {"person_id": "E", "occurred_on": "2023-12-01", "sanction_date": "2024-01-01"},
            {"person_id": "F", "occurred_on": "2023-12-01", "sanction_date": "2024-03-31"},
        ],
        pris_spell=[
            spell("G", "2023-02-01", "2024-01-05"),
            spell("H", "2023-02-01", "2024-01-05", "remand_release"),
            spell("I", "2023-02-01", "2024-01-05", "temporary"),
        ],
    )
    cohort = select_cohort(events, APRIL, ENTRY, everybody_adult)
    rows = {row.person_id: (row.as_of.date().isoformat(), row.index_date.date().isoformat())
            for row in cohort.members.itertuples()}  # fmt: skip
    assert rows == {
        "A": ("2024-01-16", "2024-01-10"),
        "E": ("2024-01-02", "2024-01-01"),
        "F": ("2024-04-01", "2024-03-31"),
        "G": ("2024-01-06", "2024-01-05"),
    }
    assert who(cohort)[1] == dict.fromkeys("HI", NOT_A_RELEASE)


def test_age_in_an_entry_cohort_is_that_on_the_persons_own_as_of_date(history):
    events = history(
        pol_sanction=[
            {"person_id": person, "occurred_on": "2024-01-09", "recorded_on": "2024-01-15"} for person in "AB"
        ]
    )
    birthday = {"A": dt.date(2024, 1, 16), "B": dt.date(2024, 1, 17)}
    cohort = select_cohort(events, APRIL, ENTRY, lambda people, on: pd.Series({p: birthday[p] <= on for p in people}))
    assert who(cohort) == (["A"], {"B": UNDER_18})


@pytest.mark.parametrize("rule", ["left out", "at liberty all year", "shortened", ""])
def test_a_rule_that_selects_on_custody_after_the_as_of_date_is_refused(rule):
    with pytest.raises(Refused, match="so such a rule is refused"):
        CohortRule("caseload", custody_after=rule)
    with pytest.raises(TypeError):
        CohortRule("caseload", min_days_at_liberty=365)


def test_custody_after_the_as_of_date_changes_no_cohort(history, everybody_adult):
    order = [sentence("A"), sentence("B")]
    before = history(prob_event=order, pris_spell=[])
    after = history(prob_event=order, pris_spell=[spell("A", "2024-04-01"), spell("B", "2024-04-02", "2024-05-01")])
    one, other = (select_cohort(events, APRIL, CASELOAD, everybody_adult) for events in (before, after))
    pd.testing.assert_frame_equal(one.members, other.members)


def test_nobody_considered_is_lost(history, everybody_adult, monkeypatch):
    events = history(prob_event=[sentence("A"), sentence("B", end="2023-12-31")], pris_spell=[])
    cohort = select_cohort(events, APRIL, CASELOAD, everybody_adult)
    assert len(cohort.members) + len(cohort.left_out) == 2
    monkeypatch.setattr(rooms, "_typed", lambda table, column: table[table["person_id"] != "B"])
    with pytest.raises(ValueError, match="none may be lost"):
        select_cohort(events, APRIL, CASELOAD, everybody_adult)


def test_an_empty_day_has_an_empty_cohort(history, everybody_adult):
    events = history(prob_event=[], pris_spell=[], pol_sanction=[])
    for rule in (CASELOAD, ENTRY):
        cohort = select_cohort(events, APRIL, rule, everybody_adult)
        assert cohort.members.empty and cohort.left_out.empty


def test_a_rule_says_itself_in_words_and_for_the_release():
    assert "supervised in the community or adopted by IOM" in CASELOAD.in_words()
    assert CASELOAD.to_json()["custody_after"] == "kept"
    with pytest.raises(Refused, match="caseload"):
        CohortRule("everybody")
