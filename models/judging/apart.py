"""Who teaches a model and who judges it: people are put apart once, and judged on later dates than were learnt from.

The file that a board is asked about must be the file that was audited. So part of the people, the judges, teach
nothing: no fit, no calibration, no choice between models. The file learns from the others' rows whose label was known
before the first audited date, and is judged on the judges' rows of that date and later ones.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.models.estimators.base import CannotFit
from desist.records.hashing import hash_bytes

_PARTS = 10_000


@dataclass(frozen=True)
class AuditPlan:
    """What an audit keeps apart.

    ``known_after_days``: days after its as-of date until a row's label is known. ``judge_share``: the share of people
    who only judge. ``dates``: so many of the last dates with a known label are audited. ``least_dates``: the file
    must learn from so many dates at least.
    """

    known_after_days: int
    judge_share: float
    dates: int
    least_dates: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.judge_share < 1 or min(self.known_after_days, self.dates, self.least_dates) < 1:
            raise ValueError("an audit needs a label gap, a share of people between 0 and 1, and dates on both sides")


@dataclass(frozen=True)
class Apart:
    """Positions of rows in the table that was put apart.

    ``learners``: rows of everybody who is no judge, on every date: back-tests and the choice use these.
    ``learn``: those of them that teach the audited file. ``judge``: the judges' rows on the audited dates.
    """

    learners: NDArray[np.intp]
    learn: NDArray[np.intp]
    judge: NDArray[np.intp]
    audited_from: dt.date


def is_judge(people: pd.Series, share: float, seed: int) -> NDArray[np.bool_]:
    """Whether each row's person is a judge: by a hash, so that a person keeps the side in every quarter."""
    names = people.astype(str)
    below = share * _PARTS
    side = {name: int(hash_bytes(f"{seed} judge {name}".encode())[:12], 16) % _PARTS < below for name in names.unique()}
    return np.asarray(names.map(side), dtype=bool)


def set_apart(table: pd.DataFrame, plan: AuditPlan) -> Apart:
    """The two sides of a table (person_id, as_of; every label known). Raises CannotFit where dates or judges lack."""
    as_of = table["as_of"]
    dates = sorted(as_of.unique())
    judges = is_judge(table["person_id"], plan.judge_share, plan.seed)
    first = dates[-plan.dates] if len(dates) >= plan.dates else None
    learn = np.zeros(len(table), dtype=bool)
    if first is not None:
        learn = ~judges & (as_of + pd.Timedelta(days=plan.known_after_days) <= first).to_numpy()
    found = int(as_of[learn].nunique())
    if first is None or found < plan.least_dates:
        raise CannotFit(
            f"The audit needs {plan.dates} dates with a known outcome, and {plan.least_dates} earlier ones whose "
            f"outcome was known before the first of them, {plan.known_after_days} days later: there are {len(dates)} "
            f"dates, {found} of them early enough. Take in more history, or draw past caseloads more often."
        )
    judge = judges & (as_of >= first).to_numpy()
    if not judge.any():
        raise CannotFit(
            f"None of the {len(table):,} rows with a known outcome is of a judge on one of the {plan.dates} audited "
            "dates, so nobody is left to judge a model. Take in more people, or raise audit_share."
        )
    return Apart(np.flatnonzero(~judges), np.flatnonzero(learn), np.flatnonzero(judge), pd.Timestamp(first).date())
