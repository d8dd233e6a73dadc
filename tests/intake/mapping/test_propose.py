"""What `desist map` proposes: the right columns, how sure, and never a cell of a person."""

import datetime as dt
import importlib
import io
import tomllib

import openpyxl
import pytest

from desist.intake.mapping import content
from desist.intake.mapping.content import cells_of
from desist.intake.mapping.find import Found, delimiter_of, encoding_of, find
from desist.intake.mapping.grid import CellError, Formula
from desist.intake.mapping.propose import LOOK, SURE, propose
from desist.intake.mapping.reader import file_map
from desist.intake.mapping.render import new_file
from desist.intake.terms.contracts import CONTRACTS
from desist.records.identifiers import check_letter


def pnc(serial):
    return f"1899/{serial:07d}{check_letter(f'99{serial:07d}')}"


def sheet(text):
    found = find(text.encode() if isinstance(text, str) else text, "file.csv")
    assert isinstance(found, tuple), found
    ((only,), _) = found
    assert isinstance(only, Found)
    return only


def proposals(text, table):
    return {one.map.name: one for one in propose(sheet(text), table).proposals}


def test_a_column_with_check_letters_is_found_without_its_name():
    text = "CRN,Mystery,DOB\n" + "".join(f"X{300000 + n},{pnc(n)},1990-01-0{n}\n" for n in range(1, 9))
    found = proposals(text, "identity")["pnc"]
    assert found.map.sources == ("Mystery",) and found.confidence == SURE


def test_a_name_that_fits_with_cells_that_do_not_has_to_be_looked_at():
    text = "CRN,Current Status,LAO\n" + "".join(f"X30000{n},Grade {n},Y\n" for n in range(8))
    found = proposals(text, "prob_person")
    assert found["supervision_status"].confidence == LOOK and found["lao"].confidence == SURE


def test_codes_that_enough_rows_share_are_named_and_seldom_ones_only_by_their_form():
    rows = ["Community Order"] * 8 + ["Parked"] * 5 + ["Smith"] * 2
    text = "CRN,Current Status,LAO\n" + "".join(f"X3000{n:02d},{code},N\n" for n, code in enumerate(rows))
    found = proposals(text, "prob_person")["supervision_status"]
    assert dict(found.map.codes) == {"Community Order": "COMMUNITY_ORDER"}
    assert dict(found.untranslated) == {"Parked": 5} and dict(found.seldom) == {"Aaaaa": 2}


def test_yes_that_was_withdrawn_is_proposed_for_no_code_of_ours():
    rows = ["Yes (withdrawn 01/2026)" if n % 4 == 0 else "Yes" for n in range(24)]
    text = "Client ID,Consent Given\n" + "".join(f"T{n},{code}\n" for n, code in enumerate(rows))
    found = proposals(text, "trt_client")["consent"]
    assert dict(found.map.codes) == {"Yes": "true"} and dict(found.untranslated) == {"Yes (withdrawn 01/2026)": 6}


def test_a_number_that_parquet_keeps_with_decimals_is_proposed_as_it_will_be_read():
    counts = cells_of([1.0, 2.0, None]).counts
    assert [str(value) for value in counts] == ["1", "2"]


def test_a_control_character_in_a_name_leaves_the_mapping_readable():
    found = sheet("CRN,Current Status,LAO,Note\x07\x00x,\U000e0001\nX300001,PSS,N,z,z\n".replace("\x00", ""))
    written = new_file("m", "fi\nle\x08.csv", [propose(found, "prob_person")], today="2026-10-01")
    whole = file_map(tomllib.loads(written), name="m")
    assert whole.layouts[0].columns[3:] == ("Note\x07x", "\U000e0001") and "# Not used: Note?x, ?" in written


def test_of_identity_and_equality_tables_no_value_is_shown_or_written():
    rows = ["Male"] * 8 + ["Intersexed"] * 9
    text = "CRN,Surname,Gender,DOB\n" + "".join(
        f"X3000{n:02d},Zzyzx,{code},1990-01-01\n" for n, code in enumerate(rows)
    )
    made = propose(sheet(text), "identity")
    written = new_file("m", "file.csv", [made], today="2026-10-01")
    assert "Zzyzx" not in written and "Intersexed" not in written and "Aaaaaaaaaa (9)" in written
    # Which of the known spellings the file holds is not told: all of them are written.
    assert '"female" = "F"' in written


