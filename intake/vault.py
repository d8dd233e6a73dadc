"""Names, birth dates and the key map, in one SQLite file that only this room opens.

Identity rows stand under the extract that brought them and count only once ``linkage`` has named that
extract: a reading that was killed leaves rows here that nothing uses, and the next one removes them.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from desist.intake.ages import age_on, birthday
from desist.intake.contracts import ADULT_AGE, IDENTIFIERS

FIELDS = (*IDENTIFIERS, "forename", "other_names", "surname", "aliases", "dob", "postcode", "sex", "recorded_on")
#: Whose spelling of a name is shown first; treatment sends initials only.
NAME_ORDER = ("probation", "police", "prison", "council", "treatment")

_SCHEMA = f"""
create table if not exists identity (
    held_as text not null, source text not null, agency_person text not null,
    {", ".join(f"{name} text" for name in FIELDS)},
    primary key (held_as, agency_person)
) without rowid;
create table if not exists linked (held_as text primary key);
create table if not exists key_map (
    source text not null, agency_person text not null, person_id text not null,
    primary key (source, agency_person)
) without rowid;
create table if not exists unmatched (
    source text not null, agency_person text not null, identifier text not null, reason text not null
);
create index if not exists key_map_by_person on key_map (person_id);
"""

_BIRTHS = """
select k.person_id, min(i.dob), max(i.dob) from key_map k
join identity i on i.source = k.source and i.agency_person = k.agency_person
join linked l on l.held_as = i.held_as group by k.person_id
"""

_NAMES = """
select k.person_id, i.source, i.forename, i.surname, i.crn from key_map k
join identity i on i.source = k.source and i.agency_person = k.agency_person
join linked l on l.held_as = i.held_as order by k.person_id, i.source, i.agency_person
"""


@contextmanager
def transaction(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """One all-or-nothing change of an SQLite file that only its owner may read; erased content is overwritten."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        connection.execute("pragma secure_delete = on")
        connection.execute("pragma synchronous = full")
        connection.execute("begin immediate")
        try:
            for statement in filter(None, map(str.strip, schema.split(";"))):
                connection.execute(statement)
            yield connection
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")


class Vault:
    """The vault at ``path``. Is a Holding."""

    name = "vault"

    def __init__(self, path: Path) -> None:
        self.path = path

    def _rows(self, query: str, values: Sequence[str] = ()) -> list[tuple[str, ...]]:
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
            connection.executemany(f"insert into identity values ({marks})", ((held_as, source, *row) for row in rows))

    def keep_only(self, held: Sequence[str]) -> None:
        """Remove identity rows of extracts that the store does not name."""
        if {row[0] for row in self._rows("select distinct held_as from identity")} <= set(held):
            return
        with transaction(self.path, _SCHEMA) as connection:
            marks = ", ".join("?" * len(held))
            connection.execute(f"delete from identity where held_as not in ({marks})", tuple(held))

    def erase_numbers(self, source: str, numbers: Sequence[str]) -> None:
        """Forget what one agency said of these numbers of its own, in older extracts too."""
        if numbers:
            with transaction(self.path, _SCHEMA) as connection:
                for table in ("identity", "unmatched", "key_map"):
                    connection.executemany(
                        f"delete from {table} where source = ? and agency_person = ?",
                        [(source, number) for number in numbers],
                    )

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

    def unmatched(self) -> pd.DataFrame:
        """The queue for a person to look at: source, agency_person, identifier (its kind), reason."""
        columns = ["source", "agency_person", "identifier", "reason"]
        rows = self._rows(f"select {', '.join(columns)} from unmatched order by source, agency_person, identifier")
        return pd.DataFrame(rows, columns=columns, dtype="str")

    def write_key_map(self, held: Sequence[str], key_map: pd.DataFrame, unmatched: pd.DataFrame) -> None:
        """Replace the key map, the queue and the extracts they were made from."""
        with transaction(self.path, _SCHEMA) as connection:
            for table in ("linked", "key_map", "unmatched"):
                connection.execute(f"delete from {table}")
            connection.executemany("insert into linked values (?)", [(name,) for name in held])
            rows = key_map[["source", "agency_person", "person_id"]]
            connection.executemany("insert into key_map values (?, ?, ?)", rows.itertuples(index=False, name=None))
            queue = unmatched[["source", "agency_person", "identifier", "reason"]].itertuples(index=False, name=None)
            connection.executemany("insert into unmatched values (?, ?, ?, ?)", queue)

    # --- asked by other rooms

    def _births(self, person_ids: Sequence[str]) -> np.ndarray:
        """Birth days in the order asked; NaT where unknown, or where one person's rows disagree."""
        agreed = {person: first for person, first, last in self._rows(_BIRTHS) if first == last and first}
        return np.array([agreed.get(person, "NaT") for person in person_ids], dtype="datetime64[D]")

    def is_adult(self, person_ids: Sequence[str], on: dt.date) -> pd.Series:
        """Whether each person has had their eighteenth birthday on ``on``; False where the birth date is unknown."""
        adult = birthday(self._births(person_ids), ADULT_AGE) <= np.datetime64(on, "D")
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
        """Identity rows (older extracts too), queue rows and key map entries of the person."""
        query = " union all ".join(
            f"select count(*) from {table} where (source, agency_person) in "
            "(select source, agency_person from key_map where person_id = ?)"
            for table in ("identity", "unmatched", "key_map")
        )
        return sum(int(row[0]) for row in self._rows(query, (person_id,) * 3))

    def erase(self, person_id: str) -> int:
        """Forget the person; returns how many rows are gone. Erase here last: other places ask the key map first."""
        erased = 0
        with transaction(self.path, _SCHEMA) as connection:
            for table in ("identity", "unmatched", "key_map"):
                erased += connection.execute(
                    f"delete from {table} where (source, agency_person) in "
                    "(select source, agency_person from key_map where person_id = ?)",
                    (person_id,),
                ).rowcount
        return erased
