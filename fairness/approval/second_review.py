"""Who gets a second reviewer while some groups cannot be told: all their people, among others drawn by lot.

A request that only those people got would tell staff who they are. So others are drawn with the same chance each, by a
keyed hash: nobody can foresee or steer the draw, and anybody who holds the key can make it again.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from desist.fairness.approval.kinds import OpenGroup

#: The number of people below which a count is not told; the sentence for the board counts so many at least.
FEWEST_TOLD = 10
#: Above this share of the list everybody is asked for: leaving somebody out would tell that they are of no such group.
MOST_MARKED = 1 / 3


@dataclass(frozen=True)
class Draw:
    """The people who get a second reviewer, and what being asked for can tell of one of them.

    ``listed``: everybody on the list; ``marked``: how many of them are of the groups that cannot be told.
    """

    people: frozenset[str]
    listed: int
    marked: int

    @property
    def before(self) -> float:
        """The chance that somebody on the list is of these groups, before anybody is asked for."""
        return self.marked / self.listed if self.listed else 0.0

    @property
    def posterior(self) -> float:
        """The same chance for somebody who gets a second reviewer."""
        return self.marked / len(self.people) if self.people else 0.0

    @property
    def words(self) -> str:
        """What a board may know of the draw: a bound where the people are too few to be counted in words."""
        if not self.people:
            return "Nobody on this list gets a second reviewer."
        if len(self.people) == self.listed:
            return f"All {self.listed} listed people get a second reviewer, so the request tells nothing of anybody."
        few = self.marked < FEWEST_TOLD
        most = min((FEWEST_TOLD - 1 if few else self.marked) / len(self.people), 1.0)
        return (
            f"{len(self.people)} of {self.listed} listed people get a second reviewer. Of those, "
            f"{'fewer than' if few else 'about'} {math.ceil(100 * most)} in 100 are of a group that cannot be told; "
            "of the others, nobody is."
        )


def draw(listed: Sequence[str], marked: Collection[str], *, key: bytes, occasion: str, share: float) -> Draw:
    """Who of the listed people gets a second reviewer: all who are marked, and ``share`` of the others by lot.

    So at least ``share`` of the list is reviewed, and being asked for multiplies the odds of being marked by no more
    than one over ``share``. ``occasion``: what the lots are cast for. One occasion for all lists, so that one list
    held against the next does not tell who is always asked for. Nobody is drawn where nobody listed is marked, and
    everybody where more than a third are.
    """
    if not 0 < share <= 1:
        raise ValueError("a share of the list lies above 0 and is at most 1")
    own = frozenset(listed) & frozenset(marked)
    if not own:
        return Draw(frozenset(), len(listed), 0)

    def lot(person: str) -> bytes:
        return hmac.new(key, f"second review\0{occasion}\0{person}".encode(), hashlib.sha256).digest()

    if len(own) > MOST_MARKED * len(listed):
        return Draw(frozenset(listed), len(listed), len(own))
    others = sorted(frozenset(listed) - own, key=lot)
    return Draw(own | frozenset(others[: math.ceil(share * len(others))]), len(listed), len(own))


def people_of(groups: pd.DataFrame, open_groups: Sequence[OpenGroup]) -> frozenset[str]:
    """The people of the groups that cannot be told; ``groups``: person_id and a column per characteristic.

    Raises ValueError where a characteristic is missing: its people would be passed over in silence.
    """
    found: set[str] = set()
    for characteristic, group in {(one.characteristic, one.group) for one in open_groups}:
        if characteristic not in groups:
            raise ValueError(f"the groups do not tell {characteristic}")
        found |= set(groups.loc[groups[characteristic] == group, "person_id"].astype(str))
    return frozenset(found)
