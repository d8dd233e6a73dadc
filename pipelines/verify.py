"""``desist verify``: everything that can be checked against a hash, a signature or the log, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desist.fairness.approval.candidate import examine
from desist.fairness.approval.signoff import load_sign_offs
from desist.intake.holding.equality_writer import EqualityWriter
from desist.intake.holding.store import Store
from desist.intake.holding.vault import Vault
from desist.intake.reading.quarantine import quarantine_faults
from desist.pipelines.against_log import decision_causes, key_log_causes
from desist.pipelines.exports import expired_exports, export_faults
from desist.pipelines.gate import open_release
from desist.pipelines.lists import list_faults
from desist.pipelines.rights.receipts import receipt_faults
from desist.pipelines.rights.register import kept_longer, register_faults
from desist.pipelines.run_tables import table_faults
from desist.pipelines.session import Session
from desist.pipelines.shadow_kept import shadow_faults
from desist.records.errors import Refused, Withheld
from desist.records.keys import KeyRegister

#: What nobody can be kept from on one computer; each with what would show it all the same.
WHAT_THIS_CANNOT_SHOW = (
    "Files, keys and log replaced together, or an older copy of the whole workspace put back: compare the log's head "
    "with the one in the board's minutes (desist verify --head HASH).",
    "The toolkit's own code changed, or its parts called from another program so that no gate is asked: install it "
    "from a source you trust, and let somebody else run verify with a copy of theirs.",
    "A clock that stands still, or is set back by less than the last event of the log tells.",
    "Two names that belong to one person, or a password that somebody lent: the administrator who makes keys sees "
    "whom they are for.",
    "A copy of a list that was photographed or typed off: the inventory knows only copies that desist made.",
)
NO_HEAD = "the log does not hold the head {head}: it was cut off, or another log put in its place, since that was noted"


@dataclass(frozen=True)
class Verified:
    """What was checked, what is wrong, why estimates are withheld, if they are, and what somebody must see to."""

    checked: tuple[str, ...]
    wrong: tuple[str, ...]
    gate: tuple[str, ...]
    log_head: str
    overdue: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "checked": list(self.checked),
            "wrong": list(self.wrong),
            "withheld": list(self.gate),
            "overdue": list(self.overdue),
            "kept_longer": list(self.kept),
            "log_head": self.log_head,
            "cannot_show": list(WHAT_THIS_CANNOT_SHOW),
        }

    def as_text(self) -> str:
        lines = [f"checked: {name}" for name in self.checked]
        lines += [f"WRONG: {text}" for text in self.wrong] or ["Nothing is wrong."]
        lines += [f"withheld: {cause}" for cause in self.gate] or ["The release in force holds."]
        lines += [f"overdue: {text}" for text in self.overdue]
        lines += [f"kept longer: {text}" for text in self.kept]
        lines += [f"log head: {self.log_head}", "What no check on one computer can show:"]
        return "\n".join([*lines, *(f"  {text}" for text in WHAT_THIS_CANNOT_SHOW)])


def verify_workspace(session: Session, noted_head: str = "") -> Verified:
    """Check log, store, lists, exports and the release in force; nothing is written but the gate's own log event.

    ``noted_head``: a head of the log noted elsewhere, such as in the board's minutes; it must still be in the chain.
    """
    workspace = session.workspace
    wrong = list(session.log.verify())
    if noted_head and not session.log.holds_head(noted_head):
        wrong.append(NO_HEAD.format(head=noted_head))
    checked = [f"event log, {len(session.log.rows()):,} events"]
    store = Store(workspace.store)
    wrong += store.verify()
    checked.append(f"store, {len(store.tables())} tables")
    wrong += quarantine_faults(store, Vault(workspace.vault), EqualityWriter(workspace.equality))
    checked.append("quarantine: read = accepted + quarantined + replaced")
    made = {row["dataset"] for row in session.log.rows() if row["operation"] == "list.made"}
    lists = sorted(made | {path.name for path in workspace.lists.glob("*") if path.is_dir()})
    for list_id in lists:
        wrong += list_faults(session, list_id)
    checked.append(f"lists, {len(lists)}")
    runs = sorted(path.name for path in workspace.runs.glob("*") if path.is_dir() and not path.name.startswith("."))
    for run in runs:
        wrong += [*_run_faults(session, run), *table_faults(session, run)]
    checked.append(f"runs, {len(runs)}")
    wrong += [cause.text for cause in key_log_causes(session)]
    checked.append("keys")
    wrong += export_faults(session)
    checked.append("exports")
    wrong += receipt_faults(session) + register_faults(session)
    checked.append("receipts and register of rights")
    try:
        gate: tuple[str, ...] = ()
        checked.append(f"release {open_release(session).id}")
    except Withheld as error:
        gate = error.causes
        wrong += [cause for cause in gate if error.state == "altered" and cause not in wrong]
    overdue = tuple(expired_exports(session))
    return Verified(tuple(checked), tuple(wrong), gate, session.log.head(), overdue, kept_longer(session))


def _run_faults(session: Session, run: str) -> list[str]:
    """What is wrong with a run's candidate files and seal, or with a decision on it."""
    folder = session.workspace.runs / run
    keys = KeyRegister(session.workspace.keys)
    _, causes = examine(folder, keys, today=session.today, made_up=session.settings.made_up)
    found = [f"run {run}: {cause.text}" for cause in causes] + shadow_faults(session, run)
    found += [cause.text for cause in decision_causes(session, run)]
    try:
        for sign_off in load_sign_offs(folder):
            keys.verify(sign_off.key_id, sign_off.content(), sign_off.signature, on=session.today)
    except Refused as error:
        found.append(f"run {run}: {error.message}")
    return found
