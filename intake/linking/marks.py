"""Who held an agency's number when it was last linked or decided on: agencies give numbers again.

A mark is a keyed digest of birth date, forename and surname each, the names as they sound. It tells whether a number
names somebody else now, and nothing about anybody.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache

import pandas as pd

from desist.intake.linking.names import sound, words

MARK = "mark"
_LETTERS = 16


def marks(people: pd.DataFrame, key: bytes) -> list[str]:
    """The mark of each record, in the order of ``people``."""

    @cache
    def digest(kind: str, text: str) -> str:
        return hmac.new(key, f"mark\0{kind}\0{text}".encode(), hashlib.sha256).hexdigest()[:_LETTERS] if text else ""

    def heard(name: object) -> str:
        return " ".join(map(sound, words(name))) if isinstance(name, str) else ""

    columns = [people[name].tolist() if name in people else [None] * len(people)
               for name in ("dob", "forename", "surname")]  # fmt: skip
    return [
        ".".join((
            digest("dob", dob if isinstance(dob, str) else ""), digest("forename", heard(first)),
            digest("surname", heard(last)),
        ))
        for dob, first, last in zip(*columns, strict=True)
    ]  # fmt: skip


def somebody_else(before: str | None, now: str | None) -> bool:
    """Whether birth date, forename and surname, as far as both state them, are all others; False where none is."""
    if not before or not now:
        return False
    both = [(one, other) for one, other in zip(before.split("."), now.split("."), strict=True) if one and other]
    return bool(both) and all(one != other for one, other in both)
