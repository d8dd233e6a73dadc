"""A register of requests that was lost, changed or rolled back shows, and nothing goes on without it."""

import datetime as dt
import shutil
import sqlite3

import pytest
import typer

from desist.intake.holding.one_file import transaction
from desist.intake.rights.log import ACCEPTED, BEGUN, RegisterLog
from desist.pipelines.commands_rights import day_of
from desist.pipelines.ground import load_ground
from desist.pipelines.rights import restrict as holding
from desist.pipelines.rights.due import due_causes, extract_reviews
from desist.pipelines.rights.register import accept_register, kept_longer, register_faults, rights_of
from desist.pipelines.rights.restrict import contest_person, lift_restriction, restrict_person
from desist.pipelines.rights.retention import keep_longer
from desist.pipelines.rights.since_audit import since_audit
from desist.pipelines.rights.subject import about, find_person
from desist.pipelines.steps import link_people, take_in
from desist.records.errors import Refused
from tests.pipelines.rights.rights_kit import on_day


def lost(path):
    path.unlink()


def without_holds(path):
    with sqlite3.connect(path) as connection:
        connection.execute("delete from hold")


def kept_for_ever(path):
    with sqlite3.connect(path) as connection:
        connection.execute("insert into kept (source, until, reason, made_on, made_by) "
                           "values ('police', '2099-01-01', 'x', '2026-10-01', 'x')")  # fmt: skip


# 1: the log tells of the register


@pytest.mark.parametrize("damage", [lost, without_holds, kept_for_ever])
def test_a_register_that_was_lost_or_changed_by_hand_withholds_shows_and_stops_intake(
    session, person, extracts, damage
):
    restrict_person(session, person, "request")
    assert list(due_causes(session)) == [] == register_faults(session)
    damage(session.workspace.rights)
    assert any("not as the log tells" in fault for fault in register_faults(session))
    assert any("not as the log tells" in cause.text for cause in due_causes(session))
    for refused in (
        lambda: take_in(session, extracts), lambda: load_ground(session), lambda: find_person(session, "p1", "", ""),
        lambda: restrict_person(session, person, "request"),
    ):  # fmt: skip
        with pytest.raises(Refused, match="not as the log tells"):
            refused()


def test_an_older_copy_of_the_register_put_back_shows(session, person, tmp_path):
    keep_longer(session, "police", dt.date(2027, 1, 31), "court_case")
    shutil.copy(session.workspace.rights, tmp_path / "older.db")
    restrict_person(session, person, "request")
    shutil.copy(tmp_path / "older.db", session.workspace.rights)
    assert any("older copy" in fault for fault in register_faults(session))


def test_a_register_made_by_hand_where_the_log_knows_of_none_shows(session):
    assert not session.workspace.rights.exists()
    with transaction(session.workspace.rights, "create table kept (number integer, source text)") as connection:
        connection.execute("insert into kept values (1, 'police')")
    assert any("not as the log tells" in fault for fault in register_faults(session))


