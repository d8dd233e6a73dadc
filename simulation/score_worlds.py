"""Score worlds: groups, estimates and outcomes drawn from a truth that is computed, never simulated.

A population is a table over a fixed grid of estimates: how much of it lies at each estimate with the outcome, and
how much without. Every metric of it is a sum over that table, so a gap can be set to nought, or to a margin exactly,
and a verdict can be tried on thousands of samples. Rows of one person are alike: each row repeats the person's first
draw with a set chance, and is drawn afresh otherwise, so that every row alone follows the population.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

#: The grid on the logit scale: from an estimate of .001 to .999, in steps of one part in twenty.
LOGIT_END, LOGIT_STEP = 7.0, 0.05
#: Rows within so much of the cut-off are near it (the same as the audit's).
NEAR = 0.1
#: How far a population may be moved on the logit scale to reach a gap.
FURTHEST = 4.0

METRICS = (
    "base_rate", "selection", "fpr", "fnr", "ppv", "fdr", "for", "sensitivity_in_need", "mean_estimate",
    "calibration_in_the_large", "calibration_near_cut_off", "calibration_slope", "excess_fpr", "auc", "brier",
)  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """Ends of the cells of estimates (logit scale); the cut-off, and the ends of what is near it, are among them."""

    cut_off: float
    ends: tuple[float, ...]

    @classmethod
    def round_a(cls, cut_off: float) -> Grid:
        """The grid for a cut-off; no cell lies on both sides of it."""
        if not NEAR < cut_off < 1 - NEAR:
            raise ValueError(f"the cut-off of a score world lies between {NEAR} and {1 - NEAR}, not at {cut_off}")
        special = [float(logit(cut_off + step)) for step in (-NEAR, 0.0, NEAR)]
        steps = np.arange(-LOGIT_END, LOGIT_END + LOGIT_STEP / 2, LOGIT_STEP)
        return cls(cut_off, tuple(np.unique(np.round([*steps, *special], 12)).tolist()))

    @property
    def score(self) -> Floats:
        """The estimate of each cell: the middle of its ends on the logit scale."""
        ends = np.asarray(self.ends)
        return np.asarray(expit((ends[:-1] + ends[1:]) / 2))

    @property
    def selected(self) -> NDArray[np.bool_]:
        return np.asarray(self.score >= self.cut_off)

    @property
    def near(self) -> NDArray[np.bool_]:
        return np.asarray(np.abs(self.score - self.cut_off) <= NEAR)

    def normal(self, mean: float, spread: float) -> Floats:
        """A normal distribution of logits over the cells; what lies beyond the grid is in its outermost cells."""
        below = norm.cdf((np.asarray(self.ends) - mean) / spread)
        below[0], below[-1] = 0.0, 1.0
        return np.diff(below)


@dataclass(frozen=True)
class Population:
    """Shares of all rows by cell of the estimate: with the outcome, and without it. Together they are 1."""

    grid: Grid
    events: Floats
    others: Floats

    def __post_init__(self) -> None:
        if not math.isclose(float(self.events.sum() + self.others.sum()), 1.0, abs_tol=1e-9):
            raise ValueError("the shares of a population do not add up to one")

    @property
    def mass(self) -> Floats:
        return np.asarray(self.events + self.others)

    def truth(self, metric: str) -> float:
        """The metric of this population, exactly."""
        return TRUTHS[metric](self)


def _rate(top: Floats, bottom: Floats) -> float:
    whole = float(bottom.sum())
    return float(top.sum()) / whole if whole > 0 else math.nan


def _calibration(population: Population, rows: NDArray[np.bool_]) -> float:
    estimate = _rate((population.mass * population.grid.score)[rows], population.mass[rows])
    return estimate - _rate(population.events[rows], population.mass[rows])


def _excess(population: Population) -> float:
    implied = population.mass * (1 - population.grid.score)
    chosen = population.grid.selected
    return _rate(population.others[chosen], population.others) - _rate(implied[chosen], implied)


def _auc(population: Population) -> float:
    below = np.cumsum(population.others) - population.others / 2
    return float((population.events * below).sum() / (population.events.sum() * population.others.sum()))


def _slope(population: Population) -> float:
    """Slope of the logistic regression of the outcome on the estimate's logit, by Newton's steps."""
    design = np.column_stack([np.ones(population.mass.size), logit(population.grid.score)])
    found = np.array([0.0, 1.0])
    for _ in range(50):
        chance = expit(design @ found)
        score = design.T @ (population.events - population.mass * chance)
        step = np.linalg.solve((design.T * (population.mass * chance * (1 - chance))) @ design, score)
        found = found + step
        if np.abs(step).max() < 1e-13:
            break
    return float(found[1])


TRUTHS: Mapping[str, Callable[[Population], float]] = {
    "base_rate": lambda p: float(p.events.sum()),
    "selection": lambda p: float(p.mass[p.grid.selected].sum()),
    "fpr": lambda p: _rate(p.others[p.grid.selected], p.others),
    "fnr": lambda p: _rate(p.events[~p.grid.selected], p.events),
    "ppv": lambda p: _rate(p.events[p.grid.selected], p.mass[p.grid.selected]),
    "fdr": lambda p: _rate(p.others[p.grid.selected], p.mass[p.grid.selected]),
    "for": lambda p: _rate(p.events[~p.grid.selected], p.mass[~p.grid.selected]),
    # A need is drawn apart from estimate and outcome here: those with it are selected as all with the outcome are.
    "sensitivity_in_need": lambda p: _rate(p.events[p.grid.selected], p.events),
    "mean_estimate": lambda p: float((p.mass * p.grid.score).sum()),
    "calibration_in_the_large": lambda p: _calibration(p, np.ones(p.mass.size, dtype=bool)),
    "calibration_near_cut_off": lambda p: _calibration(p, p.grid.near),
    "calibration_slope": _slope,
    "excess_fpr": _excess,
    "auc": _auc,
    "brier": lambda p: float((p.events * (1 - p.grid.score) ** 2 + p.others * p.grid.score**2).sum()),
}


def two_normal(grid: Grid, base_rate: float, without: float, with_outcome: float, spread: float) -> Population:
    """Normal logits of one spread among people without and with the outcome, whatever the estimates claim."""
    return Population(
        grid, base_rate * grid.normal(with_outcome, spread), (1 - base_rate) * grid.normal(without, spread)
    )


def calibrated(grid: Grid, base_rate: float, auc: float) -> Population:
    """Estimates that are true chances with this mean, and rank about as well as ``auc`` (exact but for the grid)."""
    distance = spread_of(auc)

    def at(middle: float) -> Population:
        shape = two_normal(grid, float(expit(middle)), middle - distance**2 / 2, middle + distance**2 / 2, distance)
        return Population(grid, shape.mass * grid.score, shape.mass * (1 - grid.score))

    middle = float(logit(base_rate))
    return at(float(brentq(lambda x: at(x).truth("base_rate") - base_rate, middle - 1, middle + 1, xtol=1e-14)))


def spread_of(auc: float) -> float:
    """Distance of the two classes' logits, and their spread, at which calibrated estimates rank this well."""
    return float(math.sqrt(2) * norm.ppf(auc))


