"""Every outcome of the catalogue on its exact days, and what holds between outcomes whatever the history."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.features.derive import proven
from desist.features.events import Events
from desist.features.outcomes import (
    ESCALATION,
    OUTCOMES,
    PROVEN_REOFFENDING,
    SERIOUS_OFFENCE,
    count_reoffences,
    follow_ups,
    follow_ups_reference,
    label_outcomes,
    reoffending_measures,
)
from desist.features.vocabulary import CONTRACTS
from desist.records import codes

LATE = dt.date(2030, 1, 1)
ONE_YEAR = [name for name in OUTCOMES if not name.endswith("_24m")]
#: An offence that every outcome counts: a robbery, which is violent, neighbourhood crime and of band 4.
COUNTED = {"severity": 4.0, "violent": True, "neighbourhood": True, "reported_by_victims": True, "da_flag": True,
           "sanction_type": "conviction"}  # fmt: skip
#: A theft long before, so that police know the person and nobody is at the top.
PRIOR = {**COUNTED, "severity": 2.0, "violent": False, "neighbourhood": False, "reported_by_victims": False,
         "da_flag": False}  # fmt: skip
AS_OFS = (dt.date(2022, 4, 1), dt.date(2023, 3, 1), dt.date(2024, 2, 29), dt.date(2023, 12, 31))


def events_of(as_of, *offences):
    """One person's offences: (day of follow-up, day of the sanction, what differs)."""
    known = as_of - dt.timedelta(days=1000)
    rows = [{"person_id": "A", "occurred_on": known, "recorded_on": known, "sanction_date": known, **PRIOR}]
    for day, sanctioned, changes in offences:
        committed, proven = (as_of + dt.timedelta(days=number - 1) for number in (day, sanctioned))
        recorded = changes.pop("recorded_on", max(proven, committed))
        rows.append({"person_id": "A", "occurred_on": committed, "recorded_on": recorded,
                     "sanction_date": proven, **COUNTED, **changes})  # fmt: skip
    table = pd.DataFrame(rows)
    for name in ("occurred_on", "recorded_on", "sanction_date"):
        table[name] = pd.to_datetime(table[name])
    contract = CONTRACTS["offences"]
    return Events({"offences": table.reindex(columns=list(contract.columns))}, CONTRACTS, {"police": {"A": known}})


def rows_of(*as_ofs):
    return pd.DataFrame({"person_id": "A", "as_of": pd.to_datetime(list(as_ofs))})


def label(name, as_of, *offences, known_by=LATE):
    return label_outcomes(events_of(as_of, *offences), rows_of(as_of), [OUTCOMES[name]], known_by).table[name].iloc[0]


@pytest.mark.parametrize("as_of", AS_OFS)
@pytest.mark.parametrize("name", OUTCOMES)
def test_the_as_of_date_counts_and_the_last_day_counts_and_no_day_beyond(name, as_of):
    """365 and 730 days, whether or not a 29 February lies among them."""
    last = 730 if name.endswith("_24m") else 365
    assert OUTCOMES[name].follow_up_days == last
    counted = [label(name, as_of, (day, 100, {})) for day in (1, 2, last - 1, last)]
    beyond = [label(name, as_of, (day, day, {})) for day in (last + 1, last + 2)]
    assert counted == [1, 1, 1, 1] and beyond == [0, 0]


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_offence_of_the_day_before_the_as_of_date_is_no_reoffence(name):
    """Band 2, since a serious offence just before would put the person at the top."""
    before = {"severity": 3.0, "recorded_on": dt.date(2022, 9, 1)}
    assert label(name, AS_OFS[0], (0, 100, before)) == 0


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_sanction_on_the_last_day_of_waiting_counts_and_on_the_next_does_not(name):
    last = OUTCOMES[name].follow_up_days
    assert [label(name, AS_OFS[0], (last, last + 182 + late, {})) for late in (0, 1)] == [1, 0]
    assert [label(name, AS_OFS[0], (1, last + 182 + late, {})) for late in (0, 1)] == [1, 0]


