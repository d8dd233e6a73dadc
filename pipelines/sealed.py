"""Whether a run's candidate is still what its trainer sealed, asked before anything is read from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from desist.fairness.approval.candidate import FOLDER, MANIFEST, read_plain_files
from desist.records.errors import Refused
from desist.records.files import read_json
from desist.records.hashing import hash_bytes


def sealed_files(folder: Path) -> Mapping[str, bytes]:
    """The candidate's files in a run's folder. Raises Refused where they are not the ones that were sealed."""
    files, _ = read_plain_files(folder / FOLDER)
    sealed = read_json(folder / MANIFEST)["candidate"]["files"]
    if {name: hash_bytes(content) for name, content in files.items()} != sealed:
        raise Refused(f"The candidate of run {folder.name} is not what its trainer sealed.")
    return files
