"""Definitions of features, written in sentences and checked when they are made.

``count(offences.where(violent), within="2y")`` is one. Each says what it yields, what a missing value means,
what it reads, and itself in words. A new function is one class here and one way to work it out in an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from desist.features.rows import Field, Rows
from desist.features.windows import Lookback, days_in, length_in_words
from desist.records.errors import Refused

#: Fewer days at liberty than this are too few to say a rate.
LEAST_DAYS_AT_LIBERTY = 91


@dataclass(frozen=True)
class Definition:
    """One measurement of one person on one as-of date. ``window`` is None until a register bounds it."""

    function: ClassVar[str] = ""
    gives: ClassVar[str] = "number"

    window: Lookback | None

    @property
    def yields(self) -> str:
        """What its values are: number, days, share, yes_no, category or years."""
        return self.gives

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


@dataclass(frozen=True)
class Count(OfRows):
    function = "count"

    def in_words(self) -> str:
        return f"number of {self.rows.in_words()} {self._when()}"


@dataclass(frozen=True)
class Has(OfRows):
    function = "has"
    gives = "yes_no"

    def in_words(self) -> str:
        return f"whether there is any {self.rows.one_in_words()} {self._when()}"


@dataclass(frozen=True)
class DaysSince(OfRows):
    """Days from the last such event to the as-of date; ``none_as`` is "missing", or "window" for its length."""

    function = "days_since"
    gives = "days"
    none_as: str = "missing"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.none_as not in ("missing", "window"):
            raise Refused(f"With no such event, days_since is 'missing' or 'window'; found {self.none_as!r}.")

    def in_words(self) -> str:
        return f"days since the last {self.rows.one_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        if self.none_as == "window":
            length = "the window" if self.window is None else f"{self.window.days} days"
            return f"{length} where there is none; {super().missing_in_words()}"
        return f"missing where there is none; {super().missing_in_words()}"

    def detail(self) -> dict[str, Any]:
        return {**super().detail(), "none_as": self.none_as}


@dataclass(frozen=True)
class DaysSinceFirst(OfRows):
    function = "days_since_first"
    gives = "days"

    def in_words(self) -> str:
        return f"days since the first {self.rows.one_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing where there is none; {super().missing_in_words()}"


@dataclass(frozen=True)
class IsOpen(OfRows):
    function = "is_open"
    gives = "yes_no"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.rows.contract.ends:
            raise Refused(f"{self.rows.contract.name} holds moments, not spells: nothing in it can be open.")

    def lineage(self) -> frozenset[str]:
        contract = self.rows.contract
        return super().lineage() | {column for name in contract.ends for column in contract.lineage_of(name)}

    def in_words(self) -> str:
        return f"whether a {self.rows.one_in_words()} is open on the as-of date, begun {self._when()}"


@dataclass(frozen=True)
class RatePerYearAtLiberty(OfRows):
    """Events a year of the days in the window that were not spent in custody, as far as then known."""

    function = "rate_per_year_at_liberty"
    custody: Rows | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.custody is None or not self.custody.contract.ends:
            raise Refused("A rate at liberty needs the spells in custody: rate_per_year_at_liberty(..., custody=...).")

    def subjects(self) -> tuple[Rows, ...]:
        return (self.rows, self.custody) if self.custody is not None else (self.rows,)

    def in_words(self) -> str:
        return f"{self.rows.in_words()} a year at liberty {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing with fewer than {LEAST_DAYS_AT_LIBERTY} days at liberty; {super().missing_in_words()}"

    def detail(self) -> dict[str, Any]:
        return {**super().detail(), "custody": self.custody.to_json() if self.custody else None}


@dataclass(frozen=True)
class MostRecent(OfField):
    """The last known value; of two on one day the later recorded, then the larger (or later in the alphabet)."""

    function = "most_recent"
    kinds = ("number", "category", "yes_no")

    @property
    def yields(self) -> str:
        return self.field.kind

    def in_words(self) -> str:
        return f"most recent {self.field.in_words()} of {self.field.contract.name_many()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing where none is recorded (not assessed); {super().missing_in_words()}"


@dataclass(frozen=True)
class Worst(OfField):
    function = "worst"
    kinds = ("number",)

    def in_words(self) -> str:
        return f"highest {self.field.in_words()} of {self.field.rows.in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"0 where there is none; {super().missing_in_words()}"


@dataclass(frozen=True)
class Distinct(OfField):
    function = "distinct"

    def in_words(self) -> str:
        words = self.field.in_words()
        many = f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
        return f"number of different {many} of {self.field.rows.in_words()} {self._when()}"


@dataclass(frozen=True)
class Share(OfField):
    """Of the rows whose answer is known, the share that is yes."""

    function = "share"
    gives = "share"
    kinds = ("yes_no",)
    of: Rows | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.of is None or self.of.contract.name != self.field.contract.name:
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


@dataclass(frozen=True)
class Age(Definition):
    """Whole years of age on the as-of date, or at the first such event. Never without a board's approval."""

    function = "age"
    gives = "years"
    first: Rows | None = None

    def subjects(self) -> tuple[Rows, ...]:
        return () if self.first is None else (self.first,)

    def lineage(self) -> frozenset[str]:
        return super().lineage() | {"identity.dob"}

    def in_words(self) -> str:
        if self.first is None:
            return "age in whole years on the as-of date"
        return f"age in whole years at the first {self.first.one_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return "missing where the birth date is not known"

    def detail(self) -> dict[str, Any]:
        return {"first": self.first.to_json() if self.first is not None else None}


