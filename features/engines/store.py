"""Events on disk in parts of people, for more people than fit in memory: each part is worked out on its own.

A part holds everything about its people. Text keys are mapped once, when the store is written: in the tables a person
is a whole number, counted on from part to part; ``people.parquet`` has the texts of a part's people in that order.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from desist.features.contracts import EventContract
from desist.features.engines.compiled import Part, Rows, Sharing, keys_of
from desist.features.engines.laid import days_of, person_index
from desist.features.events import Events
from desist.records.errors import Refused
from desist.records.files import new_folder, read_json, write_json
from desist.records.hashing import hash_code, hash_json

FORMAT = 1
#: People in a part at most, unless told otherwise: some 2 million events, a few hundred megabytes while worked on.
PEOPLE = 50_000
#: What a value of an event takes while it is laid out and packed: decoded and placed, in 8 bytes at most.
BYTES_A_CELL = 16
#: Of the memory that may be used, the share that the events of a part's largest table take.
SHARE_OF_EVENTS = 4


@cache
def code() -> str:
    """A hash of this room's code: columns laid out or worked out by older code are not used."""
    return hash_code([Path(__file__).parents[1]])


@dataclass(frozen=True)
class EventStore:
    """A folder with ``store.json`` and a folder a part. ``snapshot`` names the extracts it was made from (a hash).

    ``first``: part -> the number of its first person.
    """

    folder: Path
    snapshot: str
    sharing: Sharing
    first: Mapping[str, int]

    @classmethod
    def open(cls, folder: Path, contracts: Mapping[str, EventContract]) -> EventStore:
        """The store in ``folder``. Raises Refused for no store, another format, or tables under another contract."""
        path = folder / "store.json"
        if not path.exists():
            raise Refused(f"There is no event store in {folder.name}: no store.json. Write one with write_events.")
        told = read_json(path)
        if told.get("format") != FORMAT:
            raise Refused(f"{path.name} has format {told.get('format')!r}; this version reads {FORMAT}. Write it anew.")
        held = {}
        for name, (source, also_from, meaning) in told["tables"].items():
            if name not in contracts:
                raise Refused(f"The event store holds {name}, a table without a contract here.")
            held[name] = replace(contracts[name], source=source, also_from=tuple(also_from))
            if held[name].to_json() != meaning:
                raise Refused(f"The event store was written under another contract of {name}. Write it anew.")
        sharing = Sharing(held, frozenset(told["sources"]), frozenset(told["unsent"]))
        return cls(folder, told["snapshot"], sharing, dict(told["parts"]))

    @cached_property
    def shared(self) -> str:
        """A hash of what is shared: tables under their contracts, sources, fields that nobody sends."""
        held = {name: [c.source, list(c.also_from), c.to_json()] for name, c in self.sharing.contracts.items()}
        return hash_json([held, sorted(self.sharing.sources), sorted(self.sharing.unsent)])

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.first)

    def people(self, part: str) -> pa.Array:
        """The texts of a part's people, in the order of their numbers."""
        return pq.read_table(self.folder / part / "people.parquet")["person_id"].combine_chunks()

    def part(self, name: str, *, keep: bool = False) -> Part:
        """One part; with ``keep`` its columns are laid out on disk once, and mapped into memory from then on."""
        there, first = self.folder / name, self.first[name]

        def read(table: str, columns: Sequence[str]) -> pa.Table:
            found = pq.read_table(there / f"{table}.parquet", columns=["person", *columns], use_threads=False)
            return found.set_column(0, "person", pc.subtract(found["person"], pa.scalar(first, pa.int32())))

        known = read("known", ["source", "since"])
        by_source = {source: known.filter(pc.equal(known["source"], source)) for source in self.sharing.sources}
        return Part(self.people(name), read, by_source, there / "laid" / code()[:16] if keep else None)

    def rows(self, cohort_rows: pd.DataFrame) -> dict[str, tuple[Rows, np.ndarray]]:
        """The rows of each part, person by person, with their positions in ``cohort_rows``.

        Raises Refused for people in no part.
        """
        keys = keys_of(cohort_rows)
        days = days_of(keys["as_of"], "as_of")
        by_part = [self.people(name) for name in self.parts]
        everybody = person_index(keys["person_id"], pa.concat_arrays(by_part))
        if (everybody < 0).any():
            raise Refused(
                f"{int((everybody < 0).sum()):,} of {len(everybody):,} rows are about people whom the event store does "
                "not hold. Write the store from the same linked extracts as the cohort."
            )
        order = np.lexsort((days, everybody))  # the events of one person are then read once
        ends = np.cumsum(np.array([len(people) for people in by_part]))
        bounds: npt.NDArray[np.int64] = np.concatenate(([0], ends))
        cuts = np.searchsorted(everybody[order], bounds)
        found = {}
        for at, name in enumerate(self.parts):
            there = order[cuts[at] : cuts[at + 1]]
            if len(there):
                first = np.int32(ends[at] - len(by_part[at]))
                found[name] = (Rows(everybody[there] - first, days[there]), there)
        return found

    def kept_bytes(self) -> int:
        """What laid-out columns take on disk at present."""
        files = (file for part in self.parts for file in (self.folder / part / "laid").rglob("*") if file.is_file())
        return sum(file.stat().st_size for file in files)

    def forget_kept(self) -> None:
        """Remove laid-out columns. They hold what the tables hold, so whoever erases from those must do this too."""
        for part in self.parts:
            if (self.folder / part / "laid").exists():
                shutil.rmtree(self.folder / part / "laid")


