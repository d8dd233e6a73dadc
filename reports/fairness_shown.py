"""What the board's report may show: all its counts protected in one call, and one rule for every rate made of them.

Findings, sentences, annex and figures ask here and nowhere else, so that none of them shows what another hides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from desist.measures.disclosure import HIDDEN, Audience, Protected, may_show_rate
from desist.measures.linked import EVERYBODY, MARK, ProtectedTables, Table, protect_tables
from desist.measures.rates import LIST_RATES, Rate, ShownRates, rates_of_shown_counts, show_rates
from desist.reports.fairness_content import FairnessContent, FindingContent, GroupTable, Value

CELLS = {"tp": "Listed, proven", "fp": "Listed, not proven", "fn": "Not listed, proven", "tn": "Not listed, not proven"}
RATES: Mapping[str, Rate] = {rate.name: rate for rate in LIST_RATES}
#: Numbers from which, with others on the page, a rate could be worked out: shown only where that rate is.
FOLLOWS = {
    "calibration_in_the_large": "base_rate", "mean_estimate": "base_rate", "auc": "base_rate", "cross_auc": "base_rate",
    "brier": "base_rate", "calibration_slope": "base_rate", "calibration_near_cut_off": "base_rate",
    "excess_fpr": "fpr",
}
#: The counts of page one, as a table of the whole page.
PAGE_ONE = "page one"
#: Hidden cells times all cells up to which rates are searched in whole numbers: about three seconds. Beyond it only
#: rates of shown counts are shown, which takes no search.
MOST_SEARCHED = 600

Rows = Mapping[tuple[str, str], object]


@dataclass(frozen=True)
class Disclosed:
    """The protected counts of a report, and the rates that may stand beside them.

    ``rows``: the label of each (characteristic, group) in its table; ``small``: the hidden totals of groups, as counts.
    """

    audience: Audience
    protected: ProtectedTables
    rates: ShownRates
    rows: Rows
    tables: Mapping[str, Table]
    small: frozenset[int]

    @property
    def hides(self) -> bool:
        """Whether any count of the page is hidden."""
        return HIDDEN in self.protected.cells.values()

    def counts_of(self, characteristic: str) -> Protected:
        """The protected counts of a characteristic; its rows are in the order of the content."""
        return self.protected.tables[characteristic]

    def page_one(self) -> tuple[Mapping[str, str], str]:
        """The counts of everybody by cell, and their total."""
        shown = self.protected.tables[PAGE_ONE]
        return {name: str(shown.row_totals[name]) for name in CELLS}, shown.total

    def hidden_cells(self, characteristic: str, group: str | None) -> frozenset[str]:
        """The hidden cells of a group's row; of everybody where no group is named."""
        table = self.tables[characteristic]

        def key(cell: str) -> str:
            return table.column_key(cell) if group is None else table.cell_key(self.rows[characteristic, group], cell)

        return frozenset(cell for cell in CELLS if self.protected.cells[key(cell)] == HIDDEN)

    def is_hidden(self, metric: str, characteristic: str, group: str | None, value: Value) -> bool:
        """Whether a number may not be shown: too few people, or it would tell a hidden count.

        A number that nobody can work out is said to be not available only where its counts are shown.
        """
        of = FOLLOWS.get(metric, metric)
        if characteristic in self.tables and of in RATES:
            row = None if group is None else self.rows.get((characteristic, group), group)
            if self.rates.may_show(characteristic, row, of) and value.people >= self.audience.least_people:
                return False
            is_known = (characteristic, group) in self.rows or group is None
            shown = is_known and not self.hidden_cells(characteristic, group) & set(RATES[of].whole)
            return not (value.value is None and shown)
        if value.value is None:
            return False
        count = value.count
        if count is None and metric not in FOLLOWS:
            count = round(value.value * value.people)
        return not may_show_rate(value.people, count, self.audience)

    def hidden_groups(self, finding: FindingContent) -> frozenset[str]:
        """The groups of a finding whose numbers must be hidden.

        Where a rule of their own hides one group alone, everybody less the others would be that group: so the next
        smallest is hidden too. Of two groups each is "everybody else" to the other: both are hidden or none.
        """
        hidden = {
            part.group for part in finding.parts
            if self.is_hidden(finding.metric, finding.characteristic, part.group, part.value)
        }
        searched = finding.characteristic in self.tables and FOLLOWS.get(finding.metric, finding.metric) in RATES
        if len(hidden) == 1 and (not searched or len(finding.parts) == 2):
            others = [part for part in finding.parts if part.group not in hidden]
            smallest = min(others, key=lambda part: (part.value.people, part.group), default=None)
            hidden |= {smallest.group} if smallest else set()
        return frozenset(hidden)


