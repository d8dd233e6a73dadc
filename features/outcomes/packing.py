"""Event tables of the people asked for as plain arrays, person by person; what the kernels of outcomes run over.

The one place that knows how: a general packing can replace it. Days are ``date.toordinal`` in 32 bits; a date beyond
them raises, it never wraps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.features.derive import dates
from desist.features.engines.facts import EPOCH
from desist.features.events import Events
from desist.features.rows import Condition, Rows

Array = np.ndarray[Any, Any]
#: The day number of a date nobody knows: later than any that can be asked about.
NEVER = int(np.iinfo(np.int32).max)


@dataclass(frozen=True)
class People:
    """The people of some rows: each once, and which of them each row is about."""

    names: Array
    of_row: Array

    @classmethod
    def of(cls, rows: pd.DataFrame) -> People:
        of_row, names = pd.factorize(rows["person_id"].astype("str").to_numpy(dtype=object))
        return cls(np.asarray(names, dtype=object), of_row.astype(np.int64))

    def since(self, events: Events, source: str) -> Array:
        """The first day on which the source had a record of each person; NEVER where it has none."""
        known = events.known.get(source, {})
        days = [known[name].toordinal() if name in known else NEVER for name in self.names]
        return np.array(days, dtype=np.int64)


@dataclass(frozen=True)
class Places:
    """Where each person's rows of a table lie: row ``starts[place]`` up to ``starts[place + 1]``.

    ``of_person`` gives the place of each of the people; -1 for somebody without rows.
    """

    starts: Array
    of_person: Array

    @classmethod
    def of(cls, table: pd.DataFrame, people: People) -> Places:
        """Places in a table that is sorted by person, as every event table is."""
        ids = table["person_id"].to_numpy(dtype=object)
        begins = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if len(ids) else np.zeros(0, dtype=np.int64)
        found = pd.Index(ids[begins], dtype=object)
        place = found.get_indexer(pd.Index(people.names, dtype=object))
        return cls(np.r_[begins, len(ids)].astype(np.int64), place.astype(np.int64))


def day_numbers(column: pd.Series) -> Array:
    """Dates as day numbers in 32 bits, NEVER where empty. Raises OverflowError for a date beyond them."""
    known = column.notna().to_numpy()
    days = column.to_numpy().astype("datetime64[D]").astype(np.int64)
    days = np.where(known, days + EPOCH, NEVER)
    if len(days) and (days[known].max(initial=0) >= NEVER or days.min() <= -NEVER):
        raise OverflowError(f"a {column.name} lies beyond the days that 32 bits can count")
    return days.astype(np.int32)


def days_of(rows: pd.DataFrame) -> Array:
    """The as-of dates as day numbers."""
    return day_numbers(dates(rows["as_of"])).astype(np.int64)


def meeting(table: pd.DataFrame, rows: Rows) -> Array:
    """Whether each row of a table meets every condition; an unknown field never does."""
    met = np.ones(len(table), dtype=bool)
    for condition in rows.conditions:
        met &= _meets(table[condition.field], condition)
    return met


def _meets(column: pd.Series, condition: Condition) -> Array:
    operator, operand = condition.operator, condition.operand
    if operator == "one_of":
        found = column.isin(list(operand))  # type: ignore[arg-type]
    elif operator == "at_least":
        found = column >= operand
    elif operator == "at_most":
        found = column <= operand
    elif operator in ("is_yes", "is_no"):
        found = column == (1.0 if operator == "is_yes" else 0.0)
    else:
        found = column.notna()
    return found.to_numpy(dtype=bool)


def masks(conditions: Sequence[Array], length: int) -> Array:
    """Up to 64 true/false columns as the bits of one number per row."""
    if len(conditions) > 64:
        raise OverflowError(f"{len(conditions)} conditions do not fit into the 64 bits of a mask")
    bits = np.zeros(length, dtype=np.uint64)
    for place, met in enumerate(conditions):
        bits |= met.astype(np.uint64) << np.uint64(place)
    return bits


def answered(events: Events, table: str, people: People, as_of: Array) -> Array:
    """For each row whether having no row of the table means that nothing happened (``Events.answers``)."""
    contract = events.contracts.get(table)
    shared = [source for source in contract.sources if source in events.known] if contract is not None else []
    if contract is None or table not in events.tables or not shared:
        return np.zeros(len(as_of), dtype=bool)
    if contract.absence == "none":
        return np.ones(len(as_of), dtype=bool)
    first = np.min([people.since(events, source) for source in shared], axis=0)
    known: Array = first[people.of_row] < as_of
    return known
