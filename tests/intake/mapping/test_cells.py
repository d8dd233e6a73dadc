"""One cell of an agency's: dates as the mapping states, codes, numbers, names. Nothing is guessed."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904, to_excel

from desist.intake.mapping import cells
from desist.intake.mapping.cells import Fault, converter, date_text
from desist.intake.mapping.grid import CellError, Formula
from desist.intake.mapping.model import SPLIT, ColumnMap

DAYS = st.dates(min_value=dt.date(1901, 1, 1), max_value=dt.date(2100, 1, 1))


def convert(value, kind="text", dates="iso", decimal=".", **column):
    made = converter(ColumnMap("x", **column), kind, dates=dates, decimal=decimal, date_1904=False, typed=False)(value)
    return made.reason if isinstance(made, Fault) else made


@given(DAYS)
def test_a_day_is_the_same_day_in_every_style(day):
    assert date_text(day.isoformat(), "iso") == day.isoformat()
    assert date_text(f"{day:%d/%m/%Y}", "day_first") == day.isoformat()
    assert date_text(f"{day.day} {day:%B %Y}", "day_first") == day.isoformat()
    assert date_text(day, "serial") == day.isoformat()


@given(DAYS)
def test_excels_own_number_of_a_day_is_what_openpyxl_says_it_is(day):
    assert date_text(int(to_excel(day)), "serial") == day.isoformat()
    if day > dt.date(1904, 1, 1):
        assert date_text(int(to_excel(day, CALENDAR_MAC_1904)), "serial", date_1904=True) == day.isoformat()


@pytest.mark.parametrize(
    ("text", "style"),
    [("03/04/2026", "iso"), ("2026-04-03", "day_first"), ("03/04/2026", "serial"), ("2026-04-03", "serial")],
)
def test_a_date_in_another_style_is_not_read(text, style):
    found = date_text(text, style)
    assert isinstance(found, Fault) and found.style


def test_a_date_that_excel_made_is_not_read_as_one_that_was_written_day_first():
    # On an American desk Excel took 03/04 for 4 March and left 13/04 as text.
    found = date_text(dt.date(2026, 3, 4), "day_first")
    assert isinstance(found, Fault) and found.style


@pytest.mark.parametrize(
    ("text", "why"),
    [("31/02/2026", "calendar"), ("03/04/26", "two digits"), ("spring", "is not a date"), ("04/13/2026", "calendar")],
)
def test_what_is_no_day_says_why(text, why):
    assert why in date_text(text, "day_first").reason


def test_the_time_of_day_is_left_off():
    assert date_text("2026-04-03T23:59:00", "iso") == "2026-04-03"
    assert date_text("03/04/2026 23:59", "day_first") == "2026-04-03"
    assert date_text(dt.datetime(2026, 4, 3, 23, 59), "serial") == "2026-04-03"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-31T23:30:00Z", "2026-04-01"),  # an hour before midnight in London's summer
        ("2026-01-31T23:30:00Z", "2026-01-31"),
        ("2026-07-01T00:30:00+02:00", "2026-06-30"),
        ("2026-03-31 23:30+01:00", "2026-03-31"),
        ("2026-03-31T23:30:00", "2026-03-31"),
    ],
)
def test_a_time_with_a_zone_is_a_day_in_london(text, day):
    assert date_text(text, "iso") == day
    assert date_text(dt.datetime.fromisoformat(text), "iso", typed=True) == day


def test_without_a_table_of_zones_no_day_is_guessed(monkeypatch):
    monkeypatch.setattr(cells, "_london", lambda: None)
    for moment in ("2026-03-31T23:30:00Z", dt.datetime(2026, 3, 31, tzinfo=dt.UTC)):
        assert "time zone" in date_text(moment, "iso", typed=True).reason
    assert "calendar" in date_text("2026-02-30T10:00Z", "iso").reason


def test_a_code_is_translated_whatever_its_capitals_spaces_and_signs_and_another_stays():
    codes = {"White & Asian": "M3", "y": "true"}
    for cell in ("White & Asian", "white &  asian", "WHITE / ASIAN"):
        assert convert(cell, "code", codes=codes) == "M3"
    assert convert("Somebody", "code", codes=codes) == "Somebody"


def test_what_stands_in_brackets_or_before_a_code_makes_another_code():
    consent = {"Yes": "true", "No": "false"}
    for cell in ("Yes (withdrawn 03/2026)", "No (previously yes)", "Yes?", "(Yes)", "Yes, until 2025"):
        assert convert(cell, "code", codes=consent) == cell
    for cell in ("-1", "+1", "(1)", "1?", "1.0.1"):
        assert convert(cell, "code", codes={"1": "true", "101": "false"}) == cell


def test_signs_that_join_two_words_make_no_other_code():
    codes = {"Treatment completed - drug free": "a", "non_opiate": "b"}
    assert convert("TREATMENT COMPLETED – drug free", "code", codes=codes) == "a"
    assert convert("Non-opiate", "code", codes=codes) == "b"


def test_codes_that_only_signs_tell_apart_are_never_taken_for_each_other():
    codes = {"A+": "one", "A-": "two"}
    assert [convert(cell, "code", codes=codes) for cell in ("A+", "A-", "A")] == ["one", "two", "A"]


def test_cells_that_say_nothing_are_empty():
    assert convert("N/K", "code", empty=("n/k",)) is None
    assert convert(dt.date(9999, 12, 31), "date", dates="serial", empty=("9999-12-31",)) is None


def test_lost_zeros_come_back_only_where_the_mapping_says_so():
    assert convert(801, "offence", pad=5) == "00801"
    assert convert("801", "offence") == "801"
    assert convert("8O1", "offence", pad=5) == "8O1"


def test_a_whole_number_has_no_decimals_and_a_long_one_has_lost_digits():
    assert convert(123.0) == "123"
    assert "15 digits" in convert(4505577104123456789)
    assert "digits are lost" in convert("4.50558E+09")
    assert convert("4E1") == "4E1"  # a flat's number, not a power of ten


def test_a_decimal_comma_is_one_only_where_the_mapping_says_so():
    assert convert("3,5", "decimal", decimal=",") == "3.5"
    assert convert("3,5", "decimal") == "3,5"
    assert convert("1.234,5", "decimal", decimal=",") == "1.234,5"


def test_one_cell_with_a_comma_is_three_names():
    parts = [convert("SMITH, Ann Jane Mary", split=SPLIT, take=part) for part in ("surname", "forename", "other_names")]
    assert parts == ["SMITH", "Ann", "Jane Mary"]
    assert "SURNAME, Forename" in convert("Ann Smith", split=SPLIT, take="surname")


def test_formulas_and_errors_of_excel_are_no_values():
    assert convert(Formula("F12")) == "holds a formula"
    assert convert(CellError("#N/A")) == "shows the error #N/A in Excel"


def test_an_identifier_loses_its_spaces_and_gets_capitals_where_the_mapping_says_so():
    assert convert("450 557 7104", remove=" ") == "4505577104"
    assert convert("x300007", upper=True) == "X300007"


def test_only_excels_own_errors_are_named_because_any_other_is_what_somebody_wrote():
    assert convert(CellError("Zzyzx Ada 05/01/1980")) == "shows an error in Excel"


def test_a_year_of_two_digits_is_another_style_of_date():
    assert date_text("03/04/26", "day_first").style and date_text("3 Apr 26", "iso").style
