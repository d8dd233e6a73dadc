"""Who the agencies say a person is: their own numbers, names and identifiers, and the equality table of probation.

Linked by CRN (probation, and some of council and treatment), PNC (police, probation) and prison number (prison,
probation). Some identifiers are missing, some PNC have a wrong letter, some people have two police numbers; how names,
birth dates and addresses come to differ stands in ``noise``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from desist.records import codes
from desist.simulation import identifiers_made as made
from desist.simulation.households import at_home
from desist.simulation.misspelt import Writing, plain
from desist.simulation.names import Called, Community, called, communities
from desist.simulation.partnership import Partnership, Rows, dates, same, states, words
from desist.simulation.world import GROUPS, Flags, Ints, borough

PREFIX = {"probation": "PB", "prison": "PR", "police": "PO", "treatment": "TR", "council": "CO"}
#: Share of council and treatment clients for whom the service noted the CRN.
CRN_NOTED = 0.8
#: One made-up victim in so many people, in the police files, for intake to refuse.
VICTIM_EVERY = 400
IDENTITY_COLUMNS = (
    "pnc", "cro", "crn", "prison_number", "nhs_number", "forename", "other_names", "surname", "aliases", "dob",
    "postcode", "sex",
)  # fmt: skip


@dataclass(frozen=True)
class Numbers:
    """One agency's person numbers: ``who`` has ``number``; a person may have two."""

    who: Ints
    number: pa.Array

    def of(self, rows: Ints, rng: np.random.Generator) -> Ints:
        """For each row's person the place of one of their numbers, drawn where there are two."""
        order = np.argsort(self.who, kind="stable")
        first = np.searchsorted(self.who[order], rows, side="left")
        count = np.searchsorted(self.who[order], rows, side="right") - first
        return order[first + np.floor(rng.random(len(rows)) * count).astype(np.int64)]


def person_numbers(p: Partnership, source: str, who: Ints) -> Numbers:
    """The agency's numbers for the people it knows, in no order that means anything."""
    rng = p.draws(f"numbers {source}")
    place = rng.permutation(2 * len(p.people))
    twice = rng.random(len(p.people)) < (p.world.second_number if source == "police" else 0)
    second = who[twice[who]]
    owner = np.concatenate([who, second])
    serial = np.concatenate([place[who], place[second + len(p.people)]])
    return Numbers(owner, pa.array(made.texts(PREFIX[source] + "%07d", serial + 1_000_000), type=pa.string()))


def identity(p: Partnership, source: str, numbers: Numbers, tables: Mapping[str, Rows], names: Called) -> pa.Table:
    """One row a person number, as the agency holds the person, known since the first row about them."""
    who, people = numbers.who, p.people
    written = Writing(p, source, who, names)
    columns: dict[str, pa.Array] = dict.fromkeys(IDENTITY_COLUMNS, pa.nulls(len(who), pa.string()))
    columns |= _identifiers(p, source, written) | written_names(source, written)
    columns["dob"] = dates(written.births())
    columns["sex"] = words(codes.SEXES, np.where(people.female[who], 0, 1))
    if source != "treatment":
        draws = p.draws("postcodes").integers(0, 5000, len(people))
        columns["postcode"] = pa.array(made.postcodes(*written.addresses(draws)), type=pa.string())
    rows = states(who, _first_recorded(p, who, tables), **columns)
    return rows.table.add_column(0, "agency_person", numbers.number)


def people_called(p: Partnership) -> Called:
    """What everybody is truly called."""
    return at_home(p, called(p, ethnic_codes(p)))


def _first_recorded(p: Partnership, who: Ints, tables: Mapping[str, Rows]) -> Ints:
    """Day of the first row about each person; for somebody without a row, of their first sanction's record."""
    first = np.minimum(p.people.first_sanction + 21, p.cut)
    for rows in tables.values():
        np.minimum.at(first, rows.who, np.asarray(rows.table["recorded_on"].combine_chunks().cast(pa.int32())))
    return first[who]


def _identifiers(p: Partnership, source: str, written: Writing) -> dict[str, pa.Array]:
    """Each person has one PNC, CRN, prison and NHS number; which of them an agency holds differs."""
    who = written.who
    serial = made.spread(p.draws("identifiers").permutation(len(p.people))[who])
    rng, nobody = p.draws(f"held {source}"), np.zeros(len(who), dtype=bool)
    found: dict[str, pa.Array] = {}

    def put(kind: str, values: list[str], missing: Flags, *, own: bool = False) -> None:
        values, further = written.identifier(kind, values, own=own)
        found[kind] = made.column(values, missing | further)

    if source in ("police", "probation"):
        slips = source == "probation"
        missing = rng.random(len(who)) < p.world.missing_pnc * slips
        wrong = rng.random(len(who)) < p.world.wrong_letter * slips
        put("pnc", made.pnc_numbers(serial, wrong), missing)
    if source in ("council", "treatment"):
        put("crn", made.crns(serial), rng.random(len(who)) >= CRN_NOTED)
    if source == "probation":
        put("crn", made.crns(serial), nobody, own=True)
        jailed = np.zeros(len(p.people), dtype=bool)
        jailed[p.careers.sanctions["who"][p.careers.sanctions["custody_start"] > 0]] = True
        put("prison_number", made.prison_numbers(serial), ~jailed[who])
    if source == "prison":
        put("prison_number", made.prison_numbers(serial), nobody, own=True)
    if source == "treatment":
        put("nhs_number", made.nhs_numbers(serial), rng.random(len(who)) < 0.4)
    return found


