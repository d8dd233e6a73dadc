"""The audit: whom the estimates burden, judged on past rows whose outcome is known.

It takes any scores, whatever made them, and knows no model. What it found can be written as JSON and read back
exactly; an audit whose answers do not follow from its own numbers cannot be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.groups import Joined, join_rows
from desist.fairness.policy import Policy
from desist.fairness.statistics.crosscheck import check_tables
from desist.fairness.statistics.group_measures import GroupMeasures, GroupRow, Measure, rounded
from desist.fairness.statistics.intervals import LEVEL
from desist.fairness.statistics.sample import Sample
from desist.fairness.statistics.verdicts import Finding, Part, check_decided, decide
from desist.features.tables import Outcomes, Scores
from desist.records.errors import Refused
from desist.records.hashing import hash_bytes

FORMAT = 2

#: The nine protected characteristics (Equality Act 2010 s.4) and the column of the groups that speaks of each.
PROTECTED: Mapping[str, str] = {
    "age": "age_band",
    "disability": "disability",
    "gender_reassignment": "gender_reassignment",
    "marriage_and_civil_partnership": "marriage_civil",
    "pregnancy_and_maternity": "pregnancy_maternity",
    "race": "ethnicity",
    "religion_or_belief": "religion",
    "sex": "sex",
    "sexual_orientation": "sexual_orientation",
}

#: Beyond this everybody's mean estimate is told to be off: the margin of the draft policy.
EVERYBODY_OFF = 0.05

CAVEATS = (
    "These findings are about recorded reoffending: offences that were detected and proven. Communities differ in how "
    "often offences are detected, so 'people with no proven reoffence' are not all people who did not offend.",
    "Where groups differ in how many are proven to reoffend, no estimate can be calibrated for every group and have "
    "equal error rates for all of them. The base rates stand beside each metric for that reason.",
    "A person can have several rows, one a date. Intervals count people: repeated rows are worth less than as many "
    "people.",
    "'Cannot be assessed' is not a pass. It means that these people are too few, or too much alike, to tell.",
)


@dataclass(frozen=True)
class Unassessed:
    """A protected characteristic that no table speaks of. ``coverage``: share of people with a stated value."""

    characteristic: str
    coverage: float | None
    why: str


@dataclass(frozen=True)
class Audit:
    """What was judged, by whose rules, and what was found. Counts are of rows unless they say people.

    ``attempt``: the how-manieth audit on these outcomes this is; ``level`` of the intervals follows from it.
    """

    model: str
    outcome: str
    outcome_definition: str
    policy_version: str
    policy_hash: str
    purpose: str
    cut_off: float
    consequence: str
    seed: int
    replicates: int
    level: float
    attempt: int
    counts: Mapping[str, int]
    unknown_outcome: Mapping[str, int]
    selection_today: Mapping[str, int]
    context: Mapping[str, str]
    everybody: GroupRow
    tables: Mapping[str, tuple[GroupRow, ...]]
    findings: tuple[Finding, ...]
    coverage: Mapping[str, float]
    unassessed: tuple[Unassessed, ...]
    caveats: tuple[str, ...]
    format: int = field(default=FORMAT)

    def __post_init__(self) -> None:
        """Answers that do not follow from the numbers, all findings together, cannot be made nor read."""
        if self.level != level_of(self.attempt):
            raise ValueError("the level of the intervals does not follow from the number of audits")
        check_decided(self.findings, self.level)

    @cached_property
    def hash(self) -> str:
        return hash_bytes(self.to_json().encode("utf-8"))

    def to_json(self) -> str:
        """The audit as text: the same audit gives the same bytes, and None stands for what is undefined."""
        return self._text

    @cached_property
    def _text(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Audit:
        """The audit in a text.

        Raises Refused unless writing it again gives exactly that text, and its findings say what its tables say.
        """
        try:
            audit = _read(json.loads(text, parse_constant=_no_constant))
            check_tables(audit.findings, audit.tables, audit.level)
            same = audit.to_json() == text
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused("The audit file is damaged or was edited. Make the audit again.") from error
        if not same:
            raise Refused("The audit file was edited: it does not read back as it was written. Make the audit again.")
        return audit


def audit(
    scores: Scores,
    outcomes: Outcomes,
    outcome: str,
    groups: pd.DataFrame,
    policy: Policy,
    *,
    seed: int,
    replicates: int,
    selection_today: Mapping[str, int] | None = None,
    context: Mapping[str, str] | None = None,
    coverage: Mapping[str, float] | None = None,
    help_given: pd.DataFrame | None = None,
    adults: Mapping[str, Mapping[str, int]] | None = None,
    attempt: int = 1,
) -> Audit:
    """The audit of ``scores`` against one outcome under a policy.

    ``groups``: person_id, as_of, then a column of labels per characteristic; every scored row must be in it.
    Scored rows whose outcome is not known are counted, by reason, and judged nowhere. ``selection_today`` holds
    counts of today's caseload (never estimates), ``context`` facts to print (dates, row set, made-up data),
    ``coverage`` the share of people with a stated value for characteristics that ``groups`` does not hold.
    ``help_given``: person_id, as_of, need, received of every scored row. ``adults``: by characteristic and group,
    those who live in the area. ``attempt``: which audit on the same outcomes this is; intervals widen with it.
    Raises Refused where rows would be lost or there is nothing to judge.
    """
    joined = join_rows(scores, outcomes, outcome, groups, help_given)
    level = level_of(attempt)
    measured = GroupMeasures(
        sample_of(joined, policy), joined.groups, replicates=replicates, seed=seed, level=level,
        minimum=policy.minimum_people, adults=adults,
    )  # fmt: skip
    tables = {name: measured.by(name, joined.unknown_in(name)) for name in map(str, joined.groups.columns)}
    everybody = measured.everybody(joined.rows_without_outcome)
    covered = _coverage(joined, coverage or {})
    return Audit(
        model=scores.model,
        outcome=outcome,
        outcome_definition=outcomes.definitions.get(outcome, ""),
        policy_version=policy.version,
        policy_hash=policy.hash,
        purpose=policy.purpose,
        cut_off=policy.cut_offs.selection,
        consequence=policy.cut_offs.consequence,
        seed=seed,
        replicates=replicates,
        level=level,
        attempt=attempt,
        counts=_counts(joined, everybody, policy.cut_offs.selection),
        unknown_outcome=joined.unknown,
        selection_today=dict(selection_today or {}),
        context=dict(context or {}),
        everybody=everybody,
        tables=tables,
        findings=decide(policy.findings, tables, everybody, policy, level),
        coverage=covered,
        unassessed=_unassessed(joined, covered),
        caveats=(*CAVEATS, *_calibration_caveat(everybody), _coverage_caveat(joined)),
    )


def level_of(attempt: int) -> float:
    """The level of the intervals at the how-manieth audit on the same outcomes: 95 % at the first.

    The first audit spends .05, so that nobody pays for a retry who makes none. The k-th spends .05 / (k (k - 1)): .025,
    .0083, .0042 ..., which all retries together, however many, bring to another .05 and no more. So the chance that
    *any* of the audits on the same outcomes calls a gap at the margin "within" is at most .1, not .05; that the first
    does is at most .05. Audits on other outcomes have their own .05; what was tried without an audit is not counted.
    """
    return LEVEL if attempt == 1 else 1 - (1 - LEVEL) / (attempt * (attempt - 1))


def sample_of(joined: Joined, policy: Policy) -> Sample:
    """The judged rows as measures are taken over them."""
    return Sample(
        joined.y, joined.score, joined.people, policy.cut_offs.selection,
        need=joined.need, received=joined.received, latest=joined.latest,
    )  # fmt: skip


def _counts(joined: Joined, everybody: GroupRow, cut_off: float) -> dict[str, int]:
    """Counts that add up: scored = judged + without an outcome; selected = proven later + wrongly listed."""
    return {
        "rows_scored": joined.rows_scored,
        "people_scored": joined.people_scored,
        "rows_judged": everybody.n,
        "people_judged": everybody.people,
        "rows_without_outcome": joined.rows_without_outcome,
        "outcome_rows_without_score": joined.outcome_rows_without_score,
        "events": everybody.events,
        "selected": everybody.selected,
        "people_selected": int(np.unique(joined.people[joined.score >= cut_off]).size),
        "wrongly_listed": everybody.fp,
        "missed": everybody.fn,
    }


def _coverage(joined: Joined, further: Mapping[str, float]) -> dict[str, float]:
    """Share of people with a stated value, per protected characteristic that anything is known about."""
    covered = {}
    for name, column in PROTECTED.items():
        if column in joined.groups:
            covered[name] = rounded(joined.stated(column)) or 0.0
        elif name in further or column in further:
            covered[name] = rounded(float(further.get(name, further.get(column, 0.0)))) or 0.0
    return covered


def _unassessed(joined: Joined, covered: Mapping[str, float]) -> tuple[Unassessed, ...]:
    """The protected characteristics without a table, or with a table in which nobody has a stated value."""
    found = []
    for name, column in PROTECTED.items():
        if column not in joined.groups:
            why = "not collected" if not covered.get(name) else "collected, but not compared in this audit"
            found.append(Unassessed(name, covered.get(name), why))
        elif covered[name] == 0:
            found.append(Unassessed(name, 0.0, "nobody has a stated value"))
    return tuple(found)


def _calibration_caveat(everybody: GroupRow) -> tuple[str, ...]:
    """A sentence where everybody's own estimates may be off: findings compare groups, and all can be off alike."""
    found = everybody.measures["calibration_in_the_large"]
    if found.value is None or found.low is None or found.high is None:
        return ()
    if found.low >= -EVERYBODY_OFF and found.high <= EVERYBODY_OFF:
        return ()
    off = f"{abs(found.value):.3f} too {'high' if found.value >= 0 else 'low'}"
    return (
        f"For everybody together the estimates are on average {off} (an interval of {found.low:+.3f} to "
        f"{found.high:+.3f}). Findings compare groups: they do not show what is wrong for all alike.",
    )


