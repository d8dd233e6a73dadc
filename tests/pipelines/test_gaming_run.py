"""Which earlier audits a run is held against: those since the last release, also where their file is gone."""

import datetime as dt
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.fairness.policy import DEFAULT_POLICY_TOML, parse_policy
from desist.fairness.scrutiny.gaming import Population
from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.comparators import PriorCount
from desist.pipelines import gaming_run
from desist.pipelines.gaming_run import _last_rows, _today, earlier_audits, scores_of_the_file
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


def test_an_earlier_audits_policy_is_read_from_beside_it_unless_it_was_changed(session):
    audited(session, "r1")
    folder = session.workspace.runs / "r1" / "candidate"
    [one] = earlier_audits(session, PURPOSE, OUTCOME, but="now")
    assert one.policy is None, "it is gone"
    (folder / "policy.toml").write_text(DEFAULT_POLICY_TOML)
    [one] = earlier_audits(session, PURPOSE, OUTCOME, but="now")
    assert one.policy is None, "the audit was made under another"
    told = json.loads((folder / "audit.json").read_text())
    (folder / "audit.json").write_text(json.dumps({**told, "policy_hash": parse_policy(DEFAULT_POLICY_TOML).hash}))
    [one] = earlier_audits(session, PURPOSE, OUTCOME, but="now")
    assert one.policy.minimum_people == 20
    (folder / "policy.toml").write_text("version = ")
    assert [one.policy for one in earlier_audits(session, PURPOSE, OUTCOME, but="now")] == [None]


@pytest.fixture(scope="module")
def file():
    """A small model, and ten people it is asked about."""
    rows = pd.DataFrame(
        {"person_id": [f"P{place}" for place in range(60)], "as_of": pd.Timestamp("2024-01-01"),
         "prior_sanctions": [float(place % 6) for place in range(60)]}
    )  # fmt: skip
    y = pd.Series([float(place % 6 + place % 4 > 4) for place in range(60)])
    features = FeatureSet((FeatureInfo("prior_sanctions"),))
    model = PriorCount(features, priors="prior_sanctions").fit(rows[list(features.names)], y)
    return Calibrated(model).fit(rows, y), rows.head(10)


def audited_of(file, change=None):
    model, rows = file
    given = rows[["person_id", "as_of"]].assign(score=model.predict_proba(rows)[:, 1].round(6))
    return SimpleNamespace(model=model, rows=change(given) if change else given)


def test_the_files_own_scores_stand_in_the_order_of_the_audited_rows(file):
    training = SimpleNamespace(judging=file[1])
    turned = audited_of(file, lambda rows: rows.iloc[::-1].reset_index(drop=True))
    assert np.abs(scores_of_the_file(training, turned) - turned.rows["score"]).max() < 1e-9
    assert turned.rows["score"].nunique() > 2


def test_a_score_that_was_changed_after_the_model_gave_it_differs_from_the_files(file):
    training = SimpleNamespace(judging=file[1])
    honest = audited_of(file).rows["score"]
    clipped = audited_of(file, lambda rows: rows.assign(score=rows["score"].clip(upper=0.3)))
    assert np.array_equal(scores_of_the_file(training, clipped) > clipped.rows["score"], honest > 0.3)
    assert (honest > 0.3).any()


def test_a_row_that_none_of_the_judges_has_gets_no_score(file):
    training = SimpleNamespace(judging=file[1].iloc[1:])
    found = scores_of_the_file(training, audited_of(file))
    assert np.isnan(found[0]) and np.isfinite(found[1:]).all()


def test_a_model_that_clips_in_memory_only_is_found_out_by_its_file(file):
    """What is written down is what would be released."""
    model, rows = file
    honest = audited_of(file).rows["score"]

    class Clipping(Calibrated):
        def predict_proba(self, table):
            return np.minimum(super().predict_proba(table), 0.3)

    clipping = Clipping.recalled(model.model, model.to_json())
    found = scores_of_the_file(SimpleNamespace(judging=rows), SimpleNamespace(model=clipping, rows=rows))
    assert np.abs(found - honest).max() < 1e-9 and found.max() > 0.3


def test_the_checks_of_a_run_are_given_the_files_own_scores(session, file, counted, monkeypatch):
    monkeypatch.setattr(gaming_run, "_today", lambda *given: Population((), {}))
    handed = {}
    monkeypatch.setattr(gaming_run, "gaming_checks", lambda *given, **named: handed.update(named))
    training = SimpleNamespace(judging=file[1], outcome=OUTCOME)
    policy = SimpleNamespace(purpose=PURPOSE)
    clipped = audited_of(file, lambda rows: rows.assign(score=0.1))
    gaming_run.find_gaming(session, None, training, clipped, file[0], {}, policy, None, run="now")
    assert (handed["scores"] == 0.1).all()
    assert np.allclose(handed["recomputed"], audited_of(file).rows["score"])
