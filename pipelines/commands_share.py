"""The command that hands a card to other partnerships: share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(share)


def share(
    run: Annotated[str, typer.Argument(help="The candidate run whose points card is shared.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write; one that is there is not written over.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Write a run's points card as a file for a partnership that is too small to fit its own. It holds no people."""
    from desist.pipelines.shared_card import share_card
    from desist.pipelines.steps import open_for

    made = share_card(open_for(workspace, actor, say), run, out)
    answer(made.as_json(), made.as_text(), as_json)
