"""The counts of a shadow as the tables of its go-live paper: nothing is counted here, and nothing is unhidden."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desist.fairness.approval.shadow import (
    ADOPTED,
    BELOW_RULE,
    COUNTED,
    ESTIMATE,
    LISTED,
    MEETS_RULE,
    NOT_ADOPTED,
    NOT_LISTED,
    PANEL,
    RULE,
    SUPPORT,
    Plan,
)
from desist.measures.audience import NOT_AVAILABLE, PARTNERSHIP, percentage, rounding_notes, used_notes
from desist.measures.editions import Edition
from desist.measures.linked import MARK, key_of
from desist.reports.go_live import GoLivePaper, go_live_page
from desist.reports.pages import TextTable
from desist.reports.wording import day

CAPTIONS = {"ethnicity": "By ethnicity", "sex": "By sex", "age_band": "By age", SUPPORT: "By support"}
NO_RULE = "none: the partnership has no rule that can be counted"
By = list[tuple[object, object]]


@dataclass(frozen=True)
class Step:
    """One list date as it may be shown: everybody's counts beside earlier dates', and those by group and support."""

    over_time: Edition
    by_group: Edition

    @property
    def cut_on(self) -> dt.date:
        return self.over_time.cut_on

    def as_json(self) -> dict[str, Any]:
        return {"over_time": json.loads(self.over_time.as_json()), "by_group": json.loads(self.by_group.as_json())}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Step:
        """The step that ``as_json`` told. Raises ValueError where it is not whole."""
        return cls(*(Edition.from_json(json.dumps(told[name])) for name in ("over_time", "by_group")))


def paper_of(partnership: str, plan: Plan, steps: Sequence[Step], *, made_up: bool) -> str:
    """The go-live paper as HTML: every list date for everybody, the last one by characteristic and by support."""
    dates = [(day(one.cut_on), _row(one.over_time, [], plan)) for one in steps]
    over_time = _table("On each list date", "List date", dates, plan)
    latest, tables = steps[-1].by_group, []
    for name, caption in CAPTIONS.items():
        rows = [(group, _row(latest, [(name, group)], plan)) for group in _groups(latest, name)]
        first = caption.removeprefix("By ").capitalize()
        tables.append(_table(f"{caption}, on {day(latest.cut_on)}", first, rows, plan))
    cells = [text for table in (over_time, *tables) for text in table.texts()]
    return go_live_page(
        GoLivePaper(
            partnership=partnership,
            made_up=made_up,
            run=plan.run,
            cut_off=f"{100 * plan.cut_off:g} in 100",
            policy=plan.policy_version,
            rule=plan.rule.words if plan.rule else NO_RULE,
            started_on=plan.started_on,
            ended_on=plan.ends_on,
            dates=len(steps),
            over_time=over_time,
            tables=tuple(tables),
            notes=(*used_notes(cells), *rounding_notes(PARTNERSHIP)),
        )
    )


def _table(caption: str, first: str, rows: Sequence[tuple[str, tuple[str, ...]]], plan: Plan) -> TextTable:
    header = [first, "Caseload", "Estimate would list", "Share", "Panel adopted", "Both", "Estimate only", "Panel only"]
    header += ["Rule would list", "Estimate, not rule", "Rule, not estimate"] if plan.rule else []
    return TextTable(caption, tuple(header), tuple((name, *cells) for name, cells in rows))


def _groups(shown: Edition, name: str) -> list[str]:
    """The groups of a characteristic in a shadow's tables, in order."""
    start = key_of(COUNTED, [(name, "")])
    keys = (key for key in shown.cells if key.startswith(start) and MARK not in key.removeprefix(start))
    return sorted(key.removeprefix(start) for key in keys)


def _row(shown: Edition, by: By, plan: Plan) -> tuple[str, ...]:
    """The shown counts of one group, or of everybody, in the order of the header."""

    def count(*more: tuple[object, object]) -> str:
        return shown.cells.get(key_of(COUNTED, [*by, *more]), NOT_AVAILABLE)

    everybody, listed = count(), count((ESTIMATE, LISTED))
    cells = [
        everybody, listed, percentage(listed, everybody), count((PANEL, ADOPTED)),
        count((ESTIMATE, LISTED), (PANEL, ADOPTED)),
        count((ESTIMATE, LISTED), (PANEL, NOT_ADOPTED)),
        count((ESTIMATE, NOT_LISTED), (PANEL, ADOPTED)),
    ]  # fmt: skip
    if plan.rule:
        cells += [
            count((RULE, MEETS_RULE)),
            count((ESTIMATE, LISTED), (RULE, BELOW_RULE)),
            count((ESTIMATE, NOT_LISTED), (RULE, MEETS_RULE)),
        ]
    return tuple(cells)
