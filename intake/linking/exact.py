"""Links by exact identifiers: PNC, CRN and prison number (REQUIREMENTS LNK-1), and where they contradict each other.

An identifier with a wrong check letter or form is not used. Where people who share one have different birth dates, or
names no word of which is alike, nobody is merged by it: a data steward must look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from desist.intake.linking.people import ONE_EACH, Person, Record, components, fits
from desist.records.identifiers import CHECKS

#: Identifiers that link on their own, strongest first. NHS number and CRO are evidence for the model.
LINKING = ("pnc", "crn", "prison_number")
#: How sure a link is, from 0 to 1: this toolkit's own steps for exact identifiers. The model's links bring their own.
AGREEING = 1.0
BIRTH_DATE_SLIPPED = 0.95
BIRTH_DATE_MISSING = 0.9
UNCONFIRMED = 0.0
#: An identifier on more records than one person could have stands for "unknown": it links nobody.
MOST_SHARED = 20

WRONG_FORM = "wrong form or check letter"
CONFLICT = "shared by people with different birth dates or names"
PLACEHOLDER = "on too many records to be one person's"
NOTHING_TO_LINK = "no identifier that links"
INITIALS_ONLY = "initials and a birth date alone never link"

Node = int


@dataclass(frozen=True)
class Link:
    """Two records held to be one person, how surely, and by what."""

    left: Node
    right: Node
    strength: float
    method: str


@dataclass
class ExactLinks:
    """What identifiers say. ``conflicts``: pairs that share one and yet do not fit; ``unmatched``: the queue's rows."""

    links: list[Link] = field(default_factory=list)
    conflicts: list[tuple[Node, Node, str]] = field(default_factory=list)
    unmatched: list[tuple[Node, str, str]] = field(default_factory=list)


def usable_identifiers(people: pd.DataFrame) -> tuple[dict[str, pd.Series], list[tuple[Node, str, str]]]:
    """Identifiers whose form and check letter are right, and queue rows for those that are not."""
    usable: dict[str, pd.Series] = {}
    unmatched: list[tuple[Node, str, str]] = []
    for kind, check in CHECKS.items():
        values = people[kind]
        right = np.array([isinstance(value, str) and check(value) for value in values], dtype=bool)
        unmatched += [(int(node), kind, WRONG_FORM) for node in np.flatnonzero(values.notna().to_numpy() & ~right)]
        usable[kind] = values.where(right)
    return usable, unmatched


def exact_links(usable: dict[str, pd.Series], records: list[Record]) -> ExactLinks:
    """Links and conflicts of every identifier that links."""
    found = ExactLinks()
    for kind in LINKING:
        for nodes in _groups(usable[kind]):
            if len(nodes) > MOST_SHARED:
                found.unmatched += [(node, kind, PLACEHOLDER) for node in nodes]
            else:
                _link_group(kind, nodes, records, found)
    return found


def _groups(values: pd.Series) -> Iterator[list[Node]]:
    """Places of records that share one value, in the order of the values."""
    texts = values.to_numpy(dtype=object)
    groups: dict[str, list[Node]] = defaultdict(list)
    for node in np.flatnonzero(values.notna().to_numpy() & values.duplicated(keep=False).to_numpy()):
        groups[texts[node]].append(int(node))
    yield from (groups[value] for value in sorted(groups))


def _link_group(kind: str, nodes: list[Node], records: list[Record], found: ExactLinks) -> None:
    """Each record linked to the first that it fits; pairs that do not fit are conflicts."""
    clashing = [
        (one, other) for place, one in enumerate(nodes) for other in nodes[place + 1 :]
        if not fits(records[one], records[other])
    ]  # fmt: skip
    births = {records[node].birth for node in nodes}
    if not clashing and len(births) == 1 and None not in births:
        found.links += [Link(nodes[0], node, AGREEING, kind) for node in nodes[1:]]
        return
    if clashing:
        found.conflicts += [(one, other, kind) for one, other in clashing]
        found.unmatched += [(node, kind, CONFLICT) for node in nodes]
    known = [node for node in nodes if records[node].birth]
    for place, one in enumerate(known):
        for other in known[place + 1 :]:
            if fits(records[one], records[other]) and (not clashing or records[one].named_like(records[other])):
                equal = records[one].birth == records[other].birth
                found.links.append(Link(one, other, AGREEING if equal else BIRTH_DATE_SLIPPED, kind))
    if not clashing:  # a record without a birth date could belong to either side of a conflict
        anchor = known[0] if known else nodes[0]
        found.links += [
            Link(anchor, node, BIRTH_DATE_MISSING, kind) for node in nodes if node != anchor and not records[node].birth
        ]


def sound_links(
    exact: ExactLinks, records: list[Record], same: list[tuple[Node, Node]], different: set[tuple[Node, Node]]
) -> tuple[list[Link], set[Node]]:
    """Links of people in whom nothing contradicts, and the records of those in whom something does.

    What one record joins by way of another is looked at as a whole: two birth dates that meet by way of a record
    without one, two PNCs that meet by way of a CRN. A steward's "same" outranks a contradiction, "different" a link.
    """
    stewards = components(len(records), same)
    parts = components(len(records), [*same, *((link.left, link.right) for link in exact.links)])
    members: dict[Node, list[Node]] = defaultdict(list)
    for node, root in enumerate(parts):
        members[int(root)].append(node)
    broken: set[Node] = set()
    for nodes in members.values():
        if len(nodes) > 1 and _contradicts(nodes, stewards, records, different):
            broken.update(nodes)
    return [link for link in exact.links if link.left not in broken], broken


def _contradicts(
    nodes: list[Node], stewards: np.ndarray, records: list[Record], different: set[tuple[Node, Node]]
) -> bool:
    """Whether two of the records, not put together by a steward, cannot be one person's."""
    stated = [{getattr(records[node], name) for node in nodes} - {None} for name in ("birth", *ONE_EACH)]
    named = [records[node] for node in nodes if records[node].names]
    alike = not any(one.plainly_other(two) for place, one in enumerate(named) for two in named[place + 1 :])
    if not different and alike and all(len(values) < 2 for values in stated):
        return False
    groups: dict[int, Person] = {}
    for node in nodes:
        root = int(stewards[node])
        own = Person.of(node, records[node])
        groups[root] = groups[root].with_(own) if root in groups else own
    people = list(groups.values())
    return any(
        one.contradiction(other, records, different)
        for place, one in enumerate(people)
        for other in people[place + 1 :]
    )
