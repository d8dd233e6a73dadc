"""How many adults live in each community: what turns listed people into a burden per 1,000 adults.

``adults.csv`` in the workspace holds it (characteristic, group, adults), from a census or a population estimate. It
is optional: without it the burden is not worked out, and the report says so.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from desist.records.errors import Problem, Refused
from desist.records.files import write_text

FILE = "adults.csv"
HEADER = ("characteristic", "group", "adults")

Adults = Mapping[str, Mapping[str, int]]


def read_adults(folder: Path) -> Adults:
    """Adults by characteristic and group; empty where there is no file. Raises Refused with every problem in it."""
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 text. Save it as UTF-8 and try again.") from error
    if not rows or tuple(cell.strip() for cell in rows[0]) != HEADER:
        seen = ", ".join(rows[0])[:60] if rows else "nothing"
        raise Refused(f"{path} begins with {seen!r}; expected the columns {', '.join(HEADER)}. Mend the first line.")
    found: dict[str, dict[str, int]] = {}
    problems = []
    for number, row in enumerate(rows[1:], start=2):
        wrong = _wrong(row, found)
        if wrong:
            problems.append(Problem(wrong, f"{FILE} line {number}", "a characteristic, a group, a count", "Mend it."))
        else:
            name, group, adults = (cell.strip() for cell in row)
            found.setdefault(name, {})[group] = int(adults)
    if problems:
        raise Refused(f"{path} cannot be used as it stands:", problems)
    return found


def _wrong(row: list[str], found: Adults) -> str:
    if len(row) != len(HEADER):
        return f"{len(row)} cells"
    name, group, adults = (cell.strip() for cell in row)
    if not name or not group:
        return "an empty cell"
    if not (adults.isascii() and adults.isdigit()) or int(adults) == 0:
        return f"{adults[:20]!r} adults"
    return "the same group twice" if group in found.get(name, {}) else ""


def write_adults(folder: Path, adults: Adults) -> None:
    """Write the file for a made-up workspace."""
    lines = [f"{name},{group},{count}" for name, groups in adults.items() for group, count in groups.items()]
    write_text(folder / FILE, "\n".join([",".join(HEADER), *lines]) + "\n")
