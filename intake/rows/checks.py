"""Each row against its table's contract: types, codes, empty cells, the sense of its dates.

Each distinct value of a column is judged once; rows are looked at only where a value is wrong.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.rows.csv_rows import TOO_LONG
from desist.intake.rows.stream import LAST_DAY, as_text, coded, day_numbers, is_coded, places, plain, small, spans
from desist.intake.terms.contracts import LONGEST_CELL, Column, Contract
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
#: The row named came earlier or not at all, and may have been of a refused class: no cell is kept either.
NO_PARENT_HELD = "refers to no row of {table} that is held"

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
_TYPES = {"date": pa.date32(), "integer": pa.int64(), "decimal": pa.float64(), "boolean": pa.bool_()}
_MOST = 10**15


ALL = slice(None)


class Verdicts:
    """Why each row is not accepted: one reason a row, the first that was found; a refused class overrules it."""

    def __init__(self, rows: int) -> None:
        self._reasons = ["", *REFUSED_ROWS]
        self._reason = np.zeros(rows, dtype=np.int16)

    def _number(self, reason: str) -> int:
        if reason not in self._reasons:
            self._reasons.append(reason)
        return self._reasons.index(reason)

    def mark(self, rows: Mask, reason: str, part: slice = ALL) -> None:
        """Give ``reason`` to those of ``rows`` that have none yet; they may be a ``part`` of all rows."""
        if rows.any():
            reasons = self._reason[part]
            reasons[rows & (reasons == 0)] = self._number(reason)

    def refuse(self, rows: Mask, reason: str, part: slice = ALL) -> None:
        """Give ``reason`` to ``rows`` even where a fault was found before, unless that is a refused class."""
        if rows.any():
            reasons = self._reason[part]
            reasons[rows & ~_refused(reasons)] = self._number(reason)

    @property
    def accepted(self) -> Mask:
        return np.asarray(self._reason == 0)

    @property
    def refused(self) -> Mask:
        """Rows of a refused class."""
        return _refused(self._reason)

    def having(self, reason: str) -> Mask:
        return np.asarray(self._reason == self._number(reason))

    def reasons(self) -> list[str]:
        """The reason of each row, empty for an accepted one."""
        return [self._reasons[number] for number in self._reason]

    def reasons_of(self, rows: Mask) -> list[str]:
        """As ``reasons``, of some rows."""
        return [self._reasons[number] for number in self._reason[rows]]

    def counts(self) -> dict[str, int]:
        found = np.bincount(self._reason, minlength=1)
        return {self._reasons[number]: int(count) for number, count in enumerate(found) if number and count}


def _refused(reasons: npt.NDArray[np.int16]) -> Mask:
    return np.asarray((reasons > 0) & (reasons <= len(REFUSED_ROWS)))


@dataclass
class Checked:
    """A file's rows after the checks: ``typed`` has every contract column, ``verdicts`` says which rows stand.

    Text in ``typed`` is compact (see ``stream``): a distinct value may belong to a refused row, so nothing is
    written before ``plain`` has given each cell its own.
    """

    contract: Contract
    typed: pa.Table
    verdicts: Verdicts
    wrong_codes: dict[str, dict[str, int]]
    unmapped: frozenset[str] = frozenset()

    def array(self, name: str) -> pa.Array:
        """The column with each cell's own value."""
        values = plain(self.typed[name].combine_chunks())
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values

    def coded(self, name: str) -> pa.DictionaryArray:
        """The column as distinct values and each row's place among them."""
        return coded(self.typed[name])

    def days(self, name: str) -> npt.NDArray[np.datetime64]:
        return days(self.typed[name])


days = day_numbers


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
            typed[column.name] = _check_column(column, cells[column.name], checked)
        else:
            typed[column.name] = pa.nulls(len(cells), _TYPES.get(column.kind, pa.string()))
    checked.typed = pa.table(typed)
    _check_subject(checked, categories)
    _check_dates(checked, np.datetime64(extract_date, "D"))
    _check_numbers_and_periods(checked, extract_date)
    return checked


