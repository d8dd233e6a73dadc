"""One task of a spec from its rows to its figures: fit, refuse what is too good, measure, compare, audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from desist.pipelines.evaluate.associations import auc
from desist.pipelines.evaluate.audit import AuditOf, Judged, audit_scores
from desist.pipelines.evaluate.data import Data
from desist.pipelines.evaluate.expressions import NUMBER
from desist.pipelines.evaluate.features import Feature
from desist.pipelines.evaluate.fit import Fitted, Floats, Rows, Say, Split, fit_model
from desist.pipelines.evaluate.leaks import approved_features
from desist.pipelines.evaluate.metrics import (
    Compared,
    Loss,
    Number,
    difference_of,
    losses_of,
    metrics_of,
    replicates_for,
)
from desist.pipelines.evaluate.read import levels_as_text
from desist.pipelines.evaluate.reference import Stored
from desist.pipelines.evaluate.sniff import approval_by_name
from desist.pipelines.evaluate.spec import Comparator, ModelSpec, Outcome, Spec, Task
from desist.records.errors import Problem

BASE_RATE = "base_rate"  # everybody's chance is the training rows' rate: it orders nobody
RATE_ONLY = ("brier", "log_loss")
ADULT, OLDEST = 18, 120  # years; a larger number is no age in years
LOOKED_AT, FEWEST_VALUES = 1_000_000, 50
COPIED, TELLS_APART = 0.01, 0.8  # from so many repeated rows on, where one column has so many values for different rows


@dataclass(frozen=True)
class Ready:
    """A task with its rows, splits and stored references, all checked; nothing is fitted yet."""

    task: Task
    rows: Rows
    splits: tuple[Split, ...]
    stored: Stored | None
    single: Mapping[str, float]  # how well each feature alone tells the outcome


@dataclass(frozen=True)
class Scored:
    """Everything that scores the task's rows. ``rivals`` are on a scale from 0 to 1 that keeps their order."""

    ready: Ready
    models: Mapping[str, Fitted]
    rivals: Mapping[str, Floats]
    base_rate: Floats | None
    without: tuple[str, str, tuple[str, ...]] | None  # the variant, the model it varies, the features it lacks


@dataclass(frozen=True)
class TaskResult:
    scored: Scored
    outcome: Outcome
    metrics: Mapping[str, Mapping[str, Number]]
    differences: tuple[Compared, ...]
    losses: tuple[Loss, ...]
    audits: tuple[AuditOf, ...]
    notes: tuple[str, ...]

    @property
    def task(self) -> Task:
        return self.scored.ready.task

    @property
    def rows(self) -> Rows:
        return self.scored.ready.rows

    @property
    def rows_judged(self) -> int:
        """The rows that the figures are taken over: the test side, or all."""
        return int(_scored_somewhere(self.scored).sum())


def score_task(spec: Spec, data: Data, features: Mapping[str, Feature], ready: Ready, say: Say) -> Scored:
    """Every model of the task fitted by its protocol, the base rate, and the variant without approved features."""
    task = ready.task
    models = [spec.models[name] for name in task.models]
    variant = _variant(spec, models)
    if variant is not None:
        models.append(variant[0])
    fitted = {}
    for model in models:
        found = fit_model(model, features, ready.rows, ready.splits, spec, say)
        fitted[model.name] = found
        if found.seconds > 2:
            say(f"  {task.name}: {model.name}, {len(ready.splits)} fits in {found.seconds:.0f} s")
    rivals = {name: _on_scale(spec.comparators[name], data, ready.rows) for name in task.comparators}
    base = _base_rate(ready) if ready.splits else None
    return Scored(ready, fitted, rivals, base, None if variant is None else (variant[0].name, *variant[1:]))


