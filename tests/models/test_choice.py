"""The readable model is chosen unless a more complex one is shown to be better."""

import numpy as np
import pytest

from desist.models.judging.choice import choose

ORDER = ("card", "spline", "boosting")


def world(rows, seed, *, blur):
    """Outcomes, and scores that know the true logit up to a model's own blur."""
    draw = np.random.default_rng(seed)
    logit = draw.normal(-1, 1.2, rows)
    y = (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    scores = {
        name: 1 / (1 + np.exp(-((logit + 1) * (1.44 / (1.44 + amount**2)) - 1 + draw.normal(0, 1, rows) * 0.01)))
        if amount == 0
        else 1 / (1 + np.exp(-(-1 + (logit + 1 + draw.normal(0, amount, rows)) * 1.44 / (1.44 + amount**2))))
        for name, amount in zip(ORDER, blur, strict=True)
    }
    return y, scores


def pick(y, scores, people=None, replicates=400):
    people = np.arange(len(y)) if people is None else people
    return choose(y, scores, people, ORDER, replicates=replicates, seed=0)


def test_a_clearly_better_model_is_chosen():
    choice = pick(*world(4000, 0, blur=(3.0, 0.2, 0.2)))
    assert choice.chosen == "spline"
    assert "card was shown to be worse" in choice.words


def test_the_readable_model_is_chosen_where_it_is_the_best():
    choice = pick(*world(4000, 1, blur=(0.0, 1.0, 1.0)))
    assert (choice.chosen, choice.best) == ("card", "card")
    assert "none has a better Brier score" in choice.words


def test_a_gain_within_the_margin_is_shown_equal():
    y, scores = world(20_000, 2, blur=(0.15, 0.0, 0.15))
    choice = pick(y, scores)
    assert (choice.chosen, choice.best) == ("card", "spline")
    assert choice.words.startswith("Shown equal within the margin")
    assert choice.upper <= choice.margin


def test_a_gain_that_few_people_cannot_show_is_not_shown_different():
    y, scores = world(150, 3, blur=(0.8, 0.3, 0.3))
    choice = pick(y, scores)
    assert choice.chosen == "card" and choice.best != "card"
    assert choice.words.startswith("Not shown different")
    assert choice.upper > choice.margin


def test_the_margin_is_a_tenth_of_the_best_models_gain_over_the_rate():
    y = np.array([1.0, 0.0, 0.0, 0.0] * 50)
    scores = {"card": np.full(200, 0.25), "spline": np.where(y == 1, 0.75, 0.05), "boosting": np.full(200, 0.25)}
    # base .1875, best .25 * .0625 + .75 * .0025 = .0175: gain .17
    choice = pick(y, scores)
    assert choice.margin == pytest.approx(0.017)
    assert choice.gain_lost == pytest.approx(0.0) and choice.chosen == "spline"


def test_repeated_rows_of_the_same_people_show_nothing_more():
    y, scores = world(150, 3, blur=(0.8, 0.3, 0.3))
    many = {name: np.repeat(score, 40) for name, score in scores.items()}
    choice = pick(np.repeat(y, 40), many, np.repeat(np.arange(150), 40))
    assert choice.chosen == "card"


def test_luck_seldom_passes_for_a_better_model():
    taken = 0
    for seed in range(60):
        y, scores = world(400, 100 + seed, blur=(0.5, 0.5, 0.5))
        taken += pick(y, scores, replicates=150).chosen != "card"
    assert taken <= 3
