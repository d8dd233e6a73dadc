"""What people asked for since the last audit, for the board: whoever is on hold or erased is judged in no audit.

Somebody who put a community on hold before an audit would take its people out of the comparison. So the board is told
how many there are, the shares by group stand in the tables of the caseload, and above a share it is asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from desist.fairness.approval.attempts import AUDITED
from desist.fairness.approval.questions import GAMING, Question
from desist.intake.rights.log import ACCEPTED, OPERATION
from desist.pipelines.ground import Ground
from desist.pipelines.rights.register import kept_longer
from desist.pipelines.session import Session

#: Of 100 people on the caseload, from how many on that are on hold, or were erased since the last audit, a board is
#: asked. People seldom ask; two in a hundred of one community can move a gap.
ASKED_FROM = 0.02


@dataclass(frozen=True)
class SinceAudit:
    """Counts of the log and the register. ``caseload``: everybody in scope today, people on hold among them."""

    caseload: int
    on_hold: int
    restricted: int
    contested: int
    erased: int
    corrected: int
    equality_corrected: int
    register_accepted: int
    kept_longer: tuple[str, ...]

    @property
    def is_many(self) -> bool:
        return self.on_hold + self.erased >= max(1.0, ASKED_FROM * self.caseload)

    def questions(self) -> tuple[Question, ...]:
        if not self.is_many and not self.register_accepted:
            return ()
        words = (
            f"{self.on_hold:,} people are on hold and {self.erased:,} were erased since the last audit, of "
            f"{self.caseload:,} on the caseload. None of them is in this audit. Who asked for that, and does it change "
            "what the audit says of any community?"
        )
        if self.register_accepted:
            words += " The register of requests was lost and accepted as it stood: what was lost with it?"
        return (Question("requests-since-audit", GAMING, words),)

    def words(self) -> tuple[str, ...]:
        told = [
            f"On hold today: {self.on_hold:,} people, who are judged in no audit. Since the last audit "
            f"{self.restricted:,} restrictions, {self.contested:,} challenges, {self.erased:,} erasures and "
            f"{self.corrected:,} corrections, {self.equality_corrected:,} of them of a protected characteristic.",
            "Shares of people on hold by group stand in the tables of the caseload.",
        ]
        told += [f"Kept past its review date: {one}." for one in self.kept_longer]
        return (*told, *(question.words for question in self.questions()))

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"kept_longer": list(self.kept_longer), "words": list(self.words())}


def since_audit(session: Session, ground: Ground, caseload: Sequence[str], run: str) -> SinceAudit:
    """What was asked for since the last audit before ``run``, or ever."""
    rows = session.log.rows()
    audits = [at for at, row in enumerate(rows) if row["operation"] == AUDITED and row["dataset"] != run]
    later = rows[audits[-1] + 1 :] if audits else rows
    corrections = [json.loads(row["counts"]) for row in later if row["operation"] == "person.corrected"]

    def count(operation: str) -> int:
        return sum(row["operation"] == operation for row in later)

    return SinceAudit(
        caseload=len(caseload),
        on_hold=len(set(ground.on_hold) & set(caseload)),
        restricted=count("person.restricted"),
        contested=count("person.contested"),
        erased=count("person.erased"),
        corrected=sum("cells" in counts for counts in corrections),
        equality_corrected=sum(counts.get("equality", 0) for counts in corrections),
        register_accepted=sum((row["operation"], row["outcome"]) == (OPERATION, ACCEPTED) for row in later),
        kept_longer=kept_longer(session),
    )
