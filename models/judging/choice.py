"""Which model to put before the board: the most readable one, unless a more complex one is shown to be better.

Fixed beforehand: the margin's share, the level, the rows (the later half of the tested dates, the middle one included)
and the least number of people with the outcome. Nothing of it is a setting of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from desist.models.estimators.base import Floats
from desist.models.judging.evaluate import Measured, Scored, draw_people, score_metrics

#: The margin, fixed beforehand: this share of the best model's gain over the base rate.
MARGIN_SHARE = 0.1
#: One-sided level of the bounds.
LEVEL = 0.95
#: Below this rate the gain is measured in log-loss: the Brier score hardly tells rare outcomes apart.
RARE = 0.1
#: With fewer people with the outcome there is no choice: the most readable model is kept (DOMAIN section 6).
LEAST_EVENTS = 100

READABLE_BEST = "most readable and best"
SHOWN_EQUAL = "shown equal"
NOT_SHOWN = "not shown different"
SHOWN_BETTER = "shown better"
NO_GAIN = "no gain over the base rate"
NO_CHOICE = "too few events to choose"
MEASURES = {"brier": "Brier score", "log_loss": "log-loss"}


@dataclass(frozen=True)
class Choice:
    """The chosen model, and why.

    ``gain_lost``: ``measure`` given up against the best, with its one-sided 95 % bounds. ``verdict`` is one of the
    words above. ``other`` is the model it is held against: the best, or where it is the best itself, the most readable
    of the rest. ``own_gain_at_least``: how much better than the most readable model it is at least; None where it is
    that one. ``precision``: of both at the cut-off. ``dates``: those of the rows it was made on. ``events``: people
    with the outcome in them.
    """

    chosen: str
    best: str
    margin: float
    gain_lost: float
    lower: float
    upper: float
    words: str
    verdict: str = ""
    measure: str = "brier"
    other: str = ""
    own_gain_at_least: float | None = None
    precision: Mapping[str, Measured] = field(default_factory=dict)
    dates: tuple[str, ...] = ()
    rows: int = 0
    people: int = 0
    events: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the rule they rest on."""
        told = {**vars(self), "dates": list(self.dates)}
        told["precision"] = {name: measured.to_json() for name, measured in self.precision.items()}
        return {**told, "margin_share": MARGIN_SHARE, "level": LEVEL, "least_events": LEAST_EVENTS}


