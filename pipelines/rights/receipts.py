"""Receipts: what was done for somebody who asked, where, what stays and why. They name nobody."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from desist.pipelines.session import Session
from desist.records.errors import Refused
from desist.records.files import read_json, write_json, write_text
from desist.records.hashing import hash_json

_CODE = re.compile(r"[A-Za-z0-9_.:@+-]{2,64}")
#: The log's operation for each kind of receipt.
OPERATIONS = {
    "erasure": "person.erased",
    "restriction": "person.restricted",
    "end_of_restriction": "person.released_from_restriction",
    "challenge": "person.contested",
    "end_of_challenge": "person.corrected",
    "correction": "person.corrected",
}


@dataclass(frozen=True)
class Place:
    """One place that was asked: how many items it held before, and holds now."""

    name: str
    held: int
    left: int


@dataclass(frozen=True)
class Receipt:
    """What a person can be handed. ``runs``: training runs they were in, and as what. ``stays``: what stays, and why.

    ``copies``: lists that left the installation with the person on them: recipient, export and its last day.
    """

    id: str
    kind: str
    reason: str
    actor: str
    on: dt.date
    places: tuple[Place, ...] = ()
    runs: Mapping[str, str] = field(default_factory=dict)
    copies: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    scanned: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        return {**told, "on": self.on.isoformat(), "runs": dict(self.runs), "scanned": dict(self.scanned)}

    def as_text(self) -> str:
        lines = [f"Receipt {self.id}: {self.kind.replace('_', ' ')}, {self.on}, reason {self.reason}."]
        lines += [f"  {place.name}: {place.held:,} held, {place.left:,} left" for place in self.places]
        if self.scanned:
            lines.append(f"  searched afterwards: {self.scanned['files']:,} files, {self.scanned['found']:,} finds")
        lines += [f"  training run {run}: the person {_WORDS.get(part, part)}" for run, part in self.runs.items()]
        lines += [f"  handed on before: {copy}" for copy in self.copies]
        lines += [f"  stays: {text}" for text in self.stays]
        lines += [f"  note: {text}" for text in self.notes]
        return "\n".join(lines)


_WORDS = {"learnt": "was among those it learnt from", "judged": "was among those who judged it"}


def check_reason(reason: str) -> str:
    """The reason as a code that the log can hold. Raises Refused for free text."""
    if not _CODE.fullmatch(reason):
        raise Refused("The reason is a code of letters, digits, dots and dashes, such as request or court_order.")
    return reason


def new_id(session: Session) -> str:
    """An id that nobody can guess a person from."""
    return f"{session.today.isoformat()}-{secrets.token_hex(6)}"


def keep(session: Session, receipt: Receipt, *, subject: str = "", counts: Mapping[str, int] | None = None) -> None:
    """Write the receipt, as JSON and as a page, and note its hash in the log. The same twice changes nothing."""
    from desist.reports.receipt import receipt_page

    folder = session.workspace.receipts
    told = receipt.as_json()
    settings = session.settings
    page = receipt_page(told, settings.name, settings.contact, made_up=settings.made_up)
    write_json(folder / f"{receipt.id}.json", told)
    write_text(folder / f"{receipt.id}.html", page)
    if any(row["dataset"] == receipt.id and row["correlation"] == hash_json(told) for row in session.log.rows()):
        return
    session.log.append(
        OPERATIONS[receipt.kind], actor=session.actor, role="data_steward", reason=receipt.reason,
        subject=subject, dataset=receipt.id, correlation=hash_json(told), counts=dict(counts or {}),
    )  # fmt: skip


def receipt_faults(session: Session) -> list[str]:
    """Receipts that are gone or are not the ones that the log tells of."""
    operations = set(OPERATIONS.values())
    logged = {row["dataset"]: row["correlation"] for row in session.log.rows() if row["operation"] in operations}
    folder, found = session.workspace.receipts, []
    for name, digest in sorted(logged.items()):
        path = folder / f"{name}.json"
        try:
            if hash_json(read_json(path)) != digest:
                found.append(f"the receipt {name} was changed")
        except (OSError, ValueError):
            found.append(f"the receipt {name} is gone or damaged")
    strangers = {path.stem for path in folder.glob("*.json")} - set(logged) if folder.exists() else set()
    return found + [f"the log knows nothing of the receipt {name}" for name in sorted(strangers)]


def copies_of(session: Session, lists: Sequence[str]) -> tuple[str, ...]:
    """Copies of some lists that left the installation, as far as nobody said that they are gone."""
    from desist.pipelines.exports import inventory_of

    try:
        out = inventory_of(session).out()
    except Refused:
        return ("the inventory of exports cannot be read: see desist verify",)
    return tuple(
        f"{one.recipient} holds export {one.id}, to be destroyed by {one.expires_on}"
        for one in out
        if one.list_id in lists
    )
