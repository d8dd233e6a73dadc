"""Commands from agency files to profiles: simulate, init, intake, build."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    for command in (demo, simulate, init, intake, build):
        app.command()(command)


PeopleOption = Annotated[int, typer.Option("--people", min=50, help="How many made-up people the agencies know.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Equal seeds give equal worlds, byte for byte.")]
GapOption = Annotated[
    float,
    typer.Option(
        "--enforcement-gap", min=0.0, help="Extra share of offences detected in the over-policed communities."
    ),
]
SharingOption = Annotated[
    str,
    typer.Option("--sharing", help="What agencies share: full, no_treatment, no_police_in_one_area or probation_only."),
]


def demo(
    people: PeopleOption = 5000,
    seed: SeedOption = 1,
    enforcement_gap: GapOption = 0.3,
    sharing: SharingOption = "full",
    workspace: WorkspaceOption = Path("desist-demo"),
    policy: Annotated[Path | None, typer.Option(help="A policy file instead of the made-up board's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """A whole quarter on a made-up partnership, from agency files to a signed list. Exit 3 if nothing may go out."""
    from desist.pipelines.demo import run_demo

    result = run_demo(
        workspace, people=people, seed=seed, enforcement_gap=enforcement_gap, sharing=sharing, say=say, policy=policy
    )
    answer(result.as_json(), result.as_text(), as_json)
    if result.withheld is not None:
        raise typer.Exit(3)


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the extracts, the agreements and the truth are written.")],
    people: PeopleOption = 5000,
    seed: SeedOption = 1,
    enforcement_gap: GapOption = 0.3,
    sharing: SharingOption = "full",
) -> None:
    """Only the extracts of a made-up partnership, and the truth beside them."""
    from desist.simulation.world import World
    from desist.simulation.write import simulate as write

    write(folder, people=people, seed=seed, world=World(enforcement_gap=enforcement_gap), sharing=sharing)
    say(f"{folder}: extracts/, agreements/ and truth/ of {people:,} made-up people. Next: desist init, desist intake.")


def init(
    workspace: Annotated[Path, typer.Argument(help="The folder to make, outside any repository.")],
    name: Annotated[str, typer.Option(help="The partnership's name.")] = "Our partnership",
    area: Annotated[str, typer.Option(help="The area it serves.")] = "Our borough",
    agreements: Annotated[
        Path | None, typer.Option(help="A folder of signed sharing agreements to check and take in.")
    ] = None,
) -> None:
    """A workspace: settings, policy, a key of its own, and from the agreements a data map and a draft DPIA.

    Run it again after agreements changed: the data map and the draft are made anew, other files stay.
    """
    from desist.pipelines.workspaces import new_workspace

    for line in new_workspace(workspace, name=name, area=area, agreements=agreements):
        say(line)


def intake(
    folder: Annotated[Path, typer.Argument(help="A folder with deliveries: delivery.toml beside each agency's files.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Read agency files through their agreements; rows that do not fit go to quarantine with a reason."""
    from desist.pipelines.steps import open_for, take_in

    session = open_for(workspace, actor, say)
    report = take_in(session, folder)
    answer(report.as_dict(), report.as_text(), as_json)


def build(
    as_of: Annotated[dt.datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The date to stand on.")],
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Profiles of the caseload on a date: what was recorded before it. No estimates."""
    from desist.pipelines.ground import build_profiles_on, load_ground
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    built = build_profiles_on(session, load_ground(session), as_of.date())
    answer(built.as_json(), built.as_text(), as_json)
