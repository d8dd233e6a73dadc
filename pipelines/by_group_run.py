"""A run's further burdens by group: links in doubt, gaps in the data, overrides, exports, changes of the list.

Everything leaves as counts under the partnership's disclosure rules. Decisions of staff are read from
``decisions.parquet`` of the workspace if it is there; the pages that will write it come later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.approval.exports import Inventory
from desist.fairness.scrutiny.by_group import GroupShare, Subject, by_group, sentences
from desist.features.tables import ROW
from desist.measures.audience import PARTNERSHIP
from desist.measures.linked import EVERYBODY, ProtectedTables, Table, protect_tables
from desist.pipelines.estimates import LINK, TOO_LITTLE, limiting_sources, why_none
from desist.pipelines.ground import Built, Ground
from desist.pipelines.groups import groups_of
from desist.pipelines.linkage_quality_run import DOUBT, UNKNOWN, is_of_linkage, link_subjects
from desist.pipelines.lists import kept_list, list_ids
from desist.pipelines.proxies_run import MADE_OF_OTHERS
from desist.pipelines.session import Session
from desist.records.errors import Refused, UserError

#: A profile with so large a share of its features missing is called one with gaps.
MANY_MISSING = 0.25
YES, NO = "yes", "no"
DECISIONS = "decisions.parquet"
DECISION_COLUMNS = ("person_id", "list_id", "decided_on", "suggested", "decided", "team")
REVIEW, NO_REVIEW = "review", "no_review"
ON_CASELOAD = "people on today's caseload"
_TEAM = "team"


@dataclass(frozen=True)
class Found:
    """One subject by group, in memory."""

    subject: Subject
    shares: tuple[GroupShare, ...]


@dataclass(frozen=True)
class ByGroup:
    """All subjects, protected. ``not_there``: what could not be told, and why."""

    people: int
    found: tuple[Found, ...]
    shown: ProtectedTables
    not_there: tuple[str, ...]

    def words(self) -> tuple[str, ...]:
        """What differs between groups, for the board; linkage has a section of its own."""
        others = [one for one in self.found if not is_of_linkage(one.subject.id)]
        told = [line for one in others for line in sentences(one.subject, one.shares)]
        return (*told, *self.not_there)

    def as_json(self) -> dict[str, Any]:
        """Rounded cells and markers alone; no exact count leaves."""
        return {
            "audience": self.shown.audience.name,
            "subjects": [self._subject(one) for one in self.found],
            "not_there": list(self.not_there),
            "words": list(self.words()),
        }

    def _subject(self, one: Found) -> dict[str, Any]:
        tables = {}
        for characteristic in dict.fromkeys(share.characteristic for share in one.shares):
            shown = self.shown.tables[_name(one.subject, characteristic)]
            tables[characteristic] = {
                "rows": {
                    str(group): {YES: row[YES], NO: row[NO], "all": shown.row_totals[str(group)]}
                    for group, row in shown.cells.iterrows()
                },
                "all": {**shown.column_totals.to_dict(), "all": shown.total},
                "notes": shown.notes(),
            }
        return {"id": one.subject.id, "words": one.subject.words, "among": one.subject.among, "tables": tables}


def find_by_group(session: Session, ground: Ground, built: Built, *, cut_off: float) -> ByGroup:
    """Every subject that can be told of today's caseload. ``cut_off``: the one that brings a case to review."""
    rows = built.profiles.table[ROW].reset_index(drop=True)
    rows["person_id"] = rows["person_id"].astype(str)
    groups = groups_of(session, ground, rows).drop(columns=["as_of", *MADE_OF_OTHERS], errors="ignore")
    people = groups["person_id"].tolist()
    missing: list[str] = []
    subjects = [
        *_data(ground, built, people),
        *link_subjects(ground.vault, people, ON_CASELOAD, missing),
        *_churn(session, people, cut_off, missing),
        *_exported(session, people, missing),
    ]
    found = [Found(subject, by_group(subject, groups)) for subject in subjects]
    found += _overrides(session, groups, missing)
    return ByGroup(len(people), tuple(found), protect_tables(_tables(found), PARTNERSHIP), tuple(missing))


def _data(ground: Ground, built: Built, people: Sequence[str]) -> Iterator[Subject]:
    """Links, silent sources and gaps of everybody on the caseload."""
    why = why_none(ground, people, built.as_of)
    for name, words, reason in (
        (DOUBT, "Links between agencies in doubt, so no estimate", LINK),
        ("too-little-data", "No record of sanctions shared, so no estimate", TOO_LITTLE),
    ):
        yield _subject(name, words, people, [why.get(one) == reason for one in people])
    held = [one in ground.on_hold for one in people]
    yield _subject("on-hold", "On hold because they asked for it, so in no estimate and no audit", people, held)
    for source in limiting_sources(ground):
        silent = [not ground.events.knows(source, one, built.as_of) for one in people]
        yield _subject(f"{UNKNOWN}{source}", f"Not known to {source}", people, silent)
    gaps = built.profiles.matrix().isna().mean(axis=1).to_numpy() >= MANY_MISSING
    yield _subject("many-gaps", f"At least {MANY_MISSING:.0%} of the features missing", people, gaps.tolist())


