"""Reasons: exact, against a typical profile, in the register's words, at most five."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.calibration import Calibrated
from desist.models.reasons import DoesNotAddUp, against_typical, reasons_for, reasons_for_people


def told(name):
    day = None if name == "n3" else dt.date(2026, 6, 4)
    return SimpleNamespace(words=f"the {name}", source="police", occurred_on=day, known_to=dt.date(2026, 9, 30))


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
        FeatureInfo("same_b", raises="often in court", lowers="often in court"),
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


def test_what_several_features_say_at_once_is_as_large_as_all_of_them():
    sizes = pd.Series(0.0, index=list(FEATURES.names))
    sizes["same_a"], sizes["same_b"], sizes["n3"] = 0.4, 0.3, 0.1
    assert [(one.feature, one.size) for one in reasons_for(sizes, FEATURES, told)] == [("same_a", 0.7), ("n3", 0.1)]


def test_the_same_phrase_in_the_opposite_direction_is_a_reason_of_its_own():
    sizes = pd.Series(0.0, index=list(FEATURES.names))
    sizes["same_a"], sizes["same_b"] = 0.4, -0.4
    found = [(one.phrase, one.direction, one.size) for one in reasons_for(sizes, FEATURES, told)]
    assert found == [("often in court", "raises", 0.4), ("often in court", "lowers", -0.4)]


def test_a_sixth_feature_that_says_what_one_of_the_five_says_is_merged_with_it_and_no_other_is():
    sizes = pd.Series([0.3, 0.35, 0.4, 0.45, 0.0, 0.0, 0.05, 0.0, 0.9, 0.1], index=list(FEATURES.names))
    found = reasons_for(sizes, FEATURES, told)
    assert [one.feature for one in found] == ["same_a", "n3", "n2", "n1", "n0"] and found[0].size == 1.0


def test_each_reason_carries_value_source_and_dates():
    sizes = pd.Series(0.0, index=list(FEATURES.names))
    sizes["n0"], sizes["n3"] = 0.5, 0.4
    recorded, none = reasons_for(sizes, FEATURES, told)
    assert (recorded.value, recorded.source) == ("the n0", "police")
    assert (recorded.occurred_on, recorded.known_to) == ("2026-06-04", "2026-09-30")
    assert (none.occurred_on, none.known_to) == ("", "2026-09-30")


def test_a_reason_whose_sign_fails_in_more_than_one_in_ten_refits_is_less_certain():
    sizes = pd.Series(0.0, index=list(FEATURES.names))
    sizes[["n0", "n1", "n2"]] = [0.5, 0.4, 0.3]
    steadiness = {"n0": 0.9, "n1": 0.899}
    found = reasons_for(sizes, FEATURES, told, steadiness=steadiness)
    assert [(one.feature, one.less_certain) for one in found] == [("n0", False), ("n1", True), ("n2", True)]
    assert [one.size for one in found] == [0.5, 0.4, 0.3]  # always the exact ones
    assert found == reasons_for(sizes, FEATURES, told, steadiness=pd.Series(steadiness).reindex(sizes.index))
    assert not any(one.less_certain for one in reasons_for(sizes, FEATURES, told))


def test_contributions_that_are_no_numbers_are_no_reasons():
    sizes = pd.Series(np.nan, index=list(FEATURES.names))
    assert reasons_for(sizes, FEATURES, told) == []


def test_reasons_for_many_are_those_of_each(made_up, fitted):
    table, _ = made_up.rows(6, seed=5)
    sizes = against_typical(fitted["spline"], table, made_up.features).set_axis(list("abcdef"))
    steadiness = pd.DataFrame(0.95, index=sizes.index, columns=sizes.columns).assign(sanctions=0.5)
    found = reasons_for_people(sizes, made_up.features, [("e", told), ("b", told)], steadiness=steadiness)
    assert list(found) == ["e", "b"]
    for person, reasons in found.items():
        alone = reasons_for(sizes.loc[person], made_up.features, told, steadiness=steadiness.loc[person])
        assert reasons == alone and {one.feature for one in reasons if one.less_certain} <= {"sanctions"}
    assert reasons_for_people(sizes, made_up.features, [("a", told)])["a"] == reasons_for(
        sizes.loc["a"], made_up.features, told
    )
