"""Ways of lessening a gap that use a characteristic: in training only (fairlearn's reductions), or for each decision.

Neither makes a candidate. The first shows what a model that was taught to err alike would cost; the second, a cut-off
for each group, would need everybody's characteristic when a list is made and is never released.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from desist.fairness.statistics.intervals import Floats
from desist.records.errors import Refused

Mask = NDArray[np.bool_]
#: Groups with fewer people without the outcome among the taught rows are taken together: their rate would be luck.
FEWEST_WITHOUT = 30
TOGETHER = "smaller groups together"
#: Rounds of the reduction; each fits the model once or twice.
ROUNDS = 12
NEAREST = 1e-6


@dataclass(frozen=True)
class Taught:
    """Rows that teach: features, outcome, the group of each, and which are of the last date (they recalibrate)."""

    X: pd.DataFrame
    y: Floats
    groups: pd.Series
    last: Mask

    def __post_init__(self) -> None:
        if not len(self.X) == len(self.y) == len(self.groups) == len(self.last):
            raise ValueError("features, outcomes, groups and dates have different lengths")


def taught_equal_fpr(taught: Taught, judged: pd.DataFrame, *, cut_off: float, slack: float) -> Floats:
    """Chances for ``judged`` from a logistic model that was taught to wrongly list all groups alike.

    ``slack``: the gap in FPR that training lets stand. The groups steer training alone; the chances come from the
    features. A wrong listing weighs against a miss as the cut-off says.
    Source: Agarwal et al. 2018, "A reductions approach to fair classification" (fairlearn's ExponentiatedGradient).
    """
    from fairlearn.reductions import ErrorRate, ExponentiatedGradient, FalsePositiveRateParity

    steering = large_enough(taught.groups, taught.y)
    if steering.nunique() < 2:
        raise Refused("No two groups have enough people to teach a model to err alike.")
    first = ~taught.last if _both(taught.y[~taught.last]) else np.ones(len(taught.y), dtype=bool)
    with threadpool_limits(limits=1):
        prepare = _prepare().fit(taught.X[first])
        fitted = ExponentiatedGradient(
            _logistic(),
            FalsePositiveRateParity(difference_bound=slack),
            objective=ErrorRate(costs={"fp": cut_off, "fn": 1 - cut_off}),
            eps=slack,
            max_iter=ROUNDS,
        )
        with warnings.catch_warnings():  # of fairlearn's own pandas calls, which the next pandas refuses
            warnings.filterwarnings("ignore", message="Setting a(n item| value)", module="fairlearn")
            fitted.fit(prepare.transform(taught.X[first]), taught.y[first].astype(int),
                       sensitive_features=steering[first].to_numpy())  # fmt: skip
        learnt, asked = (_mixed(fitted, prepare.transform(table)) for table in (taught.X[taught.last], judged))
    return recalibrated(learnt, taught.y[taught.last], asked)


def plain_logistic(taught: Taught, judged: pd.DataFrame) -> Floats:
    """Chances from the same logistic model without the steering: what the reduction starts from."""
    first = ~taught.last if _both(taught.y[~taught.last]) else np.ones(len(taught.y), dtype=bool)
    with threadpool_limits(limits=1):
        prepare = _prepare().fit(taught.X[first])
        model = _logistic().fit(prepare.transform(taught.X[first]), taught.y[first].astype(int))
        learnt, asked = (
            np.asarray(model.predict_proba(prepare.transform(table))[:, 1]) for table in (taught.X[taught.last], judged)
        )
    return recalibrated(learnt, taught.y[taught.last], asked)


def cut_offs_by_group(score: Floats, y: Floats, groups: pd.Series, fpr: float) -> dict[str, float]:
    """For each group the lowest of its own scores that wrongly lists at most ``fpr`` of those without the outcome.

    One more than any score where every score lists too many. fairlearn's ThresholdOptimizer chooses the rate itself
    and lists by lot in between; here the rate is the one that everybody's cut-off gives, so that the two compare.
    """
    found = {}
    for group in sorted(groups.unique()):
        here = (groups == group).to_numpy()
        others = np.sort(score[here & (y == 0)])
        steps = np.unique(score[here])
        listed = (others.size - np.searchsorted(others, steps, side="left")) / max(others.size, 1)
        low = steps[listed <= fpr + 1e-12]
        found[str(group)] = float(low[0]) if low.size else 2.0
    return found


def large_enough(groups: pd.Series, y: Floats) -> pd.Series:
    """The groups with those of too few people without the outcome taken together."""
    without = pd.Series(y == 0).groupby(groups.to_numpy()).sum()
    small = without.index[without < FEWEST_WITHOUT]
    merged = groups.where(~groups.isin(small), TOGETHER)
    rest = int(((merged == TOGETHER).to_numpy() & (y == 0)).sum())
    if 0 < rest < FEWEST_WITHOUT:
        merged = merged.where(merged != TOGETHER, str(without.idxmax()))
    return merged.reset_index(drop=True)


def recalibrated(learnt: Floats, y: Floats, asked: Floats) -> Floats:
    """``asked`` put through the logistic line that fits the later rows; as it came where they cannot tell a line."""
    from sklearn.linear_model import LogisticRegression

    if not _both(y) or np.ptp(learnt) == 0:
        return np.round(asked, 6)
    line = LogisticRegression(C=1e6).fit(_logit(learnt)[:, None], y.astype(int))
    if line.coef_[0, 0] <= 0:  # the order of the estimates is never turned round
        return np.round(asked, 6)
    return np.asarray(line.predict_proba(_logit(asked)[:, None])[:, 1].round(6))


def _mixed(fitted: Any, matrix: Floats) -> Floats:
    """The mean chance over the reduction's models, by their weights: nobody is listed by lot."""
    weights = [float(weight) for weight in fitted.weights_]
    models: Sequence[Any] = list(fitted.predictors_)
    parts = [weight * _chance(model, matrix) for weight, model in zip(weights, models, strict=True) if weight > 0]
    return np.asarray(sum(parts), dtype=float)


def _chance(model: Any, matrix: Floats) -> Floats:
    """A round whose labels are all alike is learnt by a constant, which has no chance of the other answer."""
    if hasattr(model, "predict_proba") and len(getattr(model, "classes_", (0, 1))) == 2:
        return np.asarray(model.predict_proba(matrix)[:, 1], dtype=float)
    return np.asarray(model.predict(matrix), dtype=float)


def _prepare() -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.05, max_iter=500)


def _both(y: Floats) -> bool:
    return bool(y.size) and 0 < float(y.sum()) < y.size


def _logit(chances: Floats) -> Floats:
    kept = np.clip(chances, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(kept / (1 - kept)), dtype=float)
