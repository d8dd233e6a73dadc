"""The audit: what it counts, what it answers, and that its file cannot say anything else."""

import json
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.fairness.audit import PROTECTED, Audit, audit
from desist.fairness.policy import DECIDABLE_METRICS, parse_policy
from desist.features.tables import Outcomes
from desist.records.errors import Refused

LARGE = {("Male", "White"): 1500, ("Female", "White"): 1500}


def _audited(rows, policy, groups, *, replicates=20, **options):
    scores, outcomes, table = rows(groups, **options)
    return audit(scores, outcomes, "proven", table, policy, seed=1, replicates=replicates)


def _answers(found):
    return {finding.id: finding.answer for finding in found.findings}


def test_two_large_groups_that_differ_in_nothing_are_within_the_limit(rows, policy):
    found = _audited(rows, policy, LARGE)
    assert _answers(found)["wrongly-listed-sex"] == "meets"


def test_a_community_listed_wrongly_twice_as_often_is_outside_the_limit(rows, policy):
    finding = _audited(rows, policy, LARGE, gap=0.3).findings[0]
    assert finding.answer == "does_not_meet"
    assert {part.group: part.answer for part in finding.parts} == {"Female": "does_not_meet", "Male": "does_not_meet"}


def test_one_large_gap_cannot_hide_behind_groups_that_are_alike(rows, policy):
    groups = {**LARGE, ("Male", "Mixed"): 4}
    found = _audited(rows, policy, groups)
    finding = next(finding for finding in found.findings if finding.characteristic == "ethnicity")
    parts = {part.group: part for part in finding.parts}
    assert finding.answer == "cannot_be_assessed"
    assert any("4 people; the policy asks for 20" in text for text in parts["Mixed"].short_of)


def test_a_community_of_one_has_nobody_to_be_compared_with(rows, policy):
    finding = _audited(rows, policy, LARGE).findings[1]
    assert finding.answer == "cannot_be_assessed"
    assert "there is nobody to compare with" in finding.parts[0].short_of


def test_a_question_about_a_characteristic_nobody_collected_is_not_a_pass(rows, policy):
    scores, outcomes, table = rows(LARGE)
    found = audit(scores, outcomes, "proven", table.drop(columns="ethnicity"), policy, seed=1, replicates=20)
    assert _answers(found)["over-prediction-ethnicity"] == "cannot_be_assessed"
    assert found.findings[1].parts == ()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 19), st.integers(0, 5), st.sampled_from([1, 4]), st.floats(0, 1))
def test_a_tiny_group_is_never_within_the_limit(rows, policy, people, seed, dates, chance):
    groups = {("Male", "White"): 300, ("Female", "Mixed"): people}
    found = _audited(rows, policy, groups, seed=seed, dates=dates, chance=chance, replicates=5)
    for finding in found.findings:
        tiny = [part for part in finding.parts if part.people < 20]
        assert tiny and all(part.answer == "cannot_be_assessed" for part in tiny)


def test_the_same_people_on_four_dates_are_not_four_times_as_many(rows, policy):
    """150 women are too few for a margin of .1 on wrong listings; their 600 rows must be so too."""
    groups = {("Male", "White"): 1500, ("Female", "White"): 150}
    once, often = (_audited(rows, policy, groups, dates=dates) for dates in (1, 4))
    parts = [next(part for part in found.findings[0].parts if part.group == "Female") for found in (once, often)]
    assert parts[1].denominator == 4 * parts[0].denominator
    assert parts[1].effective <= parts[0].effective + 1
    assert parts[0].answer == parts[1].answer == "cannot_be_assessed"


def test_a_lucky_interval_of_too_few_people_is_not_a_pass(rows, policy):
    """Some 135 women without a reoffence; a margin of .1 at a rate near .2 asks for some 180."""
    groups = {("Male", "White"): 3000, ("Female", "White"): 190}
    women = next(part for part in _audited(rows, policy, groups, seed=1).findings[0].parts if part.group == "Female")
    assert women.gap_low > -0.1 and women.gap_high < 0.1 and women.effective < women.needed
    assert women.answer == "cannot_be_assessed" and women.short_of == (
        f"a denominator worth {women.effective:.0f}; the margin asks for {women.needed}",
    )


