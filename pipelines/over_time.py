"""Time to the first proven reoffence in a run: what was observed by step and month, beside what a hazard predicted.

The people and dates are the audit's: the hazard learns from those who teach the released file and is held against the
judges' rows, past caseloads whose follow-up is over. It shows how soon things came for people at each step. It makes
no estimate about anybody on today's caseload, and no step changes by it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.policy import FEWEST_PEOPLE, CutOffs
from desist.features.outcomes import PROVEN_REOFFENDING, OutcomeDefinition
from desist.features.outcomes.time_to import time_to_first
from desist.features.tables import ROW, FeatureSet
from desist.measures.disclosure import PARTNERSHIP, Audience, show_count
from desist.models.estimators.base import CannotFit, ChanceModel, Floats
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.evaluate import Measured, draw_people
from desist.models.over_time.curves import Curves
from desist.models.over_time.figure import Panel, incidence_figure
from desist.models.over_time.hazard import CAUSES, DiscreteHazard
from desist.models.over_time.incidence import CENSORED, cumulative_incidence, incidence_with_intervals
from desist.models.over_time.measures import brier_over_time, concordance, ipcw, not_censored, over_all_times
from desist.pipelines.ground import Ground
from desist.pipelines.session import Session
from desist.pipelines.steps_of import STEPS, step_of
from desist.pipelines.training import Training, outcome_definitions

KNOTS = 2  # bends of a feature; more changed no curve by a percent and took three times as long
TABLE_MONTHS = (3, 6, 9, 12)
CAUSE_WORDS: Mapping[str, str] = {"reoffence": "proven reoffence", "recall": "recall", "custody": "custody"}
SAYS = (
    "With recall and custody as they happen: nobody is left out for them, and to whom one of them came first a later "
    "offence is not counted here. Observed shares are Aalen-Johansen estimates with pointwise 95 % intervals over "
    "people; rows of one person on several dates are not independent, and the intervals allow for it. Predicted "
    "shares are means of a monthly hazard fitted on other people and earlier dates. Past, mature caseloads only: it "
    "is no estimate about anybody on today's list, and not the chance of reoffending had nobody been held."
)


@dataclass(frozen=True)
class Point:
    """One step, cause and month. A share that so few people stand behind that it is hidden is None.

    ``predicted`` is the model's and counts nobody: it is never hidden.
    """

    step: int
    cause: str
    month: int
    observed: float | None
    low: float | None
    high: float | None
    predicted: float | None


@dataclass(frozen=True)
class OverTime:
    """What came first, and when, by step of the released score; observed in whole percents, small counts hidden.

    ``people``: by step, the count as it may be shown. ``measures``: concordance of the hazard's share at 12 months
    and of the released score (cause-specific, weighted for censoring), and the integrated Brier score of the hazard
    and of one curve for everybody. ``why_none`` is empty unless nothing could be shown; the rest is empty then.
    """

    definition: str
    dates: tuple[str, ...]
    learnt_rows: int
    judged_rows: int
    judged_people: int
    left_out: Mapping[str, int]
    people: Mapping[int, str]
    points: tuple[Point, ...]
    measures: Mapping[str, Measured]
    why_none: str = ""

    @property
    def says(self) -> str:
        """What a reader of figure and table must know; stands with both."""
        return f"{self.definition}. {SAYS}"

    @property
    def rows(self) -> tuple[Point, ...]:
        """The table under the figure: months 3, 6, 9 and 12."""
        return tuple(point for point in self.points if point.month in TABLE_MONTHS)

    def to_json(self) -> dict[str, Any]:
        """For metrics.json."""
        return {
            "definition": self.definition,
            "says": SAYS,
            "dates": list(self.dates),
            "learnt_rows": self.learnt_rows,
            "judged_rows": self.judged_rows,
            "judged_people": self.judged_people,
            "left_out": dict(self.left_out),
            "people_by_step": {str(step): count for step, count in self.people.items()},
            "curves": [vars(point) for point in self.points],
            "measures": {name: measured.to_json() for name, measured in self.measures.items()},
            "why_none": self.why_none,
        }

    def figure(self) -> bytes | None:
        """An SVG with a panel per step that may be shown; None where there is none. It draws ``points`` alone."""
        panels = [
            Panel(f"step {step} ({self.people[step]} people)", _panel(self.points, step))
            for step in sorted({point.step for point in self.points})
        ]
        return incidence_figure(panels, title="What came first, and when, by step") if panels else None


def over_time(
    session: Session,
    ground: Ground,
    training: Training,
    audited: pd.DataFrame,
    cut_offs: CutOffs,
    *,
    as_of: dt.date,
    score: str = "score",
    audience: Audience = PARTNERSHIP,
) -> OverTime:
    """Observed and predicted incidence by step of the released score, in the rows that judged the file.

    ``audited``: person_id, as_of and the released file's ``score`` (``Audited.rows``); the hazard learns from
    ``training.learnt``, told as it was known on the first audited date, and the observed curves as on ``as_of``.
    A run is not held up by it: where nothing can be shown, ``why_none`` says why.
    """
    definition = _definition(session, training)
    learnt = _followed(ground, training.learnt, training.apart.audited_from, definition)
    judged = _followed(ground, training.judging.merge(audited[[*ROW, score]], on=ROW), as_of, definition)
    if not len(judged.table):
        return _none(judged, learnt, "the follow-up of no audited row is known")
    features = ground.register.feature_set()
    try:
        hazard = _fit(features, learnt.table, session.settings.seed)
    except CannotFit as error:
        return _none(judged, learnt, str(error))
    curves = hazard.curves(judged.table)
    draws = {"replicates": session.settings.replicates, "seed": session.settings.seed}
    people, points = _by_step(judged.table.assign(score=judged.table[score]), curves, cut_offs, audience, **draws)
    measures = _measures(judged.table, curves, judged.table[score].to_numpy(dtype=float), learnt.table, **draws)
    return OverTime(
        judged.sentence, judged.dates, len(learnt.table), len(judged.table), int(judged.table["person_id"].nunique()),
        judged.left_out, people, points, measures,
    )  # fmt: skip


@dataclass(frozen=True)
class _Followed:
    """Rows whose whole follow-up is known, with ``days`` and ``cause``; and how many are not, by reason."""

    table: pd.DataFrame
    left_out: Mapping[str, int]
    sentence: str

    @property
    def dates(self) -> tuple[str, ...]:
        return tuple(f"{day:%Y-%m-%d}" for day in sorted(self.table["as_of"].unique()))


def _definition(session: Session, training: Training) -> OutcomeDefinition:
    """The run's outcome; proven reoffending where it is one that only some people can have."""
    if training.definition.only_below is None:
        return training.definition
    return next(
        one for one in outcome_definitions(session.settings.data_lag_days) if one.name == PROVEN_REOFFENDING.name
    )


