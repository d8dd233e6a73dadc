"""Compact columns judge as a plain reading of the rules does, and hold nothing that is not a row's own."""

import datetime as dt
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from desist.intake.holding.by_person import rows_by_person
from desist.intake.holding.partitions import partitions
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.reading.judge import judge
from desist.intake.reading.read import read_extracts
from desist.intake.rows import stream
from desist.intake.terms.ages import birthday
from desist.intake.terms.agreements import load_agreements
from desist.intake.terms.contracts import CONTRACTS, LONGEST_CELL
from desist.intake.terms.delivery import Delivery, SentFile
from desist.records import codes

TODAY = dt.date(2026, 10, 1)
CUT = dt.date(2026, 9, 30)
TABLES = ("identity", "prob_event", "prob_requirement", "prob_contact")

# --- a plain judge: one row after another, one rule after another


def plain_judge(rows, categories=("convicted",)):
    """table -> the reason of each row, empty where it is accepted. ``rows``: table -> rows as dicts of text."""
    reasons = {table: [own_reason(table, row, categories) for row in rows[table]] for table in rows}
    repeats("identity", rows, reasons)
    born = {
        row["agency_person"]: row["dob"]
        for row, reason in zip(rows["identity"], reasons["identity"], strict=True)
        if not reason
    }
    for table in rows:
        if table == "identity":
            continue
        for place, row in enumerate(rows[table]):
            number = row["agency_person"]
            if number and number not in born:
                reasons[table][place] = reasons[table][place] or "agency_person is not in the agency's identity table"
            if is_childhood(born.get(number), row.get("occurred_on", "")) and reasons[table][place] not in REFUSED:
                reasons[table][place] = "is a childhood record"
        repeats(table, rows, reasons)
    refer(rows, reasons)
    return reasons


REFUSED = ("is about a victim or witness", "has a subject category that the agreement does not cover",
           "is about a repealed offence", "is a childhood record")  # fmt: skip


def day_of(text):
    try:
        day = dt.date.fromisoformat(text) if len(text) == 10 and text[4] + text[7] == "--" else None
    except ValueError:
        return None
    return day if day and day.year >= 1900 else None


def own_reason(table, row, categories):
    contract = CONTRACTS[table]
    found = [reason for column in contract.columns if (reason := cell_reason(column, row[column.name]))]
    for column in contract.columns:
        if column.kind == "date" and not column.plan and (day := day_of(row[column.name])) and day > CUT:
            found.append(f"{column.name} lies after the extract date")
    for column in contract.columns:
        found += date_reasons(column, row)
    if any(row[column.name] in codes.repealed_offences() for column in contract.columns if column.kind == "offence"):
        found.insert(0, "is about a repealed offence")
    elif row["subject_category"] in ("victim", "witness"):
        found.insert(0, "is about a victim or witness")
    elif row["subject_category"] in codes.SUBJECT_CATEGORIES and row["subject_category"] not in categories:
        found.insert(0, "has a subject category that the agreement does not cover")
    return found[0] if found else ""


def cell_reason(column, text):
    name = column.name
    if len(text) > LONGEST_CELL:
        return f"has a cell longer than {LONGEST_CELL} characters"
    if column.kind == "text" and any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        return f"{name} holds a control character"
    if not text:
        return f"{name} is empty" if column.required else ""
    if column.kind == "code" and text not in column.codes:
        return f"{name} holds a code that is not on its list"
    if column.kind == "offence" and not (len(text) == 5 and text.isascii() and text.isdigit()):
        return f"{name} is not a code of five digits"
    if column.kind == "date" and not day_of(text):
        if text.count("/") == 2:
            return f"{name} is written day first, not YYYY-MM-DD"
        if text[4:5] != "-" or len(text) != 10:
            return f"{name} is not a date YYYY-MM-DD"
        return f"{name} is before 1900" if text.startswith("18") else f"{name} is not a day of the calendar"
    return ""


def date_reasons(column, row):
    def day(name):
        return None if cell_reason(column_of[name], row[name]) else day_of(row[name])

    contract = next(
        contract for contract in CONTRACTS.values() if column in contract.columns and set(row) == set(contract.names)
    )
    column_of = {one.name: one for one in contract.columns}
    found, name = [], column.name
    own = day(name) if column.kind == "date" else None
    if column.not_before and own and day(column.not_before) and own < day(column.not_before):
        found.append(f"{name} is before {column.not_before}")
    event = column.kind == "date" and not column.plan and name != "dob" and not name.endswith("recorded_on")
    known_from = column.known_from or ("recorded_on" if event else "")
    there = own if column.kind == "date" else row[name] and len(row[name]) <= LONGEST_CELL
    if column.known_from and there and not day(known_from):
        found.append(f"{name} has no {known_from}")
    if known_from and own and day(known_from) and own > day(known_from):
        found.append(f"{name} lies after its {known_from}")
    return found


