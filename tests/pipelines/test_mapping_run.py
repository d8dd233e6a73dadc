"""`desist map`: what it tells, and what it looks at before it opens a file."""

import datetime as dt
import io
import tomllib
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from desist.pipelines import database, mapping_run
from desist.pipelines.commands_map import map_layout
from desist.records.errors import Refused
from desist.records.workspace import Workspace

TODAY = dt.date(2026, 10, 1)
MAPPING = """
[format]
kind = "csv"
dates = "iso"
[[layout]]
sheet = ""
columns = ["No", "Born", "Postcode"]
kinds = ["text", "date", "text"]
[[table]]
table = "identity"
not_sent = ["pnc", "cro", "crn", "prison_number", "nhs_number", "forename", "other_names", "surname", "aliases", "sex"]
[table.columns]
agency_person = {from = "No"}
dob = {from = "Born"}
postcode = {from = "Postcode"}
subject_category = {constant = "convicted"}
record_kind = {constant = "fact"}
recorded_on = {use = "extract_date"}
"""


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tmp_path / "w")
    made.create()
    made.mappings.mkdir(exist_ok=True)
    (made.mappings / "people.toml").write_text(MAPPING, encoding="utf-8")
    return made


def reused(workspace, content, name="x.csv"):
    return mapping_run.reuse(name, content, workspace, "people", today=TODAY)


def test_a_file_without_a_header_tells_no_cell_of_its_first_row(workspace):
    told = reused(workspace, b"X300001,1990-01-02,ZZ1 1ZZ\nX300002,1991-01-02,ZZ1 1ZZ\n")
    shown = told.as_text() + str(told.as_dict())
    assert not told.usable and "none of the columns" in shown
    assert not [cell for cell in ("X300001", "1990-01-02", "ZZ1") if cell in shown]


def test_a_column_that_has_become_another_kind_is_told(workspace):
    told = reused(workspace, b"No,Born,Postcode\nX300001,1990-01-02,ZZ1 1ZZ\n")
    assert told.usable and "Born now holds text instead of date" in told.as_text()
    assert "Born" not in reused(workspace, b"No,Born,Postcode\nX300001,,ZZ1 1ZZ\n").as_text()


def test_a_file_of_a_class_that_is_never_accepted_is_not_compared_either(workspace):
    with pytest.raises(Refused, match="no data of this class"):
        reused(workspace, b"No,Born,Postcode\n", name="intelligence_reports.csv")


@pytest.mark.parametrize("more", [{}, {"reuse": "people"}, {"tables": ["identity"]}])
def test_the_name_is_looked_at_before_the_file_is_opened(workspace, tmp_path, monkeypatch, more):
    def opened(*_):
        raise AssertionError("the file was opened")

    session = SimpleNamespace(workspace=workspace, today=TODAY)
    monkeypatch.setattr("desist.pipelines.steps.open_for", lambda *_: session)
    monkeypatch.setattr(mapping_run, "file_bytes", opened)
    with pytest.raises(Refused) as refused:
        map_layout(str(tmp_path / "gang list.csv"), **more)
    assert "It was not opened" in str(refused.value.problems[0])
    monkeypatch.setattr("desist.pipelines.database.answer_of", opened)
    with pytest.raises(Refused):
        map_layout("sqlite:///cases.db", query=tmp_path / "gang list.sql", **more)


def test_a_moment_in_a_database_is_its_day_in_london():
    made = database._parquet(["a"], [(dt.datetime(2026, 3, 31, 23, 30, tzinfo=dt.UTC),)])
    assert pq.read_table(io.BytesIO(made))["a"].to_pylist() == [dt.date(2026, 4, 1)]


def test_a_file_with_a_quotation_mark_in_its_name_is_named_as_toml_writes_it(workspace):
    content = b"CRN,Current Status,LAO\nX300001,PSS,N\n"
    made = mapping_run.map_file('q"1.csv', content, workspace, tables=["prob_person"], name="q", sheet="",
                                header_row=0, today="2026-10-01")  # fmt: skip
    # The day of the extract is left to the analyst, who alone knows it.
    filled = made.delivery.replace("YYYY-MM-DD", "2026-09-30")
    assert filled != made.delivery and tomllib.loads(filled)["file"][0]["path"] == 'q"1.csv'
