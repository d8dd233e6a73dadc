"""The board's report made anew when its state changes: who signed, who answered what, what was released despite what.

What it shows of the evidence comes from the candidate's sealed content; nothing is worked out again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from desist.fairness.approval.asked import TOO_FEW_TO_TELL
from desist.fairness.approval.candidate import Candidate
from desist.fairness.approval.release import Release
from desist.fairness.approval.signoff import SignOff, load_sign_offs
from desist.pipelines.against_log import refused_since
from desist.pipelines.board_page import BOARD
from desist.pipelines.gate import candidate_of, open_release
from desist.pipelines.scrutiny_pages import SCOPE_WORDS
from desist.pipelines.session import Session
from desist.records.errors import Withheld
from desist.records.files import write_text
from desist.reports.fairness_content import FairnessContent, FindingContent, QuestionRow, SignOffRow
from desist.reports.fairness_report import fairness_page
from desist.reports.kept import from_json
from desist.reports.wording import counted, day

PAGE = Path("reports") / "fairness.html"
DECISIONS = {"approve": "Approve", "refuse": "Do not release"}


def report_anew(session: Session, run: str, release: Release | None) -> Path | None:
    """Write a run's fairness report as things stand now; None for a run made before its content was kept.

    ``release``: the one that was just made of it; where there is none, log and gate are asked what is in force.
    """
    candidate = candidate_of(session, run)
    kept = candidate.files.get(BOARD)
    if kept is None:
        return None
    content = from_json(FairnessContent, kept.decode("utf-8"))
    folder = session.workspace.runs / candidate.run
    path, ended = folder / PAGE, ""
    if release is None:
        release, ended = _in_force(session, candidate.run)
    write_text(path, fairness_page(content_now(content, candidate, load_sign_offs(folder), release, ended)))
    return path


def _in_force(session: Session, run: str) -> tuple[Release | None, str]:
    """The release of a run that is in force and, where there was one that is not, why, in words; the log says which."""
    rows = session.log.rows()
    approved = [row for row in rows if row["operation"] == "release.approved"]
    last = next((row["release"] for row in reversed(approved) if row["dataset"] == run), None)
    if last is None:
        return None, ""
    revoked = [row["time"] for row in rows if (row["operation"], row["release"]) == ("release.revoked", last)]
    if revoked:
        return None, f"Revoked on {day(dt.date.fromisoformat(revoked[0][:10]))}"
    against = refused_since(session, run)
    if against:
        return None, f"Released, and paused since {' and '.join(against)} refused"
    if approved[-1]["release"] != last:
        return None, "A later release took its place"
    try:
        return open_release(session), ""
    except Withheld:
        return None, ""


def content_now(
    content: FairnessContent,
    candidate: Candidate,
    sign_offs: Sequence[SignOff],
    release: Release | None,
    ended: str = "",
) -> FairnessContent:
    """The kept content with the board's decisions of today in it. ``ended``: what became of a release of it."""
    signed = {sign_off.role for sign_off in sign_offs if sign_off.decision == "approve"}
    missing = [role for role in candidate.policy.roles if role not in signed]
    return replace(
        content,
        state=ended or _state(sign_offs, missing, release),
        released=tuple(_released(content, release)) if release else (),
        questions=tuple(_answered(row, sign_offs) for row in content.questions),
        findings=tuple(_accepted(finding, sign_offs) for finding in content.findings),
        sign_off=tuple(_row(sign_off) for sign_off in sign_offs),
        still_needed=() if release else tuple(f"{role.replace('_', ' ')} (not the trainer)" for role in missing),
    )


def _state(sign_offs: Sequence[SignOff], missing: Sequence[str], release: Release | None) -> str:
    if release is not None:
        return f"Approved until {day(release.expires_on)}"
    if any(sign_off.decision == "refuse" for sign_off in sign_offs):
        return "Refused"
    if not sign_offs:
        return "Draft: nobody has signed"
    if missing:
        return f"Awaiting {counted(len(missing), 'signature', 'signatures')}"
    return "Signed, not released or no longer in force"


def _released(content: FairnessContent, release: Release) -> Iterator[str]:
    """What was released, by whom, and despite what."""
    scopes = {sign_off.scope for sign_off in release.sign_offs}
    kind = SCOPE_WORDS[max(scopes, key=list(SCOPE_WORDS).index)]
    beyond = [finding for finding in content.decided if finding.answer == "does_not_meet"]
    unsure = [finding for finding in content.decided if finding.answer == "cannot_be_assessed"]
    who = " and ".join(f"{sign_off.holder} ({sign_off.role.replace('_', ' ')})" for sign_off in release.sign_offs)
    yield f"Released on {day(release.released_on)} as {kind}, until {day(release.expires_on)}, by {who}"
    if beyond or unsure:
        outside, untold = counted(len(beyond), "limit", "limits"), counted(len(unsure), "limit", "limits")
        yield f"Released although not met: {outside}; not settled for every group: {untold}"
    for condition in release.conditions:
        yield f"Condition: {condition.text} ({condition.owner}, by {day(condition.due)})"


def _answered(row: QuestionRow, sign_offs: Sequence[SignOff]) -> QuestionRow:
    return replace(row, answers=tuple(_answers(row.id, sign_offs)))


def _answers(question: str, sign_offs: Sequence[SignOff]) -> Iterator[tuple[str, str]]:
    for sign_off in sign_offs:
        if question in sign_off.answers:
            yield sign_off.holder, sign_off.answers[question]


def _accepted(finding: FindingContent, sign_offs: Sequence[SignOff]) -> FindingContent:
    """The finding with its answer; where it has none of its own, with the one given for all that cannot be told."""
    answers = [said for _, said in _answers(finding.id, sign_offs)]
    together = [said for _, said in _answers(TOO_FEW_TO_TELL, sign_offs)]
    if answers:
        return replace(finding, accepted=" / ".join(dict.fromkeys(answers)))
    if together and finding.answer == "cannot_be_assessed":
        return replace(finding, accepted=f"Answered together with others: {' / '.join(dict.fromkeys(together))}")
    return finding


def _row(sign_off: SignOff) -> SignOffRow:
    scope = f", as {SCOPE_WORDS[sign_off.scope]}" if sign_off.scope else ""
    told = [f"{one.text} ({one.owner}, by {day(one.due)})" for one in sign_off.conditions]
    if sign_off.pilot:
        told.append(
            f"at most {sign_off.pilot.most_people} people, evaluated on {day(sign_off.pilot.evaluated_on)}, "
            f"ends {day(sign_off.pilot.ends)}"
        )
    said = [sign_off.reasons, f"Interests: {sign_off.interests}"]
    said += [f"Dissent: {sign_off.dissent}"] if sign_off.dissent else []
    return SignOffRow(
        sign_off.holder, sign_off.role.replace("_", " "), f"{DECISIONS[sign_off.decision]}{scope}", ". ".join(said),
        sign_off.signed_on, "; ".join(told),
    )  # fmt: skip
