"""``desist correct``: a wrong fact put right in every extract held, and again in each later one that repeats it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from desist.intake.checks import check_rows
from desist.intake.contracts import CONTRACTS, Contract
from desist.intake.equality_writer import EqualityWriter
from desist.intake.person import correct_equality, correct_identity, identity_of
from desist.intake.rectified import WHOLE_ROW, Rectified, key_of, text_of
from desist.intake.rights import CONTESTED, Correction, Rights
from desist.intake.store import Store
from desist.intake.suppression import ErasedPeople
from desist.intake.vault import Vault
from desist.pipelines.rights.erase import check_reason
from desist.pipelines.rights.facts import Fact, facts_in, tables_of
from desist.pipelines.rights.holdings import affected_runs, check_links
from desist.pipelines.rights.receipts import Place, Receipt, keep, new_id
from desist.pipelines.rights.restrict import off_the_list
from desist.pipelines.rights.subject import Subject
from desist.pipelines.session import Session
from desist.records.errors import Refused

#: What a row is stamped with or found by: wrong ones are the agency's to mend, and its quarantine's.
NEVER = ("agency_person", "source", "extract_date", "agreement_id", "subject_category", "record_kind")
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
        check_links(session)
        contract = CONTRACTS.get(asked.table)
        if contract is None or not contract.of_people:
            known = ", ".join(tables_of(session, subject)) or "none"
            raise Refused(f"The person has no facts in a table {asked.table!r}; they have some in: {known}.")
        receipt = new_id(session)
        if contract.held_in == "store":
            places = _in_store(session, subject, asked, contract, reason, receipt)
        else:
            places = _in_vault_or_equality(session, subject, asked, contract, reason, receipt)
        lifted = Rights(session.workspace.rights).lift(subject.numbers, CONTESTED)
        off_the_list(session, subject.person_id, receipt, CONTESTED)
        made = Receipt(
            id=receipt, kind="correction", reason=reason, actor=session.actor, on=session.today, places=places,
            runs=affected_runs(session, subject.person_id), stays=STAYS, notes=_notes(contract, bool(lifted)),
        )  # fmt: skip
        reference = session.log.subject_ref(subject.person_id) if subject.person_id else ""
        keep(session, made, subject=reference, counts={"cells": sum(place.held for place in places)})
    return made


def _notes(contract: Contract, was_contested: bool) -> tuple[str, ...]:
    told = ["an estimate is made again with the next list: desist score"]
    if contract.held_in == "vault":
        told.insert(0, "identity was put right: link again (desist link)")
    if was_contested:
        told.append("the challenge is decided by this")
    return tuple(told)


def _in_store(
    session: Session, subject: Subject, asked: Asked, contract: Contract, reason: str, receipt: str
) -> tuple[Place, ...]:
    store = Store(session.workspace.store, session.workspace.quarantine)
    rights = Rights(session.workspace.rights)
    marks = ErasedPeople(rights, session.key())
    rectified = Rectified(rights, marks)
    fact = _fact(facts_in(store, subject, asked.table), asked)
    value = None if asked.remove else _checked(fact, contract, asked)
    field = WHOLE_ROW if asked.remove else asked.field
    correction = Correction(
        source=fact.source, agency_person=fact.number, table=asked.table,
        row_key=rectified.row_mark(asked.table, fact.cells, field), field=field,
        was=rectified.value_mark(field, None if asked.remove else text_of(fact.cells.get(asked.field))),
        value=value, made_on=session.today, reason=reason, receipt=receipt,
    )  # fmt: skip
    rights.correct(correction, key_mark=marks.key_mark)  # first: killed after it, a later reading puts it right
    rectified.put_right(store, correction)
    left = [
        one for one in facts_in(store, subject, asked.table)
        if rectified.row_mark(asked.table, one.cells, field) == correction.row_key
        and (asked.remove or marks.still_wrong(correction, text_of(one.cells.get(asked.field))))
    ]  # fmt: skip
    return (Place(f"store, {asked.table}", 1, len(left)),)


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
    table = pa.table({name: pa.array([text_of(cells.get(name))], type=pa.string()) for name in contract.names})
    category = text_of(cells.get("subject_category")) or ""
    checked = check_rows(table, contract, extract_date=cut, categories=[category])
    if faults := [reason for reason in checked.verdicts.reasons() if reason]:
        raise Refused(f"With that value the row would not be accepted: it {'; '.join(faults)}.")


def _in_vault_or_equality(
    session: Session, subject: Subject, asked: Asked, contract: Contract, reason: str, receipt: str
) -> tuple[Place, ...]:
    """Put identity or a characteristic right. ``--row`` says which agency's: the number of its record."""
    if asked.remove:
        raise Refused(f"A whole row of {contract.table} is not taken away: correct its cells, or erase the person.")
    if asked.field not in contract.names or asked.field in (*NEVER, "recorded_on"):
        raise Refused(f"The column {asked.field!r} of {contract.table} cannot be put right.")
    pairs = [(s, n) for s, own in subject.numbers.items() for n in own if s in contract.sources]
    if not 1 <= asked.row <= len(pairs):
        raise Refused(f"The person has {len(pairs)} records there; there is no number {asked.row}.")
    source, number = pairs[asked.row - 1]
    rights = Rights(session.workspace.rights)
    marks = ErasedPeople(rights, session.key())
    rectified = Rectified(rights, marks)
    column = contract.column(asked.field)
    value = asked.value or None
    if column.codes and value is not None and value not in column.codes:
        raise Refused(f"{asked.field} is one of {', '.join(column.codes)}.")
    if column.kind == "date" and value is not None:
        try:
            dt.date.fromisoformat(value)
        except ValueError as error:
            raise Refused(f"{asked.field} is a date YYYY-MM-DD.") from error
    vault = Vault(session.workspace.vault)
    if contract.held_in == "vault" and not any(
        (one[asked.field] or None) == (asked.was or None) for one in identity_of(vault, {source: [number]})
    ):
        raise Refused("The record does not say what --was tells. Look at it again: desist person --explain.")
    row = dict.fromkeys(key_of(contract, asked.field), number)
    rights.correct(
        Correction(
            source=source, agency_person=number, table=contract.table,
            row_key=rectified.row_mark(contract.table, row, asked.field), field=asked.field,
            was=rectified.value_mark(asked.field, asked.was or None), value=value, made_on=session.today,
            reason=reason, receipt=receipt,
        ),
        key_mark=marks.key_mark,
    )  # fmt: skip
    if contract.held_in == "vault":
        done = correct_identity(vault, source, number, asked.field, value)
        return (Place("vault", done, 0),)
    done = correct_equality(EqualityWriter(session.workspace.equality), source, number, asked.field, value)
    return (Place("equality store", done, 0),)
