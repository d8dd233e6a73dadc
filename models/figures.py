"""Figures for the analyst: shap beeswarm and dependence for trees, reliability of back-test scores. SVG bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from desist.models.estimators.base import Floats
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.card import wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 12
ROWS = 2000
BINS = 10


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    # No date and no random ids, so that equal data give equal bytes; text stays text.
    matplotlib.rcParams.update({"svg.hashsalt": "desist", "svg.fonttype": "none", "font.size": 9})
    import matplotlib.pyplot as plt

    return plt


def _svg(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, bbox_inches="tight")
    _pyplot().close(figure)
    return out.getvalue()


@contextmanager
def _global_draws_from(seed: int) -> Iterator[None]:
    """shap jitters its points by numpy's global draws and takes no generator: seed them, then put them back."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


def shap_figures(model: MonotoneBoosting, table: pd.DataFrame, seed: int) -> dict[str, bytes]:
    """A beeswarm of a boosting model's Shapley values, and the dependence of its largest feature."""
    import shap

    plt = _pyplot()
    rows = table.sample(min(len(table), ROWS), random_state=seed) if len(table) > ROWS else table
    parts = model.contributions(rows)
    names = list(model.features.names)
    values = shap.Explanation(
        values=parts[names].to_numpy(), base_values=parts["base"].to_numpy(), data=rows[names].to_numpy(dtype=float),
        feature_names=[name.replace("_", " ") for name in names],
    )  # fmt: skip
    with _global_draws_from(seed):
        shap.plots.beeswarm(values, max_display=SHOWN, show=False, color_bar=True)
        beeswarm = _svg(plt.gcf())
        largest = int(np.abs(values.values).mean(axis=0).argmax())
        shap.plots.scatter(values[:, largest], show=False)
        return {"shap-beeswarm": beeswarm, "shap-dependence": _svg(plt.gcf())}


def reliability(y: Floats, scores: Mapping[str, Floats]) -> bytes:
    """Observed rate against mean estimate in ten equal bins per model, with Wilson intervals."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(6, 5))
    axes.plot([0, 1], [0, 1], color="#505a5f", linewidth=1, linestyle="--")
    for (name, score), marker in zip(scores.items(), "osD^v", strict=False):
        bins = np.array_split(np.argsort(score, kind="stable"), min(BINS, len(score)))
        mean = np.array([score[rows].mean() for rows in bins])
        rate = np.array([y[rows].mean() for rows in bins])
        spans = np.array([wilson(int(y[rows].sum()), len(rows)) for rows in bins])
        around = np.abs(spans.T - rate)
        axes.errorbar(mean, rate, yerr=around, marker=marker, markersize=4, linewidth=1, capsize=2, label=name)
    axes.set(xlabel="mean estimate", ylabel="share proven to reoffend", title="Estimates and what was recorded after")
    axes.legend(frameon=False)
    return _svg(figure)
