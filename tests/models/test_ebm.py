"""The explainable boosting machine: our tables say what interpret says, promises hold, nobody on two sides."""

import socket
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.ebm import ExplainableBoosting, Steps, bag_sides, one_way, steps_of
from desist.models.files import model_from_json


@pytest.fixture(scope="module")
def boosted(made_up):
    """interpret's own model of the made-up rows, and ours from it."""
    kept = []

    class Kept(ExplainableBoosting):
        def _boosted(self, *told):
            kept.append(super()._boosted(*told))
            return kept[0]

    return Kept(made_up.features, bags=3).fit(made_up.table, made_up.outcome), kept[0]


@pytest.fixture(scope="module")
def fresh(made_up):
    """Rows nobody was fitted on, some with values far outside what was seen, at cuts, or missing."""
    table, _ = made_up.rows(600, seed=8)
    table.iloc[:100] = np.random.default_rng(0).choice([-1e9, -1.0, 0.0, 0.5, 1.0, 1e9, np.nan], (100, 5))
    return table


def as_given_to_interpret(model, table):
    matrix = table.to_numpy(dtype=float, copy=True)
    treatment = matrix[:, 2]
    treatment[np.isnan(treatment)] = 0.0  # its stated meaning
    return model._filled(matrix)


def test_our_tables_say_what_interpret_says_for_every_row(boosted, fresh):
    model, theirs = boosted
    rows = as_given_to_interpret(model, fresh)
    ours = sum(steps.of(values) for steps, values in zip(steps_of(theirs), rows.T, strict=True)) + theirs.intercept_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.abs(ours - theirs.decision_function(rows)).max() < 1e-9


def test_with_our_scores_put_into_it_interpret_gives_our_logit(boosted, fresh):
    model, theirs = boosted
    rows = as_given_to_interpret(model, fresh)
    before, level = list(theirs.term_scores_), theirs.intercept_
    theirs.term_scores_ = [
        np.array([steps.missing, *steps.of(np.r_[-np.inf, cuts]), 0.0])
        for steps, (cuts, *_) in zip(model.steps_, theirs.bins_, strict=True)
    ]
    theirs.intercept_ = np.array([model.intercept_])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = theirs.decision_function(rows)
    theirs.term_scores_, theirs.intercept_ = before, level
    assert np.abs(model.decision_function(fresh) - found).max() < 1e-9


def test_a_cut_belongs_to_the_step_above_it_and_the_ends_go_on():
    steps = Steps((1.0, 3.0), (-0.5, 0.0, 0.5), 0.1)
    assert steps.of(np.array([-9.0, 0.9, 1.0, 2.9, 3.0, 1e9, np.nan])).tolist() == [-0.5, -0.5, 0, 0, 0.5, 0.5, 0.1]


def test_a_cut_at_which_nothing_changes_is_no_cut():
    assert Steps((1.0, 2.0, 3.0), (0.5, 0.5, 0.7, 0.7), 0.1).merged() == Steps((2.0,), (0.5, 0.7), 0.1)
    assert Steps((1.0,), (0.0, 0.0), 0.1).merged() == Steps((), (0.0,), 0.1)


@pytest.mark.parametrize(("cuts", "scores"), [((1.0,), (0.0,)), ((2.0, 1.0), (0.0,) * 3), ((1.0, 1.0), (0.0,) * 3)])
def test_a_table_that_is_not_one_of_rising_cuts_is_refused(cuts, scores):
    with pytest.raises(ValueError, match="rising cuts"):
        Steps(cuts, scores, 0.0)


def test_scores_that_step_against_the_sign_are_pooled_by_their_rows():
    assert one_way(np.array([0.0, 3.0, 0.0, 5.0]), np.array([9.0, 1.0, 2.0, 9.0]), 1).tolist() == [0.0, 1.0, 1.0, 5.0]
    assert one_way(np.array([0.0, -3.0, 0.0]), np.array([1.0, 1.0, 2.0]), -1).tolist() == [0.0, -1.0, -1.0]


@pytest.mark.parametrize("sign", [-1, 1])
def test_promises_are_kept_whatever_was_boosted(sign):
    # twenty missing rows of 60 did worst, and the middle step goes the wrong way for either sign
    values = np.r_[np.repeat([0.0, 1.0, 2.0, 3.0], 10), np.full(20, np.nan)]
    outcome = np.r_[np.tile([0.0, 1.0], 20), np.ones(20)]
    model = ExplainableBoosting(FeatureSet((FeatureInfo("x", sign=sign),)))
    model._boosted = lambda *told: None
    table = pd.DataFrame({"x": values})
    with pytest.MonkeyPatch.context() as patch:
        wrong = Steps((0.5, 1.5, 2.5), (0.0, 1.0, -1.0, 0.5), 4.0)
        patch.setattr("desist.models.estimators.ebm.steps_of", lambda boosted: [wrong])
        model.fit(table, outcome)
    (steps,) = model.steps_
    assert (np.diff(steps.scores) * sign >= 0).all()
    assert steps.missing == max(steps.scores)
    assert model.predict_proba(table)[:, 1].mean() == pytest.approx(outcome.mean(), abs=1e-9)
    assert steps.of(values).mean() == pytest.approx(0.0, abs=1e-12)


