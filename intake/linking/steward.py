"""What a data steward decides about two records, checked against what was decided before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from desist.intake.holding.vault import PAIR, Vault
from desist.intake.linking.decisions import DIFFERENT, ENDS, SAME
from desist.intake.linking.people import components
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
    """The two records of a queue number, or of SOURCE:NUMBER=SOURCE:NUMBER. Raises Refused for any other.

    A pair decided on is found when its records are no longer sent. An agency's own numbers may hold a "=".
    """
    if which.isascii() and which.isdigit():
        queue = vault.link_queue()
        rows = queue.loc[queue["number"] == int(which), list(PAIR)]
        if rows.empty:
            raise Refused(f"No pair {which} waits in the queue. `desist link-queue` lists those that do.")
        a, m, b, n = map(str, rows.iloc[0])
        return (a, m), (b, n)
    named = list(_pairs_named(which))
    if not named:
        raise Refused("Name a pair by its number in the queue, or as SOURCE:NUMBER=SOURCE:NUMBER.")
    decided = set(vault.link_decisions()[list(PAIR)].itertuples(index=False, name=None))
    found = [len(vault.linked_identities(pair)) for pair in named]
    for (one, other), held in zip(named, found, strict=True):
        if held == 2 or (*one, *other) in decided:
            return one, other
    raise Refused(f"{2 - max(found)} of the two records named is not in the linked extracts. Check both.")


def _pairs_named(which: str) -> Iterator[tuple[Record, Record]]:
    """Each way in which a text names two records, the smaller first."""
    parts = which.split("=")
    for place in range(1, len(parts)):
        ends = [tuple(end.split(":", 1)) for end in ("=".join(parts[:place]), "=".join(parts[place:]))]
        if all(len(end) == 2 and all(end) for end in ends) and ends[0] != ends[1]:
            one, other = sorted((end[0], end[1]) for end in ends)
            yield one, other


def decide(vault: Vault, pair: tuple[Record, Record], decision: str, *, by: str, on: dt.date, reason: str) -> Decision:
    """Keep the decision. Raises Refused where ``check_decision`` does."""
    made = check_decision(vault, pair, decision, reason)
    if decision == WITHDRAWN:
        vault.withdraw_decision(made.pair)
    else:
        vault.decide(made.pair, decision=decision, by=by, on=on, reason=reason)
    return made


def check_decision(vault: Vault, pair: tuple[Record, Record], decision: str, reason: str) -> Decision:
    """The decision as it can be kept; nothing is.

    Raises Refused for another word or reason, where it contradicts earlier ones by way of other records, and where
    there is nothing to withdraw.
    """
    if decision not in (SAME, DIFFERENT, WITHDRAWN):
        raise Refused(f"A decision is {SAME}, {DIFFERENT} or {WITHDRAWN}.")
    if reason not in REASONS:
        listed = "; ".join(f"{code} ({words})" for code, words in REASONS.items())
        raise Refused(f"The reason is one of: {listed}.")
    made, earlier = Decision(min(pair), max(pair), decision), vault.link_decisions()
    if decision != WITHDRAWN:
        _refuse_contradiction(earlier, made)
    elif made.pair not in set(earlier[list(PAIR)].itertuples(index=False, name=None)):
        raise Refused("Nobody has decided about these two records, so there is nothing to withdraw.")
    return made


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
