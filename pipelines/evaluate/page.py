"""The page of an evaluation, in the look of room ``reports``: what it comes to, the figures, the audits.

Everything shown was computed before; small counts are hidden as the spec's audience asks, and rates made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.measures.disclosure import HIDDEN, Audience, rounding_notes, show_count
from desist.pipelines.evaluate.audit import AuditOf
from desist.pipelines.evaluate.group_tables import AUDIENCES, PUBLIC_DATA, ShownGroups, shown_groups
from desist.pipelines.evaluate.metrics import METRICS, Loss, Number
from desist.pipelines.evaluate.spec import Protocol, Spec
from desist.pipelines.evaluate.tasks import TaskResult
from desist.reports import figures
from desist.reports.pages import Cell, TextTable, environment
from desist.reports.wording import day

TEMPLATE = Path(__file__).parent / "templates" / "evaluate.html"

SHORT = {
    "auc": ("AUC", 3),
    "brier": ("Brier", 4),
    "log_loss": ("Log loss", 4),
    "calibration_slope": ("Slope", 2),
    "calibration_intercept": ("Intercept", 2),
    "ece": ("ECE", 3),
}
ANSWERS = {
    "meets": "Within the limit",
    "does_not_meet": "Outside the limit",
    "cannot_be_assessed": "Cannot be assessed",
}
MISSING_WORDS = {"refuse": "no empty cell allowed", "own_effect": "an effect of its own", "as_value": "counts as"}
SIGNS = {1: "may only raise", -1: "may only lower", 0: "either way"}


@dataclass(frozen=True)
class Page:
    """What the template is given, all of it text."""

    says: str
    summary: tuple[tuple[str, list[str]], ...]
    caveats: tuple[str, ...]
    made: tuple[str, ...]
    features: TextTable
    approvals: tuple[str, ...]
    tasks: tuple[Mapping[str, Any], ...]
    rounding: tuple[str, ...]
    data_hash: str
    spec_hash: str


def page_of(
    spec: Spec, results: Sequence[TaskResult], data_hash: str, spec_hash: str, made: tuple[str, ...] = ()
) -> str:
    """The page as HTML, the same bytes for the same results. ``made``: how rows were made, where of events."""
    audience = AUDIENCES[spec.audit.audience]
    groups = shown_groups([told for result in results for told in result.audits], audience)
    first = [sum(len(result.audits) for result in results[:k]) for k in range(len(results))]
    page = Page(
        spec.says,
        tuple((result.task.name, summary_of(result, audience)) for result in results),
        spec.caveats,
        made,
        _features(spec),
        _approvals(spec),
        tuple(_task(result, at, groups) for result, at in zip(results, first, strict=True)),
        tuple(rounding_notes(audience)),
        data_hash[:16],
        spec_hash[:16],
    )
    template = environment().from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(title=f"Evaluation: {spec.title}", made_up=False, page=page)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()) + "\n"


def shown(number: Number, metric: str) -> str:
    digits = SHORT[metric][1]
    return "not defined" if number.value is None else f"{number.value:.{digits}f}"


def span(number: Number, metric: str, *, signed: bool = False) -> str:
    if number.low is None or number.high is None:
        return ""
    form = f"{{:{'+' if signed else ''}.{SHORT[metric][1]}f}}"
    return f"{form.format(number.low)} to {form.format(number.high)}"


def loss_words(loss: Loss) -> str:
    """One sentence a limit: how much is lost, with its interval, and whether the limit holds."""
    short, digits = SHORT[loss.metric][0], 4
    value = "not defined" if loss.loss.value is None else f"{loss.loss.value:+.{digits}f}"
    ends = f"{loss.loss.low:+.{digits}f} to {loss.loss.high:+.{digits}f}" if loss.loss.high is not None else "no range"
    answer = "within" if loss.holds else "NOT WITHIN"
    return (
        f"{loss.model} against the stored {loss.against}: {short} {loss.ours:.4f} and {loss.theirs:.4f}, "
        f"loss {value} ({ends}); {answer} the limit of {loss.limit:g} for the upper end"
    )


def summary_of(result: TaskResult, audience: Audience = PUBLIC_DATA) -> list[str]:
    """A task in a few sentences, the first of them its size as the audience may see it."""
    rows = result.rows
    judged = f", judged on {show_count(result.rows_judged, audience)}" if result.rows_judged < len(rows.y) else ""
    size, events = show_count(len(rows.y), audience), " with the outcome ".join(_events(result, audience))
    lines = [f"{size} rows{judged}, {events}"]
    for name, numbers in result.metrics.items():
        if name != "base_rate":
            lines.append(f"{name} has an AUC of {shown(numbers['auc'], 'auc')} ({span(numbers['auc'], 'auc')})")
    lines += [cost_words(result)] if result.scored.without else []
    lines += [loss_words(loss) for loss in result.losses]
    return lines + [findings_words(told) for told in result.audits if told.audit.findings]


def _events(result: TaskResult, audience: Audience) -> tuple[str, str]:
    """How many rows have the outcome, and their share in brackets."""
    rows, shown = result.rows, show_count(result.rows.events, audience)
    form = ".1%" if audience == PUBLIC_DATA else ".0%"
    return shown, f"({HIDDEN if shown == HIDDEN else format(rows.events / len(rows.y), form)})"


def cost_words(result: TaskResult) -> str:
    """What leaving the approved features out costs."""
    assert result.scored.without is not None
    variant, base, left_out = result.scored.without
    number = next(d.numbers["auc"] for d in result.differences if (d.model, d.less) == (variant, base))
    return (
        f"without {' and '.join(left_out)}, which is in by approval, {base} changes its AUC by "
        f"{number.value:+.3f} ({span(number, 'auc', signed=True)})"
    )


def findings_words(told: AuditOf) -> str:
    """An audit's answers in one sentence: what is outside its limit and for whom, and how many cannot be assessed."""
    findings = told.audit.findings
    outside = [
        f"{finding.metric.upper()} by {finding.characteristic} outside the limit of {finding.margin:g} "
        f"({', '.join(part.group for part in finding.parts if part.answer == finding.answer)})"
        for finding in findings
        if finding.answer == "does_not_meet"
    ]
    counts = [(sum(f.answer == code for f in findings), words.lower()) for code, words in ANSWERS.items()]
    others = [f"{count} {words}" for count, words in counts if count and words != ANSWERS["does_not_meet"].lower()]
    return f"audit of {told.judged.name}, {len(findings)} limits: {'; '.join([*outside, *others])}"


