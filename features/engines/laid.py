"""A table's events laid out person by person, a column at a time: what every register's pass reads.

Laying out depends on the events alone, so it is done once for a snapshot and can be kept on disk (``kept``); a later
build with one more feature or date maps the kept columns into memory instead of decoding them again.
What does not fit its place is refused, never wrapped: a wrapped date would move an event into another window.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from desist.features.contracts import EventContract
from desist.features.engines import kernels
from desist.features.events import LARGEST
from desist.records.errors import Problem, Refused
from desist.records.files import read_json, write_json

Array = npt.NDArray[Any]
Read = Callable[[Sequence[str]], pa.Table]
#: Days further from 1970 than this (more than two million years) could wrap when two are subtracted.
FARTHEST = 2**30 - 2
#: Events of one table in one part; more would not fit the kernels' places.
MOST_EVENTS = 2**31 - 2
#: Different texts that fit one byte beside "unknown".
ONE_BYTE = 255
ANSWERS = ("no", "yes")


@dataclass(frozen=True)
class Laid:
    """``starts`` (people + 1): where each person's events begin. ``columns``: an array per column, in that order.

    Dates are int32 days (NEVER where unknown), numbers float64 (NaN), categories and yes/no codes (0 unknown) whose
    texts are in ``texts``, from 1.
    """

    starts: npt.NDArray[np.int64]
    columns: Mapping[str, Array]
    texts: Mapping[str, tuple[str, ...]]

    def days(self, name: str) -> npt.NDArray[np.int32]:
        return self.columns[name]

    def numbers(self, name: str, out: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.float64]:
        """The values as numbers, NaN where unknown; of a yes/no 1 and 0; of a category any number of its own.

        Written to ``out`` where that is given.
        """
        values = self.columns[name]
        if out is None:
            out = np.empty(len(values))
        if name in self.texts:
            kernels.numbers_of_codes(values, 0, 1 if self.texts[name] == ANSWERS else 0, out)
        elif np.issubdtype(values.dtype, np.integer):
            kernels.numbers_of_codes(values, kernels.NEVER, 0, out)
        else:
            out[:] = values
        return out


@dataclass(frozen=True)
class Span:
    """The days that any row can look at: from ``earliest`` up to, but not including, ``latest``."""

    earliest: int = -(2**31)
    latest: int = 2**31 - 1


EVERYTHING = Span()


def lay_out(
    read: Read,
    contract: EventContract,
    wanted: Sequence[str],
    people: int,
    span: Span = EVERYTHING,
    kept: Path | None = None,
) -> Laid:
    """The wanted columns of one part's events, person by person.

    ``read(columns)`` gives a table with ``person`` (int32, a position below ``people``, below 0 for nobody asked about)
    and the columns, in any order of rows. Events outside ``span`` are left out, unless columns are ``kept``: those
    serve other rows too. Raises Refused for an empty key and for what does not fit.
    """
    needed = tuple(dict.fromkeys(["occurred_on", "recorded_on", *wanted]))
    found = _Kept(kept) if kept is not None else None
    columns: dict[str, Array] = {}
    texts: dict[str, tuple[str, ...]] = {}
    if found is not None and (known := found.starts(people)) is not None:
        columns = found.columns(needed, int(known[-1]))
        texts = {name: found.texts(name) for name in columns if found.coded(name)}
        if len(columns) == len(needed):
            return Laid(known, columns, texts)
    missing = [name for name in needed if name not in columns]
    dates = ("occurred_on", "recorded_on")
    table = read(tuple(dict.fromkeys([*dates, *missing])))
    _check_keys(table, contract.name)
    occurred, recorded = (days_of(table[name], f"{contract.name}.{name}") for name in dates)
    starts = np.empty(people + 1, np.int64)
    looked_at = EVERYTHING if kept is not None else span
    person = _one(table["person"]).to_numpy()
    places = kernels.positions(person, occurred, recorded, looked_at.earliest, looked_at.latest, people, starts)
    if found is not None:
        found.save_starts(starts)
    for name in missing:
        columns[name], spelt = _placed(table[name], contract, name, places, int(starts[-1]))
        if spelt is not None:
            texts[name] = spelt
        if found is not None:
            found.save(name, columns[name], spelt)
    return Laid(starts, columns, texts)


def _placed(
    column: pa.ChunkedArray, contract: EventContract, name: str, places: npt.NDArray[np.int32], kept: int
) -> tuple[Array, tuple[str, ...] | None]:
    """A column's values at their events' places, and its texts where it holds codes."""
    where = f"{contract.name}.{name}"
    dates = ("occurred_on", "recorded_on", *contract.learnt_later.values())
    kind = "date" if name in dates else contract.spec(name).kind
    if kind in ("date", "number"):
        values = days_of(column, where) if kind == "date" else numbers_of(column, where)
        out = np.empty(kept, values.dtype)
        kernels.put(values, places, out)
        return out, None
    codes, lookup, texts = _answers(column) if kind == "yes_no" else _coded(column, where)
    out = np.empty(kept, lookup.dtype)
    kernels.put_codes(codes, lookup, places, out)
    return out, texts


def _answers(column: pa.ChunkedArray) -> tuple[Array, Array, tuple[str, ...]]:
    """A yes/no as codes, with what each stands for: 1 no, 2 yes, 0 unknown."""
    if not pa.types.is_boolean(column.type):
        column = column.cast(pa.float64()).cast(pa.int8())
    codes = _one(column.cast(pa.int8())).fill_null(-1).to_numpy(zero_copy_only=False)
    return codes, np.array([1, 2, 0], np.uint8), ANSWERS


def person_index(person_ids: pa.ChunkedArray, people: pa.Array) -> npt.NDArray[np.int32]:
    """Each text's position in ``people`` (distinct texts), -1 for others; a dictionary's texts are looked up once.

    Raises Refused for a text that is empty: nobody's event may be lost in silence.
    """
    if person_ids.null_count:
        raise Refused(f"{person_ids.null_count:,} rows name no person. Leave them out, or mend the table.")
    if not pa.types.is_dictionary(person_ids.type):
        return _positions(_one(person_ids), people)
    whole = _one(person_ids.unify_dictionaries())
    codes: npt.NDArray[np.int32] = whole.indices.to_numpy(zero_copy_only=False)
    return _positions(whole.dictionary, people)[codes] if len(codes) else codes


def _positions(texts: pa.Array, people: pa.Array) -> npt.NDArray[np.int32]:
    found = pc.index_in(texts.cast(people.type), value_set=people).fill_null(-1)
    positions: npt.NDArray[np.int32] = found.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return positions


def days_of(column: pa.ChunkedArray, where: str) -> npt.NDArray[np.int32]:
    """Whole days since 1970-01-01, ``NEVER`` where empty. Raises Refused for days too far away to subtract."""
    whole = _as_days(column, where)
    unknown = None
    if whole.null_count:
        unknown = whole.is_null().to_numpy(zero_copy_only=False)
        whole = whole.fill_null(0)
    days: Array = whole.to_numpy(zero_copy_only=False)
    if not fits(days):
        raise Refused(
            f"{where} holds a date more than two million years away; it does not fit and is not rounded. "
            "Correct it in the extract, or have the row quarantined."
        )
    packed: npt.NDArray[np.int32] = days.astype(np.int32, copy=False)
    return packed if unknown is None else np.where(unknown, kernels.NEVER, packed)


def fits(days: Array) -> bool:
    """Whether any two of these days can be subtracted in 32 bits."""
    return len(days) == 0 or (int(days.min()) >= -FARTHEST and int(days.max()) <= FARTHEST)


def _as_days(column: pa.ChunkedArray, where: str) -> pa.Array:
    """Days as integers: what is stored as date32 is taken as it is; moments are cut to their day."""
    kind = column.type
    if pa.types.is_date32(kind):
        return _one(column).view(pa.int32())
    if pa.types.is_timestamp(kind) and kind.tz:
        raise Refused(f"{where} holds moments in the time zone {kind.tz}; it should hold days, which have none.")
    if pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
        unit = kind.unit if pa.types.is_timestamp(kind) else "ms"
        per_day = 86400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        moments = _one(column).view(pa.int64())
        whole = np.floor_divide(moments.fill_null(0).to_numpy(zero_copy_only=False), per_day)
        return pa.array(whole, mask=moments.is_null().to_numpy(zero_copy_only=False))
    raise Refused(f"{where} holds {kind}; it should hold dates.")


def numbers_of(column: pa.ChunkedArray, where: str) -> npt.NDArray[np.float64]:
    """A column of numbers or of yes/no (1, 0), NaN where unknown."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values: npt.NDArray[np.float64] = _one(column.cast(pa.float64())).to_numpy(zero_copy_only=False)
    if len(values) and np.nanmax(np.abs(values), initial=0.0) > LARGEST:
        raise Refused(f"{where} holds a number that is infinite, or too large to add up. Mend the table.")
    return values


