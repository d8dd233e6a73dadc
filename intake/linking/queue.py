"""Pairs of records that wait for a data steward."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from desist.intake.linking.names import words
from desist.intake.linking.records import only_initials

#: Columns of the queue; ``probability`` is missing where no model was asked.
QUEUE = ("left_source", "left_number", "right_source", "right_number", "kind", "why", "probability")
#: In this order a steward sees them: contradictions first, because both people go without an estimate until then.
KINDS = ("conflict", "review", "initials")


class Waiting(NamedTuple):
    """Two records to look at. ``kind``: an identifier's contradiction, the model's doubt, or initials that fit."""

    left: int
    right: int
    kind: str
    why: str
    chance: float | None


def waiting_rows(
    waiting: list[Waiting], roots: np.ndarray, apart: set[tuple[int, int]], plainly_two: Callable[[int, int, str], bool]
) -> list[Waiting]:
    """One pair for each two people, the first told: not those who became one, nor those a steward told apart."""
    asked: set[tuple[int, int]] = set()
    rows = []
    for row in sorted(waiting, key=lambda row: (KINDS.index(row.kind), -(row.chance or 0), row.left, row.right)):
        one, other = sorted((int(roots[row.left]), int(roots[row.right])))
        if one == other or (one, other) in asked or (one, other) in apart or plainly_two(row.left, row.right, row.why):
            continue
        asked.add((one, other))
        rows.append(row._replace(left=min(row.left, row.right), right=max(row.left, row.right)))
    return rows


def initials_that_fit(people: pd.DataFrame, roots: np.ndarray) -> list[Waiting]:
    """Records of initials and a birth date that fit exactly one person: for a steward to ask the agency about.

    They never link by that alone, and where they fit several nobody is asked: it would be a guess.
    """
    bare = only_initials(people)
    alone = np.bincount(roots, minlength=len(roots))[roots] == 1
    wanted: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    fitting: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    columns = [people[name].tolist() if name in people else [None] * len(people)
               for name in ("forename", "surname", "dob")]  # fmt: skip
    for node, (forename, surname, dob) in enumerate(zip(*columns, strict=True)):
        if not all(isinstance(value, str) and value for value in (forename, surname, dob)):
            continue
        first, last = words(forename), words(surname)
        if first and last:
            key = (first[0][0], last[0][0], dob)
            if not bare[node]:
                fitting[key].append(node)
            elif alone[node]:
                wanted[key].append(node)
    found = []
    for key, nodes in sorted(wanted.items()):
        people_there = {int(roots[node]) for node in fitting.get(key, ())}
        if len(people_there) == 1 and len(nodes) == 1:
            found.append(Waiting(fitting[key][0], nodes[0], "initials", "initials and birth date fit one person", None))
    return found
