"""Rows of one CSV file as text, each with its line number; a line that cannot be a row is kept apart, never lost.

One line is one row: the contracts have no cell with a line break, so an unclosed quotation mark can
spoil its own line only.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from desist.intake.terms.contracts import LONGEST_CELL
from desist.records.errors import Problem

RAGGED = "has another number of cells than the header"
TOO_LONG = f"has a cell longer than {LONGEST_CELL} characters"
#: One block holds the longest line: larger than any file of a partnership, below Arrow's limit.
_BLOCK = 2**31 - 1
UNCLOSED = "has a quotation mark that does not close"


@dataclass(frozen=True)
class RawRows:
    """``cells``: wanted columns as text, empty = null. ``lines``: each row's line in the file (the header is line 1).

    ``unreadable``: lines that are no rows, with why; ``more``: the same of each further row that a line stands for,
    where a mapping makes several of one. ``dropped``: columns of the file that were not read.
    """

    cells: pa.Table
    lines: npt.NDArray[np.int64]
    unreadable: dict[int, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    more: tuple[tuple[int, str], ...] = ()

    @property
    def set_aside(self) -> list[tuple[int, str]]:
        """Line and reason of every row that could not be read."""
        return [*self.unreadable.items(), *self.more]

    @property
    def rows_read(self) -> int:
        return len(self.lines) + len(self.set_aside)


def read_rows(content: bytes, *, encoding: str, wanted: Sequence[str], where: str) -> RawRows | list[Problem]:
    """The rows of ``content``, or what is wrong with the file as a whole. Blank lines are no rows."""
    text = _to_utf8(content, encoding, where)
    if isinstance(text, Problem):
        return [text]
    head, _, body = text.partition(b"\n")
    header = _header(head)
    problems = header_faults(header, wanted, where)
    if problems:
        return problems
    unreadable: dict[int, str] = {}
    numbers, plain, quoted = _sort_lines(body)
    rows, kept = _plain_rows(numbers, plain, header, wanted, unreadable)
    more, kept_too = _quoted_rows(quoted, header, wanted, unreadable)
    cells, where_in_file = pa.concat_tables([rows, more]).combine_chunks(), np.concatenate([kept, kept_too])
    if len(more):
        order = np.argsort(where_in_file, kind="stable")
        cells, where_in_file = cells.take(order), where_in_file[order]
    dropped = tuple(name for name in header if name not in wanted)
    return RawRows(cells, where_in_file, unreadable, dropped)


def _to_utf8(content: bytes, encoding: str, where: str) -> bytes | Problem:
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = (
            'If the file comes from Excel on Windows, state encoding = "windows-1252" in delivery.toml; '
            "otherwise send it as UTF-8."
            if encoding == "utf-8"
            else "State the encoding the file really has, or send it as UTF-8."
        )
        return Problem(f"a byte that is not {encoding} (byte {error.start + 1}, line {line})", where,
                       f"text in {encoding}", hint)  # fmt: skip
    if encoding == "utf-8" and "\r" not in text and not content.startswith(b"\xef\xbb\xbf"):
        return content
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")


def _header(line: bytes) -> list[str]:
    try:
        cells = next(csv.reader([line.decode("utf-8")], strict=True), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in cells]


def header_faults(header: list[str], wanted: Sequence[str], where: str) -> list[Problem]:
    if not any(header):
        return [
            Problem("an empty file", where, "a header line, even where there are no rows", "Send it with its header.")
        ]
    problems = []
    if len(set(header)) < len(header):
        # Only known names are echoed: a file without its header has people's data in the first line.
        repeated = sorted({name for name in header if header.count(name) > 1 and name in wanted})
        problems.append(
            Problem(f"the column {', '.join(repeated) or 'of an unknown name'} twice", where, "each column once",
                    "Remove or rename the second.")
        )  # fmt: skip
    if missing := [name for name in wanted if name not in header]:
        problems.append(
            Problem(f"no column {', '.join(missing)}", where, "every column that its agreement names",
                    "Add the column (empty cells are allowed where a value may be missing), or map its name.")
        )  # fmt: skip
    return problems


def _sort_lines(body: bytes) -> tuple[npt.NDArray[np.int64] | None, bytes, list[tuple[int, bytes]]]:
    """Line numbers of the plain lines (None: all lines in order), the plain lines, lines with quotation marks.

    A file without quotation marks and blank lines, the usual case, is not copied.
    """
    blank = body.startswith(b"\n") or b"\n\n" in body
    if b'"' not in body and not blank:
        return None, body, []
    plain: list[bytes] = []
    numbers: list[int] = []
    quoted: list[tuple[int, bytes]] = []
    for number, line in enumerate(body.split(b"\n"), start=2):
        if b'"' in line:
            quoted.append((number, line))
        elif line.strip():
            plain.append(line)
            numbers.append(number)
    return np.array(numbers, dtype=np.int64), b"\n".join(plain), quoted


def _plain_rows(
    numbers: npt.NDArray[np.int64] | None,
    body: bytes,
    header: list[str],
    wanted: Sequence[str],
    unreadable: dict[int, str],
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    if not body.strip():
        return _empty(wanted), np.zeros(0, dtype=np.int64)
    ragged: list[int] = []

    def keep_apart(row: pacsv.InvalidRow) -> str:
        ragged.append(row.number)
        return "skip"

    # Only the agreed columns are converted: the others never become values.
    table = pacsv.read_csv(
        pa.BufferReader(body),
        read_options=pacsv.ReadOptions(column_names=header, use_threads=False, block_size=min(len(body) + 1, _BLOCK)),
        parse_options=pacsv.ParseOptions(quote_char=False, invalid_row_handler=keep_apart, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types={name: pa.string() for name in header},
            include_columns=list(wanted),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    kept = np.ones(len(table) + len(ragged), dtype=bool)
    kept[np.array(ragged, dtype=np.int64) - 1] = False
    lines = np.arange(2, len(kept) + 2, dtype=np.int64) if numbers is None else numbers
    unreadable.update(dict.fromkeys(lines[~kept].tolist(), RAGGED))
    return table.select(list(wanted)), lines[kept]


def _quoted_rows(
    quoted: list[tuple[int, bytes]],
    header: list[str],
    wanted: Sequence[str],
    unreadable: dict[int, str],
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Lines with quotation marks, parsed one by one, so that one that does not close cannot swallow the next."""
    places = [header.index(name) for name in wanted]
    columns: list[list[str | None]] = [[] for _ in wanted]
    lines = []
    for number, line in quoted:
        try:
            cells = next(csv.reader([line.decode("utf-8")], strict=True))
        except csv.Error:
            unreadable[number] = TOO_LONG if len(line) > csv.field_size_limit() else UNCLOSED
            continue
        if len(cells) != len(header):
            unreadable[number] = RAGGED
            continue
        lines.append(number)
        for column, place in zip(columns, places, strict=True):
            column.append(cells[place] or None)
    arrays = [pa.array(column, type=pa.string()) for column in columns]
    return pa.table(arrays, names=list(wanted)), np.array(lines, dtype=np.int64)


def _empty(wanted: Sequence[str]) -> pa.Table:
    return pa.table([pa.array([], type=pa.string())] * len(wanted), names=list(wanted))
