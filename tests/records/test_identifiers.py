import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desist.records.identifiers import (
    CHECK_LETTERS,
    check_letter,
    is_crn,
    is_cro,
    is_nhs_number,
    is_pnc,
    is_prison_number,
)


def test_the_check_letter_is_the_remainder_by_23_in_the_national_list():
    # 99 0000001: 990000001 = 23 * 43043478 + 7, and the letter at 7 is G (Z A B C D E F G)
    assert check_letter("990000001") == "G"
    assert is_pnc("1999/0000001G")
    assert not is_pnc("1999/0000001H")


def test_a_cro_is_padded_to_six_digits_in_its_standard_form_only():
    # year 99 then 000012: 99000012 = 23 * 4304348 + 8 -> H ; short form 99 then 12: 9912 = 23 * 430 + 22 -> Y
    assert is_cro("12/99H")
    assert is_cro("SF99/12Y")
    assert not is_cro("SF99/12H")


def test_an_nhs_number_ends_in_its_modulus_11_digit():
    # 9990000018: 9*10+9*9+9*8+1*2 = 245; 245 = 11 * 22 + 3; 11 - 3 = 8
    assert is_nhs_number("9990000018")
    assert not is_nhs_number("9990000019")


def test_a_crn_and_a_prison_number_are_known_by_their_pattern():
    assert is_crn("X123456") and not is_crn("123456X")
    assert is_prison_number("A1234BC") and not is_prison_number("A1234B")


@given(st.integers(0, 99), st.integers(0, 9_999_999), st.sampled_from(string.ascii_uppercase))
def test_exactly_one_letter_fits_a_pnc_number(year, serial, letter):
    right = check_letter(f"{year:02d}{serial:07d}")
    assert is_pnc(f"19{year:02d}/{serial:07d}{letter}") == (letter == right)


@given(st.text(max_size=20))
def test_no_text_at_all_makes_a_check_fail_with_an_error(text):
    for check in (is_pnc, is_cro, is_crn, is_prison_number, is_nhs_number):
        assert check(text) in (True, False)


@pytest.mark.parametrize("letter", "IOS")
def test_letters_that_look_like_digits_are_not_in_the_list(letter):
    assert letter not in CHECK_LETTERS and len(CHECK_LETTERS) == 23
