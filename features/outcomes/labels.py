"""What happened afterwards, as labels: proven reoffending, serious offences and escalation, known once mature."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from desist.features.events import Events
from desist.features.outcomes.definitions import OutcomeDefinition
from desist.features.outcomes.follow_up import FollowUps, follow_ups
from desist.features.outcomes.reference import follow_ups_reference
from desist.features.tables import Outcomes


def label_outcomes(
    events: Events, rows: pd.DataFrame, definitions: Sequence[OutcomeDefinition], known_by: dt.date
) -> Outcomes:
    """Labels 1, 0 or NaN per (person, as-of date), from sanctions recorded before ``known_by`` only.

    NaN, never 0, where the label is not mature by ``known_by``, or by the day after the extract that tells of
    sanctions was cut: an old extract knows nothing of later days; where the source of sanctions had no record of the
    person before the as-of date (a later first record must not decide who is labelled: it would select on the
    outcome); and, for escalation, where somebody is already at the top. ``why_missing`` says which.
    """
    return _as_outcomes(follow_ups(events, rows, definitions, known_by))


def label_outcomes_reference(
    events: Events, rows: pd.DataFrame, definitions: Sequence[OutcomeDefinition], known_by: dt.date
) -> Outcomes:
    """The same labels, worked out the slow and plain way: the judge of ``label_outcomes``."""
    return _as_outcomes(follow_ups_reference(events, rows, definitions, known_by))


def _as_outcomes(found: FollowUps) -> Outcomes:
    words = {definition.name: definition.in_words() for definition in found.definitions}
    return Outcomes(found.as_table(found.labels()), found.names, words)
