"""Definitions about one field of some rows: its last or first value, its highest, its sum, mean and variety."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desist.features.language.definitions import Definition, OfField
from desist.features.rows import Field, Rows
from desist.records.errors import Refused


@dataclass(frozen=True)
class MostRecent(OfField):
    """The last known value; of two on one day the later recorded, then the larger (or later in the alphabet)."""

    function = "most_recent"
    kinds = ("number", "category", "yes_no")

    @property
    def yields(self) -> str:
        return self.field.kind

    def in_words(self) -> str:
        if self.field.kind == "yes_no":
            return _answer_in_words("most recent", self.field, self._when())
        return f"most recent {self.field.in_words()} of {self.field.of_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing where none is recorded (not assessed); {super().missing_in_words()}"


@dataclass(frozen=True)
class First(OfField):
    """The earliest known value; of two on one day the first recorded, then the smaller (or first in the alphabet)."""

    function = "first"
    kinds = ("number", "category", "yes_no")

    @property
    def yields(self) -> str:
        return self.field.kind

    def in_words(self) -> str:
        if self.field.kind == "yes_no":
            return _answer_in_words("first", self.field, self._when())
        return f"first {self.field.in_words()} of {self.field.of_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing where none is recorded; {super().missing_in_words()}"


@dataclass(frozen=True)
class Sum(OfField):
    """The known values added up exactly (rounded once), so that the order of rows means nothing."""

    function = "sum"
    kinds = ("number",)

    def in_words(self) -> str:
        return f"sum of {self.field.in_words()} over {self.field.of_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"0 where there is none; {super().missing_in_words()}"


@dataclass(frozen=True)
class Mean(OfField):
    function = "mean"
    kinds = ("number",)

    def in_words(self) -> str:
        return f"mean {self.field.in_words()} of {self.field.of_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing where none is known; {super().missing_in_words()}"


@dataclass(frozen=True)
class Worst(OfField):
    function = "worst"
    grows = True
    kinds = ("number",)

    def in_words(self) -> str:
        return f"highest {self.field.in_words()} of {self.field.of_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"0 where there is none; {super().missing_in_words()}"


@dataclass(frozen=True)
class Distinct(OfField):
    function = "distinct"
    grows = True

    def in_words(self) -> str:
        if self.field.kind == "yes_no":
            asked = self.field.answer_in_words()
            return (
                f"number of different answers to whether a row {asked}, of {self.field.rows.in_words()} {self._when()}"
            )
        words = self.field.in_words()
        many = f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
        return f"number of different {many} of {self.field.of_in_words()} {self._when()}"


@dataclass(frozen=True)
class Share(OfField):
    """Of the rows whose answer is known, the share that is yes."""

    function = "share"
    gives = "share"
    kinds = ("yes_no",)
    of: Rows | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.of, Rows) or self.of.contract.name != self.field.contract.name:
            raise Refused("A share is of rows of the same table: share(appointments.kept, of=appointments, ...).")
        if self.field.rows.conditions:
            raise Refused("Narrow the rows that a share is of (of=appointments.where(...)), not the field.")

    def subjects(self) -> tuple[Rows, ...]:
        return (self.of,) if self.of is not None else ()

    def lineage(self) -> frozenset[str]:
        return Definition.lineage(self) | self.field.lineage()

    def in_words(self) -> str:
        of = self.of.in_words() if self.of is not None else ""
        return f"share of {of} that {self.field.in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing where there is none with a known answer; {super().missing_in_words()}"

    def detail(self) -> dict[str, Any]:
        return {**super().detail(), "of": self.of.to_json() if self.of is not None else None}


def _answer_in_words(which: str, field: Field, when: str) -> str:
    return f"whether the {which} {field.rows.one_in_words()} {field.answer_in_words()}, where that is known, {when}"