def later_half(as_of: ArrayLike) -> NDArray[np.bool_]:
    """Which rows the choice is made on: those of the later half of the dates, the middle one of an odd number too."""
    dates = np.asarray(as_of)
    each = np.unique(dates)
    return np.asarray(dates >= each[len(each) // 2])


@dataclass(frozen=True)
class _Losses:
    """Mean losses by model, in the rows and in each replicate, and the gain of the best over the base rate."""

    measure: str
    mean: Floats
    drawn: Floats
    gain: float

    @property
    def best(self) -> int:
        return int(self.mean.argmin())

    @property
    def margin(self) -> float:
        return MARGIN_SHARE * max(self.gain, 0.0)

    def lost(self, place: int) -> tuple[float, float, float]:
        """What the model gives up against the best, with one-sided bounds; the best is picked again in each replicate.

        Picking the best makes each loss look larger than it is: the lower bound is therefore mirrored at the value
        found, so that the luck of the pick counts against the complex model, and the upper bound is not.
        """
        value = float(self.mean[place] - self.mean[self.best])
        upper = float(np.quantile(self.drawn[:, place] - self.drawn.min(axis=1), LEVEL))
        return value, 2.0 * value - upper, upper

    def at_least(self, place: int, over: int) -> float:
        """The lower bound of how much better one model is than another."""
        return float(np.quantile(self.drawn[:, over] - self.drawn[:, place], 1.0 - LEVEL))

    def place(self) -> int:
        """The most readable model than which none is shown better, its own gain over the most readable one shown."""
        for place in range(len(self.mean)):
            own = place == 0 or self.at_least(place, 0) > self.margin
            if own and self.lost(place)[1] <= self.margin:
                return place
        return 0


def choose(
    y: ArrayLike,
    scores: Mapping[str, ArrayLike],
    people: ArrayLike,
    order: Sequence[str],
    *,
    replicates: int,
    seed: int,
    as_of: ArrayLike | None = None,
    cut_off: float | None = None,
) -> Choice:
    """The first model in ``order`` (most readable first) than which none is shown to be better by the margin.

    The margin is a tenth of the best model's Brier gain over the base rate, of its log-loss gain where fewer than one
    row in ten has the outcome. Better is shown where the lower one-sided 95 % bound of the gain exceeds the margin;
    people are resampled, and the best model is picked again inside each replicate. A more complex model is taken only
    if its own gain over the most readable one is shown too. With ``as_of`` the rows of the later half of the dates
    decide; with ``cut_off`` the precision of both models there is told. With fewer than 100 people with the outcome
    nothing is chosen: the most readable model is kept.
    """
    outcome, persons = np.asarray(y, dtype=float), np.asarray(people)
    matrix = np.column_stack([np.asarray(scores[name], dtype=float) for name in order])
    later = np.ones(len(outcome), dtype=bool) if as_of is None else later_half(as_of)
    outcome, persons, matrix = outcome[later], persons[later], matrix[later]
    dates = () if as_of is None else tuple(str(day)[:10] for day in np.unique(np.asarray(as_of)[later]))
    losses = _losses(outcome, matrix, persons, replicates, seed)
    events = len(np.unique(persons[outcome == 1]))
    verdict, place = _verdict(losses, events)
    other = losses.best if losses.best != place else min(set(range(len(order))) - {place}, default=place)
    shown = {} if cut_off is None else {order[at]: matrix[:, at] for at in dict.fromkeys((place, other))}
    precision = {
        name: score_metrics(outcome, score, persons, replicates=replicates, seed=seed, cut_off=cut_off)["precision"]
        for name, score in shown.items()
    }
    value, lower, upper = losses.lost(place)
    own = losses.at_least(place, 0) if place else None
    words = " ".join(
        part for part in (_words(losses, verdict, place, order, events), _listed(precision, cut_off)) if part
    )
    return Choice(
        order[place], order[losses.best], losses.margin, value, lower, upper, words, verdict, losses.measure,
        order[other], own, precision, dates, len(outcome), len(np.unique(persons)), events,
    )  # fmt: skip


def _losses(outcome: Floats, matrix: Floats, persons: NDArray[Any], replicates: int, seed: int) -> _Losses:
    rate = float(outcome.mean())
    rare = rate < RARE
    if rare:
        each = np.column_stack([Scored(outcome, column).losses for column in matrix.T])
        base = float(-(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))) if rate > 0 else 0.0
    else:
        each, base = (matrix - outcome[:, None]) ** 2, rate * (1 - rate)
    drawn = np.concatenate(
        [draws @ each / draws.sum(axis=1, keepdims=True) for draws in draw_people(persons, replicates, seed)]
    )
    mean = each.mean(axis=0)
    return _Losses("log_loss" if rare else "brier", mean, drawn, base - float(mean.min()))


def _verdict(losses: _Losses, events: int) -> tuple[str, int]:
    """What is said of the choice, and the place of the chosen model."""
    if events < LEAST_EVENTS:
        return NO_CHOICE, 0
    if losses.gain <= 0:
        return NO_GAIN, 0
    place = losses.place()
    if place == losses.best:
        return (SHOWN_BETTER if place else READABLE_BEST), place
    return (SHOWN_EQUAL if losses.lost(place)[2] <= losses.margin else NOT_SHOWN), place


def _words(losses: _Losses, verdict: str, place: int, order: Sequence[str], events: int) -> str:
    """The choice in a sentence or two: what is given up against the best, its bound, the margin."""
    measure, (value, _, upper) = MEASURES[losses.measure], losses.lost(place)
    best, name, margin = order[losses.best], order[place], losses.margin
    lost = f"it gives up {value:.4f} of {measure} against the {best}, at most {upper:.4f} with 95 % confidence"
    passed = _passed(losses, place, order)
    if verdict == NO_CHOICE:
        return (
            f"No choice was made: {events:,} people with the outcome are fewer than the {LEAST_EVENTS} that a choice "
            f"needs, so the {name}, the most readable, is kept; {lost}."
        )
    if verdict == NO_GAIN:
        return f"No model beats giving everybody the rate ({measure}); the {name}, the most readable, is kept."
    if verdict == READABLE_BEST:
        return f"It is the most readable model and none has a better {measure}; nothing is given up."
    if verdict == SHOWN_BETTER:
        return f"Shown better: the {name} gains at least {losses.at_least(place, 0):.4f} over the {order[0]}. {passed}"
    said = "Shown equal within the margin" if verdict == SHOWN_EQUAL else "Not shown different"
    return " ".join(part for part in (f"{said}: {lost} (margin {margin:.4f}).", passed) if part)


def _passed(losses: _Losses, place: int, order: Sequence[str]) -> str:
    """Of the more readable models that were not taken, why."""
    worse = [at for at in range(place) if losses.lost(at)[1] > losses.margin]
    unshown = [at for at in range(1, place) if at not in worse]
    told = []
    if worse:
        names = " and the ".join(order[at] for at in worse)
        least = min(losses.lost(at)[1] for at in worse)
        told.append(
            f"The {names} {'was' if len(worse) == 1 else 'were'} shown to be worse than the {order[losses.best]} by "
            f"more than the margin of {losses.margin:.4f} ({MEASURES[losses.measure]} lost: at least {least:.4f} "
            "with 95 % confidence)."
        )
    if unshown:
        names = " and the ".join(order[at] for at in unshown)
        told.append(f"Of the {names} no gain over the {order[0]} beyond the margin is shown.")
    return " ".join(told)


def _listed(precision: Mapping[str, Measured], cut_off: float | None) -> str:
    """Of 100 people at or above the cut-off, how many had the outcome: for both models."""
    if not precision:
        return ""
    told = [
        f"{100 * measured.value:.0f} in 100 by the {name}"
        if measured.value is not None
        else f"nobody reaches it by the {name}"
        for name, measured in precision.items()
    ]
    return f"With the outcome, of those at or above the cut-off of {cut_off:g}: {', '.join(told)}."
