"""Lines of a file and rows of a table: each row that cannot be read waits by itself, under the line at fault."""

import datetime as dt
import io
import tomllib

import pyarrow as pa
import pyarrow.parquet as pq

from desist.intake.mapping.apply import map_rows
from desist.intake.mapping.reader import file_map
from desist.intake.reading.corrected_rows import correct_rows
from desist.intake.rows.csv_rows import RAGGED, RawRows
from desist.intake.terms.contracts import CONTRACTS

from .test_apply import CUT, KINDS, NEEDS, SPELLS, read, told

TODAY, PURPOSE = dt.date(2026, 10, 1), "iom_selection_support"


def needs(*rows):
    return read(NEEDS, "\n".join(["No,Date,Drugs,Alcohol", *rows]))


def test_a_line_that_makes_two_rows_waits_as_two_rows_where_its_date_is_none():
    rows = needs("A,2026-02-30,4,5", "B,2026-01-01,4,5")
    assert rows.lines.tolist() == [3, 3] and rows.rows_read == 4
    assert [line for line, _ in rows.set_aside] == [2, 2]
    assert all("calendar" in reason for _, reason in rows.set_aside)


def test_a_cell_of_one_section_sets_aside_the_row_of_that_section_and_says_which():
    content = parquet(No=["A"], Date=["2026-01-01"], Drugs=[4], Alcohol=[10**16])
    rows = read(NEEDS.replace('kind = "csv"', 'kind = "parquet"'), content)
    assert [row["section"] for row in told(rows)] == ["drugs"] and rows.rows_read == 2
    assert rows.unreadable[1].startswith("score of alcohol is a number of more than 15 digits")


def test_a_line_that_is_no_row_waits_for_as_many_as_it_would_have_made():
    rows = needs("A,2026-01-01,4", "B,2026-01-01,4,5")
    assert rows.set_aside == [(2, RAGGED), (2, RAGGED)] and rows.rows_read == 4


def test_one_date_in_another_style_is_one_cell_however_many_rows_it_makes():
    # Two dates of two hundred, each in two rows: four rows, but two cells, which are set aside one by one.
    good = [f"A{number},2026-01-01,4,5" for number in range(198)]
    rows = needs("X,01/02/2026,4,5", "Y,01/02/2026,4,5", *good)
    assert isinstance(rows, RawRows) and len(rows.set_aside) == 4
    problems = needs("X,01/02/2026,4,5", "Y,01/02/2026,4,5", "Z,01/02/2026,4,5", *good)
    assert isinstance(problems, list) and "3 of 201 dates" in str(problems[0]) and "row 2, 3, 4" in str(problems[0])


def test_a_fault_in_the_row_of_the_end_is_told_under_the_line_of_the_end():
    mapping = SPELLS.replace(
        'release_recorded_on = {use = "extract_date"}', 'release_recorded_on = {from_second = "In"}'
    )
    rows = read(mapping, "No,Date,Way,In\nA,2026-01-01,IN,\nB,2026-01-01,IN,\nA,2026-02-01,OUT,2026-02-30\n")
    assert rows.lines.tolist() == [3] and list(rows.unreadable) == [4]


# --- columns that nobody reads


def test_a_column_is_named_as_not_read_unless_another_table_of_this_delivery_reads_it():
    mapping = KINDS.replace('type = {from = "Kind"}', 'type = {from = "Sort"}')
    whole = file_map(tomllib.loads(mapping), name="m")
    table, wanted = whole.tables[0], list(CONTRACTS["prob_enforcement"].names)
    content = b"No,Date,Kind,Sort,More\nA,2026-01-01,BREACH,x,x\n"

    def dropped(beside):
        return map_rows(content, whole, table, wanted, cut=CUT, where="a/b", beside=beside).dropped

    contact = list(CONTRACTS["prob_contact"].names)
    assert dropped({"prob_contact": contact}) == ("More",)
    # The other table was not sent, or its agreement does not name the column.
    assert dropped({}) == ("Sort", "More")
    assert dropped({"prob_contact": [name for name in contact if name != "type"]}) == ("Sort", "More")


# --- Parquet


def parquet(**columns):
    made = io.BytesIO()
    pq.write_table(pa.table({name.replace("_", " "): cells for name, cells in columns.items()}), made)
    return made.getvalue()


