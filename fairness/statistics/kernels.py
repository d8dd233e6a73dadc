"""Compiled steps of the bootstrap of people: who is drawn how often, and what each draw makes of every group.

Numba compiles them once and keeps the code on disk. ``LANES`` replicates are followed side by side, so that a row is
looked at once for all of them and the processor's wide registers do the rest. Sums are of whole numbers wherever a
metric counts; the order of adding never depends on the machine, so a seed gives the same numbers everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

#: Replicates followed side by side: the counts of one person then fill half a line of the processor's memory.
LANES = 32
#: What is summed for every group: non-events, events, estimates, squared errors, pairs within the group, pairs of its
#: events with everybody's non-events below, pairs of its non-events with everybody's events below.
OTHERS, EVENTS, ESTIMATES, SQUARES, WITHIN, EVENTS_OVER, OTHERS_OVER = 0, 1, 2, 3, 4, 5, 6
KINDS = 7
STRIDE = KINDS * LANES
#: Newton's method for a calibration slope ends at a step below ENOUGH (the error is then about its square); a line
#: that has not settled after TURNS steps has no slope (events and non-events lie apart).
TURNS = 15
ENOUGH = 1e-4

#: Compiled once for these types of arguments, kept on disk, free of Python's lock.
compiled: Any = njit(cache=True, nogil=True)


@compiled
def draw(seeds, persons, times):  # type: ignore[no-untyped-def]
    """Fill ``times`` (persons x LANES): how often each person is drawn, ``persons`` draws with equal chances a lane.

    SplitMix64 (Steele, Lea and Flood 2014) from each lane's seed, two draws a word; Lemire's rejection (2019) makes
    the chances exactly equal. Counts have 8 bits: with 255 people none can exceed them, and with more the chance that
    one person is drawn 256 times is below 1 in 256 factorial.
    """
    counts = np.zeros((LANES, persons), np.uint8)
    number, half, low = np.uint64(persons), np.uint64(32), np.uint64(0xFFFFFFFF)
    unequal = np.uint64(2**32 % persons)
    for lane in range(LANES):
        state, drawn, own = seeds[lane], 0, counts[lane]
        while drawn < persons:
            state += np.uint64(0x9E3779B97F4A7C15)
            word = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            word ^= word >> np.uint64(31)
            for part in (word & low, word >> half):
                place = part * number
                if (place & low) >= unequal and drawn < persons:
                    own[np.int64(place >> half)] += np.uint8(1)
                    drawn += 1
    for start in range(0, persons, LANES):
        for lane in range(LANES):
            for person in range(start, min(start + LANES, persons)):
                times[person, lane] = counts[lane, person]


@compiled
def add_row(at, event, score, times, sums, whole):  # type: ignore[no-untyped-def]
    """A row whose score nobody else has; ``at`` is where its group's sums begin, ``whole`` holds everybody's."""
    square = (score - event) ** 2
    if event:
        for lane in range(LANES):
            weight = np.float64(times[lane])
            sums[at + EVENTS * LANES + lane] += weight
            sums[at + ESTIMATES * LANES + lane] += weight * score
            sums[at + SQUARES * LANES + lane] += weight * square
            sums[at + WITHIN * LANES + lane] += weight * sums[at + OTHERS * LANES + lane]
            sums[at + EVENTS_OVER * LANES + lane] += weight * whole[OTHERS * LANES + lane]
            whole[EVENTS * LANES + lane] += weight
    else:
        for lane in range(LANES):
            weight = np.float64(times[lane])
            sums[at + OTHERS * LANES + lane] += weight
            sums[at + ESTIMATES * LANES + lane] += weight * score
            sums[at + SQUARES * LANES + lane] += weight * square
            sums[at + OTHERS_OVER * LANES + lane] += weight * whole[EVENTS * LANES + lane]
            whole[OTHERS * LANES + lane] += weight


@compiled
def add_cell(at, score, cell, block, sums, whole):  # type: ignore[no-untyped-def]
    """The rows of one group that share a score: ``cell`` holds its counts, ``block`` everybody's with that score.

    Pairs of equal scores count half.
    """
    to_event, to_other = (score - 1.0) ** 2, score**2
    for lane in range(LANES):
        others, events = cell[lane], cell[LANES + lane]
        sums[at + ESTIMATES * LANES + lane] += (others + events) * score
        sums[at + SQUARES * LANES + lane] += others * to_other + events * to_event
        sums[at + WITHIN * LANES + lane] += events * (sums[at + OTHERS * LANES + lane] + 0.5 * others)
        sums[at + EVENTS_OVER * LANES + lane] += events * (whole[OTHERS * LANES + lane] + 0.5 * block[lane])
        sums[at + OTHERS_OVER * LANES + lane] += others * (whole[EVENTS * LANES + lane] + 0.5 * block[LANES + lane])
        sums[at + OTHERS * LANES + lane] += others
        sums[at + EVENTS * LANES + lane] += events


@compiled
def add_block(first, last, person, event, score, group, times, cells, whose, sums, whole):  # type: ignore[no-untyped-def]
    """All rows that share a score; ``cells`` and ``whose`` are scratch, a place for each group and one for all."""
    block, place = cells[0], 0
    block[:] = 0.0
    for row in range(first, last):
        if row == first or group[row] != group[row - 1]:
            place += 1
            whose[place] = group[row]
            cells[place, :] = 0.0
        into, drawn = cells[place], times[person[row]]
        at = LANES if event[row] else 0
        for lane in range(LANES):
            into[at + lane] += np.float64(drawn[lane])
    for cell in range(1, place + 1):
        for lane in range(2 * LANES):
            block[lane] += cells[cell, lane]
    for cell in range(1, place + 1):
        add_cell(whose[cell] * STRIDE, score[first], cells[cell], block, sums, whole)
    for lane in range(2 * LANES):
        whole[lane] += block[lane]


@compiled
def follow(person, event, score, group, ends, first_selected, groups, times, sums, below):  # type: ignore[no-untyped-def]
    """Fill ``sums`` (groups x KINDS x LANES, flat): one pass over rows in the order of score, then group.

    ``ends`` tells where each run of equal scores ends. ``below`` (groups x 2 x LANES, flat) keeps the non-events and
    events that lie before ``first_selected``: the others are selected.
    """
    sums[:] = 0.0
    below[:] = 0.0
    whole = np.zeros(2 * LANES)
    cells, whose = np.empty((groups + 1, 2 * LANES)), np.empty(groups + 1, np.int64)
    first = 0
    for last in ends:
        if first == first_selected:
            keep_below(groups, sums, below)
        if last - first == 1:
            add_row(group[first] * STRIDE, event[first], score[first], times[person[first]], sums, whole)
        else:
            add_block(first, last, person, event, score, group, times, cells, whose, sums, whole)
        first = last
    if first == first_selected:
        keep_below(groups, sums, below)


@compiled
def count(person, event, score, group, first_selected, groups, times, sums, below):  # type: ignore[no-untyped-def]
    """As ``follow``, for metrics that rank nobody: the sums of pairs stay 0, at half the time."""
    sums[:] = 0.0
    below[:] = 0.0
    for row in range(len(person)):
        if row == first_selected:
            keep_below(groups, sums, below)
        at, drawn, value = group[row] * STRIDE, times[person[row]], score[row]
        counted = at + (EVENTS if event[row] else OTHERS) * LANES
        square = (value - event[row]) ** 2
        for lane in range(LANES):
            weight = np.float64(drawn[lane])
            sums[counted + lane] += weight
            sums[at + ESTIMATES * LANES + lane] += weight * value
            sums[at + SQUARES * LANES + lane] += weight * square
    if first_selected == len(person):
        keep_below(groups, sums, below)


@compiled
def keep_below(groups, sums, below):  # type: ignore[no-untyped-def]
    """What has been counted so far lies below the cut-off."""
    for group in range(groups):
        for lane in range(2 * LANES):
            below[group * 2 * LANES + lane] = sums[group * STRIDE + lane]


@compiled
def fill_bins(person, place, times, bins):  # type: ignore[no-untyped-def]
    """Rows by bin: ``bins`` (places x LANES) gets each row's draws where ``place`` says."""
    bins[:] = 0.0
    for row in range(len(place)):
        into, drawn = bins[place[row]], times[person[row]]
        for lane in range(LANES):
            into[lane] += np.float64(drawn[lane])


