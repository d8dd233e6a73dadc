"""Do the ranges cover the truth? Made-up worlds with known chances: coverage by score decile and group.

    OPENBLAS_NUM_THREADS=1 python benchmarks/range_coverage.py --worlds 300 --people 570 2100

A world: people of three groups with different features, one to four rows each, chances with jumps, an interaction and
a part of their own that no feature tells (so every model is misspecified and a person's rows hang together). A model
is fitted and calibrated on 70 % of the people, its ranges learnt on the other 30 %. The truth at a score is the mean
true chance of all people of a large population to whom that same fitted model gives the score.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.interpolate import BSpline

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit, ChanceModel, chance
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.backtest import fit_then_calibrate
from desist.models.judging.uncertainty import learn_ranges, logit_of

FEATURES = FeatureSet(
    (
        FeatureInfo("sanctions", sign=1),
        FeatureInfo("years_clear", sign=-1),
        FeatureInfo("breaches", sign=1),
        FeatureInfo("kept_share"),
        FeatureInfo("licence"),
        FeatureInfo("acquisitive", sign=1),
    )
)
MODELS: dict[str, Callable[[int], ChanceModel]] = {
    "card": lambda seed: PointsCard(FEATURES, max_items=10, seed=seed),
    "spline": lambda seed: SplineLogistic(FEATURES, seed=seed),
    "boosting": lambda seed: MonotoneBoosting(FEATURES, seed=seed),
}
GROUPS, SHARES = ("A", "B", "C"), (0.6, 0.3, 0.1)
JUDGES = 0.3
DATES = pd.to_datetime(["2021-04-01", "2022-04-01", "2023-04-01", "2024-04-01"])


def draw_rows(people: int, draw: np.random.Generator, level: float) -> pd.DataFrame:
    """Rows of made-up people: features, group, the true chance p and an outcome drawn from it."""
    group = draw.choice(3, people, p=SHARES)
    bent = np.array([0.0, 0.5, -0.4])[group] + draw.normal(0, 0.8, people)  # how much offending is recorded
    own = draw.normal(0, 0.5, people)  # what no feature tells
    rows = draw.integers(1, 5, people)
    person = np.repeat(np.arange(people), rows)
    size = len(person)
    date = np.concatenate([np.sort(draw.permutation(4)[:count]) for count in rows])
    table = pd.DataFrame(
        {
            "person_id": person,
            "as_of": DATES[date],
            "group": group[person],
            "sanctions": draw.poisson(np.exp(0.6 + 0.6 * bent[person])).astype(float),
            "years_clear": np.round(draw.exponential(2.5 * np.exp(-0.4 * bent[person])), 2),
            "breaches": draw.poisson(0.7, size).astype(float),
            "kept_share": np.round(draw.random(size), 2),
            "licence": (draw.random(size) < np.array([0.3, 0.45, 0.2])[group[person]]).astype(float),
            "acquisitive": draw.poisson(np.exp(-0.6 + 0.5 * bent[person])).astype(float),
        }
    )
    logit = (
        level
        + 0.75 * np.log1p(table["sanctions"])
        - 0.3 * np.minimum(table["years_clear"], 4)
        + 0.5 * (table["breaches"] >= 2)
        - 0.7 * (table["kept_share"] - 0.5)
        + 0.6 * table["licence"] * (table["sanctions"] >= 3)
        + 0.8 * (table["acquisitive"] >= 2)
        + own[person]
    )
    p = chance(logit.to_numpy(dtype=float))
    return table.assign(p=p, reoffended=(draw.random(size) < p).astype(float))


def rate_at(score: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The mean true chance of the population at each row's score: exact for few scores, else by a fine spline."""
    values, place = np.unique(score, return_inverse=True)
    if len(values) <= 120:
        return (np.bincount(place, p) / np.bincount(place))[place]
    logit = logit_of(score)
    inner = np.unique(np.quantile(logit, np.linspace(0, 1, 22)))
    knots = np.r_[[inner[0]] * 3, inner, [inner[-1]] * 3]
    design = BSpline.design_matrix(np.clip(logit, inner[0], inner[-1]), knots, 3)
    gram = (design.T @ design).toarray() + 1e-6 * np.eye(design.shape[1])
    return score + design @ np.linalg.solve(gram, design.T @ (p - score))


