"""A policy told before any run: margins in people, which groups can ever be assessed, and what cannot work."""

from dataclasses import replace

import numpy as np
import pytest

from desist.fairness.explain import (
    FOUR_QUARTERS_WORTH,
    NEVER,
    POOLED,
    REGION,
    UNPLANNED,
    Expected,
    explain,
    in_people,
    infeasible,
)
from desist.fairness.policy import DECIDABLE_METRICS, DEFAULT_POLICY_TOML, FindingRule, parse_policy

DRAFT = parse_policy(DEFAULT_POLICY_TOML)
EXPECTED = Expected(0.25, 0.73)


def _rule(metric, margin=0.05, role="primary", harm="both", minimum=50, characteristic="ethnicity"):
    return FindingRule(metric, metric, characteristic, margin, minimum, role, harm, "A reason long enough to be one.")


def _policy(*rules, consequence="intrusive", cut_off=0.4):
    cut_offs = replace(DRAFT.cut_offs, consequence=consequence, selection=cut_off)
    return replace(DRAFT, findings=rules, cut_offs=cut_offs)


def _explained(policy, groups, judged=1.0, region=None):
    return explain(policy, {"ethnicity": groups}, expected=EXPECTED, judged=judged, region=region)


def test_a_margin_is_told_in_people():
    assert in_people(_rule("fpr", 0.05, harm="higher")) == (
        "of 100 people of a community with no proven reoffence, at most 5 more listed than of 100 others"
    )
    assert "at most 2.5 fewer listed" in in_people(_rule("sensitivity_in_need", 0.025, harm="lower"))
    assert in_people(_rule("burden", 0.005, harm="higher")) == (
        "of 1,000 adults of a community, at most 5 more listed among those judged than of 1,000 other adults"
    )
    assert in_people(_rule("brier", 0.03)) == "a brier no more than 0.03 above or below everybody else's"


def test_no_margin_is_told_in_words_the_board_would_not_use():
    for metric in DECIDABLE_METRICS:
        words = in_people(_rule(metric)).lower()
        assert "fair" not in words and "unbiased" not in words and "risk" not in words


def test_the_people_a_margin_asks_for_are_those_the_issue_names():
    """At 5 in 100 some 440 people without a proven reoffence (FPR .12), and some 790 for a rate of one in four."""
    plan = _explained(_policy(_rule("fpr")), {"Black": 10}).findings[0]
    # Planned FPR at a base rate of .25, AUC .73 and cut-off .4 is .109: 420 of the three in four without.
    assert plan.people_needed == pytest.approx(440 / 0.75, rel=0.1)
    plan = _explained(_policy(_rule("selection", 0.05)), {"Black": 10}).findings[0]
    # A share of .171: .171 x .829 x (3.24 / .05)^2 = 596.
    assert plan.people_needed == pytest.approx(596, rel=0.03)


def test_a_group_is_assessed_alone_over_four_quarters_over_a_region_or_never():
    # Some 194 rows are needed of a rate of one half... here: selection within 10 in 100, .171 x .829 x 32.4^2 = 149.
    told = _explained(
        _policy(_rule("selection", 0.1)), {"White": 20_000, "A": 170, "B": 125, "C": 60, "D": 0}, region=200_000
    )
    first = {group.group: group.first for group in told.findings[0].groups}
    assert first["A"] == "alone"
    assert first["B"] == POOLED  # 125 x 1.35 = 169
    assert first["C"] == REGION  # ten times as many
    assert first["D"] == NEVER
    assert told.four_quarters_worth == 1.35
    place = {place.where: place for place in told.findings[0].groups[2].places}[POOLED]
    assert place.worth == pytest.approx(125 * 1.35, abs=0.1)
    assert 0.09 < place.tightest < 0.1 < {p.where: p for p in told.findings[0].groups[2].places}["alone"].tightest


