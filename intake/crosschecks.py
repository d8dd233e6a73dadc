"""Rows against other rows: duplicates, the agency's identity table, consent, childhood, references between tables."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.ages import birthday
from desist.intake.checks import CHILDHOOD, NO_CONSENT, REFUSED_ROWS, SUPPRESSED, Checked, Mask, days
from desist.intake.contracts import ADULT_AGE

DUPLICATE = "repeats the key of an earlier row"
REPEATED = "repeats an earlier row in full"
NOT_IN_IDENTITY = "agency_person is not in the agency's identity table"
OTHER_PERSON = "belongs to another person's {table}"
PARENT_QUARANTINED = "refers to a row of {table} that is in quarantine"
NO_PARENT = "refers to no row of {table}"


@dataclass(frozen=True)
class People:
    """Whom one agency has an identity row of, and the day on which each came of age (NaT: birth date unknown)."""

    numbers: pa.Array
    adult_from: npt.NDArray[np.datetime64]

    @classmethod
    def of(cls, numbers: pa.Array, born: pa.Array | pa.ChunkedArray) -> People:
        return cls(numbers, birthday(days(born), ADULT_AGE))


def consenting(clients: Checked) -> pa.Array:
    """Numbers of people all of whose rows say consent = true with a basis; one row that says otherwise ends it."""
    given = _given(clients)
    numbers = clients.array("agency_person")
    withheld = numbers.filter(pa.array(~given))
    return numbers.filter(pa.array(given & ~_is_in(numbers, withheld))).unique()


def _given(clients: Checked) -> Mask:
    consent = np.asarray(pc.fill_null(clients.array("consent"), False)).astype(bool)
    on_list = np.asarray(pc.is_in(clients.array("basis"), pa.array(clients.contract.column("basis").codes)))
    return np.asarray(consent & on_list)


def _is_in(values: pa.Array, among: pa.Array) -> Mask:
    return np.asarray(np.asarray(pc.is_in(values, value_set=among.drop_null())) & np.asarray(values.is_valid()))


def check_consent(checked: Checked, numbers: pa.Array) -> None:
    """Refuse rows of people who are not among ``numbers``, those who consent (REQUIREMENTS INT-9)."""
    checked.verdicts.refuse(~_is_in(checked.array("agency_person"), numbers), NO_CONSENT)


class Suppression(Protocol):
    """Who was erased and may not come in again: tokens that only the partnership's key can match."""

    @property
    def hash(self) -> str:
        """Changes with every token, so that a delivery read before is read anew."""

    def barred(self, source: str, people: pa.Table) -> pa.Array:
        """The numbers (agency_person) of those ``people`` of one source who were erased.

        ``people`` has text columns, each person's number once or oftener: agency_person, and where the
        source's identity rows are asked about, their identifiers, names and dob (YYYY-MM-DD) too.
        """


def check_suppressed(checked: Checked, numbers: pa.Array) -> None:
    """Refuse rows of the erased people with these ``numbers``, whatever else is wrong with them."""
    checked.verdicts.refuse(_is_in(checked.array("agency_person"), numbers), SUPPRESSED)


def check_people(checked: Checked, people: People, *, extract_date: dt.date) -> None:
    """Every row belongs to somebody in the identity table; childhood records are refused.

    A childhood record is an event before the eighteenth birthday, or any row about a person who is
    under eighteen on the extract date. With an unknown birth date it cannot be told: the row stays,
    and the vault answers that the person is not known to be adult.
    """
    numbers = checked.array("agency_person")
    places = np.asarray(pc.fill_null(pc.index_in(numbers, value_set=people.numbers), -1)).astype(np.int64)
    missing = (places < 0) & np.asarray(numbers.is_valid())
    checked.verdicts.mark(missing, NOT_IN_IDENTITY)
    adult_from = np.append(people.adult_from, np.datetime64("NaT"))[places]
    child = adult_from > np.datetime64(extract_date, "D")
    if checked.contract.event:
        child |= checked.days("occurred_on") < adult_from
    checked.verdicts.refuse(child, CHILDHOOD)


def check_duplicates(checked: Checked) -> None:
    """Mark the second and later rows of one key; tables without a key: rows repeated in full."""
    standing = checked.verdicts.accepted
    key = checked.contract.key or checked.contract.names
    frame = pd.DataFrame({name: _numbered(checked.array(name)) for name in key})[standing]
    repeated = np.zeros(len(standing), dtype=bool)
    repeated[np.flatnonzero(standing)[frame.duplicated().to_numpy()]] = True
    checked.verdicts.mark(repeated, DUPLICATE if checked.contract.key else REPEATED)


def _numbered(values: pa.Array) -> npt.NDArray[np.int32]:
    return np.asarray(pc.fill_null(values.dictionary_encode().indices, -1))


def check_reference(checked: Checked, column: str, parent: Checked) -> None:
    """Every ``column`` names an accepted row of ``parent`` of the same person; a refused one refuses its rows too."""
    table = parent.contract.table
    # Accepted rows first: where a key was sent twice, the accepted row is the one referred to.
    order = np.argsort(~parent.verdicts.accepted, kind="stable")
    keys = parent.array(column).take(pa.array(order))
    places = np.asarray(pc.fill_null(pc.index_in(checked.array(column), value_set=keys), -1)).astype(np.int64)
    found, verdicts = places >= 0, checked.verdicts
    verdicts.mark(~found, NO_PARENT.format(table=table))
    if not found.any():
        return
    rows = order[places]
    for reason in REFUSED_ROWS:
        verdicts.refuse(found & parent.verdicts.having(reason)[rows], reason)
    verdicts.mark(found & ~parent.verdicts.accepted[rows], PARENT_QUARANTINED.format(table=table))
    own = checked.array("agency_person")
    same = pc.fill_null(pc.equal(own, parent.array("agency_person").take(pa.array(rows))), False)
    verdicts.mark(found & ~np.asarray(same).astype(bool), OTHER_PERSON.format(table=table))


def unmapped_offences(checked: Checked) -> dict[str, int]:
    """Five-digit offence codes of standing rows that the offence table does not know, with their number of rows."""
    if not checked.unmapped:
        return {}
    found = checked.array("offence_code").filter(pa.array(checked.verdicts.accepted)).to_pylist()
    return dict(sorted(Counter(code for code in found if code in checked.unmapped).items()))
