"""Exact identifiers beside names, birth dates that slipped, and what a data steward decides (LNK-1, LNK-3)."""

import time

import pandas as pd
import pytest

from desist.intake.linking.decisions import decided_pairs
from desist.intake.linking.exact import MOST_SHARED, PLACEHOLDER
from desist.intake.linking.join import join

ADA = {"forename": "Ada", "surname": "Madeup", "dob": "1990-05-17"}


def decisions(*rows):
    columns = ["left_source", "left_number", "right_source", "right_number", "decision"]
    return pd.DataFrame(rows, columns=columns, dtype="str")


@pytest.fixture
def found(made_table):
    """join of rows given as (source and number, cells): clusters, the rest of each record, and the queue."""

    def run(*rows, **more):
        people = made_table([
            {"source": name.split(":")[0], "agency_person": name.split(":")[1]} | cells for name, cells in rows
        ])  # fmt: skip
        joined = join(people, **more)
        records = joined.records
        records.index = records["source"] + ":" + records["agency_person"]
        return records, joined

    return run


def one(records, *names):
    return records.loc[list(names), "cluster"].nunique() == 1


@pytest.mark.parametrize("slipped", ["1990-05-18", "1990-17-05", "1990-05-71", "1991-05-17", "1990-11-17"])
def test_a_birth_date_with_one_slip_is_forgiven_where_identifier_and_names_agree(found, slipped):
    records, joined = found(("probation:P1", ADA | {"crn": "X100001"}),
                            ("council:C1", ADA | {"crn": "X100001", "dob": slipped}))  # fmt: skip
    assert one(records, "probation:P1", "council:C1")
    assert records["weight"].tolist() == [0.95, 0.95] and records["doubt"].tolist() == [0.05, 0.05]
    assert records["confirmed"].all() and joined.queue.empty


@pytest.mark.parametrize("other", [
    {"dob": "1990-05-18", "forename": "Winifred"}, {"dob": "1990-05-18", "surname": "Otherwise"},
    {"dob": "1981-08-30"}, {"dob": None, "forename": "Winifred", "surname": "Otherwise"},
    {"dob": "1990-05-18", "forename": None},
    {"dob": "2012-05-17"}, {"dob": "1980-05-17"}, {"dob": "1989-05-17"}, {"dob": "1993-05-17"}, {"dob": "1909-05-17"},
])  # fmt: skip
def test_an_identifier_does_not_join_who_plainly_differ_otherwise_and_a_steward_is_asked(found, other):
    mine = ADA | {"crn": "X100001"}
    records, joined = found(("probation:P1", mine), ("council:C1", mine | other))
    assert not one(records, "probation:P1", "council:C1")
    assert not records["confirmed"].any() and (records["doubt"] == 1).all()
    assert joined.queue["kind"].tolist() == ["conflict"]


def test_an_identifier_and_a_birth_date_shared_under_plainly_different_names_are_a_conflict(found):
    mine = ADA | {"crn": "X100001"}
    records, joined = found(("probation:P1", mine), ("council:C1", mine | {"forename": "Zeno", "surname": "Otherwise"}),
                            ("council:C2", mine))  # fmt: skip
    assert not one(records, "probation:P1", "council:C1") and not records["confirmed"].any()
    assert one(records, "probation:P1", "council:C2")  # who agree are joined all the same
    assert joined.queue["kind"].tolist() == ["conflict"]
    for same in ({"surname": "Married"}, {"forename": "A", "surname": "O"}, {"forename": None, "surname": None},
                 {"forename": "Zeno", "surname": "Otherwise", "aliases": "Madeup"}):  # fmt: skip
        assert one(found(("probation:P1", mine), ("council:C1", mine | same))[0], "probation:P1", "council:C1")


def test_names_that_meet_by_way_of_a_record_without_one_join_nobody(found):
    records, joined = found(
        ("probation:P1", ADA | {"crn": "X100001"}), ("prison:A1", {"dob": "1990-05-17", "prison_number": "A1111AA"}),
        ("council:C1", {"dob": "1990-05-17", "crn": "X100001", "prison_number": "A1111AA"}),
        ("police:N1", ADA | {"forename": "Zeno", "surname": "Otherwise", "prison_number": "A1111AA"}),
    )  # fmt: skip
    assert not one(records, "probation:P1", "police:N1") and not records["confirmed"].any()
    assert "conflict" in set(joined.queue["kind"])


def test_those_who_agree_are_joined_though_a_stranger_has_their_number_too(found):
    records, joined = found(
        ("probation:P1", ADA | {"crn": "X100001"}), ("council:C1", ADA | {"crn": "X100001"}),
        ("council:C2", {"forename": "Zeno", "surname": "Otherwise", "dob": "1970-01-30", "crn": "X100001"}),
    )  # fmt: skip
    assert one(records, "probation:P1", "council:C1") and not one(records, "probation:P1", "council:C2")
    assert not records["confirmed"].any()
    assert len(joined.queue) == 1  # one pair for two people, though two of their records clash


