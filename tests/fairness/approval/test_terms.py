"""On what terms a release goes out: scope, pilot, shadow before a first one, renewals of one reason."""

import dataclasses
import datetime as dt
import json

import pytest

from desist.fairness.approval.shadow import Plan
from desist.fairness.approval.signoff import Pilot
from desist.records.errors import Refused, Withheld
from desist.records.files import write_json

DAY = dt.timedelta(days=1)
PILOT = Pilot(50, dt.date(2027, 3, 31), dt.date(2027, 2, 1))


def _withheld(call, *texts, state=None):
    with pytest.raises(Withheld) as caught:
        call()
    told = "\n".join(caught.value.causes)
    assert all(text in told for text in texts), told
    assert state in (None, caught.value.state), (caught.value.state, told)
    return caught.value


# Scope and pilot


def test_a_full_release_is_not_possible_while_a_group_cannot_be_told(board):
    signed = board.both(scope="release", conditions=())
    _withheld(lambda: board.release(signed), "possible is only conditions or pilot", "Mixed", state="audit_failed")


def test_a_release_tells_its_terms(board):
    made = board.release(board.both(scope="pilot", pilot=PILOT))
    assert (made.scope, made.pilot, made.expires_on) == ("pilot", PILOT, dt.date(2027, 3, 1))
    assert [(one.finding, one.group) for one in made.open_groups] == [("over-prediction-ethnicity", "Mixed")]
    assert [question.id for question in made.questions] == ["too-few-to-tell"]
    told = json.loads((board.workspace.releases / made.id / "release.json").read_text())
    assert told["pilot"] == {"most_people": 50, "ends": "2027-03-31", "evaluated_on": "2027-02-01"}
    assert told["dates"]["trained_on"] == "2026-10-01"


def test_one_pilot_among_the_approvals_makes_the_release_a_pilot(board):
    made = board.release([board.sign("chair", scope="pilot", pilot=PILOT), board.sign("officer")])
    assert (made.scope, made.pilot) == ("pilot", PILOT)


def test_a_pilot_keeps_to_the_policys_bounds(board):
    wide = dataclasses.replace(PILOT, most_people=51)
    told = "a pilot of 51 people; the policy allows 50"
    _withheld(lambda: board.release(board.both(scope="pilot", pilot=wide)), told, state="not_approved")


def test_a_pilot_ends_on_its_last_day(board):
    short = Pilot(10, dt.date(2026, 11, 30), dt.date(2026, 11, 30))
    made = board.release(board.both(scope="pilot", pilot=short))
    assert made.expires_on == short.ends and board.verify(made.id, today=short.ends)
    error = _withheld(lambda: board.verify(made.id, today=short.ends + DAY), "ended on 2026-11-30", state="expired")
    assert error.since == short.ends


@pytest.mark.parametrize(("terms", "ends"), [
    ({"scope": "pilot", "pilot": Pilot(10, dt.date(2027, 2, 2), dt.date(2027, 1, 1))}, dt.date(2027, 2, 2)),
    ({}, dt.date(2027, 2, 2)),
])  # fmt: skip
def test_what_goes_out_for_groups_that_cannot_be_told_ends_with_the_months(board, board_policy_text, terms, ends):
    """Four months by this policy: 1 February is the last day that is possible."""
    _policy(board, board_policy_text.replace("months = 6\ngross", "months = 4\ngross"))
    _withheld(lambda: board.release(board.both(expires_on=ends, **terms)), "longer than the policy's 4 months")
    assert board.release(board.both(expires_on=ends - DAY, **terms)).expires_on == ends - DAY


def test_without_a_pilot_section_nothing_goes_out_while_a_group_cannot_be_told(board, policy_text):
    _policy(board, policy_text)
    _withheld(board.release, "the policy has no [pilot]", state="audit_failed")


def _policy(board, text):
    """Put another policy into workspace and candidate, as if the audit had been made under it."""
    from desist.fairness.approval.candidate import write_policy_files
    from desist.fairness.audit import Audit
    from desist.records.files import write_text

    write_text(board.workspace.policy, text)
    policy = write_policy_files(board.candidate, board.workspace.policy)
    audit = Audit.from_json((board.candidate / "audit.json").read_text())
    write_text(board.candidate / "audit.json", dataclasses.replace(audit, policy_hash=policy.hash).to_json())
    board.seal()


