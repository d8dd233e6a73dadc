"""How steady a points card is: the same recipe fitted to people drawn again, and what of the card comes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from desist.models.estimators.base import CannotFit, Floats, read_matrix, read_outcome
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.candidates import marks_of
from desist.models.estimators.card import CardItem, PointsCard

Fitted = PointsCard | Calibrated

#: Two thresholds of a feature are nearby where at most this share of the rows that know it lies between them.
NEARBY = 0.1
#: A line comes back where a nearby mark of the same direction answers at least this share of its own marks.
MARKS_FOUND = 0.5
#: Draws that lack an outcome cannot be fitted; fewer than this share of those asked for tells of lucky draws alone.
LEAST_POSSIBLE = 0.5


@dataclass(frozen=True)
class FeatureSteadiness:
    """In what share of the refits a feature is on the card; ``on_card``: whether it is on the card itself."""

    feature: str
    on_card: bool
    share: float


@dataclass(frozen=True)
class ItemSteadiness:
    """In what share of the refits a line of the card comes back: feature, direction and a threshold nearby.

    ``low`` and ``high``: the least and most points it has there, counted in points of the card itself; None where it
    never comes back.
    """

    feature: str
    sentence: str
    points: int
    share: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Stability:
    """How far a card hangs on who was in the file. All shares are from 0 to 1, chances too.

    ``largest`` and ``most``: the largest difference between a refit's chance and the card's over all rows and refits,
    and the one that 95 % of them do not exceed. ``moved``: the mean share of rows that change step, ``moved_worst``
    that of the refit where most do; None where no cut-offs were given.
    """

    refits: int
    rows: int
    features: tuple[FeatureSteadiness, ...]
    items: tuple[ItemSteadiness, ...]
    largest: float
    most: float
    moved: float | None
    moved_worst: float | None

    def __post_init__(self) -> None:
        shares = [feature.share for feature in self.features] + [item.share for item in self.items]
        if self.refits < 1 or self.rows < 1 or not all(0.0 <= share <= 1.0 for share in shares):
            raise ValueError("steadiness needs refits and rows, and its shares lie between 0 and 1")

    @property
    def words(self) -> str:
        """The whole in a sentence or two, for a page."""
        steady = sum(item.share >= 0.5 for item in self.items)
        told = (
            f"Of the card's {len(self.items)} lines {steady} came back in at least half of {self.refits} refits on "
            f"people drawn again; 95 in 100 chances moved by {100 * self.most:.1f} points in 100 or less, the one that "
            f"moved most by {100 * self.largest:.1f}."
        )
        if self.moved is not None:
            told += f" On average {self.moved:.0%} of people would be shown at another step."
        return told

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        parts = {
            "features": tuple(FeatureSteadiness(**feature) for feature in told["features"]),
            "items": tuple(ItemSteadiness(**item) for item in told["items"]),
        }
        return cls(**{**told, **parts})


def card_stability(
    recipe: Callable[[int], PointsCard],
    table: pd.DataFrame,
    outcome: ArrayLike,
    people: ArrayLike,
    *,
    replicates: int,
    seed: int,
    cut_offs: Sequence[float] = (),
) -> Stability:
    """How steady the recipe's card on these rows is over ``replicates`` refits to people drawn with replacement.

    A person drawn comes with all rows. With 20 replicates a share is known to about 0.1, with 100 to 0.05 (one
    standard error); the time is one fit each, so divide what there is by one fit. Raises CannotFit where half of the
    draws cannot be fitted.
    """
    y = read_outcome(outcome, len(table))
    who = np.asarray(people)
    card = recipe(seed).fit(table, y, who)
    place = np.unique(who, return_inverse=True)[1]
    rows_of = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    refits: list[PointsCard] = []
    for replicate in range(replicates):
        drawn = np.random.default_rng([seed, replicate]).integers(0, len(rows_of), len(rows_of))
        rows = np.concatenate([rows_of[person] for person in drawn])
        try:
            refits.append(recipe(seed).fit(table.iloc[rows].reset_index(drop=True), y[rows], who[rows]))
        except CannotFit:  # the draw lacks one of the outcomes
            continue
    if len(refits) < max(1, LEAST_POSSIBLE * replicates):
        raise CannotFit(
            f"Only {len(refits)} of {replicates} refits were possible: how steady the card is cannot be said."
        )
    return stability_of(card, refits, table, cut_offs=cut_offs)


def stability_of(
    card: Fitted, refits: Sequence[Fitted], table: pd.DataFrame, *, cut_offs: Sequence[float] = ()
) -> Stability:
    """How steady a fitted card is against refits made elsewhere (``Refits.models``), judged on the rows of ``table``.

    Cards may be recalibrated; chances are then the recalibrated ones. ``cut_offs``: the chances at which steps begin.
    Raises TypeError where a model is no points card, ValueError where there is no refit or no row.
    """
    if not refits or table.empty:
        raise ValueError("steadiness needs at least one refit and one row")
    plain, others = _plain(card), [_plain(refit) for refit in refits]
    chances = card.predict_proba(table)[:, 1]
    refitted = np.stack([refit.predict_proba(table)[:, 1] for refit in refits])
    away = np.abs(refitted - chances)
    moved = _moved(chances, refitted, cut_offs) if cut_offs else None
    return Stability(
        refits=len(refits),
        rows=len(table),
        features=_features(plain, others),
        items=_items(plain, others, read_matrix(table, plain.features)),
        largest=float(away.max()),
        most=float(np.quantile(away, 0.95)),
        moved=None if moved is None else float(moved.mean()),
        moved_worst=None if moved is None else float(moved.max()),
    )


def _plain(model: Fitted) -> PointsCard:
    card = model.model if isinstance(model, Calibrated) else model
    if not isinstance(card, PointsCard):
        raise TypeError(f"a {card.kind} has no points to be steady")
    return card


def _moved(chances: Floats, refitted: Floats, cut_offs: Sequence[float]) -> Floats:
    """For each refit the share of rows at another step."""
    cuts = np.sort(np.asarray(cut_offs, dtype=float))
    # chances are compared as they are released: rounded to a millionth, so that no one moves by the last bit
    step, other = (np.searchsorted(cuts, np.round(found, 6), side="right") for found in (chances, refitted))
    return np.asarray((step != other).mean(axis=1), dtype=float)


def _features(card: PointsCard, refits: Sequence[PointsCard]) -> tuple[FeatureSteadiness, ...]:
    """Every feature that is on the card or a refit: those of the card first, then by share."""
    own = {item.feature for item in card.items_}
    shares = {
        name: float(np.mean([any(item.feature == name for item in refit.items_) for refit in refits]))
        for name in card.features.names
    }
    found = [FeatureSteadiness(name, name in own, share) for name, share in shares.items() if name in own or share > 0]
    return tuple(sorted(found, key=lambda part: (not part.on_card, -part.share, part.feature)))


def _items(card: PointsCard, refits: Sequence[PointsCard], matrix: Floats) -> tuple[ItemSteadiness, ...]:
    found = []
    of_one = card.multiplier_ or 1.0  # what a point of this card is on the logit scale; a flat card has none
    for item in card.one_page().items:
        values = matrix[:, card.features.names.index(item.feature)]
        known = np.sort(values[~np.isnan(values)])
        points = [worth for refit in refits if (worth := _points_again(item, refit, known)) is not None]
        low, high = (round(min(points) / of_one, 2), round(max(points) / of_one, 2)) if points else (None, None)
        found.append(ItemSteadiness(item.feature, item.sentence, item.points, len(points) / len(refits), low, high))
    return tuple(found)


def _points_again(item: CardItem, refit: PointsCard, known: Floats) -> float | None:
    """What the line is worth in a refit, on the logit scale; None where it does not come back there."""
    alike = [
        other
        for other in refit.items_
        if other.feature == item.feature
        and (other.form == "missing") == (item.form == "missing")
        and _direction(other) == _direction(item)
    ]
    if not alike:
        return None
    if item.form == "missing":
        return alike[0].points * refit.multiplier_
    gaps = np.stack([_gaps(item, other, known) for other in alike])  # a line per other item, a column per own mark
    if (gaps.min(axis=0) <= NEARBY).mean() < MARKS_FOUND:
        return None
    return alike[int(np.argmin(gaps.min(axis=1)))].points * refit.multiplier_


def _direction(item: CardItem) -> int:
    """1 where the line raises the estimate of a large or missing value, -1 where it lowers it."""
    return int(np.sign(item.points)) * (-1 if item.form == "<=" else 1)


def _gaps(item: CardItem, other: CardItem, known: Floats) -> Floats:
    """For each mark of a line the share of known rows between it and the other line's nearest mark."""
    own, theirs = (_below(one, known) for one in (item, other))
    return np.asarray(np.abs(own[:, None] - theirs[None, :]).min(axis=1), dtype=float)


def _below(item: CardItem, known: Floats) -> Floats:
    """The share of known rows on the lower side of each mark."""
    marks = marks_of(item.form, item.threshold, item.step, item.times)
    below = np.searchsorted(known, marks, "right" if item.form == "<=" else "left")
    return np.asarray(below / max(len(known), 1), dtype=float)
