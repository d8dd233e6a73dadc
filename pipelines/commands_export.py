"""Commands for copies of a list: export new, export check, export end, export list."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, ask_password, say
from desist.pipelines.commands_model import PasswordOption

export = typer.Typer(help="Copies of a list for somebody else: who holds which, why, and until when.")


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(export, name="export")


@export.command("new")
def export_new(
    out: Annotated[Path, typer.Option("--out", help="The CSV file to write; one that is there is not written over.")],
    holder: Annotated[str, typer.Option("--holder", help="The panel chair who hands it on.")],
    recipient: Annotated[str, typer.Option("--for", help="Who gets it: a code or an address, no name.")],
    reason: Annotated[str, typer.Option("--reason", help="What it is for, in at least 20 characters.")],
    until: Annotated[dt.datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="The last day it may be kept.")],
    workspace: WorkspaceOption = HERE,
    password_file: PasswordOption = None,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """A copy of the newest list, under the release in force. Withheld (exit 3) without one."""
    from desist.pipelines.exports import export_list
    from desist.pipelines.pages import no_page_outlives
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    password = ask_password(password_file, holder)
    with no_page_outlives(session):
        made = export_list(
            session, out, holder=holder, password=password, recipient=recipient, reason=reason, until=until.date()
        )
    answer(made.as_json(), made.as_text(), as_json)


@export.command("check")
def export_check(
    copy: Annotated[Path, typer.Argument(help="A copy that was handed on.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Whether a copy is one of ours, unchanged, and may still be kept."""
    from desist.pipelines.exports import check_copy
    from desist.pipelines.steps import open_for

    typer.echo(check_copy(open_for(workspace, actor, say), copy))


@export.command("end")
def export_end(
    export_id: Annotated[str, typer.Argument(help="The export's id, as `desist export list` shows it.")],
    how: Annotated[str, typer.Option("--how", help="destroyed or returned.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Note that a copy is gone, because whoever held it said so."""
    from desist.pipelines.exports import end_export
    from desist.pipelines.steps import open_for

    typer.echo(end_export(open_for(workspace, actor, say), export_id, how))


@export.command("list")
def export_list_all(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """The inventory: every copy that was handed on, and what became of it. Exit 2 where the log tells otherwise."""
    from desist.pipelines.exports import export_faults, inventory_of
    from desist.pipelines.steps import open_for
    from desist.records.errors import Refused

    session = open_for(workspace, "export", say)
    wrong, lines, told = export_faults(session), [], []
    try:
        copies, gone = inventory_of(session).all(), inventory_of(session).endings()
    except Refused:  # which is among what is wrong
        copies, gone = (), {}
    for one in copies:
        end = gone.get(one.id)
        state = f"{end.how} on {end.on}" if end else f"out until {one.expires_on}"
        state += ", OVERDUE" if end is None and one.expires_on < session.today else ""
        lines.append(f"{one.id}  {one.recipient}, {one.people:,} people, release {one.release}: {state}")
        told.append({**one.as_json(), "id": one.id, "state": state})
    lines = lines or ([] if wrong else ["No list was handed on."])
    answer({"exports": told, "wrong": wrong}, "\n".join([*lines, *(f"WRONG: {text}" for text in wrong)]), as_json)
    if wrong:
        raise typer.Exit(2)
