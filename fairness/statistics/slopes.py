"""Calibration slopes of replicates: how steep a logistic line through the logit of the estimates is; 1 is best.

Rows lie in narrow bins of the logit, so that a replicate's line costs a few steps over bins instead of rows, and the
rows outside a group are everybody's bins less the group's. The error is far below a slope's own spread
(``tests/fairness/statistics/test_bootstrap.py`` compares with refits).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.fairness.statistics import kernels
from desist.fairness.statistics.intervals import Codes, Floats
from desist.fairness.statistics.kernels import LANES

#: Estimates nearer to 0 or 1 than this are taken as that near: their logit would have no end.
NEAREST = 1e-6

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Bins:
    """How many bins: the ``most``, but no more than ``cells`` over all groups (memory), and never below ``fewest``."""

    most: int
    fewest: int
    cells: int

    def number(self, groups: int) -> int:
        return max(self.fewest, min(self.most, self.cells // max(1, groups)))


class Slopes:
    """Prepared from rows in the order of their score; then a slope for every group and every block of draws."""

    def __init__(self, score: Floats, event: Mask, person: Codes, group: Codes, groups: int, bins: Bins) -> None:
        self._person, self._groups = person, groups
        safe = np.clip(score, NEAREST, 1 - NEAREST)
        place, self._logit = binned(np.log(safe / (1 - safe)), bins.number(groups))
        self._bins = self._logit.size
        # Places: by group, then non-event or event, then bin.
        self._place = (group * 2 + event) * self._bins + place
        self._cells = np.empty((groups * 2 * self._bins, LANES))
        taken = np.bincount(group * self._bins + place, minlength=groups * self._bins) > 0
        self._used = [np.flatnonzero(own) for own in taken.reshape(groups, self._bins)]
        self._starts = np.tile([0.0, 1.0], (2 * groups + 1, 1))
        lines = self._lines(np.ones((int(person.max(initial=-1)) + 1, LANES), np.uint8))[:, :, 0]
        told = ~np.isnan(lines[:, 1])
        self._starts[told] = lines[told]

    def of(self, times: NDArray[np.uint8], number: int) -> tuple[Floats, Floats, Floats]:
        """Slopes inside and outside each group, and of everybody."""
        slopes = self._lines(times)[:, 1, :number].T
        return slopes[:, : self._groups], slopes[:, self._groups : -1], slopes[:, -1:]

    def _lines(self, times: NDArray[np.uint8]) -> Floats:
        """Level and slope for each group, then outside each, then everybody."""
        kernels.fill_bins(self._person, self._place, times, self._cells)
        cells = self._cells.reshape(self._groups, 2, self._bins, LANES)
        others, events = cells.sum(axis=0)
        everywhere = np.arange(self._bins)
        lines = np.empty((2 * self._groups + 1, 2, LANES))
        for group, used in enumerate(self._used):
            own = cells[group]
            kernels.slopes(own[0], own[1], self._logit, used, self._starts[group], lines[group])
            outside = self._groups + group
            kernels.slopes(
                others - own[0], events - own[1], self._logit, everywhere, self._starts[outside], lines[outside]
            )
        kernels.slopes(others, events, self._logit, everywhere, self._starts[-1], lines[-1])
        return lines


def binned(logit: Floats, bins: int) -> tuple[Codes, Floats]:
    """Each row's bin, and every bin's mean logit less the mean of all; ``logit`` is in ascending order.

    A bin for each value where there are no more than ``bins``, equally wide bins otherwise; none is empty.
    """
    if not logit.size:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    values, place = np.unique(logit, return_inverse=True)
    if values.size > bins:
        wide = (logit[-1] - logit[0]) / bins
        place = np.unique(np.minimum(((logit - logit[0]) / wide).astype(np.int64), bins - 1), return_inverse=True)[1]
    counts = np.bincount(place)
    return np.asarray(place, dtype=np.int64), np.bincount(place, weights=logit) / counts - logit.mean()
