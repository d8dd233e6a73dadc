"""The store's rows by person, a few partitions at a time: for more rows than fit in memory at once.

``linked.read_linked`` gives the same rows, all of them, sorted by person.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.holding.partitions import AT_ONCE
from desist.intake.holding.store import Store, pieces
from desist.intake.rows.stream import coded, places
from desist.intake.terms.contracts import CONTRACTS

#: Partitions looked up together: each time all of an agency's numbers are laid out to be found in.
TOGETHER = 8


def rows_by_person(store: Store) -> Iterator[tuple[str, pa.Table]]:
    """Each table's name with the rows of some of its partitions, ``person_id`` in place of ``agency_person``.

    The rows of one person stand together in a partition, sorted by the agency's number. Rows whose person
    their agency's current identity table no longer names are left out. Text is compact (a dictionary); no more
    than some partitions are in memory. Raises Refused where the current snapshot has not been linked, or a
    partition was altered.
    """
    links, _ = store.links()
    people = {str(source): rows for source, rows in links.groupby("source")}
    nobody = links.iloc[:0]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting: deque[tuple[str, Future[pa.Table]]] = deque()
        for table in store.tables():
            typed = {column.name for column in CONTRACTS[table].columns if column.kind in TYPED}
            texts = [name for name in (*CONTRACTS[table].names, "source", "agreement_id") if name not in typed]
            for source in CONTRACTS[table].sources:
                extract = store.extract(source, table)
                who = _People(people.get(source, nobody))
                parts = [part for piece in pieces(extract) for part in piece["partitions"]] if extract else []
                for start in range(0, len(parts), TOGETHER):
                    if len(waiting) >= AT_ONCE:
                        name, rows = waiting.popleft()
                        yield name, rows.result()
                    together = parts[start : start + TOGETHER]
                    waiting.append((table, pool.submit(who.of_parts, store, together, texts)))
        for name, rows in waiting:
            yield name, rows.result()


#: Kinds of column that hold no text.
TYPED = ("date", "integer", "decimal", "boolean")


class _People:
    """One agency's numbers and whom they stand for."""

    def __init__(self, links: pd.DataFrame) -> None:
        self.numbers = pa.array(links["agency_person"].tolist(), type=pa.string())
        self.ids = pa.array(links["person_id"].tolist(), type=pa.string())

    def of_parts(self, store: Store, parts: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> pa.Table:
        """The rows of linked people in some partitions under their person_id."""
        rows = pa.concat_tables([store.partition(part, compact=texts) for part in parts])
        encoded = coded(rows["agency_person"])
        found = np.asarray(pc.fill_null(pc.index_in(encoded.dictionary, value_set=self.numbers), -1)).astype(np.int64)
        linked = found >= 0
        place_of_id = np.append(np.where(linked, np.cumsum(linked) - 1, -1), -1).astype(np.int32)
        of_row = place_of_id[places(encoded)]
        rows, known = rows.drop_columns(["agency_person"]), of_row >= 0
        if not known.all():
            rows, of_row = rows.filter(pa.array(known)), of_row[known]
        # Two numbers of one agency may be one person.
        ids = self.ids.take(pa.array(found[linked])).dictionary_encode()
        person = pa.DictionaryArray.from_arrays(ids.indices.take(pa.array(of_row)), ids.dictionary)
        return rows.add_column(0, "person_id", person)
