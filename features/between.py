"""One person's events between two dates: what was recorded late, what aged, and what is new.

For ``desist why``: the same events are read as if everything had been recorded in time (``as_if_in_time``), and as if
nothing had happened since (``without_what_happened_since``). What happened on or after the earlier date is new.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from desist.features.contracts import EventContract
from desist.features.events import Events, recorded_before

#: Tables in which a row became a fact later than what it tells of: an offence is proven since its sanction.
FACT_SINCE = {"offences": "sanction_date"}


def of_person(events: Events, person_id: str) -> Events:
    """The events about one person alone."""
    tables = {name: events.rows_of(name, [person_id]) for name in events.tables}
    known = {source: {p: day for p, day in since.items() if p == person_id} for source, since in events.known.items()}
    return replace(events, tables=tables, known=known)


def as_if_in_time(events: Events, earlier: dt.date, later: dt.date) -> Events:
    """The events with everything recorded before ``later`` that happened before ``earlier`` known the day before it.

    Read them on ``earlier``: they show what a list of that day would have known, had nothing been recorded late.
    """
    in_time = pd.Timestamp(earlier) - pd.Timedelta(days=1)
    tables = {}
    for name, table in events.tables.items():
        made = table.copy()
        late = _happened(name, table, earlier) & recorded_before(table["recorded_on"], later)
        made["recorded_on"] = table["recorded_on"].mask(late & (table["recorded_on"] > in_time), in_time)
        for stamp, fields in _stamps(events.contracts[name]).items():
            told = _told_of(table, events.contracts[name], stamp, fields) < pd.Timestamp(earlier)
            late = told & recorded_before(table[stamp], later)
            made[stamp] = table[stamp].mask(late & (table[stamp] > in_time), in_time)
        tables[name] = made
    known = _known(events, earlier, later, known_late=in_time.date(), known_new=None)
    return replace(events, tables=tables, known=known)


def without_what_happened_since(events: Events, earlier: dt.date, later: dt.date) -> Events:
    """The events that happened before ``earlier``; what later became of them only where it happened before it too.

    Read them on ``later``: they show a list of that day on which nothing had happened in between. Whatever was known
    before ``earlier`` stays as it was, plans among it.
    """
    tables = {}
    for name, table in events.tables.items():
        made = table[_happened(name, table, earlier)].copy()
        for stamp, fields in _stamps(events.contracts[name]).items():
            told = _told_of(made, events.contracts[name], stamp, fields) < pd.Timestamp(earlier)
            kept = told | recorded_before(made[stamp], earlier)
            made[stamp] = made[stamp].where(kept)
        tables[name] = made
    known = _known(events, earlier, later, known_late=None, known_new=later)
    return replace(events, tables=tables, known=known)


def _happened(name: str, table: pd.DataFrame, earlier: dt.date) -> pd.Series:
    """Whether each row of a table was a fact before ``earlier``, recorded or not."""
    day = table["occurred_on"]
    if name in FACT_SINCE:
        day = table[[FACT_SINCE[name], "occurred_on"]].max(axis=1)
    return day < pd.Timestamp(earlier)


def _stamps(contract: EventContract) -> dict[str, list[str]]:
    """Each date on which something was learnt later, with what was learnt on it."""
    found: dict[str, list[str]] = {}
    for field, stamp in contract.learnt_later.items():
        found.setdefault(stamp, []).append(field)
    return found


def _told_of(table: pd.DataFrame, contract: EventContract, stamp: str, fields: list[str]) -> pd.Series:
    """The day that what was learnt later is about: its own date, else for a spell the day it was recorded.

    Of something without a length, such as an appointment, what is learnt later is about its own day.
    """
    about = table[stamp] if contract.ends else table["occurred_on"]
    for field in fields:
        if contract.spec(field).kind == "date":
            about = table[field].fillna(about)
    return about


def _known(
    events: Events, earlier: dt.date, later: dt.date, *, known_late: dt.date | None, known_new: dt.date | None
) -> Mapping[str, Mapping[str, dt.date]]:
    """Since when sources know the person, where a source's first record came between the dates.

    Late, if it told of what happened before ``earlier``: then since ``known_late``. Else new: then since ``known_new``.
    None leaves the day as it is.
    """
    found: dict[str, dict[str, dt.date]] = {}
    for source, since in events.known.items():
        told_late = any(
            (_happened(name, table, earlier) & recorded_before(table["recorded_on"], later)).any()
            for name, table in events.tables.items()
            if source in events.contracts[name].sources
        )
        instead = known_late if told_late else known_new
        found[source] = {
            person: instead if instead is not None and earlier <= day < later else day for person, day in since.items()
        }
    return found
