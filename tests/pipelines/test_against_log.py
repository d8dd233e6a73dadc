"""Files held against the log: a decision or a key that is gone, changed or put there by hand withholds."""

import dataclasses
import datetime as dt
import json
from types import SimpleNamespace

import pytest

from desist.fairness.approval.gate import ALTERED, SUSPENDED
from desist.fairness.approval.signoff import Condition, SignOff, load_history, save_sign_off
from desist.pipelines import against_log
from desist.records.files import write_json
from desist.records.keys import KeyRegister
from desist.records.log import EventLog
from desist.records.workspace import Workspace

TODAY = dt.date(2026, 10, 1)
RUN = "2026q4"
WHY = "The evidence was read and discussed on 30 September."


@pytest.fixture
def session(tmp_path):
    workspace = Workspace(tmp_path / "w")
    workspace.create()
    log = EventLog(workspace.log, lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    made = SimpleNamespace(workspace=workspace, log=log, actor="analyst", today=TODAY, keys={})
    for holder, role in (("Chidi Chair", "board_chair"), ("Olu Officer", "data_protection_officer")):
        keys = KeyRegister(workspace.keys)
        key_id = keys.create(holder, role, b"pass", created_on=TODAY)
        made.keys[holder] = key_id
        log.append("key.created", actor="admin", role="administrator", **keys.get(key_id).created_event)
    return made


def decided(session, holder, decision="approve", reasons=WHY):
    key = KeyRegister(session.workspace.keys).get(session.keys[holder])
    sign_off = SignOff(
        "c" * 64, "a" * 64, key.key_id, key.holder, key.role, decision, "conditions" if decision == "approve" else "",
        reasons, "none", TODAY, dt.date(2027, 3, 1),
        conditions=(Condition("Look again", "the chair", dt.date(2027, 1, 31)),) if decision == "approve" else (),
    )  # fmt: skip
    path = save_sign_off(session.workspace.runs / RUN, sign_off)
    session.log.append(
        "sign_off.recorded", actor=key.key_id, role="board", outcome=decision, dataset=RUN, reason=sign_off.hash
    )
    return sign_off, path


def told(causes, state=ALTERED):
    found = list(causes)
    assert {cause.state for cause in found} <= {state}
    return [cause.text for cause in found]


def test_decisions_as_the_log_tells_of_them_speak_against_nothing(session):
    decided(session, "Chidi Chair", "refuse")
    decided(session, "Chidi Chair")
    decided(session, "Olu Officer")
    assert told(against_log.decision_causes(session, RUN)) == []
    assert told(against_log.decision_causes(session, "another run")) == []


def test_a_refusal_whose_file_is_deleted_is_still_told_of(session):
    _, path = decided(session, "Chidi Chair", "refuse")
    decided(session, "Olu Officer")
    path.unlink()
    (cause,) = told(against_log.decision_causes(session, RUN))
    assert "the decision of Chidi Chair (refuse) is gone from sign_offs" in cause


def test_a_decision_of_the_past_put_back_in_the_place_of_a_later_one_is_told_of(session):
    first, path = decided(session, "Chidi Chair")
    decided(session, "Chidi Chair", "refuse")
    write_json(path, first.as_json())
    causes = told(against_log.decision_causes(session, RUN))
    assert "is not the one in the log" in causes[0] and "the log knows nothing of" in causes[1]


def test_a_decision_that_the_log_knows_nothing_of_is_told_of(session):
    sign_off, _ = decided(session, "Olu Officer")
    other = dataclasses.replace(sign_off, key_id="k" * 16)
    save_sign_off(session.workspace.runs / RUN, other)
    (cause,) = told(against_log.decision_causes(session, RUN))
    assert "the log knows nothing of the decision of kkkk" in cause


def test_a_damaged_decision_is_told_of(session):
    _, path = decided(session, "Olu Officer")
    path.write_text("{", encoding="utf-8")
    assert len(told(against_log.decision_causes(session, RUN))) == 1


def test_an_earlier_decision_is_never_lost(session):
    first, _ = decided(session, "Chidi Chair", "refuse")
    second, _ = decided(session, "Chidi Chair")
    folder = session.workspace.runs / RUN
    assert {one.hash for one in load_history(folder)} == {first.hash, second.hash}
    (folder / "sign_offs" / "history" / f"{first.hash}.json").unlink()
    (cause,) = told(against_log.decision_causes(session, RUN))
    assert "a decision of Chidi Chair (refuse) is gone from sign_offs/history" in cause


def test_a_decision_recorded_without_a_hash_is_asked_for_again(session):
    sign_off, _ = decided(session, "Chidi Chair")
    session.log.append("sign_off.recorded", actor=sign_off.key_id, role="board", outcome="approve", dataset=RUN)
    assert "by an earlier desist: let them sign again" in told(against_log.decision_causes(session, RUN))[0]


# A release that rests on decisions


def found(*sign_offs):
    return SimpleNamespace(id="r1", run=RUN, sign_offs=sign_offs)


def test_a_release_rests_on_decisions_that_the_log_tells_of(session):
    chair, _ = decided(session, "Chidi Chair")
    assert told(against_log.release_causes(session, found(chair))) == []
    other = dataclasses.replace(chair, reasons="Some other reasons, never recorded.")
    (cause,) = told(against_log.release_causes(session, found(chair, other)))
    assert cause == "the log knows nothing of the decision of Chidi Chair in release r1"


def test_a_later_refusal_pauses_the_release_until_it_is_taken_back(session):
    signed = [decided(session, holder)[0] for holder in session.keys]
    decided(session, "Olu Officer", "refuse")
    (cause,) = told(against_log.release_causes(session, found(*signed)), SUSPENDED)
    assert cause.startswith(f"Olu Officer has since refused run {RUN}")
    decided(session, "Olu Officer", reasons="The fault was looked into and put right.")
    assert told(against_log.release_causes(session, found(*signed)), SUSPENDED) == []


# Keys


def edit_register(session, **changes):
    path = session.workspace.keys / "register.json"
    first, *others = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, [{**first, **changes}, *others])


