"""A table's rows cut by person: who stands in which partition, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.rows.stream import coded, places

#: Files judged, and partitions packed, at once. Arrow and numpy work outside Python's lock; results don't depend on it.
AT_ONCE = 2

Order = npt.NDArray[np.int64]
Thing = TypeVar("Thing")
Made = TypeVar("Made")


def partitions(numbers: pa.Array | pa.ChunkedArray, count: int) -> list[Order]:
    """The rows of each of ``count`` partitions, by person and then as they came.

    A person's partition depends on their number and on ``count`` alone, so that all their rows stand in one.
    """
    encoded = coded(numbers)
    distinct = encoded.dictionary
    by_number = np.asarray(pc.sort_indices(distinct))
    rank = np.empty(len(distinct), dtype=np.int32)
    rank[by_number] = np.arange(len(distinct), dtype=np.int32)
    if count == 1:
        return [np.argsort(rank[places(encoded)], kind="stable") if len(encoded) else np.zeros(0, dtype=np.int64)]
    bucket = (_scattered(distinct) % np.uint32(count)).astype(np.uint16)
    of_row = places(encoded)
    buckets = bucket[of_row]
    order = np.argsort(buckets, kind="stable")  # a radix sort, because the numbers are of 16 bits
    ends = np.cumsum(np.bincount(buckets, minlength=count))
    del buckets
    return [rows[np.argsort(rank[of_row[rows]], kind="stable")] for rows in np.split(order, ends[:-1])]


def _scattered(texts: pa.StringArray) -> npt.NDArray[np.uint32]:
    """A whole number of 32 bits for each text, from its bytes alone (FNV-1a), all texts at once byte by byte."""
    _, offsets, content = texts.buffers()
    starts = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    letters = np.frombuffer(content, dtype=np.uint8) if content else np.zeros(0, dtype=np.uint8)
    lengths = np.diff(starts)
    found = np.full(len(texts), 2166136261, dtype=np.uint32)
    for place in range(int(lengths.max(initial=0))):
        has = np.flatnonzero(lengths > place)
        found[has] = (found[has] ^ letters[starts[has] + place]) * np.uint32(16777619)
    return found


def at_once(work: Callable[[Thing], Made], things: Iterable[Thing]) -> list[Made]:
    """What ``work`` makes of each thing, in their order, AT_ONCE of them at a time; the first error is raised."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, things))


def each(work: Callable[[pa.Table], Made], rows: pa.Table, cuts: Sequence[Order]) -> list[Made]:
    """What ``work`` makes of each partition's rows, in the order of the partitions."""
    rows = rows.combine_chunks()
    return at_once(lambda cut: work(rows.take(pa.array(cut))), cuts)
