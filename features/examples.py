"""Worked examples: small tables of made-up people with the values a definition should give, and the check of them.

Ours are in ``data/definitions.toml``, for every function of the language; a user's own are read by ``examples_file``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from desist.features.contracts import EventContract
from desist.features.engines import compiled, reference
from desist.features.events import Events
from desist.features.language import Age, Combined, Definition
from desist.features.refusals import approval_needed, seeks_help
from desist.features.register import DEFAULT_LOOKBACK, Feature, Register
from desist.features.tables import Profiles
from desist.features.windows import days_in

#: Expected values may be written with so many digits; a boundary that is off by a day shows long before.
RELATIVE, ABSOLUTE = 1e-6, 1e-9
#: Sources that know a person do so since this day.
ALWAYS = dt.date(1900, 1, 1)
#: The column under which an example's value stands in its profile.
VALUE = "example"

#: What turns events, rows and a register into profiles; ``ages=`` is given where a definition asks for an age.
Engine = Callable[..., Profiles]
#: Every engine an example is worked out with, by the name shown.
ENGINES: Mapping[str, Engine] = {"reference": reference.build_profiles, "compiled": compiled.build_profiles}


@dataclass(frozen=True)
class Person:
    """One made-up person of an example. ``expected`` is None where the value should be missing."""

    label: str
    expected: float | None
    events: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    unknown_to: frozenset[str] = frozenset()
    born: dt.date | None = None
    note: str = ""


@dataclass(frozen=True)
class Example:
    """A definition with made-up people and what it should say of each on one as-of date.

    ``events`` of a person name tables by their contract; ``contracts`` holds those the definition reads and those the
    events are of. ``not_shared`` are sources that share nothing, ``not_sent`` fields ("offences.da_flag") that nobody
    sends.
    """

    where: str
    text: str
    definition: Definition
    as_of: dt.date
    people: tuple[Person, ...]
    contracts: Mapping[str, EventContract]
    not_shared: frozenset[str] = frozenset()
    not_sent: frozenset[str] = frozenset()
    note: str = ""

    @property
    def function(self) -> str:
        """The word of the language it is an example of; arithmetic has one for all its signs."""
        if isinstance(self.definition, Combined):
            return "+ - * /"
        if isinstance(self.definition, Age):
            return "age_at_as_of" if self.definition.first is None else "age_at_first"
        return self.definition.function

    @cached_property
    def register(self) -> Register:
        """A register with this definition alone, under the same rules as any; raises Refused where it breaks one."""
        help_sought = seeks_help(self.definition)
        asks = bool(approval_needed(self.definition))
        feature = Feature(
            VALUE,
            self.definition,
            family="examples",
            justification="A worked example of the feature language.",
            raises="{value}",
            lowers="{value}",
            sign=-1 if help_sought else 0,
            missing_as=0.0 if help_sought else None,
            help_seeking=help_sought,
            status="approval_needed" if asks else "allowed",
        )
        days = max(days_in(DEFAULT_LOOKBACK), self.definition.looks_back())
        return Register((feature,), {"examples": f"{days}d"}, frozenset({VALUE}) if asks else frozenset())

    def events(self) -> Events:
        """The people's events under their contracts; whoever is not said to be unknown to a source is known to it."""
        shared = {name: c for name, c in self.contracts.items() if not self.not_shared.issuperset(c.sources)}
        tables = {name: self._table(contract) for name, contract in shared.items()}
        sources = {source for contract in shared.values() for source in contract.sources} - self.not_shared
        known = {
            source: {person.label: ALWAYS for person in self.people if source not in person.unknown_to}
            for source in sorted(sources)
        }
        return Events(tables, dict(self.contracts), known, unsent=self.not_sent)

    def _table(self, contract: EventContract) -> pd.DataFrame:
        rows = [
            {"person_id": person.label, **row}
            for person in self.people
            for name, row in person.events
            if name == contract.name
        ]
        table = pd.DataFrame(rows, columns=list(contract.columns), dtype=object)
        for name in contract.columns:
            if name not in contract.fields or contract.fields[name].kind == "date":
                table[name] = table[name] if name == "person_id" else pd.to_datetime(table[name])
        return table

    def rows(self) -> pd.DataFrame:
        """The people on the as-of date, as a cohort."""
        people = [person.label for person in self.people]
        return pd.DataFrame({"person_id": people, "as_of": pd.Timestamp(self.as_of), "index_date": pd.NaT})

    def ages(self, people: Sequence[str], on: dt.date) -> pd.Series:
        """Whole years of age on a day; NaN where no birth date is given."""
        born = {person.label: person.born for person in self.people}
        return pd.Series({person: _years(born[person], on) for person in people}, dtype=float)


def _years(born: dt.date | None, on: dt.date) -> float:
    if born is None:
        return math.nan
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


@dataclass(frozen=True)
class Checked:
    """What one engine found for one person of one example."""

    example: Example
    person: Person
    engine: str
    found: float | None

    @property
    def ok(self) -> bool:
        expected = self.person.expected
        if expected is None or self.found is None:
            return expected is None and self.found is None
        return math.isclose(self.found, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def check_examples(examples: Sequence[Example], engines: Mapping[str, Engine] = ENGINES) -> list[Checked]:
    """Every example worked out with every engine, person by person, in order."""
    return [checked for example in examples for name in engines for checked in _check(example, name, engines[name])]


def _check(example: Example, name: str, engine: Engine) -> list[Checked]:
    aged = any(isinstance(part, Age) for part in example.definition.parts())
    more = {"ages": example.ages} if aged else {}
    profiles = engine(example.events(), example.rows(), example.register, **more)
    values = dict(zip(profiles.table["person_id"], profiles.table[VALUE], strict=True))
    return [
        Checked(example, person, name, None if math.isnan(values[person.label]) else float(values[person.label]))
        for person in example.people
    ]
