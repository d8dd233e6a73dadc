"""A figure of observed and predicted incidence, one panel per group of people: SVG, equal bytes for equal data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.models.figures import _pyplot, _svg

#: Told apart without colour too: each cause has its own marker.
LOOKS = (("#1d70b8", "o"), ("#b54708", "s"), ("#505a5f", "^"), ("#00703c", "D"))
APART = 0.12  # of a month, so that the intervals of two causes do not lie on each other
ROOM = 1.05
GAPS = ["month", "cause", "observed", "low", "high", "predicted"]


@dataclass(frozen=True)
class Panel:
    """One group. ``points``: month, cause, observed, low, high, predicted (shares from 0 to 1, NaN is not drawn)."""

    title: str
    points: pd.DataFrame

    def __post_init__(self) -> None:
        lacking = [name for name in GAPS if name not in self.points.columns]
        if lacking:
            raise ValueError(f"a panel lacks {', '.join(lacking)}")


def incidence_figure(panels: Sequence[Panel], *, title: str) -> bytes:
    """Panels on one scale: observed shares as marks with their intervals, predicted ones as dashed lines."""
    plt = _pyplot()
    columns = min(2, max(1, len(panels)))
    lines = -(-max(1, len(panels)) // columns)
    size = (4.6 * columns, 3.4 * lines + 0.6)
    figure, axes = plt.subplots(lines, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    for place, axis in enumerate(axes.flat):
        if place < len(panels):
            _draw(axis, panels[place])
        else:
            axis.set_visible(False)
    highest = max((_highest(panel) for panel in panels), default=1.0)
    axes.flat[0].set_ylim(0, min(1.0, ROOM * highest) or 1.0)
    for axis in axes[-1]:
        axis.set_xlabel("months from the caseload date")
    for axis in axes[:, 0]:
        axis.set_ylabel("share of people, cumulative")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="lower center", ncol=3, frameon=False, bbox_to_anchor=(0.5, -0.06))
    figure.suptitle(title)
    return _svg(figure)


def _highest(panel: Panel) -> float:
    highest = panel.points[["high", "predicted"]].max().max()
    return 0.0 if pd.isna(highest) else float(highest)


def _draw(axis: Any, panel: Panel) -> None:
    by_cause = panel.points.groupby("cause", sort=False)
    for place, ((cause, points), (colour, marker)) in enumerate(zip(by_cause, LOOKS, strict=False)):
        month, observed = points["month"].to_numpy(), points["observed"].to_numpy(dtype=float)
        around = [observed - points["low"].to_numpy(dtype=float), points["high"].to_numpy(dtype=float) - observed]
        axis.errorbar(
            month + APART * place, observed, yerr=around, color=colour, marker=marker,
            markersize=3.5, linewidth=1, capsize=2, label=f"{cause}, observed",
        )  # fmt: skip
        axis.plot(month, points["predicted"], color=colour, linestyle="--", linewidth=1.2, label=f"{cause}, predicted")
    axis.set_title(panel.title, fontsize=10)
    axis.set_xticks(range(0, int(panel.points["month"].max()) + 1, 3))