@pytest.mark.parametrize("as_of", AS_OFS)
@pytest.mark.parametrize("name", OUTCOMES)
def test_a_label_is_known_from_the_exact_day_on(name, as_of):
    matures = as_of + dt.timedelta(days=OUTCOMES[name].follow_up_days + 182 + 30)
    assert OUTCOMES[name].matures_on(as_of) == matures
    assert label(name, as_of, (10, 20, {}), known_by=matures) == 1
    assert np.isnan(label(name, as_of, (10, 20, {}), known_by=matures - dt.timedelta(days=1)))


@pytest.mark.parametrize("name", OUTCOMES)
def test_what_was_recorded_the_day_before_known_by_is_read_and_on_it_is_not(name):
    known_by = dt.date(2026, 1, 1)
    for recorded, found in ((known_by - dt.timedelta(days=1), 1), (known_by, 0)):
        assert label(name, AS_OFS[0], (10, 20, {"recorded_on": recorded}), known_by=known_by) == found


@pytest.mark.parametrize(("before", "known"), [(1, True), (0, False)])
def test_police_must_have_known_the_person_before_the_as_of_date(before, known):
    as_of = AS_OFS[0]
    events = replace(events_of(as_of, (10, 20, {})), known={"police": {"A": as_of - dt.timedelta(days=before)}})
    for found in (follow_ups, follow_ups_reference):
        labels = found(events, rows_of(as_of), [PROVEN_REOFFENDING], LATE)
        assert labels.why_missing == ["" if known else "police records are not shared"]


@pytest.mark.parametrize(("cut", "known"), [(577 - 1, True), (577 - 2, False)])
def test_an_extract_tells_of_no_day_after_it_was_cut(cut, known):
    """Cut on the day before the label matures it holds all that is needed, since rows of that day are in it."""
    as_of = AS_OFS[0]
    events = replace(events_of(as_of, (10, 20, {})), snapshots={"police": as_of + dt.timedelta(days=cut)})
    for found in (follow_ups, follow_ups_reference):
        labels = found(events, rows_of(as_of), [PROVEN_REOFFENDING], LATE)
        assert labels.why_missing == ["" if known else "not known before 2023-10-30"]


@pytest.mark.parametrize(
    ("name", "changes"),
    [("violent_reoffending", {"violent": False}), ("domestic_abuse_reoffending", {"da_flag": False}),
     ("domestic_abuse_reoffending", {"da_flag": None}), ("neighbourhood_crime", {"neighbourhood": False}),
     ("reported_by_victims", {"reported_by_victims": False}),
     ("serious_offence", {"severity": 3.0}), ("escalation", {"severity": 3.0})],
)  # fmt: skip
def test_each_outcome_counts_its_own_kind_of_offence_only(name, changes):
    for both in (name, f"{name}_24m"):
        assert label(both, AS_OFS[0], (10, 20, changes)) == 0
    assert label("proven_reoffending", AS_OFS[0], (10, 20, changes)) == 1


@pytest.mark.parametrize("kind", ["conviction", "caution", "conditional_caution"])
def test_convictions_and_cautions_are_proof_and_nothing_else_is(kind):
    assert label("proven_reoffending", AS_OFS[0], (10, 20, {"sanction_type": kind})) == 1
    assert label("proven_reoffending", AS_OFS[0], (10, 20, {"sanction_type": None})) == 0


def test_the_catalogue_names_each_outcome_and_says_its_months_and_version():
    assert OUTCOMES["proven_reoffending"] is PROVEN_REOFFENDING and OUTCOMES["escalation"] is ESCALATION
    assert OUTCOMES["serious_offence"] is SERIOUS_OFFENCE and len(OUTCOMES) == 14
    for name, definition in OUTCOMES.items():
        assert definition.name == name and definition.in_words().endswith("(version 1)")
        assert ("24 months from" in definition.sentence) == name.endswith("_24m")
        assert ("12 months from" in definition.sentence) != name.endswith("_24m")
    assert len({definition.sentence for definition in OUTCOMES.values()}) == 14


# What holds whatever happened

