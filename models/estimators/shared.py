"""A model learnt elsewhere, moved to a partnership that is too small to learn its own: one step for the whole borough.

Never below the borough and never by agency: a step per ward, team or agency would be that feature by the back door.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from desist.models.estimators.base import CannotFit, ChanceModel, Floats, chance
from desist.models.estimators.calibration import EVENTS_FOR_SLOPE, Calibrated, shift_to
from desist.models.estimators.logistic import fit_line
from desist.records.codes import SOURCES
from desist.records.hashing import hash_bytes

#: Below so many people with the outcome, or without it, the shared model is used as it is.
PEOPLE_FOR_LEVEL = 50
#: What is taken for the variance of boroughs' intercepts where one borough alone is known: a standard deviation of .15
#: on the logit scale, so at a rate of 30 % nineteen boroughs of twenty within 6 in 100 of what the model expects.
STATED_VARIANCE = 0.15**2
#: The same for slopes: nineteen of twenty between .8 and 1.2.
SLOPE_VARIANCE = 0.1**2
#: Where one borough alone is known, a step within so many standard errors of none is taken for none.
ERRORS_AWAY = 2.0
#: A step is kept if it saves more log-loss on later rows of other people than so many standard errors of the saving.
ERRORS_SAVED = 1.0
LEAST_BOROUGHS = 5
#: The largest English region has 67 local authorities: a column with more levels is something smaller.
MOST_BOROUGHS = 67
_SMALLER = ("ward", "lsoa", "msoa", "postcode", "street", "team", "worker", "officer", "agency", "office", "source")
_SMALLER_CODES = ("E00", "E01", "E02", "E05", "W00", "W01", "W02", "W05")  # census areas and wards (ONS)


@dataclass(frozen=True)
class AreaSpread:
    """How boroughs' intercepts lie around the shared model: their ``mean`` and ``variance`` on the logit scale.

    ``boroughs``: how many told it; 1 where it is stated and not measured.
    """

    mean: float = 0.0
    variance: float = STATED_VARIANCE
    boroughs: int = 1

    def __post_init__(self) -> None:
        if not math.isfinite(self.mean) or not 0.0 <= self.variance < math.inf or self.boroughs < 1:
            raise ValueError("a spread of boroughs has a mean, a variance that is not negative, and a borough")

    @property
    def measured(self) -> bool:
        return self.boroughs >= LEAST_BOROUGHS

    def weight(self, error_variance: float) -> float:
        """How much of a borough's own step is believed, from 0 to 1."""
        return self.variance / (self.variance + error_variance) if self.variance > 0 else 0.0

    def in_words(self) -> str:
        if self.measured:
            return f"{self.boroughs} boroughs vary by {math.sqrt(self.variance):.2f} around {self.mean:+.2f} (logit)"
        return f"no other borough is known: a variation of {math.sqrt(self.variance):.2f} (logit) is taken as stated"


def area_spread(
    shared: ChanceModel | Calibrated,
    X: pd.DataFrame,
    y: Any,
    people: Any,
    area: pd.Series,
    *,
    boroughs: Collection[str],
) -> AreaSpread:
    """How the intercepts of a region's boroughs vary beyond chance, from their rows under one shared model.

    ``boroughs`` names the region's boroughs, as its agreement does. Raises CannotFit where ``area`` holds anything
    else, where there are fewer than 5 boroughs, or where one has under 50 people with the outcome or without it.
    Source: Paule and Mandel (1982), Journal of Research of the National Bureau of Standards 87, 377-385.
    """
    _check_boroughs(area, boroughs)
    logit, outcome = shared.decision_function(X), _known(y, len(X))
    person, labels = np.asarray(people), area.astype(str).to_numpy()
    told = []
    for label in sorted(set(labels)):
        rows = _Rows.of(logit[labels == label], outcome[labels == label], person[labels == label])
        if rows.fewer_people < PEOPLE_FOR_LEVEL:
            raise CannotFit(
                f"The area {label} has {rows.fewer_people} people with or without the outcome; a borough that tells "
                f"how boroughs vary needs {PEOPLE_FOR_LEVEL} of each. Anything smaller is not a borough."
            )
        told.append(rows.step())
    return AreaSpread(*_between(np.array(told)), boroughs=len(told))


