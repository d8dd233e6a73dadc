"""What erasure and restriction changed in files that were bound by a hash, so that they still count: and nothing else.

A folder's ``amendments.json`` lists each change in order: under which receipt, how many people it was about, and the
hash of each file afterwards. The log holds the hash of every entry. A folder is as it should be where its entries are
exactly those that the log tells of, and its files those of the last entry. What a change may be is for the folder's
owner to check: a list may lose people and estimates (``commitments``), a run's table may lose rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from desist.pipelines.rights.due import SCORE_MONTHS, months_after
from desist.pipelines.rights.register import rights_of
from desist.pipelines.session import Session
from desist.records.files import read_json, write_bytes, write_json
from desist.records.hashing import hash_bytes, hash_file, hash_json

FILE = "amendments.json"
ERASED, ON_HOLD, GONE = "erased", "on_hold", "retention"
#: Which requests make which change.
REQUESTS = {
    ERASED: ("person.erased",),
    ON_HOLD: ("person.restricted", "person.contested", "person.corrected"),
}

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


def people_by_kind(folder: Path) -> dict[str, int]:
    """Of how many people at most each kind of change took something away: one a request, and one for each older id."""
    found: dict[str, set[str]] = {kind: set() for kind in REQUESTS}
    for entry in entries(folder):
        receipt = str(entry["receipt"])
        found[entry["kind"]].add(receipt if entry["kind"] == ERASED else receipt.split(".")[0])
    return {kind: len(receipts) for kind, receipts in found.items()}


def dataset_of(folder: Path) -> str:
    """How the log names a folder: lists/ID or runs/ID."""
    return f"{folder.parent.name}:{folder.name}"


def amend(
    session: Session, folder: Path, files: Mapping[str, bytes], *, kind: str, people: int, receipt: str
) -> None:
    """Note a change in amendments and log, then write the files. The same again, after a kill, writes what is left.

    ``files``: every file that the change is about as it is to be. Nothing but a note that the log tells of says which
    half-written state may be gone on from (``begun``).
    """
    digests = {name: hash_bytes(content) for name, content in files.items()}
    entry: Entry = {"kind": kind, "people": people, "receipt": receipt, "files": digests}
    found = [one for one in entries(folder) if (one["receipt"], one["kind"]) != (receipt, kind)]
    write_json(folder / FILE, {"amendments": [*found, entry]})
    if hash_json(entry) not in logged(session, folder):
        session.log.append(
            "data.erased", actor=session.actor, role="installation", dataset=dataset_of(folder), outcome=kind,
            reason=hash_json(entry), correlation=receipt, counts={"people": people},
        )  # fmt: skip
    for name, content in files.items():
        write_bytes(folder / name, content)


def begun(session: Session, folder: Path, made: Mapping[str, str], *, kind: str, receipt: str) -> bool:
    """Whether this very change was noted last and cut short: every file is as it was before it, or as it was to be."""
    try:
        *before, last = entries(folder)
        if (last["kind"], last["receipt"]) != (kind, receipt):
            return False
        was = dict(made)
        for entry in before:
            was |= entry["files"]
        found = {name: hash_file(folder / name) for name in was}
        told = [hash_json(entry) for entry in before]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    known = logged(session, folder)
    return known in (told, [*told, hash_json(last)]) and all(
        digest in (was[name], last["files"].get(name)) for name, digest in found.items()
    )


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
    """Whether the log tells that a list, or a run's tables, were removed when their time was over: not before."""
    told, made, removed = dataset_of(folder), "", ""
    for row in session.log.rows():
        if row["operation"] in ("run.created", "list.made") and row["dataset"] == folder.name:
            made, removed = row["time"][:10], ""
        elif (row["operation"], row["dataset"], row["outcome"]) == ("data.erased", told, GONE):
            removed = row["time"][:10]
    if not made or not removed:
        return False
    return dt.date.fromisoformat(removed) > months_after(dt.date.fromisoformat(made), SCORE_MONTHS)


def _unasked(session: Session, found: Sequence[Entry]) -> bool:
    """Whether a change belongs to no request that the log tells of, nor to one that is being carried out."""
    asked = {(row["dataset"], row["operation"]) for row in session.log.rows()}
    open_now = set(rights_of(session).begun())
    for entry in found:
        receipt = str(entry["receipt"]).split(".")[0]  # .1, .2: older ids of the same person
        if receipt not in open_now and not any((receipt, one) in asked for one in REQUESTS[entry["kind"]]):
            return True
    return False


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
    if _unasked(session, found):
        return files, [f"{name}/{FILE} tells of a change that nobody asked for"]
    return files, []


def changed(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    """The files that are gone or have another hash."""
    for name, digest in files.items():
        path = folder / name
        if path.is_symlink() or not path.exists() or hash_file(path) != digest:
            yield f"{folder.parent.name}/{folder.name}/{name} was changed"
