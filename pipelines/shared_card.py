"""A points card handed from a region, or a larger partnership, to one that is too small to learn its own.

The file holds the card, made-up rows with their scores, and round numbers of what it learnt from. It holds nothing
that a person could be picked out of: what was seen at each number of points stays at home, because those are counts
of rows and few people may stand behind ten of them, and so do the least and greatest values of a feature.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desist.fairness.approval.candidate import Candidate, unpacked
from desist.features.register import Register
from desist.measures.disclosure import PUBLIC, show_count
from desist.models.conformance.check import FILE as CONFORMANCE
from desist.models.conformance.check import check_conformance, conformance_of
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.shared import AreaSpread
from desist.models.files import MODEL_FILE, load_model, save_model
from desist.pipelines.gate import candidate_of
from desist.pipelines.ground import POPULATION
from desist.pipelines.model_card import FILE as MODEL_CARD
from desist.pipelines.session import Session
from desist.records.errors import Problem, Refused
from desist.records.files import write_bytes, write_json
from desist.records.hashing import canonical_json, hash_json

FORMAT, VERSION = "desist-shared-card", 1
#: What of a feature must be the same in both registers, so that one column means one thing.
MEANS = ("definition", "words", "unit", "missing_as", "sign")
_PARTS = (
    "conformance", "days_to_mature", "features", "made_up", "model", "offence_table", "outcome", "population",
    "shared_by", "spread", "trained_on",
)  # fmt: skip


@dataclass(frozen=True)
class SharedCard:
    """A shared card as read: the model, what its features mean, and what it was learnt from.

    ``features``: the meaning of each feature it uses, by name. ``spread``: how the region's boroughs vary, if it said.
    """

    model: Calibrated
    outcome: str
    features: Mapping[str, Mapping[str, Any]]
    offence_table: str
    population: Mapping[str, Any]
    shared_by: str
    made_up: bool
    trained_on: Mapping[str, Any]
    spread: AreaSpread | None
    hash: str


@dataclass(frozen=True)
class ShareMade:
    """A file that was just written."""

    out: Path
    run: str
    features: tuple[str, ...]
    hash: str

    def as_json(self) -> dict[str, Any]:
        return {"out": str(self.out), "run": self.run, "features": list(self.features), "hash": self.hash}

    def as_text(self) -> str:
        return (
            f"The card of run {self.run} is in {self.out}: {len(self.features)} features, no people, no counts below "
            f"{PUBLIC.hide_below}. Its hash is {self.hash}. A partnership takes it with `desist retrain --shared`."
        )


def share_card(session: Session, run: str, out: Path, *, spread: AreaSpread | None = None) -> ShareMade:
    """Write the card of a sealed candidate run as a file for other partnerships; the log notes it.

    ``spread``: how the region's boroughs vary (``area_spread``). Raises Refused where the run's model is no card of
    its own, and where ``out`` is there already.
    """
    if not run:
        raise Refused("No run is named. Name the one whose points card is to be shared: a folder below runs/.")
    if out.exists():
        raise Refused(f"{out} is there already. Name another file with --out.")
    candidate = candidate_of(session, run)
    content = {"format": FORMAT, "version": VERSION, **_told(session, candidate, spread)}
    whole = {**content, "hash": hash_json(content)}
    write_json(out, whole)
    session.log.append("export.created", actor=session.actor, role="analyst", dataset=candidate.run)
    return ShareMade(out, candidate.run, tuple(content["features"]), whole["hash"])


def _told(session: Session, candidate: Candidate, spread: AreaSpread | None) -> dict[str, Any]:
    register = json.loads(candidate.files["register.json"])
    schema = json.loads(candidate.files["schema.json"])
    model = as_it_travels(candidate)
    entries = {entry["name"]: entry for entry in register["features"]}
    return {
        "shared_by": session.settings.name,
        "made_up": candidate.seal.made_up,
        "outcome": candidate.audit.outcome,
        "days_to_mature": schema["days_to_mature"],
        "population": json.loads(candidate.files["population.json"]),
        "offence_table": register["offence_table"],
        "features": {name: _meaning(entries[name]) for name in model.features.names},
        "model": model.to_json(),
        "conformance": conformance_of(model, seed=session.settings.seed),
        "trained_on": _trained_on(json.loads(candidate.files[MODEL_CARD])),
        "spread": asdict(spread) if spread else None,
    }


def as_it_travels(candidate: Candidate) -> Calibrated:
    """The candidate's card as other partnerships get it. Raises Refused where its model is no card of its own."""
    return without_counts(_model_of(candidate))


def file_of(model: Calibrated) -> bytes:
    """The ``model.json`` that a card gives, to the byte, wherever it is used as it came."""
    with tempfile.TemporaryDirectory(prefix="desist-share-") as folder:
        save_model(model, Path(folder))
        return (Path(folder) / MODEL_FILE).read_bytes()


def _model_of(candidate: Candidate) -> Calibrated:
    with unpacked(candidate.files) as folder:
        model = load_model(folder)
    if type(model) is not Calibrated or not isinstance(model.model, PointsCard):
        family = model.model.kind if isinstance(model, Calibrated) else model.kind
        raise Refused(
            f"Run {candidate.run} cannot be shared. Its model is of the kind {family.replace('_', ' ')!r}; only a "
            "points card that was learnt here can be, not one taken from elsewhere: other kinds hold least and "
            "greatest values, which are single people's."
        )
    return model


