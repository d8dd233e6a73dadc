"""What waits in quarantine, what the agency may be handed, and corrected rows in its place; nothing is ever lost."""

import csv
import datetime as dt
import sqlite3

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.store import pieces
from desist.intake.reading.corrected_rows import correct_rows, export_rows, read_corrected
from desist.intake.reading.quarantine import extract_of, quarantine_faults, ranges, to_correct, waiting
from desist.intake.rights.person import erase_equality
from desist.records.errors import Refused

SANCTION = {"subject_category": "convicted", "record_kind": "fact", "occurred_on": "2025-03-01",
            "recorded_on": "2025-03-02", "offence_code": "04600", "sanction_date": "2025-03-02",
            "sanction_type": "conviction", "count": "1"}  # fmt: skip
TODAY = dt.date(2026, 10, 1)


@pytest.fixture
def police(partnership):
    """N1 and N2 known to the police; lines 3 to 6 of pol_sanction each have a fault of their own."""
    partnership.identity("police", "N1")
    partnership.identity("police", "N2", dob="2000-06-15")
    partnership.row("police", "pol_sanction", agency_person="N1", **SANCTION)
    for cells in (
        {"sanction_date": "02/03/2025", "disposal": "Fine"},
        {"agency_person": "N9"},
        {"subject_category": "victim", "disposal": "Zzyzx"},
        {"offence_code": ""},
    ):
        partnership.row("police", "pol_sanction", **{"agency_person": "N1", **SANCTION, **cells})
    return partnership


def correct(partnership, rows, *, table="pol_sanction", source=None, columns=None, today=TODAY, head=""):
    """Write rows as the agency would send them back and read them in."""
    path = partnership.root / "corrected.csv"
    names = columns or ["line", *dict.fromkeys(name for row in rows for name in row if name != "line")]
    names += [name for name in needed(partnership, table) if name not in names and columns is None]
    text = [",".join(names), *(",".join(row.get(name, "") for name in names) for row in rows)]
    path.write_text(head + "\n".join(text) + "\n", encoding="utf-8")
    return correct_rows(path, partnership.workspace, table=table, source=source, encoding="utf-8", today=today,
                        purpose="iom_selection_support", log=partnership.log, actor="an.alyst", key=b"k")  # fmt: skip


def needed(partnership, table):
    from desist.intake.terms.contracts import CONTRACTS

    return CONTRACTS[table].names


def sanction(line, **cells):
    return {"line": str(line), "agency_person": "N1", **SANCTION, "disposal": f"of {line}", **cells}


def lines_of(partnership, table="pol_sanction", source=None):
    [found] = waiting(partnership.store, table=table, source=source).tables
    return found.lines


def sums(partnership, table="pol_sanction", source="police"):
    """(read, accepted, quarantined, replaced) of the extract and then of each correction."""
    return [
        (one["rows_read"], one["accepted"], sum(one["quarantined"].values()), one.get("replaced", 0))
        for one in pieces(partnership.store.extract(source, table))
    ]


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


# --- corrected rows


def test_a_corrected_row_takes_the_place_of_the_one_that_waited(police):
    before = police.read()
    report = correct(police, [sanction(3, disposal="Fine")])
    assert (report.file.rows_read, report.file.accepted, report.still_waiting) == (1, 1, 3)
    assert len(police.store.read("pol_sanction")) == 2
    assert sums(police) == [(5, 1, 3, 1), (1, 1, 0, 0)]
    assert 3 not in [line for lines in lines_of(police).values() for line in lines]
    assert police.store.snapshot_hash() != before.snapshot
    assert police.store.verify() == [] and quarantine_faults(police.store) == []


def test_a_replaced_rows_cells_are_gone_and_its_line_and_reason_stay(police):
    police.read()
    correct(police, [sanction(3)])
    [path] = (police.workspace.quarantine / "police" / "pol_sanction").glob("*.parquet")
    kept = pd.read_parquet(path).set_index("line")
    assert kept.loc[3, "replaced_by"] == 1 and kept.loc[3, "reason"].startswith("sanction_date")
    assert kept.loc[3].drop(["replaced_by", "reason"]).isna().all()
    assert kept.loc[6, "agency_person"] == "N1"


