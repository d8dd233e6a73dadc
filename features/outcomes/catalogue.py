"""Every outcome of this toolkit, each said in one sentence with its version.

Twelve months are 365 days and twenty-four are 730, whatever the calendar; the waiting period is 182 days for both.
All but the rule of 365 and 182 days is this toolkit's own choice (DOMAIN section 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from desist.features.outcomes.definitions import TOP_BAND, OutcomeDefinition
from desist.features.vocabulary import neighbourhood, offences, violent

TWO_YEARS = 730

PROVEN_REOFFENDING = OutcomeDefinition(
    name="proven_reoffending",
    sentence="an offence in the 12 months from the as-of date that led to a conviction or caution in them or the "
    "6 months after",
    version="1",
)
VIOLENT_REOFFENDING = OutcomeDefinition(
    name="violent_reoffending",
    sentence="a violent offence in the 12 months from the as-of date that led to a conviction or caution in them or "
    "the 6 months after",
    version="1",
    counts=offences.where(violent),
)
DOMESTIC_ABUSE_REOFFENDING = OutcomeDefinition(
    name="domestic_abuse_reoffending",
    sentence="an offence that police flagged as domestic abuse in the 12 months from the as-of date that led to a "
    "conviction or caution in them or the 6 months after; an offence without an answer to the flag is not counted",
    version="1",
    counts=offences.where(offences.da_flag),
)
NEIGHBOURHOOD_CRIME = OutcomeDefinition(
    name="neighbourhood_crime",
    sentence="a robbery, burglary, vehicle crime or theft from the person in the 12 months from the as-of date that "
    "led to a conviction or caution in them or the 6 months after",
    version="1",
    counts=offences.where(neighbourhood),
)
#: Beside the main outcome in an audit, never trained on: police learn of these from the victim, so how often they come
#: to light depends less on where police look. Whether somebody is convicted of them may still differ.
REPORTED_BY_VICTIMS = OutcomeDefinition(
    name="reported_by_victims",
    sentence="violence without mere possession of a weapon, robbery, burglary or theft from the person in the 12 "
    "months from the as-of date that led to a conviction or caution in them or the 6 months after",
    version="1",
    counts=offences.where(offences.reported_by_victims),
)
SERIOUS_OFFENCE = OutcomeDefinition(
    name="serious_offence",
    sentence="a proven offence of severity band 4 or 5 in the 12 months from the as-of date, sanctioned in them or "
    "the 6 months after",
    version="1",
    counts=offences.where(offences.severity.at_least(TOP_BAND)),
)
ESCALATION = OutcomeDefinition(
    name="escalation",
    sentence="a proven offence of severity band 4 or 5 in the 12 months from the as-of date, by somebody whose proven "
    "offences in the 24 months at liberty before were band 3 or lower: convicted of a more serious offence than in "
    "the last two years",
    version="1",
    counts=offences.where(offences.severity.at_least(TOP_BAND)),
    only_below=TOP_BAND,
)


def _over_two_years(one_year: OutcomeDefinition) -> OutcomeDefinition:
    """The same outcome over 730 days, under a name and a sentence that say so."""
    return replace(
        one_year,
        name=f"{one_year.name}_24m",
        sentence=one_year.sentence.replace("the 12 months from", "the 24 months from"),
        follow_up_days=TWO_YEARS,
    )


_ONE_YEAR = (
    PROVEN_REOFFENDING,
    VIOLENT_REOFFENDING,
    DOMESTIC_ABUSE_REOFFENDING,
    NEIGHBOURHOOD_CRIME,
    REPORTED_BY_VICTIMS,
    SERIOUS_OFFENCE,
    ESCALATION,
)
#: Every outcome by name: seven over 12 months, and the same over 24 months with ``_24m`` behind the name.
OUTCOMES: Mapping[str, OutcomeDefinition] = MappingProxyType(
    {definition.name: definition for one_year in _ONE_YEAR for definition in (one_year, _over_two_years(one_year))}
)
#: The rare ones, whose number of events decides what may be done with a model of them.
RARE = frozenset(name for name in OUTCOMES if name.startswith((SERIOUS_OFFENCE.name, ESCALATION.name)))
