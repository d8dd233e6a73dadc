"""Models of rare outcomes: python benchmarks/rare_outcomes.py [PEOPLE] [DRAWS]

First, cards and splines learnt from 30 to 250 events in made-up rows of known truth: mean chance over rate, calibration
slope on fresh rows (1 is best) and log-loss above the truth's own. Then a made-up partnership of PEOPLE (6,000):
serious offence and escalation back-tested beside a model that knows only the length of the record.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.features.outcomes import ESCALATION, SERIOUS_OFFENCE
from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import ChanceModel, chance
from desist.models.estimators.card import PointsCard
from desist.models.estimators.logistic import fit_line
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.rare import RareCard, items_for
from desist.pipelines.compare import _career_years
from desist.pipelines.demo import open_made_up
from desist.pipelines.ground import load_ground
from desist.pipelines.rare_outcome import HISTORY, RareCompared, compare_rare
from desist.pipelines.steps import link_people, take_in
from desist.pipelines.training import training_rows
from desist.records.errors import UserError
from desist.simulation.write import simulate

Floats = NDArray[np.float64]
OTHERS = 20
FEATURES = FeatureSet(
    (
        FeatureInfo("sanctions", sign=1),
        FeatureInfo("violent", sign=1),
        FeatureInfo("days_clear", sign=-1),
        FeatureInfo("need", sign=1),
        FeatureInfo("kept_share", sign=-1),
        *(FeatureInfo(f"other_{number}", sign=int(number < OTHERS // 2)) for number in range(OTHERS)),
    )
)


def made_up(rows: int, seed: int) -> tuple[pd.DataFrame, Floats, np.random.Generator]:
    """Rows of 25 features, 20 of them linked with nothing, and their true logits at a rate of about 3 %."""
    draw = np.random.default_rng(seed)
    sanctions = draw.poisson(draw.gamma(1.2, 2.5, rows)).astype(float)
    violent = draw.binomial(sanctions.astype(int), 0.25).astype(float)
    clear, need, kept = draw.exponential(500, rows), (draw.random(rows) < 0.4).astype(float), draw.beta(4, 2, rows)
    others = draw.poisson(1.0, (OTHERS, rows)).astype(float)
    logit = (
        -4.1 + 0.35 * np.log1p(sanctions) + 0.7 * np.log1p(violent) - 0.0008 * clear + 0.3 * need - 0.6 * (kept - 0.6)
    )
    columns = [sanctions, violent, clear, need, kept, *others]
    return pd.DataFrame(dict(zip(FEATURES.names, columns, strict=True))), logit, draw


def few_events(draws: int) -> None:
    fresh, truth, _ = made_up(60_000, 999)
    chances = chance(truth)
    own = float((np.logaddexp(0.0, truth) - chances * truth).mean())
    print(f"Few events at a rate of {chances.mean():.1%}, {draws} draws a line")
    print(f"{'events':>6} {'model':24} {'expected/seen':>14} {'slope (10 to 90 %)':>22} {'loss above truth, 1e-4':>23}")
    for events in (30, 50, 100, 150, 250):
        rows = int(events / chances.mean())
        makes: dict[str, ChanceModel] = {
            "spline logistic": SplineLogistic(FEATURES),
            "card of 10 items": PointsCard(FEATURES, max_items=10),
            f"card of {items_for(events)} items": PointsCard(FEATURES, max_items=items_for(events)),
            f"rare card of {items_for(events)} items": RareCard(FEATURES, max_items=items_for(events)),
        }
        for name, model in makes.items():
            found = []
            for number in range(draws):
                table, logit, draw = made_up(rows, 7 * number + events)
                y = (draw.random(rows) < chance(logit)).astype(float)
                told = model.fit(table, y).decision_function(fresh)
                slope = fit_line(told, np.ones(len(told)), chances).slope if told.std() > 1e-9 else np.nan
                loss = float((np.logaddexp(0.0, told) - chances * told).mean())
                found.append((chance(told).mean() / chances.mean(), slope, 1e4 * (loss - own)))
            ratio, slope, loss = np.array(found).T
            low, middle, high = np.nanquantile(slope, [0.1, 0.5, 0.9])
            told_slope = f"{middle:.2f} ({low:.2f} to {high:.2f})"
            print(f"{events:6} {name:24} {ratio.mean():14.3f} {told_slope:>22} {loss.mean():23.1f}", flush=True)


def partnership(people: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        simulate(root / "w-extracts", people=people, seed=1)
        session = open_made_up(root / "w", root / "w-extracts", 1, lambda text: None)
        take_in(session, root / "w-extracts" / "extracts")
        link_people(session)
        ground = load_ground(session)
        print(f"\nA made-up partnership of {people:,}; back-tests on later dates and other people")
        for definition in (SERIOUS_OFFENCE, ESCALATION):
            try:
                training = training_rows(session, ground, dt.date(2026, 10, 1), definition.name)
                years = _career_years(ground, training.learners)
                found = compare_rare(session, training, ground.register.feature_set(), years)
            except UserError as error:
                print(f"{definition.name}: {error}")
                continue
            told(definition.name, found)


def told(outcome: str, found: RareCompared) -> None:
    rate = found.judged[outcome].mean()
    print(f"\n{outcome}: {found.events} people with it; {len(found.judged):,} judged rows, rate {rate:.1%}")
    for name, metrics in found.metrics.items():
        auc, loss, slope = metrics["auc"], metrics["log_loss"], metrics["calibration_slope"]
        large = metrics["mean_score_less_rate"]
        print(
            f"  {name:16} AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})  log-loss {loss.value:.4f}  "
            f"slope {slope.value:.2f} ({slope.low:.2f} to {slope.high:.2f})  in the large {large.value:+.4f}"
        )
    print(f"  chosen: {found.choice.chosen}, {found.choice.verdict}. {found.gain.words}")
    print(f"  {HISTORY} is a comparator and is never released.")


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 6_000
    few_events(int(sys.argv[2]) if len(sys.argv) > 2 else 12)
    partnership(people)


if __name__ == "__main__":
    main()
