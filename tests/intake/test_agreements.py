"""The only door: what an agreement lets in, and what it keeps out (REQUIREMENTS INT-1 to INT-4, INT-10)."""

import datetime as dt

import pandas as pd
import pytest

from desist.intake.reading.report import not_read
from desist.intake.terms.contracts import CONTRACTS, refused_class
from desist.records.errors import Refused


def nothing_was_written(partnership):
    place = partnership.workspace
    return not any(path.exists() for path in (place.store, place.vault, place.equality, place.quarantine))


def test_a_file_without_an_agreement_in_the_register_is_refused_and_nothing_is_written(probation, refusal):
    probation.write()
    (probation.workspace.agreements / "probation-26.toml").unlink()
    assert "found the agreement probation-26" in refusal(lambda: probation.read(write=False))
    assert nothing_was_written(probation)
    assert probation.log.rows() == []


def test_an_agreement_beside_the_delivery_is_not_in_the_register(probation, refusal):
    probation.write()
    (probation.delivery / "agreements").mkdir()
    register = probation.workspace.agreements
    (register / "probation-26.toml").rename(probation.delivery / "agreements" / "probation-26.toml")
    assert "an agreement in the register" in refusal(lambda: probation.read(write=False))


def test_an_agreement_holds_on_the_day_it_expires_and_not_on_the_day_after(probation, refusal):
    probation.read(today=dt.date(2026, 12, 31))
    assert "valid on 2027-01-01" in refusal(lambda: probation.read(today=dt.date(2027, 1, 1)))


def test_an_agreement_does_not_hold_before_it_starts(probation, refusal):
    probation.agreement_changes["probation"] = {"start": "2026-10-02"}
    assert "valid on 2026-10-01" in refusal(probation.read)
    assert nothing_was_written(probation)


@pytest.mark.parametrize("purpose", ["", "curiosity"])
def test_a_run_without_a_purpose_from_the_list_is_refused(probation, refusal, purpose):
    assert "one of iom_selection_support" in refusal(lambda: probation.read(purpose=purpose))
    assert nothing_was_written(probation)


def test_a_purpose_that_the_agreement_does_not_cover_is_refused(probation, refusal):
    probation.agreement_changes["probation"] = {"purposes": '["aggregate_plan_monitoring"]'}
    assert "covers iom_selection_support" in refusal(probation.read)
    assert nothing_was_written(probation)


def test_a_column_outside_the_agreement_reaches_no_file_and_is_named_in_the_report(probation):
    probation.columns["prob_person"] = [*CONTRACTS["prob_person"].names, "nationality"]
    probation.tables["probation"]["prob_person"][0]["nationality"] = "Ruritanian"
    probation.row("probation", "prob_person", agency_person="P9", supervision_status="X", nationality="Ruritanian")
    report = probation.read()
    assert probation.file(report, "prob_person").dropped_columns == ("nationality",)
    assert "not in the agreement, not read: nationality" in report.as_text()
    assert "Ruritanian" not in probation.words()
    quarantined = pd.concat(pd.read_parquet(path) for path in probation.workspace.quarantine.rglob("*.parquet"))
    assert len(quarantined) == 1 and "nationality" not in quarantined


def test_a_column_of_a_class_that_is_never_accepted_is_named_so_and_apart_from_those_not_agreed():
    assert not_read(["nationality", "Twitter handle"]) == [
        "not in the agreement, not read: nationality",
        "never accepted, not read: Twitter handle (social media). Ask the agency to leave it out.",
    ]
    assert not_read(["Victim Surcharge"]) == ["not in the agreement, not read: Victim Surcharge"] and not_read([]) == []


def test_a_known_column_that_the_agreement_leaves_out_is_dropped_too(probation):
    probation.tables["probation"]["prob_event"][0]["sentence_end"] = "2027-03-01"
    stamps = ["agency_person", "subject_category", "record_kind", "recorded_on"]
    columns = [*stamps, "occurred_on", "event_id", "offence_code"]
    identity = [*stamps, "crn", "dob"]
    person = [*stamps, "supervision_status", "lao"]
    probation.agreement_changes["probation"] = {
        "tables": f"prob_event = {columns}\nidentity = {identity}\nprob_person = {person}"
    }
    report = probation.read()
    assert "sentence_end" in probation.file(report, "prob_event").dropped_columns
    assert "surname" in probation.file(report, "identity").dropped_columns
    assert probation.store.read("prob_event")["sentence_end"].isna().all()
    assert b"Madeup" not in probation.workspace.vault.read_bytes()


