"""Offence codes in the words of the instruments: actuarial category, OGRS3 group, violent or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.fairness.comparators.tables import OFFENCE_CODES, Reader
from desist.fairness.comparators.terms import OFFENCE_CATEGORIES

NO_CATEGORY = "UNKNOWN"
#: The table's word for "the exact offence is needed": the code alone has no group.
EXACT_OFFENCE_NEEDED = 999.0
#: The later table's number for sexual offences not against a child, where the test cases need 0.003276.
LATER_NUMBERS = {0.0328: "Sexual (not against child)"}
_COLUMNS = ("ho_code", "actuarial_category", "is_violent_sanction", "ogrs3_weighting")


@dataclass(frozen=True)
class OffenceCodes:
    """The published meaning of each five-digit code; a code without one is unknown, never "other".

    ``groups`` go by the later table's number for each code, taken as the OGRS3 group that has this number. For drink
    driving and other motoring that table has each other's numbers: the number counts, not the group's name.
    """

    categories: Mapping[str, str]
    groups: Mapping[str, str]
    violent: Mapping[str, bool]

    def told(self, codes: pd.Series) -> pd.DataFrame:
        """offence_category, offence_group (empty where unknown) and violent (1, 0 or NaN) of each code."""
        text = codes.astype(object).where(codes.notna(), "").astype(str).str.strip()
        return pd.DataFrame(
            {
                "offence_category": [self.categories.get(code, "") for code in text],
                "offence_group": [self.groups.get(code, "") for code in text],
                "violent": np.array([self.violent.get(code, np.nan) for code in text], dtype=float),
            },
            index=codes.index,
        )


def read_offence_codes(reader: Reader, groups: Mapping[str, float]) -> OffenceCodes | None:
    """The table of codes, or None where it cannot be read; ``groups`` are the coefficients of OGRS3 by group."""
    rows = reader.rows(OFFENCE_CODES, _COLUMNS)
    if not rows:
        return None
    categories, group_of, violent = {}, {}, {}
    wrong: dict[str, int] = {}
    for row in rows:
        code, category, flag = row["ho_code"], row["actuarial_category"], row["is_violent_sanction"]
        faults = {
            "a code that is not five digits": len(code) != 5 or not code.isdigit(),
            "a code twice": code in violent,
            "an unknown actuarial category": category not in (*OFFENCE_CATEGORIES, NO_CATEGORY),
            "neither 0 nor 1 as is_violent_sanction": flag not in ("0", "1"),
        }
        for fault in (fault for fault, holds in faults.items() if holds):
            wrong[fault] = wrong.get(fault, 0) + 1
        violent[code] = flag == "1"
        if category == NO_CATEGORY:  # such as "invalid offence", which has a number all the same
            continue
        categories[code] = category
        if row["ogrs3_weighting"]:
            number = reader.number(row["ogrs3_weighting"], f"{OFFENCE_CODES} {code}")
            group = _group(number, groups)
            if group:
                group_of[code] = group
            elif groups and np.isfinite(number) and number != EXACT_OFFENCE_NEEDED:
                wrong["a number that no OGRS3 group has"] = wrong.get("a number that no OGRS3 group has", 0) + 1
    for fault, count in wrong.items():
        reader.wrong(f"{count} rows with {fault}", OFFENCE_CODES, "the published table")
    return OffenceCodes(categories, group_of, violent)


def _group(number: float, groups: Mapping[str, float]) -> str:
    """The OGRS3 group whose coefficient is this number to four decimals; empty where none is."""
    if number in LATER_NUMBERS:
        return LATER_NUMBERS[number]
    return next((group for group, value in groups.items() if abs(value - number) <= 6e-5), "")