def _variant(spec: Spec, models: list[ModelSpec]) -> tuple[ModelSpec, str, tuple[str, ...]] | None:
    """The spline logistic (else the first model) without the features that are in only by approval."""
    fitted = [model for model in models if model.kind != "prior_count"]
    if not fitted:
        return None
    base = next((model for model in fitted if model.kind == "spline_logistic"), fitted[0])
    used = base.features or tuple(spec.features)
    approved = tuple(name for name in approved_features(spec) if name in used)
    kept = tuple(name for name in used if name not in approved)
    if not approved or not kept:
        return None
    return replace(base, name=f"{base.name}_without_approved", features=kept), base.name, approved


def _on_scale(rival: Comparator, data: Data, rows: Rows) -> Floats:
    values = data.columns[rival.column].series.iloc[rows.positions].to_numpy(dtype=float)
    return np.array([[rival.as_chance(value) for value in values]])


def _base_rate(ready: Ready) -> Floats:
    seeds = sorted({split.seed for split in ready.splits})
    scores = np.full((len(seeds), len(ready.rows.y)), np.nan)
    for split in ready.splits:
        scores[seeds.index(split.seed), split.test] = round(float(ready.rows.y[split.train].mean()), 6)
    return scores


def check_scores(spec: Spec, spec_file: str, scored: Scored, problems: list[Problem]) -> None:
    """Note every model whose AUC is above what was believable beforehand, unless it was reviewed."""
    task, y = scored.ready.task, scored.ready.rows.y
    if task.expected_auc is None:
        return
    for name, fitted in scored.models.items():
        found = mean_auc(y, fitted.scores)
        if found > task.expected_auc[1] and name not in spec.leak_reviewed:
            best = sorted(scored.ready.single.items(), key=lambda item: -item[1])[:3]
            told = ", ".join(f"{feature} {value:.3f}" for feature, value in best)
            problems.append(
                Problem(
                    f"an AUC of {found:.3f} for {name}",
                    f"{spec_file} [tasks.{task.name}] expected_auc",
                    f"at most {task.expected_auc[1]:g}: more than was believable beforehand",
                    f"Look for a leak (features that tell most alone: {told}). If there is none, name "
                    f"{name} under [leak_reviewed] with a reason.",
                )
            )


def mean_auc(y: Floats, scores: Floats) -> float:
    return float(np.mean([auc(y[~np.isnan(one)], one[~np.isnan(one)]) for one in scores]))


def measure_task(spec: Spec, data: Data, groups: pd.DataFrame, scored: Scored, say: Say) -> TaskResult:
    """The figures of a task whose scores were found believable."""
    task, rows = scored.ready.task, scored.ready.rows
    draw: dict[str, Any] = {"replicates": spec.replicates, "seed": spec.seed}
    everything: dict[str, tuple[Floats, bool]] = {name: (fitted.scores, True) for name, fitted in scored.models.items()}
    if scored.base_rate is not None:
        everything[BASE_RATE] = (scored.base_rate, True)
    everything |= {name: (scores, spec.comparators[name].chance) for name, scores in scored.rivals.items()}
    shared = _scored_somewhere(scored)
    metrics = {}
    for name, (scores, chance) in everything.items():
        inside = np.where(shared, scores[:1] if name == BASE_RATE else scores, np.nan)
        few = {**draw, "replicates": 200} if name == BASE_RATE else draw
        told = metrics_of(rows, inside, chance=chance, **few)
        metrics[name] = {metric: told[metric] for metric in RATE_ONLY} if name == BASE_RATE else told
    differences = tuple(
        Compared(
            a,
            b,
            difference_of(
                rows, everything[a][0], everything[b][0], chance=everything[a][1] and everything[b][1], **draw
            ),
        )
        for a, b in _pairs(scored)
    )
    say(f"  {task.name}: figures of {len(everything)} scores on {int(shared.sum()):,} rows")
    audits = tuple(_audited(spec, data, groups, scored, name, say) for name in _to_audit(scored))
    return TaskResult(
        scored,
        spec.outcomes[task.outcome],
        metrics,
        differences,
        _losses(scored, draw),
        audits,
        _notes(spec, data, scored, metrics),
    )


def _scored_somewhere(scored: Scored) -> Any:
    """The rows that the models scored (the test side), or all rows where none was fitted."""
    if scored.base_rate is None:
        return np.ones(len(scored.ready.rows.y), dtype=bool)
    return ~np.isnan(scored.base_rate).any(axis=0)


