"""A profile table from a CSV or Parquet file: the columns a spec reads, as text, number, yes/no or date.

Nothing is guessed from the first rows: a CSV column is a number only if every value in it is one. Messages hold column
names, row numbers and counts, never a cell.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from desist.pipelines.evaluate.expressions import DATE, NUMBER, TEXT, YES_NO, Value
from desist.pipelines.evaluate.sections import nearest
from desist.pipelines.evaluate.sniff import tells_date
from desist.pipelines.evaluate.spec import Table
from desist.records.errors import Problem, UserError

STR = pd.StringDtype(na_value=np.nan)
ENDINGS = (".csv", ".csv.gz", ".parquet")


def unreadable(found: str, where: str, expected: str, remedy: str) -> UserError:
    return UserError("The data cannot be read.", [Problem(found, where, expected, remedy)])


def find_file(folder: Path, name: str) -> Path:
    """The path of the file in the data folder. Raises UserError naming what is there instead."""
    path = folder / name
    if path.is_file():
        if not name.lower().endswith(ENDINGS):
            raise unreadable(
                f"a file {path.name}",
                str(folder),
                f"a name that ends in {', '.join(ENDINGS)}",
                "Save the table as CSV (UTF-8) or Parquet.",
            )
        return path
    if not folder.is_dir():
        raise unreadable("no such folder", str(folder), "the folder that holds the data", "Check what follows --data.")
    files = [other.name for other in folder.iterdir() if other.is_file() and other.name.lower().endswith(ENDINGS)]
    raise unreadable(f"no file {name!r}", str(folder), "the file that the spec names", nearest(name, files))


def header_of(path: Path, table: Table) -> tuple[str, ...]:
    """The column names exactly as they stand, trailing blanks included."""
    if path.suffix == ".parquet":
        try:
            return tuple(pq.read_schema(path).names)
        except (pa.ArrowInvalid, OSError):
            raise unreadable("a file that is not Parquet", path.name, "a Parquet file", "Write it again.") from None
    try:
        with _opened(path) as file:
            start = file.read(4)
        if start[:4] == b"PK\x03\x04" or start[:4] == b"\xd0\xcf\x11\xe0":
            raise unreadable("a spreadsheet or an archive", path.name, "a CSV file", "Save the sheet as CSV (UTF-8).")
        with _opened(path) as file:
            first = file.readline(1_000_000)
        text = first.decode("utf-8-sig" if table.encoding == "utf-8" else table.encoding)
    except (gzip.BadGzipFile, EOFError):
        raise unreadable("a file that is not whole gzip", path.name, "a .csv.gz file", "Copy it again.") from None
    except UnicodeDecodeError:
        raise _wrong_encoding(path, table) from None
    if not text.strip():
        raise unreadable("an empty file", path.name, "a header and rows", "Export the table again.")
    names = next(csv.reader([text.rstrip("\r\n")], delimiter=table.delimiter))
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|,"):
        raise unreadable(
            "a single column name with separators in it",
            path.name,
            f"columns separated by {table.delimiter!r}",
            'Set delimiter = ";" (or the sign used) in [table].',
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise unreadable(f"the column names {twice} twice", path.name, "each name once", "Rename or drop one of each.")
    return tuple(names)


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def _wrong_encoding(path: Path, table: Table) -> UserError:
    """Names the line and byte where the text stops being what the spec says it is."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(table.encoding)
            except UnicodeDecodeError as error:
                found = f"a byte that is not {table.encoding} at line {number}, byte {error.start + 1}"
                return unreadable(
                    found,
                    path.name,
                    f"text in {table.encoding}",
                    'Save the file as UTF-8, or set encoding = "cp1252" or "latin-1" in [table].',
                )
    return unreadable(f"text that is not {table.encoding}", path.name, "one encoding", "Save it again as UTF-8.")


def read_columns(path: Path, table: Table, names: Sequence[str], as_text: Iterable[str]) -> dict[str, Value]:
    """The named columns with their kinds; those in ``as_text`` (keys) stay text, so that 007 is not 7."""
    raw = _read_parquet(path, names) if path.suffix == ".parquet" else _read_csv(path, table, names)
    if raw.num_rows == 0:
        raise unreadable("a header without rows", path.name, "one row a person", "Export the table again.")
    keep = set(as_text)
    typed = {name: _typed(raw.column(name), name in keep) for name in names}
    return {name: replace(value, calendar=tells_date(value.kind, value.data)) for name, value in typed.items()}


