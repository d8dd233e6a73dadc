"""The fairness report for the oversight board: five answers first, then the findings, then the tables (UX section 6).

Renders an audit that was made elsewhere. What may be shown is decided once, for all of the page, by `disclosed`:
small counts are hidden before anything reaches a template, with every number that would tell them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from desist.measures.charts import drawn, number_of
from desist.measures.disclosure import (
    HIDDEN,
    may_show_rate,
    percentage,
    protect,
    protect_list,
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
    CalibrationBin,
    Coverage,
    CoverageTable,
    FairnessContent,
    FindingContent,
    GroupTable,
    QuestionRow,
)
from desist.reports.fairness_shown import CELLS, Disclosed, disclosed
from desist.reports.fairness_words import (
    EVERYBODY,
    amount,
    asked_words,
    characteristic_words,
    finding_sentence,
    gap_amount,
    groups_behind,
    margin_words,
    measure_columns,
    needed_words,
    printed_gap,
    span_words,
    unassessed,
    value_cells,
)
from desist.reports.figures import Dot, Figure, Panel
from desist.reports.pages import Cell, TextTable, render
from desist.reports.wording import sentence

TITLE = "Fairness report"
#: Stands in a sentence where a count may not.
HIDDEN_NUMBER = "a hidden number"
LEFT_OUT = "Nothing is shown of these groups: most counts would be hidden, and would hide those of other tables too."
ONLY_SIZES = "Only the size of each group is shown: most other counts would be hidden, and would hide more elsewhere."
PRINTED_GAPS = "A gap is the difference of the two numbers beside it, because some counts on this page are hidden."
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
    """All tables of one characteristic, and its calibration figure; ``note`` says why there are fewer."""

    heading: str
    tables: tuple[TextTable, ...]
    figure: Figure | None
    note: str = ""


def fairness_page(content: FairnessContent) -> str:
    """The report as a page of HTML. Raises ValueError for more than twelve decision findings."""
    may = disclosed(content)
    shown = [_finding(finding, k, may) for k, finding in enumerate(content.findings, 1)]
    findings = tuple(one for one in shown if one.role != ROLES["shown"])
    outside = [f for f in findings if f.code == "does_not_meet"]
    tables = [table for table in content.tables if table.rows]
    return render(
        "fairness.html",
        title=f"{TITLE}: {content.subject}", made_up=content.made_up, content=content, findings=findings,
        shown_too=tuple(one for one in shown if one.role == ROLES["shown"]),
        question_kinds=_question_kinds(content.questions), outside=outside,
        counts=_counts(content, may), answers=_answer_counts(content), signs=_signs(),
        unassessed=unassessed(content), if_refused=content.if_refused or IF_REFUSED,
        characteristics=tuple(_characteristic(table, k, may) for k, table in enumerate(tables, 1)),
        coverage=tuple(_coverage(table, may) for table in content.coverage),
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


def _counts(content: FairnessContent, may: Disclosed) -> dict[str, str]:
    """The counts of page one, in words: those of the tables' own totals."""
    given = content.counts
    cells, total = may.page_one()
    listed = show_count(given.listed_proven + given.listed_not_proven, content.audience)
    if may.hides:  # a sum rounded for itself would tell more of its parts than they do
        parts = [cells["tp"], cells["fp"]]
        listed = HIDDEN if HIDDEN in parts else f"{sum(int(text.replace(',', '')) for text in parts):,}"
    shown = {"judged": total, "listed": listed, "right": cells["tp"], "wrong": cells["fp"], "missed": cells["fn"]}
    if given.enter_review is not None:
        new = given.new_to_review or 0
        today, shown["enter"] = protect_list({"new": new, "as now": given.enter_review - new}, content.audience)
        shown |= {} if given.new_to_review is None else {"new": today["new"]}
    words = {name: HIDDEN_NUMBER if text == HIDDEN else text for name, text in shown.items()}
    for name in {"judged", "enter"} & words.keys():
        words[name] += " of people" if shown[name] == HIDDEN else " people"
    return {"enter": "", "new": "", **words}


def _finding(finding: FindingContent, number: int, may: Disclosed) -> ShownFinding:
    kept_back = may.hidden_groups(finding)
    table = _finding_table(finding, kept_back, may)
    says = finding_sentence(finding, kept_back)
    board = sentence(finding.accepted) if finding.accepted else ("" if finding.answer == "meets" else "Open")
    return ShownFinding(
        id=f"finding-{number}", asked=asked_words(finding), question=METRICS[finding.metric].question,
        answer=ANSWERS[finding.answer], code=finding.answer, groups=tuple(groups_behind(finding)), says=says,
        margin=margin_words(finding), role=ROLES[finding.role], reason=sentence(finding.reason), board=board,
        table=table, figure=_finding_figure(finding, number, says, table),
    )