def is_childhood(dob, occurred):
    if not dob:
        return False
    of_age = birthday(np.array([dob], dtype="datetime64[D]"), 18)[0].astype(dt.date)
    return of_age > CUT or bool(day_of(occurred) and day_of(occurred) < of_age)


def repeats(table, rows, reasons):
    contract, seen = CONTRACTS[table], set()
    for place, row in enumerate(rows[table]):
        key = tuple(row[name] for name in contract.key or contract.names)
        if not reasons[table][place]:
            if key in seen:
                what = "the key of an earlier row" if contract.key else "an earlier row in full"
                reasons[table][place] = f"repeats {what}"
            seen.add(key)


def refer(rows, reasons):
    events = list(zip(rows["prob_event"], reasons["prob_event"], strict=True))
    events.sort(key=lambda pair: pair[1] != "")
    for place, row in enumerate(rows["prob_requirement"]):
        found = [pair for pair in events if row["event_id"] and pair[0]["event_id"] == row["event_id"]]
        held = reasons["prob_requirement"][place]
        if not found:
            reasons["prob_requirement"][place] = held or "refers to no row of prob_event"
            continue
        event, reason = found[0]
        if reason in REFUSED:
            reasons["prob_requirement"][place] = held if held in REFUSED else reason
        elif not held and reason:
            reasons["prob_requirement"][place] = "refers to a row of prob_event that is in quarantine"
        elif not held and event["agency_person"] != row["agency_person"]:
            reasons["prob_requirement"][place] = "belongs to another person's prob_event"


# --- made-up deliveries

DAYS = ("2025-03-01", "2025-03-02", "2025-03-03", "2026-09-30", "2026-10-01", "2016-01-01", "", "03/04/2025",
        "2025-02-29", "1899-01-01", "20250101")  # fmt: skip
NUMBERS = ("P1", "P2", "P3", "P4", "")
CHOICES = {
    "agency_person": NUMBERS,
    "event_id": ("E1", "E2", "E3", ""),
    "subject_category": ("convicted",) * 6 + ("victim", "suspect", "other", ""),
    "record_kind": ("fact", "fact", "fact", "rumour"),
    "dob": ("1990-05-17", "2000-06-15", "2008-10-01", "", "17/05/1990"),
    "offence_code": ("04600", "04600", "10501", "01809", "46", ""),
    "sex": ("M", "F", "x", ""),
    "surname": ("Madeup", "", "a\x01b", "x" * (LONGEST_CELL + 1)),
    "type": ("office", "telephone", "office", ""),
}


def cells_of(column):
    if column.name in CHOICES:
        return st.sampled_from(CHOICES[column.name])
    if column.kind == "date":
        return st.sampled_from(("2025-03-02",) * 3 + DAYS if column.required else ("",) * 6 + DAYS)
    if column.kind == "code":
        return st.sampled_from((*column.codes[:2], *column.codes[:2], *(() if column.required else ("",)), "?"))
    return st.sampled_from(("", "", "some"))


def rows_of(table):
    return st.lists(st.fixed_dictionaries({column.name: cells_of(column) for column in CONTRACTS[table].columns}),
                    max_size=9)  # fmt: skip


DELIVERIES = st.fixed_dictionaries({table: rows_of(table) for table in TABLES})


def to_csv(table, rows):
    names = CONTRACTS[table].names
    return ("\n".join([",".join(names), *(",".join(row[name] for name in names) for row in rows)]) + "\n").encode()


def to_parquet(table, rows, *, typed, row_group=3):
    columns = {}
    for column in CONTRACTS[table].columns:
        texts = [row[column.name] or None for row in rows]
        values = pa.array(texts, pa.string())
        if typed and column.kind == "date" and all(text is None or day_of(text) for text in texts):
            values = values.cast(pa.date32())
        elif typed:
            values = values.dictionary_encode()
        columns[column.name] = values
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, row_group_size=row_group)
    return sink.getvalue()


