"""What staff read above a list: on what terms the board released, and despite what. No group is named."""

import datetime as dt
from types import SimpleNamespace

from desist.fairness.approval.kinds import OpenGroup
from desist.fairness.approval.questions import Question
from desist.fairness.approval.signoff import Condition, Pilot
from desist.pipelines.terms import limits_not_met, reasons_despite, terms_of

WHY = "Too few people to tell; we look again."


def finding(name, answer, characteristic="ethnicity"):
    return SimpleNamespace(id=name, metric="fpr", characteristic=characteristic, answer=answer)


def released(**changes):
    roles = {"a": "primary", "b": "answer", "c": "shown"}
    rules = tuple(SimpleNamespace(id=name, role=role) for name, role in roles.items())
    findings = (finding("a", "cannot_be_assessed"), finding("b", "does_not_meet", "sex"), finding("c", "does_not_meet"))
    found = {
        "policy": SimpleNamespace(findings=rules, pilot=SimpleNamespace(reviewed_share=0.5)),
        "audit": SimpleNamespace(findings=findings),
        "pilot": None, "conditions": (), "open_groups": (), "questions": (), "accepted": {},
    }  # fmt: skip
    return SimpleNamespace(**{**found, **changes})


def test_limits_that_are_only_shown_are_not_counted():
    assert limits_not_met(released()) == 2


def test_each_reason_stands_once_with_everything_it_is_for_and_names_no_group():
    questions = (
        Question("b", "answer", "People listed, by sex: Female is outside the agreed limit."),
        Question("too-few-to-tell", "too_few", "Nothing can be told either way of: ... (Mixed)."),
    )
    accepted = {"b": {"Chair": WHY, "Officer": WHY}, "too-few-to-tell": {"Chair": WHY, "Officer": "Another reason."}}
    told = reasons_despite(released(questions=questions, accepted=accepted))
    assert told == (
        f"Wrongly listed by sex (outside the agreed limit) and some groups cannot be assessed: {WHY}",
        "some groups cannot be assessed: Another reason.",
    )


def test_pilot_conditions_second_reviewers_and_other_answers_are_told():
    proxy = Question("proxy-area", "proxy", "The features stand in for ethnicity: Asian people in 79 of 100 pairs.")
    found = terms_of(released(
        pilot=Pilot(50, dt.date(2027, 3, 31), dt.date(2027, 2, 1)),
        conditions=(Condition("Show overrides", "Analyst team", dt.date(2026, 12, 1)),),
        open_groups=(OpenGroup("a", "ethnicity", "Mixed", "no_evidence", None),),
        questions=(proxy,), accepted={"proxy-area": {"Chair": "It is needed for the way to services."}},
    ))  # fmt: skip
    assert found[0].startswith("This is a pilot: it brings at most 50 people to review, ends on 31 March 2027 and is")
    assert found[1] == "Condition: Show overrides (Analyst team, by 1 December 2026)"
    assert "At least 50 in 100 people" in found[2] and "drawn by lot" in found[2]
    assert found[3] == "The features stand in for ethnicity. The board answered: It is needed for the way to services."
    assert not any("Mixed" in text for text in found)


def test_a_full_release_with_nothing_open_has_no_terms():
    assert terms_of(released()) == ()
