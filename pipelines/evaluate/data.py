"""The table of a spec made ready: derived columns, row sets, outcomes, keys. Every mistake in it is named at once."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.pipelines.evaluate.expressions import TEXT, Expression, ExpressionError, Value
from desist.pipelines.evaluate.followed import read_as_of, read_outcome
from desist.pipelines.evaluate.read import STR, find_file, header_of, levels_as_text, read_columns
from desist.pipelines.evaluate.sections import nearest
from desist.pipelines.evaluate.spec import RowSet, Spec
from desist.records.errors import Problem
from desist.records.hashing import hash_file

Bools = np.ndarray[Any, np.dtype[np.bool_]]
SHORTEST_REASON = 20  # characters


@dataclass(frozen=True)
class Made:
    """How rows were made of events: each file's hash, what a reader must know, figures, and rows set aside.

    ``profiles``: person_id, as_of, features and outcomes. ``set_aside``: file, row and reason, without any value.
    """

    files: Mapping[str, str]
    lines: tuple[str, ...]
    figures: Mapping[str, Any]
    profiles: pd.DataFrame
    set_aside: pd.DataFrame


@dataclass(frozen=True)
class Data:
    """What the file holds, ready to use.

    ``columns``: every column by our name, derived ones too. ``rows``: a mask per row set. ``outcomes``: 1, 0 or NaN.
    ``ids`` and ``people``: text per row. ``as_of``: the as-of date of each row (NaT where the spec names none).
    ``derived_from_outcome``: the columns that the spec says are known only later, by our names. ``known_on``: where
    rows were made of events, the day from which each row's outcome is known, by outcome; ``made``: how they were made.
    """

    path: Path
    hash: str
    columns: Mapping[str, Value]
    rows: Mapping[str, Bools]
    outcomes: Mapping[str, pd.Series[Any]]
    ids: pd.Series[Any]
    people: pd.Series[Any]
    as_of: pd.Series[Any]
    derived_from_outcome: frozenset[str]
    people_repeat: bool
    keyed: bool
    known_on: Mapping[str, pd.Series[Any]] = field(default_factory=dict)
    made: Made | None = None

    @property
    def length(self) -> int:
        return len(self.ids)


def load_data(spec: Spec, spec_file: str, folder: Path, problems: list[Problem]) -> Data:
    """The data of ``spec``; appends what is wrong to ``problems``. Raises UserError only for an unreadable file."""
    path = find_file(folder, spec.table.file)
    header = header_of(path, spec.table)
    names = _names(spec, spec_file, header, problems)
    later = _known_later(spec, spec_file, names, problems)
    used = columns_used(spec) | later
    wanted = {ours: names[ours] for ours in names if ours in used}
    keys = [names[key] for key in _keys(spec) if key in names]
    read = read_columns(path, spec.table, list(wanted.values()) or list(header[:1]), keys)
    columns = {ours: read[theirs] for ours, theirs in wanted.items()}
    length = len(next(iter(read.values())).data)
    return made_ready(spec, spec_file, path, header, columns, length, later, problems)


def made_ready(
    spec: Spec,
    spec_file: str,
    path: Path,
    header: tuple[str, ...],
    columns: dict[str, Value],
    length: int,
    later: frozenset[str],
    problems: list[Problem],
) -> Data:
    """The data of ``spec`` from columns of one length, however they were come by."""
    _derive(spec, spec_file, header, columns, problems)
    ids, people = _ids(spec, columns, length, problems)
    unknown_then = later | frozenset(spec_outcome_columns(spec))
    masks = _row_sets(spec, spec_file, columns, length, unknown_then, problems)
    outcomes = {
        name: read_outcome(outcome, columns, length, f"{spec_file} [outcomes.{name}]", problems)
        for name, outcome in spec.outcomes.items()
    }
    repeat = bool(people.duplicated().any())
    return Data(
        path,
        hash_file(path),
        columns,
        masks,
        outcomes,
        ids,
        people,
        read_as_of(spec, columns, length, problems),
        unknown_then,
        repeat,
        bool(spec.table.id),
    )


def spec_outcome_columns(spec: Spec) -> set[str]:
    """The columns that the outcomes themselves are read from."""
    found = set()
    for outcome in spec.outcomes.values():
        found |= {outcome.column} if outcome.column else set()
        found |= set(outcome.where.columns) if outcome.where else set()
    return found


def _keys(spec: Spec) -> tuple[str, ...]:
    return (*spec.table.id, spec.table.person)


def _names(spec: Spec, spec_file: str, header: tuple[str, ...], problems: list[Problem]) -> dict[str, str]:
    """Our name of each column of the file, to the file's own."""
    renamed = {theirs: ours for ours, theirs in spec.columns.items()}
    for ours, theirs in spec.columns.items():
        if theirs not in header:
            problems.append(
                Problem(
                    f"no column {theirs!r} in the file",
                    f"{spec_file} [columns] {ours}",
                    "a column name exactly as in the header",
                    nearest(theirs, header),
                )
            )
        if ours in header and ours != theirs:
            problems.append(
                Problem(
                    f"the name {ours!r}, which the file uses too",
                    f"{spec_file} [columns]",
                    "a name of your own",
                    "Choose another name.",
                )
            )
    return {renamed.get(theirs, theirs): theirs for theirs in header}


