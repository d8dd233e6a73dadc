"""Made-up deliveries for measuring intake: python benchmarks/intake_data.py FOLDER --people 100000

Three agencies' canonical tables as Parquet with text keys, 40 rows a person, drawn from a seed; nothing in them means
anything. What is kept from real feeds is what makes intake slow: numbers of each agency's own as text, tables in the
order of recording and not of people, a long tail of people with hundreds of rows, facts that are learnt later, and
one row in two hundred with something wrong: an unknown person, a code that is on no list, a date in the future, an
event before the eighteenth birthday, a row sent twice.

    FOLDER/extracts/<source>/delivery.toml and <table>.parquet        FOLDER/agreements/<source>-26.toml
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from desist.intake.terms.contracts import CONTRACTS
from desist.records import codes
from desist.records.identifiers import check_letter

CUT = "2026-09-30"
FIRST, LAST = (int(np.datetime64(day, "D").astype(int)) for day in ("2012-01-01", CUT))
#: Mean rows a person in each table of events; with identity, states and equality 40 in all.
EVENTS: Mapping[str, float] = {
    "prob_contact": 17.5, "prob_event": 3.0, "prob_requirement": 2.5, "prob_assessment": 3.0,
    "prob_registration": 0.6, "prob_enforcement": 0.7, "pol_sanction": 7.8, "pris_spell": 0.8,
}  # fmt: skip
#: Share of the people whom each agency knows.
KNOWN: Mapping[str, float] = {"probation": 1.0, "police": 0.9, "prison": 0.2}
WRONG = 0.005
Columns = dict[str, pa.Array]


def write_deliveries(folder: Path, people: int, *, seed: int = 1) -> int:
    """Write the agreements and deliveries of ``people`` made-up people; how many rows there are."""
    rows = 0
    born = np.random.default_rng([seed, 0]).integers(FIRST - 60 * 365, FIRST - 19 * 365, people)
    for place, (source, share) in enumerate(KNOWN.items()):
        rng = np.random.default_rng([seed, 1 + place])
        known = np.arange(int(people * share))
        numbers = np.char.add(source[:2].upper(), np.char.zfill(known.astype(str), 8)).astype(object)
        tables = {"identity": _identity(source, known, born, rng)}
        if source == "probation":
            tables |= {"prob_person": _prob_person(len(known), rng), "equality": _equality(len(known), rng)}
        extract = folder / "extracts" / source
        extract.mkdir(parents=True, exist_ok=True)
        texts = pa.array(numbers)
        for table, columns in tables.items():
            rows += _write(extract, table, texts, np.arange(len(known)), columns, rng)
        for table, mean in EVENTS.items():
            if CONTRACTS[table].sources[0] == source:
                busy = np.minimum(rng.exponential(1.0, len(known)) ** 1.3, 60)
                who = np.repeat(np.arange(len(known)), rng.poisson(busy / busy.mean() * mean * people / len(known)))
                who = rng.permutation(who)
                rows += _write(extract, table, texts, who, _events(table, len(who), rng), rng)
        _papers(folder, extract, source)
    return rows


def _days(days: np.ndarray, empty: np.ndarray | None = None) -> pa.Array:
    return pa.array(days.astype("int32"), pa.int32(), mask=empty).view(pa.date32())


def _pick(rng: np.random.Generator, labels: tuple[str, ...], rows: int, empty: float = 0.0) -> pa.Array:
    places = rng.integers(0, len(labels), rows).astype("int32")
    texts = pa.array(list(labels))
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=rng.random(rows) < empty), texts)


def _stamps(rows: int) -> Columns:
    return {"subject_category": pa.repeat("convicted", rows), "record_kind": pa.repeat("fact", rows)}


def _identity(source: str, known: np.ndarray, born: np.ndarray, rng: np.random.Generator) -> Columns:
    rows = len(known)
    pncs = [f"1899/{number:07d}{check_letter(f'99{number:07d}')}" for number in known]
    names = tuple(f"Madeup{number:04d}" for number in range(5000))
    return {
        **_stamps(rows), "pnc": pa.array(pncs, mask=rng.random(rows) < 0.3),
        "crn": pa.array([f"X{number % 10**6:06d}" for number in known], mask=np.full(rows, source != "probation")),
        "forename": _pick(rng, names, rows), "surname": _pick(rng, names, rows), "dob": _days(born[known]),
        "postcode": _pick(rng, tuple(f"ZZ{a} {b}AA" for a in range(60) for b in range(10)), rows),
        "sex": _pick(rng, codes.SEXES, rows), "recorded_on": _days(rng.integers(FIRST, LAST, rows)),
    }  # fmt: skip


def _prob_person(rows: int, rng: np.random.Generator) -> Columns:
    return {**_stamps(rows), "recorded_on": _days(rng.integers(FIRST, LAST, rows)),
            "supervision_status": _pick(rng, codes.SUPERVISION, rows),
            "lao": pa.array(rng.random(rows) < 0.01)}  # fmt: skip


def _equality(rows: int, rng: np.random.Generator) -> Columns:
    return {**_stamps(rows), "recorded_on": _days(rng.integers(FIRST, LAST, rows)),
            "sex": _pick(rng, codes.SEXES, rows),
            "ethnicity_self": _pick(rng, tuple(codes.ETHNICITY_5), rows, empty=0.1)}  # fmt: skip


def _events(table: str, rows: int, rng: np.random.Generator) -> Columns:
    """Columns of one table of events in the order of recording; agency_person is added by whoever knows it."""
    recorded = np.sort(rng.integers(FIRST, LAST, rows, dtype="int32"))
    occurred = recorded - rng.integers(0, 60, rows, dtype="int32")
    later = np.minimum(recorded + rng.integers(0, 400, rows, dtype="int32"), LAST)
    unknown = (recorded + 400 > LAST) | (rng.random(rows) < 0.2)
    offences = tuple(code for code, offence in codes.offences().items() if offence.counts)
    numbers = np.arange(rows)
    make: dict[str, Callable[[], Columns]] = {
        "prob_contact": lambda: {
            "type": _pick(rng, ("office", "telephone", "home visit", "unpaid work", "programme"), rows),
            "attended": _pick(rng, codes.ATTENDANCE, rows), "attended_recorded_on": _days(recorded)},
        "prob_event": lambda: {
            "event_id": pa.array(np.char.add("E", numbers.astype(str)).astype(object)),
            "offence_code": _pick(rng, offences, rows), "conviction_date": _days(recorded),
            "sentence_type": _pick(rng, codes.SENTENCES, rows), "sentence_start": _days(recorded),
            "sentence_end": _days(recorded + 365), "terminated": _days(later, unknown),
            "terminated_recorded_on": _days(later, unknown)},
        "prob_requirement": lambda: {
            "event_id": pa.array(np.char.add("E", numbers.astype(str)).astype(object)),
            "req_type": _pick(rng, codes.REQUIREMENTS, rows), "end": _days(later + 100)},
        "prob_assessment": lambda: {
            "version": _pick(rng, ("OASYS", "SAN"), rows), "section": _pick(rng, tuple(codes.NEED_SECTIONS), rows),
            "score": pa.array(rng.integers(0, 12, rows), mask=rng.random(rows) < 0.1),
            "linked_reoffending": pa.array(rng.random(rows) < 0.4),
            "linked_harm": pa.array(rng.random(rows) < 0.2)},
        "prob_registration": lambda: {
            "reg_type": _pick(rng, codes.REGISTRATIONS, rows), "end": _days(later, unknown),
            "end_recorded_on": _days(later, unknown)},
        "prob_enforcement": lambda: {"type": _pick(rng, codes.ENFORCEMENT, rows)},
        "pol_sanction": lambda: {
            "offence_code": _pick(rng, offences, rows), "sanction_date": _days(recorded),
            "sanction_type": _pick(rng, codes.SANCTIONS, rows), "da_flag": pa.array(rng.random(rows) < 0.2),
            "weapon_flag": pa.array(rng.random(rows) < 0.05), "count": pa.array(rng.integers(1, 4, rows))},
        "pris_spell": lambda: {
            "release": _days(later, unknown), "release_type": _pick(rng, codes.RELEASES, rows),
            "release_recorded_on": _days(later, unknown), "sentence_band": _pick(rng, codes.SENTENCE_BANDS, rows)},
    }  # fmt: skip
    made = make[table]()
    if table == "pris_spell":
        made["release_type"] = pa.array(made["release_type"].to_pylist(), mask=unknown)
    return {**_stamps(rows), "occurred_on": _days(occurred), "recorded_on": _days(recorded), **made}


def _write(
    folder: Path, table: str, numbers: pa.Array, who: np.ndarray, columns: Columns, rng: np.random.Generator
) -> int:
    rows = len(who)
    if "event_id" in columns:  # an event and its requirements are one person's
        who = np.random.default_rng(99).integers(0, len(numbers), 10**8 if rows > 10**7 else 10**7)[:rows]
    made = {"agency_person": numbers.take(pa.array(who)), **columns}
    if CONTRACTS[table].event:
        wrong = np.flatnonzero(rng.random(rows) < WRONG)
        kinds = np.array_split(rng.permutation(wrong), 3)
        strange = np.zeros(rows, dtype=bool)
        strange[kinds[0]] = True
        made["agency_person"] = _replaced(made["agency_person"], strange, "??")
        strange = np.zeros(rows, dtype=bool)
        strange[kinds[1]] = True
        made["record_kind"] = _replaced(made["record_kind"], strange, "rumour")
        days = np.array(made["occurred_on"].view(pa.int32()))
        days[kinds[2]] -= 40 * 365
        made["occurred_on"] = _days(days)
    cells = {name: made.get(name, pa.nulls(rows, pa.string())) for name in CONTRACTS[table].names}
    plain = {
        name: column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for name, column in cells.items()
    }
    whole = pa.table(plain)
    if CONTRACTS[table].event and not CONTRACTS[table].key and rows:
        again = whole.take(pa.array(np.sort(rng.integers(0, rows, max(1, int(rows * WRONG / 3))))))
        whole = pa.concat_tables([whole, again])
    pq.write_table(whole, folder / f"{table}.parquet")
    return len(whole)


def _replaced(column: pa.Array, rows: np.ndarray, by: str) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(pa.array(rows), pa.scalar(by), column.cast(pa.string()))


def _papers(folder: Path, extract: Path, source: str) -> None:
    """The agreement and the delivery note."""
    tables = sorted(path.stem for path in extract.glob("*.parquet"))
    head = [f'source = "{source}"', f"extract_date = {CUT}", "made_up = true"]
    for table in tables:
        head += ["", "[[file]]", f'table = "{table}"', f'path = "{table}.parquet"', f'agreement = "{source}-26"']
    (extract / "delivery.toml").write_text("\n".join(head) + "\n", encoding="utf-8")
    agreement = [
        f'id = "{source}-26"', f'source = "{source}"', 'parties = ["Council", "Agency"]',
        f"purposes = {json.dumps(list(codes.PURPOSES))}", 'gateway = "Crime and Disorder Act 1998 s.115"',
        'regime = "part3"', "start = 2026-01-01", "expires = 2026-12-31", "retention_days = 90",
        'subject_categories = ["convicted"]', 'consent = "none"', 'dpia = "DPIA-1"', 'apd = "APD-1"', "", "[tables]",
        *(f"{table} = {json.dumps(list(CONTRACTS[table].names))}" for table in tables),
    ]  # fmt: skip
    (folder / "agreements").mkdir(exist_ok=True)
    (folder / "agreements" / f"{source}-26.toml").write_text("\n".join(agreement) + "\n", encoding="utf-8")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("folder", type=Path)
    reader.add_argument("--people", type=int, default=100_000)
    reader.add_argument("--seed", type=int, default=1)
    asked = reader.parse_args()
    print(json.dumps({"people": asked.people, "rows": write_deliveries(asked.folder, asked.people, seed=asked.seed)}))


if __name__ == "__main__":
    main()
