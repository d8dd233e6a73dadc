"""Who shares names, addresses and stated birth dates: what makes linkage put two people together."""

from dataclasses import fields, replace

import numpy as np
import pytest

from desist.simulation.households import FIRST_NAME, GENERATION, NO_DAY, at_home
from desist.simulation.identities import ethnic_codes
from desist.simulation.misspelt import HOSTEL, Writing
from desist.simulation.names import called, communities
from desist.simulation.noise import Noise
from desist.simulation.partnership import Partnership
from desist.simulation.people import YEAR_DAYS, make_people
from desist.simulation.world import Calendar, World

COUNT = 4000
EVERYBODY = np.arange(COUNT)


def partnership(noise):
    world = replace(World(), noise=noise)
    people = make_people(COUNT, world, Calendar(), np.random.default_rng([5, 0]))
    return Partnership(world, Calendar(), people, None, 5)


@pytest.fixture(scope="module")
def made():
    p = partnership(Noise.stated())
    before = called(p, ethnic_codes(p))
    return p, before, at_home(p, before)


def test_with_the_usual_noise_nobody_is_called_or_lives_otherwise_than_before():
    p = partnership(Noise())
    before = called(p, ethnic_codes(p))
    after = at_home(p, before)
    for field in fields(before):
        assert np.array_equal(getattr(before, field.name), getattr(after, field.name)), field.name


def test_brothers_and_sisters_share_surname_and_address_and_nobody_has_two_such_ties(made):
    _, before, after = made
    second = np.flatnonzero((after.twin_of != EVERYBODY) & (before.twin_of == EVERYBODY))
    first = after.twin_of[second]
    assert (after.surname[second] == after.surname[first]).all()
    assert (after.community[second] == after.community[first]).all()
    tied = np.flatnonzero(after.twin_of != EVERYBODY)
    ends = [*tied.tolist(), *after.twin_of[tied].tolist()]
    assert len(set(ends)) == len(ends) and 0.03 < len(ends) / COUNT < 0.12


def test_a_father_and_a_son_of_one_name_are_a_generation_apart(made):
    p, before, after = made
    men = ~p.people.female & ~p.people.female[after.twin_of]
    new = np.flatnonzero(men & (after.twin_of != before.twin_of) & (after.forename == after.forename[after.twin_of]))
    years = (p.people.born[new] - p.people.born[after.twin_of[new]]) / YEAR_DAYS
    fathers = (years >= GENERATION[0]) & (years <= GENERATION[1]) & (after.forename[new] != FIRST_NAME)
    assert fathers.sum() >= 3
    assert (after.surname[new[fathers]] == after.surname[after.twin_of[new[fathers]]]).all()


def test_men_of_one_first_name_are_called_by_the_second_and_many_have_a_brother_who_is_too(made):
    _, before, after = made
    renamed = (after.forename == FIRST_NAME) & (before.forename != FIRST_NAME)
    kept = renamed & (after.second == before.forename)
    assert kept.sum() > 0.9 * renamed.sum() > 50
    brothers = np.flatnonzero(renamed & (after.twin_of != EVERYBODY) & renamed[after.twin_of])
    assert 0.2 < 2 * len(brothers) / renamed.sum() < 0.7


def test_papers_without_a_day_state_the_first_of_january_in_some_communities(made):
    p, _, after = made
    of = np.array([one.name for one in communities()])[after.community]
    assert set(of[after.no_day]) == set(NO_DAY) and 0.35 < after.no_day[np.isin(of, list(NO_DAY))].mean() < 0.45
    quiet = replace(p, world=replace(p.world, noise=Noise.none()))
    written = Writing(quiet, "police", EVERYBODY, after).births().astype("datetime64[D]")
    stated = np.array([str(day)[4:] == "-01-01" for day in written])
    assert stated[after.no_day].all() and stated[~after.no_day].mean() < 0.01
    years = written.astype("datetime64[Y]").astype(int)
    assert (years == p.people.born.astype("datetime64[D]").astype("datetime64[Y]").astype(int)).all()


def test_a_hostel_is_one_address_and_movers_have_another_at_each_agency(made):
    p, _, after = made
    draws = np.zeros(COUNT, dtype=np.int64)
    (ward, place), (ward_too, place_too) = (
        Writing(p, source, EVERYBODY, after).addresses(draws) for source in ("police", "probation")
    )
    assert 0.005 < after.hostel.mean() < 0.015
    assert set(zip(ward[after.hostel].tolist(), place[after.hostel].tolist(), strict=True)) == {HOSTEL}
    both = (place != 0) & (place_too != 0) & ~after.hostel
    assert both.sum() > 100 and ((place[both] == place_too[both]) & (ward[both] == ward_too[both])).mean() < 0.01
