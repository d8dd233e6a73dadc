"""Commands about rows that were not accepted: what waits and why, the sheet for the agency, and its corrected rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desist.pipelines.cli import HERE, SOMEBODY, ActorOption, JsonOption, WorkspaceOption, answer, say

TableOption = Annotated[str | None, typer.Option("--table", help="One table, such as pol_sanction.")]
SourceOption = Annotated[
    str | None, typer.Option("--source", help="Whose table, where several agencies send one: identity.")
]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(quarantine)
    app.command("correct-rows")(correct_rows)


def quarantine(
    table: TableOption = None,
    source: SourceOption = None,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write one table's rows to correct as CSV, for the agency.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Rows that wait in quarantine: reasons, counts and the lines of the agency's own file; never a cell."""
    from desist.pipelines.quarantine_run import export_quarantine, show_quarantine
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    if export is not None:
        written = export_quarantine(session, export, table=table, source=source)
        answer(written.as_json(), written.as_text(), as_json)
        return
    found = show_quarantine(session, table=table, source=source)
    answer(found.as_dict(), found.as_text(), as_json)


def correct_rows(
    file: Annotated[Path, typer.Argument(help="The agency's corrected rows: a CSV with `line` and the columns.")],
    table: Annotated[str, typer.Option("--table", help="The table they belong to, such as pol_sanction.")],
    source: SourceOption = None,
    encoding: Annotated[str, typer.Option(help="How the file is written: utf-8, windows-1252.")] = "utf-8",
    workspace: WorkspaceOption = HERE,
    actor: ActorOption = SOMEBODY,
    as_json: JsonOption = False,
) -> None:
    """Put corrected rows in place of those that wait, after the same checks. Next: desist link."""
    from desist.pipelines.quarantine_run import correct_quarantined
    from desist.pipelines.steps import open_for

    session = open_for(workspace, actor, say)
    report = correct_quarantined(session, file, table=table, source=source, encoding=encoding)
    answer(report.as_dict(), report.as_text(), as_json)
