"""The facts of the caseload that a page needs besides estimates: supervision, needs waiting, what changed, dates.

Everything is as known before the as-of date; plans (a sentence's end, the next appointment) may lie after it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.features.cohort import community_status, in_custody, open_spells
from desist.features.events import Events
from desist.features.windows import days_in
from desist.records import codes

SUPERVISION_WORDS = {
    "LICENCE": "Licence",
    "PSS": "Post-sentence supervision",
    "COMMUNITY_ORDER": "Community order",
    "SUSPENDED_SENTENCE": "Suspended sentence",
    "CUSTODY": "In custody",
    "NONE": "Not under supervision",
}
NOT_SELECTED = "not selected"
#: Months between reviews: three for people whom IOM adopted without a statutory order (DOMAIN section 6), six for
#: everybody else †. Counted from the last of: start of supervision, adoption by IOM, last assessment.
REVIEW_MONTHS = {"FREE": 3}
REVIEW_MONTHS_OTHERWISE = 6
#: "What changed" looks back this many days on the recorded date: a quarter.
CHANGED_DAYS = 91
#: A record this many days later than what it tells is named as late.
LATE_DAYS = 90
#: An assessment older than this says little of today (as in the register's family "needs").
ASSESSED_DAYS = days_in("3y")
#: Needs shown beside a person.
NEEDS_SHOWN = 3

FACT_COLUMNS = (
    "person_id", "supervision", "supervision_end", "iom_group", "needs_waiting", "changed", "last_contact",
    "next_contact", "review_due", "worker_id", "team", "lao", "sources_known", "sources_missing",
)  # fmt: skip
WAITING_COLUMNS = ("need", "service", "person_id", "days_waiting", "worker_id", "next_appointment")


@dataclass(frozen=True)
class Waiting:
    """One need without an offer: since the referral where there is one, else since it was identified."""

    person_id: str
    need: str
    service: str
    since: pd.Timestamp

    @property
    def in_words(self) -> str:
        return codes.NEED_LABELS[self.need]

    def days(self, as_of: dt.date) -> int:
        return (pd.Timestamp(as_of) - self.since).days


def caseload_facts(events: Events, members: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """One row per member, in their order, with the columns ``FACT_COLUMNS``; dates are NaT where there is none.

    ``needs_waiting``: up to three (need in words, days waiting), longest first. ``changed``: sentences, newest first.
    ``sources_known`` and ``sources_missing``: sources that had a record of the person by then, and the others.
    """
    people = members["person_id"].astype("str").tolist()
    kind = community_status(events, as_of).to_dict()
    held = in_custody(events, as_of)
    spells = _supervising(events, as_of)
    iom = _last_row(open_spells(events, "iom", as_of), ["person_id", "occurred_on", "recorded_on", "group"])
    allocated = _last_row(open_spells(events, "allocations", as_of), ["person_id", "occurred_on", "worker_id"])
    status = _last_row(events.visible("status", as_of), ["person_id", "recorded_on", "lao"])
    waiting = _by_person(needs_waiting(events, people, as_of))
    news = what_changed(events, people, as_of)
    last, following = _contacts(events, as_of)
    assessed = events.visible("needs", as_of).groupby("person_id")["occurred_on"].max().to_dict()
    rows = []
    for person in people:
        spell, adopted, worker = spells.get(person, {}), iom.get(person, {}), allocated.get(person, {})
        group = str(adopted.get("group", NOT_SELECTED))
        began = [spell.get("occurred_on"), adopted.get("occurred_on"), assessed.get(person)]
        rows.append(
            (
                person,
                SUPERVISION_WORDS["CUSTODY" if person in held else kind.get(person, "NONE")],
                spell.get("last_day", pd.NaT),
                group,
                [(wait.in_words, wait.days(as_of)) for wait in waiting.get(person, [])[:NEEDS_SHOWN]],
                news.get(person, []),
                last.get(person, pd.NaT),
                following.get(person, pd.NaT),
                review_due(group, began, as_of),
                *(worker.get(name) for name in ("worker_id", "team")),
                status.get(person, {}).get("lao") == 1.0,
                *(tuple(s for s in codes.SOURCES if events.knows(s, person, as_of) is said) for said in (True, False)),
            )
        )
    return pd.DataFrame(rows, columns=list(FACT_COLUMNS)).astype({"person_id": "str"})


def review_due(iom_group: str, began: Sequence[object], as_of: dt.date) -> pd.Timestamp:
    """When the next review is due: three months after the last of the dates for the free group, six for others.

    The dates are the start of supervision, adoption by IOM and the last assessment; with none, it is due now.
    """
    known = [date for date in began if isinstance(date, pd.Timestamp)]
    if not known:
        return pd.Timestamp(as_of)
    return max(known) + pd.DateOffset(months=REVIEW_MONTHS.get(iom_group, REVIEW_MONTHS_OTHERWISE))


def _last_row(table: pd.DataFrame, order: list[str]) -> dict[str, dict[str, Any]]:
    """The last row of each person in the given order, by person."""
    last = table.sort_values(order, kind="stable").drop_duplicates("person_id", keep="last")
    return {row["person_id"]: row for row in _rows(last)}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain dictionaries."""
    columns = [table[name].tolist() for name in table.columns]
    return [dict(zip(table.columns, values, strict=True)) for values in zip(*columns, strict=True)]


