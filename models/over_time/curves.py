"""Predicted curves of a table of people: cumulative incidence of each cause by month, and who stays free of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.models.estimators.base import Floats


@dataclass(frozen=True)
class Curves:
    """One line per row of the table, one column per month, month 0 first.

    ``shares``: by cause, the chance that it came first by the end of each month; ``event_free``: that none did. In
    every row and month they sum to 1. ``days``: the last day of each month. With recall and custody as they happen;
    a share is no chance of reoffending at liberty.
    """

    index: pd.Index
    days: NDArray[Any]
    shares: Mapping[str, Floats]
    event_free: Floats

    def __post_init__(self) -> None:
        total = self.event_free + sum(self.shares.values())
        if not np.allclose(total, 1.0, rtol=0, atol=1e-9):
            raise ValueError("the shares of all causes and of nobody do not sum to 1")

    @property
    def months(self) -> int:
        return len(self.days) - 1

    @property
    def any_event(self) -> Floats:
        """The chance that any of the causes came by the end of each month."""
        return np.asarray(1.0 - self.event_free, dtype=float)

    def at(self, month: int) -> pd.DataFrame:
        """One row per row of the table: a column per cause and ``event_free``, at the end of one month."""
        if not 0 <= month <= self.months:
            raise ValueError(f"the curves go from month 0 to {self.months}, not to {month}")
        columns = {name: share[:, month] for name, share in self.shares.items()}
        return pd.DataFrame({**columns, "event_free": self.event_free[:, month]}, index=self.index)

    def mean(self, rows: NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """The mean curve of (some of) the rows in the shape of ``incidence.cumulative_incidence``, without at_risk.

        NaN where there is no row.
        """
        chosen = np.ones(len(self.index), dtype=bool) if rows is None else np.asarray(rows, dtype=bool)
        table = pd.DataFrame({"month": np.arange(self.months + 1), "day": self.days})
        for name, share in {**self.shares, "event_free": self.event_free}.items():
            table[name] = share[chosen].mean(axis=0) if chosen.any() else np.nan
        return table