def test_a_corrected_row_that_is_still_wrong_waits_under_its_line_and_new_reason(police):
    police.read()
    report = correct(police, [sanction(3), sanction(6, offence_code="46")])
    assert report.again == {"offence_code is not a code of five digits": (6,)}
    assert lines_of(police)["offence_code is not a code of five digits"] == (6,)
    assert sums(police) == [(5, 1, 2, 2), (2, 1, 1, 0)]
    correct(police, [sanction(6, offence_code="10501")])
    assert sums(police) == [(5, 1, 2, 2), (2, 1, 0, 1), (1, 1, 0, 0)]
    assert len(police.store.read("pol_sanction")) == 3
    assert quarantine_faults(police.store) == []


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"disposal": ""}, "repeats an earlier row in full"),
        ({"subject_category": "victim"}, "is about a victim or witness"),
        ({"subject_category": "suspect"}, "has a subject category that the agreement does not cover"),
        ({"agency_person": "N9"}, "agency_person is not in the agency's identity table"),
        ({"agency_person": "N2", "occurred_on": "2018-06-14"}, "is a childhood record"),
        ({"offence_code": "01809"}, "is about a repealed offence"),
        ({"sanction_type": "warning"}, "sanction_type holds a code that is not on its list"),
        ({"recorded_on": "2026-10-01"}, "recorded_on lies after the extract date"),
    ],
)
def test_a_corrected_row_passes_the_same_checks_as_any_other(police, cells, reason):
    police.read()
    report = correct(police, [sanction(3, **cells)])
    assert report.file.accepted == 0 and report.again == {reason: (3,)}
    assert len(police.store.read("pol_sanction")) == 1
    assert quarantine_faults(police.store) == []


def test_nothing_of_a_corrected_row_of_a_refused_class_is_kept(police):
    police.read()
    correct(police, [sanction(3, subject_category="witness", disposal="Qwxyz")])
    assert "Qwxyz" not in police.words(under=police.workspace.store)
    assert "Qwxyz" not in police.words(under=police.workspace.quarantine)


def test_a_row_of_a_class_that_is_never_accepted_is_not_corrected_into_one_that_is(police, refusal):
    police.read()
    before = police.content()
    told = refusal(lambda: correct(police, [sanction(5, subject_category="convicted")]))
    assert "rows for lines of a class that is never accepted (5)" in told and "sends the whole delivery again" in told
    assert police.content() == before
    assert "nothing is kept of it, and no correction takes its place" in waiting(police.store).as_text()


def test_of_a_line_with_a_refused_row_and_one_to_correct_the_refused_one_stays(police):
    """A mapping may make several rows of one line."""
    police.read()
    store = police.store
    manifest = store.manifest()
    part = manifest["extracts"]["police/pol_sanction"][0]
    rows = store.partition(part["quarantine"]).to_pandas().replace({"line": {5: 3}})
    part["quarantine"] = store.write_quarantine("police", "pol_sanction", pa.Table.from_pandas(rows))
    store.commit(manifest, because="a test")
    assert correct(police, [sanction(3)]).file.accepted == 1
    assert lines_of(police)["is about a victim or witness"] == (3,)
    assert quarantine_faults(police.store) == []


def test_consent_given_after_all_comes_with_the_whole_delivery_and_the_sheet_says_so(partnership, refusal):
    partnership.identity("treatment", "T1")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="false")
    partnership.read()
    whole = "the agency sends its whole delivery again"
    assert whole in waiting(partnership.store).as_text()
    row = {"line": "2", "agency_person": "T1", "subject_category": "convicted", "record_kind": "fact",
           "recorded_on": "2025-03-02", "consent": "true", "basis": "consent"}  # fmt: skip
    assert "whole delivery again" in refusal(lambda: correct(partnership, [row], table="trt_client"))
    partnership.tables["treatment"]["trt_client"] = [{**row, "consent": "true", "basis": "consent"}]
    assert all(file.accepted == 1 for file in partnership.read().files)


def test_a_corrected_client_row_whose_identity_was_refused_with_it_is_told_to_come_whole(partnership):
    """Its own fault lay in the date from which consent holds: so nobody was known to consent."""
    partnership.identity("treatment", "T1")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent",
                    recorded_on="2027-01-01")  # fmt: skip
    partnership.read()
    row = {"line": "2", "agency_person": "T1", "subject_category": "convicted", "record_kind": "fact",
           "recorded_on": "2025-03-02", "consent": "true", "basis": "consent"}  # fmt: skip
    report = correct(partnership, [row], table="trt_client")
    assert report.file.accepted == 0 and "the agency sends its whole delivery again" in report.as_text()


