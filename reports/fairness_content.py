"""What the fairness report is given: plain frozen values, so that any audit can be shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from desist.measures.disclosure import PARTNERSHIP, Audience
from desist.reports.pages import TextTable

MOST_FINDINGS = 12

#: What a finding is for, in the board's words.
ROLES: Mapping[str, str] = {
    "primary": "Must be met",
    "answer": "Beyond it, the board answers",
    "shown": "Shown only",
}
#: Why a question has to be answered in writing, as a heading over the questions of that kind.
QUESTION_KINDS: Mapping[str, str] = {
    "outside": "Outside the agreed limit",
    "leaning": "Not shown to be outside, but pointing there",
    "too_few": "Too few people to tell",
    "answer": "A gap that the policy lets pass only with reasons",
    "proxy": "A feature that stands in for a characteristic",
    "gaming": "Something in the numbers that has to be explained",
    "retries": "Audited more than once on the same outcomes",
    "linkage": "A group whose records are found or joined less surely",
}

#: The three answers, in the board's words. The sign beside each is drawn, so that colour is never needed.
ANSWERS: Mapping[str, str] = {
    "meets": "Within the agreed limit",
    "does_not_meet": "Outside the agreed limit",
    "cannot_be_assessed": "Cannot be assessed",
}

#: What the evidence does for a group that cannot be assessed.
LEANS: Mapping[str, str] = {
    "": "",
    "no_evidence": "shows nothing either way",
    "a_gap_is_shown": "shows a gap, but not how large it is",
    "leaning_beyond_the_limit": "points beyond the limit",
}


@dataclass(frozen=True)
class MetricWords:
    """A metric in words. ``unit``: "share" (0 to 1), "per_1000" (a small share), "gap" (of shares), or "number".

    ``says`` is a sentence with ``{value}`` for one group; ``cells`` are the counts its numerator is made of.
    """

    short: str
    question: str
    unit: str
    says: str
    cells: tuple[str, ...] = ()


METRICS: Mapping[str, MetricWords] = {
    "fpr": MetricWords(
        "Wrongly listed",
        "Of people with no proven reoffence, how many would be listed?",
        "share", "{value} people with no proven reoffence would be listed", ("fp",),
    ),
    "fnr": MetricWords(
        "Missed",
        "Of people who were proven to reoffend, how many would not be listed?",
        "share", "{value} people who were proven to reoffend would not be listed", ("fn",),
    ),
    "ppv": MetricWords(
        "Listed, and proven",
        "Of people who would be listed, how many were proven to reoffend?",
        "share", "{value} people who would be listed were proven to reoffend", ("tp", "fp"),
    ),
    "fdr": MetricWords(
        "Listed, not proven",
        "Of people who would be listed, how many had no proven reoffence?",
        "share", "{value} people who would be listed had no proven reoffence", ("tp", "fp"),
    ),
    "for": MetricWords(
        "Not listed, but proven",
        "Of people who would not be listed, how many were proven to reoffend?",
        "share", "{value} people who would not be listed were proven to reoffend", ("fn",),
    ),
    "selection": MetricWords(
        "Listed", "How many people would be listed?", "share", "{value} people would be listed",
    ),
    "base_rate": MetricWords(
        "Proven to reoffend", "How many people were proven to reoffend?", "share",
        "{value} people were proven to reoffend",
    ),
    "mean_estimate": MetricWords(
        "Mean estimate", "How large are the estimates on average?", "share", "the mean estimate is {value}",
    ),
    "calibration_in_the_large": MetricWords(
        "Estimate above what happened",
        "How far is the estimate above or below what happened?",
        "gap", "the estimate is {value} what happened",
    ),
    "excess_fpr": MetricWords(
        "Wrongly listed beyond what the estimates explain",
        "Of people with no proven reoffence, are more listed than right estimates with this spread would list?",
        "gap", "people with no proven reoffence were listed {value} what right estimates would list", ("fp",),
    ),
    "calibration_near_cut_off": MetricWords(
        "Estimate above what happened, near the cut-off",
        "Where the estimate decides, how far is it above or below what happened?",
        "gap", "near the cut-off the estimate is {value} what happened",
    ),
    "sensitivity_in_need": MetricWords(
        "Reached, of those in need",
        "Of people with a need who were proven to reoffend, how many would be listed?",
        "share", "{value} people with a need who were proven to reoffend would be listed",
    ),
    "benefit": MetricWords(
        "Service received",
        "Of people with a need, how many started a service within the year?",
        "share", "{value} people with a need started a service within the year",
    ),
    "burden": MetricWords(
        "Listed, of adults in the community",
        "Of all adults in the community, how many would be listed?",
        "per_1000", "{value} adults of the community would be listed",
    ),
    "cross_auc": MetricWords(
        "AUC against others",
        "How often is a person of this group who was proven to reoffend estimated higher than somebody else who was "
        "not?",
        "number", "the AUC against others is {value}",
    ),
    "auc": MetricWords(
        "AUC",
        "How well does the estimate tell apart people who were and were not proven to reoffend?",
        "number", "the AUC is {value}",
    ),
    "brier": MetricWords(
        "Brier score", "How far are the estimates from what happened?", "number", "the Brier score is {value}",
    ),
    "calibration_slope": MetricWords(
        "Calibration slope", "Do larger estimates go with as much more reoffending as they say?", "number",
        "the calibration slope is {value}",
    ),
}

CHARACTERISTICS: Mapping[str, str] = {
    "ethnicity": "ethnicity",
    "sex": "sex",
    "age_band": "age",
    "sex_x_ethnicity": "sex and ethnicity together",
    "age_x_ethnicity": "age and ethnicity together",
    "disability": "disability",
    "religion": "religion or belief",
    "area": "area",
}


@dataclass(frozen=True)
class Value:
    """A measured number with its range. ``people``: its denominator; ``count``: the numerator of a share."""

    value: float | None
    low: float | None
    high: float | None
    people: int
    count: int | None = None


@dataclass(frozen=True)
class GroupPart:
    """One group in a finding, compared with everybody else. ``gap`` is group minus everybody else.

    ``needed``: how many people the limit asks for; None where no number would do.
    """

    group: str
    answer: str
    value: Value
    others: float | None
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    needed: int | None = None
    lean: str = ""

    def __post_init__(self) -> None:
        if self.answer not in ANSWERS or self.lean not in LEANS:
            raise ValueError(f"the answer for {self.group} is none of {list(ANSWERS)}")


@dataclass(frozen=True)
class FindingContent:
    """One finding. ``margin`` is the gap that is still within the limit, ``reason`` why it was set so.

    ``role``: primary, answer or shown. ``harm``: the direction of a gap that burdens a group. ``accepted``: the board's
    reason for a release although the limit is not shown to be met; empty while open.
    """

    id: str
    metric: str
    characteristic: str
    margin: float
    answer: str
    parts: tuple[GroupPart, ...]
    reason: str = ""
    accepted: str = ""
    role: str = "primary"
    harm: str = "both"

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"{self.id}: the role {self.role!r} is none of {list(ROLES)}")
        if self.answer not in ANSWERS:
            raise ValueError(f"the answer of {self.id} is none of {list(ANSWERS)}")
        if self.metric not in METRICS:
            raise ValueError(f"{self.id} asks for {self.metric}, for which there are no words")
        if self.answer == "meets" and any(part.answer != "meets" for part in self.parts):
            raise ValueError(f"{self.id} cannot be within the limit while one of its groups is not")


@dataclass(frozen=True)
class GroupRow:
    """One group in a table: exclusive counts of people (tp, fp, fn, tn as in the audit) and measures by metric."""

    group: str
    tp: int
    fp: int
    fn: int
    tn: int
    measures: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class CalibrationBin:
    """People with similar estimates: their mean estimate, and the share proven to reoffend with its range."""

    estimate: float
    observed: float
    low: float
    high: float
    people: int
    events: int


@dataclass(frozen=True)
class GroupTable:
    """All groups of one characteristic. ``bins`` by group, for the calibration figure; may be empty."""

    characteristic: str
    rows: tuple[GroupRow, ...]
    everybody: Mapping[str, Value] = field(default_factory=dict)
    bins: Mapping[str, tuple[CalibrationBin, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Coverage:
    """For how many people something is known: characteristic, source or link. ``by`` names the group or is empty."""

    what: str
    known: int
    of: int
    note: str = ""


@dataclass(frozen=True)
class CoverageTable:
    """Coverage rows under one caption. They are parts of one whole only if ``of`` differs by group."""

    caption: str
    rows: tuple[Coverage, ...]


@dataclass(frozen=True)
class Asked:
    """The decision asked of the board, each part in words."""

    decision: str
    model: str
    purpose: str
    population: str
    period: str
    outcome: str
    trained_by: str
    cut_off: str
    consequence: str
    policy: str
    data_to: dt.date
    made_on: dt.date


@dataclass(frozen=True)
class PeopleCounts:
    """People in the test, by what the estimate and the record say; and today, if the list were released.

    ``list_dates``: on how many dates each person may have been counted. ``enter_review`` and ``new_to_review`` are
    None where there is no caseload (an evaluation): how many would enter review today, and how many of them the
    present rule would not have named.
    """

    listed_proven: int
    listed_not_proven: int
    missed: int
    neither: int
    list_dates: int = 1
    enter_review: int | None = None
    new_to_review: int | None = None


@dataclass(frozen=True)
class SignOffRow:
    """One member's recorded view."""

    name: str
    role: str
    view: str
    reasons: str
    signed_on: dt.date
    conditions: str = ""


