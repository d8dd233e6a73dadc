"""What to do with the released model, for each answer from figures that can be checked by eye."""

import numpy as np
import pytest

from desist.models.judging.evaluate import Difference, Measured
from desist.pipelines.advice import (
    Advice,
    Figures,
    advise,
    measure,
    recalibrated_elsewhere,
    stability_index,
)

NO_GAIN = Difference(0.0, -0.01, 0.01, -0.008, 0.008)


def gain(value, at_least):
    return Difference(value, at_least - 0.01, value + 0.02, at_least, value + 0.01)


def gains(**changes):
    """No option saves anything; changes name an option over another, such as refit_over_released."""
    ladder = ["released", "recalibrated", "refit", "spline logistic", "boosting"]
    found = {up: {down: NO_GAIN for down in ladder[: ladder.index(up)]} for up in ladder[1:]}
    for name, value in changes.items():
        up, down = name.replace("_", " ").split(" over ")
        found[up][down] = value
    return found


def figures(**changes):
    """500 people with the outcome and 900 without; chances that hold; a gain over the base rate of 0.05."""
    whole = {
        "released": "points card", "rows": 2400, "with_outcome": 500, "without": 900,
        "level": Measured(0.001, -0.015, 0.016), "slope": Measured(1.02, 0.9, 1.15), "gain_over_base": 0.05,
        "gains": gains(), "families": ("spline logistic", "boosting"),
    }  # fmt: skip
    return Figures(**{**whole, **changes})


TOO_HIGH = Measured(0.05, 0.03, 0.07)


def test_a_model_whose_chances_hold_is_kept():
    found = advise(figures())
    assert (found.answer, found.option) == ("keep", "released")
    assert "Keep the released model. Its chances are not shown to be off: -0.015 to 0.016" in found.as_text()
    assert "Neither a refit nor another family is shown better by more than 0.0050." in found.as_text()


def test_without_a_released_model_the_board_decides_on_a_first_one():
    found = advise(None)
    assert found.answer == "decide on a first model" and found.as_json()["figures"] is None


@pytest.mark.parametrize("few", [{"with_outcome": 99}, {"without": 99}])
def test_too_few_outcomes_since_tell_nothing_however_bad_they_look(few):
    found = advise(figures(level=TOO_HIGH, gains=gains(refit_over_released=gain(0.2, 0.1)), **few))
    assert (found.answer, found.option) == ("cannot tell", "released")
    assert "100 of each are needed" in found.as_text() and "keep the released model" in found.as_text()


def test_a_hundred_people_on_either_side_are_enough():
    assert advise(figures(with_outcome=100, without=100)).answer == "keep"


def test_chances_that_are_off_are_recalibrated_if_that_helps_on_other_people():
    found = advise(figures(level=TOO_HIGH, gains=gains(recalibrated_over_released=gain(0.004, -0.001))))
    assert (found.answer, found.option) == ("recalibrate", "recalibrated")
    assert "on average 0.050 higher than what happened (0.030 to 0.070)" in found.as_text()
    assert "saves 0.0040 of log-loss" in found.as_text()


def test_recalibrating_that_helps_nobody_is_not_advised():
    found = advise(figures(level=TOO_HIGH, gains=gains(recalibrated_over_released=gain(-0.001, -0.005))))
    assert found.answer == "keep" and "did not help on other people: look at the data first" in found.as_text()


@pytest.mark.parametrize(
    "level", [Measured(0.019, 0.01, 0.03), Measured(0.03, -0.001, 0.06), Measured(None, None, None)]
)
def test_a_small_or_unsure_difference_is_not_off(level):
    assert advise(figures(level=level, gains=gains(recalibrated_over_released=gain(0.01, 0.005)))).answer == "keep"


def test_a_slope_counts_with_two_hundred_people_and_not_with_fewer():
    flat = {"slope": Measured(0.7, 0.6, 0.8), "gains": gains(recalibrated_over_released=gain(0.004, 0.001))}
    found = advise(figures(with_outcome=200, **flat))
    assert (
        found.answer == "recalibrate" and "lie too far apart: calibration slope 0.70 (0.60 to 0.80)" in found.as_text()
    )
    assert advise(figures(with_outcome=199, **flat)).answer == "keep"


def test_a_refit_must_be_shown_better_by_more_than_the_margin():
    shown = advise(figures(gains=gains(refit_over_released=gain(0.02, 0.0051))))
    assert (shown.answer, shown.option) == ("refit", "refit")
    assert "(at least 0.0051; the margin is 0.0050)" in shown.as_text()
    assert advise(figures(gains=gains(refit_over_released=gain(0.02, 0.005)))).answer == "keep"


def test_a_refit_is_held_against_the_recalibrated_model_where_recalibrating_helps():
    better = {"recalibrated_over_released": gain(0.02, 0.01), "refit_over_released": gain(0.021, 0.011)}
    assert advise(figures(level=TOO_HIGH, gains=gains(**better))).answer == "recalibrate"
    better["refit_over_recalibrated"] = gain(0.01, 0.006)
    assert advise(figures(level=TOO_HIGH, gains=gains(**better))).answer == "refit"


