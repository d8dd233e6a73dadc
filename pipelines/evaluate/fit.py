"""Scores of rows by models that did not see them: splits, fits, and what was fitted on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from desist.features.tables import FeatureSet
from desist.pipelines.evaluate.data import Data
from desist.pipelines.evaluate.expressions import DATE, NUMBER, TEXT, Value, parse
from desist.pipelines.evaluate.features import Feature, learn_coding
from desist.pipelines.evaluate.spec import ModelSpec, Protocol, Spec, Task
from desist.records.errors import Problem

FEWEST_EVENTS = 20  # with and without the outcome, on the side that is scored (DOMAIN section 8)
DIGITS = 6
SAY_EVERY = 10  # seconds between two lines about one model
Ints = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Rows:
    """The rows of a task whose outcome is known, in file order: positions in the file, outcome, person of each."""

    positions: Ints
    y: Floats
    people: Ints
    without_outcome: int

    @property
    def events(self) -> int:
        return int(self.y.sum())


@dataclass(frozen=True)
class Split:
    """Positions within the task's rows."""

    seed: int
    fold: int
    train: Ints
    test: Ints


@dataclass(frozen=True)
class Fitted:
    """Chances by one model: a row per seed, a column per row of the task, NaN where a row was not scored."""

    name: str
    scores: Floats
    constant: tuple[str, ...]
    columns: int
    seconds: float


def task_rows(data: Data, task: Task) -> Rows:
    """The task's rows in file order. A row whose outcome is not known is counted, never taken for a no."""
    inside = data.rows[task.rows]
    y = data.outcomes[task.outcome].to_numpy(dtype=float)
    known = inside & ~np.isnan(y)
    people = np.unique(data.people[known].to_numpy(dtype=object).astype(str), return_inverse=True)[1].astype(np.int64)
    return Rows(np.flatnonzero(known), y[known], people, int((inside & ~known).sum()))


def check_rows(task: Task, rows: Rows, where: str, problems: list[Problem]) -> bool:
    """Note where there is nothing to judge; whether the rows will do."""
    total, events = len(rows.y), rows.events
    if min(events, total - events) == 0:
        found = f"{total} rows that all have the outcome {int(rows.y[0])}" if total else "no row with a known outcome"
        problems.append(
            Problem(
                found,
                where,
                "rows with and without the outcome",
                "Look at the row filter and at the outcome's condition.",
            )
        )
        return False
    if task.models and min(events, total - events) < FEWEST_EVENTS:
        problems.append(
            Problem(
                f"{events} rows with the outcome and {total - events} without",
                where,
                f"at least {FEWEST_EVENTS} of each, to fit and judge a model",
                "Take a wider row set or a more frequent outcome, or audit a comparator alone.",
            )
        )
        return False
    return True


def make_splits(task: Task, data: Data, rows: Rows, where: str, problems: list[Problem]) -> tuple[Split, ...]:
    """The splits of a task's protocol. All rows of one person stand on one side of each."""
    protocol = task.protocol
    if protocol is None:
        return ()
    if protocol.kind == "folds":
        return tuple(_folds(protocol, rows))
    value = data.columns.get(protocol.column)
    if value is None or value.written:
        return ()
    sides = _given_sides(protocol, value, rows) if protocol.kind == "column" else _time_sides(protocol, value, rows)
    if sides is None:
        problems.append(
            Problem(
                f"test_from = {protocol.test_from!r}",
                where,
                f"a {value.kind} like those in {protocol.column}",
                "Write it as the column does.",
            )
        )
        return ()
    splits = _by_person(task, data, rows, *sides) if protocol.kind == "time_by_person" else [_apart(rows, *sides)]
    return tuple(splits) if all(_enough(split, protocol, rows, where, problems) for split in splits) else ()


def _apart(rows: Rows, train: Any, test: Any) -> Split:
    """One split; people on both sides are judged, not trained on."""
    train = train & ~np.isin(rows.people, rows.people[test])
    return Split(0, 0, np.flatnonzero(train), np.flatnonzero(test))


def _by_person(task: Task, data: Data, rows: Rows, train: Any, test: Any) -> list[Split]:
    """A split per seed and fold of people: trained on other people's earlier rows whose outcome was known by then."""
    from desist.models.judging.backtest import fold_of

    assert task.protocol is not None
    as_of, people = data.as_of.iloc[rows.positions], data.people.iloc[rows.positions]
    known = data.known_on.get(task.outcome)
    if known is not None and test.any():
        train = train & (known.iloc[rows.positions] <= as_of[test].min()).to_numpy()
    found = []
    for seed in task.protocol.seeds:
        fold = fold_of(people, task.protocol.folds, seed)
        for number in range(task.protocol.folds):
            own = fold == number
            found.append(Split(seed, number, np.flatnonzero(train & ~own), np.flatnonzero(test & own)))
    return found


