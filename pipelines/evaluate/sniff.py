"""What a column is, judged by its values and by the words in its name, whatever it is called or declared.

The word lists follow REQUIREMENTS FEA-1, FEA-3 and FEA-4 and the feature policy (DOMAIN section 7).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from desist.pipelines.evaluate.expressions import DATE, NUMBER, TEXT, Value

FIRST_YEAR, LAST_YEAR = 1900, 2100
SEEN = 200_000  # rows looked at; the first ones, so that two runs look at the same
MOSTLY = 0.9

DATE_TEXT = (
    r"^\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}.*)?)?$"
    r"|^\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4}(?: \d{1,2}:\d{2}.*)?$"
    r"|^(?:19|20)\d{2}[- /]?(?:Q[1-4]|W\d{2})$|^(?:19|20)\d{2}[-/]\d{2}$"
)
POSTCODE = r"^[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$"
DISTRICT = r"^([A-Z]{1,2})\d[A-Z\d]?$"  # the first half of a postcode: E11, IG2
AREA_CODE = r"^[EWSN]\d{8}$"

# A name with one of these words is refused: what it is, and its words. Two words in one entry stand side by side.
REFUSED_WORDS: Mapping[str, tuple[str, ...]] = {
    "a protected characteristic": (
        "sex",
        "gender",
        "male",
        "female",
        "race",
        "racial",
        "ethnic",
        "ethnicity",
        "black",
        "white",
        "asian",
        "hispanic",
        "hispan",
        "latino",
        "caucasian",
        "religion",
        "religious",
        "faith",
        "disability",
        "disabled",
        "sexual orientation",
        "transgender",
        "married",
        "marital",
        "marriage",
        "civil partnership",
        "spouse",
        "pregnant",
        "pregnancy",
        "maternity",
        "equality",
    ),
    "nationality, language or origin": ("nationality", "citizen", "citizenship", "immigration", "asylum", "language"),
    "a name": ("name", "forename", "surname", "firstname", "lastname", "alias"),
    "where somebody lives": (
        "postcode",
        "zip",
        "zipcode",
        "ward",
        "lsoa",
        "msoa",
        "address",
        "neighbourhood",
        "deprivation",
        "imd",
    ),
    "school, family or relationships": (
        "school",
        "family member",
        "mother",
        "father",
        "brother",
        "sister",
        "sibling",
        "siblings",
        "parent",
        "parents",
        "parental",
        "children",
        "dependants",
        "dependents",
        "relationship status",
        "cohabiting",
    ),
    "a mental-health or disability flag": ("mental", "psychiatric", "autism", "autistic", "adhd"),
    "a national score or tier": (
        "ogrs",
        "arp",
        "vrp",
        "svrp",
        "csrp",
        "rsr",
        "osp",
        "ogp",
        "ovp",
        "iic",
        "tier",
    ),
    "arrests without outcome, stop and search, or intelligence": (
        "nfa",
        "no further action",
        "stop search",
        "stop and search",
        "suspicion",
        "intelligence",
        "intel",
        "gang",
        "associates",
    ),
    "victimisation": ("victim", "victimised", "victimisation"),
}
KEY_WORDS = (
    "id",
    "ids",
    "uuid",
    "guid",
    "pnc",
    "cro",
    "crn",
    "urn",
    "nhs",
    "prison number",
    "case number",
    "row number",
)
# Refused as they stand. A duration made of two such columns is judged by its values, an age by its approval.
DATE_WORDS: Mapping[str, tuple[str, ...]] = {
    "a calendar date": ("date", "datetime", "timestamp", "calendar", "year released", "year of release"),
    "a birth date": ("dob", "born", "birth", "birthdate", "birthday"),
}

# A name with one of these needs an approval of that kind.
APPROVAL_WORDS: Mapping[str, tuple[str, ...]] = {
    "near_age": ("age at first", "first age", "age first", "career", "onset", "years since first", "days since first"),
    "age": ("age", "ages", "aged", "agegroup", "ageband", *DATE_WORDS["a birth date"]),
    "enforcement": ("breach", "breaches", "breached", "recall", "recalls", "recalled", "missed appointments"),
}
NOT_MEANT = ("white collar", "days since first appointment", "lifestyle and associates", "lifestyle associates")

PEOPLE_WORDS: Mapping[str, frozenset[str]] = {
    "ethnicity": frozenset(
        [
            "african",
            "black",
            "caucasian",
            "white",
            "hispanic",
            "latino",
            "asian",
            "indian",
            "pakistani",
            "bangladeshi",
            "caribbean",
            "chinese",
            "arab",
            "gypsy",
            "roma",
            "traveller",
            "mixed",
            "hawaiian",
            "islander",
        ]
    ),
    "sex": frozenset(["male", "female", "man", "woman", "men", "women", "nonbinary"]),
    "religion": frozenset(
        ["christian", "muslim", "hindu", "sikh", "jewish", "buddhist", "catholic", "protestant", "atheist"]
    ),
    "marital status": frozenset(["married", "divorced", "widowed", "cohabiting", "unmarried"]),
}


def words_of(name: str) -> str:
    """The words of a column's name, lower case, single blanks around each: ``AgeAt_first`` is `` age at first ``."""
    split = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return " " + " ".join(re.findall(r"[a-z]+", split.lower())) + " "