def test_another_family_must_beat_the_refit_that_would_be_advised_without_it():
    better = {"refit_over_released": gain(0.02, 0.01), "boosting_over_released": gain(0.03, 0.015)}
    assert advise(figures(gains=gains(**better))).answer == "refit"
    found = advise(figures(gains=gains(**better, boosting_over_refit=gain(0.012, 0.006))))
    assert (found.answer, found.option) == ("replace", "boosting")
    assert found.as_text().startswith("Replace the released model: boosting.")


def test_of_two_families_the_more_readable_one_is_left_only_if_the_other_beats_it():
    better = {
        "spline logistic_over_released": gain(0.02, 0.01),
        "boosting_over_released": gain(0.025, 0.012),
        "boosting_over_refit": gain(0.025, 0.012),
    }
    assert advise(figures(gains=gains(**better))).option == "spline logistic"
    better["boosting_over_spline logistic"] = gain(0.01, 0.006)
    assert advise(figures(gains=gains(**better))).option == "boosting"


def test_a_model_that_beats_the_base_rate_by_nothing_has_no_margin_left():
    assert figures(gain_over_base=-0.01).margin == 0.0
    assert advise(figures(gain_over_base=-0.01, gains=gains(refit_over_released=gain(0.01, 0.001)))).answer == "refit"


def test_a_changed_spread_and_the_people_who_would_move_are_told_beside_the_answer():
    found = advise(figures(stability=0.25, moved={"released": 0.0, "refit": 0.12}))
    assert found.answer == "keep" and "stability index 0.25" in found.as_text() and "12%" not in found.as_text()
    found = advise(figures(stability=0.24, moved={"refit": 0.12}, gains=gains(refit_over_released=gain(0.02, 0.01))))
    assert "stability index" not in found.as_text() and "12% of today's caseload would change step" in found.as_text()


@pytest.mark.parametrize("found", [advise(None), advise(figures()), advise(figures(with_outcome=3))])
def test_no_answer_promotes_anything_and_every_one_says_so(found):
    assert isinstance(found, Advice) and "Nothing was promoted" in found.as_text()
    assert found.as_json()["words"] == found.as_text()


def test_an_option_without_all_it_must_be_held_against_is_refused():
    with pytest.raises(ValueError, match="refit over recalibrated"):
        figures(gains={"recalibrated": {"released": NO_GAIN}, "refit": {"released": NO_GAIN}})
    with pytest.raises(ValueError, match="gains are needed"):
        figures(gains={"a family nobody named": {"released": NO_GAIN}})


def made_up_rows(shift, rows=1200):
    """Rows whose released chances are ``shift`` logits too high."""
    draw = np.random.default_rng(2)
    logit = draw.normal(-0.5, 1.2, rows)
    y = (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    people = np.array([f"P{number // 2}" for number in range(rows)])
    return y, people, 1 / (1 + np.exp(-(logit + shift)))


def test_chances_half_a_logit_too_high_are_seen_and_mended_on_other_people():
    y, people, score = made_up_rows(0.5)
    mended = recalibrated_elsewhere(y, score, people, seed=1)
    found = measure(y, people, {"released": score, "recalibrated": mended}, released="card", replicates=200, seed=1)
    assert found.level.low > 0.02 and found.with_outcome > 200
    assert abs(mended.mean() - y.mean()) < 0.02
    assert advise(found).answer == "recalibrate"


def test_nobody_is_recalibrated_on_their_own_outcome():
    y, people, score = made_up_rows(0.5)
    before = recalibrated_elsewhere(y, score, people, seed=1)
    for place in (0, 7, 100):
        own = people == people[place]
        changed = recalibrated_elsewhere(np.where(own, 1 - y, y), score, people, seed=1)
        assert changed[own].tolist() == before[own].tolist()


def test_right_chances_are_kept():
    y, people, score = made_up_rows(0.0)
    scores = {"released": score, "recalibrated": recalibrated_elsewhere(y, score, people, seed=1), "refit": score}
    assert advise(measure(y, people, scores, released="card", replicates=200, seed=1)).answer == "keep"


def test_the_stability_index_is_nought_for_the_same_spread_and_worked_out_by_hand_for_another():
    assert stability_index(np.arange(100), np.arange(100)) == pytest.approx(0.0)
    before, now = [0.1] * 50 + [0.9] * 50, [0.1] * 20 + [0.9] * 80
    # halves of 50 and 50 became 20 and 80: (.2 - .5) ln(.2 / .5) + (.8 - .5) ln(.8 / .5)
    assert stability_index(before, now) == pytest.approx(-0.3 * np.log(0.4) + 0.3 * np.log(1.6))
    assert np.isfinite(stability_index([0.1] * 50 + [0.9] * 50, [0.9] * 100))
