"""``desist restrict`` and challenges: somebody's information is kept, and no estimate is made from it."""

from __future__ import annotations

import datetime as dt

from desist.intake.rights import CONTESTED, RESTRICTED, Hold, Rights
from desist.pipelines.lists import newest_list, take_off
from desist.pipelines.rights.erase import check_reason
from desist.pipelines.rights.holdings import affected_runs
from desist.pipelines.rights.receipts import Place, Receipt, copies_of, keep, new_id
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
        receipt = new_id(session)
        noted = Hold(hold.kind, hold.since, hold.due, hold.reason, receipt)
        Rights(session.workspace.rights).hold(subject.numbers, noted)
        taken, newest = off_the_list(session, subject.person_id, receipt, hold.kind)
        made = Receipt(
            id=receipt, kind=kind, reason=hold.reason, actor=session.actor, on=session.today,
            places=(Place("estimates on the newest list", taken, 0),),
            runs=affected_runs(session, subject.person_id),
            copies=copies_of(session, [newest] if newest and taken else []),
            stays=STAYS,
            notes=(f"to be decided by {hold.due}",) if hold.due else (),
        )  # fmt: skip
        keep(session, made, subject=_reference(session, subject), counts={"estimates": taken})
    return made


def off_the_list(session: Session, person: str, receipt: str, kind: str) -> tuple[int, str]:
    """Take somebody's estimate off the newest list; how many entries went, and from which list."""
    try:
        newest = newest_list(session)
    except Withheld:
        return 0, ""  # nothing of a list that cannot be told is shown
    if not newest or not person:
        return 0, ""
    return min(1, take_off(session, newest, person, receipt=receipt, on_hold=kind)), newest


def _end(session: Session, subject: Subject, kind: str, reason: str, what: str) -> Receipt:
    with session.workspace.lock():
        if not Rights(session.workspace.rights).lift(subject.numbers, kind):
            word = "restricted" if kind == RESTRICTED else "under challenge"
            raise Refused(f"This person's information is not {word}; nothing was changed.")
        made = Receipt(
            id=new_id(session), kind=what, reason=reason, actor=session.actor, on=session.today,
            notes=("an estimate is made again with the next list: desist score",),
        )  # fmt: skip
        keep(session, made, subject=_reference(session, subject))
    return made


def _reference(session: Session, subject: Subject) -> str:
    return session.log.subject_ref(subject.person_id) if subject.person_id else ""
