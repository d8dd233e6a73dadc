"""What the made-up people are called: names by community from Faker's lists, put together by our own draws.

Faker gives lists alone (its maintainers keep them by locale); nothing is drawn by it, so that one seed gives one
partnership as long as the locked version stays. Twins share surname and address. Nobody is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from desist.records import codes
from desist.simulation.partnership import Partnership
from desist.simulation.world import Flags, Floats, Ints, toml_data

Texts = npt.NDArray[np.object_]

ALIAS_SHARE = 0.04
#: Other spellings are shorter than this only where a list of spellings has them.
SHORTEST = 3


@dataclass(frozen=True)
class Pool:
    """Names, and the running sum of how common each is."""

    names: Texts
    upto: Floats

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> Pool:
        total = np.cumsum(list(weights.values()))
        return cls(np.array(list(weights), dtype=object), np.asarray(total / total[-1]))

    def at(self, draws: Floats) -> Texts:
        """A name for each draw from 0 to 1."""
        return self.names[np.minimum(np.searchsorted(self.upto, draws, side="right"), len(self.names) - 1)]


@dataclass(frozen=True)
class Community:
    """The names of one community, and how they are put together."""

    name: str
    female: Pool
    male: Pool
    surname: Pool
    second: float
    two_surnames: float
    transliterated: bool


@dataclass(frozen=True)
class Called:
    """What each person is truly called; ``second`` and ``alias`` are empty text for those who have none.

    ``community``: place in ``communities()``; ``twin_of``: the twin, brother, sister or father whose address a person
    shares, else the person. ``no_day``: papers state 1 January; ``hostel``: the address is one that many share.
    """

    community: Ints
    forename: Texts
    second: Texts
    surname: Texts
    other_surname: Texts
    alias: Texts
    twin_of: Ints
    no_day: Flags
    hostel: Flags


def _data() -> dict[str, Any]:
    return toml_data("names.toml")


@cache
def communities() -> tuple[Community, ...]:
    """Every community of simulation/data/names.toml, in its order."""
    return tuple(_community(name, told) for name, told in _data()["community"].items())


def _community(name: str, told: Mapping[str, Any]) -> Community:
    female, male, surname = (dict(_listed(told, kind)) for kind in ("female", "male", "surname"))
    share = float(told.get("common_share", 0.0))
    forenames = float(told.get("common_forename_share", 0.0))
    return Community(
        name,
        Pool.of(_with_common(female, told.get("common_female", []), forenames)),
        Pool.of(_with_common(male, told.get("common_male", []), forenames)),
        Pool.of(_with_common(surname, told.get("common_surname", []), share)),
        second=float(told["second"]),
        two_surnames=float(told.get("two_surnames", 0.0)),
        transliterated=bool(told.get("transliterated", False)),
    )


def _with_common(weights: Mapping[str, float], common: Sequence[str], share: float) -> dict[str, float]:
    """The list with ``share`` of all its weight on the common names, alike."""
    if not common or not share:
        return dict(weights)
    total = sum(weights.values()) or 1.0
    found = {name: weight / total * (1 - share) for name, weight in weights.items()}
    for name in common:
        found[name] = found.get(name, 0.0) + share / len(common)
    return found


def _listed(told: Mapping[str, Any], kind: str) -> Iterator[tuple[str, float]]:
    """Each name of a kind in the community's locales, with its weight there, no name twice."""
    seen: set[str] = set()
    for locale in told["locale"]:
        provider = import_module(f"faker.providers.person.{locale}").Provider
        for name, weight in _of_kind(provider, kind, tuple(told.get("female_ends", ()))):
            if name not in seen and "," not in name and '"' not in name:
                seen.add(name)
                yield name, weight


