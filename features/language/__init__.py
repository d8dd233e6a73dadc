"""Definitions of features, written in sentences and checked when they are made.

``count(offences.where(violent), within="2y")`` is one. Each says what it yields, what a missing value means,
what it reads, and itself in words. A new function is one class here, one line in the reference engine, and one way
for the compiled engine to make it from what it can count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from desist.features.language.ages import Age
from desist.features.language.combined import Chosen, Combined, OfDefinitions, Tested
from desist.features.language.definitions import Definition, OfField, OfRows
from desist.features.language.functions import (
    age_at_as_of,
    age_at_first,
    count,
    days_since,
    days_since_first,
    decayed_count,
    distinct,
    duration,
    first,
    gap_between,
    has,
    is_open,
    mean,
    most_recent,
    rate_per_year_at_liberty,
    share,
    sum,
    trend,
    where,
    worst,
)
from desist.features.language.of_events import Count, DaysSince, DaysSinceFirst, DecayedCount, GapBetween, Has, Trend
from desist.features.language.of_fields import Distinct, First, Mean, MostRecent, Share, Sum, Worst
from desist.features.language.of_spells import LEAST_DAYS_AT_LIBERTY, Duration, IsOpen, RatePerYearAtLiberty

#: The words of the language; the same in Python and in a workspace's features.toml.
WORDS: Mapping[str, Callable[..., Definition]] = {
    made.__name__: made
    for made in (
        count, has, days_since, days_since_first, decayed_count, gap_between, trend, duration, is_open,
        rate_per_year_at_liberty, most_recent, first, worst, sum, mean, distinct, share, age_at_as_of, age_at_first,
        where,
    )
}  # fmt: skip


def tables_read(definitions: Sequence[Definition]) -> frozenset[str]:
    """Names of the event tables that any of the definitions reads."""
    return frozenset(rows.contract.name for definition in definitions for rows in definition.subjects())


__all__ = [
    "LEAST_DAYS_AT_LIBERTY",
    "WORDS",
    "Age",
    "Chosen",
    "Combined",
    "Count",
    "DaysSince",
    "DaysSinceFirst",
    "DecayedCount",
    "Definition",
    "Distinct",
    "Duration",
    "First",
    "GapBetween",
    "Has",
    "IsOpen",
    "Mean",
    "MostRecent",
    "OfDefinitions",
    "OfField",
    "OfRows",
    "RatePerYearAtLiberty",
    "Share",
    "Sum",
    "Tested",
    "Trend",
    "Worst",
    "age_at_as_of",
    "age_at_first",
    "count",
    "days_since",
    "days_since_first",
    "decayed_count",
    "distinct",
    "duration",
    "first",
    "gap_between",
    "has",
    "is_open",
    "mean",
    "most_recent",
    "rate_per_year_at_liberty",
    "share",
    "sum",
    "tables_read",
    "trend",
    "where",
    "worst",
]  # fmt: skip
