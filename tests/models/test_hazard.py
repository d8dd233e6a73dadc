"""Hazards by month of competing causes: worked out by hand, against the plain Aalen-Johansen, and what must hold."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import EVENTS_FOR_LEVEL, Calibrated
from desist.models.estimators.spline import SplineLogistic
from desist.models.over_time.curves import Curves
from desist.models.over_time.follow_up import at_risk, month_ends_of
from desist.models.over_time.hazard import CAUSES, LEAST_EVENTS, MONTH, DiscreteHazard, set_levels
from desist.models.over_time.incidence import cumulative_incidence, month_ends

FEATURES = FeatureSet(
    (
        FeatureInfo("sanctions", sign=1),
        FeatureInfo("in_treatment", sign=-1, missing_as=0.0),
        FeatureInfo("clear_years", sign=-1),
        FeatureInfo("kept", sign=0),
    )
)


def lives(rows, seed, *, effect=1.0):
    """Rows whose daily chances of three causes rise with sanctions; some are lost from sight within the year."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "sanctions": draw.poisson(2.0, rows).astype(float),
            "in_treatment": (draw.random(rows) < 0.3).astype(float),
            "clear_years": draw.exponential(2.0, rows),
            "kept": draw.random(rows),
        }
    )
    higher = effect * (0.5 * np.log1p(table["sanctions"]) - 0.5 * table["in_treatment"])
    first = {
        "reoffence": draw.exponential(1 / (0.0010 * np.exp(higher))),
        "recall": draw.exponential(1 / (0.0005 * np.exp(0.5 * higher))),
        "custody": draw.exponential(1 / 0.0004, rows),
        "censored": np.where(draw.random(rows) < 0.2, draw.uniform(1, 365, rows), 365.0),
    }
    every = np.ceil(pd.DataFrame(first))
    table.loc[draw.random(rows) < 0.2, "in_treatment"] = np.nan
    table.loc[draw.random(rows) < 0.2, "clear_years"] = np.nan
    return table, every.min(axis=1).to_numpy(), every.columns[every.to_numpy().argmin(axis=1)].to_numpy()


def quick(features):
    return SplineLogistic(features, knots=2, shrinkage=10.0)


@pytest.fixture(scope="module")
def year():
    return lives(1500, seed=1)


@pytest.fixture(scope="module")
def fitted(year):
    return DiscreteHazard(FEATURES, make=quick).fit(*year)


# ---- follow-up in months


def test_follow_up_is_cut_into_months_by_the_day_as_worked_out_by_hand():
    """Months end on days 30, 60 and 91. Somebody censored on day 45 was seen for half of the second month."""
    ends = month_ends_of(3, 365 / 12)
    assert ends.tolist() == [30, 60, 91]
    days = [30, 31, 45, 44, 0, 200, 200]
    cause = ["reoffence", "recall", "censored", "censored", "censored", "censored", "reoffence"]
    followed = at_risk(days, cause, causes=CAUSES, ends=ends)
    np.testing.assert_allclose(
        followed.weight(),
        [[1, 0, 0], [1, 1, 0], [1, 15 / 30, 0], [1, 14 / 30, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]],
    )
    assert followed.events(0).tolist() == [1, 0, 0] and followed.events(1).tolist() == [0, 1, 0]
    assert followed.cause.tolist() == [0, 1, -1, -1, -1, -1, -1]  # what came after the horizon is not used
    row, month = followed.months_without()
    assert list(zip(row.tolist(), month.tolist(), strict=True)) == [
        (1, 0), (2, 0), (2, 1), (3, 0), (5, 0), (5, 1), (5, 2), (6, 0), (6, 1), (6, 2)
    ]  # fmt: skip


def test_months_end_on_the_days_that_the_incidence_curve_counts_them():
    assert month_ends_of(60, 365 / 12).tolist() == month_ends(60)


@pytest.mark.parametrize(
    ("days", "cause", "said"),
    [
        ([5, np.nan], ["reoffence", "censored"], "missing"),
        ([5, -1], ["reoffence", "censored"], "negative"),
        ([5, 0], ["reoffence", "recall"], "day 1"),
        ([5, 9], ["reoffence", "prison"], "prison"),
        ([5], ["reoffence", "recall"], "1 days for 2"),
        ([50, 300], ["censored", "censored"], "none of"),
        ([5, 60], ["reoffence", "censored"], "horizon of 2 months"),
    ],
)
def test_follow_up_that_teaches_nothing_is_refused_with_what_is_wrong(days, cause, said):
    table = pd.DataFrame({name: [1.0] * len(days) for name in FEATURES.names})
    with pytest.raises(CannotFit, match=said):
        DiscreteHazard(FEATURES).fit(table, days, cause)


