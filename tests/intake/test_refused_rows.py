"""Rows that are never taken in: only count, reason and line number are kept (INT-6, INT-9, INT-11, children)."""

import sqlite3

import pandas as pd
import pytest

from desist.records import codes
from desist.records.errors import Refused
from desist.records.files import write_json


def refused(partnership, source, table):
    """Reasons by line, after checking that nothing but line and reason was kept."""
    paths = list((partnership.workspace.quarantine / source / table).glob("*.parquet"))
    rows = pd.concat([pd.read_parquet(path) for path in paths])
    assert rows.drop(columns=["line", "reason"]).isna().all(axis=None)
    return dict(zip(rows["line"], rows["reason"], strict=True))


def nowhere(partnership, word):
    """Whether ``word`` is in no file of the workspace, log included."""
    return word not in partnership.words()


@pytest.fixture
def police(partnership):
    partnership.identity("police", "N1", dob="2000-06-15")
    return partnership


def sanction(partnership, **cells):
    values = {"agency_person": "N1", "offence_code": "04600", "sanction_date": "2025-03-02",
              "sanction_type": "conviction", "count": "1", **cells}  # fmt: skip
    return partnership.row("police", "pol_sanction", **values)


@pytest.mark.parametrize("category", ["victim", "witness", "VICTIM", "Witness"])
def test_a_row_about_a_victim_or_witness_leaves_only_its_count(police, category):
    sanction(police)
    sanction(police, subject_category=category, disposal="Zzyzx")
    police.identity("police", "N2", subject_category=category, surname="Zzyzx")
    report = police.read()
    assert police.file(report, "pol_sanction").quarantined == {"is about a victim or witness": 1}
    assert police.file(report, "identity").quarantined == {"is about a victim or witness": 1}
    assert refused(police, "police", "pol_sanction") == {3: "is about a victim or witness"}
    assert nowhere(police, "Zzyzx")
    assert len(police.store.read("pol_sanction")) == 1


def test_a_victims_row_with_another_fault_is_still_a_victims_row(police):
    sanction(police, subject_category="victim", count="many", disposal="Zzyzx")
    police.read()
    assert refused(police, "police", "pol_sanction") == {2: "is about a victim or witness"}


def test_a_suspect_is_not_taken_in_under_an_agreement_about_convicted_people(police):
    sanction(police, subject_category="suspect", disposal="Zzyzx")
    police.read()
    assert refused(police, "police", "pol_sanction") == {2: "has a subject category that the agreement does not cover"}
    assert nowhere(police, "Zzyzx")
    police.agreement_changes["police"] = {"subject_categories": '["convicted", "suspect"]'}
    assert police.file(police.read(), "pol_sanction").accepted == 1


@pytest.mark.parametrize(
    ("occurred", "accepted"), [("2018-06-14", 0), ("2018-06-15", 1), ("2018-06-16", 1), ("2015-01-01", 0)]
)
def test_a_childhood_record_ends_on_the_day_before_the_eighteenth_birthday(police, occurred, accepted):
    sanction(police, occurred_on=occurred)
    file = police.file(police.read(), "pol_sanction")
    assert file.accepted == accepted
    assert file.quarantined == ({} if accepted else {"is a childhood record": 1})


def test_somebody_born_on_29_february_comes_of_age_on_1_march(partnership):
    partnership.identity("police", "N1", dob="2004-02-29")
    sanction(partnership, occurred_on="2022-02-28", recorded_on="2025-03-02")
    sanction(partnership, occurred_on="2022-03-01", recorded_on="2025-03-02")
    file = partnership.file(partnership.read(), "pol_sanction")
    assert (file.accepted, file.quarantined) == (1, {"is a childhood record": 1})


