"""What happened afterwards, known only once it is mature."""

from desist.features.outcomes.at_liberty import PersonMonths, person_months
from desist.features.outcomes.catalogue import (
    DOMESTIC_ABUSE_REOFFENDING,
    ESCALATION,
    NEIGHBOURHOOD_CRIME,
    OUTCOMES,
    PROVEN_REOFFENDING,
    RARE,
    REPORTED_BY_VICTIMS,
    SERIOUS_OFFENCE,
    VIOLENT_REOFFENDING,
)
from desist.features.outcomes.definitions import (
    ALREADY_AT_THE_TOP,
    DATA_LAG_DAYS,
    EVENTS_TO_CHOOSE,
    EVENTS_TO_RELEASE,
    LIBERTY_DAYS,
    TOP_BAND,
    OutcomeDefinition,
)
from desist.features.outcomes.follow_up import FollowUps, follow_ups
from desist.features.outcomes.frequency import count_reoffences, reoffending_measures
from desist.features.outcomes.labels import label_outcomes, label_outcomes_reference
from desist.features.outcomes.reference import follow_ups_reference, start_at_liberty, worst_band_at_liberty
from desist.features.outcomes.time_to import TimesToFirst, time_to_first

__all__ = [
    "ALREADY_AT_THE_TOP",
    "DATA_LAG_DAYS",
    "DOMESTIC_ABUSE_REOFFENDING",
    "ESCALATION",
    "EVENTS_TO_CHOOSE",
    "EVENTS_TO_RELEASE",
    "LIBERTY_DAYS",
    "NEIGHBOURHOOD_CRIME",
    "OUTCOMES",
    "PROVEN_REOFFENDING",
    "RARE",
    "REPORTED_BY_VICTIMS",
    "SERIOUS_OFFENCE",
    "TOP_BAND",
    "VIOLENT_REOFFENDING",
    "FollowUps",
    "OutcomeDefinition",
    "PersonMonths",
    "TimesToFirst",
    "count_reoffences",
    "follow_ups",
    "follow_ups_reference",
    "label_outcomes",
    "label_outcomes_reference",
    "person_months",
    "reoffending_measures",
    "start_at_liberty",
    "time_to_first",
    "worst_band_at_liberty",
]
