"""What is looked into beside an audit: what each check is handed, and what the gate reads of it."""

import datetime as dt
import json
from types import SimpleNamespace

import pandas as pd
import pytest

from desist.fairness.approval.attempts import Attempt
from desist.fairness.approval.questions import ANSWER, Question
from desist.fairness.approval.scrutiny_file import Scrutiny
from desist.fairness.audit import audit
from desist.fairness.policy import CutOffs, FindingRule, Policy
from desist.fairness.statistics.worst_off import WorstOff
from desist.features.tables import Outcomes, Scores
from desist.pipelines import scrutiny_run
from desist.pipelines.audit_run import Judged
from desist.pipelines.scrutiny_run import borrowed_by_group, scrutinise
from desist.pipelines.training import OUTCOME

AS_OF = dt.date(2026, 10, 1)
CASELOAD = pd.DataFrame({"person_id": ["P1", "P2"]})
RULE = FindingRule("wrongly-listed", "fpr", "ethnicity", 0.1, 20, "primary", "higher", "a made-up reason")
POLICY = Policy("test", "fairness_audit", 1, CutOffs((0.2, 0.4, 0.6), 0.4, "both"), 20, 20, 20, (), (RULE,), "h")


def world(groups, outcome=OUTCOME, attempt=1):
    """People without the outcome, and 10 a group with it: ``groups`` maps a name to (people, listed of the others)."""
    rows = []
    for name, (people, listed) in groups.items():
        for place in range(people):
            event = place < 10
            score = 0.7 if event or place < 10 + listed else 0.1
            rows.append((f"{name}{place:03d}", name, float(event), score))
    table = pd.DataFrame(rows, columns=["person_id", "ethnicity", "event", "score"])
    keys = table[["person_id"]].assign(as_of=pd.Timestamp("2024-01-01"))
    scores = Scores(keys.assign(score=table["score"]), "m")
    outcomes = Outcomes(keys.assign(**{outcome: table["event"]}, why_missing=""), (outcome,), {outcome: "made up"})
    helped = keys.assign(need=[place % 2 == 0 for place in range(len(table))], received=False)
    judged = Judged(scores, keys.assign(ethnicity=table["ethnicity"]), helped, {})
    made = audit(scores, outcomes, outcome, judged.groups, POLICY, seed=1, replicates=20, attempt=attempt)
    return judged, outcomes, made


#: 100 people each without the outcome, 30 of them listed.
ALIKE = {"Asian": (110, 30), "Black": (110, 30), "White": (110, 30)}


def test_groups_that_scatter_no_more_than_by_chance_are_drawn_wholly_to_their_common_value():
    _, _, made = world(ALIKE)
    drawn = borrowed_by_group(made, POLICY)["ethnicity"]["fpr"]
    assert [(one.group, one.own, one.own_share) for one in drawn] == [
        ("Asian", 0.3, 0.0), ("Black", 0.3, 0.0), ("White", 0.3, 0.0),
    ]  # fmt: skip
    assert [one.value for one in drawn] == pytest.approx([0.3, 0.3, 0.3])


@pytest.mark.parametrize(("people", "groups"), [(19, 3), (20, 4)])
def test_a_group_below_the_policys_least_number_of_people_lends_nothing(people, groups):
    _, _, made = world({**ALIKE, "Mixed": (people, 3)})
    assert len(borrowed_by_group(made, POLICY)["ethnicity"]["fpr"]) == groups


def test_two_groups_tell_nothing_of_how_groups_scatter():
    _, _, made = world({"Asian": (110, 30), "White": (110, 30)})
    assert borrowed_by_group(made, POLICY) == {}


class Told:
    """A check that found something, or nothing."""

    def __init__(self, name, questions=(), **other):
        self.name, self._questions = name, questions
        vars(self).update(other)

    def questions(self):
        return self._questions

    def as_json(self):
        return {"check": self.name}


PROXY = Question("proxy-ethnicity", "proxy", "Why does this feature stay?")
APART = Question("linkage-links-waiting", "linkage", "Why do their links wait?")
ASKED = Question("requests", ANSWER, "Why was the register of rights begun anew?")
CLIPPED = Question("gaming-clipped", "gaming", "Why are scores clipped?")


