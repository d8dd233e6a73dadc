"""The compiled pass over follow-ups and the plain one, its judge, give the same cells, whatever the histories."""

import datetime as dt
import inspect
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.features.events import Events
from desist.features.outcomes import (
    ESCALATION,
    OUTCOMES,
    PROVEN_REOFFENDING,
    OutcomeDefinition,
    follow_up,
    follow_ups,
    follow_ups_reference,
    kernels,
    label_outcomes,
    label_outcomes_reference,
)
from desist.features.outcomes.packing import NEVER, day_numbers, masks
from desist.features.vocabulary import CONTRACTS, sanctions
from desist.records import codes

START = dt.date(2022, 2, 28)
DEFINITIONS = [
    *OUTCOMES.values(),
    replace(PROVEN_REOFFENDING, name="quick", waiting_days=0, data_lag_days=0),
    replace(PROVEN_REOFFENDING, name="recorded", waiting_days=0, data_lag_days=0, by_sanction=False),
]
DATED = ("occurred_on", "recorded_on", "sanction_date", "release", "release_recorded_on")
CODES = ("04600", "10501", "03401", "00501", "02900")

edge = st.sampled_from([-730, -365, -2, -1, 0, 1, 2, 364, 365, 366, 546, 547, 576, 577, 729, 730, 731, 911, 912, 941])
happened = st.one_of(edge, st.integers(-1500, 1000))
lag = st.one_of(st.sampled_from([-1, 0, 1, 181, 182, 183]), st.integers(-5, 400))
person = st.sampled_from("ABC")
offence = st.tuples(person, happened, lag, lag, st.sampled_from(CODES), st.sampled_from([True, False, None]))
spell = st.tuples(person, happened, st.none() | st.integers(-1, 900), lag, st.none() | lag)
standing = st.one_of(st.sampled_from([0, 577, 578, 941, 942, 943]), st.integers(-10, 1200))
rows_of = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.one_of(st.sampled_from([0, 1, 2, 366]), st.integers(-30, 700))),
    unique=True, max_size=6,
)  # fmt: skip
hidden = st.sampled_from(["nothing", "nothing", "prison", "releases", "flags", "police"])
world = st.tuples(st.lists(offence, max_size=12), st.lists(spell, max_size=6), rows_of, standing, hidden)

few = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(few, max_examples=200)


def day(offset):
    return START + dt.timedelta(days=offset)


def drawn_events(offences, spells, hide):
    """Offences and spells as drawn; what is hidden is not sent. A source knows people since its first row of them."""
    facts = {code: codes.offences()[code] for code in CODES}
    police = [
        (who, day(on), day(on + sanction + recorded), day(on + sanction), facts[code].band, facts[code].violent,
         facts[code].neighbourhood, facts[code].reported_by_victims, flag, "caution" if on % 2 else "conviction")
        for who, on, sanction, recorded, code, flag in offences
    ]  # fmt: skip
    prison = [
        (who, day(on), day(on + recorded), None if held is None or hide == "releases" else day(on + held),
         None if None in (held, learnt) else day(on + held + learnt))
        for who, on, held, recorded, learnt in spells
    ]  # fmt: skip
    key = ["person_id", "occurred_on", "recorded_on"]
    columns = {
        "offences": [*key, "sanction_date", "severity", "violent", "neighbourhood",
                     "reported_by_victims", "da_flag", "sanction_type"],
        "custody": [*key, "release", "release_recorded_on"],
    }
    rows = {"offences": police, "custody": prison}
    sent = {"prison": ["offences"], "police": ["custody"]}.get(hide, ["offences", "custody"])
    tables = {}
    for name in sent:
        dated = [column for column in columns[name] if column in DATED]
        table = pd.DataFrame(rows[name], columns=columns[name]).astype(dict.fromkeys(dated, "datetime64[us]"))
        tables[name] = table.reindex(columns=list(CONTRACTS[name].columns))
    known = {CONTRACTS[name].source: since(tables[name]) for name in sent}
    unsent = {"releases": {"custody.release"}, "flags": {"offences.da_flag"}}.get(hide, ())
    return Events(tables, CONTRACTS, known, unsent=frozenset(unsent))


def since(table):
    first = table.groupby("person_id")["recorded_on"].min()
    return {who: stamp.date() for who, stamp in first.items()}


def drawn_rows(rows):
    return pd.DataFrame(
        {"person_id": [who for who, _ in rows], "as_of": pd.to_datetime([day(on) for _, on in rows])}
    ).astype({"person_id": "str"})


def same(one, other):
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_array_equal(one.first_day, other.first_day)
    assert one.why_missing == other.why_missing
    pd.testing.assert_frame_equal(one.rows, other.rows)


def both_ways(drawn):
    offences, spells, rows, known_by, hide = drawn
    events, table = drawn_events(offences, spells, hide), drawn_rows(rows)
    found = follow_ups(events, table, DEFINITIONS, day(known_by))
    same(found, follow_ups_reference(events, table, DEFINITIONS, day(known_by)))
    return found


@few
@given(drawn=world)
def test_the_compiled_pass_and_the_plain_one_agree_on_every_cell(drawn):
    both_ways(drawn)


