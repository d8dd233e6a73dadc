"""Recalibration: what later rows may change, and when they are too few to change anything."""

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.comparators import PriorCount
from desist.models.estimators.spline import SplineLogistic

FEATURES = FeatureSet((FeatureInfo("n", sign=1),))


def rows(count, level, seed, stretch=1.0):
    """Rows whose logit is level + stretch * (n / 2 - 1)."""
    draw = np.random.default_rng(seed)
    n = draw.integers(0, 9, count).astype(float)
    chance = 1 / (1 + np.exp(-(level + stretch * (n / 2 - 1))))
    return pd.DataFrame({"n": n}), (draw.random(count) < chance).astype(float)


@pytest.fixture(scope="module")
def earlier():
    return SplineLogistic(FEATURES).fit(*rows(4000, level=-1.0, seed=0))


def test_a_rate_that_has_risen_since_moves_every_estimate_up(earlier):
    table, outcome = rows(6000, level=-0.4, seed=1)
    model = Calibrated(earlier).fit(table, outcome)
    assert model.learnt_ == "intercept and slope"
    assert model.intercept_ == pytest.approx(0.6, abs=0.15) and model.slope_ == pytest.approx(1.0, abs=0.12)
    assert model.predict_proba(table)[:, 1].mean() == pytest.approx(outcome.mean(), abs=1e-6)


def test_estimates_too_far_apart_are_drawn_together(earlier):
    model = Calibrated(earlier).fit(*rows(8000, level=-0.5, seed=2, stretch=0.5))
    assert model.slope_ == pytest.approx(0.5, abs=0.08)


def test_the_order_of_people_stays(earlier):
    table, outcome = rows(3000, level=0.5, seed=3)
    model = Calibrated(earlier).fit(table, outcome)
    assert (np.argsort(model.decision_function(table)) == np.argsort(earlier.decision_function(table))).all()


def test_contributions_stretch_and_only_the_base_shifts(earlier):
    table, outcome = rows(3000, level=0.2, seed=4)
    model = Calibrated(earlier).fit(table, outcome)
    before, after = earlier.contributions(table), model.contributions(table)
    assert np.allclose(after["n"], before["n"] * model.slope_)
    assert np.allclose(after["base"], model.intercept_ + model.slope_ * before["base"])


@pytest.mark.parametrize(
    ("events", "others", "learnt"),
    [
        (0, 0, "nothing"), (0, 500, "nothing"), (19, 500, "nothing"), (20, 500, "intercept"), (199, 500, "intercept"),
        (200, 500, "intercept and slope"), (500, 19, "nothing"), (500, 199, "intercept"),
    ],
)  # fmt: skip
def test_few_outcomes_teach_little(earlier, events, others, learnt):
    # people with the outcome have more n, so that a slope can be learnt where there are enough
    n = np.r_[np.arange(events) % 9, np.arange(others) % 5].astype(float)
    outcome = np.repeat([1.0, 0.0], [events, others])
    model = Calibrated(earlier).fit(pd.DataFrame({"n": n}), outcome)
    assert (model.learnt_, model.events_, model.rows_) == (learnt, events, events + others)
    assert (model.slope_ == 1.0) == (learnt != "intercept and slope")
    if learnt == "nothing":
        assert model.intercept_ == 0.0
    else:
        assert model.predict_proba(pd.DataFrame({"n": n}))[:, 1].mean() == pytest.approx(outcome.mean(), abs=1e-6)


def test_rows_that_would_turn_the_order_round_move_the_level_alone(earlier):
    model = Calibrated(earlier).fit(*rows(4000, level=0.0, seed=6, stretch=-1.0))
    assert (model.slope_, model.learnt_) == (1.0, "intercept")


def test_a_model_that_was_not_fitted_cannot_be_recalibrated():
    with pytest.raises(CannotFit, match="Fit the model first"):
        Calibrated(SplineLogistic(FEATURES)).fit(*rows(100, 0, 0))


def test_unknown_outcomes_are_refused(earlier):
    table, outcome = rows(100, 0, 0)
    with pytest.raises(CannotFit, match="known outcome"):
        Calibrated(earlier).fit(table, np.where(np.arange(100) == 3, np.nan, outcome))


def test_a_recalibrated_card_prints_recalibrated_chances(made_up, fitted):
    table, outcome = made_up.rows(3000, seed=8)
    later = np.maximum(outcome, (np.arange(3000) % 4 == 0).astype(float))
    model = Calibrated(fitted["card"]).fit(table, later)
    chances = {row.points: row.chance for row in model.one_page().chances}
    points = fitted["card"].points(table)
    assert [chances[p] for p in points] == pytest.approx(list(model.predict_proba(table)[:, 1]), abs=1e-12)
    assert model.one_page().items == fitted["card"].one_page().items
    with pytest.raises(TypeError, match="no card"):
        Calibrated(PriorCount(FEATURES, priors="n").fit(*rows(500, 0, 0))).fit(*rows(500, 0, 1)).one_page()