def test_a_person_with_two_pncs_by_way_of_a_crn_is_nobody_until_a_steward_says_so(found, pnc_of):
    rows = [("probation:P1", {"dob": "1990-05-17", "crn": "X100001", "pnc": pnc_of(1)}),
            ("council:C1", {"dob": "1990-05-17", "crn": "X100001", "pnc": pnc_of(2)})]  # fmt: skip
    records, joined = found(*rows)
    assert not one(records, "probation:P1", "council:C1") and not records["confirmed"].any()
    assert joined.queue["kind"].tolist() == ["conflict"]
    decided, again = found(*rows, decisions=decisions(("council", "C1", "probation", "P1", "same")))
    assert one(decided, "probation:P1", "council:C1") and decided["confirmed"].all() and again.queue.empty
    assert decided["method"].tolist() == ["steward+crn", "steward+crn"]


def test_an_identifier_on_too_many_records_stands_for_unknown(found):
    rows = [(f"prison:A{n}", {"prison_number": "A1234AA", "dob": "1990-05-17"}) for n in range(MOST_SHARED + 1)]
    records, joined = found(*rows)
    assert records["cluster"].is_unique and records["confirmed"].all()
    assert set(joined.unmatched["reason"]) == {PLACEHOLDER}
    records, _ = found(*rows[:-1])
    assert records["cluster"].nunique() == 1


# --- decisions


def test_different_outranks_a_shared_identifier_and_same_outranks_everything_else(found):
    rows = [("probation:P1", ADA | {"crn": "X100001"}), ("council:C1", ADA | {"crn": "X100001"}),
            ("police:N1", {"forename": "Zeno", "surname": "Otherwise", "dob": "1970-01-30"})]  # fmt: skip
    records, joined = found(*rows, decisions=decisions(("council", "C1", "probation", "P1", "different"),
                                                       ("police", "N1", "probation", "P1", "same")))  # fmt: skip
    assert not one(records, "probation:P1", "council:C1") and one(records, "probation:P1", "police:N1")
    assert records["confirmed"].all() and joined.queue.empty


def test_different_holds_between_people_and_not_only_between_two_records(found):
    rows = [("probation:P1", ADA | {"crn": "X100001"}), ("council:C1", ADA | {"crn": "X100001"}),
            ("police:N1", ADA | {"pnc": None}), ("prison:A1", ADA)]  # fmt: skip
    told = decisions(("council", "C1", "police", "N1", "different"), ("police", "N1", "prison", "A1", "same"))
    records, _ = found(*rows, decisions=told)
    assert one(records, "probation:P1", "council:C1") and one(records, "police:N1", "prison:A1")
    assert not one(records, "probation:P1", "prison:A1")


def test_decisions_that_contradict_each_other_join_nobody_across_a_different(found):
    told = decisions(("council", "C1", "police", "N1", "same"), ("council", "C1", "probation", "P1", "same"),
                     ("police", "N1", "probation", "P1", "different"))  # fmt: skip
    records, _ = found(("probation:P1", {}), ("council:C1", {}), ("police:N1", {}), decisions=told)
    assert not one(records, "probation:P1", "police:N1")


def test_a_decision_about_a_record_that_is_gone_waits(found):
    records, _ = found(("probation:P1", ADA), decisions=decisions(("council", "C9", "probation", "P1", "same")))
    assert records["method"].tolist() == ["own record"]


def test_decisions_hold_by_way_of_a_record_that_was_not_sent(found):
    rows = [("probation:P1", ADA), ("police:N1", {"forename": "Zeno", "surname": "Otherwise", "dob": "1970-01-30"})]
    told = decisions(("council", "C9", "probation", "P1", "same"), ("council", "C9", "police", "N1", "same"))
    records, joined = found(*rows, decisions=told)
    assert one(records, "probation:P1", "police:N1") and joined.waiting == 2
    told = decisions(("council", "C9", "probation", "P1", "same"), ("council", "C9", "police", "N1", "different"))
    records, joined = found(("probation:P1", ADA | {"crn": "X100001"}), ("police:N1", ADA | {"crn": "X100001"}),
                            decisions=told)  # fmt: skip
    assert not one(records, "probation:P1", "police:N1") and joined.waiting == 2


def test_thousands_of_decisions_are_closed_over_in_one_pass(made_table):
    people = made_table([{"source": source, "agency_person": f"{n:05d}"} for n in range(10_000)
                         for source in ("council", "police")])  # fmt: skip
    told = decisions(*(("council", f"{n:05d}", "police", f"{n:05d}", "same") for n in range(10_000)))
    began = time.process_time()
    assert len(decided_pairs(people, told).same) == 10_000
    assert time.process_time() - began < 5


def test_the_weakest_link_is_what_a_person_is_doubted_by(found):
    records, _ = found(
        ("probation:P1", ADA | {"crn": "X100001", "prison_number": "A1111AA"}),
        ("council:C1", ADA | {"crn": "X100001"}),
        ("prison:A1", {"prison_number": "A1111AA"}),
    )  # fmt: skip
    assert records["weight"].to_dict() == {"probation:P1": 1.0, "council:C1": 1.0, "prison:A1": 0.9}
    assert (records["doubt"] == 0.1).all() and records["confirmed"].all()
