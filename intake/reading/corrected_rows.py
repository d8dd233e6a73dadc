"""Corrected rows in place of those that wait in quarantine: the same checks again, in one step, nothing lost.

The agency sends its corrected rows with the ``line`` that each has in the file it sent first. Each is judged as a
row of that file: by contract, under the same agreement, against the rows already accepted. What stands is added
to the current extract; what does not waits again, under the same line and its new reason.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.settle import settle
from desist.intake.holding.store import BARE, HELD_HERE, Extract, Store, held_names, pieces
from desist.intake.holding.vault import Vault
from desist.intake.reading.judge import JudgedFile, judge_alone, withdrawn
from desist.intake.reading.quality import keep_figures
from desist.intake.reading.quarantine import (
    CONSENT_COMES_WHOLE,
    can_be_corrected,
    extract_of,
    ranges,
    rows_kept,
    standing,
)
from desist.intake.reading.raw import no_csv
from desist.intake.reading.read import write_file
from desist.intake.reading.report import FileReport, not_read
from desist.intake.rights.log import RegisterLog
from desist.intake.rights.rectified import Rectified
from desist.intake.rights.register import Rights
from desist.intake.rights.suppression import ErasedPeople
from desist.intake.rows.checks import NO_CONSENT, Checked, Verdicts
from desist.intake.rows.crosschecks import DUPLICATE, NOT_IN_IDENTITY, REPEATED, check_duplicates, unmapped_offences
from desist.intake.rows.csv_rows import RawRows, read_rows
from desist.intake.terms.agreements import CONSENT_SOURCES, Agreement, check_agreement, check_purpose, load_agreements
from desist.intake.terms.contracts import CONTRACTS
from desist.intake.terms.delivery import Delivery, SentFile
from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_bytes
from desist.records.log import EventLog
from desist.records.wording import counted
from desist.records.workspace import Workspace

#: Columns of the export that are not the agency's: the line that a row has in its first file, and why it waits.
LINE, REASON = "line", "reason"
#: Signs that a spreadsheet takes for the start of a formula; the export puts an apostrophe before them.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t")


@dataclass(frozen=True)
class CorrectionReport:
    """What became of corrected rows. ``again``: lines that wait again, by reason. ``snapshot``: the store's hash.

    ``unchanged``: the same file was applied before, nothing more of it is accepted now, and nothing was written.
    """

    file: FileReport
    again: Mapping[str, tuple[int, ...]]
    still_waiting: int
    snapshot: str

    @property
    def unchanged(self) -> bool:
        return self.file.unchanged

    def as_dict(self) -> dict[str, Any]:
        again = {reason: ranges(lines) for reason, lines in self.again.items()}
        return {**self.file.as_dict(), "again": again, "still_waiting": self.still_waiting, "snapshot": self.snapshot}

    def as_text(self) -> str:
        """How many rows were replaced and accepted, which lines wait again and why, and what comes next."""
        where, read = f"{self.file.source}/{self.file.table}", self.file.rows_read
        if self.unchanged:
            return f"{where}: these corrected rows were read before; nothing was written."
        sent, accepted = counted(read, "corrected row", "corrected rows"), counted(self.file.accepted, "is", "are")
        lines = [f"{where}: {sent} came in place of those in quarantine; {accepted} accepted."]
        for reason, numbers in self.again.items():
            waits = counted(len(numbers), "row waits", "rows wait")
            lines.append(f"    {waits} again: {reason}; lines {', '.join(ranges(numbers)[:20])}")
        lines += [f"    {text}" for text in not_read(self.file.dropped_columns)]
        if NO_CONSENT in self.again or (NOT_IN_IDENTITY in self.again and self.file.source in CONSENT_SOURCES):
            lines.append(f"    {CONSENT_COMES_WHOLE}")
        still = counted(self.still_waiting, "row of this table still waits", "rows of this table still wait")
        lines.append(f"{still} (desist quarantine).")
        return "\n".join([*lines, "Next: desist link, because what is held has changed."])


def correct_rows(
    path: Path,
    workspace: Workspace,
    *,
    table: str,
    source: str | None,
    encoding: str,
    today: dt.date,
    purpose: str,
    log: EventLog,
    actor: str,
    key: bytes = b"",
) -> CorrectionReport:
    """What became of every row of ``path``, a CSV with ``line`` and the agreed columns.

    Raises Refused with all problems at once, and then nothing was written: an agreement that no longer covers the
    table, a file that cannot be read, a line that does not wait. The caller holds the workspace's lock.
    """
    store, vault = Store(workspace.store, workspace.quarantine), Vault(workspace.vault)
    settle(store, vault, EqualityWriter(workspace.equality))
    extract = extract_of(store, table, source)
    content = _bytes(path)
    agreement = _agreement(load_agreements(workspace.agreements), extract, purpose, today)
    wanted = [name for name in CONTRACTS[table].names if name in agreement.tables[table]]
    raw = read_corrected(content, wanted, encoding=encoding, where=path.name)
    before = hash_bytes(content) in {piece["input_sha256"] for piece in extract.get("corrections", [])}
    raw = _still_waiting(raw, store, extract, path.name, known=before)
    sent = SentFile(table, path.name, agreement.id, b"", hash_bytes(content))
    rights = Rights(workspace.rights, RegisterLog(log, actor))
    work = _Correcting(workspace, store, vault, rights, extract, sent, agreement, today)
    return work.apply(raw, key, log, actor, before=before)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"The file {path} cannot be read ({error.strerror}). Name the corrected file.") from error


def _agreement(register: Mapping[str, Agreement], extract: Extract, purpose: str, today: dt.date) -> Agreement:
    """The agreement of the extract, still covering it. Raises Refused where it does not."""
    source, table = extract["source"], extract["table"]
    problems = check_purpose(purpose) + check_agreement(
        register, extract["agreement_id"], source=source, table=table, purpose=purpose, today=today
    )
    if problems:
        raise Refused(f"Nothing was corrected: no agreement covers {source}/{table} now.", problems)
    return register[extract["agreement_id"]]


# --- reading the corrected file


def read_corrected(content: bytes, wanted: Sequence[str], *, encoding: str, where: str) -> RawRows:
    """The corrected rows with the lines of the first file, by line. Raises Refused with everything wrong.

    A row with a line and nothing else was not filled in: it is left out, and the row it names goes on waiting.
    """
    if another := no_csv(content, encoding, where):
        raise _refused([another], where)
    raw = read_rows(content, encoding=encoding, wanted=[LINE, *wanted], where=where)
    if isinstance(raw, list):
        raise _refused(raw, where)
    problems = [
        Problem(f"rows each of which {reason} (line {', '.join(ranges(lines)[:8])} of the corrected file)", where,
                "as many cells in each row as in the header", "Correct the rows, and send the file again.")
        for reason, lines in _by_reason(raw.unreadable).items()
    ]  # fmt: skip
    texts = raw.cells[LINE].combine_chunks()
    fits = np.asarray(pc.fill_null(pc.match_substring_regex(texts, r"^[1-9][0-9]{0,11}(\.0)?$"), False)).astype(bool)
    if not fits.all():
        places = [int(line) for line in raw.lines[~fits]]
        rows = counted(len(places), "row", "rows")
        problems.append(
            Problem(f"{rows} without a line number (line {', '.join(ranges(places)[:8])})", where,
                    f"in the column `{LINE}` the number of the row's line in the file sent first",
                    "Keep the numbers as `desist quarantine --export` wrote them.")
        )  # fmt: skip
    if problems:
        raise _refused(problems, where)
    lines = np.array([int(float(text)) for text in texts.to_pylist()], dtype=np.int64)
    filled = np.any([np.asarray(raw.cells[name].is_valid()) for name in wanted], axis=0)
    order = np.argsort(lines, kind="stable")
    order = order[filled[order]]
    cells = pa.table({name: _as_sent(raw.cells[name].combine_chunks()) for name in wanted}).take(pa.array(order))
    return RawRows(cells, lines[order], {}, tuple(name for name in raw.dropped if name != REASON))


def _refused(problems: list[Problem], where: str) -> Refused:
    return Refused(f"Nothing was corrected: {counted(len(problems), 'problem', 'problems')} in {where}.", problems)


def _as_sent(cells: pa.Array) -> pa.Array:
    """Cells without the apostrophe that the export puts before the sign of a formula."""
    return pc.replace_substring_regex(cells, r"^'([=+\-@\t])", r"\1")


def _by_reason(unreadable: Mapping[int, str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for line, reason in sorted(unreadable.items()):
        found.setdefault(reason, []).append(line)
    return found


def _still_waiting(raw: RawRows, store: Store, extract: Extract, where: str, *, known: bool) -> RawRows:
    """Those rows whose lines wait. Raises Refused for any other, unless the same file was applied before.

    A line may stand for several rows, where a mapping makes several of one: then all that wait are sent together.
    """
    waits, never = _lines(store, extract)
    given = Counter(raw.lines.tolist())
    refused = sorted(line for line in given if line in never and line not in waits)
    gone = sorted(line for line in given if line not in waits and line not in never)
    other = sorted(line for line in given if line in waits and waits[line] != given[line])
    problems = []
    if refused and not known:
        problems.append(
            Problem(f"rows for lines of a class that is never accepted ({', '.join(ranges(refused)[:8])})", where,
                    "lines that `desist quarantine` says can be corrected",
                    "Leave them out. Where the agency's own file was wrong, it sends the whole delivery again.")
        )  # fmt: skip
    if gone and not known:
        problems.append(
            Problem(f"rows for lines that do not wait in quarantine ({', '.join(ranges(gone)[:8])})", where,
                    "lines that `desist quarantine` names",
                    "Leave them out: an accepted row is corrected by a new extract, or by `desist correct`.")
        )  # fmt: skip
    if other:
        problems.append(
            Problem(f"another number of rows than wait for the lines {', '.join(ranges(other)[:8])}", where,
                    "one row for each row that waits", "Send each row of these lines once.")
        )  # fmt: skip
    if not len(raw.lines):
        problems.append(Problem("no rows", where, "corrected rows", "Send the rows that the agency corrected."))
    if problems:
        raise _refused(problems, where)
    here = np.isin(raw.lines, np.array(sorted(waits), dtype=np.int64))
    return replace(raw, cells=raw.cells.filter(pa.array(here)), lines=raw.lines[here])


def _lines(store: Store, extract: Extract) -> tuple[Counter[int], frozenset[int]]:
    """How many rows of each line wait for a correction; lines with rows of a class that is never accepted."""
    waits: Counter[int] = Counter()
    never: set[int] = set()
    for rows in (standing(store, piece) for piece in pieces(extract)):
        mend = can_be_corrected(rows["reason"])
        waits.update(rows["line"].filter(mend).to_pylist())
        never.update(rows["line"].filter(pc.invert(mend)).to_pylist())
    return waits, frozenset(never)


# --- judging and writing


@dataclass(frozen=True)
class _Correcting:
    """One correction under way."""

    workspace: Workspace
    store: Store
    vault: Vault
    rights: Rights
    extract: Extract
    sent: SentFile
    agreement: Agreement
    today: dt.date

    @property
    def source(self) -> str:
        return str(self.extract["source"])

    @property
    def delivery(self) -> Delivery:
        cut = dt.date.fromisoformat(self.extract["extract_date"])
        return Delivery(Path(), self.source, cut, self.extract["made_up"], "utf-8", ())

    def apply(self, raw: RawRows, key: bytes, log: EventLog, actor: str, *, before: bool) -> CorrectionReport:
        """Judge the rows and put those that stand into the current extract, in one step."""
        erased = ErasedPeople(self.rights, key)
        barred = erased if erased else None
        file = judge_alone(self.sent, raw, self.delivery, self.agreement, self.store, self.vault, barred)
        self._check_held(file)
        report = file.report(self.source)
        if unmapped := unmapped_offences(file.checked, self.sent.path):
            raise Refused("Nothing was corrected.", unmapped)
        if before and not report.accepted:
            return self._report(replace(report, unchanged=True), file)
        erased.remember(self.today)
        self._write(file, report, Rectified(self.rights, erased), log, actor)
        return self._report(report, file)

    def _check_held(self, file: JudgedFile) -> None:
        """Mark rows that repeat one that is accepted already."""
        contract, typed, verdicts = file.checked.contract, file.checked.typed, file.checked.verdicts
        if contract.held_in in HELD_HERE:
            typed = _plain(typed)
            held = _near(self.store, self.extract, typed, contract.key)
            both = Checked(contract, pa.concat_tables([held, typed]), Verdicts(len(held) + len(typed)), {})
            out = np.concatenate([np.zeros(len(held), dtype=bool), ~verdicts.accepted])
            both.verdicts.mark(out, "is not accepted")
            check_duplicates(both)
            repeated = both.verdicts.having(DUPLICATE) | both.verdicts.having(REPEATED)
            verdicts.mark(repeated[len(held) :], DUPLICATE if contract.key else REPEATED)
            return
        numbers = self._numbers_held(contract.held_in)
        there = pc.is_in(file.checked.array("agency_person"), pa.array(sorted(numbers), type=pa.string()))
        verdicts.mark(np.asarray(there).astype(bool), DUPLICATE)

    def _numbers_held(self, place: str) -> set[str]:
        names = held_names(self.extract)
        if place == "vault":
            return {number for name in names for number in self.vault.birth_dates(name)["agency_person"]}
        return EqualityWriter(self.workspace.equality).numbers(names)

    def _write(self, file: JudgedFile, report: FileReport, rectified: Rectified, log: EventLog, actor: str) -> None:
        store, table = self.store, self.sent.table
        store.sweep()
        equality = EqualityWriter(self.workspace.equality)
        entry = write_file(file, self.delivery, store, self.vault, equality, rectified)
        manifest = store.manifest()
        extract = manifest["extracts"][f"{self.source}/{table}"][0]
        number = len(extract.get("corrections", [])) + 1
        for piece in pieces(extract):
            _replace_in(piece, file.raw.lines, number, store)
        extract.setdefault("corrections", []).append(entry | {"corrected_on": self.today.isoformat(), "replaced": 0})
        keep_figures(manifest, extract)
        ended = {self.source: withdrawn({table: file})}
        store.erase_in(manifest, ended)
        log.append(
            "rows.corrected", actor=actor, role="analyst", correlation=entry["held_as"],
            dataset=f"{self.source}:{extract['extract_date']}:{self.agreement.id}",
            counts={"read": report.rows_read, "accepted": report.accepted,
                    "quarantined": report.rows_read - report.accepted},
        )  # fmt: skip
        store.commit(manifest, because="correction", ended=ended)
        settle(store, self.vault, equality)

    def _report(self, report: FileReport, file: JudgedFile) -> CorrectionReport:
        again: dict[str, list[int]] = {}
        for line, reason in zip(file.raw.lines.tolist(), file.checked.verdicts.reasons(), strict=True):
            if reason:
                again.setdefault(reason, []).append(line)
        current = self.store.extract(self.source, self.sent.table)
        assert current is not None
        return CorrectionReport(
            report,
            {reason: tuple(lines) for reason, lines in sorted(again.items())},
            sum(sum(piece["quarantined"].values()) for piece in pieces(current)),
            self.store.snapshot_hash(),
        )


def _near(store: Store, extract: Extract, typed: pa.Table, key: tuple[str, ...]) -> pa.Table:
    """Those held rows that can repeat one of ``typed``: of equal key, or of the same person."""
    name = key[0] if key else "agency_person" if "agency_person" in typed.column_names else ""
    found = [typed.slice(0, 0)]
    for part in [part for piece in pieces(extract) for part in piece["partitions"]]:
        rows = _plain(store.partition(part).select(typed.column_names)).cast(typed.schema)
        found.append(rows.filter(pc.is_in(rows[name], typed[name].combine_chunks())) if name else rows)
    return pa.concat_tables(found)


def _plain(rows: pa.Table) -> pa.Table:
    """The rows with each text written out, where it stands once for each distinct value."""
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def _replace_in(piece: Extract, lines: np.ndarray, number: int, store: Store) -> None:
    """Empty the cells of those of the piece's waiting rows that correction ``number`` replaces, and count them."""
    if not piece["quarantine"]:
        return
    rows = rows_kept(store, piece)
    waits = np.asarray(pc.and_(pc.is_null(rows["replaced_by"]), can_be_corrected(rows["reason"])))
    mine = waits & np.isin(rows["line"].to_numpy(), lines)
    if not mine.any():
        return
    here, part = pa.array(mine), piece["quarantine"]
    columns = {name: _emptied(rows[name], here, name in BARE) for name in rows.column_names}
    columns["replaced_by"] = pc.if_else(here, pa.scalar(number, pa.int64()), rows["replaced_by"])
    gone = Counter(rows["reason"].filter(here).to_pylist())
    left = {reason: count - gone[reason] for reason, count in piece["quarantined"].items()}
    piece["quarantined"] = {reason: count for reason, count in left.items() if count}
    piece["replaced"] = piece.get("replaced", 0) + int(mine.sum())
    history = [*part["history"], part["sha256"]]
    piece["quarantine"] = store.write_quarantine(piece["source"], piece["table"], pa.table(columns)) | {
        "history": history
    }


def _emptied(cells: pa.ChunkedArray, here: pa.Array, keep: bool) -> pa.ChunkedArray:
    return cells if keep else pc.if_else(here, pa.scalar(None, cells.type), cells)


def export_rows(rows: pa.Table) -> Iterator[list[str]]:
    """The rows to correct as texts for a spreadsheet, empty where nothing is kept; no cell starts a formula."""
    for row in zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True):
        yield [_harmless("" if cell is None else str(cell)) for cell in row]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
