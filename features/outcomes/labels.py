"""What happened afterwards: proven reoffending, serious offences and escalation, known only once they are mature.

Day 1 of follow-up is the as-of date itself. An offence counts by the day it was committed; it must be sanctioned by
the end of the waiting period. Nothing here takes a person out of a row: custody after the as-of date changes no
window. Source: Ministry of Justice, proven reoffending definition (one year and six months); DOMAIN section 6.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from desist.features.engines.reference import Facts, Record, days_in_custody, facts_of, histories, meets
from desist.features.events import Events
from desist.features.rows import Rows
from desist.features.tables import Outcomes, check_rows
from desist.features.vocabulary import custody, offences
from desist.records import codes
from desist.records.errors import Refused

#: Days after the waiting period until late records have usually arrived; part of the definition.
DATA_LAG_DAYS = 30
#: The two years at liberty before the as-of date that escalation looks at.
LIBERTY_DAYS = 730
#: People at this band or higher are "already at the top".
TOP_BAND = 4
ALREADY_AT_THE_TOP = "already at the top: a proven offence of band 4 or 5 in the last 24 months at liberty"


@dataclass(frozen=True)
class OutcomeDefinition:
    """One outcome. ``sentence`` is printed with every result; a change of meaning is a new ``version``.

    ``counts``: which proven offences count. ``only_below``: label only people whose proven offences in the last 24
    months at liberty were all below this band; None labels everybody.
    """

    name: str
    sentence: str
    version: str
    follow_up_days: int = 365
    waiting_days: int = 182
    data_lag_days: int = DATA_LAG_DAYS
    counts: Rows = field(default=offences)
    only_below: int | None = None

    def __post_init__(self) -> None:
        if self.follow_up_days < 1 or self.waiting_days < 0 or self.data_lag_days < 0:
            raise Refused(f"The outcome {self.name} needs at least one day of follow-up and no negative waiting.")
        if not {"sanction_date", "sanction_type"} <= set(self.counts.contract.fields):
            raise Refused(f"The outcome {self.name} counts {self.counts.contract.name}, which are not proven offences.")

    @property
    def days_to_mature(self) -> int:
        return self.follow_up_days + self.waiting_days + self.data_lag_days

    def matures_on(self, as_of: dt.date) -> dt.date:
        """The first ``known_by`` date on which the label is known."""
        return as_of + dt.timedelta(days=self.days_to_mature)

    def in_words(self) -> str:
        return f"{self.sentence} (version {self.version})"


PROVEN_REOFFENDING = OutcomeDefinition(
    name="proven_reoffending",
    sentence="an offence in the 12 months from the as-of date that led to a conviction or caution in them or the "
    "6 months after",
    version="1",
)
SERIOUS_OFFENCE = OutcomeDefinition(
    name="serious_offence",
    sentence="a proven offence of severity band 4 or 5 in the 12 months from the as-of date, sanctioned in them or "
    "the 6 months after",
    version="1",
    counts=offences.where(offences.severity.at_least(TOP_BAND)),
)
ESCALATION = OutcomeDefinition(
    name="escalation",
    sentence="a proven offence of severity band 4 or 5 in the 12 months from the as-of date, by somebody whose proven "
    "offences in the 24 months at liberty before were band 3 or lower: convicted of a more serious offence than in "
    "the last two years",
    version="1",
    counts=offences.where(offences.severity.at_least(TOP_BAND)),
    only_below=TOP_BAND,
)


def label_outcomes(
    events: Events, rows: pd.DataFrame, definitions: Sequence[OutcomeDefinition], known_by: dt.date
) -> Outcomes:
    """Labels 1, 0 or NaN per (person, as-of date), from sanctions recorded before ``known_by`` only.

    NaN, never 0, where the label is not mature by ``known_by``, or by the day after the extract that tells of
    sanctions was cut: an old extract knows nothing of later days; where the source of sanctions had no record of the
    person before the as-of date (a later first record must not decide who is labelled: it would select on the
    outcome); and, for escalation, where somebody is already at the top. ``why_missing`` says which.
    """
    check_rows(rows, "rows", [])
    known_by = min([known_by, *_ends_of_extracts(events, definitions)])
    people = rows["person_id"].astype("str").tolist()
    days = [day.date() for day in rows["as_of"]]
    values = np.full((len(people), len(definitions)), np.nan)
    why = ["" for _ in people]
    by_person: dict[str, list[int]] = {}
    for position, person in enumerate(people):
        by_person.setdefault(person, []).append(position)
    tables = ("offences", "custody")
    for block in histories(events, tables, people):
        for person, history in block.items():
            for position in by_person[person]:
                then = facts_of(events, person, days[position], tables, history)
                later = Facts(known_by.toordinal(), history, events.contracts, frozenset())
                labels = [_label(events, definition, then, later) for definition in definitions]
                values[position] = [np.nan if value is None else value for value, _ in labels]
                why[position] = _said(definitions, [reason for _, reason in labels])
    table = rows[["person_id", "as_of"]].reset_index(drop=True)
    names = tuple(definition.name for definition in definitions)
    table = pd.concat([table, pd.DataFrame(values, columns=list(names))], axis=1).assign(
        why_missing=pd.Series(why, dtype="str")
    )
    return Outcomes(table, names, {definition.name: definition.in_words() for definition in definitions})


def _ends_of_extracts(events: Events, definitions: Sequence[OutcomeDefinition]) -> list[dt.date]:
    """The day after each extract was cut that tells of the offences that count; none where no date is known."""
    sources = {events.contracts[definition.counts.contract.name].source for definition in definitions}
    return [events.snapshots[source] + dt.timedelta(days=1) for source in sorted(sources & events.snapshots.keys())]


def _label(events: Events, definition: OutcomeDefinition, then: Facts, later: Facts) -> tuple[float | None, str]:
    """The label and, where there is none, why."""
    as_of = then.as_of
    contract = events.contracts[definition.counts.contract.name]
    if contract.name in then.unanswered:
        return None, f"{contract.source} records are not shared"
    if any(f"{contract.name}.{test.field}" in then.unanswered for test in definition.counts.conditions):
        return None, f"{contract.source} records do not tell these offences apart"
    if as_of + definition.days_to_mature > later.as_of:
        day = dt.date.fromordinal(as_of + definition.days_to_mature)
        return None, f"not known before {day.isoformat()}"
    if definition.only_below is not None and worst_band_at_liberty(then) >= definition.only_below:
        return None, ALREADY_AT_THE_TOP
    end = as_of + definition.follow_up_days
    sanctioned_by = end + definition.waiting_days
    for offence in later.seen(contract.name):
        in_time = as_of <= offence["occurred_on"] < end and offence["sanction_date"] < sanctioned_by
        if in_time and _counts(offence, definition.counts):
            return 1.0, ""
    return 0.0, ""


def _counts(offence: Record, rows: Rows) -> bool:
    return offence["sanction_type"] in codes.SANCTIONS and all(meets(offence, test) for test in rows.conditions)


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
    latest = max(offence["sanction_date"] for offence in seen)
    counted = [o["severity"] for o in seen if o["occurred_on"] >= first or o["sanction_date"] == latest]
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


def _said(definitions: Sequence[OutcomeDefinition], reasons: Sequence[str]) -> str:
    """Why labels are missing: the reason alone where it is everybody's, else the outcomes it is for."""
    if len(set(reasons)) == 1:
        return reasons[0]
    named = [f"{d.name}: {why}" for d, why in zip(definitions, reasons, strict=True) if why]
    return "; ".join(named)
