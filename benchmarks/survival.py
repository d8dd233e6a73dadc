"""Time to return on two public tables: our monthly hazard against scikit-survival's Cox model, same rows and folds.

OMP_NUM_THREADS=1 python benchmarks/survival.py ../shared/data [--seeds 5] [--replicates 2000]   prints markdown

Columns and signs are those of examples/rossi.toml and examples/recid.toml: age is among them, as in every published
analysis; race, and marriage, never are. Five folds a seed. A pair counts in the concordance where one model scored
both (within folds), so that no fold's level matters; the mean over seeds. Intervals: people drawn again, all models on
the same draws. Cox with a ridge has its penalty chosen inside each training fold, as our shrinkage is.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.evaluate import draw_people
from desist.models.over_time.hazard import DiscreteHazard
from desist.models.over_time.measures import brier_over_time, concordance, not_censored, over_all_times

ROOT = Path(__file__).resolve().parents[1]
EVENT = "event"
FOLDS = 5
OURS, COX, RIDGE = "hazard, splines", "Cox", "Cox with ridge"
PENALTIES = tuple(float(value) for value in 10.0 ** np.arange(-1, 3.6, 0.5))
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Table:
    """One data set: features, time in its own unit, whether the event came, and how time is cut."""

    name: str
    features: FeatureSet
    X: pd.DataFrame
    time: Array
    event: Array
    periods: int
    width: int
    unit: str

    @property
    def at(self) -> Array:
        """Ends of the periods at which the Brier score is taken: all but those in which follow-up ends."""
        ends = np.arange(1, self.periods + 1) * float(self.width)
        return ends[ends < self.time[~self.event].min()]


def load(name: str, data: Path) -> Table:
    """Rossi: weeks to arrest, all followed for 52. Recid: months to return, followed for 70 to 81; age is in months."""
    spec = tomllib.loads((ROOT / "examples" / f"{name}.toml").read_text(encoding="utf-8"))
    folder, time, event, periods, width, unit = {
        "rossi": ("rossi", "week", lambda t: t["arrest"] == 1, 13, 4, "weeks"),
        "recid": ("wooldridge_crime", "durat", lambda t: t["cens"] == 0, 24, 3, "months"),
    }[name]
    table = pd.read_csv(data / folder / f"{name}.csv.gz")
    if name == "recid":
        table["age_years"] = table["age"] / 12
    infos = [FeatureInfo(told.get("column", key), sign=told["sign"]) for key, told in spec["features"].items()]
    features = FeatureSet(tuple(infos))
    X = table[list(features.names)].astype(float)
    return Table(name, features, X, table[time].to_numpy(float), event(table).to_numpy(bool), periods, width, unit)


Fitted = tuple[Array, Array]  # a score for each row of the other fold, and its share with the event at each of ``at``


def fit_hazard(make: Callable[[FeatureSet], Any]) -> Callable[[Table, Array, Array], Fitted]:
    def fit(table: Table, learn: Array, score: Array) -> Fitted:
        cause = np.where(table.event[learn], EVENT, "censored")
        hazard = DiscreteHazard(
            table.features, causes=(EVENT,), months=table.periods, month_days=table.width, make=make, max_months=50_000
        ).fit(table.X.iloc[learn], table.time[learn], cause)
        curves = hazard.curves(table.X.iloc[score])
        return curves.any_event[:, -1], curves.any_event[:, 1 : len(table.at) + 1]

    return fit


def fit_cox(choose: bool) -> Callable[[Table, Array, Array], Fitted]:
    def fit(table: Table, learn: Array, score: Array) -> Fitted:
        rows = table.X.iloc[learn]
        middle, spread = rows.mean(), rows.std().replace(0, 1.0)
        penalty = _choose_penalty(table, learn) if choose else 1e-9
        cox = _cox((rows - middle) / spread, table, learn, penalty)
        others = (table.X.iloc[score] - middle) / spread
        free = np.vstack([curve(table.at) for curve in cox.predict_survival_function(others)])
        return cox.predict(others), 1.0 - free

    return fit


def _cox(rows: pd.DataFrame, table: Table, learn: Array, penalty: float) -> Any:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    return CoxPHSurvivalAnalysis(alpha=penalty).fit(rows, Surv.from_arrays(table.event[learn], table.time[learn]))


def _choose_penalty(table: Table, learn: Array) -> float:
    """The ridge with the best concordance on folds inside the training rows."""
    found = np.zeros(len(PENALTIES))
    rows = (table.X.iloc[learn] - table.X.iloc[learn].mean()) / table.X.iloc[learn].std().replace(0, 1.0)
    for inside, out in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(rows, table.event[learn]):
        for place, penalty in enumerate(PENALTIES):
            cox = _cox(rows.iloc[inside], table, learn[inside], penalty)
            risk = cox.predict(rows.iloc[out])
            found[place] += concordance(table.event[learn[out]], table.time[learn[out]], risk)[0]
    return PENALTIES[int(found.argmax())]


MODELS: dict[str, Callable[[Table, Array, Array], Fitted]] = {
    OURS: fit_hazard(lambda features: SplineLogistic(features)),
    "hazard, straight lines": fit_hazard(lambda features: SplineLogistic(features, knots=0)),
    "hazard, small trees": fit_hazard(lambda features: MonotoneBoosting(features, trees=60, leaves=4)),
    COX: fit_cox(choose=False),
    RIDGE: fit_cox(choose=True),
}


@dataclass(frozen=True)
class Compared:
    """By model: concordance and integrated Brier score, in the rows themselves first, then in each draw of people."""

    concordance: dict[str, Array]
    brier: dict[str, Array]

    def loss(self, against: str, ours: str = OURS) -> tuple[float, float, float]:
        """Concordance lost against another model: the value and its 95 % interval; below 0 is a gain."""
        return told(self.concordance[against] - self.concordance[ours])

    def brier_added(self, against: str, ours: str = OURS) -> tuple[float, float, float]:
        return told(self.brier[ours] - self.brier[against])


def told(values: Array) -> tuple[float, float, float]:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return float(values[0]), float(low), float(high)


def compare(table: Table, models: list[str], *, seeds: int, replicates: int) -> Compared:
    """Every model on the same folds and the same draws of people."""
    people = np.arange(len(table.time))
    draws = np.concatenate([np.ones((1, len(people))), *draw_people(people, replicates, 0)])
    ranks: dict[str, list[Array]] = {name: [] for name in models}
    losses: dict[str, list[Array]] = {name: [] for name in models}
    for seed in range(seeds):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(table.X, table.event)
        fold = np.zeros(len(people))
        scored = {name: np.zeros(len(people)) for name in models}
        brier = {name: np.zeros(len(draws)) for name in models}
        for number, (learn, score) in enumerate(folds):
            fold[score] = number
            censoring = not_censored(table.event[learn], table.time[learn])
            drawn = draws[:, score]
            for name in models:
                scored[name][score], share = MODELS[name](table, learn, score)
                lost = brier_over_time(
                    censoring, table.event[score].astype(int), table.time[score], share, table.at, draws=drawn
                )
                brier[name] += over_all_times(lost, table.at) * drawn.sum(axis=1) / draws.sum(axis=1)
        for name in models:
            ranks[name].append(concordance(table.event, table.time, scored[name], strata=fold, draws=draws))
            losses[name].append(brier[name])
    return Compared(
        {name: np.mean(found, axis=0) for name, found in ranks.items()},
        {name: np.mean(found, axis=0) for name, found in losses.items()},
    )


def page(table: Table, found: Compared, seeds: int, seconds: float) -> str:
    lines = [
        f"## {table.name}",
        "",
        f"{len(table.time):,} people, {int(table.event.sum())} with the event; {len(table.features.names)} columns: "
        f"{', '.join(table.features.names)}. Periods of {table.width} {table.unit} up to "
        f"{table.periods * table.width}; Brier score over {table.at[0]:g} to {table.at[-1]:g} {table.unit}. "
        f"{FOLDS} folds x {seeds} seeds, {seconds:.0f} s.",
        "",
        "| model | concordance (95 %) | integrated Brier (95 %) |",
        "|---|---|---|",
    ]
    for name in found.concordance:
        lines.append(f"| {name} | {_span(told(found.concordance[name]))} | {_span(told(found.brier[name]))} |")
    lines += [
        "",
        "| ours | against | concordance lost (95 %) | Brier added (95 %) | below beyond noise |",
        "|---|---|---|---|---|",
    ]
    for ours in (name for name in found.concordance if name.startswith("hazard")):
        for against in (COX, RIDGE):
            loss = found.loss(against, ours)
            verdict = "**yes**" if loss[1] > 0 else "no"
            added = _span(found.brier_added(against, ours))
            lines.append(f"| {ours} | {against} | {_span(loss)} | {added} | {verdict} |")
    return "\n".join([*lines, ""])


def _span(value: tuple[float, float, float]) -> str:
    return "{:.4f} ({:.4f} to {:.4f})".format(*value)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--replicates", type=int, default=2000)
    given = asked.parse_args()
    print("# Time to return: our monthly hazard beside Cox\n")
    print("A loss above 0 is ours. *Below beyond noise*: the whole 95 % interval of the loss lies above 0.\n")
    for name in ("rossi", "recid"):
        table = load(name, given.data)
        began = time.monotonic()
        found = compare(table, list(MODELS), seeds=given.seeds, replicates=given.replicates)
        print(page(table, found, given.seeds, time.monotonic() - began), flush=True)


if __name__ == "__main__":
    main()
