"""Whether a task's rivals can be judged: there, in range, known for every row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from desist.pipelines.evaluate.data import Data
from desist.pipelines.evaluate.expressions import NUMBER
from desist.pipelines.evaluate.fit import Rows
from desist.pipelines.evaluate.spec import Comparator, Spec, Task
from desist.records.errors import Problem


def check_rivals(spec: Spec, data: Data, task: Task, rows: Rows, where: str, problems: list[Problem]) -> None:
    """Note every comparator of the task whose column is no score, leaves its range, or is empty in some rows."""
    used = {*task.comparators, *(name for name in task.audit if name in spec.comparators)}
    if task.cut_off and task.cut_off.like:
        used.add(task.cut_off.like)
    for name in sorted(used - set(task.comparators)):
        problems.append(
            Problem(
                f"{name!r}, which is not among the task's comparators",
                where,
                "comparators = [...] with every rival that is audited or that a cut-off follows",
                f"Add {name!r} there.",
            )
        )
    for name in task.comparators:
        rival = spec.comparators.get(name)
        value = data.columns.get(rival.column) if rival else None
        if rival is None or value is None:
            continue
        place = f"{where.split(' ')[0]} [comparators.{name}]"
        if value.kind != NUMBER or value.written:
            remedy = f"Derive one: number({rival.column}), or choose(...)."
            problems.append(Problem(f"a column {rival.column!r} of text", place, "numbers", remedy))
            continue
        problems.extend(_wrong_values(rival, value.series.iloc[rows.positions], place))
        cut_here = name in task.audit or (task.cut_off is not None and task.cut_off.like == name)
        if cut_here and rival.high_from is None:
            problems.append(Problem("no high_from", place, "from which score on it counts as high", "Add high_from."))


def _wrong_values(rival: Comparator, scores: pd.Series[Any], place: str) -> Iterator[Problem]:
    """Empty cells, and scores outside the range that the spec says."""
    empty = int(scores.isna().sum())
    beyond = int((~scores.dropna().between(rival.lowest, rival.highest)).sum())
    if empty:
        yield Problem(
            f"{empty} of {len(scores)} rows without this score",
            place,
            "a score in every row, so that all are judged on the same people",
            f"Filter the row set: {rival.column} is not missing.",
        )
    if beyond:
        found = f"{beyond} scores beyond {rival.lowest:g} to {rival.highest:g}"
        yield Problem(found, place, "scores inside the range", "Mend range, or leave out codes such as -1.")
