"""Compiled steps that place events person by person and mark which tests each meets.

Numba compiles them once and keeps the code on disk. Days are whole numbers (1970-01-01 is 0); ``NEVER`` stands for a
date that is not known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

#: A day after every other; what is recorded then is never known.
NEVER = np.int32(2**31 - 1)
#: Compiled once for these types of arguments, kept on disk, free of Python's lock.
compiled: Any = njit(cache=True, nogil=True)


@compiled
def positions(person, occurred, recorded, earliest, latest, people, starts):  # type: ignore[no-untyped-def]
    """Where each event goes when a person's events stand together; -1 for those that no row can look at.

    ``person``: int32 per event, below 0 for people nobody asks for. Events before ``earliest`` and those that happened
    or were recorded on or after ``latest`` are left out. ``starts`` (people + 1) is filled: where each person begins.
    """
    starts[:] = 0
    places = np.empty(len(person), np.int32)
    for event in range(len(person)):
        index = person[event]
        seen = index >= 0 and earliest <= occurred[event] < latest and recorded[event] < latest
        places[event] = index if seen else -1
        if seen:
            starts[index + 1] += 1
    for index in range(people):
        starts[index + 1] += starts[index]
    following = starts[:-1].copy()
    for event in range(len(places)):
        index = places[event]
        if index >= 0:
            places[event] = following[index]
            following[index] += 1
    return places


@compiled
def put(values, places, out):  # type: ignore[no-untyped-def]
    """Each value to its event's place."""
    for event, place in enumerate(places):
        if place >= 0:
            out[place] = values[event]


@compiled
def put_codes(codes, lookup, places, out):  # type: ignore[no-untyped-def]
    """What ``lookup`` says of each code to its event's place; a code below 0 is the last of ``lookup``."""
    for event, place in enumerate(places):
        if place >= 0:
            out[place] = lookup[codes[event]]


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
def numbers_of_codes(codes, unknown, less, out):  # type: ignore[no-untyped-def]
    """Whole numbers as numbers, ``less`` taken off; NaN where the code is ``unknown``."""
    for event, code in enumerate(codes):
        out[event] = np.nan if code == unknown else np.float64(code) - less