def test_a_column_of_a_refused_class_is_never_looked_at():
    text = "CRN,Current Status,LAO,Gang Affiliation\nX300001,PSS,N,secret\nX300002,PSS,N,secret\n"
    made = propose(sheet(text), "prob_person")
    assert made.refused == ("Gang Affiliation",) and "Gang Affiliation" not in made.table.sources + made.unused


def test_what_nothing_says_is_stated_and_has_to_be_looked_at():
    found = proposals("CRN,Current Status,LAO\nX300001,PSS,N\n", "prob_person")
    assert found["recorded_on"].map.use == "extract_date" and found["recorded_on"].confidence == LOOK
    assert found["subject_category"].map.constant == "convicted" and found["subject_category"].confidence == LOOK


def test_a_date_of_entry_is_never_taken_for_when_something_later_became_known():
    head = "CRN,Episode ID,Date of Referral,Discharge Date,Created Date,Charge Recorded"
    text = f"{head}\nT1,E1,2026-01-01,2026-02-01,2026-01-02,2026-01-03\n"
    found = proposals(text, "trt_episode")
    assert found["recorded_on"].map.sources == ("Created Date",)
    assert found["discharge_recorded_on"].map.use == "extract_date"


def test_the_style_of_dates_is_told_by_the_cells():
    text = "CRN,Date of Referral,Episode ID\n" + "".join(f"T{n},{n + 10}/04/2026,E{n}\n" for n in range(5))
    made = propose(sheet(text), "trt_episode")
    assert made.dates == "day_first"


def test_a_written_mapping_says_what_was_proposed():
    text = "CRN;Current Status;LAO\nX300001;PSS;N\nX300002;Licence;Y\n"
    made = propose(sheet(text), "prob_person")
    whole = file_map(tomllib.loads(new_file("m", "file.csv", [made], today="2026-10-01")), name="m")
    assert whole.format.delimiter == ";" and whole.layouts[0].columns == ("CRN", "Current Status", "LAO")
    (table,) = whole.tables
    assert {name: column.sources for name, column in table.columns.items()} == {
        name: column.sources for name, column in made.table.columns.items()
    }


def test_a_row_of_people_is_never_taken_for_a_header():
    found = find(b"X300001,Smith,PSS\nX300002,Jones,PSS\n", "file.csv")
    assert (
        isinstance(found, list) and "no row that looks like a header" in str(found[0]) and "Smith" not in str(found[0])
    )


def test_titles_above_the_header_are_passed_over_and_blank_lines_counted():
    found = sheet("Report of cases\n\nRun today\nCRN,Current Status,LAO\nX300001,PSS,N\n")
    assert found.layout.header_row == 4 and found.grid.lines == [5]


@pytest.mark.parametrize(
    ("text", "delimiter"), [("a;b;c\n1,5;2;3\n", ";"), ("a\tb\n1\t2\n", "\t"), ("a|b\n1|2\n", "|"), ("a,b\n1,2\n", ",")]
)
def test_the_delimiter_is_the_sign_that_divides_the_lines_evenly(text, delimiter):
    assert delimiter_of(text) == delimiter


def test_the_encoding_is_utf_8_where_every_byte_is_that():
    assert encoding_of("Çelik".encode()) == "utf-8"
    assert encoding_of("Çelik".encode("windows-1252")) == "windows-1252"
    assert encoding_of("Çelik".encode("utf-16")) == "utf-16"
    assert encoding_of(b"\xef\xbb\xbfabc") == "utf-8"


# --- a row of people is never a header, whoever says so


PEOPLE = "X300001,Zzyzx,PSS,05/01/1980,ZZ1 1ZZ\nX300002,Brambleton,PSS,06/01/1980,ZZ1 2ZZ\n"


def refusal_of(text, **stated):
    (problem,) = find(text.encode() if isinstance(text, str) else text, "file.csv", **stated)
    return str(problem)


@pytest.mark.parametrize("titles", ["", "CRN,Surname,Status,DOB,Postcode\n"])
def test_a_row_of_people_that_is_stated_as_the_header_is_refused_by_its_forms(titles):
    told = refusal_of(titles + PEOPLE, header_row=1 + bool(titles))
    assert "a row that looks like data (A999999, 99/99/9999, AA9 9AA)" in told
    assert "Zzyzx" not in told and "300001" not in told


