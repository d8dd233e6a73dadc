"""Ranges for the rate behind a score: what they cover, what they rest on, and what a step says."""

import json

import numpy as np
import pytest

from desist.models.estimators.base import CannotFit, chance
from desist.models.judging.uncertainty import (
    COVERS,
    Ranges,
    learn_ranges,
    load_ranges,
    logit_of,
    save_ranges,
    steps_of,
)
from desist.records.errors import Refused

CUT_OFFS = (0.2, 0.4, 0.6)


def scored_people(people, seed, truth=lambda logit: logit, centre=-0.8, digits=None):
    """Score, outcome and person of one to three rows a person. ``truth``: from a score's logit to the rate's."""
    draw = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), draw.integers(1, 4, people))
    logit = draw.normal(centre, 0.9, people)[person] + draw.normal(0, 0.4, len(person))
    score = chance(logit) if digits is None else np.round(chance(logit), digits)
    rate = chance(truth(logit_of(score)))
    return score, (draw.random(len(person)) < rate).astype(float), np.array([f"P{number}" for number in person])


def flattens(logit):
    """A model that says too much at both ends, which no straight line through the logit mends."""
    return 1.2 * np.tanh((logit + 0.8) / 1.2) - 0.8


def coverage(truth, people, worlds, **options):
    """For each decile of score the share of worlds and scores whose range holds the truth."""
    looked = np.quantile(scored_people(5000, 99)[0], np.arange(0.01, 1, 0.02))
    rate = chance(truth(logit_of(looked)))
    held = []
    for seed in range(worlds):
        ranges = learn_ranges(*scored_people(people, seed, truth), replicates=120, seed=seed, **options)
        low, high = ranges.interval(looked)
        held.append((low <= rate) & (rate <= high))
    return np.mean(held, axis=0).reshape(10, 5).mean(axis=1)


def test_ranges_hold_the_truth_about_as_often_as_they_say_in_every_decile():
    covered = coverage(lambda logit: logit, people=400, worlds=40)
    assert covered.min() > 0.86 and covered.max() <= 1.0 and 0.92 < covered.mean() < 0.98


def test_a_model_that_is_wrong_in_a_bend_is_covered_too():
    covered = coverage(flattens, people=1500, worlds=16)
    assert covered.min() > 0.83 and covered.mean() > 0.91


def test_rows_of_one_person_count_as_one_person():
    score, outcome, people = scored_people(500, 1)
    width = {}
    for name, persons in (
        ("once", people),
        ("same people four times", np.tile(people, 4)),
        ("four times as many people", np.concatenate([[f"{turn} {one}" for one in people] for turn in range(4)])),
    ):
        times = len(persons) // len(people)
        ranges = learn_ranges(np.tile(score, times), np.tile(outcome, times), persons, replicates=200, seed=0)
        low, high = ranges.interval(np.array([0.3]))
        width[name] = float(high[0] - low[0])
    assert width["same people four times"] == pytest.approx(width["once"], rel=0.15)
    assert width["four times as many people"] == pytest.approx(width["once"] / 2, rel=0.25)


def test_fewer_people_give_wider_ranges_and_the_order_of_rows_changes_nothing():
    score, outcome, people = scored_people(1200, 2)
    few = np.isin(people, [f"P{number}" for number in range(150)])
    all_of_them = learn_ranges(score, outcome, people, replicates=200, seed=3)
    some = learn_ranges(score[few], outcome[few], people[few], replicates=200, seed=3)
    widths = [float(np.diff(ranges.interval(np.array([0.35])), axis=0)[0, 0]) for ranges in (all_of_them, some)]
    assert 1.6 < widths[1] / widths[0] < 5
    order = np.random.default_rng(0).permutation(len(score))
    again = learn_ranges(score[order], outcome[order], people[order], replicates=200, seed=3)
    assert np.allclose(again.interval(score), all_of_them.interval(score), atol=1e-6)


def test_a_step_tells_the_rate_of_its_rows_and_a_score_on_a_cut_off_belongs_above_it():
    score, outcome, people = scored_people(3000, 14, lambda logit: logit - 0.4, digits=2)
    steps = learn_ranges(score, outcome, people, replicates=200, seed=1).step(CUT_OFFS)
    assert [step.step for step in steps] == [1, 2, 3, 4]
    for step, (low, high) in zip(steps, [(0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1.01)], strict=True):
        inside = (score >= low) & (score < high)
        assert (step.rows, step.events) == (inside.sum(), outcome[inside].sum())
        assert step.low < step.number < step.high
        assert step.low < chance(logit_of(score[inside]) - 0.4).mean() < step.high
        assert abs(step.number - outcome[inside].mean()) < 0.03
        assert step.number < score[inside].mean()  # this model says too much, and the step says what was seen


