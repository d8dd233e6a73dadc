"""The compiled pass over (person, as-of date) rows. Numba compiles it once; the compiled code is kept on disk.

Events of one person stand together (``starts``); days are whole numbers (1970-01-01 is 0); ``NEVER`` stands for a date
that is not known. Nothing here depends on the order of a person's events: sums are exact, ties are settled by value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from desist.features.engines.plan import (
    ANY,
    ANY_OPEN,
    COUNT,
    DECAYED,
    FIRST,
    FIRST_VALUE,
    FOLLOWED,
    GAP,
    HIGHEST,
    LAST,
    LAST_VALUE,
    MEAN,
    SUM,
    VARIETY,
)

#: A day after every other; what is recorded then is never known.
NEVER = np.int32(2**31 - 1)
#: Up to so many values are compared pair by pair, which is faster than sorting them.
FEW = 32
#: More parts than an exact sum of doubles can have.
PARTS = 64


#: Compiled once for these types of arguments, kept on disk, free of Python's lock.
compiled: Any = njit(cache=True, nogil=True)


@intrinsic
def _lowest_bit(_context: Any, _word: Any) -> Any:
    """Position of the lowest set bit of a word that has one."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@compiled
def positions(person, people, starts):  # type: ignore[no-untyped-def]
    """Where each event goes when a person's events stand together; -1 for people nobody asks for.

    ``person``: int32 per event, -1 or the person's index. ``starts`` (people + 1) is filled: where each begins.
    """
    starts[:] = 0
    for index in person:
        if index >= 0:
            starts[index + 1] += 1
    for index in range(people):
        starts[index + 1] += starts[index]
    following = starts[:-1].copy()
    places = np.empty(len(person), np.int64)
    for event, index in enumerate(person):
        if index >= 0:
            places[event] = following[index]
            following[index] += 1
        else:
            places[event] = -1
    return places


@compiled
def put(values, places, out):  # type: ignore[no-untyped-def]
    """Each value to its event's place."""
    for event, place in enumerate(places):
        if place >= 0:
            out[place] = values[event]


@compiled
def put_earliest(person, days, first):  # type: ignore[no-untyped-def]
    """The earliest day of each person; days of nobody (-1) go nowhere."""
    for at, index in enumerate(person):
        if index >= 0:
            first[index] = min(first[index], days[at])


@compiled
def keep_by_code(codes, allowed, mask):  # type: ignore[no-untyped-def]
    """Clear the bits of tests that an event's code does not meet; ``allowed`` has a word per code."""
    for event in range(len(mask)):
        mask[event] &= allowed[codes[event]]


@compiled
def keep_by_number(values, at_least, number, bits, mask):  # type: ignore[no-untyped-def]
    """Clear ``bits`` where a value is below (or above) a number, or not known."""
    cleared = ~bits
    for event, value in enumerate(values):
        met = value >= number if at_least else value <= number
        if not met:
            mask[event] &= cleared


@compiled
def keep_known(values, bits, mask):  # type: ignore[no-untyped-def]
    """Clear ``bits`` where a value is not known."""
    cleared = ~bits
    for event, value in enumerate(values):
        if value != value:
            mask[event] &= cleared


@compiled
def _add_exactly(parts, count, value):  # type: ignore[no-untyped-def]
    """Add to a sum kept as parts that do not overlap (Shewchuk 1997), as math.fsum does. Returns how many there are."""
    kept = 0
    for at in range(count):
        part = parts[at]
        if abs(value) < abs(part):
            value, part = part, value
        high = value + part
        low = part - (high - value)
        if low != 0.0:
            parts[kept] = low
            kept += 1
        value = high
    parts[kept] = value
    return kept + 1


@compiled
def _rounded(parts, count):  # type: ignore[no-untyped-def]
    """The parts of an exact sum rounded once, half to even."""
    if count == 0:
        return 0.0
    count -= 1
    high = parts[count]
    low = 0.0
    while count > 0:
        before = high
        count -= 1
        part = parts[count]
        high = before + part
        low = part - (high - before)
        if low != 0.0:
            break
    if count > 0 and ((low < 0.0 and parts[count - 1] < 0.0) or (low > 0.0 and parts[count - 1] > 0.0)):
        twice = low * 2.0
        nearer = high + twice
        if twice == nearer - high:
            high = nearer
    return high


@compiled
def _different(values, count):  # type: ignore[no-untyped-def]
    """How many different numbers there are among the first ``count``."""
    if count > FEW:
        part = np.sort(values[:count])
        return 1 + np.sum(part[1:] != part[:-1])
    found = 0
    for at in range(count):
        new = 1
        for before in range(at):
            if values[before] == values[at]:
                new = 0
                break
        found += new
    return found


