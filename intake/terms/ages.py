"""Birthdays and ages in whole years. Somebody born on 29 February has their birthday on 1 March in other years."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.datetime64]


def birthday(born: Days, years: int) -> Days:
    """The day on which each age of ``years`` is reached; NaT for an unknown birth date."""
    months = born.astype("datetime64[M]")
    into_month = born.astype("datetime64[D]") - months.astype("datetime64[D]")
    return np.asarray((months + np.timedelta64(12 * years, "M")).astype("datetime64[D]") + into_month)


def age_on(born: Days, day: dt.date) -> npt.NDArray[np.float64]:
    """Whole years on ``day``; NaN for an unknown birth date and for a day before birth."""
    known = ~np.isnat(born)
    filled = np.where(known, born, np.datetime64("1900-01-01", "D")).astype("datetime64[D]")
    years = (np.datetime64(day, "Y") - filled.astype("datetime64[Y]")).astype(np.int64)
    for number in np.unique(years):
        early = (years == number) & (birthday(filled, int(number)) > np.datetime64(day, "D"))
        years = np.where(early, years - 1, years)
    return np.where(known & (years >= 0), years.astype(np.float64), np.nan)