def test_two_corrected_rows_with_one_key_are_one_row_and_a_held_key_is_never_taken_twice(probation):
    event = {"agency_person": "P1", "offence_code": "04600", "conviction_date": "02/03/2025"}
    for number in ("E2", "E3"):
        probation.row("probation", "prob_event", event_id=number, **event)
    probation.read()
    good = {"subject_category": "convicted", "record_kind": "fact", "occurred_on": "2025-03-01",
            "recorded_on": "2025-03-02", **event, "conviction_date": "2025-03-02"}  # fmt: skip
    report = correct(probation, [{"line": "3", "event_id": "E1", **good}, {"line": "4", "event_id": "E1", **good}],
                     table="prob_event")  # fmt: skip
    assert report.again == {"repeats the key of an earlier row": (3, 4)}
    report = correct(probation, [{"line": "3", "event_id": "E2", **good}, {"line": "4", "event_id": "E2", **good}],
                     table="prob_event")  # fmt: skip
    assert report.again == {"repeats the key of an earlier row": (4,)}
    assert sorted(probation.store.read("prob_event")["event_id"]) == ["E1", "E2"]


def test_a_line_that_does_not_wait_is_refused_and_nothing_is_written(police, refusal):
    police.read()
    before = police.content()
    told = refusal(lambda: correct(police, [sanction(2), sanction(3), sanction(77)]))
    assert "lines that do not wait in quarantine (2, 77)" in told
    assert "another number of rows" in refusal(lambda: correct(police, [sanction(3), sanction(3)]))
    assert police.content() == before


@pytest.mark.parametrize("line", ["", "three", "-3", "0", "3.5"])
def test_a_row_without_its_line_is_refused(police, refusal, line):
    police.read()
    assert "1 row without a line number (line 2)" in refusal(lambda: correct(police, [{**sanction(3), "line": line}]))


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"PK\x03\x04\xff", "found a workbook; expected a CSV file"), (b"\xd0\xcf\x11\xe0\xff", "Save As"),
     ("line,disposal\n3,£\n".encode("windows-1252"), "not utf-8 (line 2); expected text in utf-8. Save it as CSV "
      "UTF-8, or say how it is written: --encoding windows-1252")],
)  # fmt: skip
def test_corrected_rows_that_are_no_csv_are_told_how_to_be_saved(refusal, content, told):
    found = refusal(lambda: read_corrected(content, ["disposal"], encoding="utf-8", where="back.xlsx"))
    assert told in found and "1 problem in back.xlsx" in found and "delivery.toml" not in found


def test_a_row_that_the_agency_did_not_fill_in_goes_on_waiting_for_its_first_reason(police):
    police.read()
    correct(police, [sanction(3), {"line": "6"}])
    assert lines_of(police)["offence_code is empty"] == (6,)
    assert sums(police) == [(5, 1, 3, 1), (1, 1, 0, 0)]


def test_rows_that_waited_for_another_row_can_be_handed_back_as_they_were(police):
    """After a person became known, the sheet itself is the corrected file of that person's other rows."""
    police.read()
    person = {"line": "4", "agency_person": "N9", "subject_category": "convicted", "record_kind": "fact",
              "recorded_on": "2025-03-02", "dob": "1990-05-17", "sex": "M"}  # fmt: skip
    police.tables["police"]["identity"].append({**person, "dob": "17/05/1990"})
    police.read()
    correct(police, [person], table="identity")
    rows = to_correct(police.store, extract_of(police.store, "pol_sanction", None))
    path = police.root / "sheet.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows.column_names, *export_rows(rows)])
    report = correct_rows(path, police.workspace, table="pol_sanction", source=None, encoding="utf-8", today=TODAY,
                          purpose="iom_selection_support", log=police.log, actor="an.alyst", key=b"k")  # fmt: skip
    assert report.file.accepted == 1 and set(report.again) == {
        "offence_code is empty", "sanction_date is written day first, not YYYY-MM-DD",
    }  # fmt: skip
    assert "N9" in set(police.store.read("pol_sanction")["agency_person"])


