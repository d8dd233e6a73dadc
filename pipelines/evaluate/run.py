"""The second door: evaluate and audit from profiles or dated events that somebody already has.

Right of the profiles it is the code of the quarterly run. It makes no candidate and no release, and reads no
workspace: nothing that it writes is accepted by ``fairness.release``.
"""

from __future__ import annotations

import datetime as dt
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.features.language import Definition
from desist.features.rows import Rows
from desist.pipelines.evaluate.audit import read_groups
from desist.pipelines.evaluate.data import Data, Made, load_data
from desist.pipelines.evaluate.events_rows import load_events
from desist.pipelines.evaluate.expressions import Expression
from desist.pipelines.evaluate.features import Feature, check_missing, read_features
from desist.pipelines.evaluate.fit import Say, check_rows, make_splits, task_rows
from desist.pipelines.evaluate.leaks import LeakCheck, check_features, check_single_features
from desist.pipelines.evaluate.metrics import Loss
from desist.pipelines.evaluate.page import page_of, protocol_words, summary_of
from desist.pipelines.evaluate.parse import load_spec
from desist.pipelines.evaluate.reference import load_reference
from desist.pipelines.evaluate.rivals import check_rivals
from desist.pipelines.evaluate.spec import Spec, Task
from desist.pipelines.evaluate.tasks import Ready, TaskResult, check_scores, measure_task, score_task
from desist.records.errors import Problem, UserError
from desist.records.files import new_folder, read_json, write_json, write_text
from desist.records.hashing import hash_bytes, hash_file

MADE_BY = "desist evaluate"
FORMAT = 1
LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "lightgbm", "fairlearn")


@dataclass(frozen=True)
class EvaluationResult:
    """What was found, and the folder that it was written to."""

    folder: Path
    title: str
    tasks: tuple[TaskResult, ...]
    metrics: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"folder": str(self.folder), **self.metrics}

    def as_text(self) -> str:
        """The figures for a terminal, task by task, ending with the files to open."""
        lines = [self.title]
        for result in self.tasks:
            first, *rest = summary_of(result)
            lines += ["", f"{result.task.name}: {first}", *(f"  {line}" for line in rest)]
            lines += [f"  note: {note}" for note in result.notes]
        lines += [
            "",
            f"Written to {self.folder}: open fairness.html; figures in metrics.json, audit.json, scores.parquet.",
            "This is an evaluation. It can never lead to a release.",
        ]
        return "\n".join(lines)


def evaluate(
    spec_path: Path, data: Path, out: Path, *, today: dt.date | None = None, say: Say | None = None
) -> EvaluationResult:
    """The evaluation that ``spec_path`` describes, of the table in the folder ``data``, written to the folder ``out``.

    ``today`` decides whether approvals have expired; the system's date if left out. Raises UserError (exit 2), with
    every problem found so far, and writes nothing then: for a spec or table that does not fit, for a feature that may
    not be one, and where a feature or a model tells the outcome better than is believable.
    """
    told, started = say or _to_stderr, time.monotonic()
    _check_folder(out)
    spec, loaded, features, groups, ready = _prepare(spec_path, data, today or dt.date.today(), told)
    scored = [score_task(spec, loaded, features, part, told) for part in ready]
    problems: list[Problem] = []
    for part in scored:
        check_scores(spec, spec_path.name, part, problems)
    _raise(problems, "A model is better than was believable beforehand. Nothing was written.")
    results = tuple(measure_task(spec, loaded, groups, part, told) for part in scored)
    metrics = _metrics(spec, results, loaded.made)
    page = page_of(spec, results, loaded.hash, hash_file(spec_path), loaded.made.lines if loaded.made else ())
    with new_folder(out) as folder:
        write_json(folder / "metrics.json", metrics)
        write_json(folder / "audit.json", _audits(spec, results))
        _write_scores(folder / "scores.parquet", loaded, results)
        if loaded.made is not None:
            loaded.made.profiles.to_parquet(folder / "profiles.parquet", index=False, compression="zstd")
            write_text(folder / "set_aside.csv", loaded.made.set_aside.to_csv(index=False, lineterminator="\n"))
        write_text(folder / "fairness.html", page)
        write_text(folder / "spec.toml", spec_path.read_text(encoding="utf-8-sig"))
        write_json(folder / "manifest.json", _manifest(spec, spec_path, loaded, ready, started, folder))
    return EvaluationResult(out, spec.title, results, metrics)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _raise(problems: list[Problem], message: str) -> None:
    if problems:
        seen = list(dict.fromkeys(problems))
        raise UserError(f"{message} {len(seen)} {'thing' if len(seen) == 1 else 'things'} to mend:", seen)


