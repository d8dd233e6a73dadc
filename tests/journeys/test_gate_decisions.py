"""Who signs, with which key and what answers, and what the gate makes of it."""

import json

import pytest

from tests.journeys.gate_kit import WITHHELD, decision_file, estimates_in, refused, sign_pilot, signed


def test_two_role_holders_who_sign_with_reasons_open_the_gate(quarter, tmp_path):
    quarter.without_sign_offs()
    for holder in ("Demo chair", "Demo data protection officer"):
        assert signed(quarter, tmp_path, holder).returncode == 0
    assert quarter.do("release").returncode == 0
    assert quarter.score().returncode == 0
    assert quarter.do("list").returncode == 0
    assert estimates_in(quarter.workspace) != []


def test_a_pilot_that_would_bring_more_people_to_review_than_it_may_is_withheld(quarter, tmp_path):
    assert sign_pilot(quarter, tmp_path, most_people=1).returncode == 0
    refused(quarter, r"the pilot may bring 1 people to review, this list would make it \d+|no list was made yet")
    assert "the pilot may bring 1 people" in quarter.score().stderr


def test_a_pilot_larger_than_the_policy_allows_is_not_released(quarter, tmp_path):
    ran = sign_pilot(quarter, tmp_path, most_people=100_000)
    assert ran.returncode == WITHHELD and "approved a pilot of 100000 people; the policy allows" in ran.stderr


def test_the_list_says_on_what_terms_the_board_released(quarter):
    assert quarter.do("list").returncode == 0
    told = json.loads((quarter.workspace / "releases" / quarter.release / "release.json").read_text(encoding="utf-8"))
    page = quarter.page()
    assert told["scope"] in ("release", "conditions", "pilot")
    assert ("On what terms the board released" in page) == bool(told["conditions"] or told["open_groups"])
    for condition in told["conditions"]:
        assert condition["text"] in page


def test_a_member_signs_with_a_key_file_of_their_own(quarter, tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private, own = Ed25519PrivateKey.generate(), tmp_path / "own"
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    own.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, plain))
    public = own.with_suffix(".pub")
    layout = serialization.PublicFormat.OpenSSH
    public.write_bytes(private.public_key().public_bytes(serialization.Encoding.OpenSSH, layout))
    quarter.without_sign_offs()
    made = quarter.do("keys", "new", "E. Member", "--role", "board_member", "--own", public)
    assert made.returncode == 0, made.stderr
    decision = decision_file(quarter, tmp_path)
    ran = quarter.do("sign", decision, "--holder", "E. Member", "--key-file", own)
    assert ran.returncode == 0, ran.stderr
    for holder in ("Demo chair", "Demo data protection officer"):
        assert signed(quarter, tmp_path, holder).returncode == 0
    assert quarter.do("release").returncode == 0


def test_the_trainer_cannot_sign(quarter, tmp_path):
    quarter.without_sign_offs()
    assert signed(quarter, tmp_path, "Demo chair").returncode == 0
    ran = signed(quarter, tmp_path, "Demo analyst")
    assert ran.returncode == 2 and "analyst" in ran.stderr
    assert quarter.do("release").returncode == WITHHELD
    refused(quarter, "there is no release")


def test_one_signature_is_not_enough(quarter, tmp_path):
    quarter.without_sign_offs()
    assert signed(quarter, tmp_path, "Demo chair").returncode == 0
    ran = quarter.do("release")
    assert ran.returncode == WITHHELD and "only Demo chair did so" in ran.stderr


def test_a_refusal_holds_even_beside_approvals(quarter, tmp_path):
    quarter.without_sign_offs()
    assert signed(quarter, tmp_path, "Demo chair").returncode == 0
    assert signed(quarter, tmp_path, "Demo data protection officer", decision='"refuse"').returncode == 0
    ran = quarter.do("release")
    assert ran.returncode == WITHHELD and "Demo data protection officer (data_protection_officer) refused" in ran.stderr


