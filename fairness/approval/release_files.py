"""What lies in ``releases/``: each release's own file, its revocation, and notes of conditions that were met.

Reading here checks form only; whether a release holds is decided in ``release``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from desist.fairness.approval.candidate import Candidate, is_id, is_model_file, read_plain
from desist.fairness.approval.gate import ALTERED, NOT_APPROVED, SUSPENDED, Cause, key_causes, withhold
from desist.fairness.approval.signoff import (
    SHORTEST_TEXT,
    Condition,
    Keys,
    PublicKey,
    SigningKeys,
    SignOff,
    conditions_of,
    pilot_json,
    pilot_of,
    same_person,
    scope_of,
)
from desist.records.codes import SIGNING_ROLES
from desist.records.errors import Refused
from desist.records.files import write_json
from desist.records.hashing import canonical_json, hash_bytes, hash_json
from desist.records.workspace import Workspace

FORMAT = 2
RELEASE = "release.json"
REVOKED = "revoked"
MET = "met"


@dataclass(frozen=True)
class Note:
    """A role holder's signed word on a release: that it is revoked, or that a condition was met.

    ``about``: the signatures that a revocation withdraws, or the id of the condition.
    """

    kind: str
    release: str
    about: tuple[str, ...]
    reasons: str
    key_id: str
    on: str
    signature: str = ""

    def content(self) -> bytes:
        """The canonical bytes that the signature is over."""
        told = asdict(self)
        del told["signature"]
        return b"desist note 1\n" + canonical_json(told)


def write_note(
    folder: Path, draft: Note, name: str, *, keys: SigningKeys, password: bytes, today: dt.date
) -> None:
    """Sign a note with a role holder's key and put it beside the release."""
    key = keys.get(draft.key_id)
    if key.role not in SIGNING_ROLES or (key.revoked_on and key.revoked_on <= today.isoformat()):
        raise Refused(f"The key of {key.holder} ({key.role}) cannot decide on a release.")
    if len(draft.reasons.strip()) < SHORTEST_TEXT:
        raise Refused(f"Write the reasons down, in at least {SHORTEST_TEXT} characters.")
    signed = replace(draft, signature=keys.sign(draft.key_id, password, draft.content()))
    write_json(folder / name, asdict(signed))


def met_file(condition: Condition) -> str:
    return f"{MET}-{condition.id}.json"


def is_revoked(folder: Path) -> bool:
    """Whether anything stands where a revocation would; what it says and who signed it do not matter."""
    path = folder / f"{REVOKED}.json"
    return path.exists() or path.is_symlink()


def withdrawn_signatures(releases: Path) -> frozenset[str]:
    """The signatures on all revoked releases, by their release file and by their revocation."""
    found: set[str] = set()
    for folder in sorted(releases.iterdir()) if releases.is_dir() else ():
        if is_revoked(folder):
            note, told = _json(folder / f"{REVOKED}.json"), told_of(folder)
            if note is None and told is None:
                raise withhold([Cause(ALTERED, f"the revoked release {folder.name} cannot be read")])
            found |= {str(signature) for signature in (note or {}).get("about", ())}
            found |= {str(entry.get("signature")) for entry in (told or {}).get("sign_offs", ())}
    return frozenset(found)


def revoke(
    workspace: Workspace,
    release_id: str,
    *,
    reasons: str,
    keys: SigningKeys,
    key_id: str,
    password: bytes,
    today: dt.date,
) -> None:
    """End a release for good, with reasons and a role holder's signature. Its sign-offs can never be used again."""
    folder = folder_of(workspace.releases, release_id)
    entries = (told_of(folder) or {}).get("sign_offs", ())
    signatures = tuple(str(entry.get("signature")) for entry in entries)
    note = Note(REVOKED, release_id, signatures, reasons, key_id, today.isoformat())
    write_note(folder, note, f"{REVOKED}.json", keys=keys, password=password, today=today)


def record_condition_met(
    workspace: Workspace,
    release_id: str,
    condition: Condition,
    *,
    reasons: str,
    keys: SigningKeys,
    key_id: str,
    password: bytes,
    today: dt.date,
) -> None:
    """Note, signed by a role holder, how a condition was met. One that is not met by its day lapses the release."""
    folder = folder_of(workspace.releases, release_id)
    note = Note(MET, release_id, (condition.id,), reasons, key_id, today.isoformat())
    write_note(folder, note, met_file(condition), keys=keys, password=password, today=today)


def overdue_causes(conditions: Sequence[Condition], today: dt.date) -> Iterator[Cause]:
    """A cause for each condition whose day is over."""
    for condition in conditions:
        if condition.due < today:
            told = f"a condition is overdue since {condition.due}: {condition.text} ({condition.owner})"
            yield Cause(SUSPENDED, f"{told}; nobody said in time, with `desist condition met`, that it was met")


def open_conditions(
    folder: Path, sign_offs: Sequence[SignOff], trainer: PublicKey, keys: Keys, *, today: dt.date, made_up: bool
) -> list[Condition]:
    """The conditions without a valid note, dated no later than they were due, that they were met."""

    def was_met(condition: Condition) -> bool:
        told = _json(folder / met_file(condition))
        try:
            note = Note(**{**told, "about": tuple(told["about"])}) if told else None
            if note is None or (note.kind, note.release, note.about) != (MET, folder.name, (condition.id,)):
                return False
            key = keys.verify(note.key_id, note.content(), note.signature, on=today)
        except (TypeError, KeyError, Refused):
            return False
        by_trainer = key.key_id == trainer.key_id or same_person(key.holder, trainer.holder)
        sound = not key_causes(keys, note.key_id, today=today, made_up=made_up)
        in_time = note.on <= min(condition.due, today).isoformat()
        return sound and in_time and key.role in SIGNING_ROLES and not by_trainer

    return [condition for condition in conditions_of(sign_offs) if not was_met(condition)]