def columns_used(spec: Spec) -> frozenset[str]:
    """Every name the spec reads, whatever for."""
    expressions = [*spec.derive.values(), *(rows.where for rows in spec.rows.values())]
    used = {name for expression in expressions if expression for name in expression.columns}
    used |= spec_outcome_columns(spec) | {*_keys(spec), spec.table.as_of}
    used |= {feature.column for feature in spec.features.values()}
    used |= {part.column for part in spec.characteristics.values()}
    used |= {part.column for part in spec.comparators.values()}
    used |= {task.protocol.column for task in spec.tasks.values() if task.protocol}
    return frozenset(used - {""})


def _where_used(spec: Spec, name: str) -> str:
    """The first place in the spec that reads a column, for a message."""
    sections: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("features", spec.features),
        ("characteristics", spec.characteristics),
        ("comparators", spec.comparators),
        ("outcomes", spec.outcomes),
    )
    for section, parts in sections:
        for key, part in parts.items():
            if part.column == name:
                return f"[{section}.{key}]"
    for key, expression in spec.derive.items():
        if name in expression.columns:
            return f"[derive] {key}"
    for key, rows in spec.rows.items():
        if rows.where and name in rows.where.columns:
            return f"[rows.{key}] where"
    if name in (*spec.table.id, spec.table.person, spec.table.as_of):
        return "[table]"
    return "[tasks]"


def _known_later(spec: Spec, spec_file: str, names: Mapping[str, str], problems: list[Problem]) -> frozenset[str]:
    """The columns that the patterns of outcome_derived name, by either of their names."""
    found: set[str] = set()
    for pattern in spec.table.outcome_derived:
        hits = {ours for ours, theirs in names.items() if _matches(ours, pattern) or _matches(theirs, pattern)}
        hits |= {name for name in spec.derive if _matches(name, pattern)}
        if not hits:
            problems.append(
                Problem(
                    f"{pattern!r}, which is no column",
                    f"{spec_file} [table] outcome_derived",
                    "columns or patterns such as r_*",
                    nearest(pattern, names),
                )
            )
        found |= hits
    return frozenset(found)


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern)


def _derive(
    spec: Spec, spec_file: str, header: tuple[str, ...], columns: dict[str, Value], problems: list[Problem]
) -> None:
    """Add the derived columns, each from those above it; then note every name that is nowhere."""
    failed: set[str] = set()
    for name, expression in spec.derive.items():
        where = f"{spec_file} [derive] {name}"
        if name in header or name in spec.columns:
            problems.append(Problem("the name of a column of the file", where, "a new name", "Choose another."))
        missing = [part for part in sorted(expression.columns) if part not in columns]
        if missing:
            failed.add(name)
            later = [part for part in missing if part in spec.derive and part not in failed]
            if later:
                problems.append(
                    Problem(
                        f"{later[0]!r} before it is derived", where, "columns derived above it", "Move that line up."
                    )
                )
            continue
        try:
            columns[name] = expression.value(columns)
        except ExpressionError as error:
            failed.add(name)
            problems.append(Problem(str(error), where, "an expression that fits its columns", "Mend the expression."))
    for name in sorted(columns_used(spec) - set(columns) - failed - set(spec.derive) - set(spec.columns)):
        problems.append(
            Problem(
                f"no column {name!r}",
                f"{spec_file} {_where_used(spec, name)}",
                "a column of the file or of [derive]",
                nearest(name, [*columns, *header, *spec.derive]),
            )
        )


