"""How the released model stands this quarter: measured on outcomes that became known since, then put into words.

The rows are the judges' of the audited dates whose outcome was not known yet when the released model was made: other
people than it learnt from, later than anything it saw. No person's estimate leaves this file: of today's caseload a
share and an index do.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.approval.candidate import FOLDER, MANIFEST
from desist.fairness.policy import CutOffs
from desist.models.files import load_model
from desist.pipelines.advice import (
    RECALIBRATED,
    REFIT,
    RELEASED,
    Advice,
    Figures,
    advise,
    measure,
    not_measured,
    recalibrated_elsewhere,
    stability_index,
)
from desist.pipelines.estimates import why_none
from desist.pipelines.ground import Ground, build_profiles_on
from desist.pipelines.model_card import FILE as MODEL_CARD
from desist.pipelines.model_card import ModelCard
from desist.pipelines.recipes import MODELS
from desist.pipelines.sealed import sealed_files
from desist.pipelines.session import Session, released_run
from desist.pipelines.steps_of import moved_share
from desist.pipelines.training import Training
from desist.records.errors import UserError
from desist.records.files import read_json

#: On a caseload of fewer people a share of them would tell of single people, and is not told.
LEAST_TODAY = 100
A_REFIT = (
    "The released model is a refit on everybody, judges included: there is nobody it did not learn from, so what it "
    "does now cannot be measured. The audited file it was held against can be."
)
OTHER_FEATURES = "The released model asks for features that the register no longer has, so it cannot be scored now."
GONE = (
    "The files of the released model's run are gone or cannot be read, or are not those that were sealed, so it cannot "
    "be measured: desist verify."
)
OTHER_OUTCOME = "The released model is about another outcome than this run."
OTHER_JUDGES = (
    "The settings now choose other judges than when the released model was made, so people it learnt from would judge "
    "it: it cannot be measured this quarter."
)


@dataclass(frozen=True)
class Standing:
    """A run's file as it stands: its model, family, and the date on which its outcomes were known.

    ``judged``: its scores of the rows it was audited on.
    """

    run: str
    name: str
    model: Any
    as_of: dt.date
    outcome: str
    audited: bool
    judged: pd.Series
    settings: Mapping[str, Any]


def read_standing(session: Session, run: str) -> Standing:
    """A run's file, with what it says of itself. Raises Refused where its candidate is not the one that was sealed."""
    folder = session.workspace.runs / run
    manifest = read_json(folder / MANIFEST)
    files = sealed_files(folder)
    metrics = read_json(folder / "metrics.json")
    return Standing(
        run=run,
        name=str(metrics["audited"]["model"]),
        model=load_model(folder / FOLDER),
        as_of=_as_of(folder),
        outcome=str(metrics["outcome"]),
        audited=ModelCard.from_json(json.loads(files[MODEL_CARD])).file == "audited",
        judged=pd.read_parquet(folder / "audited.parquet")["score"],
        settings=manifest["settings"],
    )


def _as_of(folder: Path) -> dt.date:
    """The date a run stood on: told by its id, or else the day it was made."""
    try:
        return dt.date.fromisoformat(folder.name[:10])
    except ValueError:
        return dt.date.fromisoformat(str(read_json(folder / MANIFEST)["made_on"]))


def quarter_advice(
    session: Session,
    ground: Ground,
    training: Training,
    cut_offs: CutOffs,
    fitted: Mapping[str, Any],
    *,
    as_of: dt.date,
    released: str | None = None,
) -> Advice:
    """What to do with the released model, from what became known since it was made; nothing is changed by asking.

    ``fitted``: this run's models by family, learnt from learners alone, as ``fit_audited`` and ``fit_recipe`` make
    them. ``released``: its run, if not the one of the last release.
    """
    run = released or released_run(session)
    if run is None:
        return advise(None)
    try:
        standing = read_standing(session, run)
    except (OSError, KeyError, UserError):
        return not_measured(GONE)
    features, settings = set(training.table.columns), session.settings.as_json()
    if any(standing.settings.get(name) != settings[name] for name in ("seed", "audit_share")):
        return not_measured(OTHER_JUDGES)
    if standing.outcome != training.outcome:
        return not_measured(OTHER_OUTCOME)
    if not standing.audited:
        return not_measured(A_REFIT)
    if not set(standing.model.features.names) <= features:
        return not_measured(OTHER_FEATURES)
    today = _estimated(ground, build_profiles_on(session, ground, as_of).profiles.table, as_of)
    return advise(figures_since(session, training, cut_offs, standing, fitted, today))


def _estimated(ground: Ground, table: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """The rows of a caseload for whom estimates are made at all: the others have no step to change."""
    people = table["person_id"].astype(str)
    return table[~people.isin(why_none(ground, people.tolist(), as_of))].reset_index(drop=True)


def matured_since(training: Training, day: dt.date) -> pd.DataFrame:
    """The judges' rows whose outcome was not known yet on a day."""
    rows = training.judging
    known_on = rows["as_of"] + pd.Timedelta(days=training.definition.days_to_mature)
    return rows[known_on > pd.Timestamp(day)].reset_index(drop=True)


def figures_since(
    session: Session,
    training: Training,
    cut_offs: CutOffs,
    standing: Standing,
    fitted: Mapping[str, Any],
    today: pd.DataFrame,
) -> Figures:
    """The released model, and what could take its place, on the rows that matured since it was made."""
    rows = matured_since(training, standing.as_of)
    seed, families = session.settings.seed, tuple(name for name in MODELS if name != standing.name and name in fitted)
    options = {RELEASED: standing.model}
    options |= {REFIT: fitted[standing.name]} if standing.name in fitted else {}
    options |= {name: fitted[name] for name in families}
    scores = {name: _chances(model, rows) for name, model in options.items()}
    if len(rows):
        scores[RECALIBRATED] = recalibrated_elsewhere(
            rows[training.outcome], scores[RELEASED], rows["person_id"], seed=seed
        )
    before = _chances(standing.model, today) if len(today) >= LEAST_TODAY else np.zeros(0)
    return measure(
        rows[training.outcome],
        rows["person_id"],
        scores,
        released=standing.name,
        families=families,
        replicates=session.settings.replicates,
        seed=seed,
        stability=stability_index(standing.judged, before) if len(before) else None,
        moved={
            name: round(moved_share(before.tolist(), _chances(model, today).tolist(), cut_offs)[1], 2)
            for name, model in options.items()
            if name != RELEASED and len(before)
        },
    )


def _chances(model: Any, rows: pd.DataFrame) -> np.ndarray:
    """Chances to 1e-6, as every score is kept; none for no rows."""
    return np.asarray(model.predict_proba(rows)[:, 1].round(6)) if len(rows) else np.zeros(0)
