"""Measures of groups against everybody else, by hand and in worlds whose gap is known."""

import math

import numpy as np
import pandas as pd
import pytest

from desist.fairness.statistics import contrasts, intervals
from desist.fairness.statistics.estimates import Estimates
from desist.fairness.statistics.group_measures import GroupMeasures
from desist.fairness.statistics.power import planned_denominator
from desist.fairness.statistics.sample import Sample
from desist.fairness.statistics.verdicts import MEETS, judge


def _hand():
    y = np.array([1.0, 0, 0, 1, 0, 0, 1, 0])
    score = np.array([0.9, 0.8, 0.1, 0.2, 0.7, 0.1, 0.6, 0.1])
    groups = pd.DataFrame({"sex": ["F", "F", "F", "F", "M", "M", "M", "M"]})
    return Sample(y, score, np.arange(8), 0.5), groups


def test_every_metric_of_a_group_stands_beside_that_of_everybody_else():
    women, men = GroupMeasures(*_hand(), replicates=20, seed=1).by("sex", {"F": 2})
    assert (women.n, women.events, women.selected, women.unknown_outcome) == (4, 2, 2, 2)
    assert (women.tn, women.fp, women.fn, women.tp) == (1, 1, 1, 1)
    assert (men.tn, men.fp, men.fn, men.tp) == (2, 1, 0, 1)
    fpr = women.measures["fpr"]
    assert (fpr.denominator, fpr.value, fpr.others) == (2, 0.5, round(1 / 3, 9))
    assert fpr.gap == pytest.approx(1 / 6, abs=1e-9) and fpr.ratio == pytest.approx(1.5)
    expected = intervals.guarded_difference(1, 2, 1, 3)
    assert (fpr.gap_low, fpr.gap_high) == (round(expected.low, 9), round(expected.high, 9))
    assert women.measures["fnr"].ratio is None  # no man was missed: nothing to divide by
    calibration = women.measures["calibration_in_the_large"]
    assert calibration.value == pytest.approx(0.5 - 0.5) and calibration.others == pytest.approx(0.375 - 0.25)
    assert women.measures["brier"].value == pytest.approx((0.01 + 0.64 + 0.01 + 0.64) / 4)
    # Pairs of (event, none) among women: .9 beats .8 and .1, .2 beats .1 only.
    assert women.measures["auc"].value == 0.75


def test_everybody_together_has_nobody_to_be_compared_with():
    row = GroupMeasures(*_hand(), replicates=20, seed=1).everybody(3)
    assert (row.group, row.n, row.unknown_outcome) == ("Everybody", 8, 3)
    assert row.measures["fpr"].value == 0.4 and row.measures["fpr"].gap is None
    assert row.measures["auc"].others is None


def test_no_row_to_judge_is_an_error_not_an_empty_audit():
    with pytest.raises(ValueError, match="no row to judge"):
        Sample(np.array([]), np.array([]), np.array([], dtype=np.int64), 0.5)


def _calibration_gaps(gap, *, worlds, n=790, others=4000, seed=1):
    """How often over-prediction of a group of ``n`` by ``gap`` is called within .05, with scores that vary."""
    random, within = np.random.default_rng(seed), 0
    people, member = np.arange(n + others), np.arange(n + others) < n
    for _ in range(worlds):
        chance = random.beta(1.5, 4.5, n + others)
        y = (random.random(n + others) < chance).astype(float)
        sample = Sample(y, np.clip(chance + gap * member, 0, 1), people, 0.5)
        pairs = Estimates(sample, ["calibration_in_the_large"]).of(member.astype(np.int64), 2)
        found = contrasts.gap("calibration_in_the_large", *pairs["calibration_in_the_large"][1])
        within += judge(found.low, found.high, 0.05, enough=True) == MEETS
    return within / worlds


@pytest.mark.parametrize("gap", [0.05, -0.05])
def test_over_or_under_prediction_by_the_margin_is_called_within_in_at_most_5_of_100(gap):
    assert _calibration_gaps(gap, worlds=600) <= 0.05


def test_without_over_prediction_the_planned_number_is_called_within_in_about_8_of_10():
    n = math.ceil(planned_denominator(0.25, 0.05, 4000))
    assert 900 < n < 1100
    assert 0.75 <= _calibration_gaps(0.0, worlds=600, n=n) <= 0.92


@pytest.mark.slow
def test_ranking_worse_by_the_margin_is_called_within_in_at_most_5_of_100():
    """150 worlds: normal scores with AUC .8 for everybody else and .7 in the group; margin .1."""
    random, within = np.random.default_rng(3), 0
    groups = pd.DataFrame({"sex": ["F"] * 250 + ["M"] * 350})
    shift = np.where(groups["sex"] == "F", 0.7416, 1.1902)  # AUC = Phi(shift / sqrt 2)
    for world in range(150):
        y = (random.random(600) < 0.4).astype(float)
        score = 1 / (1 + np.exp(-random.normal(y * shift)))
        measured = GroupMeasures(Sample(y, score, np.arange(600), 0.5), groups, replicates=60, seed=world)
        women = measured.by("sex", {})[0].measures["auc"]
        within += judge(women.gap_low, women.gap_high, 0.1, enough=True) == MEETS
    assert within / 150 <= 0.05