def _pairs(scored: Scored) -> list[tuple[str, str]]:
    """What is compared: each model with each rival, later models with the first, the variant with its model."""
    task = scored.ready.task
    models = list(task.models)
    pairs = [(model, rival) for model in models for rival in task.comparators]
    pairs += [(model, models[0]) for model in models[1:]]
    if scored.without is not None:
        pairs.append((scored.without[0], scored.without[1]))
    return pairs


def _losses(scored: Scored, draw: Mapping[str, Any]) -> tuple[Loss, ...]:
    reference, stored = scored.ready.task.reference, scored.ready.stored
    if reference is None or stored is None:
        return ()
    return tuple(
        loss
        for limit in reference.limits
        for loss in losses_of(
            scored.ready.rows, limit, scored.models[limit.model].scores, stored.scores[limit.against], **draw
        )
    )


def _to_audit(scored: Scored) -> list[str]:
    """The scores that the task audits; with a model also its variant, to show what approved features change."""
    named = list(scored.ready.task.audit)
    if scored.without is not None and scored.without[1] in named:
        named.insert(named.index(scored.without[1]) + 1, scored.without[0])
    return named


def _audited(spec: Spec, data: Data, groups: pd.DataFrame, scored: Scored, name: str, say: Say) -> AuditOf:
    """The audit on the first seed's scores: those of one model in use, not of five together."""
    task, rows = scored.ready.task, scored.ready.rows
    rival = spec.comparators.get(name)
    score = scored.rivals[name][0] if rival else scored.models[name].scores[0]
    inside = _scored_somewhere(scored) & ~np.isnan(score)
    if rival is not None and rival.high_from is not None:
        cut_off, words = rival.as_chance(rival.high_from), f"high from {rival.high_from:g} on"
    else:
        cut_off, words = _cut_off(spec, scored, score, inside)
    say(f"  {task.name}: audit of {name}")
    judged = Judged(
        task.name,
        name,
        rows.positions[inside],
        rows.y[inside],
        score[inside],
        cut_off,
        words,
        rival.chance if rival else True,
    )
    drawn = replace(spec, replicates=replicates_for(int(inside.sum()), spec.replicates))
    return audit_scores(drawn, data, groups, spec.outcomes[task.outcome], judged)


def _cut_off(spec: Spec, scored: Scored, score: Floats, inside: Any) -> tuple[float, str]:
    rule = scored.ready.task.cut_off
    if rule is None:
        return 0.5, "high from a chance of 0.5 on"
    if rule.chance is not None:
        return rule.chance, f"high from a chance of {rule.chance:g} on"
    if rule.like:
        rival = spec.comparators[rule.like]
        high = rival.as_chance(rival.high_from if rival.high_from is not None else rival.highest)
        share = float((scored.rivals[rule.like][0][inside] >= high).mean())
        words = f"so that as many are high as by {rule.like}"
    else:
        share, words = float(rule.share or 0.0), f"so that {rule.share:.0%} are high"
    cut_off = selecting(score[inside], share)
    return cut_off, f"{words}: from a chance of {cut_off:.3f} on"


def selecting(score: Floats, share: float) -> float:
    """The score from which on the share of rows is nearest to ``share``; equal scores stand or fall together."""
    values, counts = np.unique(score, return_counts=True)
    from_here = counts[::-1].cumsum()[::-1] / len(score)
    return float(values[np.abs(from_here - share).argmin()])


