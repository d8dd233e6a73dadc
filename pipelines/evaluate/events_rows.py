"""Rows made of events: who is in scope on each date, what was known of them then, and what came after.

Features are worked out by the compiled engine, outcomes by the one pass over follow-ups, as in the quarterly run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.features.engines.compiled import columns_of
from desist.features.events import Events
from desist.features.outcomes import OutcomeDefinition, follow_ups
from desist.features.outcomes.packing import meeting
from desist.features.rows import Rows
from desist.pipelines.evaluate.data import Data, Made, columns_used, made_ready
from desist.pipelines.evaluate.events_read import LoadedEvents, load_people, load_table
from desist.pipelines.evaluate.events_spec import AS_OF, EVERY, PERSON, EventOutcome, EventsSpec
from desist.pipelines.evaluate.events_words import figures_of, lines_of
from desist.pipelines.evaluate.expressions import DATE, NUMBER, TEXT, Value
from desist.pipelines.evaluate.sections import nearest
from desist.pipelines.evaluate.spec import Spec
from desist.records.errors import Problem, UserError
from desist.records.hashing import hash_json

OUTCOME_TABLE = "follow_up"


def load_events(spec: Spec, spec_file: str, folder: Path, problems: list[Problem]) -> Data:
    """The rows that ``spec`` makes of its event tables, ready to use.

    Raises UserError without problems of its own where ``problems`` holds any by then: no row can be made.
    """
    assert spec.events is not None
    asked = spec.events
    loaded = _load_tables(asked, spec_file, folder, problems)
    people, people_hash = _people(spec, asked, spec_file, folder, problems)
    _check_dates(asked, spec_file, problems)
    if len(loaded) == len(asked.tables):
        _check_codes(asked, spec_file, loaded, problems)
    if problems:
        raise UserError("No row can be made of the events.")
    events = events_of(asked, loaded)
    rows = cohort_of(asked, events)
    if rows.empty:
        where = f"{spec_file} [cohort]"
        remedy = "Look at from and to, and at who."
        raise UserError("", [Problem("nobody in scope on any as-of date", where, "at least one row", remedy)])
    features = columns_of(events, rows, asked.definitions)
    labels = {name: label_of(asked, loaded, rows, part) for name, part in asked.outcomes.items()}
    profiles = pd.concat([rows, pd.DataFrame({**features, **labels})], axis=1)
    columns = {name: Value(NUMBER, profiles[name]) for name in (*features, *labels)}
    columns |= {PERSON: Value(TEXT, rows[PERSON]), AS_OF: Value(DATE, rows[AS_OF], True), **_joined(people, rows)}
    path = folder / spec.table.file
    data = made_ready(spec, spec_file, path, tuple(columns), columns, len(rows), frozenset(), problems)
    files = {part.file: loaded[name].hash for name, part in asked.tables.items()}
    files |= {asked.people.file: people_hash} if asked.people else {}
    aside = pd.concat([part.set_aside for part in loaded.values()], ignore_index=True)
    lines, figures = lines_of(asked, loaded, profiles), figures_of(asked, loaded, profiles)
    known_on = {name: rows[AS_OF] + pd.Timedelta(days=part.days_to_known) for name, part in asked.outcomes.items()}
    return replace(data, hash=hash_json(files), known_on=known_on, made=Made(files, lines, figures, profiles, aside))


def _load_tables(asked: EventsSpec, spec_file: str, folder: Path, problems: list[Problem]) -> dict[str, LoadedEvents]:
    found = {}
    for name, table in asked.tables.items():
        try:
            loaded = load_table(table, spec_file, folder, asked.cut_on, problems)
        except UserError as error:
            problems.extend(error.problems)
            continue
        if loaded is not None:
            found[name] = loaded
    return found


def _people(
    spec: Spec, asked: EventsSpec, spec_file: str, folder: Path, problems: list[Problem]
) -> tuple[dict[str, Value], str]:
    """The columns of the people's file that the spec uses, none of them a feature."""
    if asked.people is None:
        return {}, ""
    # Those of the spec, not those that could be read: a misspelt definition is told once, as a definition.
    made = {*spec.features, *spec.outcomes, PERSON, AS_OF, *spec.derive}
    wanted = set(columns_used(spec)) - made
    try:
        people, hashed = load_people(asked.people, spec_file, folder, wanted, problems)
    except UserError as error:
        problems.extend(error.problems)
        return {}, ""
    for name in sorted(wanted - set(people)):
        where = f"{spec_file} [characteristics] or another place that reads it"
        problems.append(
            Problem(f"no column {name!r}", where, f"a column of {asked.people.file}", nearest(name, people))
        )
    return people, hashed


def _check_dates(asked: EventsSpec, spec_file: str, problems: list[Problem]) -> None:
    cohort = asked.cohort
    if cohort.last > asked.known_by:
        found, expected = f"an as-of date {cohort.last}", f"{asked.known_by} at the latest, the day after the extract"
        problems.append(Problem(found, f"{spec_file} [cohort] to", expected, "End it earlier."))


