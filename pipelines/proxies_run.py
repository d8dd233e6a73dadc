"""A run's proxies: rows, groups and the features that move its estimates, handed to ``fairness`` as plain tables."""

from __future__ import annotations

import pandas as pd

from desist.fairness.policy import ProxyLimits
from desist.fairness.scrutiny.proxies import Proxies, proxies
from desist.features.tables import ROW
from desist.models.estimators.base import BASE
from desist.models.estimators.calibration import Calibrated
from desist.pipelines.ground import Ground
from desist.pipelines.groups import groups_of
from desist.pipelines.session import Session
from desist.pipelines.training import Training

#: A characteristic made of two others is told by whatever tells them.
MADE_OF_OTHERS = ("sex_x_ethnicity",)


def find_proxies(
    session: Session, ground: Ground, training: Training, model: Calibrated, limits: ProxyLimits | None
) -> Proxies | None:
    """How well the register's features tell each group, on past caseloads; None where the board set no limits."""
    if limits is None:
        return None
    rows = training.table.sort_values(ROW[::-1], kind="stable").reset_index(drop=True)
    groups = groups_of(session, ground, rows).drop(columns=[*ROW, *MADE_OF_OTHERS], errors="ignore")
    return proxies(
        rows,
        list(ground.register.feature_set().names),
        groups,
        rows["person_id"],
        limits,
        seed=session.settings.seed,
        used=features_that_move(model, rows),
    )


def features_that_move(model: Calibrated, rows: pd.DataFrame) -> tuple[str, ...]:
    """The features of a model that part any two of these rows."""
    parts = model.contributions(rows).drop(columns=BASE)
    moves = (parts.max() - parts.min() > 0).to_numpy()
    return tuple(str(name) for name in parts.columns[moves])
