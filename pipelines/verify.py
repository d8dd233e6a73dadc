"""``desist verify``: everything that can be checked against a hash, a signature or the log, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desist.fairness.approval.candidate import examine
from desist.fairness.approval.signoff import load_sign_offs
from desist.intake.store import Store
from desist.pipelines.gate import open_release
from desist.pipelines.lists import list_faults
from desist.pipelines.session import Session
from desist.records.errors import Refused, Withheld
from desist.records.keys import KeyRegister

WHAT_THIS_CANNOT_SHOW = (
    "On one laptop somebody who holds all the files can replace files, keys and log together. Compare the log's "
    "head below with the one printed in the board's minutes."
)


@dataclass(frozen=True)
class Verified:
    """What was checked, what is wrong, and why estimates are withheld, if they are."""

    checked: tuple[str, ...]
    wrong: tuple[str, ...]
    gate: tuple[str, ...]
    log_head: str

    def as_json(self) -> dict[str, Any]:
        return {
            "checked": list(self.checked),
            "wrong": list(self.wrong),
            "withheld": list(self.gate),
            "log_head": self.log_head,
        }

    def as_text(self) -> str:
        lines = [f"checked: {name}" for name in self.checked]
        lines += [f"WRONG: {text}" for text in self.wrong] or ["Nothing is wrong."]
        lines += [f"withheld: {cause}" for cause in self.gate] or ["The release in force holds."]
        return "\n".join([*lines, f"log head: {self.log_head}", WHAT_THIS_CANNOT_SHOW])


def verify_workspace(session: Session) -> Verified:
    """Check log, store, lists and the release in force; nothing is written but the gate's own log event."""
    workspace = session.workspace
    wrong = list(session.log.verify())
    checked = [f"event log, {len(session.log.rows()):,} events"]
    store = Store(workspace.store)
    wrong += store.verify()
    checked.append(f"store, {len(store.tables())} tables")
    made = {row["dataset"] for row in session.log.rows() if row["operation"] == "list.made"}
    lists = sorted(made | {path.name for path in workspace.lists.glob("*") if path.is_dir()})
    for list_id in lists:
        wrong += list_faults(session, list_id)
    checked.append(f"lists, {len(lists)}")
    runs = sorted(path.name for path in workspace.runs.glob("*") if path.is_dir() and not path.name.startswith("."))
    for run in runs:
        wrong += _run_faults(session, run)
    checked.append(f"runs, {len(runs)}")
    try:
        gate: tuple[str, ...] = ()
        checked.append(f"release {open_release(session).id}")
    except Withheld as error:
        gate = error.causes
        wrong += [cause for cause in gate if error.state == "altered" and cause not in wrong]
    return Verified(tuple(checked), tuple(wrong), gate, session.log.head())


def _run_faults(session: Session, run: str) -> list[str]:
    """What is wrong with a run's candidate files and seal, or with a decision on it."""
    folder = session.workspace.runs / run
    keys = KeyRegister(session.workspace.keys)
    _, causes = examine(folder, keys, today=session.today, made_up=session.settings.made_up)
    found = [f"run {run}: {cause.text}" for cause in causes]
    try:
        for sign_off in load_sign_offs(folder):
            keys.verify(sign_off.key_id, sign_off.content(), sign_off.signature, on=session.today)
    except Refused as error:
        found.append(f"run {run}: {error.message}")
    return found