def test_a_feature_that_is_named_like_the_month_is_refused():
    with pytest.raises(CannotFit, match="Rename"):
        DiscreteHazard(FeatureSet((FeatureInfo(MONTH),))).fit(pd.DataFrame({MONTH: [1.0]}), [5], ["reoffence"])


def test_days_without_their_rows_are_refused(year):
    table, days, cause = year
    with pytest.raises(CannotFit, match="10 rows of features for 1500"):
        DiscreteHazard(FEATURES).fit(table.head(10), days, cause)


# ---- curves


def test_levels_make_expected_events_those_that_happened():
    """200 at risk in month 1 of whom 20 and 10 have the causes, 170 in month 2 of whom 17 and 34: chances by hand."""
    weight = np.column_stack([np.ones(200), np.r_[np.ones(170), np.zeros(30)]]) * 1000
    happened = [np.array([20_000.0, 17_000.0]), np.array([10_000.0, 34_000.0])]
    first, second = set_levels([np.full((200, 2), 0.7), np.full((200, 2), -3.0)], weight, happened)
    np.testing.assert_allclose(first + 0.7, np.log([20 / 170, 17 / 119]), atol=1e-3)
    np.testing.assert_allclose(second - 3.0, np.log([10 / 170, 34 / 119]), atol=1e-3)


def test_a_month_in_which_nothing_happened_is_drawn_to_the_others():
    """20 of 100, none of 80, 16 of 80: the second month is not impossible, and stays below the others."""
    weight = np.column_stack([np.ones(100), np.r_[np.ones(80), np.zeros(20)], np.r_[np.ones(80), np.zeros(20)]])
    (level,) = set_levels([np.zeros((100, 3))], weight, [np.array([20.0, 0.0, 16.0])])
    assert -5 < level[1] < min(level[0], level[2]) - 1
    chance = 1 / (1 + np.exp(-level))
    assert (weight.sum(axis=0) * chance).sum() == pytest.approx(36)  # what is taken from one month another gets


def test_curves_sum_to_one_never_fall_and_begin_at_nothing(fitted, year):
    curves = fitted.curves(year[0])
    total = curves.event_free + sum(curves.shares.values())
    assert np.abs(total - 1).max() < 1e-9
    for share in curves.shares.values():
        assert (np.diff(share, axis=1) >= 0).all() and (share[:, 0] == 0).all()
        assert share.min() >= 0 and share.max() <= 1
    assert (np.diff(curves.event_free, axis=1) <= 0).all() and curves.event_free.min() >= 0
    assert curves.at(12)[[*CAUSES, "event_free"]].sum(axis=1).to_numpy() == pytest.approx(1)
    assert curves.days.tolist() == [0, *month_ends(12)]


def test_the_mean_curve_is_the_observed_one_in_the_rows_it_learnt_from(fitted, year):
    """Censoring is at random here; a year's share may differ by what the shape within a month can do."""
    table, days, cause = year
    observed = cumulative_incidence(days, cause, months=12, of=CAUSES)
    mean = fitted.curves(table).mean()
    for name in (*CAUSES, "event_free"):
        assert np.abs(mean[name] - observed[name]).max() < 0.01


def test_without_features_that_matter_a_single_cause_gives_the_life_table():
    """Nobody is censored within a month and there are many events: the curve is the share so far, to a half percent."""
    draw = np.random.default_rng(2)
    days = draw.integers(1, 900, 4000)
    cause = np.where(days <= 365, "reoffence", "censored")
    table = pd.DataFrame({"noise": draw.random(4000)})
    model = DiscreteHazard(FeatureSet((FeatureInfo("noise"),)), causes=("reoffence",)).fit(
        table, np.minimum(days, 365), cause
    )
    curves = model.curves(table)
    assert set(curves.shares) == {"reoffence"}
    share = [(days <= end).mean() for end in month_ends(12)]
    np.testing.assert_allclose(curves.shares["reoffence"].mean(axis=0)[1:], share, atol=0.005)
    np.testing.assert_allclose(curves.any_event, curves.shares["reoffence"], atol=1e-12)