def test_a_finding_has_a_minimum_of_its_own(rows, policy_text):
    strict = parse_policy(policy_text.replace("minimum = 20", "minimum = 1200", 1))
    finding = _audited(rows, strict, LARGE).findings[0]
    assert finding.answer == "cannot_be_assessed"
    assert all(any("the finding asks for 1200" in text for text in part.short_of) for part in finding.parts)


def test_auc_needs_twenty_events_and_twenty_without_one(rows, policy_text):
    text = policy_text.replace('metric = "fpr"', 'metric = "auc"')
    groups = {("Male", "White"): 800, ("Female", "White"): 40}
    finding = _audited(rows, parse_policy(text), groups, chance=0.1, replicates=50).findings[0]
    women = next(part for part in finding.parts if part.group == "Female")
    assert any("events in Female; the policy asks for 20" in text for text in women.short_of)
    assert women.answer == "cannot_be_assessed"


def test_equal_ranking_in_two_large_groups_is_within_the_limit(rows, policy_text):
    policy = parse_policy(policy_text.replace('metric = "fpr"', 'metric = "auc"'))
    assert _audited(rows, policy, LARGE, replicates=100).findings[0].answer == "meets"
    biased = _audited(rows, policy, LARGE, replicates=100, gap=0.45).findings[0]
    assert biased.answer == "does_not_meet"


def test_the_counts_add_up_and_say_who_would_be_wrongly_listed(rows, policy):
    scores, outcomes, table = rows(LARGE, seed=2)
    late = outcomes.table.copy()
    late.loc[:9, "proven"] = float("nan")
    late.loc[:9, "why_missing"] = "not mature"
    found = audit(
        scores, Outcomes(late, ("proven",), {"proven": "x"}), "proven", table, policy, seed=1, replicates=5,
        selection_today={"selected": 12, "not_under_the_present_rule": 3},
    )  # fmt: skip
    counts = found.counts
    assert counts["rows_scored"] == 3000 == counts["rows_judged"] + counts["rows_without_outcome"]
    assert found.unknown_outcome == {"not mature": 10}
    assert found.everybody.tp + found.everybody.fp == counts["selected"]
    assert sum(row.n for row in found.tables["sex"]) == counts["rows_judged"]
    assert sum(row.unknown_outcome for row in found.tables["sex"]) == 10
    assert found.selection_today == {"selected": 12, "not_under_the_present_rule": 3}
    assert "2,990 of 3,000 scored rows" in found.caveats[-1]


def test_base_rates_stand_beside_each_groups_part(rows, policy):
    found = _audited(rows, policy, LARGE)
    for finding in found.findings:
        for part in finding.parts:
            row = next(row for row in found.tables[finding.characteristic] if row.group == part.group)
            assert part.base_rate == round(row.events / row.n, 9)
    women = found.findings[0].parts[0]
    men = found.tables["sex"][1]
    assert women.others_base_rate == round(men.events / men.n, 9)


def test_the_nine_protected_characteristics_are_assessed_or_listed_with_their_coverage(rows, policy):
    scores, outcomes, table = rows({("Male", "Not stated"): 30, ("Female", "White"): 10})
    found = audit(
        scores, outcomes, "proven", table.assign(religion="Not stated"), policy, seed=1, replicates=5,
        coverage={"disability": 0.4},
    )  # fmt: skip
    listed = {entry.characteristic: (entry.coverage, entry.why) for entry in found.unassessed}
    assert listed.keys() | {"race", "sex"} == PROTECTED.keys()
    assert listed["disability"] == (0.4, "collected, but not compared in this audit")
    assert listed["sexual_orientation"] == (None, "not collected")
    assert listed["religion_or_belief"] == (0.0, "nobody has a stated value")
    assert found.coverage["race"] == 0.25 and found.coverage["sex"] == 1


def test_an_audit_reads_back_exactly_as_it_was_written(rows, policy):
    found = _audited(rows, policy, {("Male", "White"): 30, ("Female", "Mixed"): 2})
    text = found.to_json()
    assert "NaN" not in text and "Infinity" not in text
    again = Audit.from_json(text)
    assert again == found and again.to_json() == text and again.hash == found.hash


