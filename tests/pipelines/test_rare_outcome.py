"""Runs for rare outcomes: who is already at the top, the words of a page, and back-tests beside history length."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd

from desist.features.tables import FeatureInfo, FeatureSet
from desist.pipelines import rare_outcome
from desist.pipelines.rare_outcome import already_at_the_top, in_100_words

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