def _first_word(names: Collection[str], words: Collection[str]) -> str:
    told = [words_of(name) for name in names]
    for phrase in NOT_MEANT:
        told = [name.replace(f" {phrase} ", " ") for name in told]
    return next((word for word in words if any(f" {word} " in name for name in told)), "")


def refused_by_name(names: Collection[str], as_they_stand: Collection[str]) -> tuple[str, str]:
    """What a feature would be by its names, and the word that says so; two empty texts where none is refused.

    ``names``: its own, its columns' and those of all columns it is derived from. ``as_they_stand``: without the latter.
    """
    for what, words in (*REFUSED_WORDS.items(), ("an id", KEY_WORDS)):
        word = _first_word(names, words)
        if word:
            return what, word
    for what, words in DATE_WORDS.items():
        word = _first_word(as_they_stand, words)
        if word:
            return what, word
    return "", ""


def protected_by_name(name: str) -> str:
    """The word of a column's name that tells of a protected characteristic, age among them; empty where none does."""
    return _first_word([name], (*REFUSED_WORDS["a protected characteristic"], *APPROVAL_WORDS["age"]))


def approval_by_name(names: Collection[str]) -> str:
    """The kind of approval that a feature of these names needs, or an empty text."""
    return next((kind for kind, words in APPROVAL_WORDS.items() if _first_word(names, words)), "")


def tells_date(kind: str, data: pd.Series[Any]) -> bool:
    """Whether a column holds calendar dates: as dates, text, or whole numbers (yyyy, yyyymm, yyyymmdd, seconds)."""
    if kind == DATE:
        return True
    known = data.iloc[:SEEN].dropna()
    if known.empty:
        return False
    if kind == TEXT:
        return _share(known, DATE_TEXT) >= MOSTLY
    return kind == NUMBER and _numbers_tell_date(known.to_numpy())


def _numbers_tell_date(numbers: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    if (numbers != np.floor(numbers)).any() or len(np.unique(numbers)) < 2:
        return False
    low, high = numbers.min(), numbers.max()
    if low >= FIRST_YEAR and high <= LAST_YEAR:
        return True
    if low >= 1e9 and high <= 2e9:  # seconds since 1970: September 2001 to May 2033
        return True
    if low > FIRST_YEAR * 100 and high < LAST_YEAR * 100 + 13:
        return bool(np.isin(numbers % 100, np.arange(1, 13)).all())
    if low > FIRST_YEAR * 10_000 and high < LAST_YEAR * 10_000 + 1232:
        return bool(
            np.isin(numbers // 100 % 100, np.arange(1, 13)).all() and np.isin(numbers % 100, np.arange(1, 32)).all()
        )
    return False


def _share(known: pd.Series[Any], pattern: str) -> float:
    distinct = known.value_counts()
    return float(distinct[distinct.index.str.contains(pattern, regex=True, flags=re.IGNORECASE)].sum() / distinct.sum())


def people_words(value: Value) -> str:
    """The characteristic that a column's labels speak of (at least two labels, and half of them), or an empty text."""
    if value.kind != TEXT or value.written:
        return ""
    labels = value.series.iloc[:SEEN].dropna().unique()
    if not 1 < len(labels) <= 200:
        return ""
    for what, words in PEOPLE_WORDS.items():
        hits = sum(bool(words & set(re.findall(r"[a-z]+", str(label).lower()))) for label in labels)
        if hits >= 2 and hits >= len(labels) / 2:
            return what
    return ""


def tells_place(value: Value) -> bool:
    """Whether the values are postcodes, first halves of postcodes of two or more areas, or area codes."""
    if value.kind != TEXT or value.written:
        return False
    known = value.series.iloc[:SEEN].dropna()
    if known.nunique() < 10:
        return False
    if _share(known, POSTCODE) >= MOSTLY or _share(known, AREA_CODE) >= MOSTLY:
        return True
    areas = pd.Series(known.unique()).str.extract(DISTRICT, flags=re.IGNORECASE)[0]
    return bool(areas.notna().all() and areas.str.upper().nunique() > 1 and areas.str.len().max() > 1)


def looks_like_key(value: Value) -> bool:
    """Whether nearly every row has a value of its own: a text, or a whole number, that tells rows apart.

    Numbers with fractions are measurements. Fewer than 200 whole numbers may all differ by chance.
    """
    if value.written or value.kind not in (TEXT, NUMBER):
        return False
    known = value.series.dropna()
    distinct = known.nunique()
    if value.kind == TEXT:
        return len(known) >= 30 and distinct > MOSTLY * len(known)
    if len(known) < 200 or (known != np.floor(known)).any():
        return False
    return bool(distinct > 0.98 * len(known))
