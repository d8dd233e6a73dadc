"""What a register asks, table by table, in the few shapes that every rival translates into its own language.

The rivals read definitions, never names of features: whatever the register says, they answer, or they refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from desist.features import language as say
from desist.features.contracts import EventContract
from desist.features.register import Register
from desist.features.rows import Condition
from desist.features.vocabulary import CONTRACTS

FUNCTIONS = {
    say.Count: "count",
    say.Has: "has",
    say.DaysSince: "days_since",
    say.IsOpen: "is_open",
    say.MostRecent: "most_recent",
    say.Worst: "worst",
    say.Distinct: "distinct",
    say.Share: "share",
}


@dataclass(frozen=True)
class Asked:
    """One feature: a function of the rows of one table that meet the conditions and lie ``until`` to ``days`` back."""

    name: str
    function: str
    contract: EventContract
    conditions: tuple[Condition, ...]
    days: int
    until: int
    field: str = ""
    none: float | None = None

    @property
    def values_of(self) -> tuple[str, str]:
        """What tells apart the fields, and the rows they are of, whose values are counted together."""
        return self.field, repr([test.to_json() for test in self.conditions])


def asked_of(register: Register) -> dict[str, list[Asked]]:
    """The features of a register by the table they ask; ValueError for what the rivals cannot translate."""
    found: dict[str, list[Asked]] = {}
    for feature in register.used:
        definition = feature.definition
        if type(definition) not in FUNCTIONS or definition.window is None:
            raise ValueError(f"the rivals have no translation of {feature.name}: {definition.in_words()}")
        rows = definition.subjects()[0]
        function = FUNCTIONS[type(definition)]
        none = {"count": 0.0, "has": 0.0, "is_open": 0.0, "worst": 0.0, "distinct": 0.0}.get(function)
        if isinstance(definition, say.DaysSince) and definition.none_as == "window":
            none = float(definition.window.days)
        field = definition.field.name if isinstance(definition, say.OfField) else ""
        one = Asked(
            feature.name, function, CONTRACTS[rows.contract.name], rows.conditions, definition.window.days,
            definition.window.until, field, none,
        )  # fmt: skip
        found.setdefault(rows.contract.name, []).append(one)
    return found


def columns_read(asked: list[Asked]) -> list[str]:
    """The columns of a table that its features need, so that no rival reads the others."""
    contract = asked[0].contract
    fields = {test.field for one in asked for test in one.conditions} | {one.field for one in asked if one.field}
    if any(one.function == "is_open" for one in asked):
        fields |= set(contract.ends)
    fields |= {contract.learnt_later[name] for name in fields if name in contract.learnt_later}
    return ["person", "occurred_on", "recorded_on", *sorted(fields - {"occurred_on"})]


def part_folders(folder: Path) -> list[Path]:
    """The partitions of a store on disk, in order."""
    return sorted(path for path in folder.glob("part-*") if path.is_dir())
