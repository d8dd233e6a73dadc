"""Writes that leave either the old file or the new one, whenever they are killed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":  # Windows has no handle for a directory
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one step; readers never see half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Indented JSON with sorted keys; NaN is refused, because a reader would take it for a number."""
    write_bytes(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """What ``write_json`` writes."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that appears at ``path`` only when the block ends well.

    An older folder of that name is replaced. After an error or a kill ``path`` is as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=path.parent, prefix=".writing-"))
    try:
        yield building
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=".removing-"))
            path.replace(old / path.name)
            building.replace(path)
            shutil.rmtree(old)
        else:
            building.replace(path)
        _sync_directory(path.parent)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
