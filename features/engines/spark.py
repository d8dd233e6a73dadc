"""The compiled engine on Apache Spark: events are brought together by person, then each task runs the same pass.

Spark moves the rows; what a definition means stays in one place. Needs ``desist[spark]`` and Java 17 or later; the
executors need this package too (docs/spark.md).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from desist.features.contracts import EventContract
from desist.features.engines.compiled import Compiled, Part, Rows, Sharing
from desist.features.engines.laid import days_of, person_index
from desist.features.engines.terms import check_written_for, refuse_ages
from desist.features.register import Register
from desist.records.errors import Refused

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: What a record is: a row to work out, when a source first knew a person, or (2 and more) an event of a table.
ROW, KNOWN, FIRST_TABLE = 0, 1, 2
EPOCH = dt.date(1970, 1, 1)
#: The first day that a date can be, in days since 1970.
FIRST_DATE = (dt.date.min - EPOCH).days
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
    sources: Collection[str],
    unsent: frozenset[str] = frozenset(),
    tasks: int | None = None,
) -> DataFrame:
    """Profiles as a DataFrame: person_id, as_of, and a double per feature of the register (NaN: missing).

    ``tables``: event tables under ``contracts``, each with ``person_id``. ``rows``: person_id, as_of. ``known``:
    source, person_id, since (the first day on which the source had a record). ``sources``: who shares anything at all;
    ``unsent``: fields that nobody sends. ``tasks``: how many pieces the people
    are divided into; each must fit one executor's memory (some 50,000 people, 2 million events). The order of rows is
    Spark's. Raises Refused for an approved age, whose birth dates never leave the vault.
    """
    sharing = Sharing(
        {name: contracts[name] for name in tables},
        frozenset(sources),
        unsent,
    )
    definitions = {feature.name: feature.definition for feature in register.used}
    refuse_ages(definitions, "runs elsewhere")
    check_written_for(contracts, list(definitions.values()))
    _check_days({**tables, "rows": rows, "known": known})
    compiled = Compiled(definitions, sharing)
    layout = Layout.of(compiled.columns(), sharing.contracts)
    looked_at = _looked_at({name: tables[name] for name in layout.tables}, rows, compiled)
    together = _together(looked_at, rows, known, layout)
    divided = together.repartition(tasks, "person_id") if tasks else together.repartition("person_id")
    schema = ", ".join(["person_id string", "as_of date", *(f"`{name}` double" for name in register.names)])
    return divided.mapInArrow(_Task(compiled, layout), schema)


def _check_days(tables: Mapping[str, DataFrame]) -> None:
    """Refuse moments where days belong: which day a moment is in depends on a session's time zone."""
    moments = [
        f"{name}.{field.name}" for name, table in tables.items() for field in table.schema.fields
        if field.dataType.typeName().startswith("timestamp")
    ]  # fmt: skip
    if moments:
        raise Refused(f"{', '.join(moments)}: moments where days belong. Cast them with to_date in your time zone.")


def _looked_at(tables: Mapping[str, DataFrame], rows: DataFrame, compiled: Compiled) -> dict[str, DataFrame]:
    """The events that any row can look at; the others need not travel."""
    from pyspark.sql import functions as f

    ends = rows.select(f.min(f.to_date("as_of")).alias("first"), f.max(f.to_date("as_of")).alias("last")).head()
    if ends is None or ends["first"] is None:
        return dict(tables)
    first, last = ((ends[name] - EPOCH).days for name in ("first", "last"))
    found = {}
    for name, table in tables.items():
        happened, recorded = f.col("occurred_on"), f.col("recorded_on")
        asked = (recorded < ends["last"]) & (happened < ends["last"])
        if (earliest := compiled.span(name, first, last).earliest) > FIRST_DATE:
            asked &= happened >= EPOCH + dt.timedelta(days=earliest)
        # An event without a date is not left out here in silence: it is refused where events are laid out.
        found[name] = table.filter(asked | happened.isNull() | recorded.isNull())
    return found


def _together(tables: Mapping[str, DataFrame], rows: DataFrame, known: DataFrame, layout: Layout) -> DataFrame:
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
        if nobody := records["person_id"].null_count:
            raise Refused(f"{nobody:,} rows or events name no person. Leave them out, or mend the tables.")
        rows = self._records(records, ROW, {"as_of": "date_0"})
        if rows.num_rows:
            yield from self._profiles(records, rows).to_batches(max_chunksize=50_000)

    def _profiles(self, records: pa.Table, rows: pa.Table) -> pa.Table:
        people = pc.unique(rows["person_id"].combine_chunks())
        asked = Rows(person_index(rows["person_id"], people), days_of(rows["as_of"], "as_of"))
        _check_rows(rows, asked)

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
        columns: dict[str, Any] = dict(self.compiled.work_out(Part(people, read, by_source), asked))
        return pa.table({"person_id": rows["person_id"], "as_of": rows["as_of"], **columns})

    def _records(self, records: pa.Table, record: int, slots: Mapping[str, str]) -> pa.Table:
        """The records of one kind, under their own names."""
        some = records.select(["person_id", *dict.fromkeys(slots.values())]).filter(
            pc.equal(records["record"], pa.scalar(record, pa.int16()))
        )
        columns = {name: some[slot].cast(_ARROW_TYPE[slot.rpartition("_")[0]]) for name, slot in slots.items()}
        return pa.table({"person_id": some["person_id"].cast(pa.string()), **columns})


def _check_rows(rows: pa.Table, asked: Rows) -> None:
    """Refuse rows without a date, and several for one person on one date: a person's rows are all in one task."""
    if empty := rows["as_of"].null_count:
        raise Refused(f"{empty:,} rows have no as-of date.")
    different = np.unique(np.stack([asked.person, asked.as_of]), axis=1).shape[1]
    if len(asked) > different:
        raise Refused(f"{len(asked) - different:,} rows are there twice: one row for a person on an as-of date.")