def protocol_words(protocol: Protocol | None) -> str:
    if protocol is None:
        return "nothing is fitted"
    if protocol.kind == "folds":
        seeds = ", ".join(str(seed) for seed in protocol.seeds)
        return f"{protocol.folds} stratified folds of the rows in file order, seeds {seeds}; figures are their means"
    if protocol.kind == "time":
        return f"trained on rows before {protocol.test_from} ({protocol.column}), judged on those from it on"
    if protocol.kind == "time_by_person":
        return (
            f"trained on rows before {protocol.test_from} ({protocol.column}) whose outcome was known by then, judged "
            f"on those from it on; {protocol.folds} folds of people, each judged by a model of the others"
        )
    return (
        f"trained where {protocol.column} is {', '.join(protocol.train)}, judged where it is {', '.join(protocol.test)}"
    )


def _features(spec: Spec) -> TextTable:
    rows: list[tuple[Cell, ...]] = []
    for name, part in spec.features.items():
        meaning = MISSING_WORDS[part.missing.meaning]
        meaning = f"{meaning} {part.missing.value}" if part.missing.value else meaning
        rows.append((name, part.says or part.column, part.kind.replace("_", "/"), SIGNS[part.sign], meaning))
    header = ("Feature", "Says", "Kind", "A larger value", "Empty means")
    return TextTable(
        "Features, their expected sign and what an empty cell means", header, tuple(rows), in_words=frozenset(range(5))
    )


def _approvals(spec: Spec) -> tuple[str, ...]:
    lines = [
        f"In by approval ({part.what}: {', '.join(part.covers) or 'all'}), by {part.by}, until "
        f"{day(part.expires)}: {part.reason}"
        for part in spec.approvals.values()
    ]
    lines += [f"Reviewed as no leak: {name}. {reason}" for name, reason in spec.leak_reviewed.items()]
    lines.append(f"Never a feature: {', '.join(spec.characteristics) or 'no characteristic was named'}")
    return tuple(lines)


