"""Who shares a name, an address or a stated birth date with whom: what makes linkage put two people together.

All of it is in the writing alone, with draws of its own: nobody's career, sex, ethnicity or day of birth moves, and
with the rates at nought nobody is called anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from desist.simulation.names import Called, communities
from desist.simulation.partnership import Partnership
from desist.simulation.people import YEAR_DAYS
from desist.simulation.world import Flags, Ints

#: Where many were registered late, or without a day: their papers state 1 January. Chosen.
NO_DAY = frozenset({"east_african", "bangladeshi", "pakistani", "arab", "turkish"})
#: Where many a man's first name is one name, and he is called by the second. Chosen.
ONE_FIRST_NAME, FIRST_NAME = frozenset({"pakistani", "bangladeshi", "arab"}), "Mohammed"
#: Of men with that first name, how many have a brother of the same first name at home.
BROTHER_AT_HOME = 0.5
#: How many years a father is older than his son.
GENERATION = (17, 40)


def at_home(p: Partnership, called: Called) -> Called:
    """Who shares what in this partnership, by the rates of its ``Noise``."""
    noise, count = p.world.noise, len(p.people)
    of = np.array([one.name for one in communities()], dtype=object)[called.community]
    men, draws = ~p.people.female, p.draws("households")
    made = replace(called, **{
        name: getattr(called, name).copy() for name in ("forename", "second", "surname", "twin_of")
    })  # fmt: skip
    one_name = men & np.isin(of, list(ONE_FIRST_NAME)) & (draws.random(count) < noise.one_first_name)
    made.second[one_name] = made.forename[one_name]
    made.forename[one_name] = FIRST_NAME
    free = called.twin_of == np.arange(count)
    free[called.twin_of[~free]] = False
    order = np.lexsort((draws.random(count), one_name, called.community))
    chance = np.where(one_name, BROTHER_AT_HOME * (noise.brothers > 0), noise.brothers)
    wanted = free & (draws.random(count) < chance)
    for elder, younger in _pairs(order[wanted[order]], called.community, one_name):
        made.surname[younger], made.twin_of[younger] = made.surname[elder], elder
        free[[elder, younger]] = False
    for father, son in _fathers(p, called, free & men & (draws.random(count) < noise.father_and_son)):
        made.forename[son], made.surname[son], made.twin_of[son] = made.forename[father], made.surname[father], father
    no_day = np.isin(of, list(NO_DAY)) & (draws.random(count) < noise.no_birth_day)
    return replace(made, no_day=no_day, hostel=draws.random(count) < noise.hostel)


def _pairs(people: Ints, community: Ints, one_name: Flags) -> Iterator[tuple[int, int]]:
    """Neighbours in the order given, of one community, both with the common first name or neither; nobody twice."""
    taken = -1
    for one, other in zip(people[:-1].tolist(), people[1:].tolist(), strict=True):
        if one != taken and community[one] == community[other] and one_name[one] == one_name[other]:
            taken = other
            yield one, other


def _fathers(p: Partnership, called: Called, wanted: Flags) -> Iterator[tuple[int, int]]:
    """For each wanted son a man of his community a generation older; nobody twice."""
    born, taken = p.people.born, np.zeros(len(wanted), dtype=bool)
    for son in np.flatnonzero(wanted).tolist():
        years = (born[son] - born) / YEAR_DAYS
        fit = wanted & ~taken & (years >= GENERATION[0]) & (years <= GENERATION[1])
        fathers = np.flatnonzero(fit & (called.community == called.community[son]))
        if len(fathers) and not taken[son]:
            taken[[son, fathers[0]]] = True
            yield int(fathers[0]), son
