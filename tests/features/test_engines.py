"""Three engines, one meaning: the compiled pass gives the cells that plain Python gives over one person's events."""

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.features import language as say
from desist.features.contracts import FieldSpec
from desist.features.engines import compiled, kernels, laid, measuring, reference
from desist.features.rows import Rows
from desist.records.errors import Refused
from tests.features import drawn
from tests.features.drawn import cases, stays, things

few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
# Thousands are drawn by benchmarks/engines_agree.py.
many = settings(few, max_examples=300)


def differing(case):
    """Names and cells of features of which the two engines give different values."""
    judged = reference.build_profiles(case.events, case.rows, case.register).table
    found = compiled.build_profiles(case.events, case.rows, case.register).table
    pd.testing.assert_frame_equal(judged[["person_id", "as_of"]], found[["person_id", "as_of"]])
    wrong = []
    for feature in case.register.used:
        one, other = judged[feature.name].to_numpy(), found[feature.name].to_numpy()
        if not np.array_equal(one, other, equal_nan=True):
            wrong.append((feature.definition.in_words(), one.tolist(), other.tolist()))
    return wrong


@few
@given(case=cases())
def test_the_compiled_engine_gives_the_cells_of_the_reference(case):
    assert differing(case) == []


@pytest.mark.slow
@many
@given(case=cases(most=25))
def test_the_compiled_engine_gives_the_cells_of_the_reference_on_many_histories(case):
    assert differing(case) == []


def every_function():
    """One definition at least of every function, over long windows."""
    return drawn.register_of([
        say.count(things), say.has(things.where(things.bad)), say.days_since(things, none_as="window"),
        say.days_since_first(things), say.is_open(stays), say.duration(stays, within="2y"),
        say.rate_per_year_at_liberty(things, custody=stays, within="10y"),
        say.decayed_count(things, half_life="1y"), say.gap_between(things), say.gap_between(stays, things),
        say.trend(things, within="2y"), say.trend(things.size, within="2y"), say.most_recent(things.grade),
        say.first(things.size), say.worst(things.size), say.sum(things.size), say.mean(things.grade),
        say.distinct(things.size), say.distinct(things.kind), say.share(things.bad, of=things),
        say.count(things) / say.count(stays), say.where(say.count(things).at_least(3), say.worst(things.size), 0.0),
    ])  # fmt: skip


def test_ten_thousand_events_of_one_person_beside_somebody_with_none():
    rng = np.random.default_rng(7)
    start = dt.date(2024, 4, 1).toordinal()
    days = start - rng.integers(-50, 9000, 10_000)
    rows = [
        {"person_id": "0-p1", "occurred_on": dt.date.fromordinal(int(day)), "kind": "abc"[at % 3],
         "recorded_on": dt.date.fromordinal(int(day) + at % 40), "size": float(rng.normal()), "bad": bool(at % 2),
         "grade": float(at % 7), "graded_on": dt.date.fromordinal(int(day) + at % 90)}
        for at, day in enumerate(days)
    ]  # fmt: skip
    shared = ("person_id", "occurred_on", "recorded_on")
    stays_of = [
        {name: row[name] for name in shared} | {"kind": "in", "planned": row["graded_on"]} for row in rows[:2000]
    ]
    known = {source: dict.fromkeys(["0-p1", "0-p2"], dt.date(1990, 1, 1)) for source in drawn.SOURCES}
    tables = {"things": drawn.table(rows, drawn.EVENTS), "stays": drawn.table(stays_of, drawn.SPELLS)}
    cohort = pd.DataFrame({"person_id": ["0-p2", "0-p1"], "as_of": pd.Timestamp("2024-04-01")})
    case = drawn.Case(drawn.Events(tables, drawn.CONTRACTS, known), cohort, every_function())
    assert differing(case) == []
    found = compiled.build_profiles(case.events, case.rows, case.register).table
    known_by_then = [row for row in rows if max(row["recorded_on"], row["occurred_on"]).toordinal() < start]
    assert found["f0"].tolist() == [0.0, len(known_by_then)]


