"""Excel workbooks (.xlsx), opened without trusting their size, their parts or what Excel would have made of them."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from desist.intake.mapping.grid import Area, CellError, Formula, Grid, lay_out, letters
from desist.intake.mapping.model import Format
from desist.intake.terms.contracts import refused_class
from desist.records.errors import Problem

#: Largest sum of the parts once inflated: above every full sheet that Excel can hold, below what a laptop can.
LARGEST = 2**30
#: A workbook of repeated values shrinks to a fortieth; what shrinks further, and is large, is made to harm.
MOST_SHRUNK, SHRUNK_FROM = 200, 20 * 2**20
MOST_PARTS = 5000
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CHUNK = 2**20
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
_HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\s[^>]*?hidden="(?:1|true)"')


@dataclass(frozen=True)
class Sheet:
    """One sheet: whether it is hidden, its merged cells, and how many of its rows are hidden by a filter or by hand."""

    name: str
    hidden: bool
    merged: tuple[Area, ...]
    hidden_rows: int


def check_archive(content: bytes, where: str) -> Problem | None:
    """What is wrong with the file before anything is taken out of it: not a workbook, locked, damaged or a bomb."""
    if content.startswith(_OLD_OFFICE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            return Problem("a workbook that needs a password", where, "a workbook without one",
                           "Ask for it without a password, over a secure channel.")  # fmt: skip
        return Problem(
            "a workbook of Excel 97-2003 (.xls)", where, "a workbook as .xlsx", "Ask for it as .xlsx or CSV."
        )
    damaged = Problem("a damaged workbook, or a file that is none", where, "a whole .xlsx",
                      "Fetch the file again, or ask the agency to send it anew.")  # fmt: skip
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if bomb := _bomb(parts, len(content), where):
                return bomb
            names = {part.filename for part in parts}
            if "xl/workbook.bin" in names:
                return Problem("a binary workbook (.xlsb)", where, "a workbook as .xlsx", "Ask for it as .xlsx or CSV.")
            if any(name.endswith("vbaProject.bin") for name in names):
                return Problem("a workbook with macros", where, "a workbook as .xlsx", "Ask for it without macros.")
            if "[Content_Types].xml" not in names:
                return damaged
            for part in parts:
                for chunk in _chunks(archive, part):
                    if b"<!DOCTYPE" in chunk or b"<!ENTITY" in chunk:
                        return damaged
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        return damaged
    except Exception as error:  # zlib has its own
        if type(error).__module__ == "zlib":
            return damaged
        raise
    return None


def _bomb(parts: list[zipfile.ZipInfo], size: int, where: str) -> Problem | None:
    """By the sizes that the archive states; while it is read no part yields more than it states."""
    whole = sum(part.file_size for part in parts)
    if whole <= LARGEST and len(parts) <= MOST_PARTS and not (whole > SHRUNK_FROM and whole > MOST_SHRUNK * size):
        return None
    return Problem(
        f"a workbook of {size:,} bytes that becomes {whole:,} in {len(parts):,} parts", where,
        f"at most {LARGEST:,} bytes, and at most {MOST_SHRUNK} times the file's own size",
        "It was not opened. Ask the agency what it is; a table so large comes as CSV or Parquet.",
    )  # fmt: skip


def _chunks(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The part in pieces that overlap, so that no tag is cut in two unseen; raises where it is not what it states."""
    tail = b""
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            yield tail + chunk
            tail = chunk[-400:]


@dataclass(frozen=True)
class Opened:
    """A workbook while it is open, and its sheets in its own order."""

    book: Any
    sheets: tuple[Sheet, ...]


@contextmanager
def opened(content: bytes) -> Iterator[Opened]:
    """The workbook, of a file that check_archive let pass. Opening goes through every sheet, so it is done once."""
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sheets = tuple(_sheet(archive, page) for page in book.worksheets)
        yield Opened(book, sheets)
    finally:
        book.close()


