"""What an event table promises: its fields, when each became known, and what it means to have no row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from desist.records.errors import Refused

KINDS = ("date", "category", "number", "yes_no")
#: Columns every event table has.
KEY = ("person_id", "occurred_on", "recorded_on")


@dataclass(frozen=True)
class FieldSpec:
    """One field of an event table.

    ``words`` completes a sentence: "are violent" for a yes/no field, "severity band" for the others.
    ``reads`` names the columns of the agency's extract it was made from ("table.column"); it is what refuses
    a protected characteristic under another name. ``values`` closes a list of codes. ``column`` is the name the
    table has for it, where that differs; it is part of what is read, so a renamed column is still traced.
    """

    kind: str
    words: str = ""
    reads: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    column: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Refused(f"A field is one of {', '.join(KINDS)}; found {self.kind!r}.")


@dataclass(frozen=True)
class EventContract:
    """What one table of events holds.

    ``learnt_later``: field -> the column with the date on which it became known; until then it is unknown.
    ``absence``: what it means that the source has no record of a person: "none" (it would have one, so nothing
    happened) or "unknown" (we cannot tell, so every value is missing).
    ``ends``: the date fields that close a spell, the earliest known of them; a spell with none is open. The end
    date is the spell's last day.
    ``topic``: (field, value field) of a table with one row a topic, so that ``needs.drugs`` can be written.
    ``context_only``: shown to people, never read by a feature. ``record_kind``: fact, assessment or opinion.
    """

    name: str
    source: str
    fields: Mapping[str, FieldSpec]
    learnt_later: Mapping[str, str] = field(default_factory=dict)
    absence: str = "unknown"
    also_from: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    topic: tuple[str, str] | None = None
    singular: str = ""
    plural: str = ""
    context_only: bool = False
    record_kind: str = "fact"

    def __post_init__(self) -> None:
        specs = {name: FieldSpec(kind=spec) if isinstance(spec, str) else spec for name, spec in self.fields.items()}
        object.__setattr__(self, "fields", specs)
        if self.absence not in ("none", "unknown"):
            raise Refused(f"The absence of {self.name} means 'none' or 'unknown'; found {self.absence!r}.")
        if self.record_kind not in ("fact", "assessment", "opinion"):
            raise Refused(f"The rows of {self.name} are facts, assessments or opinions; found {self.record_kind!r}.")
        if set(specs) & {*KEY, *self.learnt_later.values()}:
            raise Refused(f"A field of {self.name} has the name of a date that every event table has.")
        topic_fields = self.topic or ()
        for name in (*self.learnt_later, *topic_fields, *self.ends):
            if name not in specs:
                raise Refused(f"{self.name} has no field {name!r}; it has {', '.join(sorted(specs))}.")
            if name in self.ends and specs[name].kind != "date":
                raise Refused(f"A spell of {self.name} ends on a date; {name!r} is a {specs[name].kind}.")

    def spec(self, name: str) -> FieldSpec:
        """The field of that name; ``occurred_on`` is a field of every table. Raises Refused for an unknown one."""
        if name == "occurred_on":
            return FieldSpec("date", words="date", reads=self.lineage_of("occurred_on"))
        if name not in self.fields:
            known = ", ".join(sorted([*self.fields, "occurred_on"]))
            raise Refused(f"{self.name} has no field {name!r}; it has {known}. Check the spelling.")
        return self.fields[name]

    def lineage_of(self, name: str) -> tuple[str, ...]:
        """The extract columns a field was made from; its own name where none are declared.

        The event date of a row is read from every extract table that any of its fields was made from.
        """
        if name == "occurred_on":
            made_of = {column.partition(".")[0] for spec in self.fields.values() for column in spec.reads}
            return tuple(f"{table}.occurred_on" for table in sorted(made_of or {self.name}))
        spec = self.fields[name]
        column = (f"{self.name}.{spec.column}",) if spec.column else ()
        return (*spec.reads, *column) or (f"{self.name}.{name}",)

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, *self.also_from)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the table must have."""
        return tuple(dict.fromkeys([*KEY, *self.fields, *self.learnt_later.values()]))

    def name_one(self) -> str:
        return self.singular or self.name

    def name_many(self) -> str:
        return self.plural or self.name

    def to_json(self) -> dict[str, Any]:
        """What binds the meaning of the table into a register's hash; the source may differ by partnership."""
        return {
            "name": self.name,
            "fields": {name: [spec.kind, list(self.lineage_of(name))] for name, spec in self.fields.items()},
            "learnt_later": dict(self.learnt_later),
            "absence": self.absence,
            "ends": list(self.ends),
        }
