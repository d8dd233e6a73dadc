"""Sums over people, calibration and the excess of the false positive rate: by hand, and in worlds of known truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

from desist.fairness.statistics import contrasts, intervals
from desist.fairness.statistics.estimates import ESTIMATED, Estimates
from desist.fairness.statistics.person_sums import PersonSums
from desist.fairness.statistics.sample import Sample
from desist.fairness.statistics.verdicts import MEETS, judge


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_sums_inside_and_outside_a_group_are_those_of_its_rows_and_of_all_others(seed):
    random = np.random.default_rng(seed)
    people, codes = random.integers(0, 12, 30), random.integers(0, 4, 30)  # people change their group
    columns = np.stack([random.integers(0, 2, 30), random.normal(size=30)], axis=1).astype(float)
    for group, sides in enumerate(PersonSums(people, codes, 4).add(columns)):
        for side, rows in zip(sides, (codes == group, codes != group), strict=True):
            own = np.stack([np.bincount(people[rows], columns[rows, c], minlength=12) for c in range(2)], axis=1)
            assert side.totals == pytest.approx(own.sum(axis=0), abs=1e-9)
            assert side.squares == pytest.approx(own.T @ own, abs=1e-9)
            assert side.persons == (own[:, 0] > 0).sum()


def test_everybody_with_one_row_makes_a_rate_worth_its_rows():
    sample = Sample(np.array([1.0, 0, 0, 1, 1]), np.linspace(0.1, 0.9, 5), np.arange(5), 0.5)
    assert Estimates(sample).everybody["base_rate"].worth == pytest.approx(5)


def test_two_equal_rows_a_person_are_worth_about_one():
    y, people = np.array([1.0, 1, 1, 1, 0, 0, 0, 0]), np.array([0, 0, 1, 1, 2, 2, 3, 3])
    found = Estimates(Sample(y, np.full(8, 0.5), people, 0.5)).everybody["base_rate"]
    # By hand: people's sums of residuals are +1, +1, -1, -1; 4/3 * 4 / 64 = 1/12 over .25/7.
    assert found.worth == pytest.approx(8 / (7 / 3)) and found.denominator == 8


def test_where_a_group_is_all_alike_everybodys_likeness_decides_what_its_rows_are_worth():
    people = np.repeat(np.arange(40), 3)
    y = np.r_[np.zeros(6), (np.random.default_rng(1).random(38) < 0.5).repeat(3)]
    codes = (np.arange(120) >= 6).astype(np.int64)
    alone = Estimates(Sample(y, np.full(120, 0.5), people, 0.5)).of(codes, 2)["base_rate"][0][0]
    assert alone.value == 0 and alone.worth == pytest.approx(2, abs=0.1)


def test_calibration_keeps_a_width_where_nobody_reoffended():
    y, score = np.r_[np.zeros(20), np.ones(10), np.zeros(30)], np.r_[np.full(20, 0.1), np.full(40, 0.25)]
    sample = Sample(y, score, np.arange(60), 0.5)
    found = Estimates(sample).of((np.arange(60) >= 20).astype(np.int64), 2)["calibration_in_the_large"][0][0]
    ends = found.interval("calibration_in_the_large")
    assert (found.value, ends.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert ends.low == pytest.approx(0.1 - intervals.wilson(0, found.worth).high) and found.worth < 30


def test_near_the_cut_off_counts_estimates_at_most_a_tenth_away():
    score = np.array([0.29, 0.3, 0.4, 0.5, 0.51])
    sample = Sample(np.array([1.0, 0, 1, 0, 1]), score, np.arange(5), 0.4)
    found = Estimates(sample).everybody["calibration_near_cut_off"]
    assert found.denominator == 3 and found.value == pytest.approx(0.4 - 1 / 3)


def test_the_excess_is_the_false_positive_rate_beyond_what_the_estimates_imply():
    y, score = np.array([0.0, 0, 1, 0]), np.array([0.5, 0.75, 0.5, 0.25])
    found = Estimates(Sample(y, score, np.arange(4), 0.5)).everybody["excess_fpr"]
    # Two of three without an event are listed; the estimates imply (.5 + .25 + .5) of (.5 + .25 + .5 + .75).
    assert found.value == pytest.approx(2 / 3 - 1.25 / 2) and found.denominator == 3


def test_an_excess_needs_estimates_that_are_chances():
    found = Estimates(Sample(np.array([0.0, 1]), np.array([3.0, 7]), np.arange(2), 5)).everybody
    assert "excess_fpr" not in found and found["fpr"].value == 0


def test_where_nobody_is_listed_the_excess_is_nought_with_a_width():
    sample = Sample(np.r_[np.zeros(30), np.ones(10)], np.full(40, 0.2), np.arange(40), 0.5)
    ends = Estimates(sample).everybody["excess_fpr"].interval("excess_fpr")
    assert ends.value == 0 == ends.low and ends.high > 0.05


def test_help_and_need_are_shares_of_people_with_a_need():
    need, received = np.array([1, 1, 1, 0], dtype=bool), np.array([1, 0, 0, 1], dtype=bool)
    y, score = np.array([1.0, 1, 0, 1]), np.array([0.9, 0.1, 0.9, 0.1])
    found = Estimates(Sample(y, score, np.arange(4), 0.5, need=need, received=received)).everybody
    assert (found["benefit"].value, found["benefit"].denominator) == (pytest.approx(1 / 3), 3)
    assert (found["sensitivity_in_need"].value, found["sensitivity_in_need"].denominator) == (0.5, 2)
    assert not {"benefit", "sensitivity_in_need"} & Estimates(Sample(y, score, np.arange(4), 0.5)).everybody.keys()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_rows_are_never_worth_more_than_they_are_and_intervals_hold_their_value(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 60))
    sample = Sample((random.random(n) < 0.3) * 1.0, random.integers(0, 9, n) / 8, random.integers(0, 20, n), 0.5)
    sample = Sample(sample.y, sample.score, np.unique(sample.people, return_inverse=True)[1], 0.5)
    for metric, pairs in Estimates(sample).of(random.integers(0, 3, n), 3).items():
        for side in (side for pair in pairs for side in pair):
            assert metric in ESTIMATED and side.effective <= side.denominator + 1e-9
            ends = side.interval(metric)
            if ends.known:
                assert ends.low <= ends.value <= ends.high


GRID = (np.arange(200_000) + 0.5) / 200_000
WEIGHT = beta(1.5, 4.5).pdf(GRID) / beta(1.5, 4.5).pdf(GRID).sum()
LISTED = GRID >= 0.4
#: What estimates from this Beta, were they chances, imply: of .75 without an event so many are listed.
MISSED = (WEIGHT * (1 - GRID))[LISTED].sum()
IMPLIED = MISSED / 0.75


def _excess_gap(gap, *, worlds, n=300, others=1500, rows=1, margin=0.05):
    """How often an excess of ``gap`` is called within: the listed of the group are proven less often than estimated."""
    random, within = np.random.default_rng(7), 0
    codes = (np.arange(n + others) >= n).astype(np.int64).repeat(rows)
    people = np.arange(n + others).repeat(rows)
    # Chances of the listed lower by c make the rate (missed + c listed) / (.75 + c listed): solved for c.
    lower = ((gap + IMPLIED) * 0.75 - MISSED) / (WEIGHT[LISTED].sum() * (1 - gap - IMPLIED))
    for _ in range(worlds):
        score = random.beta(1.5, 4.5, n + others).repeat(rows)
        chance = score - lower * ((codes == 0) & (score >= 0.4))
        y = (random.random(n + others).repeat(rows) < chance) * 1.0
        pair = Estimates(Sample(y, score, people, 0.4), ["excess_fpr"]).of(codes, 2)["excess_fpr"][0]
        found = contrasts.gap("excess_fpr", *pair)
        within += judge(found.low, found.high, margin, enough=True) == MEETS
    return within / worlds


@pytest.mark.parametrize("gap", [0.05, -0.05])
@pytest.mark.parametrize("rows", [1, 3])
def test_an_excess_as_large_as_the_margin_is_called_within_in_at_most_5_of_100(gap, rows):
    assert _excess_gap(gap, worlds=250, rows=rows) <= 0.05


def test_without_an_excess_it_is_said_nearly_as_often_as_by_one_who_knows_the_variance():
    single = (WEIGHT * GRID * (1 - GRID) * (LISTED - IMPLIED) ** 2).sum() / 0.75**2
    error = np.sqrt(single * (1 / 300 + 1 / 1500))
    oracle = 2 * norm.cdf(0.05 / error - 1.96) - 1
    assert 0.6 < oracle < 0.9
    assert _excess_gap(0.0, worlds=300) >= 0.9 * oracle
