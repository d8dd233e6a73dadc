"""The spline logistic: curves, shrinkage, and rows of one person."""

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.basis import Basis, learn_basis
from desist.models.estimators.spline import SplineLogistic, _folds


def test_spline_columns_rise_from_nothing_to_one():
    basis = Basis(0.0, 10.0, 0.0, (0.2, 0.5))
    columns = basis.columns(np.linspace(0, 10, 101))
    assert columns.shape == (101, 5) and basis.size == 5
    assert np.allclose(columns[0], 0) and np.allclose(columns[-1], 1)
    assert (np.diff(columns, axis=0) >= -1e-12).all()


def test_values_beyond_the_fitted_range_count_as_its_end():
    basis = Basis(0.0, 10.0, 1.0, (0.5,))
    assert (basis.columns(np.array([-5.0, 40.0])) == basis.columns(np.array([0.0, 10.0]))).all()


def test_skewed_counts_are_taken_on_a_log_scale_and_ages_are_not():
    draw = np.random.default_rng(0)
    assert learn_basis(draw.negative_binomial(1, 0.3, 500).astype(float), 5).unit == 1.0
    assert learn_basis(draw.uniform(18, 60, 500), 5).unit == 0.0
    assert learn_basis(-draw.exponential(3, 500), 5).unit == 0.0


def test_two_values_make_one_straight_column():
    basis = learn_basis(np.array([0.0, 1.0, 1.0]), 5)
    assert basis.size == 1
    assert basis.columns(np.array([0.0, 1.0])).tolist() == [[0.0], [1.0]]


def test_a_bend_is_found():
    draw = np.random.default_rng(1)
    age = draw.uniform(18, 70, 6000)
    chance = 0.5 - 0.3 * np.abs(age - 30) / 40
    outcome = (draw.random(6000) < chance).astype(float)
    model = SplineLogistic(FeatureSet((FeatureInfo("x"),))).fit(pd.DataFrame({"x": age}), outcome)
    found = model.predict_proba(pd.DataFrame({"x": [18.0, 30.0, 45.0, 70.0]}))[:, 1]
    assert np.abs(found - [0.41, 0.5, 0.3875, 0.2]).max() < 0.06


def test_more_shrinkage_draws_everybody_to_the_rate(made_up):
    spread = [
        SplineLogistic(made_up.features, shrinkage=amount)
        .fit(made_up.table, made_up.outcome)
        .decision_function(made_up.table)
        .std()
        for amount in (0.1, 30.0, 1e6)
    ]
    assert spread[0] > spread[1] > spread[2]
    assert spread[2] < 0.05


def test_noise_is_shrunk_more_than_signal(made_up):
    draw = np.random.default_rng(2)
    noise = pd.DataFrame(draw.normal(size=(1500, 5)), columns=list("abcde"))
    features = FeatureSet(tuple(FeatureInfo(name) for name in "abcde"))
    of_noise = SplineLogistic(features).fit(noise, made_up.outcome)
    of_signal = SplineLogistic(made_up.features).fit(made_up.table, made_up.outcome)
    assert of_noise.shrinkage_ > of_signal.shrinkage_


def test_a_persons_rows_stay_in_one_fold():
    people = np.array(["A", "B", "A", "C", "B", "A"] * 20)
    folds = _folds(120, people, 3, np.random.default_rng(0))
    for person in "ABC":
        assert len(set(folds[people == person])) == 1
    assert sorted(set(folds)) == [0, 1, 2]


def test_told_people_repeated_rows_do_not_pass_for_evidence():
    # each person stands in the table twenty times; their chance has nothing to do with x
    draw = np.random.default_rng(3)
    person = np.repeat(np.arange(60), 20)
    table = pd.DataFrame({name: draw.normal(size=60)[person] for name in "abcdef"})
    outcome = draw.permutation(np.repeat([0.0, 1.0], 30))[person]
    features = FeatureSet(tuple(FeatureInfo(name) for name in "abcdef"))
    fooled = SplineLogistic(features).fit(table, outcome)
    told = SplineLogistic(features).fit(table, outcome, people=person)
    assert told.shrinkage_ > fooled.shrinkage_


def test_a_sample_of_many_rows_gives_almost_the_same_curve(made_up):
    table, outcome = made_up.rows(8000, seed=6)
    whole = SplineLogistic(made_up.features).fit(table, outcome).predict_proba(table)[:, 1]
    part = SplineLogistic(made_up.features, max_rows=4000).fit(table, outcome).predict_proba(table)[:, 1]
    assert np.abs(whole - part).mean() == pytest.approx(0, abs=0.03)
