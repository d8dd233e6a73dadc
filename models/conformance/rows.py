"""Made-up rows for an exported model: its thresholds and just beside them, ends, typical, missing, out of range.

Made from what the file says of its columns and from nothing else, so no row can be a person's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from desist.models.conformance.scorer import inner_of
from desist.models.conformance.trees import read_trees

ROWS = 500
MISSING_SHARE, BETWEEN_SHARE = 0.12, 0.3

Row = list[float | None]


def made_up_rows(told: Mapping[str, Any], *, rows: int = ROWS, seed: int = 0) -> list[Row]:
    """Rows in the order of the model's features; the first is the typical profile and the second lacks everything.

    Each column takes all of its telling values in turn (a part of them where there are more than rows), with missing
    values and values from between its ends among them. The same export and seed give the same rows everywhere.
    """
    inner = inner_of(told)
    draw = random.Random(seed)
    columns = []
    thresholds = thresholds_of(inner)
    typical = inner["columns"]["typical"]
    for place in range(len(inner["features"])):
        ends = float(inner["columns"]["low"][place]), float(inner["columns"]["high"][place])
        columns.append(_column(draw, rows - 2, ends, typical[place], thresholds.get(place, [])))
    made = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(rows - 2)]
    return [list(typical), [None] * len(columns), *made]


def _column(
    draw: random.Random, rows: int, ends: tuple[float, float], typical: float | None, thresholds: list[float]
) -> Row:
    low, high = ends
    span = max(high - low, 1.0)
    telling = {low, high, low - 1.0, high + 1.0, low - 10.0 * span, high + 10.0 * span, 0.0, 1.0}
    for threshold in thresholds:
        telling |= {threshold, math.nextafter(threshold, -math.inf), math.nextafter(threshold, math.inf)}
    if typical is not None:
        telling.add(float(typical))
    between = [low + (high - low) * draw.random() for _ in range(round(BETWEEN_SHARE * rows))]
    whole = [float(round(value)) if place % 2 else value for place, value in enumerate(between)]
    missing: Row = [None] * round(MISSING_SHARE * rows)
    left = rows - len(whole) - len(missing)
    found = sorted(value for value in telling if math.isfinite(value))
    chosen = draw.sample(found, left) if len(found) > left else [found[place % len(found)] for place in range(left)]
    column: Row = [*missing, *whole, *chosen]
    draw.shuffle(column)
    return column


def thresholds_of(inner: Mapping[str, Any]) -> dict[int, list[float]]:
    """The values at which an exported model's answer changes, by the place of the feature; rising."""
    learnt, names = inner["learnt"], [feature["name"] for feature in inner["features"]]
    found: dict[int, set[float]] = {}
    if inner["kind"] == "points_card":
        for item in learnt["items"]:
            way = -1 if item["form"] == "<=" else 1
            step, times = way * float(item.get("step", 0.0)), int(item.get("times", 1))
            marks = {float(item["threshold"] or 0.0) + step * time for time in range(times)}
            found.setdefault(names.index(item["feature"]), set()).update(marks)
    elif inner["kind"] == "spline_logistic":
        for place, basis in enumerate(learnt["bases"]):
            found[place] = {_unscaled(basis, float(knot)) for knot in basis["knots"]}
    elif inner["kind"] == "explainable_boosting":
        found = {place: set(map(float, table["cuts"])) for place, table in enumerate(learnt["steps"])}
    elif inner["kind"] == "monotone_boosting":
        turned = [feature["sign"] > 0 for feature in inner["features"]]  # the trees see what raises negated
        for tree in read_trees(learnt["trees"]):
            for column, threshold in zip(tree.columns, tree.thresholds, strict=True):
                found.setdefault(column, set()).add(-threshold if turned[column] else threshold)
    return {place: sorted(values) for place, values in found.items() if place < len(names)}


def _unscaled(basis: Mapping[str, Any], knot: float) -> float:
    """The value at which a knot lies."""
    low, high, unit = (float(basis[name]) for name in ("low", "high", "unit"))
    if unit > 0:
        low, high = math.log1p(low / unit), math.log1p(high / unit)
        return unit * math.expm1(low + knot * (high - low))
    return low + knot * (high - low)
