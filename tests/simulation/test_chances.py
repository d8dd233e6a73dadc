"""The stated chances, held against sums done by hand."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from desist.simulation.careers import State
from desist.simulation.people import NEVER, basic_detection, detected_shares, make_people
from desist.simulation.schedules import Schedules
from desist.simulation.sentencing import LONGEST_DELAY, SHORTEST_DELAY, delay_reached, draw_delay
from desist.simulation.truth import true_chances
from desist.simulation.world import Calendar, World, offending

CALENDAR = Calendar(dt.date(2024, 1, 1), dt.date(2024, 12, 31))
MONTH = CALENDAR.list_month
AS_OF = int(CALENDAR.starts[MONTH])  # 1 January 2025: a year of 365 days follows
FLAT = replace(World.off(), yearly_offences=3.6525)  # one offence in 100 days, for everybody


def chances(world, *, active=True, intervals=()):
    """Chance of a proven and of any offence for one person with the given intervals (kind, first day, day after)."""
    people = make_people(1, world, CALENDAR, np.random.default_rng(0))
    state = State(Schedules.empty(1), np.array([active]), np.zeros(1, dtype=np.int64))
    for kind, start, end in intervals:
        one = np.array([0])
        assert state.schedules.add(kind, one, np.array([AS_OF + start]), np.array([AS_OF + end]), AS_OF).all()
    found = true_chances(people, detected_shares(people, world), world, CALENDAR, state, MONTH, np.array([0]))
    return float(found[0][0]), float(found[1][0])


def in_time(first, after):
    """Expected sanctions in time from one offence a day between two days of follow-up, all kinds detected alike."""
    kinds = offending()
    share = np.array([kinds.weight[~kinds.serious].sum(), kinds.weight[kinds.serious].sum()]) / kinds.weight.sum()
    detection = float(basic_detection(FLAT)[0])
    total = 0.0
    for day in range(first, after):
        for serious in (0, 1):
            total += share[serious] * detection * float(delay_reached(np.array([546 - day]), serious)[0])
    return total


def test_with_every_effect_off_the_chance_follows_from_the_rate_alone():
    proven, any_offence = chances(FLAT)
    assert any_offence == pytest.approx(1 - np.exp(-3.65))
    assert proven == pytest.approx(1 - np.exp(-0.01 * in_time(0, 365)))


def test_nobody_offends_in_custody_that_lasts_the_whole_follow_up():
    world = replace(FLAT, custody_stops=1.0)
    assert chances(world, intervals=[("custody", -5, 365)]) == (0.0, 0.0)


def test_a_person_released_on_the_last_day_of_follow_up_has_one_day_at_liberty():
    world = replace(FLAT, custody_stops=1.0)
    proven, any_offence = chances(world, intervals=[("custody", -5, 364)])
    assert any_offence == pytest.approx(1 - np.exp(-0.01))
    assert proven == pytest.approx(1 - np.exp(-0.01 * in_time(364, 365)))


def test_treatment_lowers_the_rate_by_its_stated_amount_on_its_own_days_only():
    world = replace(FLAT, treatment_reduces=0.5)
    _, any_offence = chances(world, intervals=[("treated", 10, 110)])
    assert any_offence == pytest.approx(1 - np.exp(-0.01 * (265 + 0.5 * 100)))


def test_two_intervals_of_one_kind_that_overlap_act_once():
    world = replace(FLAT, housing_reduces=0.5)
    _, any_offence = chances(world, intervals=[("housed", 10, 60), ("housed", 40, 110)])
    assert any_offence == pytest.approx(1 - np.exp(-0.01 * (265 + 0.5 * 100)))


def test_effects_of_different_kinds_multiply():
    world = replace(FLAT, supervision_reduces=0.1, listing_reduces=0.2, programme_reduces=0.5)
    whole_year = [(kind, 0, 365) for kind in ("supervised", "listed", "programme")]
    _, any_offence = chances(world, intervals=whole_year)
    assert any_offence == pytest.approx(1 - np.exp(-3.65 * 0.9 * 0.8 * 0.5))


def test_supervision_raises_detection_and_leaves_offending_alone():
    world = replace(FLAT, supervision_detection=0.25)
    proven, any_offence = chances(world, intervals=[("supervised", -100, 400)])
    assert any_offence == pytest.approx(1 - np.exp(-3.65))
    assert proven == pytest.approx(1 - np.exp(-0.01 * 1.25 * in_time(0, 365)))


def test_supervision_does_not_act_in_custody():
    world = replace(FLAT, supervision_reduces=0.5)  # custody itself stops nothing in this world
    _, any_offence = chances(world, intervals=[("supervised", 0, 365), ("custody", 0, 365)])
    assert any_offence == pytest.approx(1 - np.exp(-3.65))


def test_an_interval_after_the_follow_up_changes_nothing():
    world = replace(FLAT, custody_stops=1.0)
    assert chances(world, intervals=[("custody", 365, 600)]) == chances(world)


def test_a_person_who_has_stopped_for_good_offends_at_the_lower_rate():
    world = replace(FLAT, relapse=0.0, desisted_rate=0.1)
    _, any_offence = chances(world, active=False)
    assert any_offence == pytest.approx(1 - np.exp(-0.365))


def test_a_person_sure_to_stop_next_month_offends_for_the_31_days_of_january():
    world = replace(FLAT, desistance=1.0, relapse=0.0, desisted_rate=0.0)
    _, any_offence = chances(world)
    assert any_offence == pytest.approx(1 - np.exp(-0.31))


def test_stopping_is_averaged_over_the_months_in_which_it_may_happen():
    world = replace(FLAT, desistance=0.5, relapse=0.0, desisted_rate=0.0)
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    days = np.cumsum(lengths)
    nothing = sum(0.5 ** (k + 1) * np.exp(-0.01 * days[k]) for k in range(11)) + 0.5**11 * np.exp(-3.65)
    assert chances(world)[1] == pytest.approx(1 - nothing)


def test_the_366th_day_of_a_leap_year_is_outside_the_follow_up():
    calendar = Calendar(dt.date(2023, 1, 1), dt.date(2023, 12, 31))  # 2024 has 366 days
    people = make_people(1, FLAT, calendar, np.random.default_rng(0))
    state = State.before(1)
    shares = detected_shares(people, FLAT)
    _, any_offence = true_chances(people, shares, FLAT, calendar, state, calendar.list_month, np.array([0]))
    assert any_offence[0] == pytest.approx(1 - np.exp(-3.65))


@pytest.mark.parametrize("serious", [0, 1])
def test_no_sanction_comes_within_30_days_and_every_one_in_the_end(serious):
    days = np.array([SHORTEST_DELAY - 1, SHORTEST_DELAY, LONGEST_DELAY])
    reached = delay_reached(days, serious)
    assert reached[0] == 0 and reached[1] > 0 and reached[2] == 1


@pytest.mark.parametrize("serious", [0, 1])
def test_drawn_delays_have_the_stated_distribution(serious):
    draws = (np.arange(200_000) + 0.5) / 200_000
    delays = draw_delay(np.full(len(draws), serious), draws)
    for limit in (31, 60, 120, 182, 365, 547):
        share = (delays <= limit).mean()
        assert share == pytest.approx(float(delay_reached(np.array([limit]), serious)[0]), abs=1e-5)
    assert delays.min() == SHORTEST_DELAY and delays.max() <= LONGEST_DELAY
    assert NEVER < 0
