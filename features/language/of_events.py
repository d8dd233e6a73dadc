"""Definitions about events: how many, whether any, how long since, how they are spread over the window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from desist.features.language.definitions import Definition, OfRows, with_article
from desist.features.rows import Field, Rows
from desist.features.windows import Lookback, length_after_the
from desist.records.errors import Refused


@dataclass(frozen=True)
class Count(OfRows):
    function = "count"
    grows = True

    def in_words(self) -> str:
        return f"number of {self.rows.in_words()} {self._when()}"


@dataclass(frozen=True)
class Has(OfRows):
    function = "has"
    grows = True
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
    grows = True

    def in_words(self) -> str:
        return f"days since the first {self.rows.one_in_words()} {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing where there is none; {super().missing_in_words()}"


@dataclass(frozen=True)
class DecayedCount(OfRows):
    """Events counted with a weight that halves every ``half_life`` days: one of today counts 1, an older one less."""

    function = "decayed_count"
    grows = True
    half_life: int = 365

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.half_life < 1:
            raise Refused(f"A half-life is at least one day; found {self.half_life}.")

    def weight(self, age: int) -> float:
        """What an event ``age`` days before the as-of date counts."""
        return float(0.5 ** (age / self.half_life))

    def in_words(self) -> str:
        return (
            f"number of {self.rows.in_words()} {self._when()}, "
            f"each counting half as much for every {length_after_the(self.half_life)} gone by"
        )

    def detail(self) -> dict[str, Any]:
        return {**super().detail(), "half_life": self.half_life}


@dataclass(frozen=True)
class GapBetween(OfRows):
    """Days between the last two days with such an event; with ``then``, days from the last one to the first ``then``.

    The event of ``then`` is on the same day or later. Both must lie in the window.
    """

    function = "gap_between"
    gives = "days"
    then: Rows | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.then is not None and not isinstance(self.then, Rows):
            raise Refused(f"gap_between leads from rows to rows, such as treatment_episode; found {self.then!r}.")

    def subjects(self) -> tuple[Rows, ...]:
        return (self.rows,) if self.then is None else (self.rows, self.then)

    def in_words(self) -> str:
        if self.then is None:
            return f"days between the last two days with {with_article(self.rows.one_in_words())} {self._when()}"
        return (
            f"days from the last {self.rows.one_in_words()} to the first {self.then.one_in_words()} "
            f"on that day or after it, {self._when()}"
        )

    def missing_in_words(self) -> str:
        none = "where there are fewer than two" if self.then is None else "where there is none, or nothing followed"
        return f"missing {none}; {super().missing_in_words()}"

    def detail(self) -> dict[str, Any]:
        return {**super().detail(), "then": self.then.to_json() if self.then is not None else None}


@dataclass(frozen=True)
class Trend(Definition):
    """How the later half of the window differs from the earlier: of rows their number, of a field its mean.

    Of a window with an odd number of days the earlier half has the day more.
    """

    function = "trend"
    of: Rows | Field | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.of, Rows | Field):
            raise Refused(f"A trend is of rows, or of a number such as needs.drugs; found {self.of!r}.")
        if isinstance(self.of, Field) and self.of.kind != "number":
            raise Refused(f"A trend is of a number; {self.of.contract.name}.{self.of.name} is a {self.of.kind}.")
        if self.window is not None and self.window.days - self.window.until < 2:
            raise Refused("A trend compares two halves of its window; one day has none.")

    @property
    def rows(self) -> Rows:
        """The rows it speaks of."""
        return self.of.rows if isinstance(self.of, Field) else self.of  # type: ignore[return-value]

    def subjects(self) -> tuple[Rows, ...]:
        return (self.rows,)

    def halves(self) -> tuple[Lookback, Lookback]:
        """The earlier and the later half of the window."""
        if self.window is None:
            raise Refused("A definition has no look-back limit yet; a register gives it one.")
        middle = self.window.until + (self.window.days - self.window.until) // 2
        return Lookback(self.window.days, middle), Lookback(middle, self.window.until)

    def lineage(self) -> frozenset[str]:
        return self.of.lineage() if self.of is not None else frozenset()

    @cached_property
    def asks(self) -> frozenset[str]:
        field = {f"{self.of.contract.name}.{self.of.name}"} if isinstance(self.of, Field) else set()
        return super().asks | field

    def in_words(self) -> str:
        if isinstance(self.of, Field):
            what = f"mean {self.of.in_words()} of {self.of.of_in_words()}"
        else:
            what = f"number of {self.rows.in_words()}"
        return f"{what} in the later half of the window less that in the earlier half, {self._when()}"

    def missing_in_words(self) -> str:
        if isinstance(self.of, Field):
            return f"missing where either half has no known value; {super().missing_in_words()}"
        return super().missing_in_words()

    def detail(self) -> dict[str, Any]:
        return {"of": self.of.to_json() if self.of is not None else None}
