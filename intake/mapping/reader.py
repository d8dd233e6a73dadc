"""A mapping's TOML taken apart: what it states, or everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from desist.intake.mapping.model import (
    DELIMITERS,
    ENCODINGS,
    KINDS,
    NAME,
    PARTS,
    SPLIT,
    STYLES,
    ColumnMap,
    FileMap,
    Format,
    Layout,
    Pair,
    RowRule,
    TableMap,
    Unpivot,
)
from desist.intake.mapping.words import refused_column
from desist.intake.terms.contracts import CONTRACTS, refused_class
from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_json


class _Reader:
    """Takes a mapping's TOML apart and collects everything that is wrong with it."""

    def __init__(self, where: str) -> None:
        self.where, self.problems = where, list[Problem]()

    def fault(self, found: str, place: str, expected: str, remedy: str = "Correct it in the mapping.") -> None:
        self.problems.append(Problem(found, f"{self.where} {place}".strip(), expected, remedy))

    def value(self, table: Mapping[str, Any], key: str, kind: type, place: str, otherwise: Any) -> Any:
        found = table.get(key, otherwise)
        if found is not otherwise and (not isinstance(found, kind) or (kind is int and isinstance(found, bool))):
            words = {str: "a text", int: "a whole number", bool: "true or false", dict: "a table", list: "a list"}
            self.fault(f"`{key}` of another form", place, words[kind])
            return otherwise
        return found

    def texts(self, table: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
        """A text or a list of texts."""
        found = table.get(key, [])
        found = [found] if isinstance(found, str) else found
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            self.fault(f"`{key}` of another form", place, "a text or a list of texts")
            return ()
        return tuple(found)

    def one_of(self, value: str, allowed: tuple[str, ...], key: str, place: str) -> None:
        if value not in allowed:
            shown = ", ".join("tab" if item == "\t" else item for item in allowed)
            self.fault(f"{key} = {value[:40]!r}", place, f"one of {shown}")

    def known(self, table: Mapping[str, Any], keys: tuple[str, ...], place: str) -> None:
        if odd := sorted(set(table) - set(keys)):
            self.fault(f"{', '.join(odd)[:80]}", place, f"no other words than {', '.join(keys)}",
                       "Correct the spelling, or take it out: no word is passed over in silence.")  # fmt: skip


def file_map(content: Mapping[str, Any], *, name: str) -> FileMap:
    """The mapping that ``content``, parsed TOML, states. Raises Refused with everything that is wrong with it."""
    reader = _Reader(f"mapping {name}")
    reader.known(content, ("name", "made", "format", "layout", "table"), "")
    if not NAME.fullmatch(name):
        reader.fault("a name with other characters", "", "small letters, digits, - and _", "Name the file otherwise.")
    layout = _format(reader, reader.value(content, "format", dict, "", {}))
    entries = reader.value(content, "table", list, "", [])
    tables = tuple(_table(reader, entry, layout) for entry in entries if isinstance(entry, dict))
    if not tables:
        reader.fault("no [[table]]", "", "at least one table")
    for table in sorted({one.table for one in tables if [two.table for two in tables].count(one.table) > 1}):
        reader.fault(f"the table {table} twice", "", "each table once")
    if reader.problems:
        raise Refused(f"The mapping {name} cannot be used.", reader.problems)
    deciding = {key: content[key] for key in ("format", "table")}
    return FileMap(name, layout, tables, tuple(_layouts(reader, content)), hash_json(deciding))


def _layouts(reader: _Reader, content: Mapping[str, Any]) -> Iterator[Layout]:
    for entry in reader.value(content, "layout", list, "", []):
        names, kinds = (reader.texts(entry, key, "[[layout]]") for key in ("columns", "kinds"))
        yield Layout(str(entry.get("sheet", "")), names, kinds)


def _format(reader: _Reader, content: Mapping[str, Any]) -> Format:
    place = "[format]"
    kinds = {"kind": str, "dates": str, "encoding": str, "delimiter": str, "sheet": str, "header_row": int,
             "header_rows": int, "hidden_sheet": bool, "merged": str, "decimal": str, "url": str}  # fmt: skip
    reader.known(content, tuple(kinds), place)
    usual = {"kind": "", "dates": "", **{key: getattr(Format, key) for key in list(kinds)[2:]}}
    values = {key: reader.value(content, key, kind, place, usual[key]) for key, kind in kinds.items()}
    for key, allowed in (
        ("kind", KINDS), ("dates", STYLES), ("encoding", ENCODINGS), ("delimiter", DELIMITERS),
        ("merged", ("refuse", "fill")), ("decimal", (".", ",")),
    ):  # fmt: skip
        reader.one_of(values[key], allowed, key, place)
    if values["header_row"] < 1 or values["header_rows"] not in (1, 2):
        reader.fault("header_row below 1 or header_rows other than 1 or 2", place, "the row the header begins in")
    if values["kind"] == "xlsx" and (kind := refused_class(values["sheet"])):
        reader.fault(f"a sheet of {kind}", place, "no data of this class, ever (REQUIREMENTS INT-10)")
    return Format(**values)


_TABLE_WORDS = ("table", "sheet", "header_row", "header_rows", "not_sent", "rows", "once_per", "unpivot", "pair",
                "columns")  # fmt: skip


def _table(reader: _Reader, content: Mapping[str, Any], layout: Format) -> TableMap:
    name = reader.value(content, "table", str, "[[table]]", "")
    place = f"[[table]] {name}"
    reader.known(content, _TABLE_WORDS, place)
    columns = {
        key: _column(reader, key, value, place)
        for key, value in reader.value(content, "columns", dict, place, {}).items()
    }
    table = TableMap(
        name,
        columns,
        reader.texts(content, "not_sent", place),
        sheet=reader.value(content, "sheet", str, place, ""),
        header_row=reader.value(content, "header_row", int, place, 0),
        header_rows=reader.value(content, "header_rows", int, place, 0),
        rows=tuple(_rule(reader, rule, place) for rule in reader.value(content, "rows", list, place, [])),
        unpivot=_unpivot(reader, content, place),
        pair=_pair(reader, content, place),
        once_per=reader.texts(content, "once_per", place),
    )
    _table_faults(reader, table, place)
    return table


def _column(reader: _Reader, name: str, content: Any, place: str) -> ColumnMap:
    place = f"{place}.{name}"
    if not isinstance(content, dict):
        reader.fault("another form", place, '{from = "their column"}')
        return ColumnMap(name)
    words = ("from", "from_second", "dates", "codes", "empty", "constant", "use", "pad", "remove", "upper", "split",
             "take", "join")  # fmt: skip
    reader.known(content, words, place)
    codes = reader.value(content, "codes", dict, place, {})
    if not all(isinstance(value, str) for value in codes.values()):
        reader.fault("a code that is not a text", place, '"theirs" = "ours"')
        codes = {}
    second = "from_second" in content
    column = ColumnMap(
        name,
        reader.texts(content, "from_second" if second else "from", place),
        second,
        reader.value(content, "dates", str, place, ""),
        # An empty answer is a code nobody has translated yet: it stays as sent and its rows are set aside.
        {theirs: ours for theirs, ours in codes.items() if ours},
        reader.texts(content, "empty", place),
        reader.value(content, "constant", str, place, None),
        **{key: reader.value(content, key, str, place, "") for key in ("use", "remove", "split", "take")},
        pad=reader.value(content, "pad", int, place, 0),
        upper=reader.value(content, "upper", bool, place, False),
        join=reader.value(content, "join", str, place, " "),
    )
    _column_faults(reader, column, place, both="from" in content and second)
    return column


def _column_faults(reader: _Reader, column: ColumnMap, place: str, *, both: bool) -> None:
    if column.dates:
        reader.one_of(column.dates, STYLES, "dates", place)
    if column.use:
        reader.one_of(column.use, ("extract_date",), "use", place)
    if column.split or column.take:
        reader.one_of(column.split, (SPLIT,), "split", place)
        reader.one_of(column.take, PARTS, "take", place)
    if sum([bool(column.sources), column.constant is not None, bool(column.use)]) > 1 or both:
        reader.fault("more than one origin", place, "one of from, from_second, constant, use")
    for source in column.sources:
        if kind := refused_column(source):
            reader.fault(f"a column of {kind}", place, "no data of this class, ever (REQUIREMENTS INT-10)",
                         "Take the column out of the mapping.")  # fmt: skip


def _rule(reader: _Reader, content: Any, place: str) -> RowRule:
    content = content if isinstance(content, dict) else {}
    reader.known(content, ("column", "in", "leave_out"), f"{place} rows")
    rule = RowRule(
        reader.value(content, "column", str, place, ""),
        reader.texts(content, "in", place),
        reader.texts(content, "leave_out", place),
    )
    if not rule.column or not rule.values:
        reader.fault("a rule without column or in", f"{place} rows", '{column = "their column", in = ["value"]}')
    return rule


def _unpivot(reader: _Reader, content: Mapping[str, Any], place: str) -> Unpivot | None:
    if "unpivot" not in content:
        return None
    given, place = reader.value(content, "unpivot", dict, place, {}), f"{place} unpivot"
    reader.known(given, ("into", "rows", "empty"), place)
    rows = reader.value(given, "rows", dict, place, {})
    if not rows or not all(
        isinstance(entry, dict) and all(isinstance(source, str) for source in entry.values()) for entry in rows.values()
    ):
        reader.fault("rows of another form", place, 'drugs = {score = "their column"}')
        rows = {}
    unpivot = Unpivot(
        reader.value(given, "into", str, place, ""), rows, reader.value(given, "empty", str, place, "keep")
    )
    reader.one_of(unpivot.empty, ("keep", "leave_out"), "empty", place)
    return unpivot


def _pair(reader: _Reader, content: Mapping[str, Any], place: str) -> Pair | None:
    if "pair" not in content:
        return None
    given, place = reader.value(content, "pair", dict, place, {}), f"{place} pair"
    reader.known(given, ("by", "order", "column", "first", "second"), place)
    pair = Pair(
        reader.texts(given, "by", place),
        *(reader.value(given, key, str, place, "") for key in ("order", "column")),
        *(reader.texts(given, key, place) for key in ("first", "second")),
    )
    if not all(vars(pair).values()):
        reader.fault("a word missing", place, "by, order, column, first and second")
    return pair


def _table_faults(reader: _Reader, table: TableMap, place: str) -> None:
    contract = CONTRACTS.get(table.table)
    if contract is None:
        reader.fault(f"the table {table.table[:60]!r}", place, "a canonical table; docs/reference/extracts.md has them")
        return
    into = {name for entry in table.unpivot.rows.values() for name in entry} if table.unpivot else set()
    named = [*table.columns, *table.not_sent, *table.once_per, *into, *([table.unpivot.into] if table.unpivot else [])]
    if odd := sorted(set(named) - set(contract.names)):
        reader.fault(f"{', '.join(odd)[:80]}", place, f"columns of {table.table}", "Correct the column's name.")
    if both := sorted(set(table.columns) & set(table.not_sent)):
        reader.fault(f"{', '.join(both)} both mapped and not sent", place, "one or the other")
    if absent := sorted(set(contract.required) - (set(named) - set(table.not_sent))):
        reader.fault(f"no origin for {', '.join(absent)}", place, "an origin for every column that must be filled")
    if table.pair and table.unpivot:
        reader.fault("both pair and unpivot", place, "one of them")
    for name, column in table.columns.items():
        if not (column.sources or column.constant is not None or column.use or name in into):
            reader.fault(f"`{name}` without an origin", place, "from, constant or use",
                         'Write from = "their column", or move the name to not_sent.')  # fmt: skip
        if column.second and not table.pair:
            reader.fault(f"`{name}` from_second without a pair", place, "a [table.pair]")