def test_of_a_child_only_the_identity_is_kept_in_the_vault(partnership):
    partnership.identity("probation", "P1", dob="2008-10-01", crn="X100001")
    partnership.identity("probation", "P2", dob="2008-09-30", crn="X100002")
    for number in ("P1", "P2"):
        partnership.row("probation", "prob_person", agency_person=number, supervision_status="LICENCE", lao="false")
        partnership.row("probation", "equality", agency_person=number, sex="M", religion=f"of {number}")
    report = partnership.read()
    assert partnership.file(report, "identity").accepted == 2
    assert partnership.file(report, "prob_person").quarantined == {"is a childhood record": 1}
    assert partnership.file(report, "equality").quarantined == {"is a childhood record": 1}
    assert nowhere(partnership, "of P1") and not nowhere(partnership, "of P2")
    partnership.link()
    ids = partnership.vault.key_map().set_index("agency_person")["person_id"]
    adult = partnership.vault.is_adult([ids["P1"], ids["P2"]], partnership.cut)
    assert adult.tolist() == [False, True]


def test_a_record_of_a_childhood_event_goes_with_it(partnership):
    partnership.identity("probation", "P1", dob="2000-06-15")
    partnership.row("probation", "prob_event", agency_person="P1", event_id="E1", offence_code="04600",
                    occurred_on="2018-06-01", recorded_on="2018-09-01")  # fmt: skip
    partnership.row("probation", "prob_requirement", agency_person="P1", event_id="E1", req_type="RAR",
                    occurred_on="2018-09-01", recorded_on="2018-09-01")  # fmt: skip
    partnership.read()
    assert refused(partnership, "probation", "prob_requirement") == {2: "is a childhood record"}


def test_without_a_birth_date_a_row_stays_and_the_person_does_not_count_as_adult(partnership):
    partnership.identity("police", "N1", dob="")
    sanction(partnership)
    assert partnership.file(partnership.read(), "pol_sanction").accepted == 1
    partnership.link()
    [person] = partnership.store.links()[0]["person_id"]
    assert not partnership.vault.is_adult([person], partnership.cut)[person]


def test_a_repealed_offence_is_not_kept_and_a_breach_is(police):
    sanction(police, offence_code="01809", disposal="Zzyzx")
    sanction(police, offence_code="00001")
    report = police.read()
    assert police.file(report, "pol_sanction").quarantined == {"is about a repealed offence": 1}
    assert police.store.read("pol_sanction")["offence_code"].tolist() == ["00001"]
    assert refused(police, "police", "pol_sanction") == {2: "is about a repealed offence"}
    assert nowhere(police, "Zzyzx")


@pytest.mark.parametrize("slip", [{}, {"end": "01/02/2027"}])
def test_nothing_is_kept_of_a_row_that_names_none_that_is_held_because_it_may_be_of_a_refused_class(probation, slip):
    repealed = next(iter(codes.repealed_offences()))
    probation.tables["probation"]["prob_event"][0]["offence_code"] = repealed
    probation.read()
    probation.row("probation", "prob_requirement", agency_person="P1", event_id="E1", req_type="UPW", **slip)
    probation.tables["probation"] = {"prob_requirement": probation.tables["probation"]["prob_requirement"]}
    probation.cut = probation.cut.replace(month=10, day=1)
    probation.read()
    assert refused(probation, "probation", "prob_requirement") == {2: "refers to no row of prob_event that is held"}
    assert nowhere(probation, "UPW")


def test_an_offence_code_that_is_not_mapped_refuses_the_file_with_the_list_of_codes(police, refusal):
    for count, code in enumerate(("99998", "99998", "99997", "04600"), start=1):
        sanction(police, offence_code=code, count=str(count))
    found = refusal(police.read)
    assert "offence codes 99997 (1 row), 99998 (2 rows)" in found
    assert not police.workspace.store.exists()


# --- consent


@pytest.fixture
def treatment(partnership):
    """T1 consents, T2 does not, T3 consents without a basis, T4 said nothing."""
    for number in ("T1", "T2", "T3", "T4"):
        partnership.identity("treatment", number, forename=f"initial{number}", surname="M")
        partnership.row("treatment", "trt_episode", agency_person=number, episode_id=f"episode{number}")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent")
    partnership.row("treatment", "trt_client", agency_person="T2", consent="false", basis="consent")
    partnership.row("treatment", "trt_client", agency_person="T3", consent="true", basis="")
    return partnership


