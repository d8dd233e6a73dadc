"""The parts of a spec that speak of event tables, from TOML; every mistake is noted, none raised."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desist.features.contracts import KINDS, EventContract
from desist.features.language import Definition, count
from desist.features.language.parse import parse_definition
from desist.features.refusals import refused_lineage, refused_name
from desist.features.register import DEFAULT_LOOKBACK
from desist.features.rows import Field, Rows
from desist.features.windows import days_in
from desist.pipelines.evaluate.events_spec import (
    AS_OF,
    EVERY,
    ISO,
    PERSON,
    CohortSpec,
    EventField,
    EventOutcome,
    EventsSpec,
    EventTable,
    PeopleTable,
    columns_read,
    vocabulary_of,
)
from desist.pipelines.evaluate.sections import Section, nearest
from desist.pipelines.evaluate.sniff import FIRST_YEAR, LAST_YEAR, protected_by_name, refused_by_name
from desist.pipelines.evaluate.spec import FeatureSpec, Missing, Outcome, Table, Task
from desist.records.errors import Problem, Refused

Vocabulary = Mapping[str, Rows | Field]
ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16")
NAME = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_FOLLOW_UP = 3650  # days
OFFSET = len("count(")


def read_events(top: Section) -> EventsSpec:
    """``[extract]``, ``[events.NAME]``, ``[people]``, ``[named]`` and ``[cohort]``, and every definition."""
    extract = top.section("extract")
    cut_on = _date(extract, "cut_on")
    extract.finish()
    tables = {name: _table(name, part) for name, part in top.entries("events").items()}
    contracts = {name: made for name, table in tables.items() if (made := _contract(table, top)) is not None}
    people = _people(top.section("people")) if "people" in top.table else None
    top.asked.add("people")
    named = _named(top.section("named", {}), contracts)
    words = vocabulary_of(contracts, named)
    definitions = {name: _definition(part, "definition", words) for name, part in top.entries("features", {}).items()}
    outcomes = {name: _outcome(name, part, words) for name, part in top.entries("outcomes").items()}
    cohort = _cohort(top.section("cohort"), tables, words)
    _check_names(top, [*definitions, *outcomes])
    measured = {name: definition for name, definition in definitions.items() if definition is not None}
    followed = {name: outcome for name, outcome in outcomes.items() if outcome is not None}
    return EventsSpec(cut_on, tables, people, named, cohort, measured, followed)


def table_of(events: EventsSpec) -> Table:
    """The table that events are made into: a row for each person and as-of date."""
    first = next(iter(events.tables.values()), None)
    return Table(first.file if first else "", (PERSON, AS_OF), PERSON, AS_OF, ())


def event_feature(name: str, part: Section, events: EventsSpec, missing: Missing) -> FeatureSpec:
    """The feature as models see it; its definition says what kind it is and, unless the spec does, what it says."""
    definition = events.definitions.get(name)
    yes_no = definition is not None and definition.yields == "yes_no"
    feature = FeatureSpec(
        name=name,
        column=name,
        kind="yes_no" if yes_no else "number",
        sign=part.whole("sign", low=-1, high=1),
        missing=missing,
        log=part.flag("log", False),
        unit=part.text("unit", ""),
        says=part.text("says", definition.in_words() if definition else ""),
        can_change=part.flag("can_change", False),
    )
    part.asked.add("definition")
    part.finish()
    return feature


def event_outcome(name: str, part: Section) -> Outcome:
    """The outcome as everything right of the rows sees it: a column of 0 and 1, empty where it is not known."""
    outcome = Outcome(name, part.text("definition"), name, None)
    part.asked |= {"counts", "follow_up_days", "waiting_days", "lag_days"}
    part.finish()
    return outcome


def _date(part: Section, key: str) -> dt.date:
    """A date of a year that records can be of; another is noted."""
    found = part.date(key)
    if FIRST_YEAR <= found.year <= LAST_YEAR:
        return found
    if found != dt.date.max or key in part.table:
        part.note(key, f"the year {found.year}", f"a year from {FIRST_YEAR} to {LAST_YEAR}", "Change it.")
    return dt.date(LAST_YEAR, 1, 1)


def _file(part: Section) -> str:
    file = part.text("file")
    if file and (Path(file).is_absolute() or ".." in Path(file).parts):
        expected = "a file inside the folder given as --data"
        part.note("file", "a path that leaves the data folder", expected, "Name the file alone.")
    return file


def _delimiter(part: Section) -> str:
    delimiter = part.text("delimiter", ",")
    if len(delimiter) != 1:
        part.note("delimiter", repr(delimiter), "one character", "Write it so.")
        return ","
    return delimiter


def _table(name: str, part: Section) -> EventTable:
    if not NAME.fullmatch(name):
        part.note("", f"the name {name!r}", "small letters, digits and _, a letter first", "Rename it.")
    fields = {field: _field(entry) for field, entry in part.entries("fields", {}).items()}
    words = part.texts("words", [name, name])
    if len(words) != 2:
        part.note("words", f"{len(words)} texts", "what one event is called and what several are", "Write both.")
        words = (name, name)
    found = EventTable(
        name=name,
        file=_file(part),
        person=_clock(part, "person"),
        occurred_on=_clock(part, "occurred_on"),
        recorded_on=_clock(part, "recorded_on"),
        key=part.texts("key"),
        fields=fields,
        absence=part.text("absence", choices=("none", "unknown")),
        ends=part.texts("ends", []),
        one=words[0],
        many=words[1],
        dates=part.text("dates", ISO),
        missing=part.texts("missing", [""]),
        encoding=part.text("encoding", "utf-8", ENCODINGS),
        delimiter=_delimiter(part),
        most_set_aside=part.number("most_set_aside", 0.01, 0.0, 0.2),
    )
    part.finish()
    return found


def _clock(part: Section, key: str) -> str:
    """The column of a person or a day; windows measure from it, so no name of age or of who somebody is may stand."""
    column = part.text(key)
    if word := protected_by_name(column):
        found = f"{column!r}: the word {word!r} tells of a protected characteristic"
        expected = "what tells people apart" if key == "person" else "the day of something that happened or was learnt"
        part.note(key, found, expected, "Name another column.")
    return column


def _field(part: Section) -> EventField:
    found = EventField(
        kind=part.text("kind", choices=KINDS),
        column=part.text("column"),
        words=part.text("words", ""),
        values=part.texts("values", []),
        learnt_on=_clock(part, "learnt_on") if "learnt_on" in part.table else "",
        letters=part.whole("letters", 0, 0, 100),
    )
    if found.kind != "category" and (found.values or found.letters):
        part.note("values, letters", f"a {found.kind}", "a category", "Leave both out, or make it a category.")
    part.finish()
    return found


def _contract(table: EventTable, top: Section) -> EventContract | None:
    """The table's contract; what it refuses is noted."""
    try:
        return table.contract()
    except Refused as refusal:
        where = f"{top.where} [events.{table.name}]"
        top.problems.append(Problem("fields that do not go together", where, "a table of events", refusal.message))
        return None