def _finding_table(finding: FindingContent, kept_back: frozenset[str], may: Disclosed) -> TextTable:
    unit = METRICS[finding.metric].unit
    rows: list[tuple[Cell, ...]] = []
    for part in finding.parts:
        if part.group in kept_back:
            rows.append((part.group, HIDDEN, (HIDDEN, ""), HIDDEN, (HIDDEN, ""), (ANSWERS[part.answer], "")))
            continue
        people = (show_count(part.value.people, may.audience), needed_words(part))
        number = printed_gap(part.value.value, part.others, unit) if may.hides else part.gap
        gap = gap_amount(number, unit), span_words(part.gap_low, part.gap_high, lambda v: gap_amount(v, unit))
        rows.append((
            part.group, people, value_cells(part.value, finding.metric, False), amount(part.others, unit), gap,
            (ANSWERS[part.answer], LEANS[part.lean]),
        ))
    header = ("Group", "People", METRICS[finding.metric].short, "Everybody else",
              "Gap" if unit == "number" else "Gap in points", "Answer")
    table = _noted(TextTable(f"{asked_words(finding)}: each group beside everybody else", header, tuple(rows),
                             in_words=frozenset({0, 5})))
    return replace(table, notes=(*table.notes, PRINTED_GAPS)) if may.hides else table


def _finding_figure(finding: FindingContent, number: int, says: str, table: TextTable) -> Figure | None:
    """Dots of the gaps as the table prints them; None where there is no gap to draw."""
    dots, gaps = [], [row[4] for row in table.rows]
    points = drawn((part.group, gap[0], gap[1]) for part, gap in zip(finding.parts, gaps, strict=True))
    for part, gap, point in zip(finding.parts, gaps, points, strict=True):
        if gap[0] == HIDDEN:
            dots.append(Dot(part.group, None, None, None, "hidden, to protect a small count"))
        elif point.low is None or point.high is None:
            dots.append(Dot(part.group, None, None, None, "not available"))
        else:
            said = ANSWERS[part.answer].split(" the ")[0]
            dots.append(Dot(part.group, point.value, point.low, point.high, said))
    if not any(dot.value is not None for dot in dots):
        return None
    unit = METRICS[finding.metric].unit
    svg = figures.dot_figure(
        f"figure-{number}", says, "Gap of each group to everybody else, with its range. The table has the numbers.",
        dots, margin=finding.margin, axis="gap to everybody else, in hundredths" if unit == "number"
        else "gap to everybody else, in points", less="less than everybody else", more="more than everybody else",
    )
    return Figure(says, svg, table.header, ())


def _characteristic(table: GroupTable, number: int, may: Disclosed) -> ShownCharacteristic:
    name = characteristic_words(table.characteristic)
    heading = sentence(name).rstrip(".")
    if table.characteristic in may.left_out:
        return ShownCharacteristic(heading, (), None, LEFT_OUT)
    tables = [_count_table(name, table, may)]
    if may.only_totals(table.characteristic):
        return ShownCharacteristic(heading, tuple(tables), None, ONLY_SIZES)
    for caption, order in (
        (f"Who is listed and who bears the errors, by {name}", ERROR_METRICS),
        (f"Estimates and what happened, by {name}", ESTIMATE_METRICS),
    ):
        metrics = measure_columns(table, order)
        if metrics:
            tables.append(_measure_table(caption, table, metrics, may))
    return ShownCharacteristic(heading, tuple(tables), _calibration(table, number, may))


def _count_table(name: str, table: GroupTable, may: Disclosed) -> TextTable:
    shown = may.counts_of(table.characteristic)
    cells, totals = shown.cells.to_numpy().tolist(), shown.row_totals.tolist()
    rows = [(row.group, *map(str, texts), str(total)) for row, texts, total in zip(table.rows, cells, totals,
                                                                                  strict=True)]
    rows.append((EVERYBODY, *map(str, shown.column_totals.tolist()), shown.total))
    header = ("Group", *CELLS.values(), "All")
    if may.only_totals(table.characteristic):
        rows, header = [(row[0], row[-1]) for row in rows], (header[0], header[-1])
    return TextTable(f"People in the test, by {name}", header, tuple(rows), tuple(shown.notes()))


