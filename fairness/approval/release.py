"""The gate: a release is made only from evidence and signatures, and holds only while all of them still do.

``release`` and ``verify_release`` are the only makers of a ``Release``; whoever needs one has to go through them.
Verifying does everything again from the files: nothing that ``release`` found is believed. Whatever is missing,
altered, expired or cannot be understood means *withheld*. On one laptop somebody with the files and the keys can
forge anything: this makes it visible, it does not make it impossible.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from desist.fairness.approval.candidate import (
    Candidate,
    candidate_hashes,
    check_candidate,
    examine,
    is_id,
    read_plain,
    seal_candidate,
    unpacked,
    write_policy_files,
)
from desist.fairness.approval.earlier import renewal_causes
from desist.fairness.approval.few_events import event_causes
from desist.fairness.approval.gate import ALTERED, NOT_APPROVED, SUSPENDED, Cause, sign_off_causes, withhold
from desist.fairness.approval.kinds import OpenGroup
from desist.fairness.approval.questions import Question
from desist.fairness.approval.release_files import (
    RELEASE,
    all_told,
    body_of,
    current_id,
    is_revoked,
    open_conditions,
    overdue_causes,
    record_condition_met,
    rendered,
    revoke,
    superseded_names,
    told_of,
    withdrawn_signatures,
)
from desist.fairness.approval.shadow import FILE as SHADOW
from desist.fairness.approval.shadow import shadow_causes
from desist.fairness.approval.signoff import (
    Condition,
    Keys,
    Pilot,
    SignOff,
    conditions_of,
    pilot_of,
    scope_of,
)
from desist.fairness.audit import Audit
from desist.fairness.policy import Policy
from desist.records.errors import UserError, Withheld
from desist.records.files import new_folder, write_text
from desist.records.hashing import hash_json
from desist.records.workspace import Workspace

__all__ = [
    "Candidate", "Release", "candidate_hashes", "check_candidate", "current_release",
    "record_condition_met", "release", "revoke", "seal_candidate", "verify_release", "write_policy_files",
]  # fmt: skip

_MADE_HERE = object()


@dataclass(frozen=True, eq=False)
class Release:
    """A board's approval that held when it was read. Made by ``release`` and ``verify_release`` alone.

    Holds for the moment it was made: a long-running reader asks again. ``files`` are the very bytes that were
    checked; load models from them (``unpacked``), never from the run's folder. ``scope``: release, conditions or
    pilot; ``open_groups``: the groups that no primary finding can be told for, here or in the region.
    """

    id: str
    run: str
    outcome: str
    purpose: str
    released_on: dt.date
    expires_on: dt.date
    made_up: bool
    bindings: Mapping[str, str]
    policy: Policy
    audit: Audit
    scope: str
    pilot: Pilot | None
    questions: tuple[Question, ...]
    open_groups: tuple[OpenGroup, ...]
    sign_offs: tuple[SignOff, ...]
    accepted: Mapping[str, Mapping[str, str]]
    conditions: tuple[Condition, ...]
    supersedes: tuple[str, ...]
    files: Mapping[str, bytes] = field(repr=False)
    token: InitVar[object] = None

    def __post_init__(self, token: object) -> None:
        if token is not _MADE_HERE:
            raise TypeError("a Release comes from fairness.release.verify_release, nowhere else")

    def unpacked(self) -> AbstractContextManager[Path]:
        """A private folder with the checked bytes of the candidate's files, gone when the block ends."""
        return unpacked(self.files)


@dataclass(frozen=True)
class _Asked:
    """What a check is made with."""

    workspace: Workspace
    keys: Keys
    today: dt.date
    made_up: bool
    log_last_time: dt.datetime | dt.date | None
    register_hash: str | None
    approved: tuple[str, ...] = ()


def release(
    workspace: Workspace,
    run: str,
    sign_offs: Sequence[SignOff],
    keys: Keys,
    *,
    today: dt.date,
    made_up: bool,
    log_last_time: dt.datetime | dt.date | None = None,
    register_hash: str | None = None,
    approved: Sequence[str] = (),
) -> Release:
    """Write ``releases/<id>/release.json`` and return the release, read back from it.

    ``made_up`` says that the workspace holds nothing but made-up data; ``approved`` are the releases that the log
    tells of, whether or not their files are there. Raises Withheld, with everything that is missing at once, and then
    writes nothing. Releasing the same twice changes nothing.
    """
    asked = _Asked(workspace, keys, today, made_up, log_last_time, register_hash, tuple(approved))
    return _closed(lambda: _release(asked, run, tuple(sign_offs)))


