"""Which rows a definition speaks of: a table of events, narrowed by conditions on its fields."""

from __future__ import annotations

import datetime as dt
import difflib
import math
from dataclasses import dataclass, replace
from typing import Any

from desist.features.contracts import EventContract
from desist.records.errors import Refused

OPERATORS = ("one_of", "at_least", "at_most", "is_yes", "is_no", "known")
_WHERE_ALLOWED = {
    "one_of": ("category",),
    "at_least": ("number",),
    "at_most": ("number",),
    "is_yes": ("yes_no",),
    "is_no": ("yes_no",),
    "known": ("category", "number", "yes_no", "date"),
}
_VERBS = ("are", "is", "were", "was")


@dataclass(frozen=True)
class Condition:
    """A test of one field of one row. A row whose field is unknown does not meet it."""

    contract: EventContract
    field: str
    operator: str
    operand: tuple[str, ...] | float | None = None

    def __post_init__(self) -> None:
        spec = self.contract.spec(self.field)
        if self.operator not in OPERATORS or spec.kind not in _WHERE_ALLOWED[self.operator]:
            raise Refused(f"{self.contract.name}.{self.field} is a {spec.kind}; it cannot be asked {self.operator!r}.")
        if self.operator in ("at_least", "at_most"):
            if not is_number(self.operand):
                raise Refused(f"{self.contract.name}.{self.field} is compared with a number; found {self.operand!r}.")
            object.__setattr__(self, "operand", float(self.operand))  # type: ignore[arg-type]
        if isinstance(self.operand, tuple):
            if not all(isinstance(value, str) for value in self.operand):
                raise Refused(f"The values of {self.contract.name}.{self.field} are texts; found {self.operand!r}.")
            unknown = sorted(set(self.operand) - set(spec.values)) if spec.values else []
            if unknown or not self.operand:
                raise Refused(
                    f"{self.contract.name}.{self.field} is never {' or '.join(unknown) or 'one of nothing'}; "
                    f"it is one of {', '.join(spec.values)}."
                )

    def in_words(self, one: bool = False) -> str:
        """The condition said of many rows, or of one."""
        words = self.contract.spec(self.field).words or self.field.replace("_", " ")
        if self.operator == "one_of" and isinstance(self.operand, tuple):
            return f"whose {words} is {' or '.join(value.replace('_', ' ') for value in self.operand)}"
        if self.operator in ("at_least", "at_most"):
            return f"whose {words} is {self.operator.replace('_', ' ')} {self.operand:g}"
        if self.operator == "known":
            return f"whose {words} is known"
        verb, _, rest = words.partition(" ")
        if one:
            verb = {"are": "is", "were": "was"}.get(verb, verb)
        if self.operator == "is_yes":
            return f"that {verb} {rest}".strip()
        return f"that {verb} not {rest}" if verb in _VERBS else f"for which '{words}' is recorded as no"

    def to_json(self) -> list[Any]:
        operand = sorted(self.operand) if isinstance(self.operand, tuple) else self.operand
        return [self.field, self.operator, operand]


