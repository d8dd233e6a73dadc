"""Alternatives: gaps and costs by hand, what is shown to lessen a gap and what is not, what is never released."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.policy import DEFAULT_POLICY_TOML, FindingRule, parse_policy
from desist.fairness.scrutiny.alternatives import (
    ASKED,
    BY_GROUP,
    CUT_OFF,
    FEATURES,
    NEEDS_IT_TO_DECIDE,
    alternatives,
)
from desist.fairness.scrutiny.following import Follower, Judged, Option, draw_people, highest


def rule(metric="fpr", *, role="primary", harm="higher", minimum=1, margin=0.05, characteristic="sex"):
    return FindingRule(f"{metric}-{characteristic}", metric, characteristic, margin, minimum, role, harm, "made up")


def policy_of(*rules, people=1):
    return replace(parse_policy(DEFAULT_POLICY_TOML), findings=rules, minimum_people=people)


def option(score, *, name="another way", kind=FEATURES, cut=0.5, never=""):
    score = np.asarray(score, dtype=float)
    return Option(name, kind, score, np.full(score.size, cut), never)


#: Women: three without the outcome, two of them listed; one with it, missed. Men: four without, one listed; two with
#: it, one listed.
Y = np.array([0, 0, 0, 1, 0, 0, 0, 0, 1, 1], dtype=float)
SCORE = np.array([0.7, 0.6, 0.1, 0.3, 0.5, 0.2, 0.2, 0.1, 0.9, 0.4])
SEX = ["F"] * 4 + ["M"] * 6
TEN = Judged(Y, np.arange(10), pd.DataFrame({"sex": SEX}), need=np.array([0, 0, 0, 1, 1, 0, 0, 0, 1, 0], dtype=bool))


def gap_by_hand(metric, harm="both"):
    asked = option(SCORE, kind=ASKED)
    found = Follower(TEN, [rule(metric, harm=harm)], asked, 1, replicates=2, seed=0).follow(asked)
    key = f"{metric}-sex"
    assert found.groups[key] == ("F", "M")
    return found.gaps[key][0].tolist()


@pytest.mark.parametrize(
    ("metric", "women", "men"),
    [
        ("fpr", 2 / 3, 1 / 4),
        ("fnr", 1, 1 / 2),
        ("selection", 2 / 4, 2 / 6),
        ("ppv", 0, 1 / 2),
        ("fdr", 1, 1 / 2),
        ("for", 1 / 2, 1 / 4),
        ("calibration_in_the_large", 1.7 / 4 - 1 / 4, 2.3 / 6 - 2 / 6),
        ("brier", (0.49 + 0.36 + 0.01 + 0.49) / 4, (0.25 + 0.04 + 0.04 + 0.01 + 0.01 + 0.36) / 6),
        ("excess_fpr", 2 / 3 - 0.7 / 2.3, 1 / 4 - 0.6 / 3.7),
        ("sensitivity_in_need", 0, 1),
    ],
)
def test_gaps_are_those_worked_out_by_hand(metric, women, men):
    assert gap_by_hand(metric) == pytest.approx([abs(women - men)] * 2)


def test_near_the_cut_off_only_rows_within_a_tenth_of_it_count():
    # Women .6 (y 0); men .5 (y 0) and .4 (y 1): over-prediction .6 against (.9 - 1) / 2.
    assert gap_by_hand("calibration_near_cut_off") == pytest.approx([0.65, 0.65])


def test_a_gap_counts_in_the_direction_that_burdens():
    assert gap_by_hand("fpr", "higher") == pytest.approx([2 / 3 - 1 / 4, 1 / 4 - 2 / 3])
    assert gap_by_hand("fpr", "lower") == pytest.approx([1 / 4 - 2 / 3, 2 / 3 - 1 / 4])


def test_whole_people_are_drawn_and_the_first_line_is_everybody_once():
    drawn = draw_people(np.array([0, 0, 1, 2]), 50, 3)
    assert drawn[0].tolist() == [1, 1, 1] and (drawn.sum(axis=1) == 3).all() and drawn.std() > 0


def test_the_highest_estimates_share_the_last_places_where_they_tie():
    assert highest(np.array([0.9, 0.5, 0.5, 0.1]), 2).tolist() == [1, 0.5, 0.5, 0]
    assert highest(np.array([0.9, 0.5, 0.5, 0.1]), 0).tolist() == [0, 0, 0, 0]


def test_a_group_below_the_minimum_is_not_followed_and_a_finding_no_estimate_moves_is_named():
    asked = option(SCORE, kind=ASKED)
    found = alternatives(asked, [], TEN, policy_of(rule(minimum=4), rule("burden")), replicates=5, seed=0)
    assert [gap.group for gap in found.asked.gaps] == ["M"]  # four men without the outcome, three women
    assert found.not_followed == ("burden-sex",)
    assert any("burden-sex" in sentence for sentence in found.words())
    nobody = alternatives(asked, [], TEN, policy_of(rule(), people=7), replicates=5, seed=0)
    assert nobody.not_followed == ("fpr-sex",) and nobody.asked.worst is None


def world(number=3000):
    """Women without the outcome get estimates raised by a feature that stands for them; the fair score has none."""
    random = np.random.default_rng(8)
    sex = np.where(random.random(number) < 0.5, "F", "M")
    truth = 1 / (1 + np.exp(-(-1.0 + 1.2 * random.normal(size=number))))
    y = (random.random(number) < truth).astype(float)
    raised = np.clip(truth + np.where(sex == "F", 0.06, -0.06), 0.001, 0.999)
    return Judged(y, np.arange(number), pd.DataFrame({"sex": sex})), raised, truth


@pytest.fixture(scope="module")
def found():
    judged, raised, truth = world()
    worse = np.clip(truth * 0.2 + 0.8 * truth.mean(), 0, 1)
    asked = option(raised, name="the file", kind=ASKED, cut=0.4)
    options = [
        option(truth, name="without the proxy", cut=0.4),
        option(raised, name="the same again", cut=0.4),
        option(worse, name="hardly an estimate", cut=0.4),
        option(truth, name="by group", kind=BY_GROUP, cut=0.4, never=NEEDS_IT_TO_DECIDE),
        option(raised, name="a higher cut-off", kind=CUT_OFF, cut=0.6),
    ]
    return alternatives(asked, options, judged, policy_of(rule("fpr")), replicates=200, seed=1)


def named(found, name):
    return next(other for other in found.others if other.name == name)


def test_what_takes_a_planted_gap_away_at_the_same_gain_is_shown_to_lessen_it(found):
    better = named(found, "without the proxy")
    assert better in found.shown_to_lessen() and better.near_equal and better.frontier
    [gap] = better.gaps
    assert gap.more_high < 0 and gap.gap < found.asked.gaps[0].gap
    assert any("Shown to lessen a gap at near the same gain: without the proxy" in line for line in found.words())


def test_what_changes_nothing_has_no_difference_and_is_not_offered(found):
    same = named(found, "the same again")
    assert (same.brier.more, same.missed.more, same.gaps[0].more, same.gaps[0].shown) == (0, 0, 0, 0)
    assert same not in found.may_lessen()


def test_what_loses_the_gain_is_not_near_equal_however_small_its_gap(found):
    lost = named(found, "hardly an estimate")
    assert lost.gain_kept < 0.9 and not lost.near_equal and lost not in found.may_lessen()
    assert lost.brier.low > 0


def test_what_needs_a_characteristic_to_decide_is_shown_and_never_offered(found):
    by_group = named(found, "by group")
    assert by_group not in found.may_lessen() and not by_group.frontier
    assert "Never released" in by_group.words()


def test_a_higher_cut_off_lists_fewer_and_misses_more_and_its_gain_is_the_same(found):
    higher = named(found, "a higher cut-off")
    assert higher.listed.more < 0 < higher.missed.low and higher.brier.more == 0
    assert higher.missed_alike.more == 0
    assert "more of 100 people with a proven reoffence would not be listed (+" in higher.words()


def test_another_estimate_is_compared_at_a_list_of_the_same_length():
    asked = option([0.9, 0.8, 0.2, 0.1], kind=ASKED)
    timid = option([0.4, 0.1, 0.3, 0.2])  # lists nobody at the cut-off; its two highest hold one of two events
    judged = Judged(np.array([1.0, 1, 0, 0]), np.arange(4), pd.DataFrame({"sex": list("FMFM")}))
    [other] = alternatives(asked, [timid], judged, policy_of(rule()), replicates=20, seed=0).others
    assert (other.missed.value, other.missed.more) == (100, 100)
    assert (other.missed_alike.value, other.missed_alike.more) == (50, 50)


def test_an_option_that_leaves_a_primary_gap_undefined_beats_nobody():
    judged = Judged(np.array([0.0, 1, 0, 1]), np.arange(4), pd.DataFrame({"sex": list("FFMM")}))
    asked, nobody = option([0.9, 0.9, 0.9, 0.9], kind=ASKED), option([0.1, 0.1, 0.1, 0.1])
    found = alternatives(asked, [nobody], judged, policy_of(rule("ppv"), rule("fpr")), replicates=5, seed=0)
    assert [gap.metric for gap in found.others[0].gaps] == ["fpr"]
    assert found.others[0].worst is None and not found.others[0].frontier and found.may_lessen() == ()


def test_an_estimate_for_other_rows_is_refused():
    with pytest.raises(ValueError, match="not an estimate for each judged row"):
        alternatives(option([0.5], kind=ASKED), [], TEN, policy_of(rule()), replicates=5, seed=0)


def test_the_same_seed_gives_the_same_file(found):
    judged, raised, truth = world()
    again = alternatives(
        option(raised, kind=ASKED, cut=0.4), [option(truth, cut=0.4)], judged, policy_of(rule("fpr")),
        replicates=200, seed=1,
    )  # fmt: skip
    assert again.as_json()["others"][0]["gaps"] == found.as_json()["others"][0]["gaps"]
