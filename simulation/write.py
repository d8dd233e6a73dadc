"""Writes a made-up partnership: the agencies' extracts and agreements, and beside them the truth."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from desist.records import codes
from desist.records.errors import Problem, Refused
from desist.records.files import new_folder, write_json
from desist.simulation.careers import run_careers
from desist.simulation.identifiers_made import MOST_PEOPLE
from desist.simulation.identities import Numbers, equality, identity, people_called, person_numbers, victims
from desist.simulation.names import Called
from desist.simulation.other_files import council_tables, police_tables, prison_tables, treatment_tables
from desist.simulation.partnership import Partnership, Rows
from desist.simulation.people import make_people
from desist.simulation.probation_files import appointments, probation_tables
from desist.simulation.truth_files import (
    Watch,
    links_table,
    offences_table,
    people_table,
    person_names,
    schedules_table,
)
from desist.simulation.world import AREAS, Calendar, Ints, World, borough

SHARINGS = ("full", "no_treatment", "no_police_in_one_area", "probation_only")
#: The area whose people the police of "no_police_in_one_area" know nothing of.
AREA_WITHOUT_POLICE = "West"

AGREEMENTS = {"probation": "PROB", "prison": "PRIS", "police": "POL", "treatment": "TRT", "council": "COUN"}
GATEWAYS = {
    "treatment": "explicit consent of each person",
    "council": "Crime and Disorder Act 1998 s.115, with Housing Act 1996 s.213",
}
USUAL_GATEWAY = "Crime and Disorder Act 1998 s.115"

Tables = dict[str, pa.Table]


def simulate(
    folder: Path,
    *,
    people: int,
    seed: int,
    world: World | None = None,
    sharing: str = "full",
    history_start: dt.date = dt.date(2018, 10, 1),
    extract_date: dt.date = dt.date(2026, 9, 30),
) -> None:
    """Write extracts, agreements and truth of so many made-up people into ``folder``.

    Folders of these three names that are already there are replaced, nothing else is touched. The same
    arguments give the same bytes. ``sharing``: "full"; "no_treatment" (no treatment extract at all);
    "no_police_in_one_area" (the police know nobody of the area West); "probation_only".
    """
    world = world or World()
    _check(people, sharing)
    p, watch = settle(people, seed, world, Calendar(history_start, extract_date))
    extracts, numbers = _extracts(p, sharing)
    with new_folder(folder / "extracts") as extracts_folder:
        for source, tables in extracts.items():
            _write_source(extracts_folder / source, source, tables, extract_date)
    with new_folder(folder / "agreements") as agreements_folder:
        for source, tables in extracts.items():
            name = agreement_id(source, extract_date)
            text = _agreement(source, name, tables, extract_date)
            (agreements_folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with new_folder(folder / "truth") as truth_folder:
        _write_truth(truth_folder, p, watch, numbers, sharing)


def _check(people: int, sharing: str) -> None:
    problems = []
    if not 1 <= people <= MOST_PEOPLE:
        problems.append(Problem(f"{people} people", "simulate", f"1 to {MOST_PEOPLE}", "Ask for another number."))
    if sharing not in SHARINGS:
        problems.append(
            Problem(f"sharing {sharing!r}", "simulate", f"one of {', '.join(SHARINGS)}", "Choose one of these.")
        )
    if problems:
        raise Refused("This partnership cannot be made.", problems)


def settle(people: int, seed: int, world: World, calendar: Calendar) -> tuple[Partnership, Watch]:
    """Everything that truly happens, before anybody writes it down."""
    made = make_people(people, world, calendar, np.random.default_rng([seed, 0]))
    watch = Watch(made, world, calendar)
    careers = run_careers(made, world, calendar, np.random.default_rng([seed, 1]), watch)
    return Partnership(world, calendar, made, careers, seed), watch


def source_rows(p: Partnership, sharing: str) -> Iterator[tuple[str, Ints, dict[str, Rows]]]:
    """Each source with the people it knows and its tables, before anybody has a number there."""
    booked = appointments(p)
    made: dict[str, dict[str, Rows]] = {"probation": probation_tables(p, booked)}
    knows = np.ones(len(p.people), dtype=bool)
    if sharing != "probation_only":
        if sharing == "no_police_in_one_area":
            knows = borough().area[p.people.ward] != AREAS.index(AREA_WITHOUT_POLICE)
        made["prison"] = prison_tables(p)
        made["police"] = police_tables(p, knows, booked)
        made["council"] = council_tables(p)
        if sharing != "no_treatment":
            made["treatment"] = treatment_tables(p)
    for source, tables in made.items():
        who = np.unique(np.concatenate([rows.who for rows in tables.values()]))
        if source == "police":  # also people whose sanctions are all from before the history
            who = np.flatnonzero(knows)
        yield source, who, tables


def _extracts(p: Partnership, sharing: str) -> tuple[dict[str, Tables], dict[str, Numbers]]:
    """Each source's tables as sent, and whom its numbers stand for."""
    extracts, numbers, names = {}, {}, people_called(p)
    for source, who, tables in source_rows(p, sharing):
        numbers[source] = person_numbers(p, source, who)
        extracts[source] = _as_sent(p, source, numbers[source], tables, names)
    return extracts, numbers


