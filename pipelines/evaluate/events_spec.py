"""What a spec says of event tables: where each clock stands, who gets a row on which dates, and what comes after.

Right of the rows an event spec is a spec like any other: ``events_rows`` turns events into one table of features and
outcomes, and everything else works on that. Docs: docs/guides/evaluate.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from desist.features.contracts import EventContract, FieldSpec
from desist.features.language import Definition
from desist.features.rows import Field, Rows

PERSON, AS_OF = "person_id", "as_of"
EVERY = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}  # months from one as-of date to the next
ISO = "%Y-%m-%d"


@dataclass(frozen=True)
class EventField:
    """One field of an event: its column, what it holds, and the column of the day on which it was learnt, if later.

    ``letters``: only so many of a code's first letters count; 0 for all of them.
    """

    kind: str
    column: str
    words: str
    values: tuple[str, ...] = ()
    learnt_on: str = ""
    letters: int = 0


@dataclass(frozen=True)
class EventTable:
    """A file of events and its clocks: when each happened, when it became known, when later facts did.

    ``key``: the columns that tell rows apart; the whole row where empty. ``most_set_aside``: the share of rows whose
    clocks may contradict each other before the table itself is refused. ``one`` and ``many`` name an event.
    """

    name: str
    file: str
    person: str
    occurred_on: str
    recorded_on: str
    key: tuple[str, ...]
    fields: Mapping[str, EventField]
    absence: str
    ends: tuple[str, ...]
    one: str
    many: str
    dates: str = ISO
    missing: tuple[str, ...] = ("",)
    encoding: str = "utf-8"
    delimiter: str = ","
    most_set_aside: float = 0.01

    def learnt(self) -> dict[str, str]:
        """Field -> the name that the day on which it was learnt has among the events."""
        return {name: learnt_name(part.learnt_on) for name, part in self.fields.items() if part.learnt_on}

    def contract(self) -> EventContract:
        """What the table promises. ``reads`` traces each field to its column, so that a new name hides nothing."""
        fields = {
            name: FieldSpec(part.kind, part.words, (f"{self.name}.{part.column}",), part.values)
            for name, part in self.fields.items()
        }
        return EventContract(
            self.name, self.name, fields, self.learnt(), self.absence, ends=self.ends, singular=self.one,
            plural=self.many,
        )  # fmt: skip


def learnt_name(column: str) -> str:
    """What the events call the day in ``column`` on which something was learnt; no field can have this name."""
    return f"{column}, learnt"


@dataclass(frozen=True)
class PeopleTable:
    """A file with one row a person: characteristics for the audit, never features."""

    file: str
    person: str
    missing: tuple[str, ...] = ("",)
    encoding: str = "utf-8"
    delimiter: str = ","


@dataclass(frozen=True)
class CohortSpec:
    """Which rows are made: on each as-of date everybody whom ``known_to`` knew before it and of whom ``who`` is yes."""

    first: dt.date
    last: dt.date
    every: str
    known_to: str
    who: Definition | None


@dataclass(frozen=True)
class EventOutcome:
    """Which events count, how long after the as-of date they may happen, and by when they must have been recorded."""

    name: str
    counts: Rows
    follow_up_days: int
    waiting_days: int
    lag_days: int

    @property
    def days_to_known(self) -> int:
        return self.follow_up_days + self.waiting_days + self.lag_days

    def in_words(self) -> str:
        waited = f" and the {self.waiting_days} days after it" if self.waiting_days else ""
        return (
            f"1 where any of the {self.counts.in_words()} happened in the {self.follow_up_days} days from the as-of "
            f"date on and was recorded in those days{waited}"
        )


@dataclass(frozen=True)
class EventsSpec:
    """``cut_on``: the last day that the extract tells of. ``definitions``: a measurement per feature."""

    cut_on: dt.date
    tables: Mapping[str, EventTable]
    people: PeopleTable | None
    named: Mapping[str, Rows]
    cohort: CohortSpec
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    outcomes: Mapping[str, EventOutcome] = field(default_factory=dict)

    @property
    def known_by(self) -> dt.date:
        """The first day on which everything that the extract tells was known."""
        return self.cut_on + dt.timedelta(days=1)

    def rows_read(self) -> list[tuple[str, Rows]]:
        """Every group of events that the spec speaks of, with the place that does."""
        found = [(f"[named] {name}", rows) for name, rows in self.named.items()]
        found += [("[cohort] who", rows) for rows in (self.cohort.who.subjects() if self.cohort.who else ())]
        for name, definition in self.definitions.items():
            found += [(f"[features.{name}] definition", rows) for rows in definition.subjects()]
        return found + [(f"[outcomes.{name}] counts", part.counts) for name, part in self.outcomes.items()]


def vocabulary_of(contracts: Mapping[str, EventContract], named: Mapping[str, Rows]) -> dict[str, Rows | Field]:
    """The names that a definition may use: tables, named groups, and fields whose name only one table has."""
    tables = {name: Rows(contract) for name, contract in contracts.items()}
    fields: dict[str, Rows | Field] = {}
    twice = set()
    for rows in tables.values():
        for name in rows.contract.fields:
            twice |= {name} & set(fields)
            fields[name] = rows.field(name)
    alone = {name: part for name, part in fields.items() if name not in twice}
    return {**alone, **named, **tables}


def columns_read(definition: Definition) -> tuple[str, ...]:
    """The columns of the files that a definition reads, and the word of each measurement in it."""
    columns = {column.partition(".")[2].partition("=")[0] for column in definition.lineage()}
    return (*sorted(columns), *sorted({part.function for part in definition.parts()}))
