"""Who reads a table, what one count, rate or sum may show them, and what the markers mean (DOMAIN section 9)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HIDDEN, NOT_APPLICABLE, NOT_AVAILABLE, LOW = "[c]", "[z]", "[x]", "[low]"

MARKERS: Mapping[str, str] = {
    HIDDEN: "hidden, because so few people could be recognised",
    NOT_APPLICABLE: "does not apply",
    NOT_AVAILABLE: "not available",
    LOW: "rounds to zero, but is not zero",
}


@dataclass(frozen=True)
class Audience:
    """Who reads a table, and what may be shown to them. Counts of 1 to ``hide_below`` - 1 are hidden.

    ``least_people``: no rate, mean or interval on fewer people. ``hides_everybody``: a row in which all people
    share one answer is hidden too, because it tells the answer of each of them.
    """

    name: str
    hide_below: int
    round_to: int
    least_people: int
    hides_everybody: bool = False

    def __post_init__(self) -> None:
        if self.hide_below < 1 or self.round_to < 1 or self.least_people < self.hide_below:
            raise ValueError(f"the disclosure rule of {self.name} contradicts itself")


PUBLIC = Audience("public", hide_below=10, round_to=5, least_people=10, hides_everybody=True)
PARTNERSHIP = Audience("partnership", hide_below=5, round_to=5, least_people=5)
PRACTITIONER = Audience("practitioner", hide_below=5, round_to=1, least_people=5)
AUDIENCES: Mapping[str, Audience] = {audience.name: audience for audience in (PUBLIC, PARTNERSHIP, PRACTITIONER)}


def rounded_text(count: int, audience: Audience) -> str:
    """The count to the nearest step of the audience, with thousands commas; ``[low]`` where it rounds to zero."""
    step = audience.round_to
    rounded = step * int(count / step + 0.5)
    return LOW if rounded == 0 and count else f"{rounded:,}"


def show_count(count: int | None, audience: Audience) -> str:
    """One count that stands alone, without a total beside it; ``[x]`` for a count nobody has."""
    if count is None:
        return NOT_AVAILABLE
    if 0 < count < audience.hide_below:
        return HIDDEN
    return rounded_text(count, audience)


def may_show_rate(people: int, with_outcome: int | None, audience: Audience) -> bool:
    """Whether a rate, mean or interval on so many people may be shown.

    The rule of the counts holds for both sides of the rate: those with the outcome and those without.
    ``with_outcome`` is None for a statistic that is no share (a mean, an AUC).
    """
    if people < audience.least_people:
        return False
    if with_outcome is None:
        return True
    sides = (with_outcome, people - with_outcome)
    if any(0 < side < audience.hide_below for side in sides):
        return False
    return not (audience.hides_everybody and 0 in sides)


def percentage(part: str, whole: str) -> str:
    """A whole percentage from two published (so rounded) counts, or the marker that fits."""
    for cell in (part, whole):
        if cell in (HIDDEN, NOT_AVAILABLE, NOT_APPLICABLE):
            return cell
    if part == LOW or whole == LOW:
        return LOW
    parts, people = (int(cell.replace(",", "")) for cell in (part, whole))
    if people == 0:
        return NOT_APPLICABLE
    share = int(100 * min(parts, people) / people + 0.5)
    return LOW if share == 0 and parts else f"{share}%"


def used_notes(cells: Sequence[str]) -> list[str]:
    """A sentence for each marker among the cells, in the order of the markers."""
    return [f"{marker} means: {meaning}." for marker, meaning in MARKERS.items() if marker in cells]


def rounding_notes(audience: Audience) -> list[str]:
    """How counts were rounded for this audience; nothing where they were not."""
    if audience.round_to == 1:
        return []
    return [f"Counts are rounded to the nearest {audience.round_to}, so they may not add up."]


#: The two largest hold more than this share of a sum: whoever knows one of them knows nearly the other.
#: Source: the defaults of ACRO (safe_nk_n = 2, safe_nk_k = 0.90), the output checkers' rule.
DOMINANT, DOMINANT_SHARE = 2, 0.90


def may_show_amount(amounts: Sequence[float], audience: Audience) -> bool:
    """Whether the sum or mean of one amount a person (days waiting, hours of support) may be shown.

    Not of too few people, and not where the two largest amounts make up more than nine tenths of the sum.
    Raises ValueError for an amount below zero or missing: a share of such a sum says nothing.
    """
    if any(not math.isfinite(amount) or amount < 0 for amount in amounts):
        raise ValueError("the amounts of a sum must be known and not below zero")
    if len(amounts) < audience.least_people:
        return False
    largest = sum(sorted(amounts)[-DOMINANT:])
    return largest <= DOMINANT_SHARE * sum(amounts)


def told_by(text: str, audience: Audience) -> tuple[float, float]:
    """The least and the most people that a shown cell can stand for; infinity where the cell is hidden.

    A hidden cell may be a zero that was hidden for the sake of another, so its least is 0.
    """
    if text in (HIDDEN, NOT_AVAILABLE, NOT_APPLICABLE):
        return 0.0, math.inf
    step = audience.round_to
    most_below, least_above = math.ceil(step / 2) - 1, math.ceil(-step / 2)
    if text == LOW:
        return float(audience.hide_below), float(max(most_below, audience.hide_below))
    shown = int(text.replace(",", ""))
    if shown == 0:
        return 0.0, 0.0
    return float(max(shown + least_above, audience.hide_below)), float(shown + most_below)
