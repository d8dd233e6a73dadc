"""What the board asked for when it released: which conditions stand open, and the word that one was met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desist.fairness.approval import release
from desist.fairness.approval.release_files import met_file, told_of
from desist.fairness.approval.signoff import Condition, SignOff, conditions_of, same_person
from desist.pipelines.gate import candidate_of, latest_release
from desist.pipelines.session import Session
from desist.records.errors import Refused
from desist.records.hashing import hash_file
from desist.records.keys import KeyRegister


@dataclass(frozen=True)
class Conditions:
    """The conditions of the release that the log approved last; ``noted``: ids of those with a word that they were met.

    Whether that word counts is for the gate to say.
    """

    release: str
    run: str
    conditions: tuple[Condition, ...]
    noted: frozenset[str]

    def as_json(self) -> dict[str, Any]:
        told = [
            {"id": one.id, "text": one.text, "owner": one.owner, "due": str(one.due), "met": one.id in self.noted}
            for one in self.conditions
        ]
        return {"release": self.release, "conditions": told}

    def as_text(self) -> str:
        lines = [
            f"{one.id}  {'met' if one.id in self.noted else f'open, by {one.due}'}: {one.text} ({one.owner})"
            for one in self.conditions
        ]
        return "\n".join(lines) or f"Release {self.release} has no conditions."


def conditions_now(session: Session) -> Conditions:
    """The conditions of the latest release. Raises Refused where there is none, it was revoked, or cannot be read."""
    release_id = latest_release(session)
    folder = session.workspace.releases / release_id
    told = told_of(folder)
    if told is None:
        raise Refused(f"releases/{release_id} is missing or damaged. See `desist verify`.")
    found = conditions_of([SignOff.from_json(entry) for entry in told["sign_offs"]])
    noted = frozenset(one.id for one in found if (folder / met_file(one)).exists())
    return Conditions(release_id, str(told["run"]), found, noted)


def meet_condition(session: Session, condition_id: str, *, holder: str, reason: str, password: bytes) -> str:
    """Record a role holder's signed word that a condition was met; returns what was recorded, in words.

    Raises Refused for an unknown condition, one whose day is over, one that was noted already, and for whoever
    trained the model.
    """
    keys = KeyRegister(session.workspace.keys)
    with session.workspace.lock():
        now = conditions_now(session)
        known = {one.id: one for one in now.conditions}
        if condition_id not in known:
            raise Refused(
                f"Release {now.release} has no condition {condition_id!r}; `desist condition list` names them."
            )
        condition = known[condition_id]
        if condition_id in now.noted:
            raise Refused(f"It was noted already that the condition {condition_id} was met.")
        if condition.due < session.today:
            raise Refused(
                f"The condition was due by {condition.due}; a word after that day does not mend it. Ask the board for "
                "a new decision: desist sign."
            )
        key, trainer = keys.find(holder), candidate_of(session, now.run).trainer
        if key.key_id == trainer.key_id or same_person(holder, trainer.holder):
            raise Refused(f"{holder} trained the model and cannot say that the board's condition was met.")
        release.record_condition_met(
            session.workspace, now.release, condition, reasons=reason, keys=keys, key_id=key.key_id, password=password,
            today=session.today,
        )  # fmt: skip
        session.log.append(
            "condition.met", actor=key.key_id, role="board", release=now.release, dataset=condition_id,
            reason=hash_file(session.workspace.releases / now.release / met_file(condition)),
        )  # fmt: skip
    return f"{holder} ({key.role}): met, in time before {condition.due}: {condition.text}"
