"""Facts that people had corrected: put right in every extract held, and again in each later one that repeats them.

What was wrong is kept nowhere in clear: a keyed mark tells whether an agency still sends it. Once the agency sends
another value, that one stands. The law asks that a record be right, not that its history of errors be kept; that there
was a correction, when, of which column and why, stands in the log and in the receipt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.holding.store import Store, pieces
from desist.intake.rights.register import Correction, Rights
from desist.intake.rights.suppression import ErasedPeople
from desist.intake.rows.stream import as_stored
from desist.intake.terms.contracts import CONTRACTS, Contract

#: The field of a correction that takes the whole row away: a record of somebody else's.
WHOLE_ROW = "*"


class Rectified:
    """The corrections of one workspace. ``marks`` makes the keyed marks under which rows and values are known again."""

    def __init__(self, rights: Rights, marks: ErasedPeople) -> None:
        self._rights = rights
        self._marks = marks

    def row_mark(self, table: str, row: Mapping[str, Any], field: str) -> str:
        """How a row is known again in a later extract: by its key, else by what does not change in it."""
        return self._marks.mark("row", {name: text_of(row.get(name)) for name in key_of(CONTRACTS[table], field)})

    def value_mark(self, field: str, value: str | None) -> str:
        """How a wrong value is known again."""
        return self._marks.was(field, value)

    def applied(self, source: str, table: str, rows: pa.Table) -> pa.Table:
        """The rows with every corrected cell put right and every row taken away that was found to be wrong."""
        corrections = self._rights.corrections(source, table)
        rows = as_stored(rows) if corrections else rows
        for correction in corrections:
            rows = self._apply(correction, rows)
        return rows

    def _apply(self, correction: Correction, rows: pa.Table) -> pa.Table:
        own = pc.fill_null(pc.equal(rows["agency_person"], correction.agency_person), False)
        places = pc.indices_nonzero(own).to_pylist()
        found = [
            place
            for place, row in zip(places, rows.take(places).to_pylist(), strict=True)
            if self._is_meant(correction, row)
        ]
        if not found:
            return rows
        here = pa.array(_flags(len(rows), found))
        if correction.field == WHOLE_ROW:
            return rows.filter(pc.invert(here))
        column = rows.schema.get_field_index(correction.field)
        kind = rows.schema.field(column).type
        value = pa.scalar(typed(correction.value, kind), type=kind)
        return rows.set_column(column, rows.schema.field(column), pc.if_else(here, value, rows[correction.field]))

    def _is_meant(self, correction: Correction, row: Mapping[str, Any]) -> bool:
        if self.row_mark(correction.table, row, correction.field) != correction.row_key:
            return False
        return correction.field == WHOLE_ROW or self._marks.still_wrong(correction, text_of(row.get(correction.field)))

    def put_right(self, store: Store, correction: Correction) -> int:
        """Apply one correction to every extract in the store, older ones too; returns how many files were rewritten.

        The links stay valid: nobody's number changes. Equality and identity rows are not in the store.
        """
        manifest, changed = store.manifest(), 0
        for extract in manifest["extracts"].get(f"{correction.source}/{correction.table}", []):
            for piece in pieces(extract):
                for number, part in enumerate(piece["partitions"]):
                    before = store.partition(part)
                    after = self._apply(correction, before)
                    if not after.equals(before):
                        piece["partitions"][number] = store.rewritten(part, after)
                        if len(after) < len(before):
                            piece["erased"] = piece.get("erased", 0) + len(before) - len(after)
                        changed += 1
        if changed:
            store.commit_same_people(manifest, because="correction")
        return changed


def key_of(contract: Contract, field: str) -> Sequence[str]:
    """The columns that name a row: its key, else everything that does not become known later."""
    if contract.key and field not in contract.key:
        return sorted({"agency_person", *contract.key})
    later = {column.known_from for column in contract.columns if column.known_from} - {"recorded_on"}
    return sorted(
        column.name
        for column in contract.columns
        if column.name != field and not column.known_from and not column.plan and column.name not in later
    )


def text_of(value: Any) -> str | None:
    """A cell as the canonical table writes it: dates ISO, true or false, None for an empty one."""
    if value is None or value != value:  # NaN and NaT are unlike themselves
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "date"):
        return str(value.date().isoformat())
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def typed(text: str | None, kind: pa.DataType) -> Any:
    """The value of a cell from its text, for a column of that type."""
    if text is None:
        return None
    if pa.types.is_boolean(kind):
        return text == "true"
    return pa.scalar(text).cast(kind).as_py()


def _flags(length: int, places: Sequence[int]) -> list[bool]:
    flags = [False] * length
    for place in places:
        flags[place] = True
    return flags
