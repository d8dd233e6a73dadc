"""Cumulative incidence of competing events by month: the Aalen-Johansen estimate.

Of everybody, the share to whom each event happened first by the end of each month, with people who could no longer
be seen counted up to the day they could. Taking competing events for censored instead (one minus Kaplan-Meier)
would say what nobody experiences: reoffending in a world without custody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

CENSORED = "censored"


def month_ends(months: int) -> list[int]:
    """The last follow-up day of months 1, 2, ...: twelfths of 365 days, rounded down, as windows count them."""
    return [month * 365 // 12 for month in range(1, months + 1)]


def cumulative_incidence(
    days: np.ndarray[Any, Any], causes: Sequence[str], *, months: int, of: Sequence[str]
) -> pd.DataFrame:
    """One row per month, month 0 first: month, day, at_risk, a column per cause, and event_free; the shares sum to 1.

    ``days``: the day of each person's first event, or the last day they were seen without one; ``causes``: which,
    "censored" where there was none. ``of``: the causes, in the order of the columns. On one day events come before
    censoring: who is censored on a day was at risk on it. ``at_risk``: people seen on the day after the month's end
    without an event before. NaN for months after the last day on which anybody was seen, unless an event had
    happened to everybody. Rows that are missing must be left out before.
    """
    when, what = np.asarray(days, dtype="float64"), np.asarray(causes, dtype=object)
    if len(when) != len(what):
        raise ValueError(f"{len(when)} days for {len(what)} causes")
    if np.isnan(when).any() or (when < 0).any():
        raise ValueError("a day of follow-up is missing or negative; leave out rows that are not known")
    unknown = sorted({str(cause) for cause in what} - {*of, CENSORED})
    if unknown or CENSORED in of:
        raise ValueError(f"causes beside {', '.join(of)} and {CENSORED}: {', '.join(unknown) or CENSORED}")
    if not len(when):
        raise ValueError("nobody to follow up")
    times = np.unique(when[(what != CENSORED) & (when > 0)])
    at_risk = len(when) - np.searchsorted(np.sort(when), times)
    happened = np.column_stack([_on_each(times, when[what == cause]) for cause in of])
    free = np.r_[1.0, np.cumprod(1 - happened.sum(axis=1) / at_risk)]
    shares = np.vstack([np.zeros(len(of)), np.cumsum(free[:-1, None] * happened / at_risk[:, None], axis=0)])
    ends = np.array([0, *month_ends(months)])
    at = np.searchsorted(times, ends, side="right")
    seen = (ends <= when.max()) | (free[at] == 0)
    values = np.where(seen[:, None], np.column_stack([shares, free])[at], np.nan)
    left = len(when) - np.searchsorted(np.sort(when), ends, side="right")
    table = pd.DataFrame({"month": np.arange(months + 1), "day": ends, "at_risk": left})
    return pd.concat([table, pd.DataFrame(values, columns=[*of, "event_free"])], axis=1)


def _on_each(times: np.ndarray[Any, Any], days: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How many of the days fall on each of the times."""
    ordered = np.sort(days)
    return np.searchsorted(ordered, times, side="right") - np.searchsorted(ordered, times)
