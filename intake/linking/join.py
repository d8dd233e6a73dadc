"""Records to people: a steward's decisions, then exact identifiers, then the model, without contradiction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.intake.linking.decisions import decided_pairs
from desist.intake.linking.exact import (
    AGREEING,
    CONFLICT,
    INITIALS_ONLY,
    LINKING,
    NOTHING_TO_LINK,
    UNCONFIRMED,
    Link,
    exact_links,
    sound_links,
    usable_identifiers,
)
from desist.intake.linking.model import Model, likely_pairs
from desist.intake.linking.people import Joining, components, find, records_of
from desist.intake.linking.placeholders import without_placeholders
from desist.intake.linking.queue import QUEUE, Waiting, initials_that_fit, waiting_rows
from desist.intake.linking.records import comparable, only_initials
from desist.intake.linking.settings import LinkageSettings

STEWARD, MODEL = "steward", "model"
OUTDATED = "decided on before, and one of the numbers names somebody else now"
METHODS = (STEWARD, *LINKING, MODEL)

Pairs = set[tuple[int, int]]


@dataclass(frozen=True)
class Joined:
    """Who is who. Unpacks as ``records, queue``.

    ``records``: source, agency_person, cluster, method, weight (how surely the record belongs to its person),
    doubt (one less the weakest link that holds the person together) and confirmed, one row a record, in the order of
    the table asked about. ``queue``: pairs for a data steward (queue.QUEUE). ``unmatched``: identifiers that were
    not used. ``waiting`` and ``outdated``: how many decisions name a record that was not sent, or hold no more because
    a number came to name somebody else.
    """

    records: pd.DataFrame
    queue: pd.DataFrame
    unmatched: pd.DataFrame
    model: Model
    waiting: int = 0
    outdated: int = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter((self.records, self.queue))


def join(
    people: pd.DataFrame,
    settings: LinkageSettings | None = None,
    decisions: pd.DataFrame | None = None,
    *,
    before: pd.DataFrame | None = None,
    on: dt.date | None = None,
) -> Joined:
    """Who is who among the records of ``people`` (source, agency_person, identifiers, names, dob, postcode).

    ``decisions``: a steward's (see decisions.py). ``before``: source, agency_person, person_id as last linked: who
    was one person then stays one down to the threshold ``split``. ``on``: the day up to which the records are known;
    no slip in a birth date makes somebody who is a child on it an adult. The order of the rows changes nothing.
    """
    ordered = people.sort_values(["source", "agency_person"])
    work = _Work(ordered.reset_index(drop=True), settings or LinkageSettings(), decisions, before, on)
    work.by_identifier()
    work.by_model()
    records = work.records().set_axis(ordered.index, axis=0).reindex(people.index)
    decided = work.decided
    return Joined(
        records, work.queue(), work.unmatched_rows(), work.model, decided.waiting, len(decided.outdated)
    )  # fmt: skip


class _Work:
    """One linking, step by step."""

    def __init__(
        self,
        people: pd.DataFrame,
        settings: LinkageSettings,
        decisions: pd.DataFrame | None,
        before: pd.DataFrame | None,
        on: dt.date | None,
    ) -> None:
        people, nulled = without_placeholders(people)
        self.people, self.settings = people, settings
        self.usable, self.unmatched = usable_identifiers(people)
        self.unmatched += nulled
        self.checked = records_of(people, self.usable, on)
        self.decided = decided_pairs(people, decisions)
        self.same, self.different = self.decided.same, self.decided.different
        self.previous = _previous(people, before)
        self.links: list[Link] = []
        self.waiting = [Waiting(one, other, "review", OUTDATED, None) for one, other in self.decided.outdated]
        self.doubtful = np.zeros(len(people), dtype=bool)

    def by_identifier(self) -> None:
        exact = exact_links(self.usable, self.checked)
        self.links, broken = sound_links(exact, self.checked, self.same, self.different)
        self.links += [Link(one, other, AGREEING, STEWARD) for one, other in self.same]
        roots = components(len(self.people), ((link.left, link.right) for link in self.links))
        self.conflicts = exact.conflicts + [
            (link.left, link.right, link.method) for link in exact.links if link.left in broken
        ]
        self.unmatched += exact.unmatched
        self.exact_roots = roots

    def by_model(self) -> None:
        """Likely pairs, surest first; what contradicts, or is not sure enough, waits for a steward."""
        sizes = np.bincount(self.exact_roots)
        exact_pairs = int((sizes * (sizes - 1) // 2).sum())
        table = comparable(self.people, self.usable, self.exact_roots)
        pairs, self.model = likely_pairs(table, exact_pairs)
        joinable = _joinable(pairs)
        twins = pairs[np.asarray(pairs["forename"] == "other", dtype=bool)]
        joining = Joining(self.checked, self.different, _as_pairs(twins))
        for link in self.links:
            joining.put_together(link.left, link.right)
        ends = pairs[["left", "right"]].to_numpy(dtype=np.int64)
        chance = pairs["probability"].to_numpy(dtype=float)
        together = (self.previous[ends[:, 0]] == self.previous[ends[:, 1]]) & (self.previous[ends[:, 0]] >= 0)
        enough = joinable & (chance >= np.where(together, self.settings.split, self.settings.join))
        order = np.lexsort((ends[:, 1], ends[:, 0], -chance))
        refused: dict[int, str] = {}
        for place in order[enough[order]]:
            left, right = int(ends[place, 0]), int(ends[place, 1])
            if chance[place] < self.settings.join and find(joining.parent, left) == find(joining.parent, right):
                continue  # they stay together without it, so that linking again tells the very same
            if against := joining.join(left, right):
                refused[int(place)] = against
            else:
                self.links.append(Link(left, right, float(chance[place]), MODEL))
        self.joining = joining
        self._mark_conflicts()
        asked = np.flatnonzero(chance >= self.settings.review)
        self.waiting += [
            Waiting(int(ends[n, 0]), int(ends[n, 1]), "review", _why(pairs.iloc[n], refused.get(int(n), "")),
                    float(chance[n]))
            for n in asked[np.argsort(-chance[asked], kind="stable")]
            if not self._one(int(ends[n, 0]), int(ends[n, 1]))
        ]  # fmt: skip

    def _mark_conflicts(self) -> None:
        """Records that share an identifier and are not one person in the end are doubtful until a steward decides."""
        roots = self.joining.roots()
        apart = self._told_apart(roots)
        for one, other, kind in self.conflicts:
            ends = int(roots[one]), int(roots[other])
            if ends[0] != ends[1] and ends not in apart:
                self.doubtful[[one, other]] = True
                self.waiting.append(Waiting(one, other, "conflict", f"{kind} shared", None))

    def _told_apart(self, roots: np.ndarray) -> Pairs:
        """People, by root, whom a steward told apart; each pair both ways round."""
        apart = {(int(roots[one]), int(roots[other])) for one, other in self.different}
        return apart | {(other, one) for one, other in apart}

    def _one(self, left: int, right: int) -> bool:
        return find(self.joining.parent, left) == find(self.joining.parent, right)

    # --- what comes out

    def records(self) -> pd.DataFrame:
        roots = self.joining.roots()
        found: list[set[str]] = [set() for _ in roots]
        weight = np.where(self.doubtful, UNCONFIRMED, AGREEING)
        best = np.zeros(len(roots))
        for link in self.links:
            for node in (link.left, link.right):
                found[node].add(link.method)
                best[node] = max(best[node], link.strength)
        linked = np.array([bool(methods) for methods in found], dtype=bool)
        weight = np.where(self.doubtful, UNCONFIRMED, np.where(linked, best, weight))
        doubt = 1 - _weakest(len(roots), self.links)[roots]
        told = self.people[["source", "agency_person"]].copy()
        told["cluster"] = roots
        told["method"] = ["+".join(name for name in METHODS if name in methods) or "own record" for methods in found]
        told["weight"] = weight
        told["doubt"] = np.where(np.isin(roots, roots[self.doubtful]), 1.0, doubt).round(6)
        told["confirmed"] = ~self.doubtful & (1 - doubt >= self.settings.score - 1e-9)
        return told

    def queue(self) -> pd.DataFrame:
        roots = self.joining.roots()
        self.waiting += initials_that_fit(self.people, roots)
        rows = waiting_rows(self.waiting, roots, self._told_apart(roots), self._plainly_two)
        return _named(self.people, rows, QUEUE)

    def _plainly_two(self, left: int, right: int, why: str) -> bool:
        """Different forenames and different identifiers: twins, or two people of one house; nobody need be asked."""
        one, other = self.joining.person(left), self.joining.person(right)
        return "forename: other" in why and one.numbers_differ(other)

    def unmatched_rows(self) -> pd.DataFrame:
        roots = self.joining.roots()
        alone = np.bincount(roots, minlength=len(roots))[roots] == 1
        nothing = np.ones(len(roots), dtype=bool)
        for kind in LINKING:
            nothing &= self.people[kind].isna().to_numpy()
        initials = only_initials(self.people) & self.people["dob"].notna().to_numpy() & _any_name(self.people)
        rows = [row for row in self.unmatched if row[2] != CONFLICT or self.doubtful[row[0]]]
        rows += [(int(n), "none", INITIALS_ONLY if initials[n] else NOTHING_TO_LINK)
                 for n in np.flatnonzero(nothing & alone)]  # fmt: skip
        sources, numbers = self.people["source"].tolist(), self.people["agency_person"].tolist()
        queue = pd.DataFrame(
            [(sources[node], numbers[node], kind, reason) for node, kind, reason in rows],
            columns=["source", "agency_person", "identifier", "reason"],
            dtype="str",
        )
        return queue.sort_values(list(queue.columns), ignore_index=True)


def _any_name(people: pd.DataFrame) -> np.ndarray:
    named = np.zeros(len(people), dtype=bool)
    for column in ("forename", "surname"):
        if column in people:
            named |= people[column].notna().to_numpy()
    return named


def _previous(people: pd.DataFrame, before: pd.DataFrame | None) -> np.ndarray:
    """For each record a number of the person it was last time; -1 for a new record."""
    if before is None or before.empty:
        return np.full(len(people), -1, dtype=np.int64)
    known: Mapping[tuple[str, str], str] = {
        (source, number): person
        for source, number, person in before[["source", "agency_person", "person_id"]].itertuples(index=False)
    }
    codes: dict[str, int] = {}
    found = np.full(len(people), -1, dtype=np.int64)
    for place, name in enumerate(zip(people["source"], people["agency_person"], strict=True)):
        if person := known.get(name):
            found[place] = codes.setdefault(person, len(codes))
    return found


def _as_pairs(pairs: pd.DataFrame) -> Pairs:
    return set(zip(pairs["left"].tolist(), pairs["right"].tolist(), strict=True))


def _joinable(pairs: pd.DataFrame) -> np.ndarray:
    """Pairs that the model alone may join, whatever their chance.

    Never without a birth date on both (fathers and sons share names and address), nor with two that differ by more
    than a slip, nor with different forenames (twins). Names that need several slips, or another surname, need an equal
    birth date and the same address.
    """
    equal, place = pairs["birth date"] == "equal", pairs["postcode"].isin(["equal", "one letter or digit"])
    birth = pairs["birth date"].isin(["equal", "day and month changed round", "one digit"])
    forename = ~pairs["forename"].isin(["other", "several slips", "missing"])
    turned = pairs["forename"] == "changed round with the surname"
    surname = turned | ~pairs["surname"].isin(["other", "several slips", "missing"])
    plain = pairs["forename"].isin(["equal", "short form or other spelling"])
    same_place = equal & place & ((surname & (pairs["forename"] == "several slips")) | (plain & ~surname))
    several = equal & place & forename & (pairs["surname"] == "several slips")
    return np.asarray((birth & forename & surname) | same_place | several, dtype=bool)


def _why(pair: pd.Series, refused: str) -> str:
    """What agrees and what does not, in the words of the levels: no value of anybody's."""
    told = "; ".join(f"{name}: {pair[name]}" for name in ("forename", "surname", "birth date", "postcode"))
    others = [f"{name}: {pair[name]}" for name in pair.index[7:] if pair[name] != "missing"]
    return "; ".join([*([refused] if refused else []), told, *others])


def _weakest(count: int, links: list[Link]) -> np.ndarray:
    """By root, the weakest of the strongest links that hold a person together; 1 for a record on its own."""
    parent, weakest = list(range(count)), np.ones(count)
    for link in sorted(links, key=lambda link: (-link.strength, link.left, link.right)):
        one, other = find(parent, link.left), find(parent, link.right)
        if one != other:
            root, child = min(one, other), max(one, other)
            parent[child] = root
            weakest[root] = min(weakest[one], weakest[other], link.strength)
    return weakest


def _named(people: pd.DataFrame, rows: list[Waiting], columns: tuple[str, ...]) -> pd.DataFrame:
    """Waiting pairs under their agencies' own numbers."""
    sources, numbers = people["source"].tolist(), people["agency_person"].tolist()
    return pd.DataFrame(
        [
            (
                *(text for end in (row.left, row.right) for text in (sources[end], numbers[end])),
                row.kind,
                row.why,
                row.chance,
            )
            for row in rows
        ],
        columns=list(columns),
    ).astype({"probability": "float64"})
