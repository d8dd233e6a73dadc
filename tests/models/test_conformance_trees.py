"""The second scorer reads LightGBM's trees and sends every value where LightGBM does."""

import math

import numpy as np
import pytest

from desist.models.conformance import trees

TREE = """tree
num_class=1
num_tree_per_iteration=1

Tree=0
num_leaves=3
num_cat=0
split_feature=0 1
threshold=1.5 {threshold}
decision_type={one} {other}
left_child=1 -1
right_child=-2 -3
leaf_value=10 20 30
is_linear=0
shrinkage=0.05

end of trees
"""


@pytest.mark.parametrize(
    ("one", "other", "row", "expected"),
    [
        (2, 2, [1.5, 0.0], 10.0),  # at the threshold: left, and left again
        (2, 2, [1.6, 0.0], 20.0),
        (2, 2, [1.0, 1.0], 30.0),
        (2, 2, [math.nan, math.nan], 10.0),  # nothing counts as missing: unknown is taken for 0
        (10, 10, [math.nan, 9.0], 30.0),  # unknown is missing and goes left
        (8, 8, [math.nan, 0.0], 20.0),  # unknown is missing and goes right
        (4, 6, [0.0, 0.0], 20.0),  # zero is missing and goes right
        (6, 4, [1e-36, -3.0], 10.0),  # as near to zero as that is zero, and goes left; then -3 is below
        (6, 4, [math.nan, math.nan], 30.0),  # unknown is zero, which is missing: left, then right
    ],
)
def test_a_tree_sends_a_value_where_lightgbm_says(one, other, row, expected):
    (tree,) = trees.read_trees(TREE.format(one=one, other=other, threshold=0.5))
    assert tree.value(row) == expected


def test_lightgbm_itself_sends_values_the_same_way():
    import lightgbm

    draw = np.random.default_rng(3)
    table = np.round(draw.normal(size=(800, 4)), 1)
    table[draw.random((800, 4)) < 0.2] = np.nan
    table[:, 2] = np.where(draw.random(800) < 0.5, 0.0, table[:, 2])
    outcome = np.nansum(table, axis=1) + np.isnan(table[:, 1]) > 0.2
    for settings in ({}, {"zero_as_missing": True}, {"use_missing": False}):
        told = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 12, **settings}
        booster = lightgbm.train(told, lightgbm.Dataset(table, outcome), 12)
        grown = trees.read_trees(booster.model_to_string())
        table[0] = [0.0, 1e-36, -1e-36, np.nan]
        ours = [sum(tree.value(row) for tree in grown) for row in table.tolist()]
        assert np.abs(np.array(ours) - booster.predict(table, raw_score=True)).max() < 1e-9


@pytest.mark.parametrize(
    ("found", "instead", "told"),
    [
        ("num_class=1", "num_class=3", "several classes"),
        ("num_cat=0", "num_cat=1", "categories"),
        ("decision_type=2 2", "decision_type=1 2", "categories"),
        ("is_linear=0", "is_linear=1", "lines"),
        ("leaf_value=10 20 30", "leaf_value=10 20", "lacks leaves"),
        ("left_child=1 -1", "left_child=0 -1", "lead nowhere"),
        ("num_class=1", "average_output\nnum_class=1", "averaged"),
    ],
)
def test_trees_of_a_kind_that_was_not_asked_for_are_not_scored(found, instead, told):
    text = TREE.format(one=2, other=2, threshold=0.5)
    assert found in text
    with pytest.raises(trees.CannotScore, match=told):
        trees.read_trees(text.replace(found, instead))


def test_a_tree_without_a_split_is_its_only_leaf(made_up):
    text = "tree\nnum_class=1\n\nTree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=0.25\nis_linear=0\n\nend of trees\n"
    assert trees.read_trees(text)[0].value([1.0]) == 0.25
    with pytest.raises(trees.CannotScore, match="no trees"):
        trees.read_trees("tree\nnum_class=1\n")
