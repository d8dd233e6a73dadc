"""The compiled bootstrap against a plain one that resamples rows and counts pairs; slopes against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from desist.fairness.statistics import bootstrap, intervals
from desist.fairness.statistics.bootstrap import METRICS, people_bootstrap, point_values, times_drawn

CUT_OFF = 0.5


def world(seed, n=90, people=30, groups=3, ties=True):
    """Made-up rows: several a person, scores with many ties, a group that may be empty."""
    random = np.random.default_rng(seed)
    score = random.integers(0, 9, n) / 8 if ties else random.random(n)
    y = (random.random(n) < 0.2 + 0.5 * score).astype(float)
    return y, score, np.r_[np.arange(people), random.integers(0, people, n - people)], random.integers(0, groups, n)


def ratio(above, below):
    return above / below if below else np.nan


def ranked(events, others):
    """Of all pairs of an event and a non-event, the share with the event's score higher, ties half; NaN without any."""
    higher = np.greater.outer(events, others) + 0.5 * np.equal.outer(events, others)
    return higher.mean() if higher.size else np.nan


def refit(y, score):
    """The slope of a logistic line through the logit, refitted by scikit-learn without a penalty."""
    if len(set(y)) < 2 or len(set(score)) < 2:
        return np.nan
    safe = np.clip(score, 1e-6, 1 - 1e-6)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    return float(model.fit(np.log(safe / (1 - safe))[:, None], y).coef_[0, 0])


def plain(y, score, others_y, others_score):
    """The metrics of some rows by definition; the others are needed for the AUC across groups."""
    events, selected = y == 1, score >= CUT_OFF
    return {
        "mean_estimate": ratio(score.sum(), len(y)),
        "calibration_in_the_large": ratio(score.sum(), len(y)) - ratio(y.sum(), len(y)),
        "brier": ratio(((score - y) ** 2).sum(), len(y)),
        "auc": ranked(score[events], score[~events]),
        "cross_auc": ranked(score[events], others_score[others_y == 0]),
        "selection": ratio(selected.sum(), len(y)),
        "fpr": ratio((selected & ~events).sum(), (~events).sum()),
        "fnr": ratio((~selected & events).sum(), events.sum()),
        "ppv": ratio((selected & events).sum(), selected.sum()),
    }


