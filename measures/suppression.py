"""Which cells to hide, so that sums, linked tables and what was published before don't give a small count away.

The reader is taken to know every shown cell exactly, though most are rounded; which hidden cells are not zero; and
all sums that tables share. Whatever is hidden must keep a range of at least ``hide_below`` people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from desist.measures.audience import Audience
from desist.measures.bounds import Seen, Sums, Terms, first_narrow

Values: TypeAlias = npt.NDArray[Any]
#: A sum that a reader can make: the cell of the total, and the cells of its parts.
Line: TypeAlias = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Beside:
    """What a reader knows from elsewhere: further numbers, placed after the cells, and sums over all of them.

    ``values``: numbers that fit, from which the search starts. ``guarded``: the further numbers that were hidden
    where they were published and must stay unknown.
    """

    least: Values
    most: Values
    values: Values
    zero: tuple[Terms, ...]
    at_most: tuple[Terms, ...] = ()
    guarded: tuple[int, ...] = ()


NOTHING_BESIDE = Beside(np.zeros(0), np.zeros(0), np.zeros(0), ())


def hide(
    values: Values,
    lines: Sequence[Line],
    audience: Audience,
    *,
    also: Set[int] = frozenset(),
    beside: Beside = NOTHING_BESIDE,
) -> frozenset[int]:
    """Which cells to hide. ``lines`` gives, for each sum that a reader can make, its total and its parts.

    Several linked tables are protected in one go by giving all their cells and all their lines. A cell that is known
    from elsewhere even with everything hidden here keeps no range, and is the last to be hidden for another.
    Raises ValueError where a line's parts do not add up to its total.
    """
    for total, parts in lines:
        if values[total] != sum(values[i] for i in parts):
            raise ValueError("a total is not the sum of its parts, so the table cannot be protected")
    hidden = {i for i, value in enumerate(values) if 0 < value < audience.hide_below} | set(also)
    if not hidden and not beside.guarded:
        return frozenset()
    search = _Search(values, lines, beside, audience)
    seen = Seen.at(np.concatenate([values.astype(float), beside.values]))
    while True:
        search.hide_partners(hidden)
        known = search.known(hidden, audience)
        guarded = [*sorted(hidden - search.lost), *beside.guarded]
        narrow = first_narrow(known, guarded, audience.hide_below, seen)
        extra = None if narrow is None else search.next_to_hide(narrow, hidden)
        if extra is None:  # all are safe, or everything is hidden already
            return frozenset(hidden)
        hidden.add(extra)


def one_answer(values: Values, lines: Sequence[Line]) -> set[int]:
    """The cells that hold everybody of a sum with several parts: they tell the answer of each of these people."""
    return {
        part for total, parts in lines if len(parts) > 1 and values[total] > 0 for part in parts
        if values[part] == values[total]
    }


class _Search:
    """The cells and sums of one call, and the order in which cells are given up."""

    def __init__(self, values: Values, lines: Sequence[Line], beside: Beside, audience: Audience) -> None:
        self.values, self.lines, self.beside = values, lines, beside
        self.totals = {total for total, _ in lines}
        self.lines_of: Mapping[int, list[Line]] = defaultdict(list)
        for line in lines:
            for cell in cells_of(line):
                self.lines_of[cell].append(line)
        self.tied: Mapping[int, set[int]] = defaultdict(set)
        for terms in (*beside.zero, *beside.at_most):
            for place in terms:
                self.tied[place] |= set(terms)
        self.lost: frozenset[int] = self._lost(audience) if beside.zero else frozenset()

    def _lost(self, audience: Audience) -> frozenset[int]:
        """The cells that are known from elsewhere, whatever is hidden here."""
        cells = range(len(self.values))
        known = self.known(set(cells), audience)
        seen = Seen.at(np.concatenate([self.values.astype(float), self.beside.values]))
        return frozenset(i for i in cells if first_narrow(known, [i], audience.hide_below, seen) is not None)

    def known(self, hidden: Set[int], audience: Audience) -> Sums:
        """What the reader knows while these cells are hidden.

        A hidden cell's most is set well above its value, which only makes the reader know more than they do.
        """
        cells = self.values.astype(float)
        least, most = cells.copy(), cells.copy()
        for cell in hidden:
            least[cell] = min(cells[cell], 1.0)
            most[cell] = cells[cell] + 4 * audience.hide_below
        zero = [{total: -1.0, **dict.fromkeys(parts, 1.0)} for total, parts in self.lines
                if touched((total, parts), hidden)]
        return Sums(
            np.concatenate([least, self.beside.least]), np.concatenate([most, self.beside.most]),
            [*zero, *self.beside.zero], self.beside.at_most,
        )

    def hide_partners(self, hidden: set[int]) -> None:
        """Hide further cells until no line has exactly one hidden cell."""
        while True:
            lonely = next((line for line in self.lines if len(touched(line, hidden)) == 1), None)
            if lonely is None:
                return
            partner = self._cheapest(cells_of(lonely), hidden)
            if partner is None:  # a line with a single part: total and part are one number, both must go
                return
            hidden.add(partner)

    def next_to_hide(self, narrow: int, hidden: Set[int]) -> int | None:
        """A cell that widens what is known of a narrow one: from its own sums, else from sums it is tied to."""
        own = {cell for line in self.lines_of[narrow] for cell in cells_of(line)}
        own |= {place for place in self.tied[narrow] if place < len(self.values)}
        linked = {cell for line in self.lines if touched(line, hidden) for cell in cells_of(line)}
        for near in (own, linked, range(len(self.values))):
            found = self._cheapest(near, hidden)
            if found is not None:
                return found
        return None

    def _cheapest(self, cells: Iterable[int], hidden: Set[int]) -> int | None:
        """The cell to hide next: a part before a total, a count before a zero, one whose other lines are
        broken already, then the smallest."""
        def cost(i: int) -> tuple[bool, bool, bool, bool, float, int]:
            fresh = any(not touched(line, hidden) for line in self.lines_of[i])
            return (i in self.lost, i in self.totals, self.values[i] == 0, fresh, float(self.values[i]), i)

        return min((cell for cell in set(cells) if cell not in hidden), key=cost, default=None)


def cells_of(line: Line) -> tuple[int, ...]:
    """The total of a line and its parts."""
    return (line[0], *line[1])


def touched(line: Line, hidden: Set[int]) -> frozenset[int]:
    """The hidden cells of a line."""
    return frozenset(cell for cell in cells_of(line) if cell in hidden)
