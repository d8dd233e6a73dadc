"""Secondary and hypothetical: the risk of reoffending had nobody been held, by inverse-probability weights.

A person's months end with the first in which they are held. To make up for it, each month at liberty counts for
those like it that were not: by one over the chance of having stayed at liberty up to it, given what was known at the
start of each month. The chance is a pooled logistic regression over months; weights are truncated and their effective
sample size is shown. Nothing here selects people by later custody: a rule that does is refused
(``features.cohort.CohortRule``), and what it leaves answers neither question.
Source: Robins, Hernan and Brumback (2000), marginal structural models; Cole and Hernan (2008), on truncation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.features.outcomes import PersonMonths
from desist.features.tables import ROW

Array = np.ndarray[Any, Any]
#: Percentiles of the weights beyond which they are cut off.
TRUNCATED_AT = (1.0, 99.0)
#: Below this effective share of the people at risk, the weights stand on few shoulders; said in words.
FEW_SHOULDERS = 0.2


@dataclass(frozen=True)
class RiskIfAtLiberty:
    """The estimate, and what it stands on. Hypothetical: print ``in_words()`` with every number of it.

    ``risk``: share expected to reoffend within the months had nobody been held; ``unweighted``: the same without
    weights, which takes people held for being like the others. ``interval``: the middle 95% over resampled people;
    None where none was asked for. ``by_month``: month, at_risk, at_liberty, not_at_liberty, reoffended, hazard
    (weighted), unweighted_hazard, effective_people, and the risk up to the month's end. ``truncated_at``: the two
    percentiles and the two weights they stand for; ``weights_truncated``: months cut off. ``least_chance``: the
    smallest fitted chance of staying at liberty through a month; near 0 the question has no answer in these data.
    """

    risk: float
    unweighted: float
    interval: tuple[float, float] | None
    by_month: pd.DataFrame
    people: int
    rows: int
    truncated_at: tuple[float, float, float, float]
    weights_truncated: int
    least_chance: float
    sentence: str

    @property
    def effective_people(self) -> float:
        """The smallest effective sample size of any month."""
        return float(self.by_month["effective_people"].min())

    def in_words(self) -> str:
        """What it is, what it rests on and what it may not be used for."""
        low, high, *_ = self.truncated_at
        between = f" (between {_percent(self.interval[0])} and {_percent(self.interval[1])})" if self.interval else ""
        worst = self.by_month.iloc[int(self.by_month["effective_people"].to_numpy().argmin())]
        said = [
            f"Hypothetical, a secondary analysis: had nobody been held in custody, {_percent(self.risk)}{between} of "
            f"{self.rows:,} rows of {self.people:,} people would be expected to have the outcome: {self.sentence}.",
            "It rests on custody depending only on what was recorded before each month's start and is in the model.",
            f"Weights were cut off at their percentiles {low:g} and {high:g} ({self.weights_truncated:,} months). In "
            f"month {worst['month']:.0f} the {worst['at_liberty']:,.0f} at liberty weigh as much as "
            f"{worst['effective_people']:,.0f} would; the smallest chance of staying at liberty was "
            f"{_percent(self.least_chance)}.",
            "It is no estimate about a person, and the measure of record is the rate in which nobody is dropped.",
        ]
        if worst["effective_people"] < FEW_SHOULDERS * worst["at_liberty"]:
            said.insert(3, "So few people carry most of the weight that the number should not be relied on.")
        return " ".join(said)


def risk_if_at_liberty(
    months: PersonMonths,
    *,
    truncate: tuple[float, float] = TRUNCATED_AT,
    resamples: int = 0,
    seed: int = 0,
) -> RiskIfAtLiberty:
    """The risk over all months had nobody been held, with what it stands on.

    ``truncate``: percentiles of the weights of months at liberty. ``resamples``: how often people are drawn again,
    with all their rows, and everything fitted anew, for the interval; 0 gives none. A missing feature counts as the
    middle of the known ones with a mark of its own. Raises ValueError where no month is there at all.
    """
    table = months.table
    if table.empty:
        raise ValueError("no month of follow-up is known")
    if not 0 <= truncate[0] < truncate[1] <= 100:
        raise ValueError(f"percentiles to truncate at rise from 0 to 100; found {truncate}")
    fitted = _weigh(table, months.features, truncate)
    by_month = _by_month(table, fitted.weights, months.months)
    return RiskIfAtLiberty(
        risk=float(by_month["risk"].iloc[-1]),
        unweighted=_over_all(by_month["unweighted_hazard"]),
        interval=_interval(months, truncate, resamples, seed) if resamples else None,
        by_month=by_month,
        people=table["person_id"].nunique(),
        rows=len(table[ROW].drop_duplicates()),
        truncated_at=(*truncate, *fitted.limits),
        weights_truncated=fitted.truncated,
        least_chance=fitted.least_chance,
        sentence=months.sentence,
    )


@dataclass(frozen=True)
class _Weights:
    weights: Array
    limits: tuple[float, float]
    truncated: int
    least_chance: float


def _weigh(table: pd.DataFrame, features: Sequence[str], truncate: tuple[float, float]) -> _Weights:
    """A weight for each month: how much likelier its month's average was to get there at liberty than this person.

    The product over the months so far of the month's share at liberty over the person's own chance of it; the share
    is the same for everybody in a month, so it changes no hazard and keeps weights near 1.
    """
    free = table["at_liberty"].to_numpy() == 1
    chance = _chance_at_liberty(table, features, free)
    share = table.groupby("month")["at_liberty"].transform("mean").to_numpy()
    ratio = pd.Series(np.divide(share, chance, out=np.ones(len(table)), where=free), index=table.index)
    order = table.assign(ratio=ratio).sort_values([*ROW, "month"], kind="stable")
    weights = order.groupby(ROW)["ratio"].cumprod().reindex(table.index).to_numpy()
    low, high = np.percentile(weights[free], truncate) if free.any() else (1.0, 1.0)
    cut = int(((weights[free] < low) | (weights[free] > high)).sum())
    return _Weights(np.clip(weights, low, high), (float(low), float(high)), cut, float(chance.min()))


def _chance_at_liberty(table: pd.DataFrame, features: Sequence[str], free: Array) -> Array:
    """The fitted chance of staying at liberty through each month, given the features at its start and which it is."""
    if free.all() or not free.any():
        return np.full(len(table), float(free.all()))
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parts = [pd.get_dummies(table["month"], prefix="month", dtype="float64").to_numpy()]
    if features:
        middle = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        parts.append(make_pipeline(middle, StandardScaler()).fit_transform(table[list(features)].to_numpy(dtype=float)))
    columns = np.hstack(parts)
    fitted = LogisticRegression(max_iter=1000).fit(columns, free)
    chance: Array = fitted.predict_proba(columns)[:, 1]
    return chance


def _by_month(table: pd.DataFrame, weights: Array, months: int) -> pd.DataFrame:
    """Hazards with and without weights, and what they stand on, one row per month; NaN where nobody was at liberty."""
    made, month = [], table["month"].to_numpy()
    free = table["at_liberty"].to_numpy() == 1
    for number in range(1, months + 1):
        here = month == number
        weight, outcome = weights[here & free], table["reoffended"].to_numpy()[here & free]
        total = weight.sum()
        made.append(
            {
                "month": number,
                "at_risk": int(here.sum()),
                "at_liberty": int((here & free).sum()),
                "not_at_liberty": int((here & ~free).sum()),
                "reoffended": int(outcome.sum()),
                "hazard": (weight * outcome).sum() / total if total else np.nan,
                "unweighted_hazard": outcome.mean() if len(outcome) else np.nan,
                "effective_people": total**2 / (weight**2).sum() if total else 0.0,
            }
        )
    by_month = pd.DataFrame(made)
    return by_month.assign(risk=1 - np.cumprod(1 - by_month["hazard"].to_numpy()))


def _over_all(hazards: pd.Series) -> float:
    return float(1 - np.prod(1 - hazards.to_numpy()))


def _interval(months: PersonMonths, truncate: tuple[float, float], resamples: int, seed: int) -> tuple[float, float]:
    """The middle 95% of the risk over people drawn again with all their rows; NaN where one draw gave no risk."""
    draw, found = np.random.default_rng(seed), []
    table = months.table.sort_values([*ROW, "month"], kind="stable").reset_index(drop=True)
    who = pd.factorize(table["person_id"])[0]
    starts = np.r_[np.flatnonzero(np.r_[True, who[1:] != who[:-1]]), len(who)]
    for _ in range(resamples):
        drawn = draw.integers(0, len(starts) - 1, len(starts) - 1)
        length = starts[drawn + 1] - starts[drawn]
        copy = np.repeat(np.arange(len(drawn)), length)
        taken = np.arange(len(copy)) - np.repeat(np.cumsum(length) - length, length) + np.repeat(starts[drawn], length)
        again = table.take(taken).reset_index(drop=True).assign(person_id=copy)
        weights = _weigh(again, months.features, truncate).weights
        found.append(float(_by_month(again, weights, months.months)["risk"].iloc[-1]))
    if np.isnan(found).any():
        return float("nan"), float("nan")
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def _percent(share: float) -> str:
    return "not known" if np.isnan(share) else f"{100 * share:.1f}%"