PARQUET = KINDS.replace('kind = "csv"', 'kind = "parquet"').replace("BREACH", "1").replace("NOTE", "2")


def test_a_rule_names_a_number_as_people_write_it():
    rows = read(PARQUET, parquet(No=["A", "B"], Date=["2026-01-01"] * 2, Kind=[1.0, 2.0]), "prob_enforcement")
    assert [row["agency_person"] for row in told(rows)] == ["A"] and rows.unreadable == {}


def test_bytes_in_a_column_that_is_read_are_refused_and_in_others_not_looked_at():
    columns = {"No": ["A"], "Date": ["2026-01-01"], "Kind": pa.array([b"1"], pa.binary())}
    (problem,) = read(PARQUET, parquet(**columns), "prob_enforcement")
    assert "bytes instead of text (Kind)" in str(problem)
    columns = {"No": ["A"], "Date": ["2026-01-01"], "Kind": [1], "Shape": pa.array([b"1"], pa.binary())}
    assert len(told(read(PARQUET, parquet(**columns), "prob_enforcement"))) == 1


def test_two_names_that_only_spaces_tell_apart_are_one_name_twice():
    (problem,) = read(PARQUET, parquet(No=["A"], Date=["2026-01-01"], Kind=[1], A_B=[1], A__B=[2]), "prob_enforcement")
    assert "the column A B twice" in str(problem)


# --- through intake


def test_all_rows_of_a_line_wait_and_come_in_together_when_they_are_corrected(partnership):
    partnership.identity("probation", "A").row("probation", "prob_assessment", agency_person="A").write()
    mapped(partnership, "prob_assessment", NEEDS, "No,Date,Drugs,Alcohol\nA,2026-02-30,4,5\nA,2026-01-01,4,5\n")
    file = partnership.file(partnership.read(write=False), "prob_assessment")
    assert (file.rows_read, file.accepted, sum(file.quarantined.values())) == (4, 2, 2)
    row = "2,A,convicted,assessment,2026-02-01,2026-02-01,SAN,{},4,,"
    path = partnership.root / "corrected.csv"
    names = ",".join(["line", *CONTRACTS["prob_assessment"].names])
    path.write_text("\n".join([names, row.format("drugs"), row.format("alcohol"), ""]), encoding="utf-8")
    report = correct_rows(
        path, partnership.workspace, table="prob_assessment", source=None, encoding="utf-8", today=TODAY,
        purpose=PURPOSE, log=partnership.log, actor="an.alyst",
    )  # fmt: skip
    assert report.file.accepted == 2 and report.still_waiting == 0
    assert len(partnership.store.read("prob_assessment")) == 4


def test_intake_names_a_column_that_neither_table_of_a_file_reads(partnership):
    for table in ("identity", "prob_enforcement", "prob_contact"):
        partnership.row("probation", table, agency_person="A")
    partnership.write()
    content = "No,Date,Kind,Sort,More\nA,2026-01-01,BREACH,x,x\n"
    mapping = KINDS.replace('type = {from = "Kind"}', 'type = {from = "Sort"}')
    for table in ("prob_enforcement", "prob_contact"):
        mapped(partnership, table, mapping, content)
    report = partnership.read(write=False)
    assert partnership.file(report, "prob_enforcement").dropped_columns == ("More",)
    # Sent alone, the first table leaves the second's column unread, and says so.
    note = partnership.folder("probation") / "delivery.toml"
    head, *entries = note.read_text(encoding="utf-8").split("[[file]]")
    note.write_text(head + "".join(f"[[file]]{one}" for one in entries if "prob_contact" not in one), encoding="utf-8")
    report = partnership.read(write=False)
    assert partnership.file(report, "prob_enforcement").dropped_columns == ("Sort", "More")


def mapped(partnership, table, mapping, content):
    """Put ``content`` in place of what the table's entry names, under the mapping "m"."""
    folder = partnership.folder("probation")
    (folder / f"{table}.csv").write_text(content, encoding="utf-8")
    note = folder / "delivery.toml"
    path = f'path = "{table}.csv"'
    note.write_text(note.read_text(encoding="utf-8").replace(path, f'{path}\nmapping = "m"'), encoding="utf-8")
    partnership.workspace.mappings.mkdir(exist_ok=True)
    (partnership.workspace.mappings / "m.toml").write_text(mapping, encoding="utf-8")
