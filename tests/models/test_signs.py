"""What must hold for every person and every model: signs, help-seeking, the unknown, sums."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.boosting import MonotoneBoosting, NotAdditive
from desist.models.estimators.calibration import Calibrated

NAMES = ("card", "spline", "boosting", "ebm")
amounts = st.one_of(st.none(), st.floats(-5, 60), st.sampled_from([0.0, 1.0, 2.0, 1e9]))
people = st.fixed_dictionaries(
    {
        "sanctions": amounts,
        "years_clear": amounts,
        "in_treatment": st.sampled_from([None, 0.0, 1.0]),
        "kept_share": st.one_of(st.none(), st.floats(0, 1)),
        "licence": st.sampled_from([0.0, 1.0]),
    }
)


def chances(model, *rows):
    return model.predict_proba(pd.DataFrame(list(rows), dtype=float))[:, 1]


@pytest.mark.parametrize("name", NAMES)
@given(person=people, lower=st.floats(-5, 60), more=st.floats(0, 60))
@settings(max_examples=30, deadline=None)
def test_more_sanctions_never_lower_and_more_clear_years_never_raise(fitted, name, person, lower, more):
    few, many = chances(fitted[name], person | {"sanctions": lower}, person | {"sanctions": lower + more})
    assert few <= many + 1e-12
    short, long = chances(fitted[name], person | {"years_clear": lower}, person | {"years_clear": lower + more})
    assert long <= short + 1e-12


@pytest.mark.parametrize("name", NAMES)
@given(person=people)
@settings(max_examples=30, deadline=None)
def test_treatment_never_raises_and_unknown_treatment_scores_as_none(fitted, name, person):
    helped, not_helped, unknown = chances(fitted[name], *(person | {"in_treatment": v} for v in (1.0, 0.0, None)))
    assert helped <= not_helped + 1e-12
    assert unknown == not_helped


@pytest.mark.parametrize("name", NAMES)
@given(person=people)
@settings(max_examples=30, deadline=None)
def test_a_missing_value_of_a_signed_feature_is_no_worse_than_its_worst_value(fitted, name, person):
    unknown, worst = chances(fitted[name], person | {"years_clear": None}, person | {"years_clear": -1e9})
    assert unknown <= worst + 1e-12
    unknown, worst = chances(fitted[name], person | {"sanctions": None}, person | {"sanctions": 1e9})
    assert unknown <= worst + 1e-12


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [1, -1])
def test_missing_help_scores_no_worse_even_where_its_meaning_was_not_stated(made_up, name, sign):
    # people whose engagement is unknown did worst: a free model would let "unknown" raise
    draw = np.random.default_rng(0)
    sessions = draw.integers(0, 9, 2000).astype(float) * sign * -1.0
    unknown = draw.random(2000) < 0.3
    chance = np.where(unknown, 0.8, 0.4 - 0.03 * np.abs(sessions))
    outcome = (draw.random(2000) < chance).astype(float)
    table = pd.DataFrame({"sessions": np.where(unknown, np.nan, sessions), "other": draw.normal(size=2000)})
    features = FeatureSet((FeatureInfo("sessions", sign=sign), FeatureInfo("other")))
    model = made_up.models(features)[name].fit(table, outcome)
    rows = [{"sessions": value, "other": 0.0} for value in (None, 0.0, sign * -8.0)]
    missing, none, most = chances(model, *rows)
    assert missing <= none + 1e-12
    assert most <= none + 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_contributions_sum_to_the_logit_of_the_chance(made_up, fitted, name):
    table, _ = made_up.rows(400, seed=9)
    for model in (fitted[name], Calibrated(fitted[name]).fit(*made_up.rows(900, seed=3))):
        parts = model.contributions(table)
        assert list(parts.columns) == [*made_up.features.names, "base"]
        chance = model.predict_proba(table)[:, 1]
        assert np.abs(parts.sum(axis=1) - model.decision_function(table)).max() < 1e-9
        assert np.abs(parts.sum(axis=1) - np.log(chance / (1 - chance))).max() < 1e-9


@pytest.fixture(scope="module")
def recalibrated(made_up, fitted):
    later = made_up.rows(900, seed=3)
    return {name: Calibrated(model).fit(*later) for name, model in fitted.items()}


@pytest.mark.parametrize("name", NAMES)
@given(rows=st.lists(people, min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_contributions_sum_to_the_logit_for_anybody_however_odd(fitted, recalibrated, name, rows):
    table = pd.DataFrame(rows, dtype=float)
    for model in (fitted[name], recalibrated[name]):
        parts = model.contributions(table)
        assert np.isfinite(parts.to_numpy()).all()
        assert np.abs(parts.sum(axis=1) - model.decision_function(table)).max() < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_a_persons_estimate_does_not_hang_on_who_else_is_in_the_table(made_up, fitted, name):
    table, _ = made_up.rows(40, seed=9)
    alone = [fitted[name].decision_function(table.iloc[[row]])[0] for row in range(40)]
    assert alone == fitted[name].decision_function(table).tolist()


def test_contributions_that_miss_the_score_are_refused(made_up, fitted):
    model = MonotoneBoosting(made_up.features, trees=5).fit(made_up.table, made_up.outcome)
    model._logit = lambda matrix: np.zeros(len(matrix))
    with pytest.raises(NotAdditive):
        model.contributions(made_up.table)


@pytest.mark.parametrize("name", NAMES)
def test_fitting_again_gives_the_same_scores_to_the_last_bit(made_up, fitted, name):
    again = made_up.models(made_up.features)[name].fit(made_up.table, made_up.outcome)
    assert (again.predict_proba(made_up.table) == fitted[name].predict_proba(made_up.table)).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_columns_and_a_column_too_many_change_nothing(made_up, fitted, name):
    turned = made_up.table[made_up.table.columns[::-1]].assign(ward="not used")
    assert (fitted[name].predict_proba(turned) == fitted[name].predict_proba(made_up.table)).all()
