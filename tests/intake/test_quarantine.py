"""What waits in quarantine, what the agency may be handed of it, and rows that vanished: nothing is ever lost."""

import sqlite3

import pandas as pd
import pytest

from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.reading.corrected_rows import export_rows
from desist.intake.reading.quarantine import extract_of, quarantine_faults, ranges, to_correct, waiting
from desist.intake.rights.person import erase_equality
from desist.records.errors import Refused
from tests.intake.quarantine_kit import correct, known_to_police, lines_of, sanction


@pytest.fixture
def police(partnership):
    """N1 and N2 known to the police; lines 3 to 6 of pol_sanction each have a fault of their own."""
    return known_to_police(partnership)


# --- what waits


def test_lines_are_told_as_ranges():
    assert ranges([9, 4, 5, 6, 5]) == ["4-6", "9"]
    assert ranges([]) == []


def test_what_waits_is_told_by_reason_and_line_of_the_agencys_file_and_without_a_cell(police):
    police.read()
    assert lines_of(police) == {
        "agency_person is not in the agency's identity table": (4,),
        "is about a victim or witness": (5,),
        "offence_code is empty": (6,),
        "sanction_date is written day first, not YYYY-MM-DD": (3,),
    }
    told = waiting(police.store).as_text()
    assert "police/pol_sanction, extract of 2026-09-30: 3 rows can be corrected, 1 is never accepted" in told
    assert "N1" not in told and "02/03/2025" not in told
    assert waiting(police.store, table="identity").as_text() == "No row waits in quarantine."


def test_only_rows_that_the_agreement_covers_are_handed_back(police):
    police.read()
    rows = to_correct(police.store, extract_of(police.store, "pol_sanction", None))
    assert rows["line"].to_pylist() == [3, 4, 6]
    assert rows["disposal"].to_pylist() == ["Fine", None, None]
    assert "Zzyzx" not in police.words()


def test_of_names_and_characteristics_the_quarantine_keeps_the_line_and_the_reason_alone(partnership):
    partnership.identity("probation", "P1", crn="X100001", forename="Ada", surname="Zzyzx", dob="17/05/1990")
    partnership.identity("probation", "P2")
    partnership.row("probation", "equality", agency_person="P2", sex="F", ethnicity_self="Zzyzx")
    partnership.read()
    [path] = (partnership.workspace.quarantine / "probation" / "identity").glob("*.parquet")
    kept = pd.read_parquet(path)
    assert kept["line"].tolist() == [2] and kept.drop(columns=["line", "reason"]).isna().all(axis=None)
    assert "Zzyzx" not in partnership.words()
    rows = to_correct(partnership.store, extract_of(partnership.store, "identity", None))
    assert next(export_rows(rows))[:2] == ["2", "dob is written day first, not YYYY-MM-DD"]


def test_no_cell_of_the_sheet_starts_a_formula_and_the_sign_comes_back_without_its_apostrophe(police):
    police.tables["police"]["pol_sanction"][1]["disposal"] = "=1+1"
    police.read()
    rows = to_correct(police.store, extract_of(police.store, "pol_sanction", None))
    assert "'=1+1" in next(export_rows(rows)) and "=1+1" not in next(export_rows(rows))
    correct(police, [sanction(3, disposal="'=1+1")])
    assert set(police.store.read("pol_sanction")["disposal"].dropna()) == {"=1+1"}


# --- what vanished


def test_a_row_that_vanished_from_the_quarantine_shows(police):
    police.read()
    store = police.store
    manifest = store.manifest()
    extract = manifest["extracts"]["police/pol_sanction"][0]
    extract["quarantined"].pop("offence_code is empty")
    store.commit(manifest, because="somebody")
    assert any("5 rows read, not 1 + 3 + 0" in fault for fault in quarantine_faults(store))
    rows = store.partition(extract["quarantine"])
    extract["rows_read"] = 4
    extract["quarantine"] = store.write_quarantine("police", "pol_sanction", rows.slice(0, 3)) | {"history": []}
    extract["quarantined"] = {"offence_code is empty": 3}
    store.commit(manifest, because="somebody")
    assert any("not those that it counts" in fault for fault in quarantine_faults(store))


def test_an_accepted_row_that_vanished_from_the_store_shows(police):
    police.read()
    store = police.store
    manifest = store.manifest()
    manifest["extracts"]["police/pol_sanction"][0]["partitions"] = []
    store.commit(manifest, because="somebody")
    assert quarantine_faults(store) == ["police/pol_sanction of 2026-09-30: 1 row accepted, but 0 stored or erased"]


def test_a_correction_with_more_rows_than_it_replaced_shows(police):
    police.read()
    correct(police, [sanction(3)])
    store = police.store
    manifest = store.manifest()
    manifest["extracts"]["police/pol_sanction"][0]["corrections"][0].update(rows_read=2, quarantined={"is wrong": 1})
    store.commit(manifest, because="somebody")
    assert any("other rows than they replaced" in fault for fault in quarantine_faults(store))


def test_a_table_that_is_not_held_is_named(police):
    police.read()
    with pytest.raises(Refused, match="holds no extract of prob_event"):
        waiting(police.store, table="prob_event")
    with pytest.raises(Refused, match="no table 'wishes'"):
        extract_of(police.store, "wishes", None)
    police.identity("prison", "R1")
    police.read()
    with pytest.raises(Refused, match="have each sent a table identity"):
        extract_of(police.store, "identity", None)


def all_faults(partnership):
    return quarantine_faults(partnership.store, partnership.vault, EqualityWriter(partnership.workspace.equality))


@pytest.mark.parametrize(("place", "table"), [("vault", "identity"), ("equality", "incoming"), ("equality", "sent")])
def test_a_row_that_vanished_from_vault_or_equality_store_shows(probation, place, table):
    probation.row("probation", "equality", agency_person="P1", sex="F", ethnicity_self="W1")
    probation.read()
    if table == "sent":
        probation.link()
    assert all_faults(probation) == []
    with sqlite3.connect(getattr(probation.workspace, place)) as connection:
        connection.execute(f"delete from {table}")
    held = "identity" if place == "vault" else "equality"
    assert all_faults(probation) == [f"probation/{held} of 2026-09-30: 1 row accepted, but 0 stored or erased"]


def test_people_who_were_erased_or_withdrew_have_not_vanished(partnership, probation):
    probation.row("probation", "equality", agency_person="P1", sex="F", ethnicity_self="W1")
    partnership.identity("treatment", "T1")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent")
    partnership.read()
    partnership.cut = partnership.cut.replace(month=10, day=1)
    partnership.tables["treatment"]["trt_client"][0]["consent"] = "false"
    partnership.read()
    partnership.link()
    [person] = set(partnership.store.links()[0]["person_id"])
    writer = EqualityWriter(partnership.workspace.equality)
    assert all_faults(partnership) == []
    assert writer.erase(person) and partnership.vault.erase(person)
    assert all_faults(partnership) == []


def test_characteristics_of_an_extract_that_is_read_again_are_counted_once_and_erased_once(probation):
    """Until the next linkage they stand in both tables of the equality store."""
    probation.row("probation", "equality", agency_person="P1", sex="F", ethnicity_self="W1")
    probation.read()
    probation.link()
    probation.head["probation"] = {"encoding": '"windows-1252"'}
    assert not probation.read().unchanged
    assert all_faults(probation) == []
    assert erase_equality(EqualityWriter(probation.workspace.equality), {"probation": ["P1"]}) == 3
    assert all_faults(probation) == []
