"""Who is who: exact identifiers, birth dates that contradict, ids that stay (REQUIREMENTS LNK-1, INT-8)."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.intake.linking.join import join
from desist.intake.rights.person import numbers_of
from desist.intake.terms.contracts import IDENTIFIERS
from desist.records.errors import Refused
from tests.intake.linkage_kit import ids, rows


def test_people_are_one_across_agencies_where_they_share_an_exact_identifier(agencies):
    agencies.read()
    report = agencies.link()
    found = ids(agencies)
    assert found["P1"] == found["N1"] == found["A1"] == found["C1"] == found["T1"]
    assert len(set(found.values())) == report.people == 3
    assert (report.records, report.new_people, report.unconfirmed) == (7, 3, 0)


def test_every_link_has_its_method_and_weight(agencies):
    agencies.read()
    agencies.link()
    found = rows(agencies)
    assert found["P1"] == ["pnc+crn+prison_number", 1.0, True]
    assert found["N1"] == ["pnc", 1.0, True]
    assert found["P2"] == ["own record", 1.0, True]


def test_a_missing_birth_date_links_with_less_weight(partnership):
    partnership.identity("probation", "P1", crn="X100001")
    partnership.identity("council", "C1", crn="X100001", dob="")
    partnership.read()
    partnership.link()
    assert rows(partnership)["C1"] == ["crn", 0.9, True]


def test_a_corrupted_check_letter_links_nobody_and_waits_in_the_unmatched_queue(partnership, pnc):
    good = pnc(1)
    bad = good[:-1] + ("A" if good[-1] != "A" else "B")
    partnership.identity("probation", "P1", pnc=bad, crn="X100001")
    partnership.identity("police", "N1", pnc=bad)
    partnership.identity("council", "C1", crn="X100001")
    partnership.read()
    report = partnership.link()
    found = ids(partnership)
    assert found["P1"] != found["N1"] and found["P1"] == found["C1"]
    assert partnership.vault.unmatched().to_dict("records") == [
        {"source": "police", "agency_person": "N1", "identifier": "pnc", "reason": "wrong form or check letter"},
        {"source": "probation", "agency_person": "P1", "identifier": "pnc", "reason": "wrong form or check letter"},
    ]
    assert report.unmatched == {"pnc: wrong form or check letter": 2}
    assert bad not in report.as_text()


def test_a_record_without_any_identifier_that_links_waits_in_the_queue_too(partnership):
    partnership.identity("treatment", "T1", nhs_number="9434765919")
    partnership.row("treatment", "trt_client", agency_person="T1", consent="true", basis="consent")
    partnership.read()
    assert partnership.link().unmatched == {"none: no identifier that links": 1}


def test_an_identifier_shared_by_people_born_on_different_days_merges_nobody(partnership, pnc):
    partnership.identity("probation", "P1", pnc=pnc(1), crn="X100001", dob="1990-05-17")
    partnership.identity("police", "N1", pnc=pnc(1), dob="1980-01-01")
    partnership.identity("council", "C1", crn="X100001", dob="1990-05-17")
    partnership.row("police", "pol_sanction", agency_person="N1", offence_code="04600", sanction_date="2025-03-02",
                    sanction_type="conviction")  # fmt: skip
    partnership.read()
    report = partnership.link()
    found = ids(partnership)
    assert found["P1"] == found["C1"] != found["N1"]
    assert rows(partnership)["P1"] == ["crn", 0.0, False]
    assert report.unconfirmed == 2
    assert partnership.linked().unconfirmed == {found["P1"], found["N1"]}
    assert set(partnership.vault.unmatched()["reason"]) == {"shared by people with different birth dates or names"}


def test_two_birth_dates_that_meet_by_way_of_a_record_without_one_merge_nobody(partnership, pnc):
    partnership.identity("probation", "P1", pnc=pnc(1), crn="X100001", dob="")
    partnership.identity("police", "N1", pnc=pnc(1), dob="1980-01-01")
    partnership.identity("council", "C1", crn="X100001", dob="1990-05-17")
    partnership.read()
    partnership.link()
    assert len(set(ids(partnership).values())) == 3
    assert [found[2] for found in rows(partnership).values()] == [False] * 3


def test_a_pseudonym_needs_the_key(agencies, tmp_path):
    agencies.read()
    agencies.link(key=b"one")
    other = type(agencies)(tmp_path / "other")
    other.tables = agencies.tables
    other.read()
    other.link(key=b"two")
    assert not set(ids(agencies).values()) & set(ids(other).values())


def test_linking_again_changes_nothing(agencies):
    agencies.read()
    agencies.link()
    before = {name: data for name, data in agencies.content().items() if not name.endswith(".db")}
    first = ids(agencies)
    report = agencies.link()
    assert ids(agencies) == first
    assert (report.new_people, report.merged, report.split) == (0, 0, 0)
    assert {name: data for name, data in agencies.content().items() if not name.endswith(".db")} == before


def test_a_person_keeps_their_id_in_a_later_extract_that_finds_them_elsewhere_too(partnership, pnc):
    partnership.identity("police", "N1", pnc=pnc(1)).read()
    partnership.link()
    before = ids(partnership)["N1"]
    partnership.identity("probation", "P1", pnc=pnc(1)).read()
    partnership.link()
    assert ids(partnership) == {"N1": before, "P1": before}


def test_a_merge_keeps_the_first_id_and_a_split_gives_the_second_record_a_new_one(partnership, pnc):
    partnership.identity("probation", "P1", pnc=pnc(1))
    partnership.identity("police", "N1", pnc=pnc(2))
    partnership.read()
    partnership.link()
    apart = ids(partnership)
    partnership.tables["police"]["identity"][0]["pnc"] = pnc(1)
    partnership.read()
    assert partnership.link().merged == 1
    assert set(ids(partnership).values()) == {apart["P1"]}
    partnership.tables["police"]["identity"][0]["pnc"] = pnc(2)
    partnership.read()
    assert partnership.link().split == 1
    assert ids(partnership) == apart


def test_an_id_that_the_other_half_of_a_split_keeps_is_not_given_twice(partnership, pnc):
    partnership.identity("police", "N1", pnc=pnc(1)).read()
    partnership.link()
    partnership.identity("probation", "P1", pnc=pnc(1)).read()
    partnership.link()
    partnership.tables["probation"]["identity"][0]["pnc"] = pnc(2)
    partnership.read()
    partnership.link()
    assert len(set(ids(partnership).values())) == 2


def test_new_extracts_must_be_linked_before_they_are_read_by_person(agencies):
    with pytest.raises(Refused, match="Run `desist intake` first"):
        agencies.link()
    agencies.read()
    with pytest.raises(Refused, match="Run `desist link`"):
        agencies.linked()
    agencies.link()
    agencies.linked()
    agencies.identity("police", "N9").read()
    with pytest.raises(Refused, match="Run `desist link`"):
        agencies.linked()


@pytest.mark.parametrize("step", ["hand_key_map", "write_key_map", "write_links"])
def test_a_linking_that_is_killed_is_not_used_until_it_has_been_done_again(agencies, monkeypatch, step):
    agencies.read()
    agencies.link()
    first = ids(agencies)
    owner = {"hand_key_map": "equality_writer.EqualityWriter", "write_key_map": "vault.Vault",
             "write_links": "store.Store"}[step]  # fmt: skip

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"desist.intake.holding.{owner}.{step}", killed)
        with pytest.raises(KeyboardInterrupt):
            agencies.link()
    with pytest.raises(Refused, match="Run `desist link`"):
        agencies.linked()
    agencies.link()
    assert ids(agencies) == first


def test_linked_tables_are_by_person_and_hold_every_row_once(agencies):
    for number, code in (("N1", "04600"), ("N2", "10501"), ("N1", "05401")):
        agencies.row("police", "pol_sanction", agency_person=number, offence_code=code, sanction_date="2025-03-02",
                     sanction_type="conviction")  # fmt: skip
    agencies.read()
    agencies.link()
    linked, found = agencies.linked(), ids(agencies)
    sanctions = linked.tables["pol_sanction"]
    assert "agency_person" not in sanctions and "agency_person" in agencies.store.read("pol_sanction")
    pairs = sorted(zip(sanctions["person_id"], sanctions["offence_code"], strict=True))
    assert pairs == sorted([(found["N1"], "04600"), (found["N2"], "10501"), (found["N1"], "05401")])
    assert sanctions["person_id"].is_monotonic_increasing
    assert not {"identity", "equality"} & set(linked.tables)
    assert linked.known["police"] == {found["N1"], found["N2"]}
    assert linked.known["prison"] == {found["A1"]}
    assert linked.snapshots == dict.fromkeys(("probation", "police", "prison", "council", "treatment"), agencies.cut)
    assert linked.made_up and linked.left_out == {}


def test_a_source_that_sent_nothing_is_not_among_the_known(probation):
    probation.read()
    probation.link()
    assert set(probation.linked().known) == {"probation"}


def test_rows_of_somebody_the_agency_no_longer_names_are_left_out_and_counted(partnership):
    for number in ("N1", "N2"):
        partnership.identity("police", number)
        partnership.row("police", "pol_sanction", agency_person=number, offence_code="04600",
                        sanction_date="2025-03-02", sanction_type="conviction")  # fmt: skip
    partnership.read()
    partnership.tables["police"] = {"identity": partnership.tables["police"]["identity"][:1]}
    partnership.read()
    partnership.link()
    linked = partnership.linked()
    assert len(linked.tables["pol_sanction"]) == 1 and linked.left_out == {"pol_sanction": 1}


def test_the_log_notes_a_combination_with_counts(agencies):
    agencies.read()
    agencies.link()
    event = agencies.log.rows()[-1]
    assert (event["operation"], event["counts"]) == ("data.combined", '{"people":3,"records":7}')


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["X100001", "X100002", None]), st.sampled_from(["A1111AA", "A2222AA", None]),
                  st.sampled_from(["1990-01-01", "1980-01-01", None])),
        min_size=1, max_size=9,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_nobody_is_merged_across_birth_dates_and_order_does_not_matter(records, shuffler):
    def clusters(order):
        cells = [
            dict.fromkeys(IDENTIFIERS) | dict(zip(("crn", "prison_number", "dob"), records[place], strict=True))
            for place in order
        ]
        people = pd.DataFrame(cells, columns=[*IDENTIFIERS, "dob"], dtype="str")
        people["source"], people["agency_person"] = "probation", [f"P{place}" for place in order]
        joined, _ = join(people)
        joined["dob"] = people["dob"]
        assert (joined.groupby("cluster")["dob"].nunique() <= 1).all()
        assert len(joined) == len(records)
        return {frozenset(group) for group in joined.groupby("cluster")["agency_person"].agg(list)}

    order = list(range(len(records)))
    shuffled = order.copy()
    shuffler.shuffle(shuffled)
    assert clusters(order) == clusters(shuffled)


# --- numbers given again, merge and split


def test_numbers_that_an_agency_gives_to_other_people_make_other_people(partnership):
    names = [("Ada", "Abel"), ("Zeno", "Otherwise"), ("Mohammed", "Khan")]
    for place, (forename, surname) in enumerate(names):
        partnership.identity("police", f"N{place}", forename=forename, surname=surname, dob=f"198{place}-02-03")
    partnership.read()
    partnership.link()
    before = ids(partnership)
    held = partnership.tables["police"]["identity"]
    numbers = [row["agency_person"] for row in held]
    for row, number in zip(held, [*numbers[1:], numbers[0]], strict=True):
        row["agency_person"] = number
    partnership.read()
    assert partnership.link().given_again == 3 and not set(before.values()) & set(ids(partnership).values())


def test_who_is_not_sent_for_a_quarter_comes_back_with_their_id_and_can_be_erased_meanwhile(partnership, pnc):
    partnership.cut = partnership.cut.replace(month=9, day=1)
    partnership.identity("police", "N1", pnc=pnc(1)).read()
    partnership.link()
    partnership.identity("probation", "P1", pnc=pnc(1)).read()
    partnership.link()
    before = ids(partnership)
    sent = {source: tables["identity"] for source, tables in partnership.tables.items()}
    for source, number in (("police", "N8"), ("probation", "P8")):
        partnership.tables[source]["identity"] = [sent[source][0] | {"agency_person": number, "pnc": ""}]
    partnership.cut = partnership.cut.replace(day=2)
    partnership.read()
    partnership.link()
    assert set(ids(partnership)) == {"N8", "P8"} and not set(before.values()) & set(ids(partnership).values())
    assert numbers_of(partnership.vault, before["P1"]) == {"police": ["N1"], "probation": ["P1"]}
    for source, rows_sent in sent.items():
        partnership.tables[source]["identity"] = rows_sent
    partnership.cut = partnership.cut.replace(day=3)
    partnership.read()
    partnership.link()
    assert ids(partnership) == before
    assert partnership.vault.erase(before["P1"]) and numbers_of(partnership.vault, before["P1"]) == {}


def test_a_merge_and_a_split_are_noted_for_each_person_and_nobody_else(partnership, pnc):
    partnership.identity("probation", "P1", pnc=pnc(1)).identity("probation", "P2", pnc=pnc(7))
    partnership.identity("police", "N1", pnc=pnc(2))
    partnership.read()
    assert partnership.link().reissued == ()
    apart = ids(partnership)
    partnership.tables["police"]["identity"][0]["pnc"] = pnc(1)
    partnership.read()
    report = partnership.link()
    assert {person.person_id: (person.reason, person.before, person.now) for person in report.reissued} == {
        apart["P1"]: ("merge", 1, 2), apart["N1"]: ("merge", 1, 0),
    }  # fmt: skip
    noted = [row for row in partnership.log.rows() if row["operation"] == "person.reissued"]
    assert {row["subject"] for row in noted} == {partnership.log.subject_ref(apart[name]) for name in ("P1", "N1")}
    assert {row["reason"] for row in noted} == {"merge"} and apart["P1"] not in str(noted)
    partnership.link()
    assert len([row for row in partnership.log.rows() if row["operation"] == "person.reissued"]) == 2
    partnership.tables["police"]["identity"][0]["pnc"] = pnc(2)
    partnership.read()
    assert {person.reason for person in partnership.link().reissued} == {"split"}


def test_a_linking_that_is_killed_notes_nobody_twice(partnership, pnc, monkeypatch):
    partnership.identity("probation", "P1", pnc=pnc(1)).identity("police", "N1", pnc=pnc(2)).read()
    partnership.link()
    partnership.tables["police"]["identity"][0]["pnc"] = pnc(1)
    partnership.read()

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("desist.intake.linking.run.write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            partnership.link()
    partnership.link()
    assert len([row for row in partnership.log.rows() if row["operation"] == "person.reissued"]) == 2


def test_the_report_says_who_came_back_and_kept_their_id(agencies):
    agencies.read()
    assert agencies.link().returned == 0
    report = agencies.link()
    assert (report.returned, report.kept) == (3, 3)
    agencies.tables["council"]["identity"] = [
        row | {"crn": "X100002"} for row in agencies.tables["council"]["identity"]
    ]  # fmt: skip
    agencies.read()
    report = agencies.link()
    assert (report.returned, report.kept) == (3, 2)


def test_doubt_travels_with_each_person_whose_links_leave_any(partnership):
    partnership.identity("probation", "P1", crn="X100001").identity("probation", "P2", crn="X100002")
    partnership.identity("council", "C1", crn="X100001", dob="").identity("council", "C2", crn="X100002")
    partnership.read()
    partnership.link()
    assert partnership.linked().doubt == {ids(partnership)["P1"]: 0.1}
