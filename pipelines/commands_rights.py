"""Commands for the rights of people and the retention of records: person, erase, restrict, correct, retention."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say

if TYPE_CHECKING:
    from desist.pipelines.rights.receipts import Receipt
    from desist.pipelines.rights.subject import Subject
    from desist.pipelines.session import Session

PersonArgument = Annotated[str, typer.Argument(help="The person's id. Or leave it out and give --crn or --reference.")]
CrnOption = Annotated[str, typer.Option("--crn", help="Find the person by their probation number.")]
ReferenceOption = Annotated[
    str, typer.Option("--reference", help="Find the person by an agency's own number: SOURCE:NUMBER.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, as a code such as request; no free text.")]


def day_of(text: str | dt.date) -> dt.date:
    """The day that an option states."""
    try:
        return dt.date.fromisoformat(str(text))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day written YYYY-MM-DD, such as 2026-10-20.") from None


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    for command in (person, erase, restrict, correct, retention):
        app.command()(command)


def person(
    person: PersonArgument = "",
    explain: Annotated[bool, typer.Option("--explain", help="The whole record in plain words.")] = False,
    crn: CrnOption = "",
    reference: ReferenceOption = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the record as a page, outside the workspace.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
) -> None:
    """What is held about a person, in plain words, for them to read: with --explain, every fact and where from."""
    from desist.pipelines.rights.explain import record_of
    from desist.pipelines.rights.subject import find_person
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    told = record_of(session, find_person(session, person, crn, reference), whole=explain, out=out)
    typer.echo(told)


def erase(
    person: PersonArgument = "",
    reason: ReasonOption = "",
    crn: CrnOption = "",
    reference: ReferenceOption = "",
    finish: Annotated[bool, typer.Option("--finish", help="Finish what was begun and interrupted.")] = False,
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Forget a person everywhere, keep them out of later extracts, and hand out a receipt. It cannot be undone."""
    from desist.pipelines.rights import erase as erasing
    from desist.pipelines.rights.subject import find_person
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    done = list(erasing.finish(session).values())
    if not finish or person or crn or reference:
        done.append(erasing.erase(session, find_person(session, person, crn, reference), reason))
    words = "\n".join(one.as_text() for one in done) or "No erasure was left unfinished."
    answer({"receipts": [one.as_json() for one in done]}, words, as_json)
    if any(one.scanned.get("found") or any(place.left for place in one.places) for one in done):
        raise typer.Exit(2)


def restrict(
    person: PersonArgument = "",
    reason: ReasonOption = "",
    lift: Annotated[bool, typer.Option("--lift", help="End the restriction.")] = False,
    crn: CrnOption = "",
    reference: ReferenceOption = "",
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Keep a person's information and make no estimate from it. They keep their place on the list, needs and help."""
    from desist.pipelines.rights.restrict import lift_restriction, restrict_person
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    found = _asked_about(session, person, crn, reference)
    made = (lift_restriction if lift else restrict_person)(session, found, reason)
    _answer_anew(session, made, as_json)


def correct(
    person: PersonArgument = "",
    reason: ReasonOption = "",
    contest: Annotated[bool, typer.Option("--contest", help="Note a challenge: no estimate meanwhile.")] = False,
    decide_by: Annotated[
        dt.date | None, typer.Option("--decide-by", parser=day_of, help="When the challenge is decided: YYYY-MM-DD.")
    ] = None,
    settled: Annotated[bool, typer.Option("--settled", help="The challenge is decided and nothing changes.")] = False,
    table: Annotated[str, typer.Option("--table", help="The table of the fact, as the record names it.")] = "",
    row: Annotated[int, typer.Option("--row", help="The fact's number in the record.")] = 0,
    field: Annotated[str, typer.Option("--field", help="The column that is wrong.")] = "",
    was: Annotated[str | None, typer.Option("--was", help="What it says now; empty for an empty cell.")] = None,
    value: Annotated[str | None, typer.Option("--value", help="What is right; empty for an empty cell.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="The whole fact is not this person's.")] = False,
    crn: CrnOption = "",
    reference: ReferenceOption = "",
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Note that a fact is contested, or put it right: in every extract held, and again in each that repeats it."""
    from desist.pipelines.rights.correct import Asked, correct_fact
    from desist.pipelines.rights.restrict import contest_person, settle
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    found = _asked_about(session, person, crn, reference)
    if contest:
        made = contest_person(session, found, reason, decide_by)
    elif settled:
        made = settle(session, found, reason)
    else:
        made = correct_fact(session, found, Asked(table, row, field, was, value, remove), reason)
    _answer_anew(session, made, as_json)


def _asked_about(session: Session, person: str, crn: str, reference: str) -> Subject:
    """The person that the options name, after any erasure that was interrupted is finished."""
    from desist.pipelines.rights import erase as erasing
    from desist.pipelines.rights.subject import find_person

    erasing.finish(session)
    return find_person(session, person, crn, reference)


def _answer_anew(session: Session, made: Receipt, as_json: bool) -> None:
    """The receipt, once the pages in use tell what it tells."""
    from desist.pipelines.pages import pages_anew

    pages_anew(session)
    answer(made.as_json(), made.as_text(), as_json)


def retention(
    keep: Annotated[str, typer.Option("--keep", help="Keep the extracts of this source longer.")] = "",
    until: Annotated[dt.date | None, typer.Option("--until", parser=day_of, help="Until this day: YYYY-MM-DD.")] = None,
    reason: ReasonOption = "",
    remove: Annotated[bool, typer.Option("--remove", help="Erase everything that is past its day.")] = False,
    accept_register: Annotated[
        bool, typer.Option("--accept-register", help="Without a backup: take rights.db as it is. It stays in the log.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """What is held and until when, for the data steward. What is overdue holds estimates back until it is decided."""
    from desist.pipelines.rights.register import accept_register as accept
    from desist.pipelines.rights.retention import keep_longer, remove_overdue, schedule
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    if accept_register:
        say(accept(session, reason))
    if keep:
        say(keep_longer(session, keep, until, reason))
    if remove:
        say(remove_overdue(session, reason))
    told = schedule(session)
    answer(told.as_json(), told.as_text(), as_json)
