"""From definitions to what the kernels measure: each definition is made of a few plain measures of one table.

A measure is "of these rows, in this window, how many" (or the last, the first, the highest, ...). Every test of a
row becomes one bit, so that a row is looked at once however many definitions ask about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from desist.features import language as say
from desist.features.contracts import EventContract
from desist.features.rows import Condition, Field, Rows
from desist.features.windows import Lookback
from desist.records.errors import Refused

Column = npt.NDArray[np.float64]
#: What the kernels can measure. The first three are counted, the rest looked for among a person's events. Compiled
#: code holds these numbers: after changing one, remove __pycache__ (numba does not notice).
COUNT, ANY, ANY_OPEN = 0, 1, 2
LAST, FIRST, GAP, FOLLOWED = 3, 4, 5, 6
HIGHEST, LAST_VALUE, FIRST_VALUE, VARIETY, SUM, MEAN, DECAYED = 7, 8, 9, 10, 11, 12, 13
DAYS = 14
#: What no kernel measures: an age comes from the vault.
AGE = -1
#: Bits of one word; a table with more different tests is measured in several goes.
WORD = 64


class Test(NamedTuple):
    """A condition on one field, without its contract: what can be compared and counted."""

    field: str
    operator: str
    operand: tuple[str, ...] | float | None

    @classmethod
    def of(cls, condition: Condition) -> Test:
        operand = condition.operand
        return cls(
            condition.field, condition.operator, tuple(sorted(operand)) if isinstance(operand, tuple) else operand
        )


@dataclass(frozen=True, eq=False)
class Measure:
    """One thing measured of one table's rows in one window.

    ``none``: its value where no row qualifies. ``value``: the field measured. ``half_life`` in days. ``after``: the
    measure that comes before this one (``FOLLOWED``: whose event is followed; ``AGE``: at whose event).
    """

    kind: int
    contract: EventContract | None
    table: str
    tests: tuple[Test, ...]
    window: Lookback
    none: float
    value: str = ""
    half_life: int = 0
    after: Measure | None = None

    @cached_property
    def stamps(self) -> frozenset[str]:
        """The recorded dates that must have passed, besides the row's own, before its tests can be met."""
        later = self.contract.learnt_later if self.contract else {}
        return frozenset(later[test.field] for test in self.tests if test.field in later)

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What makes two measures the same."""
        none = "missing" if np.isnan(self.none) else self.none
        after = self.after.key if self.after else None
        return (self.kind, self.table, self.tests, self.window, none, self.value, self.half_life, after)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Measure) and self.key == other.key


def _measure(
    kind: int, rows: Rows, window: Lookback | None, none: float = np.nan, known: Field | None = None, **more: Any
) -> Measure:
    """A measure of rows; of a field only where it is known."""
    if window is None:
        raise Refused("A definition has no look-back limit yet; a register gives it one.")
    tests = {Test.of(condition) for condition in rows.conditions}
    if known is not None:
        tests.add(Test.of(known.known()))
        more["value"] = known.name
    return Measure(kind, rows.contract, rows.contract.name, tuple(sorted(tests, key=repr)), window, none, **more)


Found = Callable[[Measure], Column]


def _count(asked: say.Count, found: Found) -> Column:
    return found(_measure(COUNT, asked.rows, asked.window, 0.0))


def _has(asked: say.Has, found: Found) -> Column:
    return found(_measure(ANY, asked.rows, asked.window, 0.0))


def _days_since(asked: say.DaysSince, found: Found) -> Column:
    none = float(asked.window.days) if asked.none_as == "window" and asked.window else np.nan
    return found(_measure(LAST, asked.rows, asked.window, none))


def _days_since_first(asked: say.DaysSinceFirst, found: Found) -> Column:
    return found(_measure(FIRST, asked.rows, asked.window))


def _is_open(asked: say.IsOpen, found: Found) -> Column:
    return found(_measure(ANY_OPEN, asked.rows, asked.window, 0.0))


def _duration(asked: say.Duration, found: Found) -> Column:
    return found(_measure(DAYS, asked.rows, asked.window, 0.0))


def _rate_per_year_at_liberty(asked: say.RatePerYearAtLiberty, found: Found) -> Column:
    if asked.window is None or asked.custody is None:
        raise Refused("A definition has no look-back limit yet; a register gives it one.")
    events = found(_measure(COUNT, asked.rows, asked.window, 0.0))
    free = asked.window.days - asked.window.until - found(_measure(DAYS, asked.custody, asked.window, 0.0))
    enough = free >= say.LEAST_DAYS_AT_LIBERTY
    return np.where(enough, 365.0 * events / np.where(enough, free, 1.0), np.nan)


def _decayed_count(asked: say.DecayedCount, found: Found) -> Column:
    return found(_measure(DECAYED, asked.rows, asked.window, 0.0, half_life=asked.half_life))


def _gap_between(asked: say.GapBetween, found: Found) -> Column:
    if asked.then is None:
        return found(_measure(GAP, asked.rows, asked.window))
    return found(_measure(FOLLOWED, asked.then, asked.window, after=_measure(LAST, asked.rows, asked.window)))


def _trend(asked: say.Trend, found: Found) -> Column:
    earlier, later = asked.halves()
    if isinstance(asked.of, Field):
        return _mean_of(asked.of, later, found) - _mean_of(asked.of, earlier, found)
    return found(_measure(COUNT, asked.rows, later, 0.0)) - found(_measure(COUNT, asked.rows, earlier, 0.0))


def _mean_of(asked: Field, window: Lookback, found: Found) -> Column:
    return found(_measure(MEAN, asked.rows, window, known=asked))


def _most_recent(asked: say.MostRecent, found: Found) -> Column:
    return found(_measure(LAST_VALUE, asked.field.rows, asked.window, known=asked.field))


def _first(asked: say.First, found: Found) -> Column:
    return found(_measure(FIRST_VALUE, asked.field.rows, asked.window, known=asked.field))


def _worst(asked: say.Worst, found: Found) -> Column:
    return found(_measure(HIGHEST, asked.field.rows, asked.window, 0.0, known=asked.field))


def _sum(asked: say.Sum, found: Found) -> Column:
    return found(_measure(SUM, asked.field.rows, asked.window, 0.0, known=asked.field))


def _mean(asked: say.Mean, found: Found) -> Column:
    return found(_measure(MEAN, asked.field.rows, asked.window, known=asked.field))


def _distinct(asked: say.Distinct, found: Found) -> Column:
    return found(_measure(VARIETY, asked.field.rows, asked.window, 0.0, known=asked.field))


def _share(asked: say.Share, found: Found) -> Column:
    if asked.of is None:
        raise Refused("A share is of rows.")
    answer = Field(asked.of, asked.field.name)
    yes = found(_measure(COUNT, asked.of.where(answer.is_yes()), asked.window, 0.0))
    known = found(_measure(COUNT, asked.of.where(answer.known()), asked.window, 0.0))
    return np.where(known > 0, yes / np.where(known > 0, known, 1.0), np.nan)


def _age(asked: say.Age, found: Found) -> Column:
    first = None if asked.first is None else _measure(FIRST, asked.first, asked.window)
    return found(Measure(AGE, None, "", (), Lookback(1), np.nan, after=first))


def _combined(asked: say.Combined, found: Found) -> Column:
    one = value_from(asked.one, found)
    other: Any = value_from(asked.other, found) if isinstance(asked.other, say.Definition) else float(asked.other)
    with np.errstate(over="ignore", invalid="ignore"):
        if asked.operator == "/":
            divides = other != 0
            made: Column = np.where(divides, one / np.where(divides, other, 1.0), np.nan)
        else:
            made = {"+": np.add, "-": np.subtract, "*": np.multiply}[asked.operator](one, other)
    return np.where(np.isfinite(made), made, np.nan)  # a number too large to write down is no answer


def _tested(asked: say.Tested, found: Found) -> Column:
    value = value_from(asked.value, found)
    met = value >= asked.number if asked.operator == "at_least" else value <= asked.number
    return np.where(np.isnan(value), np.nan, met)


def _chosen(asked: say.Chosen, found: Found) -> Column:
    test, then = value_from(asked.test, found), value_from(asked.then, found)
    last = asked.otherwise
    otherwise: Any = value_from(last, found) if isinstance(last, say.Definition) else float(last)
    return np.where(np.isnan(test), np.nan, np.where(test == 1.0, then, otherwise))


#: How each function of the language comes from measures; the reference engine has the same list.
WORKED_OUT: Mapping[type[say.Definition], Callable[[Any, Found], Column]] = {
    say.Count: _count,
    say.Has: _has,
    say.DaysSince: _days_since,
    say.DaysSinceFirst: _days_since_first,
    say.IsOpen: _is_open,
    say.Duration: _duration,
    say.RatePerYearAtLiberty: _rate_per_year_at_liberty,
    say.DecayedCount: _decayed_count,
    say.GapBetween: _gap_between,
    say.Trend: _trend,
    say.MostRecent: _most_recent,
    say.First: _first,
    say.Worst: _worst,
    say.Sum: _sum,
    say.Mean: _mean,
    say.Distinct: _distinct,
    say.Share: _share,
    say.Age: _age,
    say.Combined: _combined,
    say.Tested: _tested,
    say.Chosen: _chosen,
}


def value_from(definition: say.Definition, found: Found) -> Column:
    """The definition's column, from the columns of its measures; NaN where it is missing."""
    return WORKED_OUT[type(definition)](definition, found)


