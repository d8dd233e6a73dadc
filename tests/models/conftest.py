"""A made-up table with every kind of column, and the four models fitted to it once."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.boosting import MonotoneBoosting
from desist.models.estimators.card import PointsCard
from desist.models.estimators.ebm import ExplainableBoosting
from desist.models.estimators.spline import SplineLogistic

FEATURES = FeatureSet(
    (
        FeatureInfo("sanctions", sign=1, raises="{value} court sanctions", lowers="{value} court sanctions"),
        FeatureInfo("years_clear", sign=-1, raises="{value} years since the last sanction"),
        FeatureInfo("in_treatment", sign=-1, missing_as=0.0, lowers="in treatment now"),
        FeatureInfo("kept_share", sign=0),
        FeatureInfo("licence", sign=0, raises="on licence"),
    )
)


def made_up_rows(rows, seed):
    """Rows whose chance rises with sanctions, falls with clear years and treatment; years and treatment have gaps."""
    draw = np.random.default_rng(seed)
    sanctions = draw.poisson(2.0, rows).astype(float)
    clear = draw.exponential(3.0, rows)
    treatment = (draw.random(rows) < 0.25).astype(float)
    kept = draw.random(rows)
    licence = (draw.random(rows) < 0.4).astype(float)
    logit = -1.2 + 0.8 * np.log1p(sanctions) - 0.25 * clear - 0.7 * treatment - 0.8 * (kept - 0.5) + 0.3 * licence
    outcome = (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    clear[draw.random(rows) < 0.15] = np.nan
    treatment[draw.random(rows) < 0.3] = np.nan
    kept[draw.random(rows) < 0.2] = np.nan
    table = pd.DataFrame(
        {
            "sanctions": sanctions,
            "years_clear": clear,
            "in_treatment": treatment,
            "kept_share": kept,
            "licence": licence,
        }
    )
    return table, outcome


def all_models(features):
    return {
        "card": PointsCard(features),
        "spline": SplineLogistic(features),
        "boosting": MonotoneBoosting(features),
        "ebm": ExplainableBoosting(features, bags=3),
    }


@pytest.fixture(scope="session")
def made_up():
    table, outcome = made_up_rows(1500, seed=1)
    return SimpleNamespace(features=FEATURES, table=table, outcome=outcome, rows=made_up_rows, models=all_models)


@pytest.fixture(scope="session")
def fitted(made_up):
    """The four models fitted to the made-up rows, by name."""
    return {name: model.fit(made_up.table, made_up.outcome) for name, model in all_models(FEATURES).items()}
