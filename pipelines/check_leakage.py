"""``desist check leakage``: nothing recorded on or after an as-of date moves a profile, a list or an estimate.

Copies of the store are made in which what was recorded on or after the date is appended, moved and hidden
(``later_facts``). From each copy the caseload, its profiles, its list and, under a release in force, its estimates are
made as the other commands make them, and compared cell by cell. The workspace itself is only read.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from desist.fairness.approval.release import Release
from desist.features.events import Events
from desist.features.language import tables_read
from desist.features.population import caseload_facts, support_waiting
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.pipelines.estimates import estimate
from desist.pipelines.gate import open_release
from desist.pipelines.ground import Built, Ground, check_made_up, load_ground_of_copy, profiles_now
from desist.pipelines.later_facts import Changed, Held, Perturb, appended, hidden, moved, write_changed
from desist.pipelines.leakage_report import Check, Difference, LeakageCheck, Perturbed
from desist.pipelines.score import in_order
from desist.pipelines.session import Session
from desist.records.errors import Refused, Withheld
from desist.records.workspace import Workspace

#: What is done to records made on or after the date, in this order.
PERTURBATIONS: Mapping[str, Perturb] = {"append": appended, "move": moved, "hide": hidden}
#: Without ``--as-of`` the check stands this long before the snapshot, so that there is something later to change.
YEARS_BEFORE_SNAPSHOT = 1


def check_leakage(session: Session, as_of_dates: Sequence[dt.date], *, seed: int) -> LeakageCheck:
    """What was compared on each as-of date and what differed; one year before the snapshot where no date is given.

    Raises Refused where nobody is in scope on a date: a comparison of nothing shows nothing. Estimates are compared,
    in memory, only under a release that holds; none is written.
    """
    with _copied(session) as plain:
        held = Held.of(Store(plain.store))
        snapshot = min(held.snapshots.values())
        days = [*dict.fromkeys(as_of_dates)] or [_years_before(snapshot, YEARS_BEFORE_SNAPSHOT)]
        release = _release(session)
        checks = [
            _check(replace(session, workspace=plain), held, release, as_of, vault=session.workspace.vault, seed=seed)
            for as_of in days
        ]
    return LeakageCheck(tuple(checks), snapshot, seed, chosen=not as_of_dates, release=release.id if release else "")


@contextmanager
def _copied(session: Session) -> Iterator[Workspace]:
    """A workspace that holds a copy of the store, and of features.toml, for as long as the check runs."""
    with tempfile.TemporaryDirectory(prefix="desist-leakage-") as folder:
        copy = Workspace(Path(folder) / "plain")
        with session.workspace.lock():
            store = Store(session.workspace.store, session.workspace.quarantine)
            store.links()
            session.say(f"Copying the store to {folder}; the workspace itself is only read ...")
            shutil.copytree(store.root, copy.store)
            if session.workspace.features.exists():
                shutil.copy(session.workspace.features, copy.features)
        yield copy


def _years_before(day: dt.date, years: int) -> dt.date:
    return (pd.Timestamp(day) - pd.DateOffset(years=years)).date()


def _release(session: Session) -> Release | None:
    """The release in force; None while the gate withholds, and then no estimate is made."""
    try:
        return open_release(session)
    except Withheld:
        return None


class _AdultVault(Vault):
    """The vault, for which people who do not exist are adults: a made-up birth date must not hide a leak."""

    def __init__(self, path: Path, new_people: frozenset[str]) -> None:
        super().__init__(path)
        self._new_people = new_people

    def is_adult(self, person_ids: Sequence[str], on: dt.date) -> pd.Series:
        said = super().is_adult(person_ids, on)
        return said.mask(said.index.isin(self._new_people), True)


# --- one date


def _check(session: Session, held: Held, release: Release | None, as_of: dt.date, *, vault: Path, seed: int) -> Check:
    """One as-of date: what is seen of the copy as it is, and after each perturbation."""
    session.say(f"As of {as_of}: the store as it is ...")
    plain = load_ground_of_copy(session)
    before = see(session, replace(plain, vault=Vault(vault)), as_of, release)
    members = before.built.cohort.members["person_id"].astype(str).tolist()
    if not members:
        raise Refused(f"Nobody is in scope on {as_of}, so there is nothing to compare. Choose a later --as-of date.")
    found, control = [], None
    for name, perturb in PERTURBATIONS.items():
        session.say(f"As of {as_of}: {name} what was recorded on or after it ...")
        changed = perturb(held, as_of, members, seed=seed)
        with _rewritten(session, changed) as copy:
            ground = load_ground_of_copy(copy)
            ground = replace(ground, register=plain.register, vault=_AdultVault(vault, changed.new_people))
            after = see(copy, ground, as_of, release)
            if control is None:
                early = replace(ground, events=recorded_by(ground.events, as_of))
                control = tuple(differences(before, see(copy, early, as_of, None)))
        found.append(Perturbed(name, changed.counts, before.compared(), tuple(differences(before, after))))
    return Check(
        as_of=as_of,
        people=len(members),
        left_out=len(before.built.cohort.left_out),
        features={name: before.reads.get(name, ()) for name in before.built.profiles.features},
        control=control or (),
        rows={table: len(rows) for table, rows in held.tables.items()},
        perturbed=tuple(found),
    )


@contextmanager
def _rewritten(session: Session, changed: Changed) -> Iterator[Session]:
    """A session in a second copy, which holds the changed rows and is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=session.workspace.root.parent) as folder:
        copy = Workspace(Path(folder))
        shutil.copytree(session.workspace.store, copy.store)
        write_changed(Store(copy.store), changed)
        yield replace(session, workspace=copy)


