"""What vault and equality store say of linked people: ages, names, characteristics, and nothing once erased."""

import sqlite3

import pandas as pd
import pytest

from tests.intake.linkage_kit import ids

# --- birth dates that disagree


def test_somebody_is_adult_only_if_every_birth_date_stated_says_so(partnership):
    numbers = {"crn": "X100001", "prison_number": "A1111AA", "forename": "Ada", "surname": "Madeup"}
    for source, number, dob in (("probation", "P1", "2008-09-01"), ("council", "C1", "2008-09-01"),
                                ("prison", "A1", "2008-10-01")):  # fmt: skip
        partnership.identity(source, number, dob=dob, **numbers)
    partnership.read()
    partnership.link()
    [person] = set(ids(partnership).values())
    vault, day = partnership.vault, pd.Timestamp("2026-09-15").date()
    assert not vault.is_adult([person], day)[person] and vault.age_at([person], day)[person] == 18
    assert vault.is_adult([person], pd.Timestamp("2026-10-01").date())[person]


def test_a_birth_date_on_which_agencies_are_even_is_unknown(partnership):
    partnership.identity("probation", "P1", crn="X100001", dob="1990-05-17", forename="Ada", surname="Madeup")
    partnership.identity("council", "C1", crn="X100001", dob="1990-05-18", forename="Ada", surname="Madeup")
    partnership.read()
    partnership.link()
    [person] = set(ids(partnership).values())
    day = pd.Timestamp("2026-09-15").date()
    assert pd.isna(partnership.vault.age_at([person], day)[person])
    assert partnership.vault.is_adult([person], day)[person]


# --- vault, equality store, erasure


@pytest.mark.parametrize(("on", "adult"), [("2026-10-01", False), ("2026-10-02", True), ("2026-10-03", True)])
def test_somebody_is_adult_from_their_eighteenth_birthday_on(partnership, on, adult):
    partnership.identity("police", "N1", dob="2008-10-02").read()
    partnership.link()
    [person] = ids(partnership).values()
    day = pd.Timestamp(on).date()
    answer = partnership.vault.is_adult([person, "nobody"], day)
    assert answer.to_dict() == {person: adult, "nobody": False}
    assert answer.index.name == "person_id" and answer.dtype == bool
    ages = partnership.vault.age_at([person, "nobody"], day)
    assert ages[person] == (18 if adult else 17) and pd.isna(ages["nobody"])
    own = partnership.vault.ages_on([person, person, "nobody"], [day, None, day])
    assert own.isna().tolist() == [False, True, True] and own.iloc[0] == ages[person]


def test_a_name_comes_from_probation_first_and_is_empty_where_not_held(agencies):
    agencies.tables["probation"]["identity"][0].update(forename="Ada", surname="Madeup")
    agencies.tables["police"]["identity"][0].update(forename="A", surname="Otherwise")
    agencies.tables["police"]["identity"][1].update(forename="Ben", surname="")
    agencies.read()
    agencies.link()
    found = ids(agencies)
    names = agencies.vault.names([found["N2"], found["P1"], "nobody"])
    assert names["name"].tolist() == ["Ben", "Ada Madeup", ""]
    assert names["crn"].tolist() == ["", "X100001", ""]


def test_characteristics_wait_under_agency_numbers_until_linkage_hands_over_the_key_map(probation):
    probation.row("probation", "equality", agency_person="P1", sex="F", ethnicity_self="W1", home_ward="Loxford")
    probation.row("probation", "equality", agency_person="P1", ethnicity_self="W77")
    report = probation.read()
    assert probation.file(report, "equality").quarantined == {"ethnicity_self holds a code that is not on its list": 1}
    equality = sqlite3.connect(probation.workspace.equality)
    assert equality.execute("select count(*) from sent").fetchone() == (0,)
    probation.link()
    assert equality.execute("select source, agency_person, extract_date, recorded_on, sex, ethnicity_self, home_ward "
                            "from sent").fetchall() == [
        ("probation", "P1", "2026-09-30", "2025-03-02", "F", "W1", "Loxford")
    ]  # fmt: skip
    assert equality.execute("select count(*) from incoming").fetchone() == (0,)
    assert equality.execute("select * from key_map").fetchall() == [("probation", "P1", ids(probation)["P1"])]
    equality.close()


def test_erasing_a_person_leaves_nothing_of_them_and_everybody_else(agencies, pnc):
    from desist.intake.holding.equality_writer import EqualityWriter

    agencies.tables["probation"]["identity"][0]["surname"] = "Zzyzx"
    for number in ("P1", "P2"):
        agencies.row("probation", "prob_person", agency_person=number, supervision_status="LICENCE", lao="false")
        agencies.row("probation", "equality", agency_person=number, sex="F", religion=f"faith of {number}")
        agencies.row("probation", "prob_allocation", agency_person=number, worker_id=f"other worker of {number}",
                     team="x" * 201)  # fmt: skip
        agencies.row("probation", "prob_allocation", agency_person=number, worker_id=f"worker of {number}")
    agencies.read()
    agencies.link()
    agencies.cut = agencies.cut.replace(month=10, day=1)
    agencies.read()
    agencies.link()
    person, other = ids(agencies)["P1"], ids(agencies)["P2"]
    places = [agencies.store, EqualityWriter(agencies.workspace.equality), agencies.vault]
    assert [place.name for place in places] == ["store", "equality store", "vault"]
    for place in places:
        held = place.holds(person)
        assert held > 0
        assert place.erase(person) == held
        assert place.holds(person) == 0 and place.holds(other) > 0
    assert agencies.store.verify() == []
    words = agencies.words()
    assert all(f"{word} of P2" in words for word in ("faith", ",worker", "other worker"))
    assert not any(word in words for word in ("Zzyzx", "faith of P1", "worker of P1", person))
    linked = agencies.linked()
    assert linked.tables["prob_allocation"]["worker_id"].tolist() == ["worker of P2"]
    assert person not in linked.known["probation"] and other in linked.known["probation"]
    part = agencies.store.extract("probation", "prob_person")["partitions"][0]
    assert len(part["history"]) == 1 and part["history"][0] != part["sha256"]
    assert agencies.read(write=False).unchanged
