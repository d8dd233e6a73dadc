"""What detection can do to the findings of an audit, read from the audit's own counts."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.audit import audit
from desist.fairness.policy import DEFAULT_POLICY_TOML, Detection, parse_policy
from desist.fairness.scrutiny.bias_found import (
    METRIC_WORDS,
    WITHOUT_OUTCOME,
    FindingBias,
    GroupBias,
    LabelBias,
    Tipping,
)
from desist.fairness.scrutiny.detection_bounds import RATES, Contrast, Share, Side
from desist.fairness.scrutiny.label_bias import MOVED, Counts, contrast_of, counts_among, label_bias, tipping, within
from desist.features.tables import Outcomes, Scores
from desist.simulation.detection_worlds import DetectionWorld, draw_world

DRAFT = parse_policy(DEFAULT_POLICY_TOML).detection
FINDING = """
[[finding]]
id = "{metric}-{role}"
metric = "{metric}"
characteristic = "side"
margin = {margin}
minimum = 20
role = "{role}"
harm = "{harm}"
reason = "A gap in this would burden one side and not the other."
"""


@pytest.fixture
def ask(policy_text):
    """A policy of the given findings, and the board's ranges."""

    def make(*findings, detection=DRAFT):
        head = policy_text.split("[[finding]]")[0]
        asked = [{"role": "primary", "harm": "both", "margin": 0.05, **finding} for finding in findings]
        return replace(parse_policy(head + "".join(FINDING.format(**one) for one in asked)), detection=detection)

    return make


def judge(rows, policy):
    keys = rows[["person_id", "as_of"]]
    outcomes = Outcomes(
        keys.assign(proven=rows["recorded"].astype(float), why_missing=""), ("proven",), {"proven": "made up"}
    )
    scores = Scores(keys.assign(score=rows["score"]), "made-up model")
    return audit(scores, outcomes, "proven", rows[["person_id", "as_of", "side"]], policy, seed=1, replicates=5)


def world(detected, offend=((0.7, 0.3), (0.7, 0.3)), listed=(0.3, 0.3)):
    scores = np.array([[0.6, 0.2], [0.6, 0.2]])
    return DetectionWorld(np.array(listed), np.array(offend), np.array(detected), scores)


def exact_rows(made, number=4_000):
    """Rows in exactly the shares of a world: nothing left to chance."""
    parts = []
    for side, name in ((0, "A"), (1, "B")):
        for at, share in ((0, made.listed[side]), (1, 1 - made.listed[side])):
            rows = round(number * share)
            proven = round(rows * made.offend[side, at] * made.detected[side, at])
            parts.append(pd.DataFrame({"side": name, "score": made.score[side, at],
                                       "recorded": np.arange(rows) < proven}))  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    return table.assign(person_id=[f"P{place}" for place in range(len(table))], as_of=pd.Timestamp(2024, 1, 1))


def group_of(found, group="A", place=0):
    return next(one for one in found.findings[place].groups if one.group == group)


def test_a_gap_made_by_detection_alone_has_the_truth_of_none_inside_its_bounds(ask):
    """Both sides do the same; the group is found out 1.25 times as often. Recorded: a gap; true: none."""
    made = world([[0.625, 0.625], [0.5, 0.5]])
    policy = ask({"metric": "fpr"}, {"metric": "calibration_in_the_large", "margin": 0.04})
    found = label_bias(judge(exact_rows(made), policy), policy)
    for place, metric in enumerate(("fpr", "calibration_in_the_large")):
        one = group_of(found, place=place)
        assert one.recorded == pytest.approx(made.gap(metric, recorded=True), abs=1e-3)
        assert made.gap(metric) == pytest.approx(0, abs=1e-9)
        assert one.sharp_low < 0 < one.sharp_high
        assert one.low < one.sharp_low and one.sharp_high < one.high


