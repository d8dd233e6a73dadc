"""A policy is complete or refused, with everything that is wrong with it at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.fairness.policy import DEFAULT_POLICY_TOML, load_policy, parse_policy
from desist.records.errors import Refused


def _problems(text):
    with pytest.raises(Refused) as caught:
        parse_policy(text)
    return caught.value.problems


def test_the_draft_says_that_it_is_one_and_asks_for_at_most_twelve_findings():
    draft = parse_policy(DEFAULT_POLICY_TOML)
    assert "DRAFT" in DEFAULT_POLICY_TOML.splitlines()[0] and draft.version.startswith("draft")
    assert draft.cut_offs.steps == (0.2, 0.4, 0.6)
    assert 0 < sum(rule.role != "shown" for rule in draft.findings) <= 12 and draft.expiry_months <= 6


def test_a_policy_without_anything_is_refused_with_every_gap_at_once():
    told = [str(problem) for problem in _problems("")]
    for part in ("version", "purpose", "expiry_months", "[cut_offs]", "[groups]", "[sign_off]", "[[finding]]", "steps",
                 "selection", "consequence", "minimum_people", "roles"):  # fmt: skip
        assert any(part in line for line in told), part


@pytest.mark.parametrize(
    "line",
    ["version", "purpose", "expiry_months", "steps", "selection", "consequence", "minimum_people", "minimum_events",
     "minimum_non_events", "roles", "margin", "metric", "characteristic", "minimum ", "reason", "id"],
)  # fmt: skip
def test_nothing_that_decides_about_people_has_a_default(policy_text, line):
    lines = policy_text.splitlines()
    first = next(number for number, text in enumerate(lines) if text.startswith(line))
    assert len(_problems("\n".join(lines[:first] + lines[first + 1 :]))) == 1


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("expiry_months = 6", "expiry_months = 7", "from 1 to 6"),
        ("expiry_months = 6", "expiry_months = true", "from 1 to 6"),
        ("steps = [0.2, 0.4, 0.6]", "steps = [0.4, 0.2, 0.6]", "three rising numbers"),
        ("steps = [0.2, 0.4, 0.6]", "steps = [0.2, 0.4]", "three cut-offs"),
        ("steps = [0.2, 0.4, 0.6]", "steps = [0.2, 0.4, 1.0]", "below 1"),
        ("selection = 0.5", "selection = nan", "below 1"),
        ("selection = 0.5", "selection = 0", "below 1"),
        ('consequence = "both"', 'consequence = "help"', "supportive"),
        ("minimum_people = 20", "minimum_people = 5", "10 or more"),
        ("minimum_events = 20", "minimum_events = 19", "20 or more"),
        ("margin = 0.1", "margin = 0.5", "at most 0.2"),
        ("margin = 0.1", "margin = -0.1", "at most 0.2"),
        ("margin = 0.1", "margin = inf", "at most 0.2"),
        ('metric = "fpr"', 'metric = "fairness"', "calibration_in_the_large"),
        ('characteristic = "sex"', 'characteristic = "ethnicity_officer"', "never decided on"),
        ('id = "wrongly-listed-sex"', 'id = "over-prediction-ethnicity"', "an id of its own"),
        ('roles = ["board_chair", "data_protection_officer"]', 'roles = ["board_chair"]', "two or more roles"),
        ('roles = ["board_chair", "data_protection_officer"]', 'roles = ["board_chair", "board_chair"]', "named once"),
        ('roles = ["board_chair", "data_protection_officer"]', 'roles = ["board_chair", "analyst"]', "analyst"),
        ('version = "test-1"', 'version = "test-1"\nskip_audit = true', "skip_audit"),
        ("margin = 0.1", "margin = 0.1\nonly_warn = true", "only_warn"),
        ('purpose = "iom_selection_support"', 'purpose = "sentencing"', "iom_selection_support"),
    ],
)
def test_each_fault_is_named(policy_text, old, new, named):
    assert old in policy_text
    assert any(named in str(problem) for problem in _problems(policy_text.replace(old, new, 1)))


def test_all_faults_are_told_at_once(policy_text):
    broken = policy_text.replace("selection = 0.5", "selection = 2").replace("margin = 0.1", "margin = 1")
    assert len(_problems(broken)) == 3


def test_a_thirteenth_decision_finding_is_refused(policy_text):
    more = "".join(
        f'[[finding]]\nid = "f{number}"\nmetric = "ppv"\ncharacteristic = "c{number}"\nmargin = 0.1\nminimum = 20\n'
        'role = "primary"\nharm = "both"\n'
        'reason = "A reason of twenty characters."\n'
        for number in range(11)
    )
    assert len(parse_policy(policy_text + more[: more.rindex("[[finding]]")]).findings) == 12
    assert any("13 decision findings" in str(problem) for problem in _problems(policy_text + more))


def test_one_question_has_one_margin(policy_text):
    twice = policy_text + (
        '[[finding]]\nid = "again"\nmetric = "fpr"\ncharacteristic = "sex"\nmargin = 0.2\nminimum = 20\n'
        'role = "answer"\nharm = "both"\n'
        'reason = "A wider margin for the same question."\n'
    )
    assert any("fpr by sex twice" in str(problem) for problem in _problems(twice))


def test_a_changed_comment_changes_the_hash(policy_text):
    assert parse_policy(policy_text).hash != parse_policy(policy_text + "# agreed\n").hash


def test_a_missing_broken_or_latin_1_file_is_refused_without_a_traceback(tmp_path):
    with pytest.raises(Refused, match="There is no"):
        load_policy(tmp_path / "policy.toml")
    (tmp_path / "policy.toml").write_bytes(b"version = 'caf\xe9'")
    with pytest.raises(Refused, match="UTF-8"):
        load_policy(tmp_path / "policy.toml")
    (tmp_path / "policy.toml").write_text("version = ")
    with pytest.raises(Refused, match="not TOML"):
        load_policy(tmp_path / "policy.toml")


@given(st.text(max_size=200))
def test_no_text_gives_anything_but_a_policy_or_a_refusal(text):
    with pytest.raises(Refused):
        parse_policy(text)


@pytest.mark.parametrize(("metric", "widest"), [("burden", 0.01), ("brier", 0.03), ("fpr", 0.2), ("auc", 0.2)])
def test_a_metric_that_is_small_in_all_has_a_small_widest_margin(policy_text, metric, widest):
    text = policy_text.replace('metric = "fpr"', f'metric = "{metric}"')
    assert parse_policy(text.replace("margin = 0.1", f"margin = {widest}", 1)).findings[0].margin == widest
    (problem,) = _problems(text.replace("margin = 0.1", f"margin = {widest + 0.001}", 1))
    assert f"at most {widest}" in str(problem)


def test_the_draft_shows_who_is_missed_and_the_burden_per_adult():
    roles = {rule.metric: rule.role for rule in parse_policy(DEFAULT_POLICY_TOML).findings}
    assert roles["fnr"] == roles["burden"] == "shown"


def test_a_limit_for_linkage_may_be_left_out_and_is_a_share_where_it_is_stated(policy_text):
    assert parse_policy(DEFAULT_POLICY_TOML).linkage.gap == 0.05 and parse_policy(policy_text).linkage is None
    for section in ("[linkage]", "[linkage]\ngap = 0.3", "[linkage]\ngap = 0.05\nmost = 1"):
        assert any("[linkage]" in str(problem) for problem in _problems(f"{policy_text}\n{section}\n")), section