def _check_folder(out: Path) -> None:
    """Refuse to replace a folder that an evaluation did not make."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    manifest = out / "manifest.json"
    try:
        ours = out.is_dir() and manifest.is_file() and read_json(manifest).get("made_by") == MADE_BY
    except (ValueError, AttributeError):
        ours = False
    if not ours:
        raise UserError(
            "The evaluation has nowhere to go.",
            [
                Problem(
                    "a file or folder with something else in it",
                    str(out),
                    "a new folder, or an earlier evaluation's",
                    "Name another folder with --out.",
                )
            ],
        )


def _prepare(
    spec_path: Path, folder: Path, today: dt.date, say: Say
) -> tuple[Spec, Data, Mapping[str, Feature], pd.DataFrame, list[Ready]]:
    """Everything checked before the first fit. Raises UserError with all problems of spec, table and features."""
    message = "The evaluation cannot be made. Nothing was written."
    spec, problems = load_spec(spec_path)
    name = spec_path.name
    if not spec.table.file or not spec.tasks:
        problems = problems or [Problem("no task", name, "at least one [tasks.NAME]", "Add one.")]
        _raise(problems, message)
    started = time.monotonic()
    try:
        data = (load_events if spec.events else load_data)(spec, name, folder, problems)
    except UserError as error:
        problems.extend(error.problems)
        _raise(problems, message)
        raise
    if time.monotonic() - started > 2:
        say(f"  read {data.length:,} rows in {time.monotonic() - started:.0f} s")
    features = read_features(spec, name, data, problems)
    groups = read_groups(spec, name, data, problems)
    check = LeakCheck(spec, name, data, today)
    started = time.monotonic()
    check_features(check, features, problems)
    ready = [part for task in spec.tasks.values() if (part := _ready(check, task, folder, features, problems))]
    if time.monotonic() - started > 2:
        say(f"  checked features for leaks in {time.monotonic() - started:.0f} s")
    _raise(problems, message)
    return spec, data, features, groups, ready


def _ready(
    check: LeakCheck, task: Task, folder: Path, features: Mapping[str, Feature], problems: list[Problem]
) -> Ready | None:
    """A task whose rows, splits, rivals and references are there; None, with problems noted, where they are not."""
    spec, data = check.spec, check.data
    where = f"{check.spec_file} [tasks.{task.name}]"
    if task.rows not in data.rows or task.outcome not in data.outcomes:
        return None
    rows = task_rows(data, task)
    if not check_rows(task, rows, where, problems):
        return None
    check_rivals(spec, data, task, rows, where, problems)
    single: dict[str, float] = {}
    if task.models:
        if not spec.features:
            problems.append(Problem("models without features", where, "at least one [features.NAME]", "Add them."))
            return None
        inside = np.zeros(data.length, dtype=bool)
        inside[rows.positions] = True
        check_missing(check.spec_file, features, inside, problems)
        single = check_single_features(check, features, task.name, rows.positions, rows.y, problems)
    try:
        stored = load_reference(check.spec_file, folder, task, data, rows, problems)
    except UserError as error:
        problems.extend(error.problems)
        stored = None
    splits = make_splits(task, data, rows, f"{where} protocol", problems)
    if task.models and not splits:
        return None
    return Ready(task, rows, splits, stored, single)


def _metrics(spec: Spec, results: tuple[TaskResult, ...], made: Made | None) -> dict[str, Any]:
    told = {"events": {**made.figures, "notes": list(made.lines)}} if made else {}
    return {
        **told,
        "format": FORMAT,
        "title": spec.title,
        "never_a_release": True,
        "seed": spec.seed,
        "replicates": spec.replicates,
        "tasks": {result.task.name: _task_json(result) for result in results},
    }


def _task_json(result: TaskResult) -> dict[str, Any]:
    task, rows, scored = result.task, result.rows, result.scored
    without = scored.without
    return {
        "says": task.says,
        "outcome": result.outcome.name,
        "definition": result.outcome.definition,
        "rows": len(rows.y),
        "events": rows.events,
        "people": len(np.unique(rows.people)),
        "base_rate": round(rows.events / len(rows.y), 6),
        "rows_without_outcome": rows.without_outcome,
        "row_set": task.rows,
        "protocol": protocol_words(task.protocol),
        "rows_judged": result.rows_judged,
        "expected_auc": list(task.expected_auc) if task.expected_auc else None,
        "scores": {
            name: {metric: number.as_json() for metric, number in numbers.items()}
            for name, numbers in result.metrics.items()
        },
        "columns": {
            name: {"used": fitted.columns, "constant": list(fitted.constant)} for name, fitted in scored.models.items()
        },
        "differences": [
            {
                "model": part.model,
                "less": part.less,
                **{metric: number.as_json() for metric, number in part.numbers.items()},
            }
            for part in result.differences
        ],
        "against_stored_scores": [_loss_json(part) for part in result.losses],
        "single_feature_auc": {name: round(value, 6) for name, value in sorted(scored.ready.single.items())},
        "without_approved": None
        if without is None
        else {"model": without[0], "of": without[1], "left_out": list(without[2])},
        "notes": list(result.notes),
    }


def _loss_json(part: Loss) -> dict[str, Any]:
    return {
        "model": part.model,
        "against": part.against,
        "metric": part.metric,
        "ours": part.ours,
        "stored": part.theirs,
        "loss": part.loss.as_json(),
        "limit_of_upper_end": part.limit,
        "holds": part.holds,
    }


def _audits(spec: Spec, results: tuple[TaskResult, ...]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "title": spec.title,
        "never_a_release": True,
        "tasks": {result.task.name: {told.judged.name: told.as_json() for told in result.audits} for result in results},
    }


def _write_scores(path: Path, data: Data, results: tuple[TaskResult, ...]) -> None:
    """Every model's chance for every row and seed, under the table's own ids: task, model, seed, file order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = []
    for result in results:
        positions = result.rows.positions
        keys = {
            "id": pa.array(data.ids.iloc[positions].astype(str).to_numpy(dtype=object)),
            "person": pa.array(data.people.iloc[positions].astype(str).to_numpy(dtype=object)),
            "as_of": pa.array(
                data.as_of.iloc[positions].dt.date.where(data.as_of.iloc[positions].notna(), None), type=pa.date32()
            ),
            "outcome": pa.array(result.rows.y.astype(np.int8)),
        }
        for name, fitted in result.scored.models.items():
            for number, scores in enumerate(fitted.scores):
                seeds = result.task.protocol.seeds if result.task.protocol else (0,)
                parts.append(_score_table(result.task.name, name, seeds[number], keys, scores))
    empty = {
        "task": pa.string(),
        "model": pa.string(),
        "seed": pa.int32(),
        "id": pa.string(),
        "person": pa.string(),
        "as_of": pa.date32(),
        "outcome": pa.int8(),
        "score": pa.float64(),
    }
    schema = pa.schema(list(empty.items()))
    table = pa.concat_tables([part.cast(schema) for part in parts]) if parts else schema.empty_table()
    pq.write_table(table, path, compression="zstd")