def _supervising(events: Events, as_of: dt.date) -> dict[str, dict[str, Any]]:
    """Of a person's open spells the one that lasts longest, with when it began and its last day."""
    spells = open_spells(events, "supervision", as_of)
    return _last_row(spells, ["person_id", "last_day", "occurred_on", "recorded_on"])


def _contacts(events: Events, as_of: dt.date) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Day of the last appointment attended, and of the next one planned, per person."""
    seen = events.visible("appointments", as_of)
    day = pd.Timestamp(as_of)
    past = seen[(seen["occurred_on"] < day) & (seen["attended"] == "attended")]
    planned = seen[(seen["occurred_on"] >= day) & seen["attended"].isna()]
    last = past.groupby("person_id")["occurred_on"].max()
    following = planned.groupby("person_id")["occurred_on"].min()
    return last.to_dict(), following.to_dict()


def needs_waiting(events: Events, people: Sequence[str], as_of: dt.date) -> list[Waiting]:
    """Needs identified or referred without an offer, longest wait first.

    A need is identified where its latest assessment is at or above the threshold (DOMAIN section 4; for a section
    without a score, where it is linked to reoffending), since the first of the assessments in a row that said so.
    It waits unless an offer was made for a referral at or after that day. A referral that has neither an offer nor
    an end waits by itself, unless a later assessment found no such need.
    """
    identified, refuted = _assessed(events, people, as_of)
    referrals = _before(events, "referrals", people, as_of)
    waiting = referrals[referrals["offered"].isna() & referrals["started"].isna() & referrals["ended"].isna()]
    found: dict[tuple[str, str], Waiting] = {}
    ordered = waiting.sort_values(["person_id", "need", "occurred_on", "service"], kind="stable")
    for row in _rows(ordered):
        key = (row["person_id"], row["need"])
        if key in found or refuted.get(key, row["occurred_on"]) > row["occurred_on"]:
            continue
        service = "" if pd.isna(row["service"]) else row["service"]
        found[key] = Waiting(*key, service, row["occurred_on"])
    answered = referrals[referrals["offered"].notna() | referrals["started"].notna()]
    last_offer = {
        (row["person_id"], row["need"]): row["occurred_on"] for row in _rows(answered.sort_values("occurred_on"))
    }
    for (person, need), since in identified.items():
        offer = last_offer.get((person, need))
        if (person, need) not in found and (offer is None or offer < since):
            found[person, need] = Waiting(person, need, "", since)
    return sorted(found.values(), key=lambda wait: (wait.since, wait.person_id, wait.need))


Need = tuple[str, str]


def needs_identified(events: Events, people: Sequence[str], as_of: dt.date) -> dict[Need, pd.Timestamp]:
    """(person, section) of each need identified before the as-of date, and since when without a break."""
    return _assessed(events, people, as_of)[0]


def _before(events: Events, name: str, people: Sequence[str], as_of: dt.date) -> pd.DataFrame:
    """What was known of these people and happened before the as-of date."""
    seen = events.visible(name, as_of)
    return seen[(seen["occurred_on"] < pd.Timestamp(as_of)) & seen["person_id"].isin(frozenset(people))]


def _assessed(
    events: Events, people: Sequence[str], as_of: dt.date
) -> tuple[dict[Need, pd.Timestamp], dict[Need, pd.Timestamp]]:
    """Since when each need is identified without a break, and the last day on which an assessment found it was not.

    A need whose last assessment is older than three years is not taken as identified today.
    """
    seen = _before(events, "needs", people, as_of)
    thresholds = {name: at[0] for name, at in codes.NEED_SECTIONS.items() if at is not None}
    limit = seen["section"].map(thresholds).astype("float64")
    said = (seen["score"] >= limit) | (limit.isna() & (seen["linked_reoffending"] == 1.0))
    answered = seen.assign(said=said)[seen["score"].notna() | limit.isna()]
    daily = answered.groupby(["person_id", "section", "occurred_on"])["said"].max().reset_index()
    daily = daily.set_index(["person_id", "section"])
    refuted = _per_need(daily.loc[~daily["said"], "occurred_on"], "max")
    told = daily.loc[daily["said"], "occurred_on"]
    unbroken = told[~(told <= refuted.reindex(told.index)).to_numpy()]
    since, last = _per_need(unbroken, "min"), _per_need(daily["occurred_on"], "max")
    oldest = pd.Timestamp(as_of) - pd.Timedelta(days=ASSESSED_DAYS)
    recent = last.reindex(since.index) >= oldest
    return _by_need(since[recent]), _by_need(refuted)


def _per_need(days: pd.Series, which: str) -> pd.Series:
    """The first or last day ("min", "max") of each person and section."""
    return days.groupby(level=[0, 1]).agg(which)


def _by_need(days: pd.Series) -> dict[Need, pd.Timestamp]:
    needs: list[Need] = days.index.tolist()
    return dict(zip(needs, days.tolist(), strict=True))


def _by_person(waiting: Sequence[Waiting]) -> dict[str, list[Waiting]]:
    found: dict[str, list[Waiting]] = {}
    for wait in waiting:
        found.setdefault(wait.person_id, []).append(wait)
    return found


#: Table -> what a new row of it says on the list.
_NEWS = {
    "sanctions": "sanction of {day} newly recorded",
    "releases": "released from custody on {day}",
    "treatment_interventions": "treatment started on {day}",
}


def what_changed(events: Events, people: Sequence[str], as_of: dt.date) -> dict[str, list[str]]:
    """What was newly recorded of each person in the quarter before the as-of date, in words, newest first.

    A record made more than 90 days after what it tells is named as late.
    """
    wanted = frozenset(people)
    told: set[tuple[dt.date, str, str]] = set()
    start = pd.Timestamp(as_of) - pd.Timedelta(days=CHANGED_DAYS)
    for name, words in _NEWS.items():
        seen = events.visible(name, as_of)
        fresh = seen[(seen["recorded_on"] >= start) & seen["person_id"].isin(wanted)]
        if name == "releases":
            fresh = fresh[fresh["release_type"] != "temporary"]
        happened, recorded = fresh["occurred_on"].dt.date, fresh["recorded_on"].dt.date
        for person, event_day, day in zip(fresh["person_id"], happened, recorded, strict=True):
            said = words.format(day=_day(event_day))
            if (day - event_day).days > LATE_DAYS:
                said += f" (late record, made on {_day(day)})"
            told.add((day, person, said))
    found: dict[str, list[str]] = {}
    for _, person, said in sorted(told, key=lambda item: (-item[0].toordinal(), item[1], item[2])):
        found.setdefault(person, []).append(said)
    return found


def _day(day: dt.date) -> str:
    """A date as people write it, "4 June 2026"."""
    return f"{day.day} {day:%B %Y}"


def support_waiting(events: Events, members: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Every need of a member that waits for an offer, longest wait first; columns ``WAITING_COLUMNS``. No estimates."""
    people = members["person_id"].astype("str").tolist()
    allocated = _last_row(open_spells(events, "allocations", as_of), ["person_id", "occurred_on", "worker_id"])
    _, following = _contacts(events, as_of)
    rows = [
        {
            "need": wait.in_words,
            "service": wait.service,
            "person_id": wait.person_id,
            "days_waiting": wait.days(as_of),
            "worker_id": allocated.get(wait.person_id, {}).get("worker_id"),
            "next_appointment": following.get(wait.person_id, pd.NaT),
        }
        for wait in needs_waiting(events, people, as_of)
    ]
    return pd.DataFrame(rows, columns=list(WAITING_COLUMNS))