def verify_release(
    workspace: Workspace,
    release_id: str,
    keys: Keys,
    *,
    today: dt.date,
    made_up: bool,
    log_last_time: dt.datetime | dt.date | None = None,
    register_hash: str | None = None,
) -> Release:
    """The release of that id, if all it was made of is still as it was, still valid, and still fits.

    ``log_last_time``: the last event in the log; a clock before it was set back. ``register_hash``: that of the
    running code's feature register. Raises Withheld with every cause; any failure to check is one.
    """
    asked = _Asked(workspace, keys, today, made_up, log_last_time, register_hash)
    return _closed(lambda: _verify(asked, release_id))


def current_release(
    workspace: Workspace,
    keys: Keys,
    *,
    today: dt.date,
    made_up: bool,
    outcome: str | None = None,
    log_last_time: dt.datetime | dt.date | None = None,
    register_hash: str | None = None,
) -> Release:
    """The one release that no later one supersedes (of an outcome), verified. Never falls back to an older one."""
    asked = _Asked(workspace, keys, today, made_up, log_last_time, register_hash)
    return _closed(lambda: _verify(asked, current_id(workspace.releases, outcome)))


def _closed(work: Callable[[], Release]) -> Release:
    """What ``work`` returns; any failure that is not understood withholds too."""
    try:
        return work()
    except Withheld:
        raise
    except UserError as error:
        raise withhold([Cause(ALTERED, error.message)]) from error
    except Exception as error:
        raise withhold([Cause(ALTERED, f"the approval could not be checked ({type(error).__name__})")]) from error


def _release(asked: _Asked, run: str, sign_offs: tuple[SignOff, ...]) -> Release:
    candidate, causes = _examined(asked, run, sign_offs)
    overdue = list(overdue_causes(conditions_of(sign_offs), asked.today))
    told = _all_told(asked, causes)
    signatures = {sign_off.signature for sign_off in sign_offs}
    same = [
        name
        for name in told.keys() - superseded_names(told)
        if sign_offs and {entry.get("signature") for entry in told[name].get("sign_offs", ())} == signatures
    ]
    if candidate is not None and not same:
        supersedes = [name for name, entry in told.items() if entry.get("outcome") == candidate.audit.outcome]
        supersedes += [name for name in dict.fromkeys(asked.approved) if name not in told]
        causes += _earlier_causes(asked, candidate, sign_offs, supersedes, told)
    if candidate is None or causes:
        raise withhold([*causes, *overdue])
    if same:
        return _verify(asked, same[0])
    if overdue:
        raise withhold(overdue)
    body = body_of(candidate, sign_offs, asked.today, supersedes, _shadow(asked, run))
    with new_folder(asked.workspace.releases / body["id"]) as building:
        write_text(building / RELEASE, rendered(body))
    return _verify(asked, body["id"])


def _all_told(asked: _Asked, causes: list[Cause]) -> dict[str, dict[str, Any]]:
    """Every release's file; one that cannot be read becomes a cause."""
    try:
        return all_told(asked.workspace.releases)
    except Withheld as error:
        causes += [Cause(error.state, text) for text in error.causes]
        return {}


def _verify(asked: _Asked, release_id: str) -> Release:
    folder = asked.workspace.releases / release_id
    if not is_id(release_id) or folder.is_symlink() or not folder.is_dir():
        raise withhold([Cause(NOT_APPROVED, "there is no release of that name")])
    content, told = read_plain(folder / RELEASE), told_of(folder)
    if content is None or told is None:
        raise withhold([Cause(ALTERED, f"releases/{release_id}/{RELEASE} is missing or damaged")])
    sign_offs = tuple(SignOff.from_json(entry) for entry in told["sign_offs"])
    released_on = dt.date.fromisoformat(told["released_on"])
    candidate, causes = _examined(asked, str(told["run"]), sign_offs)
    causes += _own_causes(asked, folder, released_on, sign_offs)
    if candidate is None:
        raise withhold(causes)
    supersedes = [str(name) for name in told["supersedes"]]
    causes += _earlier_causes(asked, candidate, sign_offs, supersedes, all_told(asked.workspace.releases))
    body = body_of(candidate, sign_offs, released_on, supersedes, _shadow(asked, candidate.run))
    if rendered(body).encode("utf-8") != content or body["id"] != release_id:
        causes.append(Cause(ALTERED, f"releases/{release_id}/{RELEASE} is not what was approved"))
    left = open_conditions(
        folder, sign_offs, candidate.trainer, asked.keys, today=asked.today, made_up=asked.made_up
    )
    if asked.today <= dt.date.fromisoformat(body["expires_on"]):  # an approval that ended has no conditions left
        causes += overdue_causes(left, asked.today)
    if causes:
        raise withhold(causes)
    return _made(candidate, body, sign_offs)


