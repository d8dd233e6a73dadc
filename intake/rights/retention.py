"""How long what agencies sent may be kept: a review date for every extract, and the steward's decisions to keep longer.

A record is to be reviewed its agreement's ``retention_days`` after the day its extract was cut: those agreed when it
was taken in, or fewer where the agreement has come to say so, and never more. An extract whose
agreement is no longer in the register is kept to the toolkit's own default, and no day longer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from desist.intake.holding.store import Store, held_names
from desist.intake.rights.register import Kept
from desist.intake.terms.agreements import Agreement
from desist.intake.terms.contracts import CONTRACTS

#: DOMAIN section 10: source extracts 90 days.
DEFAULT_DAYS = 90


@dataclass(frozen=True)
class Review:
    """One extract of one table and the day by which it must be reviewed. ``kept_until``: as a steward decided, or None.

    ``current``: it is the one that estimates are made from; older ones are history.
    """

    source: str
    table: str
    extract_date: dt.date
    agreement: str
    rows: int
    review_by: dt.date
    kept_until: dt.date | None
    current: bool
    held_as: str

    def overdue(self, today: dt.date) -> bool:
        """Whether its day is over and no decision to keep it runs on ``today``."""
        return today > max(self.review_by, self.kept_until or self.review_by)


def reviews(store: Store, register: Mapping[str, Agreement], kept: Sequence[Kept]) -> tuple[Review, ...]:
    """Every extract about people, older ones too, by source, table and date. Aggregates are about nobody."""
    decided = {decision.source: decision.until for decision in kept}
    found = []
    for key, history in sorted(store.manifest()["extracts"].items()):
        source, _, table = key.partition("/")
        if not CONTRACTS[table].of_people:
            continue
        for place, extract in enumerate(history):
            cut = dt.date.fromisoformat(extract["extract_date"])
            agreement = register.get(extract["agreement_id"])
            days = agreement.retention_days if agreement else DEFAULT_DAYS
            days = min(days, extract.get("retention_days", days))
            rows = extract["accepted"] - extract.get("erased", 0)
            found.append(
                Review(source, table, cut, extract["agreement_id"], rows, cut + dt.timedelta(days=days),
                       decided.get(source), place == 0, extract["held_as"])
            )  # fmt: skip
    return tuple(found)


def remove(store: Store, gone: Iterable[Review], *, because: str = "retention") -> list[str]:
    """Take extracts out of the store with their files, in one step; returns under which names vault and equality
    store may keep rows from now on."""
    manifest = store.manifest()
    out = {(review.source, review.table, review.held_as) for review in gone}
    for key in list(manifest["extracts"]):
        source, _, table = key.partition("/")
        left = [one for one in manifest["extracts"][key] if (source, table, one["held_as"]) not in out]
        if not left:
            del manifest["extracts"][key]
        else:
            manifest["extracts"][key] = left
    for source in {source for source, _, _ in out}:
        manifest["deliveries"].pop(source, None)  # what was read before may be read again
    if out:
        store.commit(manifest, because=because)
    return [name for history in manifest["extracts"].values() for extract in history for name in held_names(extract)]
