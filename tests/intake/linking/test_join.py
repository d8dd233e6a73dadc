"""Which records become one person without an identifier, and which never do (REQUIREMENTS LNK-1, LNK-2)."""

import datetime as dt

import pandas as pd
import pytest

from desist.intake.linking import evidence
from desist.intake.linking.join import join
from desist.intake.linking.settings import LinkageSettings

HOME = {"dob": "1988-03-07", "postcode": "ZZ1 4AB"}
FAR = {"dob": "1988-03-07", "postcode": "ZZ9 9XY"}


def person(forename, surname, place=HOME, **cells):
    return {"forename": forename, "surname": surname} | place | cells


ONE = {
    "equal": (person("Amara", "Okonkwo"), person("Amara", "Okonkwo")),
    "short": (person("Robert", "Umbridge"), person("Bob", "Umbridge", postcode="ZZ1 4AB")),
    "letters": (person("Mohammed", "Hussein"), person("Muhammad", "Husain")),
    "accents": (person("Wojciech", "Łukasik"), person("WOJCIECH", "LUKASIK", FAR)),
    "mover": (person("Oluwaseun", "Adebayo"), person("Oluwaseun", "Adebayo", FAR)),
    "turned": (person("Jacinta", "Verwoerd"), person("Jacinta", "Verwoerd", dob="1988-07-03")),
    "digit": (person("Philippa", "Tanqueray"), person("Philippa", "Tanqueray", dob="1989-03-07")),
    "other names": (
        person("Mohammed", "Thurlow", other_names="Hassan Ali"),
        person("Mohammed", "Thurlow", other_names="Hasan"),
    ),
    "other names round": (
        person("Barnaby", "Mortlake", other_names="Percival"),
        person("Percival", "Mortlake", other_names="Barnaby"),
    ),
    "slip": (person("Grzegorz", "Brzęczyszczyk"), person("Grzegroz", "Brzeczyszczyk")),
    "round": (person("Sandhu", "Navneet"), person("Navneet", "Sandhu")),
    "married": (person("Henrietta", "Fotheringay"), person("Henrietta", "Wintersgill")),
    "alias": (person("Cuthbert", "Ormerod", aliases="Blenkinsop"), person("Cuthbert", "Blenkinsop")),
    "double": (person("Ximena", "Larrazabal-Ibarra"), person("Ximena", "Larrazabal")),
    "mistyped": (person("Leopold", "Quatermain", crn="X123456"), person("Leopold", "Quatermain", crn="X123457")),
}
TWO = {
    "twins": (person("Hassan", "Mukherjee"), person("Hussein", "Mukherjee")),
    "alike": (person("Christopher", "Micklethwaite"), person("Christine", "Micklethwaite")),
    "rhyming": (person("Jayden", "Ravensworth"), person("Kayden", "Ravensworth")),
    "generations": (person("Barnabas", "Thistlewood"), person("Barnabas", "Thistlewood", dob="1961-10-22")),
    "undated": (person("Cordelia", "Hargreave"), person("Cordelia", "Hargreave", dob=None)),
    "namesakes": (person("ada", "abel", {"dob": "1971-01-09", "postcode": "ZZ2 2QQ"}),
                  person("ada", "abel", {"dob": "1999-12-24", "postcode": "ZZ8 1RR"})),
    "initials": (person("Quentin", "Yarborough"), person("Q", "Y")),
    "brothers": (person("Mohammed", "Akinfenwa", other_names="Hassan"),
                 person("Mohammed", "Akinfenwa", other_names="Hussein")),
    "brothers by a digit": (person("Mohammed", "Delacroix", other_names="Hasan", dob="1987-03-07"),
                            person("Mohammed", "Delacroix", other_names="Hussain", dob="1988-03-07")),
    "ten years": (person("Ignacio", "Fairweather"), person("Ignacio", "Fairweather", dob="1978-03-07")),
    "new year": (person("Serafina", "Holloway", dob="1988-01-01"), person("Serafina", "Holloway", dob="1989-01-01")),
}  # fmt: skip


@pytest.fixture(scope="module")
def town(cases_of, pnc_of):
    numbered = {
        "numbers": (person("Isadora", "Penhaligon", pnc=pnc_of(1)), person("Isadora", "Penhaligon", pnc=pnc_of(2))),
        "crns": (person("Ignatius", "Wolstenholme", crn="X111112"), person("Ignatius", "Wolstenholme", crn="X999998")),
        "numbered twins": (person("Hassan", "Vandermeer", pnc=pnc_of(3)), person("Husna", "Vandermeer", pnc=pnc_of(4))),
    }
    return cases_of(ONE | TWO | numbered)


