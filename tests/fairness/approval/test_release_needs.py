"""The gate: what a release needs, and what a candidate needs to be sealed."""

import dataclasses
import datetime as dt
import json
import shutil

import pytest

from desist.fairness.approval.release import candidate_hashes, check_candidate, current_release, seal_candidate
from desist.fairness.approval.signoff import sign
from desist.fairness.audit import audit
from desist.records.errors import Refused
from desist.records.files import write_json, write_text
from desist.records.hashing import hash_json
from tests.fairness.approval.release_kit import DAY, _withheld

# What a release needs


def test_two_role_holders_with_reasons_and_answers_make_a_release_that_verifies(board):
    made = board.release()
    again = board.verify(made.id)
    assert (again.id, again.run, again.outcome) == (made.id, "2026q4", "proven")
    assert again.released_on == board.today and again.expires_on == dt.date(2027, 3, 1)
    assert again.accepted["too-few-to-tell"].keys() == {"Chidi Chair", "Olu Officer"}
    assert current_release(board.workspace, board.keys, today=board.today, made_up=True).id == made.id


def test_a_release_binds_every_part_by_hash_and_holds_no_estimate(board):
    made = board.release()
    hashes = candidate_hashes(board.candidate)
    names = {"register": "register.json", "profile_schema": "schema.json", "policy": "policy.toml",
             "cut_offs": "cut_offs.json", "audit": "audit.json", "population_rule": "population.json",
             "purpose": "purpose.json", "scrutiny": "scrutiny.json"}  # fmt: skip
    assert {name: made.bindings[name] for name in names} == {name: hashes[file] for name, file in names.items()}
    assert made.bindings["model"] == hash_json({file: hashes[file] for file in ("model.json", "model.lgb")})
    told = (board.workspace.releases / made.id / "release.json").read_text()
    assert "score" not in told and "person_id" not in told


def test_before_anybody_has_signed_everything_missing_is_listed(board):
    error = _withheld(lambda: board.release([]), "nobody has", "board_chair", "data_protection_officer",
                      "too-few-to-tell was not answered", "Mixed", "shadow", state="not_approved")  # fmt: skip
    assert len(error.causes) == 5
    assert not board.workspace.releases.exists()


def test_one_signature_is_not_enough(board):
    _withheld(lambda: board.release([board.sign("chair")]), "only Chidi Chair did so", state="not_approved")


def test_two_approvals_without_the_role_the_policy_names_are_not_enough(board):
    signed = [board.sign("chair"), board.sign("member")]
    _withheld(lambda: board.release(signed), "the data_protection_officer: there is none", state="not_approved")


def test_every_approving_signer_answers_every_question(board):
    signed = [board.sign("chair"), board.sign("officer", answers={})]
    error = _withheld(
        lambda: board.release(signed), "too-few-to-tell was not answered by Olu Officer", state="audit_failed"
    )
    assert "by Olu Officer" in error.causes[0] and "Chidi" not in error.causes[0]


def test_a_finding_that_is_met_needs_no_answer_and_an_unknown_one_gets_none(board):
    assert board.release().accepted.keys() == {"too-few-to-tell"}
    answers = {**board.draft("chair").answers, "no-such-finding": "An answer to something else."}
    _withheld(lambda: board.release(board.both(answers=answers)), "no-such-finding, which nobody asks")


def test_a_refusal_stands_beside_two_approvals(board):
    refusal = board.sign("member", decision="refuse", reasons="The margins were set after the results.")
    _withheld(lambda: board.release([*board.both(), refusal]), "Mina Member (board_member) refused", "margins were set")


def test_one_signature_handed_in_twice_counts_once(board):
    signed = board.sign("chair")
    _withheld(lambda: board.release([signed, signed]), "signed twice", "only Chidi Chair")


def test_an_approval_longer_than_the_policy_allows_is_refused(board):
    _withheld(lambda: board.release(board.both(expires_on=dt.date(2027, 4, 2))), "longer than the policy's 6 months")
    assert board.release(board.both(expires_on=dt.date(2027, 4, 1)))


def test_the_shortest_sign_off_ends_the_release(board):
    made = board.release([board.sign("chair", expires_on=dt.date(2026, 11, 1)), board.sign("officer")])
    assert made.expires_on == dt.date(2026, 11, 1)
    assert board.verify(made.id, today=dt.date(2026, 11, 1))
    _withheld(lambda: board.verify(made.id, today=dt.date(2026, 11, 2)), "ended on 2026-11-01", state="expired")


