"""A bending line through logits: how rates differ from the chances a score says, fitted to many draws at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from desist.models.estimators.base import Floats, chance

ROUNDS = 30
LEAST_INFORMATION = 1e-4  # keeps a bin's curvature above zero where its chance is almost 0 or 1
LARGEST_MOVE = 1.0  # of a weight in one round, in logits
#: A bend of more than about a logit is held back: it stands in for separation, not for a belief about calibration.
PRIOR_SPREAD = 1.0
#: How many columns (level, slope, bends) so many outcomes can carry; see benchmarks/range_coverage.py.
CARRIED = ((40.0, 3), (200.0, 4), (600.0, 5), (1500.0, 6), (4000.0, 7))
MOST_COLUMNS = 8
OUTERMOST = 0.04  # share of rows beyond each outermost knot, where the curve is straight


@dataclass(frozen=True)
class Curve:
    """A natural cubic spline of the logit, added to it: level, slope and bends as uncorrelated columns of one size.

    ``knots``: at least three for a bend; fewer give a line, none a level alone. ``centre`` and ``turn`` make the
    columns uncorrelated over the rows it was learnt on.
    """

    knots: Floats
    centre: Floats
    turn: Floats

    @property
    def size(self) -> int:
        return 1 + len(self.centre)

    def columns(self, logit: Floats) -> Floats:
        """A row of columns per logit; the first is 1."""
        if self.size == 1:
            return np.ones((len(logit), 1))
        return np.column_stack([np.ones(len(logit)), (_bends(logit, self.knots) - self.centre) @ self.turn])

    def to_json(self) -> dict[str, Any]:
        return {"knots": self.knots.tolist(), "centre": self.centre.tolist(), "turn": self.turn.tolist()}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        return cls(*(np.array(told[name], dtype=float) for name in ("knots", "centre", "turn")))


def _bends(logit: Floats, knots: Floats) -> Floats:
    """The logit and, with three knots or more, a natural cubic column for each knot but the last two."""
    if len(knots) < 3:
        return logit[:, None]
    span = knots[-1] - knots[0]
    tails = np.maximum(logit[:, None] - knots, 0.0) ** 3
    ratios = (tails[:, :-1] - tails[:, -1:]) / (knots[-1] - knots[:-1])
    return np.column_stack([logit, (ratios[:, :-1] - ratios[:, -1:]) / span**2])


def learn_curve(logit: Floats, events: float) -> Curve:
    """A curve with as many bends as ``events`` outcomes can carry, its knots at equal shares of the rows' logits."""
    columns = next((number for most, number in CARRIED if events < most), MOST_COLUMNS)
    knots = np.unique(np.quantile(logit, np.linspace(OUTERMOST, 1.0 - OUTERMOST, columns)))
    if np.ptp(logit) == 0:
        return Curve(np.empty(0), np.empty(0), np.empty((0, 0)))
    while True:
        raw = _bends(logit, knots)
        centre = raw.mean(axis=0)
        right = np.linalg.qr(raw - centre, mode="r")
        sizes = np.abs(np.diag(right))
        if len(knots) < 3 or sizes.min() > 1e-6 * np.sqrt(len(logit)):
            return Curve(knots if len(knots) >= 3 else np.empty(0), centre, np.linalg.inv(right) * np.sqrt(len(logit)))
        knots = np.delete(knots, len(knots) // 2)  # too few distinct scores for so many bends


def fit_curves(curve: Curve, logit: Floats, rows: Floats, events: Floats) -> Floats:
    """The weights of least log-loss for each line of ``rows`` and ``events`` per bin; shape (lines, columns).

    ``logit``: of each bin, to which the curve is added. Newton steps from the first line's own answer.
    """
    columns = curve.columns(logit)
    first = _newton(columns, logit, rows[:1], events[:1], np.zeros((1, curve.size)))
    return np.vstack([first, _newton(columns, logit, rows[1:], events[1:], np.repeat(first, len(rows) - 1, axis=0))])


def _newton(columns: Floats, logit: Floats, rows: Floats, events: Floats, start: Floats) -> Floats:
    size = columns.shape[1]
    pairs = (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), -1)
    penalty = np.r_[1e-6, np.full(size - 1, PRIOR_SPREAD**-2)]
    weights = start.copy()
    for _ in range(ROUNDS):
        expected = chance(logit + weights @ columns.T)
        slope = (events - rows * expected) @ columns - penalty * weights
        information = rows * np.maximum(expected * (1.0 - expected), LEAST_INFORMATION)
        bend = (information @ pairs).reshape(-1, size, size) + np.diag(penalty)
        move = np.linalg.solve(bend, slope[:, :, None])[:, :, 0]
        weights += move * np.minimum(1.0, LARGEST_MOVE / np.maximum(np.abs(move).max(axis=1), 1e-12))[:, None]
        if len(move) == 0 or np.abs(move).max() < 1e-6:
            break
    return weights
