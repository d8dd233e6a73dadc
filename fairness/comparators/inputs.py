"""What a comparator is told of each row, checked once: an unknown input is unknown, never "no"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.fairness.groups import ADULT, NOT_STATED
from desist.fairness.statistics.intervals import Floats
from desist.features.tables import ROW, check_rows
from desist.records.errors import Problem, Refused

SEXES = {"Male": 0.0, "Female": 1.0}
YES_NO = {True: 1.0, False: 0.0}
LEVELS = (0.0, 1.0, 2.0)
UNDER_18 = f"under {ADULT} on the as-of date or at the start of follow-up: no child is scored"
FIRST_IS_LATER = "the inputs contradict each other: the first sanction is later than the current one"
MORE_VIOLENT = "the inputs contradict each other: more violent sanctions than sanctions"
FIRST_IS_NOT_CURRENT = "the inputs contradict each other: one sanction, but its two ages differ"

_EXPECTED = {
    "years": "whole years, 0 or more, or empty",
    "count": "whole numbers, 0 or more, or empty",
    "sanctions": "whole numbers, 1 or more (the current sanction counts), or empty",
    "yes_no": "true, false or empty",
    "level": "0 (no problems), 1 (some) or 2 (significant), or empty",
    "sex": f"Male, Female, {NOT_STATED} or empty",
    "text": "text or empty",
}


@dataclass(frozen=True)
class Input:
    """One column a comparator reads: its kind (a key of the list above) and how a reason calls it."""

    name: str
    kind: str
    says: str


AGE = Input("age", "years", "age on the as-of date")
SEX = Input("sex", "sex", "legal sex")
AGE_AT_START = Input("age_at_start", "years", "age at the start of follow-up")
AGE_AT_CONVICTION = Input("age_at_conviction", "years", "age at the current conviction")
AGE_AT_FIRST = Input("age_at_first_sanction", "years", "age at first sanction")
SANCTIONS = Input("sanctions", "sanctions", "number of sanctions")
VIOLENT = Input("violent_sanctions", "count", "number of violent sanctions")
CATEGORY = Input("offence_category", "text", "actuarial category of the current offence")
GROUP = Input("offence_group", "text", "OGRS3 group of the current offence")
MONTHS = Input("offence_free_months", "count", "months free of offences since the start of follow-up")
#: What every one of them needs.
CAREER = (AGE, SEX, AGE_AT_START, AGE_AT_CONVICTION, AGE_AT_FIRST, SANCTIONS)


@dataclass(frozen=True)
class Told:
    """The inputs of each row as numbers (NaN: unknown) or text (empty: unknown), and why a row cannot be scored.

    ``why`` is empty where the row can be scored. ``rows``: person_id, as_of.
    """

    rows: pd.DataFrame
    numbers: Mapping[str, Floats]
    texts: Mapping[str, NDArray[np.object_]]
    why: NDArray[np.object_]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows about which everything needed is known."""
        return np.asarray(self.why == "", dtype=bool)


def read_inputs(table: pd.DataFrame, inputs: Sequence[Input]) -> Told:
    """The inputs of a table with one row per person and as-of date.

    Unknown are: empty cells, a sex that is not stated. A row with an unknown input cannot be scored, whatever the
    others are; nor can a child, nor a row whose inputs contradict each other. Raises Refused, naming every problem
    at once, for a column that is not there or holds what it cannot hold; no value of a person is repeated.
    """
    check_rows(table, "rows for a comparator", [])
    problems: list[Problem] = []
    numbers: dict[str, Floats] = {}
    texts: dict[str, NDArray[np.object_]] = {}
    for one in inputs:
        if one.name not in table:
            problems.append(Problem("no such column", one.name, _EXPECTED[one.kind], "Add it; leave unknowns empty."))
        elif one.kind == "text":
            texts[one.name] = _text(table[one.name])
        else:
            numbers[one.name] = _numbers(table[one.name], one, problems)
    if problems:
        raise Refused("The comparators cannot be worked out from this table:", problems)
    why = _why_not(inputs, numbers, texts, len(table))
    return Told(table[ROW].reset_index(drop=True), numbers, texts, why)


