"""How many offences count in each follow-up and on which day the first was: one compiled pass over all rows.

The compiled code is imported when it is first needed, so that ``import desist.features.outcomes`` stays light.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.features.events import Events, empty_table
from desist.features.outcomes.definitions import ALREADY_AT_THE_TOP, LIBERTY_DAYS, OutcomeDefinition
from desist.features.outcomes.packing import (
    NEVER,
    Array,
    People,
    Places,
    answered,
    day_numbers,
    days_of,
    masks,
    meeting,
)
from desist.features.tables import check_rows
from desist.features.vocabulary import CUSTODY
from desist.records import codes

#: Definitions looked at in one pass: one bit each.
AT_A_TIME = 64
#: Why there is no outcome, as numbers.
NOT_SHARED, NOT_TOLD_APART, NOT_MATURE, AT_THE_TOP = 1, 2, 3, 4


@dataclass(frozen=True)
class FollowUps:
    """What happened in each follow-up, per row and definition.

    ``counts``: offences that count; ``first_day``: the follow-up day of the first, NaN where there is none. Both are
    NaN where the outcome is missing; ``why_missing`` (one text a row) says why. ``rows``: person_id, as_of.
    """

    rows: pd.DataFrame
    definitions: tuple[OutcomeDefinition, ...]
    counts: Array
    first_day: Array
    why_missing: list[str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(definition.name for definition in self.definitions)

    def labels(self) -> Array:
        """1 where something counts, 0 where nothing does, NaN where the outcome is missing."""
        return np.where(np.isnan(self.counts), np.nan, (self.counts > 0).astype("float64"))

    def as_table(self, values: Array) -> pd.DataFrame:
        """person_id, as_of, a column of ``values`` per definition, and why_missing."""
        table = pd.concat([self.rows, pd.DataFrame(values, columns=list(self.names))], axis=1)
        return table.assign(why_missing=pd.Series(self.why_missing, dtype="str"))


def last_known_by(events: Events, definitions: Sequence[OutcomeDefinition], known_by: dt.date) -> dt.date:
    """The day we stand on, but no later than the day after an extract was cut that tells of what counts."""
    sources = {events.contracts[definition.table].source for definition in definitions}
    cuts = [events.snapshots[source] + dt.timedelta(days=1) for source in sorted(sources & events.snapshots.keys())]
    return min([known_by, *cuts])


def follow_ups(
    events: Events, rows: pd.DataFrame, definitions: Sequence[OutcomeDefinition], known_by: dt.date
) -> FollowUps:
    """Counts and first days per (person, as-of date), from what was recorded before ``known_by`` only."""
    check_rows(rows, "rows", [])
    known_by = last_known_by(events, definitions, known_by)
    people, as_of = People.of(rows), days_of(rows)
    longest = np.full(len(rows), NEVER, dtype=np.int64)
    counts, first_day = (np.full((len(rows), len(definitions)), np.nan) for _ in range(2))
    for places in _passes(definitions):
        asked = [definitions[place] for place in places]
        counts[:, places], first_day[:, places] = count_and_first(events, people, as_of, longest, asked, known_by)
    reasons = _reasons(events, definitions, people, as_of, known_by)
    counts[reasons > 0] = np.nan
    first_day[np.isnan(counts) | (counts == 0)] = np.nan
    table = rows[["person_id", "as_of"]].reset_index(drop=True)
    return FollowUps(table, tuple(definitions), counts, first_day, _in_words(events, definitions, as_of, reasons))


def _passes(definitions: Sequence[OutcomeDefinition]) -> list[list[int]]:
    """Which definitions go through the compiled pass together: those of one table that ask for the same proof."""
    alike: dict[tuple[str, bool], list[int]] = {}
    for place, definition in enumerate(definitions):
        alike.setdefault((definition.table, definition.by_sanction), []).append(place)
    return [places[at : at + AT_A_TIME] for places in alike.values() for at in range(0, len(places), AT_A_TIME)]


def count_and_first(
    events: Events,
    people: People,
    as_of: Array,
    longest: Array,
    definitions: Sequence[OutcomeDefinition],
    known_by: dt.date,
) -> tuple[Array, Array]:
    """How often something counts in each row's follow-up and on which day first (0: never); rows x definitions.

    The definitions count rows of one table by the same proof. ``longest``: the days of follow-up looked at in each
    row at most; the waiting period begins after them.
    """
    from desist.features.outcomes import kernels

    table = events.visible(definitions[0].table, known_by)
    by_sanction = definitions[0].by_sanction
    proven = table["sanction_type"].isin(codes.SANCTIONS).to_numpy() if by_sanction else np.ones(len(table), bool)
    places = Places.of(table, people)
    counts, first_day = (np.zeros((len(as_of), len(definitions)), dtype=np.int64) for _ in range(2))
    kernels.count_and_first(
        places.starts, day_numbers(table["occurred_on"]), day_numbers(table["recorded_on"]),
        day_numbers(table["sanction_date" if by_sanction else "recorded_on"]),
        masks([meeting(table, each.counts) & proven for each in definitions], len(table)),
        places.of_person[people.of_row], as_of, np.full(len(as_of), known_by.toordinal(), dtype=np.int64), longest,
        np.array([each.follow_up_days for each in definitions], dtype=np.int64),
        np.array([each.waiting_days for each in definitions], dtype=np.int64),
        counts, first_day,
    )  # fmt: skip
    return counts, first_day


def worst_bands(events: Events, people: People, as_of: Array) -> Array:
    """For each row the highest band of the last 24 months at liberty (``reference.worst_band_at_liberty``)."""
    from desist.features.outcomes import kernels

    found, spells = events.tables["offences"], events.tables.get("custody", empty_table(CUSTODY))
    stamp = events.contracts["custody"].learnt_later.get("release") if "custody" in events.contracts else None
    known = spells[stamp].where(spells["release"].notna()) if stamp else spells["recorded_on"]
    offence_places, spell_places = Places.of(found, people), Places.of(spells, people)
    held = np.where(answered(events, "custody", people, as_of), spell_places.of_person[people.of_row], -1)
    worst = np.zeros(len(as_of))
    kernels.worst_band(
        offence_places.starts, day_numbers(found["occurred_on"]), day_numbers(found["recorded_on"]),
        day_numbers(found["sanction_date"]), found["severity"].fillna(0.0).to_numpy(dtype="float64"),
        spell_places.starts, day_numbers(spells["occurred_on"]), day_numbers(spells["recorded_on"]),
        day_numbers(spells["release"]), day_numbers(known),
        offence_places.of_person[people.of_row], held, as_of, LIBERTY_DAYS, NEVER, worst,
    )  # fmt: skip
    return worst


def _reasons(
    events: Events, definitions: Sequence[OutcomeDefinition], people: People, as_of: Array, known_by: dt.date
) -> Array:
    """Why there is no outcome, as a number per row and definition; 0 where there is one. The first reason holds."""
    reasons = np.zeros((len(as_of), len(definitions)), dtype=np.int64)
    tells = {table: answered(events, table, people, as_of) for table in {each.table for each in definitions}}
    compared = any(each.only_below is not None for each in definitions) and "offences" in events.tables
    worst = worst_bands(events, people, as_of) if compared else np.zeros(len(as_of))
    for place, definition in enumerate(definitions):
        asked = [f"{definition.table}.{test.field}" for test in definition.counts.conditions]
        apart = events.unsent.isdisjoint(asked)
        immature = as_of + definition.days_to_mature > known_by.toordinal()
        at_the_top = worst >= (np.inf if definition.only_below is None else definition.only_below)
        reasons[:, place] = np.select(
            [~tells[definition.table], np.full(len(as_of), not apart), immature, at_the_top],
            [NOT_SHARED, NOT_TOLD_APART, NOT_MATURE, AT_THE_TOP],
        )
    return reasons


def _in_words(events: Events, definitions: Sequence[OutcomeDefinition], as_of: Array, reasons: Array) -> list[str]:
    """Why labels are missing, one text a row; each combination is said once."""
    alike = np.where((reasons == NOT_MATURE).any(axis=1), as_of, 0)
    for column in reasons.T:
        alike = pd.factorize(alike * (AT_THE_TOP + 1) + column)[0]
    _, first = np.unique(alike, return_index=True)
    texts = [
        said(definitions, [_words(events, each, int(as_of[row]), int(reasons[row, at]))
                           for at, each in enumerate(definitions)])
        for row in first
    ]  # fmt: skip
    return [texts[place] for place in alike]


def _words(events: Events, definition: OutcomeDefinition, as_of: int, reason: int) -> str:
    source = events.contracts[definition.table].source
    if reason == NOT_MATURE:
        return not_known_before(definition, as_of)
    return {NOT_SHARED: not_shared(source), NOT_TOLD_APART: not_told_apart(source), AT_THE_TOP: ALREADY_AT_THE_TOP}.get(
        reason, ""
    )


def not_shared(source: str) -> str:
    return f"{source} records are not shared"


def not_told_apart(source: str) -> str:
    return f"{source} records do not tell these offences apart"


def not_known_before(definition: OutcomeDefinition, as_of: int) -> str:
    return f"not known before {definition.matures_on(dt.date.fromordinal(as_of)).isoformat()}"


def said(definitions: Sequence[OutcomeDefinition], reasons: Sequence[str]) -> str:
    """Why labels are missing: the reason alone where it is everybody's, else the outcomes it is for."""
    if len(set(reasons)) == 1:
        return reasons[0]
    named = [f"{d.name}: {why}" for d, why in zip(definitions, reasons, strict=True) if why]
    return "; ".join(named)
