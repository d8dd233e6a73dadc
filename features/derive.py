"""Tables of events made from the linked tables as agencies sent them. Rows are only chosen and renamed here.

Nothing is visible earlier than the agency recorded it: a row made from two facts is recorded when the later
of them was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from desist.records import codes
from desist.records.errors import Refused
from desist.records.offence_table import COLUMNS

#: Disposals of a police record that mean custody, in any case and with _ or space.
CUSTODIAL_DISPOSALS = frozenset({"custody", "immediate custody", "imprisonment", "life sentence", "prison"})
#: Releases that are no index event: remand is not a sentence, a day out is not a release.
NO_INDEX_RELEASES = ("remand_release", "temporary")
#: Sentences recorded by probation that keep a person in the community; an index event of the entry cohort.
NON_CUSTODIAL = ("COMMUNITY_ORDER", "SUSPENDED_SENTENCE", "FINE", "DISCHARGE")
#: Rows about these people are never read, should one have come through intake.
NOT_CONVICTED = ("victim", "witness")

Tables = Mapping[str, pd.DataFrame]
Make = Callable[["Raw"], "pd.DataFrame | None"]


@dataclass(frozen=True)
class Raw:
    """The linked tables, with the snapshot date of each source."""

    tables: Tables
    snapshots: Mapping[str, pd.Timestamp]

    def get(self, name: str, source: str, later: Mapping[str, tuple[str, ...]] | None = None) -> pd.DataFrame | None:
        """The table without opinions, victims and witnesses; None where it was not sent.

        ``later``: recorded date -> the fields it dates. A field without one counts as learnt on the snapshot date,
        the latest day on which the agency can have learnt it.
        """
        table = self.tables.get(name)
        if table is None:
            return None
        table = table.reset_index(drop=True)
        if "record_kind" in table:
            table = table[table["record_kind"].astype("str") != "opinion"]
        if "subject_category" in table:
            table = table[~table["subject_category"].astype("str").isin(NOT_CONVICTED)]
        table = table.copy()
        for stamp, fields in (later or {}).items():
            if stamp not in table:
                table[stamp] = pd.NaT
            valued = table[[name for name in fields if name in table]].notna().any(axis=1)
            table[stamp] = dates(table[stamp]).mask(valued & table[stamp].isna(), self.snapshots[source])
        return table


def dates(column: pd.Series) -> pd.Series:
    """Calendar days, whatever the resolution or time zone they came in; empty stays empty."""
    days = column if pd.api.types.is_datetime64_dtype(column) else pd.to_datetime(column)
    days = days.dt.tz_localize(None) if days.dt.tz is not None else days
    whole: pd.Series = days.dt.normalize().astype("datetime64[us]")
    return whole


def column(table: pd.DataFrame, name: str) -> pd.Series:
    """A column, or an empty one where the agency does not send it."""
    return table[name] if name in table else pd.Series(pd.NA, index=table.index, dtype="object")


def later_of(first: pd.Series, second: pd.Series) -> pd.Series:
    return dates(first).where(dates(first) >= dates(second), dates(second))


def _offence_facts(offence_codes: pd.Series) -> pd.DataFrame:
    """Group, category, band and flags of each offence code; refused where a code is not in the offence table."""
    table = codes.offences()
    text = offence_codes.astype("str")
    unknown = sorted(set(text) - set(table))
    if unknown:
        raise Refused(
            f"Offence codes without a group and severity band: {', '.join(unknown)}. "
            f"Add a line for each to offences.csv in the workspace, with the columns {', '.join(COLUMNS)} (the table "
            f"{codes.offence_table_version()} is in use); none is guessed."
        )
    found = [table[code] for code in text]
    return pd.DataFrame(
        {
            "broad_group": [offence.broad_group for offence in found],
            "category": [offence.category for offence in found],
            "severity": [float(offence.band) for offence in found],
            "violent": [offence.violent for offence in found],
            "neighbourhood": [offence.neighbourhood for offence in found],
            "reported_by_victims": [offence.reported_by_victims for offence in found],
            "counts": [offence.counts for offence in found],
        },
        index=offence_codes.index,
    )


def proven(raw: Raw, source: str) -> pd.DataFrame | None:
    """One row per proven offence, from police sanctions, or from probation's convictions where police send nothing.

    Breaches, repealed and disregarded offences are left out (``counts`` in the offence table). Probation repeats a
    conviction for each sentence it supervises (custody, then licence); it counts once, from its first record.
    """
    found = proven_with_codes(raw, source)
    return None if found is None else found.drop(columns="offence_code")


def proven_with_codes(raw: Raw, source: str) -> pd.DataFrame | None:
    """The same with each offence's code, which no feature is given: comparators of other makers go by it."""
    if source == "police":
        table = raw.get("pol_sanction", "police")
    else:
        table = raw.get("prob_event", "probation")
        table = table[table["conviction_date"].notna()] if table is not None else None
    if table is None:
        return None
    facts = _offence_facts(table["offence_code"])
    made = facts.assign(
        person_id=table["person_id"],
        offence_code=table["offence_code"].astype("str"),
        offence_date=dates(table["occurred_on"]),
        recorded_on=dates(table["recorded_on"]),
    )
    if source == "police":
        made["sanction_date"] = dates(table["sanction_date"])
        made["sanction_type"] = table["sanction_type"]
        disposal = column(table, "disposal").astype("str").str.lower().str.replace("_", " ")
        made["custodial"] = disposal.isin(CUSTODIAL_DISPOSALS)
        made = made.assign(**{name: table[name] for name in ("da_flag", "weapon_flag") if name in table})
    else:
        made["sanction_date"] = dates(table["conviction_date"])
        made["sanction_type"] = "conviction"
        made["custodial"] = column(table, "sentence_type").isin(("CUSTODY", "LICENCE", "PSS"))
        made = made.sort_values([*made.columns], kind="stable").sort_values("recorded_on", kind="stable")
        made = made.drop_duplicates(["person_id", "offence_code", "offence_date", "sanction_date"])
    return made[made["counts"].astype(bool)].drop(columns="counts").reset_index(drop=True)


