"""Whom a request is about: found by person id, by an identifier, or by an agency's own number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from desist.intake.holding.vault import Vault
from desist.intake.rights.person import (
    akin,
    identity_of,
    numbers_before,
    numbers_behind,
    numbers_of,
    older_ids,
    people_with,
    person_of,
)
from desist.intake.rights.suppression import ErasedPeople, name_and_birth
from desist.intake.terms.contracts import IDENTIFIERS
from desist.pipelines.lists import list_ids, people_named
from desist.pipelines.rights.register import check_register, rights_of
from desist.pipelines.run_tables import runs_with
from desist.pipelines.session import Session
from desist.records.codes import SOURCES
from desist.records.errors import Refused
from desist.records.identifiers import CHECKS

NOBODY = "Nobody of that person id, identifier or number is held here. Check it against the agency's own record."


@dataclass(frozen=True)
class Subject:
    """One person: ``person_id`` (empty where their records are linked to nobody) and all numbers of theirs.

    ``older``: ids under which older lists and runs may name them. ``identifiers``: valid national identifiers that
    nobody else's record carries. ``shared``: how many records of other people carry an identifier of theirs, or
    their name and birth date.
    """

    person_id: str
    numbers: Mapping[str, Sequence[str]]
    identifiers: tuple[str, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)
    shared: int = 0
    older: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The person's id and those that older lists and runs may name them by; linkage may have given another."""
        return (self.person_id, *self.older)

    def as_json(self) -> dict[str, Any]:
        return {
            "person_id": self.person_id,
            "numbers": {source: list(own) for source, own in self.numbers.items()},
            "identifiers": list(self.identifiers),
            "tokens": dict(self.tokens),
            "names": list(self.names),
            "shared": self.shared,
            "older": list(self.older),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Subject:
        return cls(
            told["person_id"], told["numbers"], tuple(told["identifiers"]), told["tokens"], tuple(told["names"]),
            told["shared"], tuple(told["older"]),
        )  # fmt: skip

    @property
    def all_numbers(self) -> list[str]:
        return [number for own in self.numbers.values() for number in own]


def find_person(session: Session, person: str, crn: str, reference: str) -> Subject:
    """The person, found in exactly one of three ways. Raises Refused where nobody, or more than one, is found."""
    if sum(bool(given) for given in (person, crn, reference)) != 1:
        raise Refused("Name the person in one way: their person id, --crn NUMBER, or --reference SOURCE:NUMBER.")
    check_register(session)
    vault = Vault(session.workspace.vault)
    if reference:
        source, _, number = reference.partition(":")
        if source not in SOURCES or not number:
            raise Refused(f"A reference is SOURCE:NUMBER, the source one of {', '.join(SOURCES)}.")
        found = person_of(vault, source, number)
        return about(session, found, {} if found else {source: [number]})
    people = people_with(vault, "crn", crn) if crn else {person}
    if len(people) > 1:
        raise Refused(
            f"{len(people)} people carry that identifier. Settle with `desist link-queue` who is who, or name one of "
            "them by --reference SOURCE:NUMBER."
        )
    return about(session, people.pop() if people else "", {})


def about(session: Session, person_id: str, numbers: Mapping[str, Sequence[str]]) -> Subject:
    """Everything that says who a person is, under the numbers they are linked by and under older ones of theirs."""
    vault = Vault(session.workspace.vault)
    own: dict[str, list[str]] = {source: list(some) for source, some in numbers.items()}
    own = own or (numbers_of(vault, person_id) if person_id else {})
    asked = person_id
    if not own and person_id:  # on an older list, and no agency sends them any more
        before = numbers_before(vault, [person_id])
        own = before or numbers_behind(vault, session.key(), person_id)
        person_id = person_id if before else ""
    if not own and asked and _is_named(session, asked):
        return Subject(asked, {})
    if not own:
        raise Refused(NOBODY)
    known = [person_id, *older_ids(vault, session.key(), own, person_id)] if person_id else []
    for source, more in numbers_before(vault, known).items():
        own[source] = sorted({*own.get(source, ()), *more})
    strangers: list[dict[str, Any]] = []
    while True:
        rows = identity_of(vault, own)
        others = akin(vault, rows)
        strangers = [row for row, linked in others if linked and linked != person_id]
        fresh = [row for row, linked in others if not linked]
        if not fresh:
            break
        for row in fresh:
            own.setdefault(row["source"], []).append(row["agency_person"])
    if not person_id and not rows and not _held_without_identity(session, own):
        raise Refused(NOBODY)
    return _subject(session, person_id, own, rows, strangers)


def _is_named(session: Session, person_id: str) -> bool:
    """Whether a list or a run names somebody of whom no extract is held any more."""
    return bool(runs_with(session, person_id)) or any(
        person_id in people_named(session, one) for one in list_ids(session)
    )


def _held_without_identity(session: Session, numbers: Mapping[str, Sequence[str]]) -> bool:
    """Whether the store or its quarantine holds rows under numbers that no identity table names."""
    from desist.intake.holding.store import Store
    from desist.intake.rights.person import rows_held

    return rows_held(Store(session.workspace.store, session.workspace.quarantine), numbers) > 0


def _subject(
    session: Session,
    person_id: str,
    numbers: Mapping[str, Sequence[str]],
    rows: Sequence[Mapping[str, Any]],
    strangers: Sequence[Mapping[str, Any]],
) -> Subject:
    marks = ErasedPeople(rights_of(session), session.key())
    taken = {token for row in strangers for token in marks.tokens_of(row)}
    pairs = [(source, number) for source, own in numbers.items() for number in own]
    tokens = {marks.number_token(source, number): f"number:{source}" for source, number in pairs}
    for row in rows:
        tokens |= {token: kind for token, kind in marks.tokens_of(row).items() if token not in taken}
    elsewhere = {str(row[kind]) for row in strangers for kind in IDENTIFIERS if row.get(kind)}
    valid = {str(row[kind]) for row in rows for kind in IDENTIFIERS if row.get(kind) and CHECKS[kind](str(row[kind]))}
    told = {" ".join(str(row[name]) for name in ("forename", "surname") if row.get(name)) for row in rows}
    return Subject(
        person_id,
        {source: sorted(set(own)) for source, own in sorted(numbers.items())},
        tuple(sorted(valid - elsewhere)),
        tokens,
        tuple(sorted(name for name in told if name and any(map(name_and_birth, rows)))),
        len(strangers),
        tuple(older_ids(Vault(session.workspace.vault), session.key(), numbers, person_id)),
    )
