"""The append-only, hash-chained event log (REQUIREMENTS LOG-1 to LOG-5, events as UX section 10).

Each row's hash covers its content and the hash before it, so a changed, removed or inserted row shows.
A log cut off at its end shows only against a head noted elsewhere: a file beside the log holds one, which
shows a cut made by accident or in haste, and the board's minutes should hold another. Rows hold no names, no
free text and no scores; a person stands in them as an HMAC whose salt lies outside the chain, so that erasing
the salt forgets the person and keeps the chain whole.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from desist.records.errors import Refused
from desist.records.files import write_text
from desist.records.hashing import canonical_json, hash_bytes

OPERATIONS = frozenset({
    "list.viewed", "profile.viewed", "estimate.revealed", "reasons.expanded", "view.recorded_before_estimate",
    "decision.recorded", "decision.second_reviewed", "override.recorded", "export.created", "export.expired",
    "person.contested", "person.corrected", "person.erased", "access.denied", "gate.evaluated",
    "release.requested", "release.approved", "release.refused", "release.revoked", "release.expired",
    "run.created", "data.collected", "data.combined", "data.disclosed", "data.erased", "key.created",
    "list.made", "audit.made", "key.revoked", "sign_off.recorded", "shadow.started", "shadow.counted", "shadow.closed",
    "region.packed", "condition.met",
    "person.explained", "person.restricted", "person.released_from_restriction", "link.decided", "person.reissued",
    "rows.corrected", "retention.kept", "table.changed",
})  # fmt: skip

ROLES = frozenset({
    "practitioner", "panel_chair", "analyst", "data_steward", "board", "auditor", "administrator", "installation",
})  # fmt: skip

FIELDS = (
    "time", "operation", "actor", "role", "outcome", "reason", "subject", "dataset", "recipient", "release",
    "correlation", "counts",
)  # fmt: skip

START = "0" * 64
_CODE = re.compile(r"[A-Za-z0-9_.:@+-]{0,128}")

_SCHEMA = f"""
create table if not exists event (
    number integer primary key,
    {", ".join(f"{name} text not null" for name in FIELDS)},
    before text not null,
    hash text not null unique
);
create trigger if not exists event_is_not_changed before update on event
    begin select raise(abort, 'the log is append-only'); end;
create trigger if not exists event_is_not_removed before delete on event
    begin select raise(abort, 'the log is append-only'); end;
