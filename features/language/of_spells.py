"""Definitions about spells: whether one is open, how long they lasted, and what happened a year outside custody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desist.features.language.definitions import OfRows, with_article
from desist.features.rows import Rows
from desist.records.errors import Refused

#: Fewer days at liberty than this are too few to say a rate.
LEAST_DAYS_AT_LIBERTY = 91


@dataclass(frozen=True)
class IsOpen(OfRows):
    function = "is_open"
    grows = True
    gives = "yes_no"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.rows.contract.ends:
            raise Refused(f"{self.rows.contract.name} holds moments, not spells: nothing in it can be open.")

    def lineage(self) -> frozenset[str]:
        contract = self.rows.contract
        return super().lineage() | {column for name in contract.ends for column in contract.lineage_of(name)}

    def in_words(self) -> str:
        return f"whether {with_article(self.rows.one_in_words())} is open on the as-of date, begun {self._when()}"


@dataclass(frozen=True)
class Duration(OfRows):
    """Days of the window spent in such spells as then known; an open spell lasts until the as-of date.

    Each day counts once, whatever spells overlap on it. The last day of a spell belongs to it.
    """

    function = "duration"
    gives = "days"
    grows = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.rows.contract.ends:
            raise Refused(f"{self.rows.contract.name} holds moments, not spells: they have no duration.")

    def lineage(self) -> frozenset[str]:
        contract = self.rows.contract
        return super().lineage() | {column for name in contract.ends for column in contract.lineage_of(name)}

    def in_words(self) -> str:
        return f"days spent in {self.rows.in_words()} {self._when()}"


@dataclass(frozen=True)
class RatePerYearAtLiberty(OfRows):
    """Events a year of the days in the window that were not spent in custody, as far as then known."""

    function = "rate_per_year_at_liberty"
    custody: Rows | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.custody, Rows) or not self.custody.contract.ends:
            raise Refused("A rate at liberty needs the spells in custody: rate_per_year_at_liberty(..., custody=...).")

    def subjects(self) -> tuple[Rows, ...]:
        return (self.rows, self.custody) if self.custody is not None else (self.rows,)

    def in_words(self) -> str:
        narrowed = self.custody is not None and self.custody.conditions
        outside = f" (outside {self.custody.in_words()})" if self.custody is not None and narrowed else ""
        return f"{self.rows.in_words()}, as a rate per year at liberty{outside}, {self._when()}"

    def missing_in_words(self) -> str:
        return f"missing with fewer than {LEAST_DAYS_AT_LIBERTY} days at liberty; {super().missing_in_words()}"

    def detail(self) -> dict[str, Any]:
        return {**super().detail(), "custody": self.custody.to_json() if self.custody else None}