def _task(result: TaskResult, first: int, groups: ShownGroups) -> dict[str, Any]:
    task, rows = result.task, result.rows
    expected = f"{task.expected_auc[0]:g} to {task.expected_auc[1]:g}" if task.expected_auc else "not stated"
    facts = [
        ("Outcome", result.outcome.definition),
        ("Rows", f"{task.rows.replace('_', ' ')}: {show_count(len(rows.y), groups.audience)}"),
        ("With the outcome", " ".join(_events(result, groups.audience))),
        ("Protocol", protocol_words(task.protocol)),
        ("AUC believable beforehand", expected),
    ]
    return {
        "name": task.name,
        "heading": task.says or task.name,
        "facts": facts,
        "notes": result.notes,
        "tables": [
            table for table in (_metrics(result), _differences(result), _losses(result), _single(result)) if table.rows
        ],
        "audits": [_audit(told, k, groups) for k, told in enumerate(result.audits, first)],
    }


def _cell(number: Number | None, metric: str, *, signed: bool = False) -> Cell:
    if number is None:
        return "[z]"
    if number.value is None:
        return "[x]"
    value = f"{number.value:{'+' if signed else ''}.{SHORT[metric][1]}f}"
    return (value, span(number, metric, signed=signed))


def _metrics(result: TaskResult) -> TextTable:
    rows = [
        (name, *(_cell(numbers.get(metric), metric) for metric in METRICS)) for name, numbers in result.metrics.items()
    ]
    partly = any(len(numbers) < len(METRICS) for numbers in result.metrics.values())
    notes = ("[z] does not apply: a score that is no chance has only an order, one rate for everybody has none.",)
    return TextTable(
        "Models and rivals", ("Scores", *(SHORT[m][0] for m in METRICS)), tuple(rows), notes if partly else ()
    )


def _differences(result: TaskResult) -> TextTable:
    names = ("auc", "brier", "log_loss")
    rows = [
        (f"{part.model} less {part.less}", *(_cell(part.numbers.get(m), m, signed=True) for m in names))
        for part in result.differences
    ]
    return TextTable(
        "Differences on the same rows and people", ("Comparison", *(SHORT[m][0] for m in names)), tuple(rows)
    )


def _losses(result: TaskResult) -> TextTable:
    rows = []
    for part in result.losses:
        ends = "" if part.loss.low is None else f"{part.loss.low:+.5f} to {part.loss.high:+.5f}"
        value = "[x]" if part.loss.value is None else f"{part.loss.value:+.5f}"
        rows.append(
            (
                f"{part.model} against {part.against}",
                SHORT[part.metric][0],
                f"{part.ours:.4f}",
                f"{part.theirs:.4f}",
                (value, ends),
                f"{part.limit:g}",
                "within" if part.holds else "not within",
            )
        )
    header = ("Model", "Figure", "Ours", "Stored", "Loss", "Limit", "Upper end")
    return TextTable(
        "Against stored reference scores (a loss above 0 is ours)", header, tuple(rows), in_words=frozenset({0, 1, 6})
    )


def _single(result: TaskResult) -> TextTable:
    ordered = sorted(result.scored.ready.single.items(), key=lambda item: (-item[1], item[0]))
    rows = [(name, f"{value:.3f}") for name, value in ordered]
    return TextTable("How well each feature alone tells the outcome", ("Feature", "AUC"), tuple(rows))


def _audit(told: AuditOf, number: int, groups: ShownGroups) -> dict[str, Any]:
    judged = told.judged
    findings = [
        {
            "asked": f"{f.metric.upper()} by {f.characteristic}, limit {f.margin:g}",
            "answer": ANSWERS[f.answer],
            "sign": figures.answer_sign(f.answer),
            "reason": f.reason,
            "groups": "; ".join(f"{part.group}: {ANSWERS[part.answer].lower()}" for part in f.parts),
        }
        for f in told.audit.findings
    ]
    return {
        "heading": f"Audit of {judged.name}",
        "findings": findings,
        "tables": groups.tables_of(number, told),
        "says": f"{judged.cut_off_words}; {show_count(len(judged.y), groups.audience)} rows",
        "unassessed": [part.characteristic.replace("_", " ") for part in told.audit.unassessed],
    }
