"""The points card: a few yes/no questions with whole points, added by hand, and a table from points to chance."""

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
from desist.models.estimators.base import ChanceModel, Floats, chance, log_loss_of, read_matrix
from desist.models.estimators.candidates import Question, Questions
from desist.models.estimators.card_search import CardSearch, Limits
from desist.models.estimators.logistic import fit_line
from desist.models.estimators.spline import SplineLogistic

# An item must bring the card this much nearer to the curve it follows (log-loss over all rows, in nats), or by this
# share of the whole way from the base rate to the curve where that is less: few rows draw a curve that is nearly flat.
LEAST_GAIN, LEAST_SHARE = 0.5, 0.01
FEWEST_ROWS, FEWEST_SHARE = 10, 0.005
WILSON_Z = 1.959963984540054


@dataclass(frozen=True)
class CardItem:
    """One line of the card: points for a "yes". ``form`` is ">=", "<=" or "missing".

    ``or_unknown``: a value that is not known counts as a yes, because it is scored as one that is.
    """

    feature: str
    form: str
    threshold: float
    points: int
    sentence: str
    or_unknown: bool = False

    def applies(self, value: float) -> bool:
        """Whether a value earns the points; an unknown one (NaN) is a "no" to every threshold unless the line says."""
        if np.isnan(value):
            return self.form == "missing" or self.or_unknown
        if self.form == "missing":
            return False
        return value >= self.threshold if self.form == ">=" else value <= self.threshold


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
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.4g}"


def sentence(feature: FeatureInfo, question: Question, points: int, yes_or_no: bool) -> str:
    """The question in the feature's own phrase, with its points."""
    said = (feature.raises if points > 0 else feature.lowers) or feature.raises or feature.lowers
    if question.form == "missing":
        asked = "not known"
    else:
        threshold = f"{question.threshold:.0%}" if feature.unit.startswith("share") else number(question.threshold)
        asked = f"{threshold} or {'more' if question.form == '>=' else 'less'}"
    name = feature.name.replace("_", " ")
    if yes_or_no and question.form == ">=":
        phrase = said.replace("{value}", "yes") if said else name
    elif "{value}" in said:
        phrase = said.replace("{value}", asked)
    else:
        phrase = f"{said or name}: {asked}"
    if (
        question.form != "missing"
        and feature.missing_as is not None
        and question.answers(np.array([feature.missing_as]))
    ):
        phrase += ", or not known"
    amount = "1 point" if abs(points) == 1 else f"{abs(points)} points"
    return f"{phrase} ({amount}{' less' if points < 0 else ''})"


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
    """At most ``max_items`` yes/no questions with whole points from -``max_points`` to ``max_points``.

    The questions are those that come nearest to a ``SplineLogistic`` of the same rows: the curve has already parted
    signal from noise, so thresholds lie where the chance really changes and hardly move from one quarter to the next.
    What the points mean is fitted to the outcomes themselves. A question needs ``rows_in_item`` rows on each side
    (by default 10, or 0.5 % of the rows where that is more) and a feature may be asked ``per_feature`` times.
    Signs hold for every question, and a missing value never earns more points than its feature's worst value.
    The search keeps ``breadth`` cards at each size (8 finds slightly better cards in twice the time) and
    uses at most ``max_rows`` rows, drawn with ``seed``; the chances use all.
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
        breadth: int = 4,
        max_rows: int = 30_000,
        seed: int = 0,
    ) -> None:
        self.features = features
        self.max_items = max_items
        self.per_feature = per_feature
        self.max_points = max_points
        self.rows_in_item = rows_in_item
        self.breadth = breadth
        self.max_rows = max_rows
        self.seed = seed

    def _learn(self, matrix: Floats, outcome: Floats, people: NDArray[Any] | None) -> None:
        table = pd.DataFrame(matrix, columns=list(self.features.names))
        curve = SplineLogistic(self.features, seed=self.seed).fit(table, outcome, people)
        kept = np.arange(len(matrix))
        if len(matrix) > self.max_rows:
            kept = np.sort(np.random.default_rng(self.seed).choice(len(matrix), self.max_rows, replace=False))
        fewest = self.rows_in_item or max(FEWEST_ROWS, int(FEWEST_SHARE * len(kept)))
        questions = Questions(matrix[kept], self.features, self.columns_, fewest)
        followed = curve.decision_function(table.iloc[kept])
        least = min(LEAST_GAIN, LEAST_SHARE * _way_from_rate(followed))
        limits = Limits(self.max_items, self.per_feature, self.max_points, least, self.breadth)
        card = CardSearch(questions, chance(followed), limits).best()
        asked = [questions.asked[question] for question in card.chosen]
        self.items_ = tuple(
            self._item(question, int(points)) for question, points in zip(asked, card.points, strict=True)
        )
        self._learn_chances(self._points(matrix), outcome)

    def _item(self, question: Question, points: int) -> CardItem:
        feature = self.features.features[question.feature]
        yes_or_no = (self.columns_.low[question.feature], self.columns_.high[question.feature]) == (0.0, 1.0)
        words = sentence(feature, question, points, yes_or_no)
        filled = np.nan if feature.missing_as is None else feature.missing_as
        or_unknown = question.form != "missing" and bool(question.answers(np.array([filled]))[0])
        return CardItem(feature.name, question.form, question.threshold, points, words, or_unknown)

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
            question = Question(position, item.form, item.threshold)
            points[:, position] += item.points * question.answers(matrix[:, position])
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
        least = sum(min(item.points, 0) for item in self.items_)
        most = sum(max(item.points, 0) for item in self.items_)
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
