"""Each way of making an audit look well raises its question, and an honest audit raises none."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.fairness.approval.questions import GAMING
from desist.fairness.policy import (
    DEFAULT_POLICY_TOML,
    CutOffs,
    Detection,
    FindingRule,
    LinkageLimit,
    PilotRule,
    ProxyLimits,
    RefitLimits,
    parse_policy,
)
from desist.fairness.scrutiny.gaming import Earlier, Population, gaming_checks, population
from desist.fairness.scrutiny.one_matrix import contradicts, table_faults

RULE = FindingRule("wrongly-listed-sex", "fpr", "sex", 0.05, 20, "primary", "higher", "made up")
POLICY = replace(
    parse_policy(DEFAULT_POLICY_TOML), findings=(RULE,), hash="now", cut_offs=CutOffs((0.2, 0.4, 0.6), 0.4, "both")
)


def row(group, tn, fp, fn, tp):
    n = tn + fp + fn + tp
    rates = {
        "fpr": fp / (fp + tn), "fnr": fn / (fn + tp), "ppv": tp / (tp + fp), "selection": (tp + fp) / n,
        "base_rate": (fn + tp) / n,
    }  # fmt: skip
    return {
        "group": group, "n": n, "people": n, "events": fn + tp, "selected": fp + tp,
        "tn": tn, "fp": fp, "fn": fn, "tp": tp, "measures": {name: {"value": value} for name, value in rates.items()},
    }  # fmt: skip


def audit_of(*, margin=0.05, policy="now", cut_off=0.4, role="primary"):
    women, men = row("Female", 70, 10, 10, 10), row("Male", 200, 40, 30, 30)
    parts = [{"group": one["group"], "value": one["measures"]["fpr"]["value"]} for one in (women, men)]
    finding = {
        "id": RULE.id, "metric": "fpr", "characteristic": "sex", "margin": margin, "role": role, "harm": "higher",
        "answer": "does_not_meet", "parts": parts,
    }  # fmt: skip
    return {
        "policy_hash": policy, "cut_off": cut_off, "everybody": row("Everybody", 270, 50, 40, 40),
        "tables": {"sex": [women, men]}, "findings": [finding],
    }  # fmt: skip


OLD = replace(POLICY, hash="old")


def before(audit, run="r1", policy=OLD):
    return Earlier(run, audit, policy)


HONEST = np.random.default_rng(2).beta(2, 4, 400)


def raised(*, scores=HONEST, audit=None, policy=POLICY, **options):
    found = gaming_checks(audit or audit_of(), policy, scores=scores, **options)
    assert all(question.kind == GAMING for question in found.questions())
    return {question.id: question.words for question in found.questions()}


def test_an_honest_audit_raises_nothing_and_says_what_was_looked_for():
    found = gaming_checks(audit_of(), POLICY, scores=HONEST, earlier=[before(audit_of(policy="old"))])
    assert found.questions() == ()
    assert "the policy and groups of 1 earlier audits" in found.words()[0] and "no proof" in found.words()[1]


def test_scores_clipped_below_the_cut_off_are_seen():
    found = raised(scores=np.minimum(HONEST, 0.399))
    assert set(found) == {"gaming-nobody-listed", "gaming-tied-scores"}
    assert "lists 0 of 400 rows" in found["gaming-nobody-listed"]
    assert "have exactly 0.399, beside the cut-off 0.4" in found["gaming-tied-scores"]


def test_the_cut_off_may_list_one_in_a_hundred_but_not_fewer():
    scores = np.linspace(0.05, 0.35, 400)
    assert "gaming-nobody-listed" not in raised(scores=np.r_[scores[:-4], [0.45, 0.5, 0.55, 0.5]])
    assert "gaming-nobody-listed" in raised(scores=np.r_[scores[:-3], [0.45, 0.5, 0.55]])
    assert "gaming-nobody-listed" in raised(scores=np.linspace(0.41, 0.9, 400))


def test_scores_nudged_over_the_cut_off_are_seen():
    nudged = np.where((HONEST >= 0.38) & (HONEST < 0.4), HONEST + 0.02, HONEST)
    assert "0 rows lie just below the cut-off 0.4" in raised(scores=nudged)["gaming-tied-scores"]


def test_a_points_cards_own_piles_are_not_taken_for_moved_scores():
    values = np.round(1 / (1 + np.exp(-np.linspace(-3, 2, 12))), 6)
    piles = [60, 70, 80, 70, 60, 50, 45, 40, 30, 25, 15, 10]
    assert raised(scores=np.repeat(values, piles)) == {}


def test_a_margin_widened_after_a_result_is_seen_and_a_narrowed_one_is_no_matter():
    wider = [before(audit_of(margin=0.02, policy="old"))]
    found = raised(earlier=wider)
    assert set(found) == {"gaming-moved-margin"}
    assert (
        "the margin of wrongly-listed-sex (does not meet in run r1) was 0.02 and is 0.05"
        in found["gaming-moved-margin"]
    )
    assert raised(earlier=[before(audit_of(margin=0.08, policy="old"))]) == {}


def test_a_margin_widened_two_audits_ago_is_still_seen():
    steps = [before(audit_of(margin=0.02, policy="old")), Earlier("r2", audit_of(policy="now"))]
    assert "gaming-moved-margin" in raised(earlier=steps)


def test_a_finding_no_longer_asked_or_made_less_binding_or_a_moved_cut_off_is_seen():
    other = replace(POLICY, findings=(replace(RULE, metric="fnr"),))
    assert "is no longer asked" in raised(policy=other, earlier=[before(audit_of(policy="old"))])["gaming-moved-margin"]
    shown = replace(POLICY, findings=(replace(RULE, role="shown"),))
    assert (
        "was primary and is shown"
        in raised(policy=shown, earlier=[before(audit_of(policy="old"))])["gaming-moved-margin"]
    )
    turned = replace(POLICY, findings=(replace(RULE, harm="lower"),))
    assert (
        "now at one that is lower"
        in raised(policy=turned, earlier=[before(audit_of(policy="old"))])["gaming-moved-margin"]
    )
    moved = [before(audit_of(policy="old", cut_off=0.3))]
    assert "the cut-off was 0.3 and is 0.4" in raised(earlier=moved)["gaming-moved-margin"]


def test_a_finding_under_another_name_is_the_same_finding():
    renamed = replace(POLICY, findings=(replace(RULE, id="another-name", margin=0.1),))
    assert (
        "was 0.05 and is 0.1" in raised(policy=renamed, earlier=[before(audit_of(policy="old"))])["gaming-moved-margin"]
    )


def test_a_group_or_a_characteristic_that_is_gone_is_seen_unless_it_was_too_small():
    larger = audit_of()
    larger["tables"]["sex"].append(row("Other", 10, 4, 3, 3))
    larger["tables"]["religion"] = []
    found = raised(earlier=[Earlier("r", larger)])
    assert "Other (sex) is gone" in found["gaming-group-dropped"]
    assert "religion is no longer compared" in found["gaming-group-dropped"]
    small = audit_of()
    small["tables"]["sex"].append(row("Other", 10, 4, 3, 2))
    assert raised(earlier=[Earlier("r", small)]) == {}


def test_a_minimum_raised_after_a_result_hides_no_group():
    """Twenty people were enough then; at a minimum of 30 nobody would miss them."""
    larger = audit_of(policy="old")
    larger["tables"]["sex"].append(row("Other", 10, 4, 3, 3))
    stricter = replace(POLICY, minimum_people=30)
    found = raised(policy=stricter, earlier=[before(larger)])
    assert "Other (sex) is gone" in found["gaming-group-dropped"]
    assert "the fewest people of a group was 20 and is 30 (run r1)" in found["gaming-moved-margin"]
    assert "Other (sex) is gone" in raised(policy=stricter, earlier=[Earlier("r", larger)])["gaming-group-dropped"]


SECTIONS = {
    "pilot": PilotRule(150, 6, 0.15, 0.5),
    "proxies": ProxyLimits(0.65, 0.75),
    "linkage": LinkageLimit(0.05),
    "detection": Detection((0.3, 0.8), (0.7, 1.5), (1.0, 2.5)),
    "refit": None,
}
STATED = replace(POLICY, **SECTIONS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minimum_people": 21}, "the fewest people of a group was 20 and is 21"),
        ({"minimum_events": 21}, "the fewest people with the outcome was 20 and is 21"),
        ({"minimum_non_events": 21}, "the fewest people without it was 20 and is 21"),
        ({"findings": (replace(RULE, minimum=21),)}, "the minimum of wrongly-listed-sex was 20 and is 21"),
        ({"findings": (replace(RULE, id="x", minimum=21),)}, "the minimum of wrongly-listed-sex was 20 and is 21"),
        ({"cut_offs": CutOffs((0.2, 0.4, 0.7), 0.4, "both")}, "the steps were 0.2, 0.4, 0.6 and are 0.2, 0.4, 0.7"),
        ({"cut_offs": CutOffs((0.2, 0.4, 0.6), 0.4, "supportive")}, "called both and is called supportive"),
        ({"pilot": PilotRule(200, 6, 0.15, 0.5)}, "[pilot] most_people was 150 and is 200"),
        ({"pilot": PilotRule(150, 6, 0.3, 0.5)}, "[pilot] gross_gap was 0.15 and is 0.3"),
        ({"pilot": PilotRule(150, 6, 0.15, 0.4)}, "[pilot] reviewed_share was 0.5 and is 0.4"),
        ({"refit": RefitLimits(0.1, 0.1)}, "[refit] was not there and is"),
        ({"proxies": ProxyLimits(0.65, 0.8)}, "[proxies] together was 0.75 and is 0.8"),
        ({"proxies": None}, "[proxies] was there and is not"),
        ({"linkage": LinkageLimit(0.1)}, "[linkage] gap was 0.05 and is 0.1"),
        ({"linkage": None}, "[linkage] was there and is not"),
        ({"detection": None}, "[detection] was there and is not"),
        (
            {"detection": Detection((0.3, 0.8), (0.9, 1.1), (1.0, 2.5))},
            "[detection] between_groups was 0.7, 1.5 and is 0.9, 1.1",
        ),
        ({"expiry_months": 7}, "ended after 6 months and ends after 7"),
        ({"roles": ("board_chair",)}, "no longer signed by data protection officer"),
    ],
)
def test_any_limit_of_the_policy_that_was_loosened_after_a_result_is_seen(change, said):
    earlier = [before(audit_of(policy="old"), policy=replace(STATED, hash="old"))]
    assert raised(policy=STATED, earlier=earlier) == {}
    found = raised(policy=replace(STATED, **change), earlier=earlier)
    assert set(found) == {"gaming-moved-margin"} and said in found["gaming-moved-margin"]


@pytest.mark.parametrize(
    "change",
    [
        {"minimum_people": 15, "findings": (replace(RULE, minimum=15),)},
        {"pilot": PilotRule(100, 3, 0.1, 0.9)},
        {"pilot": None},
        {"proxies": ProxyLimits(0.6, 0.7)},
        {"linkage": LinkageLimit(0.02)},
    ],
)
def test_a_policy_that_asks_for_more_is_no_matter(change):
    earlier = [before(audit_of(policy="old"), policy=replace(STATED, hash="old"))]
    assert raised(policy=replace(STATED, **change), earlier=earlier) == {}


def test_an_earlier_audit_whose_policy_nobody_can_tell_is_a_question():
    assert "r1" in raised(earlier=[before(audit_of(policy="old"), policy=None)])["gaming-policy-gone"]
    assert raised(earlier=[before(audit_of(policy="now"), policy=None)]) == {}, "today's policy is the same one"


def test_a_group_that_was_beyond_the_limit_and_cannot_be_assessed_any_more_is_seen():
    then, now = audit_of(policy="now"), audit_of()
    then["findings"][0]["parts"][0]["answer"] = "does_not_meet"
    now["findings"][0]["parts"][0]["answer"] = "meets"
    assert raised(audit=now, earlier=[before(then)]) == {}
    now["findings"][0]["parts"][0]["answer"] = "cannot_be_assessed"
    assert "Female (wrongly-listed-sex, run r1)" in raised(audit=now, earlier=[before(then)])["gaming-no-longer-told"]
    then["findings"][0]["parts"][0]["answer"] = "cannot_be_assessed"
    assert raised(audit=now, earlier=[before(then)]) == {}, "it never was"


CARD = np.round(1 / (1 + np.exp(-np.linspace(-3, 1.5, 30))), 6)


def on_a_card():
    """3,000 rows on a card of 30 totals, most of them low."""
    totals = np.random.default_rng(5).binomial(29, np.random.default_rng(6).beta(3, 4.5, 3000))
    return CARD[totals]


def test_a_cards_scores_clipped_to_its_step_below_the_cut_off_stand_out_from_their_neighbours():
    honest = on_a_card()
    assert raised(scores=honest) == {}
    step = CARD[CARD < 0.4][-1]
    clipped = np.where((honest >= 0.4) & (honest < 0.5), step, honest)
    assert 250 < (clipped != honest).sum() < 800
    assert f"rows have exactly {step:g}, beside the cut-off 0.4" in raised(scores=clipped)["gaming-tied-scores"]


def counted(scores):
    audit = audit_of()
    audit["everybody"]["selected"] = int((scores >= 0.4).sum())
    return audit


@pytest.fixture
def consistent(monkeypatch):
    """The audit's tables are not about these scores here; what they count listed is."""
    monkeypatch.setattr("desist.fairness.scrutiny.gaming.table_faults", lambda audit: [])