def write_events(folder: Path, parts: Iterable[Events], snapshot: str) -> None:
    """Write an event store from events part by part; no two parts may share a person. It appears only when complete.

    ``split(events)`` makes parts of what is in memory. For more, derive events from the linked tables of some people
    at a time.
    """
    with new_folder(folder) as building:
        names: dict[str, int] = {}
        told: dict[str, object] = {}
        people = 0
        seen: list[pa.Array] = []
        for at, events in enumerate(parts):
            name = f"part-{at:05d}"
            (building / name).mkdir()
            names[name] = people
            seen.append(_write_part(building / name, events, people))
            people += len(seen[-1])
            shared: dict[str, object] = {
                "sources": sorted(events.shared),
                "unsent": sorted(events.unsent),
                "tables": {
                    name: [events.contracts[name].source, list(events.contracts[name].also_from),
                           events.contracts[name].to_json()] for name in sorted(events.tables)
                },
            }  # fmt: skip
            if told and shared != told:
                raise Refused("The parts of an event store share different tables, fields or sources.")
            told = shared
        if not names:
            raise Refused("An event store needs at least one part.")
        if twice := people - len(pc.unique(pa.concat_arrays(seen))):
            raise Refused(f"{twice:,} people are in two parts of the event store; their events would be parted.")
        write_json(building / "store.json", {"format": FORMAT, "snapshot": snapshot, "parts": names, **told})


def split(events: Events, people: int | None = None, memory_mb: int = 4096) -> Iterable[Events]:
    """Events in parts of so many people, or of as many as fit ``memory_mb`` while they are worked on.

    Everybody whom a source knows is in one of the parts, with or without events.
    """
    ordered = sorted(_everybody(events))
    if people is None:
        heaviest = max((table.size for table in events.tables.values()), default=0) * BYTES_A_CELL
        people = max(1, min(PEOPLE, memory_mb * 2**20 // SHARE_OF_EVENTS * len(ordered) // max(heaviest, 1)))
    for at in range(0, max(len(ordered), 1), people):
        some = ordered[at : at + people]
        chosen = frozenset(some)
        tables = {name: events.rows_of(name, some) for name in events.tables}
        known = {source: {p: d for p, d in since.items() if p in chosen} for source, since in events.known.items()}
        yield replace(events, tables=tables, known=known)


def _everybody(events: Events) -> set[str]:
    """Everybody whom a source knows or an event is about."""
    found = {person for known in events.known.values() for person in known}
    for table in events.tables.values():
        found.update(table["person_id"])
    return found


def _write_part(folder: Path, events: Events, first: int) -> pa.Array:
    """Write one part's tables, its people counted from ``first``. Returns them."""
    people = pa.array(sorted(_everybody(events)), pa.string())
    pq.write_table(pa.table({"person_id": people}), folder / "people.parquet")
    for name, table in events.tables.items():
        made = pa.Table.from_pandas(table, preserve_index=False)
        columns = {"person": pa.array(person_index(made["person_id"], people) + np.int32(first))}
        for column in made.column_names[1:]:
            columns[column] = _stored(made[column], column, events.contracts[name])
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    known = _known(events.known, people)
    known = known.set_column(1, "person", pc.add(known["person"], pa.scalar(first, pa.int32())))
    pq.write_table(known, folder / "known.parquet")
    return people


def _stored(column: pa.ChunkedArray, name: str, contract: EventContract) -> pa.ChunkedArray:
    """Dates as date32, texts as a dictionary, yes/no as booleans: what decodes fast."""
    kind = contract.fields[name].kind if name in contract.fields else "date"
    if kind == "date":
        return column.cast(pa.date32())
    if kind == "category":
        return column.cast(pa.string()).dictionary_encode()
    return column.cast(pa.bool_()) if kind == "yes_no" else column.cast(pa.float64())


def _known(known: Mapping[str, Mapping[str, dt.date]], people: pa.Array) -> pa.Table:
    sources = [source for source in sorted(known) for _ in known[source]]
    persons = [person for source in sorted(known) for person in known[source]]
    since = [day for source in sorted(known) for day in known[source].values()]
    return pa.table(
        {
            "source": pa.array(sources, pa.string()).dictionary_encode(),
            "person": pa.array(person_index(pa.chunked_array([pa.array(persons, pa.string())]), people)),
            "since": pa.array(since, pa.date32()),
        }
    )
