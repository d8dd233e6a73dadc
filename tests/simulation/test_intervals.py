"""Intervals of days: places in the engine, and spells in the files."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.simulation.partnership import Foresight, Spells
from desist.simulation.people import NEVER
from desist.simulation.schedules import KINDS, Schedules, status_codes

INTERVALS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(100, 160), st.integers(0, 30)), min_size=0, max_size=15
)  # person, first day, length


def columns(rows):
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 1] + table[:, 2]


def covered(rows):
    return {(who, day) for who, start, length in rows for day in range(start, start + length)}


@settings(deadline=None)
@given(rows=INTERVALS)
def test_merged_spells_cover_the_same_days_and_do_not_touch(rows):
    spells = Spells.merged(*columns(rows))
    made = [(w, s, e - s) for w, s, e in zip(spells.who, spells.start, spells.end, strict=True)]
    assert covered(made) == covered(rows)
    same = spells.who[1:] == spells.who[:-1]
    assert (spells.start[1:][same] > spells.end[:-1][same]).all()


@settings(deadline=None)
@given(rows=INTERVALS, who=st.integers(0, 2), day=st.integers(95, 195))
def test_a_spell_holds_the_days_it_covers_and_no_other(rows, who, day):
    spells = Spells.merged(*columns(rows))
    assert spells.holds(np.array([who]), np.array([day]))[0] == ((who, day) in covered(rows))


def test_absent_and_empty_intervals_make_no_spell():
    spells = Spells.merged(np.array([0, 0]), np.array([NEVER, 100]), np.array([120, 100]))
    assert len(spells) == 0
    assert not spells.holds(np.array([0]), np.array([100])).any()


def test_repeated_days_within_spells_begin_after_the_offset_and_end_before_the_last_day():
    spells = Spells(np.array([4, 9]), np.array([100, 200]), np.array([121, 203]))
    place, days = spells.every(10, 5)
    assert place.tolist() == [0, 0] and days.tolist() == [105, 115]


@settings(deadline=None)
@given(rows=INTERVALS.filter(len), known_on=st.integers(100, 160), ahead=st.integers(0, 60))
def test_foresight_sees_as_far_as_the_intervals_already_begun(rows, known_on, ahead):
    who, start, end = columns(rows)
    person = int(who[0])
    begun = (who == person) & (start <= known_on)
    if begun.any():
        seen = Foresight.of(who, start, end).reaches(
            np.array([person]), np.array([known_on]), np.array([known_on + ahead])
        )
        assert seen[0] == (end[begun].max() > known_on + ahead)


def test_the_first_day_counts_and_the_day_after_the_last_does_not():
    schedules, one = Schedules.empty(1), np.array([0])
    schedules.add("listed", one, np.array([100]), np.array([110]), 90)
    listed = 1 << KINDS.index("listed")
    assert [int(schedules.status(one, np.array([day]))[0]) for day in (99, 100, 109, 110)] == [0, listed, listed, 0]


def test_a_running_interval_is_never_overwritten_and_what_finds_no_place_is_not_given():
    schedules, one = Schedules.empty(1), np.array([0])
    found = [bool(schedules.add("listed", one, one + 100 + n, one + 200 + n, 90)[0]) for n in range(5)]
    assert found == [True, True, True, True, False]  # four places
    assert schedules.has_room("listed", one, 199).tolist() == [False]
    assert schedules.has_room("listed", one, 200).tolist() == [True]
    assert schedules.add("listed", one, np.array([205]), np.array([260]), 200).tolist() == [True]
    assert schedules.status(one, np.array([202]))[0] == 1 << KINDS.index("listed")  # the one to 203 stands


def test_supervision_and_listing_do_not_act_in_custody_but_treatment_is_noted():
    holds = status_codes()
    code = sum(1 << KINDS.index(kind) for kind in ("custody", "supervised", "listed", "treated"))
    assert {kind for kind in KINDS if holds[code, KINDS.index(kind)]} == {"custody", "treated"}
