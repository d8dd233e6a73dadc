"""Proposals for a mapping: which of an agency's columns is which of ours, and how sure that is. A person decides."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from desist.intake.mapping.content import (
    Cells,
    cells_of,
    date_style,
    fits,
    meant_as_dates,
    needs_translation,
    other_dates,
    pattern,
    reads_both_ways,
    translated,
)
from desist.intake.mapping.find import Found
from desist.intake.mapping.grid import CellError, Formula, folded
from desist.intake.mapping.model import SPLIT, ColumnMap, Pair, TableMap, Unpivot
from desist.intake.mapping.reshaping import propose_pair, propose_unpivot
from desist.intake.mapping.words import likeness, names_for, own_number, plain, refused_column, vocabulary
from desist.intake.rows.checks import NAMED_FROM
from desist.intake.terms.contracts import CONTRACTS, Column, Contract
from desist.records.identifiers import CHECKS
from desist.records.wording import counted

SURE, LIKELY, LOOK = "sure", "likely", "look"
#: Below these a column is not proposed, or not called likely.
WORTH, GOOD, NAMED = 0.6, 0.75, 0.55
#: Cells that fit: all but typing errors; and the least that a column of dates or numbers must have.
NEARLY_ALL, AT_LEAST = 0.95, 0.5
#: Codes are named only in a column with no more different values than this: others are no codes.
MOST_CODES, LONGEST_CODE = 60, 40
#: Columns that may come from the same one as another: an agency's own number is often a national one.
_SHARED = ("agency_person", "recorded_on")
_ASSESSMENTS = ("prob_assessment", "prob_predictor")


@dataclass(frozen=True)
class Proposal:
    """One canonical column's origin. ``untranslated``: codes without ours and their rows, named only where they may be.

    ``seldom``: patterns of the others, with rows. ``why``: a short reason for the confidence.
    """

    map: ColumnMap
    confidence: str
    why: str
    untranslated: Mapping[str, int] = field(default_factory=dict)
    seldom: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TableProposal:
    """One table from one sheet: ``table`` as it would be written, with the proposals behind its columns."""

    table: TableMap
    found: Found
    dates: str
    proposals: tuple[Proposal, ...]
    unused: tuple[str, ...]
    refused: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def worth(self) -> float:
        """How much of the table the sheet seems to hold, from 0 to 1."""
        contract = CONTRACTS[self.table.table]
        common = {"agency_person", "recorded_on", "subject_category", "record_kind"}
        own = [name for name in contract.names if name not in common and not name.endswith("_recorded_on")]
        held = {one.map.name: one for one in self.proposals if one.map.sources or one.map.second}
        unpivot = self.table.unpivot
        unpivoted = {unpivot.into, *next(iter(unpivot.rows.values()))} if unpivot else set()
        points = sum({SURE: 1.0, LIKELY: 0.8}.get(held[name].confidence, 0.4) for name in own if name in held)
        points += sum(name in own for name in unpivoted - set(held))
        needed = [name for name in contract.required if name in own]
        absent = sum(name not in held and name not in unpivoted for name in needed)
        # Nobody sends every column that a table may have.
        return max(0.0, min(1.0, points / max(min(len(own), 5), len(needed))) - 0.4 * absent)


def propose(found: Found, table: str, source: str = "") -> TableProposal:
    """What ``table`` could be made of. Columns of classes that are never accepted are left aside by name.

    ``source``: who sends it, where that is known; by it the agency's own number of a person is found.
    """
    contract = CONTRACTS[table]
    names = [name for name in dict.fromkeys(found.grid.header) if name]
    refused = tuple(name for name in names if refused_column(name))
    cells = {name: cells_of(found.grid.columns[name]) for name in names if name not in refused}
    unpivot = propose_unpivot(table, list(cells)) if table == "prob_assessment" else None
    pair = propose_pair(table, cells) if table == "pris_spell" else None
    taken = {source for row in unpivot.rows.values() for source in row.values()} if unpivot else set()
    source = source or _sender(contract, cells)
    chosen = _assigned(contract, {name: one for name, one in cells.items() if name not in taken}, unpivot, source)
    if pair:
        chosen |= _of_pair(pair, cells, chosen)
    if table == "identity":
        chosen |= _split_name(cells, chosen)
    dates = _usual_style([cells[name] for one in chosen.values() for name in one.map.sources])
    ends = _of_ends(found, pair) if pair else {}
    chosen = {name: _described(one, contract, ends if one.map.second else cells, dates) for name, one in chosen.items()}
    into = {unpivot.into, *(name for row in unpivot.rows.values() for name in row)} if unpivot else set()
    if unpivot:
        chosen |= _unpivoted(unpivot, contract, cells)
    chosen |= _without_origin(contract, chosen, into) | _repeating_key(contract, chosen, cells)
    shown = _TableParts(contract, chosen, into, unpivot, pair, _once_per(contract, chosen, cells))
    return shown.proposal(found, dates, tuple(cells), taken, refused)


@dataclass(frozen=True)
class _TableParts:
    """What was found out about one table."""

    contract: Contract
    chosen: Mapping[str, Proposal]
    into: set[str]
    unpivot: Unpivot | None
    pair: Pair | None
    once_per: tuple[str, ...]

    def proposal(
        self, found: Found, dates: str, names: tuple[str, ...], taken: set[str], refused: tuple[str, ...]
    ) -> TableProposal:
        contract, chosen = self.contract, self.chosen
        ordered = tuple(chosen[name] for name in contract.names if name in chosen)
        absent = [name for name in contract.names if name not in chosen and name not in self.into]
        table = TableMap(
            contract.table,
            {one.map.name: one.map for one in ordered},
            tuple(name for name in absent if name not in contract.required),
            sheet=found.layout.sheet,
            unpivot=self.unpivot,
            pair=self.pair,
            once_per=self.once_per,
        )
        used = {*table.sources, *taken}
        missing = tuple(name for name in absent if name in contract.required)
        unused = tuple(name for name in names if name not in used)
        return TableProposal(table, found, dates, ordered, unused, refused, missing)


def _repeating_key(
    contract: Contract, chosen: Mapping[str, Proposal], cells: Mapping[str, Cells]
) -> dict[str, Proposal]:
    """The key of an event, to be looked at where its values repeat: each row after the first would be set aside."""
    name = contract.key[0] if contract.event and len(contract.key) == 1 else ""
    if name not in chosen or not (sources := chosen[name].map.sources):
        return {}
    held = cells[sources[0]]
    if not (again := held.filled - len(held.counts)):
        return {}
    person = chosen["agency_person"].map.sources if "agency_person" in chosen else ()
    both = ", ".join(f'"{source}"' for source in (*person, *sources))
    why = f"{counted(again, 'row repeats', 'rows repeat')} it; where it counts within a person, from = [{both}]"
    return {name: replace(chosen[name], confidence=LOOK, why="; ".join(filter(None, [chosen[name].why, why])))}


def _once_per(contract: Contract, chosen: Mapping[str, Proposal], cells: Mapping[str, Cells]) -> tuple[str, ...]:
    """The person's number, where a table of one row a person is made of a file that repeats people."""
    person = chosen.get("agency_person")
    if contract.event or "agency_person" not in contract.key or not person or not person.map.sources:
        return ()
    return ("agency_person",) if max(cells[person.map.sources[0]].counts.values(), default=1) > 1 else ()


