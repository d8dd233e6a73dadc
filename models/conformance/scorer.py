"""A second scorer: scores worked out again from a model's exported files, by code that shares nothing with the first.

Plain Python and the standard library, written from what the files mean and not from the estimators. Where the two
disagree, one of them is wrong, and no estimate is shown until it is known which.
"""

from __future__ import annotations

import bisect
import json
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.models.conformance.trees import CannotScore, read_trees

__all__ = ["CannotScore", "Scored", "Scorer", "export_in", "features_of", "inner_of", "scorer_of"]

MODEL_FILE = "model.json"
LARGEST = 1e12  # values beyond are scored as this
DEGREE = 2  # of the splines

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """One row's logit; what each feature adds to it, and the points, where the kind of model tells them."""

    logit: float
    parts: Mapping[str, float] | None = None
    points: int | None = None


#: Takes one row in the order of the model's features, None for missing.
Scorer = Callable[[Sequence[float | None]], Scored]


def export_in(folder: Path) -> dict[str, Any]:
    """What the folder's model.json tells of the model, with LightGBM's text put in where it lies beside it."""
    told: dict[str, Any] = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))["model"]
    learnt = inner_of(told)["learnt"]
    trees = learnt.get("trees")
    if isinstance(trees, dict):
        learnt["trees"] = (folder / Path(str(trees["file"])).name).read_text(encoding="utf-8")
    return told


def inner_of(told: Told) -> Any:
    """The model itself: without the line it is recalibrated by."""
    return told["model"] if told["kind"] == "calibrated" else told


def features_of(told: Told) -> tuple[str, ...]:
    """The model's columns, in its order."""
    return tuple(str(feature["name"]) for feature in inner_of(told)["features"])


def scorer_of(told: Told) -> Scorer:
    """The scorer of an exported model. Raises CannotScore for a kind it does not know."""
    if told["kind"] == "calibrated":
        return _recalibrated(told)
    if told["kind"] not in KINDS:
        raise CannotScore(f"the second scorer knows no {told['kind']}")
    score, features = KINDS[told["kind"]](told), told["features"]
    filled = [feature["missing_as"] for feature in features]

    def scored(row: Sequence[float | None]) -> Scored:
        if len(row) != len(features):
            raise CannotScore(f"a row has {len(row)} values, the model {len(features)} features")
        return score([_taken_in(value, missing_as) for value, missing_as in zip(row, filled, strict=True)])

    return scored


def _taken_in(value: float | None, missing_as: float | None) -> float:
    """A value as the model takes it in: NaN for missing, unless the feature says what missing is scored as."""
    if value is None or math.isnan(value):
        return math.nan if missing_as is None else float(missing_as)
    return min(max(float(value), -LARGEST), LARGEST)


def _recalibrated(told: Told) -> Scorer:
    if told["model"]["kind"] == "calibrated":
        raise CannotScore("the model is recalibrated twice")
    inner, line = scorer_of(told["model"]), told["learnt"]
    intercept, slope = float(line["intercept"]), float(line["slope"])

    def scored(row: Sequence[float | None]) -> Scored:
        found = inner(row)
        parts = None if found.parts is None else {name: slope * part for name, part in found.parts.items()}
        return Scored(intercept + slope * found.logit, parts, found.points)

    return scored


def _points_card(told: Told) -> Callable[[list[float]], Scored]:
    names, learnt = [feature["name"] for feature in told["features"]], told["learnt"]
    items = [(names.index(item["feature"]), item) for item in learnt["items"]]
    intercept, multiplier = float(learnt["intercept"]), float(learnt["multiplier"])

    def scored(row: list[float]) -> Scored:
        earned = dict.fromkeys(names, 0)
        for place, item in items:
            earned[item["feature"]] += int(item["points"]) * _marks_reached(item, row[place])
        points = sum(earned.values())
        return Scored(intercept + multiplier * points, {name: multiplier * own for name, own in earned.items()}, points)

    return scored


def _marks_reached(item: Told, value: float) -> int:
    """How many of a line's marks a value reaches; a yes/no question has one."""
    form, times = item["form"], int(item.get("times", 1))
    if form == "missing":
        return times if math.isnan(value) else 0
    if form not in (">=", "<="):
        raise CannotScore(f"a card asks in the form {form}")
    way = 1 if form == ">=" else -1
    marks = [float(item["threshold"]) + way * float(item.get("step", 0.0)) * time for time in range(times)]
    return sum(value >= mark if form == ">=" else value <= mark for mark in marks)  # NaN reaches none


def _spline_logistic(told: Told) -> Callable[[list[float]], Scored]:
    names = [feature["name"] for feature in told["features"]]
    signs = [int(feature["sign"]) for feature in told["features"]]
    columns, learnt = told["columns"], told["learnt"]
    weights, base = [float(weight) for weight in learnt["weights"][:-1]], float(learnt["weights"][-1])
    curves = []
    used = 0
    for sign, basis, neutral, counts in zip(
        signs, learnt["bases"], columns["neutral"], columns["missing_counts"], strict=True
    ):
        size = _curve_columns(basis) + bool(counts)
        curves.append(_Curve(sign, basis, float(neutral), bool(counts), weights[used : used + size]))
        used += size
    if used != len(weights):
        raise CannotScore(f"the curves take {used} weights, the file holds {len(weights)}")

    def scored(row: list[float]) -> Scored:
        parts = {name: curve.adds(value) for name, curve, value in zip(names, curves, row, strict=True)}
        return Scored(math.fsum([*parts.values(), base]), parts)

    return scored


