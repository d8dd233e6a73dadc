"""Everybody is found who was known, in every place and under every number that was theirs."""

import sqlite3

import pyarrow as pa
import pytest

from desist.intake.holding.vault import Vault
from desist.intake.rights.person import LEAST_WITHIN, _bare, _holding, identity_of
from desist.pipelines import lists
from desist.pipelines.rights import erase as erasing
from desist.pipelines.rights.retention import remove_overdue
from desist.pipelines.rights.scan import scan
from desist.pipelines.rights.subject import about, find_person
from desist.records.errors import Refused
from tests.pipelines.rights.rights_kit import on_day

# 2 and 12: everybody is found who was known


def test_a_number_that_its_agency_stopped_sending_is_forgotten_with_the_person(session, person):
    """Treatment's record was joined by a steward: nothing but the last linkage tells whose it was."""
    with sqlite3.connect(session.workspace.vault) as connection:
        columns = {row[1] for row in connection.execute("pragma table_info(key_known)")}
        if not columns:
            connection.execute("create table key_known (source text, agency_person text, person_id text, mark text)")
        connection.execute("insert into key_known values ('treatment', 'TR9999999', ?, '')", (person.person_id,))
        connection.execute("insert into key_known values ('treatment', 'TR8888888', 'pother', '')")
        row = identity_of(Vault(session.workspace.vault), person.numbers)[0]
        for number in ("TR9999999", "TR8888888"):
            connection.execute(
                "insert into identity (held_as, source, agency_person, forename, surname, dob) "
                "values (?, 'treatment', ?, 'A', 'M', '1990-05-17')", (row["held_as"], number),
            )  # fmt: skip
    found = about(session, person.person_id, {})
    assert "TR9999999" in found.numbers["treatment"] and "TR8888888" not in found.numbers["treatment"]
    assert "number:treatment" in found.tokens.values()
    erasing.erase(session, found, "request")
    assert b"TR9999999" not in session.workspace.vault.read_bytes()
    with sqlite3.connect(session.workspace.vault) as connection:
        assert connection.execute("select count(*) from identity where agency_person = 'TR9999999'").fetchone() == (0,)


def test_somebody_whom_a_list_names_is_forgotten_after_all_extracts_are_gone(session, person, world):
    late = on_day(session, "2026-12-30")
    remove_overdue(late, "review")
    found = find_person(late, person.person_id, "", "")
    assert dict(found.numbers) == {}
    erasing.erase(late, found, "request")
    assert person.person_id not in lists.people_named(late, world.list_id)
    with pytest.raises(Refused):
        find_person(late, person.person_id, "", "")


# 16 and 17: searching


def test_the_scan_finds_a_word_within_a_cell_a_list_and_two_byte_text_and_names_what_it_cannot_open(tmp_path):
    import pandas as pd

    cells = {"t": ["x" * 50, "note: PNC NEEDLE-1 of"] * 500, "u": [["x", "of NEEDLE-1"]] * 500}
    for name, column in cells.items():
        pd.DataFrame({"a": column}).to_parquet(tmp_path / f"{name}.parquet", compression="zstd")
    (tmp_path / "v.txt").write_text("a NEEDLE-1", encoding="utf-16")
    (tmp_path / "w.zip").write_bytes(b"PK")
    found = scan(tmp_path, ["NEEDLE-1"])
    assert found.found == ("t.parquet", "u.parquet", "v.txt") and found.packed == ("w.zip",)


def test_the_receipt_names_packed_files_and_finds_a_full_name(session, person):
    (session.workspace.root / "old.zip").write_bytes(b"PK")
    (session.workspace.root / "notes.txt").write_text(f"about {person.names[0]}", encoding="utf-8")
    notes = erasing.erase(session, person, "request").notes
    assert any("old.zip is packed" in note for note in notes)
    assert any("notes.txt: remove it" in note for note in notes)


def test_a_quarantined_row_is_emptied_by_a_number_within_its_text_and_not_by_a_short_one():
    rows = pa.table({"line": pa.array([1, 2, 3, 4]), "reason": ["r"] * 4,
                     "told": ["see 61/ 7777 777h now", "12 apples", "12", None]})  # fmt: skip
    wanted = [_bare(value) for value in ("61/7777777H", "12")]
    assert LEAST_WITHIN == 6 and _holding(rows, wanted).tolist() == [True, False, True, False]
