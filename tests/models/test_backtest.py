"""Back-tests: nobody scored by a model that knew them, or knew what was not known then."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit, ChanceModel
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.backtest import Plan, backtest, fit_then_calibrate, fold_of, splits

FEATURES = FeatureSet((FeatureInfo("n", sign=1),))
DATES = pd.to_datetime(["2020-01-01", "2020-07-01", "2021-01-01", "2022-01-01", "2022-07-02", "2023-01-01"])


def caseloads(people=60, dates=DATES, seed=0):
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        [(f"P{person}", date) for date in dates for person in range(people)], columns=["person_id", "as_of"]
    )
    table["n"] = draw.poisson(2, len(table)).astype(float)
    table["proven"] = (draw.random(len(table)) < 1 / (1 + np.exp(1.5 - 0.6 * table["n"]))).astype(float)
    return table


def test_a_label_teaches_from_the_day_it_is_known_and_not_a_day_before():
    # labels of 2020-01-01 are known after 547 days, on 2021-07-01; of 2021-01-01 on 2022-07-02, the tested date itself
    found = {split.as_of: split for split in splits(caseloads(), Plan("proven", known_after_days=547, least_dates=1))}
    learnt = {date: set(caseloads()["as_of"].iloc[split.learn].dt.date) for date, split in found.items()}
    first, second, third = (date.date() for date in DATES[:3])
    assert learnt == {
        dt.date(2022, 1, 1): {first, second},
        dt.date(2022, 7, 2): {first, second, third},
        dt.date(2023, 1, 1): {first, second, third},
    }
    later = Plan("proven", known_after_days=548, least_dates=1)
    learnt = {split.as_of: set(caseloads()["as_of"].iloc[split.learn].dt.date) for split in splits(caseloads(), later)}
    assert learnt[dt.date(2022, 7, 2)] == {first, second}


def test_a_person_is_never_scored_by_a_model_that_saw_them():
    table = caseloads()
    for split in splits(table, Plan("proven", known_after_days=365, folds=3)):
        learnt, scored = (set(table["person_id"].iloc[rows]) for rows in (split.learn, split.score))
        assert learnt and scored and not learnt & scored


def test_every_row_of_a_tested_date_is_scored_once():
    table = caseloads()
    scores = backtest(table, FEATURES, lambda seed: SplineLogistic(FEATURES, shrinkage=1.0), "spline",
                      Plan("proven", known_after_days=365, least_dates=2)).table  # fmt: skip
    tested = table[table["as_of"] >= "2022-01-01"]
    assert sorted(map(tuple, scores[["person_id", "as_of"]].to_numpy())) == sorted(
        map(tuple, tested[["person_id", "as_of"]].to_numpy())
    )
    assert (scores["score"] == scores["score"].round(6)).all()


def test_a_fold_is_the_persons_own_whatever_the_table():
    people = pd.Series([f"P{number}" for number in range(300)])
    folds = fold_of(people, 3, seed=1)
    assert (fold_of(people[::-1], 3, seed=1) == folds[::-1]).all()
    assert min(np.bincount(folds)) > 70
    assert (fold_of(people, 3, seed=2) != folds).any()


def test_later_outcomes_change_no_earlier_score():
    table, plan = caseloads(), Plan("proven", known_after_days=365)
    changed = table.assign(proven=np.where(table["as_of"] >= "2022-01-01", 1 - table["proven"], table["proven"]))
    recipe = lambda seed: SplineLogistic(FEATURES, shrinkage=1.0)  # noqa: E731
    before, after = (backtest(rows, FEATURES, recipe, "spline", plan).table for rows in (table, changed))
    early = before["as_of"] < "2023-01-01"
    pd.testing.assert_frame_equal(before[early], after[early])
    assert (before["score"] != after["score"])[~early].any()


def test_the_last_known_date_recalibrates_and_the_others_fit():
    table = caseloads(people=400)
    seen = {}

    class Watched(SplineLogistic):
        def fit(self, X, y, people=None, later=None):
            seen["rows"] = len(X)
            return super().fit(X, y, people)

    known = table[table["as_of"] <= "2021-01-01"]
    model = fit_then_calibrate(
        Watched(FEATURES, shrinkage=1.0), known[["n"]], known["proven"], known["as_of"], known["person_id"]
    )
    assert seen["rows"] == 800 and model.rows_ == 400
    one_date = known[known["as_of"] == "2020-01-01"]
    alone = fit_then_calibrate(
        Watched(FEATURES, shrinkage=1.0), one_date[["n"]], one_date["proven"], one_date["as_of"], one_date["person_id"]
    )
    assert seen["rows"] == 400 and (alone.learnt_, alone.slope_) == ("nothing", 1.0)


def test_a_last_date_with_too_few_outcomes_is_learnt_from_instead():
    table = caseloads(people=30)
    known = table[table["as_of"] <= "2020-07-01"]
    few = known.assign(
        proven=np.where(known["as_of"] == "2020-07-01", known.index % 2 * (known.index < 50), known["proven"])
    )
    seen = []

    class Watched(SplineLogistic):
        def fit(self, X, y, people=None, later=None):
            seen.append(len(X))
            return super().fit(X, y, people)

    model = fit_then_calibrate(
        Watched(FEATURES, shrinkage=1.0), few[["n"]], few["proven"], few["as_of"], few["person_id"]
    )
    assert seen == [60] and model.learnt_ == "nothing"


def test_too_little_history_is_said():
    with pytest.raises(CannotFit, match="No past date can be tested"):
        backtest(caseloads(), FEATURES, lambda seed: SplineLogistic(FEATURES), "spline", Plan("proven", 5000))


def test_a_plan_without_a_label_gap_is_refused():
    for wrong in ({"known_after_days": 0}, {"known_after_days": 365, "folds": 1}):
        with pytest.raises(ValueError, match="label gap"):
            Plan("proven", **wrong)


def test_a_recipe_without_recalibration_is_fitted_on_all_it_may_see():
    rows = []

    class Rate(ChanceModel):
        kind = "rate"

        def __init__(self, features):
            self.features = features

        def _learn(self, matrix, outcome, people):
            rows.append(len(outcome))
            assert people is not None and len(people) == len(outcome)

        def _parts(self, matrix):
            return np.zeros(matrix.shape), 0.0

    backtest(caseloads(), FEATURES, lambda seed: Rate(FEATURES), "rate", Plan("proven", 365), calibrate=False)
    assert sum(rows) == 2 * 60 * (3 + 3 + 4)  # two thirds of each date's known rows, over three folds
