"""Three answers by equivalence: within the limit, outside it, or not to be told from these people.

The 95 % interval of (group - everybody else) lies inside plus or minus the margin: ``meets``. Wholly outside:
``does_not_meet``. Anything else, and any group too small for the question: ``cannot_be_assessed``. Too small is
judged by the power that the margin asks for, not by a count alone (DOMAIN section 8), and is never a pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from desist.fairness.policy import FindingRule, Policy
from desist.fairness.statistics.group_measures import GroupRow, Measure
from desist.fairness.statistics.intervals import Z
from desist.fairness.statistics.power import POWER_Z, planned_denominator, planning_rate

MEETS, DOES_NOT_MEET, CANNOT_BE_ASSESSED = "meets", "does_not_meet", "cannot_be_assessed"
#: From best to worst: a finding's answer is the worst of its groups'.
ANSWERS = (MEETS, CANNOT_BE_ASSESSED, DOES_NOT_MEET)

#: Metrics that also need a number of events and of people without one (the policy's, 20 at the least).
RANKING_METRICS = ("auc", "brier")

#: What a group that cannot be assessed shows all the same.
LEANS = ("", "no_evidence", "a_gap_is_shown", "leaning_beyond_the_limit")


def judge(gap_low: float | None, gap_high: float | None, margin: float, *, enough: bool) -> str:
    """The answer for one group from the interval of its gap; never ``meets`` unless there is enough to tell."""
    if not enough or gap_low is None or gap_high is None:
        return CANNOT_BE_ASSESSED
    if -margin < gap_low and gap_high < margin:
        return MEETS
    if gap_low > margin or gap_high < -margin:
        return DOES_NOT_MEET
    return CANNOT_BE_ASSESSED


def lean(gap_low: float | None, gap_high: float | None, margin: float) -> str:
    """What an interval shows that settles nothing; too few people, or an interval across the limit."""
    if gap_low is None or gap_high is None:
        return "no_evidence"
    if gap_low > margin or gap_high < -margin:
        return "leaning_beyond_the_limit"
    return "a_gap_is_shown" if gap_low > 0 or gap_high < 0 else "no_evidence"


def worst(answers: Iterable[str]) -> str:
    """The worst of some groups' answers; ``cannot_be_assessed`` where there is no group at all."""
    return max(answers, key=ANSWERS.index, default=CANNOT_BE_ASSESSED)


@dataclass(frozen=True)
class Part:
    """One group's share in a finding. Rates and base rates stand side by side (REQUIREMENTS LAB-5).

    ``effective`` is what the denominator is worth in independent rows, ``needed`` what the margin asks for
    (None: no number would do, because everybody else is too few). ``short_of`` names each minimum not reached.
    """

    group: str
    people: int
    denominator: int
    effective: float
    needed: int | None
    value: float | None
    low: float | None
    high: float | None
    others: float | None
    gap: float | None
    gap_low: float | None
    gap_high: float | None
    base_rate: float | None
    others_base_rate: float | None
    short_of: tuple[str, ...]
    answer: str
    lean: str


@dataclass(frozen=True)
class Finding:
    """One question the policy set beforehand, with its answer and every group's part in it."""

    id: str
    metric: str
    characteristic: str
    margin: float
    reason: str
    answer: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        """An answer that does not follow from its own numbers cannot be made, nor read from a file."""
        for part in self.parts:
            follows = judge(part.gap_low, part.gap_high, self.margin, enough=not part.short_of)
            leaning = lean(part.gap_low, part.gap_high, self.margin) if follows == CANNOT_BE_ASSESSED else ""
            if (part.answer, part.lean) != (follows, leaning):
                raise ValueError(f"finding {self.id}: the answer for {part.group} does not follow from its interval")
        if self.answer != worst(part.answer for part in self.parts):
            raise ValueError(f"finding {self.id}: its answer is not the worst of its groups' answers")

    @property
    def open_groups(self) -> tuple[str, ...]:
        """The groups for which the limit is not shown to be met."""
        return tuple(part.group for part in self.parts if part.answer != MEETS)