offence = st.tuples(
    st.one_of(st.sampled_from([0, 1, 365, 366, 730, 731]), st.integers(-800, 900)),
    st.one_of(st.sampled_from([0, 182, 183]), st.integers(0, 500)),
    st.one_of(st.sampled_from([0, 1]), st.integers(0, 900)),
    st.integers(1, 5), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
histories = st.lists(offence, max_size=10)
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def drawn_events(as_of, drawn):
    return events_of(
        as_of,
        *((day, day + sanctioned,
           {"recorded_on": as_of + dt.timedelta(days=day - 1 + sanctioned + late), "severity": float(band),
            "violent": violent, "neighbourhood": near, "da_flag": flag})
          for day, sanctioned, late, band, violent, near, flag in drawn),
    )  # fmt: skip


@few
@given(drawn=histories, standing=st.one_of(st.sampled_from([577, 942]), st.integers(0, 1500)))
def test_what_must_hold_between_outcomes(drawn, standing):
    as_of = AS_OFS[1]
    rows, known_by = rows_of(as_of, as_of + dt.timedelta(days=90)), as_of + dt.timedelta(days=standing)
    found = follow_ups(drawn_events(as_of, drawn), rows, list(OUTCOMES.values()), known_by)
    labels = pd.DataFrame(found.labels(), columns=list(found.names))
    for name in ONE_YEAR:
        one, two = labels[name], labels[f"{name}_24m"]
        assert (two[one.eq(1) & two.notna()] == 1).all()  # a year lies within two
        assert one[two.notna()].notna().all()  # and is known before them
    for name in ONE_YEAR[1:]:
        narrow = labels[[name, "proven_reoffending"]].dropna()
        assert (narrow[name] <= narrow["proven_reoffending"]).all()  # every kind is a reoffence
    both = labels[["escalation", "serious_offence"]].dropna()
    assert (both["escalation"] == both["serious_offence"]).all()
    np.testing.assert_array_equal(found.counts > 0, found.labels() == 1)
    np.testing.assert_array_equal(np.isnan(found.counts), np.isnan(found.labels()))
    length = np.array([definition.follow_up_days for definition in found.definitions])
    np.testing.assert_array_equal((found.first_day >= 1) & (found.first_day <= length), found.labels() == 1)
    np.testing.assert_array_equal(np.isnan(found.first_day), found.labels() != 1)
    assert [why == "" for why in found.why_missing] == (~labels.isna().any(axis=1)).tolist()


@settings(few, max_examples=20)
@given(drawn=histories, later=histories, standing=st.one_of(st.sampled_from([577, 942]), st.integers(0, 1500)))
def test_rows_recorded_on_or_after_the_known_by_date_change_nothing(drawn, later, standing):
    as_of = AS_OFS[1]
    known_by = as_of + dt.timedelta(days=standing)
    whole = drawn_events(as_of, drawn)
    seen = whole.tables["offences"]["recorded_on"] < pd.Timestamp(known_by)
    then = replace(whole, tables={"offences": whole.tables["offences"][seen]})
    hidden = drawn_events(as_of, later).tables["offences"].iloc[1:].copy()
    hidden["recorded_on"] = hidden["recorded_on"].where(hidden["recorded_on"] >= pd.Timestamp(known_by), known_by)
    more = replace(whole, tables={"offences": pd.concat([whole.tables["offences"], hidden], ignore_index=True)})
    asked, rows = list(OUTCOMES.values()), rows_of(as_of, as_of + dt.timedelta(days=90))
    one, *others = (follow_ups(events, rows, asked, known_by) for events in (then, whole, more))
    for other in others:
        np.testing.assert_array_equal(one.counts, other.counts)
        np.testing.assert_array_equal(one.first_day, other.first_day)
        assert one.why_missing == other.why_missing


# Frequency


def test_reoffences_are_counted_and_missing_where_the_label_is():
    as_of = AS_OFS[0]
    events = events_of(as_of, (10, 20, {}), (10, 20, {"severity": 2.0}), (365, 547, {}), (366, 366, {}), (0, 5, {}))
    later = as_of + dt.timedelta(days=1000)
    asked = [OUTCOMES["proven_reoffending"], OUTCOMES["serious_offence"], OUTCOMES["proven_reoffending_24m"]]
    counts = count_reoffences(events, rows_of(as_of, later), asked, LATE)
    assert counts.iloc[0, 2:5].tolist() == [3, 2, 4] and counts.iloc[1, 2:5].tolist() == [0, 0, 0]
    assert follow_ups(events, rows_of(as_of), asked, LATE).first_day.tolist() == [[10, 10, 10]]
    young = count_reoffences(events, rows_of(as_of), asked, as_of + dt.timedelta(days=577))
    assert young.iloc[0, 2:4].tolist() == [3, 2] and np.isnan(young.iloc[0, 4])
    assert young["why_missing"].tolist() == ["proven_reoffending_24m: not known before 2024-10-29"]


def test_the_three_measures_of_a_small_cohort_worked_out_by_hand():
    """Five people: 3 reoffences, 1, none, none, and one not known. Rate 2/4, frequency 4/2, per person 4/4."""
    found = follow_ups(events_of(AS_OFS[0]), rows_of(*AS_OFS, LATE), [PROVEN_REOFFENDING], LATE)
    found = replace(found, counts=np.array([[3.0], [1.0], [0.0], [0.0], [np.nan]]))
    whole = reoffending_measures(found).iloc[0].to_dict()
    assert whole == {"outcome": "proven_reoffending", "cohort": 4, "not_known": 1, "reoffenders": 2, "reoffences": 4,
                     "rate": 0.5, "frequency": 2.0, "reoffences_per_person": 1.0}  # fmt: skip
    grouped = reoffending_measures(found, pd.Series(["x", "y", "x", "y", "z"], index=[9, 8, 7, 6, 5]))
    assert grouped["group"].tolist() == ["x", "y", "z"] and grouped["reoffences"].tolist() == [3, 1, 0]
    np.testing.assert_array_equal(grouped["rate"], [0.5, 0.5, np.nan])
    np.testing.assert_array_equal(grouped["frequency"], [3, 1, np.nan])
    assert grouped["cohort"].tolist() == [2, 2, 0] and grouped["not_known"].tolist() == [0, 0, 1]
    nobody = reoffending_measures(replace(found, counts=np.zeros((5, 1)))).iloc[0]
    assert nobody["rate"] == 0 and np.isnan(nobody["frequency"]) and nobody["reoffences_per_person"] == 0
    with pytest.raises(ValueError, match="2 groups for 5 rows"):
        reoffending_measures(found, pd.Series(["x", "y"]))


# Offences that come to light by the victim


@pytest.mark.parametrize(
    ("code", "reported"),
    [("10501", True), ("00867", True), ("03401", True), ("02803", True), ("02900", True), ("03001", True),
     ("03900", True), ("00811", False), ("00826", False), ("04600", False), ("04500", False), ("09260", False),
     ("14101", False), ("80901", False), ("06601", False)],
)  # fmt: skip
def test_violence_robbery_burglary_and_theft_from_the_person_are_reported_and_what_is_found_by_looking_is_not(
    code, reported
):
    """Common assault, coercive control, robbery, three burglaries, theft from the person; not a knife carried, shop or
    vehicle theft, drugs, drunkenness, driving without insurance, affray."""
    assert codes.offences()[code].reported_by_victims is reported


def test_the_extracts_say_of_each_proven_offence_whether_victims_report_it():
    sent = pd.DataFrame({
        "person_id": ["A", "B"], "offence_code": ["10501", "00826"], "sanction_date": ["2024-02-01"] * 2,
        "occurred_on": ["2024-01-01"] * 2, "recorded_on": ["2024-02-02"] * 2, "sanction_type": ["conviction"] * 2,
        "disposal": ["fine"] * 2,
    })  # fmt: skip

    class Sent:
        def get(self, table, source):
            return sent

    assert proven(Sent(), "police")["reported_by_victims"].tolist() == [True, False]
