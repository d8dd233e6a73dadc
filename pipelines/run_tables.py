"""The tables of a run that name people: held against manifest and log, and rid of somebody who was erased."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from desist.fairness.approval.candidate import MANIFEST
from desist.pipelines import amendments
from desist.pipelines.lists import parquet_of
from desist.pipelines.session import Session
from desist.records.files import read_json, write_bytes
from desist.records.hashing import hash_file, hash_json

#: Tables of a run that name people; erasure takes their rows out, and notes that it did (``amendments``).
TABLES_OF_PEOPLE = ("scores.parquet", "audited.parquet", "people.parquet")
#: Figures in which every dot is a person.
DOTS_ARE_PEOPLE = "shap-*.svg"


def hashes_of_tables(folder: Path) -> dict[str, str]:
    """The run's tables that have a row about a person, each with its hash."""
    return {name: hash_file(folder / name) for name in TABLES_OF_PEOPLE}


def table_faults(session: Session, run: str) -> list[str]:
    """What is wrong with a run's tables of people; empty where nothing is, or an earlier desist bound none."""
    folder = session.workspace.runs / run
    made = [row for row in session.log.rows() if (row["operation"], row["dataset"]) == ("run.created", run)]
    try:
        tables = read_json(folder / MANIFEST).get("tables")
    except (OSError, ValueError, AttributeError):
        return [f"runs/{run}/{MANIFEST} is damaged"]
    if tables is None and not any(row["reason"] for row in made):
        return []
    if not isinstance(tables, dict) or not made or made[-1]["reason"] != hash_json(tables):
        return [f"runs/{run}: the log knows nothing of its tables as its manifest tells of them"]
    if amendments.is_gone(session, folder):
        there = [name for name in TABLES_OF_PEOPLE if (folder / name).exists()]
        return [f"runs/{run}/{name} is there again" for name in there]
    files, found = amendments.expected(session, folder, {str(name): str(one) for name, one in tables.items()})
    return found + list(amendments.changed(folder, files))


def runs_with(session: Session, person_id: str) -> dict[str, str]:
    """The runs whose tables name a person, each with what they were there: taught the model, or judged it."""
    found = {}
    for folder in _folders(session):
        if rows_of(folder, person_id):
            found[folder.name] = _part_played(folder, person_id)
    return found


def _folders(session: Session) -> list[Path]:
    return sorted(path for path in session.workspace.runs.glob("*") if path.is_dir() and path.name[0] != ".")


def _part_played(folder: Path, person_id: str) -> str:
    path = folder / "people.parquet"
    if path.exists():
        own = pd.read_parquet(path).query("person_id == @person_id")
        if len(own) and bool(own["learnt"].iloc[0]):
            return "learnt"
    return "judged"


def rows_of(folder: Path, person_id: str) -> int:
    """How many rows of a run's tables are about a person."""
    return sum(
        int((pd.read_parquet(path, columns=["person_id"])["person_id"].astype(str) == person_id).sum())
        for path in map(folder.joinpath, TABLES_OF_PEOPLE)
        if path.exists()
    )


def take_out(session: Session, run: str, person_id: str, *, receipt: str) -> int:
    """Take a person's rows out of a run's tables; returns how many. Models and the sealed candidate stay as they are.

    Tables that were not as they were made stay unsound, and the person leaves them all the same.
    """
    folder = session.workspace.runs / run
    made = _bound(folder)
    again = amendments.begun(session, folder, made or {}, kind=amendments.ERASED, receipt=receipt)
    taken = rows_of(folder, person_id)
    if not taken and not again:
        return 0
    files = {}
    for name in TABLES_OF_PEOPLE:
        if (folder / name).exists():
            table = pd.read_parquet(folder / name)
            left = table[table["person_id"].astype(str) != person_id]
            files[name] = parquet_of(left) if len(left) < len(table) else (folder / name).read_bytes()
    for figure in (folder / "reports").glob(DOTS_ARE_PEOPLE):
        figure.unlink()
        taken += 1
    if made is not None and (again or not table_faults(session, run)):
        amendments.amend(session, folder, files, kind=amendments.ERASED, people=1, receipt=receipt)
    else:
        for name, content in files.items():
            write_bytes(folder / name, content)
    return taken


def _bound(folder: Path) -> dict[str, str] | None:
    """The hashes of its tables that a run was made with; None where an earlier desist bound none."""
    tables = read_json(folder / MANIFEST).get("tables") if (folder / MANIFEST).exists() else None
    return {str(name): str(digest) for name, digest in tables.items()} if isinstance(tables, dict) else None
