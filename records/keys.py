"""Keys of role holders and what they sign.

The installation keeps each private key encrypted under its holder's password. On one laptop somebody with
the files can swap the register of public keys: signatures make tampering visible, they do not prevent it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from desist.records.errors import Refused
from desist.records.files import read_json, write_bytes, write_json
from desist.records.hashing import hash_bytes, hash_json


@dataclass(frozen=True)
class PublicKey:
    """Whose key it is and since when; dates are ISO text, ``revoked_on`` empty while the key is good."""

    key_id: str
    holder: str
    role: str
    public: str
    made_up: bool
    created_on: str
    revoked_on: str = ""

    @property
    def entry_hash(self) -> str:
        """The hash of everything about the key but its revocation, which the log notes by itself."""
        return hash_json({**asdict(self), "revoked_on": ""})

    @property
    def created_event(self) -> dict[str, Any]:
        """What the log notes when the key is made, so that no entry can be changed or added behind it."""
        return {"reason": self.role, "dataset": self.key_id, "correlation": self.entry_hash}


#: What each field of a key holds, in their order.
_KINDS = (str, str, str, str, bool, str, str)


class KeyRegister:
    """The public keys of a workspace and, where the installation holds them, the encrypted private ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def _list(self) -> Path:
        return self.folder / "register.json"

    def all(self) -> list[PublicKey]:
        """Every key that was ever noted. Raises Refused where the register is none."""
        if not self._list.exists():
            return []
        try:
            found = [PublicKey(**entry) for entry in read_json(self._list)]
            whole = all(type(value) is kind for key in found for value, kind in zip(astuple(key), _KINDS, strict=True))
        except (OSError, ValueError, TypeError, AttributeError):
            found, whole = [], False
        if not whole:
            raise Refused(
                f"The key register {self._list} is damaged or was edited. Restore it from a backup: the log tells "
                "which keys were made and revoked."
            )
        return found

    def get(self, key_id: str) -> PublicKey:
        """The key of that id. Raises Refused if the register has none."""
        for key in self.all():
            if key.key_id == key_id:
                return key
        raise Refused(f"The key register {self._list} has no key {key_id}. `desist keys` lists the keys it has.")

    def find(self, holder: str) -> PublicKey:
        """The unrevoked key of a holder. Raises Refused if there is none."""
        for key in self.all():
            if key.holder == holder and not key.revoked_on:
                return key
        raise Refused(f"No key in {self._list} belongs to {holder}. Make one with `desist keys new`.")

    def create(
        self,
        holder: str,
        role: str,
        password: bytes,
        *,
        created_on: dt.date,
        made_up: bool = False,
        seed: bytes | None = None,
    ) -> str:
        """Make a key pair and return its id; the private half is written encrypted.

        ``seed`` (32 bytes) makes the same pair again: for the demo only, and only as a made-up key.
        """
        if not password:
            raise Refused("A key needs a password.")
        if seed is not None and not made_up:
            raise Refused("A key from a seed can be made by anybody who knows the seed: only demo keys are.")
        self._has_none(holder)
        private = Ed25519PrivateKey.from_private_bytes(seed) if seed else Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes_raw()
        key = PublicKey(hash_bytes(public)[:16], holder, role, public.hex(), made_up, created_on.isoformat())
        encrypted = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password),
        )
        write_bytes(self.folder / f"{key.key_id}.pem", encrypted)
        (self.folder / f"{key.key_id}.pem").chmod(0o600)
        write_json(self._list, [asdict(entry) for entry in [*self.all(), key]])
        return key.key_id

    def add_public(
        self, holder: str, role: str, public: str, *, created_on: dt.date, made_up: bool = False
    ) -> str:
        """Note the public half of a key whose private half somebody else holds; returns its id.

        ``public``: 32 bytes in hexadecimal. Raises Refused where it is no Ed25519 key, or holder or key are known.
        """
        try:
            raw = bytes.fromhex(public)
            Ed25519PublicKey.from_public_bytes(raw)
        except ValueError as error:
            raise Refused("That is no public Ed25519 key: 64 hexadecimal characters are expected.") from error
        key_id = hash_bytes(raw)[:16]
        self._has_none(holder)
        if any(key.key_id == key_id for key in self.all()):
            raise Refused(f"The register has the key {key_id} already.")
        key = PublicKey(key_id, holder, role, raw.hex(), made_up, created_on.isoformat())
        write_json(self._list, [asdict(entry) for entry in [*self.all(), key]])
        return key_id

    def add_own(self, holder: str, role: str, public: bytes, *, created_on: dt.date) -> str:
        """Note the public half of a holder's own Ed25519 key and return its id; the private half stays theirs.

        ``public``: the key file as ``openssl`` (PEM) or ``ssh-keygen`` writes it. Raises Refused for any other key,
        and for one that is known already.
        """
        return self.add_public(holder, role, _read_public(public).public_bytes_raw().hex(), created_on=created_on)

    def _has_none(self, holder: str) -> None:
        if any(key.holder == holder and not key.revoked_on for key in self.all()):
            raise Refused(f"{holder} already has a key. Revoke it before making another.")

    def revoke(self, key_id: str, on: dt.date) -> None:
        """From ``on`` the key's signatures count no more, earlier ones included."""
        self.get(key_id)
        entries = [asdict(key) for key in self.all()]
        for entry in entries:
            if entry["key_id"] == key_id:
                entry["revoked_on"] = on.isoformat()
        write_json(self._list, entries)

    def sign(self, key_id: str, password: bytes, content: bytes) -> str:
        """The signature in hexadecimal. Raises Refused for a wrong password or a key held elsewhere."""
        path = self.folder / f"{self.get(key_id).key_id}.pem"
        if not path.exists():
            raise Refused(f"The private half of key {key_id} is not held by this installation.")
        try:
            private = serialization.load_pem_private_key(path.read_bytes(), password)
        except ValueError as error:
            raise Refused(f"The password does not open key {key_id}. Nothing was signed.") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise Refused(f"Key {key_id} is not an Ed25519 key.")
        return private.sign(content).hex()

    def verify(self, key_id: str, content: bytes, signature: str, *, on: dt.date) -> PublicKey:
        """The key that signed ``content``.

        Raises Refused if the signature does not fit or the key was revoked by ``on``.
        """
        key = self.get(key_id)
        if key.revoked_on and key.revoked_on <= on.isoformat():
            raise Refused(f"The key {key_id} was revoked on {key.revoked_on}.")
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.public)).verify(bytes.fromhex(signature), content)
        except (InvalidSignature, ValueError) as error:
            raise Refused(f"A signature of key {key_id} does not fit what it stands under.") from error
        return key


