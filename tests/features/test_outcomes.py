import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from desist.features.outcomes import (
    ALREADY_AT_THE_TOP,
    ESCALATION,
    PROVEN_REOFFENDING,
    SERIOUS_OFFENCE,
    label_outcomes,
)
from desist.records.errors import Refused

AS_OF = dt.date(2022, 4, 1)
ROW = (("A", "2022-04-01"),)
LATE = dt.date(2026, 10, 1)
PRIOR = {"person_id": "A", "occurred_on": "2021-01-01"}  # a theft, so that police know the person


def label(events, definition=PROVEN_REOFFENDING, known_by=LATE, rows=ROW):
    table = pd.DataFrame({"person_id": [p for p, _ in rows], "as_of": pd.to_datetime([day for _, day in rows])})
    labelled = label_outcomes(events, table, [definition], known_by).table
    return labelled[definition.name].tolist(), labelled["why_missing"].tolist()


def after(days):
    return (AS_OF + dt.timedelta(days=days)).isoformat()


def reoffence(offence_day, sanction_day=None, **changes):
    """An offence on a day of follow-up; day 1 is the as-of date."""
    committed = after(offence_day - 1)
    sanctioned = after((sanction_day or offence_day) - 1)
    return {"person_id": "A", "occurred_on": committed, "sanction_date": sanctioned} | changes


@pytest.mark.parametrize(("day", "label_then"), [(0, 0), (1, 1), (365, 1), (366, 0)])
def test_an_offence_counts_from_day_1_to_day_365(history, day, label_then):
    events = history(pol_sanction=[PRIOR, reoffence(day, 400)])
    assert label(events) == ([label_then], [""])


@pytest.mark.parametrize(("day", "label_then"), [(365, 1), (547, 1), (548, 0)])
def test_it_must_be_sanctioned_by_day_547(history, day, label_then):
    assert label(history(pol_sanction=[PRIOR, reoffence(365, day)])) == ([label_then], [""])


def test_an_offence_before_the_as_of_date_convicted_after_it_does_not_count(history):
    assert label(history(pol_sanction=[PRIOR, reoffence(0, 100), reoffence(-200, 10)])) == ([0], [""])


@pytest.mark.parametrize(("kind", "label_then"), [("conviction", 1), ("caution", 1), ("conditional_caution", 1)])
def test_convictions_and_cautions_count(history, kind, label_then):
    assert label(history(pol_sanction=[PRIOR, reoffence(100, sanction_type=kind)])) == ([label_then], [""])


def test_a_breach_is_not_a_reoffence(history):
    assert label(history(pol_sanction=[PRIOR, reoffence(100, offence_code="00001")])) == ([0], [""])


def test_a_label_is_missing_until_follow_up_waiting_and_lag_are_over(history):
    events = history(pol_sanction=[PRIOR, reoffence(10)])
    matures = AS_OF + dt.timedelta(days=365 + 182 + PROVEN_REOFFENDING.data_lag_days)
    assert PROVEN_REOFFENDING.matures_on(AS_OF) == matures
    assert label(events, known_by=matures) == ([1], [""])
    values, why = label(events, known_by=matures - dt.timedelta(days=1))
    assert np.isnan(values[0]) and why == [f"not known before {matures.isoformat()}"]


def test_only_sanctions_recorded_before_the_known_by_date_are_read(history):
    known_by = dt.date(2024, 6, 1)
    assert label(history(pol_sanction=[PRIOR, reoffence(10, recorded_on="2024-05-31")]), known_by=known_by)[0] == [1]
    assert label(history(pol_sanction=[PRIOR, reoffence(10, recorded_on="2024-06-01")]), known_by=known_by)[0] == [0]


def test_without_police_records_the_label_is_missing_and_never_zero(history, known_since):
    events = history(known={"police": known_since("B")}, pol_sanction=[])
    values, why = label(events, rows=(("A", "2022-04-01"), ("B", "2022-04-01")))
    assert np.isnan(values[0]) and values[1] == 0
    assert why == ["police records are not shared", ""]


def test_a_first_police_record_made_by_the_reoffence_itself_does_not_decide_who_is_labelled(history):
    values, why = label(history(pol_sanction=[reoffence(10)]))
    assert np.isnan(values[0]) and why == ["police records are not shared"]


def test_custody_after_the_as_of_date_takes_nobody_out(history):
    held = [{"person_id": "A", "occurred_on": "2022-04-02", "recorded_on": "2022-04-02"}]
    assert label(history(pol_sanction=[PRIOR], pris_spell=held)) == ([0], [""])
    assert label(history(pol_sanction=[PRIOR, reoffence(300)], pris_spell=held)) == ([1], [""])


@pytest.mark.parametrize(("code", "label_then"), [("10501", 0), ("03401", 1), ("00501", 1)])
def test_a_serious_offence_is_band_4_or_5(history, code, label_then):
    """Common assault is band 3, robbery 4, wounding with intent 5."""
    events = history(pol_sanction=[PRIOR, reoffence(100, offence_code=code)])
    assert label(events, SERIOUS_OFFENCE) == ([label_then], [""])


