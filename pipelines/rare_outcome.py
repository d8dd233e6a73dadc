"""Rare outcomes on pages: who is already at the top, and how a rate is said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from desist.features.outcomes import OUTCOMES, TOP_BAND, OutcomeDefinition
from desist.features.outcomes.follow_up import worst_bands
from desist.features.outcomes.packing import People, days_of
from desist.pipelines.ground import Ground

#: Outcomes of which nothing can be said for people whose offences were already at the top.
ONLY_BELOW_THE_TOP = frozenset(name for name, definition in OUTCOMES.items() if definition.only_below is not None)
#: Shown in place of an estimate to somebody whom escalation says nothing about; it must never read as low.
TOP_WORDS = "Already at the top: convicted of a serious offence in the last two years at liberty. No estimate."


def already_at_the_top(ground: Ground, people: Sequence[str], as_of: dt.date) -> frozenset[str]:
    """The people whose proven offences of the last 24 months at liberty reach band 4 or 5, as known on ``as_of``.

    Escalation says nothing of them: they are shown as ``TOP_WORDS``, never with an estimate and never as low.
    """
    rows = pd.DataFrame({"person_id": list(people), "as_of": pd.Timestamp(as_of)})
    if rows.empty or "offences" not in ground.events.tables:
        return frozenset()
    worst = worst_bands(ground.events, People.of(rows), days_of(rows))
    return frozenset(rows["person_id"][worst >= TOP_BAND])


def in_100_words(outcome: str, in_100: int) -> str:
    """The sentence that a page says of a group with so many in 100 (UX section 4); only for the rare outcomes."""
    definition: OutcomeDefinition = OUTCOMES[outcome]
    months = 24 if definition.follow_up_days > 365 else 12
    if definition.only_below is not None:
        return f"Convicted of a more serious offence than in the last two years: about {in_100} in 100."
    return (
        f"About {in_100} in 100 people with a similar recorded history were convicted of a serious offence within "
        f"{months} months."
    )
