"""The run page tells the choice, what stands behind it and the studies, in words and with every bound."""

import dataclasses

import pytest

from desist.reports.analyst import ModelRow, PeriodRow, Ranged, run_page
from desist.reports.figures import Mark, curve_figure
from desist.reports.run_studies import (
    AblationRow,
    AlarmRow,
    ChoiceContent,
    LearningRow,
    SampleContent,
    StudiesContent,
)
from desist.reports.wording import lint, readable

CHOICE = ChoiceContent(
    chosen="points card", best="monotone boosting", words="Shown equal within the margin: it gives up 0.0004",
    measure="Brier score", share=0.1, margin=0.0029, lost=0.0004, lost_at_least=-0.001, lost_at_most=0.0018,
    own_gain_at_least=None,
    precision=(("points card", Ranged(0.665, 0.591, 0.735)), ("monotone boosting", Ranged(0.671, 0.594, 0.746))),
    cut_off=0.5, dates=("1 April 2024", "1 October 2024"), people=1467, events=461, least_events=100,
)  # fmt: skip
SAMPLE = SampleContent(3728, 1674, 990, 2062.4, 1.81, "3 overlapping dates are worth 1.66 of one.")
STUDIES = StudiesContent(
    model="points card",
    trial="Learnt from up to 1,078 people.",
    learning=(
        LearningRow(135, 9, Ranged(None), Ranged(None), "Nothing can be learnt."),
        LearningRow(270, 177, Ranged(0.1615, 0.1436, 0.1794), Ranged(0.714, 0.66, 0.76)),
        LearningRow(539, 320, Ranged(0.1601, 0.142, 0.178), Ranged(0.72, 0.67, 0.77)),
    ),
    learning_words="The Brier score fell by 0.0014: more people would hardly help.",
    ablations=(
        AblationRow("treatment data", "stops today", 0, 3, Ranged(0.0, 0.0, 0.0), Ranged(0.0, 0.0, 0.0), "Nothing."),
        AblationRow("police data", "refit without", 3, 38, Ranged(0.0049, 0.0014, 0.0096),
                    Ranged(-0.032, -0.053, -0.011), "A model that never had it would lose 0.0049."),
    ),
    alarm=(),
    alarm_words="No leak was found among 63 features",
)


def test_the_choice_shows_margin_bounds_rule_and_both_precisions(made):
    said = readable(run_page(made.run(choice=CHOICE)))
    assert "Shown equal within the margin: it gives up 0.0004." in said
    for row in ("Margin (Brier score) 0.0029", "Given up against the best 0.0004", "Given up, at least −0.0010",
                "Given up, at most 0.0018", "Precision at 0.5, points card 0.665 0.591 to 0.735",
                "Precision at 0.5, monotone boosting 0.671 0.594 to 0.746"):  # fmt: skip
        assert row in said
    assert "The margin is 10% of the best model's gain in Brier score over the base rate" in said
    assert "on the rows of 1 April 2024 and 1 October 2024 (the later half of the tested dates)" in said
    assert "Below 100 people with the outcome there is no choice; here there are 461 of 1,467 people." in said
    assert "over the most readable" not in said
    gained = dataclasses.replace(CHOICE, own_gain_at_least=0.004)
    assert "Gain over the most readable model, at least 0.0040" in readable(run_page(made.run(choice=gained)))


def test_what_overlapping_rows_are_worth_is_said(made):
    said = readable(run_page(made.run(sample=SAMPLE)))
    assert "3,728 rows of 1,674 people, 990 of the rows with the outcome. 3 overlapping dates are worth 1.66" in said
    assert "as good as 2,062 rows of different people: its variance is 1.81 times" in said


def test_every_measure_has_a_place_and_the_cut_off_is_named(made):
    metrics = {name: Ranged(0.1, 0.05, 0.15) for name in
               ("auc", "brier_gain", "log_loss_gain", "calibration_slope", "mean_score_less_rate", "precision",
                "net_benefit", "net_benefit_all")}  # fmt: skip
    run = made.run(models=(ModelRow("m", "model", metrics),), periods=(PeriodRow("Q1", 9, 3, metrics),), cut_off=0.4)
    said = readable(run_page(run))
    for heading in ("Models, with 95% ranges: calibration", "Models, with 95% ranges: at the cut-off",
                    "Back-test by period: calibration", "Back-test by period: at the cut-off"):  # fmt: skip
        assert heading in said
    assert "Net benefit of listing everybody" in said and "listing nobody has 0. The cut-off is 0.4." in said


def test_the_studies_are_a_curve_with_its_table_the_ablations_and_the_alarm(made):
    page = run_page(made.run(studies=STUDIES))
    said = readable(page)
    assert "The points card. Learnt from up to 1,078 people." in said and "more people would hardly help." in said
    assert "135 9 Nothing can be learnt." in said and "270 177 0.1615 0.1436 to 0.1794" in said
    assert page.count("<circle") == 2  # the share without a model has no point
    assert "treatment data stops today 0 of 3 0 0 to 0" in said
    assert "police data refit without 3 of 38 +0.0049 +0.0014 to +0.0096 −0.032 −0.053 to −0.011" in said
    assert "Leak alarm No leak was found among 63 features." in said
    assert lint(page) == []


def test_a_raised_alarm_names_feature_check_and_finding(made):
    alarm = (AlarmRow("sanctions_after", "alone too good", "It alone has an AUC of 0.870."),)
    raised = dataclasses.replace(STUDIES, alarm=alarm, alarm_words="Look at sanctions_after")
    said = readable(run_page(made.run(studies=raised)))
    assert "1 feature is suspect. Look at sanctions_after." in said
    assert "sanctions_after alone too good It alone has an AUC of 0.870." in said


def test_a_curve_is_the_same_bytes_and_each_doubling_takes_the_same_room():
    marks = [Mark(100.0 * 2**k, f"{100 * 2**k}", 0.2 - 0.01 * k, 0.18 - 0.01 * k, 0.22 - 0.01 * k) for k in range(3)]
    drawn = curve_figure("c", "Title", "What it shows", marks, across="people", upward="Brier")
    assert drawn == curve_figure("c", "Title", "What it shows", marks, across="people", upward="Brier")
    places = [float(part.split('"')[0]) for part in drawn.split('<circle cx="')[1:]]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    heights = [float(part.split('"')[0]) for part in drawn.split(' cy="')[1:]]
    assert heights == sorted(heights)  # a lower Brier score lies lower
