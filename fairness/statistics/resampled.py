"""What the bootstrap of people says of the groups of one characteristic, and of everybody, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from desist.fairness.statistics.bootstrap import people_bootstrap, point_values
from desist.fairness.statistics.contrasts import NOBODY, Estimated
from desist.fairness.statistics.intervals import Codes, Floats
from desist.fairness.statistics.sample import Sample

#: Metrics whose intervals come from replicates.
RESAMPLED = ("mean_estimate", "auc", "brier", "calibration_slope", "cross_auc")


class Resampled:
    """Values and standard errors inside every group, outside it, and over everybody. ``codes`` numbers the groups.

    The same seed draws the same people for every characteristic.
    """

    def __init__(self, sample: Sample, codes: Codes, groups: int, *, replicates: int, seed: int) -> None:
        drawn = people_bootstrap(
            sample.y, sample.score, sample.people, codes, groups, cut_off=sample.cut_off, replicates=replicates,
            seed=seed, metrics=RESAMPLED,
        )  # fmt: skip
        points = point_values(sample.y, sample.score, codes, groups, cut_off=sample.cut_off)
        self._inside = points.inside, {metric: drawn.standard_error(metric) for metric in RESAMPLED}
        self._outside = points.outside, {metric: drawn.standard_error_outside(metric) for metric in RESAMPLED}
        everybody = {metric: np.array([drawn.standard_error_of_everybody(metric)]) for metric in RESAMPLED}
        self._everybody = points.everybody, everybody
        self._of_gap = {metric: drawn.standard_error_of_gap(metric) for metric in RESAMPLED}

    def inside(self, metric: str, group: int, rows: int, people: int) -> Estimated:
        """A metric over the group's rows; its effective denominator is the people."""
        return _estimated(self._inside, metric, group, rows, people)

    def outside(self, metric: str, group: int, rows: int, people: int) -> Estimated:
        """A metric over everybody else's rows."""
        return _estimated(self._outside, metric, group, rows, people)

    def everybody(self, metric: str, rows: int, people: int) -> Estimated:
        return _estimated(self._everybody, metric, 0, rows, people)

    def error_of_gap(self, metric: str, group: int) -> float | None:
        """Of inside minus outside, from the same draw of people; None where it is not known."""
        return _known(self._of_gap[metric][group]) if metric in self._of_gap else None


def _estimated(
    found: tuple[Mapping[str, Floats], Mapping[str, Floats]], metric: str, group: int, rows: int, people: int
) -> Estimated:
    if not rows:
        return NOBODY
    values, errors = found
    value, error = _known(values[metric][0, group]), _known(errors[metric][group])
    return Estimated(value, rows, float(people), error=error)


def _known(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
