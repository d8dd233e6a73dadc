"""Profiles worked out before, so that one more feature or date works out only that.

A folder holds columns of one snapshot and one set of rows. Each file is a group of columns that were worked out
together, named by what each column means (its definition's hash), with the file's own hash beside it: a file that was
altered or half written is not used.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from desist.features.engines.compiled import columns_of, profiles_of
from desist.features.engines.terms import refuse_ages
from desist.features.events import Events
from desist.features.language import Definition
from desist.features.register import Register
from desist.features.tables import Profiles
from desist.records.files import read_json, write_json
from desist.records.hashing import hash_file, hash_json


def meanings(register: Register) -> dict[str, str]:
    """Each feature's column name with the hash of its definition: two names of one meaning share a column."""
    return {feature.name: meaning(feature.definition) for feature in register.used}


def meaning(definition: Definition) -> str:
    return hash_json(definition.to_json())[:24]


class KeptColumns:
    """Columns of the same rows, by meaning, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def missing(self, wanted: Sequence[str]) -> list[str]:
        """Which of the meanings are not kept yet."""
        held = {column for _, columns in self._groups() for column in columns}
        return [column for column in dict.fromkeys(wanted) if column not in held]

    def add(self, columns: Mapping[str, pa.Array]) -> None:
        """Keep columns that were worked out; the file is whole before the note that makes it count."""
        if not columns:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"columns-{hash_json(sorted(columns))[:16]}.parquet"
        writing = path.with_suffix(".writing")
        pq.write_table(pa.table(dict(columns)), writing, use_dictionary=False, compression="lz4")
        told = {"sha256": hash_file(writing), "columns": sorted(columns)}
        path.with_suffix(".json").unlink(missing_ok=True)
        writing.replace(path)
        write_json(path.with_suffix(".json"), told)

    def read(self, wanted: Mapping[str, str]) -> dict[str, pa.ChunkedArray]:
        """The wanted columns (name -> meaning). Raises KeyError for one that is missing."""
        where = {column: path for path, columns in self._groups() for column in columns}
        found: dict[str, pa.ChunkedArray] = {}
        for path in dict.fromkeys(where[meaning] for meaning in wanted.values()):
            names = [name for name, meaning in wanted.items() if where[meaning] == path]
            table = pq.read_table(path, columns=sorted({wanted[name] for name in names}))
            found |= {name: table[wanted[name]] for name in names}
        return {name: found[name] for name in wanted}

    def _groups(self) -> list[tuple[Path, list[str]]]:
        """The files that are as they were written, with their columns."""
        found = []
        for note in sorted(self.folder.glob("columns-*.json")):
            path, told = note.with_suffix(".parquet"), read_json(note)
            if path.exists() and hash_file(path) == told["sha256"]:
                found.append((path, list(told["columns"])))
        return found


def forget_others(folder: Path, pattern: str, still: Path) -> None:
    """Remove folders of kept columns that rest on other extracts, people or code than ``still``."""
    for path in folder.glob(pattern):
        if path != still and path.is_dir():
            shutil.rmtree(path)


def build_kept(events: Events, cohort_rows: pd.DataFrame, register: Register, folder: Path) -> Profiles:
    """Profiles of the rows from the columns kept in ``folder``, working out only those that are not there yet.

    The folder's name must stand for the events and the rows; what a column means is in the files. Raises Refused for
    an approved age, which is not kept.
    """
    refuse_ages({feature.name: feature.definition for feature in register.used}, "keeps no ages beside them")
    kept, wanted = KeptColumns(folder), meanings(register)
    missing = set(kept.missing(list(wanted.values())))
    asked = {wanted[f.name]: f.definition for f in register.used if wanted[f.name] in missing}
    if asked:
        kept.add({name: pa.array(column) for name, column in columns_of(events, cohort_rows, asked).items()})
    columns = {name: column.to_numpy() for name, column in kept.read(wanted).items()}
    return profiles_of(cohort_rows, columns, register)
