"""What an outcome is: which offences count, for how many days, and when it is known.

Day 1 of follow-up is the as-of date itself. An offence counts by the day it was committed; it must be sanctioned by
the end of the waiting period. Nothing here takes a person out of a row: custody after the as-of date changes no
window. Source: Ministry of Justice, proven reoffending definition (one year and six months); DOMAIN section 6.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from desist.features.rows import Rows
from desist.features.vocabulary import offences
from desist.records.errors import Refused

#: Days after the waiting period until late records have usually arrived; part of the definition.
DATA_LAG_DAYS = 30
#: The two years at liberty before the as-of date that escalation looks at.
LIBERTY_DAYS = 730
#: People at this band or higher are "already at the top".
TOP_BAND = 4
#: Below so many people with an outcome no choice between models is made, and below the second number no model of it may
#: be released (DOMAIN section 6). A person counts once: one offence counts in every row whose follow-up holds it.
EVENTS_TO_CHOOSE, EVENTS_TO_RELEASE = 100, 50
ALREADY_AT_THE_TOP = "already at the top: a proven offence of band 4 or 5 in the last 24 months at liberty"


@dataclass(frozen=True)
class OutcomeDefinition:
    """One outcome. ``sentence`` is printed with every result; a change of meaning is a new ``version``.

    ``counts``: which proven offences count. ``only_below``: label only people whose proven offences in the last 24
    months at liberty were all below this band; None labels everybody. ``by_sanction``: False for an event of another
    table that needs no conviction or caution (a next complaint): it must have been recorded by the end of the waiting
    period, so that rows of every year are labelled alike however long ago they are.
    """

    name: str
    sentence: str
    version: str
    follow_up_days: int = 365
    waiting_days: int = 182
    data_lag_days: int = DATA_LAG_DAYS
    counts: Rows = field(default=offences)
    only_below: int | None = None
    by_sanction: bool = True

    def __post_init__(self) -> None:
        if self.follow_up_days < 1 or self.waiting_days < 0 or self.data_lag_days < 0:
            raise Refused(f"The outcome {self.name} needs at least one day of follow-up and no negative waiting.")
        counted = self.counts.contract
        if self.by_sanction and not {"sanction_date", "sanction_type"} <= set(counted.fields):
            raise Refused(f"The outcome {self.name} counts {counted.name}, which are not proven offences.")
        if self.only_below is not None and counted.name != offences.contract.name:
            raise Refused(f"The outcome {self.name} compares severity bands, which {counted.name} do not have.")

    @property
    def table(self) -> str:
        """The event table whose rows count."""
        return self.counts.contract.name

    @property
    def days_to_mature(self) -> int:
        return self.follow_up_days + self.waiting_days + self.data_lag_days

    def matures_on(self, as_of: dt.date) -> dt.date:
        """The first ``known_by`` date on which the label is known."""
        return as_of + dt.timedelta(days=self.days_to_mature)

    def in_words(self) -> str:
        return f"{self.sentence} (version {self.version})"