def without_counts(model: Calibrated) -> Calibrated:
    """The same scores from a card that tells nothing of single people.

    Features without an item go, counts by points go, the least and greatest value become those of the thresholds,
    and the counts behind the recalibration are rounded to 5.
    """
    told = model.to_json()
    card = told["model"]
    items = card["learnt"]["items"]
    used = [place for place, one in enumerate(card["features"]) if any(one["name"] == it["feature"] for it in items)]
    columns = {name: [values[place] for place in used] for name, values in card["columns"].items()}
    for place, feature in enumerate(card["features"][place] for place in used):
        ends = [0.0, 1.0]
        for item in items:
            if item["feature"] == feature["name"] and item["form"] != "missing":
                reach = item["step"] * (item["times"] - 1) * (1.0 if item["form"] == ">=" else -1.0)
                ends += [float(item["threshold"]), float(item["threshold"]) + reach]
        columns["low"][place], columns["high"][place] = min(ends), max(ends)
    card["features"] = [card["features"][place] for place in used]
    card["columns"], card["learnt"]["seen"] = columns, []
    for count in ("rows", "events"):
        told["learnt"][count] = 5 * round(told["learnt"][count] / 5)
    return Calibrated.recalled(PointsCard.from_json(card), told)


def _meaning(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {part: entry[part] for part in MEANS}


def _trained_on(card: Mapping[str, Any]) -> dict[str, str]:
    """What the card learnt from, in numbers that may be published."""
    return {
        "rows": show_count(int(card["trained_rows"]), PUBLIC),
        "people": show_count(int(card["trained_people"]), PUBLIC),
        "tested_on": str(card["tested_on"]),
        "run": str(card["version"]),
    }


def read_shared(path: Path) -> SharedCard:
    """The card in a file that ``share_card`` wrote, after its made-up rows were scored again and agree.

    Raises Refused where the file is not whole, was altered, or does not score as it did when it was written.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"There is no file {path} to read. Name the file that `desist share` wrote.") from error
    except ValueError as error:
        raise Refused(f"{path} is no file that `desist share` wrote. Ask its partnership for it again.") from error
    if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise Refused(
            f"{path} is not a shared card of a version that this toolkit reads ({FORMAT} {VERSION}). Ask its "
            "partnership to write it again with `desist share` of this version."
        )
    said = content.pop("hash", "")
    absent = [part for part in _PARTS if part not in content]
    if absent or said != hash_json(content):
        raise Refused(f"{path} is not what was shared: it was altered on the way, or is not whole. Ask for it again.")
    return SharedCard(
        model=_checked(content, path),
        outcome=str(content["outcome"]),
        features=content["features"],
        offence_table=str(content["offence_table"]),
        population=content["population"],
        shared_by=str(content["shared_by"]),
        made_up=bool(content["made_up"]),
        trained_on=content["trained_on"],
        spread=AreaSpread(**content["spread"]) if content["spread"] else None,
        hash=str(said),
    )


def _checked(content: Mapping[str, Any], path: Path) -> Calibrated:
    """The model, if it and the second scorer still give the scores that travelled with it."""
    told = content["model"]
    try:
        model = Calibrated.recalled(PointsCard.from_json(told["model"]), told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"The card in {path} lacks a part of its format ({type(error).__name__}).") from error
    if set(content["features"]) != set(model.features.names):
        raise Refused(f"{path} does not say of every feature of its card what it means. Ask for it again.")
    with tempfile.TemporaryDirectory(prefix="desist-shared-") as folder:
        save_model(model, Path(folder))
        write_bytes(Path(folder) / CONFORMANCE, canonical_json(content["conformance"]) + b"\n")
        problems = check_conformance(Path(folder))
    if problems:
        raise Refused(f"The card in {path} does not score as it did when it was shared: {'; '.join(problems)}.")
    return model


def check_fits(shared: SharedCard, register: Register, *, outcome: str, made_up: bool) -> None:
    """Raise Refused, naming every feature, unless the card means here what it meant where it was learnt."""
    own = {entry["name"]: entry for entry in register.to_json()["features"] if entry["name"] in register.names}
    problems = []
    for name, meaning in shared.features.items():
        expected = f"{meaning['words']} (missing as {meaning['missing_as']}, sign {meaning['sign']})"
        if name not in own:
            problems.append(Problem("no such feature", f"feature {name}", expected, "Add it to features.toml."))
        elif feature_hash(own[name]) != feature_hash(meaning):
            found = f"{own[name]['words']} (missing as {own[name]['missing_as']}, sign {own[name]['sign']})"
            problems.append(Problem(found, f"feature {name}", expected, "Give the two the same definition."))
    problems += _other_problems(shared, register, outcome, made_up)
    if problems:
        raise Refused(f"The card shared by {shared.shared_by} does not fit this workspace:", problems)


def _other_problems(shared: SharedCard, register: Register, outcome: str, made_up: bool) -> list[Problem]:
    here: list[tuple[str, Any, Any]] = [
        ("offence table", register.to_json()["offence_table"], shared.offence_table),
        ("outcome", outcome, shared.outcome),
        ("population", POPULATION.to_json(), {name: shared.population.get(name) for name in POPULATION.to_json()}),
    ]
    found = [
        Problem(str(own), what, str(theirs), "A card means the same only where both agree.")
        for what, own, theirs in here
        if own != theirs
    ]
    if shared.made_up and not made_up:
        found.append(
            Problem("a card learnt from made-up people", "shared card", "one learnt from records", "Take another.")
        )
    return found


def feature_hash(entry: Mapping[str, Any]) -> str:
    """A hash of what a feature means: its definition, words, unit, sign, and what a missing value is scored as."""
    return hash_json(_meaning(entry))
