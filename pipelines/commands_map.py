"""The command that turns an agency's own layout into a mapping: map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from desist.intake.mapping.model import ENCODINGS
from desist.pipelines.cli import HERE, SOMEBODY, JsonOption, WorkspaceOption, answer, say
from desist.records.errors import Refused


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command(name="map")(map_layout)


def map_layout(
    file: Annotated[str, typer.Argument(help="An agency's .xlsx, CSV or Parquet file, or a database's URL.")],
    tables: Annotated[
        list[str] | None, typer.Option("--as", help="The table it is to become; more than once for several.")
    ] = None,
    sheet: Annotated[str, typer.Option("--sheet", help="The workbook's sheet; without it the best one is found.")] = "",
    header_row: Annotated[int, typer.Option("--header-row", min=0, help="The header's row, where none is found.")] = 0,
    query: Annotated[Path | None, typer.Option("--query", help="A file with one SELECT, for a database.")] = None,
    encoding: Annotated[
        str, typer.Option("--encoding", help=f"How a CSV is written, where that is not found: {', '.join(ENCODINGS)}.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="The mapping's name; without it the file's.")] = "",
    reuse: Annotated[str, typer.Option("--reuse", help="Compare the file with this mapping instead.")] = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Propose how an agency's own layout becomes our tables; with --reuse, say what has changed in it since."""
    from desist.pipelines import mapping_run
    from desist.pipelines.steps import open_for

    if encoding and encoding not in ENCODINGS:
        raise Refused(f"--encoding {encoding[:40]!r} is none of {', '.join(ENCODINGS)}.")
    session = open_for(workspace, SOMEBODY, say)
    kind = "query" if "://" in file else ""
    mapping_run.check_names((query or Path()).name if kind else Path(file).name, tables or [])
    if kind:
        from desist.pipelines.database import answer_of

        content = answer_of(file, query)
    else:
        content = mapping_run.file_bytes(Path(file))
    if reuse:
        result = mapping_run.reuse(file, content, session.workspace, reuse, today=session.today, kind=kind)
    else:
        result = mapping_run.map_file(
            file, content, session.workspace, tables=tables or [], name=name, sheet=sheet, header_row=header_row,
            today=session.today.isoformat(), kind=kind, encoding=encoding,
        )  # fmt: skip
    answer(result.as_dict(), result.as_text(), as_json)
    if not result.usable:
        raise typer.Exit(2)
