"""What only a workspace can know against a release: its log, its lists, how often its outcomes were audited."""

import datetime as dt
import sqlite3
from types import SimpleNamespace

import pandas as pd
import pytest

from desist.fairness.approval.attempts import event_of
from desist.fairness.audit import Audit
from desist.features.tables import CaseList, Estimate
from desist.pipelines import gate
from desist.pipelines.lists import list_faults, load_list, save_list
from desist.pipelines.shadow_kept import open_shadow_causes
from desist.records.errors import Refused, Withheld
from desist.records.files import write_json
from desist.records.keys import KeyRegister
from desist.records.log import EventLog
from desist.records.workspace import Workspace

TODAY = dt.date(2026, 10, 1)
PURPOSE = "iom_selection_support"


@pytest.fixture
def session(tmp_path):
    workspace = Workspace(tmp_path / "w")
    workspace.create()
    log = EventLog(workspace.log, lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    settings = SimpleNamespace(governance=(), expected_every_days={}, purpose=PURPOSE, made_up=True)
    return SimpleNamespace(workspace=workspace, log=log, settings=settings, actor="analyst", today=TODAY)


def note(session, operation, **told):
    session.log.append(operation, actor="analyst", role="analyst", **told)


def texts(causes):
    return [cause.text for cause in causes]


def released(**changes):
    found = SimpleNamespace(
        id="r1", purpose=PURPOSE, bindings={"trainer_key": "t"}, sign_offs=(SimpleNamespace(key_id="k"),)
    )
    return SimpleNamespace(**{**vars(found), **changes})


# The log


def test_a_whole_log_that_tells_of_the_release_speaks_against_nothing(session):
    note(session, "release.approved", release="r1")
    assert texts(gate._own_causes(session)) == [] == texts(gate._found_causes(session, released()))


@pytest.mark.parametrize("end", ["number = 1", "number >= 2"])
def test_a_log_with_events_taken_out_or_its_end_cut_off_withholds(session, end):
    for name in ("r1", "r2", "r3"):
        note(session, "release.approved", release=name)
    with sqlite3.connect(session.workspace.log) as connection:
        connection.executescript(f"drop trigger event_is_not_removed; delete from event where {end};")
    causes = list(gate._own_causes(session))
    assert causes and {cause.state for cause in causes} == {gate.gate.ALTERED}


def test_a_release_older_than_the_logs_last_one_is_a_replay(session):
    note(session, "release.approved", release="r1")
    note(session, "release.approved", release="r2")
    assert "the log's last approved release is r2" in texts(gate._found_causes(session, released()))[0]


def test_a_revocation_and_a_revoked_key_stand_in_the_log_whatever_the_files_say(session):
    note(session, "release.approved", release="r1")
    note(session, "release.revoked", release="r1")
    note(session, "key.revoked", reason="k")
    told = texts(gate._found_causes(session, released()))
    assert told == ["the log says that release r1 was revoked", "the log says that the key k was revoked"]


def test_a_release_for_another_purpose_or_one_without_a_list_withholds(session):
    note(session, "release.approved", release="r1")
    assert (
        "the release is for fairness_audit" in texts(gate._found_causes(session, released(purpose="fairness_audit")))[0]
    )


# Shadows


def test_a_shadow_that_was_begun_must_end_whatever_reason_a_member_gives(session):
    assert texts(open_shadow_causes(session, "run")) == []
    note(session, "shadow.started", dataset="run")
    (cause,) = open_shadow_causes(session, "run")
    assert cause.state == "not_approved" and "begun on 2026-10-01 and has not ended" in cause.text
    assert texts(open_shadow_causes(session, "other")) == []
    note(session, "shadow.closed", dataset="other")
    assert len(texts(open_shadow_causes(session, "run"))) == 1
    note(session, "shadow.closed", dataset="run")
    assert texts(open_shadow_causes(session, "run")) == []


# Revoking


@pytest.fixture
def chair(session):
    """A workspace with two releases in log and files, and the chair's key; nothing else of them is there."""
    keys = KeyRegister(session.workspace.keys)
    keys.create("B. Chair", "board_chair", b"pass", created_on=TODAY, made_up=True)
    for name in ("r1", "r2"):
        write_json(session.workspace.releases / name / "release.json", {"sign_offs": [{"signature": name}]})
        note(session, "release.approved", release=name, dataset="run")
    return lambda: gate.revoke_release(session, "B. Chair", "The board saw a fault in the extract.", b"pass")


@pytest.mark.parametrize("damaged", ["r1", "r2"])
def test_a_damaged_release_file_and_a_candidate_that_is_gone_stop_no_revocation(session, chair, damaged):
    (session.workspace.releases / damaged / "release.json").write_text("{", encoding="utf-8")
    told = chair()
    assert told.startswith("Release r2 is revoked.") and "Warning: the board's report was not made anew" in told
    assert (session.workspace.releases / "r2" / "revoked.json").exists()
    assert [row["release"] for row in session.log.rows() if row["operation"] == "release.revoked"] == ["r2"]


def test_a_revocation_is_not_written_over(session, chair):
    chair()
    with pytest.raises(Refused, match="r2 was revoked already"):
        chair()


# Attempts


@pytest.fixture
def files(monkeypatch):
    audit = SimpleNamespace(
        hash="a" * 64, purpose=PURPOSE, outcome="proven", context={"dates": "2024-01-01, 2024-04-01"}
    )
    monkeypatch.setattr(gate, "Audit", SimpleNamespace(from_json=lambda text: audit))
    return lambda attempt: {
        "audit.json": b"", "scrutiny.json": b'{"format": 1, "questions": [], "attempt": %d, "sections": {}}' % attempt,
    }  # fmt: skip


def audited(session, run, audit="a" * 64):
    event = event_of(PURPOSE, "proven", dt.date(2024, 4, 1))
    note(session, "audit.made", dataset=run, reason=audit, **event)


def test_an_audit_that_the_log_knows_nothing_of_withholds(session, files):
    assert texts(gate.attempt_causes(session, "now", files(1))) == ["the log knows nothing of the audit of run now"]
    audited(session, "now", audit="b" * 64)
    assert len(texts(gate.attempt_causes(session, "now", files(1)))) == 1
    audited(session, "now")
    assert texts(gate.attempt_causes(session, "now", files(1))) == []


def test_a_second_audit_of_the_same_outcomes_that_calls_itself_the_first_withholds(session, files):
    audited(session, "before", audit="b" * 64)
    audited(session, "now")
    (cause,) = gate.attempt_causes(session, "now", files(1))
    assert cause.state == "audit_failed" and "the log tells of 2 audits" in cause.text
    assert texts(gate.attempt_causes(session, "now", files(2))) == []


def test_a_candidate_that_cannot_be_read_is_left_to_the_gate(session):
    assert texts(gate.attempt_causes(session, "now", {})) == []
    with pytest.raises(Refused):
        Audit.from_json("")


# Lists are no cache of estimates


def kept(session, release="r1"):
    rows = pd.DataFrame({
        "person_id": ["A"], "supervision": ["LICENCE"], "iom_group": [""], "needs_waiting": [[]], "changed": [[]],
        **{name: [pd.NaT] for name in ("supervision_end", "last_contact", "next_contact", "review_due")},
    })  # fmt: skip
    case_list = CaseList(TODAY, TODAY + dt.timedelta(days=28), release, rows, {"A": Estimate(step=2)})
    return save_list(session, case_list, pd.DataFrame({"person_id": ["A"], "as_of": [TODAY], "score": [0.3]}))


def test_a_list_of_an_earlier_release_is_not_shown_under_a_later_one(session):
    made = kept(session)
    assert load_list(session, made, "r1").estimates["A"].step == 2
    with pytest.raises(Withheld) as caught:
        load_list(session, made, "r2")
    assert "was made under another release" in caught.value.causes[0]


def test_a_list_that_was_changed_is_shown_under_no_release(session):
    made = kept(session)
    path = session.workspace.lists / made / "list.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"step": 2', '"step": 4'), encoding="utf-8")
    assert list_faults(session, made) == [f"lists/{made}/list.json was changed"]
    with pytest.raises(Withheld):
        load_list(session, made, "r1")
