"""Parquet files, and what a database query answered: typed columns under their names."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from desist.intake.mapping.grid import Grid, clean, name_of
from desist.records.errors import Problem


def opened(content: bytes, where: str) -> pq.ParquetFile | Problem:
    """The Parquet file, or that it is none or was cut off."""
    try:
        return pq.ParquetFile(pa.BufferReader(content))
    except (pa.ArrowException, OSError):
        what = "a Parquet file that was cut off or damaged" if content[:4] == b"PAR1" else "no Parquet file"
        return Problem(what, where, "a whole Parquet file", "Fetch the file again, or ask the agency to send it anew.")


def _read(content: bytes, where: str, wanted: Sequence[str] | None) -> tuple[list[str], pa.Table] | Problem:
    """All column names, and the table of the wanted columns: no other is decoded."""
    file = opened(content, where)
    if isinstance(file, Problem):
        return file
    names = list(file.schema_arrow.names)
    known = Counter(map(name_of, names))
    if repeated := sorted(name for name, times in known.items() if times > 1):
        return Problem(f"the column {', '.join(repeated)[:80]} twice", where, "each column once", "Rename the second.")
    types = {name: file.schema_arrow.field(name).type for name in names if wanted is None or name in wanted}
    nested = [name for name, kind in types.items() if pa.types.is_nested(kind)]
    if nested:
        return Problem(f"a table within a cell ({', '.join(nested)[:80]})", where, "one value a cell",
                       "Ask for the file with plain columns.")  # fmt: skip
    # Only looked at, bytes are empty cells; read, they would be lost without a word.
    if wanted is not None and (raw := [name for name, kind in types.items() if _is_bytes(kind)]):
        return Problem(f"bytes instead of text ({', '.join(raw)[:80]})", where, "text, numbers or dates",
                       "Ask for the column as text (in Parquet: STRING, UTF8).")  # fmt: skip
    try:
        return names, file.read(columns=[name for name in names if wanted is None or name in wanted], use_threads=False)
    except (pa.ArrowException, OSError):
        return Problem("a Parquet file that is damaged", where, "a whole Parquet file", "Fetch the file again.")


def read_columns(
    content: bytes, *, where: str, wanted: frozenset[str] | None, limit: int | None = None
) -> Grid | list[Problem]:
    """The rows of a Parquet file; the first row is line 1."""
    keep = None if wanted is None else sorted(wanted)
    # A mapping knows a name without double spaces; the file is asked for it as it stands there.
    file = opened(content, where)
    if isinstance(file, Problem):
        return [file]
    real = {name_of(name): name for name in file.schema_arrow.names}
    found = _read(content, where, None if keep is None else [real[name] for name in keep if name in real])
    if isinstance(found, Problem):
        return [found]
    names, table = found
    if limit:
        table = table.slice(0, limit)
    columns = {name_of(name): [_value(cell) for cell in table[name].to_pylist()] for name in table.column_names}
    return Grid(tuple(map(name_of, names)), columns, list(range(1, len(table) + 1)))


def _is_bytes(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_binary(inner) or pa.types.is_large_binary(inner) or pa.types.is_fixed_size_binary(inner)
        or pa.types.is_binary_view(inner)
    )  # fmt: skip


def _value(cell: Any) -> Any:
    if isinstance(cell, dt.datetime):
        # In what zone its day is meant is told where it is made a date.
        return cell if cell.tzinfo else cell.date()
    if isinstance(cell, bytes):
        return None
    return clean(cell) if isinstance(cell, str | int | float | dt.date | bool) or cell is None else str(cell)
