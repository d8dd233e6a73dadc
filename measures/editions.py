"""What was published before, and a new edition of which no difference to it gives a hidden count away.

An edition is kept as it was shown: cell keys and shown text, never a true count. The check assumes a reader who

- holds every earlier edition, and knows how each of its counts was rounded;
- takes one key (the same name for the people and the same characteristics) for the same population: the very same
  people where both editions were cut on one date, and the same people with others added where one was cut later;
- takes as few to have left between two cuts as the published numbers allow. Whoever thinks that more have left, or
  does not know, knows less than this reader.

People who left are what makes editions hard to subtract; where nobody can have left, a later edition hides more.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from desist.measures.audience import HIDDEN, NOT_APPLICABLE, NOT_AVAILABLE, Audience, told_by
from desist.measures.bounds import TOLERANCE, Seen, Sums, Terms, first_narrow
from desist.measures.linked import Linked, ProtectedTables, Table, link, protect_linked
from desist.measures.suppression import NOTHING_BESIDE, Beside

FORMAT = 1
#: A number without a known end is searched up to so many people.
NO_END = 1e6


@dataclass(frozen=True)
class Edition:
    """Tables as they were shown: each cell's text by its key, the sums among them, for whom, cut on which date."""

    name: str
    cut_on: dt.date
    audience: Audience
    cells: Mapping[str, str]
    lines: tuple[tuple[str, tuple[str, ...]], ...]

    def __post_init__(self) -> None:
        for text in self.cells.values():
            told_by(text, self.audience)
        if any(key not in self.cells for total, parts in self.lines for key in (total, *parts)):
            raise ValueError(f"edition {self.name} has a sum over cells that it does not have")

    def as_json(self) -> str:
        """The record to keep: what was shown, and nothing else."""
        seen = self.audience
        return json.dumps({
            "format": FORMAT, "name": self.name, "cut_on": self.cut_on.isoformat(),
            "audience": {"name": seen.name, "hide_below": seen.hide_below, "round_to": seen.round_to,
                         "least_people": seen.least_people, "hides_everybody": seen.hides_everybody},
            "cells": dict(self.cells), "lines": [[total, list(parts)] for total, parts in self.lines],
        }, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Edition:
        """The edition that ``as_json`` wrote. Raises ValueError where the record is not whole."""
        try:
            record = json.loads(text)
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']}")
            return cls(
                name=str(record["name"]), cut_on=dt.date.fromisoformat(record["cut_on"]),
                audience=Audience(**record["audience"]),
                cells={str(key): str(shown) for key, shown in record["cells"].items()},
                lines=tuple((str(total), tuple(map(str, parts))) for total, parts in record["lines"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as fault:
            raise ValueError("the record of an earlier edition cannot be read; without it nothing new may be "
                             "published for the same people") from fault


def edition_of(shown: ProtectedTables, *, name: str, cut_on: dt.date) -> Edition:
    """The record of tables that are published; ``cut_on``: the date up to which people were counted."""
    return Edition(name, cut_on, shown.audience, dict(shown.cells), shown.lines)


def protect_edition(
    counts: Sequence[Table], earlier_editions: Sequence[Edition], audience: Audience, *, cut_on: dt.date
) -> ProtectedTables:
    """The tables protected together and against what was published before.

    Further cells are hidden until nothing hidden here or in an earlier edition can be worked out from all of them to
    within its threshold. What the earlier editions give away on their own cannot be taken back: ``already_told``
    names it. Raises ValueError for an earlier edition with a later cut.
    """
    if any(edition.cut_on > cut_on for edition in earlier_editions):
        raise ValueError("an earlier edition was cut after the new one; give the editions before it only")
    linked = link(counts)
    earlier = sorted(earlier_editions, key=lambda edition: (edition.cut_on, edition.name))
    if not earlier:
        return protect_linked(counts, linked, audience)
    return protect_linked(
        counts, linked, audience,
        also=_few_joined(linked, earlier, audience), beside=_beside(linked, earlier, cut_on),
    )


def already_told(editions: Sequence[Edition]) -> tuple[tuple[str, str], ...]:
    """The hidden cells that the editions give away by themselves: name of the edition and key of the cell."""
    ordered = sorted(editions, key=lambda edition: (edition.cut_on, edition.name))
    numbers = _Numbers([])
    blocks = [numbers.add_edition(edition) for edition in ordered]
    numbers.tie([(block, edition.cut_on) for block, edition in zip(blocks, ordered, strict=True)])
    values, limits = numbers.fewest_left()
    known, seen = Sums(*numbers.bounds(), numbers.zero, limits), Seen.at(values)
    return tuple(
        (edition.name, key)
        for block, edition in zip(blocks, ordered, strict=True) for key, shown in edition.cells.items()
        if shown == HIDDEN and first_narrow(known, [block[key]], edition.audience.hide_below, seen) is not None
    )


def _few_joined(linked: Linked, earlier: Sequence[Edition], audience: Audience) -> frozenset[int]:
    """The cells whose exact growth since an exact earlier edition is a small count of people who joined."""
    if audience.round_to > 1:
        return frozenset()
    at = {key: i for i, key in enumerate(linked.keys[: linked.shown])}
    found: set[int] = set()
    for edition in earlier:
        both = [(at[key], int(told_by(text, edition.audience)[0])) for key, text in edition.cells.items()
                if key in at and edition.audience.round_to == 1 and text not in (HIDDEN, NOT_AVAILABLE, NOT_APPLICABLE)]
        grown = [(i, int(linked.values[i]) - before) for i, before in both]
        if all(more >= 0 for _, more in grown):
            found |= {i for i, more in grown if 0 < more < audience.hide_below}
    return frozenset(found)


def _beside(linked: Linked, earlier: Sequence[Edition], cut_on: dt.date) -> Beside:
    """What earlier editions add to what a reader of the new one knows."""
    own = {key: i for i, key in enumerate(linked.keys[: linked.shown])}
    if not any(key in own for edition in earlier for key in edition.cells):
        return NOTHING_BESIDE
    numbers = _Numbers(linked.values)
    blocks = [numbers.add_edition(edition) for edition in earlier]
    numbers.own_lines(linked)
    numbers.tie([*((block, edition.cut_on) for block, edition in zip(blocks, earlier, strict=True)), (own, cut_on)])
    values, limits = numbers.fewest_left()
    least, most = numbers.bounds()
    told, cells = set(already_told(earlier)), len(linked.values)
    guarded = tuple(
        block[key] for block, edition in zip(blocks, earlier, strict=True) for key, shown in edition.cells.items()
        if shown == HIDDEN and (edition.name, key) not in told
    )
    return Beside(least[cells:], most[cells:], values[cells:], tuple(numbers.zero), limits, guarded)


class _Numbers:
    """Unknown numbers of several editions, and the sums that tie them; the first are the new edition's true counts."""

    def __init__(self, values: Sequence[int] | np.ndarray) -> None:
        self.least = [float(value) for value in values]
        self.most = list(self.least)
        self.zero: list[Terms] = []
        self.goals: list[dict[int, float]] = []
        self.lines: list[tuple[int, tuple[int, ...]]] = []

    def add(self, least: float, most: float) -> int:
        """The place of a further number."""
        self.least.append(least)
        self.most.append(min(most, NO_END))
        return len(self.least) - 1

    def add_edition(self, edition: Edition) -> dict[str, int]:
        """The place of each cell of an edition, with its sums."""
        block = {key: self.add(*told_by(text, edition.audience)) for key, text in edition.cells.items()}
        for total, parts in edition.lines:
            self.lines.append((block[total], tuple(block[part] for part in parts)))
            self.zero.append({block[total]: -1.0, **{block[part]: 1.0 for part in parts}})
        return block

    def own_lines(self, linked: Linked) -> None:
        """The sums of the new edition, which its true counts obey already."""
        self.lines += linked.shown_lines

    def tie(self, blocks: Sequence[tuple[Mapping[str, int], dt.date]]) -> None:
        """Tie the cells of one key in each two editions: later = earlier + joined - left."""
        for (before, first), (after, second) in itertools.combinations(blocks, 2):
            keys = [key for key in after if key in before]
            flows = {key: (self.add(0.0, NO_END), self.add(0.0, NO_END)) for key in keys}
            for key, (joined, left) in flows.items():
                self.zero.append({before[key]: 1.0, joined: 1.0, left: -1.0, after[key]: -1.0})
            of_key = {block[key]: key for block in (before, after) for key in keys}
            shared = {(of_key[total], tuple(of_key[part] for part in parts)) for total, parts in self.lines
                      if all(place in of_key for place in (total, *parts))}
            for total_key, part_keys in sorted(shared):
                for way in (0, 1):
                    self.zero.append({flows[total_key][way]: -1.0, **{flows[part][way]: 1.0 for part in part_keys}})
            parts_somewhere = {part for _, part_keys in shared for part in part_keys}
            tops = [flows[key] for key in keys if key not in parts_somewhere]
            moved = {left: 1.0 for _, left in tops}
            if first == second:  # the very same people: nobody joined either, except to mend a mistake
                moved |= {joined: 1.0 for joined, _ in tops}
            if moved:
                self.goals.append(moved)

    def fewest_left(self) -> tuple[np.ndarray, tuple[Terms, ...]]:
        """Numbers that fit with as few people moved as can be, and the limits that say so.

        A limit needs a constant: a last number that is always 1.
        """
        one = self.add(1.0, 1.0)
        total: dict[int, float] = {}
        for goal in self.goals:
            for place, factor in goal.items():
                total[place] = total.get(place, 0.0) + factor
        least, most = self.bounds()
        values = Sums(least, most, self.zero).smallest(total)
        if values is None:
            raise ValueError("the records of the earlier editions contradict themselves; nothing new can be checked "
                             "against them")
        limits: list[Terms] = [
            {**goal, one: -(sum(values[place] for place in goal) + TOLERANCE)} for goal in self.goals
        ]
        return values, tuple(limits)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the most of each number."""
        return np.array(self.least), np.array(self.most)
