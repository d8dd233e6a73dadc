"""What falls unevenly is said, what chance could have made is not, and nobody is left out."""

import pandas as pd
import pytest

from desist.fairness.scrutiny.by_group import FEWER, FEWEST, MORE, GroupShare, Subject, by_group, sentences


def people(**sizes):
    """Persons by group: people(A=3) gives A0, A1, A2."""
    names = [(f"{group}{place}", group) for group, size in sizes.items() for place in range(size)]
    return pd.DataFrame(names, columns=["person_id", "sex"])


def subject(groups, **true_of):
    """Flags of the first so many of each group."""
    flags = [
        int(one[len(group) :]) < true_of.get(group, 0)
        for one, group in zip(groups["person_id"], groups["sex"], strict=True)
    ]
    return Subject("gaps", "Gaps in the data", "made-up people", pd.Series(flags, index=groups["person_id"]))


def test_a_planted_difference_is_found_and_told_without_numbers():
    groups = people(A=100, B=100)
    asked = subject(groups, A=30, B=5)
    shares = by_group(asked, groups)
    assert shares == (GroupShare("sex", "A", 100, 30, MORE), GroupShare("sex", "B", 100, 5, FEWER))
    assert (shares[0].yes, shares[0].no) == (30, 70)
    assert sentences(asked, shares) == (
        "Gaps in the data: more often than for everybody else, for A (sex).",
        "Gaps in the data: less often than for everybody else, for B (sex).",
    )


def test_a_difference_that_chance_could_make_is_not_told():
    groups = people(A=100, B=100)
    asked = subject(groups, A=12, B=8)
    assert [share.differs for share in by_group(asked, groups)] == ["", ""]
    assert "no difference between groups is shown" in sentences(asked, by_group(asked, groups))[0]


def test_the_more_groups_are_compared_the_more_it_takes():
    """15 of 100 against 5: told between two groups, not among as many as these."""
    two = people(A=100, B=100)
    asked = subject(two, A=15, B=5)
    assert by_group(asked, two)[0].differs == MORE
    more = two.assign(**{f"c{number}": "x" for number in range(8)})
    for number in range(8):
        more[f"c{number}"] = [f"{place % 4}" for place in range(200)]
    assert by_group(asked, more)[0].differs == ""


def test_a_group_of_nineteen_is_counted_and_not_compared():
    groups = people(A=FEWEST - 1, B=200)
    shares = by_group(subject(groups, A=FEWEST - 1), groups)
    assert (shares[0].people, shares[0].yes, shares[0].differs) == (FEWEST - 1, FEWEST - 1, "")


def test_people_whose_group_is_not_stated_are_counted_and_never_named_as_a_group_that_differs():
    groups = people(A=100, B=100)
    groups["sex"] = groups["sex"].replace("A", "Not stated")
    flags = pd.Series([place < 50 for place in range(200)], index=groups["person_id"])
    shares = by_group(Subject("x", "X", "people", flags), groups)
    assert [(share.group, share.differs) for share in shares] == [("B", FEWER), ("Not stated", "")]


def test_what_is_true_of_nobody_is_said_so():
    groups = people(A=30, B=30)
    asked = subject(groups)
    assert sentences(asked, by_group(asked, groups)) == ("Gaps in the data: true of nobody.",)


def test_somebody_without_a_row_of_groups_is_an_error_and_not_left_out():
    groups = people(A=30, B=30)
    with pytest.raises(ValueError, match="everybody in it needs one row of groups"):
        by_group(subject(groups, A=3), groups.iloc[1:])
    with pytest.raises(ValueError, match="not known for everybody"):
        Subject("x", "X", "people", pd.Series([True, None], index=["A", "B"]))
