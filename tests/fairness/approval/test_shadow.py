"""A candidate beside the panel: its plan, what is counted of a list date, and what a first release asks of it."""

import datetime as dt
import json
from types import SimpleNamespace

import pandas as pd
import pytest

from desist.fairness.approval.shadow import (
    ADOPTED,
    BELOW_RULE,
    ESTIMATE,
    FILE,
    LISTED,
    MEETS_RULE,
    NOT_ADOPTED,
    NOT_LISTED,
    PANEL,
    RULE,
    SUPPORT,
    Plan,
    Rule,
    crossed,
    shadow_causes,
)
from desist.records.errors import Refused

START, END = dt.date(2026, 10, 1), dt.date(2026, 12, 1)
PLAN = Plan("run-1", "c" * 64, "test-1", 0.5, Rule("sanctions_2y", ">=", 3.0), START, END)


def test_a_plan_reads_back_as_it_was_written_and_its_hash_moves_with_any_part():
    assert Plan.from_json(json.loads(json.dumps(PLAN.as_json()))) == PLAN
    told = {**PLAN.as_json(), "cut_off": 0.4}
    assert Plan.from_json(told).hash != PLAN.hash


def test_a_rule_is_one_feature_and_a_bound_and_a_missing_value_does_not_meet_it():
    rule = Rule.parse(" sanctions_2y >= 3 ")
    assert (rule, rule.words) == (PLAN.rule, "sanctions_2y >= 3")
    assert rule.meets(pd.Series([2.0, 3.0, None])).tolist() == [False, True, False]
    assert Rule.parse("days_clear <= 90.5").meets(pd.Series([90.5, 90.6])).tolist() == [True, False]


@pytest.mark.parametrize("text", ["sanctions_2y > 3", "sanctions_2y", "a >= 1 and b >= 2", "__import__('os') >= 1"])
def test_anything_else_is_no_rule(text):
    with pytest.raises(Refused, match="no rule that can be counted"):
        Rule.parse(text)


def allowed(day, *, today=None, earlier=()):
    as_of = dt.date.fromisoformat(day)
    PLAN.check_date(as_of, today=today or as_of, earlier=earlier, valid_days=28)


def test_first_and_last_day_of_the_plan_are_inside():
    allowed("2026-10-01")
    allowed("2026-12-01")
    for outside in ("2026-09-30", "2026-12-02"):
        with pytest.raises(Refused, match="is outside"):
            allowed(outside)


def test_a_date_is_counted_at_its_time_not_looked_back_at():
    allowed("2026-10-05", today=dt.date(2026, 11, 2))
    with pytest.raises(Refused, match="was not counted at its time"):
        allowed("2026-10-05", today=dt.date(2026, 11, 3))
    with pytest.raises(Refused, match="in the future"):
        allowed("2026-10-05", today=dt.date(2026, 10, 4))


def test_dates_are_counted_in_order_and_once():
    with pytest.raises(Refused, match="was counted already"):
        allowed("2026-10-05", earlier=[dt.date(2026, 10, 5)])


def rows():
    """Three people: A listed and adopted, B listed alone, C adopted alone."""
    told = [
        ("A", LISTED, ADOPTED, MEETS_RULE, "support offered"),
        ("B", LISTED, NOT_ADOPTED, BELOW_RULE, "support offered"),
        ("C", NOT_LISTED, ADOPTED, BELOW_RULE, "no need recorded"),
    ]
    return pd.DataFrame(told, columns=["person_id", ESTIMATE, PANEL, RULE, SUPPORT])


GROUPS = pd.DataFrame({"person_id": ["C", "B", "A"], "sex": ["Male", "Female", "Female"]})


def test_people_are_counted_by_group_and_by_support_in_every_way_and_nobody_is_named():
    found = crossed(rows(), GROUPS, has_rule=True)
    assert found[f"sex, {ESTIMATE}"].loc["Female"].to_dict() == {LISTED: 2, NOT_LISTED: 0}
    assert found[f"sex, {ESTIMATE}, {PANEL}"].loc[("Female", LISTED)].to_dict() == {ADOPTED: 1, NOT_ADOPTED: 1}
    assert found[f"sex, {ESTIMATE}, {PANEL}"].loc[("Male", LISTED)].to_dict() == {ADOPTED: 0, NOT_ADOPTED: 0}
    assert found[f"sex, {RULE}"].loc["Female"].to_dict() == {MEETS_RULE: 1, BELOW_RULE: 1}
    assert found[f"{SUPPORT}, {PANEL}"].loc["support offered"].to_dict() == {ADOPTED: 1, NOT_ADOPTED: 1}
    assert found[f"{ESTIMATE}, {PANEL}"].loc[NOT_LISTED].to_dict() == {ADOPTED: 1, NOT_ADOPTED: 0}
    assert {int(table.to_numpy().sum()) for table in found.values()} == {3}
    assert not any(person in table.to_json() for person in "ABC" for table in found.values())


def test_without_a_present_rule_none_is_counted():
    assert not any(RULE in name for name in crossed(rows().drop(columns=RULE), GROUPS, has_rule=False))


def test_somebody_without_a_group_is_not_lost_in_silence():
    with pytest.raises(ValueError, match="everybody belongs to a group"):
        crossed(rows(), GROUPS.iloc[:2], has_rule=True)


def causes(folder, *, first=True, candidate="c" * 64, sign_offs=()):
    return [cause.text for cause in shadow_causes(folder, candidate, sign_offs, first=first)]


def finished(folder, **other):
    told = {"format": 1, "plan": PLAN.as_json(), "dates": ["2026-10-05", "2026-10-12"], **other}
    (folder / FILE).write_text(json.dumps(told), encoding="utf-8")


def member(decision="approve", reason=""):
    return SimpleNamespace(decision=decision, no_shadow_reason=reason)


WHY = "The panel was stood down over the summer."


def test_a_first_release_needs_a_shadow_or_a_reason_why_there_is_none(tmp_path):
    assert "never ran beside the panel" in causes(tmp_path)[0]
    assert "never ran beside the panel" in causes(tmp_path, sign_offs=[member(reason="no time")])[0]
    assert "never ran beside the panel" in causes(tmp_path, sign_offs=[member("refuse", WHY)])[0]
    assert causes(tmp_path, sign_offs=[member(), member(reason=WHY)]) == []
    assert causes(tmp_path, first=False) == []


def test_a_finished_shadow_of_this_candidate_is_enough(tmp_path):
    finished(tmp_path)
    assert causes(tmp_path) == []


def test_a_shadow_of_another_candidate_or_a_broken_one_is_said_of_any_release(tmp_path):
    finished(tmp_path)
    found = causes(tmp_path, candidate="d" * 64, first=False)
    assert found == ["shadow.json beside the run is about another candidate"]
    (tmp_path / FILE).write_text("{}", encoding="utf-8")
    assert causes(tmp_path, sign_offs=[member(reason=WHY)]) == ["shadow.json beside the run cannot be read"]
    finished(tmp_path, format=2)
    assert causes(tmp_path) == ["shadow.json beside the run cannot be read"]


def test_one_list_date_shows_one_weeks_chance(tmp_path):
    finished(tmp_path, dates=["2026-10-05", "2026-10-05"])
    assert causes(tmp_path) == ["the shadow counted 1 list dates; 2 are needed"]


def test_a_link_in_the_place_of_a_shadow_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    finished(tmp_path / "elsewhere")
    (tmp_path / FILE).symlink_to(tmp_path / "elsewhere" / FILE)
    assert causes(tmp_path) == ["shadow.json beside the run is a link"]