def test_only_the_people_an_audit_judges_count():
    groups = {"White": 20_000, "A": 300}
    assert _explained(_policy(_rule("selection", 0.1)), groups).findings[0].groups[1].first == "alone"
    assert _explained(_policy(_rule("selection", 0.1)), groups, judged=0.3).findings[0].groups[1].first == NEVER


def test_fewer_people_than_the_policys_minimum_are_never_assessed():
    policy = replace(_policy(_rule("selection", 0.2, minimum=10)), minimum_people=60)
    told = _explained(policy, {"White": 20_000, "A": 59, "B": 60})
    assert [group.first for group in told.findings[0].groups[1:]] == [NEVER, "alone"]


def test_where_others_are_too_few_no_number_would_do():
    told = _explained(_policy(_rule("selection", 0.05)), {"White": 3_000, "A": 200})
    assert told.findings[0].groups[0].places[0].needed is None
    assert any("no group can ever be assessed" in warning for warning in told.warnings)


def test_calibration_and_equal_error_rates_cannot_both_be_primary():
    """At a cut-off of .375 and AUC .73, by hand with two normal classes: .074 at a base rate of .2, .206 at .3."""
    policy = _policy(_rule("calibration_in_the_large"), _rule("fpr"), cut_off=0.375)
    (warning,) = infeasible(policy, 0.73)
    assert "has FPR 0.074 where 0.20 reoffend and 0.206 where 0.30 do: a gap of 0.131" in warning


@pytest.mark.parametrize(
    "rules",
    [
        [_rule("calibration_in_the_large"), _rule("fpr", role="answer")],
        [_rule("calibration_in_the_large"), _rule("fpr", characteristic="sex")],
        [_rule("excess_fpr"), _rule("calibration_in_the_large")],
        [_rule("calibration_in_the_large"), _rule("fpr", 0.2)],
        [_rule("fpr"), _rule("fnr")],
    ],
)
def test_policies_that_can_be_met_are_not_warned_of(rules):
    assert infeasible(_policy(*rules), 0.73) == ()


def test_help_without_a_question_about_need_is_warned_of():
    need = _rule("sensitivity_in_need", 0.1)
    groups = {"White": 30_000, "A": 20_000}
    for consequence in ("supportive", "both"):
        told = _explained(_policy(_rule("selection"), consequence=consequence), groups)
        assert any("sensitivity_in_need" in warning for warning in told.warnings)
        assert _explained(_policy(_rule("selection"), need, consequence=consequence), groups).warnings == ()
        shown = replace(need, role="shown")
        assert _explained(_policy(_rule("selection"), shown, consequence=consequence), groups).warnings
    assert _explained(_policy(_rule("selection")), groups).warnings == ()


def test_a_primary_that_only_a_region_can_tell_is_warned_of():
    told = _explained(_policy(_rule("selection", 0.1)), {"A": 90, "B": 90}, region=50_000)
    assert any("no group can be assessed without a region" in warning for warning in told.warnings)


def test_the_draft_policy_is_told_whole_and_a_burden_is_not_planned_from_people():
    told = explain(DRAFT, {}, expected=EXPECTED, judged=1.0)
    assert [plan.id for plan in told.findings] == [rule.id for rule in DRAFT.findings]
    assert all(plan.people_needed for plan in told.findings if plan.metric != "burden")
    assert _explained(_policy(_rule("burden")), {"A": 9_000, "B": 9_000}).findings[0].people_needed is None
    assert told.warnings == ()


