"""What the log tells of the register of rights: a hash of its content with every change, so that a lost one shows.

A change is noted before it is made and once more when it is made. Killed between the two, the register is as it was
before or as it was to become: either will do. At any other time it must be exactly what was noted last.
"""

from __future__ import annotations

from dataclasses import dataclass

from desist.records.errors import Refused
from desist.records.log import EventLog

OPERATION, DATASET = "table.changed", "rights:"
BEGUN, DONE, ACCEPTED = "begun", "done", "accepted"
#: The hash of a register that holds nothing, or is not there.
EMPTY = "empty"
LOST = (
    "the register of rights (rights.db) is not as the log tells of it: it was lost, changed by hand, or an older copy "
    "was put in its place, so nobody can tell who was erased, restricted or corrected. Put its newest backup back; "
    "where there is none: desist retention --accept-register --reason CODE"
)


@dataclass(frozen=True)
class RegisterLog:
    """Notes of one register's content in the log, made for ``actor``."""

    log: EventLog
    actor: str

    def fits(self, digest: str) -> bool:
        """Whether a register of this content is the one that the log tells of."""
        noted = [row for row in self.log.rows() if row["operation"] == OPERATION and row["dataset"][:7] == DATASET]
        if not noted:
            return digest == EMPTY
        known = {noted[-1]["dataset"][7:]} | ({noted[-1]["reason"]} if noted[-1]["outcome"] == BEGUN else set())
        return digest in known

    def check(self, digest: str) -> None:
        """Raise Refused unless the register is the one that the log tells of."""
        if not self.fits(digest):
            raise Refused(f"{LOST[0].upper()}{LOST[1:]}.")

    def begin(self, before: str, after: str) -> None:
        self._note(after, BEGUN, before)

    def done(self, digest: str) -> None:
        self._note(digest, DONE, "")

    def accept(self, digest: str, reason: str) -> None:
        """Take the register as it is from now on: for a steward who has no backup. The log keeps that they did."""
        self._note(digest, ACCEPTED, reason)

    def _note(self, digest: str, outcome: str, reason: str) -> None:
        self.log.append(
            OPERATION, actor=self.actor, role="data_steward" if outcome == ACCEPTED else "installation",
            outcome=outcome, reason=reason, dataset=f"{DATASET}{digest}",
        )  # fmt: skip
