"""Corrected rows in the place of those that waited: the same checks, the same sums, old rows or new ones."""

import csv
import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.intake.reading.corrected_rows import correct_rows, export_rows, read_corrected
from desist.intake.reading.quarantine import extract_of, quarantine_faults, to_correct, waiting
from tests.intake.quarantine_kit import SANCTION, TODAY, Killed, correct, known_to_police, lines_of, sanction, sums


@pytest.fixture
def police(partnership):
    """N1 and N2 known to the police; lines 3 to 6 of pol_sanction each have a fault of their own."""
    return known_to_police(partnership)


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


# --- killed, and property


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
