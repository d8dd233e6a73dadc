"""The same estimates beside an outcome that victims report: what is said, what is counted, and what is asked."""

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from desist.fairness.audit import audit
from desist.fairness.policy import CutOffs, Policy
from desist.features.outcomes import REPORTED_BY_VICTIMS
from desist.features.tables import Outcomes, Scores
from desist.pipelines import second_outcome as module
from desist.pipelines.audit_run import Judged
from desist.pipelines.second_outcome import SecondOutcome

PEOPLE = [f"P{place:03d}" for place in range(200)]
KEYS = pd.DataFrame({"person_id": PEOPLE, "as_of": pd.Timestamp("2024-01-01")})
POLICY = Policy("test", "fairness_audit", 1, CutOffs((0.2, 0.4, 0.6), 0.4, "both"), 20, 20, 20, (), (), "h")


def outcomes(name, events):
    table = KEYS.assign(**{name: [float(place in events) for place in range(200)]}, why_missing="")
    return Outcomes(table, (name,), {name: f"made-up {name}"})


def audited(name, events, attempt=1, **groups):
    """The audit of 200 people with a chance of .5 each, ``events`` of them with the outcome."""
    return audit(Scores(KEYS.assign(score=0.5), "m"), outcomes(name, events), name, KEYS.assign(**groups), POLICY,
                 seed=1, replicates=20, attempt=attempt)  # fmt: skip


def both(main, second, **groups):
    return SecondOutcome(audited("proven", main, **groups), audited("reported", second, **groups))


ETHNICITY = ["Asian"] * 100 + ["White"] * 100
#: Proven: 40 of 100 Asian and 60 of 100 White people. Of each 30 by a victim's report.
PROVEN = {*range(40), *range(100, 160)}
REPORTED = {*range(30), *range(100, 130)}


def test_a_gap_in_what_police_find_and_none_shown_in_what_victims_report_is_said_of_each_group_with_its_range():
    """By hand (Newcombe): 40 and 60 of 100 give -.328 to -.061; 30 and 30 of 100 give -.126 to .126."""
    words = both(PROVEN, REPORTED, ethnicity=ETHNICITY).words()
    assert "made-up reported" in words[0] and "decides nothing" in words[0]
    assert "that no difference is shown does not show that there is none" in words[0]
    none = (
        "offences reported by a victim: no difference from everybody else's is shown (range 13 points below to 13 "
        "points above)"
    )
    assert words[1:] == (
        "Asian (ethnicity), proven reoffending: 20 points below everybody else's (range 33 points below to 6 points "
        f"below); {none}",
        "White (ethnicity), proven reoffending: 20 points above everybody else's (range 6 points above to 33 points "
        f"above); {none}",
    )


def test_a_gap_of_ten_points_among_a_hundred_is_not_told_as_a_difference():
    """50 and 60 of 100: by hand -.232 to .037."""
    words = both({*range(50), *range(100, 160)}, REPORTED, ethnicity=ETHNICITY).words()
    assert words[1].startswith(
        "Asian (ethnicity), proven reoffending: no difference from everybody else's is shown (range 23 points below to "
        "4 points above)"
    )


def test_a_gap_without_a_range_is_not_told():
    found = both(PROVEN, REPORTED, ethnicity=ETHNICITY)
    row = found.second.tables["ethnicity"][0]
    row.measures["base_rate"] = replace(row.measures["base_rate"], gap_low=None, gap_high=None)
    assert [line.split(" (")[0] for line in found.words()[1:]] == ["White"]


@pytest.mark.parametrize(("events", "told"), [(20, True), (19, False)])
def test_a_gap_is_told_only_of_a_group_with_20_rows_of_either_outcome(events, told):
    words = both(PROVEN, {*range(events), *range(100, 130)}, ethnicity=ETHNICITY).words()
    assert any(line.startswith("Asian") for line in words) is told
    assert any(line.startswith("White") for line in words)


def test_people_whose_characteristic_is_not_stated_are_no_group_to_tell_of():
    words = both(PROVEN, REPORTED, sex=["Not stated"] * 100 + ["Male"] * 100).words()
    assert [line.split(" (")[0] for line in words[1:]] == ["Male"]


def test_the_columns_add_up_because_what_a_victim_reports_is_part_of_what_is_proven():
    [table] = both(PROVEN, REPORTED, ethnicity=ETHNICITY).tables()
    assert table.header == ("Group", "Reported by a victim", "Proven, of another kind", "No proven reoffence", "All")
    assert table.rows == (
        ("Asian", "30", "10", "60", "100"), ("White", "30", "30", "40", "100"), ("Everybody", "60", "40", "100", "200"),
    )  # fmt: skip
    assert table.caption == "Rows of the audit by outcome, by ethnicity"


def test_a_small_count_is_hidden_with_what_would_give_it_away():
    [table] = both(PROVEN, {*range(37), *range(100, 130)}, ethnicity=ETHNICITY).tables()
    asian, white, _ = table.rows
    assert asian[2] == "[c]"  # three people: 40 proven less 37 reported
    assert sum(cell == "[c]" for cell in asian) >= 2 and "[c]" in white
    assert any("[c]" in note for note in table.notes)


def test_what_is_kept_holds_base_rate_and_false_positives_of_either_outcome():
    told = both(PROVEN, REPORTED, ethnicity=ETHNICITY, home_ward=["W1"] * 200).as_json()
    assert told["outcome"] == "reported" and told["rows_judged"] == 200
    assert list(told["groups"]) == ["ethnicity"], "other characteristics have no place here"
    asian = told["groups"]["ethnicity"]["Asian"]
    assert asian["main"]["base_rate"]["value"] == 0.4 and asian["reported_by_victims"]["base_rate"]["value"] == 0.3
    assert set(asian["main"]) == {"base_rate", "fpr"}


def test_the_second_audit_judges_the_same_rows_by_the_same_day(monkeypatch):
    asked = {}

    def label(events, rows, definitions, *, known_by):
        [asked["definition"]], asked["rows"], asked["known_by"] = definitions, rows, known_by
        return outcomes(definitions[0].name, REPORTED)

    monkeypatch.setattr(module, "label_outcomes", label)
    judged = Judged(Scores(KEYS.assign(score=0.5), "m"), KEYS.assign(ethnicity=ETHNICITY), None, {})
    session = SimpleNamespace(settings=SimpleNamespace(data_lag_days=14, seed=1, replicates=1000))
    main = audited("proven", PROVEN, attempt=3, ethnicity=ETHNICITY)
    found = module.second_outcome(
        session, SimpleNamespace(events="events"), judged, POLICY, main, known_by=dt.date(2026, 10, 1)
    )
    assert asked["definition"].name == REPORTED_BY_VICTIMS.name and asked["definition"].data_lag_days == 14
    assert asked["known_by"] == dt.date(2026, 10, 1) and list(asked["rows"]["person_id"]) == PEOPLE
    assert found.second.outcome == REPORTED_BY_VICTIMS.name and found.second.replicates == 200
    assert found.second.attempt == 3 and found.second.level == found.main.level > 0.98, "a retry's ranges are wider"
    assert found.second.counts["rows_judged"] == found.main.counts["rows_judged"] == 200


@pytest.mark.parametrize(
    ("gap", "words"),
    [(0.0, "level with"), (0.004, "less than 1 point above"), (-0.004, "less than 1 point below"),
     (0.005, "1 point above"), (-0.014, "1 point below"), (-0.2, "20 points below")],
)  # fmt: skip
def test_a_gap_is_told_in_whole_points(gap, words):
    assert module._points(gap) == words
