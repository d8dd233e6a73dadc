"""One settled partnership whose agencies write the same people with any noise, and again a quarter later.

For judging linkage: who is who is known, the careers are made once, and only the writing changes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from desist.records import codes
from desist.simulation.identities import (
    Numbers,
    ethnic_codes,
    identity,
    people_called,
    person_numbers,
    written_names,
)
from desist.simulation.misspelt import Writing
from desist.simulation.names import communities
from desist.simulation.noise import Noise
from desist.simulation.partnership import Partnership, Rows
from desist.simulation.people import YEAR_DAYS
from desist.simulation.truth_files import person_names
from desist.simulation.world import Calendar, Flags, World, date_of
from desist.simulation.write import settle, source_rows

#: What differs between two quarters, as shares: people new to all agencies, records new at one agency, records moved
#: to another address, records whose names are written another way. Chosen.
NEW_PEOPLE, NEW_RECORDS, MOVED, REWRITTEN = 0.02, 0.02, 0.03, 0.01


@dataclass(frozen=True)
class LinkageWorld:
    """A settled partnership; ``records`` writes down who is known to whom."""

    p: Partnership
    numbers: Mapping[str, Numbers]
    tables: Mapping[str, Mapping[str, Rows]]

    @classmethod
    def settled(cls, people: int, seed: int, world: World | None = None) -> LinkageWorld:
        p, _ = settle(people, seed, world or World(), Calendar())
        sources = {source: (who, tables) for source, who, tables in source_rows(p, "full")}
        numbers = {source: person_numbers(p, source, who) for source, (who, _) in sources.items()}
        return cls(p, numbers, {source: tables for source, (_, tables) in sources.items()})

    def records(self, noise: Noise) -> pd.DataFrame:
        """Every identity row of people whose records may be linked, with ``person``: who it truly is of.

        Of treatment only people who consent, as intake takes them.
        """
        p = replace(self.p, world=replace(self.p.world, noise=noise))
        called = people_called(p)
        parts = []
        for source, numbers in self.numbers.items():
            sent = identity(p, source, numbers, self.tables[source], called).to_pandas()
            sent = sent.assign(source=source, person=np.array(person_names(len(p.people)))[numbers.who])
            parts.append(sent[self._consents(source, numbers)])
        found = pd.concat(parts, ignore_index=True).astype(object)
        found["dob"] = found["dob"].map(str, na_action="ignore")
        written: pd.DataFrame = found.where(found.notna(), None)
        return written

    def quarters(self, noise: Noise) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The records of one quarter and of the next: new people, new records, moves, names written another way.

        ``unchanged`` marks, in the later one, records that were there before and are written as they were.
        """
        later, other = self.records(noise), self._written_again(noise)
        rng = self.p.draws("next quarter")
        new_people = {name for name in later["person"].unique() if rng.random() < NEW_PEOPLE}
        draws = {name: rng.random(len(later)) for name in ("new", "moved", "rewritten")}
        new = later["person"].isin(new_people).to_numpy() | (draws["new"] < NEW_RECORDS)
        moved = (draws["moved"] < MOVED) & later["postcode"].notna().to_numpy()
        rewritten = draws["rewritten"] < REWRITTEN
        earlier = later.copy()
        earlier.loc[rewritten, other.columns] = other[rewritten]
        places = later["postcode"].dropna().sample(frac=1, random_state=1).to_numpy()
        earlier.loc[moved, "postcode"] = places[: int(moved.sum())]
        # An empty cell is None in one of them and missing in the other once rows have been put in.
        same = (earlier.fillna("").astype(str) == later.fillna("").astype(str)).all(axis=1) & ~new
        return earlier[~new].reset_index(drop=True), later.assign(unchanged=same)

    @property
    def until(self) -> dt.date:
        """The extract date."""
        return date_of(self.p.cut)

    def characteristics(self) -> pd.DataFrame:
        """person, ethnicity (5+1), community of their name, sex and age band on the extract date, one row a person."""
        people, told = self.p.people, np.array(list(codes.ETHNICITY_5))[ethnic_codes(self.p)]
        names = [one.name.replace("_", " ") for one in communities()]
        ages = np.floor((self.p.cut - people.born) / YEAR_DAYS)
        bands = np.full(len(people), "under 18", dtype=object)
        for first, last in codes.AGE_BANDS:
            over = (first, last) == codes.AGE_BANDS[-1]
            bands[(ages >= first) & (ages < last + 1)] = f"{first} and over" if over else f"{first}-{last}"
        return pd.DataFrame({
            "person": person_names(len(people)),
            "ethnicity": [codes.ETHNICITY_5[code] for code in told],
            "community": [names[place] for place in people_called(self.p).community],
            "sex": np.where(people.female, "Female", "Male"),
            "age_band": bands,
        })  # fmt: skip

    def _consents(self, source: str, numbers: Numbers) -> Flags:
        if source != "treatment":
            return np.ones(len(numbers.who), dtype=bool)
        client = self.tables[source]["trt_client"]
        consent = np.asarray(client.table["consent"].to_pandas(), dtype=bool)
        return np.isin(numbers.who, client.who[consent])

    def _written_again(self, noise: Noise) -> pd.DataFrame:
        """Names of every record as another clerk writes them, in the order of ``records``."""
        p = replace(self.p, world=replace(self.p.world, noise=noise))
        again, called = replace(p, seed=p.seed + 1), people_called(p)
        parts = []
        for source, numbers in self.numbers.items():
            columns = written_names(source, Writing(again, source, numbers.who, called))
            named = pd.DataFrame({name: values.to_pandas() for name, values in columns.items()})
            parts.append(named[self._consents(source, numbers)])
        found = pd.concat(parts, ignore_index=True).astype(object)
        written: pd.DataFrame = found.where(found.notna(), None)
        return written
