"""Who is in scope on an as-of date, who is not, and why. Only what was recorded before the date is asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from desist.features.events import Events
from desist.features.tables import Cohort
from desist.records import codes
from desist.records.errors import Refused

#: Whether each person is an adult on a date; somebody without a known birth date is not (``Vault.is_adult``).
IsAdult = Callable[[Sequence[str], dt.date], pd.Series]

UNDER_18 = "under 18 on the as-of date"
IN_CUSTODY = "in custody on the as-of date, not adopted by IOM"
NOT_SUPERVISED = "neither supervised in the community nor adopted by IOM on the as-of date"
NOT_A_RELEASE = "released from remand or for a day only"
#: Every rule keeps people whatever custody follows; there is no other value (REQUIREMENTS LAB-3).
KEPT = "kept"


@dataclass(frozen=True)
class CohortRule:
    """Which people a row is made for.

    ``kind``: "caseload", everybody supervised in the community on the as-of date or adopted by IOM; or "entry",
    adults with a release, non-custodial conviction or caution in the ``months`` before it, one row a person, as of
    the day after the event was recorded. ``custody_after``: custody after the as-of date selects nobody in or out;
    anything but "kept" is refused, since it would select on the outcome.
    """

    kind: str
    months: int = 3
    custody_after: str = KEPT

    def __post_init__(self) -> None:
        if self.kind not in ("caseload", "entry"):
            raise Refused(f"A cohort is a 'caseload' or an 'entry' cohort; found {self.kind!r}.")
        if self.custody_after != KEPT:
            raise Refused(
                f"The cohort rule {self.custody_after!r} selects people by custody after the as-of date. That selects "
                "on the outcome, so such a rule is refused: every row is kept, and custody is a competing event."
            )
        if self.months < 1:
            raise Refused(f"An entry window has at least one month before the as-of date; found {self.months}.")

    def in_words(self) -> str:
        if self.kind == "caseload":
            return "adults supervised in the community or adopted by IOM on the as-of date, as then known"
        return (
            f"adults released from custody, convicted without custody or cautioned in the {self.months} months before "
            "the as-of date, once each, from the day after it was recorded"
        )

    def to_json(self) -> dict[str, str | int]:
        return {"kind": self.kind, "months": self.months, "custody_after": self.custody_after, "adult": "18"}


def select_cohort(events: Events, as_of: dt.date, rule: CohortRule, is_adult: IsAdult) -> Cohort:
    """Members and people left out with the reason; together everybody considered, each once.

    Considered for a caseload: everybody of whom probation (IOM included) or prison had recorded anything before the
    as-of date. Considered for an entry cohort: everybody with an index event or any release in the window, recorded
    before its end.
    """
    if rule.kind == "entry":
        return _entry(events, as_of, rule, is_adult)
    return _caseload(events, as_of, is_adult)


def open_spells(events: Events, name: str, as_of: dt.date) -> pd.DataFrame:
    """Spells begun before the as-of date that nothing known before it had closed earlier; the end is the last day."""
    seen = events.visible(name, as_of)
    day = pd.Timestamp(as_of)
    seen = seen.assign(last_day=seen[list(events.contracts[name].ends)].min(axis=1))
    return seen[(seen["occurred_on"] < day) & (seen["last_day"].isna() | (seen["last_day"] >= day))]


def community_status(events: Events, as_of: dt.date) -> pd.Series:
    """The kind of supervision in the community of each supervised person; people in custody are not in it.

    A custodial sentence counts as a licence once prison has recorded the release. Where prison share nothing, it
    counts as one only if probation's own status said so before the as-of date.
    """
    spells = open_spells(events, "supervision", as_of)
    kinds = spells[spells["type"].isin(codes.SUPERVISED)]
    # Of several kinds at once the one that binds most stands first, as in the code list.
    order = {code: place for place, code in enumerate(codes.SUPERVISED)}
    found = kinds.assign(place=kinds["type"].map(order)).sort_values(["person_id", "place"], kind="stable")
    first = found.drop_duplicates("person_id").set_index("person_id")["type"]
    if "prison" not in events.shared:
        sentenced = spells.loc[spells["type"] == "CUSTODY", "person_id"].unique()
        said = _last_status(events, as_of)
        out = said[said.index.isin(sentenced) & said.isin(codes.SUPERVISED)]
        first = pd.concat([first, out[~out.index.isin(first.index)]])
    return first[~first.index.isin(in_custody(events, as_of))]


def in_custody(events: Events, as_of: dt.date) -> frozenset[str]:
    """People held on the as-of date as then known: by prison, or where prison share nothing, by probation's status."""
    if "prison" in events.shared:
        return frozenset(open_spells(events, "custody", as_of)["person_id"])
    spells = open_spells(events, "supervision", as_of)
    said = _last_status(events, as_of)
    free = said[said.isin(codes.SUPERVISED)].index
    held = set(spells.loc[spells["type"] == "CUSTODY", "person_id"]) - set(free)
    supervised = spells.loc[spells["type"].isin(("LICENCE", "PSS")), "person_id"]
    return frozenset((held - set(supervised)) | set(said[said.isin(("CUSTODY", "REMAND"))].index))


