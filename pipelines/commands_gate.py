"""Commands of the gate: keys, sign, release, score, list, why, verify."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import (
    HERE,
    SOMEBODY,
    ActorOption,
    JsonOption,
    WorkspaceOption,
    answer,
    ask_password,
    say,
)
from desist.pipelines.commands_model import PasswordOption

keys = typer.Typer(help="Keys of the people who train and the people who decide.", no_args_is_help=True)

RunOption = Annotated[str, typer.Option("--candidate", help="The run's id; the newest if left out.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(keys, name="keys")
    for command in (sign, release, revoke, score):
        app.command()(command)
    app.command("list")(list_cases)
    app.command()(why)
    app.command()(verify)


@keys.command("new")
def keys_new(
    holder: Annotated[str, typer.Argument(help="The name of the person the key belongs to.")],
    role: Annotated[str, typer.Option(help="analyst, or a signing role such as board_chair.")],
    own: Annotated[
        Path | None, typer.Option("--own", help="The public half of the holder's own Ed25519 key: NAME.pub.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    password_file: PasswordOption = None,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Make a key for somebody who trains or decides; with --own, take the public half of one they have."""
    from desist.pipelines.gate import new_key
    from desist.pipelines.steps import open_for

    password = b"" if own else ask_password(password_file, holder)
    key_id = new_key(open_for(workspace, actor, say), holder, role, password, own)
    say(f"{holder} ({role}) has key {key_id}.")


@keys.command("list")
def keys_list(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """The keys of the workspace: whose, which role, since when, revoked or not."""
    from dataclasses import asdict

    from desist.records.keys import KeyRegister
    from desist.records.workspace import Workspace

    found = KeyRegister(Workspace(workspace).keys).all()
    words = "\n".join(
        f"{key.key_id}  {key.holder} ({key.role}), since {key.created_on}"
        + (f", revoked {key.revoked_on}" if key.revoked_on else "")
        + (", made up: for a demo only" if key.made_up else "")
        for key in found
    )
    answer({"keys": [asdict(key) for key in found]}, words or "No keys yet: desist keys new.", as_json)


@keys.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `desist keys list` shows it.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
) -> None:
    """From today on nothing the key signed counts: releases resting on it are withheld."""
    from desist.pipelines.pages import pages_anew
    from desist.pipelines.steps import open_for
    from desist.records.keys import KeyRegister

    session = open_for(workspace, actor, say)
    KeyRegister(session.workspace.keys).revoke(key_id, session.today)
    session.log.append("key.revoked", actor=actor, role="administrator", reason=key_id)
    pages_anew(session)
    say(f"Key {key_id} is revoked from {session.today}.")


def sign(
    decision: Annotated[Path | None, typer.Argument(help="The member's decision as a TOML file.")] = None,
    holder: Annotated[str, typer.Option("--holder", help="Whose decision it is.")] = "",
    candidate: RunOption = "",
    blank: Annotated[Path | None, typer.Option("--blank", help="Write an empty decision file to fill in.")] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="The holder's own private key, if the installation holds none.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    password_file: PasswordOption = None,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Record one member's decision about a candidate: scope, reasons, answers to questions, conditions, end date.

    With --key-file the password is that file's own; a file without one needs none.
    """
    from desist.pipelines.decisions import blank_decision, sign_candidate
    from desist.pipelines.steps import open_for
    from desist.records.errors import Refused

    session = open_for(workspace, actor, say)
    if blank is not None:
        blank_decision(session, candidate, blank)
        say(f"{blank}: fill it in, then: desist sign {blank} --holder NAME")
        return
    if decision is None or not holder:
        raise Refused(
            "Name the decision file and its holder: desist sign DECISION.toml --holder NAME (or --blank FILE)."
        )
    password = b"" if key_file and password_file is None else ask_password(password_file, holder)
    say(sign_candidate(session, candidate, decision, holder, password, key_file))


def release(
    candidate: RunOption = "",
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Make a release of a candidate that the board approved. Withheld (exit 3) while anything is missing."""
    from desist.pipelines.gate import release_candidate
    from desist.pipelines.pages import pages_anew
    from desist.pipelines.steps import open_for
    from desist.pipelines.tracking import promote

    session = open_for(workspace, actor, say)
    made = release_candidate(session, candidate)
    pages_anew(session)  # those of a release before it show its estimates
    say(promote(session, made.made.run))
    answer(made.as_json(), made.as_text(), as_json)


def revoke(
    reason: Annotated[str, typer.Option("--reason", help="Why, in the board's words.")],
    holder: Annotated[str, typer.Option("--holder", help="The role holder who revokes.")],
    workspace: WorkspaceOption = HERE,
    password_file: PasswordOption = None,
    actor: ActorOption = SOMEBODY,
) -> None:
    """End the release in force at once: estimates are withheld from now on, and the pages lose theirs."""
    from desist.pipelines.gate import revoke_release
    from desist.pipelines.pages import pages_anew
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    told = revoke_release(session, holder, reason, ask_password(password_file, holder))
    pages_anew(session)
    say(told)


def score(
    as_of: Annotated[dt.datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The list's date.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Estimates for the caseload under the release in force. Withheld (exit 3) without one."""
    from desist.pipelines.pages import no_page_outlives
    from desist.pipelines.score import score_caseload
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    with no_page_outlives(session):
        made = score_caseload(session, as_of.date())
    answer(made.as_json(), made.as_text(), as_json)


def list_cases(
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """The pages: cases to review, and support waiting. While withheld (exit 3) they carry no estimate."""
    from desist.pipelines.pages import write_pages
    from desist.pipelines.steps import open_for

    written = write_pages(open_for(workspace, actor, say))
    answer(written.as_json(), written.as_text(), as_json)
    if written.withheld is not None:
        raise written.withheld


def why(
    person: Annotated[str, typer.Argument(help="The person's id, or their CRN.")],
    since: Annotated[str, typer.Option("--since", help="The id of an earlier list: its folder below lists/.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """What moved a person's estimate since an earlier list, in parts that sum to the move. Withheld as the list is."""
    from desist.pipelines.pages import no_page_outlives
    from desist.pipelines.steps import open_for
    from desist.pipelines.why import why_moved

    session = open_for(workspace, actor, say)
    with no_page_outlives(session):
        told = why_moved(session, person, since)
    answer(told.as_json(), told.as_text(), as_json)


def verify(
    head: Annotated[str, typer.Option("--head", help="A head of the log noted elsewhere, as in the minutes.")] = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Check log, store, runs, releases, lists and exports against their hashes and signatures."""
    from desist.pipelines.pages import no_page_outlives, pages_anew
    from desist.pipelines.steps import open_for
    from desist.pipelines.verify import verify_workspace

    session = open_for(workspace, "verify", say)
    with no_page_outlives(session):
        checked = verify_workspace(session, head)
    if checked.gate:
        pages_anew(session)
    answer(checked.as_json(), checked.as_text(), as_json)
    if checked.wrong:
        raise typer.Exit(2)
