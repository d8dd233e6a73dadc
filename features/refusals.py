"""What no feature may read, under any name: protected characteristics, their proxies, opinions and context tables.

DOMAIN section 7, REQUIREMENTS FEA-1, FEA-3, FEA-4 and INT-7. The check looks at a feature's name, at the names of
the tables and fields it speaks of, and at the extract columns those were made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from desist.features.language import (
    Chosen,
    Count,
    DaysSince,
    Definition,
    Has,
    OfDefinitions,
    OfField,
    Share,
    Trend,
)
from desist.features.rows import Condition, Field, Rows

#: A name holding one of these words, or such words next to each other ("stop_and_search"), is refused.
REFUSED_WORDS = {
    "a protected characteristic": (
        "sex", "gender", "gender_reassignment", "male", "female", "ethnicity", "ethnic", "race", "racial",
        "religion", "belief", "faith", "disability", "disabled", "pregnancy", "pregnant", "maternity", "marriage",
        "married", "marital", "civil_partnership", "sexual_orientation", "orientation", "transgender",
        "ethnicity_self", "ethnicity_officer", "marriage_civil", "pregnancy_maternity", "women", "woman", "womens",
        "men", "man", "mens", "girls", "girl", "boys", "boy", "black", "asian", "white", "roma", "gypsy", "traveller",
        "muslim", "christian", "jewish", "hindu", "sikh", "catholic", "gay", "lesbian", "lgbt", "trans",
    ),
    "a proxy of one": (
        "name", "forename", "surname", "aliases", "nationality", "language", "immigration", "birthplace",
        "postcode", "ward", "home_ward", "lsoa", "msoa", "borough", "deprivation", "imd", "address", "area",
        "school", "family", "sibling", "siblings", "parent", "parents", "parental", "parenthood", "partner",
        "spouse", "relationship_status", "mental_health", "mental", "wellbeing", "mhtr", "diagnosis",
        "psychiatric", "psychiatry", "cmht", "mothers", "fathers",
        "care_leaver", "childhood", "juvenile", "youth", "team", "worker_id",
    ),
    "a national score or tier": ("ogrs", "ogp", "ovp", "osp", "rsr", "arp", "vrp", "svrp", "csrp", "tier"),
    "what is never evidence of offending": (
        "stop_and_search", "stop_search", "no_further_action", "nfa", "arrest", "arrests", "suspicion", "intelligence",
        "intel", "associates", "association", "gang", "victim", "victims", "victimisation", "victimization", "witness",
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
#: What may be asked of kept appointments, besides their share of all.
ATTENDED = "prob_contact.attended"
KEPT_ONLY = (Count, Has, DaysSince)
#: Recalls and breaches under another name.
RELEASE_TYPE, RECALLED = "pris_spell.release_type", "post_recall"
BESIDE_RECALLED = frozenset({"conditional", "automatic", "end_of_sentence"})
ENDED_EARLY, OUTCOME = "prob_event.terminated", "prob_requirement.outcome"
COMPLETED = frozenset({"completed"})
#: A choice by what lies years back in these, step by step, tells how long ago it began.
CAREER_TABLES = frozenset({"pol_sanction", "prob_event", "pris_spell"})
#: Whoever reads these asks who sought help: it may lower an estimate or leave it, never raise it (FEA-7).
HELP_TABLES = frozenset(
    {"trt_client", "trt_episode", "trt_intervention", "programme", "housing_duty", "support_referral"}
)
#: Requirements are help too, unless the rows are narrowed to kinds of which none is.
HELP_KIND = "prob_requirement.req_type"
HELP_KINDS = frozenset({"DRR", "ATR", "PROG", "RAR", "MHTR"})


def tables_of(columns: Iterable[str]) -> frozenset[str]:
    """The extract tables of some extract columns."""
    return frozenset(column.partition(".")[0] for column in columns)


def values_left(rows: Rows, column: str) -> frozenset[str] | None:
    """The values of an extract column that the rows are narrowed to by every list asked; None where by none."""
    left: frozenset[str] | None = None
    for test in rows.conditions:
        if isinstance(test.operand, tuple) and column in rows.contract.lineage_of(test.field):
            left = frozenset(test.operand) if left is None else left & frozenset(test.operand)
    return left


def seeks_help(definition: Definition) -> bool:
    """Whether a definition reads treatment, support, programmes or housing help, by its extract columns.

    Requirements count as help unless every row asked for is of a kind that is not.
    """
    if tables_of(definition.lineage()) & HELP_TABLES:
        return True
    for rows in definition.subjects():
        if HELP_KIND.partition(".")[0] in tables_of(rows.lineage()):
            kinds = values_left(rows, HELP_KIND)
            if kinds is None or kinds & HELP_KINDS:
                return True
    return False


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
    for rows in definition.subjects():
        reasons += _hidden_values(rows) + _refused_values(rows)
    return list(dict.fromkeys(reasons))


def _hidden_values(rows: Rows) -> list[str]:
    """Refused values that rows hold without naming them: all rows less the permitted ones would tell them."""
    reasons = []
    for refused, why in REFUSED_COLUMNS.items():
        column, _, value = refused.partition("=")
        if value and column.partition(".")[0] in tables_of(rows.lineage()) and values_left(rows, column) is None:
            reasons.append(f"it reads {rows.contract.name} of every kind ({column}), among them {value}: {why}")
    return reasons


def _refused_values(rows: Rows) -> list[str]:
    """Why a value asked of a field without a closed list of values cannot be asked for."""
    reasons = []
    for test in rows.conditions:
        if isinstance(test.operand, tuple) and not rows.contract.spec(test.field).values:
            found = [(value, refused_name(value)) for value in test.operand]
            reasons += [f"it asks {test.contract.name}.{test.field} for {v!r}: {why}" for v, why in found if why]
    return reasons


def approval_needed(definition: Definition) -> str:
    """Why a definition needs a board's approval, by what it reads and how; empty where it needs none."""
    for column in sorted(definition.lineage()):
        if column in APPROVAL_COLUMNS:
            return APPROVAL_COLUMNS[column]
        if column.partition(".")[0] in APPROVAL_TABLES:
            return APPROVAL_TABLES[column.partition(".")[0]]
        if column in APPROVAL_VALUES:
            return "missed appointments follow how closely a person is supervised"
    for asks in (_missed, _recalled, _ended_early, _near_to_age):
        if why := asks(definition):
            return why
    return ""


