"""A file through its mapping: the agency's rows as the contract's text cells, each with its row number in the file."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from desist.intake.mapping.cells import Fault, Value, converter, translator, written
from desist.intake.mapping.columnar import read_columns
from desist.intake.mapping.grid import Formula, Grid, folded
from desist.intake.mapping.layout import changed
from desist.intake.mapping.model import ColumnMap, FileMap, Format, TableMap
from desist.intake.mapping.shape import Shape, shape
from desist.intake.mapping.texts import read_csv
from desist.intake.mapping.workbooks import read_xlsx
from desist.intake.rows.checks import NAMED_AT_MOST, NAMED_FROM
from desist.intake.rows.csv_rows import RawRows
from desist.intake.terms.contracts import CONTRACTS, Contract
from desist.records.errors import Problem
from desist.records.wording import counted

#: A column with more than this share of dates written otherwise is refused: where Excel has turned some of a
#: column's dates round, it is their days and months that are wrong, and they look like the right ones. Fewer
#: are set aside row by row.
OTHER_STYLE_SHARE, OTHER_STYLE_ROWS = 0.01, 3
OTHERWISE = "says something else than another row about the same person"
WITH_UNREADABLE = "is about a person of whom another row cannot be read"
_SHORT_CODE = re.compile(r"[0-9]{1,4}")


def read_grid(
    content: bytes, layout: Format, *, where: str, wanted: frozenset[str] | None, limit: int | None = None
) -> Grid | list[Problem]:
    """The rows of a file of any kind, or what is wrong with the file as a whole."""
    if layout.kind in ("parquet", "query"):
        return read_columns(content, where=where, wanted=wanted, limit=limit)
    return {"csv": read_csv, "xlsx": read_xlsx}[layout.kind](content, layout, where=where, wanted=wanted, limit=limit)


def map_rows(
    content: bytes,
    whole: FileMap,
    table: TableMap,
    wanted: Sequence[str],
    *,
    cut: dt.date,
    where: str,
    beside: Mapping[str, Sequence[str]] | None = None,
) -> RawRows | list[Problem]:
    """The wanted columns of ``table``, or everything that is wrong with the file.

    Cells of columns that are not mapped, or mapped to what is not wanted, are not kept. ``cut``: the extract's date.
    ``beside``: the other tables that this delivery makes of the same file, and the columns that are wanted of each.
    """
    layout, needed = whole.format_of(table), _needed(table, wanted)
    if silent := [name for name in wanted if name not in _said(table)]:
        return [
            Problem(f"nothing about {', '.join(silent)}", f"mapping {whole.name}, table {table.table}",
                    "a word about every column that the agreement names",
                    "Give each its `from`, or name it in not_sent.")
        ]  # fmt: skip
    grid = read_grid(content, layout, where=where, wanted=frozenset(needed))
    if isinstance(grid, list):
        return grid
    if problem := _layout_problem(content, grid, whole, table, needed, where):
        return [problem]
    work = _Work(grid, whole, table, CONTRACTS[table.table], layout, cut, where)
    problems = [*work.grid_problems(), *work.convert(wanted)]
    if problems:
        return problems
    here = {*needed, *_read_beside(whole, table, beside or {})}
    return work.rows(wanted, tuple(name for name in grid.header if name and name not in here))


def _read_beside(whole: FileMap, table: TableMap, beside: Mapping[str, Sequence[str]]) -> set[str]:
    """What other tables of the delivery read of the same sheet: it is not left unread."""
    sheet = whole.format_of(table).sheet
    others = [one for one in whole.tables if one.table in beside and whole.format_of(one).sheet == sheet]
    return {source for one in others for source in _needed(one, beside[one.table])}


def _said(table: TableMap) -> set[str]:
    unpivoted = table.unpivot
    into = {unpivoted.into, *(name for row in unpivoted.rows.values() for name in row)} if unpivoted else set()
    return set(table.columns) | set(table.not_sent) | into


def _needed(table: TableMap, wanted: Sequence[str]) -> tuple[str, ...]:
    """The agency's columns that have to be read: for what is wanted, and to choose and pair rows."""
    names = [source for name in wanted if name in table.columns for source in table.columns[name].sources]
    if table.unpivot:
        names += [source for row in table.unpivot.rows.values() for name, source in row.items() if name in wanted]
    return tuple(dict.fromkeys([*names, *table.steering]))


