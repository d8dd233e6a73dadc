"""The states a page can be in, with the exact words of UX section 8."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from desist.records.errors import Withheld
from desist.reports.wording import day


@dataclass(frozen=True)
class Notice:
    """A heading and a body that say why something is not shown.

    ``withholds``: no estimate may stand on the page. ``withholds_after``: the same from the day after this date.
    """

    heading: str
    body: str
    withholds: bool = False
    withholds_after: dt.date | None = None

    def withholds_on(self, today: dt.date) -> bool:
        """Whether estimates must be hidden on this day."""
        return self.withholds or (self.withholds_after is not None and today > self.withholds_after)


EMPTY_LIST = Notice(
    "No people to review", "No one on your caseload is due for review. You can change the filters."
)
NO_MATCHES = Notice("No people match these filters", "Remove a filter to see more people.")
NO_APPROVAL = Notice(
    "Estimates are not available",
    "The oversight board has not approved this model. Caseload details below do not use it.",
    withholds=True,
)
AUDIT_FAILED = Notice(
    "Estimates are withheld",
    "The fairness check for this release did not meet the agreed limits. Use your usual assessment.",
    withholds=True,
)
UNDER_18 = Notice("Not estimated", "This tool does not assess children.", withholds=True)
LINK_UNSURE = Notice(
    "Identity not confirmed", "We could not be sure these records belong to the same person.", withholds=True
)
TOO_LITTLE = Notice("Not enough information", "Too little is recorded to make an estimate.", withholds=True)
#: The person asked that their information be kept and not used (restriction of processing).
NOT_TO_BE_USED = Notice(
    "Estimate on hold",
    "The person has asked that their information is not used for an estimate. Use your usual assessment.",
    withholds=True,
)
WAS_CONTESTED = Notice(
    "Estimate on hold",
    "The person challenged information used here. The next list may have an estimate.",
    withholds=True,
)
NO_REASON = Notice("Not estimated", "No reason was recorded. Ask the analyst team.", withholds=True)
ERROR = Notice(
    "Something went wrong", "We cannot show this section. Nothing was saved. Try again later.", withholds=True
)


def expired(on: dt.date) -> Notice:
    """The approval ended; ``on`` is its last day."""
    return Notice(
        f"Approval ended on {day(on)}", "Estimates are hidden until the board renews approval.", withholds=True
    )


def suspended(on: dt.date) -> Notice:
    """A check failed on this day."""
    return Notice(
        "Estimates are paused",
        f"A data or accuracy check failed on {day(on)}. Contact the analyst team.",
        withholds=True,
    )


def stale(source: str, last: dt.date, every_days: int, hide_after: dt.date) -> Notice:
    """A source is late. Estimates stay until ``hide_after``, that day included."""
    often = "day" if every_days == 1 else f"{every_days} days"
    return Notice(
        "Information may be out of date",
        f"{source.upper()} data was last received on {day(last)} (expected every {often}). "
        f"Check the source before you decide. Estimates hide after {day(hide_after)}.",
        withholds_after=hide_after,
    )


def contested(decision_due: dt.date) -> Notice:
    """The person has challenged something, so their estimate is on hold."""
    return Notice(
        "Estimate on hold",
        f"The person has challenged information used here. Decision due {day(decision_due)}.",
        withholds=True,
    )


def limited_data(missing: int, of: int) -> Notice:
    """Some sources say nothing about the person; the estimate stays."""
    if not 0 < missing <= of:
        raise ValueError(f"{missing} of {of} sources cannot be missing")
    return Notice("Limited information", f"{missing} of {of} sources are missing. The likely range is wider.")


def restricted(ask: str) -> Notice:
    """A record that only named staff may see; ``ask`` is the name or role that can give access."""
    return Notice(
        "Restricted access", f"You do not have access to this record. Ask {ask}.", withholds=True
    )


#: Beside an estimate that stays: how sure it is whose records these are.
LINK_LESS_SURE = (
    "We are less sure than usual that all these records, and no others, are this person's. "
    "Check before you rely on one."
)


def notice_for(withheld: Withheld, on: dt.date) -> Notice:
    """The notice for the gate's answer; ``on`` is the day approval ended or a check failed.

    An unknown state is shown as not approved: the page stays closed.
    """
    if withheld.state == "audit_failed":
        return AUDIT_FAILED
    if withheld.state == "expired":
        return expired(on)
    return suspended(on) if withheld.state in ("suspended", "altered") else NO_APPROVAL
