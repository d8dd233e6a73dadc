"""Monotone spline columns for one feature: each rises from 0 to 1 (or falls), so that signed weights keep the sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import BSpline

from desist.models.estimators.base import Floats

DEGREE = 2
SKEWED = 1.5  # a nonnegative column more skewed than this is taken on a log scale


@dataclass(frozen=True)
class Basis:
    """How one feature's values become columns: scale, range and knots.

    ``unit`` > 0 takes log1p(value / unit); 0 takes the value as it is. ``knots`` lie inside 0 to 1 of the scaled range.
    Values outside the fitted range count as its end, so that nothing is extrapolated.
    """

    low: float
    high: float
    unit: float
    knots: tuple[float, ...]

    @property
    def size(self) -> int:
        """The number of columns: none for a constant feature, one where a straight line is all there can be."""
        if self.high <= self.low:
            return 0
        return 1 + (len(self.knots) + DEGREE if self.knots else 0)

    def _scaled(self, values: Floats) -> Floats:
        clipped = np.clip(values, self.low, self.high)
        ends = np.array([self.low, self.high])
        if self.unit > 0:
            clipped, ends = np.log1p(clipped / self.unit), np.log1p(ends / self.unit)
        return np.asarray((clipped - ends[0]) / (ends[1] - ends[0]), dtype=float)

    def columns(self, values: Floats) -> Floats:
        """A straight line and I-splines, all rising from 0 to 1 over the range; ``values`` must be known."""
        if self.size == 0 or len(values) == 0:
            return np.empty((len(values), self.size))
        scaled = self._scaled(values)
        if self.size == 1:
            return scaled[:, None]
        knots = np.r_[[0.0] * (DEGREE + 1), self.knots, [1.0] * (DEGREE + 1)]
        splines = BSpline.design_matrix(scaled, knots, DEGREE).toarray()
        rising = splines[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]  # tail sums of B-splines are I-splines
        return np.column_stack([scaled, rising])

    def to_json(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high, "unit": self.unit, "knots": list(self.knots)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Basis:
        return cls(told["low"], told["high"], told["unit"], tuple(told["knots"]))


def _log_unit(known: Floats) -> float:
    """1 for skewed counts, the median positive value for other skewed amounts, 0 where no log is wanted."""
    spread = float(known.std())
    if known.min() < 0 or spread == 0:
        return 0.0
    skew = float((((known - known.mean()) / spread) ** 3).mean())
    if skew < SKEWED or known.max() <= 1:
        return 0.0
    if (known == np.round(known)).all():
        return 1.0
    return float(np.median(known[known > 0]))


def learn_basis(values: Floats, knots: int) -> Basis:
    """A basis for the known values of one feature, with at most ``knots`` inner knots at quantiles of the values."""
    known = values[~np.isnan(values)]
    if len(known) == 0 or known.min() == known.max():
        level = float(known[0]) if len(known) else 0.0
        return Basis(level, level, 0.0, ())
    straight = Basis(float(known.min()), float(known.max()), _log_unit(known), ())
    scaled = straight._scaled(known)
    distinct = np.unique(scaled)
    wanted = min(knots, len(distinct) - 2)
    if wanted < 1:
        return straight
    # half by rows, half by distinct values: a column that is mostly zero still gets knots where it varies
    shares = np.arange(1, wanted + 1) / (wanted + 1)
    by_rows, by_value = np.quantile(scaled, shares), np.quantile(distinct, shares)
    inner = np.unique((by_rows + by_value) / 2)
    inner = inner[(inner > 0) & (inner < 1)]
    return Basis(straight.low, straight.high, straight.unit, tuple(inner.tolist()))
