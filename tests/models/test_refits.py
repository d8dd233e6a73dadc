"""Refits on people drawn again: who is drawn, what is kept, and how steady a reason's sign is."""

import json

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.card import PointsCard
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging import refits as module
from desist.models.judging.backtest import fit_then_calibrate
from desist.models.judging.refits import Refits, load_refits, refit, save_refits, sign_steadiness
from desist.models.reasons import against_typical
from desist.records.errors import Refused

MAKERS = {
    "card": lambda features: lambda seed: PointsCard(features, max_items=4, breadth=1, seed=seed),
    "spline": lambda features: lambda seed: SplineLogistic(features, knots=2, shrinkage=3.0, seed=seed),
    "trees": lambda features: lambda seed: MonotoneBoosting(features, trees=15, rows_in_leaf=20, seed=seed),
}


@pytest.fixture(scope="module")
def dated(made_up):
    """600 made-up rows of 300 people on two dates."""
    table, outcome = made_up.rows(600, seed=3)
    people = [f"P{place % 300:03d}" for place in range(600)]
    dates = pd.to_datetime(["2022-04-01"] * 300 + ["2023-04-01"] * 300)
    return table.assign(person_id=people, as_of=dates, reoffended=outcome)


class Remembers(SplineLogistic):
    """A spline that keeps the rows it was fitted on."""

    seen = []

    def fit(self, X, y, people=None, **later):
        Remembers.seen.append((X, np.asarray(y), np.asarray(people)))
        return super().fit(X, y, people, **later)


def test_a_person_drawn_twice_brings_all_rows_twice_and_one_not_drawn_brings_none(made_up, dated):
    Remembers.seen = []
    refit(
        lambda seed: Remembers(made_up.features, shrinkage=3.0),
        dated,
        made_up.features,
        "reoffended",
        replicates=2,
        seed=1,
    )
    first_date = dated[dated["as_of"] == "2022-04-01"].set_index("person_id")
    for X, y, people in Remembers.seen:
        times = pd.Series(people).value_counts()
        assert times.max() > 1 and len(times) < 250  # about 63 % of 300 people are drawn at all
        assert len(people) == 300  # each draw brings one row on the first date
        assert X["sanctions"].tolist() == first_date.loc[people, "sanctions"].tolist()
        assert y.tolist() == first_date.loc[people, "reoffended"].tolist()
    assert sorted(Remembers.seen[0][2]) != sorted(Remembers.seen[1][2])


def test_each_refit_is_fitted_on_the_earlier_dates_and_calibrated_on_the_last(made_up, dated):
    found = refit(MAKERS["spline"](made_up.features), dated, made_up.features, "reoffended", replicates=1, seed=5)
    place = {name: number for number, name in enumerate(sorted(dated["person_id"].unique()))}
    numbers = dated["person_id"].map(place).to_numpy()
    drawn = np.random.default_rng([5, 0]).integers(0, 300, 300)
    rows = dated.iloc[np.concatenate([np.flatnonzero(numbers == one) for one in drawn])].reset_index(drop=True)
    names = list(made_up.features.names)
    by_hand = fit_then_calibrate(
        MAKERS["spline"](made_up.features)(5), rows[names], rows["reoffended"], rows["as_of"], rows["person_id"]
    )
    assert found.models[0].rows_ == 300 and found.models[0].learnt_ == "intercept"
    assert found.logits(dated)[0] == pytest.approx(by_hand.decision_function(dated), abs=1e-12)


@pytest.mark.parametrize("kind", MAKERS)
def test_refits_read_back_from_their_file_give_identical_chances(made_up, dated, kind, tmp_path):
    found = refit(MAKERS[kind](made_up.features), dated, made_up.features, "reoffended", replicates=3, seed=2)
    save_refits(found, tmp_path)
    again = load_refits(tmp_path)
    assert found.chances(dated).shape == (3, 600)
    assert np.array_equal(again.chances(dated), found.chances(dated))
    assert (again.asked, again.seed, again.people, again.people_drawn) == (3, 2, 300, 300)
    told = json.loads((tmp_path / "model-refits.json").read_text(encoding="utf-8"))
    assert [info["name"] for info in told["features"]] == list(made_up.features.names)
    assert all("features" not in one["model"] for one in told["models"])  # told once


def test_the_same_seed_gives_the_same_refits_and_more_of_them_begin_with_the_same(made_up, dated):
    make = MAKERS["spline"](made_up.features)
    two, three = (refit(make, dated, made_up.features, "reoffended", replicates=n, seed=4) for n in (2, 3))
    other = refit(make, dated, made_up.features, "reoffended", replicates=2, seed=5)
    assert np.array_equal(two.logits(dated), three.logits(dated)[:2])
    assert not np.allclose(two.logits(dated), other.logits(dated))