def test_the_same_settings_give_the_same_bytes_and_the_order_of_rows_changes_nothing(rows, policy):
    scores, outcomes, table = rows({("Male", "White"): 80, ("Female", "Mixed"): 60})
    turned = Outcomes(outcomes.table.iloc[::-1], outcomes.outcomes, outcomes.definitions)
    made = [
        audit(scores, given, "proven", groups, policy, seed=4, replicates=30).to_json()
        for given, groups in ((outcomes, table), (turned, table.iloc[::-1]))
    ]
    assert made[0] == made[1]


@pytest.mark.parametrize("word", ["cannot_be_assessed", "does_not_meet"])
def test_an_answer_edited_into_a_pass_cannot_be_read(rows, policy, word):
    found = _audited(rows, policy, {**LARGE, ("Male", "Mixed"): 4}, gap=0.3)
    assert word in found.to_json()
    with pytest.raises(Refused, match="edited"):
        Audit.from_json(found.to_json().replace(f'"{word}"', '"meets"'))


@pytest.mark.parametrize(
    "edit",
    [
        lambda told: told["findings"].pop(),
        lambda told: told["findings"][0].update(margin=0.9),
        lambda told: told["findings"][0]["parts"][0].update(gap_high=0.001),
        lambda told: told.update(extra=1),
        lambda told: told.pop("caveats"),
    ],
)
def test_an_edited_audit_never_gains_a_pass_in_silence(rows, policy, edit):
    found = _audited(rows, policy, {**LARGE, ("Male", "Mixed"): 4}, gap=0.3)
    told = json.loads(found.to_json())
    edit(told)
    text = json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        again = Audit.from_json(text)
    except Refused:
        return
    assert again.hash != found.hash  # readable on its own, but no longer what was sealed


def test_an_audit_in_another_spelling_is_not_the_one_that_was_written(rows, policy):
    text = _audited(rows, policy, {("Male", "White"): 30, ("Female", "White"): 30}).to_json()
    with pytest.raises(Refused, match="does not read back"):
        Audit.from_json(text.replace('"seed": 1', '"seed":  1'))


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"a": NaN}', "\x00"])
def test_what_is_no_audit_is_refused(text):
    with pytest.raises(Refused):
        Audit.from_json(text)


def test_twenty_thousand_rows_with_500_replicates_are_audited_in_seconds(rows, policy):
    groups = {(sex, ethnicity): 334 for sex in ("Male", "Female") for ethnicity in
              ("White", "Black", "Asian", "Mixed", "Other", "Not stated")}  # fmt: skip
    scores, outcomes, table = rows(groups, dates=5)
    table["sex_x_ethnicity"] = table["sex"] + ", " + table["ethnicity"]
    assert len(table) > 20_000
    begun = time.process_time()
    audit(scores, outcomes, "proven", table, policy, seed=1, replicates=500)
    assert time.process_time() - begun < 10


def _made(rows, policy, groups, *, score=None, outcome=None, unknown=None):
    """An audit of made-up rows, with all scores or outcomes set, or those of a group unknown."""
    scores, outcomes, table = rows(groups)
    told, given = outcomes.table.copy(), scores.table.copy()
    if score is not None:
        given["score"] = score
    if outcome is not None:
        told["proven"] = outcome
    if unknown is not None:
        told.loc[table["ethnicity"] == unknown, ["proven", "why_missing"]] = [float("nan"), "not mature"]
    made = Outcomes(told, ("proven",), {"proven": "x"})
    return audit(replace(scores, table=given), made, "proven", table, policy, seed=1, replicates=20)


def test_a_group_none_of_whose_outcomes_is_known_stays_in_the_audit(rows, policy):
    groups = {("Male", "White"): 1500, ("Male", "Black"): 1500, ("Male", "Asian"): 700}
    found = _made(rows, policy, groups, unknown="Asian")
    parts = {part.group: part for part in found.findings[1].parts}
    assert parts["Asian"].short_of == ("no row has a known outcome",)
    assert (parts["Asian"].people, parts["Asian"].answer) == (0, "cannot_be_assessed")
    assert (parts["White"].answer, found.findings[1].answer) == ("meets", "cannot_be_assessed")
    (row,) = [row for row in found.tables["ethnicity"] if row.group == "Asian"]
    assert (row.n, row.unknown_outcome) == (0, 700)
    assert Audit.from_json(found.to_json()) == found


FIVE = ("fpr", "selection", "excess_fpr", "calibration_in_the_large", "calibration_near_cut_off")


