"""What the gate asks of the sign-offs on a candidate, and the states in which it keeps estimates back.

Everything that is missing is found before anything is said, so that a board does not learn it piece by piece.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from desist.fairness.approval.kinds import Allowed
from desist.fairness.approval.questions import Question
from desist.fairness.approval.signoff import CONDITIONS, Keys, PublicKey, SignOff, add_months, same_person
from desist.fairness.policy import Policy
from desist.records.errors import Refused, Withheld

NOT_APPROVED, AUDIT_FAILED, EXPIRED = "not_approved", "audit_failed", "expired"
SUSPENDED, ALTERED = "suspended", "altered"

#: The state shown is the first of these that any cause has; the words follow UX section 8.
STATES = {
    ALTERED: "Estimates are withheld. What lies in the workspace is not what the oversight board approved.",
    SUSPENDED: "Estimates are paused.",
    EXPIRED: "The approval has ended. Estimates are hidden until the board renews it.",
    NOT_APPROVED: "Estimates are not available. The oversight board has not approved this model.",
    AUDIT_FAILED: "Estimates are withheld. The fairness check for this release did not meet the agreed limits.",
}
FEWEST_SIGNERS = 2


@dataclass(frozen=True)
class Cause:
    """One reason why estimates are kept back, and the state it puts them in. ``since``: an approval's last day."""

    state: str
    text: str
    since: dt.date | None = None


def withhold(causes: Iterable[Cause]) -> Withheld:
    """The error that names every cause; its state is that of the gravest, its day the last that approval held."""
    found = list(dict.fromkeys(causes))
    state = next(state for state in STATES if any(cause.state == state for cause in found))
    days = [cause.since for cause in found if cause.state == state and cause.since]
    error = Withheld(STATES[state], (cause.text for cause in found), state=state)
    error.since = min(days, default=None)
    return error


@dataclass(frozen=True)
class Evidence:
    """What a sign-off has to be about: the hashes as they are now, the trainer, policy, and what is asked of the board.

    ``finding_ids``: findings that may be answered though nothing is asked of them.
    """

    candidate_hash: str
    audit_hash: str
    trainer: PublicKey | None
    policy: Policy
    questions: tuple[Question, ...]
    allowed: Allowed
    finding_ids: frozenset[str]


def sign_off_causes(
    evidence: Evidence, sign_offs: Sequence[SignOff], keys: Keys, *, today: dt.date, made_up: bool
) -> list[Cause]:
    """Everything that keeps these sign-offs from approving this evidence on this day; empty if nothing does."""
    causes: list[Cause] = []
    for sign_off in sign_offs:
        causes += _binding_causes(evidence, sign_off, today)
        causes += key_causes(keys, sign_off.key_id, today=today, made_up=made_up)
        causes += _signature_causes(keys, sign_off, today)
        causes += _trainer_causes(evidence, sign_off)
    causes += _panel_causes(evidence, sign_offs)
    causes += _scope_causes(evidence, sign_offs)
    causes += _answer_causes(evidence, sign_offs)
    return causes


def key_causes(keys: Keys, key_id: str, *, today: dt.date, made_up: bool) -> list[Cause]:
    """What is wrong with a key on this day: unknown, revoked, or a demo's outside a made-up workspace."""
    try:
        key = keys.get(key_id)
    except Refused:
        return [Cause(NOT_APPROVED, f"the key {key_id} is not in the key register")]
    causes = []
    if key.revoked_on and key.revoked_on <= today.isoformat():
        causes.append(Cause(SUSPENDED, f"the key of {key.holder} was revoked on {key.revoked_on}"))
    if key.created_on > today.isoformat():
        causes.append(Cause(SUSPENDED, f"the key of {key.holder} was made on {key.created_on}, after today"))
    if key.made_up and not made_up:
        causes.append(Cause(NOT_APPROVED, f"the key of {key.holder} is a demo key; the data here are not made up"))
    return causes


def _binding_causes(evidence: Evidence, sign_off: SignOff, today: dt.date) -> Iterator[Cause]:
    who, policy = sign_off.holder, evidence.policy
    if sign_off.candidate_hash != evidence.candidate_hash or sign_off.audit_hash != evidence.audit_hash:
        yield Cause(ALTERED, f"the evidence has changed since {who} signed: ask for the decision again")
    if sign_off.decision == "refuse":
        yield Cause(NOT_APPROVED, f"{who} ({sign_off.role}) refused: {sign_off.reasons}")
    if sign_off.signed_on > today:
        yield Cause(SUSPENDED, f"{who} signed on {sign_off.signed_on}, after today ({today}): check the clock")
    if sign_off.last_day < today:
        yield Cause(EXPIRED, f"the sign-off of {who} ended on {sign_off.last_day}", sign_off.last_day)
    if sign_off.expires_on > add_months(sign_off.signed_on, policy.expiry_months):
        yield Cause(NOT_APPROVED, f"the sign-off of {who} runs longer than the policy's {policy.expiry_months} months")
    asked = evidence.finding_ids | {question.id for question in evidence.questions}
    for name in sorted(sign_off.answers.keys() - asked):
        yield Cause(NOT_APPROVED, f"{who} answered {name}, which nobody asks about this candidate")


