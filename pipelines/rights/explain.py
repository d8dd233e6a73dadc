"""``desist person``: everything that is held about one person, in plain words, for the person to read.

What would tell of somebody else is left out and said to be: who works with the person, safety of others, and marks
that a victim's report leaves. The record is printed or written outside the workspace, so that no copy of it lies
where erasure must look; the log notes that it was made, never what is in it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from desist.fairness.approval.release_files import is_revoked
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.rights.person import identity_of
from desist.intake.rights.rectified import text_of
from desist.intake.rights.retention import DEFAULT_DAYS
from desist.intake.terms.agreements import load_agreements
from desist.intake.terms.contracts import CONTRACTS
from desist.pipelines.exports import inventory_of
from desist.pipelines.less_sure import less_sure
from desist.pipelines.lists import kept_list, list_ids, people_named
from desist.pipelines.pages import what_may_be_shown
from desist.pipelines.rights.facts import Fact, facts_in
from desist.pipelines.rights.holdings import affected_runs
from desist.pipelines.rights.register import rights_of
from desist.pipelines.rights.subject import Subject
from desist.pipelines.session import Session
from desist.records.errors import Refused, Withheld
from desist.records.files import write_text
from desist.reports.person_page import Listed, PersonRecord, TableTold, as_text, person_page

#: Columns that tell of somebody else: staff, and what a victim's report leaves on a person's record.
THIRD_PARTY = frozenset({"worker_id", "team", "decision_id", "da_flag", "linked_harm"})
#: Registrations about the safety of others.
SAFETY = frozenset({"STAFF_SAFETY"})
STAMPS = frozenset({"agency_person", "source", "extract_date", "agreement_id", "subject_category", "record_kind"})


def record_of(session: Session, subject: Subject, *, whole: bool, out: Path | None) -> str:
    """The record as text; with ``out`` also as a page there. ``whole``: every fact, not only how many there are."""
    root = session.workspace.root.resolve()
    if out is not None and (out.resolve() == root or root in out.resolve().parents):
        raise Refused("Write the record outside the workspace: no copy of it may lie where erasure has to look.")
    if out is not None and out.exists():
        raise Refused(f"{out} is there already. Name another file with --out.")
    told = _record(session, subject, whole)
    facts = sum(table.rows for table in told.tables)
    session.log.append(
        "person.explained", actor=session.actor, role="data_steward", outcome="page" if out else "text",
        subject=session.log.subject_ref(subject.person_id) if subject.person_id else "", counts={"facts": facts},
    )  # fmt: skip
    if out is None:
        return as_text(told)
    write_text(out, person_page(told))
    out.chmod(0o600)
    return f"{out}: the record, {facts:,} facts. It is about one person: hand it to them and keep no copy."


def _record(session: Session, subject: Subject, whole: bool) -> PersonRecord:
    workspace = session.workspace
    store = Store(workspace.store, workspace.quarantine)
    register = load_agreements(workspace.agreements)
    held = rights_of(session).on_hold(Vault(workspace.vault).key_map()).get(subject.person_id)
    return PersonRecord(
        partnership=session.settings.name, contact=session.settings.contact, made_up=session.settings.made_up,
        today=session.today, numbers={source: len(own) for source, own in subject.numbers.items()},
        identity=tuple(_identity(session, subject)) if whole else (),
        links=tuple(_links(session, store, subject)),
        tables=tuple(_tables(store, subject, register, whole)),
        older=_older(store, subject), lists=tuple(_lists(session, subject)),
        runs=affected_runs(session, subject.person_id), events=tuple(_events(session, subject)),
        handed_on=tuple(_handed_on(session, subject)), on_hold=held.kind if held else "",
        decide_by=held.due if held else None, whole=whole,
    )  # fmt: skip


def _identity(session: Session, subject: Subject) -> Iterator[tuple[str, str]]:
    """What each agency says of who the person is; of several extracts each value once."""
    names = ("pnc", "cro", "crn", "prison_number", "nhs_number", "forename", "other_names", "surname", "aliases", "dob",
             "postcode", "sex")  # fmt: skip
    seen = set()
    for row in identity_of(Vault(session.workspace.vault), subject.numbers):
        words = "; ".join(f"{name.replace('_', ' ')}: {row[name]}" for name in names if row.get(name))
        told = (str(row["source"]), f"number {row['agency_person']}; {words}")
        if told not in seen:
            seen.add(told)
            yield told


def _links(session: Session, store: Store, subject: Subject) -> Iterator[tuple[str, str]]:
    try:
        links, _ = store.links()
    except Refused:
        yield "all", "The current extracts have not been linked yet."
        return
    theirs = links[links["person_id"] == subject.person_id]
    doubt = {subject.person_id: float(theirs["doubt"].max())} if "doubt" in theirs and len(theirs) else {}
    unsure = subject.person_id in less_sure(Vault(session.workspace.vault), doubt)
    for row in theirs.to_dict("records"):
        sure = "less sure than usual: a data steward is asked, or a link is weak" if unsure else "sure"
        sure = sure if row["confirmed"] else "not sure: no estimate is made"
        yield str(row["source"]), f"joined by {str(row['method']).replace('+', ' and ')}, {sure} ({row['weight']:.3g})"


def _tables(store: Store, subject: Subject, register: dict, whole: bool) -> Iterator[TableTold]:  # type: ignore[type-arg]
    for table in store.tables():
        facts = facts_in(store, subject, table)
        if not facts:
            continue
        agreement = register.get(facts[0].agreement)
        days = agreement.retention_days if agreement else DEFAULT_DAYS
        shown = [fact for fact in facts if not SAFETY & {str(value) for value in fact.cells.values()}]
        withheld = sorted(THIRD_PARTY & set(CONTRACTS[table].names))
        yield TableTold(
            table=table, source=facts[0].source, agreement=facts[0].agreement,
            gateway=agreement.gateway if agreement else "", purposes=tuple(agreement.purposes) if agreement else (),
            extract_date=facts[0].extract_date, review_by=facts[0].extract_date + dt.timedelta(days=days),
            rows=len(facts), kinds=tuple(sorted({fact.kind for fact in facts})),
            facts=tuple((at, _words(fact)) for at, fact in enumerate(facts, 1) if fact in shown) if whole else (),
            withheld_columns=tuple(withheld), withheld_rows=len(facts) - len(shown),
        )  # fmt: skip


def _words(fact: Fact) -> str:
    """A fact in words: its columns and what they say, those of others left out."""
    told = [
        f"{name.replace('_', ' ')}: {text_of(value)}"
        for name, value in fact.cells.items()
        if name not in STAMPS and name not in THIRD_PARTY and text_of(value) is not None
    ]
    return "; ".join(told)


def _older(store: Store, subject: Subject) -> int:
    """How many extracts before the current ones still hold the agencies' rows."""
    sources = set(subject.numbers)
    return sum(
        len(history) - 1 for key, history in store.manifest()["extracts"].items() if key.split("/")[0] in sources
    )


