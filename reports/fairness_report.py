"""The fairness report for the oversight board: five answers first, then the findings, then the tables (UX section 6).

Renders an audit that was made elsewhere. Small counts are hidden before anything reaches a template, and a rate
made of a hidden count is hidden with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from desist.measures.disclosure import (
    HIDDEN,
    Audience,
    Protected,
    may_show_rate,
    percentage,
    protect,
    rounding_notes,
    show_count,
    used_notes,
)
from desist.reports import figures
from desist.reports.fairness_content import (
    ANSWERS,
    LEANS,
    METRICS,
    QUESTION_KINDS,
    ROLES,
    CoverageTable,
    FairnessContent,
    FindingContent,
    GroupTable,
    QuestionRow,
)
from desist.reports.fairness_words import (
    EVERYBODY,
    Hidden,
    amount,
    asked_words,
    characteristic_words,
    finding_sentence,
    gap_amount,
    groups_behind,
    hidden_groups,
    is_hidden,
    margin_words,
    measure_columns,
    needed_words,
    people_words,
    span_words,
    unassessed,
    value_cells,
)
from desist.reports.figures import Dot, Figure, Panel
from desist.reports.pages import Cell, TextTable, render
from desist.reports.wording import sentence

TITLE = "Fairness report"
CELLS = {"tp": "Listed, proven", "fp": "Listed, not proven", "fn": "Not listed, proven", "tn": "Not listed, not proven"}
ERROR_METRICS = ("selection", "fpr", "fnr", "ppv", "fdr", "for")
ESTIMATE_METRICS = ("base_rate", "mean_estimate", "calibration_in_the_large", "calibration_slope", "auc", "brier")
IF_REFUSED = (
    "Estimates stay hidden. Cases to review and support waiting go on without them.",
    "Staff use their usual assessment, as they do now. Nobody loses help because there is no estimate.",
)


@dataclass(frozen=True)
class ShownFinding:
    """A decision finding in words, with its table and its figure."""

    id: str
    asked: str
    question: str
    answer: str
    code: str
    groups: tuple[str, ...]
    says: str
    margin: str
    role: str
    reason: str
    board: str
    table: TextTable
    figure: Figure | None


@dataclass(frozen=True)
class ShownCharacteristic:
    """All tables of one characteristic, and its calibration figure."""

    heading: str
    tables: tuple[TextTable, ...]
    figure: Figure | None


def fairness_page(content: FairnessContent) -> str:
    """The report as a page of HTML. Raises ValueError for more than twelve decision findings."""
    tables = {t.characteristic: (t, _protected(t, content.audience)) for t in content.tables if t.rows}
    hidden = _hidden(tables, content.audience)
    shown = [_finding(finding, k, hidden, content.audience) for k, finding in enumerate(content.findings, 1)]
    findings = tuple(one for one in shown if one.role != ROLES["shown"])
    outside = [f for f in findings if f.code == "does_not_meet"]
    return render(
        "fairness.html",
        title=f"{TITLE}: {content.subject}", made_up=content.made_up, content=content, findings=findings,
        shown_too=tuple(one for one in shown if one.role == ROLES["shown"]),
        question_kinds=_question_kinds(content.questions), outside=outside,
        counts=_counts(content), answers=_answer_counts(content), signs=_signs(),
        unassessed=unassessed(content), if_refused=content.if_refused or IF_REFUSED,
        characteristics=tuple(
            _characteristic(table, k, protected, hidden, content.audience)
            for k, (table, protected) in enumerate(tables.values(), 1)
        ),
        coverage=tuple(_coverage(table, content.audience) for table in content.coverage),
        rounding=rounding_notes(content.audience),
    )


def _signs() -> dict[str, object]:
    return {code: figures.answer_sign(code) for code in ANSWERS}


def _question_kinds(questions: tuple[QuestionRow, ...]) -> list[tuple[str, list[QuestionRow]]]:
    """The questions under the heading of their kind; kinds without a question are left out."""
    found = [(words, [row for row in questions if row.kind == kind]) for kind, words in QUESTION_KINDS.items()]
    return [(words, rows) for words, rows in found if rows]


def _answer_counts(content: FairnessContent) -> list[tuple[str, str, int]]:
    """How many findings have each answer: code, words, count."""
    return [(code, words, sum(f.answer == code for f in content.decided)) for code, words in ANSWERS.items()]


def _counts(content: FairnessContent) -> dict[str, str]:
    """The counts of page one, in words."""
    given, audience = content.counts, content.audience
    listed = given.listed_proven + given.listed_not_proven
    judged = listed + given.missed + given.neither
    words = {
        "judged": judged, "listed": listed, "right": given.listed_proven,
        "wrong": given.listed_not_proven, "missed": given.missed,
    }
    shown = {name: people_words(count, audience) for name, count in words.items()}
    for name, count in (("enter", given.enter_review), ("new", given.new_to_review)):
        shown[name] = "" if count is None else people_words(count, audience)
    return shown


def _protected(table: GroupTable, audience: Audience) -> Protected:
    counts = pd.DataFrame(
        [[row.tp, row.fp, row.fn, row.tn] for row in table.rows],
        index=[row.group for row in table.rows], columns=list(CELLS),
    )
    return protect(counts, audience)


def _hidden(tables: dict[str, tuple[GroupTable, Protected]], audience: Audience) -> Hidden:
    """The counts that no rate may be made of: (characteristic, group, cell), "n" for a group's total.

    These are the small counts. A larger one that is hidden only to protect a small one keeps its rate where counts
    are rounded: from a whole per cent of a rounded count the small one cannot be worked out, and the board would
    otherwise lose the numbers of a large group for the sake of a small one. Where counts are exact, or the public
    reads, it loses its rate too.
    """
    keeps_rates = audience.round_to > 1 and not audience.hides_everybody
    found = set()
    for characteristic, (table, protected) in tables.items():
        for row in table.rows:
            counts = {"tp": row.tp, "fp": row.fp, "fn": row.fn, "tn": row.tn}
            for cell, count in counts.items():
                only_a_partner = count >= audience.hide_below
                if protected.cells.loc[row.group, cell] == HIDDEN and not (keeps_rates and only_a_partner):
                    found.add((characteristic, row.group, cell))
            if 0 < sum(counts.values()) < audience.least_people:
                found.add((characteristic, row.group, "n"))
    return frozenset(found)


def _finding(finding: FindingContent, number: int, hidden: Hidden, audience: Audience) -> ShownFinding:
    table = _finding_table(finding, hidden, audience)
    says = finding_sentence(finding, hidden, audience)
    board = sentence(finding.accepted) if finding.accepted else ("" if finding.answer == "meets" else "Open")
    return ShownFinding(
        id=f"finding-{number}", asked=asked_words(finding), question=METRICS[finding.metric].question,
        answer=ANSWERS[finding.answer], code=finding.answer, groups=tuple(groups_behind(finding)), says=says,
        margin=margin_words(finding), role=ROLES[finding.role], reason=sentence(finding.reason), board=board,
        table=table,
        figure=_finding_figure(finding, number, says, table, hidden, audience),
    )


def _finding_table(finding: FindingContent, hidden: Hidden, audience: Audience) -> TextTable:
    unit = METRICS[finding.metric].unit
    kept_back = hidden_groups(finding, hidden, audience)
    rows: list[tuple[Cell, ...]] = []
    for part in finding.parts:
        people = (show_count(part.value.people, audience), needed_words(part))
        if part.group in kept_back:
            rows.append((part.group, people, HIDDEN, HIDDEN, HIDDEN, ANSWERS[part.answer]))
            continue
        gap = gap_amount(part.gap, unit), span_words(part.gap_low, part.gap_high, lambda v: gap_amount(v, unit))
        rows.append((
            part.group, people, value_cells(part.value, finding.metric, False), amount(part.others, unit), gap,
            (ANSWERS[part.answer], LEANS[part.lean]),
        ))
    header = ("Group", "People", METRICS[finding.metric].short, "Everybody else",
              "Gap" if unit == "number" else "Gap in points", "Answer")
    table = TextTable(f"{asked_words(finding)}: each group beside everybody else", header, tuple(rows),
                      in_words=frozenset({0, 5}))
    return _noted(table)


def _finding_figure(
    finding: FindingContent, number: int, says: str, table: TextTable, hidden: Hidden, audience: Audience
) -> Figure | None:
    """Dots of the gaps that may be shown; None where there is no gap to draw."""
    dots, kept_back = [], hidden_groups(finding, hidden, audience)
    for part in finding.parts:
        if part.group in kept_back:
            dots.append(Dot(part.group, None, None, None, "hidden: too few people"))
        elif part.gap is None or part.gap_low is None or part.gap_high is None:
            dots.append(Dot(part.group, None, None, None, "not available"))
        else:
            dots.append(Dot(part.group, part.gap, part.gap_low, part.gap_high, ANSWERS[part.answer].split(" the ")[0]))
    if not any(dot.value is not None for dot in dots):
        return None
    unit = METRICS[finding.metric].unit
    svg = figures.dot_figure(
        f"figure-{number}", says, "Gap of each group to everybody else, with its range. The table has the numbers.",
        dots, margin=finding.margin, axis="gap to everybody else, in hundredths" if unit == "number"
        else "gap to everybody else, in points", less="less than everybody else", more="more than everybody else",
    )
    return Figure(says, svg, table.header, ())


def _characteristic(
    table: GroupTable, number: int, protected: Protected, hidden: Hidden, audience: Audience
) -> ShownCharacteristic:
    name = characteristic_words(table.characteristic)
    tables = [_count_table(name, protected)]
    for caption, order in (
        (f"Who is listed and who bears the errors, by {name}", ERROR_METRICS),
        (f"Estimates and what happened, by {name}", ESTIMATE_METRICS),
    ):
        metrics = measure_columns(table, order)
        if metrics:
            tables.append(_measure_table(caption, table, metrics, hidden, audience))
    return ShownCharacteristic(sentence(name).rstrip("."), tuple(tables), _calibration(table, number, hidden, audience))


def _count_table(name: str, protected: Protected) -> TextTable:
    rows = [(str(group), *(str(c) for c in protected.cells.loc[group]), str(protected.row_totals[group]))
            for group in protected.cells.index]
    rows.append((EVERYBODY, *(str(c) for c in protected.column_totals), protected.total))
    return TextTable(f"People in the test, by {name}", ("Group", *CELLS.values(), "All"), tuple(rows),
                     tuple(protected.notes()))


def _measure_table(
    caption: str, table: GroupTable, metrics: tuple[str, ...], hidden: Hidden, audience: Audience
) -> TextTable:
    rows: list[tuple[Cell, ...]] = []
    for row in table.rows:
        cells = []
        for metric in metrics:
            value = row.measures.get(metric)
            hide = value is not None and is_hidden(value, metric, table.characteristic, row.group, hidden, audience)
            cells.append(value_cells(value, metric, hide))
        rows.append((row.group, *cells))
    if table.everybody:
        everybody = [(metric, table.everybody.get(metric)) for metric in metrics]
        rows.append((EVERYBODY, *(
            value_cells(value, metric, value is not None and not may_show_rate(value.people, value.count, audience))
            for metric, value in everybody
        )))
    header = ("Group", *(METRICS[metric].short for metric in metrics))
    return _noted(TextTable(caption, header, tuple(rows)))


def _calibration(table: GroupTable, number: int, hidden: Hidden, audience: Audience) -> Figure | None:
    """Calibration by group; bins of too few people are left out, and the table says which."""
    if not table.bins:
        return None
    name, panels, rows = characteristic_words(table.characteristic), [], []
    for group, bins in table.bins.items():
        shown = [] if (table.characteristic, group, "n") in hidden else [
            b for b in bins if may_show_rate(b.people, b.events, audience)]
        left = len(bins) - len(shown)
        panels.append(Panel(group, tuple((b.estimate, b.observed, b.low, b.high) for b in shown),
                            f"{left} of {len(bins)} points hidden" if left else f"{len(bins)} points"))
        rows += [(group, f"{100 * b.estimate:.0f}%", f"{100 * b.observed:.0f}%",
                  f"{100 * b.low:.0f}% to {100 * b.high:.0f}%", show_count(b.people, audience)) for b in shown]
    title = (f"Estimates beside what happened, by {name}: points on the line agree, "
             "points below it were estimated too high")
    svg = figures.calibration_figure(f"calibration-{number}", title, "One picture for each group. The table has the "
                                     "numbers.", panels)
    return Figure(title, svg, ("Group", "Mean estimate", "Proven to reoffend", "Likely range", "People"), tuple(rows))


def _coverage(table: CoverageTable, audience: Audience) -> TextTable:
    rows = []
    for row in table.rows:
        known, people = show_count(row.known, audience), show_count(row.of, audience)
        missing = row.of - row.known
        if known == HIDDEN or 0 < missing < audience.hide_below:
            known, share = HIDDEN, HIDDEN
        else:
            share = percentage(known, people)
        rows.append((row.what, known, people, share, row.note or "none"))
    return _noted(TextTable(table.caption, ("For whom", "Known", "Of", "Share", "Note"), tuple(rows),
                            in_words=frozenset({0, 4})))


def _noted(table: TextTable) -> TextTable:
    """The table with a note for each marker in it."""
    return replace(table, notes=tuple(used_notes(table.texts())))