def mixed(parts: Sequence[tuple[float, Population]]) -> Population:
    """Several populations as one, by weight: everybody outside a group."""
    whole = sum(weight for weight, _ in parts)
    events = np.sum([weight * part.events for weight, part in parts], axis=0) / whole
    others = np.sum([weight * part.others for weight, part in parts], axis=0) / whole
    return Population(parts[0][1].grid, events, others)


def at_gap(metric: str, gap: float, others: Population, base_rate: float, auc: float) -> Population:
    """A population whose metric is that of ``others`` plus ``gap``, exactly.

    Error rates, PPV, selection and AUC are moved by moving the estimates of those with or without the outcome, at
    this base rate. What is about calibration is moved by moving the outcome's chance at each estimate: ``base_rate``
    is then the mean estimate. Raises ValueError where no such population is in reach.
    """
    grid, wanted = others.grid, others.truth(metric) + gap
    family = _family(metric, grid, base_rate, auc)

    def off(step: float) -> float:
        return family(step).truth(metric) - wanted

    if off(0.0) == 0.0:
        return family(0.0)
    steps = np.linspace(-FURTHEST, FURTHEST, 33)
    values = np.array([off(step) for step in steps])
    turns = [i for i in range(32) if np.isfinite(values[i : i + 2]).all() and values[i] * values[i + 1] <= 0]
    if not turns:
        raise ValueError(f"no population at base rate {base_rate} has a {metric} of {wanted:.3f}")
    nearest = min(turns, key=lambda i: abs(steps[i] + steps[i + 1]))
    return family(float(brentq(off, steps[nearest], steps[nearest + 1], xtol=1e-13)))


