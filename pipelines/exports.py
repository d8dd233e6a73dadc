"""``desist export``: a copy of the list for somebody else, by the panel chair, with its end written into the file."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.fairness.approval.exports import Ending, Export, Inventory, latest_end
from desist.pipelines.lists import newest_list
from desist.pipelines.pages import sheet_to_hand_on, what_may_be_shown
from desist.pipelines.session import Session
from desist.records.codes import PANEL_ROLES
from desist.records.errors import Refused
from desist.records.files import write_text
from desist.records.hashing import hash_bytes, hash_json
from desist.records.keys import KeyRegister, PublicKey
from desist.reports.pages import sheet
from desist.reports.wording import day

CHECKSUM = "SHA-256 of all lines above"
COLUMNS = ("Export", "For", "Destroy by")


@dataclass(frozen=True)
class Exported:
    """A copy that was just written."""

    export: Export
    out: Path

    def as_json(self) -> dict[str, Any]:
        return {"export": self.export.id, "out": str(self.out), **self.export.as_json()}

    def as_text(self) -> str:
        export = self.export
        return (
            f"{self.out}: the list {export.list_id} for {export.recipient}, {export.people:,} people, to be destroyed "
            f"by {export.expires_on}. Export {export.id} is in the inventory. When the copy is gone: desist export end."
        )


def inventory_of(session: Session) -> Inventory:
    """The workspace's inventory of exports."""
    return Inventory(session.workspace.exports)


def export_list(
    session: Session, out: Path, *, holder: str, password: bytes, recipient: str, reason: str, until: dt.date
) -> Exported:
    """Write a copy of the newest list and note it. Raises Withheld, and writes nothing, where estimates are withheld.

    Raises Refused where the holder is no panel chair, the copy would outlive list or approval, ``out`` is there, or
    the recipient still holds a copy whose day is over.
    """
    if out.exists():
        raise Refused(f"{out} is there already. Name another file with --out.")
    with session.workspace.lock():
        key = _chair(session, holder)
        release, case_list, withheld = what_may_be_shown(session)
        if withheld is not None or release is None or case_list is None:
            raise withheld or Refused("There is no list to hand on.")
        latest = latest_end(session.today, list_ends=case_list.valid_until, release_ends=release.expires_on)
        if until > latest:
            raise Refused(f"A copy made today can be kept until {latest} at the latest; {until} was asked for.")
        _check_recipient(session, recipient)
        asked = Export(
            list_id=newest_list(session) or "", release=release.id, recipient=recipient, reason=reason,
            key_id=key.key_id, holder=key.holder, people=len(case_list.rows), made_on=session.today, expires_on=until,
        )  # fmt: skip
        text, checksum = with_facts(sheet_to_hand_on(session, release, case_list), asked)
        export = Export(**{**vars(asked), "checksum": checksum}).signed(KeyRegister(session.workspace.keys), password)
        inventory_of(session).add(export)
        session.log.append(
            "export.created", actor=key.key_id, role="panel_chair", dataset=export.id, recipient=recipient,
            release=release.id, reason=hash_json(export.as_json()), counts={"people": export.people},
        )  # fmt: skip
        write_text(out, text)
    return Exported(export, out)


def _chair(session: Session, holder: str) -> PublicKey:
    key = KeyRegister(session.workspace.keys).find(holder)
    if key.role not in PANEL_ROLES:
        session.log.append("access.denied", actor=key.key_id, role="installation", outcome="refused", reason="export")
        raise Refused(
            f"{holder} ({key.role}) cannot hand on a list: the panel chair can, with a reason and an end. A key for "
            "the chair is made with `desist keys new NAME --role panel_chair`."
        )
    return key


def _check_recipient(session: Session, recipient: str) -> None:
    kept = [one for one in inventory_of(session).out() if one.recipient == recipient and one.expires_on < session.today]
    if kept:
        told = ", ".join(f"{one.id} (until {one.expires_on})" for one in kept)
        raise Refused(
            f"{recipient} holds a copy whose day is over: {told}. Have it destroyed and say so with "
            "`desist export end` before another is handed on."
        )


