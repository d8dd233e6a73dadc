"""A region that shares a card asks for a card: the model is taken, and the comparison is told all the same."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.pipelines import compare
from desist.pipelines.retrain import retrain
from desist.records.errors import Refused
from desist.records.keys import KeyRegister

SESSION = SimpleNamespace(settings=SimpleNamespace(replicates=50, seed=1))


@pytest.fixture
def judged():
    """Scores of two models on 600 people: the card's are drowned in noise, the trees' are the chances themselves."""
    draw = np.random.default_rng(1)
    chance = draw.uniform(0.05, 0.95, 600)
    table = pd.DataFrame({"person_id": [f"P{number}" for number in range(600)]})
    table["as_of"] = pd.Timestamp("2024-04-01")
    table["proven"] = (draw.random(600) < chance).astype(float)
    return table.assign(card=np.full(600, 0.5), trees=chance)


def judge(judged, take=""):
    return compare._judge(SESSION, judged, "proven", ("card", "trees"), 0.5, take)


def test_left_to_itself_the_comparison_takes_the_model_that_is_shown_better(judged):
    assert judge(judged).chosen == "trees"


def test_a_model_that_was_asked_for_is_taken_and_what_it_costs_is_said(judged):
    found = judge(judged, "card")
    assert found.chosen == "card" and found.choice.best == "trees"
    assert found.choice.words.startswith("The card was asked for. Left to the comparison it would have been another.")
    assert found.paired["trees"]["auc"].value < 0
    assert set(found.metrics) == {"card", "trees"}


def test_what_the_comparison_takes_anyway_is_not_said_to_have_been_asked_for(judged):
    assert "asked for" not in judge(judged, "trees").choice.words


def test_a_shared_card_is_the_model_already(monkeypatch, tmp_path):
    monkeypatch.setattr("desist.pipelines.retrain.policy_of", lambda session, outcome: None)
    monkeypatch.setattr("desist.pipelines.retrain.load_policy", lambda path: None)
    monkeypatch.setattr("desist.pipelines.retrain.read_shared", lambda path: object())
    day = pd.Timestamp("2026-10-01").date()
    KeyRegister(tmp_path).create("A. Trainer", "analyst", b"pass", created_on=day)
    session = SimpleNamespace(workspace=SimpleNamespace(keys=tmp_path), today=day)
    with pytest.raises(Refused, match="taken as the model already"):
        retrain(session, day, trainer="A. Trainer", password=b"pass", shared=tmp_path, take="points card")
