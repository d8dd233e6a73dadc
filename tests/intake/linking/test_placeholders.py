"""What stands for "unknown" is no fact: strangers who share it share nothing (LNK-1)."""

import pytest

from desist.intake.linking.join import join
from desist.intake.linking.placeholders import STANDS_FOR_UNKNOWN, is_no_name, is_no_number, is_no_place

#: Names that nobody could take for one another.
FOUR = [("Ada", "Abel"), ("Zeno", "Otherwise"), ("Mohammed", "Khan"), ("Grace", "Lee")]


@pytest.mark.parametrize(
    "name", ["Unknown", "NOT KNOWN", "N/K", "Baby of", "Test", "X", "xxx", "--", "Mr", "Unknown  unknown", "FNU"]
)
def test_what_stands_for_a_name_is_none(name):
    assert is_no_name(name) or all(is_no_name(word) for word in name.split())


@pytest.mark.parametrize("name", ["Ada", "Testa", "Oo", "Babyak", "Knox", "Q", "Mohammed Unknown", "Lee"])
def test_a_name_is_a_name(name):
    assert not is_no_name(name)


def test_places_and_numbers_that_are_none():
    assert all(map(is_no_place, ("NFA", "ZZ99 3VZ", "zz99 3wz", "No fixed abode", "X", "XX1 1XX")))
    assert not any(map(is_no_place, ("ZZ9 9XY", "ZZ9 9ZA", "SW1A 1AA")))
    assert all(map(is_no_number, ("A0000AA", "X000000", "X111111", "1111111111", "2000/0000000N", "0/00Z")))
    assert not any(map(is_no_number, ("A1111AA", "X100001", "1899/0000001H", "A1234AA", "111112/99A")))


@pytest.mark.parametrize("shared", [{"prison_number": "A0000AA"}, {"crn": "X111111"}])
@pytest.mark.parametrize("dob", ["1900-01-01", "1970-01-01"])
def test_strangers_with_a_placeholder_for_a_number_and_a_birth_date_stay_strangers(made_table, shared, dob):
    rows = [{"source": "prison", "agency_person": f"A{n}", "dob": dob} | shared for n in range(4)]
    joined = join(made_table(rows))
    assert joined.records["cluster"].is_unique and joined.queue.empty and joined.records["confirmed"].all()
    assert (joined.unmatched["reason"] == STANDS_FOR_UNKNOWN).sum() == 8


@pytest.mark.parametrize("cells", [
    {"forename": "Unknown", "surname": "Unknown", "dob": "1988-03-07", "postcode": "ZZ1 4AB"},
    {"forename": "Not", "surname": "Known", "dob": "1988-03-07", "postcode": "NFA"},
    {"forename": "Barnabas", "surname": "Thistlewood", "dob": "1900-01-01", "postcode": "ZZ7 7AA"},
])  # fmt: skip
def test_an_unknown_name_or_birth_date_makes_nobody_one_person(made_table, cells):
    assert not one(made_table, cells, cells)


def test_no_fixed_abode_is_no_shared_address(made_table):
    cells = {"forename": "Quentina", "surname": "Fotheringay", "dob": "1988-03-07", "postcode": "ZZ1 4AB"}
    married = cells | {"surname": "Wintersgill"}
    assert one(made_table, cells, married)
    assert not one(made_table, cells | {"postcode": "ZZ99 3VZ"}, married | {"postcode": "ZZ99 3VZ"})


def one(made_table, *ends):
    rows = [{"source": source} | {"agency_person": "N1"} | cells
            for source, cells in zip(("police", "council"), ends, strict=True)]  # fmt: skip
    return join(made_table(rows)).records["cluster"].nunique() == 1
