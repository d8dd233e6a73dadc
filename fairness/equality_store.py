"""The equality store: protected characteristics, opened here and nowhere else.

``intake`` writes it blind, under the agencies' own person numbers; linkage hands it the key map. Nothing of it
reaches a feature or a model. Sex and ethnicity leave this module as groups, never a person's record.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from desist.fairness.groups import NOT_STATED
from desist.records.codes import ETHNICITY_5, ETHNICITY_OFFICER
from desist.records.errors import Refused

#: Columns of table ``sent`` that hold a characteristic, and the protected characteristic each speaks of.
HELD = {
    "sex": "sex",
    "ethnicity_self": "race",
    "disability": "disability",
    "religion": "religion_or_belief",
    "sexual_orientation": "sexual_orientation",
    "gender_reassignment": "gender_reassignment",
    "marriage_civil": "marriage_and_civil_partnership",
    "pregnancy_maternity": "pregnancy_and_maternity",
}
SEX = {"F": "Female", "M": "Male", "U": NOT_STATED}
#: Ways in which an agency writes that it doesn't know, or that the person did not say.
UNSTATED = ("", "NS", "UN", "U", "Z1", "MERGE", "UNKNOWN", "NOT_STATED", "REFUSED")

_LATEST = """
    select key_map.person_id, sent.* from sent
    join key_map on key_map.source = sent.source and key_map.agency_person = sent.agency_person
    where sent.recorded_on < ?
    order by sent.recorded_on, sent.extract_date, sent.source, sent.rowid
"""


class EqualityStore:
    """The reading end; ``intake`` writes and erases. A missing store is refused, never taken for an empty one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def characteristics(self, person_ids: Sequence[str], *, before: dt.date) -> pd.DataFrame:
        """One row per person asked for, in their order, as last recorded before a date.

        Columns: person_id, ethnicity (5+1, self-defined), ethnicity_18 (self-defined code), ethnicity_officer
        (officer-defined code, for a labelled comparison only: never put in place of a missing self-defined one),
        sex, disability, religion. Whoever the store doesn't know, or who did not say, is "Not stated".
        """
        told = self._told(person_ids, before)
        return pd.DataFrame(
            {
                "person_id": told.index.astype(str),
                "ethnicity": _mapped(told["ethnicity_self"], ETHNICITY_5, "self-defined ethnicity"),
                "ethnicity_18": _stated(told["ethnicity_self"]),
                "ethnicity_officer": _mapped(told["ethnicity_officer"], _OFFICER, "officer-defined ethnicity"),
                "sex": _mapped(told["sex"], SEX, "sex"),
                "disability": _stated(told["disability"]),
                "religion": _stated(told["religion"]),
            }
        ).reset_index(drop=True)

    def coverage(self, person_ids: Sequence[str], *, before: dt.date) -> dict[str, float]:
        """Share of these people with a stated value, per protected characteristic the store can hold (not age)."""
        told = self._told(person_ids, before)
        if told.empty:
            return dict.fromkeys(HELD.values(), 0.0)
        return {name: float((_stated(told[column]) != NOT_STATED).mean()) for column, name in HELD.items()}

    def _told(self, person_ids: Sequence[str], before: dt.date) -> pd.DataFrame:
        """The last value told per person and column, missing where none; the order and people are the caller's."""
        asked = pd.Index([str(person) for person in person_ids], name="person_id")
        if asked.has_duplicates:
            raise ValueError("a person is asked for twice")
        with self._open() as connection:
            cursor = connection.execute(_LATEST, [before.isoformat()])
            columns = [name for name, *_ in cursor.description]
            rows = pd.DataFrame(cursor.fetchall(), columns=columns, dtype=object)
        wanted = [*HELD, "ethnicity_officer"]
        rows = rows.loc[rows["person_id"].isin(asked), ["person_id", *wanted]]
        # An empty field says nothing and leaves the older value standing; a stated refusal does not.
        rows = rows.where(rows.notna() & (rows != ""))
        return rows.groupby("person_id")[wanted].last().reindex(asked)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self.path.is_file():
            raise Refused(f"There is no equality store at {self.path}. `desist intake` writes it.")
        connection = sqlite3.connect(f"file:{quote(str(self.path))}?mode=ro", uri=True)
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            raise Refused(f"The equality store {self.path} cannot be read: {error}.") from error
        finally:
            connection.close()


_OFFICER = {code: code for code in ETHNICITY_OFFICER if code != "9"} | {"9": NOT_STATED}


def _stated(values: pd.Series) -> pd.Series:
    """The values, with "Not stated" for every way of not saying."""
    text = values.astype(object).where(values.notna(), "").astype(str).str.strip()
    return text.where(~text.str.upper().isin(UNSTATED), NOT_STATED)


def _mapped(values: pd.Series, codes: dict[str, str], what: str) -> pd.Series:
    """The group of each code. Raises Refused for a code that the list doesn't have: it would vanish in silence."""
    text = values.astype(object).where(values.notna(), "").astype(str).str.strip()
    groups = text.map({"": NOT_STATED, **codes})
    if groups.isna().any():
        unknown = sorted(set(text[groups.isna()]))
        raise Refused(f"The equality store has codes of {what} that no code list has: {unknown}. Map them at intake.")
    return groups
