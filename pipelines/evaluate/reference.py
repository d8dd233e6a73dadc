"""Stored scores of other models on the same rows: read, matched by id, and held against a task's limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from desist.pipelines.evaluate.data import Data
from desist.pipelines.evaluate.expressions import NUMBER, Value
from desist.pipelines.evaluate.fit import Floats, Rows
from desist.pipelines.evaluate.read import find_file, header_of, read_columns
from desist.pipelines.evaluate.sections import nearest
from desist.pipelines.evaluate.spec import Reference, Table, Task
from desist.records.errors import Problem
from desist.records.hashing import hash_file


@dataclass(frozen=True)
class Stored:
    """Reference scores by model: a row per seed, a column per row of the task. ``hash`` is that of the file."""

    scores: Mapping[str, Floats]
    hash: str


def load_reference(
    spec_file: str, folder: Path, task: Task, data: Data, rows: Rows, problems: list[Problem]
) -> Stored | None:
    """The stored scores of a task in the order of its rows; None, with problems noted, where they do not fit them."""
    reference, protocol = task.reference, task.protocol
    if reference is None or protocol is None:
        return None
    where = f"{spec_file} [tasks.{task.name}.reference]"
    path = find_file(folder, reference.file)
    table = Table(reference.file, (reference.id,), reference.id, "", ())
    header = header_of(path, table)
    models = {limit.against for limit in reference.limits} | {
        name for name in task.models if _column(reference, name, protocol.seeds[0]) in header
    }
    wanted = {(model, seed): _column(reference, model, seed) for model in sorted(models) for seed in protocol.seeds}
    asked = {reference.id, *wanted.values(), *([reference.outcome] if reference.outcome else [])}
    for name in sorted(asked - set(header)):
        problems.append(
            Problem(
                f"no column {name!r} in {reference.file}", where, "a column of the stored scores", nearest(name, header)
            )
        )
    if asked - set(header):
        return None
    read = read_columns(path, table, sorted(asked), [reference.id])
    found = _matched(reference, read, wanted, data, rows, where, problems)
    if found is None:
        return None
    by_seed = {
        model: np.stack([found[wanted[model, seed]].to_numpy(dtype=float) for seed in protocol.seeds])
        for model in sorted(models)
    }
    return Stored(by_seed, hash_file(path))


def _column(reference: Reference, model: str, seed: int) -> str:
    return reference.columns.replace("{model}", model).replace("{seed}", str(seed))


def _matched(
    reference: Reference,
    read: Mapping[str, Value],
    wanted: Mapping[tuple[str, int], str],
    data: Data,
    rows: Rows,
    where: str,
    problems: list[Problem],
) -> pd.DataFrame | None:
    """The stored rows in the task's order, or None where an id, an outcome or a score does not fit."""
    before = len(problems)
    stored = pd.DataFrame({name: value.data for name, value in read.items()})
    repeated = int(stored[reference.id].duplicated().sum())
    if repeated:
        problems.append(
            Problem(f"{repeated} ids twice in {reference.file}", where, "one row an id", "Drop the repeats.")
        )
        return None
    stored = stored.set_index(reference.id).reindex(data.ids.iloc[rows.positions])
    known = data.ids.iloc[rows.positions].isin(read[reference.id].data)
    if not known.all():
        problems.append(
            Problem(
                f"{int((~known).sum())} of {len(rows.y)} rows without stored scores ({reference.file} "
                f"has {len(read[reference.id].data)})",
                where,
                "a stored score for every row of the task",
                "Compare on the rows that the scores were made for: look at the row filter and id.",
            )
        )
        return None
    _check_values(reference, read, stored, sorted(set(wanted.values())), rows, where, problems)
    return None if len(problems) > before else stored


def _check_values(
    reference: Reference,
    read: Mapping[str, Value],
    stored: pd.DataFrame,
    columns: list[str],
    rows: Rows,
    where: str,
    problems: list[Problem],
) -> None:
    """Note another outcome than the task's, and columns that hold no chances."""
    if reference.outcome:
        numbers = read[reference.outcome].kind == NUMBER
        differ = int((stored[reference.outcome].to_numpy(dtype=float) != rows.y).sum()) if numbers else len(rows.y)
        if differ:
            found = f"{differ} rows whose stored outcome is another one"
            remedy = "The scores were made for another outcome or another version of the table."
            problems.append(Problem(found, where, "the same outcomes", remedy))
    for column in columns:
        if read[column].kind != NUMBER or not stored[column].between(0, 1).all():
            remedy = "Name the columns that hold probabilities."
            problems.append(Problem(f"values of {column!r} that are no chances", where, "numbers from 0 to 1", remedy))
