"""Whether a run's shadow was finished, and is the one that the log tells of: for the gate and for ``verify``."""

from __future__ import annotations

from collections.abc import Iterator

from desist.fairness.approval.candidate import read_plain
from desist.fairness.approval.gate import NOT_APPROVED, Cause
from desist.fairness.approval.shadow import FILE
from desist.pipelines.session import Session
from desist.records.hashing import hash_bytes


def shadow_faults(session: Session, run: str) -> list[str]:
    """What is wrong with a run's finished shadow, held against the log; empty where there is none, or nothing is."""
    content = read_plain(session.workspace.runs / run / FILE)
    closed = [row for row in session.log.rows() if row["operation"] == "shadow.closed" and row["dataset"] == run]
    if content is None:
        return [f"run {run}: {FILE} is gone, the log tells of a finished shadow"] if closed else []
    if not closed or closed[-1]["reason"] != hash_bytes(content):
        return [f"run {run}: the log knows nothing of {FILE} as it stands"]
    return []


def open_shadow_causes(session: Session, run: str) -> Iterator[Cause]:
    """Where a shadow of a run was begun and not ended; no reason that there is none stands in for its end.

    Whoever could walk away from a shadow could do so when its counts look ill.
    """
    rows = [row for row in session.log.rows() if row["dataset"] == run]
    begun = [row["time"][:10] for row in rows if row["operation"] == "shadow.started"]
    if begun and not any(row["operation"] == "shadow.closed" for row in rows):
        told = f"a shadow of run {run} was begun on {begun[-1]} and has not ended"
        yield Cause(NOT_APPROVED, f"{told}: count its list dates to the end, then `desist shadow close {run}`")
