"""One cell of the audit's protocol: thousands of score worlds of one kind, and what the audit's intervals make of them.

The intervals are the audit's own: sums over people for rates, calibration and excess, a bootstrap of people for AUC,
Brier score and slope. Only the reading of files, the tables and eligibility are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from desist.fairness.statistics import contrasts
from desist.fairness.statistics.contrasts import Estimated
from desist.fairness.statistics.estimates import ESTIMATED, Estimates
from desist.fairness.statistics.intervals import Z
from desist.fairness.statistics.resampled import Resampled
from desist.fairness.statistics.sample import Sample
from desist.fairness.statistics.verdicts import inside
from desist.simulation.score_worlds import (
    Drawn,
    Grid,
    Group,
    Population,
    ScoreWorld,
    at_gap,
    calibrated,
    draws,
)

Floats = NDArray[np.float64]

CUT_OFF, AUC = 0.4, 0.73
GRID = Grid.round_a(CUT_OFF)
#: Everybody with one row; or one to four, each repeating the first with chance .8: a person's rows are very alike.
ONE_ROW, SEVERAL_ROWS = ((1.0,), 0.0), ((0.25, 0.25, 0.25, 0.25), 0.8)
ROWS = {"one row": ONE_ROW, "one to four rows": SEVERAL_ROWS}
#: Size fails only where the one-sided 99.9 % lower end of what was counted lies above .05.
SIZE, SURENESS = 0.05, 0.001


@dataclass(frozen=True)
class Cell:
    """One kind of world: a group of ``people`` against ``others`` people, one metric's gap set exactly."""

    metric: str
    people: int
    others: int
    base: float
    others_base: float
    gap: float
    rows: str = "one row"

    def world(self) -> ScoreWorld:
        rest = calibrated(GRID, self.others_base, AUC)
        return self.world_of(at_gap(self.metric, self.gap, rest, self.base, AUC), rest)

    def world_of(self, group: Population, rest: Population) -> ScoreWorld:
        many, repeat = ROWS[self.rows]
        need = 0.5 if self.metric == "sensitivity_in_need" else 1.0
        groups = (Group("group", group, self.people), Group("others", rest, self.others))
        return ScoreWorld(groups, rows=many, repeat=repeat, need=need)


@dataclass(frozen=True)
class Found:
    """Per world: the gap with its ends (NaN where there is none), the group's value with its ends, and its worth."""

    gap: Floats
    low: Floats
    high: Floats
    value_low: Floats
    value_high: Floats
    worth: Floats
    others_worth: Floats
    true_gap: float
    true_value: float

    def within(self, margin: float, harm: str = "both") -> NDArray[np.bool_]:
        """In which worlds the interval is inside the margin, by the audit's own rule."""
        ends = zip(self.low, self.high, strict=True)
        return np.array([inside(*_known(low, high), margin, harm) for low, high in ends], dtype=bool)

    @property
    def covered(self) -> float:
        """Share of worlds whose interval holds the true gap, of those with an interval."""
        known = np.isfinite(self.low)
        held = (self.low <= self.true_gap) & (self.true_gap <= self.high)
        return float(held[known].mean()) if known.any() else float("nan")

    @property
    def value_covered(self) -> float:
        """The same of the group's own value."""
        known = np.isfinite(self.value_low)
        held = (self.value_low <= self.true_value) & (self.true_value <= self.value_high)
        return float(held[known].mean()) if known.any() else float("nan")

    @property
    def without_interval(self) -> float:
        return float(np.isnan(self.low).mean())

    def oracle(self, margin: float, harm: str = "both") -> float:
        """Chance of ``meets`` for a test that knows the true standard error of the gap: that over these worlds."""
        gap = self.gap[np.isfinite(self.gap)]
        reach = margin - Z * float(gap.std(ddof=1))
        held = gap < reach if harm == "higher" else gap > -reach if harm == "lower" else np.abs(gap) < reach
        return float(held.mean())


def run(cell: Cell, worlds: int, *, seed: int, replicates: int = 300) -> Found:
    """So many worlds of a cell, judged."""
    world = cell.world()
    found = [_judge(drawn, cell.metric, replicates) for drawn in draws(world, worlds, seed=seed)]
    columns = np.array(found, dtype=float).T
    true_value = world.population("group").truth(cell.metric)
    return Found(*columns, true_gap=world.gap(cell.metric, "group"), true_value=true_value)


def _judge(drawn: Drawn, metric: str, replicates: int) -> tuple[float, ...]:
    group, others = _pair(drawn, metric, replicates)
    gap, value = contrasts.gap(metric, group, others), group.interval(metric)
    ends = (gap.value, gap.low, gap.high, value.low, value.high)
    return (*(np.nan if end is None else end for end in ends), group.effective, others.effective)


def _pair(drawn: Drawn, metric: str, replicates: int) -> tuple[Estimated, Estimated]:
    """The metric in the group and in everybody else, as the audit measures it."""
    sample = Sample(drawn.y, drawn.score, drawn.people, CUT_OFF, need=drawn.need)
    if metric in ESTIMATED:
        return Estimates(sample, (metric,)).of(drawn.group, 2)[metric][0]
    resampled = Resampled(sample, drawn.group, 2, replicates=replicates, seed=1)
    mine = drawn.group == 0
    own, rest = (np.unique(drawn.people[rows]).size for rows in (mine, ~mine))
    return (
        resampled.inside(metric, 0, int(mine.sum()), own),
        resampled.outside(metric, 0, int((~mine).sum()), rest),
    )


def _known(low: float, high: float) -> tuple[float | None, float | None]:
    return (None, None) if np.isnan(low) else (float(low), float(high))


def surely_above(count: int, number: int) -> float:
    """The one-sided 99.9 % lower end (Clopper and Pearson) of a share."""
    return float(beta.ppf(SURENESS, count, number - count + 1)) if count else 0.0
