"""The monthly engine: who offends, who is detected, and what follows.

Offences are a Poisson process with a daily rate. Within a month each person has one rate at liberty, and their
schedules cut it on single days: candidates are drawn at the full rate and kept with what the schedules leave of it, so
the process is exact to the day. At the start of each month a person may stop offending or start again.

**Why the true chances can be computed exactly.** From an as-of date on, everything that bears on a person's rate and
detection, except whether they have stopped, is then fixed *until the first new sanction*: needs and age move along
known lines, what people seek of themselves is drawn when their career starts, and all that a detected offence brings
(sanction date, sentence, treatment, housing, programme, listing) is drawn when the offence happens and begins at its
sanction at the earliest. Offences before the as-of date whose sanction is still to come are part of the state.
An undetected offence changes nothing. A new offence that is detected changes nothing before its sanction, and if that
falls within the waiting period the proven outcome has come about whatever happens later; if it falls after it, it also
falls after the follow-up. A sanction takes 31 days at least, so that it never acts within the month of its offence.
So the chance of no proven offence is the product, over the days of the follow-up, of exp(-rate x detection x chance
that the sanction comes in time), averaged over when the person stops or starts again: a chain of two states
(truth.true_chances).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from desist.simulation.people import (
    NEVER,
    YEAR_DAYS,
    People,
    basic_detection,
    daily_rate,
    detection_factor,
    kind_chances,
    status_detection,
)
from desist.simulation.schedules import Schedules, detection_status, offending_factor
from desist.simulation.sentencing import COLUMNS, Sanctions, draw_delay, sentence
from desist.simulation.world import MOST_DETECTED, Calendar, Floats, Ints, World, offending

OFFENCE_COLUMNS = ("who", "occurred", "kind", "first", "status", "sanction", "recorded")


@dataclass
class State:
    """Where everybody stands: schedules, who has not stopped offending, sanctions so far (pending ones included)."""

    schedules: Schedules
    active: np.ndarray[tuple[int], np.dtype[np.bool_]]
    sanctions: Ints

    @classmethod
    def before(cls, people: int) -> State:
        """Nobody's career has begun."""
        return cls(Schedules.empty(people), np.ones(people, dtype=bool), np.zeros(people, dtype=np.int64))


@dataclass(frozen=True)
class Drivers:
    """What the engine asks of each person and kind again and again, computed once."""

    kinds: Floats
    detection: Floats
    factor: Floats
    status: Floats
    left: Floats

    @classmethod
    def of(cls, people: People, world: World) -> Drivers:
        """Cumulative kind chances, detection by kind, person and status, and what each schedule leaves of the rate."""
        kinds = np.cumsum(kind_chances(people, world), axis=1)
        kinds[:, -1] = 1.0
        return cls(
            kinds, basic_detection(world), detection_factor(people, world), status_detection(world),
            offending_factor(world),
        )  # fmt: skip


def turning_points(people: People, world: World, month_start: int) -> tuple[Floats, float]:
    """Chance that each person who offends stops at the start of a month, and that one who has stopped starts again."""
    age = (month_start - people.born) / YEAR_DAYS
    stop = np.clip(world.desistance * np.exp(world.desistance_by_age * (age - 30)), 0, 1)
    return stop, world.relapse


def turn(
    people: People, world: World, state: State, month_start: int, under_way: Ints, rng: np.random.Generator
) -> None:
    """Let some of the people at ``under_way`` stop offending or start again."""
    stop, relapse = turning_points(people, world, month_start)
    draw = rng.random(len(people))
    after = np.where(state.active, draw >= stop, draw < relapse)
    state.active[under_way] = after[under_way]


def offend(
    people: People, drivers: Drivers, world: World, state: State, month: tuple[int, int], under_way: Ints,
    rng: np.random.Generator,
) -> tuple[Sanctions, Floats]:  # fmt: skip
    """The offences of one month (OFFENCE_COLUMNS; sanction NEVER if undetected) and each one's detection chance."""
    first, after = month
    rate = daily_rate(people, world, first)[under_way] * np.where(state.active[under_way], 1.0, world.desisted_rate)
    who = np.repeat(under_way, rng.poisson(rate * (after - first)))
    draws = rng.random((7, len(who)))
    occurred = first + np.floor(draws[0] * (after - first)).astype(np.int64)
    status = state.schedules.status(who, occurred)
    kept = np.flatnonzero(draws[1] < drivers.left[status])
    who, occurred, status, draws = who[kept], occurred[kept], status[kept], draws[:, kept]
    kind = (draws[2][:, None] >= drivers.kinds[who]).sum(axis=1)
    more = drivers.factor[who] * drivers.status[detection_status(status)]
    chance = np.minimum(MOST_DETECTED, drivers.detection[kind] * more)
    sanction = occurred + draw_delay(offending().serious[kind].astype(np.int64), draws[4])
    sanction = np.where(draws[3] < chance, sanction, NEVER)
    recorded = np.where(sanction == NEVER, NEVER, sanction + recording_lag(world, draws[5], draws[6]))
    values = (who, occurred, kind, np.zeros(len(who), dtype=np.int64), status, sanction, recorded)
    return dict(zip(OFFENCE_COLUMNS, values, strict=True)), chance