def test_fewer_rows_say_that_the_refits_lie_further_apart_than_they_should(made_up, dated):
    make = MAKERS["spline"](made_up.features)
    few = refit(make, dated, made_up.features, "reoffended", replicates=2, seed=4, max_rows=150)
    assert few.people_drawn == 75 and few.wider_by == pytest.approx(2.0)
    assert "75 people" in few.words and "2.0 times as far apart" in few.words
    everybody = refit(make, dated, made_up.features, "reoffended", replicates=2, seed=4, max_rows=600)
    assert everybody.people_drawn == 300 and "apart" not in everybody.words


def test_a_draw_without_the_outcome_is_left_out_and_counted_and_too_many_are_refused(made_up, dated):
    with_few = dated.assign(reoffended=0.0)
    with_few.loc[[3, 30], "reoffended"] = 1.0  # two people: a draw lacks both in about one of seven
    make = MAKERS["spline"](made_up.features)
    found = refit(make, with_few, made_up.features, "reoffended", replicates=12, seed=0)
    assert 6 <= len(found.models) < 12
    assert f"{12 - len(found.models)} of 12 draws could not be fitted" in found.words
    nobody = dated.assign(reoffended=0.0)
    with pytest.raises(CannotFit, match="Only 0 of 4 refits"):
        refit(make, nobody, made_up.features, "reoffended", replicates=4, seed=0)


def test_steadiness_is_the_share_of_refits_with_the_released_sign_and_none_is_no_sign():
    released = pd.DataFrame({"a": [0.5, -0.2], "b": [0.0, 0.3]}, index=[7, 9])
    refitted = [
        pd.DataFrame({"a": [0.1, 0.2], "b": [0.4, 0.0]}, index=[7, 9]),
        pd.DataFrame({"a": [0.9, -0.1], "b": [0.4, 0.1]}, index=[7, 9]),
        pd.DataFrame({"a": [-0.1, -0.1], "b": [0.0, 0.1]}, index=[7, 9]),
        pd.DataFrame({"a": [0.2, -0.3], "b": [0.0, 0.2]}, index=[7, 9]),
    ]
    found = sign_steadiness(released, iter(refitted))
    assert found["a"].tolist() == [0.75, 0.75]
    assert np.isnan(found.loc[7, "b"]) and found.loc[9, "b"] == 0.75
    with pytest.raises(ValueError, match="rows and features"):
        sign_steadiness(released, iter([refitted[0][["b", "a"]]]))


def test_what_truly_matters_keeps_its_sign_and_what_does_not_loses_it(made_up):
    draw = np.random.default_rng(0)
    strong, noise = draw.normal(size=(2, 800))
    outcome = (draw.random(800) < 1 / (1 + np.exp(-1.5 * strong))).astype(float)
    table = pd.DataFrame({"strong": strong, "noise": noise, "person_id": [f"P{n}" for n in range(800)]})
    table = table.assign(as_of=pd.Timestamp("2023-01-01"), reoffended=outcome)
    features = FeatureSet((FeatureInfo("strong"), FeatureInfo("noise")))
    make = MAKERS["spline"](features)
    released = fit_then_calibrate(
        make(0), table[["strong", "noise"]], table["reoffended"], table["as_of"], table["person_id"]
    )
    found = refit(make, table, features, "reoffended", replicates=20, seed=3)
    steady = found.sign_steadiness(against_typical(released, table, features), table, features)
    clear = table["strong"].abs() > 0.5
    assert (steady.loc[clear, "strong"] == 1.0).all()
    assert steady["noise"].median() < module.STEADY


def test_another_file_or_a_refit_without_calibration_is_refused(made_up, dated, tmp_path):
    assert load_refits(tmp_path) is None
    found = refit(MAKERS["spline"](made_up.features), dated, made_up.features, "reoffended", replicates=1, seed=2)
    told = found.to_json()
    with pytest.raises(Refused, match="not a desist-refits"):
        Refits.from_json({**told, "version": 2})
    bare = found.models[0].model.to_json()
    with pytest.raises(Refused, match="has none"):
        Refits.from_json({**told, "models": [bare]})
    (tmp_path / "model-refits.json").write_text(json.dumps({**told, "models": [{"kind": "calibrated"}]}))
    with pytest.raises(Refused, match="lacks a part"):
        load_refits(tmp_path)
