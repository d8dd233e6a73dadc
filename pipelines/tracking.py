"""What MLflow keeps of a run: settings, data hashes, metrics, figures and the model, without a pickle.

MLflow helps analysts compare runs. It decides nothing: neither an alias nor a tag opens the gate.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXPERIMENT = "reoffending"
CHALLENGER = "challenger"


@dataclass(frozen=True)
class Tracked:
    """Where MLflow put a run: its own run id and the registered model's version."""

    run_id: str
    version: str


def track(
    uri: str,
    artefacts: Path,
    *,
    name: str,
    settings: Mapping[str, Any],
    data_hashes: Mapping[str, str],
    metrics: Mapping[str, float],
    candidate: Path,
    figures: Mapping[str, Path],
) -> Tracked:
    """Log one candidate run and register its model under the alias ``challenger``.

    ``candidate`` is the folder of hashed files; its model.json (and LightGBM text) become the registered model.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when mlflow is imported
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # its set-up chatter is no news to an analyst
    logging.getLogger("alembic").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(uri)
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    experiment_id = (
        experiment.experiment_id
        if experiment
        else mlflow.create_experiment(EXPERIMENT, artifact_location=artefacts.resolve().as_uri())
    )
    with mlflow.start_run(experiment_id=experiment_id, run_name=name) as run:
        mlflow.log_params({key: str(value)[:500] for key, value in settings.items()})
        mlflow.set_tags(
            {f"data.{key}": value for key, value in data_hashes.items()} | {"gate": "not released when tracked"}
        )
        mlflow.log_metrics(dict(metrics))
        mlflow.log_artifacts(str(candidate), "candidate")
        for figure, path in figures.items():
            mlflow.log_artifact(str(path), f"figures/{figure}")
        model = mlflow.pyfunc.log_model(
            name="model",
            loader_module="desist.pipelines.tracking",
            data_path=str(candidate),
            pip_requirements=["desist"],
        )
    client = mlflow.MlflowClient()
    with contextlib.redirect_stderr(io.StringIO()):  # it announces the version there, whatever the log level
        version = mlflow.register_model(model.model_uri, EXPERIMENT).version
    client.set_model_version_tag(EXPERIMENT, version, "run", name)
    client.set_registered_model_alias(EXPERIMENT, CHALLENGER, version)
    return Tracked(run.info.run_id, str(version))


class _Loaded:
    """The interface MLflow expects of a model: chances for a table of features. For analysts' comparisons."""

    def __init__(self, folder: Path) -> None:
        from desist.models.files import load_model

        self.model = load_model(folder)

    def predict(self, table: Any) -> Any:
        return self.model.predict_proba(table)[:, 1]


def _load_pyfunc(path: str) -> _Loaded:
    return _Loaded(Path(path))
