"""Reading extracts: every file through its agreement and its contract, into store, vault, equality store or quarantine.

The order of writing makes a kill harmless: partitions, quarantine, vault and equality rows are written
under new names that nothing refers to; the log notes the collection; then one file, ``current.json``, is
exchanged. Until then everybody reads the old snapshot, and afterwards the new one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from desist.intake.holding.equality_writer import FIELDS as EQUALITY_FIELDS
from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.partitions import at_once
from desist.intake.holding.settle import settle
from desist.intake.holding.store import BARE, HELD_HERE, STAMPS, Extract, Manifest, Store, rows_hash
from desist.intake.holding.vault import FIELDS as IDENTITY_FIELDS
from desist.intake.holding.vault import Vault
from desist.intake.mapping.load import load_mappings, urls_of
from desist.intake.reading.judge import JudgedFile, JudgedSource, judge, withdrawn
from desist.intake.reading.quality import figures_of, keep_figures
from desist.intake.reading.report import IntakeReport
from desist.intake.rights.log import RegisterLog
from desist.intake.rights.rectified import Rectified
from desist.intake.rights.register import Rights
from desist.intake.rights.suppression import ErasedPeople
from desist.intake.rows.crosschecks import NOT_KEPT
from desist.intake.rows.stream import as_stored, as_text
from desist.intake.terms.agreements import check_purpose, load_agreements
from desist.intake.terms.delivery import Ask, Delivery, find_deliveries, read_delivery
from desist.records.errors import Problem, Refused
from desist.records.hashing import hash_json
from desist.records.log import EventLog
from desist.records.wording import counted
from desist.records.workspace import Workspace

#: Rows that are Python's own texts at one time, on their way into vault or equality store.
TEXTS_AT_A_TIME = 50_000


def read_extracts(
    folder: Path,
    workspace: Workspace,
    *,
    today: dt.date,
    purpose: str,
    log: EventLog,
    actor: str,
    key: bytes = b"",
    ask: Ask | None = None,
) -> IntakeReport:
    """What became of every row of every file in ``folder``: a delivery, or a folder of them.

    Agreements come from the workspace's register, never from the delivery. ``key`` is the partnership's own:
    it tells who was erased. ``ask`` asks a database where a delivery names one. Raises Refused with all problems
    of all files at once, and then nothing was written. The caller holds the workspace's lock.
    """
    store, vault = Store(workspace.store, workspace.quarantine), Vault(workspace.vault)
    settle(store, vault, EqualityWriter(workspace.equality))
    rights = Rights(workspace.rights, RegisterLog(log, actor))
    erased = ErasedPeople(rights, key)
    sources, problems = _judged(folder, workspace, store, vault, erased, today=today, purpose=purpose, ask=ask)
    if problems:
        raise Refused(f"Nothing was read: {counted(len(problems), 'problem', 'problems')} in {folder}.", problems)
    store.sweep()
    erased.remember(today)
    return _write(sources, workspace, store, vault, log, actor, Rectified(rights, erased))


def _judged(
    folder: Path, workspace: Workspace, store: Store, vault: Vault, erased: ErasedPeople,
    *, today: dt.date, purpose: str, ask: Ask | None,
) -> tuple[list[JudgedSource], list[Problem]]:  # fmt: skip
    """Every delivery in the folder with a verdict on each row, and everything that is wrong with any of them."""
    register, mappings = load_agreements(workspace.agreements), _mappings(workspace)
    problems = check_purpose(purpose)
    places = find_deliveries(folder)
    if not places:
        problems.append(
            Problem("no delivery.toml", str(folder), "a folder with a delivery.toml, or folders that have one",
                    "Name the folder in which the agencies' files arrived.")
        )  # fmt: skip
    sources = []
    for place in places:
        delivery, faults = read_delivery(place, today=today, ask=ask, urls=urls_of(mappings))
        if delivery is not None:
            source, faults = judge(
                delivery, register, store, vault, faults=faults, purpose=purpose, today=today,
                mappings=mappings, suppressed=erased if erased else None,
            )  # fmt: skip
            sources.append(source)
        problems += faults
    return sources, problems + _mixed([source.delivery for source in sources], store)


def _mappings(workspace: Workspace) -> Mapping[str, Any]:
    """The workspace's mappings by name."""
    return load_mappings(workspace.mappings)


def _mixed(deliveries: Sequence[Delivery], store: Store) -> list[Problem]:
    """Two deliveries of one source at once, or made-up people among real ones."""
    problems = []
    names = [delivery.source for delivery in deliveries]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(
            Problem(f"two deliveries of {name}", "this reading", "one a reading", "Read them one after the other.")
        )
    kinds = {delivery.made_up for delivery in deliveries}
    kinds |= {store.made_up} if store.sources() else set()
    if len(kinds) > 1:
        problems.append(
            Problem("made-up people and real ones", "this workspace", "one or the other",
                    "Keep a workspace of its own for made-up extracts.")
        )  # fmt: skip
    return problems


