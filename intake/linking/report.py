"""What linking found, in counts: no name, no birth date, no number of anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from desist.intake.linking.join import Joined
from desist.intake.linking.model import Model
from desist.intake.linking.pseudonyms import Reissued, kept_share
from desist.intake.linking.settings import LinkageSettings


@dataclass(frozen=True)
class LinkReport:
    """What linking found. Counts only; ``unmatched`` and ``queue`` count entries by reason.

    ``returned``: people of the last linking all of whose records are there again; ``kept``: how many of them have the
    id they had. ``reissued``: people whose profiles must be made anew, by pseudonym; never printed.
    ``decisions_waiting``: decisions about a record not sent this time. ``outdated``: decisions that hold no more, and
    ``given_again``: numbers, because they name somebody else now.
    """

    records: int
    people: int
    new_people: int
    merged: int
    split: int
    unconfirmed: int
    unconfirmed_people: int
    by_method: Mapping[str, int]
    by_source: Mapping[str, int]
    unmatched: Mapping[str, int]
    queue: Mapping[str, int]
    decisions: Mapping[str, int]
    returned: int
    kept: int
    thresholds: Mapping[str, float]
    model: Model
    links: str
    reissued: tuple[Reissued, ...] = ()
    decisions_waiting: int = 0
    outdated: int = 0
    given_again: int = 0

    def as_dict(self) -> dict[str, Any]:
        names = ("by_method", "by_source", "unmatched", "queue", "decisions", "thresholds")
        counts = {name: dict(getattr(self, name)) for name in names}
        model = vars(self.model) | {"levels": list(self.model.levels), "blocking": dict(self.model.blocking),
                                    "crowded": {name: list(n) for name, n in self.model.crowded.items()}}  # fmt: skip
        return {**vars(self), **counts, "model": model, "reissued": len(self.reissued)}

    def as_text(self) -> str:
        lines = [
            f"{self.records:,} records of {len(self.by_source)} agencies are {self.people:,} people "
            f"({self.new_people:,} new, {self.merged:,} merged, {self.split:,} split since the last linking).",
            *(f"    {count:,} records linked by {method}" for method, count in self.by_method.items()),
            *(f"    {count:,} in the unmatched queue: {reason}" for reason, count in self.unmatched.items()),
        ]
        if self.unconfirmed:
            lines.append(f"    {self.unconfirmed:,} records unconfirmed: {self.unconfirmed_people:,} people, who get "
                         "no estimate until a data steward has decided")  # fmt: skip
        if self.reissued:
            lines.append(f"    {len(self.reissued):,} people merged or split: their profiles are made anew")
        for rule, (values, records, left) in self.model.crowded.items():
            lines.append(f"    {values:,} values of '{rule}' are shared by {records:,} records, too many to compare "
                         f"each with each: only those whose names agree too; {left:,} not at all")  # fmt: skip
        if self.given_again:
            lines.append(f"    {self.given_again:,} numbers name somebody else than last time: a new person each")
        if self.outdated:
            lines.append(f"    {self.outdated:,} decisions hold no more because a number names somebody else now: "
                         "they wait again")  # fmt: skip
        if self.decisions_waiting:
            lines.append(f"    {self.decisions_waiting:,} decisions are about a record that was not sent this time: "
                         "they hold, and wait for it")  # fmt: skip
        if waiting := sum(self.queue.values()):
            lines.append(f"    {waiting:,} pairs wait for a data steward: see desist link-queue")
        return "\n".join(lines)


def link_report(
    joined: Joined, links: pd.DataFrame, before: pd.DataFrame, changed: tuple[Reissued, ...],
    decisions: pd.DataFrame, settings: LinkageSettings, digest: str, *, given_again: int = 0,
) -> LinkReport:  # fmt: skip
    """The report of one linking."""
    both = before.merge(links, on=["source", "agency_person"], suffixes=("_before", ""))
    pairs = both[["person_id_before", "person_id"]].drop_duplicates()
    entries = zip(joined.unmatched["identifier"], joined.unmatched["reason"], strict=True)
    returned, kept = kept_share(before, links)
    return LinkReport(
        records=len(links),
        people=int(links["person_id"].nunique()),
        new_people=len(set(links["person_id"]) - set(before["person_id"])),
        merged=int((pairs.groupby("person_id").size() > 1).sum()),
        split=int((pairs.groupby("person_id_before").size() > 1).sum()),
        unconfirmed=int((~links["confirmed"]).sum()),
        unconfirmed_people=int(links.loc[~links["confirmed"], "person_id"].nunique()),
        by_method=_counts(links["method"]),
        by_source=_counts(links["source"]),
        unmatched=dict(sorted(Counter(f"{kind}: {reason}" for kind, reason in entries).items())),
        queue=_counts(joined.queue["kind"]),
        decisions=_counts(decisions["decision"]),
        returned=returned,
        kept=kept,
        thresholds=settings.as_json(),
        model=joined.model,
        links=digest,
        reissued=changed,
        decisions_waiting=joined.waiting,
        outdated=joined.outdated,
        given_again=given_again,
    )


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}
