"""Which earlier audits a run is held against: those since the last release, also where their file is gone."""

import datetime as dt
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.scrutiny.gaming import Population
from desist.pipelines import gaming_run
from desist.pipelines.gaming_run import _last_rows, _today, earlier_audits
from desist.records.log import EventLog
from desist.records.workspace import Workspace

PURPOSE, OUTCOME = "iom_selection_support", "proven_reoffending"


@pytest.fixture
def session(tmp_path):
    workspace = Workspace(tmp_path / "w")
    workspace.create()
    log = EventLog(workspace.log, lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    return SimpleNamespace(workspace=workspace, log=log, today=dt.date(2026, 10, 1))


def audited(session, run, *, purpose=PURPOSE, outcome=OUTCOME, file=True):
    session.log.append("audit.made", actor="a", role="analyst", dataset=run)
    if file:
        told = {
            "policy_hash": "h",
            "cut_off": 0.4,
            "findings": [],
            "tables": {},
            "purpose": purpose,
            "outcome": outcome,
        }
        path = session.workspace.runs / run / "candidate" / "audit.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(told))


def released(session, run):
    session.log.append("release.approved", actor="a", role="board", dataset=run, release="r")


def runs(session, but="now"):
    return [one.run for one in earlier_audits(session, PURPOSE, OUTCOME, but=but)]


def test_every_audit_since_the_last_release_counts_with_the_released_one(session):
    for run in ("r1", "r2"):
        audited(session, run)
    released(session, "r2")
    audited(session, "r3")
    audited(session, "now")
    assert runs(session) == ["r2", "r3"]


def test_before_a_first_release_every_audit_counts_once(session):
    audited(session, "r1")
    audited(session, "r1", file=False)  # made anew
    assert runs(session) == ["r1"]


def test_an_audit_of_another_purpose_or_outcome_is_another_matter(session):
    audited(session, "r1", purpose="support_capacity_planning")
    audited(session, "r2", outcome="escalation")
    assert runs(session) == []


def test_an_audit_whose_file_was_thrown_away_or_spoilt_is_still_told(session):
    audited(session, "r1", file=False)
    audited(session, "r2")
    (session.workspace.runs / "r2" / "candidate" / "audit.json").write_text("{}")
    assert [(one.run, one.audit) for one in earlier_audits(session, PURPOSE, OUTCOME, but="now")] == [
        ("r1", None), ("r2", None),
    ]  # fmt: skip


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr(
        gaming_run, "groups_of", lambda session, ground, rows: rows[["person_id", "as_of"]].assign(sex="F")
    )


def test_each_audited_person_counts_once_by_their_last_row(session, counted):
    rows = pd.DataFrame(
        {"person_id": ["A", "A", "B"], "as_of": pd.to_datetime(["2024-01-01", "2025-01-01", "2024-01-01"]),
         "score": [0.9, 0.1, 0.3]}
    )  # fmt: skip
    found = _last_rows(session, None, SimpleNamespace(rows=rows))
    assert found.people == 2 and found.scores[2] == 1 and found.scores[6] == 1 and found.groups == {"sex": {"F": 2}}


def test_people_without_an_estimate_are_not_counted_today(session, counted, monkeypatch):
    monkeypatch.setattr(gaming_run, "why_none", lambda ground, people, as_of: {"B": "link"})
    model = SimpleNamespace(predict_proba=lambda table: np.column_stack([1 - table["x"], table["x"]]))
    table = pd.DataFrame({"person_id": ["A", "B"], "as_of": pd.Timestamp("2026-10-01"), "x": [0.42, 0.9]})
    built = SimpleNamespace(profiles=SimpleNamespace(table=table), as_of=dt.date(2026, 10, 1))
    found = _today(session, None, model, built)
    assert found.people == 1 and found.scores[8] == 1
    nobody = SimpleNamespace(profiles=SimpleNamespace(table=table.iloc[1:]), as_of=dt.date(2026, 10, 1))
    assert _today(session, None, model, nobody) == Population((), {})