@compiled
def _of_events(  # type: ignore[no-untyped-def]
    asked, at_measure, live, bits, ages, events, known, values, weights, before, scratch
):
    """One measure of one row's events; NaN stands for its value where no event qualifies.

    ``live`` events were visible; ``asked``: kind, bit, days, until, value field, weights, the measure before it.
    """
    kind, bit, days, until = asked[at_measure, 0], asked[at_measure, 1], asked[at_measure, 2], asked[at_measure, 3]
    value_of, weight_of = asked[at_measure, 4], asked[at_measure, 5]
    word = np.uint64(1) << np.uint64(bit)
    found = 0
    best = -1
    next_age = -1
    total = 0
    for at in range(live):
        age = ages[at]
        if bits[at] & word == 0 or age <= until or age > days:
            continue
        if kind == LAST:
            if best < 0 or age < best:
                best = age
        elif kind == FIRST:
            if age > best:
                best = age
        elif kind == HIGHEST:
            value = values[value_of, events[at]]
            if found == 0 or value > scratch[0]:
                scratch[0] = value
        elif kind == VARIETY:
            scratch[found] = values[value_of, events[at]]
        elif kind == LAST_VALUE or kind == FIRST_VALUE:
            if best < 0 or _comes_first(kind, age, known, values, value_of, events[at], ages[best], events[best]):
                best = at
        elif kind == SUM or kind == MEAN:
            total = _add_exactly(scratch, total, values[value_of, events[at]])
        elif kind == DECAYED:
            total = _add_exactly(scratch, total, weights[weight_of, age])
        elif kind == GAP:
            if best < 0 or age < best:
                next_age = best
                best = age
            elif age != best and (next_age < 0 or age < next_age):
                next_age = age
        elif kind == FOLLOWED and age <= before and age > best:
            best = age
        found += 1
    if found == 0:
        return np.nan
    if kind == LAST or kind == FIRST:
        return float(best)
    if kind == HIGHEST:
        return scratch[0]
    if kind == VARIETY:
        return float(_different(scratch, found))
    if kind == LAST_VALUE or kind == FIRST_VALUE:
        return values[value_of, events[best]]
    if kind == SUM or kind == DECAYED:
        return _rounded(scratch, total)
    if kind == MEAN:
        return _rounded(scratch, total) / found
    if kind == GAP:
        return float(next_age - best) if next_age >= 0 else np.nan
    return before - best if best >= 0 else np.nan


@compiled
def _comes_first(kind, age, known, values, value_of, event, best_age, best):  # type: ignore[no-untyped-def]
    """Whether an event settles a last (or first) value rather than the best so far: by day, recorded date, value."""
    if age != best_age:
        return age < best_age if kind == LAST_VALUE else age > best_age
    if known[0, event] != known[0, best]:
        later = known[0, event] > known[0, best]
        return later if kind == LAST_VALUE else not later
    value, other = values[value_of, event], values[value_of, best]
    return value > other if kind == LAST_VALUE else value < other


