"""How much one column tells of another: used to find a column under another name, and an outcome among the features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

MOST_ROWS = 200_000  # rows looked at; a leak shows in far fewer
BINS = 50
FEWEST = 20  # rows off the commonest value, below which a likeness may be chance
FOLDS = 5
Floats = np.ndarray[Any, np.dtype[np.float64]]


def rank_correlation(one: pd.Series[Any], other: pd.Series[Any]) -> float:
    """Spearman's correlation over the rows that have both; 0 where fewer than 30 have, or one does not vary."""
    first, second = (np.asarray(values, dtype=float)[:MOST_ROWS] for values in (one, other))
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < 30:
        return 0.0
    ranks = [rankdata(values[both]) for values in (first, second)]
    if min(np.ptp(rank) for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def likeness(one: pd.Series[Any], other: pd.Series[Any]) -> float:
    """Of the rows that the other column's commonest value gets wrong, the share that knowing this one puts right.

    1 where this column decides the other, 0 where it tells nothing (Goodman and Kruskal's lambda). Judged on held-out
    halves, so that a column with a value of its own in every row tells nothing. The other column needs 2 to 50 values
    and 20 rows off the commonest; numbers of this one are taken as they are up to 200 values, in 50 bins beyond.
    """
    target, levels = pd.factorize(other.iloc[:MOST_ROWS])
    if not 2 <= len(levels) <= BINS:
        return 0.0
    codes = coded(one.iloc[:MOST_ROWS], most=200)
    known = target >= 0
    codes, target = codes[known], target[known].astype(np.int64)
    if len(target) - np.bincount(target, minlength=1).max(initial=0) < FEWEST:
        return 0.0
    half = np.random.default_rng(0).permutation(len(target)) % 2 == 0
    right = 0
    for train, test in ((half, ~half), (~half, half)):
        table = np.zeros((codes.max() + 1, len(levels)))
        np.add.at(table, (codes[train], target[train]), 1)
        commonest = int(np.bincount(target[train], minlength=len(levels)).argmax())
        guess = np.where(table.sum(axis=1) > 0, table.argmax(axis=1), commonest)
        right += int((guess[codes[test]] == target[test]).sum())
    base = np.bincount(target).max() / len(target)
    return float((right / len(target) - base) / (1 - base)) if base < 1 else 0.0


def coded(values: pd.Series[Any], *, most: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Whole numbers from 0 for the column's values; missing is a value of its own; many numbers go into bins."""
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > most:
        cuts = np.unique(np.quantile(values.dropna().to_numpy(dtype=float), np.linspace(0, 1, BINS + 1)[1:-1]))
        numbers = values.to_numpy(dtype=float)
        return np.where(np.isnan(numbers), len(cuts) + 1, np.searchsorted(cuts, numbers, side="right")).astype(np.int64)
    return pd.factorize(values, use_na_sentinel=False)[0].astype(np.int64)


def auc(y: Floats, score: Floats) -> float:
    """The chance that a row with the outcome scores above one without, ties half; 0.5 where one class is missing."""
    events = y == 1
    n, m = int(events.sum()), int((~events).sum())
    if not n or not m:
        return 0.5
    ranks = rankdata(score)
    return float((ranks[events].sum() - n * (n + 1) / 2) / (n * m))


def feature_auc(values: pd.Series[Any], y: Floats, *, seed: int) -> float:
    """How well one feature alone tells the outcome, in either direction: as it is, by its levels, or by being empty."""
    if len(y) > MOST_ROWS:
        chosen = np.random.default_rng(seed).permutation(len(y))[:MOST_ROWS]
        values, y = values.iloc[chosen], y[chosen]
    tries = [auc(y, _held_out_rate(values, y, seed)), auc(y, values.isna().to_numpy().astype(np.float64))]
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=float)
        known = ~np.isnan(numbers)
        if known.sum() >= 30:
            tries.append(auc(y[known], numbers[known]))
    return max(max(found, 1 - found) for found in tries)


def _held_out_rate(values: pd.Series[Any], y: Floats, seed: int) -> Floats:
    """Each row's rate of the outcome among other rows of its level, drawn to the overall rate where they are few."""
    codes = coded(values, most=200)
    fold = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    rate = np.empty(len(y))
    for part in range(FOLDS):
        train, test = fold != part, fold == part
        rows = np.bincount(codes[train], minlength=codes.max() + 1)
        events = np.bincount(codes[train], weights=y[train], minlength=codes.max() + 1)
        rate[test] = ((events + 10 * y[train].mean()) / (rows + 10))[codes[test]]
    return rate
