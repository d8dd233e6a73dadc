"""What `desist map` proposes: the right columns, how sure, and never a cell of a person."""

import tomllib

import pytest

from desist.intake.mapping.content import cells_of
from desist.intake.mapping.find import Found, delimiter_of, encoding_of, find
from desist.intake.mapping.propose import LOOK, SURE, propose
from desist.intake.mapping.reader import file_map
from desist.intake.mapping.render import new_file
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
