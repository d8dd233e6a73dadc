"""The points card on one side of A4: items, points, a column to add up, and what the sum is shown as."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from desist.reports import wording
from desist.reports.content import StepRecord
from desist.reports.pages import render

TITLE = "Points card"
MOST_ITEMS = 15
ROOMY_ITEMS = 10  # more lines than this are set closer, so that the card stays on one side


@dataclass(frozen=True)
class CardItem:
    """One line: a yes-or-no question with the points for yes, or what is counted with the points for each amount.

    ``source``: where the answer is recorded. ``amounts``: for a line that counts, words and points in the order they
    are reached ("1 or more", 2), ("2 or more", 4); the last that applies counts. ``points`` is then what each adds.
    """

    question: str
    points: int
    source: str = ""
    amounts: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.question.strip() or self.points == 0:
            raise ValueError("an item of the card asks something and has points")
        expected = [self.points * n for n in range(1, len(self.amounts) + 1)]
        if [points for _, points in self.amounts] != expected:
            raise ValueError("a line that counts adds its points once more at each amount")


@dataclass(frozen=True)
class CardStep:
    """Which sums are shown at a step, both ends included; None where the step is open to that side."""

    step: int
    lowest: int | None
    highest: int | None


@dataclass(frozen=True)
class CardContent:
    """A fitted card. ``start``: points everybody begins with. ``missing``: what a missing answer counts as, in words.

    ``approval`` is empty until the board has approved; the page then says that it is not for use.
    """

    partnership: str
    version: str
    made_up: bool
    items: tuple[CardItem, ...]
    steps: tuple[CardStep, ...]
    records: tuple[StepRecord, ...]
    tested_on: dt.date
    start: int = 0
    missing: str = "If the record does not say, count no points, unless the line says 'not known'"
    approval: str = ""
    valid_until: dt.date | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.items) <= MOST_ITEMS:
            raise ValueError(f"a card that fits one page has 1 to {MOST_ITEMS} items")
        if sorted(record.step for record in self.records) != sorted(step.step for step in self.steps):
            raise ValueError("each step of the card needs its record from the test")
        below: int | None = None
        for k, step in enumerate(self.steps):
            first, last = k == 0, k == len(self.steps) - 1
            if (step.lowest is None) != first or (step.highest is None) != last:
                raise ValueError("only the first step is open below and only the last is open above")
            if not first and (below is None or step.lowest != below + 1):
                raise ValueError("the sums of the steps leave a gap or overlap")
            below = step.highest


def card_page(card: CardContent) -> str:
    """The card as a page of HTML."""
    records = {record.step: record for record in card.records}
    steps = [
        {
            "step": step.step,
            "sums": _sums(step),
            "words": wording.sentence(wording.step_words(step.step)).rstrip("."),
            "record": records[step.step],
        }
        for step in card.steps
    ]
    approved = bool(card.approval and card.valid_until)
    foot = (
        f"{wording.DECISION_SUPPORT} Valid until {wording.day(card.valid_until)}. Approval {card.approval}."
        if approved
        else "Draft for the oversight board. Not for use with people on the caseload."
    )
    return render(
        "card.html",
        title=f"{TITLE} {card.version}",
        made_up=card.made_up,
        card=card,
        steps=steps,
        foot=foot,
        approved=approved,
        points=[_points(item) for item in card.items],
        start=_signed(card.start),
        amounts=[[(words, _signed(points)) for words, points in item.amounts] for item in card.items],
        counts=any(item.amounts for item in card.items),
        close=len(card.items) > ROOMY_ITEMS,
    )


def _points(item: CardItem) -> str:
    if not item.amounts:
        return _signed(item.points)
    return f"{_signed(item.points)} to {_signed(item.amounts[-1][1])}"


def _signed(points: int) -> str:
    return f"+{points}" if points > 0 else f"\u2212{-points}" if points < 0 else "0"


def _sums(step: CardStep) -> str:
    low, high = (None if end is None else _plain(end) for end in (step.lowest, step.highest))
    if low is None:
        return "every sum" if high is None else f"{high} or less"
    if high is None:
        return f"{low} or more"
    return low if low == high else f"{low} to {high}"


def _plain(points: int) -> str:
    return f"\u2212{-points}" if points < 0 else str(points)
