"""Every effect is a knob, and its off value takes the effect away."""

from dataclasses import fields, replace

import numpy as np
import pytest

from desist.records import codes
from desist.simulation.people import (
    daily_rate,
    detected_shares,
    detection_factor,
    is_over_policed,
    kind_chances,
    make_people,
)
from desist.simulation.schedules import KINDS, offending_factor
from desist.simulation.world import (
    BETWEEN_GROUPS,
    GROUPS,
    OFF,
    STYLES,
    Calendar,
    World,
    borough,
    offending,
)

CALENDAR = Calendar()


def people_of(world, count=4000, seed=2):
    return make_people(count, world, CALENDAR, np.random.default_rng(seed))


def test_every_off_value_is_of_a_knob_and_differs_from_the_default():
    knobs = {field.name: field.default for field in fields(World)}
    assert set(OFF) <= set(knobs)
    # None is its own control: these two are off by default.
    off_by_default = {name for name, value in OFF.items() if knobs[name] == value}
    assert off_by_default == {"propensity_gap"}


def test_the_only_knobs_without_an_off_value_are_sizes_and_names_of_groups():
    sizes = {"over_policed", "over_policed_areas", "yearly_offences", "relapse", "desisted_rate"}
    assert {field.name for field in fields(World)} - set(OFF) == sizes


@pytest.mark.parametrize("name", [field.name for field in fields(World) if isinstance(field.default, float)])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_a_knob_that_is_no_number_from_0_up_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        replace(World(), **{name: value})


def test_an_effect_that_takes_away_more_than_everything_is_refused():
    with pytest.raises(ValueError, match="treatment_reduces"):
        World(treatment_reduces=1.2)


def test_an_unknown_group_or_area_is_refused():
    with pytest.raises(ValueError, match="over_policed names"):
        World(over_policed=("Green",))
    with pytest.raises(ValueError, match="over_policed_areas names"):
        World(over_policed_areas=("Atlantis",))


def test_the_default_gap_is_about_black_and_mixed_people():
    assert World().over_policed == ("Black", "Mixed") and World().enforcement_gap == 0.3
    world = replace(World(), area_enforcement=0.0)
    people = people_of(world)
    factor = detection_factor(people, world)
    over = np.isin(people.group, [GROUPS.index("Black"), GROUPS.index("Mixed")])
    assert set(factor[over]) == {1.3} and set(factor[~over]) == {1.0}


def test_in_the_null_world_groups_areas_sexes_and_ages_offend_and_are_detected_alike():
    world = World.null()
    people = people_of(world)
    same_inside = replace(world, propensity_spread=0.0, needs_effect=0.0, versatility_spread=0.0,
                          seriousness_spread=0.0, style_strength=0.0)  # fmt: skip
    assert np.ptp(daily_rate(people, same_inside, 20_000)) < 1e-15
    assert np.ptp(detection_factor(people, world)) == 0
    assert np.ptp(detected_shares(people, same_inside), axis=0).max() < 1e-15
    assert np.ptp(detected_shares(people, same_inside), axis=1).max() == 0  # supervised and listed people too


def test_the_null_world_turns_off_what_is_between_groups_and_nothing_else():
    null, usual = World.null(), World()
    changed = {field.name for field in fields(World) if getattr(null, field.name) != getattr(usual, field.name)}
    assert changed == set(BETWEEN_GROUPS) - {"propensity_gap"}  # that one is off in every default world


def test_in_the_world_with_everything_off_everybody_offends_at_one_rate_whatever_is_done():
    world = World.off()
    people = people_of(world, 500)
    assert np.ptp(daily_rate(people, world, 20_000)) < 1e-15
    assert set(offending_factor(world)) == {1.0}
    assert np.ptp(kind_chances(people, world), axis=0).max() < 1e-15


def rate_of(world, people, member):
    return daily_rate(people, world, 20_000)[member].mean()


def test_a_propensity_gap_raises_offending_of_the_group_by_the_stated_amount():
    people = people_of(World())
    over = is_over_policed(people, World())
    raised = replace(World(), propensity_gap=0.4)
    assert rate_of(raised, people, over) == pytest.approx(1.4 * rate_of(World(), people, over))
    assert rate_of(raised, people, ~over) == pytest.approx(rate_of(World(), people, ~over))


