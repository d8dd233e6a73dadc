"""The compiled pass over (person, as-of date) rows: what was known, looked at once, gives every measure of a table.

Events of one person stand together (``starts``). Nothing here depends on their order: sums are exact, ties are
settled by value. What these functions call stands in this file too: numba keeps compiled code for a file and does not
notice when another file changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from desist.features.engines.kernels import NEVER, compiled
from desist.features.engines.plan import (
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

if (COUNT, ANY_OPEN, LAST, FIRST, GAP, FOLLOWED, HIGHEST, LAST_VALUE, FIRST_VALUE, VARIETY, SUM, MEAN, DECAYED) != (
    0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
) or int(NEVER) != 2**31 - 1:  # fmt: skip
    raise ImportError("compiled code holds these numbers; change them here too, so that this file is compiled anew")
#: Up to so many values are compared pair by pair, which is faster than sorting them.
FEW = 32
#: More parts than an exact sum of doubles can have.
PARTS = 64
#: Written into the code that calls it: a call with this many arrays costs more than what it does.
inlined: Any = njit(inline="always")


@intrinsic
def _lowest_bit(_context: Any, _word: Any) -> Any:
    """Position of the lowest set bit of a word that has one."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), code


@intrinsic
def _bits_set(_context: Any, _word: Any) -> Any:
    """How many bits of a word are set."""

    def code(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), code


@compiled
def measure(  # type: ignore[no-untyped-def]
    row_person, row_as_of, answered, starts, occurred, known, known_bits, mask, closed, values,
    asked, none, places, counted, stretches, weights, longest, out,
):  # fmt: skip
    """Fill ``out[places[m], row]`` with every measure of one table for every row.

    ``known`` (moments, events): the day by which a set of recorded dates has come; ``known_bits``: the tests that wait
    for it. ``asked`` (measures, 7): kind, bit, days, until, then the stretches at its ends, or the value field and the
    weights (of VARIETY: whether the values are small codes), then the measure before it. ``counted``: bits that are
    only counted; ``stretches`` turns an age in days into the number of the stretch between two windows' ends.
    ``answered``: where not, every measure is missing. ``none``: a measure's value where no event qualifies.
    """
    deepest = _deepest(starts)
    ages = np.empty(deepest, np.int32)
    bits = np.empty(deepest, np.uint64)
    events = np.empty(deepest, np.int64)
    numbers = np.empty(max(deepest, PARTS), np.float64)
    counts = np.zeros((2, 64, stretches[-1] + 1), np.int32)
    for row in range(len(row_person)):
        if not answered[row]:
            for at in range(len(places)):
                out[places[at], row] = np.nan
            continue
        person, as_of = row_person[row], row_as_of[row]
        live, met = _see(
            starts[person], starts[person + 1], as_of, longest, occurred, known, known_bits, mask, ages, bits, events
        )
        _count(live, met & counted, as_of, counted, ages, bits, events, closed, stretches, counts)
        for at in range(len(places)):
            kind, bit = asked[at, 0], asked[at, 1]
            if (met >> np.uint64(bit)) & np.uint64(1) == 0:
                out[places[at], row] = none[at]
            elif kind <= ANY_OPEN:
                which = 1 if kind == ANY_OPEN else 0
                number = counts[which, bit, asked[at, 5]] - counts[which, bit, asked[at, 4]]
                out[places[at], row] = number if kind == COUNT else min(number, 1)
            else:
                if kind in DAY_KINDS:
                    before = out[asked[at, 6], row] if kind == FOLLOWED else 0.0
                    value = _of_days(asked, at, live, ages, bits, before)
                else:
                    value = _of_values(asked, at, live, ages, bits, events, known, values, weights, numbers)
                out[places[at], row] = none[at] if value != value else value


#: Kinds measured from the days of events alone.
DAY_KINDS = (LAST, FIRST, GAP, FOLLOWED)


@compiled
def _deepest(starts):  # type: ignore[no-untyped-def]
    """The most events of one person, at least 1."""
    deepest = 1
    for index in range(len(starts) - 1):
        deepest = max(deepest, starts[index + 1] - starts[index])
    return deepest


@inlined
def _see(  # type: ignore[no-untyped-def]
    start, end, as_of, longest, occurred, known, known_bits, mask, ages, bits, events
):
    """Of one person's events those known before the as-of date: how many, and which tests any of them meets.

    Fills each one's age in days, the tests that it meets, and its place.
    """
    live = 0
    met = np.uint64(0)
    for event in range(start, end):
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
        met |= seen
        live += 1
    return live, met


