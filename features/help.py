"""Who had a need on a date, and who got help after it: what an audit of benefit rests on. Never a feature."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from desist.features.events import Events
from desist.features.population import needs_identified
from desist.features.tables import ROW

#: A service counts as received where it started within so many days of the as-of date, the outcome's own year.
WITHIN_DAYS = 365


def with_need(events: Events, people: Sequence[str], as_of: dt.date) -> frozenset[str]:
    """The people with at least one need identified before the as-of date, as far as recorded before it.

    Nobody else is "without a need": somebody who was not assessed is not known to have one.
    """
    return frozenset(person for person, _ in needs_identified(events, people, as_of))


def with_service(events: Events, people: Sequence[str], as_of: dt.date, *, days: int = WITHIN_DAYS) -> frozenset[str]:
    """The people for whom a service they were referred to started in ``days`` days from the as-of date.

    The as-of date is the first of the days. A start counts whenever it was recorded: this looks back on a past date.
    """
    referrals = events.tables["referrals"]
    started = referrals["started"]
    first = pd.Timestamp(as_of)
    inside = (started >= first) & (started < first + pd.Timedelta(days=days))
    return frozenset(referrals.loc[inside & referrals["person_id"].isin(frozenset(people)), "person_id"].astype(str))


def need_and_help(events: Events, rows: pd.DataFrame) -> pd.DataFrame | None:
    """person_id, as_of, ``need`` and ``received`` (true or false) of each row; None where no referrals are shared."""
    if "referrals" not in events.tables or "probation" not in events.shared:
        return None
    parts = []
    for date, part in rows[ROW].groupby("as_of"):
        people, day = part["person_id"].astype(str).tolist(), pd.Timestamp(str(date)).date()
        need, received = with_need(events, people, day), with_service(events, people, day)
        parts.append(
            part.assign(
                need=[person in need for person in people], received=[person in received for person in people]
            )
        )
    return pd.concat(parts).sort_index() if parts else None