def _sender(contract: Contract, cells: Mapping[str, Cells]) -> str:
    """Who sends a table that any agency may send: whose number nearly every row has."""
    if len(contract.sources) == 1:
        return contract.sources[0]
    filled = {
        source: max((one.filled for name, one in cells.items()
                     if own_number(source) and likeness(name, contract.table, own_number(source)) == 1.0), default=0)
        for source in contract.sources
    }  # fmt: skip
    best = max(filled, key=lambda source: filled[source])
    return best if filled[best] else ""


def _assigned(
    contract: Contract, cells: Mapping[str, Cells], unpivot: Unpivot | None, source: str
) -> dict[str, Proposal]:
    """The best column for each of ours, each of theirs once, best first."""
    columns = [column for column in contract.columns if not (unpivot and column.name == unpivot.into)]
    scored = sorted(
        (
            (*_score(name, one, contract, column, source), name, column.name)
            for name, one in cells.items()
            for column in columns
        ),
        key=lambda entry: (-entry[0], entry[3], entry[2]),
    )
    chosen: dict[str, Proposal] = {}
    used: set[str] = set()
    for score, confidence, theirs, column in scored:
        if score < WORTH or column in chosen or (theirs in used and column not in _SHARED):
            continue
        rivals = [other for points, _, other, same in scored
                  if same == column and other != theirs and points > score - 0.05 and other not in used]  # fmt: skip
        if column not in _SHARED:
            used.add(theirs)
        if rivals:
            confidence = LOOK
        why = f"also fits: {', '.join(rivals[:3])}" if rivals else ""
        chosen[column] = Proposal(ColumnMap(column, (theirs,)), confidence, why)
    return chosen


