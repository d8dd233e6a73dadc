"""Sums that are exact and counts of different values, compiled: the order of events means nothing to them."""

from __future__ import annotations

import numpy as np

from desist.features.engines.kernels import compiled

#: Up to so many values are compared pair by pair, which is faster than sorting them.
FEW = 32
#: More parts than an exact sum of doubles can have.
PARTS = 64


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