def _read_parquet(path: Path, names: Sequence[str]) -> pa.Table:
    try:
        return pq.read_table(path, columns=list(names))
    except (pa.ArrowInvalid, OSError):
        raise unreadable("a file that is not whole Parquet", path.name, "a Parquet file", "Write it again.") from None


def _read_csv(path: Path, table: Table, names: Sequence[str]) -> pa.Table:
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=list(names),
        null_values=list(table.missing),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    parse = {"delimiter": table.delimiter, "newlines_in_values": True}
    try:
        return pacsv.read_csv(path, pacsv.ReadOptions(encoding=table.encoding), pacsv.ParseOptions(**parse), convert)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if "UTF8" in str(error) or isinstance(error, UnicodeDecodeError):
            raise _wrong_encoding(path, table) from None
        raise _broken_rows(path, table, parse, convert, str(error)) from None
    except (OSError, EOFError):
        raise unreadable("a file that is not whole", path.name, "a .csv or .csv.gz file", "Copy it again.") from None


def _broken_rows(
    path: Path, table: Table, parse: dict[str, Any], convert: pacsv.ConvertOptions, told: str
) -> UserError:
    """The rows with too many or too few cells, by number; never their content."""
    broken: list[tuple[int, int, int]] = []

    def note(row: Any) -> str:
        broken.append((row.number or 0, row.expected_columns, row.actual_columns))
        return "skip"

    read = pacsv.ReadOptions(encoding=table.encoding, use_threads=False)
    try:
        pacsv.read_csv(path, read, pacsv.ParseOptions(**parse, invalid_row_handler=note), convert)
    except pa.ArrowInvalid as error:
        told = str(error)
    if broken:
        row, expected, got = broken[0]
        return unreadable(
            f"{len(broken)} rows with the wrong number of cells, the first at row {row} ({got} cells)",
            path.name,
            f"{expected} cells in each row",
            "Put texts that hold the separator in quotes, or export again.",
        )
    what = re.sub(r"[^A-Za-z ]+", " ", told.split(":")[0]).strip()
    return unreadable(f"something that is not CSV ({what})", path.name, "a CSV file", "Export the table again.")


def _typed(column: pa.ChunkedArray, as_text: bool) -> Value:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _from_text(column, as_text)
    if as_text:
        return Value(TEXT, column.cast(pa.string()).to_pandas().astype(STR))
    if pa.types.is_boolean(kind):
        return Value(YES_NO, column.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get))
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        return Value(DATE, pd.to_datetime(column.cast(pa.timestamp("us")).to_pandas()), True)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return Value(NUMBER, _finite(column.cast(pa.float64()).to_pandas().astype(float)))
    return _from_text(column.cast(pa.string()), as_text)


def _from_text(column: pa.ChunkedArray, as_text: bool) -> Value:
    trimmed = pc.utf8_trim_whitespace(column)
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)  # blanks alone are missing
    if not as_text:
        try:
            return Value(NUMBER, _finite(trimmed.cast(pa.float64()).to_pandas().astype(float)))
        except pa.ArrowInvalid:
            pass
    return Value(TEXT, trimmed.to_pandas().astype(STR))


def _finite(numbers: pd.Series[Any]) -> pd.Series[Any]:
    """Infinite values are no measurements: missing."""
    return numbers.where(np.isfinite(numbers))


def levels_as_text(value: Value, labels: Mapping[str, str]) -> pd.Series[Any]:
    """The column as labels: whole numbers without a point, yes/no as words, unclean labels put right.

    Works on the different values, so that two million rows of a few levels cost little.
    """
    codes, levels = pd.factorize(value.series)
    names = [_as_text(level, value.kind) for level in levels]
    texts = np.array([*(labels.get(name, name) for name in names), None], dtype=object)
    return pd.Series(texts[codes], index=value.series.index, dtype=STR)


def _as_text(level: Any, kind: str) -> str:
    if kind == NUMBER:
        return f"{level:g}" if abs(level) < 1e6 else f"{level:.0f}"
    if kind == YES_NO:
        return "yes" if level else "no"
    return f"{level:%Y-%m-%d}" if kind == DATE else str(level)