def resampled(y, score, codes, times, group):
    """Inside and outside a group when every row is repeated as often as its person was drawn."""
    rows = np.repeat(np.arange(len(y)), times)
    inside, outside = rows[codes[rows] == group], rows[codes[rows] != group]
    return (
        plain(y[inside], score[inside], y[outside], score[outside]),
        plain(y[outside], score[outside], y[inside], score[inside]),
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_each_replicate_is_what_resampling_whole_people_gives(seed, ties):
    y, score, people, codes = world(seed, ties=ties)
    drawn = people_bootstrap(y, score, people, codes, 4, cut_off=CUT_OFF, replicates=35, seed=seed)
    times = times_drawn(30, replicates=35, seed=seed)[people]
    for replicate in (0, 31, 34):
        for group in range(4):
            inside, outside = resampled(y, score, codes, times[:, replicate], group)
            for metric, value in inside.items():
                found = drawn.inside[metric][replicate, group], drawn.outside[metric][replicate, group]
                assert found == pytest.approx((value, outside[metric]), abs=1e-12, nan_ok=True), metric
        rows = np.repeat(np.arange(len(y)), times[:, replicate])
        everybody = plain(y[rows], score[rows], y[:0], score[:0])
        for metric, value in everybody.items():
            assert drawn.everybody[metric][replicate, 0] == pytest.approx(value, abs=1e-12, nan_ok=True), metric


def test_the_rows_as_they_are_have_these_values_by_hand():
    """Group 0: an event at .8, a non-event at .6. Group 1: an event at .6, a non-event at .2."""
    y, score, codes = np.array([1.0, 0, 1, 0]), np.array([0.8, 0.6, 0.6, 0.2]), np.array([0, 0, 1, 1])
    points = point_values(y, score, codes, 2, cut_off=0.6)
    expected = {
        "mean_estimate": [0.7, 0.4], "calibration_in_the_large": [0.2, -0.1], "brier": [0.2, 0.1], "auc": [1, 1],
        "cross_auc": [1, 0.5], "selection": [1, 0.5], "fpr": [1, 0], "fnr": [0, 0], "ppv": [0.5, 1],
    }  # fmt: skip
    for metric, values in expected.items():
        assert points.inside[metric][0] == pytest.approx(values), metric
        assert points.outside[metric][0] == pytest.approx(values[::-1]), metric
    # Of the four pairs of everybody, one is tied: 3.5 / 4.
    assert points.everybody["auc"][0, 0] == 0.875


def test_a_score_that_reaches_the_cut_off_is_selected():
    y, score, codes = np.array([0.0, 0, 1]), np.array([0.5, 0.4999, 0.7]), np.zeros(3, int)
    for cut_off, share in ((0.0, 1), (0.5, 2 / 3), (0.7, 1 / 3), (0.71, 0)):
        assert point_values(y, score, codes, 1, cut_off=cut_off).everybody["selection"][0, 0] == pytest.approx(share)


def test_every_replicate_draws_as_many_people_as_there_are_each_with_the_same_chance():
    times = times_drawn(7, replicates=4000, seed=3).astype(int)
    assert (times.sum(axis=0) == 7).all()
    # 28,000 draws over seven people: 4,000 each, give or take 58.6.
    assert np.abs(times.sum(axis=1) - 4000).max() < 4 * 58.6
    # Times a person is drawn: variance 7 * 1/7 * 6/7; of two people: covariance -1/7.
    assert np.cov(times)[np.diag_indices(7)] == pytest.approx(np.full(7, 6 / 7), rel=0.12)
    assert np.cov(times)[0, 1] == pytest.approx(-1 / 7, rel=0.35)


def test_no_two_replicates_and_no_two_seeds_draw_alike():
    times, other = times_drawn(50, replicates=64, seed=3), times_drawn(50, replicates=64, seed=4)
    assert np.unique(np.hstack([times, other]), axis=1).shape[1] == 128


def test_one_person_alone_is_drawn_once_in_every_replicate():
    drawn = people_bootstrap(np.array([1.0, 0]), np.array([0.7, 0.2]), np.zeros(2, int), np.zeros(2, int), 1,
                             cut_off=0.5, replicates=3, seed=1)  # fmt: skip
    assert drawn.everybody["auc"].tolist() == [[1], [1], [1]]


def test_more_replicates_begin_with_the_same_ones_and_so_do_other_groups_and_scores():
    y, score, people, codes = world(6)
    few = people_bootstrap(y, score, people, codes, 3, cut_off=CUT_OFF, replicates=7, seed=2)
    many = people_bootstrap(y, score, people, codes, 3, cut_off=CUT_OFF, replicates=70, seed=2)
    assert all(np.array_equal(few.inside[name], many.inside[name][:7], equal_nan=True) for name in METRICS)
    others = people_bootstrap(y, 1 - score, people, (codes > 0).astype(int), 2, cut_off=CUT_OFF, replicates=7, seed=2)
    assert others.inside["mean_estimate"][:, 0] == pytest.approx(1 - few.inside["mean_estimate"][:, 0])


def test_the_order_of_rows_changes_nothing():
    y, score, people, codes = world(8)
    order = np.random.default_rng(0).permutation(y.size)
    one = people_bootstrap(y, score, people, codes, 3, cut_off=CUT_OFF, replicates=9, seed=2)
    other = people_bootstrap(y[order], score[order], people[order], codes[order], 3,
                             cut_off=CUT_OFF, replicates=9, seed=2)  # fmt: skip
    for metric in METRICS:
        assert one.inside[metric] == pytest.approx(other.inside[metric], abs=1e-12, nan_ok=True)


def test_only_metrics_that_are_asked_for_are_given():
    y, score, people, codes = world(1)
    drawn = people_bootstrap(y, score, people, codes, 3, cut_off=CUT_OFF, replicates=2, seed=1, metrics=("auc",))
    assert set(drawn.inside) == set(drawn.outside) == set(drawn.everybody) == {"auc"}


@pytest.mark.parametrize("cut_off", [-1.0, 0.0, 0.5, 2.0])
def test_without_a_ranking_the_other_metrics_are_the_same(cut_off):
    y, score, people, codes = world(2)
    counted = tuple(metric for metric in METRICS if metric not in bootstrap.RANKING)
    found = [
        people_bootstrap(y, score, people, codes, 3, cut_off=cut_off, replicates=5, seed=1, metrics=metrics)
        for metrics in (METRICS, counted)
    ]
    for metric in counted:
        assert found[1].inside[metric] == pytest.approx(found[0].inside[metric], abs=1e-12, nan_ok=True), metric
        assert found[1].outside[metric] == pytest.approx(found[0].outside[metric], abs=1e-12, nan_ok=True), metric


def test_a_group_without_a_number_is_refused():
    y, score, people, codes = world(1)
    with pytest.raises(ValueError, match="numbered from 0 to 1"):
        people_bootstrap(y, score, people, codes, 2, cut_off=CUT_OFF, replicates=2, seed=1)


@pytest.mark.parametrize("ties", [True, False])
def test_the_calibration_slope_is_that_of_a_refit(ties):
    """To 3/100 of its own standard error in each replicate; to 1/100,000 on the rows as they are."""
    random = np.random.default_rng(5)
    score = 1 / (1 + np.exp(-random.normal(-1, 1, 3000)))
    score = np.round(score * 40) / 40 if ties else score
    y = (random.random(3000) < 1 / (1 + np.exp(-0.3 - 0.7 * np.log(np.clip(score, 0.01, 1) / (1.01 - score))))) * 1.0
    people, codes = np.r_[np.arange(2000), random.integers(0, 2000, 1000)], random.integers(0, 5, 3000) // 2
    points = point_values(y, score, codes, 3, cut_off=CUT_OFF)
    drawn = people_bootstrap(y, score, people, codes, 3, cut_off=CUT_OFF, replicates=40, seed=4)
    times = times_drawn(2000, replicates=40, seed=4)[people]
    for group in range(3):
        for found, error, exact, mine in (
            (drawn.inside, drawn.standard_error("calibration_slope")[group], points.inside, codes == group),
            (drawn.outside, drawn.standard_error_outside("calibration_slope")[group], points.outside, codes != group),
        ):
            assert exact["calibration_slope"][0, group] == pytest.approx(refit(y[mine], score[mine]), abs=1e-5)
            rows = np.repeat(np.arange(3000), times[:, 33] * mine)
            slope = refit(y[rows], score[rows])
            assert found["calibration_slope"][33, group] == pytest.approx(slope, abs=0.03 * error)
    assert points.everybody["calibration_slope"][0, 0] == pytest.approx(refit(y, score), abs=1e-5)


def test_rows_without_two_outcomes_or_two_scores_and_rows_that_a_score_parts_have_no_slope():
    same = np.full(40, 0.3)
    apart = np.r_[np.linspace(0.1, 0.4, 20), np.linspace(0.6, 0.9, 20)]
    halves, none = np.r_[np.zeros(20), np.ones(20)], np.zeros(40)
    for y, score in ((halves, same), (none, apart), (halves, apart)):
        points = point_values(y, score, np.zeros(40, int), 1, cut_off=CUT_OFF)
        assert np.isnan(points.everybody["calibration_slope"][0, 0])


def test_many_groups_have_few_bins_and_still_a_slope_near_that_of_a_refit():
    random = np.random.default_rng(2)
    score = 1 / (1 + np.exp(-random.normal(-1, 1, 4000)))
    y = (random.random(4000) < score).astype(float)
    codes = np.r_[np.zeros(1000, int), random.integers(1, 2000, 3000)]
    drawn = people_bootstrap(y, score, np.arange(4000), codes, 2000, cut_off=CUT_OFF, replicates=40, seed=4)
    rows = np.repeat(np.arange(4000), times_drawn(4000, replicates=40, seed=4)[:, 5] * (codes == 0))
    error = drawn.standard_error("calibration_slope")[0]
    assert drawn.inside["calibration_slope"][5, 0] == pytest.approx(refit(y[rows], score[rows]), abs=0.05 * error)


def test_a_standard_error_that_few_replicates_can_tell_is_missing():
    values = np.full((100, 2), np.nan)
    values[:94, 0], values[:95, 1] = np.arange(94), np.arange(95)
    found = bootstrap.spread(values)
    assert np.isnan(found[0]) and found[1] == pytest.approx(np.arange(95).std(ddof=1))


def test_the_bootstrap_of_people_covers_the_true_auc():
    """300 worlds of 50 people with two equal rows each; normal scores one apart have an AUC of .7602."""
    random = np.random.default_rng(9)
    people, codes, inside = np.arange(50).repeat(2), np.zeros(100, int), 0
    for number in range(300):
        y = (random.random(50) < 0.5).astype(float)
        score = (1 / (1 + np.exp(-random.normal(y)))).repeat(2)
        y = y.repeat(2)
        drawn = people_bootstrap(
            y, score, people, codes, 1, cut_off=CUT_OFF, replicates=160, seed=number, metrics=("auc",)
        )
        value = point_values(y, score, codes, 1, cut_off=CUT_OFF).inside["auc"][0, 0]
        found = intervals.logit_interval(value, drawn.standard_error("auc")[0])
        inside += found.low <= 0.7602 <= found.high
    assert inside / 300 >= 0.91
