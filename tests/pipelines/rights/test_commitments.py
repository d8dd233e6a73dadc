"""A list can lose a person, or a person's estimate: every other change shows, also to whoever notes it in the log."""

import datetime as dt
import json

import pandas as pd
import pytest

from desist.pipelines import amendments, lists, run_tables
from desist.pipelines.lists import LIST, PEOPLE, PROFILES, SCORES, kept_list, list_faults, load_list
from desist.records.errors import Withheld
from desist.records.files import read_json, write_bytes, write_json
from desist.records.log import EventLog


@pytest.fixture
def folder(session, world):
    return session.workspace.lists / world.list_id


def asked(session, receipt, *, on_hold=""):
    """The log's event of a request under this receipt."""
    operation = "person.restricted" if on_hold else "person.erased"
    session.log.append(operation, actor="t", role="data_steward", dataset=receipt)


def take_off(session, list_id, person, *, receipt, on_hold=""):
    """Somebody leaves a list because they asked for it."""
    asked(session, receipt, on_hold=on_hold)
    return lists.take_off(session, list_id, person, receipt=receipt, on_hold=on_hold)


def forge(session, folder, *, told=None, scores=None, profiles=None, kind=amendments.ERASED):
    """Change a list and note it as a true amendment: what somebody with the files and the log can do."""
    if told is not None:
        write_json(folder / LIST, told)
    if scores is not None:
        scores.to_parquet(folder / SCORES, index=False)
    if profiles is not None:
        profiles.to_parquet(folder / PROFILES, index=False)
    asked(session, "forged")
    files = {name: (folder / name).read_bytes() for name in (LIST, SCORES, PROFILES)}
    amendments.amend(session, folder, files, kind=kind, people=1, receipt="forged")


def test_a_list_that_lost_a_person_is_still_the_one_that_was_made(session, world):
    gone = world.people[3]
    assert take_off(session, world.list_id, gone, receipt="x1") == 4  # a row, an estimate, a score, a profile
    assert list_faults(session, world.list_id) == []
    kept = kept_list(session, world.list_id)
    assert gone not in kept.rows and set(kept.rows) == set(world.people) - {gone}
    assert len(load_list(session, world.list_id, "r1").rows) == len(world.people) - 1


def test_who_left_the_list_is_in_none_of_its_files(session, world, folder):
    gone = world.people[3]
    take_off(session, world.list_id, gone, receipt="x1")
    texts = [path.read_bytes() for path in folder.iterdir()]
    texts += [pd.read_parquet(path).to_csv().encode() for path in folder.glob("*.parquet")]
    assert not any(gone.encode() in text for text in texts)


def test_several_people_can_leave_one_after_the_other(session, world):
    for number, gone in enumerate(world.people[:5]):
        take_off(session, world.list_id, gone, receipt=f"x{number}")
    assert list_faults(session, world.list_id) == []


def test_somebody_on_hold_keeps_their_row_and_loses_estimate_score_and_profile(session, world):
    held = world.people[4]
    take_off(session, world.list_id, held, receipt="x1", on_hold="restricted")
    kept = kept_list(session, world.list_id)
    entry = kept.entry(held)
    assert list_faults(session, world.list_id) == []
    assert held in kept.rows and entry.step is None and entry.why_none == "restricted"
    assert entry.score is None and entry.profile is None


def test_a_change_without_a_note_shows(session, world, folder):
    told = read_json(folder / LIST)
    told["rows"] = told["rows"][1:]
    write_json(folder / LIST, told)
    assert "was changed" in list_faults(session, world.list_id)[0]


def test_a_note_that_the_log_does_not_tell_of_shows(session, world, folder):
    take_off(session, world.list_id, world.people[3], receipt="x1")
    entries = read_json(folder / amendments.FILE)
    entries["amendments"].append({**entries["amendments"][0], "receipt": "x2"})
    write_json(folder / amendments.FILE, entries)
    assert any("as the log tells" in fault for fault in list_faults(session, world.list_id))


