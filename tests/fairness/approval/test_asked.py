"""What the board is asked, and what the evidence allows: open, leaning, outside, in the region, gross, renewed."""

import datetime as dt
import json
from dataclasses import dataclass, replace

import pytest

from desist.fairness.approval.asked import questions_of
from desist.fairness.approval.attempts import attempt_of, audit_event, event_of
from desist.fairness.approval.kinds import allowed, enough_on
from desist.fairness.approval.questions import Question
from desist.fairness.approval.scrutiny_file import Scrutiny
from desist.fairness.audit import level_of
from desist.fairness.policy import FindingRule, PilotRule

DAY = dt.date(2026, 10, 1)
NOTHING = Scrutiny((), 1, {})
WITHIN, OUT, UNSURE = "meets", "does_not_meet", "cannot_be_assessed"


@dataclass(frozen=True)
class Part:
    """A group's part as far as the gate looks at it."""

    group: str
    answer: str
    lean: str = ""
    gap: float | None = 0.0
    gap_low: float | None = -0.3
    gap_high: float | None = 0.3
    effective: float = 100.0
    needed: int | None = None
    mean_gap: float | None = None
    mean_low: float | None = None
    mean_high: float | None = None


@dataclass(frozen=True)
class Found:
    id: str
    parts: tuple
    metric: str = "fpr"
    characteristic: str = "ethnicity"


@dataclass(frozen=True)
class Audit:
    findings: tuple
    context: dict
    purpose: str = "iom_selection_support"
    outcome: str = "proven"
    hash: str = "0" * 64


def audit_of(*findings, dates="2024-01-01, 2024-04-01"):
    return Audit(findings, {"dates": dates})


def unsure(group, lean="no_evidence", **others):
    return Part(group, UNSURE, lean, **others)


@pytest.fixture
def rules(policy):
    """A policy with one primary, one answer and one shown finding, and a pilot rule."""
    roles = {"main": "primary", "asked": "answer", "annex": "shown"}
    found = tuple(
        FindingRule(name, "fpr", "ethnicity", 0.1, 20, role, "higher", "Because") for name, role in roles.items()
    )
    return replace(policy, findings=found, pilot=PilotRule(50, 6, 0.15, 0.5))


def asked(rules, *findings, region=None, scrutiny=NOTHING):
    return {question.id: question for question in questions_of(audit_of(*findings), rules, scrutiny, region or {})}


def told(rules, *findings, region=None):
    return allowed(audit_of(*findings), rules, region or {}, made_on=DAY)


# Questions


def test_what_is_within_its_limit_asks_nothing_and_allows_everything(rules):
    found = Found("main", (Part("White", WITHIN), Part("Black", WITHIN)))
    assert asked(rules, found) == {}
    assert told(rules, found).scopes == ("release", "conditions", "pilot")


def test_a_finding_outside_or_leaning_is_a_question_of_its_own_that_names_the_groups(rules):
    outside = asked(
        rules, Found("main", (Part("White", WITHIN), Part("Black", OUT), unsure("Asian", "a_gap_is_shown")))
    )
    assert outside.keys() == {"main"} and outside["main"].kind == "outside"
    assert "Black is outside the agreed limit" in outside["main"].words and "Asian cannot be" in outside["main"].words
    leaning = asked(rules, Found("main", (Part("White", WITHIN), unsure("Black", "leaning_beyond_the_limit"))))
    assert leaning["main"].kind == "leaning" and "points beyond the limit" in leaning["main"].words


def test_an_answer_is_asked_only_beyond_its_margin_and_what_is_shown_never(rules):
    parts = (Part("White", WITHIN), Part("Black", OUT))
    assert {name: question.kind for name, question in asked(rules, Found("asked", parts)).items()} == {
        "asked": "answer"
    }
    assert asked(rules, Found("annex", parts)) == {}
    assert asked(rules, Found("asked", (Part("White", WITHIN),))) == {}


def test_all_groups_of_which_nothing_can_be_told_share_one_question(rules):
    found = asked(
        rules,
        Found("main", (Part("White", WITHIN), unsure("Black"), unsure("Mixed"))),
        Found("asked", (unsure("Mixed"),)),
        Found("annex", (unsure("Other"),)),
    )
    assert found.keys() == {"too-few-to-tell"}
    words = found["too-few-to-tell"].words
    assert "Black, Mixed" in words and words.count("Mixed") == 2 and "Other" not in words


