"""Each row against its table's contract: types, codes, empty cells, the sense of its dates.

Vectorised: each distinct value of a column is judged once.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.contracts import LONGEST_CELL, Column, Contract
from desist.intake.csv_rows import TOO_LONG
from desist.records import codes

Mask = npt.NDArray[np.bool_]

# Refused classes: only count, reason and line number are kept of such a row, never its content.
VICTIM_OR_WITNESS = "is about a victim or witness"
NOT_COVERED = "has a subject category that the agreement does not cover"
NO_CONSENT = "has no consent or recorded basis"
CHILDHOOD = "is a childhood record"
REPEALED_OFFENCE = "is about a repealed offence"
SUPPRESSED = "is about a person who was erased"
REFUSED_ROWS = (VICTIM_OR_WITNESS, NOT_COVERED, NO_CONSENT, CHILDHOOD, REPEALED_OFFENCE, SUPPRESSED)

#: Wrong codes are named in the report only where so many rows hold the same one: then it is a code of the
#: agency's system, not a name that slipped into the column.
NAMED_FROM = 5
NAMED_AT_MOST = 5
_CODE_LIKE = re.compile(r"[A-Za-z0-9_./-]{1,20}")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY_FIRST = re.compile(r"\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2,4}")
_EARLIEST = dt.date(1900, 1, 1)
#: Periods stay as written: their text is in the order of time.
_PERIODS = {
    "month": (r"^[12][0-9]{3}-(0[1-9]|1[0-2])$", "a month YYYY-MM"),
    "quarter": (r"^[12][0-9]{3}-Q[1-4]$", "a quarter YYYY-Qn"),
}
_TYPES = {"date": pa.timestamp("us"), "integer": pa.int64(), "decimal": pa.float64(), "boolean": pa.bool_()}


class Verdicts:
    """Why each row is not accepted: one reason a row, the first that was found; a refused class overrules it."""

    def __init__(self, rows: int) -> None:
        self._reasons = ["", *REFUSED_ROWS]
        self._reason = np.zeros(rows, dtype=np.int32)

    def _number(self, reason: str) -> int:
        if reason not in self._reasons:
            self._reasons.append(reason)
        return self._reasons.index(reason)

    def mark(self, rows: Mask, reason: str) -> None:
        """Give ``reason`` to those of ``rows`` that have none yet."""
        if rows.any():
            self._reason[rows & self.accepted] = self._number(reason)

    def refuse(self, rows: Mask, reason: str) -> None:
        """Give ``reason``, one of REFUSED_ROWS, to ``rows`` even where a fault was found before."""
        held = (self._reason > 0) & (self._reason <= len(REFUSED_ROWS))
        self._reason[rows & ~held] = REFUSED_ROWS.index(reason) + 1

    @property
    def accepted(self) -> Mask:
        return np.asarray(self._reason == 0)

    def having(self, reason: str) -> Mask:
        return np.asarray(self._reason == self._number(reason))

    def reasons(self) -> list[str]:
        """The reason of each row, empty for an accepted one."""
        return [self._reasons[number] for number in self._reason]

    def counts(self) -> dict[str, int]:
        found = Counter(self._reason.tolist())
        return {self._reasons[number]: count for number, count in sorted(found.items()) if number}


@dataclass
class Checked:
    """A file's rows after the checks: ``typed`` has every contract column, ``verdicts`` says which rows stand."""

    contract: Contract
    typed: pa.Table
    verdicts: Verdicts
    wrong_codes: dict[str, dict[str, int]]
    unmapped: frozenset[str] = frozenset()

    def array(self, name: str) -> pa.Array:
        return self.typed[name].combine_chunks()

    def days(self, name: str) -> npt.NDArray[np.datetime64]:
        return days(self.typed[name])


def days(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.datetime64]:
    """A date column as numpy days; NaT where empty."""
    return np.asarray(column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
                      ).astype("datetime64[D]")  # fmt: skip


