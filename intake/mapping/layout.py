"""What has changed in an agency's layout since its mapping was made: columns gone, new, renamed."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from desist.intake.mapping.grid import Grid
from desist.intake.mapping.model import Layout
from desist.intake.mapping.words import plain

#: How alike two names must be for one to be told as the other's new name.
ALIKE = 0.7


@dataclass(frozen=True)
class Change:
    """``gone``: columns the mapping reads that are missing. ``new``: never seen before. ``renamed``: gone, new."""

    gone: tuple[str, ...]
    new: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()

    def as_text(self) -> str:
        parts = []
        renamed = dict(self.renamed)
        if gone := [name for name in self.gone if name not in renamed]:
            parts.append(f"gone: {', '.join(gone)}")
        if renamed:
            parts.append("perhaps renamed: " + ", ".join(f"{old} to {new}" for old, new in renamed.items()))
        if new := [name for name in self.new if name not in renamed.values()]:
            parts.append(f"new: {', '.join(new)}")
        return "; ".join(parts)


def changed(layout: Layout | None, header: Sequence[str], read: Iterable[str]) -> Change:
    """How ``header`` differs from the layout, for a mapping that reads the columns ``read``."""
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
    return Change(gone, new, tuple(renamed))


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
    return max(sorted(set(kinds)), key=kinds.count) if kinds else "empty"


def _kind_of(value: Any) -> str:
    if isinstance(value, dt.date):
        return "date"
    return "number" if isinstance(value, int | float) else "text"
