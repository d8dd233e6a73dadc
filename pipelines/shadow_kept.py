"""Whether the finished shadow beside a run is the one that the log tells of: for the gate and for ``verify``."""

from __future__ import annotations

from desist.fairness.approval.candidate import read_plain
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
