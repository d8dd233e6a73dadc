"""Time to the first proven reoffence, with recall and custody as competing events.

Nobody is dropped. Each row ends with the first thing that happened to it: a reoffence, a recall, another return to
custody, or the end of what can be seen of it. The choices, all this toolkit's own (DOMAIN section 6):

- A reoffence happens on the day the offence was committed, if it is one that the label counts.
- A recall is an enforcement of type recall, or a spell in custody that ended as a release after recall.
- Custody is the beginning of a spell, remand included. A spell that begins while, or the day after, another lasted,
  or that follows a release for a day, is no beginning. Somebody held on the as-of date stays in the table
  (``in_custody``, as then known) and can be recalled, or imprisoned anew, after a release.
- On one day the reoffence comes first, then recall, then custody, then death, then moving away: an offence is what
  custody follows.
- Death and moving away are known only where treatment services share and tell of a discharge for that reason.
- The follow-up is as long as has matured: a day is seen once the waiting period and the lag after it are over. An
  offence counts when sanctioned by the end of the waiting period after the follow-up so shortened. A row that has
  not matured wholly ends at its last matured day (``end of data``): offences late in a short follow-up had less time
  to be sanctioned than the same days of a long one, so a table of rows with the whole ``observed_days`` is the one to
  publish. They depend on the as-of date alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from desist.features.events import Events, empty_table
from desist.features.outcomes.catalogue import PROVEN_REOFFENDING
from desist.features.outcomes.definitions import OutcomeDefinition
from desist.features.outcomes.follow_up import count_and_first, not_shared, not_told_apart
from desist.features.outcomes.packing import NEVER, Array, People, answered, day_numbers, days_of, meeting
from desist.features.rows import Rows
from desist.features.tables import check_rows
from desist.features.vocabulary import CONTRACTS, enforcement, treatment_episode
from desist.records.errors import Refused

CAUSES = ("reoffence", "recall", "custody", "censored")
DEATH, MOVED_AWAY, END_OF_DATA, END_OF_FOLLOW_UP = "death", "moved away", "end of data", "end of follow-up"
RECALLED: Rows = enforcement.where(enforcement.type.one_of("recall"))
DIED: Rows = treatment_episode.where(treatment_episode.discharge_reason.one_of("died"))
MOVED: Rows = treatment_episode.where(treatment_episode.discharge_reason.one_of("moved_away"))
COLUMNS = ("days", "cause", "why_censored", "observed_days", "in_custody", "why_missing")


@dataclass(frozen=True)
class TimesToFirst:
    """The first event of each row.

    ``table``: person_id, as_of, and ``days`` (1 is the as-of date itself; for a censored row the days seen without
    an event, 0 where not one; NaN where the row is missing), ``cause`` (one of CAUSES, empty where missing),
    ``why_censored``, ``observed_days`` (follow-up that has matured), ``in_custody`` (1 or 0, on the as-of date as
    then known) and ``why_missing``. ``sentence`` is printed with every result.
    """

    table: pd.DataFrame
    sentence: str
    follow_up_days: int

    def __post_init__(self) -> None:
        check_rows(self.table, "times to the first event", list(COLUMNS))


def time_to_first(
    events: Events, rows: pd.DataFrame, known_by: dt.date, definition: OutcomeDefinition = PROVEN_REOFFENDING
) -> TimesToFirst:
    """The first of reoffence, recall and custody per (person, as-of date), from what was recorded before ``known_by``.

    Missing, never censored, where police had no record of the person before the as-of date, or prison share nothing:
    then nobody can tell what came first. Where probation share nothing, a recall shows as custody.
    Raises Refused for an outcome that not everybody can have, such as escalation.
    """
    check_rows(rows, "rows", [])
    if definition.only_below is not None:
        raise Refused(f"{definition.name} is asked of some people only; take time to the offence it counts instead.")
    known_by = known_by_all(events, definition, known_by)
    people, as_of = People.of(rows), days_of(rows)
    observed = days_observed(definition, as_of, known_by)
    _, first = count_and_first(events, people, as_of, observed, [definition], known_by)
    spells = _spells(events, known_by)
    happened = {
        "reoffence": np.where(first[:, 0] > 0, first[:, 0], NEVER),
        "recall": first_day_of(
            [dated(events, RECALLED, known_by, "occurred_on"), spells[spells["begins"] & spells["recalled"]]],
            people, as_of,
        ),
        "custody": first_day_of([spells[spells["begins"]]], people, as_of),
        DEATH: first_day_of([dated(events, DIED, known_by, "discharge_date")], people, as_of, ever=True),
        MOVED_AWAY: first_day_of([dated(events, MOVED, known_by, "discharge_date")], people, as_of),
    }  # fmt: skip
    table = rows[["person_id", "as_of"]].reset_index(drop=True)
    days, cause, why = _earliest(happened, observed, definition.follow_up_days)
    table = table.assign(days=days, cause=cause, why_censored=why, observed_days=observed)
    table["in_custody"] = _held(events, people, as_of)
    table = _with_missing(table, why_missing(events, definition, people, as_of, observed))
    return TimesToFirst(table, _sentence(events, definition), definition.follow_up_days)


def known_by_all(events: Events, definition: OutcomeDefinition, known_by: dt.date) -> dt.date:
    """The day we stand on, but no later than the day after any extract was cut that tells of an event."""
    tables = [events.contracts.get(name) for name in (definition.table, "custody", "enforcement")]
    sources = {contract.source for contract in tables if contract is not None and contract.name in events.tables}
    cuts = [events.snapshots[source] + dt.timedelta(days=1) for source in sorted(sources & events.snapshots.keys())]
    return min([known_by, *cuts])


def days_observed(definition: OutcomeDefinition, as_of: Array, known_by: dt.date) -> Array:
    """The days of each follow-up that have matured: their waiting period and the lag after it are over."""
    matured = known_by.toordinal() - definition.data_lag_days - definition.waiting_days - as_of
    observed: Array = np.clip(matured, 0, definition.follow_up_days)
    return observed


def dated(events: Events, rows: Rows, known_by: dt.date, date: str) -> pd.DataFrame:
    """person_id and the day of the rows that meet every condition, as known; none where they are not sent."""
    name = rows.contract.name
    if name not in events.tables:
        return pd.DataFrame({"person_id": pd.Series(dtype="str"), "day": np.zeros(0, dtype=np.int64)})
    table = events.visible(name, known_by)
    found = table[meeting(table, rows) & table[date].notna().to_numpy()]
    return pd.DataFrame({"person_id": found["person_id"], "day": day_numbers(found[date]).astype(np.int64)})


def _spells(events: Events, known_by: dt.date) -> pd.DataFrame:
    """Spells in custody as known: person_id, day, whether custody begins with it, and whether it was a recall."""
    table = events.visible("custody", known_by) if "custody" in events.tables else empty_table(CONTRACTS["custody"])
    table = table.reset_index(drop=True)
    who = table["person_id"]
    begin, last = (pd.Series(day_numbers(table[name]).astype(np.int64)) for name in ("occurred_on", "release"))
    before = last.groupby(who).cummax().groupby(who).shift()
    day_out = (table["release_type"] == "temporary").astype("float64").groupby(who).shift()
    recalled = (table["release_type"] == "post_recall").to_numpy(dtype=bool)
    begins = (before.isna() | (begin > before + 1)) & (day_out != 1.0)
    return pd.DataFrame({"person_id": who, "day": begin, "begins": begins.to_numpy(), "recalled": recalled})


def _held(events: Events, people: People, as_of: Array) -> Array:
    """1 where the person was in custody on the as-of date as known before it, else 0; NaN where prison do not tell."""
    held = np.where(answered(events, "custody", people, as_of), 0.0, np.nan)
    if "custody" not in events.tables:
        return held
    for day in np.unique(as_of):
        seen = events.visible("custody", dt.date.fromordinal(int(day)))
        open_then = (day_numbers(seen["occurred_on"]) < day) & (day_numbers(seen["release"]) >= day)
        inside = np.isin(people.names, seen.loc[open_then, "person_id"].to_numpy(dtype=object))
        held[(as_of == day) & inside[people.of_row]] = 1.0
    return held


def first_day_of(parts: list[pd.DataFrame], people: People, as_of: Array, *, ever: bool = False) -> Array:
    """The follow-up day of the first of these days on or after the as-of date; NEVER where there is none.

    ``ever``: before the as-of date too, as day 0.
    """
    table = pd.concat(parts, ignore_index=True)
    place = pd.Index(people.names, dtype=object).get_indexer(pd.Index(table["person_id"].to_numpy(dtype=object)))
    wide = np.int64(2**32)
    keys = np.sort(place[place >= 0] * wide + table["day"].to_numpy()[place >= 0])
    asked = people.of_row * wide + (0 if ever else as_of)
    at = np.minimum(np.searchsorted(keys, asked), max(len(keys) - 1, 0))
    if not len(keys):
        return np.full(len(as_of), NEVER, dtype=np.int64)
    found = keys[at]
    theirs = (found >= asked) & (found // wide == people.of_row)
    return np.where(theirs, np.maximum(found % wide - as_of + 1, 0), NEVER)


def _earliest(happened: Mapping[str, Array], observed: Array, follow_up_days: int) -> tuple[Array, Array, Array]:
    """Days, cause and why censored: the first that happened within the days observed; at a tie the first named."""
    days = observed.astype("float64")
    cause = np.full(len(observed), "censored", dtype=object)
    why = np.where(observed < follow_up_days, END_OF_DATA, END_OF_FOLLOW_UP).astype(object)
    taken = observed + 1
    for name, day in happened.items():
        earlier = day < taken
        taken = np.where(earlier, day, taken)
        days[earlier] = day[earlier]
        cause[earlier] = name if name in CAUSES else "censored"
        why[earlier] = "" if name in CAUSES else name
    return days, cause, why


def why_missing(
    events: Events, definition: OutcomeDefinition, people: People, as_of: Array, observed: Array, needed: int = 1
) -> Array:
    """For each row why nobody can tell what came first, empty where it can be told.

    ``needed``: the days of follow-up that must have matured.
    """
    source = events.contracts[definition.table].source
    asked = [f"{definition.table}.{test.field}" for test in definition.counts.conditions]
    wait = definition.waiting_days + definition.data_lag_days + needed
    not_yet = [f"not known before {dt.date.fromordinal(int(day) + wait).isoformat()}" for day in as_of]
    return np.select(
        [
            ~answered(events, definition.table, people, as_of),
            np.full(len(as_of), not events.unsent.isdisjoint(asked)),
            ~answered(events, "custody", people, as_of),
            observed < needed,
        ],
        [not_shared(source), not_told_apart(source), not_shared("prison"), np.array(not_yet, dtype=object)],
        default="",
    )


def _with_missing(table: pd.DataFrame, why: Array) -> pd.DataFrame:
    """The table with rows emptied of which nobody can tell what came first, each with why."""
    missing = why != ""
    table.loc[missing, "days"] = np.nan
    table.loc[missing, ["cause", "why_censored"]] = ""
    texts = {name: table[name].astype("str") for name in ("cause", "why_censored")}
    return table.assign(**texts, why_missing=pd.Series(why, dtype="str"))[["person_id", "as_of", *COLUMNS]]


def _sentence(events: Events, definition: OutcomeDefinition) -> str:
    said = (
        f"days from the as-of date (day 1) to {definition.in_words()}, with recall and custody as competing events; "
        "nobody is left out for them"
    )
    return said if "enforcement" in events.tables else f"{said}; recalls are not shared and show as custody"
