"""Whether figures follow from one table of counts: those of an audit exactly, published ones within their rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

#: Every rate as (cells counted, cells it is a share of); cells are tn, fp, fn, tp.
RATES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "base_rate": (("fn", "tp"), ("tn", "fp", "fn", "tp")),
    "selection": (("fp", "tp"), ("tn", "fp", "fn", "tp")),
    "fpr": (("fp",), ("fp", "tn")),
    "fnr": (("fn",), ("fn", "tp")),
    "ppv": (("tp",), ("tp", "fp")),
    "fdr": (("fp",), ("tp", "fp")),
    "for": (("fn",), ("fn", "tn")),
    "npv": (("tn",), ("fn", "tn")),
    "sensitivity": (("tp",), ("fn", "tp")),
    "specificity": (("tn",), ("fp", "tn")),
    "accuracy": (("tn", "tp"), ("tn", "fp", "fn", "tp")),
}
CELLS = ("tn", "fp", "fn", "tp")
EXACT = 1e-6


def contradicts(published: Mapping[str, float], *, digits: int) -> bool:
    """Whether no table of counts gives all of these rates together, each rounded to ``digits`` digits.

    A rate is a share of cells, so each one, within its rounding, is two straight lines through the cells' shares:
    whether they meet is asked of linear programming, exactly. Raises KeyError for a rate that is none of RATES.
    """
    from scipy.optimize import linprog

    half = 0.5 * 10.0**-digits + 1e-12
    rows = []
    for name, value in published.items():
        above, below = (np.array([float(cell in cells) for cell in CELLS]) for cells in RATES[name])
        rows += [above - (value + half) * below, (value - half) * below - above]
    if not rows:
        return False
    found = linprog(np.zeros(4), A_ub=np.array(rows), b_ub=np.zeros(len(rows)), A_eq=np.ones((1, 4)), b_eq=[1.0])
    return bool(found.status == 2)


def table_faults(audit: Mapping[str, Any]) -> list[str]:
    """What in an audit does not follow from its own counts, in words; empty where everything does."""
    everybody = audit["everybody"]
    faults = list(_row_faults(everybody, "everybody"))
    for name, rows in audit["tables"].items():
        said = name.replace("_", " ")
        for row in rows:
            faults += _row_faults(row, f"{row['group']} ({said})")
        for count in ("n", "events", "selected", *CELLS):
            whole = sum(int(row[count]) for row in rows)
            if whole != int(everybody[count]):
                faults.append(
                    f"the groups of {said} have {whole:,} {count} together and everybody {everybody[count]:,}"
                )
    return faults + list(_finding_faults(audit))


def _row_faults(row: Mapping[str, Any], who: str) -> Iterator[str]:
    cells = {name: int(row[name]) for name in CELLS}
    sums = {"n": sum(cells.values()), "events": cells["fn"] + cells["tp"], "selected": cells["fp"] + cells["tp"]}
    for name, whole in sums.items():
        if int(row[name]) != whole:
            yield f"{who}: {name} is {row[name]} and its cells make {whole}"
    for name, (above, below) in RATES.items():
        told = row["measures"].get(name, {}).get("value")
        bottom = sum(cells[cell] for cell in below)
        if told is None or not bottom:
            continue
        made = sum(cells[cell] for cell in above) / bottom
        if not math.isclose(float(told), made, abs_tol=EXACT):
            yield f"{who}: {name} is given as {told:.4f} and the cells make {made:.4f}"


def _finding_faults(audit: Mapping[str, Any]) -> Iterator[str]:
    """A finding's parts against the table they are of."""
    for finding in audit["findings"]:
        rows = {row["group"]: row for row in audit["tables"].get(finding["characteristic"], ())}
        for part in finding["parts"]:
            row = rows.get(part["group"])
            if row is None:
                yield f"{finding['id']}: {part['group']} is in no table"
                continue
            told, made = part["value"], row["measures"].get(finding["metric"], {}).get("value")
            if (told is None) != (made is None) or (
                told is not None and made is not None and not math.isclose(told, made, abs_tol=EXACT)
            ):
                yield f"{finding['id']}: the value of {part['group']} is not the one in its table"
