import datetime as dt

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desist.records.errors import Refused
from desist.records.keys import KeyRegister, OwnKeyFile

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


# A holder's own key file


def own_pair(folder, form="pem", password=b""):
    """A key pair in files as openssl or ssh-keygen writes them: the public one's content, the private one's path."""
    private = Ed25519PrivateKey.generate()
    secret = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    layout = serialization.PrivateFormat.OpenSSH if form == "ssh" else serialization.PrivateFormat.PKCS8
    path = folder / "own.key"
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, layout, secret))
    if form == "ssh":
        public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    else:
        pem = serialization.PublicFormat.SubjectPublicKeyInfo
        public = private.public_key().public_bytes(serialization.Encoding.PEM, pem)
    return public, path


@pytest.mark.parametrize(("form", "password"), [("pem", b""), ("pem", b"own"), ("ssh", b"")])
def test_a_holder_signs_with_a_key_file_of_their_own_that_the_installation_does_not_keep(
    keys, tmp_path, form, password
):
    public, path = own_pair(tmp_path, form, password)
    key_id = keys.add_own("A. Chair", "board_chair", public, created_on=DAY)
    assert [entry.name for entry in keys.folder.iterdir()] == ["register.json"]
    with pytest.raises(Refused, match="not held by this installation"):
        keys.sign(key_id, password, b"the audit")
    signature = OwnKeyFile(keys.folder, path).sign(key_id, password, b"the audit")
    assert keys.verify(key_id, b"the audit", signature, on=DAY).holder == "A. Chair"


def test_another_key_file_a_wrong_password_or_no_file_signs_nothing(keys, tmp_path):
    public, path = own_pair(tmp_path, password=b"own")
    key_id = keys.add_own("A. Chair", "board_chair", public, created_on=DAY)
    with pytest.raises(Refused, match="does not open it"):
        OwnKeyFile(keys.folder, path).sign(key_id, b"guess", b"the audit")
    with pytest.raises(Refused, match="cannot be read"):
        OwnKeyFile(keys.folder, tmp_path / "none").sign(key_id, b"", b"the audit")
    (tmp_path / "other").mkdir()
    _, other = own_pair(tmp_path / "other")
    with pytest.raises(Refused, match="not the private half"):
        OwnKeyFile(keys.folder, other).sign(key_id, b"", b"the audit")


def test_a_key_that_is_none_or_is_somebodys_already_is_not_registered(keys, tmp_path):
    with pytest.raises(Refused, match="no public Ed25519 key"):
        keys.add_own("A. Chair", "board_chair", b"ssh-rsa AAAA", created_on=DAY)
    public, _ = own_pair(tmp_path)
    keys.add_own("A. Chair", "board_chair", public, created_on=DAY)
    with pytest.raises(Refused, match="has the key"):
        keys.add_own("B. Member", "board_member", public, created_on=DAY)
    with pytest.raises(Refused, match="already has a key"):
        keys.add_own("A. Chair", "board_member", own_pair(tmp_path)[0], created_on=DAY)


def test_a_public_key_somebody_else_holds_is_noted_once_and_cannot_sign_here(keys, tmp_path):
    elsewhere = KeyRegister(tmp_path / "elsewhere")
    made = elsewhere.create("R. Chair", "board_chair", b"pass", created_on=DAY)
    key_id = keys.add_public("A region", "region", elsewhere.get(made).public, created_on=DAY)
    assert key_id == made and keys.get(key_id).role == "region"
    keys.verify(key_id, b"a pack", elsewhere.sign(made, b"pass", b"a pack"), on=DAY)
    with pytest.raises(Refused, match="not held by this installation"):
        keys.sign(key_id, b"pass", b"a pack")
    with pytest.raises(Refused, match="has the key"):
        keys.add_public("Another name", "region", elsewhere.get(made).public, created_on=DAY)
    with pytest.raises(Refused, match="already has a key"):
        keys.add_public("A region", "region", "ab" * 32, created_on=DAY)


@pytest.mark.parametrize("public", ["", "ab", "nothing"])
def test_what_is_no_public_key_is_not_noted(keys, public):
    with pytest.raises(Refused, match="no public Ed25519 key"):
        keys.add_public("A region", "region", public, created_on=DAY)


@pytest.mark.parametrize("content", ["[", "[{}]", "{}[]", "3", "[3]", '[{"key_id": 1}]', "null", '{"a": 1}'])
def test_a_register_that_is_none_is_refused_with_what_to_do(tmp_path, content):
    (tmp_path / "register.json").write_text(content, encoding="utf-8")
    keys = KeyRegister(tmp_path)
    for ask in (keys.all, lambda: keys.get("k"), lambda: keys.find("A. B."), lambda: keys.revoke("k", DAY)):
        with pytest.raises(Refused, match="Restore it from a backup"):
            ask()
    assert (tmp_path / "register.json").read_text(encoding="utf-8") == content


def test_a_register_with_a_value_of_another_kind_is_none(tmp_path):
    keys = KeyRegister(tmp_path)
    keys.create("A. B.", "analyst", b"secret", created_on=DAY)
    path = tmp_path / "register.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"revoked_on": ""', '"revoked_on": 0'), encoding="utf-8")
    with pytest.raises(Refused, match="damaged or was edited"):
        keys.all()