def _score_table(task: str, model: str, seed: int, keys: Mapping[str, Any], scores: Any) -> Any:
    import pyarrow as pa

    length = len(scores)
    table = pa.table(
        {
            "task": pa.array([task] * length),
            "model": pa.array([model] * length),
            "seed": pa.array(np.full(length, seed, dtype=np.int32)),
            **keys,
            "score": pa.array(np.round(scores, 6)),
        }
    )
    return table.filter(pa.array(~np.isnan(scores)))


def _manifest(
    spec: Spec, spec_path: Path, data: Data, ready: list[Ready], started: float, folder: Path
) -> dict[str, Any]:
    """What the evaluation was made from. The only file that differs between two runs of the same spec and data."""
    written = sorted(path.name for path in folder.iterdir() if path.name != "manifest.json")
    return {
        "made_by": MADE_BY,
        "format": FORMAT,
        "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "desist": version("desist"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "spec": {"name": spec_path.name, "sha256": hash_bytes(spec_path.read_bytes()), "settings": _settings(spec)},
        "data": {
            **(data.made.files if data.made else {data.path.name: data.hash}),
            **{part.task.reference.file: part.stored.hash for part in ready if part.task.reference and part.stored},
        },
        "files": {name: hash_file(folder / name) for name in written},
    }


def _settings(value: Any) -> Any:
    """The spec as it was understood, defaults filled in, as plain JSON; an expression is its text."""
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Definition | Rows):
        return value.in_words()
    if isinstance(value, Mapping):
        return {str(key): _settings(part) for key, part in value.items()}
    if is_dataclass(value):
        return {part.name: _settings(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, list | tuple):
        return [_settings(part) for part in value]
    return value.isoformat() if isinstance(value, dt.date) else value
