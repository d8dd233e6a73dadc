"""The points card: a few lines with whole points, added by hand, and a table from points to chance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit, ChanceModel, Floats, chance, log_loss_of, read_matrix
from desist.models.estimators.candidates import Question, Questions, marks_of
from desist.models.estimators.card_search import CardSearch, Limits
from desist.models.estimators.logistic import fit_line
from desist.models.estimators.spline import SplineLogistic

# An item must bring the card this much nearer to the curve it follows (log-loss over all rows, in nats), or by this
# share of the whole way from the base rate to the curve where that is less: few rows draw a curve that is nearly flat.
LEAST_GAIN, LEAST_SHARE = 0.5, 0.01
FEWEST_ROWS, FEWEST_SHARE = 10, 0.005
# What somebody can add up with a pencil, and one page holds.
MOST_ITEMS, MOST_POINTS, MOST_TIMES, MOST_BREADTH = 15, 20, 10, 100
WILSON_Z = 1.959963984540054


@dataclass(frozen=True)
class CardItem:
    """One line of the card: points for a "yes", or ``points`` as often as the line counts. ``form`` is ">=", "<=" or
    "missing".

    A value earns the points once for each mark it reaches; the marks are ``threshold``, then ``step`` by ``step``
    upwards for ">=" and downwards for "<=", ``times`` in all. A yes/no question has one.
    ``or_unknown``: a value that is not known counts as one that reaches all marks, because it is scored as one.
    """

    feature: str
    form: str
    threshold: float
    points: int
    sentence: str
    or_unknown: bool = False
    step: float = 0.0
    times: int = 1

    def __post_init__(self) -> None:
        if self.form not in (">=", "<=", "missing") or self.times < 1 or (self.times > 1 and not self.step > 0):
            raise ValueError("an item is asked once, or counts its steps")

    @property
    def question(self) -> str:
        """The sentence without its points."""
        return self.sentence.rpartition(" (")[0]

    @property
    def amounts(self) -> tuple[tuple[str, int], ...]:
        """What a counting line gives at each mark, in words and points; the last that applies counts. Else empty."""
        if self.times == 1:
            return ()
        marks = marks_of(self.form, self.threshold, self.step, self.times).tolist()
        side = "more" if self.form == ">=" else "less"
        said = [f"{number(mark)} or {side}" for mark in marks]
        if self.or_unknown:
            said[-1] += ", or not known"
        return tuple((words, self.points * n) for n, words in enumerate(said, start=1))

    def count(self, value: float) -> int:
        """How often a value earns the points; an unknown one (NaN) never does unless the line says so."""
        if np.isnan(value):
            return self.times if self.form == "missing" or self.or_unknown else 0
        if self.form == "missing":
            return 0
        marks = marks_of(self.form, self.threshold, self.step, self.times)
        return int((value >= marks).sum() if self.form == ">=" else (value <= marks).sum())

    def earns(self, value: float) -> int:
        """The points that a value earns on this line."""
        return self.points * self.count(value)


@dataclass(frozen=True)
class ChanceRow:
    """What a number of points means: the card's chance, and what was seen in fitting (95 % Wilson interval)."""

    points: int
    chance: float
    rows: int
    events: int
    observed: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class OnePage:
    """All that a page needs to show the card: its items and what the points mean."""

    items: tuple[CardItem, ...]
    chances: tuple[ChanceRow, ...]
    rows: int
    events: int


def number(value: float) -> str:
    """A threshold or value as a reader writes it: 3, 0.25, 1,200."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.12g}"


def sentence(feature: FeatureInfo, question: Question, points: int, yes_or_no: bool, or_unknown: bool) -> str:
    """The line in the feature's own phrase, with its points: a question, or what is counted and up to where."""
    said = (feature.raises if points > 0 else feature.lowers) or feature.raises or feature.lowers
    asked = _asked(feature, question)
    name = feature.name.replace("_", " ")
    if yes_or_no and question.form == ">=":
        phrase = said.replace("{value}", "yes") if said else name
    elif "{value}" in said:
        phrase = said.replace("{value}", asked)
    else:
        phrase = f"{said or name}: {asked}"
    if or_unknown:
        phrase += ", or not known"
    amount = "1 point" if abs(points) == 1 else f"{abs(points)} points"
    return f"{phrase} ({amount}{' less' if points < 0 else ''}{_how_often(question)})"