def offences(found: pd.DataFrame) -> pd.DataFrame:
    """Proven offences by the day they were committed."""
    return found.rename(columns={"offence_date": "occurred_on"})


def sanctions(found: pd.DataFrame) -> pd.DataFrame:
    """Proven offences by the day of the conviction or caution."""
    return found.rename(columns={"sanction_date": "occurred_on"})


def custody(raw: Raw) -> pd.DataFrame | None:
    return raw.get("pris_spell", "prison", {"release_recorded_on": ("release", "release_type")})


def releases(spells: pd.DataFrame) -> pd.DataFrame:
    """Releases as moments of their own, known when both the spell and its end were recorded."""
    out = spells[column(spells, "release").notna()]
    return pd.DataFrame(
        {
            "person_id": out["person_id"],
            "occurred_on": dates(column(out, "release")),
            "recorded_on": later_of(out["recorded_on"], out["release_recorded_on"]),
            "release_type": column(out, "release_type"),
            "sentence_band": column(out, "sentence_band"),
        }
    )


def supervision(raw: Raw, spells: pd.DataFrame | None) -> pd.DataFrame | None:
    """Spells of supervision by type; a release during a custodial sentence begins a licence to its planned end."""
    sent = raw.get("prob_event", "probation", {"terminated_recorded_on": ("terminated",)})
    if sent is None:
        return None
    sent = sent[sent["sentence_start"].notna() & sent["sentence_type"].isin((*codes.SUPERVISED, "CUSTODY"))]
    made = pd.DataFrame(
        {
            "person_id": sent["person_id"],
            "occurred_on": dates(sent["sentence_start"]),
            "recorded_on": dates(sent["recorded_on"]),
            "type": sent["sentence_type"].astype("str"),
            "planned_end": dates(column(sent, "sentence_end")),
            "terminated": dates(column(sent, "terminated")),
            "terminated_recorded_on": dates(sent["terminated_recorded_on"]),
        }
    )
    if spells is None or spells.empty:
        return made
    out = releases(spells)
    out = out[~out["release_type"].isin(NO_INDEX_RELEASES)]
    pairs = made[made["type"] == "CUSTODY"].merge(out, on="person_id", suffixes=("", "_release"))
    inside = pairs["occurred_on_release"] >= pairs["occurred_on"]
    inside &= pairs["planned_end"].isna() | (pairs["occurred_on_release"] <= pairs["planned_end"])
    licences = pairs[inside].assign(type="LICENCE")
    licences = licences.assign(
        recorded_on=later_of(licences["recorded_on"], licences["recorded_on_release"]),
        occurred_on=licences["occurred_on_release"],
    )
    return pd.concat([made, licences[made.columns]], ignore_index=True)


