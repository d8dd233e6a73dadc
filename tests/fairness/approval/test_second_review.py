"""Second reviewers: all people of the groups that cannot be told, hidden among others drawn by lot."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.fairness.approval.kinds import OpenGroup
from desist.fairness.approval.second_review import draw, people_of

KEY = b"k" * 32
LISTED = [f"P{number:03d}" for number in range(100)]


def drawn(marked, share=0.5, listed=LISTED, key=KEY, occasion="one"):
    return draw(listed, marked, key=key, occasion=occasion, share=share)


@given(st.sets(st.sampled_from(LISTED), min_size=1), st.floats(0.05, 1.0))
def test_everybody_marked_is_drawn_and_the_odds_grow_no_more_than_the_share_allows(marked, share):
    found = drawn(marked, share)
    assert marked <= found.people <= set(LISTED)
    assert len(found.people) >= share * len(LISTED)
    others, drawn_others = len(LISTED) - len(marked), len(found.people) - len(marked)
    assert drawn_others >= share * others - 1e-9


def test_ten_of_a_hundred_are_hidden_among_fortyfive_others():
    found = drawn(LISTED[:10])
    assert len(found.people) == 55 and found.before == 0.1
    assert found.posterior == pytest.approx(10 / 55)
    assert "55 of 100 listed people" in found.words and "about 19 in 100" in found.words


def test_few_people_are_not_counted_in_words():
    found = drawn(LISTED[:2])
    assert "fewer than 18 in 100" in found.words
    assert drawn(LISTED[:3]).words.replace("52", "51") == found.words


def test_the_draw_is_the_same_for_the_same_key_and_no_one_elses(monkeypatch):
    assert drawn(LISTED[:5]).people == drawn(LISTED[:5], listed=LISTED[::-1]).people
    assert drawn(LISTED[:5]).people != drawn(LISTED[:5], key=b"x" * 32).people
    assert drawn(LISTED[:5]).people != drawn(LISTED[:5], occasion="two").people


def test_nobody_is_drawn_where_nobody_listed_is_marked():
    assert drawn(["somebody else"]).people == frozenset() and drawn([], listed=[]).posterior == 0.0
    with pytest.raises(ValueError, match="share"):
        drawn(LISTED[:1], share=0.0)


def test_the_people_of_the_groups_that_cannot_be_told_are_found_by_characteristic():
    groups = pd.DataFrame({"person_id": ["A", "B", "C"], "sex": ["Female", "Male", "Male"],
                           "ethnicity": ["White", "Mixed", "White"]})  # fmt: skip
    found = [OpenGroup("f", "ethnicity", "Mixed", "no_evidence", None), OpenGroup("g", "sex", "Female", "", None)]
    assert people_of(groups, found) == {"A", "B"}
    assert people_of(groups, found[:1]) == {"B"}
    with pytest.raises(ValueError, match="religion"):
        people_of(groups, [OpenGroup("f", "religion", "none", "", None)])


def test_where_more_than_a_third_are_marked_everybody_is_asked_for_and_the_request_tells_nothing():
    listed = [f"p{number}" for number in range(9)]
    three = draw(listed, listed[:3], key=b"k", occasion="o", share=0.2)
    four = draw(listed, listed[:4], key=b"k", occasion="o", share=0.2)
    assert len(three.people) == 3 + 2 and four.people == frozenset(listed)
    assert four.posterior == four.before and "tells nothing" in four.words
