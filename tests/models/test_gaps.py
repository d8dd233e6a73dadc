"""What an estimate could have been: exact for sums, attained for trees, and quick for a whole caseload."""

import itertools
import time

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import chance
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import Calibrated
from desist.models.judging.gaps import (
    CouldHaveBeen,
    Plausible,
    could_change_step,
    could_have_been,
    learn_plausible,
    load_plausible,
    save_plausible,
)
from desist.records.errors import Refused

LACKED = ["years_clear", "kept_share"]


@pytest.fixture(scope="module")
def plausible(made_up):
    return learn_plausible(made_up.table, made_up.features)


def without(table, names):
    lacking = pd.DataFrame(True, index=table.index, columns=names)
    return table.assign(**dict.fromkeys(names, np.nan)), lacking


def by_hand(model, row, names, plausible):
    """Every mix of plausible values tried, one after another."""
    mixes = itertools.product(*(plausible.values[name] for name in names))
    rows = pd.DataFrame([{**row, **dict(zip(names, mix, strict=True))} for mix in mixes])
    chances = model.predict_proba(rows)[:, 1]
    return chances.min(), chances.max()


def test_plausible_values_are_quantiles_of_known_values_one_feature_at_a_time():
    table = pd.DataFrame({"count": [float(n) for n in range(101)], "rare": [1.0] * 49 + [np.nan] * 52})
    found = learn_plausible(table, FeatureSet((FeatureInfo("count"), FeatureInfo("rare"))))
    assert found.values == {"count": (5.0, 25.0, 50.0, 75.0, 95.0), "rare": ()}


@pytest.mark.parametrize("kind", ["card", "spline"])
def test_the_ends_of_a_sum_are_exactly_those_of_all_mixes_of_plausible_values(made_up, fitted, plausible, kind):
    model = Calibrated(fitted[kind]).fit(made_up.table, made_up.outcome)
    table, lacking = without(made_up.table.head(40), LACKED)
    found = could_have_been(model, table, lacking, made_up.features, plausible)
    assert found.exact
    for place in range(40):
        low, high = by_hand(model, table.iloc[place].to_dict(), LACKED, plausible)
        assert found.low[place] == pytest.approx(low, abs=1e-12)
        assert found.high[place] == pytest.approx(high, abs=1e-12)
    assert (found.high - found.low).max() > 0.1


def test_the_ends_of_trees_are_met_by_search_and_said_to_be_searched(made_up, fitted, plausible):
    model = fitted["boosting"]
    table, lacking = without(made_up.table.head(30), [*LACKED, "licence"])
    found = could_have_been(model, table, lacking, made_up.features, plausible)
    assert not found.exact
    ends = [by_hand(model, table.iloc[place].to_dict(), [*LACKED, "licence"], plausible) for place in range(30)]
    low, high = np.array(ends).T
    assert (found.low >= low - 1e-12).all() and (found.high <= high + 1e-12).all()  # never a chance nobody could have
    assert np.mean(found.low - low) < 0.005 and np.mean(high - found.high) < 0.005


def test_trees_whose_missing_features_all_have_signs_need_no_search(made_up, fitted, plausible):
    table, lacking = without(made_up.table.head(30), ["years_clear"])
    found = could_have_been(fitted["boosting"], table, lacking, made_up.features, plausible)
    assert found.exact
    for place in range(30):
        assert (found.low[place], found.high[place]) == pytest.approx(
            by_hand(fitted["boosting"], table.iloc[place].to_dict(), ["years_clear"], plausible), abs=1e-12
        )


class Crossed:
    """A logit that multiplies two features and tells parts that add up for each row: no sum for all that."""

    def decision_function(self, X):
        return (X["a"].fillna(0) * X["b"].fillna(0)).to_numpy()

    def contributions(self, X):
        half = self.decision_function(X) / 2
        return pd.DataFrame({"a": half, "b": half, "base": 0.0})


def test_a_model_whose_parts_hang_on_other_features_is_not_taken_for_a_sum():
    features = FeatureSet((FeatureInfo("a"), FeatureInfo("b")))
    table = pd.DataFrame({"a": [np.nan, np.nan], "b": [-1.0, 2.0]})
    lacking = pd.DataFrame({"a": [True, True]})
    values = Plausible({"a": (-1.0, 0.0, 3.0), "b": (-1.0, 2.0)})
    found = could_have_been(Crossed(), table, lacking, features, values)
    assert not found.exact
    assert found.low == pytest.approx(chance(np.array([-3.0, -2.0])))
    assert found.high == pytest.approx(chance(np.array([1.0, 6.0])))


