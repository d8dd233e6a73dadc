"""A real PostgreSQL server is asked: types as they come, one SELECT, and nothing in it can be changed."""

import contextlib
import datetime as dt
import decimal
import io
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from desist.pipelines import database
from desist.pipelines.database import fetch
from desist.records.errors import Refused

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
#: PostgreSQL refuses to run as root; Debian's package makes the first of these, every system has the second.
NOT_ROOT = ("postgres", "nobody")


def as_another(user, *words):
    """The words of a command that ``user`` runs; of ourselves where we are not root."""
    return ["runuser", "-u", user, "--", *map(str, words)] if user else list(map(str, words))


@contextlib.contextmanager
def cluster(binaries, folder, user):
    """A cluster of its own on a socket in its folder, with no port; it ends with the block, whatever happens in it."""
    run = {"check": True, "capture_output": True, "timeout": 120, "cwd": folder, "env": {"PATH": os.environ["PATH"]}}
    data = folder / "data"
    subprocess.run(
        as_another(user, binaries / "initdb", "-D", data, "-U", "steward", "-A", "trust", "-E", "UTF8", "--no-locale",
                   "--no-sync"), **run,
    )  # fmt: skip
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    # Its output goes to a file: a server that held our pipe would never let the call return.
    start = as_another(user, binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        subprocess.run(start, **run)
        yield f"postgresql://steward@/postgres?host={folder}"
    finally:
        stop = as_another(user, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        subprocess.run(stop, **(run | {"check": False}))


@pytest.fixture(scope="module")
def server():
    if not BINARIES:
        reason = "no PostgreSQL server in /usr/lib/postgresql: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next(name for name in NOT_ROOT if name in names) if os.geteuid() == 0 else ""
    folder = Path(tempfile.mkdtemp(prefix="desist-pg-", dir="/tmp"))  # a socket's path may not be long
    try:
        if user:
            shutil.chown(folder, user)
        with cluster(BINARIES[-1].parent, folder, user) as url:
            fill(url)
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(url):
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute("create table needs (id int, made date, at timestamp, score numeric, flag bool, note text)")
        connection.execute(
            "insert into needs values (1, '2026-03-04', '2026-03-04 10:30', 1.5, true, 'it''s 5% -- a:b'), "
            "(2, null, null, null, null, null)"
        )
        connection.execute("create role reader login password 'hunter2'")
        connection.execute("grant select on needs to reader")


def rows(content):
    return pq.read_table(io.BytesIO(content)).to_pylist()


def held(url):
    return rows(fetch(url, "select count(*) as n from needs"))


def test_each_type_comes_as_what_it_is_and_the_same_question_has_the_same_bytes(server):
    query = "select * from needs order by id;"
    one, other = rows(fetch(server, query))
    assert one == {"id": 1, "made": dt.date(2026, 3, 4), "at": dt.date(2026, 3, 4), "score": 1.5, "flag": True,
                   "note": "it's 5% -- a:b"}  # fmt: skip
    assert other == {"id": 2, **dict.fromkeys(("made", "at", "score", "flag", "note"))}
    assert fetch(server, query) == fetch(server, query)
    assert not isinstance(one["score"], decimal.Decimal)


@pytest.mark.parametrize(
    "query",
    [
        "select id from needs where note like 'it%' and note = 'it''s 5% -- a:b' -- delete; this",
        "with n as (select id, note::text as told from needs) select id from n where told is not null",
        "select id from needs where id = any(array[1, 3]) and at >= '2026-03-04 10:30'::timestamp",
    ],
)
def test_signs_that_mean_something_to_a_driver_reach_the_server_as_they_are(server, query):
    assert rows(fetch(server, query)) == [{"id": 1}]


@pytest.mark.parametrize(
    "query",
    [
        "delete from needs",
        "select 1; delete from needs",
        "commit; delete from needs",
        "with gone as (delete from needs returning id) select id from gone",
        "select * into copied from needs",
        "select id from needs for update",
        r"select E'\''; commit; delete from needs; --'",
        "set transaction read write; delete from needs",
        "truncate needs",
    ],
)
def test_what_would_slip_through_the_reading_of_the_query_is_refused_by_the_server(server, monkeypatch, query):
    with pytest.raises(Refused, match="not run"):
        fetch(server, query)
    monkeypatch.setattr(database, "_check_query", lambda text: None)
    with pytest.raises(Refused, match="did not answer"):
        fetch(server, query)
    assert held(server) == [{"n": 2}]


def test_an_error_tells_its_kind_and_no_cell_of_anybody(server):
    with pytest.raises(Refused) as refused:
        fetch(server, "select note::int from needs")
    told = "\n".join([str(refused.value), *map(str, refused.value.problems)])
    assert "InvalidTextRepresentation" in told and "5%" not in told


def test_the_password_comes_from_the_environment(server, monkeypatch):
    monkeypatch.setenv(database.PASSWORD, "hunter2")
    reader = server.replace("steward@", "reader@")
    assert held(reader) == [{"n": 2}]
    with pytest.raises(Refused, match="not asked"):
        fetch(server.replace("steward@", "reader:hunter2@"), "select 1 as one")
