"""Records and the people they make: what fits, what contradicts, and joining links one by one without contradiction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.intake.linking.names import any_alike, is_initial, one_name, slips, words
from desist.intake.terms.ages import birthday
from desist.intake.terms.contracts import ADULT_AGE

Node = int
#: Numbers of which a person has one: PNC has a check letter; the other two may hold a slip that no letter shows.
ONE_EACH = ("pnc", "crn", "prison_number")
CHECKED = "pnc"

FORENAMES_DIFFER, NAMES_DIFFER, OTHERS_DIFFER, NUMBERS_DIFFER, BIRTHS_DIFFER, STEWARD = (
    "forenames differ", "names differ", "other given names differ", "identifiers differ", "birth dates differ",
    "a steward said different",
)  # fmt: skip
#: A year of birth that slipped is one digit and this many years off at most: more are a father and a son.
MOST_YEARS = 2
#: Who does not know the day states the first of January: then the year is all that is known, and is no slip.
NEW_YEAR = "0101"


@dataclass(frozen=True, slots=True)
class Record:
    """What contradictions are looked for in: names as words, birth date as eight digits, usable identifiers.

    ``first``: the words of the forename; ``others``: those of the other given names. ``adult``: by its birth date, on
    the day that linking asks about; None where that is not known.
    """

    first: tuple[str, ...]
    others: tuple[str, ...]
    family: tuple[str, ...]
    aliases: tuple[str, ...]
    birth: str | None
    pnc: str | None
    crn: str | None
    prison_number: str | None
    adult: bool | None = None

    @property
    def given(self) -> tuple[str, ...]:
        return self.first + self.others

    @property
    def names(self) -> tuple[str, ...]:
        """Every word of every name; initials say too little to tell two people apart."""
        return tuple(word for word in (*self.given, *self.family, *self.aliases) if not is_initial(word))

    def plainly_other(self, other: Record) -> bool:
        """Whether both state names and no word of one is like any of the other's."""
        return not any_alike(self.names, other.names)

    def named_like(self, other: Record) -> bool:
        """Whether both have names, and both given and family names may be the same; they may be changed round."""
        if not (self.given and self.family and other.given and other.family):
            return False
        return self._may_be(other)

    def _may_be(self, other: Record) -> bool:
        straight = any_alike(self.given, other.given) and any_alike(self.family, other.family)
        return straight or (any_alike(self.given, other.family) and any_alike(self.family, other.given))

    def others_differ(self, other: Record) -> bool:
        """Whether both state other given names and none of one is one of the other's: brothers called Mohammed.

        Forename and second name may be changed round.
        """
        if not (self.others and other.others) or _share(self.others, other.others):
            return False
        return _share(self.first, other.first) or not (
            _share(self.first, other.others) or _share(self.others, other.first)
        )


