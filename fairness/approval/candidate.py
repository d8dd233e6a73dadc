"""A candidate: the files a board is asked about, bound by their hashes and sealed by whoever trained the model.

``runs/<id>/candidate/`` holds the files, ``runs/<id>/manifest.json`` the seal. Files are read once, as plain
files, and it is these bytes that are checked and used: no link is followed, nothing is read again later.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desist.fairness.approval.asked import questions_of
from desist.fairness.approval.gate import ALTERED, SUSPENDED, Cause, Evidence, key_causes, withhold
from desist.fairness.approval.kinds import Region, allowed
from desist.fairness.approval.region import FILE as REGION
from desist.fairness.approval.region import region_answers, region_causes
from desist.fairness.approval.scrutiny_file import FILE as SCRUTINY
from desist.fairness.approval.scrutiny_file import Scrutiny
from desist.fairness.approval.signoff import Keys, PublicKey, SigningKeys
from desist.fairness.audit import Audit, level_of
from desist.fairness.policy import Policy, load_policy, parse_policy
from desist.records.errors import Problem, Refused, UserError
from desist.records.files import read_json, write_bytes, write_json
from desist.records.hashing import canonical_json, hash_bytes, hash_json

FOLDER = "candidate"
MANIFEST = "manifest.json"
REQUIRED = (
    "audit.json",
    "cut_offs.json",
    "policy.toml",
    "population.json",
    "purpose.json",
    "register.json",
    "schema.json",
    SCRUTINY,
)
OPTIONAL = ("board.json", "conformance.json", REGION)
#: A model is one file or several whose names begin so; text formats only, never a pickle.
_MODEL = re.compile(r"model[A-Za-z0-9_.-]*\.(json|lgb|txt)")
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def is_id(name: str) -> bool:
    """Whether a name can be the folder of a run or release: no path, no hidden folder."""
    return bool(_ID.fullmatch(name))


def is_model_file(name: str) -> bool:
    return bool(_MODEL.fullmatch(name))


@dataclass(frozen=True)
class Seal:
    """The trainer's signature over the hashes of a run's candidate files."""

    run: str
    files: Mapping[str, str]
    trainer_key: str
    sealed_on: dt.date
    made_up: bool
    signature: str = ""

    @property
    def candidate_hash(self) -> str:
        """One hash for all files: what sign-offs bind."""
        return hash_json(dict(self.files))

    def content(self) -> bytes:
        """The canonical bytes that the trainer signs."""
        told = self.as_json()
        del told["signature"]
        return b"desist candidate 1\n" + canonical_json(told)

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "files": dict(self.files),
            "trainer_key": self.trainer_key,
            "sealed_on": self.sealed_on.isoformat(),
            "made_up": self.made_up,
            "signature": self.signature,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Seal:
        return cls(**{**told, "files": dict(told["files"]), "sealed_on": dt.date.fromisoformat(told["sealed_on"])})


@dataclass(frozen=True)
class Candidate:
    """A candidate whose files, seal, policy and audit fit each other; ``files`` are the bytes that were checked.

    ``region``: the region's answers about the same model, by finding and group; nothing where there are none.
    """

    run: str
    files: Mapping[str, bytes]
    seal: Seal
    trainer: PublicKey
    policy: Policy
    audit: Audit
    scrutiny: Scrutiny
    region: Region

    @property
    def hash(self) -> str:
        return self.seal.candidate_hash

    @property
    def audit_hash(self) -> str:
        return self.seal.files["audit.json"]

    @property
    def evidence(self) -> Evidence:
        """What sign-offs are held against."""
        return Evidence(
            candidate_hash=self.hash,
            audit_hash=self.audit_hash,
            trainer=self.trainer,
            policy=self.policy,
            questions=questions_of(self.audit, self.policy, self.scrutiny, self.region),
            allowed=allowed(self.audit, self.policy, self.region, made_on=self.seal.sealed_on),
            finding_ids=frozenset(finding.id for finding in self.audit.findings),
        )


def candidate_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a candidate folder. Raises Refused for a missing file, a link or a stranger."""
    files, problems = read_plain_files(folder)
    problems += list(_set_problems(files))
    if problems:
        raise Refused(f"The candidate folder {folder} cannot be used:", [_problem(text, folder) for text in problems])
    return {name: hash_bytes(content) for name, content in files.items()}