def parse_date(value: str) -> dt.date | str:
    """The day, or why the text is not one. Nothing is guessed: 03/04/2026 stays unread."""
    if not _ISO.fullmatch(value):
        return "is written day first, not YYYY-MM-DD" if _DAY_FIRST.fullmatch(value) else "is not a date YYYY-MM-DD"
    try:
        day = dt.date.fromisoformat(value)
    except ValueError:
        return "is not a day of the calendar"
    return day if day >= _EARLIEST else f"is before {_EARLIEST.year}"


def _parse_number(value: str, column: Column) -> float | int | str:
    form = r"[+-]?\d{1,15}(\.0{1,3})?" if column.kind == "integer" else r"[+-]?\d{1,15}(\.\d{1,15})?"
    if not re.fullmatch(form, value, re.ASCII):
        return "is not a whole number" if column.kind == "integer" else "is not a number"
    number = int(float(value)) if column.kind == "integer" else float(value)
    outside = (column.lowest is not None and number < column.lowest) or (
        column.highest is not None and number > column.highest
    )
    return "is outside the range that the contract allows" if outside else number


def _parser(column: Column) -> Callable[[str], Any] | None:
    """A function from a cell's text to its value, or to a text saying why it has none; None for free text."""
    if column.kind == "date":
        return parse_date
    if column.kind in ("integer", "decimal"):
        return lambda value: _parse_number(value, column)
    if column.kind == "boolean":
        return lambda value: {"true": True, "false": False}.get(value, "is not true or false")
    return None


def check_rows(cells: pa.Table, contract: Contract, *, extract_date: dt.date, categories: Sequence[str]) -> Checked:
    """Types and verdicts of every row by its own content; other rows and other tables are not looked at.

    ``categories``: the subject categories that the agreement covers. Dates are judged against the extract's date.
    """
    checked = Checked(contract, cells, Verdicts(len(cells)), {})
    typed = {}
    for column in contract.columns:
        if column.name in cells.column_names:
            typed[column.name] = _check_column(column, cells[column.name].combine_chunks(), checked)
        else:
            typed[column.name] = pa.nulls(len(cells), _TYPES.get(column.kind, pa.string()))
    checked.typed = pa.table(typed)
    _check_subject(checked, categories)
    _check_dates(checked, np.datetime64(extract_date, "D"))
    _check_numbers_and_periods(checked, extract_date)
    return checked


def _mask(array: pa.Array | pa.ChunkedArray) -> Mask:
    return np.asarray(pc.fill_null(array, False)).astype(bool)


def _check_column(column: Column, cells: pa.Array, checked: Checked) -> pa.Array:
    verdicts, name = checked.verdicts, column.name
    too_long = _mask(pc.greater(pc.utf8_length(cells), LONGEST_CELL))
    if too_long.any():
        verdicts.mark(too_long, TOO_LONG)
        cells = pc.if_else(pa.array(too_long), None, cells)
    if column.kind == "text":  # no code, date or number can hold one
        control = _mask(pc.match_substring_regex(cells, r"[\x00-\x1f\x7f]"))
        verdicts.mark(control, f"{name} holds a control character")
    if column.required:
        verdicts.mark(np.asarray(pc.is_null(cells)) & ~too_long, f"{name} is empty")
    parse = _parser(column)
    if column.kind in ("code", "offence"):
        _check_codes(column, cells, checked)
    if column.kind in _PERIODS:
        form, words = _PERIODS[column.kind]
        other = ~_mask(pc.match_substring_regex(cells, form)) & np.asarray(cells.is_valid())
        verdicts.mark(other, f"{name} is not {words}")
    if parse is None:
        return cells
    encoded = cells.dictionary_encode()
    parsed = [parse(value) for value in encoded.dictionary.to_pylist()]
    places = np.asarray(pc.fill_null(encoded.indices, -1))
    for reason in sorted({value for value in parsed if isinstance(value, str)}):
        wrong = np.array([value == reason for value in parsed] + [False])
        verdicts.mark(wrong[places], f"{name} {reason}")
    values = pa.array([None if isinstance(value, str) else value for value in parsed])
    return values.cast(_TYPES[column.kind]).take(encoded.indices)


