"""A governance document as a page and as Markdown: headings, sentences, lists and tables, written once for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from desist.reports.pages import Cell, TextTable, render

#: What nobody but a person can write stands behind this word, in both forms.
TO_WRITE = "To be written by"


@dataclass(frozen=True)
class Part:
    """One heading with what stands below it. ``level`` 2 or 3; ``to_write``: (who, what) that the tool cannot know."""

    heading: str
    text: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    tables: tuple[TextTable, ...] = ()
    to_write: tuple[tuple[str, str], ...] = ()
    level: int = 2

    def __post_init__(self) -> None:
        if self.level not in (2, 3):
            raise ValueError("a part stands on level 2 or 3")


@dataclass(frozen=True)
class Document:
    """A whole document. ``made_up``: it is about made-up people, and says so on top."""

    title: str
    lead: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    foot: tuple[str, ...]
    made_up: bool


def as_page(document: Document) -> str:
    """The document as a page with a table of contents."""
    anchors = {part.heading: f"part-{place}" for place, part in enumerate(document.parts, start=1)}
    return render(
        "document.html",
        title=document.title,
        made_up=document.made_up,
        document=document,
        anchors=anchors,
        to_write=TO_WRITE,
        contents=[(part.heading, anchors[part.heading]) for part in document.parts if part.level == 2],
    )


def as_markdown(document: Document) -> str:
    """The document as Markdown, one trailing newline."""
    return "\n\n".join(_blocks(document)) + "\n"


def _blocks(document: Document) -> Iterator[str]:
    yield f"# {document.title}"
    if document.made_up:
        yield "**Made up: nobody in these agreements is real.**"
    yield from document.lead
    if document.facts:
        yield "\n".join(f"- {name}: {value}" for name, value in document.facts)
    for part in document.parts:
        yield f"{'#' * part.level} {part.heading}"
        yield from part.text
        if part.points:
            yield "\n".join(f"- {item}" for item in part.points)
        yield from (_table(table) for table in part.tables)
        yield from (f"> **{TO_WRITE} {who}:** {what}" for who, what in part.to_write)
    yield from document.foot


def _table(table: TextTable) -> str:
    lines = [f"**{table.caption}**", "", _row(table.header), "|" + "---|" * len(table.header)]
    lines += [_row(row) for row in table.rows]
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)])


def _row(cells: tuple[Cell, ...]) -> str:
    texts = (cell if isinstance(cell, str) else ": ".join(filter(None, cell)) for cell in cells)
    return "| " + " | ".join(" ".join(text.replace("|", "\\|").split()) for text in texts) + " |"