def _score(theirs: str, cells: Cells, contract: Contract, column: Column, source: str) -> tuple[float, str]:
    """How well a column of theirs fits one of ours, and how sure that is."""
    name = likeness(theirs, contract.table, column.name, source)
    if column.kind in ("date", "integer", "decimal") and name < NAMED:
        return 0.0, LOOK  # every date fits every column of dates, so its name must speak before its cells are asked
    share = fits(cells, contract, column)
    if share is None:
        return name, SURE if name == 1.0 and cells.filled else LIKELY if name >= GOOD else LOOK
    if column.name in CHECKS and share >= NEARLY_ALL:
        # Check letters do not fit by chance; forms without one need a name as well.
        strong = column.name in ("pnc", "cro", "nhs_number")
        return max(name, 0.9 if strong else 0.5 + name / 2), SURE if strong or name == 1.0 else LIKELY
    if column.kind == "date" and name == 1.0 and share < AT_LEAST and meant_as_dates(cells) >= AT_LEAST:
        return WORTH, LOOK  # left out, its days would be taken for unknown without a word
    if column.kind in ("date", "integer", "decimal") and share < AT_LEAST:
        return 0.0, LOOK
    if column.name.endswith("_recorded_on") and name < GOOD:
        return 0.0, LOOK  # a date of entry that is taken for another's would make facts known too early
    if share < AT_LEAST and name < 1.0:
        return 0.0, LOOK
    score = 0.6 * name + 0.4 * share
    if name == 1.0:
        return max(score, WORTH), SURE if share >= NEARLY_ALL else LOOK if share < AT_LEAST else LIKELY
    return score, LIKELY if score >= GOOD else LOOK


def _of_pair(pair: Pair, cells: Mapping[str, Cells], chosen: Mapping[str, Proposal]) -> dict[str, Proposal]:
    """Columns of a spell that come from its two rows: begin and end are the same date column."""
    start, end = ColumnMap("occurred_on", (pair.order,)), ColumnMap("release", (pair.order,), second=True)
    made = {
        "occurred_on": Proposal(start, LIKELY, "the beginning's date"),
        "release": Proposal(end, LIKELY, "the end's date"),
    }
    if "release_type" in chosen:
        kind = chosen["release_type"]
        made["release_type"] = replace(kind, map=replace(kind.map, second=True))
    entered = chosen.get("release_recorded_on") or chosen.get("recorded_on")
    if entered and entered.map.sources:
        origin = ColumnMap("release_recorded_on", entered.map.sources, second=True)
        made["release_recorded_on"] = Proposal(origin, entered.confidence, "entered with the end's row")
    return made