def write_policy_files(folder: Path, policy: Path) -> Policy:
    """Put the policy into a candidate folder, byte for byte, with the cut-offs and the purpose it states."""
    found = load_policy(policy)
    write_bytes(folder / "policy.toml", policy.read_bytes())
    write_json(folder / "cut_offs.json", found.cut_offs.as_json())
    write_json(folder / "purpose.json", {"purpose": found.purpose})
    return found


def seal_candidate(
    run_folder: Path,
    *,
    key_id: str,
    keys: SigningKeys,
    password: bytes,
    sealed_on: dt.date,
    made_up: bool,
    run: str = "",
) -> Seal:
    """Sign the candidate's hashes with the trainer's key and note them in the run's manifest.

    ``run`` is the name the folder will have, where it is still being built under another. Other entries of the
    manifest stay. Raises Refused where files are missing or contradict each other.
    """
    files, problems = read_plain_files(run_folder / FOLDER)
    problems += [*_set_problems(files), *_contents(files).problems]
    if problems:
        raise Refused(f"The run {run_folder} cannot be sealed:", [_problem(text, run_folder) for text in problems])
    hashes = {name: hash_bytes(content) for name, content in files.items()}
    draft = Seal(run or run_folder.name, hashes, key_id, sealed_on, made_up)
    seal = replace(draft, signature=keys.sign(key_id, password, draft.content()))
    path = run_folder / MANIFEST
    manifest = read_json(path) if path.exists() else {}
    write_json(path, {**manifest, "candidate": seal.as_json()})
    return seal


def check_candidate(run_folder: Path, keys: Keys, *, today: dt.date, made_up: bool) -> Candidate:
    """The candidate of a run, every file checked against the trainer's seal. Raises Withheld with all causes."""
    candidate, causes = examine(run_folder, keys, today=today, made_up=made_up)
    if candidate is None or causes:
        raise withhold(causes)
    return candidate


def examine(
    run_folder: Path, keys: Keys, *, today: dt.date, made_up: bool
) -> tuple[Candidate | None, list[Cause]]:
    """The candidate, if it can be read at all, and everything that is wrong with it."""
    files, problems = read_plain_files(run_folder / FOLDER)
    problems += list(_set_problems(files))
    told = _contents(files)
    seal = _seal(run_folder)
    causes = [Cause(ALTERED, text) for text in [*problems, *told.problems]]
    if seal is None:
        return None, [*causes, Cause(ALTERED, f"the run {run_folder.name} has no readable seal of its trainer")]
    causes += _seal_causes(seal, run_folder.name, files)
    causes += key_causes(keys, seal.trainer_key, today=today, made_up=made_up)
    causes += region_causes(files, keys, today=today, made_up=made_up)
    if seal.made_up and not made_up:
        causes.append(Cause(ALTERED, "the candidate was made from made-up data; the data here are not made up"))
    if seal.sealed_on > today:
        causes.append(Cause(SUSPENDED, f"the candidate was sealed on {seal.sealed_on}, after today: check the clock"))
    trainer = _trainer(keys, seal, today, causes)
    if told.policy is None or told.audit is None or told.scrutiny is None or trainer is None:
        return None, causes
    found = Candidate(
        run_folder.name, files, seal, trainer, told.policy, told.audit, told.scrutiny, told.region
    )
    return found, causes


