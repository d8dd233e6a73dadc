"""The judge of outcomes: each row's follow-up looked at one offence at a time, in plain Python.

``label_outcomes`` works out the same from packed arrays; tests demand equal cells.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from desist.features.engines.facts import Facts, Record, days_in_custody, facts_of, histories, meets
from desist.features.events import Events
from desist.features.outcomes.definitions import ALREADY_AT_THE_TOP, LIBERTY_DAYS, OutcomeDefinition
from desist.features.outcomes.follow_up import (
    FollowUps,
    last_known_by,
    not_known_before,
    not_shared,
    not_told_apart,
    said,
)
from desist.features.rows import Rows
from desist.features.tables import check_rows
from desist.features.vocabulary import custody, offences
from desist.records import codes


def follow_ups_reference(
    events: Events, rows: pd.DataFrame, definitions: Sequence[OutcomeDefinition], known_by: dt.date
) -> FollowUps:
    """What ``follow_ups`` gives, the slow and plain way."""
    check_rows(rows, "rows", [])
    known_by = last_known_by(events, definitions, known_by)
    people = rows["person_id"].astype("str").tolist()
    days = [day.date() for day in rows["as_of"]]
    counts, first_days = (np.full((len(people), len(definitions)), np.nan) for _ in range(2))
    why = ["" for _ in people]
    by_person: dict[str, list[int]] = {}
    for position, person in enumerate(people):
        by_person.setdefault(person, []).append(position)
    tables = sorted({offences.contract.name, custody.contract.name, *(each.table for each in definitions)})
    for block in histories(events, tables, people):
        for person, history in block.items():
            for position in by_person[person]:
                then = facts_of(events, person, days[position], tables, history)
                later = Facts(known_by.toordinal(), history, events.contracts, frozenset())
                reasons = [_why_missing(events, definition, then, later.as_of) for definition in definitions]
                for place, definition in enumerate(definitions):
                    if not reasons[place]:
                        found = _days_counted(definition, then.as_of, later)
                        counts[position, place] = len(found)
                        first_days[position, place] = min(found, default=np.nan)
                why[position] = said(definitions, reasons)
    table = rows[["person_id", "as_of"]].reset_index(drop=True)
    return FollowUps(table, tuple(definitions), counts, first_days, why)


def _why_missing(events: Events, definition: OutcomeDefinition, then: Facts, known_by: int) -> str:
    """Why there is no outcome; empty where there is one."""
    contract = events.contracts[definition.table]
    if contract.name in then.unanswered:
        return not_shared(contract.source)
    if any(f"{contract.name}.{test.field}" in then.unanswered for test in definition.counts.conditions):
        return not_told_apart(contract.source)
    if then.as_of + definition.days_to_mature > known_by:
        return not_known_before(definition, then.as_of)
    if definition.only_below is not None and worst_band_at_liberty(then) >= definition.only_below:
        return ALREADY_AT_THE_TOP
    return ""


def _days_counted(definition: OutcomeDefinition, as_of: int, later: Facts) -> list[int]:
    """The day of follow-up of each offence that counts; day 1 is the as-of date."""
    end = as_of + definition.follow_up_days
    seen = [row for row in later.seen(definition.table) if as_of <= row["occurred_on"] < end]
    proven = _sanctioned_before if definition.by_sanction else _recorded_before
    seen = [row for row in seen if proven(row, end + definition.waiting_days)]
    return [row["occurred_on"] - as_of + 1 for row in seen if _counts(row, definition.counts)]


def _sanctioned_before(offence: Record, day: int) -> bool:
    """Whether a conviction or caution is known to have come before the day."""
    sanctioned = offence["sanction_date"]
    return offence["sanction_type"] in codes.SANCTIONS and sanctioned is not None and bool(sanctioned < day)


def _recorded_before(event: Record, day: int) -> bool:
    """Whether an event that needs no sanction was recorded before the day."""
    return bool(event["recorded_on"] < day)


def _counts(offence: Record, rows: Rows) -> bool:
    return all(meets(offence, test) for test in rows.conditions)


def worst_band_at_liberty(then: Facts, liberty_days: int = LIBERTY_DAYS) -> float:
    """Highest band of proven offences in the last days at liberty, the latest sanctioned offences included; 0 for none.

    Days in custody as then known do not use up the two years: the window reaches back until ``liberty_days`` days
    outside custody are in it. Where prison share nothing, every day counts as at liberty. The offences of the latest
    sanction stand for the index offence, however long ago they were committed.
    """
    seen = [offence for offence in then.seen("offences") if offence["occurred_on"] < then.as_of]
    if not seen:
        return 0.0
    first = start_at_liberty(then, liberty_days, min(offence["occurred_on"] for offence in seen))
    latest = max((o["sanction_date"] for o in seen if o["sanction_date"] is not None), default=None)
    indexed = [o for o in seen if latest is not None and o["sanction_date"] == latest]
    counted = [o["severity"] for o in seen if o["occurred_on"] >= first] + [o["severity"] for o in indexed]
    return float(max((band for band in counted if band is not None), default=0.0))


def start_at_liberty(then: Facts, liberty_days: int, earliest: int) -> int:
    """The first day of the stretch before the as-of date that holds ``liberty_days`` days outside custody.

    Not looked for before ``earliest``, where there is nothing to find.
    """
    first = then.as_of - liberty_days
    if "custody" in then.unanswered or not then.seen("custody"):
        return first
    while first > earliest:
        free = then.as_of - first - days_in_custody(then, custody, first, then.as_of)
        if free >= liberty_days:
            break
        first -= liberty_days - free
    return first