def _check_codes(column: Column, cells: pa.Array, checked: Checked) -> None:
    encoded = cells.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    places = np.asarray(pc.fill_null(encoded.indices, -1))

    def rows(wanted: Callable[[str], bool]) -> Mask:
        return np.asarray(np.array([*(wanted(value) for value in values), False])[places])

    if column.kind == "code":
        allowed = set(column.codes)
        wrong = rows(lambda value: value not in allowed)
        checked.verdicts.mark(wrong, f"{column.name} holds a code that is not on its list")
        if checked.contract.held_in == "store":  # never a cell of an identity or equality table
            checked.wrong_codes.update(_named(column.name, [values[place] for place in places[wrong]]))
        return
    five = re.compile(r"[0-9]{5}")
    mapped, repealed = codes.offences(), codes.repealed_offences()
    checked.verdicts.mark(rows(lambda value: not five.fullmatch(value)), f"{column.name} is not a code of five digits")
    checked.verdicts.refuse(rows(lambda value: value in repealed), REPEALED_OFFENCE)
    checked.unmapped = frozenset(value for value in values if five.fullmatch(value) and value not in mapped)


def _named(column: str, wrong: list[str]) -> dict[str, dict[str, int]]:
    often = {
        value: count
        for value, count in Counter(wrong).most_common()
        if count >= NAMED_FROM and _CODE_LIKE.fullmatch(value)
    }
    return {column: dict(list(often.items())[:NAMED_AT_MOST])} if often else {}


def _check_subject(checked: Checked, categories: Sequence[str]) -> None:
    """Refuse rows about victims or witnesses only, and categories outside the agreement (REQUIREMENTS INT-6)."""
    if not checked.contract.of_people:
        return
    category = checked.typed["subject_category"]
    checked.verdicts.refuse(_mask(pc.is_in(category, pa.array(["victim", "witness"]))), VICTIM_OR_WITNESS)
    others = [name for name in codes.SUBJECT_CATEGORIES if name not in categories]
    checked.verdicts.refuse(_mask(pc.is_in(category, pa.array(others, type=pa.string()))), NOT_COVERED)


def _check_dates(checked: Checked, cut: np.datetime64) -> None:
    contract, verdicts = checked.contract, checked.verdicts
    dates = {column.name: checked.days(column.name) for column in contract.columns if column.kind == "date"}
    for column in contract.columns:
        if column.kind == "date" and not column.plan:
            verdicts.mark(dates[column.name] > cut, f"{column.name} lies after the extract date")
    for column in contract.columns:
        if column.not_before:
            verdicts.mark(dates[column.name] < dates[column.not_before], f"{column.name} is before {column.not_before}")
        known_from = column.known_from or ("recorded_on" if _is_own_event(column) else "")
        if column.known_from:
            there = np.asarray(checked.typed[column.name].is_valid())
            verdicts.mark(there & np.isnat(dates[known_from]), f"{column.name} has no {known_from}")
        if known_from and column.kind == "date":
            verdicts.mark(dates[column.name] > dates[known_from], f"{column.name} lies after its {known_from}")


def _check_numbers_and_periods(checked: Checked, cut: dt.date) -> None:
    """A part is no larger than its whole, and a period has begun by the extract date."""
    latest = {"month": f"{cut:%Y-%m}", "quarter": f"{cut.year}-Q{(cut.month + 2) // 3}"}
    for column in checked.contract.columns:
        values = checked.typed[column.name]
        if column.at_most:
            more = _mask(pc.greater(values, checked.typed[column.at_most]))
            checked.verdicts.mark(more, f"{column.name} is more than {column.at_most}")
        if column.kind in latest:
            later = _mask(pc.greater(values, latest[column.kind]))
            checked.verdicts.mark(later, f"{column.name} lies after the extract date")


def _is_own_event(column: Column) -> bool:
    """Whether the date is of something that had happened when the row was recorded, so cannot lie after that."""
    is_event = column.kind == "date" and not column.plan
    return is_event and column.name != "dob" and not column.name.endswith("recorded_on")