def test_killed_between_note_and_change_or_after_it_the_register_is_sound(session, person, monkeypatch):
    def stop(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(RegisterLog, "done", stop)
    with pytest.raises(KeyboardInterrupt):
        keep_longer(session, "police", dt.date(2027, 1, 31), "court_case")
    assert register_faults(session) == [] and len(rights_of(session).kept()) == 1
    monkeypatch.undo()
    begin = RegisterLog.begin

    def begin_and_stop(self, *told):
        begin(self, *told)
        raise KeyboardInterrupt

    monkeypatch.setattr(RegisterLog, "begin", begin_and_stop)
    with pytest.raises(KeyboardInterrupt):
        keep_longer(session, "prison", dt.date(2027, 1, 31), "court_case")
    assert session.log.rows()[-1]["outcome"] == BEGUN
    assert register_faults(session) == [] and len(rights_of(session).kept()) == 1
    monkeypatch.undo()
    keep_longer(session, "prison", dt.date(2027, 1, 31), "court_case")
    assert register_faults(session) == [] and len(rights_of(session).kept()) == 2


def test_a_steward_without_a_backup_accepts_what_is_left_and_the_log_and_the_board_know_it(session, person):
    restrict_person(session, person, "request")
    with pytest.raises(Refused, match="is the one"):
        accept_register(session, "no_backup")
    session.workspace.rights.unlink()
    accept_register(session, "no_backup")
    row = session.log.rows()[-1]
    assert (row["outcome"], row["reason"], row["role"]) == (ACCEPTED, "no_backup", "data_steward")
    assert register_faults(session) == []
    told = since_audit(session, load_ground(session), ["a"] * 100, "new")
    assert told.register_accepted == 1 and "was lost" in told.questions()[0].words


def test_a_hold_put_in_with_the_toolkit_and_without_a_request_shows(session, person):
    from desist.intake.rights.register import RESTRICTED, Hold

    rights_of(session).hold(person.numbers, Hold(RESTRICTED, session.today, None, "request", "r"))
    assert any("nobody asked for" in fault for fault in register_faults(session))


# 13 and 14: key and vault


def test_another_partnership_key_is_refused_before_the_first_erasure(session):
    (session.workspace.keys / "partnership.key").write_bytes(b"another key")
    with pytest.raises(Refused, match="another partnership key"):
        session.key()


def test_without_the_vault_estimates_are_withheld_and_nobody_is_looked_for(session, person):
    session.workspace.vault.unlink()
    assert any("vault" in cause.text for cause in due_causes(session))
    for refused in (lambda: load_ground(session), lambda: find_person(session, person.person_id, "", "")):
        with pytest.raises(Refused, match="vault"):
            refused()


@pytest.fixture
def relinked(session):
    link_people(session)
    return session


def test_linkage_notes_once_which_key_people_got_their_ids_by(relinked):
    noted = [row for row in relinked.log.rows() if row["dataset"].startswith("partnership-key:")]
    assert len(noted) == 1 and relinked.key().hex() not in noted[0]["dataset"]


# 10: the board hears who is not judged


def test_the_board_is_asked_above_a_share_on_hold_and_not_below(session, person, world):
    caseload = [*world.people, *map(str, range(100))][:100]
    assert since_audit(session, load_ground(session), caseload, "new").questions() == ()
    for one in world.people[:2]:
        restrict_person(session, about(session, one, {}), "request")
    told = since_audit(session, load_ground(session), caseload, "new")
    assert (told.on_hold, told.restricted) == (2, 2)
    assert [one.id for one in told.questions()] == ["requests-since-audit"]
    assert since_audit(session, load_ground(session), [*caseload, "one more"], "new").questions() == ()
    session.log.append("audit.made", actor="t", role="analyst", dataset="older")
    lift_restriction(session, about(session, world.people[0], {}), "request")
    told = since_audit(session, load_ground(session), caseload, "new")
    assert (told.on_hold, told.restricted, told.corrected) == (1, 0, 0)


def test_a_challenge_that_was_settled_is_no_correction(session, person, world):
    contest_person(session, person, "request", None)
    holding.settle(session, person, "unfounded")
    assert since_audit(session, load_ground(session), world.people, "new").corrected == 0


# 11: how long was agreed when the rows came


def test_an_agreement_cannot_be_stretched_over_rows_that_came_under_a_shorter_one(session):
    before = {(one.source, one.table): one.review_by for one in extract_reviews(session)}
    for path in session.workspace.agreements.glob("*.toml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        lines = ["retention_days = 36500" if line.startswith("retention_days") else line for line in lines]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert {(one.source, one.table): one.review_by for one in extract_reviews(session)} == before


def test_what_is_kept_longer_is_told_as_long_as_it_holds(session):
    keep_longer(session, "police", dt.date(2027, 1, 31), "court_case")
    assert kept_longer(session) == ("extracts of police until 2027-01-31, by dpo.one on 2026-10-01, reason court_case",)
    assert kept_longer(on_day(session, "2027-02-01")) == ()


def test_a_day_in_another_form_is_told_the_form_that_is_read():
    assert day_of("2026-10-20") == dt.date(2026, 10, 20)
    with pytest.raises(typer.BadParameter, match="'20/10/2026' is no day written YYYY-MM-DD, such as 2026-10-20"):
        day_of("20/10/2026")