def _of_kind(provider: Any, kind: str, female_ends: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    lists = {
        "female": ("first_names_female",),
        "male": ("first_names_male",),
        "surname": ("last_names", "unisex_last_names", "last_names_male"),
    }[kind]
    found = [value for name in lists if (value := getattr(provider, name, None)) and len(value) > 1]
    if not found:
        mixed = provider.first_names
        female = [name.endswith(female_ends) if female_ends else False for name in mixed]
        chosen = [name for name, is_female in zip(mixed, female, strict=True) if is_female == (kind == "female")]
        # A list that does not tell women's names apart is taken for both.
        found = [chosen or list(mixed)]
    values = found[0]
    yield from values.items() if isinstance(values, dict) else ((name, 1.0) for name in values)


def called(p: Partnership, ethnic: Ints) -> Called:
    """What everybody is called. ``ethnic``: place in codes.ETHNICITY_5 of each person's ethnicity."""
    count, rng = len(p.people), p.draws("called")
    community = _community_of(ethnic, rng.random(count))
    twin_of = _twins(p, ethnic, p.draws("twins"))
    community = community[twin_of]
    draws = {name: rng.random(count) for name in ("first", "second", "last", "last2", "other", "alias", "has", "two")}
    has_alias = rng.random(count) < ALIAS_SHARE
    first, second, last, other, alias = (np.full(count, "", dtype=object) for _ in range(5))
    for place, one in enumerate(communities()):
        for female, pool in ((True, one.female), (False, one.male)):
            rows = np.flatnonzero((community == place) & (p.people.female == female))
            first[rows] = pool.at(draws["first"][rows])
            twice = rows[draws["has"][rows] < one.second]
            second[twice] = pool.at(draws["second"][twice])
        rows = np.flatnonzero(community == place)
        last[rows] = one.surname.at(draws["last"][rows])
        other[rows] = one.surname.at(draws["other"][rows])
        double = rows[draws["two"][rows] < one.two_surnames]
        last[double] = last[double] + " " + one.surname.at(draws["last2"][double])
        named = rows[has_alias[rows]]
        alias[named] = one.surname.at(draws["alias"][named])
    second[second == first] = ""
    last = last[twin_of]
    _tell_twins_apart(p, community, first, twin_of)
    nobody = np.zeros(count, dtype=bool)
    return Called(community, first, second, last, other, alias, twin_of, nobody, nobody)


def _community_of(ethnic: Ints, draw: Floats) -> Ints:
    known = [one.name for one in communities()]
    found = np.zeros(len(ethnic), dtype=np.int64)
    for number, code in enumerate(codes.ETHNICITY_5):
        shares = _data()["communities"].get(code)
        member = ethnic == number
        if shares and member.any():
            places = np.array([known.index(name) for name in shares])
            upto = np.cumsum(list(shares.values()))[:-1]
            found[member] = places[np.searchsorted(upto, draw[member], side="right")]
    return found


def _twins(p: Partnership, ethnic: Ints, rng: np.random.Generator) -> Ints:
    """For each person the twin whose surname and address they share, or themselves.

    Twins are drawn among people who happen to be born on one day and of one ethnicity: so nobody's career moves.
    """
    count, born = len(p.people), p.people.born
    order = np.lexsort((np.arange(count), ethnic, born))
    alike = (born[order][1:] == born[order][:-1]) & (ethnic[order][1:] == ethnic[order][:-1])
    pairs = np.flatnonzero(alike)
    pairs = pairs[np.insert(np.diff(pairs) > 1, 0, True)] if len(pairs) else pairs
    wanted = round(p.world.noise.twins * count / 2)
    chosen = pairs[rng.permutation(len(pairs))[:wanted]]
    twin_of = np.arange(count)
    twin_of[order[chosen + 1]] = order[chosen]
    return twin_of


def _tell_twins_apart(p: Partnership, community: Ints, first: Texts, twin_of: Ints) -> None:
    """Twins never have one forename: the second of a pair takes the next name of the list."""
    for person in np.flatnonzero(twin_of != np.arange(len(twin_of))).tolist():
        one = communities()[community[person]]
        pool = one.female if p.people.female[person] else one.male
        if first[person] == first[twin_of[person]]:
            first[person] = pool.names[(list(pool.names).index(first[person]) + 1) % len(pool.names)]


# --- other spellings


@cache
def _spellings() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for forms in _data()["other"]["spellings"]:
        for form in forms:
            found[form] = tuple(dict.fromkeys((*found.get(form, ()), *(one for one in forms if one != form))))
    return found


@cache
def _respelt() -> tuple[tuple[str, str], ...]:
    return tuple((first, then) for pair in _data()["other"]["respelt"] for first, then in (pair, reversed(pair)))


@cache
def spellings_of(name: str, transliterated: bool) -> tuple[str, ...]:
    """Other ways in which a clerk may write a name: listed forms; else, from another script, by sound."""
    listed = _spellings().get(name)
    if listed or not transliterated:
        return listed or ()
    if name.endswith(("ski", "cki", "ska", "cka")):
        return (name[:-1] + ("a" if name.endswith("i") else "i"),)
    low = name.lower()
    found = [low.replace(first, then, 1) for first, then in _respelt() if first in low]
    return tuple(sorted({one.title() for one in found if one != low and len(one) >= SHORTEST}))


@cache
def nicknames_of(name: str) -> tuple[str, ...]:
    """The nicknames of a forename, by the lists of the package ``nicknames``."""
    return tuple(sorted(one.title() for one in _namer().nicknames_of(name) if len(one) >= SHORTEST))


@cache
def _namer() -> Any:
    from nicknames import NickNamer

    return NickNamer()