def disclosed(content: FairnessContent) -> Disclosed:
    """What the report of this content may show. The counts of all its tables and of page one are one page."""
    tables, rows = _tables(content)
    protected = protect_tables(tables, content.audience)
    by_name = {table.name: table for table in tables if table.name != PAGE_ONE}
    small = {
        int(count) for table in by_name.values() for row, count in table.counts.sum(axis=1).items()
        if protected.cells[table.row_key(row)] == HIDDEN
    }
    return Disclosed(content.audience, protected, _rates(content, tables, protected), rows, by_name, frozenset(small))


def protected_counts(content: FairnessContent) -> ProtectedTables:
    """The counts as the report of this content shows them, to be kept as an edition."""
    return protect_tables(_tables(content)[0], content.audience)


def _rates(content: FairnessContent, tables: tuple[Table, ...], protected: ProtectedTables) -> ShownRates:
    """The rates that the page has, those of findings with everybody else's beside them."""
    asked = {FOLLOWS.get(finding.metric, finding.metric) for finding in content.findings}
    named = [metric for table in content.tables for row in table.rows for metric in row.measures]
    used = asked | {FOLLOWS.get(metric, metric) for metric in (*named, *_of_everybody(content))}
    rates = [replace(rate, compared=rate.name in asked) for rate in LIST_RATES if rate.name in used]
    hidden = sum(text == HIDDEN for text in protected.cells.values())
    choose = show_rates if hidden * len(protected.cells) <= MOST_SEARCHED else rates_of_shown_counts
    return choose(tables, protected, rates)


def _of_everybody(content: FairnessContent) -> list[str]:
    return [metric for table in content.tables for metric in table.everybody]


def _tables(content: FairnessContent) -> tuple[tuple[Table, ...], Rows]:
    """Page one and each characteristic as linked tables, with the label of each group's row."""
    given, cells = content.counts, pd.Index(list(CELLS), name="result")
    everybody = (given.listed_proven, given.listed_not_proven, given.missed, given.neither)
    found = [Table(PAGE_ONE, pd.DataFrame({"people": everybody}, index=cells))]
    shown = {table.characteristic: table for table in content.tables if table.rows}
    labels: dict[tuple[str, str], object] = {}
    for name, table in shown.items():
        crossed = _crossed(table, shown)
        plain = pd.Index([_plain(row.group) for row in table.rows], name=_plain(name))
        index = plain if crossed is None else crossed
        counts = pd.DataFrame([[row.tp, row.fp, row.fn, row.tn] for row in table.rows], index=index, columns=cells)
        # A table of other people than page one's is a page of its own: their totals are not one number.
        same = tuple(counts.sum()) == everybody
        found.append(Table(name, counts, people=EVERYBODY if same else f"those by {_plain(name)}"))
        labels |= {(name, row.group): label for row, label in zip(table.rows, index, strict=True)}
    return tuple(found), labels


def _crossed(table: GroupTable, shown: Mapping[str, GroupTable]) -> pd.Index | None:
    """The rows of "sex_x_ethnicity" as sex by ethnicity, where their sums are those of the tables of the two."""
    first, found, second = table.characteristic.partition("_x_")
    names = [next((name for name in shown if name in (part, f"{part}_band")), "") for part in (first, second)]
    pairs = [tuple(row.group.split(", ", 1)) for row in table.rows]
    if not found or not all(names) or any(len(pair) < 2 for pair in pairs):
        return None
    for at, name in enumerate(names):
        sums: dict[str, list[int]] = {}
        for row, pair in zip(table.rows, pairs, strict=True):
            before = sums.get(pair[at], [0, 0, 0, 0])
            sums[pair[at]] = [a + b for a, b in zip(before, (row.tp, row.fp, row.fn, row.tn), strict=True)]
        if sums != {row.group: [row.tp, row.fp, row.fn, row.tn] for row in shown[name].rows}:
            return None
    return pd.MultiIndex.from_tuples([tuple(map(_plain, pair)) for pair in pairs], names=list(map(_plain, names)))


def _plain(name: str) -> str:
    """A name without the sign that keys are put together with."""
    return name.replace(MARK, "/")
