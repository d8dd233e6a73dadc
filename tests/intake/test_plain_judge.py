"""Compact columns judge as a plain reading of the rules does."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.reading.judge import judge
from desist.intake.rows import stream
from desist.intake.terms.ages import birthday
from desist.intake.terms.agreements import load_agreements
from desist.intake.terms.contracts import CONTRACTS, LONGEST_CELL
from desist.intake.terms.delivery import Delivery, SentFile
from desist.records import codes
from tests.intake.parquet_kit import day_of, to_parquet

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
