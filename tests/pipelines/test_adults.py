"""The optional table of adults by community, and the made-up borough's."""

import pytest

from desist.pipelines.adults import FILE, read_adults, write_adults
from desist.records.errors import Refused
from desist.simulation.adults import borough_adults


def test_without_a_file_there_are_no_adults_and_no_complaint(tmp_path):
    assert read_adults(tmp_path) == {}


def test_what_is_written_is_read(tmp_path):
    write_adults(tmp_path, {"sex": {"Female": 120, "Male": 118}})
    assert read_adults(tmp_path) == {"sex": {"Female": 120, "Male": 118}}


@pytest.mark.parametrize(("text", "told"), [
    ("", "begins with 'nothing'"),
    ("a,b\n", "begins with 'a, b'"),
    ("characteristic,group,adults\nsex,Female,12.5\nsex,,3\nsex,Male\nsex,Male,0\n", "line 5"),
    ("characteristic,group,adults\nsex,Male,5\nsex,Male,6\n", "the same group twice"),
])  # fmt: skip
def test_every_problem_of_the_file_is_named_at_once(tmp_path, text, told):
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        read_adults(tmp_path)
    assert told in str(refused.value)
    assert str(refused.value).count("line") >= text.count("sex,") - 1


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes("characteristic,group,adults\nsex,Frauen ü,5\n".encode("cp1252"))
    with pytest.raises(Refused, match="not UTF-8"):
        read_adults(tmp_path)


def test_the_made_up_boroughs_groups_add_up_to_its_adults():
    adults = borough_adults()
    totals = {name: sum(groups.values()) for name, groups in adults.items()}
    assert max(totals.values()) - min(totals.values()) <= 5
    assert set(adults["ethnicity"]) == {"Asian", "Black", "Mixed", "White", "Other"}
