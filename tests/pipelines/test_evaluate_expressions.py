"""The language of a spec's conditions: what it says, and what it cannot be made to do."""

import contextlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.pipelines.evaluate.expressions import DATE, NUMBER, TEXT, YES_NO, ExpressionError, Value, parse

NAN = float("nan")


@pytest.fixture
def columns():
    return {
        "days": Value(NUMBER, pd.Series([-40.0, 30.0, NAN])),
        "charge": Value(TEXT, pd.Series(["F", "O", None], dtype="str")),
        "seen": Value(TEXT, pd.Series(["2014-03-31", "2014-04-01", None], dtype="str"), calendar=True),
        "released": Value(TEXT, pd.Series(["2014-03-01", "2014-04-11", None], dtype="str"), calendar=True),
        "year": Value(NUMBER, pd.Series([2013.0, 2014.0, 2015.0]), calendar=True),
    }


def worked_out(text, columns):
    return parse(text).value(columns).data.tolist()


def kept(text, columns):
    return parse(text).rows(columns, 3).tolist()


def test_a_published_filter_keeps_the_rows_it_names(columns):
    assert kept("abs(days) <= 30 and charge != 'O'", columns) == [False, False, False]
    assert kept("abs(days) <= 40 and charge != 'O'", columns) == [True, False, False]


def test_a_comparison_with_a_missing_value_is_missing_and_so_is_its_opposite(columns):
    assert worked_out("days > 0", columns)[:2] == [False, True]
    assert pd.isna(worked_out("days > 0", columns)[2])
    assert pd.isna(worked_out("not days > 0", columns)[2])
    assert kept("days > 0", columns) == [False, True, False]
    assert kept("not days > 0", columns) == [True, False, False]


def test_or_with_a_yes_is_yes_whatever_is_missing(columns):
    assert kept("days > 0 or charge is missing", columns) == [False, True, True]


def test_missing_can_be_asked_for(columns):
    assert worked_out("charge is missing", columns) == [False, False, True]
    assert worked_out("charge is not missing", columns) == [True, True, False]


def test_a_row_on_the_written_date_is_not_before_it(columns):
    assert kept("date(seen) < date('2014-04-01')", columns) == [True, False, False]
    assert kept("date(seen) <= date('2014-04-01')", columns) == [True, True, False]


def test_two_dates_subtracted_are_days(columns):
    gap = worked_out("date(released) - date(seen)", columns)
    assert gap[:2] == [-30.0, 10.0]
    assert pd.isna(gap[2])


def test_a_chain_reads_as_in_mathematics(columns):
    assert kept("-40 < days <= 30", columns) == [False, True, False]


def test_membership_in_a_list_knows_negative_numbers(columns):
    assert kept("days in [-40, 7]", columns) == [True, False, False]
    assert kept("charge not in ['F']", columns) == [False, True, False]


def test_division_by_zero_has_no_answer_instead_of_an_infinite_one(columns):
    assert all(pd.isna(value) for value in worked_out("days / (days - days)", columns))


def test_numbers_are_read_out_of_text_and_other_text_is_an_error():
    columns = {"pay": Value(TEXT, pd.Series(["£1,250", " 3.5 ", None], dtype="str"))}
    assert worked_out("number(pay)", columns)[:2] == [1250.0, 3.5]
    with pytest.raises(ExpressionError, match="1 values are not numbers"):
        worked_out("number(pay)", {"pay": Value(TEXT, pd.Series(["12", "about 3"], dtype="str"))})


def test_a_british_date_needs_its_layout():
    columns = {"seen": Value(TEXT, pd.Series(["31/03/2014"], dtype="str"))}
    with pytest.raises(ExpressionError, match="not dates"):
        worked_out("date(seen)", columns)
    assert worked_out("date(seen, '%d/%m/%Y')", columns) == [pd.Timestamp(2014, 3, 31)]


def test_choose_is_missing_where_its_question_is(columns):
    assert worked_out("choose(days > 0, 1, 0)", columns)[:2] == [0.0, 1.0]
    assert pd.isna(worked_out("choose(days > 0, 1, 0)", columns)[2])


@pytest.mark.parametrize(
    "text",
    [
        "date(seen)",
        "date(seen) - date('2013-01-01')",
        "date(seen) < date('2014-01-01')",
        "year",
        "year - 2000",
        "year + year",
        "year == 2014",
        "year in [2014]",
        "choose(year > 2013, 1, 0)",
        "abs(-year)",
        "seen == '2014-04-01'",
        "starts_with(seen, '2014')",
        "days + year",
        "year > 2013 and days > 0",
    ],
)
def test_what_tells_the_calendar_date_is_known_as_such(text, columns):
    assert parse(text).value(columns).calendar


@pytest.mark.parametrize(
    "text", ["date(released) - date(seen)", "date(released) > date(seen)", "year - year", "seen is missing", "days * 2"]
)
def test_durations_and_gaps_tell_no_date(text, columns):
    assert not parse(text).value(columns).calendar


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')",
        "open('x')",
        "days.__class__",
        "(lambda: 1)()",
        "[d for d in days]",
        "days ** 99",
        "days if days else 1",
        "f'{days}'",
        "days is None",
        "charge[0]",
        "abs(x=days)",
        "days; days",
        "",
        "days in charge",
        "10" * 400,
        "(" * 300 + "1" + ")" * 300,
    ],
)
def test_nothing_outside_the_language_is_read(text):
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("days == 'F'", "compares a number with a text"),
        ("charge < 'G'", "equal or not equal"),
        ("nowhere > 1", "no column 'nowhere'"),
        ("days and charge == 'F'", "wants a yes/no"),
        ("abs(charge)", "wants a number"),
        ("choose(days)", "not how many"),
        ("date('April')", "not a date"),
    ],
)
def test_kinds_that_do_not_go_together_are_named(text, told, columns):
    with pytest.raises(ExpressionError, match=told):
        parse(text).value(columns)


def test_a_filter_that_is_no_question_is_an_error(columns):
    with pytest.raises(ExpressionError, match="not yes or no"):
        parse("days + 1").rows(columns, 3)


def test_messages_hold_no_cell():
    columns = {"seen": Value(TEXT, pd.Series(["Ann Example, 1 Made-up Road"], dtype="str"))}
    for text in ("date(seen)", "number(seen)"):
        with pytest.raises(ExpressionError) as told:
            worked_out(text, columns)
        assert "Ann" not in str(told.value)


@given(st.text(max_size=60))
def test_any_text_is_either_read_or_refused(text):
    with contextlib.suppress(ExpressionError):
        parse(text)


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=20), st.integers(-5, 5))
def test_a_filter_and_its_opposite_share_no_row_and_leave_out_only_the_missing(values, bound):
    numbers = pd.Series([NAN if value is None else float(value) for value in values])
    columns = {"x": Value(NUMBER, numbers)}
    yes = parse(f"x < {bound}").rows(columns, len(values))
    no = parse(f"not x < {bound}").rows(columns, len(values))
    assert not (yes & no).any()
    assert ((yes | no) == numbers.notna().to_numpy()).all()


def test_kinds_are_told_apart():
    assert len({NUMBER, TEXT, YES_NO, DATE}) == 4