def _share(ones: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether any word of one, or all of them in one, is a word of the other."""
    return any(one_name(one, other) for one in (*ones, "".join(ones)) for other in (*others, "".join(others)))


def records_of(people: pd.DataFrame, usable: dict[str, pd.Series], on: dt.date | None = None) -> list[Record]:
    """One Record a row, in the order of ``people``. ``on``: the day on which somebody is an adult or a child."""
    cells = {name: _texts(people, name) for name in ("forename", "other_names", "surname", "aliases", "dob")}
    numbers = [[value if isinstance(value, str) else None for value in usable[kind].tolist()] for kind in ONE_EACH]
    return [
        Record(
            words(forename or ""), words(others or ""), words(surname or ""), words(aliases or ""),
            dob.replace("-", "")[:8] if dob else None, pnc, crn, prison, adult,
        )
        for forename, others, surname, aliases, dob, adult, pnc, crn, prison in zip(
            cells["forename"], cells["other_names"], cells["surname"], cells["aliases"], cells["dob"],
            _adults(cells["dob"], on), *numbers, strict=True,
        )
    ]  # fmt: skip


def _adults(dobs: list[str | None], on: dt.date | None) -> list[bool | None]:
    if on is None:
        return [None] * len(dobs)
    born = pd.to_datetime(pd.Series(dobs, dtype="str"), format="%Y-%m-%d", errors="coerce").to_numpy("datetime64[D]")
    adult = birthday(born, ADULT_AGE) <= np.datetime64(on, "D")
    return [None if unknown else bool(one) for one, unknown in zip(adult, np.isnat(born), strict=True)]


def _texts(people: pd.DataFrame, column: str) -> list[str | None]:
    if column not in people:
        return [None] * len(people)
    return [value if isinstance(value, str) and value else None for value in people[column].tolist()]


def near(one: str, other: str) -> bool:
    """Whether two birth dates (eight digits) differ by one slip: day and month round, or one of day, month and year.

    A year is one digit and MOST_YEARS off at most, and not that of a first of January.
    """
    if one[:4] == other[:4]:
        turned = one[4:] == other[6:] + other[4:6]
        return turned or slips(one, other) <= 1 or one[4:6] == other[4:6] or one[6:] == other[6:]
    return (
        one[4:] == other[4:] != NEW_YEAR and one[:3] == other[:3]
        and abs(int(one[:4]) - int(other[:4])) <= MOST_YEARS
    )  # fmt: skip


def fits(one: Record, other: Record) -> bool:
    """Whether two records that share an identifier may be one person.

    Equal birth dates fit unless the names are plainly others; one slip apart they fit where the names do; where one
    is missing, names must not differ.
    """
    if one.birth and other.birth:
        slipped = near(one.birth, other.birth) and one.named_like(other)
        return not one.plainly_other(other) if one.birth == other.birth else slipped
    named = bool(one.given and one.family and other.given and other.family)
    return not named or one.named_like(other)


@dataclass(frozen=True, slots=True)
class Person:
    """Records joined so far, with what must not contradict when more are joined."""

    members: tuple[Node, ...]
    births: frozenset[str]
    numbers: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, node: Node, record: Record) -> Person:
        numbers = tuple(
            frozenset({value}) if value else frozenset() for value in (record.pnc, record.crn, record.prison_number)
        )
        return cls((node,), frozenset({record.birth}) if record.birth else frozenset(), numbers)

    def with_(self, other: Person) -> Person:
        numbers = tuple(mine | theirs for mine, theirs in zip(self.numbers, other.numbers, strict=True))
        return Person(tuple(sorted((*self.members, *other.members))), self.births | other.births, numbers)

    def contradiction(self, other: Person, records: Sequence[Record], different: set[tuple[Node, Node]]) -> str:
        """Why the two cannot be one person; empty where nothing speaks against it."""
        if different and any(pair in different for pair in _pairs(self.members, other.members)):
            return STEWARD
        if self.numbers_differ(other):
            return NUMBERS_DIFFER
        named = [(records[a], records[b]) for a, b in _pairs(self.members, other.members)
                 if records[a].names and records[b].names]  # fmt: skip
        if named and all(a.plainly_other(b) for a, b in named):
            return NAMES_DIFFER
        if self.births and other.births and not self.births & other.births:
            dated = [[node for node in side.members if records[node].birth] for side in (self, other)]
            if not all(fits(records[one], records[two]) for one in dated[0] for two in dated[1]):
                return BIRTHS_DIFFER
        return ""

    def numbers_differ(self, other: Person) -> bool:
        """Whether both have a number of a kind of which a person has one, and it is not the same.

        Without a check letter, numbers one slip apart may be one number mistyped.
        """
        for kind, mine, theirs in zip(ONE_EACH, self.numbers, other.numbers, strict=True):
            both = mine and theirs and not mine & theirs
            if both and (kind == CHECKED or all(slips(one, two) > 1 for one in mine for two in theirs)):
                return True
        return False


def _pairs(ones: Iterable[Node], others: Iterable[Node]) -> Iterable[tuple[Node, Node]]:
    others = tuple(others)
    return ((min(one, other), max(one, other)) for one in ones for other in others)


def components(count: int, pairs: Iterable[tuple[Node, Node]]) -> np.ndarray:
    """For each node the smallest node it is connected with."""
    parent = list(range(count))
    for one, other in pairs:
        a, b = find(parent, one), find(parent, other)
        if a != b:
            parent[max(a, b)] = min(a, b)
    return np.array([find(parent, node) for node in range(count)], dtype=np.int64)


def find(parent: list[Node], node: Node) -> Node:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


class Joining:
    """People in the making: ``join`` puts two together unless something speaks against it."""

    def __init__(self, records: Sequence[Record], different: set[tuple[Node, Node]], twins: set[tuple[Node, Node]]):
        self.records = records
        self.different = different
        self.twins = twins
        self.parent = list(range(len(records)))
        self._people: dict[Node, Person] = {}

    def person(self, node: Node) -> Person:
        root = find(self.parent, node)
        return self._people.get(root) or Person.of(root, self.records[root])

    def put_together(self, left: Node, right: Node) -> None:
        """Join without asking: what identifiers and stewards settled."""
        one, other = find(self.parent, left), find(self.parent, right)
        if one != other:
            joined = self.person(left).with_(self.person(right))
            self.parent[max(one, other)] = min(one, other)
            self._people[min(one, other)] = joined

    def join(self, left: Node, right: Node) -> str:
        """Join two people, or why not; empty where they are one now."""
        if find(self.parent, left) == find(self.parent, right):
            return ""
        one, other = self.person(left), self.person(right)
        if self._forenames_differ(one, other):
            return FORENAMES_DIFFER
        if any(self.records[a].others_differ(self.records[b]) for a, b in _pairs(one.members, other.members)):
            return OTHERS_DIFFER
        if against := one.contradiction(other, self.records, self.different):
            return against
        if not one.births & other.births and len(self._adult(one) | self._adult(other)) == 2:
            return BIRTHS_DIFFER  # without an identifier, no slip makes a child an adult
        self.put_together(left, right)
        return ""

    def _forenames_differ(self, one: Person, other: Person) -> bool:
        """Whether half or more of the pairs of records across have different forenames: a twin by a short form."""
        if not self.twins:
            return False
        crossing = len(one.members) * len(other.members)
        return 2 * sum(pair in self.twins for pair in _pairs(one.members, other.members)) >= crossing

    def _adult(self, person: Person) -> set[bool]:
        return {adult for node in person.members if (adult := self.records[node].adult) is not None}

    def roots(self) -> np.ndarray:
        return np.array([find(self.parent, node) for node in range(len(self.parent))], dtype=np.int64)
