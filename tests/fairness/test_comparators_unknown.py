"""What is unknown stays unknown, and the compiled table agrees with a plain row-by-row reading of the formulas."""

import gzip
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.fairness.comparators import load_instruments
from desist.fairness.comparators.ogrs3 import BAND_STARTS, OFFENCE_GROUPS
from desist.fairness.comparators.tables import BANDS, COEFFICIENTS, OFFENCE_CODES, OGRS3
from desist.fairness.comparators.terms import OFFENCE_CATEGORIES, PREDICTORS, VERSIONS, shape_of
from desist.records.errors import Refused

KINDS = [(name, version) for name in PREDICTORS for version in VERSIONS]
LIMITS = {
    "ARP": (50, 75, 90, 26, ""),
    "VRP": (30, 60, 80, 12, 30),
    "SVRP": (1, 3, 7, 12, 30),
    "OGRS3": (50, 75, 90, 10, ""),
}


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """Tables with the published names and made-up numbers, the instruments from them, and the numbers by name."""
    folder, draw = tmp_path_factory.mktemp("instruments"), np.random.default_rng(5)
    rows, numbers = [], {}
    for name, version in KINDS:
        for kind, names in (("term", shape_of(name, version).terms()), ("offence_category", OFFENCE_CATEGORIES)):
            for term in names:
                small = 10.0 ** -(2 * sum(word in term for word in ("AAI", "MONTHS")) + 2 * ("_QUADRATIC" in term)
                                  + 4 * ("_CUBIC" in term) + 6 * ("_QUARTIC" in term))  # fmt: skip
                numbers[name, version, term] = round(float(draw.normal()) * small, 12)
                rows.append((name, version, kind, term, "", numbers[name, version, term]))
    pd.DataFrame(rows, columns=["predictor", "version", "kind", "name", "source_label", "value"]).to_csv(
        folder / COEFFICIENTS, index=False
    )
    columns = ["predictor", "unit", "medium_lower", "high_lower", "very_high_lower", "career_boost_sanctions_years",
               "career_boost_violent_years"]  # fmt: skip
    pd.DataFrame([(name, "", *told) for name, told in LIMITS.items()], columns=columns).to_csv(
        folder / BANDS, index=False
    )
    told = [("intercept", "one_year"), ("intercept", "two_year"), ("copas_rate", "")]
    told += [("conviction_status", level) for level in ("firstTimeNoCaution", "repeatOffender")]
    told += [(f"{sex}_age_at_risk", level) for sex in ("male", "female") for level in BAND_STARTS.values()]
    told += [("offence_group", group) for group in OFFENCE_GROUPS]
    ogrs3 = {key: round(float(draw.normal()), 4) for key in told}
    pd.DataFrame([(*key, value) for key, value in ogrs3.items()], columns=["term", "level", "value"]).to_csv(
        folder / OGRS3, index=False
    )
    codes = "ho_code,actuarial_category,is_violent_sanction,ogrs3_weighting\n04600,THEFT_NON_MOTOR,0,\n"
    (folder / OFFENCE_CODES).write_bytes(gzip.compress(codes.encode()))
    return load_instruments(folder), numbers, ogrs3


