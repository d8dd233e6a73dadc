"""Runs for rare outcomes: who is already at the top, the words of a page, and back-tests beside history length."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.judging.backtest import Plan
from desist.pipelines import rare_outcome
from desist.pipelines.rare_outcome import HISTORY, already_at_the_top, compare_rare, in_100_words
from desist.records.errors import Refused

FEATURES = FeatureSet((FeatureInfo("sanctions_10y", sign=1), FeatureInfo("violent", sign=1)))
DATES = pd.to_datetime(["2019-04-01", "2021-04-01", "2023-04-01", "2025-04-01"])


def test_the_sentences_are_those_of_the_page():
    assert in_100_words("serious_offence", 4) == (
        "About 4 in 100 people with a similar recorded history were convicted of a serious offence within 12 months."
    )
    assert "within 24 months" in in_100_words("serious_offence_24m", 7)
    assert in_100_words("escalation", 3) == (
        "Convicted of a more serious offence than in the last two years: about 3 in 100."
    )


def test_people_at_band_four_or_five_are_already_at_the_top(monkeypatch):
    ground = SimpleNamespace(events=SimpleNamespace(tables={"offences": None}))
    monkeypatch.setattr(rare_outcome, "worst_bands", lambda events, people, as_of: np.array([3.0, 4.0, 5.0, 0.0]))
    found = already_at_the_top(ground, ["A", "B", "C", "D"], dt.date(2026, 10, 1))
    assert found == {"B", "C"}


def training(people, seed=1):
    draw = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), len(DATES))
    rows = len(person)
    table = pd.DataFrame({"person_id": [f"P{number:04d}" for number in person], "as_of": np.tile(DATES, people)})
    table["sanctions_10y"] = draw.poisson(3.0, rows).astype(float)
    table["violent"] = draw.binomial(table["sanctions_10y"].astype(int), 0.3).astype(float)
    chances = 1 / (1 + np.exp(4.2 - 1.2 * table["violent"]))
    table["serious_offence"] = (draw.random(rows) < chances).astype(float)
    return SimpleNamespace(table=table, learners=table, outcome="serious_offence")


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(rare_outcome, "back_test_plan", lambda session, training: Plan("serious_offence", 577, 2, 1, 0))
    settings = SimpleNamespace(replicates=20, seed=1)
    return SimpleNamespace(settings=settings, say=lambda text: None)


def test_a_rare_outcome_is_back_tested_beside_history_length(session):
    rows = training(700)
    years = pd.Series(np.full(len(rows.table), 5.0))
    found = compare_rare(session, rows, FEATURES, years)
    assert {"points card", "spline logistic", HISTORY} <= set(found.metrics)
    assert found.events > 100 and found.choice.measure == "log_loss"
    assert found.gain.log_loss.value == pytest.approx(
        found.metrics[HISTORY]["log_loss"].value - found.metrics[found.choice.chosen]["log_loss"].value
    )
    assert found.gain.log_loss.value > 0


def test_fewer_than_fifty_people_with_the_outcome_are_refused_before_anything_is_fitted(session):
    rows = training(700)
    few = rows.table["serious_offence"].where(rows.table["person_id"] < "P0040", 0.0)
    rows.table["serious_offence"] = few
    with pytest.raises(Refused, match="a release needs 50"):
        compare_rare(session, rows, FEATURES, pd.Series(np.zeros(len(rows.table))))