def test_audited_scores_that_are_not_the_models_are_seen(consistent):
    assert raised(scores=HONEST, recomputed=HONEST + 1e-7, audit=counted(HONEST)) == {}
    listed = np.flatnonzero(HONEST >= 0.4)[:40]
    lowered = HONEST.copy()
    lowered[listed] -= 0.25  # of one group alone
    words = raised(scores=lowered, recomputed=HONEST, audit=counted(lowered))["gaming-other-scores"]
    assert "40 of 400 audited scores differ, by up to 0.25" in words
    clipped = np.minimum(HONEST, 0.367)
    words = raised(scores=clipped, recomputed=HONEST, audit=counted(clipped))["gaming-other-scores"]
    assert f"the audit counts 0 rows listed and the model lists {(HONEST >= 0.4).sum()}" in words


def test_a_single_score_that_differs_beyond_rounding_or_has_no_row_is_seen(consistent):
    for wrong in (HONEST[7] + 3e-6, np.nan):
        told = np.where(np.arange(400) == 7, wrong, HONEST)
        assert "1 of 400" in raised(scores=HONEST, recomputed=told, audit=counted(HONEST))["gaming-other-scores"]


def test_an_audit_that_counts_other_rows_listed_than_its_scores_is_seen(consistent):
    audit = counted(HONEST)
    audit["everybody"]["selected"] -= 1
    assert "and the model lists" in raised(recomputed=HONEST, audit=audit)["gaming-other-scores"]