def test_putting_the_old_files_back_shows(session, world, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    take_off(session, world.list_id, world.people[3], receipt="x1")
    for path in folder.iterdir():
        path.unlink()
    for name, content in before.items():
        (folder / name).write_bytes(content)
    assert any("as the log tells" in fault for fault in list_faults(session, world.list_id))
    with pytest.raises(Withheld):
        load_list(session, world.list_id, "r1")


def step_up(told, person):
    told["estimates"][person]["step"] = 4


def another_reason(told, person):
    told["estimates"][person]["reasons"][0]["phrase"] = "nine sanctions"


def without_reasons(told, person):
    told["estimates"][person]["reasons"] = []


def no_estimate_for_a_reason_of_their_own(told, person):
    told["estimates"][person] = {"step": None, "tags": [], "reasons": [], "why_none": "too_little_data"}


def another_row(told, person):
    next(row for row in told["rows"] if row["person_id"] == person)["iom_group"] = "FIXED"


def turned_round(told, person):
    told["rows"] = told["rows"][::-1]


def one_row_twice(told, person):
    told["rows"].append(told["rows"][0])


def a_stranger(told, person):
    told["rows"].append({**told["rows"][0], "person_id": "p" + "0" * 20})


def longer(told, person):
    told["valid_until"] = "2027-10-29"


def under_another_release(told, person):
    told["release_id"] = "r2"


CHANGES = (
    step_up, another_reason, without_reasons, no_estimate_for_a_reason_of_their_own, another_row, turned_round,
    one_row_twice, a_stranger, longer, under_another_release,
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_else_can_change_even_with_a_note_in_the_log(session, world, folder, change):
    told = read_json(folder / LIST)
    change(told, world.people[3])
    forge(session, folder, told=told)
    assert list_faults(session, world.list_id)
    with pytest.raises(Withheld):
        load_list(session, world.list_id, "r1")


@pytest.mark.parametrize("name", ["scores", "profiles"])
def test_scores_and_profiles_cannot_change_even_with_a_note_in_the_log(session, world, folder, name):
    table = pd.read_parquet(folder / f"{name}.parquet")
    table.iloc[3, 2] = 0.9
    forge(session, folder, **{name: table})
    assert list_faults(session, world.list_id)


def test_scores_of_somebody_who_is_not_on_the_list_show(session, world, folder):
    table = pd.read_parquet(folder / SCORES)
    stranger = table.iloc[:1].assign(person_id="p" + "0" * 20)
    forge(session, folder, scores=pd.concat([table, stranger], ignore_index=True))
    assert any("not on it" in fault for fault in list_faults(session, world.list_id))


def test_new_commitments_for_a_changed_list_do_not_fit_its_manifest(session, world, folder):
    from desist.pipelines.commitments import commit
    from desist.pipelines.lists import _content

    told = read_json(folder / LIST)
    step_up(told, world.people[3])
    write_json(folder / LIST, told)
    write_json(folder / PEOPLE, commit(_content(folder)).as_json())
    forge(session, folder)
    assert any("promised" in fault for fault in list_faults(session, world.list_id))


def test_an_amendment_of_a_kind_that_nobody_knows_shows(session, world, folder):
    forge(session, folder, kind="improved")
    assert any("nobody may make" in fault for fault in list_faults(session, world.list_id))


def test_a_list_of_an_earlier_desist_that_lost_somebody_is_withheld(session, world, folder):
    manifest = read_json(folder / "manifest.json")
    del manifest["people"]
    write_json(folder / "manifest.json", manifest)
    (folder / PEOPLE).unlink()
    from desist.records.hashing import hash_json

    session.log.append(
        "list.made", actor="a", role="analyst", release="r1", dataset=world.list_id, reason=hash_json(manifest)
    )
    assert list_faults(session, world.list_id) == []
    assert take_off(session, world.list_id, world.people[3], receipt="x1") > 0
    assert any("earlier desist" in fault for fault in list_faults(session, world.list_id))


def test_a_list_that_was_tampered_with_loses_the_person_and_stays_withheld(session, world, folder):
    told = read_json(folder / LIST)
    step_up(told, world.people[5])
    write_json(folder / LIST, told)
    assert take_off(session, world.list_id, world.people[3], receipt="x1") > 0
    assert world.people[3] not in json.dumps(read_json(folder / LIST))
    assert list_faults(session, world.list_id)


@pytest.mark.parametrize("killed_at", [LIST, SCORES, PROFILES, PEOPLE, amendments.FILE])
def test_killed_at_any_file_the_same_call_ends_as_if_undisturbed(session, world, folder, monkeypatch, killed_at):
    real_json, real_bytes = lists.write_json, write_bytes

    def stop_at(real):
        def write(path, content):
            if path.name == killed_at:
                raise KeyboardInterrupt
            real(path, content)

        return write

    for module, name, real in (
        (lists, "write_json", real_json), (amendments, "write_bytes", real_bytes),
        (amendments, "write_json", real_json),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, stop_at(real))
    with pytest.raises(KeyboardInterrupt):
        take_off(session, world.list_id, world.people[3], receipt="x1")
    monkeypatch.undo()
    take_off(session, world.list_id, world.people[3], receipt="x1")
    assert list_faults(session, world.list_id) == []
    assert world.people[3] not in kept_list(session, world.list_id).rows


def test_on_hold_is_the_only_reason_that_can_come_later(session, world, folder):
    take_off(session, world.list_id, world.people[4], receipt="x1", on_hold="restricted")
    told = read_json(folder / LIST)
    told["estimates"][world.people[4]]["why_none"] = "too_little_data"
    forge(session, folder, told=told)
    assert any("an estimate that was changed" in fault for fault in list_faults(session, world.list_id))


# Only what was asked for, and no more


def test_a_change_that_nobody_asked_for_shows(session, world):
    assert lists.take_off(session, world.list_id, world.people[3], receipt="2026-10-01-aaaaaaaaaaaa") > 0
    assert any("nobody asked for" in fault for fault in list_faults(session, world.list_id))


def test_a_restriction_is_no_reason_to_take_somebody_off(session, world):
    asked(session, "x1", on_hold="restricted")
    lists.take_off(session, world.list_id, world.people[3], receipt="x1")
    assert any("nobody asked for" in fault for fault in list_faults(session, world.list_id))


def test_one_request_takes_away_one_estimate(session, world, folder):
    take_off(session, world.list_id, world.people[4], receipt="x1", on_hold="restricted")
    more = lists._without(lists._content(folder), world.people[5], "restricted")[0]
    amendments.amend(session, folder, more, kind=amendments.ON_HOLD, people=1, receipt="x1.1")
    assert any("more people without an estimate" in fault for fault in list_faults(session, world.list_id))


def test_one_request_takes_away_one_person(session, world, folder):
    take_off(session, world.list_id, world.people[4], receipt="x1")
    asked(session, "x2")
    for name, content in lists._without(lists._content(folder), world.people[5], "")[0].items():
        (folder / name).write_bytes(content)
    files = lists._without(lists._content(folder), world.people[6], "")[0]
    amendments.amend(session, folder, files, kind=amendments.ERASED, people=2, receipt="x2")
    told = read_json(folder / PEOPLE)
    left = {name: salt for name, salt in told["salts"].items() if name not in world.people[5:7]}
    write_json(folder / PEOPLE, told | {"salts": left})
    assert any("lacks more people" in fault for fault in list_faults(session, world.list_id))


def test_a_forged_table_is_not_blessed_by_an_empty_marker(session, world):
    folder = session.workspace.runs / world.run
    scores = pd.read_parquet(folder / "scores.parquet")
    scores.assign(score=0.1).to_parquet(folder / "scores.parquet", index=False)
    (folder / ".x1.began").touch()
    asked(session, "x1")
    assert run_tables.take_out(session, world.run, world.people[3], receipt="x1") > 0
    assert run_tables.table_faults(session, world.run)


def test_a_table_forged_between_a_kill_and_its_end_shows(session, world, monkeypatch):
    folder = session.workspace.runs / world.run
    asked(session, "x1")
    monkeypatch.setattr(amendments, "write_bytes", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run_tables.take_out(session, world.run, world.people[3], receipt="x1")
    monkeypatch.undo()
    scores = pd.read_parquet(folder / "scores.parquet")
    scores.assign(score=0.1).to_parquet(folder / "scores.parquet", index=False)
    run_tables.take_out(session, world.run, world.people[3], receipt="x1")
    assert run_tables.table_faults(session, world.run)


def test_killed_between_note_and_tables_of_a_run_the_same_call_ends_as_if_undisturbed(session, world, monkeypatch):
    asked(session, "x1")
    monkeypatch.setattr(amendments, "write_bytes", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run_tables.take_out(session, world.run, world.people[3], receipt="x1")
    monkeypatch.undo()
    assert run_tables.table_faults(session, world.run)
    run_tables.take_out(session, world.run, world.people[3], receipt="x1")
    assert run_tables.table_faults(session, world.run) == []
    assert run_tables.rows_of(session.workspace.runs / world.run, world.people[3]) == 0


def test_nothing_is_gone_by_retention_before_its_time_and_no_table_comes_back(session, world):
    folder = session.workspace.runs / world.run
    session.log.append("data.erased", actor="t", role="data_steward", dataset=f"runs:{world.run}", outcome="retention")
    scores = pd.read_parquet(folder / "scores.parquet")
    scores.assign(score=0.1).to_parquet(folder / "scores.parquet", index=False)
    assert any("was changed" in fault for fault in run_tables.table_faults(session, world.run))
    later = EventLog(session.workspace.log, lambda: dt.datetime(2028, 10, 2, tzinfo=dt.UTC))
    later.append("data.erased", actor="t", role="data_steward", dataset=f"runs:{world.run}", outcome="retention")
    assert "there again" in run_tables.table_faults(session, world.run)[0]
    for name in run_tables.TABLES_OF_PEOPLE:
        (folder / name).unlink()
    assert run_tables.table_faults(session, world.run) == []