def _as_sent(p: Partnership, source: str, numbers: Numbers, tables: Mapping[str, Rows], names: Called) -> Tables:
    """The source's tables under its own person numbers, the identity table first."""
    sent = {"identity": identity(p, source, numbers, tables, names)}
    every = dict(tables)
    if source == "probation":
        every["equality"] = equality(p, numbers.who)
    for name, rows in every.items():
        place = numbers.of(rows.who, p.draws(f"number of {name}"))
        sent[name] = rows.table.add_column(0, "agency_person", numbers.number.take(pa.array(place)))
    if source == "police":
        known, event = victims(p)
        sent["identity"] = _added(sent["identity"], known)
        sent["pol_sanction"] = _added(sent["pol_sanction"], event)
    return sent


def _added(table: pa.Table, more: pa.Table) -> pa.Table:
    return pa.concat_tables([_plain(table), _plain(more.select(table.column_names)).cast(_plain(table).schema)])


def _plain(table: pa.Table) -> pa.Table:
    """Text columns as text: dictionaries of different rows differ."""
    columns = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.columns]
    return pa.table(columns, names=table.column_names)


def agreement_id(source: str, extract_date: dt.date) -> str:
    """Id of the made-up agreement of a source in the year of the extract."""
    return f"{AGREEMENTS[source]}-{extract_date.year}"


def _write_source(folder: Path, source: str, tables: Tables, extract_date: dt.date) -> None:
    folder.mkdir()
    lines = [f'source = "{source}"', f"extract_date = {extract_date}", "made_up = true", 'encoding = "utf-8"']
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", table)
        lines += ["", "[[file]]", f'table = "{name}"', f'path = "{name}.csv"',
                  f'agreement = "{agreement_id(source, extract_date)}"']  # fmt: skip
    (folder / "delivery.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_csv(path: Path, table: pa.Table) -> None:
    """Plain CSV: a header, no quotation marks (no value holds a comma), ISO dates, empty for missing."""
    options = pacsv.WriteOptions(quoting_style="none", quoting_header="none", batch_size=8192)
    pacsv.write_csv(_plain(table), path, options)


def _agreement(source: str, name: str, tables: Tables, extract_date: dt.date) -> str:
    """The made-up agreement under which a source sends exactly these columns, valid about the extract date."""

    def texts(values: tuple[str, ...] | list[str]) -> str:
        return "[" + ", ".join(f'"{value}"' for value in values) + "]"

    treatment, competent = source == "treatment", source in ("probation", "prison", "police")
    lines = [
        "# A made-up agreement for made-up people.",
        f'id = "{name}"',
        f'source = "{source}"',
        f"parties = {texts([f'{source} (made up)', 'community safety partnership (made up)'])}",
        f"purposes = {texts(codes.PURPOSES)}",
        f'gateway = "{GATEWAYS.get(source, USUAL_GATEWAY)}"',
        f'regime = "{"part3" if competent else "uk_gdpr"}"',
        f"start = {extract_date - dt.timedelta(days=182)}",
        f"expires = {extract_date + dt.timedelta(days=365)}",
        "retention_days = 90",
        'subject_categories = ["convicted"]',
        f'consent = "{"per_person" if treatment else "none"}"',
        f'dpia = "DPIA-MADE-UP-{AGREEMENTS[source]}"',
        f'apd = "APD-MADE-UP-{AGREEMENTS[source]}"',
        "",
        "[tables]",
        *(f"{table} = {texts(sent.column_names)}" for table, sent in tables.items()),
    ]
    return "\n".join(lines) + "\n"


def _write_truth(folder: Path, p: Partnership, watch: Watch, numbers: dict[str, Numbers], sharing: str) -> None:
    tables = {
        "offences": offences_table(p),
        "schedules": schedules_table(p),
        "chances": watch.table(person_names(len(p.people))),
        "people": people_table(p),
        "links": links_table(p, numbers),
    }
    for name, table in tables.items():
        pq.write_table(_plain(table), folder / f"{name}.parquet")
    write_json(
        folder / "world.json",
        {
            "made_up": True,
            "people": len(p.people),
            "seed": p.seed,
            "sharing": sharing,
            "history_start": p.calendar.history_start.isoformat(),
            "extract_date": p.calendar.extract_date.isoformat(),
            "world": dataclasses.asdict(p.world),
        },
    )
