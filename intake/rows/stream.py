"""Rows of a Parquet file in pieces, and the compact columns that let forty million of them be judged in memory.

A compact column holds each distinct text once and a small whole number a row; dates, numbers and flags stay what
they are. So a check looks at each distinct value once, and at rows only where a value was wrong.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from desist.intake.rows.csv_rows import TOO_LONG, RawRows, header_faults
from desist.records.errors import Problem

#: Rows decoded, or compared, at a time: what bounds the memory beside the compact columns themselves.
ROWS_AT_A_TIME = 1_000_000
#: A row with a cell of more characters than this is kept apart: a small file can hold one such cell a million times.
LONGEST_KEPT = 1_000
#: Ten times the largest extract this was measured with. A file of a few bytes can state any number of rows.
MOST_ROWS = 400_000_000
#: Rows that tell of each text column whether its values repeat.
ROWS_LOOKED_AT = 50_000

Codes = npt.NDArray[np.signedinteger]


def spans(rows: int) -> Iterator[slice]:
    """The rows in pieces of ROWS_AT_A_TIME."""
    for start in range(0, rows, ROWS_AT_A_TIME):
        yield slice(start, min(start + ROWS_AT_A_TIME, rows))


# --- compact columns


def is_coded(values: pa.Array | pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(values.type))


def coded(values: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    """The column as one array of numbers into its distinct values. No value stands there twice, nor a null."""
    if not is_coded(values):
        values = values.dictionary_encode()
        if isinstance(values, pa.ChunkedArray) and values.num_chunks > 1:
            # Encoded together, so that the last piece's distinct values are those of all.
            indices = pa.chunked_array([piece.indices for piece in values.chunks]).combine_chunks()
            return pa.DictionaryArray.from_arrays(indices, values.chunk(values.num_chunks - 1).dictionary)
    if isinstance(values, pa.ChunkedArray):
        values = values.unify_dictionaries().combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # a column of no rows
        values = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], values.type.value_type))
    return values


def places(values: pa.DictionaryArray) -> Codes:
    """Each row's place among the distinct values, -1 where the cell is empty."""
    indices = values.indices
    return np.asarray(indices if not indices.null_count else pc.fill_null(indices, -1))


