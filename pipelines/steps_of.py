"""The four steps: which one an estimate falls in, and how each did in the test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from desist.fairness.policy import CutOffs
from desist.fairness.statistics.intervals import wilson
from desist.reports.content import StepRecord

STEPS = (1, 2, 3, 4)


def step_of(score: float, cut_offs: CutOffs) -> int:
    """1 to 4: how many cut-offs the estimate reaches, plus one."""
    return 1 + sum(bool(score >= cut) for cut in cut_offs.steps)


def moved_share(before: Sequence[float], after: Sequence[float], cut_offs: CutOffs) -> tuple[int, float]:
    """How many rows fall in another step after than before, and their share of all."""
    moved = sum(step_of(one, cut_offs) != step_of(other, cut_offs) for one, other in zip(before, after, strict=True))
    return moved, moved / len(before) if len(before) else 0.0


def step_records(rows: pd.DataFrame, outcome: str, score: str, cut_offs: CutOffs) -> tuple[StepRecord, ...]:
    """Of 100 people shown at each step in the latest test, how many had the outcome, with a 95 % Wilson interval.

    ``rows``: as_of, person_id and the columns ``outcome`` and ``score``. One date alone, so that each person counts
    once. A step that nobody was shown at has the widest range.
    """
    latest = rows[rows["as_of"] == rows["as_of"].max()]
    step = np.array([step_of(one, cut_offs) for one in latest[score]])
    found = []
    for number in STEPS:
        at = latest[step == number]
        people = int(at["person_id"].nunique())
        rate = float(at[outcome].mean()) if len(at) else 0.0
        low, high = wilson_interval(rate, people)
        found.append(StepRecord(number, people, round(100 * rate), int(np.floor(100 * low)), int(np.ceil(100 * high))))
    return tuple(found)


def wilson_interval(rate: float, people: int) -> tuple[float, float]:
    """The 95 % interval of a rate over so many people; from 0 to 1 where there is nobody."""
    interval = wilson(rate * people, people)
    if interval.low is None or interval.high is None:
        return 0.0, 1.0
    return interval.low, interval.high