def _signature_causes(keys: Keys, sign_off: SignOff, today: dt.date) -> Iterator[Cause]:
    try:
        key = keys.get(sign_off.key_id)
        if key.revoked_on and key.revoked_on <= today.isoformat():
            return  # said by key_causes
        if key.created_on > sign_off.signed_on.isoformat():
            yield Cause(ALTERED, f"the sign-off of {sign_off.holder} is older than its key")
        if (key.holder, key.role) != (sign_off.holder, sign_off.role):
            yield Cause(ALTERED, f"the sign-off of {sign_off.holder} ({sign_off.role}) has the key of somebody else")
    except Refused:
        return  # said by key_causes
    try:
        keys.verify(sign_off.key_id, sign_off.content(), sign_off.signature, on=today)
    except Refused:
        yield Cause(ALTERED, f"the signature of {sign_off.holder} does not fit what it stands under")


def _trainer_causes(evidence: Evidence, sign_off: SignOff) -> Iterator[Cause]:
    trainer = evidence.trainer
    if trainer and (sign_off.key_id == trainer.key_id or same_person(sign_off.holder, trainer.holder)):
        yield Cause(NOT_APPROVED, f"{sign_off.holder} trained this model and cannot sign for it")


def _panel_causes(evidence: Evidence, sign_offs: Sequence[SignOff]) -> Iterator[Cause]:
    """Two different people in two different roles, every role of the policy, nobody twice."""
    approving = [sign_off for sign_off in sign_offs if sign_off.decision == "approve"]
    for number, sign_off in enumerate(sign_offs):
        for other in sign_offs[:number]:
            if sign_off.key_id == other.key_id or same_person(sign_off.holder, other.holder):
                yield Cause(NOT_APPROVED, f"{sign_off.holder} signed twice and counts once")
    counted = [sign_off for sign_off in approving if not any(_trainer_causes(evidence, sign_off))]
    roles = {sign_off.role for sign_off in counted}
    if min(len(counted), len(roles)) < FEWEST_SIGNERS:
        told = "nobody has" if not counted else f"only {', '.join(sorted(entry.holder for entry in counted))} did so"
        yield Cause(
            NOT_APPROVED,
            f"two people in two different roles, neither of them the trainer, must approve: {told}",
        )
    for role in evidence.policy.roles:
        if role not in roles:
            yield Cause(NOT_APPROVED, f"the policy asks for an approval by the {role}: there is none")


def _scope_causes(evidence: Evidence, sign_offs: Sequence[SignOff]) -> Iterator[Cause]:
    """What the evidence does not let out at all, and approvals wider than it or the policy allows."""
    allowed, rule = evidence.allowed, evidence.policy.pilot
    if not allowed.scopes:
        yield from (Cause(AUDIT_FAILED, text) for text in allowed.why)
        return
    for sign_off in (entry for entry in sign_offs if entry.decision == "approve"):
        who, pilot = sign_off.holder, sign_off.pilot
        if sign_off.scope not in allowed.scopes:
            told = f"{who} approved the scope {sign_off.scope!r}; possible is only {' or '.join(allowed.scopes)}"
            yield Cause(AUDIT_FAILED, f"{told}: {'; '.join(allowed.why)}")
        if pilot and rule is None:
            yield Cause(NOT_APPROVED, f"{who} approved a pilot, for which the policy has no [pilot]")
        elif pilot and rule and pilot.most_people > rule.most_people:
            told = f"{who} approved a pilot of {pilot.most_people} people; the policy allows {rule.most_people}"
            yield Cause(NOT_APPROVED, told)
        bounded = pilot is not None or (sign_off.scope == CONDITIONS and allowed.open_groups)
        if rule and bounded and sign_off.last_day > add_months(sign_off.signed_on, rule.months):
            told = f"{who} approved the scope {sign_off.scope!r} for longer than the policy's {rule.months} months"
            yield Cause(NOT_APPROVED, told)


def _answer_causes(evidence: Evidence, sign_offs: Sequence[SignOff]) -> Iterator[Cause]:
    """Each question of the evidence needs an answer with reasons from everybody who approves."""
    approving = [sign_off for sign_off in sign_offs if sign_off.decision == "approve"]
    for question in evidence.questions:
        silent = [sign_off.holder for sign_off in approving if question.id not in sign_off.answers]
        if silent or not approving:
            whose = f" by {', '.join(silent)}" if silent else ""
            yield Cause(AUDIT_FAILED, f"the question {question.id} was not answered{whose}: {question.words}")
