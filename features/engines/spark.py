"""The compiled engine on Apache Spark: events are brought together by person, then each task runs the same pass.

Spark moves the rows; what a definition means stays in one place. Needs ``desist[spark]`` and Java 17 or later; the
executors need this package too (docs/spark.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from desist.features import language as say
from desist.features.contracts import EventContract
from desist.features.engines.compiled import Compiled, Part, Rows, Sharing
from desist.features.engines.laid import days_of, person_index
from desist.features.engines.terms import check_written_for
from desist.features.register import Register
from desist.records.errors import Refused

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: What a record is: a row to work out, when a source first knew a person, or (2 and more) an event of a table.
ROW, KNOWN, FIRST_TABLE = 0, 1, 2
_SPARK_TYPE = {"date": "date", "category": "string", "number": "double", "yes_no": "boolean"}
_ARROW_TYPE = {"date": pa.date32(), "category": pa.string(), "number": pa.float64(), "yes_no": pa.bool_()}
KINDS = tuple(_SPARK_TYPE)


@dataclass(frozen=True)
class Layout:
    """How the columns of many tables share a few: ``slots[table][column]`` is the shared column's name.

    All events travel as one table, so that one shuffle brings a person's events of every table together.
    """

    tables: tuple[str, ...]
    slots: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[str]], contracts: Mapping[str, EventContract]) -> Layout:
        slots: dict[str, dict[str, str]] = {}
        for name in sorted(columns):
            used = dict.fromkeys(KINDS, 0)
            slots[name] = {}
            for column in columns[name]:
                kind = kind_of(contracts[name], column)
                slots[name][column] = f"{kind}_{used[kind]}"
                used[kind] += 1
        return cls(tuple(sorted(columns)), slots)

    @property
    def names(self) -> tuple[str, ...]:
        """Every shared column; always one date and one text, for rows and for known people."""
        used = {slot for slots in self.slots.values() for slot in slots.values()} | {"date_0", "category_0"}
        return tuple(sorted(used))


def kind_of(contract: EventContract, column: str) -> str:
    dates = ("occurred_on", "recorded_on", *contract.learnt_later.values())
    return "date" if column in dates else contract.spec(column).kind


def build_profiles_on_spark(
    tables: Mapping[str, DataFrame],
    contracts: Mapping[str, EventContract],
    rows: DataFrame,
    known: DataFrame,
    register: Register,
    *,
    unsent: frozenset[str] = frozenset(),
    tasks: int | None = None,
) -> DataFrame:
    """Profiles as a DataFrame: person_id, as_of, and a double per feature of the register (NaN: missing).

    ``tables``: event tables under ``contracts``, each with ``person_id``. ``rows``: person_id, as_of. ``known``:
    source, person_id, since (the first day on which the source had a record). ``tasks``: how many pieces the people
    are divided into; each must fit one executor's memory (some 50,000 people, 2 million events). The order of rows is
    Spark's. Raises Refused for an approved age, whose birth dates never leave the vault.
    """
    sharing = Sharing(
        {name: contracts[name] for name in tables},
        frozenset(row["source"] for row in known.select("source").distinct().collect()),
        unsent,
    )
    definitions = {feature.name: feature.definition for feature in register.used}
    _refuse_ages(definitions)
    check_written_for(contracts, list(definitions.values()))
    compiled = Compiled(definitions, sharing)
    layout = Layout.of(compiled.columns(), sharing.contracts)
    together = _together(tables, rows, known, layout, sharing.contracts)
    divided = together.repartition(tasks, "person_id") if tasks else together.repartition("person_id")
    schema = ", ".join(["person_id string", "as_of date", *(f"`{name}` double" for name in register.names)])
    return divided.mapInArrow(_Task(compiled, layout), schema)


def _refuse_ages(definitions: Mapping[str, say.Definition]) -> None:
    aged = [name for name, d in definitions.items() if any(isinstance(part, say.Age) for part in d.parts())]
    if aged:
        raise Refused(
            f"{', '.join(aged)}: birth dates stay in the vault, so Spark cannot work out an age. "
            "Build these features with the compiled engine on the machine that holds the vault."
        )


def _together(
    tables: Mapping[str, DataFrame],
    rows: DataFrame,
    known: DataFrame,
    layout: Layout,
    contracts: Mapping[str, EventContract],
) -> DataFrame:
    """Rows, known people and events in one table of shared columns."""
    made = _shared(rows, ROW, {"date_0": "as_of"}, layout)
    made = made.unionAll(_shared(known, KNOWN, {"date_0": "since", "category_0": "source"}, layout))
    for at, name in enumerate(layout.tables, start=FIRST_TABLE):
        slots = {slot: column for column, slot in layout.slots[name].items()}
        made = made.unionAll(_shared(tables[name], at, slots, layout))
    return made


def _shared(table: DataFrame, record: int, slots: Mapping[str, str], layout: Layout) -> DataFrame:
    """A table's columns under their shared names; the others empty."""
    from pyspark.sql import functions as f

    columns = [f.col("person_id").cast("string").alias("person_id"), f.lit(record).cast("short").alias("record")]
    for name in layout.names:
        kind = _SPARK_TYPE[name.rpartition("_")[0]]
        value = f.col(slots[name]) if name in slots else f.lit(None)
        columns.append(value.cast(kind).alias(name))
    return table.select(*columns)


@dataclass(frozen=True)
class _Task:
    """What one Spark task does with its people: the compiled pass over their records."""

    compiled: Compiled
    layout: Layout

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = list(batches)
        if not found:
            return
        records = pa.Table.from_batches(found)
        rows = self._records(records, ROW, {"as_of": "date_0"})
        if rows.num_rows:
            yield from self._profiles(records, rows).to_batches(max_chunksize=50_000)

    def _profiles(self, records: pa.Table, rows: pa.Table) -> pa.Table:
        people = pc.unique(rows["person_id"].combine_chunks())

        def numbered(table: pa.Table) -> pa.Table:
            person = pa.array(person_index(table["person_id"], people))
            return table.drop_columns("person_id").append_column("person", person)

        def read(name: str, columns: Sequence[str]) -> pa.Table:
            slots = {column: self.layout.slots[name][column] for column in columns}
            return numbered(self._records(records, FIRST_TABLE + self.layout.tables.index(name), slots))

        known = numbered(self._records(records, KNOWN, {"since": "date_0", "source": "category_0"}))
        by_source = {
            source: known.filter(pc.equal(known["source"], source)) for source in self.compiled.sharing.sources
        }
        asked = Rows(person_index(rows["person_id"], people), days_of(rows["as_of"], "as_of"))
        columns: dict[str, Any] = dict(self.compiled.work_out(Part(people, read, by_source), asked))
        return pa.table({"person_id": rows["person_id"], "as_of": rows["as_of"], **columns})

    def _records(self, records: pa.Table, record: int, slots: Mapping[str, str]) -> pa.Table:
        """The records of one kind, under their own names."""
        some = records.select(["person_id", *dict.fromkeys(slots.values())]).filter(
            pc.equal(records["record"], pa.scalar(record, pa.int16()))
        )
        columns = {name: some[slot].cast(_ARROW_TYPE[slot.rpartition("_")[0]]) for name, slot in slots.items()}
        return pa.table({"person_id": some["person_id"].cast(pa.string()), **columns})
