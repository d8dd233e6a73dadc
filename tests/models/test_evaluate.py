"""Measures of scores: by hand, against scikit-learn, and their intervals by drawing people."""

import math
import time
from statistics import NormalDist

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, precision_score, recall_score, roc_auc_score

from desist.models.judging.evaluate import (
    Measured,
    Scored,
    draw_people,
    metrics_to_json,
    overlap,
    paired_difference,
    sample_size,
    score_metrics,
)


def scored_rows(rows, seed, people=None):
    draw = np.random.default_rng(seed)
    logit = draw.normal(-1, 1, rows)
    score = np.round(1 / (1 + np.exp(-logit)), 3)
    outcome = (draw.random(rows) < 1 / (1 + np.exp(-(0.2 + 1.3 * logit)))).astype(float)
    return outcome, score, np.arange(rows) if people is None else draw.integers(0, people, rows)


def test_auc_by_hand_counts_a_tie_as_half():
    # pairs (with, without): .9>.1, .9>.5, .5>.1 and .5=.5 -> 3.5 of 4
    told = score_metrics([1, 0, 1, 0], [0.9, 0.1, 0.5, 0.5], list("ABCD"), replicates=10, seed=0)
    assert told["auc"].value == 3.5 / 4


def test_values_are_scikit_learns():
    y, score, people = scored_rows(3000, seed=0)
    told = score_metrics(y, score, people, replicates=5, seed=0, cut_off=0.4)
    chosen = score >= 0.4
    assert told["auc"].value == pytest.approx(roc_auc_score(y, score), abs=1e-12)
    assert told["brier"].value == pytest.approx(brier_score_loss(y, score), abs=1e-12)
    assert told["brier_gain"].value == pytest.approx(y.mean() * (1 - y.mean()) - brier_score_loss(y, score), abs=1e-12)
    assert told["log_loss"].value == pytest.approx(log_loss(y, score), abs=1e-9)
    assert told["precision"].value == pytest.approx(precision_score(y, chosen), abs=1e-12)
    assert told["recall"].value == pytest.approx(recall_score(y, chosen), abs=1e-12)
    assert told["selected"].value == pytest.approx(chosen.mean(), abs=1e-12)
    assert told["mean_score_less_rate"].value == pytest.approx(score.mean() - y.mean(), abs=1e-12)


def test_calibration_is_the_logistic_line_through_the_logit():
    y, score, people = scored_rows(3000, seed=1)
    logit = np.log(score / (1 - score))
    theirs = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(logit[:, None], y)
    told = score_metrics(y, score, people, replicates=5, seed=0)
    assert told["calibration_slope"].value == pytest.approx(theirs.coef_[0][0], abs=1e-4)
    assert told["calibration_intercept"].value == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_each_replicate_is_the_measure_of_its_own_rows():
    y, score, people = scored_rows(200, seed=2, people=60)
    scored = Scored(y, score)
    (draws,) = draw_people(people, 4, seed=5)
    for line, weights in enumerate(draws.astype(int)):
        rows = np.repeat(np.arange(200), weights)
        assert scored.auc(draws)[line] == pytest.approx(roc_auc_score(y[rows], score[rows]), abs=1e-12)
        assert scored.brier(draws)[line] == pytest.approx(brier_score_loss(y[rows], score[rows]), abs=1e-12)
        logit = np.log(score / (1 - score))[rows, None]
        line_fit = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(logit, y[rows])
        assert scored.calibration(draws)[1][line] == pytest.approx(line_fit.coef_[0][0], abs=1e-3)


def test_weighted_measures_are_scikit_learns_with_sample_weight():
    y, score, people = scored_rows(500, seed=12, people=150)
    scored = Scored(y, score, people)
    (draws,) = draw_people(people, 6, seed=1)
    for line, weights in enumerate(draws):
        told = {name: found[line] for name, found in scored.measures(draws, 0.4, noise=2.0).items()}
        kept = weights > 0  # scikit-learn forbids nothing, but its log-loss clips rows without weight too
        theirs, rate = {"sample_weight": weights[kept]}, np.average(y, weights=weights)
        assert told["auc"] == pytest.approx(roc_auc_score(y[kept], score[kept], **theirs), abs=1e-12)
        assert told["brier"] == pytest.approx(brier_score_loss(y[kept], score[kept], **theirs), abs=1e-12)
        assert told["log_loss"] == pytest.approx(log_loss(y[kept], score[kept], **theirs), abs=1e-12)
        base = log_loss(y[kept], np.full(kept.sum(), rate), **theirs)
        assert told["log_loss_gain"] == pytest.approx(base - told["log_loss"], abs=1e-12)
        assert told["brier_gain"] == pytest.approx(rate * (1 - rate) - told["brier"], abs=1e-12)
        chosen = score[kept] >= 0.4
        assert told["precision"] == pytest.approx(precision_score(y[kept], chosen, **theirs), abs=1e-12)
        assert told["recall"] == pytest.approx(recall_score(y[kept], chosen, **theirs), abs=1e-12)


