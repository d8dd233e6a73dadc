"""The run page for the analyst: metrics with their ranges, comparisons, the back-test by period and the register.

Pseudonymous: it holds numbers about models, never a row about a person (UX section 7).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from desist.measures.disclosure import NOT_AVAILABLE
from desist.reports.pages import Cell, TextTable, render
from desist.reports.run_studies import (
    ChoiceContent,
    Part,
    SampleContent,
    StudiesContent,
    choice_part,
    ranged,
    sample_part,
    signed,
    studies_parts,
)
from desist.reports.run_studies import Ranged as Ranged

TITLE = "Run"
TAGS = ("", "Champion", "Challenger", "Retired", "Withheld", "Comparator")
#: Metric, its name on the page, digits: how well people are told apart and how close the chances are.
ACCURACY: Mapping[str, tuple[str, int]] = {
    "auc": ("AUC", 3),
    "brier": ("Brier", 4),
    "brier_gain": ("Brier gain", 4),
    "log_loss": ("Log loss", 4),
    "log_loss_gain": ("Log loss gain", 4),
}
#: Whether a chance means what it says.
CALIBRATION: Mapping[str, tuple[str, int]] = {
    "calibration_slope": ("Slope", 2),
    "calibration_intercept": ("Intercept", 2),
    "mean_score_less_rate": ("Mean less rate", 3),
    "ece": ("ECE", 3),
}
#: What listing people at the cut-off brings.
LISTED: Mapping[str, tuple[str, int]] = {
    "precision": ("Precision", 3),
    "recall": ("Recall", 3),
    "selected": ("Share listed", 3),
    "net_benefit": ("Net benefit", 3),
    "net_benefit_all": ("Net benefit of listing everybody", 3),
}
METRICS: Mapping[str, tuple[str, int]] = {**ACCURACY, **CALIBRATION, **LISTED}
#: The tables that one set of rows is shown in: what its heading ends with, its metrics, its note.
TABLES: tuple[tuple[str, Mapping[str, tuple[str, int]], str], ...] = (
    ("", ACCURACY,
     "Gain: over giving everybody the rate in the same rows. AUC: how often somebody with the outcome had the higher "
     "estimate than somebody without."),
    (": calibration", CALIBRATION,
     "Slope 1 and intercept 0 are best. Mean less rate: of the estimates and of the outcome. ECE: mean gap between "
     "chance and rate over ten bins, less what chance alone makes."),
    (": at the cut-off", LISTED,
     "Precision: of those listed, the share with the outcome. Recall: of those with the outcome, the share listed. Net "
     "benefit a person: those rightly listed less those wrongly listed, who weigh as the cut-off says; listing nobody "
     "has 0."),
)


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
    """One run. ``label_note`` says up to which as-of date labels are mature; ``cut_off`` is that of the list."""

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
    cut_off: float | None = None
    choice: ChoiceContent | None = None
    sample: SampleContent | None = None
    studies: StudiesContent | None = None


def run_page(run: RunContent) -> str:
    """The run as a page of HTML."""
    parts = [
        *([choice_part(run.choice)] if run.choice else []),
        *_measured("Models, with 95% ranges", ("Model", "Family"), [
            ((model.name, (model.family, model.tag)), model.metrics) for model in run.models], run),
        *([sample_part(run.sample)] if run.sample else []),
        _of(TextTable("Differences on the same rows", ("Comparison", "Metric", "Difference"), tuple(
            (f"{row.model} less {row.other}", METRICS[row.metric][0], _ranged(row.difference, row.metric, sign=True))
            for row in run.paired), in_words=frozenset({0, 1}))),
        *_measured("Back-test by period", ("Period", "Rows", "With outcome"), [
            ((row.period, f"{row.rows:,}", f"{row.events:,}"), row.metrics) for row in run.periods], run),
        *(studies_parts(run.studies) if run.studies else ()),
        _of(TextTable("Features the models may use", ("Feature", "Says", "Source", "Sign", "Missing means", "Status"),
                      tuple((row.name, row.sentence, row.source, row.sign, row.missing, row.status)
                            for row in run.features), in_words=frozenset(range(6)))),
    ]
    return render("analyst.html", title=f"{TITLE} {run.run_id}", made_up=run.made_up, run=run,
                  parts=[part for part in parts if part.words or (part.table and part.table.rows)])


def _of(table: TextTable) -> Part:
    return Part(table.caption, (), table)


def _measured(
    heading: str, columns: tuple[str, ...], rows: list[tuple[tuple[Cell, ...], Mapping[str, Ranged]]], run: RunContent
) -> tuple[Part, ...]:
    """Up to three tables of one set of rows, each only if one of its metrics is there."""
    parts = []
    for about, metrics, note in TABLES:
        shown = [metric for metric in metrics if any(metric in found for _, found in rows)]
        if shown:
            body = tuple((*first, *(_ranged(found.get(m), m) for m in shown)) for first, found in rows)
            words = frozenset({0, 1}) if columns[-1] == "Family" else frozenset({0})
            at = f" The cut-off is {run.cut_off:g}." if metrics is LISTED and run.cut_off is not None else ""
            parts.append(_of(TextTable(
                heading + about, (*columns, *(METRICS[m][0] for m in shown)), body, (note + at,), in_words=words)))
    return tuple(parts)


def _ranged(given: Ranged | None, metric: str, *, sign: bool = False) -> Cell:
    if given is None:
        return NOT_AVAILABLE
    return ranged(given, METRICS[metric][1], signed if sign else None)
