"""A made-up partnership's links against its truth, by the groups that the equality store knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from desist.fairness.groups import NOT_STATED
from desist.fairness.linkage_quality import FOUND, PERSON, GroupLinks, LinkageQuality, linkage_quality
from desist.fairness.statistics.intervals import Interval
from desist.features.tables import ROW
from desist.intake.holding.store import Store
from desist.pipelines.ground import load_ground_to_show
from desist.pipelines.groups import groups_of
from desist.pipelines.proxies_run import MADE_OF_OTHERS
from desist.pipelines.session import Session
from desist.records import codes
from desist.records.errors import Refused
from desist.simulation.truth_read import read_links

#: This agency sends initials: its records can be linked by a number alone.
INITIALS = "treatment"
UNDER_AGE = "under 18, or not known"


@dataclass(frozen=True)
class AgainstTruth:
    """Quality over the records with a name, and over all; made-up people alone, so counts are exact."""

    named: LinkageQuality
    everything: LinkageQuality

    def as_json(self) -> dict[str, Any]:
        return {"named": self.named.as_json(), "all": self.everything.as_json()}

    def as_text(self) -> str:
        return "\n".join(_lines(self))


def against_truth(session: Session, made: Path) -> AgainstTruth:
    """The workspace's links against the truth in ``made``.

    Raises Refused where the workspace is not made up, where there is no truth, or it is another partnership's.
    """
    if not session.settings.made_up:
        raise Refused("Only a made-up partnership has a truth: partnership.toml says made_up = false. See desist link.")
    links, _ = Store(session.workspace.store).links()
    records = links[["source", "agency_person", FOUND]].merge(
        read_links(made), on=["source", "agency_person"], how="left", validate="1:1"
    )
    if unknown := int(records[PERSON].isna().sum()):
        raise Refused(
            f"{unknown:,} of {len(records):,} linked records are not in the truth of {made}. Name the folder that was "
            "taken in."
        )
    groups = person_groups(session, records)
    named = records[records["source"] != INITIALS]
    return AgainstTruth(linkage_quality(named, groups), linkage_quality(records, groups))


def person_groups(session: Session, records: pd.DataFrame) -> pd.DataFrame:
    """Each true person's groups, as the equality store tells them of anybody who was found for one of their records."""
    ground = load_ground_to_show(session)
    rank = records["source"].map({source: place for place, source in enumerate(codes.SOURCES)})
    ordered = records.assign(rank=rank).sort_values(["rank", "agency_person"], kind="stable")
    found = ordered[FOUND].unique().tolist()
    adult = ground.is_adult(found, session.today)
    rows = pd.DataFrame({"person_id": [person for person in found if adult[person]],
                         "as_of": pd.Timestamp(session.today)})  # fmt: skip
    told = groups_of(session, ground, rows[ROW]).drop(columns=["as_of", *MADE_OF_OTHERS], errors="ignore")
    characteristics = [name for name in told if name != "person_id"]
    by_record = ordered[[PERSON, FOUND]].merge(told, left_on=FOUND, right_on="person_id", how="left")
    by_record["age_band"] = by_record["age_band"].fillna(UNDER_AGE)
    stated = by_record[characteristics].where(by_record[characteristics] != NOT_STATED)
    first = stated.groupby(by_record[PERSON]).first()
    return first.fillna(NOT_STATED).rename_axis(PERSON).reset_index()


def _lines(found: AgainstTruth) -> Iterator[str]:
    for name, quality in (("records with a name", found.named), ("all, treatment's initials too", found.everything)):
        yield (f"{name}: {quality.records:,} records of {quality.people:,} people; precision "
               f"{_share(quality.precision)}, recall {_share(quality.recall)}, F1 {_share(quality.f1)}")  # fmt: skip
    yield "Of 100 pairs of one person's records left apart; of 100 put together that are of two people (by group):"
    for one in found.named.groups:
        yield f"    {_group(one)}"
    worse = found.named.worse()
    yield "; ".join(worse) if worse else "No group is shown to be linked worse than everybody else."


def _group(one: GroupLinks) -> str:
    rates: Mapping[str, Interval] = {"missed": one.missed, "wrong": one.wrong}
    told = ", ".join(f"{name} {_share(share, 100)}" for name, share in rates.items())
    return f"{one.characteristic.replace('_', ' ')}, {one.group}: {one.people:,} people, {told}"


def _share(share: Interval, scale: float = 1) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "not known"
    digits = 1 if scale == 100 else 4
    return f"{scale * share.value:.{digits}f} ({scale * share.low:.{digits}f} to {scale * share.high:.{digits}f})"
