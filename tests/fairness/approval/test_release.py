"""The gate: every way round it that was thought of."""

import copy
import dataclasses
import datetime as dt
import json
import pickle
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desist.fairness.approval import release as gate
from desist.fairness.approval.release import Release, candidate_hashes, current_release
from desist.records.errors import Refused
from desist.records.files import write_json, write_text
from desist.records.hashing import hash_json
from tests.fairness.approval.release_kit import DAY, _withheld

# Who signs


def test_the_trainer_cannot_sign_with_their_key(board):
    signed = [board.sign("trainer"), board.sign("officer")]
    _withheld(lambda: board.release(signed), "trained this model and cannot sign", state="altered")


def test_the_trainer_cannot_sign_under_a_second_key_in_other_letters(board):
    signed = [*board.both(), board.sign("second")]
    _withheld(lambda: board.release(signed), "tara  TRAINER trained this model", state="not_approved")


def test_a_second_key_of_one_holder_does_not_make_a_second_person(board):
    key = board.keys.create("CHIDI chair", "data_protection_officer", b"again", created_on=board.today, made_up=True)
    board.ids["again"] = key
    signed = [board.sign("chair"), board.sign("again")]
    _withheld(lambda: board.release(signed), "CHIDI chair signed twice")


# Conditions, revocation, clock


def test_an_overdue_condition_lapses_the_release_unless_it_was_met_in_time(board, condition):
    made = board.release(board.both(conditions=(condition,)))
    late = condition.due + DAY
    assert board.verify(made.id, today=condition.due)
    _withheld(lambda: board.verify(made.id, today=late), "a condition is overdue since 2026-12-01", state="suspended")
    _meet(board, made, condition, "member", on=condition.due)
    assert board.verify(made.id, today=late)


@pytest.mark.parametrize("who", ["trainer", "second"])
def test_the_trainer_cannot_say_that_a_condition_was_met(board, condition, who):
    made = board.release(board.both(conditions=(condition,)))
    if who == "trainer":
        with pytest.raises(Refused, match="cannot decide on a release"):
            _meet(board, made, condition, who, on=board.today)
    else:
        _meet(board, made, condition, who, on=board.today)
    _withheld(lambda: board.verify(made.id, today=condition.due + DAY), "overdue")


def test_a_condition_met_too_late_or_in_an_edited_note_stays_overdue(board, condition):
    made = board.release(board.both(conditions=(condition,)))
    late = condition.due + DAY
    _meet(board, made, condition, "member", on=late)
    _withheld(lambda: board.verify(made.id, today=late), "overdue")
    (path,) = (board.workspace.releases / made.id).glob("met-*.json")
    path.write_text(path.read_text().replace(late.isoformat(), condition.due.isoformat()))
    _withheld(lambda: board.verify(made.id, today=late), "overdue")


def test_a_condition_overdue_on_the_day_of_release_keeps_it_back(board, condition):
    past = dataclasses.replace(condition, due=board.today - DAY)
    _withheld(lambda: board.release(board.both(conditions=(past,))), "overdue", state="suspended")
    assert not board.workspace.releases.exists()


def _meet(board, made, condition, who, on):
    gate.record_condition_met(
        board.workspace, made.id, condition, reasons="The report was shown to the board.", keys=board.keys,
        key_id=board.ids[who], password=who.encode(), today=on,
    )  # fmt: skip


def _revoke(board, made, who="officer"):
    gate.revoke(
        board.workspace, made.id, reasons="A data fault was found in the police extract.", keys=board.keys,
        key_id=board.ids[who], password=who.encode(), today=board.today,
    )  # fmt: skip


def test_a_revoked_release_is_suspended_whatever_becomes_of_the_note(board):
    made = board.release()
    _revoke(board, made)
    _withheld(lambda: board.verify(made.id), f"the release {made.id} was revoked", state="suspended")
    (board.workspace.releases / made.id / "revoked.json").write_text("")
    _withheld(lambda: board.verify(made.id), f"the release {made.id} was revoked", state="suspended")


