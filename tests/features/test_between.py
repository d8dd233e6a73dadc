"""What was late, what aged and what is new between two lists, worked out from one person's events."""

import datetime as dt

import pandas as pd
import pytest

from desist.features.between import as_if_in_time, of_person, without_what_happened_since
from desist.features.engines.reference import build_profiles
from desist.features.standard_features import standard_register

EARLIER, LATER = dt.date(2024, 1, 1), dt.date(2024, 4, 1)


@pytest.fixture
def read():
    """One feature of the standard register for person A on a date."""
    register = standard_register()

    def read(events, as_of, name):
        rows = pd.DataFrame({"person_id": ["A"], "as_of": [pd.Timestamp(as_of)], "index_date": [pd.NaT]})
        return build_profiles(events, rows, register).table[name].iloc[0]

    return read


def readings(read, events, name):
    """The feature's value as known then, in time, had nothing happened since, and now."""
    events = of_person(events, "A")
    return [
        read(events, EARLIER, name),
        read(as_if_in_time(events, EARLIER, LATER), EARLIER, name),
        read(without_what_happened_since(events, EARLIER, LATER), LATER, name),
        read(events, LATER, name),
    ]


def sanction(day, recorded=None, offence=None):
    row = {"person_id": "A", "occurred_on": offence or day, "sanction_date": day}
    return row | ({"recorded_on": recorded} if recorded else {})


POLICE = {"police": {"A": dt.date(2015, 1, 1)}}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (sanction("2023-12-01"), [1, 1, 1, 1]),
        (sanction("2023-12-31", recorded="2024-01-01"), [0, 1, 1, 1]),  # recorded on the earlier date: late
        (sanction("2023-12-01", recorded="2024-03-31"), [0, 1, 1, 1]),  # the last day that counts
        (sanction("2023-12-01", recorded="2024-04-01"), [0, 0, 0, 0]),  # not known on the later list either
        (sanction("2024-01-01"), [0, 0, 0, 1]),  # happened on the earlier date: new
        (sanction("2022-02-01"), [1, 1, 0, 0]),  # aged out of two years
        (sanction("2024-02-01", offence="2023-06-01"), [0, 0, 0, 1]),  # proven since its sanction, whenever it was done
    ],
)
def test_each_fact_is_late_aged_or_new_but_one_of_them(history, read, row, expected):
    events = history(pol_sanction=[row], known=POLICE)
    assert readings(read, events, "sanctions_2y") == expected


def test_an_offence_proven_between_the_lists_is_new_whenever_it_was_done(history, read):
    events = history(pol_sanction=[sanction("2024-02-01", offence="2023-06-01")], known=POLICE)
    assert readings(read, events, "proven_offences_2y") == [0, 0, 0, 1]


def treatment(**later):
    return {"person_id": "A", "episode_id": "1", "occurred_on": "2023-06-01", "triage_date": "2023-06-01", **later}


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ({}, [1, 1, 1, 1]),
        ({"discharge_date": "2023-12-01", "discharge_recorded_on": "2024-02-01"}, [1, 0, 0, 0]),  # late
        ({"discharge_date": "2024-02-01", "discharge_recorded_on": "2024-02-02"}, [1, 1, 1, 0]),  # new
        ({"discharge_date": "2023-12-01", "discharge_recorded_on": "2024-05-01"}, [1, 1, 1, 1]),  # nobody knows yet
    ],
)
def test_what_is_learnt_later_belongs_to_the_day_it_tells_of(history, read, later, expected):
    events = history(trt_episode=[treatment(**later)], known={"treatment": {"A": dt.date(2020, 1, 1)}})
    assert readings(read, events, "in_treatment") == expected


def test_an_appointment_kept_is_of_its_own_day_and_a_plan_is_new_once_its_day_came(history, read):
    late = {"person_id": "A", "occurred_on": "2023-12-28", "recorded_on": "2023-12-01", "type": "office"}
    plan = {"person_id": "A", "occurred_on": "2024-02-10", "recorded_on": "2023-12-01", "type": "office"}
    known = {"probation": {"A": dt.date(2020, 1, 1)}}
    kept = {"attended": "attended", "attended_recorded_on": "2024-01-03"}
    missed = {"attended": "unacceptable_absence", "attended_recorded_on": "2024-02-11"}
    events = history(prob_contact=[late | kept, plan | missed], known=known)
    told = readings(read, events, "appointments_kept_1y")
    assert pd.isna(told[0]) and told[1:] == [1.0, 1.0, 0.5]


def test_a_source_that_first_knew_the_person_between_the_lists(history, read):
    """Its first record tells of what happened before (late) or since (new)."""
    for row, late in ((sanction("2023-12-01", recorded="2024-02-01"), True), (sanction("2024-02-01"), False)):
        told = readings(read, history(pol_sanction=[row]), "sanctions_2y")
        assert pd.isna(told[0]) and pd.isna(told[1]) is not late and pd.isna(told[2]) is not late and told[3] == 1


def test_only_the_persons_own_events_are_taken(history):
    events = history(pol_sanction=[sanction("2023-12-01"), {"person_id": "B", "occurred_on": "2023-11-01"}])
    own = of_person(events, "A")
    assert set(own.tables["offences"]["person_id"]) == {"A"} and set(own.known["police"]) == {"A"}
    assert own.shared == events.shared
