"""Parquet files, and what a database query answered: typed columns under their names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from desist.intake.csv_rows import RawRows
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
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        return Problem(f"the column {', '.join(repeated)[:80]} twice", where, "each column once", "Rename the second.")
    nested = [
        name
        for name in names
        if (wanted is None or name in wanted) and pa.types.is_nested(file.schema_arrow.field(name).type)
    ]
    if nested:
        return Problem(f"a table within a cell ({', '.join(nested)[:80]})", where, "one value a cell",
                       "Ask for the file with plain columns.")  # fmt: skip
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


def _value(cell: Any) -> Any:
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, bytes):
        return None
    return clean(cell) if isinstance(cell, str | int | float | dt.date | bool) or cell is None else str(cell)


def read_canonical(content: bytes, *, wanted: Sequence[str], where: str) -> RawRows | list[Problem]:
    """A Parquet file under the contract's own names, every cell as the text it would be in CSV."""
    import numpy as np

    found = _read(content, where, wanted)
    if isinstance(found, Problem):
        return [found]
    names, table = found
    if missing := [name for name in wanted if name not in names]:
        return [
            Problem(f"no column {', '.join(missing)}", where, "every column that its agreement names",
                    "Add the column (empty cells are allowed where a value may be missing), or map its name.")
        ]  # fmt: skip
    cells = pa.table({name: _as_text(table[name]) for name in wanted})
    lines = np.arange(1, len(table) + 1, dtype=np.int64)
    return RawRows(cells, lines, {}, tuple(name for name in names if name not in wanted))


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        return pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%d")
    if pa.types.is_floating(kind):
        texts = [None if value is None or value != value else repr(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, type=pa.string())])
    text = column.cast(pa.string())
    return pc.if_else(pc.equal(text, ""), None, text)
