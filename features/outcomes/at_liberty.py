"""Months of follow-up at liberty or not, with what was known at the start of each: for the risk if at liberty.

A secondary and hypothetical analysis (DOMAIN section 6). No row is selected by later custody: everybody enters the
first month, and each person's months end with the first in which they reoffended, were held, or went out of sight.
What to make of them, by weighting, is in ``desist.models.over_time.at_liberty``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.features.derive import dates
from desist.features.events import Events
from desist.features.outcomes.catalogue import PROVEN_REOFFENDING
from desist.features.outcomes.definitions import OutcomeDefinition
from desist.features.outcomes.follow_up import count_and_first
from desist.features.outcomes.packing import NEVER, Array, People, day_numbers, days_of
from desist.features.outcomes.time_to import (
    DIED,
    MOVED,
    dated,
    days_observed,
    first_day_of,
    known_by_all,
    why_missing,
)
from desist.features.tables import ROW, Profiles, check_rows
from desist.records.errors import Refused

#: Profiles for rows of (person, as-of date), such as ``lambda rows: build_profiles(events, rows, register)``.
MakeProfiles = Callable[[pd.DataFrame], Profiles]
COLUMNS = ("month", "month_start", "at_liberty", "reoffended")


#: Why somebody whose follow-up has matured has no month all the same.
OUT_OF_SIGHT = "died or moved away before a whole month"


@dataclass(frozen=True)
class PersonMonths:
    """Months of follow-up, one row each.

    ``table``: person_id, as_of, ``month`` (1 is the month from the as-of date), ``month_start`` (date),
    ``at_liberty`` (0 where a day in custody came before any reoffence of the month), ``reoffended`` (1 or 0; NaN in a
    month not at liberty), then the features as known before the month's start. A person's last row here is the first
    month with a reoffence or not at liberty, or the last month seen. ``not_known``: person_id, as_of, why_missing of
    the rows that have no months at all. ``months``: how many there can be.
    """

    table: pd.DataFrame
    features: tuple[str, ...]
    not_known: pd.DataFrame
    months: int
    sentence: str

    def __post_init__(self) -> None:
        lacking = [name for name in (*ROW, *COLUMNS, *self.features) if name not in self.table]
        if lacking:
            raise ValueError(f"months of follow-up lack the columns {lacking}")
        if self.table.duplicated([*ROW, "month"]).any():
            raise ValueError("a month of follow-up is there twice")


def person_months(
    events: Events,
    rows: pd.DataFrame,
    known_by: dt.date,
    features: Profiles | MakeProfiles,
    *,
    definition: OutcomeDefinition = PROVEN_REOFFENDING,
) -> PersonMonths:
    """Each row's months of follow-up, with features asked again at the start of every month.

    ``features``: profiles of every (person, month start), or what makes them. A month is a twelfth of 365 days,
    rounded down. Only rows whose whole follow-up has matured have months. Custody is any day of a spell as known by
    ``known_by``, remand included; on one day a reoffence comes before custody. A month in which death or moving
    away came before either is not there, nor any after it; rows left without any month are in ``not_known``.
    """
    check_rows(rows, "rows", [])
    if definition.only_below is not None or definition.follow_up_days % 365:
        raise Refused(f"{definition.name} is no outcome that everybody can have over whole years.")
    months = definition.follow_up_days * 12 // 365
    known_by = known_by_all(events, definition, known_by)
    people, as_of = People.of(rows), days_of(rows)
    observed = days_observed(definition, as_of, known_by)
    why = why_missing(events, definition, people, as_of, observed, definition.follow_up_days)
    _, first = count_and_first(events, people, as_of, observed, [definition], known_by)
    reoffence = np.where(first[:, 0] > 0, first[:, 0], NEVER)
    gone = np.minimum(
        first_day_of([dated(events, DIED, known_by, "discharge_date")], people, as_of, ever=True),
        first_day_of([dated(events, MOVED, known_by, "discharge_date")], people, as_of),
    )
    held = _first_day_held(events, people, as_of, known_by)
    table = _months(rows, as_of, np.where(why == "", months, 0), reoffence, held, gone)
    profiles = _profiles(table, features)
    table = table.merge(profiles.table.rename(columns={"as_of": "month_start"}), how="left",
                        on=["person_id", "month_start"], validate="many_to_one")  # fmt: skip
    seen = pd.MultiIndex.from_frame(table[ROW]).unique()
    there = pd.MultiIndex.from_frame(rows[ROW].astype({"person_id": "str"})).isin(seen)
    why = np.where((why == "") & ~there, OUT_OF_SIGHT, why)
    not_known = rows[ROW].assign(why_missing=why)[why != ""].reset_index(drop=True)
    sentence = f"{definition.in_words()}, by month at liberty: {months} months from the as-of date"
    return PersonMonths(table, profiles.features, not_known, months, sentence)


def _first_day_held(events: Events, people: People, as_of: Array, known_by: dt.date) -> Array:
    """The first follow-up day spent in custody, 1 for people already held; NEVER for people not held again."""
    spells = events.visible("custody", known_by).reset_index(drop=True) if "custody" in events.tables else None
    if spells is None or spells.empty:
        return np.full(len(as_of), NEVER, dtype=np.int64)
    begins = spells[["person_id"]].assign(day=day_numbers(spells["occurred_on"]).astype(np.int64))
    following = first_day_of([begins], people, as_of)
    place = pd.Index(people.names, dtype=object).get_indexer(pd.Index(spells["person_id"].to_numpy(dtype=object)))
    last = pd.Series(day_numbers(spells["release"]).astype(np.int64)).groupby(spells["person_id"]).cummax().to_numpy()
    wide = np.int64(2**32)
    keys = place * wide + begins["day"].to_numpy()
    order = np.argsort(keys, kind="stable")
    at = np.searchsorted(keys[order], people.of_row * wide + as_of) - 1
    before = order[np.maximum(at, 0)]
    inside = (at >= 0) & (place[before] == people.of_row) & (last[before] >= as_of)
    return np.where(inside, 1, following)


def _months(
    rows: pd.DataFrame, as_of: Array, months: Array, reoffence: Array, held: Array, gone: Array
) -> pd.DataFrame:
    """The months of each row up to and with the first event; ``months`` is how many a row can have."""
    ends = np.array([month * 365 // 12 for month in range(int(months.max(initial=0)) + 1)], dtype=np.int64)
    event = np.minimum(reoffence, held)
    whole = np.searchsorted(ends, np.minimum(event, gone)) - 1  # months over before anything happened
    seen = whole + ((event <= gone) & (event < NEVER))
    count = np.clip(np.minimum(seen, months), 0, None)
    of_row = np.repeat(np.arange(len(rows)), count)
    month = np.arange(len(of_row)) - np.repeat(np.cumsum(count) - count, count) + 1
    ended = month > whole[of_row]
    free = ~ended | (reoffence[of_row] <= held[of_row])
    start = np.array([dt.date.fromordinal(int(day)) for day in as_of[of_row] + ends[month - 1]], dtype="datetime64[D]")
    return (
        rows[ROW].iloc[of_row].reset_index(drop=True).astype({"person_id": "str"})
        .assign(month=month, month_start=pd.Series(start.astype("datetime64[us]")), at_liberty=free.astype("float64"),
                reoffended=np.where(free, ended, np.nan))
    )  # fmt: skip


def _profiles(table: pd.DataFrame, features: Profiles | MakeProfiles) -> Profiles:
    """Profiles of every month start. Raises Refused where one is not there."""
    asked = table[["person_id", "month_start"]].rename(columns={"month_start": "as_of"}).drop_duplicates()
    found = features if isinstance(features, Profiles) else features(asked.reset_index(drop=True))
    made = found.table.assign(person_id=found.table["person_id"].astype("str"), as_of=dates(found.table["as_of"]))
    have = pd.MultiIndex.from_frame(made[ROW])
    lacking = len(asked) - int(pd.MultiIndex.from_frame(asked).isin(have).sum())
    if lacking:
        raise Refused(f"{lacking} of {len(asked)} starts of months have no profile; make one for each.")
    return Profiles(made[[*ROW, *found.features]], found.features, found.schema_hash)