def _ids(
    spec: Spec, columns: Mapping[str, Value], length: int, problems: list[Problem]
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """The key of each row and the person it is about; rows are numbered from 1 where the table has no key."""
    numbered = pd.Series(np.arange(1, length + 1)).astype(str).astype(STR)
    keys = [_key(columns[name]) for name in spec.table.id if name in columns and not columns[name].written]
    if not keys or len(keys) != len(spec.table.id):
        ids = numbered
    else:
        ids = keys[0]
        for part in keys[1:]:
            ids = ids + " | " + part
    named = columns.get(spec.table.person)
    people = ids if named is None or named.written else _key(named)
    where = f"{spec.table.file}, {' and '.join(spec.table.id)}"
    empty, twice = int(ids.isna().sum()), int((ids.duplicated() & ids.notna()).sum())
    nobody = int((people.isna() & ids.notna()).sum())
    if empty:
        problems.append(Problem(f"{empty} rows without an id", where, "an id in every row", "Fill or drop those rows."))
    if nobody:
        problems.append(
            Problem(f"{nobody} rows without a person", where, "a person in every row", "Fill or drop them.")
        )
    if twice:
        remedy = (
            "Drop the repeats; or, where a person has several as-of dates, set id to both columns and person to the "
            "first."
        )
        problems.append(Problem(f"{twice} rows whose id stood in a row before", where, "one row an id", remedy))
    return ids.fillna(""), people.fillna("")


def _key(value: Value) -> pd.Series[Any]:
    return value.series if value.kind == TEXT else levels_as_text(value, {})


def _check_selection(rows: RowSet, later: frozenset[str], spec_file: str, problems: list[Problem]) -> None:
    """Note a row filter that looks at what came after: it selects on the outcome (REQUIREMENTS LAB-3)."""
    seen = sorted((rows.where.columns if rows.where else frozenset()) & later)
    if seen and len(rows.selects_on_later.strip()) < SHORTEST_REASON:
        problems.append(
            Problem(
                f"{seen[0]!r}, which is known only with or after the outcome",
                f"{spec_file} [rows.{rows.name}] where",
                "what was known on the as-of date",
                "Leave it out: choosing rows by what came later changes the rate. If it only says that "
                'the outcome is not known, give that as selects_on_later = "…".',
            )
        )


def _row_sets(
    spec: Spec,
    spec_file: str,
    columns: Mapping[str, Value],
    length: int,
    later: frozenset[str],
    problems: list[Problem],
) -> dict[str, Bools]:
    masks: dict[str, Bools] = {}

    def mask(name: str, asked: tuple[str, ...] = ()) -> Bools:
        if name in masks:
            return masks[name]
        rows = spec.rows.get(name)
        if rows is None or name in asked:
            return np.ones(length, dtype=bool)
        inside = mask(rows.within, (*asked, name)) if rows.within else np.ones(length, dtype=bool)
        masks[name] = inside & _where(rows.where, columns, length, f"{spec_file} [rows.{name}] where", problems)
        _check_selection(rows, later, spec_file, problems)
        if inside.any() and not masks[name].any():
            problems.append(
                Problem(
                    "a condition that no row meets",
                    f"{spec_file} [rows.{name}] where",
                    "at least one row",
                    "Look at the values it asks for.",
                )
            )
        return masks[name]

    for name in spec.rows:
        mask(name)
    return masks


def _where(
    expression: Expression | None, columns: Mapping[str, Value], length: int, where: str, problems: list[Problem]
) -> Bools:
    if expression is None or not expression.columns <= set(columns):
        return np.ones(length, dtype=bool)  # a missing column has its own problem
    try:
        return expression.rows(columns, length)
    except ExpressionError as error:
        problems.append(Problem(str(error), where, "a condition that fits its columns", "Mend the expression."))
        return np.ones(length, dtype=bool)
