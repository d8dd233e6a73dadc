"""Whether there is enough to tell: every minimum that a verdict asks for, the same before a run and in an audit.

Each function gives the minima that are *not* reached, in words; nothing where all are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desist.fairness.policy import FindingRule, Policy

if TYPE_CHECKING:
    from desist.fairness.statistics.group_measures import GroupRow

#: Metrics that need a number of events and of people without one in the group, and among everybody else.
RANKING_METRICS = ("auc", "brier", "calibration_slope", "cross_auc")
#: Metrics that compare estimates with outcomes: without either kind of outcome there is nothing to compare.
ESTIMATE_METRICS = ("calibration_in_the_large", "calibration_near_cut_off", "excess_fpr")
#: Metrics of what a cut-off does: where it lists nobody, or everybody, nothing of it is seen.
LISTING_METRICS = ("fpr", "fnr", "ppv", "fdr", "for", "selection", "excess_fpr", "sensitivity_in_need", "burden")

#: One end of a score interval alone errs too often on fewer independent rows of either (docs/benchmarks/audit.md).
FEWEST_ONE_SIDED = 20

NO_OUTCOME = "no row has a known outcome"


def worth_short(
    rule: FindingRule, policy: Policy, *, people: float, worth: float, others_worth: float, needed: float
) -> list[str]:
    """Of a group of so many people, whose denominator is worth so many independent rows against the others'."""
    short = []
    if people < policy.minimum_people:
        short.append(f"{people:.0f} people; the policy asks for {policy.minimum_people}")
    if worth < rule.minimum:
        short.append(f"a denominator worth {worth:.0f}; the finding asks for {rule.minimum}")
    if not worth >= needed:
        wanted = whole(needed)
        told = "no number would do, the others are too few" if wanted is None else f"the margin asks for {wanted}"
        short.append(f"a denominator worth {worth:.0f}; {told}")
    fewest = min(worth, others_worth)
    if rule.harm != "both" and fewest < FEWEST_ONE_SIDED:
        short.append(
            f"a denominator worth {fewest:.0f} on one side; {FEWEST_ONE_SIDED} are the least for one direction"
        )
    return short


def events_short(name: str, events: float, without: float, policy: Policy) -> list[str]:
    """Of so many with the outcome, and so many without it, in the group of that name."""
    short = []
    if events < policy.minimum_events:
        short.append(f"{events:.0f} events in {name}; the policy asks for {policy.minimum_events}")
    if without < policy.minimum_non_events:
        short.append(f"{without:.0f} without an event in {name}; the policy asks for {policy.minimum_non_events}")
    return short


def outcomes_short(
    metric: str, policy: Policy, name: str, own: tuple[float, float], everybody: tuple[float, float]
) -> list[str]:
    """Of the events and non-events that a metric needs; each pair is (events, without) of the group and of all."""
    if metric in RANKING_METRICS:
        rest = everybody[0] - own[0], everybody[1] - own[1]
        return [*events_short(name, *own, policy), *events_short("everybody else", *rest, policy)]
    return events_short("everybody together", *everybody, policy) if metric in ESTIMATE_METRICS else []


def nothing_tested(metric: str, everybody: GroupRow) -> list[str]:
    """Where no group could differ from another, because the estimates, or the cut-off, part nobody from anybody."""
    short, measure = [], everybody.measures[metric]
    if metric in LISTING_METRICS and everybody.selected in (0, everybody.n):
        short.append(f"{'everybody' if everybody.selected else 'nobody'} in the audit is listed: nothing is tested")
    elif metric in ("benefit", "burden", "sensitivity_in_need") and measure.value in (0, 1):
        short.append(f"the rate is {measure.value:.0f} for everybody: nothing is tested")
    if metric in ESTIMATE_METRICS and not everybody.measures["mean_estimate"].error:
        short.append("every estimate in the audit is the same: nothing is tested")
    return short


def whole(number: float) -> int | None:
    """The next whole number; None for infinity."""
    return math.ceil(number - 1e-9) if math.isfinite(number) else None
