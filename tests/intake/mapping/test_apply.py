"""A file through its mapping: rows, their numbers in the file, and what is set aside."""

import datetime as dt
import io
import tomllib

import openpyxl
import pytest

from desist.intake.mapping.apply import OTHERWISE, WITH_UNREADABLE, map_rows
from desist.intake.mapping.reader import file_map
from desist.intake.mapping.workbooks import check_archive
from desist.intake.rows.csv_rows import UNCLOSED, RawRows
from desist.intake.terms.contracts import CONTRACTS
from desist.records.errors import Refused

CUT = dt.date(2026, 9, 30)
STAMPS = 'subject_category = {constant = "convicted"}\nrecord_kind = {constant = "fact"}\n'
CSV = '[format]\nkind = "csv"\ndates = "iso"\n'


def read(mapping, content, table=None, without=()):
    whole = file_map(tomllib.loads(mapping), name="m")
    chosen = whole.table(table) if table else whole.tables[0]
    wanted = [name for name in CONTRACTS[chosen.table].names if name not in without]
    content = content.encode() if isinstance(content, str) else content
    return map_rows(content, whole, chosen, wanted, cut=CUT, where="a/b")


def told(rows):
    """Rows as tuples of the cells that are not the same everywhere."""
    assert isinstance(rows, RawRows), [str(problem) for problem in rows]
    return rows.cells.drop(["subject_category", "record_kind"]).to_pylist()


SPELLS = (
    CSV
    + f"""
[[table]]
table = "pris_spell"
not_sent = ["sentence_band", "release_type"]
[table.pair]
by = ["No"]
order = "Date"
column = "Way"
first = ["IN"]
second = ["OUT"]
[table.columns]
{STAMPS}agency_person = {{from = "No"}}
occurred_on = {{from = "Date"}}
recorded_on = {{from = "Date"}}
release = {{from_second = "Date"}}
release_recorded_on = {{use = "extract_date"}}
"""
)


def spells(*moves):
    rows = read(SPELLS, "\n".join(["No,Date,Way", *moves]))
    held = [
        (row["agency_person"], row["occurred_on"], row["release"], row["release_recorded_on"]) for row in told(rows)
    ]
    return held, rows.lines.tolist(), rows.unreadable


def test_a_way_in_and_the_next_way_out_of_the_same_person_make_one_spell():
    held, lines, apart = spells("A,2026-03-01,OUT", "B,2026-01-15,IN", "A,2026-01-01,IN", "A,2026-05-01,IN")
    assert held == [
        ("B", "2026-01-15", None, None),
        ("A", "2026-01-01", "2026-03-01", "2026-09-30"),
        ("A", "2026-05-01", None, None),
    ]
    assert lines == [3, 4, 5] and apart == {}


def test_out_and_in_on_one_day_are_read_in_the_order_that_fits():
    held, _, apart = spells("A,2026-01-01,IN", "A,2026-02-01,IN", "A,2026-02-01,OUT", "A,2026-03-01,OUT")
    assert [row[1:3] for row in held] == [("2026-01-01", "2026-02-01"), ("2026-02-01", "2026-03-01")] and apart == {}


def test_what_has_no_beginning_and_what_begins_twice_is_set_aside_by_its_row():
    held, _, apart = spells("A,2026-01-01,OUT", "B,2026-01-01,IN", "B,2026-02-01,IN", "C,,IN", "D,2026-01-01,LIE DOWN")
    assert [row[:2] for row in held] == [("B", "2026-01-01")]
    assert {2, 4, 5, 6} == set(apart)
    assert (
        "no row before it" in apart[2] and "begins again" in apart[4] and "order" in apart[5] and "neither" in apart[6]
    )


NEEDS = (
    CSV
    + f"""
[[table]]
table = "prob_assessment"
not_sent = ["linked_harm", "linked_reoffending"]
[table.unpivot]
into = "section"
empty = "keep"
[table.unpivot.rows]
drugs = {{score = "Drugs"}}
alcohol = {{score = "Alcohol"}}
[table.columns]
{STAMPS}agency_person = {{from = "No"}}
occurred_on = {{from = "Date"}}
recorded_on = {{from = "Date"}}
version = {{constant = "SAN"}}
"""
)


