"""The judged rows of an audit, and which of them each metric is taken over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.fairness.statistics.intervals import Codes, Floats

Mask = NDArray[np.bool_]

#: "Near the cut-off": estimates no further from it than this.
NEAR_THE_CUT_OFF = 0.1


@dataclass(frozen=True)
class Sample:
    """Judged rows: outcome, estimate, whose row it is (numbered from 0), and the cut-off that selects.

    ``need``: whether a need was on record on the date; ``received``: whether a service followed it; ``latest``:
    whether the row is of the latest judged date. None where nothing is known of that, and then no metric that asks for
    it.
    """

    y: Floats
    score: Floats
    people: Codes
    cut_off: float
    need: Mask | None = None
    received: Mask | None = None
    latest: Mask | None = None

    def __post_init__(self) -> None:
        if not self.y.size:
            raise ValueError("there is no row to judge")
        for name in ("score", "people", "need", "received", "latest"):
            column = getattr(self, name)
            if column is not None and column.shape != self.y.shape:
                raise ValueError(f"{name} and outcome have different lengths")

    @property
    def selected(self) -> Mask:
        return np.asarray(self.score >= self.cut_off, dtype=bool)

    @property
    def event(self) -> Mask:
        return np.asarray(self.y == 1, dtype=bool)

    @property
    def chances(self) -> bool:
        """Whether every estimate lies between 0 and 1, so that it can be read as a chance."""
        return bool(self.score.min() >= 0 and self.score.max() <= 1)

    def base(self, metric: str) -> Mask | None:
        """The rows that make up a metric's denominator; None where the sample cannot tell."""
        chosen, event = self.selected, self.event
        if metric == "sensitivity_in_need":
            return None if self.need is None else self.need & event
        if metric == "benefit":
            return None if self.need is None or self.received is None else self.need
        if metric == "calibration_near_cut_off":
            # A hair wider, so that .5 - .4 counts as .1.
            return np.asarray(np.abs(self.score - self.cut_off) <= NEAR_THE_CUT_OFF + 1e-9, dtype=bool)
        masks: dict[str, Mask] = {"fpr": ~event, "fnr": event, "ppv": chosen, "fdr": chosen, "for": ~chosen}
        return masks.get(metric, np.ones(self.y.size, dtype=bool))

    def counted(self, metric: str) -> Mask:
        """The rows of the denominator that count into the numerator of a rate."""
        if metric == "benefit" and self.received is not None:
            return self.received
        chosen, event = self.selected, self.event
        hits = {"selection": chosen, "fpr": chosen, "fnr": ~chosen, "fdr": ~event, "sensitivity_in_need": chosen}
        return hits.get(metric, event)