@pytest.mark.slow
@many
@given(drawn=world)
def test_they_agree_on_many_histories(drawn):
    both_ways(drawn)


def world_of_every_edge():
    """Offences on and about each boundary, sanctioned and recorded on and about each other one."""
    offences = [("A", -1200, 5, 0, "04600", None), ("B", -900, 5, 0, "04600", None)]
    near = (-1, 0, 364, 365, 729, 730)
    offences += [("AB"[place % 2], on, lag, 0, CODES[place % 4], place % 3 == 0)
                 for place, (on, lag) in enumerate((on, lag) for on in near for lag in (0, 182, 183))]  # fmt: skip
    offences += [("C", -800, 0, 0, "03401", None), ("C", -200, 0, 0, "04600", None), ("C", 10, 0, 0, "03401", True)]
    spells = [("C", -700, 60, 0, 0), ("C", -660, 60, 0, 0), ("C", -300, 20, 400, 0), ("C", -50, 49, 0, 60)]
    rows = [(who, on) for who in "ABCD" for on in (-1, 0, 1, 2, 183, 365)]
    return drawn_events(offences, spells, "nothing"), drawn_rows(rows), day(1100)


def test_they_agree_where_everything_happens_on_a_boundary():
    events, rows, known_by = world_of_every_edge()
    found = follow_ups(events, rows, DEFINITIONS, known_by)
    same(found, follow_ups_reference(events, rows, DEFINITIONS, known_by))
    labels = found.labels()
    assert {0.0, 1.0} <= set(labels[~np.isnan(labels)]) and np.isnan(labels).any()
    assert any("already at the top" in why for why in found.why_missing)


@pytest.mark.parametrize(
    ("spells", "held"),
    [
        ([], 0),
        ([(-400, 10, 0, 0)], 11),  # the day of release is still held
        ([(-400, 10, 0, 0), (-395, 10, 0, 0)], 16),  # each day once
        ([(-400, 30, 0, 0), (-395, 10, 0, 0), (-380, 20, 0, 0)], 41),
        ([(-400, None, 0, None)], 400),  # open: to the day before the as-of date
        ([(-400, 10, 0, 389)], 11),  # its end was recorded the day before
        ([(-400, 10, 0, 390)], 400),  # on the as-of date, so not known on it
        ([(-400, 10, 399, 390)], 400),  # the spell itself recorded the day before
        ([(-400, 10, 400, 390)], 0),  # on the as-of date
        ([(-1, 10, 0, 0)], 1),
        ([(0, 10, 0, 0)], 0),
        ([(-735, 10, 0, 0), (-743, 3, 0, 0)], 15),  # the 11 days reach back into 4 more
    ],
)
def test_the_two_years_at_liberty_begin_on_the_same_day_for_both(spells, held):
    """The window reaches back 730 days and the days held: an offence on its first day counts, one before does not."""
    as_of, known_by = drawn_rows([("A", 0)]), day(577)
    for on, at_the_top in ((-730 - held, True), (-731 - held, False)):
        offences = [("A", on, 0, 0, "03401", None), ("A", -5, 1, 0, "04600", None)]
        events = drawn_events(offences, [("A", *spell_) for spell_ in spells], "nothing")
        found = follow_ups(events, as_of, [ESCALATION], known_by)
        same(found, follow_ups_reference(events, as_of, [ESCALATION], known_by))
        assert np.isnan(found.counts[0, 0]) == at_the_top


def test_the_latest_sanction_stands_for_the_index_offence_in_both():
    """A robbery of nine years ago counts while its sanction is the latest known, and not after."""
    theft = ("A", -50, 0, 0, "04600", None)
    recorded_later = ("A", -50, 0, 50, "04600", None)
    not_yet = ("A", 0, -1, 0, "04600", None)  # sanctioned, by mistake, before it happened on the as-of date
    for later, at_the_top in (([], True), ([theft], False), ([recorded_later], True), ([not_yet], True)):
        events = drawn_events([("A", -3300, 3200, 0, "03401", None), *later], [], "nothing")
        found = follow_ups(events, drawn_rows([("A", 0)]), [ESCALATION], day(577))
        same(found, follow_ups_reference(events, found.rows, [ESCALATION], day(577)))
        assert np.isnan(found.counts[0, 0]) == at_the_top


WEAKER = {
    "day < length": "day <= length",
    "sanction < length + waiting": "sanction <= length + waiting",
    "recorded[at] >= known_by[row]": "recorded[at] > known_by[row]",
    "occurred[at] < as_of[row]": "occurred[at] < as_of[row] - 1",
}


