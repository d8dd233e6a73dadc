"""Decisions and keys as the files tell them, held against the log: a file gone or changed is no way round it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from desist.fairness.approval.gate import ALTERED, SUSPENDED, Cause
from desist.fairness.approval.release import Release
from desist.fairness.approval.signoff import load_history, load_sign_offs
from desist.pipelines.session import Session
from desist.records.errors import Refused
from desist.records.keys import KeyRegister

SIGN_AGAIN = "let them sign again (desist sign)"


def decision_causes(session: Session, run: str) -> Iterator[Cause]:
    """Where the decisions kept beside a run are not those that the log tells of: one gone, changed, or put there."""
    folder = session.workspace.runs / run
    recorded = _recorded(session, run)
    latest = {row["actor"]: row for row in recorded}
    try:
        kept = {(one.key_id, one.hash) for one in load_sign_offs(folder)}
        history = {one.hash for one in load_history(folder)}
    except Refused as error:
        yield Cause(ALTERED, f"run {run}: {error.message}")
        return
    names = _names(session)
    for key_id, row in latest.items():
        who = f"run {run}: the decision of {names.get(key_id, key_id)} ({row['outcome']})"
        if not row["reason"]:
            yield Cause(ALTERED, f"{who} was recorded without a hash, by an earlier desist: {SIGN_AGAIN}")
        elif (key_id, row["reason"]) not in kept:
            yield Cause(ALTERED, f"{who} is gone from sign_offs or is not the one in the log: {SIGN_AGAIN}")
    known = {(row["actor"], row["reason"]) for row in latest.values()}
    for key_id, _ in sorted(kept - known):
        told = f"run {run}: the log knows nothing of the decision of {names.get(key_id, key_id)} as it stands"
        yield Cause(ALTERED, f"{told}: {SIGN_AGAIN}")
    for row in recorded:
        if row["reason"] and row["reason"] not in history:
            told = f"run {run}: a decision of {names.get(row['actor'], row['actor'])} ({row['outcome']}) is gone from"
            yield Cause(ALTERED, f"{told} sign_offs/history: put it back from a copy of the workspace")


def refused_since(session: Session, run: str) -> list[str]:
    """Who refuses a run by their last decision in the log, whatever lies in its files."""
    latest = {row["actor"]: row["outcome"] for row in _recorded(session, run)}
    names = _names(session)
    return sorted(names.get(key_id, key_id) for key_id, outcome in latest.items() if outcome == "refuse")


def release_causes(session: Session, found: Release) -> Iterator[Cause]:
    """Where a release rests on a decision that the log does not tell of, or somebody has refused its run since."""
    hashes = {row["reason"] for row in _recorded(session, found.run)}
    for sign_off in found.sign_offs:
        if sign_off.hash not in hashes:
            yield Cause(ALTERED, f"the log knows nothing of the decision of {sign_off.holder} in release {found.id}")
    for who in refused_since(session, found.run):
        yield Cause(SUSPENDED, f"{who} has since refused run {found.run}: revoke its release, or ask them again")


def key_log_causes(session: Session) -> Iterator[Cause]:
    """Where an entry of the key register is not the one that the log tells of, or hides that the key was revoked."""
    rows = session.log.rows()
    made = {row["dataset"]: row["correlation"] for row in rows if row["operation"] == "key.created"}
    revoked = {row["reason"] for row in rows if row["operation"] == "key.revoked"}
    for key in KeyRegister(session.workspace.keys).all():
        who = f"the key {key.key_id} of {key.holder} ({key.role})"
        if key.key_id not in made:
            yield Cause(ALTERED, f"the log knows nothing of {who}: it was put into the register by hand")
        elif not made[key.key_id]:
            if key.revoked_on and key.revoked_on <= session.today.isoformat():
                continue  # it counts for nothing any more
            told = "was noted without a hash, by an earlier desist: revoke it and make a new one (desist keys new)"
            yield Cause(ALTERED, f"{who} {told}")
        elif made[key.key_id] != key.entry_hash:
            yield Cause(ALTERED, f"the register's entry of {who} is not the one in the log: put it back as it was")
        if key.key_id in revoked and not key.revoked_on:
            yield Cause(ALTERED, f"the log says that the key {key.key_id} was revoked, the register does not")


def _recorded(session: Session, run: str) -> list[dict[str, str]]:
    """The decisions on a run that the log tells of, oldest first."""
    return [dict(row) for row in session.log.rows() if (row["operation"], row["dataset"]) == ("sign_off.recorded", run)]


def _names(session: Session) -> Mapping[str, str]:
    return {key.key_id: key.holder for key in KeyRegister(session.workspace.keys).all()}
