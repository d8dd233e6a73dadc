"""How many people a margin asks for: worked out by hand, and reached by the verdict itself."""

import math
from types import SimpleNamespace

import pytest
from scipy.stats import binom

from desist.fairness.statistics import intervals, power

Z95, BOTH, ONE = 1.959964, 1.281552, 0.841621


def _everybody(metric, value, effective, low=None, high=None):
    measure = SimpleNamespace(value=value, effective=effective, low=low, high=high)
    return SimpleNamespace(measures={metric: measure})


def test_a_one_sided_harm_asks_for_fewer_people_than_two_sides():
    # By the normal formula .12 x .88 / (.05 / (1.96 + 1.28))^2 = 444 people, and .05 / (1.96 + .84) gives 332: near
    # the top the interval is wider, so a side that is harmed upwards asks for more, one downwards for fewer.
    assert power.planned_denominator(0.12, 0.05, math.inf) == pytest.approx(444, abs=10)
    assert 332 < power.planned_denominator(0.12, 0.05, math.inf, harm="higher") < 444
    assert power.planned_denominator(0.12, 0.05, math.inf, harm="lower") < 332
    # At a rate of one half both sides are alike: .25 / (.05 / (1.96 + .84))^2 = 785.
    for harm in ("higher", "lower"):
        assert power.planned_denominator(0.5, 0.05, math.inf, harm=harm) == pytest.approx(785, abs=8)


def test_a_rare_rate_asks_for_more_people_than_the_normal_formula():
    # .02 x .98 x (2.8 / .15)^2 is 7 people; but nobody of 16 leaves the rate open up to .19.
    assert intervals.wilson(0, 16).high > 0.15 + 0.02
    assert power.planned_denominator(0.02, 0.15, 1_000.0, harm="higher") > 20


@pytest.mark.parametrize(
    ("rate", "margin", "n", "m"), [(0.12, 0.1, 130, 900), (0.3, 0.15, 120, 400), (0.05, 0.1, 90, 90)]
)
@pytest.mark.parametrize("harm", ["both", "higher"])
def test_planned_power_is_the_chance_of_the_verdict(rate, margin, n, m, harm):
    """Against every pair of counts with its binomial chance."""
    chance = 0.0
    others = [intervals.wilson(y, m) for y in range(m + 1)]
    weights = binom.pmf(range(m + 1), m, rate)
    for x, weight in enumerate(binom.pmf(range(n + 1), n, rate)):
        if weight > 1e-5:
            mine = intervals.wilson(x, n)
            gaps = [intervals.difference(mine, other) for other in others]
            held = [gap.high < margin and (harm == "higher" or gap.low > -margin) for gap in gaps]
            chance += weight * float(weights @ held)
    assert power.planned_power(rate, n, m, margin, harm=harm) == pytest.approx(chance, abs=0.06)


def test_a_proportion_is_planned_with_everybodys_rate():
    everybody = _everybody("fpr", 0.12, 10_000)
    alone = power.needed("fpr", everybody, 0.05, math.inf)
    assert alone == pytest.approx(444, abs=10)
    # 9,556 others cost a little precision: 1/n = 1/444 - 1/9,556.
    assert power.needed("fpr", everybody, 0.05, 9556.0) == pytest.approx(1 / (1 / alone - 1 / 9556), abs=3)


def test_what_is_no_proportion_is_planned_with_the_width_of_everybodys_interval():
    # An interval of .9 to 1.1 at an effective 400: standard error .2 / (2 x 1.96), so a row's variance is 1.0412.
    everybody = _everybody("calibration_slope", 1.0, 400, 0.9, 1.1)
    variance = (0.1 / Z95) ** 2 * 400
    expected = variance / (0.15 / (Z95 + BOTH)) ** 2
    assert power.needed("calibration_slope", everybody, 0.15, math.inf) == pytest.approx(expected, rel=1e-5)
    one = variance / (0.15 / (Z95 + ONE)) ** 2
    assert power.needed("calibration_slope", everybody, 0.15, math.inf, harm="lower") == pytest.approx(one, rel=1e-5)


def test_a_correction_for_retries_asks_for_more_people():
    everybody = _everybody("fpr", 0.12, 10_000)
    assert power.needed("fpr", everybody, 0.05, 5e3, 2.24) > power.needed("fpr", everybody, 0.05, 5e3)


@pytest.mark.parametrize(
    "measure",
    [(None, 400, 0.1, 0.2), (0.5, 400, None, None), (0.5, 0, 0.4, 0.6), (0.5, 400, 0.5, 0.5)],
)
def test_no_number_would_do_where_everybodys_measure_is_not_known(measure):
    value, effective, low, high = measure
    assert power.needed("auc", _everybody("auc", value, effective, low, high), 0.05, 1000.0) == math.inf
    assert power.needed("brier", _everybody("auc", 0.7, 400, 0.65, 0.75), 0.05, 1000.0) == math.inf


def test_no_number_would_do_where_the_others_are_too_few():
    assert power.needed("fpr", _everybody("fpr", 0.25, 10_000), 0.05, 700.0) == math.inf
    assert power.needed("fpr", _everybody("fpr", 0.25, 10_000), 0.05, 0.0) == math.inf


def test_the_smallest_margin_is_the_one_that_asks_for_exactly_these_people():
    margin = power.smallest_margin(0.2, 300, 2_000)
    assert power.planned_denominator(0.2, margin, 2_000) == pytest.approx(300, abs=0.1)
    assert power.smallest_margin(0.2, 0, 2_000) == math.inf
