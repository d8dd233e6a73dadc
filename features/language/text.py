"""A definition as the text that ``parse_definition`` reads back to an equal one."""

from __future__ import annotations

from collections.abc import Mapping

from desist.features.language.ages import Age
from desist.features.language.combined import Chosen, Combined, OfDefinitions, Tested
from desist.features.language.definitions import Definition, OfField, OfRows
from desist.features.language.of_events import DaysSince, DecayedCount, GapBetween, Trend
from desist.features.language.of_fields import Share
from desist.features.language.of_spells import RatePerYearAtLiberty
from desist.features.rows import Condition, Field, Rows
from desist.features.windows import days_in


def to_text(definition: Definition, vocabulary: Mapping[str, Rows | Field]) -> str:
    """The definition in the language, with the tables under their names in ``vocabulary``."""
    named = {
        rows.contract.name: name for name, rows in vocabulary.items() if isinstance(rows, Rows) and not rows.conditions
    }
    return _Writer(named).write(definition)


class _Writer:
    """``named``: contract -> what the vocabulary calls its rows."""

    def __init__(self, named: Mapping[str, str]) -> None:
        self.named = named

    def write(self, definition: Definition) -> str:
        if isinstance(definition, Combined):
            return f"{self._operand(definition.one)} {definition.operator} {self._operand(definition.other)}"
        if isinstance(definition, Tested):
            return f"{self._operand(definition.value)}.{definition.operator}({_number(definition.number)})"
        if isinstance(definition, Chosen):
            otherwise = definition.otherwise
            last = self.write(otherwise) if isinstance(otherwise, Definition) else _number(otherwise)
            return f"where({self.write(definition.test)}, {self.write(definition.then)}, {last})"
        if isinstance(definition, Age):
            return "age_at_as_of()" if definition.first is None else f"age_at_first({self.rows(definition.first)})"
        return f"{definition.function}({', '.join([*self._of(definition), *_when(definition)])})"

    def _operand(self, operand: Definition | float) -> str:
        if not isinstance(operand, Definition):
            return _number(operand)
        return f"({self.write(operand)})" if isinstance(operand, OfDefinitions) else self.write(operand)

    def _of(self, definition: Definition) -> list[str]:
        """The arguments besides the window."""
        if isinstance(definition, OfField):
            of = definition.of if isinstance(definition, Share) else None
            return [self.field(definition.field), *([f"of={self.rows(of)}"] if of is not None else [])]
        if isinstance(definition, Trend):
            of_trend = definition.of
            return [self.field(of_trend) if isinstance(of_trend, Field) else self.rows(definition.rows)]
        said = [self.rows(definition.rows)] if isinstance(definition, OfRows) else []
        if isinstance(definition, GapBetween) and definition.then is not None:
            said.append(self.rows(definition.then))
        if isinstance(definition, RatePerYearAtLiberty) and definition.custody is not None:
            said.append(f"custody={self.rows(definition.custody)}")
        if isinstance(definition, DecayedCount):
            said.append(f'half_life="{spelt(definition.half_life)}"')
        if isinstance(definition, DaysSince) and definition.none_as != "missing":
            said.append(f'none_as="{definition.none_as}"')
        return said

    def rows(self, rows: Rows) -> str:
        """Rows as text, narrowed by their conditions."""
        table = self.named.get(rows.contract.name, rows.contract.name)
        tests = ", ".join(self._condition(table, test) for test in rows.conditions)
        return f"{table}.where({tests})" if tests else table

    def field(self, field: Field) -> str:
        """A field of some rows as text; for a table by topic, its topic (needs.drugs)."""
        topic = field.contract.topic
        last = field.rows.conditions[-1] if field.rows.conditions else None
        if topic and last and field.name == topic[1] and (last.field, last.operator) == (topic[0], "one_of"):
            one = last.operand if isinstance(last.operand, tuple) else ()
            if len(one) == 1 and one[0] in field.contract.fields[topic[0]].values and one[0].isidentifier():
                return f"{self.rows(Rows(field.contract, field.rows.conditions[:-1]))}.{one[0]}"
        return f"{self.rows(field.rows)}.{field.name}"

    def _condition(self, table: str, test: Condition) -> str:
        if isinstance(test.operand, tuple):
            operand = ", ".join(repr(value) for value in test.operand)
        else:
            operand = "" if test.operand is None else _number(test.operand)
        return f"{table}.{test.field}.{test.operator}({operand})"


def _when(definition: Definition) -> list[str]:
    window = definition.window
    if window is None:
        return []
    return [f'within="{spelt(window.days)}"', *([f'until="{spelt(window.until)}"'] if window.until else [])]


def spelt(days: int) -> str:
    """Days as a window is written: 730 as "2y", 182 as "6m", 30 as "30d"."""
    if days % 365 == 0:
        return f"{days // 365}y"
    months = round(days * 12 / 365)
    return f"{months}m" if months and days_in(f"{months}m") == days else f"{days}d"


def _number(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))
