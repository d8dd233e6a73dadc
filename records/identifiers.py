"""Form and check letters of the national identifiers (DOMAIN section 2). Nothing is guessed or repaired."""

from __future__ import annotations

import re

CHECK_LETTERS = "ZABCDEFGHJKLMNPQRTUVWXY"

_PNC = re.compile(r"(\d{4})/(\d{7})([A-Z])")
_CRO_STANDARD = re.compile(r"(\d{1,6})/(\d{2})([A-Z])")
_CRO_SHORT_FORM = re.compile(r"SF(\d{2})/(\d{1,6})([A-Z])")
_CRN = re.compile(r"[A-Z]\d{6}")
_PRISON = re.compile(r"[A-Z]\d{4}[A-Z]{2}")
_NHS = re.compile(r"\d{10}")


def check_letter(number: str) -> str:
    """The letter at ``number`` modulo 23 in the national list."""
    return CHECK_LETTERS[int(number) % 23]


def is_pnc(value: str) -> bool:
    """YYYY/NNNNNNNX, X = letter of the two-digit year followed by the seven-digit serial."""
    match = _PNC.fullmatch(value)
    return match is not None and check_letter(match[1][2:] + match[2]) == match[3]


def is_cro(value: str) -> bool:
    """NNNNNN/YYX (serial padded to six before the check) or SFYY/NNNNNNX (serial as it stands)."""
    if match := _CRO_STANDARD.fullmatch(value):
        return check_letter(match[2] + match[1].zfill(6)) == match[3]
    if match := _CRO_SHORT_FORM.fullmatch(value):
        return check_letter(match[1] + match[2]) == match[3]
    return False


def is_crn(value: str) -> bool:
    return bool(_CRN.fullmatch(value))


def is_prison_number(value: str) -> bool:
    return bool(_PRISON.fullmatch(value))


def is_nhs_number(value: str) -> bool:
    """Ten digits whose last is the modulus-11 check digit of the first nine."""
    if not _NHS.fullmatch(value):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value[:9], range(10, 1, -1), strict=True))
    return (11 - total % 11) % 11 == int(value[9])


CHECKS = {
    "pnc": is_pnc,
    "cro": is_cro,
    "crn": is_crn,
    "prison_number": is_prison_number,
    "nhs_number": is_nhs_number,
}