def _coded(column: pa.ChunkedArray, where: str) -> tuple[Array, Array, tuple[str, ...]]:
    """A category's codes, what number each code has (the last: unknown, 0), and the texts from number 1."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    coded = _one(column.unify_dictionaries())
    spelt = [str(text) for text in coded.dictionary.to_pylist()]
    indices = coded.indices.fill_null(-1) if coded.null_count else coded.indices
    texts = tuple(dict.fromkeys(spelt))
    number = {text: at for at, text in enumerate(texts, start=1)}
    lookup = packed_codes(np.array([*(number[text] for text in spelt), 0], np.int64), where)
    return indices.to_numpy(zero_copy_only=False), lookup, texts


def packed_codes(numbers: npt.NDArray[np.int64], where: str) -> Array:
    """The numbers of texts in one byte or four. Raises Refused where even four do not hold them."""
    most = int(numbers.max(initial=0))
    if most > np.iinfo(np.int32).max:
        raise Refused(f"{where} has {most:,} different values; that many cannot be told apart here.")
    return numbers.astype(np.uint8 if most <= ONE_BYTE else np.int32)


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    return whole


def _check_keys(table: pa.Table, name: str) -> None:
    """Refuse rows without a person, an event date or a recorded date; nobody's event may be lost in silence."""
    if table.num_rows > MOST_EVENTS:
        raise Refused(f"{name} has {table.num_rows:,} events in one part; make the parts smaller.")
    problems = [
        Problem(f"{table[key].null_count:,} rows without {key}", name, "a value in every row", "Leave them out.")
        for key in ("person", "occurred_on", "recorded_on")
        if key in table.column_names and table[key].null_count
    ]
    if problems:
        raise Refused("Events without a key or a date cannot be placed.", problems)