def test_only_people_who_consent_with_a_basis_come_in_and_of_others_nothing_is_kept(treatment):
    report = treatment.read()
    for table, accepted in (("identity", 1), ("trt_client", 1), ("trt_episode", 1)):
        assert treatment.file(report, table).accepted == accepted, table
        assert set(treatment.file(report, table).quarantined) == {"has no consent or recorded basis"}
        assert set(refused(treatment, "treatment", table).values()) == {"has no consent or recorded basis"}
    for number in ("T2", "T3", "T4"):
        assert nowhere(treatment, f"episode{number}") and nowhere(treatment, f"initial{number}")
    treatment.link()
    linked = treatment.linked()
    assert linked.tables["trt_episode"]["episode_id"].tolist() == ["episodeT1"]
    assert linked.known["treatment"] == frozenset(linked.tables["trt_client"]["person_id"])


def test_one_row_that_says_no_outweighs_another_that_says_yes(treatment):
    treatment.row("treatment", "trt_client", agency_person="T1", consent="false", basis="consent")
    report = treatment.read()
    assert treatment.file(report, "trt_episode").accepted == 0


def test_withdrawn_consent_takes_the_persons_treatment_rows_out_of_old_extracts_too(treatment):
    treatment.identity("treatment", "T5", forename="stays")
    treatment.row("treatment", "trt_client", agency_person="T5", consent="true", basis="legal_duty")
    treatment.row("treatment", "trt_episode", agency_person="T5", episode_id="episodeT5")
    treatment.read()
    treatment.link()
    treatment.cut = treatment.cut.replace(month=10, day=1)
    treatment.tables["treatment"]["trt_client"][0]["consent"] = "false"
    report = treatment.read()
    assert treatment.file(report, "trt_episode").accepted == 1
    treatment.link()
    linked = treatment.linked()
    assert linked.tables["trt_episode"]["episode_id"].tolist() == ["episodeT5"]
    assert len(linked.known["treatment"]) == 1
    held = pd.concat(pd.read_parquet(path) for path in treatment.workspace.store.rglob("data/**/*.parquet"))
    assert "T1" not in set(held["agency_person"]) and "T5" in set(held["agency_person"])
    with sqlite3.connect(treatment.workspace.vault) as vault:
        assert vault.execute("select count(*) from identity where agency_person = 'T1'").fetchone() == (0,)
    assert treatment.store.verify() == []


def test_withdrawal_alone_ends_the_use_of_episodes_that_were_not_sent_again(treatment):
    treatment.read()
    treatment.cut = treatment.cut.replace(month=10, day=1)
    clients = treatment.tables["treatment"]["trt_client"]
    clients[0]["consent"] = "false"
    treatment.tables["treatment"] = {"trt_client": clients}
    treatment.read()
    treatment.identity("police", "N1")
    treatment.tables.pop("treatment")
    treatment.read(folder=treatment.folder("police"))
    treatment.link()
    assert treatment.linked().known.get("treatment", frozenset()) == frozenset()
    assert treatment.linked().tables["trt_episode"].empty


def test_a_withdrawal_holds_even_where_the_reading_was_killed_before_the_vault_forgot(treatment, monkeypatch):
    treatment.read()
    treatment.cut = treatment.cut.replace(month=10, day=1)
    treatment.tables["treatment"]["trt_client"][0]["consent"] = "false"
    treatment.tables["treatment"] = {"trt_client": treatment.tables["treatment"]["trt_client"]}
    treatment.identity("police", "N1")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("desist.intake.holding.vault.Vault.erase_numbers", killed)
        with pytest.raises(KeyboardInterrupt):
            treatment.read()
    treatment.link()
    assert treatment.linked().known.get("treatment", frozenset()) == frozenset()
    assert treatment.linked().tables["trt_episode"].empty


def test_treatment_without_its_client_table_is_refused(partnership, refusal):
    partnership.identity("treatment", "T1")
    assert "no table trt_client" in refusal(partnership.read)


@pytest.mark.parametrize(
    "cells", [{"recorded_on": "2027-01-01"}, {"subject_category": "victim"}, {"subject_category": ""}]
)
def test_a_client_row_that_is_no_consent_yet_or_of_somebody_else_lets_no_episode_in(treatment, cells):
    treatment.tables["treatment"]["trt_client"][0] |= cells
    report = treatment.read()
    assert {treatment.file(report, table).accepted for table in ("identity", "trt_client", "trt_episode")} == {0}
    assert nowhere(treatment, "episodeT1") and nowhere(treatment, "initialT1")


