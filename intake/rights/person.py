"""One person in the vault: their numbers, what identifies them, and records that may be theirs under other numbers.

For people's rights and retention alone. What comes from here never goes into a log or a message.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.holding.equality_writer import FIELDS as EQUALITY_FIELDS
from desist.intake.holding.equality_writer import PEOPLE, EqualityWriter
from desist.intake.holding.one_file import note_erased, transaction
from desist.intake.holding.store import BARE, Store, pieces
from desist.intake.holding.vault import FIELDS, KNOWN, Vault
from desist.intake.linking.pseudonyms import possible_pseudonyms
from desist.intake.rights.register import Numbers
from desist.intake.rights.suppression import name_and_birth
from desist.intake.terms.contracts import IDENTIFIERS
from desist.records.errors import Refused
from desist.records.identifiers import CHECKS

#: From how many characters on a value is looked for within other text.
LEAST_WITHIN = 6
IDENTITY_COLUMNS = ("source", "agency_person", "held_as", *FIELDS)


def _rows(vault: Vault, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    if not vault.path.exists():
        return []
    with closing(sqlite3.connect(f"{vault.path.resolve().as_uri()}?mode=rw", uri=True, timeout=30)) as connection:
        return connection.execute(query, values).fetchall()


def numbers_of(vault: Vault, person_id: str) -> dict[str, list[str]]:
    """The agencies' numbers of a person as last linked, by source; also those not sent since."""
    known = vault.known_keys()
    theirs = known.loc[known["person_id"] == person_id, ["source", "agency_person"]]
    query = "select source, agency_person from key_map where person_id = ?"
    return _by_source(sorted({*_rows(vault, query, (person_id,)), *theirs.itertuples(index=False, name=None)}))


def numbers_before(vault: Vault, person_ids: Sequence[str]) -> dict[str, list[str]]:
    """Numbers last linked to one of these people that no current extract names; their older extracts may be held."""
    if not _rows(vault, "select 1 from sqlite_master where name = 'key_known'"):
        return {}  # linked before that was kept
    query = (
        "select source, agency_person from key_known where person_id = ? and (source, agency_person) not in "
        "(select source, agency_person from key_map) order by source, agency_person"
    )
    return _by_source(sorted({row for person in person_ids if person for row in _rows(vault, query, (person,))}))


def people_with(vault: Vault, kind: str, value: str) -> set[str]:
    """The person_ids of identity rows that carry an identifier; ``kind`` is one of the contract's."""
    if kind not in IDENTIFIERS:
        raise Refused(f"Somebody is found by one of {list(IDENTIFIERS)}; found {kind!r}.")
    query = (
        f"select distinct k.person_id from identity i join key_map k on k.source = i.source "
        f"and k.agency_person = i.agency_person where i.{kind} = ?"
    )
    return {str(row[0]) for row in _rows(vault, query, (value.strip().upper(),))}


def person_of(vault: Vault, source: str, number: str) -> str:
    """The person_id of an agency's number; empty where it is linked to nobody."""
    found = _rows(vault, "select person_id from key_map where source = ? and agency_person = ?", (source, number))
    return str(found[0][0]) if found else ""


def numbers_behind(vault: Vault, key: bytes, person_id: str) -> dict[str, list[str]]:
    """The number that a person_id was once made from, where nothing links it any more; empty where none fits."""
    rows = _rows(vault, "select distinct source, agency_person from identity order by source, agency_person")
    return _by_source(
        (source, number) for source, number in rows if person_id in possible_pseudonyms(key, (source, number))
    )


def older_ids(vault: Vault, key: bytes, numbers: Numbers, person_id: str) -> list[str]:
    """The person_ids that somebody may have had in older lists and runs, without those that are other people's now."""
    now = {str(row[0]) for row in _rows(vault, "select distinct person_id from key_map")}
    possible = {
        one for source, own in numbers.items() for number in own for one in possible_pseudonyms(key, (source, number))
    }
    return sorted(possible - now - {person_id})


