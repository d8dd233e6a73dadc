"""The made-up people: who they are, what drives them, and how often each would offend on a day of a month.

Needs drift along a slow wave that each person carries from the start, so that nothing random is left in them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from desist.simulation.world import (
    AREAS,
    BURN_IN_MONTHS,
    GROUPS,
    MOST_DETECTED,
    NEEDS,
    Calendar,
    Flags,
    Floats,
    Ints,
    World,
    borough,
    date_of,
    day,
    offending,
)

YEAR_DAYS = 365.25
MALE_SHARE = 0.82
STYLE_SHARES = (0.30, 0.36, 0.14, 0.12, 0.08)
#: How much each need counts in the index that acts on offending; scaled to unit variance below.
NEED_WEIGHTS = dict(
    accommodation=0.15, employment=0.2, relationships=0.1, lifestyle=0.25, drugs=0.35, alcohol=0.15, thinking=0.25,
    attitudes=0.25,
)  # fmt: skip
SHARED_NEED = 0.6
#: Share of the people who were first sanctioned before the history starts, and how children are thinned out.
KNOWN_BEFORE = 0.52
CHILDREN_KEPT = 0.6
#: Days from the 18th birthday to the list date, in turn, of the young people handed over to probation.
HANDED_OVER = (0, 1, -1, 2, 14, 30, -30, 60)
NEVER = -(2**30)


@dataclass(frozen=True)
class People:
    """One row a person in every array; dates are day numbers (world.day), NEVER where there is none.

    ``first_sanction`` makes the person known; careers run from ``first_month`` (a position in the
    calendar), the month after it. ``handed_over``: under 18, but taken on by probation before the birthday.
    """

    born: Ints
    female: Flags
    group: Ints
    ward: Ints
    propensity: Floats
    versatility: Floats
    seriousness: Floats
    style: Ints
    need_level: Floats
    need_swing: Floats
    wave_days: Floats
    wave_phase: Floats
    first_offence: Ints
    first_sanction: Ints
    first_month: Ints
    handed_over: Flags
    own_treatment_start: Ints
    own_treatment_end: Ints
    own_housing_start: Ints

    def __len__(self) -> int:
        return len(self.born)

    @cached_property
    def need_index(self) -> tuple[Floats, Floats]:
        """Level and swing of the weighted sum of needs that acts on offending."""
        weights = need_weights()
        return self.need_level @ weights, self.need_swing @ weights

    def take(self, rows: Ints) -> People:
        """The people at ``rows``, repeats included."""
        return People(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def need_weights() -> Floats:
    """Weight of each need in the index, so that the index varies with standard deviation 1 among people."""
    weights = np.array([NEED_WEIGHTS[name] for name in NEEDS])
    own = 1 - SHARED_NEED**2
    return np.asarray(weights / np.sqrt(SHARED_NEED**2 * weights.sum() ** 2 + own * (weights**2).sum()))


def needs_on(people: People, rows: Ints, days: Ints) -> Floats:
    """Latent needs (rows x sections) of the people at ``rows`` on their days; 0 is the average person."""
    wave = np.sin(2 * np.pi * days / people.wave_days[rows] + people.wave_phase[rows])
    return np.asarray(people.need_level[rows] + people.need_swing[rows] * wave[:, None])


def daily_rate(people: People, world: World, month_start: int) -> Floats:
    """Offences a day of each person at liberty who has not stopped; constant within the month that starts then."""
    level, swing = people.need_index
    needs = level + swing * np.sin(2 * np.pi * month_start / people.wave_days + people.wave_phase)
    age = (month_start - people.born) / YEAR_DAYS
    spread = world.propensity_spread
    log_rate = spread * people.propensity - spread**2 / 2 - world.age_decline * (age - 30) + world.needs_effect * needs
    factor = (1 + world.propensity_gap * is_over_policed(people, world)) * (1 - world.women_offend_less * people.female)
    return np.asarray(world.yearly_offences / YEAR_DAYS * factor * np.exp(log_rate))


def is_over_policed(people: People, world: World) -> Flags:
    """Whether the person belongs to a group that the enforcement gap is about."""
    return np.isin(people.group, [GROUPS.index(name) for name in world.over_policed])


def kind_chances(people: People, world: World) -> Floats:
    """Chance of each kind of offence, given that the person offends (people x kinds); rows sum to 1."""
    kinds = offending()
    own_style = people.style[:, None] == kinds.style
    pull = world.style_strength * (1 - people.versatility)
    log_weight = np.log(kinds.weight) + pull[:, None] * own_style
    log_weight += (world.seriousness_spread * people.seriousness)[:, None] * (kinds.band - 2.2)
    weight = np.exp(log_weight)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def basic_detection(world: World) -> Floats:
    """Detection chance of each kind of offence before anything about the person: one for all if that effect is off."""
    kinds = offending()
    flat = np.average(kinds.detection, weights=kinds.weight)
    return np.asarray(flat + world.offence_detection * (kinds.detection - flat))


def detection_factor(people: People, world: World) -> Floats:
    """How much likelier than elsewhere an offence by each person is detected, by group and area."""
    by_group = 1 + world.enforcement_gap * is_over_policed(people, world)
    return np.asarray(by_group * (1 + world.area_enforcement * _watched(world)[people.ward]))


def status_detection(world: World) -> Floats:
    """Detection factor by status: 0 neither, 1 supervised, 2 on the IOM list, 3 both."""
    supervised, listed = 1 + world.supervision_detection, 1 + world.listing_detection
    return np.array([1.0, supervised, listed, supervised * listed])


def detected_shares(people: People, world: World) -> Floats:
    """Chance that an offence is detected and is (0) less serious or (1) serious: people x status x these two."""
    shares = np.empty((len(people), 4, 2))
    kinds = kind_chances(people, world)
    factor, basic = detection_factor(people, world), basic_detection(world)
    serious = offending().serious
    for status, more in enumerate(status_detection(world)):
        detected = kinds * np.minimum(MOST_DETECTED, basic * factor[:, None] * more)
        shares[:, status, 0] = detected[:, ~serious].sum(axis=1)
        shares[:, status, 1] = detected[:, serious].sum(axis=1)
    return shares


def make_people(count: int, world: World, calendar: Calendar, rng: np.random.Generator) -> People:
    """So many people, each made known by a first sanction on a day that depends on nothing that comes later."""
    place = borough()
    ward = _draw(place.residents * (1 + world.area_enforcement * _watched(world)), count, rng)
    over = np.isin(GROUPS, world.over_policed)
    group = _draw_rows(place.shares[ward] * (1 + world.enforcement_gap * over), rng)
    first_sanction, first_month = _first_sanctions(count, calendar, rng)
    level, swing = _needs(ward, world, rng)
    treatment_start, treatment_end = _own_treatment(level, first_sanction, calendar, rng)
    housed = rng.random(count) < 0.15
    housing = _between(first_sanction, int(calendar.starts[-1]), rng)
    people = People(
        born=first_sanction - _ages(count, world, rng),
        female=rng.random(count) >= MALE_SHARE,
        group=group,
        ward=ward,
        propensity=rng.standard_normal(count),
        versatility=np.clip(0.5 + world.versatility_spread * rng.standard_normal(count), 0, 1),
        seriousness=rng.standard_normal(count),
        style=_draw(np.array(STYLE_SHARES), count, rng),
        need_level=level,
        need_swing=swing,
        wave_days=rng.uniform(4 * YEAR_DAYS, 12 * YEAR_DAYS, count),
        wave_phase=rng.uniform(0, 2 * np.pi, count),
        first_offence=first_sanction - rng.integers(31, 150, count),
        first_sanction=first_sanction,
        first_month=first_month,
        handed_over=np.zeros(count, dtype=bool),
        own_treatment_start=treatment_start,
        own_treatment_end=treatment_end,
        own_housing_start=np.where(housed, housing, NEVER),
    )
    return _hand_over(people, calendar)


def _watched(world: World) -> Flags:
    return np.isin(borough().area, [AREAS.index(name) for name in world.over_policed_areas])


def _draw(weights: Floats, count: int, rng: np.random.Generator) -> Ints:
    return np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(count), side="right")


def _draw_rows(weights: Floats, rng: np.random.Generator) -> Ints:
    share = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    return np.asarray(np.minimum((rng.random(len(weights))[:, None] >= share).sum(axis=1), weights.shape[1] - 1))


def _between(low: Ints, high: int, rng: np.random.Generator) -> Ints:
    return np.asarray(low + np.floor(rng.random(len(low)) * (high - low)).astype(np.int64))


def _ages(count: int, world: World, rng: np.random.Generator) -> Ints:
    """Age in days at the first sanction: the borough's residents, thinned as offending falls with age."""
    place = borough()
    middle = (place.age_from + place.age_to + 1) / 2
    weight = place.age_residents * np.exp(-world.age_decline * (middle - 18))
    weight[middle < 18] *= CHILDREN_KEPT
    band = _draw(weight, count, rng)
    years = place.age_from[band] + rng.random(count) * (place.age_to[band] + 1 - place.age_from[band])
    return np.asarray(np.floor(years * YEAR_DAYS).astype(np.int64))


