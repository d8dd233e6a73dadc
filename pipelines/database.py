"""Rows of an agency's database: one SELECT, read only, its answer kept as Parquet, so that it is asked once."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import os
import re
from pathlib import Path
from typing import Any

from desist.intake.mapping.cells import local_day
from desist.records.errors import Problem, Refused

#: The password stands here and nowhere else: not in a mapping, a delivery or the shell's history.
PASSWORD = "DESIST_DB_PASSWORD"
#: What may be asked, and by which driver; where a URL names none, by the first.
DRIVERS = {"sqlite": ("pysqlite",), "postgresql": ("psycopg",)}
#: Left to right, as the database reads it: texts, quoted names, comments. A quotation mark in a comment opens nothing.
_ASIDE = re.compile(r"(?:(?<!\w)[eE])?'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.S)
#: What databases read otherwise: texts with backslashes (E'...') or in dollars, and a comment in a comment.
_UNSURE = re.compile(r"\$\w*\$|/\*|\*/|['\"`]")
_CHANGES = re.compile(
    r"\b(into|insert|update|delete|merge|truncate|call|exec|execute|create|alter|drop|grant|revoke|copy|attach|pragma)\b",
    re.I,
)

#: What a query is wrong in: PostgreSQL's code for it, how SQLite begins to say it, what is found, what to do.
_FAULTS = (
    ("42703", re.compile("no such column"), "an unknown column",
     "Correct the column's name. A text stands in plain quotation marks ('...'), or it is taken for a column."),
    ("42P01", re.compile("no such table"), "an unknown table",
     "Correct the table's name, and its schema where it has one."),
    ("42883", re.compile("no such function"), "an unknown function", "Use one that this kind of database has."),
    ("42601", re.compile("near .*syntax error|incomplete input", re.S), "a query that is no SQL",
     "Try it in the database's own tool, which says where it goes wrong."),
)  # fmt: skip


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
                    'For PostgreSQL: pip install "desist[postgres]".')]) from None  # fmt: skip
    try:
        with engine.connect() as connection:
            if address.get_backend_name() == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                # A cursor on the server is declared for one SELECT, and for nothing that changes anything.
                connection = connection.execution_options(stream_results=True)
            result = connection.execute(sqlalchemy.text(query.replace(":", r"\:")))
            names, rows = list(result.keys()), [tuple(row) for row in result]
    except sqlalchemy.exc.SQLAlchemyError as error:
        # The driver's own words may hold cells of people; the kind of error does not.
        raise Refused("The database did not answer.", [_told(getattr(error, "orig", None) or error, url)]) from None
    return _parquet(names, rows)


def _told(error: BaseException, url: str) -> Problem:
    """What was wrong with the query, as far as it is known by kind; none of the driver's or the query's own words."""
    code, words = getattr(error, "sqlstate", None), str(error)
    for state, start, found, remedy in _FAULTS:
        if code == state or (code is None and start.match(words)):
            return Problem(found, "the query", f"names and words that {_shown(url)} knows", remedy)
    return Problem(type(error).__name__, _shown(url), "an answer to the query",
                   f"Try it in the database's own tool. The password comes from {PASSWORD}.")  # fmt: skip


def _address(url: str) -> Any:
    import sqlalchemy

    try:
        address = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise Refused("The database cannot be asked.", [
            Problem("a URL that is none", "the database's URL", "such as postgresql+psycopg://reader@host/name",
                    "Correct the URL.")]) from None  # fmt: skip
    kind, _, driver = address.drivername.partition("+")
    if kind not in DRIVERS or driver not in ("", *DRIVERS[kind]):
        raise Refused("The database was not asked.", [
            Problem(f"a database of the kind {address.drivername[:30]}", _shown(url), "sqlite:// or postgresql://",
                    "Ask for an extract as a file: of others desist cannot be sure that it only reads.")])  # fmt: skip
    address = address.set(drivername=f"{kind}+{DRIVERS[kind][0]}")
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
    # As written, then as URLs are: a folder may be called a%41b.
    written = (url.split("?")[0].partition(":///")[2], address.database or "")
    path = next((Path(text) for text in written if text and Path(text).is_file()), None)
    if path is None:
        raise Refused("The database was not asked.", [
            Problem("no such file", _shown(url), "an SQLite database", "Correct the path in the URL.")])  # fmt: skip
    return address.set(database=path.resolve().as_uri(), query={"mode": "ro", "uri": "true"})


def _shown(url: str) -> str:
    """The URL without user and password."""
    return re.sub(r"//[^@/]*@", "//", url.split("?")[0])[:120]


def _check_query(query: str) -> None:
    """Raise Refused for anything but one SELECT. The database is opened read only besides: this says what is wrong."""
    words = _ASIDE.sub(_put_aside, query).strip().rstrip(";").strip()
    change = _CHANGES.search(words)
    if re.match(r"(select|with)\b", words, re.I) and not (";" in words or change or _UNSURE.search(words)):
        return
    found = f"the word {change.group().upper()}" if change else "something other than one SELECT"
    raise Refused("The query was not run.", [
        Problem(found, "the query", "one SELECT, or WITH ... SELECT, with texts in plain quotation marks ('...')",
                "Take out everything else: the database is only read. A column of that name stands in double "
                "quotation marks.")])  # fmt: skip


def _put_aside(found: re.Match[str]) -> str:
    """What stands for a text, a quoted name or a comment; what a database may read otherwise stays, and is refused."""
    text = found.group()
    if text[0] in "eE" or ("/*" in text[2:] and text.startswith("/*")):
        return text
    return " text " if text[0] in "'\"" else " "


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
        # Without a table of zones it stays a text with its zone, which intake sets aside and says why.
        return local_day(value) or value.isoformat()
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