def written_names(source: str, written: Writing) -> dict[str, pa.Array]:
    """Names as the agency writes them; initials of the true ones only from treatment."""
    if source == "treatment":
        first, last = (names[written.who].tolist() for names in (written.called.forename, written.called.surname))
        return {
            "forename": pa.array([plain(name)[0].upper() for name in first], type=pa.string()),
            "surname": pa.array([plain(name)[0].upper() for name in last], type=pa.string()),
        }
    first, second, last, alias = written.names()
    return {
        "forename": pa.array(first, type=pa.string()),
        "other_names": made.column(second.tolist(), second == ""),
        "surname": pa.array(last, type=pa.string()),
        "aliases": made.column(alias.tolist(), alias == ""),
    }


def ethnic_codes(p: Partnership) -> Ints:
    """Place in codes.ETHNICITY_5 of each person's true self-defined ethnicity."""
    every, draw = list(codes.ETHNICITY_5), p.draws("ethnic codes").random(len(p.people))
    found = np.zeros(len(p.people), dtype=np.int64)
    for number, group in enumerate(GROUPS):
        split = borough().ethnic_codes[group]
        places = np.array([every.index(code) for code in split])
        cuts = np.cumsum(list(split.values()))[:-1]
        member = p.people.group == number
        found[member] = places[np.searchsorted(cuts, draw[member], side="right")]
    return found


def equality(p: Partnership, who: Ints) -> Rows:
    """What probation asked people about themselves; officers' views beside it. Only ethnicity and sex mean anything."""
    rng, people, count = p.draws("equality"), p.people, len(who)
    every = list(codes.ETHNICITY_5)
    silent = rng.random(count) < p.world.ethnicity_not_stated
    told = np.where(silent, every.index("NS"), ethnic_codes(p)[who])
    officer = {"White": "1", "Black": "3", "Asian": "4", "Mixed": "3", "Other": "6"}
    seen = np.array([codes.ETHNICITY_OFFICER.index(officer[group]) for group in GROUPS])[people.group[who]]
    seen[rng.random(count) < 0.1] = codes.ETHNICITY_OFFICER.index("9")

    def drawn(options: tuple[str, ...], chances: tuple[float, ...], missing: float) -> pa.Array:
        place = np.searchsorted(np.cumsum(chances)[:-1], rng.random(count), side="right")
        return words(options, np.where(rng.random(count) < missing, -1, place))

    female, expecting = people.female[who], (rng.random(count) < 0.03).astype(np.int64)
    religions = ("none", "Christian", "Muslim", "Hindu", "Sikh", "Jewish", "other")
    orientations = ("heterosexual", "gay or lesbian", "bisexual", "other")
    return states(
        who, np.minimum(people.first_sanction[who] + 30, p.cut), sex=words(codes.SEXES, np.where(female, 0, 1)),
        ethnicity_self=words(every, told), ethnicity_officer=words(codes.ETHNICITY_OFFICER, seen),
        disability=drawn(("no", "yes"), (0.8, 0.2), 0.15),
        religion=drawn(religions, (0.17, 0.3, 0.31, 0.1, 0.06, 0.02, 0.04), 0.2),
        sexual_orientation=drawn(orientations, (0.94, 0.025, 0.025, 0.01), 0.4),
        gender_reassignment=drawn(("no", "yes"), (0.995, 0.005), 0.5),
        marriage_civil=drawn(("single", "married", "civil partnership", "separated"), (0.7, 0.2, 0.01, 0.09), 0.2),
        pregnancy_maternity=words(("no", "yes"), np.where(female, expecting, -1)),
        home_ward=words(borough().wards, people.ward[who]), value_source=same("self", count),
    )  # fmt: skip


def _british() -> Community:
    return next(one for one in communities() if one.name == "british")


def victims(p: Partnership) -> tuple[pa.Table, pa.Table]:
    """Rows of the police about people who are victims only: identity and sanction rows that intake must refuse."""
    count, rng = max(2, len(p.people) // VICTIM_EVERY), p.draws("victims")
    numbers = pa.array(made.texts("PO%07d", 9_000_000 + np.arange(count)), type=pa.string())
    day = p.cut - rng.integers(30, 900, count)
    stamps = {"agency_person": numbers, "subject_category": same("victim", count), "record_kind": same("fact", count)}
    columns: dict[str, pa.Array] = dict.fromkeys(IDENTITY_COLUMNS, pa.nulls(count, pa.string()))
    names = _british()
    columns["forename"] = pa.array(names.female.at(rng.random(count)), type=pa.string())
    columns["surname"] = pa.array(names.surname.at(rng.random(count)), type=pa.string())
    columns["dob"], columns["sex"] = dates(p.cut - 365 * rng.integers(20, 60, count)), same("F", count)
    known = pa.table(stamps | columns | {"recorded_on": dates(day + 5)})
    event = pa.table(
        stamps | {
            "occurred_on": dates(day), "recorded_on": dates(day + 20), "offence_code": same("10501", count),
            "sanction_date": dates(day + 10), "sanction_type": same("conviction", count),
            "disposal": same("FINE", count), "da_flag": pa.array([True] * count),
            "weapon_flag": pa.array([False] * count), "count": pa.array([1] * count),
        }
    )  # fmt: skip
    return known, event
