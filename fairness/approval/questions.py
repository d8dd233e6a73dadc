"""What the board must answer in writing before it can approve: one id, one answer from everybody who approves."""

from __future__ import annotations

from dataclasses import dataclass

OUTSIDE, LEANING, TOO_FEW, ANSWER = "outside", "leaning", "too_few", "answer"
PROXY, GAMING, RETRIES, LINKAGE = "proxy", "gaming", "retries", "linkage"
KINDS = (OUTSIDE, LEANING, TOO_FEW, ANSWER, PROXY, GAMING, RETRIES, LINKAGE)


@dataclass(frozen=True)
class Question:
    """One thing that evidence leaves open. ``id``: what an answer is filed under; ``words``: a sentence for a board."""

    id: str
    kind: str
    words: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.id}: {self.kind!r} is none of {list(KINDS)}")
