"""The compiled engine: one pass over packed events fills every measure; features are made of measures.

A part holds some people's events and what each source knows of them. Packing, measuring and combining follow each
other part by part; nothing goes back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from desist.features import language as say
from desist.features.contracts import EventContract
from desist.features.derive import dates
from desist.features.engines import kernels, measuring
from desist.features.engines.laid import Span, days_of, lay_out, person_index
from desist.features.engines.packing import Packed, pack
from desist.features.engines.plan import (
    AGE,
    ANY,
    ANY_OPEN,
    COUNT,
    DAYS,
    DECAYED,
    VARIETY,
    Measure,
    Plan,
    TablePlan,
    plan_for,
    value_from,
)  # fmt: skip
from desist.features.engines.terms import Ages, check_written_for
from desist.features.events import Events
from desist.features.register import Register
from desist.features.tables import Profiles, check_rows
from desist.records.errors import Refused

Column = npt.NDArray[np.float64]
COUNTED = (COUNT, ANY, ANY_OPEN)


@dataclass(frozen=True)
class Sharing:
    """What is shared at all: the contracts of the tables there are, the sources, and fields that nobody sends."""

    contracts: Mapping[str, EventContract]
    sources: frozenset[str]
    unsent: frozenset[str]

    @classmethod
    def of(cls, events: Events) -> Sharing:
        contracts = {name: contract for name, contract in events.contracts.items() if name in events.tables}
        return cls(contracts, events.shared, events.unsent)

    def never_answered(self, definition: say.Definition) -> bool:
        """Whether a table or field that the definition asks for is sent by nobody, so that it is always missing."""
        asked = definition.asks
        absent = {rows.contract.name for rows in definition.subjects()} - set(self.contracts)
        return bool(absent) or not self.unsent.isdisjoint(asked) or self._no_ends(definition)

    def _no_ends(self, definition: say.Definition) -> bool:
        """Whether it asks what is open, or how long, of spells whose ends nobody sends."""
        spells = [part.rows.contract for part in definition.parts() if isinstance(part, say.IsOpen | say.Duration)]
        return any(all(f"{c.name}.{end}" in self.unsent for end in c.ends) for c in spells)


@dataclass(frozen=True)
class Part:
    """Events of some people, each known by a position among ``people`` (their texts).

    ``read(table, columns)`` gives ``person`` (the position, -1 for nobody among them) and the columns. ``known``:
    source -> a table of ``person`` and ``since``. ``kept``: where laid-out columns may be kept, if anywhere.
    """

    people: pa.Array
    read: Callable[[str, Sequence[str]], pa.Table]
    known: Mapping[str, pa.Table]
    kept: Path | None = None


@dataclass(frozen=True)
class Rows:
    """Rows to work out: each one's person, a position among the part's people, and its as-of date in days."""

    person: npt.NDArray[np.int32]
    as_of: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.person)

    def take(self, places: Any) -> Rows:
        """Some of the rows."""
        return Rows(self.person[places], self.as_of[places])


class Compiled:
    """Some definitions made ready for the kernels; the same object works out any number of parts."""

    def __init__(self, definitions: Mapping[str, say.Definition], sharing: Sharing) -> None:
        for name, definition in definitions.items():
            if definition.yields == "category":
                raise Refused(f"{name} is a category; a profile holds numbers. Ask of one value with has(...).")
        self.definitions = dict(definitions)
        self.sharing = sharing
        self.told = {name: d for name, d in definitions.items() if not sharing.never_answered(d)}
        self.plan: Plan = plan_for(list(self.told.values()))

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns that must be read, by table."""
        read: dict[str, list[str]] = {}
        for table in self.plan.tables:
            read.setdefault(table.contract.name, []).extend(table.columns)
        return {name: tuple(dict.fromkeys(columns)) for name, columns in read.items()}

    def work_out(self, part: Part, rows: Rows, ages: Ages | None = None) -> dict[str, Column]:
        """A column per definition, NaN where missing, in the order of the rows."""
        measured = np.empty((max(len(self.plan.place), 1), len(rows)))
        answered, columns = self._answers(part, rows), self.columns()
        laid = {}
        for table in self.plan.tables:
            name = table.contract.name
            if name not in laid:
                read = partial(part.read, name)
                kept = part.kept / name if part.kept else None
                span = self.span(name, int(rows.as_of.min()), int(rows.as_of.max())) if len(rows) else Span(0, 0)
                laid[name] = lay_out(read, table.contract, columns[name], len(part.people), span, kept)
            _fill(table, pack(laid[name], table), self.plan, rows, answered[name], measured)
        for measure, place in self.plan.place.items():
            if measure.kind == AGE:
                before = measured[self.plan.place[measure.after]] if measure.after else None
                measured[place] = _ages(part.people, rows, before, ages)
        found = {measure: measured[place] for measure, place in self.plan.place.items()}
        return {name: self._column(name, found, answered, len(rows)) for name in self.definitions}

    def span(self, name: str, first: int, last: int) -> Span:
        """The days of a table's events that rows from ``first`` to ``last`` can look at; a spell is as old as it is."""
        measures = [measure for table in self.plan.tables if table.contract.name == name for measure in table.measures]
        if any(measure.kind == DAYS for measure in measures):
            return Span(latest=last)
        return Span(first - max(measure.window.days for measure in measures), last)

    def _column(
        self, name: str, found: Mapping[Measure, Column], answered: Mapping[str, npt.NDArray[np.bool_]], rows: int
    ) -> Column:
        if name not in self.told:
            return np.full(rows, np.nan)
        definition = self.told[name]
        column = value_from(definition, found.__getitem__)
        if isinstance(definition, say.OfDefinitions):  # a value not chosen may come from a table that says nothing
            for table in {subject.contract.name for subject in definition.subjects()}:
                column = np.where(answered[table], column, np.nan)
        return column

    def _answers(self, part: Part, rows: Rows) -> dict[str, npt.NDArray[np.bool_]]:
        """For each table and row, whether having no event means that nothing happened (``Events.answers``)."""
        since = {source: _since(part.known.get(source), len(part.people)) for source in sorted(self.sharing.sources)}
        found = {}
        for name, contract in self.sharing.contracts.items():
            shared = [source for source in contract.sources if source in self.sharing.sources]
            if contract.absence == "none" and shared:
                found[name] = np.ones(len(rows), np.bool_)
                continue
            found[name] = np.zeros(len(rows), np.bool_)
            for source in shared:
                found[name] |= since[source][rows.person] < rows.as_of
        return found


