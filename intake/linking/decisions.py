"""A data steward's decisions about two records: one person, or two. They outrank identifiers and model every time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from desist.intake.linking.marks import MARK, somebody_else
from desist.intake.linking.people import find

SAME, DIFFERENT = "same", "different"
ENDS = ("left_source", "left_number", "right_source", "right_number")
MARKS = ("left_mark", "right_mark")

Record = tuple[str, str]
Pair = tuple[int, int]


@dataclass
class Decided:
    """Places of records decided to be one person (``same``) or two (``different``).

    ``waiting``: how many decisions name a record that its agency did not send this time; they hold by way of it.
    ``outdated``: places of pairs decided on before one of the numbers came to name somebody else: they hold no more.
    """

    same: list[Pair] = field(default_factory=list)
    different: set[Pair] = field(default_factory=set)
    waiting: int = 0
    outdated: list[Pair] = field(default_factory=list)


def decided_pairs(people: pd.DataFrame, decisions: pd.DataFrame | None) -> Decided:
    """What was decided about the records of ``people`` (which may have a column ``mark``: see marks.py).

    Decisions reach across a record that is not sent: who is one with it is one, who is not is not. Where they
    contradict each other by way of a third record, "different" holds and those that would join across it do not.
    """
    told = Decided()
    if decisions is None or decisions.empty:
        return told
    place = {name: node for node, name in enumerate(zip(people["source"], people["agency_person"], strict=True))}
    now = dict(zip(place, people[MARK], strict=True)) if MARK in people else {}
    same: list[tuple[Record, Record]] = []
    different: list[tuple[Record, Record]] = []
    marked = decisions.reindex(columns=[*ENDS, "decision", *MARKS]).astype(object)
    for a, m, b, n, decision, left, right in marked.itertuples(index=False, name=None):
        ends = tuple(sorted(((a, m), (b, n))))
        here = [place[end] for end in ends if end in place]
        if _other(left, now.get((a, m))) or _other(right, now.get((b, n))):
            told.outdated += [(min(here), max(here))] if len(here) == 2 else []
        elif ends[0] != ends[1]:
            told.waiting += len(here) < 2
            (different if decision == DIFFERENT else same).append(ends)  # type: ignore[arg-type]
    _place(told, _close(same, different), different, place)
    return told


def _other(before: object, now: str | None) -> bool:
    return isinstance(before, str) and somebody_else(before, now)


def _close(same: Iterable[tuple[Record, Record]], different: Iterable[tuple[Record, Record]]) -> dict[Record, Record]:
    """For each record decided on the one that stands for its person: one running union-find, sent or not."""
    names = sorted({end for pair in (*same, *different) for end in pair})
    number = {name: node for node, name in enumerate(names)}
    parent = list(range(len(names)))
    apart: dict[int, set[int]] = defaultdict(set)
    for one, other in different:
        apart[number[one]].add(number[other])
        apart[number[other]].add(number[one])
    for one, other in sorted(set(same)):
        root, child = sorted((find(parent, number[one]), find(parent, number[other])))
        if root == child or child in apart[root]:
            continue
        parent[child] = root
        for enemy in apart.pop(child, ()):
            apart[enemy].discard(child)
            apart[enemy].add(root)
            apart[root].add(enemy)
    return {name: names[find(parent, node)] for name, node in number.items()}


def _place(
    told: Decided, root: dict[Record, Record], different: list[tuple[Record, Record]], place: dict[Record, int]
) -> None:
    """Bring what was decided about records to the places of those that were sent."""
    first: dict[Record, int] = {}
    for name in root:
        if name in place:
            node = place[name]
            start = first.setdefault(root[name], node)
            if start != node:
                told.same.append((min(start, node), max(start, node)))
    ends = ((first.get(root[one]), first.get(root[other])) for one, other in different)
    told.different |= {(min(a, b), max(a, b)) for a, b in ends if a is not None and b is not None and a != b}
    told.same.sort()
