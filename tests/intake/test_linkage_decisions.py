"""The steward's queue and decisions, over re-runs."""

import pytest

from desist.intake.linking import steward
from tests.intake.linkage_kit import ids, rows

ADA = {"dob": "1990-05-17", "forename": "Ada", "surname": "Madeup", "postcode": "ZZ1 1AA"}


@pytest.fixture
def twins(partnership):
    """P1 and N1 are twins as far as anybody can tell; N2 is P2 with a birth date that does not fit."""
    partnership.identity("probation", "P1", crn="X100001", **ADA)
    partnership.identity("police", "N1", **ADA | {"forename": "Winifred"})
    partnership.identity("probation", "P2", crn="X100002", dob="1980-01-01")
    partnership.identity("council", "C2", crn="X100002", dob="1955-12-31")
    partnership.read()
    return partnership


def decide(partnership, pair, decision, reason="agency_confirmed"):
    return steward.decide(partnership.vault, pair, decision, by="a.steward", on=partnership.cut, reason=reason)


def test_pairs_wait_under_numbers_that_stay_theirs(twins):
    report = twins.link()
    queue = twins.vault.link_queue()
    assert queue["number"].tolist() == [1, 2] and report.queue == {"conflict": 1, "review": 1}
    assert queue["kind"].tolist() == ["conflict", "review"]
    assert "Madeup" not in queue.to_csv() and "1955" not in queue.to_csv()
    twins.tables["council"]["identity"][0]["dob"] = "1980-01-01"  # settles the first
    twins.identity("police", "N3", **ADA | {"forename": "Gwendolen"})
    twins.read()
    twins.link()
    queue = twins.vault.link_queue()
    numbers = dict(zip(zip(queue["left_number"], queue["right_number"], strict=True), queue["number"], strict=True))
    assert numbers[("N1", "P1")] == 2 and 1 not in numbers.values() and set(numbers.values()) == {2, 3, 4}


def test_a_stewards_decision_survives_every_rerun(twins):
    twins.link()
    apart = ids(twins)
    assert twins.linked().unconfirmed == {apart["P2"], apart["C2"]}
    decide(twins, steward.asked_about(twins.vault, "1"), "same")
    decide(twins, steward.asked_about(twins.vault, "2"), "same")
    assert twins.vault.link_queue().empty
    for _ in range(2):
        report = twins.link()
        assert ids(twins)["P2"] == ids(twins)["C2"] == apart["P2"] and ids(twins)["P1"] == ids(twins)["N1"]
        assert twins.linked().unconfirmed == frozenset() and report.decisions == {"same": 2}
    twins.cut = twins.cut.replace(month=10, day=1)
    twins.read()
    twins.link()
    assert ids(twins)["P2"] == ids(twins)["C2"] == apart["P2"]
    decide(twins, (("council", "C2"), ("probation", "P2")), "withdrawn", "decided_in_error")
    assert twins.link().split == 1 and ids(twins)["P2"] != ids(twins)["C2"]


def test_a_decision_does_not_hold_once_the_number_names_somebody_else(twins):
    twins.link()
    decide(twins, steward.asked_about(twins.vault, "2"), "same")
    twins.link()
    before = ids(twins)
    assert before["P1"] == before["N1"]
    twins.tables["police"]["identity"][0]["surname"] = "Married"
    twins.read()
    report = twins.link()
    assert ids(twins) == before and (report.outdated, report.given_again) == (0, 0)
    twins.tables["police"]["identity"][0] |= {"forename": "Zeno", "surname": "Otherwise", "dob": "2010-01-30"}
    twins.read()
    report = twins.link()
    found = ids(twins)
    assert found["P1"] == before["P1"] and found["N1"] not in before.values()
    assert (report.outdated, report.given_again) == (1, 1) and report.queue == {"conflict": 1, "review": 1}
    waits = twins.vault.link_queue().set_index("kind").loc["review"]
    assert waits["why"] == "decided on before, and one of the numbers names somebody else now"
    decide(twins, steward.asked_about(twins.vault, str(waits["number"])), "different")
    assert twins.link().outdated == 0 and ids(twins) == found


def test_different_settles_a_conflict_and_both_are_confirmed(twins):
    twins.link()
    decide(twins, steward.asked_about(twins.vault, "council:C2=probation:P2"), "different", "identifier_mistyped")
    report = twins.link()
    assert twins.linked().unconfirmed == frozenset() and report.queue == {"review": 1}
    assert rows(twins)["P2"][1:] == [1.0, True] and ids(twins)["P2"] != ids(twins)["C2"]


def test_a_decision_is_refused_that_contradicts_an_earlier_one_or_gives_no_reason(twins, refusal):
    twins.link()
    first, second = (("police", "N1"), ("probation", "P1")), (("council", "C2"), ("police", "N1"))
    decide(twins, first, "same")
    decide(twins, second, "same")
    assert "contradicts" in refusal(lambda: decide(twins, (("council", "C2"), ("probation", "P1")), "different"))
    assert "agency_confirmed" in refusal(lambda: decide(twins, first, "different", "because"))
    assert "No pair 77" in refusal(lambda: steward.asked_about(twins.vault, "77"))
    assert "not in the linked extracts" in refusal(lambda: steward.asked_about(twins.vault, "police:N1=police:N9"))
    assert "nothing to withdraw" in refusal(lambda: decide(twins, (("police", "N1"), ("probation", "P2")), "withdrawn"))


def test_a_number_that_holds_an_equals_sign_is_named_and_a_decision_about_somebody_gone_withdrawn(twins, refusal):
    twins.identity("police", "N=2", **ADA).read()
    twins.link()
    pair = (("police", "N=2"), ("probation", "P1"))
    assert steward.asked_about(twins.vault, "probation:P1=police:N=2") == pair
    decide(twins, pair, "different")
    twins.tables["police"]["identity"].pop()
    twins.read()
    twins.link()
    decide(twins, steward.asked_about(twins.vault, "police:N=2=probation:P1"), "withdrawn", "decided_in_error")
    assert twins.vault.link_decisions().empty
    for named in ("²", "1=2", "police:N1", "police:=probation:P1", "police:N1=police:N1"):
        assert "Name a pair" in refusal(lambda named=named: steward.asked_about(twins.vault, named))


def test_erasing_a_person_forgets_what_waits_and_what_was_decided_about_them(twins):
    twins.link()
    decide(twins, steward.asked_about(twins.vault, "1"), "same")
    twins.link()
    person, twin = ids(twins)["P2"], ids(twins)["P1"]
    assert twins.vault.holds(person) == 5  # two identity rows, two entries of the key map, one decision
    assert twins.vault.erase(person) == 5 and twins.vault.holds(person) == 0
    assert twins.vault.link_decisions().empty and len(twins.vault.link_queue()) == 1
    assert twins.vault.erase(twin) == 3 and twins.vault.link_queue().empty  # identity, key map and what waited
