"""The points card: what a practitioner adds up, and what the points mean."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit, chance, learn_columns, log_loss_of, read_matrix
from desist.models.estimators.candidates import Questions, readable_cuts
from desist.models.estimators.card import CardItem, PointsCard, wilson
from desist.models.estimators.card_search import POINT_COST, CardSearch, Limits
from desist.models.estimators.spline import SplineLogistic


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
    rate = np.where(gap, 0.9, np.where(count >= 2, 0.4, 0.2))
    outcome = (draw.random(4000) < rate).astype(float)
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
    chances = 1 / (1 + np.exp(-(-2.0 + 1.2 * (table.a >= 2) + 1.3 * (table.b >= 2))))
    target = chances.to_numpy()
    features = FeatureSet((FeatureInfo("a", sign=1), FeatureInfo("b", sign=1), FeatureInfo("c")))
    matrix = read_matrix(table.astype(float), features)
    questions = Questions(matrix, features, learn_columns(matrix), fewest=10)
    search = CardSearch(
        questions, np.log(target / (1 - target)), Limits(items=2, per_feature=2, points=2, least_gain=0.0)
    )
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


def test_a_line_that_counts_earns_its_points_at_each_mark_and_no_more_than_its_last():
    up = CardItem("sanctions", ">=", 2.0, 3, "up to 6 court sanctions (3 points for every full 2)", False, 2.0, 3)
    assert [up.earns(value) for value in (0.0, 1.9, 2.0, 5.0, 6.0, 60.0, math.nan)] == [0, 0, 3, 6, 9, 9, 0]
    assert up.amounts == (("2 or more", 3), ("4 or more", 6), ("6 or more", 9))
    down = CardItem("age", "<=", 35.0, 1, "under 40 years (1 point)", True, 5.0, 2)
    assert [down.earns(value) for value in (36.0, 35.0, 30.5, 30.0, 18.0, math.nan)] == [0, 1, 1, 2, 2, 2]
    assert down.amounts == (("35 or less", 1), ("30 or less, or not known", 2))
    assert down.question == "under 40 years"


def test_an_item_that_makes_no_sense_is_refused():
    for form, step, times in (("between", 0.0, 1), (">=", 0.0, 3), (">=", 1.0, 0)):
        with pytest.raises(ValueError, match="asked once, or counts"):
            CardItem("sanctions", form, 1.0, 1, "sanctions (1 point)", False, step, times)


def test_a_card_counts_where_each_one_more_raises_the_chance_alike():
    draw = np.random.default_rng(2)
    count = draw.integers(0, 5, 3000).astype(float)
    outcome = (draw.random(3000) < 1 / (1 + np.exp(-(-2.0 + 0.8 * count)))).astype(float)
    features = FeatureSet((FeatureInfo("count", sign=1, raises="{value} breaches"),))
    table = pd.DataFrame({"count": count})
    (item,) = PointsCard(features, max_items=1).fit(table, outcome).items_
    assert (item.form, item.threshold, item.step, item.times) == (">=", 1.0, 1.0, 4)
    assert item.sentence == "up to 4 breaches (1 point for each)"
    alone = PointsCard(features, max_items=5, most_times=1).fit(table, outcome)
    assert all(item.times == 1 for item in alone.items_) and len(alone.items_) == 4


def test_counting_down_is_said_with_where_it_starts():
    draw = np.random.default_rng(4)
    age = draw.integers(18, 61, 4000).astype(float)
    outcome = (draw.random(4000) < 1 / (1 + np.exp(-(-3.0 + 0.12 * np.maximum(40 - age, 0))))).astype(float)
    features = FeatureSet((FeatureInfo("age", sign=-1, raises="{value} years old"),))
    card = PointsCard(features, max_items=1).fit(pd.DataFrame({"age": age}), outcome)
    (item,) = card.items_
    start = item.threshold + item.step
    assert item.form == "<=" and item.times == 4
    assert item.sentence.startswith(f"under {start:.0f} years old (")
    assert item.sentence.endswith(f"for every full {item.step:.0f} below {start:.0f}, at most 4 times)")
    assert item.amounts[0][0] == f"{item.threshold:.0f} or less"


def test_a_feature_is_counted_once_and_its_missing_value_never_earns_more_than_its_worst(made_up):
    card = PointsCard(made_up.features, max_items=15).fit(made_up.table, made_up.outcome)
    counted = [item.feature for item in card.items_ if item.times > 1]
    assert counted and len(counted) == len(set(counted))
    for item in card.items_:
        if item.form == "missing" and made_up.features.get(item.feature).sign != 0:
            worst = sum(max(o.points, 0) * o.times for o in card.items_ if o.feature == item.feature and o is not item)
            assert item.points <= worst


def test_limits_that_no_card_can_have_are_refused_all_at_once(made_up):
    card = PointsCard(made_up.features, max_items=16, per_feature=0, most_times=1.5)
    with pytest.raises(CannotFit, match="max_items is 16") as refused:
        card.fit(made_up.table, made_up.outcome)
    assert "per_feature is 0" in str(refused.value) and "most_times is 1.5" in str(refused.value)


def test_a_threshold_is_printed_in_full():
    draw = np.random.default_rng(8)
    share = draw.choice([1 / 3, 0.125, 2 / 7, 0.9], 2000)
    outcome = (draw.random(2000) < np.where(share < 0.3, 0.7, 0.3)).astype(float)
    features = FeatureSet((FeatureInfo("share", unit="share", raises="{value} kept", lowers="{value} kept"),))
    card = PointsCard(features).fit(pd.DataFrame({"share": share}), outcome)
    for item in card.items_:
        printed = item.sentence.partition("%")[0]
        assert float(printed) / 100 == item.threshold and len(printed) <= 4
    assert card.points(pd.DataFrame({"share": [2 / 7, 1 / 3]})).nunique() == 2


def test_quadratic_search_and_log_loss_agree_on_what_a_card_loses(made_up):
    matrix = read_matrix(made_up.table, made_up.features)
    questions = Questions(matrix, made_up.features, learn_columns(matrix), fewest=10, most=4)
    curve = SplineLogistic(made_up.features).fit(made_up.table, made_up.outcome).decision_function(made_up.table)
    search = CardSearch(questions, curve, Limits(items=6, per_feature=3, points=5, least_gain=0.0))
    found = search.best()
    worth = dict(zip(found.chosen, found.points.tolist(), strict=True))
    chances = chance(curve)
    exact = log_loss_of(chances, curve)
    saved = search._value(worth) + POINT_COST * np.abs(found.points).sum()
    assert found.line.loss - exact == pytest.approx(search.near.whole - saved, rel=0.1)


def test_the_same_rows_give_the_same_card(made_up):
    one, two = (PointsCard(made_up.features).fit(made_up.table, made_up.outcome) for _ in range(2))
    assert one.to_json() == two.to_json()
    assert PointsCard.from_json(one.to_json()).items_ == one.items_


def test_two_counts_of_one_feature_are_not_added_up():
    draw = np.random.default_rng(12)
    count = draw.integers(0, 7, 6000).astype(float)
    logit = -3.0 + 0.7 * np.minimum(count, 2) + 0.5 * np.minimum(count, 4)  # best said by two counts
    outcome = (draw.random(6000) < 1 / (1 + np.exp(-logit))).astype(float)
    table = pd.DataFrame({"count": count})
    card = PointsCard(FeatureSet((FeatureInfo("count", sign=1),)), max_items=2).fit(table, outcome)
    assert sum(item.times > 1 for item in card.items_) == 1


def test_a_line_never_counts_an_unknown_value_half_way():
    draw = np.random.default_rng(13)
    weeks = draw.integers(0, 6, 2000).astype(float)
    matrix = weeks[:, None]
    for meaning, stands in ((0.0, True), (2.0, False), (9.0, True)):
        features = FeatureSet((FeatureInfo("weeks", sign=1, missing_as=meaning),))
        questions = Questions(matrix, features, learn_columns(matrix), fewest=10, most=4)
        counting = [question for question in questions.asked if question.times > 1]
        assert any(question.times == 4 for question in counting) == stands
        for question in counting:
            assert question.counts(np.array([meaning]))[0] in (0, question.times)


def test_moving_points_never_turns_a_line_against_its_sign():
    draw = np.random.default_rng(14)
    table = pd.DataFrame({name: (draw.random(2000) < 0.5).astype(float) for name in ("up", "held")})
    matrix = table.to_numpy()
    for sign, expected in ((1, {0: 1}), (0, {0: 1, 1: -1})):  # the curve falls with the second feature
        features = FeatureSet((FeatureInfo("up", sign=1), FeatureInfo("held", sign=sign)))
        questions = Questions(matrix, features, learn_columns(matrix), fewest=10)
        search = CardSearch(questions, matrix[:, 0] - matrix[:, 1], Limits(2, 1, 5, 0.0))
        assert search._moved({0: 1, 1: 0}) == expected