def top_rows(within: Opened, sheet: str, rows: int) -> list[list[Any]]:
    """The first rows of a sheet, titles and all."""
    page = within.book[sheet]
    page.reset_dimensions()
    return [[cell.value for cell in row] for _, row in zip(range(rows), page.iter_rows(), strict=False)]


def _sheet(archive: zipfile.ZipFile, page: Any) -> Sheet:
    merged: dict[Area, None] = {}
    hidden_rows: set[bytes] = set()
    for chunk in _chunks(archive, archive.getinfo(page._worksheet_path.lstrip("/"))):
        for first, top, last, bottom in _MERGED.findall(chunk):
            merged[Area(int(top), _number(first), int(bottom), _number(last))] = None
        hidden_rows |= {found.group() for found in _HIDDEN_ROW.finditer(chunk)}
    return Sheet(page.title, page.sheet_state != "visible", tuple(merged), len(hidden_rows))


def _number(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number


def read_xlsx(
    content: bytes,
    layout: Format,
    *,
    where: str,
    wanted: frozenset[str] | None,
    limit: int | None = None,
    within: Opened | None = None,
) -> Grid | list[Problem]:
    """The rows of one sheet under its header. A hidden sheet is read only where the mapping says hidden_sheet.

    ``within``: the same bytes, checked and open; without it both are done first.
    """
    if within is None and (problem := check_archive(content, where)):
        return [problem]
    try:
        with nullcontext(within) if within else opened(content) as whole:
            return _read_sheet(whole, layout, where=where, wanted=wanted, limit=limit)
    except (KeyError, ValueError, TypeError, SyntaxError, AttributeError, zipfile.BadZipFile) as error:
        return [
            Problem(f"a workbook that cannot be read ({type(error).__name__})", where, "a whole .xlsx",
                    "Ask the agency to save it anew from Excel, or to send CSV.")
        ]  # fmt: skip


def _read_sheet(
    whole: Opened, layout: Format, *, where: str, wanted: frozenset[str] | None, limit: int | None
) -> Grid | list[Problem]:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    sheet = _chosen({sheet.name: sheet for sheet in whole.sheets}, layout, where)
    if isinstance(sheet, Problem):
        return [sheet]
    page = whole.book[sheet.name]
    page.reset_dimensions()  # what a file says of its own size is often wrong
    grid = lay_out(_rows(page), layout, where=f"{where} [{sheet.name}]", wanted=wanted, merged=sheet.merged,
                   limit=limit)  # fmt: skip
    if isinstance(grid, Grid):
        grid.date_1904 = whole.book.epoch == CALENDAR_MAC_1904
    return grid


def _chosen(found: dict[str, Sheet], layout: Format, where: str) -> Sheet | Problem:
    shown = [name for name, sheet in found.items() if not sheet.hidden and not refused_class(name)]
    if layout.sheet not in found:
        return Problem(f"no sheet {layout.sheet[:60]!r}", where, "the sheet that the mapping names",
                       f"The visible sheets are: {', '.join(shown) or 'none'}. State one as `sheet`.")  # fmt: skip
    if kind := refused_class(layout.sheet):
        return Problem(f"a sheet of {kind}", where, "no data of this class, ever (REQUIREMENTS INT-10)",
                       "Take it out of the mapping, and delete the file.")  # fmt: skip
    if found[layout.sheet].hidden and not layout.hidden_sheet:
        return Problem(f"the hidden sheet {layout.sheet!r}", where, "a sheet that its sender can see",
                       "Ask whether they meant to send it; then state hidden_sheet = true in the mapping.")  # fmt: skip
    return found[layout.sheet]


def _rows(page: Any) -> Iterator[tuple[int, list[Any]]]:
    for line, cells in enumerate(page.iter_rows(), start=1):
        yield line, [_value(cell, line, place) for place, cell in enumerate(cells, start=1)]


def _value(cell: Any, line: int, place: int) -> Any:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "f":
        return Formula(f"{letters(place)}{line}")
    if cell.data_type == "e":
        return CellError(value)
    if isinstance(value, dt.datetime):
        return value.date() if value.time() == dt.time() else value
    return str(value) if isinstance(value, dt.time | dt.timedelta) else value
