"""How good scores are, and how surely: measures with intervals from drawing people again.

Repeated rows of a person make nothing surer: a replicate draws people, each with all their rows, and what several
overlapping caseloads are worth is worked out from the rows (``overlap``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from scipy.stats import norm

from desist.models.estimators.base import Floats, chance

Draws = NDArray[np.float64]  # a line per replicate, how often each row was drawn

CELLS_AT_ONCE = 4_000_000  # bounds memory: replicates are worked through in lots of this many row weights
ECE_BINS = 10
NEAREST_LOGIT = 1e-6  # chances are kept this far from 0 and 1 where their logit or logarithm is taken


@dataclass(frozen=True)
class Measured:
    """A measure with its 95 % interval from drawing people again; all None where the rows cannot tell it."""

    value: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, float | None]:
        return dict(vars(self))


@dataclass(frozen=True)
class Difference:
    """The first scores' measure less the second's; all None where the rows cannot tell it.

    ``low`` and ``high`` bound the 95 % interval; ``at_least`` and ``at_most`` are the one-sided 95 % bounds.
    """

    value: float | None
    low: float | None
    high: float | None
    at_least: float | None
    at_most: float | None

    def to_json(self) -> dict[str, float | None]:
        return dict(vars(self))


@dataclass(frozen=True)
class SampleSize:
    """What stands behind a measure. ``effective_rows``: rows of different people that would tell the rate as surely."""

    rows: int
    people: int
    events: int
    people_with_event: int
    effective_rows: float


def sample_size(y: ArrayLike, people: ArrayLike) -> SampleSize:
    """Rows, people and events, and what repeated rows of one person take away (variance of the rate by person)."""
    outcome = np.asarray(y, dtype=float)
    place = np.unique(np.asarray(people), return_inverse=True)[1]
    persons = int(place.max()) + 1 if len(place) else 0
    events = np.bincount(place, outcome, minlength=persons)
    rate = outcome.mean() if len(outcome) else math.nan
    spread = float((np.bincount(place, outcome - rate, minlength=persons) ** 2).sum()) / max(len(outcome), 1) ** 2
    effective = rate * (1.0 - rate) / spread if spread > 0 else float(persons)
    return SampleSize(len(outcome), persons, int(outcome.sum()), int((events > 0).sum()), float(effective))


@dataclass(frozen=True)
class Overlap:
    """What several caseloads of much the same people tell.

    ``worth``: as many dates of different people would tell the rate as surely. ``inflation``: how many times larger
    the variance of the rate is than that of as many rows of different people.
    """

    dates: int
    worth: float
    inflation: float

    @property
    def words(self) -> str:
        if self.dates < 2:
            return "One date: nobody is in the rows twice."
        return f"{self.dates} overlapping dates are worth {self.worth:.2f} of one."

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "words": self.words}


def overlap(y: ArrayLike, people: ArrayLike, as_of: ArrayLike) -> Overlap:
    """What the dates of the rows are worth together, in dates of different people: effective rows over rows a date.

    A person's outcomes on dates a quarter apart are largely the same convictions, so the sum is little more than one.
    """
    dates = np.unique(np.asarray(as_of), return_counts=True)[1]
    size = sample_size(y, people)
    effective = max(size.effective_rows, 1e-12)
    return Overlap(len(dates), effective / float(dates.mean()), size.rows / effective)


def draw_people(people: ArrayLike, replicates: int, seed: int) -> Iterator[Draws]:
    """Row weights of each replicate, in lots: people are drawn with replacement, each with all their rows."""
    place = np.unique(np.asarray(people), return_inverse=True)[1]
    persons = int(place.max()) + 1
    draw = np.random.default_rng(seed)
    lot = max(1, CELLS_AT_ONCE // len(place))
    for start in range(0, replicates, lot):
        drawn = draw.integers(0, persons, (min(lot, replicates - start), persons))
        counts = np.stack([np.bincount(line, minlength=persons) for line in drawn])
        yield counts[:, place].astype(float)


class Scored:
    """Outcomes and scores prepared once, so that each measure of a lot of replicates is a few array sums."""

    def __init__(self, y: ArrayLike, score: ArrayLike, people: ArrayLike | None = None) -> None:
        self.outcome = np.asarray(y, dtype=float)
        self.score = np.asarray(score, dtype=float)
        if self.outcome.shape != self.score.shape or not np.isfinite(self.score).all():
            raise ValueError("each outcome needs one score that is a number")
        self.order = np.argsort(self.score, kind="stable")
        ordered = self.score[self.order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] > ordered[:-1]])
        safe = np.clip(self.score, NEAREST_LOGIT, 1.0 - NEAREST_LOGIT)
        self.logit = np.log(safe / (1.0 - safe))
        self.losses = -(self.outcome * np.log(safe) + (1.0 - self.outcome) * np.log1p(-safe))
        places = np.minimum(np.arange(len(ordered)) * ECE_BINS // max(len(ordered), 1), ECE_BINS - 1)
        first = np.repeat(self.starts, np.diff(np.r_[self.starts, len(ordered)]))
        self.bins = np.empty(len(ordered), dtype=np.intp)
        self.bins[self.order] = places[first]  # equal scores share a bin
        self._line: tuple[float, float] | None = None
        self._repetition = np.ones(ECE_BINS) if people is None else self._repeated(np.asarray(people))

    def _repeated(self, people: NDArray[Any]) -> Floats:
        """By bin, how many times larger the variance of its rate is as people are in it more than once; 1 or more."""
        place = np.unique(people, return_inverse=True)[1]
        found = np.ones(ECE_BINS)
        for number in range(ECE_BINS):
            inside = self.bins == number
            away = self.outcome[inside] - self.outcome[inside].mean() if inside.any() else np.zeros(1)
            alone = float((away**2).sum())
            if alone > 0:
                found[number] = max(1.0, float((np.bincount(place[inside], away) ** 2).sum()) / alone)
        return found

    def auc(self, draws: Draws) -> Floats:
        """The chance that somebody with the outcome scored above somebody without; half for a tie."""
        weights = draws[:, self.order]
        events = np.add.reduceat(weights * self.outcome[self.order], self.starts, axis=1)
        others = np.add.reduceat(weights, self.starts, axis=1) - events
        below = others.cumsum(axis=1) - 0.5 * others
        pairs = events.sum(axis=1) * others.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(pairs > 0, (events * below).sum(axis=1) / pairs, np.nan)

    def brier(self, draws: Draws) -> Floats:
        return np.asarray(draws @ (self.score - self.outcome) ** 2 / draws.sum(axis=1), dtype=float)

    def base_brier(self, draws: Draws) -> Floats:
        """The Brier score of giving everybody the rate in the same rows."""
        rate = draws @ self.outcome / draws.sum(axis=1)
        return np.asarray(rate * (1.0 - rate), dtype=float)

    def log_loss(self, draws: Draws) -> Floats:
        return np.asarray(draws @ self.losses / draws.sum(axis=1), dtype=float)

    def base_log_loss(self, draws: Draws) -> Floats:
        """The log-loss of giving everybody the rate in the same rows."""
        rate = draws @ self.outcome / draws.sum(axis=1)
        return np.asarray(-xlogy(rate, rate) - xlogy(1.0 - rate, 1.0 - rate), dtype=float)

    def calibration(self, draws: Draws) -> tuple[Floats, Floats]:
        """Intercept and slope of a logistic line through the logit, fitted to each replicate; 0 and 1 are best.

        NaN where a replicate holds one outcome only, or all scores are equal.
        """
        centre = float(self.logit.mean())
        away = self.logit - centre
        events = draws @ self.outcome
        told = (events > 0) & (events < draws.sum(axis=1)) & bool((away**2).max() > 0)
        first_guess, first_slope = self._line or (centre, 1.0)
        intercept, slope = np.full(len(draws), first_guess), np.full(len(draws), first_slope)
        for _ in range(20):
            expected = chance(intercept[:, None] + slope[:, None] * away)
            error = draws * (self.outcome - expected)
            information = draws * np.maximum(expected * (1.0 - expected), 1e-9)
            first, second = error.sum(axis=1), error @ away
            a, b, c = information.sum(axis=1), information @ away, information @ away**2
            with np.errstate(invalid="ignore", divide="ignore"):
                across = np.where(told, a * c - b * b, 1.0)
                move = np.where(told, np.clip((c * first - b * second) / across, -2, 2), 0.0)
                turn = np.where(told, np.clip((a * second - b * first) / across, -1, 1), 0.0)
            intercept, slope = intercept + move, slope + turn
            if max(np.abs(move).max(), np.abs(turn).max()) < 1e-7:
                break
        if self._line is None and told[0]:
            self._line = (float(intercept[0]), float(slope[0]))  # the replicates that follow begin here
        return np.where(told, intercept - slope * centre, np.nan), np.where(told, slope, np.nan)

    def ece(self, draws: Draws, *, noise: float) -> Floats:
        """Mean gap between chance and rate over ten bins of equal size, less what chance alone would make.

        Each bin's gap is reduced by the bias that its sampling error gives an absolute value (folded normal), an
        error that repeated rows of a person widen;
        ``noise`` is 1 for the rows themselves and 2 for rows drawn again, whose error comes on top of theirs.
        Source: Kumar, Liang and Ma (2019), "Verified Uncertainty Calibration", section 4.
        """
        total = np.zeros(len(draws))
        bias = np.zeros(len(draws))
        for place in range(ECE_BINS):
            inside = self.bins == place
            weights = draws[:, inside]
            rows = weights.sum(axis=1)
            safe = np.maximum(rows, 1.0)
            rate = weights @ self.outcome[inside] / safe
            gap = np.abs(weights @ self.score[inside] / safe - rate)
            error = np.sqrt(noise * self._repetition[place] * rate * (1.0 - rate) / np.maximum(rows - 1.0, 1.0))
            error = np.maximum(error, 1e-12)
            expected = error * math.sqrt(2 / math.pi) * np.exp(-0.5 * (gap / error) ** 2)
            expected = expected + gap * (1.0 - 2.0 * norm.cdf(-gap / error))
            total += rows * gap
            bias += rows * (expected - gap)
        return np.asarray(np.maximum(total - bias, 0.0) / draws.sum(axis=1), dtype=float)

    def chosen(self, draws: Draws, cut_off: float) -> tuple[Floats, Floats, Floats]:
        """Precision, recall and the share chosen where the score is at or above the cut-off."""
        above = self.score >= cut_off
        chosen, hit = draws @ above, draws @ (above * self.outcome)
        events = draws @ self.outcome
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(chosen > 0, hit / chosen, np.nan)
            recall = np.where(events > 0, hit / events, np.nan)
        return precision, recall, np.asarray(chosen / draws.sum(axis=1), dtype=float)

    def net_benefit(self, draws: Draws, cut_off: float) -> tuple[Floats, Floats]:
        """Net benefit a row of listing whoever reaches the cut-off, and of listing everybody; listing nobody has 0.

        Those rightly listed less those wrongly listed, who weigh as the cut-off says: at .5 as much, at .2 a quarter.
        Source: Vickers and Elkin (2006), "Decision curve analysis".
        """
        above, weight = self.score >= cut_off, cut_off / (1.0 - cut_off)
        worth = self.outcome - weight * (1.0 - self.outcome)
        rows = draws.sum(axis=1)
        return np.asarray(draws @ (above * worth) / rows, dtype=float), np.asarray(draws @ worth / rows, dtype=float)

    def measures(self, draws: Draws, cut_off: float | None, *, noise: float) -> dict[str, Floats]:
        brier, base = self.brier(draws), self.base_brier(draws)
        intercept, slope = self.calibration(draws)
        found = {
            "auc": self.auc(draws),
            "brier": brier,
            "brier_gain": base - brier,
            "log_loss": (log_loss := self.log_loss(draws)),
            "log_loss_gain": self.base_log_loss(draws) - log_loss,
            "calibration_slope": slope,
            "calibration_intercept": intercept,
            "mean_score_less_rate": draws @ (self.score - self.outcome) / draws.sum(axis=1),
            "ece": self.ece(draws, noise=noise),
        }
        if cut_off is not None:
            names = ("precision", "recall", "selected")
            found.update(zip(names, self.chosen(draws, cut_off), strict=True))
            listed, everybody = self.net_benefit(draws, cut_off)
            found |= {"net_benefit": listed, "net_benefit_all": everybody}
            found["net_benefit_gain"] = listed - np.maximum(everybody, 0.0)
        return found


def score_metrics(
    y: ArrayLike,
    score: ArrayLike,
    people: ArrayLike,
    *,
    replicates: int,
    seed: int,
    cut_off: float | None = None,
) -> dict[str, Measured]:
    """Each measure with a 95 % percentile interval from ``replicates`` draws of people.

    auc, brier and log_loss, brier_gain and log_loss_gain (over giving everybody the rate), calibration_slope,
    calibration_intercept, mean_score_less_rate (calibration in the large), ece (debiased); with ``cut_off`` (between
    0 and 1) also precision, recall, selected, net_benefit, net_benefit_all (of listing everybody) and
    net_benefit_gain (over the better of listing everybody and nobody).
    """
    if cut_off is not None and not 0.0 < cut_off < 1.0:
        raise ValueError("a cut-off is a chance between 0 and 1, both left out")
    scored = Scored(y, score, people)
    everybody = np.ones((1, len(scored.outcome)))
    values = {name: float(found[0]) for name, found in scored.measures(everybody, cut_off, noise=1.0).items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in values}
    for draws in draw_people(people, replicates, seed):
        for name, found in scored.measures(draws, cut_off, noise=2.0).items():
            drawn[name].append(found)
    return {name: Measured(*_told(value, drawn[name], (0.025, 0.975))) for name, value in values.items()}


def _told(value: float, drawn: list[Floats], shares: tuple[float, ...]) -> list[float | None]:
    """The value and the quantiles of its replicates; None throughout where the value or half of them are not there."""
    found = np.concatenate(drawn)
    known = found[np.isfinite(found)]
    if not math.isfinite(value) or len(known) < max(1, len(found) / 2):
        return [None] * (1 + len(shares))
    return [value, *(float(number) for number in np.quantile(known, shares))]


def _differences(pairs: list[tuple[Scored, Scored]], draws: Draws) -> dict[str, Floats]:
    """The first scores' measures less the second's, averaged over the pairs."""
    found = {
        "auc": [first.auc(draws) - second.auc(draws) for first, second in pairs],
        "brier": [first.brier(draws) - second.brier(draws) for first, second in pairs],
        "log_loss": [first.log_loss(draws) - second.log_loss(draws) for first, second in pairs],
    }
    return {name: np.asarray(np.mean(each, axis=0), dtype=float) for name, each in found.items()}


def paired_difference(
    y: ArrayLike, a: ArrayLike, b: ArrayLike, people: ArrayLike, *, replicates: int, seed: int
) -> dict[str, Difference]:
    """``a`` less ``b`` in auc (above 0: ``a`` ranks better), brier and log_loss (above 0: ``a`` is worse), same rows.

    Scores may have a column per seed of the same protocol: the difference is then the mean over the seeds.
    """
    first, second = (np.asarray(scores, dtype=float).reshape(len(np.asarray(y)), -1) for scores in (a, b))
    if first.shape != second.shape:
        raise ValueError("the two sets of scores need the same rows and seeds")
    pairs = [(Scored(y, first[:, seed_]), Scored(y, second[:, seed_])) for seed_ in range(first.shape[1])]
    values = _differences(pairs, np.ones((1, len(first))))
    drawn: dict[str, list[Floats]] = {name: [] for name in values}
    for draws in draw_people(people, replicates, seed):
        for name, found in _differences(pairs, draws).items():
            drawn[name].append(found)
    return {
        name: Difference(*_told(float(value[0]), drawn[name], (0.025, 0.975, 0.05, 0.95)))
        for name, value in values.items()
    }


def metrics_to_json(metrics: Mapping[str, Measured | Difference]) -> dict[str, Any]:
    """Plain values, None where a measure cannot be told."""
    return {name: measured.to_json() for name, measured in metrics.items()}