def plain(name, version, row, c):
    """One row's logit as the README of the tables tells it; None where anything it asks for is unknown."""
    shape = shape_of(name, version)
    needed = ["age", "sex", "age_at_start", "age_at_conviction", "age_at_first_sanction", "sanctions",
              "offence_category", "offence_free_months"]  # fmt: skip
    needed += ["violent_sanctions"] if name != "ARP" else []
    needed += [one.name for one in shape.items]
    if any(row[column] is None or row[column] == "" for column in needed) or row["sex"] == "Not stated":
        return None
    if row["age"] < 18 or row["age_at_start"] < 18:
        return None
    n, first, now, v = (
        row["sanctions"],
        row["age_at_first_sanction"],
        row["age_at_conviction"],
        row["violent_sanctions"],
    )
    if first > now or (n == 1 and first != now) or (name != "ARP" and v > n):
        return None
    sex = row["sex"].upper()
    logit = c["TWO_YEAR_CONSTANT"] + c[row["offence_category"]] + c["SANCTION_OCCASIONS"] * n
    for power, order in enumerate(("", "_QUADRATIC", "_CUBIC", "_QUARTIC"), start=1):
        logit += c.get(f"AAI{order}_{sex}", 0.0) * row["age_at_start"] ** power
        logit += c.get(f"OFFENCE_FREE_MONTHS{order}", 0.0) * min(row["offence_free_months"], 36) ** power
    logit += c["FEMALE"] if sex == "FEMALE" else 0.0
    if n == 1:
        logit += c["FIRST_SANCTION"]
    elif n == 2:
        logit += c["SECOND_SANCTION"] + (now - first) * c[f"YRS_BETWEEN_FIRST_AND_SECOND_SANCTION_{sex}"]
    elif name == "ARP":
        rate = math.log(n / (now - first + 26))
        logit += c[f"THREE_PLUS_SANCTIONS_COPAS_G_{sex}"] * rate
        logit += c[f"THREE_PLUS_SANCTIONS_COPAS_SQUARED_{sex}"] * rate**2
    else:
        logit += c[f"THREE_PLUS_SANCTIONS_COPAS_V_{sex}"] * math.log(n / (now - first + 12))
    if name != "ARP":
        if v == 0:
            logit += c[f"NEVER_VIOLENT_{sex}"]
        else:
            logit += c["VIOLENT_SANCTIONS"] * v + (c["ONCE_VIOLENT"] if v == 1 else 0.0)
            logit += c["VIOLENT_RATE"] * math.log(v / (now - first + 30))
    return logit + (plain_answers(shape, row, c) if version == "dynamic" else 0.0)


ASKED = {
    "ACCOMMODATION_SUITABILITY": "accommodation", "DOMESTIC_ABUSE": "domestic_abuse", "TEMPER": "temper",
    "ACTIVITIES_ENCOURAGE_OFFENDING": "activities", "MOTIVATION_TO_TACKLE_DRUG_MISUSE": "drug_motivation",
    "CHRONIC_DRINKING": "alcohol_use", "BINGE_DRINKING": "binge_drinking", "IMPULSIVITY": "impulsivity",
    "PRO_CRIMINAL_ATTITUDE": "attitudes", "CARRY_OR_USE_WEAPON": "weapon", "HEROIN": "heroin",
    "METHADONE": "methadone", "OTHER_OPIATE": "other_opiate", "CRACK_COCAINE": "crack_cocaine",
    "POWDER_COCAINE": "powder_cocaine", "PRESCRIPTION_DRUG_MISUSE": "misused_prescription_drugs",
    "BENZODIAZEPINES": "benzodiazepines", "CANNABIS": "cannabis", "STEROIDS": "steroids",
    "RELATIONSHIP_QUALITY": "relationship_quality",
}  # fmt: skip


def plain_answers(shape, row, c):
    total = 0.0
    for term in shape.item_terms:
        if term == "UNEMPLOYED":
            total += 2 * c[term] if row["unemployed"] else 0.0
        elif term == "LIVE_IN_RELATIONSHIP":
            total += c[term] if row["living_with_partner"] else 0.0
        elif term == "QUALITY_OF_LIVE_IN_RELATIONSHIP":
            total += c[term] * row["relationship_quality"] if row["living_with_partner"] else 0.0
        elif term == "OTHER_DRUGS":
            kinds = ("other_drugs", "ketamine", "spice", "hallucinogens", "solvents")
            total += c[term] if any(row[kind] for kind in kinds) else 0.0
        elif term.startswith("PAST_"):
            total += c[term] if row[term.removesuffix("_OFFENCE").lower()] else 0.0
        else:
            total += c[term] * int(row[ASKED[term]])
    return total


ITEMS = {one.name: one for name, version in KINDS for one in shape_of(name, version).items}


