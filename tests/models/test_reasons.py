"""Reasons: exact, against a typical profile, in the register's words, at most five."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.calibration import Calibrated
from desist.models.reasons import DoesNotAddUp, against_typical, reasons_for


def told(name):
    return SimpleNamespace(words=f"the {name}", source="police")


@pytest.mark.parametrize("name", ["card", "spline", "boosting"])
def test_reasons_add_up_to_the_move_from_the_typical_profile(made_up, fitted, name):
    table, _ = made_up.rows(200, seed=5)
    for model in (fitted[name], Calibrated(fitted[name]).fit(*made_up.rows(1200, seed=6))):
        sizes = against_typical(model, table, made_up.features)
        typical = model.decision_function(model.reference_.to_frame().T.astype(float))[0]
        assert np.abs(sizes.sum(axis=1) - (model.decision_function(table) - typical)).max() < 1e-9


def test_somebody_typical_has_no_reasons(made_up, fitted):
    typical = fitted["spline"].reference_.to_frame().T.astype(float)
    sizes = against_typical(fitted["spline"], typical, made_up.features)
    assert reasons_for(sizes.iloc[0], made_up.features, told) == []


def test_contributions_that_do_not_add_up_give_no_reasons(made_up, fitted):
    model = fitted["card"]
    broken = SimpleNamespace(
        reference_=model.reference_,
        contributions=lambda table: model.contributions(table).assign(licence=0.1),
        decision_function=model.decision_function,
    )
    with pytest.raises(DoesNotAddUp):
        against_typical(broken, made_up.table, made_up.features)


FEATURES = FeatureSet(
    (
        *(FeatureInfo(f"n{number}", raises=f"sign {number}: {{value}}", lowers="quiet {value}") for number in range(7)),
        FeatureInfo("plain_words", source="probation", kind="can change"),
        FeatureInfo("same_a", raises="often in court"),
        FeatureInfo("same_b", raises="often in court"),
    )
)


def test_five_reasons_at_most_largest_first_with_the_fact_behind_each():
    sizes = pd.Series([0.1, -0.9, 0.3, 0.2, 0.5, 0.4, 0.6, 0.0, 0.0, 0.0], index=list(FEATURES.names))
    reasons = reasons_for(sizes, FEATURES, told)
    assert [(one.feature, one.direction, one.size) for one in reasons] == [
        ("n1", "lowers", -0.9), ("n6", "raises", 0.6), ("n4", "raises", 0.5), ("n5", "raises", 0.4),
        ("n2", "raises", 0.3),
    ]  # fmt: skip
    assert reasons[0].phrase == "quiet the n1" and reasons[1].phrase == "sign 6: the n6"
    assert (reasons[0].value, reasons[0].source) == ("the n1", "police")


def test_a_feature_without_a_phrase_is_named_and_one_too_small_is_left_out():
    sizes = pd.Series(0.0, index=list(FEATURES.names))
    sizes["plain_words"], sizes["n0"] = -0.2, 0.003
    (only,) = reasons_for(sizes, FEATURES, told)
    assert (only.phrase, only.kind, only.direction) == ("plain words: the plain_words", "can change", "lowers")


def test_features_that_say_the_same_are_one_reason():
    sizes = pd.Series(0.0, index=list(FEATURES.names))
    sizes["same_a"], sizes["same_b"], sizes["n3"] = 0.4, 0.3, 0.1
    assert [one.phrase for one in reasons_for(sizes, FEATURES, told)] == ["often in court", "sign 3: the n3"]
