"""The four steps: which one an estimate falls in, and how each did in the test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from desist.fairness.intervals import wilson
from desist.fairness.policy import CutOffs
from desist.pipelines.training import OUTCOME
from desist.reports.content import StepRecord

STEPS = (1, 2, 3, 4)


def step_of(score: float, cut_offs: CutOffs) -> int:
    """1 to 4: how many cut-offs the estimate reaches, plus one."""
    return 1 + sum(bool(score >= cut) for cut in cut_offs.steps)


def step_records(judged: pd.DataFrame, name: str, cut_offs: CutOffs) -> tuple[StepRecord, ...]:
    """Of 100 people shown at each step in the latest test, how many had the outcome, with a 95 % Wilson interval.

    ``name``: the column of ``judged`` with the model's scores. One date alone, so that each person counts once.
    A step that nobody was shown at has the widest range.
    """
    judged = judged[judged["as_of"] == judged["as_of"].max()]
    step = np.array([step_of(score, cut_offs) for score in judged[name]])
    found = []
    for number in STEPS:
        rows = judged[step == number]
        people = int(rows["person_id"].nunique())
        rate = float(rows[OUTCOME].mean()) if len(rows) else 0.0
        low, high = wilson_interval(rate, people)
        found.append(StepRecord(number, people, round(100 * rate), int(np.floor(100 * low)), int(np.ceil(100 * high))))
    return tuple(found)


def wilson_interval(rate: float, people: int) -> tuple[float, float]:
    """The 95 % interval of a rate over so many people; from 0 to 1 where there is nobody."""
    interval = wilson(rate * people, people)
    if interval.low is None or interval.high is None:
        return 0.0, 1.0
    return interval.low, interval.high
