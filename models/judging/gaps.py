"""What an estimate could have been, had a missing source told: the lowest and highest chance over plausible values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from desist.features.tables import FeatureSet
from desist.models.estimators.base import BASE, Floats, chance
from desist.models.judging.backtest import DIGITS
from desist.records.errors import Refused
from desist.records.files import read_json, write_json

FILE = "model-plausible.json"
FORMAT, VERSION = "desist-plausible", 1
#: Plausible is what nine of ten known rows had: the ends are quantiles, so no person's outlying value is kept.
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: A feature known of fewer rows than this has no plausible values: a missing one is left as it is.
LEAST_KNOWN = 50
ADDITIVE_WITHIN = 1e-9
TRIED_ROWS = 256
SCREENED_ROWS = 250


class Scorer(Protocol):
    """A ``ChanceModel`` or ``Calibrated``."""

    def decision_function(self, X: pd.DataFrame) -> Floats: ...

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Plausible:
    """A few values of each feature, rising; none for a feature that hardly any row knew."""

    values: Mapping[str, tuple[float, ...]]

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "values": {name: list(found) for name, found in self.values.items()},
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The values that ``to_json`` told. Raises Refused for what is no such file."""
        if told.get("format") != FORMAT or told.get("version") != VERSION:
            raise Refused(f"This is not a {FORMAT} file of version {VERSION}.")
        return cls({name: tuple(float(value) for value in found) for name, found in told["values"].items()})


def learn_plausible(table: pd.DataFrame, features: FeatureSet, *, shares: Sequence[float] = SHARES) -> Plausible:
    """Quantiles of each feature's known values in the fitting rows, one feature at a time; no row is kept."""
    found: dict[str, tuple[float, ...]] = {}
    for name in features.names:
        known = table[name].to_numpy(dtype=float, na_value=np.nan)
        known = known[np.isfinite(known)]
        quantiles = np.quantile(known, shares, method="nearest") if len(known) >= LEAST_KNOWN else np.empty(0)
        found[name] = tuple(float(value) for value in np.unique(quantiles))
    return Plausible(found)


@dataclass(frozen=True)
class CouldHaveBeen:
    """For each row the lowest and highest chance (0 to 1) over plausible values of what it lacks.

    Both are chances the model gives to a row that could be. ``exact``: no other mix of plausible values goes beyond
    them; where it is not, they were searched for and the true ends may lie a little further out. A row without a gap
    has its own chance twice. Values are taken to go together freely, which real records seldom do: the ends are wide
    rather than narrow.
    """

    low: Floats
    high: Floats
    exact: bool


def could_have_been(
    model: Scorer, table: pd.DataFrame, lacking: pd.DataFrame, features: FeatureSet, plausible: Plausible
) -> CouldHaveBeen:
    """The ends of each row's chance if what it lacks were known.

    ``lacking``: a row per row of ``table`` and a true/false column per feature of the missing source (other features
    need none); a feature counts where it is true and the value is in fact missing. Exact where the model's logit is a
    sum of one part per feature; else features with a sign are put at their ends, and the others are searched one by
    one from there.
    """
    gaps = _gaps(table, lacking, features, plausible)
    own = np.asarray(model.decision_function(table), dtype=float)
    affected = np.flatnonzero(np.logical_or.reduce(list(gaps.values()))) if gaps else np.empty(0, dtype=np.intp)
    low, high = own.copy(), own.copy()
    exact = True
    if len(affected):
        rows = table[list(features.names)].iloc[affected].astype(float)
        inside = {name: gap[affected] for name, gap in gaps.items()}
        worth = _parts_of(model, features, plausible)
        free = [] if worth is not None else [name for name in inside if features.get(name).sign == 0]
        exact = not free
        for ends, direction in ((low, -1), (high, 1)):
            filled = _filled(rows, inside, features, plausible, worth, direction)
            found = np.asarray(model.decision_function(filled), dtype=float)
            if not exact:
                found = _searched(model, filled, found, inside, plausible, free, direction)
            ends[affected] = found
    return CouldHaveBeen(chance(low), chance(high), exact)


def could_change_step(found: CouldHaveBeen, scores: ArrayLike, cut_offs: Sequence[float]) -> NDArray[np.bool_]:
    """Whether what a row lacks could still put it on another step than its score does.

    The ends are rounded as ``scores`` are kept: else a row without a gap, rounded up to a cut-off, would lie below it.
    """
    own, low, high = (
        np.searchsorted(np.asarray(cut_offs, dtype=float), np.asarray(each, dtype=float).round(DIGITS), side="right")
        for each in (scores, found.low, found.high)
    )
    return np.asarray((low != own) | (high != own), dtype=bool)


