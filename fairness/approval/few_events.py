"""Too few people with the outcome: what the gate asks before a model of anything may be released."""

from __future__ import annotations

import json
from collections.abc import Iterator

from desist.fairness.approval.candidate import Candidate
from desist.fairness.approval.gate import ALTERED, NOT_APPROVED, Cause
from desist.features.outcomes import EVENTS_TO_RELEASE, RARE

#: Where ``schema.json`` tells, by outcome, how many different people had it among those whose outcome is known.
PEOPLE_WITH_OUTCOME = "people_with_outcome"


def event_causes(candidate: Candidate) -> Iterator[Cause]:
    """A cause where fewer than 50 people had the outcome, or nobody says how many had a rare one.

    An older candidate of a common outcome without the number is held to the rows with the outcome in its audit, which
    are fewer. Source: DOMAIN section 6.
    """
    outcome, events = candidate.audit.outcome, _told(candidate)
    named = outcome.replace("_", " ")
    if events is None and outcome not in RARE:
        events = candidate.audit.counts.get("events")
    if events is None:
        yield Cause(ALTERED, f"the candidate does not say how many people had the outcome {named}")
    elif events < EVENTS_TO_RELEASE:
        told = f"{events} people had the outcome {named}, and a model of it needs {EVENTS_TO_RELEASE}"
        yield Cause(NOT_APPROVED, f"{told}: take in more history, or join a region")


def _told(candidate: Candidate) -> int | None:
    """The number that the candidate states; None where it states none, or no whole number."""
    try:
        number = json.loads(candidate.files["schema.json"])[PEOPLE_WITH_OUTCOME][candidate.audit.outcome]
    except (ValueError, KeyError, TypeError):
        return None
    return number if type(number) is int and number >= 0 else None
