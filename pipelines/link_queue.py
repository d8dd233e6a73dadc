"""The steward's queue, the steward's decisions, and the report of a linking."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.intake.holding.vault import Vault
from desist.intake.linking.report import LinkReport
from desist.intake.linking.steward import REASONS, Record, asked_about, check_decision, decide
from desist.pipelines.session import Session
from desist.records.errors import Refused
from desist.records.files import write_json, write_text
from desist.records.workspace import Workspace
from desist.reports.link_report import QueuePair, linkage_document, queue_document

QUEUE_PAGE = "links-to-review.html"


@dataclass(frozen=True)
class ShownQueue:
    """How many pairs wait, by kind, and the page that names them."""

    waiting: dict[str, int]
    shown: int
    page: Path

    def as_json(self) -> dict[str, Any]:
        return {"waiting": self.waiting, "shown": self.shown, "page": str(self.page)}

    def as_text(self) -> str:
        if not self.waiting:
            return f"No pair of records waits for a decision.\n  {self.page}"
        every = sum(self.waiting.values())
        lines = [f"{every:,} pairs of records wait for a data steward, {self.shown:,} on the page:"]
        lines += [f"    {count:,} {WORDS[kind]}" for kind, count in self.waiting.items()]
        return "\n".join([*lines, f"  {self.page} (names: only its owner can open it; delete it after use)"])


WORDS = {
    "conflict": "share an identifier that does not fit: both people go without an estimate until decided",
    "review": "may be one person, not surely enough to join them",
    "initials": "have initials and a birth date that fit one person: ask the agency for an identifier",
}


def forget_profiles(workspace: Workspace) -> None:
    """Remove the kept profiles: some rest on people who were merged or split. They are made anew when asked for."""
    for path in sorted(workspace.profiles.glob("*")):
        if path.is_dir():
            shutil.rmtree(path)


def write_link_report(session: Session, report: LinkReport) -> None:
    """Put linkage.html and linkage.json into the workspace's reports."""
    folder = session.workspace.reports
    told = report.as_dict()
    settings = session.settings
    write_json(folder / "linkage.json", told)
    page = linkage_document(told, partnership=settings.name, made_on=session.today, made_up=settings.made_up)
    write_text(folder / "linkage.html", page)


def show_queue(session: Session, *, most: int, out: Path | None) -> ShownQueue:
    """Write the page of pairs to decide on, readable by its owner alone, and count them by kind."""
    vault = Vault(session.workspace.vault)
    queue = vault.link_queue()
    kinds = [kind for kind in WORDS if kind in set(queue["kind"])]
    queue["surest"] = -queue["probability"].astype("float64").fillna(0.0)
    queue["place"] = [kinds.index(kind) for kind in queue["kind"]]
    ranked: list[Any] = list(queue.sort_values(["place", "surest", "number"]).head(most).itertuples(index=False))
    held = vault.linked_identities(sorted({end for row in ranked for end in _ends(row)}))
    pairs = [_pair(row, held) for row in ranked]
    folder = out or session.workspace.reports
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"No folder can be made at {folder} ({error.strerror}). Name another with --out.") from error
    waiting = {kind: int((queue["kind"] == kind).sum()) for kind in kinds}
    session.log.append(
        "data.disclosed", actor=session.actor, role="data_steward", dataset="link-queue", recipient="data_steward",
        counts={"pairs": len(pairs)},
    )  # fmt: skip
    page = folder / QUEUE_PAGE
    write_text(page, queue_document(pairs, waiting, WORDS, REASONS, made_on=session.today,
                                    made_up=session.settings.made_up))  # fmt: skip
    page.chmod(0o600)
    return ShownQueue(waiting, len(pairs), page)


def _pair(row: Any, held: Mapping[Record, Mapping[str, str]]) -> QueuePair:
    left, right = _ends(row)
    chance = None if row.probability is None else float(row.probability)
    return QueuePair(
        int(row.number), row.kind, row.why, chance, (left, held.get(left, {})), (right, held.get(right, {}))
    )


def _ends(row: Any) -> tuple[tuple[str, str], tuple[str, str]]:
    return (row.left_source, row.left_number), (row.right_source, row.right_number)


def decide_on(session: Session, which: str, decision: str, *, reason: str) -> str:
    """Keep and log a steward's decision; returns what to do next."""
    vault = Vault(session.workspace.vault)
    with session.workspace.lock():
        pair = asked_about(vault, which)
        check_decision(vault, pair, decision, reason)  # what is refused is never logged as made
        _log(session, vault, pair, decision, reason)
        made = decide(vault, pair, decision, by=session.actor, on=session.today, reason=reason)
    return (
        f"Noted: the two records are {made.decision}. It holds from the next linking on: run `desist link`, "
        "then make the list anew. Until then the links stay as they are."
    )


def _log(session: Session, vault: Vault, pair: tuple[tuple[str, str], ...], decision: str, reason: str) -> None:
    """One event for each person concerned, before anything is kept."""
    rows = vault.known_keys()[["source", "agency_person", "person_id"]].itertuples(index=False, name=None)
    persons = {(str(source), str(number)): str(person) for source, number, person in rows}
    for person in sorted({persons[end] for end in pair if end in persons}):
        session.log.append(
            "link.decided", actor=session.actor, role="data_steward", outcome=decision, reason=reason,
            subject=session.log.subject_ref(person), dataset="link-queue",
        )  # fmt: skip
