"""``desist restrict`` and challenges: somebody's information is kept, and no estimate is made from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from desist.intake.rights.register import CONTESTED, RESTRICTED, Hold
from desist.pipelines.lists import is_estimated, newest_list, take_off
from desist.pipelines.rights.holdings import affected_runs
from desist.pipelines.rights.receipts import Place, Receipt, check_reason, copies_of, keep, new_id
from desist.pipelines.rights.register import check_register, rights_of
from desist.pipelines.rights.subject import Subject
from desist.pipelines.session import Session
from desist.records.errors import Refused, Withheld

#: A challenge is decided within a month: UK GDPR Art. 12(3), DPA 2018 s.54.
MOST_DAYS = 31
STAYS = (
    "everything that is held, unchanged: it is kept and not used",
    "the person's place on the list, their needs and the help that is offered",
    "models that were trained before: the next training does without the person",
)


def restrict_person(session: Session, subject: Subject, reason: str) -> Receipt:
    """No estimate, no training and no audit with this person from now on; the list loses their estimate today."""
    hold = Hold(RESTRICTED, session.today, None, check_reason(reason), "")
    return _put_on_hold(session, subject, hold, "restriction")


def contest_person(session: Session, subject: Subject, reason: str, decide_by: dt.date | None) -> Receipt:
    """The same while something is challenged, until ``decide_by``: by a month from today at the latest."""
    latest = session.today + dt.timedelta(days=MOST_DAYS)
    due = decide_by or latest
    if not session.today <= due <= latest:
        raise Refused(f"A challenge is decided by {latest} at the latest; {due} was asked for.")
    return _put_on_hold(session, subject, Hold(CONTESTED, session.today, due, check_reason(reason), ""), "challenge")


def lift_restriction(session: Session, subject: Subject, reason: str) -> Receipt:
    """End a restriction; the next list may have an estimate again."""
    return _end(session, subject, RESTRICTED, check_reason(reason), "end_of_restriction")


def settle(session: Session, subject: Subject, reason: str) -> Receipt:
    """End a challenge that was decided without a change."""
    return _end(session, subject, CONTESTED, check_reason(reason), "end_of_challenge")


def _put_on_hold(session: Session, subject: Subject, hold: Hold, kind: str) -> Receipt:
    with session.workspace.lock():
        check_register(session)
        receipt, newest = new_id(session), shown_on(session, subject.person_id)
        told = {
            "kind": kind, "subject": subject.as_json(), "reason": hold.reason, "on": session.today.isoformat(),
            "due": hold.due.isoformat() if hold.due else "", "list": newest,
            "runs": affected_runs(session, subject.person_id),
            "copies": list(copies_of(session, [newest] if newest else [])), "reference": reference_of(session, subject),
        }  # fmt: skip
        rights_of(session).begin(receipt, told)
        return carry_out(session, receipt, told)


def carry_out(session: Session, receipt: str, told: Mapping[str, Any]) -> Receipt:
    """Put somebody on hold as a journal tells; the same once more, after a kill, ends as one that was not disturbed."""
    rights, subject = rights_of(session), Subject.from_json(told["subject"])
    held_as = RESTRICTED if told["kind"] == "restriction" else CONTESTED
    on, due = dt.date.fromisoformat(told["on"]), dt.date.fromisoformat(told["due"]) if told["due"] else None
    rights.hold(subject.numbers, Hold(held_as, on, due, told["reason"], receipt))
    if told["list"]:
        take_off(session, told["list"], subject.person_id, receipt=receipt, on_hold=held_as)
    taken = int(bool(told["list"]))
    made = Receipt(
        id=receipt, kind=told["kind"], reason=told["reason"], actor=session.actor, on=on,
        places=(Place("estimates on the newest list", taken, 0),),
        runs=told["runs"], copies=tuple(told["copies"]), stays=STAYS,
        notes=(f"to be decided by {due}",) if due else (),
    )  # fmt: skip
    keep(session, made, subject=told["reference"], counts={"estimates": taken})
    rights.finish(receipt)
    return made


def shown_on(session: Session, person: str) -> str:
    """The newest list where it holds an estimate of somebody, else nothing."""
    try:
        newest = newest_list(session)
    except Withheld:
        return ""  # nothing of a list that cannot be told is shown
    return newest if newest and person and is_estimated(session, newest, person) else ""


def _end(session: Session, subject: Subject, kind: str, reason: str, what: str) -> Receipt:
    with session.workspace.lock():
        check_register(session)
        if not rights_of(session).is_held(subject.numbers, kind):
            word = "restricted" if kind == RESTRICTED else "under challenge"
            raise Refused(f"This person's information is not {word}; nothing was changed.")
        made = Receipt(
            id=new_id(session), kind=what, reason=reason, actor=session.actor, on=session.today,
            notes=("an estimate is made again with the next list: desist score",),
        )  # fmt: skip
        keep(session, made, subject=reference_of(session, subject))
        rights_of(session).lift(subject.numbers, kind)  # last: killed before it, the hold stays and is ended again
    return made


def reference_of(session: Session, subject: Subject) -> str:
    """How the log names the person; empty where their records are linked to nobody."""
    return session.log.subject_ref(subject.person_id) if subject.person_id else ""