@dataclass(frozen=True)
class Rows:
    """The rows of one event table that meet every condition; what ``count`` counts."""

    contract: EventContract
    conditions: tuple[Condition, ...] = ()

    def where(self, *conditions: Condition | Field) -> Rows:
        """These rows narrowed further. A yes/no field stands for "is yes"."""
        asked = [test.is_yes() if isinstance(test, Field) else test for test in conditions]
        for test in asked:
            if test.contract.name != self.contract.name:
                raise Refused(
                    f"A condition on {test.contract.name}.{test.field} cannot narrow {self.contract.name}. "
                    f"Ask {self.contract.name}.{test.field} instead, if it has that field."
                )
        return replace(self, conditions=self.conditions + tuple(asked))

    def __getattr__(self, name: str) -> Field:
        # Only names that are no attribute arrive here; private ones must fail as usual (copying asks for them).
        if name.startswith("_"):
            raise AttributeError(name)
        return self.field(name)

    def field(self, name: str) -> Field:
        """A field of these rows; for a table by topic also the value of one topic (``needs.drugs``)."""
        contract = self.contract
        if contract.topic is not None:
            topic, value = contract.topic
            if name in contract.fields[topic].values:
                return Field(self.where(Condition(contract, topic, "one_of", (name,))), value)
        if name != "occurred_on" and name not in contract.fields:
            topics = contract.fields[contract.topic[0]].values if contract.topic else ()
            known = [*contract.fields, *topics, "occurred_on"]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(known)}."
            raise Refused(f"{contract.name} has no field {name!r}. {hint}")
        return Field(self, name)

    def in_words(self) -> str:
        return " ".join([self.contract.name_many(), " and ".join(test.in_words() for test in self.conditions)]).strip()

    def one_in_words(self) -> str:
        narrowed = " and ".join(test.in_words(one=True) for test in self.conditions)
        return " ".join([self.contract.name_one(), narrowed]).strip()

    def lineage(self) -> frozenset[str]:
        """Extract columns these rows are chosen by, the event date among them, plus each value asked for."""
        read = set(self.contract.lineage_of("occurred_on"))
        for test in self.conditions:
            columns = self.contract.lineage_of(test.field)
            read.update(columns)
            if isinstance(test.operand, tuple):
                read.update(f"{column}={value}" for column in columns for value in test.operand)
            if test.operator == "is_no":
                read.update(f"{column}=no" for column in columns)
        return frozenset(read)

    def to_json(self) -> dict[str, Any]:
        conditions = sorted((test.to_json() for test in self.conditions), key=repr)
        return {"table": self.contract.name, "where": conditions}


@dataclass(frozen=True)
class Field:
    """One field of some rows; what ``most_recent`` and ``worst`` read."""

    rows: Rows
    name: str

    @property
    def kind(self) -> str:
        return self.rows.contract.spec(self.name).kind

    @property
    def contract(self) -> EventContract:
        return self.rows.contract

    def one_of(self, *values: str) -> Condition:
        return Condition(self.contract, self.name, "one_of", values)

    def at_least(self, number: float) -> Condition:
        return Condition(self.contract, self.name, "at_least", number)

    def at_most(self, number: float) -> Condition:
        return Condition(self.contract, self.name, "at_most", number)

    def is_yes(self) -> Condition:
        return Condition(self.contract, self.name, "is_yes")

    def is_no(self) -> Condition:
        return Condition(self.contract, self.name, "is_no")

    def known(self) -> Condition:
        """Whether the field was known by the as-of date (an offer made, a start recorded)."""
        return Condition(self.contract, self.name, "known")

    def in_words(self) -> str:
        """What it measures: "severity band"; of a table by topic the topic too, "drugs need score"."""
        words = self.contract.spec(self.name).words or self.name.replace("_", " ")
        return f"{self._topic().replace('_', ' ')} {words}".strip()

    def of_in_words(self) -> str:
        """The rows it is read from; without the topic, which its own words say."""
        topic = self.contract.topic
        if topic is None or not self._topic():
            return self.rows.in_words()
        return Rows(self.contract, tuple(test for test in self.rows.conditions if test.field != topic[0])).in_words()

    def answer_in_words(self) -> str:
        """A yes/no field as said of one row: "is violent", "involved a weapon"."""
        return Condition(self.contract, self.name, "is_yes").in_words(one=True).removeprefix("that ")

    def _topic(self) -> str:
        """The one topic its rows are narrowed to, for the value of a table by topic; empty otherwise."""
        topic = self.contract.topic
        if topic is None or self.name != topic[1]:
            return ""
        asked = [test.operand for test in self.rows.conditions if test.field == topic[0]]
        one = asked[0] if len(asked) == 1 else None
        return one[0] if isinstance(one, tuple) and len(one) == 1 else ""

    def lineage(self) -> frozenset[str]:
        return self.rows.lineage() | set(self.contract.lineage_of(self.name))

    def to_json(self) -> dict[str, Any]:
        return {**self.rows.to_json(), "field": self.name}


def is_number(value: object) -> bool:
    """Whether it is a finite number; True and False are not, nor is a whole number too long for a float."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


Value = float | str | bool | dt.date | None
