"""What erasure and restriction changed in files that were bound by a hash, so that they still count: and nothing else.

A folder's ``amendments.json`` lists each change in order: under which receipt, how many people it was about, and the
hash of each file afterwards. The log holds the hash of every entry. A folder is as it should be where its entries are
exactly those that the log tells of, and its files those of the last entry. What a change may be is for the folder's
owner to check: a list may lose people and estimates (``commitments``), a run's table may lose rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from desist.pipelines.session import Session
from desist.records.files import read_json, write_json
from desist.records.hashing import hash_file, hash_json

FILE = "amendments.json"
ERASED, ON_HOLD, GONE = "erased", "on_hold", "retention"

Entry = dict[str, Any]


def entries(folder: Path) -> list[Entry]:
    """The folder's amendments, oldest first. Raises ValueError, KeyError, TypeError or OSError where it is damaged."""
    path = folder / FILE
    if not path.exists() and not path.is_symlink():
        return []
    told = read_json(path)["amendments"]
    if not isinstance(told, list):
        raise TypeError("amendments are a list")
    return [dict(entry) for entry in told]


def dataset_of(folder: Path) -> str:
    """How the log names a folder: lists/ID or runs/ID."""
    return f"{folder.parent.name}:{folder.name}"


def amend(session: Session, folder: Path, files: Sequence[str], *, kind: str, people: int, receipt: str) -> None:
    """Note a change that was just made. Noting the same again, after a kill, changes nothing."""
    entry: Entry = {
        "kind": kind,
        "people": people,
        "receipt": receipt,
        "files": {name: hash_file(folder / name) for name in files if (folder / name).exists()},
    }
    found = [one for one in entries(folder) if (one["receipt"], one["kind"]) != (receipt, kind)]
    write_json(folder / FILE, {"amendments": [*found, entry]})
    if hash_json(entry) not in logged(session, folder):
        session.log.append(
            "data.erased", actor=session.actor, role="installation", dataset=dataset_of(folder), outcome=kind,
            reason=hash_json(entry), correlation=receipt, counts={"people": people},
        )  # fmt: skip


def logged(session: Session, folder: Path) -> list[str]:
    """The hashes of the amendments that the log tells of since the folder was made, oldest first."""
    told, found = dataset_of(folder), list[str]()
    for row in session.log.rows():
        if row["operation"] in ("run.created", "list.made") and row["dataset"] == folder.name:
            found = []  # made anew: what was amended before is gone
        if (row["operation"], row["dataset"]) == ("data.erased", told) and row["outcome"] in (ERASED, ON_HOLD):
            found.append(row["reason"])
    return found


def is_gone(session: Session, folder: Path) -> bool:
    """Whether the log tells that the whole folder was removed when its time was over."""
    told = dataset_of(folder)
    removed = [row for row in session.log.rows() if (row["operation"], row["dataset"]) == ("data.erased", told)]
    return any(row["outcome"] == GONE for row in removed)


def expected(session: Session, folder: Path, made: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The hashes that files should have now, from those they were ``made`` with; and what is wrong with the chain."""
    name = f"{folder.parent.name}/{folder.name}"
    try:
        found = entries(folder)
        told = [hash_json(entry) for entry in found]
        files = dict(made)
        for entry in found:
            if entry["kind"] not in (ERASED, ON_HOLD) or not set(entry["files"]) <= set(files):
                return files, [f"{name}/{FILE} tells of a change that nobody may make"]
            files |= {str(file): str(digest) for file, digest in entry["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return dict(made), [f"{name}/{FILE} is damaged"]
    if told != logged(session, folder):
        return files, [f"{name}/{FILE} is not as the log tells of it: a change is missing, or was put there by hand"]
    return files, []


def changed(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    """The files that are gone or have another hash."""
    for name, digest in files.items():
        path = folder / name
        if path.is_symlink() or not path.exists() or hash_file(path) != digest:
            yield f"{folder.parent.name}/{folder.name}/{name} was changed"
