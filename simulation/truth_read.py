"""Reads a truth folder back: the people, the world, and the state in which each as-of date found them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from desist.records.errors import Refused
from desist.simulation.careers import State
from desist.simulation.noise import Noise
from desist.simulation.people import NEVER, People
from desist.simulation.schedules import KINDS, PLACE_KIND, Schedules
from desist.simulation.truth_files import DAYS, NUMBERS
from desist.simulation.world import GROUPS, NEEDS, STYLES, Calendar, Ints, World, borough


@dataclass(frozen=True)
class Truth:
    """Everything in DIR/truth as tables; ``rows`` gives each person's place in ``people``."""

    world: World
    calendar: Calendar
    sharing: str
    people: People
    rows: pd.Series[int]
    persons: pd.DataFrame
    offences: pd.DataFrame
    schedules: pd.DataFrame
    chances: pd.DataFrame
    links: pd.DataFrame


def read_truth(folder: Path) -> Truth:
    """The truth of a folder that ``simulate`` filled."""
    truth = folder / "truth"
    settings = json.loads((truth / "world.json").read_text(encoding="utf-8"))
    tables = {
        name: pd.read_parquet(truth / f"{name}.parquet")
        for name in ("people", "offences", "schedules", "chances", "links")
    }
    persons = tables["people"]
    return Truth(
        world=world_of(settings["world"]),
        calendar=Calendar(
            dt.date.fromisoformat(settings["history_start"]), dt.date.fromisoformat(settings["extract_date"])
        ),
        sharing=settings["sharing"],
        people=_people(persons),
        rows=pd.Series(np.arange(len(persons)), index=persons["person"]),
        persons=persons,
        offences=tables["offences"],
        schedules=tables["schedules"],
        chances=tables["chances"],
        links=tables["links"],
    )


def read_links(folder: Path) -> pd.DataFrame:
    """source, agency_person and person: who every record of a folder that ``simulate`` filled truly is of."""
    path = folder / "truth" / "links.parquet"
    if not path.exists():
        raise Refused(f"There is no {path}: only a partnership made by `desist simulate` has a truth. Name its folder.")
    links: pd.DataFrame = pd.read_parquet(path)[["source", "agency_person", "person"]].astype(str)
    return links


def world_of(knobs: dict[str, Any]) -> World:
    """A World from its knobs as JSON holds them."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in knobs.items()}
    noise = values.pop("noise")
    more_for = tuple((str(community), float(times)) for community, times in noise["more_for"])
    return World(**values, noise=Noise(**{**noise, "more_for": more_for}))


def days(column: pd.Series[Any]) -> Ints:
    """A date column as day numbers, NEVER for empty."""
    found = pd.to_datetime(column)
    numbers = found.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.where(found.isna(), NEVER, numbers)


def _people(table: pd.DataFrame) -> People:
    columns: dict[str, Any] = {name: days(table[name]) for name in DAYS}
    columns |= {name: table[name].to_numpy() for name in NUMBERS}
    columns["female"] = (table["sex"] == "F").to_numpy()
    columns["handed_over"] = table["handed_over"].to_numpy()
    columns["group"] = _places(table["group"], GROUPS)
    columns["ward"] = _places(table["ward"], borough().wards)
    columns["style"] = _places(table["style"], STYLES)
    columns["need_level"] = table[[f"need_{name}" for name in NEEDS]].to_numpy()
    columns["need_swing"] = table[[f"swing_{name}" for name in NEEDS]].to_numpy()
    return People(**{field.name: columns[field.name] for field in fields(People)})


def _places(column: pd.Series[str], options: tuple[str, ...]) -> Ints:
    return np.asarray(column.map({name: place for place, name in enumerate(options)}), dtype=np.int64)


def state_on(truth: Truth, chances: pd.DataFrame, as_of: int) -> tuple[Ints, State]:
    """Places in People of the rows of one as-of date, and the state in which they stood, in the rows' order.

    Only intervals that were settled before the as-of date are put in, even if they begin after it.
    """
    who: Ints = np.asarray(truth.rows[chances["person"]], dtype=np.int64)
    going, sanctions = chances["active"].to_numpy().copy(), chances["sanctions"].to_numpy().copy()
    state = State(Schedules.empty(len(who)), going, sanctions)
    drawn, end = days(truth.schedules["drawn_on"]), days(truth.schedules["end"])
    known = truth.schedules[(drawn < as_of) & (end > as_of)]
    place_of = pd.Series(np.arange(len(who)), index=chances["person"])
    known = known[known["person"].isin(place_of.index)]
    turn = known.groupby(["person", "kind"], observed=True).cumcount().to_numpy()
    first = {kind: int(np.flatnonzero(number == PLACE_KIND)[0]) for number, kind in enumerate(KINDS)}
    place = known["kind"].map(first).to_numpy(dtype=np.int64) + turn
    column = place_of[known["person"]].to_numpy()
    state.schedules.start[place, column] = days(known["start"])
    state.schedules.end[place, column] = days(known["end"])
    return who, state