@pytest.fixture
def judged(partnership):
    """A function from files' bytes to the reasons that the judge gives, by table."""
    for table in TABLES:
        partnership.row("probation", table)
    partnership.write()
    register = load_agreements(partnership.workspace.agreements)
    store, vault = Store(partnership.workspace.store), Vault(partnership.workspace.vault)

    def reasons(files):
        sent = tuple(SentFile(table, f"{table}.x", "probation-26", content, table) for table, content in files.items())
        delivery = Delivery(Path("probation"), "probation", CUT, True, "utf-8", sent, tuple(files))
        source, _ = judge(delivery, register, store, vault, purpose="iom_selection_support", today=TODAY)
        told = {table: source.files[table].checked.verdicts.reasons() for table in TABLES}
        for table, file in source.files.items():
            report = file.report("probation")
            assert report.rows_read == report.accepted + sum(report.quarantined.values())
            assert report.quarantined == {r: told[table].count(r) for r in set(told[table]) - {""}}
        return told

    return reasons


ONE = {name: "" for name in CONTRACTS["identity"].names} | {
    "agency_person": "P1", "subject_category": "convicted", "record_kind": "fact", "recorded_on": "2025-03-02",
    "dob": "1990-05-17"}  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=DELIVERIES)
@example(rows={"identity": [ONE, ONE], "prob_event": [], "prob_requirement": [], "prob_contact": []})
def test_csv_and_parquet_are_judged_as_one_plain_rule_after_another_says(judged, monkeypatch, rows):
    rows["identity"] = [ONE, *rows["identity"]]
    monkeypatch.setattr(stream, "ROWS_AT_A_TIME", 4)
    expected = plain_judge(rows)
    assert judged({table: to_csv(table, rows[table]) for table in TABLES}) == expected
    assert judged({table: to_parquet(table, rows[table], typed=False) for table in TABLES}) == expected
    assert judged({table: to_parquet(table, rows[table], typed=True) for table in TABLES}) == expected


# --- what a Parquet file may be


def sanctions(**columns):
    """A Parquet file of one police sanction, with some columns given as they are."""
    row = {"agency_person": "N1", "subject_category": "convicted", "record_kind": "fact", "offence_code": "04600",
           "sanction_type": "conviction", "count": "1"}  # fmt: skip
    row |= dict.fromkeys(("occurred_on", "recorded_on", "sanction_date"), "2025-03-02")
    made = {name: pa.array([row.get(name)], pa.string()) for name in CONTRACTS["pol_sanction"].names}
    sink = io.BytesIO()
    pq.write_table(pa.table(made | columns), sink)
    return sink.getvalue()


@pytest.fixture
def police(partnership):
    """A function that reads one police file of sanctions as Parquet: its report, or the refusal's text."""
    partnership.identity("police", "N1")
    partnership.row("police", "pol_sanction")

    def read(content):
        partnership.bytes["pol_sanction"] = content
        return partnership.file(partnership.read(), "pol_sanction")

    return read


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"occurred_on": pa.array([dt.date(2025, 3, 2)])}, ""),
        ({"occurred_on": pa.array([dt.datetime(2025, 3, 2)])}, ""),
        ({"occurred_on": pa.array([dt.datetime(2025, 3, 2)], pa.timestamp("ns"))}, ""),
        ({"occurred_on": pa.array([dt.datetime(2025, 3, 2, 9, 30)])}, "occurred_on is not a date YYYY-MM-DD"),
        ({"occurred_on": pa.array([dt.date(1899, 12, 31)])}, "occurred_on is before 1900"),
        ({"occurred_on": pa.array([None], pa.date32())}, "occurred_on is empty"),
        ({"recorded_on": pa.array([3_000_000], pa.int32()).view(pa.date32())},
         "recorded_on is not a date YYYY-MM-DD"),
        ({"occurred_on": pa.array([20250302])}, "occurred_on is not a date YYYY-MM-DD"),
        ({"offence_code": pa.array([4600])}, "offence_code is not a code of five digits"),
        ({"count": pa.array([2])}, ""),
        ({"count": pa.array([2.0])}, ""),
        ({"count": pa.array([2.5])}, "count is not a whole number"),
        ({"count": pa.array([float("nan")])}, ""),
        ({"count": pa.array([0])}, "count is outside the range that the contract allows"),
        ({"count": pa.array([1001])}, "count is outside the range that the contract allows"),
        ({"count": pa.array([2**64 - 1], pa.uint64())}, "count is not a whole number"),
        ({"da_flag": pa.array([True])}, ""),
        ({"da_flag": pa.array([1])}, "da_flag is not true or false"),
        ({"disposal": pa.array([""])}, ""),
        ({"disposal": pa.nulls(1)}, ""),
        ({"sanction_type": pa.array(["caution"]).dictionary_encode()}, ""),
        ({"sanction_type": pa.array([""]).dictionary_encode()}, "sanction_type is empty"),
        ({"sanction_type": pa.array(["x"], pa.large_string())}, "sanction_type holds a code that is not on its list"),
        ({"disposal": pa.array(["x" * 5000])}, f"has a cell longer than {LONGEST_CELL} characters"),
    ],
)  # fmt: skip
def test_a_typed_column_is_judged_as_the_text_it_would_be(police, columns, reason):
    assert police(sanctions(**columns)).quarantined == ({reason: 1} if reason else {})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (sanctions()[:-20], "a Parquet file that was cut off or damaged"),
        (b"PAR1" + sanctions()[4:200] + sanctions()[-40:], "a Parquet file that was cut off or damaged"),
        (sanctions(disposal=pa.array([["a"]])), "a table or bytes within a cell (disposal)"),
        (sanctions(disposal=pa.array([b"a"])), "a table or bytes within a cell (disposal)"),
    ],
)
def test_a_parquet_file_that_is_not_whole_or_not_plain_is_refused(police, refusal, content, told):
    assert told in refusal(lambda: police(content))


