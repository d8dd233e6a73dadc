"""The gate as the command line uses it: keys, decisions, releases, and the one way to a release that holds."""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.fairness.approval import gate, release, signoff
from desist.fairness.approval.candidate import FOLDER, read_plain_files
from desist.features.outcomes import PROVEN_REOFFENDING
from desist.intake.store import Store
from desist.pipelines.conforming import conformance_causes
from desist.pipelines.own_features import register_of, register_to_read_with
from desist.pipelines.session import Session, newest
from desist.records.codes import PANEL_ROLES, SIGNING_ROLES
from desist.records.errors import Problem, Refused, Withheld
from desist.records.files import write_text
from desist.records.keys import KeyRegister

#: The outcome whose estimates lists and pages can show.
SHOWN_OUTCOME = PROVEN_REOFFENDING.name
TRAINING_ROLES = ("analyst",)
KEY_ROLES = (*TRAINING_ROLES, *SIGNING_ROLES, *PANEL_ROLES)
#: Purposes for which estimates of single people may be made at all.
PURPOSES_WITH_A_LIST = ("iom_selection_support", "needs_and_pathways")


def new_key(session: Session, holder: str, role: str, password: bytes) -> str:
    """Make a key for a role holder; the log notes that it was made."""
    if role not in KEY_ROLES:
        raise Refused(f"A key belongs to one of the roles {list(KEY_ROLES)}; found {role!r}.")
    key_id = KeyRegister(session.workspace.keys).create(holder, role, password, created_on=session.today)
    session.log.append("key.created", actor=session.actor, role="administrator", reason=role, dataset=key_id)
    return key_id


def candidate_of(session: Session, run: str) -> release.Candidate:
    """The checked candidate of a run; of the newest where none is named."""
    folder = session.workspace.runs / (run or newest(session.workspace))
    if run and not folder.is_dir():
        known = sorted(path.name for path in session.workspace.runs.glob("*/") if not path.name.startswith("."))
        raise Refused(f"There is no run {run!r}. The runs are: {', '.join(known) or 'none yet'}.")
    return release.check_candidate(
        folder,
        KeyRegister(session.workspace.keys),
        today=session.today,
        made_up=session.settings.made_up,
    )


def blank_decision(session: Session, run: str, path: Path) -> None:
    """Write a decision file to fill in, with one line for each finding that needs an answer."""
    candidate = candidate_of(session, run)
    answers = "\n".join(
        f"# {finding.metric} by {finding.characteristic}: {finding.answer.replace('_', ' ')} "
        f'for {", ".join(finding.open_groups) or "everybody"}\n{finding.id} = ""'
        for finding in candidate.audit.open_findings
    )
    latest = signoff.add_months(session.today, candidate.policy.expiry_months)
    write_text(
        path,
        f"""# One member's decision about run {candidate.run}. Read fairness.html of that run first.
decision = ""          # approve or refuse
reasons = ""           # why, in at least 20 characters
interests = ""         # a declaration of interests, if only "none"
dissent = ""           # what you would have decided otherwise; may stay empty
expires_on = {latest.isoformat()}   # at the latest; sooner is allowed

[answers]              # each finding below is not shown to be within its limit: why is a release right all the same?
{answers}

# [[condition]]        # as often as needed: what must happen, who sees to it, by when; overdue, the release lapses
# text = ""
# owner = ""
# due = {latest.isoformat()}
""",
    )


def sign_candidate(session: Session, run: str, decision: Path, holder: str, password: bytes) -> str:
    """Record one role holder's decision on a candidate; returns what was recorded, in words."""
    told = _read_decision(decision)
    candidate = candidate_of(session, run)
    keys = KeyRegister(session.workspace.keys)
    key = keys.find(holder)
    draft = signoff.SignOff(
        candidate_hash=candidate.hash,
        audit_hash=candidate.audit_hash,
        key_id=key.key_id,
        holder=key.holder,
        role=key.role,
        decision=told["decision"],
        reasons=told["reasons"],
        interests=told["interests"],
        dissent=told.get("dissent", ""),
        answers={name: text for name, text in told.get("answers", {}).items() if text.strip()},
        conditions=tuple(
            signoff.Condition(entry["text"], entry["owner"], entry["due"]) for entry in told.get("condition", [])
        ),
        signed_on=session.today,
        expires_on=told["expires_on"],
    )
    signed = signoff.sign(draft, keys, password)
    with session.workspace.lock():
        signoff.save_sign_off(session.workspace.runs / candidate.run, signed)
        session.log.append(
            "sign_off.recorded", actor=key.key_id, role="board", outcome=signed.decision, dataset=candidate.run
        )
    return f"{holder} ({key.role}): {signed.decision}, until {signed.expires_on}. Recorded for run {candidate.run}."