def _check_codes(
    asked: EventsSpec, spec_file: str, loaded: Mapping[str, LoadedEvents], problems: list[Problem]
) -> None:
    """Note a code that is asked for and stands in no row: a misspelt one would count nothing, in silence."""
    for place, rows in asked.rows_read():
        for test in rows.conditions:
            known = set(loaded[rows.contract.name].rows[test.field].dropna()) if test.operator == "one_of" else set()
            for value in test.operand if isinstance(test.operand, tuple) else ():
                if value not in known:
                    where = f"{spec_file} {place}"
                    found = f"{value!r}, which {rows.contract.name}.{test.field} never is"
                    problems.append(Problem(found, where, "a code that occurs", nearest(value, known)))


def events_of(asked: EventsSpec, loaded: Mapping[str, LoadedEvents]) -> Events:
    """The tables under their contracts; each knows a person from the first row that it recorded of them."""
    tables = {name: part.rows for name, part in loaded.items()}
    contracts = {name: table.contract() for name, table in asked.tables.items()}
    known = {name: _first_recorded(rows) for name, rows in tables.items()}
    return Events(tables, contracts, known, dict.fromkeys(tables, asked.cut_on))


def _first_recorded(rows: pd.DataFrame) -> dict[str, dt.date]:
    first = rows.groupby(rows[PERSON].astype("str"))["recorded_on"].min()
    return dict(zip(first.index, first.dt.date, strict=True))


def as_of_dates(asked: EventsSpec) -> list[pd.Timestamp]:
    """The as-of dates of the cohort, the first and every so many months up to the last."""
    cohort = asked.cohort
    first, months = pd.Timestamp(cohort.first), EVERY[cohort.every]
    count = (cohort.last.year - cohort.first.year + 1) * 12 // months + 1
    days = [first + pd.DateOffset(months=months * number) for number in range(count)]
    return [day for day in days if day <= pd.Timestamp(cohort.last)]


def cohort_of(asked: EventsSpec, events: Events) -> pd.DataFrame:
    """person_id and as_of of every row: by date, then by person. Asks only what was known before each date."""
    since = events.known[asked.cohort.known_to]
    people = np.array(sorted(since), dtype=object)
    first = pd.to_datetime(pd.Series([since[name] for name in people])).to_numpy()
    parts = [pd.DataFrame({PERSON: people[first < day.to_datetime64()], AS_OF: day}) for day in as_of_dates(asked)]
    rows: pd.DataFrame = pd.concat(parts, ignore_index=True)
    rows = rows.astype({PERSON: "str", AS_OF: "datetime64[us]"})
    if asked.cohort.who is None or rows.empty:
        return rows
    found: pd.DataFrame = rows[columns_of(events, rows, {"who": asked.cohort.who})["who"] == 1.0]
    return found.reset_index(drop=True)


def label_of(
    asked: EventsSpec, loaded: Mapping[str, LoadedEvents], rows: pd.DataFrame, part: EventOutcome
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """1, 0 or NaN per row. An event counts from the day on which everything that makes it count was known.

    A condition on what was learnt later moves that day: a finding that came after the waiting period counts nothing.
    """
    rows_of, stamps = loaded[part.counts.contract.name].rows, asked.tables[part.counts.contract.name].learnt()
    counted = rows_of[meeting(rows_of, part.counts)]
    asked_later = [stamps[test.field] for test in part.counts.conditions if test.field in stamps]
    known = counted[["recorded_on", *asked_later]].max(axis=1, skipna=False)
    table = counted[[PERSON, "occurred_on"]].assign(recorded_on=known).dropna()
    contract = replace(
        asked.tables[part.counts.contract.name].contract(), name=OUTCOME_TABLE, source=OUTCOME_TABLE, fields={},
        learnt_later={}, ends=(), absence="none",
    )  # fmt: skip
    events = Events({OUTCOME_TABLE: table}, {OUTCOME_TABLE: contract}, {OUTCOME_TABLE: {}})
    definition = OutcomeDefinition(
        part.name, part.in_words(), "1", part.follow_up_days, part.waiting_days, part.lag_days, Rows(contract),
        by_sanction=False,
    )  # fmt: skip
    return follow_ups(events, rows, [definition], asked.known_by).labels()[:, 0]


def _joined(people: Mapping[str, Value], rows: pd.DataFrame) -> dict[str, Value]:
    """The people's columns for each row; empty for somebody whom the people's file does not have."""
    if not people:
        return {}
    place = pd.Index(people[PERSON].series).get_indexer(pd.Index(rows[PERSON]))
    found = {}
    for name, value in people.items():
        if name != PERSON:
            joined = value.series.take(np.maximum(place, 0)).reset_index(drop=True).where(place >= 0)
            found[name] = replace(value, data=joined)
    return found
