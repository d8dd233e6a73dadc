"""Rows of any kind of file under the names of its header: the one form that mappings are applied to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from desist.intake.mapping.model import Format
from desist.intake.rows.csv_rows import RAGGED
from desist.records.errors import Problem

#: Spaces that a web page or a word processor leaves in cells, and marks that nobody sees.
INVISIBLE = "\u00a0\u200b\u200e\u200f\ufeff\u202f"
_SPACES = re.compile(rf"[\s{INVISIBLE}]+")


class Formula(str):
    """A cell that holds a formula; the text is its place in the sheet, such as F12."""


#: What Excel itself writes into a cell that it cannot work out.
EXCEL_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!")


class CellError(str):
    """A cell in which Excel shows an error such as #N/A; empty for any other, which a person may have written."""

    def __new__(cls, shown: str) -> CellError:
        return super().__new__(cls, shown if shown in EXCEL_ERRORS else "")


@dataclass
class Grid:
    """``columns``: name -> one value a row (text, number, date, true/false, None). ``lines``: rows as the file counts.

    ``unreadable``: lines that are no rows, with why. ``date_1904``: serial dates count from 1904. ``merged``: lines
    below the header whose cells are merged, by column name.
    """

    header: tuple[str, ...]
    columns: dict[str, list[Any]]
    lines: list[int]
    unreadable: dict[int, str] = field(default_factory=dict)
    merged: dict[str, list[int]] = field(default_factory=dict)
    date_1904: bool = False
    unnamed: int = 0


@dataclass(frozen=True)
class Area:
    """Merged cells: rows and columns from 1, both ends included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def clean(value: Any) -> Any:
    """A cell without spaces at its ends; None where nothing is left."""
    if isinstance(value, str) and not isinstance(value, Formula | CellError):
        return value.strip(f" \t\r\n{INVISIBLE}") or None
    return value


def folded(value: Any) -> str:
    """A cell as codes are compared: without the difference of capitals and spaces."""
    return "" if value is None else " ".join(str(value).split()).casefold()


def name_of(value: Any) -> str:
    """A header's cell as a name: line breaks and double spaces become one space."""
    return "" if value is None else _SPACES.sub(" ", str(value)).strip()


def names_of(rows: Sequence[Sequence[Any]], first_row: int, merged: Sequence[Area]) -> tuple[str, ...]:
    """Column names from one or two header rows; a name that comes again gets (2), (3) behind it.

    Only a cell merged over several columns lends its name to all of them.
    """
    width = max((len(row) for row in rows), default=0)
    layers = [[name_of(value) for value in row] + [""] * (width - len(row)) for row in rows]
    if len(layers) > 1:
        for area in merged:
            if area.first_row == first_row:
                last = min(area.last_column, width)
                layers[0][area.first_column - 1 : last] = [layers[0][area.first_column - 1]] * (
                    last - area.first_column + 1
                )
    names: list[str] = []
    seen: dict[str, int] = {}
    for parts in zip(*layers, strict=True):
        name = " / ".join(dict.fromkeys(part for part in parts if part))
        seen[name] = seen.get(name, 0) + 1
        names.append(f"{name} ({seen[name]})" if name and seen[name] > 1 else name)
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def lay_out(
    rows: Iterable[tuple[int, Sequence[Any] | str]],
    layout: Format,
    *,
    where: str,
    wanted: frozenset[str] | None,
    merged: Sequence[Area] = (),
    even: bool = False,
    limit: int | None = None,
) -> Grid | list[Problem]:
    """Rows under their names. A row given as text is a line that is none, and why.

    ``wanted``: columns whose cells are kept; None for all. ``even``: a row with another number of cells than the
    header is set aside, as in CSV. ``limit``: rows looked at.
    """
    below = iter(rows)
    heads, first = _heads(below, layout)
    header = names_of(heads, layout.header_row, merged)
    if not any(header):
        return [_no_header(first, layout, where)]
    if layout.header_rows == 1 and (found := _merged_header(merged, layout, len(header), where)):
        return [found]
    places = [(i, name) for i, name in enumerate(header) if name and (wanted is None or name in wanted)]
    grid = Grid(header, {name: [] for _, name in places}, [], unnamed=len(header) - sum(map(bool, header)))
    _fill(grid, below, places, _Filler(merged, layout), even=even, limit=limit)
    grid.merged = _merged_below(merged, layout, header)
    return grid


