"""Copies of lists: what the inventory takes, that it is never rewritten, and how long a copy may be kept."""

import datetime as dt
import sqlite3

import pytest

from desist.fairness.approval.exports import Ending, Export, Inventory, latest_end
from desist.records.errors import Refused
from desist.records.hashing import canonical_json

TODAY = dt.date(2026, 10, 1)


def export(**other):
    told = {
        "list_id": "2026-10-01-abc", "release": "r1", "recipient": "iom.team@council.example",
        "reason": "The weekly meeting on Thursday works from paper.", "key_id": "k1", "holder": "P. Chair",
        "people": 120, "made_on": TODAY, "expires_on": dt.date(2026, 10, 15),
    }  # fmt: skip
    return Export(**{**told, **other})


@pytest.fixture
def inventory(tmp_path):
    return Inventory(tmp_path / "exports.db")


def test_a_copy_is_kept_thirty_days_at_most_and_never_longer_than_list_or_approval():
    far = dt.date(2027, 1, 1)
    assert latest_end(TODAY, list_ends=far, release_ends=far) == dt.date(2026, 10, 31)
    assert latest_end(TODAY, list_ends=dt.date(2026, 10, 20), release_ends=far) == dt.date(2026, 10, 20)
    assert latest_end(TODAY, list_ends=far, release_ends=dt.date(2026, 10, 5)) == dt.date(2026, 10, 5)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"recipient": "Jo Bloggs"}, "recipient"),
        ({"reason": "for the meeting"}, "reason"),
        ({"expires_on": TODAY}, "end 2026-10-01"),
        ({"expires_on": dt.date(2026, 11, 1)}, "end 2026-11-01"),
    ],
)
def test_a_copy_for_a_name_or_without_a_reason_or_an_end_is_refused(other, told):
    with pytest.raises(Refused, match=told):
        export(**other)


def test_the_last_allowed_day_is_thirty_days_on():
    assert export(expires_on=dt.date(2026, 10, 31)).expires_on == dt.date(2026, 10, 31)


def test_the_inventory_keeps_every_copy_in_order_and_reads_it_back_whole(inventory):
    first, second = export(), export(recipient="prison.team@hmpps.example")
    inventory.add(first)
    inventory.add(second)
    assert inventory.all() == (first, second) == inventory.out()


def test_a_copy_that_is_gone_is_out_no_more_and_stays_in_the_inventory(inventory):
    one = export()
    inventory.add(one)
    inventory.end(Ending(one.id, "destroyed", TODAY, "panel.one"))
    assert inventory.out() == () and inventory.all() == (one,)
    assert inventory.endings()[one.id].how == "destroyed"
    with pytest.raises(Refused, match="nothing was noted twice"):
        inventory.end(Ending(one.id, "returned", TODAY, "panel.one"))


def test_a_copy_nobody_handed_on_has_no_end(inventory):
    with pytest.raises(Refused, match="has no export nope"):
        inventory.end(Ending("nope", "destroyed", TODAY, "panel.one"))
    with pytest.raises(Refused, match="destroyed"):
        Ending("nope", "lost", TODAY, "panel.one")


@pytest.mark.parametrize("how", ["update export set id = 'other'", "delete from export", "delete from ending"])
def test_the_inventory_is_append_only(inventory, how):
    one = export()
    inventory.add(one)
    inventory.end(Ending(one.id, "destroyed", TODAY, "panel.one"))
    with sqlite3.connect(inventory.path) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(how)


def test_the_same_copy_is_not_noted_twice(inventory):
    inventory.add(export())
    with pytest.raises(Refused, match="nothing was noted twice"):
        inventory.add(export(checksum="f" * 64))


def test_no_inventory_is_an_empty_one_and_a_broken_one_is_said(inventory):
    assert inventory.all() == ()
    inventory.path.write_text("no database", encoding="utf-8")
    with pytest.raises(Refused, match="cannot be read"):
        inventory.all()


@pytest.mark.parametrize(
    "told",
    ["{}", "[]", "3", '{"list_id": 3}', "null", '{"made_on": "2026-13-01", "expires_on": "2026-10-15"}', "no json"],
)
@pytest.mark.parametrize("table", ["export", "ending"])
def test_an_entry_that_is_none_is_refused_with_what_to_do(inventory, table, told):
    inventory.add(export())
    with sqlite3.connect(inventory.path) as connection:
        connection.execute(f"insert into {table} (id, told) values ('x', ?)", (told,))
    with pytest.raises(Refused, match="Restore it from a backup"):
        inventory.out()


@pytest.mark.parametrize("changed", [{"people": "many"}, {"expires_on": "2036-10-15"}, {"recipient": "Jo Bloggs"}])
def test_an_entry_that_could_never_have_been_made_is_none(inventory, changed):
    inventory.add(export())
    told = canonical_json({**export().as_json(), **changed}).decode()
    with sqlite3.connect(inventory.path) as connection:
        connection.execute("insert into export (id, told) values ('x', ?)", (told,))
    with pytest.raises(Refused, match="holds an export that is none"):
        inventory.all()


def test_an_inventory_that_cannot_be_written_says_so(inventory):
    inventory.path.mkdir()
    with pytest.raises(Refused, match="cannot be written"):
        inventory.add(export())