# --- writing what was judged


def _write(
    sources: Sequence[JudgedSource],
    workspace: Workspace,
    store: Store,
    vault: Vault,
    log: EventLog,
    actor: str,
    corrections: Rectified,
) -> IntakeReport:
    reports = [report for source in sources for report in source.reports()]
    changed = [source for source in sources if not source.unchanged]
    if not changed:
        return IntakeReport(tuple(reports), store.snapshot_hash())
    equality = EqualityWriter(workspace.equality)
    manifest = store.manifest()
    written = _write_files(changed, store, vault, equality, corrections)
    for source in changed:
        for table in source.files:
            entry = written[source.delivery.source, table]
            reopened = _enter(manifest, entry)
            reports = [report.reopening(entry, reopened) for report in reports]
        manifest["deliveries"][source.delivery.source] = source.fingerprint
    ended = {source.delivery.source: withdrawn(source.files) for source in changed}
    store.erase_in(manifest, ended)
    # Noted before the switch: nothing is ever in the store that the log does not know of. Where a kill
    # comes between, the next reading notes the collection once more.
    for source in changed:
        _note(source, log, actor)
    store.commit(manifest, because="intake", ended=ended)
    settle(store, vault, equality)
    return IntakeReport(tuple(reports), store.snapshot_hash())


def _write_files(
    sources: Sequence[JudgedSource], store: Store, vault: Vault, equality: EqualityWriter, corrections: Rectified
) -> dict[tuple[str, str], Extract]:
    """Each file's manifest entry by source and table. Vault and equality store are written beside the partitions."""
    with ThreadPoolExecutor(1) as beside:
        waiting: dict[tuple[str, str], Future[Extract]] = {}
        for source in sources:
            for table, file in source.files.items():
                if file.checked.contract.held_in not in HELD_HERE:
                    waiting[source.delivery.source, table] = beside.submit(
                        write_file, file, source.delivery, store, vault, equality, corrections
                    )
        here = [(source, file) for source in sources for file in source.files.values()]
        here = [(source, file) for source, file in here if (source.delivery.source, file.sent.table) not in waiting]
        made = at_once(lambda one: write_file(one[1], one[0].delivery, store, vault, equality, corrections), here)
        written = {
            (source.delivery.source, file.sent.table): entry for (source, file), entry in zip(here, made, strict=True)
        }
        return written | {key: entry.result() for key, entry in waiting.items()}


def write_file(
    file: JudgedFile,
    delivery: Delivery,
    store: Store,
    vault: Vault,
    equality: EqualityWriter,
    corrections: Rectified,
) -> Extract:
    """Write one file's rows where its contract says, under names that nothing refers to yet; its manifest entry."""
    contract, source = file.checked.contract, delivery.source
    accepted = file.checked.typed.filter(pa.array(file.checked.verdicts.accepted))
    rows = corrections.applied(source, contract.table, accepted)
    here = contract.held_in in HELD_HERE
    partitions = store.write_rows(contract.table, _stamped(rows, file, delivery)) if here else []
    content = [part["sha256"] for part in partitions] if here else rows_hash(as_stored(rows))
    terms = [source, contract.table, delivery.extract_date.isoformat(), file.sent.sha256]
    held_as = hash_json([*terms, file.agreement.hash, content])[:32]
    if contract.held_in == "vault":
        vault.write_identity(held_as, source, _texts(rows, ("agency_person", *IDENTITY_FIELDS)))
    if contract.held_in == "equality":
        cut = pa.array([delivery.extract_date.isoformat()] * len(rows), type=pa.string())
        stamped = rows.append_column("source", pa.array([source] * len(rows), type=pa.string()))
        equality.append(held_as, _texts(stamped.append_column("extract_date", cut), EQUALITY_FIELDS))
    figures = figures_of(rows, contract, file.raw.cells.column_names, delivery.extract_date)
    erased = {"erased": len(accepted) - len(rows)} if len(rows) < len(accepted) else {}
    return _entry(file, delivery, store) | {"held_as": held_as, "partitions": partitions, "figures": figures} | erased


