"""Who is who across agencies, by exact identifiers: PNC, CRN and prison number (REQUIREMENTS LNK-1).

An identifier with a wrong check letter or form is not used, and its row waits in the unmatched queue.
Where people who share an identifier have different birth dates, nobody is merged by it: their rows are
marked unconfirmed. Nothing is guessed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from desist.intake.equality_writer import EqualityWriter
from desist.intake.store import Store, held_names
from desist.intake.vault import Vault
from desist.records import codes
from desist.records.errors import Refused
from desist.records.files import write_json
from desist.records.identifiers import CHECKS
from desist.records.log import EventLog
from desist.records.workspace import Workspace

#: Identifiers that link, strongest first. NHS number and CRO are checked, and not used yet.
LINKING = ("pnc", "crn", "prison_number")
#: How sure a link is, from 0 to 1: this toolkit's own steps for exact identifiers. Probabilistic links bring their own.
AGREEING = 1.0
BIRTH_DATE_MISSING = 0.9
UNCONFIRMED = 0.0

WRONG_FORM = "wrong form or check letter"
CONFLICT = "shared by people with different birth dates"
NOTHING_TO_LINK = "no identifier that links"

Node = int


@dataclass(frozen=True)
class LinkReport:
    """What linking found. Counts only; ``unmatched`` counts queue entries by identifier and reason."""

    records: int
    people: int
    new_people: int
    merged: int
    split: int
    unconfirmed: int
    by_method: Mapping[str, int]
    by_source: Mapping[str, int]
    unmatched: Mapping[str, int]
    links: str

    def as_dict(self) -> dict[str, Any]:
        counts = {name: dict(getattr(self, name)) for name in ("by_method", "by_source", "unmatched")}
        return {**vars(self), **counts}

    def as_text(self) -> str:
        lines = [
            f"{self.records:,} records of {len(self.by_source)} agencies are {self.people:,} people "
            f"({self.new_people:,} new, {self.merged:,} merged, {self.split:,} split since the last linking).",
            *(f"    {count:,} records linked by {method}" for method, count in self.by_method.items()),
            *(f"    {count:,} in the unmatched queue: {reason}" for reason, count in self.unmatched.items()),
        ]
        if self.unconfirmed:
            lines.append(f"    {self.unconfirmed:,} records unconfirmed: they share an identifier of different people")
        return "\n".join(lines)


def link(workspace: Workspace, *, today: dt.date, key: bytes, log: EventLog, actor: str) -> LinkReport:
    """Link the people of the current extracts, and hand the key map to vault, equality store and links.

    ``key`` makes the pseudonyms. Somebody linked before keeps their person_id, in a later extract too;
    when two people turn out to be one, the id of the one first in the order of sources and numbers stays.
    Killed half-way, the links are withheld until linking is run again, with the same result.
    The caller holds the workspace's lock.
    """
    store, vault = Store(workspace.store, workspace.quarantine), Vault(workspace.vault)
    people = _records(store, vault)
    if people.empty:
        raise Refused("There is nobody to link: no identity table has been taken in. Run `desist intake` first.")
    joined, unmatched = join(people)
    before = vault.key_map()
    joined["person_id"] = _pseudonyms(joined, before, key)
    joined = joined.sort_values(["source", "agency_person"], ignore_index=True)
    columns = ["source", "agency_person", "person_id", "method", "weight", "confirmed"]
    links = joined[columns]
    log.append(
        "data.combined", actor=actor, role="analyst", dataset=f"links:{store.snapshot_hash()[:16]}",
        counts={"records": len(links), "people": int(links["person_id"].nunique())},
    )  # fmt: skip
    write_json(store.linking, {"snapshot": store.snapshot_hash(), "begun_on": today.isoformat()})
    current = _held(store, current_only=True)
    EqualityWriter(workspace.equality).hand_key_map(_held(store, current_only=False), links)
    vault.write_key_map(current, links, unmatched)
    digest = store.write_links(links)
    store.linking.unlink()
    return _report(links, unmatched, before, digest)


def _held(store: Store, *, current_only: bool) -> list[str]:
    histories = store.manifest()["extracts"].values()
    held = [extract for history in histories for extract in (history[:1] if current_only else history)]
    return [name for extract in held for name in held_names(extract)]


def _records(store: Store, vault: Vault) -> pd.DataFrame:
    """Current identity rows; of treatment only people who consent now."""
    people = vault.identities(_held(store, current_only=True))
    kept = people["source"] != "treatment"
    if "trt_client" in store.tables():
        # Numbers of other agencies may happen to be equal: their rows are kept already.
        kept |= people["agency_person"].isin(store.read_arrow("trt_client")["agency_person"].to_pylist())
    return people[kept].reset_index(drop=True)


# --- joining records


def join(people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records with ``cluster``, method, weight and confirmed; and the unmatched queue.

    ``people``: source, agency_person, dob and the identifiers, one row a record. A record's method names
    the identifiers that join it to another, "own record" where none does.
    """
    usable, unmatched = _usable_identifiers(people)
    births = people["dob"].to_numpy(dtype=object)
    known = people["dob"].notna().to_numpy()
    parent = list(range(len(people)))
    shared: list[tuple[str, list[Node]]] = []
    doubtful = np.zeros(len(people), dtype=bool)
    for kind in LINKING:
        for nodes in _groups(usable[kind]):
            if len({births[node] for node in nodes if known[node]}) > 1:
                doubtful[nodes] = True
                unmatched += [(node, kind, CONFLICT) for node in nodes]
            else:
                shared.append((kind, nodes))
                _unite(parent, nodes)
    roots = np.array([_find(parent, node) for node in range(len(people))])
    broken = _contradicting(roots, births, known)
    doubtful |= broken
    joined = people[["source", "agency_person"]].copy()
    joined["cluster"] = np.where(broken, np.arange(len(people)), roots)
    joined["method"], linked_without_birth = _methods(shared, broken, known)
    joined["confirmed"] = ~doubtful
    weight = np.where(linked_without_birth, BIRTH_DATE_MISSING, AGREEING)
    joined["weight"] = np.where(doubtful, UNCONFIRMED, weight)
    sources, numbers = people["source"].tolist(), people["agency_person"].tolist()
    queue = pd.DataFrame(
        [(sources[node], numbers[node], kind, reason) for node, kind, reason in unmatched],
        columns=["source", "agency_person", "identifier", "reason"],
        dtype="str",
    )
    return joined, queue.sort_values(list(queue.columns), ignore_index=True)