def test_a_column_for_each_section_becomes_a_row_for_each_section():
    rows = read(NEEDS, "No,Date,Drugs,Alcohol\nA,2026-01-01,4,\n")
    assert [(row["section"], row["score"]) for row in told(rows)] == [("drugs", "4"), ("alcohol", None)]
    assert rows.lines.tolist() == [2, 2]
    rows = read(NEEDS.replace('"keep"', '"leave_out"'), "No,Date,Drugs,Alcohol\nA,2026-01-01,4,\n")
    assert [row["section"] for row in told(rows)] == ["drugs"]


KINDS = (
    CSV
    + f"""
[[table]]
table = "prob_enforcement"
not_sent = ["outcome"]
rows = [{{column = "Kind", in = ["BREACH"], leave_out = ["NOTE"]}}]
[table.columns]
{STAMPS}agency_person = {{from = "No"}}
occurred_on = {{from = "Date"}}
recorded_on = {{from = "Date"}}
type = {{constant = "breach"}}
[[table]]
table = "prob_contact"
not_sent = ["attended", "attended_recorded_on"]
rows = [{{column = "Kind", in = ["VISIT"]}}]
[table.columns]
{STAMPS}agency_person = {{from = "No"}}
occurred_on = {{from = "Date"}}
recorded_on = {{from = "Date"}}
type = {{from = "Kind"}}
"""
)


def test_one_file_serves_two_tables_and_a_row_of_no_kind_is_never_lost():
    content = "No,Date,Kind\nA,2026-01-01,BREACH\nB,2026-01-01,VISIT\nC,2026-01-01,NOTE\nD,2026-01-01,NEW\n"
    breaches, visits = read(KINDS, content, "prob_enforcement"), read(KINDS, content, "prob_contact")
    assert [row["agency_person"] for row in told(breaches)] == ["A"] and [
        row["agency_person"] for row in told(visits)
    ] == ["B"]
    assert list(breaches.unreadable) == list(visits.unreadable) == [5]


PEOPLE = (
    CSV
    + f"""
[[table]]
table = "prob_person"
once_per = ["agency_person"]
[table.columns]
{STAMPS}agency_person = {{from = "No"}}
recorded_on = {{from = "Date"}}
supervision_status = {{from = "Status"}}
lao = {{from = "LAO"}}
"""
)


def test_a_person_on_many_rows_is_one_row_and_of_rows_that_differ_none_is_taken_for_the_right_one():
    rows = read(PEOPLE, "No,Date,Status,LAO\nA,2026-01-01,PSS,false\nA,2026-02-01,PSS,false\nB,2026-01-01,PSS,true\n")
    assert [row["agency_person"] for row in told(rows)] == ["A", "B"]
    assert rows.rows_read == 2 and not rows.unreadable
    # Who may be seen by few only was, at first, to be seen by all.
    rows = read(PEOPLE, "No,Date,Status,LAO\nA,2026-01-01,PSS,false\nA,2026-05-01,PSS,true\nA,2026-06-01,PSS,true\n")
    assert told(rows) == [] and rows.unreadable == {2: OTHERWISE, 3: OTHERWISE} and rows.rows_read == 2


CLIENTS = (
    CSV
    + f"""
[[table]]
table = "trt_client"
once_per = ["agency_person"]
not_sent = ["substance_group"]
[table.columns]
{STAMPS}agency_person = {{from = "No"}}
recorded_on = {{from = "Date"}}
consent = {{from = "Consent", codes = {{Yes = "true", No = "false"}}}}
basis = {{constant = "consent"}}
"""
)


def test_a_client_who_said_yes_and_then_no_comes_in_with_both_for_the_contract_to_judge():
    rows = read(CLIENTS, "No,Date,Consent\nA,2025-01-01,Yes\nA,2025-02-01,Yes\nA,2025-06-01,No\n")
    assert [row["consent"] for row in told(rows)] == ["true", "false"] and not rows.unreadable


