"""What MLflow keeps of a sealed run: settings, data hashes, figures per period, the model; no row about a person.

MLflow helps analysts compare runs. It decides nothing: neither an alias nor a tag opens the gate. A run is tracked
from its sealed folder, after everything else was written, so that no server can lose it: what could not be tracked
is tracked by ``desist track`` or with the next run. An alias moves last, in one step.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desist.fairness.approval.candidate import FOLDER, MANIFEST
from desist.models.files import MODEL_FILE, TREES_FILE
from desist.pipelines.sealed import sealed_files
from desist.pipelines.session import Session, newest, released_run
from desist.records.errors import Refused
from desist.records.files import read_json, write_json
from desist.records.hashing import hash_file, hash_json

EXPERIMENT = "reoffending"
CHALLENGER, CHAMPION = "challenger", "champion"
FILE = "tracking.json"
#: MLflow cuts longer digests off; the whole hash stands in a tag.
DIGEST = 36
#: Files of a candidate that go to the server. The audit stays (its tables hold small groups), and so do plausible
#: values of what a person may lack (quantiles of real rows) and everything that is not named here.
MODEL = (MODEL_FILE, TREES_FILE)
TOLD = ("cut_offs.json", "policy.toml", "population.json", "purpose.json", "register.json", "schema.json")
#: Least and greatest values of columns and counts by step: for the workspace's own database, and for no server.
HERE_ALONE = (*MODEL, "conformance.json", "model_card.json")
#: What a server is given in the model's place.
HASH_FILE = "model-hash.json"
#: Figures in which every dot is a person stay in the workspace.
DOTS_ARE_PEOPLE = "shap-"
#: Tables of past rows: their hashes are told, they are not.
TABLES = ("scores.parquet", "audited.parquet")
#: A server that doesn't answer is given up after seconds, not after MLflow's minutes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


@dataclass(frozen=True)
class Tracked:
    """Where MLflow put a run: its own run id and the registered model's version. ``uri``: the setting, or empty."""

    run_id: str
    version: str
    uri: str = ""


def tracking_uri(session: Session) -> str:
    """The address MLflow keeps runs at: the setting's, or a database in the workspace."""
    return session.settings.tracking_uri or f"sqlite:///{session.workspace.tracking.resolve()}"


def tracked(session: Session, run: str) -> Tracked | None:
    """Where a run is tracked at the address now set; None where it is not."""
    path = session.workspace.runs / run / FILE
    found = Tracked(**read_json(path)) if path.exists() else None
    return found if found is not None and found.uri == session.settings.tracking_uri else None


def track_after(session: Session, run: str) -> Tracked | None:
    """Track a sealed run, and runs that an earlier failure left out; None, said in words, where that failed.

    The run itself is safe either way. Only the newest run becomes the challenger.
    """
    missing = [name for name in _sealed(session) if name != run and tracked(session, name) is None]
    try:
        for name in missing:
            _catch_up(session, name)
        found = tracked(session, run) or track_run(session, run)
    except _failures() as error:
        session.say(
            f"The run {run} is kept and sealed, but MLflow could not be told of it ({type(error).__name__}). When it "
            f"answers again: desist track {run}, or the next retrain does it."
        )
        return None
    return found


def _catch_up(session: Session, run: str) -> None:
    """Track an earlier run; one whose files were changed since it was sealed is told and left out."""
    try:
        track_run(session, run)
    except Refused as error:
        session.say(f"The run {run} was left out of MLflow: {error}")


def track_run(session: Session, run: str) -> Tracked:
    """Log a sealed run: a parent with its model, a nested run per period; the newest becomes the challenger.

    Everything is read from the run's folder. Raises what MLflow raises; the aliases are then as they were.
    """
    folder = session.workspace.runs / run
    sealed_files(folder)
    told, here = _read(folder), not session.settings.tracking_uri
    with _mlflow(session) as mlflow:
        client = mlflow.MlflowClient()
        with mlflow.start_run(experiment_id=_experiment(session, client), run_name=run) as parent:
            client.log_batch(parent.info.run_id, **_batch(_parent_metrics(told), _params(told), _tags(told, run)))
            _log_datasets(mlflow, folder, told)
            for kind, period in _periods(told):
                _log_period(client, parent.info.experiment_id, parent.info.run_id, kind, period)
            _log_files(client, parent.info.run_id, folder, here=here)
            model = _log_model(mlflow, folder, told, here=here)
        with contextlib.redirect_stderr(io.StringIO()):  # it announces the version there, whatever the log level
            version = str(mlflow.register_model(model.model_uri, EXPERIMENT, tags={"run": run}).version)
        if run == newest(session.workspace):
            client.set_registered_model_alias(EXPERIMENT, CHALLENGER, version)
    found = Tracked(parent.info.run_id, version, session.settings.tracking_uri)
    write_json(folder / FILE, asdict(found))
    return found