@pytest.mark.parametrize("metric", ["fpr", "fnr", "ppv", "fdr", "for", "calibration_in_the_large"])
def test_detection_known_exactly_gives_the_true_gap_back(ask, metric):
    made = world([[0.72, 0.6], [0.48, 0.4]], offend=((0.6, 0.3), (0.8, 0.2)), listed=(0.4, 0.2))
    policy = ask({"metric": metric}, detection=Detection((0.4, 0.4), (1.5, 1.5), (1.2, 1.2)))
    one = group_of(label_bias(judge(exact_rows(made), policy), policy))
    assert one.sharp_low == pytest.approx(made.gap(metric), abs=2e-3)
    assert one.low < made.gap(metric) < one.high


def test_the_tipping_point_is_the_ratio_worked_out_by_hand():
    """Base rates .45 and .30 as recorded: in true ones a gap of .45/b - .30, within .06 from b = 1.25 on."""
    many = 1e9
    sides = [Side(Share(0.5, many), Share(rate, many), Share(rate, many)) for rate in (0.45, 0.3)]
    found = Contrast("base_rate", *sides)
    tip = tipping(found, 0.06, "higher", inside=False, chances=(0.5, 0.5), which=0)
    # At an overall chance of one half both are doubled: .9 / b - .6 < .06 from b = 1.364 on.
    assert (tip.ratio, tip.overall) == (1.37, 0.5)
    # A harm in the other direction only: no gap above is one.
    assert within(np.array([0.15]), 0.06, "lower").all()


def test_where_no_ratio_changes_the_finding_there_is_no_tipping_point():
    """People missed depend on the ratio of listed to unlisted alone: nothing between groups can move that gap."""
    many = 1e9
    found = Contrast(
        "fnr",
        Side(Share(0.3, many), Share(0.04, many), Share(0.01, many)),
        Side(Share(0.3, many), Share(0.02, many), Share(0.01, many)),
    )
    assert tipping(found, 0.15, "both", inside=False, chances=(0.1, 0.1), which=0).ratio is None
    # Of 1,000 at a ratio k the group misses 7k of 12 + 7k, others 7k of 6 + 7k: .35 - .52 at .9, .25 - .40 at .57.
    assert 0.55 < tipping(found, 0.15, "both", inside=False, chances=(0.1, 0.1), which=1).ratio < 0.59


def test_a_finding_within_the_limit_is_asked_what_would_take_it_out(ask):
    policy = ask({"metric": "calibration_in_the_large", "harm": "higher"})
    one = group_of(label_bias(judge(exact_rows(world([[0.5, 0.5], [0.5, 0.5]])), policy), policy))
    assert one.recorded_within and one.standing == "depends"
    # Estimates turn out too high for a group whose offences are found out more often than others'.
    assert one.between_groups.ratio > 1


def test_standings_follow_from_bounds_and_the_direction_of_harm(ask):
    narrow = Detection((0.5, 0.5), (0.98, 1.02), (1.0, 1.02))
    same = judge(exact_rows(world([[0.5, 0.5], [0.5, 0.5]])), ask({"metric": "fpr"}))
    assert group_of(label_bias(same, ask({"metric": "fpr"}, detection=narrow))).standing == "within_whatever"
    worse = world([[0.5, 0.5], [0.5, 0.5]], offend=((0.5, 0.3), (0.8, 0.2)), listed=(0.5, 0.2))
    for harm, standing in (("higher", "beyond_whatever"), ("lower", "within_whatever"), ("both", "beyond_whatever")):
        policy = ask({"metric": "fpr", "harm": harm}, detection=narrow)
        assert group_of(label_bias(judge(exact_rows(worse), policy), policy)).standing == standing
    assert group_of(label_bias(same, ask({"metric": "fpr"}))).standing == "depends"


def test_ranges_that_no_records_fit_are_said_to_need_another_look(ask):
    policy = ask({"metric": "fpr"}, detection=Detection((0.1, 0.2), (0.9, 1.1), (1.0, 1.1)))
    found = label_bias(judge(exact_rows(world([[0.8, 0.8], [0.8, 0.8]])), policy), policy)
    assert group_of(found).standing == "ranges_do_not_fit" and group_of(found).low is None
    assert "the ranges need another look" in " ".join(found.words())


