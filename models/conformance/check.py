"""Do two independent scorers and the stored scores agree? Asked when a model is sealed, released and used."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.models.conformance.rows import ROWS, Row, made_up_rows
from desist.models.conformance.scorer import Scored, export_in, features_of, scorer_of
from desist.models.estimators.base import BASE
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.files import Model, load_model
from desist.records.errors import Refused
from desist.records.files import write_bytes
from desist.records.hashing import canonical_json, hash_json

FILE = "conformance.json"
FORMAT, VERSION = "desist-conformance", 1
WITHIN = 1e-9
_TOLD = ("features", "rows", "logits", "parts", "points")


def conformance_of(model: Model, *, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
    """Made-up rows with their logits, and contributions and points where there are any: what conformance.json holds.

    ``parts`` has a list for each feature that adds anything to any row. Raises CannotScore for a kind of model whose
    rows the second scorer cannot score.
    """
    told = model.to_json()
    scorer_of(told)
    made = made_up_rows(told, rows=rows, seed=seed)
    logits, parts, points = _first(model, made)
    content = {
        "format": FORMAT, "version": VERSION, "seed": seed, "features": list(features_of(told)), "rows": made,
        "logits": logits, "parts": parts, "points": points,
    }  # fmt: skip
    return {**content, "hash": hash_json(content)}


def write_conformance(model: Model, folder: Path, *, seed: int = 0) -> None:
    """Put conformance.json beside the saved model and check it there. Raises Refused where scorers disagree."""
    try:
        content = canonical_json(conformance_of(model, seed=seed))
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"No conformance rows can be made for this model: {error}. It cannot be released.") from error
    write_bytes(folder / FILE, content + b"\n")
    problems = check_conformance(folder)
    if problems:
        raise Refused(f"The model in {folder.name} cannot be sealed: {'; '.join(problems)}.")


def check_conformance(folder: Path) -> list[str]:
    """What is wrong with the model in a candidate's folder, in words; empty where all scores agree within 1e-9.

    The second scorer (``scorer``), the stored scores and the first scorer (``load_model``) must agree on every logit,
    and on contributions and points where the kind of model tells them. Whatever cannot be read or scored is a problem.
    The second scorer goes first: LightGBM ends the whole process over a text that it cannot read.
    """
    stored, problem = _stored(folder / FILE)
    if stored is None:
        return [problem]
    try:
        told = export_in(folder)
        if list(features_of(told)) != list(stored["features"]):
            return ["the model's features are not those the stored scores were made with, or stand in another order"]
        score = scorer_of(told)
        second = [score(row) for row in stored["rows"]]
        found = _second_differs(second, stored)
        return found or _first_differs(load_model(folder), second, stored)
    except Exception as error:  # whatever goes wrong in scoring, nothing may be shown
        return [f"the made-up rows cannot be scored ({_said(error)})"]


def _second_differs(second: Sequence[Scored], stored: Mapping[str, Any]) -> list[str]:
    """Where the second scorer does not give what is stored."""
    logits, nothing = [one.logit for one in second], [0.0] * len(second)
    found = [_differ("the second scorer and the stored scores", logits, stored["logits"])]
    if all(one.parts is not None for one in second):
        for name in sorted({*stored["features"], *stored["parts"]} - {BASE}):
            again = [float((one.parts or {}).get(name, math.nan)) for one in second]
            kept = stored["parts"].get(name, nothing)
            found.append(_differ(f"what {name} adds by the second scorer and as stored", again, kept))
    if _points(second) != stored["points"]:
        found.append("the points differ between the second scorer and the stored scores")
    return [text for text in found if text]


def _first_differs(model: Model, second: Sequence[Scored], stored: Mapping[str, Any]) -> list[str]:
    """Where the model itself does not give what is stored, or what the second scorer gives."""
    logits, parts, points = _first(model, stored["rows"])
    nothing = [0.0] * len(second)
    found = [
        _differ("the model and its stored scores", logits, stored["logits"]),
        _differ("the model and the second scorer", logits, [one.logit for one in second]),
    ]
    for name in sorted({*parts, *stored["parts"]}):
        now, kept = parts.get(name, nothing), stored["parts"].get(name, nothing)
        found.append(_differ(f"what {name} adds by the model and as stored", now, kept))
    if points != stored["points"]:
        found.append("the points differ between the model and its stored scores")
    return [text for text in found if text]


def _first(model: Model, rows: Sequence[Row]) -> tuple[list[float], dict[str, list[float]], list[int] | None]:
    """Logits, contributions (features that add anything, and the base) and points by the model itself."""
    names = list(model.features.names)
    table = pd.DataFrame(np.array(rows, dtype=float).reshape(len(rows), len(names)), columns=names)
    contributions = model.contributions(table)
    parts = {str(name): column.tolist() for name, column in contributions.items() if name == BASE or column.any()}
    card = model.model if isinstance(model, Calibrated) else model
    points = [int(value) for value in card.points(table)] if isinstance(card, PointsCard) else None
    return np.asarray(model.decision_function(table), dtype=float).tolist(), parts, points


def _points(scored: Sequence[Scored]) -> list[int] | None:
    points = [one.points for one in scored]
    return None if None in points else [point for point in points if point is not None]


def _differ(what: str, one: Sequence[float], other: Sequence[float]) -> str:
    """How many rows differ by more than 1e-9, in words; empty for none. What is no number differs."""
    if len(one) != len(other):
        return f"{what}: {len(one)} rows against {len(other)}"
    apart = [abs(a - b) for a, b in zip(one, other, strict=True)]
    wrong = [distance for distance in apart if not distance <= WITHIN]
    if not wrong:
        return ""
    return f"{what} differ in {len(wrong)} of {len(apart)} made-up rows, by up to {max(wrong):.2g} on the logit"


def _stored(path: Path) -> tuple[dict[str, Any] | None, str]:
    """The stored rows and scores, or why they cannot be used."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        content = {name: value for name, value in told.items() if name != "hash"}
        if (told["format"], told["version"]) != (FORMAT, VERSION) or any(name not in told for name in _TOLD):
            return None, f"{FILE} is not a {FORMAT} file of version {VERSION}"
        if hash_json(content) != told["hash"]:
            return None, f"{FILE} is not what was written: its rows or scores were changed"
        fewest = min(len(told["rows"]), len(told["logits"]))
        widths = {len(row) for row in told["rows"]}
        lists = isinstance(told["parts"], dict)
    except FileNotFoundError:
        return None, f"the model comes without {FILE}, the made-up rows and scores that show it scores as it did"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return None, f"{FILE} cannot be read ({type(error).__name__})"
    if fewest < ROWS or widths != {len(told["features"])} or not lists:
        return None, f"{FILE} holds fewer than {ROWS} whole rows with their scores"
    return told, ""


def _said(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
