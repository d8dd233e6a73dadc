"""Commands that run a candidate beside the panel before a first release: shadow start, shadow step, shadow close."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say

shadow = typer.Typer(help="A candidate beside the panel: counts of whom it would list, and no estimate for anybody.")

RunArgument = Annotated[str, typer.Argument(help="The candidate run, a folder below runs/.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(shadow, name="shadow")


@shadow.command("start")
def shadow_start(
    run: RunArgument,
    until: Annotated[dt.datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="The last day of the shadow.")],
    rule: Annotated[str, typer.Option("--rule", help="The present rule, such as 'sanctions_2y >= 3'; '' for none.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Seal the plan: which candidate, at which cut-off, beside which rule, until when."""
    from desist.pipelines.shadow import start_shadow
    from desist.pipelines.steps import open_for

    typer.echo(start_shadow(open_for(workspace, actor, say), run, until=until.date(), rule=rule))


@shadow.command("step")
def shadow_step(
    run: RunArgument,
    as_of: Annotated[dt.datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The list's date.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Count one list date. The selection is made in memory; protected counts alone are kept."""
    from desist.pipelines.shadow import step_shadow
    from desist.pipelines.steps import open_for

    made = step_shadow(open_for(workspace, actor, say), run, as_of.date())
    answer(made.as_json(), made.as_text(), as_json)


@shadow.command("close")
def shadow_close(
    run: RunArgument,
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """End the shadow on its last day, and write the paper for the board."""
    from desist.pipelines.shadow import close_shadow
    from desist.pipelines.steps import open_for

    made = close_shadow(open_for(workspace, actor, say), run)
    answer(made.as_json(), made.as_text(), as_json)
