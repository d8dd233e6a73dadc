"""LightGBM's text read by hand: trees, thresholds and where a missing value goes. Standard library only.

Written from LightGBM's documented model text and its C++ ``Tree::NumericalDecision``: a value goes left where it is
at most the threshold; bits 2-3 of ``decision_type`` say what counts as missing and bit 1 where that goes. The shrinkage
is already in the leaf values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CATEGORICAL, MISSING_GOES_LEFT = 1, 2
NOTHING_MISSING, ZERO_IS_MISSING, NAN_IS_MISSING = 0, 1, 2
ZERO = 1.0000000180025095e-35  # LightGBM takes anything this near to zero for zero: its 1e-35 in single precision


class CannotScore(ValueError):
    """The exported model holds something that the second scorer does not know how to score."""


@dataclass(frozen=True)
class Tree:
    """One tree: for each split its column, threshold, decision and branches; a negative branch -n is leaf n - 1."""

    columns: tuple[int, ...]
    thresholds: tuple[float, ...]
    decisions: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaves: tuple[float, ...]

    def value(self, row: Sequence[float]) -> float:
        """The value of the leaf in which the row ends."""
        columns, thresholds, left, right = self.columns, self.thresholds, self.left, self.right
        node = 0 if columns else -1
        while node >= 0:
            value, missing = row[columns[node]], self.decisions[node] >> 2 & 3
            if abs(value) <= ZERO or (value != value and missing != NAN_IS_MISSING):
                value = 0.0
            if value != value or (missing == ZERO_IS_MISSING and abs(value) <= ZERO):
                node = left[node] if self.decisions[node] & MISSING_GOES_LEFT else right[node]
            else:
                node = left[node] if value <= thresholds[node] else right[node]
        return self.leaves[-node - 1]


def read_trees(text: str) -> tuple[Tree, ...]:
    """The trees of a model of one sum (binary or plain regression). Raises CannotScore for any other."""
    head, *blocks = text.split("\nTree=")
    told = _pairs(head)
    if told.get("num_class", "1") != "1" or told.get("num_tree_per_iteration", "1") != "1":
        raise CannotScore("the trees are of several classes")
    if "average_output" in head.split():
        raise CannotScore("the trees are averaged and not added")
    if not blocks:
        raise CannotScore("the text holds no trees")
    blocks[-1] = blocks[-1].split("\nend of trees")[0]
    sizes = [len(f"Tree={block}\n".encode()) for block in blocks]
    if "tree_sizes" in told and [int(size) for size in told["tree_sizes"].split()] != sizes:
        raise CannotScore("the trees are not as long as their text says")  # LightGBM would end the whole process
    return tuple(_tree(_pairs(block)) for block in blocks)


def _pairs(block: str) -> dict[str, str]:
    lines = (line.partition("=") for line in block.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in lines}


def _tree(told: Mapping[str, str]) -> Tree:
    if told.get("num_cat", "0") != "0" or told.get("is_linear", "0") != "0":
        raise CannotScore("a tree asks for categories or ends in lines")
    leaves = _numbers(told, "leaf_value")
    splits = int(told["num_leaves"]) - 1
    if len(leaves) != splits + 1:
        raise CannotScore("a tree lacks leaves")
    if splits == 0:
        return Tree((), (), (), (), (), leaves)
    columns, decisions, left, right = (
        tuple(int(value) for value in told[name].split())
        for name in ("split_feature", "decision_type", "left_child", "right_child")
    )
    thresholds = _numbers(told, "threshold")
    if {len(part) for part in (columns, decisions, left, right, thresholds)} != {splits}:
        raise CannotScore("a tree lacks splits")
    if any(decision & CATEGORICAL for decision in decisions):
        raise CannotScore("a tree asks for categories")
    for node, (one, other) in enumerate(zip(left, right, strict=True)):
        if not all(node < branch < splits or -splits - 1 <= branch < 0 for branch in (one, other)):
            raise CannotScore("a tree's branches lead nowhere")
    return Tree(columns, thresholds, decisions, left, right, leaves)


def _numbers(told: Mapping[str, str], name: str) -> tuple[float, ...]:
    return tuple(float(value) for value in told[name].split())
