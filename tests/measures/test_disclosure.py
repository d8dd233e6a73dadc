"""Small counts are hidden, and nothing that is left gives them away."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.measures.disclosure import (
    HIDDEN,
    LOW,
    NOT_APPLICABLE,
    PARTNERSHIP,
    PRACTITIONER,
    PUBLIC,
    Audience,
    hide,
    may_show_rate,
    percentage,
    protect,
    protect_list,
    show_count,
)


def table(rows):
    return pd.DataFrame(rows, index=[f"r{i}" for i in range(len(rows))], columns=[f"c{i}" for i in range(len(rows[0]))])


def hidden_cells(shown):
    """True where a cell of the whole table, totals in the last row and column, is hidden."""
    inner = np.column_stack([shown.cells.to_numpy(), shown.row_totals.to_numpy()])
    return np.vstack([inner, [*shown.column_totals, shown.total]]) == HIDDEN


def with_totals(values):
    values = np.asarray(values)
    inner = np.column_stack([values, values.sum(axis=1)])
    return np.vstack([inner, inner.sum(axis=0)])


# -- one count


@pytest.mark.parametrize(
    ("audience", "count", "shown"),
    [
        (PARTNERSHIP, 0, "0"), (PARTNERSHIP, 1, HIDDEN), (PARTNERSHIP, 4, HIDDEN), (PARTNERSHIP, 5, "5"),
        (PARTNERSHIP, 7, "5"), (PARTNERSHIP, 8, "10"), (PARTNERSHIP, 1234, "1,235"),
        (PUBLIC, 1, HIDDEN), (PUBLIC, 9, HIDDEN), (PUBLIC, 10, "10"), (PUBLIC, 12, "10"), (PUBLIC, 13, "15"),
        (PRACTITIONER, 4, HIDDEN), (PRACTITIONER, 5, "5"), (PRACTITIONER, 7, "7"), (PARTNERSHIP, None, "[x]"),
    ],
)
def test_each_audience_sees_counts_from_its_own_threshold_on(audience, count, shown):
    assert show_count(count, audience) == shown


def test_a_count_that_rounds_to_zero_is_not_shown_as_zero():
    assert show_count(1, Audience("coarse", hide_below=1, round_to=5, least_people=1)) == LOW


def test_an_audience_whose_rule_contradicts_itself_cannot_be_made():
    with pytest.raises(ValueError, match="contradicts"):
        Audience("odd", hide_below=10, round_to=5, least_people=5)


# -- lists with a total


def test_one_hidden_count_in_a_list_takes_the_next_smallest_with_it():
    shown, total = protect_list({"drugs": 3, "alcohol": 22, "housing": 41}, PARTNERSHIP)
    assert shown == {"drugs": HIDDEN, "alcohol": HIDDEN, "housing": "40"}
    assert total == "65"


def test_two_hidden_counts_of_one_cannot_be_told_from_their_sum():
    # 42 - 40 = 2, and both are at least 1: they would be 1 and 1, so a third count goes too
    shown, _ = protect_list({"a": 1, "b": 1, "c": 40, "d": 50}, PRACTITIONER)
    assert shown == {"a": HIDDEN, "b": HIDDEN, "c": HIDDEN, "d": "50"}


def test_a_list_of_one_small_count_hides_its_total_too():
    assert protect_list({"a": 3}, PARTNERSHIP) == ({"a": HIDDEN}, HIDDEN)


def test_a_list_without_small_counts_stays_as_it_is():
    assert protect_list({"a": 0, "b": 20}, PARTNERSHIP) == ({"a": "0", "b": "20"}, "20")


# -- tables


def test_a_single_small_cell_takes_three_more_so_that_no_total_gives_it_away():
    shown = protect(table([[3, 20, 30], [25, 40, 50], [60, 70, 80]]), PARTNERSHIP)
    assert hidden_cells(shown).tolist() == [
        [True, True, False, False],
        [True, True, False, False],
        [False, False, False, False],
        [False, False, False, False],
    ]
    assert shown.cells.loc["r2"].tolist() == ["60", "70", "80"]
    assert (shown.row_totals["r0"], shown.total) == ("55", "380")


def test_every_row_and_column_with_a_hidden_cell_has_at_least_two():
    shown = protect(table([[1, 30, 30, 30], [30, 2, 30, 30], [30, 30, 30, 3], [90, 90, 90, 90]]), PARTNERSHIP)
    marks = hidden_cells(shown)
    assert all(count != 1 for count in [*marks.sum(axis=0), *marks.sum(axis=1)])


def test_a_row_in_which_everybody_gave_one_answer_is_hidden_from_the_public_alone():
    counts = table([[40, 0, 0], [30, 30, 30]])
    assert protect(counts, PUBLIC).cells.loc["r0", "c0"] == HIDDEN
    assert protect(counts, PARTNERSHIP).cells.loc["r0", "c0"] == "40"


def test_the_notes_explain_only_the_markers_in_the_table():
    assert protect(table([[3, 20], [30, 40]]), PRACTITIONER).notes() == [
        "[c] means: hidden, because so few people could be recognised."
    ]
    assert protect(table([[30, 20], [30, 40]]), PARTNERSHIP).notes() == [
        "Counts are rounded to the nearest 5, so they may not add up."
    ]


@pytest.mark.parametrize("bad", [[[1.5, 2.0]], [[-1, 2]], [[np.nan, 2]]])
def test_only_whole_counts_of_people_can_be_protected(bad):
    with pytest.raises(ValueError, match="whole counts"):
        protect(table(bad), PARTNERSHIP)


def test_a_total_that_is_not_the_sum_of_its_parts_is_refused():
    with pytest.raises(ValueError, match="not the sum"):
        hide(np.array([3, 4, 8]), [(2, (0, 1))], PARTNERSHIP)


small_tables = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(
        st.lists(st.one_of(st.integers(0, 6), st.integers(0, 60)), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0], max_size=shape[0],
    )
)


def subtract_until_nothing_more(grid, hidden):
    """The attack: in each row and column with one hidden cell, work it out from the others; again and again."""
    open_cells = ~hidden
    while True:
        before = open_cells.sum()
        for axis in (0, 1):
            for line in range(grid.shape[axis]):
                marks = open_cells[line] if axis == 0 else open_cells[:, line]
                if (~marks).sum() == 1:
                    marks[:] = True
        if open_cells.sum() == before:
            return open_cells & hidden


@given(small_tables, st.sampled_from([PARTNERSHIP, PUBLIC, PRACTITIONER]))
@settings(max_examples=100, deadline=None)
def test_no_hidden_cell_of_any_table_comes_out_by_subtraction(rows, audience):
    grid, marks = with_totals(rows), hidden_cells(protect(table(rows), audience))
    assert not subtract_until_nothing_more(grid, marks).any()
    small = (grid > 0) & (grid < audience.hide_below)
    assert marks[small].all()


#: All tables of two rows and three columns with counts of 0 to 7, totals added.
ALL_SMALL = np.array(list(itertools.product(range(8), repeat=6))).reshape(-1, 2, 3)
ALL_SMALL = np.concatenate([ALL_SMALL, ALL_SMALL.sum(axis=2, keepdims=True)], axis=2)
ALL_SMALL = np.concatenate([ALL_SMALL, ALL_SMALL.sum(axis=1, keepdims=True)], axis=1)


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=2))
@settings(max_examples=30, deadline=None)
def test_every_small_count_keeps_a_second_possible_value_among_all_tables_that_fit(rows):
    # the reader knows all published numbers exactly, and which hidden cells are not zero
    grid = with_totals(rows)
    marks = hidden_cells(protect(table(rows), Audience("tiny", hide_below=3, round_to=1, least_people=3)))
    fits = ((grid == ALL_SMALL) | marks).all(axis=(1, 2)) & ((ALL_SMALL > 0) | (grid == 0)).all(axis=(1, 2))
    small = (grid > 0) & (grid < 3)
    possible = ALL_SMALL[fits][:, small]
    assert (possible.min(axis=0) < possible.max(axis=0)).all()


def test_order_of_rows_changes_nothing_but_the_order():
    counts = table([[3, 20, 31], [25, 40, 50], [60, 2, 80]])
    one, other = protect(counts, PUBLIC), protect(counts.iloc[::-1], PUBLIC)
    pd.testing.assert_frame_equal(one.cells, other.cells.iloc[::-1])


# -- rates


def test_percentages_are_whole_and_come_from_the_rounded_counts():
    assert percentage("10", "35") == "29%"
    assert percentage("1,000", "1,235") == "81%"
    assert percentage("5", "5") == "100%"


def test_a_percentage_of_nobody_does_not_apply_and_of_a_hidden_count_is_hidden():
    assert percentage("0", "0") == NOT_APPLICABLE
    assert percentage(HIDDEN, "35") == HIDDEN
    assert percentage("5", HIDDEN) == HIDDEN
    assert percentage("5", "2,000") == LOW
    assert percentage("0", "35") == "0%"


def test_a_rate_follows_the_rule_of_both_its_counts():
    assert may_show_rate(5, 5, PARTNERSHIP)
    assert not may_show_rate(4, 0, PARTNERSHIP)
    assert not may_show_rate(100, 4, PARTNERSHIP)
    assert not may_show_rate(100, 96, PARTNERSHIP)  # four people without the outcome
    assert may_show_rate(100, 0, PARTNERSHIP)
    assert not may_show_rate(100, 0, PUBLIC)  # all of them share one answer
    assert may_show_rate(10, None, PUBLIC)
    assert not may_show_rate(9, None, PUBLIC)
