"""What agencies call our columns and codes, and how alike a name is to what we know."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from desist.intake.mapping.grid import folded
from desist.intake.terms.contracts import CONTRACTS, Column, Contract, refused_class

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BRACKETS = re.compile(r"[(\[].*?[)\]]")
_SIGNS = re.compile(r"[^a-z0-9]+")
#: Signs that only join two words of a code: "Non-opiate", "White / Asian", "Completed - drug free".
_JOINS = re.compile(r"(?<=[^\W\d_])[\s&/,.'\u2019_\-\u2013]+(?=[^\W\d_])")
#: By whose number an agency usually knows a person.
_OWN_NUMBER = {"probation": "crn", "prison": "prison_number", "police": "pnc"}
#: A name with all words of one we know, and others.
_CONTAINS = 0.85


@cache
def known_words() -> Mapping[str, Any]:
    """The list of synonyms as it stands in data/synonyms.toml."""
    text = (resources.files("desist.intake.mapping") / "data" / "synonyms.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def plain(name: str) -> str:
    """A name without capitals, signs, brackets: "OffenceDate (dd/mm/yyyy)" is "offence date"."""
    return " ".join(_SIGNS.sub(" ", _CAMEL.sub(" ", _BRACKETS.sub(" ", name)).lower()).split())


def worded(code: str) -> str:
    """A code without capitals and the signs that join its words. What stands in brackets, and any sign before,
    behind or among digits, stays: "Yes (withdrawn)" is not "Yes", and -1 is not 1.
    """
    return folded(_JOINS.sub(" ", _CAMEL.sub(" ", code)))


@cache
def names_for(table: str, column: str, source: str = "") -> tuple[str, ...]:
    """What agencies call ``column`` of ``table``, its own words first. ``source``: whose number a person has."""
    words = known_words()
    own = words["tables"].get(table, {}).get(column, [])
    usual = words["columns"].get(column, [])
    if column == "agency_person":
        sender = source or (CONTRACTS[table].sources[0] if len(CONTRACTS[table].sources) == 1 else "")
        usual = [*usual, *words["columns"].get(_OWN_NUMBER.get(sender, ""), [])]
    return tuple(dict.fromkeys([column.replace("_", " "), *own, *usual]))


@cache
def likeness(theirs: str, table: str, column: str, source: str = "") -> float:
    """From 0 to 1: 1 where the agency's name is one we know for the column, whole or as the last part of two rows."""
    names = {plain(theirs), plain(theirs.split(" / ")[-1])} - {""}
    return max((_likeness(name, known) for name in names for known in names_for(table, column, source)), default=0.0)


def _likeness(name: str, known: str) -> float:
    if name == known:
        return 1.0
    mine, theirs = set(name.split()), set(known.split())
    if len(theirs) > 1 and theirs <= mine:
        return _CONTAINS
    shared = len(mine & theirs) / len(mine | theirs)
    return max(shared, difflib.SequenceMatcher(None, name, known).ratio() - 0.1) * 0.9


def recognised(name: str) -> bool:
    """Whether a header's cell is a name we know for some column of some table."""
    return plain(name) in _every_name() or plain(name.split(" / ")[-1]) in _every_name()


@cache
def _every_name() -> frozenset[str]:
    return frozenset(
        name
        for contract in CONTRACTS.values()
        for column in contract.names
        for name in names_for(contract.table, column)
    )


@cache
def codes_for(table: str, column: str) -> Mapping[str, str]:
    """What agencies write -> our code, for a code or boolean column; compared by ``worded``."""
    described = CONTRACTS[table].column(column)
    words = known_words()["codes"]
    listed = words["boolean"] if described.kind == "boolean" else words.get(f"{table}.{column}", words.get(column, {}))
    found = {worded(word): ours for ours, names in listed.items() for word in names}
    return found | {spelt: ours for ours in own_codes(described) for spelt in (worded(ours), plain(ours))}


def refused_column(name: str) -> str:
    """The never-accepted class that a column's name belongs to; empty for any other."""
    return refused_class(name)


def own_codes(column: Column) -> tuple[str, ...]:
    return ("true", "false") if column.kind == "boolean" else column.codes


def own_number(source: str) -> str:
    """The national identifier that is usually an agency's own number for a person; empty where it has none."""
    return _OWN_NUMBER.get(source, "")


def vocabulary(contract: Contract, column: str, *, letters: bool) -> dict[str, str]:
    """Every spelling we know for a column: words, or single letters and digits. Says nothing of what a file holds.

    Our own codes are among them, because they may come in capitals: VICTIM is a victim.
    """
    return {word: ours for word, ours in codes_for(contract.table, column).items() if (len(word) == 1) == letters}


def says_nothing(value: Any) -> bool:
    """Whether a cell says that nothing is known."""
    return str(value).strip().casefold() in known_words()["empty"]["values"]
