"""A run's gaming checks: what earlier audits said, and counts of the audit's people and of today's, for ``fairness``.

Estimates of today's caseload are made in memory to be counted; only counts leave.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.approval.candidate import FOLDER
from desist.fairness.policy import Policy, load_policy
from desist.fairness.scrutiny.gaming import Earlier, Gaming, Population, gaming_checks, population
from desist.fairness.statistics.intervals import Floats
from desist.features.tables import ROW
from desist.models.estimators.calibration import Calibrated
from desist.models.files import load_model, save_model
from desist.pipelines.audited import DIGITS, SCORE, Audited
from desist.pipelines.estimates import why_none
from desist.pipelines.ground import Built, Ground
from desist.pipelines.groups import groups_of
from desist.pipelines.session import Session
from desist.pipelines.training import Training
from desist.records.errors import Refused

#: What an audit must say of itself to be held against a later one.
NEEDED = ("policy_hash", "cut_off", "findings", "tables", "purpose", "outcome")


def find_gaming(
    session: Session,
    ground: Ground,
    training: Training,
    audited: Audited,
    model: Calibrated,
    audit: Mapping[str, Any],
    policy: Policy,
    built: Built,
    *,
    run: str,
) -> Gaming:
    """The checks of one run's ``audit`` (as audit.json says it). ``model``: the file that would score today's list."""
    return gaming_checks(
        audit,
        policy,
        scores=audited.rows[SCORE].to_numpy(dtype=float),
        earlier=earlier_audits(session, policy.purpose, training.outcome, but=run),
        audited=_last_rows(session, ground, audited),
        today=_today(session, ground, model, built),
        recomputed=scores_of_the_file(training, audited),
    )


def scores_of_the_file(training: Training, audited: Audited) -> Floats:
    """What the audited model gives for the audited rows once written to its file and read again; in their order.

    NaN for an audited row that is none of the judges': no score of it can be right.
    """
    with tempfile.TemporaryDirectory() as folder:
        save_model(audited.model, Path(folder))
        model = load_model(Path(folder))
    rows = training.judging
    given = pd.Series(model.predict_proba(rows)[:, 1].round(DIGITS), index=_keys(rows))
    return np.asarray(given.reindex(_keys(audited.rows)), dtype=float)


def _keys(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([rows["person_id"].astype(str), pd.to_datetime(rows["as_of"])])


def earlier_audits(session: Session, purpose: str, outcome: str, *, but: str) -> tuple[Earlier, ...]:
    """The audits of a purpose and outcome, from that of the last release on, as the log has them.

    One whose file is gone, or cannot be read, is among them whatever it was about: nobody can tell any more.
    """
    made: dict[str, None] = {}
    for row in session.log.rows():
        if row["operation"] == "audit.made" and row["dataset"] != but:
            made[row["dataset"]] = None
        elif row["operation"] == "release.approved":
            made = dict.fromkeys([row["dataset"]] if row["dataset"] != but else [])
    found = [_earlier(session.workspace.runs / run / FOLDER, run) for run in made]
    return tuple(
        one for one in found if one.audit is None or (one.audit["purpose"], one.audit["outcome"]) == (purpose, outcome)
    )


def _earlier(folder: Path, run: str) -> Earlier:
    audit = _read(folder / "audit.json")
    return Earlier(run, audit, None if audit is None else _policy_of(folder / "policy.toml", audit))


def _policy_of(path: Path, audit: Mapping[str, Any]) -> Policy | None:
    """The policy beside an audit; None where it cannot be read, or is not the one the audit was made under."""
    try:
        policy = load_policy(path)
    except (OSError, Refused):
        return None
    return policy if policy.hash == audit["policy_hash"] else None


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and all(name in told for name in NEEDED) else None


def _last_rows(session: Session, ground: Ground, audited: Audited) -> Population:
    """The audit's people, each by their last row."""
    rows = audited.rows.sort_values(ROW[::-1], kind="stable").drop_duplicates("person_id", keep="last")
    return _counted(session, ground, rows[[*ROW, SCORE]])


def _today(session: Session, ground: Ground, model: Calibrated, built: Built) -> Population:
    """Those of today's caseload for whom an estimate would be made."""
    table = built.profiles.table
    people = table["person_id"].astype(str)
    estimated = table[~people.isin(why_none(ground, people.tolist(), built.as_of))].reset_index(drop=True)
    if estimated.empty:
        return Population((), {})
    chances = model.predict_proba(estimated)[:, 1].round(DIGITS)
    return _counted(session, ground, estimated[ROW].assign(**{SCORE: chances}))


def _counted(session: Session, ground: Ground, rows: pd.DataFrame) -> Population:
    rows = rows.reset_index(drop=True).assign(person_id=lambda table: table["person_id"].astype(str))
    groups = groups_of(session, ground, rows).drop(columns=ROW)
    return population(rows[SCORE].to_numpy(dtype=float), {str(name): groups[name].tolist() for name in groups})
