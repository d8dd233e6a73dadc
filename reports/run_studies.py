"""What the run page says of the choice, the rows behind it and the studies: content, and the parts it becomes.

Every number is handed in; the words here only say what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from desist.measures.disclosure import NOT_AVAILABLE
from desist.reports.figures import Mark, curve_figure
from desist.reports.pages import Cell, TextTable
from desist.reports.wording import counted, listed, people, sentence


@dataclass(frozen=True)
class Ranged:
    """A number with its range; None where it could not be had."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Part:
    """A section of the page: heading, sentences, a figure, a table."""

    heading: str
    words: tuple[str, ...] = ()
    table: TextTable | None = None
    figure: Markup | None = None


@dataclass(frozen=True)
class SampleContent:
    """What stands behind the back-test. ``overlap`` says what the overlapping dates are worth."""

    rows: int
    people: int
    events: int
    effective_rows: float
    inflation: float
    overlap: str


@dataclass(frozen=True)
class ChoiceContent:
    """The choice between models. ``measure``: its name, such as "Brier score". Bounds are one-sided, 95 %.

    ``own_gain_at_least``: of the chosen model over the most readable one; None where it is that one. ``precision``: of
    the chosen model and the one it is held against, at the cut-off. ``share``: of the best model's gain over the base
    rate that is the margin.
    """

    chosen: str
    best: str
    words: str
    measure: str
    share: float
    margin: float
    lost: float
    lost_at_least: float
    lost_at_most: float
    own_gain_at_least: float | None
    precision: tuple[tuple[str, Ranged], ...]
    cut_off: float | None
    dates: tuple[str, ...]
    people: int
    events: int
    least_events: int


@dataclass(frozen=True)
class LearningRow:
    """How the model did that learnt from so many people; ``why_not`` where there is none."""

    people: int
    events: int
    brier: Ranged
    auc: Ranged
    why_not: str = ""


@dataclass(frozen=True)
class AblationRow:
    """A set of features taken away or added: how, how many of it move the estimates, and what is lost without it."""

    name: str
    how: str
    used: int
    features: int
    brier: Ranged
    auc: Ranged
    words: str


@dataclass(frozen=True)
class AlarmRow:
    """A feature that a check of the leak alarm names, and why."""

    feature: str
    check: str
    words: str


@dataclass(frozen=True)
class StudiesContent:
    """The studies of the chosen kind of model. ``trial`` says on which rows; the words are the studies' own."""

    model: str
    trial: str
    learning: tuple[LearningRow, ...]
    learning_words: str
    ablations: tuple[AblationRow, ...]
    alarm: tuple[AlarmRow, ...]
    alarm_words: str


def sample_part(sample: SampleContent) -> Part:
    """Rows, people and what repeated rows take away."""
    return Part(
        "What stands behind the back-test",
        (
            f"{sample.rows:,} rows of {people(sample.people)}, {sample.events:,} of the rows with the outcome. "
            f"{sample.overlap}",
            f"For telling the rate they are as good as {sample.effective_rows:,.0f} rows of different people: its "
            f"variance is {sample.inflation:.2f} times that of as many independent rows. All ranges are made by "
            "drawing people, each with all their rows.",
        ),
    )


def choice_part(choice: ChoiceContent) -> Part:
    """Margin, bounds, the gain given up and precision at the cut-off, whatever was chosen."""
    rows_of = f", on the rows of {listed(choice.dates)} (the later half of the tested dates)" if choice.dates else ""
    rule = (
        f"The rule was fixed beforehand. The margin is {100 * choice.share:g}% of the best model's gain in "
        f"{choice.measure} over the base rate. A more complex model is chosen only if its gain is shown to exceed the "
        f"margin with 95% confidence{rows_of}: people are drawn again, and the best model is picked again each time. "
        f"Below {choice.least_events} people with the outcome there is no choice; here there are {choice.events:,} of "
        f"{people(choice.people)}."
    )
    rows: list[tuple[Cell, ...]] = [
        ("Chosen", choice.chosen),
        ("Best in the same rows", choice.best),
        (f"Margin ({choice.measure})", f"{choice.margin:.4f}"),
        ("Given up against the best", f"{choice.lost:.4f}"),
        ("Given up, at least", _number(choice.lost_at_least, 4)),
        ("Given up, at most", _number(choice.lost_at_most, 4)),
    ]
    if choice.own_gain_at_least is not None:
        rows.append(("Gain over the most readable model, at least", _number(choice.own_gain_at_least, 4)))
    rows += [
        (f"Precision at {choice.cut_off:g}, {name}", ranged(measured, 3))
        for name, measured in choice.precision
        if choice.cut_off is not None
    ]
    table = TextTable("Choice between the models", ("", "Found"), tuple(rows))
    return Part(table.caption, (sentence(choice.words), rule), table)


