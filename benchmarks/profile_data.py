"""A made-up national store of events, for measuring engines: python benchmarks/profile_data.py FOLDER --people 100000

Everything is drawn from a seed; nothing in it means anything. What is kept from real feeds is what makes them slow:
a long tail of people with hundreds of events and some with none, half of all rows in one table, facts recorded late,
early and in two steps, spells that are still open, several rows on one day, and tables in the order of recording, not
of people. One folder per partition of people, so that memory is bounded by a partition:

    FOLDER/store.json                       as desist.features.engines.store has it, with seed, people and mix
    FOLDER/part-00000/people.parquet        the pseudonyms, in the order of the whole numbers that stand for them
    FOLDER/part-00000/<table>.parquet       the canonical event tables (desist.features.vocabulary), by number
    FOLDER/part-00000/rows.parquet          person, as_of: the profiles to build, 1.2 a person
    FOLDER/part-00000/known.parquet         source, person, since: who each agency knows, since when

Two mixes of 40 events a person: "case records", half of them appointments, as probation sends them; and "long
histories", most of them offences and sanctions, which most features look back at over ten years.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from profile_tables import FIRST_DAY, LAST_DAY, TABLES, Draw, category, date

from desist.features.engines.store import FORMAT
from desist.features.events import Events
from desist.features.vocabulary import CONTRACTS

AS_OF_DATES = pd.date_range("2023-01-01", "2025-10-01", freq="QS").to_numpy().astype("datetime64[D]").astype("int32")
#: How many of 100 people have one, two, three, four profiles: 1.2 on average.
PROFILES_A_PERSON = (87, 8, 3, 2)
#: How many of 100 people without a row in any of its tables a source knows all the same.
KNOWN_WITHOUT_ROWS = {"police": 95, "probation": 70, "prison": 20, "treatment": 10, "council": 15}


#: The mean rows a person has in a table where a mix differs from ``TABLES``.
MIXES: dict[str, dict[str, float]] = {
    "case records": {},
    "long histories": {"offences": 16.0, "sanctions": 10.0, "appointments": 5.0, "needs": 3.0 / 9},
}


def write_store(
    folder: Path, people: int, *, partition: int = 50_000, seed: int = 1, mix: str = "case records"
) -> dict[str, int]:
    """Write a store of made-up people, and say how many people, events and rows it has."""
    folder.mkdir(parents=True, exist_ok=True)
    parts, events, rows = {}, 0, 0
    for place, first in enumerate(range(0, people, partition)):
        name = f"part-{place:05d}"
        draws = np.random.default_rng([seed, place])
        made = _write_part(folder / name, first, min(partition, people - first), draws, MIXES[mix])
        parts[name] = first
        events, rows = events + made[0], rows + made[1]
    about = {"people": people, "events": events, "rows": rows, "partition": partition, "seed": seed, "mix": mix}
    tables = {
        name: [CONTRACTS[name].source, list(CONTRACTS[name].also_from), CONTRACTS[name].to_json()] for name in TABLES
    }
    store = {"format": FORMAT, "snapshot": f"made up, {mix}, seed {seed}", "parts": parts, "tables": tables}
    told = {**store, "sources": sorted(KNOWN_WITHOUT_ROWS), "unsent": [], **about}
    (folder / "store.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    return {"people": people, "events": events, "rows": rows}


def _write_part(
    folder: Path, first: int, people: int, rng: np.random.Generator, means: dict[str, float]
) -> tuple[int, int]:
    folder.mkdir(exist_ok=True)
    names = pa.array([pseudonym(number) for number in range(first, first + people)])
    pq.write_table(pa.table({"person_id": names}), folder / "people.parquet")
    busy = np.exp(rng.normal(0.0, 1.2, people)) * (rng.random(people) > 0.04)
    busy = np.minimum(busy / busy.mean(), 75.0)
    # Three in four are still on somebody's books on some of the as-of dates, as the people of a caseload are.
    ended = rng.integers(FIRST_DAY + 500, int(AS_OF_DATES[0]), people, dtype="int32")
    until = np.where(rng.random(people) < 0.75, rng.integers(AS_OF_DATES[0], LAST_DAY, people, dtype="int32"), ended)
    begun = np.maximum(until - rng.integers(200, 5300, people, dtype="int32"), FIRST_DAY)
    since: dict[str, np.ndarray] = {}
    events = 0
    for table, (make, mean) in TABLES.items():
        who = np.repeat(np.arange(people, dtype="int32"), rng.poisson(busy / busy.mean() * means.get(table, mean)))
        span = (until - begun)[who]
        draw = Draw(rng, who, begun[who] + (rng.random(len(who), dtype="float32") * span).astype("int32"))
        columns = make(draw)
        key = {
            "person": numbered(draw.person, first),
            "occurred_on": date(draw.occurred),
            "recorded_on": date(draw.recorded),
        }
        _note_first_seen(since, CONTRACTS[table].source, draw, people)
        wanted = ("person", *CONTRACTS[table].columns[1:])
        ordered = {name: {**key, **columns}[name] for name in wanted}
        _write(folder / f"{table}.parquet", pa.table(ordered))
        events += len(draw)
    _write(folder / "known.parquet", _known(since, people, first, rng))
    profiles = _profiles(people, first, rng)
    _write(folder / "rows.parquet", profiles)
    return events, len(profiles)


def pseudonym(number: int) -> str:
    return f"p{number:09d}"


def numbered(who: np.ndarray, first: int) -> pa.Array:
    """People of a partition as the store numbers them."""
    return pa.array((who + first).astype("int32"))


def _note_first_seen(since: dict[str, np.ndarray], source: str, draw: Draw, people: int) -> None:
    """The day of the first row a source recorded of each person; rows lie in the order of recording."""
    first = np.full(people, np.iinfo("int32").max, dtype="int32")
    first[draw.person[::-1]] = draw.recorded[::-1]
    since[source] = np.minimum(since.get(source, first), first)


def _known(since: dict[str, np.ndarray], people: int, first_person: int, rng: np.random.Generator) -> pa.Table:
    """Who each source knows: since about its first row; a few were linked only later, some have no row at all."""
    tables = []
    for source, first in sorted(since.items()):
        there = first < np.iinfo("int32").max
        day = np.where(there, first, 0) - rng.integers(0, 30, people)
        day = np.where(rng.random(people) < 0.01, day + rng.integers(30, 900, people), day)
        other = rng.integers(FIRST_DAY, LAST_DAY - 300, people)
        known = there | (rng.random(people) * 100 < KNOWN_WITHOUT_ROWS[source])
        where = np.flatnonzero(known)
        day = np.where(there, day, other)[where]
        columns = {
            "source": category(np.zeros(len(where)), (source,)),
            "person": numbered(where, first_person),
            "since": date(day),
        }
        tables.append(pa.table(columns))
    return pa.concat_tables(tables).unify_dictionaries()


def _profiles(people: int, first: int, rng: np.random.Generator) -> pa.Table:
    """Rows to build: each person on one to four of the quarterly dates, in no order that helps."""
    times = np.repeat([1, 2, 3, 4], PROFILES_A_PERSON)[rng.integers(0, 100, people)]
    who = np.repeat(np.arange(people), times)
    nth = np.arange(len(who)) - np.repeat(np.cumsum(times) - times, times)
    start, step = rng.integers(0, len(AS_OF_DATES), people), rng.integers(1, 3, people)
    day = AS_OF_DATES[(start[who] + step[who] * nth) % len(AS_OF_DATES)]
    order = rng.permutation(len(who))
    return pa.table({"person": numbered(who[order], first), "as_of": date(day[order])})


def _write(path: Path, table: pa.Table) -> None:
    # Every person of a partition fits in the dictionary, whatever its size; other settings are the writer's own.
    pq.write_table(table, path, dictionary_pagesize_limit=64 * 2**20)


@dataclass(frozen=True)
class Part:
    """One partition of people. ``offset`` is added to every person's number when it is read."""

    folder: Path
    offset: int = 0

    def read(self, name: str) -> pa.Table:
        """A table of the partition ("offences", "rows", "known"), under its own pseudonyms."""
        table = pq.read_table(self.folder / f"{name}.parquet")
        people = [pseudonym(number + self.offset) for number in table["person"].to_pylist()]
        return table.set_column(0 if name != "known" else 1, "person_id", pa.array(people)).select(
            ["person_id" if column == "person" else column for column in table.column_names]
        )


def parts(folder: Path) -> list[Part]:
    """The partitions of a store."""
    return [Part(folder / name) for name in json.loads((folder / "store.json").read_text(encoding="utf-8"))["parts"]]


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
    reader.add_argument("--mix", choices=sorted(MIXES), default="case records")
    asked = reader.parse_args()
    began = time.monotonic()
    made = write_store(asked.folder, asked.people, partition=asked.partition, seed=asked.seed, mix=asked.mix)
    print(json.dumps({**made, "seconds": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