def test_people_at_risk_are_told_apart_by_what_raises_their_odds(fitted):
    people = pd.DataFrame({name: [1.0, 1.0] for name in FEATURES.names}).assign(sanctions=[0.0, 8.0])
    few, many = fitted.curves(people).at(12)["reoffence"]
    assert many > few + 0.15


@settings(max_examples=20, deadline=None)
@given(values=st.tuples(*[st.floats(0, 10)] * 4), more=st.floats(0, 10))
def test_signs_and_the_missing_rule_hold_for_the_chance_that_anything_happens(fitted, values, more):
    base = dict(zip(FEATURES.names, values, strict=True))
    changed = [
        {"sanctions": base["sanctions"] + more},
        {"clear_years": base["clear_years"] + more},
        {"in_treatment": np.nan},
        {"in_treatment": 0.0},
        {"clear_years": np.nan},
        {"clear_years": 0.0},
    ]
    people = pd.DataFrame([base, *({**base, **change} for change in changed)])
    start, sanctions, clear, unknown, not_in, no_years, none = fitted.curves(people).any_event
    within = 1e-12
    assert (sanctions >= start - within).all() and (clear <= start + within).all()
    assert unknown == pytest.approx(not_in)  # unknown treatment scores as none
    assert (no_years <= none + within).all()  # missing scores no worse than the worst known value


def test_trees_work_as_well_and_let_effects_change_with_the_month(year):
    table, days, cause = year
    trees = DiscreteHazard(FEATURES, make=lambda features: MonotoneBoosting(features, trees=20)).fit(*year)
    observed = cumulative_incidence(days, cause, months=12, of=CAUSES)
    assert trees.curves(table).mean()["reoffence"].iloc[-1] == pytest.approx(observed["reoffence"].iloc[-1], abs=0.02)
    again = DiscreteHazard.from_json(json.loads(json.dumps(trees.to_json())))
    np.testing.assert_array_equal(again.curves(table).event_free, trees.curves(table).event_free)


def test_the_month_worked_out_once_gives_what_each_month_asked_for_gives(fitted, year, monkeypatch):
    fast = fitted.curves(year[0]).event_free
    monkeypatch.setattr("desist.models.over_time.hazard.ADDITIVE", ())
    np.testing.assert_allclose(fitted.curves(year[0]).event_free, fast, atol=1e-12)


def test_fewer_months_without_an_event_leave_the_levels_as_they_are(year):
    """Thinned to one month in seven the curves keep their height: levels are set with all months."""
    table, days, cause = year
    thin = DiscreteHazard(FEATURES, make=quick, max_months=1500).fit(*year)
    observed = cumulative_incidence(days, cause, months=12, of=CAUSES)
    mean = thin.curves(table).mean()
    assert np.abs(mean["reoffence"] - observed["reoffence"]).max() < 0.01
    few, many = thin.curves(table.assign(sanctions=0.0)), thin.curves(table.assign(sanctions=8.0))
    assert many.any_event[:, -1].mean() > few.any_event[:, -1].mean() + 0.15


def test_the_same_rows_give_the_same_model_and_json_gives_it_back(year, fitted):
    again = DiscreteHazard(FEATURES, make=quick).fit(*year)
    told = json.dumps(again.to_json(), sort_keys=True)
    assert told == json.dumps(fitted.to_json(), sort_keys=True)
    read = DiscreteHazard.from_json(json.loads(told))
    for name in CAUSES:
        np.testing.assert_array_equal(read.curves(year[0]).shares[name], fitted.curves(year[0]).shares[name])
    assert json.dumps(read.to_json(), sort_keys=True) == told