def test_a_client_row_with_a_slip_ends_no_consent_that_was_given_before(treatment):
    treatment.read()
    treatment.cut = treatment.cut.replace(month=10, day=1)
    treatment.tables["treatment"]["trt_client"][0]["recorded_on"] = "2027-01-01"
    treatment.read()
    assert in_vault(treatment, "T1") == 1  # in the extract before


def test_a_fault_in_a_client_row_that_says_nothing_of_consent_waits_alone(treatment):
    treatment.tables["treatment"]["trt_client"][0]["substance_group"] = "nonsense"
    report = treatment.read()
    assert [treatment.file(report, table).accepted for table in ("identity", "trt_client", "trt_episode")] == [1, 0, 1]


@pytest.fixture
def killed_before_the_vault_forgot(treatment, monkeypatch):
    """T1 withdrew; the store has switched to the snapshot without T1, and the vault was not asked any more."""
    treatment.read()
    treatment.cut = treatment.cut.replace(month=10, day=1)
    treatment.tables["treatment"]["trt_client"][0]["consent"] = "false"

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("desist.intake.holding.vault.Vault.erase_numbers", killed)
        with pytest.raises(KeyboardInterrupt):
            treatment.read()
    assert in_vault(treatment, "T1")
    return treatment


def key_map(partnership):
    with sqlite3.connect(partnership.workspace.equality) as equality:
        return set(equality.execute("select source, agency_person from key_map"))


def test_the_equality_store_forgets_whose_number_it_was_as_soon_as_the_withdrawal_is_read(treatment):
    treatment.identity("treatment", "T5")
    treatment.row("treatment", "trt_client", agency_person="T5", consent="true", basis="legal_duty")
    treatment.identity("police", "T1")  # the same number, of another agency
    treatment.read()
    treatment.link()
    assert key_map(treatment) == {("treatment", "T1"), ("treatment", "T5"), ("police", "T1")}
    treatment.cut = treatment.cut.replace(month=10, day=1)
    treatment.tables["treatment"]["trt_client"][0]["consent"] = "false"
    treatment.read()
    assert key_map(treatment) == {("treatment", "T5"), ("police", "T1")}


def in_vault(partnership, number):
    with sqlite3.connect(partnership.workspace.vault) as vault:
        return vault.execute("select count(*) from identity where agency_person = ?", (number,)).fetchone()[0]


def test_who_withdrew_before_a_kill_leaves_the_vault_at_the_next_reading(killed_before_the_vault_forgot):
    treatment = killed_before_the_vault_forgot
    assert treatment.read().unchanged and not in_vault(treatment, "T1")
    assert not list(treatment.workspace.store.glob("ended*"))


def test_who_withdrew_before_a_kill_leaves_the_vault_at_the_next_linking(killed_before_the_vault_forgot):
    killed_before_the_vault_forgot.identity("police", "N1")
    del killed_before_the_vault_forgot.tables["treatment"]
    with pytest.raises(Refused, match="nobody to link"):
        killed_before_the_vault_forgot.link()
    assert not in_vault(killed_before_the_vault_forgot, "T1")


def test_a_withdrawal_whose_reading_was_killed_before_the_switch_takes_nobody_out(treatment, monkeypatch):
    treatment.read()
    treatment.cut = treatment.cut.replace(month=10, day=1)
    treatment.tables["treatment"]["trt_client"][0]["consent"] = "false"
    before = treatment.store.snapshot_hash()

    def switch(path, value):
        if path.name == "current.json":
            raise KeyboardInterrupt
        write_json(path, value)

    with monkeypatch.context() as patch:
        patch.setattr("desist.intake.holding.store.write_json", switch)
        with pytest.raises(KeyboardInterrupt):
            treatment.read()
    treatment.link()
    assert in_vault(treatment, "T1") and treatment.store.snapshot_hash() == before
    assert not list(treatment.workspace.store.glob("ended*"))