@pytest.mark.parametrize(
    "name",
    ["intelligence_log", "gang_matrix", "associations", "stop_and_search", "stop-search", "facial_recognition",
     "social_media", "nfa_arrests", "no_further_action", "victims", "witness_statements"],
)  # fmt: skip
def test_a_dataset_class_that_is_never_accepted_is_refused_by_name(probation, refusal, name):
    probation.write()
    entry = f'\n[[file]]\ntable = "{name}"\npath = "x.csv"\nagreement = "probation-26"\n'
    toml = probation.folder("probation") / "delivery.toml"
    toml.write_text(toml.read_text() + entry)
    (probation.folder("probation") / "x.csv").write_text("a\n1\n")
    assert "no data of this class, ever" in refusal(lambda: probation.read(write=False))
    assert nothing_was_written(probation)


@pytest.mark.parametrize(
    "name",
    ["StopAndSearch", "StopSearch.csv", "IntelligenceReports", "GangMatrix.csv", "gang2026.csv", "FacialRecognition",
     "VictimList", "stop & search", "stop and searches", "stopandsearch", "face recognition", "NFAList", "WITNESSES",
     "StopSearch2026", "S&S", "S and S", "section 60 searches", "Section60", "s60", "S60_Searches.csv",
     "FRT", "LFR hits", "faceid", "FaceID", "5x5x5", "IIP_5X5X5.csv", "3x5x2", "NIR log", "PND", "PNDs", "CHIS",
     "OCG nominals", "OCGs", "co-offenders", "CoOffender", "co-accused", "Facebook", "Twitter handle", "Instagram",
     "Snapchat", "SnapChat", "TikTok", "tiktok_user", "OSINT", "complainant", "COMPLAINANTS", "aggrieved",
     "Injured Party", "injured_parties", "arrests", "Arrest2026", "custody record", "CustodyRecords", "ANPR",
     "anpr_reads", "Number Plates", "Lifestyle and Associates gang list", "victim surcharge witnesses"],
)  # fmt: skip
def test_other_spellings_of_a_class_that_is_never_accepted_are_known_too(name):
    assert refused_class(name)


def test_words_that_hold_such_a_word_and_every_name_of_ours_are_no_such_class():
    others = [
        "detainee",
        "reassociation",
        "gangway",
        "agenda",
        "bus_stop",
        "search_term",
        "surface_recognition",
        "Lifestyle and Associates",
        "Lifestyle & Associates",
        "lifestyle_and_associates_score",
        "LifestyleAssociates.csv",
        "Victim Surcharge",
        "victim_surcharge_2026.csv",
        "VictimSurcharge",
        "Victim awareness course",
        "Arrest/Summons number",
        "custody_status",
        "custody",
        "Custody Start",
        "prisoner's 60 days",
        "person\u2019s 60",
        "DVPNs 60 days",
        "nominal_ref",
        "twittering",
        "5x5",
        "party",
        "injury",
        "record",
    ]
    ours = [name for contract in CONTRACTS.values() for name in (contract.table, *contract.names)]
    assert [name for name in [*others, *ours] if refused_class(name)] == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"dpia": '""'}, "dpia empty"),
        ({"regime": '"none"'}, "regime from part3, uk_gdpr"),
        ({"subject_categories": '["convicted", "victim"]'}, "found subject_categories = victim"),
        ({"expires": "2025-12-31"}, "expires on or after start"),
        ({"retention_days": None}, "`retention_days` missing"),
        ({"start": '"2026-01-01"'}, "`start` of another form"),
        ({"tables": "stop_search = ['x']"}, "no table of this class, ever"),
        ({"tables": "pol_sanction = ['x']"}, "a table that probation sends"),
        ({"tables": "prob_person = ['agency_person']"}, "without lao"),
        ({"retention_days": "true"}, "`retention_days` of another form"),
        ({"expirse": "2027-01-01"}, "`expirse`"),
        ({"consent": '"per_person"'}, 'consent = "per_person" for probation'),
        ({"gateway": '"Crime and Disorder Act 1998 s.17A"'}, "a gateway for data about persons"),
    ],
)
def test_an_agreement_that_lacks_a_term_is_refused_with_the_term_named(probation, refusal, change, expected):
    probation.agreement_changes["probation"] = change
    assert expected in refusal(probation.read)


COLUMNS = ["agency_person", "subject_category", "record_kind", "recorded_on", "supervision_status", "lao"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("laoo", "the columns laoo of prob_person"),
        ("gang_marker", "the column prob_person.gang_marker (association or gang lists)"),
        ("lao", "lao of prob_person twice"),
    ],
)
def test_a_column_that_no_table_has_is_no_part_of_an_agreement(probation, refusal, column, expected):
    probation.agreement_changes["probation"] = {"tables": f"prob_person = {[*COLUMNS, column]}"}
    assert expected in refusal(probation.read)
    assert nothing_was_written(probation)


