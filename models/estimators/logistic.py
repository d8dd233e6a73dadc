"""Penalised logistic regression in which some weights may not be negative: the fit beneath curves and points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desist.models.estimators.base import Floats, chance

ROUNDS = 40
LEAST_INFORMATION = 1e-6  # keeps a row's curvature above zero where its chance is almost 0 or 1


def solve_bounded(gram: Floats, target: Floats, bounded: NDArray[np.bool_], near: Floats | None = None) -> Floats:
    """The x that minimises x'Gx/2 - t'x with x >= 0 where ``bounded``; G must be positive definite.

    ``near`` is the solution of a similar problem: the search starts from which of its weights are zero, which saves
    most of the work and changes nothing in the answer.
    Block principal pivoting, with Murty's one-at-a-time rule when the blocks stop improving, so that it ends.
    Source: Portugal, Judice and Vicente (1994), Mathematics of Computation 63, 625-643.
    """
    size = len(target)
    slack = 1e-10 * (1.0 + np.abs(target))
    held = bounded.copy() if near is None else bounded & (near <= 0)
    fewest, patience = size + 1, 3
    solution = np.zeros(size)
    for _ in range(50 * size + 100):
        free = np.flatnonzero(~held)
        solution = np.zeros(size)
        solution[free] = np.linalg.solve(gram[np.ix_(free, free)], target[free])
        wrong = (bounded & (solution < 0)) | (held & (gram @ solution - target < -slack))
        count = int(wrong.sum())
        if count == 0:
            break
        if count < fewest:
            fewest, patience = count, 3
        elif patience > 0:
            patience -= 1
        else:
            wrong = np.arange(size) == np.flatnonzero(wrong)[-1]
        held = held ^ wrong
    return np.where(bounded, np.maximum(solution, 0.0), solution)


def penalised_loss(design: Floats, rows: Floats, events: Floats, weights: Floats, penalty: Floats) -> float:
    logit = design @ weights
    return float((rows * np.logaddexp(0.0, logit) - events * logit).sum()) + 0.5 * float(penalty @ weights**2)


def fit_bounded_logistic(
    design: Floats,
    rows: Floats,
    events: Floats,
    *,
    bounded: NDArray[np.bool_],
    penalty: Floats,
    start: Floats,
    within: float = 1e-9,
) -> Floats:
    """The weights of least penalised log-loss, none negative where ``bounded``.

    Each line of ``design`` stands for ``rows`` rows of which ``events`` have the outcome (a share of a row is allowed).
    Newton steps, each solving a bounded quadratic, halved where the loss would rise; stops when a step gains less
    than ``within`` of the loss. ``penalty`` is a weight's ridge: loss + penalty * weight^2 / 2.
    """
    weights = start
    loss = penalised_loss(design, rows, events, weights, penalty)
    for _ in range(ROUNDS):
        expected = chance(design @ weights)
        information = rows * np.maximum(expected * (1.0 - expected), LEAST_INFORMATION)
        gram = design.T @ (design * information[:, None])
        target = gram @ weights + design.T @ (events - rows * expected)
        towards = solve_bounded(gram + np.diag(penalty + 1e-9), target, bounded, weights) - weights
        for halving in range(15):
            tried = weights + towards * 0.5**halving
            found = penalised_loss(design, rows, events, tried, penalty)
            if found <= loss:
                break
        else:
            return weights
        gained = loss - found
        weights, loss = tried, found
        if gained <= within * (1.0 + abs(loss)):
            break
    return weights


@dataclass(frozen=True)
class Line:
    """A logistic line through one number: the logit is ``intercept + slope * number``."""

    intercept: float
    slope: float
    loss: float


def fit_line(values: Floats, rows: Floats, events: Floats, *, ridge: float = 0.0) -> Line:
    """The line of least log-loss; its slope is drawn to 0 by ``ridge`` and stays 0 where all values are alike.

    Newton steps in two numbers, halved where the loss would rise. The values are centred, so that the steps are sound
    however far from zero the values lie.
    """
    count, happened = float(rows.sum()), float(events.sum())
    centre = float(values @ rows) / count
    away = values - centre
    flat = not (away * away).max() > 0

    def loss_at(intercept: float, slope: float) -> float:
        logit = intercept + slope * away
        return float(rows @ np.logaddexp(0.0, logit) - events @ logit) + 0.5 * ridge * slope * slope

    intercept, slope = float(np.log(happened / (count - happened))), 0.0
    loss = loss_at(intercept, slope)
    for _ in range(0 if flat else ROUNDS):
        expected = chance(intercept + slope * away)
        information = rows * np.maximum(expected * (1.0 - expected), LEAST_INFORMATION)
        error = events - rows * expected
        a, b, c = float(information.sum()), float(information @ away), float(information @ away**2) + ridge
        first, second = float(error.sum()), float(error @ away) - ridge * slope
        across = a * c - b * b
        move, turn = (c * first - b * second) / across, (a * second - b * first) / across
        for _halving in range(15):
            found = loss_at(intercept + move, slope + turn)
            if found <= loss:
                break
            move, turn = move / 2, turn / 2
        else:
            break
        gained = loss - found
        intercept, slope, loss = intercept + move, slope + turn, found
        if gained <= 1e-10 * (1.0 + abs(loss)):
            break
    return Line(intercept - slope * centre, slope, loss)