def _layout_problem(
    content: bytes, grid: Grid, whole: FileMap, table: TableMap, needed: Sequence[str], where: str
) -> Problem | None:
    """Every change of the layout in one message, with new codes; None where all that is read is there, once."""
    layout = whole.layout_of(table)
    change = changed(layout, grid, needed)
    known = {*table.sources, *(layout.columns if layout else ())}
    twice = [name for name in needed if f"{name} (2)" in grid.header and f"{name} (2)" not in known]
    if twice:
        return Problem(f"the column {', '.join(twice)} twice", where, "each column that is read once",
                       f"Ask which one is meant; the second is {twice[0] + ' (2)'!r} in the mapping.")  # fmt: skip
    if not change.gone:
        return None
    place = whole.format_of(table)
    if len(change.gone) == len(needed):
        return _moved(content, place, needed, where) or Problem(
            "none of the columns that the mapping reads", where, f"the header in row {place.header_row}",
            "Look whether this is the right file and sheet; `desist map FILE --reuse NAME` compares them.",
        )  # fmt: skip
    words = change.as_text()
    if codes := new_codes(grid, table):
        words += "; new codes: " + "; ".join(f"{column}: {found}" for column, found in codes.items())
    return Problem(f"another layout ({words})", where, f"the columns that the mapping {whole.name} reads",
                   "Write the new names into the mapping, or ask the agency for the missing columns.")  # fmt: skip


def _moved(content: bytes, layout: Format, needed: Sequence[str], where: str) -> Problem | None:
    """Whether the header has only moved to another row, as when a title gets a second line."""
    for row in range(1, 31):
        grid = read_grid(
            content, Format(**{**vars(layout), "header_row": row}), where=where, wanted=frozenset(), limit=1
        )
        if isinstance(grid, Grid) and set(needed) <= set(grid.header):
            return Problem(f"the header in row {row}", where, f"the header in row {layout.header_row}",
                           f"State header_row = {row} in the mapping.")  # fmt: skip
    return None


def _sources_of(table: TableMap, name: str) -> tuple[str, ...]:
    """The agency's columns of one canonical column: its own, or one of each entry."""
    column = table.columns.get(name)
    if column and column.sources:
        return column.sources
    return tuple(row[name] for row in table.unpivot.rows.values() if name in row) if table.unpivot else ()


def new_codes(grid: Grid, table: TableMap) -> dict[str, str]:
    """Codes that the mapping does not translate, by column, as words with counts.

    Seldom ones, and any of an identity or equality table, are counted and not named: they may be people's data.
    """
    contract, found = CONTRACTS[table.table], {}
    for name, column in table.columns.items():
        sources = [source for source in _sources_of(table, name) if source in grid.columns]
        if not column.codes or not sources:
            continue
        known = {folded(value) for value in (*column.empty, *contract.column(name).codes)}
        translate = translator(column)
        cells = Counter(
            str(written(value)) for source in sources for value in grid.columns[source] if value is not None
        )
        odd = Counter({cell: n for cell, n in cells.items() if folded(cell) not in known and not translate(cell)})
        named = [(code, count) for code, count in odd.most_common(NAMED_AT_MOST)
                 if count >= NAMED_FROM and contract.held_in == "store" and len(code) <= 40]  # fmt: skip
        others = sum(odd.values()) - sum(count for _, count in named)
        words = [f"{code!r} ({counted(count, 'row', 'rows')})" for code, count in named]
        words += [f"{counted(others, 'row', 'rows')} with other values"] if others else []
        if words:
            found[", ".join(sources[:3])] = ", ".join(words)
    return found


