"""Protected characteristics go to the equality store under the agency's own number, and are not read back.

Rows wait in ``incoming`` under the extract that brought them. ``hand_key_map`` moves those of extracts that
the store names to ``sent``, and writes the map from numbers to people, in one transaction. Nothing here
selects a characteristic: only ``fairness`` does (REQUIREMENTS FEA-2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from desist.intake.holding.one_file import ERASED, note_erased, rows_of, transaction
from desist.intake.terms.contracts import CHARACTERISTICS

FIELDS = ("source", "agency_person", "extract_date", "recorded_on", *CHARACTERISTICS)

_COLUMNS = ", ".join(f"{name} TEXT" for name in FIELDS)
_SCHEMA = f"""
create table if not exists incoming (held_as TEXT, {_COLUMNS});
create table if not exists sent ({_COLUMNS}, held_as TEXT);
create table if not exists key_map (source TEXT, agency_person TEXT, person_id TEXT)
"""
#: Whom each extract has rows of; one read again stands in both tables until the next linkage.
PEOPLE = """(
    select held_as, source, agency_person from incoming union select held_as, source, agency_person from sent
)"""


class EqualityWriter:
    """The writing end of the equality store at ``path``. Is a Holding."""

    name = "equality store"

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, held_as: str, rows: Iterable[tuple[str | None, ...]]) -> None:
        """Add one extract's rows (FIELDS in order) under ``held_as``, in place of any there."""
        marks = ", ".join("?" * (len(FIELDS) + 1))
        with transaction(self.path, _SCHEMA) as connection:
            connection.execute("delete from incoming where held_as = ?", (held_as,))
            connection.execute(ERASED)
            connection.execute("delete from erased where held_as = ?", (held_as,))
            connection.executemany(f"insert into incoming values ({marks})", map((held_as,).__add__, rows))

    def numbers(self, held: Sequence[str]) -> set[str]:
        """The agency's own numbers of the people of these extracts; no characteristic is looked at."""
        if not self.path.exists() or not held:
            return set()
        marks = ", ".join("?" * len(held))
        with transaction(self.path, _SCHEMA) as connection:
            rows = connection.execute(
                f"select agency_person from incoming where held_as in ({marks}) "
                f"union select agency_person from sent where held_as in ({marks})",
                (*held, *held),
            ).fetchall()
        return {number for (number,) in rows}

    def rows_of(self, held_as: str) -> int:
        """Rows that one extract brought: those held, and those erased since; no characteristic is looked at."""
        if not self.path.exists():
            return 0
        with transaction(self.path, _SCHEMA) as connection:
            return rows_of(connection, PEOPLE, held_as)

    def keep_only(self, held: Sequence[str]) -> None:
        """Remove waiting rows of extracts that the store does not name; ``sent`` stays until the next linkage."""
        if not self.path.exists():
            return
        with transaction(self.path, _SCHEMA) as connection:
            marks = ", ".join("?" * len(held))
            connection.execute(f"delete from incoming where held_as not in ({marks})", tuple(held))

    def forget_numbers(self, source: str, numbers: Sequence[str]) -> None:
        """Forget whose these numbers of one agency's own are; what other agencies said of the person stays."""
        if not self.path.exists() or not numbers:
            return
        with transaction(self.path, _SCHEMA) as connection:
            connection.executemany(
                "delete from key_map where source = ? and agency_person = ?", [(source, number) for number in numbers]
            )

    def hand_key_map(self, held: Sequence[str], key_map: pd.DataFrame) -> None:
        """Move the rows of the named extracts, older ones too, to ``sent``, with the person of each agency number.

        Nothing is left behind in ``incoming``, so whoever erases from ``sent`` has erased.
        """
        names, marks = ", ".join(FIELDS), ", ".join("?" * len(held))
        with transaction(self.path, _SCHEMA) as connection:
            connection.execute("delete from key_map")
            connection.execute(
                f"delete from sent where held_as not in ({marks}) or held_as in (select held_as from incoming)",
                tuple(held),
            )
            connection.execute(
                f"insert into sent select {names}, held_as from incoming where held_as in ({marks}) "
                "order by source, extract_date, agency_person",
                tuple(held),
            )
            connection.execute("delete from incoming")
            rows = key_map[["source", "agency_person", "person_id"]]
            connection.executemany("insert into key_map values (?, ?, ?)", rows.itertuples(index=False, name=None))

    def holds(self, person_id: str) -> int:
        """How many rows there are of the person: a count, no characteristic."""
        return self._over_person("select count(*) from {table} where {theirs}", person_id)

    def erase(self, person_id: str) -> int:
        """Remove the person's rows for good; returns how many were removed."""
        return self._over_person("delete from {table} where {theirs}", person_id)

    def _over_person(self, statement: str, person_id: str) -> int:
        if not self.path.exists():
            return 0
        theirs = "(source, agency_person) in (select source, agency_person from key_map where person_id = ?)"
        total = 0
        with transaction(self.path, _SCHEMA) as connection:
            if statement.startswith("delete"):
                note_erased(connection, PEOPLE, theirs, (person_id,))
            for table in ("incoming", "sent", "key_map"):
                cursor = connection.execute(statement.format(table=table, theirs=theirs), (person_id,))
                total += cursor.rowcount if statement.startswith("delete") else int(cursor.fetchone()[0])
        return total
