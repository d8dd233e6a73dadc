"""Whether two tables of profiles hold the same cells: python benchmarks/rivals/compare.py ONE.parquet OTHER.parquet"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from desist.features.register import Register


def in_order(table: pa.Table | pd.DataFrame) -> pd.DataFrame:
    """The profiles by person and as-of date, people by their number in the store and cells as floats."""
    frame = table.to_pandas(date_as_object=False) if isinstance(table, pa.Table) else table
    if "person" in frame:
        frame = frame.rename(columns={"person": "person_id"})
    else:
        frame = frame.assign(person_id=frame["person_id"].astype(str).str[1:].astype("int64"))
    people, days = frame["person_id"].astype("int64"), pd.to_datetime(frame["as_of"]).astype("datetime64[s]")
    keyed = frame.drop(columns=["person_id", "as_of"]).astype("float64")
    keyed.index = pd.MultiIndex.from_arrays([people, days], names=["person_id", "as_of"])
    return keyed.sort_index()


def compare_cells(a: pa.Table | pd.DataFrame, b: pa.Table | pd.DataFrame, register: Register) -> dict[str, int]:
    """How many cells differ, by feature; empty where all are equal.

    Missing equals only missing. Shares may differ by one part in 10^12; everything else not at all. Rows that only one
    has count under "rows"; columns of other names or in another order are a ValueError.
    """
    first, second = in_order(a), in_order(b)
    if list(first.columns) != list(second.columns) or tuple(first.columns) != register.names:
        raise ValueError("the two do not have the register's columns in its order")
    if not first.index.equals(second.index):
        return {"rows": len(first.index.symmetric_difference(second.index)) or len(first)}
    found = {}
    for feature in register.used:
        left, right = first[feature.name].to_numpy(), second[feature.name].to_numpy()
        equal = (left == right) | (np.isnan(left) & np.isnan(right))
        if feature.definition.function == "share":
            equal |= np.abs(left - right) <= 1e-12 * np.abs(right)
        if not equal.all():
            found[feature.name] = int((~equal).sum())
    return found


def main() -> None:
    """Print how many cells two files have in common and how many differ, as JSON."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from profile_register import profile_register

    one, other = (pq.read_table(path) for path in sys.argv[1:3])
    differ = compare_cells(one, other, profile_register())
    print(json.dumps({"cells": one.num_rows * (one.num_columns - 2), "differ": sum(differ.values())}))


if __name__ == "__main__":
    main()
