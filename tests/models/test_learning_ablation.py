"""Learning curves and ablations: the same later rows of other people, scored by models that knew less."""

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.ablation import added_for_research, refit_without, stops_today, whole_model
from desist.models.judging.backtest import Plan
from desist.models.judging.evaluate import score_metrics
from desist.models.judging.learning import kept, learning_curve
from desist.models.judging.trial import Trial, later_splits

FEATURES = FeatureSet(
    (FeatureInfo("priors", sign=1), FeatureInfo("in_treatment", sign=-1, missing_as=0.0), FeatureInfo("noise"))
)
DATES = pd.to_datetime(["2020-01-01", "2020-07-01", "2021-01-01", "2022-07-01", "2023-01-01", "2023-07-01"])


def caseloads(people=400, seed=0, treatment=-2.5):
    """People on six dates; their chance rises with priors and age, and treatment lowers it."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame([(f"P{n}", date) for date in DATES for n in range(people)], columns=["person_id", "as_of"])
    rows = len(table)
    table["priors"] = np.tile(draw.poisson(2, people), len(DATES)).astype(float)
    table["in_treatment"] = (draw.random(rows) < 0.4).astype(float)
    table["noise"] = draw.normal(0, 1, rows)
    age = np.tile(draw.normal(0, 1, people), len(DATES))
    logit = -1.5 + 0.6 * table["priors"] + treatment * table["in_treatment"] - 0.9 * age
    table["proven"] = (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    return table, pd.DataFrame({"person_id": table["person_id"], "as_of": table["as_of"], "age_at_as_of": age})


def make(features, seed):
    return SplineLogistic(features, shrinkage=1.0, seed=seed)


def trial_of(table, people_splits=1, replicates=100, make_model=make):
    plan = Plan("proven", known_after_days=365)
    return Trial.of(table, FEATURES, make_model, plan, people_splits=people_splits, replicates=replicates)


@pytest.fixture(scope="module")
def trial():
    return trial_of(caseloads()[0], people_splits=2)


def test_the_trial_learns_what_was_known_and_tests_later_rows_of_other_people(trial):
    # three dates can be tested; the later half are January and July 2023; by then July 2022 is not known
    for split in trial.splits:
        learnt, scored = trial.table.iloc[split.learn], trial.table.iloc[split.score]
        assert set(learnt["as_of"]) == set(DATES[:3]) and set(scored["as_of"]) == set(DATES[4:])
        assert not set(learnt["person_id"]) & set(scored["person_id"])
    assert not set(trial.splits[0].score) & set(trial.splits[1].score)
    assert trial.words.startswith("Learnt from up to 400 people whose labels were known before 2023-01-01 (2 fits")
    assert len(later_splits(trial.table, trial.plan)) == 3


def test_a_trial_without_history_is_said():
    with pytest.raises(CannotFit, match="nothing can be studied"):
        later_splits(caseloads()[0], Plan("proven", known_after_days=5000))


def test_smaller_shares_lie_within_larger_and_hold_all_rows_of_their_people(trial):
    learn = trial.splits[0].learn
    shares = [set(kept(trial, learn, share)) for share in (0.125, 0.25, 0.5, 1.0)]
    assert shares[0] < shares[1] < shares[2] < shares[3] == set(learn)
    people = trial.table["person_id"].to_numpy()
    for chosen in shares:
        inside = {people[row] for row in chosen}
        assert chosen == {row for row in learn if people[row] in inside}
    assert len({people[row] for row in shares[0]}) == round(0.125 * len({people[row] for row in learn}))


def test_the_curve_is_judged_on_the_same_rows_at_every_share(trial):
    whole = whole_model(trial)
    curve = learning_curve(trial, full=whole.score, cut_off=0.5)
    assert [point.share for point in curve.points] == [0.125, 0.25, 0.5, 1.0]
    told = score_metrics(trial.y, whole.score, trial.people, replicates=100, seed=0, cut_off=0.5)
    assert curve.points[-1].metrics["brier"] == told["brier"] and "net_benefit" in curve.points[0].metrics
    assert curve.last_doubling["brier"].value == pytest.approx(
        told["brier"].value - curve.points[-2].metrics["brier"].value, abs=1e-12
    )
    assert curve.points[-1].people > curve.points[0].people > 10
    assert curve.to_json()["points"][0]["metrics"]["auc"]["value"] is not None


@pytest.mark.parametrize(("worse", "answer"), [(0.2, "more people would help"), (0.0, "more people would hardly help")])
def test_what_the_curve_says(monkeypatch, worse, answer):
    trial = trial_of(caseloads(people=150)[0])
    y = trial.y
    good, less = (0.4 + (0.4 - worse * more) * (y - 0.4) for more in (0, 1))
    monkeypatch.setattr(Trial, "fit", lambda self, features=None, *, table=None, keep=None: ())
    monkeypatch.setattr(Trial, "score", lambda self, models, *, table=None, blank=(): less)
    curve = learning_curve(trial, full=good)
    assert curve.answer == answer and curve.words.endswith(f"would be worth having: {answer}.")


def test_few_test_people_cannot_tell_whether_more_would_help(monkeypatch):
    trial = trial_of(caseloads(people=60)[0])
    draw, y = np.random.default_rng(0), trial.y
    noisy = np.clip(0.4 + 0.2 * (y - 0.4) + draw.normal(0, 0.25, len(y)), 0.01, 0.99)
    monkeypatch.setattr(Trial, "fit", lambda self, features=None, *, table=None, keep=None: ())
    monkeypatch.setattr(Trial, "score", lambda self, models, *, table=None, blank=(): noisy)
    curve = learning_curve(trial, full=np.clip(noisy[::-1], 0, 1))
    assert curve.answer == "it cannot be told whether more people would help"


def test_a_share_with_too_few_outcomes_has_a_point_that_says_why():
    table, _ = caseloads(people=40)
    first = table["person_id"].isin([f"P{n}" for n in range(40) if n % 4])
    table.loc[first & (table["as_of"] <= DATES[2]), "proven"] = 0.0
    curve = learning_curve(trial_of(table), shares=(0.03, 1.0))
    assert curve.points[0].metrics == {} and "Nothing can be learnt" in curve.points[0].why_not
    assert curve.answer.startswith("it cannot be told")
    with pytest.raises(ValueError, match="rise to 1"):
        learning_curve(trial_of(table), shares=(0.5, 0.25))


def test_what_treatment_data_is_worth_when_it_stops_and_when_it_was_never_there(trial):
    whole = whole_model(trial)
    stops, refit = (ablate(trial, whole, "treatment", {"in_treatment"}) for ablate in (stops_today, refit_without))
    blank = trial.table.assign(in_treatment=np.nan)
    by_hand = whole.models[0].predict_proba(blank.iloc[trial.splits[0].score])[:, 1]
    assert trial.score(whole.models, blank=("in_treatment",))[: len(by_hand)] == pytest.approx(by_hand, abs=1e-12)
    for told in (stops, refit):
        assert told.used == ("in_treatment",) and told.difference["brier"].at_least > 0
        assert "would lose 0.0" in told.words and "AUC would move by \u22120." in told.words
    assert stops.difference["brier"].value > refit.difference["brier"].value  # a model made without it does better
    assert stops.words.startswith("If it stopped today") and refit.words.startswith("A model that never had it")
    assert trial.table["in_treatment"].notna().all()  # nothing was blanked in the rows themselves


def test_a_feature_that_tells_nothing_is_not_shown_to_be_missed(trial):
    told = refit_without(trial, whole_model(trial), "noise", ["noise"])
    assert "not shown to lose: at most 0.00" in told.words or "would lose nothing" in told.words


def test_a_set_that_moves_no_estimate_is_not_fitted_again(trial, monkeypatch):
    whole = whole_model(trial)
    unused = type(whole)(whole.models, whole.score, ("priors",))
    monkeypatch.setattr(Trial, "fit", lambda *given, **named: pytest.fail("fitted again"))
    told = refit_without(trial, unused, "noise", ["noise"])
    assert told.difference["brier"].value == 0 and "nothing is lost" in told.words
    assert stops_today(trial, unused, "nothing", []).words == "The model has no such feature."


def test_nothing_is_left_of_a_model_without_any_feature(trial):
    told = refit_without(trial, whole_model(trial), "everything", FEATURES.names)
    assert told.why_not == "no feature would be left" and told.difference == {}
    with pytest.raises(ValueError, match="not among the model's features"):
        stops_today(trial, whole_model(trial), "typing mistake", ["priorz"])


def test_leaving_age_out_costs_what_a_model_with_it_would_gain():
    table, ages = caseloads()
    trial = trial_of(table, people_splits=3)
    shuffled = ages.sample(frac=1, random_state=0)  # joined by person and date, not by place
    told = added_for_research(trial, whole_model(trial), "age", (FeatureInfo("age_at_as_of", sign=-1),), shuffled)
    assert told.difference["brier"].at_least > 0 and told.words.startswith("Leaving it out, the model would lose 0.0")
    assert "age_at_as_of" not in trial.table.columns and "age_at_as_of" not in trial.features.names
    with pytest.raises(ValueError, match="already among the model's features"):
        added_for_research(trial, whole_model(trial), "priors", (FeatureInfo("priors"),), ages)


def test_the_features_used_are_those_that_move_an_estimate(trial):
    constant = trial_of(trial.table.assign(noise=1.0))
    assert constant.used(constant.fit()) == ("priors", "in_treatment")
