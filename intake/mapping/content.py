"""What a column's cells look like: dates and their style, identifiers by their check letters, codes, numbers."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from desist.intake.mapping.cells import date_text, is_short_year
from desist.intake.mapping.grid import CellError, Formula
from desist.intake.mapping.model import STYLES
from desist.intake.mapping.words import codes_for, own_codes, says_nothing, worded
from desist.intake.terms.contracts import Column, Contract
from desist.records import codes
from desist.records.identifiers import CHECKS

_POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
#: Dates of birth lie before this year in any extract of adults.
_BORN_BEFORE = 2012


@dataclass(frozen=True)
class Cells:
    """One column's filled cells as a sample for proposals; ``counts`` by value, cells that say nothing left out."""

    filled: int
    counts: Counter[Any]
    nothing: Counter[str]


def cells_of(values: Sequence[Any]) -> Cells:
    """The filled cells of a column, counted."""
    # A whole number is 1, not 1.0, as it will be when the mapping is applied.
    whole = (int(value) if isinstance(value, float) and value.is_integer() else value for value in values)
    found = Counter(value for value in whole if value is not None)
    nothing = Counter({str(value): count for value, count in found.items() if says_nothing(value)})
    kept = Counter({value: count for value, count in found.items() if not says_nothing(value)})
    return Cells(sum(kept.values()), kept, nothing)


def pattern(value: Any) -> str:
    """The form of a value and none of its letters: A9999AA."""
    if isinstance(value, Formula | CellError):
        return "a formula" if isinstance(value, Formula) else "an error of Excel"
    text = str(value)[:24]
    return re.sub(r"[a-z]", "a", re.sub(r"[^\W\da-z_]", "A", re.sub(r"\d", "9", text)))


def is_personal(text: str) -> bool:
    """Whether a text is a date, a postcode or somebody's identifier, as no name of a column is."""
    return (
        bool(_POSTCODE.fullmatch(text.upper()))
        or any(check(_tidy(text)) for check in CHECKS.values())
        or any(isinstance(date_text(text, style), str) for style in ("iso", "day_first"))
        or is_short_year(text)
    )


#: Distinct values that are looked at to tell whether a column fits one of ours.
VALUES_ASKED = 5_000
_NO_DATE = "no date"
_NUMBERS = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ]\d{4}.*")


def reads_both_ways(cells: Cells) -> bool:
    """Whether no date tells day and month apart, and some would be another day if the month came first."""
    found = [match for value in cells.counts if (match := _NUMBERS.fullmatch(str(value)))]
    pairs = [(int(match[1]), int(match[2])) for match in found]
    return any(first != second for first, second in pairs) and all(max(pair) <= 12 for pair in pairs)


def other_dates(cells: Cells, style: str) -> dict[str, int]:
    """What the cells are that are no dates in ``style``, with their rows, in words and never as they stand."""
    made = Counter[str]()
    for value, rows in cells.counts.items():
        if not (style and _is_date(value, style)):
            made[_no_date(value)] += rows
    return dict(made.most_common())


def meant_as_dates(cells: Cells) -> float:
    """The share of cells that are dates, be it in a formula, with a year of two digits or the month first."""
    found = other_dates(cells, date_style(cells)[0])
    nothing = sum(found.get(what, 0) for what in (_NO_DATE, pattern(CellError(""))))
    return (cells.filled - nothing) / cells.filled if cells.filled else 0.0


def _no_date(value: Any) -> str:
    if isinstance(value, Formula | CellError):
        return pattern(value)
    text = str(value)
    if is_short_year(text):
        return "a date with a year of two digits"
    if (match := _NUMBERS.fullmatch(text)) and int(match[1]) <= 12 < int(match[2]) <= 31:
        return "a date with the month first"
    return "a date in another style" if any(_is_date(value, style) for style in STYLES) else _NO_DATE


def date_style(cells: Cells) -> tuple[str, float]:
    """The style in which most cells are dates, and their share; ("", 0.0) where none are."""
    best = ("", 0.0)
    for style in STYLES:
        # A bare number is a date only if Excel says so: otherwise every count would be one.
        dates = (value for value in cells.counts if style != "serial" or isinstance(value, dt.date))
        fits = sum(cells.counts[value] for value in dates if _is_date(value, style))
        share = fits / cells.filled if cells.filled else 0.0
        if share > best[1]:
            best = (style, share)
    return best


def _is_date(value: Any, style: str) -> bool:
    made = date_text(value, style, typed=False)
    return isinstance(made, str) and made[:4] >= "1900"


def translated(table: str, column: str, value: Any) -> str:
    """Our code for a value, or an empty text."""
    return codes_for(table, column).get(worded(str(value)), "")


def fits(cells: Cells, contract: Contract, column: Column) -> float | None:
    """The share of filled cells that can be this column; None where its content says nothing, or there is none."""
    if not cells.filled:
        return None
    if column.name in CHECKS:
        return _share(cells, lambda value: CHECKS[column.name](_tidy(value)))
    if column.name == "postcode":
        return _share(cells, lambda value: bool(_POSTCODE.fullmatch(str(value).upper().strip())))
    if column.name == "dob":
        style, share = date_style(cells)
        born = _share(cells, lambda value: bool(style) and _year(value, style) < _BORN_BEFORE)
        return min(share, born)
    if column.kind == "date":
        return date_style(cells)[1]
    if column.kind in ("integer", "decimal"):
        return _share(cells, lambda value: isinstance(value, int | float) or bool(_NUMBER.fullmatch(str(value))))
    if column.kind == "offence":
        return _share(cells, lambda value: str(value).zfill(5) in codes.offences())
    if column.kind in ("code", "boolean"):
        return _share(cells, lambda value: bool(translated(contract.table, column.name, value)))
    return None


def _year(value: Any, style: str) -> int:
    made = date_text(value, style)
    return int(made[:4]) if isinstance(made, str) else _BORN_BEFORE


def _tidy(value: Any) -> str:
    return "".join(str(value).upper().split())


def _share(cells: Cells, test: Any) -> float:
    """Of so many distinct values as tell what a column is: an agency's own numbers are as many as its rows."""
    asked = list(islice(cells.counts.items(), VALUES_ASKED))
    return sum(count for value, count in asked if test(value)) / sum(count for _, count in asked)


def needs_translation(column: Column, value: Any) -> bool:
    """Whether a code has to be written otherwise for the contract."""
    return str(value) not in own_codes(column) and not isinstance(value, bool)