def _check_boroughs(area: pd.Series, boroughs: Collection[str]) -> None:
    """Refuse a column of anything below or beside boroughs."""
    if not isinstance(area, pd.Series) or area.isna().any():
        raise CannotFit("Hand in the borough of every row as one column.")
    found, named = set(area.astype(str)), set(boroughs)
    smaller = [word for word in _SMALLER if word in str(area.name).lower()]
    smaller += [label for label in sorted(found | named) if label.lower() in SOURCES or label[:3] in _SMALLER_CODES]
    if smaller or not LEAST_BOROUGHS <= len(named) <= MOST_BOROUGHS or not found <= named:
        raise CannotFit(
            f"The column {area.name} with {len(found)} levels is not a column of the region's {len(named)} boroughs. "
            f"A model is moved by borough only, never by ward, team or agency, and {LEAST_BOROUGHS} to {MOST_BOROUGHS} "
            "boroughs tell how they vary."
        )
    if len(found) < LEAST_BOROUGHS:
        raise CannotFit(f"{len(found)} boroughs do not tell how boroughs vary; {LEAST_BOROUGHS} are needed.")


def _between(steps: Floats) -> tuple[float, float]:
    """Mean and variance of the boroughs' true intercepts, given each one's estimate and its error variance."""
    found, errors = steps.T

    def mean_and_excess(variance: float) -> tuple[float, float]:
        weights = 1.0 / (errors + variance)
        mean = float(weights @ found / weights.sum())
        return mean, float(weights @ (found - mean) ** 2) - (len(found) - 1)

    low, high = 0.0, 25.0
    if mean_and_excess(low)[1] <= 0:
        return mean_and_excess(low)[0], low
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_and_excess(middle)[1] > 0 else (low, middle)
    return mean_and_excess(low)[0], low


@dataclass(frozen=True)
class Line:
    """A borough's move: the logit becomes ``move + slope * logit``. ``step``: the move of its intercept alone."""

    move: float = 0.0
    slope: float = 1.0
    step: float = 0.0
    weight: float = 0.0

    def __call__(self, logit: Floats) -> Floats:
        return self.move + self.slope * logit


STAYS = Line()


@dataclass(frozen=True)
class _Rows:
    """Logits and outcomes of some rows, and the number of the person each is of (from 0)."""

    logit: Floats
    outcome: Floats
    person: NDArray[np.intp]

    @classmethod
    def of(cls, logit: Floats, outcome: Floats, people: NDArray[Any]) -> _Rows:
        return cls(logit, outcome, np.unique(people, return_inverse=True)[1])

    def part(self, rows: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.logit[rows], self.outcome[rows], self.person[rows])

    @property
    def events(self) -> int:
        """People with the outcome: one offence counts in every overlapping row of a person."""
        return len(np.unique(self.person[self.outcome == 1]))

    @property
    def fewer_people(self) -> int:
        return min(self.events, len(np.unique(self.person[self.outcome == 0])))

    def step(self) -> tuple[float, float]:
        """The step that makes the mean chance the rate seen, and its error variance with people as units."""
        step = shift_to(self.logit, self.outcome)
        expected = chance(self.logit + step)
        information = float((expected * (1.0 - expected)).sum())
        residuals = np.bincount(self.person, self.outcome - expected)
        return step, max(float(residuals @ residuals) / information**2, 1.0 / information)

    def slope(self) -> tuple[float, float]:
        """The slope of a line through the logit, and its error variance with people as units."""
        line = fit_line(self.logit, np.ones(len(self.logit)), self.outcome)
        design = np.column_stack([np.ones(len(self.logit)), self.logit])
        expected = chance(line.intercept + line.slope * self.logit)
        bread = np.linalg.inv(design.T @ (design * (expected * (1.0 - expected))[:, None]))
        residuals = design * (self.outcome - expected)[:, None]
        by_person = np.column_stack([np.bincount(self.person, residuals[:, column]) for column in (0, 1)])
        return line.slope, float(max((bread @ (by_person.T @ by_person) @ bread)[1, 1], bread[1, 1]))

    def losses(self, line: Line) -> Floats:
        logit = line(self.logit)
        return np.asarray(np.logaddexp(0.0, logit) - self.outcome * logit, dtype=float)