def test_there_is_no_falling_back_to_an_earlier_release(board):
    board.release()
    second = board.release(board.both(reasons="Looked at again, with the same result."))
    _revoke(board, second)
    _withheld(lambda: current_release(board.workspace, board.keys, today=board.today, made_up=True), "was revoked")


def test_the_signatures_of_a_revoked_release_approve_nothing_more(board):
    signed = board.both()
    made = board.release(signed)
    _revoke(board, made)
    told = board.workspace.releases / made.id
    _withheld(lambda: board.release(signed, today=board.today + DAY), "belongs to a release that was revoked")
    (told / "release.json").unlink()  # the revocation itself still names them
    _withheld(lambda: board.release(signed), "belongs to a release that was revoked")
    shutil.copytree(told, told.parent / "copy")
    (told.parent / "copy" / "revoked.json").unlink()
    _withheld(lambda: board.verify("copy"))


def test_an_analyst_cannot_revoke_and_a_revocation_has_reasons(board):
    made = board.release()
    with pytest.raises(Refused, match="cannot decide"):
        _revoke(board, made, "trainer")
    with pytest.raises(Refused, match="no release nothing"):
        _revoke(board, dataclasses.make_dataclass("Made", ["id"])("nothing"))
    assert board.verify(made.id)


@pytest.mark.parametrize("who", ["chair", "trainer"])
def test_a_revoked_key_suspends_what_it_signed(board, who):
    made = board.release()
    board.keys.revoke(board.ids[who], board.today + DAY)
    assert board.verify(made.id)
    _withheld(lambda: board.verify(made.id, today=board.today + DAY), "was revoked on 2026-10-02", state="suspended")


def test_a_key_that_left_the_register_withholds(board):
    made = board.release()
    entries = json.loads((board.workspace.keys / "register.json").read_text())
    kept = [entry for entry in entries if entry["key_id"] != board.ids["chair"]]
    write_json(board.workspace.keys / "register.json", kept)
    _withheld(lambda: board.verify(made.id), "is not in the key register")


def test_a_clock_set_back_behind_the_log_withholds(board):
    made = board.release()
    _withheld(
        lambda: board.verify(made.id, log_last_time=dt.datetime(2026, 10, 2, tzinfo=dt.UTC)), "set the clock right",
        state="suspended",
    )  # fmt: skip
    assert board.verify(made.id, log_last_time=dt.datetime(2026, 10, 1, 23, 59, tzinfo=dt.UTC))
    assert board.verify(made.id, log_last_time=board.today)


def test_a_clock_set_back_behind_the_release_withholds_without_any_log(board):
    made = board.release(today=board.today + 2 * DAY)
    told = "the release is of 2026-10-03, after today (2026-10-02)"
    _withheld(lambda: board.verify(made.id, today=board.today + DAY), told, state="suspended")


def test_nobody_signs_before_their_key_existed_or_after_today(board):
    early = board.both(signed_on=dt.date(2026, 8, 15), expires_on=dt.date(2027, 2, 1))
    _withheld(lambda: board.release(early), "the sign-off of Chidi Chair is older than its key", state="altered")
    late = board.both(signed_on=board.today + DAY)
    _withheld(lambda: board.release(late), "Chidi Chair signed on 2026-10-02, after today", state="suspended")
    made = board.release()
    before = dt.date(2026, 8, 31)
    _withheld(lambda: board.verify(made.id, today=before), "key of Chidi Chair was made on 2026-09-01, after today")


def test_a_release_dated_before_its_sign_offs_is_not_believed(board):
    made = board.release()
    path = board.workspace.releases / made.id / "release.json"
    path.write_text(path.read_text().replace('"released_on": "2026-10-01"', '"released_on": "2026-09-01"'))
    _withheld(lambda: board.verify(made.id), "older than one of its sign-offs", state="altered")


def test_code_with_another_register_cannot_use_the_release(board):
    made = board.release()
    own = hash_json({"features": ["sanctions_2y"]})
    assert board.verify(made.id, register_hash=own)
    _withheld(lambda: board.verify(made.id, register_hash=hash_json({})), "feature register")
    _withheld(lambda: board.release(register_hash=hash_json({})), "feature register", state="altered")


