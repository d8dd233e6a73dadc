"""How one agency's layout becomes canonical tables: the mapping, as a person has read and agreed it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

KINDS = ("csv", "xlsx", "parquet", "query")
#: Excel writes "CSV (Comma delimited)" in Windows-1252 and "Unicode Text" in UTF-16.
#: Without a mark at its beginning a text does not say which of its two bytes comes first.
ENCODINGS = ("utf-8", "windows-1252", "iso-8859-1", "utf-16", "utf-16-le", "utf-16-be")
DELIMITERS = (",", ";", "\t", "|")
#: How dates are written: 2026-04-03; 03/04/2026 or 3 April 2026; a cell that Excel itself keeps as a date.
STYLES = ("iso", "day_first", "serial")
SPLIT = "SURNAME, Forename"
PARTS = ("surname", "forename", "other_names")
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


@dataclass(frozen=True)
class Format:
    """Where the rows of a file stand and how its cells are written. ``header_row`` counts from 1, as Excel does.

    ``header_rows``: lines of the header, joined where there are two. ``merged``: "refuse", or "fill" the cells
    that a merged cell covers with its value. ``decimal``: the sign before the decimals.
    """

    kind: str
    dates: str
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str = ""
    header_row: int = 1
    header_rows: int = 1
    hidden_sheet: bool = False
    merged: str = "refuse"
    decimal: str = "."
    url: str = ""


@dataclass(frozen=True)
class ColumnMap:
    """Where the cells of one canonical column come from and how they are rewritten.

    ``sources``: the agency's columns, joined by ``join`` where there are several. ``second``: they are read from
    the later row of a pair. ``codes``: agency's code to ours; a code that is not in it stays and is judged by the
    contract. ``empty``: values that say that nothing is known. ``pad``: leading zeros up to so many digits.
    ``use``: "extract_date", for what is known only from the day the extract was cut.
    """

    name: str
    sources: tuple[str, ...] = ()
    second: bool = False
    dates: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    empty: tuple[str, ...] = ()
    constant: str | None = None
    use: str = ""
    pad: int = 0
    remove: str = ""
    upper: bool = False
    split: str = ""
    take: str = ""
    join: str = " "


@dataclass(frozen=True)
class RowRule:
    """Only rows whose ``column`` holds one of ``values``; ``other_tables``: values whose rows are not this table's."""

    column: str
    values: tuple[str, ...]
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unpivot:
    """One row with a group of columns for each entry becomes one row an entry.

    ``into``: the canonical column that gets the entry's name. ``rows``: entry -> canonical column -> agency's column.
    ``empty``: "keep" entries of which every cell is empty, or "leave_out".
    """

    into: str
    rows: Mapping[str, Mapping[str, str]]
    empty: str = "keep"


@dataclass(frozen=True)
class Pair:
    """Two rows of a person, a beginning and the next end after it, become one row.

    ``by``: the agency's columns that say whose rows belong together; ``order``: its date column.
    """

    by: tuple[str, ...]
    order: str
    column: str
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class TableMap:
    """How one canonical table is made. ``sheet`` and ``header_row`` overrule the file's; ``not_sent`` stay empty.

    ``once_per``: canonical columns; where the file repeats a person with each event, one row of each is the table's.
    """

    table: str
    columns: Mapping[str, ColumnMap]
    not_sent: tuple[str, ...] = ()
    sheet: str = ""
    header_row: int = 0
    header_rows: int = 0
    rows: tuple[RowRule, ...] = ()
    unpivot: Unpivot | None = None
    pair: Pair | None = None
    once_per: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Every column of the agency's that is looked at, each once."""
        return tuple(dict.fromkeys(self._sources()))

    def _sources(self) -> Iterator[str]:
        for column in self.columns.values():
            yield from column.sources
        yield from self.steering
        if self.unpivot:
            for entry in self.unpivot.rows.values():
                yield from entry.values()

    @property
    def steering(self) -> tuple[str, ...]:
        """Columns that decide about rows and are not kept by that."""
        pair = (*self.pair.by, self.pair.order, self.pair.column) if self.pair else ()
        return (*(rule.column for rule in self.rows), *pair)


@dataclass(frozen=True)
class Layout:
    """What the header of one sheet (or of the file) looked like when the mapping was made: names and kinds of cells."""

    sheet: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class FileMap:
    """One mapping. ``hash`` changes with every word that decides about a row."""

    name: str
    format: Format
    tables: tuple[TableMap, ...]
    layouts: tuple[Layout, ...] = ()
    hash: str = ""

    def table(self, name: str) -> TableMap | None:
        return next((table for table in self.tables if table.table == name), None)

    def format_of(self, table: TableMap) -> Format:
        """The file's format with what the table says of its own sheet."""
        own = {
            name: getattr(table, name) or getattr(self.format, name) for name in ("sheet", "header_row", "header_rows")
        }
        return Format(**{**vars(self.format), **own})

    def layout_of(self, table: TableMap) -> Layout | None:
        sheet = table.sheet or self.format.sheet
        return next((layout for layout in self.layouts if layout.sheet == sheet), None)