def identity_of(vault: Vault, numbers: Numbers) -> list[dict[str, Any]]:
    """Every identity row of some numbers, older extracts too."""
    query = f"select {', '.join(IDENTITY_COLUMNS)} from identity where source = ? and agency_person = ?"
    return [
        dict(zip(IDENTITY_COLUMNS, row, strict=True))
        for source, own in sorted(numbers.items())
        for number in own
        for row in _rows(vault, query, (source, number))
    ]


def names_held(vault: Vault, but: Set[tuple[str, str]]) -> set[str]:
    """Forename and surname of every record but those of some numbers."""
    rows = _rows(vault, "select source, agency_person, forename, surname from identity")
    return {f"{forename} {surname}" for source, number, forename, surname in rows if (source, number) not in but}


def akin(vault: Vault, rows: Sequence[Mapping[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    """Other identity rows that carry one of the rows' valid identifiers, or their name and birth date; each with
    the person it is linked to, or nothing."""
    own = {(row["source"], row["agency_person"]) for row in rows}
    names = {name_and_birth(row) for row in rows} - {""}
    found = {}
    for kind, value in _asked(rows):
        query = f"select {', '.join(IDENTITY_COLUMNS)} from identity where {kind} = ?"
        for found_row in _rows(vault, query, (value,)):
            row = dict(zip(IDENTITY_COLUMNS, found_row, strict=True))
            same = kind != "dob" or name_and_birth(row) in names
            if same and (row["source"], row["agency_person"]) not in own:
                found[(row["source"], row["agency_person"], row["held_as"])] = row
    return [(row, person_of(vault, row["source"], row["agency_person"])) for _, row in sorted(found.items())]


def _asked(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    kinds = {
        (kind, str(row[kind]))
        for row in rows
        for kind in IDENTIFIERS
        if isinstance(row.get(kind), str) and CHECKS[kind](str(row[kind]))
    }
    return sorted(kinds | {("dob", str(row["dob"])) for row in rows if row.get("dob") and name_and_birth(row)})


def _by_source(pairs: Iterable[tuple[Any, ...]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, number in pairs:
        found.setdefault(str(source), []).append(str(number))
    return found


def correct_identity(vault: Vault, source: str, number: str, field: str, value: str | None) -> int:
    """Put a cell of somebody's identity right in every extract held; returns how many rows it was wrong in."""
    if field not in FIELDS:
        raise Refused(f"The identity table has no column {field}.")
    with transaction(vault.path, "") as connection:
        return connection.execute(
            f"update identity set {field} = ? where source = ? and agency_person = ? and {field} is not ?",
            (value, source, number, value),
        ).rowcount


def equality_says(writer: EqualityWriter, source: str, number: str, field: str, was: str | None) -> bool:
    """Whether a protected characteristic is as somebody tells it. Nothing is read, and nothing changed."""
    return _set_equality(writer, source, number, field, was, was) > 0


def correct_equality(
    writer: EqualityWriter, source: str, number: str, field: str, was: str | None, value: str | None
) -> None:
    """Put a protected characteristic right wherever it says what it ``was``, blind: nothing is read or counted."""
    _set_equality(writer, source, number, field, was, value)


def _set_equality(
    writer: EqualityWriter, source: str, number: str, field: str, was: str | None, value: str | None
) -> int:
    if field not in EQUALITY_FIELDS[4:]:
        raise Refused(f"The equality table has no column {field}.")
    if not writer.path.exists():
        return 0
    with transaction(writer.path, "") as connection:
        return sum(
            connection.execute(
                f"update {table} set {field} = ? where source = ? and agency_person = ? and {field} is ?",
                (value, source, number, was),
            ).rowcount
            for table in ("incoming", "sent")
        )


def erase_equality(writer: EqualityWriter, numbers: Numbers) -> int:
    """Forget characteristics of agency numbers, in older extracts too."""
    if not writer.path.exists():
        return 0
    erased = 0
    with transaction(writer.path, "") as connection:
        for source, own in numbers.items():
            for number in own:
                note_erased(connection, PEOPLE, "source = ? and agency_person = ?", (source, number))
        for table in ("incoming", "sent", "key_map"):
            for source, own in numbers.items():
                for number in own:
                    statement = f"delete from {table} where source = ? and agency_person = ?"
                    erased += connection.execute(statement, (source, number)).rowcount
    return erased


def blank_quarantine(store: Store, values: Iterable[str]) -> int:
    """Empty every quarantined row in which a cell holds one of ``values``, however it is spaced or cased.

    Longer values are looked for within other text too; one of up to five characters must be the whole cell, for it is
    part of too much else. A row may wait there because its agency's number was not readable. Line and reason stay.
    """
    wanted = sorted({_bare(value) for value in values if value.strip()})
    manifest, blanked = store.manifest(), 0
    for history in manifest["extracts"].values():
        for extract in history:
            for piece in pieces(extract):
                part = piece["quarantine"]
                if part:
                    rows = store.partition(part)
                    here = _holding(rows, wanted)
                    if here.any():
                        piece["quarantine"] = store.rewritten(part, emptied(rows, here))
                        blanked += int(here.sum())
    if blanked:
        store.commit_same_people(manifest, because="erasure")
    return blanked


def _bare(value: str) -> str:
    return re.sub(r"\s", "", value).upper()


def _holding(rows: pa.Table, wanted: Sequence[str]) -> np.ndarray:
    found = np.zeros(len(rows), dtype=bool)
    whole = pa.array([value for value in wanted if len(value) < LEAST_WITHIN], type=pa.string())
    within = "|".join(re.escape(value) for value in wanted if len(value) >= LEAST_WITHIN)
    for name in rows.column_names:
        if name not in BARE and pa.types.is_string(rows[name].type):
            cells = pc.replace_substring_regex(pc.utf8_upper(rows[name]), r"\s", "")
            found |= np.asarray(pc.fill_null(pc.is_in(cells, value_set=whole), False))
            if within:
                found |= np.asarray(pc.fill_null(pc.match_substring_regex(cells, within), False))
    return found


def emptied(rows: pa.Table, here: np.ndarray) -> pa.Table:
    """The rows with every cell emptied where ``here``, but line, reason and the correction that replaced it."""
    mask = pa.array(here)
    return pa.table({
        name: rows[name] if name in BARE else pc.if_else(mask, pa.scalar(None, rows[name].type), rows[name])
        for name in rows.column_names
    })  # fmt: skip


def rows_held(store: Store, numbers: Numbers) -> int:
    """Rows under some agency numbers in the store's extracts and quarantine, older ones too."""
    held = 0
    for history in store.manifest()["extracts"].values():
        for extract in history:
            wanted = pa.array(list(numbers.get(extract["source"], ())), type=pa.string())
            if not len(wanted):
                continue
            for piece in pieces(extract):
                for part in (*piece["partitions"], *filter(None, [piece["quarantine"]])):
                    rows = store.partition(part)
                    if "agency_person" in rows.column_names:
                        held += int(np.count_nonzero(pc.fill_null(pc.is_in(rows["agency_person"], wanted), False)))
    return held


def drop_extracts(vault: Vault, writer: EqualityWriter, held: Sequence[str]) -> None:
    """Forget what extracts brought that the store does not name any more: identities, characteristics, key maps.

    Numbers that no identity row names any more leave the key maps and the queue too.
    """
    vault.keep_only(held)
    known = "(source, agency_person) in (select source, agency_person from identity)"
    if vault.path.exists():
        with transaction(vault.path, KNOWN) as connection:
            for table in ("key_map", "key_known", "unmatched"):
                connection.execute(f"delete from {table} where not {known}")
            left = connection.execute("select source, agency_person from key_map").fetchall()
    else:
        left = []
    if not writer.path.exists():
        return
    marks = ", ".join("?" * len(held))
    with transaction(writer.path, "") as connection:
        for table in ("incoming", "sent"):
            connection.execute(f"delete from {table} where held_as not in ({marks})", tuple(held))
        connection.execute("create temp table known (source text, agency_person text)")
        connection.executemany("insert into known values (?, ?)", left)
        connection.execute(
            "delete from key_map where (source, agency_person) not in (select source, agency_person from known)"
        )
        connection.execute("drop table known")