def test_no_person_says_when_to_stop_a_bag_that_learnt_from_them():
    draw = np.random.default_rng(0)
    people = draw.integers(0, 80, 600)
    outcome = (draw.random(600) < 0.3).astype(float)
    sides = bag_sides(outcome, people, 8, np.random.default_rng(1))
    assert sides.shape == (600, 8)
    for person in range(80):
        own = sides[people == person]
        assert (own == own[0]).all()
        assert (own[0] < 0).sum() == 1  # each person is left out once
    ever = np.isin(people, people[outcome == 1])
    left_out = [len(np.unique(people[ever & (bag < 0)])) for bag in sides.T]
    assert max(left_out) - min(left_out) <= 1


def test_bags_without_both_outcomes_on_either_side_are_dropped():
    outcome = np.r_[np.ones(3), np.zeros(40)]
    assert bag_sides(outcome, None, 8, np.random.default_rng(0)).shape == (43, 3)
    alone = bag_sides(np.r_[1.0, np.zeros(9)], None, 8, np.random.default_rng(0))
    assert alone.tolist() == [[1]] * 10


def test_told_people_repeated_rows_do_not_pass_for_evidence():
    # each person stands in the table ten times; their outcome has nothing to do with x
    draw = np.random.default_rng(3)
    person = np.repeat(np.arange(60), 10)
    table = pd.DataFrame({name: draw.normal(size=60)[person] for name in "abc"})
    outcome = draw.permutation(np.repeat([0.0, 1.0], 30))[person]
    features = FeatureSet(tuple(FeatureInfo(name) for name in "abc"))
    fooled = ExplainableBoosting(features, rounds=150).fit(table, outcome)
    told = ExplainableBoosting(features, rounds=150).fit(table, outcome, people=person)
    assert told.decision_function(table).std() < 0.5 * fooled.decision_function(table).std()


def test_one_person_with_the_outcome_is_survived_and_stays_near_the_rate():
    table = pd.DataFrame({"x": np.arange(50.0)})
    outcome = (np.arange(50) == 49).astype(float)
    chances = (
        ExplainableBoosting(FeatureSet((FeatureInfo("x", sign=1),))).fit(table, outcome).predict_proba(table)[:, 1]
    )
    assert chances.mean() == pytest.approx(0.02, abs=1e-6) and chances.max() < 0.5


def test_fitting_opens_no_socket_starts_no_process_and_says_nothing(made_up, monkeypatch, capfd):
    def refused(*told, **named):
        raise AssertionError("nothing outside this process is wanted")

    for where, what in ((socket.socket, "connect"), (subprocess.Popen, "__init__")):
        monkeypatch.setattr(where, what, refused)
    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refused)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ExplainableBoosting(made_up.features, bags=2, rounds=30).fit(made_up.table, made_up.outcome)
    assert capfd.readouterr() == ("", "")


def test_a_saved_model_scores_where_interpret_is_not_installed(fitted, fresh, monkeypatch):
    told, expected = fitted["ebm"].to_json(), fitted["ebm"].decision_function(fresh)
    monkeypatch.setitem(sys.modules, "interpret", None)
    monkeypatch.setitem(sys.modules, "interpret.glassbox", None)
    assert (model_from_json(told).decision_function(fresh) == expected).all()
    with pytest.raises(ImportError):
        ExplainableBoosting(fitted["ebm"].features).fit(fresh, np.arange(len(fresh)) % 2)


def test_a_model_told_with_too_few_tables_is_refused(fitted):
    told = fitted["ebm"].to_json()
    with pytest.raises(ValueError, match="for each feature"):
        model_from_json({**told, "learnt": {**told["learnt"], "steps": told["learnt"]["steps"][:-1]}})


def test_a_sample_of_many_rows_gives_almost_the_same_tables(made_up):
    table, outcome = made_up.rows(2400, seed=6)
    whole = ExplainableBoosting(made_up.features).fit(table, outcome).predict_proba(table)[:, 1]
    part = ExplainableBoosting(made_up.features, max_rows=1200).fit(table, outcome).predict_proba(table)[:, 1]
    assert np.abs(whole - part).mean() == pytest.approx(0, abs=0.04)
