"""``desist retention``: what is held and until when, and the steward's decisions on what is past its day."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.rights.person import drop_extracts
from desist.intake.rights.register import Kept, compact
from desist.intake.rights.retention import Review, remove
from desist.pipelines import amendments
from desist.pipelines.lists import newest_list
from desist.pipelines.rights.due import LOG_YEARS, OldScores, extract_reviews, months_after, old_scores
from desist.pipelines.rights.receipts import check_reason
from desist.pipelines.rights.register import rights_of
from desist.pipelines.run_tables import TABLES_OF_PEOPLE
from desist.pipelines.session import Session
from desist.records.codes import SOURCES
from desist.records.errors import Refused
from desist.records.files import read_json

#: Nobody may put a review off for longer in one go.
LONGEST_KEEP_DAYS = 366


@dataclass(frozen=True)
class Schedule:
    """Everything with a review date. ``log_review``: when the oldest events of the log are six years old."""

    today: dt.date
    extracts: tuple[Review, ...]
    scores: tuple[OldScores, ...]
    kept: tuple[Kept, ...]
    log_review: dt.date | None

    @property
    def overdue(self) -> tuple[Review, ...]:
        return tuple(one for one in self.extracts if one.overdue(self.today))

    def as_json(self) -> dict[str, Any]:
        return {
            "today": self.today.isoformat(),
            "extracts": [{**_plain(vars(one)), "overdue": one.overdue(self.today)} for one in self.extracts],
            "scores_overdue": [_plain(vars(one)) for one in self.scores],
            "decisions": [_plain(vars(one)) for one in self.kept],
            "log_review": self.log_review.isoformat() if self.log_review else None,
        }

    def as_text(self) -> str:
        lines = [f"{len(self.overdue)} of {len(self.extracts)} extracts are past their review date on {self.today}."]
        for one in self.extracts:
            which = "current" if one.current else "older"
            kept = f", kept until {one.kept_until}" if one.kept_until else ""
            mark = "OVERDUE " if one.overdue(self.today) else ""
            lines.append(
                f"  {mark}{one.source}/{one.table} of {one.extract_date} ({which}, {one.rows:,} rows, "
                f"{one.agreement}): review by {one.review_by}{kept}"
            )
        lines += [f"  OVERDUE {one.kind} {one.name}: estimates, review by {one.review_by}" for one in self.scores]
        if self.log_review and self.today > self.log_review:
            lines.append(f"  the oldest events of the log were to be reviewed by {self.log_review}: archive the log")
        if self.overdue or self.scores:
            lines.append("Keep: desist retention --keep SOURCE --until DATE --reason CODE. Erase: desist retention "
                         "--remove --reason CODE.")  # fmt: skip
        return "\n".join(lines)


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in told.items()}


def schedule(session: Session) -> Schedule:
    """What is held and until when, on today's decisions."""
    rows = session.log.rows()
    first = dt.date.fromisoformat(rows[0]["time"][:10]) if rows else None
    return Schedule(
        session.today, extract_reviews(session), old_scores(session), rights_of(session).kept(),
        months_after(first, 12 * LOG_YEARS) if first else None,
    )  # fmt: skip


def keep_longer(session: Session, source: str, until: dt.date | None, reason: str) -> str:
    """Note a steward's decision; returns what was noted. Raises Refused for a day that is past or too far off."""
    check_reason(reason)
    latest = session.today + dt.timedelta(days=LONGEST_KEEP_DAYS)
    if source not in SOURCES:
        raise Refused(f"Extracts come from one of {', '.join(SOURCES)}; found {source!r}.")
    if until is None or not session.today <= until <= latest:
        raise Refused(f"Say with --until how long: a day from {session.today} to {latest}.")
    with session.workspace.lock():
        rights_of(session).keep(Kept(source, until, reason, session.today, session.actor))
        session.log.append(
            "retention.kept", actor=session.actor, role="data_steward", reason=reason, dataset=f"{source}:{until}"
        )
    return f"Extracts of {source} may be kept until {until}."


def remove_overdue(session: Session, reason: str) -> str:
    """Erase extracts and old estimates past their day; returns what went. The newest list stays until it has ended."""
    check_reason(reason)
    workspace = session.workspace
    with workspace.lock():
        overdue = [one for one in extract_reviews(session) if one.overdue(session.today)]
        _remove_extracts(session, overdue, reason)
        removed = [_remove_scores(session, one) for one in old_scores(session)]
        current = any(one.current for one in overdue)
    told = [f"{len(overdue)} extracts and {sum(removed)} sets of old estimates were erased."]
    if current:
        told.append("Current extracts were among them: take in newer ones, then desist link.")
    shutil.rmtree(workspace.profiles, ignore_errors=True)
    return " ".join(told)


def _remove_extracts(session: Session, overdue: list[Review], reason: str) -> None:
    if not overdue:
        return
    workspace = session.workspace
    store, vault, equality = Store(workspace.store, workspace.quarantine), Vault(workspace.vault), workspace.equality
    session.log.append(
        "data.erased", actor=session.actor, role="data_steward", reason=reason, dataset="extracts",
        outcome="retention", counts={"extracts": len(overdue), "rows": sum(one.rows for one in overdue)},
    )  # fmt: skip
    held = remove(store, overdue)
    drop_extracts(vault, EqualityWriter(equality), held)
    for path in (workspace.vault, equality):
        compact(path)


def _remove_scores(session: Session, old: OldScores) -> int:
    """Remove an old list, or the tables of an old run; 0 for the newest list."""
    if old.kind == "list":
        if old.name == newest_list(session):
            return 0
        _note_gone(session, session.workspace.lists / old.name)
        shutil.rmtree(session.workspace.lists / old.name)
        return 1
    folder = session.workspace.runs / old.name
    if "tables" in read_json(folder / "manifest.json"):
        _note_gone(session, folder)
    for name in TABLES_OF_PEOPLE:
        (folder / name).unlink(missing_ok=True)
    return 1


def _note_gone(session: Session, folder: Any) -> None:
    session.log.append(
        "data.erased", actor=session.actor, role="data_steward", dataset=amendments.dataset_of(folder),
        outcome=amendments.GONE,
    )  # fmt: skip
