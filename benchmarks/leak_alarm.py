"""The leak alarm on made-up partnerships: how often it is silent on clean rows, and which planted leaks it names.

    python benchmarks/leak_alarm.py [--people 2000] [--seeds 10]

Each seed is a whole made-up borough, through intake, linkage, profiles and labels. Planted one at a time: sanctions
recorded in so many days after the as-of date, a one-year count that ends so many days late, charges, breaches, and the
days to a discharge, an end of supervision or a reception that lies ahead.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from desist.features.events import Events
from desist.features.tables import ROW
from desist.models.judging.alarm import suspect_features
from desist.pipelines.demo import FIRST_AS_OF, TODAY
from desist.pipelines.ground import Ground, load_ground
from desist.pipelines.session import open_session
from desist.pipelines.steps import link_people, take_in
from desist.pipelines.training import OUTCOME, training_rows
from desist.pipelines.workspaces import made_up_workspace
from desist.simulation.write import simulate


def partnership(root: Path, people: int, seed: int) -> tuple[Ground, pd.DataFrame]:
    """A made-up borough's events, and its past caseload rows with features and labels."""
    extracts = root / "extracts"
    simulate(extracts, people=people, seed=seed)
    workspace = made_up_workspace(root / "workspace", today=TODAY, first_as_of=FIRST_AS_OF, seed=seed, key=bytes(32))
    for agreement in sorted((extracts / "agreements").glob("*.toml")):
        (workspace.agreements / agreement.name).write_bytes(agreement.read_bytes())
    session = open_session(workspace, actor="benchmark", say=lambda text: None)
    take_in(session, extracts / "extracts")
    link_people(session)
    ground = load_ground(session)
    return ground, training_rows(session, ground, TODAY).table


def after(rows: pd.DataFrame, events: pd.DataFrame, column: str) -> pd.DataFrame:
    """Each row's events of the person, with the days from its as-of date to theirs."""
    both = rows[ROW].merge(events[["person_id", column]].dropna(), on="person_id")
    return both.assign(days=(both[column] - both["as_of"]).dt.days)


def counted(rows: pd.DataFrame, events: pd.DataFrame, column: str, start: int, end: int) -> np.ndarray:
    found = after(rows, events, column)
    found = found[(found["days"] >= start) & (found["days"] < end)].groupby(ROW).size()
    return found.reindex(pd.MultiIndex.from_frame(rows[ROW]), fill_value=0).to_numpy(dtype=float)


def days_to(rows: pd.DataFrame, events: pd.DataFrame, column: str) -> np.ndarray:
    found = after(rows, events, column)
    found = found[found["days"] >= 0].groupby(ROW)["days"].min()
    return found.reindex(pd.MultiIndex.from_frame(rows[ROW])).to_numpy(dtype=float)


def leaks(events: Events, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """The planted features, by name."""
    table, planted = events.tables, {}
    for days in (90, 180, 365, 547):
        planted[f"sanctions recorded in the {days} days after"] = counted(
            rows, table["sanctions"], "recorded_on", 0, days
        )
    for days in (90, 365):
        planted[f"sanctions in a year that ends {days} days late"] = counted(
            rows, table["sanctions"], "recorded_on", days - 365, days
        )
    for name in ("charges", "enforcement"):
        planted[f"{name} in the 90 days after"] = counted(rows, table[name], "recorded_on", 0, 90)
    planted["days to discharge from treatment"] = days_to(rows, table["treatment_episodes"], "discharge_date")
    planted["days to the end of supervision"] = days_to(rows, table["supervision"], "terminated")
    planted["days to reception in prison"] = days_to(rows, table["custody"], "occurred_on")
    return planted


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--people", type=int, default=2000)
    asked.add_argument("--seeds", type=int, default=10)
    given = asked.parse_args()
    silent, named = 0, {}
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            ground, rows = partnership(Path(folder), given.people, seed)
            clean = list(suspect_features(rows, ground.register.names, OUTCOME, seed))
            silent += not clean
            print(f"seed {seed}: {len(rows):,} rows, clean suspects {[one.feature for one in clean]}", flush=True)
            for name, values in leaks(ground.events, rows).items():
                found = list(suspect_features(rows.assign(planted=values), ["planted"], OUTCOME, seed))
                named.setdefault(name, []).append({one.check for one in found})
    print(f"\nSilent on clean rows: {silent} of {given.seeds}.\n\n| planted | named | by |\n|---|---|---|")
    for name, checks in named.items():
        by = sorted({check for each in checks for check in each})
        print(f"| {name} | {sum(bool(each) for each in checks)} of {len(checks)} | {', '.join(by)} |")


if __name__ == "__main__":
    main()
