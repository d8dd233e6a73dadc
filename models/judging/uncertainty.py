"""How surely the chance behind a score is known: a range for E[Y | score] of the released model, from judges' rows.

What is estimated is the rate at which people with this score have the outcome; not a person's own chance, which
nobody can know, and not E[Y | features]. The released file is held fixed, as its scores are what people see, and a
curve from its score to the rate is learnt on rows it did not learn from. Drawing people again moves that curve; where
it then lies 95 times of 100 is the range. benchmarks/range_coverage.py shows what this covers, and what else was tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.stats import norm
from scipy.stats import t as student

from desist.models.estimators.base import CannotFit, Floats, chance
from desist.models.judging.curves import Curve, fit_curves, learn_curve
from desist.models.judging.evaluate import sample_size
from desist.records.errors import Refused
from desist.records.files import read_json, write_json

FILE = "model-ranges.json"
FORMAT, VERSION = "desist-ranges", 1
REPLICATES = 400
COVERS = 0.95
#: People with the outcome, and without it, below which no range can be learnt.
LEAST_EVENTS = 10
BINS, CHECK_REPLICATES = 10, 100
NEAREST = 1e-6  # chances are kept this far from 0 and 1 where their logit is taken
#: Rows are added up in bins: cut-offs in half per cents are ends of bins, and further ends lie at equal shares of rows.
PER_CENT_ENDS, ENDS_BY_ROWS = 200, 64


@dataclass(frozen=True)
class StepRange:
    """What is known of one step: of its rows, the rate by the curve with its range, and what was seen.

    ``number``, ``low``, ``high``: 0 to 1. ``rows`` and ``events``: judges' rows shown at the step; where there are
    none, the numbers are the curve's at the middle of the step.
    """

    step: int
    number: float
    low: float
    high: float
    rows: int
    events: int


@dataclass(frozen=True)
class Checked:
    """What real rows can show of the ranges: rates in bins, never the rate at one score.

    ``met`` of ``bins`` bins had a rate within 95 % of what the curve learnt on other people said; 0 bins where there
    were too few outcomes to look.
    """

    bins: int
    met: int

    @property
    def words(self) -> str:
        if self.bins == 0:
            return "There were too few outcomes to check them even by bins."
        return (
            f"On these rows rates in bins alone can be checked: what was learnt from one half of the people met the "
            f"other half's rate in {self.met} of {self.bins} bins, where about {round(COVERS * self.bins)} is right. "
            f"That the range holds at each score was shown in made-up worlds only."
        )


@dataclass(frozen=True)
class Ranges:
    """The curve from score to rate, with its replicates; learnt by ``learn_ranges``.

    ``weights``: the curve's first, then a line per replicate. ``bins``: mean score, rows and events of each bin.
    ``surely``: the scarcer outcome's rows, counted as rows of different people. ``checked``: what could be checked of
    these rows; see ``check_in_bins``.
    """

    curve: Curve
    weights: Floats
    bins: Floats
    people: int
    events: int
    surely: float
    seed: int
    checked: Checked

    def middle(self, scores: ArrayLike) -> Floats:
        """The rate at each score, by the curve itself."""
        rates: Floats = self._rates(np.asarray(scores, dtype=float))[0]
        return rates

    def interval(self, scores: ArrayLike) -> tuple[Floats, Floats]:
        """Low and high end of the 95 % range for the rate among people with each score; NaN where there is no score."""
        return self._ends(self._rates(np.asarray(scores, dtype=float))[1:])

    def _rates(self, scores: Floats) -> Floats:
        """The rate at each score, a line for the curve and one per replicate."""
        values, place = np.unique(scores, return_inverse=True)
        logit = logit_of(values)
        rates = chance(logit + self.weights @ self.curve.columns(logit).T)
        return np.asarray(rates[:, place], dtype=float)

    def _ends(self, drawn: Floats) -> tuple[Floats, Floats]:
        share = _tail(self.surely, self.weights.shape[1])
        low, high = np.quantile(drawn, [share, 1.0 - share], axis=0)
        return low, high

    def step(self, cut_offs: Sequence[float]) -> tuple[StepRange, ...]:
        """For each step between the cut-offs, from the lowest: its number and its range, as pages show them.

        The mix of scores within a step is taken to be that of the judges' rows.
        """
        ends = [0.0, *cut_offs, 1.0]
        score, rows, events = self.bins
        place = steps_of(score, cut_offs)
        found = []
        for number in range(1, len(ends)):
            inside = place == number
            shares = rows[inside] / max(rows[inside].sum(), 1.0)
            scores = score[inside]
            if not inside.any():
                scores, shares = np.array([(ends[number - 1] + ends[number]) / 2]), np.ones(1)
            rates = self._rates(scores) @ shares
            low, high = self._ends(rates[1:])
            counts = int(rows[inside].sum()), int(events[inside].sum())
            found.append(StepRange(number, float(rates[0]), float(low), float(high), *counts))
        return tuple(found)

    def borderline(self, scores: ArrayLike, cut_offs: Sequence[float]) -> NDArray[np.bool_]:
        """Whether the range of each score reaches into another step than the score's own; no where there is no score.

        So a step that the judges' rows do not bear out is tagged too, and fewer rows tag more people.
        """
        found = np.asarray(scores, dtype=float)
        low, high = self.interval(found)
        own = steps_of(found, cut_offs)
        other = (steps_of(low, cut_offs) != own) | (steps_of(high, cut_offs) != own)
        return np.asarray(other & ~np.isnan(found), dtype=bool)

    @property
    def words(self) -> str:
        """What the ranges are, for a page."""
        return (
            f"Ranges of 95 % for the rate among people with the same score, from {self.people:,} people the model did "
            f"not learn from, {self.events:,} outcomes; people drawn again {len(self.weights) - 1} times. They do not "
            f"say how sure anything is about one person, nor what changes after these rows. {self.checked.words}"
        )

    def to_json(self) -> dict[str, Any]:
        """Everything in plain values; no row of a person."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "curve": self.curve.to_json(),
            "weights": self.weights.tolist(),
            "bins": self.bins.tolist(),
            "people": self.people,
            "events": self.events,
            "surely": self.surely,
            "seed": self.seed,
            "checked": vars(self.checked),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The ranges that ``to_json`` told, with identical ends. Raises Refused for what is no such file."""
        if told.get("format") != FORMAT or told.get("version") != VERSION:
            raise Refused(f"This is not a {FORMAT} file of version {VERSION}.")
        return cls(
            Curve.from_json(told["curve"]),
            np.array(told["weights"], dtype=float),
            np.array(told["bins"], dtype=float),
            int(told["people"]),
            int(told["events"]),
            float(told["surely"]),
            int(told["seed"]),
            Checked(**told["checked"]),
        )


def logit_of(scores: Floats) -> Floats:
    safe = np.clip(scores, NEAREST, 1.0 - NEAREST)
    return np.log(safe / (1.0 - safe))


def steps_of(scores: ArrayLike, cut_offs: Sequence[float]) -> NDArray[np.intp]:
    """The step of each score, from 1: how many cut-offs it reaches, plus one."""
    return 1 + np.searchsorted(np.asarray(cut_offs, dtype=float), np.asarray(scores, dtype=float), side="right")


def _tail(outcomes: float, columns: int) -> float:
    """The share of replicates beyond each end: fewer than 2.5 % where few outcomes stand behind the curve.

    The percentile interval expanded as Hesterberg (2015), "What teachers should know about the bootstrap", The
    American Statistician 69, 371-386, section 5.3, counting the scarcer outcome, which bounds what is told.
    """
    free = max(outcomes - columns, 3.0)
    return float(norm.cdf(student.ppf((1.0 - COVERS) / 2.0, free) * math.sqrt(max(outcomes, free) / free)))


def learn_ranges(
    score: ArrayLike, outcome: ArrayLike, people: ArrayLike, *, replicates: int = REPLICATES, seed: int
) -> Ranges:
    """Ranges for the rate behind each score of one fixed model, from rows it did not learn from.

    ``score``: the released file's chances; ``outcome``: 0 or 1; ``people``: each row's person, drawn as one. Raises
    CannotFit where fewer than ten people had the outcome, or ten had not.
    """
    scores, happened, persons = np.asarray(score, dtype=float), np.asarray(outcome, dtype=float), np.asarray(people)
    if scores.shape != happened.shape or not (np.isfinite(scores).all() and np.isin(happened, (0.0, 1.0)).all()):
        raise ValueError("each row needs a score and an outcome of 0 or 1")
    unchecked = _learn(scores, happened, persons, replicates, seed)
    return replace(unchecked, checked=check_in_bins(scores, happened, persons, seed=seed))


def check_enough(outcome: ArrayLike, people: ArrayLike) -> float:
    """How many people's outcomes the scarcer outcome is worth. Raises CannotFit where no range can be learnt."""
    size = sample_size(outcome, people)
    fewer = min(size.events, size.rows - size.events) * min(size.effective_rows / max(size.rows, 1), 1.0)
    if fewer < LEAST_EVENTS:
        raise CannotFit(
            f"No range can be learnt: {size.events} of {size.rows} judges' rows have the outcome, which tell as much "
            f"as {fewer:.0f} people's; at least {LEAST_EVENTS} with and without are needed. Put more people on the "
            "judges' side."
        )
    return float(fewer)