def test_levels_of_a_later_date_move_the_height_and_not_the_odds_ratios(year):
    """Where fewer things happen later, the curves come down to them; a person's odds against another's stay."""
    table = year[0]
    model = DiscreteHazard(FEATURES, make=quick).fit(*year)
    before = model.curves(table.head(2)).at(1)
    later, later_days, later_cause = lives(800, seed=9)
    spared = np.random.default_rng(0).random(800) < 0.5
    later_cause = np.where(spared, "censored", later_cause)
    later_days = np.where(spared, 365.0, later_days)
    few = np.flatnonzero(later_cause == "custody")[EVENTS_FOR_LEVEL - 1 :]
    later_cause[few] = "censored"  # too few left to move the level of custody
    custody = model.levels_["custody"].copy()
    again = model.relevel(later, later_days, later_cause)
    observed = cumulative_incidence(later_days, later_cause, months=12, of=CAUSES)
    assert again.curves(later).mean()["reoffence"].iloc[-1] == pytest.approx(observed["reoffence"].iloc[-1], abs=0.015)
    np.testing.assert_array_equal(again.levels_["custody"], custody)
    after = again.curves(table.head(2)).at(1)
    ratio = [np.divide(*(frame["reoffence"] / frame["event_free"])) for frame in (before, after)]
    assert ratio[0] == pytest.approx(ratio[1]) and ratio[0] != pytest.approx(1)


def test_a_recalibrated_estimator_inside_a_saved_hazard_is_refused(fitted, year):
    """The months have levels of their own: a second line through the logit would be applied by nobody."""
    table, _, cause = year
    told = fitted.to_json()
    reoffended = (cause == "reoffence").astype(float)
    line = Calibrated(fitted.models_["reoffence"]).fit(table.assign(**{MONTH: 1.0}), reoffended)
    with pytest.raises(CannotFit, match="not recalibrated"):
        DiscreteHazard.from_json({**told, "models": {**told["models"], "reoffence": line.to_json()}})


def test_scores_of_a_row_do_not_hang_on_the_other_rows(fitted, year):
    table = year[0].head(20)
    whole = fitted.curves(table).event_free
    np.testing.assert_array_equal(fitted.curves(table.tail(1)).event_free, whole[-1:])
    assert fitted.curves(table.head(0)).event_free.shape == (0, 13)


def test_a_rare_cause_has_a_level_alone_and_one_that_never_came_has_none(year):
    table, days, cause = year
    rare = np.flatnonzero(cause == "recall")[: LEAST_EVENTS - 1]
    changed = np.where((cause == "recall") | (cause == "custody"), "censored", cause)
    changed[rare] = "recall"
    model = DiscreteHazard(FEATURES, make=quick).fit(table, days, changed)
    curves = model.curves(table.assign(sanctions=np.arange(len(table)) % 9))
    assert model.models_["recall"] is None and "custody" not in model.models_
    assert (curves.shares["custody"] == 0).all()
    odds = np.diff(curves.shares["recall"][:, :2]) / curves.event_free[:, 1:2]
    assert odds == pytest.approx(odds[0, 0])  # the same odds for everybody
    read = DiscreteHazard.from_json(json.loads(json.dumps(model.to_json())))
    np.testing.assert_array_equal(read.curves(table).event_free, model.curves(table).event_free)


def test_a_persons_rows_share_a_fold_when_shrinkage_is_chosen():
    """Every expanded month carries the person of its row, and without people each row is its own."""
    seen = {}

    class Spy(SplineLogistic):
        def fit(self, X, y, people=None):
            seen.setdefault("people", people)
            return super().fit(X, y, people)

    table, days, cause = lives(300, seed=3)
    rows_seen = set(np.flatnonzero((days >= 16) | (cause == "reoffence")))  # half of month 1, or an event in it
    rows_seen -= set(np.flatnonzero((days <= 30) & np.isin(cause, ["recall", "custody"])))
    who = np.array([f"p{row % 100}" for row in range(300)])
    DiscreteHazard(FEATURES, make=lambda features: Spy(features, knots=0, shrinkage=10.0)).fit(table, days, cause, who)
    assert set(seen["people"]) == set(who) and len(seen["people"]) > 1000
    seen.clear()
    DiscreteHazard(FEATURES, make=lambda features: Spy(features, knots=0, shrinkage=10.0)).fit(table, days, cause)
    assert set(seen["people"]) == rows_seen


def test_curves_that_do_not_sum_to_one_cannot_be_made():
    with pytest.raises(ValueError, match="do not sum"):
        Curves(pd.RangeIndex(1), np.array([0, 30]), {"reoffence": np.array([[0.0, 0.2]])}, np.array([[1.0, 0.7]]))


def test_a_month_beyond_the_horizon_is_refused(fitted, year):
    with pytest.raises(ValueError, match="month 0 to 12"):
        fitted.curves(year[0].head(1)).at(13)
