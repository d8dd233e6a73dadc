"""What stands behind one value of one person: the value in words, and the latest record it rests on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from desist.features import language as say
from desist.features.engines.facts import Facts, facts_of, histories
from desist.features.engines.reference import value_of
from desist.features.events import Events
from desist.features.register import Feature
from desist.features.windows import length_in_words


@dataclass(frozen=True)
class FactsBehind:
    """What stands behind one value, for a reason's words: the value, in words, and the latest row it rests on.

    ``known_to``: the day up to which what its sources recorded is known here; None where no source says.
    """

    value: float
    words: str
    occurred_on: dt.date | None
    recorded_on: dt.date | None
    source: str
    known_to: dt.date | None = None


def facts_behind(events: Events, person_id: str, as_of: dt.date, feature: Feature) -> FactsBehind:
    """The value of one feature with the date and source of the latest row it rests on, as known before ``as_of``."""
    ((_, behind),) = facts_behind_people(events, [person_id], as_of, [feature])
    return behind(feature.name)


def facts_behind_people(
    events: Events, people: Sequence[str], as_of: dt.date, features: Iterable[Feature]
) -> Iterator[tuple[str, Callable[[str], FactsBehind]]]:
    """For each person, in the order of their ids, a function from a feature's name to what stands behind its value.

    Events are read once a person and not once a value: ten thousand people take seconds.
    """
    asked = {feature.name: feature for feature in features}
    tables = say.tables_read([feature.definition for feature in asked.values()])
    for block in histories(events, tables, people):
        for person, history in block.items():
            facts = facts_of(events, person, as_of, tables, history)
            yield person, partial(_behind, events, facts, asked)


def _behind(events: Events, facts: Facts, asked: Mapping[str, Feature], name: str) -> FactsBehind:
    feature = asked[name]
    value = value_of(feature.definition, facts)
    number = float("nan") if value is None else float(value)  # type: ignore[arg-type]
    read = [(part.subjects()[0], part.window) for part in feature.definition.parts() if part.subjects()]
    used = [record for rows, window in read if value is not None for record in facts.of(rows, window)]
    last = max(used, key=lambda record: (record["occurred_on"], record["recorded_on"]), default=None)
    contracts = [events.contracts.get(rows.contract.name, rows.contract) for rows in feature.definition.subjects()]
    sources = dict.fromkeys(contract.source for contract in contracts)
    return FactsBehind(
        value=number,
        words=value_in_words(feature, number),
        occurred_on=dt.date.fromordinal(last["occurred_on"]) if last else None,
        recorded_on=dt.date.fromordinal(last["recorded_on"]) if last else None,
        source=" and ".join(sources),
        known_to=min((events.snapshots[source] for source in sources if source in events.snapshots), default=None),
    )


def value_in_words(feature: Feature, value: float) -> str:
    """A value as a reason says it: "4", "412 days", "83%", "yes", "none in the last 10 years", "not known"."""
    if np.isnan(value):
        return "not known"
    definition, window = feature.definition, feature.definition.window
    if isinstance(definition, say.DaysSince) and definition.none_as == "window" and window and value >= window.days:
        return f"none in the last {length_in_words(window.days)}"
    if definition.yields == "yes_no":
        return "yes" if value else "no"
    if definition.yields == "share":
        return f"{round(100 * value)}%"
    if definition.yields == "days":
        return f"{value:.0f} day" if value == 1 else f"{value:.0f} days"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