@pytest.mark.parametrize(
    "row", ["PSS,CRN/12,Surname", "A-77,Surname,CRN", "05/01/80,Surname,CRN", "1899/0000001,Surname,CRN"]
)
def test_two_known_words_make_no_header_of_a_row_with_a_date_or_a_number_like_those_below(row):
    below = row.replace("12", "13").replace("77", "78").replace("0001", "0002").replace("Surname", "Zzyzx")
    assert "looks like data" in refusal_of("\n".join([row, below, below, ""]), header_row=1)


def test_a_row_of_words_that_is_stated_as_the_header_needs_two_names_that_we_know():
    told = refusal_of("Zzyzx,Ada,Single\nQuill,Bob,Single\n", header_row=1)
    assert "fewer than 2 names that we know" in told and "Zzyzx" not in told


def test_a_row_of_people_in_a_workbook_is_no_header_either():
    book = openpyxl.Workbook()
    for row in [["CRN", "Surname", "DOB"]] + [["X300001", "Zzyzx", dt.date(1980, 1, 5)]] * 3:
        book.active.append(row)
    made = io.BytesIO()
    book.save(made)
    told = refusal_of(made.getvalue(), header_row=2)
    assert "looks like data (A999999" in told and "Zzyzx" not in told
    assert isinstance(find(made.getvalue(), "file.xlsx", header_row=1), tuple)


def test_sections_that_are_called_by_a_number_are_names():
    text = "CRN,Assessment Date,1,2\n" + "".join(f"X30000{n},2026-01-0{n},3,4\n" for n in range(1, 5))
    assert sheet(text).layout.header_row == 1


def test_a_cell_that_is_longer_than_any_line_may_be_is_one_line_that_is_no_row():
    found = sheet(f"CRN,Current Status,LAO\nX300001,PSS,N\nX300002,{'Quill' * 40_000},N\nX300003,PSS,N\n")
    assert found.grid.lines == [2, 4] and len(found.grid.unreadable) == 1
    assert delimiter_of("x" * 200_000) == ","


def test_our_own_words_in_capitals_are_ours_in_identity_too():
    text = "CRN,Role,Gender,DOB\n" + "".join(
        f"X30000{n},{role},m,1990-01-01\n" for n, role in enumerate(["CONVICTED", "VICTIM", "WITNESS", "SUSPECT"])
    )
    found = proposals(text, "identity")
    subject, sex = found["subject_category"], found["sex"]
    assert {word: subject.map.codes[word] for word in ("victim", "witness")} == {
        "victim": "victim", "witness": "witness"
    }  # fmt: skip
    assert sex.map.codes["m"] == "M" and not subject.seldom and not sex.seldom


def test_a_formula_and_an_error_are_named_as_that_and_never_as_codes():
    cells = [Formula("B7"), CellError("Zzyzx Ada 05/01/1980"), *[Formula("a CSV cell")] * 6]
    found = sheet("CRN,Current Status,LAO\n" + "".join(f"X30000{n},PSS,N\n" for n in range(8)))
    found.grid.columns["Current Status"] = cells
    one = next(one for one in propose(found, "prob_person").proposals if one.map.name == "supervision_status")
    assert dict(one.seldom) == {"a formula": 7, "an error of Excel": 1} and not one.untranslated


@pytest.mark.parametrize(
    "cell", ["05/01/1980", "5 Jan 1980", "1980-01-05", "05/01/80", "ZZ1 1ZZ", "x300001", "A1234BC"]
)
def test_a_date_a_postcode_or_an_identifier_is_no_name_of_a_column_whatever_stands_below(cell):
    assert "looks like data" in refusal_of(f"{cell},Surname,Status\nnone,none,none\n", header_row=1)


# --- dates that cannot be read, or in two ways


