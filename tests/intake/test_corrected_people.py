"""Corrections that reach vault and equality store: who is known, who consents, and who is erased."""

import sqlite3

import pytest

from desist.intake.reading.quarantine import quarantine_faults, waiting
from tests.intake.quarantine_kit import SANCTION, Killed, correct, known_to_police, lines_of, sanction, sums


@pytest.fixture
def police(partnership):
    """N1 and N2 known to the police; lines 3 to 6 of pol_sanction each have a fault of their own."""
    return known_to_police(partnership)


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
