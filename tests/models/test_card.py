"""The points card: what a practitioner adds up, and what the points mean."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import learn_columns, read_matrix
from desist.models.estimators.candidates import Questions, readable_cuts
from desist.models.estimators.card import CardItem, PointsCard, wilson
from desist.models.estimators.card_search import CardSearch, Limits


def by_hand(items, row):
    """What somebody with a pencil does: read each line, write its points down if it applies, add."""
    total = 0
    for item in items:
        value = row[item.feature]
        if math.isnan(value):
            often = item.times if item.form == "missing" or item.or_unknown else 0
        elif item.form == ">=":
            often = sum(value >= item.threshold + item.step * k for k in range(item.times))
        elif item.form == "<=":
            often = sum(value <= item.threshold - item.step * k for k in range(item.times))
        else:
            often = 0
        total += item.points * often
    return total


def test_adding_by_hand_gives_the_same_points_and_chance(made_up, fitted):
    card = fitted["card"]
    page = card.one_page()
    chances = {row.points: row.chance for row in page.chances}
    scores = card.predict_proba(made_up.table)[:, 1]
    points = card.points(made_up.table)
    for place, row in enumerate(made_up.table.to_dict("records")):
        added = by_hand(page.items, row)
        assert added == points.iloc[place]
        assert chances[added] == pytest.approx(scores[place], abs=1e-12)


def test_an_item_answers_as_the_card_does(fitted):
    card = fitted["card"]
    for value in (math.nan, 0.0, 1.0, 2.0, 7.5):
        for item in card.items_:
            row = {name: math.nan for name in card.features.names} | {item.feature: value}
            alone = [other for other in card.items_ if other.feature == item.feature]
            assert sum(i.earns(value) for i in alone) == by_hand(alone, row)


def test_contributions_are_points_times_the_value_of_a_point(made_up, fitted):
    card = fitted["card"]
    parts = card.contributions(made_up.table)
    assert (parts["base"] == card.intercept_).all()
    points = parts.drop(columns="base") / card.multiplier_
    assert np.allclose(points, points.round())
    assert np.allclose(points.sum(axis=1), card.points(made_up.table))


def test_a_card_keeps_its_limits(made_up):
    card = PointsCard(made_up.features, max_items=4, per_feature=2, max_points=3).fit(made_up.table, made_up.outcome)
    assert 1 <= len(card.items_) <= 4
    assert all(1 <= abs(item.points) <= 3 for item in card.items_)
    assert max(sum(item.feature == name for item in card.items_) for name in card.features.names) <= 2


def test_a_feature_is_asked_no_more_often_than_allowed(made_up):
    card = PointsCard(made_up.features, per_feature=1).fit(made_up.table, made_up.outcome)
    asked = [item.feature for item in card.items_]
    assert len(asked) == len(set(asked)) >= 4


def test_signs_hold_for_every_item(fitted):
    for item in fitted["card"].items_:
        if item.feature == "sanctions":
            assert item.form == ">=" and item.points > 0
        if item.feature == "years_clear" and item.form != "missing":
            assert item.form == "<=" and item.points > 0
        if item.feature == "in_treatment":
            assert item.form == ">=" and item.points < 0


def test_an_item_is_said_in_the_features_own_words(fitted):
    said = {item.feature: item.sentence for item in fitted["card"].items_}
    assert "court sanctions (" in said["sanctions"]
    assert said["in_treatment"].startswith("in treatment now (") and said["in_treatment"].endswith("less)")


def test_the_chance_table_counts_the_fitting_rows_and_never_falls(made_up, fitted):
    card = fitted["card"]
    page = card.one_page()
    points = card.points(made_up.table)
    for row in page.chances:
        inside = (points == row.points).to_numpy()
        assert (row.rows, row.events) == (inside.sum(), made_up.outcome[inside].sum())
        if row.rows:
            assert row.low <= row.observed <= row.high
    assert (page.rows, page.events) == (1500, int(made_up.outcome.sum()))
    assert all(a.chance <= b.chance for a, b in itertools.pairwise(page.chances))
    assert [row.points for row in page.chances] == list(range(page.chances[0].points, page.chances[-1].points + 1))


def test_the_wilson_interval_is_the_textbook_one():
    # 1 of 10, z = 1.96: 0.0179 to 0.4042
    low, high = wilson(1, 10)
    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)
    assert wilson(0, 5)[0] == 0.0 and wilson(5, 5)[1] == 1.0


def test_unknown_earns_what_a_stated_meaning_of_missing_earns():
    features = FeatureSet((FeatureInfo("weeks", sign=1, missing_as=10.0),))
    draw = np.random.default_rng(0)
    weeks = draw.integers(0, 12, 800).astype(float)
    outcome = (draw.random(800) < np.where(weeks >= 6, 0.7, 0.2)).astype(float)
    weeks[::9] = np.nan
    card = PointsCard(features).fit(pd.DataFrame({"weeks": weeks}), outcome)
    unknown, ten = card.points(pd.DataFrame({"weeks": [np.nan, 10.0]}))
    assert unknown == ten > 0
    assert sum(item.earns(math.nan) for item in card.items_) == unknown
    assert all("or not known" in item.sentence for item in card.items_ if item.threshold <= 10)


def test_missing_can_have_points_of_its_own_but_no_more_than_the_worst_value():
    draw = np.random.default_rng(3)
    count = draw.poisson(1.0, 4000).astype(float)
    gap = draw.random(4000) < 0.2
    chance = np.where(gap, 0.9, np.where(count >= 2, 0.4, 0.2))
    outcome = (draw.random(4000) < chance).astype(float)
    table = pd.DataFrame({"count": np.where(gap, np.nan, count), "noise": draw.normal(size=4000)})
    free = PointsCard(FeatureSet((FeatureInfo("count"), FeatureInfo("noise")))).fit(table, outcome)
    held = PointsCard(FeatureSet((FeatureInfo("count", sign=1), FeatureInfo("noise")))).fit(table, outcome)
    probe = pd.DataFrame({"count": [np.nan, 30.0], "noise": [0.0, 0.0]})
    assert free.points(probe).iloc[0] > free.points(probe).iloc[1]  # nothing is known of the direction: as in the rows
    assert held.points(probe).iloc[0] <= held.points(probe).iloc[1]


def test_thresholds_are_whole_for_counts_and_short_for_amounts():
    assert readable_cuts(np.array([0.0, 1, 1, 2, 5])).tolist() == [0, 1, 2, 5]
    cuts = readable_cuts(np.random.default_rng(0).uniform(0, 3000, 500))
    assert all(cut == float(f"{cut:.2g}") for cut in cuts)


def test_sums_over_questions_equal_sums_over_rows(made_up):
    matrix = read_matrix(made_up.table, made_up.features)
    questions = Questions(matrix, made_up.features, learn_columns(matrix), fewest=10, most=4)
    amounts = np.random.default_rng(0).normal(size=len(matrix))
    sums, squares = questions.sums(amounts), questions.squares(amounts)
    assert questions.counting.any() and not questions.counting.all()
    assert {question.form for question in questions.asked} == {">=", "<=", "missing"}
    for place in range(len(questions.asked)):
        assert sums[place] == pytest.approx(amounts @ questions.column(place), abs=1e-9)
        assert squares[place] == pytest.approx(amounts @ questions.column(place) ** 2, abs=1e-9)


def test_every_question_has_enough_rows_on_both_sides(made_up):
    matrix = read_matrix(made_up.table, made_up.features)
    questions = Questions(matrix, made_up.features, learn_columns(matrix), fewest=40)
    for place in range(len(questions.asked)):
        yes = questions.column(place).sum()
        assert 40 <= yes <= len(matrix) - 40


def test_the_search_finds_the_best_small_card_there_is():
    # 2 items, points from -2 to 2, 9 questions: few enough to try every card
    draw = np.random.default_rng(5)
    table = pd.DataFrame({"a": draw.integers(0, 5, 400), "b": draw.integers(0, 4, 400), "c": draw.integers(0, 3, 400)})
    chance = 1 / (1 + np.exp(-(-2.0 + 1.2 * (table.a >= 2) + 1.3 * (table.b >= 2))))
    target = chance.to_numpy()
    features = FeatureSet((FeatureInfo("a", sign=1), FeatureInfo("b", sign=1), FeatureInfo("c")))
    matrix = read_matrix(table.astype(float), features)
    questions = Questions(matrix, features, learn_columns(matrix), fewest=10)
    search = CardSearch(questions, np.log(target / (1 - target)), Limits(items=2, per_feature=2, points=2, least_gain=0.0))
    found = search.best()
    others = [
        search._card(dict(zip(pair, points, strict=True)))
        for pair in itertools.combinations(range(len(questions.asked)), 2)
        for points in itertools.product((-2, -1, 1, 2), repeat=2)
        if search._allowed(dict(zip(pair, points, strict=True)))
    ]
    assert found.cost <= min(card.cost for card in others) + 1e-6


def test_of_two_cards_as_good_the_one_with_fewer_points_is_taken():
    draw = np.random.default_rng(6)
    table = pd.DataFrame({name: (draw.random(3000) < 0.4).astype(float) for name in "abcd"})
    outcome = (draw.random(3000) < 1 / (1 + np.exp(-(-1.5 + 0.9 * table.sum(axis=1))))).astype(float)
    card = PointsCard(FeatureSet(tuple(FeatureInfo(name, sign=1) for name in "abcd"))).fit(table, outcome)
    assert sorted(item.points for item in card.items_) == [1, 1, 1, 1]


def test_a_line_of_the_card_reads_unknown_as_no():
    item = CardItem("sanctions", ">=", 3.0, 2, "3 or more court sanctions (2 points)")
    assert (item.earns(3.0), item.earns(2.0), item.earns(math.nan)) == (2, 0, 0)
