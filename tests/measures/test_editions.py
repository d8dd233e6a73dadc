"""A new edition is checked against what was published before it."""

import dataclasses
import datetime as dt
import itertools

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desist.measures.disclosure import HIDDEN, PARTNERSHIP, PRACTITIONER, PUBLIC
from desist.measures.editions import Edition, already_told, edition_of, protect_edition
from desist.measures.linked import Table, protect_tables
from tests.measures.attack import Reader, gather, recovered

SPRING, SUMMER = dt.date(2026, 4, 1), dt.date(2026, 7, 1)


def needs(counts, people="everybody"):
    index = pd.Index(list(counts), name="need")
    return [Table("needs", pd.DataFrame({"people": list(counts.values())}, index=index), people)]


def published(counts, audience, cut_on=SPRING, **other):
    return edition_of(protect_tables(needs(counts, **other), audience), name=f"edition of {cut_on}", cut_on=cut_on)


def shown(protected):
    return dict(protected.tables["needs"].cells["people"])


def reader_of_both(old, new, cut_on):
    """A reader of two editions: the same people on one date, else everybody stayed and others joined."""
    reader = Reader(whole=False)
    gather(reader, old.cells, old.lines, old.audience, "old ")
    gather(reader, new.cells, new.lines, new.audience, "new ")
    for key in {*old.cells} & {*new.cells}:
        grown = {"new " + key: 1.0, "old " + key: -1.0}
        reader.between(grown, 0.0, 0.0 if old.cut_on == cut_on else 1e9)
    return reader


def told_by_both(old, new, cut_on):
    """What both tell of hidden cells, less what the old edition tells with everything hidden in the new one."""
    blank = dataclasses.replace(new, cells=dict.fromkeys(new.cells, HIDDEN))
    return {where: ends for where, ends in _told(old, new, cut_on).items() if where not in _told(old, blank, cut_on)}


def _told(old, new, cut_on):
    reader = reader_of_both(old, new, cut_on)
    return {
        (which, key): ends for which, edition in (("old", old), ("new", new))
        for key, ends in recovered(reader, edition.cells, edition.audience.hide_below, which + " ").items()
    }


# -- the record


def test_the_record_of_an_edition_holds_what_was_shown_and_no_true_count():
    edition = published({"drugs": 3, "alcohol": 22, "housing": 41}, PARTNERSHIP)
    record = edition.as_json()
    assert Edition.from_json(record) == edition
    assert edition.cells == {"everybody|need=drugs": "[c]", "everybody|need=alcohol": "[c]",
                             "everybody|need=housing": "40", "everybody": "65"}
    assert "22" not in record.replace("2026", "") and "41" not in record


@pytest.mark.parametrize("record", ["", "{}", '{"format": 2}', "[]", '{"format": 1, "name": "x"}'])
def test_a_record_that_cannot_be_read_stops_the_new_edition(record):
    with pytest.raises(ValueError, match="nothing new may be"):
        Edition.from_json(record)


def test_an_edition_cut_later_is_no_earlier_one():
    with pytest.raises(ValueError, match="cut after the new one"):
        protect_edition(needs({"a": 20}), [published({"a": 20}, PARTNERSHIP, SUMMER)], PARTNERSHIP, cut_on=SPRING)


# -- what is hidden further


def test_the_same_people_shown_by_other_groups_do_not_give_a_hidden_group_away():
    # spring hid 3 and, for its sake, 20; a summer table that shows the 20 would tell the 3
    old = published({"drugs": 3, "alcohol": 20, "housing": 40}, PRACTITIONER)
    assert old.cells["everybody|need=alcohol"] == HIDDEN
    regrouped = needs({"alcohol": 20, "others": 43})
    assert shown(protect_tables(regrouped, PRACTITIONER)) == {
        "alcohol": "20", "others": "43"}
    new = protect_edition(regrouped, [old], PRACTITIONER, cut_on=SPRING)
    assert shown(new)["alcohol"] == HIDDEN
    assert told_by_both(old, edition_of(new, name="new", cut_on=SPRING), SPRING) == {}