def test_without_ranges_there_are_tipping_points_and_no_bounds(ask):
    policy = ask({"metric": "calibration_in_the_large"}, detection=None)
    found = label_bias(judge(exact_rows(world([[0.5, 0.5], [0.5, 0.5]])), policy), policy)
    one = group_of(found)
    assert (one.standing, one.low, one.sharp_high) == ("no_ranges", None, None) and one.between_groups.ratio
    assert any("has stated no ranges" in said for said in found.words())


def test_metrics_without_an_outcome_are_not_moved_and_those_that_need_each_score_not_worked_out(ask):
    policy = ask({"metric": "selection", "role": "answer"}, {"metric": "auc"}, {"metric": "fpr", "role": "shown"})
    found = label_bias(judge(exact_rows(world([[0.5, 0.5], [0.5, 0.5]])), policy), policy)
    assert [group_of(found, place=place).standing for place in (0, 1)] == ["not_moved", "not_worked_out"]
    assert len(found.findings) == 2  # what is only shown is not asked about
    said = " ".join(found.words())
    assert "no outcome enters it" in said and "not worked out here" in said


def test_what_the_board_reads_names_the_ranges_the_limits_and_what_is_not_corrected(ask):
    policy = ask({"metric": "fpr", "harm": "higher"})
    found = label_bias(judge(exact_rows(world([[0.625, 0.625], [0.5, 0.5]], listed=(0.4, 0.2))), policy), policy)
    said = " ".join(found.words())
    assert "30 to 80 in 100 are found out and proven" in said
    assert "0.7 to 1.5 times" in said and "1 to 2.5 times" in said
    assert "The features count earlier sanctions" in said and "is not corrected here" in said
    assert "If detection lies outside these ranges, these limits say nothing." in said
    assert "the recorded gap is +" in said and "19 of 20 such audits the true gap lies within a range like" in said
    for word in ("unbiased", " fair ", "high-risk", "innocent"):
        assert word not in said


def test_a_group_too_small_to_assess_is_counted_and_not_told_of(ask):
    made = exact_rows(world([[0.5, 0.5], [0.5, 0.5]]))
    few = made[made["side"] == "B"].head(12).assign(side="Tiny", person_id=[f"T{n}" for n in range(12)])
    policy = ask({"metric": "fpr"})
    found = label_bias(judge(pd.concat([made, few]), policy), policy)
    said = " ".join(found.words())
    assert not group_of(found, "Tiny").assessed and "Tiny" not in said and "1 group is too small" in said


def test_it_is_written_down_with_numbers_rounded(ask):
    policy = ask({"metric": "fpr"})
    found = label_bias(judge(exact_rows(world([[0.6, 0.6], [0.5, 0.5]])), policy), policy)
    text = json.dumps(found.as_json(), sort_keys=True, allow_nan=False)
    again = label_bias(judge(exact_rows(world([[0.6, 0.6], [0.5, 0.5]])), policy), policy)
    assert json.dumps(again.as_json(), sort_keys=True, allow_nan=False) == text
    one = json.loads(text)["findings"][0]["groups"][0]
    assert one["low"] == round(one["low"], 9) and set(one["between_groups"]) == {"ratio", "overall"}


def test_counts_over_part_of_the_rows_are_of_those_rows_only():
    groups, listed = np.array(["A", "A", "A", "B", "B"]), np.array([True, True, False, False, True])
    y, asked = np.array([1, 0, 1, 1, 1]), np.array([True, True, True, True, False])
    assert counts_among(asked, listed, y, groups) == {"A": Counts(2, 1, 1, 1), "B": Counts(0, 0, 1, 1)}
    with pytest.raises(ValueError, match="more events than rows"):
        Counts(1, 2, 0, 0)


def test_people_with_a_need_are_judged_by_their_own_counts(ask):
    """Of the group's 100 with a need 40 are listed, 24 of them proven, and 12 of the 60 not: missed by detection .5."""
    policy = ask({"metric": "fpr"})
    made = judge(exact_rows(world([[0.5, 0.5], [0.5, 0.5]])), policy)
    row = made.tables["side"][0]
    counts = {"A": Counts(40_000, 12_000, 60_000, 6_000), "B": Counts(20_000, 4_000, 80_000, 8_000)}
    found = contrast_of("sensitivity_in_need", row, made.everybody, counts, 0.95)
    assert float(found.at(np.full((4, 1), 0.5))[0]) == pytest.approx(24 / 36 - 8 / 24)
    assert contrast_of("sensitivity_in_need", row, made.everybody, {}, 0.95) is None