def test_a_table_with_more_sets_of_conditions_than_a_word_has_bits():
    asked = [say.count(things.where(things.size.at_least(float(at))), within="10y") for at in range(150)]
    day = dt.date(2024, 3, 1)
    rows = [{"person_id": "0-p1", "occurred_on": day, "recorded_on": day, "size": float(size)} for size in (70, 149)]
    known = {"one": {"0-p1": dt.date(2000, 1, 1)}}
    cohort = pd.DataFrame({"person_id": ["0-p1"], "as_of": pd.Timestamp("2024-04-01")})
    events = drawn.Events({"things": drawn.table(rows, drawn.EVENTS)}, drawn.CONTRACTS, known)
    case = drawn.Case(events, cohort, drawn.register_of(asked))
    assert differing(case) == []
    found = compiled.build_profiles(case.events, case.rows, case.register).table.iloc[0]
    assert [found[f"f{at}"] for at in (0, 63, 64, 70, 71, 149)] == [2, 2, 2, 2, 1, 1]


def test_a_date_too_far_away_to_subtract_is_refused_not_wrapped():
    far = pa.chunked_array([pa.array([0, 2**30 - 1], pa.int32()).view(pa.date32())])
    with pytest.raises(Refused, match="two million years"):
        laid.days_of(far, "things.occurred_on")
    last = pa.chunked_array([pa.array([0, 2**30 - 2, None], pa.int32()).view(pa.date32())])
    assert laid.days_of(last, "things.occurred_on").tolist() == [0, 2**30 - 2, kernels.NEVER]


def test_more_texts_than_one_byte_numbers_take_four_and_more_than_four_are_refused():
    assert laid.packed_codes(np.array([0, 255]), "things.kind").dtype == np.uint8
    assert laid.packed_codes(np.array([0, 256]), "things.kind").tolist() == [0, 256]
    with pytest.raises(Refused, match="different values"):
        laid.packed_codes(np.array([0, 2**31]), "things.kind")


def test_three_hundred_kinds_are_told_apart():
    free = replace(drawn.EVENTS, fields={**drawn.EVENTS.fields, "kind": FieldSpec("category", "kind")})
    rows_of = Rows(free)
    day = dt.date(2024, 3, 1)
    rows = [{"person_id": "0-p1", "occurred_on": day, "recorded_on": day, "kind": f"k{at}"} for at in range(300)]
    contracts = {"things": free}
    events = drawn.Events({"things": drawn.table(rows, free)}, contracts, {"one": {"0-p1": dt.date(2000, 1, 1)}})
    cohort = pd.DataFrame({"person_id": ["0-p1"], "as_of": pd.Timestamp("2024-04-01")})
    register = drawn.register_of([
        say.distinct(rows_of.kind), say.count(rows_of.where(rows_of.kind.one_of("k0", "k256", "k299"))),
    ])  # fmt: skip
    assert differing(drawn.Case(events, cohort, register)) == []
    assert compiled.build_profiles(events, cohort, register).table[["f0", "f1"]].to_numpy().tolist() == [[300.0, 3.0]]


def test_a_number_too_large_to_write_down_is_missing_in_both_engines_without_a_warning(recwarn):
    day = dt.date(2024, 3, 1)
    contracts = {"things": drawn.EVENTS}
    rows = [{"person_id": "0-p1", "occurred_on": day, "recorded_on": day}]
    known = {"one": {"0-p1": dt.date(2000, 1, 1)}}
    events = drawn.Events({"things": drawn.table(rows, drawn.EVENTS)}, contracts, known)
    cohort = pd.DataFrame({"person_id": ["0-p1"], "as_of": pd.Timestamp("2024-04-01")})
    large = say.count(drawn.things)
    for _ in range(25):
        large = large * 1e12
    small = say.count(drawn.things)
    for _ in range(20):
        small = small / 1e12
    asked = [large * 1e12, large / small, large * 1e12 - large * 1e12, large]
    case = drawn.Case(events, cohort, drawn.register_of(asked))
    assert differing(case) == []
    values = compiled.build_profiles(events, cohort, case.register).table[["f0", "f1", "f2", "f3"]].to_numpy()[0]
    assert np.isnan(values[:3]).all() and values[3] == pytest.approx(1e300)
    assert [one for one in recwarn if issubclass(one.category, RuntimeWarning)] == []


@given(values=st.lists(st.floats(-1e300, 1e300), max_size=40))
def test_a_compiled_sum_is_exactly_the_sum_that_python_rounds_once(values):
    parts, count = np.empty(measuring.PARTS + 40), 0
    for value in values:
        count = measuring.add_exactly(parts, count, value)
    assert measuring.rounded(parts, count) == math.fsum(values)


