"""Layouts in which a row is not a row of ours: a column for each section of a form, a row for in and one for out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from desist.intake.mapping.content import Cells, date_style
from desist.intake.mapping.model import Pair, Unpivot
from desist.intake.mapping.words import known_words, likeness, plain

#: From so many sections on, columns of sections are taken for one wide assessment.
SECTIONS_AT_LEAST = 3
_MEASURES = ("score", "linked_reoffending", "linked_harm")
_FIRST = ("in", "reception", "received", "admission", "arrival", "recp")
_SECOND = ("out", "release", "released", "discharge", "rel", "departure")


def propose_unpivot(table: str, names: Sequence[str]) -> Unpivot | None:
    """An assessment with columns such as "3 Accommodation Score", "3 Accommodation linked to reoffending"; or None."""
    rows: dict[str, dict[str, str]] = {}
    for name in names:
        if (found := _section(name)) is None:
            continue
        section, rest = found
        measure = "score" if not rest else max(_MEASURES, key=lambda one: _about(rest, table, one))
        if rest and _about(rest, table, measure) < 0.5:
            continue
        rows.setdefault(section, {}).setdefault(measure, name)
    if len(rows) < SECTIONS_AT_LEAST:
        return None
    return Unpivot("section", {section: rows[section] for section in sorted(rows)})


def _about(rest: str, table: str, measure: str) -> float:
    words = {
        "linked_reoffending": ("reoffending", "offending", "reoff"),
        "linked_harm": ("harm", "rosh", "serious harm"),
    }
    if any(word in rest.split() or word == rest for word in words.get(measure, ())):
        return 1.0
    return likeness(rest, table, measure)


def _section(name: str) -> tuple[str, str] | None:
    """The section that a column's name begins with, after a number, and what is left of the name."""
    words = re.sub(r"^(s|section )?\d+ ", "", plain(name))
    best = None
    for section, spelt in known_words()["codes"]["section"].items():
        for one in (section, *spelt):
            if (
                not one.isdigit()
                and (words == one or words.startswith(f"{one} "))
                and (not best or len(one) > len(best[1]))
            ):
                best = (section, one)
    return (best[0], words[len(best[1]) :].strip()) if best else None


def propose_pair(table: str, cells: Mapping[str, Cells]) -> Pair | None:
    """A list of movements, in one row and out in another, as spells; None where no column says in and out."""
    for name, one in cells.items():
        spelt = {str(value): plain(str(value)) for value in one.counts}
        first = tuple(sorted(value for value, word in spelt.items() if word in _FIRST))
        second = tuple(sorted(value for value, word in spelt.items() if word in _SECOND))
        known = sum(one.counts[value] for value in one.counts if str(value) in first + second)
        if not first or not second or known < 0.5 * one.filled:
            continue
        by = max(cells, key=lambda other: likeness(other, table, "agency_person"))
        dated = [other for other in cells if date_style(cells[other])[1] >= 0.5]
        if dated and likeness(by, table, "agency_person") >= 0.8:
            order = max(dated, key=lambda other: likeness(other, table, "occurred_on"))
            return Pair((by,), order, name, first, second)
    return None
