import datetime as dt

import pandas as pd
import pytest

from desist.features.windows import Lookback, Window, days_in, length_in_words
from desist.records.errors import Refused

APRIL = dt.date(2024, 4, 1)


@pytest.mark.parametrize(
    ("text", "days"), [("28d", 28), ("2w", 14), ("1m", 30), ("3m", 91), ("6m", 182), ("12m", 365), ("2y", 730)]
)
def test_a_length_is_whole_days_whatever_the_calendar(text, days):
    assert days_in(text) == days


@pytest.mark.parametrize("text", ["-2y", "0d", "2", "y", "2 years", "1.5y", "+28d", "", None, "2y\n", "\u0662y"])
def test_a_length_that_reaches_forward_or_says_nothing_is_refused(text):
    with pytest.raises(Refused):
        days_in(text)


@pytest.mark.parametrize("text", ["101y", "36501d", "9" * 5000 + "y", "0" * 5000 + "101y"])
def test_a_length_of_more_than_a_hundred_years_is_refused_and_a_long_text_cut(text):
    with pytest.raises(Refused, match="100 years at most") as refused:
        days_in(text)
    assert len(str(refused.value)) < 120


def test_a_length_may_be_a_hundred_years():
    assert days_in("100y") == days_in("36500d") == 36500


def test_a_window_holds_its_first_day_and_not_the_as_of_date():
    window = Window(as_of=APRIL, days=28)
    days = pd.Series(pd.to_datetime(["2024-03-03", "2024-03-04", "2024-03-31", "2024-04-01", None]))
    assert window.covers(days).tolist() == [False, True, True, False, False]
    assert [window.contains(dt.date(2024, 3, day)) for day in (3, 4, 31)] == [False, True, True]
    assert not window.contains(APRIL)


def test_a_window_can_end_early_but_never_after_the_as_of_date():
    window = Window(as_of=APRIL, days=28, until=7)
    assert window.contains(dt.date(2024, 3, 24)) and not window.contains(dt.date(2024, 3, 25))
    with pytest.raises(Refused, match="past the as-of date"):
        Window(as_of=APRIL, days=28, until=-1)
    with pytest.raises(Refused, match="past the as-of date"):
        Lookback(days=28, until=-365)
    with pytest.raises(Refused, match="empty"):
        Lookback(days=28, until=28)


@pytest.mark.parametrize(("days", "words"), [(730, "2 years"), (365, "1 year"), (182, "6 months"), (28, "28 days"),
                                             (91, "3 months"), (1, "1 day")])  # fmt: skip
def test_a_length_is_said_as_people_say_it(days, words):
    assert length_in_words(days) == words