def answer(told: Told, columns: Mapping[str, Floats | NDArray[np.object_]]) -> pd.DataFrame:
    """person_id, as_of, the columns (missing where the row cannot be scored) and why_unknown."""
    found = told.rows.copy()
    for name, values in columns.items():
        empty = "" if values.dtype == object else np.nan
        found[name] = np.where(told.known, values, empty)
    return found.assign(why_unknown=told.why)


def _text(values: pd.Series) -> NDArray[np.object_]:
    cells = values.to_numpy(dtype=object)
    return np.where(pd.isna(cells), "", np.array([str(cell).strip() for cell in cells], dtype=object))


def _numbers(values: pd.Series, one: Input, problems: list[Problem]) -> Floats:
    """The column as numbers, NaN where unknown; adds what it cannot hold to problems."""
    cells = values.to_numpy(dtype=object)
    missing = np.asarray(pd.isna(cells), dtype=bool)
    if one.kind == "sex":
        text = _text(values)
        missing = missing | (text == "") | (text == NOT_STATED)
        found = np.array([SEXES.get(cell, np.nan) for cell in text], dtype=float)
    elif one.kind == "yes_no":
        found = np.array([YES_NO.get(cell, np.nan) for cell in cells], dtype=float)
    else:
        numbers = pd.to_numeric(np.where(missing, np.nan, cells), errors="coerce")
        found = np.asarray(numbers, dtype=float)
    least = 1.0 if one.kind == "sanctions" else 0.0
    with np.errstate(invalid="ignore"):
        wrong = ~missing & ~((found >= least) & (found == np.floor(found)) & np.isfinite(found))
    if one.kind == "level":
        wrong |= ~missing & ~np.isin(found, LEVELS)
    if wrong.any():
        problems.append(Problem(f"{int(wrong.sum())} other values", one.name, _EXPECTED[one.kind], "Mend them."))
    return np.asarray(np.where(missing, np.nan, found), dtype=float)


def _why_not(
    inputs: Sequence[Input], numbers: Mapping[str, Floats], texts: Mapping[str, NDArray[np.object_]], rows: int
) -> NDArray[np.object_]:
    """Why each row cannot be scored: a child, else the inputs that are unknown, else what contradicts what."""
    unknown = np.column_stack([np.isnan(numbers[one.name]) if one.name in numbers else texts[one.name] == ""
                               for one in inputs]) if rows else np.zeros((0, len(inputs)), dtype=bool)  # fmt: skip
    kinds, kind_of = np.unique(unknown, axis=0, return_inverse=True)
    words = [", ".join(one.says for one, is_unknown in zip(inputs, kind, strict=True) if is_unknown) for kind in kinds]
    said = np.array([f"unknown: {text}" if text else "" for text in words], dtype=object)
    why = said[kind_of.reshape(-1)] if rows else np.array([], dtype=object)
    with np.errstate(invalid="ignore"):
        for reason, holds in _contradictions(numbers):
            why[(why == "") & holds] = reason
        child = np.fmin(numbers[AGE.name], numbers.get(AGE_AT_START.name, numbers[AGE.name])) < ADULT
    why[child] = UNDER_18
    return why


def _contradictions(numbers: Mapping[str, Floats]) -> list[tuple[str, NDArray[np.bool_]]]:
    found = []
    if AGE_AT_FIRST.name in numbers:
        first, now, n = (numbers[one.name] for one in (AGE_AT_FIRST, AGE_AT_CONVICTION, SANCTIONS))
        found.append((FIRST_IS_LATER, first > now))
        found.append((FIRST_IS_NOT_CURRENT, (n == 1) & (first != now)))
    if VIOLENT.name in numbers:
        found.append((MORE_VIOLENT, numbers[VIOLENT.name] > numbers[SANCTIONS.name]))
    return found
