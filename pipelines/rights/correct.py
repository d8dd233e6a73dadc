"""``desist correct``: a wrong fact put right in every extract held, and again in each later one that repeats it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.rights.person import correct_equality, correct_identity, equality_says, identity_of
from desist.intake.rights.rectified import WHOLE_ROW, Rectified, key_of, text_of
from desist.intake.rights.register import CONTESTED, Correction
from desist.intake.rights.suppression import ErasedPeople
from desist.intake.rows.checks import check_rows
from desist.intake.terms.ages import birthday
from desist.intake.terms.contracts import ADULT_AGE, CONTRACTS, Contract
from desist.pipelines.lists import take_off
from desist.pipelines.rights.facts import Fact, facts_in, tables_of
from desist.pipelines.rights.holdings import affected_runs, check_links
from desist.pipelines.rights.receipts import Place, Receipt, check_reason, keep, new_id
from desist.pipelines.rights.register import check_register, rights_of
from desist.pipelines.rights.restrict import reference_of, shown_on
from desist.pipelines.rights.subject import Subject
from desist.pipelines.session import Session
from desist.records import codes
from desist.records.errors import Refused
from desist.records.identifiers import CHECKS

#: What a row is stamped with or found by: wrong ones are the agency's to mend, and its quarantine's.
NEVER = ("agency_person", "source", "extract_date", "agreement_id", "subject_category", "record_kind")
#: Vault and equality store keep no stamps: a row there is judged as the agency's own fact about somebody it may name.
_STAMPS = {"subject_category": codes.SUBJECT_CATEGORIES[0], "record_kind": codes.RECORD_KINDS[0]}
LONGEST = 200
STAYS = (
    "what the agency itself holds: it is to be told, and its next extract is put right here until it is",
    "lists and runs made before: they say what was known then; the newest list lost the person's estimate",
    "the wrong value nowhere: of it a keyed mark is kept, by which a later extract that repeats it is known",
)


@dataclass(frozen=True)
class Asked:
    """What is to be put right: a column of a numbered fact, or the whole fact (``remove``)."""

    table: str
    row: int
    field: str
    was: str | None
    value: str | None
    remove: bool


def correct_fact(session: Session, subject: Subject, asked: Asked, reason: str) -> Receipt:
    """Put one fact right. Raises Refused where it is not there as told, or the right value breaks its contract."""
    check_reason(reason)
    if asked.remove == bool(asked.field):
        raise Refused("Name the column with --field, --was and --value; or the whole fact with --remove.")
    with session.workspace.lock():
        check_register(session)
        check_links(session)
        contract = CONTRACTS.get(asked.table)
        if contract is None or not contract.of_people:
            known = ", ".join(tables_of(session, subject)) or "none"
            raise Refused(f"The person has no facts in a table {asked.table!r}; they have some in: {known}.")
        receipt, rights = new_id(session), rights_of(session)
        work = _Work(session, subject, asked, contract, Rectified(rights, ErasedPeople(rights, session.key())))
        correction = work.in_store(reason, receipt) if contract.held_in == "store" else work.elsewhere(reason, receipt)
        told = {
            "kind": "correction", "subject": subject.as_json(), "was": asked.was,
            "correction": asdict(correction) | {"made_on": session.today.isoformat()},
            "contested": rights.is_held(subject.numbers, CONTESTED), "list": shown_on(session, subject.person_id),
            "runs": affected_runs(session, subject.person_id), "reference": reference_of(session, subject),
        }  # fmt: skip
        rights.begin(receipt, told)
        return carry_out(session, receipt, told)


def carry_out(session: Session, receipt: str, told: Mapping[str, Any]) -> Receipt:
    """Put a fact right as a journal tells; the same once more, after a kill, ends as one that was not disturbed."""
    rights, subject = rights_of(session), Subject.from_json(told["subject"])
    marks = ErasedPeople(rights, session.key())
    noted = dict(told["correction"])
    correction = Correction(**noted | {"made_on": dt.date.fromisoformat(noted["made_on"])})
    contract = CONTRACTS[correction.table]
    rights.correct(correction, key_mark=marks.key_mark)  # first: killed after it, a later reading puts it right
    place = _put_right(session, subject, correction, told["was"], marks)
    if told["list"]:
        take_off(session, told["list"], subject.person_id, receipt=receipt, on_hold=CONTESTED)
    made = Receipt(
        id=receipt, kind="correction", reason=correction.reason, actor=session.actor, on=correction.made_on,
        places=(place,), runs=told["runs"], stays=STAYS, notes=_notes(contract, bool(told["contested"])),
    )  # fmt: skip
    counts = {"cells": place.held} | ({"equality": 1} if contract.held_in == "equality" else {})
    keep(session, made, subject=told["reference"], counts=counts)
    rights.lift(subject.numbers, CONTESTED)
    rights.finish(receipt)
    return made


def _put_right(
    session: Session, subject: Subject, correction: Correction, was: str | None, marks: ErasedPeople
) -> Place:
    """Put the fact right where it is held. One cell is counted: how many extracts repeat it tells of what they say."""
    workspace, value = session.workspace, correction.value
    where = (correction.source, correction.agency_person, correction.field)
    place = CONTRACTS[correction.table].held_in
    if place == "vault":
        correct_identity(Vault(workspace.vault), *where, value)
        return Place("vault", 1, 0)
    if place == "equality":
        correct_equality(EqualityWriter(workspace.equality), *where, was, value)
        return Place("equality store", 1, 0)
    store, rectified = Store(workspace.store, workspace.quarantine), Rectified(rights_of(session), marks)
    rectified.put_right(store, correction)
    left = [
        one for one in facts_in(store, subject, correction.table)
        if rectified.row_mark(correction.table, one.cells, correction.field) == correction.row_key
        and (correction.field == WHOLE_ROW
             or marks.still_wrong(correction, text_of(one.cells.get(correction.field))))
    ]  # fmt: skip
    return Place(f"store, {correction.table}", 1, len(left))


def _notes(contract: Contract, was_contested: bool) -> tuple[str, ...]:
    told = ["an estimate is made again with the next list: desist score"]
    if contract.held_in == "vault":
        told.insert(0, "identity was put right: link again (desist link)")
    if was_contested:
        told.append("the challenge is decided by this")
    return tuple(told)


@dataclass(frozen=True)
class _Work:
    """One request for a correction, looked at before anything is changed."""

    session: Session
    subject: Subject
    asked: Asked
    contract: Contract
    rectified: Rectified

    def in_store(self, reason: str, receipt: str) -> Correction:
        asked, workspace = self.asked, self.session.workspace
        fact = _fact(facts_in(Store(workspace.store, workspace.quarantine), self.subject, asked.table), asked)
        value = None if asked.remove else _checked(fact, self.contract, asked)
        field = WHOLE_ROW if asked.remove else asked.field
        was = None if asked.remove else text_of(fact.cells.get(asked.field))
        return self._correction(fact.source, fact.number, fact.cells, field, was, value, reason, receipt)

    def elsewhere(self, reason: str, receipt: str) -> Correction:
        """Of identity or a characteristic. ``--row`` says which agency's: the number of its record."""
        asked, contract = self.asked, self.contract
        if asked.remove:
            raise Refused(f"A whole row of {contract.table} is not taken away: correct its cells, or erase the person.")
        if asked.field not in contract.names or asked.field in (*NEVER, "recorded_on"):
            raise Refused(f"The column {asked.field!r} of {contract.table} cannot be put right.")
        pairs = [(s, n) for s, own in self.subject.numbers.items() for n in own if s in contract.sources]
        if not 1 <= asked.row <= len(pairs):
            raise Refused(f"The person has {len(pairs)} records there; there is no number {asked.row}.")
        source, number = pairs[asked.row - 1]
        was, value = asked.was or None, asked.value or None
        (self._look_at_identity if contract.held_in == "vault" else self._look_at_equality)(source, number, was, value)
        row = dict.fromkeys(key_of(contract, asked.field), number)
        return self._correction(source, number, row, asked.field, was, value, reason, receipt)

    def _look_at_identity(self, source: str, number: str, was: str | None, value: str | None) -> None:
        """Raise Refused where the record says something else, or would not be accepted with the right value."""
        asked, today = self.asked, self.session.today
        rows = [
            one for one in identity_of(Vault(self.session.workspace.vault), {source: [number]})
            if (one[asked.field] or None) == was
        ]  # fmt: skip
        if not rows:
            raise Refused("The record does not say what --was tells. Look at it again: desist person --explain.")
        _check_identifier(asked.field, value)
        cut = Store(self.session.workspace.store).snapshot_date(source)
        _judge({**_STAMPS, **rows[0], asked.field: value}, self.contract, cut=cut)
        if asked.field == "dob" and value and not _is_adult(value, today):
            raise Refused(
                "With that birth date the person is a child, and nothing about children may be held here. If it is "
                "right, forget the person (desist erase) and tell the agency."
            )

    def _look_at_equality(self, source: str, number: str, was: str | None, value: str | None) -> None:
        """Raise Refused where the value is none, or the record says something else than ``was``: which is logged."""
        session = self.session
        alone = {"agency_person": number, "recorded_on": session.today, self.asked.field: value}
        _judge({**_STAMPS, **alone}, self.contract, cut=session.today)
        if not equality_says(EqualityWriter(session.workspace.equality), source, number, self.asked.field, was):
            session.log.append(
                "access.denied", actor=session.actor, role="data_steward", reason="equality_was",
                subject=reference_of(session, self.subject),
            )  # fmt: skip
            raise Refused("The record does not say what --was tells. Ask the person and their agency; this was logged.")

    def _correction(
        self, source: str, number: str, row: Mapping[str, Any], field: str, was: str | None, value: str | None,
        reason: str, receipt: str,
    ) -> Correction:  # fmt: skip
        table = self.contract.table
        return Correction(
            source=source, agency_person=number, table=table, row_key=self.rectified.row_mark(table, row, field),
            field=field, was=self.rectified.value_mark(field, was), value=value, made_on=self.session.today,
            reason=reason, receipt=receipt,
        )  # fmt: skip


