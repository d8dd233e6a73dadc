"""Judging one delivery: every file against its agreement and contract, then against the agency's other files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from desist.intake.holding.partitions import at_once
from desist.intake.holding.store import Extract, Store, held_names
from desist.intake.holding.vault import Vault
from desist.intake.reading.raw import rows_of
from desist.intake.reading.report import FileReport
from desist.intake.rows.checks import NO_CONSENT, REFUSED_ROWS, Checked, Verdicts, check_rows
from desist.intake.rows.crosschecks import (
    People,
    Suppression,
    check_consent,
    check_duplicates,
    check_people,
    check_reference,
    check_suppressed,
    check_withheld,
    consenting,
    unmapped_offences,
)
from desist.intake.rows.csv_rows import RawRows
from desist.intake.rows.stream import as_text
from desist.intake.terms.agreements import Agreement, check_agreement
from desist.intake.terms.contracts import CONTRACTS, JUNK_ROWS_AT_LEAST, JUNK_SHARE, VERSION
from desist.intake.terms.delivery import Delivery, SentFile
from desist.records.codes import offence_table_version
from desist.records.errors import Problem
from desist.records.hashing import hash_json

#: Tables are judged in this order: whether a person consents and who they are decides about their other rows.
FIRST = ("trt_client", "identity")
#: From so many rows on, of which none can be accepted, the fault is in the file; one or two may be wrong by chance.
NONE_FROM = 3


@dataclass
class JudgedFile:
    """One file on its way in. ``before``: rows of the current extract, which it would replace."""

    sent: SentFile
    agreement: Agreement
    raw: RawRows
    checked: Checked
    before: int = 0

    def report(self, source: str) -> FileReport:
        counts = self.checked.verdicts.counts()
        for _, reason in self.raw.set_aside:
            counts[reason] = counts.get(reason, 0) + 1
        return FileReport(
            source,
            self.sent.table,
            self.sent.path,
            rows_read=self.raw.rows_read,
            accepted=int(self.checked.verdicts.accepted.sum()),
            quarantined=counts,
            dropped_columns=self.raw.dropped,
            wrong_codes=self.checked.wrong_codes,
            before=self.before,
        )


@dataclass
class JudgedSource:
    """One source's delivery with its judged files; ``files`` is empty where nothing has changed."""

    delivery: Delivery
    fingerprint: str
    files: dict[str, JudgedFile] = field(default_factory=dict)
    unchanged: tuple[FileReport, ...] = ()

    def reports(self) -> tuple[FileReport, ...]:
        """Each file's counts, in the order in which the delivery names the files."""
        name = self.delivery.source
        return self.unchanged or tuple(self.files[sent.table].report(name) for sent in self.delivery.files)


def judge(
    delivery: Delivery,
    register: Mapping[str, Agreement],
    store: Store,
    vault: Vault,
    *,
    faults: Sequence[Problem] = (),
    purpose: str,
    today: dt.date,
    mappings: Mapping[str, Any] | None = None,
    suppressed: Suppression | None = None,
) -> tuple[JudgedSource, list[Problem]]:
    """The delivery with a verdict on every row, and everything wrong with it: ``faults`` found before, and its files'.

    ``mappings``: by name, how files that are not laid out as their contract says become so (each has a
    ``hash``). ``suppressed``: who was erased and may not come in again. Nothing is written.
    """
    mappings = mappings or {}
    delivery, outside = _covered(delivery, register, purpose, today)
    problems = [*faults, *_out_of_order(delivery, store), *outside]
    source = JudgedSource(delivery, _fingerprint(delivery, register, store, mappings, suppressed))
    if store.manifest()["deliveries"].get(delivery.source) == source.fingerprint:
        source.unchanged = tuple(_as_before(sent, delivery.source, store) for sent in delivery.files)
        return source, problems
    source.files, unread = _read_files(delivery, register, mappings)
    for table, file in source.files.items():
        file.before = _rows_held(store.extract(delivery.source, table), file.sent)
    # From here on the parsed rows stand for the bytes, which would double the memory.
    source.delivery = replace(delivery, files=tuple(replace(sent, content=b"") for sent in delivery.files))
    problems += unread
    # With a file amiss its rows' neighbours cannot be judged: every row would seem to lack its person.
    if not problems:
        _check_erased(source, suppressed)
        _compare(source, store, vault)
    return source, problems + [problem for file in source.files.values() for problem in _file_faults(file, delivery)]


def _covered(
    delivery: Delivery, register: Mapping[str, Agreement], purpose: str, today: dt.date
) -> tuple[Delivery, list[Problem]]:
    """The delivery with those files alone that an agreement covers, and why none covers the others."""
    problems, covered = [], []
    for sent in delivery.files:
        outside = check_agreement(
            register, sent.agreement, source=delivery.source, table=sent.table, purpose=purpose, today=today
        )
        problems += outside
        covered += [sent] if not outside else []
    return replace(delivery, files=tuple(covered)), problems


