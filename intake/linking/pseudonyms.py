"""Who a person was last time they still are: pseudonyms that stay, and what changed for whom."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from desist.records import codes

COLUMNS = ["source", "agency_person", "person_id"]


def pseudonyms(joined: pd.DataFrame, before: pd.DataFrame, key: bytes, never: Collection[str] = ()) -> list[str]:
    """A person_id per record: the one a cluster had before, else a keyed hash of its first record.

    ``never``: ids of people whose number names somebody else now; nobody gets one of these anew.
    """
    rank = joined["source"].map({source: place for place, source in enumerate(codes.SOURCES)})
    order = joined.assign(rank=rank).sort_values(["rank", "agency_person"]).index.to_numpy()
    clusters = joined["cluster"].to_numpy()
    names = list(zip(joined["source"], joined["agency_person"], strict=True))
    previous = {
        (source, number): person for source, number, person in before[COLUMNS].itertuples(index=False, name=None)
    }
    given: dict[int, str] = {}
    taken: set[str] = set()
    for node in order:
        earlier = previous.get(names[node])
        if earlier and clusters[node] not in given and earlier not in taken:
            given[clusters[node]] = earlier
            taken.add(earlier)
    taken |= set(never)
    for node in order:
        if clusters[node] not in given:
            person = _pseudonym(key, names[node], taken)
            given[clusters[node]] = person
            taken.add(person)
    return [given[cluster] for cluster in clusters]


def possible_pseudonyms(key: bytes, record: tuple[str, str], most: int = 4) -> list[str]:
    """The person_ids that a record can ever have given a person: for whoever looks for them in older lists."""
    found: list[str] = []
    for _ in range(most):
        found.append(_pseudonym(key, record, set(found)))
    return found


def _pseudonym(key: bytes, record: tuple[str, str], taken: set[str]) -> str:
    """Keyed hash of a record's source and number; after a split the id may be taken, then the next one."""
    attempt = 0
    while True:
        content = "\0".join((*record, str(attempt))).encode()
        person = "p" + hmac.new(key, content, hashlib.sha256).hexdigest()[:20]
        if person not in taken:
            return person
        attempt += 1


@dataclass(frozen=True)
class Reissued:
    """One person whose records changed hands: their profiles before are not theirs any more."""

    person_id: str
    reason: str
    before: int
    now: int


def reissued(before: pd.DataFrame, links: pd.DataFrame) -> tuple[Reissued, ...]:
    """People merged or split since ``before`` (source, agency_person, person_id), each with their records then and now.

    Who only gained a record that was new to us, or lost one that its agency no longer sends, is not among them.
    """
    both = before.merge(links, on=["source", "agency_person"], suffixes=("_before", ""))
    pairs = both[["person_id_before", "person_id"]].drop_duplicates()
    into = pairs.groupby("person_id")["person_id_before"].nunique()
    out_of = pairs.groupby("person_id_before")["person_id"].nunique()
    merged, split = set(into.index[into > 1]), set(out_of.index[out_of > 1])
    merged |= set(pairs.loc[pairs["person_id"].isin(merged), "person_id_before"])
    split |= set(pairs.loc[pairs["person_id_before"].isin(split), "person_id"])
    had, has = before.groupby("person_id").size().to_dict(), links.groupby("person_id").size().to_dict()
    return tuple(
        Reissued(
            person, "+".join(word for word, people in (("merge", merged), ("split", split)) if person in people),
            int(had.get(person, 0)), int(has.get(person, 0)),
        )
        for person in sorted(merged | split)
    )  # fmt: skip


def kept_share(before: pd.DataFrame, links: pd.DataFrame) -> tuple[int, int]:
    """Of people all of whose records are there again, how many; and how many of them keep their id on every one."""
    both = before.merge(links, on=["source", "agency_person"], how="left", suffixes=("_before", ""))
    gone = set(both.loc[both["person_id"].isna(), "person_id_before"])
    moved = set(both.loc[both["person_id"] != both["person_id_before"], "person_id_before"])
    there = set(both["person_id_before"]) - gone
    return len(there), len(there - moved)
