"""Piles of equal scores beside a cut-off that did not come about by themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from desist.fairness.statistics.intervals import Codes, Floats

#: A pile is looked at so near to a cut-off, of so large a share of all rows and so many of them.
BESIDE, PILE_SHARE, PILE_ROWS = 0.05, 0.02, 20
#: So many times as large as every other pile round it: any scores, a points card's as well.
PILE_TIMES, ROUND_IT = 4.0, 0.15
#: A card's pile is also held against its neighbours, so many on each side: twice their middle at least, and so many
#: times as far from it as this card's own piles usually are, which differ by a quarter (log) at the least.
NEIGHBOURS, TWICE, FAR, USUAL = 2, 2.0, 4.0, 0.25
#: With fewer piles of so many rows nobody can say what is usual on this card.
FEWEST_PILES, SMALL_PILE = 8, 5


def piles(scores: Floats, cut: float) -> Iterator[str]:
    """What is said of each pile beside ``cut`` that stands out from those round it."""
    values, counts = np.unique(np.round(scores, 6), return_counts=True)
    far = _far_from_neighbours(counts)
    for place, (value, count) in enumerate(zip(values, counts, strict=True)):
        if abs(value - cut) > BESIDE or count < max(PILE_ROWS, PILE_SHARE * scores.size):
            continue
        others = counts[(np.abs(values - value) <= ROUND_IT) & (values != value)]
        if count >= PILE_TIMES * max(int(others.max(initial=0)), 1) or far[place] >= 1:
            yield f"{count:,} of {scores.size:,} rows have exactly {value:g}, beside the cut-off {cut:g}"


def _far_from_neighbours(counts: Codes) -> Floats:
    """How far each pile is above the middle of its neighbours, in units of what would raise it; 0 where none can say.

    What is usual is learnt from the card itself: one whose items leave uneven piles has to be uneven to be like it.
    """
    large = np.flatnonzero(counts >= SMALL_PILE)
    found = np.zeros(counts.size)
    # Scores that hardly ever repeat make no piles; then the first rule alone is asked.
    if large.size < FEWEST_PILES or large.size < counts.size / 2:
        return found
    logs = np.log(counts)
    middles = [
        np.median(np.r_[logs[max(0, place - NEIGHBOURS) : place], logs[place + 1 : place + 1 + NEIGHBOURS]])
        for place in large
    ]
    above = logs[large] - np.array(middles)
    usual = max(USUAL, 1.4826 * float(np.median(np.abs(above - np.median(above)))))
    found[large] = above / max(math.log(TWICE), FAR * usual)
    return found