def with_facts(text: str, export: Export) -> tuple[str, str]:
    """The sheet with the export's facts on each row and a checksum as its last row; and the checksum."""
    header, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    facts = [export.id, export.recipient, day(export.expires_on)]
    body = sheet([*header, *COLUMNS], [[*row, *facts] for row in rows])
    checksum = hash_bytes(body.encode("utf-8"))
    last = sheet([CHECKSUM, checksum, *[""] * (len(header) + len(COLUMNS) - 2)], []).removeprefix("\ufeff")
    return body + last, checksum


def check_copy(session: Session, path: Path) -> str:
    """What a copy is, in words. Raises Refused where it is none of ours, was altered, or its day is over."""
    try:
        content = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read as a copy of a list ({type(error).__name__}).") from error
    body, mark, said = content.rpartition(f'"{CHECKSUM}","')
    found = hash_bytes(body.encode("utf-8"))
    export = next((one for one in inventory_of(session).all() if one.checksum == found), None)
    if not mark or said[:64] != found or export is None:
        raise Refused(f"{path} is no copy that was handed on from here, or it was changed since.")
    if export.expires_on < session.today:
        told = f"Destroy it and say so: desist export end {export.id}"
        raise Refused(f"{path} was to be destroyed by {export.expires_on}. {told}.")
    return f"{path} is export {export.id} for {export.recipient}, unchanged, to be destroyed by {export.expires_on}."


def end_export(session: Session, export_id: str, how: str) -> str:
    """Note that a copy is gone; returns what was noted, in words."""
    with session.workspace.lock():
        inventory_of(session).end(Ending(export_id, how, session.today, session.actor))
        session.log.append(
            "export.expired", actor=session.actor, role="panel_chair", dataset=export_id, outcome=how
        )
    return f"Export {export_id} is noted as {how} on {session.today}."


def holders_of(session: Session, release_id: str) -> tuple[str, ...]:
    """A sentence for each copy under a release that nobody said is gone: whom to ask for it.

    The log says which copies there are; where the inventory lacks one or cannot be read, it is named all the same.
    """
    rows = [row for row in session.log.rows() if row["role"] == "panel_chair"]
    ended = {row["dataset"] for row in rows if row["operation"] == "export.expired"}
    try:
        kept = {one.id: one for one in inventory_of(session).all()}
    except Refused:
        kept = {}
    found = []
    for row in rows:
        name, one = row["dataset"], kept.get(row["dataset"])
        if row["operation"] != "export.created" or row["release"] != release_id or name in ended:
            continue
        more = f"{one.people:,} people, to be destroyed by {one.expires_on}" if one else "which only the log tells of"
        found.append(f"{row['recipient']} holds export {name}, {more}")
    return tuple(found)


def expired_exports(session: Session) -> list[str]:
    """A sentence for each copy whose day is over and that nobody said is gone.

    None where the inventory cannot be read, which ``export_faults`` names.
    """
    try:
        kept = inventory_of(session).out()
    except Refused:
        return []
    return [
        f"{one.recipient} was to destroy export {one.id} by {one.expires_on}, and nobody said that it is gone"
        for one in kept
        if one.expires_on < session.today
    ]


def export_faults(session: Session) -> list[str]:
    """Where the inventory and the log disagree, or a chair's signature does not fit; empty where nothing is wrong."""
    rows = [row for row in session.log.rows() if row["role"] == "panel_chair"]
    logged = {row["dataset"]: row["reason"] for row in rows if row["operation"] == "export.created"}
    ended = {row["dataset"] for row in rows if row["operation"] == "export.expired"}
    try:
        inventory = inventory_of(session)
        found, endings = {one.id: one for one in inventory.all()}, inventory.endings()
    except Refused as error:
        return [error.message]
    wrong = [f"the inventory lacks export {name}, which the log tells of" for name in logged if name not in found]
    wrong += [f"the log knows nothing of the end of export {name}" for name in endings if name not in ended]
    keys = KeyRegister(session.workspace.keys)
    for name, export in found.items():
        if logged.get(name) != hash_json(export.as_json()):
            wrong.append(f"the log knows nothing of export {name} as the inventory has it")
        try:
            keys.verify(export.key_id, export.content(), export.signature, on=export.made_on)
        except Refused:
            wrong.append(f"the signature under export {name} does not fit")
    return wrong
