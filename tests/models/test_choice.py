"""The readable model is chosen unless a more complex one is shown to be better."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, precision_score

from desist.models.judging.choice import LEAST_EVENTS, _Losses, choose, later_half

ORDER = ("card", "spline", "boosting")
FOUR = ("card", "spline", "explainable", "boosting")


def world(rows, seed, *, blur, order=ORDER, level=-1.0):
    """Outcomes, and the chances of models that see the true logit through a noise of their own."""
    draw = np.random.default_rng(seed)
    away = draw.normal(0, 1.2, rows)
    y = (draw.random(rows) < 1 / (1 + np.exp(-level - away))).astype(float)
    scores = {
        name: 1 / (1 + np.exp(-level - (away + draw.normal(0, amount, rows)) * 1.44 / (1.44 + amount**2)))
        for name, amount in zip(order, blur, strict=True)
    }
    return y, scores


def pick(y, scores, people=None, replicates=400, order=ORDER, **other):
    people = np.arange(len(y)) if people is None else people
    return choose(y, scores, people, order, replicates=replicates, seed=0, **other)


def test_a_clearly_better_model_is_chosen():
    choice = pick(*world(4000, 0, blur=(3.0, 0.2, 0.2)))
    assert choice.chosen == "spline"
    assert "The card was shown to be worse" in choice.words
    assert choice.own_gain_at_least > choice.margin


def test_the_readable_model_is_chosen_where_it_is_the_best():
    choice = pick(*world(4000, 1, blur=(0.0, 1.0, 1.0)))
    assert (choice.chosen, choice.best, choice.verdict) == ("card", "card", "most readable and best")
    assert "none has a better Brier score" in choice.words and choice.gain_lost == 0


def test_a_gain_within_the_margin_is_shown_equal():
    choice = pick(*world(20_000, 2, blur=(0.15, 0.0, 0.15)))
    assert (choice.chosen, choice.best, choice.verdict) == ("card", "spline", "shown equal")
    assert choice.words.startswith("Shown equal within the margin: it gives up ")
    assert choice.upper <= choice.margin


def test_a_gain_that_few_people_cannot_show_is_not_shown_different():
    choice = pick(*world(500, 3, blur=(0.8, 0.3, 0.3)))
    assert choice.chosen == "card" and choice.best != "card"
    assert choice.words.startswith("Not shown different: it gives up ") and choice.verdict == "not shown different"
    assert choice.lower <= choice.margin < choice.upper


def test_the_margin_is_a_tenth_of_the_best_models_gain_over_the_rate():
    y = np.array([1.0, 0.0, 0.0, 0.0] * 100)
    scores = {"card": np.full(400, 0.25), "spline": np.where(y == 1, 0.75, 0.05), "boosting": np.full(400, 0.25)}
    # base .1875, best .25 * .0625 + .75 * .0025 = .0175: gain .17
    choice = pick(y, scores)
    assert choice.margin == pytest.approx(0.017) and choice.measure == "brier"
    assert choice.gain_lost == pytest.approx(0.0) and choice.chosen == "spline"


def test_of_an_outcome_under_ten_per_cent_the_gain_is_in_log_loss():
    y, scores = world(6000, 4, blur=(0.5, 0.2, 0.2), level=-3.6)
    assert y.mean() < 0.1
    choice = pick(y, scores)
    base = log_loss(y, np.full(len(y), y.mean()))
    assert choice.measure == "log_loss" and "of log-loss against" in choice.words
    assert choice.margin == pytest.approx(0.1 * (base - log_loss(y, scores[choice.best])), abs=1e-9)
    assert choice.gain_lost == pytest.approx(log_loss(y, scores["card"]) - log_loss(y, scores[choice.best]), abs=1e-9)


def test_with_fewer_than_a_hundred_people_with_the_outcome_nothing_is_chosen():
    y, scores = world(4000, 5, blur=(3.0, 0.2, 0.2))
    few = np.r_[np.flatnonzero(y == 1)[: LEAST_EVENTS - 1], np.flatnonzero(y == 0)[:300]]
    fewer = pick(y[few], {name: score[few] for name, score in scores.items()})
    assert (fewer.chosen, fewer.verdict, fewer.events) == ("card", "too few events to choose", 99)
    assert fewer.words.startswith("No choice was made: 99 people with the outcome are fewer than the 100")
    one_more = np.r_[few, np.flatnonzero(y == 1)[LEAST_EVENTS - 1]]
    assert pick(y[one_more], {name: score[one_more] for name, score in scores.items()}).chosen != "card"
    thrice = np.tile(few, 3)  # the same people on three dates are no more people
    told = pick(y[thrice], {name: score[thrice] for name, score in scores.items()}, people=np.tile(few, 3))
    assert (told.chosen, told.events, told.rows) == ("card", 99, 3 * len(few))


def test_where_nobody_beats_the_rate_the_readable_model_is_kept():
    y = np.array([1.0, 0.0] * 200)
    scores = {"card": np.full(400, 0.9), "spline": np.full(400, 0.5), "boosting": np.full(400, 0.55)}
    choice = pick(y, scores)
    assert (choice.chosen, choice.verdict, choice.margin) == ("card", "no gain over the base rate", 0.0)


def test_the_later_half_of_the_dates_decides():
    dates = np.array(["2022-01-01", "2022-04-01", "2022-07-01"], dtype="datetime64[s]")
    assert later_half(dates).tolist() == [False, True, True]
    assert later_half(dates[:2]).tolist() == [False, True]
    assert later_half(dates[:1]).tolist() == [True]
    y, good_late = world(4000, 6, blur=(3.0, 0.2, 0.2))
    _, good_early = world(4000, 6, blur=(0.2, 3.0, 3.0))
    as_of = np.repeat(np.array(["2022-01-01", "2022-04-01"], dtype="datetime64[us]"), 2000)
    mixed = {name: np.r_[good_early[name][:2000], good_late[name][2000:]] for name in ORDER}
    choice = pick(y, mixed, as_of=as_of)
    assert choice.chosen != "card" and choice.dates == ("2022-04-01",) and choice.rows == 2000
    assert pick(y, mixed).chosen == "card"


def test_precision_of_both_models_at_the_cut_off_is_always_told():
    y, scores = world(2000, 7, blur=(0.4, 0.3, 0.3))
    choice = pick(y, scores, cut_off=0.5)
    assert set(choice.precision) == {choice.chosen, choice.other} and choice.chosen != choice.other
    for name, measured in choice.precision.items():
        theirs = precision_score(y, scores[name] >= 0.5)
        assert measured.value == pytest.approx(theirs) and measured.low < theirs < measured.high
        assert f"{100 * theirs:.0f} in 100 by the {name}" in choice.words
    assert "cut-off of 0.5" in choice.words
    nobody = pick(y, scores, cut_off=0.999)
    assert "nobody reaches it by the card" in nobody.words
    told = choice.to_json()
    assert told["margin_share"] == 0.1 and told["precision"][choice.other]["value"] is not None


def test_a_model_between_is_passed_over_unless_its_own_gain_is_shown():
    # Brier scores in 100 replicates: the card loses .05 for sure; the spline swings between the two
    swing = np.tile([0.15, 0.21], 50)
    drawn = np.column_stack([np.full(100, 0.20), swing, np.full(100, 0.15)])
    losses = _Losses("brier", np.array([0.20, 0.165, 0.15]), drawn, gain=0.10)
    assert losses.lost(0)[1] > losses.margin >= losses.lost(1)[1]  # nobody is shown better than the spline
    assert losses.at_least(1, 0) < 0  # but its own gain over the card is not shown
    assert losses.place() == 2
    steady = np.column_stack([np.full(100, 0.20), np.tile([0.15, 0.17], 50), np.full(100, 0.15)])
    assert _Losses("brier", np.array([0.20, 0.16, 0.15]), steady, gain=0.10).place() == 1


def test_repeated_rows_of_the_same_people_show_nothing_more():
    y, scores = world(500, 3, blur=(0.8, 0.3, 0.3))
    many = {name: np.repeat(score, 10) for name, score in scores.items()}
    choice = pick(np.repeat(y, 10), many, np.repeat(np.arange(500), 10))
    assert choice.chosen == "card" and choice.verdict == "not shown different"
    alone = pick(np.repeat(y, 10), many, np.arange(5000))
    assert alone.chosen != "card"  # taken for ten times as many people, the same gain would be shown


def test_luck_seldom_passes_for_a_better_model():
    taken = 0
    for seed in range(60):
        y, scores = world(600, 100 + seed, blur=(0.5, 0.5, 0.5, 0.5), order=FOUR)
        taken += pick(y, scores, replicates=150, order=FOUR).chosen != "card"
    assert taken <= 3


def overlapping(people, seed, own):
    """Four rows a person, most outcomes those of the date before; models with noise of their own and some shared."""
    draw = np.random.default_rng(seed)
    away = draw.normal(0, 1, people)[:, None]
    y = draw.random((people, 4)) < 1 / (1 + np.exp(1.1 - away))
    for date in range(1, 4):
        y[:, date] = np.where(draw.random(people) < 0.7, y[:, date - 1], y[:, date])
    shared, scores = draw.normal(0, 0.5, people)[:, None], {}
    for name, amount in zip(FOUR, own, strict=True):
        seen = (away + shared + draw.normal(0, amount, (people, 1))) / (1.25 + amount**2)
        scores[name] = np.repeat(1 / (1 + np.exp(1.1 - seen)), 4)
    return y.ravel().astype(float), scores, np.repeat(np.arange(people), 4)


@pytest.mark.slow
def test_the_rule_errs_seldom_where_models_are_equal_and_sees_a_large_gain():
    wrong = sum(
        pick(*overlapping(600, seed, (0.25,) * 4), replicates=150, order=FOUR).chosen != "card" for seed in range(200)
    )
    right = sum(
        pick(*overlapping(2000, seed, (1.0, 0.25, 0.25, 0.25)), replicates=150, order=FOUR).chosen != "card"
        for seed in range(40)
    )
    assert wrong <= 10 and right >= 34