class _Kept:
    """Columns kept in a folder, a file of bare values each, named with their type; complete or not there.

    Files whose length is not that of the events are as if they were not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _file(self, name: str) -> str:
        return str(self.folder / "columns" / quote(name, safe=""))

    def starts(self, people: int) -> npt.NDArray[np.int64] | None:
        return _mapped(str(self.folder / "starts"), people + 1)

    def columns(self, names: Sequence[str], events: int) -> dict[str, Array]:
        found = {name: _mapped(self._file(name), events) for name in names}
        return {name: column for name, column in found.items() if column is not None}

    def coded(self, name: str) -> bool:
        return Path(f"{self._file(name)}.json").exists()

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(read_json(Path(f"{self._file(name)}.json"))["texts"])

    def save_starts(self, starts: Array) -> None:
        _write(str(self.folder / "starts"), starts)

    def save(self, name: str, values: Array, texts: tuple[str, ...] | None = None) -> None:
        """The texts first: a column whose file is there is complete."""
        if texts is not None:
            write_json(Path(f"{self._file(name)}.json"), {"texts": list(texts)})
        _write(self._file(name), values)


#: The types that columns have; a file's name ends with its own.
_TYPES = ("int32", "uint8", "float64", "int64")


def _mapped(file: str, length: int) -> Array | None:
    """An array kept on disk, mapped into memory; None where there is none of that length."""
    for kind in _TYPES:
        try:
            opened = os.open(f"{file}.{kind}", os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            if os.fstat(opened).st_size == length * np.dtype(kind).itemsize:
                # Copied on write: a read-only array would be compiled for anew.
                return np.frombuffer(mmap.mmap(opened, 0, access=mmap.ACCESS_COPY) if length else b"", kind)
        finally:
            os.close(opened)
    return None


def _write(file: str, values: Array) -> None:
    """Write an array in one step, on the disk before its name is."""
    path = Path(f"{file}.{values.dtype.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as written:
            values.tofile(written)
            written.flush()
            os.fsync(written.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
