"""What a run tells beside its audit: studies of the model, time to reoffence, comparators that use age and sex."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desist.fairness.policy import CutOffs
from desist.features.tables import FeatureSet
from desist.models.estimators.base import ChanceModel
from desist.models.estimators.ebm import ExplainableBoosting
from desist.pipelines.audited import SCORE, Audited, recipe_of
from desist.pipelines.compare import back_test_plan
from desist.pipelines.ground import Ground
from desist.pipelines.national import Nationals, national_figures, nationals, read_tables
from desist.pipelines.over_time import OverTime, over_time
from desist.pipelines.recipes import EBM
from desist.pipelines.session import Session
from desist.pipelines.studies import Studies, research_columns, studies
from desist.pipelines.training import OUTCOME, Training

#: Draws behind the studies' intervals: they compare many things, and none of them decides.
STUDY_REPLICATES = 200
STUDY_BAGS = 2


@dataclass(frozen=True)
class Annex:
    """Figures that inform and decide nothing.

    ``studies`` is None for a shared model, which nobody here fitted; ``over_time`` for outcomes other than proven
    reoffending.
    """

    studies: Studies | None
    over_time: OverTime | None
    nationals: Nationals
    national_figures: Mapping[str, Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """For metrics.json."""
        return {
            "studies": self.studies.to_json() if self.studies else None,
            "over_time": self.over_time.to_json() if self.over_time else None,
            "comparators_with_age_or_sex": {**self.nationals.as_json(), "figures": dict(self.national_figures)},
        }

    def figures(self) -> dict[str, bytes]:
        """SVG figures by name."""
        drawn = self.over_time.figure() if self.over_time else None
        return {"over-time": drawn} if drawn else {}


def annex_of(
    session: Session,
    ground: Ground,
    training: Training,
    audited: Audited,
    cut_offs: CutOffs,
    *,
    as_of: dt.date,
    shared: bool,
) -> Annex:
    """The annex of a run whose file was audited."""
    studied = None if shared else _studied(session, ground, training, audited.name, cut_offs)
    compared = nationals(
        session,
        ground,
        audited.rows,
        training.learners,
        outcome=training.outcome,
        known_after_days=training.definition.days_to_mature,
        tables=read_tables(session),
    )
    figures = national_figures(
        compared,
        audited.rows[training.outcome],
        audited.rows[SCORE],
        audited.rows["person_id"],
        replicates=session.settings.replicates,
        seed=session.settings.seed,
    )
    followed = None
    if training.outcome == OUTCOME:
        followed = over_time(session, ground, training, audited.rows, cut_offs, as_of=as_of)
    return Annex(studied, followed, compared, figures)


def _studied(session: Session, ground: Ground, training: Training, name: str, cut_offs: CutOffs) -> Studies:
    learners = training.learners
    return studies(
        learners,
        ground.register,
        lambda features, seed: _studied_recipe(training, features, name, seed),
        back_test_plan(session, training),
        model=name,
        replicates=min(session.settings.replicates, STUDY_REPLICATES),
        cut_off=cut_offs.selection,
        research=research_columns(ground, learners),
    )


def _studied_recipe(training: Training, features: FeatureSet, name: str, seed: int) -> ChanceModel:
    """The chosen recipe; explainable boosting with fewer bags, because the studies fit it some fifteen times."""
    if name == EBM:
        return ExplainableBoosting(features, bags=STUDY_BAGS, seed=seed)
    return recipe_of(training, features, name)(seed)