def test_without_the_check_the_two_editions_tell_the_hidden_count():
    old = published({"drugs": 3, "alcohol": 20, "housing": 40}, PRACTITIONER)
    careless = published({"alcohol": 20, "others": 43}, PRACTITIONER)
    assert told_by_both(old, careless, SPRING)["old", "everybody|need=drugs"] == (3, 3)


def test_where_many_have_come_and_gone_nothing_further_is_hidden():
    old = published({"drugs": 3, "alcohol": 20, "housing": 40}, PRACTITIONER)
    new = protect_edition(needs({"drugs": 30, "alcohol": 12, "housing": 21}), [old], PRACTITIONER, cut_on=SUMMER)
    assert shown(new) == {"drugs": "30", "alcohol": "12", "housing": "21"}


def test_three_who_joined_an_exact_count_are_not_shown_by_the_difference():
    old = published({"drugs": 30, "alcohol": 20}, PRACTITIONER)
    new = protect_edition(needs({"drugs": 33, "alcohol": 20}), [old], PRACTITIONER, cut_on=SUMMER)
    assert shown(new)["drugs"] == HIDDEN
    much_more = protect_edition(needs({"drugs": 38, "alcohol": 29}), [old], PRACTITIONER, cut_on=SUMMER)
    assert shown(much_more) == {"drugs": "38", "alcohol": "29"}


def test_an_edition_about_other_people_changes_nothing():
    old = published({"drugs": 3, "alcohol": 20, "housing": 40}, PRACTITIONER, people="another borough")
    new = protect_edition(needs({"alcohol": 20, "others": 43}), [old], PRACTITIONER, cut_on=SPRING)
    assert shown(new) == {"alcohol": "20", "others": "43"}


def test_what_earlier_editions_have_told_cannot_be_taken_back_and_is_named():
    one = published({"drugs": 3, "alcohol": 20, "housing": 40}, PRACTITIONER)
    other = published({"alcohol": 20, "others": 43}, PRACTITIONER)
    assert already_told([one]) == ()
    assert ("edition of 2026-04-01", "everybody|need=drugs") in already_told([one, other])
    new = protect_edition(needs({"drugs": 9, "alcohol": 30, "housing": 50}), [one, other], PRACTITIONER, cut_on=SUMMER)
    assert shown(new)["housing"] == "50"


def test_what_was_shown_before_is_not_hidden_in_vain():
    # 12 and the total were shown; hiding them now keeps nothing from anybody
    old = published({"a": 3, "b": 12, "c": 27, "d": 6}, PARTNERSHIP)
    assert old.cells["everybody|need=b"] == "10"
    new = protect_edition(needs({"a": 3, "b": 12, "c and d": 33}), [old], PARTNERSHIP, cut_on=SPRING)
    assert shown(new) == {"a": HIDDEN, "b": "10", "c and d": HIDDEN}
    assert new.cells["everybody"] == "50"


counts = st.lists(st.one_of(st.integers(0, 6), st.integers(0, 30)), min_size=4, max_size=4)


@given(counts, counts, st.sampled_from([PARTNERSHIP, PRACTITIONER, PUBLIC]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_nothing_hidden_in_two_editions_is_recovered_from_both(before, joined, audience, same_people):
    # the first edition is by three needs, the second tells two of them together
    joined = [0] * 4 if same_people else joined
    after = [a + b for a, b in zip(before, joined, strict=True)]
    cut_on = SPRING if same_people else SUMMER
    old = published(dict(zip("abcd", before, strict=True)), audience)
    regrouped = needs({"a": after[0], "b": after[1], "c and d": after[2] + after[3]})
    new = edition_of(protect_edition(regrouped, [old], audience, cut_on=cut_on), name="new", cut_on=cut_on)
    assert told_by_both(old, new, cut_on) == {}


def test_two_editions_of_every_small_list_stay_closed():
    for before in itertools.product((1, 4, 12), repeat=3):
        old = published(dict(zip("abc", before, strict=True)), PARTNERSHIP)
        new = protect_edition(needs({"a": before[0], "rest": before[1] + before[2]}), [old], PARTNERSHIP,
                              cut_on=SPRING)
        assert told_by_both(old, edition_of(new, name="new", cut_on=SPRING), SPRING) == {}


