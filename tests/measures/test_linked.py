"""Tables that share people are protected together, and no sum over all of them gives a hidden count away."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.measures import suppression
from desist.measures.disclosure import HIDDEN, PARTNERSHIP, PRACTITIONER, PUBLIC, Audience
from desist.measures.linked import Table, key_of, link, protect_tables
from tests.measures.attack import attack_cells, recovered

EXACT = Audience("exact", hide_below=5, round_to=1, least_people=5)


def table(name, rows, *, by="group", columns=("listed", "not listed"), across="result", **other):
    """Counts by group; ``rows``: the counts of each group."""
    counts = pd.DataFrame(list(rows.values()), columns=pd.Index(columns, name=across))
    counts.index = (pd.MultiIndex.from_tuples(rows, names=by) if isinstance(by, tuple) else pd.Index(rows, name=by))
    return Table(name, counts, **other)


def by_sex_and_age(cube):
    """Four linked tables of one cube of counts (sex, age, result): by sex, by age, by both, and a list of results."""
    cube = np.asarray(cube)
    sexes, ages = [f"s{i}" for i in range(cube.shape[0])], [f"a{i}" for i in range(cube.shape[1])]
    both = {(s, a): cube[i, j].tolist() for i, s in enumerate(sexes) for j, a in enumerate(ages)}
    return [
        table("sex", dict(zip(sexes, cube.sum(axis=1).tolist(), strict=True)), by="sex"),
        table("age", dict(zip(ages, cube.sum(axis=0).tolist(), strict=True)), by="age"),
        table("both", both, by=("sex", "age")),
        Table("results", pd.DataFrame({"people": cube.sum(axis=(0, 1))},
                                      index=pd.Index(["listed", "not listed"], name="result"))),
    ]


# -- what is linked


def test_tables_by_other_things_share_the_totals_of_what_they_share():
    linked = link([table("a", {"x": (3, 7), "y": (10, 30)}, by="a"), table("b", {"p": (5, 17), "q": (8, 20)}, by="b")])
    assert linked.keys.count("everybody|result=listed") == 1
    assert dict(zip(linked.keys, linked.values, strict=True))["everybody|result=listed"] == 13
    assert len(linked.keys) == 8 + 4 + 2 + 1  # inner cells, row totals, two shared column totals, one shared total


def test_a_table_by_two_things_adds_up_to_the_tables_by_one_of_them():
    linked = link(by_sex_and_age([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]))
    lines = {(linked.keys[t], tuple(sorted(linked.keys[p] for p in parts))) for t, parts in linked.lines}
    assert (key_of("everybody", [("sex", "s0"), ("result", "listed")]), (
        "everybody|age=a0|result=listed|sex=s0", "everybody|age=a1|result=listed|sex=s0")) in lines
    assert ("everybody|sex=s0", ("everybody|age=a0|sex=s0", "everybody|age=a1|sex=s0")) in lines


def test_tables_of_other_people_under_one_name_are_refused():
    with pytest.raises(ValueError, match="counts other people"):
        link([table("a", {"x": (3, 7)}, by="a"), table("b", {"p": (5, 17)}, by="b")])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: table("t", {}), "without rows"),
        (lambda: table("t", {"x": (1, 2)}, by="result"), "name of its own"),
        (lambda: Table("t", pd.DataFrame({"n": [1]})), "name of its own"),
        (lambda: table("t", {"x|y": (1, 2)}), "may hold the sign"),
        (lambda: table("t", {"x": (1, 2)}, people="listed", within="listed"), "part of themselves"),
        (lambda: link([table("t", {"x": (1, 2)}), table("t", {"x": (1, 2)})]), "one name"),
        (lambda: link([table("t", {"x": (1, 2)}), table("u", {"x": (1, 9)}, people="p", within="everybody")]),
         "more people"),
    ],
)
def test_a_table_that_cannot_be_told_apart_or_added_up_is_refused(made, words):
    with pytest.raises(ValueError, match=words):
        made()


# -- what is hidden


def test_a_total_hidden_in_one_table_is_hidden_in_the_other():
    # 3 is hidden; in its table of one group the total is the same number, so it must go in both tables
    shown = protect_tables([table("a", {"x": (3, 40)}, by="a"), table("b", {"p": (1, 20), "q": (2, 20)}, by="b")],
                           PARTNERSHIP)
    assert shown.tables["a"].column_totals["listed"] == HIDDEN
    assert shown.tables["b"].column_totals["listed"] == HIDDEN


def test_a_cell_that_one_table_hides_cannot_be_had_from_the_other():
    # by age the two cells of s0 add up to what the table by sex shows
    shown = protect_tables(by_sex_and_age([[[3, 40], [30, 40]], [[50, 60], [70, 80]]]), PARTNERSHIP)
    both = shown.tables["both"].cells
    assert both.loc[("s0", "a0"), "listed"] == HIDDEN
    assert not recovered(attack_cells(shown.cells, shown.lines, PARTNERSHIP), shown.cells, PARTNERSHIP.hide_below)


def test_a_few_people_who_are_not_in_the_part_are_not_told_by_the_difference():
    # 43 of all, 40 of those with a known sex: 3 have none
    everybody = table("all", {"x": (43, 60), "y": (50, 70)})
    some = table("known sex", {"x": (40, 60), "y": (50, 70)}, people="sex known", within="everybody")
    shown = protect_tables([everybody, some], PRACTITIONER)
    one, other = shown.tables["all"].cells.loc["x", "listed"], shown.tables["known sex"].cells.loc["x", "listed"]
    assert HIDDEN in (one, other)
    alone = protect_tables([everybody], PRACTITIONER).tables["all"]
    assert alone.cells.loc["x", "listed"] == "43"


def test_a_column_in_which_all_are_of_one_group_is_hidden_from_the_public():
    # whoever was listed is of group x: being listed tells the group
    counts = {"x": (40, 50), "y": (0, 60)}
    assert protect_tables([table("t", counts)], PUBLIC).tables["t"].cells.loc["x", "listed"] == HIDDEN
    assert protect_tables([table("t", counts)], PARTNERSHIP).tables["t"].cells.loc["x", "listed"] == "40"


def test_nearly_all_of_a_group_in_one_cell_is_hidden_with_the_few_that_remain():
    shown = protect_tables([table("t", {"x": (97, 3), "y": (40, 60)})], PUBLIC).tables["t"].cells
    assert shown.loc["x"].tolist() == [HIDDEN, HIDDEN]


cubes = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda shape: st.lists(
        st.one_of(st.integers(0, 6), st.integers(0, 40)), min_size=shape[0] * shape[1] * 2,
        max_size=shape[0] * shape[1] * 2,
    ).map(lambda flat: np.array(flat).reshape(*shape, 2))
)


@given(cubes, st.sampled_from([PARTNERSHIP, PUBLIC, PRACTITIONER]))
@settings(max_examples=20, deadline=None)
def test_no_hidden_cell_of_linked_tables_is_recovered_to_within_its_threshold(cube, audience):
    shown = protect_tables(by_sex_and_age(cube), audience)
    exact = Audience("exact", audience.hide_below, 1, audience.least_people)
    told = {key: text if text == HIDDEN else str(value) for (key, text), value in zip(
        shown.cells.items(), link(by_sex_and_age(cube)).values.tolist(), strict=False)}
    # the reader knows every shown cell exactly, as if nothing had been rounded
    assert recovered(attack_cells(told, shown.lines, exact, whole=False), told, audience.hide_below) == {}


def test_the_attack_succeeds_once_no_further_cells_are_hidden(monkeypatch):
    tables = by_sex_and_age([[[3, 40], [30, 40]], [[50, 60], [70, 80]]])
    monkeypatch.setattr(suppression._Search, "hide_partners", lambda *_: None)
    monkeypatch.setattr(suppression._Search, "next_to_hide", lambda *_: None)
    shown = protect_tables(tables, EXACT)
    found = recovered(attack_cells(shown.cells, shown.lines, EXACT), shown.cells, EXACT.hide_below)
    assert found == {"everybody|age=a0|result=listed|sex=s0": (3, 3)}


def test_two_hidden_cells_in_a_sum_are_not_enough_where_both_are_one(monkeypatch):
    # 42 - 40 = 2, and 1 + 1 = 2
    tables = [Table("t", pd.DataFrame({"people": [1, 1, 40, 50]}, index=pd.Index(list("abcd"), name="need")))]
    shown = protect_tables(tables, EXACT)
    assert not recovered(attack_cells(shown.cells, shown.lines, EXACT), shown.cells, 5)
    monkeypatch.setattr(suppression._Search, "next_to_hide", lambda *_: None)
    shown = protect_tables(tables, EXACT)
    assert recovered(attack_cells(shown.cells, shown.lines, EXACT), shown.cells, 5) == {
        "everybody|need=a": (0, 2), "everybody|need=b": (0, 2)}
