"""The store's rows by person: what every room above reads. No names, no birth dates, no agency numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.holding.store import Store, to_frame
from desist.intake.terms.contracts import CONTRACTS
from desist.records.hashing import hash_json
from desist.records.workspace import Workspace


@dataclass(frozen=True)
class Linked:
    """Every table held, by ``person_id``, sorted by it.

    ``known``: per source, who it has a record of; a source that has sent nothing is not in it. Of treatment
    only people who consent are, because linkage links no others. ``snapshot``: the day up to which every
    source is known.
    ``unconfirmed``: people whose links contradict each other, or are weaker than what may be scored. ``doubt``: for
    everybody held together by less than certainty, one less the weakest link. ``left_out``: rows per table whose person
    their agency's current identity table no longer names. ``made_up``: the people are made up, and every page says so.
    """

    tables: Mapping[str, pd.DataFrame]
    known: Mapping[str, frozenset[str]]
    snapshot: dt.date
    snapshots: Mapping[str, dt.date]
    hash: str
    unconfirmed: frozenset[str]
    made_up: bool
    left_out: Mapping[str, int] = field(default_factory=dict)
    doubt: Mapping[str, float] = field(default_factory=dict)


def read_linked(workspace: Workspace) -> Linked:
    """The current snapshot by person. Raises Refused where it has not been linked since it was taken in."""
    store = Store(workspace.store, workspace.quarantine)
    links, digest = store.links()
    persons = {str(source): rows for source, rows in links.groupby("source")}
    tables, left_out = {}, {}
    for table in store.tables():
        rows = store.read_arrow(table)
        tables[table] = _by_person(rows, persons.get(CONTRACTS[table].sources[0]), table)
        if missing := len(rows) - len(tables[table]):
            left_out[table] = missing
    snapshots = {source: store.snapshot_date(source) for source in store.sources()}
    return Linked(
        tables=tables,
        known={source: frozenset(rows["person_id"]) for source, rows in persons.items()},
        snapshot=min(snapshots.values()),
        snapshots=snapshots,
        hash=hash_json([store.snapshot_hash(), digest]),
        unconfirmed=frozenset(links.loc[~links["confirmed"], "person_id"]),
        made_up=store.made_up,
        left_out=left_out,
        doubt=_doubt(links),
    )


def _doubt(links: pd.DataFrame) -> dict[str, float]:
    """How unsure each person is who is not certain to be one."""
    if "doubt" not in links:  # linked before doubt was kept
        return {}
    most = links.groupby("person_id")["doubt"].max()
    return {str(person): float(doubt) for person, doubt in most[most > 0].items()}


def _by_person(rows: pa.Table, persons: pd.DataFrame | None, table: str) -> pd.DataFrame:
    """Rows with person_id in place of agency_person, in the order of person_id, else as stored."""
    names = pa.array([] if persons is None else persons["agency_person"].tolist(), type=pa.string())
    ids = np.array([] if persons is None else persons["person_id"].tolist(), dtype=object)
    places = np.asarray(pc.fill_null(pc.index_in(rows["agency_person"].combine_chunks(), value_set=names), -1))
    found = np.flatnonzero(places >= 0)
    distinct, rank = np.unique(ids.astype(str), return_inverse=True)
    order = found[np.argsort(rank[places[found]], kind="stable")]
    person = pa.array(distinct, type=pa.string()).take(pa.array(rank[places[order]]))
    kept = rows.take(pa.array(order)).drop_columns(["agency_person"])
    return to_frame(kept.add_column(0, "person_id", person), table)
