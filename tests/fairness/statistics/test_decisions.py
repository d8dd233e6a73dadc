"""Decisions over all findings: two contrasts, one or both directions, and Holm over primaries."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.policy import FindingRule, parse_policy
from desist.fairness.statistics import contrasts, intervals
from desist.fairness.statistics.contrasts import NOBODY, Estimated
from desist.fairness.statistics.group_measures import GroupMeasures
from desist.fairness.statistics.sample import Sample
from desist.fairness.statistics.verdicts import (
    CANNOT_BE_ASSESSED,
    DOES_NOT_MEET,
    MEETS,
    Finding,
    Part,
    check_decided,
    decide,
    holm,
    judge,
    lean,
)


@pytest.mark.parametrize(
    ("low", "high", "harm", "answer"),
    [
        (-0.3, 0.04, "higher", MEETS),  # the group fares better than the others: no harm
        (-0.04, 0.3, "lower", MEETS),
        (-0.3, -0.2, "higher", MEETS),
        (-0.3, -0.2, "lower", DOES_NOT_MEET),
        (-0.3, -0.2, "both", DOES_NOT_MEET),
        (0.06, 0.3, "higher", DOES_NOT_MEET),
        (0.06, 0.3, "lower", MEETS),
        (-0.3, 0.05, "higher", CANNOT_BE_ASSESSED),
    ],
)
def test_only_a_gap_that_burdens_the_group_counts_against_the_margin(low, high, harm, answer):
    assert judge(low, high, 0.05, enough=True, harm=harm) == answer


def test_a_gap_in_the_groups_favour_is_no_leaning():
    assert lean(-0.3, -0.06, 0.05, "higher") == "no_evidence"
    assert lean(-0.3, -0.06, 0.05, "lower") == "leaning_beyond_the_limit"
    assert lean(0.01, 0.3, 0.05, "higher") == "a_gap_is_shown"


def test_holm_asks_more_of_the_smallest_chance_and_stops_at_the_first_that_fails():
    assert holm([0.012, 0.04, 0.001], 0.05) == (True, True, True)
    assert holm([0.02, 0.03, 0.04], 0.05) == (False, False, False)
    assert holm([0.03, 0.001, 0.026], 0.05) == (False, True, False)
    assert holm([0.05], 0.05) == (True,) and holm([], 0.05) == ()


def _rate(successes, n):
    return Estimated(successes / n, n, float(n), rate=successes / n, worth=float(n))


def test_the_mean_of_the_other_groups_counts_each_community_once():
    others = [_rate(100, 1000), _rate(30, 100)]
    found = contrasts.gap_to_mean("fpr", _rate(40, 100), others)
    assert found.value == pytest.approx(0.4 - 0.2)
    parts = [side.for_contrast("fpr") for side in others]
    low = 0.2 - np.hypot(parts[0].value - parts[0].low, parts[1].value - parts[1].low) / 2
    group = intervals.wilson(40, 100)
    assert found.high == pytest.approx(0.2 + np.hypot(group.high - 0.4, 0.2 - low))
    assert not contrasts.gap_to_mean("fpr", _rate(40, 100), [others[0], NOBODY]).known


def test_the_chance_of_a_gap_is_where_its_interval_touches_the_limit():
    group, others = _rate(60, 200), _rate(200, 2000)

    def contrast(z):
        return contrasts.gap("fpr", group, others, z)

    chance = contrasts.chance_beyond(contrast, contrast(intervals.Z).low, "both")
    assert chance == pytest.approx(0.05, abs=1e-6)
    assert contrasts.chance_beyond(contrast, 0.05, "lower") == 1
    assert contrasts.chance_beyond(contrast, 0.25, "both") == 1
    assert contrasts.chance_beyond(lambda z: intervals.UNDEFINED, 0.05, "both") is None
    assert contrasts.chance_beyond(contrast, 0.05, "higher") < 1e-4


def test_another_level_takes_a_wider_interval_of_the_same_numbers():
    wide = intervals.z_of(1 - 0.05 / 3)
    assert intervals.z_of(0.95) == intervals.Z < wide == pytest.approx(2.39398, abs=1e-5)
    assert intervals.wilson(10, 40, wide).low < intervals.wilson(10, 40).low
    assert intervals.logit_interval(0.7, 0.05, wide).high > intervals.logit_interval(0.7, 0.05).high
    assert intervals.log_interval(0.2, 0.02, wide).low < intervals.log_interval(0.2, 0.02).low
    with pytest.raises(ValueError, match="level"):
        intervals.z_of(1.0)


POLICY = parse_policy(
    """
