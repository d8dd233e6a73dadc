"""How every page is made: templates, colours, and tables for spreadsheets. No network, no clock, no script."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from desist.reports import wording

TEMPLATES = Path(__file__).parent / "templates"

#: One hue in four depths, with an ink and a paper. Tests compute the contrast of every pair in PAIRS.
COLOURS: Mapping[str, str] = {
    "ink": "#14212b",
    "quiet": "#465662",
    "paper": "#ffffff",
    "tint": "#eef3f7",
    "line": "#a9b6c1",
    "edge": "#74838f",
    "link": "#124a7a",
    "focus": "#f7d54a",
    "depth1": "#7d9fbd",
    "depth2": "#4f7fa8",
    "depth3": "#2b6090",
    "depth4": "#0f3f69",
}

#: (foreground, background, least contrast): 4.5 for text, 3 for shapes (WCAG 2.2, 1.4.3 and 1.4.11).
PAIRS: tuple[tuple[str, str, float], ...] = (
    ("ink", "paper", 4.5), ("ink", "tint", 4.5), ("ink", "focus", 4.5),
    ("quiet", "paper", 4.5), ("quiet", "tint", 4.5),
    ("link", "paper", 4.5), ("link", "tint", 4.5),
    ("paper", "depth4", 4.5), ("paper", "ink", 4.5),
    ("edge", "paper", 3.0), ("edge", "tint", 3.0),
    ("depth2", "paper", 3.0), ("depth3", "paper", 3.0), ("depth4", "paper", 3.0),
)

#: Signs that make a spreadsheet run a cell as a formula, full-width ones too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


#: A text, or a text with a quieter one below it.
Cell = str | tuple[str, str]


@dataclass(frozen=True)
class TextTable:
    """A table ready to print: caption, header, rows (the first cell names the row) and notes.

    ``in_words``: the columns that hold words; the others hold numbers and stand to the right.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    in_words: frozenset[int] = frozenset({0})

    def texts(self) -> list[str]:
        """All texts of the rows, pairs taken apart."""
        cells = [cell for row in self.rows for cell in row]
        return [text for cell in cells for text in ([cell] if isinstance(cell, str) else cell)]


def luminance(colour: str) -> float:
    """Relative luminance of a "#rrggbb" colour, 0 (black) to 1 (white). Source: WCAG 2.2."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two "#rrggbb" colours, 1 to 21. Source: WCAG 2.2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@cache
def environment() -> jinja2.Environment:
    """The templates, with everything escaped and nothing undefined passing in silence."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(day=wording.day, sentence=wording.sentence, listed=wording.listed)
    made.globals.update(
        colours=COLOURS, people=wording.people, counted=wording.counted, step_words=wording.step_words,
        made_up_heading=wording.MADE_UP, made_up_body=wording.MADE_UP_BODY,
    )
    return made


def render(template: str, **content: Any) -> str:
    """The page as text, one trailing newline, the same bytes for the same content."""
    page = environment().get_template(template).render(**content)
    lines = [line.rstrip() for line in page.splitlines()]
    return "\n".join(line for line in lines if line) + "\n"


def sheet(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as CSV text that a spreadsheet opens without running anything in it.

    Starts with a byte-order mark, so that names with accents survive Excel; every cell is quoted.
    """
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([harmless(cell) for cell in header])
    for row in rows:
        if len(row) != len(header):
            raise ValueError("a row of the sheet has more or fewer cells than its header")
        writer.writerow([harmless(cell) for cell in row])
    return "\ufeff" + out.getvalue()


def harmless(cell: str) -> str:
    """The text as one line that no spreadsheet takes for a formula: such text gets an apostrophe in front."""
    text = " ".join(str(cell).replace("\x00", "").split())
    raw = str(cell).lstrip(" \u00a0\ufeff\u200b")
    return f"'{text}" if raw.startswith(_FORMULA) or text.startswith(_FORMULA) else text
