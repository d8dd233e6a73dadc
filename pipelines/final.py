"""The model that would be released: one recipe, all rows with a known outcome, compared with what was audited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desist.fairness.policy import CutOffs
from desist.features.tables import FeatureSet
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.judging.backtest import fit_then_calibrate
from desist.pipelines.compare import Compared, recipes
from desist.pipelines.session import Session
from desist.pipelines.steps_of import step_of
from desist.pipelines.training import OUTCOME, Training

DIGITS = 6


@dataclass(frozen=True)
class Final:
    """The fitted candidate, and the card and trees fitted beside it for the board's and the analyst's pages.

    ``largest_difference``: between its scores and the audited ones on the same rows; ``moved``: rows whose step
    differs.
    """

    model: Calibrated
    card: Calibrated
    trees: MonotoneBoosting
    largest_difference: float
    moved: int
    compared_rows: int
    rows: int
    people: int


def fit_final(
    session: Session, training: Training, features: FeatureSet, compared: Compared, cut_offs: CutOffs
) -> Final:
    """The chosen recipe fitted on all dates but the last, recalibrated on that one, and held against the audit."""
    table, made = training.table, recipes(features)
    fitted = {
        name: fit_then_calibrate(
            made[name](session.settings.seed),
            table[list(features.names)],
            table[OUTCOME],
            table["as_of"],
            table["person_id"],
        )
        for name in dict.fromkeys([compared.chosen, "points card", "monotone boosting"])
    }
    model, card, boosting = fitted[compared.chosen], fitted["points card"], fitted["monotone boosting"]
    assert isinstance(card.model, PointsCard) and isinstance(boosting.model, MonotoneBoosting)
    audited = compared.scores().table
    again = audited.merge(table, on=["person_id", "as_of"], how="left", validate="one_to_one")
    released = model.predict_proba(again)[:, 1].round(DIGITS)
    before = audited["score"].to_numpy()
    moved = [step_of(one, cut_offs) != step_of(other, cut_offs) for one, other in zip(released, before, strict=True)]
    return Final(
        model=model,
        card=card,
        trees=boosting.model,
        largest_difference=float(np.abs(released - before).max()),
        moved=sum(moved),
        compared_rows=len(before),
        rows=len(table),
        people=int(table["person_id"].nunique()),
    )
