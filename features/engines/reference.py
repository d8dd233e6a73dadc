"""The reference engine: each definition worked out over one person's events, in plain Python. It is the judge.

Nothing here is clever: of the records that were known (``facts.py``), each definition is a line or two over a list.
"""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from desist.features import language as say
from desist.features.contracts import EventContract
from desist.features.engines.facts import Facts, days_in_custody, facts_of, histories
from desist.features.engines.terms import Ages, check_written_for
from desist.features.events import Events
from desist.features.register import Register
from desist.features.rows import Field, Value
from desist.features.tables import Profiles, check_rows
from desist.features.windows import Lookback
from desist.records.errors import Refused


def value_of(definition: say.Definition, facts: Facts) -> Value:
    """The definition's value for one person on one as-of date; None where it is missing."""
    if not facts.unanswered.isdisjoint(definition.asks):
        return None
    return WORKED_OUT[type(definition)](definition, facts)


def _count(asked: say.Count, facts: Facts) -> Value:
    return float(len(facts.of(asked.rows, asked.window)))


def _has(asked: say.Has, facts: Facts) -> Value:
    return 1.0 if facts.of(asked.rows, asked.window) else 0.0


def _days_since(asked: say.DaysSince, facts: Facts) -> Value:
    days = [record["occurred_on"] for record in facts.of(asked.rows, asked.window)]
    if days:
        return float(facts.as_of - max(days))
    return float(asked.window.days) if asked.none_as == "window" and asked.window else None


def _days_since_first(asked: say.DaysSinceFirst, facts: Facts) -> Value:
    days = [record["occurred_on"] for record in facts.of(asked.rows, asked.window)]
    return float(facts.as_of - min(days)) if days else None


def _is_open(asked: say.IsOpen, facts: Facts) -> Value:
    contract = asked.rows.contract
    if _never_told(contract, facts):
        return None
    for record in facts.of(asked.rows, asked.window):
        last = facts.last_day(record, contract)
        if last is None or last >= facts.as_of:
            return 1.0
    return 0.0


def _never_told(contract: EventContract, facts: Facts) -> bool:
    """Whether the source sends no date at all on which a spell ends: then nobody can tell which are open."""
    return all(f"{contract.name}.{name}" in facts.unanswered for name in contract.ends)


def _most_recent(asked: say.MostRecent, facts: Facts) -> Value:
    name = asked.field.name
    known = [record for record in facts.of(asked.field.rows, asked.window) if record[name] is not None]
    if not known:
        return None
    last = max(known, key=lambda record: (record["occurred_on"], record["recorded_on"], record[name]))
    value: Value = last[name]
    return value


def _worst(asked: say.Worst, facts: Facts) -> Value:
    values = [record[asked.field.name] for record in facts.of(asked.field.rows, asked.window)]
    return float(max((value for value in values if value is not None), default=0.0))


def _distinct(asked: say.Distinct, facts: Facts) -> Value:
    values = {record[asked.field.name] for record in facts.of(asked.field.rows, asked.window)}
    return float(len(values - {None}))


def _values(field: Field, facts: Facts, window: Lookback | None) -> list[float]:
    """The known values of a number over the rows in the window."""
    values = [record[field.name] for record in facts.of(field.rows, window)]
    return [value for value in values if value is not None]


def _first(asked: say.First, facts: Facts) -> Value:
    name = asked.field.name
    known = [record for record in facts.of(asked.field.rows, asked.window) if record[name] is not None]
    if not known:
        return None
    earliest = min(known, key=lambda record: (record["occurred_on"], record["recorded_on"], record[name]))
    value: Value = earliest[name]
    return value


def _sum(asked: say.Sum, facts: Facts) -> Value:
    return math.fsum(_values(asked.field, facts, asked.window))


