"""What has changed in an agency's layout since its mapping was made: columns gone, new, renamed."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from desist.intake.mapping.grid import Grid
from desist.intake.mapping.model import Layout
from desist.intake.mapping.words import plain

#: How alike two names must be for one to be told as the other's new name.
ALIKE = 0.7
_EMPTY = "empty"


@dataclass(frozen=True)
class Change:
    """``gone``: columns the mapping reads that are missing. ``new``: never seen before. ``renamed``: gone, new.

    ``retyped``: columns that are read, and what most of their cells were and are now: date, number or text.
    """

    gone: tuple[str, ...]
    new: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()

    def as_text(self) -> str:
        parts = []
        renamed = dict(self.renamed)
        if gone := [name for name in self.gone if name not in renamed]:
            parts.append(f"gone: {', '.join(gone)}")
        if renamed:
            parts.append("perhaps renamed: " + ", ".join(f"{old} to {new}" for old, new in renamed.items()))
        if new := [name for name in self.new if name not in renamed.values()]:
            parts.append(f"new: {', '.join(new)}")
        parts += [f"{name} now holds {now} instead of {was}" for name, was, now in self.retyped]
        return "; ".join(parts)


def changed(layout: Layout | None, grid: Grid, read: Sequence[str]) -> Change:
    """How the file differs from the layout, for a mapping that reads the columns ``read``."""
    header = grid.header
    there = {name for name in header if name}
    gone = tuple(name for name in dict.fromkeys(read) if name not in there)
    known = set(layout.columns if layout else ()) | set(read)
    new = tuple(name for name in header if name and name not in known) if layout else ()
    renamed, left = [], [name for name in header if name and name not in known]
    for old in gone:
        near = max(left, key=lambda name: _alike(old, name), default="")
        if near and _alike(old, near) >= ALIKE:
            renamed.append((old, near))
            left.remove(near)
    return Change(gone, new, tuple(renamed), tuple(_retyped(layout, grid, read)) if layout else ())


def _retyped(layout: Layout, grid: Grid, read: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    before = dict(zip(layout.columns, layout.kinds, strict=False))
    for name in dict.fromkeys(read):
        was, now = before.get(name, _EMPTY), _kind(grid.columns.get(name, []))
        if was != now and _EMPTY not in (was, now):
            yield name, was, now


def _alike(old: str, new: str) -> float:
    """How alike two names are, letter by letter or word by word in any order."""
    one, two = ({word for word in plain(name).split() if word not in ("of", "the")} for name in (old, new))
    words = len(one & two) / max(len(one | two), 1)
    return max(words, difflib.SequenceMatcher(None, plain(old), plain(new)).ratio())


def layout_of(grid: Grid, sheet: str) -> Layout:
    """The header's names and, for each, the kind of most of its cells: date, number, text, empty."""
    named = [name for name in grid.header if name]
    return Layout(sheet, tuple(named), tuple(_kind(grid.columns.get(name, [])) for name in named))


def _kind(values: Sequence[Any]) -> str:
    kinds = [_kind_of(value) for value in values if value is not None]
    return max(sorted(set(kinds)), key=kinds.count) if kinds else _EMPTY


def _kind_of(value: Any) -> str:
    if isinstance(value, dt.date):
        return "date"
    return "number" if isinstance(value, int | float) else "text"
