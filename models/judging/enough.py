"""Whether a partnership's own rows are enough to fit a model anew, or a shared one should be taken instead."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

#: A refit may shrink by a tenth at most: what is learnt must hold for nine tenths outside the rows it is learnt on.
SHRINKAGE = 0.9
#: Share of the greatest explained variation (Cox-Snell R2) that a model is taken to reach where nobody knows better.
EXPLAINED = 0.15
#: The overall rate must be told within so much.
RATE_WITHIN = 0.05
#: What one item of a card stands for: the search chooses its feature, its threshold and its points. With 3 the rule
#: asks for as many people as a refitted card of 8 items needed to draw level with a shared one (benchmarks/
#: shared_card.py: worse up to 1,500 people at a rate of 31 %, level at 2,000, better at 3,000).
PARAMETERS_OF_AN_ITEM = 3
#: Never fewer people than this with the outcome, and without it.
LEAST_PEOPLE = 100


@dataclass(frozen=True)
class Enough:
    """Whether a refit has the people it needs, and why in words. Counts are of people, never of rows."""

    enough: bool
    people: int
    with_outcome: int
    people_needed: int
    with_outcome_needed: int
    words: str


def people_needed(rate: float, parameters: int, *, explained: float = EXPLAINED) -> int:
    """How many people a model of so many parameters needs at an outcome's rate, from 0 to 1.

    The largest of: overall shrinkage of at least .9; apparent and honest explained variation within .05; the rate
    told within .05. Source: Riley et al. (2019), "Minimum sample size for developing a multivariable prediction
    model: Part II", Statistics in Medicine 38, 1276-1296, criteria (i) to (iii); its proposal of 15 % of the greatest
    R2 where none is known. The formulas count independent people.
    """
    if not 0.0 < rate < 1.0 or parameters < 1 or not 0.0 < explained < 1.0:
        raise ValueError("a rate and an explained share lie between 0 and 1, and a model has a parameter")
    most = 1.0 - math.exp(2.0 * (rate * math.log(rate) + (1.0 - rate) * math.log(1.0 - rate)))
    cox_snell = explained * most
    optimism = cox_snell / (cox_snell + 0.05 * most)
    by_shrinkage = [parameters / ((kept - 1.0) * math.log(1.0 - cox_snell / kept)) for kept in (SHRINKAGE, optimism)]
    by_rate = (1.96 / RATE_WITHIN) ** 2 * rate * (1.0 - rate)
    return math.ceil(max(*by_shrinkage, by_rate))


def enough_to_refit(y: Any, people: Any, *, items: int) -> Enough:
    """Whether rows with a known outcome are enough to fit a card of so many items anew.

    A person counts once, however many rows are theirs: overlapping follow-ups tell of one offence several times.
    """
    outcome, names = np.asarray(y, dtype=float), np.asarray(people)
    everybody = len(np.unique(names))
    with_outcome = len(np.unique(names[outcome == 1]))
    without = len(np.unique(names[outcome == 0]))
    rate = float(outcome.mean()) if len(outcome) else 0.0
    if not 0.0 < rate < 1.0:
        return Enough(False, everybody, with_outcome, 0, LEAST_PEOPLE, "No refit: everybody has the same outcome.")
    needed = people_needed(rate, items * PARAMETERS_OF_AN_ITEM)
    events_needed = max(LEAST_PEOPLE, math.ceil(needed * min(rate, 1.0 - rate)))
    fewer = min(with_outcome, without)
    enough = everybody >= needed and fewer >= events_needed
    found = f"{everybody:,} people, {with_outcome:,} with the outcome and {without:,} at some date without it"
    asked = (
        f"a card of {items} items at a rate of {rate:.0%} needs {needed:,} people and {events_needed:,} on either side"
    )
    words = f"Enough for a refit: {found}; {asked}." if enough else f"Too few for a refit: {found}; {asked}."
    return Enough(enough, everybody, with_outcome, needed, events_needed, words)