def _read_decision(path: Path) -> dict[str, Any]:
    expected: dict[str, type] = {"decision": str, "reasons": str, "interests": str, "expires_on": dt.date}
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refused(f"There is no {path}. Write one to fill in with `desist sign --blank {path}`.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not TOML: {error}. Mend that line and try again.") from error
    problems = [
        Problem(repr(told.get(name)), f"{path.name} {name}", kind.__name__, "Fill in the line.")
        for name, kind in expected.items()
        if type(told.get(name)) is not kind
    ]
    known = {*expected, "dissent", "answers", "condition"}
    problems += [
        Problem(f"the key {name}", path.name, f"one of {sorted(known)}", "Mend its name.")
        for name in sorted(told.keys() - known)
    ]
    for number, entry in enumerate(told.get("condition", []), start=1):
        if {name: type(value) for name, value in entry.items()} != {"text": str, "owner": str, "due": dt.date}:
            where = f"{path.name} [[condition]] {number}"
            problems.append(Problem(str(sorted(entry)), where, "text, owner and a due date", "Mend it."))
    if problems:
        raise Refused(f"{path} cannot be used as it stands:", problems)
    return told


@dataclass(frozen=True)
class Released:
    """A release that was just made."""

    made: release.Release

    def as_json(self) -> dict[str, Any]:
        return {
            "release": self.made.id,
            "run": self.made.run,
            "expires_on": self.made.expires_on.isoformat(),
            "accepted": {name: dict(answers) for name, answers in self.made.accepted.items()},
        }

    def as_text(self) -> str:
        lines = [f"Release {self.made.id} of run {self.made.run}, in force until {self.made.expires_on}."]
        if self.made.accepted:
            lines.append(f"Released although {len(self.made.accepted)} findings are not shown to be within the limit:")
            for finding in self.made.audit.open_findings:
                lines.append(f"  {finding.id}: {finding.answer.replace('_', ' ')}")
        return "\n".join([*lines, "Next: desist score --as-of DATE, then desist list."])


def release_candidate(session: Session, run: str) -> Released:
    """Release a candidate on the sign-offs kept beside it. Raises Withheld, naming everything that is missing."""
    run = run or newest(session.workspace)
    with session.workspace.lock():
        session.log.append("release.requested", actor=session.actor, role="analyst", dataset=run)
        sign_offs = signoff.load_sign_offs(session.workspace.runs / run)
        keys = KeyRegister(session.workspace.keys)
        today, made_up = session.today, session.settings.made_up
        try:
            files, _ = read_plain_files(session.workspace.runs / run / FOLDER)
            own = [*_own_causes(session), *conformance_causes(files), *_outcome_causes(files)]
            if own:  # nothing may be written then: name what the board still lacks beside it
                evidence = candidate_of(session, run).evidence
                raise gate.withhold(
                    [*own, *gate.sign_off_causes(evidence, sign_offs, keys, today=today, made_up=made_up)]
                )
            made = release.release(
                session.workspace, run, sign_offs, keys, today=today, made_up=made_up,
                log_last_time=session.log.last_time(), register_hash=register_of(session.workspace).hash,
            )  # fmt: skip
        except Withheld as error:
            session.log.append(
                "release.refused", actor=session.actor, role="installation", dataset=run, reason=error.state,
                counts={"causes": len(error.causes)},
            )  # fmt: skip
            raise
        session.log.append("release.approved", actor=session.actor, role="installation", release=made.id, dataset=run)
    return Released(made)


def open_release(session: Session) -> release.Release:
    """The release in force, checked here and now against files, keys, clock, log and data. Raises Withheld."""
    causes = list(_own_causes(session))
    register, broken = register_to_read_with(session.workspace)
    if broken:
        causes.append(gate.Cause(gate.ALTERED, f"features.toml cannot be read: {broken}"))
    try:
        found = release.current_release(
            session.workspace,
            KeyRegister(session.workspace.keys),
            today=session.today,
            made_up=session.settings.made_up,
            log_last_time=session.log.last_time(),
            register_hash=None if broken else register.hash,
        )
        of_files = [*conformance_causes(found.files), *_outcome_causes(found.files)]
        _raise_if_any([*causes, *_found_causes(session, found), *of_files])
    except Withheld as error:
        told = [*error.causes, *(cause.text for cause in causes if cause.text not in error.causes)]
        withheld = Withheld(error.message.splitlines()[0], told, state=error.state)
        _note(session, outcome="withheld", reason=withheld.state, causes=len(told))
        raise withheld from error
    _note(session, outcome="open", release=found.id)
    return found