def _fact(facts: list[Fact], asked: Asked) -> Fact:
    if not 1 <= asked.row <= len(facts):
        raise Refused(f"The person has {len(facts)} facts in {asked.table}; there is no number {asked.row}.")
    return facts[asked.row - 1]


def _checked(fact: Fact, contract: Contract, asked: Asked) -> str | None:
    """The right value as its column takes it, judged with the rest of its row as intake would."""
    if asked.field not in contract.names or asked.field in NEVER or asked.field in contract.key:
        may = [name for name in contract.names if name not in (*NEVER, *contract.key)]
        raise Refused(f"The column {asked.field!r} of {asked.table} cannot be put right; these can: {', '.join(may)}.")
    now = text_of(fact.cells.get(asked.field))
    if (asked.was or None) != now:
        raise Refused("The fact does not say what --was tells. Look at the record again: desist person --explain.")
    value = asked.value or None
    if value == now:
        raise Refused("That is what the fact says already; nothing was changed.")
    _judge({**fact.cells, asked.field: value}, contract, cut=fact.extract_date)
    return value


def _judge(cells: Mapping[str, Any], contract: Contract, *, cut: dt.date) -> None:
    """Raise Refused where the row would not be accepted with the right value."""
    if any(len(text_of(value) or "") > LONGEST for value in cells.values()):
        raise Refused(f"A value has at most {LONGEST} characters.")
    table = pa.table({name: pa.array([text_of(cells.get(name))], type=pa.string()) for name in contract.names})
    category = text_of(cells.get("subject_category")) or ""
    checked = check_rows(table, contract, extract_date=cut, categories=[category])
    if faults := [reason for reason in checked.verdicts.reasons() if reason]:
        raise Refused(f"With that value the row would not be accepted: it {'; '.join(faults)}.")


def _check_identifier(field: str, value: str | None) -> None:
    """Raise Refused where a national identifier has not its form or its check letter."""
    if field in CHECKS and value and not CHECKS[field](value):
        raise Refused(f"{field} has not the form of one, or its check letter is wrong.")


def _is_adult(dob: str, today: dt.date) -> bool:
    """Whether somebody born on ``dob`` has had their eighteenth birthday on ``today``."""
    born = np.array([dob], dtype="datetime64[D]")
    return bool(birthday(born, ADULT_AGE)[0] <= np.datetime64(today, "D"))
