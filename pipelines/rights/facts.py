"""A person's facts as the agencies sent them, numbered the same way each time, for the record and for corrections."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.holding.store import Store
from desist.intake.rights.rectified import text_of
from desist.intake.terms.contracts import CONTRACTS
from desist.pipelines.rights.subject import Subject
from desist.pipelines.session import Session


@dataclass(frozen=True)
class Fact:
    """One row of the current extract: who sent it, under which number and agreement, and its cells."""

    source: str
    number: str
    extract_date: dt.date
    agreement: str
    cells: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Fact, assessment or opinion, as the agency says."""
        return str(self.cells.get("record_kind") or "fact")


def tables_of(session: Session, subject: Subject) -> list[str]:
    """The tables in which the person has facts."""
    store = Store(session.workspace.store, session.workspace.quarantine)
    return [table for table in store.tables() if facts_in(store, subject, table)]


def facts_in(store: Store, subject: Subject, table: str) -> list[Fact]:
    """The person's rows of one table, oldest event first; equal dates in the order of all cells."""
    if table not in store.tables():
        return []
    rows = store.read_arrow(table)
    own = pa.array([False] * len(rows))
    for source in CONTRACTS[table].sources:
        numbers = pa.array(list(subject.numbers.get(source, ())), type=pa.string())
        mine = pc.and_(pc.equal(rows["source"], source), pc.is_in(rows["agency_person"], value_set=numbers))
        own = pc.or_(own, pc.fill_null(mine, False))
    found = [
        Fact(row["source"], row["agency_person"], _day(row["extract_date"]), row["agreement_id"], row)
        for row in rows.filter(own).to_pylist()
    ]
    return sorted(found, key=_order)


def _order(fact: Fact) -> tuple[str, list[str]]:
    when = text_of(fact.cells.get("occurred_on") or fact.cells.get("recorded_on")) or ""
    return when, [f"{name}={text_of(value)}" for name, value in sorted(fact.cells.items())]


def _day(value: Any) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else dt.date.fromisoformat(str(value)[:10])
