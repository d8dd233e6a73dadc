"""Rare outcomes: what few events allow, cards that are held back, and the gain over the length of a record."""

import numpy as np
import pandas as pd
import pytest

from desist.features.outcomes import RARE
from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit
from desist.models.estimators.card import PointsCard
from desist.models.files import load_model, save_model
from desist.models.judging.rare import (
    HistoryLength,
    RareCard,
    gain_over_history,
    items_for,
    may_choose,
    may_release,
    people_with_outcome,
    rare_recipes,
)
from desist.records.errors import Refused

HISTORY = FeatureSet((FeatureInfo("sanctions"), FeatureInfo("years")))
FEATURES = FeatureSet((FeatureInfo("sanctions", sign=1), FeatureInfo("violent", sign=1), FeatureInfo("luck")))


def test_the_rare_outcomes_are_serious_offences_and_escalation_over_one_year_and_two():
    assert {"serious_offence", "serious_offence_24m", "escalation", "escalation_24m"} == RARE


@pytest.mark.parametrize(
    ("events", "choose", "release"),
    [(49, False, False), (50, False, True), (99, False, True), (100, True, True), (None, False, False)],
)
def test_fifty_people_are_needed_for_a_release_and_a_hundred_for_a_choice(events, choose, release):
    assert may_choose(events, "escalation").allowed == choose
    assert may_release(events, "escalation").allowed == release


def test_a_refusal_says_how_many_people_and_how_many_are_needed():
    with pytest.raises(Refused, match=r"49 people had serious offence: a release needs 50\. Take in more history"):
        may_release(49, "serious_offence").or_refuse()
    with pytest.raises(Refused, match="Nobody counted the people with escalation"):
        may_choose(None, "escalation").or_refuse()
    may_release(50, "escalation").or_refuse()


def test_a_person_counts_once_and_an_unknown_outcome_not_at_all():
    y = [1.0, 1.0, np.nan, 0.0, 1.0]
    assert people_with_outcome(y, ["A", "A", "B", "C", "D"]) == 2


@pytest.mark.parametrize(("events", "items"), [(0, 2), (74, 2), (75, 3), (249, 9), (250, 10), (5000, 10)])
def test_a_card_has_one_item_for_each_twenty_five_events(events, items):
    assert items_for(events) == items


def test_below_a_hundred_events_the_card_is_the_one_recipe():
    assert list(rare_recipes(FEATURES, 99)) == ["points card"]
    assert list(rare_recipes(FEATURES, 100)) == ["points card", "spline logistic"]
    assert rare_recipes(FEATURES, 99)["points card"](7).get_params()["max_items"] == 3


def rare_rows(rows, seed):
    draw = np.random.default_rng(seed)
    sanctions = draw.poisson(3.0, rows).astype(float)
    violent = draw.binomial(sanctions.astype(int), 0.3).astype(float)
    chances = 1 / (1 + np.exp(4.0 - 0.9 * violent))
    table = pd.DataFrame({"sanctions": sanctions, "violent": violent, "luck": draw.random(rows)})
    return table, (draw.random(rows) < chances).astype(float), chances


@pytest.fixture(scope="module")
def few():
    """Some 60 events among 1,200 rows."""
    return rare_rows(1200, seed=1)


def test_a_rare_card_is_held_back_and_its_mean_chance_is_the_rate(few):
    table, y, _ = few
    plain = PointsCard(FEATURES, max_items=2, breadth=2).fit(table, y)
    rare = RareCard(FEATURES, max_items=2, breadth=2).fit(table, y)
    assert rare.items_ == plain.items_
    assert 0 < rare.multiplier_ < plain.multiplier_
    assert rare.predict_proba(table)[:, 1].mean() == pytest.approx(y.mean(), abs=1e-6)


def test_a_rare_card_is_read_back_as_a_card_with_the_same_scores(few, tmp_path):
    table, y, _ = few
    rare = RareCard(FEATURES, max_items=2, breadth=2).fit(table, y)
    save_model(rare, tmp_path)
    assert (load_model(tmp_path).decision_function(table) == rare.decision_function(table)).all()


def test_history_length_never_falls_with_sanctions_and_sums_to_its_logit():
    table = pd.DataFrame({"sanctions": [0.0, 1.0, 3.0, 8.0, 20.0, np.nan], "years": [0.0, 1.0, 2.0, 4.0, 8.0, 1.0]})
    rows = pd.concat([table] * 30, ignore_index=True)
    y = (np.arange(len(rows)) % 5 == 0).astype(float)
    y[rows["sanctions"] == 20.0] = 0.0  # the longest records without the outcome
    model = HistoryLength(HISTORY, priors="sanctions", years_since_first="years").fit(rows, y)
    assert model.weights_[0] >= 0
    assert model.contributions(table).sum(axis=1).to_numpy() == pytest.approx(model.decision_function(table), abs=1e-9)
    back = HistoryLength.from_json(model.to_json())
    assert (back.decision_function(table) == model.decision_function(table)).all()


def test_history_length_says_which_column_it_lacks():
    table = pd.DataFrame({"sanctions": [0.0, 1.0]})
    only = FeatureSet((FeatureInfo("sanctions"),))
    with pytest.raises(CannotFit, match="years"):
        HistoryLength(only, priors="sanctions", years_since_first="years").fit(table, [0, 1])


def test_a_better_model_gains_over_history_length_and_the_words_say_it_is_shown(few):
    _, y, chances = few
    history = np.full(len(y), y.mean())
    found = gain_over_history(y, chances, history, np.arange(len(y)), replicates=100, seed=1)
    assert found.log_loss.value > 0 and found.log_loss.low > 0
    assert found.log_loss.low <= found.log_loss.at_least <= found.log_loss.value <= found.log_loss.high
    assert found.words.startswith("The model is shown to do better than one that knows only the length of the record")


def test_a_model_that_is_history_length_is_not_shown_to_gain(few):
    _, y, chances = few
    found = gain_over_history(y, chances, chances, np.arange(len(y)), replicates=50, seed=1)
    assert found.log_loss.value == 0 and "is not shown to do better" in found.words


@pytest.mark.slow
def test_fifty_to_a_hundred_and_fifty_events_do_not_explode_a_rare_model():
    """Over several draws the mean chance lies near the rate and the slope on fresh people near 1."""
    fresh, _, truth = rare_rows(20_000, seed=99)
    for rows in (1000, 3000):
        slopes, ratios = [], []
        for seed in range(6):
            table, y, _ = rare_rows(rows, seed=seed)
            for make in rare_recipes(FEATURES, int(y.sum())).values():
                logit = make(0).fit(table, y).decision_function(fresh)
                design = np.column_stack([np.ones(len(logit)), logit])
                weight = truth * (1 - truth)
                line = np.linalg.solve(
                    design.T @ (design * weight[:, None]), design.T @ (weight * np.log(truth / (1 - truth)))
                )
                slopes.append(line[1])
                ratios.append((1 / (1 + np.exp(-logit))).mean() / truth.mean())
        assert 0.7 < np.median(slopes) < 1.4
        assert 0.8 < np.mean(ratios) < 1.2