def _of_ends(found: Found, pair: Pair) -> dict[str, Cells]:
    """The cells of those rows that end a spell: what the others hold is no reason for an end."""
    columns, ends = found.grid.columns, {folded(value) for value in pair.second}
    places = [place for place, value in enumerate(columns[pair.column]) if folded(value) in ends]
    return {name: cells_of([cells[place] for place in places]) for name, cells in columns.items()}


def _unpivoted(unpivot: Unpivot, contract: Contract, cells: Mapping[str, Cells]) -> dict[str, Proposal]:
    """How the cells of the sections' columns are to be rewritten, where they have to be."""
    made = {}
    for name in dict.fromkeys(name for row in unpivot.rows.values() for name in row):
        held = [cells[row[name]] for row in unpivot.rows.values() if name in row]
        counts, nothing = sum((one.counts for one in held), Counter()), sum((one.nothing for one in held), Counter())
        whole, column = Cells(sum(counts.values()), counts, nothing), contract.column(name)
        one = Proposal(ColumnMap(name, empty=tuple(sorted(nothing))), SURE, "one column a section")
        if column.kind in ("code", "boolean"):
            one = _with_codes(one, contract, column, whole)
        if one.map.codes or one.map.empty or one.untranslated or one.seldom:
            made[name] = one
    return made


def _split_name(cells: Mapping[str, Cells], chosen: Mapping[str, Proposal]) -> dict[str, Proposal]:
    """Surname and forename from one column, where its cells have the comma between them."""
    if (
        "forename" in chosen
        and "surname" in chosen
        and not re.search(r"\bname$", plain(chosen["surname"].map.sources[0]))
        and chosen["surname"].confidence == SURE
    ):
        return {}
    for name, one in cells.items():
        if plain(name).split()[-1:] != ["name"] or not one.filled or plain(name) in names_for("identity", "forename"):
            continue
        if sum(count for value, count in one.counts.items() if str(value).count(",") == 1) >= AT_LEAST * one.filled:
            return {part: Proposal(ColumnMap(part, (name,), split=SPLIT, take=part), LIKELY, "one column for the name")
                    for part in ("surname", "forename", "other_names")}  # fmt: skip
    return {}


def _usual_style(columns: list[Cells]) -> str:
    """The style of most columns with dates."""
    styles = Counter(style for style, share in map(date_style, columns) if share >= AT_LEAST)
    return styles.most_common(1)[0][0] if styles else "iso"


def _described(one: Proposal, contract: Contract, cells: Mapping[str, Cells], dates: str) -> Proposal:
    """The proposal with how its cells are to be rewritten."""
    column, held = contract.column(one.map.name), cells[one.map.sources[0]]
    origin, why = one.map, one.why
    if column.kind == "date":
        style, share = date_style(held)
        origin = replace(origin, dates=style if style and style != dates else "")
        if held.filled and share < 1:
            others = ", ".join(f"{what} ({rows:,})" for what, rows in other_dates(held, style).items())
            written = (
                f"{share:.0%} of its cells are dates written {style}" if style else "no cell is a date we can read"
            )
            why = "; ".join(filter(None, [why, f"{written}; others: {others}"]))
            one = replace(one, confidence=LOOK if share < NEARLY_ALL else one.confidence)
        if style == "day_first" and reads_both_ways(held):
            why = "; ".join(
                filter(None, [why, "every date reads both ways: ask whether the day or the month is first"])
            )
            one = replace(one, confidence=LOOK)
    if held.nothing and column.kind != "text":
        ours = {value for value in held.nothing if translated(contract.table, column.name, value)}
        origin = replace(origin, empty=tuple(sorted(set(held.nothing) - ours)))
    if column.kind == "offence" and any(len(str(value)) < 5 and str(value).isdigit() for value in held.counts):
        origin, why = replace(origin, pad=5), "leading zeros are lost; pad = 5 puts them back"
        one = replace(one, confidence=LIKELY)
    numbers = column.name in CHECKS or (
        column.name == "agency_person" and all(any(map(str.isdigit, str(value))) for value in held.counts)
    )
    if numbers and any(str(value) != str(value).upper() for value in held.counts):
        origin = replace(origin, upper=True)
    if column.name in CHECKS and any(" " in str(value) for value in held.counts):
        origin = replace(origin, remove=" ")
    one = replace(one, map=origin, why=why)
    return _with_codes(one, contract, column, held) if column.kind in ("code", "boolean") else one