def _notes(spec: Spec, data: Data, scored: Scored, metrics: Mapping[str, Mapping[str, Number]]) -> tuple[str, ...]:
    """What a reader must know of this task's figures."""
    task, rows = scored.ready.task, scored.ready.rows
    found = []
    if rows.without_outcome:
        found.append(f"{rows.without_outcome:,} rows whose outcome is not known are left out; none is taken for a no.")
    if not data.keyed:
        found.append("The table has no key: rows are taken for people, and a person with two rows is not noticed.")
    constant = sorted({column for fitted in scored.models.values() for column in fitted.constant})
    if constant:
        found.append(f"Columns with one value in some training rows were left out there: {', '.join(constant)}.")
    if task.expected_auc:
        low = [name for name in task.models if (metrics[name]["auc"].value or 1.0) < task.expected_auc[0]]
        if low:
            found.append(f"Below the expected AUC of {task.expected_auc[0]:g}: {', '.join(low)}.")
    rate = metrics[BASE_RATE]["brier"].value if BASE_RATE in metrics else None
    worse = [name for name in task.models if rate is not None and (metrics[name]["brier"].value or 0.0) > rate]
    if worse:
        found.append(f"Worse than giving everybody the training rows' rate (Brier score): {', '.join(worse)}.")
    drawn = replicates_for(len(rows.y), spec.replicates)
    if drawn < spec.replicates:
        found.append(f"Intervals are from {drawn} replicates, not {spec.replicates}, because there are so many rows.")
    return (
        *found,
        *_copies(spec, data, rows),
        *_children(spec, data, rows),
        *_labels_that_tell_time(spec, data, rows),
    )


def _copies(spec: Spec, data: Data, rows: Rows) -> list[str]:
    """Whether rows with keys of their own are other rows again: a copy on both sides of a split is a leak.

    People who are alike are no copies: it asks that one column alone tells most of the different rows apart. Looks at
    the first million rows.
    """
    keys, looked_at = {*spec.table.id, spec.table.person}, rows.positions[:LOOKED_AT]
    plain = {name: value.series.iloc[looked_at] for name, value in data.columns.items() if not value.written}
    table = pd.DataFrame({name: series for name, series in plain.items() if name not in keys})
    again = int(table.duplicated().sum()) if len(table.columns) else 0
    different = len(table) - again
    if again < max(COPIED * len(table), 1):
        return []
    values = max(column.nunique() for _, column in table.items())
    if values < max(TELLS_APART * different, FEWEST_VALUES):
        return []
    return [
        f"{again:,} of {len(table):,} rows repeat another row in everything but the key. If they are copies, models "
        "have seen rows they are judged on, and every figure is too good: drop them, or name the person."
    ]


def _children(spec: Spec, data: Data, rows: Rows) -> list[str]:
    """How many rows are of people under 18, where an age in years says so (REQUIREMENTS CHI-1)."""
    named = {part.column: [name, part.column] for name, part in spec.features.items()}
    named |= {part.column: [name, part.column] for name, part in spec.characteristics.items()}
    for column in sorted(column for column, names in named.items() if approval_by_name(names) == "age"):
        value = data.columns.get(column)
        if value is None or value.written or value.kind != NUMBER or value.series.max() > OLDEST:
            continue
        under = int((value.series.iloc[rows.positions] < ADULT).sum())
        if under:
            return [
                f"{under:,} rows are of people under {ADULT} ({column}). Published research data only: a partnership's "
                "own model never sees or scores a child; leave them out with a row set."
            ]
    return []


def _labels_that_tell_time(spec: Spec, data: Data, rows: Rows) -> list[str]:
    """Categories with a level of at least one row in a hundred that whole years lack: a change of labels, perhaps."""
    years = data.as_of.iloc[rows.positions].dt.year
    busy = [year for year, count in years.value_counts().items() if count >= 500]
    if len(busy) < 2:
        return []
    found = []
    for name, feature in spec.features.items():
        value = data.columns.get(feature.column)
        if feature.kind != "category" or value is None or value.kind == NUMBER:
            continue
        filled = feature.missing.value or "(empty)"
        labels = levels_as_text(value, feature.labels).iloc[rows.positions].fillna(filled)
        table = pd.crosstab(labels, years)[busy]
        gaps = table[(table.sum(axis=1) >= 0.01 * len(rows.y)) & (table == 0).any(axis=1)]
        if len(gaps):
            levels = ", ".join(repr(level) for level in gaps.index)
            found.append(f"{name}: {levels} never occur in some years. If labels changed, put them right under labels.")
    return found
