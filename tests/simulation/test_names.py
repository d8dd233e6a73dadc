"""What the made-up people are called: by community, the same at each run, and twins that the careers do not notice."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

from desist.records import codes
from desist.simulation.identities import ethnic_codes, people_called
from desist.simulation.names import communities, nicknames_of, spellings_of
from desist.simulation.noise import Noise
from desist.simulation.partnership import Partnership
from desist.simulation.people import People, make_people
from desist.simulation.world import Calendar, World, toml_data

COUNT = 3000


def partnership(noise=None, seed=5, count=COUNT):
    world = replace(World(), noise=noise or World().noise)
    people = make_people(count, world, Calendar(), np.random.default_rng([seed, 0]))
    return Partnership(world, Calendar(), people, None, seed)


@pytest.fixture(scope="module")
def made():
    p = partnership()
    return p, people_called(p)


def test_every_community_has_many_names_of_both_sexes_that_a_plain_csv_can_hold():
    for one in communities():
        assert min(len(one.female.names), len(one.male.names), len(one.surname.names)) >= 15, one.name
        for pool in (one.female, one.male, one.surname):
            assert pool.upto[-1] == 1 and (np.diff(pool.upto) >= 0).all(), one.name
            assert not any(re.search(r'[,"\r\n]|^\s|\s$', name) or not name for name in pool.names), one.name


def test_every_ethnicity_that_people_have_has_communities_whose_shares_are_all_of_it():
    known = {one.name for one in communities()}
    shares = toml_data("names.toml")["communities"]
    stated = {code for split in toml_data("borough.toml")["ethnic_codes"].values() for code in split}
    assert stated <= set(shares) <= set(codes.ETHNICITY_5)
    for code, split in shares.items():
        assert set(split) <= known and sum(split.values()) == pytest.approx(1), code


def test_names_go_with_the_community_and_the_sex(made):
    p, called = made
    told = np.array(list(codes.ETHNICITY_5))[ethnic_codes(p)]
    for place, one in enumerate(communities()):
        member = called.community == place
        assert set(called.forename[member & p.people.female]) <= set(one.female.names)
        assert set(called.forename[member & ~p.people.female]) <= set(one.male.names)
    pakistani = [one.name for one in communities()].index("pakistani")
    assert set(told[called.community == pakistani]) <= {"A2", "A9", "M3", "O9"}
    assert "Khan" in called.surname[called.community == pakistani]


def test_strangers_share_surnames_far_more_often_in_some_communities_than_in_others():
    def chance(one):
        return float((np.diff(one.surname.upto, prepend=0) ** 2).sum())

    found = {one.name: chance(one) for one in communities()}
    assert found["bangladeshi"] > 10 * found["british"]


def test_the_same_seed_gives_the_same_names_and_another_seed_others(made):
    _, called = made
    for seed, same in ((5, True), (6, False)):
        again = people_called(partnership(seed=seed))
        assert ((again.forename == called.forename).all() and (again.surname == called.surname).all()) == same


def test_twins_are_born_on_one_day_of_one_ethnicity_with_one_surname_and_two_forenames(made):
    p, called = made
    second = np.flatnonzero(called.twin_of != np.arange(COUNT))
    first = called.twin_of[second]
    assert len(second) == round(p.world.noise.twins * COUNT / 2) == 8
    assert len({*first, *second}) == 2 * len(second), "nobody is in two pairs"
    assert (p.people.born[first] == p.people.born[second]).all()
    assert (ethnic_codes(p)[first] == ethnic_codes(p)[second]).all()
    assert (called.surname[first] == called.surname[second]).all()
    assert (called.forename[first] != called.forename[second]).all()


def test_twins_drawn_with_one_forename_are_told_apart():
    called = people_called(partnership(replace(Noise(), twins=0.1), seed=6))  # one of these pairs draws one name twice
    second = np.flatnonzero(called.twin_of != np.arange(COUNT))
    assert (called.forename[second] != called.forename[called.twin_of[second]]).all()


def test_neither_names_nor_noise_move_anybodys_career_or_number():
    quiet, loud = (partnership(noise) for noise in (Noise.none(), Noise.stated().times(3)))
    for field in fields(People):
        assert np.array_equal(getattr(quiet.people, field.name), getattr(loud.people, field.name)), field.name


def test_two_surnames_and_second_forenames_are_as_common_as_the_community_says(made):
    _, called = made
    names = [one.name for one in communities()]
    british = called.community == names.index("british")
    assert 0.5 < (called.second[british] != "").mean() < 0.7
    bengali = called.community == names.index("bangladeshi")
    assert (called.second[bengali] != "").mean() > 0.6
    assert 0.02 < (called.alias != "").mean() < 0.06


@pytest.mark.parametrize(
    ("name", "foreign", "one"),
    [("Mohammed", True, "Muhammad"), ("Mohammed", False, "Muhammad"), ("Kowalski", True, "Kowalska"),
     ("Zdzisz", True, "Zdzish"), ("Waqas", True, "Vaqas")],
)  # fmt: skip
def test_a_name_from_another_script_has_other_spellings(name, foreign, one):
    assert one in spellings_of(name, foreign) and name not in spellings_of(name, foreign)


def test_an_english_name_is_not_respelt_by_sound_and_a_rare_one_has_no_nickname():
    assert spellings_of("Matthew", False) == () and nicknames_of("Zdzisz") == ()
    assert {"Bill", "Will"} <= set(nicknames_of("William"))
