"""What is past its day or was begun and not finished: nothing is estimated until a steward has seen to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from desist.fairness.approval.candidate import MANIFEST
from desist.fairness.approval.gate import ALTERED, SUSPENDED, Cause
from desist.intake.holding.store import Store
from desist.intake.rights.retention import Review, reviews
from desist.intake.terms.agreements import load_agreements
from desist.pipelines.rights.register import register_faults, rights_of
from desist.pipelines.session import Session
from desist.records.errors import Refused
from desist.records.files import read_json

#: DOMAIN section 10: estimates of single people are kept for two years, decisions and logs for six.
SCORE_MONTHS, LOG_YEARS = 24, 6


@dataclass(frozen=True)
class OldScores:
    """A list, or the tables of a run, whose estimates of people are past their review date."""

    kind: str
    name: str
    made_on: dt.date
    review_by: dt.date


def extract_reviews(session: Session) -> tuple[Review, ...]:
    """Every extract with its review date and the steward's decisions, the earliest first."""
    workspace = session.workspace
    store = Store(workspace.store, workspace.quarantine)
    found = reviews(store, load_agreements(workspace.agreements), rights_of(session).kept())
    return tuple(sorted(found, key=lambda one: (one.review_by, one.source, one.table)))


def old_scores(session: Session) -> tuple[OldScores, ...]:
    """Lists and run tables that hold estimates of people past their review date."""
    found = [
        OldScores("list", path.parent.name, *_dates(path.parent.name[:10]))
        for path in sorted(session.workspace.lists.glob(f"*/{MANIFEST}"))
    ]
    found += [
        OldScores("run", path.parent.name, *_dates(str(read_json(path)["made_on"])))
        for path in sorted(session.workspace.runs.glob(f"*/{MANIFEST}"))
        if (path.parent / "scores.parquet").exists()
    ]
    return tuple(one for one in found if session.today > one.review_by)


def _dates(made_on: str) -> tuple[dt.date, dt.date]:
    day = dt.date.fromisoformat(made_on)
    return day, months_after(day, SCORE_MONTHS)


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day of a later month, or the month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return dt.date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def due_causes(session: Session) -> Iterator[Cause]:
    """Why nothing may be estimated today, for the gate: an erasure half done, or records past their review date."""
    try:
        begun = rights_of(session).begun()
        faults = register_faults(session)
        overdue = [one for one in extract_reviews(session) if one.overdue(session.today)]
    except Refused as error:
        yield Cause(ALTERED, error.message)
        return
    for fault in faults:
        yield Cause(ALTERED, fault)
    if begun:
        yield Cause(SUSPENDED, f"{len(begun)} requests of people were begun and not finished: desist erase --finish")
    by_source: dict[str, list[Review]] = {}
    for one in overdue:
        by_source.setdefault(one.source, []).append(one)
    for source, found in sorted(by_source.items()):
        first = min(one.review_by for one in found)
        told = f"{len(found)} extracts of {source} were to be reviewed by {first}"
        yield Cause(SUSPENDED, f"{told}: a data steward decides with `desist retention`")


def named_files(folder: Path) -> list[Path]:
    """Every plain file below a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
