"""The simple rivals."""

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit
from desist.models.estimators.comparators import BaseRate, CopasRate, PriorCount

FEATURES = FeatureSet((FeatureInfo("years"), FeatureInfo("priors", sign=1)))


def test_the_base_rate_is_everybodys_chance():
    table = pd.DataFrame({"years": [1.0, 2, 3, 4], "priors": [0.0, 1, 2, 3]})
    assert np.allclose(BaseRate(FEATURES).fit(table, [0, 0, 0, 1]).predict_proba(table)[:, 1], 0.25)


def test_the_prior_count_learns_one_line_on_a_log_scale():
    # 1 of 4 with none, 3 of 4 with one: log-odds -ln 3 and ln 3 at ln 1 and ln 2
    table = pd.DataFrame({"years": 0.0, "priors": np.repeat([0.0, 1.0], 4)})
    model = PriorCount(FEATURES, priors="priors").fit(table, [1, 0, 0, 0, 1, 1, 1, 0])
    assert model.predict_proba(table)[[0, 4], 1] == pytest.approx([0.25, 0.75], abs=1e-6)
    assert model.slope_ == pytest.approx(2 * np.log(3) / np.log(2), abs=1e-4)


def test_the_copas_rate_is_ogrs3s():
    # (3 + 1) / (10 + 2) = 1/3; 80 sanctions count as 50: 51 / (10 + 7) = 3
    table = pd.DataFrame({"years": [2.0, 7.0, 0.0, 0.0], "priors": [3.0, 80.0, 0.0, 1.0]})
    model = CopasRate(FEATURES, priors="priors", years_since_first="years").fit(table, [0, 1, 1, 0])
    rates = model._number(table.to_numpy())
    assert rates == pytest.approx([np.log(1 / 3), np.log(3), np.log(0.1), np.log(0.2)])


def test_more_sanctions_in_as_many_years_raise_the_copas_rate():
    draw = np.random.default_rng(0)
    table = pd.DataFrame({"years": draw.uniform(0, 30, 2000), "priors": draw.poisson(4, 2000).astype(float)})
    logit = np.log((table["priors"] + 1) / (10 + table["years"])) + 1.0
    outcome = (draw.random(2000) < 1 / (1 + np.exp(-logit))).astype(float)
    model = CopasRate(FEATURES, priors="priors", years_since_first="years").fit(table, outcome)
    assert model.slope_ == pytest.approx(1.0, abs=0.2)


def test_an_unknown_count_is_taken_as_typical():
    table = pd.DataFrame({"years": 0.0, "priors": [0.0, 2.0, 2.0, 9.0]})
    model = PriorCount(FEATURES, priors="priors").fit(table, [0, 0, 1, 1])
    unknown, typical = model.predict_proba(pd.DataFrame({"years": [0.0, 0.0], "priors": [np.nan, 2.0]}))[:, 1]
    assert unknown == typical


def test_a_comparator_names_the_column_it_needs():
    table = pd.DataFrame({"years": [0.0, 1.0], "priors": [0.0, 1.0]})
    with pytest.raises(CannotFit, match="column convictions"):
        PriorCount(FEATURES, priors="convictions").fit(table, [0, 1])