def test_a_column_that_is_not_in_the_parquet_file_is_named(police, refusal):
    table = pq.read_table(io.BytesIO(sanctions())).drop_columns(["sanction_date", "count"])
    sink = io.BytesIO()
    pq.write_table(table, sink)
    assert "no column sanction_date, count" in refusal(lambda: police(sink.getvalue()))


def test_more_rows_than_any_extract_has_are_refused_unread(police, refusal, monkeypatch):
    monkeypatch.setattr(stream, "MOST_ROWS", 0)
    monkeypatch.setattr(stream, "_decoded", None)
    assert "1 rows stated" in refusal(lambda: police(sanctions()))


def test_a_column_that_is_not_agreed_is_not_decoded(partnership, police):
    extra = {"Secretive": pa.array(["Zzyzx"])}
    assert police(sanctions(**extra)).dropped_columns == ("Secretive",)
    assert "Zzyzx" not in partnership.words()


def test_a_long_cell_said_a_million_times_is_not_unfolded():
    rows = 1_000_000
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * 100_000]))
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": long}), sink)
    assert len(sink.getvalue()) < 1_000_000
    raw = stream.read_parquet(sink.getvalue(), wanted=["a"], where="x")
    assert (len(raw.lines), len(raw.unreadable), raw.rows_read) == (0, rows, rows)


# --- what is written


def test_no_file_holds_a_value_of_a_row_that_was_refused(partnership):
    """A compact column would bring along what other rows held: seen in the pages themselves, not in the cells."""
    for number in ("N1", "N2"):
        partnership.identity("police", number)
    for place in range(6):
        values = {"agency_person": f"N{place % 2 + 1}", "offence_code": "04600", "sanction_date": "2025-03-02",
                  "sanction_type": "conviction", "count": str(place + 1), "disposal": f"fine{place}"}  # fmt: skip
        partnership.row("police", "pol_sanction", **values)
    victim = partnership.tables["police"]["pol_sanction"][3]
    victim |= {"subject_category": "victim", "disposal": "Zzyzx"}
    rows = [{name: row.get(name, "") for name in CONTRACTS["pol_sanction"].names}
            for row in partnership.tables["police"]["pol_sanction"]]  # fmt: skip
    partnership.bytes["pol_sanction"] = to_parquet("pol_sanction", rows, typed=True)
    partnership.read()
    for path in partnership.workspace.root.rglob("*.parquet"):
        table = pq.read_table(path, read_dictionary=["disposal"])
        held = {value for chunk in table["disposal"].chunks for value in chunk.dictionary.to_pylist()}
        assert "Zzyzx" not in held
    store = partnership.store
    assert len(store.read("pol_sanction")) == 5
    assert store.erase_numbers({"police": ["N1"]}, because="erasure") == 3
    [part] = store.extract("police", "pol_sanction")["partitions"]
    table = pq.read_table(store.path(part["file"]), read_dictionary=["agency_person", "disposal"])
    assert {value for chunk in table["agency_person"].chunks for value in chunk.dictionary.to_pylist()} == {"N2"}


def test_a_partitions_file_reads_as_plain_text_and_moments(police, partnership):
    police(sanctions(occurred_on=pa.array([dt.date(2025, 3, 2)])))
    rows = partnership.store.read_arrow("pol_sanction")
    assert rows.schema.field("agency_person").type == pa.string()
    assert {rows.schema.field(name).type for name in ("occurred_on", "extract_date")} == {pa.timestamp("us")}