def _last_status(events: Events, as_of: dt.date) -> pd.Series:
    seen = events.visible("status", as_of).sort_values(["person_id", "recorded_on", "supervision_status"])
    return seen.drop_duplicates("person_id", keep="last").set_index("person_id")["supervision_status"]


def _caseload(events: Events, as_of: dt.date, is_adult: IsAdult) -> Cohort:
    iom = frozenset(open_spells(events, "iom", as_of)["person_id"])
    supervised = frozenset(community_status(events, as_of).index)
    held = in_custody(events, as_of)
    considered = sorted(
        {
            person
            for source in ("probation", "prison")
            for person, since in events.known.get(source, {}).items()
            if since < as_of
        }
        | iom | supervised | held
    )  # fmt: skip
    adult = _adults(is_adult, considered, as_of)
    reasons: dict[str, str] = {}
    for person in considered:
        if not adult[person]:
            reasons[person] = UNDER_18
        elif person not in iom and person in held:
            reasons[person] = IN_CUSTODY
        elif person not in iom and person not in supervised:
            reasons[person] = NOT_SUPERVISED
    members = [person for person in considered if person not in reasons]
    last = _last_index_event(events, as_of)
    table = pd.DataFrame(
        {"person_id": members, "as_of": pd.Timestamp(as_of), "index_date": [last.get(p, pd.NaT) for p in members]}
    )
    left = pd.DataFrame({"person_id": list(reasons), "as_of": pd.Timestamp(as_of), "reason": list(reasons.values())})
    return _cohort(table, left, considered)


def _last_index_event(events: Events, as_of: dt.date) -> Mapping[str, pd.Timestamp]:
    seen = events.visible("index_events", as_of)
    before = seen[seen["occurred_on"] < pd.Timestamp(as_of)]
    last = before.groupby("person_id")["occurred_on"].max()
    return {str(person): day for person, day in last.items()}


def _entry(events: Events, as_of: dt.date, rule: CohortRule, is_adult: IsAdult) -> Cohort:
    """The first recorded of a person's index events in the window is the entry."""
    end = pd.Timestamp(as_of)
    start = end - pd.DateOffset(months=rule.months)
    inside = _between(events.visible("index_events", as_of), start, end)
    first = inside.sort_values(["person_id", "recorded_on", "occurred_on"], kind="stable").drop_duplicates("person_id")
    rows = first.assign(as_of=first["recorded_on"] + pd.Timedelta(days=1), index_date=first["occurred_on"])
    # Who is an adult on the first day stays one; only the others are asked for on their own day.
    grown = _adults(is_adult, list(rows["person_id"]), start.date())
    younger = rows[~rows["person_id"].map(grown).astype(bool)]
    for day, there in younger.groupby("as_of"):
        grown |= _adults(is_adult, list(there["person_id"]), pd.Timestamp(str(day)).date())
    adult = rows["person_id"].map(grown).astype(bool)
    members = rows.loc[adult, ["person_id", "as_of", "index_date"]]
    young = rows.loc[~adult, ["person_id", "as_of"]].assign(reason=UNDER_18)
    other = _between(events.visible("releases", as_of), start, end)
    other = other[~other["person_id"].isin(rows["person_id"])].drop_duplicates("person_id")
    other = other[["person_id"]].assign(as_of=end, reason=NOT_A_RELEASE)
    considered = sorted([*rows["person_id"], *other["person_id"]])
    return _cohort(members, pd.concat([young, other], ignore_index=True), considered)


def _between(seen: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Rows that happened from ``start`` up to but not including ``end``, and were not recorded beforehand."""
    inside = seen[(seen["occurred_on"] >= start) & (seen["occurred_on"] < end)]
    return inside[inside["recorded_on"] >= inside["occurred_on"]]


def _adults(is_adult: IsAdult, people: Sequence[str], on: dt.date) -> dict[str, bool]:
    """Whether each is an adult; one whom the vault does not answer for is not."""
    if not people:
        return {}
    said = is_adult(people, on)
    return {person: bool(said.get(person, False)) for person in people}


def _cohort(members: pd.DataFrame, left_out: pd.DataFrame, considered: Sequence[str]) -> Cohort:
    """The cohort, once it is sure that nobody considered was lost or stands on both sides."""
    members = _typed(members, "index_date")
    left_out = _typed(left_out, "")
    both = sorted([*members["person_id"], *left_out["person_id"]])
    if both != sorted(considered):
        raise ValueError(f"{len(considered)} people were considered and {len(both)} came out; none may be lost")
    return Cohort(members, left_out)


def _typed(table: pd.DataFrame, date_column: str) -> pd.DataFrame:
    out = table.reset_index(drop=True)
    for name in filter(None, ("as_of", date_column)):
        out[name] = pd.to_datetime(out[name]).astype("datetime64[us]")
    return out.astype({"person_id": "str"}).sort_values(["person_id"], kind="stable", ignore_index=True)