def _usable_identifiers(people: pd.DataFrame) -> tuple[dict[str, pd.Series], list[tuple[Node, str, str]]]:
    """Identifiers whose form and check letter are right, and queue entries for those that are not."""
    usable: dict[str, pd.Series] = {}
    unmatched: list[tuple[Node, str, str]] = []
    anything = np.zeros(len(people), dtype=bool)
    for kind, check in CHECKS.items():
        values = people[kind]
        right = np.array([isinstance(value, str) and check(value) for value in values], dtype=bool)
        wrong = values.notna().to_numpy() & ~right
        unmatched += [(int(node), kind, WRONG_FORM) for node in np.flatnonzero(wrong)]
        usable[kind] = values.where(right)
        if kind in LINKING:
            anything |= values.notna().to_numpy()
    unmatched += [(int(node), "none", NOTHING_TO_LINK) for node in np.flatnonzero(~anything)]
    return usable, unmatched


def _groups(values: pd.Series) -> Iterable[list[Node]]:
    """Records that share one value, in the order of the values."""
    repeated = values[values.notna() & values.duplicated(keep=False)]
    groups: dict[str, list[Node]] = defaultdict(list)
    for node, value in repeated.items():
        groups[value].append(int(str(node)))
    return [groups[value] for value in sorted(groups)]