def _curve_columns(basis: Told) -> int:
    if basis["high"] <= basis["low"]:
        return 0
    return 1 + (len(basis["knots"]) + DEGREE if basis["knots"] else 0)


class _Curve:
    """One feature's curve: a straight line and I-splines, each rising from 0 to 1 over the range, with a weight each.

    With a sign the columns are counted from the value that scores worst, so that all of them lower the logit.
    """

    def __init__(self, sign: int, basis: Told, neutral: float, missing_counts: bool, weights: Sequence[float]) -> None:
        self.low, self.high, self.unit = (float(basis[name]) for name in ("low", "high", "unit"))
        self.first, self.last = self._scale(self.low), self._scale(self.high)
        self.inner = len(basis["knots"])
        self.knots = [*[0.0] * (DEGREE + 1), *map(float, basis["knots"]), *[1.0] * (DEGREE + 1)]
        self.sign, self.weights = sign, weights[: _curve_columns(basis)]
        # what a missing value adds where missing has an effect of its own: with a sign nothing else, else this beside
        # the neutral value's curve
        self.missing = None if not missing_counts else weights[-1] if sign == 0 else -weights[-1]
        self.neutral = neutral

    def adds(self, value: float) -> float:
        if math.isnan(value):
            if self.missing is None:
                return self._curve(self.neutral)
            return self.missing + (self._curve(self.neutral) if self.sign == 0 else 0.0)
        return self._curve(value)

    def _curve(self, value: float) -> float:
        if not self.weights:
            return 0.0
        share = (self._scale(min(max(value, self.low), self.high)) - self.first) / (self.last - self.first)
        rising = [share, *self._i_splines(share)] if self.inner else [share]
        if self.sign == 0:
            return float(sum(map(operator.mul, self.weights, rising)))
        if self.sign > 0:
            return float(sum(weight * (column - 1.0) for weight, column in zip(self.weights, rising, strict=True)))
        return -float(sum(map(operator.mul, self.weights, rising)))

    def _scale(self, value: float) -> float:
        return math.log1p(value / self.unit) if self.unit > 0 else value

    def _i_splines(self, share: float) -> list[float]:
        """Sums of the last B-splines of degree 2, all but the sum of them all.

        In one interval between knots three B-splines are not zero; the recursion that gives them is Cox's and de
        Boor's. The last interval holds its right end too.
        """
        count = self.inner + DEGREE + 1
        here = min(bisect.bisect_right(self.knots, share) - 1, count - 1)
        one, start, end, two = self.knots[here - 1 : here + 3]
        rising = (share - start) / (end - start)
        middle = (share - one) / (end - one) * (1.0 - rising) + (two - share) / (two - start) * rising
        last = (share - start) / (two - start) * rising
        return [*[1.0] * (here - 2), middle + last, last, *[0.0] * (count - 1 - here)]


def _explainable_boosting(told: Told) -> Callable[[list[float]], Scored]:
    names, intercept = [feature["name"] for feature in told["features"]], float(told["learnt"]["intercept"])
    steps = [(table["cuts"], table["scores"], float(table["missing"])) for table in told["learnt"]["steps"]]
    if any(len(scores) != len(cuts) + 1 for cuts, scores, _ in steps):
        raise CannotScore("a table of steps needs one score more than it has cuts")

    def scored(row: list[float]) -> Scored:
        parts = {}
        for name, (cuts, scores, missing), value in zip(names, steps, row, strict=True):
            # a step begins at its cut: the value of the cut itself lies above it
            parts[name] = missing if math.isnan(value) else float(scores[bisect.bisect_right(cuts, value)])
        return Scored(math.fsum([*parts.values(), intercept]), parts)

    return scored


def _monotone_boosting(told: Told) -> Callable[[list[float]], Scored]:
    signs = [int(feature["sign"]) for feature in told["features"]]
    columns, trees = told["columns"], read_trees(told["learnt"]["trees"])
    neutral, counts = columns["neutral"], columns["missing_counts"]
    if max((column for tree in trees for column in tree.columns), default=0) >= max(len(signs), 1):
        raise CannotScore("the trees ask for more columns than there are")

    def scored(row: list[float]) -> Scored:
        asked = []
        for place, (value, sign) in enumerate(zip(row, signs, strict=True)):
            if math.isnan(value) and not counts[place]:
                value = float(neutral[place])
            asked.append(-value if sign > 0 else value)  # the trees see what raises negated
        return Scored(math.fsum(tree.value(asked) for tree in trees))

    return scored


#: How each kind of exported model is scored. A kind that is not here cannot be released.
KINDS: Mapping[str, Callable[[Told], Callable[[list[float]], Scored]]] = {
    "points_card": _points_card,
    "spline_logistic": _spline_logistic,
    "explainable_boosting": _explainable_boosting,
    "monotone_boosting": _monotone_boosting,
}