def _entry(file: JudgedFile, delivery: Delivery, store: Store) -> Extract:
    """What the manifest says of a file besides where its rows are held; what was not accepted is written."""
    table, source = file.checked.contract.table, delivery.source
    quarantined = _quarantined(file)
    report = file.report(source)
    return {
        "source": source,
        "table": table,
        "extract_date": delivery.extract_date.isoformat(),
        "made_up": delivery.made_up,
        "agreement_id": file.agreement.id,
        "retention_days": file.agreement.retention_days,
        "input_sha256": file.sent.sha256,
        "rows_read": report.rows_read,
        "accepted": report.accepted,
        "quarantined": dict(report.quarantined),
        "wrong_codes": {column: dict(found) for column, found in report.wrong_codes.items()},
        "dropped_columns": list(report.dropped_columns),
        "quarantine": store.write_quarantine(source, table, quarantined) if len(quarantined) else None,
    }


def _stamped(rows: pa.Table, file: JudgedFile, delivery: Delivery) -> pa.Table:
    """Rows with source, extract date and agreement (REQUIREMENTS INT-5); category and kind they carry already."""
    zeros = pa.array(np.zeros(len(rows), dtype=np.int8))
    stamp = {
        name: pa.DictionaryArray.from_arrays(zeros, pa.array([value]))
        for name, value in (("source", delivery.source), ("agreement_id", file.agreement.id))
    }
    stamp["extract_date"] = pa.repeat(pa.scalar(delivery.extract_date, pa.date32()), len(rows))
    for name in STAMPS:
        rows = rows.append_column(name, stamp[name])
    return rows


def _texts(rows: pa.Table, names: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
    """Rows as tuples of text; dates as YYYY-MM-DD, empty cells as None."""
    parts = (rows.slice(start, TEXTS_AT_A_TIME) for start in range(0, len(rows), TEXTS_AT_A_TIME))
    return chain.from_iterable(
        zip(*(as_text(part[name]).to_pylist() for name in names), strict=True) for part in parts
    )


def _quarantined(file: JudgedFile) -> pa.Table:
    """Line, reason and the agreed cells as sent of every row not accepted.

    Of a refused class and of identity and equality rows only line and reason are kept, and so of a line that
    does not fall into cells: it may hold columns that the agreement does not cover.
    """
    verdicts = file.checked.verdicts
    out = ~verdicts.accepted
    reasons = np.array(verdicts.reasons_of(out), dtype=object)
    cells = file.raw.cells.filter(pa.array(out))
    # Names are in the vault and characteristics in the equality store, and nowhere else.
    elsewhere = file.checked.contract.held_in not in HELD_HERE
    bare = pa.array(np.isin(reasons.astype(str), NOT_KEPT) | elsewhere)
    unreadable = file.raw.set_aside
    none = pa.nulls(len(unreadable), pa.string())
    table = {
        "line": pa.array([*file.raw.lines[out].tolist(), *(line for line, _ in unreadable)], type=pa.int64()),
        "reason": pa.array([*reasons.tolist(), *(reason for _, reason in unreadable)], type=pa.string()),
    }
    for name in cells.column_names:
        kept = pc.if_else(bare, pa.scalar(None, pa.string()), as_text(cells[name]))
        # An agency's own column may be called as one of ours: iom_cohort has a reason.
        table[f"{name}_sent" if name in BARE else name] = pa.chunked_array([*kept.chunks, none], type=pa.string())
    return pa.table(table).sort_by("line")


def _enter(manifest: Manifest, extract: Extract) -> int:
    """Make ``extract`` the current one of its table; the same one read before is replaced, others stay as history.

    Returns how many corrected rows of the same file wait again: it was read anew, and so may they be.
    """
    key = f"{extract['source']}/{extract['table']}"
    current = next(iter(manifest["extracts"].get(key, [])), extract)
    again = current.get("corrections", []) if current["input_sha256"] == extract["input_sha256"] else []
    before = [older for older in manifest["extracts"].get(key, []) if older["held_as"] != extract["held_as"]]
    manifest["extracts"][key] = [extract, *before]
    keep_figures(manifest, extract)
    return sum(correction["accepted"] for correction in again)


def _note(source: JudgedSource, log: EventLog, actor: str) -> None:
    """One log event for each agreement under which the source sent files."""
    by_agreement: dict[str, list[JudgedFile]] = {}
    for file in source.files.values():
        by_agreement.setdefault(file.agreement.id, []).append(file)
    for agreement, files in sorted(by_agreement.items()):
        reports = [file.report(source.delivery.source) for file in files]
        read, accepted = (sum(getattr(report, name) for report in reports) for name in ("rows_read", "accepted"))
        log.append(
            "data.collected",
            actor=actor,
            role="analyst",
            dataset=f"{source.delivery.source}:{source.delivery.extract_date}:{agreement}",
            counts={"files": len(files), "read": read, "accepted": accepted, "quarantined": read - accepted},
        )
