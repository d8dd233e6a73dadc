"""Several tables of the same people, protected in one go: what one of them hides, no other gives away.

Two tables that count by the same thing share its totals. A table of part of the people (those listed, say) is
linked to the table of all of them: the difference is a count of the rest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.measures.audience import HIDDEN, Audience, rounded_text
from desist.measures.disclosure import Protected, whole_counts
from desist.measures.suppression import NOTHING_BESIDE, Beside, Line, Values, hide, one_answer

EVERYBODY = "everybody"
#: Stands between the parts of a cell's key; no name may hold it.
MARK = "|"


@dataclass(frozen=True)
class Table:
    """Counts of people by what names the rows and what names the columns; totals are added later.

    The axes must be named: a name shared by two tables says that they count by the same thing. Rows may be by two
    things at once (a MultiIndex). A table of a single column without a name is a list. ``people``: who is counted;
    ``within``: those of whom they are a part, where that was counted too.
    """

    name: str
    counts: pd.DataFrame
    people: str = EVERYBODY
    within: str = ""

    def __post_init__(self) -> None:
        names = [*self.row_names, *self.column_names]
        if not self.counts.shape[0] or not self.counts.shape[1]:
            raise ValueError("a table without rows or columns cannot be protected")
        if not all(names) or len(set(names)) < len(names):
            raise ValueError(f"each axis of {self.name} needs a name of its own")
        if self.counts.index.has_duplicates or self.counts.columns.has_duplicates:
            raise ValueError(f"{self.name} has two rows or two columns of one name")
        labels = [*names, self.people, *map(str, itertools.chain(*map(_tuple, self.counts.index))),
                  *map(str, self.counts.columns)]
        if any(MARK in label for label in labels):
            raise ValueError(f"no name in {self.name} may hold the sign {MARK}")
        if self.within == self.people:
            raise ValueError(f"the people of {self.name} cannot be a part of themselves")

    @property
    def row_names(self) -> tuple[str, ...]:
        """What the rows count by."""
        return _names(self.counts.index)

    @property
    def column_names(self) -> tuple[str, ...]:
        """What the columns count by; nothing for a list."""
        is_list = self.counts.shape[1] == 1 and self.counts.columns.name is None
        return () if is_list else _names(self.counts.columns)

    def row_key(self, row: object) -> str:
        """The key of a row's total."""
        return key_of(self.people, zip(self.row_names, _tuple(row), strict=True))

    def column_key(self, column: object) -> str:
        """The key of a column's total."""
        return key_of(self.people, [(name, column) for name in self.column_names])

    def cell_key(self, row: object, column: object) -> str:
        """The key of one cell."""
        return key_of(self.people, [*zip(self.row_names, _tuple(row), strict=True),
                                    *((name, column) for name in self.column_names)])

    @property
    def total_key(self) -> str:
        """The key of the total."""
        return key_of(self.people, ())


@dataclass(frozen=True)
class ProtectedTables:
    """Tables that are safe to show together. ``cells``: each cell's shown text by its key; ``lines``: their sums."""

    tables: Mapping[str, Protected]
    cells: Mapping[str, str]
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    audience: Audience


@dataclass(frozen=True)
class Linked:
    """All cells of several tables with their true counts, each once, and every sum that a reader can make.

    ``shown``: how many of them are in the tables; the others are differences between people and part of them.
    """

    keys: tuple[str, ...]
    values: Values
    lines: tuple[Line, ...]
    shown: int

    @property
    def shown_lines(self) -> tuple[Line, ...]:
        """The sums among cells that are in the tables."""
        return tuple(line for line in self.lines if max(line[0], *line[1]) < self.shown)


def key_of(people: str, by: Iterable[tuple[object, object]]) -> str:
    """The key of a cell: who is counted, and what they have in common, in a fixed order."""
    return MARK.join([people, *sorted(f"{name}={value}" for name, value in by)])


def protect_tables(tables: Sequence[Table], audience: Audience) -> ProtectedTables:
    """The tables with what must be hidden hidden in all of them, by their names.

    Raises ValueError where two tables give different counts for the same people: then these are not the same people,
    and ``people`` must say so.
    """
    return protect_linked(tables, link(tables), audience)


def protect_linked(
    tables: Sequence[Table], linked: Linked, audience: Audience, *,
    also: frozenset[int] = frozenset(), beside: Beside = NOTHING_BESIDE,
) -> ProtectedTables:
    """The tables protected, given their cells and what else a reader knows."""
    revealing = one_answer(linked.values, linked.shown_lines) if audience.hides_everybody else set()
    hidden = hide(linked.values, linked.lines, audience, also=also | revealing, beside=beside)
    cells = {key: HIDDEN if i in hidden else rounded_text(int(linked.values[i]), audience)
             for i, key in enumerate(linked.keys[: linked.shown])}
    return ProtectedTables(
        tables={table.name: _protected(table, cells, audience) for table in tables},
        cells=cells,
        lines=tuple((linked.keys[total], tuple(linked.keys[part] for part in parts))
                    for total, parts in linked.shown_lines),
        audience=audience,
    )


