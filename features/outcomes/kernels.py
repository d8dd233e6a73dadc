"""The compiled passes behind outcomes: over each row's own offences, once. Imported only when labels are made.

Days are day numbers (``date.toordinal``) in 32 bits; sums of days are made in 64. The judge of every number here is
``desist.features.outcomes.reference``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = np.ndarray[Any, Any]
#: A whole number as compiled code has it, of Python's or of numpy's type.
Whole = Any


@njit(cache=True, nogil=True)
def count_and_first(
    starts: Array, occurred: Array, recorded: Array, sanctioned: Array, met: Array,
    person: Array, as_of: Array, known_by: Array, longest: Array, follow_up: Array, waiting: Array,
    counts: Array, first_day: Array,
) -> None:  # fmt: skip
    """Fill ``counts`` and ``first_day`` (rows x definitions; 0 where none) with what counts in each follow-up.

    Offences of person p lie from ``starts[p]`` to ``starts[p + 1]``; bit d of ``met`` says that the offence is of the
    kind that definition d counts. ``longest``: days of follow-up looked at in a row at most, whatever the definition's
    own. A row whose person is negative has no offences.
    """
    for row in range(person.size):
        if person[row] < 0:
            continue
        for at in range(starts[person[row]], starts[person[row] + 1]):
            if met[at] == 0 or recorded[at] >= known_by[row] or occurred[at] < as_of[row]:
                continue
            day = np.int64(occurred[at]) - as_of[row]
            sanction = np.int64(sanctioned[at]) - as_of[row]
            for place in range(follow_up.size):
                if not (met[at] >> np.uint64(place)) & np.uint64(1):
                    continue
                length = min(follow_up[place], longest[row])
                if day < length and sanction < length + waiting[place]:
                    counts[row, place] += 1
                    if first_day[row, place] == 0 or day + 1 < first_day[row, place]:
                        first_day[row, place] = day + 1


@njit(cache=True, nogil=True)
def days_held(
    begins: Array, recorded: Array, last: Array, last_known: Array, start: Whole, stop: Whole,
    as_of: Whole, first: Whole,
) -> Whole:  # fmt: skip
    """Days from ``first`` to the day before ``as_of`` in custody as then known, each once; spells lie by beginning."""
    held: Whole = 0
    reach: Whole = first
    for at in range(start, stop):
        if recorded[at] >= as_of:
            continue
        until: Whole = as_of
        if last_known[at] < as_of:
            until = min(np.int64(last[at]) + 1, as_of)
        begin: Whole = max(np.int64(begins[at]), reach)
        if until > begin:
            held += until - begin
            reach = until
    return held


@njit(cache=True, nogil=True)
def worst_band(
    starts: Array, occurred: Array, recorded: Array, sanctioned: Array, band: Array,
    spell_starts: Array, begins: Array, spell_recorded: Array, last: Array, last_known: Array,
    person: Array, spell_person: Array, as_of: Array, liberty_days: Whole, never: Whole, worst: Array,
) -> None:  # fmt: skip
    """Fill ``worst`` with the highest band of the last days at liberty, latest sanction included; 0 where none.

    ``never`` stands for a sanction date that nobody knows. A row whose ``spell_person`` is negative has no custody
    to take into account, as where prison share nothing.
    """
    for row in range(person.size):
        now = np.int64(as_of[row])
        if person[row] < 0:
            continue
        begin, end = starts[person[row]], starts[person[row] + 1]
        earliest, latest = now, np.int64(-1)
        for at in range(begin, end):
            if recorded[at] < now and occurred[at] < now:
                earliest = min(earliest, np.int64(occurred[at]))
                if sanctioned[at] != never:
                    latest = max(latest, np.int64(sanctioned[at]))
        first = now - liberty_days
        while spell_person[row] >= 0 and first > earliest:
            spells = spell_person[row]
            held = days_held(
                begins, spell_recorded, last, last_known, spell_starts[spells], spell_starts[spells + 1], now, first
            )
            if now - first - held >= liberty_days:
                break
            first -= liberty_days - (now - first - held)
        for at in range(begin, end):
            if recorded[at] < now and occurred[at] < now and (occurred[at] >= first or sanctioned[at] == latest):
                worst[row] = max(worst[row], band[at])
