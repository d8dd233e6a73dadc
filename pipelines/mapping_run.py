"""`desist map`: from an agency's file to a mapping that an analyst can read, and next quarter to what has changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desist.intake.mapping.apply import map_rows, new_codes
from desist.intake.mapping.find import Found, find
from desist.intake.mapping.grid import Grid
from desist.intake.mapping.layout import changed
from desist.intake.mapping.load import read_mapping
from desist.intake.mapping.model import NAME, FileMap, TableMap
from desist.intake.mapping.propose import LOOK, TableProposal, best_tables, propose
from desist.intake.mapping.render import more_tables, new_file, text
from desist.intake.terms.contracts import CONTRACTS, refused_class
from desist.records.errors import Problem, Refused
from desist.records.files import write_text
from desist.records.wording import counted
from desist.records.workspace import Workspace

#: Largest file that is read into memory to be mapped.
LARGEST_FILE = 2 * 2**30


@dataclass(frozen=True)
class MapResult:
    """What was found and proposed; ``written``: the mapping's file, where there is one. Holds no cell of people's.

    ``usable``: false where a file cannot be read by a mapping that is there. ``missing``: columns that a person has to
    complete in the one that was written.
    """

    file: str
    tables: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    written: str = ""
    delivery: str = ""
    changes: tuple[str, ...] = ()
    lines: tuple[str, ...] = field(default=(), repr=False)
    usable: bool = True
    missing: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "lines"}

    def as_text(self) -> str:
        return "\n".join(self.lines)


def map_file(
    source: str,
    content: bytes,
    workspace: Workspace,
    *,
    tables: Sequence[str],
    name: str,
    sheet: str,
    header_row: int,
    today: str,
    kind: str = "",
    encoding: str = "",
) -> MapResult:
    """Propose a mapping for ``content`` and write it; without ``tables`` only say which tables it could be."""
    shown = Path(source).name if kind != "query" else "the query's answer"
    check_names(shown, tables)
    found = find(content, shown, sheet=sheet, header_row=header_row, kind=kind, encoding=encoding)
    if not isinstance(found, tuple):
        raise Refused(f"{shown} cannot be mapped.", found)
    sheets, notes = found
    if not tables:
        return _which(shown, sheets, notes)
    chosen = [_best_sheet(sheets, table, _sender(tables)) for table in tables]
    name = name or _name_from(shown, chosen)
    path = workspace.mappings / f"{name}.toml"
    _write(path, name, shown, chosen, today=today, url=source if kind == "query" else "")
    return _proposed(shown, path, name, chosen, notes, source if kind == "query" else "")


def check_names(shown: str, tables: Sequence[str] = ()) -> None:
    """Raises Refused for a table that there is none of, and for a file or table of a class that is never accepted.

    Asked before the file is opened: of such a file nothing is looked at but its name.
    """
    problems = [
        Problem(f"the table {table[:60]!r}", "--as", "one of the tables in docs/reference/extracts.md",
                f"They are: {', '.join(CONTRACTS)}.")
        for table in tables if table not in CONTRACTS and not refused_class(table)
    ]  # fmt: skip
    never = "no data of this class, ever (REQUIREMENTS INT-10)"
    for table in tables:
        if named := refused_class(table):
            remedy = "The file was not opened. There is no such table: name another."
            problems.append(Problem(f"a table of {named}", "--as", never, remedy))
    if named := refused_class(shown):
        problems.append(
            Problem(f"data of the class {named}", shown, never,
                    "It was not opened. Delete it, and tell the agency that it is not wanted.")
        )  # fmt: skip
    if problems:
        raise Refused(f"{shown} cannot be mapped.", problems)


def _best_sheet(sheets: Sequence[Found], table: str, source: str) -> TableProposal:
    return max((propose(found, table, source) for found in sheets), key=lambda one: one.worth)


def _sender(tables: Sequence[str]) -> str:
    """Who sends the file, where one of its tables says so."""
    senders = {CONTRACTS[table].sources for table in tables if len(CONTRACTS[table].sources) == 1}
    return next(iter(senders))[0] if len(senders) == 1 else ""


def _name_from(shown: str, chosen: Sequence[TableProposal]) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", Path(shown).stem.lower()).strip("-")[:60]
    return name if NAME.fullmatch(name) else chosen[0].table.table.replace("_", "-")


def _write(path: Path, name: str, shown: str, chosen: Sequence[TableProposal], *, today: str, url: str) -> None:
    """Write a new mapping, or put new tables behind one that is there; what a person edited is never overwritten."""
    if not NAME.fullmatch(name):
        problem = Problem(f"the name {name[:60]!r}", "--name", "small letters, digits, - and _", "Name it otherwise.")
        raise Refused("The mapping was not written.", [problem])
    if not path.exists():
        write_text(path, new_file(name, shown, chosen, today=today, url=url))
        return
    whole = read_mapping(path)
    first = chosen[0].found.layout
    there = [one.table.table for one in chosen if whole.table(one.table.table)]
    other = [key for key in ("kind", "encoding", "delimiter") if getattr(whole.format, key) != getattr(first, key)]
    if there or other:
        what = f"the table {', '.join(there)} already" if there else f"a file with another {', '.join(other)}"
        raise Refused(
            "The mapping was not written: what is there may have been edited.",
            [Problem(what, path.name, "a table that it does not have, of the same kind of file",
                     f"Compare with --reuse {name}, give another --name, or take the table's section out first.")],
        )  # fmt: skip
    write_text(path, path.read_text(encoding="utf-8-sig").rstrip("\n") + "\n" + more_tables(whole, chosen))


# --- what the console shows


def _which(shown: str, sheets: Sequence[Found], notes: Sequence[str]) -> MapResult:
    lines, tables = [f"{shown}: which table is it?"], []
    for found in sheets:
        lines += _about(found)
        best = best_tables(found)[:6]
        lines += [f"    {one.table.table:<22}{_fit(one.worth)}" for one in best]
        lines += [] if best else ["    nothing that looks like one of our tables"]
        tables += [{"sheet": found.layout.sheet, "table": one.table.table, "fit": round(one.worth, 2)} for one in best]
    lines += [*notes, "Nothing was written. Run it again with --as TABLE; give --as more than once for several tables."]
    return MapResult(shown, tuple(tables), tuple(notes), lines=tuple(lines))


def _fit(worth: float) -> str:
    return "fits well" if worth >= 0.75 else "fits in part" if worth >= 0.45 else "has a little of it"


def _about(found: Found) -> list[str]:
    layout = found.layout
    place = f"sheet {layout.sheet!r}, " if layout.sheet else ""
    if layout.kind == "csv":
        sign = "tab" if layout.delimiter == "\t" else layout.delimiter
        place = f"{layout.encoding}, cells divided by {sign}, "
    header = f"header in row {layout.header_row}, " if layout.kind in ("csv", "xlsx") else ""
    rows = counted(len(found.grid.lines), "row", "rows")
    rows += f", {counted(sum(map(bool, found.grid.header)), 'column', 'columns')}"
    return [f"  {place}{header}{rows}", *(f"  {note}" for note in found.notes)]


def _proposed(
    shown: str, path: Path, name: str, chosen: Sequence[TableProposal], notes: Sequence[str], url: str
) -> MapResult:
    lines, tables = [f"{shown} -> {path}"], []
    said: set[str] = set()
    for one in chosen:
        about = _about(one.found)
        lines += [] if about[0] in said else about
        said.add(about[0])
        lines += _table_lines(one)
        tables.append(_table_dict(one))
    lines += notes
    entries = [_head(chosen), *(_entry(one, shown, name, url) for one in chosen)]
    look = sum(proposal.confidence == LOOK for one in chosen for proposal in one.proposals)
    missing = sum(len(one.open) for one in chosen)
    complete = f", {missing} to complete (MISSING): until then no intake reads it" if missing else ""
    lines += ["", f"Read {path} and correct it: {look} to look at{complete}.",
              "Then write delivery.toml beside the file, with your own words for those in capitals:",
              "", *entries]  # fmt: skip
    return MapResult(shown, tuple(tables), tuple(notes), str(path), "\n".join(entries), lines=tuple(lines),
                     missing=missing)  # fmt: skip


def _head(chosen: Sequence[TableProposal]) -> str:
    """What stands above the files in delivery.toml. When the extract was cut nobody but its sender knows."""
    source = f'source = "{_sender([one.table.table for one in chosen]) or "SOURCE"}"'
    return f"{source}\nextract_date = YYYY-MM-DD   # the day on which it was cut\nmade_up = false"


def _entry(one: TableProposal, shown: str, name: str, url: str) -> str:
    origin = [f"url = {text(url)}", 'query = "QUERY.sql"'] if url else [f"path = {text(shown)}"]
    return "\n".join(["", "[[file]]", f'table = "{one.table.table}"', *origin, 'agreement = "AGREEMENT-ID"',
                      f'mapping = "{name}"'])  # fmt: skip


def _origin(proposal: Any) -> str:
    column = proposal.map
    if column.sources:
        return " + ".join(column.sources) + (" (end's row)" if column.second else "")
    if column.constant is None:
        return "the extract's date" if column.use else "the columns of each entry"
    return f"always {column.constant}"


def _table_lines(one: TableProposal) -> list[str]:
    lines = [f"  {one.table.table}, {_fit(one.worth)}"]
    for proposal in one.proposals:
        lines.append(f"    {proposal.confidence:<8}{proposal.map.name:<26}{_origin(proposal)}")
        if proposal.why:
            lines.append(f"{'':<12}{proposal.why}")
        if proposal.untranslated:
            codes = ", ".join(f"{code!r} ({count:,})" for code, count in proposal.untranslated.items())
            lines.append(f"{'':<12}codes without ours: {codes}")
        if proposal.seldom:
            codes = ", ".join(f"{form} ({count:,})" for form, count in proposal.seldom.items())
            lines.append(f"{'':<12}other values, by their form: {codes}")
    if one.table.unpivot:
        lines.append(f"    one row for each of: {', '.join(one.table.unpivot.rows)}")
    if one.table.pair:
        lines.append(f"    one row for each pair in {one.table.pair.column}, by {', '.join(one.table.pair.by)}")
    for title, names in (
        ("MISSING, must be filled", one.open),
        ("not sent", one.table.not_sent),
        ("their columns not used", one.unused),
        ("never accepted, not looked at", one.refused),
    ):
        lines += [f"    {title}: {', '.join(names)}"] if names else []
    return lines


def _table_dict(one: TableProposal) -> dict[str, Any]:
    columns = [
        {"column": proposal.map.name, "from": list(proposal.map.sources), "confidence": proposal.confidence,
         "why": proposal.why, "untranslated": dict(proposal.untranslated), "other_forms": dict(proposal.seldom)}
        for proposal in one.proposals
    ]  # fmt: skip
    return {"table": one.table.table, "sheet": one.found.layout.sheet, "fit": round(one.worth, 2), "columns": columns,
            "missing": list(one.open), "not_sent": list(one.table.not_sent), "not_used": list(one.unused),
            "never_accepted": list(one.refused)}  # fmt: skip


# --- next quarter


def reuse(source: str, content: bytes, workspace: Workspace, name: str, *, today: Any, kind: str = "") -> MapResult:
    """What has changed in the layout since the mapping was made, and what would come of the file. Writes nothing."""
    from desist.intake.mapping.apply import read_grid

    shown, path = Path(source).name if kind != "query" else "the query's answer", workspace.mappings / f"{name}.toml"
    check_names(shown)
    if not path.exists():
        raise Refused(f"There is no mapping {name}.", [
            Problem("no such file", str(path), "a mapping", "Run `desist map FILE --as TABLE` first.")])  # fmt: skip
    whole = read_mapping(path)
    lines, changes, usable, tables = [f"{shown} under the mapping {name}:"], list[str](), True, []
    for table in whole.tables:
        grid = read_grid(content, whole.format_of(table), where=shown, wanted=None)
        words = [] if isinstance(grid, list) else _changes(whole, table, grid)
        wanted = [column for column in CONTRACTS[table.table].names if column not in table.not_sent]
        rows = map_rows(content, whole, table, wanted, cut=today, where=shown)
        lines.append(f"  {table.table}")
        lines += [f"    {word}" for word in words]
        if isinstance(rows, list):
            usable = False
            lines += [f"    cannot be read: {problem}" for problem in rows]
            changes += [*words, *(str(problem) for problem in rows)]
            tables.append({"table": table.table, "rows": 0, "problems": [str(problem) for problem in rows]})
            continue
        changes += words
        lines += [] if words else ["    nothing changed in its layout"]
        told = counted(len(rows.unreadable), "line", "lines")
        lines.append(f"    {counted(len(rows.lines), 'row', 'rows')} can be read, {told} cannot, or not whole")
        tables.append({"table": table.table, "rows": len(rows.lines), "unreadable": len(rows.unreadable)})
    lines.append("Nothing was written." + ("" if usable else f" Correct {path}, then try again."))
    return MapResult(shown, tuple(tables), changes=tuple(changes), lines=tuple(lines), usable=usable)


def _changes(whole: FileMap, table: TableMap, grid: Grid) -> list[str]:
    """What is to be told of the layout; nothing of a file in which no column is known: its header may be a person."""
    change = changed(whole.layout_of(table), grid, table.sources)
    if len(change.gone) == len(table.sources):
        return []
    words = [f"columns {told}"] if (told := change.as_text()) else []
    words += [f"new codes in {column}: {found}" for column, found in new_codes(grid, table).items()]
    return words


def file_bytes(path: Path) -> bytes:
    """The bytes of a plain file of a size that can be mapped."""
    if path.is_dir():
        raise Refused(f"{path} is a folder.", [
            Problem("a folder", str(path), "one file, or a database's URL",
                    "Name one of the files in it; each has a mapping of its own.")])  # fmt: skip
    if not path.is_file():
        raise Refused(f"There is no file {path}.", [
            Problem("no such file", str(path), "a file, or a database's URL", "Name the agency's file.")])  # fmt: skip
    if path.stat().st_size > LARGEST_FILE:
        raise Refused(f"{path.name} is larger than {LARGEST_FILE:,} bytes: ask for it as Parquet, or in parts.")
    return path.read_bytes()