@compiled
def slopes(others, events, logit, used, start, lines):  # type: ignore[no-untyped-def]
    """Fill ``lines`` (2 x LANES): level and slope of a logistic line through binned rows, by Newton's method.

    ``others``, ``events``: bins x LANES; ``used`` numbers the bins to look at; ``start``: level and slope to begin
    from. NaN where a lane has one outcome only, one score only, or does not settle.
    """
    lines[0, :], lines[1, :] = start[0], start[1]
    sums, settled = np.empty((5, LANES)), np.empty(LANES)
    for _ in range(TURNS):
        sums[:] = 0.0
        for bin_ in used:
            x = logit[bin_]
            for lane in range(LANES):
                number = others[bin_, lane] + events[bin_, lane]
                chance = 1.0 / (1.0 + np.exp(-lines[0, lane] - lines[1, lane] * x))
                error, weight = events[bin_, lane] - number * chance, number * chance * (1.0 - chance)
                sums[0, lane] += error
                sums[1, lane] += error * x
                sums[2, lane] += weight
                sums[3, lane] += weight * x
                sums[4, lane] += weight * x * x
        largest = step(sums, lines, settled)
        if largest < ENOUGH:
            break
    for lane in range(LANES):
        if not settled[lane] < ENOUGH:
            lines[0, lane], lines[1, lane] = np.nan, np.nan


@compiled
def step(sums, lines, settled):  # type: ignore[no-untyped-def]
    """Move each lane's line one Newton step; the largest step among lanes that can settle."""
    largest = 0.0
    for lane in range(LANES):
        level, turn, a, b, c = sums[0, lane], sums[1, lane], sums[2, lane], sums[3, lane], sums[4, lane]
        across = a * c - b * b
        # Below this the bins that hold anybody have one logit, or the line is so steep that nothing is left to fit.
        if not across > 1e-9 * a * c or not a > 1e-9:
            settled[lane] = np.inf
            continue
        up = min(2.0, max(-2.0, (c * level - b * turn) / across))
        slope = min(1.0, max(-1.0, (a * turn - b * level) / across))
        lines[0, lane] += up
        lines[1, lane] += slope
        settled[lane] = max(abs(up), abs(slope))
        largest = max(largest, settled[lane])
    return largest
