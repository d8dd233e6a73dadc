"""What was recorded on or after the as-of date changes nothing: no profile, no cohort, no fact of the list.

Histories are generated; each is looked at whole, and with everything taken out that was recorded on or after the
as-of date. Added, altered and removed later rows are all this: two histories that share what was known.
"""

import datetime as dt
import random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.features import events as events_room
from desist.features.cohort import CohortRule, select_cohort
from desist.features.engines import compiled
from desist.features.engines import facts as one_person
from desist.features.engines.reference import build_profiles
from desist.features.outcomes import ESCALATION, PROVEN_REOFFENDING, label_outcomes
from desist.features.population import caseload_facts, support_waiting
from desist.features.standard_features import approval_features, standard_register

AS_OF = dt.date(2024, 4, 1)
APPROVED = frozenset(f.name for f in approval_features() if not f.name.startswith("age_"))
REGISTER = standard_register(APPROVED)
ADULT = dict.fromkeys("ABC", True)

CHOICES = {
    "pol_sanction": ("offence_code", ("04600", "10501", "03401", "09230", "00001")),
    "prob_event": ("sentence_type", ("COMMUNITY_ORDER", "SUSPENDED_SENTENCE", "CUSTODY", "LICENCE", "PSS", "FINE")),
    "prob_requirement": ("req_type", ("DRR", "UPW", "RAR")),
    "prob_assessment": ("section", ("drugs", "alcohol", "accommodation", "finance")),
    "prob_contact": ("type", ("office",)),
    "prob_enforcement": ("type", ("breach", "recall")),
    "prob_allocation": ("worker_id", ("W1", "W2")),
    "support_referral": ("need", ("drugs", "alcohol", "accommodation")),
    "iom_cohort": ("group", ("FIXED", "FREE")),
    "prob_person": ("supervision_status", ("LICENCE", "CUSTODY", "NONE")),
    "pris_spell": ("sentence_band", ("under_12m", "remand")),
    "trt_episode": ("episode_id", ("1", "2")),
    "trt_intervention": ("modality", ("psychosocial", "alcohol")),
    "housing_duty": ("duty", ("main", "none")),
    "programme": ("programme", ("thinking skills",)),
}
#: Table -> (recorded date, the fields learnt on it with a value to learn; a date is told as days after the event).
LATER = {
    "prob_event": [("terminated_recorded_on", {"terminated": 60})],
    "prob_requirement": [("outcome_recorded_on", {"outcome": "completed"})],
    "prob_contact": [("attended_recorded_on", {"attended": "attended"})],
    "prob_allocation": [("end_recorded_on", {"end": 60})],
    "support_referral": [("offered_recorded_on", {"offered": 20}), ("started_recorded_on", {"started": 30})],
    "iom_cohort": [("end_recorded_on", {"end": 90})],
    "pris_spell": [("release_recorded_on", {"release": 40, "release_type": "automatic"})],
    "trt_episode": [("discharge_recorded_on", {"discharge_date": 90, "discharge_reason": "completed_drug_free"})],
    "trt_intervention": [("end_recorded_on", {"end": 30, "exit_status": "planned"})],
    "programme": [("start_recorded_on", {"start": 20}), ("end_recorded_on", {"end": 80, "outcome": "completed"})],
}

near = st.sampled_from([-3, -2, -1, 0, 1, 2])
happened = st.one_of(near, st.integers(-900, 200))
lag = st.one_of(st.sampled_from([0, 1, 2]), st.integers(0, 200))
fact = st.tuples(st.sampled_from("ABC"), st.sampled_from(sorted(CHOICES)), happened, lag, st.integers(0, 9), lag)


def date_of(days):
    return (AS_OF + dt.timedelta(days=days)).isoformat()


