"""The alternatives of a run: fitted on who taught, judged on who judges, and no model of ours sees a group."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.policy import DEFAULT_POLICY_TOML, CutOffs, FindingRule, ProxyLimits, parse_policy
from desist.features.tables import ROW, FeatureInfo, FeatureSet
from desist.models.judging.backtest import fit_then_calibrate
from desist.pipelines import alternatives_run, groups, proxies_run
from desist.pipelines.alternatives_run import find_alternatives
from desist.pipelines.groups import groups_of
from desist.pipelines.proxies_run import features_that_move, find_proxies
from desist.pipelines.recipes import CARD, card_recipe

FEATURES = ("drive", "stands_in", "kept_appointments", "idle")
RULES = (
    FindingRule("wrongly-listed-sex", "fpr", "sex", 0.05, 10, "answer", "higher", "made up"),
    FindingRule("over-prediction-sex", "calibration_in_the_large", "sex", 0.05, 10, "primary", "higher", "made up"),
)
POLICY = replace(
    parse_policy(DEFAULT_POLICY_TOML), findings=RULES, minimum_people=20, cut_offs=CutOffs((0.2, 0.4, 0.6), 0.4, "both")
)


def rows_of(number, dates, seed):
    random = np.random.default_rng(seed)
    parts = []
    for date in dates:
        sex = np.where(random.random(number) < 0.4, "Female", "Male")
        drive, kept = random.normal(size=number), random.normal(size=number)
        stands_in = (sex == "Female") + 0.3 * random.normal(size=number)
        chance = 1 / (1 + np.exp(-(1.2 * drive - 0.8 + 0.7 * stands_in - 0.6 * kept)))
        parts.append(
            pd.DataFrame(
                {
                    "person_id": [f"P{seed}{place:05d}" for place in range(number)],
                    "as_of": pd.Timestamp(date),
                    "drive": drive.round(1),
                    "stands_in": stands_in.round(1),
                    "kept_appointments": kept.round(1),
                    "idle": 1.0,
                    "proven": (random.random(number) < chance).astype(float),
                    "sex": sex,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def made():
    learnt, judging = rows_of(700, ["2023-01-01", "2024-01-01"], 1), rows_of(600, ["2025-01-01"], 2)
    features = FeatureSet(tuple(FeatureInfo(name) for name in FEATURES))
    used = [
        SimpleNamespace(name=name, enforcement=False, family="appointments" if "kept" in name else "sanctions")
        for name in FEATURES
    ]
    register = SimpleNamespace(feature_set=lambda: features, used=used)
    model = fit_then_calibrate(
        card_recipe(features, 400)(3), learnt[list(FEATURES)], learnt["proven"], learnt["as_of"], learnt["person_id"]
    )
    scored = judging[[*ROW, "proven"]].assign(score=model.predict_proba(judging)[:, 1].round(6))
    sexes = pd.concat([learnt, judging])[[*ROW, "sex"]]
    hide = [name for name in learnt if name != "sex"]
    return SimpleNamespace(
        session=SimpleNamespace(settings=SimpleNamespace(seed=3, replicates=100)),
        ground=SimpleNamespace(register=register),
        training=SimpleNamespace(
            table=pd.concat([learnt, judging], ignore_index=True)[hide], learnt=learnt[hide], judging=judging[hide],
            outcome="proven", events=400,
        ),
        audited=SimpleNamespace(name=CARD, model=model, rows=scored),
        groups=lambda session, ground, rows: rows[ROW].merge(sexes, on=ROW, how="left"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(made):
    """Alternatives with every fit of ours written down; one that was found is not found again."""
    kept = {}

    def find(**options):
        key = str(options)
        if key not in kept:
            fitted = []

            def noted(model, X, y, as_of, people):
                fitted.append((list(X.columns), set(people)))
                return fit_then_calibrate(model, X, y, as_of, people)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(alternatives_run, "groups_of", made.groups)
                patch.setattr(alternatives_run, "fit_then_calibrate", noted)
                found = find_alternatives(made.session, made.ground, made.training, made.audited, POLICY, **options)
            kept[key] = found, fitted
        return kept[key]

    return find


def test_every_kind_of_alternative_is_there_beside_the_file(run):
    found, _ = run(flagged=("stands_in",))
    names = [other.name for other in found.others]
    assert names[:3] == [
        "Without the features that stand in for a group",
        "Without what tells how closely somebody is supervised",
        "Without either of these",
    ]
    assert "A points card of 5 lines" in names or any("5 lines" in line for line in found.not_tried)
    assert "Everybody's cut-off at 0.45 instead of 0.4" in names
    assert "A logistic model taught to wrongly list all groups of sex alike" in names
    assert names[-1] == "A cut-off for each group of sex"
    assert found.rows == 600 and {gap.finding for gap in found.asked.gaps} == {rule.id for rule in RULES}


def test_what_needs_a_characteristic_or_was_steered_by_one_is_never_offered(run):
    found, _ = run(flagged=("stands_in",))
    never = {other.name for other in found.others if other.never}
    assert {
        "A cut-off for each group of sex",
        "A logistic model taught to wrongly list all groups of sex alike",
    } <= never
    assert not never & {other.name for other in found.may_lessen()}


def test_a_refit_without_flagged_features_never_sees_them_nor_a_judge_nor_a_group(run, made):
    _, fitted = run(flagged=("stands_in",))
    without = [columns for columns, _ in fitted if "stands_in" not in columns]
    assert without and fitted[0][0] == ["drive", "kept_appointments", "idle"]
    judges = set(made.training.judging["person_id"])
    assert all(not people & judges and "sex" not in columns for columns, people in fitted)


def test_features_that_no_estimate_uses_are_not_taken_away_for_nothing(run, monkeypatch):
    monkeypatch.setattr(alternatives_run, "_taught", lambda work: [])
    monkeypatch.setattr(alternatives_run, "_fewer_lines", lambda work: [])
    found, _ = run(flagged=("idle",))
    assert any("stand in for a group: the estimate uses none of them" in line for line in found.not_tried)
    assert "Without the features that stand in for a group" not in {other.name for other in found.others}


def test_a_model_from_elsewhere_is_not_fitted_anew(run):
    found, fitted = run(fits=False)
    assert fitted == []
    assert {other.kind for other in found.others} == {"another cut-off for everybody", "a cut-off for each group"}
    assert any("came from elsewhere" in line for line in found.words())


def test_proxies_of_a_run_are_asked_only_of_the_features_that_move_the_estimate(made, monkeypatch):
    monkeypatch.setattr(proxies_run, "groups_of", made.groups)
    limits = ProxyLimits(single=0.65, together=0.75)
    found = find_proxies(made.session, made.ground, made.training, made.audited.model, limits)
    assert "idle" not in features_that_move(made.audited.model, made.training.learnt)
    assert found.people == 1300 and found.flagged == ("stands_in",)
    assert [question.id for question in found.questions()] == ["proxy-sex"]
    assert find_proxies(made.session, made.ground, made.training, made.audited.model, None) is None


def test_groups_stand_row_for_row_with_the_rows_they_are_of(monkeypatch):
    class Store:
        def __init__(self, path):
            pass

        def characteristics(self, people, *, before):
            return pd.DataFrame(
                {
                    "person_id": people,
                    "ethnicity": "Asian",
                    "sex": ["Male" if one == "B" else "Female" for one in people],
                }
            )

    monkeypatch.setattr(groups, "EqualityStore", Store)
    ground = SimpleNamespace(
        vault=SimpleNamespace(age_at=lambda people, day: pd.Series([30.0 if one == "B" else 19.0 for one in people]))
    )
    session = SimpleNamespace(workspace=SimpleNamespace(equality=None), today=None)
    rows = pd.DataFrame(
        {"person_id": ["B", "A", "B"], "as_of": pd.to_datetime(["2025-01-01", "2025-01-01", "2024-01-01"])}
    )
    found = groups_of(session, ground, rows.set_axis([7, 3, 5]))
    assert found["person_id"].tolist() == ["B", "A", "B"]
    assert found["sex"].tolist() == ["Male", "Female", "Male"] and found["age_band"].tolist() == [
        "30-39",
        "18-20",
        "30-39",
    ]
