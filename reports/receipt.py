"""The page of a receipt: what was done for somebody who asked. It names nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desist.reports.pages import render

TITLES = {
    "erasure": "Information was erased",
    "restriction": "Information is kept and not used",
    "end_of_restriction": "Information may be used again",
    "challenge": "Information was challenged",
    "end_of_challenge": "A challenge was decided",
    "correction": "Information was corrected",
}
PARTS = {"learnt": "the model learnt from it", "judged": "the model was tested on it"}


def receipt_page(told: Mapping[str, Any], partnership: str, contact: str, *, made_up: bool) -> str:
    """The receipt as a page of HTML."""
    runs = {run: PARTS.get(part, part) for run, part in told["runs"].items()}
    return render(
        "receipt.html", title=TITLES[told["kind"]], receipt=told, runs=runs, partnership=partnership,
        contact=contact, made_up=made_up,
    )  # fmt: skip
