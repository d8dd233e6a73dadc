"""The group ``desist policy``: what the board's policy asks, before any result is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, answer, say

policy = typer.Typer(help="The board's policy: what it asks, before any result is seen.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put this group on the command line."""
    app.add_typer(policy, name="policy")


@policy.command("explain")
def policy_explain(
    workspace: Annotated[
        Path,
        typer.Option("--workspace", "-W", help="Its policy, for today's caseload.", show_default="the current folder"),
    ] = HERE,
    policy_file: Annotated[
        Path | None, typer.Option("--policy", help="A policy file instead; with --people and --shares.")
    ] = None,
    people: Annotated[int | None, typer.Option("--people", min=1, help="People on one caseload.")] = None,
    shares: Annotated[
        str, typer.Option("--shares", help="Shares of groups: Black=0.12,sex:Female=0.1 (ethnicity if not named).")
    ] = "",
    region: Annotated[
        int | None, typer.Option("--region", min=1, help="People of a region that would audit the same file.")
    ] = None,
    base_rate: Annotated[
        float, typer.Option("--base-rate", min=0.01, max=0.8, help="Share of people expected to reoffend.")
    ] = 0.25,
    auc: Annotated[
        float, typer.Option("--auc", min=0.55, max=0.95, help="How well estimates are expected to rank.")
    ] = 0.73,
    judged: Annotated[
        float | None,
        typer.Option(
            "--judged",
            min=0.01,
            max=1,
            help="Share of people whom an audit judges.",
            show_default="audit_share of partnership.toml; with --policy, everybody",
        ),
    ] = None,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """What each margin means in people, and which groups can ever be assessed: alone, over quarters, over a region."""
    from desist.fairness.explain import Expected
    from desist.pipelines.explain import explain_shares, explain_workspace
    from desist.pipelines.steps import open_for
    from desist.records.errors import Refused

    expected = Expected(base_rate, auc)
    if policy_file is None:
        told = explain_workspace(open_for(workspace, actor, say), expected, judged=judged, region=region)
    elif people and shares:
        told = explain_shares(policy_file, people, shares, expected, judged=judged or 1.0, region=region)
    else:
        raise Refused("With --policy name the people too: --people 3000 --shares Black=0.12,sex:Female=0.1")
    answer(told.as_json(), told.as_text(), as_json)
