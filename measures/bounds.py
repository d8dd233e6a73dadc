"""The least and the most that a hidden number can be, for a reader who can add, subtract and solve equations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
#: A sum over numbers by their place: factor of each.
Terms: TypeAlias = Mapping[int, float]
#: A solver's answer is right to about this much.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Sums:
    """What is known of some numbers: the least and most of each, sums that are 0, sums that are at most 0."""

    least: Floats
    most: Floats
    zero: Sequence[Terms] = ()
    at_most: Sequence[Terms] = ()

    def __post_init__(self) -> None:
        if self.least.shape != self.most.shape or (self.least > self.most + TOLERANCE).any():
            raise ValueError("a number's least is above its most")

    def smallest(self, goal: Terms, *, whole: bool = False) -> Floats | None:
        """Numbers that fit all that is known and make the goal smallest; None where nothing fits.

        ``whole``: whole numbers only, which tells more where rates are known and takes longer to find.
        """
        from scipy.optimize import linprog

        cost = np.zeros(len(self.least))
        for place, factor in goal.items():
            cost[place] = factor
        answer = linprog(
            cost,
            A_eq=_matrix(self.zero, len(cost)),
            b_eq=np.zeros(len(self.zero)) if self.zero else None,
            A_ub=_matrix(self.at_most, len(cost)),
            b_ub=np.zeros(len(self.at_most)) if self.at_most else None,
            bounds=np.column_stack([self.least, self.most]),
            integrality=np.full(len(cost), int(whole)),
            method="highs",
        )
        return np.asarray(answer.x, dtype=float) if answer.status == 0 else None


@dataclass
class Seen:
    """How far apart fitting values of each number have been seen; a number seen wide apart needs no solving again.

    What is seen stays true while more cells are hidden: hiding only lets more numbers fit.
    """

    least: Floats
    most: Floats
    _done: set[int] = field(default_factory=set)

    @classmethod
    def at(cls, values: Sequence[float] | Floats) -> Seen:
        """Nothing seen yet but the true values."""
        start = np.asarray(values, dtype=float)
        return cls(start.copy(), start.copy())

    def is_wide(self, place: int, width: int) -> bool:
        """Whether whole numbers at least ``width`` apart were seen to fit."""
        return whole_width(self.least[place], self.most[place]) >= width

    def solve(self, known: Sums, place: int) -> int | float:
        """How far apart the least and the most of one number are, in whole people; remembers what it saw."""
        for sign in (1.0, -1.0):
            fits = known.smallest({place: sign})
            if fits is not None:
                np.minimum(self.least, fits, out=self.least)
                np.maximum(self.most, fits, out=self.most)
        return whole_width(self.least[place], self.most[place])


def whole_width(least: float, most: float) -> float:
    """The distance between the first and the last whole number from least to most; infinity without an end."""
    if math.isinf(least) or math.isinf(most):
        return math.inf
    return math.floor(most + TOLERANCE) - math.ceil(least - TOLERANCE)


def first_narrow(known: Sums, places: Iterable[int], width: int, seen: Seen) -> int | None:
    """The first number that what is known pins to less than ``width`` people, or None."""
    for place in places:
        if not seen.is_wide(place, width) and seen.solve(known, place) < width:
            return place
    return None


def _matrix(rows: Sequence[Terms], columns: int) -> Any:
    from scipy.sparse import csr_array

    if not rows:
        return None
    where = [(line, place, factor) for line, terms in enumerate(rows) for place, factor in terms.items()]
    lines, places, factors = zip(*where, strict=True)
    return csr_array((factors, (lines, places)), shape=(len(rows), columns))
