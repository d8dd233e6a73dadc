"""What the kernels read of one table for one plan: a bit for each set of tests, and from when they are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from desist.features.engines import kernels
from desist.features.engines.laid import Laid
from desist.features.engines.plan import ANY_OPEN, DAYS, WORD, TablePlan, Test

Days = npt.NDArray[np.int32]
#: Before every other day: when what is never hidden was learnt.
ALWAYS = np.int32(-(2**31))


@dataclass(frozen=True)
class Packed:
    """Events person by person; the arrays are what ``measuring.measure`` and ``measuring.measure_days`` say.

    ``small_codes``: for each field whose values are measured, whether they are codes below 64.
    """

    starts: npt.NDArray[np.int64]
    occurred: Days
    known: Days
    known_bits: npt.NDArray[np.uint64]
    mask: npt.NDArray[np.uint64]
    closed: Days
    ends: Days
    learnt: Days
    values: npt.NDArray[np.float64]
    small_codes: tuple[bool, ...]


def pack(laid: Laid, plan: TablePlan) -> Packed:
    """The events with everything that the plan measures of them."""
    events = len(laid.days("occurred_on"))
    recorded = laid.days("recorded_on")
    known = np.empty((len(plan.moments), events), np.int32)
    for at, (stamps, _) in enumerate(plan.moments):
        known[at] = recorded
        for stamp in sorted(stamps):
            np.maximum(known[at], laid.days(stamp), out=known[at])
    spells = [(laid.days(end), laid.days(stamp) if stamp else None) for end, stamp in plan.ends]
    asks_open = any(measure.kind == ANY_OPEN for measure in plan.measures)
    lasting = spells if any(measure.kind == DAYS for measure in plan.measures) else []
    always = np.full(events, ALWAYS)
    return Packed(
        starts=laid.starts,
        occurred=laid.days("occurred_on"),
        known=known,
        known_bits=np.array([bits for _, bits in plan.moments], np.uint64),
        mask=tests_met(laid, plan, events),
        closed=_closed(spells) if asks_open else np.empty(0, np.int32),
        ends=_together([end for end, _ in lasting], events),
        learnt=_together([always if stamp is None else stamp for _, stamp in lasting], events),
        values=_values(laid, plan, events),
        small_codes=tuple(len(laid.texts.get(name, range(WORD))) < WORD for name in plan.values),
    )


def _values(laid: Laid, plan: TablePlan, events: int) -> npt.NDArray[np.float64]:
    """The fields whose values are measured, a row each."""
    values = np.empty((len(plan.values), events))
    for at, name in enumerate(plan.values):
        laid.numbers(name, values[at])
    return values


def tests_met(laid: Laid, plan: TablePlan, events: int) -> npt.NDArray[np.uint64]:
    """A word for each event, with a bit for each set of tests that its final values meet."""
    asked = plan.rows_asked
    mask = np.full(events, (1 << len(asked)) - 1, np.uint64)
    by_field: dict[str, list[Test]] = {}
    for test in {test for tests in asked for test in tests}:
        by_field.setdefault(test.field, []).append(test)
    for name, tests in sorted(by_field.items()):
        if name in laid.texts:
            allowed = [_allowed(asked, tests, text) for text in (None, *laid.texts[name])]
            kernels.keep_by_code(laid.columns[name], np.array(allowed, np.uint64), mask)
            continue
        values = laid.numbers(name)
        for test in tests:
            _keep(values, test, np.uint64(_bits_of(asked, test)), mask)
    return mask


def _bits_of(asked: Sequence[tuple[Test, ...]], test: Test) -> int:
    """The bits of every set that holds the test."""
    return sum(1 << bit for bit, tests in enumerate(asked) if test in tests)


def _allowed(asked: Sequence[tuple[Test, ...]], tests: Sequence[Test], text: str | None) -> int:
    """The bits that stay where a category or a yes/no has this value (None: unknown, which meets no test)."""
    word = (1 << len(asked)) - 1
    for test in tests:
        if text is None or not _met(test, text):
            word &= ~_bits_of(asked, test)
    return word


def _met(test: Test, text: str) -> bool:
    if isinstance(test.operand, tuple):
        return text in test.operand
    return {"known": True, "is_yes": text == "yes", "is_no": text == "no"}[test.operator]


def _keep(values: npt.NDArray[np.float64], test: Test, bits: np.uint64, mask: npt.NDArray[np.uint64]) -> None:
    """Clear the bits of a test where a number or a date does not meet it."""
    if test.operator == "known":
        kernels.keep_known(values, bits, mask)
    elif isinstance(test.operand, float):
        kernels.keep_by_number(values, test.operator == "at_least", test.operand, bits, mask)


def _closed(spells: Sequence[tuple[Days, Days | None]]) -> Days:
    """The last day on which each spell still counts as open: after it, an end is past and known."""
    ends = [end if stamp is None else np.maximum(end, stamp) for end, stamp in spells]
    closed = ends[0]
    for other in ends[1:]:
        closed = np.minimum(closed, other)
    return closed


def _together(days: Sequence[Days], events: int) -> Days:
    return np.stack(days) if days else np.empty((0, events), np.int32)
