"""Made-up identifiers have the right form and check letter, and cannot belong to anybody."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.records.identifiers import CHECKS
from desist.simulation.identifiers_made import (
    MOST_PEOPLE,
    crns,
    is_made_up_identifier,
    nhs_numbers,
    pnc_numbers,
    postcodes,
    prison_numbers,
)

MADE = {
    "pnc": lambda serials: pnc_numbers(serials, np.zeros(len(serials), dtype=bool)),
    "crn": crns,
    "prison_number": prison_numbers,
    "nhs_number": nhs_numbers,
}
SERIALS = st.lists(st.integers(0, MOST_PEOPLE - 1), min_size=1, max_size=20, unique=True)


@pytest.mark.parametrize("kind", sorted(MADE))
@settings(deadline=None, max_examples=40)
@given(serials=SERIALS)
def test_every_number_passes_its_check_lies_in_the_made_up_range_and_is_one_persons_only(kind, serials):
    made = MADE[kind](np.array(serials))
    assert all(CHECKS[kind](value) for value in made)
    assert all(is_made_up_identifier(kind, value) for value in made)
    assert len(set(made)) == len(serials)


@settings(deadline=None, max_examples=40)
@given(serials=SERIALS)
def test_a_pnc_with_a_wrong_letter_is_refused_by_the_check_and_is_not_made_up(serials):
    wrong = pnc_numbers(np.array(serials), np.ones(len(serials), dtype=bool))
    assert not any(CHECKS["pnc"](value) or is_made_up_identifier("pnc", value) for value in wrong)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("pnc", "2003/0000001W"),  # the right letter, a year that has been
        ("pnc", "90/1000000A"),  # the short form could be of 1990
        ("crn", "X123456"),
        ("prison_number", "A1234BC"),
        ("nhs_number", "9434765919"),  # a right check digit outside the test range
        ("postcode", "IG1 1DD"),
        ("cro", "123456/90A"),  # no range of CRO numbers is surely nobody's
        ("surname", "Smith"),
    ],
)
def test_what_could_belong_to_somebody_is_not_made_up(kind, value):
    assert not is_made_up_identifier(kind, value)


def test_postcodes_are_of_an_area_that_does_not_exist():
    for value in postcodes(np.arange(22), np.arange(22) * 211):
        assert is_made_up_identifier("postcode", value)
