"""Rows against other rows: duplicates, the agency's identity table, consent, childhood, references between tables."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.rows.checks import (
    CHILDHOOD,
    NO_CONSENT,
    NO_PARENT_HELD,
    REFUSED_ROWS,
    SUPPRESSED,
    Checked,
    Mask,
    days,
)
from desist.intake.rows.stream import places, repeated_rows, spans
from desist.intake.terms.ages import birthday
from desist.intake.terms.contracts import ADULT_AGE, CONTRACTS
from desist.records import codes
from desist.records.errors import Problem
from desist.records.wording import counted

CODES_NAMED = 20
DUPLICATE = "repeats the key of an earlier row"
REPEATED = "repeats an earlier row in full"
NOT_IN_IDENTITY = "agency_person is not in the agency's identity table"
OTHER_PERSON = "belongs to another person's {table}"
PARENT_QUARANTINED = "refers to a row of {table} that is in quarantine"
NO_PARENT = "refers to no row of {table}"
#: Of rows with these reasons line and reason are kept, and no cell.
NOT_KEPT = (
    *REFUSED_ROWS,
    *(NO_PARENT_HELD.format(table=table) for contract in CONTRACTS.values() for _, table in contract.refers),
)


@dataclass(frozen=True)
class People:
    """Whom one agency has an identity row of, and the day on which each came of age (NaT: birth date unknown)."""

    numbers: pa.Array
    adult_from: npt.NDArray[np.datetime64]

    @classmethod
    def of(cls, numbers: pa.Array, born: pa.Array | pa.ChunkedArray) -> People:
        return cls(numbers, birthday(days(born), ADULT_AGE))


def consenting(clients: Checked, *, extract_date: dt.date) -> pa.Array:
    """Numbers of people whose consent holds: a row gives it, and none says otherwise.

    Such a row is of no refused class, is about somebody of a known category, and was known by the extract date. A
    fault elsewhere in it (the substance group) makes the row wait and does not end the consent.
    """
    known = days(clients.typed["recorded_on"]) <= np.datetime64(extract_date, "D")
    category = np.asarray(pc.is_in(clients.array("subject_category"), pa.array(codes.SUBJECT_CATEGORIES)))
    stands = pa.array(_given(clients) & known & category & ~clients.verdicts.refused)
    numbers = clients.array("agency_person").filter(stands).unique()
    return numbers.filter(pa.array(~_is_in(numbers, withheld(clients))))


def withheld(clients: Checked) -> pa.Array:
    """Numbers of people of whom a row does not say consent = true with a basis: one such row ends it."""
    return clients.array("agency_person").filter(pa.array(~_given(clients))).unique()


def check_withheld(clients: Checked) -> None:
    """Refuse client rows that give no consent, and all of a person of whom one does not (REQUIREMENTS INT-9)."""
    clients.verdicts.refuse(~_given(clients) | _rows_in(clients, withheld(clients)), NO_CONSENT)


def _given(clients: Checked) -> Mask:
    consent = np.asarray(pc.fill_null(clients.array("consent"), False)).astype(bool)
    on_list = np.asarray(pc.is_in(clients.array("basis"), pa.array(clients.contract.column("basis").codes)))
    return np.asarray(consent & on_list)


def _is_in(values: pa.Array, among: pa.Array) -> Mask:
    return np.asarray(np.asarray(pc.is_in(values, value_set=among.drop_null())) & np.asarray(values.is_valid()))


def _rows_in(checked: Checked, numbers: pa.Array) -> Mask:
    """Rows of the people with these numbers; each distinct number is looked up once."""
    encoded = checked.coded("agency_person")
    return np.asarray(np.append(_is_in(encoded.dictionary, numbers), False)[places(encoded)])


def check_consent(checked: Checked, numbers: pa.Array) -> None:
    """Refuse rows of people who are not among ``numbers``, those who consent (REQUIREMENTS INT-9)."""
    checked.verdicts.refuse(~_rows_in(checked, numbers), NO_CONSENT)


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
    checked.verdicts.refuse(_rows_in(checked, numbers), SUPPRESSED)


def check_people(checked: Checked, people: People, *, extract_date: dt.date) -> None:
    """Every row belongs to somebody in the identity table; childhood records are refused.

    A childhood record is an event before the eighteenth birthday, or any row about a person who is
    under eighteen on the extract date. With an unknown birth date it cannot be told: the row stays,
    and the vault answers that the person is not known to be adult.
    """
    encoded = checked.coded("agency_person")
    found = pc.index_in(encoded.dictionary, value_set=people.numbers)
    row_of_value = np.append(np.asarray(pc.fill_null(found, -1)).astype(np.int32), np.int32(-1))
    of_row = places(encoded)
    adult_from = np.append(people.adult_from, np.datetime64("NaT"))
    for part in spans(len(of_row)):
        who = row_of_value[of_row[part]]
        checked.verdicts.mark((who < 0) & (of_row[part] >= 0), NOT_IN_IDENTITY, part)
        of_age = adult_from[who]
        child = of_age > np.datetime64(extract_date, "D")
        if checked.contract.event:
            rows = checked.typed["occurred_on"].slice(part.start, part.stop - part.start)
            child |= days(rows) < of_age
        checked.verdicts.refuse(child, CHILDHOOD, part)


def check_duplicates(checked: Checked) -> None:
    """Mark the second and later rows of one key; tables without a key: rows repeated in full."""
    key = checked.contract.key or checked.contract.names
    again = repeated_rows([checked.typed[name] for name in key], checked.verdicts.accepted)
    if len(again):
        repeated = np.zeros(len(checked.typed), dtype=bool)
        repeated[again] = True
        checked.verdicts.mark(repeated, DUPLICATE if checked.contract.key else REPEATED)


def check_reference(checked: Checked, column: str, parent: Checked, *, sent: bool = True) -> None:
    """Every ``column`` names an accepted row of ``parent`` of the same person; a refused one refuses its rows too.

    ``sent``: the parent's table is of the same delivery, with its refused rows; else only what is held is known.
    """
    table, verdicts = parent.contract.table, checked.verdicts
    rows = _rows_named(checked, column, parent)
    found = rows >= 0
    if sent:
        verdicts.mark(~found, NO_PARENT.format(table=table))
    else:
        verdicts.refuse(~found, NO_PARENT_HELD.format(table=table))
    if not found.any():
        return
    for reason in REFUSED_ROWS:
        having = parent.verdicts.having(reason)
        if having.any():
            verdicts.refuse(found & having[rows], reason)
    verdicts.mark(found & ~parent.verdicts.accepted[rows], PARENT_QUARANTINED.format(table=table))
    own, theirs = checked.coded("agency_person"), parent.coded("agency_person")
    same_person = np.asarray(pc.fill_null(pc.index_in(own.dictionary, value_set=theirs.dictionary), -2))
    mine = np.append(same_person, -2)[places(own)]
    verdicts.mark(found & (mine != places(theirs)[rows]), OTHER_PERSON.format(table=table))


def _rows_named(checked: Checked, column: str, parent: Checked) -> npt.NDArray[np.int64]:
    """The parent's row that each row names, -1 where none. Of a key sent twice, the accepted row is meant."""
    named, keys = checked.coded(column), parent.coded(column)
    # Written from the last to the first, accepted rows after the others: what stays is the first accepted one.
    order = np.argsort(~parent.verdicts.accepted, kind="stable")[::-1]
    of_key = places(keys)[order]
    row_of_key = np.full(len(keys.dictionary) + 1, -1, dtype=np.int64)
    row_of_key[of_key[of_key >= 0]] = order[of_key >= 0]
    key_of_name = np.asarray(pc.fill_null(pc.index_in(named.dictionary, value_set=keys.dictionary), -1))
    return np.asarray(row_of_key[np.append(key_of_name, -1)[places(named)]])


def unmapped_offences(checked: Checked, where: str) -> list[Problem]:
    """What to say of five-digit offence codes of standing rows that the offence table does not know; else nothing."""
    found: list[str] = []
    if checked.unmapped:
        found = checked.array("offence_code").filter(pa.array(checked.verdicts.accepted)).to_pylist()
    unmapped = sorted(Counter(code for code in found if code in checked.unmapped).items())
    if not unmapped:
        return []
    shown = [f"{code} ({counted(count, 'row', 'rows')})" for code, count in unmapped[:CODES_NAMED]]
    more = f" and {len(unmapped) - CODES_NAMED} more" if len(unmapped) > CODES_NAMED else ""
    return [
        Problem(f"offence codes {', '.join(shown)}{more}", where,
                f"codes of the offence table {codes.offence_table_version()}",
                "Add a line for each, with group and band, to offences.csv in the workspace, or correct them.")
    ]  # fmt: skip
