"""How far back a feature looks. Every window ends before the as-of date; none can be made that reaches past it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import pandas as pd

from desist.records.errors import Refused

_SPELLING = re.compile(r"([0-9]+)([dwmy])")
#: Nobody's records go back further; a longer window is a slip of the pen.
LONGEST_YEARS = 100
#: So much of a length that cannot be read is shown.
_SHOWN = 40


def days_in(text: str) -> int:
    """Whole days in a length such as "28d", "6w", "6m" or "2y".

    A year is 365 days and never looks at the calendar; a month is a twelfth of that, rounded down, so that
    "6m" is the 182 days of the national waiting period and "12m" is "1y".
    """
    match = _SPELLING.fullmatch(text) if isinstance(text, str) else None
    shown = repr(text) if len(repr(text)) <= _SHOWN else f"{repr(text)[: _SHOWN - 3]}..."
    if match is None:
        raise Refused(
            f"A window is written as a whole number and d, w, m or y, such as '2y'; found {shown}. "
            "A window never reaches past the as-of date, so there is no negative or later one."
        )
    too_long = Refused(f"A length is {LONGEST_YEARS} years at most; found {shown}. Shorten it.")
    if len(match.group(1).lstrip("0")) > len(str(365 * LONGEST_YEARS)):
        raise too_long
    number, unit = int(match.group(1).lstrip("0") or "0"), match.group(2)
    days = {"d": number, "w": 7 * number, "m": number * 365 // 12, "y": 365 * number}[unit]
    if days < 1:
        raise Refused(f"A window has at least one day; {shown} has none.")
    if days > 365 * LONGEST_YEARS:
        raise too_long
    return days


def length_in_words(days: int) -> str:
    """A length as people say it: "2 years", "6 months", "28 days"."""
    if days % 365 == 0 and days > 0:
        return _plural(days // 365, "year")
    months = round(days * 12 / 365)
    if months and months * 365 // 12 == days:
        return _plural(months, "month")
    return _plural(days, "day")


def length_after_the(days: int) -> str:
    """A length as it follows "the" or "every": "2 years", but "year" rather than "1 year"."""
    return length_in_words(days).removeprefix("1 ")


def _plural(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


@dataclass(frozen=True)
class Lookback:
    """How far a definition looks back: from ``days`` before the as-of date up to ``until`` days before it.

    ``until=0`` ends the day before the as-of date, which is as late as a window can end.
    """

    days: int
    until: int = 0

    def __post_init__(self) -> None:
        if self.until < 0:
            raise Refused(
                f"A window reaching {-self.until} days past the as-of date reads what was not known on it. "
                "End it on or before the as-of date."
            )
        if self.days <= self.until:
            raise Refused(f"A window from {self.days} to {self.until} days before the as-of date is empty.")

    def in_words(self) -> str:
        if self.until:
            return f"from {length_in_words(self.days)} to {length_in_words(self.until)} before the as-of date"
        return f"in the {length_after_the(self.days)} before the as-of date"


@dataclass(frozen=True)
class Window:
    """The days before an as-of date that a feature may look at.

    Holds ``as_of - days`` and later, up to but not including ``as_of - until``; never ``as_of`` itself.
    """

    as_of: dt.date
    days: int
    until: int = 0

    def __post_init__(self) -> None:
        Lookback(self.days, self.until)

    @property
    def first_day(self) -> dt.date:
        return self.as_of - dt.timedelta(days=self.days)

    @property
    def end(self) -> dt.date:
        """The first day after the window."""
        return self.as_of - dt.timedelta(days=self.until)

    def covers(self, dates: pd.Series) -> pd.Series:
        """Whether each date lies in the window; a missing date does not."""
        return (dates >= pd.Timestamp(self.first_day)) & (dates < pd.Timestamp(self.end))

    def contains(self, day: dt.date) -> bool:
        return self.first_day <= day < self.end
