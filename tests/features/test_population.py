import datetime as dt

import pandas as pd
import pytest

from desist.features.population import caseload_facts, review_due, support_waiting

APRIL = dt.date(2024, 4, 1)
ORDER = {"person_id": "A", "event_id": "1", "offence_code": "04600", "occurred_on": "2022-12-01",
         "conviction_date": "2024-01-05", "sentence_type": "COMMUNITY_ORDER", "sentence_start": "2024-01-05",
         "sentence_end": "2025-02-01", "recorded_on": "2024-01-06"}  # fmt: skip


def members(*people):
    return pd.DataFrame({"person_id": list(people), "as_of": pd.Timestamp(APRIL), "index_date": pd.NaT})


def facts(events, person="A"):
    return caseload_facts(events, members(person), APRIL).iloc[0]


def assessed(day, section="drugs", score=5, **changes):
    return {"person_id": "A", "occurred_on": day, "section": section, "score": score} | changes


def referred(day, need="drugs", **changes):
    return {"person_id": "A", "occurred_on": day, "need": need, "service": "Turning point"} | changes


def test_supervision_is_said_in_words_with_its_planned_end(history):
    fact = facts(history(prob_event=[ORDER], pris_spell=[]))
    assert (fact["supervision"], fact["supervision_end"]) == ("Community order", pd.Timestamp("2025-02-01"))
    assert fact["iom_group"] == "not selected" and fact["needs_waiting"] == [] and not fact["lao"]


def test_somebody_in_custody_and_somebody_without_supervision_are_said_to_be(history):
    events = history(
        prob_event=[ORDER],
        pris_spell=[{"person_id": "A", "occurred_on": "2024-03-01"}],
        iom_cohort=[{"person_id": "B", "occurred_on": "2024-03-01", "group": "FREE"}],
    )
    assert facts(events)["supervision"] == "In custody"
    fact = facts(events, "B")
    assert (fact["supervision"], fact["iom_group"]) == ("Not under supervision", "FREE")
    assert pd.isna(fact["supervision_end"])


def test_a_need_waits_since_it_was_first_identified_in_a_row_of_assessments(history):
    events = history(
        prob_assessment=[
            assessed("2023-01-01", score=6),
            assessed("2023-06-01", score=1),  # no need then
            assessed("2024-01-02", score=2),  # the threshold itself
            assessed("2024-03-01", score=8),
            assessed("2024-03-01", "alcohol", 3),  # below its threshold of 4
            assessed("2024-03-22", "finance", None, linked_reoffending=True),
            assessed("2024-03-22", "wellbeing", None, linked_reoffending=False),
        ]
    )
    assert facts(events)["needs_waiting"] == [("drugs", 90), ("finance", 10)]


def test_an_offer_ends_the_wait_once_it_was_recorded(history):
    need = assessed("2024-01-02")
    offered = referred("2024-01-12", offered="2024-02-01", offered_recorded_on="2024-03-31")
    late = offered | {"offered_recorded_on": "2024-04-01"}
    assert facts(history(prob_assessment=[need], support_referral=[offered]))["needs_waiting"] == []
    assert facts(history(prob_assessment=[need], support_referral=[late]))["needs_waiting"] == [("drugs", 80)]


def test_an_offer_of_before_the_need_came_back_does_not_answer_it(history):
    offered = referred("2023-01-12", offered="2023-02-01", offered_recorded_on="2023-02-01")
    events = history(prob_assessment=[assessed("2024-01-02")], support_referral=[offered])
    assert facts(events)["needs_waiting"] == [("drugs", 90)]


def test_a_referral_waits_without_an_assessment_unless_it_ended(history):
    events = history(
        support_referral=[
            referred("2024-03-22", "accommodation"),
            referred("2024-03-02", "accommodation"),
            referred("2024-01-01", "employment", ended="2024-02-01", ended_recorded_on="2024-02-01"),
        ]
    )
    assert facts(events)["needs_waiting"] == [("accommodation", 30)]


def test_a_referral_stops_waiting_when_an_assessment_finds_no_need(history):
    waiting = referred("2024-01-12")
    for day, expected in (("2024-01-12", [("drugs", 80)]), ("2024-01-13", [])):
        events = history(prob_assessment=[assessed(day, score=0)], support_referral=[waiting])
        assert facts(events)["needs_waiting"] == expected


@pytest.mark.parametrize(("day", "expected"), [("2021-04-01", []), ("2021-04-02", [("drugs", 1095)])])
def test_a_need_last_assessed_more_than_three_years_ago_is_not_taken_as_todays(history, day, expected):
    assert facts(history(prob_assessment=[assessed(day)]))["needs_waiting"] == expected