def body_of(
    candidate: Candidate,
    sign_offs: Sequence[SignOff],
    released_on: dt.date,
    supersedes: Sequence[str],
    shadow: bytes | None,
) -> dict[str, Any]:
    """What release.json says; its id is the hash of everything else in it. It holds no estimate of anybody."""
    ordered = sorted(sign_offs, key=lambda sign_off: sign_off.key_id)
    evidence = candidate.evidence
    conditions = [{**asdict(condition), "due": condition.due.isoformat()} for condition in conditions_of(sign_offs)]
    body = {
        "format": FORMAT,
        "run": candidate.run,
        "outcome": candidate.audit.outcome,
        "purpose": candidate.policy.purpose,
        "made_up": candidate.seal.made_up,
        "candidate_hash": candidate.hash,
        "bindings": _bindings(candidate, shadow),
        "dates": _dates(candidate),
        "scope": scope_of(sign_offs),
        "pilot": pilot_json(pilot_of(sign_offs)),
        "released_on": released_on.isoformat(),
        "expires_on": min((entry.last_day for entry in sign_offs), default=released_on).isoformat(),
        "questions": [vars(question) for question in evidence.questions],
        "open_groups": [group.as_json() for group in evidence.allowed.open_groups],
        "sign_offs": [sign_off.as_json() for sign_off in ordered],
        "accepted": _accepted(candidate, ordered),
        "conditions": conditions,
        "supersedes": sorted(supersedes),
    }
    return {**body, "id": hash_json(body)[:16]}


def _bindings(candidate: Candidate, shadow: bytes | None) -> dict[str, str]:
    """The hashes a release binds (REQUIREMENTS GAT-1); empty for what a candidate need not have."""
    files = candidate.seal.files
    return {
        "model": hash_json({name: value for name, value in files.items() if is_model_file(name)}),
        "register": files["register.json"],
        "profile_schema": files["schema.json"],
        "policy": files["policy.toml"],
        "cut_offs": files["cut_offs.json"],
        "audit": files["audit.json"],
        "scrutiny": files["scrutiny.json"],
        "population_rule": files["population.json"],
        "purpose": files["purpose.json"],
        "conformance": files.get("conformance.json", ""),
        "region": files.get("region.json", ""),
        "shadow": "" if shadow is None else hash_bytes(shadow),
        "trainer_key": candidate.seal.trainer_key,
    }


def _dates(candidate: Candidate) -> dict[str, str]:
    """When the model was made, from which caseloads it learnt, and on which it was audited."""
    context = candidate.audit.context
    return {
        "trained_on": candidate.seal.sealed_on.isoformat(),
        "learnt_caseloads": context.get("learnt", ""),
        "audited_caseloads": context.get("dates", ""),
    }


def _accepted(candidate: Candidate, sign_offs: Sequence[SignOff]) -> dict[str, dict[str, str]]:
    """Per question that the evidence leaves open: who answered it, and how."""
    return {
        question.id: {entry.holder: entry.answers[question.id] for entry in sign_offs if question.id in entry.answers}
        for question in candidate.evidence.questions
    }


def rendered(body: Mapping[str, Any]) -> str:
    """The one spelling of a release.json, so that every changed byte shows."""
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def folder_of(releases: Path, release_id: str) -> Path:
    """The folder of a release that is to be noted on. Raises Refused if there is none."""
    if not is_id(release_id) or not (releases / release_id).is_dir():
        raise Refused(f"There is no release {release_id} in {releases}.")
    return releases / release_id


def told_of(folder: Path) -> dict[str, Any] | None:
    """What a release.json says, unchecked; None where it cannot be read."""
    return _json(folder / RELEASE)


def all_told(releases: Path) -> dict[str, dict[str, Any]]:
    """Every release's file, unchecked. Raises Withheld for one that cannot be read: it might be the latest."""
    found = {}
    for folder in sorted(releases.iterdir()) if releases.is_dir() else ():
        if folder.name.startswith("."):
            continue
        told = None if folder.is_symlink() else told_of(folder)
        if told is None:
            raise withhold([Cause(ALTERED, f"releases/{folder.name} cannot be read")])
        found[folder.name] = told
    return found


def superseded_names(told: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """The releases that a later one took the place of."""
    return frozenset(str(name) for entry in told.values() for name in entry.get("supersedes", ()))


def current_id(releases: Path, outcome: str | None) -> str:
    """The one release that nothing supersedes. Raises Withheld for none, or several."""
    told = all_told(releases)
    gone = superseded_names(told)
    left = [name for name, entry in told.items() if name not in gone and outcome in (None, entry.get("outcome"))]
    if not left:
        raise withhold([Cause(NOT_APPROVED, "there is no release")])
    if len(left) > 1:
        raise withhold([Cause(ALTERED, f"several releases claim to be the current one: {', '.join(left)}")])
    return left[0]


def _json(path: Path) -> dict[str, Any] | None:
    content = read_plain(path)
    try:
        told = json.loads(content) if content is not None else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
