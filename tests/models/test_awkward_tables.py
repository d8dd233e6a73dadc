"""Tables nobody made for a model: constant, empty, doubled and extreme columns, few rows, one outcome."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.card import PointsCard
from desist.models.estimators.ebm import ExplainableBoosting
from desist.models.estimators.spline import SplineLogistic
from desist.records.errors import UserError


class QuickExplainableBoosting(ExplainableBoosting):
    """With fewer bags and rounds, so that many tables can be tried."""

    def __init__(self, features, *, bags=2, rounds=60, seed=0):
        super().__init__(features, bags=bags, rounds=rounds, seed=seed)


KINDS = (PointsCard, SplineLogistic, MonotoneBoosting, pytest.param(QuickExplainableBoosting, id="ExplainableBoosting"))


def rows(count, seed=0):
    draw = np.random.default_rng(seed)
    useful = draw.poisson(2.0, count).astype(float)
    outcome = (draw.random(count) < 1 / (1 + np.exp(1.5 - 0.6 * useful))).astype(float)
    outcome[:2] = (0.0, 1.0)
    return useful, outcome


AWKWARD = {
    "constant": lambda useful: np.full(len(useful), 3.0),
    "all missing": lambda useful: np.full(len(useful), np.nan),
    "almost all missing": lambda useful: np.where(np.arange(len(useful)) < 25, useful, np.nan),
    "constant where known": lambda useful: np.where(np.arange(len(useful)) % 2, 1.0, np.nan),
    "a double": lambda useful: useful.copy(),
    "extreme": lambda useful: np.where(np.arange(len(useful)) % 50 == 0, 1e300, useful),
    "extreme both ways": lambda useful: np.where(np.arange(len(useful)) % 3 == 0, -1e308, 1e308),
    "tiny": lambda useful: useful * 1e-300,
    "one in a thousand": lambda useful: (np.arange(len(useful)) == 7).astype(float),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sign", [-1, 0, 1])
def test_awkward_columns_are_survived_and_do_not_hide_the_useful_one(kind, sign):
    useful, outcome = rows(600)
    table = pd.DataFrame({"useful": useful, **{name: make(useful) for name, make in AWKWARD.items()}})
    others = (FeatureInfo(name, sign=sign) for name in AWKWARD)
    model = kind(FeatureSet((FeatureInfo("useful", sign=1), *others))).fit(table, outcome)
    for value in (None, np.nan, -1e250, 1e250):
        probe = table if value is None else table.assign(**dict.fromkeys(AWKWARD, value))
        chance = model.predict_proba(probe)[:, 1]
        assert np.isfinite(chance).all() and (chance > 0).all() and (chance < 1).all()
    assert roc_auc_score(outcome, model.predict_proba(table)[:, 1]) > 0.62


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_rows_and_one_feature_give_sensible_chances(kind):
    useful, outcome = rows(50, seed=4)
    model = kind(FeatureSet((FeatureInfo("useful", sign=1),))).fit(pd.DataFrame({"useful": useful}), outcome)
    chance = model.predict_proba(pd.DataFrame({"useful": [0.0, 100.0]}))[:, 1]
    assert 0.02 < chance[0] <= chance[1] < 0.98


@pytest.mark.parametrize("kind", KINDS)
def test_noise_alone_gives_everybody_about_the_rate(kind):
    draw = np.random.default_rng(1)
    table = pd.DataFrame(draw.normal(size=(1000, 8)), columns=list("abcdefgh"))
    outcome = (draw.random(1000) < 0.25).astype(float)
    model = kind(FeatureSet(tuple(FeatureInfo(name) for name in "abcdefgh"))).fit(table, outcome)
    assert model.predict_proba(table)[:, 1].mean() == pytest.approx(outcome.mean(), abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_all_columns_useless_gives_the_rate(kind):
    table = pd.DataFrame({"constant": np.ones(200), "empty": np.full(200, np.nan)})
    outcome = np.repeat([0.0, 0.0, 0.0, 1.0], 50)
    model = kind(FeatureSet((FeatureInfo("constant"), FeatureInfo("empty", sign=1)))).fit(table, outcome)
    assert np.allclose(model.predict_proba(table)[:, 1], 0.25, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_outcomes_that_teach_nothing_are_refused_in_words(kind):
    useful, outcome = rows(50)
    model, table = kind(FeatureSet((FeatureInfo("useful"),))), pd.DataFrame({"useful": useful})
    for wrong, said in (
        (np.zeros(50), "all 50 rows have the outcome 0"),
        (np.where(np.arange(50) < 3, np.nan, outcome), "outcome of 3 of 50 rows is missing"),
        (outcome + 1, "neither 0 nor 1"),
        (outcome[:40], "outcomes of shape"),
    ):
        with pytest.raises(CannotFit, match=said) as refused:
            model.fit(table, wrong)
        assert isinstance(refused.value, UserError) and isinstance(refused.value, ValueError)
    with pytest.raises(CannotFit, match="no rows"):
        model.fit(table[:0], outcome[:0])


@pytest.mark.parametrize("kind", KINDS)
def test_tables_that_do_not_fit_the_features_are_refused_by_column(kind):
    useful, outcome = rows(50)
    model, table = kind(FeatureSet((FeatureInfo("useful"),))), pd.DataFrame({"useful": useful})
    for wrong, said in (
        (table.rename(columns={"useful": "other"}), "lacks the columns useful"),
        (table.assign(useful="many"), "useful hold text"),
        (table.assign(useful=np.inf), "useful hold infinite"),
        (table.to_numpy(), "named columns"),
    ):
        with pytest.raises(CannotFit, match=said):
            model.fit(wrong, outcome)


@pytest.mark.parametrize("kind", KINDS)
def test_booleans_whole_numbers_and_nullable_columns_are_taken(kind):
    useful, outcome = rows(300)
    features = FeatureSet((FeatureInfo("useful"), FeatureInfo("flag")))
    plain = pd.DataFrame({"useful": useful, "flag": (useful > 3).astype(float)})
    typed = pd.DataFrame({"useful": useful.astype(int), "flag": pd.array(useful > 3, dtype="boolean")})
    assert (
        kind(features).fit(plain, outcome).predict_proba(plain)
        == kind(features).fit(typed, outcome).predict_proba(typed)
    ).all()


@pytest.mark.parametrize("kind", KINDS)
def test_fitting_changes_neither_table_nor_settings(kind):
    useful, outcome = rows(200)
    table = pd.DataFrame({"useful": np.where(useful > 4, np.nan, useful)})
    before = table.copy()
    model = kind(FeatureSet((FeatureInfo("useful", missing_as=0.0),)))
    settings = model.get_params()
    model.fit(table, outcome)
    pd.testing.assert_frame_equal(table, before)
    assert model.get_params() == settings
    fresh = clone(model)
    assert not hasattr(fresh, "columns_") and fresh.get_params() == settings
