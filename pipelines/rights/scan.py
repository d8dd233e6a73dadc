"""Searching a whole workspace for somebody who was erased: bytes of every file, and what packed tables unpack to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from desist.pipelines.rights.due import named_files

#: Packed forms that no file of desist's has.
PACKED = frozenset({".zip", ".gz", ".bz2", ".xz", ".7z", ".xlsx", ".xls", ".docx", ".pdf", ".pkl", ".joblib", ".npz"})


@dataclass(frozen=True)
class Scan:
    """How many files were searched, and in which somebody was found (paths below the workspace).

    ``packed``: files in a form that nobody looks into here, so that finding nothing in them says nothing.
    """

    files: int
    found: tuple[str, ...]
    packed: tuple[str, ...] = ()


def scan(root: Path, needles: Sequence[str]) -> Scan:
    """Search every file below ``root`` for texts that stand for one person.

    SQLite files are searched as bytes, so pages that are free are searched too; Parquet is unpacked, because packed
    bytes show nothing, and its cells are searched for the texts within other text. Texts in two bytes a letter are
    found too.
    """
    files = [path for path in named_files(root)]
    wanted = [needle for needle in needles if needle]
    found = [path.relative_to(root).as_posix() for path in files if wanted and _holds(path, wanted)]
    packed = [path.relative_to(root).as_posix() for path in files if path.suffix.lower() in PACKED]
    return Scan(len(files), tuple(found), tuple(packed))


def _holds(path: Path, needles: Sequence[str]) -> bool:
    if any(_in_bytes(path, [needle.encode(code) for needle in needles for code in ("utf-8", "utf-16-le")])):
        return True
    return path.suffix == ".parquet" and _in_table(path, needles)


def _in_bytes(path: Path, needles: Sequence[bytes], *, chunk: int = 1 << 22) -> Iterator[bool]:
    """Whether a file holds a needle, read in pieces that overlap by the longest one."""
    overlap = max(map(len, needles)) - 1
    with path.open("rb") as file:
        tail = b""
        while piece := file.read(chunk):
            text = tail + piece
            yield any(needle in text for needle in needles)
            tail = text[-overlap:] if overlap else b""


def _in_table(path: Path, needles: Sequence[str]) -> bool:
    try:
        file = pq.ParquetFile(path)
        for batch in file.iter_batches(batch_size=1 << 17):
            for column in batch.columns:
                if _in_cells(column, needles):
                    return True
    except (pa.ArrowInvalid, OSError):
        return False
    return False


def _in_cells(column: pa.Array, needles: Sequence[str]) -> bool:
    """Whether a needle is part of any text of a column, texts in lists or structures included."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary
    if pa.types.is_struct(column.type):
        return any(_in_cells(part, needles) for part in column.flatten())
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return _in_cells(column.flatten(), needles)
    if pa.types.is_binary(column.type):
        return any(needle.encode() in cell for cell in column.drop_null().to_pylist() for needle in needles)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return any(pc.any(pc.match_substring(column, needle)).as_py() for needle in needles)
