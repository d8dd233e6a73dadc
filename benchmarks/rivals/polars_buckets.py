"""The rival in data frames: Polars joins rows and events in buckets of people, and groups by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import polars as pl
import pyarrow as pa
from rivals.asked import Asked, asked_of, columns_read, part_folders

from desist.features.contracts import EventContract
from desist.features.register import Register
from desist.features.rows import Condition


@dataclass(frozen=True)
class Choices:
    """Ways to write the same frames; the defaults need least CPU time of those measured (README.md).

    ``buckets``: how many buckets of people each partition is cut into by a hash; 0 puts all partitions together.
    ``engine``: "in-memory" or "streaming". ``lazy``: all tables of a bucket in one plan, rather than one after another.
    ``only_if``: rows are chosen by emptying the others ("when") or by ``filter`` inside the aggregate ("filter").
    ``distinct``: ``n_unique`` inside the aggregate ("inside"), or values grouped first, then counted ("grouped").
    ``recent``: the last of sorted rows in the aggregate ("last"), or rows sorted and made unique apart ("unique").
    """

    buckets: int = 1
    engine: str = "streaming"
    lazy: bool = True
    only_if: str = "when"
    distinct: str = "grouped"
    recent: str = "last"


def build(folder: Path, register: Register, *, choices: Choices = Choices()) -> pa.Table:
    """The register's columns for every row of the store, in no particular order.

    The number of threads is POLARS_MAX_THREADS, which has to be set before Polars is imported.
    """
    asked = asked_of(register)
    folders = part_folders(folder)
    groups = [[one] for one in folders] if choices.buckets else [folders]
    built = [
        _build(group, bucket, asked, register, choices) for group in groups for bucket in range(max(choices.buckets, 1))
    ]
    return pl.concat(built).to_arrow()


def _build(
    folders: list[Path], bucket: int, asked: dict[str, list[Asked]], register: Register, choices: Choices
) -> pl.DataFrame:
    contracts = {table: features[0].contract for table, features in asked.items()}
    rows = _scan(folders, "rows", bucket, choices).with_row_index("row_id").collect()
    known = _scan(folders, "known", bucket, choices).collect()
    rows = _answers(rows, known, contracts)
    plans = [plan for features in asked.values() for plan in _aggregates(folders, bucket, rows, features, choices)]
    if choices.lazy:
        frames = pl.collect_all(plans, engine=choices.engine)
    else:
        frames = [plan.collect(engine=choices.engine) for plan in plans]
    joined = reduce(lambda left, right: left.join(right, on="row_id", how="left"), frames, rows)
    ones = {one.name: one for features in asked.values() for one in features}
    cells = [_cell(ones[name]) for name in register.names]
    return joined.select("person", "as_of", *cells)


def _scan(folders: list[Path], name: str, bucket: int, choices: Choices) -> pl.LazyFrame:
    """One table of some partitions, of the people who fall in the bucket."""
    table = pl.scan_parquet([folder / f"{name}.parquet" for folder in folders])
    if choices.buckets > 1:
        table = table.filter(pl.col("person").hash(seed=0) % choices.buckets == bucket)
    return table


def _answers(rows: pl.DataFrame, known: pl.DataFrame, contracts: dict[str, EventContract]) -> pl.DataFrame:
    """The rows with who answered for each table on the as-of date."""
    places = {sources: place for place, sources in enumerate({one.sources: None for one in contracts.values()})}
    since = [
        pl.when(pl.col("source").is_in(sources)).then(pl.col("since")).min().alias(f"since_{place}")
        for sources, place in places.items()
    ]
    joined = rows.join(known.group_by("person").agg(since), on="person", how="left")
    knows = [
        (pl.lit(True) if one.absence == "none" else pl.col(f"since_{places[one.sources]}") < pl.col("as_of")).alias(
            f"knows_{table}"
        )
        for table, one in contracts.items()
    ]
    return joined.select("row_id", "person", "as_of", *knows)


def _cell(one: Asked) -> pl.Expr:
    value = pl.col(one.name).cast(pl.Float64)
    if one.none is not None:
        value = value.fill_null(one.none)
    return pl.when(pl.col(f"knows_{one.contract.name}")).then(value).alias(one.name)


def _aggregates(
    folders: list[Path], bucket: int, rows: pl.DataFrame, features: list[Asked], choices: Choices
) -> list[pl.LazyFrame]:
    """Frames with one row for each row to build that has events, and a column a feature."""
    joined = _joined(folders, bucket, rows, features, choices)
    if not choices.lazy and choices.engine == "in-memory":
        joined = joined.collect().lazy()
    apart = [one for one in features if one.function == "distinct" and choices.distinct == "grouped"]
    recent = [one for one in features if one.function == "most_recent"]
    plain = [one for one in features if one not in apart and one not in recent]
    plans = [joined.group_by("row_id").agg(_aggregate(one, choices) for one in plain)] if plain else []
    if choices.recent == "unique":
        plans += [_most_recent(joined, one) for one in recent]
    for field in sorted({one.field for one in recent}) if choices.recent == "last" else ():
        ordered = joined.sort("occurred_on", "recorded_on", field)
        plans.append(ordered.group_by("row_id").agg(_aggregate(one, choices) for one in recent if one.field == field))
    for key in dict.fromkeys(one.values_of for one in apart):
        plans.append(_values_counted(joined, [one for one in apart if one.values_of == key]))
    return plans


def _joined(
    folders: list[Path], bucket: int, rows: pl.DataFrame, features: list[Asked], choices: Choices
) -> pl.LazyFrame:
    """Each row to build with the events known by then, as they were known, as far back as any feature looks."""
    contract = features[0].contract
    columns = columns_read(features)
    age = (pl.col("as_of") - pl.col("occurred_on")).dt.total_days().cast(pl.Int32)
    seen = [
        pl.when(pl.col(contract.learnt_later[name]) < pl.col("as_of")).then(pl.col(name)).alias(name)
        for name in columns[3:]
        if name in contract.learnt_later
    ]
    return (
        rows.lazy()
        .select("row_id", "person", "as_of")
        .join(_scan(folders, contract.name, bucket, choices).select(columns), on="person")
        .filter(pl.col("recorded_on") < pl.col("as_of"))
        .with_columns(age.alias("age"), *seen)
        .filter(pl.col("age").is_between(1, max(one.days for one in features)))
    )


def _met(one: Asked) -> pl.Expr:
    """Whether a joined row counts for a feature; never unknown."""
    tests = [pl.col("age") <= one.days, *(_test(test) for test in one.conditions)]
    if one.until:
        tests.append(pl.col("age") > one.until)
    if one.function == "is_open":
        last = pl.min_horizontal(*one.contract.ends)
        tests.append(last.is_null() | (last >= pl.col("as_of")))
    return reduce(lambda left, right: left & right, tests).fill_null(False)


def _aggregate(one: Asked, choices: Choices) -> pl.Expr:
    met = _met(one)
    value = pl.col("age") if one.function == "days_since" else pl.col(one.field) if one.field else pl.lit(1)
    if one.function == "count":
        return (met.cast(pl.UInt32).sum() if choices.only_if == "when" else pl.col("age").filter(met).len()).alias(
            one.name
        )
    if one.function in ("has", "is_open"):
        return met.any().alias(one.name)
    if one.function == "most_recent":
        return value.filter(met & value.is_not_null()).last().alias(one.name)
    if one.function == "distinct":
        return value.filter(met & value.is_not_null()).n_unique().alias(one.name)
    chosen = value.filter(met) if choices.only_if == "filter" else pl.when(met).then(value)
    made = {"days_since": chosen.min, "worst": chosen.max, "share": chosen.cast(pl.Float64).mean}[one.function]
    return made().alias(one.name)


def _values_counted(joined: pl.LazyFrame, features: Sequence[Asked]) -> pl.LazyFrame:
    """Counts of different values: a value is in a window where the youngest row that has it is."""
    if any(one.until for one in features):
        raise ValueError("values of windows that end early are not counted by their youngest row")
    field = features[0].field
    tests = [pl.col(field).is_not_null(), *(_test(test) for test in features[0].conditions)]
    return (
        joined.filter(*tests)
        .group_by("row_id", field)
        .agg(pl.col("age").min().alias("youngest"))
        .group_by("row_id")
        .agg((pl.col("youngest") <= one.days).cast(pl.UInt32).sum().alias(one.name) for one in features)
    )


def _most_recent(joined: pl.LazyFrame, one: Asked) -> pl.LazyFrame:
    return (
        joined.filter(_met(one), pl.col(one.field).is_not_null())
        .sort("occurred_on", "recorded_on", one.field)
        .unique("row_id", keep="last")
        .select("row_id", pl.col(one.field).alias(one.name))
    )


def _test(test: Condition) -> pl.Expr:
    field = pl.col(test.field)
    if test.operator == "one_of":
        return field.is_in(list(test.operand))
    if test.operator in ("at_least", "at_most"):
        return field >= test.operand if test.operator == "at_least" else field <= test.operand
    return {"is_yes": field, "is_no": ~field, "known": field.is_not_null()}[test.operator]