def _enough(split: Split, protocol: Protocol, rows: Rows, where: str, problems: list[Problem]) -> bool:
    """Whether both sides have rows with and without the outcome; noted where one has too few."""
    for name, side in (("training", split.train), ("test", split.test)):
        events = int(rows.y[side].sum())
        if min(events, len(side) - events) < FEWEST_EVENTS:
            problems.append(
                Problem(
                    f"{len(side)} rows on the {name} side, {events} with the outcome",
                    where,
                    f"at least {FEWEST_EVENTS} rows with and without it on each side",
                    f"Look at the values of {protocol.column}.",
                )
            )
            return False
    return True


def _folds(protocol: Protocol, rows: Rows) -> Iterator[Split]:
    """scikit-learn's stratified folds over the rows in file order, by person where a person has several rows."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    several = len(np.unique(rows.people)) < len(rows.people)
    for seed in protocol.seeds:
        kind = StratifiedGroupKFold if several else StratifiedKFold
        folds = kind(protocol.folds, shuffle=True, random_state=seed)
        for number, (train, test) in enumerate(
            folds.split(np.zeros(len(rows.y)), rows.y, rows.people if several else None)
        ):
            yield Split(seed, number, train, test)


def _time_sides(protocol: Protocol, value: Value, rows: Rows) -> tuple[Any, Any] | None:
    """Rows before ``test_from`` and rows from it on; a row without the date is on neither side."""
    written: Any = protocol.test_from
    if value.kind == NUMBER:
        try:
            written = float(written)
        except ValueError:
            return None
    elif value.kind == TEXT:
        value = parse("date(x)").value({"x": value})
    if value.kind not in (NUMBER, DATE):
        return None
    try:
        later = np.asarray(value.series.iloc[rows.positions] >= written)
    except (TypeError, ValueError):
        return None
    return ~later & value.series.iloc[rows.positions].notna().to_numpy(), later


def _given_sides(protocol: Protocol, value: Value, rows: Rows) -> tuple[Any, Any]:
    from desist.pipelines.evaluate.read import levels_as_text

    labels = levels_as_text(value, {}).iloc[rows.positions]
    return labels.isin(list(protocol.train)).to_numpy(), labels.isin(list(protocol.test)).to_numpy()


def fit_model(
    model: ModelSpec, features: Mapping[str, Feature], rows: Rows, splits: tuple[Split, ...], spec: Spec, say: Say
) -> Fitted:
    """The model's chances for every scored row and seed, rounded to 1e-6."""
    used = {name: part for name, part in features.items() if not model.features or name in model.features}
    seeds = sorted({split.seed for split in splits})
    several = len(np.unique(rows.people)) < len(rows.people)
    scores = np.full((len(seeds), len(rows.y)), np.nan)
    constant: set[str] = set()
    columns = 0
    started = told = time.monotonic()
    for number, split in enumerate(splits, start=1):
        coding = learn_coding(used, rows.positions[split.train])
        constant |= set(coding.constant)
        columns = max(columns, len(coding.set.names))
        estimator = _estimator(model, coding.set, spec.seed)
        people = rows.people[split.train] if several else None  # where a model leaves rows out, it leaves people out
        estimator.fit(coding.matrix(used, rows.positions[split.train]), rows.y[split.train], people)
        chances = estimator.predict_proba(coding.matrix(used, rows.positions[split.test]))[:, 1]
        scores[seeds.index(split.seed), split.test] = np.clip(np.round(chances, DIGITS), 0.0, 1.0)
        if time.monotonic() - told > SAY_EVERY and number < len(splits):
            told = time.monotonic()
            say(f"    {model.name}: {number} of {len(splits)} fits")
    return Fitted(model.name, scores, tuple(sorted(constant)), columns, time.monotonic() - started)


def _estimator(model: ModelSpec, features: FeatureSet, seed: int) -> Any:
    """A new estimator of room ``models``; imported here, because LightGBM takes a second to load."""
    if model.kind == "spline_logistic":
        from desist.models.estimators.spline import SplineLogistic

        return SplineLogistic(features, seed=seed)
    if model.kind == "explainable_boosting":
        from desist.models.estimators.ebm import ExplainableBoosting

        return ExplainableBoosting(features, seed=seed)
    if model.kind == "monotone_lightgbm":
        from desist.models.estimators.boosting import MonotoneBoosting

        return MonotoneBoosting(features, seed=seed)
    if model.kind == "prior_count":
        from desist.models.estimators.comparators import PriorCount

        return PriorCount(features, priors=model.features[0])
    from desist.models.estimators.card import PointsCard

    return PointsCard(features, **model.settings)