def _first_sanctions(count: int, calendar: Calendar, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Day of the first sanction, and the month after it. All are early enough to be recorded by the extract date."""
    before = rng.random(count) < KNOWN_BEFORE
    early = rng.integers(0, BURN_IN_MONTHS, count)
    late = rng.integers(BURN_IN_MONTHS, calendar.list_month - 1, count)
    month = np.where(before, early, late)
    starts = calendar.starts
    length = starts[month + 1] - starts[month]
    return starts[month] + np.floor(rng.random(count) * length).astype(np.int64), month + 1


def _needs(ward: Ints, world: World, rng: np.random.Generator) -> tuple[Floats, Floats]:
    count, poorer = len(ward), (6.0 - borough().deprivation[ward]) / 3
    shared = rng.standard_normal((count, 1))
    own = rng.standard_normal((count, len(NEEDS)))
    level = SHARED_NEED * shared + np.sqrt(1 - SHARED_NEED**2) * own + world.area_needs * poorer[:, None]
    return level, world.needs_drift * rng.standard_normal((count, len(NEEDS)))


def _own_treatment(level: Floats, first: Ints, calendar: Calendar, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """One spell of treatment that some people seek of themselves, whatever they do or are sanctioned for."""
    need = np.maximum(level[:, NEEDS.index("drugs")], level[:, NEEDS.index("alcohol")])
    seeks = rng.random(len(level)) < np.where(need > 0.5, 0.35, 0.08)
    start = _between(first, int(calendar.starts[-1]), rng)
    end = start + rng.integers(40, 300, len(level))
    return np.where(seeks, start, NEVER), np.where(seeks, end, NEVER)


def _hand_over(people: People, calendar: Calendar) -> People:
    """The last few people turn 18 about the list date and came to probation in the months before it."""
    few = min(len(people), max(4, len(people) // 400))
    rows = np.arange(len(people) - few, len(people))
    turn = np.array([HANDED_OVER[number % len(HANDED_OVER)] for number in range(few)])
    birthday = np.array([_born(day(calendar.list_date) + int(shift)) for shift in turn])
    month = calendar.list_month - 3 - rows % 3
    people.born[rows] = birthday
    people.first_sanction[rows] = calendar.starts[month] + rows % 28
    people.first_offence[rows] = people.first_sanction[rows] - 60
    people.first_month[rows] = month + 1
    people.handed_over[rows] = True
    for sought in (people.own_treatment_start, people.own_treatment_end, people.own_housing_start):
        sought[rows] = NEVER  # it was drawn for another first sanction
    return people


def _born(eighteenth: int) -> int:
    """Birth day of somebody whose 18th birthday falls on the given day."""
    birthday = date_of(eighteenth)
    if (birthday.month, birthday.day) == (2, 29):  # born on 28 February: 18 years earlier was no leap year
        birthday -= dt.timedelta(days=1)
    return day(birthday.replace(year=birthday.year - 18))
