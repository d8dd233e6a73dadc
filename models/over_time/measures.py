"""How well scores and curves tell who comes first: concordance and the Brier score over time, under censoring.

Weighted by the inverse chance of not being censored (IPCW), where censoring is taken to be independent of the
features. The definitions are scikit-survival's, whose results these agree with; it is not needed to run them.
Source: Harrell et al. (1996); Uno et al. (2011), Statistics in Medicine 30, 1105-1117; Graf et al. (1999), Statistics
in Medicine 18, 2529-2545.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from desist.models.estimators.base import Floats

TIED = 1e-8  # scores no further apart than this are equal
CELLS_AT_ONCE = 4_000_000  # bounds memory: pairs are worked through in lots of this many


@dataclass(frozen=True)
class NotCensored:
    """The chance of not having been censored by each time, Kaplan-Meier with events before censoring on one day."""

    times: Floats
    chance: Floats

    def after(self, when: ArrayLike) -> Floats:
        """The chance of still being seen after each of these times.

        Raises ValueError for a time later than the last on which anybody was seen, unless all were censored by then.
        """
        asked = np.asarray(when, dtype=float)
        if self.chance[-1] > 0 and (asked > self.times[-1]).any():
            raise ValueError(f"nobody was seen after time {self.times[-1]:g}; measure up to an earlier time")
        return np.asarray(np.r_[1.0, self.chance][np.searchsorted(self.times, asked, side="right")], dtype=float)


def not_censored(event: ArrayLike, time: ArrayLike) -> NotCensored:
    """The censoring of these rows: 1 throughout where nobody was censored."""
    happened, when = np.asarray(event, dtype=bool), np.asarray(time, dtype=float)
    times = np.unique(when)
    at_risk = len(when) - np.searchsorted(np.sort(when), times)
    events = _on_each(times, when[happened])
    lost = _on_each(times, when[~happened])
    left = at_risk - events
    return NotCensored(times, np.cumprod(1.0 - np.divide(lost, left, out=np.zeros(len(times)), where=lost > 0)))


def _on_each(times: Floats, when: Floats) -> NDArray[np.int64]:
    ordered = np.sort(when)
    return np.searchsorted(ordered, times, side="right") - np.searchsorted(ordered, times)


def concordance(
    event: ArrayLike,
    time: ArrayLike,
    score: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    draws: Floats | None = None,
) -> Floats:
    """The share of comparable pairs in which the first to have the event had the higher score; half for a tie.

    One value per line of ``draws`` (how often each row is drawn), one value in all without; NaN without a pair. A
    pair: one with the event, and one who was seen longer, or was censored on the same day (Harrell). ``weight`` of the
    one with the event, such as ``ipcw``. Of competing causes this is cause-specific: ``event`` is the cause asked
    about, and who had another is taken as censored then, in the weights too. ``strata``: only pairs within one count,
    such as folds scored by one model each.
    """
    happened, when, scored = (np.asarray(event, dtype=bool), np.asarray(time, float), np.asarray(score, float))
    weights = happened.astype(float) if weight is None else np.where(happened, np.asarray(weight, float), 0.0)
    group = np.zeros(len(when)) if strata is None else np.asarray(strata)
    times = np.ones((1, len(when))) if draws is None else np.asarray(draws, dtype=float)
    above, pairs = np.zeros(len(times)), np.zeros(len(times))
    first = np.flatnonzero(weights > 0)
    lot = max(1, CELLS_AT_ONCE // max(len(when), 1))
    for start in range(0, len(first), lot):
        rows = first[start : start + lot]
        later = (when > when[rows, None]) | ((when == when[rows, None]) & ~happened)
        later &= group == group[rows, None]
        apart = scored[rows, None] - scored
        right = np.where(np.abs(apart) <= TIED, 0.5, (apart > 0).astype(float)) * later
        drawn = times[:, rows] * weights[rows]
        above += ((drawn @ right) * times).sum(axis=1)
        pairs += ((drawn @ later.astype(float)) * times).sum(axis=1)
    return np.asarray(np.divide(above, pairs, out=np.full(len(times), np.nan), where=pairs > 0), dtype=float)


def ipcw(censoring: NotCensored, event: ArrayLike, time: ArrayLike, *, until: float | None = None) -> Floats:
    """A weight for each row with the event before ``until``: one over the squared chance of being seen by then; else 0.

    The weight of a pair in Uno's concordance. Raises ValueError where that chance is 0: choose an earlier ``until``.
    """
    happened, when = np.asarray(event, dtype=bool), np.asarray(time, dtype=float)
    counted = happened if until is None else happened & (when < until)
    weights = np.zeros(len(when))
    seen = censoring.after(when[counted])
    if (seen == 0).any():
        raise ValueError("everybody was censored by the time of some event; measure up to an earlier time")
    weights[counted] = 1.0 / seen**2
    return weights


def brier_over_time(
    censoring: NotCensored,
    cause: ArrayLike,
    time: ArrayLike,
    share: ArrayLike,
    at: ArrayLike,
    *,
    of: int = 1,
    draws: Floats | None = None,
) -> Floats:
    """The Brier score at each of the times ``at``: one line per line of ``draws``, one in all without.

    ``cause``: 0 where censored, else the number of the cause; ``share``: rows by times, the predicted cumulative
    incidence of cause ``of``. Another cause counts as not this one from then on. Nobody censored counts after it:
    the others weigh as much more as their chance of being seen is below 1.
    """
    what, when, predicted = np.asarray(cause, dtype=int), np.asarray(time, float), np.asarray(share, float)
    asked = np.asarray(at, dtype=float)
    by_event = _inverse(censoring.after(when))
    by_time = _inverse(censoring.after(asked))
    ended = (when[:, None] <= asked) & (what[:, None] > 0)
    lost = ended * np.square((what == of).astype(float)[:, None] - predicted) * by_event[:, None]
    lost += (when[:, None] > asked) * np.square(predicted) * by_time
    if draws is None:
        return np.asarray(lost.mean(axis=0)[None, :], dtype=float)
    times = np.asarray(draws, dtype=float)
    return np.asarray(times @ lost / times.sum(axis=1, keepdims=True), dtype=float)


def _inverse(chance: Floats) -> Floats:
    return np.asarray(np.divide(1.0, chance, out=np.zeros_like(chance), where=chance > 0), dtype=float)


def over_all_times(brier: Floats, at: ArrayLike) -> Floats:
    """The mean Brier score over the span of the times, by the trapezoidal rule; one value per line.

    Raises ValueError for fewer than two times.
    """
    asked = np.asarray(at, dtype=float)
    if len(asked) < 2:
        raise ValueError("a mean over time needs two times or more")
    return np.asarray(np.trapezoid(brier, asked, axis=1) / (asked[-1] - asked[0]), dtype=float)
