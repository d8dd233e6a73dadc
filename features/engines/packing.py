"""One table's events of some people, as the kernels want them: a person's events together, days as whole numbers.

What does not fit its place is refused, never wrapped: a wrapped date would move an event into another window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from desist.features.engines import kernels
from desist.features.engines.plan import ANY_OPEN, DAYS, TablePlan, Test
from desist.records.errors import Problem, Refused

Days = npt.NDArray[np.int32]
#: Days further from 1970 than this (more than two million years) could wrap when two are subtracted.
FARTHEST = 2**30 - 2
#: Before every other day: the stamp of what was never hidden.
ALWAYS = -(2**31)
#: Events of one table in one part; more would not fit the kernels' places.
MOST_EVENTS = 2**31 - 2


@dataclass(frozen=True)
class Packed:
    """Events person by person (``starts``: people + 1); the arrays beside it are in that order, as kernels.py says."""

    starts: npt.NDArray[np.int64]
    occurred: Days
    known: npt.NDArray[np.int32]
    known_bits: npt.NDArray[np.uint64]
    mask: npt.NDArray[np.uint64]
    closed: Days
    ends: npt.NDArray[np.int32]
    learnt: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]

    @property
    def nbytes(self) -> int:
        return int(sum(getattr(self, name).nbytes for name in self.__dataclass_fields__))


def pack(table: pa.Table, plan: TablePlan, people: pa.Array) -> Packed:
    """The table's events of ``people`` (distinct texts), with everything that the plan measures.

    ``table`` has the plan's columns, in any order of rows. Raises Refused for what is empty or does not fit.
    """
    if table.num_rows > MOST_EVENTS:
        raise Refused(f"{plan.contract.name} has {table.num_rows:,} events in one part; make the parts smaller.")
    _check_keys(table, plan.contract.name)
    starts = np.empty(len(people) + 1, np.int64)
    places = kernels.positions(person_index(table["person_id"], people), len(people), starts)
    kept = int(starts[-1])

    def placed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out = np.empty(kept, values.dtype)
        kernels.put(values, places, out)
        return out

    def days(name: str) -> Days:
        return days_of(table[name], f"{plan.contract.name}.{name}")

    recorded = days("recorded_on")
    known = np.empty((len(plan.moments), kept), np.int32)
    for at, (stamps, _) in enumerate(plan.moments):
        kernels.put(_latest([recorded, *(days(stamp) for stamp in sorted(stamps))]), places, known[at])
    spells = [(days(end), days(stamp) if stamp else None) for end, stamp in plan.ends]
    closed = _closed(spells) if any(measure.kind == ANY_OPEN for measure in plan.measures) else None
    lasting = spells if any(measure.kind == DAYS for measure in plan.measures) else []
    always = np.full(table.num_rows, ALWAYS, np.int32)
    return Packed(
        starts=starts,
        occurred=placed(days("occurred_on")),
        known=known,
        known_bits=np.array([bits for _, bits in plan.moments], np.uint64),
        mask=placed(tests_met(table, plan)),
        closed=placed(closed) if closed is not None else np.empty(0, np.int32),
        ends=_together([placed(end) for end, _ in lasting], kept, np.int32),
        learnt=_together([placed(always if stamp is None else stamp) for _, stamp in lasting], kept, np.int32),
        values=_together([placed(numbers_of(table[name])) for name in plan.values], kept, np.float64),
    )


def person_index(people_of_events: pa.ChunkedArray, people: pa.Array) -> npt.NDArray[np.int32]:
    """Each event's person as a position in ``people``, -1 for others; a dictionary's texts are looked up once."""
    parts = []
    for chunk in people_of_events.chunks:
        coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        found = pc.index_in(coded.dictionary.cast(people.type), value_set=people).fill_null(-1)
        places = found.to_numpy(zero_copy_only=False).astype(np.int32)
        parts.append(places[coded.indices.to_numpy(zero_copy_only=False)])
    return np.concatenate(parts) if parts else np.empty(0, np.int32)


def days_of(column: pa.ChunkedArray, where: str) -> Days:
    """Whole days since 1970-01-01; ``NEVER`` where empty. Raises Refused for days too far away to subtract."""
    whole = _as_days(column)
    if whole.null_count:
        whole = whole.fill_null(int(kernels.NEVER))
    days: npt.NDArray[np.int64] | Days = whole.to_numpy(zero_copy_only=False)
    known = days != kernels.NEVER if column.null_count else slice(None)
    if len(days) and not _in_range(days[known]):
        raise Refused(
            f"{where} holds a date more than two million years away; it does not fit and is not rounded. "
            "Correct it in the extract, or have the row quarantined."
        )
    return days.astype(np.int32, copy=False)


def _as_days(column: pa.ChunkedArray) -> pa.Array:
    """Days as integers: what is stored as date32 is taken as it is; moments are cut to their day."""
    kind = column.type
    if pa.types.is_date32(kind):
        return _one(column.cast(pa.int32()))
    if pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
        per_day = {"s": 86400, "ms": 86400 * 10**3, "us": 86400 * 10**6, "ns": 86400 * 10**9}
        unit = kind.unit if pa.types.is_timestamp(kind) else "ms"
        moments = _one(column.cast(pa.int64()))
        whole = np.floor_divide(moments.fill_null(0).to_numpy(zero_copy_only=False), per_day[unit])
        return pa.array(whole, mask=~moments.is_valid().to_numpy(zero_copy_only=False))
    raise Refused(f"A column of dates holds {kind}; it should hold dates.")


def _in_range(days: npt.NDArray[Any]) -> bool:
    return len(days) == 0 or (int(days.min()) >= -FARTHEST and int(days.max()) <= FARTHEST)


def numbers_of(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """A field's values as numbers, NaN where unknown; texts as their position among the different ones."""
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        codes, _ = _coded(column)
        return np.where(codes > 0, codes.astype(np.float64), np.nan)
    elif pa.types.is_temporal(kind):
        days = days_of(column, "a date field")
        return np.where(days == kernels.NEVER, np.nan, days.astype(np.float64))
    values: npt.NDArray[np.float64] = _one(column.cast(pa.float64())).to_numpy(zero_copy_only=False)
    return values