@dataclass
class Tally:
    """Sums over worlds: of each cell (decile, group) the share covered, its square, and the range's width."""

    worlds: int = 0

    def __post_init__(self) -> None:
        self.covered, self.squares, self.seen, self.width, self.own = np.zeros((5, 10, 3))

    def add(self, score, group, truth, own_truth, low, high) -> None:
        """Count one world: ``truth`` is the rate at the score, ``own_truth`` that of the group at the score."""
        decile = np.clip(np.searchsorted(np.quantile(score, np.arange(0.1, 1, 0.1)), score, side="right"), 0, 9)
        cell = decile * 3 + group
        rows = np.bincount(cell, minlength=30).reshape(10, 3)
        there = rows > 0
        inside = (low <= truth) & (truth <= high)
        own = (low <= own_truth) & (own_truth <= high)
        share, owns, width = (
            np.bincount(cell, each, minlength=30).reshape(10, 3) / np.maximum(rows, 1)
            for each in (inside.astype(float), own.astype(float), high - low)
        )
        self.covered += share
        self.own += owns
        self.squares += share**2
        self.width += width
        self.seen += there
        self.worlds += 1

    def told(self, title: str) -> str:
        seen = np.maximum(self.seen, 1)
        share = self.covered / seen
        error = np.sqrt(np.maximum(self.squares / seen - share**2, 0) / seen)
        many = self.seen >= self.worlds / 2  # a card's ties can leave a decile empty
        lines = [f"{title}: {self.worlds} worlds; coverage in %, deciles of score from low to high"]
        for place, group in enumerate(GROUPS):
            cells = " ".join(f"{100 * share[row, place]:5.1f}" if many[row, place] else "    -" for row in range(10))
            lines.append(f"  group {group}  {cells}")
        widths = " ".join(f"{self.width[row, 0] / seen[row, 0]:5.3f}" for row in range(10))
        lines.append(f"  width    {widths}")
        own = 100 * (self.own / seen)[many]
        lines.append(
            f"  cells {100 * share[many].min():.1f} to {100 * share[many].max():.1f}, "
            f"all {100 * share[many].mean():.1f}; error of a cell up to {100 * error[many].max():.1f}. "
            f"The group's own rate at the score (not what is estimated): {own.min():.1f} to {own.max():.1f}"
        )
        return "\n".join(lines)


def one_world(
    make: Callable[[int], ChanceModel], people: int, population: pd.DataFrame, level: float, seed: int, tally: Tally
) -> None:
    """Draw, fit, calibrate, learn the ranges and hold them against the truth."""
    draw = np.random.default_rng([seed, people])
    rows = draw_rows(people, draw, level)
    learner = (rows["person_id"] >= JUDGES * people).to_numpy()
    learn, judge = rows[learner], rows[~learner]
    names = list(FEATURES.names)
    model = fit_then_calibrate(make(seed), learn[names], learn["reoffended"], learn["as_of"], learn["person_id"])
    ranges = learn_ranges(_scores(model, judge), judge["reoffended"], judge["person_id"], replicates=300, seed=seed)
    score, p = _scores(model, population), population["p"].to_numpy()
    group = population["group"].to_numpy()
    truth, own = rate_at(score, p), np.empty(len(p))
    for number in range(3):
        own[group == number] = rate_at(score[group == number], p[group == number])
    some = slice(0, 4000)
    low, high = ranges.interval(score[some])
    tally.add(score[some], group[some], truth[some], own[some], low, high)


def _scores(model: Calibrated, rows: pd.DataFrame) -> np.ndarray:
    """Chances as they are released: to 1e-6, so that equal points are equal scores whatever the order of a sum."""
    return model.predict_proba(rows[list(FEATURES.names)])[:, 1].round(6)


def run(names: list[str], sizes: list[int], worlds: int, level: float, population: int) -> None:
    everybody = draw_rows(population, np.random.default_rng(10_000_019), level)
    print(f"base rate {everybody['reoffended'].mean():.3f}, population {len(everybody):,} rows", flush=True)
    for name in names:
        for people in sizes:
            tally, start, refused = Tally(), time.time(), 0
            for seed in range(worlds):
                try:
                    one_world(MODELS[name], people, everybody, level, seed, tally)
                except CannotFit:
                    refused += 1
            title = (
                f"{name}, {people:,} people of whom {JUDGES:.0%} judge ({time.time() - start:.0f} s, {refused} refused)"
            )
            print(tally.told(title), flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--worlds", type=int, default=300)
    asked.add_argument("--people", type=int, nargs="+", default=[570, 2100, 8500])
    asked.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    asked.add_argument("--level", type=float, default=-1.6, help="the logit that makes the outcome common or rare")
    asked.add_argument("--population", type=int, default=24_000, help="people whose true chances are the truth")
    told = asked.parse_args()
    run(told.models, told.people, told.worlds, told.level, told.population)


if __name__ == "__main__":
    main()
