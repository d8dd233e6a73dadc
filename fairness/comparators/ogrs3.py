"""OGRS3 as published: the chance of a proven reoffence within one and two years, from sex, age and a career.

Source: Howard, Francis, Soothill and Humphreys (2009), "OGRS 3: the revised Offender Group Reconviction Scale",
Ministry of Justice Research Summary 7/09; numbers as coded in ministryofjustice/rsr-calculator (MIT), in a folder of
the caller's. Where that code and later code differ, the one that reproduces the test cases is followed: 0.003276 for
sexual offences not against a child (later 0.0328). For girls under 16 the two have opposite signs; no child is scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.fairness.comparators.inputs import (
    AGE_AT_CONVICTION,
    AGE_AT_FIRST,
    AGE_AT_START,
    CAREER,
    GROUP,
    SANCTIONS,
    SEX,
    Input,
    Told,
    answer,
    read_inputs,
)
from desist.fairness.statistics.intervals import Floats

MOST_PREVIOUS = 50.0  # more previous sanctions than this count as this many; without it seven test cases fail
#: First year of each adult age band; the last has no end.
BAND_STARTS = {18: "18-20", 21: "21-24", 25: "25-29", 30: "30-34", 35: "35-39", 40: "40-49", 50: "50+"}
OFFENCE_GROUPS = (
    "Absconding or bail offences", "Burglary (domestic)", "Burglary (other)", "Criminal damage", "Drink driving",
    "Drug import/export/production", "Drug possession/supply", "Fraud and forgery", "Handling stolen goods",
    "Other motoring", "Other offence", "Public order", "Robbery", "Sexual (against child)",
    "Sexual (not against child)", "Soliciting or prostitution", "Taking & driving away and related offences",
    "Theft (non-motor)", "Theft from vehicles", "Violence",
)  # fmt: skip


@dataclass(frozen=True)
class Ogrs3:
    """The published scale. ``ages``: coefficients by sex and first year of the band; ``offences``: by offence group.

    ``first_time`` and ``repeat`` are the conviction status of somebody without and with previous sanctions (nobody
    here has cautions told apart); ``copas`` and ``career_years`` belong to ln((previous + 1) / (10 + career)).
    """

    one_year: float
    two_years: float
    ages: Mapping[str, Mapping[int, float]]
    first_time: float
    repeat: float
    copas: float
    career_years: float
    offences: Mapping[str, float]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The columns a table needs; an unknown one makes the row unknown. ``sanctions`` counts the current one."""
        return (*CAREER, GROUP)

    def weights(self, table: pd.DataFrame) -> pd.DataFrame:
        """person_id, as_of, the parts of the logit besides the intercept, and why_unknown."""
        told = self._told(table)
        return answer(told, self._parts(told))

    def chances(self, table: pd.DataFrame) -> pd.DataFrame:
        """person_id, as_of, one_year and two_years (chances from 0 to 1) and why_unknown, one row each.

        Raises Refused for a table that cannot be read.
        """
        told = self._told(table)
        total = np.sum(list(self._parts(told).values()), axis=0)
        found = {"one_year": self.one_year, "two_years": self.two_years}
        return answer(told, {name: 1.0 / (1.0 + np.exp(-(total + start))) for name, start in found.items()})

    def _told(self, table: pd.DataFrame) -> Told:
        told = read_inputs(table, self.inputs)
        unknown = ~np.isin(told.texts[GROUP.name], [*self.offences, ""])
        told.why[told.known & unknown] = "unknown: the table has no coefficient for the group of the current offence"
        return told

    def _parts(self, told: Told) -> dict[str, Floats]:
        inputs = told.numbers
        previous = np.minimum(inputs[SANCTIONS.name] - 1.0, MOST_PREVIOUS)
        career = inputs[AGE_AT_CONVICTION.name] - inputs[AGE_AT_FIRST.name]
        starts = np.array([*BAND_STARTS])
        age = np.where(told.known, inputs[AGE_AT_START.name], starts[0])
        band = np.searchsorted(starts, age, side="right") - 1
        of_sex = [np.array([self.ages[sex][int(start)] for start in starts])[band] for sex in ("male", "female")]
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = np.log((previous + 1.0) / (self.career_years + career))
        return {
            "age_by_sex": np.where(inputs[SEX.name] == 1.0, of_sex[1], of_sex[0]),
            "conviction_status": np.where(previous > 0, self.repeat, self.first_time),
            "copas": self.copas * rate,
            "offence": np.array([self.offences.get(group, np.nan) for group in told.texts[GROUP.name]], dtype=float),
        }