def test_escalation_is_not_asked_of_people_already_at_the_top(history):
    robbery = PRIOR | {"offence_code": "03401", "occurred_on": "2020-04-02"}  # 729 days before
    values, why = label(history(pol_sanction=[robbery, PRIOR, reoffence(100, offence_code="03401")]), ESCALATION)
    assert np.isnan(values[0]) and why == [ALREADY_AT_THE_TOP]
    assert label(history(pol_sanction=[robbery, PRIOR, reoffence(9, offence_code="03401")]), SERIOUS_OFFENCE)[0] == [1]


@pytest.mark.parametrize(("day", "label_then"), [("2020-04-01", np.nan), ("2020-03-31", 1)])
def test_escalation_looks_at_the_last_730_days_at_liberty(history, day, label_then):
    robbery = PRIOR | {"offence_code": "03401", "occurred_on": day}
    events = history(pol_sanction=[robbery, PRIOR, reoffence(100, offence_code="03401")])
    np.testing.assert_array_equal(label(events, ESCALATION)[0], [label_then])


def test_days_in_custody_do_not_use_up_the_24_months(history):
    robbery = PRIOR | {"offence_code": "03401", "occurred_on": "2019-06-01"}
    later = reoffence(100, offence_code="03401")
    held = {"person_id": "A", "occurred_on": "2019-09-01", "release": "2020-09-01", "release_recorded_on": "2020-09-02"}
    free = history(pol_sanction=[robbery, PRIOR, later])
    inside = history(pol_sanction=[robbery, PRIOR, later], pris_spell=[held])
    assert label(free, ESCALATION)[0] == [1]
    assert np.isnan(label(inside, ESCALATION)[0]).all()  # 1,035 days before, 367 of them held


def test_the_index_offence_counts_however_long_ago_it_was_committed(history):
    old = PRIOR | {"offence_code": "03401", "occurred_on": "2015-01-01", "sanction_date": "2022-01-01"}
    assert np.isnan(label(history(pol_sanction=[PRIOR, old]), ESCALATION)[0]).all()
    newer = PRIOR | {"occurred_on": "2022-02-01"}
    assert label(history(pol_sanction=[PRIOR, old, newer]), ESCALATION)[0] == [0]


def test_escalation_does_not_know_what_was_recorded_later(history):
    robbery = PRIOR | {"offence_code": "03401", "occurred_on": "2022-01-01", "recorded_on": "2022-04-01"}
    assert label(history(pol_sanction=[PRIOR, robbery]), ESCALATION) == ([0], [""])


def test_why_a_label_is_missing_names_the_outcome_where_others_are_known(history):
    robbery = PRIOR | {"offence_code": "03401"}
    rows = pd.DataFrame({"person_id": ["A"], "as_of": pd.to_datetime(["2022-04-01"])})
    outcomes = label_outcomes(history(pol_sanction=[robbery]), rows, [PROVEN_REOFFENDING, ESCALATION], LATE)
    assert outcomes.table["why_missing"].tolist() == [f"escalation: {ALREADY_AT_THE_TOP}"]
    assert outcomes.outcomes == ("proven_reoffending", "escalation")
    assert outcomes.definitions["escalation"].endswith("(version 1)")
    assert "more serious offence than in the last two years" in outcomes.definitions["escalation"]


def test_an_outcome_that_the_records_cannot_tell_apart_is_missing(history):
    from desist.features.vocabulary import offences

    flagged = dataclasses.replace(PROVEN_REOFFENDING, name="domestic_abuse", counts=offences.where(offences.da_flag))
    sentence = {"person_id": "A", "occurred_on": "2021-01-01", "conviction_date": "2021-02-01", "event_id": "1",
                "offence_code": "04600", "sentence_type": "COMMUNITY_ORDER", "recorded_on": "2021-02-02"}  # fmt: skip
    values, why = label(history(prob_event=[sentence]), flagged)
    assert np.isnan(values[0]) and why == ["probation records do not tell these offences apart"]
    assert label(history(prob_event=[sentence])) == ([0], [""])


def test_rows_keep_their_order_and_number(history):
    events = history(pol_sanction=[PRIOR, reoffence(10), PRIOR | {"person_id": "B"}])
    rows = (("B", "2022-04-01"), ("A", "2023-04-01"), ("C", "2022-04-01"), ("A", "2022-04-01"))
    values, _ = label(events, rows=rows)
    np.testing.assert_array_equal(values, [0, 0, np.nan, 1])


def test_an_outcome_counts_proven_offences_only():
    from desist.features.vocabulary import appointments

    with pytest.raises(Refused, match="not proven offences"):
        dataclasses.replace(PROVEN_REOFFENDING, counts=appointments)
    with pytest.raises(Refused, match="follow-up"):
        dataclasses.replace(PROVEN_REOFFENDING, follow_up_days=0)
    two_years = dataclasses.replace(SERIOUS_OFFENCE, name="serious_24", follow_up_days=730)
    assert two_years.days_to_mature == 730 + 182 + 30
