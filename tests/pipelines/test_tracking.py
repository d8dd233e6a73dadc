"""MLflow is told figures, hashes and the model of a sealed run; an alias moves last; no server can lose a run."""

import datetime as dt
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.comparators import PriorCount
from desist.models.files import save_model
from desist.pipelines import tracking
from desist.pipelines.tracking import EXPERIMENT, promote, track_after, track_again, tracked, tracking_uri
from desist.records.errors import Refused
from desist.records.files import write_json, write_text
from desist.records.hashing import hash_file
from desist.records.workspace import Workspace

SOMEBODY = "PERSON-WHO-MUST-NOT-LEAVE"


def measured(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def session(root, *, uri="", released=()):
    said = []
    return SimpleNamespace(
        workspace=Workspace(root),
        settings=SimpleNamespace(tracking_uri=uri),
        say=said.append,
        said=said,
        log=SimpleNamespace(
            rows=lambda: [{"operation": "release.approved", "dataset": run, "release": run} for run in released]
        ),
    )


def seal(root, run, made_on):
    """A made-up sealed run, as far as tracking reads it."""
    folder = root / "runs" / run
    candidate = folder / "candidate"
    candidate.mkdir(parents=True)
    features = FeatureSet((FeatureInfo("sanctions_2y"), FeatureInfo("days_since_sanction")))
    X = pd.DataFrame({"sanctions_2y": [0.0, 1.0, 2.0, 3.0], "days_since_sanction": [np.nan, 5.0, 9.0, 1.0]})
    y = pd.Series([0.0, 1.0, 0.0, 1.0])
    save_model(Calibrated(PriorCount(features, priors="sanctions_2y").fit(X, y)).fit(X, y), candidate)
    write_json(candidate / "schema.json", {"features": list(features.names), "register": "b" * 64})
    write_text(candidate / "audit.json", f'"small groups {SOMEBODY}"')
    write_text(candidate / "model-plausible.json", f'"quantiles of rows such as that of {SOMEBODY}"')
    period = {"as_of": "2024-04-01", "rows": 40, "events": 12, "auc": measured(0.7)}
    periods = {"periods": [period, {**period, "as_of": "2024-10-01", "auc": measured(0.6)}]}
    metrics = {"chosen": "points card", "models": {"points card": {"auc": measured(0.65), "ece": {"value": None}}}}
    audited = {"metrics": {"brier": measured(0.2)}, "periods": [period]}
    write_json(folder / "metrics.json", {**metrics, **periods, "audited": audited})
    sealed = {path.name: hash_file(path) for path in candidate.iterdir()}
    made = {"made_on": made_on, "linked": "a" * 64, "settings": {"seed": 7}, "candidate": {"files": sealed}}
    write_json(folder / "manifest.json", made)
    table = pd.DataFrame({"person_id": [SOMEBODY], "as_of": [dt.date(2024, 4, 1)], "score": [0.123]})
    table.to_parquet(folder / "scores.parquet", index=False)
    write_text(folder / "reports" / "reliability.svg", "<svg/>")
    write_text(folder / "reports" / "shap-beeswarm.svg", f"<svg>{SOMEBODY}</svg>")
    write_json(root / "runs" / "newest.json", {"run": run})
    return folder


def no_network(*_):
    raise AssertionError("something called out")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A workspace whose first run was tracked while every way out was shut."""
    root = tmp_path_factory.mktemp("tracked") / "w"
    seal(root, "first", "2026-01-01")
    here = session(root)
    with pytest.MonkeyPatch.context() as shut:
        shut.setattr(socket.socket, "connect", no_network)
        shut.setattr(socket, "getaddrinfo", no_network)
        found = track_after(here, "first")
    assert found is not None, here.said
    return here, found


@pytest.fixture
def later(told, tmp_path):
    """A copy of that workspace with a second run that MLflow knows nothing of."""
    root = tmp_path / "w"
    shutil.copytree(told[0].workspace.root, root)
    seal(root, "second", "2026-04-01")
    return session(root)


def client(here):
    import mlflow

    mlflow.set_tracking_uri(tracking_uri(here))
    mlflow.set_registry_uri(tracking_uri(here))
    return mlflow.MlflowClient()


def run_of(here, alias):
    return client(here).get_model_version_by_alias(EXPERIMENT, alias).tags["run"]


def test_a_run_is_a_parent_with_a_run_for_each_period(told):
    here, found = told
    mlflow = client(here)
    parent = mlflow.get_run(found.run_id)
    assert parent.data.metrics["points_card.auc"] == 0.65
    assert parent.data.metrics["audited_file.brier.low"] == pytest.approx(0.1)
    assert "points_card.ece" not in parent.data.metrics and parent.data.params["seed"] == "7"
    nested = mlflow.search_runs([parent.info.experiment_id], f"tags.mlflow.parentRunId = '{found.run_id}'")
    told_of = {one.info.run_name: (one.data.metrics["auc"], one.data.metrics["events"]) for one in nested}
    assert told_of == {
        "back-test 2024-04-01": (0.7, 12), "back-test 2024-10-01": (0.6, 12), "audit 2024-04-01": (0.7, 12)
    }  # fmt: skip
    assert {one.info.status for one in [parent, *nested]} == {"FINISHED"}


def test_data_are_told_as_names_schemas_and_hashes(told):
    here, found = told
    inputs = {one.dataset.name: one for one in client(here).get_run(found.run_id).inputs.dataset_inputs}
    assert set(inputs) == {"linked extracts", "profiles", "scores.parquet"}
    assert inputs["linked extracts"].dataset.digest == "a" * 36
    assert {tag.key: tag.value for tag in inputs["linked extracts"].tags}["sha256"] == "a" * 64
    assert "sanctions_2y" in inputs["profiles"].dataset.schema


def test_nothing_about_a_person_or_a_small_group_leaves_the_workspace(told):
    here, _ = told
    root = here.workspace.root
    kept = [root / "mlflow.db", *(path for path in (root / "mlflow").rglob("*") if path.is_file())]
    assert len(kept) > 4
    assert not [path.name for path in kept if SOMEBODY.encode() in path.read_bytes()]
    names = {path.name for path in kept}
    assert {"reliability.svg", "schema.json", "model.json"} <= names
    assert not names & {
        "audit.json",
        "model-plausible.json",
        "shap-beeswarm.svg",
        "scores.parquet",
        "input_example.json",
    }


def test_the_registered_model_says_what_goes_in_and_gives_the_same_chances(told):
    import mlflow

    here, _ = told
    client(here)
    model = mlflow.pyfunc.load_model(f"models:/{EXPERIMENT}@challenger")
    assert model.metadata.signature.inputs.input_names() == ["sanctions_2y", "days_since_sanction"]
    assert model.metadata.signature.outputs.input_names() == ["chance"]
    X = pd.DataFrame({"sanctions_2y": [4.0, np.nan], "days_since_sanction": [1.0, np.nan]})
    from desist.models.files import load_model

    own = load_model(here.workspace.runs / "first" / "candidate").predict_proba(X)[:, 1]
    assert model.predict(X).tolist() == own.tolist()


def test_telemetry_is_off(told):
    import os

    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_crash_before_the_alias_leaves_it_on_the_model_before_and_the_next_run_catches_up(later, monkeypatch):
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def full(*_, **__):
        raise MlflowException("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "set_registered_model_alias", full)
        assert track_after(later, "second") is None
    assert "kept and sealed" in later.said[0] and "desist track second" in later.said[0]
    assert run_of(later, "challenger") == "first" and tracked(later, "second") is None
    seal(later.workspace.root, "third", "2026-07-01")
    assert track_after(later, "third") is not None
    assert tracked(later, "second") is not None and run_of(later, "challenger") == "third"
    tracking.track_run(later, "second")  # told again, an older run does not come before the newest
    assert run_of(later, "challenger") == "third"


def test_a_server_that_is_away_loses_nothing_and_stops_no_release(later, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = session(later.workspace.root, uri="http://127.0.0.1:9", released=["second"])
    assert track_after(away, "second") is None
    assert "The release holds" in promote(away, "second")
    assert (away.workspace.runs / "second" / "manifest.json").exists()
    with pytest.raises(Refused, match="Nothing was lost"):
        track_again(away, "second")
    assert run_of(later, "challenger") == "first"


def test_the_champion_moves_on_a_release_alone(later, monkeypatch):
    from mlflow.exceptions import MlflowException

    shutil.rmtree(later.workspace.runs / "second")
    with pytest.raises(MlflowException):
        run_of(later, "champion")
    assert "champion now names version 1" in promote(later, "first")
    assert run_of(later, "champion") == "first"
    monkeypatch.setattr(tracking, "track_run", lambda *_: pytest.fail("it was tracked already"))
    assert "is tracked: version 1." in track_again(session(later.workspace.root), "first")
    assert "champion" in track_again(session(later.workspace.root, released=["second", "first"]), "first")


def test_a_run_that_does_not_exist_is_not_tracked(told):
    with pytest.raises(Refused, match="There is no sealed run 'none'"):
        track_again(told[0], "none")


def test_another_address_has_not_been_told_yet(told):
    here, found = told
    assert tracked(here, "first") == found
    assert tracked(session(here.workspace.root, uri="sqlite:///elsewhere.db"), "first") is None
    assert tracking_uri(session(here.workspace.root, uri="sqlite:///elsewhere.db")) == "sqlite:///elsewhere.db"


def test_a_server_is_told_the_hash_of_the_model_and_nothing_of_its_rows(tmp_path):
    import mlflow

    root = tmp_path / "w"
    seal(root, "first", "2026-01-01")
    elsewhere = session(root, uri=f"sqlite:///{tmp_path / 'server.db'}")
    found = track_after(elsewhere, "first")
    assert found is not None, elsewhere.said
    model = client(elsewhere).get_model_version_by_alias(EXPERIMENT, "challenger")
    kept = mlflow.artifacts.download_artifacts(artifact_uri=model.source, dst_path=str(tmp_path / "got"))
    names = {path.name for path in Path(kept).rglob("*") if path.is_file()}
    assert tracking.HASH_FILE in names and not names & {*tracking.MODEL, "conformance.json", "model_card.json"}
    with pytest.raises(Refused, match="kept in the partnership's workspace"):
        mlflow.pyfunc.load_model(f"models:/{EXPERIMENT}@challenger")


def test_a_run_that_was_altered_after_its_seal_is_not_tracked(later):
    folder = later.workspace.runs / "second" / "candidate"
    write_json(folder / "schema.json", {"features": [], "register": "c" * 64})
    with pytest.raises(Refused, match="not what its trainer sealed"):
        track_after(later, "second")
