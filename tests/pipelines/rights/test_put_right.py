"""What may be put right of somebody and what may not; a change killed in the middle is finished."""

import sqlite3

import pytest

from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.rights.person import identity_of
from desist.intake.rights.register import Rights
from desist.pipelines import lists
from desist.pipelines.ground import load_ground
from desist.pipelines.lists import list_faults
from desist.pipelines.rights import correct as correcting
from desist.pipelines.rights import erase as erasing
from desist.pipelines.rights import restrict as holding
from desist.pipelines.rights.correct import Asked, correct_fact
from desist.pipelines.rights.due import due_causes
from desist.pipelines.rights.facts import facts_in
from desist.pipelines.rights.receipts import receipt_faults
from desist.pipelines.rights.register import register_faults
from desist.pipelines.rights.restrict import restrict_person
from desist.pipelines.rights.since_audit import since_audit
from desist.pipelines.rights.subject import about
from desist.records.codes import ETHNICITY_5
from desist.records.errors import Refused

# 5 and 6: killed in the middle


def test_killed_anywhere_in_a_restriction_it_is_finished_at_the_next_start(session, person, world, monkeypatch):
    real = {"take_off": holding.take_off, "keep": holding.keep}
    monkeypatch.setattr(holding, "take_off", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        restrict_person(session, person, "request")
    assert any("not finished" in cause.text for cause in due_causes(session))
    monkeypatch.setattr(holding, "take_off", real["take_off"])
    monkeypatch.setattr(holding, "keep", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        erasing.finish(session)
    monkeypatch.setattr(holding, "keep", real["keep"])
    [receipt] = erasing.finish(session).values()
    assert receipt.kind == "restriction" and receipt.places[0].held == 1
    assert list_faults(session, world.list_id) == [] == receipt_faults(session) == register_faults(session)
    assert list(due_causes(session)) == [] and person.person_id in load_ground(session).on_hold


def test_killed_inside_the_list_a_restriction_leaves_it_sound_in_the_end(session, person, world, monkeypatch):
    from desist.pipelines import amendments

    write = amendments.write_bytes

    def stop(path, content):
        if path.name == lists.SCORES:
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(amendments, "write_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        restrict_person(session, person, "request")
    assert list_faults(session, world.list_id)
    monkeypatch.setattr(amendments, "write_bytes", write)
    erasing.finish(session)
    assert list_faults(session, world.list_id) == []


def a_sanction(session, person):
    cells = facts_in(Store(session.workspace.store), person, "pol_sanction")[0].cells
    was = cells["sanction_type"]
    right = "caution" if was != "caution" else "conviction"
    return Asked("pol_sanction", 1, "sanction_type", was, right, False)


@pytest.mark.parametrize("killed_in", ["_put_right", "take_off", "keep"])
def test_killed_in_a_correction_nothing_changed_without_the_log_and_it_is_finished(
    session, person, world, monkeypatch, killed_in
):
    asked, real = a_sanction(session, person), getattr(correcting, killed_in)
    monkeypatch.setattr(correcting, killed_in, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        correct_fact(session, person, asked, "request")
    assert session.log.rows()[-1]["dataset"].startswith("rights:") or killed_in != "_put_right"
    assert any("not finished" in cause.text for cause in due_causes(session))
    monkeypatch.setattr(correcting, killed_in, real)
    [receipt] = erasing.finish(session).values()
    assert receipt.kind == "correction" and receipt.places[0].left == 0
    assert receipt_faults(session) == [] == register_faults(session) == list_faults(session, world.list_id)
    assert [row["dataset"] for row in session.log.rows() if row["operation"] == "person.corrected"] == [receipt.id]


# 3 and 4: what may be put right in identity and equality


def identity(session, person, field, value):
    pairs = [(source, number) for source, own in person.numbers.items() for number in own]
    source, number = pairs[0]
    was = identity_of(Vault(session.workspace.vault), {source: [number]})[0][field]
    return correct_fact(session, person, Asked("identity", 1, field, was, value, False), "request")


@pytest.mark.parametrize(
    "field, value, told",
    [
        ("dob", "2015-01-01", "is a child"),
        ("dob", "2027-01-01", "would not be accepted"),
        ("dob", "1.5.1990", "would not be accepted"),
        ("pnc", "hello", "has not the form"),
        ("surname", "X" * 5000, "at most"),
        ("surname", "X\n", "control character"),
        ("sex", "Q", "would not be accepted"),
    ],
)
def test_an_identity_that_cannot_be_right_is_refused_and_changes_nothing(session, person, field, value, told):
    with pytest.raises(Refused, match=told):
        identity(session, person, field, value)
    assert Rights(session.workspace.rights).corrections() == ()


def a_characteristic(session):
    with sqlite3.connect(session.workspace.equality) as connection:
        query = ("select k.person_id, s.agency_person, s.ethnicity_self from sent s join key_map k on "
                 "k.agency_person = s.agency_person and k.source = s.source where s.ethnicity_self is not null "
                 "order by 1")  # fmt: skip
        return connection.execute(query).fetchone()


def ethnicities(session, number):
    with sqlite3.connect(session.workspace.equality) as connection:
        query = "select distinct ethnicity_self from sent where agency_person = ?"
        return [row[0] for row in connection.execute(query, (number,))]


def test_a_characteristic_is_put_right_only_by_who_knows_what_it_says_and_the_board_hears_how_many(session):
    who, number, now_said = a_characteristic(session)
    known = about(session, who, {})
    other, third = [code for code in ETHNICITY_5 if code != now_said][:2]
    row = known.numbers["probation"].index(number) + 1
    for was in (other, None):
        with pytest.raises(Refused, match="does not say"):
            correct_fact(session, known, Asked("equality", row, "ethnicity_self", was, third, False), "request")
    assert ethnicities(session, number) == [now_said] and Rights(session.workspace.rights).corrections() == ()
    assert [row["reason"] for row in session.log.rows() if row["operation"] == "access.denied"] == ["equality_was"] * 2
    made = correct_fact(session, known, Asked("equality", row, "ethnicity_self", now_said, third, False), "request")
    assert ethnicities(session, number) == [third] and made.places[0].held == 1
    assert since_audit(session, load_ground(session), ["a"] * 100, "new").equality_corrected == 1
