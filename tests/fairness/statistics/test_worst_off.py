"""A search for combinations to look at: it finds a planted one, seldom points by chance, and never says within."""

import numpy as np
import pandas as pd
import pytest

from desist.fairness.statistics import worst_off
from desist.fairness.statistics.sample import Sample
from desist.fairness.statistics.worst_off import SEARCHED, LookHere, WorstOff

SEX, AGE = np.array(["F", "M"]), np.array(["18-24", "25-49", "50 and over"])
ETHNICITY = np.array(["Asian", "Black", "White", "Not stated"])


def world(seed, rows=3000, planted=0.0, repeats=1):
    """Calibrated scores; people who are F and 18-24 get ``planted`` more on the logit than their chance."""
    random = np.random.default_rng(seed)
    sex, age = random.choice(SEX, rows, p=[0.25, 0.75]), random.choice(AGE, rows, p=[0.3, 0.5, 0.2])
    logit = random.normal(-1, 1, rows)
    y = (random.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    score = 1 / (1 + np.exp(-logit - planted * ((sex == "F") & (age == "18-24"))))
    groups = pd.DataFrame({"sex": sex, "age_band": age, "ethnicity": random.choice(ETHNICITY, rows)})
    groups["sex_x_ethnicity"] = groups["sex"] + " " + groups["ethnicity"]
    return Sample(y, score, np.arange(rows) // repeats, 0.4), groups


def search(sample, groups, **changed):
    return worst_off.worst_off(sample, groups, **{"minimum": 50, "replicates": 200, "seed": 1, **changed})


def test_the_combination_whose_estimates_are_too_high_is_the_first_to_look_at():
    found = search(*world(1, planted=1.0))
    first = found.found[0]
    assert (first.characteristics, first.combination) == (("sex", "age_band"), ("F", "18-24"))
    assert {one.metric for one in found.found} >= {"selection", "fpr", "calibration_in_the_large"}
    sample, groups = world(1, planted=1.0)
    mine = np.asarray((groups["sex"] == "F") & (groups["age_band"] == "18-24"))
    over = next(one for one in found.found if one.metric == "selection" and one.combination == ("F", "18-24"))
    assert over.gap == pytest.approx(sample.selected[mine].mean() - sample.selected[~mine].mean())
    assert over.people == mine.sum() and 0 < over.adjusted_low < over.gap


def test_the_search_itself_is_allowed_for():
    """A gap of two standard errors, which alone would be shown, is not among some thirty combinations."""
    sample, groups = world(5)
    found = search(sample, groups)
    assert found.searched == 2 * 3 + 2 * 3 + 3 * 3 and found.gaps == found.searched * len(SEARCHED)
    assert found.found == ()
    largest = 0.0
    for pair in (["sex", "age_band"], ["sex", "ethnicity"], ["age_band", "ethnicity"]):
        table = worst_off._gaps(sample, groups[pair], minimum=50, replicates=200, seed=1)
        largest = max(largest, *(abs(one.gap) / one.error for one in table.candidates))
    assert largest > 1.96


def test_without_any_gap_the_search_points_somewhere_in_about_5_of_100_worlds():
    """80 worlds; more than 10 false alarms have a chance of 1 in 600 at 5 in 100."""
    alarms = sum(bool(search(*world(100 + seed, rows=2000), replicates=160).found) for seed in range(80))
    assert alarms <= 10


def test_neither_small_nor_unstated_nor_crossed_combinations_are_searched():
    sample, groups = world(2, planted=1.0)
    found = search(sample, groups, minimum=sample.y.size + 1)
    assert found == WorstOff(0, 0, 0.95, ())
    assert "enough people" in found.words()[0]
    crossed = search(sample, groups[["sex", "sex_x_ethnicity"]])
    unstated = search(sample, groups[["sex"]].assign(ethnicity="Not stated"))
    assert crossed.searched == unstated.searched == 0


def test_people_are_counted_once_however_many_rows_they_have():
    sample, groups = world(2, rows=400, repeats=4)
    groups = groups.iloc[::4].loc[lambda table: table.index.repeat(4)].reset_index(drop=True)
    assert search(sample, groups, minimum=101).searched == 0


def test_a_combination_of_whom_nobody_is_selected_is_no_surer_for_that():
    """Replicates of a group of noughts don't vary; its error is then the binomial one at everybody's rate."""
    sample, groups = world(3)
    mine = np.asarray((groups["sex"] == "F") & (groups["age_band"] == "18-24"))
    sample = Sample(sample.y, np.where(mine, 0.01, sample.score), sample.people, 0.4)
    table = worst_off._gaps(sample, groups[["sex", "age_band"]], minimum=50, replicates=100, seed=1)
    one = next(one for one in table.candidates if one.combination == ("F", "18-24") and one.metric == "selection")
    rate = sample.selected.mean()
    assert one.error >= np.sqrt(rate * (1 - rate) / mine.sum())


def test_of_ten_expected_on_either_side_a_gap_is_looked_at_of_fewer_not():
    """A fifth of 200 people is selected: of 49 people fewer than ten are expected, of 50 ten."""
    score = np.where(np.arange(200) % 5 == 0, 0.9, 0.1)
    sample = Sample(np.zeros(200), score, np.arange(200), 0.4)
    codes = np.repeat([0, 1, 2], [49, 50, 101])
    errors = worst_off._least_errors(sample, "selection", codes, 3)
    assert np.isnan(errors[0]) and errors[1] == pytest.approx(np.sqrt(0.2 * 0.8 / 50))
    assert np.isnan(worst_off._least_errors(Sample(np.zeros(200), score, np.arange(200), 2.0), "ppv", codes, 3)).all()


def test_the_same_seed_gives_the_same_search():
    assert search(*world(1, planted=0.6)) == search(*world(1, planted=0.6))


def test_the_words_say_look_here_and_never_within():
    found = search(*world(1, planted=1.0))
    assert found.words()[1].startswith("Look here: sex F and age band 18-24 (")
    nothing = search(*world(5))
    for sentence in (*found.words(), *nothing.words()):
        for word in ("within", "meets", "fair", "unbiased", "high-risk", "pass."):
            assert word not in sentence
    assert "does not show that there is none" in nothing.words()[0]
    assert not hasattr(found, "answer")


def test_a_gap_is_told_in_percentage_points_with_its_direction():
    one = LookHere(("sex", "age_band"), ("F", "18-24"), "selection", 1234, 0.1, 0.25, -0.15, 0.042)
    assert one.words() == (
        "Look here: sex F and age band 18-24 (1,234 people). The share of people the cut-off selects is 15.0 "
        "percentage points lower than for everybody else, and at least 4.2 once the search is allowed for."
    )
