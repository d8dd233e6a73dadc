"""One member's decision on a candidate: the file to fill in, and the signed record of it."""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from desist.fairness.approval import signoff
from desist.fairness.approval.candidate import Candidate
from desist.pipelines.board_state import report_anew
from desist.pipelines.gate import candidate_of
from desist.pipelines.session import Session, released_run
from desist.records.errors import Problem, Refused
from desist.records.files import write_text
from desist.records.keys import KeyRegister, OwnKeyFile

_EXPECTED: dict[str, type] = {"decision": str, "scope": str, "reasons": str, "interests": str, "expires_on": dt.date}
_OPTIONAL: dict[str, type] = {"dissent": str, "no_shadow_reason": str, "answers": dict, "condition": list}
_CONDITION: dict[str, type] = {"text": str, "owner": str, "due": dt.date}
_PILOT: dict[str, type] = {"most_people": int, "ends": dt.date, "evaluated_on": dt.date}


def blank_decision(session: Session, run: str, path: Path) -> None:
    """Write a decision file to fill in: what the evidence allows, and one line for each question it asks."""
    candidate = candidate_of(session, run)
    if not path.parent.is_dir() or path.is_dir():
        raise Refused(f"No file can be written at {path}: name one in a folder that is there.")
    evidence = candidate.evidence
    answers = "\n".join(f'# {question.words}\n{json.dumps(question.id)} = ""\n' for question in evidence.questions)
    latest = signoff.add_months(session.today, candidate.policy.expiry_months)
    write_text(
        path,
        f"""# One member's decision about run {candidate.run}. Read fairness.html of that run first.
decision = ""          # approve or refuse
scope = ""             # what is approved; empty for a refusal. {_possible(candidate)}
reasons = ""           # why, in at least 20 characters
interests = ""         # a declaration of interests, if only "none"
dissent = ""           # what you would have decided otherwise; may stay empty
no_shadow_reason = ""  # before a first release: why it need not be tried in shadow; may stay empty
expires_on = {latest.isoformat()}   # at the latest; sooner is allowed

[answers]              # what the evidence leaves open: why is a release right all the same?
{answers}
# [[condition]]        # as often as needed: what must happen, who sees to it, by when; overdue, the release lapses
# text = ""
# owner = ""
# due = {latest.isoformat()}

# [pilot]              # for the scope pilot: how many people it may bring to review, its end and its evaluation
# most_people = {candidate.policy.pilot.most_people if candidate.policy.pilot else 0}
# ends = {latest.isoformat()}
# evaluated_on = {latest.isoformat()}
""",
    )


def _possible(candidate: Candidate) -> str:
    allowed = candidate.evidence.allowed
    if not allowed.scopes:
        return f"Nothing is possible: {'; '.join(allowed.why)}."
    return f"Possible: {', '.join(allowed.scopes)}{'; ' if allowed.why else ''}{'; '.join(allowed.why)}."


def sign_candidate(
    session: Session, run: str, decision: Path, holder: str, password: bytes, key_file: Path | None = None
) -> str:
    """Record one role holder's decision on a candidate; returns what was recorded, in words.

    ``key_file``: the holder's own private key, where the installation holds none; nothing of it is kept.
    """
    told = _read_decision(decision)
    candidate = candidate_of(session, run)
    _check_end(session, candidate, told["expires_on"], decision)
    folder = session.workspace.keys
    keys = OwnKeyFile(folder, key_file) if key_file else KeyRegister(folder)
    key = keys.find(holder)
    pilot = told.get("pilot")
    draft = signoff.SignOff(
        candidate_hash=candidate.hash,
        audit_hash=candidate.audit_hash,
        key_id=key.key_id,
        holder=key.holder,
        role=key.role,
        decision=told["decision"],
        scope=told["scope"],
        reasons=told["reasons"],
        interests=told["interests"],
        dissent=told.get("dissent", ""),
        no_shadow_reason=told.get("no_shadow_reason", ""),
        answers={name: text for name, text in told.get("answers", {}).items() if text.strip()},
        conditions=tuple(signoff.Condition(**entry) for entry in told.get("condition", [])),
        pilot=signoff.Pilot(**pilot) if pilot else None,
        signed_on=session.today,
        expires_on=told["expires_on"],
    )
    signed = signoff.sign(draft, keys, password)
    with session.workspace.lock():
        signoff.save_sign_off(session.workspace.runs / candidate.run, signed)
        session.log.append(
            "sign_off.recorded", actor=key.key_id, role="board", outcome=signed.decision, dataset=candidate.run,
            reason=signed.hash,
        )  # fmt: skip
        report_anew(session, candidate.run, None)
    scope = f" ({signed.scope})" if signed.scope else ""
    said = f"{holder} ({key.role}): {signed.decision}{scope}, until {signed.last_day}."
    said = f"{said} Recorded for run {candidate.run}."
    if signed.decision == "refuse" and released_run(session) == candidate.run:
        said += " Its release is paused from now on; `desist revoke` ends it for good."
    return said


def _check_end(session: Session, candidate: Candidate, ends: dt.date, decision: Path) -> None:
    """Refuse an end that the policy can never allow: what was signed so could never be released."""
    months = candidate.policy.expiry_months
    latest = signoff.add_months(session.today, months)
    if ends > latest:
        raise Refused(
            f"{decision} lets the decision hold until {ends}; the policy allows {months} months, until {latest}. Set "
            "expires_on to that day or an earlier one. Nothing was signed."
        )


def _read_decision(path: Path) -> dict[str, Any]:
    """What a decision file says. Raises Refused with everything that is wrong in its form."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refused(f"There is no {path}. Write one to fill in with `desist sign --blank {path}`.") from error
    except (IsADirectoryError, NotADirectoryError) as error:
        raise Refused(f"{path} is no file. Name the decision file: desist sign DECISION.toml --holder NAME.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not TOML: {error}. Mend that line and try again.") from error
    problems = list(_form_problems(told, path.name))
    if problems:
        raise Refused(f"{path} cannot be used as it stands:", problems)
    return told


def _form_problems(told: dict[str, Any], name: str) -> Iterator[Problem]:
    for key, kind in _EXPECTED.items():
        if type(told.get(key)) is not kind:
            yield Problem(repr(told.get(key)), f"{name} {key}", kind.__name__, "Fill in the line.")
    for key, kind in _OPTIONAL.items():
        if key in told and type(told[key]) is not kind:
            yield Problem(repr(told[key]), f"{name} {key}", kind.__name__, "Mend it.")
    known = {*_EXPECTED, *_OPTIONAL, "pilot"}
    for key in sorted(told.keys() - known):
        yield Problem(f"the key {key}", name, f"one of {sorted(known)}", "Mend its name.")
    answers = told.get("answers")
    for key, text in answers.items() if isinstance(answers, dict) else ():
        if not isinstance(text, str):
            yield Problem(repr(text), f"{name} [answers] {key}", "an answer in words", "Mend it.")
    conditions = told.get("condition")
    for number, entry in enumerate(conditions if isinstance(conditions, list) else (), start=1):
        if _kinds(entry) != _CONDITION:
            where = f"{name} [[condition]] {number}"
            yield Problem(str(entry), where, "text, owner and a due date", "Mend it.")
    if "pilot" in told and _kinds(told["pilot"]) != _PILOT:
        yield Problem(str(told["pilot"]), f"{name} [pilot]", "most_people, ends and evaluated_on", "Mend it.")


def _kinds(entry: Any) -> dict[str, type]:
    return {key: type(value) for key, value in entry.items()} if isinstance(entry, dict) else {}