def promote(session: Session, run: str) -> str:
    """Move the alias champion to a run that was just released; returns what was done, in words.

    The release is in force whatever MLflow answers: a failure is told, never raised.
    """
    try:
        found = tracked(session, run) or track_run(session, run)
        with _mlflow(session) as mlflow:
            mlflow.MlflowClient().set_registered_model_alias(EXPERIMENT, CHAMPION, found.version)
    except _failures() as error:
        return (
            f"The release holds, but MLflow could not be told of it ({type(error).__name__}): its alias {CHAMPION} "
            f"still names the model before. When it answers again: desist track {run}."
        )
    return f"MLflow's alias {CHAMPION} now names version {found.version}, run {run}."


def track_again(session: Session, run: str) -> str:
    """Catch up with what MLflow was not told: a run, and that it was released if it is the last that was.

    Returns what was done, in words. Raises Refused where MLflow doesn't answer or there is no such run.
    """
    run = run or newest(session.workspace)
    if run not in _sealed(session):
        raise Refused(f"There is no sealed run {run!r}. The runs are: {', '.join(_sealed(session)) or 'none yet'}.")
    with session.workspace.lock():
        found = track_after(session, run)
        if found is None:
            raise Refused("Nothing was lost; nothing was tracked. See the message above.")
        words = f"The run {run} is tracked: version {found.version}."
        return f"{words} {promote(session, run)}" if released_run(session) == run else words


# --- what is read from the run's folder


def _sealed(session: Session) -> list[str]:
    """The runs of the workspace, oldest first."""
    found = session.workspace.runs.glob(f"*/{MANIFEST}")
    made = [(str(read_json(path).get("made_on", "")), path.parent.name) for path in found]
    return [name for _, name in sorted(made) if not name.startswith(".")]


def _read(folder: Path) -> dict[str, Any]:
    """What a run says of itself: manifest, metrics, schema."""
    return {
        "manifest": read_json(folder / MANIFEST),
        "metrics": read_json(folder / "metrics.json"),
        "schema": read_json(folder / FOLDER / "schema.json"),
    }


def _params(told: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value)[:500] for key, value in told["manifest"]["settings"].items()}


def _tags(told: Mapping[str, Any], run: str) -> dict[str, str]:
    return {
        "run": run,
        "chosen": str(told["metrics"]["chosen"]),
        "data.linked": str(told["manifest"]["linked"]),
        "data.register": str(told["schema"]["register"]),
        "gate": "an alias or tag releases nothing",
    }


