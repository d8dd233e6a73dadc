"""Commands that train, evaluate and audit: retrain, track, evaluate, audit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import (
    HERE,
    SOMEBODY,
    ActorOption,
    JsonOption,
    WorkspaceOption,
    answer,
    ask_password,
    say,
)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    for command in (retrain, track, evaluate, audit):
        app.command()(command)


PasswordOption = Annotated[
    Path | None, typer.Option("--password-file", help="A file whose first line is the password; else it is asked for.")
]


def retrain(
    as_of: Annotated[dt.datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The date to stand on.")],
    trainer: Annotated[str, typer.Option("--trainer", help="Whose key signs the run; it can never approve it.")],
    outcome: Annotated[
        str, typer.Option("--outcome", help="proven_reoffending, serious_offence or escalation.")
    ] = "proven_reoffending",
    shared: Annotated[
        Path | None, typer.Option("--shared", help="A points card from `desist share`, where own people are too few.")
    ] = None,
    as_it_is: Annotated[
        bool, typer.Option("--as-is", help="Use the shared card byte for byte; do not move it to this borough.")
    ] = False,
    region: Annotated[
        Path | None, typer.Option("--region", help="A pack from `desist region pack` about that card; implies --as-is.")
    ] = None,
    take: Annotated[
        str, typer.Option("--take", help="Take this model whatever the comparison says, such as 'points card'.")
    ] = "",
    workspace: WorkspaceOption = HERE,
    password_file: PasswordOption = None,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Back-test, fit, calibrate, compare, track and audit: a candidate run with its evidence. No release."""
    from desist.pipelines.retrain import retrain as run
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    made = run(
        session,
        as_of.date(),
        trainer=trainer,
        password=ask_password(password_file, trainer),
        outcome=outcome,
        shared=shared,
        as_it_is=as_it_is,
        region=region,
        take=take,
    )
    answer(made.as_json(), made.as_text(), as_json)


def track(
    run: Annotated[str, typer.Argument(help="The run's id; the newest if left out.")] = "",
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
) -> None:
    """Tell MLflow of a run that it could not be told of when it was made or released."""
    from desist.pipelines.steps import open_for
    from desist.pipelines.tracking import track_again

    typer.echo(track_again(open_for(workspace, actor, say), run))


def evaluate(
    spec: Annotated[Path, typer.Argument(help="The TOML file that describes the table and the protocol.")],
    data: Annotated[Path, typer.Option("--data", help="The folder its files lie in.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the results go; evaluation-<spec> if left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate and audit from profiles or dated events that somebody already has. It can never lead to a release."""
    from desist.pipelines.evaluate.run import evaluate as run

    result = run(spec, data, out or Path(f"evaluation-{spec.stem}"), say=say)
    answer(result.as_json(), result.as_text(), as_json)


def audit(
    scores: Annotated[Path, typer.Argument(help="A Parquet or CSV table of scores, outcomes and characteristics.")],
    spec: Annotated[Path, typer.Option("--spec", help="The TOML file that names its columns.")],
    policy: Annotated[Path, typer.Option("--policy", help="The policy with the limits agreed beforehand.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for audit.json and fairness.html.")] = Path("audit"),
    as_json: JsonOption = False,
) -> None:
    """Audit any table of scores across communities, under a policy."""
    from desist.pipelines.audit_scores import audit_table

    result = audit_table(scores, spec, policy, out, today=dt.date.today())
    answer(result.as_json(), result.as_text(), as_json)
