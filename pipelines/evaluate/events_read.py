"""Event tables from their files, checked against what the spec promises of them.

A row whose clocks contradict each other is set aside, with its number and the reason; whatever else is wrong is a
problem of the table. Messages hold column names, row numbers and counts, never a cell. Row 1 follows the header.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.pipelines.evaluate.events_spec import PERSON, EventField, EventTable, PeopleTable, learnt_name
from desist.pipelines.evaluate.expressions import NUMBER, TEXT, YES_NO, Value
from desist.pipelines.evaluate.features import NO, YES
from desist.pipelines.evaluate.read import find_file, header_of, read_columns
from desist.pipelines.evaluate.sections import nearest
from desist.pipelines.evaluate.spec import Table
from desist.records.errors import Problem
from desist.records.hashing import hash_file

SET_ASIDE = ("file", "row", "reason")
SHOWN = 5  # row numbers in a message
TIMED = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"


@dataclass(frozen=True)
class LoadedEvents:
    """The rows of one table that can be used, in its contract's columns; the rows that were set aside; its hash.

    ``undated``: field -> rows that have a value and no day on which it was learnt, so that it is never known.
    """

    rows: pd.DataFrame
    set_aside: pd.DataFrame
    undated: Mapping[str, int]
    read: int
    hash: str


class _Reader:
    """Reads one table; what is wrong goes to ``problems``."""

    def __init__(self, table: EventTable, spec_file: str, folder: Path, problems: list[Problem]) -> None:
        self.table, self.problems = table, problems
        self.where = f"{spec_file} [events.{table.name}]"
        self.path = find_file(folder, table.file)
        self.as_table = Table(
            table.file, (), "", "", (), table.missing, table.encoding, table.delimiter,
        )  # fmt: skip
        self.header = header_of(self.path, self.as_table)

    def note(self, found: str, where: str, expected: str, remedy: str) -> None:
        self.problems.append(Problem(found, where, expected, remedy))

    def columns(self) -> dict[str, Value] | None:
        """Every column that the spec names, numbers and yes/no as such and all else as text; None if one is missing."""
        table = self.table
        asked = {"person": table.person, "occurred_on": table.occurred_on, "recorded_on": table.recorded_on}
        asked |= {f"fields.{name}.column": part.column for name, part in table.fields.items()}
        asked |= {f"fields.{name}.learnt_on": part.learnt_on for name, part in table.fields.items()}
        missing = [(place, name) for place, name in asked.items() if name and name not in self.header]
        missing += [("key", name) for name in table.key if name not in self.header]
        for place, name in missing:
            found, expected = f"no column {name!r} in {table.file}", "a column name exactly as in the header"
            self.note(found, f"{self.where} {place}", expected, nearest(name, self.header))
        if missing or not all(name for place, name in asked.items() if not place.endswith("learnt_on")):
            return None  # an empty name is a problem of the spec, noted already
        names = list(dict.fromkeys(name for name in [*asked.values(), *(table.key or self.header)] if name))
        typed = {part.column for part in table.fields.values() if part.kind in ("number", "yes_no")}
        return read_columns(self.path, self.as_table, names, set(names) - typed)

    def date(self, columns: Mapping[str, Value], name: str, *, needed: bool) -> pd.Series[Any]:
        """The dates in a column; what is no date, and where one is needed an empty cell, is a problem."""
        text = columns[name].data.astype("str").where(columns[name].data.notna())
        if self.table.dates == "%Y-%m-%d":
            timed = text.str.contains(TIMED, regex=True, na=False)
            text = text.where(~timed, text.str.slice(0, 10))
        days: pd.Series[Any] = (
            pd.to_datetime(text, format=self.table.dates, errors="coerce").astype("datetime64[us]").dt.normalize()
        )
        where = f"{self.table.file}, {name}"
        wrong = days.isna() & text.notna()
        if wrong.any():
            example = dt.date(2024, 2, 28).strftime(self.table.dates)
            remedy = 'Say how dates are written, such as dates = "%d/%m/%Y", or mend the cells.'
            self.note(f"{_rows(wrong)} without a date that can be read", where, f"dates such as {example}", remedy)
        if needed and text.isna().any():
            self.note(f"{_rows(text.isna())} without a date", where, "a date in every row", "Fill or drop those rows.")
        return days

    def field(self, columns: Mapping[str, Value], name: str, part: EventField) -> Any:
        """The values of a field in its kind."""
        where = f"{self.table.file}, {part.column}"
        if part.kind == "date":
            return self.date(columns, part.column, needed=False)
        value = columns[part.column]
        if part.kind == "category":
            text = value.data.str.slice(0, part.letters) if part.letters else value.data
            others = text.dropna()[~text.dropna().isin(part.values)] if part.values else text.iloc[:0]
            if len(others):
                found = (
                    f"{len(others)} rows with {others.nunique()} codes that are not among the {len(part.values)} values"
                )
                self.note(
                    found, where, f"the values of {self.where} fields.{name}", "Add them, or put the cells right."
                )
            return text
        if part.kind == "yes_no" and value.kind in (TEXT, YES_NO, NUMBER):
            lower = value.data.map(_plain, na_action="ignore").astype("str")
            codes = lower.map({**dict.fromkeys(YES, 1.0), **dict.fromkeys(NO, 0.0)})
            bad = codes.isna() & value.data.notna()
            if bad.any():
                self.note(f"{_rows(bad)} that are neither yes nor no", where, "yes or no", "Mend the cells.")
            return codes.astype("float64")
        if value.kind != NUMBER:
            bad = pd.to_numeric(value.data, errors="coerce").isna() & value.data.notna()
            self.note(f"{_rows(bad)} that hold no number", where, "numbers", "Mend the cells, or choose another kind.")
            return pd.Series(np.full(len(value.data), np.nan))
        return value.data


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _rows(where: pd.Series[Any]) -> str:
    """How many rows, and the numbers of the first."""
    numbers = (np.flatnonzero(where.to_numpy(dtype=bool)) + 1).tolist()
    more = " …" if len(numbers) > SHOWN else ""
    rows = "1 row" if len(numbers) == 1 else f"{len(numbers):,} rows"
    return f"{rows} ({', '.join(str(number) for number in numbers[:SHOWN])}{more})"


def load_table(
    table: EventTable, spec_file: str, folder: Path, cut_on: dt.date, problems: list[Problem]
) -> LoadedEvents | None:
    """The table's rows; None, with problems noted, where a column is missing. Raises UserError for no such file."""
    reader = _Reader(table, spec_file, folder, problems)
    columns = reader.columns()
    if columns is None:
        return None
    learnt = dict.fromkeys(part.learnt_on for part in table.fields.values() if part.learnt_on)
    clocks = {
        "occurred_on": reader.date(columns, table.occurred_on, needed=True),
        "recorded_on": reader.date(columns, table.recorded_on, needed=True),
        **{learnt_name(name): reader.date(columns, name, needed=False) for name in learnt},
    }
    person = columns[table.person].data
    if person.isna().any():
        where = f"{table.file}, {table.person}"
        reader.note(f"{_rows(person.isna())} without a person", where, "a person in every row", "Fill or drop them.")
    fields = {name: reader.field(columns, name, part) for name, part in table.fields.items()}
    rows = pd.DataFrame({PERSON: person, **clocks, **fields})
    _check_future(reader, rows, [*clocks], cut_on)
    _check_repeats(reader, columns)
    reasons = _contradictions(table, rows)
    aside = rows.index[reasons != ""]
    if len(aside) > table.most_set_aside * len(rows):
        found = f"{len(aside):,} of {len(rows):,} rows whose dates contradict each other ({_first(reasons)})"
        expected = f"at most {table.most_set_aside:.1%} of them (most_set_aside)"
        reader.note(found, reader.where, expected, "Look whether two columns were mistaken for each other.")
    stamps = table.learnt()
    undated = {
        name: int((rows[name].notna() & rows[stamp].isna() & (reasons == "")).sum()) for name, stamp in stamps.items()
    }
    told = pd.DataFrame({"file": table.file, "row": aside + 1, "reason": reasons[aside]}, columns=list(SET_ASIDE))
    kept = rows[reasons == ""].reset_index(drop=True)
    return LoadedEvents(kept, told, {k: n for k, n in undated.items() if n}, len(rows), hash_file(reader.path))


