"""An agency's database is only read, and only by one SELECT: whatever the query or the URL says."""

import io
import sqlite3

import pyarrow.parquet as pq
import pytest

from desist.pipelines import database
from desist.pipelines.database import fetch
from desist.records.errors import Refused


@pytest.fixture
def needs(tmp_path):
    """A function from a folder's name to the URL of a database in it with one table of two rows."""

    def make(folder="d"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "needs.db"
        with sqlite3.connect(path) as connection:
            connection.execute("create table needs (name text)")
            connection.executemany("insert into needs values (?)", [("it's -- odd",), ("b;c",)])
        return f"sqlite:///{path}"

    return make


def rows(content):
    return pq.read_table(io.BytesIO(content)).to_pylist()


@pytest.mark.parametrize(
    "query",
    [
        "delete from needs",
        "select '--'; delete from needs",
        "select '/*'; delete from needs; select '*/'",
        "WITH x AS (SELECT 1) DELETE FROM needs",
        "with gone as (delete from needs returning *) select * from gone",
        "SELECT * INTO copy FROM needs",
        'select "a--"; delete from needs',
        "select 1 -- '\n; delete from needs --'",
        r"select E'\'' ; delete from needs; --'",
        r"select e'\''; commit; delete from needs; --'",
        "select $$'$$; delete from needs; --'",
        "select 1 /* /* */ ' */; delete from needs --'",
        "select 'open; delete from needs",
        "select * from needs; select 2",
        "call tidy()",
        "",
    ],
)
def test_a_query_that_is_anything_but_one_select_is_not_run(needs, query):
    with pytest.raises(Refused, match="not run") as refused:
        fetch(needs(), query)
    assert "one SELECT" in str(refused.value.problems[0])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("select name from needs;", ["it's -- odd", "b;c"]),
        ("-- delete from; this\nSELECT name FROM needs /* into 'it' */", ["it's -- odd", "b;c"]),
        ("select name from needs where name = 'it''s -- odd'", ["it's -- odd"]),
        ("with n as (select * from needs) select name from n where name like 'b;%'", ["b;c"]),
        ("select replace(name, 'b;', 'delete ') as name from needs where name <> 'it''s -- odd'", ["delete c"]),
        ("select'x' as name from needs limit 1", ["x"]),
    ],
)
def test_one_select_is_answered_whatever_its_texts_and_comments_say(needs, query, names):
    assert [row["name"] for row in rows(fetch(needs(), query))] == names


def test_a_column_that_is_called_like_a_change_stands_in_quotation_marks(needs):
    assert rows(fetch(needs(), 'select name as "update" from needs limit 1')) == [{"update": "it's -- odd"}]
    with pytest.raises(Refused) as refused:
        fetch(needs("other"), "select name as update from needs")
    assert "the word UPDATE" in str(refused.value.problems[0])


def test_sqlite_is_opened_read_only_so_that_a_query_which_slipped_through_changes_nothing(needs, monkeypatch):
    monkeypatch.setattr(database, "_check_query", lambda query: None)
    url = needs()
    with pytest.raises(Refused, match="did not answer"):
        fetch(url, "delete from needs")
    assert len(rows(fetch(url, "select * from needs"))) == 2


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("select madeup from needs", "an unknown column"),
        ("select name from needs where name = Madeup", "an unknown column"),
        ("select madeup.name from needs", "an unknown column"),
        ("select * from madeup", "an unknown table"),
        ("select madeup(name) from needs", "an unknown function"),
        ("select name from needs where 'Madeup' 'Madeup", "one SELECT"),
        ("select name from needs madeup order", "no SQL"),
    ],
)
def test_a_query_that_names_what_is_not_there_is_told_so_without_its_words(needs, query, found):
    with pytest.raises(Refused) as refused:
        fetch(needs(), query)
    said = str(refused.value)
    assert found in said and "madeup" not in said.lower() and "OperationalError" not in said


@pytest.mark.parametrize(
    ("state", "found"),
    [("42703", "an unknown column"), ("42P01", "an unknown table"), ("42601", "no SQL"), ("57014", "_Error")],
)
def test_what_another_database_says_is_known_by_its_code_and_not_by_its_words(state, found):
    class _Error(Exception):
        sqlstate = state

    problem = str(database._told(_Error("no such table: Madeup"), "postgresql://reader@host/name"))
    assert found in problem and "Madeup" not in problem and "reader" not in problem


@pytest.mark.parametrize("folder", ["a#b", "a%41b", "a b", "é"])
def test_a_path_may_hold_signs_that_mean_something_in_a_url(needs, folder):
    assert len(rows(fetch(needs(folder), "select name from needs"))) == 2


@pytest.mark.parametrize(
    "url", ["mysql://reader@host/name", "mssql+pyodbc://host/name", "sqlite+pysqlcipher:///x.db", "oracle://host/name"]
)
def test_databases_that_cannot_be_kept_read_only_are_not_asked(url):
    with pytest.raises(Refused) as refused:
        fetch(url, "select 1")
    assert "sqlite:// or postgresql://" in str(refused.value.problems[0])