@inlined
def _count(live, met, as_of, counted, ages, bits, events, closed, stretches, counts):  # type: ignore[no-untyped-def]
    """How many events meet each counted test up to each stretch; in ``counts[1]`` those of spells still open."""
    kinds = 2 if len(closed) > 0 else 1
    _clear(met, kinds, counts)
    for at in range(live):
        left = bits[at] & counted
        stretch = stretches[ages[at]]
        is_open = kinds == 2 and as_of <= closed[events[at]]
        while left != 0:
            bit = _lowest_bit(left)  # type: ignore[call-arg, var-annotated]
            counts[0, bit, stretch] += 1
            if is_open:
                counts[1, bit, stretch] += 1
            left &= left - np.uint64(1)
    left = met
    while left != 0:
        bit = _lowest_bit(left)  # type: ignore[call-arg, var-annotated]
        for kind in range(kinds):
            for stretch in range(1, counts.shape[2]):
                counts[kind, bit, stretch] += counts[kind, bit, stretch - 1]
        left &= left - np.uint64(1)


@inlined
def _clear(met, kinds, counts):  # type: ignore[no-untyped-def]
    """Nothing counted yet for the tests that any event meets."""
    left = met
    while left != 0:
        bit = _lowest_bit(left)  # type: ignore[call-arg, var-annotated]
        for kind in range(kinds):
            for stretch in range(counts.shape[2]):
                counts[kind, bit, stretch] = 0
        left &= left - np.uint64(1)


@inlined
def _of_days(asked, measure_at, live, ages, bits, before):  # type: ignore[no-untyped-def]
    """A measure of when its events happened; NaN where none qualifies. ``before``: days since what they follow."""
    kind, days, until = asked[measure_at, 0], asked[measure_at, 2], asked[measure_at, 3]
    word = np.uint64(1) << np.uint64(asked[measure_at, 1])
    best = -1
    beyond = -1
    for at in range(live):
        age = ages[at]
        if bits[at] & word == 0 or age <= until or age > days:
            continue
        if kind == LAST or kind == GAP:
            if best < 0 or age < best:
                beyond = best
                best = age
            elif age != best and (beyond < 0 or age < beyond):
                beyond = age
        elif age > best and (kind == FIRST or age <= before):
            best = age
    if kind == GAP:
        return float(beyond - best) if beyond >= 0 else np.nan
    if best < 0:
        return np.nan
    return before - best if kind == FOLLOWED else float(best)


@inlined
def _of_values(  # type: ignore[no-untyped-def]
    asked, measure_at, live, ages, bits, events, known, values, weights, numbers
):
    """A measure of its events' values; NaN where none qualifies."""
    kind, days, until = asked[measure_at, 0], asked[measure_at, 2], asked[measure_at, 3]
    value_of, detail = asked[measure_at, 4], asked[measure_at, 5]
    word = np.uint64(1) << np.uint64(asked[measure_at, 1])
    found, best, parts = 0, 0, 0
    codes = np.uint64(0)
    for at in range(live):
        age = ages[at]
        if bits[at] & word == 0 or age <= until or age > days:
            continue
        if kind == LAST_VALUE or kind == FIRST_VALUE or kind == HIGHEST:
            if found == 0 or _comes_first(kind, at, best, ages, events, known, values, value_of):
                best = at
        elif kind == VARIETY:
            value = values[value_of, events[at]]
            if detail == 1:
                codes |= np.uint64(1) << np.uint64(value)
            else:
                numbers[found] = value
        else:
            value = weights[detail, age] if kind == DECAYED else values[value_of, events[at]]
            parts = add_exactly(numbers, parts, value)
        found += 1
    if found == 0:
        return np.nan
    if kind == LAST_VALUE or kind == FIRST_VALUE or kind == HIGHEST:
        return values[value_of, events[best]]
    if kind == VARIETY:
        return float(_bits_set(codes)) if detail == 1 else float(different(numbers, found))  # type: ignore[call-arg]
    return rounded(numbers, parts) / found if kind == MEAN else rounded(numbers, parts)


@compiled
def _comes_first(kind, at, best, ages, events, known, values, value_of):  # type: ignore[no-untyped-def]
    """Whether an event settles the last, first or highest value rather than the best so far: by day, record, value."""
    event, other = events[at], events[best]
    larger = values[value_of, event] > values[value_of, other]
    if kind == HIGHEST:
        return larger
    if ages[at] != ages[best]:
        return (ages[at] < ages[best]) == (kind == LAST_VALUE)
    if known[0, event] != known[0, other]:
        return (known[0, event] > known[0, other]) == (kind == LAST_VALUE)
    return larger if kind == LAST_VALUE else values[value_of, event] < values[value_of, other]


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


@compiled
def add_exactly(parts, count, value):  # type: ignore[no-untyped-def]
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
def rounded(parts, count):  # type: ignore[no-untyped-def]
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
def different(values, count):  # type: ignore[no-untyped-def]
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