@given(st.lists(st.sampled_from(["a", "b", "é", "zz", "10", "9"])), st.integers(1, 4))
def test_each_persons_rows_stand_in_one_partition_in_the_order_in_which_they_came(numbers, count):
    cuts = partitions(pa.array(numbers, pa.string()), count)
    assert len(cuts) == count and sorted(np.concatenate(cuts).tolist()) == list(range(len(numbers)))
    people = [{numbers[row] for row in cut} for cut in cuts]
    assert sum(map(len, people)) == len(set(numbers))
    for cut in cuts:
        assert cut.tolist() == sorted(cut.tolist(), key=lambda row: (numbers[row].encode(), row))


CELL = st.sampled_from([None, "a", "b"]), st.sampled_from([None, 0, 1]), st.sampled_from([None, True, False])


@pytest.mark.parametrize("colliding", [False, True])
@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(st.tuples(*CELL, st.booleans()), max_size=12))
def test_rows_repeat_where_every_cell_does_even_if_all_hashes_are_equal(monkeypatch, colliding, rows):
    if colliding:
        monkeypatch.setattr(stream, "_row_hashes", lambda columns: np.zeros(len(columns[0]), dtype=np.uint64))
    kinds = pa.string(), pa.date32(), pa.bool_()
    columns = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)]
    standing = np.array([row[3] for row in rows], dtype=bool)
    seen, expected = set(), []
    for place, row in enumerate(rows):
        if row[3]:
            expected += [place] if row[:3] in seen else []
            seen.add(row[:3])
    if rows:
        assert stream.repeated_rows(columns, standing).tolist() == expected


def test_the_same_files_give_the_same_bytes_whatever_the_threads_do(partnership, police, monkeypatch, tmp_path):
    monkeypatch.setattr("desist.intake.holding.store.ROWS_PER_PARTITION", 10)
    rows = 200
    columns = {"count": pa.array(range(1, rows + 1)), "agency_person": pa.array(["N1", "N2"] * (rows // 2))}
    columns |= {name: pa.array([text] * rows) for name, text in (
        ("subject_category", "convicted"), ("record_kind", "fact"), ("offence_code", "04600"),
        ("sanction_type", "conviction"), ("occurred_on", "2025-03-02"), ("recorded_on", "2025-03-02"),
        ("sanction_date", "2025-03-02"))}  # fmt: skip
    columns |= {name: pa.nulls(rows, pa.string()) for name in CONTRACTS["pol_sanction"].names if name not in columns}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    partnership.identity("police", "N2")
    assert police(sink.getvalue()).accepted == rows
    first = partnership.store.snapshot_hash()
    other = type(partnership)(tmp_path / "other")
    other.tables, other.bytes = partnership.tables, partnership.bytes
    other.write()
    read_extracts(other.delivery, other.workspace, today=TODAY, purpose="iom_selection_support", log=other.log,
                  actor="an.alyst")  # fmt: skip
    assert other.store.snapshot_hash() == first


def test_rows_by_person_are_those_of_the_linked_tables(partnership, monkeypatch):
    monkeypatch.setattr("desist.intake.holding.store.ROWS_PER_PARTITION", 2)
    monkeypatch.setattr("desist.intake.holding.by_person.TOGETHER", 3)
    for number in range(7):
        partnership.identity("police", f"N{number}")
        partnership.row("police", "pol_sanction", agency_person=f"N{number}", offence_code="04600",
                        sanction_date="2025-03-02", sanction_type="caution", count=str(number + 1))  # fmt: skip
    partnership.read()
    partnership.link()
    found = [(table, rows.to_pandas()) for table, rows in rows_by_person(partnership.store)]
    assert len(found) == 2 and {table for table, _ in found} == {"pol_sanction"}
    whole = pd.concat([rows.astype({"person_id": str}) for _, rows in found])
    whole = whole.sort_values("person_id", ignore_index=True)
    expected = partnership.linked().tables["pol_sanction"]
    assert whole["person_id"].tolist() == expected["person_id"].tolist()
    assert whole["count"].astype(float).tolist() == expected["count"].tolist()
    assert list(whole.columns) == list(expected.columns)


def test_rows_of_people_whom_the_identity_table_no_longer_names_are_left_out(partnership):
    partnership.identity("police", "N1").identity("police", "N2")
    for number in ("N1", "N2"):
        partnership.row("police", "pol_sanction", agency_person=number, offence_code="04600",
                        sanction_date="2025-03-02", sanction_type="caution", count="1")  # fmt: skip
    partnership.read()
    partnership.cut = dt.date(2026, 10, 1)
    partnership.tables["police"] = {"identity": partnership.tables["police"]["identity"][:1]}
    partnership.read()
    partnership.link()
    [(table, rows)] = rows_by_person(partnership.store)
    assert (table, len(rows)) == ("pol_sanction", 1)