def test_a_spreadsheet_that_writes_the_line_as_a_decimal_is_understood(police):
    police.read()
    assert correct(police, [sanction("3.0")]).file.accepted == 1


def test_a_corrected_file_with_a_column_missing_or_a_ragged_row_is_refused(police, refusal):
    police.read()
    assert "no column line" in refusal(lambda: correct(police, [sanction(3)], columns=["agency_person"]))
    rows = [{**sanction(3), "disposal": "a,b"}]
    assert "has another number of cells than the header (line 2" in refusal(lambda: correct(police, rows))
    assert "no rows" in refusal(lambda: correct(police, []))


def test_a_column_outside_the_agreement_is_dropped_from_a_correction_and_named(police):
    police.read()
    report = correct(police, [{**sanction(3), "reason": "was wrong", "nationality": "Zzyzx"}])
    assert report.file.dropped_columns == ("nationality",)
    assert "Zzyzx" not in police.words()


def test_a_correction_needs_the_agreement_to_hold_on_the_day(police, refusal):
    police.read()
    told = refusal(lambda: correct(police, [sanction(3)], today=dt.date(2027, 1, 1)))
    assert "an agreement that is valid on 2027-01-01" in told
    assert sums(police) == [(5, 1, 4, 0)]


def test_an_offence_code_that_the_table_does_not_know_stops_a_correction(police, refusal):
    police.read()
    assert "offence codes 99999 (1 row)" in refusal(lambda: correct(police, [sanction(3, offence_code="99999")]))
    assert sums(police) == [(5, 1, 4, 0)]


def test_the_same_corrected_file_again_changes_nothing(police):
    police.read()
    rows = [sanction(3), sanction(6, offence_code="46")]
    correct(police, rows)
    before, events = police.content(), len(police.log.rows())
    assert correct(police, rows).unchanged
    assert police.content() == before
    assert len(police.log.rows()) == events
    told = correct(police, rows).as_text()
    assert told == "police/pol_sanction: these corrected rows were read before; nothing was written."


def test_reading_the_first_delivery_again_keeps_the_corrections(police):
    police.read()
    correct(police, [sanction(3)])
    again = police.read(write=False)
    assert again.unchanged and police.file(again, "pol_sanction").replaced == 1
    assert len(police.store.read("pol_sanction")) == 2


def test_a_file_that_is_read_anew_under_other_terms_reopens_its_corrected_rows_and_says_so(police):
    police.read()
    correct(police, [sanction(3)])
    police.agreement_changes["police"] = {"retention_days": "30"}
    again = police.read()
    file = police.file(again, "pol_sanction")
    assert (file.reopened, file.replaced, sum(file.quarantined.values())) == (1, 0, 4)
    assert "1 corrected row waits again" in again.as_text()
    assert 3 in [line for lines in lines_of(police).values() for line in lines]
    assert correct(police, [sanction(3)]).file.accepted == 1
    assert len(police.store.read("pol_sanction")) == 2 and quarantine_faults(police.store) == []


def test_a_correction_is_noted_in_the_log_with_counts_and_no_person(police):
    police.read()
    correct(police, [sanction(3), sanction(6, offence_code="46")])
    event = police.log.rows()[-1]
    assert (event["operation"], event["dataset"]) == ("rows.corrected", "police:2026-09-30:police-26")
    assert event["counts"] == '{"accepted":1,"quarantined":1,"read":2}'
    assert police.log.verify() == []


# --- vault, equality store, consent


def test_a_corrected_identity_row_makes_its_person_known_and_their_rows_can_follow(police):
    police.tables["police"]["identity"][1]["dob"] = "15/06/2000"
    police.row("police", "pol_sanction", **{"agency_person": "N2", **SANCTION})
    police.read()
    assert 7 in lines_of(police)["agency_person is not in the agency's identity table"]
    person = {"line": "3", "agency_person": "N2", "subject_category": "convicted", "record_kind": "fact",
              "recorded_on": "2025-03-02", "dob": "2000-06-15", "sex": "M", "surname": "Madeup"}  # fmt: skip
    assert correct(police, [person], table="identity").file.accepted == 1
    assert correct(police, [sanction(7, agency_person="N2")]).file.accepted == 1
    police.link()
    assert set(police.vault.key_map()["agency_person"]) == {"N1", "N2"}
    assert len(police.linked().tables["pol_sanction"]) == 2
    assert "Madeup" not in police.words(under=police.workspace.store)