def test_three_needs_are_shown_and_support_waiting_holds_them_all(history):
    sections = ("drugs", "accommodation", "employment", "lifestyle")
    events = history(
        prob_assessment=[assessed(f"2024-03-{10 + n}", section) for n, section in enumerate(sections)]
        + [assessed("2024-03-05", "drugs", person_id="B")],
        support_referral=[referred("2024-03-20", "drugs")],
        prob_allocation=[
            {"person_id": "A", "occurred_on": "2023-01-01", "worker_id": "W1", "team": "North",
             "end": "2024-01-01", "end_recorded_on": "2024-01-01"},
            {"person_id": "A", "occurred_on": "2024-01-01", "worker_id": "W2", "team": "South"},
        ],
        prob_contact=[{"person_id": "A", "occurred_on": "2024-04-09", "recorded_on": "2024-03-01", "type": "office"}],
    )  # fmt: skip
    assert len(facts(events)["needs_waiting"]) == 3
    waiting = support_waiting(events, members("A", "B"), APRIL)
    assert waiting[["person_id", "need", "days_waiting"]].to_numpy().tolist() == [
        ["B", "drugs", 27],
        ["A", "accommodation", 21],
        ["A", "education, training and employment", 20],
        ["A", "lifestyle and associates", 19],
        ["A", "drugs", 12],
    ]
    assert waiting["service"].tolist() == ["", "", "", "", "Turning point"]
    assert waiting["worker_id"].tolist()[1:] == ["W2"] * 4
    assert waiting["next_appointment"].tolist()[1] == pd.Timestamp("2024-04-09")
    assert support_waiting(events, members("C"), APRIL).empty


def test_last_contact_was_attended_and_the_next_one_is_planned(history):
    def contact(day, attended=None, known=None, recorded="2024-01-01"):
        return {"person_id": "A", "occurred_on": day, "recorded_on": recorded, "type": "office", "attended": attended,
                "attended_recorded_on": known or day}  # fmt: skip

    events = history(
        prob_contact=[
            contact("2024-03-01", "attended"),
            contact("2024-03-08", "unacceptable_absence"),
            contact("2024-03-20", "attended", known="2024-04-01"),  # not known yet
            contact("2024-04-05", recorded="2024-04-01"),  # not arranged yet
            contact("2024-04-12"),
        ]
    )
    fact = facts(events)
    assert fact["last_contact"] == pd.Timestamp("2024-03-01")
    assert fact["next_contact"] == pd.Timestamp("2024-04-12")


def test_an_appointment_on_the_as_of_date_is_the_next_one(history):
    today = {"person_id": "A", "occurred_on": "2024-04-01", "recorded_on": "2024-03-01", "type": "office"}
    assert facts(history(prob_contact=[today]))["next_contact"] == pd.Timestamp(APRIL)


def test_what_changed_is_what_was_newly_recorded_in_the_quarter(history):
    events = history(
        pol_sanction=[
            {"person_id": "A", "occurred_on": "2023-01-01", "sanction_date": "2024-02-01", "recorded_on": "2024-02-03"},
            {"person_id": "A", "occurred_on": "2023-01-02", "sanction_date": "2024-02-01", "recorded_on": "2024-02-03"},
            {"person_id": "A", "occurred_on": "2022-01-01", "sanction_date": "2023-12-04", "recorded_on": "2024-03-04"},
            {"person_id": "A", "occurred_on": "2022-01-01", "sanction_date": "2023-12-01", "recorded_on": "2023-12-31"},
        ],
        pris_spell=[{"person_id": "A", "occurred_on": "2023-02-01", "release": "2024-03-20", "release_type":
                     "automatic", "release_recorded_on": "2024-03-21"}],
        trt_intervention=[{"person_id": "A", "occurred_on": "2024-03-28", "modality": "psychosocial",
                           "recorded_on": "2024-04-01"}],
    )  # fmt: skip
    assert facts(events)["changed"] == [
        "released from custody on 20 March 2024",
        "sanction of 4 December 2023 newly recorded (late record, made on 4 March 2024)",
        "sanction of 1 February 2024 newly recorded",
    ]


@pytest.mark.parametrize(
    ("group", "dates", "due"),
    [
        ("not selected", ["2024-01-05", None, None], "2024-07-05"),
        ("FREE", ["2024-01-05", "2024-02-01", None], "2024-05-01"),
        ("FIXED", ["2023-01-05", "2023-02-01", "2023-08-31"], "2024-02-29"),
        ("not selected", [None, None, None], "2024-04-01"),
    ],
)
def test_a_review_is_due_after_three_months_for_the_free_group_and_six_otherwise(group, dates, due):
    began = [pd.Timestamp(date) if date else None for date in dates]
    assert review_due(group, began, APRIL) == pd.Timestamp(due)


def test_restricted_people_and_the_sources_that_know_somebody_are_told(history, known_since):
    events = history(
        known={"police": known_since("B"), "treatment": known_since("A", day="2024-04-01")},
        prob_event=[ORDER],
        prob_person=[{"person_id": "A", "supervision_status": "COMMUNITY_ORDER", "lao": True,
                      "recorded_on": "2024-02-01"}],
        pol_sanction=[],
    )  # fmt: skip
    fact = facts(events)
    assert fact["lao"]
    assert fact["sources_known"] == ("probation",)
    assert fact["sources_missing"] == ("prison", "police", "treatment", "council")


def test_everybody_on_the_list_has_one_row_in_the_lists_order(history):
    events = history(prob_event=[ORDER])
    table = caseload_facts(events, members("Z", "A", "M"), APRIL)
    assert table["person_id"].tolist() == ["Z", "A", "M"]
    assert caseload_facts(events, members(), APRIL).empty
