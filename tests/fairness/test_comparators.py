"""OGRS3, ARP, VRP and SVRP against their published cases and tables; age alone against counts done by hand."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from desist.fairness.comparators import AgeOnly, load_instruments
from desist.fairness.comparators.reference_cases import (
    CASES,
    VECTORS,
    case_row,
    check_against_cases,
    read_cases,
    vector_rows,
)
from desist.fairness.comparators.tables import BANDS, COEFFICIENTS, OFFENCE_CODES, OGRS3
from desist.records.errors import Refused

#: The published name of each part of the logit, where it is not our own.
PUBLISHED = {
    "twoYearInterceptWeight": "constant", "ageGenderPolynomialWeight": "age_by_sex", "genderWeight": "female",
    "offenceGroupWeight": "offence", "firstSanctionWeight": "first_sanction",
    "secondSanctionWeight": "second_sanction", "totalNumberOfSanctionsForAllOffencesWeight": "sanctions",
    "secondSanctionGapWeight": "second_sanction_gap", "offenceFreeMonthsWeight": "offence_free_months",
    "copasScore": "copas", "copasScoreSquared": "copas_squared", "copasViolentOffencesScore": "violent_rate",
    "violenceRateWeight": "violent_rate", "neverViolentWeight": "never_violent", "onceViolentWeight": "once_violent",
    "totalNumberOfViolentSanctionsWeight": "violent_sanctions", "violentSanctionsWeight": "violent_sanctions",
    "totalWeight": "total", "suitableAccommodationWeight": "accommodation_suitability",
    "unemployedWeight": "unemployed",
    "liveInRelationshipWeight": "live_in_relationship", "relationshipQualityWeight": "relationship_quality",
    "multiplicativeRelationshipWeight": "quality_of_live_in_relationship", "domesticViolenceWeight": "domestic_abuse",
    "regularOffendingActivitiesWeight": "activities_encourage_offending",
    "drugMotivationWeight": "motivation_to_tackle_drug_misuse", "chronicDrinkingProblemsWeight": "chronic_drinking",
    "bingeDrinkingProblemsWeight": "binge_drinking", "impulsivityProblemsWeight": "impulsivity",
    "proCriminalAttitudesWeight": "pro_criminal_attitude", "temperControlWeight": "temper",
    "heroinUsageWeight": "heroin", "methadoneUsageWeight": "methadone", "otherOpiateUsageWeight": "other_opiate",
    "crackCocaineUsageWeight": "crack_cocaine", "powderCocaineUsageWeight": "powder_cocaine",
    "misusedPrescriptionDrugUsageWeight": "prescription_drug_misuse", "benzodiazepinesUsageWeight": "benzodiazepines",
    "cannabisUsageWeight": "cannabis", "steroidUsageWeight": "steroids", "otherDrugUsageWeight": "other_drugs",
    "offenceInvolveCarryingOrUsingWeaponsWeight": "carry_or_use_weapon", "pastHomicideOffenceWeight":
    "past_homicide_offence", "pastWoundingGrievousBodilyHarmOffenceWeight": "past_gbh_offence",
    "pastKidnappingOffenceWeight": "past_kidnapping_offence", "pastFirearmsOffenceWeight": "past_firearms_offence",
    "pastRobberyOffenceWeight": "past_robbery_offence", "pastAggravatedBurglaryOffenceWeight":
    "past_aggravated_burglary_offence", "pastNonFirearmWeaponOffenceWeight": "past_weapon_offence",
    "pastCriminalDamageOffenceWeight": "past_criminal_damage_offence", "pastArsonOffenceWeight": "past_arson_offence",
}  # fmt: skip


@pytest.fixture
def published(shared_data):
    return load_instruments(shared_data("uk_risk_instruments"), shared_data("uk_offence_codes"))


@pytest.fixture
def copied(shared_data, tmp_path):
    """A copy of the published tables to break."""
    for name in (COEFFICIENTS, BANDS, OGRS3, CASES, VECTORS):
        shutil.copyfile(shared_data("uk_risk_instruments") / name, tmp_path / name)
    shutil.copyfile(shared_data("uk_offence_codes") / OFFENCE_CODES, tmp_path / OFFENCE_CODES)
    return tmp_path


def test_ogrs3_gives_all_997_published_vectors_for_both_years(published, shared_data):
    rows = vector_rows(shared_data("uk_risk_instruments"))
    found = published.ogrs3.chances(rows)
    assert len(rows) == 997
    assert (found["one_year"] - rows["ogrs3_one_year"]).abs().max() <= 1e-6
    assert (found["two_years"] - rows["ogrs3_two_year"]).abs().max() <= 1e-6


def test_ogrs3_gives_its_three_published_cases_from_offence_codes(published, shared_data):
    cases = [case for case in read_cases(shared_data("uk_risk_instruments")) if case["predictor"] == "OGRS3"]
    assert len(cases) == 3
    for case in cases:
        row, expected = case_row(case, published), case["expected"]
        found, weights = published.ogrs3.chances(row).iloc[0], published.ogrs3.weights(row).iloc[0]
        assert round(100 * found["one_year"]) == expected["output"]["oneYearScore"]
        assert round(100 * found["two_years"]) == expected["output"]["twoYearScore"]
        parts = expected["featureValues"]  # published with four decimals
        assert weights["age_by_sex"] == pytest.approx(parts["ageGenderScore"], abs=5e-5)
        assert weights["copas"] == pytest.approx(parts["COPASScore"], abs=5e-5)
        assert weights["offence"] == pytest.approx(parts["offenceGroupParameter"], abs=5e-5)


def test_the_six_published_cases_of_the_predictors_are_met_exactly_with_every_part(published, shared_data):
    cases = [case for case in read_cases(shared_data("uk_risk_instruments")) if case["predictor"] != "OGRS3"]
    assert len(cases) == 6
    for case in cases:
        made, row = published.predictors[case["predictor"], case["version"]], case_row(case, published)
        found, expected = made.chances(row).iloc[0], case["expected"]
        assert (found["percent"], found["band"].upper()) == (expected["output"]["score"], expected["output"]["band"])
        weights = made.weights(row).iloc[0]
        for name, value in expected["featureValues"].items():
            part = PUBLISHED[name]
            if part == "copas" and case["predictor"] == "SVRP" and part not in weights:
                continue
            assert weights[part] == pytest.approx(value, abs=1e-12), name
        told = {PUBLISHED[name] for name in expected["featureValues"]}
        assert set(weights.index) - told <= {"person_id", "as_of", "why_unknown"}


def test_sexual_offences_against_adults_go_by_the_number_that_the_test_cases_need(published):
    told = published.offence_codes.told(pd.Series(["01908"])).iloc[0]
    assert told["offence_group"] == "Sexual (not against child)"
    assert published.ogrs3.offences[told["offence_group"]] == pytest.approx(0.003276, abs=1e-6)  # not 0.0328


def test_a_code_that_no_table_explains_is_unknown_and_never_other(published):
    told = published.offence_codes.told(pd.Series(["99999", None, "00001", " 04600 "]))
    assert told["offence_category"].tolist() == ["", "", "", "THEFT_NON_MOTOR"]
    assert told["offence_group"].tolist() == ["", "", "", "Theft (non-motor)"]
    assert told["violent"].isna().tolist() == [True, True, False, False]


def test_the_published_tables_pass_their_own_cases(published, shared_data):
    check_against_cases(published, shared_data("uk_risk_instruments"))


def test_two_coefficients_that_changed_places_are_found_by_the_published_cases(copied):
    path = copied / COEFFICIENTS
    text = path.read_text(encoding="utf-8")
    text = text.replace("SECOND_SANCTION,secondsanction,-3.06189212045904", "SECOND_SANCTION,secondsanction,-3.06189")
    path.write_text(text, encoding="utf-8")
    ogrs3 = copied / OGRS3
    ogrs3.write_text(ogrs3.read_text(encoding="utf-8").replace("Robbery,-0.634795912", "Robbery,0.634795912"))
    offences = copied / OFFENCE_CODES
    lines = gzip.decompress(offences.read_bytes()).decode().replace(",-0.6348", ",0.6348")
    offences.write_bytes(gzip.compress(lines.encode()))
    with pytest.raises(Refused) as refused:
        check_against_cases(load_instruments(copied), copied)
    told = [problem.where for problem in refused.value.problems]
    assert told == [f"{CASES} case 1, ARP static", f"{VECTORS} ogrs3_one_year", f"{VECTORS} ogrs3_two_year"]


def test_every_problem_of_the_tables_is_told_at_once(copied):
    lines = (copied / COEFFICIENTS).read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("ARP,static,term,AAI_CUBIC_MALE")]
    changed = {
        "VRP,static,term,FEMALE,": "VRP,static,term,FEMALE,female,about minus two",
        "SVRP,dynamic,term,TEMPER,": "SVRP,dynamic,term,TEMPER_CONTROL,S11Q4,0.124207407357376",
    }
    for start, line in changed.items():
        lines = [line if old.startswith(start) else old for old in lines]
    (copied / COEFFICIENTS).write_text("\n".join([*lines, lines[1]]) + "\n", encoding="utf-8")
    bands = copied / BANDS
    bands.write_text(
        bands.read_text(encoding="utf-8").replace("VRP,percent two-year,30,60", "VRP,percent two-year,60,30", 1)
    )
    ogrs3 = copied / OGRS3
    ogrs3.write_text(ogrs3.read_text(encoding="utf-8").replace("term,level,value", "term,level,coefficient"))
    (copied / OFFENCE_CODES).unlink()
    with pytest.raises(Refused) as refused:
        load_instruments(copied)
    assert {problem.where for problem in refused.value.problems} == {
        f"{BANDS} VRP",
        f"{COEFFICIENTS} ARP static term TWO_YEAR_CONSTANT",  # twice
        f"{COEFFICIENTS} ARP static AAI_CUBIC_MALE",
        f"{COEFFICIENTS} VRP static term FEMALE",
        f"{COEFFICIENTS} SVRP dynamic TEMPER",
        f"{COEFFICIENTS} SVRP dynamic TEMPER_CONTROL",
        OGRS3,
        OFFENCE_CODES,
    }


@pytest.mark.parametrize("name", [COEFFICIENTS, BANDS, OGRS3, OFFENCE_CODES])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe no table", b"a,b\n1,2\n"])
def test_a_file_that_is_no_table_ends_in_one_message(copied, name, content):
    (copied / name).write_bytes(content)
    with pytest.raises(Refused, match="cannot be used"):
        load_instruments(copied)


def ages(*known):
    people = [f"P{number}" for number in range(len(known))]
    return pd.DataFrame({"person_id": people, "as_of": pd.Timestamp("2024-01-01"), "age": known})


def test_age_alone_is_the_rate_of_the_band_drawn_to_the_overall_rate():
    learnt = ages(*[19] * 10, *[55] * 10)
    model = AgeOnly().fit(learnt["age"], [1] * 8 + [0] * 2 + [1] * 2 + [0] * 8)
    found = model.chances(ages(18, 20, 50, 90, 30))
    # overall 10 of 20; twenty rows more at that rate: (8 + 10) / 30, (2 + 10) / 30, and the overall rate where none is
    assert found["chance"].tolist() == pytest.approx([0.6, 0.6, 0.4, 0.4, 0.5])


def test_an_unknown_age_is_unknown_and_teaches_the_overall_rate_alone():
    model = AgeOnly().fit(pd.Series([25.0, np.nan]), [0, 1])
    found = model.chances(ages(25, np.nan))
    assert found["chance"].tolist()[0] == pytest.approx(10 / 21) and np.isnan(found["chance"].tolist()[1])
    assert found["why_unknown"].tolist() == ["", "unknown: age on the as-of date"]


def test_age_alone_neither_learns_from_children_nor_scores_them():
    with pytest.raises(Refused, match="Children are never"):
        AgeOnly().fit(pd.Series([17.0]), [1])
    with pytest.raises(Refused, match="Children are never"):
        AgeOnly().fit(pd.Series([18.0]), [1]).chances(ages(17))


def test_age_alone_says_nothing_before_it_has_learnt():
    with pytest.raises(ValueError, match="fit first"):
        AgeOnly().chances(ages(30))
    with pytest.raises(Refused, match="no earlier row"):
        AgeOnly().fit(pd.Series([], dtype=float), [])


def test_no_room_that_shows_or_releases_anything_knows_the_comparators_that_need_sex_or_age():
    root = Path(__file__).resolve().parents[2]
    rooms = ("intake", "features", "simulation", "models", "measures", "reports")
    found = [
        path.relative_to(root).as_posix()
        for room in rooms
        for path in (root / room).rglob("*.py")
        if "fairness.comparators" in path.read_text(encoding="utf-8").replace("``fairness.comparators``", "")
    ]
    assert found == ["models/estimators/comparators.py"] or found == []


def test_a_comparator_has_nothing_a_release_could_bind():
    from desist.fairness.comparators import Arp, Ogrs3, Svrp, Vrp

    for one in (AgeOnly, Ogrs3, Arp, Vrp, Svrp):
        assert not {"to_json", "predict_proba", "decision_function", "contributions"} & set(dir(one))