def measures_of(definition: say.Definition) -> tuple[Measure, ...]:
    """What must be measured for a definition; each after what it depends on."""
    asked: list[Measure] = []

    def note(measure: Measure) -> Column:
        asked.extend([measure.after, measure] if measure.after else [measure])
        return np.empty(0)

    value_from(definition, note)
    return tuple(dict.fromkeys(asked))


@dataclass(frozen=True)
class TablePlan:
    """What is measured of one table, at most 64 different sets of tests at a time.

    ``rows_asked``: the sets of tests, by bit. ``moments``: for each set of recorded dates that some tests wait for,
    the bits of those tests; the first waits for the row's own alone.
    """

    contract: EventContract
    measures: tuple[Measure, ...]

    @cached_property
    def rows_asked(self) -> tuple[tuple[Test, ...], ...]:
        return tuple(dict.fromkeys(measure.tests for measure in self.measures))

    def bit(self, measure: Measure) -> int:
        return self._bits[measure.tests]

    @cached_property
    def _bits(self) -> dict[tuple[Test, ...], int]:
        return {tests: bit for bit, tests in enumerate(self.rows_asked)}

    @cached_property
    def moments(self) -> tuple[tuple[frozenset[str], int], ...]:
        bits: dict[frozenset[str], int] = {frozenset(): 0}
        for measure in self.measures:
            bits[measure.stamps] = bits.get(measure.stamps, 0) | 1 << self.bit(measure)
        return tuple(bits.items())

    @cached_property
    def values(self) -> tuple[str, ...]:
        """Fields whose values are measured."""
        return tuple(dict.fromkeys(measure.value for measure in self.measures if measure.value))

    @cached_property
    def ends(self) -> tuple[tuple[str, str], ...]:
        """End dates of spells with the date on which each is learnt, where a measure asks for them."""
        if not any(measure.kind in (ANY_OPEN, DAYS) for measure in self.measures):
            return ()
        return tuple((name, self.contract.learnt_later.get(name, "")) for name in self.contract.ends)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that must be read."""
        tested = [test.field for tests in self.rows_asked for test in tests]
        stamps = [stamp for needed, _ in self.moments for stamp in sorted(needed)]
        spells = [name for pair in self.ends for name in pair if name]
        key = ("occurred_on", "recorded_on")
        return tuple(dict.fromkeys([*key, *tested, *self.values, *stamps, *spells]))


@dataclass(frozen=True)
class Plan:
    """Everything to measure for some definitions, table by table, in an order in which nothing waits for a later one.

    ``place``: where each measure stands among all of them.
    """

    tables: tuple[TablePlan, ...]
    place: Mapping[Measure, int]


def plan_for(definitions: Sequence[say.Definition]) -> Plan:
    """The plan of some definitions. Ages have a place, and no table."""
    wanted = dict.fromkeys(measure for definition in definitions for measure in measures_of(definition))
    measured = [measure for measure in wanted if measure.kind != AGE]
    tables = _tables([m for m in measured if m.after is None]) + _tables([m for m in measured if m.after is not None])
    return Plan(tuple(tables), {measure: place for place, measure in enumerate(wanted)})


def _tables(measures: Sequence[Measure]) -> list[TablePlan]:
    """Measures by table, split where one word has too few bits for their tests."""
    made = []
    for name in dict.fromkeys(measure.table for measure in measures):
        of_table = [measure for measure in measures if measure.table == name]
        tests = list(dict.fromkeys(measure.tests for measure in of_table))
        for at in range(0, len(tests), WORD):
            some = frozenset(tests[at : at + WORD])
            chosen = tuple(measure for measure in of_table if measure.tests in some)
            if chosen[0].contract is not None:
                made.append(TablePlan(chosen[0].contract, chosen))
    return made
