"""What earlier releases mean for the next one: no reason carries for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from desist.fairness.approval.gate import AUDIT_FAILED, Cause, Evidence
from desist.fairness.approval.questions import LEANING, TOO_FEW
from desist.fairness.approval.signoff import SignOff

MOST_RENEWALS = 2
#: Two texts at least this much alike (of 1) are one reason: a changed word makes no new one.
ALIKE = 0.8


def renewal_causes(
    evidence: Evidence, sign_offs: Sequence[SignOff], earlier: Sequence[Mapping[str, Any] | None]
) -> Iterator[Cause]:
    """A cause for each reason that let groups through that cannot be told, and was renewed twice already.

    ``earlier``: what the earlier releases' files say; None for one whose file is gone, which counts against every
    reason. Releases without such groups do not count.
    """
    if not evidence.allowed.open_groups:
        return
    bounded = [told for told in earlier if told is None or told.get("open_groups")]
    for question in evidence.questions:
        if question.kind not in (TOO_FEW, LEANING):
            continue
        for sign_off in sign_offs:
            reason = sign_off.answers.get(question.id, "")
            used = sum(told is None or _was_used(reason, told, question.id) for told in bounded)
            if reason and used > MOST_RENEWALS:
                told = f"{sign_off.holder}'s reason on {question.id} was given for {used} releases already"
                yield Cause(AUDIT_FAILED, f"{told}; one reason is renewed at most twice")


def _was_used(reason: str, told: Mapping[str, Any], question: str) -> bool:
    before = (told.get("accepted") or {}).get(question) or {}
    return any(_alike(reason, str(text)) for text in before.values())


def _alike(one: str, other: str) -> bool:
    first, second = (" ".join(text.casefold().split()) for text in (one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= ALIKE