def link(tables: Sequence[Table]) -> Linked:
    """All cells of the tables and all their sums. Raises ValueError where two tables disagree on a cell."""
    if len({table.name for table in tables}) < len(tables):
        raise ValueError("two tables have one name")
    counts: dict[str, int] = {}
    for table in tables:
        for key, count in _cells(table):
            if counts.setdefault(key, count) != count:
                raise ValueError(
                    f"{table.name} counts other people than the table before it: one total has two values. Say in "
                    "`people` who is counted"
                )
    at = {key: i for i, key in enumerate(counts)}
    lines = dict.fromkeys(
        (at[total], tuple(sorted(at[part] for part in parts)))
        for table in tables for total, parts in _lines(table, counts) if parts != [total]
    )
    shown = len(counts)
    rests = _rests(tables, counts)
    for rest, whole, part in rests:
        at[rest] = len(at)
        counts[rest] = counts[whole] - counts[part]
        lines[(at[whole], (at[part], at[rest]))] = None
    return Linked(tuple(at), np.array(list(counts.values()), dtype=int), tuple(lines), shown)


def _cells(table: Table) -> Iterable[tuple[str, int]]:
    """Each cell of a table and its totals, with its count."""
    values = whole_counts(table.counts.to_numpy())
    for i, row in enumerate(table.counts.index):
        for j, column in enumerate(table.counts.columns):
            yield table.cell_key(row, column), int(values[i, j])
        yield table.row_key(row), int(values[i].sum())
    for j, column in enumerate(table.counts.columns):
        yield table.column_key(column), int(values[:, j].sum())
    yield table.total_key, int(values.sum())


def _lines(table: Table, known: Mapping[str, int]) -> Iterable[tuple[str, list[str]]]:
    """The sums of a table: to its own totals, and to any coarser cell that another table shows."""
    rows, columns = list(table.counts.index), list(table.counts.columns)
    for row in rows:
        yield table.row_key(row), [table.cell_key(row, column) for column in columns]
    for column in columns:
        yield table.column_key(column), [table.cell_key(row, column) for row in rows]
    yield table.total_key, [table.row_key(row) for row in rows]
    yield table.total_key, [table.column_key(column) for column in columns]
    names = table.row_names
    for kept in itertools.chain.from_iterable(itertools.combinations(range(len(names)), n) for n in range(len(names))):
        yield from _coarser(table, kept, known)


def _coarser(table: Table, kept: tuple[int, ...], known: Mapping[str, int]) -> Iterable[tuple[str, list[str]]]:
    """The sums over rows by two things that make the cells, or the row totals, of a table by one of them."""
    if not kept:
        return
    groups: dict[tuple[object, ...], list[object]] = {}
    for row in table.counts.index:
        groups.setdefault(tuple(_tuple(row)[i] for i in kept), []).append(row)
    for labels, rows in groups.items():
        by = [(table.row_names[i], label) for i, label in zip(kept, labels, strict=True)]
        total = key_of(table.people, by)
        if total in known:
            yield total, [table.row_key(row) for row in rows]
        for column in table.counts.columns:
            cell = key_of(table.people, [*by, *((name, column) for name in table.column_names)])
            if table.column_names and cell in known:
                yield cell, [table.cell_key(row, column) for row in rows]


def _rests(tables: Sequence[Table], counts: Mapping[str, int]) -> list[tuple[str, str, str]]:
    """For each cell counted for a part of the people and for all of them: keys of the rest, the whole and the part."""
    rests = {}
    for table in tables:
        for key, count in _cells(table) if table.within else ():
            by = key.removeprefix(table.people)
            whole = table.within + by
            if whole in counts:
                if counts[whole] < count:
                    raise ValueError(f"{table.name} counts more people than those of whom they are said to be a part")
                rests[f"{table.within} but not {table.people}{by}"] = (whole, key)
    return [(rest, whole, part) for rest, (whole, part) in rests.items()]


def _protected(table: Table, cells: Mapping[str, str], audience: Audience) -> Protected:
    index, columns = table.counts.index, table.counts.columns
    inner = [[cells[table.cell_key(row, column)] for column in columns] for row in index]
    return Protected(
        cells=pd.DataFrame(inner, index=index, columns=columns, dtype=object),
        row_totals=pd.Series([cells[table.row_key(row)] for row in index], index=index, dtype=object),
        column_totals=pd.Series([cells[table.column_key(column)] for column in columns], index=columns, dtype=object),
        total=cells[table.total_key],
        audience=audience,
    )


def _names(axis: pd.Index) -> tuple[str, ...]:
    """The names of an axis; an axis without one gets an empty name, which is refused."""
    return tuple(name if isinstance(name, str) else "" for name in axis.names)


def _tuple(label: object) -> tuple[object, ...]:
    return label if isinstance(label, tuple) else (label,)
