"""What the published instruments ask of a person's career, as the police's records told it on an as-of date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.fairness.comparators.offences import OffenceCodes
from desist.features.derive import Raw, proven_with_codes
from desist.features.tables import ROW
from desist.pipelines.ground import Ground

NOT_SHARED = "police share no sanctions, and probation's convictions are not a person's whole career"
NOT_KNOWN = "police had no record of the person by then"
NO_SANCTION = "no sanction was recorded by then: the instruments begin with the first"
#: No child under ten can be sanctioned in England and Wales (Children and Young Persons Act 1933, section 50).
RESPONSIBLE_FROM = 10
COLUMNS = ("age_at_start", "age_at_conviction", "age_at_first_sanction", "sanctions", "violent_sanctions",
           "offence_category", "offence_group", "offence_free_months")  # fmt: skip


@dataclass(frozen=True)
class Careers:
    """Careers of people as known before as-of dates.

    ``complete_from``: the day since when the extracts hold every sanction; None for the day of the first they hold.
    Whoever was ten or older on it may have earlier sanctions, so that the first, and how many, are unknown.
    """

    ground: Ground
    codes: OffenceCodes
    complete_from: dt.date | None

    def inputs(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The inputs of rows (person_id, as_of, age) besides sex, in their order, and why_unknown (or empty).

        A sanction is a day of convictions or cautions, known before the as-of date; breaches are none. The current
        one is the last, its offence the gravest of that day. Follow-up starts on the last index event (release,
        conviction without custody, caution), or on the current conviction where that is later.
        """
        proven = self._proven()
        if proven is None:
            return _unknown(rows, NOT_SHARED)
        begins = self.complete_from or proven["sanction_date"].min().date()
        blocks = [self._on(pd.Timestamp(str(day)), block, proven, begins) for day, block in rows.groupby("as_of")]
        return pd.concat(blocks).loc[rows.index]

    def _proven(self) -> pd.DataFrame | None:
        """Proven offences with their codes, or None where police share nothing."""
        linked = self.ground.linked
        if "police" not in self.ground.events.shared:
            return None
        raw = Raw(linked.tables, {source: pd.Timestamp(day) for source, day in linked.snapshots.items()})
        found = proven_with_codes(raw, "police")
        if found is None or found.empty:
            return None
        return found.assign(is_violent=self.codes.told(found["offence_code"])["violent"].to_numpy())

    def _on(self, as_of: pd.Timestamp, rows: pd.DataFrame, proven: pd.DataFrame, begins: dt.date) -> pd.DataFrame:
        """The inputs of the rows of one as-of date."""
        day, people = as_of.date(), rows["person_id"].astype(str)
        seen = proven[(proven["recorded_on"] < as_of) & (proven["sanction_date"] < as_of)]
        career = _careers(seen).reindex(people)
        members = self.ground.cohort(day).members
        index_date = members.set_index(members["person_id"].astype(str))["index_date"].reindex(people)
        start = np.fmax(career["last"].to_numpy("datetime64[D]"), index_date.to_numpy("datetime64[D]"))
        told = self.codes.told(career["code"])
        table = rows.assign(
            age_at_start=self._ages(people, start),
            age_at_conviction=self._ages(people, career["last"].to_numpy("datetime64[D]")),
            age_at_first_sanction=self._ages(people, career["first"].to_numpy("datetime64[D]")),
            sanctions=career["sanctions"].to_numpy(),
            violent_sanctions=career["violent"].to_numpy(),
            offence_category=told["offence_category"].to_numpy(),
            offence_group=told["offence_group"].to_numpy(),
            offence_free_months=_whole_months(start, np.datetime64(day, "D")),
        )
        return table.assign(why_unknown=self._why(day, rows, career, begins))

    def _ages(self, people: pd.Series, days: np.ndarray) -> np.ndarray:
        return self.ground.vault.ages_on(people.tolist(), days.astype(object).tolist()).to_numpy()

    def _why(self, day: dt.date, rows: pd.DataFrame, career: pd.DataFrame, begins: dt.date) -> list[str]:
        """Why a career cannot be told, before any instrument is asked."""
        people = rows["person_id"].astype(str).tolist()
        old_enough = (self.ground.vault.age_at(people, begins) >= RESPONSIBLE_FROM).to_numpy()
        earlier = f"sanctions before {begins} are not in the extracts, and the person was ten or older then"
        why = []
        for person, has_one, older in zip(people, career["sanctions"].notna(), old_enough, strict=True):
            if not self.ground.events.knows("police", person, day):
                why.append(NOT_KNOWN)
            elif older:
                why.append(earlier)
            else:
                why.append("" if has_one else NO_SANCTION)
        return why


def _careers(seen: pd.DataFrame) -> pd.DataFrame:
    """Per person: first and last day, number of sanction days, of violent ones (NaN: a code unknown), current code."""
    seen = seen.assign(person_id=seen["person_id"].astype(str))
    people = seen.groupby("person_id")
    days = seen.groupby(["person_id", "sanction_date"])["is_violent"].agg(["max", "count", "size"])
    violent = days["max"].where((days["count"] == days["size"]) | (days["max"] == 1.0))
    by_person = violent.groupby("person_id")
    order = ["person_id", "sanction_date", "severity", "offence_code"]
    last = seen.sort_values(order, ascending=[True, False, False, True], kind="stable").drop_duplicates("person_id")
    return pd.DataFrame(
        {
            "first": people["sanction_date"].min(),
            "last": people["sanction_date"].max(),
            "sanctions": people["sanction_date"].nunique().astype(float),
            "violent": by_person.sum().where(by_person.count() == by_person.size()),
            "code": last.set_index("person_id")["offence_code"],
        }
    )


def _whole_months(start: np.ndarray, end: np.datetime64) -> np.ndarray:
    """Whole months from each day to a later one; 0 where it is not later, NaN where unknown."""
    months = (end.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(float)
    day_of = (start - start.astype("datetime64[M]")).astype(float)
    early = day_of > float((end - end.astype("datetime64[M]")).astype(int))
    found = np.maximum(months - early, 0.0)
    return np.where(np.isnat(start), np.nan, found)


def _unknown(rows: pd.DataFrame, why: str) -> pd.DataFrame:
    empty = dict.fromkeys(COLUMNS, np.nan) | {"offence_category": "", "offence_group": ""}
    return rows[[*ROW, "age"]].assign(**empty, why_unknown=why)
