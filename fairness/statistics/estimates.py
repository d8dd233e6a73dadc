"""Rates, calibration and the excess of the false positive rate in every group of a partition, and outside it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from desist.fairness.statistics import calibrated, excess
from desist.fairness.statistics.calibrated import CALIBRATIONS
from desist.fairness.statistics.contrasts import NOBODY, Estimated
from desist.fairness.statistics.intervals import Codes, Floats
from desist.fairness.statistics.person_sums import PersonSums, Side
from desist.fairness.statistics.point_tables import RATES
from desist.fairness.statistics.sample import Sample

SHARES = (*RATES, "sensitivity_in_need", "benefit")
ESTIMATED = (*SHARES, *CALIBRATIONS, "excess_fpr")

#: A metric inside a group, and outside it.
Pair = tuple[Estimated, Estimated]


class Estimates:
    """Metrics whose intervals come from sums over people, not from replicates."""

    def __init__(self, sample: Sample, metrics: Collection[str] = ESTIMATED) -> None:
        self._sample, self._columns = sample, _columns(sample, metrics)
        whole = self._sides(np.zeros(sample.y.size, dtype=np.int64), 1)
        self._everybody = {metric: both[0][0] for metric, both in whole.items()}

    @property
    def everybody(self) -> dict[str, Estimated]:
        """Each metric over all rows."""
        return {metric: self._one(metric, side) for metric, side in self._everybody.items()}

    def of(self, codes: Codes, groups: int) -> dict[str, list[Pair]]:
        """Each metric inside every group, numbered by ``codes``, and outside it; none that the sample cannot tell."""
        return {
            metric: [(self._one(metric, inside), self._one(metric, outside)) for inside, outside in both]
            for metric, both in self._sides(codes, groups).items()
        }

    def _sides(self, codes: Codes, groups: int) -> dict[str, list[tuple[Side, Side]]]:
        sums = PersonSums(self._sample.people, codes, groups)
        return {metric: sums.add(columns) for metric, columns in self._columns.items()}

    def _one(self, metric: str, side: Side) -> Estimated:
        whole = self._everybody[metric]
        if not side.n > 0:
            return NOBODY
        if metric == "excess_fpr":
            return excess.excess_fpr(side, excess.within_person(whole))
        alike = calibrated.likeness(whole, calibration=metric in CALIBRATIONS)
        return (calibrated.calibration if metric in CALIBRATIONS else calibrated.rate)(side, alike)


def _columns(sample: Sample, metrics: Collection[str]) -> dict[str, Floats]:
    """What is added up for each metric that the sample can tell."""
    found = {}
    for metric in ESTIMATED:
        base = sample.base(metric)
        if metric not in metrics or base is None:
            continue
        weights = base.astype(np.float64)
        if metric == "excess_fpr":
            if sample.chances:
                found[metric] = excess.excess_columns(sample.y, sample.score, sample.selected.astype(np.float64))
        elif metric in CALIBRATIONS:
            found[metric] = calibrated.calibration_columns(weights, sample.y, sample.score)
        else:
            found[metric] = calibrated.rate_columns(weights, sample.counted(metric).astype(np.float64))
    return found