def _check_column(column: Column, cells: pa.ChunkedArray, checked: Checked) -> pa.Array | pa.ChunkedArray:
    """The column's values by their contract's kind, with a verdict on each row that has none."""
    if cells.type == _TYPES.get(column.kind):
        _check_required(column, cells.null_count, np.asarray(cells.is_null()) if cells.null_count else None, checked)
        return _check_typed(column, cells, checked)
    encoded = small(coded(cells if is_coded(cells) else as_text(cells)))
    wrong = _long_values(encoded, checked.verdicts)
    nulls = encoded.indices.null_count
    if column.required and nulls:
        _check_required(column, nulls, np.asarray(encoded.indices.is_null()), checked)
    if wrong is not None:
        encoded = _without(encoded, wrong)
    values = encoded.dictionary.to_pylist() if column.kind != "text" else []
    if column.kind == "text":  # no code, date or number can hold one
        control = _mask(pc.match_substring_regex(encoded.dictionary, r"[\x00-\x1f\x7f]"))
        _mark_values(checked, encoded, control, f"{column.name} holds a control character")
    if column.kind in ("code", "offence"):
        _check_codes(column, encoded, values, checked)
    if column.kind in _PERIODS:
        form, words = _PERIODS[column.kind]
        other = np.array([not re.search(form, value) for value in values], dtype=bool)
        _mark_values(checked, encoded, other, f"{column.name} is not {words}")
    parse = _parser(column)
    if parse is None:
        return encoded
    parsed = [parse(value) for value in values]
    for reason in sorted({value for value in parsed if isinstance(value, str)}):
        of_reason = np.array([value == reason for value in parsed], dtype=bool)
        _mark_values(checked, encoded, of_reason, f"{column.name} {reason}")
    distinct = pa.array([None if isinstance(value, str) else value for value in parsed]).cast(_TYPES[column.kind])
    return distinct.take(encoded.indices)


def _check_required(column: Column, nulls: int, empty: Mask | None, checked: Checked) -> None:
    if column.required and nulls and empty is not None:
        checked.verdicts.mark(empty, f"{column.name} is empty")


def _mask(array: pa.Array | pa.ChunkedArray) -> Mask:
    return np.asarray(pc.fill_null(array, False)).astype(bool)


def _mark_values(checked: Checked, encoded: pa.DictionaryArray, wrong: Mask, reason: str) -> None:
    if wrong.any():
        checked.verdicts.mark(np.append(wrong, False)[places(encoded)], reason)


def _long_values(encoded: pa.DictionaryArray, verdicts: Verdicts) -> Mask | None:
    """Distinct values that are too long, after their rows were marked; None where there are none."""
    long = _mask(pc.greater(pc.utf8_length(encoded.dictionary), LONGEST_CELL))
    if not long.any():
        return None
    verdicts.mark(np.append(long, False)[places(encoded)], TOO_LONG)
    return long


def _without(encoded: pa.DictionaryArray, gone: Mask) -> pa.DictionaryArray:
    """The column with some distinct values emptied."""
    to = np.append(np.where(gone, -1, np.cumsum(~gone) - 1), -1).astype(np.int32)
    found = to[places(encoded)]
    return pa.DictionaryArray.from_arrays(pa.array(found, mask=found < 0), encoded.dictionary.filter(pa.array(~gone)))


def _check_typed(column: Column, cells: pa.ChunkedArray, checked: Checked) -> pa.ChunkedArray:
    """As for text, of a column that came with its contract's own type: what no text could say is no value."""
    if column.kind == "boolean":
        return cells
    wrong: tuple[tuple[Mask, str], ...]
    if column.kind == "date":
        day = day_numbers(cells)
        first = np.datetime64(_EARLIEST, "D")
        wrong = (day < first, f"is before {_EARLIEST.year}"), (day > LAST_DAY, "is not a date YYYY-MM-DD")
    else:
        lowest = -_MOST + 1 if column.lowest is None else column.lowest
        highest = _MOST - 1 if column.highest is None else column.highest
        number = np.asarray(pc.fill_null(cells, lowest) if cells.null_count else cells)
        wrong = (((number < lowest) | (number > highest), "is outside the range that the contract allows"),)
    gone = np.zeros(len(cells), dtype=bool)
    for rows, fault in wrong:
        checked.verdicts.mark(rows, f"{column.name} {fault}")
        gone |= rows
    return pc.if_else(pa.array(gone), None, cells) if gone.any() else cells