def _with_codes(one: Proposal, contract: Contract, column: Column, held: Cells) -> Proposal:
    """Translations. Of identity and equality tables the whole vocabulary is written, whatever the file holds."""
    values = held.counts + Counter({value: n for value, n in held.nothing.items() if value not in one.map.empty})
    known = {value: translated(contract.table, column.name, value) for value in values}
    if contract.held_in == "store":
        codes = {
            str(value): ours
            for value, ours in sorted(known.items(), key=str)
            if ours and needs_translation(column, value)
        }
    else:
        letters = all(len(str(value)) == 1 for value in values)
        codes = vocabulary(contract, column.name, letters=letters) if any(
            needs_translation(column, value) for value in values) else {}  # fmt: skip
    odd = Counter({value: values[value] for value, ours in known.items() if not ours})
    may_name = contract.held_in == "store" and len(values) <= MOST_CODES
    named = {str(value): n for value, n in odd.most_common() if may_name and n >= NAMED_FROM and is_code(value)}
    seldom = Counter[str]()
    for value, n in odd.items():
        if str(value) not in named:
            seldom[pattern(value)] += n
    confidence = one.confidence if not odd else (LOOK if sum(odd.values()) > 0.05 * held.filled else LIKELY)
    if any(len(value) == 1 for value in codes) and column.kind == "code" and confidence == SURE:
        confidence = LIKELY  # a letter or digit may stand for anything
    return replace(one, map=replace(one.map, codes=codes), confidence=confidence, untranslated=named,
                   seldom=dict(seldom.most_common(5)))  # fmt: skip


def is_code(value: Any) -> bool:
    """Whether a cell may be named as a code: no formula, no error of Excel, no long text."""
    return not isinstance(value, Formula | CellError) and len(str(value)) <= LONGEST_CODE


def _without_origin(contract: Contract, chosen: Mapping[str, Proposal], into: set[str]) -> dict[str, Proposal]:
    """What no column says and has to be stated: who the people are, what kind of record, when it became known."""
    made: dict[str, Proposal] = {}
    kind = "assessment" if contract.table in _ASSESSMENTS else "fact"
    stated = {"subject_category": ("convicted", "nobody in this file may be only a victim or witness"),
              "record_kind": (kind, "")}  # fmt: skip
    for name, (value, why) in stated.items():
        if name in contract.names and name not in chosen:
            made[name] = Proposal(ColumnMap(name, constant=value), LOOK if why else LIKELY, why)
    known_from = {column.known_from for column in contract.columns if column.name in chosen or column.name in into}
    for name in ("recorded_on", *sorted(known_from - {""})):
        if name in contract.names and name not in chosen:
            made[name] = Proposal(ColumnMap(name, use="extract_date"), LOOK,
                                  "no date of entry: known only from the day of the extract")  # fmt: skip
    return made


def best_tables(found: Found) -> list[TableProposal]:
    """Tables that the sheet seems to hold, best first."""
    made: list[TableProposal] = []
    for table, contract in CONTRACTS.items():
        if contract.of_people:
            one = propose(found, table)
            if one.worth > 0.25 and "agency_person" not in one.open:
                made.append(one)
    return sorted(made, key=lambda one: -one.worth)
