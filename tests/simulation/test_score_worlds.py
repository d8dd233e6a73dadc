"""Score worlds: the truth is the one that was asked for, and samples follow it."""

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from desist.simulation.score_worlds import (
    METRICS,
    Grid,
    Group,
    Population,
    ScoreWorld,
    at_gap,
    calibrated,
    draw,
    draws,
    mixed,
)

GRID = Grid.round_a(0.4)
OTHERS = calibrated(GRID, 0.25, 0.73)


def test_a_population_of_two_estimates_by_hand():
    # 10 rows: at .3, 4 without and 2 with the outcome; at .5, 1 without and 3 with. The cut-off is .42.
    grid = Grid(0.42, tuple(float(x) for x in (2 * logit(0.3) - logit(0.4), logit(0.4), 2 * logit(0.5) - logit(0.4))))
    assert grid.score == pytest.approx([0.3, 0.5])
    people = Population(grid, np.array([0.2, 0.3]), np.array([0.4, 0.1]))
    by_hand = {
        "base_rate": 0.5, "selection": 0.4, "fpr": 0.2, "fnr": 0.4, "ppv": 0.75, "fdr": 0.25, "for": 2 / 6,
        "sensitivity_in_need": 0.6, "mean_estimate": 0.38, "calibration_in_the_large": -0.12,
        # .5 is within .1 of the cut-off, .3 is not.
        "calibration_near_cut_off": 0.5 - 0.75,
        # Pairs: of 5 x 5, an event at .5 beats 4 without at .3 and ties with 1; one at .3 ties with 4.
        "auc": (3 * 4 + 3 * 0.5 + 2 * 4 * 0.5) / 25,
        "brier": 0.2 * 0.49 + 0.3 * 0.25 + 0.4 * 0.09 + 0.1 * 0.25,
        # Implied: 1 - s is .7 x 6 at .3 and .5 x 4 at .5.
        "excess_fpr": 0.2 - 2.0 / 6.2,
        # Log odds go from log(2/4) at .3 to log(3/1) at .5.
        "calibration_slope": (np.log(3) - np.log(0.5)) / (0 - logit(0.3)),
    }  # fmt: skip
    assert set(by_hand) == set(METRICS)
    for metric, expected in by_hand.items():
        assert people.truth(metric) == pytest.approx(expected, abs=1e-9), metric


def test_calibrated_estimates_are_true_chances_with_the_base_rate_and_ranking_asked_for():
    for metric, expected in {"base_rate": 0.25, "mean_estimate": 0.25, "calibration_slope": 1.0}.items():
        assert OTHERS.truth(metric) == pytest.approx(expected, abs=1e-9)
    for metric in ("calibration_in_the_large", "calibration_near_cut_off", "excess_fpr"):
        assert OTHERS.truth(metric) == pytest.approx(0, abs=1e-9)
    assert OTHERS.truth("auc") == pytest.approx(0.73, abs=2e-4)


def test_a_calibrated_score_wrongly_lists_more_of_the_group_with_the_higher_base_rate():
    # By hand, with the two normal classes: 1 - Phi((logit .375 - logit base + d^2/2) / d), d = sqrt(2) Phi^-1(.73).
    grid, d = Grid.round_a(0.375), np.sqrt(2) * norm.ppf(0.73)
    for base, by_hand in ((0.2, 0.0744), (0.3, 0.2057)):
        assert norm.sf((logit(0.375) - logit(base) + d * d / 2) / d) == pytest.approx(by_hand, abs=5e-5)
        assert calibrated(grid, base, 0.73).truth("fpr") == pytest.approx(by_hand, abs=3e-4)


@pytest.mark.parametrize("metric", [name for name in METRICS if name != "mean_estimate"])
@pytest.mark.parametrize("gap", [0.0, 0.04, -0.04, 0.06])
def test_the_gap_is_exactly_the_one_asked_for(metric, gap):
    group = at_gap(metric, gap, OTHERS, 0.3, 0.7)
    assert group.truth(metric) - OTHERS.truth(metric) == pytest.approx(gap, abs=1e-9)
    assert group.mass.min() >= 0
    if metric in ("fpr", "fnr", "ppv", "auc", "selection"):
        assert group.truth("base_rate") == pytest.approx(0.3, abs=1e-9)
    elif metric.startswith("calibration") or metric == "excess_fpr":
        assert group.truth("mean_estimate") == pytest.approx(0.3, abs=1e-9)


