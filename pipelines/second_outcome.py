"""The audited estimates held against an outcome that comes to light by the victim's report, beside the main one.

Offences that patrols find depend on where patrols are; offences that victims report depend on it less. Groups that
differ in the main outcome and not in this one, or the other way round, are a sign of unequal detection, or of
different offending: the comparison asks, it settles nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from desist.fairness.audit import Audit, audit
from desist.fairness.groups import NOT_STATED
from desist.fairness.policy import Policy
from desist.fairness.statistics.group_measures import Measure
from desist.features.outcomes import REPORTED_BY_VICTIMS, label_outcomes
from desist.features.tables import ROW
from desist.measures.disclosure import PARTNERSHIP, protect
from desist.pipelines.audit_run import Judged
from desist.pipelines.ground import Ground
from desist.pipelines.session import Session
from desist.reports.pages import TextTable

#: It awards nothing, so fewer draws will do.
REPLICATES = 200
#: A gap is told in words for a group with so many rows of either outcome.
FEWEST_EVENTS = 20
COLUMNS = ("Reported by a victim", "Proven, of another kind", "No proven reoffence")
NAMES = {"ethnicity": "ethnicity", "sex": "sex", "age_band": "age"}


@dataclass(frozen=True)
class SecondOutcome:
    """The audit of the same scores against the second outcome. ``main``: the run's own audit."""

    main: Audit
    second: Audit

    def as_json(self) -> dict[str, Any]:
        """For scrutiny.json: base rate and false positives of either outcome, as measured."""
        return {
            "outcome": self.second.outcome,
            "definition": self.second.outcome_definition,
            "rows_judged": self.second.counts["rows_judged"],
            "groups": {name: {group: told for group, told in self._groups(name)} for name in self._names()},
            "words": list(self.words()),
        }

    def _names(self) -> list[str]:
        return [name for name in NAMES if name in self.main.tables and name in self.second.tables]

    def _groups(self, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        second = {row.group: row for row in self.second.tables[name]}
        for row in self.main.tables[name]:
            if row.group in second:
                told = {"main": row, "reported_by_victims": second[row.group]}
                yield (
                    row.group,
                    {
                        outcome: {metric: vars(one.measures[metric]) for metric in ("base_rate", "fpr")}
                        for outcome, one in told.items()
                    },
                )

    def words(self) -> tuple[str, ...]:
        """What a board is told of it."""
        return (
            f"The same estimates were held against another outcome: {self.second.outcome_definition}. How often these "
            "come to light depends less on where police look. It is shown, never trained on, and decides nothing. Each "
            "gap has its range; that no difference is shown does not show that there is none.",
            *(line for name in self._names() for line in self._differences(name)),
        )

    def _differences(self, name: str) -> Iterator[str]:
        second = {row.group: row for row in self.second.tables[name]}
        for row in self.main.tables[name]:
            other = second.get(row.group)
            if row.group == NOT_STATED or other is None or min(row.events, other.events) < FEWEST_EVENTS:
                continue
            first, then = row.measures["base_rate"], other.measures["base_rate"]
            if None in (first.gap, first.gap_low, first.gap_high, then.gap, then.gap_low, then.gap_high):
                continue
            yield (
                f"{row.group} ({NAMES[name]}), proven reoffending: {_against_others(first)}; offences reported by a "
                f"victim: {_against_others(then)}"
            )

    def tables(self) -> tuple[TextTable, ...]:
        """Counts by group, protected: a victim's report is part of proven reoffending, so the columns add up."""
        return tuple(self._table(name) for name in self._names())

    def _table(self, name: str) -> TextTable:
        second = {row.group: row for row in self.second.tables[name]}
        rows = [row for row in self.main.tables[name] if row.group in second]
        counts = pd.DataFrame(
            [[second[row.group].events, row.events - second[row.group].events, row.n - row.events] for row in rows],
            index=[row.group for row in rows], columns=list(COLUMNS),
        )  # fmt: skip
        shown = protect(counts, PARTNERSHIP)
        cells = [
            (str(group), *map(str, shown.cells.loc[group]), str(shown.row_totals[group])) for group in shown.cells.index
        ]
        cells.append(("Everybody", *map(str, shown.column_totals), shown.total))
        caption = f"Rows of the audit by outcome, by {NAMES[name]}"
        return TextTable(caption, ("Group", *COLUMNS, "All"), tuple(cells), tuple(shown.notes()))


def _against_others(measure: Measure) -> str:
    """A gap with its range, or that none is shown where the range holds nought."""
    gap, low, high = measure.gap or 0.0, measure.gap_low or 0.0, measure.gap_high or 0.0
    between = f"range {_points(low)} to {_points(high)}"
    if low <= 0 <= high:
        return f"no difference from everybody else's is shown ({between})"
    return f"{_points(gap)} everybody else's ({between})"


def _points(gap: float) -> str:
    whole = int(abs(gap) * 100 + 0.5)
    if whole == 0:
        return "less than 1 point " + ("above" if gap > 0 else "below") if gap else "level with"
    return f"{whole} {'point' if whole == 1 else 'points'} {'above' if gap > 0 else 'below'}"


def second_outcome(
    session: Session, ground: Ground, judged: Judged, policy: Policy, main: Audit, *, known_by: dt.date
) -> SecondOutcome:
    """The second audit, of the rows that the run's audit judges. ``known_by``: as for the main outcome."""
    rows = judged.scores.table[ROW]
    definition = replace(REPORTED_BY_VICTIMS, data_lag_days=session.settings.data_lag_days)
    outcomes = label_outcomes(ground.events, rows, [definition], known_by=known_by)
    second = audit(
        judged.scores, outcomes, definition.name, judged.groups, policy,
        seed=session.settings.seed, replicates=min(session.settings.replicates, REPLICATES), attempt=main.attempt,
    )  # fmt: skip
    return SecondOutcome(main, second)