create table if not exists salt (person_id text primary key, salt blob not null);
"""


class EventLog:
    """The log of one workspace. ``clock`` gives UTC; a row is never dated before the row in front of it."""

    def __init__(self, path: Path, clock: Callable[[], dt.datetime]) -> None:
        self.path = path
        self.clock = clock
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.executescript(_SCHEMA)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as connection:
            connection.execute("pragma synchronous = full")
            connection.execute("pragma secure_delete = on")
            yield connection

    def append(
        self,
        operation: str,
        *,
        actor: str,
        role: str,
        outcome: str = "done",
        reason: str = "",
        subject: str = "",
        dataset: str = "",
        recipient: str = "",
        release: str = "",
        correlation: str = "",
        counts: Mapping[str, int] | None = None,
    ) -> str:
        """Add one event and return its hash. Raises Refused for an unknown operation or for free text."""
        event = {
            "operation": operation, "actor": actor, "role": role, "outcome": outcome, "reason": reason,
            "subject": subject, "dataset": dataset, "recipient": recipient, "release": release,
            "correlation": correlation, "counts": canonical_json(dict(counts or {})).decode(),
        }  # fmt: skip
        _check(event, counts or {})
        with self._connection() as connection:
            connection.execute("begin immediate")
            number, last_time, before = _last(connection)
            event["time"] = max(self.clock().astimezone(dt.UTC).isoformat(timespec="seconds"), last_time)
            new = _chain(before, event)
            marks = ", ".join("?" * (len(FIELDS) + 3))
            connection.execute(
                f"insert into event (number, {', '.join(FIELDS)}, before, hash) values ({marks})",
                (number + 1, *(event[name] for name in FIELDS), before, new),
            )
            connection.execute("commit")
        if self._end_fits(before):  # a head that is gone stays noted, whatever is appended after
            write_text(self._noted, new + "\n")
        return new

    @property
    def _noted(self) -> Path:
        """Where the last head is noted beside the log."""
        return self.path.with_suffix(".head")

    def subject_ref(self, person_id: str) -> str:
        """How the log names a person: an HMAC under a salt of their own, made at first use."""
        with self._connection() as connection:
            connection.execute("begin immediate")
            row = connection.execute("select salt from salt where person_id = ?", (person_id,)).fetchone()
            salt = row[0] if row else secrets.token_bytes(32)
            if not row:
                connection.execute("insert into salt values (?, ?)", (person_id, salt))
            connection.execute("commit")
        return hmac.new(salt, person_id.encode(), hashlib.sha256).hexdigest()

    def rows(self) -> list[dict[str, str]]:
        """Every event, oldest first."""
        with self._connection() as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("select * from event order by number")]

    def last_dataset(self, operation: str, beginning: str) -> str:
        """What the newest event of this kind was about, among those whose dataset begins so; empty where none does."""
        with self._connection() as connection:
            row = connection.execute(
                "select dataset from event where operation = ? and substr(dataset, 1, ?) = ? "
                "order by number desc limit 1",
                (operation, len(beginning), beginning),
            ).fetchone()
        return str(row[0]) if row else ""

    def head(self) -> str:
        """The hash of the last event: note it where the log's keeper cannot change it."""
        with self._connection() as connection:
            return _last(connection)[2]

    def last_time(self) -> dt.datetime | None:
        """When the last event happened (UTC), None for an empty log."""
        with self._connection() as connection:
            text = _last(connection)[1]
        return dt.datetime.fromisoformat(text) if text else None

    def holds_head(self, head: str) -> bool:
        """Whether a head noted earlier is still part of the chain: False after a cut or a swap."""
        with self._connection() as connection:
            found = connection.execute("select 1 from event where hash = ?", (head,)).fetchone()
        return head == START or found is not None

    def verify(self) -> list[str]:
        """What is wrong with the chain, in words; empty where it is whole."""
        wrong, before = [], START
        for expected, row in enumerate(self.rows(), start=1):
            if int(row["number"]) != expected or row["before"] != before:
                wrong.append(f"log event {row['number']} does not follow the one in front of it")
            if _chain(row["before"], {name: row[name] for name in FIELDS}) != row["hash"]:
                wrong.append(f"log event {row['number']} was changed after it was written")
            before = row["hash"]
        if not self._end_fits(before):
            wrong.append("the end of the log is gone, or the head noted beside it is")
        return wrong

    def _end_fits(self, last: str) -> bool:
        """Whether the head noted beside the log is in the chain that ends in ``last``; an empty log needs none."""
        noted = self._noted.read_text(encoding="utf-8").strip() if self._noted.exists() else ""
        return self.holds_head(noted) if noted else last == START

    name = "event log"

    def holds(self, person_id: str) -> int:
        with self._connection() as connection:
            found = connection.execute("select count(*) from salt where person_id = ?", (person_id,)).fetchone()
        return int(found[0])

    def erase(self, person_id: str) -> int:
        """Forget who the person's references stand for. The chain itself stays as it is."""
        with self._connection() as connection:
            return connection.execute("delete from salt where person_id = ?", (person_id,)).rowcount


def _last(connection: sqlite3.Connection) -> tuple[int, str, str]:
    row = connection.execute("select number, time, hash from event order by number desc limit 1").fetchone()
    return (row[0], row[1], row[2]) if row else (0, "", START)


def _chain(before: str, event: Mapping[str, str]) -> str:
    return hash_bytes(before.encode() + canonical_json({name: event[name] for name in FIELDS}))


def _check(event: Mapping[str, str], counts: Mapping[str, int]) -> None:
    if event["operation"] not in OPERATIONS:
        raise Refused(f"The log has no operation named {event['operation']!r}.")
    if event["role"] not in ROLES:
        raise Refused(f"The log has no role named {event['role']!r}.")
    text = [name for name, value in event.items() if name != "counts" and not _CODE.fullmatch(value)]
    text += [f"counts[{name!r}]" for name in counts if not _CODE.fullmatch(name)]
    if text or any(isinstance(value, bool) or not isinstance(value, int) for value in counts.values()):
        raise Refused(f"A log event holds codes and whole counts, no free text and no scores: see {text or 'counts'}.")
