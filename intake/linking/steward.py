"""What a data steward decides about two records, checked against what was decided before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from desist.intake.linking.decisions import DIFFERENT, ENDS, SAME
from desist.intake.linking.people import components
from desist.intake.vault import PAIR, Vault
from desist.records.errors import Refused

WITHDRAWN = "withdrawn"
#: Why a steward decided, in codes the log can hold.
REASONS: Mapping[str, str] = {
    "agency_confirmed": "the agency was asked and confirmed it",
    "identifier_checked": "an identifier was looked up",
    "records_compared": "the records themselves leave no doubt",
    "twins_or_relatives": "two people of one family",
    "identifier_mistyped": "an identifier was mistyped in one of the records",
    "decided_in_error": "an earlier decision was wrong",
}

Record = tuple[str, str]


@dataclass(frozen=True)
class Decision:
    """Two records, the smaller first, and what was decided."""

    left: Record
    right: Record
    decision: str

    @property
    def pair(self) -> tuple[str, str, str, str]:
        return (*self.left, *self.right)


def asked_about(vault: Vault, which: str) -> tuple[Record, Record]:
    """The two records of a queue number, or of SOURCE:NUMBER=SOURCE:NUMBER. Raises Refused for any other."""
    if which.isdigit():
        queue = vault.link_queue()
        rows = queue.loc[queue["number"] == int(which), list(PAIR)]
        if rows.empty:
            raise Refused(f"No pair {which} waits in the queue. `desist link-queue` lists those that do.")
        a, m, b, n = map(str, rows.iloc[0])
        return (a, m), (b, n)
    ends = [tuple(end.split(":", 1)) for end in which.split("=")]
    if len(ends) != 2 or any(len(end) != 2 or not all(end) for end in ends) or ends[0] == ends[1]:
        raise Refused("Name a pair by its number in the queue, or as SOURCE:NUMBER=SOURCE:NUMBER.")
    held = vault.linked_identities([(end[0], end[1]) for end in ends])
    if len(held) != 2:
        raise Refused(f"{2 - len(held)} of the two records named is not in the linked extracts. Check both.")
    one, other = sorted((end[0], end[1]) for end in ends)
    return one, other


def decide(vault: Vault, pair: tuple[Record, Record], decision: str, *, by: str, on: dt.date, reason: str) -> Decision:
    """Keep the decision. Raises Refused where it contradicts earlier ones by way of other records."""
    if decision not in (SAME, DIFFERENT, WITHDRAWN):
        raise Refused(f"A decision is {SAME}, {DIFFERENT} or {WITHDRAWN}.")
    if reason not in REASONS:
        listed = "; ".join(f"{code} ({words})" for code, words in REASONS.items())
        raise Refused(f"The reason is one of: {listed}.")
    made = Decision(min(pair), max(pair), decision)
    if decision == WITHDRAWN:
        if not vault.withdraw_decision(made.pair):
            raise Refused("Nobody has decided about these two records, so there is nothing to withdraw.")
        return made
    _refuse_contradiction(vault.link_decisions(), made)
    vault.decide(made.pair, decision=decision, by=by, on=on, reason=reason)
    return made


def check_decision(vault: Vault, pair: tuple[Record, Record], decision: str) -> None:
    """Raise Refused where the decision contradicts earlier ones; nothing is kept."""
    if decision in (SAME, DIFFERENT):
        _refuse_contradiction(vault.link_decisions(), Decision(min(pair), max(pair), decision))


def _refuse_contradiction(earlier: pd.DataFrame, made: Decision) -> None:
    rows = [row for row in earlier[[*ENDS, "decision"]].itertuples(index=False, name=None) if row[:4] != made.pair]
    rows.append((*made.pair, made.decision))
    names = sorted({end for row in rows for end in (row[:2], row[2:4])})
    place = {name: number for number, name in enumerate(names)}
    roots = components(len(names), [(place[row[:2]], place[row[2:4]]) for row in rows if row[4] == SAME])
    if any(roots[place[row[:2]]] == roots[place[row[2:4]]] for row in rows if row[4] == DIFFERENT):
        raise Refused(
            f"That the two are {made.decision} contradicts earlier decisions: by way of other records they were "
            f"decided to be the {'same' if made.decision == DIFFERENT else 'opposite'}. "
            f"Withdraw the wrong one first: desist link-decide SOURCE:NUMBER=SOURCE:NUMBER {WITHDRAWN}."
        )