def _check_codes(column: Column, encoded: pa.DictionaryArray, values: Sequence[str], checked: Checked) -> None:
    def of(wanted: Callable[[str], bool]) -> Mask:
        return np.array([wanted(value) for value in values], dtype=bool)

    if column.kind == "code":
        allowed = set(column.codes)
        wrong = of(lambda value: value not in allowed)
        _mark_values(checked, encoded, wrong, f"{column.name} holds a code that is not on its list")
        if wrong.any() and checked.contract.held_in == "store":  # never a cell of an identity or equality table
            rows = np.bincount(places(encoded) + 1, minlength=len(values) + 1)[1:]
            counts = {values[place]: int(rows[place]) for place in np.flatnonzero(wrong).tolist()}
            checked.wrong_codes.update(_named(column.name, counts))
        return
    five = re.compile(r"[0-9]{5}")
    mapped, gone = codes.offences(), codes.repealed_offences()
    not_five = of(lambda value: not five.fullmatch(value))
    _mark_values(checked, encoded, not_five, f"{column.name} is not a code of five digits")
    repealed = of(lambda value: value in gone)
    if repealed.any():
        checked.verdicts.refuse(np.append(repealed, False)[places(encoded)], REPEALED_OFFENCE)
    checked.unmapped = frozenset(value for value in values if five.fullmatch(value) and value not in mapped)


def _named(column: str, wrong: Mapping[str, int]) -> dict[str, dict[str, int]]:
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
    encoded = checked.coded("subject_category")
    values = encoded.dictionary.to_pylist()
    others = [name for name in codes.SUBJECT_CATEGORIES if name not in categories]
    for among, reason in ((["victim", "witness"], VICTIM_OR_WITNESS), (others, NOT_COVERED)):
        # VICTIM is on no list of codes, and must be refused all the same: of a wrong code the cells would be kept.
        found = np.array([value.strip().casefold() in among for value in values], dtype=bool)
        if found.any():
            checked.verdicts.refuse(np.append(found, False)[places(encoded)], reason)


def _check_dates(checked: Checked, cut: np.datetime64) -> None:
    for part in spans(len(checked.typed)):
        _check_dates_of(checked, cut, part)


def _check_dates_of(checked: Checked, cut: np.datetime64, part: slice) -> None:
    """The sense of the dates in a part of the rows: small enough for all its days to be held at once."""
    contract, verdicts = checked.contract, checked.verdicts
    rows = checked.typed.slice(part.start, part.stop - part.start)
    dates = {column.name: days(rows[column.name]) for column in contract.columns if column.kind == "date"}
    for column in contract.columns:
        if column.kind == "date" and not column.plan:
            verdicts.mark(dates[column.name] > cut, f"{column.name} lies after the extract date", part)
    for column in contract.columns:
        name, before = column.name, column.not_before
        if before:
            verdicts.mark(dates[name] < dates[before], f"{name} is before {before}", part)
        known_from = column.known_from or ("recorded_on" if _is_own_event(column) else "")
        if column.known_from:
            there = np.asarray(rows[name].is_valid())
            verdicts.mark(there & np.isnat(dates[known_from]), f"{name} has no {known_from}", part)
        if known_from and known_from in dates and column.kind == "date":
            verdicts.mark(dates[name] > dates[known_from], f"{name} lies after its {known_from}", part)


def _check_numbers_and_periods(checked: Checked, cut: dt.date) -> None:
    """A part is no larger than its whole, and a period has begun by the extract date."""
    latest = {"month": f"{cut:%Y-%m}", "quarter": f"{cut.year}-Q{(cut.month + 2) // 3}"}
    for column in checked.contract.columns:
        values = checked.typed[column.name]
        if column.at_most:
            more = _mask(pc.greater(values, checked.typed[column.at_most]))
            checked.verdicts.mark(more, f"{column.name} is more than {column.at_most}")
        if column.kind in latest:
            encoded = coded(values)
            later = _mask(pc.greater(encoded.dictionary, latest[column.kind]))
            _mark_values(checked, encoded, later, f"{column.name} lies after the extract date")


def _is_own_event(column: Column) -> bool:
    """Whether the date is of something that had happened when the row was recorded, so cannot lie after that."""
    is_event = column.kind == "date" and not column.plan
    return is_event and column.name != "dob" and not column.name.endswith("recorded_on")
