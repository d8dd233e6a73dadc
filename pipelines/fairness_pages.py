"""From an audit to the board's page: which value goes where. Computes nothing but sums of the audit's counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from desist.fairness.audit import Audit
from desist.fairness.statistics.group_measures import GroupRow, Measure
from desist.fairness.statistics.verdicts import Finding
from desist.measures.editions import Edition, edition_of
from desist.reports import fairness_content as content
from desist.reports.fairness_shown import protected_counts

#: Which cell of the confusion matrix is the numerator of a rate; its count decides whether the rate may be shown.
_NUMERATORS = {
    "fpr": ("fp",),
    "fnr": ("fn",),
    "ppv": ("tp",),
    "fdr": ("fp",),
    "for": ("fn",),
    "selection": ("tp", "fp"),
}


#: Measures from which, with the mean estimate beside them, the number with the outcome could be worked out.
EVENTS_TOLD_BY = ("base_rate", "calibration_in_the_large", "auc", "brier")


def fairness_content(
    audit: Audit,
    *,
    subject: str,
    made_up: bool,
    state: str,
    asked: content.Asked,
    list_dates: int,
    answers: Mapping[str, str] | None = None,
    **more: Sequence[object],
) -> content.FairnessContent:
    """What the fairness report is given of an audit; ``more`` are the report's texts (changes, costs, annex …)."""
    today = audit.selection_today
    everybody = audit.everybody
    counts = content.PeopleCounts(
        listed_proven=everybody.tp,
        listed_not_proven=everybody.fp,
        missed=everybody.fn,
        neither=everybody.tn,
        list_dates=list_dates,
        enter_review=today.get("selected"),
        new_to_review=today.get("new_to_review"),
    )
    return content.FairnessContent(
        subject=subject,
        made_up=made_up,
        state=state,
        asked=asked,
        counts=counts,
        findings=tuple(_finding(finding, audit, answers or {}) for finding in audit.findings),
        tables=tuple(_table(name, rows, everybody) for name, rows in audit.tables.items()),
        not_assessed=tuple(entry.characteristic.replace("_", " ") for entry in audit.unassessed if not entry.coverage),
        **more,  # type: ignore[arg-type]
    )


def edition(report: content.FairnessContent, run: str) -> Edition:
    """The record of the counts that a run's report shows, for later reports not to tell by difference what it hides."""
    return edition_of(protected_counts(report), name=run, cut_on=report.asked.data_to)


def _finding(finding: Finding, audit: Audit, answers: Mapping[str, str]) -> content.FindingContent:
    rows = {row.group: row for row in audit.tables.get(finding.characteristic, ())}
    return content.FindingContent(
        id=finding.id,
        metric=finding.metric,
        characteristic=finding.characteristic,
        margin=finding.margin,
        answer=finding.answer,
        reason=finding.reason,
        role=finding.role,
        harm=finding.harm,
        accepted=answers.get(finding.id, ""),
        parts=tuple(
            content.GroupPart(
                group=part.group,
                answer=part.answer,
                value=_value(finding.metric, rows[part.group], rows[part.group].measures[finding.metric]),
                others=part.others,
                gap=part.gap,
                gap_low=part.gap_low,
                gap_high=part.gap_high,
                needed=part.needed,
                lean=part.lean,
            )
            for part in finding.parts
        ),
    )


def _table(characteristic: str, rows: Sequence[GroupRow], everybody: GroupRow) -> content.GroupTable:
    return content.GroupTable(
        characteristic=characteristic,
        rows=tuple(
            content.GroupRow(group=row.group, tp=row.tp, fp=row.fp, fn=row.fn, tn=row.tn, measures=_values(row))
            for row in rows
        ),
        everybody=_values(everybody),
    )


def _values(row: GroupRow) -> dict[str, content.Value]:
    return {name: _value(name, row, measure) for name, measure in row.measures.items() if name in content.METRICS}


def _value(metric: str, row: GroupRow, measure: Measure) -> content.Value:
    if metric in EVENTS_TOLD_BY:
        count: int | None = row.events
    else:
        cells = _NUMERATORS.get(metric)
        count = None if cells is None else sum(getattr(row, cell) for cell in cells)
    return content.Value(measure.value, measure.low, measure.high, measure.denominator, count)
