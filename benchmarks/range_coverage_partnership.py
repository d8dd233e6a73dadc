"""Do the ranges cover the truth in the made-up partnership? Its own register, stock rows and true chances.

    OPENBLAS_NUM_THREADS=1 python benchmarks/range_coverage_partnership.py --people 16000 --worlds 100

One large partnership is made once. In each world 2,000 of its people are the partnership at hand: a model is fitted and
calibrated on 70 % of them and its ranges learnt on the others. The truth at a score is the mean true chance (p_proven)
of all people the model did not learn from. Outcomes are drawn anew in each world from the true chances, a person's
rows alike in half of what is left to chance: one history for all worlds would repeat its own luck in each of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from range_coverage import JUDGES, Tally, rate_at
from scipy.stats import norm

from desist.features.cohort import CohortRule, select_cohort
from desist.features.engines.compiled import build_profiles
from desist.features.events import events_from
from desist.features.outcomes import PROVEN_REOFFENDING, label_outcomes
from desist.features.standard_features import standard_register
from desist.features.tables import ROW, FeatureSet
from desist.intake.holding.linked import read_linked
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.linking.run import link
from desist.intake.reading.read import read_extracts
from desist.models.estimators.base import ChanceModel
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.card import PointsCard
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.backtest import fit_then_calibrate
from desist.models.judging.uncertainty import learn_ranges
from desist.records.log import EventLog
from desist.records.workspace import Workspace
from desist.simulation.write import simulate

TODAY = dt.date(2026, 10, 1)
DATES = [dt.date(year, month, 1) for year in (2021, 2022, 2023, 2024) for month in (4, 10)]
AT_HAND = 2_000
GROUPS = ("White", "Black", "Asian")
OUTCOME = PROVEN_REOFFENDING.name
CUT_OFFS = (0.2, 0.4, 0.6)
FEATURES = standard_register().feature_set()


def make_model(name: str, features: FeatureSet, seed: int) -> ChanceModel:
    if name == "card":
        return PointsCard(features, max_items=10, seed=seed)
    return SplineLogistic(features, seed=seed) if name == "spline" else MonotoneBoosting(features, seed=seed)


def stock_rows(folder: Path, people: int) -> pd.DataFrame:
    """Caseload rows of the made-up partnership with features, outcome, group and true chance (column p)."""
    simulate(folder / "sent", people=people, seed=21)
    workspace = Workspace(folder / "workspace")
    workspace.create()
    shutil.copytree(folder / "sent" / "agreements", workspace.agreements)
    log = EventLog(workspace.log, clock=lambda: dt.datetime(2026, 10, 1, 9, tzinfo=dt.UTC))
    read_extracts(folder / "sent", workspace, today=TODAY, purpose="iom_selection_support", log=log, actor="bench")
    link(workspace, today=TODAY, key=b"a made-up key", log=log, actor="bench")
    linked, vault, register = read_linked(workspace), Vault(workspace.vault), standard_register()
    events = events_from(linked.tables, linked.known, linked.snapshots)
    rule = CohortRule(kind="caseload")
    cohorts = [select_cohort(events, date, rule, vault.is_adult).members for date in DATES]
    table = pd.concat([build_profiles(events, members, register).table for members in cohorts], ignore_index=True)
    labels = label_outcomes(events, table[ROW], [PROVEN_REOFFENDING], known_by=TODAY).table
    truth = folder / "sent" / "truth"
    person = Store(workspace.store).links()[0].merge(pd.read_parquet(truth / "links.parquet"))
    chances = pd.read_parquet(truth / "chances.parquet").rename(columns={"p_proven": "p"})
    chances["as_of"] = pd.to_datetime(chances["as_of"])
    groups = pd.read_parquet(truth / "people.parquet")[["person", "group"]]
    table = table.merge(labels[[*ROW, OUTCOME]], on=ROW)
    table = table.merge(person.drop_duplicates("person_id")[["person_id", "person"]], on="person_id")
    found = table.merge(chances[["person", "as_of", "p"]], on=["person", "as_of"]).merge(groups, on="person")
    return found[found["group"].isin(GROUPS)].reset_index(drop=True)


def _outcomes(rows: pd.DataFrame, draw: np.random.Generator) -> pd.Series:
    """Outcomes with the true chances; unknown where they were unknown."""
    person = np.unique(rows["person_id"], return_inverse=True)[1]
    luck = np.sqrt(0.5) * (draw.normal(size=person.max() + 1)[person] + draw.normal(size=len(rows)))
    return pd.Series((norm.cdf(luck) < rows["p"]).astype(float), index=rows.index).where(rows[OUTCOME].notna())


def one_world(name: str, rows: pd.DataFrame, seed: int, tally: Tally) -> tuple[float, int]:
    """Count one world; gives the share of scores tagged borderline and how many of the four steps held the truth."""
    draw = np.random.default_rng([seed, 5])
    rows = rows.assign(**{OUTCOME: _outcomes(rows, draw)})
    people = draw.permutation(np.sort(rows["person_id"].unique()))[:AT_HAND]
    judges = people[: int(JUDGES * len(people))]
    known = rows[OUTCOME].notna()
    learn = rows[rows["person_id"].isin(people) & ~rows["person_id"].isin(judges) & known]
    judge, others = rows[rows["person_id"].isin(judges) & known], rows[~rows["person_id"].isin(learn["person_id"])]
    names = list(FEATURES.names)
    model = fit_then_calibrate(
        make_model(name, FEATURES, seed), learn[names], learn[OUTCOME], learn["as_of"], learn["person_id"]
    )
    ranges = learn_ranges(
        model.predict_proba(judge[names])[:, 1].round(6), judge[OUTCOME], judge["person_id"], replicates=300, seed=seed
    )
    score, p = model.predict_proba(others[names])[:, 1].round(6), others["p"].to_numpy()
    group = others["group"].map({one: place for place, one in enumerate(GROUPS)}).to_numpy()
    truth, own = rate_at(score, p), np.empty(len(p))
    for number in range(len(GROUPS)):
        own[group == number] = rate_at(score[group == number], p[group == number])
    tally.add(score, group, truth, own, *ranges.interval(score))
    step = 1 + np.searchsorted(CUT_OFFS, score, side="right")
    held = [
        one.low <= p[step == one.step].mean() <= one.high for one in ranges.step(CUT_OFFS) if (step == one.step).any()
    ]
    return float(ranges.borderline(score, CUT_OFFS).mean()), int(sum(held))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--people", type=int, default=16_000)
    asked.add_argument("--worlds", type=int, default=100)
    asked.add_argument("--models", nargs="+", choices=["spline", "card", "boosting"], default=["spline", "card"])
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = stock_rows(Path(folder), told.people)
    print(f"{len(rows):,} rows of {rows['person_id'].nunique():,} people; groups {', '.join(GROUPS)}", flush=True)
    for name in told.models:
        tally = Tally()
        seen = [one_world(name, rows, seed, tally) for seed in range(told.worlds)]
        tagged, held = np.mean(seen, axis=0)
        print(tally.told(f"made-up partnership, {name}, {AT_HAND:,} people of whom {JUDGES:.0%} judge"))
        print(f"  borderline {100 * tagged:.0f} % of rows; the ranges of the four steps hold it in {25 * held:.1f} %")


if __name__ == "__main__":
    main()