def _outcome_causes(files: Mapping[str, bytes]) -> Iterator[gate.Cause]:
    """Where a candidate is about an outcome of which no page can show an estimate yet: it is for the board to read."""
    try:
        outcome = str(json.loads(files["audit.json"])["outcome"])
    except (ValueError, KeyError, TypeError):
        return  # a candidate without a readable audit is refused as such
    if outcome != SHOWN_OUTCOME:
        told = f"the candidate is about {outcome.replace('_', ' ')}, of which no list or page shows estimates yet"
        yield gate.Cause(gate.NOT_APPROVED, f"{told}: it is evidence for the board")


def _note(session: Session, *, outcome: str, reason: str = "", release: str = "", causes: int = 0) -> None:
    session.log.append(
        "gate.evaluated", actor=session.actor, role="installation", outcome=outcome, reason=reason, release=release,
        counts={"causes": causes},
    )  # fmt: skip


def _raise_if_any(causes: Iterator[gate.Cause] | list[gate.Cause]) -> None:
    found = list(causes)
    if found:
        raise gate.withhold(found)


def _own_causes(session: Session) -> Iterator[gate.Cause]:
    """What only a workspace can know: a log that was altered, data too old, governance out of date."""
    for wrong in session.log.verify():
        yield gate.Cause(gate.ALTERED, wrong)
    for source, last, hide_after in source_dates(session):
        if session.today > hide_after:
            told = f"{source} data was last received on {last}; estimates hide after {hide_after}"
            yield gate.Cause(gate.SUSPENDED, told)
    for entry in session.settings.governance:
        if not entry.reference.strip():
            yield gate.Cause(gate.NOT_APPROVED, f"partnership.toml names no reference for the {entry.name}")
        elif entry.review_by < session.today:
            yield gate.Cause(gate.SUSPENDED, f"the review of {entry.name} was due by {entry.review_by}")


def _found_causes(session: Session, found: release.Release) -> Iterator[gate.Cause]:
    """Where the log tells of a later release or a revocation whose file is gone; and another purpose than stated."""
    rows = session.log.rows()
    approved = [row["release"] for row in rows if row["operation"] == "release.approved"]
    if not approved or approved[-1] != found.id:
        told = approved[-1] if approved else "none"
        yield gate.Cause(gate.ALTERED, f"the log's last approved release is {told}, the newest file is {found.id}")
    if any(row["operation"] == "release.revoked" and row["release"] == found.id for row in rows):
        yield gate.Cause(gate.SUSPENDED, f"the log says that release {found.id} was revoked")
    revoked = {row["reason"] for row in rows if row["operation"] == "key.revoked"}
    for key_id in sorted(revoked & {found.bindings["trainer_key"], *(entry.key_id for entry in found.sign_offs)}):
        yield gate.Cause(gate.SUSPENDED, f"the log says that the key {key_id} was revoked")
    purpose = session.settings.purpose
    if found.purpose != purpose or purpose not in PURPOSES_WITH_A_LIST:
        told = f"the release is for {found.purpose}, partnership.toml says {purpose}"
        yield gate.Cause(gate.SUSPENDED, f"{told}; estimates of people are for {' or '.join(PURPOSES_WITH_A_LIST)}")


def source_dates(session: Session) -> list[tuple[str, dt.date, dt.date]]:
    """Each source with the date of its last extract and the last day on which estimates may rest on it."""
    store = Store(session.workspace.store)
    found = []
    for source in store.sources():
        last = store.snapshot_date(source)
        days = session.settings.expected_every_days.get(source)
        if days is not None:
            found.append((source, last, last + dt.timedelta(days=2 * days)))
    return found


def revoke_release(session: Session, holder: str, reason: str, password: bytes) -> str:
    """End the release in force, signed by a role holder; returns what was done, in words."""
    keys = KeyRegister(session.workspace.keys)
    with session.workspace.lock():
        current = _latest(session)
        release.revoke(
            session.workspace, current, reasons=reason, keys=keys, key_id=keys.find(holder).key_id, password=password,
            today=session.today,
        )  # fmt: skip
        session.log.append("release.revoked", actor=keys.find(holder).key_id, role="board", release=current)
    return f"Release {current} is revoked. Lists made under it are withheld from now on."


def _latest(session: Session) -> str:
    """The release that no other supersedes, whether or not it still holds."""
    folders = [path for path in sorted(session.workspace.releases.glob("*/release.json"))]
    gone = {name for path in folders for name in json.loads(path.read_text(encoding="utf-8"))["supersedes"]}
    left = [path.parent.name for path in folders if path.parent.name not in gone]
    if not left:
        raise Refused("There is no release to revoke.")
    return left[0]