# Altered files

BOUND = ("model.json", "model.lgb", "register.json", "schema.json", "cut_offs.json", "population.json", "purpose.json",
         "policy.toml", "audit.json", "scrutiny.json")  # fmt: skip


@pytest.fixture(scope="module")
def released(board_template, copy_board, tmp_path_factory):
    board = copy_board(board_template, tmp_path_factory.mktemp("released"))
    board.made = board.release()
    return board


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_byte_changed_anywhere_withholds(released, data):
    paths = [*(released.candidate / name for name in BOUND), released.workspace.policy,
             released.workspace.releases / released.made.id / "release.json"]  # fmt: skip
    path = data.draw(st.sampled_from(paths))
    whole = path.read_bytes()
    where = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[where]))
    try:
        path.write_bytes(whole[:where] + bytes([other]) + whole[where + 1 :])
        _withheld(lambda: released.verify(released.made.id))
    finally:
        path.write_bytes(whole)
    assert released.verify(released.made.id)


@pytest.mark.parametrize("name", BOUND)
def test_each_bound_file_is_needed_whole_and_unlinked(released, name, tmp_path):
    path = released.candidate / name
    whole = path.read_bytes()
    try:
        path.unlink()
        _withheld(lambda: released.verify(released.made.id), name, state="altered")
        (tmp_path / name).write_bytes(whole)
        path.symlink_to(tmp_path / name)
        _withheld(lambda: released.verify(released.made.id), "not a plain readable file", state="altered")
        path.unlink()
        path.write_bytes(whole + b"\n")
        _withheld(lambda: released.verify(released.made.id), name, state="altered")
    finally:
        path.unlink()
        path.write_bytes(whole)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"null", b"{}", b'{"sign_offs": 3}', b"\xff\xfe"])
def test_a_release_file_that_is_gone_or_corrupt_withholds(board, content):
    made = board.release()
    path = board.workspace.releases / made.id / "release.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    _withheld(lambda: board.verify(made.id), state="altered")
    options = {"today": board.today, "made_up": True}
    _withheld(lambda: current_release(board.workspace, board.keys, **options), state="altered")


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"candidate": {"files": []}}'])
def test_a_seal_that_is_gone_or_corrupt_withholds(board, content):
    made = board.release()
    path = board.run_folder / "manifest.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    _withheld(lambda: board.verify(made.id), "no readable seal", state="altered")


def test_a_swapped_model_with_a_seal_to_match_does_not_fit_the_trainers_signature(board):
    made = board.release()
    write_json(board.candidate / "model.json", {"points": [9, 9, 9]})
    manifest = json.loads((board.run_folder / "manifest.json").read_text())
    manifest["candidate"]["files"] = candidate_hashes(board.candidate)
    write_json(board.run_folder / "manifest.json", manifest)
    _withheld(lambda: board.verify(made.id), "the trainer's signature does not fit", "evidence has changed")


def test_a_model_sealed_again_by_its_trainer_is_not_what_the_board_approved(board):
    made = board.release()
    write_json(board.candidate / "model.json", {"points": [9, 9, 9]})
    board.seal()
    _withheld(lambda: board.verify(made.id), "evidence has changed", state="altered")


def test_a_strange_file_or_folder_in_the_candidate_withholds(board):
    made = board.release()
    (board.candidate / "model.pkl").write_bytes(b"")
    _withheld(lambda: board.verify(made.id), "model.pkl does not belong")
    (board.candidate / "model.pkl").unlink()
    (board.candidate / "more").mkdir()
    _withheld(lambda: board.verify(made.id), "more is not a plain readable file")


@pytest.mark.parametrize("part", ["candidate", "run", "release", "policy"])
def test_a_link_in_the_place_of_a_folder_or_the_policy_withholds(board, tmp_path, part):
    made = board.release()
    path = {"candidate": board.candidate, "run": board.run_folder, "policy": board.workspace.policy,
            "release": board.workspace.releases / made.id}[part]  # fmt: skip
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    _withheld(lambda: board.verify(made.id))


