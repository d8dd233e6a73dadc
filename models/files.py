"""Models as files: JSON, and LightGBM's own text beside it. Nothing in them can run when it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from desist.models.base import ChanceModel
from desist.models.boosting import MonotoneBoosting
from desist.models.calibration import Calibrated
from desist.models.card import PointsCard
from desist.models.spline import SplineLogistic
from desist.records.errors import Refused
from desist.records.files import write_json, write_text

MODEL, TREES = "model.json", "model.lgb"
FORMAT = 1
KINDS: dict[str, type[ChanceModel]] = {model.kind: model for model in (PointsCard, SplineLogistic, MonotoneBoosting)}


def save_model(model: Calibrated, folder: Path) -> None:
    """Write a fitted model as ``model.json`` (and ``model.lgb`` for trees) into a folder."""
    told = model.model_.to_json()
    if isinstance(model.model_, MonotoneBoosting):
        write_text(folder / TREES, told["learnt"].pop("trees"))
    line = {"intercept": model.intercept_, "slope": model.slope_, "rows": model.rows_, "events": model.events_}
    write_json(folder / MODEL, {"format": FORMAT, "model": told, "calibration": line})


def load_model(folder: Path) -> Calibrated:
    """The model in a folder, giving the scores it gave. Raises Refused for a format this code does not know.

    Whether these are the approved bytes is the gate's business: load from ``Release.unpacked`` alone.
    """
    try:
        told = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        if told["format"] != FORMAT or told["model"]["kind"] not in KINDS:
            raise Refused(f"{folder / MODEL} is of a format this desist does not know. Use the desist that made it.")
        if told["model"]["kind"] == MonotoneBoosting.kind:
            told["model"]["learnt"]["trees"] = (folder / TREES).read_text(encoding="utf-8")
        model = KINDS[told["model"]["kind"]].from_json(told["model"])
        return _calibrated(model, told["calibration"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"The model in {folder} is damaged ({type(error).__name__}). Make the run again.") from error


def _calibrated(model: ChanceModel, line: dict[str, Any]) -> Calibrated:
    made = Calibrated(model)
    made.model_, made.classes_ = model, model.classes_
    made.intercept_, made.slope_ = float(line["intercept"]), float(line["slope"])
    made.rows_, made.events_ = int(line["rows"]), int(line["events"])
    return made