def _lookback(within: str | None, until: str | None = None) -> Lookback | None:
    if within is None and until is None:
        return None
    if within is None:
        raise Refused("A window that ends early needs a beginning too: within='2y', until='6m'.")
    return Lookback(days_in(within), 0 if until is None else days_in(until))


def count(rows: Rows, *, within: str | None = None, until: str | None = None) -> Definition:
    """How many such events; 0 for a person with none whom the source knows."""
    return Count(_lookback(within, until), rows)


def has(rows: Rows, *, within: str | None = None, until: str | None = None) -> Definition:
    """Whether there is any such event."""
    return Has(_lookback(within, until), rows)


def days_since(rows: Rows, *, within: str | None = None, none_as: str = "missing") -> Definition:
    """Days from the last such event to the as-of date, 1 for the day before."""
    return DaysSince(_lookback(within), rows, none_as)


def days_since_first(rows: Rows, *, within: str | None = None) -> Definition:
    """Days from the first such event in the window to the as-of date."""
    return DaysSinceFirst(_lookback(within), rows)


def is_open(rows: Rows, *, within: str | None = None) -> Definition:
    """Whether a spell begun before the as-of date has not ended before it, as far as then known."""
    return IsOpen(_lookback(within), rows)


def rate_per_year_at_liberty(rows: Rows, *, custody: Rows, within: str | None = None) -> Definition:
    """Events a year of days outside custody; missing where those are too few to say."""
    return RatePerYearAtLiberty(_lookback(within), rows, custody)


def most_recent(field: Field, *, within: str | None = None) -> Definition:
    """The last known value of a field; missing where none is known."""
    return MostRecent(_lookback(within), field)


def worst(field: Field, *, within: str | None = None) -> Definition:
    """The highest value of a number; 0 where there is no row."""
    return Worst(_lookback(within), field)


def distinct(field: Field, *, within: str | None = None) -> Definition:
    """How many different known values a field has."""
    return Distinct(_lookback(within), field)


def share(field: Field, *, of: Rows, within: str | None = None) -> Definition:
    """Of the rows whose answer is known, the share that is yes; from 0 to 1."""
    return Share(_lookback(within), field, of)


def age_at_as_of() -> Definition:
    """Whole years of age on the as-of date; needs a board's approval in any register."""
    return Age(None, None)


def age_at_first(rows: Rows) -> Definition:
    """Whole years of age at the first such event; needs a board's approval in any register."""
    return Age(None, rows)


def tables_read(definitions: Sequence[Definition]) -> frozenset[str]:
    """Names of the event tables that any of the definitions reads."""
    return frozenset(rows.contract.name for definition in definitions for rows in definition.subjects())
