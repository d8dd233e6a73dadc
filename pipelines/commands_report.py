"""The group ``desist report``: pages for people, made again at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say

OutOption = Annotated[
    Path | None, typer.Option("--out", help="Where to write them.", show_default="the workspace's reports")
]

report = typer.Typer(help="Pages and sheets about what the toolkit does.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put this group on the command line."""
    app.add_typer(report, name="report")


@report.command("features")
def report_features(
    out: OutOption = None,
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Every feature of the register in words made from its definition: features.html and features.csv."""
    from desist.pipelines.feature_report import report_features as run
    from desist.pipelines.steps import open_for

    written = run(open_for(workspace, actor, say), out)
    answer(written.as_json(), written.as_text(), as_json)


@report.command("quality")
def report_quality(
    out: OutOption = None,
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """What agencies sent: gaps, wrong values, lateness, volumes, coverage: quality.html and quality.json."""
    from desist.pipelines.quality_run import report_quality as run
    from desist.pipelines.steps import open_for

    written = run(open_for(workspace, actor, say), out)
    answer(written.as_json(), written.as_text(), as_json)