def _missed(definition: Definition) -> str:
    """Kept appointments may be a feature by themselves; all appointments less the kept ones are the missed ones."""
    if ATTENDED not in definition.lineage():
        return ""
    if definition.parts() != (definition,):
        return "kept appointments, combined, tell how many were missed"
    asked = [test for rows in definition.subjects() for test in _tests(rows, ATTENDED)]
    if isinstance(definition, Share) and not asked:
        return ""
    if isinstance(definition, KEPT_ONLY) and all(test.operator == "is_yes" for test in asked):
        return ""
    return "kept appointments, measured so, tell of missed ones"


def _recalled(definition: Definition) -> str:
    """Releases after a recall stand for the recall, alone or where lists are taken from each other."""
    why = "releases after a recall follow how closely a person is supervised"
    for part in definition.parts():
        if _reads_field(part, RELEASE_TYPE, RECALLED):
            return why
        for rows in part.subjects():
            kinds = values_left(rows, RELEASE_TYPE)
            if kinds is None:
                continue
            if RECALLED in kinds and not kinds >= BESIDE_RECALLED:
                return why
            if RECALLED not in kinds and kinds & BESIDE_RECALLED and definition.parts() != (definition,):
                return why
    return ""


def _ended_early(definition: Definition) -> str:
    """Orders ended early and requirements not completed are breaches under another name."""
    why = "requirements not completed and orders ended early follow how closely a person is supervised"
    for part in definition.parts():
        if any(_reads_field(part, column) for column in (ENDED_EARLY, OUTCOME)):
            return why
        for rows in part.subjects():
            if _tests(rows, ENDED_EARLY):
                return why
            if _tests(rows, OUTCOME) and (
                values_left(rows, OUTCOME) != COMPLETED or definition.parts() != (definition,)
            ):
                return why
    return ""


def _near_to_age(definition: Definition) -> str:
    why = "time since a first event is near to age"
    if any(part.function == "days_since_first" for part in definition.parts()):
        return why
    for test in _tests_chosen_by(definition):
        for part in test.parts():
            if part.window is not None and part.window.until and tables_of(part.lineage()) & CAREER_TABLES:
                return f"{why}, and so is a choice by what lies years back"
    return ""


def _tests_chosen_by(definition: Definition) -> list[Definition]:
    """Every test that a ``where`` in the definition chooses by."""
    if not isinstance(definition, OfDefinitions):
        return []
    found = [definition.test] if isinstance(definition, Chosen) else []
    return found + [test for operand in definition.operands() for test in _tests_chosen_by(operand)]


def _tests(rows: Rows, column: str) -> list[Condition]:
    return [test for test in rows.conditions if column in rows.contract.lineage_of(test.field)]


def _reads_field(part: Definition, column: str, value: str = "") -> bool:
    """Whether a part measures a field made from the column, if the field can have the value."""
    field = part.of if isinstance(part, Trend) else part.field if isinstance(part, OfField) else None
    if not isinstance(field, Field) or column not in field.contract.lineage_of(field.name):
        return False
    values = field.contract.spec(field.name).values
    return not value or not values or value in values