def _family(metric: str, grid: Grid, base_rate: float, auc: float) -> Callable[[float], Population]:
    """Populations one step apart from the calibrated one; nought is the calibrated one, or as good as."""
    spread, middle = spread_of(auc), float(logit(base_rate))
    low, high = middle - spread**2 / 2, middle + spread**2 / 2
    truth = calibrated(grid, base_rate, auc)
    lean = float((truth.mass * logit(grid.score)).sum())

    def outcome(step: float, turn: float = 0.0) -> Population:
        chance = expit(lean + step + (1 + turn) * (logit(grid.score) - lean))
        return Population(grid, truth.mass * chance, truth.mass * (1 - chance))

    def swapped(step: float) -> Population:
        """The listed lower and the unlisted higher than their estimates, or the other way about."""
        chance = expit(logit(grid.score) + np.where(grid.selected, -step, step))
        return Population(grid, truth.mass * chance, truth.mass * (1 - chance))

    def moved(without: float, with_outcome: float) -> Population:
        return two_normal(grid, base_rate, low + without, high + with_outcome, spread)

    families: dict[str, Callable[[float], Population]] = {
        "fpr": lambda step: moved(step, 0.0),
        "ppv": lambda step: moved(step, 0.0),
        "fdr": lambda step: moved(step, 0.0),
        "fnr": lambda step: moved(0.0, step),
        "for": lambda step: moved(0.0, step),
        "sensitivity_in_need": lambda step: moved(0.0, step),
        "auc": lambda step: moved(0.0, step),
        "selection": lambda step: moved(step, step),
        "calibration_slope": lambda step: outcome(0.0, step / 4),
        "excess_fpr": swapped,
    }
    return families.get(metric, outcome)


@dataclass(frozen=True)
class Group:
    """So many people of a population."""

    name: str
    population: Population
    people: int


@dataclass(frozen=True)
class ScoreWorld:
    """Groups of people with rows on several dates.

    ``rows``: the chance that a person has 1, 2, 3 ... rows. ``repeat``: the chance that a row repeats the person's
    first draw; two later rows of a person are then alike with its square. ``need``: the chance that a row has a need.
    """

    groups: tuple[Group, ...]
    rows: tuple[float, ...] = (1.0,)
    repeat: float = 0.0
    need: float = 1.0

    def __post_init__(self) -> None:
        if len({id(group.population.grid) for group in self.groups}) > 1:
            raise ValueError("the groups of a world lie on one grid")
        if not math.isclose(sum(self.rows), 1.0) or not 0 <= self.repeat <= 1 or not 0 < self.need <= 1:
            raise ValueError("the rows of a world, their repeats or needs are no chances")

    @property
    def cut_off(self) -> float:
        return self.groups[0].population.grid.cut_off

    def population(self, name: str) -> Population:
        return next(group.population for group in self.groups if group.name == name)

    def others(self, name: str) -> Population:
        """Everybody outside a group, each person counting alike."""
        return mixed([(group.people, group.population) for group in self.groups if group.name != name])

    def gap(self, metric: str, name: str) -> float:
        """The true gap of a group to everybody else."""
        return self.population(name).truth(metric) - self.others(name).truth(metric)

    def gap_to_mean(self, metric: str, name: str) -> float:
        """The true gap of a group to the unweighted mean of the other groups."""
        values = [group.population.truth(metric) for group in self.groups if group.name != name]
        return self.population(name).truth(metric) - float(np.mean(values))


@dataclass(frozen=True)
class Drawn:
    """Rows of one world: group by its number in the world, people numbered from 0 across groups."""

    y: Floats
    score: Floats
    people: Codes
    group: Codes
    need: NDArray[np.bool_]


def draw(world: ScoreWorld, random: np.random.Generator) -> Drawn:
    """One sample of a world."""
    parts, first = [], 0
    for number, group in enumerate(world.groups):
        whose, cells = _rows(world, group, random)
        parts.append((cells, whose + first, np.full(cells.size, number)))
        first += group.people
    cells, people, numbers = (np.concatenate(part) for part in zip(*parts, strict=True))
    score = world.groups[0].population.grid.score
    event, cell = cells >= score.size, cells % score.size
    need = random.random(cells.size) < world.need if world.need < 1 else np.ones(cells.size, dtype=bool)
    return Drawn(event.astype(float), score[cell], people, numbers, need)


def _rows(world: ScoreWorld, group: Group, random: np.random.Generator) -> tuple[Codes, Codes]:
    """Whose row each is, and its cell: without the outcome first, then with it."""
    chances = np.concatenate([group.population.others, group.population.events])
    below = np.cumsum(chances)
    many = np.ones(group.people, dtype=np.int64)
    if len(world.rows) > 1:
        many += np.searchsorted(np.cumsum(world.rows)[:-1], random.random(group.people), side="right")
    whose = np.repeat(np.arange(group.people), many)
    cells = np.minimum(np.searchsorted(below, random.random(whose.size) * below[-1]), chances.size - 1)
    if world.repeat > 0:
        first = np.cumsum(many) - many
        again = random.random(whose.size) < world.repeat
        cells = np.where(again, cells[first][whose], cells)
    return whose, cells


def draws(world: ScoreWorld, number: int, *, seed: int) -> Iterator[Drawn]:
    """So many samples of a world; the same seed gives the same samples."""
    for child in np.random.default_rng(seed).spawn(number):
        yield draw(world, child)
