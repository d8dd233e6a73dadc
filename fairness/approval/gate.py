"""What the gate asks of the sign-offs on a candidate, and the states in which it keeps estimates back.

Everything that is missing is found before anything is said, so that a board does not learn it piece by piece.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from desist.fairness.approval.signoff import Keys, PublicKey, SignOff, add_months, same_person
from desist.fairness.policy import Policy
from desist.fairness.statistics.verdicts import Finding
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
    """One reason why estimates are kept back, and the state it puts them in."""

    state: str
    text: str


def withhold(causes: Iterable[Cause]) -> Withheld:
    """The error that names every cause; its state is that of the gravest."""
    found = list(dict.fromkeys(causes))
    state = next(state for state in STATES if any(cause.state == state for cause in found))
    return Withheld(STATES[state], (cause.text for cause in found), state=state)


@dataclass(frozen=True)
class Evidence:
    """What a sign-off has to be about: the hashes as they are now, the trainer, policy and findings."""

    candidate_hash: str
    audit_hash: str
    trainer: PublicKey | None
    policy: Policy
    open_findings: tuple[Finding, ...]
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
    if sign_off.expires_on < today:
        yield Cause(EXPIRED, f"the sign-off of {who} ended on {sign_off.expires_on}")
    if sign_off.expires_on > add_months(sign_off.signed_on, policy.expiry_months):
        yield Cause(NOT_APPROVED, f"the sign-off of {who} runs longer than the policy's {policy.expiry_months} months")
    for name in sorted(sign_off.answers.keys() - evidence.finding_ids):
        yield Cause(NOT_APPROVED, f"{who} answered {name}, which is no decision finding of this audit")


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


def _answer_causes(evidence: Evidence, sign_offs: Sequence[SignOff]) -> Iterator[Cause]:
    """Each finding that is not shown to be met needs an answer with reasons from everybody who approves."""
    approving = [sign_off for sign_off in sign_offs if sign_off.decision == "approve"]
    for finding in evidence.open_findings:
        silent = [sign_off.holder for sign_off in approving if finding.id not in sign_off.answers]
        if silent or not approving:
            whose = f" by {', '.join(silent)}" if silent else ""
            groups = f" ({', '.join(finding.open_groups)})" if finding.open_groups else ""
            told = f"the decision finding {finding.id} is {finding.answer}{groups}"
            yield Cause(AUDIT_FAILED, f"{told} and was not accepted with reasons{whose}")