def studies_parts(studies: StudiesContent) -> tuple[Part, ...]:
    """Learning curve, ablations and leak alarm."""
    return _learning(studies), _ablations(studies), _alarm(studies)


def _learning(studies: StudiesContent) -> Part:
    rows: list[tuple[Cell, ...]] = [
        (
            f"{row.people:,}",
            f"{row.events:,}",
            *((row.why_not, "") if row.why_not else (ranged(row.brier, 4), ranged(row.auc, 3))),
        )
        for row in studies.learning
    ]
    heading = "Would more people help?"
    table = TextTable(heading, ("People learnt from", "Rows with outcome", "Brier", "AUC"), tuple(rows))
    marks = [
        Mark(float(row.people), f"{row.people:,}", row.brier.value, row.brier.low, row.brier.high)
        for row in studies.learning
        if row.brier.value is not None and row.brier.low is not None and row.brier.high is not None
    ]
    figure = (
        curve_figure(
            "learning",
            "Brier score by number of people learnt from",
            studies.learning_words,
            marks,
            across="People learnt from (each step doubles)",
            upward="Brier score, lower is better",
        )
        if len(marks) > 1
        else None
    )
    said = (f"The {studies.model}. {studies.trial}", studies.learning_words)
    return Part(heading, said, table, figure)


def _ablations(studies: StudiesContent) -> Part:
    heading = "What each set of features is worth"
    rows: list[tuple[Cell, ...]] = [
        (
            row.name,
            row.how,
            f"{row.used} of {row.features}",
            ranged(row.brier, 4, signed),
            ranged(row.auc, 3, signed),
            row.words,
        )
        for row in studies.ablations
    ]
    table = TextTable(
        heading,
        ("Without", "How", "Features that move estimates", "Brier lost", "AUC moved", "In words"),
        tuple(rows),
        in_words=frozenset({0, 1, 5}),
    )
    said = (
        "Each line compares the same rows without and with the set: a Brier score above 0 is lost without it.",
        "Stops today: the model stays, the values are missing from now on. Refit without: another model that never had "
        "them. Added for research: what the board has not approved, given to a model that is thrown away.",
    )
    return Part(heading, said, table)


def _alarm(studies: StudiesContent) -> Part:
    heading = "Leak alarm"
    rows: tuple[tuple[Cell, ...], ...] = tuple((row.feature, row.check, row.words) for row in studies.alarm)
    table = TextTable(heading, ("Feature", "Check", "Found"), rows, in_words=frozenset({0, 1, 2})) if rows else None
    found = len({row.feature for row in studies.alarm})
    lead = f"{counted(found, 'feature is', 'features are')} suspect." if rows else ""
    return Part(heading, tuple(words for words in (lead, sentence(studies.alarm_words)) if words), table)


def ranged(given: Ranged, digits: int, words: Callable[[float, int], str] | None = None) -> Cell:
    """The number, and its range below."""
    tell = words or _number
    if given.value is None:
        return NOT_AVAILABLE
    if given.low is None or given.high is None:
        return tell(given.value, digits)
    return tell(given.value, digits), f"{tell(given.low, digits)} to {tell(given.high, digits)}"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "\u2212")


def signed(value: float, digits: int) -> str:
    """The number with its sign, a true minus; 0 where it is exactly that."""
    return "0" if value == 0 else f"{value:+.{digits}f}".replace("-", "\u2212")
