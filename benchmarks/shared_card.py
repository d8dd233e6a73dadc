"""A shared card moved to a borough, in worlds of known truth: python benchmarks/shared_card.py [WORLDS]

A region's card is learnt once. Then boroughs are drawn, WORLDS of each kind (500): alike, or with intercepts that
differ, or with a flatter slope. The loss is the log-loss of the moved model less that of the shared one, expected over
fresh people under the borough's true chances, so below 0 is a gain. It must stay below 1e-4 where boroughs are alike.
The last table holds a refit of the card against the shared one, by the size of the partnership.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import chance
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.shared import AreaSpread, Shared, area_spread
from desist.models.judging.enough import PARAMETERS_OF_AN_ITEM, enough_to_refit, people_needed

Floats = NDArray[np.float64]

FEATURES = FeatureSet(
    (
        FeatureInfo("sanctions", sign=1),
        FeatureInfo("sanctions_2y", sign=1),
        FeatureInfo("days_clear", sign=-1),
        FeatureInfo("kinds", sign=1),
        FeatureInfo("in_treatment", sign=-1, missing_as=0.0),
        FeatureInfo("kept_share", sign=-1),
        FeatureInfo("need_drugs", sign=1),
        FeatureInfo("need_thinking", sign=1),
        FeatureInfo("licence"),
        FeatureInfo("requirements"),
        *(FeatureInfo(f"other_{number}") for number in range(20)),  # linked with nothing: what a search may fall for
    )
)
NAMES = list(FEATURES.names)
DATES = pd.to_datetime(["2021-04-01", "2022-04-01", "2023-04-01", "2024-04-01"])
GAP = 577
ITEMS = 8
PERSON_SHARE = 0.5  # of what moves an outcome besides its chance: one person's dates are alike, as in life
BOROUGHS = 8
FRESH = 5_000  # people, on four dates each


@dataclass(frozen=True)
class Borough:
    """Rows of a made-up borough, its outcomes, and the true logits behind them."""

    table: pd.DataFrame
    y: Floats
    people: NDArray[np.int64]
    as_of: pd.DatetimeIndex
    truth: Floats

    def losses(self, logit: Floats, truth: Floats) -> float:
        """Log-loss per row, expected over the true chances."""
        return float((np.logaddexp(0.0, logit) - chance(truth) * logit).mean())


def borough(people: int, seed: int, *, step: float = 0.0, slope: float = 1.0) -> Borough:
    """A borough of so many people on four dates; its logits are ``step`` plus ``slope`` times the region's."""
    draw = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), len(DATES))
    rows = len(person)
    usual = draw.gamma(1.2, 2.5, people)[person]
    sanctions = draw.poisson(usual).astype(float)
    recent = draw.binomial(sanctions.astype(int), 0.35).astype(float)
    clear = draw.exponential(400.0, rows) * np.where(recent > 0, 0.6, 1.5)
    kinds = np.minimum(1.0 + draw.poisson(0.4 * np.sqrt(sanctions)), 6.0)
    treated = (draw.random(rows) < 0.2).astype(float)
    kept = draw.beta(4, 2, people)[person]
    needs = (draw.random((people, 2)) < (0.35, 0.5))[person].astype(float)
    licence, requirements = (draw.random(rows) < 0.3).astype(float), draw.poisson(0.8, rows).astype(float)
    logit = -1.7 + 0.45 * np.log1p(sanctions) + 0.5 * np.log1p(recent) - 0.0008 * clear + 0.1 * kinds - 0.3 * treated
    logit += -0.6 * (kept - 0.6) + 0.35 * needs[:, 0] + 0.2 * needs[:, 1] + 0.15 * licence
    truth = step + slope * logit
    luck = np.sqrt(PERSON_SHARE) * draw.normal(size=people)[person] + np.sqrt(1 - PERSON_SHARE) * draw.normal(size=rows)
    noise = draw.poisson(1.0, (20, rows)).astype(float)
    columns = [sanctions, recent, clear, kinds, treated, kept, *needs.T, licence, requirements, *noise]
    table = pd.DataFrame(dict(zip(NAMES, columns, strict=True)))
    y = (norm.cdf(luck) < chance(truth)).astype(float)
    return Borough(table, y, person, pd.DatetimeIndex(np.tile(DATES, people)), truth)


def regional_card(people: int = 6_000, seed: int = 1) -> Calibrated:
    """The region's card, learnt on all dates but the last and recalibrated on that one."""
    region = borough(people, seed)
    last = np.asarray(region.as_of == DATES[-1])
    card = PointsCard(FEATURES, max_items=ITEMS).fit(region.table[~last], region.y[~last], region.people[~last])
    return Calibrated(card).fit(region.table[last], region.y[last])


