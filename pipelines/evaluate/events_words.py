"""What a reader must know of rows made of events, in sentences and as figures. Counts only, no person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

from desist.features.windows import length_in_words
from desist.pipelines.evaluate.events_read import LoadedEvents
from desist.pipelines.evaluate.events_spec import AS_OF, PERSON, EventOutcome, EventsSpec, EventTable
from desist.reports.wording import day

SHOWN = 12  # row numbers named in a sentence; set_aside.csv has all
MONTHS_BEFORE = 24
THIN = 2 / 3


def figures_of(asked: EventsSpec, loaded: Mapping[str, LoadedEvents], profiles: pd.DataFrame) -> dict[str, Any]:
    """Sizes for metrics.json: of each table as read, of what was set aside, of the rows and each date's outcomes."""
    tables = {}
    for name, part in loaded.items():
        per_person = part.rows[PERSON].value_counts()
        tables[name] = {
            "events_read": part.read,
            "set_aside": len(part.set_aside),
            "set_aside_by_reason": {str(k): int(n) for k, n in part.set_aside["reason"].value_counts().items()},
            "events_used": len(part.rows),
            "people": len(per_person),
            "mean_a_person": round(float(per_person.mean()), 3),
            "most_a_person": int(per_person.max()),
            "never_known_for_want_of_a_day": dict(part.undated),
        }
    by_date = profiles.groupby(AS_OF)
    dates = {
        f"{date:%Y-%m-%d}": {
            "rows": len(rows),
            **{name: _rate(rows[name]) for name in asked.outcomes},
        }
        for date, rows in by_date
    }
    return {
        "cut_on": asked.cut_on.isoformat(),
        "tables": tables,
        "rows": len(profiles),
        "people": int(profiles[PERSON].nunique()),
        "as_of": dates,
    }


def _rate(labels: pd.Series[Any]) -> float | None:
    return None if labels.isna().all() else round(float(labels.mean()), 6)


def lines_of(asked: EventsSpec, loaded: Mapping[str, LoadedEvents], profiles: pd.DataFrame) -> tuple[str, ...]:
    """How the rows were made, clock by clock, then what was set aside and what the end of the extract hides."""
    lines = [line for name, table in asked.tables.items() for line in _table_lines(table, loaded[name])]
    lines.append(_cohort_line(asked, profiles))
    for name, part in asked.outcomes.items():
        lines.append(_outcome_line(asked, name, part, profiles))
        lines += _thin_line(asked, part, loaded[part.counts.contract.name], profiles[profiles[name].notna()])
    return (*lines, *_early_lines(asked, loaded))


def _table_lines(table: EventTable, part: LoadedEvents) -> list[str]:
    per_person = part.rows[PERSON].value_counts()
    lines = [
        f"{part.read:,} {table.many} read from {table.file}, {len(part.rows):,} used: of {len(per_person):,} people, "
        f"{per_person.mean():.1f} a person, {per_person.max()} at most",
        f"{'Three' if table.learnt() else 'Two'} clocks: {table.occurred_on}, on which it happened, and "
        f"{table.recorded_on}, from which it was known",
    ]
    for stamp in dict.fromkeys(field.learnt_on for field in table.fields.values() if field.learnt_on):
        fields = [name.replace("_", " ") for name, field in table.fields.items() if field.learnt_on == stamp]
        lines[-1] += f"; {_listed(fields)} learnt on {stamp}"
    lines[-1] += ". On an as-of date only what was recorded and learnt before it counts"
    lines += _set_aside(part)
    for field, count in part.undated.items():
        lines.append(
            f"{count:,} {table.many} have a {field.replace('_', ' ')} without the day on which it was learnt: it is "
            "taken as never known"
        )
    return lines


