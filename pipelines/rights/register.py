"""The register of rights as the pipelines open it, and whether it is the one that the log tells of."""

from __future__ import annotations

from desist.intake.holding.store import Store
from desist.intake.rights.log import LOST, RegisterLog
from desist.intake.rights.register import Rights
from desist.pipelines.rights.receipts import check_reason
from desist.pipelines.session import Session
from desist.records.errors import Refused

#: Which events of the log a row of the register comes from.
_ASKED = {
    "hold": ("person.restricted", "person.contested"),
    "correction": ("person.corrected",),
    "token": ("person.erased",),
}
NO_VAULT = (
    "the vault (vault.db) is gone, so nobody can tell whose numbers are whose, nor who is on hold: put its newest "
    "backup back"
)


def rights_of(session: Session) -> Rights:
    """The session's register; what it changes is noted in the log."""
    return Rights(session.workspace.rights, RegisterLog(session.log, session.actor))


def register_faults(session: Session) -> list[str]:
    """What is wrong with register and vault; empty where nothing is. Raises Refused where one cannot be read."""
    rights, found = rights_of(session), []
    if not RegisterLog(session.log, session.actor).fits(rights.digest):
        found.append(LOST)
    else:
        found += _unasked(session, rights)
    if not session.workspace.vault.exists() and _knows_people(session):
        found.append(NO_VAULT)
    return found


def _unasked(session: Session, rights: Rights) -> list[str]:
    """Rows of the register without a request that the log tells of, or a journal that is still open."""
    begun, rows, found = set(rights.begun()), session.log.rows(), []
    for table, receipts in rights.receipts().items():
        logged = {row["dataset"] for row in rows if row["operation"] in _ASKED[table]}
        unknown = receipts - logged - begun - {"intake"}
        found += [f"the register of rights holds a {table} that nobody asked for: receipt {one}" for one in
                  sorted(unknown)]  # fmt: skip
    return found


def kept_longer(session: Session) -> tuple[str, ...]:
    """The decisions to keep extracts past their review date that hold today, one a source."""
    try:
        decided = {one.source: one for one in rights_of(session).kept()}
    except Refused:
        return ()  # told as a fault
    return tuple(
        f"extracts of {source} until {one.until}, by {one.made_by} on {one.made_on}, reason {one.reason}"
        for source, one in sorted(decided.items())
        if one.until >= session.today
    )


def check_register(session: Session) -> None:
    """Raise Refused where register or vault are not what the log tells of: who is on hold or erased is not known."""
    if found := register_faults(session):
        raise Refused(". ".join(f"{one[0].upper()}{one[1:]}" for one in found) + ".")


def _knows_people(session: Session) -> bool:
    """Whether the store names an identity table: its rows are in the vault."""
    return any(key.endswith("/identity") for key in Store(session.workspace.store).manifest()["extracts"])


def accept_register(session: Session, reason: str) -> str:
    """Take the register as it is, for a steward without a backup; returns what that means. It stays in the log."""
    check_reason(reason)
    with session.workspace.lock():
        rights = rights_of(session)
        if RegisterLog(session.log, session.actor).fits(rights.digest):
            raise Refused("The register of rights is the one that the log tells of; nothing was changed.")
        RegisterLog(session.log, session.actor).accept(rights.digest, reason)
    return (
        "The register of rights counts as it is now. Ask again for every restriction, correction and erasure whose "
        "receipt is in receipts/ and that it does not hold: nothing else keeps those people out."
    )
