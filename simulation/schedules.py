"""When each person is in custody, supervised, treated, housed, on a programme or on the IOM list.

Each of these is a set of half-open intervals of days. A person has a fixed number of places for each kind; a place is
free again once its interval has ended. What finds no free place is not given, and no file shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desist.simulation.people import NEVER, People
from desist.simulation.world import Flags, Floats, Ints, World

KINDS = ("custody", "supervised", "treated", "housed", "programme", "listed")
#: Places per kind. The first place of treated and housed is for what a person seeks of themselves.
PLACES = (8, 6, 5, 5, 4, 4)
PLACE_KIND = np.repeat(np.arange(len(KINDS)), PLACES)
OWN_PLACES = {"treated": 1, "housed": 1}
HOUSING_DAYS = 365


@dataclass
class Schedules:
    """First day and day after the last of every interval under way or to come: arrays places x people."""

    start: Ints
    end: Ints

    @classmethod
    def empty(cls, people: int) -> Schedules:
        """Nothing for anybody."""
        shape = (len(PLACE_KIND), people)
        return cls(np.full(shape, NEVER, dtype=np.int64), np.full(shape, NEVER, dtype=np.int64))

    def status(self, who: Ints, days: Ints) -> Ints:
        """What holds for each person on each day, as the sum of 2 ** position in KINDS."""
        holds = (self.start[:, who] <= days) & (days < self.end[:, who])
        code = np.zeros(len(who), dtype=np.int64)
        for kind in range(len(KINDS)):
            code |= holds[kind == PLACE_KIND].any(axis=0).astype(np.int64) << kind
        return code

    def has_room(self, kind: str, who: Ints, now: int, places: int = 1) -> Flags:
        """Whether so many places for the kind have ended by day ``now``."""
        rows = _places(kind)
        return np.asarray((self.end[np.ix_(rows, who)] <= now).sum(axis=0) >= places)

    def add(self, kind: str, who: Ints, start: Ints, end: Ints, now: int) -> Flags:
        """Put an interval in a free place of each person (``who`` has no repeats); whether there was one."""
        rows = _places(kind)
        ends = self.end[np.ix_(rows, who)]
        place = rows[ends.argmin(axis=0)]
        free = ends.min(axis=0) <= now
        self.start[place[free], who[free]] = start[free]
        self.end[place[free], who[free]] = end[free]
        return np.asarray(free)

    def add_own(self, people: People, joining: Ints) -> None:
        """Put in what people seek of themselves."""
        first = {kind: int(np.flatnonzero(KINDS.index(kind) == PLACE_KIND)[0]) for kind in OWN_PLACES}
        treatment, housing = people.own_treatment_start[joining], people.own_housing_start[joining]
        self.start[first["treated"], joining] = treatment
        self.end[first["treated"], joining] = people.own_treatment_end[joining]
        self.start[first["housed"], joining] = housing
        self.end[first["housed"], joining] = np.where(housing == NEVER, NEVER, housing + HOUSING_DAYS)


def _places(kind: str) -> Ints:
    rows = np.flatnonzero(KINDS.index(kind) == PLACE_KIND)
    return rows[OWN_PLACES.get(kind, 0) :]


def status_codes() -> Flags:
    """Which kinds a status code holds (codes x kinds); supervision and listing do not act in custody."""
    bits = (np.arange(2 ** len(KINDS))[:, None] >> np.arange(len(KINDS))) & 1 == 1
    in_custody = bits[:, KINDS.index("custody")]
    for kind in ("supervised", "listed"):
        bits[in_custody, KINDS.index(kind)] = False
    return np.asarray(bits)


def offending_factor(world: World) -> Floats:
    """What is left of the offending rate under each status code."""
    falls = np.array([
        world.custody_stops, world.supervision_reduces, world.treatment_reduces, world.housing_reduces,
        world.programme_reduces, world.listing_reduces,
    ])  # fmt: skip
    return np.asarray(np.where(status_codes(), 1 - falls, 1.0).prod(axis=1))


def detection_status(codes: Ints) -> Ints:
    """Row of people.status_detection for each status code: 0 neither, 1 supervised, 2 listed, 3 both."""
    holds = status_codes()
    return np.asarray(holds[codes, KINDS.index("supervised")] + 2 * holds[codes, KINDS.index("listed")])