def find(rule: FindingRule, rows: Iterable[GroupRow], everybody: GroupRow, policy: Policy) -> Finding:
    """The answer to one decision finding from its characteristic's rows; without rows it cannot be assessed."""
    parts = tuple(_part(rule, row, everybody, policy) for row in rows)
    return Finding(
        id=rule.id,
        metric=rule.metric,
        characteristic=rule.characteristic,
        margin=rule.margin,
        reason=rule.reason,
        answer=worst(part.answer for part in parts),
        parts=parts,
    )


def _part(rule: FindingRule, row: GroupRow, everybody: GroupRow, policy: Policy) -> Part:
    measure, base = row.measures[rule.metric], row.measures["base_rate"]
    needed = _needed(rule, measure, everybody)
    short = _short_of(rule, row, everybody, needed, policy)
    answer = judge(measure.gap_low, measure.gap_high, rule.margin, enough=not short)
    return Part(
        group=row.group,
        people=row.people,
        denominator=measure.denominator,
        effective=measure.effective,
        needed=_whole(needed),
        value=measure.value,
        low=measure.low,
        high=measure.high,
        others=measure.others,
        gap=measure.gap,
        gap_low=measure.gap_low,
        gap_high=measure.gap_high,
        base_rate=base.value,
        others_base_rate=base.others,
        short_of=short,
        answer=answer,
        lean=lean(measure.gap_low, measure.gap_high, rule.margin) if answer == CANNOT_BE_ASSESSED else "",
    )


def _needed(rule: FindingRule, measure: Measure, everybody: GroupRow) -> float:
    """Independent rows that the margin asks of the group: planned with everybody's rate, or from the replicates."""
    if rule.metric in RANKING_METRICS:
        if measure.se_of_gap is None:
            return math.inf
        return measure.effective * (measure.se_of_gap * (Z + POWER_Z) / rule.margin) ** 2
    behind = "base_rate" if rule.metric == "calibration_in_the_large" else rule.metric
    overall = everybody.measures[behind]
    rate = planning_rate((overall.value or 0.0) * overall.effective, overall.effective)
    return planned_denominator(rate, rule.margin, measure.others_effective)


def _short_of(rule: FindingRule, row: GroupRow, everybody: GroupRow, needed: float, policy: Policy) -> tuple[str, ...]:
    """Each minimum that the group, or everybody else, does not reach; empty where there is enough to tell."""
    worth, short = row.measures[rule.metric].effective, []
    if everybody.n <= row.n:
        short.append("there is nobody to compare with")
    if row.people < policy.minimum_people:
        short.append(f"{row.people} people; the policy asks for {policy.minimum_people}")
    if worth < rule.minimum:
        short.append(f"a denominator worth {worth:.0f}; the finding asks for {rule.minimum}")
    if not worth >= needed:
        wanted = _whole(needed)
        told = "no number would do, the others are too few" if wanted is None else f"the margin asks for {wanted}"
        short.append(f"a denominator worth {worth:.0f}; {told}")
    if rule.metric in RANKING_METRICS:
        without = row.n - row.events
        short += _events_short(row.group, row.events, without, policy)
        short += _events_short(
            "everybody else", everybody.events - row.events, everybody.n - everybody.events - without, policy
        )
    return tuple(short)


def _events_short(name: str, events: int, without: int, policy: Policy) -> list[str]:
    short = []
    if events < policy.minimum_events:
        short.append(f"{events} events in {name}; the policy asks for {policy.minimum_events}")
    if without < policy.minimum_non_events:
        short.append(f"{without} without an event in {name}; the policy asks for {policy.minimum_non_events}")
    return short


def _whole(number: float) -> int | None:
    """The next whole number; None for infinity."""
    return math.ceil(number - 1e-9) if math.isfinite(number) else None