def _since(known: pa.Table | None, people: int) -> npt.NDArray[np.int32]:
    """The first day on which a source had a record of each person; NEVER for people it does not know."""
    first = np.full(people, kernels.NEVER)
    if known is not None and known.num_rows:
        kernels.put_earliest(known["person"].to_numpy(), days_of(known["since"], "known.since"), first)
    return first


def _fill(
    table: TablePlan, packed: Packed, plan: Plan, rows: Rows, answered: npt.NDArray[np.bool_], measured: Column
) -> None:
    """Fill the places of one table's measures, for every row."""
    lasting = [measure for measure in table.measures if measure.kind == DAYS]
    for measure in lasting:
        measuring.measure_days(
            rows.person, rows.as_of, answered, packed.starts, packed.occurred, packed.known, packed.known_bits,
            packed.mask, packed.ends, packed.learnt, np.uint64(1 << table.bit(measure)), measure.window.days,
            measure.window.until, measured[plan.place[measure]],
        )  # fmt: skip
    others = [measure for measure in table.measures if measure.kind != DAYS]
    if not others:
        return
    bounds = sorted({0, *(end for m in others if m.kind in COUNTED for end in (m.window.days, m.window.until))})
    longest = max(measure.window.days for measure in others)
    half_lives = sorted({measure.half_life for measure in others if measure.kind == DECAYED})
    asked = np.array([_asked(measure, table, packed, plan, bounds, half_lives) for measure in others], np.int64)
    counted = sum(1 << bit for bit in {table.bit(measure) for measure in others if measure.kind in COUNTED})
    measuring.measure(
        rows.person, rows.as_of, answered, packed.starts, packed.occurred, packed.known, packed.known_bits,
        packed.mask, packed.closed, packed.values, asked, np.array([measure.none for measure in others]),
        np.array([plan.place[measure] for measure in others], np.int64), np.uint64(counted),
        np.searchsorted(bounds, np.arange(longest + 1)).astype(np.int64), _weights(half_lives, longest), longest,
        measured,
    )  # fmt: skip