class Shared(Calibrated):
    """A shared model moved to one borough: its intercept by an empirical-Bayes step, its slope with 200 events.

    ``shared`` is used as it is and not fitted again. ``spread`` says how boroughs vary (``area_spread``); None: one
    borough alone is known and the stated variance holds. ``known_after_days``: days from an as-of date until its
    outcome is known. A step is kept only if, learnt on earlier dates, it saves log-loss on later dates and other
    people, by more than a standard error; else the shared model stays. ``words_`` tells what was done and why.
    Source of the weight: Efron and Morris (1975), Journal of the American Statistical Association 70, 311-319.
    """

    def __init__(
        self,
        shared: ChanceModel | Calibrated,
        *,
        known_after_days: int,
        spread: AreaSpread | None = None,
        events_for_slope: int = EVENTS_FOR_SLOPE,
        events_for_level: int = PEOPLE_FOR_LEVEL,
    ) -> None:
        self.shared = shared
        self.known_after_days = known_after_days
        self.spread = spread
        self.events_for_slope = events_for_slope
        self.events_for_level = events_for_level

    @property
    def model(self) -> ChanceModel:  # type: ignore[override]
        return self.shared.model if isinstance(self.shared, Calibrated) else self.shared

    def fit(  # type: ignore[override]
        self, X: pd.DataFrame, y: Any, people: Any = None, *, as_of: Any = None, area: str = ""
    ) -> Self:
        """Learn the borough's step from its own rows with a known outcome; ``area`` is the one name of all of them.

        Raises CannotFit where ``area`` is a column, or names something else than one borough.
        """
        if isinstance(self.shared, Shared):
            raise CannotFit("The model was moved to a borough already; move the shared model itself.")
        _check_one_area(area)
        outcome = _known(y, len(X))
        if people is None or as_of is None or len(people) != len(X) or len(as_of) != len(X):
            raise CannotFit("Each row needs its person and its as-of date, so that a step is judged on later rows.")
        self.area_, self.rows_, self.events_ = area, len(outcome), int(outcome.sum())
        rows = _Rows.of(self.shared.decision_function(X), outcome, np.asarray(people))
        days = pd.DatetimeIndex(pd.to_datetime(np.asarray(as_of)))
        parts = _earlier_and_later(days, self.known_after_days, _half_of(np.asarray(people)))
        self.line_, self.learnt_, self.words_ = self._decide(rows, parts)
        self._compose()
        return self

    def _decide(self, rows: _Rows, parts: _Parts | None) -> tuple[Line, str, str]:
        """The line, what of it was learnt, and why in words."""
        as_it_is = "The shared model is used as it is"
        if rows.fewer_people < self.events_for_level:
            told = f"{rows.fewer_people} people with or without the outcome, {self.events_for_level} of each are needed"
            return STAYS, "nothing", f"{as_it_is}: {told}."
        if parts is None:
            return STAYS, "nothing", f"{as_it_is}: there are no later rows of other people to judge a step on."
        level, told = self._level_and_why(rows, parts)
        learnt = "nothing" if level == STAYS else "intercept"
        if rows.fewer_people < self.events_for_slope:
            short = f"{rows.fewer_people} people with or without the outcome, {self.events_for_slope} are needed"
            return level, learnt, f"{told}; the slope stayed: {short}."
        line = self._sloped(rows, level)
        if not _away(rows.slope(), 1.0) or not _saves(rows, parts, self._sloped, level):
            return level, learnt, f"{told}; the slope stayed: none saves log-loss on later rows beyond chance."
        return line, "intercept and slope", f"{told}; the slope is {line.slope:.2f}."

    def _level_and_why(self, rows: _Rows, parts: _Parts) -> tuple[Line, str]:
        spread = self._spread()
        level = self._level(rows, STAYS)
        if not spread.measured and not _away(rows.step(), 0.0):
            why = "it is within chance"
        elif not level.move or not _saves(rows, parts, self._level, STAYS):
            why = "no step saves log-loss on later rows beyond chance"
        else:
            done = f"The borough intercept moved by {level.step:+.2f} with weight {level.weight:.2f}"
            return level, f"{done} ({spread.in_words()})"
        return STAYS, f"The borough intercept stayed: {why} ({spread.in_words()})"

    def _spread(self) -> AreaSpread:
        return self.spread or AreaSpread()

    def _level(self, rows: _Rows, before: Line) -> Line:
        """The step of the intercept alone, drawn towards the boroughs' mean."""
        spread = self._spread()
        step, error = rows.step()
        weight = spread.weight(error)
        moved = spread.mean + weight * (step - spread.mean)
        return Line(moved, 1.0, moved, weight)

    def _sloped(self, rows: _Rows, before: Line) -> Line:
        """A slope drawn towards 1, around the mean logit, with a step of the intercept where ``before`` has one."""
        found, error = rows.slope()
        slope = 1.0 + SLOPE_VARIANCE / (SLOPE_VARIANCE + error) * (found - 1.0)
        centre = float(rows.logit.mean())
        turned = _Rows(centre + slope * (rows.logit - centre), rows.outcome, rows.person)
        level = self._level(turned, STAYS) if before.move else STAYS
        return Line(level.move + centre * (1.0 - slope), slope, level.step, level.weight)

    def _compose(self) -> None:
        """The shared model's own line and the borough's, as one line through the inner model's logit."""
        inner = (self.shared.intercept_, self.shared.slope_) if isinstance(self.shared, Calibrated) else (0.0, 1.0)
        self.intercept_ = self.line_.move + self.line_.slope * inner[0]
        self.slope_ = self.line_.slope * inner[1]
        self.classes_ = np.array([0, 1])

    def to_json(self) -> dict[str, Any]:
        """Everything the moved model is; without ``borough`` it reads as a recalibrated model with the same scores."""
        check_is_fitted(self)
        told = super().to_json()
        told["learnt"]["borough"] = {
            "area": self.area_,
            "line": asdict(self.line_),
            "spread": asdict(self._spread()),
            "known_after_days": self.known_after_days,
            "words": self.words_,
            "shared": self.shared.to_json() if isinstance(self.shared, Calibrated) else None,
        }
        if isinstance(self.shared, Calibrated):
            told["learnt"]["borough"]["shared"].pop("model")
        return told

    @classmethod
    def recalled(cls, model: ChanceModel, told: Mapping[str, Any]) -> Self:
        """The moved model that ``to_json`` told, around the inner model."""
        borough = told["learnt"]["borough"]
        shared = Calibrated.recalled(model, borough["shared"]) if borough["shared"] else model
        moved = cls(
            shared,
            known_after_days=int(borough["known_after_days"]),
            spread=AreaSpread(**borough["spread"]),
            **told["settings"],
        )
        moved.area_, moved.line_, moved.words_ = str(borough["area"]), Line(**borough["line"]), str(borough["words"])
        moved.rows_, moved.events_ = int(told["learnt"]["rows"]), int(told["learnt"]["events"])
        moved.learnt_ = str(told["learnt"]["learnt"])
        moved._compose()
        return moved


