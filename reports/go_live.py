"""The go-live paper: what a candidate beside the panel would have changed, for a board that decides on a release."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from desist.reports.pages import TextTable, render

TITLE = "Beside the panel: what the estimate would have changed"
LEAD = (
    "Before a first release the estimate ran beside the panel. The panel worked as it always does and saw no estimate. "
    "On each list date it was counted whom the estimate would have brought to early review, whom the panel had adopted "
    "and whom the present rule would have brought. Only these counts were kept."
)
QUESTION = "The question to the board: do these changes, to these communities, for this help, justify a first release?"
LIMITS = (
    "This shows who would have been listed. It cannot show who was right: nobody's outcome is known yet.",
    "Agreement with the panel is no proof. What the panel adopted carries its own habits, and so do its records.",
    "A person can be counted on several dates, so dates are not added up.",
    "Whoever has no estimate counts as not listed.",
    "Within or outside the agreed limits is for the board's report on the audit, not for this paper.",
)


@dataclass(frozen=True)
class GoLivePaper:
    """What the paper shows: facts of the shadow, and tables that are safe to show already."""

    partnership: str
    made_up: bool
    run: str
    cut_off: str
    policy: str
    rule: str
    started_on: dt.date
    ended_on: dt.date
    dates: int
    over_time: TextTable
    tables: tuple[TextTable, ...]
    notes: tuple[str, ...]


def go_live_page(paper: GoLivePaper) -> str:
    """The paper as a page of HTML."""
    return render(
        "go_live.html", title=TITLE, lead=LEAD, question=QUESTION, limits=LIMITS, paper=paper, made_up=paper.made_up
    )