def plain(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The column's own values, each cell with its own: nothing that another row held comes along."""
    return values.cast(values.type.value_type) if is_coded(values) else values


def as_text(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Cells as a CSV file would have them: dates YYYY-MM-DD, flags true and false."""
    values = plain(values)
    if pa.types.is_timestamp(values.type):
        return pc.strftime(values, format="%Y-%m-%d")
    return values if pa.types.is_string(values.type) else values.cast(pa.string())


def small(values: pa.DictionaryArray) -> pa.DictionaryArray:
    """The same with the narrowest whole numbers that hold it."""
    size = len(values.dictionary)
    kind = pa.int8() if size < 2**7 else pa.int16() if size < 2**15 else pa.int32()
    return pa.DictionaryArray.from_arrays(values.indices.cast(kind), values.dictionary)


# --- reading


def read_parquet(content: bytes, *, wanted: Sequence[str], where: str) -> RawRows | list[Problem]:
    """The rows of a canonical Parquet file, or what is wrong with the file as a whole; the first row is line 1.

    Columns of dates, whole numbers, decimals and flags keep their type; every other becomes text. Only
    the wanted columns are decoded.
    """
    try:
        problems = _faults(pq.ParquetFile(pa.BufferReader(content)), wanted, where)
        if problems:
            return problems
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=_few_valued(content, wanted))
        columns, too_long = _decoded(file, wanted)
    except (pa.ArrowException, OSError, ValueError):
        whole = content[:4] in (b"PAR1", b"PARE")
        what = "a Parquet file that was cut off or damaged, or has a password" if whole else "no Parquet file"
        return [
            Problem(what, where, "a whole Parquet file without a password",
                    "Fetch the file again, or ask the agency to send it anew.")
        ]  # fmt: skip
    lines = np.arange(1, file.metadata.num_rows + 1, dtype=np.int64)
    cells = pa.table(columns) if columns else pa.table({})
    if too_long.any():
        cells, apart, lines = cells.filter(pa.array(~too_long)), lines[too_long], lines[~too_long]
    else:
        apart = lines[:0]
    dropped = tuple(name for name in file.schema_arrow.names if name not in wanted)
    return RawRows(cells, lines, dict.fromkeys(apart.tolist(), TOO_LONG), dropped)


def _faults(file: pq.ParquetFile, wanted: Sequence[str], where: str) -> list[Problem]:
    schema = file.schema_arrow
    problems = header_faults(list(schema.names), wanted, where)
    if problems:
        return problems
    if file.metadata.num_rows > MOST_ROWS:
        problems.append(
            Problem(f"{file.metadata.num_rows:,} rows stated", where, f"at most {MOST_ROWS:,}", "Send it in parts.")
        )
    for name in wanted:
        kind = schema.field(name).type
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            problems.append(
                Problem(f"a table or bytes within a cell ({name})", where, "one value a cell: text, date, number, flag",
                        "Ask for the file with plain columns.")
            )  # fmt: skip
    return problems


def _few_valued(content: bytes, wanted: Sequence[str]) -> list[str]:
    """Columns whose text is better decoded into distinct values piece by piece: those of which few rows hold many.

    Where nearly every row has a value of its own, joining the pieces' distinct values would cost more than the rows.
    """
    file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=list(wanted))
    first = next(file.iter_batches(batch_size=ROWS_LOOKED_AT, columns=list(wanted)), None)
    columns = {} if first is None else {name: first.column(name) for name in wanted}
    return [
        name for name, column in columns.items() if is_coded(column) and len(column.dictionary) * 4 < len(column) + 400
    ]


def _decoded(file: pq.ParquetFile, wanted: Sequence[str]) -> tuple[dict[str, pa.Array], npt.NDArray[np.bool_]]:
    pieces: dict[str, list[pa.Array]] = {name: [] for name in wanted}
    for batch in file.iter_batches(batch_size=ROWS_AT_A_TIME, columns=list(wanted)):
        for name in wanted:
            pieces[name].append(_compact(batch.column(name)))
    too_long = np.zeros(file.metadata.num_rows, dtype=bool)
    columns = {}
    for name in wanted:
        made = pieces.pop(name) or [pa.array([], pa.string())]
        if all(pa.types.is_string(piece.type) for piece in made):
            made = [coded(pa.chunked_array(made))]
        if any(is_coded(piece) for piece in made):
            texts = [piece if is_coded(piece) else as_text(piece).dictionary_encode() for piece in made]
            column = small(coded(pa.chunked_array(texts)))
            long = np.asarray(pc.greater(pc.utf8_length(column.dictionary), LONGEST_KEPT)).astype(bool)
            if long.any():
                too_long |= np.append(long, False)[places(column)]
        else:
            column = pa.concat_arrays(made)
        columns[name] = column
    return columns, too_long


def _compact(values: pa.Array) -> pa.Array:
    """One piece of a column: text as numbers into its distinct values, an empty text as none; days as days."""
    kind = values.type
    if pa.types.is_date32(kind) or pa.types.is_boolean(kind):
        return values
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return values.cast(pa.int64())
    if pa.types.is_floating(kind):
        values = values.cast(pa.float64())
        return pc.if_else(pc.is_nan(values), None, values)
    if pa.types.is_date64(kind) or (pa.types.is_timestamp(kind) and kind.tz is None):
        return _whole_days(values)
    if not pa.types.is_dictionary(kind):
        text = values.cast(pa.string())
        empty_text = pc.equal(text, "")
        return pc.if_else(empty_text, None, text) if pc.any(empty_text).as_py() else text
    distinct = values.dictionary.cast(pa.string())
    indices = values.indices.cast(pa.int32())
    empty = np.asarray(pc.fill_null(pc.equal(distinct, ""), True)).astype(bool)
    if empty.any():
        to = np.where(empty, -1, np.cumsum(~empty) - 1).astype(np.int32)
        found = np.append(to, np.int32(-1))[np.asarray(pc.fill_null(indices, -1))]
        indices, distinct = pa.array(found, mask=found < 0), distinct.filter(pa.array(~empty))
    return pa.DictionaryArray.from_arrays(indices, distinct)


def _whole_days(values: pa.Array) -> pa.Array:
    """Midnights as days; where one has a time of day, all as text, so that the check names it."""
    stamps = values.cast(pa.timestamp("us"), safe=False) if not pa.types.is_date64(values.type) else values
    days = stamps.cast(pa.date32(), safe=False)
    back = days.cast(stamps.type)
    if pc.all(pc.equal(back, stamps)).as_py() is not False:
        return days
    return pc.if_else(pc.equal(back, stamps), days.cast(pa.string()), stamps.cast(pa.string()))


def day_numbers(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.datetime64]:
    """A column of days or of moments as numpy days; NaT where empty."""
    found = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    return np.asarray(found).astype("datetime64[D]")


#: The last day that YYYY-MM-DD can write.
LAST_DAY = np.datetime64(dt.date.max, "D")


def as_stored(rows: pa.Table) -> pa.Table:
    """Rows with each cell's own value, days as moments: the types in which the store keeps and gives them."""
    columns = {name: plain(rows[name]) for name in rows.column_names}
    stamp = pa.timestamp("us")
    return pa.table({
        name: column.cast(stamp) if pa.types.is_date32(column.type) else column for name, column in columns.items()
    })  # fmt: skip


def own_values(values: pa.DictionaryArray) -> pa.DictionaryArray:
    """The column with those distinct values alone that stand in a row: nothing that other rows held comes along."""
    size = len(values.dictionary)
    of_row = places(values)
    there = np.zeros(size + 1, dtype=bool)
    there[of_row] = True
    if not values.indices.null_count and there[:size].all():
        return values
    to = np.cumsum(there[:size], dtype=np.int32) - 1
    found = np.append(to, np.int32(-1))[of_row]
    return pa.DictionaryArray.from_arrays(
        pa.array(found, mask=of_row < 0), values.dictionary.filter(pa.array(there[:size]))
    )


def as_packed(rows: pa.Table) -> pa.Table:
    """As ``as_stored``, but text stays compact, of these rows alone: Parquet takes it without looking at each cell."""
    stamp = pa.timestamp("us")
    columns = {}
    for name in rows.column_names:
        column = rows[name].combine_chunks()
        if is_coded(column):
            columns[name] = own_values(coded(column))
        else:
            columns[name] = column.cast(stamp) if pa.types.is_date32(column.type) else column
    return pa.table(columns)


# --- comparing


def repeated_rows(columns: Sequence[pa.Array | pa.ChunkedArray], standing: npt.NDArray[np.bool_]) -> Codes:
    """The places of those ``standing`` rows that equal an earlier standing row in every column; empty equals empty.

    Rows are told apart by a hash of 64 bits; only rows of equal hash are compared cell by cell, so that
    a collision marks nobody.
    """
    rows = np.flatnonzero(standing)
    if len(rows) < 2:
        return rows[:0]
    hashes = _row_hashes(columns)[rows] if len(rows) < len(standing) else _row_hashes(columns)
    ordered = np.sort(hashes)
    again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(again):
        return rows[:0]
    # Most rows are told by twenty bits alone that they repeat nothing.
    marked = np.zeros(2**20, dtype=bool)
    marked[again & _TWENTY_BITS] = True
    likely = np.flatnonzero(marked[hashes & _TWENTY_BITS])
    near = np.searchsorted(again, hashes[likely])
    near[near == len(again)] = 0
    candidates = rows[likely[again[near] == hashes[likely]]]
    take = pa.array(candidates)
    cells = {str(place): _numbered(column.take(take)) for place, column in enumerate(columns)}
    order = np.lexsort((candidates, *cells.values()))
    same = np.ones(len(order) - 1, dtype=bool)
    for values in cells.values():
        ordered_values = values[order]
        same &= ordered_values[1:] == ordered_values[:-1]
    return np.sort(candidates[order[1:][same]])


_TWENTY_BITS = np.uint64(2**20 - 1)


def _numbered(values: pa.Array | pa.ChunkedArray) -> Codes:
    return places(coded(values))


def _row_hashes(columns: Sequence[pa.Array | pa.ChunkedArray]) -> npt.NDArray[np.uint64]:
    rows = len(columns[0])
    hashes = np.zeros(rows, dtype=np.uint64)
    numbered = [values if is_coded(values) or not _is_text(values) else coded(values) for values in columns]
    for values in numbered:
        whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        if is_coded(whole):
            whole = coded(whole)
        for part in spans(rows):
            _mix(hashes[part], _cell_numbers(whole.slice(part.start, part.stop - part.start)))
    return hashes


def _is_text(values: pa.Array | pa.ChunkedArray) -> bool:
    return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))


