"""Code lists of the field (DOMAIN sections 3 to 6) and the versioned offence table.

Values that a partnership must confirm before live use are marked ``confirm``; they stand here as
dated tables, never in logic.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from desist.records.offence_table import Offence, OffenceTable, shipped_table, with_own_lines

SOURCES = ("probation", "prison", "police", "treatment", "council")

SUPERVISION = ("CUSTODY", "REMAND", "LICENCE", "PSS", "COMMUNITY_ORDER", "SUSPENDED_SENTENCE", "NONE")
#: Statuses under which a person is supervised by probation, so in scope of a caseload cohort.
SUPERVISED = ("LICENCE", "PSS", "COMMUNITY_ORDER", "SUSPENDED_SENTENCE")
SENTENCES = (*SUPERVISED, "CUSTODY", "FINE", "DISCHARGE")
SUBJECT_CATEGORIES = ("convicted", "suspect", "victim", "witness")
RECORD_KINDS = ("fact", "assessment", "opinion")
SANCTIONS = ("conviction", "caution", "conditional_caution")
REQUIREMENTS = ("RAR", "DRR", "ATR", "MHTR", "UPW", "PROG", "CURF", "EXCL", "RES")
REQUIREMENT_OUTCOMES = ("completed", "not_completed", "revoked")
REGISTRATIONS = ("IIOM", "RVHR", "RHRH", "RMRH", "RLRH", "M1", "M2", "M3", "STAFF_SAFETY")
ATTENDANCE = ("attended", "acceptable_absence", "unacceptable_absence")
ENFORCEMENT = ("breach", "recall")
IOM_GROUPS = ("FIXED", "FLEX", "FREE")
RELEASES = ("conditional", "automatic", "post_recall", "end_of_sentence", "temporary", "remand_release")
SENTENCE_BANDS = ("under_12m", "12m_to_4y", "over_4y", "remand")
SUBSTANCE_GROUPS = ("OPIATE", "NON_OPIATE_ALCOHOL", "NON_OPIATE", "ALCOHOL")
DISCHARGES = (
    "completed_drug_free",
    "completed_occasional_use",
    "transferred",
    "dropped_out",
    "declined",
    "withdrawn_by_provider",
    "moved_away",
    "prison",
    "died",
    "other",
)
PLANNED_EXITS = ("completed_drug_free", "completed_occasional_use")
REFERRAL_SOURCES = ("self", "health", "criminal_justice", "substance_service", "social_care", "other")
MODALITIES = (
    "inpatient",
    "prescribing",
    "psychosocial",
    "day_programme",
    "residential",
    "recovery_support",
    "alcohol",
)
INTERVENTION_EXITS = ("planned", "unplanned", "withdrawn")
ASB_OUTCOMES = ("warning", "ABC", "CPN", "injunction", "CBO", "closure", "eviction")
HOUSING_DUTIES = ("prevention", "relief", "main", "none")
PROGRAMME_OUTCOMES = ("completed", "not_completed")
BASES = ("consent", "legal_duty")

#: Section name: (need identified at or above, severe at or above); None where the form has no score.
NEED_SECTIONS: Mapping[str, tuple[int, int] | None] = {
    "accommodation": (2, 7),
    "employment": (3, 7),
    "relationships": (2, 5),
    "lifestyle": (2, 5),
    "drugs": (2, 8),
    "alcohol": (4, 7),
    "thinking": (4, 7),
    "attitudes": (2, 7),
    "finance": None,
    "wellbeing": None,
}
NEED_LABELS: Mapping[str, str] = {
    "accommodation": "accommodation",
    "employment": "education, training and employment",
    "relationships": "relationships and family",
    "lifestyle": "lifestyle and associates",
    "drugs": "drugs",
    "alcohol": "alcohol",
    "thinking": "thinking and behaviour",
    "attitudes": "attitudes",
    "finance": "finance",
    "wellbeing": "health and wellbeing",
}

#: 18+1 self-defined ethnicity to 5+1. Legacy O1 is Chinese; W3, W4 and W8 are one group; MERGE is unknown.
ETHNICITY_5 = {
    **dict.fromkeys(("A1", "A2", "A3", "A4", "A9", "O1"), "Asian"),
    **dict.fromkeys(("B1", "B2", "B9"), "Black"),
    **dict.fromkeys(("M1", "M2", "M3", "M9"), "Mixed"),
    **dict.fromkeys(("W1", "W2", "W3", "W4", "W5", "W8", "W9"), "White"),
    **dict.fromkeys(("O2", "O9"), "Other"),
    **dict.fromkeys(("NS", "UN", "Z1", "MERGE"), "Not stated"),
}
ETHNICITY_OFFICER = ("1", "2", "3", "4", "5", "6", "9")
SEXES = ("F", "M", "U")
#: A treatment outcome profile: its stages, and the substances of which it counts days used in the last 28.
SUBSTANCES = ("opiate", "crack", "cocaine", "amphetamine", "cannabis", "alcohol", "other")
OUTCOME_STAGES = ("start", "review", "exit", "post_exit")
#: Whether a larger value of an indicator is better; "none" where neither is.
DIRECTIONS = ("up_is_better", "down_is_better", "none")
YOUTH_MEASURES = ("first_time_entrants", "custodial_sentences", "reoffenders", "in_cohort", "reoffences")
AGE_BANDS = ((18, 20), (21, 24), (25, 29), (30, 39), (40, 49), (50, 120))

#: Purposes a run may declare (REQUIREMENTS INT-4).
PURPOSES = (
    "iom_selection_support",
    "needs_and_pathways",
    "aggregate_plan_monitoring",
    "fairness_audit",
)

#: Roles that may sign a release; the trainer's key never counts.
SIGNING_ROLES = ("board_chair", "board_member", "data_protection_officer", "senior_responsible_owner")

#: Roles that may hand a list on, and whose key vouches for a region's audit. Neither signs a release.
PANEL_ROLES = ("panel_chair",)
REGION_ROLE = "region"


@cache
def shipped_offences() -> OffenceTable:
    """The table that comes with the toolkit, whatever a workspace adds."""
    return shipped_table()


class _InUse:
    """The offence table of the workspace that was opened last in this process."""

    table: OffenceTable | None = None


def use_offences(path: Path | None) -> OffenceTable:
    """Use the shipped offence table with the lines of ``path``, or alone where there is no such file.

    One process works in one workspace at a time: opening a session calls this. Raises Refused where a line of
    the file is none; then the table in use stays.
    """
    table = with_own_lines(shipped_offences(), path) if path is not None and path.exists() else shipped_offences()
    _InUse.table = table
    return table


def offence_table() -> OffenceTable:
    """The offence table in use; the shipped one until a workspace is opened."""
    return _InUse.table or shipped_offences()


def offences() -> Mapping[str, Offence]:
    """The offences in use by code. Bands 1 to 5 are this toolkit's own (DOMAIN section 5)."""
    return offence_table().by_code


def offence_table_version() -> str:
    """The version of the table in use: the shipped one's, with a hash of the partnership's own lines."""
    return offence_table().version


def repealed_offences() -> frozenset[str]:
    """Codes of repealed offences: convictions of them are disregarded, so not even kept (REQUIREMENTS INT-11)."""
    return frozenset(code for code, offence in offences().items() if offence.repealed)
