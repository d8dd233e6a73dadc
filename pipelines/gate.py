"""The gate as the command line uses it: keys, decisions, releases, and the one way to a release that holds."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desist.fairness.approval import gate, release, signoff
from desist.fairness.approval.attempts import attempt_of, latest_date
from desist.fairness.approval.candidate import FOLDER, is_id, read_plain, read_plain_files
from desist.fairness.approval.release_files import is_revoked
from desist.fairness.approval.scrutiny_file import FILE as SCRUTINY
from desist.fairness.approval.scrutiny_file import Scrutiny
from desist.fairness.audit import Audit
from desist.features.outcomes import PROVEN_REOFFENDING
from desist.intake.holding.store import Store
from desist.pipelines.against_log import decision_causes, key_log_causes, release_causes
from desist.pipelines.conforming import conformance_causes
from desist.pipelines.own_features import register_of, register_to_read_with
from desist.pipelines.rights.due import due_causes
from desist.pipelines.session import Session, newest
from desist.pipelines.shadow_kept import open_shadow_causes, shadow_faults
from desist.records.codes import PANEL_ROLES, SIGNING_ROLES
from desist.records.errors import Refused, UserError, Withheld
from desist.records.keys import KeyRegister

#: The outcome whose estimates lists and pages can show.
SHOWN_OUTCOME = PROVEN_REOFFENDING.name
TRAINING_ROLES = ("analyst",)
KEY_ROLES = (*TRAINING_ROLES, *SIGNING_ROLES, *PANEL_ROLES)
#: Purposes for which estimates of single people may be made at all.
PURPOSES_WITH_A_LIST = ("iom_selection_support", "needs_and_pathways")


def new_key(session: Session, holder: str, role: str, password: bytes, own: Path | None = None) -> str:
    """Make a key for a role holder, or note the public half of their ``own``; the log notes that it was made."""
    if role not in KEY_ROLES:
        raise Refused(f"A key belongs to one of the roles {list(KEY_ROLES)}; found {role!r}.")
    keys = KeyRegister(session.workspace.keys)
    public = read_plain(own) if own else None
    if own and public is None:
        raise Refused(f"There is no key file {own}. Name the public half: ssh-keygen writes it as NAME.pub.")
    if public is None:
        key_id = keys.create(holder, role, password, created_on=session.today)
    else:
        key_id = keys.add_own(holder, role, public, created_on=session.today)
    session.log.append("key.created", actor=session.actor, role="administrator", **keys.get(key_id).created_event)
    return key_id


def candidate_of(session: Session, run: str) -> release.Candidate:
    """The checked candidate of a run; of the newest where none is named."""
    return release.check_candidate(
        session.workspace.runs / _known_run(session, run),
        KeyRegister(session.workspace.keys),
        today=session.today,
        made_up=session.settings.made_up,
    )


def _known_run(session: Session, run: str) -> str:
    """The run, or the newest where none is named. Raises Refused where there is no run of that name."""
    if run and not (is_id(run) and (session.workspace.runs / run).is_dir()):
        known = sorted(path.name for path in session.workspace.runs.glob("*/") if not path.name.startswith("."))
        raise Refused(f"There is no run {run!r}. The runs are: {', '.join(known) or 'none yet'}.")
    return run or newest(session.workspace)


@dataclass(frozen=True)
class Released:
    """A release that was just made."""

    made: release.Release

    def as_json(self) -> dict[str, Any]:
        return {
            "release": self.made.id,
            "run": self.made.run,
            "expires_on": self.made.expires_on.isoformat(),
            "scope": self.made.scope,
            "pilot": signoff.pilot_json(self.made.pilot),
            "open_groups": [group.as_json() for group in self.made.open_groups],
            "accepted": {name: dict(answers) for name, answers in self.made.accepted.items()},
        }

    def as_text(self) -> str:
        made = self.made
        kind = {signoff.RELEASE: "Release", signoff.CONDITIONS: "Release with conditions", signoff.PILOT: "Pilot"}
        lines = [f"{kind[made.scope]} {made.id} of run {made.run}, in force until {made.expires_on}."]
        if made.pilot:
            told = f"It may bring at most {made.pilot.most_people} people to review"
            lines.append(f"{told} and is evaluated on {made.pilot.evaluated_on}.")
        lines += [f"  condition: {one.text} ({one.owner}, by {one.due})" for one in made.conditions]
        if made.questions:
            lines.append(f"Released with {len(made.questions)} questions answered by everybody who approved:")
            lines += [f"  {question.id}: {question.words}" for question in made.questions]
        for group in made.open_groups:
            when = f"enough people about {group.enough_on}" if group.enough_on else "own people will never be enough"
            lines.append(f"  {group.finding} cannot be told for {group.group}: {when}")
        return "\n".join([*lines, "Next: desist score --as-of DATE, then desist list."])


def release_candidate(session: Session, run: str) -> Released:
    """Release a candidate on the sign-offs kept beside it. Raises Withheld, naming everything that is missing."""
    from desist.pipelines.board_state import report_anew  # the report rests on the gate, so it is not known above

    run = _known_run(session, run)
    with session.workspace.lock():
        session.log.append("release.requested", actor=session.actor, role="analyst", dataset=run)
        sign_offs = signoff.load_sign_offs(session.workspace.runs / run)
        keys = KeyRegister(session.workspace.keys)
        today, made_up = session.today, session.settings.made_up
        try:
            files, _ = read_plain_files(session.workspace.runs / run / FOLDER)
            own = [
                *_own_causes(session),
                *conformance_causes(files),
                *_outcome_causes(files),
                *attempt_causes(session, run, files),
                *decision_causes(session, run),
                *open_shadow_causes(session, run),
                *(gate.Cause(gate.ALTERED, text) for text in shadow_faults(session, run)),
            ]
            if own:  # nothing may be written then: name what the board still lacks beside it
                evidence = candidate_of(session, run).evidence
                raise gate.withhold(
                    [*own, *gate.sign_off_causes(evidence, sign_offs, keys, today=today, made_up=made_up)]
                )
            made = release.release(
                session.workspace, run, sign_offs, keys, today=today, made_up=made_up,
                log_last_time=session.log.last_time(), register_hash=register_of(session.workspace).hash,
                approved=_approved(session),
            )  # fmt: skip
        except Withheld as error:
            session.log.append(
                "release.refused", actor=session.actor, role="installation", dataset=run, reason=error.state,
                counts={"causes": len(error.causes)},
            )  # fmt: skip
            raise
        session.log.append("release.approved", actor=session.actor, role="installation", release=made.id, dataset=run)
        report_anew(session, run, made)
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
        of_files += attempt_causes(session, found.run, found.files)
        of_files += [*decision_causes(session, found.run), *release_causes(session, found)]
        of_files += open_shadow_causes(session, found.run)
        _raise_if_any([*causes, *_found_causes(session, found), *of_files])
    except Withheld as error:
        told = [*error.causes, *(cause.text for cause in causes if cause.text not in error.causes)]
        withheld = Withheld(error.message.splitlines()[0], told, state=error.state)
        withheld.since = error.since
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


def attempt_causes(session: Session, run: str, files: Mapping[str, bytes]) -> Iterator[gate.Cause]:
    """Where a candidate says that its outcomes were audited fewer times than the log tells, or the log knows none."""
    try:
        audit = Audit.from_json(files["audit.json"].decode("utf-8"))
        told = Scrutiny.from_json(files[SCRUTINY].decode("utf-8")).attempt
    except (KeyError, ValueError, UserError):
        return  # a candidate whose files cannot be read is refused as such
    rows = session.log.rows()
    if not any(
        (row["operation"], row["dataset"], row["reason"]) == ("audit.made", run, audit.hash) for row in rows
    ):
        yield gate.Cause(gate.ALTERED, f"the log knows nothing of the audit of run {run}")
        return
    found = attempt_of(rows, audit.purpose, audit.outcome, latest_date(audit), run).on_same_outcomes
    if told < found:
        why = f"the log tells of {found} audits of the same outcomes, the candidate of {told}"
        yield gate.Cause(gate.AUDIT_FAILED, f"{why}: its intervals are too narrow; make the run again")


def _approved(session: Session) -> tuple[str, ...]:
    """The releases that the log tells of, oldest first."""
    return tuple(row["release"] for row in session.log.rows() if row["operation"] == "release.approved")


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
    yield from key_log_causes(session)
    for source, last, hide_after in source_dates(session):
        if session.today > hide_after:
            told = f"{source} data was last received on {last}; estimates hide after {hide_after}"
            yield gate.Cause(gate.SUSPENDED, told)
    for source in Store(session.workspace.store).sources():
        if source not in session.settings.expected_every_days:
            told = f"partnership.toml says nothing of how often {source} is expected"
            yield gate.Cause(gate.SUSPENDED, f"{told}: add its days below [data.expected_every_days]")
    yield from due_causes(session)
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
    """Each source with the date of its last extract and the last day on which estimates may rest on it.

    Without those that partnership.toml says nothing of: the gate withholds while there is one.
    """
    store = Store(session.workspace.store)
    found = []
    for source in store.sources():
        last = store.snapshot_date(source)
        days = session.settings.expected_every_days.get(source)
        if days is not None:
            found.append((source, last, last + dt.timedelta(days=2 * days)))
    return found


def revoke_release(session: Session, holder: str, reason: str, password: bytes) -> str:
    """End the release in force, signed by a role holder; returns what was done, and who holds a copy, in words."""
    from desist.pipelines.board_state import report_anew
    from desist.pipelines.exports import holders_of  # exports rest on the gate, so they cannot be known above

    keys = KeyRegister(session.workspace.keys)
    with session.workspace.lock():
        current = latest_release(session)
        release.revoke(
            session.workspace, current, reasons=reason, keys=keys, key_id=keys.find(holder).key_id, password=password,
            today=session.today,
        )  # fmt: skip
        session.log.append("release.revoked", actor=keys.find(holder).key_id, role="board", release=current)
        done = [f"Release {current} is revoked. Lists made under it are withheld from now on."]
        done += _told_after(
            "the board's report was not made anew", lambda: report_anew(session, _run_of(session, current), None)
        )
        done += _told_after(
            "who holds a copy could not be told",
            lambda: done.extend(f"{told}: ask for it back." for told in holders_of(session, current)),
        )
    return "\n".join(done)


def _told_after(what: str, work: Callable[[], object]) -> list[str]:
    """Do what follows a revocation; a failure is a warning, since the revocation stands whatever comes of it."""
    try:
        work()
    except Exception as error:
        told = error.message.splitlines()[0] if isinstance(error, UserError) else type(error).__name__
        return [f"Warning: {what} ({told}). See `desist verify`."]
    return []


def _run_of(session: Session, release_id: str) -> str:
    """The run that a release is of, as the log tells."""
    return next(
        row["dataset"] for row in reversed(session.log.rows())
        if (row["operation"], row["release"]) == ("release.approved", release_id)
    )  # fmt: skip


def latest_release(session: Session) -> str:
    """The release that the log approved last, whatever its file says and whether or not it still holds.

    Raises Refused where there is none, or it was revoked already.
    """
    approved = _approved(session)
    if not approved:
        raise Refused("There is no release in the log.")
    if is_revoked(session.workspace.releases / approved[-1]):
        raise Refused(f"Release {approved[-1]} was revoked already.")
    return approved[-1]
