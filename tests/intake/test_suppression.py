"""Who was erased is known again by number, identifier, or name with birth date; a namesake is not."""

import datetime as dt

import pyarrow as pa
import pytest

from desist.intake.rights.register import Rights
from desist.intake.rights.suppression import ErasedPeople, name_and_birth
from desist.records.errors import Refused

KEY = b"a made-up key"
DAY = dt.date(2026, 10, 1)


@pytest.fixture
def erased(tmp_path, pnc):
    """A function that keeps out one person: PNC 1, Ada Madeup, born 1990-05-17, number P1 of probation."""
    rights = Rights(tmp_path / "rights.db")
    marks = ErasedPeople(rights, KEY)
    row = {"pnc": pnc(1), "forename": "Ada", "surname": "Madeup", "dob": "1990-05-17"}
    tokens = marks.tokens_of(row) | {marks.number_token("probation", "P1"): "number:probation"}
    rights.write_tokens(tokens, person="a", key_mark=marks.key_mark, made_on=DAY, receipt="r")
    return ErasedPeople(rights, KEY)


def barred(erased, source, **cells):
    names = ("agency_person", "pnc", "crn", "forename", "surname", "dob")
    table = pa.table({name: pa.array([cells.get(name)], type=pa.string()) for name in names})
    return erased.barred(source, table).to_pylist()


def test_a_number_is_that_of_its_own_agency_alone(erased):
    numbers = pa.table({"agency_person": ["P1", "P2", None]})
    assert erased.barred("probation", numbers).to_pylist() == ["P1"]
    assert erased.barred("police", numbers).to_pylist() == []


def test_an_identifier_is_known_in_its_other_spelling(erased, pnc):
    long = pnc(1)
    assert barred(erased, "police", agency_person="Q9", pnc=long) == ["Q9"]
    assert barred(erased, "police", agency_person="Q9", pnc=pnc(2)) == []


def test_an_identifier_is_known_however_an_agency_writes_it(erased, pnc):
    year, serial = pnc(1).split("/")
    for written in (f"{year[2:]}/{serial}", pnc(1).lower(), f" {year} / {serial[:4]} {serial[4:]} ",
                    f"{year[2:]}/{serial.lstrip('0').lower()}"):  # fmt: skip
        assert barred(erased, "police", agency_person="Q9", pnc=written) == ["Q9"], written


@pytest.mark.parametrize("spelled", ["X100009", "x100009", " x 100 009 "])
def test_a_crn_has_one_token_however_it_is_written(erased, spelled):
    assert erased.tokens_of({"crn": spelled}) == erased.tokens_of({"crn": "X100009"}) != {}


def test_an_identifier_with_a_wrong_check_letter_is_none(erased, pnc):
    wrong = pnc(1)[:-1] + ("A" if pnc(1)[-1] != "A" else "B")
    assert barred(erased, "police", agency_person="Q9", pnc=wrong) == []


def test_name_and_birth_date_are_known_whatever_case_accents_and_spaces(erased):
    assert barred(erased, "police", agency_person="Q9", forename="ÀDA", surname="made up", dob="1990-05-17") == ["Q9"]
    assert barred(erased, "police", agency_person="Q9", forename="Ada", surname="Madeup", dob="1990-05-18") == []


def test_a_namesake_with_another_identifier_of_that_kind_is_somebody_else(erased, pnc):
    same = {"forename": "Ada", "surname": "Madeup", "dob": "1990-05-17"}
    assert barred(erased, "police", agency_person="Q9", pnc=pnc(2), **same) == []
    assert barred(erased, "police", agency_person="Q9", crn="X100009", **same) == ["Q9"]


def test_a_row_without_a_number_is_known_too(erased, pnc):
    assert barred(erased, "police", pnc=pnc(1)) == [None]


@pytest.mark.parametrize("row", [{"forename": "A", "surname": "M"}, {"forename": "Ada", "surname": ""}, {}])
def test_initials_are_no_name(row):
    assert name_and_birth({**row, "dob": "1990-05-17"}) == ""


def test_a_number_under_which_somebody_came_back_is_kept_for_files_without_names(erased, tmp_path, pnc):
    barred(erased, "police", agency_person="Q9", pnc=pnc(1))
    erased.remember(DAY)
    again = ErasedPeople(Rights(tmp_path / "rights.db"), KEY)
    assert again.barred("police", pa.table({"agency_person": ["Q9"]})).to_pylist() == ["Q9"]
    assert again.hash != erased.hash


@pytest.mark.parametrize("key", [b"", b"another key"])
def test_under_another_key_nobody_can_tell_and_intake_is_refused(erased, tmp_path, key):
    with pytest.raises(Refused, match="another partnership key"):
        ErasedPeople(Rights(tmp_path / "rights.db"), key)


def test_a_damaged_register_is_no_empty_one(erased, tmp_path):
    (tmp_path / "rights.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Refused, match="could come back"):
        ErasedPeople(Rights(tmp_path / "rights.db"), KEY)


def test_the_register_holds_no_name_and_no_identifier(erased, tmp_path, pnc):
    content = (tmp_path / "rights.db").read_bytes()
    assert not any(word.encode() in content for word in ("Ada", "Madeup", "1990-05-17", pnc(1), "P1"))
