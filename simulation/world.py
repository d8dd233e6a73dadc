"""What holds in a made-up partnership: every effect a number with an off value; borough, offences and calendar.

The sizes are chosen, not measured. What a model or an audit finds in this world shows that the toolkit works or fails,
never how people in a real place behave.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from desist.records import codes
from desist.simulation.noise import USUAL, Noise

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

GROUPS = ("Asian", "Black", "Mixed", "White", "Other")
AREAS = ("North", "West", "Centre", "South")
STYLES = ("violence", "acquisitive", "drugs", "disorder", "motoring")
#: Sections of the needs assessment with a score; the latent needs have the same names.
NEEDS = tuple(name for name, limits in codes.NEED_SECTIONS.items() if limits is not None)
#: No detection chance goes above this, whatever the knobs multiply up to.
MOST_DETECTED = 0.95

#: The off value of every effect; anything not named here is a size, not an effect.
OFF: Mapping[str, Any] = {
    "enforcement_gap": 0.0,
    "area_enforcement": 0.0,
    "supervision_detection": 0.0,
    "listing_detection": 0.0,
    "offence_detection": 0.0,
    "propensity_gap": 0.0,
    "area_needs": 0.0,
    "women_offend_less": 0.0,
    "age_decline": 0.0,
    "desistance_by_age": 0.0,
    "propensity_spread": 0.0,
    "versatility_spread": 0.0,
    "seriousness_spread": 0.0,
    "style_strength": 0.0,
    "needs_effect": 0.0,
    "needs_drift": 0.0,
    "desistance": 0.0,
    "custody_stops": 0.0,
    "supervision_reduces": 0.0,
    "treatment_reduces": 0.0,
    "housing_reduces": 0.0,
    "programme_reduces": 0.0,
    "listing_reduces": 0.0,
    "late_recording": 0.0,
    "consent_withheld": 0.0,
    "ethnicity_not_stated": 0.0,
    "missing_pnc": 0.0,
    "wrong_letter": 0.0,
    "second_number": 0.0,
    "other_spelling": 0.0,
    "noise": Noise.none(),
}
#: Effects that make groups, areas or enforcement differ: off in ``World.null()``.
BETWEEN_GROUPS = (
    "enforcement_gap", "area_enforcement", "supervision_detection", "listing_detection", "propensity_gap",
    "area_needs", "women_offend_less", "age_decline", "desistance_by_age",
)  # fmt: skip
_SHARES = (
    "women_offend_less", "offence_detection", "custody_stops", "supervision_reduces", "treatment_reduces",
    "housing_reduces", "programme_reduces", "listing_reduces", "late_recording", "consent_withheld",
    "ethnicity_not_stated", "missing_pnc", "wrong_letter", "second_number", "other_spelling", "desistance", "relapse",
    "desisted_rate", "versatility_spread",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """The knobs of a made-up partnership. ``OFF`` holds the value at which each effect is gone.

    Enforcement: ``enforcement_gap`` is the relative extra chance that an offence by somebody of the
    ``over_policed`` groups is detected (0.3: 1.3 times the chance of the same offence by anybody else);
    the groups are also that much more common among the people known. ``area_enforcement`` is the same
    for the ``over_policed_areas``, ``supervision_detection`` and ``listing_detection`` for the time
    under supervision and on the IOM list. ``offence_detection`` 0 detects every kind of offence alike.

    Behaviour: ``propensity_gap`` is the relative extra *offending* of the over-policed groups (none by
    default). The ``*_reduces`` knobs are the relative fall of the offending rate while the thing lasts,
    ``custody_stops`` the same for custody. ``desistance`` and ``relapse`` are monthly chances to stop
    and to start again; a person who has stopped offends at ``desisted_rate`` of their rate.
    Spreads are standard deviations on the log scale; ``age_decline`` is the fall of the log rate a year.

    Records: shares of rows or people whose record is late, withheld, unstated, missing or misspelt; ``noise``: how
    else agencies come to write one person differently.
    """

    enforcement_gap: float = 0.3
    over_policed: tuple[str, ...] = ("Black", "Mixed")
    area_enforcement: float = 0.15
    over_policed_areas: tuple[str, ...] = ("South",)
    supervision_detection: float = 0.10
    listing_detection: float = 0.20
    offence_detection: float = 1.0

    yearly_offences: float = 1.75
    propensity_gap: float = 0.0
    propensity_spread: float = 1.15
    versatility_spread: float = 0.25
    seriousness_spread: float = 0.35
    style_strength: float = 1.5
    women_offend_less: float = 0.25
    age_decline: float = 0.03
    needs_effect: float = 0.7
    needs_drift: float = 0.5
    area_needs: float = 0.3
    desistance: float = 0.018
    relapse: float = 0.005
    desistance_by_age: float = 0.015
    desisted_rate: float = 0.08
    custody_stops: float = 1.0
    supervision_reduces: float = 0.10
    treatment_reduces: float = 0.35
    housing_reduces: float = 0.20
    programme_reduces: float = 0.15
    listing_reduces: float = 0.10

    late_recording: float = 0.05
    consent_withheld: float = 0.20
    ethnicity_not_stated: float = 0.06
    missing_pnc: float = 0.02
    wrong_letter: float = 0.01
    second_number: float = 0.01
    other_spelling: float = 0.03
    noise: Noise = USUAL

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float | int) and not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{field.name} is {value}; it must be a number from 0 up")
        for name in _SHARES:
            if getattr(self, name) > 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be from 0 to 1")
        if unknown := set(self.over_policed) - set(GROUPS):
            raise ValueError(f"over_policed names {sorted(unknown)}; the groups are {GROUPS}")
        if unknown := set(self.over_policed_areas) - set(AREAS):
            raise ValueError(f"over_policed_areas names {sorted(unknown)}; the areas are {AREAS}")

    @classmethod
    def null(cls) -> World:
        """A world whose groups differ in nothing: no group, area, age, sex or enforcement effect; people do differ."""
        return replace(cls(), **_off(BETWEEN_GROUPS))

    @classmethod
    def off(cls) -> World:
        """A world with every effect off: everybody offends at one rate, whatever is done."""
        return replace(cls(), **_off(tuple(OFF)))


def _off(effects: tuple[str, ...]) -> dict[str, Any]:
    return {name: OFF[name] for name in effects}


@dataclass(frozen=True)
class Borough:
    """The shape of the population: wards with area, residents, deprivation and shares of the five groups."""

    wards: tuple[str, ...]
    area: Ints
    residents: Floats
    deprivation: Floats
    shares: Floats
    age_from: Ints
    age_to: Ints
    age_residents: Floats
    ethnic_codes: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Offending:
    """Kinds of offence: code, style, weight among all offences, basic detection chance, flags, and whether serious."""

    code: tuple[str, ...]
    style: Ints
    band: Ints
    neighbourhood: Flags
    weight: Floats
    detection: Floats
    domestic: Floats
    weapon: Floats

    @property
    def serious(self) -> Flags:
        """Band 4 or 5 (DOMAIN section 5); these take longer to reach a sanction."""
        return self.band >= 4


def toml_data(name: str) -> dict[str, Any]:
    """A file of simulation/data."""
    return tomllib.loads((resources.files("desist.simulation") / "data" / name).read_text(encoding="utf-8"))


@cache
def borough() -> Borough:
    """The borough of simulation/data/borough.toml (rounded ONS figures)."""
    data = toml_data("borough.toml")
    wards = data["ward"]
    return Borough(
        wards=tuple(ward["name"] for ward in wards),
        area=np.array([AREAS.index(ward["area"]) for ward in wards]),
        residents=np.array([float(ward["residents"]) for ward in wards]),
        deprivation=np.array([float(ward["deprivation"]) for ward in wards]),
        shares=np.array([[ward["shares"][group] for group in GROUPS] for ward in wards]),
        age_from=np.array([band["from"] for band in data["ages"]]),
        age_to=np.array([band["to"] for band in data["ages"]]),
        age_residents=np.array([float(band["residents"]) for band in data["ages"]]),
        ethnic_codes=data["ethnic_codes"],
    )


@cache
def offending() -> Offending:
    """The kinds of offence of simulation/data/offending.toml, with band and grouping from the offence table."""
    rows = toml_data("offending.toml")["offence"]
    known = [codes.shipped_offences().by_code[row["code"]] for row in rows]
    return Offending(
        code=tuple(row["code"] for row in rows),
        style=np.array([STYLES.index(row["style"]) for row in rows]),
        band=np.array([offence.band for offence in known]),
        neighbourhood=np.array([offence.neighbourhood for offence in known]),
        weight=np.array([row["weight"] for row in rows]),
        detection=np.array([row["detection"] for row in rows]),
        domestic=np.array([row["domestic"] for row in rows]),
        weapon=np.array([row["weapon"] for row in rows]),
    )


#: Months the careers run before the first day of the history, so that orders and lists are under way by then.
BURN_IN_MONTHS = 36


def day(date: dt.date) -> int:
    """Days since 1970-01-01: how dates are held in here."""
    return (date - dt.date(1970, 1, 1)).days


def date_of(number: int) -> dt.date:
    """The date of a day number."""
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(number))


@dataclass(frozen=True)
class Calendar:
    """Months from the start of the careers to a year after the list date, and the as-of dates.

    ``history_start`` is the first day of a month, ``extract_date`` the last; the list date is the day after.
    """

    history_start: dt.date = dt.date(2018, 10, 1)
    extract_date: dt.date = dt.date(2026, 9, 30)

    def __post_init__(self) -> None:
        if self.history_start.day != 1 or self.list_date.day != 1 or self.history_start >= self.extract_date:
            raise ValueError("the history must run from the first day of a month to the last day of a later one")

    @property
    def list_date(self) -> dt.date:
        return self.extract_date + dt.timedelta(days=1)

    @property
    def starts(self) -> Ints:
        """First days of the months, from the start of the careers to 14 months after the list date."""
        first = np.datetime64(self.history_start, "M") - BURN_IN_MONTHS
        months = np.arange(first, np.datetime64(self.list_date, "M") + 14)
        return months.astype("datetime64[D]").astype(np.int64)

    @property
    def list_month(self) -> int:
        """Position in ``starts`` of the list date."""
        return int(np.searchsorted(self.starts, day(self.list_date)))

    @property
    def as_of_months(self) -> list[int]:
        """Positions in ``starts`` of each 1 April and 1 October after the history starts, and of the list date."""
        found = []
        for month in range(BURN_IN_MONTHS + 1, self.list_month + 1):
            if date_of(int(self.starts[month])).month in (4, 10) or month == self.list_month:
                found.append(month)
        return found
