"""The boosted trees: how many is found on later rows and other people, and what they do with the unknown."""

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit, Later, Slice
from desist.models.estimators.boosting import STEP, MonotoneBoosting

ONE = FeatureSet((FeatureInfo("x"),))


def trees_of(model):
    """The trees as LightGBM writes them, without the settings they were made with."""
    return model.booster_.model_to_string().split("\nparameters:")[0].split("\nTree=", 1)[1]


@pytest.fixture(scope="module")
def noise():
    """Two hundred people twice, and the same people later; what is measured of them says nothing, and never changes."""
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(200, 6)), columns=list("abcdef"))
    back = draw.permutation(np.repeat([0.0, 1.0], 100))
    person = np.arange(200)
    earlier = (pd.concat([table, table]), np.tile(back, 2), np.tile(person, 2))
    return FeatureSet(tuple(FeatureInfo(name) for name in "abcdef")), earlier, Later(table, back, person)


def test_without_later_rows_there_are_as_many_trees_as_asked_for(made_up):
    model = MonotoneBoosting(made_up.features, trees=12).fit(made_up.table, made_up.outcome)
    assert model.trees_ == model.booster_.num_trees() == 12


def test_later_rows_say_how_many_trees_and_teach_nothing_else(made_up):
    later = Later(*made_up.rows(1000, seed=2))
    model = MonotoneBoosting(made_up.features).fit(made_up.table, made_up.outcome, later=later)
    assert 0 < model.trees_ < 150 and model.trees_ % STEP == 0
    same = MonotoneBoosting(made_up.features, trees=model.trees_).fit(made_up.table, made_up.outcome)
    assert trees_of(same) == trees_of(model)
    assert model.get_params()["trees"] == 150  # the setting stays what it was


def test_the_number_of_trees_is_the_one_with_the_least_loss_once_the_level_is_put_right(made_up):
    from sklearn.metrics import log_loss

    table, outcome = made_up.rows(1000, seed=2)
    kept = np.random.default_rng(0).random(1000) < np.where(outcome == 1, 0.5, 1.0)  # a later, quieter year
    table, outcome = table[kept], outcome[kept]
    model = MonotoneBoosting(made_up.features, trees=60).fit(
        made_up.table, made_up.outcome, later=Later(table, outcome)
    )
    losses = {}
    for trees in range(STEP, 61, STEP):
        few = MonotoneBoosting(made_up.features, trees=trees).fit(made_up.table, made_up.outcome)
        offset = few.decision_function(table)
        level = 0.0
        for _ in range(30):
            chance = 1 / (1 + np.exp(-offset - level))
            level += (outcome.mean() - chance.mean()) / (chance * (1 - chance)).mean()
        losses[trees] = log_loss(outcome, 1 / (1 + np.exp(-offset - level)))
    assert model.trees_ == min(losses, key=losses.get)


def test_people_known_from_before_do_not_pass_for_later_evidence(noise):
    features, earlier, later = noise
    settings = {"rows_in_leaf": 5, "rate": 0.1}
    fooled = MonotoneBoosting(features, **settings).fit(*earlier[:2], later=Later(*later[:2]))
    told = MonotoneBoosting(features, **settings).fit(*earlier, later=later)
    assert fooled.trees_ == 150  # knows everybody by heart, and is asked about the same people
    assert told.trees_ <= 15
    same = MonotoneBoosting(features, trees=told.trees_, **settings).fit(*earlier)
    assert trees_of(same) == trees_of(told)  # the trees kept learn from everybody's earlier rows


def test_nobody_is_judged_by_trees_that_learnt_from_them_and_everybody_is_judged_once():
    draw = np.random.default_rng(1)
    before, after = draw.integers(0, 60, 300), draw.integers(20, 80, 200)
    rows = Slice(np.zeros((300, 1)), draw.integers(0, 2, 300).astype(float), before)
    later = Slice(np.zeros((200, 1)), draw.integers(0, 2, 200).astype(float), after)
    judged = np.zeros(200, dtype=int)
    for learn, judge in MonotoneBoosting(ONE)._sides(rows, later):
        assert not set(before[learn]) & set(after[judge])
        judged += judge
    assert (judged == 1).all()
    (whole,) = MonotoneBoosting(ONE)._sides(rows, later._replace(people=after + 1000))
    assert whole == (slice(None), slice(None))  # other people altogether: all rows on both sides


def test_later_rows_that_say_nothing_are_refused(made_up):
    table, _ = made_up.rows(50, seed=2)
    with pytest.raises(CannotFit, match="all 50 rows have the outcome 0"):
        MonotoneBoosting(made_up.features).fit(made_up.table, made_up.outcome, later=Later(table, np.zeros(50)))


def test_other_models_take_later_rows_and_leave_them_alone(made_up, fitted):
    later = Later(*made_up.rows(300, seed=2))
    again = made_up.models(made_up.features)["spline"].fit(made_up.table, made_up.outcome, later=later)
    assert again.to_json() == fitted["spline"].to_json()


@pytest.mark.parametrize("sign", [-1, 0, 1])
def test_a_value_beyond_the_fitted_range_scores_as_its_end_and_not_as_unknown(sign):
    # everybody unknown came back: the trees part them from all others at once
    draw = np.random.default_rng(0)
    x = np.where(draw.random(900) < 0.3, np.nan, draw.integers(0, 5, 900).astype(float))
    outcome = np.where(np.isnan(x), 1.0, (draw.random(900) < 0.3).astype(float))
    features = FeatureSet((FeatureInfo("x", sign=sign),))
    model = MonotoneBoosting(features, trees=40).fit(pd.DataFrame({"x": x}), outcome)
    low, first, last, high = model.decision_function(pd.DataFrame({"x": [-1e9, 0.0, 4.0, 1e9]}))
    assert (low, high) == (first, last)


def test_missing_values_too_few_to_learn_from_score_as_the_typical_value_and_not_as_0():
    draw = np.random.default_rng(0)
    x = draw.integers(100, 110, 600).astype(float)
    outcome = (draw.random(600) < 0.05 + 0.09 * (x - 100)).astype(float)
    x[:10] = np.nan
    model = MonotoneBoosting(FeatureSet((FeatureInfo("x", sign=1),)), trees=40).fit(pd.DataFrame({"x": x}), outcome)
    unknown, typical, least = model.decision_function(pd.DataFrame({"x": [np.nan, np.nanmedian(x), 100.0]}))
    assert unknown == typical > least
