"""How agencies come to write one person differently: every rate a number, fixed and stated, more of it for some.

The rates are chosen, not measured: they make a world hard for linkage in the ways real files are, so that one can see
where it fails and whom it fails more often. They are written to truth/world.json with everything else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

#: How much likelier a slip is in records of these communities than of the others: unfamiliar spellings, names in
#: another order, and fewer identifiers noted. Chosen; a community that is not named has 1.
MORE_FOR = (
    ("arab", 1.7), ("bangladeshi", 1.6), ("chinese", 1.4), ("east_african", 1.4), ("ghanaian", 1.3), ("indian", 1.3),
    ("lithuanian", 1.7), ("nigerian", 1.4), ("pakistani", 1.5), ("polish", 1.7), ("portuguese", 1.5), ("romanian", 1.8),
    ("turkish", 1.7),
)  # fmt: skip
#: Shares of people, not chances of a slip in a record: a multiple of the noise leaves them as they are.
OF_PEOPLE = (
    "twins", "identifiers_removed", "no_birth_day", "brothers", "father_and_son", "one_first_name", "hostel",
    "moved_apart",
)  # fmt: skip
#: However much noise there is, a slip stays a slip.
MOST = 0.9


@dataclass(frozen=True)
class Noise:
    """Chances of each kind of slip in one record; the defaults are mild enough that identifiers still link most people.

    Names: ``nickname`` written for the forename; ``spelling``: another spelling of a name that has several;
    ``accents_lost``: all accents and strokes of the record; ``order``: the second forename given as the first, or
    forename and surname exchanged; ``forename_slip``: a letter of the forename lost, doubled, exchanged or mistaken
    (of the surname: ``World.other_spelling``); ``surname_changed``: a woman's other surname; ``one_surname`` of two;
    ``alias_used``: the other name of somebody who has one.
    Birth date: ``day_month`` exchanged where that is a date; ``birth_digit``: day, month or year is one digit wrong;
    ``birth_missing``. Address: ``moved``: the agency has another one, with chance ``moved_away`` in another ward.
    Identifiers: each ``identifier_missing`` or ``identifier_typo`` (one digit wrong) beyond what World says, except
    that an agency's own identifier (CRN of probation, prison number of prison) is never missing.
    ``twins``: share of people who are one of two born on a day, with one surname and address (as far as the birth
    dates allow). ``identifiers_removed``: share of people of whom no agency holds any identifier.
    What puts two people together (households.py): ``no_birth_day``: share of people of some communities whose papers
    state 1 January; ``brothers``: share who have surname and address of a brother or sister; ``father_and_son``: share
    of men who are one of a father and a son of one name and address; ``one_first_name``: share of men of some
    communities whose first name is Mohammed and who are called by the second, half of them with a brother at home
    who is too; ``hostel``: share who give the postcode of one hostel; ``moved_apart``: share of movers whose other
    address each agency has another of.
    ``more_for``: by community, how much likelier than stated; the chance of any slip is at most MOST.
    """

    nickname: float = 0.04
    spelling: float = 0.10
    accents_lost: float = 0.6
    order: float = 0.01
    forename_slip: float = 0.01
    surname_changed: float = 0.02
    one_surname: float = 0.1
    alias_used: float = 0.1
    day_month: float = 0.001
    birth_digit: float = 0.001
    birth_missing: float = 0.0
    moved: float = 0.1
    moved_away: float = 0.3
    identifier_missing: float = 0.002
    identifier_typo: float = 0.002
    twins: float = 0.005
    identifiers_removed: float = 0.0
    no_birth_day: float = 0.0
    brothers: float = 0.0
    father_and_son: float = 0.0
    one_first_name: float = 0.0
    hostel: float = 0.0
    moved_apart: float = 0.0
    more_for: tuple[tuple[str, float], ...] = MORE_FOR

    def __post_init__(self) -> None:
        for name in RATES:
            value = getattr(self, name)
            if not (isinstance(value, float | int) and math.isfinite(value) and 0 <= value <= 1):
                raise ValueError(f"{name} is {value}; it must be a share from 0 to 1")
        if any(not (math.isfinite(times) and times >= 0) for _, times in self.more_for):
            raise ValueError("more_for gives a number from 0 up for each community")

    @classmethod
    def none(cls) -> Noise:
        """Every agency writes everything as it is."""
        return cls().times(0)._with(dict.fromkeys(OF_PEOPLE, 0.0))

    @classmethod
    def stated(cls) -> Noise:
        """The noise at which linkage must show what it can do (docs/benchmarks/linkage.md): several times the usual.

        Of the pairs of one person's records, forename and surname differ in about one of three each, the birth date
        in one of thirty, the postcode in two of five.
        """
        return cls(
            nickname=0.06, spelling=0.12, accents_lost=0.7, order=0.02, forename_slip=0.02, surname_changed=0.03,
            one_surname=0.2, alias_used=0.2, day_month=0.006, birth_digit=0.006, birth_missing=0.005, moved=0.25,
            moved_away=0.4, identifier_missing=0.02, identifier_typo=0.01, twins=0.01,
            no_birth_day=0.4, brothers=0.04, father_and_son=0.01, one_first_name=0.3, hostel=0.01, moved_apart=1.0,
        )  # fmt: skip

    def times(self, factor: float) -> Noise:
        """The same noise so many times over; shares of people stay, and a chance of 1 is the most."""
        if not (math.isfinite(factor) and factor >= 0):
            raise ValueError(f"noise {factor} times over: it must be a number from 0 up")
        slips = {name: min(1.0, getattr(self, name) * factor) for name in RATES if name not in OF_PEOPLE}
        return self._with(slips)

    def _with(self, rates: Mapping[str, float]) -> Noise:
        changes: dict[str, Any] = dict(rates)
        return replace(self, **changes)

    def alike(self) -> Noise:
        """The same noise with no community written worse than another."""
        return replace(self, more_for=())

    def factor(self, community: str) -> float:
        """How much likelier a slip is in records of the community."""
        return dict(self.more_for).get(community, 1.0)


#: The names of the rates, which are all but ``more_for``.
RATES = tuple(field.name for field in fields(Noise) if field.name != "more_for")
#: What a world has unless it says otherwise.
USUAL = Noise()
