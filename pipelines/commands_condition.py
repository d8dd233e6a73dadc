"""Commands for what the board asked for when it released: condition list, condition met."""

from __future__ import annotations

from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, ask_password, say
from desist.pipelines.commands_model import PasswordOption

condition = typer.Typer(help="What the board asked for when it released, and what was done.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(condition, name="condition")


@condition.command("list")
def condition_list(
    workspace: WorkspaceOption = HERE, actor: ActorOption = SOMEBODY, as_json: JsonOption = False
) -> None:
    """The conditions of the release: what, who sees to it, by when, and whether somebody said that it was met."""
    from desist.pipelines.conditions import conditions_now
    from desist.pipelines.steps import open_for

    found = conditions_now(open_for(workspace, actor, say))
    answer(found.as_json(), found.as_text(), as_json)


@condition.command("met")
def condition_met(
    condition_id: Annotated[str, typer.Argument(metavar="ID", help="Which, as `desist condition list` says.")],
    holder: Annotated[str, typer.Option("--holder", help="The role holder who says so; never the trainer.")],
    reason: Annotated[str, typer.Option("--reason", help="How it was met, in at least 20 characters.")],
    workspace: WorkspaceOption = HERE,
    password_file: PasswordOption = None,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Record, signed, that a condition was met. One that nobody noted by its day pauses the release."""
    from desist.pipelines.conditions import meet_condition
    from desist.pipelines.steps import open_for

    password = ask_password(password_file, holder)
    say(meet_condition(open_for(workspace, actor, say), condition_id, holder=holder, reason=reason, password=password))