def _people(part: Section) -> PeopleTable:
    found = PeopleTable(
        _file(part), part.text("person"), part.texts("missing", [""]), part.text("encoding", "utf-8", ENCODINGS),
        _delimiter(part),
    )  # fmt: skip
    part.finish()
    return found


def _named(part: Section, contracts: Mapping[str, EventContract]) -> dict[str, Rows]:
    """Groups of events under names of their own; each may use those above it."""
    found: dict[str, Rows] = {}
    for name, text in part.table.items():
        part.asked.add(name)
        if name in contracts or not NAME.fullmatch(name):
            part.note(name, "a name that is taken or not plain", "a new name of small letters, digits and _", "Rename.")
        rows = _rows(part, name, text, vocabulary_of(contracts, found))
        if rows is not None:
            found[name] = rows
    return found


def _rows(part: Section, key: str, text: Any, words: Vocabulary) -> Rows | None:
    """A group of events written as text: what may stand inside ``count(…)``."""
    made = _parsed(part, key, f"count({text})" if isinstance(text, str) else text, words, OFFSET)
    subjects = made.subjects() if made is not None else ()
    if made is not None and (len(subjects) != 1 or made != count(subjects[0])):
        part.note(key, "something else than a group of events", "events, such as complaints.where(…)", "Mend it.")
        return None
    return subjects[0] if subjects else None


def _definition(part: Section, key: str, words: Vocabulary) -> Definition | None:
    """The definition in ``key``, looking back ten years at most; None, with problems noted, where it is none."""
    found = _parsed(part, key, part.text(key), words, 0)
    if found is None:
        return None
    _check_reads(found, part, key)
    if found.yields == "category":
        part.note(key, "a category", "a number, or yes or no", "Ask of one value: has(….where(….one_of(…))).")
        return None
    try:
        return found.bounded(days_in(DEFAULT_LOOKBACK))
    except Refused as refusal:
        part.note(key, "a window that is too long", "ten years at most", refusal.message)
        return None


