"""ARP, VRP and SVRP as published: chances of proven reoffending within two years, from sex, age and a career.

Source: ministryofjustice/hmpps-arns-risk-actuarial-api (MIT), formulas as told in the README beside its tables. The
coefficients are the caller's; this file knows the names of the terms and how they add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from desist.fairness.comparators.inputs import (
    AGE_AT_CONVICTION,
    AGE_AT_FIRST,
    AGE_AT_START,
    CAREER,
    CATEGORY,
    MONTHS,
    SANCTIONS,
    SEX,
    VIOLENT,
    Input,
    Told,
    answer,
    read_inputs,
)
from desist.fairness.comparators.tables import Bands
from desist.fairness.comparators.terms import INDICATORS, OTHER_DRUGS, PARTNER, Shape, powers, shape_of
from desist.fairness.statistics.intervals import Floats

MOST_MONTHS = 36.0  # months free of offences count up to three years
BAND_NAMES = np.array(["low", "medium", "high", "very high"], dtype=object)


@dataclass(frozen=True)
class Predictor:
    """One published predictor, static (career alone) or dynamic (with an assessment's answers).

    ``terms`` and ``offences`` are coefficients by name. It gives a chance within two years of ``foretells``; for
    another outcome or period only its order of people can be compared.
    """

    version: str
    terms: Mapping[str, float]
    offences: Mapping[str, float]
    bands: Bands

    name: ClassVar[str] = ""
    foretells: ClassVar[str] = ""
    years: ClassVar[int] = 2

    @property
    def shape(self) -> Shape:
        return shape_of(self.name, self.version)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The columns a table needs. An unknown one makes the row unknown, also where its term would be nothing."""
        violent = (VIOLENT,) if self.shape.violent else ()
        return (*CAREER, CATEGORY, MONTHS, *violent, *self.shape.items)

    def weights(self, table: pd.DataFrame) -> pd.DataFrame:
        """person_id, as_of, one column per part of the logit, total and why_unknown; NaN where unknown."""
        told = self._told(table)
        return answer(told, self._parts(told))

    def chances(self, table: pd.DataFrame) -> pd.DataFrame:
        """person_id, as_of, chance (0 to 1), percent (two decimals, half up), band and why_unknown, one row each.

        The band is that of the rounded per cent, as published. Raises Refused for a table that cannot be read.
        """
        told = self._told(table)
        chance = 1.0 / (1.0 + np.exp(-self._parts(told)["total"]))
        percent = np.floor(chance * 10_000 + 0.5) / 100
        limits = [self.bands.medium, self.bands.high, self.bands.very_high]
        band = BAND_NAMES[np.searchsorted(limits, np.where(told.known, percent, 0.0), side="right")]
        return answer(told, {"chance": chance, "percent": percent, "band": band})

    def _told(self, table: pd.DataFrame) -> Told:
        told = read_inputs(table, self.inputs)
        unknown = ~np.isin(told.texts[CATEGORY.name], [*self.offences, ""])
        told.why[told.known & unknown] = "unknown: the table has no coefficient for the category of the current offence"
        return told

    def _parts(self, told: Told) -> dict[str, Floats]:
        """Each part of the logit by name, and their total; NaN where an input is unknown."""
        terms, inputs = self.terms, told.numbers
        female, n = inputs[SEX.name] == 1.0, inputs[SANCTIONS.name]
        gap = inputs[AGE_AT_CONVICTION.name] - inputs[AGE_AT_FIRST.name]
        months = np.minimum(inputs[MONTHS.name], MOST_MONTHS)
        offence = [self.offences.get(category, np.nan) for category in told.texts[CATEGORY.name]]
        parts = {
            "constant": np.full(len(n), terms["TWO_YEAR_CONSTANT"]),
            "age_by_sex": self._by_sex(
                female,
                self._polynomial("AAI", "_MALE", inputs[AGE_AT_START.name]),
                self._polynomial("AAI", "_FEMALE", inputs[AGE_AT_START.name]),
            ),
            "female": np.where(female, terms["FEMALE"], 0.0),
            "offence": np.array(offence, dtype=float),
            "first_sanction": np.where(n == 1, terms["FIRST_SANCTION"], 0.0),
            "second_sanction": np.where(n == 2, terms["SECOND_SANCTION"], 0.0),
            "second_sanction_gap": np.where(n == 2, self._of_sex("YRS_BETWEEN_FIRST_AND_SECOND_SANCTION", female), 0.0)
            * gap,
            "sanctions": terms["SANCTION_OCCASIONS"] * n,
            "offence_free_months": self._polynomial("OFFENCE_FREE_MONTHS", "", months),
            **self._career(female, n, gap),
        }
        if self.shape.violent:
            parts |= self._violent(female, inputs[VIOLENT.name], gap)
        parts |= {term.lower(): self._item(term, inputs) for term in self.shape.item_terms}
        parts["total"] = np.sum(list(parts.values()), axis=0)
        return parts

    def _of_sex(self, term: str, female: NDArray[np.bool_]) -> Floats:
        return np.where(female, self.terms[f"{term}_FEMALE"], self.terms[f"{term}_MALE"])

    @staticmethod
    def _by_sex(female: NDArray[np.bool_], men: Floats, women: Floats) -> Floats:
        return np.where(female, women, men)

    def _polynomial(self, stem: str, ending: str, values: Floats) -> Floats:
        """The sum of coefficient times power, over the powers this predictor has."""
        total = np.zeros(len(values))
        for power, name in enumerate(powers(stem, ending), start=1):
            total = total + self.terms.get(name, 0.0) * values**power
        return total

    def _career(self, female: NDArray[np.bool_], n: Floats, gap: Floats) -> dict[str, Floats]:
        """The Copas rate of somebody with three sanctions or more."""
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = np.where(n >= 3, np.log(n / (gap + self.bands.sanctions_years)), 0.0)
        if self.shape.violent:
            return {"copas": self._of_sex("THREE_PLUS_SANCTIONS_COPAS_V", female) * rate}
        return {
            "copas": self._of_sex("THREE_PLUS_SANCTIONS_COPAS_G", female) * rate,
            "copas_squared": self._of_sex("THREE_PLUS_SANCTIONS_COPAS_SQUARED", female) * rate**2,
        }

    def _violent(self, female: NDArray[np.bool_], v: Floats, gap: Floats) -> dict[str, Floats]:
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = np.where(v > 0, np.log(np.maximum(v, 1.0) / (gap + self.bands.violent_years)), 0.0)
        return {
            "never_violent": np.where(v == 0, self._of_sex("NEVER_VIOLENT", female), 0.0),
            "once_violent": np.where(v == 1, self.terms["ONCE_VIOLENT"], 0.0),
            "violent_sanctions": self.terms["VIOLENT_SANCTIONS"] * v,
            "violent_rate": self.terms["VIOLENT_RATE"] * rate,
        }

    def _item(self, term: str, inputs: Mapping[str, Floats]) -> Floats:
        """One answer of the assessment times its coefficient."""
        coefficient = self.terms[term]
        if term == "QUALITY_OF_LIVE_IN_RELATIONSHIP":
            return coefficient * inputs[PARTNER.name] * inputs["relationship_quality"]
        if term == "OTHER_DRUGS":  # once, whichever of them it is
            return np.asarray(coefficient * np.max([inputs[one.name] for one in OTHER_DRUGS], axis=0), dtype=float)
        item, times = INDICATORS[term]
        return coefficient * times * inputs[item.name]


class Arp(Predictor):
    """All Reoffending Predictor."""

    name, foretells = "ARP", "any proven reoffending within two years"


class Vrp(Predictor):
    """Violent Reoffending Predictor."""

    name, foretells = "VRP", "proven violent reoffending within two years"


class Svrp(Predictor):
    """Serious Violent Reoffending Predictor."""

    name, foretells = "SVRP", "proven serious violent reoffending within two years"