def _asking(policy_text, metric):
    """Over-prediction replaced by another metric, between men and women."""
    text = policy_text.replace('"fpr"', '"fnr"').replace('"calibration_in_the_large"', f'"{metric}"')
    return parse_policy(text.replace('characteristic = "ethnicity"', 'characteristic = "sex"'))


@pytest.mark.parametrize(
    ("score", "outcome", "untested"),
    [
        (None, 0.0, FIVE[2:]),  # nobody is proven to reoffend
        (None, 1.0, FIVE[2:]),
        (0.45, None, FIVE),  # nobody is listed, and every estimate is the same
        (0.55, None, FIVE),  # everybody is
    ],
)
@pytest.mark.parametrize("metric", FIVE)
def test_where_nothing_was_tested_nothing_is_within_the_limit(rows, policy_text, score, outcome, untested, metric):
    found = _made(rows, _asking(policy_text, metric), LARGE, score=score, outcome=outcome).findings[1]
    if metric in untested:
        assert {part.answer for part in found.parts} == {"cannot_be_assessed"}
        words = " ".join(found.parts[0].short_of)
        assert "nothing is tested" in words or "everybody together" in words


def test_nobody_listed_by_estimates_that_differ_tests_calibration_and_no_cut_off(rows, policy_text):
    score = [0.2, 0.4] * 1500
    told = _made(rows, _asking(policy_text, "calibration_in_the_large"), LARGE, score=score)
    assert told.findings[1].answer == "meets"
    listing = _made(rows, _asking(policy_text, "selection"), LARGE, score=score).findings[1]
    assert listing.parts[0].short_of == ("nobody in the audit is listed: nothing is tested",)


def test_estimates_that_are_off_for_everybody_are_told(rows, policy):
    """Scores of .7 and .1 with 6 in 10 and 2 in 10 listed: .304 on average, of .3; then all of them .2 higher."""
    scores, outcomes, table = rows(LARGE)
    higher = replace(scores, table=scores.table.assign(score=scores.table["score"] + 0.2))
    level, off = (audit(one, outcomes, "proven", table, policy, seed=1, replicates=5) for one in (scores, higher))
    assert not any("For everybody together" in caveat for caveat in level.caveats)
    (told,) = [caveat for caveat in off.caveats if "For everybody together" in caveat]
    assert "too high" in told


def test_one_judged_row_is_an_audit_that_can_tell_nothing(rows, policy):
    scores, outcomes, table = rows({("Male", "White"): 3})
    late = outcomes.table.assign(proven=[1.0, float("nan"), float("nan")])
    made = audit(scores, Outcomes(late, ("proven",), {}), "proven", table, policy, seed=1, replicates=5)
    assert set(_answers(made).values()) == {"cannot_be_assessed"} and made.counts["rows_judged"] == 1


@pytest.mark.parametrize(
    "edit",
    [
        lambda part, row: part.update(people=part["people"] + 1),
        lambda part, row: part.update(value=0.123),
        lambda part, row: part.update(gap_low=part["gap_low"] + 0.001),
        lambda part, row: part.update(effective=part["effective"] + 100),
        lambda part, row: part.update(needed=None),
        lambda part, row: row["measures"]["fpr"].update(gap_high=0.02),
        lambda part, row: (part.update(gap_high=0.02), row["measures"]["fpr"].update(gap_high=0.02)),
        lambda part, row: row.update(tp=row["tp"] + 1),
    ],
)
def test_findings_that_do_not_say_what_the_tables_say_cannot_be_read(rows, policy, edit):
    made = _audited(rows, policy, LARGE)
    told = json.loads(made.to_json())
    edit(told["findings"][0]["parts"][0], told["tables"]["sex"][0])
    with pytest.raises(Refused, match="edited"):
        Audit.from_json(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def test_every_metric_that_can_be_decided_reads_back(rows, policy_text):
    for metric in set(DECIDABLE_METRICS) - {"fpr", "calibration_in_the_large"}:
        made = _audited(
            rows,
            parse_policy(policy_text.replace('"fpr"', f'"{metric}"').replace("margin = 0.1", "margin = 0.01", 1)),
            {**LARGE, ("Male", "Mixed"): 4},
        )
        assert Audit.from_json(made.to_json()) == made