def test_keys_as_the_log_tells_of_them_speak_against_nothing(session):
    assert told(against_log.key_log_causes(session)) == []


@pytest.mark.parametrize("changes", [
    {"holder": "Somebody Else"}, {"role": "legal"}, {"public": "ab" * 32}, {"made_up": True},
    {"created_on": "2020-01-01"},
])  # fmt: skip
def test_an_entry_of_the_key_register_that_was_changed_is_told_of(session, changes):
    edit_register(session, **changes)
    (cause,) = told(against_log.key_log_causes(session))
    assert "the register's entry of the key" in cause and "is not the one in the log" in cause


def test_a_key_put_into_the_register_by_hand_is_told_of(session):
    KeyRegister(session.workspace.keys).create("Mina Member", "board_member", b"pass", created_on=TODAY)
    (cause,) = told(against_log.key_log_causes(session))
    assert "Mina Member (board_member): it was put into the register by hand" in cause


def test_a_key_made_before_hashes_were_noted_is_told_how_to_mend(session):
    key_id = session.keys["Chidi Chair"]
    session.log.append("key.created", actor="admin", role="administrator", reason="board_chair", dataset=key_id)
    (cause,) = told(against_log.key_log_causes(session))
    assert "by an earlier desist: revoke it and make a new one" in cause
    KeyRegister(session.workspace.keys).revoke(key_id, TODAY)
    assert told(against_log.key_log_causes(session)) == []


def test_a_revoked_key_is_no_hindrance_and_a_blanked_revocation_is(session):
    key_id = session.keys["Chidi Chair"]
    KeyRegister(session.workspace.keys).revoke(key_id, TODAY)
    session.log.append("key.revoked", actor="admin", role="administrator", reason=key_id)
    assert told(against_log.key_log_causes(session)) == []
    edit_register(session, revoked_on="")
    (cause,) = told(against_log.key_log_causes(session))
    assert cause == f"the log says that the key {key_id} was revoked, the register does not"