def _learn(scores: Floats, happened: Floats, people: NDArray[Any], replicates: int, seed: int) -> Ranges:
    fewer = check_enough(happened, people)
    size = sample_size(happened, people)
    bins, rows, events = _binned(scores, happened, people, replicates, seed)
    curve = learn_curve(logit_of(scores), fewer)
    weights = fit_curves(curve, logit_of(bins), rows, events)
    table = np.stack([bins, rows[0], events[0]])
    return Ranges(curve, weights, table, size.people, size.events, fewer, seed, Checked(0, 0))


def check_in_bins(scores: Floats, happened: Floats, people: NDArray[Any], *, seed: int) -> Checked:
    """In how many bins of one half of the people the rate is what the curve of the other half says, both ways round.

    Ten bins of equal size a half. A rate is met where it differs by no more than 1.96 standard errors, of the rate
    (over people) and of the curve (over its replicates) together.
    """
    person = np.unique(people, return_inverse=True)[1]
    half = np.random.default_rng([seed, 1]).permutation(int(person.max()) + 1)[person] % 2
    bins, met = 0, 0
    for number in (0, 1):
        learn, look = half != number, half == number
        try:
            other = _learn(scores[learn], happened[learn], people[learn], CHECK_REPLICATES, seed)
        except CannotFit:
            return Checked(0, 0)
        order = np.argsort(scores[look], kind="stable")
        for rows in np.array_split(np.flatnonzero(look)[order], BINS):
            drawn = other._rates(scores[rows]).mean(axis=1)
            rate = float(happened[rows].mean())
            gaps = np.bincount(person[rows], happened[rows] - drawn[0])
            error = math.sqrt(float((gaps**2).sum()) / len(rows) ** 2 + float(drawn[1:].var()))
            bins, met = bins + 1, met + int(abs(rate - drawn[0]) <= norm.ppf(0.5 + COVERS / 2) * error)
    return Checked(bins, met)