@dataclass
class _Work:
    """One table being made from one grid. ``bad``: places in the shape, each with its line and what is wrong."""

    grid: Grid
    whole: FileMap
    table: TableMap
    contract: Contract
    layout: Format
    cut: dt.date
    where: str
    cells: dict[str, list[str | None]] = field(default_factory=dict)
    bad: dict[int, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shape: Shape = shape(self.grid, self.table, self.whole, self._converter(ColumnMap(""), "date"))

    def _converter(self, column: ColumnMap, kind: str) -> Callable[[Any], Value]:
        layout = self.layout
        return converter(column, kind, dates=layout.dates, decimal=layout.decimal, date_1904=self.grid.date_1904,
                         typed=layout.kind in ("parquet", "query"))  # fmt: skip

    def grid_problems(self) -> list[Problem]:
        """Merged cells and formulas in the columns that are read."""
        problems = []
        if merged := {name: rows for name, rows in self.grid.merged.items() if name in self.grid.columns}:
            rows = sorted({row for lines in merged.values() for row in lines})
            problems.append(
                Problem(f"merged cells in {', '.join(merged)} (row {_some(rows)})", self.where, "one cell a row",
                        'State merged = "fill" in the mapping if the value counts for every row it covers.')
            )  # fmt: skip
        formulas = [cell for values in self.grid.columns.values() for cell in values if isinstance(cell, Formula)]
        if formulas:
            problems.append(
                Problem(f"a formula in {_some(sorted(set(formulas)))}", self.where, "values",
                        "Ask the agency to send values: a formula shows whatever its own workbook said last.")
            )  # fmt: skip
        return problems

    def convert(self, wanted: Sequence[str]) -> list[Problem]:
        """Fill ``cells`` for every wanted column; returns what is wrong with a column as a whole."""
        problems = []
        for name in wanted:
            kind = self.contract.column(name).kind
            column = self.table.columns.get(name, ColumnMap(name))
            values = self._values(name, column)
            if values is None:
                self.cells[name] = self._same(name, column)
                continue
            convert, known = self._converter(column, kind), dict[tuple[type, Any], Value]()
            made: list[Value] = []
            for value in values:
                key = (type(value), value)
                if key not in known:
                    known[key] = convert(value)
                made.append(known[key])
            self.cells[name] = [None if isinstance(value, Fault) else value for value in made]
            faults = [(place, value) for place, value in enumerate(made) if isinstance(value, Fault)]
            for place, fault in faults:
                self._set_aside(place, self._spots(column)[place], f"{self._called(name, place)} {fault.reason}")
            problems += self._column_problems(name, kind, column, made, faults)
        self._forget_empty_dates()
        return problems

    def _spots(self, column: ColumnMap) -> npt.NDArray[np.int64]:
        """For each row of the table the place in the grid that the column is read from."""
        return self.shape.second if column.second and self.shape.second is not None else self.shape.first

    def _set_aside(self, place: int, spot: int, reason: str) -> None:
        self.bad.setdefault(place, (self.grid.lines[spot], reason))

    def _called(self, name: str, place: int) -> str:
        """The column; with its entry where each entry has its own, because one line makes a row of each."""
        unpivot, entry = self.table.unpivot, self.shape.entry
        if unpivot is None or entry is None or not any(name in row for row in unpivot.rows.values()):
            return name
        return f"{name} of {self.shape.entries[entry[place]]}"

    def _forget_empty_dates(self) -> None:
        """What has not happened has no day on which it became known, although the extract has its date."""
        for name in self.cells:
            told = [one.name for one in self.contract.columns if one.known_from == name and one.name in self.cells]
            if told and self.table.columns.get(name, ColumnMap(name)).use:
                there = [any(self.cells[one][row] for one in told) for row in range(len(self.cells[name]))]
                self.cells[name] = [day if known else None for day, known in zip(self.cells[name], there, strict=True)]

    def _same(self, name: str, column: ColumnMap) -> list[str | None]:
        """A column that no cell is read for: a constant, the extract's date, an entry's name, or nothing."""
        rows = self.shape.first
        if self.table.unpivot and name == self.table.unpivot.into:
            assert self.shape.entry is not None
            return [self.shape.entries[entry] for entry in self.shape.entry]
        said = self.cut.isoformat() if column.use == "extract_date" else column.constant
        return [said or None] * len(rows)

    def _values(self, name: str, column: ColumnMap) -> Iterable[Any] | None:
        """The agency's cells for one canonical column, a row each; None where no column of theirs is read."""
        if self.table.unpivot and any(name in row for row in self.table.unpivot.rows.values()):
            assert self.shape.entry is not None
            origins = [row.get(name, "") for row in self.table.unpivot.rows.values()]
            return [self.grid.columns[origins[entry]][place] if origins[entry] else None
                    for place, entry in zip(self.shape.first, self.shape.entry, strict=True)]  # fmt: skip
        if not column.sources:
            return None
        places = self._spots(column)
        if len(column.sources) == 1:
            cells = self.grid.columns[column.sources[0]]
            return [cells[place] if place >= 0 else None for place in places]
        plain = self._converter(ColumnMap(""), "text")
        parts = [self.grid.columns[source] for source in column.sources]
        return [self._joined([plain(cells[place]) for cells in parts], column.join) if place >= 0 else None
                for place in places]  # fmt: skip

    @staticmethod
    def _joined(parts: Sequence[Value], sign: str) -> str | None:
        return sign.join(part for part in parts if isinstance(part, str)) or None

    def _column_problems(
        self, name: str, kind: str, column: ColumnMap, made: Sequence[Value], faults: Sequence[tuple[int, Fault]]
    ) -> list[Problem]:
        problems = []
        # A cell that several rows are made of is one cell.
        spots = self._spots(column)
        filled = len(np.unique(spots[[value is not None for value in made]]))
        source = ", ".join(column.sources) or name
        other = np.unique(spots[[place for place, fault in faults if fault.style]])
        if self._many(other, filled):
            style = {"iso": "YYYY-MM-DD", "day_first": "DD/MM/YYYY", "serial": "Excel's own dates"}[
                column.dates or self.layout.dates
            ]
            problems.append(
                Problem(f"{len(other):,} of {filled:,} dates in {source} written in another style "
                        f"(row {self._lines(other)})", self.where, f"{style}, as the mapping says",
                        "If all are so, correct `dates` (a year has four digits); if some, ask for the column as text "
                        "in one style: Excel turns day and month round in those it takes for American.")
            )  # fmt: skip
        lost = np.unique(spots[[place for place, fault in faults if fault.digits]])
        if self._many(lost, filled):
            problems.append(
                Problem(f"{len(lost):,} numbers in {source} of which Excel has lost digits (row {self._lines(lost)})",
                        self.where, "the number as text", "Ask for the column as text: the digits cannot be had back.")
            )  # fmt: skip
        if kind == "offence":
            short = np.unique(spots[[isinstance(value, str) and bool(_SHORT_CODE.fullmatch(value)) for value in made]])
            if self._many(short, filled):
                problems.append(
                    Problem(f"{len(short):,} codes in {source} of fewer than five digits (row {self._lines(short)})",
                            self.where, "codes of five digits",
                            "Their leading zeros are lost: state pad = 5 for the column in the mapping.")
                )  # fmt: skip
        return problems

    @staticmethod
    def _many(spots: npt.NDArray[np.int64], filled: int) -> bool:
        return len(spots) >= OTHER_STYLE_ROWS and len(spots) > OTHER_STYLE_SHARE * filled

    def _lines(self, spots: npt.NDArray[np.int64]) -> str:
        return _some([self.grid.lines[spot] for spot in spots])

    def rows(self, wanted: Sequence[str], dropped: tuple[str, ...]) -> RawRows:
        """The table, without the rows that have a fault: those are told with their line and reason."""
        lines = np.array(self.grid.lines, dtype=np.int64)
        of_row = lines[self.shape.first] if len(lines) else lines
        self._withhold()
        keep = np.ones(len(of_row), dtype=bool)
        keep[self._repeated()] = False
        keep[list(self.bad)] = False
        # A line that is no row would have made as many as any other, and waits for as many.
        apart = [*self.grid.unreadable.items()] * (len(self.shape.entries) or 1)
        apart += [(int(lines[place]), reason) for place, reason in self.shape.apart.items()]
        unreadable, more = _by_line([*apart, *self.bad.values()])
        kept = pa.array(keep)
        cells = pa.table({name: pa.array(self.cells[name], type=pa.string()).filter(kept) for name in wanted})
        return RawRows(cells, of_row[keep], unreadable, dropped, more)

    def _withhold(self) -> None:
        """Set aside all rows of a client of whom one cannot be read: it may be the one that withdraws consent."""
        if "consent" not in self.contract.names:
            return
        numbers = self.cells["agency_person"]
        people = {numbers[place] for place in self.bad} - {None}
        for place, number in enumerate(numbers):
            if number in people:
                self._set_aside(place, self.shape.first[place], WITH_UNREADABLE)

    def _repeated(self) -> list[int]:
        """Rows that say of a person what an earlier one says. Where rows differ nobody knows which is right: all wait.

        Only a client's rows stand beside each other: the contract lets one that withdraws consent end it (INT-9).
        """
        if not self.table.once_per:
            return []
        keys = [self.cells[name] for name in self.table.once_per if name in self.cells]
        # When a row was entered says nothing about the person.
        said = [cells for name, cells in self.cells.items() if name != "recorded_on"]
        first: dict[tuple[Any, ...], dict[tuple[Any, ...], int]] = {}
        again = []
        for place in range(len(self.shape.first)):
            if place not in self.bad:
                key, row = (tuple(cells[place] for cells in part) for part in (keys, said))
                if first.setdefault(key, {}).setdefault(row, place) != place:
                    again.append(place)
        for places in first.values():
            if len(places) > 1 and "consent" not in self.contract.names:
                for place in places.values():
                    self._set_aside(place, self.shape.first[place], OTHERWISE)
        return again


def _by_line(apart: Iterable[tuple[int, str]]) -> tuple[dict[int, str], tuple[tuple[int, str], ...]]:
    """The first reason of each line, and those of its further rows."""
    first: dict[int, str] = {}
    more = []
    for line, reason in sorted(apart):
        if line in first:
            more.append((line, reason))
        first.setdefault(line, reason)
    return first, tuple(more)


def _some(items: Sequence[Any]) -> str:
    shown = ", ".join(str(item) for item in items[:5])
    return f"{shown} and {len(items) - 5:,} more" if len(items) > 5 else shown
