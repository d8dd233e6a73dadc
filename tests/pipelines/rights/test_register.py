"""A register of requests that was lost, changed or rolled back shows, and nothing goes on without it."""

import datetime as dt
import shutil
import sqlite3
from dataclasses import replace

import pyarrow as pa
import pytest

from desist.intake.holding.one_file import transaction
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.rights.log import ACCEPTED, BEGUN, RegisterLog
from desist.intake.rights.person import LEAST_WITHIN, _bare, _holding, identity_of
from desist.intake.rights.register import Rights
from desist.pipelines import lists
from desist.pipelines.ground import load_ground
from desist.pipelines.lists import list_faults
from desist.pipelines.rights import correct as correcting
from desist.pipelines.rights import erase as erasing
from desist.pipelines.rights import restrict as holding
from desist.pipelines.rights.correct import Asked, correct_fact
from desist.pipelines.rights.due import due_causes, extract_reviews
from desist.pipelines.rights.facts import facts_in
from desist.pipelines.rights.receipts import receipt_faults
from desist.pipelines.rights.register import accept_register, kept_longer, register_faults, rights_of
from desist.pipelines.rights.restrict import contest_person, lift_restriction, restrict_person
from desist.pipelines.rights.retention import keep_longer, remove_overdue
from desist.pipelines.rights.scan import scan
from desist.pipelines.rights.since_audit import since_audit
from desist.pipelines.rights.subject import about, find_person
from desist.pipelines.session import now
from desist.pipelines.steps import link_people, take_in
from desist.records.codes import ETHNICITY_5
from desist.records.errors import Refused
from desist.records.log import EventLog


def on_day(session, day):
    settings = replace(session.settings, today=dt.date.fromisoformat(day))
    return replace(session, settings=settings, log=EventLog(session.workspace.log, lambda: now(settings)))


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


# 2 and 12: everybody is found who was known


def test_a_number_that_its_agency_stopped_sending_is_forgotten_with_the_person(session, person):
    """Treatment's record was joined by a steward: nothing but the last linkage tells whose it was."""
    with sqlite3.connect(session.workspace.vault) as connection:
        columns = {row[1] for row in connection.execute("pragma table_info(key_known)")}
        if not columns:
            connection.execute("create table key_known (source text, agency_person text, person_id text, mark text)")
        connection.execute("insert into key_known values ('treatment', 'TR9999999', ?, '')", (person.person_id,))
        connection.execute("insert into key_known values ('treatment', 'TR8888888', 'pother', '')")
        row = identity_of(Vault(session.workspace.vault), person.numbers)[0]
        for number in ("TR9999999", "TR8888888"):
            connection.execute(
                "insert into identity (held_as, source, agency_person, forename, surname, dob) "
                "values (?, 'treatment', ?, 'A', 'M', '1990-05-17')", (row["held_as"], number),
            )  # fmt: skip
    found = about(session, person.person_id, {})
    assert "TR9999999" in found.numbers["treatment"] and "TR8888888" not in found.numbers["treatment"]
    assert "number:treatment" in found.tokens.values()
    erasing.erase(session, found, "request")
    assert b"TR9999999" not in session.workspace.vault.read_bytes()
    with sqlite3.connect(session.workspace.vault) as connection:
        assert connection.execute("select count(*) from identity where agency_person = 'TR9999999'").fetchone() == (0,)


def test_somebody_whom_a_list_names_is_forgotten_after_all_extracts_are_gone(session, person, world):
    late = on_day(session, "2026-12-30")
    remove_overdue(late, "review")
    found = find_person(late, person.person_id, "", "")
    assert dict(found.numbers) == {}
    erasing.erase(late, found, "request")
    assert person.person_id not in lists.people_named(late, world.list_id)
    with pytest.raises(Refused):
        find_person(late, person.person_id, "", "")


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


# 16 and 17: searching


def test_the_scan_finds_a_word_within_a_cell_a_list_and_two_byte_text_and_names_what_it_cannot_open(tmp_path):
    import pandas as pd

    cells = {"t": ["x" * 50, "note: PNC NEEDLE-1 of"] * 500, "u": [["x", "of NEEDLE-1"]] * 500}
    for name, column in cells.items():
        pd.DataFrame({"a": column}).to_parquet(tmp_path / f"{name}.parquet", compression="zstd")
    (tmp_path / "v.txt").write_text("a NEEDLE-1", encoding="utf-16")
    (tmp_path / "w.zip").write_bytes(b"PK")
    found = scan(tmp_path, ["NEEDLE-1"])
    assert found.found == ("t.parquet", "u.parquet", "v.txt") and found.packed == ("w.zip",)


def test_the_receipt_names_packed_files_and_finds_a_full_name(session, person):
    (session.workspace.root / "old.zip").write_bytes(b"PK")
    (session.workspace.root / "notes.txt").write_text(f"about {person.names[0]}", encoding="utf-8")
    notes = erasing.erase(session, person, "request").notes
    assert any("old.zip is packed" in note for note in notes)
    assert any("notes.txt: remove it" in note for note in notes)


def test_a_quarantined_row_is_emptied_by_a_number_within_its_text_and_not_by_a_short_one():
    rows = pa.table({"line": pa.array([1, 2, 3, 4]), "reason": ["r"] * 4,
                     "told": ["see 61/ 7777 777h now", "12 apples", "12", None]})  # fmt: skip
    wanted = [_bare(value) for value in ("61/7777777H", "12")]
    assert LEAST_WITHIN == 6 and _holding(rows, wanted).tolist() == [True, False, True, False]


@pytest.fixture
def relinked(session):
    link_people(session)
    return session


def test_linkage_notes_once_which_key_people_got_their_ids_by(relinked):
    noted = [row for row in relinked.log.rows() if row["dataset"].startswith("partnership-key:")]
    assert len(noted) == 1 and relinked.key().hex() not in noted[0]["dataset"]


@pytest.mark.parametrize("option", ["--decide-by", "--until"])
def test_a_day_in_another_form_is_told_the_form_that_is_read(option):
    from desist.pipelines.commands_rights import _day

    assert _day(option, "2026-10-20") == dt.date(2026, 10, 20) and _day(option, "") is None
    with pytest.raises(Refused, match=f"{option} is a day written year-month-day, such as 2026-10-20"):
        _day(option, "20/10/2026")