@pytest.mark.parametrize("name", ONE)
def test_the_same_person_is_found_without_an_identifier(town, name):
    assert town.one(name)
    rows = town.rows.loc[[f"{name}-0", f"{name}-1"]]
    assert (rows["method"] == "model").all() and rows["confirmed"].all()
    assert ((rows["weight"] >= 0.99) & (rows["weight"] < 1)).all()
    assert (rows["doubt"] == (1 - rows["weight"]).round(6)).all()
    assert town.waits(name) == []


@pytest.mark.parametrize("name", TWO)
def test_what_two_people_may_share_never_joins_them(town, name):
    assert not town.one(name)


@pytest.mark.parametrize(("name", "waits"), [
    ("twins", ["review"]), ("rhyming", ["review"]), ("alike", ["review"]), ("undated", ["review"]),
    ("numbers", ["review"]),
    ("brothers", ["review"]), ("brothers by a digit", ["review"]), ("ten years", ["review"]), ("new year", ["review"]),
    ("crns", ["review"]), ("numbered twins", []), ("namesakes", []), ("initials", ["initials"]),
])  # fmt: skip
def test_who_may_be_one_person_waits_for_a_steward_and_who_plainly_is_not_does_not(town, name, waits):
    assert town.waits(name) == waits


def test_two_different_identifiers_are_never_one_person_however_alike_the_rest(town):
    assert not town.one("numbers") and not town.one("crns")


def test_strangers_stay_apart(town):
    strangers = town.rows[town.rows.index.str.match("^[YZ]")]
    assert strangers["cluster"].is_unique and (strangers["method"] == "own record").all()


def test_a_short_form_that_fits_both_twins_makes_no_chain_of_them(cases_of):
    chris = [person(name, "Micklethwaite", FAR) for name in ("Christopher", "Chris", "Christine")]
    found = cases_of({"chain": chris})
    assert not found.one("chain", 0, 2) and "review" in found.waits("chain")


def test_what_is_learned_from_enough_records_weighs_equal_names_up_and_others_down(cases_of, monkeypatch):
    monkeypatch.setattr("desist.intake.linking.model.LEAST_TO_LEARN", 100)
    monkeypatch.setattr("desist.intake.linking.model.RANDOM_PAIRS", 20_000)
    first, again = (cases_of(ONE | TWO) for _ in range(2))
    assert first.joined.model.trained
    weights = {(level["evidence"], level["level"]): level["weight"] for level in first.joined.model.levels}
    for kind in ("forename", "surname", "birth date", "postcode"):
        assert weights[(kind, "equal")] > 3 and weights[(kind, "other")] < 0
    pd.testing.assert_frame_equal(first.joined.records, again.joined.records)
    pd.testing.assert_frame_equal(first.joined.queue, again.joined.queue)


def test_two_brothers_are_not_one_by_way_of_a_record_that_states_no_other_name(cases_of):
    three = [person("Mohammed", "Akinfenwa", other_names=name) for name in ("Hassan", None, "Hussein")]
    found = cases_of({"chain": three})
    assert not found.one("chain", 0, 2) and "review" in found.waits("chain")


@pytest.mark.parametrize(("born", "one"), [("2009-03-07", False), ("2007-03-07", True)])
def test_without_an_identifier_no_slip_in_a_birth_date_makes_a_child_an_adult(made_table, born, one):
    ends = [person("Amara", "Okonkwo", dob="2008-03-07"), person("Amara", "Okonkwo", dob=born)]
    rows = [{"source": source, "agency_person": "N1"} | cells
            for source, cells in zip(("police", "council"), ends, strict=True)]  # fmt: skip
    found = join(made_table(rows), on=dt.date(2026, 9, 30))  # who was born in 2008 is eighteen
    assert (found.records["cluster"].nunique() == 1) == one == found.queue.empty
    by_number = join(made_table([row | {"crn": "X100001"} for row in rows]), on=dt.date(2026, 9, 30))
    assert by_number.records["cluster"].nunique() == 1  # and is a child until every agency says otherwise: is_adult


def test_initials_that_fit_two_people_are_nobodys(cases_of):
    found = cases_of({"two": (person("Quentin", "Yarborough"), person("Q", "Y"), person("Quasim", "Yilmaz", FAR))})
    assert found.waits("two") == [] and len(set(found.rows.loc[["two-0", "two-1", "two-2"], "cluster"])) == 3
    assert "initials and a birth date alone never link" in set(found.joined.unmatched["reason"])


