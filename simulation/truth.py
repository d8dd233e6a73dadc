"""The true chance of each person on each as-of date, exact under the rules of careers.py."""

from __future__ import annotations

import numpy as np

from desist.simulation.careers import State, turning_points
from desist.simulation.people import People, daily_rate
from desist.simulation.schedules import KINDS, PLACE_KIND, Schedules, detection_status, offending_factor
from desist.simulation.sentencing import delay_reached
from desist.simulation.world import Calendar, Flags, Floats, Ints, World

#: Follow-up and waiting period of proven reoffending (DOMAIN section 6).
FOLLOW_UP_DAYS = 365
WAITING_DAYS = 182
MONTHS = 12


def true_chances(
    people: People, shares: Floats, world: World, calendar: Calendar, state: State, month: int, rows: Ints
) -> tuple[Floats, Floats]:
    """Chance of a proven and of any offence in the 365 days from the start of a month, of the people at ``rows``.

    Proven: offended in the follow-up and sanctioned before 547 days are over. ``shares`` is
    people.detected_shares. Holds given the state: who has stopped, and the schedules with all that
    offences before the as-of date have brought and will bring.
    """
    some, starts = people.take(rows), calendar.starts[month : month + MONTHS]
    proven, any_offence = _hazards(some, shares[rows], world, starts, state.schedules, rows)
    turns = [turning_points(some, world, int(start)) for start in starts]
    active = state.active[rows]
    return _averaged(world, turns, active, proven), _averaged(world, turns, active, any_offence)


def _averaged(world: World, turns: list[tuple[Floats, float]], active: Flags, hazard: Floats) -> Floats:
    """One less the chance that nothing happens, over all the ways in which a person may stop and start again."""
    going = active.astype(float)
    stopped = 1 - going
    for step in range(MONTHS):
        if step:
            stop, relapse = turns[step]
            going, stopped = going * (1 - stop) + stopped * relapse, going * stop + stopped * (1 - relapse)
        going = going * np.exp(-hazard[:, step])
        stopped = stopped * np.exp(-world.desisted_rate * hazard[:, step])
    return np.asarray(1 - going - stopped)


def _hazards(
    some: People, shares: Floats, world: World, starts: Ints, schedules: Schedules, rows: Ints
) -> tuple[Floats, Floats]:
    """Expected proven and all offences of each of ``some`` in each month of the follow-up, had the person not stopped.

    ``some`` and ``shares`` are of the people at ``rows`` of the schedules.
    """
    bounds = starts - starts[0]
    row, begin, end, code = _segments(schedules, rows, int(starts[0]), bounds)
    step = np.searchsorted(bounds, begin, side="right") - 1
    rate = np.stack([daily_rate(some, world, int(start)) for start in starts], axis=1)
    left = rate[row, step] * offending_factor(world)[code]
    status = detection_status(code)
    in_time = np.zeros(len(row))
    for serious in (0, 1):
        days = FOLLOW_UP_DAYS + WAITING_DAYS - 1 - np.arange(FOLLOW_UP_DAYS)
        reached = np.concatenate([[0.0], np.cumsum(delay_reached(days, serious))])
        in_time += shares[row, status, serious] * (reached[end] - reached[begin])
    cell, cells = row * MONTHS + step, len(rows) * MONTHS
    proven, any_offence = (np.bincount(cell, weight, cells) for weight in (left * in_time, left * (end - begin)))
    return np.asarray(proven.reshape(-1, MONTHS)), np.asarray(any_offence.reshape(-1, MONTHS))


def _segments(schedules: Schedules, rows: Ints, as_of: int, bounds: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """The follow-up of each row cut where a month starts or a schedule changes: row, first day, day after, status."""
    place, row = np.nonzero((schedules.end[:, rows] > as_of) & (schedules.start[:, rows] < as_of + FOLLOW_UP_DAYS))
    begin = np.maximum(schedules.start[place, rows[row]] - as_of, 0)
    end = np.minimum(schedules.end[place, rows[row]] - as_of, FOLLOW_UP_DAYS)
    # One byte of a 64-bit number counts the intervals of each kind that are open: at most eight of one kind.
    one = np.int64(1) << (8 * PLACE_KIND[place])
    cuts = np.append(bounds, FOLLOW_UP_DAYS)
    all_rows = np.concatenate([np.repeat(np.arange(len(rows)), len(cuts)), row, row])
    all_days = np.concatenate([np.tile(cuts, len(rows)), begin, end])
    change = np.concatenate([np.zeros(len(rows) * len(cuts), dtype=np.int64), one, -one])
    order = np.argsort(all_rows * (FOLLOW_UP_DAYS + 1) + all_days, kind="stable")
    all_rows, all_days, packed = all_rows[order], all_days[order], np.cumsum(change[order])
    within = np.flatnonzero(all_rows[1:] == all_rows[:-1])
    code = np.zeros(len(within), dtype=np.int64)
    for kind in range(len(KINDS)):
        code |= ((packed[within] >> (8 * kind)) & 255 > 0).astype(np.int64) << kind
    return all_rows[within], all_days[within], all_days[within + 1], code