def _measures(found: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Every measure that has a value, with the ends of its interval."""
    ends = {"": "value", ".low": "low", ".high": "high"}
    return {
        f"{prefix}{name.replace(' ', '_')}{ending}": float(measured[end])
        for name, measured in found.items()
        if isinstance(measured, dict)
        for ending, end in ends.items()
        if measured.get(end) is not None
    }


def _parent_metrics(told: Mapping[str, Any]) -> dict[str, float]:
    made: dict[str, float] = {}
    for name, measured in told["metrics"]["models"].items():
        made |= _measures(measured, f"{name.replace(' ', '_')}.")
    return made | _measures(told["metrics"]["audited"]["metrics"], "audited_file.")


def _periods(told: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each period with what it is of: the back-tests of the choice, or the audited file."""
    for kind, periods in (("back-test", told["metrics"]["periods"]), ("audit", told["metrics"]["audited"]["periods"])):
        for period in periods:
            yield kind, period


# --- what is told to MLflow


@contextlib.contextmanager
def _mlflow(session: Session) -> Iterator[Any]:
    """MLflow at the session's address, without telemetry and without its chatter on the screen."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read when mlflow is imported
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    import mlflow

    for name in ("mlflow", "alembic"):  # their set-up chatter is no news to an analyst
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(tracking_uri(session))
    mlflow.set_registry_uri(tracking_uri(session))
    with contextlib.redirect_stdout(io.StringIO()):  # a server's "view run at ..." would spoil --json
        yield mlflow


def _failures() -> tuple[type[Exception], ...]:
    """What a server that is away, full or broken raises."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, OSError)


def _experiment(session: Session, client: Any) -> str:
    """The experiment's id. Where there is a database alone, files lie in the workspace; a server keeps its own."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    server = session.settings.tracking_uri.startswith("http")
    place = None if server else (session.workspace.root / "mlflow").resolve().as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))


def _batch(metrics: Mapping[str, float], params: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, Any]:
    from mlflow.entities import Metric, Param, RunTag

    now = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
    return {
        "metrics": [Metric(name, value, now, 0) for name, value in metrics.items()],
        "params": [Param(name, value) for name, value in params.items()],
        "tags": [RunTag(name, value) for name, value in tags.items()],
    }


def _log_period(client: Any, experiment: str, parent: str, kind: str, period: Mapping[str, Any]) -> None:
    """One nested run: how the model did on one date."""
    counts = {name: float(period[name]) for name in ("rows", "events")}
    made = client.create_run(
        experiment, tags={"mlflow.parentRunId": parent, "kind": kind}, run_name=f"{kind} {period['as_of']}"
    )
    params = {"as_of": str(period["as_of"])}
    client.log_batch(made.info.run_id, **_batch(counts | _measures(period), params, {}))
    client.set_terminated(made.info.run_id)


def _schema_of(told: Mapping[str, Any]) -> Any:
    """The features a model takes, by name; any of them may be missing."""
    from mlflow.types import ColSpec, Schema

    return Schema([ColSpec("double", name) for name in told["schema"]["features"]])


def _log_datasets(mlflow: Any, folder: Path, told: Mapping[str, Any]) -> None:
    """What the run was made from, as names, schemas and hashes. The rows stay where they are."""
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    linked, register = str(told["manifest"]["linked"]), str(told["schema"]["register"])
    made = {"linked extracts": (linked, None, "training")}
    made["profiles"] = (hash_json([linked, register]), _schema_of(told), "training")
    for name in TABLES:
        if (folder / name).exists():
            made[name] = (hash_file(folder / name), None, "evaluation")
    source = CodeDatasetSource(tags={"kept": "in the partnership's workspace, and nowhere else"})
    for name, (digest, schema, context) in made.items():
        dataset = MetaDataset(source, name=name, digest=digest[:DIGEST], schema=schema)
        mlflow.log_input(dataset, context=context, tags={"sha256": digest})


def _log_files(client: Any, run_id: str, folder: Path, *, here: bool) -> None:
    """The candidate's own files and figures, without what holds a person or a small group.

    ``here``: the workspace's own database. Models hold least and greatest values, and counts by points: they leave
    for no server.
    """
    for path in sorted((folder / FOLDER).iterdir()):
        if path.name in TOLD or (here and path.name in HERE_ALONE):
            client.log_artifact(run_id, str(path), "candidate")
    for path in sorted((folder / "reports").glob("*.svg")):
        if not path.name.startswith(DOTS_ARE_PEOPLE):
            client.log_artifact(run_id, str(path), "figures")


def _log_model(mlflow: Any, folder: Path, told: Mapping[str, Any], *, here: bool) -> Any:
    """The model's own text files with the signature of what goes in and out; no example row is given.

    A server gets the model's hash instead: enough to say which model it is, not to score anybody.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    signature = ModelSignature(inputs=_schema_of(told), outputs=Schema([ColSpec("double", "chance")]))
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for an example row; the signature was not learnt from one
        files = Path(place) / FOLDER
        files.mkdir()
        for name in MODEL:
            if (folder / FOLDER / name).exists() and here:
                shutil.copyfile(folder / FOLDER / name, files / name)
        if not here:
            write_json(files / HASH_FILE, {"hash": hash_file(folder / FOLDER / MODEL_FILE), "kept": "in the workspace"})
        return mlflow.pyfunc.log_model(
            name="model",
            loader_module="desist.pipelines.tracking",
            data_path=str(files),
            signature=signature,
            pip_requirements=["desist"],
        )


class _Loaded:
    """The interface MLflow expects of a model: chances for a table of features. For analysts' comparisons."""

    def __init__(self, folder: Path) -> None:
        from desist.models.files import load_model

        if (folder / HASH_FILE).exists():
            raise Refused("The model itself is kept in the partnership's workspace; this server holds its hash alone.")
        self.model = load_model(folder)

    def predict(self, table: Any) -> Any:
        return self.model.predict_proba(table)[:, 1]


def _load_pyfunc(path: str) -> _Loaded:
    return _Loaded(Path(path))