def test_a_client_of_whom_a_row_cannot_be_read_waits_whole_because_it_may_be_the_one_that_withdraws():
    content = "No,Date,Consent\nA,2025-01-01,Yes\nA,2025-06-31,No\nB,2025-01-01,Yes\n"
    rows = read(CLIENTS.replace('once_per = ["agency_person"]\n', ""), content)
    assert [row["agency_person"] for row in told(rows)] == ["B"]
    assert "calendar" in rows.unreadable[3] and rows.unreadable[2] == WITH_UNREADABLE


def test_only_columns_that_are_mapped_and_agreed_become_values():
    content = "No,Date,Status,LAO,Gang,Note\nA,2026-01-01,PSS,false,secret,secret\n"
    rows = read(PEOPLE, content, without=["lao"])
    assert "lao" not in rows.cells.column_names and rows.dropped == ("LAO", "Gang", "Note")


def test_a_column_that_the_agreement_names_and_the_mapping_does_not_is_a_problem():
    with pytest.raises(Refused, match="no origin for lao"):
        file_map(tomllib.loads(PEOPLE.replace('lao = {from = "LAO"}', "")), name="m")
    silent = NEEDS.replace('"linked_harm", ', "")
    (problem,) = read(silent, "No,Date,Drugs,Alcohol\nA,2026-01-01,4,\n")
    assert "nothing about linked_harm" in str(problem)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (("kind = \"csv\"", 'kind = "pdf"'), "one of csv, xlsx"),
        (('dates = "iso"', 'dates = "month_first"'), "one of iso, day_first, serial"),
        (("supervision_status", "supervision"), "columns of prob_person"),
        (('{from = "Status"}', '{form = "Status"}'), "no other words than from"),
        (('{from = "Status"}', '{from = "Gang membership"}'), "association or gang lists"),
        (('{from = "Status"}', '{from = "Status", use = "extract_date"}'), "more than one origin"),
        (('table = "prob_person"', 'table = "intelligence"'), "a canonical table"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_meant_is_refused_with_the_mend(wrong, words):
    with pytest.raises(Refused, match=words):
        file_map(tomllib.loads(PEOPLE.replace(*wrong)), name="m")


def test_the_sections_name_lifestyle_and_associates_is_no_list_of_associates():
    mapping = NEEDS.replace('"Drugs"', '"7 Lifestyle and Associates Score"')
    assert isinstance(read(mapping, "No,Date,7 Lifestyle and Associates Score,Alcohol\nA,2026-01-01,4,\n"), RawRows)
    with pytest.raises(Refused):
        file_map(tomllib.loads(PEOPLE.replace('"LAO"', '"Known associates"')), name="m")


# --- CSV as it comes


def lines(*rows, head="No,Date,Status,LAO"):
    return read(PEOPLE, "\r\n".join([head, *rows, ""]))


def test_a_cell_with_a_line_break_is_one_row_and_an_unclosed_mark_spoils_only_its_own():
    rows = lines('A,2026-01-01,PSS,"fal\nse"', "B,2026-01-01,PSS,false")
    assert rows.lines.tolist() == [2, 4]
    rows = lines('A,2026-01-01,"PSS,false', 'B,2026-01-01,"PSS,false', "C,2026-01-01,PSS,false")
    assert [row["agency_person"] for row in told(rows)] == ["C"]
    assert rows.unreadable == {2: UNCLOSED, 3: UNCLOSED}


def test_two_marks_that_do_not_close_swallow_no_row_between_them():
    rows = lines('A,2026-01-01,PSS,"false', "B,2026-01-01,PSS,false", 'C,2026-01-01,PSS,fal"se')
    assert [row["agency_person"] for row in told(rows)] == ["B"]
    assert rows.unreadable == {2: UNCLOSED, 4: UNCLOSED}
    # Nor the row of the second mark, in whatever column either stands.
    rows = lines('A,"2026-01-01,PSS,false', 'B,2026-01-01",PSS,false')
    assert rows.unreadable == {2: UNCLOSED, 3: UNCLOSED}
    rows = lines('"A', "B,2026-01-01,PSS,false", 'C",2026-01-01,PSS,false')
    assert rows.lines.tolist() == [3] and rows.unreadable == {2: UNCLOSED, 4: UNCLOSED}
    # A cell of several lines in the first column is still one row.
    rows = lines('"A', '1",2026-01-01,PSS,false')
    assert rows.lines.tolist() == [2] and not rows.unreadable


def test_delimiters_behind_the_last_name_are_no_cells_and_a_cell_too_many_is():
    rows = lines("A,2026-01-01,PSS,false,,", "B,2026-01-01,PSS,false,x", "C,2026-01-01,PSS")
    assert rows.lines.tolist() == [2] and set(rows.unreadable) == {3, 4}


def test_zeros_that_a_system_kept_for_excel_are_text_and_any_other_formula_is_refused():
    assert told(lines('"=""007""",2026-01-01,PSS,false'))[0]["agency_person"] == "007"
    (problem,) = lines("=1+1,2026-01-01,PSS,false")
    assert "a formula" in str(problem)


def test_utf_16_is_read_where_the_mapping_says_so():
    mapping = PEOPLE.replace('kind = "csv"', 'kind = "csv"\nencoding = "utf-16"\ndelimiter = "\\t"')
    rows = read(mapping, "No\tDate\tStatus\tLAO\nÉ1\t2026-01-01\tPSS\tfalse\n".encode("utf-16"))
    assert told(rows)[0]["agency_person"] == "É1"


# --- workbooks


def workbook(fill):
    book = openpyxl.Workbook()
    fill(book.active)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


SHEET = PEOPLE.replace('kind = "csv"\ndates = "iso"', 'kind = "xlsx"\ndates = "serial"\nsheet = "Sheet"')


def test_a_merged_cell_counts_for_every_row_it_covers_only_where_the_mapping_says_so():
    def fill(page):
        page.append(["No", "Date", "Status", "LAO"])
        for number in range(3):
            page.append([f"A{number}", dt.date(2026, 1, 1), "PSS" if number == 0 else None, False])
        page.merge_cells("C2:C4")

    (problem,) = read(SHEET, workbook(fill))
    assert "merged cells in Status (row 2)" in str(problem)
    rows = read(SHEET.replace("sheet =", 'merged = "fill"\nsheet ='), workbook(fill))
    assert [row["supervision_status"] for row in told(rows)] == ["PSS"] * 3
    assert told(rows)[0]["lao"] == "false"


def test_a_header_of_two_rows_makes_names_of_both_and_a_name_twice_is_numbered():
    def fill(page):
        page.append(["Person", None, "Order", None])
        page.append(["No", "Date", "Date", "Date"])
        page.merge_cells("A1:B1")
        page.merge_cells("C1:D1")
        page.append(["A", "PSS", dt.date(2026, 1, 1), False])

    mapping = SHEET.replace("sheet =", "header_rows = 2\nsheet =")
    for ours, theirs in (
        ("No", "Person / No"),
        ("Date", "Order / Date"),
        ("Status", "Person / Date"),
        ("LAO", "Order / Date (2)"),
    ):
        mapping = mapping.replace(f'from = "{ours}"', f'from = "{theirs}"')
    (row,) = told(read(mapping, workbook(fill)))
    assert (row["agency_person"], row["supervision_status"], row["lao"]) == ("A", "PSS", "false")


def test_one_date_typed_as_text_is_set_aside_by_its_row_and_the_others_are_read():
    def fill(page):
        page.append(["No", "Date", "Status", "LAO"])
        for number in range(5):
            page.append([f"A{number}", "13/04/2026" if number == 2 else dt.date(2026, 1, 1), "PSS", False])

    rows = read(SHEET, workbook(fill))
    assert rows.lines.tolist() == [2, 3, 5, 6] and "recorded_on" in rows.unreadable[4]


def test_a_workbook_is_judged_by_its_stated_sizes_before_anything_is_taken_out(monkeypatch):
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(30 * 2**20))

    def opened(*_, **__):
        raise AssertionError("a part was opened")

    monkeypatch.setattr(zipfile.ZipFile, "open", opened)
    assert "that becomes" in str(check_archive(made.getvalue(), "a/b"))


def test_a_part_that_is_not_as_long_as_it_states_is_damage():
    content = workbook(lambda page: page.append(["No"]))
    assert check_archive(content, "a/b") is None
    assert "damaged" in str(check_archive(content[:200] + b"\0" * 50 + content[250:], "a/b"))
