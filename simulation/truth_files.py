"""The truth beside the extracts: every offence, schedule and chance, and who is who. Only tests and checks read it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from desist.records import codes
from desist.simulation.careers import State
from desist.simulation.identities import Numbers, ethnic_codes
from desist.simulation.partnership import Partnership, dates, words, yes_no
from desist.simulation.people import NEVER, People, detected_shares
from desist.simulation.schedules import HOUSING_DAYS, KINDS, status_codes
from desist.simulation.sentencing import INTERVALS
from desist.simulation.truth import true_chances
from desist.simulation.world import (
    AREAS,
    GROUPS,
    NEEDS,
    STYLES,
    Calendar,
    Flags,
    Floats,
    Ints,
    World,
    borough,
    offending,
)

#: Arrays of People that are written as they are.
NUMBERS = ("propensity", "versatility", "seriousness", "wave_days", "wave_phase", "first_month")
DAYS = (
    "born", "first_offence", "first_sanction", "own_treatment_start", "own_treatment_end", "own_housing_start",
)  # fmt: skip


def person_names(count: int) -> list[str]:
    """What the truth calls each person: no agency uses these."""
    return [f"T{number:07d}" for number in range(count)]


def named(p: Partnership, who: Ints) -> pa.Array:
    return words(person_names(len(p.people)), who)


class Watch:
    """Takes down, at each as-of date, the true chances of the adults whose careers have begun."""

    def __init__(self, people: People, world: World, calendar: Calendar) -> None:
        self._people, self._world, self._calendar = people, world, calendar
        self._shares: Floats = detected_shares(people, world)
        self._as_of = frozenset(calendar.as_of_months)
        self._parts: list[dict[str, Ints | Floats]] = []

    def __call__(self, month: int, state: State) -> None:
        if month not in self._as_of:
            return
        people, day = self._people, int(self._calendar.starts[month])
        rows = np.flatnonzero((people.first_month <= month) & is_adult(people.born, day))
        proven, any_offence = true_chances(people, self._shares, self._world, self._calendar, state, month, rows)
        self._parts.append(
            {
                "who": rows, "as_of": np.full(len(rows), day), "p_proven": proven, "p_any": any_offence,
                "active": state.active[rows].astype(np.int64), "sanctions": state.sanctions[rows],
                "status": state.schedules.status(rows, np.full(len(rows), day)),
            }
        )  # fmt: skip

    def table(self, names: list[str]) -> pa.Table:
        """chances.parquet: person, as_of, p_proven, p_any, and the state they hold under."""
        joined = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        holds = status_codes()[joined["status"]]
        return pa.table(
            {
                "person": words(names, joined["who"]), "as_of": dates(joined["as_of"]), "p_proven": joined["p_proven"],
                "p_any": joined["p_any"], "active": yes_no(joined["active"] == 1), "sanctions": joined["sanctions"],
                "in_custody": yes_no(holds[:, KINDS.index("custody")]),
                "supervised": yes_no(holds[:, KINDS.index("supervised")]),
                "listed": yes_no(holds[:, KINDS.index("listed")]),
            }
        )  # fmt: skip


def is_adult(born: Ints, day: int) -> Flags:
    """Whether the 18th birthday is on or before a day, by the calendar (29 February: the 28th)."""
    birthday = born.astype("datetime64[D]")
    month = birthday.astype("datetime64[M]")
    into = (birthday - month).astype(np.int64)
    last = ((month + 18 * 12 + 1).astype("datetime64[D]") - (month + 18 * 12).astype("datetime64[D]")).astype(np.int64)
    eighteenth = (month + 18 * 12).astype("datetime64[D]") + np.minimum(into, last - 1)
    return np.asarray(eighteenth.astype(np.int64) <= day)


def offences_table(p: Partnership) -> pa.Table:
    """offences.parquet: every offence, detected or not, with its detection chance; ``first`` made the person known."""
    o = p.careers.offences
    detected = o["sanction"] != NEVER
    holds = status_codes()[o["status"]]
    return pa.table(
        {
            "person": named(p, o["who"]), "occurred_on": dates(o["occurred"]),
            "offence_code": words(offending().code, o["kind"]), "chance": p.careers.chance,
            "detected": yes_no(detected), "sanction_date": dates(o["sanction"]), "recorded_on": dates(o["recorded"]),
            "first": yes_no(o["first"] == 1), "supervised": yes_no(holds[:, KINDS.index("supervised")]),
            "listed": yes_no(holds[:, KINDS.index("listed")]),
        }
    )  # fmt: skip


def schedules_table(p: Partnership) -> pa.Table:
    """schedules.parquet: every interval that acts on offending or detection, with the day on which it was settled."""
    s, people = p.careers.sanctions, p.people
    columns: list[tuple[Ints, int, Ints, Ints, Ints]] = []
    for kind, pairs in INTERVALS.items():
        for first, last in pairs:
            rows = np.flatnonzero(s[first] != NEVER)
            end = s[first][rows] + HOUSING_DAYS if kind == "housed" else s[last][rows]
            columns.append((s["who"][rows], KINDS.index(kind), s[first][rows], end, s["occurred"][rows]))
    for kind, start, end in (
        ("treated", people.own_treatment_start, people.own_treatment_end),
        ("housed", people.own_housing_start, people.own_housing_start + HOUSING_DAYS),
    ):
        rows = np.flatnonzero(start != NEVER)
        columns.append((rows, KINDS.index(kind), start[rows], end[rows], people.first_offence[rows]))
    who, start, end, drawn = (np.concatenate([part[place] for part in columns]) for place in (0, 2, 3, 4))
    kinds = np.concatenate([np.full(len(part[0]), part[1]) for part in columns])
    return pa.table(
        {
            "person": named(p, who), "kind": words(KINDS, kinds), "start": dates(start), "end": dates(end),
            "drawn_on": dates(drawn),
        }
    )  # fmt: skip


def people_table(p: Partnership) -> pa.Table:
    """people.parquet: who everybody is and what drives them."""
    people = p.people
    columns: dict[str, pa.Array] = {
        "person": named(p, np.arange(len(people))),
        "sex": words(codes.SEXES, np.where(people.female, 0, 1)),
        "ethnicity": words(list(codes.ETHNICITY_5), ethnic_codes(p)),
        "group": words(GROUPS, people.group),
        "ward": words(borough().wards, people.ward),
        "area": words(AREAS, borough().area[people.ward]),
        "style": words(STYLES, people.style),
        "handed_over": yes_no(people.handed_over),
    }
    columns |= {name: dates(getattr(people, name)) for name in DAYS}
    columns |= {name: pa.array(getattr(people, name)) for name in NUMBERS}
    for place, name in enumerate(NEEDS):
        columns[f"need_{name}"] = pa.array(people.need_level[:, place])
        columns[f"swing_{name}"] = pa.array(people.need_swing[:, place])
    return pa.table(columns)


def links_table(p: Partnership, numbers: dict[str, Numbers]) -> pa.Table:
    """links.parquet: every number an agency uses for a person, and whose it is. Victims are nobody's."""
    sources = list(numbers)
    return pa.table(
        {
            "person": named(p, np.concatenate([numbers[source].who for source in sources])),
            "source": words(sources, np.repeat(np.arange(len(sources)), [len(numbers[name].who) for name in sources])),
            "agency_person": pa.concat_arrays([numbers[source].number for source in sources]),
        }
    )
