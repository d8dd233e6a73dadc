"""A candidate from a shared card: moved to the borough, and judged on the borough's own people like any other file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import PointsCard
from desist.models.estimators.shared import Shared
from desist.models.judging.enough import Enough, enough_to_refit
from desist.models.judging.evaluate import (
    Difference,
    metrics_to_json,
    paired_difference,
)
from desist.pipelines.audited import SCORE, Audited, judged_file, score_rows
from desist.pipelines.ground import Ground
from desist.pipelines.recipes import CARD_ITEMS
from desist.pipelines.session import Session
from desist.pipelines.shared_card import SharedCard, check_fits
from desist.pipelines.training import Training

NAME = "shared points card"
AS_IT_IS = "It is used as it came, byte for byte, so that what its region's audit found is about this very file."


@dataclass(frozen=True)
class FromShared:
    """A shared card as this borough's candidate.

    ``audited``: the moved card and its scores of the judges, as ``fit_audited`` gives for a card of one's own.
    ``moved_less_shared``: its measures less those of the card as it came, on the same rows. ``enough``: whether the
    borough could have fitted its own.
    """

    audited: Audited
    words: str
    enough: Enough
    moved_less_shared: dict[str, Difference]
    shared: SharedCard

    def as_json(self) -> dict[str, Any]:
        """What ``metrics.json`` says of it."""
        return {
            "shared_by": self.shared.shared_by,
            "hash": self.shared.hash,
            "trained_on": dict(self.shared.trained_on),
            "moved": self.words,
            "own_data": self.enough.words,
            "moved_less_shared": metrics_to_json(self.moved_less_shared),
        }

    def in_words(self) -> str:
        return f"A points card shared by {self.shared.shared_by}. {self.words} {self.enough.words}"


def candidate_as_it_is(
    session: Session, ground: Ground, training: Training, shared: SharedCard, *, cut_off: float
) -> FromShared:
    """The shared card unchanged, judged on this borough's judges: a region's audit of it stays about the same file.

    Raises Refused, naming the features, where the card does not mean here what it meant where it was learnt.
    """
    check_fits(shared, ground.register, outcome=training.outcome, made_up=session.settings.made_up)
    return FromShared(
        audited=judged_file(session, training, NAME, shared.model, cut_off),
        words=AS_IT_IS,
        enough=enough_to_refit(training.table[training.outcome], training.table["person_id"], items=CARD_ITEMS),
        moved_less_shared={},
        shared=shared,
    )


def candidate_from_shared(
    session: Session, ground: Ground, training: Training, shared: SharedCard, *, cut_off: float
) -> FromShared:
    """The shared card moved to this borough on those who teach, and judged on those who judge.

    Raises Refused, naming the features, where the card does not mean here what it meant where it was learnt.
    """
    check_fits(shared, ground.register, outcome=training.outcome, made_up=session.settings.made_up)
    learnt = training.learnt
    model = Shared(
        seen_here(shared.model, learnt, training.outcome),
        known_after_days=training.definition.days_to_mature,
        spread=shared.spread,
    )
    model.fit(
        learnt,
        learnt[training.outcome],
        learnt["person_id"],
        as_of=learnt["as_of"],
        area=session.settings.area,
    )
    audited = judged_file(session, training, NAME, model, cut_off)
    before = score_rows(shared.model, training.judging, training.outcome)[SCORE]
    rows, draws = audited.rows, {"replicates": session.settings.replicates, "seed": session.settings.seed}
    return FromShared(
        audited=audited,
        words=model.words_,
        enough=enough_to_refit(training.table[training.outcome], training.table["person_id"], items=CARD_ITEMS),
        moved_less_shared=paired_difference(rows[training.outcome], rows[SCORE], before, rows["person_id"], **draws),
        shared=shared,
    )


def seen_here(model: Calibrated, rows: pd.DataFrame, outcome: str) -> Calibrated:
    """The same card with what was seen here at each number of points; its scores stay as they are."""
    assert isinstance(model.model, PointsCard)
    told = model.to_json()
    counts = rows[outcome].groupby(model.model.points(rows)).agg(["size", "sum"])
    told["model"]["learnt"]["seen"] = [
        [int(points), int(size), int(events)] for points, size, events in counts.itertuples()
    ]
    return Calibrated.recalled(PointsCard.from_json(told["model"]), told)
