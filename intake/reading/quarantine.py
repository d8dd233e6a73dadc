"""The rows that wait in quarantine: why, on which lines, what may be handed back to the agency, and that none is lost.

A row waits until a correction takes its place (see ``corrected_rows``); then its cells are gone from the
quarantine, while its line and reason stay, with the number of that correction. So at any time
read = accepted + quarantined + replaced, of each extract and of each correction of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.store import BARE, HELD_HERE, Extract, Store, pieces
from desist.intake.holding.vault import Vault
from desist.intake.rows.checks import NO_CONSENT, REFUSED_ROWS
from desist.intake.terms.contracts import CONTRACTS
from desist.records.errors import Refused
from desist.records.wording import counted

#: So many ranges of lines are printed for one reason; the JSON has them all.
RANGES_NAMED = 8
WHAT_A_LINE_IS = (
    "A line is the row's line in the agency's own file: in a CSV file or a sheet the first is line 1, in a Parquet "
    "file the first row."
)
NEVER_KEPT = "nothing is kept of it, and no correction takes its place"
CONSENT_COMES_WHOLE = (
    "Where somebody consents after all, the agency sends its whole delivery again: the client table with the identity "
    "table and the person's other rows. Row by row each would wait for another."
)


@dataclass(frozen=True)
class Waiting:
    """The rows of one table's current extract that wait, by reason: the agency's own line numbers, ascending.

    ``replaced``: rows that waited until a correction took their place. ``refused``: reasons of classes that are
    never accepted; nothing but their line is kept.
    """

    source: str
    table: str
    extract_date: str
    lines: dict[str, tuple[int, ...]]
    replaced: int

    @property
    def rows(self) -> int:
        return sum(map(len, self.lines.values()))

    def as_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "table": self.table,
            "extract_date": self.extract_date,
            "rows": self.rows,
            "replaced": self.replaced,
            "reasons": [
                {
                    "reason": reason,
                    "rows": len(lines),
                    "lines": ranges(lines),
                    "can_be_corrected": reason not in REFUSED_ROWS,
                }
                for reason, lines in self.lines.items()
            ],
        }


@dataclass(frozen=True)
class Quarantine:
    """All that waits, table by table."""

    tables: tuple[Waiting, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"rows": sum(one.rows for one in self.tables), "tables": [one.as_dict() for one in self.tables]}

    def as_text(self) -> str:
        """Reasons, counts and lines; no cell of any row."""
        if not any(one.rows for one in self.tables):
            return "No row waits in quarantine."
        lines = []
        for one in self.tables:
            if not one.rows:
                continue
            never = sum(len(found) for reason, found in one.lines.items() if reason in REFUSED_ROWS)
            told = [f"{counted(one.rows - never, 'row', 'rows')} can be corrected"] if one.rows > never else []
            told += [f"{counted(never, 'is', 'are')} never accepted"] if never else []
            told += [f"{counted(one.replaced, 'was', 'were')} replaced by corrected ones"] if one.replaced else []
            lines.append(f"{one.source}/{one.table}, extract of {one.extract_date}: {', '.join(told)}")
            for reason, numbers in one.lines.items():
                never_kept = f" ({NEVER_KEPT})" if reason in REFUSED_ROWS else ""
                lines.append(f"    {counted(len(numbers), 'row', 'rows')}: {reason}{never_kept}")
                lines.append(f"        {'line' if len(set(numbers)) == 1 else 'lines'} {_named(ranges(numbers))}")
        if any(NO_CONSENT in one.lines for one in self.tables):
            lines.append(CONSENT_COMES_WHOLE)
        return "\n".join([*lines, WHAT_A_LINE_IS])


def ranges(lines: Sequence[int]) -> list[str]:
    """Line numbers as ranges: 4, 5, 6 and 9 as "4-6" and "9". Each line once."""
    found: list[list[int]] = []
    for line in sorted(set(lines)):
        if found and line == found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return [str(first) if first == last else f"{first}-{last}" for first, last in found]


def _named(texts: list[str]) -> str:
    more = len(texts) - RANGES_NAMED
    return ", ".join(texts[:RANGES_NAMED]) + (f" and {more:,} more places (--json names all)" if more > 0 else "")


def rows_kept(store: Store, piece: Extract) -> pa.Table:
    """The quarantine file of an extract or correction: line, reason, cells as sent and ``replaced_by``."""
    if not piece["quarantine"]:
        return pa.table({"line": pa.array([], pa.int64()), "reason": pa.array([], pa.string()),
                         "replaced_by": pa.array([], pa.int64())})  # fmt: skip
    rows = store.partition(piece["quarantine"])
    if "replaced_by" not in rows.column_names:
        rows = rows.append_column("replaced_by", pa.nulls(len(rows), pa.int64()))
    return rows


def standing(store: Store, piece: Extract) -> pa.Table:
    """The rows of ``rows_kept`` that no correction has replaced."""
    rows = rows_kept(store, piece)
    return rows.filter(pc.is_null(rows["replaced_by"]))


def waiting(store: Store, *, table: str | None = None, source: str | None = None) -> Quarantine:
    """What waits of the current extracts, of one table or source where named. Raises Refused for one not held."""
    found = []
    for key, history in sorted(store.manifest()["extracts"].items()):
        of_source, of_table = key.split("/")
        if table not in (None, of_table) or source not in (None, of_source):
            continue
        lines: dict[str, list[int]] = {}
        for piece in pieces(history[0]):
            rows = standing(store, piece)
            for line, reason in zip(rows["line"].to_pylist(), rows["reason"].to_pylist(), strict=True):
                lines.setdefault(reason, []).append(line)
        by_count = sorted(lines.items(), key=lambda item: (-len(item[1]), item[0]))
        found.append(
            Waiting(of_source, of_table, history[0]["extract_date"],
                    {reason: tuple(sorted(numbers)) for reason, numbers in by_count},
                    sum(piece.get("replaced", 0) for piece in pieces(history[0])))
        )  # fmt: skip
    if not found and (table or source):
        raise Refused(
            f"The store holds no extract of {table or 'any table'}{f' from {source}' if source else ''}. "
            "`desist quarantine` without these options shows every table."
        )
    return Quarantine(tuple(found))


def extract_of(store: Store, table: str, source: str | None) -> Extract:
    """The current extract of ``table``; ``source`` need be named only where several send it."""
    if table not in CONTRACTS:
        raise Refused(f"There is no table {table[:60]!r}; the tables are {', '.join(CONTRACTS)}.")
    senders = [name for name in CONTRACTS[table].sources if store.extract(name, table)]
    if source is not None:
        senders = [name for name in senders if name == source]
    if not senders:
        raise Refused(
            f"The store holds no extract of {table}{f' from {source}' if source else ''}; nothing can be corrected."
        )
    if len(senders) > 1:
        raise Refused(f"{', '.join(senders)} have each sent a table {table}. Name one with --source.")
    found = store.extract(senders[0], table)
    assert found is not None
    return found


def to_correct(store: Store, extract: Extract) -> pa.Table:
    """Line, reason and agreed cells of the rows that the agency can correct, by line.

    Rows of refused classes are not among them. Where only the line was kept (a line that does not fall into cells,
    a row that names another which is not held, and every row of an identity or equality table) the cells are empty:
    the agency looks its line up.
    """
    standing_rows = [standing(store, piece) for piece in pieces(extract)]
    parts = [
        rows.filter(can_be_corrected(rows["reason"])).drop_columns(["replaced_by"])
        for rows in standing_rows
        if len(rows)
    ]
    if not parts:
        return pa.table({"line": pa.array([], pa.int64()), "reason": pa.array([], pa.string())})
    return pa.concat_tables(parts, promote_options="default").sort_by("line")


def can_be_corrected(reasons: pa.ChunkedArray) -> pa.ChunkedArray:
    """Of each reason whether a correction may take its row's place: not of a class that is never accepted."""
    return pc.invert(pc.is_in(reasons, pa.array(REFUSED_ROWS)))


