"""How many people a margin asks for: worked out by hand, and reached by the verdict itself."""

import math
from types import SimpleNamespace

import pytest

from desist.fairness.statistics import power

Z95, BOTH, ONE = 1.959964, 1.281552, 0.841621


def _everybody(metric, value, effective, low=None, high=None):
    measure = SimpleNamespace(value=value, effective=effective, low=low, high=high)
    return SimpleNamespace(measures={metric: measure})


def test_a_one_sided_harm_asks_for_fewer_people_than_two_sides():
    # .12 x .88 / (.05 / (1.96 + 1.28))^2 = 444 people; with one side .05 / (1.96 + .84) gives 332.
    assert power.planned_denominator(0.12, 0.05, math.inf) == pytest.approx(443.8, abs=0.1)
    assert power.planned_denominator(0.12, 0.05, math.inf, harm="higher") == pytest.approx(331.5, abs=0.1)


def test_a_proportion_is_planned_with_everybodys_rate():
    everybody = _everybody("fpr", 0.12, 10_000)
    assert power.needed("fpr", everybody, 0.05, math.inf) == pytest.approx(444.3, abs=1)
    # 9,556 others cost a little precision: 1/n = 1/444 - 1/9,556.
    assert power.needed("fpr", everybody, 0.05, 9556.0) == pytest.approx(1 / (1 / 444.3 - 1 / 9556), abs=1.5)


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
    assert power.planned_denominator(0.2, margin, 2_000) == pytest.approx(300)
    assert power.smallest_margin(0.2, 0, 2_000) == math.inf
