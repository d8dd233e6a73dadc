"""When a partnership's own rows are enough for a refit."""

import numpy as np
import pytest

from desist.models.judging.enough import enough_to_refit, people_needed


def test_the_published_worked_example_is_met():
    """Riley et al. (2020), BMJ 368, m441: 24 parameters, a rate of .174 and an expected R2 of .288 need 662 people."""
    most = 1 - (0.174**0.174 * 0.826**0.826) ** 2
    assert people_needed(0.174, 24, explained=0.288 / most) == 662


def test_a_model_of_one_parameter_still_needs_to_tell_the_rate():
    """(1.96 / .05)^2 x .3 x .7 = 322.7 people."""
    assert people_needed(0.3, 1) == 323


def test_rarer_outcomes_and_more_parameters_need_more_people():
    assert people_needed(0.05, 30) > people_needed(0.3, 30) > people_needed(0.3, 15)


def rows_for(people, share, dates=3):
    person = np.repeat(np.arange(people), dates)
    return (person < share * people).astype(float), person


def test_enough_people_may_refit_and_the_words_name_the_counts():
    y, people = rows_for(3000, 0.3)
    found = enough_to_refit(y, people, items=10)
    assert found.enough and (found.people, found.with_outcome) == (3000, 900)
    assert found.words.startswith("Enough for a refit: 3,000 people, 900 with the outcome")


@pytest.mark.parametrize(("people", "enough"), [(2390, False), (2400, True)])
def test_the_boundary_is_the_number_of_people_and_not_of_rows(people, enough):
    """30 parameters at 30 %: 30 / (.1 x -ln(1 - .15 x .7053 / .9)) = 2,400 people (rounded up)."""
    y, person = rows_for(people, 0.3, dates=10)
    assert people_needed(0.3, 30) == 2400
    assert enough_to_refit(y, person, items=10).enough == enough


def test_everybody_alike_teaches_nothing():
    found = enough_to_refit(np.zeros(30), np.arange(30), items=5)
    assert not found.enough and found.words == "No refit: everybody has the same outcome."
