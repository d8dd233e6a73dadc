"""Three answers: their size at the margin, their power, and that too few people never pass."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from desist.fairness.statistics import contrasts, intervals, power
from desist.fairness.statistics.estimates import Estimates
from desist.fairness.statistics.sample import Sample
from desist.fairness.statistics.verdicts import (
    CANNOT_BE_ASSESSED,
    DOES_NOT_MEET,
    MEETS,
    Finding,
    Part,
    judge,
    lean,
    worst,
)


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (-0.04, 0.04, MEETS),
        (0.01, 0.049, MEETS),
        (-0.05, 0.02, CANNOT_BE_ASSESSED),  # an end on the limit is not inside it
        (0.02, 0.05, CANNOT_BE_ASSESSED),
        (0.04, 0.06, CANNOT_BE_ASSESSED),
        (-0.2, 0.2, CANNOT_BE_ASSESSED),
        (0.05, 0.2, CANNOT_BE_ASSESSED),  # nor outside it
        (0.051, 0.2, DOES_NOT_MEET),
        (-0.2, -0.051, DOES_NOT_MEET),
        (None, None, CANNOT_BE_ASSESSED),
    ],
)
def test_the_interval_of_the_gap_decides(low, high, answer):
    assert judge(low, high, 0.05, enough=True) == answer


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0.001, 0.2))
def test_too_few_people_never_pass_and_never_fail(one, other, margin):
    assert judge(min(one, other), max(one, other), margin, enough=False) == CANNOT_BE_ASSESSED


def test_the_worst_group_decides_and_no_group_is_no_pass():
    assert worst([MEETS, MEETS]) == MEETS
    assert worst([MEETS, CANNOT_BE_ASSESSED]) == CANNOT_BE_ASSESSED
    assert worst([CANNOT_BE_ASSESSED, DOES_NOT_MEET, MEETS]) == DOES_NOT_MEET
    assert worst([]) == CANNOT_BE_ASSESSED


def test_what_cannot_be_assessed_says_what_it_shows():
    assert lean(-0.1, 0.1, 0.05) == "no_evidence"
    assert lean(0.01, 0.3, 0.05) == "a_gap_is_shown"
    assert lean(0.06, 0.3, 0.05) == lean(-0.3, -0.06, 0.05) == "leaning_beyond_the_limit"


def test_the_margin_asks_for_the_people_that_the_board_was_told():
    assert power.planned_denominator(0.12, 0.05, math.inf) == pytest.approx(440, abs=15)
    assert power.planned_denominator(0.25, 0.05, math.inf) == pytest.approx(790, abs=15)


def test_no_number_is_enough_where_everybody_else_is_too_few():
    assert power.planned_denominator(0.25, 0.05, 700) == math.inf
    assert power.planned_denominator(0.25, 0.05, 0) == math.inf


def test_a_rate_of_nought_still_asks_for_people():
    assert power.planned_denominator(power.planning_rate(0, 30), 0.05, 1e6) > 200


def _chance_of(answer, p, n, q, m, margin):
    """Exact chance of an answer for group p (n rows) against others q (m rows), most of the mass enumerated."""
    total = 0.0
    xs = [x for x in range(n + 1) if binom.pmf(x, n, p) > 1e-9]
    zs = [z for z in range(m + 1) if binom.pmf(z, m, q) > 1e-6]
    for x in xs:
        for z in zs:
            gap = intervals.newcombe(x, n, z, m)
            if judge(gap.low, gap.high, margin, enough=True) == answer:
                total += binom.pmf(x, n, p) * binom.pmf(z, m, q)
    return total


@pytest.mark.parametrize(("n", "m"), [(4, 50), (15, 60), (40, 200), (150, 300), (400, 400)])
@pytest.mark.parametrize(("q", "margin"), [(0.1, 0.05), (0.3, 0.1), (0.05, 0.2)])
def test_a_gap_as_large_as_the_margin_is_called_within_in_at_most_5_of_100(n, m, q, margin):
    assert _chance_of(MEETS, q + margin, n, q, m, margin) <= 0.05


@pytest.mark.parametrize(("n", "m"), [(15, 60), (150, 300)])
def test_a_gap_as_large_as_the_margin_is_called_outside_in_at_most_5_of_100(n, m):
    assert _chance_of(DOES_NOT_MEET, 0.4, n, 0.3, m, 0.1) <= 0.05


def test_with_the_planned_number_no_gap_is_found_within_in_about_8_of_10():
    n = math.ceil(power.planned_denominator(0.3, 0.1, 1500))
    assert 0.72 <= _chance_of(MEETS, 0.3, n, 0.3, 1500, 0.1) <= 0.88


def test_repeated_rows_keep_the_size_at_the_margin():
    """800 worlds with a gap at the margin, four equal rows a person: "within" in at most about 5 of 100."""
    random = np.random.default_rng(2)
    within, people, codes = 0, np.arange(300).repeat(4), np.repeat([0, 1], 600)
    for _ in range(800):
        y = np.r_[(random.random(150) < 0.4).repeat(4), (random.random(150) < 0.3).repeat(4)] * 1.0
        pair = Estimates(Sample(y, np.full(1200, 0.5), people, 0.5), ["base_rate"]).of(codes, 2)["base_rate"][0]
        gap = contrasts.gap("base_rate", *pair)
        within += judge(gap.low, gap.high, 0.1, enough=True) == MEETS
    assert within / 800 <= 0.05


def _part(**changes):
    whole = {
        "group": "A", "people": 900, "denominator": 900, "effective": 900.0, "needed": 400, "value": 0.2, "low": 0.18,
        "high": 0.22, "others": 0.2, "gap": 0.0, "gap_low": -0.03, "gap_high": 0.03, "base_rate": 0.3,
        "others_base_rate": 0.3, "short_of": (), "answer": MEETS, "lean": "",
    }  # fmt: skip
    return Part(**{**whole, **changes})


def _finding(answer, *parts):
    return Finding("a", "fpr", "sex", 0.05, "a reason of some length", answer, parts)


def test_an_answer_that_does_not_follow_from_its_interval_cannot_be_made():
    assert _finding(MEETS, _part()).open_groups == ()
    for changes in ({"gap_high": 0.3}, {"gap_low": 0.1, "gap_high": 0.3}, {"short_of": ("4 people",)}):
        with pytest.raises(ValueError, match="does not follow"):
            _finding(MEETS, _part(**changes))


def test_a_finding_better_than_its_worst_group_cannot_be_made():
    unclear = _part(gap_high=0.3, answer=CANNOT_BE_ASSESSED, lean="no_evidence")
    assert _finding(CANNOT_BE_ASSESSED, _part(), unclear).open_groups == ("A",)
    with pytest.raises(ValueError, match="worst"):
        _finding(MEETS, _part(), unclear)
    with pytest.raises(ValueError, match="worst"):
        _finding(MEETS)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(0, 12), st.integers(200, 3000), st.floats(0.01, 0.99))
def test_a_handful_of_people_is_never_within_a_usual_limit(n, hits, others, rate):
    gap = intervals.newcombe(min(hits, n), n, rate * others, others)
    assert judge(gap.low, gap.high, 0.1, enough=True) != MEETS
