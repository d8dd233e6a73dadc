"""Age, which no register holds without a board's approval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desist.features.language.definitions import Definition
from desist.features.rows import Rows
from desist.records.errors import Refused


@dataclass(frozen=True)
class Age(Definition):
    """Whole years of age on the as-of date, or at the first such event. Never without a board's approval."""

    function = "age"
    gives = "years"
    first: Rows | None = None

    def __post_init__(self) -> None:
        if self.first is not None and not isinstance(self.first, Rows):
            raise Refused(f"age_at_first speaks of rows, such as sanctions; found {self.first!r}.")

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