@pytest.mark.parametrize("guard", WEAKER)
def test_a_weakened_guard_of_the_compiled_pass_is_caught(guard):
    """Each boundary of the kernel, moved by a day in a copy run as plain Python, counts an offence more."""
    source = inspect.getsource(kernels.count_and_first.py_func).replace("@njit(cache=True, nogil=True)\n", "")
    assert source.count(guard) == 1
    weak = {"np": np, "Array": kernels.Array}
    exec(source.replace(guard, WEAKER[guard]), weak)
    # day of the offence, its sanction and its record, counted from the as-of date 1000; the first alone counts
    offences = [(1000, 1000, 1000), (999, 999, 999), (1365, 1365, 1365), (1364, 1547, 1547), (1000, 1000, 1578)]
    occurred, sanctioned, recorded = (np.array(days, dtype=np.int32) for days in zip(*offences, strict=True))
    counted = []
    for kernel in (kernels.count_and_first, weak["count_and_first"]):
        counts, first_day = np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1), dtype=np.int64)
        kernel(
            np.array([0, 5]), occurred, recorded, sanctioned, np.ones(5, dtype=np.uint64),
            np.array([0]), np.array([1000]), np.array([1578]), np.array([NEVER]), np.array([365]), np.array([182]),
            counts, first_day,
        )  # fmt: skip
        counted.append(int(counts[0, 0]))
    assert counted == [1, 2]


def test_labels_of_both_are_one_table():
    events, rows, known_by = world_of_every_edge()
    one, other = (how(events, rows, DEFINITIONS, known_by) for how in (label_outcomes, label_outcomes_reference))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.definitions == other.definitions and one.outcomes == other.outcomes


def test_more_definitions_than_one_mask_holds_are_counted_all():
    events, rows, known_by = world_of_every_edge()
    hundred = [replace(PROVEN_REOFFENDING, name=f"o{days}", follow_up_days=days) for days in range(300, 430)]
    same(follow_ups(events, rows, hundred, known_by), follow_ups_reference(events, rows, hundred, known_by))
    with pytest.raises(OverflowError, match="64 bits"):
        masks([np.ones(1, dtype=bool)] * 65, 1)


def test_no_row_and_no_definition_are_answered_with_nothing():
    events, rows, known_by = world_of_every_edge()
    assert follow_ups(events, rows.iloc[:0], DEFINITIONS, known_by).counts.shape == (0, len(DEFINITIONS))
    assert follow_ups(events, rows, [], known_by).why_missing == [""] * len(rows)


def test_a_date_beyond_32_bits_raises_and_the_first_and_last_day_of_the_calendar_do_not():
    calendar = pd.Series(np.array(["0001-01-01", "9999-12-31", "NaT"], dtype="datetime64[us]"), name="occurred_on")
    assert day_numbers(calendar).tolist() == [1, dt.date.max.toordinal(), NEVER]
    beyond = pd.Series(np.array(["5900000-01-01"], dtype="datetime64[s]"), name="occurred_on")
    with pytest.raises(OverflowError, match="occurred_on"):
        day_numbers(beyond)


def test_an_offence_without_a_sanction_date_is_not_proven():
    events = drawn_events([("A", -400, 0, 0, "04600", None), ("A", 10, 0, 0, "04600", None)], [], "nothing")
    offences = events.tables["offences"].copy()
    offences.loc[1, "sanction_date"] = pd.NaT
    events, rows = replace(events, tables={**events.tables, "offences": offences}), drawn_rows([("A", 0)])
    found = follow_ups(events, rows, [PROVEN_REOFFENDING, ESCALATION], dt.date(2024, 1, 1))
    same(found, follow_ups_reference(events, rows, [PROVEN_REOFFENDING, ESCALATION], dt.date(2024, 1, 1)))
    assert found.counts.tolist() == [[0, 0]]


def test_an_outcome_of_another_table_needs_no_sanction():
    """A next complaint within a year, recorded by the end of the waiting period, by whoever records complaints."""
    contract = replace(CONTRACTS["asb"], name="complaints", source="council", absence="none", context_only=False)
    last = START + dt.timedelta(days=365 + 30 - 1)  # the last day of waiting
    table = pd.DataFrame(
        {
            "person_id": ["W", "X", "Y", "Y"],
            "occurred_on": pd.to_datetime([START, START, START - dt.timedelta(days=1), START + dt.timedelta(days=365)]),
            "recorded_on": pd.to_datetime([last, last + dt.timedelta(days=1), last, last]),
            "type": None,
        }
    )
    events = Events({"complaints": table}, {"complaints": contract}, {"council": {}})
    asked = OutcomeDefinition(
        "next_complaint", "a complaint within a year", "1", waiting_days=30, data_lag_days=0,
        counts=replace(sanctions, contract=contract), by_sanction=False,
    )  # fmt: skip
    rows = drawn_rows([("W", 0), ("X", 0), ("Y", 0), ("Z", 0)])
    found = follow_ups(events, rows, [asked], last + dt.timedelta(days=99))
    same(found, follow_ups_reference(events, rows, [asked], last + dt.timedelta(days=99)))
    assert found.labels()[:, 0].tolist() == [1, 0, 0, 0]
    assert np.isnan(follow_ups(events, rows, [asked], last).labels()).all()


def test_outcomes_are_imported_without_the_compiler():
    asked = "import desist.features.outcomes, sys; raise SystemExit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_the_module_that_imports_the_compiler_is_loaded_when_first_needed():
    assert not hasattr(follow_up, "njit") and hasattr(kernels, "njit")
