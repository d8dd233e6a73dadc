"""Numbers of the fairness report as words, with what may not be shown left out."""

from __future__ import annotations

from collections.abc import Callable

from desist.measures.disclosure import HIDDEN, LOW, NOT_AVAILABLE
from desist.reports.fairness_content import (
    ANSWERS,
    CHARACTERISTICS,
    LEANS,
    METRICS,
    FairnessContent,
    FindingContent,
    GroupPart,
    GroupTable,
    Value,
)

EVERYBODY = "Everybody"
#: A sentence does not lead with the rate of fewer people.
FEWEST_TO_LEAD = 20
NO_NUMBER = "numbers hidden to protect small groups; the answer uses everybody"
#: How many people a limit asks for is rounded up to these: it follows from counts that are rounded themselves.
NEEDED_STEP = 10


def characteristic_words(name: str) -> str:
    """The characteristic as people say it; an unknown one by its name."""
    return CHARACTERISTICS.get(name, name.replace("_", " "))


def asked_words(finding: FindingContent) -> str:
    """What a finding asks, in one line: "Wrongly listed, by ethnicity"."""
    return f"{METRICS[finding.metric].short}, by {characteristic_words(finding.characteristic)}"


def amount(value: float | None, unit: str) -> str:
    """A share as a whole per cent, a gap in points, a number with two decimals; ``[x]`` where there is none."""
    if value is None:
        return NOT_AVAILABLE
    if unit == "share":
        whole = int(100 * value + 0.5)
        return LOW if whole == 0 and value > 0 else f"{whole}%"
    if unit == "per_1000":
        return f"{1000 * value:.1f} in 1,000"
    return signed(value) if unit == "gap" else f"{value:.2f}"


def signed(value: float) -> str:
    """A difference in hundredths with its sign: "+7", "−3", "0"."""
    whole = int(abs(value) * 100 + 0.5)
    return "0" if whole == 0 else f"{'+' if value > 0 else '−'}{whole}"


def gap_amount(value: float | None, unit: str) -> str:
    """A gap to everybody else: in points for shares, with two decimals for numbers."""
    if value is None:
        return NOT_AVAILABLE
    return f"{value:+.2f}".replace("-", "−") if unit == "number" else signed(value)


def printed_gap(value: float | None, others: float | None, unit: str) -> float | None:
    """The difference of two numbers as they are printed: it tells no more than they do."""
    if value is None or others is None:
        return None
    if unit == "per_1000":
        return round(round(1000 * value, 1) - round(1000 * others, 1), 1) / 1000
    return (_hundredths(value) - _hundredths(others)) / 100


def _hundredths(value: float) -> int:
    return int(abs(value) * 100 + 0.5) * (1 if value > 0 else -1)


def span_words(low: float | None, high: float | None, words: Callable[[float], str]) -> str:
    """A range as "28% to 35%", or nothing where there is none."""
    return "" if low is None or high is None else f"{words(low)} to {words(high)}"


def margin_words(finding: FindingContent) -> str:
    """The agreed limit: "5 points", or "0.05" for a number."""
    if METRICS[finding.metric].unit == "number":
        return f"{finding.margin:.2f}"
    points = f"{100 * finding.margin:.1f}".removesuffix(".0")
    return f"{points} point" if points == "1" else f"{points} points"


def value_cells(value: Value | None, metric: str, hide: bool) -> tuple[str, str]:
    """A measure and its range as two texts."""
    unit = METRICS[metric].unit
    if value is None or value.value is None:
        return NOT_AVAILABLE, ""
    if hide:
        return HIDDEN, ""
    return amount(value.value, unit), span_words(value.low, value.high, lambda v: amount(v, unit))


def needed_words(part: GroupPart) -> str:
    """How many people the limit asks for, rounded up."""
    if part.needed is None:
        return "no number would do"
    return f"needed {-(-part.needed // NEEDED_STEP) * NEEDED_STEP:,}"


def groups_behind(finding: FindingContent) -> list[str]:
    """Which groups stand behind an answer, a line for each answer that is not "within"."""
    lines = []
    for answer in ("does_not_meet", "cannot_be_assessed"):
        groups = [part.group for part in finding.parts if part.answer == answer]
        if groups:
            lines.append(f"{ANSWERS[answer]}: {', '.join(groups)}")
    return lines or (["Every group"] if finding.parts else ["No group has data"])


def telling_part(finding: FindingContent, kept_back: frozenset[str]) -> GroupPart | None:
    """The group that says most about the answer: the widest shown gap among those that gave it; None if all are hidden.

    A group that did not give the answer never stands for one that did.
    """
    shown = [
        part
        for part in finding.parts
        if part.gap is not None and part.others is not None and part.value.value is not None
        and part.group not in kept_back and part.value.people >= FEWEST_TO_LEAD
    ]
    gave_it = any(part.answer == finding.answer for part in finding.parts)
    decisive = [part for part in shown if part.answer == finding.answer or not gave_it]
    return max(decisive, key=lambda part: abs(part.gap or 0.0), default=None)


def finding_sentence(finding: FindingContent, kept_back: frozenset[str]) -> str:
    """A finding in one or two sentences about people; where no number can be shown, the answer and its groups."""
    part = telling_part(finding, kept_back)
    if part is None:
        return ". ".join([f"{asked_words(finding)}: {NO_NUMBER}", *groups_behind(finding)]) + "."
    words = METRICS[finding.metric]
    said = [words.says.format(value=said_value(v, finding.metric)) for v in (part.value.value, part.others)]
    sentence = f"{part.group}: {said[0]}. Everybody else: {said[1]}."
    return f"{sentence} For {part.group} the evidence {LEANS[part.lean]}." if part.lean else sentence


def said_value(value: float | None, metric: str) -> str:
    """A measure inside a sentence: "31 in 100", "3 points above", "0.72"."""
    unit = METRICS[metric].unit
    if value is None:
        return NOT_AVAILABLE
    whole = int(abs(value) * 100 + 0.5)
    if unit == "share":
        return f"{whole}%" if metric == "mean_estimate" else f"{whole} in 100"
    if unit == "per_1000":
        return f"{1000 * value:.1f} in 1,000"
    if unit == "gap":
        if whole == 0:
            return "level with"
        return f"{whole} {'point' if whole == 1 else 'points'} {'above' if value > 0 else 'below'}"
    return f"{value:.2f}"


def unassessed(content: FairnessContent) -> list[str]:
    """What the evidence cannot tell: each finding with the groups that could not be assessed."""
    lines = []
    for finding in content.decided:
        groups = [part.group for part in finding.parts if part.answer == "cannot_be_assessed"]
        if groups or finding.answer == "cannot_be_assessed":
            lines.append(f"{asked_words(finding)}: {', '.join(groups) or 'no group has data'}.")
    return lines


def measure_columns(table: GroupTable, order: tuple[str, ...]) -> tuple[str, ...]:
    """The metrics of ``order`` that at least one row of the table has."""
    present: set[str] = set(table.everybody).union(*(row.measures for row in table.rows))
    return tuple(metric for metric in order if metric in present)
