"""Who on a list is one person less surely than others: a weak link holds them together, or a record may be theirs."""

from __future__ import annotations

from collections.abc import Mapping

from desist.intake.holding.vault import Vault

#: The tag of an estimate whose records are less surely one person's.
LINK_LESS_SURE = "link_less_sure"
#: From this doubt on: an identifier agrees, and the birth date slipped in one of the records or is missing.
LEAST_DOUBT = 0.05
#: Pairs that bear on who a person is; initials that fit somebody say too little.
ASKED_ABOUT = ("conflict", "review")


def less_sure(vault: Vault, doubt: Mapping[str, float]) -> frozenset[str]:
    """People with a pair waiting for a data steward, and those whom a weak link holds together (``doubt``)."""
    rows = vault.key_map().itertuples(index=False, name=None)
    person_of = {(source, number): person for source, number, person in rows}
    queue = vault.link_queue()
    waits = queue[queue["kind"].isin(ASKED_ABOUT)]
    ends = {
        person_of[end]
        for side in ("left", "right")
        for end in zip(waits[f"{side}_source"], waits[f"{side}_number"], strict=True)
        if end in person_of
    }
    return frozenset(ends | {person for person, unsure in doubt.items() if unsure >= LEAST_DOUBT - 1e-9})
