"""One SQLite file of what is kept: changed wholly or not at all, and what was erased of it is counted, not kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path


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
            if connection.in_transaction:  # a full disk has ended it already
                connection.execute("rollback")
            raise
        connection.execute("commit")


ERASED = "create table if not exists erased (held_as text primary key, gone integer not null)"


def note_erased(
    connection: sqlite3.Connection, table: str, where: str, values: Sequence[str] | Mapping[str, str]
) -> None:
    """Count those rows of ``table`` that are about to be erased, by extract: else they would seem to have vanished."""
    connection.execute(ERASED)
    connection.execute(
        f"insert into erased select held_as, count(*) from {table} where {where} group by held_as "
        "on conflict do update set gone = gone + excluded.gone", values,
    )  # fmt: skip


def rows_of(connection: sqlite3.Connection, table: str, held_as: str) -> int:
    """Rows of one extract in the table, and those of it that were erased."""
    connection.execute(ERASED)
    query = (
        f"select count(*) from {table} where held_as = :held "
        "union all select total(gone) from erased where held_as = :held"
    )
    return sum(int(row[0]) for row in connection.execute(query, {"held": held_as}))