@dataclass(frozen=True)
class QuestionRow:
    """Something the board must answer in writing before it can approve.

    ``answers``: who answered what, so far. ``beside``: what would change the finding, and what else was tried.
    """

    id: str
    kind: str
    words: str
    answers: tuple[tuple[str, str], ...] = ()
    beside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in QUESTION_KINDS:
            raise ValueError(f"{self.id}: the kind {self.kind!r} is none of {list(QUESTION_KINDS)}")


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, and tables whose small counts were hidden by whoever made them."""

    heading: str
    paragraphs: tuple[str, ...]
    tables: tuple[TextTable, ...] = ()


@dataclass(frozen=True)
class FairnessContent:
    """Everything on the report. ``state``: where sign-off stands, in words ("Draft", "Approved until 31 March 2027").

    ``changes`` is empty for a first release. ``not_assessed``: characteristics without data.
    ``costs``: what leaving a feature out costs, each in a sentence. ``allowed``: what kind of release the evidence
    allows, and why no other. ``questions``: what must be answered in writing. ``attempts``: how often this purpose was
    audited since the last release. ``released``: what was released in the end, and despite what.
    """

    subject: str
    made_up: bool
    state: str
    asked: Asked
    counts: PeopleCounts
    findings: tuple[FindingContent, ...]
    tables: tuple[GroupTable, ...] = ()
    cannot_tell: tuple[str, ...] = ()
    not_assessed: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    if_refused: tuple[str, ...] = ()
    not_used: tuple[str, ...] = ()
    costs: tuple[str, ...] = ()
    coverage: tuple[CoverageTable, ...] = ()
    sign_off: tuple[SignOffRow, ...] = ()
    still_needed: tuple[str, ...] = ()
    annex: tuple[Section, ...] = ()
    allowed: tuple[str, ...] = ()
    questions: tuple[QuestionRow, ...] = ()
    attempts: str = ""
    released: tuple[str, ...] = ()
    audience: Audience = PARTNERSHIP

    def __post_init__(self) -> None:
        if len(self.decided) > MOST_FINDINGS:
            raise ValueError(f"a board decides on at most {MOST_FINDINGS} findings; the rest belongs in the annex")
        if len({finding.id for finding in self.findings}) != len(self.findings):
            raise ValueError("two findings have one id")

    @property
    def decided(self) -> tuple[FindingContent, ...]:
        """The findings that the board decides on; the rest is annex."""
        return tuple(finding for finding in self.findings if finding.role != "shown")
