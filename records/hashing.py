"""Hashes that bind one file to another. Equal content gives an equal hash on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def hash_bytes(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal characters."""
    return hashlib.sha256(content).hexdigest()


def hash_json(value: Any) -> str:
    return hash_bytes(canonical_json(value))


def hash_code(folders: Iterable[Path]) -> str:
    """A hash of the Python files in some folders: what older code worked out is not taken for today's."""
    files = {
        str(path.relative_to(folder.parent)): hash_file(path) for folder in folders for path in folder.rglob("*.py")
    }
    return hash_json(files)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces so that its size does not matter."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
