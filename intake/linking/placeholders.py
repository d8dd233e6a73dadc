"""What systems write where nothing is known, and what is no fact about anybody: nulled before records are compared.

Two people who share a placeholder share nothing. The lists are this toolkit's own: values that systems fill in by
themselves, or clerks type to get past a field. Some are somebody's true value (there are people born on 1 January
1970): they lose one piece of evidence, are linked by their identifiers as before, and are counted in the report.
"""

from __future__ import annotations

import re

import pandas as pd

from desist.intake.linking.names import words
from desist.records.identifiers import CHECKS

STANDS_FOR_UNKNOWN = "stands for unknown, not compared"

#: Day nought of SQL Server, the Julian count, Excel (two countings) and its Macintosh kind, and Unix; the first and the
#: last day a field takes; and what is typed to get past it.
DATES = frozenset({
    "0001-01-01", "1111-11-11", "1582-10-15", "1753-01-01", "1800-01-01", "1858-11-17", "1899-12-30", "1899-12-31",
    "1900-01-01", "1901-01-01", "1904-01-01", "1910-01-01", "1911-11-11", "1970-01-01", "2999-12-31", "9999-12-31",
})  # fmt: skip
#: In plain small letters, as ``words`` gives them. A surname that is also a word (Male, Null) is nulled with the rest:
#: it costs them a piece of evidence, while the word would make strangers of one surname.
NAMES = frozenset(
    (  # noqa: SIM905
    "unknown|not known|notknown|unk|nk|n k|not stated|not given|not recorded|not available|not applicable|n a|na|none|"
    "no name|noname|nil|null|blank|missing|anon|anonymous|unnamed|refused|declined|withheld|tbc|tba|to be confirmed|"
    "baby|baby boy|baby girl|baby of|infant|male|female|mr|mrs|miss|ms|adult|child|person|test|tester|testing|"
    "test patient|dummy|forename|firstname|first name|surname|lastname|last name|name|fnu|lnu|xx xx|jane doe|john doe"
    ).split("|")
)  # fmt: skip
#: XX, zzz, aaaa; two letters alike may be somebody's name (Oo).
_REPEATED = re.compile(r"(.)\1{2,}|x+|zz")
#: No fixed abode and not known, as offices write them; ZZ99 is the NHS's area of codes that are no place.
POSTCODES = frozenset({
    "NFA", "NOFIXEDABODE", "NOFIXEDADDRESS", "HOMELESS", "UNKNOWN", "NOTKNOWN", "NK", "NA", "NONE", "TBC", "AA11AA",
    "AA111AA", "A11AA", "XX11XX", "XX111XX", "ZZ99ZZ",
})  # fmt: skip
_NO_PLACE = re.compile(r"ZZ99\d[A-Z]{2}|(.)\1*")
#: Serials of nothing but noughts, or of six digits and more that are all one. (A1111AA is somebody's prison number.)
_NO_SERIAL = re.compile(r"0+|(\d)\1{5,}")
_SERIALS = re.compile(r"\d+")


def is_no_name(value: str) -> bool:
    """Whether it is no name of anybody: Unknown, Baby, Test, X."""
    told = words(value)
    return not told or " ".join(told) in NAMES or all(_REPEATED.fullmatch(word) for word in told)


def is_no_place(value: str) -> bool:
    """Whether a postcode says only that there is none, or that it is not known."""
    return bool((plain := "".join(value.upper().split())) in POSTCODES or _NO_PLACE.fullmatch(plain))


def is_no_number(value: str) -> bool:
    """Whether the serial of an identifier is a made-up one: A0000AA, X111111, nothing but noughts."""
    serial = max(_SERIALS.findall(value), key=len, default="")
    return bool(_NO_SERIAL.fullmatch(serial))


_TESTS = {
    **dict.fromkeys(("forename", "other_names", "surname", "aliases"), is_no_name),
    "dob": DATES.__contains__, "postcode": is_no_place, **dict.fromkeys(CHECKS, is_no_number),
}  # fmt: skip


def without_placeholders(people: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[int, str, str]]]:
    """The records with placeholders nulled, and a queue row (place, column, reason) for each of them."""
    nulled: list[tuple[int, str, str]] = []
    kept = people.copy()
    nobody = _nobody(people)
    for column, is_none in _TESTS.items():
        if column in kept:
            stated = kept[column].dropna().unique()
            found = kept[column].isin([value for value in stated if is_none(value)])
            if column in ("forename", "surname"):
                found |= nobody
            nulled += [(place, column, STANDS_FOR_UNKNOWN) for place in found.to_numpy().nonzero()[0].tolist()]
            kept[column] = kept[column].mask(found)
    return kept, nulled


def _nobody(people: pd.DataFrame) -> pd.Series:
    """Records whose forename and surname make a placeholder together: Not, Known."""
    if not {"forename", "surname"} <= set(people):
        return pd.Series(False, index=people.index)
    return (people["forename"] + " " + people["surname"]).map(
        lambda name: isinstance(name, str) and " ".join(words(name)) in NAMES
    ).astype(bool)  # fmt: skip