def index_events(raw: Raw, found: pd.DataFrame | None, spells: pd.DataFrame | None) -> pd.DataFrame:
    """Releases from a sentence, non-custodial convictions and cautions, by the day they happened.

    One conviction may stand here twice, as police and as probation recorded it: only the last day is asked for.
    """
    parts = []
    if spells is not None:
        out = releases(spells)
        parts.append(out[~out["release_type"].isin(NO_INDEX_RELEASES)].assign(type="release"))
    if found is not None:
        free = found[~found["custodial"].astype(bool)].rename(columns={"sanction_date": "occurred_on"})
        kind = free["sanction_type"].astype("str").map(lambda name: "conviction" if name == "conviction" else "caution")
        parts.append(free.assign(type=kind))
    sent = raw.get("prob_event", "probation")
    if sent is not None:
        sent = sent[sent["conviction_date"].notna() & sent["sentence_type"].isin(NON_CUSTODIAL)]
        counted = _offence_facts(sent["offence_code"])["counts"].astype(bool)
        parts.append(sent[counted].assign(occurred_on=lambda t: t["conviction_date"], type="conviction"))
    columns = ["person_id", "occurred_on", "recorded_on", "type"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat([part[columns].assign(recorded_on=dates(part["recorded_on"]),
                                           occurred_on=dates(part["occurred_on"])) for part in parts],
                     ignore_index=True)  # fmt: skip


def appointments(raw: Raw) -> pd.DataFrame | None:
    """Appointments; ``kept`` is yes, no (unacceptable absence) or unknown (acceptable absence, not yet recorded)."""
    sent = raw.get("prob_contact", "probation", {"attended_recorded_on": ("attended",)})
    if sent is None:
        return None
    answers: dict[str, object] = {"attended": True, "unacceptable_absence": False}
    return sent.assign(kept=sent["attended"].map(answers)) if "attended" in sent else sent


def status(raw: Raw) -> pd.DataFrame | None:
    sent = raw.get("prob_person", "probation")
    return None if sent is None else sent.assign(occurred_on=sent["recorded_on"])


def _plain(name: str, source: str, renamed: dict[str, str], later: Mapping[str, tuple[str, ...]]) -> Make:
    def make(raw: Raw) -> pd.DataFrame | None:
        sent = raw.get(name, source, later)
        return None if sent is None else sent.rename(columns=renamed)

    return make


_HELP_DATES = {f"{name}_recorded_on": (name,) for name in ("offered", "started", "ended")}
_END = {"end_recorded_on": ("end",)}
#: Our tables that are an agency's own, perhaps with a clearer name for a column.
PLAIN: Mapping[str, Make] = {
    "requirements": _plain(
        "prob_requirement", "probation", {"req_type": "type"}, {"outcome_recorded_on": ("outcome",)}
    ),
    "registrations": _plain("prob_registration", "probation", {"reg_type": "type"}, _END),
    "needs": _plain("prob_assessment", "probation", {}, {}),
    "enforcement": _plain("prob_enforcement", "probation", {}, {}),
    "referrals": _plain("support_referral", "probation", {}, _HELP_DATES),
    "allocations": _plain("prob_allocation", "probation", {}, _END),
    "iom": _plain("iom_cohort", "probation", {}, _END),
    "predictors": _plain("prob_predictor", "probation", {}, {}),
    "charges": _plain("pol_charge", "police", {}, {"outcome_recorded_on": ("outcome",)}),
    "treatment_episodes": _plain(
        "trt_episode", "treatment", {}, {"discharge_recorded_on": ("discharge_date", "discharge_reason")}
    ),
    "treatment_interventions": _plain(
        "trt_intervention", "treatment", {}, {"end_recorded_on": ("end", "exit_status")}
    ),
    "asb": _plain("asb_outcome", "council", {}, {}),
    "housing_duty": _plain("housing_duty", "council", {}, {}),
    "programmes": _plain(
        "programme", "council", {}, {"start_recorded_on": ("start",), "end_recorded_on": ("end", "outcome")}
    ),
    "appointments": appointments,
    "status": status,
    "custody": custody,
}  # fmt: skip
