"""What uses a characteristic: training that errs alike, and a cut-off for each group."""

import numpy as np
import pandas as pd
import pytest

from desist.fairness.scrutiny.mitigation import (
    FEWEST_WITHOUT,
    TOGETHER,
    Taught,
    cut_offs_by_group,
    large_enough,
    plain_logistic,
    recalibrated,
    taught_equal_fpr,
)
from desist.records.errors import Refused


def world(number, seed):
    """Group B's second feature is raised whatever they do: a logistic model lists more of them wrongly."""
    random = np.random.default_rng(seed)
    group = np.where(random.random(number) < 0.4, "B", "A")
    drive = random.normal(size=number)
    chance = 1 / (1 + np.exp(-(drive - 0.5 + 0.9 * (group == "B"))))
    X = pd.DataFrame({"drive": drive, "area": (group == "B") + 0.5 * random.normal(size=number)})
    return X, (random.random(number) < chance).astype(float), pd.Series(group)


def gap(score, y, group, cut_off=0.5):
    listed, other = score >= cut_off, (y == 0)
    return listed[other & (group == "B")].mean() - listed[other & (group == "A")].mean()


def test_a_model_taught_to_err_alike_has_a_smaller_gap_on_people_it_never_saw():
    X, y, group = world(2000, 1)
    later, later_y, later_group = world(4000, 2)
    taught = Taught(X, y, group, np.arange(2000) >= 1500)
    plain = plain_logistic(taught, later)
    steered = taught_equal_fpr(taught, later, cut_off=0.5, slack=0.02)
    before, after = (gap(score, later_y, later_group) for score in (plain, steered))
    assert before > 0.1 and after < before / 2
    assert steered.min() >= 0 and steered.max() <= 1


def test_one_group_alone_teaches_no_one_to_err_alike():
    X, y, _ = world(200, 1)
    with pytest.raises(Refused, match="No two groups"):
        taught_equal_fpr(Taught(X, y, pd.Series(["A"] * 200), np.arange(200) > 150), X, cut_off=0.5, slack=0.02)


def test_a_groups_own_cut_off_is_its_lowest_score_that_lists_at_most_the_share():
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    y = np.array([0, 0, 0, 0, 1, 0])
    group = pd.Series(["A"] * 4 + ["B"] * 2)
    # A: .25 of four may be listed wrongly: .4 lists one. B's one person without the outcome has the highest score.
    assert cut_offs_by_group(score, y, group, 0.25) == {"A": 0.4, "B": 2.0}
    assert cut_offs_by_group(score, y, group, 1.0) == {"A": 0.1, "B": 0.5}


def test_small_groups_are_taken_together_and_join_the_largest_if_still_too_few():
    y = np.zeros(3 * FEWEST_WITHOUT)
    groups = pd.Series(["A"] * 2 * FEWEST_WITHOUT + ["B"] * (FEWEST_WITHOUT - 1) + ["C"])
    assert set(large_enough(groups, y)) == {"A", TOGETHER}
    fewer = groups.iloc[:-1].reset_index(drop=True)
    assert set(large_enough(fewer, y[:-1])) == {"A"}


def test_recalibration_keeps_the_order_and_moves_the_mean_to_the_rate():
    random = np.random.default_rng(0)
    truth = random.random(3000)
    y = (random.random(3000) < truth).astype(float)
    found = recalibrated(truth / 2, y, truth / 2)
    assert found.mean() == pytest.approx(y.mean(), abs=0.01)
    assert (np.diff(found[np.argsort(truth)]) >= 0).all()
    turned = recalibrated(1 - truth, y, np.array([0.2, 0.8]))
    assert turned.tolist() == [0.2, 0.8]
