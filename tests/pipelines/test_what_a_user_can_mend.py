"""Files and names that are not what a command asked for: one sentence, exit code 2, nothing written."""

import datetime as dt
import errno
from types import SimpleNamespace

import pytest

from desist.pipelines import decisions, gate
from desist.pipelines.cli import guarded
from desist.records.errors import Refused
from desist.records.log import EventLog
from desist.records.workspace import Workspace

TODAY = dt.date(2026, 10, 1)


@pytest.fixture
def session(tmp_path):
    workspace = Workspace(tmp_path / "w")
    workspace.create()
    log = EventLog(workspace.log, lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    (workspace.runs / "run-1").mkdir(parents=True)
    settings = SimpleNamespace(governance=(), expected_every_days={"police": 31}, made_up=True)
    return SimpleNamespace(workspace=workspace, log=log, settings=settings, actor="analyst", today=TODAY)


@pytest.mark.parametrize("number", [errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.EACCES])
def test_a_file_or_folder_that_is_not_what_was_asked_for_is_a_mistake_to_mend(number, capsys):
    def run():
        raise OSError(number, "Not what was asked for", "there.toml")

    assert guarded(run) == 2
    assert "Not what was asked for: there.toml" in capsys.readouterr().err


def test_any_other_fault_of_the_system_is_not_hidden():
    def run():
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        guarded(run)


def test_a_folder_is_no_decision(session, tmp_path):
    with pytest.raises(Refused, match="is no file"):
        decisions.sign_candidate(session, "", tmp_path, "A. B.", b"")


@pytest.mark.parametrize("place", ["not/there/x.toml", ".", "w/desist.db/x.toml"])
def test_a_blank_decision_goes_into_a_folder_that_is_there(session, tmp_path, monkeypatch, place):
    monkeypatch.setattr(decisions, "candidate_of", lambda *_: SimpleNamespace(evidence=None))
    with pytest.raises(Refused, match="in a folder that is there"):
        decisions.blank_decision(session, "", tmp_path / place)
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("run", ["a b", ".", "/", "..", "run-2", "../w/runs/run-1", "run-1/", "run-1\n"])
@pytest.mark.parametrize("ask", [gate.candidate_of, gate.release_candidate])
def test_a_run_that_is_none_is_told_which_runs_there_are_and_nothing_is_logged(session, ask, run):
    with pytest.raises(Refused, match=r"There is no run .* The runs are: run-1\."):
        ask(session, run)
    assert session.log.rows() == []


DECISION = """
decision = "approve"
scope = "release"
reasons = "The evidence is whole and the questions are answered."
interests = "none"
expires_on = {ends}
"""


@pytest.mark.parametrize("ends", ["2027-04-02", "9999-12-31"])
def test_nobody_signs_for_longer_than_the_policy_can_allow(session, tmp_path, monkeypatch, ends):
    candidate = SimpleNamespace(policy=SimpleNamespace(expiry_months=6))
    monkeypatch.setattr(decisions, "candidate_of", lambda *_: candidate)
    file = tmp_path / "decision.toml"
    file.write_text(DECISION.format(ends=ends), encoding="utf-8")
    with pytest.raises(Refused, match="6 months, until 2027-04-01"):
        decisions.sign_candidate(session, "", file, "A. B.", b"")
    file.write_text(DECISION.format(ends="2027-04-01"), encoding="utf-8")
    with pytest.raises(Refused, match="No key"):  # the next thing to be asked for
        decisions.sign_candidate(session, "", file, "A. B.", b"")


def test_a_source_that_partnership_toml_says_nothing_of_withholds(session, monkeypatch):
    monkeypatch.setattr(gate, "Store", lambda _: SimpleNamespace(
        sources=lambda: ["police", "prison"], snapshot_date=lambda _: TODAY
    ))  # fmt: skip
    (cause,) = gate._own_causes(session)
    assert (cause.state, cause.text.partition(":")[0]) == (
        "suspended", "partnership.toml says nothing of how often prison is expected",
    )  # fmt: skip