@compiled
def measure(  # type: ignore[no-untyped-def]
    row_person, row_as_of, answered, starts, occurred, known, known_bits, mask, closed, values,
    asked, none, places, counted, stretches, weights, longest, out,
):  # fmt: skip
    """Fill ``out[places[m], row]`` with every measure of one table for every row.

    ``known`` (moments, events): the day by which a set of recorded dates has come; ``known_bits`` the tests that wait
    for it. ``asked`` (measures, 7): kind, bit, days, until, then the first and last stretch, or the value field and the
    weights, then the measure before it. ``counted``: bits that are only counted; ``stretches`` turns an age in days into
    the number of the stretch between two windows' ends. ``answered``: where not, every measure is missing.
    """
    deepest = 1
    for index in range(len(starts) - 1):
        deepest = max(deepest, starts[index + 1] - starts[index])
    ages = np.empty(deepest, np.int32)
    bits = np.empty(deepest, np.uint64)
    events = np.empty(deepest, np.int64)
    scratch = np.empty(max(deepest, PARTS), np.float64)
    stretch_count = stretches[-1] + 1
    counts = np.zeros((64, stretch_count), np.int64)
    open_counts = np.zeros((64, stretch_count), np.int64)
    asks_open = len(closed) > 0
    for row in range(len(row_person)):
        if not answered[row]:
            for at in range(len(places)):
                out[places[at], row] = np.nan
            continue
        person = row_person[row]
        as_of = row_as_of[row]
        live = 0
        for event in range(starts[person], starts[person + 1]):
            age = as_of - occurred[event]
            if age < 1 or age > longest or known[0, event] >= as_of:
                continue
            seen = np.uint64(0)
            for moment in range(len(known_bits)):
                if known[moment, event] < as_of:
                    seen |= known_bits[moment]
            seen &= mask[event]
            if seen == 0:
                continue
            ages[live] = age
            bits[live] = seen
            events[live] = event
            live += 1
        if live == 0:
            for at in range(len(places)):
                out[places[at], row] = none[at]
            continue
        _count_events(live, bits, ages, counted, stretches, counts)
        if asks_open:
            _count_open(live, bits, ages, events, closed, as_of, counted, stretches, open_counts)
        for at in range(len(places)):
            kind = asked[at, 0]
            if kind == COUNT or kind == ANY or kind == ANY_OPEN:
                source = open_counts if kind == ANY_OPEN else counts
                number = 0
                for stretch in range(asked[at, 4], asked[at, 5]):
                    number += source[asked[at, 1], stretch]
                out[places[at], row] = number if kind == COUNT else min(number, 1)
                continue
            before = out[asked[at, 6], row] if kind == FOLLOWED else 0.0
            value = _of_events(asked, at, live, bits, ages, events, known, values, weights, before, scratch)
            out[places[at], row] = none[at] if value != value else value


@compiled
def _count_events(live, bits, ages, counted, stretches, counts):  # type: ignore[no-untyped-def]
    """How many events meet each test in each stretch."""
    _clear(counted, counts)
    for at in range(live):
        left = bits[at] & counted
        stretch = stretches[ages[at]]
        while left != 0:
            counts[_lowest_bit(left), stretch] += 1  # type: ignore[call-arg]
            left &= left - np.uint64(1)


@compiled
def _count_open(live, bits, ages, events, closed, as_of, counted, stretches, counts):  # type: ignore[no-untyped-def]
    """The same among the spells that are not known to have ended before the as-of date."""
    _clear(counted, counts)
    for at in range(live):
        if as_of > closed[events[at]]:
            continue
        left = bits[at] & counted
        stretch = stretches[ages[at]]
        while left != 0:
            counts[_lowest_bit(left), stretch] += 1  # type: ignore[call-arg]
            left &= left - np.uint64(1)


@compiled
def _clear(counted, counts):  # type: ignore[no-untyped-def]
    left = counted
    while left != 0:
        counts[_lowest_bit(left), :] = 0  # type: ignore[call-arg]
        left &= left - np.uint64(1)


@compiled
def measure_days(  # type: ignore[no-untyped-def]
    row_person, row_as_of, answered, starts, occurred, known, known_bits, mask, ends, learnt, word, days, until, out
):
    """Fill ``out[row]`` with the days of the window that lie in a spell, each once.

    ``ends`` and ``learnt`` (end dates, events): a spell ends on the earliest end known by then, that day included.
    """
    deepest = 1
    for index in range(len(starts) - 1):
        deepest = max(deepest, starts[index + 1] - starts[index])
    begins = np.empty(deepest, np.int64)
    stops = np.empty(deepest, np.int64)
    for row in range(len(row_person)):
        if not answered[row]:
            out[row] = np.nan
            continue
        person = row_person[row]
        as_of = row_as_of[row]
        first, stop = as_of - days, as_of - until
        spells = 0
        for event in range(starts[person], starts[person + 1]):
            seen = np.uint64(0)
            for moment in range(len(known_bits)):
                if known[moment, event] < as_of:
                    seen |= known_bits[moment]
            if known[0, event] >= as_of or seen & mask[event] & word == 0:
                continue
            last = NEVER
            for end in range(len(ends)):
                if learnt[end, event] < as_of:
                    last = min(last, ends[end, event])
            begin = max(occurred[event], first)
            finish = stop if last == NEVER else min(np.int64(last) + 1, stop)
            if finish > begin:
                begins[spells] = begin
                stops[spells] = finish
                spells += 1
        out[row] = _length_of_union(begins, stops, spells)


@compiled
def _length_of_union(begins, stops, spells):  # type: ignore[no-untyped-def]
    """Days in any of the spells, each once."""
    total = 0
    order = np.argsort(begins[:spells])
    reached = np.int64(-(2**62))
    for at in order:
        begin = max(begins[at], reached)
        if stops[at] > begin:
            total += stops[at] - begin
            reached = stops[at]
    return float(total)
