"""What every definition is: a measurement that says what it yields, what it reads, and itself in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from desist.features.rows import Field, Rows
from desist.features.windows import Lookback, length_in_words
from desist.records.errors import Refused


@dataclass(frozen=True)
class Definition:
    """One measurement of one person on one as-of date. ``window`` is None until a register bounds it."""

    function: ClassVar[str] = ""
    gives: ClassVar[str] = "number"
    #: Whether one more such row can only raise the value, from 0 or missing where there is none (FEA-7).
    grows: ClassVar[bool] = False

    window: Lookback | None

    @property
    def yields(self) -> str:
        """What its values are: number, days, share, yes_no, category or years."""
        return self.gives

    @property
    def only_grows(self) -> bool:
        """Whether one more such row can only raise the value or leave it, from 0 or missing where there is none.

        Help-seeking features must, so that nobody scores worse for help, nor for help that is not known of.
        """
        return self.grows

    def parts(self) -> tuple[Definition, ...]:
        """The measurements it is combined from; itself where it is one."""
        return (self,)

    def looks_back(self) -> int:
        """The most days that any part looks back; 0 before a register bounds it."""
        return max((part.window.days for part in self.parts() if part.window is not None), default=0)

    def subjects(self) -> tuple[Rows, ...]:
        """The rows it speaks of; a source that doesn't know the person makes the value missing."""
        raise NotImplementedError

    def bounded(self, days: int) -> Definition:
        """Itself, looking back no further than ``days``; refused where it says that it looks further."""
        if self.window is None:
            return replace(self, window=Lookback(days))
        if self.window.days > days:
            raise Refused(
                f"'{self.in_words()}' looks back {length_in_words(self.window.days)}; the limit of its family "
                f"is {length_in_words(days)}. Shorten the window, or change the limit with a reason."
            )
        return self

    def lineage(self) -> frozenset[str]:
        """Extract columns it reads ("table.column"), and values asked for ("table.column=value")."""
        return frozenset[str]().union(*(rows.lineage() for rows in self.subjects()))

    @cached_property
    def asks(self) -> frozenset[str]:
        """Tables ("offences") and fields ("offences.violent") without which it has no value."""
        tables = {rows.contract.name for rows in self.subjects()}
        tested = {f"{t.contract.name}.{t.field}" for rows in self.subjects() for t in rows.conditions}
        return frozenset(tables | tested)

    def in_words(self) -> str:
        raise NotImplementedError

    def missing_in_words(self) -> str:
        said = []
        for contract in (rows.contract for rows in self.subjects()):
            sources = " or ".join(contract.sources)
            unknown = f"where no {sources} record of the person is shared"
            said.append(f"where {sources} data is not shared" if contract.absence == "none" else unknown)
        return "missing " + " or ".join(dict.fromkeys(said))

    def detail(self) -> dict[str, Any]:
        """What tells two definitions of one function apart, besides the window."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        window = None if self.window is None else [self.window.days, self.window.until]
        contracts = {rows.contract.name: rows.contract.to_json() for rows in self.subjects()}
        return {"function": self.function, "window": window, "contracts": contracts, **self.detail()}

    def __add__(self, other: Definition | float) -> Definition:
        return _combined(self, "+", other)

    def __radd__(self, other: float) -> Definition:
        return _combined(self, "+", other)

    def __sub__(self, other: Definition | float) -> Definition:
        return _combined(self, "-", other)

    def __mul__(self, other: Definition | float) -> Definition:
        return _combined(self, "*", other)

    def __rmul__(self, other: float) -> Definition:
        return _combined(self, "*", other)

    def __truediv__(self, other: Definition | float) -> Definition:
        return _combined(self, "/", other)

    def at_least(self, number: float) -> Definition:
        """Whether the value is ``number`` or more; missing where the value is."""
        return _tested(self, "at_least", number)

    def at_most(self, number: float) -> Definition:
        """Whether the value is ``number`` or less; missing where the value is."""
        return _tested(self, "at_most", number)

    def _when(self) -> str:
        return "before the as-of date" if self.window is None else self.window.in_words()


@dataclass(frozen=True)
class OfRows(Definition):
    """A definition about the rows of one table."""

    rows: Rows

    def __post_init__(self) -> None:
        if not isinstance(self.rows, Rows):
            raise Refused(f"{self.function} speaks of rows, such as offences.where(...); found {self.rows!r}.")

    def subjects(self) -> tuple[Rows, ...]:
        return (self.rows,)

    def detail(self) -> dict[str, Any]:
        return {"rows": self.rows.to_json()}


@dataclass(frozen=True)
class OfField(Definition):
    """A definition about one field of some rows."""

    kinds: ClassVar[tuple[str, ...]] = ("number", "category", "yes_no", "date")

    field: Field

    def __post_init__(self) -> None:
        if not isinstance(self.field, Field):
            raise Refused(f"{self.function} speaks of a field, such as offences.severity; found {self.field!r}.")
        if self.field.kind not in self.kinds:
            raise Refused(
                f"{self.function} takes a {' or '.join(self.kinds)}; "
                f"{self.field.contract.name}.{self.field.name} is a {self.field.kind}."
            )

    def subjects(self) -> tuple[Rows, ...]:
        return (self.field.rows,)

    def lineage(self) -> frozenset[str]:
        return self.field.lineage()

    @cached_property
    def asks(self) -> frozenset[str]:
        return super().asks | {f"{self.field.contract.name}.{self.field.name}"}

    def detail(self) -> dict[str, Any]:
        return {"field": self.field.to_json()}


def _combined(one: Definition, operator: str, other: Definition | float) -> Definition:
    from desist.features.language.combined import Combined  # it builds on this file

    return Combined(None, one, operator, other)


def _tested(value: Definition, operator: str, number: float) -> Definition:
    from desist.features.language.combined import Tested  # it builds on this file

    return Tested(None, value, operator, number)


def with_article(words: str) -> str:
    """The words after "a" or "an"."""
    return f"{'an' if words[:1].lower() in tuple('aeiou') else 'a'} {words}"
