"""Disclosure control: which counts an audience may see, so that nobody can be picked out of a table.

Source: DOMAIN section 9. Small counts are hidden, further cells are hidden so that totals don't give them
away, what is left is rounded, and percentages come from the rounded counts alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Values: TypeAlias = npt.NDArray[Any]
#: A sum that a reader can make: the cell of the total, and the cells of its parts.
Line: TypeAlias = tuple[int, tuple[int, ...]]

HIDDEN, NOT_APPLICABLE, NOT_AVAILABLE, LOW = "[c]", "[z]", "[x]", "[low]"

MARKERS: Mapping[str, str] = {
    HIDDEN: "hidden, because so few people could be recognised",
    NOT_APPLICABLE: "does not apply",
    NOT_AVAILABLE: "not available",
    LOW: "rounds to zero, but is not zero",
}


@dataclass(frozen=True)
class Audience:
    """Who reads a table, and what may be shown to them. Counts of 1 to ``hide_below`` - 1 are hidden.

    ``least_people``: no rate, mean or interval on fewer people. ``hides_everybody``: a row in which all people
    share one answer is hidden too, because it tells the answer of each of them.
    """

    name: str
    hide_below: int
    round_to: int
    least_people: int
    hides_everybody: bool = False

    def __post_init__(self) -> None:
        if self.hide_below < 1 or self.round_to < 1 or self.least_people < self.hide_below:
            raise ValueError(f"the disclosure rule of {self.name} contradicts itself")


PUBLIC = Audience("public", hide_below=10, round_to=5, least_people=10, hides_everybody=True)
PARTNERSHIP = Audience("partnership", hide_below=5, round_to=5, least_people=5)
PRACTITIONER = Audience("practitioner", hide_below=5, round_to=1, least_people=5)
AUDIENCES: Mapping[str, Audience] = {audience.name: audience for audience in (PUBLIC, PARTNERSHIP, PRACTITIONER)}


@dataclass(frozen=True)
class Protected:
    """A table that is safe to show: text cells (a rounded count or a marker), with its totals.

    ``cells`` has the table's rows and columns, ``row_totals`` and ``column_totals`` its labels.
    """

    cells: pd.DataFrame
    row_totals: pd.Series[str]
    column_totals: pd.Series[str]
    total: str
    audience: Audience

    def notes(self) -> list[str]:
        """One sentence for each marker that the table uses, and how counts were rounded."""
        return [*used_notes([*self.cells.to_numpy().ravel(), *self.row_totals, *self.column_totals, self.total]),
                *rounding_notes(self.audience)]


def protect(counts: pd.DataFrame, audience: Audience) -> Protected:
    """The two-way table with small counts, and those that would give them away, hidden; the rest rounded.

    Rows and columns are the parts of the whole: the totals are added here, and are hidden too where that is the
    only way. No hidden small count can be worked out from what is left, even with the totals known exactly.
    """
    values = _whole(counts.to_numpy())
    rows, columns = values.shape
    if not rows or not columns:
        raise ValueError("a table without rows or columns cannot be protected")
    grid = np.vstack([np.column_stack([values, values.sum(axis=1)]),
                      np.append(values.sum(axis=0), values.sum())])
    index = np.arange(grid.size).reshape(grid.shape)
    lines = [(int(line[-1]), tuple(int(i) for i in line[:-1])) for line in [*index, *index.T]]
    everybody = _rows_of_one_answer(grid, index) if audience.hides_everybody else set()
    hidden = hide(grid.ravel(), lines, audience, also=everybody)
    shown = np.array([HIDDEN if i in hidden else _rounded(int(v), audience) for i, v in enumerate(grid.ravel())],
                     dtype=object).reshape(grid.shape)
    return Protected(
        cells=pd.DataFrame(shown[:-1, :-1], index=counts.index, columns=counts.columns),
        row_totals=pd.Series(shown[:-1, -1], index=counts.index, dtype=object),
        column_totals=pd.Series(shown[-1, :-1], index=counts.columns, dtype=object),
        total=str(shown[-1, -1]),
        audience=audience,
    )


def protect_list(counts: Mapping[str, int], audience: Audience) -> tuple[dict[str, str], str]:
    """Counts that add up to a published total, protected: the cells by name, and the total."""
    values = _whole(np.array([*counts.values(), sum(counts.values())], dtype=float))
    parts = tuple(range(len(counts)))
    hidden = hide(values, [(len(counts), parts)], audience)
    shown = [HIDDEN if i in hidden else _rounded(int(v), audience) for i, v in enumerate(values)]
    return dict(zip(counts, shown[:-1], strict=True)), shown[-1]


def show_count(count: int | None, audience: Audience) -> str:
    """One count that stands alone, without a total beside it; ``[x]`` for a count nobody has."""
    if count is None:
        return NOT_AVAILABLE
    if 0 < count < audience.hide_below:
        return HIDDEN
    return _rounded(count, audience)


def may_show_rate(people: int, with_outcome: int | None, audience: Audience) -> bool:
    """Whether a rate, mean or interval on so many people may be shown.

    The rule of the counts holds for both sides of the rate: those with the outcome and those without.
    ``with_outcome`` is None for a statistic that is no share (a mean, an AUC).
    """
    if people < audience.least_people:
        return False
    if with_outcome is None:
        return True
    sides = (with_outcome, people - with_outcome)
    if any(0 < side < audience.hide_below for side in sides):
        return False
    return not (audience.hides_everybody and 0 in sides)


def percentage(part: str, whole: str) -> str:
    """A whole percentage from two published (so rounded) counts, or the marker that fits."""
    for cell in (part, whole):
        if cell in (HIDDEN, NOT_AVAILABLE, NOT_APPLICABLE):
            return cell
    if part == LOW or whole == LOW:
        return LOW
    parts, people = (int(cell.replace(",", "")) for cell in (part, whole))
    if people == 0:
        return NOT_APPLICABLE
    share = int(100 * min(parts, people) / people + 0.5)
    return LOW if share == 0 and parts else f"{share}%"


def used_notes(cells: Sequence[str]) -> list[str]:
    """A sentence for each marker among the cells, in the order of the markers."""
    return [f"{marker} means: {meaning}." for marker, meaning in MARKERS.items() if marker in cells]


def rounding_notes(audience: Audience) -> list[str]:
    """How counts were rounded for this audience; nothing where they were not."""
    if audience.round_to == 1:
        return []
    return [f"Counts are rounded to the nearest {audience.round_to}, so they may not add up."]


def hide(values: Values, lines: Sequence[Line], audience: Audience, *, also: Set[int] = frozenset()) -> frozenset[int]:
    """Which cells to hide. ``lines`` gives, for each sum that a reader can make, its total and its parts.

    Several linked tables are protected in one go by giving all their cells and all their lines.
    Raises ValueError where a line's parts do not add up to its total.
    """
    for total, parts in lines:
        if values[total] != sum(values[i] for i in parts):
            raise ValueError("a total is not the sum of its parts, so the table cannot be protected")
    small = {i for i, value in enumerate(values) if 0 < value < audience.hide_below} | set(also)
    hidden = set(small)
    while True:
        _hide_partners(values, lines, hidden)
        known = _known(values, lines, hidden, small)
        if known is None:
            return frozenset(hidden)
        extra = _cheapest(values, [line for line in lines if known in _cells(line)], hidden)
        extra = _cheapest(values, lines, hidden) if extra is None else extra
        if extra is None:  # everything is hidden already
            return frozenset(hidden)
        hidden.add(extra)


def _hide_partners(values: Values, lines: Sequence[Line], hidden: set[int]) -> None:
    """Hide further cells until no line has exactly one hidden cell."""
    while True:
        lonely = next((line for line in lines if len(hidden.intersection(_cells(line))) == 1), None)
        if lonely is None:
            return
        partner = _cheapest(values, [lonely], hidden, lines)
        if partner is None:  # a line with a single part: total and part are one number, both must go
            return
        hidden.add(partner)


def _cheapest(
    values: Values,
    lines: Sequence[Line],
    hidden: set[int],
    all_lines: Sequence[Line] = (),
) -> int | None:
    """The cell to hide next: a part before a total, a count before a zero, one whose other lines are
    broken already, then the smallest."""
    totals = {total for total, _ in all_lines or lines}
    candidates = sorted({i for line in lines for i in _cells(line)} - hidden)
    if not candidates:
        return None

    def cost(i: int) -> tuple[bool, bool, bool, float, int]:
        fresh = any(i in _cells(line) and not hidden.intersection(_cells(line)) for line in all_lines)
        return (i in totals, values[i] == 0, fresh, float(values[i]), i)

    return min(candidates, key=cost)


def _known(
    values: Values, lines: Sequence[Line], hidden: set[int], small: set[int]
) -> int | None:
    """A small cell that the published cells pin to one value, or None.

    The reader is taken to know all published cells exactly and which hidden ones are not zero.
    The sums form a network, so the least and the most a cell can be are whole numbers.
    """
    from scipy.optimize import linprog

    if not small:
        return None
    order = sorted(hidden)
    at = {cell: k for k, cell in enumerate(order)}
    sums, right = [], []
    for total, parts in lines:
        row = np.zeros(len(order))
        known = 0.0
        for cell, sign in [(total, -1.0), *((part, 1.0) for part in parts)]:
            if cell in at:
                row[at[cell]] += sign
            else:
                known += sign * float(values[cell])
        if row.any():
            sums.append(row)
            right.append(-known)
    bounds = [(1.0 if values[cell] else 0.0, None) for cell in order]
    for cell in sorted(small):
        ends = []
        for sign in (1.0, -1.0):
            goal = np.zeros(len(order))
            goal[at[cell]] = sign
            answer = linprog(goal, A_eq=np.array(sums) if sums else None, b_eq=right or None, bounds=bounds)
            ends.append(answer.x[at[cell]] if answer.status == 0 else np.inf)
        if abs(ends[1] - ends[0]) < 0.5:
            return cell
    return None


def _rows_of_one_answer(grid: Values, index: Values) -> set[int]:
    """The cells that hold everybody of a row with several possible answers."""
    if grid.shape[1] < 3:
        return set()
    found: set[int] = set()
    for row, cells in zip(grid[:-1], index[:-1], strict=True):
        if row[-1] > 0 and row[:-1].max() == row[-1]:
            found.add(int(cells[int(row[:-1].argmax())]))
    return found


def _cells(line: Line) -> tuple[int, ...]:
    return (line[0], *line[1])


def _whole(values: Values) -> Values:
    numbers = np.asarray(values, dtype=float)
    if not np.isfinite(numbers).all() or (numbers < 0).any() or (numbers != np.round(numbers)).any():
        raise ValueError("disclosure control takes whole counts of people, none missing and none below zero")
    return numbers.astype(int)


def _rounded(count: int, audience: Audience) -> str:
    """The count to the nearest step of the audience, with thousands commas; ``[low]`` where it rounds to zero."""
    step = audience.round_to
    rounded = step * int(count / step + 0.5)
    return LOW if rounded == 0 and count else f"{rounded:,}"
