"""Rates and calibration of groups, each with what its rows are worth as independent ones.

A rate's *design effect* is its variance with people as the unit over the binomial one. Calibration (mean estimate
minus rate) has the score interval of the rate, at a worth that counts how much of the outcome the estimates explain:
its residuals vary less than the outcome does, or more where estimates are far out.
Source: Kish 1965, Survey Sampling, for the design effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from desist.fairness.statistics.contrasts import NOBODY, Estimated
from desist.fairness.statistics.intervals import Floats
from desist.fairness.statistics.person_sums import Side

CALIBRATIONS = ("calibration_in_the_large", "calibration_near_cut_off")


@dataclass(frozen=True)
class Likeness:
    """What everybody's rows tell of a single row, and of the rows of one person.

    ``row``: variance of one row over the binomial one (1 for a rate). ``within``: how alike a person's rows are, 0
    to 1; 1 where it is not known.
    """

    row: float
    within: float

    def implied(self, side: Side) -> float:
        """The design effect that some rows would have if they were like everybody's."""
        return self.row * (1 + max(0.0, side.rows_a_person - 1) * self.within)


def rate_columns(base: Floats, counted: Floats) -> Floats:
    """Denominator and numerator of a rate, row by row."""
    return np.stack([base, base * counted], axis=1)


def calibration_columns(base: Floats, y: Floats, score: Floats) -> Floats:
    """Denominator, residual (estimate minus outcome), events and squared residual, row by row."""
    return np.stack([base, base * (score - y), base * y, base * (score - y) ** 2], axis=1)


def design_effect(side: Side, rate: float) -> float:
    """Variance of the mean of the second column with people as the unit, over the binomial variance of ``rate``.

    Exactly 1 for a proportion where everybody has one row. NaN where the rate is 0 or 1, or for one person.
    """
    if side.n < 2 or not 0 < rate < 1:
        return math.nan
    mean = side.totals[1] / side.n
    shares = np.zeros(side.totals.size)
    shares[:2] = -mean / side.n, 1 / side.n
    return side.variance(shares) / (rate * (1 - rate) / (side.n - 1))


def likeness(everybody: Side, *, calibration: bool) -> Likeness:
    """What everybody's rows tell, from the columns of a rate or of calibration."""
    if everybody.n < 2:
        return Likeness(1.0, 1.0)
    rate = float(everybody.totals[2 if calibration else 1] / everybody.n)
    row = 1.0
    if calibration and 0 < rate < 1:
        mean = everybody.totals[1] / everybody.n
        row = float((everybody.totals[3] / everybody.n - mean**2) / (rate * (1 - rate)))
    extra, effect = everybody.rows_a_person - 1, design_effect(everybody, rate)
    if extra <= 0:
        return Likeness(row, 0.0)
    if math.isnan(effect) or row <= 0:
        return Likeness(row, 1.0)
    return Likeness(row, min(1.0, max(0.0, (effect / row - 1) / extra)))


def rate(side: Side, alike: Likeness) -> Estimated:
    """A rate over some rows. Its rows are never worth more than they are.

    The larger of the own design effect and the one that everybody's likeness implies counts: the own one is noisy in
    a small group, and undefined where nobody, or everybody, counts.
    """
    if not side.n > 0:
        return NOBODY
    value = float(side.totals[1] / side.n)
    own = design_effect(side, value)
    worth = float(side.n / max(1.0, alike.implied(side), 0.0 if math.isnan(own) else own))
    return Estimated(value, round(side.n), worth, rate=value, worth=worth)


def calibration(side: Side, alike: Likeness) -> Estimated:
    """Mean estimate minus rate over some rows; ``worth`` may exceed the rows where estimates explain the outcome."""
    if not side.n > 0:
        return NOBODY
    value, events = float(side.totals[1] / side.n), float(side.totals[2] / side.n)
    own = design_effect(side, events)
    effect = max(alike.implied(side), 0.0 if math.isnan(own) else own)
    # Estimates that are the outcome itself leave no residual; a row is worth no more than a hundred even then.
    worth = float(side.n / max(0.01, effect))
    return Estimated(value, round(side.n), min(side.n, worth), rate=events, worth=worth, scale=-1.0)
