"""``desist erase``: one person forgotten in every place, kept out of later extracts, and a receipt for it.

Order: a journal and the tokens that keep the person out come first, so that whatever is killed after them can be
finished and nothing brings the person back meanwhile; then each place, what shows the person before what knows their
numbers; then databases are written anew, the workspace is searched, and the receipt and the log say what was done.
While a journal is open the gate withholds.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any

from desist.intake.rights.register import compact
from desist.intake.rights.suppression import ErasedPeople
from desist.pipelines.lists import list_ids, people_named
from desist.pipelines.pages import PAGES, write_pages
from desist.pipelines.rights.due import named_files
from desist.pipelines.rights.holdings import (
    Lists,
    Runs,
    affected_runs,
    check_links,
    holdings,
    names_of_nobody_else,
    needles_of,
    strangers,
)
from desist.pipelines.rights.receipts import Place, Receipt, check_reason, copies_of, keep, new_id
from desist.pipelines.rights.register import check_register, rights_of
from desist.pipelines.rights.scan import scan
from desist.pipelines.rights.subject import Subject
from desist.pipelines.session import Session
from desist.records.errors import UserError
from desist.records.holding import Holding
from desist.records.log import EventLog

STAYS = (
    "decisions of the panel, for six years from the day they were made: somebody may have to answer for them; they "
    "stand in the log under a mark whose key is destroyed, so that they can no longer be joined to this person",
    "the event log, for six years: it holds no name and no number, and the key of this person's marks is destroyed",
    "models that were trained: they hold figures about many people and no record of anybody; the runs are named here",
    "keyed tokens of the person's numbers, identifiers, and name with birth date: they name nobody, and are kept so "
    "that a later extract does not bring the person back",
    "what the agencies themselves hold: ask each of them",
    "backups of the workspace, until they are overwritten: erase again after one was restored",
)
#: Places that know a person by their id alone, so are asked for older ids too.
BY_ID = (Lists, Runs, EventLog)
QUARANTINE = (
    "rows in quarantine were emptied where a cell holds a number, an identifier or the name of the person; one that "
    "tells of them in other words is not known"
)
LIMIT = (
    "a later extract is refused by number, identifier, or name with birth date; somebody sent under a new number, "
    "without identifiers and with the name or birth date written otherwise, would not be known again"
)


def erase(session: Session, subject: Subject, reason: str) -> Receipt:
    """Forget a person everywhere; returns the receipt. Finishes what an earlier call began and did not finish."""
    with session.workspace.lock():
        check_register(session)
        if subject.numbers:
            check_links(session)
        receipt = _begin(session, subject, check_reason(reason))
    return finish(session)[receipt]


def _begin(session: Session, subject: Subject, reason: str) -> str:
    """Note what is to be done, and keep the person out from here on."""
    receipt = new_id(session)
    person = subject.person_id
    ids = [one for one in subject.ids if one]
    lists = [one for one in list_ids(session) if set(ids) & set(people_named(session, one))]
    runs = {run: part for one in ids for run, part in affected_runs(session, one).items()}
    rights_of(session).begin(receipt, {
        "kind": "erasure",
        "subject": subject.as_json(),
        "reason": reason,
        "on": session.today.isoformat(),
        "runs": runs,
        "copies": list(copies_of(session, lists)),
        "reference": session.log.subject_ref(person) if person else "",
        "pages": any((session.workspace.reports / name).exists() for name in PAGES),
        "token": secrets.token_hex(8),
        "places": {},
    })  # fmt: skip
    return receipt


def finish(session: Session) -> dict[str, Receipt]:
    """Carry everything that was begun to its end; the receipts by id. Nothing where nothing was begun."""
    from desist.pipelines.rights.correct import carry_out as correct
    from desist.pipelines.rights.restrict import carry_out as hold

    done, pages = {}, False
    with session.workspace.lock():
        begun = rights_of(session).begun()
        if begun:
            check_register(session)
        for receipt, told in begun.items():
            carry_out = {"erasure": _carry_out, "correction": correct}.get(told["kind"], hold)
            done[receipt] = carry_out(session, receipt, told)
            pages = pages or bool(told.get("pages"))
    if pages:
        _pages_anew(session)
    return done


def _pages_anew(session: Session) -> None:
    try:
        write_pages(session)
    except UserError as error:
        session.say(f"The pages could not be written anew ({error.message.splitlines()[0]}). Later: desist list.")


def _carry_out(session: Session, receipt: str, told: dict[str, Any]) -> Receipt:
    rights, subject = rights_of(session), Subject.from_json(told["subject"])
    on = dt.date.fromisoformat(told["on"])
    marks = ErasedPeople(rights, session.key())
    rights.write_tokens(
        subject.tokens, person=told["token"], key_mark=marks.key_mark, made_on=on, receipt=receipt
    )
    person = subject.person_id
    for place in holdings(session, subject, receipt):
        held = _held(place, subject)
        before = told["places"].setdefault(place.name, held)
        rights.advance(receipt, told)
        for one in (person, *(subject.older if isinstance(place, BY_ID) else ())):
            place.erase(one)
        told["places"][place.name] = max(before, held)
    compact(session.log.path)
    made = _receipt(session, receipt, told, subject)
    counts = {"places": len(made.places), "held": sum(place.held for place in made.places)}
    keep(session, made, subject=told["reference"], counts=counts)
    rights.finish(receipt)
    return made


def _held(place: Holding, subject: Subject) -> int:
    """How much a place holds of a person, under every id they had."""
    return sum(place.holds(one) for one in (subject.person_id, *(subject.older if isinstance(place, BY_ID) else ())))


def _receipt(session: Session, receipt: str, told: Mapping[str, Any], subject: Subject) -> Receipt:
    """What was done, after a search of the whole workspace."""
    left = {place.name: _held(place, subject) for place in holdings(session, subject, receipt)}
    needles = [*needles_of(subject.person_id, subject), *names_of_nobody_else(session, subject)]
    found = scan(session.workspace.root, needles)
    journal = session.workspace.rights.name  # the journal itself names the person until this is done
    where = tuple(name for name in found.found if not name.startswith(journal))
    root = session.workspace.root
    own = set(strangers(root, named_files(root)))
    notes = [LIMIT, QUARANTINE]
    if subject.shared:
        notes.append(
            f"{subject.shared} records of other people carry an identifier of this person, or their name and birth "
            "date; by what they share nobody is kept out. See desist link-queue"
        )
    notes += [f"the person was found again in {name}: remove it by hand" for name in where]
    notes += [f"{name} is packed, and was not looked into: look whether it names the person" for name in found.packed]
    notes += [f"{name} is not a file of desist's: look whether it is about the person" for name in sorted(own)]
    return Receipt(
        id=receipt, kind="erasure", reason=told["reason"], actor=session.actor,
        on=dt.date.fromisoformat(told["on"]),
        places=tuple(Place(name, held, left.get(name, 0)) for name, held in told["places"].items()),
        runs=told["runs"], copies=tuple(told["copies"]), stays=STAYS, notes=tuple(notes),
        scanned={"files": found.files, "found": len(where)},
    )  # fmt: skip
