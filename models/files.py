"""Models as files: JSON, and LightGBM's own text beside it. Nothing is pickled, nothing in a file is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desist.models.estimators.base import ChanceModel
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.comparators import BaseRate, CopasRate, PriorCount
from desist.models.estimators.ebm import ExplainableBoosting
from desist.models.estimators.shared import Shared
from desist.models.estimators.spline import SplineLogistic
from desist.records.errors import Refused
from desist.records.files import write_json, write_text
from desist.records.hashing import hash_bytes, hash_json

FORMAT = "desist-model"
VERSION = 1
MODEL_FILE = "model.json"
TREES_FILE = "model-trees.txt"
ELSEWHERE = {"file": TREES_FILE}  # stands in model.json where LightGBM's text was

KINDS: Mapping[str, type[ChanceModel]] = {
    model.kind: model
    for model in (
        PointsCard,
        SplineLogistic,
        ExplainableBoosting,
        MonotoneBoosting,
        BaseRate,
        PriorCount,
        CopasRate,
    )
}

Model = ChanceModel | Calibrated


def model_from_json(told: Mapping[str, Any]) -> Model:
    """The model that ``to_json`` told; raises Refused for a kind we do not make."""
    kind = told.get("kind")
    if kind == Calibrated.kind:
        inner = model_from_json(told["model"])
        if isinstance(inner, Calibrated):
            raise Refused("The model is recalibrated twice. Recalibrate the model itself instead.")
        moved = "borough" in told["learnt"]
        return (Shared if moved else Calibrated).recalled(inner, told)
    if kind not in KINDS:
        raise Refused(f"The model is of the kind {kind!r}, which is none of {', '.join(sorted(KINDS))}.")
    return KINDS[str(kind)].from_json(told)


def model_hash(model: Model) -> str:
    """A hash of everything that makes the model's scores: the same model gives the same hash on every machine."""
    return hash_json(model.to_json())


def save_model(model: Model, folder: Path) -> str:
    """Write the fitted model into ``folder`` and give its hash; other files there stay, an older model does not.

    ``model.json`` is written last: until then a reader finds the older model or a hash that does not match.
    """
    told = model.to_json()
    content = hash_json(told)
    learnt = _learnt(told)
    trees = learnt.pop("trees", None)
    files = {}
    if trees is None:
        (folder / TREES_FILE).unlink(missing_ok=True)
    else:
        learnt["trees"] = ELSEWHERE
        files[TREES_FILE] = hash_bytes(trees.encode())
        write_text(folder / TREES_FILE, trees)
    write_json(
        folder / MODEL_FILE,
        {"format": FORMAT, "version": VERSION, "hash": content, "files": files, "model": told},
    )
    return content


def _learnt(told: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a told model that may hold trees: its own, or that of the model it recalibrates."""
    inner = told.get("model") if told.get("kind") == Calibrated.kind else told
    learnt = inner.get("learnt") if isinstance(inner, dict) else None
    return learnt if isinstance(learnt, dict) else {}


def load_model(folder: Path) -> Model:
    """The model in ``folder``, with the scores it had when it was saved.

    Raises Refused where a file is missing, is not in our format, or differs in any byte of meaning from what was
    saved. The hash in the folder shows accidents; that it is the approved one is checked against the release.
    """
    written = _read(folder)
    told = written["model"]
    learnt = _learnt(told)
    if learnt.get("trees") == ELSEWHERE:
        learnt["trees"] = _read_trees(folder, str(written["files"].get(TREES_FILE, "")))
    if hash_json(told) != written["hash"]:
        raise Refused(
            f"The model in {folder.name} is not what was saved: its hash differs. Take it from the run again."
        )
    try:
        return model_from_json(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"The model in {folder.name} lacks a part of its format ({type(error).__name__}).") from error


def _read(folder: Path) -> dict[str, Any]:
    """The checked outline of a saved model."""
    path = folder / MODEL_FILE
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"There is no readable {MODEL_FILE} in {folder.name} ({type(error).__name__}).") from error
    if not isinstance(written, dict) or written.get("format") != FORMAT:
        raise Refused(f"{MODEL_FILE} in {folder.name} is not a {FORMAT} file.")
    if written.get("version") != VERSION:
        raise Refused(
            f"{MODEL_FILE} in {folder.name} has version {written.get('version')}; this toolkit reads {VERSION}."
        )
    if not (isinstance(written.get("model"), dict) and isinstance(written.get("files"), dict) and written.get("hash")):
        raise Refused(f"{MODEL_FILE} in {folder.name} lacks its model, its files or its hash.")
    return written


def _read_trees(folder: Path, expected: str) -> str:
    """LightGBM's text, checked against its hash before anything reads it."""
    try:
        content = (folder / TREES_FILE).read_bytes()
    except OSError as error:
        raise Refused(f"{TREES_FILE} is missing from {folder.name}.") from error
    if hash_bytes(content) != expected:
        raise Refused(f"{TREES_FILE} in {folder.name} is not what was saved: its hash differs.")
    return content.decode("utf-8")
