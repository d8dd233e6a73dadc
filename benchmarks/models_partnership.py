"""Calibration in the large of audited files in made-up partnerships; benchmarks/models.py puts it on its page.

    OMP_NUM_THREADS=1 python benchmarks/models_partnership.py [--people 20000] [--seeds 1 2 3] [--keep FOLDER]

A world is made, taken in and linked as `desist demo` does. Then each of the four models is fitted, calibrated and
judged as the file put before a board is: learnt on the learners' rows whose outcome was known before the first audited
date, calibrated on the last such date, and judged on other people's caseload rows of the audited dates.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from desist.models.judging.evaluate import Measured
from desist.pipelines.audited import fit_audited
from desist.pipelines.demo import HISTORY_START, TODAY, open_made_up
from desist.pipelines.ground import load_ground
from desist.pipelines.recipes import MODELS
from desist.pipelines.session import Session, open_session
from desist.pipelines.steps import link_people, take_in
from desist.pipelines.training import LEAST_EVENTS, OUTCOME, training_rows
from desist.records.workspace import Workspace
from desist.simulation.world import World
from desist.simulation.write import simulate

LIMIT = 0.02
CUT_OFF = 0.5  # asked for by precision and recall, which are not shown here


def world(root: Path, people: int, seed: int) -> Session:
    """A made-up partnership with its extracts taken in and linked; one that stands in ``root`` already is used."""
    if (root / "workspace.json").exists():
        return open_session(Workspace(root), actor="benchmark", say=lambda text: None)
    extracts = root.with_name(f"{root.name}-extracts")
    simulate(extracts, people=people, seed=seed, world=World(), sharing="full", history_start=HISTORY_START)
    session = open_made_up(root, extracts, seed, lambda text: None)
    take_in(session, extracts / "extracts")
    link_people(session)
    return session


def print_rows(session: Session, seed: int) -> None:
    """Prints a table row per model: what it was judged on, and its mean estimate less the rate."""
    ground = load_ground(session)
    training = training_rows(session, ground, TODAY, OUTCOME, least=LEAST_EVENTS)
    for name in MODELS:
        told = fit_audited(session, training, ground.register.feature_set(), name, cut_off=CUT_OFF)
        level, size = told.metrics["mean_score_less_rate"], told.size
        held = "yes" if level.value is not None and abs(level.value) <= LIMIT else "**no**"
        print(
            f"| {seed} | {name} | {told.learnt_people:,} | {size.rows:,} | {size.people:,} | "
            f"{size.events / size.rows:.3f} | {_span(told.metrics['auc'], '.3f')} | "
            f"{_span(told.metrics['calibration_slope'], '.2f')} | {_span(level, '+.4f')} | {held} |",
            flush=True,
        )


def _span(found: Measured, form: str) -> str:
    if found.value is None:
        return "not defined"
    return f"{found.value:{form}} ({found.low:{form}} to {found.high:{form}})"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, default=20_000)
    asked.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    asked.add_argument("--keep", type=Path, help="where the worlds are kept, as FOLDER/demoSEED")
    given = asked.parse_args()
    print(f"{given.people:,} made-up people known to the agencies. Held: mean estimate within {LIMIT} of the rate.\n")
    head = ("seed", "model", "people learnt from", "rows judged", "people", "rate", "AUC", "slope")
    print("| " + " | ".join([*head, "mean estimate less rate", "held"]) + " |")
    print("|---" * (len(head) + 2) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for seed in given.seeds:
            print_rows(world((given.keep or Path(folder)) / f"demo{seed}", given.people, seed), seed)


if __name__ == "__main__":
    main()