@pytest.mark.parametrize("metric", ["calibration_near_cut_off", "excess_fpr", "auc", "brier", "calibration_slope"])
def test_what_is_no_proportion_is_planned_with_the_spread_it_has_in_made_up_samples(metric):
    """The variance planned for 4,000 people against that of 60 samples of as many, worked out afresh."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import brier_score_loss, roc_auc_score

    from desist.fairness.explain import _denominator, _population
    from desist.simulation.score_worlds import Group, ScoreWorld, draws

    made_up, n = _population(0.4, 0.25, 0.73), 2_000
    share, _, variance = _denominator(metric, made_up)

    def measured(y, s):
        if metric == "auc":
            return roc_auc_score(y, s)
        if metric == "brier":
            return brier_score_loss(y, s)
        if metric == "calibration_slope":
            return LogisticRegression(C=1e9).fit(np.log(s / (1 - s))[:, None], y).coef_[0, 0]
        if metric == "excess_fpr":
            return (s[y == 0] >= 0.4).mean() - (1 - s)[s >= 0.4].sum() / (1 - s).sum()
        near = np.abs(s - 0.4) <= 0.1
        return (s - y)[near].mean()

    world = ScoreWorld((Group("A", made_up, n),))
    values = [measured(one.y, one.score) for one in draws(world, 150, seed=4)]
    assert np.std(values) == pytest.approx(np.sqrt(variance / (n * share)), rel=0.2)


def test_four_quarters_are_worth_a_third_more_than_one():
    """Offending at lasting rates, a year awaited from each of four quarters: what the rows of 40,000 people are worth.

    Rates vary so that about one in four reoffends within a year, and the true chances rank with an AUC of some .73.
    """
    random, people = np.random.default_rng(9), 40_000
    rates = np.exp(random.normal(-2.83, 0.93, people))  # offences a quarter
    offences = random.poisson(rates[:, None], (people, 7)) > 0
    outcome = np.stack([offences[:, start : start + 4].any(axis=1) for start in range(4)], axis=1).astype(float)
    assert outcome.mean() == pytest.approx(0.25, abs=0.02)
    # A caseload's share has the variance rate x (1 - rate) / people; that of all four, people being the unit:
    worth = outcome.mean() * (1 - outcome.mean()) / outcome.mean(axis=1).var()
    assert worth == pytest.approx(FOUR_QUARTERS_WORTH, abs=0.05)


def test_a_burden_cannot_be_planned_here_which_is_not_never():
    told = _explained(_policy(_rule("burden", 0.005)), {"A": 9_000, "B": 9_000})
    assert {group.first for group in told.findings[0].groups} == {UNPLANNED}
    assert not any("ever be assessed" in warning for warning in told.warnings)
    assert any("cannot be planned here" in warning for warning in told.warnings)


@pytest.mark.parametrize(("people", "first"), [(75, NEVER), (85, "alone")])
def test_a_plan_asks_for_the_events_that_a_verdict_asks_for(people, first):
    """One in four reoffends: 20 events are 80 people."""
    wide = _rule("calibration_slope", 3.0, minimum=10)
    told = _explained(_policy(wide), {"A": people, "B": 20_000})
    assert told.findings[0].people_needed == pytest.approx(80, abs=1)
    assert told.findings[0].groups[0].places[0].enough == (first != NEVER)


def test_a_plan_asks_everybody_for_the_events_that_calibration_needs():
    """Margins of 5 in 10 ask for few people; of 60, 15 reoffend and the policy asks for 20."""
    rule = _rule("calibration_in_the_large", 0.5, minimum=10)
    assert not _explained(_policy(rule), {"A": 30, "B": 30}).findings[0].groups[0].places[0].enough
    assert _explained(_policy(rule), {"A": 45, "B": 45}).findings[0].groups[0].places[0].enough


def test_a_plan_asks_for_twenty_on_either_side_where_one_side_is_harmed():
    """A margin wide enough for 15 people of a group; the verdict asks for 20 of them, and of the others."""
    policy = replace(_policy(_rule("selection", 0.6, harm="lower", minimum=10)), minimum_people=10)
    for one, other, enough in ((15, 900, False), (25, 900, True), (900, 15, False)):
        places = _explained(policy, {"A": one, "B": other}).findings[0].groups[0].places
        assert places[0].enough == enough
