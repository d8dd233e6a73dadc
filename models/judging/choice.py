"""Which model to put before the board: the most readable one, unless a more complex one is shown to be better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from desist.models.judging.evaluate import draw_people

#: The margin, fixed beforehand: this share of the best model's Brier gain over the base rate.
MARGIN_SHARE = 0.1
#: One-sided level of the bound.
LEVEL = 0.95


@dataclass(frozen=True)
class Choice:
    """The chosen model, and why. ``gain_lost``: Brier score given up against the best, with its one-sided bounds."""

    chosen: str
    best: str
    margin: float
    gain_lost: float
    lower: float
    upper: float
    words: str


def choose(
    y: ArrayLike,
    scores: Mapping[str, ArrayLike],
    people: ArrayLike,
    order: Sequence[str],
    *,
    replicates: int,
    seed: int,
) -> Choice:
    """The first model in ``order`` (most readable first) than which none is shown to be better by the margin.

    Better is shown where the lower one-sided 95 % bound of the Brier score lost exceeds the margin; people are
    resampled, and the best model is picked again inside each replicate. Picking the best makes each loss look larger
    than it is: the lower bound is therefore mirrored at the value found, so that the luck of the pick counts against
    the complex model, and the upper bound is not.
    """
    outcome = np.asarray(y, dtype=float)
    losses = np.column_stack([(np.asarray(scores[name], dtype=float) - outcome) ** 2 for name in order])
    brier = losses.mean(axis=0)
    rate = float(outcome.mean())
    best = int(brier.argmin())
    margin = MARGIN_SHARE * max(rate * (1 - rate) - float(brier[best]), 0.0)
    drawn = np.concatenate(
        [draws @ losses / draws.sum(axis=1, keepdims=True) for draws in draw_people(people, replicates, seed)]
    )
    lost = drawn - drawn.min(axis=1, keepdims=True)
    for place, name in enumerate(order):
        upper = float(np.quantile(lost[:, place], LEVEL))
        lower = 2 * float(brier[place] - brier[best]) - upper
        if lower <= margin:
            return _told(order, place, best, margin, float(brier[place] - brier[best]), lower, upper, name)
    raise AssertionError("the best model loses nothing against itself")


def _told(
    order: Sequence[str], place: int, best: int, margin: float, lost: float, lower: float, upper: float, name: str
) -> Choice:
    given_up = f"it gives up {lost:.4f} of Brier score against the {order[best]} (margin {margin:.4f})"
    worse = " and the ".join(order[:place])
    passed = f" The {worse} {'was' if place == 1 else 'were'} shown to be worse than the margin." if place else ""
    if place == best and place:
        words = passed.strip()
    elif place == best:
        words = "It is the most readable model and none has a better Brier score."
    elif upper <= margin:
        words = f"Shown equal within the margin: {given_up}.{passed}"
    else:
        words = f"Not shown different: {given_up}, at most {upper:.4f} with 95 % confidence.{passed}"
    return Choice(name, order[best], margin, lost, lower, upper, words)
