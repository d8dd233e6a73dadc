"""Commands that carry a region's audit of one model to its partnerships: region pack, region trust."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, ask_password, say
from desist.pipelines.commands_model import PasswordOption

region = typer.Typer(help="A region's audit of a shared card, for partnerships too small to audit it alone.")


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.add_typer(region, name="region")


@region.command("pack")
def region_pack(
    run: Annotated[str, typer.Argument(help="The candidate run whose audit travels beside its shared card.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write; one that is there is not written over.")],
    holder: Annotated[str, typer.Option("--holder", help="The role holder who signs for the region.")],
    workspace: WorkspaceOption = HERE,
    password_file: PasswordOption = None,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Write what a run's audit found about its points card, by group, signed. It holds no people."""
    from desist.pipelines.region_run import pack_region
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    made = pack_region(session, run, out, holder=holder, password=ask_password(password_file, holder))
    answer(made.as_json(), made.as_text(), as_json)


@region.command("trust")
def region_trust(
    pack: Annotated[Path, typer.Argument(help="A pack that the region signed.")],
    key: Annotated[str, typer.Option("--key", help="The region's key, as it was told by another way than the file.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Note the public key of a region, so that its packs count here."""
    from desist.pipelines.region_run import trust_region
    from desist.pipelines.steps import open_for

    typer.echo(trust_region(open_for(workspace, actor, say), pack, key))