def test_net_benefit_by_hand_beside_listing_everybody_and_nobody():
    # cut-off .2: a wrongly listed person weighs a quarter. Listed: A (outcome), B and C (none) -> (1 - 2/4) / 5
    y, score = [1, 0, 0, 1, 0], [0.9, 0.5, 0.2, 0.1, 0.1]
    told = score_metrics(y, score, list("ABCDE"), replicates=20, seed=0, cut_off=0.2)
    assert told["net_benefit"].value == pytest.approx(0.1)
    assert told["net_benefit_all"].value == pytest.approx((2 - 3 / 4) / 5)
    assert told["net_benefit_gain"].value == pytest.approx(0.1 - 0.25)  # listing everybody would do better here
    nobody = score_metrics(y, score, list("ABCDE"), replicates=20, seed=0, cut_off=0.95)
    assert nobody["net_benefit"].value == 0.0
    assert nobody["net_benefit_gain"].value == 0.0  # listing everybody at .95 would cost: (2 - 3 * 19) / 5 < 0
    for outside in (0.0, 1.0):
        with pytest.raises(ValueError, match="cut-off"):
            score_metrics(y, score, list("ABCDE"), replicates=2, seed=0, cut_off=outside)


def test_debiased_calibration_error_is_that_of_a_plain_loop():
    y, score, people = scored_rows(400, seed=13, people=120)
    order, total = sorted(range(400), key=lambda row: score[row]), 0.0
    places = {}
    for position, row in enumerate(order):
        places.setdefault(score[row], position * 10 // 400)  # equal scores share the bin of the first
    for place in set(places.values()):
        rows = [row for row in order if places[score[row]] == place]
        rate = sum(y[row] for row in rows) / len(rows)
        gap = abs(sum(score[row] for row in rows) / len(rows) - rate)
        alone = sum((y[row] - rate) ** 2 for row in rows)
        sums = {}
        for row in rows:
            sums[people[row]] = sums.get(people[row], 0.0) + y[row] - rate
        widened = max(1.0, sum(value**2 for value in sums.values()) / alone)
        error = math.sqrt(widened * rate * (1 - rate) / (len(rows) - 1))
        spread = NormalDist(0, error)  # what an absolute gap is on average, if the gap found were the true one
        expected = 2 * error**2 * spread.pdf(gap) + gap * (1 - 2 * spread.cdf(-gap))
        total += len(rows) / 400 * (gap - (expected - gap))
    told = score_metrics(y, score, people, replicates=2, seed=0)
    assert told["ece"].value == pytest.approx(max(total, 0.0), abs=1e-9)


def test_repeated_rows_of_a_person_pass_for_no_calibration_error():
    draw = np.random.default_rng(14)
    score = draw.uniform(0.05, 0.95, 500)
    found = []
    for _ in range(30):
        y = (draw.random(500) < score).astype(float)
        rows = [np.repeat(part, 8) for part in (y, score, np.arange(500))]
        found.append([score_metrics(*rows, replicates=2, seed=0)["ece"].value,
                      score_metrics(*rows[:2], np.arange(4000), replicates=2, seed=0)["ece"].value])  # fmt: skip
    known, unknown = np.mean(found, axis=0)
    assert known < 0.7 * unknown


def repeated(people, seed, dates=4):
    """Rows of people on overlapping dates: half of a person's outcomes are those of the date before."""
    draw = np.random.default_rng(seed)
    own = draw.normal(0, 0.8, people)
    logit = own[:, None] + draw.normal(0, 0.4, (people, dates)) - 0.8
    fresh = draw.random((people, dates)) < 1 / (1 + np.exp(-logit))
    y = fresh.copy()
    for date in range(1, dates):
        y[:, date] = np.where(draw.random(people) < 0.7, y[:, date - 1], fresh[:, date])
    score = 1 / (1 + np.exp(-(1.2 * logit - 0.1)))
    return y.ravel().astype(float), score.ravel(), np.repeat(np.arange(people), dates)


@pytest.mark.slow
def test_every_interval_covers_the_truth_where_people_have_several_rows():
    truth = score_metrics(*repeated(200_000, seed=999), replicates=2, seed=0, cut_off=0.4)
    held, alone, worlds = dict.fromkeys(truth, 0), 0, 100
    for seed in range(worlds):
        y, score, people = repeated(300, seed=seed)
        told = score_metrics(y, score, people, replicates=200, seed=10_000 + seed, cut_off=0.4)
        for name, measured in told.items():
            held[name] += measured.low <= truth[name].value <= measured.high
        naive = paired_difference(y, score, 0.0 * score, np.arange(len(y)), replicates=100, seed=seed)["auc"]
        alone += naive.low <= truth["auc"].value - 0.5 <= naive.high
    # 95 % is said, of percentiles of 200 replicates 94 % can be had; the standard error is 2.4 %
    assert {name: count for name, count in held.items() if count < 0.87 * worlds} == {}
    assert alone < 0.85 * worlds  # rows drawn one by one would say too little


def test_overlapping_quarters_are_worth_little_more_than_one():
    y = np.repeat([1.0, 0.0, 0.0, 1.0, 0.0], 4)  # each of five people the same on four dates
    people, dates = np.repeat(list("ABCDE"), 4), np.tile(["Q1", "Q2", "Q3", "Q4"], 5)
    told = overlap(y, people, dates)
    assert (told.dates, told.worth, told.inflation) == (4, pytest.approx(1.0), pytest.approx(4.0))
    assert told.words == "4 overlapping dates are worth 1.00 of one."
    fresh = np.random.default_rng(0).random(40_000) < 0.3
    others = overlap(fresh, np.arange(40_000), np.tile(["Q1", "Q2", "Q3", "Q4"], 10_000))
    assert others.worth == pytest.approx(4.0, rel=0.02)  # four dates of other people are four
    y, _, people = repeated(5000, seed=1)
    assert 1.0 < overlap(y, people, np.tile(list("1234"), 5000)).worth < 2.0
    assert "nobody is in the rows twice" in overlap([1, 0], ["A", "B"], ["Q1", "Q1"]).words


def test_a_drawn_person_brings_all_their_rows():
    people = np.array(["A", "B", "A", "C", "A"])
    (draws,) = draw_people(people, 50, seed=0)
    assert (draws[:, 0] == draws[:, 2]).all() and (draws[:, 0] == draws[:, 4]).all()
    assert (draws[:, [0, 1, 3]].sum(axis=1) == 3).all()  # as many people as there are


def test_repeated_rows_make_nothing_surer():
    y, score, _ = scored_rows(400, seed=3)
    once = score_metrics(y, score, np.arange(400), replicates=400, seed=0)["auc"]
    ten = score_metrics(*(np.repeat(part, 10) for part in (y, score, np.arange(400))), replicates=400, seed=0)["auc"]
    assert ten.value == pytest.approx(once.value, abs=1e-12)
    assert ten.high - ten.low == pytest.approx(once.high - once.low, rel=0.02)
    wrong = score_metrics(*(np.repeat(part, 10) for part in (y, score)), np.arange(4000), replicates=400, seed=0)["auc"]
    assert wrong.high - wrong.low < 0.5 * (once.high - once.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    truth, held = roc_auc_score(*scored_rows(200_000, seed=99)[:2]), 0
    for seed in range(100):
        told = score_metrics(*scored_rows(300, seed=seed), replicates=200, seed=seed)["auc"]
        held += told.low <= truth <= told.high
    assert held >= 88  # 95 expected, standard error 2.2


def test_a_well_calibrated_score_has_no_calibration_error_beyond_chance():
    draw = np.random.default_rng(4)
    score = draw.uniform(0.05, 0.95, 2000)
    plain, debiased = [], []
    for _ in range(30):
        y = (draw.random(2000) < score).astype(float)
        debiased.append(score_metrics(y, score, np.arange(2000), replicates=2, seed=0)["ece"].value)
        bins = np.argsort(np.argsort(score)) // 200
        plain.append(np.mean([abs(score[bins == b].mean() - y[bins == b].mean()) for b in range(10)]))
    assert np.mean(debiased) < 0.65 * np.mean(plain)


def test_a_miscalibrated_score_shows_its_gap():
    draw = np.random.default_rng(5)
    score = draw.uniform(0.1, 0.8, 20_000)
    y = (draw.random(20_000) < score + 0.1).astype(float)
    told = score_metrics(y, score, np.arange(20_000), replicates=100, seed=0)
    assert told["ece"].low < 0.1 < told["ece"].high
    assert told["ece"].value == pytest.approx(0.1, abs=0.015)


def test_what_rows_cannot_tell_is_none():
    told = score_metrics(np.zeros(20), np.full(20, 0.3), np.arange(20), replicates=20, seed=0, cut_off=0.9)
    for name in ("auc", "calibration_slope", "calibration_intercept", "precision", "recall"):
        assert told[name] == Measured(None, None, None)
    assert told["brier"].value == pytest.approx(0.09)
    assert metrics_to_json(told)["auc"] == {"value": None, "low": None, "high": None}


def test_a_difference_is_the_first_less_the_second_on_the_same_people():
    y, good, people = scored_rows(2000, seed=6)
    poor = np.full(2000, y.mean())
    told = paired_difference(y, good, poor, people, replicates=300, seed=0)
    assert told["auc"].value == pytest.approx(roc_auc_score(y, good) - 0.5, abs=1e-12) and told["auc"].low > 0
    assert told["brier"].value < 0 and told["brier"].high < 0  # the better score has the smaller Brier score
    assert told["log_loss"].high < 0
    for one in told.values():
        assert one.low < one.at_least < one.value < one.at_most < one.high
    turned = paired_difference(y, poor, good, people, replicates=300, seed=0)
    assert turned["auc"].low == pytest.approx(-told["auc"].high, abs=1e-12)


def test_a_score_against_itself_differs_by_nothing():
    y, score, people = scored_rows(300, seed=7)
    for one in paired_difference(y, score, score, people, replicates=50, seed=0).values():
        assert (one.value, one.low, one.high) == (0.0, 0.0, 0.0)


def test_several_seeds_of_one_protocol_give_the_mean_difference():
    y, a, people = scored_rows(500, seed=8)
    b, c = np.clip(a + 0.05, 0, 1), np.full(500, 0.4)
    both = paired_difference(y, np.column_stack([a, a]), np.column_stack([b, c]), people, replicates=50, seed=1)
    one = paired_difference(y, a, b, people, replicates=50, seed=1)
    other = paired_difference(y, a, c, people, replicates=50, seed=1)
    assert both["brier"].value == pytest.approx((one["brier"].value + other["brier"].value) / 2, abs=1e-12)
    with pytest.raises(ValueError, match="same rows and seeds"):
        paired_difference(y, np.column_stack([a, a]), b, people, replicates=5, seed=1)


def test_the_same_seed_gives_the_same_interval_and_lots_do_not_matter(monkeypatch):
    y, score, people = scored_rows(400, seed=9, people=90)
    first = score_metrics(y, score, people, replicates=37, seed=3)
    monkeypatch.setattr("desist.models.judging.evaluate.CELLS_AT_ONCE", 2000)  # five replicates at a time
    for name, told in score_metrics(y, score, people, replicates=37, seed=3).items():
        assert (told.value, told.low, told.high) == pytest.approx(
            (first[name].value, first[name].low, first[name].high), abs=1e-12
        )
    assert score_metrics(y, score, people, replicates=37, seed=4)["auc"].low != first["auc"].low


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="a number"):
        score_metrics([0, 1], [0.1, np.nan], [1, 2], replicates=2, seed=0)


def test_sample_size_tells_rows_people_and_what_repetition_costs():
    size = sample_size([1, 1, 0, 0, 1, 0], list("AABBCD"))
    assert (size.rows, size.people, size.events, size.people_with_event) == (6, 4, 3, 2)
    # rate 1/2; sums by person: A 1, B -1, C 1/2, D -1/2 -> variance 2.5 / 36; (1/4) / (2.5 / 36) = 3.6
    assert size.effective_rows == pytest.approx(3.6)
    alone = sample_size([1, 0, 0, 0], list("ABCD"))
    assert alone.effective_rows == pytest.approx(4.0)


def test_two_hundred_replicates_of_twenty_thousand_rows_take_seconds():
    y, score, people = scored_rows(20_000, seed=10, people=6000)
    started = time.process_time()
    score_metrics(y, score, people, replicates=200, seed=0)
    assert time.process_time() - started < 5  # a thousand take five times as long
