"""The same recipe fitted again to people drawn again: how far a model hangs on who happened to be in the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.features.tables import FeatureSet
from desist.models.estimators.base import CannotFit, ChanceModel, Floats, chance
from desist.models.estimators.calibration import Calibrated
from desist.models.files import model_from_json
from desist.models.judging.backtest import fit_then_calibrate
from desist.models.reasons import against_typical
from desist.records.errors import Refused
from desist.records.files import read_json, write_json

FILE = "model-refits.json"
FORMAT, VERSION = "desist-refits", 1
REPLICATES = 30
#: Of the refits asked for at least this share must have been possible: fewer tell of the draws that were lucky.
LEAST_POSSIBLE = 0.5
#: A reason is steady where its sign is the released model's in at least this share of the refits (the issue's 10 %).
STEADY = 0.9


@dataclass(frozen=True)
class Refits:
    """Models of one recipe, each fitted and calibrated on people drawn with replacement, with all their rows.

    ``asked``: refits wanted; ``models`` may be fewer, since a draw of few people can lack the outcome.
    ``people``: in the rows drawn from; ``people_drawn``: in each draw, fewer only where ``max_rows`` asked for it.
    """

    models: tuple[Calibrated, ...]
    asked: int
    seed: int
    people: int
    people_drawn: int

    def __post_init__(self) -> None:
        if not self.models or not 0 < self.people_drawn <= self.people:
            raise ValueError("refits need at least one model and no more people drawn than there are")

    @property
    def wider_by(self) -> float:
        """How many times as far apart these refits lie as refits of everybody: 1 unless fewer people were drawn.

        Errors fall with the square root of the people (a rule for smooth fits; a card's choice of items follows it
        only roughly), so steadiness from fewer people is understated, never overstated.
        """
        return math.sqrt(self.people / self.people_drawn)

    @property
    def words(self) -> str:
        """What these refits are, for a page."""
        told = f"{len(self.models)} refits, each on {self.people_drawn:,} people drawn with replacement"
        if self.people_drawn < self.people:
            told += f" out of {self.people:,}: about {self.wider_by:.1f} times as far apart as refits of them all"
        if len(self.models) < self.asked:
            told += f"; {self.asked - len(self.models)} of {self.asked} draws could not be fitted"
        return told + "."

    def logits(self, X: pd.DataFrame) -> Floats:
        """Every refit's logit of every row; shape (refits, rows)."""
        return np.stack([model.decision_function(X) for model in self.models])

    def chances(self, X: pd.DataFrame) -> Floats:
        """Every refit's chance of every row, 0 to 1; shape (refits, rows)."""
        return chance(self.logits(X))

    def contributions(self, X: pd.DataFrame, features: FeatureSet) -> Iterator[pd.DataFrame]:
        """For each refit what each feature adds to each row's logit against that refit's typical profile."""
        for model in self.models:
            yield against_typical(model, X, features)

    def sign_steadiness(self, released: pd.DataFrame, X: pd.DataFrame, features: FeatureSet) -> pd.DataFrame:
        """For each row and feature the share of refits whose contribution has the released model's sign.

        ``released``: ``reasons.against_typical`` of the released model for the same rows ``X``. A refit that gives
        the feature no contribution does not have its sign. NaN where the released model itself gives it none.
        """
        return sign_steadiness(released, self.contributions(X, features))

    def to_json(self) -> dict[str, Any]:
        """Everything in plain values; the features, the same in all models, are told once."""
        told = [model.to_json() for model in self.models]
        features = told[0]["model"].get("features")
        for one in told:
            if features is not None and one["model"].get("features") == features:
                del one["model"]["features"]
        kept = {name: value for name, value in vars(self).items() if name != "models"}
        return {"format": FORMAT, "version": VERSION, **kept, "features": features, "models": told}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The refits that ``to_json`` told, with identical chances. Raises Refused for what is no such file."""
        if told.get("format") != FORMAT or told.get("version") != VERSION:
            raise Refused(f"This is not a {FORMAT} file of version {VERSION}.")
        models = []
        for one in told["models"]:
            if one["kind"] != Calibrated.kind:
                raise Refused("A refit is kept with its calibration; this one has none.")
            inner = model_from_json({"features": told["features"], **one["model"]})
            assert isinstance(inner, ChanceModel)
            models.append(Calibrated.recalled(inner, one))
        return cls(tuple(models), **{name: int(told[name]) for name in ("asked", "seed", "people", "people_drawn")})


def refit(
    make_model: Callable[[int], ChanceModel],
    table: pd.DataFrame,
    features: FeatureSet,
    outcome: str,
    *,
    people: str = "person_id",
    as_of: str = "as_of",
    replicates: int = REPLICATES,
    seed: int,
    max_rows: int | None = None,
) -> Refits:
    """The recipe fitted and calibrated ``replicates`` times as the released file is, on people drawn again.

    ``table``: the rows the released file learnt from (fit and calibration): the feature columns and those named by
    ``outcome`` (known in every row), ``people`` and ``as_of``. A person drawn twice brings all rows twice; both copies
    share a side wherever a model cross-validates. ``max_rows`` draws fewer people, so that about so many rows are
    fitted: cheaper, and too far apart by ``Refits.wider_by``. Raises CannotFit where half of the draws cannot be
    fitted.
    """
    if replicates < 1:
        raise ValueError("at least one refit must be asked for")
    rows_of = _rows_by_person(table[people])
    drawn = len(rows_of)
    if max_rows is not None and len(table) > max_rows:
        drawn = max(2, round(drawn * max_rows / len(table)))
    columns = list(features.names)
    models, problem = [], ""
    for replicate in range(replicates):
        chosen = np.random.default_rng([seed, replicate]).integers(0, len(rows_of), drawn)
        rows = table.iloc[np.concatenate([rows_of[person] for person in chosen])].reset_index(drop=True)
        try:
            models.append(fit_then_calibrate(make_model(seed), rows[columns], rows[outcome], rows[as_of], rows[people]))
        except CannotFit as error:  # the draw lacks one of the outcomes
            problem = str(error)
    if len(models) < LEAST_POSSIBLE * replicates:
        raise CannotFit(
            f"Only {len(models)} of {replicates} refits on people drawn again were possible; with so few rows nobody "
            f"can say how surely the model is known. The last that failed: {problem}"
        )
    return Refits(tuple(models), replicates, seed, len(rows_of), drawn)


def _rows_by_person(people: pd.Series) -> list[NDArray[np.intp]]:
    """The places of each person's rows, people in the order of their names."""
    place = np.unique(people.astype(str).to_numpy(dtype=str), return_inverse=True)[1]
    order = np.argsort(place, kind="stable")
    return np.split(order, np.cumsum(np.bincount(place))[:-1])


def sign_steadiness(released: pd.DataFrame, refitted: Iterator[pd.DataFrame]) -> pd.DataFrame:
    """For each row and feature the share of refits whose contribution has the released one's sign; see ``Refits``."""
    sign = np.sign(released.to_numpy(dtype=float))
    same, refits = np.zeros(sign.shape), 0
    for contributions in refitted:
        if list(contributions.columns) != list(released.columns) or len(contributions) != len(released):
            raise ValueError("contributions of refits must have the released model's rows and features")
        same += np.sign(contributions.to_numpy(dtype=float)) == sign
        refits += 1
    share = np.where(sign == 0, np.nan, same / refits)
    return pd.DataFrame(share, index=released.index, columns=released.columns)


def save_refits(refits: Refits, folder: Path) -> None:
    """Write ``model-refits.json`` into a candidate; by its name the release binds it."""
    write_json(folder / FILE, refits.to_json())


def load_refits(folder: Path) -> Refits | None:
    """The refits in ``folder``, None where there are none. Raises Refused where the file is not as it was saved."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return Refits.from_json(read_json(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"{FILE} in {folder.name} lacks a part of its format ({type(error).__name__}).") from error