def _out_of_order(delivery: Delivery, store: Store) -> list[Problem]:
    """Files older than what is current, and files of people whom no identity table names."""
    problems = []
    for sent in delivery.files:
        held = store.extract(delivery.source, sent.table)
        if held and delivery.extract_date.isoformat() < held["extract_date"]:
            problems.append(
                Problem(f"an extract of {delivery.extract_date}", f"{delivery.source}/{sent.table}",
                        f"one not older than the current extract of {held['extract_date']}",
                        "Leave the older file out.")
            )  # fmt: skip
    needed = ["identity"] if any(CONTRACTS[sent.table].of_people for sent in delivery.files) else []
    if delivery.source == "treatment":
        needed.append("trt_client")
    for table in needed:
        if table not in delivery.announced and not store.extract(delivery.source, table):
            problems.append(
                Problem(f"no table {table}", f"{delivery.folder.name}/delivery.toml",
                        f"the {table} table in the first delivery of {delivery.source}",
                        "Ask the agency to send it: rows of unknown people are not read.")
            )  # fmt: skip
    return problems


def _fingerprint(
    delivery: Delivery,
    register: Mapping[str, Agreement],
    store: Store,
    mappings: Mapping[str, Any],
    suppressed: Suppression | None,
) -> str:
    """Equal for a delivery that would be read exactly as before."""
    laid_out = {file.mapping: mappings[file.mapping].hash for file in delivery.files if file.mapping in mappings}
    sent = {file.table for file in delivery.files}
    beside = {
        key: held_names(history[0])
        for key, history in store.manifest()["extracts"].items()
        if key.split("/")[0] == delivery.source and key.split("/")[1] not in sent
    }
    return hash_json({
        "contracts": VERSION,
        "offences": offence_table_version(),
        "cut": [delivery.extract_date.isoformat(), delivery.made_up, delivery.encoding],
        "files": {
            file.table: [file.path, file.sha256, register[file.agreement].hash] for file in delivery.files
        },
        "beside": beside,
        "mappings": [[file.table, file.mapping, laid_out.get(file.mapping)] for file in delivery.files if file.mapping],
        "suppressed": suppressed.hash if suppressed else None,
    })  # fmt: skip


def _rows_held(held: Extract | None, sent: SentFile) -> int:
    """The accepted rows of the current extract; those corrected since wait again where the same file is read anew."""
    if held is None:
        return 0
    corrections = held.get("corrections", []) if held["input_sha256"] != sent.sha256 else []
    return int(held["accepted"]) + sum(int(one["accepted"]) for one in corrections)


def _as_before(sent: SentFile, source: str, store: Store) -> FileReport:
    held = store.extract(source, sent.table)
    assert held is not None
    return FileReport(source, sent.table, sent.path, held["rows_read"], held["accepted"], held["quarantined"],
                      tuple(held["dropped_columns"]), unchanged=True, wrong_codes=held["wrong_codes"],
                      replaced=held.get("replaced", 0))  # fmt: skip


def judge_alone(
    sent: SentFile,
    raw: RawRows,
    delivery: Delivery,
    agreement: Agreement,
    store: Store,
    vault: Vault,
    suppressed: Suppression | None = None,
) -> JudgedFile:
    """Rows of one table judged as a delivery of that table alone would be: by contract, then against what is held.

    How corrected rows of a quarantine are judged. ``delivery``: its source and extract date, without files.
    """
    checked = check_rows(
        raw.cells,
        CONTRACTS[sent.table],
        extract_date=delivery.extract_date,
        categories=agreement.subject_categories,
    )
    file = JudgedFile(sent, agreement, raw, checked)
    source = JudgedSource(delivery, "", {sent.table: file})
    _check_erased(source, suppressed)
    _compare(source, store, vault)
    return file


def _read_files(
    delivery: Delivery, register: Mapping[str, Agreement], mappings: Mapping[str, Any]
) -> tuple[dict[str, JudgedFile], list[Problem]]:
    """Every file's rows against its own contract, in the order in which tables decide about each other."""
    agreed = {sent.table: register[sent.agreement].tables[sent.table] for sent in delivery.files}
    wanted = {table: [name for name in CONTRACTS[table].names if name in names] for table, names in agreed.items()}

    def read(sent: SentFile) -> JudgedFile | list[Problem]:
        agreement, contract = register[sent.agreement], CONTRACTS[sent.table]
        beside = {
            other.table: wanted[other.table]
            for other in delivery.files
            if other is not sent and (other.mapping, other.sha256) == (sent.mapping, sent.sha256)
        }
        raw = rows_of(sent, delivery, wanted[sent.table], mappings.get(sent.mapping), beside)
        if isinstance(raw, list):
            return raw
        checked = check_rows(
            raw.cells, contract, extract_date=delivery.extract_date, categories=agreement.subject_categories
        )
        return JudgedFile(replace(sent, content=b""), agreement, raw, checked)

    order = sorted(delivery.files, key=lambda file: (file.table not in FIRST, file.table not in FIRST[:1]))
    problems: list[Problem] = []
    files = {}
    for found in at_once(read, order):
        if isinstance(found, list):
            problems += found
        else:
            files[found.sent.table] = found
    # A file that serves several tables is broken once.
    return files, list(dict.fromkeys(problems))


