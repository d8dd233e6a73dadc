"""One cell of an agency's as the contract's text: dates, codes, numbers, names. Nothing is repaired by guess."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from desist.intake.mapping.grid import CellError, Formula, folded
from desist.intake.mapping.model import ColumnMap
from desist.intake.mapping.words import worded

_DAY_FIRST = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?)?")
_MONTH_NAMED = re.compile(r"(\d{1,2})[ \-/]?([A-Za-z]{3,9})\.?[ \-/,]{0,2}(\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?")
_ISO_WITH_ZONE = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}(?::?\d{2})?)")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SHORT_YEAR = re.compile(r"\d{1,2}[/.\- ](\d{1,2}|[A-Za-z]{3,9})[/.\- ]\d{2}")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_SCIENTIFIC = re.compile(r"\d[.,]\d+[Ee]\+?\d{1,3}|\d[Ee]\+\d{1,3}")
#: Excel keeps fifteen digits of a number; the others it writes as zeros.
_MOST_DIGITS = 10**15
_LAST_SERIAL = 2_958_465  # 31 December 9999
_NO_ZONES = "is not a date: it has a time zone, and this computer has no table of them (package tzdata)"
_WORDS = {"iso": "YYYY-MM-DD", "day_first": "day first (DD/MM/YYYY)", "serial": "as one of Excel's own dates"}


@dataclass(frozen=True)
class Fault:
    """Why a cell has no value. ``style``: a date written otherwise than the mapping says. ``digits``: some are lost."""

    reason: str
    style: bool = False
    digits: bool = False


Value = str | Fault | None


def _day(year: int, month: int, day: int) -> str | Fault:
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return Fault("is not a day of the calendar")


@cache
def _london() -> dt.tzinfo | None:
    try:
        return zoneinfo.ZoneInfo("Europe/London")
    except zoneinfo.ZoneInfoNotFoundError:
        return None


def local_day(moment: dt.datetime) -> dt.date | None:
    """The day in London: 23:30 UTC on 31 March is 1 April there. A time without a zone is local already.

    None where a zone is stated and this computer has no table of them.
    """
    if moment.tzinfo is None:
        return moment.date()
    zone = _london()
    try:
        return moment.astimezone(zone).date() if zone else None
    except OverflowError:
        return moment.date()


def _day_of(value: dt.date) -> str | Fault:
    day = local_day(value) if isinstance(value, dt.datetime) else value
    return day.isoformat() if day else Fault(_NO_ZONES)


def _with_zone(day: str, time: str, zone: str) -> str | Fault:
    try:
        return _day_of(dt.datetime.fromisoformat(f"{day}T{time}{zone}"))
    except ValueError:
        return Fault("is not a day of the calendar")


def _written_iso(text: str) -> str | Fault | None:
    if zoned := _ISO_WITH_ZONE.fullmatch(text):
        return _with_zone(*zoned.groups())
    found = _ISO.fullmatch(text) or _COMPACT.fullmatch(text)
    return _day(*map(int, found.groups())) if found else None


def _written_day_first(text: str) -> str | Fault | None:
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year = map(int, found.groups())
        return _day(year, month, day)
    if found := _MONTH_NAMED.fullmatch(text):
        name = found[2].lower()
        month = next(
            (
                number
                for number, full in enumerate(_MONTHS, 1)
                if full.startswith(name) or (name == "sept" and number == 9)
            ),
            0,
        )
        return _day(int(found[3]), month, int(found[1])) if month else None
    return None


def _serial(number: float, *, date_1904: bool) -> str | Fault:
    if not 1 <= number <= _LAST_SERIAL:
        return Fault("is not a day of the calendar")
    days = int(number)
    if date_1904:
        return (dt.date(1904, 1, 1) + dt.timedelta(days)).isoformat()
    # Excel believes in 29 February 1900, so later days stand one further on.
    return (dt.date(1899, 12, 31) + dt.timedelta(days - (1 if days > 60 else 0))).isoformat()


def date_text(value: Any, style: str, *, date_1904: bool = False, typed: bool = False) -> str | Fault:
    """The day as YYYY-MM-DD; times of day are left off, those with a zone after they were London's.

    ``typed``: the file has a type for dates, as Parquet does.
    """
    expected = f"is not a date written {_WORDS[style]}"
    if isinstance(value, dt.date):
        if style == "serial" or typed:
            return _day_of(value)
        return Fault(f"is one of Excel's own dates, not {_WORDS[style]}", style=True)
    if isinstance(value, bool):
        return Fault(expected)
    if isinstance(value, int | float) and style == "serial":
        return _serial(value, date_1904=date_1904)
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    readers: dict[str, Callable[[str], str | Fault | None]] = {"iso": _written_iso, "day_first": _written_day_first}
    if style == "serial" and re.fullmatch(r"\d{1,7}(\.\d+)?", text):
        return _serial(float(text), date_1904=date_1904)
    found = readers[style](text) if style in readers else None
    if found is not None:
        return found
    if any(isinstance(other(text), str) for name, other in readers.items() if name != style):
        return Fault(expected, style=True)
    return Fault("has a year of two digits", style=True) if is_short_year(text) else Fault(expected)


def is_short_year(text: str) -> bool:
    """Whether a text is a date with a year of two digits, of which nobody knows the century."""
    return bool(_SHORT_YEAR.fullmatch(text))


def written(value: Any) -> str | Fault:
    """A cell as text. A whole number has no decimals, however Excel keeps it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return _day_of(value)
    if isinstance(value, int | float):
        if abs(value) >= _MOST_DIGITS:
            return Fault("is a number of more than 15 digits, of which Excel loses the last", digits=True)
        return str(int(value)) if float(value).is_integer() else repr(value)
    return str(value)