@st.composite
def rows(draw):
    first = draw(st.integers(10, 30))
    conviction = first + draw(st.sampled_from([0, 0, 1, 5, 30]))
    whole = {
        "sex": draw(st.sampled_from(["Male", "Female"] * 10 + ["Not stated"])),
        "age_at_first_sanction": first,
        "age_at_conviction": conviction,
        "age_at_start": max(conviction, 18) + draw(st.integers(0, 3)),
        "sanctions": draw(st.sampled_from([1, 2, 3, 4, 60])),
        "offence_category": draw(st.sampled_from([*OFFENCE_CATEGORIES])),
        "offence_free_months": draw(st.integers(0, 60)),
    }
    whole["violent_sanctions"] = draw(st.sampled_from([0, 1, whole["sanctions"]]))
    whole["age"] = whole["age_at_start"] + draw(st.integers(0, 3))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    whole |= {name: int(chance.integers(3 if one.kind == "level" else 2)) for name, one in ITEMS.items()}
    if draw(st.integers(0, 4)) == 0:
        whole[draw(st.sampled_from([*whole]))] = None
    return whole


def table_of(drawn):
    table = pd.DataFrame(drawn, dtype=object)
    return table.assign(person_id=[f"P{n}" for n in range(len(table))], as_of=pd.Timestamp("2024-01-01"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows(), min_size=1, max_size=12))
def test_a_table_is_scored_as_each_row_by_itself_in_plain_python(made_up, drawn):
    instruments, numbers, _ = made_up
    table = table_of(drawn)
    for name, version in KINDS:
        c = {term: value for (*key, term), value in numbers.items() if key == [name, version]}
        found = instruments.predictors[name, version].chances(table)
        for row, chance, why in zip(drawn, found["chance"], found["why_unknown"], strict=True):
            logit = plain(name, version, row, c)
            assert (logit is None) == np.isnan(chance) == bool(why)
            if logit is not None:
                assert chance == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows(), min_size=1, max_size=12), st.sampled_from([*OFFENCE_GROUPS]))
def test_ogrs3_scores_a_table_as_each_row_by_itself(made_up, drawn, group):
    instruments, _, c = made_up
    found = instruments.ogrs3.chances(table_of(drawn).assign(offence_group=group))
    for row, chance in zip(drawn, found["two_years"], strict=True):
        needed = [
            row[name] for name in ("age", "age_at_start", "age_at_conviction", "age_at_first_sanction", "sanctions")
        ]
        known = None not in needed and row["sex"] in ("Male", "Female") and min(needed[:2]) >= 18
        known = known and needed[3] <= needed[2] and (needed[4] > 1 or needed[3] == needed[2])
        assert known == (not np.isnan(chance))
        if known:
            start = max(year for year in BAND_STARTS if year <= row["age_at_start"])
            previous = min(row["sanctions"] - 1, 50)
            logit = c["intercept", "two_year"] + c["offence_group", group]
            logit += c[f"{row['sex'].lower()}_age_at_risk", BAND_STARTS[start]]
            logit += c["conviction_status", "repeatOffender" if previous else "firstTimeNoCaution"]
            logit += c["copas_rate", ""] * math.log((previous + 1) / (10 + needed[2] - needed[3]))
            assert chance == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-12)


def whole_row(**changes):
    row = {
        "sex": "Male", "age": 31, "age_at_start": 30, "age_at_conviction": 30, "age_at_first_sanction": 20,
        "sanctions": 4, "violent_sanctions": 1, "offence_category": "THEFT_NON_MOTOR", "offence_group": "Robbery",
        "offence_free_months": 6,
        **{name: 1 if one.kind == "level" else False for name, one in ITEMS.items()},
    }  # fmt: skip
    return table_of([{**row, **changes}])


def everyone(instruments):
    return {**instruments.predictors, "ogrs3": instruments.ogrs3}


def test_each_input_by_itself_makes_the_score_unknown_with_a_reason_that_names_it(made_up):
    instruments, *_ = made_up
    whole = whole_row().drop(columns=["person_id", "as_of"]).iloc[0].to_dict()
    for name, made in everyone(instruments).items():
        column = "one_year" if name == "ogrs3" else "chance"
        assert made.chances(whole_row())[column].notna().all()
        rows = table_of([{**whole, one.name: None} for one in made.inputs])
        found, weights = made.chances(rows), made.weights(rows)
        assert found[column].isna().all()
        assert found["why_unknown"].tolist() == [f"unknown: {one.says}" for one in made.inputs]
        assert weights.drop(columns=["person_id", "as_of", "why_unknown"]).isna().all(axis=None)


