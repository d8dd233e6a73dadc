"""Rows against their contract: what is accepted, what waits in quarantine and why. Read = accepted + quarantined."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.intake.reading.report import FileReport
from desist.intake.rows.checks import parse_date
from desist.intake.terms.contracts import CONTRACTS, LONGEST_CELL

CONVICTION = {"event_id": "E2", "offence_code": "04600"}


def reasons(partnership, table):
    report = partnership.read()
    file = partnership.file(report, table)
    assert file.rows_read == file.accepted + sum(file.quarantined.values())
    return dict(file.quarantined)


def quarantined(partnership, source, table):
    paths = list((partnership.workspace.quarantine / source / table).glob("*.parquet"))
    return pd.concat([pd.read_parquet(path) for path in paths]) if paths else pd.DataFrame()


def sanction(partnership, **cells):
    values = {"agency_person": "N1", "offence_code": "04600", "sanction_date": "2025-03-02",
              "sanction_type": "conviction", "count": "1", **cells}  # fmt: skip
    return partnership.row("police", "pol_sanction", **values)


@pytest.fixture
def police(partnership):
    partnership.identity("police", "N1")
    return partnership


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"sanction_type": "warning"}, "sanction_type holds a code that is not on its list"),
        ({"offence_code": "46"}, "offence_code is not a code of five digits"),
        ({"offence_code": ""}, "offence_code is empty"),
        ({"agency_person": ""}, "agency_person is empty"),
        ({"agency_person": "N7"}, "agency_person is not in the agency's identity table"),
        ({"subject_category": ""}, "subject_category is empty"),
        ({"record_kind": ""}, "record_kind is empty"),
        ({"record_kind": "rumour"}, "record_kind holds a code that is not on its list"),
        ({"da_flag": "yes"}, "da_flag is not true or false"),
        ({"count": "two"}, "count is not a whole number"),
        ({"count": "0"}, "count is outside the range that the contract allows"),
        ({"sanction_date": "02/03/2025"}, "sanction_date is written day first, not YYYY-MM-DD"),
        ({"sanction_date": "20250302"}, "sanction_date is not a date YYYY-MM-DD"),
        ({"sanction_date": "2025-02-29"}, "sanction_date is not a day of the calendar"),
        ({"occurred_on": "0025-03-01"}, "occurred_on is before 1900"),
        ({"occurred_on": "2025-03-03"}, "occurred_on lies after its recorded_on"),
        ({"sanction_date": "2025-03-03"}, "sanction_date lies after its recorded_on"),
        ({"occurred_on": "2025-03-01", "sanction_date": "2025-02-28"}, "sanction_date is before occurred_on"),
        ({"recorded_on": "2026-10-01"}, "recorded_on lies after the extract date"),
        ({"disposal": "x" * (LONGEST_CELL + 1)}, f"has a cell longer than {LONGEST_CELL} characters"),
        ({"disposal": "x" * 1_000_000}, f"has a cell longer than {LONGEST_CELL} characters"),
        ({"disposal": "a\0b"}, "disposal holds a control character"),
        ({"sanction_type": "\0"}, "sanction_type holds a code that is not on its list"),
    ],
)
def test_a_row_that_breaks_its_contract_waits_in_quarantine_with_the_reason(police, cells, reason):
    sanction(police)
    sanction(police, **cells)
    assert reasons(police, "pol_sanction") == {reason: 1}
    assert len(police.store.read("pol_sanction")) == 1
    [row] = quarantined(police, "police", "pol_sanction").to_dict("records")
    assert (row["line"], row["reason"]) == (3, reason)
    assert row["recorded_on"] == cells.get("recorded_on", "2025-03-02")


def test_the_extract_date_itself_is_not_in_the_future(police):
    sanction(police, occurred_on="2026-09-30", sanction_date="2026-09-30", recorded_on="2026-09-30")
    assert reasons(police, "pol_sanction") == {}


def test_a_future_event_is_wrong_and_a_future_plan_is_right(probation):
    probation.row("probation", "prob_event", agency_person="P1", **CONVICTION, occurred_on="2026-10-01",
                  recorded_on="2026-10-01", sentence_end="2028-01-01")  # fmt: skip
    assert reasons(probation, "prob_event") == {"occurred_on lies after the extract date": 1}
    assert probation.store.read("prob_event")["sentence_end"].tolist() == [pd.Timestamp("2027-03-01")]


def test_an_appointment_may_lie_ahead_while_nobody_has_kept_it(probation):
    ahead = {"agency_person": "P1", "type": "office", "occurred_on": "2026-10-09", "recorded_on": "2026-09-20"}
    probation.row("probation", "prob_contact", **ahead)
    probation.row("probation", "prob_contact", **ahead, attended="attended", attended_recorded_on="2026-09-30")
    assert reasons(probation, "prob_contact") == {"attended_recorded_on is before occurred_on": 1}
    assert len(probation.store.read("prob_contact")) == 1


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"end": "2025-06-01"}, {"end has no end_recorded_on": 1}),
        ({"end": "2025-06-01", "end_recorded_on": "2025-05-31"}, {"end lies after its end_recorded_on": 1}),
        ({"end": "2025-02-28", "end_recorded_on": "2025-05-31"}, {"end is before occurred_on": 1}),
        ({"end": "2025-06-01", "end_recorded_on": "2026-10-01"}, {"end_recorded_on lies after the extract date": 1}),
        ({"end": "2025-06-01", "end_recorded_on": "2025-06-01"}, {}),
    ],
)
def test_a_fact_learnt_later_carries_the_date_on_which_it_became_known(probation, cells, reason):
    probation.row("probation", "prob_registration", agency_person="P1", reg_type="RMRH", **cells)
    assert reasons(probation, "prob_registration") == reason


def test_the_second_row_of_a_key_waits_in_quarantine(probation):
    probation.row("probation", "prob_event", agency_person="P1", event_id="E1", offence_code="10501")
    assert reasons(probation, "prob_event") == {"repeats the key of an earlier row": 1}
    assert probation.store.read("prob_event")["offence_code"].tolist() == ["04600"]


def test_two_sanctions_of_one_day_are_two_unless_they_agree_in_every_cell(police):
    sanction(police)
    sanction(police, offence_code="10501")
    sanction(police)
    assert reasons(police, "pol_sanction") == {"repeats an earlier row in full": 1}


def test_a_requirement_belongs_to_an_event_that_was_sent_and_to_its_person(probation):
    probation.identity("probation", "P2")
    for number, event in (("P1", "E1"), ("P1", "E9"), ("P2", "E1")):
        probation.row("probation", "prob_requirement", agency_person=number, event_id=event, req_type="RAR")
    assert reasons(probation, "prob_requirement") == {
        "refers to no row of prob_event": 1,
        "belongs to another person's prob_event": 1,
    }


def test_a_requirement_of_a_quarantined_event_waits_with_it(probation):
    probation.row("probation", "prob_event", agency_person="P1", event_id="E2", offence_code="x")
    probation.row("probation", "prob_requirement", agency_person="P1", event_id="E2", req_type="RAR")
    assert reasons(probation, "prob_requirement") == {"refers to a row of prob_event that is in quarantine": 1}


def test_a_ragged_line_is_counted_and_its_content_is_not_kept(police):
    sanction(police)
    police.write()
    path = police.path("police", "pol_sanction")
    path.write_bytes(path.read_bytes() + b"N1,convicted,Secretive\n\n" + b'N1,"unclosed\n')
    report = police.read(write=False)
    file = police.file(report, "pol_sanction")
    assert (file.rows_read, file.accepted) == (3, 1)
    assert file.quarantined == {
        "has another number of cells than the header": 1,
        "has a quotation mark that does not close": 1,
    }
    rows = quarantined(police, "police", "pol_sanction")
    assert rows["line"].tolist() == [3, 5]
    assert rows.drop(columns=["line", "reason"]).isna().all(axis=None)
    assert "Secretive" not in police.words()


def test_an_unclosed_quotation_mark_spoils_its_own_line_only(police):
    for day in range(1, 6):
        sanction(police, occurred_on=f"2025-02-0{day}")
    police.write()
    path = police.path("police", "pol_sanction")
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"conviction", b'"conviction', 1)
    path.write_bytes(b"\n".join(lines))
    file = police.file(police.read(write=False), "pol_sanction")
    assert (file.rows_read, file.accepted) == (5, 4)


def test_a_quoted_cell_of_a_million_characters_waits_in_quarantine(police):
    sanction(police, disposal='"' + "x" * 1_000_000)
    assert reasons(police, "pol_sanction") == {f"has a cell longer than {LONGEST_CELL} characters": 1}


def test_quoted_cells_keep_their_commas_and_line_numbers(police):
    sanction(police, disposal="fine, suspended")
    sanction(police, disposal='a "word"', occurred_on="2025-02-01")
    sanction(police, disposal="fine", sanction_type="x")
    police.read()
    assert sorted(police.store.read("pol_sanction")["disposal"]) == ['a "word"', "fine, suspended"]
    assert quarantined(police, "police", "pol_sanction")["line"].tolist() == [4]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(police):
    sanction(police)
    police.write()
    path = police.path("police", "pol_sanction")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert police.file(police.read(write=False), "pol_sanction").accepted == 1


def test_a_file_with_a_header_alone_is_a_file_of_no_rows(police):
    police.tables["police"]["pol_sanction"] = []
    file = police.file(police.read(), "pol_sanction")
    assert (file.rows_read, file.accepted) == (0, 0)
    assert police.store.read("pol_sanction").empty


def test_ten_per_cent_of_junk_goes_to_quarantine_and_nothing_is_lost(police):
    for number in range(90):
        sanction(police, occurred_on=f"2025-01-{number % 28 + 1:02d}", offence_code="04600", count=str(number + 1))
    junk = [{"count": "x"}, {"sanction_type": "?"}, {"occurred_on": "99"}, {"agency_person": "??"}, {"da_flag": "1"}]
    for number in range(10):
        sanction(police, **junk[number % 5])
    report = police.read()
    file = police.file(report, "pol_sanction")
    assert (file.rows_read, file.accepted, sum(file.quarantined.values())) == (100, 90, 10)
    assert len(police.store.read("pol_sanction")) == 90
    assert len(quarantined(police, "police", "pol_sanction")) == 10


def test_a_code_seen_often_is_named_and_a_rare_one_is_not(police):
    for number in range(5):
        sanction(police, sanction_type="PND", count=str(number + 1))
    for number in range(15):
        sanction(police, count=str(number + 1))
    sanction(police, sanction_type="Surname")
    report = police.read()
    assert police.file(report, "pol_sanction").wrong_codes == {"sanction_type": {"PND": 5}}
    assert "Surname" not in report.as_text()


def test_no_cell_of_an_identity_table_stands_in_the_report_or_in_the_log(police):
    for number in range(6):
        police.identity("police", f"N{number}x", sex="Secretive", dob="secret", surname="Secretive")
    for number in range(20):
        police.identity("police", f"N{number}y")
    report = police.read()
    assert police.file(report, "identity").quarantined
    assert "ecret" not in report.as_text() + str(police.log.rows())


def test_types_follow_the_contract(probation):
    probation.row("probation", "prob_assessment", agency_person="P1", version="SAN", section="drugs", score="",
                  linked_reoffending="true")  # fmt: skip
    probation.read()
    assessment = probation.store.read("prob_assessment")
    assert str(assessment["occurred_on"].dtype).startswith("datetime64")
    assert assessment["score"].dtype == "float64" and assessment["score"].isna().all()
    assert assessment["linked_reoffending"].dtype == "boolean" and assessment["linked_reoffending"].tolist() == [True]
    assert probation.store.read("prob_person")["lao"].dtype == "bool"
    assert {"source", "extract_date", "agreement_id"} <= set(assessment)


def test_rows_do_not_enter_the_store_without_their_stamps(probation):
    probation.read()
    rows = probation.store.read_arrow("prob_person")
    bare = rows.set_column(rows.column_names.index("agreement_id"), "agreement_id", [[None]])
    with pytest.raises(ValueError, match="lack their stamps"):
        probation.store.write_rows("prob_person", bare.cast(rows.schema))


def test_a_report_that_does_not_add_up_cannot_be_made():
    with pytest.raises(ValueError, match="3 rows read, but 1 accepted and 1 quarantined"):
        FileReport("police", "pol_sanction", "x.csv", rows_read=3, accepted=1, quarantined={"is wrong": 1})


@given(st.dates(min_value=dt.date(1900, 1, 1)))
def test_every_calendar_day_since_1900_is_read_as_itself(day):
    assert parse_date(day.isoformat()) == day


@given(st.text(max_size=12))
def test_any_text_is_a_day_or_has_a_reason_and_never_an_error(text):
    found = parse_date(text)
    assert isinstance(found, str) or found.isoformat() == text


CELLS = st.one_of(
    st.sampled_from(["", "N1", "convicted", "fact", "2025-03-01", "2025-03-02", "04600", "conviction", "1", "true"]),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=8),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.lists(CELLS, min_size=1, max_size=14), max_size=15))
def test_whatever_a_file_holds_each_line_is_accepted_or_quarantined(tmp_path_factory, lines):
    from desist.intake.rows.checks import check_rows
    from desist.intake.rows.csv_rows import read_rows

    contract = CONTRACTS["pol_sanction"]
    content = "\n".join([",".join(contract.names), *(",".join(cells) for cells in lines)]) + "\n"
    raw = read_rows(content.encode(), encoding="utf-8", wanted=contract.names, where="x")
    checked = check_rows(raw.cells, contract, extract_date=dt.date(2026, 9, 30), categories=("convicted",))
    written = sum(1 for cells in lines if ",".join(cells).encode().strip())
    assert raw.rows_read == written
    counted = int(checked.verdicts.accepted.sum()) + sum(checked.verdicts.counts().values()) + len(raw.unreadable)
    assert counted == written