# Scrutiny


def test_a_question_of_the_scrutiny_needs_an_answer_too(board):
    proxy = {"id": "proxy-area", "kind": "proxy", "words": "The area tells people's ethnicity."}
    board.rewrite("scrutiny.json", {"format": 1, "questions": [proxy], "attempt": 1, "sections": {}})
    _withheld(board.release, "proxy-area was not answered", "The area tells", state="audit_failed")
    answers = {**board.draft("chair").answers, "proxy-area": "The area is needed for the journey to services."}
    assert board.release(board.both(answers=answers)).accepted.keys() == {"too-few-to-tell", "proxy-area"}


@pytest.mark.parametrize("content", [{}, [], {"format": 1, "questions": [], "attempt": 0, "sections": {}}])
def test_a_candidate_whose_scrutiny_cannot_be_read_is_not_sealed(board, content):
    with pytest.raises(Refused, match=r"scrutiny\.json cannot be read"):
        board.rewrite("scrutiny.json", content)


def test_a_second_look_at_the_same_outcomes_needs_wider_intervals(board):
    with pytest.raises(Refused, match="audited 2 times and the intervals are not corrected"):
        board.rewrite("scrutiny.json", {"format": 1, "questions": [], "attempt": 2, "sections": {}})


# Shadow


def test_a_first_release_needs_a_shadow_or_a_reason_why_not(board):
    signed = board.both(no_shadow_reason="")
    _withheld(lambda: board.release(signed), "never ran beside the panel", state="not_approved")
    _shadow(board)
    assert board.release(signed).bindings["shadow"]


def test_a_shadow_of_another_candidate_is_none(board):
    _shadow(board, candidate_hash="0" * 64)
    _withheld(lambda: board.release(board.both(no_shadow_reason="")), "about another candidate", state="altered")


def test_a_shadow_changed_or_removed_after_the_release_withholds(board):
    path = _shadow(board)
    made = board.release(board.both(no_shadow_reason=""))
    whole = path.read_bytes()
    path.write_bytes(whole + b" ")
    _withheld(lambda: board.verify(made.id), "is not what was approved", state="altered")
    path.unlink()
    _withheld(lambda: board.verify(made.id), "never ran beside the panel")
    path.write_bytes(whole)
    assert board.verify(made.id)


def test_a_later_release_needs_no_shadow(board):
    board.release()
    later = board.both(no_shadow_reason="", reasons="The second quarter brought nothing new to light.")
    assert board.release(later).supersedes


def _shadow(board, **changes):
    first, last = dt.date(2026, 9, 1), dt.date(2026, 9, 30)
    plan = Plan(board.run, board.seal_hashes()[0], "test-1", 0.5, None, first, last)
    path = board.run_folder / "shadow.json"
    told = {**plan.as_json(), **changes}
    write_json(path, {"format": 1, "plan": told, "dates": ["2026-09-07", "2026-09-21"]})
    return path


# Renewals

AGAIN = ("The first quarter.", "The second quarter.", "The third quarter.", "The fourth quarter.")


def _released(board, times, answer="Too few people to tell; we look again in six months."):
    for text in AGAIN[:times]:
        board.release(board.both(reasons=f"We read the evidence. {text}", answers={"too-few-to-tell": answer}))


def test_one_reason_is_renewed_twice_and_not_a_third_time(board):
    _released(board, 3)
    reworded = {"too-few-to-tell": "Too few people to tell;  we will look again in six MONTHS."}
    last = board.both(reasons=f"We read the evidence. {AGAIN[3]}", answers=reworded)
    told = "given for 3 releases already; one reason is renewed at most twice"
    _withheld(lambda: board.release(last), told, state="audit_failed")
    another = {"too-few-to-tell": "We joined the region; its audit of this file is due before Christmas."}
    assert board.release(board.both(answers=another))


def test_a_release_whose_file_is_gone_counts_against_every_reason(board):
    signed = board.both()
    _withheld(lambda: board.release(signed, approved=["a", "b", "c"]), "renewed at most twice")
    made = board.release(signed, approved=["a", "b"])
    assert made.supersedes == ("a", "b") and board.verify(made.id)
