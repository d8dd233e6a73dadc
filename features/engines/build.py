"""Profiles of a whole region, part by part: read, lay out, measure, combine, write; nothing is held but one part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from desist.features.engines.compiled import Column, Compiled, Part, Rows, profiles_of
from desist.features.engines.kept import KeptColumns, forget_others, meanings
from desist.features.engines.store import BYTES_A_CELL, EventStore, code
from desist.features.engines.terms import check_written_for, refuse_ages
from desist.features.register import Register
from desist.features.tables import Profiles, check_rows
from desist.records.errors import Refused
from desist.records.hashing import hash_bytes, hash_file, hash_json

Positions = npt.NDArray[np.int64]
#: Of the memory that may be used, the share that one block of rows takes; the rest is events, buffers and Python.
SHARE_OF_ROWS = 4
LEAST_ROWS = 1_000


@dataclass(frozen=True)
class Piece:
    """The profiles of one part's rows on one as-of date, and the rows' positions in the cohort."""

    kept: KeptColumns
    positions: Positions


@dataclass(frozen=True)
class BuiltParts:
    """Profiles on disk: the pieces of each part. ``computed``: cells that were worked out, not found."""

    register: Register
    rows: pd.DataFrame
    parts: Mapping[str, Sequence[Piece]]
    computed: int

    def profiles(self) -> Profiles:
        """All of them in memory, in the cohort's order; for what fits there."""
        wanted = meanings(self.register)
        columns = {name: np.full(len(self.rows), np.nan) for name in wanted}
        for piece in (piece for pieces in self.parts.values() for piece in pieces):
            for name, values in piece.kept.read(wanted).items():
                columns[name][piece.positions] = values.to_numpy()
        return profiles_of(self.rows, columns, self.register)

    def table(self, part: str) -> pa.Table:
        """One part's profiles as one table: person_id, as_of and the register's columns."""
        tables = []
        for piece in self.parts[part]:
            key = self.rows.iloc[piece.positions][["person_id", "as_of"]].astype({"person_id": "str"})
            tables.append(pa.table({**_arrow(key), **piece.kept.read(meanings(self.register))}))
        return pa.concat_tables(tables)


def _arrow(key: pd.DataFrame) -> dict[str, pa.ChunkedArray]:
    table = pa.Table.from_pandas(key, preserve_index=False)
    return {"person_id": table["person_id"], "as_of": table["as_of"].cast(pa.date32())}