def test_every_metric_moved_has_a_rate_and_words():
    assert set(MOVED.values()) <= set(RATES) and set(MOVED) <= set(METRIC_WORDS)
    assert not set(MOVED) & set(WITHOUT_OUTCOME)
    with pytest.raises(ValueError, match="none of"):
        GroupBias("A", None, None, None, None, None, "perhaps", False, True, True, None, None)


def test_rows_of_one_person_make_the_limits_wider(ask):
    """The same rows as one date of many people, or as four dates of a quarter as many."""
    policy = ask({"metric": "fpr"})
    made = exact_rows(world([[0.5, 0.5], [0.5, 0.5]]), 800)
    order = made.sort_values(["side", "score", "recorded"]).reset_index(drop=True)
    repeated = order.assign(
        person_id=[f"R{place // 4}" for place in range(len(order))],
        as_of=pd.Timestamp(2024, 1, 1) + pd.to_timedelta(np.arange(len(order)) % 4, unit="D"),
    )
    once, four = (group_of(label_bias(judge(rows, policy), policy)) for rows in (made, repeated))
    assert four.high - four.sharp_high > 1.5 * (once.high - once.sharp_high)


def test_limits_are_as_wide_as_the_audits_own_interval_asks(ask):
    """Where the audit's interval is three times what the shares alone imply, so are the limits of that side."""
    made = judge(exact_rows(world([[0.5, 0.5], [0.5, 0.5]]), 800), ask({"metric": "fpr"}))
    row = made.tables["side"][0]
    fpr = row.measures["fpr"]
    wide = replace(fpr, low=fpr.value - 3 * (fpr.value - fpr.low), high=fpr.value + 3 * (fpr.high - fpr.value))
    asked = replace(row, measures={**row.measures, "fpr": wide})
    once, thrice = (contrast_of("fpr", one, made.everybody, {}, 0.95).wider for one in (row, asked))
    assert once == (pytest.approx(1.0, abs=0.05), pytest.approx(1.0, abs=0.05))
    assert thrice[0] == pytest.approx(3 * once[0], rel=0.05) and thrice[1] == once[1]


def test_through_the_audit_bounds_hold_the_truth_with_repeated_rows(ask):
    """12 worlds of 300 and 900 people with up to three rows each, three metrics at once."""
    metrics = ("fpr", "ppv", "calibration_in_the_large")
    policy = ask(*({"metric": metric} for metric in metrics))
    draw, held = np.random.default_rng(3), 0
    for _ in range(12):
        made = draw_world(draw, DRAFT.overall, DRAFT.between_groups, DRAFT.selected)
        found = label_bias(judge(made.draw_rows((300, 900), draw, most_dates=3), policy), policy)
        for place, metric in enumerate(metrics):
            one = group_of(found, place=place)
            held += one.low is not None and one.low <= made.gap(metric) <= one.high
    assert held >= 34


@pytest.mark.parametrize("standing", ["within_whatever", "beyond_whatever", "depends"])
@pytest.mark.parametrize(("level", "often"), [(0.95, "19 of 20"), (0.975, "39 of 40")])
def test_a_range_of_true_gaps_is_never_told_without_how_often_such_a_range_holds(standing, level, often):
    tip = Tipping(None, None)
    group = GroupBias("Asian", 0.02, -0.01, 0.03, -0.02, 0.04, standing, False, True, True, tip, tip)
    said = LabelBias(DRAFT, level, (FindingBias("f", "fpr", "ethnicity", 0.05, "both", (group,)),)).words()
    [line] = [line for line in said if "-2.0 to +4.0 in 100" in line]
    assert f"in at least {often} such audits" in line
    assert any(f"at least {often} such audits, one group and finding at a time" in line for line in said[3:])
    assert "{often}" not in " ".join(said)
