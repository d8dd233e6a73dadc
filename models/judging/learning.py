"""Would more people help? The same later rows scored by models that learnt from an eighth, a quarter, half and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.models.estimators.base import CannotFit, Floats
from desist.models.judging.choice import MARGIN_SHARE
from desist.models.judging.evaluate import Difference, Measured, metrics_to_json, score_metrics
from desist.models.judging.trial import Positions, Trial
from desist.records.hashing import hash_bytes

#: Shares of the people learnt from; each holds the people of the one before.
SHARES = (0.125, 0.25, 0.5, 1.0)

STILL_GAINING = "more people would help"
LEVELLED_OFF = "more people would hardly help"
CANNOT_TELL = "it cannot be told whether more people would help"


@dataclass(frozen=True)
class LearningPoint:
    """One share of the people learnt from, and how its model did. ``why_not`` says why there is none."""

    share: float
    people: int
    rows: int
    events: int
    metrics: Mapping[str, Measured]
    why_not: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "metrics": metrics_to_json(self.metrics)}


@dataclass(frozen=True)
class LearningCurve:
    """Measures on the same later rows by how many people were learnt from, and what that says.

    ``last_doubling``: learnt from everybody less learnt from half (Brier below 0: everybody is better). ``worth``: the
    fall in Brier score that would be worth having, a tenth of the gain over the base rate.
    """

    points: tuple[LearningPoint, ...]
    last_doubling: Mapping[str, Difference]
    worth: float
    answer: str
    words: str

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "points": [point.to_json() for point in self.points],
            "last_doubling": metrics_to_json(self.last_doubling),
        }


def learning_curve(
    trial: Trial, *, shares: Sequence[float] = SHARES, cut_off: float | None = None, full: Floats | None = None
) -> LearningCurve:
    """Measures on the trial's later rows when learning from nested random shares of the people.

    One random order of people per split: the intervals tell how sure the test is, not how much another order would
    change. ``full``: scores of the model that learnt from everybody, where they are at hand. A share with too few
    outcomes to fit has a point without measures.
    """
    if sorted(shares) != list(shares) or not shares or shares[-1] != 1.0 or shares[0] <= 0.0:
        raise ValueError("the shares of people rise to 1")
    scores: dict[float, Floats] = {}
    points = []
    for share in shares:
        if share == 1.0 and full is not None:
            scores[share], why = full, ""
        else:
            scores, why = _tried(trial, share, scores)
        points.append(_point(trial, share, scores.get(share), why, cut_off))
    before = shares[-2] if len(shares) > 1 else 0.0
    return _told(trial, points, scores.get(before), scores.get(1.0), before)


def _tried(trial: Trial, share: float, scores: dict[float, Floats]) -> tuple[dict[float, Floats], str]:
    try:
        models = trial.fit(keep=lambda learn: kept(trial, learn, share))
    except CannotFit as problem:
        return scores, str(problem)
    return {**scores, share: trial.score(models)}, ""


def kept(trial: Trial, learn: Positions, share: float) -> Positions:
    """The rows of the first ``share`` of the people, in an order made by a hash: smaller shares lie within larger."""
    people = trial.table["person_id"].iloc[learn].astype(str)
    order = pd.Series(
        {name: hash_bytes(f"learning {trial.plan.seed} {name}".encode()) for name in people.unique()}, dtype="str"
    ).sort_values(kind="stable")
    chosen = set(order.index[: max(1, round(share * len(order)))])
    return learn[people.isin(chosen).to_numpy()]


def _point(trial: Trial, share: float, score: Floats | None, why: str, cut_off: float | None) -> LearningPoint:
    learnt = [trial.table.iloc[kept(trial, split.learn, share)] for split in trial.splits]
    metrics = (
        {}
        if score is None
        else score_metrics(
            trial.y, score, trial.people, replicates=trial.replicates, seed=trial.plan.seed, cut_off=cut_off
        )
    )
    many = len(learnt)  # the mean over the splits
    return LearningPoint(
        share,
        round(sum(rows["person_id"].nunique() for rows in learnt) / many),
        round(sum(len(rows) for rows in learnt) / many),
        round(sum(float(rows[trial.plan.outcome].sum()) for rows in learnt) / many),
        metrics,
        why,
    )


def _told(
    trial: Trial, points: Sequence[LearningPoint], half: Floats | None, full: Floats | None, before: float
) -> LearningCurve:
    if half is None or full is None:
        return LearningCurve(
            tuple(points), {}, 0.0, CANNOT_TELL, "Too few people to fit on a part of them: " + CANNOT_TELL + "."
        )
    y = trial.y
    last, rate = trial.difference(full, half), float(y.mean())
    worth = MARGIN_SHARE * max(rate * (1 - rate) - float(np.mean((full - y) ** 2)), 0.0)
    brier = last["brier"]
    assert brier.value is not None and brier.at_least is not None and brier.at_most is not None
    gain, least, most = -brier.value, -brier.at_most, -brier.at_least
    answer = STILL_GAINING if least > 0 else LEVELLED_OFF if most <= worth else CANNOT_TELL
    step = f"From {100 * before:g} % of the people to all of them ({points[-2].people:,} to {points[-1].people:,})"
    moved = "fell" if gain >= 0 else "rose"
    sure = f"with 95 % confidence it fell by at least {least:.4f} and at most {most:.4f}"
    if answer == LEVELLED_OFF and most <= 0:
        sure = "with 95 % confidence it did not fall"
    elif least <= 0:
        sure = f"with 95 % confidence it fell by at most {most:.4f}"
    words = (
        f"{step} the Brier score {moved} by {abs(gain):.4f}; {sure}. A fall of {worth:.4f}, a tenth of the gain over "
        f"the base rate, would be worth having: {answer}."
    )
    return LearningCurve(tuple(points), last, worth, answer, words)
