"""What people asked for: on hold, corrected, erased and kept out; and the retention decisions. One SQLite file.

Rows stand under the agencies' own numbers, never under a person_id: linkage may give a person another one, and what
they asked for must not get lost by that. Of somebody who was erased only keyed tokens stay (``suppression``), which
tell nobody's name and are disclosed in the receipt; without the partnership's key they cannot be asked.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from desist.intake.holding.one_file import transaction
from desist.intake.rights.log import EMPTY, RegisterLog
from desist.records.errors import Refused
from desist.records.hashing import hash_json

RESTRICTED, CONTESTED = "restricted", "contested"
HOLDS = (RESTRICTED, CONTESTED)

_SCHEMA = """
create table if not exists hold (
    source text not null, agency_person text not null, kind text not null, since text not null, due text not null,
    reason text not null, receipt text not null, primary key (source, agency_person, kind)
);
create table if not exists correction (
    number integer primary key, source text not null, agency_person text not null, table_name text not null,
    row_key text not null, field text not null, was text not null, value text, made_on text not null,
    reason text not null, receipt text not null
);
create table if not exists token (
    token text primary key, kind text not null, person text not null, made_on text not null, receipt text not null
);
create table if not exists key_check (mark text not null);
create table if not exists kept (
    number integer primary key, source text not null, until text not null, reason text not null,
    made_on text not null, made_by text not null
);
create table if not exists journal (receipt text primary key, told text not null)
"""

#: What the log keeps a hash of. A journal changes from step to step, and ends with an event of its own.
_NOTED = ("hold", "correction", "token", "key_check", "kept")
_NOTE_KEY = "insert into key_check select ? where not exists (select 1 from key_check)"


@dataclass(frozen=True)
class Hold:
    """Why no estimate is made of somebody: ``kind`` restricted or contested. ``due``: when a challenge is decided."""

    kind: str
    since: dt.date
    due: dt.date | None
    reason: str
    receipt: str


@dataclass(frozen=True)
class Correction:
    """One corrected cell. ``row_key`` and ``was``: keyed marks of the row and of the wrong value, never the value.

    ``value``: the right one as the canonical table writes it (dates ISO, true or false), None for an empty cell.
    """

    source: str
    agency_person: str
    table: str
    row_key: str
    field: str
    was: str
    value: str | None
    made_on: dt.date
    reason: str
    receipt: str


@dataclass(frozen=True)
class Kept:
    """A steward's decision to keep a source's extracts past their review date, until a day."""

    source: str
    until: dt.date
    reason: str
    made_on: dt.date
    made_by: str


Numbers = Mapping[str, Sequence[str]]


class Rights:
    """The register of one workspace at ``path``. Is a Holding. A file that is not there is an empty register.

    ``noted``: where the log tells of its content. Without it nothing is noted, so the workspace takes such a change
    for a forged one.
    """

    name = "register of rights"

    def __init__(self, path: Path, noted: RegisterLog | None = None) -> None:
        self.path = path
        self.noted = noted

    @property
    def digest(self) -> str:
        """A hash of everything but the journal."""
        there = {row[0] for row in self._rows("select name from sqlite_master")}
        return _digest({table: self._rows(_ALL.format(table)) for table in _NOTED if table in there})

    def check(self) -> None:
        """Raise Refused where the register is not the one that the log tells of."""
        if self.noted:
            self.noted.check(self.digest)

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One change of the register: noted in the log before it counts, and when it does."""
        self.check()
        before = self.digest
        with transaction(self.path, _SCHEMA) as connection:
            yield connection
            after = _digest({table: connection.execute(_ALL.format(table)).fetchall() for table in _NOTED})
            if self.noted and after != before:
                self.noted.begin(before, after)
        if self.noted and after != before:
            self.noted.done(after)

    def _rows(self, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        # Not read-only: after a kill in the middle of a change, whoever opens first puts the old state back.
        try:
            with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=rw", uri=True, timeout=30)) as found:
                return found.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise Refused(
                f"The register of rights {self.path} cannot be read. Restore it from a backup: without it people who "
                "were erased could come back."
            ) from error

    # --- on hold

    def hold(self, numbers: Numbers, hold: Hold) -> None:
        """Put a person on hold under all their numbers, in place of an older hold of that kind."""
        if hold.kind not in HOLDS:
            raise Refused(f"Somebody is put on hold as one of {list(HOLDS)}; found {hold.kind!r}.")
        due = hold.due.isoformat() if hold.due else ""
        with self._change() as connection:
            connection.executemany(
                "insert or replace into hold values (?, ?, ?, ?, ?, ?, ?)",
                [
                    (source, number, hold.kind, hold.since.isoformat(), due, hold.reason, hold.receipt)
                    for source, number in _pairs(numbers)
                ],
            )

    def is_held(self, numbers: Numbers, kind: str) -> bool:
        """Whether any of these numbers is on hold in this way."""
        query = "select 1 from hold where source = ? and agency_person = ? and kind = ?"
        return any(self._rows(query, (*pair, kind)) for pair in _pairs(numbers) if self.path.exists())

    def lift(self, numbers: Numbers, kind: str) -> int:
        """End a hold; returns how many numbers were on it."""
        if not self.path.exists():
            return 0
        with self._change() as connection:
            return sum(
                connection.execute(
                    "delete from hold where source = ? and agency_person = ? and kind = ?", (source, number, kind)
                ).rowcount
                for source, number in _pairs(numbers)
            )

    def on_hold(self, links: pd.DataFrame) -> dict[str, Hold]:
        """Everybody on hold by person_id; ``links``: source, agency_person, person_id.

        One number on hold holds the person. Who asked for restriction and contests something is restricted.
        """
        holds: dict[tuple[str, str], list[Hold]] = {}
        for source, number, kind, since, due, reason, receipt in self._rows(
            "select source, agency_person, kind, since, due, reason, receipt from hold order by kind, source"
        ):
            found = Hold(
                kind, dt.date.fromisoformat(since), dt.date.fromisoformat(due) if due else None, reason, receipt
            )
            holds.setdefault((source, number), []).append(found)
        if not holds:
            return {}
        people: dict[str, Hold] = {}
        names = links[["source", "agency_person", "person_id"]].itertuples(index=False, name=None)
        for source, number, person in names:
            for one in holds.get((source, number), ()):
                if person not in people or one.kind == RESTRICTED:
                    people[person] = one
        return people

    # --- corrections

    def correct(self, correction: Correction, *, key_mark: str) -> None:
        """Note a corrected cell, in place of an earlier correction of the same cell."""
        cell = (
            correction.source, correction.agency_person, correction.table, correction.row_key, correction.field,
        )  # fmt: skip
        with self._change() as connection:
            connection.execute(_NOTE_KEY, (key_mark,))
            connection.execute(
                "delete from correction where source = ? and agency_person = ? and table_name = ? and row_key = ? "
                "and field = ? and was = ?",
                (*cell, correction.was),
            )
            connection.execute(
                "insert into correction (source, agency_person, table_name, row_key, field, was, value, made_on, "
                "reason, receipt) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*cell, correction.was, correction.value, correction.made_on.isoformat(), correction.reason,
                 correction.receipt),
            )  # fmt: skip

    def corrections(self, source: str = "", table: str = "") -> tuple[Correction, ...]:
        """Every corrected cell, or those of one table, in the order in which they were made."""
        rows = self._rows(
            "select source, agency_person, table_name, row_key, field, was, value, made_on, reason, receipt "
            "from correction where (? = '' or source = ?) and (? = '' or table_name = ?) order by number",
            (source, source, table, table),
        )
        return tuple(
            Correction(one[0], one[1], one[2], one[3], one[4], one[5], one[6],
                       dt.date.fromisoformat(one[7]), one[8], one[9])
            for one in rows
        )  # fmt: skip

    # --- tokens of people who were erased

    def write_tokens(
        self, tokens: Mapping[str, str], *, person: str, key_mark: str, made_on: dt.date, receipt: str
    ) -> None:
        """Keep tokens (token -> kind) of one person who was erased. ``key_mark`` tells later whether the key fits."""
        with self._change() as connection:
            connection.execute(_NOTE_KEY, (key_mark,))
            connection.executemany(
                "insert or ignore into token values (?, ?, ?, ?, ?)",
                [(token, kind, person, made_on.isoformat(), receipt) for token, kind in sorted(tokens.items())],
            )

    def tokens(self) -> dict[str, tuple[str, str]]:
        """Kind and person (a random name) of each token."""
        return {token: (kind, person) for token, kind, person in self._rows("select token, kind, person from token")}

    def key_mark(self) -> str:
        """The mark of the key that tokens and corrections were made with; empty where there are none."""
        rows = self._rows("select mark from key_check")
        return str(rows[0][0]) if rows else ""

    def receipts(self) -> dict[str, set[str]]:
        """The receipts under which people are on hold, corrected or kept out, by table."""
        return {
            table: {str(row[0]) for row in self._rows(f"select distinct receipt from {table}")}
            for table in ("hold", "correction", "token")
            if self.path.exists()
        }

    # --- retention

    def keep(self, kept: Kept) -> None:
        """Note a decision to keep a source's extracts longer."""
        with self._change() as connection:
            connection.execute(
                "insert into kept (source, until, reason, made_on, made_by) values (?, ?, ?, ?, ?)",
                (kept.source, kept.until.isoformat(), kept.reason, kept.made_on.isoformat(), kept.made_by),
            )

    def kept(self) -> tuple[Kept, ...]:
        """Every decision, oldest first. The last one of a source holds, even where it is shorter."""
        rows = self._rows("select source, until, reason, made_on, made_by from kept order by number")
        return tuple(
            Kept(one[0], dt.date.fromisoformat(one[1]), one[2], dt.date.fromisoformat(one[3]), one[4]) for one in rows
        )

    # --- what was begun and not finished

    def begin(self, receipt: str, told: Mapping[str, Any]) -> None:
        """Note what was asked before its first step, so that it can be finished after a kill."""
        noted = (receipt, json.dumps(told, sort_keys=True))
        with transaction(self.path, _SCHEMA) as connection:
            connection.execute("insert or replace into journal values (?, ?)", noted)

    def advance(self, receipt: str, told: Mapping[str, Any]) -> None:
        with transaction(self.path, _SCHEMA) as connection:
            connection.execute(
                "update journal set told = ? where receipt = ?", (json.dumps(told, sort_keys=True), receipt)
            )

    def begun(self) -> dict[str, dict[str, Any]]:
        """What was begun and is not finished, by receipt."""
        return {receipt: json.loads(told) for receipt, told in self._rows("select receipt, told from journal")}

    def finish(self, receipt: str) -> None:
        """Forget a journal: it names the person."""
        with transaction(self.path, _SCHEMA) as connection:
            connection.execute("delete from journal where receipt = ?", (receipt,))
        compact(self.path)

    # --- holding

    def holds_numbers(self, numbers: Numbers) -> int:
        """Holds and corrections under the numbers of a person."""
        return sum(
            int(self._rows(f"select count(*) from {table} where source = ? and agency_person = ?", pair)[0][0])
            for table in ("hold", "correction")
            for pair in _pairs(numbers)
            if self.path.exists()
        )

    def erase_numbers(self, numbers: Numbers) -> int:
        """Forget holds and corrections of a person; tokens stay, they name nobody."""
        if not self.path.exists():
            return 0
        erased = 0
        with self._change() as connection:
            for table in ("hold", "correction"):
                for pair in _pairs(numbers):
                    statement = f"delete from {table} where source = ? and agency_person = ?"
                    erased += connection.execute(statement, pair).rowcount
        return erased


_ALL = "select * from {}"


def _digest(tables: Mapping[str, Sequence[tuple[Any, ...]]]) -> str:
    found = {name: sorted((list(row) for row in rows), key=str) for name, rows in tables.items() if rows}
    return hash_json(found) if found else EMPTY


def _pairs(numbers: Numbers) -> Iterable[tuple[str, str]]:
    return [(source, number) for source, own in sorted(numbers.items()) for number in own]


def compact(path: Path) -> None:
    """Write an SQLite file anew, so that no page of it holds what was deleted. No copy goes to the temp folder."""
    if not path.exists():
        return
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute("pragma temp_store = memory")
        connection.execute("pragma secure_delete = on")
        connection.execute("vacuum")
        connection.execute("pragma wal_checkpoint(truncate)")
