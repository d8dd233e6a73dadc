"""How often: reoffences counted, and the three measures of the national statistics."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from desist.features.events import Events
from desist.features.outcomes.definitions import OutcomeDefinition
from desist.features.outcomes.follow_up import FollowUps, follow_ups

MEASURES = ("cohort", "not_known", "reoffenders", "reoffences", "rate", "frequency", "reoffences_per_person")


def count_reoffences(
    events: Events, rows: pd.DataFrame, definitions: Sequence[OutcomeDefinition], known_by: dt.date
) -> pd.DataFrame:
    """Number of offences that count in each follow-up: person_id, as_of, a column per definition, and why_missing.

    NaN, never 0, wherever the label is missing. One row of the event table is one offence.
    """
    found = follow_ups(events, rows, definitions, known_by)
    return found.as_table(found.counts)


def reoffending_measures(found: FollowUps, groups: pd.Series | None = None) -> pd.DataFrame:
    """One row per outcome (and group, in sorted order): the measures of DOMAIN section 6.

    ``cohort``: rows whose outcome is known; ``not_known``: the others, left out of every measure. ``rate`` is
    reoffenders in the cohort, ``frequency`` reoffences per reoffender (missing where nobody reoffended), and
    ``reoffences_per_person`` reoffences per row of the cohort. A person with several as-of dates is several rows:
    give one as-of date, or group by it. ``groups``: the group of each row, in the order of the rows.
    Source: Ministry of Justice, guide to proven reoffending statistics, measures.
    """
    if groups is not None and len(groups) != len(found.rows):
        raise ValueError(f"{len(groups)} groups for {len(found.rows)} rows")
    members = [("", np.ones(len(found.rows), dtype=bool))]
    if groups is not None:
        values = groups.reset_index(drop=True)
        members = [(value, (values == value).to_numpy()) for value in sorted(values.dropna().unique())]
    made = [
        {"outcome": name, "group": group, **_measured(found.counts[there, place])}
        for place, name in enumerate(found.names)
        for group, there in members
    ]
    table = pd.DataFrame(made, columns=["outcome", "group", *MEASURES])
    return table.drop(columns="group") if groups is None else table


def _measured(counts: np.ndarray) -> dict[str, float]:
    known = counts[~np.isnan(counts)]
    cohort, reoffenders, reoffences = len(known), int((known > 0).sum()), int(known.sum())
    return {
        "cohort": cohort,
        "not_known": len(counts) - cohort,
        "reoffenders": reoffenders,
        "reoffences": reoffences,
        "rate": reoffenders / cohort if cohort else np.nan,
        "frequency": reoffences / reoffenders if reoffenders else np.nan,
        "reoffences_per_person": reoffences / cohort if cohort else np.nan,
    }
