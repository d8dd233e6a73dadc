"""The made-up borough's adults by community, from the same rounded figures its people are drawn from."""

from __future__ import annotations

import numpy as np

from desist.records.codes import AGE_BANDS
from desist.simulation.world import GROUPS, borough

ADULT = 18


def borough_adults() -> dict[str, dict[str, int]]:
    """Adults by ethnicity (5 groups), sex and age band; sexes are halves, ages alike in every ward."""
    place = borough()
    first = np.maximum(place.age_from, ADULT)
    years = np.maximum(place.age_to - first + 1, 0)
    grown = place.age_residents * years / (place.age_to - place.age_from + 1)
    adults = float(grown.sum())
    groups = (place.residents[:, None] * place.shares).sum(axis=0) * adults / place.residents.sum()
    bands = {_label(low, high): round(_between(low, high)) for low, high in AGE_BANDS}
    return {
        "ethnicity": {name: round(float(count)) for name, count in zip(GROUPS, groups, strict=True)},
        "sex": {"Female": round(adults / 2), "Male": round(adults / 2)},
        "age_band": bands,
    }


def _label(low: int, high: int) -> str:
    return f"{low} and over" if (low, high) == AGE_BANDS[-1] else f"{low}-{high}"


def _between(low: int, high: int) -> float:
    """Residents from ``low`` to ``high`` years, taken as spread evenly over each of the table's bands."""
    place = borough()
    overlap = np.minimum(place.age_to, high) - np.maximum(place.age_from, low) + 1
    return float((place.age_residents * np.maximum(overlap, 0) / (place.age_to - place.age_from + 1)).sum())
