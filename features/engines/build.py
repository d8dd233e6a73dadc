"""Profiles of a whole region, part by part: read, lay out, measure, combine, write; nothing is held but one part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from desist.features.engines.compiled import Compiled, Part, Rows
from desist.features.engines.kept import KeptColumns, forget_others, meaning, meanings
from desist.features.engines.store import BYTES_A_CELL, EventStore, code
from desist.features.engines.terms import check_written_for, refuse_ages
from desist.features.register import Register
from desist.features.tables import Profiles, check_rows
from desist.records.errors import Refused
from desist.records.hashing import hash_bytes, hash_file, hash_json

#: Of the memory that may be used, the share that one block of rows takes; the rest is events, buffers and Python.
SHARE_OF_ROWS = 4
LEAST_ROWS = 1_000


@dataclass(frozen=True)
class BuiltParts:
    """Profiles on disk: for each part the rows' positions in the cohort and its columns."""

    register: Register
    rows: pd.DataFrame
    parts: Mapping[str, tuple[KeptColumns, np.ndarray]]
    computed: int

    def profiles(self) -> Profiles:
        """All of them in memory, in the cohort's order; for what fits there."""
        wanted = meanings(self.register)
        columns = {name: np.full(len(self.rows), np.nan) for name in wanted}
        for kept, positions in self.parts.values():
            for name, values in kept.read(wanted).items():
                columns[name][positions] = values.to_numpy()
        key = self.rows[["person_id", "as_of"]].reset_index(drop=True)
        table = pd.concat([key, pd.DataFrame(columns, columns=list(wanted))], axis=1)
        return Profiles(table, self.register.names, self.register.hash)

    def tables(self) -> Mapping[str, Callable[[], pa.Table]]:
        """For each part, what reads its profiles as one table: person_id, as_of and the register's columns."""

        def reader(kept: KeptColumns, positions: np.ndarray) -> Callable[[], pa.Table]:
            def read() -> pa.Table:
                key = self.rows.iloc[positions][["person_id", "as_of"]].astype({"person_id": "str"})
                return pa.table({**_arrow(key), **kept.read(meanings(self.register))})

            return read

        return {name: reader(*found) for name, found in self.parts.items()}


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
    placed = store.rows(cohort_rows)
    wanted = meanings(register)
    parts, computed = {}, 0
    for at, (name, (rows, positions)) in enumerate(placed.items(), start=1):
        kept = KeptColumns(folder / name / rests_on(store, name, rows))
        forget_others(folder / name, "*", kept.folder)
        missing = set(kept.missing(list(wanted.values())))
        asked = {m: definition for definition in definitions.values() if (m := meaning(definition)) in missing}
        if asked:
            part, compiled = store.part(name, keep=keep), Compiled(asked, store.sharing)
            kept.add(_in_blocks(compiled, part, rows, memory_mb - _events_mb(compiled, store, name)))
            computed += len(asked) * len(rows)
        parts[name] = (kept, positions)
        say(f"{name}: {len(rows):,} rows ({at} of {len(placed)})")
    return BuiltParts(register, cohort_rows.reset_index(drop=True), parts, computed)


def rests_on(store: EventStore, part: str, rows: Rows) -> str:
    """What the columns of a part's rows depend on besides their definitions: extracts, people, sharing, code."""
    told = {
        "snapshot": store.snapshot,
        "shared": store.shared,
        "people": hash_file(store.folder / part / "people.parquet"),
        "code": code(),
        "person": hash_bytes(np.ascontiguousarray(rows.person).tobytes()),
        "as_of": hash_bytes(np.ascontiguousarray(rows.as_of).tobytes()),
    }
    return hash_json(told)[:24]


def _events_mb(compiled: Compiled, store: EventStore, part: str) -> int:
    """What the part's largest table takes while it is laid out and packed: each column twice, in 8 bytes at most."""
    sizes = [
        pq.read_metadata(store.folder / part / f"{table}.parquet").num_rows * (len(columns) + 3) * BYTES_A_CELL
        for table, columns in compiled.columns().items()
    ]
    return max(sizes, default=0) // 2**20


def _in_blocks(compiled: Compiled, part: Part, rows: Rows, memory_mb: int) -> dict[str, pa.Array]:
    """The columns of one part, its rows taken in blocks that fit the memory."""
    most = (
        max(memory_mb, 0) * 2**20 // SHARE_OF_ROWS // (8 * (len(compiled.plan.place) + len(compiled.definitions) + 1))
    )
    if most < LEAST_ROWS:
        raise Refused(
            f"{len(compiled.definitions):,} features of {LEAST_ROWS:,} rows do not fit the {max(memory_mb, 0):,} MB "
            "that the part's events leave. Allow more memory, make the store's parts smaller, or build fewer features."
        )
    found = [compiled.work_out(part, Rows(rows.person[at : at + most], rows.as_of[at : at + most]))
             for at in range(0, len(rows), most)]  # fmt: skip
    return {name: pa.array(np.concatenate([block[name] for block in found])) for name in compiled.definitions}


def write_tables(built: BuiltParts, folder: Path) -> list[Path]:
    """One Parquet file a part, with the register's names; for other programs to read."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, read in built.tables().items():
        path = folder / f"{name}.parquet"
        writing = path.with_suffix(".writing")
        pq.write_table(read(), writing)
        writing.replace(path)
        written.append(path)
    return written
