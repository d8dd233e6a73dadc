"""What a policy asks, before any result is seen: each margin in people, and which groups can ever be told about.

Nothing here comes from a run. Numbers are planned on made-up estimates that are perfectly calibrated, with the mean
and ranking (AUC) that the board expects, at the policy's own cut-off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from desist.fairness.policy import PRIMARY, SHOWN, FindingRule, Policy
from desist.fairness.statistics import eligibility
from desist.fairness.statistics.power import (
    PROPORTIONS,
    planned_denominator,
    planned_rows,
    smallest_margin,
    smallest_margin_of,
)

if TYPE_CHECKING:
    from desist.simulation.score_worlds import Population

#: What four caseloads, a quarter apart, are worth against one, where the outcome is awaited for a year and most people
#: are in all four: 4 / (1 + 3 x .65). Two such dates share three, two or one quarter of their year, .58 on average;
#: people differ lastingly too, which makes their rows .65 alike (measured in tests/fairness/test_explain.py).
FOUR_QUARTERS_WORTH = 1.35
#: Base rates at which an infeasible policy is told of: those of two communities a tenth apart.
LOW_BASE, HIGH_BASE = 0.2, 0.3
#: Share of people with a need on record, and of those who get a service: planned so until an audit tells.
NEED_SHARE, SERVED_SHARE = 0.5, 0.5

ALONE, POOLED, REGION, NEVER = "alone", "over four quarters", "over the region", "never"
#: Of a burden nothing is known before the adults of each community are: an audit may well assess it.
UNPLANNED = "cannot be planned here"
_CALIBRATION = ("calibration_in_the_large", "calibration_near_cut_off", "excess_fpr")
_ERRORS = ("fpr", "fnr")

#: What is held to the margin, for 100 people or 1,000 adults; {n} is the margin times that, {way} more, fewer, either.
_WORDS: Mapping[str, str] = {
    "fpr": "of 100 people of a community with no proven reoffence, {n} {way} listed than of 100 others",
    "fnr": "of 100 people of a community who are proven to reoffend, {n} {way} not listed than of 100 others",
    "ppv": "of 100 listed people of a community, {n} {way} proven to reoffend than of 100 other listed people",
    "fdr": "of 100 listed people of a community, {n} {way} without a proven reoffence than of 100 other listed people",
    "for": "of 100 unlisted people of a community, {n} {way} proven to reoffend than of 100 other unlisted people",
    "selection": "of 100 people of a community, {n} {way} listed than of 100 others",
    "calibration_in_the_large": "of 100 people of a community, {n} {way} expected to reoffend than are proven to, "
    "beyond what holds for 100 others",
    "calibration_near_cut_off": "of 100 people of a community whose estimate is near the cut-off, {n} {way} expected "
    "to reoffend than are proven to, beyond what holds for 100 such others",
    "excess_fpr": "of 100 people of a community with no proven reoffence, {n} {way} listed than their own estimates "
    "explain, beyond what holds for 100 others",
    "sensitivity_in_need": "of 100 people of a community with a need who are proven to reoffend, {n} {way} listed than "
    "of 100 such others",
    "benefit": "of 100 people of a community with a need, {n} {way} with a service than of 100 such others",
    "burden": "of 1,000 adults of a community, {n} {way} listed among those judged than of 1,000 other adults",
    "auc": "of 100 pairs of a person who reoffends and one who does not, {n} {way} put in the right order than others'",
}  # fmt: skip
_WAYS = {"higher": "more", "lower": "fewer", "both": "more or fewer"}


@dataclass(frozen=True)
class Expected:
    """What the board expects of estimates before it has any: share of people who reoffend, and AUC."""

    base_rate: float
    auc: float

    def __post_init__(self) -> None:
        if not 0.01 <= self.base_rate <= 0.8 or not 0.55 <= self.auc <= 0.95:
            raise ValueError("expected: a base rate of .01 to .8 and an AUC of .55 to .95")


@dataclass(frozen=True)
class Place:
    """How many people of a group one audit would judge, what they are worth for the finding, and what it asks for.

    ``tightest``: the smallest margin that they could be held to; None where they are too few for any.
    """

    where: str
    people: float
    worth: float
    needed: int | None
    tightest: float | None
    enough: bool


@dataclass(frozen=True)
class GroupPlan:
    """A group of a finding: where it could be assessed first, and each place's numbers.

    ``first`` is ``NEVER`` where it could be nowhere, ``UNPLANNED`` where numbers of people alone do not tell.
    """

    group: str
    people: int
    first: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class FindingPlan:
    """One finding of the policy in words, with how many people its margin asks for against very many others."""

    id: str
    metric: str
    characteristic: str
    role: str
    margin: float
    words: str
    people_needed: int | None
    groups: tuple[GroupPlan, ...]


@dataclass(frozen=True)
class Explained:
    """A policy, told before any run."""

    policy_version: str
    policy_hash: str
    cut_off: float
    expected: Expected
    judged: float
    region: int | None
    four_quarters_worth: float
    findings: tuple[FindingPlan, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def explain(
    policy: Policy,
    groups: Mapping[str, Mapping[str, int]],
    *,
    expected: Expected,
    judged: float,
    region: int | None = None,
) -> Explained:
    """What ``policy`` means for these numbers of people.

    ``groups``: people on one caseload, by characteristic and group. ``judged``: the share of them whom an audit
    judges, the others having taught the model. ``region``: people of a region with the same mix of groups.
    """
    if not 0 < judged <= 1:
        raise ValueError("the judged share is above 0 and at most 1")
    made_up = _population(policy.cut_offs.selection, expected.base_rate, expected.auc)
    plans = tuple(
        _finding(rule, policy, groups.get(rule.characteristic, {}), made_up, judged, region) for rule in policy.findings
    )
    return Explained(
        policy_version=policy.version,
        policy_hash=policy.hash,
        cut_off=policy.cut_offs.selection,
        expected=expected,
        judged=judged,
        region=region,
        four_quarters_worth=FOUR_QUARTERS_WORTH,
        findings=plans,
        warnings=(*infeasible(policy, expected.auc), *_without_need(policy), *_unreachable(plans)),
    )


def in_people(rule: FindingRule) -> str:
    """A margin in people, as a board says it."""
    told = _WORDS.get(rule.metric)
    if told is None:
        return f"a {rule.metric.replace('_', ' ')} no more than {rule.margin:g} {_beside(rule.harm)} everybody else's"
    of = 1000 if rule.metric == "burden" else 100
    return told.format(n=f"at most {of * rule.margin:.4g}", way=_WAYS[rule.harm])


def _beside(harm: str) -> str:
    return {"higher": "above", "lower": "below", "both": "above or below"}[harm]


def infeasible(policy: Policy, auc: float) -> tuple[str, ...]:
    """A warning where calibration and a raw error rate must both be met by one characteristic, with the number.

    They cannot both hold where base rates differ: a calibrated estimate lists more of the community with the higher
    rate, whoever they are. Source: Chouldechova 2017, Big Data 5; Kleinberg and others 2017, ITCS.
    """
    found = []
    primaries = [rule for rule in policy.findings if rule.role == PRIMARY]
    for rule in primaries:
        both = [other for other in primaries if other.characteristic == rule.characteristic]
        if rule.metric not in _ERRORS or not any(other.metric in _CALIBRATION for other in both):
            continue
        low, high = (
            _population(policy.cut_offs.selection, base, auc).truth(rule.metric) for base in (LOW_BASE, HIGH_BASE)
        )
        if abs(high - low) > rule.margin:
            found.append(
                f"{rule.id}: calibration and {rule.metric.upper()} by {rule.characteristic} must both be met, and "
                f"cannot be where base rates differ. A perfectly calibrated estimate with AUC {auc:g}, at the cut-off "
                f"{policy.cut_offs.selection:g}, has {rule.metric.upper()} {low:.3f} where {LOW_BASE:.2f} reoffend and "
                f"{high:.3f} where {HIGH_BASE:.2f} do: a gap of {abs(high - low):.3f} against a margin of "
                f"{rule.margin:g}. Let the raw rate be answered in writing, and make its excess primary."
            )
    return tuple(found)


def _without_need(policy: Policy) -> tuple[str, ...]:
    used = policy.cut_offs.consequence
    if used == "intrusive" or any(
        rule.metric == "sensitivity_in_need" and rule.role != SHOWN for rule in policy.findings
    ):
        return ()
    return (
        f"The cut-off brings help (consequence: {used}), but no finding asks whether people with a need are missed "
        "more often in one community: add sensitivity_in_need.",
    )


def _unreachable(plans: tuple[FindingPlan, ...]) -> tuple[str, ...]:
    found = []
    for plan in plans:
        if not plan.groups or plan.role == SHOWN:
            continue
        if any(group.first == UNPLANNED for group in plan.groups):
            found.append(f"{plan.id}: a {plan.metric} cannot be planned here; an audit with adults.csv tells it.")
            continue
        alone = [group for group in plan.groups if group.first in (ALONE, POOLED)]
        if all(group.first == NEVER for group in plan.groups):
            found.append(f"{plan.id}: no group can ever be assessed at a margin of {plan.margin:g}.")
        elif plan.role == PRIMARY and not alone:
            found.append(
                f"{plan.id}: no group can be assessed without a region. Estimates would be withheld until one has "
                "audited the same file."
            )
    return tuple(found)


def _finding(
    rule: FindingRule, policy: Policy, people: Mapping[str, int], made_up: Population, judged: float, region: int | None
) -> FindingPlan:
    share, _, _ = _denominator(rule.metric, made_up)
    least = _needed(rule, made_up, math.inf)
    whole = sum(people.values())
    plans = []
    for group, number in people.items():
        sizes = [(ALONE, number, whole, 1.0), (POOLED, number, whole, FOUR_QUARTERS_WORTH)]
        if region is not None and whole:
            sizes.append((REGION, round(region * number / whole), region, FOUR_QUARTERS_WORTH))
        places = tuple(
            _place(rule, policy, made_up, where, own * judged, (everybody - own) * judged, worth)
            for where, own, everybody, worth in sizes
        )
        first = next((place.where for place in places if place.enough), NEVER if share else UNPLANNED)
        plans.append(GroupPlan(group, number, first, places))
    return FindingPlan(
        rule.id, rule.metric, rule.characteristic, rule.role, rule.margin, in_people(rule),
        _people_needed(rule, policy, made_up, least, share), tuple(plans),
    )  # fmt: skip


def _people_needed(rule: FindingRule, policy: Policy, made_up: Population, needed: float, share: float) -> int | None:
    """How many people of a group a verdict asks for, of very many others; None where no number would do."""
    if not share:
        return None
    floor = eligibility.FEWEST_ONE_SIDED if rule.harm != "both" else 0
    people = max(max(needed, rule.minimum, floor) / share, policy.minimum_people)
    if rule.metric in eligibility.RANKING_METRICS:
        base = made_up.truth("base_rate")
        people = max(people, policy.minimum_events / base, policy.minimum_non_events / (1 - base))
    return _whole(people)


def _place(
    rule: FindingRule, policy: Policy, made_up: Population, where: str, own: float, others: float, worth: float
) -> Place:
    share, rate, variance = _denominator(rule.metric, made_up)
    effective, rest = own * worth * share, others * worth * share
    needed = _needed(rule, made_up, rest)
    if rule.metric in PROPORTIONS:
        tightest = smallest_margin(rate, effective, rest, harm=rule.harm)
    else:
        tightest = smallest_margin_of(variance, effective, rest, harm=rule.harm)
    base = made_up.truth("base_rate")
    own_outcomes, every = ((people * base, people * (1 - base)) for people in (own, own + others))
    # The same minima as a verdict's, so that a plan promises nothing that an audit then withholds.
    short = eligibility.worth_short(
        rule, policy, people=own, worth=effective, others_worth=rest, needed=needed
    ) + eligibility.outcomes_short(rule.metric, policy, where, own_outcomes, every)
    enough = others > 0 and needed < math.inf and not short
    return Place(
        where, round(own, 1), round(effective, 1), _whole(max(needed, rule.minimum)),
        round(tightest, 3) if tightest <= 1 else None, bool(enough),
    )  # fmt: skip


def _needed(rule: FindingRule, made_up: Population, others: float) -> float:
    share, rate, variance = _denominator(rule.metric, made_up)
    if not share:
        return math.inf
    if rule.metric in PROPORTIONS:
        return planned_denominator(round(rate, 4), rule.margin, round(others, 1), harm=rule.harm)
    return planned_rows(variance, rule.margin, others, harm=rule.harm)


def _whole(number: float) -> int | None:
    return math.ceil(number) if math.isfinite(number) else None


def _population(cut_off: float, base_rate: float, auc: float) -> Population:
    from desist.simulation.score_worlds import Grid, calibrated

    return calibrated(Grid.round_a(cut_off), base_rate, auc)


def _denominator(metric: str, made_up: Population) -> tuple[float, float, float]:
    """Share of people in a metric's denominator, its rate, and the variance of one row's share in it.

    A share of 0 means that nothing can be planned from people alone (a burden is per adult of the community).
    """
    import numpy as np

    grid, mass = made_up.grid, made_up.mass
    score, chosen = grid.score, grid.selected
    base, listed = made_up.truth("base_rate"), made_up.truth("selection")
    unsure = score * (1 - score)
    if metric in PROPORTIONS:
        shares = {"fpr": 1 - base, "fnr": base, "ppv": listed, "fdr": listed, "for": 1 - listed, "selection": 1.0,
                  "sensitivity_in_need": base * NEED_SHARE, "benefit": NEED_SHARE}  # fmt: skip
        rate = SERVED_SHARE if metric == "benefit" else made_up.truth(metric) if metric != "burden" else 0.0
        return shares.get(metric, 0.0), rate, rate * (1 - rate)
    if metric == "calibration_near_cut_off":
        near = float(mass[grid.near].sum())
        return near, 0.0, float((mass * unsure)[grid.near].sum()) / near
    if metric == "excess_fpr":
        without = float((mass * (1 - score)).sum())
        implied = float((mass * (1 - score))[chosen].sum()) / without
        return 1 - base, 0.0, float((mass * unsure * (chosen - implied) ** 2).sum()) / without**2 * (1 - base)
    if metric == "auc":
        below, above = np.cumsum(made_up.others) - made_up.others / 2, np.cumsum(made_up.events[::-1])[::-1]
        of_events = below / made_up.others.sum()
        of_others = (above - made_up.events / 2) / made_up.events.sum()
        ranked = made_up.truth("auc")
        spread = float((made_up.events * (of_events - ranked) ** 2).sum()) / base**2
        return 1.0, ranked, spread + float((made_up.others * (of_others - ranked) ** 2).sum()) / (1 - base) ** 2
    if metric == "brier":
        squares = float((made_up.events * (1 - score) ** 4 + made_up.others * score**4).sum())
        return 1.0, 0.0, squares - made_up.truth("brier") ** 2
    if metric == "calibration_slope":
        design = np.column_stack([np.ones(score.size), np.log(score / (1 - score))])
        return 1.0, 1.0, float(np.linalg.inv((design.T * (mass * unsure)) @ design)[1, 1])
    return 1.0, 0.0, float((mass * unsure).sum())