def test_a_finding_without_an_answer_keeps_the_gate_shut(quarter, tmp_path):
    quarter.without_sign_offs()
    decision = decision_file(quarter, tmp_path)
    lines = decision.read_text(encoding="utf-8").splitlines()
    answered = [
        line for line in lines[lines.index(next(x for x in lines if x.startswith("[answers]"))) :]
        if line.startswith('"') and ' = "' in line
    ]
    assert answered, "the demo has at least one finding that cannot be assessed"
    decision.write_text("\n".join(line for line in lines if line != answered[0]), encoding="utf-8")
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    for holder in ("Demo chair", "Demo data protection officer"):
        assert quarter.do("sign", decision, "--holder", holder, "--password-file", password).returncode == 0
    ran = quarter.do("release")
    assert ran.returncode == WITHHELD
    assert f"the question {json.loads(answered[0].partition(' = ')[0])} was not answered" in ran.stderr


def test_a_wrong_password_signs_nothing(quarter, tmp_path):
    quarter.without_sign_offs()
    password = tmp_path / "wrong"
    password.write_text("guess\n", encoding="utf-8")
    ran = quarter.do("sign", decision_file(quarter, tmp_path), "--holder", "Demo chair", "--password-file", password)
    assert ran.returncode == 2 and "The password does not open" in ran.stderr
    assert not (quarter.workspace / "runs" / quarter.run / "sign_offs").exists()


def test_the_trainer_under_a_second_name_cannot_sign(quarter, tmp_path):
    quarter.without_sign_offs()
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    made = quarter.do("keys", "new", "demo  ANALYST", "--role", "board_chair", "--password-file", password)
    assert made.returncode == 0
    for holder in ("demo  ANALYST", "Demo data protection officer"):
        assert signed(quarter, tmp_path, holder).returncode == 0
    ran = quarter.do("release")
    assert ran.returncode == WITHHELD and "trained this model and cannot sign" in ran.stderr


def test_one_changed_byte_of_a_decision_counts_for_nothing(quarter, tmp_path):
    quarter.without_sign_offs()
    for holder in ("Demo chair", "Demo data protection officer"):
        signed(quarter, tmp_path, holder)
    path = next((quarter.workspace / "runs" / quarter.run / "sign_offs").glob("*.json"))
    path.write_text(path.read_text(encoding="utf-8").replace("the pilot", "the Pilot"), encoding="utf-8")
    ran = quarter.do("release")
    assert ran.returncode == WITHHELD and "does not fit what it stands under" in ran.stderr


def test_a_run_that_was_decided_on_is_not_made_anew(quarter, tmp_path):
    password = tmp_path / "password"
    password.write_text("demo\n", encoding="utf-8")
    words = ("retrain", "--as-of", "2026-10-01", "--trainer", "Demo analyst", "--password-file", password)
    ran = quarter.do(*words)
    assert ran.returncode == 2 and "decisions on it are recorded" in ran.stderr
    assert quarter.do("list").returncode == 0


def test_a_trainer_with_a_wrong_password_is_told_before_the_work(quarter, tmp_path):
    quarter.without_sign_offs()
    password = tmp_path / "wrong"
    password.write_text("guess\n", encoding="utf-8")
    before = sorted(path.name for path in (quarter.workspace / "runs").rglob("*"))
    words = ("retrain", "--as-of", "2026-10-01", "--trainer", "Demo analyst", "--password-file", password)
    ran = quarter.do(*words)
    assert ran.returncode == 2 and "The password does not open" in ran.stderr
    assert sorted(path.name for path in (quarter.workspace / "runs").rglob("*")) == before


@pytest.mark.parametrize("content", [None, ""])
def test_a_password_file_that_is_none_gets_a_plain_message(quarter, tmp_path, content):
    path = tmp_path / "password"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    ran = quarter.do("keys", "new", "E. Member", "--role", "board_member", "--password-file", path)
    assert ran.returncode == 2 and "password" in ran.stderr
