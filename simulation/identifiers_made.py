"""Identifiers that have the right form and check letter but cannot belong to anybody: the reserved synthetic ranges.

| kind | made-up range | why nobody has it |
|---|---|---|
| pnc | years 2090 to 2099 | no such year has come; write it with four digits, for two would read as 199x |
| crn | letter Z | this project's own range: a partnership whose numbers start with Z must choose another |
| prison_number | first letter Z | the same |
| nhs_number | 999 first | numbers starting 999 are set apart for tests and are never issued |
| postcode | area ZZ | there is no such postcode area |

CRO numbers are left out of the extracts: their two-digit year leaves no range of which one could be sure.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pyarrow as pa

from desist.records.identifiers import CHECK_LETTERS, CHECKS
from desist.simulation.world import Flags, Ints

#: Most people the narrowest range (CRN: six digits) has numbers for.
MOST_PEOPLE = 900_000

#: A prime that does not divide the range, so that its multiples go through every serial once.
_APART = 104_729

_RANGES = {
    "pnc": re.compile(r"209\d/\d{7}[A-Z]"),
    "crn": re.compile(r"Z\d{6}"),
    "prison_number": re.compile(r"Z\d{4}[A-Z]{2}"),
    "nhs_number": re.compile(r"999\d{7}"),
    "postcode": re.compile(r"ZZ\d{1,2} \d[A-Z]{2}"),
}
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def is_made_up_identifier(kind: str, value: str) -> bool:
    """Whether a value lies in the reserved synthetic range of its kind, with a check letter that is right.

    False for anything that could belong to a person, and for kinds without such a range (cro).
    """
    form = _RANGES.get(kind)
    if form is None or not form.fullmatch(value):
        return False
    return CHECKS[kind](value) if kind in CHECKS else True


def spread(serials: Ints) -> Ints:
    """Serials scattered over the range, no two alike: a partnership holds a small part of a country's numbers."""
    return np.asarray(serials * _APART % MOST_PEOPLE)


def texts(form: str, *numbers: Ints) -> list[str]:
    """One text a row, ``form`` filled with the row's numbers."""
    return [form % row for row in zip(*(values.tolist() for values in numbers), strict=True)]


def pnc_numbers(serials: Ints, wrong: Flags) -> list[str]:
    """PNC numbers; the rows marked ``wrong`` carry the next letter of the list, so a check must refuse them."""
    year, serial = 90 + serials % 10, 1_000_000 + serials
    place = ((year * 10**7 + serial) % 23 + wrong) % 23
    letters = np.array(list(CHECK_LETTERS))[place].tolist()
    return [f"20{y}/{n:07d}{x}" for y, n, x in zip(year.tolist(), serial.tolist(), letters, strict=True)]


def crns(serials: Ints) -> list[str]:
    return texts("Z%06d", serials)


def prison_numbers(serials: Ints) -> list[str]:
    first = [_LETTERS[place] for place in (serials // 10_000 % 24).tolist()]
    last = [_LETTERS[place] for place in (serials // 240_000 % 24).tolist()]
    return [f"Z{n:04d}{a}{b}" for n, a, b in zip((serials % 10_000).tolist(), first, last, strict=True)]


def nhs_numbers(serials: Ints) -> list[str]:
    """NHS test numbers: 999, six digits, check digit. Sets whose check digit would be 10 are passed over."""
    six, check = _nhs_serials()
    return texts("999%06d%d", six[serials], check[serials])


@cache
def _nhs_serials() -> tuple[Ints, Ints]:
    six = np.arange(10**6)
    total = 9 * 10 + 9 * 9 + 9 * 8 + sum(six // 10 ** (5 - place) % 10 * (7 - place) for place in range(6))
    check = (11 - total % 11) % 11
    return six[check != 10], check[check != 10]


def postcodes(wards: Ints, draws: Ints) -> list[str]:
    """A postcode a person, one outward code a ward."""
    a, b = draws // 10 % 24, draws // 240 % 24
    return [
        f"ZZ{ward + 1} {digit}{_LETTERS[x]}{_LETTERS[y]}"
        for ward, digit, x, y in zip(wards.tolist(), (draws % 10).tolist(), a.tolist(), b.tolist(), strict=True)
    ]


def column(values: list[str], missing: Flags) -> pa.Array:
    """A text column, empty where ``missing``."""
    return pa.array(values, type=pa.string(), mask=missing)
