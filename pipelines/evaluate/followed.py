"""What came after and when each row stands: outcomes as 1, 0 or missing, and as-of dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from desist.pipelines.evaluate.expressions import DATE, NUMBER, TEXT, YES_NO, ExpressionError, Value, parse
from desist.pipelines.evaluate.read import STR
from desist.pipelines.evaluate.spec import Outcome, Spec
from desist.records.errors import Problem

DATES_OF = ("%Y", "%Y%m", "%Y%m%d")


def read_outcome(
    outcome: Outcome, columns: Mapping[str, Value], length: int, where: str, problems: list[Problem]
) -> pd.Series[Any]:
    """1, 0 or NaN per row; anything else than 0 and 1 in a column is a problem, not an outcome."""
    nothing = pd.Series(np.full(length, np.nan))
    expression = outcome.where if outcome.where else parse(outcome.column) if outcome.column.isidentifier() else None
    value = columns.get(outcome.column) if outcome.column else None
    if outcome.where is not None and expression is not None and expression.columns <= set(columns):
        try:
            value = expression.value(columns)
        except ExpressionError as error:
            problems.append(Problem(str(error), where, "a condition that fits its columns", "Mend the expression."))
            return nothing
    if value is None or value.written:
        return nothing
    if value.kind == YES_NO:
        return value.series.astype("Float64").astype(float)
    levels = value.series.dropna().unique()
    if value.kind != NUMBER or not set(levels) <= {0.0, 1.0}:
        problems.append(
            Problem(
                f"{len(levels)} different values, not only 0 and 1",
                where,
                "a column of 0 and 1",
                'Write a condition instead, such as where = "returned == \'Yes\'" or "arrests > 0".',
            )
        )
        return nothing
    return value.series


def read_as_of(spec: Spec, columns: Mapping[str, Value], length: int, problems: list[Problem]) -> pd.Series[Any]:
    """The as-of date of each row: a date, ISO text, or a whole number as yyyy, yyyymm or yyyymmdd."""
    nothing = pd.Series(np.full(length, np.datetime64("NaT", "us")))
    value = columns.get(spec.table.as_of)
    if value is None or value.written:
        return nothing
    if value.kind == DATE:
        return value.series
    text = value.data if value.kind == TEXT else value.series.map(lambda number: f"{number:.0f}", na_action="ignore")
    text = text.astype(STR)
    layout = next(
        (
            form
            for form in DATES_OF
            if text.dropna().str.len().eq(len(pd.Timestamp(0).strftime(form))).all()
            and text.dropna().str.isdigit().all()
        ),
        "ISO8601",
    )
    dates = pd.to_datetime(text, format=layout, errors="coerce")
    wrong = int((dates.isna() & text.notna()).sum())
    if wrong:
        problems.append(
            Problem(
                f"{wrong} values that are no dates",
                f"{spec.table.file}, {spec.table.as_of}",
                "ISO dates, years, yyyymm or yyyymmdd",
                "Derive the date first: as_of_date = \"date(column, '%d/%m/%Y')\".",
            )
        )
    return dates.astype("datetime64[us]")
