"""What small groups borrow from the others: how much, and that it never becomes an answer."""

import ast
from pathlib import Path

import pytest

from desist.fairness.statistics import borrowed, verdicts
from desist.fairness.statistics.contrasts import NOBODY, Estimated


def _rate(successes, n):
    return Estimated(successes / n, n, float(n), rate=successes / n, worth=float(n))


def test_a_small_group_borrows_more_than_a_large_one():
    found = {
        one.group: one
        for one in borrowed.borrow(
            "fpr", {"A": _rate(200, 2000), "B": _rate(600, 2000), "C": _rate(8, 20), "D": _rate(300, 2000)}
        )
    }
    assert found["C"].own_share < 0.6 < 0.99 < found["A"].own_share
    assert found["A"].value == pytest.approx(0.1, abs=0.002)
    assert 0.2 < found["C"].value < 0.4 == found["C"].own
    assert found["C"].low < found["C"].value < found["C"].high
    assert "borrowed from other groups" in found["C"].words


def test_groups_that_differ_no_more_than_by_chance_all_get_the_common_mean():
    found = borrowed.borrow("fpr", {name: _rate(hits, 100) for name, hits in (("A", 19), ("B", 20), ("C", 21))})
    assert [one.own_share for one in found] == [0, 0, 0]
    assert len({round(one.value, 12) for one in found}) == 1 and found[0].value == pytest.approx(0.2, abs=0.001)


def test_two_groups_tell_nothing_of_how_groups_scatter():
    assert borrowed.borrow("fpr", {"A": _rate(1, 10), "B": _rate(2, 10), "C": NOBODY}) == ()


def test_no_verdict_knows_of_borrowed_values():
    names = {
        name
        for node in ast.walk(ast.parse(Path(verdicts.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for name in [getattr(node, "module", ""), *(alias.name for alias in node.names)]
    }
    assert not any("borrowed" in (name or "") for name in names)