def _gaps(
    table: pd.DataFrame, lacking: pd.DataFrame, features: FeatureSet, plausible: Plausible
) -> dict[str, NDArray[np.bool_]]:
    """For each feature that some row lacks and that has plausible values: which rows lack it."""
    strangers = [str(name) for name in lacking.columns if name not in features.names]
    if strangers or len(lacking) != len(table):
        raise ValueError(f"what is lacking needs the table's rows and the model's features; found {strangers}")
    found = {}
    for name in lacking.columns:
        gap = lacking[name].to_numpy(dtype=bool) & table[name].isna().to_numpy()
        if gap.any() and plausible.values.get(str(name)):
            found[str(name)] = gap
    return found


def _parts_of(model: Scorer, features: FeatureSet, plausible: Plausible) -> pd.DataFrame | None:
    """What each plausible value of each feature adds to the logit (a row per value); None where the model is no sum.

    A model is a sum where a feature's part hangs on its own value alone, whatever the other features are: tried on
    rows that mix plausible and missing values.
    """
    most = max(len(found) for found in plausible.values.values())
    padded = {name: _padded(plausible.values.get(name, ()), most) for name in features.names}
    alone = pd.DataFrame(padded)[list(features.names)]
    draw = np.random.default_rng(0)
    picked = draw.integers(0, most + 1, (TRIED_ROWS, len(features.names)))
    values = np.vstack([alone.to_numpy(), np.full((1, len(features.names)), np.nan)])
    mixed = pd.DataFrame(values[picked, np.arange(len(features.names))], columns=list(features.names))
    unknown = pd.DataFrame([np.full(len(features.names), np.nan)], columns=list(features.names))
    parts = model.contributions(alone).drop(columns=BASE)
    with_unknown = np.vstack([parts.to_numpy(), model.contributions(unknown).drop(columns=BASE).to_numpy()])
    expected = with_unknown[picked, np.arange(len(features.names))]
    missed = np.abs(model.contributions(mixed).drop(columns=BASE).to_numpy() - expected)
    return parts if missed.max() <= ADDITIVE_WITHIN * max(1.0, float(np.abs(expected).max())) else None


def _padded(values: Sequence[float], length: int) -> list[float]:
    """The values, the last repeated to a length; missing where there are none."""
    last = values[-1] if values else np.nan
    return [*values, *([last] * (length - len(values)))]


def _filled(
    rows: pd.DataFrame,
    gaps: Mapping[str, NDArray[np.bool_]],
    features: FeatureSet,
    plausible: Plausible,
    worth: pd.DataFrame | None,
    direction: int,
) -> pd.DataFrame:
    """The rows with each gap filled by the value that moves the logit furthest, as far as that is known beforehand.

    Without parts: a feature with a sign takes its end, another one its middle value.
    """
    filled = rows.copy()
    for name, gap in gaps.items():
        values, sign = plausible.values[name], features.get(name).sign
        if worth is not None:
            best = int(np.argmax(direction * worth[name].to_numpy()[: len(values)]))
        elif sign != 0:
            best = len(values) - 1 if sign * direction > 0 else 0
        else:
            best = len(values) // 2
        filled.loc[gap, name] = values[best]
    return filled


def _searched(
    model: Scorer,
    filled: pd.DataFrame,
    found: Floats,
    gaps: Mapping[str, NDArray[np.bool_]],
    plausible: Plausible,
    free: Sequence[str],
    direction: int,
) -> Floats:
    """The furthest logits met by trying the plausible values of one free feature after another.

    Of many rows, those spread over all first say which values are worth trying on the rest.
    """
    matrix, names, furthest = filled.to_numpy(dtype=float, copy=True), list(filled.columns), found.copy()

    def step(place: int, rows: NDArray[np.intp], value: float) -> None:
        tried = matrix[rows].copy()
        tried[:, place] = value
        logits = np.asarray(model.decision_function(pd.DataFrame(tried, columns=names)), dtype=float)
        further = direction * (logits - furthest[rows]) > 0
        matrix[rows[further], place] = value
        furthest[rows[further]] = logits[further]

    for name in free:
        place, rows, values = names.index(name), np.flatnonzero(gaps[name]), plausible.values[name]
        first = rows[:: max(1, len(rows) // SCREENED_ROWS)]
        for value in values:
            step(place, first, value)
        rest = np.setdiff1d(rows, first)
        for value in np.unique(matrix[first, place]):
            if len(rest):
                step(place, rest, float(value))
    return furthest


def save_plausible(plausible: Plausible, folder: Path) -> None:
    """Write ``model-plausible.json`` into a candidate; by its name the release binds it."""
    write_json(folder / FILE, plausible.to_json())


def load_plausible(folder: Path) -> Plausible | None:
    """The plausible values in ``folder``, None where there are none. Raises Refused where the file is not as saved."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return Plausible.from_json(read_json(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"{FILE} in {folder.name} lacks a part of its format ({type(error).__name__}).") from error