def test_what_is_missing_in_an_agreement_and_what_is_wrong_in_the_rest_are_named_together(probation, refusal):
    probation.agreement_changes["probation"] = {"expires": None, "dpia": None, "gateway": '"because"'}
    found = refusal(probation.read)
    assert "has 3 problems" in found and "`dpia` missing" in found and "`expires` missing" in found
    assert "a gateway that names no law" in found


def test_an_agreement_of_the_wrong_form_throughout_is_named_key_by_key_once(probation, refusal):
    forms = ["id", "source", "gateway", "regime", "consent", "dpia", "apd", "parties", "purposes", "start", "expires",
             "subject_categories", "retention_days"]  # fmt: skip
    probation.agreement_changes["probation"] = dict.fromkeys(forms, "true")
    assert "has 13 problems" in refusal(probation.read)


@pytest.mark.parametrize(
    ("gateway", "known"),
    [("Crime and Disorder Act 1998 s.115", True), ("CDA 1998", True), ("s.115", True), ("section 14 OMA", True),
     ("Each person's explicit consent", True), ("UK GDPR Art. 6(1)(e)", True), ("common-law power", True),
     ("because", False), ("as agreed", False), ("tbc", False), ("n/a", False)],
)  # fmt: skip
def test_a_gateway_names_a_law_or_consent(probation, refusal, gateway, known):
    probation.agreement_changes["probation"] = {"gateway": f'"{gateway}"'}
    if known:
        assert probation.read().files
    else:
        assert "has 1 problem." in refusal(probation.read)


def test_an_agreement_that_has_not_begun_is_not_to_be_renewed(probation, refusal):
    probation.agreement_changes["probation"] = {"start": "2026-10-02"}
    found = refusal(probation.read)
    assert "It begins on 2026-10-02" in found and "Renew" not in found
    assert "Renew the agreement" in refusal(lambda: probation.read(today=dt.date(2027, 1, 1)))


def test_a_second_gateway_beside_the_depersonalised_one_lets_persons_be_shared(probation):
    gateway = '"Crime and Disorder Act 1998 s.17A; Crime and Disorder Act 1998 s.115"'
    probation.agreement_changes["probation"] = {"gateway": gateway}
    assert probation.read().files


def test_an_agreement_that_excel_saved_with_a_byte_order_mark_is_read(probation):
    probation.write()
    path = probation.workspace.agreements / "probation-26.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert probation.read(write=False).files


def test_a_fact_learnt_later_needs_its_own_date_in_the_agreement(probation, refusal):
    columns = ["agency_person", "subject_category", "record_kind", "occurred_on", "recorded_on", "reg_type", "end"]
    probation.agreement_changes["probation"] = {"tables": f"prob_registration = {columns}"}
    assert "prob_registration with end" in refusal(probation.read)


def test_treatment_data_needs_consent_per_person_and_not_the_serious_violence_duty(partnership, refusal):
    partnership.identity("treatment", "T1")
    partnership.agreement_changes["treatment"] = {"consent": '"none"', "gateway": '"PCSC Act 2022 s.16"'}
    found = refusal(partnership.read)
    assert 'consent = "per_person" for treatment data' in found
    assert "a gateway that includes patient information" in found


@pytest.mark.parametrize(
    "gateway",
    ["Police, Crime, Sentencing and Courts Act 2022 s.16", "PCSCA 2022 section 16", "the Serious Violence Duty",
     "Police Crime Sentencing & Courts Act", "pcsc act, s.16"],
)  # fmt: skip
def test_the_act_behind_the_serious_violence_duty_is_known_by_name_and_abbreviation(partnership, refusal, gateway):
    partnership.identity("treatment", "T1")
    partnership.agreement_changes["treatment"] = {"gateway": f'"{gateway}"'}
    assert "a gateway that includes patient information" in refusal(partnership.read)


def test_all_problems_of_the_register_are_named_at_once(probation, refusal):
    probation.write()
    (probation.workspace.agreements / "a.toml").write_text("id = [")
    (probation.workspace.agreements / "b.toml").write_text('id = "b"')
    found = refusal(lambda: probation.read(write=False))
    assert "a.toml" in found and "b.toml" in found


def test_the_refusal_is_a_mistake_the_user_can_mend(probation):
    probation.write()
    (probation.workspace.agreements / "probation-26.toml").unlink()
    with pytest.raises(Refused) as refused:
        probation.read(write=False)
    assert refused.value.exit_code == 2
    assert all(problem.remedy for problem in refused.value.problems)