def build_from_store(
    store: EventStore,
    cohort_rows: pd.DataFrame,
    register: Register,
    folder: Path,
    *,
    memory_mb: int = 4096,
    keep: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> BuiltParts:
    """Profiles of ``cohort_rows`` (person_id, as_of) in ``folder``, working out only what is not there yet.

    What is there: columns of the same snapshot, rows and definitions. ``keep`` lays the events out on disk for the
    next feature or date. A build that was killed goes on where it stopped. ``memory_mb``: what a part's events and
    columns may take beside Python itself; rows are taken in blocks that fit. Raises Refused where a part's events do
    not fit, for an approved age, and for rows about people whom the store does not hold.
    """
    check_rows(cohort_rows, "cohort", [])
    definitions = {feature.name: feature.definition for feature in register.used}
    check_written_for(store.sharing.contracts, list(definitions.values()))
    refuse_ages(definitions, "reads a store without them")
    wanted = meanings(register)
    asked = {wanted[name]: definition for name, definition in definitions.items()}
    placed = store.rows(cohort_rows)
    parts, computed = {}, 0
    ready: dict[tuple[str, ...], Compiled] = {}
    for at, (name, (rows, positions)) in enumerate(placed.items(), start=1):
        pieces = _pieces(store, name, rows, positions, folder)
        for missing, there in _by_missing(pieces, list(asked)).items():
            some = np.concatenate([np.flatnonzero(rows.as_of == day) for day in there])
            if missing not in ready:
                ready[missing] = Compiled({column: asked[column] for column in missing}, store.sharing)
            compiled = ready[missing]
            left_mb = memory_mb - _events_mb(compiled, store, name)
            columns = _in_blocks(compiled, store.part(name, keep=keep), rows.take(some), left_mb)
            _keep(columns, rows.as_of[some], {day: pieces[day].kept for day in there})
            computed += len(missing) * len(some)
        parts[name] = tuple(pieces.values())
        say(f"{name}: {len(rows):,} rows ({at} of {len(placed)})")
    return BuiltParts(register, cohort_rows.reset_index(drop=True), parts, computed)


def _pieces(store: EventStore, part: str, rows: Rows, positions: Positions, folder: Path) -> dict[int, Piece]:
    """The rows of a part by as-of date, each date with the folder of its columns; what rests on something else goes."""
    base = folder / part / rests_on(store, part)
    forget_others(folder / part, "*", base)
    found = {}
    for day in np.unique(rows.as_of):
        there = rows.as_of == day
        people = hash_bytes(np.ascontiguousarray(rows.person[there]).tobytes())[:16]
        kept = KeptColumns(base / f"{day}-{people}")
        forget_others(base, f"{day}-*", kept.folder)
        found[int(day)] = Piece(kept, positions[there])
    return found


def _by_missing(pieces: Mapping[int, Piece], wanted: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    """The dates that lack the same columns, by what they lack; they are worked out together."""
    found: dict[tuple[str, ...], list[int]] = {}
    for day, piece in pieces.items():
        if missing := tuple(piece.kept.missing(wanted)):
            found.setdefault(missing, []).append(day)
    return found


def _keep(columns: Mapping[str, Column], as_of: npt.NDArray[np.int32], kept: Mapping[int, KeptColumns]) -> None:
    """Each date's part of the columns to its own folder."""
    for day, where in kept.items():
        there = as_of == day
        where.add({name: pa.array(column[there]) for name, column in columns.items()})


def rests_on(store: EventStore, part: str) -> str:
    """What a part's columns depend on besides rows and definitions: extracts, people, what is shared, code."""
    people = hash_file(store.folder / part / "people.parquet")
    return hash_json([store.snapshot, store.shared, people, code()])[:24]


def _events_mb(compiled: Compiled, store: EventStore, part: str) -> int:
    """What the part's largest table takes while it is laid out and packed: each column twice, in 8 bytes at most."""
    sizes = [
        pq.read_metadata(store.folder / part / f"{table}.parquet").num_rows * (len(columns) + 3) * BYTES_A_CELL
        for table, columns in compiled.columns().items()
    ]
    return max(sizes, default=0) // 2**20


def _in_blocks(compiled: Compiled, part: Part, rows: Rows, memory_mb: int) -> dict[str, Column]:
    """The columns of one part, its rows taken in blocks that fit the memory."""
    most = (
        max(memory_mb, 0) * 2**20 // SHARE_OF_ROWS // (8 * (len(compiled.plan.place) + len(compiled.definitions) + 1))
    )
    if most < LEAST_ROWS:
        raise Refused(
            f"{len(compiled.definitions):,} features of {LEAST_ROWS:,} rows do not fit the {max(memory_mb, 0):,} MB "
            "that the part's events leave. Allow more memory, make the store's parts smaller, or build fewer features."
        )
    found = [compiled.work_out(part, rows.take(slice(at, at + most))) for at in range(0, len(rows), most)]
    return {name: np.concatenate([block[name] for block in found]) for name in compiled.definitions}


def write_tables(built: BuiltParts, folder: Path) -> list[Path]:
    """One Parquet file a part, with the register's names; for other programs to read."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in built.parts:
        path = folder / f"{name}.parquet"
        writing = path.with_suffix(".writing")
        pq.write_table(built.table(name), writing)
        writing.replace(path)
        written.append(path)
    return written