def _shadow(asked: _Asked, run: str) -> bytes | None:
    return read_plain(asked.workspace.runs / run / SHADOW)


def _earlier_causes(
    asked: _Asked,
    candidate: Candidate,
    sign_offs: Sequence[SignOff],
    names: Sequence[str],
    told: Mapping[str, Mapping[str, Any]],
) -> Iterator[Cause]:
    """What the releases before this one ask of it: a shadow before a first one, and no reason renewed for ever."""
    folder = asked.workspace.runs / candidate.run
    yield from shadow_causes(folder, candidate.hash, sign_offs, first=not names)
    yield from renewal_causes(candidate.evidence, sign_offs, [told.get(name) for name in names])


def _examined(asked: _Asked, run: str, sign_offs: tuple[SignOff, ...]) -> tuple[Candidate | None, list[Cause]]:
    """The candidate of a run and everything that speaks against releasing it with these sign-offs today."""
    folder = asked.workspace.runs / run
    if not is_id(run) or folder.is_symlink() or not folder.is_dir():
        return None, [Cause(ALTERED, "there is no run of that name")]
    candidate, causes = examine(folder, asked.keys, today=asked.today, made_up=asked.made_up)
    causes += _clock_causes(asked)
    causes += _replay_causes(asked.workspace, sign_offs)
    if candidate is None:
        return None, causes
    if read_plain(asked.workspace.policy) != candidate.files["policy.toml"]:
        causes.append(Cause(ALTERED, "the workspace's policy.toml is missing or not the policy of the candidate"))
    causes += _register_causes(candidate, asked.register_hash)
    causes += event_causes(candidate)
    causes += sign_off_causes(
        candidate.evidence, sign_offs, asked.keys, today=asked.today, made_up=asked.made_up
    )
    return candidate, causes


def _clock_causes(asked: _Asked) -> Iterator[Cause]:
    last = asked.log_last_time
    day = last.date() if isinstance(last, dt.datetime) else last
    if day is not None and asked.today < day:
        yield Cause(SUSPENDED, f"the clock says {asked.today}, the log's last event is of {day}: set the clock right")


def _register_causes(candidate: Candidate, running: str | None) -> Iterator[Cause]:
    try:
        register = hash_json(json.loads(candidate.files["register.json"]))
    except (ValueError, KeyError):
        return  # said by examine
    if running is not None and register != running:
        told = "this desist's feature register, with the workspace's own features, is not the one that was approved"
        yield Cause(ALTERED, f"{told}: train a model with it and ask the board again")


def _replay_causes(workspace: Workspace, sign_offs: Sequence[SignOff]) -> Iterator[Cause]:
    """Signatures of a revoked release approve nothing more, under whatever name they come back."""
    withdrawn = withdrawn_signatures(workspace.releases)
    for sign_off in sign_offs:
        if sign_off.signature in withdrawn:
            yield Cause(SUSPENDED, f"the sign-off of {sign_off.holder} belongs to a release that was revoked")


def _own_causes(
    asked: _Asked, folder: Path, released_on: dt.date, sign_offs: Sequence[SignOff]
) -> Iterator[Cause]:
    """What speaks against a release itself: revoked, superseded, dated wrongly."""
    if is_revoked(folder):
        yield Cause(SUSPENDED, f"the release {folder.name} was revoked")
    if folder.name in superseded_names(all_told(asked.workspace.releases)):
        yield Cause(SUSPENDED, f"a later release took the place of {folder.name}: score again under that one")
    if released_on > asked.today:
        yield Cause(SUSPENDED, f"the release is of {released_on}, after today ({asked.today}): check the clock")
    if any(sign_off.signed_on > released_on for sign_off in sign_offs):
        yield Cause(ALTERED, "the release is older than one of its sign-offs")


def _made(candidate: Candidate, body: Mapping[str, Any], sign_offs: tuple[SignOff, ...]) -> Release:
    return Release(
        id=body["id"],
        run=candidate.run,
        outcome=body["outcome"],
        purpose=body["purpose"],
        released_on=dt.date.fromisoformat(body["released_on"]),
        expires_on=dt.date.fromisoformat(body["expires_on"]),
        made_up=body["made_up"],
        bindings=MappingProxyType(body["bindings"]),
        policy=candidate.policy,
        audit=candidate.audit,
        scope=scope_of(sign_offs),
        pilot=pilot_of(sign_offs),
        questions=candidate.evidence.questions,
        open_groups=candidate.evidence.allowed.open_groups,
        sign_offs=sign_offs,
        accepted=MappingProxyType(body["accepted"]),
        conditions=conditions_of(sign_offs),
        supersedes=tuple(body["supersedes"]),
        files=MappingProxyType(dict(candidate.files)),
        token=_MADE_HERE,
    )
