"""Commands for who is who: link, link-queue, link-decide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(link)
    app.command("link-queue")(link_queue)
    app.command("link-decide")(link_decide)


def link(workspace: WorkspaceOption = HERE, actor: ActorOption = SOMEBODY, as_json: JsonOption = False) -> None:
    """Find the same person in several agencies' files: by identifiers, then by name, birth date and address."""
    from desist.pipelines.steps import link_people, open_for

    report = link_people(open_for(workspace, actor, say))
    answer(report.as_dict(), report.as_text(), as_json)


def link_queue(
    workspace: WorkspaceOption = HERE,
    most: Annotated[int, typer.Option("--most", min=1, help="How many pairs the page shows.")] = 200,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for the page, instead of reports/.")] = None,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Pairs of records that a data steward must decide on: counts here, names on a page only its owner can read."""
    from desist.pipelines.link_queue import show_queue
    from desist.pipelines.steps import open_for

    shown = show_queue(open_for(workspace, actor, say), most=most, out=out)
    answer(shown.as_json(), shown.as_text(), as_json)


def link_decide(
    which: Annotated[str, typer.Argument(metavar="NUMBER", help="Its number, or SOURCE:NUMBER=SOURCE:NUMBER.")],
    decision: Annotated[str, typer.Argument(help="same, different, or withdrawn for a decision made before.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, as a code: any other word lists them.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Decide as data steward whether two records are one person. Holds on every linking from the next on."""
    from desist.pipelines.link_queue import decide_on
    from desist.pipelines.steps import open_for

    say(decide_on(open_for(workspace, actor, say), which, decision, reason=reason))
