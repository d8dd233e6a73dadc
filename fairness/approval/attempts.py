"""How often a purpose was audited: counted from the log, shown to the board, and paid for in wider intervals.

Whoever audits until the answer pleases sees chance at work. The log holds one event an audit; audits whose latest
caseload lies within 84 days of each other look at the same outcomes. What is kept: a chance of at most .05 that the
first audit of the same outcomes calls a gap at the margin "within", and of at most another .05 that any of the retries
does, however many there are (``level_of``). What is not: a chance of .05 for all of them together.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desist.fairness.audit import Audit, level_of

AUDITED, APPROVED = "audit.made", "release.approved"
#: A new quarter brings new outcomes; a few days less allow for caseloads drawn on a weekday.
SAME_OUTCOMES_DAYS = 84


@dataclass(frozen=True)
class Attempt:
    """``since_release``: audits of the purpose since its last release; ``on_same_outcomes``: on these outcomes.

    Both count the audit itself.
    """

    since_release: int
    on_same_outcomes: int

    @property
    def level(self) -> float:
        """The level of the intervals that this many attempts ask for."""
        return level_of(self.on_same_outcomes)


def audit_event(audit: Audit) -> dict[str, Any]:
    """What the log's event of an audit must hold so that attempts can be counted: pass it to ``EventLog.append``."""
    return {"reason": audit.hash, **event_of(audit.purpose, audit.outcome, latest_date(audit))}


def event_of(purpose: str, outcome: str, latest: dt.date | None) -> dict[str, Any]:
    """Purpose, outcome and latest audited caseload as an event of the log holds them."""
    counts = {"latest": latest.toordinal()} if latest else {}
    return {"correlation": f"{purpose}:{outcome}", "counts": counts}


def latest_date(audit: Audit) -> dt.date | None:
    """The latest caseload in an audit, as it says itself; None where it names none."""
    days = [day for day in audit.context.get("dates", "").split(", ") if day]
    return max(dt.date.fromisoformat(day) for day in days) if days else None


def attempt_of(
    rows: Sequence[Mapping[str, str]], purpose: str, outcome: str, latest: dt.date | None, run: str
) -> Attempt:
    """Which attempt an audit is, from the log's rows, oldest first.

    A run made anew under its own id is the same audit. ``latest``: its latest caseload; without one every earlier
    audit of the purpose is taken to have seen the same outcomes. An earlier event that names no date counts too.
    """
    of_purpose = event_of(purpose, outcome, None)["correlation"]
    earlier = list(_earlier(rows, of_purpose, run))
    released = max((at for at, _, event in earlier if event == APPROVED), default=-1)
    audits = [(at, seen) for at, seen, event in earlier if event == AUDITED]
    same = sum(latest is None or seen is None or abs((latest - seen).days) < SAME_OUTCOMES_DAYS for _, seen in audits)
    return Attempt(1 + sum(at > released for at, _ in audits), 1 + same)


def _earlier(rows: Sequence[Mapping[str, str]], of_purpose: str, run: str) -> Iterator[tuple[int, dt.date | None, str]]:
    """Place, latest caseload and kind of the purpose's audits and releases before the run's own first audit.

    An audit is told once a run; what its event says of the purpose settles to which purpose a release belongs.
    """
    seen: set[str] = set()
    for at, row in enumerate(rows):
        name = row["dataset"]
        if row["operation"] == APPROVED and name in seen:
            yield at, None, APPROVED
        if row["operation"] != AUDITED or row["correlation"] not in (of_purpose, ""):
            continue
        if name == run:
            return
        if name not in seen:
            seen.add(name)
            ordinal = json.loads(row["counts"]).get("latest")
            yield at, dt.date.fromordinal(ordinal) if ordinal else None, AUDITED