def _check_reads(definition: Definition, part: Section, key: str) -> None:
    """Note a column that no feature may read, whatever the field is called here."""
    reasons = [reason.removeprefix("it reads ") for reason in refused_lineage(definition)]
    what, word = refused_by_name(columns_read(definition), ())
    if what and not reasons:
        reasons = [f"the word {word!r} in a column that it reads: {what}"]
    for reason in reasons:
        part.note(key, reason, "a feature of the allowed families", "Leave it out.")


def check_protocols(tasks: Mapping[str, Task], where: str, problems: list[Problem]) -> None:
    """Note a split that lets a model learn from later rows, or from what a person's later rows decide."""
    for name, task in tasks.items():
        if task.protocol is not None and task.protocol.kind != "time_by_person":
            remedy = (
                'Write protocol = { kind = "time_by_person", column = "as_of", test_from = …, folds = 3 }: others '
                "learn from later rows, or leave out of training whoever has one, and that selects on the outcome."
            )
            found = f"kind = {task.protocol.kind!r}"
            problems.append(Problem(found, f"{where} [tasks.{name}] protocol", "rows split by time and person", remedy))


def _parsed(part: Section, key: str, text: Any, words: Vocabulary, offset: int) -> Definition | None:
    if not isinstance(text, str):
        part.note(key, f"a value of type {type(text).__name__}", "a definition in quotes", "Put it in quotes.")
        return None
    if not text.strip():
        return None  # noted already
    barred = _barred(text, words)
    if barred:
        expected = "what happened: models never see who somebody is"
        part.note(key, f"{barred[0]!r}: {barred[1]}", expected, "Take it out of the definition.")
        return None
    try:
        return parse_definition(text, words)
    except Refused as refusal:
        for problem in refusal.problems:
            where = re.sub(r"\d+", lambda place: str(max(int(place[0]) - offset, 1)), problem.where)
            part.note(f"{key}, {where}", problem.found, problem.expected, problem.remedy)
        if not refusal.problems:
            part.note(key, "a text that cannot be read", "a definition", refusal.message)
        return None


def _barred(text: str, words: Vocabulary) -> tuple[str, str] | None:
    """A name in the text that is no name of the vocabulary and could never be a feature, and why."""
    try:
        tree = ast.parse(text.strip().replace("\n", " "), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(words)
    return next(((name, why) for name in sorted(names) if (why := refused_name(name))), None)


def _outcome(name: str, part: Section, words: Vocabulary) -> EventOutcome | None:
    counts = _rows(part, "counts", part.text("counts"), words) if "counts" in part.table else None
    if "counts" not in part.table:
        part.note("counts", "nothing", "the events that count, such as complaints", 'Add counts = "…".')
    days = [
        part.whole("follow_up_days", low=1, high=LONGEST_FOLLOW_UP),
        part.whole("waiting_days", low=0, high=LONGEST_FOLLOW_UP),
        part.whole("lag_days", 0, 0, LONGEST_FOLLOW_UP),
    ]
    return EventOutcome(name, counts, *days) if counts is not None else None


def _cohort(part: Section, tables: Mapping[str, EventTable], words: Vocabulary) -> CohortSpec:
    first, last = _date(part, "from"), _date(part, "to")
    if first > last:
        part.note("from, to", f"{first} and {last}", "the first and the last as-of date", "Put them in order.")
        last = first
    known_to = part.text("known_to", next(iter(tables), ""))
    if known_to and known_to not in tables:
        part.note("known_to", repr(known_to), "the name of an event table", nearest(known_to, tables))
        known_to = next(iter(tables), "")
    who = _definition(part, "who", words) if "who" in part.table else None
    part.asked.add("who")
    if who is not None and who.yields != "yes_no":
        part.note("who", f"a definition that gives a {who.yields}", "yes or no", "Write has(…), or ….at_least(1).")
        who = None
    found = CohortSpec(first, last, part.text("every", choices=tuple(EVERY)), known_to, who)
    part.finish()
    return found


def _check_names(top: Section, names: list[str]) -> None:
    """Note a feature and an outcome of one name, or the name of a key: they become columns of one table."""
    for name in sorted({name for name in names if names.count(name) > 1} | ({PERSON, AS_OF} & set(names))):
        found, expected = f"the name {name!r} twice", "a name of its own for each feature and outcome"
        top.problems.append(Problem(found, top.where, expected, "Rename one."))
