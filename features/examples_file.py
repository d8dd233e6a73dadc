"""Examples read from a file: TOML, or Python that defines ``EXAMPLES`` as a list of the same tables.

Whatever is wrong in a file is told at once, each with its place.
"""

from __future__ import annotations

import datetime as dt
import runpy
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import Any

from desist.features.contracts import KEY, EventContract, FieldSpec
from desist.features.examples import Example, Person
from desist.features.language import Definition
from desist.features.language.parse import near, parse_definition
from desist.features.language.text import to_text
from desist.features.rows import Field, Rows, is_number
from desist.features.vocabulary import CONTRACTS, vocabulary
from desist.features.written import read_toml
from desist.records.errors import Problem, Refused

SHIPPED = "definitions.toml"
_EXAMPLE_KEYS = ("definition", "feature", "as_of", "person", "table", "note", "not_shared", "not_sent")
_PERSON_KEYS = ("label", "expected", "events", "unknown_to", "born", "note")
_TABLE_KEYS = tuple(one.name for one in fields(EventContract))


def shipped_examples() -> tuple[Example, ...]:
    """The examples that come with the toolkit, for every function of the language."""
    text = resources.files("desist.features").joinpath("data", SHIPPED).read_text(encoding="utf-8")
    return examples_from(tomllib.loads(text), SHIPPED)


def load_examples(path: Path, features: Mapping[str, Definition] | None = None) -> tuple[Example, ...]:
    """The examples in a .toml or .py file. Raises Refused with every problem found in it.

    ``features``: those that an example may name (``feature = "violent_offences_2y"``) instead of a definition.
    """
    try:
        if path.suffix != ".py":
            return examples_from(read_toml(path), path.name, features)
        made = runpy.run_path(str(path))
    except OSError as error:
        raise Refused(f"The examples {path} cannot be read ({error.strerror or error}).") from error
    except Refused:
        raise
    except (Exception, SystemExit) as error:  # whatever an analyst's own file does wrong is theirs to mend
        raise Refused(f"{path} stops with {type(error).__name__}: {error}. Mend it and try again.") from error
    content = {"example": made.get("EXAMPLES"), "table": made.get("TABLES", [])}
    return examples_from(content, path.name, features)


def examples_from(
    content: Mapping[str, Any], file: str, features: Mapping[str, Definition] | None = None
) -> tuple[Example, ...]:
    """The examples in ``content``, as TOML gives it. Raises Refused with every problem found."""
    problems: list[Problem] = []
    for key in sorted(set(content) - {"example", "table"}):
        problems.append(Problem(f"{key!r}", file, "[[example]] and [[table]]", near(key, ["example", "table"])))
    own = _own_tables(content.get("table", []), file, problems)
    given = content.get("example")
    if not isinstance(given, list) or not given or not all(isinstance(one, Mapping) for one in given):
        problems.append(Problem("no example", file, "one [[example]] or more", "Write one."))
        given = []
    read = [
        _Reader(f"{file}, example {place}", own, features or {}, problems).example(one)
        for place, one in enumerate(given, start=1)
    ]
    if problems:
        raise Refused(f"The examples in {file} cannot be used as they stand:", problems)
    return tuple(example for example in read if example is not None)


def _own_tables(given: Any, file: str, problems: list[Problem]) -> dict[str, EventContract]:
    """Event tables that the file describes itself."""
    made = {}
    for place, table in enumerate(given if isinstance(given, list) else [given], start=1):
        where = f"{file}, table {place}"
        try:
            contract = _contract(table)
        except (Refused, TypeError, ValueError, AttributeError) as error:
            expected = "name, source, fields and, where they apply, the other keys of a contract"
            problems.append(Problem(str(error), where, expected, f"A table may say {', '.join(_TABLE_KEYS)}."))
            continue
        made[contract.name] = contract
    return made


def _contract(table: Mapping[str, Any]) -> EventContract:
    specs = {}
    for name, spec in table.get("fields", {}).items():
        said: dict[str, Any] = {"kind": spec} if isinstance(spec, str) else dict(spec)
        specs[name] = FieldSpec(**_tuples(said))
    told: dict[str, Any] = {**_tuples(table), "fields": specs}
    return EventContract(**told)