def _coded(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Each text's number (0 for none) and the texts in the order of their numbers, from 1."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    coded = _one(column.unify_dictionaries())
    texts = [str(text) for text in coded.dictionary.to_pylist()]
    codes = coded.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    different = {text: number for number, text in enumerate(dict.fromkeys(texts), start=1)}
    lookup = np.array([0, *(different[text] for text in texts)], np.int32)
    return lookup[codes + 1], list(different)


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def tests_met(table: pa.Table, plan: TablePlan) -> npt.NDArray[np.uint64]:
    """A word for each event, with a bit for each set of tests that its final values meet."""
    asked = plan.rows_asked
    mask = np.full(table.num_rows, (1 << len(asked)) - 1, np.uint64)
    by_field: dict[str, list[Test]] = {}
    for test in {test for tests in asked for test in tests}:
        by_field.setdefault(test.field, []).append(test)
    for name in sorted(by_field):
        column, tests = table[name], by_field[name]
        kind = plan.contract.spec(name).kind
        if kind == "category":
            codes, texts = _coded(column)
            allowed = [_allowed(asked, tests, text) for text in [None, *texts]]
            kernels.keep_by_code(codes, np.array(allowed, np.uint64), mask)
            continue
        values = numbers_of(column)
        for test in tests:
            _keep(values, test, np.uint64(_bits_of(asked, test)), mask)
    return mask


def _bits_of(asked: Sequence[tuple[Test, ...]], test: Test) -> int:
    """The bits of every set that holds the test."""
    return sum(1 << bit for bit, tests in enumerate(asked) if test in tests)


def _allowed(asked: Sequence[tuple[Test, ...]], tests: Sequence[Test], text: str | None) -> int:
    """The bits that stay where a category has this value (None: unknown, which meets no test)."""
    word = (1 << len(asked)) - 1
    for test in tests:
        known = test.operator == "known"
        met = text is not None and (known or (isinstance(test.operand, tuple) and text in test.operand))
        if not met:
            word &= ~_bits_of(asked, test)
    return word


def _keep(values: npt.NDArray[np.float64], test: Test, bits: np.uint64, mask: npt.NDArray[np.uint64]) -> None:
    """Clear the bits of a test where a number, a yes/no or a date does not meet it."""
    if test.operator == "known":
        kernels.keep_known(values, bits, mask)
    elif test.operator in ("is_yes", "at_least"):
        kernels.keep_by_number(values, True, _operand(test, 1.0), bits, mask)
    else:
        kernels.keep_by_number(values, False, _operand(test, 0.0), bits, mask)


def _operand(test: Test, of_answer: float) -> float:
    return float(test.operand) if isinstance(test.operand, int | float) else of_answer


def _latest(days: Sequence[Days]) -> Days:
    """The day by which all have come."""
    latest = days[0]
    for other in days[1:]:
        latest = np.maximum(latest, other)
    return latest


def _closed(spells: Sequence[tuple[Days, Days | None]]) -> Days:
    """The last day on which each spell still counts as open: after it, an end is past and known."""
    ends = [end if stamp is None else np.maximum(end, stamp) for end, stamp in spells]
    closed = ends[0]
    for other in ends[1:]:
        closed = np.minimum(closed, other)
    return closed


def _together(arrays: Sequence[npt.NDArray[Any]], length: int, kind: Any) -> npt.NDArray[Any]:
    return np.stack(arrays) if arrays else np.empty((0, length), kind)


def _check_keys(table: pa.Table, name: str) -> None:
    """Refuse rows without a person, an event date or a recorded date; nobody's event may be lost in silence."""
    problems = [
        Problem(f"{table[key].null_count:,} rows without {key}", name, "all three in every row", "Leave them out.")
        for key in ("person_id", "occurred_on", "recorded_on")
        if table[key].null_count
    ]
    if problems:
        raise Refused("Events without a key or a date cannot be placed.", problems)
