"""Error rates of the rule that chooses between models: how often it is wrong, and how often it sees a real gain.

    python benchmarks/choice_rule.py [--worlds 400] [--replicates 300]

In each made-up world four models see the true logit of the same people, each through a noise of its own (and one they
share); people have four overlapping rows. Worlds: all four truly equal; the most readable worse by exactly the margin;
by twice the margin; and the same with a rare outcome, where the gain is log-loss. Wrong is to choose a complex model
whose true gain does not exceed the margin.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
from scipy.optimize import brentq

from desist.models.judging.choice import MARGIN_SHARE, choose

ORDER = ("points card", "spline logistic", "explainable boosting", "monotone boosting")
SPREAD, SHARED, OWN, DATES = 1.0, 0.5, 0.25, 4
LARGE = 400_000


def chances(away: np.ndarray, noise: np.ndarray, variance: float, level: float) -> np.ndarray:
    """Calibrated chances of a model that sees the logit through noise: the mean of the logit given what it sees.

    A chance made from the mean logit is a little too far from the rate; every model is so in the same way.
    """
    return 1 / (1 + np.exp(-(level + (away + noise) * SPREAD**2 / (SPREAD**2 + variance))))


def world(
    people: int, seed: int, own: tuple[float, ...], level: float
) -> tuple[np.ndarray, dict, np.ndarray, np.ndarray]:
    """Outcomes, scores by model, person and date of each row; most outcomes are those of the date before."""
    draw = np.random.default_rng(seed)
    away = np.repeat(draw.normal(0, SPREAD, people)[:, None], DATES, axis=1)
    shared = draw.normal(0, SHARED, people)[:, None]
    y = draw.random((people, DATES)) < 1 / (1 + np.exp(-level - away))
    for date in range(1, DATES):
        same = draw.random(people) < 0.7
        y[:, date] = np.where(same, y[:, date - 1], y[:, date])
    scores = {}
    for name, amount in zip(ORDER, own, strict=True):
        noise = shared + draw.normal(0, amount, (people, 1)) + np.zeros((1, DATES))
        scores[name] = chances(away, noise, SHARED**2 + amount**2, level).ravel()
    person = np.repeat(np.arange(people), DATES)
    date = np.tile(np.datetime64("2022-01-01") + 91 * np.arange(DATES), people)
    return y.ravel().astype(float), scores, person, date


def true_loss(amount: float, level: float) -> float:
    """What a model with this own noise loses on average, less what the rate loses: the negative of its gain."""
    draw = np.random.default_rng(1)
    away = draw.normal(0, SPREAD, LARGE)
    noise = draw.normal(0, 1, LARGE) * math.sqrt(SHARED**2 + amount**2)
    truth, score = 1 / (1 + np.exp(-level - away)), chances(away, noise, SHARED**2 + amount**2, level)
    rate = truth.mean()
    if rate < 0.1:
        return float(-(truth * np.log(score) + (1 - truth) * np.log1p(-score)).mean()) + float(
            rate * np.log(rate) + (1 - rate) * np.log1p(-rate)
        )
    return float((truth * (1 - score) ** 2 + (1 - truth) * score**2).mean() - rate * (1 - rate))


def own_noise(times: float, level: float) -> tuple[float, ...]:
    """Own noise of each model so that the most readable one truly loses so many margins against the others."""
    best = true_loss(OWN, level)
    aim = best * (1 - times * MARGIN_SHARE)
    worse = OWN if times == 0 else brentq(lambda amount: true_loss(amount, level) - aim, OWN, 5.0)
    return (worse, OWN, OWN, OWN)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--worlds", type=int, default=400)
    asked.add_argument("--replicates", type=int, default=300)
    given = asked.parse_args()
    print(
        "| outcome | true loss of the most readable, in margins | people | worlds | complex chosen | standard error |"
    )
    print("|---|---|---|---|---|---|")
    for words, level in (("about 28 %", -1.1), ("about 6 %", -3.2)):
        for times in (0.0, 1.0, 2.0, 4.0):
            own = own_noise(times, level)
            for people in (500, 2000, 8000):
                worlds = given.worlds if people < 8000 else given.worlds // 4
                taken = 0
                for seed in range(worlds):
                    y, scores, person, date = world(people, seed, own, level)
                    choice = choose(
                        y, scores, person, ORDER, replicates=given.replicates, seed=100_000 + seed, as_of=date
                    )
                    taken += choice.chosen != ORDER[0]
                share = taken / worlds
                error = math.sqrt(max(share * (1 - share), 1 / worlds) / worlds)
                print(
                    f"| {words} | {times:g} | {people:,} | {worlds} | {100 * share:.1f} % | {100 * error:.1f} % |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
