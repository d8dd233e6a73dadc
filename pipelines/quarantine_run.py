"""``desist quarantine`` and ``desist correct-rows``: the lock, the log and the sheet around what intake knows."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.intake.holding.store import Store
from desist.intake.reading.corrected_rows import CorrectionReport, correct_rows, export_rows
from desist.intake.reading.quarantine import Quarantine, extract_of, keeps_cells, to_correct, waiting
from desist.intake.rows.checks import REFUSED_ROWS
from desist.intake.terms.delivery import ENCODINGS
from desist.pipelines.session import Session
from desist.records.errors import Refused
from desist.records.files import write_bytes
from desist.records.wording import counted


@dataclass(frozen=True)
class Exported:
    """The sheet that was written. ``never``: rows that wait and are not on it, because their class is never accepted.

    ``bare``: rows of which only line and reason are kept, so that the agency looks them up.
    """

    path: Path
    source: str
    table: str
    rows: int
    bare: int
    never: int

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "path": str(self.path)}

    def as_text(self) -> str:
        lines = [f"{self.path}: {counted(self.rows, 'row', 'rows')} of {self.source}/{self.table} to correct."]
        if self.bare:
            lines.append(f"    Of {self.bare:,} only line and reason are kept: the agency looks them up in its file.")
        if self.never:
            never = counted(self.never, "row that may never be accepted is", "rows that may never be accepted are")
            lines.append(f"    {never} not on it.")
        lines.append("The agency corrects the cells, keeps `line` as it is, and sends the file back.")
        lines.append("In a spreadsheet, open it as text: else dates and leading zeros are written otherwise.")
        lines.append("It comes back as CSV, not as a workbook (in Excel: Save As, CSV UTF-8).")
        lines.append(f"Then: desist correct-rows FILE --table {self.table} --source {self.source}")
        lines.append("It holds people's records: send it on a safe way, and delete it when the agency has it.")
        return "\n".join(lines)


def show_quarantine(session: Session, *, table: str | None, source: str | None) -> Quarantine:
    """What waits, by table, reason and line."""
    return waiting(_store(session), table=table, source=source)


def export_quarantine(session: Session, path: Path, *, table: str | None, source: str | None) -> Exported:
    """Write the rows of one table that the agency can correct, readable by whoever runs this alone.

    Raises Refused for a place inside the workspace: what lies there must be found when somebody is erased.
    """
    if table is None:
        raise Refused("A sheet is made for one table: name it with --table, as `desist quarantine` shows it.")
    root = session.workspace.root.resolve()
    if path.resolve().is_relative_to(root):
        raise Refused(
            f"{path} lies inside the workspace. Name a file outside it: the sheet holds people's records, goes to the "
            "agency and is then deleted."
        )
    if path.exists():
        raise Refused(f"{path} is there already. Name a file that is not.")
    store = _store(session)
    extract = extract_of(store, table, source)
    rows = to_correct(store, extract)
    if not len(rows):
        raise Refused(f"No row of {extract['source']}/{table} waits for a correction.")
    cells = [name for name in rows.column_names if name not in ("line", "reason")]
    bare = sum(not any(row[name] for name in cells) for row in rows.to_pylist())
    [waits] = waiting(store, table=table, source=extract["source"]).tables
    never = sum(len(lines) for reason, lines in waits.lines.items() if reason in REFUSED_ROWS)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(rows.column_names)
    writer.writerows(export_rows(rows))
    # Noted before the sheet is there: no copy exists that the log does not know of.
    session.log.append(
        "data.disclosed", actor=session.actor, role="analyst", reason="correction", recipient=extract["source"],
        dataset=f"quarantine:{extract['source']}:{table}:{extract['extract_date']}", counts={"rows": len(rows)},
    )  # fmt: skip
    write_bytes(path, ("\ufeff" + out.getvalue()).encode("utf-8"))
    return Exported(path, extract["source"], table, len(rows), bare, never)


def correct_quarantined(
    session: Session, path: Path, *, table: str, source: str | None, encoding: str
) -> CorrectionReport:
    """Put the rows of a corrected file in place of those that wait."""
    if encoding not in ENCODINGS:
        raise Refused(f"The encoding {encoding[:40]!r} is none of {', '.join(ENCODINGS)}.")
    if path.is_file() and zipfile.is_zipfile(path):
        raise Refused(f"{path.name} is a workbook. Save its sheet as CSV (UTF-8) and give that: one line of names, "
                      "commas, dates as YYYY-MM-DD.")  # fmt: skip
    with session.workspace.lock():
        return correct_rows(
            path, session.workspace, table=table, source=source, encoding=encoding, today=session.today,
            purpose=session.settings.purpose, log=session.log, actor=session.actor, key=session.key(),
        )  # fmt: skip


def _store(session: Session) -> Store:
    return Store(session.workspace.store, session.workspace.quarantine)


__all__ = ["Exported", "correct_quarantined", "export_quarantine", "keeps_cells", "show_quarantine"]
