"""Reading one TOML table key by key, with every mistake kept until the end."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable
from typing import Any

from desist.pipelines.evaluate.expressions import Expression, ExpressionError, parse
from desist.records.errors import Problem

NEEDED: Any = object()


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names what was probably meant, or what there is."""
    names = sorted(set(known))
    lower = {other.lower().strip(): other for other in names}
    close = [lower[hit] for hit in difflib.get_close_matches(name.lower().strip(), list(lower), n=3, cutoff=0.6)]
    if close:
        return f"Did you mean {' or '.join(repr(hit) for hit in close)}?"
    shown = ", ".join(repr(other) for other in names[:25])
    return f"There are {shown}{' and more' if len(names) > 25 else ''}." if names else "There is none."


class Section:
    """One table of a spec. Every getter notes a problem instead of raising, and gives a stand-in value."""

    def __init__(self, table: dict[str, Any], where: str, problems: list[Problem]) -> None:
        self.table, self.where, self.problems = table, where, problems
        self.asked: set[str] = set()

    def note(self, key: str, found: str, expected: str, remedy: str) -> None:
        self.problems.append(Problem(found, f"{self.where} {key}".strip(), expected, remedy))

    def take(
        self, key: str, kind: type | tuple[type, ...], words: str, default: Any = NEEDED, empty: Any = None
    ) -> Any:
        """The value of ``key`` if it is of the kind; else the default, or ``empty`` with a problem noted."""
        self.asked.add(key)
        if key not in self.table:
            if default is NEEDED:
                self.note(key, "nothing", words, f"Add {key} = … there.")
                return empty
            return default
        value = self.table[key]
        right = isinstance(value, kind) and (not isinstance(value, bool) or kind is bool)
        if not right:
            self.note(key, f"a value of type {type(value).__name__}", words, "Write it so.")
            return empty if default is NEEDED else default
        return value

    def text(self, key: str, default: Any = NEEDED, choices: tuple[str, ...] = ()) -> str:
        words = f"one of {', '.join(choices)}" if choices else "a text in quotes"
        value = str(self.take(key, str, words, default, ""))
        if choices and key in self.table and value not in choices and isinstance(self.table[key], str):
            self.note(key, repr(value), words, nearest(value, choices))
        if default is NEEDED and isinstance(self.table.get(key), str) and not value.strip():
            self.note(key, "an empty text", words, "Write it out.")
        return value

    def number(self, key: str, default: Any = NEEDED, low: float = -1e300, high: float = 1e300) -> float:
        value = self.take(key, (int, float), f"a number from {low:g} to {high:g}", default, low)
        if value is not None and key in self.table and not low <= value <= high:
            self.note(key, f"{value}", f"a number from {low:g} to {high:g}", "Change it.")
        return value  # type: ignore[no-any-return]

    def whole(self, key: str, default: Any = NEEDED, low: int = 0, high: int = 10**9) -> int:
        value = self.take(key, int, f"a whole number from {low} to {high}", default, low)
        if key in self.table and not low <= value <= high:
            self.note(key, f"{value}", f"a whole number from {low} to {high}", "Change it.")
            return low
        return int(value)

    def flag(self, key: str, default: Any = NEEDED) -> bool:
        return bool(self.take(key, bool, "true or false", default, False))

    def date(self, key: str) -> dt.date:
        value = self.take(key, dt.date, "a date such as 2027-03-31, without quotes", NEEDED, dt.date.max)
        return value.date() if isinstance(value, dt.datetime) else value

    def texts(self, key: str, default: Any = NEEDED) -> tuple[str, ...]:
        value = self.take(key, list, "a list of texts", default, [])
        if not all(isinstance(item, str) for item in value):
            self.note(key, "a list with something else than texts in it", "a list of texts", "Put each in quotes.")
            return ()
        return tuple(value)

    def numbers(self, key: str, default: Any = NEEDED, length: int | None = None) -> tuple[float, ...]:
        words = f"a list of {length} numbers" if length else "a list of numbers"
        value = self.take(key, list, words, default, [])
        plain = all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
        if not plain or (length and key in self.table and len(value) != length):
            self.note(key, f"{value}", words, "Write it so.")
            return ()
        return tuple(value)

    def mapping(self, key: str) -> dict[str, str]:
        value = self.take(key, dict, "a table of texts", {}, {})
        if not all(isinstance(item, str) for item in value.values()):
            self.note(key, "something else than texts", 'a table such as { "White -" = "White" }', "Write it so.")
            return {}
        return dict(value)

    def expression(self, key: str, default: Any = NEEDED) -> Expression | None:
        text = self.take(key, str, "an expression in quotes", default, None)
        return None if text is None else self.parsed(key, text)

    def parsed(self, key: str, text: Any) -> Expression | None:
        if not isinstance(text, str):
            self.note(key, f"a value of type {type(text).__name__}", "an expression in quotes", "Put it in quotes.")
            return None
        try:
            return parse(text)
        except ExpressionError as error:
            self.note(
                key,
                f"an expression that cannot be used: {error}",
                "comparisons over columns",
                "docs/guides/evaluate.md lists what can be written.",
            )
            return None

    def section(self, key: str, default: Any = NEEDED) -> Section:
        table = self.take(key, dict, f"a table [{key}]", default, {})
        return Section(table, self.inside(key), self.problems)

    def inside(self, key: str) -> str:
        if self.where.endswith("]"):
            return f"{self.where[:-1]}.{key}]"
        return f"{self.where} [{key}]".strip()

    def entries(self, key: str, default: Any = NEEDED) -> dict[str, Section]:
        """The tables inside ``[key]``, by name, in the file's order."""
        outer = self.section(key, default)
        found = {}
        for name, table in outer.table.items():
            if isinstance(table, dict):
                found[name] = Section(table, outer.inside(name), self.problems)
            else:
                outer.note(name, f"a value of type {type(table).__name__}", "a table", f"Write [{key}.{name}].")
        return found

    def finish(self) -> None:
        """Note every key that nobody asked for: a misspelt setting must not be passed over in silence."""
        for key in self.table:
            if key not in self.asked:
                self.note(key, "a key that means nothing here", "only known keys", nearest(key, self.asked))
