"""Names, birth dates and the key map, in one SQLite file that only this room opens.

Identity rows stand under the extract that brought them and count only once ``linkage`` has named that
extract: a reading that was killed leaves rows here that nothing uses, and the next one removes them.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from desist.intake.holding.one_file import ERASED, note_erased, rows_of, transaction
from desist.intake.terms.ages import age_on, birthday
from desist.intake.terms.contracts import ADULT_AGE, IDENTIFIERS

FIELDS = (*IDENTIFIERS, "forename", "other_names", "surname", "aliases", "dob", "postcode", "sex", "recorded_on")
#: Two records that a data steward is asked about, or has decided on; the smaller source and number first.
PAIR = ("left_source", "left_number", "right_source", "right_number")
#: Whose spelling of a name is shown first; treatment sends initials only.
NAME_ORDER = ("probation", "police", "prison", "council", "treatment")

#: The person and the mark of every number as last linked, of those not sent this time too while an extract has them.
KNOWN = """
create table if not exists key_known (
    source text not null, agency_person text not null, person_id text not null, mark text not null,
    primary key (source, agency_person)
) without rowid
"""
_GONE = "delete from key_known where (source, agency_person) not in (select source, agency_person from identity)"

_SCHEMA = f"""
create table if not exists identity (
    held_as text not null, source text not null, agency_person text not null,
    {", ".join(f"{name} text" for name in FIELDS)},
    primary key (held_as, agency_person)
) without rowid;
{KNOWN};
create table if not exists linked (held_as text primary key);
create table if not exists key_map (
    source text not null, agency_person text not null, person_id text not null,
    primary key (source, agency_person)
) without rowid;
create table if not exists unmatched (
    source text not null, agency_person text not null, identifier text not null, reason text not null
);
create table if not exists link_queue (
    number integer primary key, {", ".join(f"{name} text not null" for name in PAIR)},
    kind text not null, why text not null, probability real
);
create table if not exists link_decision (
    {", ".join(f"{name} text not null" for name in PAIR)},
    decision text not null, decided_by text not null, decided_on text not null, reason text not null,
    left_mark text not null default '', right_mark text not null default '',
    primary key ({", ".join(PAIR)})
) without rowid;
create table if not exists last_number (name text primary key, number integer not null);
create index if not exists key_map_by_person on key_map (person_id);
"""

#: Which rows of a table speak of one of the numbers in ``{}``; the key map last: it tells what the others are found by.
_BOTH = "(left_source, left_number) in {} or (right_source, right_number) in {}"
_OWN = "(source, agency_person) in {}"
_THEIRS = {
    "identity": _OWN, "unmatched": _OWN, "link_queue": _BOTH, "link_decision": _BOTH, "key_map": _OWN,
}  # fmt: skip
_OF_PERSON = (
    "(select source, agency_person from key_map where person_id = :person union "
    "select source, agency_person from key_known where person_id = :person)"
)

_BIRTHS = """
select k.person_id, i.dob, count(distinct i.source) from key_map k
join identity i on i.source = k.source and i.agency_person = k.agency_person
join linked l on l.held_as = i.held_as where i.dob is not null and i.dob != '' group by k.person_id, i.dob
"""

_NAMES = """
select k.person_id, i.source, i.forename, i.surname, i.crn from key_map k
join identity i on i.source = k.source and i.agency_person = k.agency_person
join linked l on l.held_as = i.held_as order by k.person_id, i.source, i.agency_person
"""


class Vault:
    """The vault at ``path``. Is a Holding."""

    name = "vault"

    def __init__(self, path: Path) -> None:
        self.path = path

    def _rows(self, query: str, values: Sequence[str] | Mapping[str, str] = ()) -> list[tuple[str, ...]]:
        if not self.path.exists():
            return []
        # Not read-only: after a kill in the middle of a change, whoever opens first puts the old state back.
        with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=rw", uri=True, timeout=30)) as connection:
            return connection.execute(query, values).fetchall()

    # --- written by reading

    def write_identity(self, held_as: str, source: str, rows: Iterable[tuple[str | None, ...]]) -> None:
        """Put one extract's identity rows (agency_person, then FIELDS) under ``held_as``, in place of any there."""
        marks = ", ".join("?" * (len(FIELDS) + 3))
        with transaction(self.path, _SCHEMA) as connection:
            connection.execute("delete from identity where held_as = ?", (held_as,))
            connection.execute(ERASED)
            connection.execute("delete from erased where held_as = ?", (held_as,))
            connection.executemany(f"insert into identity values ({marks})", map((held_as, source).__add__, rows))

    def keep_only(self, held: Sequence[str]) -> None:
        """Remove identity rows of extracts that the store does not name."""
        if {row[0] for row in self._rows("select distinct held_as from identity")} <= set(held):
            return
        with transaction(self.path, _SCHEMA) as connection:
            marks = ", ".join("?" * len(held))
            connection.execute(f"delete from identity where held_as not in ({marks})", tuple(held))

    def erase_numbers(self, source: str, numbers: Sequence[str]) -> None:
        """Forget what one agency said of these numbers of its own, in older extracts too."""
        own = [{"source": source, "number": number} for number in numbers]
        if own:
            with transaction(self.path, _SCHEMA) as connection:
                for number in own:
                    note_erased(connection, "identity", "source = :source and agency_person = :number", number)
                for table, theirs in _THEIRS.items():
                    where = theirs.replace("{}", "(values (:source, :number))")
                    connection.executemany(f"delete from {table} where {where}", own)
                connection.executemany("delete from key_known where source = :source and agency_person = :number", own)

    def rows_of(self, held_as: str) -> int:
        """Identity rows that one extract brought: those held, and those erased since."""
        if not self.path.exists():
            return 0
        with transaction(self.path, _SCHEMA) as connection:
            return rows_of(connection, "identity", held_as)

    def birth_dates(self, held_as: str) -> pd.DataFrame:
        """agency_person and dob (text) of one extract: what reading needs to judge childhood records."""
        rows = self._rows("select agency_person, dob from identity where held_as = ?", (held_as,))
        return pd.DataFrame(rows, columns=["agency_person", "dob"], dtype="str")

    # --- linkage

    def identities(self, held: Sequence[str]) -> pd.DataFrame:
        """All identity rows of the named extracts, by source and number. For linkage alone."""
        marks = ", ".join("?" * len(held))
        names = ("source", "agency_person", *FIELDS)
        rows = self._rows(
            f"select {', '.join(names)} from identity where held_as in ({marks}) order by source, agency_person",
            tuple(held),
        )
        return pd.DataFrame(rows, columns=list(names), dtype="str")

    def key_map(self) -> pd.DataFrame:
        """source, agency_person, person_id as last linked."""
        rows = self._rows("select source, agency_person, person_id from key_map order by source, agency_person")
        return pd.DataFrame(rows, columns=["source", "agency_person", "person_id"], dtype="str")

    def known_keys(self) -> pd.DataFrame:
        """source, agency_person, person_id and mark as last linked, of records not sent last time too."""
        columns = ["source", "agency_person", "person_id", "mark"]
        if not self._has("key_known"):  # linked before marks were kept
            return self.key_map().assign(mark="")
        rows = self._rows(f"select {', '.join(columns)} from key_known order by source, agency_person")
        return pd.DataFrame(rows, columns=columns, dtype="str")

    def unmatched(self) -> pd.DataFrame:
        """The queue for a person to look at: source, agency_person, identifier (its kind), reason."""
        columns = ["source", "agency_person", "identifier", "reason"]
        rows = self._rows(f"select {', '.join(columns)} from unmatched order by source, agency_person, identifier")
        return pd.DataFrame(rows, columns=columns, dtype="str")

    def write_key_map(
        self, held: Sequence[str], key_map: pd.DataFrame, unmatched: pd.DataFrame, queue: pd.DataFrame | None = None
    ) -> None:
        """Replace the key map, the unmatched rows, the steward's queue and the extracts they were made from.

        A pair that waited before keeps its number in the queue; a number is never given to another pair.
        """
        with transaction(self.path, _SCHEMA) as connection:
            for table in ("linked", "key_map", "unmatched"):
                connection.execute(f"delete from {table}")
            connection.executemany("insert into linked values (?)", [(name,) for name in held])
            rows = key_map[["source", "agency_person", "person_id"]]
            connection.executemany("insert into key_map values (?, ?, ?)", rows.itertuples(index=False, name=None))
            marked = rows.assign(mark=key_map.get("mark", "")).itertuples(index=False, name=None)
            connection.executemany("insert or replace into key_known values (?, ?, ?, ?)", marked)
            connection.execute(_GONE)
            entries = unmatched[["source", "agency_person", "identifier", "reason"]].itertuples(index=False, name=None)
            connection.executemany("insert into unmatched values (?, ?, ?, ?)", entries)
            _write_queue(connection, [] if queue is None else _queue_rows(queue))

    def link_queue(self) -> pd.DataFrame:
        """Pairs that wait for a data steward: number, the two records, kind, why and the model's chance."""
        columns = ["number", *PAIR, "kind", "why", "probability"]
        rows = (
            self._rows(f"select {', '.join(columns)} from link_queue order by number")
            if self._has("link_decision")
            else []
        )
        return pd.DataFrame(rows, columns=columns)

    def link_decisions(self) -> pd.DataFrame:
        """What data stewards decided: the two records, decision, decided_by, decided_on, reason code and marks."""
        columns = [*PAIR, "decision", "decided_by", "decided_on", "reason", "left_mark", "right_mark"]
        marks = ", ".join(columns)
        rows = (
            self._rows(f"select {marks} from link_decision order by {', '.join(PAIR)}")
            if self._has("link_decision")
            else []
        )
        return pd.DataFrame(rows, columns=columns, dtype="str")

    def decide(self, pair: Sequence[str], *, decision: str, by: str, on: dt.date, reason: str) -> None:
        """Keep one decision about two records (PAIR), in place of an earlier one; the pair leaves the queue.

        The marks of the two go with it: it holds as long as the numbers name the people it was made about.
        """
        values = (*pair, decision, by, on.isoformat(), reason)
        mark = "coalesce((select mark from key_known where source = ? and agency_person = ?), '')"
        with transaction(self.path, _SCHEMA) as connection:
            connection.execute(
                f"insert or replace into link_decision values ({', '.join('?' * 8)}, {mark}, {mark})", (*values, *pair)
            )
            where = " and ".join(f"{name} = ?" for name in PAIR)
            connection.execute(f"delete from link_queue where {where}", tuple(pair))

    def withdraw_decision(self, pair: Sequence[str]) -> int:
        """Forget a decision about two records: how many there were, one or none."""
        with transaction(self.path, _SCHEMA) as connection:
            where = " and ".join(f"{name} = ?" for name in PAIR)
            return connection.execute(f"delete from link_decision where {where}", tuple(pair)).rowcount

    def linked_identities(self, records: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
        """What was linked of these records (source, number): FIELDS by name, only those stated. For data stewards."""
        query = (
            f"select i.source, i.agency_person, {', '.join(f'i.{name}' for name in FIELDS)} from identity i "
            "join linked l on l.held_as = i.held_as where i.source = ? and i.agency_person = ?"
        )
        found = [row for record in records for row in self._rows(query, record)]
        return {
            (row[0], row[1]): {name: value for name, value in zip(FIELDS, row[2:], strict=True) if value}
            for row in found
        }

    def _has(self, table: str) -> bool:
        return bool(self._rows("select 1 from sqlite_master where name = ?", (table,)))

    # --- asked by other rooms

    def _births(self, person_ids: Sequence[str], *, youngest: bool = False) -> np.ndarray:
        """Birth days in the order asked; NaT where unknown.

        Where agencies disagree, the day that most of them state, NaT where none does; or the latest of them all, which
        makes the person ``youngest``.
        """
        told: dict[str, list[tuple[int, str]]] = {}
        for person, born, agencies in self._rows(_BIRTHS):
            told.setdefault(person, []).append((int(agencies), born))
        days = {person: _youngest(stated) if youngest else _most_stated(stated) for person, stated in told.items()}
        return np.array([days.get(person, "NaT") for person in person_ids], dtype="datetime64[D]")

    def is_adult(self, person_ids: Sequence[str], on: dt.date) -> pd.Series:
        """Whether each person has had their eighteenth birthday on ``on`` by every birth date that an agency states.

        False where the birth date is unknown: in doubt, somebody is a child.
        """
        adult = birthday(self._births(person_ids, youngest=True), ADULT_AGE) <= np.datetime64(on, "D")
        return pd.Series(adult, index=pd.Index(list(person_ids), name="person_id", dtype="str"), name="is_adult")

    def age_at(self, person_ids: Sequence[str], on: dt.date) -> pd.Series:
        """Age in whole years on ``on``; NaN where the birth date is unknown."""
        ages = age_on(self._births(person_ids), on)
        return pd.Series(ages, index=pd.Index(list(person_ids), name="person_id", dtype="str"), name="age")

    def ages_on(self, person_ids: Sequence[str], days: Sequence[dt.date | None]) -> pd.Series:
        """Age in whole years of each person on a day of their own; NaN where either is unknown. In the order asked."""
        births, wanted = self._births(person_ids), np.array([day or "NaT" for day in days], dtype="datetime64[D]")
        ages = np.full(len(births), np.nan)
        for day in np.unique(wanted[~np.isnat(wanted)]):
            ages[wanted == day] = age_on(births[wanted == day], day.astype(dt.date))
        return pd.Series(ages, index=pd.Index(list(person_ids), name="person_id", dtype="str"), name="age")

    def names(self, person_ids: Sequence[str]) -> pd.DataFrame:
        """person_id, name and crn in the order asked; empty text where not held. Only pages for staff call this."""
        wanted = set(person_ids)
        best: dict[str, tuple[int, str]] = {}
        crns: dict[str, str] = {}
        for person, source, forename, surname, crn in self._rows(_NAMES):
            if person not in wanted:
                continue
            name = " ".join(part for part in (forename, surname) if part)
            rank = NAME_ORDER.index(source)
            if name and rank < best.get(person, (len(NAME_ORDER), ""))[0]:
                best[person] = (rank, name)
            if crn and (source == "probation" or person not in crns):
                crns[person] = crn
        return pd.DataFrame(
            [(person, best.get(person, (0, ""))[1], crns.get(person, "")) for person in person_ids],
            columns=["person_id", "name", "crn"],
            dtype="str",
        )

    # --- holding

    def holds(self, person_id: str) -> int:
        """Identity rows (older extracts too), queue rows, decisions and key map entries of the person."""
        if self.path.exists():
            with transaction(self.path, KNOWN):
                pass  # a vault written before there was such a table
        there = {row[0] for row in self._rows("select name from sqlite_master")}
        query = " union all ".join(
            f"select count(*) from {table} where {theirs.replace('{}', _OF_PERSON)}"
            for table, theirs in _THEIRS.items()
            if table in there
        )
        return sum(int(row[0]) for row in self._rows(query, {"person": person_id})) if there else 0

    def erase(self, person_id: str) -> int:
        """Forget the person; returns how many rows are gone. Erase here last: other places ask the key map first."""
        erased = 0
        with transaction(self.path, _SCHEMA) as connection:
            note_erased(connection, "identity", _OWN.replace("{}", _OF_PERSON), {"person": person_id})
            for table, theirs in _THEIRS.items():
                query = f"delete from {table} where {theirs.replace('{}', _OF_PERSON)}"
                erased += connection.execute(query, {"person": person_id}).rowcount
            connection.execute("delete from key_known where person_id = ?", (person_id,))
        return erased


def _most_stated(stated: Sequence[tuple[int, str]]) -> str:
    """The birth date that more agencies state than any other; NaT where two are stated by equally many."""
    most = max(agencies for agencies, _ in stated)
    days = [born for agencies, born in stated if agencies == most]
    return days[0] if len(days) == 1 else "NaT"


def _youngest(stated: Sequence[tuple[int, str]]) -> str:
    return max(born for _, born in stated)


def _queue_rows(queue: pd.DataFrame) -> list[tuple[str | float | None, ...]]:
    rows = []
    for *pair, kind, why, chance in queue[[*PAIR, "kind", "why", "probability"]].itertuples(index=False, name=None):
        rows.append((*pair, kind, why, None if chance != chance else chance))
    return rows


def _write_queue(connection: sqlite3.Connection, rows: list[tuple[str | float | None, ...]]) -> None:
    names = ", ".join(PAIR)
    before = {row[1:]: row[0] for row in connection.execute(f"select number, {names} from link_queue")}
    last = connection.execute("select number from last_number where name = 'link_queue'").fetchone()
    number = int(last[0]) if last else 0
    connection.execute("delete from link_queue")
    for row in rows:
        if row[:4] not in before:
            number += 1
        values = (before.get(row[:4], number), *row)
        connection.execute("insert into link_queue values (?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.execute("insert or replace into last_number values ('link_queue', ?)", (number,))
