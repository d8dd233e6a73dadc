"""What happened afterwards, known only once it is mature."""

from desist.features.outcomes.labels import (
    ALREADY_AT_THE_TOP,
    DATA_LAG_DAYS,
    ESCALATION,
    LIBERTY_DAYS,
    PROVEN_REOFFENDING,
    SERIOUS_OFFENCE,
    TOP_BAND,
    OutcomeDefinition,
    label_outcomes,
    start_at_liberty,
    worst_band_at_liberty,
)

__all__ = [
    "ALREADY_AT_THE_TOP",
    "DATA_LAG_DAYS",
    "ESCALATION",
    "LIBERTY_DAYS",
    "PROVEN_REOFFENDING",
    "SERIOUS_OFFENCE",
    "TOP_BAND",
    "OutcomeDefinition",
    "label_outcomes",
    "start_at_liberty",
    "worst_band_at_liberty",
]
