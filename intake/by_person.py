"""The store's rows by person, one partition at a time: for more rows than fit in memory at once.

``linked.read_linked`` gives the same rows, all of them, sorted by person.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.contracts import CONTRACTS
from desist.intake.partitions import AT_ONCE
from desist.intake.store import Store, pieces
from desist.intake.stream import coded, places


def rows_by_person(store: Store) -> Iterator[tuple[str, pa.Table]]:
    """Each table's name with the rows of one of its partitions, ``person_id`` in place of ``agency_person``.

    The rows of one person stand together in a partition, sorted by the agency's number. Rows whose person
    their agency's current identity table no longer names are left out. No more than a few partitions are in
    memory. Raises Refused where the current snapshot has not been linked, or a partition was altered.
    """
    links, _ = store.links()
    people = {str(source): rows for source, rows in links.groupby("source")}
    nobody = links.iloc[:0]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting: deque[tuple[str, Future[pa.Table]]] = deque()
        for table in store.tables():
            for source in CONTRACTS[table].sources:
                extract = store.extract(source, table)
                who = _People(people.get(source, nobody))
                parts = [part for piece in pieces(extract) for part in piece["partitions"]] if extract else []
                for part in parts:
                    if len(waiting) > AT_ONCE:
                        name, rows = waiting.popleft()
                        yield name, rows.result()
                    waiting.append((table, pool.submit(lambda part=part, who=who: who.of(store.partition(part)))))
        for name, rows in waiting:
            yield name, rows.result()


class _People:
    """One agency's numbers and whom they stand for."""

    def __init__(self, links: pd.DataFrame) -> None:
        self.numbers = pa.array(links["agency_person"].tolist(), type=pa.string())
        self.ids = pa.array(links["person_id"].tolist(), type=pa.string())

    def of(self, rows: pa.Table) -> pa.Table:
        """The rows of linked people under their person_id."""
        encoded = coded(rows["agency_person"])
        found = np.asarray(pc.fill_null(pc.index_in(encoded.dictionary, value_set=self.numbers), -1)).astype(np.int64)
        of_row = np.append(found, -1)[places(encoded)]
        known = of_row >= 0
        kept = rows.drop_columns(["agency_person"])
        if not known.all():
            kept, of_row = kept.filter(pa.array(known)), of_row[known]
        return kept.add_column(0, "person_id", self.ids.take(pa.array(of_row)))
