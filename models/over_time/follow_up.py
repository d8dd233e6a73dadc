"""Each row's follow-up cut into months: until when it was at risk, and what ended it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from desist.models.estimators.base import CannotFit, Floats
from desist.models.over_time.incidence import CENSORED

Ints = NDArray[np.int64]
HALF = 0.5  # a month in which somebody was censored counts as a whole one from this share of its days


@dataclass(frozen=True)
class AtRisk:
    """One line per row: ``month`` (from 0) in which its follow-up ended, ``seen``, the share of that month in which
    it was at risk (1 with an event), and ``cause``, the place of the cause among the causes, -1 where censored.
    """

    month: Ints
    seen: Floats
    cause: Ints
    months: int

    def weight(self) -> Floats:
        """Rows by months: 1 for a month at risk throughout, the share seen for the last, 0 after it."""
        whole = np.arange(self.months) < self.month[:, None]
        last = np.arange(self.months) == self.month[:, None]
        return np.where(whole, 1.0, np.where(last, self.seen[:, None], 0.0))

    def events(self, number: int) -> Floats:
        """How often a cause happened in each month."""
        return np.bincount(self.month[self.cause == number], minlength=self.months).astype(float)

    def months_without(self) -> tuple[Ints, Ints]:
        """Row and month of each month at risk in which nothing happened; the last one where half of it was seen."""
        counted = self.weight() >= HALF
        happened = np.flatnonzero(self.cause >= 0)
        counted[happened, self.month[happened]] = False
        row, month = np.nonzero(counted)
        return row, month


def month_ends_of(months: int, month_days: float) -> Ints:
    """The last day of each month: ``month * month_days`` rounded down, as ``incidence.month_ends`` for 365 / 12."""
    if months < 1 or month_days < 1:
        raise CannotFit(f"A horizon needs a month of a day or more; found {months} months of {month_days:g} days.")
    # rounded first: twelve times 365 / 12 may fall a hair short of 365
    ends: Ints = np.floor(np.round(np.arange(1, months + 1) * month_days, 6)).astype(np.int64)
    return ends


def at_risk(days: ArrayLike, cause: ArrayLike, *, causes: Sequence[str], ends: Ints) -> AtRisk:
    """Each row's months at risk up to the last of ``ends``; what comes later is not used.

    ``days``: the day of the first event, or the last day seen without one; day 1 is the first of follow-up. Raises
    CannotFit where days and causes cannot be followed, nothing happened, or nobody was followed into a month.
    """
    when, what = np.asarray(days, dtype=float), np.asarray(cause, dtype=object)
    _check(when, what, causes)
    number = np.full(len(what), -1, dtype=np.int64)
    for place, name in enumerate(causes):
        number[what == name] = place
    within = when <= ends[-1]
    number[~within] = -1
    month = np.minimum(np.searchsorted(ends, when, side="left"), len(ends) - 1)
    starts = np.r_[0, ends[:-1]]
    share = np.clip((when - starts[month]) / (ends - starts)[month], 0.0, 1.0)
    followed = AtRisk(month, np.where(number >= 0, 1.0, share), number, len(ends))
    if not (number >= 0).any():
        raise CannotFit(f"Nothing can be learnt: none of {', '.join(causes)} happened within {ends[-1]} days.")
    empty = np.flatnonzero(followed.weight().sum(axis=0) == 0)
    if len(empty):
        raise CannotFit(f"Nobody was followed into month {empty[0] + 1}; ask for a horizon of {empty[0]} months.")
    return followed


def _check(when: Floats, what: NDArray[Any], causes: Sequence[str]) -> None:
    if not causes or len(set(causes)) != len(causes) or CENSORED in causes:
        raise CannotFit(f"The causes must differ, and {CENSORED} is not one of them; found {', '.join(causes)}.")
    if len(when) != len(what):
        raise CannotFit(f"There are {len(when)} days for {len(what)} causes.")
    unknown = sorted({str(name) for name in what} - {*causes, CENSORED})
    if unknown:
        raise CannotFit(f"A row ended with {', '.join(unknown)}; the causes are {', '.join(causes)} and {CENSORED}.")
    if not np.isfinite(when).all() or (when < 0).any():
        raise CannotFit("A day of follow-up is missing or negative; leave out rows that are not known.")
    if ((what != CENSORED) & (when <= 0)).any():
        raise CannotFit("An event lies before the first day of follow-up, which is day 1.")