def test_only_what_is_lacking_and_in_fact_missing_moves_and_other_rows_keep_their_chance(made_up, fitted, plausible):
    table = made_up.table.head(3).assign(years_clear=[1.0, np.nan, np.nan], kept_share=[0.5, 0.5, np.nan])
    lacking = pd.DataFrame({"years_clear": [True, False, True]}, index=table.index)
    found = could_have_been(fitted["spline"], table, lacking, made_up.features, plausible)
    own = fitted["spline"].predict_proba(table)[:, 1]
    assert found.low[:2] == pytest.approx(own[:2]) and found.high[:2] == pytest.approx(own[:2])
    assert found.low[2] < found.high[2]
    with pytest.raises(ValueError, match="the model's features"):
        could_have_been(fitted["spline"], table, lacking.assign(stranger=True), made_up.features, plausible)
    with pytest.raises(ValueError, match="the table's rows"):
        could_have_been(fitted["spline"], table, lacking.head(2), made_up.features, plausible)


def test_a_feature_that_nobody_knew_leaves_the_row_as_it_is(made_up, fitted):
    table, lacking = without(made_up.table.head(3), LACKED)
    nobody = Plausible(dict.fromkeys(made_up.features.names, ()))
    found = could_have_been(fitted["card"], table, lacking, made_up.features, nobody)
    assert np.array_equal(found.low, found.high)


def test_a_step_could_change_where_either_end_reaches_another_one():
    found = CouldHaveBeen(np.array([0.21, 0.19, 0.25, 0.45]), np.array([0.39, 0.3, 0.4, 0.5]), exact=True)
    assert could_change_step(found, [0.3, 0.25, 0.3, 0.3], (0.2, 0.4, 0.6)).tolist() == [False, True, True, True]


def test_a_row_without_a_gap_whose_score_is_rounded_up_to_a_cut_off_has_no_limited_data():
    own = np.array([0.3999996, 0.3999996])
    found = CouldHaveBeen(own, np.array([0.3999996, 0.41]), exact=True)
    assert could_change_step(found, own.round(6), (0.2, 0.4, 0.6)).tolist() == [False, False]
    alone = CouldHaveBeen(np.array([0.5]), np.array([0.5]), exact=True)  # one plausible value, on another step
    assert could_change_step(alone, [0.3], (0.2, 0.4, 0.6)).tolist() == [True]


def test_plausible_values_read_back_and_another_file_is_refused(plausible, tmp_path):
    assert load_plausible(tmp_path) is None
    save_plausible(plausible, tmp_path)
    assert load_plausible(tmp_path) == plausible
    (tmp_path / "model-plausible.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Refused, match="not a desist-plausible"):
        load_plausible(tmp_path)


@pytest.mark.parametrize("kind", ["spline", "boosting"])
def test_five_thousand_people_take_less_than_three_seconds(kind, made_up, fitted, plausible):
    table, lacking = without(made_up.rows(5000, seed=8)[0], LACKED)
    start = time.process_time()
    could_have_been(fitted[kind], table, lacking, made_up.features, plausible)
    assert time.process_time() - start < 3


def test_trees_with_many_missing_features_are_searched_in_time(made_up):
    """Twenty features of one source, eight without a sign, as police features are."""
    draw = np.random.default_rng(2)
    features = FeatureSet(tuple(FeatureInfo(f"f{n}", sign=0 if n % 5 < 2 else 1) for n in range(20)))
    table = pd.DataFrame(draw.normal(size=(5000, 20)), columns=list(features.names))
    outcome = (draw.random(5000) < chance(table.to_numpy().sum(axis=1) / 3)).astype(float)
    table[draw.random(table.shape) < 0.05] = np.nan
    model = MonotoneBoosting(features).fit(table.head(1500), outcome[:1500])
    gone, lacking = without(table, list(features.names))
    start = time.process_time()
    found = could_have_been(model, gone, lacking, features, learn_plausible(table, features))
    assert time.process_time() - start < 3
    assert (found.low < found.high).all()
