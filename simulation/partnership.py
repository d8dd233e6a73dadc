"""What the agencies' files are made from: people, careers, and the tools to write rows as an agency would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from desist.simulation.careers import Careers, recording_lag
from desist.simulation.people import NEVER, People
from desist.simulation.world import Calendar, Flags, Ints, World, day

#: Larger than any day number: keeps the days of different people apart in one sorted line.
APART = 2**20
Column: TypeAlias = Any  # an arrow array, or day numbers for a column of dates


@dataclass(frozen=True)
class Partnership:
    """A made-up partnership whose truth is settled; only what agencies write down is still to be drawn."""

    world: World
    calendar: Calendar
    people: People
    careers: Careers
    seed: int

    @property
    def cut(self) -> int:
        """The snapshot: the last day on which something in the extracts can have been recorded."""
        return day(self.calendar.extract_date)

    @property
    def begins(self) -> int:
        """First day of the history."""
        return day(self.calendar.history_start)

    def draws(self, what: str) -> np.random.Generator:
        """Random numbers for one table: the same whatever else is or is not written."""
        return np.random.default_rng([self.seed, *what.encode()])

    def lag(self, rng: np.random.Generator, rows: int) -> Ints:
        """Days until each row is entered: some by months."""
        return recording_lag(self.world, rng.random(rows), rng.random(rows))


@dataclass(frozen=True)
class Rows:
    """Rows of one table: whose they are (places in People) and everything but the agency's person number."""

    who: Ints
    table: pa.Table

    def __len__(self) -> int:
        return len(self.who)


def words(options: Sequence[str], which: Ints) -> pa.Array:
    """A text column by position in ``options``; negative positions are empty."""
    return pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32), mask=which < 0), pa.array(list(options)))


def same(text: str, rows: int) -> pa.Array:
    """One text in every row."""
    return words([text], np.zeros(rows, dtype=np.int64))


def dates(days: Ints) -> pa.Array:
    """A date column; NEVER is empty."""
    return pa.array(np.where(days == NEVER, 0, days).astype(np.int32), mask=days == NEVER).cast(pa.date32())


def yes_no(values: Flags, missing: Flags | None = None) -> pa.Array:
    return pa.array(values, mask=missing)


def whole(values: Ints, missing: Flags | None = None) -> pa.Array:
    return pa.array(values.astype(np.int64), mask=missing)


def known(values: Ints, recorded: Ints, cut: int) -> Ints:
    """Values that had been recorded by the cut; NEVER for the others."""
    return np.where((recorded <= cut) & (recorded != NEVER), values, NEVER)


def after(days: Ints, lag: Ints) -> Ints:
    """Days plus lag; NEVER stays."""
    return np.where(days == NEVER, NEVER, days + lag)


def events(p: Partnership, who: Ints, occurred: Ints, recorded: Ints, *, kind: str = "fact", **columns: Column) -> Rows:
    """Event rows that were recorded by the cut; integer arrays among ``columns`` are dates."""
    keep = np.flatnonzero((occurred != NEVER) & (recorded <= p.cut))
    table = {"occurred_on": dates(occurred), "recorded_on": dates(recorded)}
    table |= {name: dates(values) if isinstance(values, np.ndarray) else values for name, values in columns.items()}
    stamps = {"subject_category": same("convicted", len(keep)), "record_kind": same(kind, len(keep))}
    return Rows(who[keep], pa.table(stamps | {name: values.take(pa.array(keep)) for name, values in table.items()}))


def states(who: Ints, recorded: Ints, *, kind: str = "fact", **columns: Column) -> Rows:
    """State rows: one a person, as things stand at the cut."""
    table: dict[str, pa.Array] = {"subject_category": same("convicted", len(who)), "record_kind": same(kind, len(who))}
    table |= {name: dates(values) if isinstance(values, np.ndarray) else values for name, values in columns.items()}
    return Rows(who, pa.table(table | {"recorded_on": dates(recorded)}))


def stacked(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, one after another."""
    return Rows(np.concatenate([part.who for part in parts]), pa.concat_tables([part.table for part in parts]))


@dataclass(frozen=True)
class Spells:
    """Half-open intervals that do not touch, in the order of person and day."""

    who: Ints
    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.who)

    @classmethod
    def merged(cls, who: Ints, start: Ints, end: Ints) -> Spells:
        """Join intervals of one person that overlap or touch; empty and absent ones are left out."""
        some = (start != NEVER) & (end > start)
        who, start, end = who[some], start[some], end[some]
        order = np.lexsort((end, start, who))
        who, first, last = who[order], (who * APART + start)[order], (who * APART + end)[order]
        reach = np.maximum.accumulate(last) if len(last) else last
        opens = np.ones(len(who), dtype=bool)
        opens[1:] = first[1:] > reach[:-1]
        closes = np.append(opens[1:], True) if len(who) else opens
        owner = who[opens]
        return cls(owner, first[opens] - owner * APART, reach[closes] - owner * APART)

    def holds(self, who: Ints, days: Ints) -> Flags:
        """Whether each person is inside one of their intervals on their day."""
        if not len(self):
            return np.zeros(len(who), dtype=bool)
        place = np.searchsorted(self.who * APART + self.start, who * APART + days, side="right") - 1
        return np.asarray((place >= 0) & (self.who[place] == who) & (days < self.end[place]))

    def every(self, gap: int, offset: int) -> tuple[Ints, Ints]:
        """Positions and days: ``offset`` days into each interval and then every ``gap`` days while it lasts."""
        count = np.maximum(0, -(-(self.end - self.start - offset) // gap))
        place = np.repeat(np.arange(len(self)), count)
        step = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
        return place, self.start[place] + offset + gap * step


@dataclass(frozen=True)
class Foresight:
    """How far ahead the intervals that have begun by a day are known to last."""

    line: Ints
    reach: Ints

    @classmethod
    def of(cls, who: Ints, start: Ints, end: Ints) -> Foresight:
        some = np.flatnonzero(start != NEVER)
        some = some[np.lexsort((start[some], who[some]))]
        last = who[some] * APART + end[some]
        return cls(who[some] * APART + start[some], np.maximum.accumulate(last) if len(last) else last)

    def reaches(self, who: Ints, known_on: Ints, days: Ints) -> Flags:
        """Whether an interval begun by ``known_on`` lasts beyond each day. Each person has one that begins by then."""
        place = np.searchsorted(self.line, who * APART + known_on, side="right") - 1
        return np.asarray(self.reach[place] > who * APART + days)


def custody_spells(p: Partnership) -> Spells:
    """When people are in custody, recalls included."""
    s = p.careers.sanctions
    who = np.concatenate([s["who"], s["who"]])
    start = np.concatenate([s["custody_start"], s["recall_start"]])
    return Spells.merged(who, start, np.concatenate([s["custody_end"], s["recall_end"]]))


def supervision_spells(p: Partnership) -> Spells:
    """When people are supervised by probation, whatever the order or licence."""
    s = p.careers.sanctions
    return Spells.merged(s["who"], s["supervised_start"], s["supervised_end"])


def listing_spells(p: Partnership) -> Spells:
    """When people are on the IOM list."""
    s = p.careers.sanctions
    return Spells.merged(s["who"], s["list_start"], s["list_end"])