class OwnKeyFile(KeyRegister):
    """The register, signing with a private key in a holder's own file; nothing of that file is kept."""

    def __init__(self, folder: Path, file: Path) -> None:
        super().__init__(folder)
        self.file = file

    def sign(self, key_id: str, password: bytes, content: bytes) -> str:
        """The signature in hexadecimal. ``password`` is the file's own, empty where it has none.

        Raises Refused for a file that cannot be read, a wrong password, or another key than the registered one.
        """
        private = _read_private(self.file, password)
        if private.public_key().public_bytes_raw().hex() != self.get(key_id).public:
            raise Refused(f"{self.file} is not the private half of key {key_id}. Nothing was signed.")
        return private.sign(content).hex()


def _read_public(content: bytes) -> Ed25519PublicKey:
    for load in (serialization.load_pem_public_key, serialization.load_ssh_public_key):
        try:
            key = load(content)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, Ed25519PublicKey):
            return key
    raise Refused(
        "This is no public Ed25519 key. Make one with `ssh-keygen -t ed25519` or `openssl genpkey -algorithm ed25519`, "
        "and hand in the public half."
    )


def _read_private(file: Path, password: bytes) -> Ed25519PrivateKey:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Refused(f"The key file {file} cannot be read. Nothing was signed.") from error
    for load in (serialization.load_pem_private_key, serialization.load_ssh_private_key):
        for secret in (password or None, None):
            try:
                key = load(content, secret)
            except (ValueError, TypeError, UnsupportedAlgorithm):
                continue
            if isinstance(key, Ed25519PrivateKey):
                return key
    raise Refused(f"{file} is no private Ed25519 key, or the password does not open it. Nothing was signed.")
