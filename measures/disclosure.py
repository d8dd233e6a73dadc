"""Disclosure control: which counts an audience may see, so that nobody can be picked out of a table.

Source: DOMAIN section 9. Small counts are hidden, further cells are hidden so that totals don't give them
away, what is left is rounded, and percentages come from the rounded counts alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.measures.audience import (
    AUDIENCES,
    HIDDEN,
    LOW,
    MARKERS,
    NOT_APPLICABLE,
    NOT_AVAILABLE,
    PARTNERSHIP,
    PRACTITIONER,
    PUBLIC,
    Audience,
    may_show_amount,
    may_show_rate,
    percentage,
    rounded_text,
    rounding_notes,
    show_count,
    used_notes,
)
from desist.measures.suppression import Line, Values, hide, one_answer

__all__ = [
    "AUDIENCES", "HIDDEN", "LOW", "MARKERS", "NOT_APPLICABLE", "NOT_AVAILABLE", "PARTNERSHIP", "PRACTITIONER",
    "PUBLIC", "Audience", "Line", "Protected", "Values", "hide", "may_show_amount", "may_show_rate", "percentage",
    "protect", "protect_list", "rounding_notes", "show_count", "used_notes", "whole_counts",
]


@dataclass(frozen=True)
class Protected:
    """A table that is safe to show: text cells (a rounded count or a marker), with its totals.

    ``cells`` has the table's rows and columns, ``row_totals`` and ``column_totals`` its labels.
    """

    cells: pd.DataFrame
    row_totals: pd.Series[str]
    column_totals: pd.Series[str]
    total: str
    audience: Audience

    def notes(self) -> list[str]:
        """One sentence for each marker that the table uses, and how counts were rounded."""
        return [*used_notes([*self.cells.to_numpy().ravel(), *self.row_totals, *self.column_totals, self.total]),
                *rounding_notes(self.audience)]


def protect(counts: pd.DataFrame, audience: Audience) -> Protected:
    """The two-way table with small counts, and those that would give them away, hidden; the rest rounded.

    Rows and columns are the parts of the whole: the totals are added here, and are hidden too where that is the
    only way. No hidden small count can be worked out from what is left, even with the totals known exactly.
    """
    values = whole_counts(counts.to_numpy())
    rows, columns = values.shape
    if not rows or not columns:
        raise ValueError("a table without rows or columns cannot be protected")
    grid = np.vstack([np.column_stack([values, values.sum(axis=1)]),
                      np.append(values.sum(axis=0), values.sum())])
    index = np.arange(grid.size).reshape(grid.shape)
    lines = [(int(line[-1]), tuple(int(i) for i in line[:-1])) for line in [*index, *index.T]]
    flat = grid.ravel()
    everybody = one_answer(flat, lines) if audience.hides_everybody else set()
    hidden = hide(flat, lines, audience, also=everybody)
    shown = np.array([HIDDEN if i in hidden else rounded_text(int(v), audience) for i, v in enumerate(flat)],
                     dtype=object).reshape(grid.shape)
    return Protected(
        cells=pd.DataFrame(shown[:-1, :-1], index=counts.index, columns=counts.columns),
        row_totals=pd.Series(shown[:-1, -1], index=counts.index, dtype=object),
        column_totals=pd.Series(shown[-1, :-1], index=counts.columns, dtype=object),
        total=str(shown[-1, -1]),
        audience=audience,
    )


def protect_list(counts: Mapping[str, int], audience: Audience) -> tuple[dict[str, str], str]:
    """Counts that add up to a published total, protected: the cells by name, and the total."""
    values = whole_counts(np.array([*counts.values(), sum(counts.values())], dtype=float))
    parts = tuple(range(len(counts)))
    lines = [(len(counts), parts)]
    everybody = one_answer(values, lines) if audience.hides_everybody else set()
    hidden = hide(values, lines, audience, also=everybody)
    shown = [HIDDEN if i in hidden else rounded_text(int(v), audience) for i, v in enumerate(values)]
    return dict(zip(counts, shown[:-1], strict=True)), shown[-1]


def whole_counts(values: Values) -> Values:
    """The counts as whole numbers. Raises ValueError where one is missing, below zero or no whole number."""
    numbers = np.asarray(values, dtype=float)
    if not np.isfinite(numbers).all() or (numbers < 0).any() or (numbers != np.round(numbers)).any():
        raise ValueError("disclosure control takes whole counts of people, none missing and none below zero")
    return numbers.astype(int)