def keeps_cells(table: str) -> bool:
    """Whether the quarantine keeps the agreed cells of a table's rows, not only their lines and reasons.

    Names stay in the vault and characteristics in the equality store: of their tables no cell is kept elsewhere.
    """
    return CONTRACTS[table].held_in in HELD_HERE


# --- nothing is lost


def quarantine_faults(store: Store, vault: Vault | None = None, equality: EqualityWriter | None = None) -> list[str]:
    """Where the sums of an extract, old or current, do not add up; in words, without any row's content.

    Rows of identity and equality tables are counted where ``vault`` and ``equality`` store are given.
    """
    elsewhere = {"vault": vault.rows_of if vault else None, "equality": equality.rows_of if equality else None}
    return [
        fault
        for where, extract in _all(store)
        for fault in (*_faults(store, where, extract), *_vanished(where, extract, elsewhere))
    ]


def _vanished(where: str, extract: Extract, elsewhere: Mapping[str, Callable[[str], int] | None]) -> Iterator[str]:
    """Accepted rows of the extract and its corrections that their place neither holds nor erased."""
    for piece in pieces(extract):
        place = CONTRACTS[piece["table"]].held_in
        rows_of = elsewhere.get(place)
        held = sum(part["rows"] for part in piece["partitions"]) if rows_of is None else rows_of(piece["held_as"])
        held += piece.get("erased", 0)
        if (place in HELD_HERE or rows_of) and held != piece["accepted"]:
            yield f"{where}: {counted(piece['accepted'], 'row', 'rows')} accepted, but {held:,} stored or erased"


def _all(store: Store) -> Iterator[tuple[str, Extract]]:
    for key, history in sorted(store.manifest()["extracts"].items()):
        for extract in history:
            yield f"{key} of {extract['extract_date']}", extract


def _faults(store: Store, where: str, extract: Extract) -> Iterator[str]:
    read = [piece["rows_read"] for piece in extract.get("corrections", [])]
    taken: Counter[int] = Counter()
    for number, piece in enumerate(pieces(extract)):
        name = f"correction {number} of {where}" if number else where
        waits, replaced = sum(piece["quarantined"].values()), piece.get("replaced", 0)
        if piece["accepted"] + waits + replaced != piece["rows_read"]:
            read_here = counted(piece["rows_read"], "row", "rows")
            yield f"{name}: {read_here} read, not {piece['accepted']:,} + {waits:,} + {replaced:,}"
        try:
            rows = rows_kept(store, piece)
        except (Refused, OSError):
            yield f"{name}: its quarantine cannot be read"
            continue
        here = rows.filter(pc.is_null(rows["replaced_by"]))
        if Counter(here["reason"].to_pylist()) != Counter(piece["quarantined"]) or len(rows) != waits + replaced:
            yield f"{name}: the rows in its quarantine are not those that it counts"
        taken.update(value for value in rows["replaced_by"].to_pylist() if value is not None)
    if dict(taken) != {number: rows for number, rows in enumerate(read, start=1) if rows}:
        yield f"{where}: its corrections have other rows than they replaced"


__all__ = [
    "BARE", "Quarantine", "Waiting", "can_be_corrected", "extract_of", "keeps_cells", "quarantine_faults", "ranges",
    "rows_kept", "standing", "to_correct", "waiting",
]  # fmt: skip