def _coverage_caveat(joined: Joined) -> str:
    known = joined.rows_scored - joined.rows_without_outcome
    return (
        f"{known:,} of {joined.rows_scored:,} scored rows have a known outcome and are judged; the other "
        f"{joined.rows_without_outcome:,} are counted, not judged. {joined.outcome_rows_without_score:,} further rows "
        "have an outcome and were not asked about: people who taught the model, and other dates."
    )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number that an audit can hold")


def _row(content: dict[str, Any]) -> GroupRow:
    measures = {name: Measure(**measure) for name, measure in content.pop("measures").items()}
    return GroupRow(measures=measures, **content)


def _finding(content: dict[str, Any]) -> Finding:
    parts = tuple(Part(**{**part, "short_of": tuple(part["short_of"])}) for part in content.pop("parts"))
    return Finding(parts=parts, **content)


def _read(content: dict[str, Any]) -> Audit:
    content["everybody"] = _row(content["everybody"])
    content["tables"] = {name: tuple(_row(row) for row in rows) for name, rows in content["tables"].items()}
    content["findings"] = tuple(_finding(finding) for finding in content["findings"])
    content["unassessed"] = tuple(Unassessed(**entry) for entry in content["unassessed"])
    content["caveats"] = tuple(content["caveats"])
    return Audit(**content)