def test_neither_sex_nor_anything_else_that_is_protected_is_compared(cases_of, made_table):
    compared = " ".join(
        [str(block) for block in evidence.BLOCKS.values()]
        + list(evidence.TRAINING.values())
        + [level.when + comparison.missing for comparison in evidence.COMPARISONS for level in comparison.levels]
    )
    assert not any(word in compared for word in ("sex", "ethnic", "religion", "nationality", "disab"))
    people = made_table([
        {"source": "police", "agency_person": "N1", "sex": "M"} | person("Amara", "Okonkwo"),
        {"source": "council", "agency_person": "C1", "sex": "F"} | person("Amara", "Okonkwo"),
    ])  # fmt: skip
    one, other = join(people), join(people.assign(sex=["F", "M"]))
    pd.testing.assert_frame_equal(one.records, other.records)
    pd.testing.assert_frame_equal(one.queue, other.queue)


def test_the_order_of_the_rows_changes_nobody(town):
    shuffled = town.people.sample(frac=1, random_state=3)
    again = join(shuffled).records.sort_values(["source", "agency_person"], ignore_index=True)
    first = town.joined.records.sort_values(["source", "agency_person"], ignore_index=True)
    pd.testing.assert_frame_equal(again.drop(columns="cluster"), first.drop(columns="cluster"))
    assert (again.groupby("cluster").ngroup() == first.groupby("cluster").ngroup()).all()


def test_linking_again_what_did_not_change_tells_the_very_same(cases_of):
    """Also how each record was linked: a run is known again by what it rests on."""
    home = person("Oluwaseun", "Adebayo", crn="X123456")
    moved = person("Oluwaseun", "Adebayo", FAR)
    three = cases_of({"three": (home | {"postcode": FAR["postcode"]}, moved, home)})
    chances = three.rows.loc[["three-0", "three-1", "three-2"], "weight"]
    strict = LinkageSettings(join=float(chances["three-1"]) - 1e-7, split=0.5, review=0.5)
    first = join(three.people, strict).records
    assert first["method"].tolist()[-3:] == ["crn+model", "model", "crn"]
    before = first.assign(person_id=first["cluster"].astype(str))[["source", "agency_person", "person_id"]]
    pd.testing.assert_frame_equal(join(three.people, strict, before=before).records, first)


# --- thresholds: three cases of LNK-2, and hysteresis


def test_below_the_threshold_they_wait_and_who_was_one_person_before_stays_one(cases_of):
    case = {"mover": ONE["mover"]}
    strict = LinkageSettings(join=0.999999, split=0.8, score=0.9)
    apart = cases_of(case, settings=strict)
    assert not apart.one("mover") and apart.waits("mover") == ["review"]
    before = pd.DataFrame({"source": ["probation", "council"], "agency_person": ["mover-0", "mover-1"],
                           "person_id": ["p1", "p1"]})  # fmt: skip
    kept = cases_of(case, settings=strict, before=before)
    assert kept.one("mover") and kept.waits("mover") == []
    split = cases_of(case, settings=LinkageSettings(join=0.999999, split=0.999999, score=0.9), before=before)
    assert not split.one("mover")
    apart_before = cases_of(case, settings=strict, before=before.assign(person_id=["p1", "p2"]))
    assert not apart_before.one("mover")


def test_a_person_held_together_by_less_than_what_may_be_scored_is_unconfirmed(cases_of):
    found = cases_of({"mover": ONE["mover"]}, settings=LinkageSettings(join=0.9, split=0.8, score=0.9))
    assert found.rows.loc["mover-0", "confirmed"]
    weight = found.rows.loc["mover-0", "weight"]
    doubtful = cases_of({"mover": ONE["mover"]}, settings=LinkageSettings(join=0.999999, split=0.8, score=0.999999),
                        before=pd.DataFrame({"source": ["probation", "council"], "person_id": ["p1", "p1"],
                                             "agency_person": ["mover-0", "mover-1"]}))  # fmt: skip
    assert doubtful.one("mover") and weight < 0.999999
    assert not doubtful.rows.loc[["mover-0", "mover-1"], "confirmed"].any()


@pytest.mark.parametrize("values", [
    {"join": 1.0}, {"join": 0.7, "split": 0.8}, {"review": 0.9, "split": 0.8}, {"score": 0.999}, {"review": 0.0},
])  # fmt: skip
def test_thresholds_that_make_no_sense_are_refused(values):
    with pytest.raises(ValueError, match="linkage"):
        LinkageSettings(**values)