def _lists(session: Session, subject: Subject) -> Iterator[Listed]:
    """Each list the person was on, and the step where it may be told: as the gate stands, never under a revoked one."""
    _, _, withheld = what_may_be_shown(session)
    rows = session.log.rows()
    revoked = {row["release"] for row in rows if row["operation"] == "release.revoked"}
    for list_id in list_ids(session):
        if subject.person_id not in people_named(session, list_id):
            continue
        try:
            kept = kept_list(session, list_id)
        except Withheld:
            yield Listed(list_id, None, None, "the list is not as it was made, so nothing of it is told", ())
            continue
        why = ""
        if kept.release_id in revoked or is_revoked(session.workspace.releases / kept.release_id):
            why = "its approval was revoked, so the estimate is not told"
        elif withheld is not None:
            why = "estimates are withheld today, so this one is not told: " + "; ".join(withheld.causes[:2])
        told = kept.estimates.get(subject.person_id, {})
        reasons = tuple(f"{one['phrase']} ({one['direction']} the estimate)" for one in told.get("reasons", ()))
        none = why or (str(told.get("why_none", "")) if told.get("step") is None else "")
        yield Listed(list_id, kept.as_of, None if why else told.get("step"), none, () if why else reasons)


def _events(session: Session, subject: Subject) -> Iterator[tuple[str, str]]:
    """What the log tells of the person: day and operation. Who acted is staff, and left out."""
    if not subject.person_id:
        return
    reference = session.log.subject_ref(subject.person_id)
    for row in session.log.rows():
        if row["subject"] == reference:
            yield row["time"][:10], row["operation"].replace(".", " ").replace("_", " ")


def _handed_on(session: Session, subject: Subject) -> Iterator[str]:
    lists = [one for one in list_ids(session) if subject.person_id in people_named(session, one)]
    try:
        ended = inventory_of(session).endings()
        for one in inventory_of(session).all():
            if one.list_id in lists:
                state = f"{ended[one.id].how} on {ended[one.id].on}" if one.id in ended else f"until {one.expires_on}"
                yield f"list {one.list_id} to {one.recipient} on {one.made_on}, {state}"
    except Refused:
        yield "the inventory of what was handed on cannot be read"
