"""What a chart may be drawn from: the texts of its table, and nothing else.

A point drawn from an exact number tells that number to whoever measures it: a tenth of a pixel is finer than a whole
per cent, and a share to four digits of some 40 people is one count and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from desist.measures.audience import HIDDEN, LOW, MARKERS, NOT_APPLICABLE, NOT_AVAILABLE

#: How a range is written in a table.
TO = " to "


@dataclass(frozen=True)
class Drawn:
    """One point of a chart as its table has it; without a value nothing is drawn and ``note`` says why."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    note: str = ""


def drawn(rows: Iterable[tuple[str, str, str]]) -> tuple[Drawn, ...]:
    """A point for each row of a table: its label, its shown value and its shown range ("28% to 35%", or nothing).

    A point without a value has no range either, whatever the range says. Raises ValueError for a cell that is
    neither a number nor a marker.
    """
    return tuple(_point(*row) for row in rows)


def number_of(text: str) -> float | None:
    """The number that a cell shows: "1,235", "31%" (0.31), "+7" (0.07), "−0.12"; None for a marker.

    "[low]" is drawn at zero, to which it rounds.
    """
    if text in (HIDDEN, NOT_AVAILABLE, NOT_APPLICABLE, ""):
        return None
    if text == LOW:
        return 0.0
    plain = text.replace(",", "").replace("−", "-")
    try:
        if plain.endswith("%"):
            return float(plain[:-1]) / 100
        is_points = plain[0] in "+-" and "." not in plain
        return float(plain) / 100 if is_points else float(plain)
    except ValueError as fault:
        raise ValueError(f"{text!r} is no number and no marker, so it cannot be drawn") from fault


def bars(cells: Mapping[str, str]) -> tuple[Drawn, ...]:
    """A bar for each shown count, by its label."""
    return drawn((label, text, "") for label, text in cells.items())


def _point(label: str, value: str, span: str) -> Drawn:
    shown = number_of(value)
    if shown is None:
        return Drawn(label, None, None, None, MARKERS.get(value, MARKERS[NOT_AVAILABLE]))
    low, found, high = span.partition(TO)
    ends = (number_of(low), number_of(high)) if found else (None, None)
    return Drawn(label, shown, *ends)
