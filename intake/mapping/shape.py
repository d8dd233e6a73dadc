"""Which of a file's rows make which row of a table: rows chosen, one row for many columns, two rows for one spell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from desist.intake.mapping.cells import Fault, Value, written
from desist.intake.mapping.grid import Grid, folded
from desist.intake.mapping.model import FileMap, Pair, TableMap

NO_TABLE = "is of a kind that the mapping names for no table"
NO_START = "ends what no row before it began"
STARTED = "begins again before the one before it has ended"
NO_PLACE = "cannot be put in order: its date or its person is missing"
NEITHER = "is neither a beginning nor an end"


@dataclass
class Shape:
    """For each row of the table the place in the grid of its first row, of its second (-1: none), its unpivot entry.

    ``apart``: places in the grid that make no row although they should, with why.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64] | None = None
    entry: npt.NDArray[np.int64] | None = None
    entries: tuple[str, ...] = ()
    apart: dict[int, str] = field(default_factory=dict)


def shape(grid: Grid, table: TableMap, whole: FileMap, day: Callable[[Any], Value]) -> Shape:
    """How the grid's rows become rows of ``table``. ``day`` turns a cell into an ISO date."""
    chosen, apart = _choose(grid, table, whole)
    if table.pair:
        return _paired(grid, chosen, table.pair, day, apart)
    if table.unpivot:
        return _unpivoted(grid, chosen, table, apart)
    return Shape(chosen, apart=apart)


def _choose(grid: Grid, table: TableMap, whole: FileMap) -> tuple[npt.NDArray[np.int64], dict[int, str]]:
    """Rows that every rule of the table lets in. A row that no table's rule knows is set aside."""
    keep = np.ones(len(grid.lines), dtype=bool)
    apart: dict[int, str] = {}
    for rule in table.rows:
        cells = [_told(value) for value in grid.columns[rule.column]]
        taken, passed = _folded(rule.values), _folded(rule.leave_out)
        others = [other for one in whole.tables for other in one.rows if other.column == rule.column]
        known = taken | passed | {value for other in others for value in _folded(other.values + other.leave_out)}
        for place, value in enumerate(cells):
            if value not in taken:
                if keep[place] and value not in known:
                    apart[place] = NO_TABLE
                keep[place] = False
    return np.flatnonzero(keep), apart


def _told(value: Any) -> str:
    """A cell as a rule names it: 1 where Parquet has 1.0."""
    text = None if value is None else written(value)
    return folded(value if isinstance(text, Fault) else text)


def _folded(values: Iterable[str]) -> set[str]:
    return {folded(value) for value in values}


def _unpivoted(grid: Grid, chosen: npt.NDArray[np.int64], table: TableMap, apart: dict[int, str]) -> Shape:
    unpivot = table.unpivot
    assert unpivot is not None
    entries = tuple(unpivot.rows)
    first, entry = np.repeat(chosen, len(entries)), np.tile(np.arange(len(entries)), len(chosen))
    if unpivot.empty == "leave_out":
        filled = [
            np.array(
                [any(grid.columns[source][place] is not None for source in row.values()) for place in chosen],
                dtype=bool,
            )
            for row in unpivot.rows.values()
        ]
        keep = np.stack(filled, axis=1).ravel() if len(chosen) else np.zeros(0, dtype=bool)
        first, entry = first[keep], entry[keep]
    return Shape(first, entry=entry, entries=entries, apart=apart)


def _paired(
    grid: Grid, chosen: npt.NDArray[np.int64], pair: Pair, day: Callable[[Any], Value], apart: dict[int, str]
) -> Shape:
    """Each beginning with the next end of the same person; in the order of days, and within a day so that they fit."""
    begins, ends = _folded(pair.first), _folded(pair.second)
    by_person: dict[tuple[str, ...], list[tuple[str, int, bool]]] = {}
    for place in chosen.tolist():
        kind = _told(grid.columns[pair.column][place])
        key = tuple(_told(grid.columns[name][place]) for name in pair.by)
        when = day(grid.columns[pair.order][place])
        if not all(key) or not isinstance(when, str) or isinstance(when, Fault):
            apart[place] = NO_PLACE
        elif kind not in begins | ends:
            apart[place] = NEITHER
        else:
            by_person.setdefault(key, []).append((when, place, kind in begins))
    spells: list[tuple[int, int]] = []
    for moves in by_person.values():
        spells += _spells(sorted(moves, key=lambda move: move[:2]), apart)
    spells.sort()
    first, second = (np.array([spell[side] for spell in spells], dtype=np.int64) for side in (0, 1))
    return Shape(first, second, apart=apart)


def _spells(moves: Sequence[tuple[str, int, bool]], apart: dict[int, str]) -> list[tuple[int, int]]:
    """(beginning, end) of one person's spells; the end is -1 for one that goes on."""
    spells, open_since, waiting = [], -1, list(moves)
    while waiting:
        today = [move for move in waiting if move[0] == waiting[0][0]]
        # On one day the list's order may be any: first what fits to inside or outside.
        move = next((one for one in today if one[2] == (open_since < 0)), today[0])
        waiting.remove(move)
        _, place, begins = move
        if begins and open_since < 0:
            open_since = place
        elif not begins and open_since >= 0:
            spells.append((open_since, place))
            open_since = -1
        else:
            apart[place] = STARTED if begins else NO_START
    return spells + ([(open_since, -1)] if open_since >= 0 else [])
