"""How steady a card's points are over people drawn again."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from desist.features.tables import FeatureInfo, FeatureSet
from desist.models.estimators.base import CannotFit, learn_columns
from desist.models.estimators.calibration import Calibrated
from desist.models.estimators.card import CardItem, PointsCard
from desist.models.estimators.spline import SplineLogistic
from desist.models.judging.stability import Stability, card_stability, stability_of

FEATURES = FeatureSet((FeatureInfo("count", sign=1), FeatureInfo("age", sign=-1), FeatureInfo("noise")))
ROWS = pd.DataFrame({"count": np.arange(10.0), "age": np.arange(20.0, 30.0), "noise": [np.nan, *np.arange(9.0)]})


def written(*items, intercept=-1.0, multiplier=0.5):
    """A card with these lines, as if it had been fitted: (feature, form, threshold, points, step, times)."""
    card = PointsCard(FEATURES)
    card._know_features()
    card.columns_ = learn_columns(ROWS.to_numpy())
    card.items_ = tuple(CardItem(*item[:4], f"{item[0]} ({item[3]} points)", False, *item[4:]) for item in items)
    card.intercept_, card.multiplier_, card.seen_ = intercept, multiplier, {0: (10, 5)}
    return card


CARD = written(("count", ">=", 5.0, 2), ("age", "<=", 24.0, 1))


def drawn_rows(rows, seed):
    draw = np.random.default_rng(seed)
    count, age, noise = draw.poisson(2.0, rows), draw.integers(18, 60, rows), draw.normal(size=rows)
    logit = -1.0 + 0.5 * count - 0.04 * (age - 30)
    table = pd.DataFrame({"count": count, "age": age, "noise": noise}).astype(float)
    return table, (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)


def test_a_line_comes_back_with_a_threshold_nearby_and_the_same_direction():
    told = stability_of(
        CARD,
        [
            CARD,
            written(("count", ">=", 6.0, 3)),  # one row of ten between 5 and 6: nearby
            written(("count", ">=", 8.0, 3)),  # three rows between: another threshold
            written(("count", ">=", 5.0, -2), ("noise", ">=", 1.0, 1)),  # the other direction
        ],
        ROWS,
    )
    count, age = told.items
    assert (count.share, count.low, count.high) == (0.5, 2.0, 3.0)
    assert (age.share, age.low, age.high) == (0.25, 1.0, 1.0)
    assert [(part.feature, part.on_card, part.share) for part in told.features] == [
        ("count", True, 1.0), ("age", True, 0.25), ("noise", False, 0.25),
    ]  # fmt: skip


def test_points_are_counted_in_points_of_the_card_itself():
    doubled = written(("count", ">=", 5.0, 4), ("age", "<=", 24.0, 2), multiplier=0.25)
    told = stability_of(CARD, [doubled], ROWS, cut_offs=(0.3, 0.5))
    assert [(item.low, item.high) for item in told.items] == [(2.0, 2.0), (1.0, 1.0)]
    assert told.largest == pytest.approx(0.0, abs=1e-12) and told.moved == 0.0


def test_a_counting_line_comes_back_where_half_of_its_marks_do():
    counting = written(("count", ">=", 2.0, 1, 2.0, 4))  # 2, 4, 6, 8
    two = written(("count", ">=", 3.0, 1), ("count", ">=", 6.0, 1))  # near 2 and 4, and 6
    one = written(("count", ">=", 8.0, 1))
    assert [stability_of(counting, [other], ROWS).items[0].share for other in (two, one)] == [1.0, 0.0]


def test_a_missing_item_comes_back_as_a_missing_item_only():
    card = written(("noise", "missing", 0.0, 1), ("count", ">=", 5.0, 1))
    again = written(("noise", "missing", 0.0, 2), ("count", ">=", 5.0, 1))
    other = written(("noise", ">=", 0.0, 1), ("count", ">=", 5.0, 1))
    told = {item.feature: item for item in stability_of(card, [again, other], ROWS).items}
    assert (told["noise"].share, told["noise"].high) == (0.5, 2.0)


def test_how_far_chances_move_is_worked_out_by_hand():
    # logits -1 + 0.5 * points: five rows of count >= 5 go from 2 points (0.5) to 4 (0.7310586); others stay
    heavier = written(("count", ">=", 5.0, 4), ("age", "<=", 24.0, 1))
    told = stability_of(CARD, [CARD, heavier], ROWS, cut_offs=(0.6,))
    assert told.largest == pytest.approx(0.2310586, abs=1e-6)
    assert told.most == pytest.approx(0.2310586, abs=1e-6)  # a quarter of the 20 differences
    assert (told.moved, told.moved_worst) == (0.25, 0.5)
    assert stability_of(CARD, [heavier], ROWS).moved is None


def test_a_chance_at_the_cut_off_is_at_the_step_it_opens():
    # 2 points give exactly one half: already above the cut-off, as 4 points are; 1 point stays below
    heavier = written(("count", ">=", 5.0, 4), ("age", "<=", 24.0, 1))
    assert stability_of(CARD, [heavier], ROWS, cut_offs=(0.5,)).moved == 0.0


def test_recalibrated_cards_are_judged_by_their_recalibrated_chances():
    table, y = drawn_rows(600, 0)
    card = PointsCard(FEATURES, max_items=3, breadth=1).fit(table, y)
    moved = Calibrated(card).fit(table, 1.0 - y * (np.arange(600) % 3 > 0))
    told = stability_of(moved, [moved, moved], table, cut_offs=(0.3,))
    assert told.largest == 0.0
    assert stability_of(moved, [card], table).largest > 0.05


def test_a_model_without_points_is_refused():
    table, y = drawn_rows(300, 0)
    with pytest.raises(TypeError, match="no points"):
        stability_of(CARD, [Calibrated(SplineLogistic(FEATURES, shrinkage=1.0).fit(table, y))], ROWS)
    with pytest.raises(ValueError, match="at least one refit"):
        stability_of(CARD, [], ROWS)


def test_refits_draw_people_and_a_strong_feature_is_steadier_than_noise():
    table, y = drawn_rows(800, 3)
    people = np.repeat(np.arange(400), 2)
    told = card_stability(
        lambda seed: PointsCard(FEATURES, max_items=4, breadth=1, seed=seed), table, y, people,
        replicates=6, seed=1, cut_offs=(0.3, 0.5),
    )  # fmt: skip
    shares = {part.feature: part.share for part in told.features}
    assert shares["count"] == 1.0 and shares.get("noise", 0.0) < 1.0
    assert 0.0 < told.most <= told.largest < 0.6 and 0.0 <= told.moved <= told.moved_worst <= 1.0
    assert (told.refits, told.rows) == (6, 800)
    again = card_stability(
        lambda seed: PointsCard(FEATURES, max_items=4, breadth=1, seed=seed), table, y, people,
        replicates=6, seed=1, cut_offs=(0.3, 0.5),
    )  # fmt: skip
    assert again == told
    assert Stability.from_json(json.loads(json.dumps(told.to_json()))) == told
    assert f"in at least half of {told.refits} refits" in told.words


class DrawsSeen(PointsCard):
    """A card that notes whose rows it was fitted to."""

    seen = []

    def fit(self, X, y, people=None):
        self.seen.append(sorted(people))
        return super().fit(X, y, people)


def test_a_person_drawn_comes_with_all_their_rows():
    table, y = drawn_rows(200, 5)
    people = np.repeat([f"P{place}" for place in range(50)], 4)
    DrawsSeen.seen.clear()
    card_stability(lambda seed: DrawsSeen(FEATURES, max_items=2, breadth=1), table, y, people, replicates=3, seed=0)
    whole, *draws = DrawsSeen.seen
    assert whole == sorted(people) and len(draws) == 3
    for drawn in draws:
        counts = pd.Series(drawn).value_counts()
        assert (counts % 4 == 0).all() and counts.sum() == 200 and len(counts) < 50


def test_too_few_possible_draws_are_not_taken_for_an_answer():
    table = pd.DataFrame({"count": np.arange(40.0), "age": np.arange(40.0), "noise": np.arange(40.0)})
    y = np.r_[1.0, np.zeros(39)]
    people = np.r_[np.zeros(1), np.ones(39)]  # half of the draws hold one of the two alone; with this seed 7 of 8
    with pytest.raises(CannotFit, match="refits were possible"):
        card_stability(lambda seed: PointsCard(FEATURES, breadth=1), table, y, people, replicates=8, seed=28)


def test_impossible_shares_are_refused():
    told = stability_of(CARD, [CARD], ROWS)
    with pytest.raises(ValueError, match="between 0 and 1"):
        dataclasses.replace(told, items=(dataclasses.replace(told.items[0], share=1.2),))
