"""The words an analyst writes: each makes one definition. A window is ``within="2y"``, before the as-of date.

Without ``within`` a definition looks back as far as the register lets its family.
"""

from __future__ import annotations

from desist.features.language.ages import Age
from desist.features.language.combined import Chosen
from desist.features.language.definitions import Definition
from desist.features.language.of_events import Count, DaysSince, DaysSinceFirst, DecayedCount, GapBetween, Has, Trend
from desist.features.language.of_fields import Distinct, First, Mean, MostRecent, Share, Sum, Worst
from desist.features.language.of_spells import Duration, IsOpen, RatePerYearAtLiberty
from desist.features.rows import Field, Rows
from desist.features.windows import Lookback, days_in
from desist.records.errors import Refused


def _lookback(within: str | None, until: str | None = None) -> Lookback | None:
    if within is None and until is None:
        return None
    if within is None:
        raise Refused("A window that ends early needs a beginning too: within='2y', until='6m'.")
    return Lookback(days_in(within), 0 if until is None else days_in(until))


def count(rows: Rows, *, within: str | None = None, until: str | None = None) -> Definition:
    """How many such events; 0 for a person with none whom the source knows."""
    return Count(_lookback(within, until), rows)


def has(rows: Rows, *, within: str | None = None, until: str | None = None) -> Definition:
    """Whether there is any such event."""
    return Has(_lookback(within, until), rows)


def days_since(rows: Rows, *, within: str | None = None, none_as: str = "missing") -> Definition:
    """Days from the last such event to the as-of date, 1 for the day before."""
    return DaysSince(_lookback(within), rows, none_as)


def decayed_count(rows: Rows, *, half_life: str, within: str | None = None) -> Definition:
    """How many such events, each counting half as much for every ``half_life`` gone by."""
    return DecayedCount(_lookback(within), rows, days_in(half_life))


def gap_between(rows: Rows, then: Rows | None = None, *, within: str | None = None) -> Definition:
    """Days between the last two days with such an event, or from the last one to what ``then`` followed it."""
    return GapBetween(_lookback(within), rows, then)


def trend(of: Rows | Field, *, within: str | None = None) -> Definition:
    """The later half of the window less the earlier: in number of events, or in the mean of a field."""
    return Trend(_lookback(within), of)


def duration(rows: Rows, *, within: str | None = None) -> Definition:
    """Days of the window spent in such spells, each day once; an open spell lasts until the as-of date."""
    return Duration(_lookback(within), rows)


def days_since_first(rows: Rows, *, within: str | None = None) -> Definition:
    """Days from the first such event in the window to the as-of date."""
    return DaysSinceFirst(_lookback(within), rows)


def is_open(rows: Rows, *, within: str | None = None) -> Definition:
    """Whether a spell begun before the as-of date has not ended before it, as far as then known."""
    return IsOpen(_lookback(within), rows)


def rate_per_year_at_liberty(rows: Rows, *, custody: Rows, within: str | None = None) -> Definition:
    """Events a year of days outside custody; missing where those are too few to say."""
    return RatePerYearAtLiberty(_lookback(within), rows, custody)


def most_recent(field: Field, *, within: str | None = None) -> Definition:
    """The last known value of a field; missing where none is known."""
    return MostRecent(_lookback(within), field)


def first(field: Field, *, within: str | None = None) -> Definition:
    """The earliest known value of a field; missing where none is known."""
    return First(_lookback(within), field)


def sum(field: Field, *, within: str | None = None) -> Definition:
    """The known values of a number added up; 0 where there is no row."""
    return Sum(_lookback(within), field)


def mean(field: Field, *, within: str | None = None) -> Definition:
    """The mean of the known values of a number; missing where none is known."""
    return Mean(_lookback(within), field)


def worst(field: Field, *, within: str | None = None) -> Definition:
    """The highest value of a number; 0 where there is no row."""
    return Worst(_lookback(within), field)


def distinct(field: Field, *, within: str | None = None) -> Definition:
    """How many different known values a field has."""
    return Distinct(_lookback(within), field)


def share(field: Field, *, of: Rows, within: str | None = None) -> Definition:
    """Of the rows whose answer is known, the share that is yes; from 0 to 1."""
    return Share(_lookback(within), field, of)


def age_at_as_of() -> Definition:
    """Whole years of age on the as-of date; needs a board's approval in any register."""
    return Age(None, None)


def age_at_first(rows: Rows) -> Definition:
    """Whole years of age at the first such event; needs a board's approval in any register."""
    return Age(None, rows)


def where(test: Definition, then: Definition, otherwise: Definition | float) -> Definition:
    """``then`` for people of whom the test is true, ``otherwise`` for the others; missing where the test is."""
    return Chosen(None, test, then, otherwise)