def _fill(
    grid: Grid,
    below: Iterator[tuple[int, Sequence[Any] | str]],
    places: Sequence[tuple[int, str]],
    filler: _Filler,
    *,
    even: bool,
    limit: int | None,
) -> None:
    """Put the rows below the header into the grid."""
    for line, cells in below:
        if isinstance(cells, str):
            grid.unreadable[line] = cells
            continue
        if even and _ragged(cells, len(grid.header)):
            grid.unreadable[line] = RAGGED
            continue
        values = filler.fill(line, [clean(value) for value in cells])
        if all(value is None for value in values):
            continue
        grid.lines.append(line)
        for place, name in places:
            grid.columns[name].append(values[place] if place < len(values) else None)
        if limit and len(grid.lines) >= limit:
            break


def _ragged(cells: Sequence[Any], width: int) -> bool:
    """Whether a line has too few or too many cells. Empty ones at the end are trailing delimiters, or a blank line."""
    return any(map(clean, cells)) and (len(cells) < width or any(map(clean, cells[width:])))


def _heads(rows: Iterator[tuple[int, Sequence[Any] | str]], layout: Format) -> tuple[list[Sequence[Any]], int]:
    """The header's rows, and how many rows there were before the file ended."""
    heads: list[Sequence[Any]] = []
    last, end = 0, layout.header_row + layout.header_rows - 1
    for line, cells in rows:
        last = line
        if line >= layout.header_row:
            heads.append([] if isinstance(cells, str) else cells)
        if line >= end:
            break
    return heads, last


def _no_header(last: int, layout: Format, where: str) -> Problem:
    if not last:
        return Problem("an empty file", where, "a header row, even where there are no rows", "Send it with its header.")
    return Problem(f"nothing in row {layout.header_row}", where, "the header in that row, as the mapping says",
                   "State the row as header_row in the mapping.")  # fmt: skip


def _merged_header(merged: Sequence[Area], layout: Format, width: int, where: str) -> Problem | None:
    over = [
        area for area in merged
        if area.first_row <= layout.header_row <= area.last_row
        and (area.last_column > area.first_column or area.last_row > layout.header_row) and area.first_column <= width
    ]  # fmt: skip
    if not over:
        return None
    places = ", ".join(
        f"{letters(area.first_column)}{area.first_row}:{letters(area.last_column)}{area.last_row}" for area in over[:5]
    )
    return Problem(
        f"merged cells in the header ({places})", where, "one name over each column",
        "Where the header has two rows, state header_rows = 2 in the mapping; else ask for it without merged cells.",
    )  # fmt: skip


def _merged_below(merged: Sequence[Area], layout: Format, header: Sequence[str]) -> dict[str, list[int]]:
    if layout.merged == "fill":
        return {}
    found: dict[str, list[int]] = {}
    for area in merged:
        if area.first_row >= layout.header_row + layout.header_rows:
            for place in range(area.first_column - 1, min(area.last_column, len(header))):
                found.setdefault(header[place], []).append(area.first_row)
    return found


class _Filler:
    """Gives the cells under a merged one its value, where the mapping says so."""

    def __init__(self, merged: Sequence[Area], layout: Format) -> None:
        below = layout.header_row + layout.header_rows
        self.areas = [area for area in merged if layout.merged == "fill" and area.first_row >= below]
        self.held: dict[Area, Any] = {}

    def fill(self, line: int, values: list[Any]) -> list[Any]:
        for area in self.areas:
            if not area.first_row <= line <= area.last_row:
                continue
            values += [None] * (area.last_column - len(values))
            if line == area.first_row:
                self.held[area] = values[area.first_column - 1]
            for place in range(area.first_column - 1, area.last_column):
                values[place] = self.held.get(area)
        return values


def letters(column: int) -> str:
    """The name Excel gives a column: 1 is A, 27 is AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name