def _asked(feature: FeatureInfo, question: Question) -> str:
    if question.form == "missing":
        return "not known"
    if question.times > 1 and question.form == ">=":
        return f"up to {number(question.step * question.times)}"
    if question.times > 1:
        return f"under {number(question.threshold + question.step)}"
    share = feature.unit.startswith("share")
    threshold = f"{number(round(100 * question.threshold, 10))}%" if share else number(question.threshold)
    return f"{threshold} or {'more' if question.form == '>=' else 'less'}"


def _how_often(question: Question) -> str:
    """The words after the points of a counting line: "for each", "for every 5 below 40, at most 4 times"."""
    if question.times == 1:
        return ""
    if question.form == ">=":
        return " for each" if question.step == 1 else f" for every full {number(question.step)}"
    start = question.threshold + question.step
    return f" for every full {number(question.step)} below {number(start)}, at most {question.times} times"


def wilson(events: int, rows: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    share, z = events / rows, WILSON_Z
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
    low = 0.0 if events == 0 else float(middle - half)  # exactly 0 and 1, which rounding would miss
    return low, 1.0 if events == rows else float(middle + half)


def _way_from_rate(logit: Floats) -> float:
    """How much log-loss giving everybody the mean chance costs against these logits, were they the truth."""
    chances = chance(logit)
    rate = float(chances.mean())
    even = np.full(len(chances), np.log(rate / (1.0 - rate)))
    return log_loss_of(chances, even) - log_loss_of(chances, logit)


class PointsCard(ChanceModel):
    """At most ``max_items`` lines (1 to 15; a card for use has 5 to 15) with whole points up to ``max_points`` each.

    A line asks yes or no ("3 or more court sanctions: 2 points") or counts in whole steps, at most ``most_times``
    ("1 point for each court sanction, up to 4"), which says with one line what several thresholds would;
    ``most_times=1`` leaves yes/no questions alone. A feature may have ``per_feature`` lines, one of which may count.
    The lines are those that come nearest to a ``SplineLogistic`` of the same rows: the curve has already parted
    signal from noise, so thresholds lie where the chance really changes and hardly move from one quarter to the next.
    What the points mean is fitted to the outcomes themselves. Each mark of a line needs ``rows_in_item`` rows on each
    side (by default 10, or 0.5 % of the rows where that is more). Signs hold for every line, and a missing value never
    earns more points than its feature's worst value. The search keeps ``breadth`` cards at each size and uses at most
    ``max_rows`` rows, drawn with ``seed``; the chances use all. Raises CannotFit for limits no card can have.
    """

    kind = "points_card"

    def __init__(
        self,
        features: FeatureSet,
        *,
        max_items: int = 10,
        per_feature: int = 5,
        max_points: int = 5,
        rows_in_item: int | None = None,
        most_times: int = 4,
        breadth: int = 4,
        max_rows: int = 30_000,
        seed: int = 0,
    ) -> None:
        self.features = features
        self.max_items = max_items
        self.per_feature = per_feature
        self.max_points = max_points
        self.rows_in_item = rows_in_item
        self.most_times = most_times
        self.breadth = breadth
        self.max_rows = max_rows
        self.seed = seed

    def _check_limits(self) -> None:
        wrong = [
            f"{name} is {value}, not a whole number from {low} to {high}"
            for name, value, low, high in (
                ("max_items", self.max_items, 1, MOST_ITEMS),
                ("per_feature", self.per_feature, 1, MOST_ITEMS),
                ("max_points", self.max_points, 1, MOST_POINTS),
                ("most_times", self.most_times, 1, MOST_TIMES),
                ("breadth", self.breadth, 1, MOST_BREADTH),
            )
            if isinstance(value, bool) or value != int(value) or not low <= value <= high
        ]
        if wrong:
            raise CannotFit(f"A points card cannot have these limits: {'; '.join(wrong)}.")

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        self._check_limits()
        table = pd.DataFrame(matrix, columns=list(self.features.names))
        curve = SplineLogistic(self.features, max_rows=self.max_rows, seed=self.seed).fit(table, outcome, people)
        kept = np.arange(len(matrix))
        if len(matrix) > self.max_rows:
            kept = np.sort(np.random.default_rng(self.seed).choice(len(matrix), self.max_rows, replace=False))
        fewest = self.rows_in_item or max(FEWEST_ROWS, int(FEWEST_SHARE * len(kept)))
        questions = Questions(matrix[kept], self.features, self.columns_, fewest, self.most_times)
        followed = curve.decision_function(table.iloc[kept])
        least = min(LEAST_GAIN, LEAST_SHARE * _way_from_rate(followed))
        limits = Limits(self.max_items, self.per_feature, self.max_points, least, self.breadth)
        card = CardSearch(questions, followed, limits).best()
        asked = [questions.asked[question] for question in card.chosen]
        self.items_ = tuple(
            self._item(question, int(points)) for question, points in zip(asked, card.points, strict=True)
        )
        self._learn_chances(self._points(matrix), outcome)

    def _item(self, question: Question, points: int) -> CardItem:
        feature = self.features.features[question.feature]
        yes_or_no = (self.columns_.low[question.feature], self.columns_.high[question.feature]) == (0.0, 1.0)
        filled = np.array([np.nan if feature.missing_as is None else feature.missing_as])
        or_unknown = question.form != "missing" and int(question.counts(filled)[0]) == question.times
        words = sentence(feature, question, points, yes_or_no, or_unknown)
        return CardItem(
            feature.name, question.form, question.threshold, points, words, or_unknown, question.step, question.times
        )

    def _learn_chances(self, points: NDArray[np.int64], outcome: Floats) -> None:
        """The logistic line through the points, never falling, and what was seen at each number of points."""
        values, place = np.unique(points, return_inverse=True)
        rows = np.bincount(place).astype(np.float64)
        events = np.asarray(np.bincount(place, outcome), dtype=float)
        line = fit_line(values.astype(np.float64), rows, events)
        if line.slope < 0:
            line = fit_line(np.zeros(1), rows.sum(keepdims=True), events.sum(keepdims=True))
        self.intercept_, self.multiplier_ = line.intercept, line.slope
        self.seen_ = {int(p): (int(r), int(e)) for p, r, e in zip(values, rows, events, strict=True)}

    def _points_by_feature(self, matrix: Floats) -> NDArray[np.int64]:
        points = np.zeros(matrix.shape, dtype=np.int64)
        for item in self.items_:
            position = self.features.names.index(item.feature)
            question = Question(position, item.form, item.threshold, item.step, item.times)
            points[:, position] += item.points * question.counts(matrix[:, position])
        return points

    def _points(self, matrix: Floats) -> NDArray[np.int64]:
        return np.asarray(self._points_by_feature(matrix).sum(axis=1), dtype=np.int64)

    def points(self, X: pd.DataFrame) -> pd.Series[int]:
        """Each row's points: the sum over the items that apply to it."""
        check_is_fitted(self)
        return pd.Series(self._points(read_matrix(X, self.features)), index=X.index, name="points")

    def _parts(self, matrix: Floats) -> tuple[Floats, float]:
        return np.asarray(self._points_by_feature(matrix) * self.multiplier_, dtype=float), self.intercept_

    def chances(self, intercept: float = 0.0, slope: float = 1.0) -> tuple[ChanceRow, ...]:
        """A row for each number of points the items can give; a recalibrated card hands in its own line."""
        check_is_fitted(self)
        least = sum(min(item.points, 0) * item.times for item in self.items_)
        most = sum(max(item.points, 0) * item.times for item in self.items_)
        rows = []
        for points in range(min([least, *self.seen_]), max([most, *self.seen_]) + 1):
            logit = intercept + slope * (self.intercept_ + self.multiplier_ * points)
            seen, events = self.seen_.get(points, (0, 0))
            low, high = wilson(events, seen) if seen else (None, None)
            observed = events / seen if seen else None
            rows.append(ChanceRow(points, float(chance(np.array(logit))), seen, events, observed, low, high))
        return tuple(rows)

    def one_page(self, intercept: float = 0.0, slope: float = 1.0) -> OnePage:
        """The items, largest first within a feature's order, and the table from points to chance."""
        rows, events = (sum(seen[part] for seen in self.seen_.values()) for part in (0, 1))
        order = {name: place for place, name in enumerate(dict.fromkeys(item.feature for item in self.items_))}
        items = sorted(self.items_, key=lambda item: (order[item.feature], item.form == "missing", item.threshold))
        return OnePage(tuple(items), self.chances(intercept, slope), rows, events)

    def _tell(self) -> dict[str, Any]:
        return {
            "items": [dataclasses.asdict(item) for item in self.items_],
            "intercept": self.intercept_,
            "multiplier": self.multiplier_,
            "seen": [[points, *counts] for points, counts in sorted(self.seen_.items())],
        }

    def _recall(self, learnt: Mapping[str, Any]) -> None:
        self.items_ = tuple(CardItem(**item) for item in learnt["items"])
        self.intercept_, self.multiplier_ = float(learnt["intercept"]), float(learnt["multiplier"])
        self.seen_ = {int(points): (int(rows), int(events)) for points, rows, events in learnt["seen"]}