def test_an_audit_the_log_tells_of_and_nobody_can_read_is_a_question():
    assert "r7" in raised(earlier=[Earlier("r7", None)])["gaming-audit-gone"]


def test_people_unlike_todays_are_seen_in_scores_and_in_groups():
    audited = population(np.repeat([0.1, 0.5], 200), {"sex": ["F"] * 200 + ["M"] * 200})
    assert audited == Population((0, 0, 200, *[0] * 7, 200, *[0] * 9), {"sex": {"F": 200, "M": 200}})
    found = raised(audited=audited, today=population(np.repeat([0.5, 0.9], 200), {"sex": ["F"] * 200 + ["M"] * 200}))
    assert "the estimates (+2.00)" in found["gaming-other-people"] and "sex" not in found["gaming-other-people"]
    # Shares .5 and .3: (.3 - .5) / sqrt((.25 + .21) / 2) = -.417
    mixed = population(np.repeat([0.1, 0.5], 200), {"sex": ["F"] * 120 + ["M"] * 280})
    assert "F, sex (\u22120.42)" in raised(audited=audited, today=mixed)["gaming-other-people"]
    alike = population(np.repeat([0.1, 0.5], 200), {"sex": ["F"] * 180 + ["M"] * 220})
    assert raised(audited=audited, today=alike) == {}


