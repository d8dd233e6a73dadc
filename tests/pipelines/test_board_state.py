"""The board's report as things stand: who signed, what they answered, what was released despite what."""

import dataclasses
import datetime as dt
from types import SimpleNamespace

import pytest

from desist.fairness.approval.signoff import Condition, SignOff
from desist.pipelines import board_state
from desist.pipelines.board_state import content_now
from desist.records.log import EventLog
from desist.reports import fairness_content as fc

TODAY = dt.date(2026, 10, 1)
TOGETHER = "They are few here, and we wait."
WHY = "The panel sees every case, and we look at it again in March."


def sign_off(role="board_chair", decision="approve", scope="conditions", **other):
    given = {
        "candidate_hash": "a", "audit_hash": "b", "key_id": role, "holder": f"Made-up {role}", "role": role,
        "decision": decision, "scope": scope if decision == "approve" else "", "reasons": WHY, "interests": "none",
        "signed_on": TODAY, "expires_on": dt.date(2027, 3, 31), "answers": {"fpr-sex": WHY},
        "conditions": (Condition("Look again", "the chair", dt.date(2027, 1, 31)),) if decision == "approve" else (),
    }  # fmt: skip
    return SignOff(**(given | other))


@pytest.fixture
def content():
    asked = fc.Asked(*["words"] * 10, TODAY, TODAY)
    finding = fc.FindingContent("fpr-sex", "fpr", "sex", 0.05, "does_not_meet", ())
    row = fc.QuestionRow("fpr-sex", "outside", "Women are listed wrongly more often")
    return fc.FairnessContent("A", True, "Draft", asked, fc.PeopleCounts(1, 1, 1, 1), (finding,), questions=(row,))


@pytest.fixture
def candidate():
    return SimpleNamespace(policy=SimpleNamespace(roles=("board_chair", "data_protection_officer")))


def released(*sign_offs):
    return SimpleNamespace(sign_offs=sign_offs, released_on=TODAY, expires_on=dt.date(2027, 3, 31),
                           conditions=sign_offs[0].conditions)  # fmt: skip


@pytest.mark.parametrize(("sign_offs", "state", "needed"), [
    ([], "Draft: nobody has signed", 2),
    ([sign_off()], "Awaiting 1 signature", 1),
    ([sign_off(), sign_off("data_protection_officer")], "Signed, not released or no longer in force", 0),
    ([sign_off(decision="refuse", answers={})], "Refused", 2),
])  # fmt: skip
def test_the_state_says_who_is_still_missing(content, candidate, sign_offs, state, needed):
    now = content_now(content, candidate, sign_offs, None)
    assert (now.state, len(now.still_needed), now.released) == (state, needed, ())


def test_an_answer_stands_under_its_question_and_its_finding(content, candidate):
    now = content_now(content, candidate, [sign_off()], None)
    assert now.questions[0].answers == (("Made-up board_chair", WHY),)
    assert now.findings[0].accepted == WHY
    assert now.sign_off[0].view == "Approve, as a release with conditions"
    assert now.sign_off[0].conditions == "Look again (the chair, by 31 January 2027)"


def test_a_release_says_despite_what_it_was_made(content, candidate):
    both = (sign_off(), sign_off("data_protection_officer"))
    now = content_now(content, candidate, both, released(*both))
    assert now.state == "Approved until 31 March 2027" and now.still_needed == ()
    assert now.released[0].startswith("Released on 1 October 2026 as a release with conditions")
    assert now.released[1] == "Released although not met: 1 limit; not settled for every group: 0 limits"
    assert now.released[2] == "Condition: Look again (the chair, by 31 January 2027)"


def test_a_finding_that_cannot_be_told_has_the_answer_given_for_all_of_them(content, candidate):
    unsure = fc.FindingContent("fnr-sex", "fnr", "sex", 0.1, "cannot_be_assessed", ())
    met = fc.FindingContent("ppv-sex", "ppv", "sex", 0.1, "meets", ())
    told = dataclasses.replace(content, findings=(*content.findings, unsure, met))
    now = content_now(told, candidate, [sign_off(answers={"fpr-sex": WHY, "too-few-to-tell": TOGETHER})], None)
    assert [finding.accepted for finding in now.findings] == [
        WHY, f"Answered together with others: {TOGETHER}", "",
    ]  # fmt: skip


@pytest.fixture
def session(tmp_path):
    log = EventLog(tmp_path / "desist.db", lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    return SimpleNamespace(log=log, workspace=SimpleNamespace(keys=tmp_path / "keys"))


def note(session, operation, **told):
    session.log.append(operation, actor="key", role="board", **told)


def test_the_page_says_when_a_release_was_revoked_or_who_has_refused_since(session, content, candidate, monkeypatch):
    in_force = released(sign_off())
    monkeypatch.setattr(board_state, "open_release", lambda session: in_force)
    assert board_state._in_force(session, "run") == (None, "")
    note(session, "release.approved", release="r1", dataset="run")
    assert board_state._in_force(session, "run") == (in_force, "")
    note(session, "sign_off.recorded", outcome="refuse", dataset="run")
    assert board_state._in_force(session, "run") == (None, "Released, and paused since key refused")
    note(session, "release.revoked", release="r1")
    assert board_state._in_force(session, "run") == (None, "Revoked on 1 October 2026")
    assert content_now(content, candidate, [sign_off()], None, "Revoked on 1 October 2026").state.startswith("Revoked")
    note(session, "release.approved", release="r2", dataset="run")
    note(session, "sign_off.recorded", outcome="approve", dataset="run")
    note(session, "release.approved", release="r3", dataset="another-run")
    assert board_state._in_force(session, "run") == (None, "A later release took its place")