def test_events_without_a_person_or_a_date_are_refused_with_their_number():
    table = pa.table({"person": pa.array([0, None], pa.int32()), "occurred_on": pa.array([0, 0], pa.date32()),
                      "recorded_on": pa.array([None, 0], pa.date32())})  # fmt: skip
    with pytest.raises(Refused) as refusal:
        laid.lay_out(lambda columns: table, drawn.EVENTS, (), 1)
    assert [problem.found for problem in refusal.value.problems] == [
        "1 rows without person", "1 rows without recorded_on",
    ]  # fmt: skip


@given(days=st.lists(st.one_of(st.integers(-(10**13), 10**13), st.integers(-(2**31) - 9, 2**31 + 9)), min_size=1))
def test_days_are_packed_exactly_or_refused_whatever_they_are(days):
    column = pa.chunked_array([pa.array([day * 86400 for day in days], pa.int64()).view(pa.timestamp("s"))])
    if all(abs(day) <= laid.FARTHEST for day in days):
        assert laid.days_of(column, "things.occurred_on").tolist() == days
    else:
        with pytest.raises(Refused, match="two million years"):
            laid.days_of(column, "things.occurred_on")


def test_a_moment_in_a_time_zone_is_the_day_there_and_never_cut_at_another(row):
    zoned = row(("A", "2024-07-01")).assign(as_of=pd.to_datetime(["2024-07-01"]).tz_localize("Europe/London"))
    assert laid.days_of(compiled.keys_of(zoned)["as_of"], "as_of").tolist() == [
        dt.date(2024, 7, 1).toordinal() - dt.date(1970, 1, 1).toordinal()
    ]
    moments = pa.chunked_array([pa.array([0], pa.timestamp("us", tz="Europe/London"))])
    with pytest.raises(Refused, match="time zone Europe/London"):
        laid.days_of(moments, "things.occurred_on")


def test_a_row_without_an_as_of_date_is_refused_by_both_engines(row):
    empty = row(("A", "2024-07-01")).assign(as_of=pd.NaT)
    events = drawn.Events({}, drawn.CONTRACTS, {"one": {"A": dt.date(2000, 1, 1)}})
    for engine in (reference, compiled):
        with pytest.raises(ValueError, match="without a person or an as-of date"):
            engine.build_profiles(events, empty, drawn.register_of([say.count(things)]))


@pytest.mark.parametrize("size", [math.inf, -math.inf, 1e300])
def test_a_number_that_cannot_be_added_up_is_refused(size):
    row = {"person_id": "p", "occurred_on": dt.date(2024, 3, 1), "recorded_on": dt.date(2024, 3, 1), "size": size}
    with pytest.raises(Refused):
        drawn.Events({"things": drawn.table([row], drawn.EVENTS)}, drawn.CONTRACTS, {})
    with pytest.raises(Refused, match="too large to add up"):
        laid.numbers_of(pa.chunked_array([[1.0, size]]), "things.size")


@pytest.mark.parametrize("coded", [False, True])
def test_an_event_that_names_no_person_is_refused_not_lost(coded):
    names = pa.chunked_array([["a", None]])
    with pytest.raises(Refused, match="1 rows name no person"):
        laid.person_index(names.dictionary_encode() if coded else names, pa.array(["a"]))


@pytest.mark.parametrize(("told", "found"), [("2024-03-31", [1.0, 1.0]), ("2024-04-01", [0.0, 0.0])])
def test_what_is_recorded_or_learnt_on_the_as_of_date_itself_is_not_known_to_either_engine(told, found):
    day, told_on = dt.date(2024, 3, 1), dt.date.fromisoformat(told)
    learnt = {"person_id": "p", "occurred_on": day, "recorded_on": day, "sure": True, "told_on": told_on}
    recorded = {"person_id": "p", "occurred_on": day, "recorded_on": told_on, "bad": True}
    events = drawn.Events(
        {"things": drawn.table([learnt, recorded], drawn.EVENTS)}, drawn.CONTRACTS, {"one": {"p": dt.date(2000, 1, 1)}}
    )
    cohort = pd.DataFrame({"person_id": ["p"], "as_of": pd.Timestamp("2024-04-01")})
    register = drawn.register_of([say.count(things.where(things.sure)), say.count(things.where(things.bad))])
    for engine in (reference, compiled):
        assert engine.build_profiles(events, cohort, register).table[["f0", "f1"]].to_numpy().tolist() == [found]