def _check_erased(source: JudgedSource, suppressed: Suppression | None) -> None:
    """Refuse every row of people who were erased: by their number, or by what the identity table says of them."""
    if suppressed is None:
        return
    about = [file.checked for file in source.files.values() if file.checked.contract.of_people]
    barred = []
    for checked in about:
        names = [column.name for column in checked.contract.columns if checked.contract.table == "identity"]
        people = {name: as_text(checked.array(name)) for name in names or ["agency_person"]}
        if not names:
            people["agency_person"] = people["agency_person"].unique()
        barred.append(suppressed.barred(source.delivery.source, pa.table(people)))
    for checked in about:
        check_suppressed(checked, pa.concat_arrays(barred))


def _compare(source: JudgedSource, store: Store, vault: Vault) -> None:
    """Rows against other rows: consent, identity, childhood, duplicates, references."""
    cut, name = source.delivery.extract_date, source.delivery.source
    if any(file.agreement.consent == "per_person" for file in source.files.values()):
        _check_consents(source, store)
    if "identity" in source.files:
        check_duplicates(source.files["identity"].checked)
    others = [file.checked for table, file in source.files.items() if table != "identity"]
    of_people = any(checked.contract.of_people for checked in others)
    people = _people(source, store, vault, name) if of_people else None

    def compare(checked: Checked) -> None:
        if people is not None and checked.contract.of_people:
            check_people(checked, people, extract_date=cut)
        check_duplicates(checked)

    at_once(compare, others)
    for file in source.files.values():
        for column, table in file.checked.contract.refers:
            check_reference(file.checked, column, _parent(source, store, table), sent=table in source.files)


def _check_consents(source: JudgedSource, store: Store) -> None:
    """Refuse every row of people who do not consent: by this delivery's client table, else by the one held."""
    clients = source.files.get("trt_client")
    if clients is None:
        numbers = store.read_arrow("trt_client")["agency_person"].combine_chunks()
    else:
        numbers = consenting(clients.checked, extract_date=source.delivery.extract_date)
        check_withheld(clients.checked)
    for file in source.files.values():
        if file is not clients and file.checked.contract.of_people:
            check_consent(file.checked, numbers)


def _people(source: JudgedSource, store: Store, vault: Vault, name: str) -> People:
    if "identity" in source.files:
        checked = source.files["identity"].checked
        stands = pa.array(checked.verdicts.accepted)
        return People.of(checked.array("agency_person").filter(stands), checked.array("dob").filter(stands))
    held = store.extract(name, "identity")
    assert held is not None
    births = pd.concat([vault.birth_dates(name) for name in held_names(held)])
    born = pa.array(pd.to_datetime(births["dob"]).to_numpy().astype("datetime64[us]"), from_pandas=True)
    return People.of(pa.array(births["agency_person"].tolist(), type=pa.string()), born)


def _parent(source: JudgedSource, store: Store, table: str) -> Checked:
    """The rows that others refer to: of this delivery, else of the current extract."""
    if table in source.files:
        return source.files[table].checked
    contract = CONTRACTS[table]
    if table in store.tables():
        rows = store.read_arrow(table).select(list(contract.names))
    else:
        rows = pa.table({name: pa.array([], type=pa.string()) for name in contract.names})
    return Checked(contract, rows, Verdicts(len(rows)), {})


def _file_faults(file: JudgedFile, delivery: Delivery) -> list[Problem]:
    """What is wrong with a file as a whole after its rows were judged."""
    where = f"{delivery.folder.name}/{file.sent.path}"
    problems = unmapped_offences(file.checked, where)
    report = file.report(delivery.source)
    junk = {reason: count for reason, count in report.quarantined.items() if reason not in REFUSED_ROWS}
    faulty = sum(junk.values())
    many = report.rows_read >= JUNK_ROWS_AT_LEAST and faulty > JUNK_SHARE * report.rows_read
    # Rows of a class that is refused are no fault of the file: where all are, what was held of them has to go.
    none = not report.accepted and faulty and (
        max(faulty, file.before) >= NONE_FROM or (file.before and faulty == report.rows_read)
    )  # fmt: skip
    if many or none:
        worst = sorted(junk.items(), key=lambda item: -item[1])[:3]
        lost = f" ({file.before:,} before, 0 now)" if none and file.before else ""
        problems.append(
            Problem(f"{faulty:,} of {report.rows_read:,} rows that cannot be accepted as {file.sent.table}{lost}",
                    where, f"at most {JUNK_SHARE:.0%} of them",
                    f"Most often a row {'; or '.join(f'{reason} ({count:,})' for reason, count in worst)}. "
                    "Correct the extract and send it again.")
        )  # fmt: skip
    return problems


def withdrawn(files: Mapping[str, JudgedFile]) -> list[str]:
    """Numbers of people whose client row says that they do not, or no longer, consent (REQUIREMENTS INT-9)."""
    clients = files.get("trt_client")
    if clients is None:
        return []
    refused = pa.array(clients.checked.verdicts.having(NO_CONSENT))
    return sorted(clients.checked.array("agency_person").filter(refused).drop_null().unique().to_pylist())