def _followed(ground: Ground, rows: pd.DataFrame, known_by: dt.date, definition: OutcomeDefinition) -> _Followed:
    """The rows with what came first, where the whole follow-up had matured by then: a row half seen is not shown."""
    told = time_to_first(ground.events, rows[ROW], known_by, definition)
    missing = told.table["why_missing"].to_numpy(dtype=str)
    young = told.table["observed_days"].to_numpy() < definition.follow_up_days
    why = np.where(missing != "", missing, np.where(young, "follow-up not over", ""))
    left_out = pd.Series(why[why != ""]).value_counts().sort_index()
    whole = rows.reset_index(drop=True).assign(days=told.table["days"], cause=told.table["cause"])[why == ""]
    counts = {str(reason): int(count) for reason, count in left_out.items()}
    return _Followed(whole.reset_index(drop=True), counts, told.sentence)


def _fit(features: FeatureSet, table: pd.DataFrame, seed: int) -> DiscreteHazard:
    """A hazard whose odds are learnt on all dates but the last and whose levels are set on that one, as the file's."""

    def make(named: FeatureSet) -> ChanceModel:
        return SplineLogistic(named, knots=KNOTS, seed=seed)

    last = (table["as_of"] == table["as_of"].max()).to_numpy() if len(table) else np.zeros(0, dtype=bool)
    first = table[~last] if not last.all() else table
    hazard = DiscreteHazard(features, make=make, max_months=10_000, seed=seed)
    hazard.fit(first, first["days"], first["cause"].to_numpy(), first["person_id"])
    later = table[last]
    return hazard.relevel(later, later["days"], later["cause"].to_numpy()) if len(first) < len(table) else hazard


def _by_step(
    rows: pd.DataFrame, curves: Curves, cut_offs: CutOffs, audience: Audience, *, replicates: int, seed: int
) -> tuple[dict[int, str], tuple[Point, ...]]:
    """The count of people at each step as it may be shown, and the points of the steps that may be drawn."""
    step = np.array([step_of(one, cut_offs) for one in rows["score"]])
    people: dict[int, str] = {}
    points: list[Point] = []
    for number in STEPS:
        at = rows[step == number]
        count = int(at["person_id"].nunique())
        people[number] = show_count(count, audience)
        if count >= max(audience.least_people, FEWEST_PEOPLE):
            points += _points(number, at, curves.mean(step == number), audience, replicates=replicates, seed=seed)
    return people, tuple(points)