def _check_one_area(area: Any) -> None:
    if not isinstance(area, str) or not area.strip():
        raise CannotFit("Name the one borough that all rows are of; a column of areas is never taken.")
    if area.lower() in SOURCES or area[:3] in _SMALLER_CODES:
        raise CannotFit(f"{area} is not a borough: a model is moved by borough only, never by ward or agency.")


def _known(y: Any, rows: int) -> Floats:
    outcome = np.asarray(y, dtype=float)
    if outcome.shape != (rows,) or not np.isin(outcome, (0.0, 1.0)).all():
        raise CannotFit("Recalibration needs one known outcome, 0 or 1, for each row.")
    return outcome


@dataclass(frozen=True)
class _Parts:
    """Rows to learn from, later rows to judge on, and the half (0 or 1) of the people that each row's person is in."""

    earlier: NDArray[np.bool_]
    later: NDArray[np.bool_]
    half: NDArray[np.int64]


def _half_of(people: NDArray[Any]) -> NDArray[np.int64]:
    """The half that each row's person is in, by a hash: the same for a person on every date and machine."""
    names, place = np.unique(people.astype(str), return_inverse=True)
    halves = np.array([int(hash_bytes(name.encode())[:8], 16) % 2 for name in names], dtype=np.int64)
    return np.asarray(halves[place], dtype=np.int64)


def _earlier_and_later(days: pd.DatetimeIndex, gap: int, half: NDArray[np.int64]) -> _Parts | None:
    """Rows parted at the date that leaves most in the smaller part; None where no outcome was known before a date."""
    best, found = 0, None
    for day in sorted(set(days)):
        earlier = np.asarray(days + pd.Timedelta(days=gap) <= day)
        later = np.asarray(days >= day)
        smaller = int(min(earlier.sum(), later.sum()))
        if smaller > best:
            best, found = smaller, _Parts(earlier, later, half)
    return found


def _away(found: tuple[float, float], value: float) -> bool:
    """Whether an estimate, with its error variance, lies further from a value than chance would put it."""
    return abs(found[0] - value) >= ERRORS_AWAY * math.sqrt(found[1])


def _saves(rows: _Rows, parts: _Parts, learn: Callable[[_Rows, Line], Line], before: Line) -> bool:
    """Whether a line learnt on earlier rows saves log-loss on later rows of other people, beyond a standard error."""
    saved = np.zeros(int(rows.person.max()) + 1)
    for side in (0, 1):
        taught = rows.part(parts.earlier & (parts.half == side))
        judged = rows.part(parts.later & (parts.half != side))
        if not 0 < taught.outcome.sum() < len(taught.outcome) or not len(judged.outcome):
            return False
        gained = judged.losses(before) - judged.losses(learn(taught, before))
        saved += np.bincount(judged.person, gained, minlength=len(saved))
    return bool(saved.sum() > ERRORS_SAVED * math.sqrt(float(saved @ saved)))