def _asked(
    measure: Measure, table: TablePlan, packed: Packed, plan: Plan, bounds: Sequence[int], half_lives: Sequence[int]
) -> tuple[int, ...]:
    """A measure as the kernel reads it: see ``measuring.measure``."""
    window = measure.window
    head = (measure.kind, table.bit(measure), window.days, window.until)
    before = plan.place[measure.after] if measure.after else -1
    if measure.kind in COUNTED:
        return (*head, bounds.index(window.until), bounds.index(window.days), before)
    value = table.values.index(measure.value) if measure.value else -1
    if measure.kind == VARIETY:
        return (*head, value, int(packed.small_codes[value]), before)
    return (*head, value, half_lives.index(measure.half_life) if measure.half_life else -1, before)


def _weights(half_lives: Sequence[int], longest: int) -> Column:
    """What an event of each age in days counts, by half-life; worked out in Python, as the reference does."""
    return np.array([[0.5 ** (age / life) for age in range(longest + 1)] for life in half_lives]).reshape(
        len(half_lives), longest + 1
    )


def _ages(part_people: pa.Array, rows: Rows, before: Column | None, ages: Ages | None) -> Column:
    """Whole years of age on each row's as-of date, or ``before`` days earlier."""
    if ages is None:
        raise Refused("The register holds an approved age; give build_profiles the ages from the vault (ages=...).")
    days = rows.as_of.astype(np.float64) - (0.0 if before is None else before)
    people = np.asarray(part_people.to_pylist(), dtype=object)
    found = np.full(len(rows), np.nan)
    for day in np.unique(days[~np.isnan(days)]):
        there = np.flatnonzero(days == day)
        some = people[rows.person[there]].tolist()
        at = ages(some, pd.Timestamp(int(day), unit="D").date())
        found[there] = [float(at.get(person, np.nan)) for person in some]
    return found


def part_of(events: Events, people: pa.Array) -> Part:
    """What is held in memory about some people (distinct texts), as one part."""

    def read(name: str, columns: Sequence[str]) -> pa.Table:
        table = pa.Table.from_pandas(events.tables[name][["person_id", *columns]], preserve_index=False)
        person = pa.array(person_index(table["person_id"], people))
        return table.drop_columns("person_id").append_column("person", person)

    return Part(people, read, {source: _known(since, people) for source, since in events.known.items()})


def _known(since: Mapping[str, dt.date], people: pa.Array) -> pa.Table:
    person = person_index(pa.chunked_array([pa.array(list(since), pa.string())]), people)
    return pa.table({"person": person, "since": pa.array(list(since.values()), pa.date32())})


def columns_of(
    events: Events, cohort_rows: pd.DataFrame, definitions: Mapping[str, say.Definition], ages: Ages | None = None
) -> dict[str, Column]:
    """A column per definition for every (person, as-of date) row, NaN where missing, in the order of the rows."""
    check_rows(cohort_rows, "cohort", [])
    check_written_for(events.contracts, list(definitions.values()))
    keys = keys_of(cohort_rows)
    people = pc.unique(keys["person_id"].cast(pa.string()))
    rows = Rows(person_index(keys["person_id"], people), days_of(keys["as_of"], "as_of"))
    return Compiled(definitions, Sharing.of(events)).work_out(part_of(events, people), rows, ages)


def keys_of(cohort_rows: pd.DataFrame) -> pa.Table:
    """person_id and as_of of the rows; of a moment in some time zone the day there."""
    key = {"person_id": cohort_rows["person_id"].astype("str"), "as_of": dates(cohort_rows["as_of"])}
    return pa.Table.from_pandas(pd.DataFrame(key), preserve_index=False)


def build_profiles(events: Events, cohort_rows: pd.DataFrame, register: Register, ages: Ages | None = None) -> Profiles:
    """The same profiles as ``reference.build_profiles``, cell for cell, from the compiled pass."""
    columns = columns_of(events, cohort_rows, {feature.name: feature.definition for feature in register.used}, ages)
    return profiles_of(cohort_rows, columns, register)


def profiles_of(cohort_rows: pd.DataFrame, columns: Mapping[str, Any], register: Register) -> Profiles:
    """Profiles from their columns, by the register's names and in its order."""
    key = cohort_rows[["person_id", "as_of"]].reset_index(drop=True)
    table = pd.concat([key, pd.DataFrame({name: columns[name] for name in register.names})], axis=1)
    return Profiles(table, register.names, register.hash)