def test_scrutiny_asks_its_own_questions_and_two_cannot_share_an_id(rules):
    proxy = Question("proxy-area", "proxy", "The area tells ethnicity.")
    assert asked(rules, scrutiny=Scrutiny((proxy,), 1, {})) == {"proxy-area": proxy}
    with pytest.raises(ValueError, match="one id"):
        asked(rules, Found("main", (Part("A", OUT),)), scrutiny=Scrutiny((replace(proxy, id="main"),), 1, {}))
    with pytest.raises(ValueError, match="one id"):
        Scrutiny((proxy, proxy), 1, {})


def test_a_second_audit_of_the_same_outcomes_is_asked_about(rules):
    assert asked(rules, scrutiny=Scrutiny((), 2, {}))["audited-again"].kind == "retries"


@pytest.mark.parametrize("text", ["", "[]", "null", "{}",
    '{"format": 2, "questions": [], "attempt": 1, "sections": {}}',
    '{"format": 1, "questions": [], "attempt": 0, "sections": {}}',
    '{"format": 1, "questions": [], "attempt": true, "sections": {}}',
    '{"format": 1, "questions": [], "attempt": 1, "sections": []}',
    '{"format": 1, "questions": [{"id": "a"}], "attempt": 1, "sections": {}}',
    '{"format": 1, "questions": [{"id": "a", "kind": "odd", "words": ""}], "attempt": 1, "sections": {}}',
    '{"format": 1, "questions": [], "attempt": 1, "sections": {}, "more": 1}'])  # fmt: skip
def test_a_scrutiny_that_is_none_is_not_read(text):
    with pytest.raises(ValueError):
        Scrutiny.from_json(text)


# What may be released


def test_a_primary_that_no_group_can_be_told_for_withholds(rules):
    found = told(rules, Found("main", (unsure("White"), unsure("Black"))))
    assert found.scopes == () and "cannot be told for any group" in found.why[0]
    assert told(rules, Found("main", ())).scopes == ()


def test_an_open_group_of_a_primary_leaves_conditions_or_a_pilot(rules):
    found = told(rules, Found("main", (Part("White", WITHIN), unsure("Black"))))
    assert found.scopes == ("conditions", "pilot")
    assert [(one.finding, one.group) for one in found.open_groups] == [("main", "Black")]
    assert told(replace(rules, pilot=None), Found("main", (Part("White", WITHIN), unsure("Black")))).scopes == ()


def test_an_open_group_of_an_answer_bounds_nothing(rules):
    assert told(rules, Found("asked", (unsure("White"), unsure("Black")))).scopes == ("release", "conditions", "pilot")


def test_the_regions_answer_stands_where_own_people_are_too_few(rules):
    found = Found("main", (unsure("White"), unsure("Black")))
    region = {"main": {"White": WITHIN, "Black": WITHIN}}
    assert told(rules, found, region=region).scopes == ("release", "conditions", "pilot")
    assert asked(rules, found, region=region) == {}
    outside = {"main": {"White": WITHIN, "Black": OUT}}
    assert asked(rules, found, region=outside)["main"].kind == "outside"
    assert "in the region" in asked(rules, found, region=outside)["main"].words
    silent = {"main": {"White": WITHIN, "Black": UNSURE}, "other": {"Black": WITHIN}}
    assert told(rules, found, region=silent).scopes == ("conditions", "pilot")


def test_a_gross_gap_that_is_shown_lets_nothing_out_whatever_the_region_says(rules):
    gross = unsure("Black", "leaning_beyond_the_limit", gap=0.15, gap_low=0.01, gap_high=0.4)
    within = Part("White", WITHIN)
    for region in ({}, {"main": {"Black": WITHIN}}):
        found = told(rules, Found("main", (within, gross)), region=region)
        assert found.scopes == () and "from 0.15 on nothing goes out" in found.why[0]
    for harmless in (
        replace(gross, gap=0.149),
        replace(gross, gap_low=-0.01),
        replace(gross, gap=-0.2, gap_low=-0.4, gap_high=-0.1),
        replace(gross, gap=None, gap_low=None, gap_high=None),
    ):
        assert told(rules, Found("main", (within, harmless))).scopes == ("conditions", "pilot")


def test_a_gross_gap_to_the_mean_of_the_others_cannot_hide_behind_one_large_group(rules):
    hidden = unsure("Black", "a_gap_is_shown", gap=0.05, mean_gap=0.16, mean_low=0.01, mean_high=0.4)
    found = told(rules, Found("main", (Part("White", WITHIN), hidden)))
    assert found.scopes == () and "a gap of 0.16 is shown" in found.why[0]
    for harmless in (replace(hidden, mean_gap=0.14), replace(hidden, mean_low=-0.01)):
        assert told(rules, Found("main", (Part("White", WITHIN), harmless))).scopes == ("conditions", "pilot")