def test_evidence_made_again_after_signing_needs_new_signatures(board):
    signed = board.both()
    write_json(board.candidate / "model.json", {"points": [1, 2, 4]})
    board.seal()
    _withheld(lambda: board.release(signed), "the evidence has changed since Chidi Chair signed", state="altered")


def test_demo_keys_release_nothing_where_people_are_real(board):
    _withheld(lambda: board.release(made_up=False), "demo key", "made from made-up data")
    made = board.release()
    _withheld(lambda: board.verify(made.id, made_up=False), "demo key; the data here are not made up")


def test_releasing_twice_changes_nothing(board):
    signed = board.both()
    made = board.release(signed)
    again = board.release(signed, today=board.today + DAY)
    assert again.id == made.id and len(list(board.workspace.releases.iterdir())) == 1


def test_a_later_release_takes_the_place_of_the_earlier(board):
    first, second = board.release(), board.release(board.both(reasons="Looked at again, with the same result."))
    assert second.supersedes == (first.id,)
    assert current_release(board.workspace, board.keys, today=board.today, made_up=True).id == second.id
    _withheld(lambda: board.verify(first.id), "a later release took the place", state="suspended")


def test_nothing_released_is_not_approved(board):
    options = {"today": board.today, "made_up": True}
    _withheld(lambda: current_release(board.workspace, board.keys, **options), "no release", state="not_approved")
    _withheld(lambda: board.verify("0123456789abcdef"), "no release of that name", state="not_approved")
    board.release()
    _withheld(lambda: current_release(board.workspace, board.keys, outcome="serious", **options), "no release")


# Candidates


def test_a_candidate_is_sealed_only_when_its_files_fit_each_other(board, board_policy_text):
    cut_offs = {"steps": [0.1, 0.2, 0.3], "selection": 0.5, "consequence": "both"}
    for name, content, told in [
        ("cut_offs.json", cut_offs, "not the policy's cut-offs"),
        ("purpose.json", {"purpose": "aggregate_plan_monitoring"}, "not the policy's purpose"),
    ]:
        whole = (board.candidate / name).read_bytes()
        write_json(board.candidate / name, content)
        with pytest.raises(Refused, match=told):
            board.seal()
        (board.candidate / name).write_bytes(whole)
    write_text(board.candidate / "policy.toml", board_policy_text + "# another\n")
    with pytest.raises(Refused, match="another policy"):
        board.seal()
    write_text(board.candidate / "policy.toml", board_policy_text)
    (board.candidate / "audit.json").unlink()
    with pytest.raises(Refused, match=r"audit\.json is missing"):
        board.seal()


def test_an_audit_with_a_question_left_out_is_not_sealed(board, rows, policy):
    scores, outcomes, table = rows({("Male", "White"): 60, ("Female", "White"): 60})
    fewer = dataclasses.replace(policy, findings=policy.findings[:1])
    made = audit(scores, outcomes, "proven", table, fewer, seed=1, replicates=5)
    write_text(board.candidate / "audit.json", made.to_json())
    with pytest.raises(Refused, match="one for one"):
        board.seal()


def test_sealing_keeps_what_else_the_manifest_says(board):
    manifest = json.loads((board.run_folder / "manifest.json").read_text())
    write_json(board.run_folder / "manifest.json", {**manifest, "seconds": 12})
    seal = board.seal()
    assert json.loads((board.run_folder / "manifest.json").read_text())["seconds"] == 12
    found = check_candidate(board.run_folder, board.keys, today=board.today, made_up=True)
    assert found.hash == seal.candidate_hash and found.trainer.holder == "Tara Trainer"


def test_a_candidate_of_another_run_or_from_tomorrow_is_noticed(board):
    shutil.copytree(board.run_folder, board.workspace.runs / "copied")
    options = {"made_up": True}
    _withheld(
        lambda: check_candidate(board.workspace.runs / "copied", board.keys, today=board.today, **options),
        "that of another run",
    )  # fmt: skip
    _withheld(lambda: check_candidate(board.run_folder, board.keys, today=board.today - DAY, **options), "clock")


def test_a_seal_needs_the_trainers_password(board):
    with pytest.raises(Refused, match="password"):
        seal_candidate(board.run_folder, key_id=board.ids["trainer"], keys=board.keys, password=b"guess",
                       sealed_on=board.today, made_up=True)  # fmt: skip


def test_signing_properly_and_releasing_is_one_story(board, condition):
    signed = [sign(board.draft(who, conditions=(condition,)), board.keys, who.encode()) for who in ("chair", "officer")]
    made = board.release(signed)
    assert made.conditions == (condition,) and made.policy.version == "test-1" and made.audit.outcome == "proven"
