"""Rows of an agency's database: one SELECT, read only, its answer kept as Parquet, so that it is asked once."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import os
import re
from pathlib import Path
from typing import Any

from desist.records.errors import Problem, Refused

#: The password stands here and nowhere else: not in a mapping, a delivery or the shell's history.
PASSWORD = "DESIST_DB_PASSWORD"
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.S)
_STRINGS = re.compile(r"'(?:[^']|'')*'")


def answer_of(url: str, query: Path | None) -> bytes:
    """The answer to the SELECT in the file ``query``, as Parquet. Raises Refused with what is wrong with either."""
    if query is None or not query.is_file():
        raise Refused("A database needs a query.", [
            Problem("no query" if query is None else "no such file", str(query or "--query"), "a file with one SELECT",
                    "Write the SELECT into a file and name it with --query.")])  # fmt: skip
    return fetch(url, query.read_text(encoding="utf-8-sig"))


def fetch(url: str, query: str) -> bytes:
    """The answer to ``query`` as Parquet bytes; equal answers in equal order give equal bytes."""
    import sqlalchemy

    address = _address(url)
    _check_query(query)
    try:
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
    except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise Refused("The database cannot be asked.", [
            Problem(f"no driver for it ({type(error).__name__})", _shown(url), "a database whose driver is installed",
                    "For PostgreSQL: install psycopg, and write postgresql+psycopg://.")]) from None  # fmt: skip
    try:
        with engine.connect() as connection:
            if address.get_backend_name() == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            result = connection.execute(sqlalchemy.text(query.replace(":", r"\:")))
            names, rows = list(result.keys()), [tuple(row) for row in result]
    except sqlalchemy.exc.SQLAlchemyError as error:
        # The driver's own words may hold cells of people; the kind of error does not.
        origin = getattr(error, "orig", None)
        raise Refused("The database did not answer.", [
            Problem(f"{type(origin or error).__name__}", _shown(url), "an answer to the query",
                    f"Try it in the database's own tool. The password comes from {PASSWORD}.")]) from None  # fmt: skip
    return _parquet(names, rows)


def _address(url: str) -> Any:
    import sqlalchemy

    try:
        address = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise Refused("The database cannot be asked.", [
            Problem("a URL that is none", "the database's URL", "such as postgresql+psycopg://reader@host/name",
                    "Correct the URL.")]) from None  # fmt: skip
    if address.password is not None or any("password" in key.lower() for key in address.query):
        raise Refused("The database was not asked.", [
            Problem("a password in the URL", _shown(url), "a URL without one",
                    f"Take it out, change it where it was seen, and set {PASSWORD} instead.")])  # fmt: skip
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, url)
    password = os.environ.get(PASSWORD)
    return address.set(password=password) if password else address


def _sqlite(address: Any, url: str) -> Any:
    """Opened read only: SQLite would make a database that is not there."""
    path = Path(address.database or "")
    if not address.database or not path.is_file():
        raise Refused("The database was not asked.", [
            Problem("no such file", _shown(url), "an SQLite database", "Correct the path in the URL.")])  # fmt: skip
    return address.set(database=f"file:{path.resolve()}", query={"mode": "ro", "uri": "true"})


def _shown(url: str) -> str:
    """The URL without user and password."""
    return re.sub(r"//[^@/]*@", "//", url.split("?")[0])[:120]


def _check_query(query: str) -> None:
    words = _STRINGS.sub("''", _COMMENTS.sub(" ", query)).strip().rstrip(";").strip()
    if re.match(r"(select|with)\b", words, re.I) and ";" not in words:
        return
    raise Refused("The query was not run.", [
        Problem("something other than one SELECT", "the query", "one SELECT, or WITH ... SELECT",
                "Take out everything else: the database is only read.")])  # fmt: skip


def _parquet(names: list[str], rows: list[tuple[Any, ...]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise Refused("The answer cannot be read.", [
            Problem(f"the column {', '.join(repeated)[:80]} twice", "the query", "each column once",
                    "Name them apart in the SELECT (AS).")])  # fmt: skip
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [_array([_plain(value) for value in column]) for column in columns]
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays, names=names), buffer)
    return buffer.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value if isinstance(value, str | int | float | bool | dt.date) or value is None else str(value)


def _array(column: list[Any]) -> Any:
    """One type a column; a column of several becomes text, as SQLite allows them."""
    import pyarrow as pa

    kinds = frozenset(type(value) for value in column if value is not None)
    types = {frozenset({bool}): pa.bool_(), frozenset({int}): pa.int64(), frozenset({float}): pa.float64(),
             frozenset({int, float}): pa.float64(), frozenset({dt.date}): pa.date32()}  # fmt: skip
    if kind := types.get(kinds):
        return pa.array(column, type=kind)
    return pa.array([None if value is None else str(value) for value in column], type=pa.string())