@pytest.mark.parametrize("harm", ["lower", "both"])
def test_a_gross_gap_downwards_counts_where_lower_harms(rules, harm):
    rules = replace(rules, findings=(replace(rules.findings[0], harm=harm),))
    gross = unsure("Black", "a_gap_is_shown", gap=-0.2, gap_low=-0.4, gap_high=-0.01)
    assert told(rules, Found("main", (Part("White", WITHIN), gross))).scopes == ()


def test_a_group_waits_until_enough_quarters_are_pooled(rules):
    """Worth of k quarters: 1 + .35 / 3 * (k - 1). One quarter of 100 needs three more to be worth 135."""
    part = unsure("Black", effective=100.0, needed=135)
    assert enough_on(part, 1, DAY) == dt.date(2027, 7, 1)
    assert enough_on(replace(part, needed=136), 1, DAY) == dt.date(2027, 10, 1)
    assert enough_on(replace(part, effective=135.0, needed=135 + 11), 4, DAY) == dt.date(2027, 1, 1)
    assert enough_on(replace(part, needed=5000), 1, DAY) is None
    assert enough_on(replace(part, needed=None), 1, DAY) is None
    assert enough_on(replace(part, effective=0.0, needed=10), 1, DAY) is None


# Attempts


def row(operation, run, latest=None, purpose="iom_selection_support", outcome="proven"):
    event = event_of(purpose, outcome, latest)
    counts = json.dumps(event["counts"])
    correlation = event["correlation"] if operation == "audit.made" else ""
    return {"operation": operation, "dataset": run, "correlation": correlation, "counts": counts}


def attempt(rows, latest=dt.date(2025, 1, 1), run="now"):
    found = attempt_of(rows, "iom_selection_support", "proven", latest, run)
    return found.since_release, found.on_same_outcomes


def test_the_first_audit_is_the_first():
    assert attempt([]) == (1, 1) and level_of(1) == 0.95 and level_of(2) == 0.975


def test_all_retries_together_spend_as_much_again_as_the_first_audit_and_no_more():
    assert level_of(3) == pytest.approx(1 - 0.05 / 6) and level_of(4) == pytest.approx(1 - 0.05 / 12)
    spent = [1 - level_of(attempt) for attempt in range(2, 2_001)]
    # By hand: 1/(k (k-1)) is 1/(k-1) - 1/k, so that 1,999 retries spend .05 x (1 - 1/2,000).
    assert sum(spent) == pytest.approx(0.05 * (1 - 1 / 2_000)) and all(one > 0 for one in spent)


def test_an_audit_within_84_days_looks_at_the_same_outcomes():
    rows = [row("audit.made", "a", dt.date(2025, 1, 1) - dt.timedelta(days=days)) for days in (83,)]
    assert attempt(rows) == (2, 2)
    rows = [row("audit.made", "a", dt.date(2025, 1, 1) - dt.timedelta(days=84))]
    assert attempt(rows) == (2, 1)
    later = [row("audit.made", "a", dt.date(2025, 1, 1) + dt.timedelta(days=83))]
    assert attempt(later) == (2, 2)


def test_a_release_begins_a_new_count_but_not_new_outcomes():
    same = dt.date(2025, 1, 1)
    rows = [row("audit.made", "a", same), row("audit.made", "b", same), row("release.approved", "b")]
    assert attempt(rows) == (1, 3)
    assert attempt([*rows, row("audit.made", "c", same)]) == (2, 4)


def test_another_purpose_or_outcome_does_not_count_and_the_same_run_counts_once():
    same = dt.date(2025, 1, 1)
    rows = [
        row("audit.made", "a", same, purpose="needs_and_pathways"), row("audit.made", "b", same, outcome="serious"),
        row("release.approved", "a"), row("audit.made", "c", same), row("audit.made", "c", same),
    ]  # fmt: skip
    assert attempt(rows) == (2, 2)


def test_a_run_made_anew_is_the_same_attempt_it_was():
    same = dt.date(2025, 1, 1)
    rows = [row("audit.made", "a", same), row("audit.made", "now", same), row("audit.made", "b", same)]
    assert attempt(rows) == (2, 2)


def test_an_audit_that_names_no_date_is_taken_to_have_seen_the_same_outcomes():
    assert attempt([row("audit.made", "a")]) == (2, 2)
    assert attempt([row("audit.made", "a", dt.date(2010, 1, 1))], latest=None) == (2, 2)


def test_the_event_of_an_audit_tells_purpose_outcome_and_latest_caseload():
    event = audit_event(audit_of(dates="2024-04-01, 2024-01-01"))
    assert event == {
        "reason": "0" * 64, "correlation": "iom_selection_support:proven",
        "counts": {"latest": dt.date(2024, 4, 1).toordinal()},
    }  # fmt: skip