def recording_lag(world: World, late: Floats, length: Floats) -> Ints:
    """Days until a fact is entered: 1 to 21, and for a share of ``late_recording`` 60 to 200 more."""
    usual = 1 + np.floor(20 * length).astype(np.int64)
    return np.where(late < world.late_recording, usual + 60 + np.floor(140 * length).astype(np.int64), usual)


def punish(people: People, state: State, offences: Sanctions, now: int, rng: np.random.Generator) -> Sanctions:
    """What follows the detected offences, in their order of rows; updates schedules and sanction counts."""
    count = len(offences["who"])
    after = {name: np.full(count, NEVER, dtype=np.int64) for name in COLUMNS}
    rows = np.lexsort((offences["occurred"], offences["who"]))
    while len(rows):
        who = offences["who"][rows]
        leading = np.ones(len(rows), dtype=bool)
        leading[1:] = who[1:] != who[:-1]
        turn_now = rows[leading]
        some = {name: values[turn_now] for name, values in offences.items()}
        given = sentence(people, state.schedules, some, state.sanctions[some["who"]], now, rng)
        for name in COLUMNS:
            after[name][turn_now] = given[name]
        state.sanctions[some["who"]] += 1
        rows = rows[~leading]
    return after


def begin(people: People, state: State, month: int, now: int, rng: np.random.Generator) -> Sanctions:
    """The first sanctions of the people whose career begins this month, with what follows them."""
    who = np.flatnonzero(people.first_month == month)
    state.schedules.add_own(people, who)
    draws = rng.random((2, len(who)))
    kind = np.searchsorted(np.cumsum(offending().weight) / offending().weight.sum(), draws[0], side="right")
    sanction = people.first_sanction[who]
    values = (
        who, people.first_offence[who], np.minimum(kind, len(offending().code) - 1), np.ones(len(who), dtype=np.int64),
        np.zeros(len(who), dtype=np.int64), sanction, sanction + 1 + np.floor(20 * draws[1]).astype(np.int64),
    )  # fmt: skip
    offences = dict(zip(OFFENCE_COLUMNS, values, strict=True))
    return offences | punish(people, state, offences, now, rng)


@dataclass(frozen=True)
class Careers:
    """Every offence (OFFENCE_COLUMNS, with ``chance``) and, row by row, every sanction with what followed it."""

    offences: Sanctions
    chance: Floats
    sanctions: Sanctions


def run_careers(
    people: People, world: World, calendar: Calendar, rng: np.random.Generator, watch: Callable[[int, State], None]
) -> Careers:
    """Eight years and the burn-in before them. ``watch`` is shown the state at the start of each month."""
    state, drivers = State.before(len(people)), Drivers.of(people, world)
    offences: list[Sanctions] = []
    chances: list[Floats] = []
    sanctions: list[Sanctions] = []
    for month in range(calendar.list_month + 1):
        first, after = int(calendar.starts[month]), int(calendar.starts[month + 1])
        begun = begin(people, state, month, first, rng)
        turn(people, world, state, first, np.flatnonzero(people.first_month < month), rng)
        watch(month, state)
        sanctions.append(begun)
        offences.append({name: begun[name] for name in OFFENCE_COLUMNS})
        chances.append(np.ones(len(begun["who"])))
        if month == calendar.list_month:
            break
        under_way = np.flatnonzero(people.first_month <= month)
        done, chance = offend(people, drivers, world, state, (first, after), under_way, rng)
        detected = {name: values[done["sanction"] != NEVER] for name, values in done.items()}
        sanctions.append(detected | punish(people, state, detected, first, rng))
        offences.append(done)
        chances.append(chance)
    return Careers(joined(offences), np.concatenate(chances), joined(sanctions))


def joined(parts: list[Sanctions]) -> Sanctions:
    """The rows of all parts, one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
