"""Copies of a store in which what was recorded on or after an as-of date is other than it was.

Nothing recorded before the date is touched, so whoever stands on the date may not notice. A *row* is later when it
was recorded on or after the date; a *fact* is later when its row is not, but a field of it was learnt then (the end
of a spell, say, with a recorded date of its own).
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from desist.intake.holding.store import Store
from desist.intake.terms.contracts import CONTRACTS, Column, Contract

#: Rows appended to a table: a quarter of those it holds, but never fewer than this, so that small tables are tested.
ROWS_AT_LEAST = 400
#: People who do not exist, added so that nobody comes into scope by what is recorded later.
NEW_PEOPLE = 100
#: Appended rows are about members of the cohort, about anybody, and about new people, in these shares.
ABOUT = (0.5, 0.4, 0.1)
#: Drawn events happened at most this many days before the as-of date; half of them within the shorter time, so that
#: spells are still open and short look-backs are met.
HAPPENED_DAYS, OFTEN_WITHIN_DAYS = 5 * 365, 365
#: A drawn date lies at most this many days after the date it cannot precede; half of them within the shorter time.
LATER_DAYS, OFTEN_LATER_DAYS = 400, 30
#: The share of drawn cells left blank, where a cell may be blank: of what is learnt with the row, and of what is
#: learnt later, so that many spells are still open.
BLANK, BLANK_LATER = 0.2, 0.6

#: Columns that say where a row comes from and what it is; they stay, or the row would not be read at all.
_KEPT = ("agency_person", "subject_category", "record_kind", "recorded_on")

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Counts:
    """Rows, and facts learnt later of earlier rows, that were changed in one table."""

    rows: int
    facts: int

    @property
    def tested(self) -> bool:
        return self.rows + self.facts > 0


@dataclass(frozen=True)
class Held:
    """What a store holds, as somebody on the as-of date may not see it: all of it."""

    tables: Mapping[str, pd.DataFrame]
    links: pd.DataFrame
    snapshots: Mapping[str, dt.date]

    @classmethod
    def of(cls, store: Store) -> Held:
        """Everything in a store. Raises Refused while it is not linked."""
        links, _ = store.links()
        snapshots = {source: store.snapshot_date(source) for source in store.sources()}
        return cls({table: store.read(table) for table in store.tables()}, links, snapshots)


@dataclass(frozen=True)
class Changed:
    """A store's content after one perturbation, what was done to it, and who in it does not exist.

    ``snapshot``: the day the agencies' extracts are said to be cut at most, where that changed too.
    """

    tables: Mapping[str, pd.DataFrame]
    links: pd.DataFrame
    counts: Mapping[str, Counts]
    new_people: frozenset[str] = frozenset()
    snapshot: dt.date | None = None


@dataclass(frozen=True)
class Part:
    """One table on one as-of date, with its own draws: the same seed gives the same rows whatever tables lie beside."""

    table: str
    rows: pd.DataFrame
    as_of: dt.date
    snapshot: dt.date
    seed: int
    contract: Contract = field(init=False)
    draw: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "contract", CONTRACTS[self.table])
        words = [self.seed, self.as_of.toordinal(), zlib.crc32(self.table.encode())]
        object.__setattr__(self, "draw", np.random.default_rng(words))

    @cached_property
    def later(self) -> npt.NDArray[np.bool_]:
        """Rows recorded on or after the as-of date."""
        return np.asarray(self.rows["recorded_on"] >= pd.Timestamp(self.as_of))

    @cached_property
    def stamps(self) -> dict[str, list[str]]:
        """Recorded date of its own -> the fields learnt on it, of those the agency sends."""
        found: dict[str, list[str]] = {}
        for column in self.contract.columns:
            if column.known_from and column.name in self.rows:
                found.setdefault(column.known_from, []).append(column.name)
        return found

    def learnt_later(self, stamp: str) -> npt.NDArray[np.bool_]:
        """Earlier rows with something learnt on or after the as-of date; without a stamp, on the snapshot date."""
        said = self.rows[self.stamps[stamp]].notna().any(axis=1)
        when = self._stamp(stamp).mask(said & self._stamp(stamp).isna(), pd.Timestamp(self.snapshot))
        return np.asarray(when >= pd.Timestamp(self.as_of)) & ~self.later

    def never_learnt(self, stamp: str) -> npt.NDArray[np.bool_]:
        """Earlier rows of which nothing was learnt by the snapshot (an open spell, a referral without an offer)."""
        said = self.rows[self.stamps[stamp]].notna().any(axis=1)
        return np.asarray(~said & self._stamp(stamp).isna()) & ~self.later

    def _stamp(self, stamp: str) -> pd.Series:
        if stamp in self.rows:
            return self.rows[stamp]
        return pd.Series(pd.NaT, index=self.rows.index, dtype="datetime64[us]")

    @property
    def later_facts(self) -> int:
        """Earlier rows' fields, counted by stamp, that were learnt on or after the as-of date."""
        return sum(int(self.learnt_later(stamp).sum()) for stamp in self.stamps)

    # --- draws

    def recorded(self, count: int) -> Days:
        """Days on which something later was recorded: a quarter of them the as-of date itself, the others after it."""
        first = np.datetime64(self.as_of, "D")
        last = max(self.snapshot, self.as_of + dt.timedelta(days=30))
        after = self.draw.integers(1, (last - self.as_of).days + 1, size=count)
        return np.asarray(first + np.where(self.draw.random(count) < 0.25, 0, after))

    def happened(self, known: Days) -> Days:
        """Event days: mostly before the as-of date, some on the day before and on it, some up to the recorded day."""
        first = np.datetime64(self.as_of, "D")
        longest = np.where(self.draw.random(len(known)) < 0.5, OFTEN_WITHIN_DAYS, HAPPENED_DAYS)
        before = -self.draw.integers(1, longest + 1)
        after = (self.draw.random(len(known)) * ((known - first).astype(int) + 1)).astype(int)
        kind = self.draw.choice(4, p=(0.6, 0.1, 0.1, 0.2), size=len(known))
        return np.asarray(first + np.choose(kind, [before, np.full_like(before, -1), np.zeros_like(before), after]))

    def redrawn(self, rows: pd.DataFrame, names: Sequence[str], known: Days) -> pd.DataFrame:
        """These rows with other values in the named columns, as known on the days given.

        Dates keep the order of their contract; other values are those that the table or its code list has.
        """
        made = rows.copy()
        for column in self.contract.columns:
            if column.name in names and column.name in made:
                values = self._days(column, made, known) if column.kind == "date" else self._values(column, len(made))
                made[column.name] = pd.Series(values, index=made.index).astype(rows[column.name].dtype)
        return made

    def with_blanks(self, rows: pd.DataFrame) -> pd.DataFrame:
        """These rows with some cells blank that may be."""
        made = rows.copy()
        for column in self.contract.columns:
            if column.name in self.drawn_columns() and column.name in made and not column.required:
                share = BLANK_LATER if column.known_from else BLANK
                made[column.name] = made[column.name].mask(self.draw.random(len(made)) < share)
        return made

    def _days(self, column: Column, rows: pd.DataFrame, known: Days) -> Days:
        base = column.not_before if column.not_before in rows else ""
        if not base:
            return self.happened(known).astype("datetime64[us]")
        start = rows[base].to_numpy().astype("datetime64[D]")
        days = np.where(np.isnat(start), self.happened(known), start)
        longest = np.where(self.draw.random(len(rows)) < 0.5, OFTEN_LATER_DAYS, LATER_DAYS)
        days = days + self.draw.integers(0, longest + 1)
        return np.asarray(days if column.plan else np.minimum(days, known)).astype("datetime64[us]")

    def _values(self, column: Column, count: int) -> npt.NDArray[np.object_]:
        if column.name in self.contract.key:
            return np.array([f"made-up-{number}" for number in self.draw.permutation(count)], dtype=object)
        pool = dict.fromkeys([*column.codes, *self.rows[column.name].dropna().unique().tolist()])
        values = np.array([*pool] or [None], dtype=object)
        return values[self.draw.integers(0, len(values), count)]

    def drawn_columns(self) -> list[str]:
        """What a row says, without where it comes from and without recorded dates."""
        return [name for name in self.contract.names if name not in _KEPT and name not in self.stamps]

    def made_on(self, rows: pd.DataFrame, known: Days) -> pd.DataFrame:
        """These rows drawn anew as recorded on the days given, with what is learnt later learnt then or after it."""
        drawn = self.with_blanks(self.redrawn(rows, self.drawn_columns(), known))
        made = drawn.assign(recorded_on=known.astype("datetime64[us]"))
        for stamp, fields in self.stamps.items():
            if stamp in made:
                said = made[fields].notna().any(axis=1)
                when = np.maximum(known, self.recorded(len(made))).astype("datetime64[us]")
                made[stamp] = pd.Series(when, index=made.index).where(said)
        return made


