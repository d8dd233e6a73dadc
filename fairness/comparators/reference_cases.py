"""The reference cases that are published beside the tables: loaded instruments must reproduce them before use."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.comparators.load import Instruments
from desist.intake.terms.ages import age_on
from desist.records.errors import Problem, Refused

CASES = "hmpps_reference_cases.json"
VECTORS = "ogrs3_reference_vectors.csv"
NEAREST = 1e-6
SAME_LOGIT = 1e-9
#: The service takes the day it is asked; the cases were made more than three years after their follow-up began.
ASKED_ON = dt.date(2026, 1, 1)

_SEX = {"MALE": "Male", "FEMALE": "Female"}
_LEVELS = {"NO_PROBLEMS": 0, "SOME_PROBLEMS": 1, "SIGNIFICANT_PROBLEMS": 2,
           "FULL_MOTIVATION": 0, "PARTIAL_MOTIVATION": 1, "NO_MOTIVATION": 2}  # fmt: skip
_ASKED = {
    "accommodation": "suitabilityOfAccommodation", "unemployed": "isUnemployed",
    "relationship_quality": "currentRelationshipWithPartner", "domestic_abuse": "evidenceOfDomesticAbuse",
    "activities": "regularOffendingActivities", "drug_motivation": "motivationToTackleDrugMisuse",
    "alcohol_use": "currentAlcoholUseProblems", "binge_drinking": "excessiveAlcoholUse",
    "impulsivity": "impulsivityProblems", "attitudes": "proCriminalAttitudes", "temper": "temperControl",
    "weapon": "didOffenceInvolveCarryingOrUsingWeapon", "heroin": "hasHeroinUsage", "methadone": "hasMethadoneUsage",
    "other_opiate": "hasOtherOpiateUsage", "crack_cocaine": "hasCrackCocaineUsage",
    "powder_cocaine": "hasPowderCocaineUsage", "misused_prescription_drugs": "hasMisusedPrescriptionDrugUsage",
    "benzodiazepines": "hasBenzodiazepinesUsage", "cannabis": "hasCannabisUsage", "steroids": "hasSteroidsUsage",
    "other_drugs": "hasOtherDrugsUsage", "ketamine": "hasKetamineUsage", "spice": "hasSpiceUsage",
    "hallucinogens": "hasHallucinogensUsage", "solvents": "hasSolventsUsage",
}  # fmt: skip
_PAST = {"past_gbh": "WOUNDING_GBH", "past_weapon": "NON_FIREARM_WEAPON"}
_PAST_KINDS = ("homicide", "gbh", "kidnapping", "firearms", "robbery", "aggravated_burglary", "weapon",
               "criminal_damage", "arson")  # fmt: skip
_TOGETHER = "IN_RELATIONSHIP_LIVING_TOGETHER"


def whole_months(start: dt.date, end: dt.date) -> int:
    """Whole months from one day to a later one; 0 where it is not later."""
    months = (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
    return max(months, 0)


def read_cases(folder: Path) -> list[dict[str, Any]]:
    """The published request and expected answer of each case. Raises Refused where the file cannot be read."""
    path = folder / CASES
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Refused(f"{path} cannot be read: {error}.") from error


def case_row(case: Mapping[str, Any], instruments: Instruments) -> pd.DataFrame:
    """One case as a table with the columns that the instruments read."""
    asked = case["request"]
    days = {name: dt.date.fromisoformat(asked[name]) for name in ("dateOfBirth", "dateOfCurrentConviction")}
    start = dt.date.fromisoformat(asked.get("dateAtStartOfFollowup", asked.get("dateAtStartOfFollowupCalculated")))
    on = dt.date.fromisoformat(asked.get("assessmentDate", ASKED_ON.isoformat()))
    row: dict[str, Any] = {
        "person_id": "case", "as_of": pd.Timestamp(on), "sex": _SEX[asked["gender"]],
        "age": _age(days["dateOfBirth"], on), "age_at_start": _age(days["dateOfBirth"], start),
        "age_at_conviction": _age(days["dateOfBirth"], days["dateOfCurrentConviction"]),
        "age_at_first_sanction": asked["ageAtFirstSanction"],
        "sanctions": asked["totalNumberOfSanctionsForAllOffences"],
        "violent_sanctions": asked.get("totalNumberOfViolentSanctions"),
        "offence_free_months": whole_months(start, on),
    }  # fmt: skip
    row |= {name: _LEVELS.get(asked.get(field), asked.get(field)) for name, field in _ASKED.items()}
    status = asked.get("currentRelationshipStatus")
    row["living_with_partner"] = None if status is None else status == _TOGETHER
    past = asked.get("previousConvictions")
    for kind in _PAST_KINDS:
        name = f"past_{kind}"
        row[name] = None if past is None else _PAST.get(name, kind.upper()) in past
    table = pd.DataFrame([row])
    told = instruments.offence_codes.told(pd.Series([asked["currentOffenceCode"]]))
    return table.assign(offence_category=told["offence_category"], offence_group=told["offence_group"])


def vector_rows(folder: Path) -> pd.DataFrame:
    """The published OGRS3 vectors as a table with the columns that OGRS3 reads, and their two expected chances."""
    vectors = pd.read_csv(folder / VECTORS)
    return vectors.assign(
        person_id=[f"vector {number}" for number in range(len(vectors))],
        as_of=pd.Timestamp(ASKED_ON),
        sex=vectors["sex"].map({"F": "Female", "M": "Male"}),
        age=vectors["age_at_risk"],
        age_at_start=vectors["age_at_risk"],
        age_at_conviction=vectors["age_at_current_conviction"],
        sanctions=vectors["previous_sanctions"] + 1,
    )


def check_against_cases(instruments: Instruments, folder: Path) -> None:
    """Raise Refused, naming each case, unless the instruments give the answers published beside their tables.

    What is not in the folder is not checked: a swapped coefficient is then found by nobody.
    """
    problems = [*_wrong_cases(instruments, folder), *_wrong_vectors(instruments, folder)]
    if problems:
        raise Refused(f"The tables in {folder} do not give the published answers; none of them is used:", problems)


def _wrong_cases(instruments: Instruments, folder: Path) -> Iterator[Problem]:
    for number, case in enumerate(read_cases(folder) if (folder / CASES).exists() else [], start=1):
        made = instruments.predictors.get((case["predictor"], case["version"]))
        if made is None:
            continue
        row, told = case_row(case, instruments), case["expected"]
        found, total = made.chances(row).iloc[0], float(made.weights(row)["total"].iloc[0])
        band = str(found["band"]).upper().replace(" ", "_")
        right = (found["percent"], band) == (told["output"]["score"], told["output"]["band"])
        if not right or abs(total - told["featureValues"]["totalWeight"]) > SAME_LOGIT:
            where = f"{CASES} case {number}, {case['predictor']} {case['version']}"
            expected = f"{told['output']['score']} and a logit of {told['featureValues']['totalWeight']}"
            answered = found["why_unknown"] or f"{found['percent']} and a logit of {total}"
            yield Problem(answered, where, expected, "Take the published tables again.")


def _wrong_vectors(instruments: Instruments, folder: Path) -> Iterator[Problem]:
    if not (folder / VECTORS).exists():
        return
    rows = vector_rows(folder)
    found = instruments.ogrs3.chances(rows)
    for made, column in (("one_year", "ogrs3_one_year"), ("two_years", "ogrs3_two_year")):
        right = (found[made] - rows[column]).abs() <= NEAREST
        if not right.all():
            expected = f"all {len(rows)} within {NEAREST:g}"
            yield Problem(f"{int((~right).sum())} others", f"{VECTORS} {column}", expected, "Take them again.")


def _age(born: dt.date, on: dt.date) -> float:
    return float(age_on(np.array([born], dtype="datetime64[D]"), on)[0])