def _find(parent: list[Node], node: Node) -> Node:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


def _unite(parent: list[Node], nodes: list[Node]) -> None:
    """Join the nodes; the smallest number stands for all, so the order of joining does not matter."""
    roots = sorted({_find(parent, node) for node in nodes})
    for root in roots[1:]:
        parent[root] = roots[0]


def _contradicting(roots: np.ndarray, births: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Records of clusters that came to hold two birth dates by way of a record without one."""
    frame = pd.DataFrame({"root": roots, "birth": births})[known]
    several = frame.groupby("root")["birth"].nunique()
    return np.isin(roots, several.index[several > 1].to_numpy())


def _methods(
    shared: list[tuple[str, list[Node]]], broken: np.ndarray, known: np.ndarray
) -> tuple[list[str], np.ndarray]:
    found: list[list[str]] = [[] for _ in broken]
    without_birth = np.zeros(len(broken), dtype=bool)
    for kind, nodes in shared:
        complete = bool(known[nodes].all())
        for node in nodes:
            if not broken[node]:
                found[node].append(kind)
                without_birth[node] |= not complete
    return ["+".join(kinds) or "own record" for kinds in found], without_birth


# --- pseudonyms


def _pseudonyms(joined: pd.DataFrame, before: pd.DataFrame, key: bytes) -> list[str]:
    """A person_id per record: the one a cluster had before, else a keyed hash of its first record."""
    rank = joined["source"].map({source: place for place, source in enumerate(codes.SOURCES)})
    order = joined.assign(rank=rank).sort_values(["rank", "agency_person"]).index.to_numpy()
    clusters = joined["cluster"].to_numpy()
    names = list(zip(joined["source"], joined["agency_person"], strict=True))
    previous = {
        (source, number): person
        for source, number, person in before.itertuples(index=False, name=None)
    }
    given: dict[int, str] = {}
    taken: set[str] = set()
    for node in order:
        earlier = previous.get(names[node])
        if earlier and clusters[node] not in given and earlier not in taken:
            given[clusters[node]] = earlier
            taken.add(earlier)
    for node in order:
        if clusters[node] not in given:
            person = _pseudonym(key, names[node], taken)
            given[clusters[node]] = person
            taken.add(person)
    return [given[cluster] for cluster in clusters]


def _pseudonym(key: bytes, record: tuple[str, str], taken: set[str]) -> str:
    """Keyed hash of a record's source and number; after a split the id may be taken, then the next one."""
    attempt = 0
    while True:
        content = "\0".join((*record, str(attempt))).encode()
        person = "p" + hmac.new(key, content, hashlib.sha256).hexdigest()[:20]
        if person not in taken:
            return person
        attempt += 1


def _report(links: pd.DataFrame, unmatched: pd.DataFrame, before: pd.DataFrame, digest: str) -> LinkReport:
    both = before.merge(links, on=["source", "agency_person"], suffixes=("_before", ""))
    pairs = both[["person_id_before", "person_id"]].drop_duplicates()
    entries = zip(unmatched["identifier"], unmatched["reason"], strict=True)
    queue = Counter(f"{kind}: {reason}" for kind, reason in entries)
    return LinkReport(
        records=len(links),
        people=int(links["person_id"].nunique()),
        new_people=len(set(links["person_id"]) - set(before["person_id"])),
        merged=int((pairs.groupby("person_id").size() > 1).sum()),
        split=int((pairs.groupby("person_id_before").size() > 1).sum()),
        unconfirmed=int((~links["confirmed"]).sum()),
        by_method={str(name): int(count) for name, count in links["method"].value_counts().sort_index().items()},
        by_source={str(name): int(count) for name, count in links["source"].value_counts().sort_index().items()},
        unmatched=dict(sorted(queue.items())),
        links=digest,
    )
