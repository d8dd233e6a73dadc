"""Keeping out somebody who was erased, without keeping who they are: keyed tokens of numbers, identifiers and name.

A token is an HMAC under a key derived from the partnership's own. It is made of the agency's number, of each valid
national identifier, and of the name with the birth date where both are written out (initials are not: treatment
sends no more, and two people share them easily). What somebody else's record holds too is no token.

A row is refused by a number or an identifier. By name and birth date it is refused unless it carries an identifier
of a kind that the erased person had, and another one: then it is somebody else of the same name.

What this cannot do: somebody who comes back under a new number, without any identifier and with the name or the
birth date written otherwise, is not known again. The receipt says so.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from desist.intake.rights.register import Correction, Rights
from desist.intake.terms.contracts import IDENTIFIERS
from desist.records.errors import Refused
from desist.records.hashing import canonical_json, hash_json
from desist.records.identifiers import CHECKS

NAME_AND_BIRTH = "name_and_birth"
#: Sent by treatment in place of names; two people share initials and a birth date easily.
_SHORTEST_NAME = 2
_ASKED = ("agency_person", *IDENTIFIERS, "forename", "surname", "dob")

_PNC = re.compile(r"(\d{2}|\d{4})/(\d{1,7})([A-Z])")
#: A PNC's year in two digits is of this century below it; the token holds two digits either way.
FIRST_SHORT_YEAR = 50

Row = Mapping[str, Any]


class ErasedPeople:
    """Who must not come in again. Raises Refused where tokens or corrections were made under another key than this.

    ``key``: the partnership's own. Where nobody was erased and nothing corrected none is needed.
    """

    def __init__(self, rights: Rights, key: bytes) -> None:
        rights.check()
        self._key = hmac.new(key, b"desist suppression 1", hashlib.sha256).digest()
        self._known = rights.tokens()
        self._rights = rights
        self._again: dict[str, set[str]] = defaultdict(set)
        self._people: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for token, (kind, person) in self._known.items():
            self._people[person][kind].add(token)
        mark = rights.key_mark()
        if mark and not (key and hmac.compare_digest(mark, self.key_mark)):
            raise Refused(
                "People were erased, or their facts corrected, under another partnership key: nobody can tell whether "
                "a file brings them back. Put keys/partnership.key back as it was."
            )

    def __bool__(self) -> bool:
        return bool(self._known)

    @property
    def key_mark(self) -> str:
        """What tells this key from another without telling the key."""
        return self._token("mark", "")

    def _token(self, kind: str, value: str) -> str:
        return hmac.new(self._key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()

    # --- making tokens

    def number_token(self, source: str, number: str) -> str:
        return self._token(f"number:{source}", number.strip())

    def tokens_of(self, row: Row) -> dict[str, str]:
        """Token -> kind, of an identity row: its valid identifiers, and its name with its birth date."""
        found = {}
        for kind in IDENTIFIERS:
            value = in_full(kind, row.get(kind))
            if CHECKS[kind](value):
                found[self._token(kind, _identifier(kind, value))] = kind
        name = name_and_birth(row)
        if name:
            found[self._token(NAME_AND_BIRTH, name)] = NAME_AND_BIRTH
        return found

    # --- asking

    @property
    def hash(self) -> str:
        """Changes with every token, so that a delivery read before is read anew."""
        return hash_json(sorted(self._known))

    def barred(self, source: str, people: pa.Table) -> pa.Array:
        """The numbers of those ``people`` of one source who were erased; null for one who came without a number.

        ``people``: agency_person, and for identity rows identifiers, names and dob (YYYY-MM-DD) too, all as text.
        """
        numbers = people["agency_person"].unique().to_pylist()
        found: set[str | None] = {
            number for number in numbers if number is not None and self.number_token(source, number) in self._known
        }
        if len(people.column_names) > 1:
            rows = people.select([name for name in _ASKED if name in people.column_names]).to_pylist()
            again = {row["agency_person"] for row in rows if self.is_erased(row)}
            self._again[source] |= {number for number in again - found if number is not None}
            found |= again
        return pa.array(sorted(found, key=lambda number: number or ""), type=pa.string())

    def remember(self, made_on: dt.date) -> None:
        """Keep tokens of new numbers of erased people, so that a later file without names is refused too."""
        tokens = {
            self.number_token(source, number): f"number:{source}"
            for source, numbers in self._again.items()
            for number in numbers
        }
        if tokens:
            self._rights.write_tokens(
                tokens, person="again", key_mark=self.key_mark, made_on=made_on, receipt="intake"
            )

    def is_erased(self, row: Row) -> bool:
        """Whether an identity row is of somebody who was erased, by identifier or by name and birth date."""
        own = self.tokens_of(row)
        for token, kind in own.items():
            if token not in self._known:
                continue
            if kind != NAME_AND_BIRTH or not self._is_another(own, self._known[token][1]):
                return True
        return False

    def _is_another(self, own: Mapping[str, str], person: str) -> bool:
        """Whether a row of the same name and birth date carries an identifier that the erased person had otherwise."""
        kinds = {kind for kind in own.values() if kind != NAME_AND_BIRTH}
        theirs = self._people[person]
        return any(theirs.get(kind) for kind in kinds)

    # --- corrections

    def mark(self, kind: str, told: Any) -> str:
        """A keyed mark of something that is to be known again and not read."""
        return self._token(kind, canonical_json(told).decode())

    def was(self, field: str, value: str | None) -> str:
        """A mark of a wrong value: tells whether the agency still sends it, and not what it is."""
        return self.mark("value", [field, value])

    def still_wrong(self, correction: Correction, value: str | None) -> bool:
        """Whether a cell still holds the value that was corrected."""
        return hmac.compare_digest(correction.was, self.was(correction.field, value))


def in_full(kind: str, value: Any) -> str:
    """An identifier as its national form writes it: upper case, no spaces or signs, a PNC's year in four digits.

    Empty for one that is missing. What is no identifier stays none: its check letter tells.
    """
    text = re.sub(r"[^A-Z0-9/]", "", value.upper()) if isinstance(value, str) else ""
    if kind == "pnc" and (found := _PNC.fullmatch(text)):
        year, serial, letter = found.groups()
        century = year[:-2] or ("19" if int(year) >= FIRST_SHORT_YEAR else "20")
        return f"{century}{year[-2:]}/{serial.zfill(7)}{letter}"
    return text


def _identifier(kind: str, value: str) -> str:
    """One spelling of an identifier: no spaces or signs; a PNC's year in two digits, its serial in seven."""
    text = re.sub(r"[^A-Z0-9/]", "", value.upper())
    if kind == "pnc" and "/" in text:
        year, _, rest = text.partition("/")
        return f"{year[-2:]}/{rest[:-1].zfill(7)}{rest[-1:]}"
    return text.replace("/", "") if kind != "cro" else text


def name_and_birth(row: Row) -> str:
    """Forename, surname and birth date in one spelling; empty where one is missing or an initial."""
    forename, surname = (plain(row.get(name)) for name in ("forename", "surname"))
    born = row.get("dob")
    day = str(born)[:10] if born is not None and str(born) not in ("", "NaT", "nan") else ""
    if not day or min(len(forename), len(surname)) < _SHORTEST_NAME:
        return ""
    return f"{forename}|{surname}|{day}"


def plain(name: Any) -> str:
    """A name without case, accents, spaces and signs."""
    if not isinstance(name, str):
        return ""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in letters if letter.isalpha())