def _churn(session: Session, people: Sequence[str], cut_off: float, missing: list[str]) -> Iterator[Subject]:
    """Who came onto, and who left, the selection between the two newest lists; at the present cut-off."""
    lists = list_ids(session)[-2:]
    if len(lists) < 2:
        missing.append("Changes of the list: there are not yet two lists to compare.")
        return
    try:
        before, now = (_chosen(session, one, cut_off) for one in lists)
    except UserError:
        missing.append("Changes of the list: one of the two newest lists is not what was made (desist verify).")
        return
    both = [one for one in people if one in before.index and one in now.index]
    among = "people on today's caseload with an estimate on both of the two newest lists"
    for name, words, flags in (
        ("came-onto-the-list", "Brought to review since the list before", now[both] & ~before[both]),
        ("left-the-list", "No longer brought to review since the list before", before[both] & ~now[both]),
    ):
        yield Subject(name, words, among, flags)


def _chosen(session: Session, list_id: str, cut_off: float) -> pd.Series:
    scores = kept_list(session, list_id).scores.dropna(subset=["score"])
    return pd.Series(scores["score"].to_numpy() >= cut_off, index=scores["person_id"].astype(str))


def _exported(session: Session, people: Sequence[str], missing: list[str]) -> Iterator[Subject]:
    """Whose rows left the installation in a copy of a list."""
    if not session.workspace.exports.exists():
        missing.append("Exports: no list was ever handed on.")
        return
    inside: set[str] = set()
    for list_id in sorted({export.list_id for export in Inventory(session.workspace.exports).all()}):
        try:
            inside |= set(kept_list(session, list_id).rows)
        except (OSError, UserError):
            missing.append(f"Exports: the list {list_id} is gone or was altered, so who was on it is not known.")
    yield _subject("exported", "In a copy of a list handed on", people, [one in inside for one in people])


def _overrides(session: Session, groups: pd.DataFrame, missing: list[str]) -> Iterator[Found]:
    """Decisions of staff against what the list suggested, in either direction, by group and by team."""
    path = session.workspace.root / DECISIONS
    if not path.exists():
        missing.append("Overrides: no decision of staff is recorded yet.")
        return
    decisions = read_decisions(path)
    newest = decisions.sort_values("decided_on", kind="stable").drop_duplicates("person_id", keep="last")
    newest = newest[newest["person_id"].isin(groups["person_id"])].set_index("person_id")
    for name, words, suggested, decided in (
        ("overridden-to-review", "Reviewed although not suggested", NO_REVIEW, REVIEW),
        ("overridden-to-no-review", "Not reviewed although suggested", REVIEW, NO_REVIEW),
    ):
        asked = newest[newest["suggested"] == suggested]
        if asked.empty:
            missing.append(f"{words}: nobody could have been.")
            continue
        said = suggested.replace("_", " ")
        among = f"people on today's caseload whose last decision was on a suggestion of {said}"
        subject = Subject(name, words, among, asked["decided"] == decided)
        with_team = groups.merge(asked[_TEAM].rename_axis("person_id").reset_index(), on="person_id")
        yield Found(subject, by_group(subject, with_team))


def read_decisions(path: Path) -> pd.DataFrame:
    """Decisions of staff: one row a decision, with the columns DECISION_COLUMNS. Raises Refused where it is none."""
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise Refused(f"{path.name} cannot be read. Restore it, or move it away.") from error
    lacking = [name for name in DECISION_COLUMNS if name not in table]
    if lacking:
        raise Refused(f"{path.name} lacks the columns {', '.join(lacking)}.")
    for name in ("suggested", "decided"):
        if not table[name].isin([REVIEW, NO_REVIEW]).all():
            raise Refused(f"{path.name}: {name} is {REVIEW!r} or {NO_REVIEW!r} in every row.")
    return table.assign(person_id=table["person_id"].astype(str), team=table[_TEAM].astype(str))


def _subject(name: str, words: str, people: Sequence[str], flags: Sequence[bool]) -> Subject:
    return Subject(name, words, ON_CASELOAD, pd.Series(np.asarray(flags, dtype=bool), index=list(people)))


def _name(subject: Subject, characteristic: str) -> str:
    return f"{subject.id} by {characteristic}"


def _tables(found: Sequence[Found]) -> list[Table]:
    """A table of yes and no for each subject and characteristic; the same people share their totals."""
    made = []
    for one in found:
        among = EVERYBODY if one.subject.among == ON_CASELOAD else one.subject.among
        for characteristic in dict.fromkeys(share.characteristic for share in one.shares):
            rows = [share for share in one.shares if share.characteristic == characteristic]
            counts = pd.DataFrame(
                {YES: [share.yes for share in rows], NO: [share.no for share in rows]},
                index=pd.Index([share.group for share in rows], name=characteristic),
            )
            counts.columns.name = one.subject.id
            within = "" if among == EVERYBODY or characteristic == _TEAM else EVERYBODY
            made.append(Table(_name(one.subject, characteristic), counts, among, within))
    return made