version = "t"
purpose = "iom_selection_support"
expiry_months = 6
[cut_offs]
steps = [0.2, 0.4, 0.6]
selection = 0.5
consequence = "both"
[groups]
minimum_people = 20
minimum_events = 20
minimum_non_events = 20
[sign_off]
roles = ["board_chair", "data_protection_officer"]
[[finding]]
id = "listed"
metric = "selection"
characteristic = "area"
margin = 0.1
minimum = 20
role = "primary"
harm = "both"
reason = "Nobody should be listed for where they live."
"""
)


def _decided(counts, *, role="primary", harm="both", level=0.95, margin=0.1, copies=1):
    """Findings on selection: ``counts`` maps a group to how many of its people are listed, and how many they are."""
    labels = np.repeat(list(counts), [n for _, n in counts.values()])
    score = np.concatenate([np.r_[np.full(hits, 0.9), np.full(n - hits, 0.1)] for hits, n in counts.values()])
    y = (np.arange(score.size) % 3 == 0) * 1.0
    groups = pd.DataFrame({"area": labels})
    measured = GroupMeasures(
        Sample(y, score, np.arange(score.size), 0.5), groups, replicates=5, seed=1, level=level, minimum=20
    )
    rules = [
        FindingRule(f"listed-{copy}", "selection", "area", margin, 20, role, harm, "a reason long enough")
        for copy in range(copies)
    ]
    found = decide(rules, {"area": measured.by("area", {})}, measured.everybody(0), POLICY, level)
    check_decided(found, level)
    return found


def _answers(finding):
    return {part.group: part.answer for part in finding.parts}


def test_a_small_community_far_from_the_mean_of_the_others_is_not_within_because_one_group_is_large():
    counts = {"A": (1600, 5000), "B": (90, 1000), "C": (110, 1000), "D": (320, 1000)}
    small = next(part for part in _decided(counts)[0].parts if part.group == "D")
    assert small.mean_gap == pytest.approx(0.32 - (0.32 + 0.09 + 0.11) / 3, abs=1e-9)
    assert -0.1 < small.gap_low < small.gap_high < 0.1 < small.mean_low
    assert small.answer == DOES_NOT_MEET


def test_a_gap_to_the_mean_of_the_others_beyond_the_margin_is_not_within_though_it_may_be_chance():
    """D's .24 against .22, .15 and .017: .02 above everybody else, .11 above the mean of two tiny and one large."""
    counts = {"A": (1100, 5000), "B": (9, 60), "C": (1, 60), "D": (240, 1000)}
    found = _decided(counts, margin=0.11)[0]
    part = next(part for part in found.parts if part.group == "D")
    assert part.mean_gap == pytest.approx(0.24 - (0.22 + 9 / 60 + 1 / 60) / 3, abs=1e-9)
    assert part.gap_high < 0.11 < part.mean_gap and part.mean_low < 0.11
    assert (part.answer, part.lean) == (CANNOT_BE_ASSESSED, "a_gap_is_shown")
    kind = {part.group: part.answer for part in _decided(counts, margin=0.11, harm="lower")[0].parts}
    assert kind["D"] == MEETS  # nobody is burdened by a gap the other way


def test_two_groups_have_no_mean_of_others():
    assert all(part.mean_gap is None for part in _decided({"A": (300, 1000), "B": (300, 1000)})[0].parts)


def test_a_gap_that_one_question_alone_would_call_outside_is_only_a_leaning_among_ten():
    counts = {"A": (300, 2000), "B": (600, 2000)}
    alone, among = _decided(counts, margin=0.122), _decided(counts, margin=0.122, copies=10)
    assert set(_answers(alone[0]).values()) == {CANNOT_BE_ASSESSED}  # two parts, each with a chance near .04
    clear = _decided(counts, margin=0.115)
    assert set(_answers(clear[0]).values()) == {DOES_NOT_MEET}
    many = _decided(counts, margin=0.115, copies=10)
    assert set(_answers(many[0]).values()) == {CANNOT_BE_ASSESSED}
    assert {part.lean for part in many[0].parts} == {"leaning_beyond_the_limit"}
    assert {part.lean for part in among[0].parts} == {"leaning_beyond_the_limit"}


@pytest.mark.parametrize("role", ["answer", "shown"])
def test_what_is_answered_in_writing_is_not_corrected(role):
    counts = {"A": (300, 2000), "B": (600, 2000)}
    found = _decided(counts, role=role, margin=0.122, copies=10)
    assert set(_answers(found[0]).values()) == {DOES_NOT_MEET}


def test_a_higher_level_for_a_retry_makes_within_harder():
    counts = {"A": (300, 1500), "B": (330, 1500)}
    assert set(_answers(_decided(counts, margin=0.06)[0]).values()) == {MEETS}
    assert MEETS not in _answers(_decided(counts, margin=0.06, level=1 - 0.05 / 50)[0]).values()


def test_one_direction_asks_for_twenty_rows_on_either_side():
    finding = _decided({"A": (12, 19), "B": (300, 1500)}, harm="higher", margin=0.2)[0]
    assert any("20 are the least for one direction" in text for text in finding.parts[0].short_of)