def _binned(
    scores: Floats, happened: Floats, people: NDArray[Any], replicates: int, seed: int
) -> tuple[Floats, Floats, Floats]:
    """The bins' mean scores, and rows and events in each: of all people first, then of each draw of people."""
    inner = np.arange(1, ENDS_BY_ROWS) / ENDS_BY_ROWS
    ends = np.union1d(np.arange(1, PER_CENT_ENDS) / PER_CENT_ENDS, np.quantile(scores, inner))
    place = np.unique(np.searchsorted(ends, scores, side="right"), return_inverse=True)[1]
    person = np.unique(people, return_inverse=True)[1]
    shape = (int(person.max()) + 1, int(place.max()) + 1)
    by_person = [csr_array((each, (person, place)), shape=shape) for each in (np.ones(len(scores)), happened)]
    draws = np.random.default_rng(seed).multinomial(shape[0], np.full(shape[0], 1.0 / shape[0]), size=replicates)
    times = np.vstack([np.ones(shape[0]), draws])
    rows, events = (np.asarray((each.T @ times.T).T, dtype=float) for each in by_person)
    least = np.full(shape[1], np.inf)
    np.minimum.at(least, place, scores)
    means = np.bincount(place, scores) / rows[0]
    return np.maximum(means, least), rows, events  # rounding must not put a bin that begins at a cut-off below it


def save_ranges(ranges: Ranges, folder: Path) -> None:
    """Write ``model-ranges.json`` into a candidate; by its name the release binds it."""
    write_json(folder / FILE, ranges.to_json())


def load_ranges(folder: Path) -> Ranges | None:
    """The ranges in ``folder``, None where there are none. Raises Refused where the file is not as it was saved."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return Ranges.from_json(read_json(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(f"{FILE} in {folder.name} lacks a part of its format ({type(error).__name__}).") from error
