"""Definitions combined: sums, differences, products and ratios, tests of a value, one value or another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from desist.features.language.definitions import Definition
from desist.features.rows import Rows, is_number
from desist.records.errors import Refused

NUMBERS = ("number", "days", "share", "years")
_IN = {"number": "numbers", "days": "days", "share": "shares", "years": "years"}
#: How definitions begin that are said with "the" in the middle of a sentence.
_NAMED = ("number ", "share ", "sum ", "mean ", "most recent ", "first ", "highest ", "days ")
_WORDS = {"+": "plus", "-": "less", "*": "times", "/": "divided by"}


@dataclass(frozen=True)
class OfDefinitions(Definition):
    """A definition made of others; it has no window of its own."""

    def operands(self) -> tuple[Definition, ...]:
        raise NotImplementedError

    def parts(self) -> tuple[Definition, ...]:
        return tuple(part for operand in self.operands() for part in operand.parts())

    def subjects(self) -> tuple[Rows, ...]:
        return tuple(rows for operand in self.operands() for rows in operand.subjects())

    def lineage(self) -> frozenset[str]:
        return frozenset[str]().union(*(operand.lineage() for operand in self.operands()))

    @cached_property
    def asks(self) -> frozenset[str]:
        return frozenset[str]().union(*(operand.asks for operand in self.operands()))

    def missing_in_words(self) -> str:
        said = [part for operand in self.operands() for part in operand.missing_in_words().split("; ")]
        return "; ".join(dict.fromkeys(said))


@dataclass(frozen=True)
class Combined(OfDefinitions):
    """Two values added, subtracted, multiplied or divided; missing where either is, or where the divisor is 0."""

    OPERATORS: ClassVar[tuple[str, ...]] = ("+", "-", "*", "/")

    one: Definition
    operator: str
    other: Definition | float

    def __post_init__(self) -> None:
        if self.operator not in self.OPERATORS:
            raise Refused(f"Definitions are combined by + - * or /; found {self.operator!r}.")
        for operand in self.operands():
            if operand.yields not in NUMBERS:
                raise Refused(f"'{operand.in_words()}' is a {_said(operand)}; only numbers can be combined.")
        if not isinstance(self.other, Definition):
            if not is_number(self.other):
                raise Refused(f"A definition is combined with another or with a number; found {self.other!r}.")
            if self.operator == "/" and self.other == 0:
                raise Refused("Nothing can be divided by 0.")
            object.__setattr__(self, "other", float(self.other))
        elif self.operator in "+-" and self.one.yields != self.other.yields:
            raise Refused(
                f"'{self.one.in_words()}' is in {_IN[self.one.yields]}, '{self.other.in_words()}' in "
                f"{_IN[self.other.yields]}; only like and like are added or subtracted."
            )

    @property
    def function(self) -> str:  # type: ignore[override]
        return self.operator

    @property
    def yields(self) -> str:
        if isinstance(self.other, Definition):
            same = self.operator in "+-" and self.one.yields != "share"
            return self.one.yields if same else "number"
        return self.one.yields if self.one.yields == "days" else "number"

    @property
    def only_grows(self) -> bool:
        if isinstance(self.other, Definition):
            return self.operator == "+" and self.one.only_grows and self.other.only_grows
        # A number added would let those without a row begin above 0.
        return self.one.only_grows and self.operator in "*/" and self.other > 0

    def operands(self) -> tuple[Definition, ...]:
        return (self.one, self.other) if isinstance(self.other, Definition) else (self.one,)

    def bounded(self, days: int) -> Definition:
        other = self.other.bounded(days) if isinstance(self.other, Definition) else self.other
        return replace(self, one=self.one.bounded(days), other=other)

    def in_words(self) -> str:
        one = _inner(self.one).removeprefix("the ")
        return f"{one}, {_WORDS[self.operator]} {_inner(self.other)}"

    def missing_in_words(self) -> str:
        none = "missing where the divisor is 0; " if self.operator == "/" and len(self.operands()) == 2 else ""
        return none + super().missing_in_words()

    def to_json(self) -> dict[str, Any]:
        other = self.other.to_json() if isinstance(self.other, Definition) else float(self.other)
        return {"function": self.operator, "one": self.one.to_json(), "other": other}


@dataclass(frozen=True)
class Tested(OfDefinitions):
    """Whether a value is at least, or at most, a number; missing where the value is."""

    gives = "yes_no"

    value: Definition
    operator: str
    number: float

    def __post_init__(self) -> None:
        if self.operator not in ("at_least", "at_most"):
            raise Refused(f"A value is tested with at_least or at_most; found {self.operator!r}.")
        if self.value.yields not in NUMBERS:
            raise Refused(f"'{self.value.in_words()}' is a {_said(self.value)}; only numbers can be tested.")
        if not is_number(self.number):
            raise Refused(f"A value is tested against a number; found {self.number!r}.")
        object.__setattr__(self, "number", float(self.number))

    @property
    def function(self) -> str:  # type: ignore[override]
        return self.operator

    @property
    def only_grows(self) -> bool:
        return self.operator == "at_least" and self.number > 0 and self.value.only_grows

    def operands(self) -> tuple[Definition, ...]:
        return (self.value,)

    def bounded(self, days: int) -> Definition:
        return replace(self, value=self.value.bounded(days))

    def in_words(self) -> str:
        value = _inner(self.value)
        verb = "are" if value.startswith("the days ") else "is"
        return f"whether {value} {verb} {self.operator.replace('_', ' ')} {self.number:g}"

    def to_json(self) -> dict[str, Any]:
        return {"function": self.operator, "value": self.value.to_json(), "number": self.number}


@dataclass(frozen=True)
class Chosen(OfDefinitions):
    """One value where a test says yes, another where it says no; missing where the test is, or the value chosen."""

    function = "where"

    test: Definition
    then: Definition
    otherwise: Definition | float

    def __post_init__(self) -> None:
        for operand in (self.test, self.then):
            if not isinstance(operand, Definition):
                raise Refused(f"where(test, then, otherwise) is of definitions; found {operand!r}.")
        if not isinstance(self.otherwise, Definition):
            if not is_number(self.otherwise):
                raise Refused(f"where(...) ends with a definition or a number; found {self.otherwise!r}.")
            object.__setattr__(self, "otherwise", float(self.otherwise))
        if self.test.yields != "yes_no":
            raise Refused(f"where(...) asks a yes/no first; '{self.test.in_words()}' is a {_said(self.test)}.")
        kinds = {d.yields for d in (self.then, self.otherwise) if isinstance(d, Definition)}
        if len(kinds) > 1 or "category" in kinds:
            raise Refused(f"where(...) chooses between two values of one kind; found {' and '.join(sorted(kinds))}.")

    @property
    def yields(self) -> str:
        return self.then.yields

    def operands(self) -> tuple[Definition, ...]:
        last = (self.otherwise,) if isinstance(self.otherwise, Definition) else ()
        return (self.test, self.then, *last)

    def bounded(self, days: int) -> Definition:
        otherwise = self.otherwise.bounded(days) if isinstance(self.otherwise, Definition) else self.otherwise
        return replace(self, test=self.test.bounded(days), then=self.then.bounded(days), otherwise=otherwise)

    def in_words(self) -> str:
        test = self.test.in_words().removeprefix("whether ")
        return f"{_inner(self.then).removeprefix('the ')} if {test}, otherwise {_inner(self.otherwise)}"

    def to_json(self) -> dict[str, Any]:
        last = self.otherwise.to_json() if isinstance(self.otherwise, Definition) else float(self.otherwise)
        return {"function": "where", "test": self.test.to_json(), "then": self.then.to_json(), "otherwise": last}


def _inner(operand: Definition | float) -> str:
    """A part in words, after an article where it takes one; in brackets where it is combined itself."""
    if not isinstance(operand, Definition):
        return f"{operand:g}"
    words = operand.in_words()
    if isinstance(operand, OfDefinitions):
        return f"({words})"
    return f"the {words}" if words.startswith(_NAMED) else words


def _said(operand: Definition) -> str:
    return operand.yields.replace("_", "/")