def _points(
    step: int, rows: pd.DataFrame, predicted: pd.DataFrame, audience: Audience, *, replicates: int, seed: int
) -> list[Point]:
    """The curves of one step, as they may be shown."""
    observed = incidence_with_intervals(
        rows["days"].to_numpy(), rows["cause"].to_numpy(), rows["person_id"].to_numpy(),
        months=len(predicted) - 1, of=CAUSES, replicates=replicates, seed=seed,
    )  # fmt: skip
    people = int(rows["person_id"].nunique())
    found = []
    for cause in CAUSES:
        theirs = rows[rows["cause"] == cause]
        for month, day in zip(observed["month"], observed["day"], strict=True):
            so_far = int(theirs.loc[theirs["days"] <= day, "person_id"].nunique())
            line = observed.iloc[month]
            shown = _shown([line[cause], line[f"{cause}_low"], line[f"{cause}_high"]], so_far, people, audience)
            expected = round(float(predicted[cause].iloc[month]), 3)
            found.append(Point(step, cause, int(month), **shown, predicted=expected))
    return found


def _shown(shares: Sequence[float], with_event: int, people: int, audience: Audience) -> dict[str, float | None]:
    """Share, low and high as whole percents of a rounded count of people; None where so few had the event.

    Month by month a curve would otherwise tell single people: it is moved to the share of the rounded count, and its
    interval with it.
    """
    share, low, high = (float(value) for value in shares)
    if 0 < with_event < audience.hide_below or np.isnan(share):
        return {"observed": None, "low": None, "high": None}
    rounded = audience.round_to * round(share * people / audience.round_to) / people
    moved = {"observed": rounded, "low": low + rounded - share, "high": high + rounded - share}
    return {name: _percent(float(np.clip(value, 0.0, 1.0))) for name, value in moved.items()}


def _percent(share: float) -> float | None:
    return None if np.isnan(share) else round(float(share), 2)


def _measures(
    rows: pd.DataFrame, curves: Curves, score: Floats, learnt: pd.DataFrame, *, replicates: int, seed: int
) -> dict[str, Measured]:
    """How well shares by month rank people and how near they come, with intervals from drawing people again."""
    first, last = CAUSES[0], float(curves.days[-1])
    number = np.array([0 if name == CENSORED else 1 + CAUSES.index(name) for name in rows["cause"]])
    days, reoffence = rows["days"].to_numpy(dtype=float), number == 1
    days = np.where((number == 0) & (days >= last), last + 1, days)  # seen to the end, and known to be free at it
    censoring = not_censored(number > 0, days)
    at = curves.days[1:][curves.days[1:] <= days.max()].astype(float)
    base = cumulative_incidence(
        learnt["days"].to_numpy(), learnt["cause"].to_numpy(), months=curves.months, of=CAUSES
    )[first].to_numpy()  # fmt: skip
    shares = {"hazard": curves.shares[first][:, 1 : len(at) + 1]}
    shares["one_curve"] = np.broadcast_to(base[1 : len(at) + 1], shares["hazard"].shape)
    weight = ipcw(not_censored(reoffence, days), reoffence, days, until=last)
    everybody = np.ones((1, len(rows)))
    drawn: dict[str, list[Floats]] = {}
    for draws in (everybody, *draw_people(rows["person_id"].to_numpy(), replicates, seed)):
        for name, ranks in (("hazard", curves.shares[first][:, -1]), ("released_score", score)):
            found = concordance(reoffence, days, ranks, weight=weight, draws=draws)
            drawn.setdefault(f"concordance_{name}", []).append(found)
        for name, share in shares.items():
            brier = brier_over_time(censoring, number, days, share, at, draws=draws)
            drawn.setdefault(f"integrated_brier_{name}", []).append(over_all_times(brier, at))
    return {name: _measured(np.concatenate(values)) for name, values in drawn.items()}


def _measured(values: Floats) -> Measured:
    """The first value with the middle 95 % of the others."""
    value, rest = float(values[0]), values[1:][np.isfinite(values[1:])]
    if not np.isfinite(value) or len(rest) < len(values) / 2:
        return Measured(None, None, None)
    low, high = (round(float(bound), 6) for bound in np.quantile(rest, [0.025, 0.975]))
    return Measured(round(value, 6), low, high)


def _panel(points: Sequence[Point], step: int) -> pd.DataFrame:
    table = pd.DataFrame([vars(point) for point in points if point.step == step])
    numbers = {name: table[name].astype(float) for name in ("observed", "low", "high", "predicted")}
    return table.assign(cause=table["cause"].map(CAUSE_WORDS), **numbers)


def _none(judged: _Followed, learnt: _Followed, why: str) -> OverTime:
    people = int(judged.table["person_id"].nunique())
    return OverTime(
        judged.sentence, judged.dates, len(learnt.table), len(judged.table), people, judged.left_out, {}, (), {}, why
    )
