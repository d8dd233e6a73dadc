"""CSV as agencies send it: records of cells under a stated encoding and delimiter; nothing is guessed here."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from desist.intake.mapping.grid import Formula, Grid, lay_out
from desist.intake.mapping.model import Format
from desist.intake.rows.csv_rows import TOO_LONG, UNCLOSED
from desist.records.errors import Problem

#: A cell in quotation marks may hold line breaks; more lines than this are a mark that was never closed.
LINES_OF_A_ROW = 20
#: Bytes that a text in none of our encodings begins with, and what it is.
MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8"))
_KEPT_AS_TEXT = re.compile(r'="([^"]*)"')


def decoded(content: bytes, encoding: str, where: str) -> str | Problem:
    """The text, without a byte order mark and with one kind of line end; or why it is none in ``encoding``."""
    marked = next((name for mark, name in MARKS if content.startswith(mark)), "")
    if marked and marked != encoding:
        return Problem(f"text in {marked}", where, f"text in {encoding}, as the mapping says",
                       f'State encoding = "{marked}" in the mapping.')  # fmt: skip
    name = {"utf-8": "utf-8-sig"}.get(encoding, encoding)
    try:
        text = content.decode(name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem(f"a byte that is not {encoding} (byte {error.start + 1}, line {line})", where,
                       f"text in {encoding}, as the mapping says",
                       "State the encoding the file really has; Excel on Windows writes windows-1252.")  # fmt: skip
    if "\x00" in text[:1000]:
        return Problem("bytes of no text", where, f"text in {encoding}",
                       "Text of two bytes a letter without a mark is utf-16-le: state the encoding.")  # fmt: skip
    return text.replace("\r\n", "\n").replace("\r", "\n")


def records(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(line, cells) of each record, or (line, why it is none). An unclosed quotation mark spoils its own line only.

    Lines become one record only where a cell in quotation marks goes on in the next, the whole has as many
    cells as the widest line before it, and no line that is a whole record by itself is swallowed.
    """
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    at, widest = 0, 0
    while at < len(lines):
        last = at
        if lines[at].count('"') % 2:
            ends = range(at + 1, min(at + LINES_OF_A_ROW, len(lines)))
            last = next((end for end in ends if lines[end].count('"') % 2), -1)
        cells = UNCLOSED if last < 0 else _parsed(lines[at : last + 1], delimiter)
        if last > at and (
            isinstance(cells, str) or len(cells) < widest or _swallows(lines, at, last, delimiter, widest)
        ):
            cells = UNCLOSED
        if isinstance(cells, str):
            last = at
        else:
            widest = max(widest, len(cells))
        yield at + 1, cells
        at = last + 1


def _swallows(lines: Sequence[str], first: int, last: int, delimiter: str, width: int) -> bool:
    """Whether a line between two quotation marks has as many cells as a record, or both lines of the marks have."""
    full = [width > 1 and lines[at].count(delimiter) + 1 >= width for at in range(first, last + 1)]
    return any(full[1:-1]) or (full[0] and full[-1])


def _parsed(lines: Sequence[str], delimiter: str) -> list[str] | str:
    try:
        return [_cell(cell) for cell in next(csv.reader(["\n".join(lines)], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return TOO_LONG if any(len(line) > csv.field_size_limit() for line in lines) else UNCLOSED


def _cell(cell: str) -> str:
    """What a system wrote so that Excel keeps its zeros is text; any other = begins a formula."""
    if cell.startswith("="):
        kept = _KEPT_AS_TEXT.fullmatch(cell)
        return kept[1] if kept else Formula("a CSV cell")
    return cell


def read_csv(
    content: bytes, layout: Format, *, where: str, wanted: frozenset[str] | None, limit: int | None = None
) -> Grid | list[Problem]:
    """The rows of a CSV file under its header."""
    text = decoded(content, layout.encoding, where)
    if isinstance(text, Problem):
        return [text]
    grid = lay_out(records(text, layout.delimiter), layout, where=where, wanted=wanted, even=True, limit=limit)
    if (
        isinstance(grid, Grid)
        and len(grid.header) == 1
        and (other := other_delimiter(grid.header[0], layout.delimiter))
    ):
        stated = {"\t": "tab"}.get(layout.delimiter, layout.delimiter)
        return [
            Problem(f"one column only, with {other!r} in its name", where, f"cells divided by {stated!r}, as stated",
                    f"State delimiter = {other!r} in the mapping, or send the file as before.")
        ]  # fmt: skip
    return grid


def other_delimiter(header: str, stated: str) -> str:
    """The sign that seems to divide a header which the stated one does not; empty where none does."""
    return "" if stated in header else next((sign for sign in ("\t", ";", "|", ",") if sign in header), "")
