"""The word that a board's condition was met: in time, signed by somebody who decides, never by the trainer."""

import datetime as dt
from types import SimpleNamespace

import pytest

from desist.fairness.approval.release_files import Note, met_file
from desist.fairness.approval.signoff import Condition, SignOff
from desist.pipelines import conditions
from desist.records.errors import Refused
from desist.records.files import read_json, write_json
from desist.records.keys import KeyRegister
from desist.records.log import EventLog
from desist.records.workspace import Workspace

TODAY = dt.date(2026, 10, 1)
LOOK = Condition("Look again at the groups", "The analyst", dt.date(2026, 12, 1))
WHY = "The report was shown to the board on that day."


@pytest.fixture
def session(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path / "w")
    workspace.create()
    log = EventLog(workspace.log, lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    keys = KeyRegister(workspace.keys)
    for holder, role in (("B. Chair", "board_chair"), ("A. Trainer", "analyst"), ("a. TRAINER", "board_member")):
        keys.create(holder, role, b"pass", created_on=TODAY)
    signed = SignOff("c", "a", "k", "B. Chair", "board_chair", "approve", "conditions", WHY, "none", TODAY,
                     dt.date(2027, 3, 1), conditions=(LOOK,))  # fmt: skip
    write_json(workspace.releases / "r1" / "release.json", {"run": "run", "sign_offs": [signed.as_json()]})
    log.append("release.approved", actor="key", role="installation", release="r1", dataset="run")
    trainer = SimpleNamespace(trainer=keys.find("A. Trainer"))
    monkeypatch.setattr(conditions, "candidate_of", lambda session, run: trainer)
    return SimpleNamespace(workspace=workspace, log=log, actor="analyst", today=TODAY)


def meet(session, holder="B. Chair", condition=LOOK.id):
    return conditions.meet_condition(session, condition, holder=holder, reason=WHY, password=b"pass")


def test_a_condition_is_open_until_somebody_who_decides_says_that_it_was_met(session):
    assert conditions.conditions_now(session).as_text() == (
        f"{LOOK.id}  open, by 2026-12-01: Look again at the groups (The analyst)"
    )
    assert "met, in time before 2026-12-01" in meet(session)
    assert conditions.conditions_now(session).as_json()["conditions"][0]["met"] is True
    told = read_json(session.workspace.releases / "r1" / met_file(LOOK))
    note = Note(**{**told, "about": tuple(told["about"])})
    KeyRegister(session.workspace.keys).verify(note.key_id, note.content(), note.signature, on=TODAY)
    (event,) = [row for row in session.log.rows() if row["operation"] == "condition.met"]
    assert (event["release"], event["dataset"], len(event["reason"])) == ("r1", LOOK.id, 64)


def test_a_word_is_not_written_over_and_is_about_a_condition_that_there_is(session):
    meet(session)
    with pytest.raises(Refused, match="was noted already"):
        meet(session)
    with pytest.raises(Refused, match="has no condition 'other'"):
        meet(session, condition="other")


@pytest.mark.parametrize("holder", ["A. Trainer", "a. TRAINER"])
def test_whoever_trained_the_model_cannot_say_that_a_condition_was_met(session, holder):
    with pytest.raises(Refused, match="trained the model"):
        meet(session, holder=holder)


def test_after_its_day_the_board_decides_anew(session):
    session.today = dt.date(2026, 12, 1)
    assert meet(session)
    (session.workspace.releases / "r1" / met_file(LOOK)).unlink()
    session.today = dt.date(2026, 12, 2)
    with pytest.raises(Refused, match="a word after that day does not mend it"):
        meet(session)
