"""What one cell or one sum tells its audience."""

import math

import pytest

from desist.measures.audience import PARTNERSHIP, PRACTITIONER, PUBLIC, Audience, may_show_amount, show_count, told_by


@pytest.mark.parametrize("audience", [PARTNERSHIP, PRACTITIONER, PUBLIC, Audience("coarse", 3, 10, 3)])
def test_what_a_shown_count_tells_holds_the_count_and_nothing_that_is_shown_otherwise(audience):
    for count in range(60):
        least, most = told_by(show_count(count, audience), audience)
        assert least <= count <= most
        if most < math.inf:
            assert {show_count(other, audience) for other in range(int(least), int(most) + 1)} == {
                show_count(count, audience)}


def test_a_hidden_cell_may_be_anything_and_a_zero_is_a_zero():
    assert told_by("[c]", PUBLIC) == (0.0, math.inf)
    assert told_by("0", PUBLIC) == (0.0, 0.0)
    assert told_by("5", PARTNERSHIP) == (5.0, 7.0)  # three and four are hidden
    assert told_by("1,235", PARTNERSHIP) == (1233.0, 1237.0)


def test_the_mean_of_days_that_two_people_make_up_is_not_shown():
    assert not may_show_amount([400, 500, 20, 20, 20], PARTNERSHIP)  # 900 of 960
    assert may_show_amount([400, 500, 60, 40, 40], PARTNERSHIP)  # 900 of 1040
    assert may_show_amount([450, 450, 50, 25, 25], PARTNERSHIP)  # exactly nine tenths


def test_the_mean_of_too_few_people_is_not_shown():
    assert not may_show_amount([10, 10, 10, 10], PARTNERSHIP)
    assert may_show_amount([10, 10, 10, 10, 10], PARTNERSHIP)
    assert not may_show_amount([10] * 9, PUBLIC)


@pytest.mark.parametrize("amounts", [[-1.0] * 10, [math.nan] * 10])
def test_amounts_below_zero_or_missing_are_no_shares_of_a_sum(amounts):
    with pytest.raises(ValueError, match="not below zero"):
        may_show_amount(amounts, PUBLIC)