def test_a_step_that_nobody_was_shown_at_has_the_range_of_its_middle():
    score, outcome, people = scored_people(600, 5, centre=-2.0)
    kept = score < 0.4
    ranges = learn_ranges(score[kept], outcome[kept], people[kept], replicates=100, seed=1)
    last = ranges.step(CUT_OFFS)[-1]
    low, high = ranges.interval(np.array([0.8]))
    assert (last.rows, last.events) == (0, 0)
    assert (last.low, last.high) == (float(low[0]), float(high[0])) and last.high - last.low > 0.2


def test_borderline_is_where_the_range_reaches_another_step_than_the_score_has():
    score, outcome, people = scored_people(1500, 6)
    ranges = learn_ranges(score, outcome, people, replicates=200, seed=1)
    looked = np.array([0.3, 0.399, 0.4, 0.5, np.nan])
    assert ranges.borderline(looked, CUT_OFFS).tolist() == [False, True, True, False, False]
    low, high = ranges.interval(looked)
    assert low[1] < 0.4 <= high[1] and np.isnan(low[4])
    too_high = learn_ranges(*scored_people(3000, 6, lambda logit: logit - 1.5), replicates=200, seed=1)
    assert too_high.interval([0.45])[1][0] < 0.4  # no cut-off inside the range, and yet the step is not borne out
    assert too_high.borderline([0.45], CUT_OFFS).tolist() == [True]
    assert steps_of([0.1, 0.2, 0.6, 1.0], CUT_OFFS).tolist() == [1, 2, 4, 4]


def test_too_few_outcomes_are_refused_counting_people_and_not_rows():
    score, outcome = np.tile([0.2, 0.3, 0.4], 100), np.zeros(300)
    outcome[:60] = 1.0
    with pytest.raises(CannotFit, match="60 of 300 judges' rows have the outcome, which tell as much as 5 people's"):
        learn_ranges(score, outcome, np.repeat(np.arange(25), 12), replicates=20, seed=0)
    learn_ranges(score, outcome, np.arange(300), replicates=20, seed=0)


def test_what_was_checked_is_said_and_that_it_is_bins_alone():
    ranges = learn_ranges(*scored_people(1500, 7), replicates=50, seed=1)
    assert ranges.checked.bins == 20 and ranges.checked.met >= 16
    assert f"in {ranges.checked.met} of 20 bins, where about {round(20 * COVERS)} is right" in ranges.words
    assert "made-up worlds only" in ranges.words and "not say how sure anything is about one person" in ranges.words
    few = learn_ranges(*scored_people(40, 7), replicates=50, seed=1)
    assert few.checked.bins == 0 and "too few outcomes to check" in few.words


def test_a_card_of_three_scores_and_a_model_of_one_have_ranges():
    score, outcome, people = scored_people(800, 18)
    three = np.digitize(score, [0.25, 0.45]) * 0.2 + 0.1
    low, high = learn_ranges(three, outcome, people, replicates=200, seed=1).interval(np.unique(three))
    rates = [score[three == value].mean() for value in np.unique(three)]
    assert ((low < rates) & (rates < high)).all() and (high - low).max() < 0.2
    one = learn_ranges(np.full(len(score), 0.3), outcome, people, replicates=200, seed=1)
    low, high = one.interval([0.3, 0.3])
    assert low[0] < outcome.mean() < high[0] and high[0] - low[0] < 0.12


def test_ranges_read_back_identically_hold_no_row_and_another_file_is_refused(tmp_path):
    assert load_ranges(tmp_path) is None
    score, outcome, people = scored_people(700, 9)
    found = learn_ranges(score, outcome, people, replicates=60, seed=1)
    save_ranges(found, tmp_path)
    again = load_ranges(tmp_path)
    assert np.array_equal(again.interval(score), found.interval(score))
    assert again.step(CUT_OFFS) == found.step(CUT_OFFS) and again.words == found.words
    text = (tmp_path / "model-ranges.json").read_text(encoding="utf-8")
    assert "P12" not in text
    with pytest.raises(Refused, match="not a desist-ranges"):
        Ranges.from_json({**json.loads(text), "format": "another"})
    (tmp_path / "model-ranges.json").write_text(json.dumps({"format": "desist-ranges", "version": 1}))
    with pytest.raises(Refused, match="lacks a part"):
        load_ranges(tmp_path)
    with pytest.raises(ValueError, match="a score and an outcome"):
        learn_ranges(score, outcome * 2, people, replicates=60, seed=1)
