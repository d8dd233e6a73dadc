"""A made-up national store of events, for measuring engines: python benchmarks/profile_data.py FOLDER --people 100000

Everything is drawn from a seed; nothing in it means anything. What is kept from real feeds is what makes them slow:
a long tail of people with hundreds of events and some with none, half of all rows in one table, facts recorded late,
early and in two steps, spells that are still open, several rows on one day, and tables in the order of recording, not
of people. One folder per partition of people, so that memory is bounded by a partition:

    FOLDER/store.json                       seed, people, partitions
    FOLDER/part-00000/<table>.parquet       the canonical event tables (desist.features.vocabulary)
    FOLDER/part-00000/rows.parquet          person_id, as_of: the profiles to build, 1.2 a person
    FOLDER/part-00000/known.parquet         source, person_id, since: who each agency knows, since when
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from profile_tables import FIRST_DAY, LAST_DAY, TABLES, Draw, category, date

from desist.features.events import Events
from desist.features.vocabulary import CONTRACTS

AS_OF_DATES = pd.date_range("2023-01-01", "2025-10-01", freq="QS").to_numpy().astype("datetime64[D]").astype("int32")
#: How many of 100 people have one, two, three, four profiles: 1.2 on average.
PROFILES_A_PERSON = (87, 8, 3, 2)
#: How many of 100 people without a row in any of its tables a source knows all the same.
KNOWN_WITHOUT_ROWS = {"police": 95, "probation": 70, "prison": 20, "treatment": 10, "council": 15}


def write_store(folder: Path, people: int, *, partition: int = 50_000, seed: int = 1) -> dict[str, int]:
    """Write a store of made-up people, and say how many people, events and rows it has."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, events, rows = [], 0, 0
    for place, first in enumerate(range(0, people, partition)):
        name = f"part-{place:05d}"
        made = _write_part(folder / name, first, min(partition, people - first), np.random.default_rng([seed, place]))
        parts.append({"folder": name, "offset": 0})
        events, rows = events + made[0], rows + made[1]
    about = {"people": people, "events": events, "rows": rows, "partition": partition, "seed": seed, "parts": parts}
    (folder / "store.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
    return {"people": people, "events": events, "rows": rows}


def _write_part(folder: Path, first: int, people: int, rng: np.random.Generator) -> tuple[int, int]:
    folder.mkdir(exist_ok=True)
    names = np.array([f"p{number:09d}" for number in range(first, first + people)], dtype=object)
    busy = np.exp(rng.normal(0.0, 1.2, people)) * (rng.random(people) > 0.04)
    busy = np.minimum(busy / busy.mean(), 75.0)
    # Three in four are still on somebody's books on some of the as-of dates, as the people of a caseload are.
    ended = rng.integers(FIRST_DAY + 500, int(AS_OF_DATES[0]), people, dtype="int32")
    until = np.where(rng.random(people) < 0.75, rng.integers(AS_OF_DATES[0], LAST_DAY, people, dtype="int32"), ended)
    begun = np.maximum(until - rng.integers(200, 5300, people, dtype="int32"), FIRST_DAY)
    since: dict[str, np.ndarray] = {}
    events = 0
    for table, (make, mean) in TABLES.items():
        who = np.repeat(np.arange(people, dtype="int32"), rng.poisson(busy / busy.mean() * mean))
        span = (until - begun)[who]
        draw = Draw(rng, who, begun[who] + (rng.random(len(who), dtype="float32") * span).astype("int32"))
        columns = make(draw)
        key = {
            "person_id": _people(draw.person, names),
            "occurred_on": date(draw.occurred),
            "recorded_on": date(draw.recorded),
        }
        _note_first_seen(since, CONTRACTS[table].source, draw, people)
        ordered = {name: {**key, **columns}[name] for name in CONTRACTS[table].columns}
        _write(folder / f"{table}.parquet", pa.table(ordered))
        events += len(draw)
    _write(folder / "known.parquet", _known(since, names, rng))
    profiles = _profiles(names, rng)
    _write(folder / "rows.parquet", profiles)
    return events, len(profiles)


def _people(who: np.ndarray, names: np.ndarray) -> pa.Array:
    """Pseudonyms, numbered in the order in which they come, as a writer that reads row by row would number them."""
    first = np.full(len(names), len(who))
    first[who[::-1]] = np.arange(len(who))[::-1]
    in_order = np.argsort(first, kind="stable")[: int((first < len(who)).sum())]
    place = np.zeros(len(names), dtype="int32")
    place[in_order] = np.arange(len(in_order), dtype="int32")
    return pa.DictionaryArray.from_arrays(pa.array(place[who]), pa.array(names[in_order], pa.string()))


def _note_first_seen(since: dict[str, np.ndarray], source: str, draw: Draw, people: int) -> None:
    """The day of the first row a source recorded of each person; rows lie in the order of recording."""
    first = np.full(people, np.iinfo("int32").max, dtype="int32")
    first[draw.person[::-1]] = draw.recorded[::-1]
    since[source] = np.minimum(since.get(source, first), first)


def _known(since: dict[str, np.ndarray], names: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Who each source knows: since about its first row; a few were linked only later, some have no row at all."""
    tables = []
    for source, first in sorted(since.items()):
        there = first < np.iinfo("int32").max
        day = np.where(there, first, 0) - rng.integers(0, 30, len(names))
        day = np.where(rng.random(len(names)) < 0.01, day + rng.integers(30, 900, len(names)), day)
        other = rng.integers(FIRST_DAY, LAST_DAY - 300, len(names))
        known = there | (rng.random(len(names)) * 100 < KNOWN_WITHOUT_ROWS[source])
        where = np.flatnonzero(known)
        day = np.where(there, day, other)[where]
        columns = {
            "source": category(np.zeros(len(where)), (source,)),
            "person_id": _people(where, names),
            "since": date(day),
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables).unify_dictionaries()


def _profiles(names: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Rows to build: each person on one to four of the quarterly dates, in no order that helps."""
    times = np.repeat([1, 2, 3, 4], PROFILES_A_PERSON)[rng.integers(0, 100, len(names))]
    who = np.repeat(np.arange(len(names)), times)
    nth = np.arange(len(who)) - np.repeat(np.cumsum(times) - times, times)
    start, step = rng.integers(0, len(AS_OF_DATES), len(names)), rng.integers(1, 3, len(names))
    day = AS_OF_DATES[(start[who] + step[who] * nth) % len(AS_OF_DATES)]
    order = rng.permutation(len(who))
    return pa.table({"person_id": _people(who[order], names), "as_of": date(day[order])})


def _write(path: Path, table: pa.Table) -> None:
    # Every person of a partition fits in the dictionary, whatever its size; other settings are the writer's own.
    pq.write_table(table, path, dictionary_pagesize_limit=64 * 2**20)


@dataclass(frozen=True)
class Part:
    """One partition of people. ``offset`` is added to the number in every pseudonym when it is read."""

    folder: Path
    offset: int = 0

    def read(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A table of the partition ("offences", "rows", "known"), under its own pseudonyms."""
        table = pq.read_table(self.folder / f"{name}.parquet", columns=None if columns is None else list(columns))
        if not self.offset or "person_id" not in table.column_names:
            return table
        place = table.column_names.index("person_id")
        return table.set_column(place, "person_id", renumbered(table["person_id"], self.offset))


def renumbered(people: pa.ChunkedArray, offset: int) -> pa.ChunkedArray:
    """The same people under pseudonyms whose number is higher by ``offset``; only the dictionaries are rewritten."""
    chunks = []
    for chunk in people.chunks:
        number = pc.add(pc.cast(pc.utf8_slice_codeunits(chunk.dictionary, 1), pa.int64()), offset)
        spelt = pc.binary_join_element_wise("p", pc.utf8_lpad(pc.cast(number, pa.string()), 9, "0"), "")
        chunks.append(pa.DictionaryArray.from_arrays(chunk.indices, spelt))
    return pa.chunked_array(chunks, people.type)


def parts(folder: Path) -> list[Part]:
    """The partitions of a store."""
    listed = json.loads((folder / "store.json").read_text(encoding="utf-8"))["parts"]
    return [Part(folder / part["folder"], part["offset"]) for part in listed]


def replicate(folder: Path, times: int) -> list[Part]:
    """The partitions of a store, ``times`` over, each time as people of their own.

    Nothing is copied on disk: every partition is read and decoded anew for each copy and its pseudonyms are
    rewritten, so that an engine meets as many different people, events and rows as in a store of that size.
    """
    people = json.loads((folder / "store.json").read_text(encoding="utf-8"))["people"]
    return [Part(part.folder, part.offset + copy * people) for copy in range(times) for part in parts(folder)]


def read_events(part: Part) -> Events:
    """A partition as the reference engine takes it."""
    tables = {name: part.read(name).to_pandas(date_as_object=False) for name in TABLES}
    return Events(tables, CONTRACTS, known=read_known(part))


def read_known(part: Part) -> dict[str, dict[str, object]]:
    """Source -> person -> the first day on which it had a record of the person."""
    table = part.read("known").to_pandas()
    return {
        str(source): dict(zip(rows["person_id"].astype(str), rows["since"], strict=True))
        for source, rows in table.groupby("source", observed=True)
    }


def read_rows(part: Part) -> pd.DataFrame:
    """The profiles to build: person_id (text), as_of (day)."""
    table = part.read("rows").to_pandas(date_as_object=False)
    return table.assign(person_id=table["person_id"].astype(str))


def main() -> None:
    """Write a store and print its size and how long that took."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("folder", type=Path)
    reader.add_argument("--people", type=int, default=100_000)
    reader.add_argument("--partition", type=int, default=50_000)
    reader.add_argument("--seed", type=int, default=1)
    asked = reader.parse_args()
    began = time.monotonic()
    made = write_store(asked.folder, asked.people, partition=asked.partition, seed=asked.seed)
    print(json.dumps({**made, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
