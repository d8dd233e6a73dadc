"""Intervals against published examples, by hand, and by simulation where neither will do."""

import numpy as np
import pytest

from desist.fairness.statistics import intervals
from desist.fairness.statistics.estimates import Estimates
from desist.fairness.statistics.intervals import Interval
from desist.fairness.statistics.sample import Sample


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
        sample = Sample(values, np.full(240, 0.5), people, 0.5)
        found = Estimates(sample, ["base_rate"]).everybody["base_rate"].interval("base_rate")
        plain = intervals.wilson(values.sum(), values.size)
        honest += found.low <= 0.3 <= found.high
        naive += plain.low <= 0.3 <= plain.high
    assert honest / 600 >= 0.93
    assert naive / 600 < 0.8


def test_only_the_end_beside_nought_or_one_is_drawn_out_and_only_for_few():
    # One of 20: the exact one-sided 95 % end is 1 - .95^(1/20) = .00256; Wilson's is .0089.
    plain, found = intervals.wilson(1, 20), intervals.guarded(1, 20)
    assert found.low == pytest.approx(1 - 0.95 ** (1 / 20), abs=1e-12) and plain.low == pytest.approx(0.0089, abs=5e-5)
    assert found.high == plain.high
    mirrored = intervals.guarded(19, 20)
    assert (mirrored.low, mirrored.high) == (pytest.approx(1 - found.high), pytest.approx(1 - found.low))
    for successes, n in ((0, 20), (20, 20), (40, 90), (30, 4_000)):
        assert intervals.guarded(successes, n) == intervals.wilson(successes, n)
    assert intervals.guarded(1, 0) == intervals.UNDEFINED
