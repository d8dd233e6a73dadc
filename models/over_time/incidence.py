"""Cumulative incidence of competing events by month: the Aalen-Johansen estimate.

Of everybody, the share to whom each event happened first by the end of each month, with people who could no longer
be seen counted up to the day they could. Taking competing events for censored instead (one minus Kaplan-Meier)
would say what nobody experiences: reoffending in a world without custody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from desist.models.estimators.base import Floats
from desist.models.judging.evaluate import draw_people

CENSORED = "censored"
Z_95 = 1.959963984540054


def month_ends(months: int) -> list[int]:
    """The last follow-up day of months 1, 2, ...: twelfths of 365 days, rounded down, as windows count them."""
    return [month * 365 // 12 for month in range(1, months + 1)]


def cumulative_incidence(days: ArrayLike, causes: ArrayLike, *, months: int, of: Sequence[str]) -> pd.DataFrame:
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


def incidence_with_intervals(
    days: ArrayLike,
    causes: ArrayLike,
    people: ArrayLike,
    *,
    months: int,
    of: Sequence[str],
    replicates: int,
    seed: int,
) -> pd.DataFrame:
    """``cumulative_incidence`` with ``_low`` and ``_high`` beside each share: pointwise 95 %, month by month.

    People are drawn again with all their rows; each interval is Wilson's for as many people as would make the spread
    found between the draws, never more than there are. So it never leaves 0 to 1, and a share of 0 or 1 has an
    interval too, from the people who were followed so far. NaN where the share is. Month
    0 is certain. Pointwise: a whole curve leaves its intervals somewhere more often than one time in twenty.
    Source: Korn and Graubard (1998), Survey Methodology 24, 193-201, on the effective number of people.
    """
    table = cumulative_incidence(days, causes, months=months, of=of)
    when, what, who = np.asarray(days, dtype="float64"), np.asarray(causes, dtype=object), np.asarray(people)
    if len(who) != len(when):
        raise ValueError(f"{len(who)} people for {len(when)} days")
    columns = [*of, "event_free"]
    ends, share = table["day"].to_numpy(), table[columns].to_numpy()
    drawn = np.concatenate(list(_drawn_again(when, what, who, ends, of, replicates, seed)))
    alone = (share == 0) | (share == 1)
    people = np.where(alone, _followed(when, what, who, ends)[:, None], _effective(share, drawn, len(np.unique(who))))
    low, high = _wilson(share, people)
    low[0], high[0] = share[0], share[0]
    for place, name in enumerate(columns):
        known = np.isfinite(share[:, place])
        table[f"{name}_low"] = np.where(known, low[:, place], np.nan)
        table[f"{name}_high"] = np.where(known, high[:, place], np.nan)
    return table


def _effective(share: Floats, drawn: Floats, people: int) -> Floats:
    """So many people would make the spread that each share has between the draws which tell it; at most ``people``."""
    tells = np.isfinite(drawn)
    count = np.maximum(tells.sum(axis=0), 1)
    mean = np.where(tells, drawn, 0.0).sum(axis=0) / count
    spread = (np.where(tells, drawn - mean, 0.0) ** 2).sum(axis=0) / np.maximum(count - 1, 1)
    effective = np.divide(share * (1 - share), spread, out=np.full(share.shape, np.inf), where=spread > 0)
    return np.asarray(np.minimum(effective, people), dtype=float)


def _drawn_again(
    when: Floats, what: np.ndarray[Any, Any], who: np.ndarray[Any, Any], ends: np.ndarray[Any, Any],
    of: Sequence[str], replicates: int, seed: int,
) -> Iterator[Floats]:  # fmt: skip
    """Shares by draw, month and cause, event-free last, in lots of draws; NaN after a draw's last day seen."""
    times = np.unique(when[(what != CENSORED) & (when > 0)])
    at_risk = _marks(np.searchsorted(times, when, side="right"), len(times) + 1)
    day = np.where(when > 0, np.searchsorted(times, when), len(times))
    kinds = [_marks(np.where(what == cause, day, len(times)), len(times) + 1) for cause in of]
    last = _marks(np.searchsorted(ends, when, side="right"), len(ends) + 1)
    at = np.searchsorted(times, ends, side="right")
    for draws in draw_people(who, replicates, seed):
        # who leaves after so many event times was at risk on each of them
        exposed = _from_right(draws @ at_risk)[:, 1:]
        happened = np.stack([(draws @ kind)[:, :-1] for kind in kinds], axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = np.where(exposed[:, :, None] > 0, happened / exposed[:, :, None], 0.0)
        start = np.ones((len(draws), 1))
        free = np.hstack([start, np.cumprod(1 - rate.sum(axis=2), axis=1)])
        shares = np.cumsum(np.concatenate([np.zeros((len(draws), 1, len(of))), free[:, :-1, None] * rate], 1), axis=1)
        found = np.concatenate([shares, free[:, :, None]], axis=2)[:, at]
        seen = (_from_right(draws @ last)[:, 1:] > 0) | (free[:, at] <= 1e-12)
        yield np.where(seen[:, :, None], found, np.nan)


def _marks(place: np.ndarray[Any, Any], size: int) -> csr_array:
    """Rows by places: a one where each row's place is."""
    return csr_array((np.ones(len(place)), (np.arange(len(place)), place)), shape=(len(place), size))


def _from_right(counts: Floats) -> Floats:
    return np.asarray(counts[:, ::-1].cumsum(axis=1)[:, ::-1], dtype=float)


def _followed(
    when: Floats, what: np.ndarray[Any, Any], who: np.ndarray[Any, Any], ends: np.ndarray[Any, Any]
) -> Floats:
    """By month, the people seen to its end or to an event before it; at least 1."""
    told = [len(set(who[(when >= end) | ((what != CENSORED) & (when > 0))].tolist())) for end in ends]
    return np.asarray(np.maximum(np.array(told, dtype=float), 1.0), dtype=float)


def _wilson(share: Floats, people: Floats) -> tuple[Floats, Floats]:
    """The 95 % Wilson interval of shares among so many people; touches 0 and 1 where the share does."""
    square = Z_95**2
    middle = (share + square / (2 * people)) / (1 + square / people)
    half = Z_95 * np.sqrt(share * (1 - share) / people + square / (4 * people**2)) / (1 + square / people)
    low = np.where(share == 0, 0.0, np.maximum(middle - half, 0.0))
    return np.asarray(low, dtype=float), np.asarray(np.where(share == 1, 1.0, np.minimum(middle + half, 1.0)), float)