def _mean_of(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _mean(asked: say.Mean, facts: Facts) -> Value:
    return _mean_of(_values(asked.field, facts, asked.window))


def _trend(asked: say.Trend, facts: Facts) -> Value:
    earlier, later = asked.halves()
    if isinstance(asked.of, Field):
        before, after = (_mean_of(_values(asked.of, facts, half)) for half in (earlier, later))
        return None if before is None or after is None else after - before
    return float(len(facts.of(asked.rows, later)) - len(facts.of(asked.rows, earlier)))


def _decayed_count(asked: say.DecayedCount, facts: Facts) -> Value:
    days = [record["occurred_on"] for record in facts.of(asked.rows, asked.window)]
    return math.fsum(asked.weight(facts.as_of - day) for day in days)


def _gap_between(asked: say.GapBetween, facts: Facts) -> Value:
    days = sorted({record["occurred_on"] for record in facts.of(asked.rows, asked.window)})
    if asked.then is None:
        return float(days[-1] - days[-2]) if len(days) > 1 else None
    after = [record["occurred_on"] for record in facts.of(asked.then, asked.window)]
    followed = [day for day in after if days and day >= days[-1]]
    return float(min(followed) - days[-1]) if followed else None


def _share(asked: say.Share, facts: Facts) -> Value:
    if asked.of is None:
        return None
    answers = [record[asked.field.name] for record in facts.of(asked.of, asked.window)]
    known = [answer for answer in answers if answer is not None]
    return sum(known) / len(known) if known else None


def _rate_per_year_at_liberty(asked: say.RatePerYearAtLiberty, facts: Facts) -> Value:
    events = facts.of(asked.rows, asked.window)
    if asked.window is None or asked.custody is None:
        return None
    first, end = facts.as_of - asked.window.days, facts.as_of - asked.window.until
    free = end - first - days_in_custody(facts, asked.custody, first, end)
    return 365.0 * len(events) / free if free >= say.LEAST_DAYS_AT_LIBERTY else None


def _duration(asked: say.Duration, facts: Facts) -> Value:
    if asked.window is None or _never_told(asked.rows.contract, facts):
        return None
    first, end = facts.as_of - asked.window.days, facts.as_of - asked.window.until
    return float(days_in_custody(facts, asked.rows, first, end))


def _combined(asked: say.Combined, facts: Facts) -> Value:
    one = value_of(asked.one, facts)
    other = value_of(asked.other, facts) if isinstance(asked.other, say.Definition) else float(asked.other)
    if one is None or other is None or (asked.operator == "/" and other == 0):
        return None
    made = float(CALCULATED[asked.operator](one, other))
    return made if math.isfinite(made) else None  # a number too large to write down is no answer


def _tested(asked: say.Tested, facts: Facts) -> Value:
    value = value_of(asked.value, facts)
    if value is None:
        return None
    return float(value >= asked.number if asked.operator == "at_least" else value <= asked.number)  # type: ignore[operator]


def _chosen(asked: say.Chosen, facts: Facts) -> Value:
    test = value_of(asked.test, facts)
    if test is None:
        return None
    chosen = asked.then if test else asked.otherwise
    return value_of(chosen, facts) if isinstance(chosen, say.Definition) else float(chosen)


def _age(asked: say.Age, facts: Facts) -> Value:
    age = facts.age
    if asked.first is not None:
        days = [record["occurred_on"] for record in facts.of(asked.first, asked.window)]
        if not days or facts.age_on is None:
            return None
        age = facts.age_on(min(days))
    return None if np.isnan(age) else float(age)


#: How each function of the language is worked out. A new function is one more line.
WORKED_OUT: Mapping[type[say.Definition], Callable[[Any, Facts], Value]] = {
    say.Count: _count,
    say.Has: _has,
    say.DaysSince: _days_since,
    say.DaysSinceFirst: _days_since_first,
    say.IsOpen: _is_open,
    say.MostRecent: _most_recent,
    say.Worst: _worst,
    say.Distinct: _distinct,
    say.First: _first,
    say.Sum: _sum,
    say.Mean: _mean,
    say.Trend: _trend,
    say.DecayedCount: _decayed_count,
    say.GapBetween: _gap_between,
    say.Duration: _duration,
    say.Share: _share,
    say.RatePerYearAtLiberty: _rate_per_year_at_liberty,
    say.Age: _age,
    say.Combined: _combined,
    say.Tested: _tested,
    say.Chosen: _chosen,
}
#: What arithmetic does, once nothing is missing and nothing is divided by 0.
CALCULATED: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


def build_profiles(events: Events, cohort_rows: pd.DataFrame, register: Register, ages: Ages | None = None) -> Profiles:
    """One row per (person, as-of date) of the cohort, in its order, with a float column per feature of the register.

    NaN is missing: a source that is not shared, or that had no record of the person before the as-of date, or what
    the definition itself says. ``ages`` is needed only where a register holds an approved age.
    """
    check_rows(cohort_rows, "cohort", [])
    definitions = [feature.definition for feature in register.used]
    tables = say.tables_read(definitions)
    check_written_for(events.contracts, definitions)
    people = cohort_rows["person_id"].astype("str").tolist()
    days = [day.date() for day in cohort_rows["as_of"]]
    positions: dict[str, list[int]] = {}
    for position, person in enumerate(people):
        positions.setdefault(person, []).append(position)
    aged = _ages_of(definitions, people, days, ages)
    values = np.full((len(people), len(definitions)), np.nan)
    done = 0
    for block in histories(events, tables, people):
        for person, history in block.items():
            for position in positions[person]:
                facts = facts_of(events, person, days[position], tables, history)
                if aged is not None and ages is not None:
                    facts.age = aged[position]
                    facts.age_on = lambda day, person=person: _age_on(ages, person, day)  # type: ignore[misc]
                for place, definition in enumerate(definitions):
                    value = value_of(definition, facts)
                    if value is not None:
                        values[position, place] = value
                done += 1
    if done != len(people):
        raise ValueError(f"profiles were built for {done} of {len(people)} rows of the cohort; none may be lost")
    key = cohort_rows[["person_id", "as_of"]].reset_index(drop=True)
    table = pd.concat([key, pd.DataFrame(values, columns=list(register.names))], axis=1)
    return Profiles(table, register.names, register.hash)


def _ages_of(
    definitions: Sequence[say.Definition], people: Sequence[str], days: Sequence[dt.date], ages: Ages | None
) -> list[float] | None:
    if not any(isinstance(definition, say.Age) for definition in definitions):
        return None
    if ages is None:
        raise Refused("The register holds an approved age; give build_profiles the ages from the vault (ages=...).")
    found = [float("nan")] * len(people)
    positions: dict[dt.date, list[int]] = {}
    for position, day in enumerate(days):
        positions.setdefault(day, []).append(position)
    for day, there in sorted(positions.items()):
        at = ages([people[position] for position in there], day)
        for position in there:
            found[position] = float(at.get(people[position], float("nan")))
    return found


def _age_on(ages: Ages, person: str, day: int) -> float:
    return float(ages([person], dt.date.fromordinal(day)).get(person, float("nan")))
