"""Each way of making an audit look well raises its question, and an honest audit raises none."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.fairness.approval.questions import GAMING
from desist.fairness.policy import DEFAULT_POLICY_TOML, CutOffs, FindingRule, parse_policy
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


HONEST = np.random.default_rng(2).beta(2, 4, 400)


def raised(*, scores=HONEST, audit=None, policy=POLICY, **options):
    found = gaming_checks(audit or audit_of(), policy, scores=scores, **options)
    assert all(question.kind == GAMING for question in found.questions())
    return {question.id: question.words for question in found.questions()}


def test_an_honest_audit_raises_nothing_and_says_what_was_looked_for():
    found = gaming_checks(audit_of(), POLICY, scores=HONEST, earlier=[Earlier("before", audit_of(policy="old"))])
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
    wider = [Earlier("r1", audit_of(margin=0.02, policy="old"))]
    found = raised(earlier=wider)
    assert set(found) == {"gaming-moved-margin"}
    assert (
        "the margin of wrongly-listed-sex (does not meet in run r1) was 0.02 and is 0.05"
        in found["gaming-moved-margin"]
    )
    assert raised(earlier=[Earlier("r1", audit_of(margin=0.08, policy="old"))]) == {}


def test_a_margin_widened_two_audits_ago_is_still_seen():
    steps = [Earlier("r1", audit_of(margin=0.02, policy="old")), Earlier("r2", audit_of(policy="now"))]
    assert "gaming-moved-margin" in raised(earlier=steps)


def test_a_finding_no_longer_asked_or_made_less_binding_or_a_moved_cut_off_is_seen():
    other = replace(POLICY, findings=(replace(RULE, metric="fnr"),))
    assert (
        "is no longer asked"
        in raised(policy=other, earlier=[Earlier("r", audit_of(policy="old"))])["gaming-moved-margin"]
    )
    shown = replace(POLICY, findings=(replace(RULE, role="shown"),))
    assert (
        "was primary and is shown"
        in raised(policy=shown, earlier=[Earlier("r", audit_of(policy="old"))])["gaming-moved-margin"]
    )
    turned = replace(POLICY, findings=(replace(RULE, harm="lower"),))
    assert (
        "now at one that is lower"
        in raised(policy=turned, earlier=[Earlier("r", audit_of(policy="old"))])["gaming-moved-margin"]
    )
    moved = [Earlier("r", audit_of(policy="old", cut_off=0.3))]
    assert "the cut-off was 0.3 and is 0.4" in raised(earlier=moved)["gaming-moved-margin"]


def test_a_finding_under_another_name_is_the_same_finding():
    renamed = replace(POLICY, findings=(replace(RULE, id="another-name", margin=0.1),))
    assert (
        "was 0.05 and is 0.1"
        in raised(policy=renamed, earlier=[Earlier("r", audit_of(policy="old"))])["gaming-moved-margin"]
    )


def test_a_group_or_a_characteristic_that_is_gone_is_seen_unless_it_was_too_small():
    before = audit_of()
    before["tables"]["sex"].append(row("Other", 10, 4, 3, 3))
    before["tables"]["religion"] = []
    found = raised(earlier=[Earlier("r", before)])
    assert "Other (sex) is gone" in found["gaming-group-dropped"]
    assert "religion is no longer compared" in found["gaming-group-dropped"]
    small = audit_of()
    small["tables"]["sex"].append(row("Other", 10, 4, 3, 2))
    assert raised(earlier=[Earlier("r", small)]) == {}


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
