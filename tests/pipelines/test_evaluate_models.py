"""The kinds of model a spec may name: each is made, and told whose rows are whose."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.pipelines.evaluate import fit, tasks
from desist.pipelines.evaluate.expressions import NUMBER, TEXT, Value
from desist.pipelines.evaluate.parse import STANDARD_MODELS
from desist.pipelines.evaluate.spec import MODEL_KINDS, ModelSpec

FEATURES = FeatureSet((FeatureInfo("convictions", sign=1),))


@pytest.mark.parametrize("kind", MODEL_KINDS)
def test_every_kind_of_model_is_made(kind):
    spec = STANDARD_MODELS.get(kind, ModelSpec(kind, kind, ("convictions",), {}))
    made = fit._estimator(spec, FEATURES, 3)
    told = {"monotone_lightgbm": "monotone_boosting"}.get(kind, kind)
    assert made.kind == told and made.features == FEATURES
    assert made.get_params().get("seed", 3) in (0, 3)


def test_a_card_has_as_many_items_as_the_spec_says():
    spec = ModelSpec("short", "points_card", (), {"max_items": 5})
    assert fit._estimator(spec, FEATURES, 0).max_items == 5
    assert STANDARD_MODELS["points_card"].settings == {"max_items": 10}


@pytest.mark.parametrize(("people", "told"), [([0, 0, 1, 1], [0, 0]), ([0, 1, 2, 3], None)])
def test_models_are_told_whose_rows_they_learn_from_where_a_person_has_several(monkeypatch, people, told):
    seen = []
    stub = SimpleNamespace(
        fit=lambda X, y, people: seen.append(people), predict_proba=lambda X: np.full((len(X), 2), 0.5)
    )
    coding = SimpleNamespace(constant=(), set=FEATURES, matrix=lambda used, positions: np.zeros((len(positions), 1)))
    monkeypatch.setattr(fit, "_estimator", lambda *told: stub)
    monkeypatch.setattr(fit, "learn_coding", lambda *told: coding)
    rows = fit.Rows(np.arange(4), np.array([0.0, 1.0, 0.0, 1.0]), np.array(people), 0)
    split = fit.Split(0, 0, np.array([0, 1]), np.array([2, 3]))
    fit.fit_model(ModelSpec("m", "points_card", (), {}), {}, rows, (split,), SimpleNamespace(seed=0), print)
    assert [None if who is None else who.tolist() for who in seen] == [told]


@pytest.mark.parametrize(
    ("what", "told"), [("copied", True), ("alike", False), ("own rows", False), ("one copy in 200", False)]
)
def test_rows_that_stand_in_a_table_again_under_another_key_are_pointed_out(what, told):
    """A copy on both sides of a split is a leak. People who are alike in a few whole numbers are no copies."""
    amount = np.arange(200.0)
    amount = {"copied": amount % 100, "alike": amount % 5, "own rows": amount, "one copy in 200": amount}[what]
    if what == "one copy in 200":
        amount[0] = amount[1]
    columns = {
        "ref": Value(TEXT, pd.Series([f"P{row}" for row in range(200)])),
        "amount": Value(NUMBER, pd.Series(amount)),
    }
    spec = SimpleNamespace(table=SimpleNamespace(id=("ref",), person=""))
    rows = fit.Rows(np.arange(200), np.zeros(200), np.arange(200), 0)
    notes = tasks._copies(spec, SimpleNamespace(columns=columns), rows)
    assert bool(notes) is told
    if told:
        assert "100 of 200 rows repeat another row in everything but the key" in notes[0]
