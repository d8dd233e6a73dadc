"""What kind of release the evidence allows: a full one, one with conditions, a pilot, or none.

A primary finding's group is *open* where neither the borough's own audit nor the region's, for the same model, can
tell. With an open group nothing but a pilot or a release with conditions is possible, and not even that where the
policy has no ``[pilot]``, where no group of a primary can be told at all, or where a gross gap is shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from desist.fairness.approval.signoff import CONDITIONS, PILOT, SCOPES, add_months
from desist.fairness.audit import Audit
from desist.fairness.explain import FOUR_QUARTERS_WORTH
from desist.fairness.policy import PRIMARY, FindingRule, Policy
from desist.fairness.statistics.verdicts import CANNOT_BE_ASSESSED, DOES_NOT_MEET, MEETS, Finding, Part

#: Finding id, then group, to the region's answer about the same model.
Region = Mapping[str, Mapping[str, str]]

MONTHS_OF_A_QUARTER = 3
#: Later than this is not a date a board can wait for.
MOST_QUARTERS = 40


@dataclass(frozen=True)
class OpenGroup:
    """A group that a primary finding cannot be told for. ``enough_on``: when own people will be enough; None: never.

    ``lean``: what its interval shows all the same.
    """

    finding: str
    characteristic: str
    group: str
    lean: str
    enough_on: dt.date | None

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "enough_on": self.enough_on.isoformat() if self.enough_on else None}


@dataclass(frozen=True)
class Allowed:
    """The scopes that the evidence leaves open, none where it withholds; and why it is not all of them."""

    scopes: tuple[str, ...]
    why: tuple[str, ...]
    open_groups: tuple[OpenGroup, ...]


def allowed(audit: Audit, policy: Policy, region: Region, *, made_on: dt.date) -> Allowed:
    """What may be released on this audit. ``made_on``: when it was made, from which waiting is counted."""
    rules = {rule.id: rule for rule in policy.findings if rule.role == PRIMARY}
    asked = [(rules[finding.id], finding) for finding in audit.findings if finding.id in rules]
    dates = _dates(audit)
    groups = tuple(
        OpenGroup(found.id, found.characteristic, part.group, part.lean, enough_on(part, dates, made_on))
        for _, found in asked
        for part in open_parts(found, region)
    )
    against = [*_nothing_told(asked, region), *(text for rule, found in asked for text in _gross(rule, found, policy))]
    if against:
        return Allowed((), tuple(against), groups)
    if not groups:
        return Allowed(SCOPES, (), ())
    named = ", ".join(dict.fromkeys(group.group for group in groups))
    if policy.pilot is None:
        told = f"primary findings cannot be told for {named}, and the policy has no [pilot] to let anything out then"
        return Allowed((), (told,), groups)
    return Allowed((CONDITIONS, PILOT), (f"primary findings cannot be told for {named}",), groups)


def open_parts(finding: Finding, region: Region) -> Iterator[Part]:
    """The groups' parts that neither the own audit nor the region's verdict answers."""
    told = region.get(finding.id, {})
    for part in finding.parts:
        if part.answer == CANNOT_BE_ASSESSED and told.get(part.group) not in (MEETS, DOES_NOT_MEET):
            yield part


def _nothing_told(asked: list[tuple[FindingRule, Finding]], region: Region) -> Iterator[str]:
    for _, finding in asked:
        if len(list(open_parts(finding, region))) == len(finding.parts):
            yield f"the primary finding {finding.id} cannot be told for any group: take in more, or join a region"


def _gross(rule: FindingRule, finding: Finding, policy: Policy) -> Iterator[str]:
    """The gross-harm screen: a gap that is shown, harms, and is at least as large as policy's gross gap.

    It asks each group that its own audit cannot tell, whatever the region found: these are the people here.
    """
    if policy.pilot is None:
        return
    for part in finding.parts:
        shown = _harm_shown(part, rule.harm)
        if part.answer == CANNOT_BE_ASSESSED and shown >= policy.pilot.gross_gap:
            told = f"{finding.id}: for {part.group} a gap of {shown:.2f} is shown"
            yield f"{told}; from {policy.pilot.gross_gap:g} on nothing goes out, though its size is not known surely"


def _harm_shown(part: Part, harm: str) -> float:
    """The largest gap in the harmful direction whose interval leaves out nought; 0 where there is none.

    To everybody else, and to the mean of the other groups: one large group may hide a gap from everybody else.
    """
    contrasts = ((part.gap, part.gap_low, part.gap_high), (part.mean_gap, part.mean_low, part.mean_high))
    return max(_one_shown(*contrast, harm) for contrast in contrasts)


def _one_shown(gap: float | None, low: float | None, high: float | None, harm: str) -> float:
    if gap is None or low is None or high is None:
        return 0.0
    if harm in ("higher", "both") and low > 0:
        return gap
    return -gap if harm in ("lower", "both") and high < 0 else 0.0


def enough_on(part: Part, dates: int, made_on: dt.date) -> dt.date | None:
    """When a group's own people will be enough for its margin, if each quarter's caseload adds what it did so far.

    ``dates``: the caseloads in the audit. None where no number would do or it would take more than ten years.
    Source of the growth: overlapping quarters, see FOUR_QUARTERS_WORTH.
    """
    if part.needed is None or not part.effective > 0:
        return None
    single = part.effective / _worth(dates)
    for more in range(1, MOST_QUARTERS + 1):
        if single * _worth(dates + more) >= part.needed:
            return add_months(made_on, MONTHS_OF_A_QUARTER * more)
    return None


def _worth(quarters: int) -> float:
    return 1 + (FOUR_QUARTERS_WORTH - 1) / 3 * (quarters - 1)


def _dates(audit: Audit) -> int:
    """How many caseloads an audit pools, as it says itself."""
    return len([day for day in audit.context.get("dates", "").split(", ") if day]) or 1