def recorded_by(events: Events, as_of: dt.date) -> Events:
    """The events as if whatever was recorded on or after the as-of date had been recorded on the day before it.

    What this moves, the check would have found, had it been seen: the control that tells where it could have failed.
    """
    last = as_of - dt.timedelta(days=1)
    tables = {}
    for name, table in events.tables.items():
        stamps = ("recorded_on", *dict.fromkeys(events.contracts[name].learnt_later.values()))
        later = {stamp: table[stamp] >= pd.Timestamp(as_of) for stamp in stamps}
        tables[name] = table.assign(**{stamp: table[stamp].mask(later[stamp], pd.Timestamp(last)) for stamp in stamps})
    known = {
        source: {person: min(since, last) for person, since in people.items()}
        for source, people in events.known.items()
    }
    return replace(events, tables=tables, known=known)


# --- what is seen


@dataclass(frozen=True)
class Seen:
    """What the commands show on the as-of date: profiles, list, needs waiting, and estimates where a release holds.

    ``reads``: the event tables that each feature asks.
    """

    built: Built
    listed: pd.DataFrame
    waiting: pd.DataFrame
    estimates: pd.DataFrame | None
    reads: Mapping[str, tuple[str, ...]]

    def compared(self) -> dict[str, int]:
        """How many cells there are to compare, by what they are part of."""
        told = {
            "people": len(self.built.cohort.members) + len(self.built.cohort.left_out),
            "profile cells": len(self.built.profiles.table) * len(self.built.profiles.features),
            "list cells": self.listed.size,
            "needs waiting": len(self.waiting),
        }
        return told if self.estimates is None else told | {"estimates": len(self.estimates)}


def see(session: Session, ground: Ground, as_of: dt.date, release: Release | None) -> Seen:
    """What ``build``, ``score`` and ``list`` would show on the as-of date, in memory; nothing is written."""
    built = profiles_now(session, ground, as_of)
    members = built.cohort.members
    estimates = None
    if release is not None:
        check_made_up(session, ground)
        scores, made = estimate(release, ground, built, as_of)
        estimates = scores[["person_id", "score"]].assign(
            **{
                name: [getattr(made[person], name) for person in scores["person_id"]]
                for name in ("step", "tags", "reasons", "why_none")
            }
        )
    return Seen(
        built=built,
        listed=in_order(caseload_facts(ground.events, members, as_of)),
        waiting=support_waiting(ground.events, members, as_of),
        estimates=estimates,
        reads={one.name: tuple(sorted(tables_read([one.definition]))) for one in ground.register.used},
    )


def differences(before: Seen, after: Seen) -> Iterator[Difference]:
    """Every place in which the two differ, with how many of its cells do; no person, no value."""
    old, new = before.built, after.built
    yield from _people("who is in the cohort", old.cohort.members, new.cohort.members, "index_date")
    yield from _people("who is left out", old.cohort.left_out, new.cohort.left_out, "reason")
    for found in _cells("feature", old.profiles.table, new.profiles.table):
        yield replace(found, reads=before.reads.get(found.place.removeprefix("feature "), ()))
    yield from _cells("list of cases to review,", before.listed, after.listed)
    yield from _order("list of cases to review, order", before.listed, after.listed, ["person_id"])
    waits, waits_after = _in_one(before.waiting), _in_one(after.waiting)
    yield from _people("list of support waiting", waits, waits_after, "told", key=("person_id", "need"))
    yield from _order("list of support waiting, order", waits, waits_after, ["person_id", "need"])
    if before.estimates is not None and after.estimates is not None:
        yield from _cells("estimates,", before.estimates, after.estimates)


def _in_one(waiting: pd.DataFrame) -> pd.DataFrame:
    """Needs waiting by person and need, with all that the list tells of each in one column."""
    told = zip(*(_repeatable(waiting[name]) for name in waiting), strict=True)
    return waiting[["person_id", "need"]].assign(told=[" ".join(texts) for texts in told])


def _people(
    place: str, before: pd.DataFrame, after: pd.DataFrame, column: str, key: Sequence[str] = ("person_id",)
) -> Iterator[Difference]:
    """Who came in, who went, and of whom ``column`` differs."""
    left = _repeatable(before.set_index(list(key))[column])
    right = _repeatable(after.set_index(list(key))[column])
    common = left.index.intersection(right.index)
    changed = int((left[common].to_numpy() != right[common].to_numpy()).sum())
    count = changed + len(left) + len(right) - 2 * len(common)
    if count:
        yield Difference(place, count, len(left))


def _cells(place: str, before: pd.DataFrame, after: pd.DataFrame) -> Iterator[Difference]:
    """Each column in which people who are in both differ, and how many of them do."""
    left, right = before.set_index("person_id"), after.set_index("person_id")
    common = left.index.intersection(right.index)
    for name in left.columns:
        one, other = (_repeatable(frame.loc[common, name]).to_numpy() for frame in (left, right))
        if count := int((one != other).sum()):
            yield Difference(f"{place} {name}", count, len(common))


def _order(place: str, before: pd.DataFrame, after: pd.DataFrame, key: list[str]) -> Iterator[Difference]:
    """How many places of the order hold somebody else, among those who are on both lists."""
    left, right = (pd.MultiIndex.from_frame(frame[key].astype("str")) for frame in (before, after))
    left, right = left[left.isin(right)], right[right.isin(left)]
    count = int(np.sum(left.to_numpy() != right.to_numpy()))
    if count:
        yield Difference(place, count, len(left))


def _repeatable(values: pd.Series) -> pd.Series:
    """Values as text, so that missing equals missing and lists can be compared; numbers keep every digit."""
    return values.map(repr).astype("str")