@pytest.fixture
def checks(monkeypatch):
    """Every check replaced by one that keeps what it was handed; ``proxies`` may be None."""
    handed = {}
    found = {
        "find_proxies": Told("proxies", (PROXY,), flagged=("sanctions_2y",)), "find_alternatives": Told("alternatives"),
        "find_gaming": Told("gaming", (CLIPPED,)), "find_by_group": Told("by group", found=("shares",)),
        "find_linkage": Told("linkage", (APART,)),
        "find_consent": Told("consent"), "second_outcome": Told("second"), "since_audit": Told("requests", (ASKED,)),
    }  # fmt: skip

    def put(name):
        def check(*given, **named):
            handed[name] = (given, named)
            return found[name]

        monkeypatch.setattr(scrutiny_run, name, check)

    for name in found:
        put(name)
    return SimpleNamespace(handed=handed, found=found)


def scrutinised(outcome=OUTCOME, *, fits=True, attempt=1):
    judged, outcomes, made = world(ALIKE, outcome, attempt)
    session = SimpleNamespace(settings=SimpleNamespace(replicates=20, seed=1), say=lambda text: None)
    training = SimpleNamespace(outcomes=outcomes, outcome=outcome)
    final = SimpleNamespace(model="the model", audited="the audited file")
    built = SimpleNamespace(as_of=AS_OF, profiles=SimpleNamespace(table=CASELOAD))
    return scrutinise(
        session, "ground", training, final, judged, made, POLICY, Attempt(3, 2), built, run="this run", fits=fits
    )


def test_the_gate_reads_every_question_and_the_sections_survive_being_written(checks):
    told = scrutinised().told
    assert told.questions == (PROXY, CLIPPED, APART, ASKED)
    assert checks.handed["find_linkage"][0] == (("shares",), POLICY.linkage)
    assert told.sections["linkage"] == {"check": "linkage"}
    assert told.sections["requests_since_audit"] == {"check": "requests"}
    assert checks.handed["since_audit"][0][2:] == (["P1", "P2"], "this run")
    assert told.attempt == 2 and told.sections["audits_since_release"] == 3
    assert told.sections["proxies"] == {"check": "proxies"} and told.sections["second_outcome"] == {"check": "second"}
    assert set(told.sections["borrowed_from_other_groups"]["ethnicity"]) == {"calibration_in_the_large", "fpr"}
    assert [one["id"] for one in told.sections["label_bias"]["findings"]] == ["wrongly-listed"]
    text = json.dumps(told.as_json())
    assert json.loads(json.dumps(Scrutiny.from_json(text).as_json())) == json.loads(text)


def test_the_features_that_stand_in_for_a_community_are_what_the_alternatives_leave_out(checks):
    scrutinised(fits=False)
    _, named = checks.handed["find_alternatives"]
    assert named["flagged"] == ("sanctions_2y",) and named["fits"] is False
    assert named["need"].tolist()[:4] == [True, False, True, False]


def test_without_limits_for_proxies_nothing_is_left_out_and_no_question_comes_of_them(checks):
    checks.found["find_proxies"] = None
    found = scrutinised()
    assert checks.handed["find_alternatives"][1]["flagged"] == ()
    assert found.told.questions == (CLIPPED, APART, ASKED) and found.told.sections["proxies"] is None


def test_the_second_outcome_is_known_by_the_day_of_the_list_and_stands_beside_the_main_outcome_alone(checks):
    scrutinised()
    assert checks.handed["second_outcome"][1] == {"known_by": AS_OF}
    checks.handed.clear()
    assert scrutinised("serious_offence").told.sections["second_outcome"] is None
    assert "second_outcome" not in checks.handed


def test_gaming_is_sought_in_the_audit_as_it_is_written_and_todays_list_by_the_policys_cut_off(checks):
    scrutinised()
    given, named = checks.handed["find_gaming"]
    assert named == {"run": "this run"} and any(
        isinstance(part, dict) and part.get("outcome") == OUTCOME for part in given
    )
    assert checks.handed["find_by_group"][1] == {"cut_off": 0.4}


def test_the_search_for_combinations_allows_for_a_retry_as_the_audit_does(checks, monkeypatch):
    asked = {}

    def search(sample, groups, **named):
        asked.update(named)
        return WorstOff(0, 0, named["level"], ())

    monkeypatch.setattr(scrutiny_run, "worst_off", search)
    scrutinised()
    assert asked["level"] == 0.95
    scrutinised(attempt=3)
    assert asked["level"] == pytest.approx(1 - 0.05 / 6)