def _first(reasons: pd.Series[Any]) -> str:
    return str(reasons[reasons != ""].iloc[0])


def _check_future(reader: _Reader, rows: pd.DataFrame, clocks: list[str], cut_on: dt.date) -> None:
    """Note what happened or became known after the extract was cut."""
    table = reader.table
    names = {"occurred_on": table.occurred_on, "recorded_on": table.recorded_on}
    for clock in clocks:
        late = rows[clock] > pd.Timestamp(cut_on)
        if late.any():
            where = f"{table.file}, {names.get(clock, clock.removesuffix(', learnt'))}"
            remedy = "Mend those rows, or cut_on under [extract] if the extract was cut later."
            reader.note(f"{_rows(late)} after the extract was cut", where, f"dates up to {cut_on}", remedy)


def _check_repeats(reader: _Reader, columns: Mapping[str, Value]) -> None:
    names = list(reader.table.key or reader.header)
    again = pd.DataFrame({name: columns[name].data for name in names}).duplicated()
    if again.any():
        what = " and ".join(reader.table.key) or "every column"
        found = f"{_rows(again)} that repeat an earlier row in {what}"
        remedy = "Drop the repeats, or give as key the columns that tell events apart."
        reader.note(found, f"{reader.where} key", "each event once", remedy)


def _contradictions(table: EventTable, rows: pd.DataFrame) -> pd.Series[Any]:
    """Why a row's clocks contradict each other; empty where they do not."""
    reasons = pd.Series("", index=rows.index, dtype="str")
    reasons[rows["recorded_on"] < rows["occurred_on"]] = f"{table.recorded_on} is before {table.occurred_on}"
    for name in dict.fromkeys(part.learnt_on for part in table.fields.values() if part.learnt_on):
        early = (rows[learnt_name(name)] < rows["recorded_on"]) & (reasons == "")
        reasons[early] = f"{name} is before {table.recorded_on}"
    return reasons


def load_people(
    people: PeopleTable, spec_file: str, folder: Path, wanted: set[str], problems: list[Problem]
) -> tuple[dict[str, Value], str]:
    """The wanted columns of the people's file with the person's id under ``person_id``, and the file's hash."""
    path = find_file(folder, people.file)
    table = Table(people.file, (), "", "", (), people.missing, people.encoding, people.delimiter)
    header = header_of(path, table)
    if people.person not in header:
        where, expected = f"{spec_file} [people] person", "a column name exactly as in the header"
        problems.append(Problem(f"no column {people.person!r}", where, expected, nearest(people.person, header)))
        return {}, hash_file(path)
    names = [people.person, *sorted((wanted & set(header)) - {people.person})]
    read = read_columns(path, table, names, [people.person])
    ids = read.pop(people.person)
    repeated, empty = int(ids.series.duplicated().sum()), int(ids.series.isna().sum())
    if repeated or empty:
        found = f"{repeated} rows of a person who stood above, {empty} without one"
        problems.append(Problem(found, f"{people.file}, {people.person}", "one row a person", "Drop or fill them."))
    return {PERSON: ids, **read}, hash_file(path)