def _cell_numbers(values: pa.Array) -> npt.NDArray[np.uint64]:
    """A number a cell, equal for equal cells of one column; one number of its own for empty cells."""
    if is_coded(values):
        found = places(values).astype(np.int64)
    elif pa.types.is_floating(values.type):
        found = np.asarray(pc.fill_null(values, np.inf)).view(np.int64)
    elif pa.types.is_boolean(values.type):
        found = np.asarray(pc.fill_null(values.cast(pa.int8()), -1)).astype(np.int64)
    elif pa.types.is_temporal(values.type):
        kind = pa.int32() if pa.types.is_date32(values.type) else pa.int64()
        found = np.asarray(pc.fill_null(values.view(kind), np.iinfo(np.int32).min)).astype(np.int64)
    else:
        found = np.asarray(pc.fill_null(values.cast(pa.int64()), np.iinfo(np.int64).min))
    return np.asarray(found).view(np.uint64)


def _mix(hashes: npt.NDArray[np.uint64], numbers: npt.NDArray[np.uint64]) -> None:
    """Stir the numbers into the hashes (the finalizer of splitmix64), in place."""
    hashes += numbers
    hashes += np.uint64(0x9E3779B97F4A7C15)
    hashes ^= hashes >> np.uint64(30)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(27)
    hashes *= np.uint64(0x94D049BB133111EB)
    hashes ^= hashes >> np.uint64(31)