def test_a_policy_deleted_or_loosened_in_the_workspace_withholds(board, board_policy_text):
    made = board.release()
    write_text(board.workspace.policy, board_policy_text.replace("margin = 0.1", "margin = 0.2"))
    _withheld(lambda: board.verify(made.id), "workspace's policy.toml", state="altered")
    board.workspace.policy.unlink()
    _withheld(lambda: board.verify(made.id), "workspace's policy.toml", state="altered")


def test_a_copied_signature_does_not_fit_another_sign_off(board):
    chair, officer = board.both()
    forged = dataclasses.replace(officer, signature=chair.signature)
    _withheld(lambda: board.release([chair, forged]), "signature of Olu Officer does not fit", state="altered")
    forged = dataclasses.replace(chair, key_id=officer.key_id, holder=officer.holder, role=officer.role)
    _withheld(lambda: board.release([chair, forged]), "does not fit", state="altered")
    lent = board.sign("member", holder=officer.holder, role=officer.role)
    _withheld(lambda: board.release([chair, lent]), "has the key of somebody else", state="altered")


def test_a_sign_off_is_for_one_candidate_alone(board, copy_board, board_template, tmp_path):
    other = copy_board(board_template, tmp_path / "other")
    write_json(other.candidate / "model.json", {"points": [7]})
    other.seal()
    _withheld(lambda: board.release(other.both()), "the evidence has changed", state="altered")


def test_a_release_under_another_name_or_date_is_not_what_was_approved(board):
    made = board.release()
    folder = board.workspace.releases / made.id
    told = json.loads((folder / "release.json").read_text())
    told["expires_on"] = "2030-01-01"
    (folder / "release.json").write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")
    _withheld(lambda: board.verify(made.id), "is not what was approved", state="altered")
    for name in ("../x", ".hidden", "a/b", ""):
        _withheld(lambda name=name: board.verify(name))
        _withheld(lambda name=name: gate.release(
            board.workspace, name, board.both(), board.keys, today=board.today, made_up=True))  # fmt: skip


def test_two_releases_that_both_claim_to_be_current_withhold(board):
    made = board.release()
    shutil.copytree(board.workspace.releases / made.id, board.workspace.releases / "replayed")
    options = {"today": board.today, "made_up": True}
    _withheld(lambda: current_release(board.workspace, board.keys, **options), "several releases", state="altered")
    _withheld(lambda: board.verify("replayed"), "is not what was approved", state="altered")


def test_any_failure_that_nobody_thought_of_withholds(board, monkeypatch):
    made = board.release()

    def broken(*_, **__):
        raise RuntimeError("P00001 scored .7")

    monkeypatch.setattr(gate, "examine", broken)
    error = _withheld(lambda: board.verify(made.id), "could not be checked (RuntimeError)", state="altered")
    assert "P00001" not in str(error)
    _withheld(lambda: board.release(), "could not be checked")


def test_a_change_between_check_and_use_does_not_reach_the_reader(board):
    made = board.release()
    before = (board.candidate / "model.json").read_bytes()
    (board.candidate / "model.json").write_bytes(b"{}")
    with made.unpacked() as folder:
        assert (folder / "model.json").read_bytes() == before
        assert {path.name for path in folder.iterdir()} == set(BOUND)
    assert not folder.exists()
    with pytest.raises(TypeError):
        made.files["model.json"] = b"{}"


# Only the gate makes a Release


def test_a_reader_that_skips_verification_has_no_release_to_show(board):
    made = board.release()
    fields = {entry.name: getattr(made, entry.name) for entry in dataclasses.fields(Release)}
    for token in (None, object(), "made here"):
        with pytest.raises(TypeError, match="verify_release"):
            Release(**fields, token=token)
    with pytest.raises(TypeError, match="verify_release"):
        dataclasses.replace(made, expires_on=dt.date(2030, 1, 1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.expires_on = dt.date(2030, 1, 1)
    with pytest.raises(TypeError):
        pickle.dumps(made)
    assert copy.copy(made).expires_on == made.expires_on
