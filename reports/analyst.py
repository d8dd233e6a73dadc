"""The run page for the analyst: metrics with their ranges, comparisons, the back-test by period and the register.

Pseudonymous: it holds numbers about models, never a row about a person (UX section 7).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from desist.measures.disclosure import NOT_AVAILABLE
from desist.reports.pages import Cell, TextTable, render

TITLE = "Run"
TAGS = ("", "Champion", "Challenger", "Retired", "Withheld", "Comparator")
#: Metric, its name on the page, digits.
METRICS: Mapping[str, tuple[str, int]] = {
    "auc": ("AUC", 3),
    "brier": ("Brier", 4),
    "log_loss": ("Log loss", 4),
    "calibration_slope": ("Slope", 2),
    "calibration_intercept": ("Intercept", 2),
    "ece": ("ECE", 3),
}


@dataclass(frozen=True)
class Ranged:
    """A number with its range; None where it could not be had."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ModelRow:
    """One model of a run. ``tag`` is one of TAGS."""

    name: str
    family: str
    metrics: Mapping[str, Ranged]
    tag: str = ""

    def __post_init__(self) -> None:
        if self.tag not in TAGS:
            raise ValueError(f"the tag of a model is one of {TAGS}")


@dataclass(frozen=True)
class PairedRow:
    """One model less another on the same rows."""

    model: str
    other: str
    metric: str
    difference: Ranged


@dataclass(frozen=True)
class PeriodRow:
    """The back-test in one period: rows, rows with the outcome, and the metrics of the chosen model."""

    period: str
    rows: int
    events: int
    metrics: Mapping[str, Ranged]


@dataclass(frozen=True)
class FeatureRow:
    """One feature of the register, in words."""

    name: str
    sentence: str
    source: str
    sign: str
    missing: str
    status: str = "in use"


@dataclass(frozen=True)
class RunContent:
    """One run. ``label_note`` says up to which as-of date labels are mature."""

    run_id: str
    made_up: bool
    made_on: dt.date
    analyst: str
    purpose: str
    outcome: str
    snapshot: dt.date
    data_hash: str
    register_hash: str
    gate: str
    models: tuple[ModelRow, ...]
    paired: tuple[PairedRow, ...] = ()
    periods: tuple[PeriodRow, ...] = ()
    features: tuple[FeatureRow, ...] = ()
    label_note: str = ""
    notes: tuple[str, ...] = ()


def run_page(run: RunContent) -> str:
    """The run as a page of HTML."""
    tables = [
        _models(run),
        TextTable("Differences on the same rows", ("Comparison", "Metric", "Difference"), tuple(
            (f"{row.model} less {row.other}", _name(row.metric), _ranged(row.difference, row.metric, _signed))
            for row in run.paired), in_words=frozenset({0, 1})),
        _periods(run),
        TextTable("Features the models may use", ("Feature", "Says", "Source", "Sign", "Missing means", "Status"),
                  tuple((row.name, row.sentence, row.source, row.sign, row.missing, row.status)
                        for row in run.features), in_words=frozenset(range(6))),
    ]
    return render("analyst.html", title=f"{TITLE} {run.run_id}", made_up=run.made_up, run=run,
                  tables=[table for table in tables if table.rows])


def _models(run: RunContent) -> TextTable:
    metrics = [metric for metric in METRICS if any(metric in model.metrics for model in run.models)]
    rows: list[tuple[Cell, ...]] = [
        (model.name, (model.family, model.tag), *(_ranged(model.metrics.get(m), m, _plain) for m in metrics))
        for model in run.models
    ]
    return TextTable("Models, with 95% ranges", ("Model", "Family", *map(_name, metrics)), tuple(rows),
                     in_words=frozenset({0, 1}))


def _periods(run: RunContent) -> TextTable:
    metrics = [metric for metric in METRICS if any(metric in row.metrics for row in run.periods)]
    rows: list[tuple[Cell, ...]] = [
        (row.period, f"{row.rows:,}", f"{row.events:,}",
         *(_ranged(row.metrics.get(m), m, _plain) for m in metrics))
        for row in run.periods
    ]
    return TextTable("Back-test by period", ("Period", "Rows", "With outcome", *map(_name, metrics)), tuple(rows))


def _name(metric: str) -> str:
    return METRICS[metric][0]


def _ranged(given: Ranged | None, metric: str, words: Callable[[float, int], str]) -> Cell:
    """The number, and its range below."""
    if given is None or given.value is None:
        return NOT_AVAILABLE
    digits = METRICS[metric][1]
    if given.low is None or given.high is None:
        return words(given.value, digits)
    return words(given.value, digits), f"{words(given.low, digits)} to {words(given.high, digits)}"


def _plain(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "\u2212")


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "\u2212")
