"""The offence table a partnership adds its own lines to: what they may change, and what they may not."""

from importlib import resources

import pytest

from desist.records import codes
from desist.records.errors import Refused
from desist.records.offence_table import BROAD_GROUPS, CATEGORIES, COLUMNS, shipped_table, with_own_lines

HEADER = ",".join(COLUMNS)
BLACKMAIL = "03500,Blackmail,other indictable,other,3,0,0,1"


@pytest.fixture
def own(tmp_path):
    """A function from own lines to the table that is then in use."""

    def table(*lines, header=HEADER):
        path = tmp_path / "offences.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return with_own_lines(shipped_table(), path)

    return table


@pytest.fixture(autouse=True)
def shipped_again():
    yield
    codes.use_offences(None)


def test_an_own_line_adds_a_code_and_changes_the_version(own):
    table = own(BLACKMAIL)
    assert table.by_code["03500"].band == 3
    assert table.own == {"03500"}
    assert table.version != shipped_table().version
    assert table.version.startswith(f"{shipped_table().version}+")


def test_an_own_line_takes_the_place_of_a_shipped_one(own):
    assert own("04600,Theft from a shop,theft and handling,theft not motor,1,0,0,1").by_code["04600"].band == 1


def test_equal_lines_in_another_order_with_notes_and_blank_lines_are_the_same_version(own):
    other = "03600,Kidnap,violence against the person,violence at or above ABH,5,1,0,1"
    assert own(BLACKMAIL, other).version == own("# our own", other, "", BLACKMAIL).version


def test_a_header_alone_changes_nothing(own):
    assert own().version == shipped_table().version


def test_a_repealed_offence_is_not_brought_back_by_an_own_line(own):
    for counts in ("1", "breach"):
        with pytest.raises(Refused) as refused:
            own(f"01809,Same-sex offence,sexual,sexual not against child,1,0,0,{counts}")
        assert "which was repealed" in str(refused.value)
    assert own("01809,Repealed same-sex offence,sexual,sexual not against child,1,0,0,0").by_code["01809"].repealed


def test_an_own_line_can_say_that_an_offence_was_repealed_or_is_a_breach(own):
    table = own("03500,Blackmail,other indictable,other,3,0,0,0", "00002,Breach,other summary,other,1,0,0,breach")
    assert [(table.by_code[code].counts, table.by_code[code].repealed) for code in ("03500", "00002")] == [
        (False, True),
        (False, False),
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("3500,Blackmail,other indictable,other,3,0,0,1", "five digits"),
        ("03500,,other indictable,other,3,0,0,1", "a description that is empty"),
        ("03500,Blackmail,indictable,other,3,0,0,1", "broad_group = 'indictable'"),
        ("03500,Blackmail,other indictable,extortion,3,0,0,1", "category = 'extortion'"),
        ("03500,Blackmail,other indictable,other,6,0,0,1", "band = '6'"),
        ("03500,Blackmail,other indictable,other,3,yes,0,1", "violent = 'yes'"),
        ("03500,Blackmail,other indictable,other,3,0,2,1", "neighbourhood = '2'"),
        ("03500,Blackmail,other indictable,other,3,0,0,no", "counts = 'no'"),
        ("03500,Blackmail, and menaces,other indictable,other,3,0,0,1", "another number of cells"),
        ("03500,Blackmail,other indictable,other,3,0,0", "another number of cells"),
    ],
)
def test_a_line_that_is_none_is_named_with_its_place_and_what_was_expected(own, line, told):
    with pytest.raises(Refused) as refused:
        own(BLACKMAIL.replace("03500", "03501"), line)
    assert told in str(refused.value) and "entry 2" in str(refused.value)


def test_all_faulty_lines_are_named_at_once(own):
    with pytest.raises(Refused) as refused:
        own("1,a,b,c,d,e,f,g", BLACKMAIL, BLACKMAIL)
    assert "entry 1" in str(refused.value) and "the code 03500 twice" in str(refused.value)


def test_another_header_is_refused_with_the_right_one(own):
    with pytest.raises(Refused) as refused:
        own(BLACKMAIL, header=HEADER.replace("band", "severity"))
    assert HEADER in str(refused.value)


def test_the_table_in_use_is_the_workspaces_and_stays_where_the_next_one_cannot_be_read(tmp_path):
    path = tmp_path / "offences.csv"
    path.write_text(f"{HEADER}\n{BLACKMAIL}\n", encoding="utf-8")
    codes.use_offences(path)
    assert "03500" in codes.offences()
    path.write_text("code\n1\n", encoding="utf-8")
    with pytest.raises(Refused):
        codes.use_offences(path)
    assert "03500" in codes.offences()
    codes.use_offences(tmp_path / "none.csv")
    assert "03500" not in codes.offences()


def test_every_group_and_category_of_the_shipped_table_is_on_its_list():
    offences = shipped_table().by_code.values()
    assert {offence.broad_group for offence in offences} <= set(BROAD_GROUPS) and len(BROAD_GROUPS) == 12
    assert {offence.category for offence in offences} <= set(CATEGORIES) and len(CATEGORIES) == 24


@pytest.mark.parametrize(
    ("was", "now", "changes"), [("Murder", "Killing", True), ("code,", "# a remark\ncode,", False)]
)
def test_the_version_of_the_shipped_table_changes_with_any_cell_and_not_with_a_remark(
    monkeypatch, tmp_path, was, now, changes
):
    before = shipped_table().version
    folder = resources.files("desist.records")
    text = (folder / "data" / "offences.csv").read_text(encoding="utf-8")
    assert was in text
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "offences.csv").write_text(text.replace(was, now, 1), encoding="utf-8")
    monkeypatch.setattr("desist.records.offence_table.resources.files", lambda package: tmp_path)
    assert (shipped_table().version != before) == changes
