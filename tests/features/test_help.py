"""Need before a date and help after it: what the audit of benefit rests on."""

import datetime as dt

import pandas as pd
import pytest

from desist.features.help import need_and_help, with_need, with_service

APRIL = dt.date(2024, 4, 1)


def assessed(day, person="A", score=5):
    return {"person_id": person, "occurred_on": day, "section": "drugs", "score": score}


def referred(started, person="A"):
    return {"person_id": person, "occurred_on": "2024-01-12", "need": "drugs", "service": "Turning point",
            "started": started, "started_recorded_on": started}  # fmt: skip


@pytest.mark.parametrize(("day", "score", "has"), [
    ("2024-03-31", 2, True), ("2024-03-31", 1, False), ("2024-04-01", 8, False), ("2020-01-01", 8, False),
])  # fmt: skip
def test_a_need_is_one_that_was_assessed_before_the_date_and_not_too_long_ago(history, day, score, has):
    events = history(prob_assessment=[assessed(day, score=score)])
    assert with_need(events, ["A", "B"], APRIL) == (frozenset({"A"}) if has else frozenset())


@pytest.mark.parametrize(("started", "received"), [
    ("2024-03-31", False), ("2024-04-01", True), ("2025-03-31", True), ("2025-04-01", False),
])  # fmt: skip
def test_a_service_is_received_where_it_started_in_the_365_days_from_the_date(history, started, received):
    events = history(support_referral=[referred(started)])
    assert with_service(events, ["A"], APRIL) == (frozenset({"A"}) if received else frozenset())


def test_need_and_help_stand_beside_every_row_in_the_order_they_were_asked_for(history):
    events = history(
        prob_assessment=[assessed("2024-03-01"), assessed("2024-03-01", "B", 0)],
        support_referral=[referred("2024-05-01"), referred("2024-06-01", "B")],
    )
    dates = pd.to_datetime(["2024-04-01", "2024-04-01", "2023-04-01"])
    rows = pd.DataFrame({"person_id": ["B", "A", "A"], "as_of": dates})
    told = need_and_help(events, rows)
    assert told["person_id"].tolist() == ["B", "A", "A"]
    assert told["need"].tolist() == [False, True, False]
    assert told["received"].tolist() == [True, True, False]


def test_where_probation_shares_nothing_nobody_is_said_to_have_gone_without(history):
    events = history(known={"police": ["A"]}, pol_sanction=[])
    rows = pd.DataFrame({"person_id": ["A"], "as_of": pd.to_datetime(["2024-04-01"])})
    assert need_and_help(events, rows) is None