def read_plain_files(folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """Name and bytes of each file in a folder, and what is wrong: no folder, links, subfolders, unreadable files."""
    if folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir():
        return {}, [f"{folder.parent.name}/{folder.name} is missing or a link"]
    files, problems = {}, []
    for path in sorted(folder.iterdir()):
        content = read_plain(path)
        if content is None:
            problems.append(f"{folder.name}/{path.name} is not a plain readable file")
        else:
            files[path.name] = content
    return files, problems


@contextmanager
def unpacked(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A private folder with the checked bytes of a candidate's files, gone when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="desist-candidate-"))
    try:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_plain(path: Path) -> bytes | None:
    """The bytes of a plain file; None where it is missing, a link, a folder or cannot be read."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            return file.read()
    except OSError:
        return None


def _problem(text: str, folder: Path) -> Problem:
    return Problem(text, str(folder), "a complete candidate", "Make the run again with `desist retrain`.")


def _set_problems(files: Mapping[str, bytes]) -> Iterator[str]:
    for name in REQUIRED:
        if name not in files:
            yield f"{FOLDER}/{name} is missing"
    if not any(is_model_file(name) for name in files):
        yield f"{FOLDER}/ has no model file"
    for name in files:
        if name not in (*REQUIRED, *OPTIONAL) and not is_model_file(name):
            yield f"{FOLDER}/{name} does not belong to a candidate"


@dataclass
class _Contents:
    """What could be read of a candidate's files, and where they contradict each other."""

    policy: Policy | None = None
    audit: Audit | None = None
    scrutiny: Scrutiny | None = None
    region: Region = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def _contents(files: Mapping[str, bytes]) -> _Contents:
    """Policy, audit, scrutiny and region of a candidate, and where its files contradict each other."""
    found = _Contents()
    for name, content in files.items():
        try:
            _read_one(found, name, content)
        except (ValueError, UserError):
            found.problems.append(f"{FOLDER}/{name} cannot be read")
    found.region = region_answers(files)
    policy, audit, told = found.policy, found.audit, found.told
    if policy and audit:
        found.problems += _audit_problems(policy, audit)
    if audit and found.scrutiny:
        found.problems += _level_problems(audit, found.scrutiny)
    if policy and told.get("cut_offs.json", policy.cut_offs.as_json()) != policy.cut_offs.as_json():
        found.problems.append(f"{FOLDER}/cut_offs.json are not the policy's cut-offs")
    if policy and told.get("purpose.json", {"purpose": policy.purpose}) != {"purpose": policy.purpose}:
        found.problems.append(f"{FOLDER}/purpose.json is not the policy's purpose")
    return found


def _read_one(found: _Contents, name: str, content: bytes) -> None:
    if name == "policy.toml":
        found.policy = parse_policy(content.decode("utf-8"), where=name)
    elif name == "audit.json":
        found.audit = Audit.from_json(content.decode("utf-8"))
    elif name == SCRUTINY:
        found.scrutiny = Scrutiny.from_json(content.decode("utf-8"))
    elif name in REQUIRED:
        found.told[name] = json.loads(content)


def _audit_problems(policy: Policy, audit: Audit) -> Iterator[str]:
    """Whether the audit was made under this policy and asked each of its questions at its margin."""
    if audit.policy_hash != policy.hash or audit.cut_off != policy.cut_offs.selection:
        yield "the audit was made under another policy"
    asked = [(rule.id, rule.metric, rule.characteristic, rule.margin) for rule in policy.findings]
    answered = [(found.id, found.metric, found.characteristic, found.margin) for found in audit.findings]
    if asked != answered:
        yield "the audit does not answer the policy's decision findings one for one"


def _level_problems(audit: Audit, scrutiny: Scrutiny) -> Iterator[str]:
    """Whether the intervals are as wide as the number of attempts on the same outcomes asks for."""
    if audit.level < level_of(scrutiny.attempt) - 1e-9:
        yield f"the outcomes were audited {scrutiny.attempt} times and the intervals are not corrected for it"


def _seal(run_folder: Path) -> Seal | None:
    content = read_plain(run_folder / MANIFEST)
    try:
        return Seal.from_json(json.loads(content)["candidate"]) if content is not None else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _seal_causes(seal: Seal, run: str, files: Mapping[str, bytes]) -> Iterator[Cause]:
    if seal.run != run:
        yield Cause(ALTERED, f"the seal of run {run} is that of another run")
    for name in sorted(seal.files.keys() | files.keys()):
        if name not in seal.files:
            yield Cause(ALTERED, f"{FOLDER}/{name} is not under the trainer's seal")
        elif name in files and hash_bytes(files[name]) != seal.files[name]:
            yield Cause(ALTERED, f"{FOLDER}/{name} was changed after the trainer sealed it")
        elif name not in files and name not in REQUIRED:
            yield Cause(ALTERED, f"{FOLDER}/{name} is missing")


def _trainer(keys: Keys, seal: Seal, today: dt.date, causes: list[Cause]) -> PublicKey | None:
    """The trainer's key, if the register has it; a signature that does not fit becomes a cause."""
    try:
        key = keys.get(seal.trainer_key)
    except Refused:
        return None  # said by key_causes
    if not (key.revoked_on and key.revoked_on <= today.isoformat()):
        try:
            keys.verify(seal.trainer_key, seal.content(), seal.signature, on=today)
        except Refused:
            causes.append(Cause(ALTERED, "the trainer's signature does not fit the candidate"))
    return key