def test_all_unknown_inputs_are_named_together(made_up):
    instruments, *_ = made_up
    row = whole_row(sex="Not stated", heroin=None, age_at_first_sanction=np.nan)
    found = instruments.predictors["ARP", "dynamic"].chances(row)
    assert found["why_unknown"].tolist() == ["unknown: legal sex, age at first sanction, use of heroin"]
    assert found["band"].tolist() == [""]


@pytest.mark.parametrize("changes", [{"age": 17}, {"age_at_start": 17, "age": 18}, {"age": 17, "sex": None}])
def test_a_child_is_never_scored(made_up, changes):
    for made in everyone(made_up[0]).values():
        found = made.chances(whole_row(age_at_conviction=17, age_at_first_sanction=16, **changes)).iloc[0]
        assert "no child is scored" in found["why_unknown"] and pd.isna(found.iloc[2])


@pytest.mark.parametrize("changes", [{"age_at_first_sanction": 31}, {"sanctions": 1}])
def test_inputs_that_contradict_each_other_give_no_score(made_up, changes):
    for made in everyone(made_up[0]).values():
        found = made.chances(whole_row(**changes)).iloc[0]
        assert "contradict" in found["why_unknown"] and pd.isna(found.iloc[2])


def test_more_violent_sanctions_than_sanctions_is_a_contradiction(made_up):
    instruments, *_ = made_up
    row = whole_row(violent_sanctions=5)
    assert "violent" in instruments.predictors["VRP", "static"].chances(row)["why_unknown"].iloc[0]
    assert instruments.predictors["ARP", "static"].chances(row)["why_unknown"].iloc[0] == ""


def test_an_offence_without_a_coefficient_is_unknown_and_never_the_average(made_up):
    instruments, *_ = made_up
    row = whole_row(offence_category="HIGH_TREASON", offence_group="High treason")
    for made in everyone(instruments).values():
        found = made.chances(row).iloc[0]
        assert "no coefficient" in found["why_unknown"] and pd.isna(found.iloc[2])


def test_every_column_that_cannot_be_read_is_told_at_once_without_a_value(made_up):
    row = whole_row(sex="male", heroin="sometimes", accommodation=3, age=30.5, sanctions=0).drop(columns="cannabis")
    with pytest.raises(Refused) as refused:
        made_up[0].predictors["ARP", "dynamic"].chances(row)
    assert {problem.where for problem in refused.value.problems} == {
        "sex", "heroin", "accommodation", "age", "sanctions", "cannabis"
    }  # fmt: skip
    assert "sometimes" not in str(refused.value) and "30.5" not in str(refused.value)


def test_the_band_is_that_of_the_rounded_per_cent_and_half_a_hundredth_goes_up(made_up):
    arp = made_up[0].predictors["ARP", "static"]
    from dataclasses import replace

    zero = replace(arp, terms=dict.fromkeys(arp.terms, 0.0), offences=dict.fromkeys(arp.offences, 0.0))
    for percent, rounded, band in (
        (49.994, 49.99, "low"),
        (49.996, 50.0, "medium"),
        (75.0, 75.0, "high"),
        (90.0, 90.0, "very high"),
    ):
        chance = percent / 100
        terms = {**zero.terms, "TWO_YEAR_CONSTANT": math.log(chance / (1 - chance)) + 1e-12}
        found = replace(zero, terms=terms).chances(whole_row()).iloc[0]
        assert (found["percent"], found["band"]) == (rounded, band)


def test_the_order_and_number_of_rows_are_the_callers(made_up):
    table = pd.concat([whole_row(age=40), whole_row(age=25), whole_row(sex=None)], ignore_index=True)
    table["person_id"] = ["c", "a", "b"]
    found = made_up[0].predictors["ARP", "static"].chances(table.set_index(pd.Index([7, 7, 1])))
    assert found["person_id"].tolist() == ["c", "a", "b"] and found.index.tolist() == [0, 1, 2]
    assert made_up[0].predictors["ARP", "static"].chances(table.iloc[:0]).empty
