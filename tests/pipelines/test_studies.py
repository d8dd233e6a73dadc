"""The studies of a run: sets of features from the register, and what only research may see kept apart."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.register import Register
from desist.features.standard_features import LOOKBACK, approval_features, standard_features, standard_register
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.backtest import Plan
from desist.models.judging.choice import choose
from desist.pipelines import studies as room
from desist.pipelines.studies import ENFORCEMENT, check_apart, feature_sets, research_columns, sources_of, studies
from desist.pipelines.studies_page import choice_content, sample_content, studies_content
from desist.records.errors import Refused

FEW = ("sanctions_2y", "sanctions_10y", "days_since_sanction", "in_treatment", "need_drug_misuse", "on_licence")
DATES = pd.to_datetime(["2020-01-01", "2020-07-01", "2022-01-01"])


def small_register():
    return Register(tuple(feature for feature in standard_features() if feature.name in FEW), LOOKBACK)


def caseloads(register, people=200, seed=0):
    draw = np.random.default_rng(seed)
    table = pd.DataFrame([(f"P{n}", date) for date in DATES for n in range(people)], columns=["person_id", "as_of"])
    for name in register.names:
        table[name] = draw.integers(0, 4, len(table)).astype(float)
    logit = table["sanctions_2y"] - 1.5 * (table["in_treatment"] > 0) - 1.5
    table["proven"] = (draw.random(len(table)) < 1 / (1 + np.exp(-logit))).astype(float)
    return table


def studied(register, table, **other):
    return studies(
        table, register, lambda features, seed: SplineLogistic(features, shrinkage=1.0, seed=seed),
        Plan("proven", known_after_days=365), model="spline logistic", replicates=30, **other,
    )  # fmt: skip


def test_sets_of_features_are_those_the_register_declares():
    register = standard_register(frozenset({"breaches_2y"}))
    sets = feature_sets(register)
    assert {"police data", "prison data", "probation data", "treatment data", "council data"} <= set(sets)
    assert set(sets["treatment data"]) == {"in_treatment", "treatment_begun_1y", "treatment_planned_exit_3y"}
    assert sets[ENFORCEMENT] == ("breaches_2y",)
    assert "sanctions_10y" in sets["facts older than 5 years"]
    assert "sanctions_5y" not in sets["facts older than 5 years"]
    assert "sanctions_5y" in sets["facts older than 2 years"]
    # a sentence that is still open is no old fact, though it may look back forty years
    assert not any("on_licence" in names for name, names in sets.items() if name.startswith("facts"))
    assert ENFORCEMENT not in feature_sets(standard_register())
    assert all(sources_of(feature) for feature in register.used)


def test_all_studies_of_a_run_are_told_and_travel_as_plain_values():
    register = small_register()
    table = caseloads(register)
    ages = table[["person_id", "as_of"]].assign(
        age_at_as_of=30.0, **dict.fromkeys(("breaches_2y", "recalls_2y", "missed_appointments_1y"), 0.0)
    )
    ages["age_at_as_of"] += np.random.default_rng(1).integers(0, 30, len(ages))
    told = studied(register, table, research=ages, cut_off=0.5)
    how = {(ablation.name, ablation.how) for ablation in told.ablations}
    assert {("police data", "stops today"), ("police data", "refit without"),
            ("facts older than 5 years", "refit without"), (ENFORCEMENT, "added for research"),
            ("age at the as-of date", "added for research")} <= how  # fmt: skip
    assert len(told.learning.points) == 4 and not told.alarm.raised and told.model == "spline logistic"
    plain = json.loads(json.dumps(told.to_json()))
    assert plain["trial"] == told.trial and plain["alarm"]["raised"] is False
    again = studied(register, table, research=ages, cut_off=0.5)
    assert again.to_json() == told.to_json()
    page = studies_content(told)
    assert [row.people for row in page.learning] == [point.people for point in told.learning.points]
    assert page.ablations[0].brier.value == told.ablations[0].difference["brier"].value


def test_without_research_columns_age_is_not_spoken_of():
    register = small_register()
    told = studied(register, caseloads(register))
    assert not any(ablation.how == "added for research" for ablation in told.ablations)


@pytest.mark.parametrize("column", ["age_at_as_of", "breaches_2y"])
def test_rows_to_learn_from_never_hold_what_only_research_may_see(column):
    register = small_register()
    table = caseloads(register).assign(**{column: 30.0})
    with pytest.raises(Refused, match=f"hold {column}, which the board has not approved"):
        studied(register, table)
    check_apart(table, standard_register(frozenset({column})))  # approved: a feature like any other


def test_research_columns_are_the_unapproved_ones_with_ages_from_the_vault(monkeypatch):
    seen = {}

    def built(events, rows, register, ages=None):
        seen.update(names=register.names, ages=ages)
        return SimpleNamespace(table=rows.assign(**dict.fromkeys(register.names, 1.0)))

    monkeypatch.setattr("desist.features.engines.compiled.build_profiles", built)
    vault = SimpleNamespace(age_at=lambda people, on: None)
    ground = SimpleNamespace(register=standard_register(frozenset({"recalls_2y"})), events=None, vault=vault)
    rows = caseloads(small_register())
    columns = research_columns(ground, rows)
    assert list(columns.columns) == ["person_id", "as_of", "age_at_as_of", "breaches_2y", "missed_appointments_1y"]
    assert seen["names"] == ("age_at_as_of", "breaches_2y", "missed_appointments_1y") and seen["ages"] is vault.age_at
    everything = frozenset(feature.name for feature in approval_features())
    none_left = SimpleNamespace(register=standard_register(everything), events=None, vault=vault)
    assert list(research_columns(none_left, rows).columns) == ["person_id", "as_of"]


def test_the_page_is_given_the_choice_and_the_rows_behind_it():
    draw = np.random.default_rng(0)
    y = (draw.random(600) < 0.4).astype(float)
    judged = pd.DataFrame({"person_id": np.tile(np.arange(300), 2), "as_of": np.repeat(DATES[:2], 300), "proven": y})
    good, poor = np.where(y == 1, 0.7, 0.3), np.full(600, 0.4)
    choice = choose(y, {"card": poor, "trees": good}, judged["person_id"], ("card", "trees"), replicates=50, seed=0,
                    as_of=judged["as_of"].to_numpy(), cut_off=0.5)  # fmt: skip
    content = choice_content(choice, cut_off=0.5)
    assert (content.chosen, content.best, content.measure) == ("trees", "trees", "Brier score")
    assert content.dates == ("1 July 2020",) and content.own_gain_at_least > content.margin > 0
    assert [name for name, _ in content.precision] == ["trees", "card"]
    sample = sample_content(judged, "proven")
    assert (sample.rows, sample.people) == (600, 300) and sample.overlap.startswith("2 overlapping dates are worth")


def test_the_room_says_which_families_follow_supervision():
    assert set(room.SUPERVISED) <= {feature.family for feature in standard_features()}
