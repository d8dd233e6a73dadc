"""The command that holds a made-up partnership's links against its truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command("link-quality")(link_quality)


def link_quality(
    made: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `desist simulate` filled, with its truth.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """How well a made-up partnership was linked: precision, recall, F1, and missed and wrong links by group."""
    from desist.pipelines.link_truth import against_truth
    from desist.pipelines.steps import open_for

    found = against_truth(open_for(workspace, actor, say), made)
    answer(found.as_json(), found.as_text(), as_json)