# --- the three perturbations


class Perturb(Protocol):
    """What a store holds, otherwise: ``members`` is the cohort of the date, of whom most is to be changed."""

    def __call__(self, held: Held, as_of: dt.date, members: Sequence[str], *, seed: int) -> Changed: ...


def appended(held: Held, as_of: dt.date, members: Sequence[str], *, seed: int) -> Changed:
    """With made-up further rows and facts, all recorded on or after the as-of date.

    Half the rows are new ones, half are rows held already, recorded once more. They are about people in the cohort,
    others, and new ones; an agency that did not know somebody knows them by it, and since then.
    """
    everybody = [*dict.fromkeys(held.links["person_id"])]
    new = [f"made-up-{number:04d}" for number in range(NEW_PEOPLE)]
    links = [held.links]
    tables, counts = {}, {}
    for part in _parts(held, as_of, seed):
        source = part.contract.sources[0]
        rows, facts = _with_facts(part)
        more = part.rows.iloc[:0]
        if len(part.rows):
            wanted = max(ROWS_AT_LEAST, len(part.rows) // 4)
            people = _about(part, [members or everybody, everybody, new], wanted - wanted // 2)
            numbers, known_by_now = _numbers(links, source, people)
            more = pd.concat([_new_rows(part, numbers), _again(part, wanted // 2)], ignore_index=True)
            links.append(known_by_now)
        tables[part.table] = pd.concat([rows, more], ignore_index=True)
        counts[part.table] = Counts(len(more), facts)
    return Changed(tables, pd.concat(links, ignore_index=True), counts, frozenset(new))


def moved(held: Held, as_of: dt.date, members: Sequence[str], *, seed: int) -> Changed:
    """With other event dates, recorded dates (still on or after the as-of date) and values in later rows and facts."""
    tables, counts = {}, {}
    for part in _parts(held, as_of, seed):
        later, rows = part.rows[part.later], part.rows.copy()
        facts = 0
        for stamp, fields in part.stamps.items():
            facts += _learn(part, rows, stamp, fields, part.learnt_later(stamp))
        known = part.recorded(len(later))
        other = part.made_on(later, known)
        tables[part.table] = pd.concat([rows[~part.later], other], ignore_index=True)
        counts[part.table] = Counts(len(later), facts)
    return Changed(tables, held.links, counts)


def hidden(held: Held, as_of: dt.date, members: Sequence[str], *, seed: int) -> Changed:
    """Without later rows and facts: what extracts cut on the day before the as-of date would have shown.

    A source of which every row about a person is later does not know them. Links that contradict each other stay:
    who is the same person is judged once, with all that is known.
    """
    tables, counts = {}, {}
    before: dict[str, set[str]] = {}
    after: dict[str, set[str]] = {}
    for part in _parts(held, as_of, seed):
        source, rows = part.contract.sources[0], part.rows.copy()
        for stamp, fields in part.stamps.items():
            gone = part.learnt_later(stamp)
            for name in (*fields, *([stamp] if stamp in rows else ())):
                rows[name] = rows[name].mask(gone)
        tables[part.table] = rows[~part.later].reset_index(drop=True)
        counts[part.table] = Counts(int(part.later.sum()), part.later_facts)
        before.setdefault(source, set()).update(rows["agency_person"])
        after.setdefault(source, set()).update(tables[part.table]["agency_person"])
    lost = {(source, number) for source, numbers in before.items() for number in numbers - after[source]}
    pairs = zip(held.links["source"], held.links["agency_person"], held.links["confirmed"], strict=True)
    kept = [not sure or (source, number) not in lost for source, number, sure in pairs]
    return Changed(tables, held.links[kept].reset_index(drop=True), counts, snapshot=as_of - dt.timedelta(days=1))


def _parts(held: Held, as_of: dt.date, seed: int) -> list[Part]:
    return [
        Part(table, rows.reset_index(drop=True), as_of, held.snapshots[CONTRACTS[table].sources[0]], seed)
        for table, rows in sorted(held.tables.items())
    ]


def _with_facts(part: Part) -> tuple[pd.DataFrame, int]:
    """Half the earlier rows of which nothing was learnt learn something now; and how many."""
    rows, facts = part.rows.copy(), 0
    for stamp, fields in part.stamps.items():
        if stamp in rows:
            chosen = part.never_learnt(stamp) & (part.draw.random(len(rows)) < 0.5)
            facts += _learn(part, rows, stamp, fields, chosen)
    return rows, facts


def _learn(part: Part, rows: pd.DataFrame, stamp: str, fields: list[str], where: npt.NDArray[np.bool_]) -> int:
    """Draw what was learnt anew in ``rows``, recorded on or after the as-of date; returns how many."""
    count = int(where.sum())
    if count:
        known = part.recorded(count)
        drawn = part.redrawn(rows[where], fields, known)
        for name in fields:
            rows.loc[where, name] = drawn[name]
        if stamp in rows:
            rows.loc[where, stamp] = known.astype("datetime64[us]")
    return count


def _about(part: Part, groups: Sequence[Sequence[str]], count: int) -> list[str]:
    """Whom appended rows are about, in the shares of ``ABOUT``."""
    kind = part.draw.choice(len(groups), p=ABOUT, size=count)
    places = part.draw.random(count)
    return [groups[group][int(place * len(groups[group]))] for group, place in zip(kind, places, strict=True)]


def _numbers(links: Sequence[pd.DataFrame], source: str, people: Sequence[str]) -> tuple[list[str], pd.DataFrame]:
    """The agency's numbers of these people, and links for those it had none of."""
    own = pd.concat([part[part["source"] == source] for part in links])
    numbers = dict(zip(own["person_id"], own["agency_person"], strict=True))
    unknown = [person for person in dict.fromkeys(people) if person not in numbers]
    numbers.update({person: f"made-up-{person}" for person in unknown})
    known_by_now = pd.DataFrame(
        {
            "source": source,
            "agency_person": [numbers[person] for person in unknown],
            "person_id": unknown,
            "method": "leakage check",
            "weight": 1.0,
            "confirmed": True,
            "doubt": 0.0,
        }
    ).astype(links[0].dtypes.to_dict())
    return [numbers[person] for person in people], known_by_now


def _new_rows(part: Part, numbers: Sequence[str]) -> pd.DataFrame:
    """One made-up row for each of the agency's numbers."""
    places = part.draw.integers(0, len(part.rows), len(numbers))
    rows = part.rows.iloc[places].reset_index(drop=True)
    rows["agency_person"] = pd.Series(list(numbers)).astype(part.rows["agency_person"].dtype)
    known = part.recorded(len(rows))
    return part.made_on(rows, known)


def _again(part: Part, count: int) -> pd.DataFrame:
    """Rows held already, recorded once more on or after the as-of date."""
    earlier = np.flatnonzero(~part.later)
    among = earlier if len(earlier) else np.arange(len(part.rows))
    rows = part.rows.iloc[among[part.draw.integers(0, len(among), count)]].reset_index(drop=True)
    return rows.assign(recorded_on=part.recorded(count).astype("datetime64[us]"))


# --- back into files


def write_changed(store: Store, changed: Changed) -> None:
    """Put the changed content into ``store``, a copy, in place of what it holds; its hashes change with it."""
    manifest = store.manifest()
    for table, rows in changed.tables.items():
        schema = store.read_arrow(table).schema
        extract = manifest["extracts"][f"{CONTRACTS[table].sources[0]}/{table}"][0]
        written = pa.Table.from_pandas(rows, schema=schema, preserve_index=False).replace_schema_metadata(None)
        extract["partitions"] = store.write_rows(table, written)
    for history in manifest["extracts"].values() if changed.snapshot else ():
        cut = dt.date.fromisoformat(history[0]["extract_date"])
        history[0]["extract_date"] = min(cut, changed.snapshot or cut).isoformat()
    store.commit(manifest, because="leakage check")
    store.write_links(changed.links)
