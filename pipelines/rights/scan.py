"""Searching a whole workspace for somebody who was erased: bytes of every file, and what packed tables unpack to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from desist.pipelines.rights.due import named_files


@dataclass(frozen=True)
class Scan:
    """How many files were searched, and in which somebody was found (paths below the workspace)."""

    files: int
    found: tuple[str, ...]

    def as_counts(self) -> dict[str, int]:
        return {"files": self.files, "found": len(self.found)}


def scan(root: Path, needles: Sequence[str]) -> Scan:
    """Search every file below ``root`` for texts that stand for one person.

    SQLite files are searched as bytes, so pages that are free are searched too; Parquet is unpacked, because packed
    bytes show nothing. A file that cannot be unpacked is searched as bytes alone.
    """
    files = [path for path in named_files(root)]
    wanted = [needle for needle in needles if needle]
    found = [path.relative_to(root).as_posix() for path in files if wanted and _holds(path, wanted)]
    return Scan(len(files), tuple(found))


def _holds(path: Path, needles: Sequence[str]) -> bool:
    if any(found for found in _in_bytes(path, [needle.encode() for needle in needles])):
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
        wanted = pa.array(list(needles), type=pa.string())
        for batch in file.iter_batches(batch_size=1 << 17):
            for column in batch.columns:
                cells = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
                if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
                    cells = pc.utf8_trim_whitespace(cells.cast(pa.string()))
                    if pc.any(pc.is_in(cells, value_set=wanted)).as_py():
                        return True
    except (pa.ArrowInvalid, OSError):
        return False
    return False