def raw_row(drawn):
    """One row of an extract from a generated fact; its later facts are learnt ``learnt`` days after they happened."""
    person, table, day, recorded_after, choice, learnt_after = drawn
    column, values = CHOICES[table]
    row = {"person_id": person, "occurred_on": date_of(day), "recorded_on": date_of(day + recorded_after),
           column: values[choice % len(values)]}  # fmt: skip
    if table == "pol_sanction":
        row["sanction_date"] = date_of(day + recorded_after // 2)
    if table == "prob_event":
        row |= {"offence_code": "04600", "conviction_date": date_of(day), "sentence_start": date_of(day),
                "sentence_end": date_of(day + 300), "event_id": f"{person}{day}{recorded_after}{choice}"}  # fmt: skip
    if table == "prob_assessment":
        row |= {"score": choice, "linked_reoffending": choice > 4}
    if table == "prob_contact" and choice > 4:
        row["recorded_on"] = date_of(day - recorded_after)  # arranged beforehand
    for stamp, values in LATER.get(table, []) if choice % 3 else []:
        ends = [value for value in values.values() if isinstance(value, int)]
        row[stamp] = date_of(day + max(ends, default=0) + learnt_after)
        row |= {name: date_of(day + v) if isinstance(v, int) else v for name, v in values.items()}
    return table, row


def cut(table, row):
    """The row as an extract cut on the as-of date would have shown it; None where it was not there yet."""
    today = AS_OF.isoformat()
    if row["recorded_on"] >= today:
        return None
    unknown = {}
    for stamp, values in LATER.get(table, []):
        if row.get(stamp) is not None and row[stamp] >= today:
            unknown |= {stamp: None, **dict.fromkeys(values)}
    return row | unknown


def by_table(rows):
    tables = {name: [] for name in CHOICES}
    for table, row in rows:
        if row is not None:
            tables[table].append(row)
    return tables


def is_adult(people, on):
    return pd.Series({person: ADULT.get(person, True) for person in people})


def views(history, rows):
    """Everything that is shown or learnt from, as of one day."""
    events = history(known={source: set("ABC") for source in SOURCES}, **by_table(rows))
    caseload = select_cohort(events, AS_OF, CohortRule("caseload"), is_adult)
    entry = select_cohort(events, AS_OF, CohortRule("entry"), is_adult)
    everybody = pd.DataFrame({"person_id": list("ABC"), "as_of": pd.Timestamp(AS_OF), "index_date": pd.NaT})
    return {
        "caseload": caseload.members,
        "left out": caseload.left_out,
        "entry": entry.members,
        "profiles": build_profiles(events, everybody, REGISTER).table,
        "compiled": compiled.build_profiles(events, everybody, REGISTER).table,
        "facts": caseload_facts(events, everybody, AS_OF),
        "waiting": support_waiting(events, everybody, AS_OF),
    }


SOURCES = ("probation", "prison", "police", "treatment", "council")


def differences(one, other):
    return [name for name in one if not one[name].astype("object").equals(other[name].astype("object"))]


few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(few, max_examples=50)
some_facts = st.lists(fact, min_size=6, max_size=40)


@few
@given(facts=some_facts, seed=st.integers(0, 1000))
def test_what_is_recorded_on_or_after_the_as_of_date_and_the_order_of_rows_change_nothing(history, facts, seed):
    nothing_leaks(history, facts, seed)


@pytest.mark.slow
@many
@given(facts=some_facts, seed=st.integers(0, 1000))
def test_nothing_leaks_on_many_histories(history, facts, seed):
    nothing_leaks(history, facts, seed)


def nothing_leaks(history, facts, seed):
    rows = [raw_row(drawn) for drawn in facts]
    then = [(table, cut(table, row)) for table, row in rows]
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert differences(views(history, shuffled), views(history, then)) == []


LEAKY = [
    # A theft known the day before, and an assault, a release and a discharge recorded on the as-of date itself.
    ("A", "pol_sanction", -200, 3, 0, 0),
    ("A", "prob_event", -100, 3, 0, 0),
    ("A", "pol_sanction", -20, 20, 1, 0),
    ("A", "trt_episode", -90, 0, 1, 0),
    ("A", "trt_episode", -200, 0, 1, 110),
    ("A", "prob_assessment", -10, 10, 8, 0),
    ("A", "prob_event", -30, 30, 2, 0),
]


def leaks(history):
    rows = [raw_row(drawn) for drawn in LEAKY]
    return differences(views(history, rows), views(history, [(table, cut(table, row)) for table, row in rows]))


def test_the_guards_of_visibility_are_caught_when_they_are_weakened(history, monkeypatch):
    assert leaks(history) == []
    with monkeypatch.context() as patch:
        patch.setattr(one_person, "is_known", lambda recorded_on, as_of: recorded_on <= as_of)
        assert "profiles" in leaks(history)
    with monkeypatch.context() as patch:
        weak = lambda stamps, as_of: stamps <= pd.Timestamp(as_of)  # noqa: E731
        patch.setattr(events_room, "recorded_before", weak)
        assert {"facts", "waiting"} & set(leaks(history))
    with monkeypatch.context() as patch:
        patch.setattr(one_person.Facts, "_as_then_known", lambda self, record, later: record)
        assert "profiles" in leaks(history)
    with monkeypatch.context() as patch:
        patch.setattr(events_room.Events, "knows", lambda self, source, person, as_of: True)
        late = [("B", "pol_sanction", -10, 10, 0, 0)]
        rows = [raw_row(drawn) for drawn in late]
        assert views(history, rows)["profiles"]["proven_offences_2y"].notna().any()  # as if police had known B


def test_a_window_that_read_the_as_of_date_itself_would_be_caught(history, monkeypatch):
    """Arranged appointments are recorded before they happen: only the window keeps them out."""
    rows = [raw_row(("A", "prob_contact", -20, 2, 1, 0)), raw_row(("A", "prob_contact", 0, 30, 7, 0))]
    missed = {"attended": "unacceptable_absence", "attended_recorded_on": date_of(-1)}
    rows[1] = (rows[1][0], rows[1][1] | missed)
    kept = views(history, rows)["profiles"]["appointments_kept_3m"].iloc[0]
    assert kept == 1.0
    ours = one_person.Facts.of

    def reaching(self, asked, window):
        self.as_of += 1
        try:
            return ours(self, asked, window)
        finally:
            self.as_of -= 1

    monkeypatch.setattr(one_person.Facts, "of", reaching)
    assert views(history, rows)["profiles"]["appointments_kept_3m"].iloc[0] == pytest.approx(0.5)


@few
@given(facts=some_facts)
def test_the_record_by_record_view_and_the_table_view_know_the_same(history, facts):
    events = history(known={source: set("ABC") for source in SOURCES}, **by_table([raw_row(drawn) for drawn in facts]))
    tables = sorted(events.tables)
    found = next(one_person.histories(events, tables, list("ABC")))
    for name in tables:
        seen = events.visible(name, AS_OF)
        columns = list(seen.columns)
        one_by_one = [
            {column: record[column] for column in columns}
            for person in "ABC"
            for record in one_person.facts_of(events, person, AS_OF, [name], found[person]).seen(name)
        ]
        by_rows = one_person.records(seen)
        assert sorted(map(repr, one_by_one)) == sorted(map(repr, by_rows))


def test_labels_do_not_read_past_the_known_by_date(history):
    rows = [raw_row(("A", "pol_sanction", -200, 0, 0, 0)), raw_row(("A", "pol_sanction", 100, 200, 2, 0))]
    everybody = pd.DataFrame({"person_id": ["A"], "as_of": pd.Timestamp(AS_OF)})
    whole = history(**by_table(rows))
    for known_by in (dt.date(2025, 1, 25), dt.date(2026, 4, 1)):
        labelled = label_outcomes(whole, everybody, [PROVEN_REOFFENDING, ESCALATION], known_by).table
        cut_then = [(t, r) for t, r in rows if r["recorded_on"] < known_by.isoformat()]
        again = label_outcomes(history(**by_table(cut_then)), everybody, [PROVEN_REOFFENDING, ESCALATION], known_by)
        pd.testing.assert_frame_equal(labelled, again.table)
