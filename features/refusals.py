"""What no feature may read, under any name: protected characteristics, their proxies, opinions and context tables.

DOMAIN section 7, REQUIREMENTS FEA-1, FEA-3, FEA-4 and INT-7. The check looks at a feature's name, at the names of
the tables and fields it speaks of, and at the extract columns those were made from.
"""

from __future__ import annotations

import re

from desist.features.language import Definition

#: A name holding one of these words, or such words next to each other ("stop_and_search"), is refused.
REFUSED_WORDS = {
    "a protected characteristic": (
        "sex", "gender", "gender_reassignment", "male", "female", "ethnicity", "ethnic", "race", "racial",
        "religion", "belief", "faith", "disability", "disabled", "pregnancy", "pregnant", "maternity", "marriage",
        "married", "marital", "civil_partnership", "sexual_orientation", "orientation", "transgender",
        "ethnicity_self", "ethnicity_officer", "marriage_civil", "pregnancy_maternity",
    ),
    "a proxy of one": (
        "name", "forename", "surname", "aliases", "nationality", "language", "immigration", "birthplace",
        "postcode", "ward", "home_ward", "lsoa", "msoa", "borough", "deprivation", "imd", "address", "area",
        "school", "family", "sibling", "siblings", "parent", "parents", "parental", "parenthood", "partner",
        "spouse", "relationship_status", "mental_health", "mental", "wellbeing", "mhtr", "diagnosis",
        "care_leaver", "childhood", "juvenile", "youth", "team", "worker_id",
    ),
    "a national score or tier": ("ogrs", "ogp", "ovp", "osp", "rsr", "arp", "vrp", "svrp", "csrp", "tier"),
    "what is never evidence of offending": (
        "stop_and_search", "stop_search", "no_further_action", "nfa", "arrest", "arrests", "suspicion", "intelligence",
        "intel", "associates", "association", "gang", "victim", "victimisation", "victimization", "witness",
        "social_media", "facial",
    ),
}  # fmt: skip
#: Age in any form is refused too, except these, which a board can approve with reasons and an expiry.
AGE_WORDS = ("age", "dob", "birth", "birthday", "date_of_birth", "born", "years_old")
APPROVABLE = {
    "age_at_as_of": "age is a protected characteristic",
    "age_at_first_sanction": "near to age",
    "career_length": "near to age",
    "breaches_2y": "how closely a person is supervised, as well as what they did",
    "recalls_2y": "how closely a person is supervised, as well as what they did",
    "missed_appointments_1y": "how closely a person is supervised, as well as what they did",
}
#: Extract tables that no feature may read.
REFUSED_TABLES = {
    "identity": "names and identifiers",
    "equality": "the equality store",
    "prob_predictor": "national scores, which hold sex and age",
    "pol_charge": "charges, which are not proven",
    "prob_registration": "judgements of harm and risk levels",
    "prob_allocation": "teams, which stand for areas",
    "prob_person": "access flags and the present status",
    "iom_cohort": "the list's own selections",
    "asb_outcome": "civil outcomes, in no allowed family",
    "trt_outcome_profile": "what people disclose in treatment",
}
#: Extract columns and values that no feature may read.
REFUSED_COLUMNS = {
    "trt_client.substance_group": "what people disclose in treatment",
    "trt_episode.referral_source": "who referred a person to treatment",
    "prob_assessment.section=wellbeing": "mental health",
    "prob_requirement.req_type=MHTR": "mental health",
    "support_referral.need=wellbeing": "mental health",
    "prob_assessment.linked_harm": "a judgement of harm",
}
#: Extract tables that only a board's approval opens, whatever the feature is called.
APPROVAL_TABLES = {"prob_enforcement": "breaches and recalls follow how closely a person is supervised"}
#: The extract column, and the condition on it, that only an approval opens.
APPROVAL_COLUMNS = {"identity.dob": "age is a protected characteristic"}
#: The same for values asked of a column.
APPROVAL_VALUES = tuple(f"prob_contact.attended={v}" for v in ("unacceptable_absence", "acceptable_absence", "no"))
#: Kept appointments may be a feature; all appointments less the kept ones are the missed ones.
ATTENDED = "prob_contact.attended"
#: Whoever reads these asks who sought help: it may lower an estimate or leave it, never raise it (FEA-7).
HELP_TABLES = frozenset(
    {"trt_client", "trt_episode", "trt_intervention", "programme", "housing_duty", "support_referral"}
)
HELP_VALUES = frozenset(f"prob_requirement.req_type={value}" for value in ("DRR", "ATR", "PROG", "RAR"))


def seeks_help(definition: Definition) -> bool:
    """Whether a definition reads treatment, support, programmes or housing help, by its extract columns."""
    return any(column.partition(".")[0] in HELP_TABLES or column in HELP_VALUES for column in definition.lineage())


def _words(name: str) -> str:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    return f"_{'_'.join(re.findall(r'[a-z0-9]+', spaced.lower()))}_"


def refused_name(name: str, *, age_approved: bool = False) -> str:
    """Why a name cannot be a feature's, a field's or a table's; empty for a name that can."""
    spelt = _words(name)
    for why, words in REFUSED_WORDS.items():
        for word in words:
            if f"_{word}_" in spelt:
                return f"'{word}' is {why}"
    for word in () if age_approved else AGE_WORDS:
        if f"_{word}_" in spelt:
            return f"'{word}' is a protected characteristic, age"
    return ""


def refused_lineage(definition: Definition) -> list[str]:
    """Why a definition cannot be a feature, by what it reads; empty for one that can."""
    reasons = []
    for rows in definition.subjects():
        contract = rows.contract
        if contract.record_kind == "opinion":
            reasons.append(f"it reads {contract.name}, which are opinions, not facts")
        if contract.context_only:
            reasons.append(f"it reads {contract.name}, which is for context only")
    for column in sorted(definition.lineage()):
        table, _, rest = column.partition(".")
        field = rest.partition("=")[0]
        if column in APPROVAL_COLUMNS:
            continue
        if table in REFUSED_TABLES:
            reasons.append(f"it reads {column}: {REFUSED_TABLES[table]}")
        elif column in REFUSED_COLUMNS or f"{table}.{field}" in REFUSED_COLUMNS:
            reasons.append(f"it reads {column}: {REFUSED_COLUMNS.get(column) or REFUSED_COLUMNS[f'{table}.{field}']}")
        elif why := refused_name(field) or refused_name(table):
            reasons.append(f"it reads {column}: {why}")
    return list(dict.fromkeys(reasons))


def approval_needed(definition: Definition) -> str:
    """Why a definition needs a board's approval, by what it reads and how; empty where it needs none."""
    for column in sorted(definition.lineage()):
        if column in APPROVAL_COLUMNS:
            return APPROVAL_COLUMNS[column]
        if column.partition(".")[0] in APPROVAL_TABLES:
            return APPROVAL_TABLES[column.partition(".")[0]]
        if column in APPROVAL_VALUES:
            return "missed appointments follow how closely a person is supervised"
    if ATTENDED in definition.lineage() and definition.parts() != (definition,):
        return "kept appointments, combined, tell how many were missed"
    if any(part.function == "days_since_first" for part in definition.parts()):
        return "time since a first event is near to age"
    return ""
