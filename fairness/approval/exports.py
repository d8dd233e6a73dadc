"""Lists that left the installation: who holds which, why, under which release, and until when.

The inventory is append-only: an entry is never changed or removed, only followed by a note that the copy is gone.
The log holds each entry's hash, so an inventory that was edited or thrown away shows.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from desist.fairness.approval.signoff import SHORTEST_TEXT, SigningKeys
from desist.records.errors import Problem, Refused
from desist.records.hashing import canonical_json, hash_json

#: The longest that a copy may be kept (DOMAIN section 10: exports 30 days).
LONGEST_DAYS = 30
ENDINGS = ("destroyed", "returned")
#: Who a copy is for, as the log can hold it: a code or an address, no name.
_RECIPIENT = re.compile(r"[A-Za-z0-9_.:@+-]{3,64}")

_SCHEMA = """
create table if not exists export (number integer primary key, id text not null unique, told text not null);
create table if not exists ending (number integer primary key, id text not null unique, told text not null);
""" + "".join(
    f"create trigger if not exists {table}_is_not_{what}d before {how} on {table} "
    "begin select raise(abort, 'the inventory of exports is append-only'); end;\n"
    for table in ("export", "ending")
    for what, how in (("change", "update"), ("remove", "delete"))
)


@dataclass(frozen=True)
class Export:
    """One copy of a list for one recipient. ``expires_on``: the last day it may be kept. ``checksum``: of its rows.

    Raises Refused, with everything that is wrong, when it is made.
    """

    list_id: str
    release: str
    recipient: str
    reason: str
    key_id: str
    holder: str
    people: int
    made_on: dt.date
    expires_on: dt.date
    checksum: str = ""
    signature: str = ""

    def __post_init__(self) -> None:
        problems = []
        if not _RECIPIENT.fullmatch(self.recipient):
            told = "a code or an address such as iom.team@council.example"
            problems.append(Problem("something else", "recipient", told, "No name: the log holds codes."))
        if len(self.reason.strip()) < SHORTEST_TEXT:
            told = f"at least {SHORTEST_TEXT} characters"
            problems.append(Problem(f"{len(self.reason.strip())} characters", "reason", told, "Say what it is for."))
        if not 0 < (self.expires_on - self.made_on).days <= LONGEST_DAYS:
            where = f"end {self.expires_on}"
            told = f"a day after {self.made_on}, at most {LONGEST_DAYS} days later"
            problems.append(Problem("another day", where, told, "Set another day."))
        if problems:
            raise Refused("The list cannot be handed on as asked:", problems)

    @property
    def id(self) -> str:
        """The same however the copy comes out: what was asked, by whom, for whom, on which day."""
        told = {name: value for name, value in self.as_json().items() if name not in ("checksum", "signature")}
        return f"{self.made_on.isoformat()}-{hash_json(told)[:12]}"

    def content(self) -> bytes:
        """The canonical bytes that the chair signs: everything but the signature."""
        told = self.as_json()
        del told["signature"]
        return b"desist export 1\n" + canonical_json(told)

    def signed(self, keys: SigningKeys, password: bytes) -> Export:
        """The entry with the chair's signature. Raises Refused for a wrong password."""
        return replace(self, signature=keys.sign(self.key_id, password, self.content()))

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        return {**told, "made_on": self.made_on.isoformat(), "expires_on": self.expires_on.isoformat()}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Export:
        """The entry in a JSON object. Raises ValueError, KeyError, TypeError or Refused where it is none."""
        dates = {name: dt.date.fromisoformat(told[name]) for name in ("made_on", "expires_on")}
        if any(type(value) is not (int if name == "people" else str) for name, value in told.items()):
            raise TypeError("a value of another kind")
        return cls(**{**told, **dates})


@dataclass(frozen=True)
class Ending:
    """That a copy is gone: how, as of which day, and who says so (a code)."""

    id: str
    how: str
    on: dt.date
    said_by: str

    def __post_init__(self) -> None:
        if self.how not in ENDINGS:
            raise Refused(f"A copy of a list ends as one of {list(ENDINGS)}; found {self.how!r}.")

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "on": self.on.isoformat()}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Ending:
        """The note in a JSON object. Raises ValueError, KeyError, TypeError or Refused where it is none."""
        if any(type(value) is not str for value in told.values()):
            raise TypeError("a value of another kind")
        return cls(**{**told, "on": dt.date.fromisoformat(told["on"])})


Entry = TypeVar("Entry", Export, Ending)


class Inventory:
    """The copies of lists that were handed on, oldest first. A file that is not there is an empty inventory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            connection.execute("pragma synchronous = full")
            connection.executescript(_SCHEMA)
            yield connection

    def add(self, export: Export) -> None:
        """Note a copy. Raises Refused where the very same is noted already."""
        self._append("export", export.id, export.as_json())

    def end(self, ending: Ending) -> None:
        """Note that a copy is gone. Raises Refused where there is no such copy, or it is gone already."""
        if ending.id not in {export.id for export in self.all()}:
            raise Refused(f"The inventory has no export {ending.id}. `desist export list` shows those it has.")
        self._append("ending", ending.id, ending.as_json())

    def _append(self, table: str, name: str, told: dict[str, Any]) -> None:
        try:
            with self._open() as connection:
                connection.execute(
                    f"insert into {table} (id, told) values (?, ?)", (name, canonical_json(told).decode())
                )
        except sqlite3.IntegrityError as error:
            raise Refused(f"The {table} {name} is in the inventory already; nothing was noted twice.") from error
        except sqlite3.DatabaseError as error:
            raise Refused(f"The inventory {self.path} cannot be written: {error}. Nothing was noted.") from error

    def all(self) -> tuple[Export, ...]:
        """Every copy that was ever handed on."""
        return tuple(self._read("export", Export.from_json))

    def endings(self) -> dict[str, Ending]:
        """The copies that are gone, by their id."""
        return {ending.id: ending for ending in self._read("ending", Ending.from_json)}

    def out(self) -> tuple[Export, ...]:
        """The copies that nobody said are gone."""
        gone = self.endings()
        return tuple(export for export in self.all() if export.id not in gone)

    def _read(self, table: str, reader: Callable[[dict[str, Any]], Entry]) -> list[Entry]:
        told = self._told(table)
        try:
            return [reader(entry) for entry in told]
        except (KeyError, TypeError, ValueError, AttributeError, Refused) as error:
            raise Refused(
                f"The inventory of exports {self.path} holds an {table} that is none: it was edited, or is damaged. "
                "Restore it from a backup; the log still tells who was handed a copy."
            ) from error

    def _told(self, table: str) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        try:
            with self._open() as connection:
                rows = connection.execute(f"select told from {table} order by number").fetchall()
            return [json.loads(told) for (told,) in rows]
        except (sqlite3.DatabaseError, ValueError) as error:
            raise Refused(f"The inventory of exports {self.path} cannot be read. Restore it from a backup.") from error


def latest_end(today: dt.date, *, list_ends: dt.date, release_ends: dt.date) -> dt.date:
    """The last day a copy made today may be kept: thirty days on, but never after the list or its approval ends."""
    return min(today + dt.timedelta(days=LONGEST_DAYS), list_ends, release_ends)