def test_a_handful_of_people_is_not_called_unlike_for_chance_alone():
    audited = population(np.full(400, 0.3), {"sex": ["F"] * 200 + ["M"] * 200})
    few = population(np.full(10, 0.3), {"sex": ["F"] * 3 + ["M"] * 7})
    assert raised(audited=audited, today=few) == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda audit: audit["tables"]["sex"][0]["measures"]["fpr"].update(value=0.05), "fpr is given as 0.0500"),
        (lambda audit: audit["tables"]["sex"][0].update(selected=5), "selected is 5 and its cells make 20"),
        (lambda audit: audit["tables"]["sex"].pop(), "the groups of sex have 100 n together and everybody 400"),
        (lambda audit: audit["findings"][0]["parts"][0].update(value=0.01), "is not the one in its table"),
        (lambda audit: audit["findings"][0]["parts"][0].update(group="Nobody"), "Nobody is in no table"),
    ],
)
def test_a_figure_that_does_not_follow_from_the_counts_is_seen(change, said):
    audit = copy.deepcopy(audit_of())
    assert table_faults(audit) == []
    change(audit)
    assert said in raised(audit=audit)["gaming-contradiction"]


def test_published_rates_that_no_table_gives_contradict_each_other():
    """Half reoffend, half of those listed are right: then as many are wrongly as rightly listed, so FPR = 1 - FNR."""
    assert not contradicts({"base_rate": 0.5, "ppv": 0.5, "fpr": 0.3, "fnr": 0.7}, digits=2)
    assert contradicts({"base_rate": 0.5, "ppv": 0.5, "fpr": 0.3, "fnr": 0.5}, digits=2)
    assert contradicts({"accuracy": 0.9, "base_rate": 0.2, "fnr": 0.8}, digits=2)  # misses alone are .16
    assert not contradicts({}, digits=2)


@given(st.tuples(*[st.integers(0, 60)] * 4).filter(lambda cells: min(cells[0] + cells[1], cells[2] + cells[3]) > 0))
def test_rates_of_one_table_never_contradict_each_other(cells):
    tn, fp, fn, tp = cells
    n = sum(cells)
    told = {"base_rate": (fn + tp) / n, "fpr": fp / (fp + tn), "fnr": fn / (fn + tp), "accuracy": (tn + tp) / n}
    if tp + fp:
        told["ppv"] = tp / (tp + fp)
    assert not contradicts({name: round(value, 2) for name, value in told.items()}, digits=2)