def test_a_gap_out_of_reach_is_refused():
    with pytest.raises(ValueError, match=r"no population at base rate 0\.2 has a auc of 1\.030"):
        at_gap("auc", 0.3, OTHERS, 0.2, 0.73)


def test_everybody_outside_a_group_is_mixed_by_people():
    low, high = calibrated(GRID, 0.2, 0.73), calibrated(GRID, 0.4, 0.73)
    world = ScoreWorld((Group("A", OTHERS, 50), Group("B", low, 300), Group("C", high, 100)))
    assert world.others("A").truth("base_rate") == pytest.approx(0.25)
    assert world.gap("base_rate", "A") == pytest.approx(0.0, abs=1e-9)
    assert world.gap_to_mean("base_rate", "A") == pytest.approx(0.25 - 0.3)
    assert mixed([(1, low), (1, high)]).truth("base_rate") == pytest.approx(0.3)


def test_samples_follow_the_truth_also_where_people_have_several_rows():
    group = at_gap("fpr", 0.05, OTHERS, 0.3, 0.73)
    world = ScoreWorld((Group("A", group, 40_000), Group("B", OTHERS, 1_000)), rows=(0.5, 0.0, 0.5), repeat=0.8)
    drawn = draw(world, np.random.default_rng(3))
    mine = drawn.group == 0
    y, score = drawn.y[mine], drawn.score[mine]
    assert (score[y == 0] >= 0.4).mean() == pytest.approx(group.truth("fpr"), abs=0.006)
    assert (score[y == 1] < 0.4).mean() == pytest.approx(group.truth("fnr"), abs=0.01)
    assert roc_auc_score(y, score) == pytest.approx(group.truth("auc"), abs=0.01)
    fitted = LogisticRegression(C=1e9).fit(logit(score)[:, None], y)
    assert fitted.coef_[0, 0] == pytest.approx(group.truth("calibration_slope"), abs=0.05)


def test_rows_of_a_person_repeat_the_first_with_the_chance_that_was_set():
    world = ScoreWorld((Group("A", OTHERS, 20_000), Group("B", OTHERS, 1)), rows=(0.0, 0.0, 1.0), repeat=0.8)
    drawn = draw(world, np.random.default_rng(5))
    rows = drawn.y[drawn.group == 0].reshape(20_000, 3)
    likeness = np.corrcoef(rows.T)
    assert likeness[0, 1] == pytest.approx(0.8, abs=0.02)
    assert likeness[1, 2] == pytest.approx(0.64, abs=0.02)
    assert drawn.people.max() == 20_000


def test_the_same_seed_draws_the_same_samples_and_each_world_its_own():
    world = ScoreWorld((Group("A", OTHERS, 30), Group("B", OTHERS, 60)), rows=(0.5, 0.5), need=0.5)
    first, again = list(draws(world, 2, seed=1)), list(draws(world, 2, seed=1))
    assert all((a.score == b.score).all() and (a.need == b.need).all() for a, b in zip(first, again, strict=True))
    assert not (first[0].score[:30] == first[1].score[:30]).all()
    assert 0 < first[0].need.mean() < 1


def test_worlds_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="one grid"):
        ScoreWorld((Group("A", OTHERS, 5), Group("B", calibrated(Grid.round_a(0.4), 0.2, 0.7), 5)))
    with pytest.raises(ValueError, match="no chances"):
        ScoreWorld((Group("A", OTHERS, 5),), rows=(0.5, 0.6))
    with pytest.raises(ValueError, match="add up"):
        Population(GRID, OTHERS.events, OTHERS.events)
    with pytest.raises(ValueError, match="between"):
        Grid.round_a(0.05)