def _set_aside(part: LoadedEvents) -> list[str]:
    found = []
    for reason, rows in part.set_aside.groupby("reason", sort=True):
        numbers = [str(number) for number in rows["row"]]
        named = ", ".join(numbers[:SHOWN]) + (" …" if len(numbers) > SHOWN else "")
        found.append(
            f"{len(rows):,} of {part.read:,} rows set aside because {reason}, and nothing says which is right. Rows "
            f"{named} of the file, the first after the header being 1; all are named in set_aside.csv"
        )
    return found


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _cohort_line(asked: EventsSpec, profiles: pd.DataFrame) -> str:
    cohort = asked.cohort
    dates = profiles[AS_OF].drop_duplicates()
    who = f" and of whom this was so: {cohort.who.in_words().removeprefix('whether ')}" if cohort.who else ""
    return (
        f"A row for everybody of whom {asked.tables[cohort.known_to].many} were known before the as-of date{who}. "
        f"{len(profiles):,} rows of {profiles[PERSON].nunique():,} people on {len(dates)} as-of dates, one a "
        f"{cohort.every.replace('_', ' ')}, {day(dates.min().date())} to {day(dates.max().date())}"
    )


def _outcome_line(asked: EventsSpec, name: str, part: EventOutcome, profiles: pd.DataFrame) -> str:
    last = asked.known_by - dt.timedelta(days=part.days_to_known)
    unknown = int(profiles[name].isna().sum())
    return (
        f"Outcome {name.replace('_', ' ')}: {part.in_words()}. The extract was cut on {day(asked.cut_on)}, so the "
        f"outcome is known for as-of dates up to {day(last)}; for {unknown:,} later rows it is missing, never a no"
    )


def _thin_line(asked: EventsSpec, part: EventOutcome, loaded: LoadedEvents, known: pd.DataFrame) -> list[str]:
    """A sentence where far fewer events were recorded towards the end of the extract: outcomes there count too few."""
    full = thins_after(loaded.rows["recorded_on"], asked.cut_on)
    if full is None:
        return []
    ends = known[AS_OF] + pd.Timedelta(days=part.follow_up_days + part.waiting_days)
    late = known[ends > pd.Timestamp(full) + pd.Timedelta(days=1)]
    many = asked.tables[part.counts.contract.name].many
    return [
        f"After {day(full)} fewer than two thirds as many {many} were recorded a month as in the two years before, "
        f"though the extract was cut on {day(asked.cut_on)}. {len(late):,} rows ({late[AS_OF].nunique()} as-of dates) "
        f"have an outcome that is looked for later than that: it counts too few"
    ]  # fmt: skip


def thins_after(recorded: pd.Series[Any], cut_on: dt.date) -> dt.date | None:
    """The last day of the last month with two thirds of the usual records; None where records reach the extract's end.

    Usual is the median month of the two years before the extract was cut; its own month is left out, being cut short.
    """
    months = recorded.dt.to_period("M")
    last = pd.Timestamp(cut_on).to_period("M") - 1
    counts = months.value_counts().reindex(pd.period_range(last - MONTHS_BEFORE + 1, last), fill_value=0)
    enough = counts.index[counts >= THIN * counts.median()]
    if counts.median() == 0 or not len(enough) or enough[-1] == last:
        return None
    found: dt.date = enough[-1].end_time.date()
    return found


def _early_lines(asked: EventsSpec, loaded: Mapping[str, LoadedEvents]) -> list[str]:
    """Where windows reach back before the first record, so that early rows count too few."""
    longest: dict[str, int] = {}
    for definition in asked.definitions.values():
        for rows in definition.subjects():
            name = rows.contract.name
            longest[name] = max(longest.get(name, 0), definition.looks_back())
    found = []
    for name, days in longest.items():
        first = loaded[name].rows["recorded_on"].min().date()
        if asked.cohort.first - dt.timedelta(days=days) < first:
            found.append(
                f"The first of the {asked.tables[name].many} was recorded on {day(first)}; windows of up to "
                f"{length_in_words(days)} reach back before it on early as-of dates, and count too few there"
            )
    return found