def _part(text: str, take: str) -> Value:
    surname, comma, rest = text.partition(",")
    if not comma or "," in rest or not surname.strip() or not rest.strip():
        return Fault('is not written "SURNAME, Forename"')
    forename, _, others = rest.strip().partition(" ")
    return {"surname": surname.strip(), "forename": forename, "other_names": others.strip()}[take] or None


def _number(text: str, decimal: str) -> str:
    return text.replace(",", ".") if decimal == "," and text.count(",") == 1 and "." not in text else text


def translator(column: ColumnMap) -> Callable[[str], str]:
    """Our code for an agency's, or an empty text. Capitals, and signs between words, make no other code."""
    exact = {folded(theirs): ours for theirs, ours in column.codes.items()}
    loose: dict[str, set[str]] = {}
    for theirs, ours in column.codes.items():
        loose.setdefault(worded(theirs), set()).add(ours)

    def translate(text: str) -> str:
        if known := exact.get(folded(text)):
            return known
        alike = loose.get(worded(text), set())
        return next(iter(alike)) if len(alike) == 1 else ""

    return translate


def _finisher(column: ColumnMap, kind: str, decimal: str) -> Callable[[str], Value]:
    """What the mapping says is to be done with a cell's text."""
    translate = translator(column)

    def finish(text: str) -> Value:
        if column.remove:
            text = "".join(sign for sign in text if sign not in column.remove)
        if column.upper:
            text = text.upper()
        if column.split:
            return _part(text, column.take)
        if column.codes and (known := translate(text)):
            return known
        if kind in ("text", "offence") and _SCIENTIFIC.fullmatch(text):
            return Fault("is a number written like 4.5E+09, of which digits are lost", digits=True)
        if kind in ("integer", "decimal"):
            text = _number(text, decimal)
        return (text.zfill(column.pad) if column.pad and text.isascii() and text.isdigit() else text) or None

    return finish


def converter(
    column: ColumnMap, kind: str, *, dates: str, decimal: str, date_1904: bool, typed: bool
) -> Callable[[Any], Value]:
    """A function from a cell to the contract's text, to None where it is empty, or to why it has no value.

    ``kind`` is the contract's kind of the column. What the contract itself judges (a code that is on no list,
    a text that is no number) stays as it is.
    """
    style, finish = column.dates or dates, _finisher(column, kind, decimal)
    empty = {value.casefold() for value in column.empty}

    def convert(value: Any) -> Value:
        if value is None or (isinstance(value, float) and value != value):
            return None
        if isinstance(value, CellError):
            return Fault(f"shows {f'the error {value}' if value else 'an error'} in Excel")
        if isinstance(value, Formula):
            return Fault("holds a formula")
        text = written(value)
        if isinstance(text, str) and text.casefold() in empty:
            return None
        if kind == "date":
            return date_text(value, style, date_1904=date_1904, typed=typed)
        if isinstance(text, Fault):
            return text
        return finish(text)

    return convert
