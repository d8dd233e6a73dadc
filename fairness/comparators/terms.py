"""The names of every term of ARP, VRP and SVRP, and the answer of an assessment that each asks for. No number.

What an unknown answer does is the same for all: the row is unknown. In particular

- a drug flag, a past offence or a domestic-abuse flag that is empty is not "no";
- ``living_with_partner`` and ``relationship_quality`` are both needed, also for somebody who lives alone;
- ``drug_motivation`` is needed of somebody who takes no drugs too: how a service records a question that it skipped
  is the caller's to know and to state, with 0 where it means "full motivation or nothing to tackle".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from desist.fairness.comparators.inputs import Input

PREDICTORS = ("ARP", "VRP", "SVRP")
VERSIONS = ("static", "dynamic")
OFFENCE_CATEGORIES = (
    "ABSCONDING_OR_BAIL", "ACQUISITIVE_VIOLENCE", "BURGLARY_DOMESTIC", "BURGLARY_OTHER", "CRIMINAL_DAMAGE",
    "DRINK_DRIVING", "DRUG_IMPORT_EXPORT_OR_PRODUCTION", "DRUG_POSSESSION_OR_SUPPLY", "DRUNKENNESS",
    "FIREARMS_MOST_SERIOUS", "FIREARMS_OTHER", "FRAUD_AND_FORGERY", "HANDLING_STOLEN_GOODS", "MOTORING_OFFENCES",
    "OTHER_OFFENCES", "PUBLIC_ORDER_AND_HARRASSMENT", "SEXUAL_AGAINST_CHILD", "SEXUAL_NOT_AGAINST_CHILD",
    "THEFT_NON_MOTOR", "VEHICLE_RELATED_THEFT", "VIOLENCE_AGAINST_THE_PERSON_ABH_PLUS",
    "VIOLENCE_AGAINST_THE_PERSON_SUB_ABH", "WEAPONS_NON_FIREARM", "WELFARE_FRAUD",
)  # fmt: skip


def _level(name: str, says: str) -> tuple[Input, float]:
    return Input(name, "level", says), 1.0


def _flag(name: str, says: str, times: float = 1.0) -> tuple[Input, float]:
    return Input(name, "yes_no", says), times


PARTNER = Input("living_with_partner", "yes_no", "whether living with a partner")
#: Any of these is OTHER_DRUGS, once.
OTHER_DRUGS = tuple(
    Input(name, "yes_no", f"use of {name.replace('_', ' ')}")
    for name in ("other_drugs", "ketamine", "spice", "hallucinogens", "solvents")
)
#: Term: the input and how often its coefficient counts for a 1. Levels are 0, 1 or 2.
INDICATORS: dict[str, tuple[Input, float]] = {
    "ACCOMMODATION_SUITABILITY": _level("accommodation", "suitability of accommodation"),
    "UNEMPLOYED": _flag("unemployed", "whether unemployed", 2.0),  # an item of 0 or 2
    "LIVE_IN_RELATIONSHIP": (PARTNER, 1.0),
    "RELATIONSHIP_QUALITY": _level("relationship_quality", "relationship with the current partner"),
    "DOMESTIC_ABUSE": _flag("domestic_abuse", "evidence of domestic abuse"),
    "ACTIVITIES_ENCOURAGE_OFFENDING": _level("activities", "activities that encourage offending"),
    "MOTIVATION_TO_TACKLE_DRUG_MISUSE": _level("drug_motivation", "motivation to tackle drug misuse"),
    "CHRONIC_DRINKING": _level("alcohol_use", "current alcohol use"),
    "BINGE_DRINKING": _level("binge_drinking", "binge drinking"),
    "IMPULSIVITY": _level("impulsivity", "impulsivity"),
    "PRO_CRIMINAL_ATTITUDE": _level("attitudes", "pro-criminal attitudes"),
    "TEMPER": _level("temper", "temper control"),
    "CARRY_OR_USE_WEAPON": _flag("weapon", "whether the offence involved a weapon"),
    **{
        term: _flag(name, f"use of {name.replace('_', ' ')}")
        for term, name in {
            "HEROIN": "heroin", "METHADONE": "methadone", "OTHER_OPIATE": "other_opiate",
            "CRACK_COCAINE": "crack_cocaine", "POWDER_COCAINE": "powder_cocaine",
            "PRESCRIPTION_DRUG_MISUSE": "misused_prescription_drugs", "BENZODIAZEPINES": "benzodiazepines",
            "CANNABIS": "cannabis", "STEROIDS": "steroids",
        }.items()
    },
    **{
        f"PAST_{kind}_OFFENCE": _flag(f"past_{kind.lower()}", f"past {kind.lower().replace('_', ' ')} offence")
        for kind in (
            "HOMICIDE", "GBH", "KIDNAPPING", "FIREARMS", "ROBBERY", "AGGRAVATED_BURGLARY", "WEAPON", "CRIMINAL_DAMAGE",
            "ARSON",
        )
    },
}  # fmt: skip

_HOME = ("ACCOMMODATION_SUITABILITY", "UNEMPLOYED")
_LIFE = (
    "LIVE_IN_RELATIONSHIP", "RELATIONSHIP_QUALITY", "QUALITY_OF_LIVE_IN_RELATIONSHIP", "DOMESTIC_ABUSE",
    "ACTIVITIES_ENCOURAGE_OFFENDING", "MOTIVATION_TO_TACKLE_DRUG_MISUSE", "CHRONIC_DRINKING", "BINGE_DRINKING",
    "IMPULSIVITY",
)  # fmt: skip
_DRUGS = (
    "OTHER_OPIATE", "CRACK_COCAINE", "POWDER_COCAINE", "PRESCRIPTION_DRUG_MISUSE", "BENZODIAZEPINES", "CANNABIS",
    "STEROIDS", "OTHER_DRUGS",
)  # fmt: skip
_PAST = tuple(term for term in INDICATORS if term.startswith("PAST_"))
#: Terms of the dynamic versions, in the order in which they are told.
_ITEMS = {
    "ARP": (*_HOME, *_LIFE, "PRO_CRIMINAL_ATTITUDE", "HEROIN", *_DRUGS),
    "VRP": (*_HOME, *_LIFE, "TEMPER", "METHADONE", *_DRUGS),
    "SVRP": ("CARRY_OR_USE_WEAPON", *_HOME, "CHRONIC_DRINKING", "TEMPER", "PRO_CRIMINAL_ATTITUDE", *_PAST),
}
#: How many powers of a man's age, of a woman's age and of the offence-free months each formula has.
_POWERS = {
    ("ARP", "static"): (4, 4, 4), ("ARP", "dynamic"): (4, 4, 2),
    ("VRP", "static"): (4, 4, 4), ("VRP", "dynamic"): (2, 4, 2),
    ("SVRP", "static"): (2, 2, 4), ("SVRP", "dynamic"): (2, 2, 4),
}  # fmt: skip
_ORDERS = ("", "_QUADRATIC", "_CUBIC", "_QUARTIC")


def powers(stem: str, ending: str, most: int = len(_ORDERS)) -> list[str]:
    """Names of the coefficients of x, x squared and so on."""
    return [f"{stem}{order}{ending}" for order in _ORDERS[:most]]


@dataclass(frozen=True)
class Shape:
    """Which terms one predictor has, so that a missing one is never taken for nought."""

    name: str
    version: str

    @property
    def violent(self) -> bool:
        """Whether violent sanctions are asked for."""
        return self.name != "ARP"

    @property
    def item_terms(self) -> tuple[str, ...]:
        return _ITEMS[self.name] if self.version == "dynamic" else ()

    @property
    def items(self) -> tuple[Input, ...]:
        """The answers of an assessment that it needs, each once."""
        found: dict[str, Input] = {}
        for term in self.item_terms:
            if term == "OTHER_DRUGS":
                found |= {one.name: one for one in OTHER_DRUGS}
            elif term in INDICATORS:  # the quality of a live-in relationship is made of two others
                found[INDICATORS[term][0].name] = INDICATORS[term][0]
        return tuple(found.values())

    def terms(self) -> Iterator[str]:
        """Every coefficient it must have besides those of the offence categories."""
        men, women, months = _POWERS[(self.name, self.version)]
        yield from ("TWO_YEAR_CONSTANT", "FEMALE", "FIRST_SANCTION", "SECOND_SANCTION", "SANCTION_OCCASIONS")
        yield from (*powers("AAI", "_MALE", men), *powers("AAI", "_FEMALE", women))
        yield from powers("OFFENCE_FREE_MONTHS", "", months)
        copas = ("COPAS_V",) if self.violent else ("COPAS_G", "COPAS_SQUARED")
        stems = ["YRS_BETWEEN_FIRST_AND_SECOND_SANCTION", *(f"THREE_PLUS_SANCTIONS_{one}" for one in copas)]
        if self.violent:
            stems.append("NEVER_VIOLENT")
            yield from ("ONCE_VIOLENT", "VIOLENT_SANCTIONS", "VIOLENT_RATE")
        for stem in stems:
            yield from (f"{stem}_MALE", f"{stem}_FEMALE")
        yield from self.item_terms


def shape_of(name: str, version: str) -> Shape:
    if name not in PREDICTORS or version not in VERSIONS:
        raise ValueError(f"there is no predictor {name} {version}")
    return Shape(name, version)