def person(dates, **cells):
    """The proposal for the day of entry, of a file with these days; and what the mapping's file says of it."""
    text = "CRN,Current Status,LAO,Last Updated\n" + "".join(
        f"X3000{n:02d},PSS,N,{day}\n" for n, day in enumerate(dates)
    )
    found = sheet(text)
    found.grid.columns["Last Updated"] = cells.get("instead", found.grid.columns["Last Updated"])
    made = propose(found, "prob_person")
    return next(one for one in made.proposals if one.map.name == "recorded_on"), made


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (["01/02/26"] * 4, "a date with a year of two digits (4)"),
        (["01/20/2026"] * 3 + ["02/02/2026"], "a date with the month first (3)"),
    ],
)
def test_a_column_of_dates_that_cannot_be_read_is_named_with_what_it_holds(dates, words):
    one, made = person(dates)
    assert one.map.sources == ("Last Updated",) and one.confidence == LOOK and words in one.why
    assert "Last Updated" not in made.unused and words in new_file("m", "f.csv", [made], today="2026-10-01")


def test_a_column_of_dates_that_are_formulas_is_named_as_that():
    one, _ = person(["x"] * 3, instead=[Formula("D2"), Formula("D3"), CellError("#N/A")])
    assert one.map.sources == ("Last Updated",) and "a formula (2), an error of Excel (1)" in one.why


def test_a_column_of_no_dates_is_none_whatever_its_name():
    one, _ = person(["soon"] * 4)
    assert one.map.use == "extract_date"


@pytest.mark.parametrize(
    ("dates", "confidence"),
    [
        (["01/02/2026", "12/03/2026", "05/05/2026"], LOOK),
        (["01/02/2026", "13/03/2026"], SURE),
        (["05/05/2026", "06/06/2026"], SURE),
        (["2026-02-01", "2026-03-12"], SURE),
    ],
)
def test_dates_of_which_every_one_reads_both_ways_have_to_be_looked_at(dates, confidence):
    one, _ = person(dates)
    assert one.confidence == confidence and ("every date reads both ways" in one.why) == (confidence == LOOK)


# --- a key that is none


def orders(numbers):
    text = "CRN,Event No,HO Code,Order Type\n" + "".join(
        f"X3000{n:02d},{number},00801,Custody\n" for n, number in enumerate(numbers)
    )
    return proposals(text, "prob_event")["event_id"]


def test_a_number_that_counts_within_a_person_is_no_sure_key():
    one = orders(["E1", "E2", "E1", "E1"])
    assert one.confidence == LOOK and "2 rows repeat it" in one.why and 'from = ["CRN", "Event No"]' in one.why
    assert orders(["E1", "E2", "E3"]).confidence == SURE


def test_text_of_two_bytes_a_letter_without_a_mark_is_read_where_its_encoding_is_stated():
    content = "CRN,Current Status,LAO\nX300001,PSS,N\n".encode("utf-16-be")
    assert "utf-16-le" in refusal_of(content)
    ((only,), _) = find(content, "file.csv", encoding="utf-16-be")
    written = new_file("m", "f.csv", [propose(only, "prob_person")], today="2026-10-01")
    assert file_map(tomllib.loads(written), name="m").format.encoding == "utf-16-be" and only.grid.lines == [2]


def test_a_workbook_is_gone_through_once_however_often_its_header_is_looked_for(monkeypatch):
    book = openpyxl.Workbook()
    for row in [["Caseload"], ["CRN", "Current Status", "LAO"], ["X300001", "PSS", "N"]]:
        book.active.append(row)
    made = io.BytesIO()
    book.save(made)
    calls = []
    for name in ("check_archive", "opened"):
        for module in ("find", "workbooks"):
            path = f"desist.intake.mapping.{module}.{name}"
            whole = getattr(importlib.import_module(f"desist.intake.mapping.{module}"), name)
            monkeypatch.setattr(path, lambda *args, whole=whole, name=name: calls.append(name) or whole(*args))
    assert isinstance(find(made.getvalue(), "file.xlsx"), tuple) and calls == ["check_archive", "opened"]


def test_of_a_column_as_long_as_its_file_so_many_values_are_asked_as_tell_what_it_is(monkeypatch):
    asked = []
    monkeypatch.setitem(content.CHECKS, "crn", lambda value: asked.append(value) or True)
    identity = CONTRACTS["identity"]
    assert content.fits(cells_of([f"X{n}" for n in range(20_000)]), identity, identity.column("crn")) == 1.0
    assert len(asked) == content.VALUES_ASKED
