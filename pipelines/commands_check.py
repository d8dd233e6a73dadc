"""The group ``desist check``: what can be shown of profiles and lists by trying it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say

check = typer.Typer(help="Checks of profiles and lists, by trying what must not move them.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put this group on the command line."""
    app.add_typer(check, name="check")


@check.command("leakage")
def check_leakage(
    as_of: Annotated[
        list[dt.datetime] | None,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            help="The date to stand on; may be given several times.",
            show_default="one year before the snapshot",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds change the copies equally.")] = 1,
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Append, move and hide what was recorded on or after a date, in a copy: no profile and no list may move."""
    from desist.pipelines.check_leakage import check_leakage as run
    from desist.pipelines.steps import open_for

    checked = run(open_for(workspace, actor, say), [day.date() for day in as_of or ()], seed=seed)
    answer(checked.as_json(), checked.as_text(), as_json)
    checked.raise_if_failed()


@check.command("definitions")
def check_definitions(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files of examples, .toml or .py; see docs/features.md.")
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-W",
            help="A workspace whose own features and examples (definitions/*.toml) are checked too.",
            show_default="the current folder, if it is one",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Work out small tables of made-up people and compare with what is expected of each definition."""
    from desist.pipelines.check_definitions import check_definitions as run
    from desist.records.workspace import Workspace

    chosen = Workspace(workspace or HERE)
    if workspace is not None:
        chosen.check()
    checked = run(files or (), chosen if chosen.exists() else None)
    answer(checked.as_json(), checked.as_text(), as_json)
    checked.raise_if_failed()
