import datetime as dt

import pytest

from desist.records.errors import Refused
from desist.records.keys import KeyRegister

DAY = dt.date(2026, 10, 1)


@pytest.fixture
def keys(tmp_path):
    return KeyRegister(tmp_path / "keys")


def test_a_signature_names_its_holder_and_fits_only_what_was_signed(keys):
    key_id = keys.create("A. Chair", "board_chair", b"pass", created_on=DAY)
    signature = keys.sign(key_id, b"pass", b"the audit")
    assert keys.verify(key_id, b"the audit", signature, on=DAY).holder == "A. Chair"
    with pytest.raises(Refused, match="does not fit"):
        keys.verify(key_id, b"another audit", signature, on=DAY)
    with pytest.raises(Refused, match="does not fit"):
        keys.verify(key_id, b"the audit", "nonsense", on=DAY)


def test_a_wrong_password_signs_nothing(keys):
    key_id = keys.create("A. Chair", "board_chair", b"pass", created_on=DAY)
    with pytest.raises(Refused, match="password"):
        keys.sign(key_id, b"guess", b"the audit")


def test_a_copied_signature_does_not_fit_another_key(keys):
    one = keys.create("A. Chair", "board_chair", b"pass", created_on=DAY)
    two = keys.create("B. Member", "board_member", b"pass", created_on=DAY)
    signature = keys.sign(one, b"pass", b"the audit")
    with pytest.raises(Refused, match="does not fit"):
        keys.verify(two, b"the audit", signature, on=DAY)


def test_a_revoked_key_counts_from_the_day_it_was_revoked(keys):
    key_id = keys.create("A. Chair", "board_chair", b"pass", created_on=DAY)
    signature = keys.sign(key_id, b"pass", b"the audit")
    keys.revoke(key_id, DAY + dt.timedelta(days=1))
    assert keys.verify(key_id, b"the audit", signature, on=DAY)
    with pytest.raises(Refused, match="revoked"):
        keys.verify(key_id, b"the audit", signature, on=DAY + dt.timedelta(days=1))


def test_one_holder_has_one_key_at_a_time(keys):
    keys.create("A. Chair", "board_chair", b"pass", created_on=DAY)
    with pytest.raises(Refused, match="already has a key"):
        keys.create("A. Chair", "board_member", b"pass", created_on=DAY)


def test_only_a_demo_key_comes_from_a_seed_and_it_says_so(keys):
    with pytest.raises(Refused, match="only demo keys"):
        keys.create("A. Chair", "board_chair", b"pass", created_on=DAY, seed=bytes(32))
    key_id = keys.create("A. Chair", "board_chair", b"pass", created_on=DAY, made_up=True, seed=bytes(32))
    assert keys.get(key_id).made_up


def test_the_private_half_is_never_written_unencrypted(keys):
    key_id = keys.create("A. Chair", "board_chair", b"pass", created_on=DAY)
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (keys.folder / f"{key_id}.pem").read_bytes()