def test_a_number_that_the_vault_holds_is_not_taken_in_twice(police):
    police.identity("police", "N1", dob="1980-01-01")
    police.read()
    row = {"line": "4", "agency_person": "N1", "subject_category": "convicted", "record_kind": "fact",
           "recorded_on": "2025-03-02", "dob": "1980-01-01", "sex": "M"}  # fmt: skip
    report = correct(police, [row], table="identity")
    assert report.again == {"repeats the key of an earlier row": (4,)}


def test_corrected_characteristics_reach_the_equality_store_and_no_number_twice(probation):
    probation.identity("probation", "P2")
    probation.row("probation", "equality", agency_person="P1", sex="F", ethnicity_self="W1")
    probation.row("probation", "equality", agency_person="P2", sex="M", ethnicity_self="W77")
    probation.row("probation", "equality", agency_person="P1", sex="M", ethnicity_self="W1")
    probation.read()
    base = {"subject_category": "convicted", "record_kind": "fact", "recorded_on": "2025-03-02"}
    rows = [{"line": "3", "agency_person": "P2", "sex": "M", "ethnicity_self": "B1", **base},
            {"line": "4", "agency_person": "P1", "sex": "M", "ethnicity_self": "W1", **base}]  # fmt: skip
    report = correct(probation, rows, table="equality")
    assert report.again == {"repeats the key of an earlier row": (4,)}
    probation.link()
    with sqlite3.connect(probation.workspace.equality) as equality:
        sent = equality.execute("select agency_person, ethnicity_self from sent order by 1").fetchall()
    assert sent == [("P1", "W1"), ("P2", "B1")]
    probation.link()
    correct(probation, [{"line": "4", "agency_person": "P1", "sex": "F", "ethnicity_self": "W1", **base}],
            table="equality")  # fmt: skip
    assert sums(probation, "equality", "probation") == [(3, 1, 0, 2), (2, 1, 0, 1), (1, 0, 1, 0)]


def test_a_corrected_client_row_that_ends_consent_removes_what_is_held(partnership):
    partnership.identity("treatment", "T1", dob="1990-05-17")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent")
    partnership.row("treatment", "trt_episode", agency_person="T1", episode_id="E1")
    partnership.read()
    assert len(partnership.store.read("trt_episode")) == 1
    row = {"line": "3", "agency_person": "T1", "subject_category": "convicted", "record_kind": "fact",
           "recorded_on": "2025-03-02", "consent": "false"}  # fmt: skip
    report = correct(partnership, [row], table="trt_client")
    assert report.again == {"has no consent or recorded basis": (3,)}
    assert partnership.store.read("trt_episode").empty and partnership.store.read("trt_client").empty
    assert partnership.vault.identities([partnership.store.extract("treatment", "identity")["held_as"]]).empty
    assert partnership.store.verify() == [] and quarantine_faults(partnership.store) == []


def test_a_correction_that_ends_consent_and_is_killed_before_the_vault_forgot_is_ended_at_the_next_start(
    partnership, monkeypatch
):
    partnership.identity("treatment", "T1", surname="Zzyzx")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent",
                    substance_group="nonsense")  # fmt: skip
    partnership.read()
    row = {"line": "2", "agency_person": "T1", "subject_category": "convicted", "record_kind": "fact",
           "recorded_on": "2025-03-02", "consent": "false"}  # fmt: skip

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("desist.intake.holding.vault.Vault.erase_numbers", killed)
        with pytest.raises(Killed):
            correct(partnership, [row], table="trt_client")
    held = partnership.store.extract("treatment", "identity")["held_as"]
    assert len(partnership.vault.identities([held])) == 1
    correct(partnership, [row], table="trt_client")
    assert partnership.vault.identities([held]).empty