def _measure_table(caption: str, table: GroupTable, metrics: tuple[str, ...], may: Disclosed) -> TextTable:
    named = [(row.group, row.group, row.measures) for row in table.rows]
    everybody = [(EVERYBODY, None, table.everybody)] if table.everybody else []
    rows: list[tuple[Cell, ...]] = []
    for label, group, measures in [*named, *everybody]:
        cells = []
        for metric in metrics:
            value = measures.get(metric)
            hide = value is not None and may.is_hidden(metric, table.characteristic, group, value)
            cells.append(value_cells(value, metric, hide))
        rows.append((label, *cells))
    header = ("Group", *(METRICS[metric].short for metric in metrics))
    return _noted(TextTable(caption, header, tuple(rows)))


def _calibration(table: GroupTable, number: int, may: Disclosed) -> Figure | None:
    """Calibration by group, drawn from its table; points of too few people are left out, and the table says which."""
    if not table.bins:
        return None
    name, panels, rows = characteristic_words(table.characteristic), [], []
    for group, bins in table.bins.items():
        shown = _shown_bins(table, group, bins, may)
        left = len(bins) - len(shown)
        points = tuple(_point(*texts[:4]) for texts in shown)
        panels.append(Panel(group, points, f"{left} of {len(bins)} points hidden" if left else f"{len(bins)} points"))
        rows += [(group, *texts[:2], f"{texts[2]} to {texts[3]}", texts[4]) for texts in shown]
    title = (f"Estimates beside what happened, by {name}: points on the line agree, "
             "points below it were estimated too high")
    svg = figures.calibration_figure(f"calibration-{number}", title, "One picture for each group. The table has the "
                                     "numbers.", panels)
    return Figure(title, svg, ("Group", "Mean estimate", "Proven to reoffend", "Likely range", "People"), tuple(rows))


def _shown_bins(
    table: GroupTable, group: str, bins: tuple[CalibrationBin, ...], may: Disclosed
) -> list[tuple[str, str, str, str, str]]:
    """The points that may be shown, as texts: estimate, observed, the ends of its range, people.

    None of a group with a hidden count, which the points of a group add up to. The points are parts of the group's
    people, so those hidden among them are protected against its total.
    """
    row = next((row for row in table.rows if row.group == group), None)
    if row is None or may.hidden_cells(table.characteristic, group) or not bins:
        return []
    parts = [(one.events, one.people - one.events) for one in bins]
    rest = tuple(whole - sum(part) for whole, part in zip((row.tp + row.fn, row.fp + row.tn),
                                                         zip(*parts, strict=True), strict=True))
    if min(rest) >= 0 and any(rest):
        parts.append(rest)
    cells = protect(pd.DataFrame(parts, columns=["proven", "not"]), may.audience)
    return [
        (_percent(one.estimate), _percent(one.observed), _percent(one.low), _percent(one.high),
         str(cells.row_totals[k]))
        for k, one in enumerate(bins)
        if HIDDEN not in {*cells.cells.loc[k], cells.row_totals[k]}
        and may_show_rate(one.people, one.events, may.audience)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _point(estimate: str, observed: str, low: str, high: str) -> tuple[float, float, float, float]:
    """A point of a picture from the texts of its table."""
    return number_of(estimate) or 0.0, number_of(observed) or 0.0, number_of(low) or 0.0, number_of(high) or 0.0


def _coverage(table: CoverageTable, may: Disclosed) -> TextTable:
    rows = [(row.what, *_known(row, may), row.note or "none") for row in table.rows]
    return _noted(TextTable(table.caption, ("For whom", "Known", "Of", "Share", "Note"), tuple(rows),
                            in_words=frozenset({0, 4})))


def _known(row: Coverage, may: Disclosed) -> tuple[str, str, str]:
    """For how many it is known, of how many, and the share.

    A number that a table of this page hides as the total of a group is not shown here as those without a value.
    """
    missing = row.of - row.known
    parts, people = protect_list({"known": row.known, "missing": missing}, may.audience)
    if HIDDEN in parts.values() or {row.known, missing, row.of} & may.small:
        return HIDDEN, show_count(row.of, may.audience) if row.of not in may.small else HIDDEN, HIDDEN
    return parts["known"], people, percentage(parts["known"], people)


def _noted(table: TextTable) -> TextTable:
    """The table with a note for each marker in it."""
    return replace(table, notes=tuple(used_notes(table.texts())))
