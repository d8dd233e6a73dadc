"""Intervals against published examples, by hand, and by simulation where neither will do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.fairness.statistics import intervals
from desist.fairness.statistics.intervals import Interval


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes, n, low, high):
    found = intervals.wilson(successes, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10.
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_newcombe_gives_the_published_intervals(a, m, b, n, low, high):
    found = intervals.newcombe(a, m, b, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_rate_of_nobody_is_undefined_not_nought():
    assert intervals.wilson(0, 0) == intervals.UNDEFINED
    assert intervals.newcombe(1, 4, 0, 0) == intervals.UNDEFINED


def test_everybody_with_one_row_is_worth_one_row():
    values = np.array([1.0, 0, 0, 1, 1])
    assert intervals.design_effect(values, np.arange(5), 0.6 * 0.4) == pytest.approx(1, abs=1e-12)
    assert intervals.effective(values, np.arange(5), 0.6 * 0.4, 0.0) == pytest.approx(5)


def test_two_equal_rows_a_person_are_worth_about_one():
    values, people = np.array([1.0, 1, 1, 1, 0, 0, 0, 0]), np.array([0, 0, 1, 1, 2, 2, 3, 3])
    # By hand: people's sums of residuals are +1, +1, -1, -1; 4/3 * 4 / 64 = 1/12 over .25/7.
    assert intervals.design_effect(values, people, 0.25) == pytest.approx(7 / 3)
    assert intervals.effective(values, people, 0.25, 1.0) == pytest.approx(8 / (7 / 3))


def test_where_a_group_is_all_alike_everybodys_likeness_decides_what_its_rows_are_worth():
    values, people = np.zeros(6), np.array([0, 0, 0, 1, 1, 1])
    assert np.isnan(intervals.design_effect(values, people, 0.0))
    assert intervals.effective(values, people, 0.0, 1.0) == pytest.approx(2)
    assert intervals.effective(values, people, 0.0, 0.0) == pytest.approx(6)


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=40), st.floats(0, 1))
def test_rows_are_never_worth_more_than_they_are(drawn, likeness):
    people, values = np.array([who for who, _ in drawn]), np.array([float(hit) for _, hit in drawn])
    worth = intervals.effective(values, people, float(values.mean() * (1 - values.mean())), likeness)
    assert 0 < worth <= len(drawn)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_auc_at_the_end_of_its_scale_has_no_interval(value):
    assert intervals.logit_interval(value, 0.0) == Interval(value, None, None)
    assert intervals.logit_interval(0.7, float("nan")).low is None


def test_an_interval_lies_between_nought_and_one():
    found = intervals.logit_interval(0.97, 0.05)
    assert 0 < found.low < 0.97 < found.high < 1


def test_repeated_rows_do_not_narrow_a_rate():
    """600 worlds: 60 people with four equal rows each. Counting rows as people would cover some 70 in 100."""
    random = np.random.default_rng(4)
    people = np.arange(60).repeat(4)
    honest = naive = 0
    for _ in range(600):
        values = (random.random(60) < 0.3).astype(float).repeat(4)
        rate = values.mean()
        worth = intervals.effective(values, people, rate * (1 - rate), 1.0)
        found, plain = intervals.wilson(rate * worth, worth), intervals.wilson(values.sum(), values.size)
        honest += found.low <= 0.3 <= found.high
        naive += plain.low <= 0.3 <= plain.high
    assert honest / 600 >= 0.93
    assert naive / 600 < 0.8
