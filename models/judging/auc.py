"""The AUC with what each person adds to it, so that differences of several have a standard error over people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from desist.models.estimators.base import Floats


@dataclass(frozen=True)
class Ranked:
    """An AUC, half for a tie. ``influence``: each person's part of its error; ``person``: the number of each row's.

    Source: DeLong, DeLong and Clarke-Pearson (1988), placement values; summed by person after Obuchowski (1997).
    """

    auc: float
    influence: Floats
    person: NDArray[np.intp]

    @classmethod
    def of(cls, y: Floats, score: Floats, person: NDArray[np.intp]) -> Ranked:
        """The AUC of rows with both outcomes; ``person`` numbers the person of each."""
        event = y == 1
        with_it, without = int(event.sum()), int((~event).sum())
        ranks = rankdata(score)
        placement = np.empty(len(y))
        placement[event] = (ranks[event] - rankdata(score[event])) / without
        placement[~event] = 1.0 - (ranks[~event] - rankdata(score[~event])) / with_it
        value = float(placement[event].mean())
        away = (placement - value) / np.where(event, with_it, without)
        return cls(value, np.bincount(person, away).astype(float), person)

    def error(self) -> float:
        return self.error_of(self.influence)

    @staticmethod
    def error_of(influence: Floats) -> float:
        """The standard error of what people add so much to."""
        return float(np.sqrt((influence**2).sum()))


def lower_bound(value: float, error: float, sure: float) -> float:
    """The value less so many standard errors."""
    return value - sure * error
