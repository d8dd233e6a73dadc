"""The file that is audited is the file that may be released; a later refit on everybody is told from it.

The file learns from the learners' rows whose outcome was known before the first audited date, and is calibrated on
the last of their dates. It then scores the judges' rows of the audited dates: other people, later dates. Those scores
are the audit's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.fairness.policy import CutOffs, RefitLimits
from desist.features.tables import ROW, FeatureSet, Scores
from desist.models.estimators.calibration import Calibrated
from desist.models.judging.backtest import fit_then_calibrate
from desist.models.judging.evaluate import Measured, SampleSize, sample_size, score_metrics
from desist.pipelines.compare import Period, periods_of
from desist.pipelines.recipes import TREES, Recipe, recipes, trees_for_figures
from desist.pipelines.session import Session
from desist.pipelines.steps_of import moved_share
from desist.pipelines.training import Training

DIGITS = 6
SCORE = "score"


@dataclass(frozen=True)
class Refit:
    """The recipe fitted anew on everybody and every known date, held against the audited file on the audited rows.

    ``beyond``: why policy does not let it take the audited file's place; empty where it does.
    """

    model: Calibrated
    rows: int
    people: int
    largest_difference: float
    moved: int
    moved_share: float
    beyond: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "itself_audited": False,
            "rows": self.rows,
            "people": self.people,
            "largest_difference": round(self.largest_difference, DIGITS),
            "rows_that_change_step": self.moved,
            "share_that_changes_step": round(self.moved_share, DIGITS),
            "beyond_policy": list(self.beyond),
        }


@dataclass(frozen=True)
class Audited:
    """The audited file, and how it did on people and dates it did not learn from.

    ``rows``: person_id, as_of, the outcome and the file's own score. ``metrics`` are of the pooled rows.
    """

    name: str
    model: Calibrated
    rows: pd.DataFrame
    metrics: Mapping[str, Measured]
    periods: tuple[Period, ...]
    size: SampleSize
    learnt_dates: tuple[dt.date, ...]
    learnt_rows: int
    learnt_people: int

    @property
    def tested_on(self) -> dt.date:
        """The date of the latest caseload in the audit."""
        return max(period.as_of for period in self.periods)

    def scores(self) -> Scores:
        """What the audit judges."""
        return Scores(self.rows[[*ROW, SCORE]], self.name)


@dataclass(frozen=True)
class Final:
    """What a run puts before the board: the audited file or, where policy asks for it and limits hold, the refit."""

    audited: Audited
    refit: Refit | None

    @property
    def model(self) -> Calibrated:
        """The file that would be released."""
        return self.refit.model if self.is_refit and self.refit else self.audited.model

    @property
    def is_refit(self) -> bool:
        return self.refit is not None and not self.refit.beyond


def recipe_of(training: Training, features: FeatureSet, name: str) -> Recipe:
    """How a run makes the model of that name; the boosted trees of the figures among them."""
    made = recipes(features, training.outcome, training.events)
    return made[name] if name in made or name != TREES else trees_for_figures(features)


def fit_recipe(session: Session, training: Training, features: FeatureSet, name: str, rows: pd.DataFrame) -> Calibrated:
    """One recipe fitted on all dates of some rows but the last, and calibrated on that one."""
    return fit_then_calibrate(
        recipe_of(training, features, name)(session.settings.seed),
        rows[list(features.names)],
        rows[training.outcome],
        rows["as_of"],
        rows["person_id"],
    )


def score_rows(model: Calibrated, rows: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """person_id, as_of, the outcome and the file's score to 1e-6."""
    return rows[[*ROW, outcome]].assign(**{SCORE: model.predict_proba(rows)[:, 1].round(DIGITS)})


def fit_audited(session: Session, training: Training, features: FeatureSet, name: str, *, cut_off: float) -> Audited:
    """The chosen recipe's file, fitted on those who teach and judged on those who judge."""
    return judged_file(session, training, name, fit_recipe(session, training, features, name, training.learnt), cut_off)


def judged_file(session: Session, training: Training, name: str, model: Calibrated, cut_off: float) -> Audited:
    """A file that those who teach made or moved, judged on those who judge."""
    learnt = training.learnt
    rows = score_rows(model, training.judging, training.outcome)
    draws = {"replicates": session.settings.replicates, "seed": session.settings.seed}
    y, people = rows[training.outcome], rows["person_id"]
    return Audited(
        name=name,
        model=model,
        rows=rows,
        metrics=score_metrics(y, rows[SCORE], people, cut_off=cut_off, **draws),
        periods=periods_of(rows, training.outcome, SCORE, cut_off=cut_off, **draws),
        size=sample_size(y, people),
        learnt_dates=tuple(pd.Timestamp(day).date() for day in sorted(learnt["as_of"].unique())),
        learnt_rows=len(learnt),
        learnt_people=int(learnt["person_id"].nunique()),
    )


def fit_refit(
    session: Session,
    training: Training,
    features: FeatureSet,
    audited: Audited,
    cut_offs: CutOffs,
    limits: RefitLimits | None,
) -> Refit | None:
    """The refit that policy asks for, with what policy says against it; None where policy asks for none."""
    if limits is None:
        return None
    model = fit_recipe(session, training, features, audited.name, training.table)
    before = audited.rows[SCORE].to_numpy(dtype=float)
    after = score_rows(model, training.judging, training.outcome)[SCORE].to_numpy(dtype=float)
    largest = float(np.abs(after - before).max())
    moved, share = moved_share(before.tolist(), after.tolist(), cut_offs)
    beyond = []
    if largest > limits.largest_difference:
        told = f"a score differs by {largest:.3f} from the audited one, more than {limits.largest_difference:g}"
        beyond.append(told)
    if share > limits.moved_share:
        beyond.append(f"{share:.1%} of the audited rows change step, more than {limits.moved_share:.1%}")
    people = int(training.table["person_id"].nunique())
    return Refit(model, len(training.table), people, largest, moved, share, tuple(beyond))
