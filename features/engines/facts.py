"""What was known of one person before one as-of date, as plain records: what the reference engine looks at.

A person's events become small records; those that were not yet known are left out, and what was learnt later is
emptied. Days are counted as whole numbers (``date.toordinal``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.features.contracts import EventContract
from desist.features.events import Events
from desist.features.rows import Condition, Rows
from desist.features.windows import Lookback
from desist.records.errors import Refused

Record = dict[str, Any]

EPOCH = dt.date(1970, 1, 1).toordinal()
#: People whose events are turned into records at one time; it bounds memory and changes no value.
PEOPLE_AT_A_TIME = 500


def is_known(recorded_on: int, as_of: int) -> bool:
    """The one rule of visibility: what was recorded before the as-of date was known on it."""
    return recorded_on < as_of


@dataclass
class Facts:
    """What was known of one person before one as-of date."""

    as_of: int
    history: Mapping[str, list[Record]]
    contracts: Mapping[str, EventContract]
    unanswered: frozenset[str]
    age: float = float("nan")
    age_on: Callable[[int], float] | None = None

    def __post_init__(self) -> None:
        self._seen: dict[str, list[Record]] = {}
        self._within: dict[tuple[str, int, int], list[Record]] = {}

    def seen(self, table: str) -> list[Record]:
        """The table's rows recorded before the as-of date, each without what was learnt of it later."""
        if table not in self._seen:
            later = self.contracts[table].learnt_later
            known = [record for record in self.history.get(table, ()) if is_known(record["recorded_on"], self.as_of)]
            self._seen[table] = [self._as_then_known(record, later) for record in known] if later else known
        return self._seen[table]

    def _as_then_known(self, record: Record, later: Mapping[str, str]) -> Record:
        hidden: Record = {}
        for name, stamp in later.items():
            learnt = record[stamp]
            if record[name] is not None and (learnt is None or not is_known(learnt, self.as_of)):
                hidden[name] = None
        return {**record, **hidden} if hidden else record

    def within(self, table: str, window: Lookback) -> list[Record]:
        """The rows seen that happened in the window, which ends before the as-of date."""
        asked = (table, window.days, window.until)
        if asked not in self._within:
            first, end = self.as_of - window.days, self.as_of - window.until
            self._within[asked] = [record for record in self.seen(table) if first <= record["occurred_on"] < end]
        return self._within[asked]

    def of(self, rows: Rows, window: Lookback | None) -> list[Record]:
        """The rows seen that happened in the window and meet every condition."""
        if window is None:
            raise Refused("A definition has no look-back limit yet; a register gives it one.")
        found = self.within(rows.contract.name, window)
        for condition in rows.conditions:
            found = [record for record in found if meets(record, condition)]
        return found

    def last_day(self, record: Record, contract: EventContract) -> int | None:
        """The last day of a spell as then known; None while nothing closes it."""
        ends = [record[name] for name in contract.ends if record[name] is not None]
        return min(ends) if ends else None


def meets(record: Record, condition: Condition) -> bool:
    """Whether a row meets a condition; an unknown field never does."""
    value, operator, operand = record[condition.field], condition.operator, condition.operand
    if value is None:
        return False
    if operator == "one_of":
        return value in operand  # type: ignore[operator]
    if operator == "at_least":
        return bool(value >= operand)
    if operator == "at_most":
        return bool(value <= operand)
    if operator == "is_yes":
        return bool(value == 1.0)
    if operator == "is_no":
        return bool(value == 0.0)
    return True


def days_in_custody(facts: Facts, custody: Rows, first: int, end: int) -> int:
    """Days from ``first`` up to but not including ``end`` spent in custody as then known, each counted once."""
    held: set[int] = set()
    for record in facts.seen(custody.contract.name):
        if all(meets(record, condition) for condition in custody.conditions):
            last = facts.last_day(record, custody.contract)
            until = end if last is None else min(last + 1, end)
            held.update(range(max(record["occurred_on"], first), until))
    return len(held)


def histories(
    events: Events, tables: Collection[str], people: Sequence[str]
) -> Iterator[dict[str, dict[str, list[Record]]]]:
    """Records by person and table, for some people at a time; people without any row are there with none."""
    wanted = sorted(set(people))
    for at in range(0, len(wanted), PEOPLE_AT_A_TIME):
        block = wanted[at : at + PEOPLE_AT_A_TIME]
        by_person: dict[str, dict[str, list[Record]]] = {person: {name: [] for name in tables} for person in block}
        for name in sorted(set(tables) & set(events.tables)):
            for record in records(events.rows_of(name, block)):
                by_person[record["person_id"]][name].append(record)
        yield by_person


def records(table: pd.DataFrame) -> list[Record]:
    """The rows as plain records: dates as day numbers, everything unknown as None."""
    names, columns = list(table.columns), []
    for name in names:
        column = table[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            days = column.to_numpy().astype("datetime64[D]").astype("int64") + EPOCH
            values: list[Any] = days.tolist()
        else:
            values = column.tolist()
        unknown = column.isna().to_numpy()
        if unknown.any():
            values = [None if missing else value for value, missing in zip(values, unknown, strict=True)]
        columns.append(values)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def facts_of(
    events: Events, person: str, as_of: dt.date, tables: Collection[str], history: Mapping[str, list[Record]]
) -> Facts:
    """What was known of the person before the as-of date.

    Unanswered are tables whose silence says nothing of this person, and fields that nobody sends.
    """
    unanswered = [
        name for name in tables
        if name not in events.contracts or not events.answers(events.contracts[name], person, as_of)
    ]  # fmt: skip
    return Facts(as_of.toordinal(), history, events.contracts, events.unsent.union(unanswered))