def spread_of(shared: Calibrated, people: int, seed: int, steps: Floats) -> AreaSpread:
    """How boroughs of so many people with these steps are seen to vary."""
    told = [borough(people, seed + number, step=float(step)) for number, step in enumerate(steps)]
    names = [f"borough {number}" for number in range(len(told))]
    return area_spread(
        shared,
        pd.concat([one.table for one in told], ignore_index=True),
        np.concatenate([one.y for one in told]),
        np.concatenate([one.people + 1_000_000 * number for number, one in enumerate(told)]),
        pd.Series(np.repeat(names, [len(one.y) for one in told]), name="borough"),
        boroughs=names,
    )


@dataclass(frozen=True)
class Result:
    """Mean loss over worlds with its standard error, in 1e-4, and how often anything moved."""

    loss: float
    error: float
    moved: float
    sloped: float

    def in_words(self) -> str:
        return f"{self.loss:+8.2f} ± {self.error:5.2f}   {self.moved:5.0%}   {self.sloped:5.0%}"


def worlds(
    shared: Calibrated, fresh: Borough, *, count: int, people: int, between: float, slope: float, region: bool
) -> Result:
    """The mean loss over worlds whose boroughs' intercepts vary by ``between`` (a standard deviation)."""
    losses, moved, sloped = [], 0, 0
    logit = shared.decision_function(fresh.table)
    for world in range(count):
        draw = np.random.default_rng([people, world])
        step, *others = draw.normal(0.0, 1.0, 1 + BOROUGHS) * between
        spread = spread_of(shared, people, 7_000_000 + 100 * world, np.array(others)) if region else None
        own = borough(people, 1_000_000 + world, step=float(step), slope=slope)
        made = Shared(shared, known_after_days=GAP, spread=spread)
        made.fit(own.table, own.y, own.people, as_of=own.as_of, area="a made-up borough")
        truth = step + slope * fresh.truth
        losses.append(fresh.losses(made.line_(logit), truth) - fresh.losses(logit, truth))
        moved, sloped = moved + (made.learnt_ != "nothing"), sloped + (made.line_.slope != 1)
    found = 1e4 * np.array(losses)
    return Result(float(found.mean()), float(found.std() / np.sqrt(count)), moved / count, sloped / count)


def refits(shared: Calibrated, fresh: Borough, sizes: tuple[int, ...], replicates: int, *, between: float) -> None:
    """A table of a refitted card's loss less the moved shared card's, by size."""
    print(f"\nA refit less the moved shared card, log-loss in 1e-4; boroughs vary by {between}; {replicates} boroughs")
    print(f"{'people':>7} {'with outcome':>13} {'refit-moved':>18}   enough by the rule")
    for people in sizes:
        losses, events, allowed = [], [], 0
        for world in range(replicates):
            step = float(np.random.default_rng([people, world]).normal() * between)
            own = borough(people, 3_000_000 + world, step=step)
            moved = Shared(shared, known_after_days=GAP)
            moved.fit(own.table, own.y, own.people, as_of=own.as_of, area="a made-up borough")
            refit = PointsCard(FEATURES, max_items=ITEMS).fit(own.table, own.y, own.people)
            two = [fresh.losses(made.decision_function(fresh.table), step + fresh.truth) for made in (refit, moved)]
            losses.append(two[0] - two[1])
            enough = enough_to_refit(own.y, own.people, items=ITEMS)
            events.append(enough.with_outcome)
            allowed += enough.enough
        found = 1e4 * np.array(losses)
        error = found.std() / np.sqrt(replicates)
        print(f"{people:7,} {np.mean(events):13,.0f} {found.mean():+9.1f} ± {error:5.1f}   {allowed / replicates:.0%}")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    shared, fresh = regional_card(), borough(FRESH, 5)
    print(f"Loss of the moved card less the shared card, log-loss in 1e-4; {count} worlds a line")
    print(f"{'boroughs':34} {'known':>9} {'people':>7} {'loss':>16}   moved  slope")
    for between, slope in ((0.0, 1.0), (0.15, 1.0), (0.3, 1.0), (0.0, 0.7)):
        kind = "alike" if between == 0 and slope == 1 else f"intercepts vary by {between:.2f}"
        kind = f"slope {slope}" if slope != 1 else kind
        for region in (False, True):
            for people in (200, 400, 1000, 3000) if not region else (400, 1000):
                found = worlds(shared, fresh, count=count, people=people, between=between, slope=slope, region=region)
                known = f"{BOROUGHS} others" if region else "itself"
                print(f"{kind:34} {known:>9} {people:7,} {found.in_words()}", flush=True)
    rate = float(borough(5_000, 4).y.mean())
    needed = people_needed(rate, ITEMS * PARAMETERS_OF_AN_ITEM)
    print(f"\nBy the rule a card of {ITEMS} items at a rate of {rate:.0%} needs {needed:,} people.")
    refits(shared, fresh, (300, 600, 1_000, 1_500, 2_000, 3_000, 4_000), max(4, count // 25), between=0.15)


if __name__ == "__main__":
    main()