def _tuples(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


class _Reader:
    """Reads one example; what is wrong goes to ``problems``."""

    def __init__(
        self,
        where: str,
        own: Mapping[str, EventContract],
        features: Mapping[str, Definition],
        problems: list[Problem],
    ) -> None:
        self.where = where
        self.features = features
        self.problems = problems
        self.names: dict[str, Rows | Field] = {**vocabulary(), **{name: Rows(made) for name, made in own.items()}}
        self.contracts: dict[str, EventContract] = {**CONTRACTS, **own}
        for name, value in self.names.items():
            if isinstance(value, Rows) and not value.conditions:
                self.contracts.setdefault(name, value.contract)
        described = self.contracts.values()
        self.sources = frozenset(source for contract in described for source in contract.sources)
        self.fields = frozenset(f"{contract.name}.{name}" for contract in described for name in contract.fields)

    def wrong(self, where: str, found: str, expected: str, remedy: str = "Mend it.") -> None:
        place = f"{self.where}, {where}" if where else self.where
        self.problems.append(Problem(found, place, expected, remedy or "Mend it."))

    def example(self, given: Mapping[str, Any]) -> Example | None:
        """The example, or None where it cannot be made."""
        before = len(self.problems)
        self._known_keys(given, _EXAMPLE_KEYS, "")
        definition = self._definition(given)
        as_of = self._date(given.get("as_of"), "as_of")
        table = given.get("table", "")
        if not isinstance(table, str) or (table and table not in self.contracts):
            self.wrong("table", repr(table), "a table of the vocabulary", near(str(table), self.contracts))
            table = ""
        people = given.get("person")
        if not isinstance(people, list) or not people or not all(isinstance(one, Mapping) for one in people):
            self.wrong("", "nobody", "one [[example.person]] or more", "Add one.")
            people = []
        read = [self._person(one, place, table) for place, one in enumerate(people, start=1)]
        for label in sorted({one.label for one in read if [other.label for other in read].count(one.label) > 1}):
            self.wrong("", f"two people called {label!r}", "one", "Rename one.")
        not_shared = self._known_texts(given, "not_shared", "", self.sources)
        not_sent = self._known_texts(given, "not_sent", "", self.fields)
        if len(self.problems) > before or definition is None or as_of is None:
            return None
        example = Example(
            where=self.where,
            text=" ".join(given["definition"].split()) if "definition" in given else to_text(definition, self.names),
            definition=definition,
            as_of=as_of,
            people=tuple(read),
            contracts=self._contracts_of(definition, read),
            not_shared=not_shared,
            not_sent=not_sent,
            note=str(given.get("note", "")),
        )
        return self._admitted(example)

    def _admitted(self, example: Example) -> Example | None:
        try:
            _ = example.register
        except Refused as refusal:
            for problem in refusal.problems:
                self.wrong("definition", problem.found, problem.expected, problem.remedy)
            return None
        return example

    def _definition(self, given: Mapping[str, Any]) -> Definition | None:
        if "feature" in given:
            name = given["feature"]
            if isinstance(name, str) and name in self.features and "definition" not in given:
                return self.features[name]
            remedy = near(str(name), self.features) or "Name a feature, or write a definition."
            self.wrong("feature", repr(name), "a feature of the register, without a definition beside it", remedy)
            return None
        try:
            return parse_definition(given.get("definition", ""), self.names)
        except Refused as refusal:
            for problem in refusal.problems:
                self.wrong(f"definition {problem.where}", problem.found, problem.expected, problem.remedy)
            if not refusal.problems:
                self.wrong("definition", refusal.message, "a definition as text", "Write one.")
            return None

    def _contracts_of(self, definition: Definition, people: Sequence[Person]) -> dict[str, EventContract]:
        read = {rows.contract.name: rows.contract for rows in definition.subjects()}
        used = {name: self.contracts[name] for person in people for name, _ in person.events}
        return {**used, **read}

    def _person(self, given: Mapping[str, Any], place: int, table: str) -> Person:
        label = str(given.get("label", ""))
        where = f"person {label or place}"
        self._known_keys(given, _PERSON_KEYS, where)
        if not label:
            self.wrong(where, "no label", "a made-up label", "Add one.")
        events = given.get("events", [])
        if not isinstance(events, list | tuple) or not all(isinstance(row, Mapping) for row in events):
            self.wrong(where, "events that are no list of rows", "[{ occurred_on = ... }, ...]")
            events = []
        rows = [self._event(row, f"{where}, event {number}", table) for number, row in enumerate(events, start=1)]
        return Person(
            label=label,
            expected=self._expected(given, where),
            events=tuple(row for row in rows if row is not None),
            unknown_to=self._known_texts(given, "unknown_to", where, self.sources),
            born=self._date(given["born"], f"{where}, born") if "born" in given else None,
            note=str(given.get("note", "")),
        )

    def _expected(self, given: Mapping[str, Any], where: str) -> float | None:
        value = given.get("expected")
        if value == "missing":
            return None
        if isinstance(value, bool) or is_number(value):
            return float(value)  # type: ignore[arg-type]
        self.wrong(
            where,
            f"expected = {value!r}" if "expected" in given else "no expected",
            'a number, true, false or "missing"',
        )
        return None

    def _event(self, given: Mapping[str, Any], where: str, table: str) -> tuple[str, dict[str, Any]] | None:
        named = str(given.get("table", table))
        if named not in self.contracts:
            remedy = near(named, self.contracts) or f"Known are {', '.join(sorted(self.names))}."
            self.wrong(where, f"table {named!r}", "a table of the vocabulary", remedy)
            return None
        contract = self.contracts[named]
        self._known_keys(given, ("table", *(name for name in contract.columns if name != "person_id")), where)
        row: dict[str, Any] = {"occurred_on": self._date(given.get("occurred_on"), f"{where}, occurred_on")}
        row["recorded_on"] = self._date(given.get("recorded_on", given.get("occurred_on")), f"{where}, recorded_on")
        for name in (name for name in given if name in contract.columns and name not in KEY):
            row[name] = self._value(given[name], contract, name, f"{where}, {name}")
        for name, stamp in contract.learnt_later.items():
            if name in given and stamp not in given:
                self.wrong(where, f"{name} without {stamp}", "the day on which it became known", f"Add {stamp}.")
        return contract.name, row

    def _value(self, value: Any, contract: EventContract, name: str, where: str) -> Any:
        kind = contract.fields[name].kind if name in contract.fields else "date"
        if kind == "date":
            return self._date(value, where)
        fits = {"number": is_number(value), "yes_no": isinstance(value, bool), "category": isinstance(value, str)}
        if not fits[kind]:
            words = {"number": "a number", "yes_no": "true or false", "category": "a text in quotes"}
            self.wrong(where, repr(value), words[kind])
        values = contract.fields[name].values
        if kind == "category" and values and isinstance(value, str) and value not in values:
            self.wrong(where, repr(value), f"one of {', '.join(values)}", near(value, values))
        return value

    def _date(self, value: Any, where: str) -> dt.date | None:
        if isinstance(value, str):
            try:
                return dt.date.fromisoformat(value)
            except ValueError:
                pass
        if type(value) is dt.date:
            return value
        self.wrong(where, "nothing" if value is None else repr(value), "a date such as 2024-04-01")
        return None

    def _texts(self, given: Mapping[str, Any], key: str, where: str) -> list[str]:
        value = given.get(key, [])
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return list(value)
        self.wrong(where, f"{key} = {value!r}", "a list of texts")
        return []

    def _known_texts(self, given: Mapping[str, Any], key: str, where: str, known: Collection[str]) -> frozenset[str]:
        """The texts of a list; each that is not among ``known`` is noted: a misspelt one would do nothing, unseen."""
        texts = self._texts(given, key, where)
        for text in sorted(set(texts) - set(known)):
            expected = "TABLE.FIELD" if key == "not_sent" else f"one of {', '.join(sorted(known))}"
            self.wrong(f"{where}, {key}".removeprefix(", "), repr(text), expected, near(text, known))
        return frozenset(texts)

    def _known_keys(self, given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
        for key in sorted(set(given) - set(known)):
            self.wrong(where, f"{key!r}", f"one of {', '.join(known)}", near(str(key), known))
