"""The chance by age alone, learnt from past rows with known outcomes: what a model without age must beat."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from desist.fairness.groups import NOT_STATED, age_band, band_label
from desist.fairness.statistics.intervals import Floats
from desist.features.tables import ROW, check_rows
from desist.records.codes import AGE_BANDS
from desist.records.errors import Refused

BANDS = tuple(band_label(*limits) for limits in AGE_BANDS)
#: A band's rate is drawn to the overall rate as if so many more rows had it: a band of a few cannot say 0 or 1.
ROWS_OF_THE_OVERALL_RATE = 20.0
UNKNOWN_AGE = "unknown: age on the as-of date"


@dataclass
class AgeOnly:
    """Rates by age band (those of every report), drawn to the overall rate. A comparator: never released.

    ``fit`` learns from rows the caller chose: other people and earlier dates than those scored, as a model's are.
    """

    rates_: dict[str, float] = field(default_factory=dict, init=False)
    rows_: int = field(default=0, init=False)

    def fit(self, ages: pd.Series, y: ArrayLike) -> AgeOnly:
        """Learn a rate per band. A row of unknown age tells the overall rate alone.

        Raises Refused for a child (none can be in a caseload), and where no outcome is known.
        """
        outcome = np.asarray(y, dtype=float)
        if len(outcome) != len(ages) or not np.isin(outcome, [0.0, 1.0]).all():
            raise ValueError("each age needs one known outcome, 0 or 1")
        if not len(outcome):
            raise Refused("Age alone cannot be compared with: no earlier row of other people has a known outcome.")
        band = age_band(ages.reset_index(drop=True).astype(float))
        overall, extra = float(outcome.mean()), ROWS_OF_THE_OVERALL_RATE
        table = pd.DataFrame({"band": band, "y": outcome}).groupby("band")["y"].agg(["sum", "size"])
        table = table.reindex(list(BANDS), fill_value=0)
        rates = (table["sum"] + extra * overall) / (table["size"] + extra)
        self.rates_ = {str(name): float(rate) for name, rate in rates.items()}
        self.rows_ = len(outcome)
        return self

    def chances(self, table: pd.DataFrame) -> pd.DataFrame:
        """person_id, as_of, chance and why_unknown for a table with ``age`` (whole years on the as-of date).

        An unknown age makes the row unknown. Raises Refused for a child, ValueError before ``fit``.
        """
        if not self.rates_:
            raise ValueError("fit first: there is no rate yet")
        check_rows(table, "rows for a comparator", ["age"])
        band = age_band(table["age"].reset_index(drop=True).astype(float))
        chance: Floats = np.asarray(band.map(self.rates_), dtype=np.float64)
        why = np.where(band == NOT_STATED, UNKNOWN_AGE, "").astype(object)
        return table[ROW].reset_index(drop=True).assign(chance=chance, why_unknown=why)
