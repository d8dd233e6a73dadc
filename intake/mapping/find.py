"""Where a file's header is, and how the file is written: found once by `desist map`, then stated in the mapping."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from desist.intake.mapping.apply import read_grid
from desist.intake.mapping.content import is_personal, pattern
from desist.intake.mapping.grid import Grid, name_of
from desist.intake.mapping.model import DELIMITERS, Format
from desist.intake.mapping.texts import MARKS, decoded, records
from desist.intake.mapping.words import recognised
from desist.intake.mapping.workbooks import Opened, Sheet, check_archive, opened, read_xlsx, top_rows
from desist.intake.terms.contracts import refused_class
from desist.records.errors import Problem
from desist.records.wording import counted

#: The header stands within these rows; titles above a table are shorter.
HEADER_WITHIN = 30
#: Rows that are looked at for proposals and counts.
LOOKED_AT = 200_000
#: A header has so many names that we know; otherwise its place must be stated, because a row of people's data is none.
NAMES_KNOWN = 2


@dataclass(frozen=True)
class Found:
    """One sheet or file: how it is written, its rows, and what a reader should know about it."""

    layout: Format
    grid: Grid
    notes: tuple[str, ...] = ()


def kind_of(content: bytes, name: str) -> str:
    """csv, xlsx or parquet, by what the file begins with."""
    if content.startswith(b"PAR1"):
        return "parquet"
    return (
        "xlsx" if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) or name.lower().endswith(".xlsx") else "csv"
    )


def find(
    content: bytes, name: str, *, sheet: str = "", header_row: int = 0, kind: str = "", encoding: str = ""
) -> tuple[list[Found], list[str]] | list[Problem]:
    """Every readable table of the file (a workbook has one a sheet), and notes on what was left alone.

    ``header_row`` and ``encoding``: as a person states them; without, they are found.
    """
    kind = kind or kind_of(content, name)
    if kind == "xlsx":
        return _in_workbook(content, name, sheet, header_row)
    if kind in ("parquet", "query"):
        grid = read_grid(content, Format(kind, "iso"), where=name, wanted=None, limit=LOOKED_AT)
        return grid if isinstance(grid, list) else ([Found(Format(kind, "iso"), grid)], [])
    return _in_csv(content, name, header_row, encoding or encoding_of(content))


def _in_csv(content: bytes, name: str, header_row: int, encoding: str) -> tuple[list[Found], list[str]] | list[Problem]:
    if not content.strip():
        return [Problem("an empty file", name, "a header row", "Ask the agency for the file again.")]
    text = decoded(content, encoding, name)
    if isinstance(text, Problem):
        return [text]
    delimiter = delimiter_of(text)
    top = [cells for _, cells in zip(range(HEADER_WITHIN), _cells(text, delimiter), strict=False)]
    row = header_row or _header_row(top)
    if not row:
        return [_no_header(name)]
    layout = Format("csv", "iso", encoding=encoding, delimiter=delimiter, header_row=row)
    grid = read_grid(content, layout, where=name, wanted=None, limit=LOOKED_AT)
    if isinstance(grid, list):
        return grid
    return [problem] if (problem := _no_names(grid, row, name)) else ([Found(layout, grid, _notes(grid))], [])


def _cells(text: str, delimiter: str) -> Any:
    # A blank line is a row of the file, so the number of the header's row counts it.
    return (cells if isinstance(cells, list) else [] for _, cells in records(text, delimiter))


def encoding_of(content: bytes) -> str:
    """By its mark, else UTF-8 where every byte is that, else what Windows writes."""
    if marked := next((encoding for mark, encoding in MARKS if content.startswith(mark)), ""):
        return marked
    for encoding in ("utf-8", "windows-1252"):
        try:
            content.decode(encoding)
            return encoding
        except UnicodeDecodeError:
            continue
    return "iso-8859-1"


def delimiter_of(text: str) -> str:
    """The sign that divides most lines into the same number of cells, more than one."""
    # A line that is longer than a cell may be holds one, and is told as that where it is read.
    lines = [line for line in text.split("\n", 60)[:60] if line.strip() and len(line) <= csv.field_size_limit()]

    def even(sign: str) -> tuple[int, int]:
        widths = [len(next(csv.reader([line], delimiter=sign), [])) for line in lines]
        most = max(set(widths), key=lambda width: (widths.count(width), width), default=0)
        return (widths.count(most) if most > 1 else 0, most)

    return max(DELIMITERS, key=even)


def _header_row(rows: Sequence[Sequence[Any]]) -> int:
    """The row, from 1, with most names that we know; 0 where none has enough."""
    known = [sum(recognised(name_of(cell)) for cell in cells if isinstance(cell, str)) for cells in rows]
    best = max(known, default=0)
    return known.index(best) + 1 if best >= NAMES_KNOWN else 0


def _no_header(where: str) -> Problem:
    return Problem("no row that looks like a header", where, f"column names in one of the first {HEADER_WITHIN} rows",
                   "Ask the agency for the file with its column names: without them it cannot be mapped.")  # fmt: skip


def _no_names(grid: Grid, row: int, where: str) -> Problem | None:
    """Why a row is no header, whoever says it is one: its cells would be shown and written as names of columns.

    Told by their forms alone. A cell with a digit that has the form of most cells below it is one of them.
    """
    forms = [pattern(name) for name in grid.header if name and _is_data(name, grid.columns.get(name, []))]
    if forms:
        what = f"a row that looks like data ({', '.join(list(dict.fromkeys(forms))[:5])})"
    elif sum(map(recognised, grid.header)) < NAMES_KNOWN:
        what = f"a row with fewer than {NAMES_KNOWN} names that we know of columns"
    else:
        return None
    return Problem(what, f"{where}, row {row}", "the names of the columns",
                   "Name the header's row with --header-row; if it has none, ask the agency for it.")  # fmt: skip


def _is_data(name: str, below: Sequence[Any]) -> bool:
    if is_personal(name):
        return True
    forms = [pattern(value) for value in below[:HEADER_WITHIN] if value is not None]
    # A section of an assessment may be called 1, and its score may be 3.
    return len(name) > 2 and any(map(str.isdigit, name)) and 2 * forms.count(pattern(name)) > len(forms)


def _in_workbook(
    content: bytes, name: str, sheet: str, header_row: int
) -> tuple[list[Found], list[str]] | list[Problem]:
    if problem := check_archive(content, name):
        return [problem]
    try:
        with opened(content) as within:
            return _in_sheets(within, name, sheet, header_row)
    except (KeyError, ValueError, TypeError, SyntaxError) as error:
        return [Problem(f"a workbook that cannot be read ({type(error).__name__})", name, "a whole .xlsx",
                        "Ask the agency to save it anew from Excel, or to send CSV.")]  # fmt: skip


def _in_sheets(within: Opened, name: str, sheet: str, header_row: int) -> tuple[list[Found], list[str]] | list[Problem]:
    notes, found, problems = [], [], list[Problem]()
    there = ", ".join(one.name for one in within.sheets if not refused_class(one.name))
    if sheet and sheet not in {one.name for one in within.sheets}:
        return [Problem(f"no sheet {sheet[:60]!r}", name, "a sheet of the workbook",
                        f"Its sheets: {there}.")]  # fmt: skip
    for one in within.sheets:
        if kind := refused_class(one.name):
            notes.append(f"A sheet of {kind} was not looked at: no data of this class is ever accepted.")
        elif sheet and one.name != sheet:
            continue
        elif one.hidden and not sheet:
            notes.append(f"The sheet {one.name!r} is hidden and was not read. Ask whether it was meant to be sent.")
        else:
            read = _one_sheet(within, name, one, header_row)
            if isinstance(read, list):
                problems += read
                continue
            if one.hidden_rows:
                hidden = counted(one.hidden_rows, "of its rows is", "of its rows are")
                read = replace(read, notes=(*read.notes, f"{hidden} hidden; all are read."))
            found.append(read)
    if found:
        return found, [*notes, *(str(problem) for problem in problems)]
    return problems or [Problem("no sheet that can be read", name, "a visible sheet with a header", " ".join(notes))]


def _one_sheet(within: Opened, where: str, one: Sheet, header_row: int) -> Found | list[Problem]:
    sheet = one.name
    layout = Format("xlsx", "serial", sheet=sheet, hidden_sheet=one.hidden)
    # Looked at with a name for every column, so that titles above the table are rows too.
    row = header_row
    if not row:
        top = top_rows(within, sheet, HEADER_WITHIN)
        row = _header_row(top)
        if not row:
            return [_no_header(f"{where} [{sheet}]")]
    # Two rows of names: merged cells above the names, or names below merged cells.
    tries = [(row, 1), (row, 2), *([(row - 1, 2)] if row > 1 else [])]
    chosen, single = tries[0], _look(within, where, replace(layout, header_row=row))
    notes: tuple[str, ...] = ()
    for first, rows in tries[1:]:
        double = _look(within, where, replace(layout, header_row=first, header_rows=rows))
        if isinstance(double, Grid) and _is_second_header(single, double):
            chosen, notes = (first, rows), ("Its header has two rows: both make a name, such as 'Offence / Date'.",)
            break
    layout = replace(layout, header_row=chosen[0], header_rows=chosen[1])
    grid = _look(within, where, layout, LOOKED_AT)
    if isinstance(grid, list):
        return grid
    problem = _no_names(grid, chosen[0], f"{where} [{sheet}]")
    return [problem] if problem else Found(layout, grid, (*notes, *_notes(grid)))


def _look(within: Opened, where: str, layout: Format, limit: int = HEADER_WITHIN) -> Grid | list[Problem]:
    return read_xlsx(b"", layout, where=where, wanted=None, limit=limit, within=within)


def _is_second_header(single: Grid | list[Problem], double: Grid) -> bool:
    """Two rows are a header where merged cells stand in the first, and names that we know come of both."""
    joined = sum(" / " in name for name in double.header)
    if isinstance(single, list):
        return joined > 0 and sum(map(recognised, double.header)) >= NAMES_KNOWN
    repeated = [
        sum(name.endswith(")") and name[-4:-1].startswith(" (") for name in one.header) for one in (single, double)
    ]
    known = [sum(map(recognised, one.header)) for one in (single, double)]
    return joined >= 2 and (known[1] > known[0] or (known[1] == known[0] and repeated[1] < repeated[0]))


def _notes(grid: Grid) -> tuple[str, ...]:
    notes = []
    if grid.unnamed:
        notes.append(
            f"{counted(grid.unnamed, 'column has', 'columns have')} no name in the header and cannot be mapped."
        )
    if twice := [name for name in grid.header if name.endswith(" (2)")]:
        notes.append(f"Names that come twice; the later one is called {', '.join(twice)}.")
    if grid.unreadable:
        lines = counted(len(grid.unreadable), "line is no row", "lines are no rows")
        notes.append(f"{lines} (first: line {min(grid.unreadable)}).")
    if grid.merged:
        notes.append(f'Merged cells below the header in {", ".join(grid.merged)}: state merged = "fill" if they count.')
    return tuple(notes)