def test_erasing_a_person_reaches_corrected_rows_and_those_that_wait_again_and_the_sums_still_hold(police):
    police.read()
    correct(police, [sanction(3, disposal="Zzyzx"), sanction(6, offence_code="46", disposal="Qwxyz")])
    police.link()
    [person] = police.vault.key_map().query("agency_person == 'N1'")["person_id"]
    assert "Zzyzx" in police.words() and "Qwxyz" in police.words()
    assert police.store.erase(person) > 0
    police.vault.erase(person)
    assert "Zzyzx" not in police.words() and "Qwxyz" not in police.words()
    assert sums(police) == [(5, 1, 2, 2), (2, 1, 1, 0)]
    assert quarantine_faults(police.store) == [] and police.store.verify() == []


def test_several_rows_that_a_mapping_made_of_one_line_are_corrected_together(police, refusal):
    police.read()
    store = police.store
    manifest = store.manifest()
    extract = manifest["extracts"]["police/pol_sanction"][0]
    rows = store.partition(extract["quarantine"]).to_pandas()
    rows.loc[rows["line"] == 6, "line"] = 3
    again = pa.Table.from_pandas(rows.sort_values("line"), preserve_index=False).replace_schema_metadata(None)
    extract["quarantine"] = store.write_quarantine("police", "pol_sanction", again) | {"history": []}
    store.commit(manifest, because="a mapping")
    assert "another number of rows than wait for the lines 3" in refusal(lambda: correct(police, [sanction(3)]))
    report = correct(police, [sanction(3), sanction(3, disposal="another")])
    assert report.file.accepted == 2 and sums(police) == [(5, 1, 2, 2), (2, 2, 0, 0)]
    assert quarantine_faults(store) == []


# --- killed, and property


class Killed(BaseException):
    pass


@pytest.mark.parametrize(
    "step", ["store.Store.write_rows", "store.Store.write_quarantine", "store.Store.commit", "store.write_json"]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_correction_that_is_killed_leaves_the_old_rows_or_the_new_ones(police, monkeypatch, step, when):
    import desist.intake.holding.store as store

    police.read()
    old = police.store.snapshot_hash()
    whole = getattr(store.Store if "Store" in step else store, step.rpartition(".")[2])

    def killed(*args, **named):
        if when == "after":
            whole(*args, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(f"desist.intake.holding.{step}", killed)
        with pytest.raises(Killed):
            correct(police, [sanction(3)])
    assert police.store.verify() == [] and quarantine_faults(police.store) == []
    assert (police.store.snapshot_hash() == old) == ((step, when) != ("store.Store.commit", "after"))
    correct(police, [sanction(3)])
    assert sums(police) == [(5, 1, 3, 1), (1, 1, 0, 0)]
    assert len(police.store.read("pol_sanction")) == 2 and police.log.verify() == []


FAULTS = [{}, {"offence_code": ""}, {"agency_person": "N9"}, {"count": "x"}, {"subject_category": "victim"}]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    # One row is good: a file of which no row is stops as a whole.
    sent=st.lists(st.sampled_from(FAULTS), max_size=5).map(lambda faults: [{}, *faults]),
    rounds=st.lists(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=6), max_size=3),
)
def test_accepted_and_quarantined_and_replaced_are_always_what_was_read(partnership_of, sent, rounds):
    one = partnership_of()
    one.identity("police", "N1")
    for place, fault in enumerate(sent):
        one.row("police", "pol_sanction", **{"agency_person": "N1", **SANCTION, "disposal": f"d{place}", **fault})
    one.read()
    for corrected in rounds:
        never = "is about a victim or witness"
        waits = sorted(line for reason, lines in lines_of(one).items() if reason != never for line in lines)
        rows = [sanction(line, **({"disposal": f"d{line}"} | fault))
                for line, fault in zip(waits, corrected, strict=False)]  # fmt: skip
        if rows:
            correct(one, rows)
        for read, accepted, quarantined, replaced in sums(one):
            assert read == accepted + quarantined + replaced
        assert sum(part[2] + part[1] for part in sums(one)) == len(sent)
        assert len(one.store.read("pol_sanction")) == sum(part[1] for part in sums(one))
        assert quarantine_faults(one.store) == [] and one.store.verify() == []


@pytest.fixture
def partnership_of(partnership, tmp_path):
    """A function that makes a fresh partnership each time it is called."""
    made = []

    def make():
        made.append(type(partnership)(tmp_path / f"p{len(made)}"))
        return made[-1]

    return make


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
