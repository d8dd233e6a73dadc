"""Missed and wrong links by group: counted by hand, with intervals that hold what they say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.fairness.linkage_quality import linkage_quality


def records(*rows):
    return pd.DataFrame(rows, columns=["person", "person_id"])


def sexes(**of):
    return pd.DataFrame({"person": list(of), "sex": list(of.values())})


#: A: three records, one apart. B: two, together. C: one, put with A's. D: two, apart.
SMALL = records(
    ("A", "p1"), ("A", "p1"), ("A", "p2"), ("B", "p3"), ("B", "p3"), ("C", "p1"), ("D", "p4"), ("D", "p5"),
)  # fmt: skip
SEX = sexes(A="M", B="F", C="F", D="M")


def test_pairs_are_counted_by_hand():
    found = linkage_quality(SMALL, SEX)
    # true pairs: A 3, B 1, D 1. found pairs: p1 3 (one of them right), p3 1 (right).
    assert (found.records, found.people) == (8, 4)
    assert (found.true_pairs, found.found_pairs, found.right_pairs) == (5, 4, 2)
    assert found.precision.value == pytest.approx(2 / 4)
    assert found.recall.value == pytest.approx(2 / 5)
    assert found.f1.value == pytest.approx(2 * 0.5 * 0.4 / 0.9)


def test_a_groups_missed_links_are_of_its_peoples_pairs_and_its_wrong_links_of_its_records_pairs():
    by_sex = {one.group: one for one in linkage_quality(SMALL, SEX).groups}
    # men: A's three pairs and D's one, three of them missed; found pairs seen from A's records: 1-1, and twice with C.
    assert (by_sex["M"].people, by_sex["M"].pairs) == (2, 4)
    assert by_sex["M"].missed.value == pytest.approx(3 / 4)
    assert by_sex["M"].wrong.value == pytest.approx(2 / 4)
    assert by_sex["F"].missed.value == 0 and by_sex["F"].wrong.value == pytest.approx(2 / 4)
    assert not by_sex["M"].missed_gap.known, "four people are too few to compare"


def test_perfect_links_have_precision_recall_and_f1_of_one_and_intervals_below():
    people = [f"P{place}" for place in range(60)]
    rows = records(*((person, "x" + person) for person in people for _ in range(2)))
    found = linkage_quality(rows, pd.DataFrame({"person": people, "sex": "F"}))
    for share in (found.precision, found.recall, found.f1):
        assert share.value == share.high == 1 and 0.9 < share.low < 1
    # 60 people are 60 chances, not 120 pairs or records: Wilson's lower end at 60 of 60.
    assert found.recall.low == pytest.approx(1 - 3.841458820694124 / 63.841458820694124)


def test_nobody_linked_leaves_precision_unknown_and_recall_zero():
    rows = records(("A", "p1"), ("A", "p2"), ("B", "p3"))
    found = linkage_quality(rows, sexes(A="F", B="F"))
    assert found.precision.value is None and found.recall.value == 0
    assert linkage_quality(rows[2:], sexes(A="F", B="F")).f1.value is None


def test_somebody_without_groups_is_refused_and_somebody_with_two_as_well():
    with pytest.raises(ValueError, match="one row of groups"):
        linkage_quality(SMALL, SEX[:-1])
    with pytest.raises(ValueError, match="one row of groups"):
        linkage_quality(SMALL, pd.concat([SEX, SEX[:1]]))


def drawn(rng, people, chances, *, size=2, wrong=0.0):
    """People of group g with ``size`` records each; with chance ``chances[g]`` the last stays apart."""
    group = rng.integers(0, len(chances), people)
    apart = rng.random(people) < np.asarray(chances)[group]
    rows = []
    for person in range(people):
        to = person if rng.random() >= wrong or person == 0 else person - 1
        rows += [(f"P{person}", f"x{to}")] * (size - 1)
        rows.append((f"P{person}", f"y{person}" if apart[person] else f"x{to}"))
    told = pd.DataFrame({"person": [f"P{person}" for person in range(people)], "group": group.astype(str)})
    return records(*rows), told


def test_a_community_with_more_missed_links_is_shown_and_an_equal_one_is_not():
    rng = np.random.default_rng(1)
    found = linkage_quality(*drawn(rng, 1500, [0.05, 0.05, 0.2]))
    gaps = {one.group: one.missed_gap for one in found.groups}
    assert gaps["2"].low > 0.08 and gaps["2"].high < 0.22
    assert found.worse() == ("missed links: more often for 2 (group)",)


@pytest.mark.parametrize("size", [2, 4])
def test_an_interval_holds_the_true_rate_as_often_as_it_says_however_many_records_a_person_has(size):
    """A person of four records has six pairs, three of them missed at once: pairs are not independent."""
    rng, held, worlds = np.random.default_rng(7), 0, 120
    for _ in range(worlds):
        found = linkage_quality(*drawn(rng, 150, [0.2], size=size))
        true = 0.2 * (size - 1) / (size * (size - 1) / 2)
        held += found.groups[0].missed.low <= true <= found.groups[0].missed.high
    assert held >= 0.89 * worlds


def test_equal_communities_are_seldom_shown_to_differ():
    rng = np.random.default_rng(3)
    shown = sum(bool(linkage_quality(*drawn(rng, 200, [0.1, 0.1, 0.1], wrong=0.05)).worse()) for _ in range(60))
    assert shown <= 6


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(st.sampled_from("ABCDE"), st.sampled_from("vwxyz")), min_size=1, max_size=14))
def test_the_same_counts_come_by_looking_at_every_two_records(rows):
    table = records(*rows)
    found = linkage_quality(table, sexes(A="F", B="M", C="F", D="M", E="F"))
    pairs = [(one, other) for place, one in enumerate(rows) for other in rows[place + 1 :]]
    true = sum(one[0] == other[0] for one, other in pairs)
    joined = sum(one[1] == other[1] for one, other in pairs)
    assert (found.true_pairs, found.found_pairs) == (true, joined)
    assert found.right_pairs == sum(one == other for one, other in pairs)
    shuffled = linkage_quality(table.sample(frac=1, random_state=1), sexes(A="F", B="M", C="F", D="M", E="F"))
    for share, again in ((found.recall, shuffled.recall), (found.precision, shuffled.precision)):
        assert (share.value is None) == (again.value is None)
        if share.value is not None:
            assert (share.value, share.low, share.high) == pytest.approx((again.value, again.low, again.high))
