"""Wrongly listed beyond what calibrated estimates imply: the false positive rate in excess.

Of people with no proven reoffence a calibrated estimate lists sum(1 - s over the listed) / sum(1 - s), whatever the
group's base rate. The *excess* is the false positive rate minus that. It is 0 for every group of a perfectly
calibrated estimate, although their false positive rates differ where their base rates do.
"""

from __future__ import annotations

import math

import numpy as np

from desist.fairness.statistics.contrasts import NOBODY, Estimated
from desist.fairness.statistics.intervals import Floats
from desist.fairness.statistics.person_sums import Side

ROWS, LISTED, WITHOUT, WRONG, IMPLIED_WITHOUT, IMPLIED_WRONG, SPREAD, SPREAD_LISTED = range(8)


def excess_columns(y: Floats, score: Floats, selected: Floats) -> Floats:
    """Rows, and listed; without an event, and listed; the same two as the estimates imply; s(1-s), and listed."""
    parts = [np.ones_like(y), 1 - y, 1 - score, score * (1 - score)]
    return np.stack([column for part in parts for column in (part, part * selected)], axis=1)


def within_person(everybody: Side) -> float:
    """How alike a person's rows are in what they add to the excess, 0 to 1; 1 where it is not known."""
    extra = everybody.rows_a_person - 1
    if extra <= 0:
        return 0.0
    own, single = _own_variance(everybody), _calibrated_variance(everybody)
    if math.isnan(own) or not single > 0:
        return 1.0
    return min(1.0, max(0.0, (own / single - 1) / extra))


def excess_fpr(side: Side, alike: float) -> Estimated:
    """The excess over some rows, with a standard error.

    Its variance is the larger of two: people's own (influence function), and the one of a calibrated estimate with
    these scores, widened for repeated rows as everybody's (``alike``) imply. The own one is noisy, and too small where
    by luck nearly nobody, or nearly everybody, listed had no event.
    """
    without, implied = float(side.totals[WITHOUT]), float(side.totals[IMPLIED_WITHOUT])
    if not (without > 0 and implied > 0):
        return NOBODY
    found, expected = float(side.totals[WRONG]) / without, float(side.totals[IMPLIED_WRONG]) / implied
    repeated = 1 + max(0.0, side.rows_a_person - 1) * alike
    single, own = _calibrated_variance(side), _own_variance(side)
    if not single > 0:
        # Nobody, or everybody, is listed: then there is no excess in any draw, which a rate of as many rows exceeds.
        worth = without / repeated
        return Estimated(found - expected, round(without), worth, rate=found, worth=worth)
    wider = max(repeated, own / single if own > 0 else 0.0)
    # What is more than independent rows of a calibrated estimate would vary counts as rows too few.
    return Estimated(found - expected, round(without), without / max(1.0, wider), error=math.sqrt(single * wider))


def _own_variance(side: Side) -> float:
    """With people as the unit, from each person's influence on the excess; NaN where it is not defined."""
    without, implied = side.totals[WITHOUT], side.totals[IMPLIED_WITHOUT]
    if not (without > 0 and implied > 0):
        return math.nan
    shares = np.zeros(side.totals.size)
    shares[WRONG], shares[WITHOUT] = 1 / without, -side.totals[WRONG] / without**2
    shares[IMPLIED_WRONG], shares[IMPLIED_WITHOUT] = -1 / implied, side.totals[IMPLIED_WRONG] / implied**2
    return side.variance(shares)


def _calibrated_variance(side: Side) -> float:
    """Of independent rows whose estimates are their chances: sum of s(1-s)(listed - implied rate)^2 / sum(1-s)^2."""
    implied = side.totals[IMPLIED_WITHOUT]
    if not implied > 0:
        return math.nan
    expected = side.totals[IMPLIED_WRONG] / implied
    spread = side.totals[SPREAD_LISTED] * (1 - 2 * expected) + side.totals[SPREAD] * expected**2
    return float(max(0.0, spread) / implied**2)