def test_decisions_that_do_not_follow_from_all_findings_are_refused():
    many = _decided({"A": (300, 2000), "B": (600, 2000)}, margin=0.115, copies=10)
    forged = tuple(replace(part, answer=DOES_NOT_MEET, lean="") for part in many[0].parts)
    alone = replace(many[0], answer=DOES_NOT_MEET, parts=forged)
    with pytest.raises(ValueError, match="all findings"):
        check_decided((alone, *many[1:]), 0.95)
    check_decided((alone,), 0.95)  # by itself it would follow
    hidden = tuple(replace(part, p_outside=0.9) for part in many[0].parts)
    with pytest.raises(ValueError, match="all findings"):
        check_decided((replace(many[0], parts=hidden), *many[1:]), 0.95)


def test_no_contrast_may_lie_outside_where_a_part_is_within():
    part = _decided({"A": (300, 1500), "B": (330, 1500)})[0].parts[0]
    outside = replace(part, mean_gap=0.2, mean_low=0.15, mean_high=0.25)
    with pytest.raises(ValueError, match="does not follow"):
        Finding("a", "selection", "area", 0.1, "r", MEETS, (outside,))
    assert isinstance(outside, Part)


def test_burden_counts_listed_people_of_the_latest_date_per_adult_of_the_community():
    score = np.array([0.9, 0.9, 0.1, 0.9, 0.9, 0.1])
    sample = Sample(
        np.zeros(6), score, np.array([0, 0, 1, 2, 3, 4]), 0.5, latest=np.array([0, 1, 1, 1, 1, 1], dtype=bool)
    )
    groups = pd.DataFrame({"area": ["A", "A", "A", "B", "B", "Not stated"]})
    measured = GroupMeasures(sample, groups, replicates=5, seed=1, adults={"area": {"A": 200, "B": 100}})
    rows = {row.group: row.measures["burden"] for row in measured.by("area", {})}
    assert (rows["A"].value, rows["A"].others, rows["B"].value) == (0.005, 0.02, 0.02)
    assert rows["Not stated"].value is None
    assert measured.everybody(0).measures["burden"].value == 0.01
    assert GroupMeasures(sample, groups, replicates=5, seed=1).everybody(0).measures["burden"].value is None


def test_a_group_without_a_judged_row_on_the_latest_date_has_no_burden_rather_than_none():
    score, latest = np.array([0.9, 0.9, 0.1, 0.9]), np.array([1, 0, 1, 1], dtype=bool)
    sample = Sample(np.zeros(4), score, np.arange(4), 0.5, latest=latest)
    groups = pd.DataFrame({"area": ["A", "B", "C", "C"]})
    measured = GroupMeasures(sample, groups, replicates=5, seed=1, adults={"area": {"A": 100, "B": 50, "C": 400}})
    rows = {row.group: row.measures["burden"] for row in measured.by("area", {})}
    assert (rows["A"].value, rows["A"].others) == (0.01, 0.0025)  # one of C's 400; B's 50 adults are not counted
    assert rows["B"].value is None
    assert measured.everybody(0).measures["burden"].value == 0.004


def test_a_retry_takes_each_gap_at_its_own_level_and_its_answers_follow():
    """A slope whose interval would span more than the log scale holds at the retry's level has none, and no p."""
    own, rest = Estimated(3.0, 100, 100.0, error=14.5), Estimated(0.2, 100, 100.0, error=0.001)

    def contrast(z):
        return contrasts.gap("calibration_slope", own, rest, z)

    retry = intervals.z_of(0.975)
    assert contrast(intervals.Z).low is not None and contrast(retry).low is None
    assert contrasts.chance_beyond(contrast, 0.1, "both") is not None
    assert contrasts.chance_beyond(contrast, 0.1, "both", retry) is None


def test_the_answers_of_a_retry_with_a_wide_interval_can_be_made():
    rules = [FindingRule("slope", "calibration_slope", "area", 0.1, 20, "primary", "both", "a reason long enough")]
    random, level = np.random.default_rng(3), 0.975
    labels = pd.DataFrame({"area": np.repeat(["A", "B"], 300)})
    score = random.uniform(0.05, 0.95, 600)
    sample = Sample((random.random(600) < score) * 1.0, score, np.arange(600), 0.5)
    measured = GroupMeasures(sample, labels, replicates=20, seed=1, level=level, minimum=20)
    rows = []
    for row in measured.by("area", {}):
        found = row.measures["calibration_slope"]
        wide = replace(found, value=3.0, error=14.5, low=None, high=None, gap=2.8, gap_low=None, gap_high=None)
        wide = replace(wide, others=0.2, others_error=0.001)
        rows.append(replace(row, measures={**row.measures, "calibration_slope": wide}))
    (finding,) = decide(rules, {"area": rows}, measured.everybody(0), POLICY, level)
    assert {part.p_outside for part in finding.parts} == {None}
    check_decided((finding,), level)