def test_women_offend_less_by_the_stated_amount():
    people = people_of(World())
    equal = replace(World(), women_offend_less=0.0)
    assert rate_of(World(), people, people.female) == pytest.approx(0.75 * rate_of(equal, people, people.female))


def test_the_enforcement_gap_changes_nothing_about_offending():
    people = people_of(World())
    one = daily_rate(people, World(), 20_000)
    assert (one == daily_rate(people, replace(World(), enforcement_gap=1.0), 20_000)).all()


@pytest.mark.parametrize(
    ("knob", "kind"),
    [
        ("custody_stops", "custody"), ("supervision_reduces", "supervised"), ("treatment_reduces", "treated"),
        ("housing_reduces", "housed"), ("programme_reduces", "programme"), ("listing_reduces", "listed"),
    ],
)  # fmt: skip
def test_each_schedule_takes_its_stated_share_of_offending_away_and_nothing_when_off(knob, kind):
    alone = 1 << KINDS.index(kind)
    assert offending_factor(replace(World(), **{knob: 0.25}))[alone] == pytest.approx(0.75)
    assert offending_factor(replace(World(), **{knob: OFF[knob]}))[alone] == 1.0


def test_detection_by_kind_off_detects_every_kind_alike():
    people = people_of(World.off(), 10)
    shares = detected_shares(people, World.off())
    flat = np.average(offending().detection, weights=offending().weight)
    assert shares.sum(axis=2) == pytest.approx(flat)


def test_poorer_wards_have_greater_needs_unless_that_is_off():
    poor = borough().deprivation < 5

    def gap(world):
        people = people_of(world, 20_000)
        level = people.need_level.mean(axis=1)
        return level[poor[people.ward]].mean() - level[~poor[people.ward]].mean()

    assert gap(World()) > 0.2
    assert abs(gap(replace(World(), area_needs=0.0))) < 0.05


def test_people_are_spread_over_the_borough_as_its_residents_are():
    people = people_of(World.null(), 40_000)
    place = borough()
    share = np.bincount(people.ward, minlength=22) / 40_000
    assert share == pytest.approx(place.residents / place.residents.sum(), abs=0.008)
    expected = (place.residents[:, None] * place.shares).sum(axis=0) / place.residents.sum()
    assert np.bincount(people.group) / 40_000 == pytest.approx(expected, abs=0.012)


def test_the_borough_has_22_wards_and_shares_that_add_up():
    place = borough()
    assert len(place.wards) == 22 and len(set(place.wards)) == 22
    assert place.shares.sum(axis=1) == pytest.approx(1.0)
    for group, split in place.ethnic_codes.items():
        assert sum(split.values()) == pytest.approx(1.0)
        assert {codes.ETHNICITY_5[code] for code in split} == {group}


def test_the_figures_of_the_borough_file_round_those_it_names_as_source(shared_data):
    import pandas as pd

    path = shared_data("uk_geography_redbridge") / "redbridge_ethnicity5_by_ward24_census2021_aggregated.csv"
    source = pd.read_csv(path)
    totals = source.groupby("ward24_name")["n"].sum()
    place = borough()
    assert set(place.wards) == set(totals.index)
    assert place.residents == pytest.approx(totals[list(place.wards)].to_numpy(), abs=51)


def test_every_offence_that_counts_can_be_committed():
    kinds = offending()
    assert set(kinds.code) == {code for code, offence in codes.offences().items() if offence.counts}
    assert set(kinds.style) == set(range(len(STYLES)))


def test_a_calendar_that_does_not_begin_and_end_with_a_month_is_refused():
    import datetime as dt

    with pytest.raises(ValueError, match="first day of a month"):
        Calendar(dt.date(2018, 10, 2), dt.date(2026, 9, 30))
    with pytest.raises(ValueError, match="first day of a month"):
        Calendar(dt.date(2018, 10, 1), dt.date(2026, 9, 29))


def test_as_of_dates_are_each_april_and_october_and_the_list_date():
    import datetime as dt

    from desist.simulation.world import date_of

    calendar = Calendar(dt.date(2022, 10, 1), dt.date(2024, 1, 31))
    found = [date_of(calendar.starts[month]) for month in calendar.as_of_months]
    assert found == [dt.date(2023, 4, 1), dt.date(2023, 10, 1), dt.date(2024, 2, 1)]
